/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/resource.c - see resource.h.
 *
 * A view shows the rows of one level of resource, which is what most samplers need, and beside them every
 * report and the configuration of every trial.  Here only those are read.  Without a scheduler that pauses
 * trials there is one resource, and the rows are the reports.
 *
 * Failed trials are left out of the model; a classifier (model/success.h) weighs the acquisition where some
 * have failed.
 *
 *     alpha(u) = log E max(0, f* - f(u)) + log P(no failure at u),   f* = min_i E f(u_i)
 *
 * with f the value at the maximum, over trials that have reported anything (acq/acquisition.c). */
#include "sampler/resource.h"

#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

enum { LOOKED_AT = 32, BEST = 5, MANY_PENDING = 16, CANDIDATES = 512, STARTS = 6 };

hpo_status hpo_resource_init(hpo_resource *r, const hpo_space *space, uint64_t seed, int64_t opening,
                             hpo_error *err)
{
    r->space = space;
    r->target = (double)NAN;
    r->opening_size = hpo_opening_size(space->n_params, opening);
    HPO_TRY(hpo_opening_init(&r->opening, space, seed, err));
    HPO_TRY(hpo_embed_create(space, &r->embed, err));
    r->n_dims = hpo_embed_n_dims(r->embed);
    r->n_axes = hpo_embed_n_axes(r->embed);
    r->lengthscales = hpo_calloc(r->n_axes + 1, sizeof *r->lengthscales);
    if (r->lengthscales == NULL) return hpo_fail_memory(err);
    HPO_TRY(hpo_success_create(r->embed, &r->success, err));
    return hpo_search_create(r->embed, seed, &r->search, err);
}

void hpo_resource_fini(hpo_resource *r)
{
    hpo_search_free(r->search);
    hpo_success_free(r->success);
    hpo_embed_free(r->embed);
    hpo_opening_fini(&r->opening);
    hpo_free(r->kind);
    hpo_free(r->score);
    hpo_free(r->list);
    hpo_free(r->ok);
    hpo_free(r->lengthscales);
}

/* ---- the view ------------------------------------------------------------------------------------------ */

static int is_known(const double *u, size_t d)
{
    for (size_t k = 0; k < d; k++)
        if (!isnan(u[k])) return 1;
    return d == 0;
}

static void mark(hpo_resource *r, size_t trial, int failed)
{
    uint8_t *k = &r->kind[trial];
    if (*k == HPO_RESOURCE_FAILED) return;
    r->n_failed += failed != 0;
    if (*k == HPO_RESOURCE_SEEN)
        r->n_seen -= (size_t)failed;
    else
        r->n_seen += failed == 0;
    *k = failed ? HPO_RESOURCE_FAILED : HPO_RESOURCE_SEEN;
}

static hpo_status take_one(hpo_resource *r, size_t trial, double share, double y, hpo_resource_take take,
                           void *ctx, hpo_error *err)
{
    mark(r, trial, !isfinite(y));
    return take(ctx, trial, share, y, err);
}

hpo_status hpo_resource_look(hpo_resource *r, const hpo_view *view, hpo_resource_take take, void *ctx,
                             hpo_error *err)
{
    size_t m = view->n_objectives, had = r->n_trials;
    int levels = view->n_levels > 0;
    r->high = levels ? view->level[view->n_levels - 1] : 1;
    r->n_trials = levels ? view->n_trials : view->n_done;
    r->u = levels ? view->u_trial : view->u;
    HPO_TRY(hpo_reserve(&r->kind, &r->cap_kind, r->n_trials + 1, sizeof *r->kind, err));
    HPO_TRY(hpo_reserve(&r->score, &r->cap_score, r->n_trials + 1, sizeof *r->score, err));
    for (size_t i = had; i < r->n_trials; i++)
        r->kind[i] = HPO_RESOURCE_UNKNOWN;
    for (; levels && r->n_reports < view->n_reports; r->n_reports++) {
        double step = view->report_step[r->n_reports], y = view->report_value[r->n_reports * m];
        if (!(step > 0) || isnan(y)) continue; /* a report of nothing */
        HPO_TRY(take_one(r, (size_t)view->report_trial[r->n_reports], fmin(step / r->high, 1), y, take, ctx,
                         err));
    }
    for (; r->n_rows < view->n_done; r->n_rows++) {
        double y = view->y[r->n_rows * m];
        size_t trial = levels ? (size_t)view->number[r->n_rows] : r->n_rows;
        if (!levels || !isfinite(y)) HPO_TRY(take_one(r, trial, 1, y, take, ctx, err));
    }
    for (size_t i = 0; i < r->n_trials; i++)
        if (r->kind[i] == HPO_RESOURCE_UNKNOWN && is_known(r->u + i * r->n_dims, r->n_dims))
            r->kind[i] = HPO_RESOURCE_PENDING;
    return HPO_OK;
}

/* ---- levels ----------------------------------------------------------------------------------------------
 */

