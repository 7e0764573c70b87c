/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/beliefs.c - see beliefs.h. */
#include "scheduler/beliefs.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"

hpo_status hpo_beliefs_init(hpo_beliefs *b, const hpo_sched_problem *p, hpo_error *err)
{
    return hpo_curves_create(p->high, p->seed, &b->curves, err);
}

void hpo_beliefs_fini(hpo_beliefs *b)
{
    hpo_free(b->of);
    hpo_curves_free(b->curves);
}

hpo_status hpo_beliefs_need(hpo_beliefs *b, int64_t trial, hpo_error *err)
{
    size_t want = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&b->of, &b->cap, want, sizeof *b->of, err));
    for (; b->n < want; b->n++)
        b->of[b->n] = (hpo_belief){.told = (double)NAN};
    return HPO_OK;
}

hpo_status hpo_beliefs_report(hpo_beliefs *b, const hpo_sched_report *r, hpo_error *err)
{
    HPO_TRY(hpo_curves_report(b->curves, (size_t)r->trial, fmax(r->step, 0), r->y[0], err));
    b->of[r->trial].failed |= !isfinite(r->y[0]);
    return HPO_OK;
}

void hpo_beliefs_tell(hpo_beliefs *b, int64_t trial, hpo_state end, const double *y)
{
    hpo_belief *e = &b->of[trial];
    e->failed |= end == HPO_STATE_FAILED || end == HPO_STATE_INFEASIBLE;
    if (end == HPO_STATE_COMPLETE && y != NULL && isfinite(y[0])) e->told = y[0];
    hpo_curves_close(b->curves, (size_t)trial);
}

const hpo_belief *hpo_beliefs_end(hpo_beliefs *b, size_t trial)
{
    hpo_belief *e = &b->of[trial];
    hpo_error unused;
    size_t n = hpo_curves_n_reports(b->curves, trial), epoch = hpo_curves_epoch(b->curves);
    if (n == 0 || e->failed) return NULL;
    if (e->n == n && e->epoch == epoch) return e;
    if (hpo_curves_focus(b->curves, trial, NULL, &unused) != HPO_OK) return NULL;
    hpo_curves_latent(b->curves, (double)INFINITY, &e->mean, &e->sd);
    e->n = n;
    e->epoch = epoch;
    return e;
}
