/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/mobster.c - Bayesian optimisation over configuration and resource, whatever the scheduler does.
 *
 * Rows are the values of trials at the levels of resource that the scheduler compares at: the first report of
 * a trial at r_k or beyond.  One Gaussian process holds all of them (model/fidelity_gp.h); which covariance
 * joins the levels is the option `model`:
 *
 *   joint         f(u) plus a part that dies out with the resource, a mixture of exponential decays
 *   independent   one process a level, with the same lengthscales, its own mean and scale
 *   tasks         levels are tasks of a coregionalised process: how they go together is learned
 *   data, linear  polynomials in 1 - r / R, for shares of a data set
 *
 * The next configuration has the largest expected improvement at the resource r_acq over the least posterior
 * mean there (resource.c).  r_acq is the highest level that at least d + 1 trials have reached; below that,
 * the highest that any has (`acquire=bohb`), or always the maximum (`acquire=top`, not with independent
 * levels, which say nothing of a level without results).  Trials without a report yet count as if their
 * expected value at r_acq had been seen (kriging believer).
 *
 * Hyperparameters are fitted cold, to at most FITTED rows, when the number of trials with reports has grown
 * by a tenth, at the report that makes it so.  Of more than MOST rows those of higher levels are taken first,
 * and of one level the newest.
 *
 * Klein, Tiao, Lienart, Archambeau & Seeger: "Model-based asynchronous hyperparameter and neural architecture
 * search", arXiv 2003.10865 (2020): MOBSTER is this with the scheduler `asha`; tasks: Swersky, Snoek & Adams,
 * NeurIPS 2013; data: the kernel of Klein, Falkner, Bartels, Hennig & Hutter, AISTATS 2017. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "model/fidelity_gp.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"
#include "space/space.h"

enum { FITTED = 120, MOST = 300 };
enum { ACQUIRE_BOHB, ACQUIRE_TOP };

typedef struct mobster_config {
    int64_t initial;
    int32_t model, acquire;
} mobster_config;

typedef struct mobster {
    hpo_resource r; /* first */
    const mobster_config *config;
    hpo_fidelity_gp *gp; /* NULL: before the first report */
    hpo_level_rows at;
    size_t next_fit; /* trials with reports at which the next fit is due */
    double *block;   /* u, resource, y of the rows in the model */
    size_t cap_block, n_used, acquired;
    int learned;
} mobster;

static const char *const models[] = {"joint", "independent", "tasks", "data", "linear", NULL};
static const hpo_fidelity_family families[] = {HPO_FIDELITY_DECAY, HPO_FIDELITY_INDEPENDENT,
                                               HPO_FIDELITY_TASKS, HPO_FIDELITY_DATA, HPO_FIDELITY_LINEAR};
static const char *const acquires[] = {"bohb", "top", NULL};

static hpo_status mobster_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                               hpo_error *err)
{
    mobster *s = state;
    s->config = config;
    if (families[s->config->model] == HPO_FIDELITY_INDEPENDENT && s->config->acquire == ACQUIRE_TOP)
        return hpo_fail(err, HPO_EINVAL,
                        "acquire=top: with model=independent nothing is known of a level before there are "
                        "results at it; write acquire=bohb or another model");
    HPO_TRY(hpo_resource_init(&s->r, space, seed, s->config->initial, err));
    s->next_fit = s->r.opening_size > 2 ? s->r.opening_size : 2;
    return HPO_OK;
}

static void mobster_fini(void *state)
{
    mobster *s = state;
    hpo_fidelity_gp_free(s->gp);
    hpo_level_rows_fini(&s->at);
    hpo_free(s->block);
    hpo_resource_fini(&s->r);
}

static int by_number(const mobster *s)
{
    return families[s->config->model] <= HPO_FIDELITY_TASKS;
}

/* Levels below the last HPO_FIDELITY_MAX_TASKS are left out where each has a covariance of its own. */
static size_t first_level(const mobster *s)
{
    return by_number(s) && s->at.n_levels > HPO_FIDELITY_MAX_TASKS ? s->at.n_levels - HPO_FIDELITY_MAX_TASKS
                                                                   : 0;
}

static double resource_of(const mobster *s, size_t level)
{
    return by_number(s) ? (double)(level - first_level(s)) : s->at.level[level];
}

