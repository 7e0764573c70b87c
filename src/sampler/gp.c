/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp.c - Bayesian optimisation with a Gaussian process.
 *
 * The opening is a scrambled Sobol' design under the prior.  Then every ask
 *   1. takes in what is new (gp_models.c): a process for the objective (Matern-3/2, a lengthscale per
 * parameter, maximum a posteriori, on observations through Yeo-Johnson), a classifier of failures, processes
 * for outcome constraints and cost where there are any;
 *   2. sets up the acquisition function with the trials in progress (acq/acquisition.c), by default the log
 * of the expected improvement averaged over joint fantasies;
 *   3. maximises it over the space (acq/search.c).
 * The value to improve on is the best observation, or where noise is above a thousandth of the signal the
 * least posterior mean at an observed point; the variance is that of the function alone, noise never added
 * (so that a noisy region is not mistaken for an unknown one).
 *
 * Details
 *   more than 16 trials in progress   fantasies become the kriging believer: joint draws in so many
 * dimensions say little more and cost r^2 each a study declared noisy            configurations may repeat.
 * While s2 < 0.7 n2 (signal below noise), every tenth trial repeats the least tried of the three best means,
 * and others explore (largest standard deviation where the optimum may lie) with probability `explore` a
 * prior on parameters             alpha + (belief / n) ln prior density (piBO) cost=per, cooled EI / cost, EI
 * / cost^a with a from 1 to 0 over the budget of trials quality = k                       the acquisition is
 * averaged over k sampled hyperparameters
 *
 * References: Jones, Schonlau & Welch (1998); Snoek, Larochelle & Adams (2012); Ament et al. (2023), arXiv
 * 2310.20708; Hvarfner et al. (2022), arXiv 2204.11051; Lee et al. (2020), arXiv 2003.10870; noise switch:
 * Song et al. (2024), arXiv 2408.11527. */
#include "sampler/gp.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/func.h"
#include "math/qmc.h"
#include "model/transform.h"
#include "sampler/builtin.h"
#include "sampler/evidence.h"
#include "sampler/opening.h"
#include "space/space.h"

enum { BEST = 5, LOOKED_AT = 128, MANY_PENDING = 16, REPEAT_EVERY = 10, TOP = 3 };

typedef enum origin { ORIGIN_DESIGN, ORIGIN_MODEL, ORIGIN_EXPLORE, ORIGIN_REPEAT, ORIGIN_USED_UP } origin;
static const char *const origin_names[] = {"design", "model", "exploration", "repeat", "used-up"};

typedef struct gp_state {
    hpo_opening opening;
    const hpo_gp_config *config;
    const hpo_space *space;
    hpo_embed *embed;
    hpo_search *search;
    hpo_gp_models models;
    int has_models;
    uint64_t seed;
    size_t n_dims, n_axes;
    double *rows;    /* LOOKED_AT best points */
    size_t n_looked; /* how many there are */
    double *best;    /* BEST of them, to perturb */
    double *known;   /* what must not be proposed */
    size_t cap_known;
    double *lengthscales, *scratch; /* n_axes; n_dims + 1 per acquisition */
    hpo_acq **acq;
    size_t n_acq;
    /* of the last ask */
    int alone; /* the objective's own process, without its rivals */
    origin from;
    double value;
    hpo_acq_kind kind;
} gp_state;

/* ---- options
 * ----------------------------------------------------------------------------------------------- */

static const char *const acquisition_labels[] = {HPO_ACQ_LABELS, NULL};
static const char *const pending_labels[] = {HPO_PENDING_LABELS, NULL};
static const char *const kernel_labels[] = {"auto", HPO_KERNEL_LABELS, NULL};
static const char *const prior_labels[] = {"auto", HPO_GP_PRIOR_LABELS, "mixed", NULL};
static const char *const transform_labels[] = {HPO_TRANSFORM_LABELS, NULL};
static const char *const noise_labels[] = {"learned", "fixed", "varying", NULL};
static const char *const cost_labels[] = {"no", "per", "cooled", NULL};

