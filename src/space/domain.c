/* SPDX-License-Identifier: Apache-2.0 */
/* space/domain.c - the inline grammar of domains ("log 1e-5..1 default 0.1 if opt == sgd").
 *
 *   domain = [ words ] body { suffix }      words: int float fidelity vector N, linear log revlog logit
 *   body   = bound ".." bound | label { "," label } | "bool" | "const" label | "perm" items | "simplex" items
 *          | "subset" items | fn "(" ... ")" | fn "[" a ":" b "]" | "[" label { "," label } "]"
 *   suffix = "step" s | scale | "default" value | "prior" ... | "weights" list | "size" a ".." b | "if" expr
 *
 * The spellings of Orion (loguniform(1e-5,1)) and Guild (loguniform[1e-5:1]) are read too. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

typedef struct reader {
    const char *at, *all;
    hpo_param *p;
    hpo_error *err;
} reader;

static void skip(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
        r->at++;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_word_char(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static hpo_status fail(reader *r, const char *what)
{
    if (!*r->at) return hpo_fail(r->err, HPO_EINVAL, "%s: '%.200s': %s at the end", r->p->name, r->all, what);
    return hpo_fail(r->err, HPO_EINVAL, "%s: '%.200s': %s near '%.30s'", r->p->name, r->all, what, r->at);
}

/* Takes the word w if it comes next.  A word followed by ',' is a label, one joined to '(' a function. */
static int take_word(reader *r, const char *w)
{
    size_t n = strlen(w);
    skip(r);
    if (strncmp(r->at, w, n) != 0 || is_word_char(r->at[n])) return 0;
    const char *c = r->at + n;
    int blank = *c == ' ' || *c == '\t';
    while (*c == ' ' || *c == '\t')
        c++;
    if (*c == ',' || (!blank && (*c == '(' || *c == '['))) return 0;
    r->at += n;
    skip(r);
    return 1;
}

/* A number that ends where the text, a blank, a sign or ".." stands. */
static hpo_status read_number(reader *r, double *out)
{
    char buf[64];
    size_t n = 0;
    skip(r);
    const char *c = r->at;
    while (*c && n + 1 < sizeof buf && !strchr(" \t\n\r,;:()[]{}'\"", *c) && !(c[0] == '.' && c[1] == '.'))
        buf[n++] = *c++;
    buf[n] = 0;
    if (n == 0 || !hpo_parse_double(buf, out) || isnan(*out)) return fail(r, "expected a number");
    r->at = c;
    return HPO_OK;
}

/* Behind the sign that closes the one at c (quotes respected), or NULL. */
static const char *closing(const char *c)
{
    unsigned depth = 0;
    for (; *c; c++) {
        if (*c == '\'' || *c == '"') {
            char q = *c++;
            while (*c && *c != q)
                c++;
            if (!*c) return NULL;
        } else if (*c == '(' || *c == '[' || *c == '{') {
            depth++;
        } else if (*c == ')' || *c == ']' || *c == '}') {
            if (--depth == 0) return c + 1;
        }
    }
    return NULL;
}

/* A number, a name, or an expression in parentheses. */
static hpo_status read_bound(reader *r, double *value, char **expr)
{
    skip(r);
    const char *start = r->at, *end = NULL;
    if (*start == '(') {
        end = closing(start);
        if (!end) return fail(r, "a parenthesis is not closed");
        r->at = end;
        start++;
        end--;
    } else if (is_letter(*start) && !(strncmp(start, "inf", 3) == 0 && !is_word_char(start[3]))) {
        end = start;
        while (is_word_char(*end) && !(end[0] == '.' && end[1] == '.') && *end != '-')
            end++;
        r->at = end;
    } else {
        return read_number(r, value);
    }
    *value = HPO_UNKNOWN;
    hpo_free(*expr);
    *expr = hpo_strndup(start, (size_t)(end - start));
    if (!*expr) return hpo_fail_memory(r->err);
    hpo_ast tree;
    hpo_status status = hpo_ast_parse(&tree, *expr, r->err);
    if (status != HPO_OK) return hpo_fail_prefix(r->err, status, "%s: bound", r->p->name);
    if (tree.nodes[tree.root].type == HPO_NODE_NUMBER) { /* (3) is just 3 */
        *value = tree.nodes[tree.root].value;
        hpo_free(*expr);
        *expr = NULL;
    }
    hpo_ast_fini(&tree);
    return HPO_OK;
}

