/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/grid.c - the full product of one list of levels per parameter.
 *
 * Levels.  A finite parameter contributes all its values: every integer, step or label, all n! orders of a
 * permutation, all subsets of the allowed sizes.  A continuous one contributes `points` coordinates
 * u_k = k / (points - 1), both ends included and evenly spaced on its own scale (points = 1: the middle).  A
 * simplex of n parts contributes the {n, m} simplex-lattice, all shares k/m with m = points - 1 (Scheffe
 * 1958); a vector the product over its entries.
 *
 * Order.  Row r is read as a mixed-radix number, parents first, the last parameter fastest.  An inactive
 * parameter is one level, whatever its list, so no configuration comes twice; rows that violate a constraint
 * are left out.  Without conditions, dependent bounds and constraints row r follows from r by division; else
 * init lists the rows once (one 32-bit digit per parameter).  `shuffle` visits row P(draw), P a bijection of
 * {0..N-1}: a Feistel network on the next power of four, walked until it falls below N (Black & Rogaway,
 * "Ciphers with arbitrary finite domains", CT-RSA 2002), so that stopping early leaves no half-covered axis.
 *
 * A grid needs prod_j n_j trials and has only n_j distinct values per parameter: beyond two or three
 * parameters random search and Sobol' points cover more with less (Bergstra & Bengio, JMLR 13, 2012), hence
 * the limit that `force` lifts. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "sampler/builtin.h"
#include "space/space.h"

enum {
    ROWS_MAX = 10000,     /* rows of a grid without force: three axes of 21 levels */
    LEAVES_MAX = 1 << 20, /* products examined without force: about 0.2 s at init */
    DIGITS_MAX = 1 << 26, /* listed digits, also with force: 256 MiB */
    FEISTEL_ROUNDS = 6
};
#define ROWS_FORCED 4503599627370496.0 /* 2^52: row numbers stay exact in a double */

typedef struct grid_config {
    int64_t points;
    int32_t shuffle, force;
} grid_config;

typedef struct grid_state {
    const hpo_space *space;
    uint64_t points, n_rows, seed;
    int32_t shuffle, force;
    double *levels;   /* n_params: levels of each place in the program; NaN: depends on the row */
    double *x;        /* n_columns, scratch */
    double *u;        /* n_dims, scratch */
    uint32_t *digits; /* n_params, scratch */
    uint32_t *rows;   /* n_rows x n_params, or NULL: by division */
    size_t cap_rows;
    uint64_t leaves; /* products examined while listing */
} grid_state;

static const hpo_option grid_options[] = {
    {"points", "levels of a continuous parameter", HPO_OPT_INT, offsetof(grid_config, points), 5, 1, 1000000,
     NULL},
    {"shuffle", "visit the grid in random order (by the study's seed)", HPO_OPT_BOOL,
     offsetof(grid_config, shuffle), 0, 0, 1, NULL},
    {"force", "allow a grid of more than 10000 points", HPO_OPT_BOOL, offsetof(grid_config, force), 0, 0, 1,
     NULL},
};

/* ---- levels of one parameter ------------------------------------------------------------------ */

/* Number of ways to choose k of n, as a double: exact below 2^53, monotone beyond. */
static double choose(double n, double k)
{
    double c = 1;
    if (k < 0 || k > n) return 0;
    for (double i = 1; i <= k && c < HUGE_VAL; i++)
        c = c * (n - k + i) / i;
    return c;
}

/* Subsets of n items whose size lies in low..high. */
static double count_subsets(double n, double low, double high)
{
    double sum = 0;
    for (double k = low < 0 ? 0 : low; k <= high && k <= n; k++)
        sum += choose(n, k);
    return sum;
}

static double scalar_levels(const grid_state *g, const hpo_scalar *k)
{
    return k->discrete ? k->n : (double)g->points;
}

/* Levels of codec c given its parents in x; 0 for an empty dependent range, 1 for one whose bounds read an
 * inactive parameter: the parameter is then inactive too. */
