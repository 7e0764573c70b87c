/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_ensemble.c - the parametric ensemble of Domhan, Springenberg & Hutter: "Speeding up automatic
 * hyperparameter optimization of deep neural networks by extrapolation of learning curves", IJCAI 2015.
 *
 * With z = 1 - y (they rise) and x = 1 + 99 t, eleven families f_k(x; p_k), and
 *
 *     z = sum_k w_k f_k(x; p_k) + eps,  w_k >= 0,  sum_k w_k = 1,  eps ~ N(0, s^2)
 *
 * Prior: uniform p_k in a box, w uniform on the simplex (w_k = v_k / sum v, v_k exponential), ln s as in the
 * bank, N(-5, 1) within [-9, 0]; the mean is higher at the end than at the start, and not above 1.1 there.
 * (With weights that need not sum to 1 the end of an interval of 90 % lay up to 0.3 beyond the best that any
 * family says.)
 *
 * Likelihood: prod_i N(z_i; f(x_i), s^2)^c_i, c_1 = 1, c_i = min(1, 2 ln(t_i / t_{i-1})): reports count as
 * two for each e-fold of time, however densely a program reports, as in the bank (curve_bank.c).  No mixture
 * of families is the true curve, and what is left over wanders: with c_i = 1, the paper's likelihood,
 * intervals of 90 % held 70 % of the ends on 8 problems, now they hold 77 %.  So few reports say as much as
 * many: of more than 16 those are taken that are even in ln t.  It needs the prior of s: with a uniform one,
 * as in the paper, all of a curve that bends may count as noise.
 *
 * Posterior: univariate slice sampling (Neal 2003) of all 48 numbers, ten short chains where the paper runs
 * an ensemble of walkers.  As there, chains begin at least-squares fits of each family alone (Nelder and
 * Mead, from three points of the box) and at their deviation.  Their weights: in inverse proportion to the
 * squares that each fit leaves, times exponential variables.  From equal weights a chain is long in finding
 * the few families that fit, and of one chain the draws are all of one opinion.
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
    DIMS = 48,   /* 36 parameters, 11 weights, ln s */
    POINTS = 16, /* of a curve */
    CHAINS = 10,
    BURN = 5, /* sweeps of a chain that are left out */
    ENDS = 2, /* the ends of the range, x = 1 and x = 100, behind them */
    FIT_EVALUATIONS = 300,
    FIT_AGAIN = 2,
    NM_WORK = (P + 1) * (P + 1) + 4 * P
};

static const double SPAN = 99;
static const double MOST_WEIGHT = 10, LEAST_WEIGHT = 0.1; /* of v_k; at the start of a chain */
static const double PER_EFOLD = 2;                        /* reports that count, for each e-fold of time */
static const double LN_NOISE = -5;                        /* prior mean of ln s */
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

/* Family k at n points x, ln = ln x.  Arrays, since nearly all the time goes into exponentials. */
static void family_values(size_t k, const double *p, const double *x, const double *ln, size_t n, double *out)
{
    static const int exps[HPO_CURVE_FAMILIES] = {1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0};
    double ln_p2 = k == 3 || k == 6 || k == 9 ? hpo_log(p[2]) : 0;
    for (size_t i = 0; i < n; i++)
        switch (k) {
        case 0:
            out[i] = p[0] + p[1] / x[i] + p[2] * ln[i];
            break;
        case 1:
            out[i] = -p[2] * ln[i];
            break;
        case 2:
            out[i] = p[0] * ln[i] + p[1];
            break;
        case 3:
            out[i] = p[1] * (ln_p2 - ln[i]);
            break;
        case 4:
            out[i] = p[2] * (ln[i] - p[1]);
            break;
        case 5:
            out[i] = p[1] * x[i] + p[2];
            break;
        case 6:
        case 9:
            out[i] = p[3] * (ln_p2 + ln[i]);
            break;
        case 7:
        case 8:
            out[i] = p[3] * ln[i];
            break;
        default:
            out[i] = x[i] + 1;
        }
    if (k == 2 || k == 5 || k == 10) hpo_log_n(out, n, out);
    if (k == 5)
        for (size_t i = 0; i < n; i++)
            out[i] = -p[3] * out[i];
    if (exps[k]) hpo_exp_n(out, n, out);
    if (k >= 7 && k <= 9) {
        for (size_t i = 0; i < n; i++)
            out[i] = k == 7 ? -p[1] * out[i] + p[2] : k == 8 ? -p[2] * out[i] : -out[i];
        hpo_exp_n(out, n, out);
    }
    for (size_t i = 0; i < n; i++)
        switch (k) {
        case 1:
            out[i] = p[0] - p[1] * out[i];
            break;
        case 3:
        case 4:
            out[i] = p[0] / (out[i] + 1);
            break;
        case 5:
        case 7:
            out[i] = p[0] - out[i];
            break;
        case 6:
            out[i] = p[0] - (p[0] - p[1]) / (1 + out[i]);
            break;
        case 8:
        case 9:
            out[i] = p[0] - (p[0] - p[1]) * out[i];
            break;
        case 10:
            out[i] = p[0] - p[1] / out[i];
            break;
        default:
            break;
        }
}

