/* SPDX-License-Identifier: Apache-2.0 */
/* math/lhs.c - Latin hypercube designs, and two measures of the quality of a design.
 *
 * x_ij = (pi_j(i) + u_ij) / n, pi_j independent random permutations, u_ij uniform in [0, 1) (McKay,
 * Beckman, Conover 1979) or 1/2. Exchanging the j-th coordinates of two rows keeps the Latin property;
 * both improved kinds do that.
 *
 * MAXIMIN: up to 20 plain designs, the one with the largest smallest distance; then exchanges between a
 * row of the closest pair and a random row, kept when they part the two rows from all others by more than
 * the smallest distance.
 *
 * OPTIMIZED: simulated annealing (Morris & Mitchell 1995, section 4) on phi_p = (sum over pairs
 * d^-p)^(1/p), p = 20, a smooth stand-in for the smallest distance. The temperature applies to log phi_p,
 * so it has no unit, and falls geometrically from 0.1 to 1e-4. The best design met is returned.
 *
 * Work is bounded by WORK coordinate differences beside one pass over all pairs: large designs get fewer
 * steps, and those whose single pass exceeds 10 WORK (n^2 dims > 2e8) stay plain. Everything is a function of
 * (kind, n, dims, seed).
 *
 * Centred L2 discrepancy: Hickernell (1998), "A generalized discrepancy and quadrature error bound",
 * equation 5.1c; the root, not the square. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/qmc.h"
#include "math/rng.h"

static const double WORK = 1e7;      /* some 10 ms */
static const double CLOSEST = 1e-24; /* floor of squared distances, so that d^-20 stays finite */

static const double BELOW_ONE = 0x1.fffffffffffffp-1;

static void plain(hpo_rng *rng, int centred, size_t n, size_t dims, uint32_t *perm, double *out)
{
    double width = 1.0 / (double)n;
    for (size_t j = 0; j < dims; j++) {
        hpo_rng_permutation(rng, n, perm);
        for (size_t i = 0; i < n; i++) {
            double u = centred ? 0.5 : hpo_rng_uniform(rng);
            double x = ((double)perm[i] + u) * width;
            /* Rounding must not carry a point into the next cell. */
            if (x * (double)n >= (double)perm[i] + 1.0) x = nextafter(x, 0.0);
            out[i * dims + j] = x < 1.0 ? x : BELOW_ONE;
        }
    }
}

static double square_distance(const double *a, const double *b, size_t dims)
{
    double s = 0.0;
    for (size_t k = 0; k < dims; k++) {
        double d = a[k] - b[k];
        s += d * d;
    }
    return s;
}

typedef struct pair {
    size_t a, b;
    double d2;
} pair;

static pair closest_pair(const double *x, size_t n, size_t dims)
{
    pair best = {0, 0, HUGE_VAL};
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            double d2 = square_distance(x + i * dims, x + k * dims, dims);
            if (d2 < best.d2) best = (pair){k, i, d2};
        }
    }
    return best;
}

static void exchange(double *x, size_t dims, size_t a, size_t b, size_t j)
{
    double t = x[a * dims + j];
    x[a * dims + j] = x[b * dims + j];
    x[b * dims + j] = t;
}

/* Smallest squared distance of rows a and b to any row. */
static double nearest_of(const double *x, size_t n, size_t dims, size_t a, size_t b)
{
    double best = HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        if (i != a) {
            double d = square_distance(x + i * dims, x + a * dims, dims);
            if (d < best) best = d;
        }
        if (i != b) {
            double d = square_distance(x + i * dims, x + b * dims, dims);
            if (d < best) best = d;
        }
    }
    return best;
}

static void maximin(hpo_rng *rng, size_t n, size_t dims, uint32_t *perm, double *x, double *best)
{
    double pass = 0.5 * (double)n * (double)n * (double)dims, work = 0.0;
    pair worst = {0, 0, -1.0};
    if (pass > 10.0 * WORK) {
        plain(rng, 0, n, dims, perm, best);
        return;
    }
    for (int t = 0; t < 20 && (t == 0 || work + pass < 0.5 * WORK); t++) {
        plain(rng, 0, n, dims, perm, x);
        pair p = closest_pair(x, n, dims);
        if (p.d2 > worst.d2) {
            worst = p;
            memcpy(best, x, n * dims * sizeof *x);
        }
        work += pass;
    }
    if (n < 3) return;
    double probe = 2.0 * (double)n * (double)dims;
    while (work < WORK) {
        size_t a = hpo_rng_below(rng, 2) ? worst.a : worst.b, b = (size_t)hpo_rng_below(rng, n - 1);
        size_t j = (size_t)hpo_rng_below(rng, dims);
        if (b >= a) b++;
        work += probe;
        exchange(best, dims, a, b, j);
        if (nearest_of(best, n, dims, a, b) > worst.d2) {
            worst = closest_pair(best, n, dims); /* other pairs were no closer: it has not shrunk */
            work += pass;
        } else {
            exchange(best, dims, a, b, j);
        }
    }
}

static inline double term(double d2)
{
    double r = 1.0 / (d2 > CLOSEST ? d2 : CLOSEST), r2 = r * r, r4 = r2 * r2;
    return r4 * r4 * r2; /* d^-20 */
}

static double phi_sum(const double *x, size_t n, size_t dims)
{
    double s = 0.0;
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            s += term(square_distance(x + i * dims, x + k * dims, dims));
    }
    return s;
}

