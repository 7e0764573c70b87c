/* SPDX-License-Identifier: Apache-2.0 */
/* acq/boca.c - BOCA: a configuration by its lower confidence bound in full, then the cheapest share of the
 * data at which enough is unknown of it.
 *
 *     u = argmin mean(u, 1) - sqrt(beta) s(u, 1),  beta = d/2 ln(2 L n + 1)
 *
 * with n results, d axes, and L = sum_j 1/l_j the diameter of the space in lengthscales.  Of the shares t
 * that cost less than the whole, c(u, t) < c(u, 1), those take part with
 *
 *     s(u, t) > gamma(t) = sqrt(k(t, t)) xi(t) (c(u, t) / c(u, 1))^q,  q = 1 / (p + d + 2),  p = 1
 *     xi(t) > max xi / sqrt(beta)
 *
 * and the cheapest of them is taken, else the whole.  xi(t)^2 = 1 - k(t, 1)^2 / (k(t, t) k(1, 1)) is the
 * information gap: what stays unknown in full when t is known.  k = s2 R is the covariance over the shares of
 * model/fabolas.h.  The paper has a product with a stationary kernel, where k(t, t) is k0 and xi^2 = 1 -
 * phi^2; the trend that all configurations share counts as part of the mean.  Costs depend on u here.
 *
 * A trial that may be trained on more competes by its bound with the best new point, which is found by the
 * search over the space; of the shares those above what it has reached take part.  Shares are levels here: on
 * finitely many fidelities the rule for the share is that of MF-GP-UCB (Kandasamy, Dasarathy, Oliva,
 * Schneider & Poczos, NIPS 2016), the lowest one whose spread is above its threshold, with one process for
 * all fidelities instead of one for each.
 *
 * Kandasamy, Dasarathy, Schneider & Poczos: "Multi-fidelity Bayesian optimisation with continuous
 * approximations", ICML 2017, arXiv 1703.06240, algorithm 1; beta as in their experiments. */
#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "acq/shares_internal.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"

enum { AROUND = 8 };
static const double STEEP = 50;

double hpo_boca_gap(double full, double both, double cheap)
{
    return sqrt(fmax(1 - both / full * (both / cheap), 0));
}

double hpo_boca_threshold(const hpo_boca *b, size_t level)
{
    double share = b->level[level].cost / b->level[b->n - 1].cost;
    return b->level[level].prior * b->level[level].gap * hpo_pow(share, b->exponent);
}

size_t hpo_boca_choose(const hpo_boca *b, size_t first)
{
    double most = 0;
    size_t best = b->n - 1;
    for (size_t k = 0; k < b->n; k++)
        most = fmax(most, b->level[k].gap);
    for (size_t k = first; k + 1 < b->n; k++) {
        const hpo_boca_level *l = &b->level[k];
        if (l->cost < b->level[best].cost && l->gap > most / b->width && l->sd > hpo_boca_threshold(b, k))
            best = k;
    }
    return best;
}

/* sqrt(beta). */
static double width_of(const hpo_shares *s)
{
    const double *theta = hpo_fidelity_gp_theta(hpo_fabolas_loss(s->q->model));
    size_t d = hpo_embed_n_axes(s->embed);
    double across = 0;
    for (size_t j = 0; j < d; j++)
        across += hpo_exp(-theta[j]);
    return sqrt(0.5 * (double)d * hpo_log1p(2 * across * (double)hpo_fabolas_size(s->q->model)));
}

/* ---- where trainings fail ---- */

/* What is taken off a bound: nothing that is hoped for makes up for failures that are more likely than 3
 * in 4. */
static double risk(const hpo_success *success, const double *u, double *gradient)
{
    if (success == NULL) return 0;
    double ln = hpo_success_log_probability(success, u, gradient), beyond = ln - HPO_SHARES_UNLIKELY;
    return beyond < 0 ? ln + STEEP * beyond : ln;
}

typedef struct weighed {
    hpo_acq *acq;
    const hpo_success *success;
    size_t n_dims;
    double *slope; /* n_dims */
} weighed;

static void weighed_values(void *ctx, const double *u, size_t m, double *out)
{
    const weighed *w = ctx;
    hpo_acq_values(w->acq, u, m, out);
    for (size_t i = 0; i < m; i++)
        out[i] += risk(w->success, u + i * w->n_dims, NULL);
}

static double weighed_gradient(void *ctx, const double *u, double *gradient)
{
    const weighed *w = ctx;
    double value = hpo_acq_value(w->acq, u, gradient);
    if (w->success == NULL) return value;
    double more = risk(w->success, u, w->slope),
           factor = hpo_success_log_probability(w->success, u, NULL) < HPO_SHARES_UNLIKELY ? 1 + STEEP : 1;
    for (size_t j = 0; j < w->n_dims; j++)
        gradient[j] += factor * w->slope[j];
    return value + more;
}

/* ---- a point ---- */

