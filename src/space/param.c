/* SPDX-License-Identifier: Apache-2.0 */
/* space/param.c - one parameter: labels, checks, its text in the inline grammar. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

void hpo_param_init(hpo_param *p)
{
    *p = (hpo_param){.low = HPO_UNKNOWN, .high = HPO_UNKNOWN};
}

void hpo_param_fini(hpo_param *p)
{
    hpo_free(p->name);
    hpo_free(p->low_text);
    hpo_free(p->high_text);
    for (size_t i = 0; i < p->n_labels; i++)
        hpo_free(p->labels[i]);
    hpo_free(p->labels);
    hpo_free(p->numbers);
    hpo_free(p->when);
    hpo_free(p->fallback);
    hpo_free(p->default_text);
    hpo_free(p->prior_text);
    hpo_free(p->weights);
    hpo_free(p->cumulative);
    hpo_expr_free(p->when_expr);
    hpo_expr_free(p->low_expr);
    hpo_expr_free(p->high_expr);
    hpo_param_init(p);
}

/* ---- labels ---------------------------------------------------------------------------------------- */

hpo_status hpo_param_add_label(hpo_param *p, const char *text, size_t n, hpo_error *err)
{
    if (p->n_labels >= HPO_MAX_LABELS)
        return hpo_fail(err, HPO_EINVAL, "%s: more than %d labels; use an int range", p->name,
                        HPO_MAX_LABELS);
    HPO_TRY(hpo_reserve(&p->labels, &p->cap_labels, p->n_labels + 1, sizeof *p->labels, err));
    char *copy = hpo_strndup(text, n);
    if (!copy) return hpo_fail_memory(err);
    p->labels[p->n_labels++] = copy;
    return HPO_OK;
}

hpo_status hpo_param_add_weight(hpo_param *p, double w, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&p->weights, &p->cap_weights, p->n_weights + 1, sizeof *p->weights, err));
    p->weights[p->n_weights++] = w;
    return HPO_OK;
}

int64_t hpo_param_find_label(const hpo_param *p, const char *text, size_t n)
{
    for (size_t i = 0; i < p->n_labels; i++)
        if (strncmp(p->labels[i], text, n) == 0 && p->labels[i][n] == 0) return (int64_t)i;
    return -1;
}

/* A spelling is near when at most a third of it, and no more than 3 letters, would change. */
static unsigned near_limit(const char *text)
{
    size_t n = strlen(text);
    return n < 3 ? 1 : n < 9 ? (unsigned)(n / 3 + 1) : 3;
}

const char *hpo_param_nearest_label(const hpo_param *p, const char *text)
{
    const char *best = NULL;
    unsigned least = near_limit(text) + 1;
    for (size_t i = 0; i < p->n_labels && i < 1000; i++) {
        unsigned d = hpo_edit_distance(text, p->labels[i]);
        if (d < least) {
            least = d;
            best = p->labels[i];
        }
    }
    return best;
}

