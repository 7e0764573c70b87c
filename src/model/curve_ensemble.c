/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_ensemble.c - the parametric ensemble of Domhan, Springenberg & Hutter: "Speeding up automatic
 * hyperparameter optimization of deep neural networks by extrapolation of learning curves", IJCAI 2015.
 *
 * With z = 1 - y (they rise) and x = 1 + 99 t, eleven families f_k(x; p_k), and
 *
 *     z = sum_k w_k f_k(x; p_k) / sum_k w_k + eps,  eps ~ N(0, s^2)
 *
 * Prior: uniform p_k in a box, uniform w_k in [0, 1], uniform ln s in [-9, 0]; the mean is higher at the end
 * than at the start, and not above 1.1 there.  (With weights that need not sum to 1 the end of an interval of
 * 90 % lay up to 0.3 beyond the best that any family says.)  Posterior: univariate slice sampling (Neal 2003)
 * of all 48 numbers, where the paper runs an ensemble of walkers; as there, chains begin at least-squares
 * fits of each family alone (Nelder and Mead, from three points of the box), at equal weights 1/11 and the
 * residual deviation.
 *
 * A step changes one number, so values of the other ten families are kept. */
#include "model/curve_ensemble.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/minimise.h"

enum {
    K = HPO_CURVE_FAMILIES,
    P = HPO_CURVE_MAX_PARAMS,
    DIMS = 48, /* 36 parameters, 11 weights, ln s */
    FIT_EVALUATIONS = 300,
    NM_WORK = (P + 1) * (P + 1) + 4 * P
};

static const double SPAN = 99;
static const double HIGHEST = 1.1; /* what a curve may come to: a tenth of the range beyond the best seen */

const hpo_curve_family hpo_curve_families[HPO_CURVE_FAMILIES] = {
    {"vapor pressure", 3, {-4, -10, 0}, {1, 0, 0.5}},
    {"pow3", 3, {0, 0, 0.01}, {1.5, 2, 5}},
    {"log log linear", 2, {0, 0.05}, {2, 3}},
    {"hill3", 3, {0, 0.05, 0.1}, {1.5, 8, 200}},
    {"log power", 3, {0, -3, -8}, {1.5, 5, -0.05}},
    {"pow4", 4, {0, 0.01, 0, 0.01}, {1.5, 50, 50, 5}},
    {"mmf", 4, {0, -0.5, 0.001, 0.05}, {1.5, 1, 10, 8}},
    {"exp4", 4, {0, 1e-4, -5, 0.05}, {1.5, 5, 2, 4}},
    {"janoschek", 4, {0, -0.5, 1e-4, 0.05}, {1.5, 1, 5, 4}},
    {"weibull", 4, {0, -0.5, 1e-3, 0.05}, {1.5, 1, 5, 4}},
    {"ilog2", 2, {0, 0}, {2, 2}},
};

double hpo_curve_family_value(size_t i, const double *p, double x)
{
    double ln = hpo_log(x);
    switch (i) {
    case 0:
        return hpo_exp(p[0] + p[1] / x + p[2] * ln);
    case 1:
        return p[0] - p[1] * hpo_exp(-p[2] * ln);
    case 2:
        return hpo_log(p[0] * ln + p[1]);
    case 3:
        return p[0] / (hpo_exp(p[1] * (hpo_log(p[2]) - ln)) + 1);
    case 4:
        return p[0] / (1 + hpo_exp(p[2] * (ln - p[1])));
    case 5:
        return p[0] - hpo_exp(-p[3] * hpo_log(p[1] * x + p[2]));
    case 6:
        return p[0] - (p[0] - p[1]) / (1 + hpo_exp(p[3] * (hpo_log(p[2]) + ln)));
    case 7:
        return p[0] - hpo_exp(-p[1] * hpo_exp(p[3] * ln) + p[2]);
    case 8:
        return p[0] - (p[0] - p[1]) * hpo_exp(-p[2] * hpo_exp(p[3] * ln));
    case 9:
        return p[0] - (p[0] - p[1]) * hpo_exp(-hpo_exp(p[3] * (hpo_log(p[2]) + ln)));
    default:
        return p[0] - p[1] / hpo_log(x + 1);
    }
}