static hpo_status read_range(reader *r)
{
    hpo_param *p = r->p;
    HPO_TRY(read_bound(r, &p->low, &p->low_text));
    skip(r);
    if (r->at[0] != '.' || r->at[1] != '.') return fail(r, "expected '..' between the bounds");
    r->at += 2;
    if (*r->at == '.') return fail(r, "expected a number after '..'");
    return read_bound(r, &p->high, &p->high_text);
}

/* One label, quoted or bare, into out (n bytes from *start when bare). */
static hpo_status read_label(reader *r, hpo_str *out, int *quoted)
{
    skip(r);
    hpo_str_clear(out);
    const char *c = r->at;
    *quoted = *c == '\'' || *c == '"';
    if (*quoted) {
        char q = *c++;
        for (; *c && *c != q; c++) {
            if (*c == '\\' && c[1]) c++;
            hpo_str_addc(out, *c);
        }
        if (!*c) return fail(r, "a quote is not closed");
        c++;
    } else {
        while (*c && !strchr(" \t\n\r,;()[]{}'\"", *c))
            hpo_str_addc(out, *c++);
        if (c == r->at) return fail(r, "expected a label");
    }
    if (out->failed) return hpo_fail_memory(r->err);
    r->at = c;
    return HPO_OK;
}

/* Labels separated by commas.  One quoted label makes all of them texts. */
static hpo_status read_labels(reader *r)
{
    hpo_str label = {0};
    hpo_status status = HPO_OK;
    int quoted, any_quoted = 0, more = 1;
    while (more && status == HPO_OK) {
        status = read_label(r, &label, &quoted);
        if (status != HPO_OK) break;
        any_quoted |= quoted;
        status = hpo_param_add_label(r->p, label.text ? label.text : "", label.len, r->err);
        skip(r);
        more = *r->at == ',';
        if (more) r->at++;
    }
    if (any_quoted) r->p->labels_quoted = 1;
    hpo_str_fini(&label);
    return status;
}

/* "5" or "a,b,c". */
static hpo_status read_items(reader *r)
{
    double n;
    const char *start = r->at, *c = start;
    while (*c >= '0' && *c <= '9')
        c++;
    const char *after = c;
    while (*after == ' ' || *after == '\t')
        after++;
    if (c > start && *after != ',' && !is_word_char(*c)) {
        HPO_TRY(read_number(r, &n));
        if (n > HPO_MAX_ITEMS)
            return hpo_fail(r->err, HPO_EINVAL, "%s: at most %d items", r->p->name, HPO_MAX_ITEMS);
        r->p->n_items = (size_t)n;
        return HPO_OK;
    }
    return read_labels(r);
}

/* ---- spellings of other tools ------------------------------------------------------------------------ */

static int take_sign(reader *r, char c)
{
    skip(r);
    if (*r->at != c) return 0;
    r->at++;
    return 1;
}

/* key=value arguments behind the bounds of Orion's functions. */
static hpo_status read_arguments(reader *r, char close)
{
    while (take_sign(r, ',')) {
        hpo_param *p = r->p;
        skip(r);
        if (strncmp(r->at, "discrete=", 9) == 0) {
            r->at += 9;
            if (strncmp(r->at, "True", 4) == 0 || strncmp(r->at, "true", 4) == 0) p->kind = HPO_KIND_INT;
            while (is_letter(*r->at))
                r->at++;
        } else if (strncmp(r->at, "default_value=", 14) == 0) {
            r->at += 14;
            hpo_str label = {0};
            int quoted;
            hpo_status status = read_label(r, &label, &quoted);
            if (status == HPO_OK) {
                hpo_free(p->default_text);
                status = hpo_str_steal(&label, &p->default_text, r->err);
            }
            hpo_str_fini(&label);
            HPO_TRY(status);
        } else if (strncmp(r->at, "precision=", 10) == 0 || strncmp(r->at, "base=", 5) == 0) {
            double ignored; /* digits shown; rung base of Orion's fidelity: settings of other parts here */
            r->at = strchr(r->at, '=') + 1;
            HPO_TRY(read_number(r, &ignored));
        } else {
            return fail(r, "unknown argument");
        }
    }
    return take_sign(r, close) ? HPO_OK : fail(r, "expected a closing parenthesis");
}

