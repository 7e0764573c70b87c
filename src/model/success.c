/* SPDX-License-Identifier: Apache-2.0 */
/* model/success.c - where configurations fail: a probit Gaussian process (laplace.h).
 *
 *     f ~ GP(m, s2 k), Matern-5/2 with a lengthscale per axis,  P(ok | u) = Phi(E f / sqrt(1 + var f)).
 *
 * The mean m is such that far from all data P is the share of successes with Jeffreys' half (n_ok + 1/2) /
 * (n + 1) at the prior's s2.  Lengthscales and s2 maximise the Laplace evidence and a weak prior:
 * ln l ~ N(ln(sqrt(g) / 2), 1) for g axes (distances grow with their root), ln s2 ~ N(ln 4, 1): a boundary
 * between success and failure is mostly sharp.
 *
 * What is left out for speed, and why the result is still a function of the data alone: of more than MAX_ROWS
 * rows the newest are kept, half of the room reserved for either outcome (failures tend to be rare and are
 * what there is to learn from).  Hyperparameters come from at most FIT_ROWS rows, chosen alike from the first
 * n' rows, n' growing in steps of a quarter; equal rows give equal results, so that both are only recomputed
 * when those rows have changed. */
#include "model/success.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"
#include "model/kernel.h"
#include "model/laplace.h"
#include <math.h>
#include <string.h>

enum { MAX_ROWS = 256, FIT_ROWS = 128, STACK_FEATURES = 1024, MAX_FIT_STEPS = 25 };

static const double PRIOR_S2 = 4;
static const double LOG_PRIOR_S2 = 0x1.62e42fefa39efp+0;

/* Rows with their outcome, as chosen. */
typedef struct row_set {
    double *u, *y;
    size_t n, n_told;
    double share; /* of successes among all rows told, Jeffreys */
} row_set;

struct hpo_success {
    const hpo_embed *embed;
    size_t n_dims, n_features, n_axes;
    row_set rows, fitted; /* in the posterior; behind the hyperparameters */
    uint32_t *group_of;   /* per feature */
    double *theta;        /* ln l (n_axes), ln s2 */
    double *lower, *upper, *step, *work;
    double s2, share;
    int known; /* both outcomes were seen */
    /* posterior over `rows`; while fitting: over `fitted` */
    double *unscaled, *features; /* MAX_ROWS x n_features */
    double *inv_l;               /* n_features */
    hpo_laplace p;
    double *slope, *weights, *inverse; /* FIT_ROWS x FIT_ROWS */
    double *block;                     /* one allocation for all of the above */
};

static const hpo_kernel_family family = HPO_KERNEL_MATERN52;

/* ---- lifetime ---------------------------------------------------------------------------------------- */

/* Hands out arrays; with base NULL only counts. */
static double *carve(double *base, size_t *used, size_t n)
{
    double *p = base ? base + *used : NULL;
    *used += n;
    return p;
}

static size_t lay_out(hpo_success *s, double *base)
{
    size_t used = 0, f = s->n_features, d = s->n_dims, big = (size_t)MAX_ROWS * MAX_ROWS;
    size_t small = (size_t)FIT_ROWS * FIT_ROWS, n_theta = s->n_axes + 1;
    s->rows.u = carve(base, &used, MAX_ROWS * d);
    s->rows.y = carve(base, &used, MAX_ROWS);
    s->fitted.u = carve(base, &used, FIT_ROWS * d);
    s->fitted.y = carve(base, &used, FIT_ROWS);
    s->theta = carve(base, &used, n_theta);
    s->lower = carve(base, &used, n_theta);
    s->upper = carve(base, &used, n_theta);
    s->step = carve(base, &used, f);
    s->work = carve(base, &used, hpo_lbfgsb_work(n_theta, 8));
    s->unscaled = carve(base, &used, MAX_ROWS * f);
    s->features = carve(base, &used, MAX_ROWS * f);
    s->inv_l = carve(base, &used, f);
    s->p.k = carve(base, &used, big);
    s->p.l = carve(base, &used, big);
    s->p.h = carve(base, &used, MAX_ROWS);
    s->p.a = carve(base, &used, MAX_ROWS);
    s->p.root_w = carve(base, &used, MAX_ROWS);
    s->p.work = carve(base, &used, (size_t)4 * MAX_ROWS);
    s->slope = carve(base, &used, small);
    s->weights = carve(base, &used, small);
    s->inverse = carve(base, &used, small);
    return used;
}

