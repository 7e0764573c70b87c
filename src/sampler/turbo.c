/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/turbo.c - trust-region Bayesian optimisation (sampler/trust.h).
 *
 * Each life of the region opens with quasi-random points of the whole space; then all proposals come from
 * the region, until it has shrunk to nothing and another life begins elsewhere, with nothing carried over.
 *
 * Reference: Eriksson et al., NeurIPS 2019, arXiv 1910.01739. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/qmc.h"
#include "model/transform.h"
#include "sampler/builtin.h"
#include "sampler/opening.h"
#include "sampler/trust.h"
#include "space/space.h"

enum { MOST_CANDIDATES = 5000, CANDIDATES_PER_AXIS = 100, SHORTEST_PATIENCE = 4 };

typedef enum origin { ORIGIN_OPENING, ORIGIN_REGION, ORIGIN_USED_UP } origin;
static const char *const origin_names[] = {"opening", "region", "used-up"};

typedef struct turbo_config {
    int64_t initial, patience, candidates, max_rows;
    double length, shortest;
    int32_t acquisition;
} turbo_config;

typedef struct turbo_state {
    hpo_opening opening; /* of every region */
    const hpo_space *space;
    hpo_embed *embed;
    hpo_trust trust;
    double *known;
    size_t cap_known;
    origin from;
} turbo_state;

static const char *const rule_labels[] = {HPO_TRUST_RULE_LABELS, NULL};

#define FIELD(name) offsetof(turbo_config, name)
static const hpo_option turbo_options[] = {
    {"initial", "quasi-random trials that each region begins with; -1: twice the parameters, 20 at most",
     HPO_OPT_INT, FIELD(initial), -1, -1, 1 << 20, NULL},
    {"patience", "failures in a row before the region is halved; -1: parameters, 4 at least", HPO_OPT_INT,
     FIELD(patience), -1, -1, 1 << 20, NULL},
    {"candidates", "points that a sample of the model is minimised over; -1: 100 a parameter, 5000 at most",
     HPO_OPT_INT, FIELD(candidates), -1, -1, 1 << 20, NULL},
    {"length", "side of the region at the start, in parts of the range", HPO_OPT_REAL, FIELD(length), 0.8,
     0.01, 1.6, NULL},
    {"shortest", "side below which a region is given up", HPO_OPT_REAL, FIELD(shortest), 0x1p-7, 1e-9, 1,
     NULL},
    {"acquisition", "how a point of the region is chosen: minimum of a sample, or expected improvement",
     HPO_OPT_ENUM, FIELD(acquisition), HPO_TRUST_EI, 0, 1, rule_labels},
    {"max_rows", "trials in the model; of more, a subset", HPO_OPT_INT, FIELD(max_rows), 512, 16, 8192, NULL},
};

/* ---- life -----------------------------------------------------------------------------------------------
 */

static hpo_trust_options trust_options(const turbo_config *c, size_t n_axes)
{
    size_t few = 2 * n_axes < 20 ? 2 * n_axes : 20;
    size_t many =
        CANDIDATES_PER_AXIS * n_axes < MOST_CANDIDATES ? CANDIDATES_PER_AXIS * n_axes : MOST_CANDIDATES;
    size_t patience = n_axes < SHORTEST_PATIENCE ? SHORTEST_PATIENCE : n_axes;
    return (hpo_trust_options){
        .initial = c->initial >= 0 ? (size_t)c->initial : few,
        .patience = c->patience > 0 ? (size_t)c->patience : patience,
        .candidates = c->candidates > 0 ? (size_t)c->candidates : many,
        .max_rows = (size_t)c->max_rows,
        .length = c->length,
        .shortest = c->shortest,
        .rule = (hpo_trust_rule)c->acquisition,
    };
}

static hpo_status turbo_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    turbo_state *s = state;
    s->space = space;
    HPO_TRY(hpo_opening_init(&s->opening, space, seed, err));
    HPO_TRY(hpo_embed_create(space, &s->embed, err));
    hpo_trust_options o = trust_options(config, hpo_embed_n_axes(s->embed));
    return hpo_trust_init(&s->trust, s->embed, seed, &o, err);
}

static void turbo_fini(void *state)
{
    turbo_state *s = state;
    hpo_trust_fini(&s->trust);
    hpo_embed_free(s->embed);
    hpo_opening_fini(&s->opening);
    hpo_free(s->known);
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

static hpo_status turbo_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    turbo_state *s = state;
    size_t d = view->n_dims, n = view->n_done, p = view->n_pending, n_known = view->noisy ? 0 : n + p;
    HPO_TRY(hpo_trust_fold(&s->trust, view->u, view->y, view->n_objectives, n, err));
    s->from = ORIGIN_OPENING;
    if (hpo_trust_is_opening(&s->trust, p)) return hpo_opening_ask(&s->opening, draw, rng, u_out, err);
    if (n_known > 0) {
        HPO_TRY(hpo_reserve(&s->known, &s->cap_known, n_known * d, sizeof *s->known, err));
        memcpy(s->known, view->u, n * d * sizeof *s->known);
        if (p > 0) memcpy(s->known + n * d, view->u_pending, p * d * sizeof *s->known);
    }
    s->from = ORIGIN_REGION;
    hpo_status status =
        hpo_trust_propose(&s->trust, view->u, s->known, n_known, view->u_pending, p, rng, u_out, err);
    if (status != HPO_DONE) return status;
    s->from = ORIGIN_USED_UP;
    return hpo_space_draw(s->space, rng, u_out, err);
}

/* ---- account --------------------------------------------------------------------------------------------
 */

static hpo_status turbo_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                size_t *n_out, hpo_error *err)
{
    const turbo_state *s = state;
    const hpo_trust *t = &s->trust;
    hpo_str out = {0};
    hpo_str_addf(&out, "{\"model\":\"trust region\",\"origin\":\"%s\",\"rows\":%zu,\"restarts\":%zu",
                 origin_names[s->from], t->n_rows - t->first, t->n_lives);
    if (s->from == ORIGIN_REGION) {
        const hpo_transform *f = hpo_gp_transform(t->gp);
        double mean, var;
        hpo_gp_moments(t->gp, u, 1, &mean, &var);
        hpo_str_addf(&out, ",\"center\":%lld,\"successes\":%zu,\"failures\":%zu,\"acquisition\":\"%s\"",
                     (long long)view->number[t->center], t->successes, t->failures,
                     rule_labels[t->options.rule]);
        hpo_str_json_member(&out, "length", t->length);
        hpo_str_json_member(&out, "value", t->score);
        hpo_str_json_member(&out, "mean", hpo_transform_invert(f, mean));
        hpo_str_json_member(&out, "sd", hpo_transform_sd(f, mean, var));
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_turbo = {
    .size = sizeof(hpo_sampler_ops),
    .name = "turbo",
    .help =
        "Bayesian optimisation in a trust region around the best trial: twenty to hundreds of parameters, "
        "hundreds of trials.",
    .reference = "Eriksson et al., NeurIPS 2019, arXiv 1910.01739",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = turbo_options,
    .n_options = sizeof turbo_options / sizeof turbo_options[0],
    .config_size = sizeof(turbo_config),
    .state_size = sizeof(turbo_state),
    .init = turbo_init,
    .ask = turbo_ask,
    .fini = turbo_fini,
    .explain = turbo_explain,
};