/* loguniform(1e-5,1), uniform[0:1], normal(mu,sd), choices([..]), fidelity(1,81). */
static hpo_status read_function(reader *r, int *done)
{
    static const char *const names[] = {"loguniform", "uniform", "normal", "choices",
                                        "fidelity",   "randint", NULL};
    hpo_param *p = r->p;
    size_t k = 0, n = 0;
    skip(r);
    for (; names[k]; k++) {
        n = strlen(names[k]);
        if (strncmp(r->at, names[k], n) == 0 && (r->at[n] == '(' || r->at[n] == '[')) break;
    }
    *done = names[k] != NULL;
    if (!*done) return HPO_OK;
    char close = r->at[n] == '(' ? ')' : ']';
    char between = close == ')' ? ',' : ':';
    r->at += n + 1;
    if (k == 3) {
        char inner = take_sign(r, '[') ? ']' : 0;
        p->kind = HPO_KIND_CATEGORICAL;
        HPO_TRY(read_labels(r));
        if (inner && !take_sign(r, inner)) return fail(r, "expected ']'");
        return read_arguments(r, close);
    }
    double a, b;
    HPO_TRY(read_number(r, &a));
    if (!take_sign(r, between) && !take_sign(r, ',')) return fail(r, "expected a second number");
    HPO_TRY(read_number(r, &b));
    p->kind = k == 5 ? HPO_KIND_INT : HPO_KIND_FLOAT;
    p->low = a;
    p->high = b;
    if (k == 0) p->scale = HPO_SCALE_LOG;
    if (k == 4) p->is_fidelity = 1;
    if (k == 2) { /* unbounded there; four standard deviations hold 99.994% of the mass */
        p->prior = HPO_PRIOR_NORMAL;
        p->prior_a = a;
        p->prior_b = b;
        p->low = a - 4 * b;
        p->high = a + 4 * b;
    }
    HPO_TRY(read_arguments(r, close));
    if (p->kind == HPO_KIND_INT && k == 2) {
        p->low = ceil(p->low);
        p->high = floor(p->high);
    }
    return HPO_OK;
}

/* ---- suffixes ---------------------------------------------------------------------------------------- */

static hpo_status read_prior(reader *r)
{
    hpo_param *p = r->p;
    skip(r);
    int normal = strncmp(r->at, "normal(", 7) == 0, beta = strncmp(r->at, "beta(", 5) == 0;
    if (normal || beta) {
        p->prior = normal ? HPO_PRIOR_NORMAL : HPO_PRIOR_BETA;
        r->at += normal ? 7 : 5;
        HPO_TRY(read_number(r, &p->prior_a));
        if (!take_sign(r, ',')) return fail(r, "expected ','");
        HPO_TRY(read_number(r, &p->prior_b));
        return take_sign(r, ')') ? HPO_OK : fail(r, "expected ')'");
    }
    hpo_str label = {0};
    int quoted;
    hpo_status status = read_label(r, &label, &quoted);
    if (status == HPO_OK) {
        hpo_free(p->prior_text);
        p->prior_text = NULL;
        status = hpo_str_steal(&label, &p->prior_text, r->err);
    }
    hpo_str_fini(&label);
    HPO_TRY(status);
    p->prior = HPO_PRIOR_CENTER;
    p->confidence = HPO_CONFIDENCE_MEDIUM;
    if (take_word(r, "low"))
        p->confidence = HPO_CONFIDENCE_LOW;
    else if (take_word(r, "high"))
        p->confidence = HPO_CONFIDENCE_HIGH;
    else
        (void)take_word(r, "medium");
    return HPO_OK;
}

static hpo_status read_weights(reader *r)
{
    do {
        double w;
        HPO_TRY(read_number(r, &w));
        HPO_TRY(hpo_param_add_weight(r->p, w, r->err));
    } while (take_sign(r, ','));
    return HPO_OK;
}

