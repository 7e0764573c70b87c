/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/gp_rivals.c - processes that differ in what they believe about lengthscales.
 *
 *   prior=sparse   one process for each of four tau, the quantiles 1/8, 3/8, 5/8, 7/8 of the half-Cauchy law
 *                  that "sparse axis-aligned subspaces" puts on tau: the fit at the maximum stands for what
 *                  that paper draws by Markov chains (Eriksson & Jankowiak, UAI 2021, arXiv 2103.00349)
 *   prior=mixed    these and the prior "wall", whose log score counts for 10 nats more; every other ask goes
 * to "wall" alone.  Whether few of many parameters matter is for the data to say, but a process that predicts
 * better need not be the better guide: what it takes for unimportant it leaves anywhere (60 dimensions,
 * docs/samplers.md)
 *
 * Process k weighs exp(s_k) / sum exp(s), s_k the sum of its leave-one-out log predictive densities (pseudo
 * Bayesian model averaging: Geisser & Eddy 1979).  All fit the same transform to the same rows, so that their
 * densities are of the same thing.  Those below a thousandth are left out of the acquisition; the heaviest
 * one is the `leader`, which explains, and says where the search should look closely. */
#include <math.h>

#include "base/error.h"
#include "math/func.h"
#include "sampler/gp.h"

static const double taus[] = {0.019891236737965801, 0.066817863791929888, 0.14966057626654892,
                              0.50273394921258482};
enum { TAUS = sizeof taus / sizeof taus[0], TYPICAL = 1 };
static const double head_start = 10;                /* nats */
static const double negligible = 6.907755278982137; /* ln 1000 */

void hpo_gp_rivals_base(const hpo_gp_models *m, hpo_gp_options *o)
{
    int32_t prior = m->config->prior;
    o->sparse_tau = taus[TYPICAL];
    if (prior == HPO_GP_AUTO) /* measured: see docs/samplers.md */
        o->prior = m->noisy ? HPO_GP_PRIOR_WALL : HPO_GP_PRIOR_DIM;
    else
        o->prior = prior == HPO_GP_MIXED ? HPO_GP_PRIOR_WALL : (hpo_gp_prior)(prior - 1);
}

static hpo_status add_rival(hpo_gp_models *m, const hpo_gp_options *o, hpo_error *err)
{
    hpo_status status = hpo_gp_create(m->embed, o, &m->rival[m->n_rivals], err);
    if (status == HPO_OK) m->n_rivals++;
    return status;
}

hpo_status hpo_gp_rivals_open(hpo_gp_models *m, const hpo_gp_options *base, hpo_error *err)
{
    hpo_gp_options o = *base;
    int32_t prior = m->config->prior;
    if (prior != HPO_GP_MIXED && prior != HPO_GP_SPARSE) return HPO_OK;
    o.prior = HPO_GP_PRIOR_SPARSE;
    for (size_t i = 0; i < TAUS; i++) {
        if (prior == HPO_GP_SPARSE && i == TYPICAL) continue; /* that is the objective's */
        o.sparse_tau = taus[i];
        HPO_TRY(add_rival(m, &o, err));
    }
    return HPO_OK;
}

void hpo_gp_rivals_close(hpo_gp_models *m)
{
    for (size_t i = 0; i < m->n_rivals; i++)
        hpo_gp_free(m->rival[i]);
    m->n_rivals = 0;
}

/* Sum of the leave-one-out log predictive densities. */
static double score(const hpo_gp *gp)
{
    hpo_gp_summary about;
    if (!hpo_gp_ready(gp)) return -HUGE_VAL;
    hpo_gp_describe(gp, &about);
    double s = about.loo_log_score * (double)hpo_gp_n_points(gp);
    return isnan(s) ? -HUGE_VAL : s;
}

static void weigh(hpo_gp_models *m)
{
    hpo_gp *all[HPO_GP_RIVALS + 1] = {m->objective};
    double s[HPO_GP_RIVALS + 1] = {0}, total;
    size_t top = 0, n = m->n_rivals + 1;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) all[i] = m->rival[i - 1];
        s[i] = score(all[i]) + (i == 0 && m->config->prior == HPO_GP_MIXED ? head_start : 0);
        if (s[i] > s[top]) top = i;
    }
    m->leader = all[top];
    m->n_members = 0;
    if (!isfinite(s[top])) return;
    for (size_t i = 0; i < n; i++) {
        if (!(s[i] > s[top] - negligible)) continue;
        m->member[m->n_members] = all[i];
        m->member_weight[m->n_members++] = s[i];
    }
    total = hpo_log_sum_exp(m->member_weight, m->n_members);
    for (size_t i = 0; i < m->n_members; i++)
        m->member_weight[i] -= total;
}

hpo_status hpo_gp_rivals_learn(hpo_gp_models *m, const hpo_view *view, const double *y, hpo_error *err)
{
    for (size_t i = 0; i < m->n_rivals; i++)
        HPO_TRY(hpo_gp_advance(m->rival[i], view->u, y, view->sem, view->gradient, view->n_done, err));
    weigh(m);
    return HPO_OK;
}
