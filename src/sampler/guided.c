/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/guided.c - what model-guided samplers share.
 *
 * Observations in model units.  The output transform is fitted to all rows at counts 1, 2, ..., 64 and then
 * at r + floor(r / 8) after r (or as the sampler says); between it is frozen.  Each z is thus a function of
 * the rows before it.  A failed trial counts as the worst value seen so far: with no other information that
 * is what keeps a model away from where trials fail (Hutter et al. 2011, section 4).  One that violates
 * measured constraints counts as the worst feasible value so far and more the more it violates (Deb 2000, "An
 * efficient constraint handling method for genetic algorithms"), by one spread of the objective at most. */
#include "sampler/guided.h"

#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

enum { EVERY_ROW = 64, GROWTH = 8, BEST = 10, CHUNK = 64 };

hpo_status hpo_guided_init(hpo_guided *g, const hpo_space *space, uint64_t seed, int64_t opening,
                           hpo_transform_kind kind, hpo_error *err)
{
    g->space = space;
    g->kind = kind;
    g->n_dims = hpo_space_n_dims(space);
    g->opening_size = hpo_opening_size(g->n_dims, opening);
    g->every_row = EVERY_ROW;
    g->growth = GROWTH;
    g->epoch = 1;
    g->value = (double)NAN;
    HPO_TRY(hpo_opening_init(&g->opening, space, seed, err));
    HPO_TRY(hpo_embed_create(space, &g->embed, err));
    return hpo_search_create(g->embed, seed, &g->search, err);
}

void hpo_guided_fini(hpo_guided *g)
{
    hpo_search_free(g->search);
    hpo_embed_free(g->embed);
    hpo_opening_fini(&g->opening);
    hpo_free(g->z);
    hpo_free(g->failed);
    hpo_free(g->known);
    hpo_free(g->scratch);
    hpo_free(g->widest);
}

/* ---- observations ---- */

static size_t last_fit(const hpo_guided *g, size_t n)
{
    if (n <= g->every_row) return n;
    size_t r = g->every_row;
    while (r + r / g->growth <= n)
        r += r / g->growth;
    return r;
}

/* By how much a row violates the measured constraints, each in parts of the largest violation so far (kept in
 * g->widest), on average; 0: not at all, or nothing is measured. */
static double violation(hpo_guided *g, const hpo_view *view, size_t row)
{
    double sum = 0, q = (double)view->n_outcomes;
    for (size_t i = 0; i < view->n_outcomes; i++) {
        double c = view->outcome[row * view->n_outcomes + i];
        if (c <= 0) continue;
        if (c > g->widest[i] && isfinite(c)) g->widest[i] = c;
        sum += c < g->widest[i] ? c / g->widest[i] : 1; /* NaN: not measured */
    }
    return view->state[row] == HPO_STATE_INFEASIBLE && !(sum > 0) ? 1 : view->n_outcomes > 0 ? sum / q : 0;
}

static double objective(const hpo_view *view, size_t row)
{
    return view->y[row * view->n_objectives];
}

/* NaN: failed or infeasible. */
static double feasible_objective(const hpo_view *view, size_t row)
{
    if (view->state[row] == HPO_STATE_INFEASIBLE) return (double)NAN;
    for (size_t i = 0; i < view->n_outcomes; i++)
        if (!(view->outcome[row * view->n_outcomes + i] <= 0)) return (double)NAN;
    return objective(view, row);
}

static hpo_status fit(hpo_guided *g, const hpo_view *view, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&g->scratch, &g->cap_scratch, 4 * n + 1, sizeof *g->scratch, err));
    for (size_t i = 0; i < n; i++)
        g->scratch[i] = feasible_objective(view, i);
    hpo_transform_fit(&g->transform, g->kind, g->scratch, n, g->scratch + n);
    g->fitted = n;
    g->n_rows = g->n_finite = 0;
    g->epoch++;
    return HPO_OK;
}

hpo_status hpo_guided_sync(hpo_guided *g, const hpo_view *view, hpo_error *err)
{
    size_t n = view->n_done, d = g->n_dims;
    HPO_TRY(hpo_reserve(&g->z, &g->cap_z, n + 1, sizeof *g->z, err));
    HPO_TRY(hpo_reserve(&g->failed, &g->cap_failed, n + 1, sizeof *g->failed, err));
    HPO_TRY(hpo_reserve(&g->known, &g->cap_known, (n + view->n_pending) * d + 1, sizeof *g->known, err));
    size_t begin = n < g->n_rows ? 0 : g->n_rows;
    if (n < g->n_rows || last_fit(g, n) != g->fitted) HPO_TRY(fit(g, view, last_fit(g, n), err));
    if (n > begin) memcpy(g->known + begin * d, view->u + begin * d, (n - begin) * d * sizeof *g->known);
    HPO_TRY(hpo_reserve(&g->widest, &g->cap_widest, view->n_outcomes + 1, sizeof *g->widest, err));
    for (size_t i = 0; i < view->n_outcomes; i++)
        g->widest[i] = 0;
    double worst = 0;
    for (size_t i = 0, finite = 0; i < n; i++) {
        double beyond = violation(g, view, i);
        if (i < g->n_rows) { /* as before */
            worst = g->failed[i] ? worst : finite++ == 0 ? g->z[i] : fmax(worst, g->z[i]);
            continue;
        }
        double y = feasible_objective(view, i);
        g->failed[i] = (uint8_t)!isfinite(y);
        g->z[i] = g->failed[i] ? worst + beyond : hpo_transform_apply(&g->transform, y);
        if (g->failed[i]) continue;
        worst = finite++ == 0 ? g->z[i] : fmax(worst, g->z[i]);
        if (g->n_finite++ == 0 || g->z[i] < g->z[g->best_row]) g->best_row = i;
    }
    g->n_rows = n;
    if (view->n_pending > 0 && d > 0)
        memcpy(g->known + n * d, view->u_pending, view->n_pending * d * sizeof *g->known);
    return HPO_OK;
}

