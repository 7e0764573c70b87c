/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/trust.c - the trust region.
 *
 * A proposal by Thompson sampling: a function is drawn from the posterior (model/gp_path.c) and minimised
 * over candidates that differ from the centre in each axis with probability min(1, 20 / axes), in one at
 * least.  In many dimensions this is what keeps proposals local: a point uniform in a box of 60 dimensions is
 * far from its centre however small the box.  Numbers are drawn uniformly from the side of the region;
 * labels, permutations and subsets take a random move; what a label brings in is random.
 *
 * Successes are counted by rank alone (better or not), where the paper asks for a gain of a thousandth of
 * |y|: nothing depends on the scale of the objective or on where its zero is. */
#include "sampler/trust.h"

#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "space/space.h"

enum { BLOCK = 64, FEW_VALUES = 4, MANY_PENDING = 16, FREQUENCIES = 256 };
static const double longest = 1.6, changed_axes = 20;

/* ---- life -----------------------------------------------------------------------------------------------
 */

static int has_side(const hpo_axis *a)
{
    return a->kind == HPO_AXIS_REAL || (a->kind == HPO_AXIS_GRID && a->n_values > FEW_VALUES);
}

static hpo_status begin_life(hpo_trust *t, size_t first, hpo_error *err)
{
    hpo_gp_options o = hpo_gp_defaults();
    o.max_rows = t->options.max_rows;
    o.seed = t->seed + t->n_lives;
    hpo_gp_free(t->gp);
    t->gp = NULL;
    t->first = first;
    t->n_finite = t->successes = t->failures = 0;
    t->center = -1;
    t->length = t->options.length;
    t->best = t->worst = (double)NAN;
    return hpo_gp_create(t->embed, &o, &t->gp, err);
}

hpo_status hpo_trust_reset(hpo_trust *t, hpo_error *err)
{
    t->n_rows = t->n_lives = 0;
    return begin_life(t, 0, err);
}

hpo_status hpo_trust_init(hpo_trust *t, const hpo_embed *embed, uint64_t seed,
                          const hpo_trust_options *options, hpo_error *err)
{
    *t = (hpo_trust){.options = *options,
                     .embed = embed,
                     .space = hpo_embed_space(embed),
                     .n_dims = hpo_embed_n_dims(embed),
                     .n_axes = hpo_embed_n_axes(embed),
                     .seed = seed};
    size_t d = t->n_dims;
    t->plain = (hpo_space_needs(t->space) & ~(uint32_t)HPO_CAP_CONTINUOUS) == 0;
    t->half = hpo_alloc_array(d + 1, sizeof *t->half);
    t->lengthscales = hpo_alloc_array(t->n_axes + 1, sizeof *t->lengthscales);
    t->u = hpo_alloc_array((BLOCK + 1) * (d + 1), sizeof *t->u);
    t->x = hpo_alloc_array(hpo_space_n_columns(t->space) + 1, sizeof *t->x);
    if (!t->half || !t->lengthscales || !t->u || !t->x) return hpo_fail_memory(err);
    t->value = t->u + BLOCK * d;
    if (options->rule == HPO_TRUST_EI) HPO_TRY(hpo_search_create(embed, seed, &t->search, err));
    return hpo_trust_reset(t, err);
}

void hpo_trust_fini(hpo_trust *t)
{
    hpo_gp_free(t->gp);
    hpo_search_free(t->search);
    hpo_free(t->y);
    hpo_free(t->half);
    hpo_free(t->lengthscales);
    hpo_free(t->u);
    hpo_free(t->x);
}

/* ---- the fold -------------------------------------------------------------------------------------------
 */

/* Half sides from the lengthscales; at least one step of a grid. */
static void find_sides(hpo_trust *t)
{
    double sum = 0, n = 0;
    int ready = hpo_gp_ready(t->gp);
    if (ready) hpo_gp_lengthscales(t->gp, t->lengthscales);
    for (size_t i = 0; i < t->n_axes; i++) {
        if (!has_side(hpo_embed_axis(t->embed, i))) continue;
        sum += ready ? hpo_log(t->lengthscales[i]) : 0;
        n++;
    }
    for (size_t i = 0; i < t->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(t->embed, i);
        double half = 1;
        if (has_side(a)) {
            half = t->length / 2;
            if (ready) half *= hpo_exp(hpo_log(t->lengthscales[i]) - sum / n);
            if (a->kind == HPO_AXIS_GRID) half = fmax(half, 1 / (double)(a->n_values - 1));
        }
        for (size_t k = a->dim; k < a->dim + a->n_dims; k++)
            t->half[k] = fmin(half, 1);
    }
}