/* The new point of least bound, to u; HPO_DONE: all are known. */
static hpo_status find_new(hpo_shares *s, double width, hpo_rng *rng, double *u, double *value,
                           hpo_error *err)
{
    const hpo_shares_question *q = s->q;
    hpo_fidelity_slice slice = {hpo_fabolas_loss(q->model), 1};
    hpo_posterior p = hpo_fidelity_gp_posterior(&slice);
    const hpo_acq_options kind = {.kind = HPO_ACQ_LCB, .pending = HPO_PENDING_IGNORE, .beta = width};
    const hpo_acq_context context = {.n_told = hpo_fabolas_size(q->model)};
    size_t d = s->n_dims, best[AROUND], n_best = hpo_shares_best(q->mean, q->n, AROUND, best), n = 0;
    hpo_acq *acq = NULL;
    HPO_TRY(hpo_reserve(&s->known, &s->cap_known, q->n * d + 1, sizeof *s->known, err));
    for (size_t i = 0; i < q->n; i++)
        if (q->known[i]) memcpy(s->known + n++ * d, q->u + i * d, d * sizeof *s->known);
    for (size_t i = 0; i < n_best; i++)
        memcpy(s->pool + i * d, q->u + best[i] * d, d * sizeof *s->pool);
    HPO_TRY(hpo_acq_create(s->space, &p, &kind, &context, rng, &acq, err));
    weighed w = {acq, q->success, d, s->places};
    const hpo_score score = {&w, weighed_values, weighed_gradient};
    const hpo_search_options o = {.n_uniform = 256, .n_local = 128, .n_starts = 4, .max_iterations = 40};
    hpo_status rc =
        hpo_search_maximise(s->search, &score, &o, s->pool, n_best, s->known, n, rng, u, value, err);
    hpo_acq_free(acq);
    return rc;
}

/* A trial that may go on and has a larger value. */
static void find_trial(hpo_shares *s, double width, double *value, int64_t *trial)
{
    const hpo_shares_question *q = s->q;
    double *mean = s->score, *var = mean + HPO_SHARES_POOL, top = q->level[q->n_levels - 1] * (1 - 1e-9);
    for (size_t i = 0; i < q->n; i += HPO_SHARES_POOL) {
        size_t n = q->n - i < HPO_SHARES_POOL ? q->n - i : HPO_SHARES_POOL;
        hpo_fidelity_gp_moments(hpo_fabolas_loss(q->model), q->u + i * s->n_dims, n, 1, mean, var);
        for (size_t j = 0; j < n; j++) {
            if (!(q->reached[i + j] < top)) continue;
            double v = hpo_acq_lcb(mean[j], sqrt(var[j]), width, NULL, NULL) +
                       risk(q->success, q->u + (i + j) * s->n_dims, NULL);
            if (!(v > *value)) continue;
            *value = v;
            *trial = (int64_t)(i + j);
        }
    }
}

static void look(const hpo_shares *s, const double *u, double width, hpo_boca *b)
{
    const hpo_shares_question *q = s->q;
    const hpo_fidelity_gp *gp = hpo_fabolas_loss(q->model);
    double full = hpo_fidelity_gp_prior(gp, 1, 1), mean, var, cost;
    b->level = s->level;
    b->n = q->n_levels;
    b->width = width;
    b->exponent = 1 / (3 + (double)hpo_embed_n_axes(s->embed));
    for (size_t k = 0; k < b->n; k++) {
        double place = hpo_fabolas_place(q->model, q->level[k]),
               own = hpo_fidelity_gp_prior(gp, place, place);
        hpo_fidelity_gp_moments(gp, u, 1, place, &mean, &var);
        hpo_fabolas_log_cost(q->model, u, 1, place, &cost);
        b->level[k] = (hpo_boca_level){.sd = sqrt(var),
                                       .prior = sqrt(own),
                                       .gap = hpo_boca_gap(full, hpo_fidelity_gp_prior(gp, place, 1), own),
                                       .cost = hpo_shares__cost(s, cost)};
    }
}

hpo_status hpo_shares__bound(hpo_shares *s, hpo_rng *rng, double *u_out, hpo_shares_answer *out,
                             hpo_error *err)
{
    const hpo_shares_question *q = s->q;
    double width = width_of(s), value = -(double)INFINITY, mean, var;
    double *u = s->pool + HPO_SHARES_POOL * s->n_dims;
    int64_t trial = -1;
    size_t first = 0;
    hpo_boca b;
    HPO_TRY(hpo_reserve(&s->level, &s->cap_level, q->n_levels, sizeof *s->level, err));
    hpo_status rc = find_new(s, width, rng, u, &value, err);
    if (rc < 0) return rc;
    if (rc == HPO_DONE) value = -(double)INFINITY;
    find_trial(s, width, &value, &trial);
    if (trial < 0 && rc == HPO_DONE) return HPO_DONE;
    if (trial >= 0) {
        memcpy(u, q->u + (size_t)trial * s->n_dims, s->n_dims * sizeof *u);
        while (!(q->level[first] > q->reached[trial] * (1 + 1e-9)))
            first++;
    }
    look(s, u, width, &b);
    size_t level = hpo_boca_choose(&b, first);
    hpo_fidelity_gp_moments(hpo_fabolas_loss(q->model), u, 1, 1, &mean, &var);
    *out = (hpo_shares_answer){.level = level,
                               .trial = trial,
                               .cost = b.level[level].cost,
                               .bound = mean - width * sqrt(var),
                               .sd = b.level[level].sd,
                               .threshold = hpo_boca_threshold(&b, level)};
    if (trial < 0) memcpy(u_out, u, s->n_dims * sizeof *u);
    return HPO_OK;
}
