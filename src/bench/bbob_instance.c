/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bbob_instance.c - the instances of the BBOB functions: where the optimum lies, how the axes are
 * turned.
 *
 * Hansen, Finck, Ros, Auger: "Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
 * Definitions", RR-6829, INRIA; Hansen et al.: "COCO", Optimization Methods and Software 36 (2021).  So that
 * values compare with published ones, the random numbers are those of the 2009 experiments:
 *
 *   uniform   Park & Miller's s <- 16807 s mod (2^31 - 1) with a Bays-Durham shuffle over 32 cells, filled by
 *             the last 32 of 40 draws; the cell of the next number is (last number) / 67108865
 *   normal    g_i = sqrt(-2 ln u_i) cos(2 pi u_{n+i}) of 2n uniforms
 *   rotation  d^2 normals, column after column, made orthonormal by Gram and Schmidt
 *   x_opt     8 floor(10^4 u) / 10^4 - 4, a zero becoming -10^-5
 *   f_opt     100 g / g' of seeds s and s + 1, rounded to two decimals, within +-1000
 *
 * Seed s = function + 10^4 instance (f4 shares f3's, f18 shares f17's); the second rotation has s, the first
 * s + 10^6. */
#include "bench/bbob.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/make.h"
#include "math/func.h"
#include "math/stats.h"

enum { CELLS = 32, WARM_UP = 40, ROTATION_SEED = 1000000 };
#define MODULUS 2147483647
#define CELL_WIDTH 67108865

/* ---- random numbers of 2009 ------------------------------------------------------------------- */

static int64_t park_miller(int64_t s)
{
    return s * 16807 % MODULUS;
}

static void uniforms(double *out, size_t n, int64_t seed)
{
    int64_t cells[CELLS], s = seed < 1 ? 1 : seed;
    for (int i = WARM_UP - 1; i >= 0; i--) {
        s = park_miller(s);
        if (i < CELLS) cells[i] = s;
    }
    int64_t last = cells[0];
    for (size_t i = 0; i < n; i++) {
        s = park_miller(s);
        int64_t cell = last / CELL_WIDTH;
        last = cells[cell];
        cells[cell] = s;
        out[i] = last == 0 ? 1e-99 : (double)last / (double)MODULUS;
    }
}

