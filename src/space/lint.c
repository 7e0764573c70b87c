/* SPDX-License-Identifier: Apache-2.0 */
/* space/lint.c - advice on a space.  The rules, their thresholds and reasons: docs/space.md, "lint".
 *
 * Each rule looks at one parameter, or at draws from the whole space, and adds lines "name: finding". */
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "space/region.h"
#include <math.h>
#include <string.h>

enum { DRAWS = 10000, MANY_LABELS = 50 };

static int is_number(const hpo_param *p)
{
    return p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR;
}

static void add_range(const hpo_param *p, double low, hpo_str *out)
{
    hpo_str_double(out, low);
    hpo_str_add(out, "..");
    hpo_str_double(out, p->high);
}

/* ---- ranges ----------------------------------------------------------------------------------------- */

static void lint_scale(const hpo_param *p, hpo_str *out)
{
    const char *kind = p->kind == HPO_KIND_INT ? "int " : "";
    if (p->scale != HPO_SCALE_LINEAR || p->is_fidelity) return;
    if (p->low > 0 && p->high / p->low >= 100) {
        hpo_str_addf(out, "%s: ", p->name);
        add_range(p, p->low, out);
        hpo_str_addf(out, " spans %d decades: use '%slog ", (int)floor(hpo_log10(p->high / p->low) + 1e-9),
                     kind);
        add_range(p, p->low, out);
        hpo_str_add(out, "'\n");
    } else if (p->low == 0 && p->high >= (p->kind == HPO_KIND_INT ? 1000 : 100) && p->step <= 1) {
        double from = p->kind == HPO_KIND_INT ? 1 : p->high * 1e-5;
        hpo_str_addf(out, "%s: ", p->name);
        add_range(p, 0, out);
        hpo_str_addf(
            out, " is wide and starts at 0: if its size matters more than its difference, use '%slog ", kind);
        add_range(p, from, out);
        hpo_str_add(out, "'\n");
    }
}

static void lint_width(const hpo_param *p, hpo_str *out)
{
    double size = fmax(fabs(p->low), fabs(p->high)), width = p->high - p->low;
    if (p->kind != HPO_KIND_INT && width < 1e-3 * size && p->scale == HPO_SCALE_LINEAR) {
        hpo_str_addf(out, "%s: ", p->name);
        add_range(p, p->low, out);
        hpo_str_add(out, " varies by less than 0.1%: is it worth searching?\n");
    }
    if (p->scale == HPO_SCALE_LOG && p->high / p->low >= 1e12)
        hpo_str_addf(out, "%s: spans %d decades; most of them will be useless, choose a narrower range\n",
                     p->name, (int)floor(hpo_log10(p->high) - hpo_log10(p->low) + 1e-9));
    if (p->kind == HPO_KIND_FLOAT && p->step == 0 && p->scale == HPO_SCALE_LINEAR && !p->is_fidelity &&
        p->low == floor(p->low) && p->high == floor(p->high) && width >= 2 && width < 1e6 && p->low >= 0) {
        hpo_str_addf(out, "%s: ", p->name);
        add_range(p, p->low, out);
        hpo_str_add(out, " is a range of floats: write 'int ");
        add_range(p, p->low, out);
        hpo_str_add(out, "' if whole numbers are meant\n");
    }
    hpo_scalar k;
    if (p->step > 0 &&
        hpo_scalar_init(&k, p->low, p->high, p->step, HPO_SCALE_LINEAR, p->kind == HPO_KIND_INT) &&
        k.high != p->high) {
        hpo_str_addf(out, "%s: the step ", p->name);
        hpo_str_double(out, p->step);
        hpo_str_add(out, " does not reach the high bound: the last value is ");
        hpo_str_double(out, k.high);
        hpo_str_addc(out, '\n');
    }
}

/* ---- names ------------------------------------------------------------------------------------------ */

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Does the name contain the word, whatever the case? */
static int has_word(const char *name, const char *word)
{
    size_t n = strlen(word);
    for (; *name; name++) {
        size_t i = 0;
        while (i < n && name[i] && lower(name[i]) == word[i])
            i++;
        if (i == n) return 1;
    }
    return 0;
}

