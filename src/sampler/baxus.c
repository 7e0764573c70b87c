/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/baxus.c - Bayesian optimisation in nested random subspaces: hundreds of parameters of which few
 * matter.
 *
 * Each of D coordinates of the unit cube belongs to one of d bins and stands one way round or the other,
 *     u_k = 1/2 + s_k (v_bin(k) - 1/2),  s_k = +1 or -1 at random (a count sketch, as in HeSBO),
 * so that a point v of [0, 1]^d is a point of the cube, never outside it.  A trust region (sampler/trust.h)
 * searches over v.  When it has shrunk to nothing every bin is split into up to four with its coordinates
 * dealt out at random: the old subspace lies in the new one, so all rows are kept, and the region begins anew
 * around the best of them with more dimensions.  Once every coordinate has its own bin, lives of the region
 * follow each other as in turbo.
 *
 *   first d        the one of 1, 2, 3 whose multiples by four come closest to D
 *   patience       stage i may use m_i = budget d_i / sum_j d_j rows, over as many halvings as there are from
 *                  the first side to the last: max(1, min(d_i, m_i / halvings)) failures halve the region; in
 *                  the last stage as many as there are dimensions, four at least
 *   other rows     (enqueued, of other samplers) count at the point of the subspace that is nearest to them:
 *                  v of a bin is the mean of 1/2 + s_k (u_k - 1/2)
 *
 * With `dimensions` = d there is one stage with d bins: HeSBO.  Labels are cut out of the coordinate in the
 * order in which they are declared; inactive coordinates are left out of means.  A proposal that violates a
 * constraint, or is there already, is halved towards the centre of the region, else replaced by a point drawn
 * at random from the subspace.
 *
 * References: Papenmeier, Nardi & Poloczek, "Increasing the scope as you learn: adaptive Bayesian
 * optimization in nested subspaces", NeurIPS 2022, arXiv 2304.11468; Nayebi, Munteanu & Poloczek, "A
 * framework for Bayesian optimization in embedded subspaces", ICML 2019 (HeSBO). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/func.h"
#include "math/rng.h"
#include "model/transform.h"
#include "sampler/builtin.h"
#include "sampler/opening.h"
#include "sampler/trust.h"
#include "space/space.h"

enum { SPLIT = 4, SHORTEST_PATIENCE = 4, DRAWS = 256, HALVES = 8, LEAST_BUDGET = 100 };

typedef enum origin { ORIGIN_OPENING, ORIGIN_REGION, ORIGIN_OTHER } origin;
static const char *const origin_names[] = {"opening", "region", "other"};

typedef struct baxus_config {
    int64_t initial, dimensions, budget, max_rows;
    double length, shortest;
} baxus_config;

typedef struct baxus_state {
    const baxus_config *config;
    const hpo_space *space;
    uint64_t seed;
    size_t n_dims, first_bins, stage;
    /* the embedding */
    size_t n_bins;
    uint32_t *bin, *order; /* n_dims: of each coordinate; scratch */
    double *sign;          /* n_dims */
    double *count;         /* n_dims: coordinates of each bin */
    /* the search in it */
    hpo_space *target;
    hpo_embed *embed;
    hpo_opening opening;
    hpo_trust trust;
    int is_open; /* the four above */
    double *v;   /* n_rows x n_bins */
    size_t n_rows, cap_v, cap_known;
    double *known, *x; /* rows done and in progress as seen from the subspace; n_columns */
    origin from;
} baxus_state;

