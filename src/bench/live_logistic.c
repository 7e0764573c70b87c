/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_logistic.c - multinomial logistic regression trained in the process.
 *
 * logistic-digits: 500 of the bundled images; logistic-NAME: table NAME.csv in DIR/mldata (live_data.h).
 * Value: error of 5-fold cross-validation.  Minimised over the weights w (classes x columns) and biases b,
 *
 *   sum_i v_i -log p(class_i | x_i) / sum_i v_i  +  ((1 - r) |w|^2 / 2 + r |w|_1) / (C n),
 *
 * p the softmax of x w^T + b, v_i = (n / n_class)^balance, r the l1_ratio (0 for the penalty l2): the elastic
 * net of Zou & Hastie, JRSS B 67 (2005).  By L-BFGS with bounds; |w|_1 is exact, w = p - q with p, q >= 0, at
 * twice as many variables.  It ends at `tolerance`, the largest entry of the gradient, or after `iterations`:
 * stopping early is a penalty too, and the more so the worse the columns are scaled.  `noise`: standard
 * deviation of normal noise on the rows to learn from, in those of the columns.
 *
 * The seed of the query decides folds and noise.  Seconds are a model: 1e-9 for each of 4 x rows x columns x
 * classes operations of an evaluation of the function, so they know how long the minimiser took. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/live_data.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "math/rng.h"

enum { FOLDS = 5, IMAGES = 500, MEMORY = 8, MAX_CLASSES = 100 };
enum { COST, PENALTY, L1_RATIO, SCALE, NOISE, BALANCE, TOLERANCE, ITERATIONS };
enum { AS_IS, STANDARD, RANGE, SCALES };

static const char space_text[] =
    "C: log 1e-4..1e4; penalty: l2,elastic; l1_ratio: 0..1 if penalty == elastic; scale: "
    "none,standard,range; "
    "noise: log 1e-3..1; balance: 0..1; tolerance: log 1e-6..0.1; iterations: int log 5..200";

typedef struct data {
    hpo_live_rows rows[SCALES]; /* one for each scale */
    double *sd[SCALES];         /* of the columns */
} data;

/* The regression on the rows of a fold. */
typedef struct regression {
    size_t n, d, k, n_variables;
    int split; /* variables p, q, b instead of w, b */
    double ridge, lasso;
    double *x, *xt;    /* n x d and its transpose */
    double *score;     /* n x k */
    double *error;     /* k x n: weight x (softmax - 1 of the class) */
    double *w, *slope; /* k x d */
    double *variables, *lower, *upper, *work;
    double *weight; /* n, sum 1 */
    int32_t *label;
} regression;

/* ---- the function to minimise -------------------------------------------------------------------------- */

static void read_weights(const regression *g, const double *v)
{
    size_t size = g->k * g->d;
    for (size_t j = 0; j < size; j++)
        g->w[j] = g->split ? v[j] - v[size + j] : v[j];
}

/* Softmax of the scores of row i into its column of `error`; -log p of its class. */
static double row_loss(const regression *g, size_t i, const double *bias)
{
    double *s = g->score + i * g->k, top = -(double)INFINITY, sum = 0;
    int32_t label = g->label[i];
    for (size_t c = 0; c < g->k; c++)
        top = fmax(top, s[c] += bias[c]);
    double at_label = s[label] - top;
    for (size_t c = 0; c < g->k; c++)
        s[c] -= top;
    hpo_exp_n(s, g->k, s);
    for (size_t c = 0; c < g->k; c++)
        sum += s[c];
    for (size_t c = 0; c < g->k; c++)
        g->error[c * g->n + i] = g->weight[i] * (s[c] / sum - ((int32_t)c == label));
    return g->weight[i] * (hpo_log(sum) - at_label);
}

static double loss(void *ctx, const double *v, double *gradient)
{
    const regression *g = ctx;
    size_t size = g->k * g->d;
    const double *bias = v + g->n_variables - g->k;
    double value = 0, squares = 0, absolute = 0;
    read_weights(g, v);
    hpo_gemm_nt(g->x, g->d, g->w, g->d, g->score, g->k, g->n, g->k, g->d);
    for (size_t i = 0; i < g->n; i++)
        value += row_loss(g, i, bias);
    for (size_t j = 0; j < size; j++) {
        squares += g->w[j] * g->w[j];
        absolute += g->split ? v[j] + v[size + j] : 0;
    }
    value += g->ridge * squares / 2 + g->lasso * absolute;
    if (gradient == NULL) return value;
    hpo_gemm_nt(g->error, g->n, g->xt, g->n, g->slope, g->d, g->k, g->d, g->n);
    for (size_t j = 0; j < size; j++) {
        double slope = g->slope[j] + g->ridge * g->w[j];
        gradient[j] = slope + g->lasso;
        if (g->split) gradient[size + j] = g->lasso - slope;
    }
    for (size_t c = 0; c < g->k; c++) {
        double sum = 0;
        for (size_t i = 0; i < g->n; i++)
            sum += g->error[c * g->n + i];
        gradient[g->n_variables - g->k + c] = sum;
    }
    return value;
}

