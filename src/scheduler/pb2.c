/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/pb2.c - population-based bandits: clones' parameters by a process that changes with time.
 *
 * The population is that of pbt (population.c); the parameters of a clone are not perturbed at random but
 * chosen from what all members have made of theirs.  Each piece of training is an observation: with
 * parameters x, a member came from value v at level j to value v' at level k,
 *
 *   d = (v' - v) / (k - j),     y = d / median_k |d|,     b = (v - mean_j v) / sd_j v
 *
 * smaller is better.  How much there is to gain differs from level to level, often by orders of magnitude, so
 * changes are measured by the usual size of a change to their level (centring them there would make the same
 * parameters look good in bad company and bad in good company); and with where a member stands, so the value
 * before is an input beside x.  y, brought nearer to normal by Yeo and Johnson's transform, is a time-varying
 * Gaussian process,
 *
 *   cov(y, y') = s2 exp(-r^2((x, b), (x', b')) / 2) (1 - w)^(|k - k'| / 2) + noise,
 *
 * with r the embedded distance of all kinds of parameters, labels and conditional ones too (embed.h);
 * lengthscales, w and the variances are its maximum a posteriori, of the newest 64 pieces.  The pieces that
 * are being trained count as having brought what is expected of them (Desautels, Krause & Burdick, JMLR
 * 2014), so that clones of one moment differ.  A clone that goes on to level k gets
 *
 *   x = argmin  mean_k(x, b) - sqrt(beta) sd_k(x, b),   beta = 0.2 + max(0, ln(0.4 n)),   n pieces known,
 *
 * among 512 feasible draws and 64 perturbations of its parent's parameters, the best four of them improved by
 * descent in the real coordinates.  Parameters in `fixed` are the parent's throughout.  As long as no level
 * has two pieces that differ, a clone is perturbed as in pbt.
 *
 * Parker-Holder, Nguyen, Roberts: "Provably efficient online hyperparameter optimization with
 * population-based bandits", NeurIPS 2020, Algorithms 1 and 2; labels in the kernel: Parker-Holder, Nguyen,
 * Desai, Roberts, NeurIPS 2021 (PB2-Mix); beta: the authors' program.  Theirs instead of y: d, standardised
 * over all levels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/minimise.h"
#include "math/rng.h"
#include "model/fidelity_gp.h"
#include "scheduler/builtin.h"
#include "scheduler/explore.h"
#include "scheduler/population.h"
#include "space/space.h"

enum { MOST_PIECES = 64, DRAWS = 512, NEAR = 64, STARTS = 4, MEMORY = 8, ITERATIONS = 30 };

typedef struct pb2_config {
    hpo_population_config population;
    double resample;
} pb2_config;

/* One observation.  The first piece of a training has nothing before it: only its end counts. */
typedef struct piece {
    int64_t trial, from, to; /* levels; -1: from the start */
    double before, after;
} piece;

/* Where the piece that a trial trains next begins. */
typedef struct stand {
    int64_t level; /* -1: at the start */
    double value;
} stand;

typedef struct pb2 {
    hpo_population population; /* first: its operations take the state for theirs */
    double resample;
    hpo_space *wide;  /* the space and, as its last dimension, b */
    hpo_embed *embed; /* of that */
    hpo_fidelity_gp *gp;
    piece *pieces;
    size_t n_pieces, cap_pieces;
    stand *stands; /* by trial */
    size_t n_stands, cap_stands;
    /* for one look at the model: rows of it, candidates with their bounds, and a descent */
    double *rows, *level, *y, *u, *bound, *work; /* rows and u: n_dims + 1 wide */
    /* ... and what that descent is about */
    hpo_fidelity_slice slice;
    double kappa;
    const double *at; /* the candidate it started from */
    size_t *free_dim; /* its coordinates that move */
    size_t n_free;
} pb2;

/* ---- begin and end ---------------------------------------------------------------------------------- */

/* The space with one more parameter. */
static hpo_status widen(const hpo_space *space, hpo_space **out, hpo_error *err)
{
    char *json = NULL, name[32] = "before";
    HPO_TRY(hpo_space_to_json(space, &json, err));
    hpo_status status = hpo_space_load(json, out, err);
    hpo_free(json);
    HPO_TRY(status);
    for (size_t n = strlen(name); hpo_space_find(space, name) >= 0 && n + 1 < sizeof name; n++)
        name[n] = '_';
    HPO_TRY(hpo_space_add_float(*out, name, 0, 1, HPO_SCALE_LINEAR, err));
    return hpo_space_freeze_any(*out, err);
}

static hpo_status pb2_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    pb2 *s = state;
    const pb2_config *c = config;
    const hpo_fidelity_gp_options o = {
        .kernel = HPO_KERNEL_SE, .family = HPO_FIDELITY_AGE, .transform = HPO_TRANSFORM_YEO_JOHNSON};
    s->resample = c->resample;
    HPO_TRY(hpo_population_init(&s->population, &c->population, p, err));
    size_t d = s->population.n_dims + 1, rows = MOST_PIECES + s->population.n_members, n = DRAWS + NEAR;
    if (d == 1) return HPO_OK; /* nothing to choose */
    HPO_TRY(widen(p->space, &s->wide, err));
    HPO_TRY(hpo_embed_create(s->wide, &s->embed, err));
    HPO_TRY(hpo_fidelity_gp_create(s->embed, &o, &s->gp, err));
    s->rows =
        hpo_alloc_array(rows * (d + 2) + n * (d + 2) + 8 * d + hpo_lbfgsb_work(d, MEMORY), sizeof *s->rows);
    s->free_dim = hpo_alloc_array(d, sizeof *s->free_dim);
    if (s->rows == NULL || s->free_dim == NULL) return hpo_fail_memory(err);
    s->level = s->rows + rows * d;
    s->y = s->level + rows;
    s->u = s->y + rows;
    s->bound = s->u + n * d;
    s->work = s->bound + 2 * n; /* mean and variance; then 8 d and the descent's own */
    return HPO_OK;
}

