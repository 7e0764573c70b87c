/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/terminator.h - rules that say when a study has found what it will find.
 *
 * A terminator is a function of finished trials alone: the same rows give the same answer in every process
 * and after every crash.  It judges at its own multiples (`every`) of the number of finished trials, so that
 * the answer does not depend on who asks when.  Text -> rules joined by and, or, not: until.h.  To add one:
 * its file, one word in builtin.h, its section in docs/terminators.md. */
#ifndef TERMINATOR_TERMINATOR_H
#define TERMINATOR_TERMINATOR_H
#include "hpo/sampler.h"

/* What a rule says, and why: one sentence with numbers, also when it says "go on". */
typedef struct hpo_ruling {
    int stop;
    char reason[256];
} hpo_ruling;

/* What stays the same through a study. */
typedef struct hpo_rule_problem {
    const hpo_space *space; /* frozen; outlives the rule */
    size_t n_objectives;
    uint64_t seed;
    double sign; /* the view's values times this are the user's: +1 minimise, -1 maximise */
} hpo_rule_problem;

typedef struct hpo_terminator_ops {
    size_t size;           /* sizeof(hpo_terminator_ops) */
    const char *name;      /* lower case */
    const char *help;      /* one sentence: when to use it */
    const char *reference; /* paper, equation */
    const hpo_option *options;
    size_t n_options;
    size_t config_size, state_size; /* both zero-initialised; config then filled from the options */
    /* Judged when the number of finished trials passes a multiple of this; NULL: at each. */
    int64_t (*every)(const void *config);
    /* Optional.  fini runs also after a failed init. */
    hpo_status (*init)(void *state, const void *config, const hpo_rule_problem *problem, hpo_error *err);
    /* The view holds finished trials only (no pending ones); n_done grows from call to call, rows never
     * change. state may keep what follows from rows that it saw. */
    hpo_status (*judge)(void *state, const hpo_view *view, hpo_ruling *out, hpo_error *err);
    void (*fini)(void *state);
} hpo_terminator_ops;

/* Terminator i; NULL behind the last. */
const hpo_terminator_ops *hpo_terminator_at(size_t i);

/* One at work. */
typedef struct hpo_terminator {
    const hpo_terminator_ops *ops;
    void *config, *state;
} hpo_terminator;
/* spec: "name" or "name:key=value,...".  HPO_ENOTFOUND, HPO_EINVAL, HPO_EUNSUPPORTED (several objectives). */
HPO_NODISCARD hpo_status hpo_terminator_open(const char *spec, const hpo_rule_problem *problem,
                                             hpo_terminator *out, hpo_error *err);
void hpo_terminator_close(hpo_terminator *t); /* a zeroed one is fine */

/* Writes a ruling; the text is cut where it does not fit. */
void hpo_ruling_set(hpo_ruling *out, int stop, const char *format, ...) HPO_PRINTF(3, 4);
#endif
