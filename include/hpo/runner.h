/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/runner.h - tuning a command: for those who embed it, and for those who write a runner.  Stable
 * through a minor version.
 *
 * Three objects.  A *plan* is everything `hpo run` and a study file can say: space, objectives,
 * command, metric rules, limits.  It makes (or finds) a study, and what a worker needs later is kept in
 * that study's metadata.  A *pool* works on such a study: it asks, starts the program, watches it,
 * reports, tells.  A *runner* is where programs run: "local" processes here; others are registered.
 *
 * The contract with the program is written down in docs/program-contract.md. */
#ifndef HPO_RUNNER_H
#define HPO_RUNNER_H

#include "hpo.h"

HPO_BEGIN_DECLS

/* ---- plan -------------------------------------------------------------------------------------- */

typedef struct hpo_plan hpo_plan;

HPO_API HPO_NODISCARD hpo_status hpo_plan_create(hpo_plan **out, hpo_error *err);
HPO_API void hpo_plan_free(hpo_plan *p);
/* Reads a study file (JSON or YAML, docs/study-file.md).  `what` names it in messages.  Unknown keys are
 * errors.  Settings made later with hpo_plan_set win. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_load(hpo_plan *p, const char *text, size_t n, const char *what,
                                               hpo_error *err);
/* One setting by its command-line name without dashes ("minimize", "budget", "trial-time", ...; the
 * list: hpo_plan_setting).  Those that are lists gain an entry.  HPO_EINVAL names setting and value. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_set(hpo_plan *p, const char *key, const char *value,
                                              hpo_error *err);
/* Setting i (0, 1, ... until NULL): its name; *argument gets what it takes (NULL: a switch), *help a line. */
HPO_API const char *hpo_plan_setting(size_t i, const char **argument, const char **help);
/* The command, word by word, with placeholders; new parameters found in it are added to the space. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_command(hpo_plan *p, const char *const *words, size_t n,
                                                  hpo_error *err);
/* 1 once a command is known. */
HPO_API int32_t hpo_plan_has_command(const hpo_plan *p);
/* The study's name: as set, else made from the command ("./train.py" -> "train"), else NULL. */
HPO_API const char *hpo_plan_name(const hpo_plan *p);
/* Number of programs to run at once: as set, else 1. */
HPO_API int32_t hpo_plan_workers(const hpo_plan *p);
/* Devices to hand out ("0,1", may be NULL) and how many a trial gets (0: none). */
HPO_API const char *hpo_plan_gpus(const hpo_plan *p, double *per_trial);
/* The parameters, constraints and objectives, one a line, for people. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_describe(const hpo_plan *p, char **out, hpo_error *err);
/* The space so far; borrowed.  Add to it, look at it. */
HPO_API hpo_space *hpo_plan_space(hpo_plan *p);
/* Can the command be started in `cwd` with the environment `envp`?  HPO_OK also when there is none, and when
 * only a trial can tell (a placeholder in its first word, a shell).  Ask before anything is stored. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_check_program(const hpo_plan *p, const char *cwd,
                                                        const char *const *envp, hpo_error *err);
/* Makes the study, or opens the one of this name when it is the same problem with the same command
 * (*existed 1); then a budget or limit that this plan sets replaces the stored one.  `cwd` is where
 * programs will run, `dir` the folder for trial directories unless the plan sets one. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_open(hpo_plan *p, hpo_storage *st, const char *cwd, const char *dir,
                                               hpo_study **out, int32_t *existed, hpo_error *err);
/* The first n commands of the study this plan would make, quoted for a shell, one a line.  Nothing is
 * run, nothing stored. */
HPO_API HPO_NODISCARD hpo_status hpo_plan_preview(hpo_plan *p, const char *cwd, const char *dir, size_t n,
                                                  char **out, hpo_error *err);
/* Reads "10min,200trials,target=0.05,stagnation=50,cost=20" into b; fields not named stay. */
HPO_API HPO_NODISCARD hpo_status hpo_budget_parse(const char *text, hpo_budget *b, hpo_error *err);
/* "90", "1.5h", "2min30s", "4d" as seconds; "512M", "16G", "1.5GiB" as bytes. */
HPO_API HPO_NODISCARD hpo_status hpo_duration_parse(const char *text, double *seconds, hpo_error *err);
HPO_API HPO_NODISCARD hpo_status hpo_bytes_parse(const char *text, int64_t *bytes, hpo_error *err);

