/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp_models.c - what the sampler "gp" learns from finished trials.
 *
 *   objective   a Gaussian process (model/gp.h).  A failed trial is part of it with the value that was
 * expected of it (or the incumbent's, if that is higher): nothing is left to explore there, and no cliff is
 * put into a function that has none.  What keeps away from failures is the classifier. outcomes    one
 * process each, on values through bilog, which keeps the sign and hence the border at 0 (Eriksson & Poloczek
 * 2021) cost        a process on ln cost success     probit classification of finished against failed trials,
 * from the first failure on members     with quality > 0: the objective's process under so many samples of
 * its hyperparameters, drawn by slice sampling from their posterior (Snoek, Larochelle & Adams 2012,
 * section 3.1)
 *
 * Rows only ever grow; when the view has fewer than before (a replay), all start again. */
#include "sampler/gp.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/rng.h"
#include "model/gp_internal.h"

/* ---- life ------------------------------------------------------------------------------------------------
 */

static hpo_gp_options objective_options(const hpo_gp_models *m)
{
    const hpo_gp_config *c = m->config;
    hpo_gp_options o = hpo_gp_defaults();
    o.choose_family = c->kernel == 0;
    if (c->kernel > 0) o.family = (hpo_kernel_family)(c->kernel - 1);
    hpo_gp_rivals_base(m, &o);
    o.transform = (hpo_transform_kind)c->transform;
    o.noise = c->noise == 1 ? HPO_GP_NOISE_FIXED : HPO_GP_NOISE_LEARNED;
    o.heteroscedastic = c->noise == 2;
    o.noise_floor = c->noise_floor;
    o.input_warp = c->warp;
    o.max_rows = (size_t)c->max_rows;
    o.seed = m->seed;
    return o;
}

static void drop_members(hpo_gp_models *m)
{
    for (size_t i = 0; i < m->n_members && m->n_rivals == 0; i++)
        hpo_gp_free(m->member[i]);
    m->n_members = 0;
}

static void drop_models(hpo_gp_models *m)
{
    drop_members(m);
    hpo_gp_rivals_close(m);
    hpo_gp_free(m->objective);
    hpo_gp_free(m->cost);
    for (size_t i = 0; i < m->n_outcomes && m->outcome != NULL; i++) {
        hpo_gp_free(m->outcome[i]);
        m->outcome[i] = NULL;
    }
    if (m->success != NULL) hpo_success_free(m->success);
    m->objective = m->cost = NULL;
    m->leader = NULL;
    m->success = NULL;
}

static hpo_status make_models(hpo_gp_models *m, hpo_error *err)
{
    hpo_gp_options o = objective_options(m), plain = hpo_gp_defaults();
    m->n_rows = m->n_failed = m->n_costs = 0;
    HPO_TRY(hpo_gp_create(m->embed, &o, &m->objective, err));
    m->leader = m->objective;
    HPO_TRY(hpo_gp_rivals_open(m, &o, err));
    plain.max_rows = o.max_rows;
    plain.transform = HPO_TRANSFORM_BILOG;
    for (size_t i = 0; i < m->n_outcomes; i++) {
        plain.seed = m->seed + 1 + i;
        HPO_TRY(hpo_gp_create(m->embed, &plain, &m->outcome[i], err));
    }
    plain.transform = HPO_TRANSFORM_STANDARD;
    plain.seed = m->seed - 1;
    if (m->config->cost != HPO_GP_COST_NO || m->config->acquisition == HPO_ACQ_PBGI)
        HPO_TRY(hpo_gp_create(m->embed, &plain, &m->cost, err));
    return m->config->failures ? hpo_success_create(m->embed, &m->success, err) : HPO_OK;
}

hpo_status hpo_gp_models_open(hpo_gp_models *m, const hpo_gp_config *config, const hpo_embed *embed,
                              size_t n_outcomes, int noisy, uint64_t seed, hpo_error *err)
{
    *m = (hpo_gp_models){.config = config,
                         .embed = embed,
                         .seed = seed,
                         .n_dims = hpo_embed_n_dims(embed),
                         .n_outcomes = n_outcomes,
                         .noisy = noisy};
    m->outcome = hpo_calloc(n_outcomes + 1, sizeof *m->outcome);
    m->outcome_posterior = hpo_calloc(n_outcomes + 1, sizeof *m->outcome_posterior);
    m->outcome_bound = hpo_calloc(n_outcomes + 1, sizeof *m->outcome_bound);
    size_t most = config->quality > HPO_GP_RIVALS ? (size_t)config->quality : HPO_GP_RIVALS;
    m->member = hpo_calloc(most + 1, sizeof *m->member);
    m->member_weight = hpo_calloc(most + 1, sizeof *m->member_weight);
    if (!m->outcome || !m->outcome_posterior || !m->outcome_bound || !m->member || !m->member_weight)
        return hpo_fail_memory(err);
    return make_models(m, err);
}

void hpo_gp_models_close(hpo_gp_models *m)
{
    drop_models(m);
    hpo_free(m->outcome);
    hpo_free(m->outcome_posterior);
    hpo_free(m->outcome_bound);
    hpo_free(m->member);
    hpo_free(m->member_weight);
    hpo_free(m->column);
    hpo_free(m->ok);
    hpo_free(m->theta);
    memset(m, 0, sizeof *m);
}

/* ---- learning ---------------------------------------------------------------------------------------------
 */

/* Columns of cap_rows doubles each, kept apart from the view's rows-first layout. */
static hpo_status grow_columns(hpo_gp_models *m, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&m->ok, &m->cap_ok, n, sizeof *m->ok, err));
    if (n <= m->cap_rows) return HPO_OK;
    size_t cap = n + n / 2 + 16, columns = m->n_outcomes + 2;
    double *column = hpo_alloc_array(cap, columns * sizeof *column);
    if (column == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < columns && m->n_rows > 0; i++)
        memcpy(column + i * cap, m->column + i * m->cap_rows, m->n_rows * sizeof *column);
    hpo_free(m->column);
    m->column = column;
    m->cap_rows = cap;
    return HPO_OK;
}

