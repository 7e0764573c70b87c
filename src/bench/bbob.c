/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bbob.c - the values of the 24 noiseless BBOB functions (RR-6829; docs/problems.md has the formulas).
 *
 * Written for speed where the definition allows it: powers of coordinates as exp(p log x), Gallagher's
 * maximum over the logarithms of the peaks (one exponential instead of 101), Weierstrass's cosines of angles
 * 3^k a as powers of a complex number, (cos a + i sin a)^(3^k), whose rounding error grows no faster than
 * that of the angle itself. */
#include "bench/bbob.h"

#include <math.h>
#include <string.h>

#include "bench/make.h"
#include "math/func.h"

/* ---- transformations -------------------------------------------------------------------------- */

static void from_optimum(const hpo_bbob *b, const double *x, double *t)
{
    for (size_t i = 0; i < b->d; i++)
        t[i] = x[i] - b->xopt[i];
}

/* out = m t, m by columns */
static void apply(const double *m, size_t d, const double *t, double *out)
{
    memset(out, 0, d * sizeof *out);
    for (size_t j = 0; j < d; j++) {
        const double *c = m + j * d;
        double w = t[j];
        for (size_t i = 0; i < d; i++)
            out[i] += c[i] * w;
    }
}

/* T_osz: sign(t) exp(l + 0.049 (sin(c1 l) + sin(c2 l))), l = ln |t|. */
static double oscillated(double t)
{
    if (t == 0) return 0;
    double l = hpo_log(fabs(t));
    double wave = t > 0 ? hpo_sin(10 * l) + hpo_sin(7.9 * l) : hpo_sin(5.5 * l) + hpo_sin(3.1 * l);
    double size = hpo_exp(l + 0.049 * wave);
    return t > 0 ? size : -size;
}

static void oscillate(double *t, size_t d)
{
    for (size_t i = 0; i < d; i++)
        t[i] = oscillated(t[i]);
}

/* T_asy: t^(1 + skew_i sqrt(t)) for t > 0. */
static void skew(const hpo_bbob *b, double *t)
{
    for (size_t i = 1; i < b->d; i++)
        if (t[i] > 0) t[i] *= hpo_exp(b->skew[i] * sqrt(t[i]) * hpo_log(t[i]));
}

static double sum_of_squares(const double *z, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += z[i] * z[i];
    return s;
}

/* cos(2 pi z): z less a whole number keeps the argument small. */
static double cos_turn(double z)
{
    return hpo_cos(2 * HPO_PI * (z - floor(z + 0.5)));
}

/* ---- shapes ----------------------------------------------------------------------------------- */

static double ellipsoid(const hpo_bbob *b, const double *z)
{
    double s = 0;
    for (size_t i = 0; i < b->d; i++)
        s += b->scale[i] * z[i] * z[i];
    return s;
}

static double rastrigin(const double *z, size_t d)
{
    double waves = 0;
    for (size_t i = 0; i < d; i++)
        waves += 1 - cos_turn(z[i]);
    return 10 * waves + sum_of_squares(z, d);
}

static double rosenbrock(const double *z, size_t d)
{
    double valley = 0, along = 0;
    for (size_t i = 0; i + 1 < d; i++) {
        double a = z[i] * z[i] - z[i + 1], c = z[i] - 1;
        valley += a * a;
        along += c * c;
    }
    return 100 * valley + along;
}

static double linear_slope(const hpo_bbob *b, const double *x)
{
    double s = 0;
    for (size_t i = 0; i < b->d; i++) {
        double towards = b->xopt[i] > 0 ? x[i] : -x[i];
        s += b->scale[i] * (5 - fmin(towards, 5));
    }
    return s;
}

static double attractive_sector(const hpo_bbob *b, const double *z)
{
    double s = 0;
    for (size_t i = 0; i < b->d; i++) {
        double v = z[i] * b->xopt[i] > 0 ? 100 * z[i] : z[i];
        s += v * v;
    }
    return s > 0 ? hpo_pow(oscillated(s), 0.9) : 0;
}

/* t = x - xopt; z = second t scaled and rounded, then turned by first. */
static double step_ellipsoid(const hpo_bbob *b, const double *t, double *z, double *w)
{
    size_t d = b->d;
    apply(b->second, d, t, z);
    for (size_t i = 0; i < d; i++)
        z[i] *= b->scale[i];
    double lead = fabs(z[0]), s = 0;
    for (size_t i = 0; i < d; i++)
        z[i] = fabs(z[i]) > 0.5 ? floor(z[i] + 0.5) : floor(10 * z[i] + 0.5) / 10;
    apply(b->first, d, z, w);
    for (size_t i = 0; i < d; i++) /* 100^(i/(d-1)): the square of 10^(i/(d-1)), itself a square of scale */
        s += b->scale[i] * b->scale[i] * b->scale[i] * b->scale[i] * w[i] * w[i];
    return 0.1 * fmax(1e-4 * lead, s);
}