static hpo_status begin(mobster *s, const hpo_view *view, hpo_error *err)
{
    if (s->gp != NULL) return HPO_OK;
    HPO_TRY(hpo_level_rows_begin(&s->at, view, "mobster", err));
    const hpo_fidelity_gp_options o = {.kernel = HPO_KERNEL_MATERN32,
                                       .family = families[s->config->model],
                                       .tasks = s->at.n_levels - first_level(s),
                                       .transform = HPO_TRANSFORM_AUTO};
    return hpo_fidelity_gp_create(s->r.embed, &o, &s->gp, err);
}

/* ---- learning ------------------------------------------------------------------------------------------ */

static void use_row(mobster *s, const hpo_level_row *row, double *u, double *resource, double *y)
{
    size_t d = s->r.n_dims, i = s->n_used++;
    memcpy(u + i * d, s->r.u + row->trial * d, d * sizeof *u);
    resource[i] = resource_of(s, row->level);
    y[i] = row->y;
}

/* Rows of the model into `block`: u, resource, y; room for `more` behind them. */
static hpo_status use_rows(mobster *s, size_t more, hpo_error *err)
{
    size_t room = (s->at.n_rows < MOST ? s->at.n_rows : MOST) + more + 1, d = s->r.n_dims;
    HPO_TRY(hpo_reserve(&s->block, &s->cap_block, room * (d + 2), sizeof *s->block, err));
    double *resource = s->block + room * d, *y = resource + room;
    s->n_used = 0;
    for (size_t k = s->at.n_levels; k-- > first_level(s);)
        for (size_t i = s->at.n_rows; i-- > 0 && s->n_used < MOST;)
            if (s->at.rows[i].level == k && s->r.kind[s->at.rows[i].trial] != HPO_RESOURCE_FAILED)
                use_row(s, &s->at.rows[i], s->block, resource, y);
    return HPO_OK;
}

/* Whole trials, evenly over those known: rows of one trial say how levels go together. */
static hpo_status use_sample(mobster *s, hpo_error *err)
{
    size_t d = s->r.n_dims, room = s->at.n_rows + 1, stride = s->at.n_rows / FITTED + 1;
    HPO_TRY(hpo_reserve(&s->block, &s->cap_block, room * (d + 2), sizeof *s->block, err));
    s->n_used = 0;
    for (size_t i = 0; i < s->at.n_rows; i++) {
        const hpo_level_row *row = &s->at.rows[i];
        if (row->level < first_level(s) || row->trial % stride != 0 ||
            s->r.kind[row->trial] == HPO_RESOURCE_FAILED)
            continue;
        use_row(s, row, s->block, s->block + room * d, s->block + room * (d + 1));
    }
    if (s->n_used < 2) return HPO_OK;
    HPO_TRY(hpo_fidelity_gp_condition(s->gp, s->block, s->block + room * d, s->block + room * (d + 1),
                                      s->n_used, err));
    s->learned = 1;
    return hpo_fidelity_gp_fit(s->gp, 1, err);
}

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    mobster *s = ctx;
    int added;
    if (!isfinite(y)) return HPO_OK;
    HPO_TRY(hpo_level_rows_take(&s->at, trial, share, y, &added, err));
    if (!added) return HPO_OK;
    if (s->r.n_seen < s->next_fit) return HPO_OK;
    s->next_fit = s->r.n_seen + s->r.n_seen / 10 + 1;
    return use_sample(s, err);
}

static size_t choose_level(const mobster *s)
{
    size_t top = s->at.n_levels - 1;
    if (s->config->acquire == ACQUIRE_TOP) return top;
    for (size_t k = s->at.n_levels; k-- > first_level(s);)
        if (s->at.count[k] > s->r.space->n_params) return k;
    for (size_t k = s->at.n_levels; k-- > first_level(s);)
        if (s->at.count[k] > 0) return k;
    return first_level(s);
}

