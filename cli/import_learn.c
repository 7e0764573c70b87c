/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import_learn.c - under which condition a parameter of a define-by-run program exists.
 *
 * The same as python/hpo/learn.py.  Which parameters a trial asked for is a function of the values that it
 * got before, so the trials tell, as a table.  For a parameter that some asked for and others did not, a
 * decision tree over the parameters before it is grown until every row is told right:
 *
 *   tests        label in {labels where it was mostly asked for};  number >= cut;  number < cut
 *   a test fails where its parameter is absent
 *   impurity     n p (1 - p) of the rows on each side; the least sum counts, then labels before whole numbers
 * before floats, then the nearest parameter
 *
 * Rows of trials that did not end by themselves count only where they asked for the parameter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"

enum { MAX_DEPTH = 8, MAX_LABELS = 4096 };

typedef enum verdict { NEVER, ALWAYS, SOMETIMES } verdict;

typedef struct test {
    const learn_param *param; /* NULL: none found */
    int below;                /* numbers: < cut instead of >= cut */
    double cut, impurity;
    unsigned char *in; /* labels: n_labels flags, borrowed from the learner */
} test;

typedef struct learner {
    const learn_param *params;
    size_t which;
    const double *x;  /* of the parameter that is asked about */
    size_t *yes, *no; /* counts a label, scratch */
    hpo_error *err;
} learner;

static int asked(const learner *l, size_t row)
{
    return !isnan(l->x[row]);
}

static double impurity(double n, double positive)
{
    return n > 0 ? n * (positive / n) * (1 - positive / n) : 0;
}

static int better(const test *best, double sum, int kind)
{
    if (best->param == NULL) return 1;
    double a = round(sum * 1e9), b = round(best->impurity * 1e9);
    return a < b || (a == b && kind < best->param->kind);
}

static int passes(const test *t, size_t row)
{
    double v = t->param->x[row];
    if (isnan(v)) return 0;
    if (t->param->kind == 0) return t->in[(size_t)v];
    return t->below ? v < t->cut : v >= t->cut;
}

/* The rows that pass must be some and not all. */
static void offer(test *best, const learn_param *p, int below, double cut, double n, double positive,
                  double n_all, double positive_all)
{
    if (n == 0 || n == n_all) return;
    double sum = impurity(n, positive) + impurity(n_all - n, positive_all - positive);
    if (better(best, sum, p->kind))
        *best = (test){.param = p, .below = below, .cut = cut, .impurity = sum, .in = best->in};
}

static void try_labels(const learner *l, const learn_param *p, const size_t *rows, size_t n, double positives,
                       test *best)
{
    double n_in = 0, positive_in = 0, share = -1;
    size_t first = p->n_labels;
    if (p->n_labels > MAX_LABELS) return;
    memset(l->yes, 0, p->n_labels * sizeof *l->yes);
    memset(l->no, 0, p->n_labels * sizeof *l->no);
    for (size_t i = 0; i < n; i++) {
        double v = p->x[rows[i]];
        if (!isnan(v)) (asked(l, rows[i]) ? l->yes : l->no)[(size_t)v]++;
    }
    int any = 0;
    for (size_t k = 0; k < p->n_labels; k++)
        any |= l->yes[k] > l->no[k];
    for (size_t k = 0; k < p->n_labels && !any;
         k++) { /* never in the majority: the one with the largest share */
        double of = (double)(l->yes[k] + l->no[k]);
        if (of > 0 && (double)l->yes[k] / of > share) {
            share = (double)l->yes[k] / of;
            first = k;
        }
    }
    for (size_t k = 0; k < p->n_labels; k++)
        if (any ? l->yes[k] > l->no[k] : k == first) {
            n_in += (double)(l->yes[k] + l->no[k]);
            positive_in += (double)l->yes[k];
        }
    test before = *best;
    offer(best, p, 0, 0, n_in, positive_in, (double)n, positives);
    if (best->param != before.param || best->impurity != before.impurity)
        for (size_t k = 0; k < p->n_labels; k++)
            best->in[k] = any ? l->yes[k] > l->no[k] : k == first;
}

/* A short number in (a, b]. */
static double between(double a, double b)
{
    char buf[40];
    for (int digits = 1; digits < 17; digits++) {
        double v = 0;
        (void)snprintf(buf, sizeof buf, "%.*g", digits, a / 2 + b / 2);
        (void)hpo_double_parse(buf, &v);
        if (a < v && v <= b) return v;
    }
    return b;
}

typedef struct pair {
    double v;
    int positive;
} pair;

static int by_value(const void *a, const void *b)
{
    double x = ((const pair *)a)->v, y = ((const pair *)b)->v;
    return (x > y) - (x < y);
}

static hpo_status try_numbers(const learner *l, const learn_param *p, const size_t *rows, size_t n,
                              double positives, test *best)
{
    pair *pairs = hpo_alloc_array(n + 1, sizeof *pairs);
    size_t m = 0;
    double above = 0, positive_above = 0;
    if (pairs == NULL) return hpo_fail_memory(l->err);
    for (size_t i = 0; i < n; i++)
        if (!isnan(p->x[rows[i]])) {
            pairs[m].v = p->x[rows[i]];
            pairs[m].positive = asked(l, rows[i]);
            positive_above += pairs[m++].positive;
        }
    qsort(pairs, m, sizeof *pairs, by_value);
    above = (double)m;
    double all = (double)m, positive_all = positive_above;
    for (size_t i = 0; i + 1 < m; i++) {
        above--;
        positive_above -= pairs[i].positive;
        if (pairs[i].v == pairs[i + 1].v) continue;
        double cut = p->kind == 1 ? pairs[i + 1].v : between(pairs[i].v, pairs[i + 1].v);
        offer(best, p, 0, cut, above, positive_above, (double)n, positives);
        offer(best, p, 1, cut, all - above, positive_all - positive_above, (double)n, positives);
    }
    if (m > 0)
        offer(best, p, 0, pairs[0].v, all, positive_all, (double)n, positives); /* was asked for at all */
    hpo_free(pairs);
    return HPO_OK;
}

