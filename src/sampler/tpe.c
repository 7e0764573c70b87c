/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe.c - the tree-structured Parzen estimator: options, and which mode answers.
 *
 * With y* between the good trials (the best min(ceil(gamma n), 25)) and the bad ones, and l, g the densities
 * of configurations with y < y* and y >= y*,
 *
 *     EI_{y*}(u)  is proportional to  (gamma + (1 - gamma) g(u) / l(u))^-1,
 *
 * so the candidate with the largest log l(u) - log g(u) is the one of largest expected improvement (Bergstra
 * et al. 2011, section 4.1).  l and g are Parzen estimators (model/parzen.h).
 *
 * mode=default (tpe_plus.c)   one mixture over whole trials on the tree of conditions, weighted by
 * improvement, candidates that recombine trials, climbing from the best of them mode=optuna5 (tpe_optuna.c)
 * the settings of Optuna 5
 *
 * The first `initial` trials are draws from the prior.
 *
 * References: Bergstra, Bardenet, Bengio, Kegl, NeurIPS 2011; Watanabe, arXiv 2304.11127 (2023), whose
 * settings the default follows; Bergstra, Yamins, Cox, ICML 2013 (conditional spaces). */
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "sampler/builtin.h"
#include "sampler/tpe.h"
#include "space/space.h"

static const char *const modes[] = {"default", "optuna5", NULL};

static const hpo_option tpe_options[] = {
    {"mode", "whose settings: ours, or those of Optuna 5", HPO_OPT_ENUM, offsetof(hpo_tpe_config, mode), 0, 0,
     1, modes},
    {"initial", "trials drawn from the prior at the start", HPO_OPT_INT, offsetof(hpo_tpe_config, initial),
     10, 1, 1000000, NULL},
    {"gamma", "share of trials that are good, 25 at most; 0: 0.15 (optuna5: 0.1)", HPO_OPT_REAL,
     offsetof(hpo_tpe_config, gamma), 0, 0, 1, NULL},
    {"candidates", "candidates scored for a suggestion, more are greedier; 0: 16 (optuna5: 24)", HPO_OPT_INT,
     offsetof(hpo_tpe_config, candidates), 0, 0, 100000, NULL},
    {"liar", "count running trials as bad ones", HPO_OPT_BOOL, offsetof(hpo_tpe_config, liar), 1, 0, 1, NULL},
    {"recombine", "default: share of candidates that mix two good trials", HPO_OPT_REAL,
     offsetof(hpo_tpe_config, recombine), 1, 0, 1, NULL},
    {"polish", "default: candidates that are improved by climbing", HPO_OPT_INT,
     offsetof(hpo_tpe_config, polish), 0, 0, 1000, NULL},
    {"floor", "default: narrowest kernel as a share of the range (noisy studies: at least 0.1)", HPO_OPT_REAL,
     offsetof(hpo_tpe_config, floor), 0.02, 1e-6, 1, NULL},
    {"multivariate", "optuna5: model parameters jointly", HPO_OPT_BOOL,
     offsetof(hpo_tpe_config, multivariate), 1, 0, 1, NULL},
    {"group", "optuna5: model conditional parameters jointly with those active together with them",
     HPO_OPT_BOOL, offsetof(hpo_tpe_config, group), 0, 0, 1, NULL},
};

typedef struct tpe_state {
    hpo_tpe t;
    hpo_tpe_config config;
} tpe_state;

static hpo_status tpe_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                           hpo_error *err)
{
    (void)seed;
    tpe_state *s = state;
    hpo_tpe *t = &s->t;
    s->config = *(const hpo_tpe_config *)config;
    int plus = s->config.mode == HPO_TPE_DEFAULT;
    if (!(s->config.gamma > 0)) s->config.gamma = plus ? 0.15 : 0.1;
    if (s->config.candidates == 0) s->config.candidates = plus ? 16 : 24;
    t->config = &s->config;
    t->space = space;
    HPO_TRY(hpo_parzen_axes_create(space, &t->axes, err));
    t->needs_x = space->has_when || space->has_bounds || space->n_constraints > 0 || !t->axes->any_real;
    for (size_t i = 0; i < space->n_params; i++)
        t->needs_x |= space->program[i].op == HPO_CODEC_SUBSET;
    t->x = hpo_alloc_array(space->n_columns + 1, sizeof *t->x);
    if (t->x == NULL) return hpo_fail_memory(err);
    return plus ? hpo_tpe_plus_init(t, err) : hpo_tpe_optuna_init(t, err);
}