/* Conditions on all rows, then on what is expected of the pending trials. */
static hpo_status condition(mobster *s, const hpo_view *view, hpo_error *err)
{
    const double *pending;
    size_t d = s->r.n_dims, n_pending, room;
    HPO_TRY(hpo_resource_pending(&s->r, view, &pending, &n_pending, err));
    HPO_TRY(use_rows(s, n_pending, err));
    if (s->n_used < 2) return HPO_OK;
    room = (s->at.n_rows < MOST ? s->at.n_rows : MOST) + n_pending + 1;
    double *resource = s->block + room * d, *y = resource + room, var, at = resource_of(s, s->acquired);
    HPO_TRY(hpo_fidelity_gp_condition(s->gp, s->block, resource, y, s->n_used, err));
    if (n_pending == 0) return HPO_OK;
    for (size_t i = 0; i < n_pending; i++) {
        size_t j = s->n_used + i;
        hpo_fidelity_gp_moments(s->gp, pending + i * d, 1, at, &y[j], &var);
        y[j] = hpo_transform_invert(hpo_fidelity_gp_transform(s->gp), y[j]);
        resource[j] = at;
        memcpy(s->block + j * d, pending + i * d, d * sizeof *pending);
    }
    return hpo_fidelity_gp_condition(s->gp, s->block, resource, y, s->n_used + n_pending, err);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static hpo_status mobster_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                              hpo_error *err)
{
    mobster *s = state;
    int taken;
    HPO_TRY(begin(s, view, err));
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_resource_open(&s->r, draw, rng, u_out, &taken, err));
    if (taken) return HPO_OK;
    s->acquired = choose_level(s);
    if (s->learned) HPO_TRY(condition(s, view, err));
    if (!s->learned || s->n_used < 2) {
        s->r.is_opening = 1;
        return hpo_opening_ask(&s->r.opening, draw, rng, u_out, err);
    }
    for (size_t i = 0; i < s->r.n_trials; i++)
        s->r.score[i] = (double)INFINITY;
    for (size_t i = 0; i < s->at.n_rows; i++) /* the latest of each */
        if (s->r.kind[s->at.rows[i].trial] == HPO_RESOURCE_SEEN)
            s->r.score[s->at.rows[i].trial] = s->at.rows[i].y;
    const double *theta = hpo_fidelity_gp_theta(s->gp);
    for (size_t j = 0; j < s->r.n_axes; j++)
        s->r.lengthscales[j] = hpo_exp(theta[j]);
    hpo_fidelity_slice slice = {s->gp, resource_of(s, s->acquired)};
    hpo_posterior model = hpo_fidelity_gp_posterior(&slice);
    return hpo_resource_maximise(&s->r, view, &model, NULL, s->r.lengthscales, rng, u_out, err);
}

static hpo_status mobster_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                  size_t *n_out, hpo_error *err)
{
    mobster *s = state;
    hpo_str out = {0};
    (void)view;
    hpo_resource_account(&s->r, "mobster", "ei", &out);
    if (!s->r.is_opening) {
        const hpo_transform *t = hpo_fidelity_gp_transform(s->gp);
        double mean, var;
        hpo_fidelity_gp_moments(s->gp, u, 1, resource_of(s, s->acquired), &mean, &var);
        hpo_str_addf(&out, ",\"levels\":\"%s\",\"rows\":%zu", models[s->config->model], s->n_used);
        hpo_str_json_member(&out, "resource", s->at.level[s->acquired] * s->r.high);
        hpo_str_json_member(&out, "mean", hpo_transform_invert(t, mean));
        hpo_str_json_member(&out, "sd", hpo_transform_sd(t, mean, var));
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(mobster_config, initial), -1, -1, 1 << 20, NULL},
    {"model", "how levels of resource go together", HPO_OPT_ENUM, offsetof(mobster_config, model), 0, 0, 4,
     models},
    {"acquire",
     "improvement is expected at the highest level with results of more trials than parameters, or always "
     "at the maximum",
     HPO_OPT_ENUM, offsetof(mobster_config, acquire), 0, 0, 1, acquires},
};

const hpo_sampler_ops hpo_sampler_mobster = {
    .size = sizeof(hpo_sampler_ops),
    .name = "mobster",
    .help = "A Gaussian process over configuration and resource: for schedulers that stop or pause trials, "
            "where a few hundred results are all there will be.",
    .reference = "Klein, Tiao, Lienart, Archambeau & Seeger, arXiv 2003.10865, sections 3.2 and 3.3",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(mobster_config),
    .state_size = sizeof(mobster),
    .init = mobster_init,
    .ask = mobster_ask,
    .fini = mobster_fini,
    .explain = mobster_explain,
};
