/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/hyper_tune.c - Hyper-Tune: asynchronous brackets, chosen by how much a rung tells for its price,
 * and promotions that wait until the rung above has room.
 *
 * There is one ladder of rungs; bracket b = 0 .. K begins at r_b, and its trials stand in the rungs from
 * there on beside those of the others (as in the authors' program).  A new trial joins bracket b with
 * probability proportional to
 *
 *     theta_b / r_b,
 *
 * theta_b the precision of rung b (model/rung_models.c) over the rungs up to the reference, which together
 * keep the share that Hyperband's sizes give them; the others, and all before there is a reference, go by
 * Hyperband's sizes.
 *
 * A trial may be promoted from rung k, with n_k results, of which p_k have been taken on, when it is one of
 * the best floor(n_k / eta) as in ASHA and n_k / (p_k + 1) >= eta: trials that came in early and have been
 * overtaken do not make the rung above wider than 1/eta (D-ASHA).
 *
 * With the sampler `hyper-tune` this is Hyper-Tune; both learn the same weights, each from what it is told.
 *
 * Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: "Hyper-Tune: towards efficient hyper-parameter tuning at scale",
 * VLDB 2022, section 4, Algorithm 1. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "model/rung_models.h"
#include "scheduler/asha.h"
#include "scheduler/builtin.h"

typedef struct hyper_tune {
    hpo_asha asha; /* first */
    hpo_embed *embed;
    hpo_rung_models *models;
    size_t n_dims;
    double *u; /* n_u x n_dims, by trial */
    size_t n_u, cap_u;
} hyper_tune;

static hpo_status hyper_tune_init(void *state, const void *config, const hpo_sched_problem *p, hpo_error *err)
{
    hyper_tune *s = state;
    hpo_asha_config c = *(const hpo_asha_config *)config;
    c.draw = 1;
    s->asha.delayed = 1;
    HPO_TRY(hpo_asha_init(&s->asha, &c, p, err));
    if (s->asha.levels.n > HPO_RUNGS_MAX)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "eta=%g gives %zu rungs, hyper-tune takes %d: choose a larger eta",
                        s->asha.config.eta, s->asha.levels.n, (int)HPO_RUNGS_MAX);
    s->n_dims = hpo_space_n_dims(p->space);
    HPO_TRY(hpo_embed_create(p->space, &s->embed, err));
    return hpo_rung_models_create(s->embed, s->asha.levels.n, p->seed, &s->models, err);
}

static void hyper_tune_fini(void *state)
{
    hyper_tune *s = state;
    hpo_rung_models_free(s->models);
    hpo_embed_free(s->embed);
    hpo_free(s->u);
    hpo_asha_fini(&s->asha);
}

static hpo_status hyper_tune_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    hyper_tune *s = state;
    size_t d = s->n_dims;
    HPO_TRY(hpo_reserve(&s->u, &s->cap_u, ((size_t)e->trial + 1) * d + 1, sizeof *s->u, err));
    for (; s->n_u <= (size_t)e->trial; s->n_u++)
        for (size_t j = 0; j < d; j++)
            s->u[s->n_u * d + j] = (double)NAN;
    if (d > 0) memcpy(s->u + (size_t)e->trial * d, e->u, d * sizeof *s->u);
    return hpo_asha_start(state, e, err);
}

static hpo_status hyper_tune_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                    hpo_error *err)
{
    hyper_tune *s = state;
    HPO_TRY(hpo_sched_rows_need(&s->asha.rows, r->trial, err));
    int32_t before = s->asha.rows.row[r->trial].level;
    HPO_TRY(hpo_asha_report(state, r, out, err));
    const hpo_sched_row *t = &s->asha.rows.row[r->trial];
    if (t->level <= before || !isfinite(t->entry) || (size_t)r->trial >= s->n_u) return HPO_OK;
    return hpo_rung_models_add(s->models, (size_t)t->level, s->u + (size_t)r->trial * s->n_dims, t->entry,
                               err);
}

/* ---- a free worker
 * ----------------------------------------------------------------------------------------- */

static void explain(const hyper_tune *s, const double *theta, size_t reference, hpo_action *out)
{
    size_t at = 0;
    at += (size_t)snprintf(out->reason, sizeof out->reason, "precision of rungs");
    for (size_t r = 0; r <= reference && at + 40 < sizeof out->reason; r++)
        at += (size_t)snprintf(out->reason + at, sizeof out->reason - at, "%s %s: %.2f", r > 0 ? "," : "",
                               s->asha.levels.text[r], theta[r]);
}

static hpo_status hyper_tune_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    hyper_tune *s = state;
    const hpo_levels *l = &s->asha.levels;
    double usual[HPO_RUNGS_MAX], theta[HPO_RUNGS_MAX], total = 0;
    size_t reference, b = 0, n = s->asha.n_brackets;
    HPO_TRY(hpo_asha_next(state, ask, out, err));
    if (out->kind != HPO_ACT_NEW || n == 1) return HPO_OK;
    hpo_rng rng;
    hpo_rng_init(&rng, s->asha.seed, (uint64_t)ask->number, HPO_RNG_SCHEDULER);
    double u = hpo_rng_uniform(&rng);
    HPO_TRY(hpo_rung_models_weigh(s->models, &rng, theta, &reference, err));
    if (reference == l->n) return HPO_OK;
    for (size_t k = 0; k < n; k++)
        total += usual[k] = (double)hpo_hyperband_size(l->n, l->n - 1 - k, l->eta, 0);
    for (size_t k = 0; k < n; k++)
        usual[k] /= total;
    hpo_bracket_weights(theta, l->at, usual, reference < n ? reference + 1 : n, n, usual);
    while (b + 1 < n && u >= usual[b])
        u -= usual[b++];
    out->resource = l->at[b];
    explain(s, theta, reference, out);
    return HPO_OK;
}

static const hpo_option options[] = {
    HPO_ASHA_ETA,
    HPO_ASHA_MIN,
    HPO_ASHA_ALL_BRACKETS,
    HPO_ASHA_FINISH,
};

const hpo_scheduler_ops hpo_scheduler_hyper_tune = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "hyper-tune",
    .help = "ASHA in several brackets that are chosen by what each rung foretells of the highest one for its "
            "price; "
            "with the sampler hyper-tune it is Hyper-Tune.",
    .reference = "Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: Hyper-Tune, VLDB 2022, section 4",
    .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES | HPO_SCHED_POINTS,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hpo_asha_config),
    .state_size = sizeof(hyper_tune),
    .init = hyper_tune_init,
    .start = hyper_tune_start,
    .report = hyper_tune_report,
    .tell = hpo_asha_tell,
    .next = hyper_tune_next,
    .levels = hpo_levels_list,
    .describe = hpo_asha_describe,
    .fini = hyper_tune_fini,
};
