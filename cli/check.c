/* SPDX-License-Identifier: Apache-2.0 */
/* cli/check.c - `hpo check`: is a study sensible, and does one trial of it work from end to end.
 *
 * Nothing is stored: the one trial runs on a study in memory, in a temporary directory. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"
#include "hpo/runner.h"
#include "record.h"

extern char **environ;

static const cli_option check_options[] = {
    CLI_STUDY_OPTIONS,
    {"run", 0, NULL, "also with a study file: run one trial", 0, NULL},
    {"minimize", 0, "NAME", "an objective", CLI_REPEAT, NULL},
    {"maximize", 0, "NAME", "an objective to be made large", CLI_REPEAT, NULL},
    {"metric", 0, "RULE", "how to read the objective from the program's output", CLI_REPEAT, NULL},
    {"metric-file", 0, "RULE", "how to read it from a file", CLI_REPEAT, NULL},
    {"param", 'p', "NAME:DOMAIN", "add a parameter", CLI_REPEAT, NULL},
    {"constraint", 0, "EXPR", "a condition that every proposal must satisfy", CLI_REPEAT, NULL},
    {"outcome", 0, "NAME<=MAX", "a measured constraint", CLI_REPEAT, NULL},
    {"trial-time", 0, "TIME", "limit of wall time", 0, NULL},
    {"memory", 0, "SIZE", "limit of memory", 0, NULL},
    {"shell", 0, NULL, "give the command to /bin/sh -c", 0, NULL},
};

static int print_lint(const hpo_space *space, hpo_error *err)
{
    char *text = NULL;
    if (hpo_space_lint(space, &text, err) != HPO_OK) return CLI_FAIL;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        if (n) printf("hint: %.*s\n", (int)n, p);
        p += n + (p[n] == '\n');
    }
    hpo_free(text);
    return CLI_OK;
}

/* ---- one trial ---------------------------------------------------------------------------------- */

typedef struct outcome {
    int64_t reports;
    hpo_state state;
    int finished;
} outcome;

static void on_event(void *ctx, const hpo_pool_event *e)
{
    outcome *o = ctx;
    char a[32];
    char b[32];
    if (e->kind == HPO_POOL_REPORT) {
        if (++o->reports <= 3 && e->n_values)
            printf("report: step %s, value %s\n", cli_number_text(e->step, a),
                   cli_number_text(e->values[0], b));
    } else if (e->kind == HPO_POOL_FINISHED || e->kind == HPO_POOL_RETURNED) {
        o->finished = e->kind == HPO_POOL_FINISHED;
        o->state = e->state;
        printf("trial: %s after %s%s%s\n",
               e->kind == HPO_POOL_FINISHED ? hpo_state_name(e->state) : "returned to the queue",
               cli_duration_text(e->seconds, a), e->text ? ": " : "", e->text ? e->text : "");
        for (size_t i = 0; e->values && i < e->n_values; i++)
            printf("value: %s\n", cli_number_text(e->values[i], a));
    }
    fflush(stdout);
}

/* The last lines of a log, for a trial that failed. */
static void print_tail(const char *dir, const char *name)
{
    char path[4352];
    char *text = NULL;
    size_t n = 0;
    size_t from;
    int lines = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (hpo_os_read_file(path, (size_t)64 << 20, &text, &n, NULL) != HPO_OK) return;
    for (from = n; from > 0; from--)
        if (text[from - 1] == '\n' && from < n && ++lines == 20) break;
    if (n) {
        printf("==> %s <==\n", name);
        fwrite(text + from, 1, n - from, stdout);
        if (text[n - 1] != '\n') putchar('\n');
    }
    hpo_free(text);
}

static int run_pool(cli *c, hpo_study *study, outcome *o)
{
    hpo_pool_options opt = hpo_pool_options_init();
    hpo_pool *pool = NULL;
    hpo_status st;
    opt.envp = (const char *const *)environ;
    opt.max_trials = 1;
    opt.on_event = on_event;
    opt.ctx = o;
    st = hpo_pool_create(study, &opt, &pool, &c->err);
    if (st == HPO_OK) st = hpo_pool_run(pool, &c->err);
    hpo_pool_free(pool);
    return st < 0 ? cli_fail(c) : CLI_OK;
}

/* Trial 0 is the default configuration; a plan with defaults has put it there already. */
static hpo_status first_trial(hpo_study *study, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    int64_t number;
    hpo_status st = hpo_study_summary(study, &sum, err);
    return st != HPO_OK || sum.n_trials > 0 ? st : hpo_study_enqueue(study, NULL, &number, err);
}

static int run_once(cli *c, hpo_plan *plan, const char *cwd)
{
    char dir[] = "/tmp/hpo-check.XXXXXX";
    hpo_study *study = NULL;
    int32_t existed = 0;
    char *text = NULL;
    outcome o = {0};
    int rc = CLI_OK;
    if (!mkdtemp(dir)) return cli_error("cannot make a folder in /tmp: %s", strerror(errno));
    if (hpo_storage_open("mem:", &c->storage, &c->err) != HPO_OK ||
        hpo_plan_set(plan, "budget", "1trials", &c->err) != HPO_OK ||
        hpo_plan_open(plan, c->storage, cwd, dir, &study, &existed, &c->err) != HPO_OK ||
        first_trial(study, &c->err) != HPO_OK ||
        hpo_study_trial_command(study, 0, &text, &c->err) != HPO_OK) {
        rc = cli_fail(c);
        goto done;
    }
    printf("command: %s\n", text);
    fflush(stdout);
    rc = run_pool(c, study, &o);
    hpo_free(text);
    text = NULL;
    if (rc != CLI_OK) goto done;
    if (hpo_study_trial_dir(study, 0, &text, &c->err) != HPO_OK) {
        rc = cli_fail(c);
        goto done;
    }
    if (o.finished && o.state == HPO_STATE_COMPLETE) {
        printf("fine: the program runs and its result is understood; files in %s\n", text);
    } else {
        print_tail(text, "stdout");
        print_tail(text, "stderr");
        rc = cli_error("the trial did not complete: what it wrote is in %s", text);
    }
done:
    hpo_free(text);
    hpo_study_free(study);
    return rc;
}

