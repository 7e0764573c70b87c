/* SPDX-License-Identifier: Apache-2.0 */
/* hpo.h - hyperparameter optimisation: the user's API.
 *
 * The library proposes configurations (ask), takes measurements (report, tell) and remembers them.
 * It never calls an objective on its own, never prints, never exits, never reads the environment.
 *
 * Conventions, everywhere:
 *   Arguments   self, inputs, outputs, err.
 *   Results     A call that can fail returns hpo_status.  HPO_OK is 0, failures are negative, the few
 *               positive codes say why nothing was handed out.  `err` may be NULL; if it is not, a
 *               failed call leaves one line there that names the thing, its value and the remedy.
 *   Ownership   What comes back through `T **out` is yours: free it with the matching *_free (NULL is
 *               fine).  A returned `const T *` is borrowed and dies with its parent.
 *   Options     Transparent structs start with their own size.  Fill them with the *_init function,
 *               then set what you need: zero keeps the default.  Fields are only ever appended.
 *   Threads     One study may be used from many threads (calls are serialised by its own lock); one
 *               space may be shared once a study uses it.  Other objects: one thread at a time.
 *
 * Stability: this header keeps its meaning through a major version; hpo/sampler.h, hpo/scheduler.h,
 * hpo/storage.h and hpo/runner.h (for authors of plug-ins) through a minor one. */
#ifndef HPO_H
#define HPO_H

#include <stddef.h>
#include <stdint.h>

#include "hpo/export.h"

HPO_BEGIN_DECLS

/* ---- status and errors --------------------------------------------------------------------- */

/* One list makes the enum, the names and the texts.  X(name, value, text) */
#define HPO_STATUS_LIST(X)                                                                         \
    X(OK, 0, "ok")                                                                                 \
    X(DONE, 1, "the study is over: no further trial will be handed out")                           \
    X(WAIT, 2, "nothing to hand out now: ask again after a running trial has ended")               \
    X(EINVAL, -1, "invalid argument or input")                                                     \
    X(ENOMEM, -2, "out of memory")                                                                 \
    X(ENOTFOUND, -3, "not found")                                                                  \
    X(ESTATE, -4, "not allowed in this state")                                                     \
    X(EUNSUPPORTED, -5, "not supported by the chosen algorithm or storage")                        \
    X(EIO, -6, "input/output error")                                                               \
    X(ECORRUPT, -7, "data are damaged")                                                            \
    X(ENUMERIC, -8, "numerical failure")                                                           \
    X(EUSER, -9, "a user-supplied function failed")                                                \
    X(ESTALE, -10, "the lease on this trial was lost: another worker holds it now")                \
    X(EEXIST, -11, "already exists")                                                               \
    X(EBUSY, -12, "the storage stayed locked for too long")                                        \
    X(EOUTDATED, -13, "the space of the study has grown since this handle was opened: open it again")

typedef enum hpo_status {
#define HPO_STATUS_ENUM(name, value, text) HPO_##name = (value),
    HPO_STATUS_LIST(HPO_STATUS_ENUM)
#undef HPO_STATUS_ENUM
} hpo_status;

/* Where an error text goes: on the caller's stack, one line, always terminated. */
typedef struct hpo_error {
    hpo_status code;
    char msg[508];
} hpo_error;

/* "EINVAL" etc.; "?" for an unknown code.  Never NULL, static. */
HPO_API const char *hpo_status_name(hpo_status code);
/* The general text of a code; never NULL, static. */
HPO_API const char *hpo_status_text(hpo_status code);
/* HPO_VERSION of the library that is running, e.g. "0.1.0". */
HPO_API const char *hpo_version(void);

/* ---- memory -------------------------------------------------------------------------------- */

/* Process-wide allocator hooks.  Call before any other function, or not at all.  `resize` gets the
 * old pointer (maybe NULL) and the new size; both may return NULL, which surfaces as HPO_ENOMEM. */
typedef struct hpo_allocator {
    size_t size; /* sizeof(hpo_allocator) */
    void *(*allocate)(void *ctx, size_t n);
    void *(*resize)(void *ctx, void *p, size_t n);
    void (*release)(void *ctx, void *p);
    void *ctx;
} hpo_allocator;
/* NULL restores malloc/realloc/free.  Threads: not safe against concurrent library calls. */
HPO_API void hpo_set_allocator(const hpo_allocator *a);
/* Frees a string or buffer that a call of this library returned through `char **out`. */
HPO_API void hpo_free(void *p);

/* ---- search space -------------------------------------------------------------------------- */

typedef struct hpo_space hpo_space;

/* X(NAME, "word used in files") */
#define HPO_KIND_LIST(X)                                                                           \
    X(FLOAT, "float")                                                                              \
    X(INT, "int")                                                                                  \
    X(CATEGORICAL, "categorical")                                                                  \
    X(ORDINAL, "ordinal")                                                                          \
    X(BOOL, "bool")                                                                                \
    X(CONST, "const")                                                                              \
    X(PERMUTATION, "permutation")                                                                  \
    X(SIMPLEX, "simplex")                                                                          \
    X(SUBSET, "subset")                                                                            \
    X(VECTOR, "vector")
typedef enum hpo_kind {
#define HPO_KIND_ENUM(name, word) HPO_KIND_##name,
    HPO_KIND_LIST(HPO_KIND_ENUM)
#undef HPO_KIND_ENUM
    HPO_N_KINDS
} hpo_kind;

#define HPO_SCALE_LIST(X)                                                                          \
    X(LINEAR, "linear")                                                                            \
    X(LOG, "log")                                                                                  \
    X(REVLOG, "revlog")                                                                            \
    X(LOGIT, "logit")
