/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/priorband.c - PriorBand: draws from the space, from the user's prior and around the best
 * configuration, in shares that follow from the rung at which the trial begins and from what has turned out
 * well.
 *
 * A trial that begins at rung r = 0, 1, ... of the scheduler's levels is drawn uniformly with probability
 *
 *     p_u = 1 / (1 + eta^r),
 *
 * else from the prior: the dearer the rung, the more the user is believed.  From the moment at which
 *
 *   - a trial has come to the maximum,
 *   - as much resource was spent as one bracket of successive halving takes, sum_k eta^(K-k) (r_k - r_(k-1)),
 *   - a rung has eta results,
 *
 * the prior shares its probability with the incumbent (the best value at the maximum).  Of the n results of
 * the highest rung with at least eta of them the best m = floor(n / eta), u_1 the best, say by their
 * densities whom to believe:
 *
 *     S_q = sum_i (m + 1 - i) q(u_i),     p_q = (1 - p_u) S_q / (S_prior + S_incumbent)
 *
 * q the prior, or the density centred at the incumbent: a product over coordinates of normals of standard
 * deviation `spread`, cut at the ends of [0, 1], and for labels 4 times the weight of the others
 * (hpo_codec_prior's "medium"). Coordinates that are not active in both count 1.
 *
 * Around the incumbent: each parameter is changed with probability `mutation`, at least one; a number is
 * drawn from the normal above, a label becomes one of the others.  Parameters that become active are drawn
 * from the prior.
 *
 * The prior is the declared one; a parameter with a default and no prior believes in its default.  Without
 * any it is uniform.
 *
 * Where this differs from the authors' program (NePS): the incumbent is the best at the maximum, not of
 * values at all resources together; the resource spent is what was reported, not a product with the rung's
 * number.
 *
 * Mallik, Bergman, Hvarfner, Stoll, Janowski, Lindauer, Nardi & Hutter: "PriorBand: practical hyperparameter
 * optimization in the age of deep learning", NeurIPS 2023, section 5. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "acq/prior.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/dist.h"
#include "math/func.h"
#include "sampler/builtin.h"
#include "sampler/resource.h"
#include "space/space.h"

static const double FAVOUR = 4; /* a label at the centre against each other one */
enum { TRIES = 64 };
enum { FROM_SPACE, FROM_PRIOR, FROM_INCUMBENT, SOURCES };

typedef struct priorband_config {
    double eta, mutation, spread;
} priorband_config;

typedef struct priorband {
    hpo_resource r; /* first */
    const priorband_config *config;
    hpo_space *plain, *believed; /* the space without and with priors */
    hpo_acq_prior prior;         /* of `believed` */
    hpo_level_rows at;
    hpo_level_row *top; /* the best of a rung */
    double *score;      /* by place in top: ln densities */
    size_t cap_top, cap_score;
    double *fresh, *x;
    /* of the last ask */
    double share[SOURCES];
    int source, active;
    size_t begins, incumbent;
} priorband;

static hpo_status priorband_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                                 hpo_error *err)
{
    priorband *s = state;
    s->config = config;
    HPO_TRY(hpo_resource_init(&s->r, space, seed, -1, err));
    HPO_TRY(hpo_space_with_priors(space, HPO_PRIORS_PLAIN, &s->plain, err));
    HPO_TRY(hpo_space_with_priors(space, HPO_PRIORS_DEFAULTS, &s->believed, err));
    HPO_TRY(hpo_acq_prior_open(&s->prior, s->believed, err));
    s->fresh = hpo_calloc(s->r.n_dims + space->n_columns + 1, sizeof *s->fresh);
    if (s->fresh == NULL) return hpo_fail_memory(err);
    s->x = s->fresh + s->r.n_dims;
    return HPO_OK;
}

static void priorband_fini(void *state)
{
    priorband *s = state;
    hpo_acq_prior_close(&s->prior);
    hpo_space_free(s->plain);
    hpo_space_free(s->believed);
    hpo_level_rows_fini(&s->at);
    hpo_free(s->top);
    hpo_free(s->score);
    hpo_free(s->fresh);
    hpo_resource_fini(&s->r);
}

/* ---- what has turned out well ----------------------------------------------------------------------------
 */

static hpo_status take(void *ctx, size_t trial, double share, double y, hpo_error *err)
{
    int added;
    return isfinite(y) ? hpo_level_rows_take(&((priorband *)ctx)->at, trial, share, y, &added, err) : HPO_OK;
}

static int counts(const priorband *s, const hpo_level_row *row, size_t level)
{
    return row->level == level && s->r.kind[row->trial] == HPO_RESOURCE_SEEN;
}

static int by_value(const void *a, const void *b)
{
    const hpo_level_row *p = a, *q = b;
    int order = (p->y > q->y) - (p->y < q->y);
    return order != 0 ? order : (p->trial > q->trial) - (p->trial < q->trial);
}