/* Brings the process and the sides up to the rows seen. */
static hpo_status learn(hpo_trust *t, const double *u, hpo_error *err)
{
    HPO_TRY(hpo_gp_advance(t->gp, u + t->first * t->n_dims, t->y, NULL, NULL, t->n_rows - t->first, err));
    find_sides(t);
    return HPO_OK;
}

/* Within twice the region: one that was proposed before the centre moved still counts. */
static int is_near(const hpo_trust *t, const double *u, const double *center)
{
    for (size_t i = 0; i < t->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(t->embed, i);
        if (has_side(a) && fabs(u[a->dim] - center[a->dim]) > 2 * t->half[a->dim]) return 0;
    }
    return 1;
}

/* 1: the life is over. */
static int count(hpo_trust *t, int success)
{
    t->successes = success ? t->successes + 1 : 0;
    t->failures = success ? 0 : t->failures + 1;
    if (t->successes == HPO_TRUST_ADVANCE) {
        t->length = fmin(2 * t->length, longest);
        t->successes = 0;
    }
    if (t->failures == t->options.patience) {
        t->length /= 2;
        t->failures = 0;
    }
    return t->length < t->options.shortest;
}

hpo_status hpo_trust_fold(hpo_trust *t, const double *u, const double *y, size_t stride, size_t n,
                          hpo_error *err)
{
    if (n < t->n_rows) HPO_TRY(hpo_trust_reset(t, err));
    HPO_TRY(hpo_reserve(&t->y, &t->cap_y, n - t->first + 1, sizeof *t->y, err));
    for (size_t i = t->n_rows; i < n; i++) {
        double value = y[i * stride];
        int finite = isfinite(value), better = finite && (t->center < 0 || value < t->best), over = 0;
        if (i - t->first >= t->options.initial && t->center >= 0) {
            HPO_TRY(learn(t, u, err));
            if (is_near(t, u + i * t->n_dims, u + (size_t)t->center * t->n_dims)) over = count(t, better);
        }
        t->y[i - t->first] = finite ? value : t->worst;
        t->n_rows = i + 1;
        if (finite) {
            t->worst = t->n_finite++ == 0 ? value : fmax(t->worst, value);
            if (better) t->center = (int64_t)i;
            if (better) t->best = value;
        }
        if (!over) continue;
        t->n_lives++;
        HPO_TRY(begin_life(t, i + 1, err));
    }
    return n > t->first ? learn(t, u, err) : HPO_OK;
}

int hpo_trust_is_opening(const hpo_trust *t, size_t n_pending)
{
    return t->n_dims == 0 || t->center < 0 || !hpo_gp_ready(t->gp) ||
           t->n_rows - t->first + n_pending < t->options.initial;
}

/* ---- candidates -----------------------------------------------------------------------------------------
 */

static void perturb_axis(const hpo_trust *t, const hpo_axis *a, const double *center, hpo_rng *rng, double *u)
{
    size_t k = a->dim, n = a->n_dims;
    switch (a->kind) {
    case HPO_AXIS_PERMUTATION: {
        size_t i = k + hpo_rng_below(rng, n), j = k + hpo_rng_below(rng, n);
        double v = u[i];
        u[i] = u[j];
        u[j] = v;
        return;
    }
    case HPO_AXIS_SUBSET:
        k += hpo_rng_below(rng, n);
        u[k] = u[k] >= 0.5 ? 0.25 : 0.75;
        return;
    case HPO_AXIS_SIMPLEX:
        k += hpo_rng_below(rng, n);
        u[k] = hpo_rng_uniform(rng);
        return;
    case HPO_AXIS_LABEL:
        u[k] = hpo_rng_uniform(rng);
        return;
    case HPO_AXIS_REAL:
    case HPO_AXIS_GRID:
        break;
    }
    double low = 0, high = 1;
    if (has_side(a)) {
        low = fmax(0, center[k] - t->half[k]);
        high = fmin(1, center[k] + t->half[k]);
    }
    u[k] = low + (high - low) * hpo_rng_uniform(rng);
}

/* Puts u into decode-encode normal form; 0: it violates a constraint. */
static int settle(hpo_trust *t, double *u)
{
    hpo_space_decode(t->space, u, t->x);
    hpo_space_encode(t->space, t->x, u);
    return t->plain || hpo_space_feasible(t->space, t->x);
}