#define FIELD(name) offsetof(hpo_gp_config, name)
static const hpo_option gp_options[] = {
    {"initial", "quasi-random trials before the first model; -1: parameters + 1, between 5 and 10",
     HPO_OPT_INT, FIELD(initial), -1, -1, 1 << 20, NULL},
    {"acquisition",
     "what is maximised: expected or probable improvement, confidence bound, a posterior sample, entropy of "
     "the "
     "minimum, knowledge gradient, noisy expected improvement, Pandora's box index, entropy of the minimum "
     "and its place",
     HPO_OPT_ENUM, FIELD(acquisition), HPO_ACQ_LOG_EI, 0, 8, acquisition_labels},
    {"pending", "how trials in progress count", HPO_OPT_ENUM, FIELD(pending), HPO_PENDING_FANTASY, 0, 4,
     pending_labels},
    {"beta",
     "standard deviations of the confidence bound (acquisition=lcb, pending=pe); 0: growing with trials",
     HPO_OPT_REAL, FIELD(beta), 1.8, 0, 100, NULL},
    {"kernel", "covariance; auto: matern32, or matern52 when leave-one-out predictions are better with it",
     HPO_OPT_ENUM, FIELD(kernel), 1, 0, 5, kernel_labels},
    {"prior",
     "of the lengthscales: a soft wall, growing with dimension, sparse (few parameters matter), mixed (wall "
     "and sparse in turn, weighted by how well they predict); auto: dim, wall in a study declared noisy",
     HPO_OPT_ENUM, FIELD(prior), HPO_GP_AUTO, 0, HPO_GP_MIXED, prior_labels},
    {"transform", "of the objective's values before the model sees them", HPO_OPT_ENUM, FIELD(transform),
     HPO_TRANSFORM_AUTO, 0, 5, transform_labels},
    {"noise", "learned, fixed at the floor, or varying over the space", HPO_OPT_ENUM, FIELD(noise), 0, 0, 2,
     noise_labels},
    {"noise_floor", "least variance of the noise, of the transformed values", HPO_OPT_REAL,
     FIELD(noise_floor), 1e-6, 1e-9, 1, NULL},
    {"warp", "learn a warping of each axis when predictions gain from it", HPO_OPT_BOOL, FIELD(warp), 0, 0, 1,
     NULL},
    {"candidates", "quasi-random points that the acquisition is scanned with; fewer beyond 300 trials",
     HPO_OPT_INT, FIELD(candidates), 512, 16, 1 << 16, NULL},
    {"starts", "local searches from the best of them", HPO_OPT_INT, FIELD(starts), 6, 1, 64, NULL},
    {"quality", "sampled hyperparameters to average over; 0: the most probable ones", HPO_OPT_INT,
     FIELD(quality), 0, 0, 64, NULL},
    {"cost", "improvement per cost told with each trial; cooled: less and less so as the budget is used",
     HPO_OPT_ENUM, FIELD(cost), HPO_GP_COST_NO, 0, 2, cost_labels},
    {"price", "of one unit of cost, in standard deviations of the objective (acquisition=pbgi)", HPO_OPT_REAL,
     FIELD(price), 1e-4, 1e-12, 1e6, NULL},
    {"belief", "weight of priors on parameters, in trials; 0: they guide the opening only", HPO_OPT_REAL,
     FIELD(belief), 10, 0, 1e6, NULL},
    {"explore", "share of proposals that only explore while noise exceeds the signal in a noisy study",
     HPO_OPT_REAL, FIELD(explore), 0.3, 0, 1, NULL},
    {"failures", "learn where trials fail", HPO_OPT_BOOL, FIELD(failures), 1, 0, 1, NULL},
    {"max_rows", "trials in the model; of more, a subset", HPO_OPT_INT, FIELD(max_rows), 1000, 16, 8192,
     NULL},
};

/* ---- life
 * -------------------------------------------------------------------------------------------------- */

static hpo_status gp_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                          hpo_error *err)
{
    gp_state *s = state;
    s->config = config;
    s->space = space;
    s->seed = seed;
    s->n_dims = hpo_space_n_dims(space);
    HPO_TRY(hpo_opening_init(&s->opening, space, seed, err));
    int circles = s->config->kernel == 1 + HPO_KERNEL_PERIODIC;
    HPO_TRY(circles ? hpo_embed_create_periodic(space, &s->embed, err)
                    : hpo_embed_create(space, &s->embed, err));
    s->n_axes = hpo_embed_n_axes(s->embed);
    HPO_TRY(hpo_search_create(s->embed, seed, &s->search, err));
    size_t d = s->n_dims, most = (size_t)s->config->quality;
    if (most < HPO_GP_RIVALS + 1) most = HPO_GP_RIVALS + 1;
    s->rows = hpo_alloc_array((LOOKED_AT + BEST) * d + 1, sizeof *s->rows);
    s->lengthscales = hpo_alloc_array(s->n_axes + 1, sizeof *s->lengthscales);
    s->scratch = hpo_alloc_array(d + 64 * most, sizeof *s->scratch);
    s->acq = hpo_calloc(most, sizeof *s->acq);
    if (!s->rows || !s->lengthscales || !s->scratch || !s->acq) return hpo_fail_memory(err);
    s->best = s->rows + LOOKED_AT * d;
    return HPO_OK;
}