/* The results at a level, best first. */
static size_t list_level(priorband *s, size_t level)
{
    size_t n = 0;
    for (size_t i = 0; i < s->at.n_rows; i++)
        if (counts(s, &s->at.rows[i], level)) s->top[n++] = s->at.rows[i];
    qsort(s->top, n, sizeof *s->top, by_value);
    return n;
}

/* Resource spent, and that of one bracket of successive halving, both in parts of the maximum. */
static int bracket_is_spent(const priorband *s)
{
    double spent = 0, bracket = 0, before = 0, size = hpo_pow(s->config->eta, (double)(s->at.n_levels - 1));
    for (size_t k = 0; k < s->at.n_levels; k++) {
        double piece = s->at.level[k] - before;
        spent += (double)s->at.count[k] * piece;
        bracket += size * piece;
        before = s->at.level[k];
        size /= s->config->eta;
    }
    return spent >= bracket * (1 - 1e-9);
}

/* 1: the incumbent takes part; it is known then, and the m best of the highest rung with eta results are in
 * top. */
static int activate(priorband *s, size_t *m)
{
    size_t n = list_level(s, s->at.n_levels - 1);
    if (n == 0 || !bracket_is_spent(s)) return 0;
    s->incumbent = s->top[0].trial;
    for (size_t k = s->at.n_levels; k-- > 0;) {
        n = list_level(s, k);
        if ((double)n < s->config->eta) continue;
        *m = (size_t)floor((double)n / s->config->eta * (1 + 1e-9));
        return 1;
    }
    return 0;
}

/* ---- densities --------------------------------------------------------------------------------------------
 */

/* Labels in the sense of the density: no order, or only two values. */
static double n_labels(const hpo_axis *a)
{
    if (a->kind == HPO_AXIS_SUBSET) return 2;
    return a->kind == HPO_AXIS_LABEL || (a->kind == HPO_AXIS_GRID && a->n_values == 2) ? a->n_values : 0;
}

static double label_of(double u, double n)
{
    return fmin(floor(u * n), n - 1);
}

/* ln density at u of what is centred at c. */
static double log_around(const priorband *s, const double *c, const double *u)
{
    double sum = 0;
    for (size_t i = 0; i < s->r.n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->r.embed, i);
        double n = n_labels(a);
        for (size_t j = a->dim; j < a->dim + a->n_dims; j++) {
            if (isnan(c[j]) || isnan(u[j])) continue;
            if (n > 0)
                sum += hpo_log((label_of(c[j], n) == label_of(u[j], n) ? FAVOUR : 1) * n / (FAVOUR + n - 1));
            else
                sum += hpo_truncnorm_logpdf(u[j], c[j], s->config->spread, 0, 1);
        }
    }
    return sum;
}

static const double *point(const priorband *s, size_t trial)
{
    return s->r.u + trial * s->r.n_dims;
}

/* ln S of the m rows in top, whose ln densities are in score. */
static double log_score(priorband *s, size_t m)
{
    for (size_t i = 0; i < m; i++)
        s->score[i] += hpo_log((double)(m - i));
    return hpo_log_sum_exp(s->score, m);
}

static void find_shares(priorband *s)
{
    size_t m = 0;
    double uniform = 1 / (1 + hpo_pow(s->config->eta, (double)s->begins));
    s->share[FROM_SPACE] = uniform;
    s->share[FROM_PRIOR] = 1 - uniform;
    s->share[FROM_INCUMBENT] = 0;
    s->active = activate(s, &m);
    if (!s->active) return;
    for (size_t i = 0; i < m; i++)
        s->score[i] = hpo_acq_prior_log(&s->prior, point(s, s->top[i].trial), 0, NULL);
    double prior = log_score(s, m);
    for (size_t i = 0; i < m; i++)
        s->score[i] = log_around(s, point(s, s->incumbent), point(s, s->top[i].trial));
    double ratio = 1 / (1 + hpo_exp(prior - log_score(s, m)));
    s->share[FROM_INCUMBENT] = (1 - uniform) * ratio;
    s->share[FROM_PRIOR] = (1 - uniform) * (1 - ratio);
}

/* ---- the point --------------------------------------------------------------------------------------------
 */

static double changed(const priorband *s, double c, double n, hpo_rng *rng)
{
    if (!(n > 0)) return hpo_truncnorm_draw(rng, c, s->config->spread, 0, 1);
    if (n < 2) return c;
    double label = label_of(c, n) + 1 + (double)hpo_rng_below(rng, (uint64_t)n - 1);
    return ((label < n ? label : label - n) + 0.5) / n;
}