static double count_levels(const grid_state *g, const hpo_codec *c, const double *x)
{
    const hpo_param *p = &g->space->params[c->param];
    hpo_scalar k;
    double n = 1;
    int bounds;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
        return (double)g->points;
    case HPO_CODEC_SCALAR:
        return scalar_levels(g, &c->k);
    case HPO_CODEC_CELLS:
        return p->kind == HPO_KIND_BOOL ? 2 : (double)p->n_labels;
    case HPO_CODEC_FIXED:
        return 1;
    case HPO_CODEC_BOUNDS:
        bounds = hpo_codec_bounds(g->space, c, x, &k);
        return bounds == 1 ? scalar_levels(g, &k) : bounds == 0 ? 0 : 1;
    case HPO_CODEC_PERMUTATION:
        for (uint32_t i = 2; i <= c->n && n < HUGE_VAL; i++)
            n *= i;
        return n;
    case HPO_CODEC_SIMPLEX:
        return choose((double)g->points - 1 + c->n - 1, c->n - 1.0);
    case HPO_CODEC_SUBSET:
        return count_subsets(c->n, (double)p->min_size, (double)p->max_size);
    case HPO_CODEC_VECTOR:
        for (uint32_t i = 0; i < c->n && n < HUGE_VAL; i++)
            n *= scalar_levels(g, &c->k);
        return n;
    }
    return 0;
}

static double scalar_coordinate(const grid_state *g, const hpo_scalar *k, uint64_t digit)
{
    if (!k->discrete) return g->points == 1 ? 0.5 : (double)digit / (double)(g->points - 1);
    double value = k->low + (double)digit * k->step;
    return hpo_scalar_encode(k, value < k->high ? value : k->high);
}

/* Order number `digit` in lexicographic order, by its factorial digits. */
static void unrank_permutation(uint64_t digit, uint32_t n, double *x)
{
    for (uint32_t i = n;
         i-- > 0;) { /* x[i]: rank among the items from i on, then corrected by those behind */
        x[i] = (double)(digit % (n - i));
        digit /= n - i;
        for (uint32_t j = i + 1; j < n; j++)
            x[j] += x[j] >= x[i] ? 1 : 0;
    }
}

/* Subset number `digit`, counting those without item i before those with it. */
static void unrank_subset(uint64_t digit, uint32_t n, double low, double high, double *x)
{
    double rest = (double)digit;
    for (uint32_t i = 0; i < n; i++) {
        double without = count_subsets(n - i - 1.0, low, high);
        x[i] = rest < without ? 0 : 1;
        if (x[i] == 0) continue;
        rest -= without;
        low -= 1;
        high -= 1;
    }
}

/* Composition number `digit` of m into n parts, divided by m (m = 0: equal shares). */
static void unrank_simplex(uint64_t digit, uint32_t n, double m, double *x)
{
    double rest = (double)digit, left = m;
    for (uint32_t i = 0; i + 1 < n; i++) {
        double a = 0;
        for (double c = choose(left - a + n - i - 2, n - i - 2.0); rest >= c;
             c = choose(left - a + n - i - 2, n - i - 2.0)) {
            rest -= c;
            a++;
        }
        x[i] = m > 0 ? a / m : 1.0 / n;
        left -= a;
    }
    x[n - 1] = m > 0 ? left / m : 1.0 / n;
}

/* Writes the coordinates of codec c at level `digit` into u; its columns of x serve as scratch. */
static void place(const grid_state *g, const hpo_codec *c, uint64_t digit, double *x, double *u)
{
    const hpo_param *p = &g->space->params[c->param];
    hpo_scalar k;
    switch ((hpo_codec_op)c->op) {
    case HPO_CODEC_UNIT:
    case HPO_CODEC_SCALAR:
        u[c->dim] = scalar_coordinate(g, &c->k, digit);
        return;
    case HPO_CODEC_CELLS:
        u[c->dim] = ((double)digit + 0.5) / (p->kind == HPO_KIND_BOOL ? 2.0 : (double)p->n_labels);
        return;
    case HPO_CODEC_FIXED:
        return;
    case HPO_CODEC_BOUNDS:
        u[c->dim] = hpo_codec_bounds(g->space, c, x, &k) == 1 ? scalar_coordinate(g, &k, digit) : 0.5;
        return;
    case HPO_CODEC_PERMUTATION:
        unrank_permutation(digit, c->n, x + c->column);
        break;
    case HPO_CODEC_SIMPLEX:
        unrank_simplex(digit, c->n, (double)g->points - 1, x + c->column);
        break;
    case HPO_CODEC_SUBSET:
        unrank_subset(digit, c->n, (double)p->min_size, (double)p->max_size, x + c->column);
        break;
    case HPO_CODEC_VECTOR: {
        uint64_t n = (uint64_t)scalar_levels(g, &c->k);
        for (uint32_t i = c->n; i-- > 0; digit /= n)
            u[c->dim + i] = scalar_coordinate(g, &c->k, digit % n);
        return;
    }
    }
    hpo_codec_encode(g->space, c, x, u);
}

