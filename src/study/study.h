/* SPDX-License-Identifier: Apache-2.0 */
/* study/study.h - the state machine of trials: the one place that knows sampler, scheduler and storage.
 *
 *   who holds the trial        WAITING --claim--> RUNNING --tell--> COMPLETE STOPPED FAILED INFEASIBLE
 *   and what may happen           ^  ^---give back---|   \--tell--> PAUSED
 *                                 |                  |                |
 *                                 +---- requeue -----+----------------+ (also from STOPPED and FAILED)
 *
 * Functions with a double underscore are shared by the files of this folder and by src/api.
 *
 * Locks.  `lock` guards everything in the handle except what `ask_lock` guards: the view and the state of a
 * sampler that reads it.  Suggestions of such samplers are computed with only ask_lock held, so results come
 * in meanwhile.  Whoever needs both takes ask_lock first; sampler, scheduler and the study's texts are
 * replaced with both held.  Unless a comment says otherwise the caller of a function holds `lock`. */
#ifndef STUDY_STUDY_H
#define STUDY_STUDY_H
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/os.h"
#include "hpo/sampler.h"
#include "hpo/scheduler.h"
#include "hpo/storage.h"
#include "sampler/registry.h"
#include "scheduler/registry.h"
#include "storage/history.h"
#include "storage/storage.h"
#include "study/axes.h"
#include "terminator/until.h"

/* ---- the part of a study that is stored as one JSON text (spec.c; docs/study-spec.md) ------------ */

/* A sampler that the study had, and the draws that it made: from draw_base up to the next one's. */
typedef struct hpo_past_sampler {
    char *sampler;
    int64_t draw_base, end;
} hpo_past_sampler;

typedef struct hpo_study_spec {
    hpo_objective *objectives; /* names owned */
    size_t n_objectives;
    hpo_outcome *outcomes; /* names owned */
    size_t n_outcomes;
    char *sampler, *scheduler; /* with their options, as given */
    char *until;               /* stopping rule, or NULL */
    hpo_past_sampler *past;    /* samplers before this one, oldest first */
    size_t n_past;
    hpo_budget budget;
    int32_t noisy, max_retries, default_first, open_space;
    int64_t lag;
    int64_t draw_base; /* the sampler's draw 0 is this draw of the study */
    double lease;      /* seconds, may be infinite */
} hpo_study_spec;

/* Fills an empty spec from checked options; defaults are put in, the scheduler's by whether the space declares a
 * fidelity.  Free with fini also after a failure. */
