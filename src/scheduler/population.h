/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/population.h - a population of trials that train beside each other; the bad ones are replaced by clones
 * of the good ones.  What pbt and pb2 share; they differ in how a clone's parameters are chosen.
 * Internal to src/scheduler. */
#ifndef SCHEDULER_POPULATION_H
#define SCHEDULER_POPULATION_H
#include "hpo/scheduler.h"

enum { HPO_FIXED_TEXT = HPO_OPTION_TEXT };

typedef struct hpo_population_config {
    int64_t size;
    double interval, quantile;
    char fixed[HPO_FIXED_TEXT];
} hpo_population_config;

#define HPO_POPULATION_OPTIONS(config, size_default)                                                         \
    {"population", "how many trials train beside each other", HPO_OPT_INT, offsetof(config, population.size),  \
     size_default, 2, 1000, NULL},                                                                         \
        {"interval", "resource between two comparisons; 0: a tenth of the maximum", HPO_OPT_REAL,              \
         offsetof(config, population.interval), 0, 0, 1e300, NULL},                                          \
        {"quantile", "so large a part of the population, the worst, is replaced by clones of as many of the best", \
         HPO_OPT_REAL, offsetof(config, population.quantile), 0.25, 0, 0.5, NULL},                           \
    {                                                                                                        \
        "fixed", "parameters that a clone inherits unchanged, with + between them: layers+width",            \
            HPO_OPT_TEXT, offsetof(config, population.fixed), 0, 0, 0, NULL                                  \
    }

typedef enum hpo_member_state {
    HPO_MEMBER_NONE, /* has not begun */
    HPO_MEMBER_RUNS,
    HPO_MEMBER_WAITS,  /* paused, to be taken up or replaced */
    HPO_MEMBER_VACANT, /* its trial failed or was stopped: to be replaced */
    HPO_MEMBER_DONE    /* trained to the end */
} hpo_member_state;

typedef struct hpo_member {
    int64_t trial;
    hpo_member_state state;
    int64_t level; /* of its newest checkpoint, -1: none */
} hpo_member;

typedef struct hpo_population_trial {
    int64_t member;    /* -1: none, or no longer one */
    double step, last; /* newest report; NaN: none */
    double due;        /* where it is paused next */
} hpo_population_trial;

typedef struct hpo_population {
    hpo_population_config config;
    const hpo_space *space;
    uint64_t seed;
    double high, interval;
    size_t n_members, n_levels, n_dims;
    size_t n_begun; /* members of this population that began */
    hpo_member *members;
    double *value; /* n_members x n_levels: by member and level; NaN: none */
    hpo_population_trial *trials;
    double *u; /* trials x n_dims, NaN: inactive */
    size_t n_trials, cap_trials, cap_u;
    uint8_t *fixed;   /* by parameter */
    double *scratch;  /* 2 x columns + dims, for exploring */
    size_t *order;    /* n_members, for ranks */
} hpo_population;

/* HPO_EINVAL: an interval outside of the fidelity, an unknown name in `fixed`. */
HPO_NODISCARD hpo_status hpo_population_init(hpo_population *s, const hpo_population_config *c,
                                             const hpo_sched_problem *p, hpo_error *err);
void hpo_population_fini(void *state);
/* The resource of level k = 0, 1, ... */
double hpo_population_at(const hpo_population *s, int64_t level);

/* Operations of a scheduler whose state begins with an hpo_population. */
HPO_NODISCARD hpo_status hpo_population_start(void *state, const hpo_sched_start *e, hpo_error *err);
HPO_NODISCARD hpo_status hpo_population_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                               hpo_error *err);
HPO_NODISCARD hpo_status hpo_population_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err);
/* All but the parameters of a clone: *parent is its member, -1 when the action is no clone. */
HPO_NODISCARD hpo_status hpo_population_next(const hpo_population *s, const hpo_sched_ask *ask, hpo_action *out,
                                             int64_t *parent, hpo_error *err);
HPO_NODISCARD hpo_status hpo_population_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err);
#endif
