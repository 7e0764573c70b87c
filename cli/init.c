/* SPDX-License-Identifier: Apache-2.0 */
/* cli/init.c - `hpo init`: a commented study file to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char study_file[] =
    "# A study for hpo.  Look it over with `hpo check @study.yaml`, start it with `hpo run @study.yaml`.\n"
    "# Lines that begin with '#' show what else there is; docs/study-file.md describes every key.\n"
    "\n"
    "study:\n"
    "  name: demo\n"
    "  objectives:\n"
    "    - {name: loss, goal: min}       # what the program prints: {\"step\": 3, \"loss\": 0.41}\n"
    "#    - {name: latency, goal: min}   # several objectives give a Pareto front\n"
    "#  seed: 1                          # default: random, shown and stored\n"
    "#  noisy: true                      # the same configuration may be evaluated again\n"
    "#  lag: 4                           # the same study for any number of workers up to 4\n"
    "\n"
    "# One list entry is one word of the command line; {name} stands for the value.\n"
    "command:\n"
    "  - ./train\n"
    "  - --lr={lr}\n"
    "  - --opt={opt}\n"
    "  - {if: opt == 'sgd', args: [\"--mom={mom}\"]}\n"
    "\n"
    "params:\n"
    "  lr: {type: float, range: [1.0e-5, 1], scale: log, default: 1.0e-3}\n"
    "  opt: {type: categorical, values: [sgd, adam]}\n"
    "  mom: {type: float, range: [0, 0.99], when: opt == 'sgd'}\n"
    "#  layers: {type: int, range: [1, 8]}\n"
    "#  width: {type: ordinal, values: [64, 128, 256]}\n"
    "\n"
    "# Conditions between parameters that every proposal satisfies.\n"
    "#constraints:\n"
    "#  - layers * width <= 1024\n"
    "\n"
    "# Limits on something that the program measures: {\"loss\": 0.4, \"_constraint\": {\"mem_gb\": 3}}.\n"
    "#outcome_constraints:\n"
    "#  - {name: mem_gb, max: 10}\n"
    "\n"
    "# For a program that cannot be changed: how to find the value in what it prints.\n"
    "#metric:\n"
    "#  - 'loss=val loss: {float}'\n"
    "\n"
    "search:\n"
    "  sampler: random                   # `hpo samplers` lists them\n"
    "\n"
    "budget:\n"
    "  trials: 100\n"
    "#  time: 4h\n"
    "#  cost: 20\n"
    "#  target: 0.05\n"
    "#  stagnation: 50                   # so many finished trials without improvement\n"
    "\n"
    "#limits:\n"
    "#  trial_time: 30m\n"
    "#  memory: 16G\n"
    "#  retries: 1                       # evaluate a failed trial again\n"
    "\n"
    "resources:\n"
    "  workers: 2                        # programs at once\n"
    "#  gpus_per_trial: 1\n";

static int write_new(const char *path)
{
    size_t n = sizeof study_file - 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return cli_error("%s exists and is not overwritten: choose another name", path);
    if (fd < 0) return cli_error("cannot write %s: %s", path, strerror(errno));
    for (size_t done = 0; done < n;) {
        ssize_t k = write(fd, study_file + done, n - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) {
            int rc = cli_error("cannot write %s: %s", path, strerror(errno));
            close(fd);
            unlink(path);
            return rc;
        }
        done += (size_t)k;
    }
    if (close(fd) != 0) return cli_error("cannot write %s: %s", path, strerror(errno));
    printf("%s written: edit it, then `hpo check @%s` and `hpo run @%s`\n", path, path, path);
    return CLI_OK;
}

static int run_init(cli *c)
{
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (c->n_args) return write_new(c->args[0]);
    fputs(study_file, stdout);
    return CLI_OK;
}

const cli_command cli_init = {
    .name = "init",
    .group = "Study",
    .help = "write a commented study file",
    .usage = "[FILE]",
    .about = "Writes to FILE, which must not exist, or to standard output.",
    .words = "@file",
    .run = run_init,
};