hpo_status hpo_success_create(const hpo_embed *embed, hpo_success **out, hpo_error *err)
{
    hpo_success *s = hpo_calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return hpo_fail_memory(err);
    s->embed = embed;
    s->n_dims = hpo_embed_n_dims(embed);
    s->n_features = hpo_embed_n_features(embed);
    s->n_axes = hpo_embed_n_axes(embed);
    s->share = 0.5;
    s->group_of = hpo_calloc(s->n_features, sizeof *s->group_of);
    s->block = hpo_alloc_array(lay_out(s, NULL), sizeof *s->block);
    if (!s->group_of || !s->block) {
        hpo_success_free(s);
        return hpo_fail_memory(err);
    }
    (void)lay_out(s, s->block);
    for (size_t i = 0; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(embed, i);
        for (size_t j = 0; j < a->n_features; j++)
            s->group_of[a->feature + j] = a->group;
    }
    *out = s;
    return HPO_OK;
}

void hpo_success_free(hpo_success *s)
{
    if (!s) return;
    hpo_free(s->group_of);
    hpo_free(s->block);
    hpo_free(s);
}

/* ---- which rows -------------------------------------------------------------------------------------- */

/* Room for `room` of rows 0..n-1: how many of each outcome, newest first. */
static void shares(const uint8_t *ok, size_t n, size_t room, size_t keep[2])
{
    size_t count[2] = {0, 0};
    for (size_t i = 0; i < n; i++)
        count[ok[i] != 0]++;
    for (size_t c = 0; c < 2; c++)
        keep[c] = count[c] < room / 2 ? count[c] : room / 2;
    for (size_t c = 0; c < 2; c++) {
        size_t rest = room - keep[0] - keep[1];
        keep[c] += count[c] - keep[c] < rest ? count[c] - keep[c] : rest;
    }
}

/* Chooses, in the order told.  1 when the set is another one than before. */
static int choose(row_set *set, const double *u, const uint8_t *ok, size_t n, size_t d, size_t room)
{
    size_t keep[2], total, changed, ok_count = 0;
    shares(ok, n, room, keep);
    total = keep[0] + keep[1];
    changed = total != set->n || n != set->n_told;
    for (size_t i = n, at = total; i-- > 0;) {
        int c = ok[i] != 0;
        ok_count += (size_t)c;
        if (keep[c] == 0) continue;
        keep[c]--;
        at--;
        double y = c ? 1 : -1;
        if (!changed && set->y[at] == y && memcmp(set->u + at * d, u + i * d, d * sizeof *u) == 0) continue;
        changed = 1;
        set->y[at] = y;
        memcpy(set->u + at * d, u + i * d, d * sizeof *u);
    }
    set->n = total;
    set->n_told = n;
    set->share = ((double)ok_count + 0.5) / ((double)n + 1);
    return changed != 0;
}

/* Rows that decide the hyperparameters: all up to 16, then in steps of a quarter. */
static size_t scheduled(size_t n)
{
    size_t at = 16;
    if (n <= at) return n;
    while (at + at / 4 <= n)
        at += at / 4;
    return at;
}

/* ---- model ------------------------------------------------------------------------------------------- */

/* Features over lengthscales; covariances of the n rows of `set`, full, and their slopes unless NULL. */
static void load(hpo_success *s, const row_set *set, const double *theta, double *slope)
{
    size_t n = set->n, f = s->n_features;
    s->s2 = hpo_exp(theta[s->n_axes]);
    for (size_t j = 0; j < f; j++)
        s->inv_l[j] = hpo_exp(-theta[s->group_of[j]]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < f; j++)
            s->features[i * f + j] = s->unscaled[i * f + j] * s->inv_l[j];
    s->p.n = n;
    s->p.y = set->y;
    s->p.mean = hpo_normal_quantile(set->share) * sqrt(1 + PRIOR_S2);
    hpo_kernel_distances(s->features, n, s->features, n, f, s->p.k, n);
    hpo_kernel_radial(family, s->p.k, n * n, s->p.k, slope);
    for (size_t i = 0; i < n * n; i++)
        s->p.k[i] *= s->s2;
}

/* - log (Laplace evidence x prior), with gradient. */
static double objective(void *ctx, const double *theta, double *gradient)
{
    hpo_success *s = ctx;
    size_t n = s->fitted.n, f = s->n_features, g = s->n_axes;
    double centre = 0.5 * hpo_log((double)g) - 0.5 * LOG_PRIOR_S2, prior = 0;
    load(s, &s->fitted, theta, gradient ? s->slope : NULL);
    if (hpo_laplace_mode(&s->p)) return (double)INFINITY;
    for (size_t j = 0; j <= g; j++) {
        double d = theta[j] - (j < g ? centre : LOG_PRIOR_S2);
        prior += 0.5 * d * d;
        if (gradient) gradient[j] = d;
    }
    double value = prior - s->p.log_evidence;
    if (!gradient) return value;
    hpo_laplace_weights(&s->p, s->weights, s->inverse);
    memset(s->step, 0, f * sizeof *s->step);
    double amount = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double w = s->weights[i * n + j] * (i == j ? 1 : 2);
            const double *a = s->features + i * f, *b = s->features + j * f;
            amount += w * s->p.k[i * n + j];
            w *= s->s2 * s->slope[i * n + j];
            for (size_t c = 0; c < f; c++)
                s->step[c] += w * (a[c] - b[c]) * (a[c] - b[c]);
        }
    }
    for (size_t c = 0; c < f; c++) /* d q / d ln l = -2 q */
        gradient[s->group_of[c]] += 2 * s->step[c];
    gradient[g] -= amount;
    return value;
}