typedef enum hpo_scale {
#define HPO_SCALE_ENUM(name, word) HPO_SCALE_##name,
    HPO_SCALE_LIST(HPO_SCALE_ENUM)
#undef HPO_SCALE_ENUM
    HPO_N_SCALES
} hpo_scale;

/* What is known of one parameter.  Borrowed from the space.
 *
 * A configuration is a row of doubles, one or more *columns* a parameter, in the parameter's own
 * units: the number (float, int), the 0-based index of the label (categorical, ordinal), 0/1 (bool),
 * the item at each position (permutation, n columns), the shares (simplex, n columns), 0/1 for each
 * item (subset, n columns), the entries (vector, n columns).  An inactive parameter is NaN.
 * Integers are limited to +-2^53.  Models see *dimensions*: coordinates in the unit cube [0,1]. */
typedef struct hpo_param_info {
    size_t size;
    const char *name;
    hpo_kind kind;
    hpo_scale scale;
    int32_t is_fidelity;       /* 1: set by the scheduler, not by the sampler; has no dimensions.  2: and resumable */
    double low, high, step;    /* own units; step 0: continuous; NaN bound: an expression */
    const char *const *labels; /* n_labels texts, or NULL */
    size_t n_labels;
    size_t column, n_columns;  /* where its values stand in a configuration */
    size_t dim, n_dims;        /* where its coordinates stand in the unit cube */
    const char *when;          /* the condition under which it is active, or NULL */
} hpo_param_info;
HPO_API void hpo_param_info_init_sized(hpo_param_info *info, size_t size);
static inline hpo_param_info hpo_param_info_init(void)
{
    hpo_param_info info;
    hpo_param_info_init_sized(&info, sizeof info);
    return info;
}

/* An empty space. */
HPO_API HPO_NODISCARD hpo_status hpo_space_create(hpo_space **out, hpo_error *err);
/* A space from text: one `name: domain` per line or semicolon, in the grammar of docs/space.md, e.g.
 *   "lr: log 1e-5..1; opt: sgd,adam; mom: 0..0.99 if opt == sgd". */
HPO_API HPO_NODISCARD hpo_status hpo_space_parse(const char *text, hpo_space **out, hpo_error *err);
/* A space from a JSON or YAML document (schema: docs/space.schema.json). */
HPO_API HPO_NODISCARD hpo_status hpo_space_load(const char *text, hpo_space **out, hpo_error *err);
HPO_API void hpo_space_free(hpo_space *s);

/* Add one parameter; `domain` in the inline grammar: "0..1", "log 1e-5..1", "int 1..8", "sgd,adam",
 * "perm 5", "0..0.99 if opt == sgd", "fidelity 1..81" ...  Errors: HPO_EINVAL names the parameter;
 * HPO_ESTATE once the space is in use (frozen). */