static void drop_acquisitions(gp_state *s)
{
    for (size_t i = 0; i < s->n_acq; i++)
        hpo_acq_free(s->acq[i]);
    s->n_acq = 0;
}

static void gp_fini(void *state)
{
    gp_state *s = state;
    if (s->acq != NULL) drop_acquisitions(s);
    if (s->has_models) hpo_gp_models_close(&s->models);
    hpo_search_free(s->search);
    hpo_embed_free(s->embed);
    hpo_opening_fini(&s->opening);
    hpo_free(s->rows);
    hpo_free(s->known);
    hpo_free(s->lengthscales);
    hpo_free(s->scratch);
    hpo_free(s->acq);
}

/* ---- opening
 * ----------------------------------------------------------------------------------------------- */

static int is_opening(const gp_state *s, const hpo_view *view)
{
    size_t want = hpo_opening_size(s->n_axes, s->config->initial);
    if (s->config->initial < 0 && view->planned > 0 &&
        want > (size_t)view->planned / 5) /* no more than a fifth of a small budget */
        want = view->planned >= 15 ? (size_t)view->planned / 5 : 3;
    return s->n_dims == 0 || view->n_done + view->n_pending < want || !hpo_gp_ready(s->models.objective);
}

static hpo_status open_with_design(gp_state *s, uint64_t draw, hpo_rng *rng, double *u_out, hpo_error *err)
{
    s->from = ORIGIN_DESIGN;
    return hpo_opening_ask(&s->opening, draw, rng, u_out, err);
}

/* The process that the search and the account go by. */
static const hpo_gp *leader(const gp_state *s)
{
    return s->alone ? s->models.objective : s->models.leader;
}

/* ---- the best points so far
 * ---------------------------------------------------------------------------------- */

/* The LOOKED_AT points of the process with the least observed means into s->rows, and the BEST of the first
 * few of these by posterior mean into s->best; returns how many of the latter. */
static size_t look_at_best(gp_state *s, const hpo_view *view)
{
    enum { JUDGED = 16 };
    const hpo_gp *gp = leader(s);
    size_t n = hpo_gp_n_points(gp), d = s->n_dims, order[LOOKED_AT], judged, count = 0;
    double value[LOOKED_AT], mean[JUDGED], var[JUDGED], replicates;
    s->n_looked = 0;
    for (size_t i = 0; i < n; i++) {
        double y = hpo_gp_observed(gp, i, &replicates);
        size_t at = s->n_looked;
        if (at == LOOKED_AT && !(y < value[at - 1])) continue;
        if (hpo_gp_models_failed_at(&s->models, view, hpo_gp_point(gp, i))) continue;
        if (at == LOOKED_AT)
            at--;
        else
            s->n_looked++;
        for (; at > 0 && y < value[at - 1]; at--) {
            value[at] = value[at - 1];
            order[at] = order[at - 1];
        }
        value[at] = y;
        order[at] = i;
    }
    for (size_t i = 0; i < s->n_looked; i++)
        memcpy(s->rows + i * d, hpo_gp_point(gp, order[i]), d * sizeof *s->rows);
    judged = s->n_looked < JUDGED ? s->n_looked : JUDGED;
    hpo_gp_moments(gp, s->rows, judged, mean, var);
    for (; count < BEST && count < judged; count++) {
        size_t top = 0;
        for (size_t i = 1; i < judged; i++)
            if (mean[i] < mean[top]) top = i;
        memcpy(s->best + count * d, s->rows + top * d, d * sizeof *s->best);
        mean[top] = HUGE_VAL;
    }
    return count;
}

static hpo_status list_known(gp_state *s, const hpo_view *view, hpo_error *err)
{
    size_t d = s->n_dims, n = view->n_done, p = view->n_pending;
    HPO_TRY(hpo_reserve(&s->known, &s->cap_known, (n + p) * d + 1, sizeof *s->known, err));
    if (n > 0) memcpy(s->known, view->u, n * d * sizeof *s->known);
    if (p > 0) memcpy(s->known + n * d, view->u_pending, p * d * sizeof *s->known);
    return HPO_OK;
}