static void tpe_fini(void *state)
{
    hpo_tpe *t = &((tpe_state *)state)->t;
    hpo_tpe_plus_fini(t);
    hpo_tpe_optuna_fini(t);
    hpo_tpe_order_fini(&t->order);
    hpo_u64map_fini(&t->seen);
    hpo_parzen_axes_free(t->axes);
    hpo_free(t->x);
}

static hpo_status tpe_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    hpo_tpe *t = &((tpe_state *)state)->t;
    size_t place;
    if (t->config->mode == HPO_TPE_DEFAULT) return hpo_tpe_plus_tell(t, view, row, err);
    return hpo_tpe_order_add(&t->order, view, row, &place, err);
}

static int starting(const hpo_tpe *t)
{
    return t->order.n - t->order.n_failed < (size_t)t->config->initial || t->axes->n_axes == 0;
}

static hpo_status tpe_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                          hpo_error *err)
{
    (void)draw;
    hpo_tpe *t = &((tpe_state *)state)->t;
    if (starting(t)) return hpo_space_draw(t->space, rng, u_out, err);
    return t->config->mode == HPO_TPE_DEFAULT ? hpo_tpe_plus_ask(t, view, rng, u_out, err)
                                              : hpo_tpe_optuna_ask(t, view, rng, u_out, err);
}

static hpo_status tpe_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                              size_t *n_out, hpo_error *err)
{
    hpo_tpe *t = &((tpe_state *)state)->t;
    const hpo_tpe_order *o = &t->order;
    int plus = t->config->mode == HPO_TPE_DEFAULT;
    double ratio = 0;
    hpo_str s = {0};
    if (starting(t)) {
        hpo_str_add(&s, "{\"model\":\"prior\",\"reason\":\"one of the first ");
        hpo_str_int(&s, t->config->initial);
        hpo_str_add(&s, " trials\"}");
    } else {
        size_t n = o->n - (plus ? 0 : o->n_failed);
        size_t below = plus ? t->n_below : hpo_tpe_below(t->config->gamma, n);
        if (!plus) HPO_TRY(hpo_tpe_optuna_fit(t, view, err));
        if (plus) HPO_TRY(hpo_tpe_plus_ratio(t, view, u, &ratio, err));
        if (!plus) ratio = hpo_tpe_optuna_ratio(t, u);
        hpo_str_addf(&s, "{\"model\":\"tpe\",\"mode\":\"%s\",\"good\":%zu,\"bad\":%zu,\"pending\":%zu",
                     modes[t->config->mode], below, n - below, view->n_pending);
        if (below > 0 && o->rank[o->row[below - 1]].kind == HPO_TPE_MEASURED) {
            hpo_str_json_member(&s, "threshold", o->rank[o->row[below - 1]].first);
        }
        hpo_str_add(&s, ",\"acquisition\":\"log l - log g\"");
        hpo_str_json_member(&s, "value", ratio);
        hpo_str_addc(&s, '}');
    }
    hpo_status status = s.failed ? hpo_fail_memory(err) : HPO_OK;
    *n_out = s.len;
    for (size_t i = 0; status == HPO_OK && i < s.len && i < cap; i++)
        buf[i] = s.text[i];
    hpo_str_fini(&s);
    return status;
}

const hpo_sampler_ops hpo_sampler_tpe = {
    .size = sizeof(hpo_sampler_ops),
    .name = "tpe",
    .help =
        "Tree-structured Parzen estimator: learns from results at microseconds a suggestion; any space, any "
        "number of trials, failures and noise.",
    .reference = "Bergstra et al., NeurIPS 2011; Watanabe, arXiv 2304.11127 (2023)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_OUTCOMES | HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = tpe_options,
    .n_options = sizeof tpe_options / sizeof tpe_options[0],
    .config_size = sizeof(hpo_tpe_config),
    .state_size = sizeof(tpe_state),
    .init = tpe_init,
    .ask = tpe_ask,
    .tell = tpe_tell,
    .fini = tpe_fini,
    .explain = tpe_explain,
};