/* ---- listing a grid with conditions or constraints --------------------------------------------- */

static hpo_status fail_size(const char *count, hpo_error *err)
{
    return hpo_fail(
        err, HPO_EINVAL,
        "grid: %s points: beyond 2 or 3 parameters a grid wastes trials: use sampler sobol or random, lower "
        "points, give integers a step, or insist with force=yes",
        count);
}

static hpo_status add_row(grid_state *g, hpo_error *err)
{
    size_t n = g->space->n_params;
    if (!g->force && g->n_rows == ROWS_MAX) return fail_size("more than 10000", err);
    if ((g->n_rows + 1) * n > DIGITS_MAX)
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "grid: more than %llu points with conditions or constraints do not fit in memory: lower points",
            (unsigned long long)g->n_rows);
    HPO_TRY(hpo_reserve(&g->rows, &g->cap_rows, (g->n_rows + 1) * n, sizeof *g->rows, err));
    memcpy(g->rows + g->n_rows * n, g->digits, n * sizeof *g->digits);
    g->n_rows++;
    return HPO_OK;
}

/* Whether the parameter at a place is active, given its parents in x. */
static int is_active(const hpo_codec *c, const double *x)
{
    return c->when == NULL || hpo_expr_eval(c->when, x) == 1;
}

/* Enters place i with the digit it has: 0 when that digit is beyond its last level. */
static int enter(grid_state *g, size_t i)
{
    const hpo_codec *c = &g->space->program[i];
    if (!is_active(c, g->x)) {
        for (uint32_t j = 0; j < c->n; j++)
            g->x[c->column + j] = (double)NAN;
        return g->digits[i] == 0;
    }
    if (isnan(g->levels[i]) ? g->digits[i] >= count_levels(g, c, g->x) : g->digits[i] >= g->levels[i])
        return 0;
    place(g, c, g->digits[i], g->x, g->u);
    hpo_codec_decode(g->space, c, g->u, g->x);
    return 1;
}

/* Depth first over the program, parents first, so that each row is met exactly once. */
static hpo_status list_rows(grid_state *g, hpo_error *err)
{
    size_t n = g->space->n_params, i = 0;
    memset(g->digits, 0, n * sizeof *g->digits);
    for (;;) {
        if (i < n && enter(g, i)) {
            i++;
            continue;
        }
        if (i == n) {
            if (!g->force && ++g->leaves > LEAVES_MAX)
                return fail_size("a product of more than a million", err);
            if (hpo_space_feasible(g->space, g->x)) HPO_TRY(add_row(g, err));
        } else {
            g->digits[i] = 0; /* its levels are used up: back to the place before it */
        }
        if (i == 0) break;
        g->digits[--i]++;
    }
    if (g->n_rows == 0)
        return hpo_fail(
            err, HPO_EINVAL,
            "grid: no point of the grid satisfies the constraints: raise points or use sampler random");
    return HPO_OK;
}

/* ---- the sampler --------------------------------------------------------------------------------- */

static hpo_status count_rows(grid_state *g, hpo_error *err)
{
    const hpo_space *s = g->space;
    double n = 1;
    char text[32];
    for (size_t i = 0; i < s->n_params; i++) {
        g->levels[i] =
            s->program[i].op == HPO_CODEC_BOUNDS ? (double)NAN : count_levels(g, &s->program[i], NULL);
        if (g->levels[i] > UINT32_MAX) n = HUGE_VAL;
        if (!isnan(g->levels[i])) n *= g->levels[i];
    }
    if (s->has_when || s->has_bounds || s->n_constraints > 0) return list_rows(g, err);
    hpo_double_text(n, text);
    if (n > ROWS_MAX && !g->force) return fail_size(text, err);
    if (!(n <= ROWS_FORCED))
        return hpo_fail(err, HPO_EUNSUPPORTED, "grid: %s points cannot be numbered: lower points", text);
    g->n_rows = (uint64_t)n;
    return HPO_OK;
}