/* ---- acquisition
 * ----------------------------------------------------------------------------------------------- */

static double cost_exponent(const gp_state *s, const hpo_view *view)
{
    if (s->config->cost == HPO_GP_COST_NO || s->models.n_costs < 2) return 0;
    if (s->config->cost == HPO_GP_COST_PER || view->planned <= 0) return 1;
    double left = 1 - (double)view->n_done / (double)view->planned;
    return left > 0 ? left : 0;
}

static hpo_status add_acquisition(gp_state *s, const hpo_view *view, const hpo_gp *gp, int explore,
                                  hpo_rng *rng, hpo_error *err)
{
    const hpo_gp_models *m = &s->models;
    const hpo_gp_config *c = s->config;
    int priced = m->cost != NULL && m->n_costs >= 2;
    hpo_acq_options o = {.kind = (hpo_acq_kind)c->acquisition,
                         .pending = (hpo_pending_rule)c->pending,
                         .beta = c->beta,
                         .cost_exponent = cost_exponent(s, view),
                         .lambda = c->price,
                         .explore = explore};
    if (o.pending == HPO_PENDING_FANTASY && view->n_pending > MANY_PENDING) o.pending = HPO_PENDING_BELIEVER;
    hpo_acq_context x = {.pending = view->u_pending,
                         .n_pending = view->n_pending,
                         .observed = s->rows,
                         .n_observed = s->n_looked,
                         .best = hpo_gp_models_best(m, view, gp),
                         .success = hpo_gp_models_may_fail(m) ? m->success : NULL,
                         .log_cost = priced ? &m->cost_posterior : NULL,
                         .outcomes = m->outcome_posterior,
                         .outcome_bound = m->outcome_bound,
                         .n_outcomes = m->n_outcomes,
                         .gp = gp,
                         .n_told = view->n_done};
    if (s->space->has_prior && view->n_done > 0) x.prior_exponent = c->belief / (double)view->n_done;
    hpo_posterior posterior = hpo_gp_posterior(gp);
    s->kind = o.kind;
    HPO_TRY(hpo_acq_create(s->space, &posterior, &o, &x, rng, &s->acq[s->n_acq], err));
    s->n_acq++;
    return HPO_OK;
}

/* Several (quality mode): expectations are averaged, that is their logarithms by log-sum-exp; the others as
 * they are. */
static int averages_logarithms(const gp_state *s)
{
    return s->kind != HPO_ACQ_LCB && s->kind != HPO_ACQ_THOMPSON && s->kind != HPO_ACQ_PBGI;
}

static void scores(void *ctx, const double *u, size_t m, double *out)
{
    enum { BLOCK = 64 };
    gp_state *s = ctx;
    const double *weight = s->models.member_weight;
    int logs = averages_logarithms(s);
    double part[BLOCK], *all = s->scratch + s->n_dims; /* n_acq x BLOCK */
    if (s->n_acq == 1) {
        hpo_acq_values(s->acq[0], u, m, out);
        return;
    }
    for (size_t first = 0; first < m; first += BLOCK) {
        size_t n = m - first < BLOCK ? m - first : BLOCK;
        for (size_t k = 0; k < s->n_acq; k++)
            hpo_acq_values(s->acq[k], u + first * s->n_dims, n, all + k * BLOCK);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = 0; k < s->n_acq; k++) {
                part[k] = all[k * BLOCK + i] + (logs ? weight[k] : 0);
                sum += logs ? 0 : hpo_exp(weight[k]) * part[k];
            }
            out[first + i] = logs ? hpo_log_sum_exp(part, s->n_acq) : sum;
        }
    }
}

static void scan(void *ctx, const double *u, size_t m, double *out)
{
    hpo_acq_scan(((gp_state *)ctx)->acq[0], u, m, out);
}

static double score_gradient(void *ctx, const double *u, double *gradient)
{
    gp_state *s = ctx;
    if (s->n_acq == 1) return hpo_acq_value(s->acq[0], u, gradient);
    const double *weight = s->models.member_weight;
    int logs = averages_logarithms(s);
    double value[64], total, *one = s->scratch;
    for (size_t k = 0; k < s->n_acq; k++)
        value[k] = hpo_acq_value(s->acq[k], u, NULL) + (logs ? weight[k] : 0);
    total = hpo_log_sum_exp(value, s->n_acq);
    memset(gradient, 0, s->n_dims * sizeof *gradient);
    double mean = 0;
    for (size_t k = 0; k < s->n_acq; k++) {
        double w = hpo_exp(logs ? value[k] - total : weight[k]);
        (void)hpo_acq_value(s->acq[k], u, one);
        mean += w * value[k];
        for (size_t i = 0; i < s->n_dims; i++)
            gradient[i] += w * one[i];
    }
    return logs ? total : mean;
}

