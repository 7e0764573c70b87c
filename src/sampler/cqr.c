/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/cqr.c - conformal quantile regression: Thompson sampling without a likelihood.
 *
 * Boosted trees give quantiles of the result at any configuration, a conformal correction makes their
 * coverage right (model/quantile.h).  A candidate's value is its quantile at a random level, drawn anew for
 * each candidate in each ask (`draw=candidate`, a hash of the ask's stream and the point, so that asking for
 * the same point twice gives the same value), or at one random level for all of them (`draw=curve`); the
 * smallest wins.  There is no distribution to get wrong, so heavy tails and noise that depends on the
 * configuration do no harm.
 *
 * The model is fitted to all trials up to 64 and again whenever their number has grown by an eighth.
 *
 * Reference: Salinas, Golebiowski, Klein, Seeger & Archambeau, ICML 2023, arXiv 2305.03623. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "model/quantile.h"
#include "sampler/builtin.h"
#include "sampler/guided.h"

enum { CHUNK = 64 };

typedef struct cqr_config {
    int64_t initial, levels, rounds, candidates;
    double random;
    int32_t draw, transform;
} cqr_config;

typedef struct cqr_state {
    hpo_guided guided;
    const cqr_config *config;
    hpo_quantile_model *model;
    uint64_t epoch;
    uint64_t salt;  /* of the ask */
    double level;   /* draw=curve; NaN: a level for each candidate */
    double *values; /* CHUNK rows */
} cqr_state;

static const char *const draw_labels[] = {"candidate", "curve", NULL};
static const char *const transform_labels[] = {HPO_TRANSFORM_LABELS, NULL};

static const hpo_option cqr_options[] = {
    {"initial", "quasi-random trials before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(cqr_config, initial), -1, -1, 1 << 20, NULL},
    {"levels", "quantiles that are fitted; odd", HPO_OPT_INT, offsetof(cqr_config, levels), 9, 3,
     HPO_QUANTILE_MAX_LEVELS, NULL},
    {"rounds", "trees for each quantile", HPO_OPT_INT, offsetof(cqr_config, rounds), 30, 1, 1000, NULL},
    {"draw", "random level for each candidate, or one curve for all", HPO_OPT_ENUM,
     offsetof(cqr_config, draw), 0, 0, 1, draw_labels},
    {"random", "share of proposals that are drawn from the prior instead", HPO_OPT_REAL,
     offsetof(cqr_config, random), 0, 0, 1, NULL},
    {"transform", "of the objective's values before the model sees them", HPO_OPT_ENUM,
     offsetof(cqr_config, transform), HPO_TRANSFORM_AUTO, 0, 5, transform_labels},
};

static hpo_status cqr_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                           hpo_error *err)
{
    cqr_state *s = state;
    s->config = config;
    HPO_TRY(hpo_guided_init(&s->guided, space, seed, s->config->initial,
                            (hpo_transform_kind)s->config->transform, err));
    /* an even number has no median */
    hpo_quantile_options o = {.n_levels = (size_t)s->config->levels | 1, .rounds = (size_t)s->config->rounds};
    HPO_TRY(hpo_quantile_create(s->guided.embed, &o, seed, &s->model, err));
    s->values = hpo_alloc_array((size_t)CHUNK * HPO_QUANTILE_MAX_LEVELS, sizeof *s->values);
    return s->values != NULL ? HPO_OK : hpo_fail_memory(err);
}

static void cqr_fini(void *state)
{
    cqr_state *s = state;
    hpo_quantile_free(s->model);
    hpo_free(s->values);
    hpo_guided_fini(&s->guided);
}

static double level_of(const cqr_state *s, const double *u)
{
    if (!isnan(s->level)) return s->level;
    uint64_t h = s->salt;
    for (size_t i = 0; i < s->guided.n_dims; i++) {
        double v = isnan(u[i]) ? -1 : u[i] + 0.0;
        h = hpo_hash_bytes(&v, sizeof v, h);
    }
    return (double)(h >> 11) * 0x1p-53;
}

static void sampled(void *ctx, const double *u, size_t m, double *out)
{
    const cqr_state *s = ctx;
    size_t levels = hpo_quantile_n_levels(s->model), d = s->guided.n_dims;
    for (size_t i = 0; i < m; i += CHUNK) {
        size_t k = m - i < CHUNK ? m - i : CHUNK;
        hpo_quantile_predict(s->model, u + i * d, k, s->values);
        for (size_t j = 0; j < k; j++)
            out[i + j] =
                -hpo_quantile_between(s->model, s->values + j * levels, level_of(s, u + (i + j) * d));
    }
}

static hpo_status cqr_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                          hpo_error *err)
{
    cqr_state *s = state;
    hpo_guided *g = &s->guided;
    int taken;
    HPO_TRY(hpo_guided_sync(g, view, err));
    if (hpo_guided_is_opening(g, view)) return hpo_guided_open(g, draw, rng, u_out, err);
    HPO_TRY(hpo_guided_random(g, s->config->random, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    if (s->epoch != g->epoch) HPO_TRY(hpo_quantile_fit(s->model, g->known, g->z, g->fitted, err));
    s->epoch = g->epoch;
    s->salt = hpo_rng_u64(rng);
    s->level = s->config->draw == 1 ? hpo_rng_uniform(rng) : (double)NAN;
    hpo_score score = {.ctx = s, .values = sampled};
    hpo_search_options options = {0};
    return hpo_guided_maximise(g, view, &score, &options, rng, u_out, err);
}

static hpo_status cqr_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                              size_t *n_out, hpo_error *err)
{
    cqr_state *s = state;
    hpo_str text = {0};
    (void)view;
    double mean = (double)NAN, var = (double)NAN;
    size_t levels = hpo_quantile_n_levels(s->model);
    int model = s->guided.origin == HPO_GUIDED_MODEL;
    if (model) { /* the median, and the spread of the two levels that stand for one standard deviation */
        hpo_quantile_predict(s->model, u, 1, s->values);
        double low = hpo_quantile_between(s->model, s->values, 0.15865525393145705);
        double high = hpo_quantile_between(s->model, s->values, 0.84134474606854293);
        mean = s->values[levels / 2];
        var = 0.25 * (high - low) * (high - low);
    }
    hpo_guided_account(&s->guided, "boosted quantiles", "sampled quantile", mean, var, &text);
    if (model) {
        hpo_str_json_member(&text, "level", level_of(s, u));
        hpo_str_json_member(&text, "correction", hpo_quantile_correction(s->model));
        hpo_str_addf(&text, ",\"fitted_rows\":%zu", s->guided.fitted);
    }
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_cqr = {
    .size = sizeof(hpo_sampler_ops),
    .name = "cqr",
    .help = "Thompson sampling from conformally corrected quantiles of boosted trees: heavy-tailed or uneven "
            "noise.",
    .reference = "Salinas et al., ICML 2023, arXiv 2305.03623; Romano, Patterson & Candes, NeurIPS 2019",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY | HPO_CAP_OUTCOMES,
    .options = cqr_options,
    .n_options = sizeof cqr_options / sizeof cqr_options[0],
    .config_size = sizeof(cqr_config),
    .state_size = sizeof(cqr_state),
    .init = cqr_init,
    .ask = cqr_ask,
    .fini = cqr_fini,
    .explain = cqr_explain,
};