/* A default: one label, or several joined with commas; kept as text. */
static hpo_status read_default(reader *r)
{
    hpo_param *p = r->p;
    skip(r);
    const char *start = r->at;
    if (*start == '\'' || *start == '"') {
        hpo_str label = {0};
        int quoted;
        hpo_status status = read_label(r, &label, &quoted);
        if (status == HPO_OK) {
            hpo_free(p->default_text);
            p->default_text = NULL;
            status = hpo_str_steal(&label, &p->default_text, r->err);
        }
        hpo_str_fini(&label);
        if (status != HPO_OK || *r->at != ',') return status;
        r->at = start; /* a list of quoted items */
    }
    while (*r->at && !strchr(" \t\n\r;", *r->at)) {
        if (*r->at == '\'' || *r->at == '"') {
            char q = *r->at++;
            while (*r->at && *r->at != q)
                r->at++;
            if (!*r->at) return fail(r, "a quote is not closed");
        }
        r->at++;
    }
    if (r->at == start) return fail(r, "expected a value after 'default'");
    hpo_free(p->default_text);
    p->default_text = hpo_strndup(start, (size_t)(r->at - start));
    return p->default_text ? HPO_OK : hpo_fail_memory(r->err);
}

static hpo_status read_condition(reader *r)
{
    hpo_param *p = r->p;
    hpo_ast tree;
    const char *start = r->at, *end = start;
    hpo_status status = hpo_ast_parse_prefix(&tree, start, &end, r->err);
    if (status != HPO_OK) return hpo_fail_prefix(r->err, status, "%s: condition", p->name);
    hpo_ast_fini(&tree);
    if (p->when) return fail(r, "a second condition; join them with 'and'");
    p->when = hpo_strndup(start, (size_t)(end - start));
    r->at = end;
    return p->when ? HPO_OK : hpo_fail_memory(r->err);
}

static hpo_status read_size(reader *r)
{
    double a, b;
    HPO_TRY(read_number(r, &a));
    b = a;
    if (r->at[0] == '.' && r->at[1] == '.') {
        r->at += 2;
        HPO_TRY(read_number(r, &b));
    }
    if (!(a >= 0 && a <= b && b <= HPO_MAX_ITEMS && b >= 1) || a != floor(a) || b != floor(b))
        return hpo_fail(r->err, HPO_EINVAL, "%s: size must be two whole numbers, e.g. 'size 1..2'",
                        r->p->name);
    r->p->min_size = (size_t)a;
    r->p->max_size = (size_t)b;
    return HPO_OK;
}

static int take_scale(reader *r)
{
    if (take_word(r, "log"))
        r->p->scale = HPO_SCALE_LOG;
    else if (take_word(r, "revlog"))
        r->p->scale = HPO_SCALE_REVLOG;
    else if (take_word(r, "logit"))
        r->p->scale = HPO_SCALE_LOGIT;
    else if (take_word(r, "linear"))
        r->p->scale = HPO_SCALE_LINEAR;
    else
        return 0;
    return 1;
}