HPO_API HPO_NODISCARD hpo_status hpo_space_add(hpo_space *s, const char *name, const char *domain, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_space_add_float(hpo_space *s, const char *name, double low, double high,
                                                     hpo_scale scale, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_space_add_int(hpo_space *s, const char *name, int64_t low, int64_t high,
                                                   hpo_scale scale, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_space_add_categorical(hpo_space *s, const char *name, const char *const *labels,
                                                           size_t n, hpo_error *err);
/* An inequality or any condition between parameters that every proposal must satisfy, e.g.
 * "layers * width <= 1024" or "not (opt == 'adam' and lr > 0.1)".  A constraint that mentions an
 * inactive parameter does not apply. */
HPO_API HPO_NODISCARD hpo_status hpo_space_add_constraint(hpo_space *s, const char *expr, hpo_error *err);
/* A value computed from parameters, passed to the program but not searched, e.g. ("units", "2 ** log2_units"). */
HPO_API HPO_NODISCARD hpo_status hpo_space_add_derived(hpo_space *s, const char *name, const char *expr, hpo_error *err);
/* Checks the whole space (cycles, unknown names, constraints that are soon seen to be unsatisfiable) and
 * makes it immutable.
 * A study does this itself; calling it twice is fine. */
HPO_API HPO_NODISCARD hpo_status hpo_space_freeze(hpo_space *s, hpo_error *err);

HPO_API size_t hpo_space_n_params(const hpo_space *s);
HPO_API size_t hpo_space_n_columns(const hpo_space *s);
HPO_API size_t hpo_space_n_dims(const hpo_space *s);
HPO_API size_t hpo_space_n_derived(const hpo_space *s);
/* Index of a parameter by name, or -1. */
HPO_API int64_t hpo_space_find(const hpo_space *s, const char *name);
/* info->size must be set (hpo_param_info_init).  HPO_ENOTFOUND if i is out of range. */
HPO_API HPO_NODISCARD hpo_status hpo_space_param(const hpo_space *s, size_t i, hpo_param_info *info, hpo_error *err);
/* Number of distinct configurations (fidelity aside): exact when finite and countable within `limit`
 * checks, +infinity when a continuous parameter is present, NaN when counting would exceed `limit`. */
HPO_API double hpo_space_size(const hpo_space *s, uint64_t limit);
/* The space as one line of JSON, in the published schema; hpo_space_load reads it back unchanged. */
HPO_API HPO_NODISCARD hpo_status hpo_space_to_json(const hpo_space *s, char **out, hpo_error *err);

/* Checks a configuration x (n_columns, own units): bounds, conditions, constraints.  HPO_EINVAL names
 * the first parameter or constraint that does not hold. */
HPO_API HPO_NODISCARD hpo_status hpo_space_validate(const hpo_space *s, const double *x, hpo_error *err);
/* Hash of a valid configuration: equal configurations (fidelity aside) have equal hashes. */
HPO_API uint64_t hpo_space_hash(const hpo_space *s, const double *x);
/* A configuration from `{"name":value,...}`.  Missing active parameters take their default, else the
 * middle of their range (log-middle on a log scale) or the first label. */
HPO_API HPO_NODISCARD hpo_status hpo_space_config_from_json(const hpo_space *s, const char *json, double *x, hpo_error *err);
/* `{"lr":0.001,"opt":"adam"}`: the active parameters (and derived values) of x. */
HPO_API HPO_NODISCARD hpo_status hpo_space_config_to_json(const hpo_space *s, const double *x, char **out, hpo_error *err);
/* Text of parameter i for a command line (shortest digits that read back as the same number; the
 * label; items joined with commas).  HPO_ENOTFOUND if the parameter is inactive in x. */
HPO_API HPO_NODISCARD hpo_status hpo_space_value_text(const hpo_space *s, const double *x, size_t i, char **out, hpo_error *err);
/* Name and value of derived value i (0..n_derived-1) for x.  HPO_ENOTFOUND if inactive. */
HPO_API HPO_NODISCARD hpo_status hpo_space_derived_text(const hpo_space *s, const double *x, size_t i, const char **name,
                                                        char **out, hpo_error *err);
/* Advice on the space, one finding a line ("lr: 1e-05..1 spans 5 decades: use 'log 1e-05..1'"); an
 * empty string when there is nothing to say.  Source of the rules: docs/space.md, "lint". */
HPO_API HPO_NODISCARD hpo_status hpo_space_lint(const hpo_space *s, char **out, hpo_error *err);
/* What changes from a to b, one line a difference; empty when they are the same space. */
HPO_API HPO_NODISCARD hpo_status hpo_space_diff(const hpo_space *a, const hpo_space *b, char **out, hpo_error *err);
/* Draws n configurations from the prior into x (n x n_columns); never violates a constraint. */
HPO_API HPO_NODISCARD hpo_status hpo_space_sample(const hpo_space *s, uint64_t seed, size_t n, double *x, hpo_error *err);

/* ---- storage ------------------------------------------------------------------------------- */

typedef struct hpo_storage hpo_storage;

/* Opens a storage.  "mem:" lives in this process; a path or "sqlite:PATH[?sync=full]" is one SQLite
 * file, made when absent.  NULL means "mem:".  Errors: HPO_EUNSUPPORTED (network file system, unknown
 * scheme), HPO_ECORRUPT, HPO_EIO.  Threads: one storage may be shared by studies on many threads. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_open(const char *url, hpo_storage **out, hpo_error *err);
HPO_API void hpo_storage_free(hpo_storage *st);
/* One line of JSON: {"storage":"sqlite","path":...,"schema":1,"studies":[{"name":...,"trials":...},...]}. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_info(hpo_storage *st, char **out, hpo_error *err);
/* Consistency check: HPO_OK and "" when sound, else HPO_ECORRUPT and one finding a line in *out. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_verify(hpo_storage *st, char **out, hpo_error *err);
/* A consistent copy while others write; refuses to overwrite `path` (HPO_EEXIST). */
HPO_API HPO_NODISCARD hpo_status hpo_storage_backup(hpo_storage *st, const char *path, hpo_error *err);
/* Brings an older schema up to date (also done by hpo_storage_open); *from and *to get the versions. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_migrate(hpo_storage *st, int32_t *from, int32_t *to, hpo_error *err);
/* Removes a study and everything in it.  HPO_ENOTFOUND when there is none of that name. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_delete_study(hpo_storage *st, const char *name, hpo_error *err);

/* ---- study --------------------------------------------------------------------------------- */

typedef struct hpo_study hpo_study;

/* Where a trial can stand.  X(NAME, "word") */
#define HPO_STATE_LIST(X)                                                                          \
    X(WAITING, "waiting")       /* enqueued, or given back by a lost worker: next in line */       \
    X(RUNNING, "running")       /* held by a lease */                                              \
    X(PAUSED, "paused")         /* stopped by the scheduler with its checkpoint kept */            \
    X(COMPLETE, "complete")     /* has its final values */                                         \
    X(STOPPED, "stopped")       /* ended early by the scheduler or the user; last report counts */ \
    X(FAILED, "failed")         /* the evaluation failed: information for models */                \
    X(INFEASIBLE, "infeasible") /* the program says: this configuration cannot be evaluated */
typedef enum hpo_state {
#define HPO_STATE_ENUM(name, word) HPO_STATE_##name,
    HPO_STATE_LIST(HPO_STATE_ENUM)
#undef HPO_STATE_ENUM
    HPO_N_STATES
} hpo_state;

typedef enum hpo_direction { HPO_MINIMIZE = 0, HPO_MAXIMIZE = 1 } hpo_direction;

/* The scheduler's answer to a report. */
typedef enum hpo_decision { HPO_CONTINUE = 0, HPO_PAUSE = 1, HPO_STOP = 2 } hpo_decision;

/* Why a study ended or rests; stored.  X(NAME, "word") */
#define HPO_STOP_LIST(X)                                                                           \
    X(NONE, "none")                                                                                \
    X(TRIALS, "trials")         /* the budget of trials is spent */                                \
    X(TIME, "time")             /* the budget of active wall time is spent */                      \
    X(COST, "cost")             /* the budget of cost is spent */                                  \
    X(TARGET, "target")         /* the target value was reached */                                 \
    X(STAGNATION, "stagnation") /* no improvement for so many finished trials */                   \
    X(EXHAUSTED, "exhausted")   /* every configuration of a finite space was tried */              \
    X(USER, "user")             /* hpo_study_stop */                                               \
    X(ABORT, "abort")           /* a program said that nothing can work (exit status 78) */        \
    X(UNTIL, "until")           /* the study's stopping rule holds */
typedef enum hpo_stop_reason {
#define HPO_STOP_ENUM(name, word) HPO_STOP_REASON_##name,
    HPO_STOP_LIST(HPO_STOP_ENUM)
#undef HPO_STOP_ENUM
    HPO_N_STOP_REASONS
} hpo_stop_reason;

/* What the enums are called in files and tables; "?" when out of range.  Static. */
HPO_API const char *hpo_state_name(hpo_state s);
HPO_API const char *hpo_stop_reason_name(hpo_stop_reason r);
HPO_API const char *hpo_kind_name(hpo_kind k);
HPO_API const char *hpo_scale_name(hpo_scale s);

typedef struct hpo_objective {
    size_t size;
    const char *name; /* "loss" ... the key looked for in a program's reports */
    hpo_direction direction;
} hpo_objective;

/* An outcome constraint, measured with the trial: feasible iff value <= max. */
typedef struct hpo_outcome {
    size_t size;
    const char *name;
    double max;
} hpo_outcome;

/* Limits of a study; 0 (or NaN for target) means none.  They are global (all workers together) and
 * exact (reserved when a trial is handed out). */
typedef struct hpo_budget {
    size_t size;
    int64_t trials;     /* number of trials ever created */
    double seconds;     /* wall time during which at least one trial was running */
    double cost;        /* sum of told costs */
    double target;      /* end when the incumbent is at least this good; one objective only */
    int64_t stagnation; /* end after so many finished trials without improvement; one objective only */
} hpo_budget;

typedef struct hpo_study_options {
    size_t size;
    const char *name;                /* NULL: "default" */
    uint64_t seed;                   /* same seed and order of events: same suggestions */
    const hpo_objective *objectives; /* NULL: one, "value", minimised */
    size_t n_objectives;
    const hpo_outcome *outcomes; /* measured constraints, may be NULL */
    size_t n_outcomes;
    const char *sampler;   /* "name" or "name:key=value,key=value"; NULL: the default sampler */
    const char *scheduler; /* the same; NULL: "auto" with a fidelity, one objective and no lag, else "none" */
    hpo_budget budget;
    int32_t noisy;       /* 1: the same configuration may be evaluated again; 0: never repeated */
    int32_t max_retries; /* how often a lost trial returns to the queue; default 3 */
    int64_t lag;         /* 0: use every result at once; k: suggestion n uses exactly trials < n-k+1 */
    double lease;        /* seconds that an unrenewed trial stays with its worker; default 600 */
    int32_t default_first; /* 1 (default): the first trial is the default configuration if the space declares one */
    int32_t reuse;         /* 1: an existing study of this name is opened if it is the same problem; 0: HPO_EEXIST */
    const char *metadata;  /* a JSON object kept with the study (command, limits ...), or NULL */
    const char *until;     /* stopping rule, e.g. "regret or stagnation:trials=50" (docs/terminators.md), or NULL */
    int32_t open_space;    /* 1: the space is learned while trials run (hpo_study_grow) and may start empty */
} hpo_study_options;

/* Called through the inline functions below, with the size that the caller was compiled with. */
HPO_API void hpo_study_options_init_sized(hpo_study_options *o, size_t size);
static inline hpo_study_options hpo_study_options_init(void)
{
    hpo_study_options o;
    hpo_study_options_init_sized(&o, sizeof o);
    return o;
}

/* Makes a study.  The space is copied.  `st` is borrowed and must outlive the study; NULL: a memory
 * storage of its own.  Errors: HPO_EEXIST, HPO_EINVAL, HPO_EUNSUPPORTED when the sampler or scheduler
 * cannot do what space and objectives need (the text says what to choose instead). */
HPO_API HPO_NODISCARD hpo_status hpo_study_create(hpo_storage *st, const hpo_space *space, const hpo_study_options *opt,
                                                  hpo_study **out, hpo_error *err);
/* Opens a stored study by name; NULL: the only one, or HPO_EINVAL with the list of names. */
HPO_API HPO_NODISCARD hpo_status hpo_study_open(hpo_storage *st, const char *name, hpo_study **out, hpo_error *err);
HPO_API void hpo_study_free(hpo_study *s);

/* ---- studies whose space is learned (define-by-run; docs/python.md) ----
 * Such a study (options.open_space) may begin with an empty space.  A configuration that was tried is avoided while
 * there is another one, and repeated when there is none: what is known of the space is not all of it. */

/* Replaces the space by one that has grown: the columns it had stay where they are (same order of parameters; labels
 * only added behind the others; ranges and conditions may change), new parameters follow behind.  Every trial's
 * configuration is brought to it: parameters that are now inactive become absent, active ones that were absent get a
 * draw from the prior keyed by (seed, trial number); the attribute "hpo:unasked" of a trial lists those, which it was
 * not run with.  This and every older handle still report and tell what they
 * hold (HPO_EOUTDATED: the new space leaves out what the trial was handed out with, and hpo_study_set_config has not
 * said what it used); asking or changing the study with them answers HPO_EOUTDATED: open it again.  Errors: HPO_ESTATE for a study
 * without open_space, HPO_EOUTDATED when somebody else has grown it first, HPO_EINVAL when `space` drops or reorders
 * something, or makes a parameter inactive that a trial which has ended was run with.  Cost: O(trials). */
HPO_API HPO_NODISCARD hpo_status hpo_study_grow(hpo_study *s, const hpo_space *space, hpo_error *err);
/* The configuration of `space` (n_columns doubles) that the study's sampler would give as its draw `draw` before any
 * result is known; draw -1: a draw from the prior keyed by (seed, number).  Changes nothing.  A parameter that is met
 * for the first time gets its value from here: the same as in a study that was declared with `space`, as long as
 * nothing was told. */
HPO_API HPO_NODISCARD hpo_status hpo_study_first_draw(hpo_study *s, const hpo_space *space, int64_t draw, int64_t number,
                                                      double *x, hpo_error *err);
/* What becomes of x (n_columns, NaN: not known), the configuration of trial `number`, in this handle's space: values of
 * inactive parameters become absent, active parameters without a value get the draw that hpo_study_grow gives.  In
 * place.  HPO_EINVAL: a value is out of its range. */
HPO_API HPO_NODISCARD hpo_status hpo_study_settle(const hpo_study *s, int64_t number, double *x, hpo_error *err);
/* Records what a running trial has used in truth: x (n_columns, NaN: not known), settled as by hpo_study_settle.
 * "hpo:unasked" lists the active parameters that are NaN in `used` (n_columns; NULL: x).  HPO_ESTALE when the token is
 * not the current one. */
HPO_API HPO_NODISCARD hpo_status hpo_study_set_config(hpo_study *s, int64_t number, uint64_t token, const double *x,
                                                      const double *used, hpo_error *err);

/* Changes of a stored study; all take effect for every worker at its next call. */
HPO_API HPO_NODISCARD hpo_status hpo_study_set_budget(hpo_study *s, const hpo_budget *b, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_study_set_sampler(hpo_study *s, const char *sampler, hpo_error *err);
/* The stopping rule; NULL or "": none.  A study that its rule had ended goes on. */
HPO_API HPO_NODISCARD hpo_status hpo_study_set_until(hpo_study *s, const char *until, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_study_set_metadata(hpo_study *s, const char *json, hpo_error *err);

/* ---- a trial in hand ------------------------------------------------------------------------ */

/* A trial held by the caller under a lease.  Free it after tell (or to walk away from it: the lease
 * then runs out and the trial returns to the queue). */
typedef struct hpo_trial hpo_trial;

/* Hands out the next trial: a waiting one first (enqueued, or lost by another worker), else a new
 * suggestion.  HPO_DONE: the study is over, see hpo_study_summary.  HPO_WAIT: nothing now, but trials
 * are still running.  *out is NULL unless HPO_OK.  Cost: O(new events) + the sampler's own. */
HPO_API HPO_NODISCARD hpo_status hpo_study_ask(hpo_study *s, hpo_trial **out, hpo_error *err);

/* Options for an ask by a named worker.  Zero: the study's defaults. */
typedef struct hpo_ask_options {
    size_t size;
    const char *worker; /* who holds the trial, e.g. "node7:4711"; stored */
    double lease;       /* seconds; 0: the study's */
    int32_t queue_only; /* 1: only what waits in the queue, also when the study has ended; HPO_DONE: nothing waits */
    int32_t new_only;   /* 1: a new suggestion, whatever waits or was lost */
    int64_t draw_min;   /* a new suggestion is at least this draw: for callers that number their trials themselves */
} hpo_ask_options;
HPO_API HPO_NODISCARD hpo_status hpo_study_ask_as(hpo_study *s, const hpo_ask_options *opt, hpo_trial **out, hpo_error *err);
/* Hands out waiting trial `number`, also when the study has ended; opt (may be NULL): worker and lease.  HPO_ESTATE: it
 * does not wait (somebody else was quicker).  HPO_ENOTFOUND. */
HPO_API HPO_NODISCARD hpo_status hpo_study_take(hpo_study *s, int64_t number, const hpo_ask_options *opt, hpo_trial **out,
                                                hpo_error *err);
/* Takes up a running trial again by number and token (another process asked for it).  HPO_ESTALE when
 * the token is not the current one. */
HPO_API HPO_NODISCARD hpo_status hpo_study_attach(hpo_study *s, int64_t number, uint64_t token, hpo_trial **out, hpo_error *err);
HPO_API void hpo_trial_free(hpo_trial *t);

HPO_API int64_t hpo_trial_number(const hpo_trial *t);
HPO_API uint64_t hpo_trial_token(const hpo_trial *t);
/* 1 for the first evaluation, 2 after one retry ... */
HPO_API int32_t hpo_trial_attempt(const hpo_trial *t);
/* Which suggestion of the sampler it is; -1: it was enqueued or cloned. */
HPO_API int64_t hpo_trial_draw(const hpo_trial *t);
/* The trial whose checkpoint this one begins with (a clone), or -1. */
HPO_API int64_t hpo_trial_parent(const hpo_trial *t);
/* A seed for the program's own randomness, a function of (study seed, trial number). */
HPO_API uint64_t hpo_trial_seed(const hpo_trial *t);
/* The configuration: n_columns doubles in own units, NaN where inactive.  Borrowed. */
HPO_API const double *hpo_trial_x(const hpo_trial *t);
/* By name.  NaN / INT64_MIN / NULL when the parameter is unknown or inactive. */
HPO_API double hpo_trial_float(const hpo_trial *t, const char *name);
HPO_API int64_t hpo_trial_int(const hpo_trial *t, const char *name);
HPO_API const char *hpo_trial_label(const hpo_trial *t, const char *name);
/* The space of the trial's study; borrowed. */
HPO_API const hpo_space *hpo_trial_space(const hpo_trial *t);

typedef struct hpo_report {
    size_t size;
    double step;          /* epoch, fold index ... any increasing resource */
    const double *values; /* one per objective, in the user's orientation; NaN: not measured here */
    size_t n_values;
    int32_t fold;        /* cross-validation fold or replicate; -1: none (default) */
    double cost;         /* spent since the last report; 0: unknown */
    const char *metrics; /* further metrics as a JSON object, or NULL */
} hpo_report;
HPO_API void hpo_report_init_sized(hpo_report *r, size_t size);
static inline hpo_report hpo_report_init(void)
{
    hpo_report r;
    hpo_report_init_sized(&r, sizeof r);
    return r;
}
/* Records an intermediate result, renews the lease, and asks the scheduler.  HPO_ESTALE: the trial
 * was given to someone else; abandon it. */
HPO_API HPO_NODISCARD hpo_status hpo_study_report(hpo_study *s, hpo_trial *t, const hpo_report *r, hpo_decision *out,
                                                  hpo_error *err);
/* The same for one objective. */
HPO_API HPO_NODISCARD hpo_status hpo_trial_report(hpo_trial *t, double step, double value, hpo_decision *out, hpo_error *err);
/* Renews the lease without a report; also tells whether a stop was requested. */
HPO_API HPO_NODISCARD hpo_status hpo_study_renew(hpo_study *s, hpo_trial *t, hpo_decision *out, hpo_error *err);

typedef struct hpo_result {
    size_t size;
    hpo_state state;      /* COMPLETE (default), STOPPED, PAUSED, FAILED, INFEASIBLE; WAITING: give it back */
    const double *values; /* n_objectives, in the user's orientation; NULL for STOPPED: last report counts */
    size_t n_values;
    const double *sems; /* standard errors of values, n_values, or NULL */
    const double *outcomes; /* n_outcomes measured constraints (raw; feasible iff <= max), or NULL */
    size_t n_outcomes;
    const double *gradient; /* d values[0] / d column, n_columns, NaN: unknown; or NULL */
    double cost;            /* seconds, money ...; 0: unknown */
    const char *reason;     /* why it failed, one line, or NULL */
    int32_t count_retry;    /* with WAITING: 1 counts against max_retries (lost), 0 does not (preempted) */
    const char *checkpoint; /* path kept with the trial, or NULL */
} hpo_result;
HPO_API void hpo_result_init_sized(hpo_result *r, size_t size);
static inline hpo_result hpo_result_init(void)
{
    hpo_result r;
    hpo_result_init_sized(&r, sizeof r);
    return r;
}
/* Ends a trial.  Telling the same result again is accepted and changes nothing.  HPO_ESTALE: another
 * worker has taken the trial over and this result is refused.  HPO_EINVAL: wrong number of values, or
 * a NaN objective with state COMPLETE (tell FAILED instead). */
HPO_API HPO_NODISCARD hpo_status hpo_study_tell(hpo_study *s, hpo_trial *t, const hpo_result *r, hpo_error *err);
/* The same for one objective value. */
HPO_API HPO_NODISCARD hpo_status hpo_study_tell_value(hpo_study *s, hpo_trial *t, double value, hpo_error *err);

/* Puts a configuration (JSON object, may be partial; NULL: the default configuration) in front of the
 * queue; *number gets its trial number. */
HPO_API HPO_NODISCARD hpo_status hpo_study_enqueue(hpo_study *s, const char *params_json, int64_t *number, hpo_error *err);
/* The same with attributes (a JSON object, or NULL) that the trial has from the start. */
HPO_API HPO_NODISCARD hpo_status hpo_study_enqueue_with(hpo_study *s, const char *params_json, const char *attributes,
                                                        int64_t *number, hpo_error *err);
/* A trial that was made elsewhere and has ended. */
typedef struct hpo_past_trial {
    size_t size;
    const double *x;    /* its configuration, n_columns */
    hpo_result result;  /* COMPLETE, STOPPED, FAILED or INFEASIBLE; gradient and count_retry are not used */
    int64_t started_ms, ended_ms; /* Unix time; 0: unknown */
    const hpo_report *reports;    /* n_reports, in order, or NULL */
    size_t n_reports;
    const char *attributes;       /* a JSON object, or NULL */
} hpo_past_trial;
/* Adds it to the study, whatever the budget; models learn from it and it may be the best.  *number (may be NULL) gets its
 * trial number.  HPO_EINVAL: not valid in the space, or not ended. */
HPO_API HPO_NODISCARD hpo_status hpo_study_add(hpo_study *s, const hpo_past_trial *trial, int64_t *number, hpo_error *err);
/* The same for a trial that goes on from the checkpoint of `parent`, which must be paused or complete and
 * have one (HPO_ESTATE). */
HPO_API HPO_NODISCARD hpo_status hpo_study_enqueue_clone(hpo_study *s, int64_t parent, const char *params_json,
                                                         int64_t *number, hpo_error *err);
/* Returns a failed, stopped, paused or running trial to the queue (a running one loses its lease).  As with
 * enqueue, a study that had ended for lack of trials (HPO_STOP_REASON_TRIALS, EXHAUSTED) goes on. */
HPO_API HPO_NODISCARD hpo_status hpo_study_requeue(hpo_study *s, int64_t number, hpo_error *err);
/* Asks for one trial to end: its next report answers HPO_STOP. */
HPO_API HPO_NODISCARD hpo_status hpo_study_request_stop(hpo_study *s, int64_t number, hpo_error *err);
/* Attaches a JSON value to a trial (number >= 0) or to the study (number -1). */
HPO_API HPO_NODISCARD hpo_status hpo_study_set_attr(hpo_study *s, int64_t number, const char *key, const char *json, hpo_error *err);

/* Ends the study / lets it rest / goes on.  Running trials finish; asks answer HPO_DONE / HPO_WAIT. */
HPO_API HPO_NODISCARD hpo_status hpo_study_stop(hpo_study *s, hpo_stop_reason reason, const char *text, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_study_pause(hpo_study *s, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_study_resume(hpo_study *s, hpo_error *err);

/* ---- looking at a study ---------------------------------------------------------------------- */

typedef enum hpo_study_status { HPO_STUDY_ACTIVE = 0, HPO_STUDY_PAUSED = 1, HPO_STUDY_STOPPED = 2 } hpo_study_status;

/* Borrowed pointers are valid until the study is freed (texts: until the next call on it). */
typedef struct hpo_summary {
    size_t size;
    const char *name, *sampler, *scheduler, *metadata, *attributes; /* the last two JSON objects or NULL */
    uint64_t seed;
    const hpo_objective *objectives;
    size_t n_objectives;
    const hpo_outcome *outcomes;
    size_t n_outcomes;
    hpo_budget budget;
    hpo_study_status status;
    hpo_stop_reason stop_reason;
    const char *stop_text;
    int64_t n_trials, n_by_state[HPO_N_STATES];
    int64_t best;             /* number of the incumbent (one objective), or -1 */
    double best_value;        /* user's orientation; NaN when there is none */
    int64_t since_best;       /* finished trials since the incumbent was found */
    double active_seconds, cost;
    int64_t created_ms, last_ms; /* Unix time */
    int64_t seq;                 /* the study's event counter */
    double lease;
    int64_t lag;
    int32_t noisy, max_retries;
    const char *until; /* the stopping rule, or NULL */
    int32_t open_space; /* 1: the space is learned */
    int64_t id;         /* in its storage; never given to another study, also after a deletion */
} hpo_summary;
HPO_API HPO_NODISCARD hpo_status hpo_study_summary(hpo_study *s, hpo_summary *out, hpo_error *err);
HPO_API const hpo_space *hpo_study_space(const hpo_study *s);

/* One trial as recorded.  Pointers are borrowed until the next call on the study. */
typedef struct hpo_trial_info {
    size_t size;
    int64_t number;
    hpo_state state;
    int32_t attempt;
    int32_t stop_requested;
    const double *x;        /* n_columns */
    const double *values;   /* n_objectives, user's orientation, or NULL */
    const double *sems;     /* or NULL */
    const double *outcomes; /* or NULL */
    const double *gradient; /* or NULL */
    double cost;
    int64_t created_ms, started_ms, ended_ms, lease_ms; /* Unix time; 0: not yet */
    uint64_t token, hash;
    int64_t parent, draw;   /* -1: none / enqueued by hand */
    int64_t seq_ask, seq_from, seq_tell; /* when handed out, from which knowledge, when told */
    int64_t n_reports;
    double last_step; /* NaN: no report */
    const char *worker, *reason, *checkpoint, *attributes; /* or NULL */
    int64_t seq; /* the event that changed it last */
    int32_t repeat; /* made by hpo_study_repeat: `parent` is the trial that it repeats */
    int64_t n_decisions; /* what its scheduler did: hpo_study_trial_decision */
} hpo_trial_info;
/* Brings the local picture of all trials up to date; *changed (may be NULL) gets the number of events read.
 * Sync before walking over all trials: the looks below then show the state at the last sync.  Without any
 * sync, and for a trial that is newer than it, a look reads that one trial as it is now, in O(1). */
HPO_API HPO_NODISCARD hpo_status hpo_study_sync(hpo_study *s, int64_t *changed, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_study_trial(hpo_study *s, int64_t number, hpo_trial_info *out, hpo_error *err);
/* Report i (0..n_reports-1) of a trial, in the order they came; pointers as above.  *time_ms may be NULL. */
HPO_API HPO_NODISCARD hpo_status hpo_study_trial_report(hpo_study *s, int64_t number, size_t i, hpo_report *out,
                                                        int64_t *time_ms, hpo_error *err);
/* What a scheduler did with a trial.  Pointers are borrowed until the next call on the study. */
typedef struct hpo_decision_info {
    size_t size;
    const char *what;   /* "new", "resume", "clone": it began a piece up to `step`; "pause", "stop": it was told so at
                           `step`; "paused": its worker let go */
    double step;        /* NaN: none.  Several fidelities that move together begin at the resource of all */
    const char *reason; /* one line, or NULL */
    int32_t attempt;
    int64_t time_ms, seq;
} hpo_decision_info;
/* Decision i (0..n_decisions-1) of a trial, in the order of the clock. */
HPO_API HPO_NODISCARD hpo_status hpo_study_trial_decision(hpo_study *s, int64_t number, size_t i, hpo_decision_info *out,
                                                          hpo_error *err);
/* The scheduler's state as one JSON object, {"scheduler":...,"rungs":[{"bracket","resource","size","promoted","best",
 * "best_trial"},...],"path":[{"resource",NAME..},..] of several fidelities}; no rungs: [].  *json: hpo_free. */
HPO_API HPO_NODISCARD hpo_status hpo_study_rungs(hpo_study *s, char **json, hpo_error *err);
/* The best feasible complete trials as of now: one for a single objective (O(1)), the Pareto set for several
 * (ascending numbers; syncs).  Writes at most cap numbers, *n gets how many there are.  HPO_ENOTFOUND: none yet. */
HPO_API HPO_NODISCARD hpo_status hpo_study_best(hpo_study *s, int64_t *numbers, size_t cap, size_t *n, hpo_error *err);

/* ---- what to use in the end ---------------------------------------------------------------- */

/* One configuration; values in the user's orientation. */
typedef struct hpo_candidate {
    int64_t number;         /* its first trial */
    int64_t n;              /* how often it was evaluated */
    double observed, best;  /* mean and best of what was measured */
    double sem;             /* standard error of `observed`; NaN: unknown */
    double mean, low, high; /* what is expected of it: posterior mean and 90 % interval */
    double p_best;          /* probability that it is the best of the candidates */
} hpo_candidate;

typedef struct hpo_recommendation {
    size_t size;
    int64_t number;         /* the trial whose configuration to use */
    const char *method;     /* "observed" (no noise), "gp", "forest", "shrinkage" */
    int32_t noisy;          /* declared, or seen: standard errors, repeats that differ */
    int64_t observed_best;  /* the trial with the best single value */
    double observed_value;  /* that value ... */
    double corrected;       /* ... and what is expected of its configuration */
    double noise_sd;        /* of one measurement; NaN: unknown or none */
    double optimism;        /* how much the best of n equal configurations looks better: sd sqrt(2 ln n) */
    int64_t first;          /* the first trial (the default configuration, where there is one) */
    double p_better;        /* probability that the recommendation is better than the first trial; NaN: it is */
    int64_t n_configurations;
    const hpo_candidate *candidates; /* the best first; candidates[0] is the recommendation */
    size_t n_candidates;
    size_t candidate_size; /* sizeof(hpo_candidate) as the library has it */
    const char *text;      /* one sentence */
    const char *warning;   /* one sentence when the data do not bear the choice out, or NULL */
} hpo_recommendation;
/* The configuration to use: the best value where values are exact, the best expected value where they are noisy
 * (docs/choosing.md).  One objective only.  Syncs; pointers are borrowed until the next call on the study.
 * HPO_ENOTFOUND: no complete, feasible trial yet. */
HPO_API HPO_NODISCARD hpo_status hpo_study_recommend(hpo_study *s, hpo_recommendation *out, hpo_error *err);

/* Enqueues the configuration of trial `number` once more, as a trial of its own with a seed of its own, whatever the
 * budget: *repeat (may be NULL) gets its number.  A study that has ended stays so: such trials are handed out to asks
 * with `queue_only`. */
HPO_API HPO_NODISCARD hpo_status hpo_study_repeat(hpo_study *s, int64_t number, int64_t *repeat, hpo_error *err);

/* What the repeats of one configuration say; values in the user's orientation. */
typedef struct hpo_confirmed {
    int64_t number;          /* a trial with that configuration */
    int64_t n, failed, open; /* repeats with a value, without one, not yet ended */
    double mean, sd;         /* of the repeats; NaN: unknown */
    double low, high;        /* 90 % interval of the mean; infinite: unknown */
    double p_best;           /* probability that it is the best of those compared; NaN: unknown */
    int64_t next;            /* how many of `more` further repeats it should get */
} hpo_confirmed;
/* Compares the configurations of n trials by their repeats alone, and distributes `more` further ones so that the best
 * is told from the others soonest (optimal computing budget allocation).  Syncs. */
HPO_API HPO_NODISCARD hpo_status hpo_study_confirmed(hpo_study *s, const int64_t *numbers, size_t n, int64_t more,
                                                     hpo_confirmed *out, hpo_error *err);

/* How trial `number` came about, as one JSON object: the sampler is brought to what it knew then and asked again;
 * "recomputed" says whether that gives the same configuration.  number -1: the study's sampler, its changes, the
 * stopping rule and the next suggestion.  *json is yours (hpo_free).  Format: docs/explain.md. */
HPO_API HPO_NODISCARD hpo_status hpo_study_explain(hpo_study *s, int64_t number, char **json, hpo_error *err);

/* ---- the loop for C callers --------------------------------------------------------------- */

/* Evaluates one trial.  values: n_objectives doubles to fill; result: preset to COMPLETE with these
 * values, change it for anything else.  Return HPO_OK, or a failure: the trial is told FAILED and the
 * study goes on; HPO_EUSER ends the loop.  Called from several threads at once when n_threads > 1. */
typedef hpo_status (*hpo_objective_fn)(hpo_trial *trial, double *values, hpo_result *result, void *ctx);
/* Asks, calls fn, tells, until the study is over.  n_threads 0 or 1: on the calling thread.  A study
 * without any budget is refused (HPO_EINVAL) unless its space is finite. */
HPO_API HPO_NODISCARD hpo_status hpo_study_optimize(hpo_study *s, hpo_objective_fn fn, void *ctx, int32_t n_threads,
                                                    hpo_error *err);

/* ---- what is built in ---------------------------------------------------------------------- */

typedef enum hpo_registry { HPO_SAMPLERS = 0, HPO_SCHEDULERS = 1, HPO_STORAGES = 2, HPO_RUNNERS = 3, HPO_TERMINATORS = 4 } hpo_registry;
/* Names in a registry, for i = 0,1,... until NULL.  Static. */
HPO_API const char *hpo_registry_name(hpo_registry r, size_t i);
/* One line of JSON: {"name","help","reference","capabilities":[...],"options":[{"name","type","default","min","max","help"}]}. */
HPO_API HPO_NODISCARD hpo_status hpo_registry_describe(hpo_registry r, const char *name, char **out, hpo_error *err);

HPO_END_DECLS
#endif
