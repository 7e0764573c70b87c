/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run.c - `hpo run`: tune a command.
 *
 * Options that say what to tune have the names of hpo_plan_set(): they are passed on as they are. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"
#include "record.h"
#include "replay.h"
#include "work.h"

extern char **environ;

static const cli_option run_options[] = {
    {"name", 'n', "NAME", "the study; default: made from the command", 0, "@study"},
    CLI_STORAGE_OPTIONS,
    {"minimize", 0, "NAME", "an objective; several give a Pareto front", CLI_REPEAT, NULL},
    {"maximize", 0, "NAME", "an objective to be made large", CLI_REPEAT, NULL},
    {"budget", 'b', "LIMITS", "when to end: 10min,200trials,cost=20,target=0.05,stagnation=50", 0, NULL},
    {"workers", 'j', "N", "how many programs run at once; default 1", 0, NULL},
    {"metric", 'm', "RULE", "how to find the value: last, exit, time, or 'loss=val loss: {float}'",
     CLI_REPEAT, NULL},
    {"metric-file", 0, "FILE:KEY", "read the value from a JSON or YAML file, 'out.json:val.loss'", CLI_REPEAT,
     NULL},
    {"space", 0, "FILE", "read parameters and constraints from a JSON or YAML file", 0, "@file"},
    {"param", 'p', "NAME:DOMAIN", "add a parameter, e.g. 'lr:log 1e-5..1'", CLI_REPEAT, NULL},
    {"constraint", 0, "EXPR", "a condition that every proposal must satisfy", CLI_REPEAT, NULL},
    {"derive", 0, "NAME=EXPR", "a value computed from parameters, passed on but not searched", CLI_REPEAT,
     NULL},
    {"outcome", 0, "NAME<=MAX", "a measured constraint: feasible when at most MAX", CLI_REPEAT, NULL},
    {"sampler", 0, "SPEC", "NAME or NAME:key=value,...; see `hpo samplers`", 0, "@sampler"},
    {"scheduler", 0, "SPEC",
     "NAME or NAME:key=value,...; default: auto with a {NAME:fidelity A..B}, else none; see `hpo samplers "
     "--schedulers`",
     0, "@scheduler"},
    {"seed", 0, "N", "seed of the study; default: random, shown and stored", 0, NULL},
    {"until", 0, "RULE",
     "stopping rule, e.g. 'regret or stagnation:trials=50'; see `hpo samplers --terminators`", 0, NULL},
    {"noisy", 0, NULL, "the same configuration may be evaluated again", 0, NULL},
    {"lag", 0, "K", "suggestion n uses exactly the results of trials before n-K+1", 0, NULL},
    {"lease", 0, "TIME", "how long an unrenewed trial stays with its worker; default 10min", 0, NULL},
    {"retries", 0, "N", "how often a failed trial is evaluated again; default 0", 0, NULL},
    {"max-retries", 0, "N", "how often a lost trial returns to the queue; default 3", 0, NULL},
    {"trial-time", 0, "TIME", "limit of wall time for one trial", 0, NULL},
    {"cpu-time", 0, "TIME", "limit of processor time for one process", 0, NULL},
    {"memory", 0, "SIZE", "limit of memory resident in all processes of a trial", 0, NULL},
    {"max-output", 0, "SIZE", "how much of stdout and of stderr is kept; default 64M", 0, NULL},
    {"checkpoint-quota", 0, "SIZE",
     "room for all checkpoints of the study: those of ended trials are removed", 0, NULL},
    {"grace", 0, "TIME", "time between the steps of a stop (USR1, TERM, KILL); default 30s", 0, NULL},
    {"gpus-per-trial", 0, "N", "devices of a trial: 1, 2 ... or a share such as 0.5", 0, NULL},
    {"render", 0, "TEMPLATE:NAME", "fill in a copy of a file, put into the trial's directory", CLI_REPEAT,
     "@file"},
    {"env", 0, "NAME=VALUE", "set an environment variable of the program", CLI_REPEAT, NULL},
    {"shell", 0, NULL, "give the command to /bin/sh -c", 0, NULL},
    {"dir", 0, "FOLDER", "where trial directories are made; default: hpo-trials beside the storage", 0,
     "@file"},
    {"replay", 0, "STUDY[:TRIAL]",
     "train once more with the schedule of a study's best trial, or of TRIAL; see `hpo schedule`", 0,
     "@study"},
    {"dry-run", 0, "N", "print N commands; run and store nothing", 0, NULL},
    CLI_WORK_OPTIONS,
};

/* ---- the plan -------------------------------------------------------------------------------------- */

static int load_file(cli *c, hpo_plan *plan, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    if (*path == '@') path++;
    hpo_status st = hpo_os_read_file(path, (size_t)16 << 20, &text, &n, &c->err);
    if (st != HPO_OK) return cli_fail(c);
    st = hpo_plan_load(plan, text, n, path, &c->err);
    hpo_free(text);
    return st == HPO_OK ? CLI_OK : cli_usage_error(c, "%s", c->err.msg);
}