static void pb2_fini(void *state)
{
    pb2 *s = state;
    hpo_fidelity_gp_free(s->gp);
    hpo_embed_free(s->embed);
    hpo_space_free(s->wide);
    hpo_free(s->pieces);
    hpo_free(s->stands);
    hpo_free(s->rows);
    hpo_free(s->free_dim);
    hpo_population_fini(state);
}

/* ---- events ------------------------------------------------------------------------------------------ */

static hpo_status need(pb2 *s, int64_t trial, hpo_error *err)
{
    size_t n = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&s->stands, &s->cap_stands, n, sizeof *s->stands, err));
    while (s->n_stands < n)
        s->stands[s->n_stands++] = (stand){-1, (double)NAN};
    return HPO_OK;
}

static double value_at(const hpo_population *p, int64_t member, int64_t level)
{
    return p->value[(size_t)member * p->n_levels + (size_t)level];
}

/* A clone stands where its parent's newest checkpoint does. */
static hpo_status pb2_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    pb2 *s = state;
    const hpo_population *p = &s->population;
    HPO_TRY(need(s, e->trial, err));
    int64_t m =
        e->kind == HPO_ACT_CLONE && e->parent < (int64_t)p->n_trials ? p->trials[e->parent].member : -1;
    if (m >= 0 && p->members[m].level >= 0)
        s->stands[e->trial] = (stand){p->members[m].level, value_at(p, m, p->members[m].level)};
    return hpo_population_start(state, e, err);
}

static hpo_status pb2_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    pb2 *s = state;
    const hpo_population *p = &s->population;
    HPO_TRY(hpo_reserve(&s->pieces, &s->cap_pieces, s->n_pieces + 1, sizeof *s->pieces, err));
    HPO_TRY(need(s, r->trial, err));
    HPO_TRY(hpo_population_report(state, r, out, err));
    stand *from = &s->stands[r->trial];
    int64_t m = p->trials[r->trial].member, to = (int64_t)p->n_levels - 1;
    if (m < 0) return HPO_OK;
    while (to > from->level && isnan(value_at(p, m, to)))
        to--;
    if (to <= from->level) return HPO_OK;
    const stand now = {to, value_at(p, m, to)};
    s->pieces[s->n_pieces++] = (piece){r->trial, from->level, to, from->value, now.value};
    *from = now;
    return HPO_OK;
}

