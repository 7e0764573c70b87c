/* SPDX-License-Identifier: Apache-2.0 */
/* study/trial.c - handles of trials in hand: kept in a list while they live, reused afterwards, so that a
 * loop of ask and tell allocates nothing. */
#include <stddef.h>

#include "base/alloc.h"
#include "base/error.h"
#include "study/study.h"

hpo_status hpo_study__take_handle(hpo_study *s, hpo_trial **out, hpo_error *err)
{
    hpo_trial *t = s->spare;
    if (t != NULL) {
        s->spare = t->next;
    } else {
        size_t n = offsetof(hpo_trial, x) + s->shape.n_columns * sizeof(double);
        t = hpo_alloc(n > sizeof *t ? n : sizeof *t);
        if (t == NULL) return hpo_fail_memory(err);
    }
    t->study = s;
    t->study_seed = s->seed;
    t->prev = NULL;
    t->next = s->live;
    if (s->live != NULL) s->live->prev = t;
    s->live = t;
    t->reported_cost = 0;
    t->attached = 0;
    *out = t;
    return HPO_OK;
}

void hpo_study__return_handle(hpo_study *s, hpo_trial *t)
{
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        s->live = t->next;
    if (t->next != NULL) t->next->prev = t->prev;
    t->next = s->spare;
    s->spare = t;
}