static double *objective_column(const hpo_gp_models *m)
{
    return m->column + (m->n_outcomes + 1) * m->cap_rows;
}

/* What stands in for the value of the failed trial i; the rows before it are in.  NaN: nothing is known yet.
 */
static double expected(const hpo_gp_models *m, const hpo_view *view, size_t i)
{
    const hpo_gp *gp = m->objective;
    const double *y = objective_column(m);
    size_t point;
    double mean, var;
    if (!m->config->failures) return (double)NAN;
    if (!hpo_gp_ready(gp)) {
        for (size_t k = 0; k < i; k++)
            if (isfinite(y[k])) return y[k];
        return (double)NAN;
    }
    hpo_gp_moments(gp, view->u + i * m->n_dims, 1, &mean, &var);
    return hpo_transform_invert(hpo_gp_transform(gp), fmax(mean, hpo_gp_incumbent(gp, &point)));
}

static hpo_status advance_objective(hpo_gp_models *m, const hpo_view *view, size_t n, hpo_error *err)
{
    return hpo_gp_advance(m->objective, view->u, objective_column(m), view->sem, view->gradient, n, err);
}

static hpo_status read_rows(hpo_gp_models *m, const hpo_view *view, hpo_error *err)
{
    double *cost = m->column + m->n_outcomes * m->cap_rows, *y = objective_column(m);
    for (size_t i = m->n_rows; i < view->n_done; i++) {
        y[i] = view->y[i * view->n_objectives];
        m->ok[i] = isfinite(y[i]) ? 1 : 0;
        m->n_failed += m->ok[i] ? 0 : 1;
        if (!m->ok[i]) {
            HPO_TRY(advance_objective(m, view, i, err));
            y[i] = expected(m, view, i);
        }
        for (size_t j = 0; j < m->n_outcomes; j++)
            m->column[j * m->cap_rows + i] = view->outcome[i * m->n_outcomes + j];
        cost[i] = view->cost[i] > 0 ? hpo_log(view->cost[i]) : (double)NAN;
        m->n_costs += view->cost[i] > 0 ? 1 : 0;
    }
    return HPO_OK;
}

static void units_moments(const void *model, const double *u, size_t n, double *mean, double *var)
{
    const hpo_gp_units *t = model;
    t->inner.ops->moments(t->inner.model, u, n, mean, var);
    for (size_t i = 0; i < n; i++) {
        mean[i] = t->offset + t->factor * mean[i];
        var[i] *= t->factor * t->factor;
    }
}

static void units_gradient(const void *model, const double *u, double *mean, double *var, double *dmean,
                           double *dvar)
{
    const hpo_gp_units *t = model;
    t->inner.ops->gradient(t->inner.model, u, mean, var, dmean, dvar);
    *mean = t->offset + t->factor * *mean;
    *var *= t->factor * t->factor;
    for (size_t k = 0; k < t->inner.n_dims; k++) {
        dmean[k] *= t->factor;
        dvar[k] *= t->factor * t->factor;
    }
}

static const hpo_posterior_ops units_ops = {.moments = units_moments, .gradient = units_gradient};

static hpo_status learn_others(hpo_gp_models *m, const hpo_view *view, hpo_error *err)
{
    size_t n = view->n_done;
    for (size_t i = 0; i < m->n_outcomes; i++) {
        HPO_TRY(hpo_gp_advance(m->outcome[i], view->u, m->column + i * m->cap_rows, NULL, NULL, n, err));
        m->outcome_posterior[i] = hpo_gp_posterior(m->outcome[i]);
        m->outcome_bound[i] = hpo_transform_apply(hpo_gp_transform(m->outcome[i]), 0);
    }
    if (m->cost != NULL) {
        HPO_TRY(
            hpo_gp_advance(m->cost, view->u, m->column + m->n_outcomes * m->cap_rows, NULL, NULL, n, err));
        const hpo_transform *t = hpo_gp_transform(m->cost); /* standardisation: linear */
        double offset = hpo_transform_invert(t, 0);
        m->cost_units =
            (hpo_gp_units){hpo_gp_posterior(m->cost), offset, hpo_transform_invert(t, 1) - offset};
        m->cost_posterior = (hpo_posterior){&units_ops, &m->cost_units, m->n_dims};
    }
    if (m->success != NULL && m->n_failed > 0) HPO_TRY(hpo_success_fit(m->success, view->u, m->ok, n, err));
    return HPO_OK;
}