static void fit_theta(hpo_success *s)
{
    size_t g = s->n_axes;
    hpo_lbfgsb_options options = {
        .max_iterations = MAX_FIT_STEPS, .gradient_tolerance = 1e-3, .value_tolerance = 1e-8};
    hpo_lbfgsb_result result;
    for (size_t j = 0; j <= g; j++) {
        s->theta[j] = j < g ? 0.5 * hpo_log((double)g) - 0.5 * LOG_PRIOR_S2 : LOG_PRIOR_S2;
        s->lower[j] = s->theta[j] - 4;
        s->upper[j] = s->theta[j] + 4;
    }
    hpo_embed_features(s->embed, NULL, s->fitted.u, s->fitted.n, s->unscaled);
    hpo_lbfgsb(objective, s, g + 1, s->lower, s->upper, s->theta, &options, s->work, &result);
}

hpo_status hpo_success_fit(hpo_success *s, const double *u, const uint8_t *ok, size_t n, hpo_error *err)
{
    int changed = choose(&s->rows, u, ok, n, s->n_dims, MAX_ROWS), both = 0;
    s->share = s->rows.share;
    for (size_t i = 1; i < s->rows.n; i++)
        both |= s->rows.y[i] != s->rows.y[0];
    if (!both) {
        s->known = 0;
        s->rows.n_told = SIZE_MAX; /* nothing computed from them */
        return HPO_OK;
    }
    if (choose(&s->fitted, u, ok, scheduled(n), s->n_dims, FIT_ROWS)) {
        fit_theta(s);
        changed = 1;
    }
    if (!changed && s->known) return HPO_OK;
    s->known = 0;
    hpo_embed_features(s->embed, NULL, s->rows.u, s->rows.n, s->unscaled);
    load(s, &s->rows, s->theta, NULL);
    if (hpo_laplace_mode(&s->p))
        return hpo_fail(err, HPO_EINVAL,
                        "the model of failures has no mode: %zu rows hold coordinates that are "
                        "not finite; give numbers in [0, 1]",
                        s->rows.n);
    s->known = 1;
    return HPO_OK;
}

/* ---- prediction -------------------------------------------------------------------------------------- */

/* z: 2 n_features of scratch. */
static double predict(const hpo_success *s, const double *u, double *gradient, double *z)
{
    double k[MAX_ROWS], v[MAX_ROWS], slope[MAX_ROWS];
    size_t n = s->p.n, f = s->n_features;
    hpo_embed_features(s->embed, NULL, u, 1, z);
    for (size_t j = 0; j < f; j++)
        z[j] *= s->inv_l[j];
    hpo_kernel_distances(z, 1, s->features, n, f, k, n);
    hpo_kernel_radial(family, k, n, k, gradient ? slope : NULL);
    for (size_t i = 0; i < n; i++) {
        k[i] *= s->s2;
        v[i] = s->p.root_w[i] * k[i];
    }
    hpo_solve_lower(s->p.l, n, n, v);
    double mean = s->p.mean + hpo_dot(s->p.a, k, n), var = s->s2 - hpo_dot(v, v, n);
    if (!(var > 0)) var = 0;
    double root = sqrt(1 + var), t = mean / root;
    if (gradient) {
        double *dz = z + f, hazard = hpo_probit_hazard(t);
        hpo_solve_lower_t(s->p.l, n, n, v);
        memset(dz, 0, f * sizeof *dz);
        for (size_t i = 0; i < n; i++) {
            /* d t = d mean / root - mean d var / (2 root^3),  d var = -2 sum root_w v d k */
            double w = s->p.a[i] / root + mean * s->p.root_w[i] * v[i] / (root * root * root);
            w *= 2 * s->s2 * slope[i] * hazard;
            for (size_t j = 0; j < f; j++)
                dz[j] += w * (z[j] - s->features[i * f + j]);
        }
        for (size_t j = 0; j < f; j++)
            dz[j] *= s->inv_l[j];
        hpo_embed_pull(s->embed, NULL, u, dz, gradient);
    }
    return hpo_normal_logcdf(t);
}

double hpo_success_log_probability(const hpo_success *s, const double *u, double *gradient)
{
    double stack[2 * STACK_FEATURES], *z = stack;
    if (gradient) memset(gradient, 0, s->n_dims * sizeof *gradient);
    if (!s->known) return hpo_log(s->share);
    if (s->n_features > STACK_FEATURES) z = hpo_alloc_array(2 * s->n_features, sizeof *z);
    if (!z) return hpo_log(s->share);
    double value = predict(s, u, gradient, z);
    if (z != stack) hpo_free(z);
    return value;
}