/* work: 2 n numbers */
static void normals(double *out, size_t n, int64_t seed, double *work)
{
    uniforms(work, 2 * n, seed);
    for (size_t i = 0; i < n; i++) {
        double g = sqrt(-2 * hpo_log(work[i])) * hpo_cos(2 * HPO_PI * work[n + i]);
        out[i] = g == 0 ? 1e-99 : g;
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

/* m: d columns of d, orthonormal.  work: 2 d^2. */
static void rotation(double *m, size_t d, int64_t seed, double *work)
{
    normals(m, d * d, seed, work);
    for (size_t i = 0; i < d; i++) {
        double *c = m + i * d;
        for (size_t j = 0; j < i; j++) {
            const double *e = m + j * d;
            double along = dot(c, e, d);
            for (size_t k = 0; k < d; k++)
                c[k] -= along * e[k];
        }
        double length = sqrt(dot(c, c, d));
        for (size_t k = 0; k < d; k++)
            c[k] /= length;
    }
}

/* out = left diag(scale) right, columns */
static void product(const double *left, const double *scale, const double *right, size_t d, double *out)
{
    for (size_t j = 0; j < d; j++) {
        double *c = out + j * d;
        memset(c, 0, d * sizeof *c);
        for (size_t k = 0; k < d; k++) {
            double w = scale[k] * right[j * d + k];
            for (size_t i = 0; i < d; i++)
                c[i] += left[k * d + i] * w;
        }
    }
}

static double draw_fopt(int64_t seed)
{
    double g, h, work[2];
    normals(&g, 1, seed, work);
    normals(&h, 1, seed + 1, work);
    return fmin(1000, fmax(-1000, floor(1e4 * g / h + 0.5) / 100));
}

static void draw_xopt(double *x, size_t d, int64_t seed)
{
    uniforms(x, d, seed);
    for (size_t i = 0; i < d; i++) {
        x[i] = 8 * floor(1e4 * x[i]) / 1e4 - 4;
        if (x[i] == 0) x[i] = -1e-5;
    }
}

/* ---- what each function needs ------------------------------------------------------------------ */

/* Maps: none; first = R; first = R, second = Q; first = R L Q; first = R, second = R L Q; first = c Q. */
typedef enum maps { NO_MAP, MAP_R, MAP_R_Q, MAP_RLQ, MAP_R_RLQ, MAP_CQ, MAP_Q } maps;

/* scale_i = base^(i / (d - 1)). */
typedef struct recipe {
    maps map;
    double base;    /* of scale; 0: none */
    double skew;    /* beta of T_asy */
    double penalty; /* f16: divided by d */
} recipe;

#define SQRT10 3.1622776601683795
#define SQRT1000 31.622776601683793
static const recipe recipes[HPO_BBOB_FUNCTIONS] = {
    {NO_MAP, 0, 0, 0},            /*  1 sphere */
    {NO_MAP, 1e6, 0, 0},          /*  2 ellipsoid */
    {NO_MAP, SQRT10, 0.2, 0},     /*  3 Rastrigin */
    {NO_MAP, SQRT10, 0, 100},     /*  4 Bueche-Rastrigin */
    {NO_MAP, 10, 0, 0},           /*  5 linear slope */
    {MAP_RLQ, SQRT10, 0, 0},      /*  6 attractive sector */
    {MAP_R_Q, SQRT10, 0, 1},      /*  7 step ellipsoid */
    {NO_MAP, 0, 0, 0},            /*  8 Rosenbrock */
    {MAP_CQ, 0, 0, 0},            /*  9 rotated Rosenbrock */
    {MAP_R, 1e6, 0, 0},           /* 10 rotated ellipsoid */
    {MAP_R, 0, 0, 0},             /* 11 discus */
    {MAP_R, 0, 0.5, 0},           /* 12 bent cigar */
    {MAP_RLQ, SQRT10, 0, 0},      /* 13 sharp ridge */
    {MAP_R, 0, 0, 0},             /* 14 different powers */
    {MAP_R_RLQ, SQRT10, 0.2, 0},  /* 15 rotated Rastrigin */
    {MAP_R_RLQ, 0.1, 0, 10},      /* 16 Weierstrass */
    {MAP_R_Q, SQRT10, 0.5, 10},   /* 17 Schaffers F7 */
    {MAP_R_Q, SQRT1000, 0.5, 10}, /* 18 the same, ill-conditioned */
    {MAP_CQ, 0, 0, 0},            /* 19 Griewank-Rosenbrock */
    {NO_MAP, SQRT10, 0, 0},       /* 20 Schwefel */
    {MAP_Q, 0, 0, 1},             /* 21 Gallagher, 101 peaks */
    {MAP_Q, 0, 0, 1},             /* 22 Gallagher, 21 peaks */
    {MAP_RLQ, 10, 0, 1},          /* 23 Katsuura */
    {MAP_RLQ, 10, 0, 1e4},        /* 24 Lunacek bi-Rastrigin */
};

static size_t n_peaks_of(int function)
{
    return function == 21 ? 101 : function == 22 ? 21 : 0;
}

static void fill_maps(hpo_bbob *b, maps map, int64_t seed, double *work)
{
    size_t d = b->d, dd = d * d;
    double *r = work, *q = work + dd, *scratch = work + 2 * dd;
    if (map == NO_MAP) return;
    rotation(r, d, seed + ROTATION_SEED, scratch);
    rotation(q, d, seed, scratch);
    const double *first = map == MAP_CQ || map == MAP_Q ? q : r;
    memcpy(b->first, first, dd * sizeof *first);
    if (map == MAP_R_Q) memcpy(b->second, q, dd * sizeof *q);
    if (map == MAP_RLQ) product(r, b->scale, q, d, b->first);
    if (map == MAP_R_RLQ) product(r, b->scale, q, d, b->second);
    if (map == MAP_CQ)
        for (size_t i = 0; i < dd; i++)
            b->first[i] *= b->constant;
}

/* f9 and f19: the maps send x to c Q x + 1/2, and the optimum to (1, ..., 1). */
static void turn_back_ones(hpo_bbob *b, double *x)
{
    for (size_t j = 0; j < b->d; j++) {
        double s = 0;
        for (size_t i = 0; i < b->d; i++)
            s += b->first[j * b->d + i];
        x[j] = 0.5 * s / (b->constant * b->constant);
    }
}

/* Gallagher: peak k has its centre, a diagonal matrix with condition alpha_k (a random permutation of
 * 1000^(j/(n-2)); peak 0: the square root of 1000 for f21, 1000 for f22) whose diagonal is permuted too, and
 * a weight from 1.1 to 9.1, 10 for peak 0. */
static void fill_peaks(hpo_bbob *b, double *xopt, int64_t seed, double *u, size_t *order)
{
    size_t d = b->d, n = b->n_peaks;
    double width = n == 101 ? 10 : 9.8, first_alpha = n == 101 ? SQRT1000 : 1000;
    double log_1000 = hpo_log(1000);
    uniforms(u, n - 1, seed);
    hpo_argsort(u, n - 1, order);
    for (size_t k = 0; k < n;
         k++) { /* until the diagonals are made, logarithms of alpha stand in curvature */
        b->curvature[k * d] =
            k == 0 ? hpo_log(first_alpha) : log_1000 * (double)order[k - 1] / (double)(n - 2);
        b->height[k] = hpo_log(k == 0 ? 10 : (double)(k - 1) / (double)(n - 2) * 8 + 1.1);
    }
    for (size_t k = 0; k < n; k++) {
        double log_alpha = b->curvature[k * d];
        uniforms(u, d, seed + 1000 * (int64_t)k);
        hpo_argsort(u, d, order);
        for (size_t i = 0; i < d; i++)
            b->curvature[k * d + i] = hpo_exp(log_alpha * ((double)order[i] / (double)(d - 1) - 0.5));
    }
    uniforms(u, n * d, seed);
    for (size_t k = 0; k < n; k++) {
        double *c = b->centre + k * d, shrink = k == 0 ? 0.8 : 1;
        memset(c, 0, d * sizeof *c);
        for (size_t j = 0; j < d; j++) {
            double y = shrink * (width * u[k * d + j] - width / 2);
            if (k == 0) xopt[j] = y;
            for (size_t i = 0; i < d; i++)
                c[i] += b->first[j * d + i] * y;
        }
    }
}

/* The optima that are not simply drawn. */
static void fill_xopt(hpo_bbob *b, double *x, int64_t seed, double *work, size_t *order)
{
    size_t d = b->d;
    draw_xopt(x, d, b->function == 12 ? seed + ROTATION_SEED : seed);
    switch (b->function) {
    case 4:
        for (size_t i = 0; i < d; i += 2)
            x[i] = fabs(x[i]);
        break;
    case 5:
        for (size_t i = 0; i < d; i++)
            x[i] = x[i] > 0 ? 5 : -5;
        break;
    case 8:
        for (size_t i = 0; i < d; i++)
            x[i] *= 0.75;
        break;
    case 9:
    case 19:
        turn_back_ones(b, x);
        break;
    case 20:
        uniforms(x, d, seed);
        for (size_t i = 0; i < d; i++)
            x[i] = x[i] < 0.5 ? -0.5 * 4.2096874637 : 0.5 * 4.2096874637;
        break;
    case 21:
    case 22:
        fill_peaks(b, x, seed, work, order);
        break;
    case 24:
        normals(x, d, seed, work);
        for (size_t i = 0; i < d; i++)
            x[i] = x[i] < 0 ? -1.25 : 1.25;
        break;
    default:
        break;
    }
}

static void fill(hpo_bbob *b, int instance, double condition, double *xopt, double *work, size_t *order)
{
    const recipe *r = &recipes[b->function - 1];
    size_t d = b->d;
    int64_t seed = (b->function == 4 ? 3 : b->function == 18 ? 17 : b->function) + 10000 * (int64_t)instance;
    double base = b->function == 10 && condition > 0 ? condition : r->base;
    for (size_t i = 0; i < d; i++) {
        double part = (double)i / (double)(d - 1);
        b->scale[i] = b->function == 14 ? 2 + 4 * part : base > 0 ? hpo_pow(base, part) : 1;
        b->skew[i] = r->skew * part;
    }
    b->penalty = b->function == 16 ? r->penalty / (double)d : r->penalty;
    b->constant = b->function == 24 ? 1 - 0.5 / (sqrt((double)d + 20) - 4.1) : fmax(1, sqrt((double)d) / 8);
    b->fopt = draw_fopt(seed);
    fill_maps(b, r->map, seed, work);
    fill_xopt(b, xopt, seed, work, order);
}

hpo_status hpo_bbob_create(int function, int instance, size_t d, double condition, hpo_bbob **out,
                           hpo_error *err)
{
    *out = NULL;
    size_t dd = d * d, n = n_peaks_of(function), work_size = 4 * dd + (n + 2) * d + n;
    hpo_status rc = HPO_ENOMEM;
    hpo_bbob *b = hpo_calloc(1, sizeof *b);
    double *work = hpo_alloc_array(work_size, sizeof *work);
    size_t *order = hpo_alloc_array(n + d, sizeof *order);
    if (b != NULL) b->block = hpo_alloc_array(3 * d + 2 * dd + n * (2 * d + 1), sizeof *b->block);
    if (b == NULL || work == NULL || order == NULL || b->block == NULL) goto done;
    double *xopt = b->block;
    b->function = function;
    b->d = d;
    b->n_peaks = n;
    b->xopt = xopt;
    b->scale = xopt + d;
    b->skew = b->scale + d;
    b->first = b->skew + d;
    b->second = b->first + dd;
    b->centre = b->second + dd;
    b->curvature = b->centre + n * d;
    b->height = b->curvature + n * d;
    fill(b, instance, condition, xopt, work, order);
    *out = b;
    b = NULL;
    rc = HPO_OK;
done:
    hpo_bbob_free(b);
    hpo_free(work);
    hpo_free(order);
    return rc == HPO_OK ? rc : hpo_fail_memory(err);
}

void hpo_bbob_free(hpo_bbob *b)
{
    if (b == NULL) return;
    hpo_free(b->block);
    hpo_free(b);
}