/* A changed copy of c in v; 0: nothing was changed. */
static int mutate(const priorband *s, const double *c, hpo_rng *rng, double *v)
{
    int any = 0, pick = 0;
    uint32_t param = UINT32_MAX;
    for (size_t i = 0; i < s->r.n_axes; i++) {
        const hpo_axis *a = hpo_embed_axis(s->r.embed, i);
        double n = n_labels(a);
        for (size_t j = a->dim; j < a->dim + a->n_dims; j++) {
            if (a->param != param || a->kind == HPO_AXIS_SUBSET) /* items by themselves */
                pick = hpo_rng_uniform(rng) < s->config->mutation;
            param = a->param;
            if (isnan(c[j])) {
                if (isnan(v[j])) v[j] = hpo_rng_uniform(rng);
                continue;
            }
            v[j] = pick ? changed(s, c[j], n, rng) : c[j];
            any |= pick;
        }
    }
    return any;
}

static hpo_status near_incumbent(priorband *s, hpo_rng *rng, double *u_out, hpo_error *err)
{
    for (int i = 0; i < TRIES; i++) {
        HPO_TRY(hpo_space_draw(s->believed, rng, s->fresh, err));
        if (!mutate(s, point(s, s->incumbent), rng, s->fresh)) continue;
        hpo_space_decode(s->r.space, s->fresh, s->x);
        if (!hpo_space_feasible(s->r.space, s->x)) continue;
        hpo_space_encode(s->r.space, s->x, u_out);
        return HPO_OK;
    }
    s->source = FROM_PRIOR;
    return hpo_space_draw(s->believed, rng, u_out, err);
}

static hpo_status priorband_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                                hpo_error *err)
{
    priorband *s = state;
    (void)draw;
    HPO_TRY(hpo_level_rows_begin(&s->at, view, "priorband", err));
    HPO_TRY(hpo_resource_look(&s->r, view, take, s, err));
    HPO_TRY(hpo_reserve(&s->top, &s->cap_top, s->at.n_rows + 1, sizeof *s->top, err));
    HPO_TRY(hpo_reserve(&s->score, &s->cap_score, s->at.n_rows + 1, sizeof *s->score, err));
    s->begins = view->begins;
    find_shares(s);
    double v = hpo_rng_uniform(rng);
    s->source = v < s->share[FROM_SPACE]                          ? FROM_SPACE
                : v < s->share[FROM_SPACE] + s->share[FROM_PRIOR] ? FROM_PRIOR
                                                                  : FROM_INCUMBENT;
    if (s->source == FROM_INCUMBENT && !s->active) s->source = FROM_PRIOR; /* the last bit of a sum */
    if (s->source == FROM_INCUMBENT) return near_incumbent(s, rng, u_out, err);
    return hpo_space_draw(s->source == FROM_SPACE ? s->plain : s->believed, rng, u_out, err);
}

static hpo_status priorband_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                    size_t *n_out, hpo_error *err)
{
    static const char *const names[] = {"space", "prior", "incumbent"};
    priorband *s = state;
    hpo_str out = {0};
    (void)view;
    (void)u;
    hpo_str_addf(&out, "{\"model\":\"priorband\",\"origin\":\"%s\",\"rung\":%zu,\"shares\":{",
                 names[s->source], s->begins);
    for (int i = 0; i < SOURCES; i++) {
        hpo_str_addf(&out, "%s\"%s\":", i > 0 ? "," : "", names[i]);
        hpo_str_json_double(&out, s->share[i]);
    }
    hpo_str_addc(&out, '}');
    if (s->active) hpo_str_addf(&out, ",\"incumbent\":%zu", s->incumbent);
    hpo_str_addc(&out, '}');
    return hpo_str_hand_out(&out, buf, cap, n_out, err);
}

static const hpo_option options[] = {
    {"eta", "the scheduler's: how much the probability of a uniform draw falls from rung to rung",
     HPO_OPT_REAL, offsetof(priorband_config, eta), 3, 1.2, 100, NULL},
    {"mutation", "probability with which a parameter of the incumbent is changed", HPO_OPT_REAL,
     offsetof(priorband_config, mutation), 0.5, 0.01, 1, NULL},
    {"spread", "standard deviation of a changed number, in the unit cube", HPO_OPT_REAL,
     offsetof(priorband_config, spread), 0.25, 1e-3, 1, NULL},
};

const hpo_sampler_ops hpo_sampler_priorband = {
    .size = sizeof(hpo_sampler_ops),
    .name = "priorband",
    .help = "Draws from the space, the declared prior and around the incumbent, by the rung at which a trial "
            "begins: "
            "when a good guess is declared; with the scheduler hyperband it is PriorBand.",
    .reference =
        "Mallik, Bergman, Hvarfner, Stoll, Janowski, Lindauer, Nardi & Hutter: PriorBand, NeurIPS 2023, "
        "section 5",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_HISTORY | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(priorband_config),
    .state_size = sizeof(priorband),
    .init = priorband_init,
    .ask = priorband_ask,
    .fini = priorband_fini,
    .explain = priorband_explain,
};
