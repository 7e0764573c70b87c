/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/bohb.c - the sampler of BOHB: kernel density estimates of good and bad configurations at the
 * highest resource with enough results, and a third of all draws at random.
 *
 * Of the n results at one level of resource (study/level.c shows the highest that d + 3 trials have reached,
 * d parameters: N_min + 2 of the paper; with fewer, draws from the prior) the best max(N_min, share n) make
 * l, the worst max(N_min, n - good) make g; failed trials are the worst.  Each is a product kernel over the
 * unit cube,
 *
 *     l(u) = 1/m sum_i prod_j K_j(u_j, u_ij),   h_j = max(1.06 s_j m^(-1/(4 + D)), 1e-3),
 *
 * s_j the standard deviation of coordinate j, D coordinates: Gaussian for numbers (not cut off at the ends),
 * for labels the kernel of Aitchison & Aitken, 1 - h for the label itself and h / (c - 1) for the others, h
 * at most (c - 1) / c.  Inactive coordinates are filled with those of other rows of the same set, or
 * uniformly when it has none.  Candidates: a good row at random, each number from a normal of standard
 * deviation 3 h_j around it, cut at the ends of [0, 1], each label kept with probability 1 - h; of 64 the one
 * with the largest l / g.
 *
 * What differs from the published program (HpBandSter): labels' h is limited, where the formula can exceed 1;
 * ordered and whole numbers are numbers; permutations, simplexes and subsets are their coordinates;
 * candidates that violate a constraint are left out; levels below a ninth of the maximum count only when they
 * order trials as the next one does (study/level.c).
 *
 * Falkner, Klein & Hutter: "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018,
 * section 4; the scheduler of that paper is `hyperband`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/dist.h"
#include "math/func.h"
#include "model/embed.h"
#include "model/rungs.h"
#include "sampler/builtin.h"
#include "space/space.h"

static const double HALF_LN_2PI = 0x1.d67f1c864beb5p-1;
static const double REFERENCE = 1.06; /* the normal reference rule */

typedef struct bohb_config {
    double random, share, factor, least;
    int64_t candidates;
} bohb_config;

/* One density: m rows of d coordinates without gaps, bandwidths d. */
typedef struct density {
    double *rows, *h;
    size_t m;
} density;

typedef struct bohb_row {
    double y;
    size_t row;
} bohb_row;

typedef struct bohb {
    const bohb_config *config;
    const hpo_space *space;
    hpo_embed *embed;
    size_t d;
    uint32_t *labels; /* d: how many labels a coordinate has; 0: a number */
    density good, bad;
    bohb_row *order;
    size_t cap_good, cap_bad, cap_order;
    double *block, *x, *candidate, *term; /* fixed scratch; term: one a row */
    size_t cap_term;
    /* of the last ask */
    int modelled;
    double ratio;
} bohb;

static hpo_status bohb_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                            hpo_error *err)
{
    bohb *s = state;
    (void)seed;
    s->config = config;
    s->space = space;
    HPO_TRY(hpo_embed_create(space, &s->embed, err));
    s->d = hpo_embed_n_dims(s->embed);
    s->labels = hpo_calloc(s->d + 1, sizeof *s->labels);
    s->block = hpo_calloc(3 * s->d + space->n_columns + 1, sizeof *s->block);
    if (s->labels == NULL || s->block == NULL) return hpo_fail_memory(err);
    s->good.h = s->block;
    s->bad.h = s->good.h + s->d;
    s->candidate = s->bad.h + s->d;
    s->x = s->candidate + s->d;
    for (size_t i = 0; i < hpo_embed_n_axes(s->embed); i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (a->kind == HPO_AXIS_LABEL) s->labels[a->dim] = a->n_values;
    }
    return HPO_OK;
}

static void bohb_fini(void *state)
{
    bohb *s = state;
    hpo_embed_free(s->embed);
    hpo_free(s->labels);
    hpo_free(s->block);
    hpo_free(s->good.rows);
    hpo_free(s->bad.rows);
    hpo_free(s->order);
    hpo_free(s->term);
}

/* ---- densities ------------------------------------------------------------------------------------------
 */

static uint32_t label_of(double u, uint32_t n)
{
    uint32_t k = u > 0 ? (uint32_t)(u * n) : 0;
    return k < n ? k : n - 1;
}