static int has_any(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (has_word(name, *words)) return 1;
    return 0;
}

static void lint_name(const hpo_param *p, hpo_str *out)
{
    static const char *const shares[] = {"dropout", "momentum", "beta1",           "beta2",
                                         "betas",   "prob",     "label_smoothing", NULL};
    static const char *const near_one[] = {"momentum", "beta1", "beta2", "betas", "gamma", "ema", NULL};
    static const char *const budgets[] = {"epochs", "n_steps", "max_steps", "iterations", "max_iter", NULL};
    if (p->kind == HPO_KIND_INT) {
        if (!p->is_fidelity && has_any(p->name, budgets)) {
            hpo_str_addf(out, "%s: looks like the length of a run: write 'fidelity ", p->name);
            add_range(p, p->low > 0 ? p->low : 1, out);
            hpo_str_add(out, "' and schedulers can stop bad trials early\n");
        }
        return;
    }
    if (has_any(p->name, shares) &&
        (p->low < 0 || p->high > 1 || (p->high == 1 && !has_word(p->name, "prob")))) {
        hpo_str_addf(out, "%s: sounds like a value of [0, 1), but its range is ", p->name);
        add_range(p, p->low, out);
        hpo_str_addc(out, '\n');
    }
    if (has_any(p->name, near_one) && p->scale == HPO_SCALE_LINEAR && p->high >= 0.95 && p->high < 1 &&
        p->low >= 0) {
        hpo_str_addf(out, "%s: what matters is the distance to 1: use 'revlog ", p->name);
        add_range(p, p->low, out);
        hpo_str_add(out, "'\n");
    }
}

/* ---- labels ----------------------------------------------------------------------------------------- */

/* Coefficient of determination of a straight line through (i, f(v_i)), v ascending. */
static double straightness(const double *v, size_t n, int use_log)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, m = (double)n;
    for (size_t i = 0; i < n; i++) {
        double x = (double)i, y = use_log ? hpo_log(v[i]) : v[i];
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    double c = sxy - sx * sy / m, a = sxx - sx * sx / m, b = syy - sy * sy / m;
    return a > 0 && b > 0 ? c * c / (a * b) : 0;
}

static hpo_status lint_numbers(const hpo_param *p, hpo_str *out, hpo_error *err)
{
    if (p->kind != HPO_KIND_CATEGORICAL || !p->numbers || p->n_labels < 3 || p->n_labels > 10000)
        return HPO_OK;
    size_t n = p->n_labels;
    double *v = hpo_alloc_array(n, sizeof *v);
    int whole = 1;
    if (!v) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) { /* by insertion, ascending */
        size_t j = i;
        whole &= p->numbers[i] == floor(p->numbers[i]);
        for (; j > 0 && v[j - 1] > p->numbers[i]; j--)
            v[j] = v[j - 1];
        v[j] = p->numbers[i];
    }
    double linear = straightness(v, n, 0), curved = v[0] > 0 ? straightness(v, n, 1) : 0;
    hpo_str_addf(out, "%s: numbers as categories lose their order: use 'ordinal ", p->name);
    for (size_t i = 0; i < n && i < 8; i++) {
        if (i) hpo_str_addc(out, ',');
        hpo_str_double(out, v[i]);
    }
    hpo_str_add(out, n > 8 ? ",...'" : "'");
    if (fmax(linear, curved) >= 0.95) {
        double step = (v[n - 1] - v[0]) / (double)(n - 1);
        int log_scale = curved > linear;
        hpo_str_addf(out, " or '%s%s", whole ? "int " : "", log_scale ? "log " : "");
        hpo_str_double(out, v[0]);
        hpo_str_add(out, "..");
        hpo_str_double(out, v[n - 1]);
        if (!log_scale && linear > 1 - 1e-12 && step != 1) {
            hpo_str_add(out, " step ");
            hpo_str_double(out, step);
        }
        hpo_str_addc(out, '\'');
    }
    hpo_str_addc(out, '\n');
    hpo_free(v);
    return HPO_OK;
}