/* ---- a fold ------------------------------------------------------------------------------------------ */

static hpo_status make_regression(regression *g, const hpo_live_rows *rows, const double *x, hpo_error *err)
{
    size_t n = rows->n, d = rows->d, k = rows->classes, size = k * d;
    double ratio = isnan(x[L1_RATIO]) ? 0 : x[L1_RATIO];
    *g = (regression){.d = d, .k = k, .split = ratio > 0};
    g->n_variables = (g->split ? 2 : 1) * size + k;
    size_t work = hpo_lbfgsb_work(g->n_variables, MEMORY);
    g->x = hpo_alloc_array(2 * n * d + 2 * n * k + 2 * size + 3 * g->n_variables + work + n, sizeof *g->x);
    g->label = hpo_alloc_array(n, sizeof *g->label);
    if (g->x == NULL || g->label == NULL) return hpo_fail_memory(err);
    g->xt = g->x + n * d;
    g->score = g->xt + n * d;
    g->error = g->score + n * k;
    g->w = g->error + n * k;
    g->slope = g->w + size;
    g->variables = g->slope + size;
    g->lower = g->variables + g->n_variables;
    g->upper = g->lower + g->n_variables;
    g->work = g->upper + g->n_variables;
    g->weight = g->work + work;
    for (size_t j = 0; j < g->n_variables; j++) {
        g->lower[j] = g->split && j < 2 * size ? 0 : -(double)INFINITY;
        g->upper[j] = (double)INFINITY;
    }
    return HPO_OK;
}

static void weigh(regression *g, double balance)
{
    double count[MAX_CLASSES] = {0}, sum = 0;
    for (size_t i = 0; i < g->n; i++)
        count[g->label[i]]++;
    for (size_t i = 0; i < g->n; i++)
        sum += g->weight[i] = hpo_pow((double)g->n / count[g->label[i]], balance);
    for (size_t i = 0; i < g->n; i++)
        g->weight[i] /= sum;
}

/* The rows that are not in the fold, with noise. */
static void take_rows(regression *g, const hpo_live_rows *rows, const double *sd, const uint32_t *order,
                      size_t fold, const double *x, hpo_rng *rng)
{
    g->n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (i % FOLDS == fold) continue;
        const double *from = rows->x + order[i] * rows->d;
        double *to = g->x + g->n * g->d;
        for (size_t c = 0; c < g->d; c++)
            to[c] = from[c] + x[NOISE] * sd[c] * hpo_rng_normal(rng);
        g->label[g->n++] = rows->label[order[i]];
    }
    for (size_t i = 0; i < g->n; i++)
        for (size_t c = 0; c < g->d; c++)
            g->xt[c * g->n + i] = g->x[i * g->d + c];
    double ratio = isnan(x[L1_RATIO]) ? 0 : x[L1_RATIO], strength = 1 / (x[COST] * (double)g->n);
    g->ridge = (1 - ratio) * strength;
    g->lasso = ratio * strength;
    weigh(g, x[BALANCE]);
}

static size_t errors_of_fold(const regression *g, const hpo_live_rows *rows, const uint32_t *order,
                             size_t fold)
{
    const double *bias = g->variables + g->n_variables - g->k;
    size_t wrong = 0;
    read_weights(g, g->variables);
    for (size_t i = fold; i < rows->n; i += FOLDS) {
        const double *row = rows->x + order[i] * rows->d;
        size_t best = 0;
        double top = -(double)INFINITY;
        for (size_t c = 0; c < g->k; c++) {
            double s = bias[c] + hpo_dot(g->w + c * g->d, row, g->d);
            if (s > top) {
                top = s;
                best = c;
            }
        }
        wrong += (int32_t)best != rows->label[order[i]];
    }
    return wrong;
}

/* ---- the problem ------------------------------------------------------------------------------------- */

static int list(size_t i, const char *folder, char *name, size_t cap)
{
    if (hpo_live_has_digits(folder) && i-- == 0) {
        (void)snprintf(name, cap, "logistic-digits");
        return 1;
    }
    const char *found = hpo_live_table(i, folder);
    if (found != NULL) (void)snprintf(name, cap, "logistic-%s", found);
    return found != NULL;
}