const char *hpo_space_nearest_name(const hpo_space *s, const char *name)
{
    const char *best = NULL;
    unsigned least = near_limit(name) + 1;
    for (size_t i = 0; i < s->n_params + s->n_derived && i < 1000; i++) {
        const char *other = i < s->n_params ? s->params[i].name : s->derived[i - s->n_params].name;
        unsigned d = hpo_edit_distance(name, other);
        if (d < least) {
            least = d;
            best = other;
        }
    }
    return best;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A text that JSON takes as a number, so that it can be written without quotes and read back the same. */
static int is_json_number(const char *s)
{
    if (*s == '-') s++;
    if (!is_digit(*s)) return 0;
    if (*s == '0')
        s++;
    else
        while (is_digit(*s))
            s++;
    if (*s == '.') {
        if (!is_digit(*++s)) return 0;
        while (is_digit(*s))
            s++;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-') s++;
        if (!is_digit(*s)) return 0;
        while (is_digit(*s))
            s++;
    }
    return *s == 0;
}

/* Labels become numbers when all of them are; whole numbers beyond 2^53 stay texts.  The text of a number is
 * its shortest one, so that every way through JSON and YAML leads to the same label. */
static hpo_status find_numbers(hpo_param *p, hpo_error *err)
{
    if (!p->labels || p->numbers || p->labels_quoted) return HPO_OK;
    double v;
    for (size_t i = 0; i < p->n_labels; i++)
        if (!is_json_number(p->labels[i]) || !hpo_parse_double(p->labels[i], &v) || !(fabs(v) <= HPO_MAX_INT))
            return HPO_OK;
    p->numbers = hpo_alloc_array(p->n_labels, sizeof *p->numbers);
    if (!p->numbers) return hpo_fail_memory(err);
    for (size_t i = 0; i < p->n_labels; i++) {
        char text[32];
        (void)hpo_parse_double(p->labels[i], &p->numbers[i]);
        hpo_double_text(p->numbers[i], text);
        if (strcmp(text, p->labels[i]) == 0) continue;
        char *copy = hpo_strdup(text);
        if (!copy) return hpo_fail_memory(err);
        hpo_free(p->labels[i]);
        p->labels[i] = copy;
    }
    return HPO_OK;
}

/* ---- texts ----------------------------------------------------------------------------------------- */

hpo_status hpo_check_utf8(const char *what, const char *text, hpo_error *err)
{
    for (size_t left = text ? strlen(text) : 0, n; left > 0; left -= n, text += n) {
        n = hpo_utf8_length(text, left);
        if (n == 0)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: a text is not valid UTF-8; spaces are kept as JSON, convert it", what);
    }
    return HPO_OK;
}

static hpo_status check_texts(const hpo_param *p, hpo_error *err)
{
    HPO_TRY(hpo_check_utf8("name of a parameter", p->name, err));
    HPO_TRY(hpo_check_utf8(p->name, p->when, err));
    HPO_TRY(hpo_check_utf8(p->name, p->low_text, err));
    HPO_TRY(hpo_check_utf8(p->name, p->high_text, err));
    for (size_t i = 0; i < p->n_labels; i++)
        HPO_TRY(hpo_check_utf8(p->name, p->labels[i], err));
    return HPO_OK;
}

/* ---- checks ---------------------------------------------------------------------------------------- */

/* a..b with the scale in front, for messages. */
static const char *range_text(const hpo_param *p, char buf[80])
{
    char a[32], b[32];
    hpo_double_text(p->low, a);
    hpo_double_text(p->high, b);
    size_t n = strlen(a), m = strlen(b);
    memcpy(buf, a, n);
    memcpy(buf + n, "..", 2);
    memcpy(buf + n + 2, b, m + 1);
    return buf;
}

static hpo_status check_name(const hpo_param *p, hpo_error *err)
{
    static const char *const reserved[] = {"and", "or", "not", "in", "if", "else", "true", "false", NULL};
    const char *c = p->name;
    if (!*c || strlen(c) > 255) return hpo_fail(err, HPO_EINVAL, "'%.60s': a name has 1 to 255 bytes", c);
    for (size_t i = 0; reserved[i]; i++)
        if (strcmp(c, reserved[i]) == 0)
            return hpo_fail(err, HPO_EINVAL, "'%s' is a word of the expression language; choose another name",
                            c);
    for (; *c; c++) {
        int letter =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' || (unsigned char)*c >= 0x80;
        int later = is_digit(*c) || *c == '.' || *c == '-' || *c == '/';
        if (!letter && !(later && c > p->name))
            return hpo_fail(
                err, HPO_EINVAL,
                "'%.60s': a name begins with a letter and goes on with letters, digits, '_', '.', '-', '/'",
                p->name);
    }
    return HPO_OK;
}

static hpo_status check_number_range(hpo_param *p, hpo_error *err)
{
    char range[80], a[32], b[32];
    int is_int = p->kind == HPO_KIND_INT;
    if ((isinf(p->low) || isinf(p->high)) || (isnan(p->low) && !p->low_text) ||
        (isnan(p->high) && !p->high_text))
        return hpo_fail(err, HPO_EINVAL, "%s: bounds must be finite numbers or expressions", p->name);
    if (isnan(p->step) || p->step < 0 || isinf(p->step))
        return hpo_fail(err, HPO_EINVAL, "%s: step must be a positive number", p->name);
    if (is_int) {
        if (p->step == 0) p->step = 1;
        if (fabs(p->low) > HPO_MAX_INT || fabs(p->high) > HPO_MAX_INT || p->step > HPO_MAX_INT)
            return hpo_fail(err, HPO_EINVAL, "%s: integers are limited to +-2^53 (9007199254740992)",
                            p->name);
        if (p->low != floor(p->low) && !isnan(p->low))
            return hpo_fail(err, HPO_EINVAL, "%s: low bound %s of an int is not whole; write %s", p->name,
                            (hpo_double_text(p->low, a), a), (hpo_double_text(ceil(p->low), b), b));
        if (p->high != floor(p->high) && !isnan(p->high))
            return hpo_fail(err, HPO_EINVAL, "%s: high bound %s of an int is not whole; write %s", p->name,
                            (hpo_double_text(p->high, a), a), (hpo_double_text(floor(p->high), b), b));
        if (p->step != floor(p->step))
            return hpo_fail(err, HPO_EINVAL, "%s: the step of an int must be whole", p->name);
    }
    if (p->low_text || p->high_text) {
        if (p->prior == HPO_PRIOR_CENTER || p->prior == HPO_PRIOR_NORMAL)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: a prior around a value needs constant bounds; use 'prior beta(a,b)'",
                            p->name);
        return HPO_OK;
    }
    if (p->low > p->high)
        return hpo_fail(err, HPO_EINVAL, "%s: range %s is empty: low must be below high; write %s..%s",
                        p->name, range_text(p, range), (hpo_double_text(p->high, a), a),
                        (hpo_double_text(p->low, b), b));
    if (p->low == p->high)
        return hpo_fail(err, HPO_EINVAL, "%s: range %s holds one value; write 'const %s'", p->name,
                        range_text(p, range), (hpo_double_text(p->low, a), a));
    if (isinf(p->high - p->low))
        return hpo_fail(err, HPO_EINVAL, "%s: range %s is too wide", p->name, range_text(p, range));
    if (p->step > p->high - p->low)
        return hpo_fail(err, HPO_EINVAL, "%s: step %s is larger than the range %s; use a smaller step",
                        p->name, (hpo_double_text(p->step, a), a), range_text(p, range));
    if (p->step > 0 && (p->high - p->low) / p->step > 2 * HPO_MAX_INT)
        return hpo_fail(err, HPO_EINVAL, "%s: step %s gives more than 2^54 values; use a larger step",
                        p->name, (hpo_double_text(p->step, a), a));
    hpo_scalar k;
    if (hpo_scalar_init(&k, p->low, p->high, p->step, p->scale, is_int)) return HPO_OK;
    if (p->scale == HPO_SCALE_LOG)
        return hpo_fail(
            err, HPO_EINVAL, "%s: low bound %s on a log scale: it must be above 0; raise it, e.g. to %s",
            p->name, (hpo_double_text(p->low, a), a), (hpo_double_text(is_int ? 1 : p->high * 1e-5, b), b));
    if (p->scale == HPO_SCALE_LOGIT)
        return hpo_fail(err, HPO_EINVAL,
                        "%s: range %s on a logit scale must lie inside 0..1, e.g. 0.01..0.99", p->name,
                        range_text(p, range));
    return hpo_fail(
        err, HPO_EINVAL,
        "%s: range %s on a revlog scale must lie in 0..1 with high below 1 (0..0.999), or be above 0",
        p->name, range_text(p, range));
}