struct hpo_curve_ensemble {
    size_t n_max, n;
    double *x, *z;      /* n, then the ends of the range: x_n = 1, x_{n+1} = 100 */
    double *values;     /* K x (n_max + 2): each family at x */
    double known[K][P]; /* parameters that values belong to */
    double *sum;        /* n_max + 2 */
    size_t first[K];    /* of a family's parameters in the vector of all */
    size_t fitted;      /* the family that squares() looks at */
    double work[NM_WORK];
};

hpo_status hpo_curve_ensemble_create(size_t n_max, hpo_curve_ensemble **out, hpo_error *err)
{
    hpo_curve_ensemble *e = *out = hpo_calloc(1, sizeof *e);
    if (e == NULL) return hpo_fail_memory(err);
    size_t m = n_max + 2;
    e->n_max = n_max;
    e->x = hpo_alloc_array(m, (3 + K) * sizeof *e->x);
    if (e->x == NULL) {
        hpo_free(e);
        *out = NULL;
        return hpo_fail_memory(err);
    }
    e->z = e->x + m;
    e->sum = e->z + m;
    e->values = e->sum + m;
    for (size_t k = 1; k < K; k++)
        e->first[k] = e->first[k - 1] + hpo_curve_families[k - 1].n_params;
    return HPO_OK;
}

void hpo_curve_ensemble_free(hpo_curve_ensemble *e)
{
    if (e == NULL) return;
    hpo_free(e->x);
    hpo_free(e);
}

/* ---- density ---------------------------------------------------------------------------------------- */

static void evaluate(hpo_curve_ensemble *e, size_t k, const double *p)
{
    double *v = e->values + k * (e->n_max + 2);
    for (size_t i = 0; i < e->n + 2; i++)
        v[i] = hpo_curve_family_value(k, p, e->x[i]);
    memcpy(e->known[k], p, hpo_curve_families[k].n_params * sizeof *p);
}

static double log_density(void *ctx, const double *xi, double *gradient)
{
    hpo_curve_ensemble *e = ctx;
    const double *weight = xi + DIMS - 1 - K;
    double ln_s = xi[DIMS - 1], squares = 0, total = 0;
    (void)gradient;
    for (size_t i = 0; i < e->n + 2; i++)
        e->sum[i] = 0;
    for (size_t k = 0; k < K; k++)
        total += weight[k];
    if (!(total > 0)) return -HUGE_VAL;
    for (size_t k = 0; k < K; k++) {
        const double *p = xi + e->first[k];
        if (memcmp(p, e->known[k], hpo_curve_families[k].n_params * sizeof *p) != 0) evaluate(e, k, p);
        hpo_axpy(e->n + 2, weight[k] / total, e->values + k * (e->n_max + 2), e->sum);
    }
    if (!(e->sum[e->n + 1] > e->sum[e->n] && e->sum[e->n + 1] < HIGHEST)) return -HUGE_VAL;
    for (size_t i = 0; i < e->n; i++) {
        double d = e->z[i] - e->sum[i];
        squares += d * d;
    }
    double value = -(double)e->n * ln_s - 0.5 * squares * hpo_exp(-2 * ln_s);
    return isfinite(value) ? value : -HUGE_VAL;
}

/* ---- start ------------------------------------------------------------------------------------------ */

static double squares(void *ctx, const double *p, double *gradient)
{
    const hpo_curve_ensemble *e = ctx;
    double sum = 0;
    (void)gradient;
    for (size_t i = 0; i < e->n; i++) {
        double d = e->z[i] - hpo_curve_family_value(e->fitted, p, e->x[i]);
        sum += d * d;
    }
    return sum;
}

static double fit_family(hpo_curve_ensemble *e, size_t k, double *best)
{
    static const double starts[] = {0.5, 0.2, 0.8};
    const hpo_curve_family *f = &hpo_curve_families[k];
    double least = INFINITY, p[P];
    e->fitted = k;
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        for (size_t i = 0; i < f->n_params; i++)
            p[i] = f->low[i] + starts[s] * (f->high[i] - f->low[i]);
        double v = hpo_nelder_mead(squares, e, f->n_params, f->low, f->high, p, 0.1, FIT_EVALUATIONS, 1e-10,
                                   e->work);
        if (!(v < least)) continue;
        least = v;
        memcpy(best, p, f->n_params * sizeof *p);
    }
    return least;
}