static void close_problem(hpo_problem *p)
{
    data *t = p->state;
    if (t == NULL) return;
    for (size_t s = 0; s < SCALES; s++) {
        hpo_live_rows_free(&t->rows[s]);
        hpo_free(t->sd[s]);
    }
    hpo_free(t);
}

static double column_sd(const hpo_live_rows *rows, size_t c)
{
    double sum = 0, squares = 0;
    for (size_t r = 0; r < rows->n; r++)
        sum += rows->x[r * rows->d + c];
    for (size_t r = 0; r < rows->n; r++) {
        double v = rows->x[r * rows->d + c] - sum / (double)rows->n;
        squares += v * v;
    }
    return sqrt(squares / (double)rows->n);
}

static hpo_status read_scaled(data *t, size_t s, const char *folder, const char *name, hpo_error *err)
{
    hpo_live_rows *rows = &t->rows[s];
    HPO_TRY(strcmp(name, "digits") == 0 ? hpo_live_read_digits(rows, folder, IMAGES, err)
                                        : hpo_live_read_table(rows, folder, name, err));
    if (s == STANDARD) hpo_live_standardise(rows);
    if (s == RANGE) hpo_live_to_unit(rows);
    t->sd[s] = hpo_alloc_array(rows->d, sizeof *t->sd[s]);
    if (t->sd[s] == NULL) return hpo_fail_memory(err);
    for (size_t c = 0; c < rows->d; c++)
        t->sd[s][c] = column_sd(rows, c);
    return HPO_OK;
}

static hpo_status open_problem(hpo_problem *p, const char *folder, hpo_error *err)
{
    static const char prefix[] = "logistic-";
    if (strncmp(p->name, prefix, sizeof prefix - 1) != 0) return HPO_ENOTFOUND;
    const char *name = p->name + sizeof prefix - 1;
    data *t = hpo_calloc(1, sizeof *t);
    hpo_status rc = t == NULL ? hpo_fail_memory(err) : HPO_OK;
    for (size_t s = 0; s < SCALES && rc == HPO_OK; s++)
        rc = read_scaled(t, s, folder, name, err);
    p->state = t;
    if (rc == HPO_ENOTFOUND) close_problem(p); /* not one of ours */
    if (rc != HPO_OK) return rc;
    HPO_TRY(hpo_space_parse(space_text, &p->space, err));
    p->n_objectives = 1;
    p->objective_names[0] = "error";
    p->noisy = 1;
    p->best[0] = 0; /* a bound */
    /* medians of 400 random configurations: 0.082 digits, 0.051 wine_data, 0.062 breast_cancer */
    p->typical = strcmp(name, "digits") == 0 ? 0.082 : strcmp(name, "breast_cancer") == 0 ? 0.062 : 0.051;
    p->budget = 100;
    if (strcmp(name, "iris") != 0) /* too easy */
        p->suites = 1u << HPO_SUITE_HPO | 1u << HPO_SUITE_NOISY;
    return HPO_OK;
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    const data *t = p->state;
    const hpo_live_rows *rows = &t->rows[(size_t)q->x[SCALE]];
    const double *sd = t->sd[(size_t)q->x[SCALE]];
    const hpo_lbfgsb_options options = {
        .memory = MEMORY, .max_iterations = (size_t)q->x[ITERATIONS], .gradient_tolerance = q->x[TOLERANCE]};
    regression g;
    hpo_rng rng;
    size_t wrong = 0;
    double operations = 0;
    uint32_t *order = hpo_alloc_array(rows->n, sizeof *order);
    hpo_status rc = make_regression(&g, rows, q->x, err);
    if (rc == HPO_OK && order == NULL) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) {
        hpo_rng_init(&rng, q->seed, 3, HPO_RNG_USER);
        hpo_rng_permutation(&rng, rows->n, order);
    }
    for (size_t fold = 0; fold < FOLDS && rc == HPO_OK; fold++) {
        hpo_lbfgsb_result result;
        take_rows(&g, rows, sd, order, fold, q->x, &rng);
        memset(g.variables, 0, g.n_variables * sizeof *g.variables);
        hpo_lbfgsb(loss, &g, g.n_variables, g.lower, g.upper, g.variables, &options, g.work, &result);
        operations += 4 * (double)(g.n * g.d * g.k) * (double)result.evaluations;
        wrong += errors_of_fold(&g, rows, order, fold);
    }
    a->y[0] = (double)wrong / (double)rows->n;
    a->seconds = 1e-9 * operations;
    hpo_free(g.x);
    hpo_free(g.label);
    hpo_free(order);
    return rc;
}

const hpo_problem_family hpo_logistic_problems = {
    .name = "logistic",
    .help = "logistic regression trained in the process",
    .reference = "Zou & Hastie 2005; data UCI",
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