static hpo_status grid_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                            hpo_error *err)
{
    grid_state *g = state;
    const grid_config *c = config;
    g->space = space;
    g->points = (uint64_t)c->points;
    g->shuffle = c->shuffle;
    g->force = c->force;
    hpo_rng rng;
    hpo_rng_init(&rng, seed, 0, HPO_RNG_DESIGN);
    g->seed = hpo_rng_u64(&rng);
    g->levels = hpo_alloc_array(space->n_params, sizeof *g->levels);
    g->digits = hpo_alloc_array(space->n_params, sizeof *g->digits);
    g->x = hpo_alloc_array(space->n_columns, sizeof *g->x);
    g->u = hpo_alloc_array(space->n_dims, sizeof *g->u);
    if (g->levels == NULL || g->digits == NULL || g->x == NULL || g->u == NULL) return hpo_fail_memory(err);
    return count_rows(g, err);
}

/* A bijection of {0..n-1}: halves of `bits` bits each, swapped and mixed, until the result is below n. */
static uint64_t permute(uint64_t i, uint64_t n, uint64_t seed)
{
    unsigned bits = 1;
    while ((uint64_t)1 << (2 * bits) < n)
        bits++;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    do {
        uint64_t a = i >> bits, b = i & mask;
        for (uint64_t round = 0; round < FEISTEL_ROUNDS; round++) {
            uint64_t h =
                (b + round * 0x9E3779B97F4A7C15u) ^ seed; /* mixed as in SplitMix64 (Steele et al. 2014) */
            h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
            h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
            uint64_t next = a ^ ((h ^ (h >> 31)) & mask);
            a = b;
            b = next;
        }
        i = a << bits | b;
    } while (i >= n);
    return i;
}

static hpo_status grid_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    (void)view, (void)rng, (void)err;
    const grid_state *g = state;
    size_t n = g->space->n_params;
    if (draw >= g->n_rows) return HPO_DONE;
    uint64_t row = g->shuffle ? permute(draw, g->n_rows, g->seed) : draw;
    for (size_t i = n; i-- > 0 && g->rows == NULL;) {
        uint64_t levels = (uint64_t)g->levels[i];
        g->digits[i] = (uint32_t)(row % levels);
        row /= levels;
    }
    for (size_t i = 0; i < g->space->n_dims; i++)
        u_out[i] = 0.5; /* the coordinates of inactive parameters do not matter */
    for (size_t i = 0; i < n; i++) {
        const hpo_codec *c = &g->space->program[i];
        if (g->rows == NULL) {
            place(g, c, g->digits[i], g->x, u_out);
            continue;
        }
        if (!is_active(c, g->x)) {
            for (uint32_t j = 0; j < c->n; j++)
                g->x[c->column + j] = (double)NAN;
            continue;
        }
        place(g, c, g->rows[row * n + i], g->x, u_out);
        hpo_codec_decode(g->space, c, u_out, g->x);
    }
    return HPO_OK;
}

static void grid_fini(void *state)
{
    grid_state *g = state;
    hpo_free(g->levels);
    hpo_free(g->digits);
    hpo_free(g->x);
    hpo_free(g->u);
    hpo_free(g->rows);
}

const hpo_sampler_ops hpo_sampler_grid = {
    .size = sizeof(hpo_sampler_ops),
    .name = "grid",
    .help = "Every combination of one list of levels per parameter, then the study ends: for two or three "
            "parameters, or a finite space.",
    .reference = "the full factorial design: Fisher, The Design of Experiments (1935); limits: Bergstra & "
                 "Bengio, JMLR 13 (2012)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT |
            HPO_CAP_EXHAUSTS,
    .options = grid_options,
    .n_options = sizeof grid_options / sizeof grid_options[0],
    .config_size = sizeof(grid_config),
    .state_size = sizeof(grid_state),
    .init = grid_init,
    .ask = grid_ask,
    .fini = grid_fini,
};