static hpo_status check_labels(const hpo_param *p, hpo_error *err)
{
    if (p->n_labels < 2) return HPO_OK;
    const char **sorted = hpo_alloc_array(p->n_labels, sizeof *sorted);
    hpo_status status = HPO_OK;
    if (!sorted) return hpo_fail_memory(err);
    for (size_t i = 0; i < p->n_labels; i++)
        sorted[i] = p->labels[i];
    for (size_t gap = p->n_labels / 2; gap > 0; gap /= 2) /* Shell's sort, then equal texts are neighbours */
        for (size_t i = gap; i < p->n_labels; i++) {
            const char *v = sorted[i];
            size_t j = i;
            for (; j >= gap && strcmp(sorted[j - gap], v) > 0; j -= gap)
                sorted[j] = sorted[j - gap];
            sorted[j] = v;
        }
    for (size_t i = 1; i < p->n_labels && status == HPO_OK; i++)
        if (strcmp(sorted[i], sorted[i - 1]) == 0)
            status = hpo_fail(err, HPO_EINVAL, "%s: label '%.60s' appears twice; leave one out", p->name,
                              sorted[i]);
    hpo_free(sorted);
    return status;
}

static hpo_status check_items(hpo_param *p, hpo_error *err)
{
    const char *kind = hpo_kind_name(p->kind);
    if (p->n_labels) p->n_items = p->n_labels;
    if (p->n_items > HPO_MAX_ITEMS)
        return hpo_fail(err, HPO_EINVAL, "%s: a %s has at most %d items", p->name, kind, HPO_MAX_ITEMS);
    size_t least = p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX ? 2 : 1;
    if (p->n_items < least)
        return hpo_fail(err, HPO_EINVAL, "%s: a %s needs at least %d items, e.g. '%s %s'", p->name, kind,
                        (int)least, kind,
                        p->kind == HPO_KIND_SUBSET   ? "a,b,c"
                        : p->kind == HPO_KIND_VECTOR ? "3 0..1"
                                                     : "5");
    if (p->kind != HPO_KIND_SUBSET) return HPO_OK;
    if (p->max_size == 0) p->max_size = p->n_items;
    if (p->min_size > p->max_size || p->max_size > p->n_items)
        return hpo_fail(err, HPO_EINVAL, "%s: size %d..%d of a subset of %d items is not possible", p->name,
                        (int)p->min_size, (int)p->max_size, (int)p->n_items);
    if (p->n_labels) return HPO_OK;
    for (size_t i = 0; i < p->n_items; i++) { /* subset 5: the items are 0..4 */
        char text[32];
        size_t n = hpo_double_text((double)i, text);
        HPO_TRY(hpo_param_add_label(p, text, n, err));
    }
    return HPO_OK;
}