static hpo_status prepare(gp_state *s, const hpo_view *view, int explore, hpo_rng *rng, hpo_error *err)
{
    const hpo_gp_models *m = &s->models;
    drop_acquisitions(s);
    if (m->n_members == 0 || s->alone) return add_acquisition(s, view, m->objective, explore, rng, err);
    for (size_t i = 0; i < m->n_members; i++)
        HPO_TRY(add_acquisition(s, view, m->member[i], explore, rng, err));
    return HPO_OK;
}

/* ---- asking
 * ------------------------------------------------------------------------------------------------------ */

/* Signal below noise, in a study that admits to noise. */
static int is_mostly_noise(const gp_state *s, const hpo_view *view)
{
    hpo_gp_summary about;
    hpo_gp_describe(leader(s), &about);
    return view->noisy && about.signal_variance < 0.7 * about.noise_variance;
}

/* The least tried of the TOP best means. */
static void repeat_one(gp_state *s, size_t n_best, double *u_out)
{
    const hpo_gp *gp = leader(s);
    double fewest = HUGE_VAL;
    for (size_t k = 0; k < n_best && k < TOP; k++)
        for (size_t i = 0; i < hpo_gp_n_points(gp); i++) {
            double count;
            if (memcmp(hpo_gp_point(gp, i), s->best + k * s->n_dims, s->n_dims * sizeof *u_out) != 0)
                continue;
            (void)hpo_gp_observed(gp, i, &count);
            if (count >= fewest) continue;
            fewest = count;
            memcpy(u_out, s->best + k * s->n_dims, s->n_dims * sizeof *u_out);
        }
    s->from = ORIGIN_REPEAT;
    s->value = (double)NAN;
}

/* Fewer when each costs more: beyond 300 points in the model the scan costs what it costs at 300 points times
 * their number, not its square. */
static size_t n_candidates(const gp_state *s)
{
    static const size_t full = 300, least = 64;
    size_t n = hpo_gp_n_points(leader(s)), want = (size_t)s->config->candidates;
    if (n <= full || want <= least) return want;
    return want * full / n > least ? want * full / n : least;
}

static hpo_status maximise(gp_state *s, const hpo_view *view, size_t n_best, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    hpo_score score = {s, scores, score_gradient};
    hpo_gp_lengthscales(leader(s), s->lengthscales);
    size_t candidates = n_candidates(s);
    hpo_search_options o = {.n_uniform = candidates,
                            .n_local = candidates / 2,
                            .n_starts = (size_t)s->config->starts,
                            .lengthscales = s->lengthscales,
                            .scan = s->n_acq == 1 ? scan : NULL};
    size_t known = 0;
    if (!view->noisy) {
        HPO_TRY(list_known(s, view, err));
        known = view->n_done + view->n_pending;
    }
    hpo_status status = hpo_search_maximise(s->search, &score, &o, s->best, n_best,
                                            known > 0 ? s->known : NULL, known, rng, u_out, &s->value, err);
    if (status != HPO_DONE) return status;
    s->from = ORIGIN_USED_UP;
    return hpo_space_draw(s->space, rng, u_out, err);
}

static hpo_status learn(gp_state *s, const hpo_view *view, hpo_error *err)
{
    if (!s->has_models) { /* only the view says how many outcomes there are */
        s->has_models = 1;
        HPO_TRY(hpo_gp_models_open(&s->models, s->config, s->embed, view->n_outcomes, view->noisy != 0,
                                   s->seed, err));
    }
    return hpo_gp_models_learn(&s->models, view, err);
}

static hpo_status gp_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                         hpo_error *err)
{
    gp_state *s = state;
    s->value = (double)NAN;
    s->alone = s->config->prior == HPO_GP_MIXED && draw % 2 == 1;
    HPO_TRY(learn(s, view, err));
    if (is_opening(s, view)) return open_with_design(s, draw, rng, u_out, err);
    size_t n_best = look_at_best(s, view), at = view->n_done + view->n_pending;
    int explore = 0;
    s->from = ORIGIN_MODEL;
    if (is_mostly_noise(s, view)) {
        if (at % REPEAT_EVERY == 0) {
            repeat_one(s, n_best, u_out);
            return HPO_OK;
        }
        explore = hpo_rng_uniform(rng) < s->config->explore;
        if (explore) s->from = ORIGIN_EXPLORE;
    }
    hpo_status status = prepare(s, view, explore, rng, err);
    if (status == HPO_OK) status = maximise(s, view, n_best, rng, u_out, err);
    drop_acquisitions(s);
    return status;
}