/* Equal but for case, blanks, '-' and '_'. */
static int look_alike(const char *a, const char *b)
{
    for (;;) {
        while (*a == ' ' || *a == '-' || *a == '_')
            a++;
        while (*b == ' ' || *b == '-' || *b == '_')
            b++;
        if (!*a || !*b) return *a == *b;
        if (lower(*a++) != lower(*b++)) return 0;
    }
}

static void lint_labels(const hpo_param *p, hpo_str *out)
{
    if (p->kind != HPO_KIND_CATEGORICAL && p->kind != HPO_KIND_ORDINAL && p->kind != HPO_KIND_SUBSET) return;
    if (p->kind == HPO_KIND_CATEGORICAL && p->n_labels > MANY_LABELS)
        hpo_str_addf(
            out,
            "%s: %d labels without order need about as many trials to tell apart: group them, or make them "
            "ordinal\n",
            p->name, (int)p->n_labels);
    for (size_t i = 0; i < p->n_labels && i < 1000 && !p->numbers; i++)
        for (size_t j = 0; j < i; j++)
            if (look_alike(p->labels[i], p->labels[j]))
                hpo_str_addf(out, "%s: labels '%s' and '%s' look the same\n", p->name, p->labels[j],
                             p->labels[i]);
}

static void lint_default(const hpo_param *p, hpo_str *out)
{
    if (!p->fallback || !is_number(p) || p->kind == HPO_KIND_VECTOR || p->is_fidelity) return;
    double v = p->fallback[0];
    if (v != p->low && v != p->high) return;
    hpo_str_addf(out, "%s: the default ", p->name);
    hpo_str_double(out, v);
    hpo_str_addf(out, " is the %s bound: widen the range to search around it\n",
                 v == p->low ? "low" : "high");
}

/* ---- the whole space --------------------------------------------------------------------------------- */

typedef struct counts {
    uint32_t *active, *holds, *fails; /* per parameter; per constraint */
} counts;

/* Draws from the ranges, constraints left aside. */
static hpo_status draw_counts(const hpo_space *s, counts *n, hpo_error *err)
{
    double *u = hpo_alloc_array(s->n_dims + s->n_columns + 1, sizeof *u);
    if (!u) return hpo_fail_memory(err);
    double *x = u + s->n_dims;
    hpo_rng rng;
    hpo_rng_init(&rng, UINT64_C(0x11d7), UINT64_MAX - 1, HPO_RNG_SPACE);
    for (size_t t = 0; t < DRAWS; t++) {
        hpo_rng_uniforms(&rng, u, s->n_dims);
        hpo_space_apply_prior(s, u, u);
        hpo_space_decode(s, u, x);
        for (size_t i = 0; i < s->n_params; i++)
            n->active[i] += isnan(x[s->params[i].column]) ? 0 : 1;
        for (size_t i = 0; i < s->n_constraints; i++) {
            double v = hpo_expr_eval(s->constraints[i].expr, x);
            n->fails[i] += v == 0;
            n->holds[i] += v == 1;
        }
    }
    hpo_free(u);
    return HPO_OK;
}

static void lint_condition(const hpo_space *s, size_t i, const hpo_range *columns, const counts *n,
                           hpo_str *out)
{
    const hpo_param *p = &s->params[i];
    if (!p->when) return;
    hpo_range r = hpo_expr_interval(p->when_expr, columns);
    if (!(r.lo <= 1 && r.hi >= 1))
        hpo_str_addf(out, "%s: is never active: '%s' cannot hold\n", p->name, p->when);
    else if (r.lo > 0 && !r.unknown)
        hpo_str_addf(out, "%s: is always active: '%s' cannot fail\n", p->name, p->when);
    else if (n->active[i] == 0)
        hpo_str_addf(out, "%s: was not active in any of %d draws\n", p->name, DRAWS);
}

