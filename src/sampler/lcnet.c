/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/lcnet.c - configurations by Thompson sampling of the ends of learning curves: LC-Net with
 * Hyperband.
 *
 * A Bayesian neural network maps configurations to curves (model/lcnet.h) and learns from the reports of all
 * trials, however far they came.  Where Hyperband would draw a configuration from the prior, one of the
 * network's draws is taken at random, and the configuration at which its curve ends best,
 *
 *     max_u  ln s(o_end(u; theta_k)) + ln P(no failure at u),   k uniform,
 *
 * as if a failed trial ended at the worst there is (model/success.h).  It is searched for as acquisitions are
 * (acq/search.h); the authors' program climbs from ten points.  Asks at the same time differ by their draws,
 * so that nothing has to be believed of trials without reports.
 *
 * Before any trial has come to the maximum nothing is known of ends, and the opening goes on: Hyperband's
 * first bracket.  (The authors' program waits for 200 values, about as long.)
 *
 * Of a trial's reports the first in each of the intervals of time [1.5^-k-1, 1.5^-k) counts, and that at the
 * maximum: the paper takes every epoch, which says little more and makes the chain longer.  The network is
 * fitted when the number of these rows has grown by a sixth, at the report that makes it so; of more than
 * MOST rows those of every second, third ... trial are taken.  What a trial reported before it failed stays,
 * so that the network follows from the reports alone, whenever a failure became known.
 *
 * Klein, Falkner, Springenberg & Hutter: "Learning curve prediction with Bayesian neural networks", ICLR
 * 2017, section 4; the choice of a configuration: the authors' program (LC-Net in HpBandSter). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "model/curve_units.h"
#include "model/lcnet.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"
#include "space/space.h"

enum { MOST = 4096, NO_CELL = -1000000 };
static const double CELL = 0x1.9f323ecbf984cp-2; /* ln 1.5 */

typedef struct lcnet_config {
    int64_t initial;
    double random;
} lcnet_config;

typedef struct row {
    size_t trial;
    double share, y;
} row;

typedef struct lcnet {
    hpo_resource r; /* first */
    const lcnet_config *config;
    hpo_lcnet *model;
    hpo_curve_units units;
    row *rows;
    size_t n_rows, cap_rows, next_fit;
    size_t n_known; /* trials with rows */
    int has_end;    /* a trial has come to the maximum */
    int32_t *cell;  /* by trial: the last interval with a row */
    size_t n_cells, cap_cells;
    double *block; /* u, share, y of the rows of a fit */
    size_t cap_block;
    double *slope; /* n_dims */
    /* of the last ask */
    int at_random;
    size_t draw;
} lcnet;

static hpo_status lcnet_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    lcnet *s = state;
    s->config = config;
    HPO_TRY(hpo_resource_init(&s->r, space, seed, s->config->initial, err));
    s->slope = hpo_calloc(s->r.n_dims + 1, sizeof *s->slope);
    if (s->slope == NULL) return hpo_fail_memory(err);
    return hpo_lcnet_create(s->r.embed, seed, &s->model, err);
}

static void lcnet_fini(void *state)
{
    lcnet *s = state;
    hpo_lcnet_free(s->model);
    hpo_curve_units_fini(&s->units);
    hpo_free(s->rows);
    hpo_free(s->cell);
    hpo_free(s->block);
    hpo_free(s->slope);
    hpo_resource_fini(&s->r);
}

/* ---- learning ------------------------------------------------------------------------------------------ */

static hpo_status fit(lcnet *s, hpo_error *err)
{
    size_t d = s->r.n_dims, stride = s->n_rows / MOST + 1, n = 0;
    HPO_TRY(hpo_reserve(&s->block, &s->cap_block, s->n_rows * (d + 2) + 1, sizeof *s->block, err));
    double *u = s->block, *share = u + s->n_rows * d, *y = share + s->n_rows;
    for (size_t i = 0; i < s->n_rows; i++) {
        const row *w = &s->rows[i];
        if (w->trial % stride != 0) continue;
        memcpy(u + n * d, s->r.u + w->trial * d, d * sizeof *u);
        share[n] = w->share;
        y[n++] = hpo_curve_units_to(&s->units, w->y);
    }
    const hpo_lcnet_rows rows = {u, share, y, n};
    return n > 0 ? hpo_lcnet_fit(s->model, &rows, 0, err) : HPO_OK;
}