/* Coordinates that are not active take those of another row of the set. */
static void fill_gaps(const bohb *s, density *p, hpo_rng *rng)
{
    size_t d = s->d;
    for (size_t j = 0; j < d; j++) {
        size_t active = 0;
        for (size_t i = 0; i < p->m; i++) /* those that have one come first in the draw below */
            active += isnan(p->rows[i * d + j]) ? 0 : 1;
        if (active == p->m) continue;
        for (size_t i = 0; i < p->m; i++) {
            if (!isnan(p->rows[i * d + j])) continue;
            uint64_t skip = active > 0 ? hpo_rng_below(rng, active) : 0;
            double u = active > 0 ? (double)NAN : hpo_rng_uniform(rng);
            for (size_t k = 0; active > 0 && k < p->m && isnan(u); k++) {
                double v = p->rows[k * d + j];
                if (!isnan(v) && !(v < 0) && skip-- == 0) u = v;
            }
            p->rows[i * d + j] = -1 - u; /* marked, so that it is not drawn from */
        }
        for (size_t i = 0; i < p->m; i++)
            if (p->rows[i * d + j] < 0) p->rows[i * d + j] = -1 - p->rows[i * d + j];
    }
}

static void find_bandwidths(const bohb *s, density *p)
{
    double n = (double)p->m, rate = REFERENCE * hpo_pow(n, -1 / (4 + (double)s->d));
    for (size_t j = 0; j < s->d; j++) {
        double sum = 0, squares = 0, c = s->labels[j];
        for (size_t i = 0; i < p->m; i++) {
            double u = p->rows[i * s->d + j];
            sum += c > 0 ? label_of(u, s->labels[j]) : u;
        }
        for (size_t i = 0; i < p->m; i++) {
            double u = p->rows[i * s->d + j], v = (c > 0 ? label_of(u, s->labels[j]) : u) - sum / n;
            squares += v * v;
        }
        p->h[j] = fmax(rate * sqrt(squares / n), s->config->least);
        if (c > 0) p->h[j] = fmin(p->h[j], (c - 1) / c);
    }
}

static double log_density(bohb *s, const density *p, const double *u)
{
    for (size_t i = 0; i < p->m; i++) {
        const double *row = p->rows + i * s->d;
        double sum = 0;
        for (size_t j = 0; j < s->d; j++) {
            double h = p->h[j], z = (u[j] - row[j]) / h;
            uint32_t c = s->labels[j];
            if (c == 1) continue;
            if (c > 0)
                sum += hpo_log(label_of(u[j], c) == label_of(row[j], c) ? 1 - h : h / (c - 1));
            else
                sum -= 0.5 * z * z + hpo_log(h) + HALF_LN_2PI;
        }
        s->term[i] = sum;
    }
    return hpo_log_sum_exp(s->term, p->m) - hpo_log((double)p->m);
}

static double log_ratio(bohb *s, const double *u)
{
    return log_density(s, &s->good, u) - log_density(s, &s->bad, u);
}

/* ---- the two sets ----------------------------------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
    const bohb_row *p = a, *q = b;
    int order = (p->y > q->y) - (p->y < q->y);
    return order != 0 ? order : (p->row > q->row) - (p->row < q->row);
}

static hpo_status fill(bohb *s, density *p, size_t *cap, const hpo_view *view, size_t from, size_t m,
                       hpo_rng *rng, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&p->rows, cap, m * s->d + 1, sizeof *p->rows, err));
    p->m = m;
    for (size_t i = 0; i < m; i++)
        memcpy(p->rows + i * s->d, view->u + s->order[from + i].row * s->d, s->d * sizeof *p->rows);
    fill_gaps(s, p, rng);
    find_bandwidths(s, p);
    return HPO_OK;
}

/* *ready 0: too few results. */
static hpo_status learn(bohb *s, const hpo_view *view, hpo_rng *rng, int *ready, hpo_error *err)
{
    size_t n = view->n_done, good, bad;
    *ready = n >= s->space->n_params + 3 && s->d > 0;
    if (!*ready) return HPO_OK;
    HPO_TRY(hpo_reserve(&s->order, &s->cap_order, n, sizeof *s->order, err));
    HPO_TRY(hpo_reserve(&s->term, &s->cap_term, n, sizeof *s->term, err));
    for (size_t i = 0; i < n; i++)
        s->order[i] = (bohb_row){isnan(view->y[i]) ? (double)INFINITY : view->y[i], i};
    qsort(s->order, n, sizeof *s->order, by_value);
    hpo_bohb_split(n, s->space->n_params, s->config->share, &good, &bad);
    HPO_TRY(fill(s, &s->good, &s->cap_good, view, 0, good, rng, err));
    return fill(s, &s->bad, &s->cap_bad, view, n - bad, bad, rng, err);
}