static double discus(const double *z, size_t d)
{
    return 1e6 * z[0] * z[0] + sum_of_squares(z + 1, d - 1);
}

static double bent_cigar(const double *z, size_t d)
{
    return z[0] * z[0] + 1e6 * sum_of_squares(z + 1, d - 1);
}

static double sharp_ridge(const double *z, size_t d)
{
    return z[0] * z[0] + 100 * sqrt(sum_of_squares(z + 1, d - 1));
}

static double different_powers(const hpo_bbob *b, const double *z)
{
    double s = 0;
    for (size_t i = 0; i < b->d; i++)
        if (z[i] != 0) s += hpo_exp(b->scale[i] * hpo_log(fabs(z[i])));
    return sqrt(s);
}

/* 10 (mean_i sum_k 2^-k (1 - cos(2 pi 3^k z_i)))^3, k = 0..11: the definition with its constant taken inside,
 * since cos(2 pi 3^k (z + 1/2)) = -cos(2 pi 3^k z). */
static double weierstrass(const double *z, size_t d)
{
    enum { TERMS = 12 };
    double s = 0;
    for (size_t i = 0; i < d; i++) {
        double a = HPO_PI * (z[i] - floor(z[i] + 0.5)), c = hpo_cos(a), n = hpo_sin(a), weight = 2;
        for (int k = 0; k < TERMS; k++, weight *= 0.5) {
            s += weight * n * n; /* 1 - cos 2a = 2 sin^2 a */
            double cc = c * c, nn = n * n;
            c *= cc - 3 * nn;
            n *= 3 * cc - nn;
        }
    }
    s /= (double)d;
    return 10 * s * s * s;
}

static double schaffers(const double *z, size_t d)
{
    double s = 0;
    for (size_t i = 0; i + 1 < d; i++) {
        double r = z[i] * z[i] + z[i + 1] * z[i + 1];
        if (r == 0) continue;
        double wave = hpo_sin(50 * hpo_exp(0.1 * hpo_log(r)));
        s += sqrt(sqrt(r)) * (1 + wave * wave);
    }
    s /= (double)(d - 1);
    return s * s;
}

static double griewank_rosenbrock(const double *z, size_t d)
{
    double s = 0;
    for (size_t i = 0; i + 1 < d; i++) {
        double a = z[i] * z[i] - z[i + 1], c = 1 - z[i], r = 100 * a * a + c * c;
        s += r / 4000 + (1 - hpo_cos(r));
    }
    return 10 * s / (double)(d - 1);
}

/* x unshifted.  Coordinates in hundreds; the optimum at 4.2096874637 in each. */
static double schwefel(const hpo_bbob *b, const double *x)
{
    double sum = 0, outside = 0, before = 0;
    for (size_t i = 0; i < b->d; i++) {
        double centre = 2 * fabs(b->xopt[i]);
        double here = b->xopt[i] < 0 ? -2 * x[i] : 2 * x[i];
        double z = here + (i > 0 ? 0.25 * (before - centre) : 0);
        z = 100 * (b->scale[i] * (z - centre) + centre);
        double beyond = fabs(z) - 500;
        if (beyond > 0) outside += beyond * beyond;
        sum += z * hpo_sin(sqrt(fabs(z)));
        before = here;
    }
    return 0.01 * (418.9828872724339 - sum / (double)b->d) + 0.01 * outside;
}

/* z = Q x */
static double gallagher(const hpo_bbob *b, const double *z)
{
    double best = -(double)INFINITY, half = -0.5 / (double)b->d;
    for (size_t k = 0; k < b->n_peaks; k++) {
        const double *c = b->centre + k * b->d, *m = b->curvature + k * b->d;
        double q = 0;
        for (size_t i = 0; i < b->d; i++)
            q += m[i] * (z[i] - c[i]) * (z[i] - c[i]);
        best = fmax(best, b->height[k] + half * q);
    }
    /* 10 - exp(best) without cancellation: best <= ln 10 but for a rounding */
    double depth = -10 * hpo_expm1(best - b->height[0]);
    double f = oscillated(fmax(depth, 0));
    return f * f;
}

static double katsuura(const double *z, size_t d)
{
    enum { TERMS = 32 };
    double log_product = 0, n = (double)d;
    for (size_t i = 0; i < d; i++) {
        double s = 0, power = 2;
        for (int k = 0; k < TERMS; k++, power *= 2) {
            double a = z[i] * power;
            s += fabs(a - floor(a + 0.5)) / power;
        }
        log_product += hpo_log1p(s * (double)(i + 1));
    }
    return 10 / n / n * hpo_expm1(log_product * 10 / hpo_pow(n, 1.2));
}