/* ---- a plan, from a file or from a command ------------------------------------------------------------ */

static int load_plan(cli *c, hpo_plan *plan, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    hpo_status st;
    if (*path == '@') path++;
    st = hpo_os_read_file(path, (size_t)16 << 20, &text, &n, &c->err);
    if (st == HPO_OK) st = hpo_plan_load(plan, text, n, path, &c->err);
    hpo_free(text);
    return st == HPO_OK ? CLI_OK : cli_fail(c);
}

static int is_setting(const char *name)
{
    const char *setting;
    for (size_t i = 0; (setting = hpo_plan_setting(i, NULL, NULL)) != NULL; i++)
        if (!strcmp(setting, name)) return 1;
    return 0;
}

static int apply_options(cli *c, hpo_plan *plan)
{
    for (size_t i = 0; i < c->n_given; i++) {
        const char *name = c->command->options[c->given[i].option].name;
        if (!is_setting(name)) continue;
        if (hpo_plan_set(plan, name, c->given[i].value, &c->err) != HPO_OK)
            return cli_usage_error(c, "%s", c->err.msg);
    }
    return CLI_OK;
}

static int check_plan(cli *c, hpo_plan *plan, int run)
{
    char cwd[4096];
    char *text = NULL;
    const hpo_space *space = hpo_plan_space(plan);
    int rc;
    if (!getcwd(cwd, sizeof cwd)) return cli_error("cannot tell the current folder: %s", strerror(errno));
    if (!hpo_space_n_params(space))
        return cli_error("no parameters: write a placeholder such as '{lr:log 1e-5..1}'");
    if (hpo_plan_has_command(plan) && run) {
        rc = run_once(c, plan, cwd);
    } else {
        if (hpo_plan_preview(plan, cwd, "hpo-trials", 1, &text, &c->err) != HPO_OK) return cli_fail(c);
        printf("command: %s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
        hpo_free(text);
        rc = CLI_OK;
    }
    if (rc == CLI_OK && print_lint(space, &c->err) != CLI_OK) rc = cli_fail(c);
    if (rc == CLI_OK)
        printf("%zu parameter%s\n", hpo_space_n_params(space),
               hpo_plural((int64_t)hpo_space_n_params(space)));
    return rc;
}

static int check_stored(cli *c)
{
    hpo_summary sum;
    char *text = NULL;
    int rc = cli_open_study(c);
    if (rc != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    size_t n = hpo_space_n_params(hpo_study_space(c->study));
    printf("study %s: %zu parameter%s, %" PRId64 " trial%s\n", sum.name, n, hpo_plural((int64_t)n),
           sum.n_trials, hpo_plural(sum.n_trials));
    if (sum.n_trials && hpo_study_has_command(c->study)) {
        if (hpo_study_trial_command(c->study, 0, &text, &c->err) != HPO_OK) return cli_fail(c);
        printf("command: %s\n", text);
        hpo_free(text);
    }
    return print_lint(hpo_study_space(c->study), &c->err) == CLI_OK ? CLI_OK : cli_fail(c);
}

static int run_check(cli *c)
{
    hpo_plan *plan = NULL;
    size_t n_command = c->n_args - c->n_before_dashes;
    int rc = CLI_OK;
    if (!c->n_args) return check_stored(c);
    if (n_command == 0 && c->n_args > 1 && c->args[0][0] == '@')
        return cli_usage_error(c, "'%s' is one word too many: a command stands after --", c->args[1]);
    if (hpo_plan_create(&plan, &c->err) != HPO_OK) return cli_fail(c);
    if (c->n_before_dashes) rc = load_plan(c, plan, c->args[0]);
    if (rc == CLI_OK) rc = apply_options(c, plan);
    if (rc == CLI_OK && n_command &&
        hpo_plan_command(plan, c->args + c->n_before_dashes, n_command, &c->err) != HPO_OK)
        rc = cli_fail(c);
    if (rc == CLI_OK) rc = check_plan(c, plan, n_command > 0 || cli_has(c, "run"));
    hpo_plan_free(plan);
    return rc;
}

const cli_command cli_check = {
    .name = "check",
    .group = "Study",
    .help = "look over a study, and try one trial from end to end",
    .usage = "[FILE [--run]] | [OPTION]... -- PROGRAM [ARG]... | [-n NAME]",
    .about = "With a study file: advice on the space and the command of the first trial; with --run that "
             "trial runs. With a "
             "program after `--`, written as for `hpo run`: its default trial runs, and what it reports is "
             "shown. Without "
             "either: advice on the stored study. Nothing is stored.\n\n"
             "  hpo check --minimize loss -- ./train --lr '{lr:log 1e-5..1}'",
    .words = "@file",
    .options = check_options,
    .n_options = CLI_COUNT(check_options),
    .run = run_check,
};