#define FIELD(name) offsetof(baxus_config, name)
static const hpo_option baxus_options[] = {
    {"initial", "quasi-random trials in the first subspace; -1: its dimensions + 1, 5 at least", HPO_OPT_INT,
     FIELD(initial), -1, -1, 1 << 20, NULL},
    {"dimensions", "of one fixed subspace; -1: few at first, then more and more", HPO_OPT_INT,
     FIELD(dimensions), -1, -1, 1 << 20, NULL},
    {"budget", "trials until all dimensions are searched; -1: twice the parameters, 100 at least",
     HPO_OPT_INT, FIELD(budget), -1, -1, 1 << 30, NULL},
    {"length", "side of the region at the start, in parts of the range", HPO_OPT_REAL, FIELD(length), 0.8,
     0.01, 1.6, NULL},
    {"shortest", "side below which a region is given up", HPO_OPT_REAL, FIELD(shortest), 0x1p-7, 1e-9, 1,
     NULL},
    {"max_rows", "trials in the model; of more, a subset", HPO_OPT_INT, FIELD(max_rows), 512, 16, 8192, NULL},
};

/* ---- the embedding --------------------------------------------------------------------------------------
 */

static double stage_bins(const baxus_state *s, double first, size_t stage)
{
    double d = first;
    for (size_t i = 0; i < stage; i++)
        d *= SPLIT;
    return fmin(d, (double)s->n_dims);
}

static size_t choose_first(const baxus_state *s)
{
    size_t best = 1;
    double gap = HUGE_VAL, all = (double)s->n_dims;
    if (s->config->dimensions > 0)
        return (size_t)s->config->dimensions < s->n_dims ? (size_t)s->config->dimensions : s->n_dims;
    for (size_t first = 1; first < SPLIT && first <= s->n_dims; first++)
        for (double d = (double)first; d < 2 * SPLIT * all; d *= SPLIT) {
            double off = fabs(hpo_log(d / all));
            if (off < gap) best = first;
            gap = fmin(gap, off);
        }
    return best;
}

static void shuffle(uint32_t *a, size_t n, hpo_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)hpo_rng_below(rng, i);
        uint32_t t = a[i - 1];
        a[i - 1] = a[j];
        a[j] = t;
    }
}

static void first_embedding(baxus_state *s)
{
    hpo_rng rng;
    hpo_rng_init(&rng, s->seed, 0, HPO_RNG_BINS);
    s->stage = 0;
    s->n_bins = s->first_bins;
    for (size_t k = 0; k < s->n_dims; k++)
        s->order[k] = (uint32_t)k;
    shuffle(s->order, s->n_dims, &rng);
    for (size_t i = 0; i < s->n_dims; i++) { /* bins of equal size, but for one */
        s->bin[s->order[i]] = (uint32_t)(i % s->n_bins);
        s->sign[s->order[i]] = hpo_rng_below(&rng, 2) == 0 ? 1 : -1;
    }
}

/* Each bin of m coordinates becomes min(m, SPLIT). */
static void split_bins(baxus_state *s)
{
    hpo_rng rng;
    size_t before = s->n_bins;
    hpo_rng_init(&rng, s->seed, ++s->stage, HPO_RNG_BINS);
    for (uint32_t b = 0; b < before; b++) {
        size_t m = 0;
        for (size_t k = 0; k < s->n_dims; k++)
            if (s->bin[k] == b) s->order[m++] = (uint32_t)k;
        size_t parts = m < SPLIT ? m : SPLIT, fresh = s->n_bins;
        shuffle(s->order, m, &rng);
        for (size_t i = 0; i < m; i++)
            if (i % parts > 0) s->bin[s->order[i]] = (uint32_t)(fresh + i % parts - 1);
        s->n_bins += parts > 0 ? parts - 1 : 0;
    }
}

/* The nearest point of the subspace. */
static void project(const baxus_state *s, const double *u, double *v)
{
    for (size_t b = 0; b < s->n_bins; b++)
        v[b] = s->count[b] = 0;
    for (size_t k = 0; k < s->n_dims; k++) {
        if (isnan(u[k])) continue;
        v[s->bin[k]] += s->sign[k] * (u[k] - 0.5);
        s->count[s->bin[k]]++;
    }
    for (size_t b = 0; b < s->n_bins; b++)
        v[b] = s->count[b] > 0 ? 0.5 + v[b] / s->count[b] : 0.5;
}