static hpo_status cumulate(hpo_param *p, hpo_error *err)
{
    double sum = 0, at = 0;
    for (size_t i = 0; i < p->n_weights; i++) {
        if (!(p->weights[i] >= 0) || isinf(p->weights[i]))
            return hpo_fail(err, HPO_EINVAL, "%s: weights must be numbers that are not negative", p->name);
        sum += p->weights[i];
    }
    if (!(sum > 0)) return hpo_fail(err, HPO_EINVAL, "%s: at least one weight must be positive", p->name);
    hpo_free(p->cumulative);
    p->cumulative = hpo_alloc_array(p->n_weights + 1, sizeof *p->cumulative);
    if (!p->cumulative) return hpo_fail_memory(err);
    for (size_t i = 0; i < p->n_weights; i++) {
        p->cumulative[i] = at / sum;
        at += p->weights[i];
    }
    p->cumulative[p->n_weights] = 1;
    return HPO_OK;
}

static hpo_status check_prior(hpo_param *p, hpo_error *err)
{
    /* How much more likely the favoured label is than any other. */
    static const double favour[] = {2, 4, 8};
    size_t n = p->kind == HPO_KIND_BOOL ? 2 : p->n_labels;
    int has_labels =
        p->kind == HPO_KIND_CATEGORICAL || p->kind == HPO_KIND_ORDINAL || p->kind == HPO_KIND_BOOL;
    int is_number = p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR;
    if (p->n_weights) p->prior = HPO_PRIOR_WEIGHTS;
    if (p->prior == HPO_PRIOR_NONE) return HPO_OK;
    if (p->is_fidelity || (!has_labels && !is_number))
        return hpo_fail(err, HPO_EINVAL, "%s: a %s takes no prior", p->name,
                        p->is_fidelity ? "fidelity" : hpo_kind_name(p->kind));
    if (p->prior == HPO_PRIOR_WEIGHTS) {
        if (!has_labels)
            return hpo_fail(err, HPO_EINVAL, "%s: weights need labels; use 'prior normal(mu,sd)'", p->name);
        if (p->n_weights != n)
            return hpo_fail(err, HPO_EINVAL, "%s: %d weights for %d labels; give one each", p->name,
                            (int)p->n_weights, (int)n);
        return cumulate(p, err);
    }
    if (p->prior == HPO_PRIOR_CENTER) {
        double centre[1] = {HPO_UNKNOWN};
        if (p->kind == HPO_KIND_VECTOR) {
            if (!hpo_parse_double(p->prior_text, &centre[0]) ||
                !(centre[0] >= p->low && centre[0] <= p->high))
                return hpo_fail(err, HPO_EINVAL, "%s: prior '%.60s' is not a number in the range", p->name,
                                p->prior_text);
        } else if (hpo_param_value_parse(p, p->prior_text, centre, err) != HPO_OK) {
            return hpo_fail_prefix(err, HPO_EINVAL, "prior");
        }
        p->prior_a = centre[0];
        if (p->kind != HPO_KIND_CATEGORICAL && p->kind != HPO_KIND_BOOL) return HPO_OK;
        p->n_weights = 0;
        for (size_t i = 0; i < n; i++)
            HPO_TRY(hpo_param_add_weight(p, (double)i == centre[0] ? favour[p->confidence] : 1, err));
        hpo_status status = cumulate(p, err);
        p->n_weights = 0; /* they follow from the centre: not part of the definition */
        return status;
    }
    if (p->kind == HPO_KIND_CATEGORICAL || p->kind == HPO_KIND_BOOL)
        return hpo_fail(err, HPO_EINVAL,
                        "%s: a prior on labels without order is 'weights 1,2,...' or 'prior LABEL medium'",
                        p->name);
    if (!isfinite(p->prior_a) || !isfinite(p->prior_b) || !(p->prior_b > 0) ||
        (p->prior == HPO_PRIOR_BETA && !(p->prior_a > 0)))
        return hpo_fail(err, HPO_EINVAL, "%s: prior %s needs positive parameters", p->name,
                        p->prior == HPO_PRIOR_BETA ? "beta(a,b)" : "normal(mu,sd)");
    if (p->prior == HPO_PRIOR_NORMAL && p->kind == HPO_KIND_ORDINAL)
        return hpo_fail(err, HPO_EINVAL, "%s: normal() needs a numeric range; use 'prior LABEL medium'",
                        p->name);
    return HPO_OK;
}

