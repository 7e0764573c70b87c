/* SPDX-License-Identifier: Apache-2.0 */
/* study/until.c - the study's stopping rule at work.
 *
 * It is judged in ask, when nobody waits and before a new suggestion is made, on the rows that the view shows
 * at that moment: all that finished (with lag: those that suggestion n may know, so that the order of
 * completion does not matter).  Its answer follows from stored events, so that any process comes to it again
 * after a crash; once it holds, the study is stopped in the same ask and the reason stored. */
#include <math.h>

#include "base/error.h"
#include "space/space.h"
#include "study/study.h"

/* A space that is not learned yet says nothing about a rule: whether it is one shows in any other space. */
static hpo_status check_until(const hpo_study *s, const char *text, hpo_error *err)
{
    hpo_until *rule = NULL;
    hpo_space *any = NULL, *frozen = NULL;
    HPO_TRY(hpo_space_parse("x: 0..1", &any, err));
    hpo_status status = hpo_space_frozen(any, &frozen, err);
    const hpo_rule_problem problem = {frozen, s->shape.n_objectives, s->seed, s->sign[0]};
    if (status == HPO_OK) status = hpo_until_open(text, &problem, &rule, err);
    hpo_until_free(rule);
    hpo_space_free(frozen);
    hpo_space_free(any);
    return status;
}

hpo_status hpo_study__use_until(hpo_study *s, const char *text, hpo_error *err)
{
    hpo_until *fresh = NULL;
    if (hpo_space_n_params(s->space) == 0)
        return text != NULL && *text != '\0' ? check_until(s, text, err) : HPO_OK;
    const hpo_rule_problem problem = {s->space, s->shape.n_objectives, s->seed, s->sign[0]};
    if (text != NULL && *text != '\0') HPO_TRY(hpo_until_open(text, &problem, &fresh, err));
    hpo_until_free(s->until);
    s->until = fresh;
    return HPO_OK;
}

static double best_of_view(const hpo_study *s)
{
    const hpo_view *v = &s->view.v;
    double best = (double)NAN;
    for (size_t i = 0; i < v->n_done; i++) {
        double y = v->y[i * v->n_objectives];
        int good = v->state[i] == HPO_STATE_COMPLETE && !isnan(y);
        for (size_t k = 0; k < v->n_outcomes && good; k++)
            good = v->outcome[i * v->n_outcomes + k] <= 0;
        if (good && !(y >= best)) best = y;
    }
    return best;
}

hpo_until_facts hpo_study__until_facts(const hpo_study *s, const hpo_study_header *h)
{
    double best = s->view.lagged && s->shape.n_objectives == 1 ? best_of_view(s) : h->best_value;
    double done = (double)s->view.v.n_done;
    if (s->view.levels.on) /* a row is a trial that has come to a level, not one that has ended */
        done = (double)(h->n_by_state[HPO_STATE_COMPLETE] + h->n_by_state[HPO_STATE_STOPPED] +
                        h->n_by_state[HPO_STATE_FAILED] + h->n_by_state[HPO_STATE_INFEASIBLE]);
    return (hpo_until_facts){.trials = done,
                             .seconds = (double)hpo_study__active(h, hpo_study__now(s, h)) / 1000,
                             .cost = h->cost,
                             .best = best * s->sign[0]};
}

hpo_status hpo_study__judge_until(hpo_study *s, const hpo_study_header *h, hpo_ruling *out, hpo_error *err)
{
    const hpo_until_facts facts = hpo_study__until_facts(s, h);
    return hpo_until_judge(s->until, &s->view.v, &facts, out, err);
}