/* ---- points ---- */

int hpo_guided_is_opening(const hpo_guided *g, const hpo_view *view)
{
    return g->n_dims == 0 || g->n_finite < 2 || view->n_done + view->n_pending < g->opening_size;
}

hpo_status hpo_guided_open(hpo_guided *g, uint64_t draw, hpo_rng *rng, double *u_out, hpo_error *err)
{
    g->origin = HPO_GUIDED_OPENING;
    return hpo_opening_ask(&g->opening, draw, rng, u_out, err);
}

hpo_status hpo_guided_random(hpo_guided *g, double share, hpo_rng *rng, double *u_out, int *taken,
                             hpo_error *err)
{
    *taken = hpo_rng_uniform(rng) < share;
    if (!*taken) return HPO_OK;
    g->origin = HPO_GUIDED_RANDOM;
    return hpo_space_draw(g->space, rng, u_out, err);
}

size_t hpo_guided_best_rows(const hpo_guided *g, size_t *row, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        if (g->failed[i] || (n == most && g->z[i] >= g->z[row[n - 1]])) continue;
        size_t j = n < most ? n++ : n - 1;
        for (; j > 0 && g->z[row[j - 1]] > g->z[i]; j--)
            row[j] = row[j - 1];
        row[j] = i;
    }
    return n;
}

hpo_status hpo_guided_maximise(hpo_guided *g, const hpo_view *view, const hpo_score *score,
                               const hpo_search_options *options, hpo_rng *rng, double *u_out, hpo_error *err)
{
    size_t row[BEST], n = hpo_guided_best_rows(g, row, BEST),
                      known = view->noisy ? 0 : g->n_rows + view->n_pending;
    HPO_TRY(hpo_reserve(&g->scratch, &g->cap_scratch, n * g->n_dims + 1, sizeof *g->scratch, err));
    for (size_t i = 0; i < n; i++)
        memcpy(g->scratch + i * g->n_dims, g->known + row[i] * g->n_dims, g->n_dims * sizeof *g->scratch);
    g->origin = HPO_GUIDED_MODEL;
    hpo_status rc = hpo_search_maximise(g->search, score, options, g->scratch, n, known > 0 ? g->known : NULL,
                                        known, rng, u_out, &g->value, err);
    if (rc != HPO_DONE) return rc;
    g->origin = HPO_GUIDED_USED_UP;
    return hpo_space_draw(g->space, rng, u_out, err);
}

/* ---- expected improvement ---- */

void hpo_guided_log_ei(void *ei, const double *u, size_t m, double *out)
{
    const hpo_guided_ei *s = ei;
    double mean[CHUNK], var[CHUNK];
    for (size_t i = 0; i < m; i += CHUNK) {
        size_t k = m - i < CHUNK ? m - i : CHUNK;
        s->posterior.ops->moments(s->posterior.model, u + i * s->posterior.n_dims, k, mean, var);
        for (size_t j = 0; j < k; j++)
            out[i + j] = hpo_acq_log_ei(mean[j], sqrt(var[j]), s->best, NULL, NULL);
    }
}

double hpo_guided_log_ei_slope(void *ei, const double *u, double *gradient)
{
    const hpo_guided_ei *s = ei;
    double mean, var, d_mean, d_sd;
    s->posterior.ops->gradient(s->posterior.model, u, &mean, &var, s->dmean, s->dvar);
    double sd = sqrt(var), value = hpo_acq_log_ei(mean, sd, s->best, &d_mean, &d_sd);
    for (size_t i = 0; i < s->posterior.n_dims; i++)
        gradient[i] = d_mean * s->dmean[i] + d_sd * s->dvar[i] / (2 * sd);
    return value;
}

/* ---- account ---- */

void hpo_guided_account(const hpo_guided *g, const char *model, const char *score, double mean, double var,
                        hpo_str *out)
{
    static const char *const origins[] = {"opening", "random", "model", "used-up"};
    hpo_str_addf(out, "{\"model\":");
    hpo_str_json(out, model);
    hpo_str_addf(out, ",\"origin\":\"%s\",\"rows\":%zu", origins[g->origin], g->n_rows);
    if (g->origin == HPO_GUIDED_MODEL) {
        hpo_str_addf(out, ",\"acquisition\":\"%s\"", score);
        hpo_str_json_member(out, "value", g->value);
    }
    if (!isnan(mean) && !isnan(var) && g->n_finite >= 2) {
        double z = hpo_transform_invert(&g->transform, mean), slope = hpo_transform_slope(&g->transform, z);
        hpo_str_json_member(out, "mean", hpo_transform_mean(&g->transform, mean, var));
        hpo_str_json_member(out, "sd", slope > 0 ? sqrt(var) / slope : (double)NAN);
    }
}
