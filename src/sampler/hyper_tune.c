/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/hyper_tune.c - the optimiser of Hyper-Tune: one forest for each rung, joined with weights that say
 * how well each ranks the results of the highest rung with enough of them.
 *
 * The models, their weights theta and the joint posterior are those of model/rung_models.c; the next
 * configuration has the largest expected improvement under it over the least mean at a trial that has come to
 * the reference rung.  Trials without a report count at each rung as its median.  A share `random` of all
 * trials is drawn from the prior, so that rungs that deceive do so for some trials only.
 *
 * Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: "Hyper-Tune: towards efficient hyper-parameter tuning at scale",
 * VLDB 2022, section 4.3. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "math/rng.h"
#include "model/rung_models.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"
#include "space/space.h"

typedef struct hyper_tune_config {
    int64_t initial;
    double random;
} hyper_tune_config;

typedef struct hyper_tune {
    hpo_resource r; /* first */
    const hyper_tune_config *config;
    uint64_t seed;
    hpo_level_rows at;
    hpo_rung_models *models; /* NULL: before the first ask */
    /* of the last ask */
    double weight[HPO_RUNGS_MAX];
    size_t reference;
    int at_random;
} hyper_tune;

static hpo_status hyper_tune_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                                  hpo_error *err)
{
    hyper_tune *s = state;
    s->config = config;
    s->seed = seed;
    return hpo_resource_init(&s->r, space, seed, s->config->initial, err);
}

static void hyper_tune_fini(void *state)
{
    hyper_tune *s = state;
    hpo_rung_models_free(s->models);
    hpo_level_rows_fini(&s->at);
    hpo_resource_fini(&s->r);
}

static hpo_status begin(hyper_tune *s, const hpo_view *view, hpo_error *err)
{
    if (s->models != NULL) return HPO_OK;
    HPO_TRY(hpo_level_rows_begin(&s->at, view, "hyper-tune", err));
    if (s->at.n_levels > HPO_RUNGS_MAX)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "the scheduler has %zu levels, hyper-tune takes %d: choose a larger eta",
                        s->at.n_levels, (int)HPO_RUNGS_MAX);
    return hpo_rung_models_create(s->r.embed, s->at.n_levels, s->seed, &s->models, err);
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    hyper_tune *s = ctx;
    int added;
    if (!isfinite(y)) return HPO_OK;
    HPO_TRY(hpo_level_rows_take(&s->at, trial, share, y, &added, err));
    if (!added) return HPO_OK;
    const hpo_level_row *row = &s->at.rows[s->at.n_rows - 1];
    return hpo_rung_models_add(s->models, row->level, s->r.u + trial * s->r.n_dims, y, err);
}

static hpo_status hyper_tune_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng,
                                 double *u_out, hpo_error *err)
{
    hyper_tune *s = state;
    const double *pending;
    size_t n_pending;
    int taken;
    HPO_TRY(begin(s, view, err));
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    s->at_random = 0;
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    s->at_random = hpo_rng_uniform(rng) < s->config->random;
    if (s->at_random) return hpo_space_draw(s->r.space, rng, u_out, err);
    HPO_TRY(hpo_rung_models_weigh(s->models, rng, s->weight, &s->reference, err));
    if (s->reference == s->at.n_levels) {
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    HPO_TRY(hpo_resource_pending(&s->r, view, &pending, &n_pending, err));
    for (size_t i = 0; i < n_pending; i++)
        HPO_TRY(hpo_rung_models_assume(s->models, pending + i * s->r.n_dims, err));
    for (size_t i = 0; i < s->r.n_trials; i++)
        s->r.score[i] = (double)INFINITY;
    for (size_t i = 0; i < s->at.n_rows; i++)
        if (s->at.rows[i].level == s->reference && s->r.kind[s->at.rows[i].trial] == HPO_RESOURCE_SEEN)
            s->r.score[s->at.rows[i].trial] = s->at.rows[i].y;
    hpo_posterior model = hpo_rung_models_posterior(s->models);
    return hpo_resource_maximise(&s->r, view, &model, NULL, NULL, rng, u_out, err);
}

static hpo_status hyper_tune_explain(void *state, const hpo_view *view, const double *u, char *buf,
                                     size_t cap, size_t *n_out, hpo_error *err)
{
    hyper_tune *s = state;
    hpo_str out = {0};
    (void)view;
    if (s->at_random) {
        hpo_str_addf(&out, "{\"model\":\"hyper-tune\",\"origin\":\"random\",\"trials\":%zu}", s->r.n_seen);
        return hpo_str_hand_out(&out, buf, cap, n_out, err);
    }
    hpo_resource_account(&s->r, "hyper-tune", "ei", &out);
    if (!s->r.is_opening) {
        hpo_posterior model = hpo_rung_models_posterior(s->models);
        const hpo_transform *t = hpo_rung_models_transform(s->models, s->reference);
        double mean, var;
        model.ops->moments(model.model, u, 1, &mean, &var);
        hpo_str_json_member(&out, "resource", s->at.level[s->reference] * s->r.high);
        hpo_str_add(&out, ",\"weights\":[");
        for (size_t k = 0; k <= s->reference; k++) {
            if (k > 0) hpo_str_addc(&out, ',');
            hpo_str_json_double(&out, s->weight[k]);
        }
        hpo_str_add(&out, "]");
        hpo_str_json_member(&out, "mean", hpo_transform_mean(t, mean, var));
        double slope = hpo_transform_slope(t, hpo_transform_invert(t, mean));
        hpo_str_json_member(&out, "sd", slope > 0 ? sqrt(var) / slope : (double)NAN);
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(hyper_tune_config, initial), -1, -1, 1 << 20, NULL},
    {"random", "share of draws from the prior", HPO_OPT_REAL, offsetof(hyper_tune_config, random), 0.3, 0, 1,
     NULL},
};

const hpo_sampler_ops hpo_sampler_hyper_tune = {
    .size = sizeof(hpo_sampler_ops),
    .name = "hyper-tune",
    .help = "Forests of all rungs joined by how well each foretells the highest one; with the scheduler "
            "hyper-tune it is "
            "Hyper-Tune.",
    .reference = "Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: Hyper-Tune, VLDB 2022, section 4.3",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(hyper_tune_config),
    .state_size = sizeof(hyper_tune),
    .init = hyper_tune_init,
    .ask = hyper_tune_ask,
    .fini = hyper_tune_fini,
    .explain = hyper_tune_explain,
};