static hpo_status add_member(hpo_gp_models *m, const double *theta, const hpo_view *view, hpo_error *err)
{
    hpo_gp_options o = objective_options(m);
    hpo_gp_summary about;
    hpo_gp_describe(m->objective, &about);
    o.family = about.family;
    o.choose_family = 0;
    HPO_TRY(hpo_gp_create(m->embed, &o, &m->member[m->n_members], err));
    hpo_gp *gp = m->member[m->n_members++];
    hpo_gp_hold(gp, 1);
    hpo_gp_fix_transform(gp, hpo_gp_transform(m->objective));
    HPO_TRY(hpo_gp_advance(gp, view->u, objective_column(m), view->sem, view->gradient, view->n_done, err));
    return theta != NULL ? hpo_gp_set_theta(gp, theta, err) : HPO_OK;
}

/* Samples anew at every row: the chain is short and starts from the mode. */
static hpo_status learn_members(hpo_gp_models *m, const hpo_view *view, hpo_error *err)
{
    size_t k = (size_t)m->config->quality, n = hpo_gp_n_theta(m->objective);
    if (m->n_rivals > 0) return hpo_gp_rivals_learn(m, view, objective_column(m), err);
    hpo_gp_summary about;
    hpo_gp_describe(m->objective, &about);
    drop_members(m);
    if (k == 0 || !hpo_gp_ready(m->objective) || about.warped) return HPO_OK;
    hpo_rng rng;
    hpo_rng_init(&rng, m->seed, view->n_done, HPO_RNG_DESIGN);
    HPO_TRY(hpo_reserve(&m->theta, &m->cap_theta, k * n, sizeof *m->theta, err));
    HPO_TRY(hpo_gp_sample_theta(m->objective, &rng, k, m->theta, err));
    for (size_t i = 0; i < k; i++) {
        HPO_TRY(add_member(m, m->theta + i * n, view, err));
        m->member_weight[i] = -hpo_log((double)k);
    }
    return HPO_OK;
}

static hpo_status learn_all(hpo_gp_models *m, const hpo_view *view, hpo_error *err)
{
    HPO_TRY(grow_columns(m, view->n_done, err));
    HPO_TRY(read_rows(m, view, err));
    m->n_rows = view->n_done;
    HPO_TRY(advance_objective(m, view, view->n_done, err));
    HPO_TRY(learn_others(m, view, err));
    return learn_members(m, view, err);
}

hpo_status hpo_gp_models_learn(hpo_gp_models *m, const hpo_view *view, hpo_error *err)
{
    if (view->n_done == m->n_rows && !m->broken) return HPO_OK;
    if (view->n_done < m->n_rows || m->broken) {
        drop_models(m);
        HPO_TRY(make_models(m, err));
    }
    hpo_status status = learn_all(m, view, err);
    m->broken = status != HPO_OK;
    return status;
}

/* ---- asking
 * ------------------------------------------------------------------------------------------------ */

static int is_feasible(const hpo_gp_models *m, size_t row)
{
    for (size_t j = 0; j < m->n_outcomes; j++)
        if (!(m->column[j * m->cap_rows + row] <= 0)) return 0;
    return m->ok[row];
}

double hpo_gp_models_best(const hpo_gp_models *m, const hpo_view *view, const hpo_gp *gp)
{
    enum { MOST = 32 };
    size_t point, row[MOST], n = 0;
    if (m->n_outcomes == 0) return hpo_gp_incumbent(gp, &point);
    for (size_t i = 0; i < m->n_rows; i++) { /* the feasible ones with the least values, ascending */
        size_t at = n;
        if (!is_feasible(m, i) || (n == MOST && !(view->y[i] < view->y[row[n - 1]]))) continue;
        if (n == MOST)
            at--;
        else
            n++;
        for (; at > 0 && view->y[i] < view->y[row[at - 1]]; at--)
            row[at] = row[at - 1];
        row[at] = i;
    }
    double best = HUGE_VAL, mean, var;
    for (size_t i = 0; i < n; i++) {
        hpo_gp_moments(gp, view->u + row[i] * m->n_dims, 1, &mean, &var);
        best = fmin(best, mean);
    }
    return best;
}

int hpo_gp_models_failed_at(const hpo_gp_models *m, const hpo_view *view, const double *u)
{
    for (size_t i = 0; i < m->n_rows && m->n_failed > 0; i++)
        if (!m->ok[i] && memcmp(view->u + i * m->n_dims, u, m->n_dims * sizeof *u) == 0) return 1;
    return 0;
}

int hpo_gp_models_may_fail(const hpo_gp_models *m)
{
    return m->success != NULL && m->n_failed > 0;
}