static void lint_constraint(const hpo_space *s, size_t i, const hpo_range *columns, const counts *n,
                            hpo_str *out)
{
    const char *text = s->constraints[i].text;
    hpo_range r = hpo_expr_interval(s->constraints[i].expr, columns);
    if (!(r.lo <= 0 && r.hi >= 0))
        hpo_str_addf(out, "constraint '%s': can never fail within the ranges; leave it out\n", text);
    else if (n->fails[i] == 0)
        hpo_str_addf(out, "constraint '%s': did not fail in any of %d draws\n", text, DRAWS);
    else if (n->fails[i] > DRAWS - DRAWS / 100)
        hpo_str_addf(
            out, "constraint '%s': %s of the ranges satisfy it; narrow the ranges, or use dependent bounds\n",
            text, n->fails[i] == DRAWS ? "less than 0.01%" : "less than 1%");
}

static hpo_status lint_default_config(const hpo_space *s, double *x, hpo_str *out)
{
    hpo_error why;
    if (!hpo_space_has_defaults(s)) return HPO_OK;
    hpo_space_default(s, x);
    if (hpo_space_validate(s, x, &why) != HPO_OK)
        hpo_str_addf(out, "the default configuration is not valid: %s\n", why.msg);
    return HPO_OK;
}

static hpo_status lint_whole(const hpo_space *s, hpo_str *out, hpo_error *err)
{
    double *bounds = hpo_alloc_array(2 * s->n_dims + s->n_columns + 1, sizeof *bounds);
    hpo_range *columns = hpo_alloc_array(s->n_columns, sizeof *columns);
    uint32_t *numbers = hpo_calloc(s->n_params + 2 * s->n_constraints, sizeof *numbers);
    hpo_status status = bounds && columns && numbers ? HPO_OK : hpo_fail_memory(err);
    counts n = {.active = numbers};
    if (status == HPO_OK) {
        n.holds = numbers + s->n_params;
        n.fails = n.holds + s->n_constraints;
        status = draw_counts(s, &n, err);
    }
    if (status == HPO_OK) {
        for (size_t i = 0; i < s->n_dims; i++) {
            bounds[2 * i] = 0;
            bounds[2 * i + 1] = 1;
        }
        hpo_region_columns(s, bounds, columns);
        for (size_t i = 0; i < s->n_params; i++)
            lint_condition(s, i, columns, &n, out);
        for (size_t i = 0; i < s->n_constraints; i++)
            lint_constraint(s, i, columns, &n, out);
        if (s->n_dims == 0) hpo_str_add(out, "there is nothing to search: every parameter is a constant\n");
        const hpo_region *region;
        status = hpo_region_get(s, &region, err);
        if (status == HPO_OK && region->mode == HPO_DRAW_NONE)
            hpo_str_add(out, "no feasible configuration was found; relax the constraints\n");
        if (status == HPO_OK) status = lint_default_config(s, bounds + 2 * s->n_dims, out);
    }
    hpo_free(bounds);
    hpo_free(columns);
    hpo_free(numbers);
    return status;
}

hpo_status hpo_space_lint(const hpo_space *s, char **out, hpo_error *err)
{
    if (!s || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_space *frozen = NULL;
    hpo_str text = {0};
    *out = NULL;
    HPO_TRY(hpo_space_frozen(s, &frozen, err));
    hpo_status status = HPO_OK;
    for (size_t i = 0; i < frozen->n_params && status == HPO_OK; i++) {
        const hpo_param *p = &frozen->params[i];
        if (is_number(p) && !p->low_text && !p->high_text) {
            lint_scale(p, &text);
            lint_width(p, &text);
            lint_name(p, &text);
        }
        lint_labels(p, &text);
        lint_default(p, &text);
        status = lint_numbers(p, &text, err);
    }
    if (status == HPO_OK) status = lint_whole(frozen, &text, err);
    if (text.len) text.text[--text.len] = 0; /* no newline behind the last line */
    if (status == HPO_OK) status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    hpo_space_free(frozen);
    return status;
}