/* ---- account
 * ------------------------------------------------------------------------------------------------------- */

static void add_lengthscales(const gp_state *s, hpo_str *out)
{
    hpo_str_add(out, ",\"lengthscales\":{");
    hpo_gp_lengthscales(leader(s), s->lengthscales);
    for (size_t i = 0, first = 1; i < s->n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->embed, i);
        if (i > 0 && hpo_embed_axis(s->embed, i - 1)->param == a->param)
            continue; /* a vector: its first entry */
        if (!first) hpo_str_addc(out, ',');
        first = 0;
        hpo_str_json(out, s->space->params[a->param].name);
        hpo_str_addc(out, ':');
        hpo_str_json_double(out, s->lengthscales[i]);
    }
    hpo_str_addc(out, '}');
}

static void add_prediction(const gp_state *s, const double *u, hpo_str *out)
{
    const hpo_transform *t = hpo_gp_transform(leader(s));
    double mean, var;
    hpo_gp_moments(leader(s), u, 1, &mean, &var);
    hpo_str_json_member(out, "mean", hpo_transform_invert(t, mean));
    hpo_str_json_member(out, "sd", hpo_transform_sd(t, mean, var));
}

static hpo_status gp_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                             size_t *n_out, hpo_error *err)
{
    gp_state *s = state;
    hpo_str out = {0};
    hpo_str_addf(&out, "{\"model\":\"gp\",\"origin\":\"%s\",\"rows\":%zu", origin_names[s->from],
                 view->n_done);
    if (s->from != ORIGIN_DESIGN && s->has_models && hpo_gp_ready(s->models.objective)) {
        static const char *const kernels[] = {HPO_KERNEL_LABELS};
        hpo_gp_summary about;
        hpo_gp_describe(leader(s), &about);
        hpo_str_addf(&out, ",\"kernel\":\"%s\"", kernels[about.family]);
        add_lengthscales(s, &out);
        hpo_str_json_member(&out, "signal_variance", about.signal_variance);
        hpo_str_json_member(&out, "noise_variance", about.noise_variance);
        hpo_str_json_member(&out, "loo_correlation", about.loo_correlation);
        if (s->from == ORIGIN_MODEL || s->from == ORIGIN_EXPLORE) {
            hpo_str_addf(&out, ",\"acquisition\":\"%s\"",
                         s->from == ORIGIN_EXPLORE ? "exploration" : acquisition_labels[s->kind]);
            hpo_str_json_member(&out, "value", s->value);
        }
        if (s->models.n_rivals > 0)
            hpo_str_addf(&out, ",\"priors\":%zu", s->alone ? 1 : s->models.n_members);
        else if (s->models.n_members > 0)
            hpo_str_addf(&out, ",\"samples\":%zu", s->models.n_members);
        if (hpo_gp_models_may_fail(&s->models))
            hpo_str_json_member(&out, "p_success",
                                hpo_exp(hpo_success_log_probability(s->models.success, u, NULL)));
        add_prediction(s, u, &out);
    }
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

double hpo_gp_trust(void *gp, const hpo_view *view)
{
    gp_state *s = gp;
    hpo_gp_summary about;
    if (learn(s, view, NULL) != HPO_OK || !s->has_models || !hpo_gp_ready(s->models.objective)) return 1;
    hpo_gp_describe(s->models.leader, &about);
    return about.loo_correlation > 0 ? about.loo_correlation : 0;
}

const hpo_sampler_ops hpo_sampler_gp = {
    .size = sizeof(hpo_sampler_ops),
    .name = "gp",
    .help = "Bayesian optimisation with a Gaussian process: few, expensive trials of a reasonably smooth "
            "objective; mixed and conditional spaces too.",
    .reference =
        "Jones, Schonlau & Welch (1998); Snoek, Larochelle & Adams (2012); Ament et al., arXiv 2310.20708",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_OUTCOMES | HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = gp_options,
    .n_options = sizeof gp_options / sizeof gp_options[0],
    .config_size = sizeof(hpo_gp_config),
    .state_size = sizeof(gp_state),
    .init = gp_init,
    .ask = gp_ask,
    .fini = gp_fini,
    .explain = gp_explain,
};
