/* SPDX-License-Identifier: Apache-2.0 */
/* cli/worker.c - `hpo worker`: one more process that works on a stored study. */
#include <stdlib.h>
#include <string.h>

#include "work.h"

static const cli_option worker_options[] = {
    CLI_STUDY_OPTIONS,
    {"workers", 'j', "N", "how many programs run at once; default 1", 0, NULL},
    {"gpus-per-trial", 0, "N", "devices of a trial, instead of what the study says", 0, NULL},
    CLI_WORK_OPTIONS,
};

static int run_worker(cli *c)
{
    cli_work w = {.workers = 1};
    int64_t workers = 1;
    int rc = cli_expect_args(c, 0, 1);
    if (rc == CLI_OK && c->n_args && cli_has(c, "name"))
        rc = cli_usage_error(c, "the study is named twice ('%s' and '%s')", c->args[0],
                             cli_get(c, "name", ""));
    if (rc == CLI_OK) rc = cli_get_int(c, "workers", 1, 100000, &workers);
    if (rc == CLI_OK) rc = cli_get_double(c, "gpus-per-trial", &w.gpus_per_trial);
    if (rc != CLI_OK) return rc;
    if (c->n_args) {
        rc = cli_open_storage(c, 0);
        if (rc != CLI_OK) return rc;
        if (hpo_study_open(c->storage, c->args[0], &c->study, &c->err) != HPO_OK) return cli_fail(c);
    } else {
        rc = cli_open_study(c);
        if (rc != CLI_OK) return rc;
    }
    w.workers = (int32_t)workers;
    w.gpus = cli_get(c, "gpus", NULL);
    return cli_work_run(c, c->study, &w);
}

const cli_command cli_worker = {
    .name = "worker",
    .group = "Run",
    .help = "join in: work on a study that `hpo run` made, here or on another machine",
    .usage = "[OPTION]... [STUDY]",
    .about =
        "Start it as often and wherever the storage can be reached: there is no master. Command, limits and\n"
        "metric rules are stored with the study; the folder for trial directories should be shared as well.\n"
        "\n"
        "Ctrl-C as in `hpo run`. Exit status 0: the study is over; 3: it is over without a feasible result;\n"
        "130: interrupted; 143: ended by SIGTERM, trials are back in the queue.",
    .words = "@study",
    .options = worker_options,
    .n_options = CLI_COUNT(worker_options),
    .run = run_worker,
};