size_t hpo_resource_level_shares(const hpo_view *view, double *level)
{
    level[0] = 1;
    for (size_t k = 0; k < view->n_levels && k < HPO_RESOURCE_LEVELS; k++)
        level[k] = view->level[k] / view->level[view->n_levels - 1];
    return view->n_levels > 0 ? view->n_levels : 1;
}

hpo_status hpo_level_rows_begin(hpo_level_rows *l, const hpo_view *view, const char *name, hpo_error *err)
{
    if (l->n_levels > 0) return HPO_OK;
    if (view->n_levels > HPO_RESOURCE_LEVELS)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "the scheduler has %zu levels, %s takes %d: choose a larger eta", view->n_levels,
                        name, (int)HPO_RESOURCE_LEVELS);
    l->n_levels = hpo_resource_level_shares(view, l->level);
    return HPO_OK;
}

void hpo_level_rows_fini(hpo_level_rows *l)
{
    hpo_free(l->rows);
    hpo_free(l->next);
}

hpo_status hpo_level_rows_take(hpo_level_rows *l, size_t trial, double share, double y, int *added,
                               hpo_error *err)
{
    *added = 0;
    HPO_TRY(hpo_reserve(&l->next, &l->cap_next, trial + 1, sizeof *l->next, err));
    for (; l->n_next <= trial; l->n_next++)
        l->next[l->n_next] = 0;
    size_t k = l->n_levels;
    while (k > l->next[trial] && !(share >= l->level[k - 1] * (1 - 1e-9)))
        k--;
    if (k == l->next[trial]) return HPO_OK; /* between two levels */
    HPO_TRY(hpo_reserve(&l->rows, &l->cap_rows, l->n_rows + 1, sizeof *l->rows, err));
    l->rows[l->n_rows++] = (hpo_level_row){trial, k - 1, y};
    for (; l->next[trial] < k; l->next[trial]++)
        l->count[l->next[trial]]++;
    *added = 1;
    return HPO_OK;
}

hpo_status hpo_resource_open(hpo_resource *r, uint64_t draw, hpo_rng *rng, double *u_out, int *taken,
                             hpo_error *err)
{
    r->value = (double)NAN;
    r->used_up = 0;
    *taken = r->is_opening = r->n_seen < 2 || r->n_seen < r->opening_size;
    return *taken ? hpo_opening_ask(&r->opening, draw, rng, u_out, err) : HPO_OK;
}

hpo_status hpo_resource_pending(hpo_resource *r, const hpo_view *view, const double **u, size_t *n,
                                hpo_error *err)
{
    size_t d = r->n_dims, count = 0;
    *u = view->u_pending;
    *n = view->n_pending;
    if (view->n_levels == 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&r->list, &r->cap_list, r->n_trials * d + 1, sizeof *r->list, err));
    for (size_t i = 0; i < r->n_trials; i++)
        if (r->kind[i] == HPO_RESOURCE_PENDING)
            memcpy(r->list + count++ * d, r->u + i * d, d * sizeof *r->list);
    *u = r->list;
    *n = count;
    return HPO_OK;
}

/* ---- the search ------------------------------------------------------------------------------------------
 */

/* The LOOKED_AT trials of smallest score. */
static size_t select_trials(const hpo_resource *r, size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_trials; i++) {
        double s = r->score[i];
        if (!(s < (double)INFINITY) || (n == LOOKED_AT && !(s < r->score[out[n - 1]]))) continue;
        size_t at = n == LOOKED_AT ? n - 1 : n++;
        for (; at > 0 && s < r->score[out[at - 1]]; at--)
            out[at] = out[at - 1];
        out[at] = i;
    }
    return n;
}

/* Posterior means of those; the least of them is returned, the BEST configurations go to `rows`. */
static double incumbent(const hpo_resource *r, const hpo_posterior *model, double *rows, size_t *n_rows)
{
    size_t d = r->n_dims, who[LOOKED_AT], n = select_trials(r, who);
    double mean[LOOKED_AT], var, least = (double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        model->ops->moments(model->model, r->u + who[i] * d, 1, &mean[i], &var);
        least = fmin(least, mean[i]);
    }
    for (*n_rows = 0; *n_rows < BEST && *n_rows < n; (*n_rows)++) {
        size_t top = 0;
        for (size_t i = 1; i < n; i++)
            if (mean[i] < mean[top]) top = i;
        memcpy(rows + *n_rows * d, r->u + who[top] * d, d * sizeof *rows);
        mean[top] = (double)INFINITY;
    }
    return least;
}

/* Learns where trials fail. */
static hpo_status learn_failures(hpo_resource *r, double *rows, hpo_error *err)
{
    size_t d = r->n_dims, n = 0;
    if (r->n_failed == 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&r->ok, &r->cap_ok, r->n_trials + 1, sizeof *r->ok, err));
    for (size_t i = 0; i < r->n_trials; i++) {
        if (r->kind[i] != HPO_RESOURCE_SEEN && r->kind[i] != HPO_RESOURCE_FAILED) continue;
        memcpy(rows + n * d, r->u + i * d, d * sizeof *rows);
        r->ok[n++] = r->kind[i] == HPO_RESOURCE_SEEN;
    }
    return hpo_success_fit(r->success, rows, r->ok, n, err);
}

