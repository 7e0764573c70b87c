/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/storage.h - for those who write a storage.  Stable through a minor version.
 *
 * A storage keeps records and gives out one thing: short exclusive transactions on one study.  All
 * rules (states, budgets, leases, duplicates) live in the study layer.  One clock per study: the
 * header's `seq` grows by one with every event and each changed record carries the seq of its last
 * change, so a reader fetches only what is new.
 *
 * Threads: a handle may be used from several threads.  begin() blocks until the study's transaction is
 * free, in this process and in all others, and holds the handle until commit() or rollback(). */
#ifndef HPO_STORAGE_H
#define HPO_STORAGE_H

#include "hpo.h"

HPO_BEGIN_DECLS

/* Shapes of a study's rows, fixed at creation. */
typedef struct hpo_row_shape {
    size_t n_columns, n_objectives, n_outcomes;
} hpo_row_shape;

/* The counters of a study: read by begin(), written by commit(). */
typedef struct hpo_study_header {
    int64_t seq, next_number, next_draw;
    int64_t n_by_state[HPO_N_STATES];
    int32_t status, stop_reason;     /* hpo_study_status, hpo_stop_reason */
    double cost;                     /* sum of told costs */
    int64_t last_ms;                 /* time of the last event; never goes back */
    int64_t active_ms;               /* wall time with at least one trial running */
    int64_t lease_max_ms;            /* latest lease end given out */
    double best_value;               /* minimise-oriented, NaN: none */
    int64_t best_number, since_best; /* -1: none */
    int64_t texts_seq;               /* seq of the last change of spec, metadata, attributes or stop_text */
} hpo_study_header;

/* The rest of a study; texts are JSON and belong to whoever filled the struct. */
typedef struct hpo_study_record {
    int64_t id;
    const char *name;
    const char *space;      /* hpo_space_to_json */
    const char *spec;       /* objectives, outcomes, sampler, scheduler, budget ... */
    const char *metadata;   /* or NULL */
    const char *attributes; /* or NULL */
    const char *stop_text;  /* or NULL */
    uint64_t seed;
    int64_t created_ms;
    hpo_row_shape shape;
    hpo_study_header header;
} hpo_study_record;

/* One trial.  Arrays are NULL when absent; y is minimise-oriented, outcomes are as measured. */
typedef struct hpo_trial_record {
    int64_t number, draw, parent;
    int32_t state, attempt, flags, lost; /* flags: HPO_TRIAL_*; lost: times counted against max_retries */
    uint64_t token, hash;
    int64_t seq, seq_ask, seq_from, seq_tell;
    int64_t created_ms, started_ms, ended_ms, lease_ms; /* lease_ms INT64_MAX: never expires */
    double cost;
    const double *x;        /* n_columns, NaN inactive */
    const double *y;        /* n_objectives */
    const double *sem;      /* n_objectives */
    const double *outcome;  /* n_outcomes */
    const double *gradient; /* n_columns */
    const char *worker, *reason, *checkpoint, *attributes;
} hpo_trial_record;

enum {
    HPO_TRIAL_STOP_REQUESTED = 1 << 0, /* its next report answers STOP */
    HPO_TRIAL_ENQUEUED = 1 << 1,       /* configuration given by the user */
    HPO_TRIAL_REPEAT = 1 << 2, /* ... by hpo_study_repeat: `parent` is the trial that is repeated */
    HPO_TRIAL_PAUSE_REQUESTED = 1 << 3, /* its next report answers PAUSE */
    HPO_TRIAL_CONVERGED = 1 << 4,       /* stopped because more would not help: its last value is final */
    HPO_TRIAL_SETTLED = 1 << 5          /* its configuration is what it was run with: hpo_study_set_config */
};

/* What a row of a trial's log is: an intermediate result, or what the scheduler did.  Stored; append only. */
enum {
    HPO_LOG_REPORT = 0,
    HPO_LOG_NEW = 1,    /* handed out for the first time, up to resource `step` */
    HPO_LOG_RESUME = 2, /* goes on from its checkpoint, up to resource `step` */
    HPO_LOG_CLONE = 3,  /* made from its parent's checkpoint, up to resource `step` */
    HPO_LOG_PAUSE = 4,  /* was told to pause at `step` */
    HPO_LOG_STOP = 5,   /* was told to stop at `step` */
    HPO_LOG_PAUSED = 6  /* its worker has let go: its checkpoint is complete */
};

typedef struct hpo_report_record {
    int64_t trial, seq, time_ms;
    double step, cost;
    int32_t fold, attempt;
    const double *y;     /* n_objectives, minimise-oriented, NaN: not measured */
    const char *metrics; /* REPORT: JSON object or NULL; others: why, one line, or NULL */
    int32_t kind;        /* HPO_LOG_* */
} hpo_report_record;

/* Which parts of a trial record update_trial writes; seq is always written. */
enum {
    HPO_UPDATE_STATE = 1 << 0,   /* state, attempt, flags, lost, seq_tell */
    HPO_UPDATE_LEASE = 1 << 1,   /* token, lease_ms, worker, started_ms, seq_ask */
    HPO_UPDATE_RESULT = 1 << 2,  /* y, sem, outcome, gradient, cost, ended_ms, reason, checkpoint */
    HPO_UPDATE_ATTRS = 1 << 3,   /* attributes */
    HPO_UPDATE_CONFIG = 1 << 4   /* x, hash (a mid-run change of parameters) */
};

/* Receives records in ascending seq.  Pointers are valid during the call.  A non-OK status ends the
 * reading and is returned. */