static void count_columns(hpo_param *p)
{
    p->n_columns = p->n_dims = 1;
    if (p->kind == HPO_KIND_CONST || p->is_fidelity) p->n_dims = 0;
    if (p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET ||
        p->kind == HPO_KIND_VECTOR) {
        p->n_columns = p->n_dims = p->n_items;
        if (p->kind == HPO_KIND_SIMPLEX) p->n_dims--;
    }
}

static hpo_status check_kind(hpo_param *p, hpo_error *err)
{
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        return check_number_range(p, err);
    case HPO_KIND_VECTOR:
        if (p->low_text || p->high_text)
            return hpo_fail(err, HPO_EINVAL, "%s: the bounds of a vector must be numbers", p->name);
        HPO_TRY(check_items(p, err));
        return check_number_range(p, err);
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
        if (p->n_labels == 0) return hpo_fail(err, HPO_EINVAL, "%s: needs labels, e.g. 'a,b,c'", p->name);
        if (p->n_labels == 1)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: '%.60s' alone is no choice; write 'const %.60s', or a list 'a,b'", p->name,
                            p->labels[0], p->labels[0]);
        break;
    case HPO_KIND_CONST:
        if (p->n_labels != 1)
            return hpo_fail(err, HPO_EINVAL, "%s: a const has one value, e.g. 'const 3'", p->name);
        break;
    case HPO_KIND_PERMUTATION:
    case HPO_KIND_SIMPLEX:
    case HPO_KIND_SUBSET:
        HPO_TRY(check_items(p, err));
        break;
    default:
        break;
    }
    HPO_TRY(find_numbers(p, err));
    return check_labels(p, err);
}