/* All trials whose configuration is known. */
static size_t list_known(const hpo_resource *r, const hpo_view *view, double *rows)
{
    size_t d = r->n_dims, n = view->n_levels == 0 ? view->n_pending : 0;
    if (n > 0) memcpy(rows, view->u_pending, n * d * sizeof *rows);
    for (size_t i = 0; i < r->n_trials; i++)
        if (r->kind[i] != HPO_RESOURCE_UNKNOWN) memcpy(rows + n++ * d, r->u + i * d, d * sizeof *rows);
    return n;
}

/* known: room for all trials. */
static hpo_status search(hpo_resource *r, const hpo_view *view, const hpo_score *score,
                         void (*look)(void *ctx, const double *u, size_t m, double *out), const double *best,
                         size_t n_best, const double *lengthscales, double *known, hpo_rng *rng,
                         double *u_out, hpo_error *err)
{
    size_t part =
        score->gradient != NULL ? 1 : 2; /* a forest is dear to look at, and has no slopes to follow */
    hpo_search_options o = {.n_uniform = CANDIDATES / part,
                            .n_local = CANDIDATES / part / 2,
                            .n_starts = STARTS / part,
                            .lengthscales = lengthscales,
                            .scan = look};
    size_t n = view->noisy ? 0 : list_known(r, view, known);
    if (r->n_flat > 0) {
        o.flat = 1;
        o.n_uniform = r->n_flat;
    }
    hpo_status s = hpo_search_maximise(r->search, score, &o, best, n_best, n > 0 ? known : NULL, n, rng,
                                       u_out, &r->value, err);
    if (s != HPO_DONE) return s;
    r->used_up = 1;
    return hpo_space_draw(r->space, rng, u_out, err);
}

hpo_status hpo_resource_maximise(hpo_resource *r, const hpo_view *view, const hpo_posterior *model,
                                 const hpo_gp *gp, const double *lengthscales, hpo_rng *rng, double *u_out,
                                 hpo_error *err)
{
    const double *pending = NULL;
    size_t d = r->n_dims, n_pending = 0, n_best = 0;
    double *block = hpo_alloc_array(r->n_trials + view->n_pending + BEST + 1, (d + 1) * sizeof *block),
           *known = block + BEST * d;
    hpo_acq *acq = NULL;
    if (block == NULL) return hpo_fail_memory(err);
    hpo_acq_options o = {.kind = HPO_ACQ_LOG_EI, .pending = HPO_PENDING_IGNORE};
    hpo_acq_context x = {.best = isnan(r->target) ? incumbent(r, model, block, &n_best) : r->target,
                         .gp = gp,
                         .n_told = r->n_seen};
    hpo_status s = learn_failures(r, known, err);
    if (s == HPO_OK && (gp != NULL || r->penalise))
        s = hpo_resource_pending(r, view, &pending, &n_pending, err);
    if (n_pending > 0) {
        o.pending = gp == NULL                 ? HPO_PENDING_PENALTY
                    : n_pending > MANY_PENDING ? HPO_PENDING_BELIEVER
                                               : HPO_PENDING_FANTASY;
        x.pending = pending;
        x.n_pending = n_pending;
    }
    if (r->n_failed > 0) x.success = r->success;
    if (s == HPO_OK) s = hpo_acq_create(r->space, model, &o, &x, rng, &acq, err);
    if (s == HPO_OK) {
        hpo_score score = hpo_acq_score(acq);
        s = search(r, view, &score, hpo_acq_score_scan, block, n_best, lengthscales, known, rng, u_out, err);
    }
    hpo_acq_free(acq);
    hpo_free(block);
    return s;
}

hpo_status hpo_resource_search(hpo_resource *r, const hpo_view *view, const hpo_score *score, hpo_rng *rng,
                               double *u_out, hpo_error *err)
{
    size_t d = r->n_dims, who[LOOKED_AT], n = select_trials(r, who), n_best = n < BEST ? n : BEST;
    double *block = hpo_alloc_array(r->n_trials + view->n_pending + BEST + 1, d * sizeof *block + 1),
           *known = block + BEST * d;
    if (block == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n_best; i++)
        memcpy(block + i * d, r->u + who[i] * d, d * sizeof *block);
    hpo_status s = learn_failures(r, known, err);
    if (s == HPO_OK) s = search(r, view, score, score->values, block, n_best, NULL, known, rng, u_out, err);
    hpo_free(block);
    return s;
}

void hpo_resource_account(const hpo_resource *r, const char *model, const char *acquisition, hpo_str *out)
{
    hpo_str_addf(out, "{\"model\":\"%s\",\"origin\":\"%s\",\"trials\":%zu,\"reports\":%zu", model,
                 r->is_opening ? "design"
                 : r->used_up  ? "used-up"
                               : "model",
                 r->n_seen, r->n_reports);
    if (r->is_opening || r->used_up) return;
    hpo_str_addf(out, ",\"acquisition\":\"%s\"", acquisition);
    hpo_str_json_member(out, "value", r->value);
}