static void lift(const baxus_state *s, const double *v, double *u)
{
    for (size_t k = 0; k < s->n_dims; k++)
        u[k] = 0.5 + s->sign[k] * (v[s->bin[k]] - 0.5);
}

/* ---- one stage ------------------------------------------------------------------------------------------
 */

static void close_stage(baxus_state *s)
{
    if (!s->is_open) return;
    hpo_trust_fini(&s->trust);
    hpo_opening_fini(&s->opening);
    hpo_embed_free(s->embed);
    hpo_space_free(s->target);
    s->embed = NULL;
    s->target = NULL;
    s->is_open = 0;
}

static int is_last(const baxus_state *s)
{
    return s->config->dimensions > 0 || s->n_bins == s->n_dims;
}

static size_t patience(const baxus_state *s)
{
    double d = (double)s->n_bins, all = 0, budget = (double)s->config->budget;
    if (is_last(s)) return s->n_bins < SHORTEST_PATIENCE ? SHORTEST_PATIENCE : s->n_bins;
    if (!(budget > 0)) budget = fmax(LEAST_BUDGET, 2 * (double)s->n_dims);
    for (size_t i = 0; i == 0 || stage_bins(s, (double)s->first_bins, i - 1) < (double)s->n_dims; i++)
        all += stage_bins(s, (double)s->first_bins, i);
    double halvings = fmax(1, ceil(hpo_log(s->config->length / s->config->shortest) / hpo_log(2)));
    double each = floor(budget * d / all / halvings);
    return (size_t)fmax(1, fmin(d, each));
}

static size_t n_initial(const baxus_state *s)
{
    return hpo_opening_size(s->first_bins, s->config->initial);
}

/* The first `carried` rows of a region tell it where to begin; they are no successes or failures. */
static hpo_status open_stage(baxus_state *s, size_t carried, hpo_error *err)
{
    char name[24];
    close_stage(s);
    HPO_TRY(hpo_space_create(&s->target, err));
    memset(&s->opening, 0, sizeof s->opening);
    memset(&s->trust, 0, sizeof s->trust);
    s->is_open = 1;
    for (size_t b = 0; b < s->n_bins; b++) {
        snprintf(name, sizeof name, "v%zu", b);
        HPO_TRY(hpo_space_add(s->target, name, "0..1", err));
    }
    HPO_TRY(hpo_space_freeze(s->target, err));
    HPO_TRY(hpo_embed_create(s->target, &s->embed, err));
    HPO_TRY(hpo_opening_init(&s->opening, s->target, s->seed, err));
    hpo_trust_options o = {.initial = carried > 0 ? carried : n_initial(s),
                           .patience = patience(s),
                           .max_rows = (size_t)s->config->max_rows,
                           .length = s->config->length,
                           .shortest = s->config->shortest,
                           .rule = HPO_TRUST_EI};
    return hpo_trust_init(&s->trust, s->embed, s->seed + s->stage, &o, err);
}

static hpo_status restart(baxus_state *s, hpo_error *err)
{
    s->n_rows = 0;
    first_embedding(s);
    return open_stage(s, 0, err);
}

/* ---- the fold -------------------------------------------------------------------------------------------
 */

static hpo_status see_rows(baxus_state *s, const hpo_view *view, size_t first, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&s->v, &s->cap_v, n * s->n_bins + 1, sizeof *s->v, err));
    for (size_t i = first; i < n; i++)
        project(s, view->u + i * s->n_dims, s->v + i * s->n_bins);
    return HPO_OK;
}