hpo_status hpo_param_finish(hpo_param *p, hpo_error *err)
{
    HPO_TRY(check_texts(p, err));
    HPO_TRY(check_name(p, err));
    if (p->fidelity_type_given == 0 && p->is_fidelity)
        p->kind = p->low == floor(p->low) && p->high == floor(p->high) && p->step == floor(p->step)
                      ? HPO_KIND_INT
                      : HPO_KIND_FLOAT;
    if (p->is_resumable && !p->is_fidelity)
        return hpo_fail(err, HPO_EINVAL, "%s: only a fidelity is resumable", p->name);
    if (p->is_fidelity) {
        if (p->kind != HPO_KIND_INT && p->kind != HPO_KIND_FLOAT)
            return hpo_fail(err, HPO_EINVAL, "%s: a fidelity is an int or a float", p->name);
        if (p->when || p->low_text || p->high_text)
            return hpo_fail(err, HPO_EINVAL, "%s: a fidelity has constant bounds and no condition", p->name);
        if (!(p->low > 0) && p->scale == HPO_SCALE_LINEAR && !(p->low >= 0))
            return hpo_fail(err, HPO_EINVAL, "%s: a fidelity cannot be negative", p->name);
    }
    HPO_TRY(check_kind(p, err));
    count_columns(p);
    HPO_TRY(check_prior(p, err));
    if (!p->default_text) return HPO_OK;
    if (!p->fallback) p->fallback = hpo_alloc_array(p->n_columns, sizeof *p->fallback);
    if (!p->fallback) return hpo_fail_memory(err);
    hpo_status status = hpo_param_value_parse(p, p->default_text, p->fallback, err);
    return status == HPO_OK ? HPO_OK : hpo_fail_prefix(err, status, "default");
}

/* ---- as text --------------------------------------------------------------------------------------- */

/* A label as the inline grammar reads it: quoted where it would end early or be taken for a number. */
static void add_label(const hpo_param *p, size_t i, hpo_str *out)
{
    const char *t = p->labels[i];
    int quote = !*t || (!p->numbers && is_json_number(t));
    for (const char *c = t; *c; c++)
        if (strchr(" \t\n,;'\"#()[]{}\\", *c)) quote = 1;
    if (strstr(t, "..")) quote = 1;
    if (!quote) {
        hpo_str_add(out, t);
        return;
    }
    hpo_str_addc(out, '\'');
    for (const char *c = t; *c; c++) {
        if (*c == '\'' || *c == '\\') hpo_str_addc(out, '\\');
        hpo_str_addc(out, *c);
    }
    hpo_str_addc(out, '\'');
}