typedef struct hpo_reader {
    hpo_status (*trial)(void *ctx, const hpo_trial_record *t);
    hpo_status (*report)(void *ctx, const hpo_report_record *r); /* NULL: reports are not read */
    void *ctx;
} hpo_reader;

typedef struct hpo_storage_ops {
    size_t size;
    const char *scheme;  /* REQUIRED: "mem", "sqlite", "postgresql" */
    const char *help;    /* REQUIRED */
    int32_t shared;      /* 1: other processes may write too */

    /* REQUIRED: rest is the url after "scheme:". */
    hpo_status (*open)(const char *rest, void **self, hpo_error *err);
    void (*close)(void *self); /* REQUIRED */

    /* -- studies (each a transaction of its own); all REQUIRED */
    hpo_status (*create_study)(void *self, const hpo_study_record *in, int64_t *id, hpo_error *err); /* HPO_EEXIST */
    /* Looks up by name; the record's texts are copies to be freed with free_study. HPO_ENOTFOUND. */
    hpo_status (*load_study)(void *self, const char *name, hpo_study_record *out, hpo_error *err);
    void (*free_study)(void *self, hpo_study_record *r);
    hpo_status (*delete_study)(void *self, const char *name, hpo_error *err);
    /* Names in order of creation: visit(ctx, name, header); nonzero ends. */
    hpo_status (*list_studies)(void *self, int (*visit)(void *ctx, const char *name, const hpo_study_header *h), void *ctx,
                               hpo_error *err);

    /* -- one exclusive transaction on one study; all REQUIRED.  Between begin and commit only the
     * calling thread uses this handle.  commit writes the header and makes everything durable;
     * rollback leaves no trace.  A failed commit has rolled back. */
    hpo_status (*begin)(void *self, int64_t study, hpo_study_header *h, hpo_error *err); /* HPO_EBUSY, HPO_ENOTFOUND */
    hpo_status (*commit)(void *self, int64_t study, const hpo_study_header *h, hpo_error *err);
    void (*rollback)(void *self, int64_t study);
    hpo_status (*insert_trial)(void *self, int64_t study, const hpo_trial_record *t, hpo_error *err);
    hpo_status (*update_trial)(void *self, int64_t study, const hpo_trial_record *t, uint32_t parts, hpo_error *err);
    hpo_status (*insert_report)(void *self, int64_t study, const hpo_report_record *r, hpo_error *err);
    /* Texts of the study that may change: NULL leaves one as it is. */
    hpo_status (*update_study)(void *self, int64_t study, const char *spec, const char *metadata, const char *attributes,
                               const char *stop_text, hpo_error *err);
    /* One trial; pointers valid until the next call on this handle.  HPO_ENOTFOUND. */
    hpo_status (*get_trial)(void *self, int64_t study, int64_t number, hpo_trial_record *out, hpo_error *err);
    /* The trial to hand out again: the lowest-numbered WAITING one, else a RUNNING one whose lease_ms
     * < now_ms (lowest lease first).  *number -1: none. */
    hpo_status (*next_ready)(void *self, int64_t study, int64_t now_ms, int64_t *number, hpo_error *err);
    /* The lowest number with this hash whose state is not FAILED, or -1. */
    hpo_status (*find_hash)(void *self, int64_t study, uint64_t hash, int64_t *number, hpo_error *err);

    /* -- reading (inside or outside a transaction); REQUIRED.  Everything changed after `seq`. */
    hpo_status (*read_since)(void *self, int64_t study, int64_t seq, const hpo_reader *reader, hpo_error *err);
    /* REQUIRED: the header and (out may be NULL) nothing else, without a transaction. */
    hpo_status (*read_header)(void *self, int64_t study, hpo_study_header *out, hpo_error *err);
    /* REQUIRED: one trial (unless reader->trial is NULL) and then its reports in order, as they are at one
     * moment.  HPO_ENOTFOUND. */
    hpo_status (*read_reports)(void *self, int64_t study, int64_t number, const hpo_reader *reader, hpo_error *err);

    /* -- optional: NULL = the study keeps a copy of its own by read_since.  The live columns of a
     * storage that already has them in memory (see src/storage/history.h); read only between begin
     * and commit or rollback. */
    const struct hpo_history *(*peek)(void *self, int64_t study);

    /* -- serialises suggestions of history-based samplers over all processes, apart from the short
     * transactions; freed by the system when the holder dies.  Optional: NULL = begin/commit suffices. */
    hpo_status (*lock_ask)(void *self, int64_t study, hpo_error *err);
    void (*unlock_ask)(void *self, int64_t study);

    /* -- maintenance, optional: NULL = HPO_EUNSUPPORTED */
    hpo_status (*describe)(void *self, char **json, hpo_error *err);   /* {"path":...,"schema":...,...} */
    hpo_status (*verify)(void *self, char **findings, hpo_error *err); /* "" when sound */
    hpo_status (*backup)(void *self, const char *path, hpo_error *err);
    hpo_status (*migrate)(void *self, int32_t *from, int32_t *to, hpo_error *err);

    /* -- optional: NULL = spaces do not grow here (HPO_EUNSUPPORTED).  The first write of a transaction, whose header
     * gets a new texts_seq: the study's space is now `space`, and every row and gradient has n_columns values, NaN in
     * the new ones.  Whoever reads a header with another texts_seq than before reads rows of the new length. */
    hpo_status (*grow_study)(void *self, int64_t study, const char *space, size_t n_columns, hpo_error *err);
} hpo_storage_ops;

/* As hpo_sampler_register. */
HPO_API HPO_NODISCARD hpo_status hpo_storage_register(const hpo_storage_ops *ops, hpo_error *err);

HPO_END_DECLS
#endif