/* ---- what the pieces say ------------------------------------------------------------------------------- */

typedef struct moments {
    double n, mean, sd;
} moments;

static double change_of(const piece *p)
{
    return (p->after - p->before) / (double)(p->to - p->from); /* NaN for a first piece */
}

/* Of the values at `level` in the pieces i >= first. */
static moments moments_at(const pb2 *s, size_t first, int64_t level)
{
    moments m = {0};
    double sum = 0, squares = 0;
    for (size_t i = first; i < s->n_pieces; i++)
        if (s->pieces[i].to == level) sum += s->pieces[i].after, m.n++;
    m.mean = sum / fmax(m.n, 1);
    for (size_t i = first; i < s->n_pieces; i++) {
        double off = s->pieces[i].after - m.mean;
        if (s->pieces[i].to == level) squares += off * off;
    }
    m.sd = m.n > 1 ? sqrt(squares / (m.n - 1)) : 0;
    return m;
}

/* How large changes up to `level` are: the median of their sizes in the pieces i >= first. */
static double usual_change(pb2 *s, size_t first, int64_t level)
{
    double *size = s->bound; /* not in use yet */
    size_t n = 0;
    for (size_t i = first; i < s->n_pieces; i++) {
        double c = fabs(change_of(&s->pieces[i]));
        size_t at = n;
        if (s->pieces[i].to != level || isnan(c)) continue;
        for (n++; at > 0 && size[at - 1] > c; at--)
            size[at] = size[at - 1];
        size[at] = c;
    }
    return n == 0 ? 0 : (size[(n - 1) / 2] + size[n / 2]) / 2;
}

static double standard(const moments *m, double v)
{
    return m->sd > 1e-12 * fabs(m->mean) ? (v - m->mean) / m->sd : 0;
}

static size_t first_piece(const pb2 *s)
{
    return s->n_pieces > MOST_PIECES ? s->n_pieces - MOST_PIECES : 0;
}

/* b of the value v at `level`, as a coordinate of the unit cube: three standard deviations are its ends. */
static double standing(const pb2 *s, int64_t level, double v)
{
    moments m = moments_at(s, first_piece(s), level);
    return fmin(fmax(0.5 + standard(&m, v) / 6, 0), 1);
}

static void write_row(const pb2 *s, size_t i, int64_t trial, int64_t from, int64_t to, double before)
{
    size_t d = s->population.n_dims;
    double *row = s->rows + i * (d + 1);
    memcpy(row, s->population.u + (size_t)trial * d, d * sizeof *row);
    row[d] = standing(s, from, before);
    s->level[i] = (double)to;
}

/* Rows, levels and y of the newest pieces; how many, 0: they tell nothing yet. */
static size_t gather(pb2 *s)
{
    size_t first = first_piece(s), n = 0;
    double low = (double)INFINITY, high = -low;
    for (size_t i = first; i < s->n_pieces; i++) {
        const piece *p = &s->pieces[i];
        if (p->from < 0) continue;
        double usual = usual_change(s, first, p->to);
        write_row(s, n, p->trial, p->from, p->to, p->before);
        s->y[n] = usual > 0 ? change_of(p) / usual : 0;
        low = fmin(low, s->y[n]);
        high = fmax(high, s->y[n++]);
    }
    return n >= 2 && high > low ? n : 0;
}

/* Appends the pieces that are being trained, as if they had brought what the model expects. */
static size_t believe(pb2 *s, size_t n)
{
    const hpo_population *p = &s->population;
    for (size_t m = 0; m < p->n_begun; m++) {
        const hpo_member *a = &p->members[m];
        double mean, var;
        if (a->state != HPO_MEMBER_RUNS || a->level < 0) continue;
        const stand *from = &s->stands[a->trial];
        if (from->level < 0) continue;
        write_row(s, n, a->trial, from->level, a->level + 1, from->value);
        hpo_fidelity_gp_moments(s->gp, s->rows + n * (p->n_dims + 1), 1, s->level[n], &mean, &var);
        s->y[n++] = hpo_transform_invert(hpo_fidelity_gp_transform(s->gp), mean);
    }
    return n;
}