double hpo_curve_family_value(size_t i, const double *p, double x)
{
    double ln = hpo_log(x), out;
    family_values(i, p, &x, &ln, 1, &out);
    return out;
}

struct hpo_curve_ensemble {
    size_t n;
    double x[POINTS + ENDS], ln[POINTS + ENDS], z[POINTS], count[POINTS],
        counted;                     /* count: c_i; counted: their sum */
    double values[K][POINTS + ENDS]; /* each family at x */
    double known[K][P];              /* parameters that values belong to */
    double sum[POINTS + ENDS];
    size_t first[K]; /* of a family's parameters in the vector of all */
    size_t fitted;   /* the family that squares() looks at */
    double work[NM_WORK];
};

hpo_status hpo_curve_ensemble_create(hpo_curve_ensemble **out, hpo_error *err)
{
    hpo_curve_ensemble *e = *out = hpo_calloc(1, sizeof *e);
    if (e == NULL) return hpo_fail_memory(err);
    for (size_t k = 1; k < K; k++)
        e->first[k] = e->first[k - 1] + hpo_curve_families[k - 1].n_params;
    return HPO_OK;
}

void hpo_curve_ensemble_free(hpo_curve_ensemble *e)
{
    hpo_free(e);
}

/* ---- density ---------------------------------------------------------------------------------------- */

static void evaluate(hpo_curve_ensemble *e, size_t k, const double *p)
{
    family_values(k, p, e->x, e->ln, e->n + ENDS, e->values[k]);
    memcpy(e->known[k], p, hpo_curve_families[k].n_params * sizeof *p);
}

static double log_density(void *ctx, const double *xi, double *gradient)
{
    hpo_curve_ensemble *e = ctx;
    const double *weight = xi + DIMS - 1 - K;
    double ln_s = xi[DIMS - 1], squares = 0, total = 0; /* total: of the v_k */
    (void)gradient;
    for (size_t i = 0; i < e->n + ENDS; i++)
        e->sum[i] = 0;
    for (size_t k = 0; k < K; k++)
        total += weight[k];
    if (!(total > 0)) return -HUGE_VAL;
    for (size_t k = 0; k < K; k++) {
        const double *p = xi + e->first[k];
        if (memcmp(p, e->known[k], hpo_curve_families[k].n_params * sizeof *p) != 0) evaluate(e, k, p);
        double w = weight[k] / total;
        for (size_t i = 0; i < e->n + ENDS; i++)
            e->sum[i] += w * e->values[k][i];
    }
    if (!(e->sum[e->n + 1] > e->sum[e->n] && e->sum[e->n + 1] < HIGHEST)) return -HUGE_VAL;
    for (size_t i = 0; i < e->n; i++) {
        double d = e->z[i] - e->sum[i];
        squares += e->count[i] * d * d;
    }
    double value = -e->counted * ln_s - 0.5 * squares * hpo_exp(-2 * ln_s) - total -
                   0.5 * (ln_s - LN_NOISE) * (ln_s - LN_NOISE);
    return isfinite(value) ? value : -HUGE_VAL;
}

/* ---- start ------------------------------------------------------------------------------------------ */

static double squares(void *ctx, const double *p, double *gradient)
{
    const hpo_curve_ensemble *e = ctx;
    double sum = 0, f[POINTS];
    (void)gradient;
    family_values(e->fitted, p, e->x, e->ln, e->n, f);
    for (size_t i = 0; i < e->n; i++) {
        double d = e->z[i] - f[i];
        sum += e->count[i] * d * d;
    }
    return sum;
}

static double descend(hpo_curve_ensemble *e, const hpo_curve_family *f, double step, double *p)
{
    return hpo_nelder_mead(squares, e, f->n_params, f->low, f->high, p, step, FIT_EVALUATIONS, 1e-10,
                           e->work);
}

/* Best of three descents, and on from there: with four parameters one stops half-way. */
static double fit_family(hpo_curve_ensemble *e, size_t k, double *best)
{
    static const double starts[] = {0.5, 0.2, 0.8};
    const hpo_curve_family *f = &hpo_curve_families[k];
    double least = INFINITY, p[P];
    e->fitted = k;
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        for (size_t i = 0; i < f->n_params; i++)
            p[i] = f->low[i] + starts[s] * (f->high[i] - f->low[i]);
        double v = descend(e, f, 0.1, p);
        if (!(v < least)) continue;
        least = v;
        memcpy(best, p, f->n_params * sizeof *p);
    }
    for (size_t i = 0; i < FIT_AGAIN; i++)
        least = descend(e, f, 0.05, best);
    return least;
}