static void add_labels(const hpo_param *p, hpo_str *out)
{
    for (size_t i = 0; i < p->n_labels; i++) {
        if (i) hpo_str_addc(out, ',');
        add_label(p, i, out);
    }
}

static void add_bound(const char *expr, double v, hpo_str *out)
{
    if (expr)
        hpo_str_addf(out, "(%s)", expr);
    else
        hpo_str_double(out, v);
}

static void add_range(const hpo_param *p, hpo_str *out)
{
    if (p->scale != HPO_SCALE_LINEAR) hpo_str_addf(out, "%s ", hpo_scale_name(p->scale));
    add_bound(p->low_text, p->low, out);
    hpo_str_add(out, "..");
    add_bound(p->high_text, p->high, out);
    if (p->step != 0 && !(p->kind == HPO_KIND_INT && p->step == 1)) {
        hpo_str_add(out, " step ");
        hpo_str_double(out, p->step);
    }
}

static void add_items(const hpo_param *p, hpo_str *out)
{
    if (p->n_labels)
        add_labels(p, out);
    else
        hpo_str_int(out, (int64_t)p->n_items);
}

static void add_prior(const hpo_param *p, hpo_str *out)
{
    static const char *const words[] = {"low", "medium", "high"};
    switch (p->prior) {
    case HPO_PRIOR_NONE:
        return;
    case HPO_PRIOR_CENTER:
        hpo_str_addf(out, " prior %s %s", p->prior_text, words[p->confidence]);
        return;
    case HPO_PRIOR_NORMAL:
    case HPO_PRIOR_BETA:
        hpo_str_add(out, p->prior == HPO_PRIOR_NORMAL ? " prior normal(" : " prior beta(");
        hpo_str_double(out, p->prior_a);
        hpo_str_addc(out, ',');
        hpo_str_double(out, p->prior_b);
        hpo_str_addc(out, ')');
        return;
    case HPO_PRIOR_WEIGHTS:
        hpo_str_add(out, " weights ");
        for (size_t i = 0; i < p->n_weights; i++) {
            if (i) hpo_str_addc(out, ',');
            hpo_str_double(out, p->weights[i]);
        }
        return;
    }
}

void hpo_param_describe(const hpo_param *p, hpo_str *out)
{
    if (p->is_fidelity) hpo_str_add(out, p->is_resumable ? "fidelity resumable " : "fidelity ");
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        if (p->kind == HPO_KIND_INT) hpo_str_add(out, "int ");
        add_range(p, out);
        break;
    case HPO_KIND_ORDINAL:
        hpo_str_add(out, "ordinal ");
        add_labels(p, out);
        break;
    case HPO_KIND_CATEGORICAL:
        add_labels(p, out);
        break;
    case HPO_KIND_BOOL:
        hpo_str_add(out, "bool");
        break;
    case HPO_KIND_CONST:
        hpo_str_add(out, "const ");
        add_labels(p, out);
        break;
    case HPO_KIND_PERMUTATION:
        hpo_str_add(out, "perm ");
        add_items(p, out);
        break;
    case HPO_KIND_SIMPLEX:
        hpo_str_add(out, "simplex ");
        add_items(p, out);
        break;
    case HPO_KIND_SUBSET:
        hpo_str_add(out, "subset ");
        add_items(p, out);
        if (p->min_size != 0 || p->max_size != p->n_items)
            hpo_str_addf(out, " size %d..%d", (int)p->min_size, (int)p->max_size);
        break;
    case HPO_KIND_VECTOR:
        hpo_str_addf(out, "vector %d ", (int)p->n_items);
        add_range(p, out);
        break;
    case HPO_N_KINDS:
        break;
    }
    if (p->fallback) {
        hpo_str_add(out, " default ");
        hpo_param_value_text(p, p->fallback, out);
    }
    add_prior(p, out);
    if (p->when) hpo_str_addf(out, " if %s", p->when);
}