/* ---- candidates ------------------------------------------------------------------------------------------
 */

/* A normal around m cut to [0, 1], by inversion. */
static double cut_normal(double m, double sd, hpo_rng *rng)
{
    double low = hpo_normal_cdf(-m / sd), high = hpo_normal_cdf((1 - m) / sd);
    double u = m + sd * hpo_normal_quantile(low + (high - low) * hpo_rng_uniform(rng));
    return fmin(fmax(u, 0), 1);
}

static void draw(const bohb *s, hpo_rng *rng, double *u)
{
    const double *row = s->good.rows + hpo_rng_below(rng, s->good.m) * s->d;
    for (size_t j = 0; j < s->d; j++) {
        double h = s->good.h[j];
        uint32_t c = s->labels[j];
        if (c == 0)
            u[j] = cut_normal(row[j], s->config->factor * h, rng);
        else
            u[j] = hpo_rng_uniform(rng) < 1 - h ? row[j] : ((double)hpo_rng_below(rng, c) + 0.5) / c;
    }
}

static hpo_status bohb_ask(void *state, const hpo_view *view, uint64_t draw_number, hpo_rng *rng,
                           double *u_out, hpo_error *err)
{
    bohb *s = state;
    int ready;
    (void)draw_number;
    s->modelled = 0;
    s->ratio = -HUGE_VAL;
    int at_random = hpo_rng_uniform(rng) < s->config->random;
    HPO_TRY(learn(s, view, rng, &ready, err));
    if (at_random || !ready) return hpo_space_draw(s->space, rng, u_out, err);
    for (int64_t k = 0; k < s->config->candidates; k++) {
        draw(s, rng, s->candidate);
        double ratio = log_ratio(s, s->candidate);
        hpo_space_decode(s->space, s->candidate, s->x);
        if (!(ratio > s->ratio) || !hpo_space_feasible(s->space, s->x)) continue;
        s->ratio = ratio;
        s->modelled = 1;
        hpo_space_encode(s->space, s->x, u_out);
    }
    return s->modelled ? HPO_OK : hpo_space_draw(s->space, rng, u_out, err);
}

static hpo_status bohb_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                               size_t *n_out, hpo_error *err)
{
    bohb *s = state;
    hpo_str out = {0};
    (void)u;
    hpo_str_addf(&out, "{\"model\":\"bohb\",\"origin\":\"%s\",\"rows\":%zu", s->modelled ? "model" : "random",
                 view->n_done);
    if (s->modelled) {
        hpo_str_addf(&out, ",\"good\":%zu,\"bad\":%zu", s->good.m, s->bad.m);
        hpo_str_json_member(&out, "log_ratio", s->ratio);
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"random", "share of draws from the prior", HPO_OPT_REAL, offsetof(bohb_config, random), 1.0 / 3, 0, 1,
     NULL},
    {"share", "of the results that are good", HPO_OPT_REAL, offsetof(bohb_config, share), 0.15, 0, 1, NULL},
    {"candidates", "of which the one with the largest ratio is taken", HPO_OPT_INT,
     offsetof(bohb_config, candidates), 64, 1, 1 << 20, NULL},
    {"factor", "candidates are drawn with bandwidths so many times as wide", HPO_OPT_REAL,
     offsetof(bohb_config, factor), 3, 0.1, 100, NULL},
    {"least", "smallest bandwidth, in the unit cube", HPO_OPT_REAL, offsetof(bohb_config, least), 1e-3, 1e-9,
     1, NULL},
};

const hpo_sampler_ops hpo_sampler_bohb = {
    .size = sizeof(hpo_sampler_ops),
    .name = "bohb",
    .help =
        "The sampler of BOHB: densities of good and bad results at the highest resource with enough of them, "
        "a third at random; with the scheduler hyperband it is BOHB.",
    .reference = "Falkner, Klein & Hutter: BOHB, ICML 2018, section 4",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(bohb_config),
    .state_size = sizeof(bohb),
    .init = bohb_init,
    .ask = bohb_ask,
    .fini = bohb_fini,
    .explain = bohb_explain,
};