static int looks_like_file(const char *word)
{
    size_t n = strlen(word);
    return word[0] == '@' || (n > 5 && (!strcmp(word + n - 5, ".yaml") || !strcmp(word + n - 5, ".json"))) ||
           (n > 4 && !strcmp(word + n - 4, ".yml"));
}

static int is_setting(const char *name)
{
    const char *s;
    for (size_t i = 0; (s = hpo_plan_setting(i, NULL, NULL)) != NULL; i++)
        if (!strcmp(s, name)) return 1;
    return 0;
}

/* --space first: it brings the parameters that everything else adds to. */
static int apply_options(cli *c, hpo_plan *plan)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < c->n_given; i++) {
            const char *name = c->command->options[c->given[i].option].name;
            if (!is_setting(name) || (round == 0) != !strcmp(name, "space")) continue;
            if (hpo_plan_set(plan, name, c->given[i].value, &c->err) != HPO_OK)
                return cli_usage_error(c, "%s", c->err.msg);
        }
    }
    return CLI_OK;
}

static int make_plan(cli *c, hpo_plan *plan)
{
    const char *const *command = c->args + c->n_before_dashes;
    size_t n = c->n_args - c->n_before_dashes;
    int rc = CLI_OK;
    if (n == 1 && command[0][0] == '@') { /* `-- @study.yaml` */
        rc = load_file(c, plan, command[0]);
        n = 0;
    }
    for (size_t i = 0; i < c->n_before_dashes && rc == CLI_OK; i++) {
        if (!looks_like_file(c->args[i]) || i)
            return cli_usage_error(
                c,
                "'%s' is no study file (*.yaml, *.json): a command is written behind --, as in "
                "`hpo run -- %s`",
                c->args[i], c->args[i]);
        rc = load_file(c, plan, c->args[i]);
    }
    if (rc == CLI_OK) rc = apply_options(c, plan);
    if (rc == CLI_OK && n && hpo_plan_command(plan, command, n, &c->err) != HPO_OK)
        rc = cli_usage_error(c, "%s", c->err.msg);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------------- */

/* hpo-trials beside the storage's file; in the current folder when it has none. */
static void default_dir(const cli *c, hpo_str *s)
{
    char path[4096];
    const char *file = cli_storage_file(c, path, sizeof path);
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (slash) hpo_str_addn(s, file, (size_t)(slash + 1 - file));
    hpo_str_add(s, "hpo-trials");
}

/* ---- first words ------------------------------------------------------------------------------------ */

static void print_lines(const char *text)
{
    for (const char *end; *text; text = end + (*end == '\n')) {
        end = text + strcspn(text, "\n");
        fprintf(stderr, "  %.*s\n", (int)(end - text), text);
    }
}

static void print_start(cli *c, hpo_plan *plan, hpo_study *study, int existed, const char *sample)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_str budget = {0};
    char *text = NULL;
    if (cli_has(c, "quiet") || cli_has(c, "jsonl") || hpo_study_summary(study, &sum, NULL) != HPO_OK) return;
    cli_budget_text(&budget, &sum.budget);
    if (sum.until) hpo_str_addf(&budget, "; until %s", sum.until);
    if (existed) {
        fprintf(stderr, "hpo: going on with study %s in %s: %" PRId64 " trial%s so far; budget: %s\n",
                sum.name, cli_storage_url(c), sum.n_trials, hpo_plural(sum.n_trials),
                budget.text ? budget.text : "none");
    } else {
        fprintf(stderr, "hpo: new study %s in %s\n", sum.name, cli_storage_url(c));
        if (hpo_plan_describe(plan, &text, NULL) == HPO_OK) print_lines(text);
        fprintf(stderr, "  sampler %s%s%s, seed %" PRIu64 ", budget: %s\n", sum.sampler ? sum.sampler : "",
                sum.scheduler && strcmp(sum.scheduler, "none") != 0 ? ", scheduler " : "",
                sum.scheduler && strcmp(sum.scheduler, "none") != 0 ? sum.scheduler : "", sum.seed,
                budget.text ? budget.text : "none");
        if (sum.scheduler && strcmp(sum.scheduler, "auto") == 0 && !cli_has(c, "scheduler"))
            fprintf(stderr,
                    "  good trials get the resources; --scheduler none runs every trial to its end\n");
        if (sample) fprintf(stderr, "  for example: %.*s\n", (int)strcspn(sample, "\n"), sample);
    }
    hpo_free(text);
    hpo_str_fini(&budget);
}