/* Each family at its fit; weights in inverse proportion to the squares that it leaves. */
static void start(hpo_curve_ensemble *e, double *xi)
{
    double left[K], total = 0, sum = 0;
    for (size_t k = 0; k < K; k++) {
        left[k] = fit_family(e, k, xi + e->first[k]) / e->counted + 1e-7;
        evaluate(e, k, xi + e->first[k]);
        total += 1 / left[k];
    }
    for (size_t k = 0; k < K; k++) {
        xi[DIMS - 1 - K + k] = fmin(K / left[k] / total, MOST_WEIGHT);
        sum += K / total;
    }
    xi[DIMS - 1] = fmin(fmax(0.5 * hpo_log(sum / K), -8.9), -0.1);
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
        high[k] = MOST_WEIGHT;
    }
    low[DIMS - 1] = -9;
    high[DIMS - 1] = 0;
    for (size_t i = 0; i < DIMS; i++)
        width[i] = 0.1 * (high[i] - low[i]);
}

/* ---- reports ----------------------------------------------------------------------------------------- */

/* Of n reports those that are looked at: the first, the last, and what lies evenly between them in ln t. */
static void take_reports(hpo_curve_ensemble *e, const double *t, const double *y, size_t n)
{
    size_t m = 0;
    double at = 0, gap = 0;
    e->counted = 0;
    for (size_t i = 0; i < n; i++) {
        double ln_t = hpo_log(t[i]);
        if (m > 0 && i + 1 < n && n > POINTS && (ln_t < at + gap || m == POINTS - 1)) continue;
        e->count[m] = m == 0 ? 1 : fmin(1, PER_EFOLD * (ln_t - at));
        e->counted += e->count[m];
        e->x[m] = 1 + SPAN * t[i];
        e->z[m++] = 1 - y[i];
        at = ln_t;
        if (m < POINTS) gap = (hpo_log(t[n - 1]) - at) / (double)(POINTS - m);
    }
    e->n = m;
    e->x[m] = 1;
    e->x[m + 1] = 1 + SPAN;
    hpo_log_n(e->x, m + ENDS, e->ln);
}

/* Other weights for another chain; 0: the density is 0 there, all is as it was. */
static int spread_weights(hpo_curve_ensemble *e, hpo_rng *rng, double *xi)
{
    double *v = xi + DIMS - 1 - K, old[K];
    memcpy(old, v, sizeof old);
    for (size_t k = 0; k < K; k++)
        v[k] = fmin((v[k] + LEAST_WEIGHT) * -hpo_log(1 - hpo_rng_uniform(rng)), MOST_WEIGHT);
    if (isfinite(log_density(e, xi, NULL))) return 1;
    memcpy(v, old, sizeof old);
    return 0;
}

/* ---- samples ---------------------------------------------------------------------------------------- */

hpo_status hpo_curve_ensemble_sample(hpo_curve_ensemble *e, const double *t, const double *y, size_t n,
                                     hpo_rng *rng, size_t k, double *mean, double *sd, hpo_error *err)
{
    double first[DIMS], xi[DIMS], low[DIMS], high[DIMS], width[DIMS];
    if (n < 2) return hpo_fail(err, HPO_EINVAL, "a curve must have 2 reports or more, not %zu", n);
    take_reports(e, t, y, n);
    bounds(e, low, high, width);
    start(e, first);
    double logp = log_density(e, first, NULL);
    for (size_t f = 0; !isfinite(logp) && f < K; f++) { /* a falling fit: what rises outweighs it */
        double *p = first + e->first[f];
        if (hpo_curve_family_value(f, p, 1 + SPAN) <= hpo_curve_family_value(f, p, 1))
            first[DIMS - 1 - K + f] = 0;
        logp = log_density(e, first, NULL);
    }
    if (!isfinite(logp)) { /* nothing rises: a flat start with the least rise */
        double *p = first + e->first[1];
        p[1] = 1e-6;
        first[DIMS - 1 - K + 1] = 1;
        logp = log_density(e, first, NULL);
    }
    for (size_t c = 0, kept = 0; c < CHAINS; c++) {
        memcpy(xi, first, sizeof xi);
        double lp = spread_weights(e, rng, xi) ? log_density(e, xi, NULL) : logp;
        for (size_t i = 0; kept < k * (c + 1) / CHAINS; i++) {
            hpo_slice_sweep(log_density, e, DIMS, low, high, width, rng, xi, &lp);
            if (i < BURN) continue;
            (void)log_density(e, xi, NULL); /* the sum at this sample */
            mean[kept] = 1 - e->sum[e->n + 1];
            sd[kept++] = hpo_exp(xi[DIMS - 1]);
        }
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
