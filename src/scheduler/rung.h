/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/rung.h - what schedulers keep: one row a trial, and rungs, at which trials of one bracket are
 * compared at the same resource.
 *
 * Levels are r_0 = r_min < r_1 < ... < r_K = R with r_k = r_min eta^k, rounded when the fidelity is an integer; a
 * level nearer to R than a factor sqrt(eta) is left out, so that no two rungs say nearly the same. */
#ifndef SCHEDULER_RUNG_H
#define SCHEDULER_RUNG_H
#include "base/str.h"
#include "hpo/scheduler.h"
#include "scheduler/ranking.h"

enum { HPO_MAX_LEVELS = 64 };

typedef struct hpo_levels {
    double eta;
    size_t n; /* >= 1 */
    double at[HPO_MAX_LEVELS];
    char text[HPO_MAX_LEVELS][24]; /* for reasons: made once, a decision is not to wait for it */
} hpo_levels;

/* r_min 0: the fidelity's minimum (its maximum / eta^4 when that is not above 0).  HPO_EINVAL: r_min is not within
 * the fidelity. */
HPO_NODISCARD hpo_status hpo_levels_init(hpo_levels *l, const hpo_sched_problem *p, double r_min, double eta,
                                         hpo_error *err);
/* Levels without a known end: r_min eta^k, not rounded, as many as fit.  r_min > 0. */
void hpo_levels_open(hpo_levels *l, double r_min, double eta);
/* The highest level that is at most r (a little below counts as at it), or -1. */
int64_t hpo_levels_find(const hpo_levels *l, double r);
/* ops.levels for a state that begins with its hpo_levels. */
size_t hpo_levels_list(const void *state, double *out, size_t cap);

/* One trial as schedulers know it. */
typedef struct hpo_sched_row {
    double target;  /* up to where its piece runs */
    double step;    /* newest one reported; NaN: none */
    double last;    /* the value there, NaN: none */
    double best;    /* of all */
    double sum;     /* ... */
    double cost;    /* reported so far */
    double entry;   /* its value in the rung of `level` */
    int64_t n;      /* reports of new steps */
    int64_t since;  /* of them since the best one */
    int32_t level;  /* of the highest rung that it stands in, -1: none */
    int32_t bracket;
    int32_t running;
    int32_t paused; /* it may be resumed */
} hpo_sched_row;

typedef struct hpo_sched_rows {
    hpo_sched_row *row;
    size_t n, cap;
} hpo_sched_rows;

/* Makes sure of a row for `trial`. */
HPO_NODISCARD hpo_status hpo_sched_rows_need(hpo_sched_rows *t, int64_t trial, hpo_error *err);
/* Takes a report of one objective in.  0: the step was reported before (a program that had to begin again): only
 * its cost counts. */
int hpo_sched_rows_report(hpo_sched_row *row, const hpo_sched_report *r);
void hpo_sched_rows_fini(hpo_sched_rows *t);

/* One rung of a rule that pauses, and what such rules do with it: trials that are paused there are open. */
typedef struct hpo_rung {
    hpo_ranking ranking;
    size_t promoted;
} hpo_rung;
/* A trial's newest report, when it is the first at a level above its last: enters there. */
HPO_NODISCARD hpo_status hpo_rungs_enter(hpo_rung *rungs, const hpo_levels *l, hpo_sched_row *row, int64_t trial,
                                         hpo_error *err);
/* A piece of the trial begins, up to `resource`; it has been let go. */
void hpo_rungs_start(hpo_rung *rungs, hpo_sched_row *row, int64_t trial, double resource);
void hpo_rungs_tell(hpo_rung *rungs, hpo_sched_row *row, int64_t trial, int paused);
/* What ASHA takes up: from the top rung down the first paused trial among the best 1/eta of its rung; all: the first
 * paused one.  *level: of its rung; 0: there is none. */
int hpo_rungs_best(const hpo_rung *rungs, const hpo_levels *l, int all, hpo_ranked *out, size_t *level);
/* Takes an entry of the rung at level `from` on to level `to`, for its rank. */
void hpo_rung_promote(const hpo_rung *rung, const hpo_levels *l, const hpo_ranked *e, size_t from, size_t to,
                      hpo_action *out);
void hpo_rungs_free(hpo_rung *rungs, size_t n); /* NULL is all right */

/* floor(n / eta), safe against the last bit. */
size_t hpo_rung_share(size_t n, double eta);
/* n independent normal values: the t that `expected` of them are expected below, sum_j Phi((t - mean_j) / sd_j) =
 * expected, for 0 < expected < n and sd_j > 0; outside, minus or plus infinity. */
double hpo_rung_threshold(const double *mean, const double *sd, size_t n, double expected);
/* How many configurations bracket s of Hyperband begins with when there are n_levels.  table: the sizes of the
 * published Table 1 (and of its authors' program) instead of Algorithm 1. */
size_t hpo_hyperband_size(size_t n_levels, size_t s, double eta, int table);
/* The bracket of trial `number`: b < n_brackets is drawn in proportion to the size of bracket n_sizes - 1 - b of a
 * Hyperband with n_sizes brackets. */
size_t hpo_bracket_draw(uint64_t seed, int64_t number, size_t n_brackets, size_t n_sizes, double eta);

/* The bracket of a new trial when each of n brackets is to get the same resource: the highest b > 0 whose share of all
 * that was spent pays for r_b more, else 0.  spent: by bracket. */
size_t hpo_bracket_due(const double *spent, const hpo_levels *l, size_t n);

/* "9", "0.25": a resource for a reason. */
const char *hpo_resource_text(double r, char buf[32]);
/* Reasons are made without printf, since a decision is not to wait for them: each call writes what it is given to `at`,
 * ends it with a zero and returns where that stands.  The caller sees to it that HPO_REASON_SIZE is enough. */
char *hpo_say(char *at, const char *text);
char *hpo_say_count(char *at, size_t n);
char *hpo_say_real(char *at, double v); /* %.6g */
/* "rank 3 of 81 at rung 9" */
char *hpo_rung_say(char *at, size_t rank, size_t n, const char *rung);
/* Appends one member of "rungs". */
void hpo_rung_describe(hpo_str *s, int64_t bracket, double resource, const hpo_ranking *r, size_t promoted);
/* ops.describe for one rung a level. */
HPO_NODISCARD hpo_status hpo_rungs_describe(const hpo_rung *rungs, const hpo_levels *l, char *buf, size_t cap,
                                            size_t *n_out, hpo_error *err);
/* Hands text over as ops.describe must. */
HPO_NODISCARD hpo_status hpo_sched_describe_end(hpo_str *s, char *buf, size_t cap, size_t *n_out, hpo_error *err);
#endif