/* One candidate; 0: it violates a constraint. */
static int candidate(hpo_trust *t, const double *center, size_t active, hpo_rng *rng, double *u)
{
    double p = changed_axes / (double)t->n_axes;
    size_t forced = hpo_rng_below(rng, active);
    memcpy(u, center, t->n_dims * sizeof *u);
    for (size_t i = 0; i < t->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(t->embed, i);
        if (isnan(center[a->dim])) continue;
        int must = forced-- == 0; /* wraps around after its turn */
        if (must || p >= 1 || hpo_rng_uniform(rng) < p) perturb_axis(t, a, center, rng, u);
    }
    if (t->plain) return 1;
    for (size_t k = 0; k < t->n_dims; k++)
        if (isnan(u[k])) u[k] = hpo_rng_uniform(rng); /* decode takes it out again where it does not apply */
    return settle(t, u);
}

static int is_known(const double *u, const double *known, size_t n, size_t d)
{
    for (size_t i = 0; i < n && known != NULL; i++) {
        const double *v = known + i * d;
        size_t k = 0;
        while (k < d && (u[k] == v[k] || (isnan(u[k]) && isnan(v[k]))))
            k++;
        if (k == d) return 1;
    }
    return 0;
}

/* ---- proposals ------------------------------------------------------------------------------------------
 */

static hpo_status thompson(hpo_trust *t, const double *center, const double *known, size_t n_known,
                           hpo_rng *rng, double *u_out, hpo_error *err)
{
    hpo_gp_path *path = NULL;
    size_t d = t->n_dims, active = 0, found = 0;
    for (size_t i = 0; i < t->n_axes; i++)
        active += isnan(center[hpo_embed_axis(t->embed, i)->dim]) ? 0 : 1;
    if (active == 0) return HPO_DONE;
    HPO_TRY(hpo_gp_path_draw(t->gp, rng, FREQUENCIES, &path, err));
    for (size_t made = 0; made < t->options.candidates; made += BLOCK) {
        size_t m = 0;
        for (size_t i = 0; i < BLOCK; i++)
            m += (size_t)candidate(t, center, active, rng, t->u + m * d);
        hpo_gp_path_values(path, t->u, m, t->value);
        for (size_t i = 0; i < m; i++) {
            double *u = t->u + i * d;
            if (found && !(t->value[i] < t->score)) continue;
            if (t->plain) (void)settle(t, u);
            if (is_known(u, known, n_known, d)) continue;
            memcpy(u_out, u, d * sizeof *u);
            t->score = t->value[i];
            found = 1;
        }
    }
    hpo_gp_path_free(path);
    return found ? HPO_OK : HPO_DONE;
}

static hpo_status improve(hpo_trust *t, const double *center, const double *known, size_t n_known,
                          const double *pending, size_t n_pending, hpo_rng *rng, double *u_out,
                          hpo_error *err)
{
    size_t point;
    hpo_acq *acq = NULL;
    hpo_posterior posterior = hpo_gp_posterior(t->gp);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_FANTASY};
    if (n_pending > MANY_PENDING) o.pending = HPO_PENDING_BELIEVER;
    hpo_acq_context x = {.pending = pending,
                         .n_pending = n_pending,
                         .best = hpo_gp_incumbent(t->gp, &point),
                         .gp = t->gp,
                         .n_told = t->n_rows};
    HPO_TRY(hpo_acq_create(t->space, &posterior, &o, &x, rng, &acq, err));
    const hpo_score score = hpo_acq_score(acq);
    hpo_gp_lengthscales(t->gp, t->lengthscales);
    hpo_search_options s = {.lengthscales = t->lengthscales, .center = center, .half_width = t->half};
    hpo_status status =
        hpo_search_maximise(t->search, &score, &s, center, 1, known, n_known, rng, u_out, &t->score, err);
    hpo_acq_free(acq);
    return status;
}

hpo_status hpo_trust_propose(hpo_trust *t, const double *u, const double *known, size_t n_known,
                             const double *pending, size_t n_pending, hpo_rng *rng, double *u_out,
                             hpo_error *err)
{
    const double *center = u + (size_t)t->center * t->n_dims;
    if (t->options.rule == HPO_TRUST_EI)
        return improve(t, center, known, n_known, pending, n_pending, rng, u_out, err);
    return thompson(t, center, known, n_known, rng, u_out, err);
}