HPO_NODISCARD hpo_status hpo_spec__from_options(const hpo_study_options *o, int has_fidelity,
                                                hpo_study_spec *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_spec__read(const char *json, hpo_study_spec *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_spec__write(const hpo_study_spec *spec, char **json, hpo_error *err);
/* HPO_EINVAL for a budget that makes no sense for so many objectives. */
HPO_NODISCARD hpo_status hpo_spec__check_budget(const hpo_budget *b, size_t n_objectives, hpo_error *err);
int hpo_spec__budget_is_empty(const hpo_budget *b);
int hpo_spec__budget_equal(const hpo_budget *a, const hpo_budget *b);
/* HPO_EEXIST that says what differs when the two are not the same problem (objectives, outcomes). */
HPO_NODISCARD hpo_status hpo_spec__same_problem(const hpo_study_spec *stored, const hpo_study_spec *wanted,
                                                const char *name, hpo_error *err);
void hpo_spec__fini(hpo_study_spec *spec);

/* ---- what a history-based sampler sees (view.c, lag.c) ---------------------------------------- */

enum { HPO_STUDY_LEVELS = 64 };
/* One level of resource at a time (level.c). */
/* How the first trials that went on from a level to the next were ordered at both. */
enum { HPO_LEVEL_PAIRS_OF = 32 };
typedef struct hpo_level_order {
    size_t n;
    double low[HPO_LEVEL_PAIRS_OF], high[HPO_LEVEL_PAIRS_OF]; /* values at the level and at the next */
    double agree;                                             /* pairs in the same order; ties count half */
} hpo_level_order;

typedef struct hpo_study_levels {
    int on;
    double at[HPO_STUDY_LEVELS]; /* ascending; the last one is the maximum */
    size_t n, count[HPO_STUDY_LEVELS]; /* trials that have reached each */
    hpo_level_order order[HPO_STUDY_LEVELS];
    size_t in_use; /* SIZE_MAX: not chosen yet */
    double *u, *y, *sem, *outcome, *cost, *reached; /* by trial: its point, its end */
    double *newest; /* by trial: its value at the highest level that it has reached */
    uint8_t *state;
    int64_t *seq_tell;
    size_t n_trials, cap_u, cap_y, cap_sem, cap_outcome, cap_cost, cap_reached, cap_newest, cap_state, cap_seq;
    struct hpo_level_event {
        int64_t seq, trial;
        size_t report; /* index of the report; SIZE_MAX: the trial's end */
    } * events;
    size_t n_events, n_used, cap_events;
} hpo_study_levels;

typedef struct hpo_study_view {
    hpo_view v;  /* what the sampler gets; its pointers are set by publish */
    int64_t seq; /* all events up to this one are in */
    int lagged;  /* rows stand at their trial's number; see lag.c */
    int dirty;   /* a trial that was in has changed its result: replay from the start */
    int is_past; /* 1: only what suggestion `past_number`, made at event `past_seq`, could know (past.c) */
    int64_t past_seq, past_number;

    /* one row a finished trial (lagged: one a trial) */
    size_t n_rows, cap_rows, n_told;
    double *u, *y, *sem, *outcome, *gradient, *cost;
    uint8_t *state;
    int64_t *number, *seq_tell;
    int has_gradient;

    /* trials in progress, ascending number (not lagged) */
    size_t n_pending, cap_pending;
    double *u_pending;
    int64_t *number_pending;

    int64_t *place; /* by trial number: row, or one of the negative codes in view.c */
    size_t n_place, cap_place;

    /* intermediate results; lagged: in `held` first, copied when their trial is let in */
    struct hpo_report_columns {
        size_t n, cap;
        int64_t *trial, *seq;
        double *step, *value;
        int32_t *fold;
    } reports, held;
    size_t n_reports_told;              /* reports that came before the newest told row */
    int64_t *held_previous, *held_last; /* chains of one trial's held reports, by report / by trial */
    size_t cap_held_previous, cap_held_last;
    int64_t report_seq; /* newest report that was read */

    hpo_study_levels levels;
    hpo_pieces pieces; /* with several axes: the newest that was read */

    hpo_u64map seen; /* hash of every trial's configuration -> number */
} hpo_study_view;

/* ---- what a scheduler with state has folded (fold.c) ------------------------------------------ */

typedef struct hpo_study_fold {
    int64_t seq;
    int broken;         /* rebuild before the next use */
    int fed;            /* the transaction under way has fed something */
    int64_t *ended_seq; /* by trial number: seq of the end that was folded; 0: none */
    int64_t *parent;    /* by trial number */
    double *u;          /* by trial number, n_dims each; only with HPO_SCHED_POINTS */
    size_t n_ended, cap_ended, cap_parent, cap_u;
    struct hpo_fold_item {
        int64_t seq, trial;
        double step, cost;
        size_t y;                  /* offset in values; SIZE_MAX: none */
        int32_t fold, kind, state; /* kind: HPO_LOG_*, or an end with its state */
    } * items;
    size_t n_items, cap_items;
    double *values;
    size_t n_values, cap_values;
    hpo_pieces pieces; /* with several axes */
} hpo_study_fold;

/* ---- the handle ------------------------------------------------------------------------------ */

struct hpo_trial {
    hpo_study *study; /* NULL: freed before the trial */
    hpo_trial *prev, *next;
    int64_t number;
    int64_t draw;
    int64_t parent; /* of a clone, else -1 */
    uint64_t token;
    int32_t attempt;
    int32_t attached; /* somebody else may have reported */
    uint64_t study_seed;
    double lease; /* seconds */
    double reported_cost;
    double x[]; /* n_columns */
};

typedef int64_t (*hpo_clock_fn)(void *ctx); /* Unix ms */

struct hpo_study {
    hpo_mutex ask_lock, lock;
    const hpo_storage_ops *ops;
    void *store;
    int64_t id;
    hpo_storage *own; /* the memory storage of a study that was given none */
    hpo_clock_fn clock;
    void *clock_ctx;

    char *name;
    hpo_space *space;
    uint64_t seed, token_seed;
    int64_t created_ms;
    hpo_row_shape shape;
    size_t n_dims;
    double *sign;            /* n_objectives: +1 minimise, -1 maximise */
    int enumerable;          /* 1: few enough configurations to list; -1: not counted yet */
    hpo_view nothing;        /* the view of a sampler that reads none */
    hpo_axes axes;
    int64_t fidelity_column; /* of the axis that counts steps; -1: none */
    double fidelity_low, fidelity_high; /* the scheduler's range: of this axis, or of the resource of all */
    int fidelity_whole;

    hpo_study_spec spec;
    char *metadata, *attributes, *stop_text;
    int64_t texts_seq;
    hpo_sampler sampler;
    hpo_scheduler scheduler;
    int history; /* the sampler reads the view */
    hpo_until *until; /* spec.until at work, or NULL; judged with ask_lock held */
    hpo_ruling ruling; /* its answer to the ask under way; guarded by ask_lock */

    hpo_trial *live, *spare; /* handles in hands; handles to reuse */
    double *u;               /* n_dims: of the ask under way, fast path */
    double *y;               /* n_objectives: of the tell or report under way */
    double *y_log;           /* n_objectives: of a row of the log */
    double *u_clone;         /* n_dims: of a clone */
    double *gradient;        /* n_columns */

    /* guarded by ask_lock */
    hpo_study_view view;
    double *u_ask;  /* n_dims */
    double *unseen; /* n_unseen x n_columns: what is left of a finite space, lexicographic */
    size_t n_unseen;
    int unseen_known;

    hpo_study_fold fold;
    hpo_history hist; /* of a storage without peek; filled by sync */
    int64_t hist_seq;
    int hist_synced;
    int64_t hist_report_seq;
    hpo_history look; /* without a sync: the one trial that was looked at last, as row 0 */
    int64_t look_number;
    hpo_arena answer; /* what the last look at a trial returned */
    size_t *front;    /* scratch of best */
    size_t cap_front, cap_front_y;
    double *front_y;
};

/* ---- create.c -------------------------------------------------------------------------------- */
HPO_NODISCARD hpo_status hpo_study__create(hpo_storage *st, const hpo_space *space,
                                           const hpo_study_options *o, hpo_study **out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__open(hpo_storage *st, const char *name, hpo_study **out, hpo_error *err);
void hpo_study__free(hpo_study *s);
/* Reads the study's texts again and replaces what they changed.  Takes both locks. */
HPO_NODISCARD hpo_status hpo_study__refresh(hpo_study *s, hpo_error *err);
/* Makes sure that the texts are current, takes `lock` and begins a transaction / ends both. */
HPO_NODISCARD hpo_status hpo_study__begin_fresh(hpo_study *s, hpo_study_header *h, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__commit_fresh(hpo_study *s, const hpo_study_header *h, hpo_status status,
                                                 hpo_error *err);
/* Opens `text` and puts it in the place of the sampler; the view starts anew.  Caller holds both locks. */
HPO_NODISCARD hpo_status hpo_study__use_sampler(hpo_study *s, const char *text, hpo_error *err);
/* A sampler for `space`, which may still be empty. */
HPO_NODISCARD hpo_status hpo_study__open_sampler(const hpo_study *s, const char *text, const hpo_space *space,
                                                 hpo_sampler *out, hpo_error *err);

/* ---- add.c ------------------------------------------------------------------------------------- */
HPO_NODISCARD hpo_status hpo_study__add(hpo_study *s, const hpo_past_trial *p, int64_t *number,
                                        hpo_error *err);
/* tell.c: what a result must be, whatever the trial. */
HPO_NODISCARD hpo_status hpo_study__check_result(const hpo_study *s, const hpo_result *r, hpo_error *err);

/* ---- grow.c: spaces that are learned; take the locks themselves ---------------------------------- */
HPO_NODISCARD hpo_status hpo_study__grow(hpo_study *s, const hpo_space *space, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__first_draw(hpo_study *s, const hpo_space *space, int64_t draw,
                                               int64_t number, double *x, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__settle(const hpo_study *s, int64_t number, double *x, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__set_config(hpo_study *s, int64_t number, uint64_t token, const double *x,
                                               const double *used, hpo_error *err);
/* HPO_EOUTDATED when the stored space is no longer this handle's. */
HPO_NODISCARD hpo_status hpo_study__check_space(const hpo_study *s, const hpo_study_record *r,
                                                hpo_error *err);

/* ---- event.c: the clock, tokens, leases ------------------------------------------------------- */
/* Begins a transaction. */
HPO_NODISCARD hpo_status hpo_study__begin(hpo_study *s, hpo_study_header *h, hpo_error *err);
/* Commits when status is HPO_OK, else rolls back and returns status. */
HPO_NODISCARD hpo_status hpo_study__end(hpo_study *s, const hpo_study_header *h, hpo_status status,
                                        hpo_error *err);
/* The time now, never before the last event. */
int64_t hpo_study__now(const hpo_study *s, const hpo_study_header *h);
/* Active wall time up to `now`. */
int64_t hpo_study__active(const hpo_study_header *h, int64_t now);
/* Takes the next sequence number for an event at `now`. */
int64_t hpo_study__event(hpo_study_header *h, int64_t now);
uint64_t hpo_study__token(const hpo_study *s, int64_t number, int32_t attempt);
/* End of a lease of so many seconds given at `now`, noted in the header. */
int64_t hpo_study__lease(hpo_study_header *h, int64_t now, double seconds);
/* Moves one trial between states in the counters. */
void hpo_study__count(hpo_study_header *h, int32_t from, int32_t to);
/* One trial of the transaction; HPO_ENOTFOUND names the number. */
HPO_NODISCARD hpo_status hpo_study__get(hpo_study *s, int64_t number, hpo_trial_record *out, hpo_error *err);

/* ---- budget.c ---------------------------------------------------------------------------------- */
/* The spent budget that ends the study for every trial, waiting ones included; NONE: go on. */
hpo_stop_reason hpo_budget__spent(const hpo_study *s, const hpo_study_header *h, int64_t now);
/* 1: one more trial may be created. */
int hpo_budget__may_create(const hpo_study *s, const hpo_study_header *h);
/* HPO_WAIT while a trial is still running; else ends the study in the transaction and answers HPO_DONE. */
HPO_NODISCARD hpo_status hpo_budget__finish(hpo_study *s, hpo_study_header *h, int64_t now,
                                            hpo_stop_reason why, hpo_error *err);
/* There is work again: a study that had ended for lack of it (trials, exhausted) goes on; other ends stand.
 * Belongs to the event that the transaction took last. */
HPO_NODISCARD hpo_status hpo_budget__reopen(hpo_study *s, hpo_study_header *h, hpo_error *err);
/* Ends the study in the transaction; once. */
HPO_NODISCARD hpo_status hpo_budget__stop(hpo_study *s, hpo_study_header *h, int64_t now, hpo_stop_reason why,
                                          const char *text, hpo_error *err);

/* ---- until.c: the stopping rule --------------------------------------------------------------- */
/* Opens `text` (NULL: none) and puts it in the place of the rule.  Caller holds both locks. */
HPO_NODISCARD hpo_status hpo_study__use_until(hpo_study *s, const char *text, hpo_error *err);
/* Judges the rule on the synced view.  Caller holds ask_lock. */
HPO_NODISCARD hpo_status hpo_study__judge_until(hpo_study *s, const hpo_study_header *h, hpo_ruling *out,
                                                hpo_error *err);
/* What its comparisons look at. */
hpo_until_facts hpo_study__until_facts(const hpo_study *s, const hpo_study_header *h);
/* Takes the locks itself. */
HPO_NODISCARD hpo_status hpo_study__set_until(hpo_study *s, const char *text, hpo_error *err);

/* ---- past.c: what the view was ------------------------------------------------------------------ */
/* Brings a record to what it was then; 0: it did not exist. */
int hpo_past__trial(const hpo_study_view *w, hpo_trial_record *t);
int hpo_past__report(const hpo_study_view *w, const hpo_report_record *r);

/* ---- recommend.c, explain.c: take the locks themselves ------------------------------------------- */
HPO_NODISCARD hpo_status hpo_study__recommend(hpo_study *s, hpo_recommendation *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__confirmed(hpo_study *s, const int64_t *numbers, size_t n, int64_t more,
                                              hpo_confirmed *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__explain(hpo_study *s, int64_t number, char **json, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__repeat(hpo_study *s, int64_t number, int64_t *repeat, hpo_error *err);

/* ---- trial.c: handles ------------------------------------------------------------------------- */
HPO_NODISCARD hpo_status hpo_study__take_handle(hpo_study *s, hpo_trial **out, hpo_error *err);
void hpo_study__return_handle(hpo_study *s, hpo_trial *t);

/* ---- ask.c, suggest.c ------------------------------------------------------------------------- */
/* Takes the locks itself. */
HPO_NODISCARD hpo_status hpo_study__ask(hpo_study *s, const hpo_ask_options *o, int64_t number, hpo_trial **out,
                                        hpo_error *err);
/* Asks the sampler for draw `draw` of the study; u is within the cube. */
HPO_NODISCARD hpo_status hpo_ask__sample(hpo_study *s, const hpo_view *view, int64_t draw, double *u,
                                         hpo_error *err);
/* What the scheduler, which is in sync, wants of a free worker. */
HPO_NODISCARD hpo_status hpo_ask__scheduler(hpo_study *s, const hpo_study_header *h, int may_create, hpo_action *act,
                                            hpo_error *err);
/* Outcome of looking at one suggestion. */
typedef enum hpo_verdict { HPO_VERDICT_TAKE, HPO_VERDICT_AGAIN } hpo_verdict;
/* Decodes u into x, and says whether x may be evaluated; *hash is set.  view: NULL or the synced view. */
HPO_NODISCARD hpo_status hpo_suggest__judge(hpo_study *s, const hpo_study_view *view, const double *u,
                                            double *x, uint64_t *hash, hpo_verdict *verdict, hpo_error *err);
/* A feasible, unseen configuration for a draw whose suggestions were refused.  HPO_DONE: none is left.
 * Caller holds both locks. */
HPO_NODISCARD hpo_status hpo_suggest__fallback(hpo_study *s, uint64_t draw, double *x, uint64_t *hash,
                                               hpo_error *err);
void hpo_suggest__forget(hpo_study *s);
/* 1 when the space has few enough configurations to list them (docs/study-spec.md, "never twice"). */
int hpo_suggest__enumerable(hpo_study *s);

/* ---- view.c, lag.c ---------------------------------------------------------------------------- */
/* Brings the view up to seq and tells the sampler.  Caller holds ask_lock; needs no transaction. */
HPO_NODISCARD hpo_status hpo_view__sync(hpo_study *s, int64_t seq, hpo_error *err);
void hpo_view__clear(hpo_study_view *w); /* keeps the memory */
void hpo_view__fini(hpo_study_view *w);
/* Makes room for row `row` in every column. */
HPO_NODISCARD hpo_status hpo_view__reserve(const hpo_study *s, hpo_study_view *w, size_t rows,
                                           hpo_error *err);
/* Writes a finished trial's result into a row. */
HPO_NODISCARD hpo_status hpo_view__write(const hpo_study *s, hpo_study_view *w, size_t row,
                                         const hpo_trial_record *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_view__add_report(struct hpo_report_columns *c, size_t n_objectives,
                                              const hpo_report_record *r, hpo_error *err);
/* Hands row n_told to the sampler (which sees it as the newest one). */
HPO_NODISCARD hpo_status hpo_view__tell_next(hpo_study *s, hpo_study_view *w, hpo_error *err);
/* Points the public face at the columns: n_done rows finished, the rest as given. */
void hpo_view__publish(const hpo_study *s, hpo_study_view *w, size_t n_done);
int hpo_view__is_end(int32_t state); /* COMPLETE, STOPPED, FAILED, INFEASIBLE */
HPO_NODISCARD hpo_status hpo_view__reserve_pending(const hpo_study *s, hpo_study_view *w, size_t rows,
                                                   hpo_error *err);
/* ---- level.c ---- */
void hpo_level__open(hpo_study *s); /* space and scheduler are there */
void hpo_level__clear(hpo_study_levels *l);
void hpo_level__fini(hpo_study_levels *l);
HPO_NODISCARD hpo_status hpo_level__trial(hpo_study *s, const hpo_trial_record *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_level__report(hpo_study *s, size_t report, hpo_error *err);
/* hpo_view.begins of a new trial whose first piece goes up to `resource` (NaN: the scheduler set no end). */
size_t hpo_level__begins(const hpo_study *s, double resource);
/* What was taken in becomes rows.  *again: they are those of another level, and the sampler must start anew. */
HPO_NODISCARD hpo_status hpo_level__settle(hpo_study *s, int *again, hpo_error *err);
HPO_NODISCARD hpo_status hpo_lag__trial(hpo_study *s, const hpo_trial_record *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_lag__report(hpo_study *s, const hpo_report_record *r, hpo_error *err);
/* Lets in what suggestion `number` may know; HPO_WAIT when a trial that it must know is not finished. */
HPO_NODISCARD hpo_status hpo_lag__admit(hpo_study *s, int64_t number, hpo_error *err);

/* ---- fold.c ------------------------------------------------------------------------------------ */
int hpo_fold__needed(const hpo_study *s); /* the scheduler has state */
/* Feeds the scheduler everything up to the transaction's header.  What the transaction itself does is fed by
 * the three below, after a sync; hpo_fold__close follows the commit or rollback. */
int hpo_fold__in_sync(const hpo_study *s, const hpo_study_header *h); /* nothing is new: it reads nothing */
HPO_NODISCARD hpo_status hpo_fold__sync(hpo_study *s, const hpo_study_header *h, hpo_error *err);
/* A report that the transaction stores, and the answer. */
HPO_NODISCARD hpo_status hpo_fold__report(hpo_study *s, const hpo_report_record *r, hpo_sched_answer *out,
                                          hpo_error *err);
/* Trial t was handed out up to `resource` (NaN: as its configuration says): logged with the reason (may be NULL). */
HPO_NODISCARD hpo_status hpo_fold__piece(hpo_study *s, hpo_study_header *h, const hpo_trial_record *t,
                                         double resource, const char *reason, int64_t now, hpo_error *err);
/* Trial t has ended or was let go (PAUSED). */
HPO_NODISCARD hpo_status hpo_fold__tell(hpo_study *s, const hpo_trial_record *t, hpo_error *err);
/* A row of the log (HPO_LOG_*), as an event of its own. */
HPO_NODISCARD hpo_status hpo_fold__log(hpo_study *s, hpo_study_header *h, const hpo_trial_record *t,
                                       int32_t kind, double step, const char *reason, int64_t now,
                                       hpo_error *err);
/* h: as committed.  status: of the whole transaction. */
void hpo_fold__close(hpo_study *s, const hpo_study_header *h, hpo_status status);
void hpo_fold__forget(hpo_study_fold *f); /* for a fresh scheduler; keeps the memory */
hpo_sched_problem hpo_study__sched_problem(const hpo_study *s);
void hpo_fold__fini(hpo_study_fold *f);

/* ---- tell.c, report.c, queue.c, control.c, query.c ---------------------------------------------- */
HPO_NODISCARD hpo_status hpo_study__tell(hpo_study *s, hpo_trial *t, const hpo_result *r, hpo_error *err);
/* Counts a trial that ended (state set, y and outcome filled), and looks whether it is the incumbent. */
void hpo_study__finish(const hpo_study *s, hpo_study_header *h, const hpo_trial_record *t);
/* HPO_ESTALE / HPO_ESTATE unless the holder of `token` runs the trial. */
HPO_NODISCARD hpo_status hpo_study__check_holder(const hpo_trial_record *t, uint64_t token, hpo_error *err);
/* 1: a running trial that was told to pause, so that nothing of its piece is left to do when its worker is lost. */
int hpo_study__piece_is_done(const hpo_study *s, const hpo_trial_record *t);
/* Pauses such a trial in its worker's place; the scheduler is in sync. */
HPO_NODISCARD hpo_status hpo_study__let_go(hpo_study *s, hpo_study_header *h, hpo_trial_record *rec, int64_t now,
                                           hpo_error *err);
/* What a trial with these flags is asked to do. */
hpo_decision hpo_study__requested(int32_t flags);
int hpo_study__feasible(const hpo_study *s, const double *outcome);
HPO_NODISCARD hpo_status hpo_study__report(hpo_study *s, hpo_trial *t, const hpo_report *r, hpo_decision *out,
                                           hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__renew(hpo_study *s, hpo_trial *t, hpo_decision *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__attach(hpo_study *s, int64_t number, uint64_t token, hpo_trial **out,
                                           hpo_error *err);
/* Take the locks themselves. */
HPO_NODISCARD hpo_status hpo_study__enqueue(hpo_study *s, const char *json, const char *attributes,
                                             int64_t *number, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__enqueue_clone(hpo_study *s, int64_t parent, const char *json, int64_t *number,
                                                  hpo_error *err);
/* The trial whose checkpoint this one began with, or -1. */
int64_t hpo_study__cloned_from(const hpo_trial_record *rec);
HPO_NODISCARD hpo_status hpo_study__set_attr(hpo_study *s, int64_t number, const char *key, const char *json,
                                             hpo_error *err);
/* {members of old (or NULL), key: value} as text, the caller's to free; a JSON null takes the key out. */
HPO_NODISCARD hpo_status hpo_study__merge_attr(const char *old, const char *key, const char *json, char **out,
                                               hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__set_budget(hpo_study *s, const hpo_budget *b, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__set_sampler(hpo_study *s, const char *sampler, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__set_metadata(hpo_study *s, const char *json, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__stop(hpo_study *s, hpo_stop_reason why, const char *text, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__rest(hpo_study *s, hpo_study_status to, hpo_error *err);
/* HPO_EINVAL unless the text is a JSON object; `what` names it. */
HPO_NODISCARD hpo_status hpo_study__check_object(const char *json, const char *what, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__summary(hpo_study *s, hpo_summary *out, hpo_error *err);
/* The caller holds `lock` again from here on. */
HPO_NODISCARD hpo_status hpo_study__requeue(hpo_study *s, int64_t number, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__request_stop(hpo_study *s, int64_t number, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__sync(hpo_study *s, int64_t *changed, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__trial(hpo_study *s, int64_t number, hpo_trial_info *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__trial_report(hpo_study *s, int64_t number, size_t i, hpo_report *out,
                                                 int64_t *time_ms, hpo_error *err);
HPO_NODISCARD hpo_status hpo_study__trial_decision(hpo_study *s, int64_t number, size_t i,
                                                   hpo_decision_info *out, hpo_error *err);
/* The scheduler's own picture, brought up to date. */
HPO_NODISCARD hpo_status hpo_study__rungs(hpo_study *s, char **json, hpo_error *err);
const char *hpo_log_name(int32_t kind); /* "new" ...; "?" */
HPO_NODISCARD hpo_status hpo_study__best(hpo_study *s, int64_t *numbers, size_t cap, size_t *n,
                                         hpo_error *err);

/* For tests: another clock.  NULL restores the system's. */
void hpo_study__set_clock(hpo_study *s, hpo_clock_fn clock, void *ctx);
#endif