static void bounds(const hpo_curve_ensemble *e, double *low, double *high, double *width)
{
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < hpo_curve_families[k].n_params; i++) {
            low[e->first[k] + i] = hpo_curve_families[k].low[i];
            high[e->first[k] + i] = hpo_curve_families[k].high[i];
        }
    for (size_t k = DIMS - 1 - K; k < DIMS - 1; k++) {
        low[k] = 0;
        high[k] = 1;
    }
    low[DIMS - 1] = -9;
    high[DIMS - 1] = 0;
    for (size_t i = 0; i < DIMS; i++)
        width[i] = 0.1 * (high[i] - low[i]);
}

/* ---- samples ---------------------------------------------------------------------------------------- */

hpo_status hpo_curve_ensemble_sample(hpo_curve_ensemble *e, const double *t, const double *y, size_t n,
                                     hpo_rng *rng, size_t burn, size_t every, size_t k, double *mean,
                                     double *sd, hpo_error *err)
{
    double xi[DIMS], low[DIMS], high[DIMS], width[DIMS], total = 0;
    if (n < 2 || n > e->n_max)
        return hpo_fail(err, HPO_EINVAL, "a curve must have 2 to %zu reports, not %zu", e->n_max, n);
    e->n = n;
    for (size_t i = 0; i < n; i++) {
        e->x[i] = 1 + SPAN * t[i];
        e->z[i] = 1 - y[i];
    }
    e->x[n] = 1;
    e->x[n + 1] = 1 + SPAN;
    bounds(e, low, high, width);
    for (size_t f = 0; f < K; f++) {
        total += fit_family(e, f, xi + e->first[f]) / K;
        evaluate(e, f, xi + e->first[f]);
        xi[DIMS - 1 - K + f] = 1.0 / K;
    }
    xi[DIMS - 1] = fmin(fmax(0.5 * hpo_log(total / (double)n + 1e-12), -8.9), -0.1);
    double logp = log_density(e, xi, NULL);
    for (size_t f = 0; !isfinite(logp) && f < K; f++) { /* a falling fit: what rises outweighs it */
        double *p = xi + e->first[f];
        if (hpo_curve_family_value(f, p, 1 + SPAN) <= hpo_curve_family_value(f, p, 1))
            xi[DIMS - 1 - K + f] = 0;
        logp = log_density(e, xi, NULL);
    }
    if (!isfinite(logp)) { /* nothing rises: a flat start with the least rise */
        double *p = xi + e->first[1];
        p[1] = 1e-6;
        xi[DIMS - 1 - K + 1] = 1;
        logp = log_density(e, xi, NULL);
    }
    for (size_t i = 0, kept = 0; kept < k; i++) {
        hpo_slice_sweep(log_density, e, DIMS, low, high, width, rng, xi, &logp);
        if (i < burn || (i - burn) % (every > 0 ? every : 1) != 0) continue;
        (void)log_density(e, xi, NULL); /* the sum at this sample */
        mean[kept] = 1 - e->sum[n + 1];
        sd[kept++] = hpo_exp(xi[DIMS - 1]);
    }
    return HPO_OK;
}

double hpo_curve_samples_below(const double *mean, const double *sd, size_t k, double y)
{
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        sum += hpo_normal_cdf((y - mean[i]) / sd[i]);
    return sum / (double)k;
}

typedef struct target {
    const double *mean, *sd;
    size_t k;
    double q;
} target;

static double excess(void *ctx, double y)
{
    const target *t = ctx;
    return hpo_curve_samples_below(t->mean, t->sd, t->k, y) - t->q;
}

double hpo_curve_samples_quantile(const double *mean, const double *sd, size_t k, double q)
{
    target t = {mean, sd, k, q};
    double low = INFINITY, high = -INFINITY, z = hpo_normal_quantile(q);
    for (size_t i = 0; i < k; i++) {
        low = fmin(low, mean[i] + z * sd[i]);
        high = fmax(high, mean[i] + z * sd[i]);
    }
    if (!(low < high)) return low;
    return hpo_brent_root(excess, &t, low - 1e-12, high + 1e-12, 1e-7, 60);
}