/* Share of the pairs with exactly one of a and b in the sum. */
static double phi_of(const double *x, size_t n, size_t dims, size_t a, size_t b)
{
    double s = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (i == a || i == b) continue;
        s += term(square_distance(x + i * dims, x + a * dims, dims));
        s += term(square_distance(x + i * dims, x + b * dims, dims));
    }
    return s;
}

static void anneal(hpo_rng *rng, size_t n, size_t dims, double *x, double *best)
{
    memcpy(best, x, n * dims * sizeof *x);
    if (n < 3) return;
    double pass = 0.5 * (double)n * (double)n * (double)dims, probe = 4.0 * (double)n * (double)dims;
    double steps = (WORK - 2.0 * pass) / (probe + 1.0);
    if (steps > 50000.0) steps = 50000.0;
    if (!(steps >= 1.0)) return;
    double sum = phi_sum(x, n, dims), low = sum, t = 0.1, cool = hpo_exp(hpo_log(1e-3) / steps);
    for (double done = 0.0; done < steps; done += 1.0, t *= cool) {
        size_t a = (size_t)hpo_rng_below(rng, n), b = (size_t)hpo_rng_below(rng, n - 1);
        size_t j = (size_t)hpo_rng_below(rng, dims);
        if (b >= a) b++;
        double old = phi_of(x, n, dims, a, b);
        exchange(x, dims, a, b, j);
        double now = sum - old + phi_of(x, n, dims, a, b);
        double rise = now > 0.0 ? hpo_log(now / sum) / 20.0 : -1.0;
        if (rise <= 0.0 || hpo_rng_uniform(rng) < hpo_exp(-rise / t)) {
            /* The difference of sums that differ by many orders of magnitude is not to be trusted. */
            sum = now > 1e-3 * sum ? now : phi_sum(x, n, dims);
            if (sum < low) {
                low = sum;
                memcpy(best, x, n * dims * sizeof *x);
            }
        } else {
            exchange(x, dims, a, b, j);
        }
    }
}

hpo_status hpo_lhs(hpo_lhs_kind kind, size_t n, size_t dims, uint64_t seed, double *out, hpo_error *err)
{
    if (n < 1 || n > UINT32_MAX)
        return hpo_fail(err, HPO_EINVAL, "latin hypercube: %zu points; must be 1..4294967295", n);
    if (dims < 1) return hpo_fail(err, HPO_EINVAL, "latin hypercube: 0 dimensions; must be at least 1");
    if ((unsigned)kind > HPO_LHS_OPTIMIZED)
        return hpo_fail(err, HPO_EINVAL, "latin hypercube: kind %d; must be 0..3", (int)kind);
    int improve = kind == HPO_LHS_MAXIMIN || kind == HPO_LHS_OPTIMIZED;
    hpo_status st = HPO_ENOMEM;
    uint32_t *perm = hpo_alloc_array(n, sizeof *perm);
    double *x = improve && dims <= SIZE_MAX / sizeof *x ? hpo_alloc_array(n, dims * sizeof *x) : NULL;
    if (!perm || (improve && !x)) goto done;
    hpo_rng rng;
    hpo_rng_init(&rng, seed, (uint64_t)kind, HPO_RNG_DESIGN);
    switch (kind) {
    case HPO_LHS_PLAIN:
        plain(&rng, 0, n, dims, perm, out);
        break;
    case HPO_LHS_CENTERED:
        plain(&rng, 1, n, dims, perm, out);
        break;
    case HPO_LHS_MAXIMIN:
        maximin(&rng, n, dims, perm, x, out);
        break;
    case HPO_LHS_OPTIMIZED:
        plain(&rng, 0, n, dims, perm, x);
        anneal(&rng, n, dims, x, out);
        break;
    }
    st = HPO_OK;
done:
    hpo_free(perm);
    hpo_free(x);
    return st == HPO_OK ? HPO_OK : hpo_fail_memory(err);
}

double hpo_min_distance(const double *x, size_t n, size_t dims)
{
    return sqrt(closest_pair(x, n, dims).d2);
}

double hpo_centered_discrepancy(const double *x, size_t n, size_t dims)
{
    if (n == 0) return (double)NAN;
    double constant = 1.0, single = 0.0, twice = 0.0;
    for (size_t k = 0; k < dims; k++)
        constant *= 13.0 / 12.0;
    for (size_t i = 0; i < n; i++) {
        const double *a = x + i * dims;
        double p = 1.0, own = 1.0, row = 0.0;
        for (size_t k = 0; k < dims; k++) {
            double d = fabs(a[k] - 0.5);
            p *= 1.0 + 0.5 * d - 0.5 * d * d;
            own *= 1.0 + d;
        }
        for (size_t l = 0; l < i; l++) {
            const double *b = x + l * dims;
            double q = 1.0;
            for (size_t k = 0; k < dims; k++)
                q *= 1.0 + 0.5 * fabs(a[k] - 0.5) + 0.5 * fabs(b[k] - 0.5) - 0.5 * fabs(a[k] - b[k]);
            row += q;
        }
        single += p;
        twice += 2.0 * row + own;
    }
    double c = (double)n, square = constant - 2.0 / c * single + twice / (c * c);
    return square > 0.0 ? sqrt(square) : 0.0;
}
