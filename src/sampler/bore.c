/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/bore.c - Bayesian optimisation by classification.
 *
 * With tau the gamma-quantile of the results, l(u) the density of configurations with y <= tau and g(u) that
 * of the others, expected improvement (of TPE's kind) grows with l / (gamma l + (1 - gamma) g) = pi(u) /
 * gamma, and pi(u) = P(y <= tau | u) is what a probabilistic classifier estimates: no densities, no
 * posterior.  The classifier is the random forest of model/forest.h on 0/1, whose leaves are shrunk to their
 * parents' share.
 *
 * loss=lfbo weighs the good trials by their improvement: minimising
 *     - sum_i a_i log pi(u_i) - sum_i log (1 - pi(u_i)),   a_i = max(tau - y_i, 0) / mean of the positive
 * ones, makes pi / (1 - pi) proportional to EI itself; in one weighted problem each trial has weight 1 + a_i
 * and response a_i / (1 + a_i).
 *
 * tau comes from the trials that the output transform was fitted to: all of them up to 64, then again
 * whenever their number has grown by an eighth.
 *
 * References: Tiao et al., ICML 2021, arXiv 2102.09009; Song, Yu, Neiswanger & Ermon, ICML 2022, arXiv
 * 2206.13035. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"
#include "model/forest.h"
#include "sampler/builtin.h"
#include "sampler/guided.h"

typedef enum bore_loss { LOSS_BORE, LOSS_LFBO } bore_loss;

typedef struct bore_config {
    int64_t initial, trees;
    double gamma, random;
    int32_t loss;
} bore_config;

typedef struct bore_state {
    hpo_guided guided;
    const bore_config *config;
    hpo_forest *forest;
    double tau, scale;      /* of model units; mean improvement of the good */
    double *label, *weight; /* of the rows in the forest */
    double *next_label, *next_weight, *sorted;
    size_t cap[5];
} bore_state;

static const char *const loss_labels[] = {"bore", "lfbo", NULL};

static const hpo_option bore_options[] = {
    {"initial", "quasi-random trials before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(bore_config, initial), -1, -1, 1 << 20, NULL},
    {"gamma", "share of the trials that count as good", HPO_OPT_REAL, offsetof(bore_config, gamma), 0.25,
     0.01, 0.75, NULL},
    {"loss", "bore: good or not; lfbo: good trials weigh by how much better they are", HPO_OPT_ENUM,
     offsetof(bore_config, loss), LOSS_LFBO, 0, 1, loss_labels},
    {"trees", "trees in the forest", HPO_OPT_INT, offsetof(bore_config, trees), 64, 8, 1024, NULL},
    {"random", "share of proposals that are drawn from the prior instead", HPO_OPT_REAL,
     offsetof(bore_config, random), 0.05, 0, 1, NULL},
};

static hpo_status bore_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                            hpo_error *err)
{
    bore_state *s = state;
    s->config = config;
    HPO_TRY(hpo_guided_init(&s->guided, space, seed, s->config->initial, HPO_TRANSFORM_AUTO, err));
    /* without weights a leaf needs several trials for its share to tell anything apart */
    hpo_forest_options o = {.n_trees = (size_t)s->config->trees,
                            .min_leaf = s->config->loss == LOSS_BORE ? 5 : 0};
    return hpo_forest_create(s->guided.embed, &o, seed, &s->forest, err);
}

static void bore_fini(void *state)
{
    bore_state *s = state;
    hpo_forest_free(s->forest);
    hpo_free(s->label);
    hpo_free(s->weight);
    hpo_free(s->next_label);
    hpo_free(s->next_weight);
    hpo_free(s->sorted);
    hpo_guided_fini(&s->guided);
}

/* ---- labels ---- */

static hpo_status set_threshold(bore_state *s, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    size_t n = 0, good = 0;
    HPO_TRY(hpo_reserve(&s->sorted, &s->cap[4], g->fitted + 1, sizeof *s->sorted, err));
    for (size_t i = 0; i < g->fitted; i++)
        if (!g->failed[i]) s->sorted[n++] = g->z[i];
    s->tau = n > 0 ? hpo_quantile(s->sorted, n, s->config->gamma) : 0;
    s->scale = 0;
    for (size_t i = 0; i < g->fitted; i++)
        if (!g->failed[i] && g->z[i] < s->tau) {
            s->scale += s->tau - g->z[i];
            good++;
        }
    s->scale = good > 0 ? s->scale / (double)good : 0;
    return HPO_OK;
}

static void set_label(const bore_state *s, size_t i)
{
    const hpo_guided *g = &s->guided;
    double better = g->failed[i] ? -1 : s->tau - g->z[i];
    s->next_label[i] = better >= 0 ? 1 : 0;
    s->next_weight[i] = 1;
    if (s->config->loss != LOSS_LFBO || !(s->scale > 0)) return;
    double a = better > 0 ? better / s->scale : 0;
    s->next_label[i] = a / (1 + a);
    s->next_weight[i] = 1 + a;
}

/* The forest is a function of the labels in their order: it begins again only when an old one changed. */
static hpo_status learn(bore_state *s, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    size_t n = g->n_rows, have = hpo_forest_n_rows(s->forest);
    HPO_TRY(set_threshold(s, err));
    HPO_TRY(hpo_reserve(&s->label, &s->cap[0], n + 1, sizeof *s->label, err));
    HPO_TRY(hpo_reserve(&s->weight, &s->cap[1], n + 1, sizeof *s->weight, err));
    HPO_TRY(hpo_reserve(&s->next_label, &s->cap[2], n + 1, sizeof *s->next_label, err));
    HPO_TRY(hpo_reserve(&s->next_weight, &s->cap[3], n + 1, sizeof *s->next_weight, err));
    for (size_t i = 0; i < n; i++)
        set_label(s, i);
    if (have > n || memcmp(s->label, s->next_label, have * sizeof *s->label) != 0 ||
        memcmp(s->weight, s->next_weight, have * sizeof *s->weight) != 0) {
        hpo_forest_clear(s->forest);
        have = 0;
    }
    for (size_t i = have; i < n; i++)
        HPO_TRY(
            hpo_forest_append(s->forest, g->known + i * g->n_dims, s->next_label[i], s->next_weight[i], err));
    memcpy(s->label, s->next_label, n * sizeof *s->label);
    memcpy(s->weight, s->next_weight, n * sizeof *s->weight);
    return hpo_forest_update(s->forest, err);
}

static void probability(void *ctx, const double *u, size_t m, double *out)
{
    hpo_forest_means(((const bore_state *)ctx)->forest, u, m, out);
}

static hpo_status bore_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    bore_state *s = state;
    hpo_guided *g = &s->guided;
    int taken;
    HPO_TRY(hpo_guided_sync(g, view, err));
    if (hpo_guided_is_opening(g, view)) return hpo_guided_open(g, draw, rng, u_out, err);
    HPO_TRY(hpo_guided_random(g, s->config->random, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    HPO_TRY(learn(s, err));
    /* a trial that runs counts as not good until it has ended: others keep away from it */
    for (size_t i = 0; i < view->n_pending; i++)
        HPO_TRY(hpo_forest_assume(s->forest, view->u_pending + i * g->n_dims, 0, err));
    hpo_score score = {.ctx = s, .values = probability};
    hpo_search_options options = {0};
    return hpo_guided_maximise(g, view, &score, &options, rng, u_out, err);
}

static hpo_status bore_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                               size_t *n_out, hpo_error *err)
{
    bore_state *s = state;
    hpo_str text = {0};
    (void)view, (void)u;
    hpo_guided_account(&s->guided, "forest classifier", "probability of a good result", (double)NAN,
                       (double)NAN, &text);
    if (s->guided.origin == HPO_GUIDED_MODEL) {
        hpo_str_addf(&text, ",\"loss\":\"%s\"", loss_labels[s->config->loss]);
        hpo_str_json_member(&text, "threshold", hpo_transform_invert(&s->guided.transform, s->tau));
    }
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_bore = {
    .size = sizeof(hpo_sampler_ops),
    .name = "bore",
    .help = "Bayesian optimisation by telling good trials from others with a forest: any space, no "
            "assumptions on "
            "the results.",
    .reference = "Tiao et al., ICML 2021, arXiv 2102.09009; Song et al., ICML 2022, arXiv 2206.13035",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = bore_options,
    .n_options = sizeof bore_options / sizeof bore_options[0],
    .config_size = sizeof(bore_config),
    .state_size = sizeof(bore_state),
    .init = bore_init,
    .ask = bore_ask,
    .fini = bore_fini,
    .explain = bore_explain,
};