/* A study without an end is fine, but should not be a surprise. */
static void print_endless(cli *c, hpo_study *study)
{
    hpo_summary sum = {.size = sizeof sum};
    if (hpo_study_summary(study, &sum, NULL) != HPO_OK || cli_has(c, "max-trials")) return;
    int limited = sum.budget.trials > 0 || sum.budget.seconds > 0 || sum.budget.cost > 0 ||
                  sum.budget.stagnation > 0 || (sum.until && *sum.until);
    if (!limited && !(hpo_space_size(hpo_study_space(study), 1000000) < 1e6))
        cli_note("no budget was given (-b 100trials, -b 2h): it goes on until Ctrl-C");
}

/* ---- the command ------------------------------------------------------------------------------------- */

static int dry_run(cli *c, hpo_plan *plan, const char *cwd, const char *dir)
{
    int64_t n = 1;
    char *text = NULL;
    int rc = cli_get_int(c, "dry-run", 1, 1000000, &n);
    if (rc != CLI_OK) return rc;
    if (hpo_plan_preview(plan, cwd, dir, (size_t)n, &text, &c->err) != HPO_OK)
        return cli_usage_error(c, "%s", c->err.msg);
    fputs(text, stdout);
    hpo_free(text);
    return CLI_OK;
}

static int work(cli *c, hpo_plan *plan, const char *cwd, const char *dir)
{
    cli_work w = {.workers = hpo_plan_workers(plan)};
    int32_t existed = 0;
    char *sample = NULL;
    hpo_status st;
    if (!hpo_plan_has_command(plan) && !hpo_plan_name(plan))
        return cli_usage_error(
            c, "there is nothing to run: write a command behind --, or name a stored study with -n");
    w.gpus = hpo_plan_gpus(plan, &w.gpus_per_trial);
    int rc = cli_work_check(c, &w);
    if (rc == CLI_OK && hpo_plan_check_program(plan, cwd, (const char *const *)environ, &c->err) != HPO_OK)
        rc = cli_fail(c); /* a misspelt program leaves no study behind */
    if (rc == CLI_OK) rc = cli_open_storage(c, 1);
    if (rc != CLI_OK) return rc;
    st = hpo_plan_open(plan, c->storage, cwd, dir, &c->study, &existed, &c->err);
    if (st != HPO_OK) {
        rc = cli_fail(c);
        return st == HPO_EINVAL || st == HPO_EEXIST || st == HPO_EUNSUPPORTED ? CLI_USAGE : rc;
    }
    if (!existed && hpo_plan_preview(plan, cwd, dir, 1, &sample, NULL) != HPO_OK) sample = NULL;
    print_start(c, plan, c->study, existed, sample);
    hpo_free(sample);
    print_endless(c, c->study);
    return cli_work_run(c, c->study, &w);
}

static int run_run(cli *c)
{
    hpo_plan *plan = NULL;
    hpo_str dir = {0};
    char cwd[4096];
    int rc;
    if (cli_has(c, "replay")) return cli_replay(c, cli_get(c, "replay", ""));
    if (!getcwd(cwd, sizeof cwd)) return cli_error("cannot tell the current folder: %s", strerror(errno));
    default_dir(c, &dir);
    if (dir.failed || hpo_plan_create(&plan, &c->err) != HPO_OK) {
        hpo_str_fini(&dir);
        return cli_fail_memory();
    }
    rc = make_plan(c, plan);
    if (rc == CLI_OK)
        rc = cli_has(c, "dry-run") ? dry_run(c, plan, cwd, dir.text) : work(c, plan, cwd, dir.text);
    hpo_plan_free(plan);
    hpo_str_fini(&dir);
    return rc;
}

const cli_command cli_run = {
    .name = "run",
    .group = "Run",
    .help = "tune a command: run it with different parameters and look for the best",
    .usage = "[OPTION]... [FILE] [-- COMMAND [ARGUMENT]...]",
    .about =
        "The command says with placeholders what may vary: --lr '{lr:log 1e-5..1}', --opt '{opt:sgd,adam}',\n"
        "--mom '{mom:0..0.99 if opt==sgd}', --epochs '{epochs:fidelity 1..27}'; {lr} refers to a value "
        "again, {{ is\n"
        "a brace. {trial} {dir} {ckpt} {seed} {study} {attempt} stand for the trial's own. FILE is a study "
        "file\n"
        "(docs/study-file.md).\n"
        "\n"
        "The program prints {\"loss\":0.41} on a line of its own, or --metric says where the value stands. "
        "The whole\n"
        "contract: docs/program-contract.md. Running the same command again goes on with the study; so does "
        "-n NAME\n"
        "alone. Others join in with `hpo worker`.\n"
        "\n"
        "Ctrl-C once: no new trials, the running ones end; twice: they are stopped and go back to the queue; "
        "three\n"
        "times: they are killed. Exit status 0: the study is over; 2: usage; 3: over, but nothing feasible "
        "was found;\n"
        "130: interrupted, to be continued; 143: ended by SIGTERM, the same; 1: anything else that went "
        "wrong.",
    .words = "@file",
    .options = run_options,
    .n_options = CLI_COUNT(run_options),
    .run = run_run,
};
