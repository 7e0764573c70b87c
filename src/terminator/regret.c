/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/regret.c - stop when what can still be gained is smaller than what can be measured.
 *
 * With a Gaussian process on the best half of the trials and beta_t of hpo_rule_beta,
 *
 *     r_t = min over evaluated x of (mu + sqrt(beta_t) s)(x)  -  min over all x of (mu - sqrt(beta_t) s)(x)
 *
 * bounds the regret of the incumbent with high probability.  The study stops when r_t is below the
 * statistical error of the incumbent's value: with k folds sqrt((1/k + 1/(k-1)) s_cv^2), else its standard
 * error, else that of its replicates, else the noise that the model sees.
 *
 * Makarova et al., "Automatic Termination for Hyperparameter Optimization", AutoML 2022 (arXiv 2104.08166),
 * section 3; error: Nadeau & Bengio, Machine Learning 52 (2003). */
#include <math.h>

#include "base/error.h"
#include "terminator/builtin.h"
#include "terminator/model.h"

typedef struct regret_config {
    int64_t every, min_trials;
    double share, delta, error;
} regret_config;

typedef struct regret_state {
    const regret_config *config;
    hpo_rule_model model;
} regret_state;

/* Enough to see the region of the best; keeps a judgement in the milliseconds. */
enum { MOST_ROWS = 200 };

static const hpo_option regret_options[] = {
    {"every", "judge when so many more trials have finished", HPO_OPT_INT, offsetof(regret_config, every), 5,
     1, 1e6, NULL},
    {"trials", "not before so many complete trials", HPO_OPT_INT, offsetof(regret_config, min_trials), 20, 4,
     1e6, NULL},
    {"share", "share of the trials, the best ones, that the model is fitted to", HPO_OPT_REAL,
     offsetof(regret_config, share), 0.5, 0.05, 1, NULL},
    {"delta", "probability that a bound may fail", HPO_OPT_REAL, offsetof(regret_config, delta), 0.1, 1e-9,
     0.5, NULL},
    {"error",
     "error of a value, in the unit of the objective; 0: from folds, standard errors, replicates, the model",
     HPO_OPT_REAL, offsetof(regret_config, error), 0, 0, HUGE_VAL, NULL},
};

static int64_t regret_every(const void *config)
{
    return ((const regret_config *)config)->every;
}

static hpo_status regret_init(void *state, const void *config, const hpo_rule_problem *problem,
                              hpo_error *err)
{
    regret_state *s = state;
    s->config = config;
    return hpo_rule_model_init(&s->model, problem, err);
}

static double error_of(const regret_state *s, const hpo_view *v, const char **kind, size_t *count)
{
    const hpo_rule_model *m = &s->model;
    double var;
    *kind = "as given";
    *count = 0;
    if (s->config->error > 0) return s->config->error;
    double e = hpo_rule_error(v, m->row[m->best], kind, count);
    if (!isnan(e)) return e;
    *kind = "noise that the model sees";
    hpo_gp_noise_at(m->gp, m->u + m->best * v->n_dims, 1, &var);
    return sqrt(var) / m->slope;
}

static hpo_status regret_judge(void *state, const hpo_view *v, hpo_ruling *out, hpo_error *err)
{
    regret_state *s = state;
    const regret_config *c = s->config;
    hpo_rule_model *m = &s->model;
    size_t n = hpo_rule_model_rows(v), count;
    const char *kind;
    int ready;
    double bound;
    if (n < (size_t)c->min_trials) {
        hpo_ruling_set(out, 0, "%zu complete trials: judged from %lld on", n, (long long)c->min_trials);
        return HPO_OK;
    }
    HPO_TRY(hpo_rule_model_fit(m, v, &(hpo_rule_rows){.share = c->share, .most = MOST_ROWS}, &ready, err));
    if (!ready) {
        hpo_ruling_set(out, 0, "%zu complete trials: not enough different, feasible values for a model", n);
        return HPO_OK;
    }
    double beta = hpo_rule_beta(hpo_embed_n_axes(m->embed), m->n, c->delta);
    HPO_TRY(hpo_rule_model_regret(m, sqrt(beta), &bound, err));
    double error = error_of(s, v, &kind, &count), regret = bound / m->slope;
    int stop = regret < error;
    if (count >= 2)
        hpo_ruling_set(out, stop,
                       "at most %.3g can still be gained, %s the error %.3g of the best trial (%zu %s)",
                       regret, stop ? "less than" : "more than", error, count, kind);
    else
        hpo_ruling_set(out, stop,
                       "at most %.3g can still be gained, %s the error %.3g of the best trial (%s)", regret,
                       stop ? "less than" : "more than", error, kind);
    return HPO_OK;
}

static void regret_fini(void *state)
{
    hpo_rule_model_fini(&((regret_state *)state)->model);
}

const hpo_terminator_ops hpo_terminator_regret = {
    .size = sizeof(hpo_terminator_ops),
    .name = "regret",
    .help = "What can still be gained is smaller than the error of the best value: for noisy objectives, "
            "with folds "
            "or standard errors.",
    .reference = "Makarova et al., AutoML 2022, arXiv 2104.08166, section 3",
    .options = regret_options,
    .n_options = sizeof regret_options / sizeof regret_options[0],
    .config_size = sizeof(regret_config),
    .state_size = sizeof(regret_state),
    .every = regret_every,
    .init = regret_init,
    .judge = regret_judge,
    .fini = regret_fini,
};