/* ---- what a stored study knows of its command ------------------------------------------------- */

/* 1 when the study has a command (made by hpo_plan_open). */
HPO_API int32_t hpo_study_has_command(hpo_study *s);
/* The directory of a trial (it may not exist yet). */
HPO_API HPO_NODISCARD hpo_status hpo_study_trial_dir(hpo_study *s, int64_t number, char **out,
                                                     hpo_error *err);
/* The exact command of a trial, quoted for a shell. */
HPO_API HPO_NODISCARD hpo_status hpo_study_trial_command(hpo_study *s, int64_t number, char **out,
                                                         hpo_error *err);

/* ---- pool -------------------------------------------------------------------------------------- */

typedef enum hpo_pool_event_kind {
    HPO_POOL_STARTED = 0,  /* a program was started */
    HPO_POOL_REPORT = 1,   /* an intermediate result */
    HPO_POOL_FINISHED = 2, /* a trial was told */
    HPO_POOL_RETURNED = 3, /* a trial went back to the queue (preempted, retried, interrupted) */
    HPO_POOL_DROPPED = 4,  /* another worker holds the trial now: its program was ended */
    HPO_POOL_NOTE = 5,     /* text: something the user should know */
    HPO_POOL_TICK = 6      /* at least once a second */
} hpo_pool_event_kind;

typedef struct hpo_pool_event {
    size_t size;
    hpo_pool_event_kind kind;
    int64_t trial; /* -1: none */
    int32_t attempt;
    hpo_state state;      /* FINISHED */
    const double *values; /* FINISHED, REPORT: n_objectives or NULL */
    size_t n_values;
    double step;      /* REPORT */
    double seconds;   /* FINISHED, RETURNED: wall time of the program */
    const char *text; /* NOTE; FINISHED, RETURNED: the reason, or NULL */
    const char *dir;  /* the trial's directory, or NULL */
} hpo_pool_event;

typedef struct hpo_pool_options {
    size_t size;
    const char *runner; /* NULL: "local" */
    const char *worker; /* NULL: "host:pid" */
    int32_t workers;    /* programs at once; 0: 1 */
    const char *gpus;   /* device names separated by commas, or NULL */
    double gpus_per_trial;
    const char *const *envp; /* environment that programs inherit; NULL: empty */
    const char *storage;     /* passed on as HPO_STORAGE, or NULL */
    int64_t max_trials;      /* this pool ends after so many; 0: no limit */
    int32_t reclaim;         /* 1: take back at once what dead workers of this machine held */
    void (*on_event)(void *ctx, const hpo_pool_event *e);
    void *ctx;
    int32_t queue_only; /* 1: only what waits in the queue, also when the study has ended */
} hpo_pool_options;
HPO_API void hpo_pool_options_init_sized(hpo_pool_options *o, size_t size);
static inline hpo_pool_options hpo_pool_options_init(void)
{
    hpo_pool_options o;
    hpo_pool_options_init_sized(&o, sizeof o);
    return o;
}

typedef struct hpo_pool hpo_pool;
/* `study` is borrowed; its metadata say what to run (HPO_EINVAL when they do not). */
HPO_API HPO_NODISCARD hpo_status hpo_pool_create(hpo_study *study, const hpo_pool_options *o, hpo_pool **out,
                                                 hpo_error *err);
/* Works until the study is over (HPO_DONE), this pool's max_trials are done or it was interrupted
 * (HPO_OK), or something fails.  On the calling thread; programs die with that thread. */
HPO_API HPO_NODISCARD hpo_status hpo_pool_run(hpo_pool *p, hpo_error *err);
/* Each call goes one step further: 1 no new trials, 2 end the running ones politely and give them
 * back, 3 kill them and give them back.  Returns the step reached.  May be called from a signal
 * handler or another thread. */
HPO_API int32_t hpo_pool_interrupt(hpo_pool *p);
/* How many programs are running now. */
HPO_API int32_t hpo_pool_running(const hpo_pool *p);
HPO_API void hpo_pool_free(hpo_pool *p);

/* ---- runners ----------------------------------------------------------------------------------- */

/* Limits of one program; 0: none. */
typedef struct hpo_limits {
    size_t size;
    double wall, cpu; /* seconds */
    int64_t memory;   /* bytes resident in all its processes together */
    int64_t output;   /* bytes kept of each of stdout and stderr; what follows is read and dropped */
    double grace;     /* seconds between the steps of a stop */
} hpo_limits;

