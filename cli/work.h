/* SPDX-License-Identifier: Apache-2.0 */
/* cli/work.h - what `run` and `worker` have in common: a pool with signals, progress and a last word. */
#ifndef CLI_WORK_H
#define CLI_WORK_H

#include "cli.h"
#include "hpo/runner.h"

/* Rows of both option tables. */
/* clang-format off */
#define CLI_WORK_OPTIONS                                                                                     \
    {"gpus", 0, "LIST", "devices to hand out, e.g. 0,1; default: CUDA_VISIBLE_DEVICES, else those found", 0, NULL}, \
    {"max-trials", 0, "N", "end after N programs were started here", 0, NULL},                               \
    {"quiet", 'q', NULL, "no progress, only the end", 0, NULL},                                              \
    {"json", 0, NULL, "print the end as one JSON object", 0, NULL},                                          \
    {"jsonl", 0, NULL, "print every event as one line of JSON", 0, NULL}
/* clang-format on */

typedef struct cli_work {
    int32_t workers;
    double gpus_per_trial; /* 0: as stored with the study */
    const char *gpus;      /* NULL: as found */
    int needs_gpus;        /* the study's trials use devices */
} cli_work;

/* Are there devices enough for one trial?  Asked before a study is made. */
int cli_work_check(cli *c, const cli_work *w);
/* Works on the study until it is over; the exit status. */
int cli_work_run(cli *c, hpo_study *study, const cli_work *w);

/* Works on what waits in the queue, also of a study that has ended; says nothing at the end. */
int cli_work_queue(cli *c, hpo_study *study, const cli_work *w);
/* CLI_OK, or the exit status after a signal. */
int cli_work_interrupted(void);

/* Progress: progress.c. */
typedef struct cli_progress cli_progress;
cli_progress *cli_progress_new(cli *c, hpo_study *study);
/* hpo_pool_options.on_event with a cli_progress as ctx. */
void cli_progress_event(void *ctx, const hpo_pool_event *e);
/* Wipes the progress line. */
void cli_progress_clear(cli_progress *p);
void cli_progress_free(cli_progress *p);
/* How many trials this process finished. */
int64_t cli_progress_finished(const cli_progress *p);
#endif