/* x unshifted; t and z: room */
static double lunacek(const hpo_bbob *b, const double *x, double *t, double *z)
{
    const double mu = 2.5;
    double s = b->constant, other = -sqrt((mu * mu - 1) / s), near = 0, far = 0, waves = 0;
    for (size_t i = 0; i < b->d; i++) {
        double v = b->xopt[i] < 0 ? -2 * x[i] : 2 * x[i];
        t[i] = v - mu;
        near += t[i] * t[i];
        far += (v - other) * (v - other);
    }
    apply(b->first, b->d, t, z);
    for (size_t i = 0; i < b->d; i++)
        waves += 1 - cos_turn(z[i]);
    return fmin(near, (double)b->d + s * far) + 10 * waves;
}

/* ---- the 24 functions -------------------------------------------------------------------------- */

static double separable(const hpo_bbob *b, double *t)
{
    size_t d = b->d;
    if (b->function == 1) return sum_of_squares(t, d);
    if (b->function == 8) {
        for (size_t i = 0; i < d; i++)
            t[i] = b->constant * t[i] + 1;
        return rosenbrock(t, d);
    }
    oscillate(t, d);
    if (b->function == 2) return ellipsoid(b, t);
    if (b->function == 3) skew(b, t);
    for (size_t i = 0; i < d; i++) {
        if (b->function == 4 && i % 2 == 0 && t[i] > 0) t[i] *= 10;
        t[i] *= b->scale[i];
    }
    return rastrigin(t, d);
}

/* t = x - xopt; z: room */
static double turned(const hpo_bbob *b, double *t, double *z)
{
    size_t d = b->d;
    apply(b->first, d, t, z);
    switch (b->function) {
    case 6:
        return attractive_sector(b, z);
    case 10:
        oscillate(z, d);
        return ellipsoid(b, z);
    case 11:
        oscillate(z, d);
        return discus(z, d);
    case 12:
        skew(b, z);
        apply(b->first, d, z, t);
        return bent_cigar(t, d);
    case 13:
        return sharp_ridge(z, d);
    case 14:
        return different_powers(b, z);
    case 15:
        oscillate(z, d);
        skew(b, z);
        apply(b->second, d, z, t);
        return rastrigin(t, d);
    case 16:
        oscillate(z, d);
        apply(b->second, d, z, t);
        return weierstrass(t, d);
    case 17:
    case 18:
        skew(b, z);
        apply(b->second, d, z, t);
        for (size_t i = 0; i < d; i++)
            t[i] *= b->scale[i];
        return schaffers(t, d);
    default: /* 23 */
        return katsuura(z, d);
    }
}

static double unshifted(const hpo_bbob *b, const double *x, double *t, double *z)
{
    size_t d = b->d;
    switch (b->function) {
    case 5:
        return linear_slope(b, x);
    case 20:
        return schwefel(b, x);
    case 24:
        return lunacek(b, x, t, z);
    default:
        break;
    }
    apply(b->first, d, x, z);
    if (b->function == 21 || b->function == 22) return gallagher(b, z);
    for (size_t i = 0; i < d; i++)
        z[i] += 0.5;
    return b->function == 9 ? rosenbrock(z, d) : griewank_rosenbrock(z, d);
}

static double outside(const double *x, size_t d)
{
    double s = 0;
    for (size_t i = 0; i < d; i++) {
        double beyond = fabs(x[i]) - 5;
        if (beyond > 0) s += beyond * beyond;
    }
    return s;
}

double hpo_bbob_excess(const hpo_bbob *b, const double *x)
{
    double t[HPO_BENCH_MAX_DIM], z[HPO_BENCH_MAX_DIM], w[HPO_BENCH_MAX_DIM], f;
    t[0] = z[0] = w[0] = 0; /* d >= 2, which the compiler cannot know */
    switch (b->function) {
    case 5:
    case 9:
    case 19:
    case 20:
    case 21:
    case 22:
    case 24:
        f = unshifted(b, x, t, z);
        break;
    case 7:
        from_optimum(b, x, t);
        f = step_ellipsoid(b, t, z, w);
        break;
    case 1:
    case 2:
    case 3:
    case 4:
    case 8:
        from_optimum(b, x, t);
        f = separable(b, t);
        break;
    default:
        from_optimum(b, x, t);
        f = turned(b, t, z);
        break;
    }
    return b->penalty > 0 ? f + b->penalty * outside(x, b->d) : f;
}