typedef struct hpo_job {
    size_t size;
    int64_t id;              /* the caller's; unique among running jobs */
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in envp's PATH */
    const char *const *envp;
    const char *cwd;
    const char *dir; /* stdout, stderr and metrics.jsonl are written here */
    hpo_limits limits;
} hpo_job;

typedef enum hpo_run_event_kind {
    HPO_RUN_STDOUT = 0, /* bytes the program wrote */
    HPO_RUN_STDERR = 1,
    HPO_RUN_METRICS = 2, /* bytes written to HPO_METRICS or HPO_METRICS_FD */
    HPO_RUN_EXIT = 3     /* it and all its descendants are gone; the last event of a job */
} hpo_run_event_kind;

typedef enum hpo_run_cause {
    HPO_CAUSE_EXIT = 0,    /* exited by itself with `code` */
    HPO_CAUSE_SIGNAL = 1,  /* died by `signal` that did not come from us */
    HPO_CAUSE_STOPPED = 2, /* ended after stop(); `code` or `signal` say how */
    HPO_CAUSE_TIME = 3,    /* the limit of wall time */
    HPO_CAUSE_CPU = 4,     /* the limit of processor time */
    HPO_CAUSE_MEMORY = 5,  /* the limit of memory */
    HPO_CAUSE_OOM = 6      /* killed by the system, which was out of memory */
} hpo_run_cause;

typedef struct hpo_run_event {
    size_t size;
    hpo_run_event_kind kind;
    int64_t id;
    const char *data; /* n bytes, valid during the call */
    size_t n;
    hpo_run_cause cause;
    int32_t code, signal;      /* exit status (-1: none), signal (0: none) */
    double wall, user, system; /* seconds */
    int64_t max_rss;           /* bytes; 0: unknown */
    int64_t dropped;           /* bytes of output beyond limits.output */
} hpo_run_event;
typedef void (*hpo_run_sink)(void *ctx, const hpo_run_event *e);

typedef enum hpo_stop_step {
    HPO_STEP_REQUEST = 0,   /* ask (USR1, file `stop`), then TERM, then KILL, `grace` apart */
    HPO_STEP_TERMINATE = 1, /* file `stop` and TERM now, KILL after `grace` */
    HPO_STEP_KILL = 2       /* KILL now */
} hpo_stop_step;

typedef struct hpo_runner_ops {
    size_t size;      /* sizeof(hpo_runner_ops) */
    const char *name; /* REQUIRED */
    const char *help; /* REQUIRED: one sentence */
    /* REQUIRED: `options` is the text after "name:" (maybe ""). */
    hpo_status (*open)(const char *options, void **self, hpo_error *err);
    void (*close)(void *self); /* REQUIRED: kills what still runs */
    /* Optional: how many jobs it can run at once; NULL or 0: any number. */
    int32_t (*capacity)(void *self);
    /* REQUIRED: everything in `job` is copied.  HPO_EINVAL: this command cannot be started at all (the text
     * says why); HPO_EBUSY: not now (out of processes, descriptors, memory). */
    hpo_status (*start)(void *self, const hpo_job *job, hpo_error *err);
    /* REQUIRED: waits at most timeout_ms for something to happen and hands every event to sink.  sink
     * may call stop, not start. */
    hpo_status (*poll)(void *self, int64_t timeout_ms, hpo_run_sink sink, void *ctx, hpo_error *err);
    /* REQUIRED: never goes back to an earlier step; unknown ids are ignored. */
    void (*stop)(void *self, int64_t id, hpo_stop_step step);
    /* REQUIRED: makes a poll() in progress return soon.  Called from signal handlers and other threads. */
    void (*wake)(void *self);
    /* Optional: the clock of this runner in nanoseconds; NULL: the system's monotonic clock. */
    int64_t (*clock_ns)(void *self);
} hpo_runner_ops;

/* As hpo_sampler_register. */
HPO_API HPO_NODISCARD hpo_status hpo_runner_register(const hpo_runner_ops *ops, hpo_error *err);
/* Runner i (0, 1, ... until NULL). */
HPO_API const hpo_runner_ops *hpo_runner_at(size_t i);
HPO_API const hpo_runner_ops *hpo_runner_find(const char *name);

HPO_END_DECLS
#endif