static hpo_status take_rows(baxus_state *s, const hpo_view *view, hpo_error *err)
{
    if (view->n_done < s->n_rows || !s->is_open) HPO_TRY(restart(s, err));
    while (s->n_rows < view->n_done) {
        size_t n = s->n_rows + 1;
        HPO_TRY(see_rows(s, view, n - 1, n, err));
        HPO_TRY(hpo_trust_fold(&s->trust, s->v, view->y, view->n_objectives, n, err));
        s->n_rows = n;
        if (s->trust.n_lives == 0 || is_last(s)) continue;
        split_bins(s);
        HPO_TRY(see_rows(s, view, 0, n, err));
        HPO_TRY(open_stage(s, n, err));
        HPO_TRY(hpo_trust_fold(&s->trust, s->v, view->y, view->n_objectives, n, err));
        s->trust.options.initial = n_initial(s); /* of lives to come */
    }
    return HPO_OK;
}

static hpo_status fold(baxus_state *s, const hpo_view *view, hpo_error *err)
{
    hpo_status status = take_rows(s, view, err);
    if (status != HPO_OK) close_stage(s); /* anew when there is memory again */
    return status;
}

/* ---- life -----------------------------------------------------------------------------------------------
 */

static hpo_status baxus_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    baxus_state *s = state;
    s->config = config;
    s->space = space;
    s->seed = seed;
    s->n_dims = hpo_space_n_dims(space);
    s->first_bins = choose_first(s);
    s->bin = hpo_alloc_array(2 * s->n_dims + 1, sizeof *s->bin);
    s->sign = hpo_alloc_array(2 * s->n_dims + 1, sizeof *s->sign);
    s->x = hpo_alloc_array(hpo_space_n_columns(space) + 1, sizeof *s->x);
    if (!s->bin || !s->sign || !s->x) return hpo_fail_memory(err);
    s->order = s->bin + s->n_dims;
    s->count = s->sign + s->n_dims;
    return s->n_dims > 0 ? restart(s, err) : HPO_OK;
}

static void baxus_fini(void *state)
{
    baxus_state *s = state;
    close_stage(s);
    hpo_free(s->bin);
    hpo_free(s->sign);
    hpo_free(s->x);
    hpo_free(s->v);
    hpo_free(s->known);
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

static int is_known(const hpo_view *view, const double *u)
{
    size_t d = view->n_dims;
    for (size_t i = 0; i < view->n_done + view->n_pending; i++) {
        const double *w = i < view->n_done ? view->u + i * d : view->u_pending + (i - view->n_done) * d;
        size_t k = 0;
        while (k < d && (u[k] == w[k] || (isnan(u[k]) && isnan(w[k]))))
            k++;
        if (k == d) return 1;
    }
    return 0;
}

/* v as a row of the cube the way it will be told; 0: it violates a constraint or was tried before. */
static int settle(baxus_state *s, const hpo_view *view, const double *v, double *u)
{
    lift(s, v, u);
    hpo_space_decode(s->space, u, s->x);
    hpo_space_encode(s->space, s->x, u);
    return hpo_space_feasible(s->space, s->x) && (view->noisy || !is_known(view, u));
}

/* What was proposed is none: nearer to the centre of the region. */
static int pull_back(baxus_state *s, const hpo_view *view, double *v, double *u)
{
    const double *centre = s->v + (size_t)s->trust.center * s->n_bins;
    for (int i = 0; i < HALVES; i++) {
        for (size_t b = 0; b < s->n_bins; b++)
            v[b] = 0.5 * (v[b] + centre[b]);
        if (settle(s, view, v, u)) return 1;
    }
    return 0;
}

/* Nor is that: somewhere else in the subspace, else anywhere. */
static hpo_status somewhere_else(baxus_state *s, const hpo_view *view, double *v, hpo_rng *rng, double *u_out,
                                 hpo_error *err)
{
    s->from = ORIGIN_OTHER;
    for (int i = 0; i < DRAWS; i++) {
        for (size_t b = 0; b < s->n_bins; b++)
            v[b] = hpo_rng_uniform(rng);
        if (settle(s, view, v, u_out)) return HPO_OK;
    }
    for (int i = 0; i < DRAWS; i++) {
        HPO_TRY(hpo_space_draw(s->space, rng, u_out, err));
        hpo_space_decode(s->space, u_out, s->x);
        hpo_space_encode(s->space, s->x, u_out);
        if (view->noisy || !is_known(view, u_out)) return HPO_OK;
    }
    return HPO_OK;
}

static hpo_status baxus_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    baxus_state *s = state;
    size_t n = view->n_done, p = view->n_pending;
    if (s->n_dims == 0) return hpo_space_draw(s->space, rng, u_out, err);
    HPO_TRY(fold(s, view, err));
    HPO_TRY(hpo_reserve(&s->known, &s->cap_known, (n + p + 1) * s->n_bins, sizeof *s->known, err));
    double *v = s->known + (n + p) * s->n_bins, *pending = s->known + n * s->n_bins;
    if (n > 0) memcpy(s->known, s->v, n * s->n_bins * sizeof *v);
    for (size_t i = 0; i < p; i++)
        project(s, view->u_pending + i * s->n_dims, pending + i * s->n_bins);
    if (hpo_trust_is_opening(&s->trust, p)) {
        s->from = ORIGIN_OPENING;
        HPO_TRY(hpo_opening_ask(&s->opening, draw, rng, v, err));
    } else {
        s->from = ORIGIN_REGION;
        hpo_status status = hpo_trust_propose(&s->trust, s->v, view->noisy ? NULL : s->known,
                                              view->noisy ? 0 : n + p, pending, p, rng, v, err);
        if (status == HPO_DONE) return somewhere_else(s, view, v, rng, u_out, err);
        HPO_TRY(status);
    }
    if (settle(s, view, v, u_out)) return HPO_OK;
    if (s->from == ORIGIN_REGION && pull_back(s, view, v, u_out)) return HPO_OK;
    return somewhere_else(s, view, v, rng, u_out, err);
}

