/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/asha.h - asynchronous successive halving: the engine of asha, asha-cost, hyperband-async and
 * pasha. Internal to src/scheduler. */
#ifndef SCHEDULER_ASHA_H
#define SCHEDULER_ASHA_H
#include "scheduler/rung.h"

typedef struct hpo_asha_config {
    double eta, min;
    int32_t finish; /* 1: when the trials are spent, the best is brought to full resource */
    int64_t brackets;
    int32_t draw;    /* 1: a new trial's bracket is drawn */
    double quantile; /* pasha: of the differences that count as noise */
} hpo_asha_config;

typedef struct hpo_asha {
    hpo_levels levels; /* first: hpo_levels_list */
    hpo_asha_config config;
    uint64_t seed;
    double sign;
    int by_cost;
    int delayed;                  /* promotions wait until the rung above has room (hyper_tune.c) */
    size_t n_brackets, top;       /* top: index of the highest level in use */
    hpo_rung *rungs;              /* one a level; trials of bracket b begin at level b */
    double spent[HPO_MAX_LEVELS]; /* by the trials of each bracket */
    hpo_sched_rows rows;
    int64_t n_complete;
} hpo_asha;

HPO_NODISCARD hpo_status hpo_asha_init(hpo_asha *s, const hpo_asha_config *c, const hpo_sched_problem *p,
                                       hpo_error *err);
/* The slots of the ops struct. */
HPO_NODISCARD hpo_status hpo_asha_start(void *state, const hpo_sched_start *e, hpo_error *err);
HPO_NODISCARD hpo_status hpo_asha_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                         hpo_error *err);
HPO_NODISCARD hpo_status hpo_asha_tell(void *state, int64_t trial, hpo_state end, const double *y,
                                       hpo_error *err);
HPO_NODISCARD hpo_status hpo_asha_next(void *state, const hpo_sched_ask *ask, hpo_action *out,
                                       hpo_error *err);
HPO_NODISCARD hpo_status hpo_asha_describe(const void *state, char *buf, size_t cap, size_t *n_out,
                                           hpo_error *err);
void hpo_asha_fini(void *state);

/* Rows of option tables that several have. */
#define HPO_ASHA_ETA                                                                                         \
    {                                                                                                        \
        "eta", "keep the best 1/eta at each rung; rungs are a factor eta apart", HPO_OPT_REAL,               \
            offsetof(hpo_asha_config, eta), 3, 1.2, 100, NULL                                                \
    }
#define HPO_ASHA_MIN                                                                                         \
    {                                                                                                        \
        "min", "resource of the lowest rung; 0: the fidelity's minimum", HPO_OPT_REAL,                       \
            offsetof(hpo_asha_config, min), 0, 0, 1e300, NULL                                                \
    }
#define HPO_ASHA_BRACKETS                                                                                    \
    {                                                                                                        \
        "brackets", "how many brackets, each beginning one rung higher", HPO_OPT_INT,                        \
            offsetof(hpo_asha_config, brackets), 1, 1, HPO_MAX_LEVELS, NULL                                  \
    }
#define HPO_ASHA_ALL_BRACKETS                                                                                \
    {                                                                                                        \
        "brackets", "how many brackets, each beginning one rung higher; 0: as many as there are rungs",      \
            HPO_OPT_INT, offsetof(hpo_asha_config, brackets), 0, 0, HPO_MAX_LEVELS, NULL                     \
    }
#define HPO_ASHA_FINISH                                                                                      \
    {                                                                                                        \
        "finish", "when the budget of trials is spent and none has run to the end, the best one does",       \
            HPO_OPT_BOOL, offsetof(hpo_asha_config, finish), 1, 0, 1, NULL                                   \
    }
#endif