/* The model with all that is known and believed; *n 0: there is none yet. */
static hpo_status fit(pb2 *s, size_t *n, hpo_error *err)
{
    *n = gather(s);
    if (*n == 0) return HPO_OK;
    HPO_TRY(hpo_fidelity_gp_condition(s->gp, s->rows, s->level, s->y, *n, err));
    HPO_TRY(hpo_fidelity_gp_fit(s->gp, 1, err));
    size_t all = believe(s, *n);
    return all == *n ? HPO_OK : hpo_fidelity_gp_condition(s->gp, s->rows, s->level, s->y, all, err);
}

/* ---- the choice ------------------------------------------------------------------------------------- */

/* The bound as a function of the coordinates that move; gradient too. */
static double bound_at(void *ctx, const double *v, double *gradient)
{
    pb2 *s = ctx;
    size_t d = s->population.n_dims + 1;
    double *u = s->work, *dmean = u + d, *dvar = dmean + d, mean, var;
    const hpo_posterior post = hpo_fidelity_gp_posterior(&s->slice);
    memcpy(u, s->at, d * sizeof *u);
    for (size_t j = 0; j < s->n_free; j++)
        u[s->free_dim[j]] = v[j];
    post.ops->gradient(post.model, u, &mean, &var, dmean, dvar);
    double sd = sqrt(var);
    for (size_t j = 0; j < s->n_free && gradient != NULL; j++)
        gradient[j] = dmean[s->free_dim[j]] - s->kappa * dvar[s->free_dim[j]] / (2 * sd);
    return mean - s->kappa * sd;
}

/* Descends from candidate u; what it finds replaces u where it is feasible and better. */
static void improve(pb2 *s, double *u, double *bound)
{
    const hpo_population *p = &s->population;
    size_t d = p->n_dims + 1;
    double *v = s->work + 3 * d, *low = v + d, *high = low + d, *best = high + d, mean, var;
    s->at = u;
    s->n_free = 0;
    for (size_t i = 0; i < hpo_embed_n_axes(s->embed); i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (a->kind != HPO_AXIS_REAL || a->dim == p->n_dims || p->fixed[a->param] || isnan(u[a->dim]))
            continue;
        low[s->n_free] = 0;
        high[s->n_free] = 1;
        v[s->n_free] = u[a->dim];
        s->free_dim[s->n_free++] = a->dim;
    }
    if (s->n_free == 0) return;
    const hpo_lbfgsb_options o = {
        .memory = MEMORY, .max_iterations = ITERATIONS, .gradient_tolerance = 1e-4, .value_tolerance = 1e-7};
    hpo_lbfgsb_result r;
    hpo_lbfgsb(bound_at, s, s->n_free, low, high, v, &o, s->work + 8 * d, &r);
    double *x = p->scratch;
    memcpy(best, u, d * sizeof *best);
    for (size_t j = 0; j < s->n_free; j++)
        best[s->free_dim[j]] = v[j];
    hpo_space_decode(p->space, best, x); /* bounds that depend on others, whole numbers */
    if (!hpo_space_feasible(p->space, x)) return;
    hpo_space_encode(p->space, x, best);
    hpo_fidelity_gp_moments(s->gp, best, 1, s->slice.resource, &mean, &var);
    double found = mean - s->kappa * sqrt(var);
    if (!(found < *bound)) return;
    *bound = found;
    memcpy(u, best, d * sizeof *best);
}

/* The candidate with the lowest bound that has not been improved yet. */
static size_t lowest(const double *bound, const double *done, size_t n)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < n; i++)
        if (done[i] == 0 && (best == SIZE_MAX || bound[i] < bound[best])) best = i;
    return best;
}

