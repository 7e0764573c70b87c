/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/confirm.c - ranking a few configurations by repeated measurements.
 *
 * Variances of few measurements are moderated by the pooled one: with f_i degrees of freedom of arm i and
 * PRIOR of the pooled variance s_0^2,  s_i^2 = (f_i v_i + PRIOR s_0^2) / (f_i + PRIOR)  (Smyth, Stat. Appl.
 * Genet. Mol. Biol. 3, 2004, with the prior's weight fixed).  The mean of arm i is t-distributed around what
 * was measured, with f_i + PRIOR degrees of freedom (no more than there are in all) and scale s_i /
 * sqrt(n_i); P(best) is the share of joint draws in which it is smallest.
 *
 * Further measurements go where they help to tell the best, b, from the others: optimal computing budget
 * allocation (Chen, Lin, Yucesan & Chick, Discrete Event Dynamic Systems 10, 2000), n_i : n_j = (s_i / d_i)^2
 * : (s_j / d_j)^2,  d_i = mean_i - mean_b,     n_b = s_b sqrt(sum n_i^2 / s_i^2). Arms with fewer than
 * MIN_RUNS measurements come first. */
#include "analysis/confirm.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/dist.h"
#include "math/func.h"
#include "math/rng.h"

static const double TWO_PI = 6.283185307179586;
enum { PRIOR = 4, MIN_RUNS = 2, DRAWS = 4000 };

typedef struct pooled {
    double variance; /* NaN: unknown */
    double dof;
} pooled;

static pooled pool(const hpo_arm *arms, size_t n)
{
    double m2 = 0, dof = 0;
    for (size_t i = 0; i < n; i++) {
        if (arms[i].n < 2) continue;
        m2 += arms[i].m2;
        dof += (double)(arms[i].n - 1);
    }
    return (pooled){dof > 0 ? m2 / dof : (double)NAN, dof};
}

static double degrees(const hpo_arm *a, const pooled *p)
{
    double own = a->n > 0 ? (double)(a->n - 1) : 0;
    return fmin(own + PRIOR, p->dof);
}

static void intervals(hpo_arm *arms, size_t n, const pooled *p)
{
    for (size_t i = 0; i < n; i++) {
        hpo_arm *a = &arms[i];
        double own = a->n > 1 ? (double)(a->n - 1) : 0, m2 = a->n > 1 ? a->m2 : 0;
        a->sd = sqrt((m2 + PRIOR * p->variance) / (own + PRIOR));
        a->low = -HUGE_VAL;
        a->high = HUGE_VAL;
        if (a->n == 0 || isnan(a->sd)) continue;
        double wide = hpo_student_quantile(0.95, degrees(a, p)) * a->sd / sqrt((double)a->n);
        a->low = a->mean - wide;
        a->high = a->mean + wide;
    }
}

/* Student's t by Bailey's polar method, Mathematics of Computation 62 (1994): exact, from two uniforms. */
static double draw_t(hpo_rng *rng, double dof)
{
    double u = 1 - hpo_rng_uniform(rng), v = hpo_rng_uniform(rng);
    return sqrt(dof * (hpo_pow(u, -2 / dof) - 1)) * hpo_cos(TWO_PI * v);
}

static void chances(hpo_arm *arms, size_t n, const pooled *p, uint64_t seed, uint64_t index)
{
    hpo_rng rng;
    size_t measured = 0;
    for (size_t i = 0; i < n; i++) {
        arms[i].p_best = 0;
        measured += arms[i].n > 0;
    }
    if (measured < n || isnan(p->variance)) { /* nothing is known of some: no chances */
        for (size_t i = 0; i < n; i++)
            arms[i].p_best = (double)NAN;
        return;
    }
    hpo_rng_init(&rng, seed, index, HPO_RNG_ANALYSIS);
    for (int k = 0; k < DRAWS; k++) {
        size_t best = 0;
        double least = HUGE_VAL;
        for (size_t i = 0; i < n; i++) {
            const hpo_arm *a = &arms[i];
            double t = a->sd > 0 ? draw_t(&rng, degrees(a, p)) : 0;
            double f = a->mean + t * a->sd / sqrt((double)a->n);
            if (!(f < least)) continue;
            least = f;
            best = i;
        }
        arms[best].p_best += 1.0 / DRAWS;
    }
}

/* Hands `more` out one by one to whoever is furthest below its share: exact sums, ties to the first. */
static void hand_out(hpo_arm *arms, size_t n, const double *share, size_t more)
{
    double total = (double)more;
    for (size_t i = 0; i < n; i++)
        total += (double)arms[i].n;
    for (; more > 0; more--) {
        size_t poorest = 0;
        double gap = -HUGE_VAL;
        for (size_t i = 0; i < n; i++) {
            double missing = share[i] * total - (double)(arms[i].n + arms[i].next);
            if (!(missing > gap)) continue;
            gap = missing;
            poorest = i;
        }
        arms[poorest].next++;
    }
}

/* Shares of OCBA; arms that equal the best in value share alike with the closest one that differs. */
static void shares(const hpo_arm *arms, size_t n, double *share)
{
    size_t b = 0;
    double sum = 0, square = 0, least = HUGE_VAL;
    for (size_t i = 1; i < n; i++)
        if (arms[i].mean < arms[b].mean) b = i;
    for (size_t i = 0; i < n; i++)
        if (arms[i].mean > arms[b].mean) least = fmin(least, arms[i].mean - arms[b].mean);
    for (size_t i = 0; i < n; i++) {
        double d = fmax(arms[i].mean - arms[b].mean, least < HUGE_VAL ? least / 2 : 1), r = arms[i].sd / d;
        share[i] = i == b ? 0 : r * r;
        if (i != b && arms[i].sd > 0) square += share[i] * share[i] / (arms[i].sd * arms[i].sd);
    }
    share[b] = arms[b].sd * sqrt(square);
    for (size_t i = 0; i < n; i++)
        sum += share[i];
    for (size_t i = 0; i < n; i++)
        share[i] = sum > 0 && sum < HUGE_VAL ? share[i] / sum : 1 / (double)n;
}

hpo_status hpo_confirm(hpo_arm *arms, size_t n, size_t more, uint64_t seed, uint64_t index, hpo_error *err)
{
    const pooled p = pool(arms, n);
    double *share = hpo_alloc_array(n + 1, sizeof *share);
    if (share == NULL) return hpo_fail_memory(err);
    intervals(arms, n, &p);
    chances(arms, n, &p, seed, index);
    for (size_t i = 0; i < n; i++)
        arms[i].next = 0;
    for (size_t runs = 0; runs < MIN_RUNS; runs++)
        for (size_t i = 0; i < n && more > 0; i++)
            if (arms[i].n + arms[i].next <= runs) {
                arms[i].next++;
                more--;
            }
    if (more > 0 && p.variance > 0)
        shares(arms, n, share);
    else
        for (size_t i = 0; i < n; i++)
            share[i] = 1 / (double)n;
    hand_out(arms, n, share, more);
    hpo_free(share);
    return HPO_OK;
}
