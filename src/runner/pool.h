/* SPDX-License-Identifier: Apache-2.0 */
/* runner/pool.h - a pool at work: shared by pool.c (the loop), job.c (starting one trial), outcome.c (what
 * the end of a program means) and reclaim.c (trials of dead workers). */
#ifndef RUNNER_POOL_H
#define RUNNER_POOL_H
#include <stdatomic.h>

#include "base/os.h"
#include "hpo/runner.h"
#include "runner/command.h"
#include "runner/metric.h"
#include "runner/slots.h"

typedef struct hpo_pool_job {
    struct hpo_pool *pool;
    int64_t id;
    hpo_trial *trial;
    int64_t number;
    int32_t attempt;
    char *dir;
    hpo_capture capture;
    int *devices; /* per_trial indices, or NULL */
    int64_t renew_at;
    hpo_decision decision; /* what the study said */
    int told_to_stop;      /* ... and the program was asked to end; else it ends by itself */
    double target;         /* its piece ends at this step; NaN: there is no fidelity */
    int64_t parent;        /* of a clone, whose checkpoint it begins with; -1: it is none */
    int64_t costed_at;     /* up to when its time was counted as cost of reports, ns */
    int lost;              /* another worker holds the trial */
    int interrupted;       /* the user ended it */
    int ended;             /* `exit` is filled */
    hpo_run_event exit;
    int64_t tell_at, give_up_at; /* of a result that could not be stored yet */
    int told_trouble;
} hpo_pool_job;

struct hpo_pool {
    hpo_study *study;
    hpo_pool_options o;
    char *worker, *storage; /* owned copies */
    const hpo_runner_ops *ops;
    void *runner;
    char *study_name;
    double lease;
    hpo_command command;
    hpo_template template;
    hpo_template *renders; /* one for each pair of command.renders */
    size_t n_renders;
    hpo_metrics metrics;
    hpo_slots slots;
    int64_t fidelity;    /* index of the fidelity that counts steps, or -1 */
    size_t n_fidelities;
    int clones;          /* the scheduler makes clones: a paused trial's checkpoint is set aside for them */
    hpo_words base_env;  /* inherited, without what is set here */
    hpo_words argv, env; /* of the start at hand */
    hpo_pool_job **jobs;
    size_t n_jobs, cap_jobs;
    int64_t next_id, n_started;
    atomic_int level; /* hpo_pool_interrupt */
    int level_done;   /* how far it was carried out */
    int over;         /* the study handed out HPO_DONE */
    int failed;       /* `err` ended the pool */
    hpo_error err;
    int64_t reclaim_at;       /* when to look for dead workers again */
    int64_t ask_at, ask_wait; /* ns; when to ask again, and how long the last pause was */
    int preempted;            /* trials in a row that came back at once */
    int64_t checkpoint_bytes; /* at the last look, and what came since */
    int told_quota;           /* that the quota cannot be kept */
    int explained;            /* the first failure was shown with its output */
    int64_t tick_at;
    hpo_os_lock lock; /* held as long as this worker or one of its programs lives */
    char *lock_path;
};

/* ---- job.c ---- */
/* Starts the program of a trial; takes the trial over (also on failure, when it is given back). */
HPO_NODISCARD hpo_status hpo_job_start(hpo_pool *p, hpo_trial *t, hpo_error *err);
void hpo_job_free(hpo_pool_job *j);
/* Appends the folder to tell as the checkpoint of a trial that has ended well; nothing when it wrote none. */
void hpo_job_keep_checkpoint(const hpo_pool_job *j, hpo_str *path);
/* The texts of the special names; they point into `text` and into the arguments. */
typedef struct hpo_special_texts {
    hpo_str text;
    const char *list[HPO_N_SPECIALS];
} hpo_special_texts;
HPO_NODISCARD hpo_status hpo_special_texts_init(hpo_special_texts *s, int64_t number, int32_t attempt,
                                                uint64_t seed, const char *dir, const char *study,
                                                hpo_error *err);

/* ---- outcome.c ---- */
typedef struct hpo_outcome_text {
    char reason[480];
} hpo_outcome_text;
/* What to tell about a program that ended; texts live in `text`.  *abort: the study must end. */
void hpo_job_outcome(hpo_pool_job *j, hpo_result *r, hpo_outcome_text *text, int *abort);
/* Writes result.json and resources.json. */
void hpo_job_record(const hpo_pool_job *j, const hpo_result *r);

/* ---- reclaim.c ---- */
/* Takes a lock whose file is named after the worker; p->worker may get a suffix to be unique. */
HPO_NODISCARD hpo_status hpo_pool_lock(hpo_pool *p, hpo_error *err);
void hpo_pool_unlock(hpo_pool *p);
/* Requeues what dead workers of this machine held; *n of them. */
HPO_NODISCARD hpo_status hpo_pool_reclaim(hpo_pool *p, int64_t *n, hpo_error *err);

/* ---- quota.c ---- */
/* Trial j->number was told: removes checkpoints when they have become too large. */
void hpo_pool_keep_quota(hpo_pool *p, const hpo_pool_job *j);

/* ---- pool.c ---- */
int64_t hpo_pool_now(const hpo_pool *p);
void hpo_pool_emit(hpo_pool *p, hpo_pool_event_kind kind, const hpo_pool_job *j, const char *text);
void hpo_pool_note(hpo_pool *p, const char *format, ...) HPO_PRINTF(2, 3);
/* A report out of a program's output: hpo_report_fn with a job as ctx. */
void hpo_pool_report(void *ctx, const hpo_report *r);
#endif