static void write_test(hpo_str *s, const test *t)
{
    const learn_param *p = t->param;
    size_t n = 0;
    hpo_str_addf(s, "`%s`", p->name);
    if (p->kind != 0) {
        hpo_str_add(s, t->below ? " < " : " >= ");
        hpo_str_double(s, t->cut);
        return;
    }
    for (size_t k = 0; k < p->n_labels; k++)
        n += t->in[k];
    hpo_str_add(s, n == 1 ? " == " : " in [");
    for (size_t k = 0, written = 0; k < p->n_labels; k++) {
        if (!t->in[k]) continue;
        hpo_str_add(s, written++ > 0 ? ", '" : "'");
        for (const char *c = p->labels[k]; *c != '\0'; c++) {
            if (*c == '\\' || *c == '\'') hpo_str_addc(s, '\\');
            hpo_str_addc(s, *c);
        }
        hpo_str_addc(s, '\'');
    }
    if (n != 1) hpo_str_addc(s, ']');
}

static void write_tree(hpo_str *out, const test *t, verdict if_yes, const hpo_str *yes, verdict if_no,
                       const hpo_str *no)
{
    hpo_str text = {0}, fails = {0};
    write_test(&text, t);
    hpo_str_addf(&fails, "not (active(`%s`) and %s)", t->param->name, text.text != NULL ? text.text : "");
    int both = if_yes != NEVER && if_no != NEVER;
    if (both) hpo_str_addc(out, '(');
    if (if_yes == ALWAYS) hpo_str_add(out, text.text);
    if (if_yes == SOMETIMES) hpo_str_addf(out, "%s and (%s)", text.text, yes->text);
    if (both) hpo_str_add(out, ") or (");
    if (if_no == ALWAYS) hpo_str_add(out, fails.text);
    if (if_no == SOMETIMES) hpo_str_addf(out, "%s and (%s)", fails.text, no->text);
    if (both) hpo_str_addc(out, ')');
    out->failed |= text.failed | fails.failed | yes->failed | no->failed;
    hpo_str_fini(&text);
    hpo_str_fini(&fails);
}

/* The tree of these rows as text; what holds for all of them as *all. */
static hpo_status grow(const learner *l, size_t *rows, size_t n, int depth, verdict *all, hpo_str *out)
{
    double positives = 0;
    test best = {.param = NULL};
    for (size_t i = 0; i < n; i++)
        positives += asked(l, rows[i]);
    *all = positives == 0 ? NEVER : ALWAYS;
    if (positives == 0 || positives == (double)n || depth == MAX_DEPTH) return HPO_OK;
    best.in = hpo_calloc(MAX_LABELS, 1);
    if (best.in == NULL) return hpo_fail_memory(l->err);
    hpo_status status = HPO_OK;
    for (size_t q = l->which; q-- > 0 && status == HPO_OK;) { /* the nearest first */
        if (l->params[q].kind == 0)
            try_labels(l, &l->params[q], rows, n, positives, &best);
        else
            status = try_numbers(l, &l->params[q], rows, n, positives, &best);
    }
    if (status == HPO_OK && best.param != NULL && best.impurity < impurity((double)n, positives)) {
        hpo_str yes = {0}, no = {0};
        verdict if_yes, if_no;
        size_t k = 0;
        for (size_t i = 0; i < n; i++) /* those that pass in front */
            if (passes(&best, rows[i])) {
                size_t row = rows[i];
                rows[i] = rows[k];
                rows[k++] = row;
            }
        status = grow(l, rows, k, depth + 1, &if_yes, &yes);
        if (status == HPO_OK) status = grow(l, rows + k, n - k, depth + 1, &if_no, &no);
        if (status == HPO_OK && if_yes == if_no && if_yes != SOMETIMES)
            *all = if_yes;
        else if (status == HPO_OK) {
            *all = SOMETIMES;
            write_tree(out, &best, if_yes, &yes, if_no, &no);
        }
        hpo_str_fini(&yes);
        hpo_str_fini(&no);
    } /* else it cannot be told apart: asked for at least sometimes */
    hpo_free(best.in);
    return status;
}

hpo_status learn_condition(const learn_param *params, size_t which, const unsigned char *whole, size_t n_rows,
                           hpo_str *out, hpo_error *err)
{
    learner l = {.params = params, .which = which, .x = params[which].x, .err = err};
    verdict all = ALWAYS;
    size_t n = 0;
    hpo_status status = HPO_OK;
    size_t *rows = hpo_alloc_array(n_rows + 1, sizeof *rows);
    l.yes = hpo_calloc(MAX_LABELS, sizeof *l.yes);
    l.no = hpo_calloc(MAX_LABELS, sizeof *l.no);
    if (rows == NULL || l.yes == NULL || l.no == NULL) {
        status = hpo_fail_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n_rows; i++)
        if (whole[i] || asked(&l, i)) rows[n++] = i;
    status = grow(&l, rows, n, 0, &all, out);
    if (status == HPO_OK && out->failed) status = hpo_fail_memory(err);
done:
    hpo_free(rows);
    hpo_free(l.yes);
    hpo_free(l.no);
    return status;
}