/* The parameters of a clone of the member `parent`: out, in: that one's. */
static hpo_status choose(pb2 *s, int64_t parent, hpo_rng *rng, double *out, size_t n_known, int *changed,
                         hpo_error *err)
{
    const hpo_population *p = &s->population;
    const hpo_member *from = &p->members[parent];
    size_t d = p->n_dims, n = 0, width = d + 1;
    double b = standing(s, from->level, value_at(p, parent, from->level));
    double *mean = s->bound, *var = s->bound + DRAWS + NEAR;
    for (size_t i = 0; i < DRAWS + NEAR; i++) {
        int any = 0;
        double *u = s->u + n * width;
        memcpy(u, out, d * sizeof *u);
        u[d] = b;
        HPO_TRY(hpo_explore(p->space, p->fixed, i < DRAWS ? 1 : 0, rng, u, p->scratch, &any, err));
        n += any != 0;
    }
    *changed = n > 0;
    if (n == 0) return HPO_OK;
    s->slice = (hpo_fidelity_slice){s->gp, (double)(from->level + 1)};
    s->kappa = sqrt(0.2 + fmax(0, hpo_log(0.4 * (double)n_known)));
    hpo_fidelity_gp_moments(s->gp, s->u, n, s->slice.resource, mean, var);
    for (size_t i = 0; i < n; i++) {
        mean[i] -= s->kappa * sqrt(var[i]);
        var[i] = 0; /* from here on: not improved */
    }
    for (size_t k = 0; k < STARTS && k < n; k++) {
        size_t i = lowest(mean, var, n);
        improve(s, s->u + i * width, &mean[i]);
        var[i] = 1;
    }
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (mean[i] < mean[best]) best = i;
    memcpy(out, s->u + best * width, d * sizeof *out);
    return HPO_OK;
}

static void add_reason(hpo_action *out, size_t n_known)
{
    size_t used = strlen(out->reason);
    if (n_known > 0)
        (void)snprintf(out->reason + used, sizeof out->reason - used, "; parameters by %zu pieces", n_known);
    else
        (void)snprintf(out->reason + used, sizeof out->reason - used, "; perturbed: nothing to compare yet");
}

static hpo_status pb2_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    pb2 *s = state;
    const hpo_population *p = &s->population;
    int64_t parent;
    int changed = 0;
    size_t n = 0;
    hpo_rng rng;
    HPO_TRY(hpo_population_next(p, ask, out, &parent, err));
    if (parent < 0) return HPO_OK;
    memcpy(out->u, p->u + (size_t)out->trial * p->n_dims, p->n_dims * sizeof *out->u);
    hpo_rng_init(&rng, p->seed, (uint64_t)ask->number, HPO_RNG_EXPLORE);
    if (p->n_dims > 0) HPO_TRY(fit(s, &n, err));
    if (n > 0)
        HPO_TRY(choose(s, parent, &rng, out->u, n, &changed, err));
    else
        HPO_TRY(hpo_explore(p->space, p->fixed, s->resample, &rng, out->u, p->scratch, &changed, err));
    out->changed = changed;
    add_reason(out, n);
    return HPO_OK;
}

static const hpo_option options[] = {
    HPO_POPULATION_OPTIONS(pb2_config, 10),
    {"resample", "as in pbt, for the first clones, about which nothing is known yet", HPO_OPT_REAL,
     offsetof(pb2_config, resample), 0.25, 0, 1, NULL},
};

const hpo_scheduler_ops hpo_scheduler_pb2 = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "pb2",
    .help =
        "Population-based bandits: pbt whose clones get the parameters that a time-varying Gaussian process "
        "expects most of; for small populations.",
    .reference = "Parker-Holder, Nguyen, Roberts: Provably efficient online hyperparameter optimization with "
                 "population-based bandits, NeurIPS 2020",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_CLONES | HPO_SCHED_POINTS,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(pb2_config),
    .state_size = sizeof(pb2),
    .init = pb2_init,
    .start = pb2_start,
    .report = pb2_report,
    .tell = hpo_population_tell,
    .next = pb2_next,
    .describe = hpo_population_describe,
    .fini = pb2_fini,
};