/* ---- account --------------------------------------------------------------------------------------------
 */

static hpo_status baxus_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                size_t *n_out, hpo_error *err)
{
    baxus_state *s = state;
    const hpo_trust *t = &s->trust;
    hpo_str out = {0};
    (void)view;
    hpo_str_addf(&out,
                 "{\"model\":\"trust region in a random subspace\",\"origin\":\"%s\",\"dimensions\":%zu,"
                 "\"of\":%zu,\"stage\":%zu,\"rows\":%zu",
                 origin_names[s->from], s->n_bins, s->n_dims, s->stage, s->n_rows);
    if (s->is_open && s->from == ORIGIN_REGION) {
        double mean, var, *v = hpo_alloc_array(s->n_bins, sizeof *v);
        if (v == NULL) {
            hpo_str_fini(&out);
            return hpo_fail_memory(err);
        }
        project(s, u, v);
        hpo_gp_moments(t->gp, v, 1, &mean, &var);
        hpo_free(v);
        const hpo_transform *f = hpo_gp_transform(t->gp);
        hpo_str_addf(&out, ",\"successes\":%zu,\"failures\":%zu,\"patience\":%zu", t->successes, t->failures,
                     t->options.patience);
        hpo_str_json_member(&out, "length", t->length);
        hpo_str_json_member(&out, "value", t->score);
        hpo_str_json_member(&out, "mean", hpo_transform_invert(f, mean));
        hpo_str_json_member(&out, "sd", hpo_transform_sd(f, mean, var));
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_baxus = {
    .size = sizeof(hpo_sampler_ops),
    .name = "baxus",
    .help =
        "Bayesian optimisation in random subspaces that grow: hundreds of parameters of which few matter.",
    .reference = "Papenmeier, Nardi & Poloczek, NeurIPS 2022, arXiv 2304.11468; Nayebi et al., ICML 2019",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = baxus_options,
    .n_options = sizeof baxus_options / sizeof baxus_options[0],
    .config_size = sizeof(baxus_config),
    .state_size = sizeof(baxus_state),
    .init = baxus_init,
    .ask = baxus_ask,
    .fini = baxus_fini,
    .explain = baxus_explain,
};
