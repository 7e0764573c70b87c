/* SPDX-License-Identifier: Apache-2.0 */
/* unit/terminator/rules.h - finished trials of made-up studies, as a view. */
#ifndef RULES_H
#define RULES_H
#include "math/rng.h"
#include "t.h"
#include "terminator/until.h"

enum { RULES_MAX = 400, RULES_DIMS = 4 };

typedef struct rules {
    hpo_space *space;
    hpo_rule_problem problem;
    hpo_view view;
    hpo_error err;
    double u[RULES_MAX * RULES_DIMS], y[RULES_MAX], sem[RULES_MAX], cost[RULES_MAX];
    uint8_t state[RULES_MAX];
    int64_t number[RULES_MAX];
    int64_t report_trial[RULES_MAX];
    double report_step[RULES_MAX], report_value[RULES_MAX];
    int32_t report_fold[RULES_MAX];
} rules;

static inline void rules_open(rules *r, const char *space)
{
    memset(r, 0, sizeof *r);
    assert_ok(hpo_space_parse(space, &r->space, &r->err), r->err);
    assert_ok(hpo_space_freeze(r->space, &r->err), r->err);
    size_t d = hpo_space_n_dims(r->space);
    assert_true(d <= RULES_DIMS);
    r->problem = (hpo_rule_problem){r->space, 1, 7, 1};
    r->view = (hpo_view){.size = sizeof r->view,
                         .n_dims = d,
                         .n_objectives = 1,
                         .u = r->u,
                         .y = r->y,
                         .sem = r->sem,
                         .cost = r->cost,
                         .state = r->state,
                         .number = r->number,
                         .report_trial = r->report_trial,
                         .report_step = r->report_step,
                         .report_value = r->report_value,
                         .report_fold = r->report_fold};
}

static inline void rules_close(rules *r)
{
    hpo_space_free(r->space);
}

/* One more finished trial. */
static inline void rules_add(rules *r, const double *u, double y)
{
    size_t i = r->view.n_done++, d = r->view.n_dims;
    assert_true(i < RULES_MAX);
    memcpy(r->u + i * d, u, d * sizeof *u);
    r->y[i] = y;
    r->sem[i] = (double)NAN;
    r->state[i] = isnan(y) ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
    r->number[i] = (int64_t)i;
}

static inline double rules_bowl(const double *u, size_t d)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += (u[i] - 0.4) * (u[i] - 0.4);
    return sum;
}

/* n trials of a bowl, half of them near its bottom, as a search would leave them, with noise. */
static inline void rules_search(rules *r, size_t n, double noise, uint64_t seed)
{
    hpo_rng rng;
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++) {
        double u[RULES_DIMS], width = i % 2 ? 0.5 / (1 + 0.2 * (double)i) : 0.5;
        for (size_t k = 0; k < r->view.n_dims; k++) {
            double x = (i % 2 ? 0.4 : 0.5) + width * (2 * hpo_rng_uniform(&rng) - 1);
            u[k] = x < 0 ? 0 : x > 1 ? 1 : x;
        }
        rules_add(r, u, rules_bowl(u, r->view.n_dims) + noise * hpo_rng_normal(&rng));
    }
}

static inline hpo_ruling rules_judge(rules *r, const char *text)
{
    hpo_until *u = NULL;
    hpo_ruling out = {0};
    const hpo_until_facts facts = {(double)r->view.n_done, (double)NAN, 0, (double)NAN};
    assert_ok(hpo_until_open(text, &r->problem, &u, &r->err), r->err);
    assert_ok(hpo_until_judge(u, &r->view, &facts, &out, &r->err), r->err);
    hpo_until_free(u);
    return out;
}
#endif