/* 1: the first report of the trial in its interval of time. */
static hpo_status enter_cell(lcnet *s, size_t trial, double share, int *entered, hpo_error *err)
{
    int32_t now = (int32_t)floor(fmax(hpo_log(share) / CELL, NO_CELL + 1) + 1e-9);
    HPO_TRY(hpo_reserve(&s->cell, &s->cap_cells, trial + 1, sizeof *s->cell, err));
    for (; s->n_cells <= trial; s->n_cells++)
        s->cell[s->n_cells] = NO_CELL;
    *entered = now > s->cell[trial];
    if (*entered && s->cell[trial] == NO_CELL) s->n_known++;
    if (*entered) s->cell[trial] = now;
    return HPO_OK;
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    lcnet *s = ctx;
    int entered;
    if (!isfinite(y)) return HPO_OK;
    HPO_TRY(enter_cell(s, trial, share, &entered, err));
    if (!entered) return HPO_OK;
    HPO_TRY(hpo_curve_units_add(&s->units, y, err));
    HPO_TRY(hpo_reserve(&s->rows, &s->cap_rows, s->n_rows + 1, sizeof *s->rows, err));
    s->rows[s->n_rows++] = (row){trial, share, y};
    if (share >= 1) s->has_end = 1;
    if (!s->has_end || s->n_rows < s->next_fit || s->n_known < s->r.opening_size || !(s->units.range > 0))
        return HPO_OK;
    s->next_fit = s->n_rows + s->n_rows / 6 + 1;
    return fit(s, err);
}

/* ---- choice -------------------------------------------------------------------------------------------- */

static void ends(void *ctx, const double *u, size_t m, double *out)
{
    const lcnet *s = ctx;
    hpo_lcnet_log_ends(s->model, s->draw, u, m, out);
    for (size_t i = 0; i < m && s->r.n_failed > 0; i++)
        out[i] += hpo_success_log_probability(s->r.success, u + i * s->r.n_dims, NULL);
}

static double end_gradient(void *ctx, const double *u, double *gradient)
{
    const lcnet *s = ctx;
    double value = hpo_lcnet_log_end_gradient(s->model, s->draw, u, gradient);
    if (s->r.n_failed == 0) return value;
    value += hpo_success_log_probability(s->r.success, u, s->slope);
    for (size_t k = 0; k < s->r.n_dims; k++)
        gradient[k] += s->slope[k];
    return value;
}

/* How good the draw says each trial's end is: the search begins near the best ones. */
static void score_trials(lcnet *s)
{
    for (size_t i = 0; i < s->r.n_trials; i++) {
        s->r.score[i] = (double)INFINITY;
        if (s->r.kind[i] != HPO_RESOURCE_SEEN) continue;
        hpo_lcnet_log_ends(s->model, s->draw, s->r.u + i * s->r.n_dims, 1, &s->r.score[i]);
        s->r.score[i] = -s->r.score[i];
    }
}

static hpo_status lcnet_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    lcnet *s = state;
    const hpo_score score = {s, ends, end_gradient};
    int taken;
    s->at_random = 0;
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    if (hpo_lcnet_n_draws(s->model) == 0) { /* no ends yet, or all values are the same */
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    s->at_random = hpo_rng_uniform(rng) < s->config->random;
    if (s->at_random) return hpo_space_draw(s->r.space, rng, u_out, err);
    s->draw = (size_t)hpo_rng_below(rng, hpo_lcnet_n_draws(s->model));
    score_trials(s);
    return hpo_resource_search(&s->r, view, &score, rng, u_out, err);
}

static hpo_status lcnet_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                size_t *n_out, hpo_error *err)
{
    lcnet *s = state;
    hpo_str out = {0};
    (void)view;
    hpo_resource_account(&s->r, "lcnet", s->at_random ? "random" : "thompson", &out);
    if (!s->r.is_opening && hpo_lcnet_n_draws(s->model) > 0) {
        hpo_lcnet_forecast f = hpo_lcnet_predict(s->model, u, 1);
        double sd = sqrt(f.var);
        hpo_str_addf(&out, ",\"draw\":%zu,\"rows\":%zu", s->draw, s->n_rows);
        hpo_str_json_member(&out, "mean", hpo_curve_units_from(&s->units, f.mean));
        hpo_str_json_member(
            &out, "sd",
            (hpo_curve_units_from(&s->units, f.mean + sd) - hpo_curve_units_from(&s->units, f.mean - sd)) /
                2);
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(lcnet_config, initial), -1, -1, 1 << 20, NULL},
    {"random", "share of draws from the prior in between, which no early forecast can mislead", HPO_OPT_REAL,
     offsetof(lcnet_config, random), 0, 0, 1, NULL},
};

const hpo_sampler_ops hpo_sampler_lcnet = {
    .size = sizeof(hpo_sampler_ops),
    .name = "lcnet",
    .help = "Thompson sampling of the ends of learning curves by a Bayesian neural network: for trials that "
            "report often, with hyperband.",
    .reference = "Klein, Falkner, Springenberg & Hutter: Learning curve prediction with Bayesian neural "
                 "networks, ICLR 2017",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(lcnet_config),
    .state_size = sizeof(lcnet),
    .init = lcnet_init,
    .ask = lcnet_ask,
    .fini = lcnet_fini,
    .explain = lcnet_explain,
};