static hpo_status read_suffixes(reader *r)
{
    hpo_param *p = r->p;
    int is_number = p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR;
    for (skip(r); *r->at; skip(r)) {
        if (take_word(r, "default"))
            HPO_TRY(read_default(r));
        else if (take_word(r, "if") || take_word(r, "when"))
            HPO_TRY(read_condition(r));
        else if (strncmp(r->at, "if(", 3) == 0) {
            r->at += 2;
            HPO_TRY(read_condition(r));
        } else if (take_word(r, "prior"))
            HPO_TRY(read_prior(r));
        else if (take_word(r, "weights"))
            HPO_TRY(read_weights(r));
        else if (is_number && take_word(r, "step"))
            HPO_TRY(read_number(r, &p->step));
        else if (p->kind == HPO_KIND_SUBSET && take_word(r, "size"))
            HPO_TRY(read_size(r));
        else if (is_number && take_word(r, "int"))
            p->kind = HPO_KIND_INT;
        else if (is_number && take_word(r, "fidelity"))
            p->is_fidelity = 1;
        else if (is_number && take_word(r, "resumable"))
            p->is_resumable = 1;
        else if (is_number && take_scale(r))
            continue;
        else
            return fail(r, "expected default, prior, weights, step, a scale, or if");
    }
    return HPO_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------- */

/* Words before a range.  *range: 1 when one of them asks for a range. */
static hpo_status read_prefixes(reader *r, int *range)
{
    hpo_param *p = r->p;
    *range = 0;
    for (;;) {
        if (take_word(r, "int") || take_word(r, "integer")) {
            p->kind = HPO_KIND_INT;
            p->fidelity_type_given = 1;
        } else if (take_word(r, "float")) {
            p->kind = HPO_KIND_FLOAT;
            p->fidelity_type_given = 1;
        } else if (take_word(r, "fidelity")) {
            p->is_fidelity = 1;
        } else if (p->is_fidelity && take_word(r, "resumable")) {
            p->is_resumable = 1;
        } else if (take_word(r, "vector")) {
            double n;
            HPO_TRY(read_number(r, &n));
            if (!(n >= 1 && n <= HPO_MAX_ITEMS) || n != floor(n))
                return hpo_fail(r->err, HPO_EINVAL, "%s: a vector has 1 to %d entries, e.g. 'vector 3 0..1'",
                                p->name, HPO_MAX_ITEMS);
            p->n_items = (size_t)n;
            p->kind = HPO_KIND_VECTOR;
        } else if (!take_scale(r)) {
            return HPO_OK;
        }
        *range = 1;
    }
}

/* 1 when ".." stands in the first blank-free, quote-free piece (parentheses skipped as a whole). */
static int looks_like_range(const char *c)
{
    while (*c == ' ')
        c++;
    while (*c && !strchr(" \t\n\r,'\"[{", *c)) {
        if (c[0] == '.' && c[1] == '.') return 1;
        if (*c == '(') {
            const char *end = closing(c);
            if (!end) return 1; /* let read_bound say what is wrong */
            c = end;
            while (*c == ' ')
                c++;
            continue;
        }
        c++;
    }
    while (*c == ' ')
        c++;
    return c[0] == '.' && c[1] == '.';
}

static hpo_status read_body(reader *r)
{
    hpo_param *p = r->p;
    int done, range;
    p->kind = HPO_KIND_FLOAT;
    HPO_TRY(read_function(r, &done));
    if (done) return HPO_OK;
    HPO_TRY(read_prefixes(r, &range));
    skip(r);
    if (range || looks_like_range(r->at)) return read_range(r);
    if (take_word(r, "bool"))
        p->kind = HPO_KIND_BOOL;
    else if (take_word(r, "perm") || take_word(r, "permutation"))
        p->kind = HPO_KIND_PERMUTATION;
    else if (take_word(r, "simplex"))
        p->kind = HPO_KIND_SIMPLEX;
    else if (take_word(r, "subset"))
        p->kind = HPO_KIND_SUBSET;
    else if (take_word(r, "const"))
        p->kind = HPO_KIND_CONST;
    else if (take_word(r, "ordinal"))
        p->kind = HPO_KIND_ORDINAL;
    else {
        if (!take_word(r, "cat")) (void)take_word(r, "categorical");
        p->kind = HPO_KIND_CATEGORICAL;
    }
    if (p->kind == HPO_KIND_BOOL) return HPO_OK;
    if (p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET)
        return read_items(r);
    char close = take_sign(r, '[') ? ']' : take_sign(r, '{') ? '}' : 0;
    HPO_TRY(read_labels(r));
    return close && !take_sign(r, close) ? fail(r, "the list is not closed") : HPO_OK;
}

hpo_status hpo_domain_parse(hpo_param *p, const char *text, hpo_error *err)
{
    reader r = {.at = text, .all = text, .p = p, .err = err};
    skip(&r);
    if (!*r.at)
        return hpo_fail(err, HPO_EINVAL,
                        "%s: the domain is empty; write e.g. 0..1, 'log 1e-5..1', 'int 1..8' or 'a,b,c'",
                        p->name);
    HPO_TRY(read_body(&r));
    return read_suffixes(&r);
}
