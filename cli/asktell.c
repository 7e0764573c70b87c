/* SPDX-License-Identifier: Apache-2.0 */
/* cli/asktell.c - ask, tell, report, should-stop: the loop for shell scripts and schedulers of one's own.
 *
 * Each is one short process on one transaction; any number of them may work at the same time.  Inside a
 * program that `hpo run` started, HPO_TRIAL, HPO_TOKEN, HPO_STUDY and HPO_STORAGE say what is meant. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os.h"
#include "record.h"
#include "result.h"
#include "runner/template.h"

/* ---- ask ------------------------------------------------------------------------------------------- */

static const cli_option ask_options[] = {
    CLI_STUDY_OPTIONS,
    {"count", 'k', "N", "ask for several trials at once", 0, NULL},
    CLI_JSON_OPTION,
    {"env", 0, NULL, "print export lines for eval: HPO_TRIAL, HPO_TOKEN, HPO_PARAM_<NAME>, ...", 0, NULL},
    {"args", 0, NULL, "print one line: number, token, --name value ... (quoted for the shell)", 0, NULL},
    {"wait", 0, "TIME", "wait so long for a trial when there is none to hand out now", 0, NULL},
    {"lease", 0, "TIME", "how long the trial stays ours without a report; default: the study's", 0, NULL},
    {"worker", 0, "NAME", "who takes the trial; default: host and process id of the caller", 0, NULL},
    {"queue", 0, NULL, "only what waits in the queue, also when the study has ended", 0, NULL},
};

/* HPO_PARAM_<NAME>: capitals, digits and underscores. */
static void env_name(hpo_str *s, const char *name)
{
    for (; *name; name++) {
        char ch = *name;
        if (ch >= 'a' && ch <= 'z') ch = (char)(ch - 'a' + 'A');
        if (!((ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9'))) ch = '_';
        hpo_str_addc(s, ch);
    }
}

static void add_arguments(hpo_str *s, const hpo_space *space, size_t i, const char *name, const char *text,
                          int env)
{
    (void)space;
    (void)i;
    if (env) {
        hpo_str_add(s, "export HPO_PARAM_");
        env_name(s, name);
        hpo_str_addc(s, '=');
        hpo_shell_quote(s, text);
        hpo_str_addc(s, '\n');
    } else {
        hpo_str_add(s, " --");
        hpo_str_add(s, name);
        hpo_str_addc(s, ' ');
        hpo_shell_quote(s, text);
    }
}

/* Every active parameter and derived value: an export line each, or ` --name value`. */
static hpo_status add_all(hpo_str *s, const hpo_space *space, const double *x, int env, hpo_error *err)
{
    char *text = NULL;
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info p = {.size = sizeof p};
        HPO_TRY(hpo_space_param(space, i, &p, err));
        if (isnan(x[p.column])) continue;
        HPO_TRY(hpo_space_value_text(space, x, i, &text, err));
        add_arguments(s, space, i, p.name, text, env);
        hpo_free(text);
    }
    for (size_t i = 0; i < hpo_space_n_derived(space); i++) {
        const char *name = NULL;
        hpo_status st = hpo_space_derived_text(space, x, i, &name, &text, err);
        if (st == HPO_ENOTFOUND) continue;
        HPO_TRY(st);
        add_arguments(s, space, i, name, text, env);
        hpo_free(text);
    }
    return HPO_OK;
}

static hpo_status trial_text(cli *c, const hpo_trial *t, hpo_str *s)
{
    const hpo_space *space = hpo_trial_space(t);
    const double *x = hpo_trial_x(t);
    char token[32];
    char *json = NULL;
    hpo_status st;
    cli_token_text(hpo_trial_token(t), token);
    HPO_TRY(hpo_space_config_to_json(space, x, &json, &c->err));
    if (cli_has(c, "json")) {
        hpo_str_addf(s, "{\"trial\":%" PRId64 ",\"token\":\"%s\",\"params\":%s,\"attempt\":%d}\n",
                     hpo_trial_number(t), token, json, (int)hpo_trial_attempt(t));
        st = HPO_OK;
    } else if (cli_has(c, "env")) {
        hpo_str_addf(s,
                     "export HPO_TRIAL=%" PRId64
                     "\nexport HPO_TOKEN=%s\nexport HPO_ATTEMPT=%d\nexport HPO_SEED=%" PRIu64 "\n",
                     hpo_trial_number(t), token, (int)hpo_trial_attempt(t), hpo_trial_seed(t));
        st = add_all(s, space, x, 1, &c->err);
        hpo_str_add(s, "export HPO_PARAMS_JSON=");
        hpo_shell_quote(s, json);
        hpo_str_addc(s, '\n');
    } else if (cli_has(c, "args")) {
        hpo_str_addf(s, "%" PRId64 " %s", hpo_trial_number(t), token);
        st = add_all(s, space, x, 0, &c->err);
        hpo_str_addc(s, '\n');
    } else {
        hpo_str_addf(s, "trial %" PRId64 "  token %s", hpo_trial_number(t), token);
        if (hpo_trial_attempt(t) > 1) hpo_str_addf(s, "  attempt %d", (int)hpo_trial_attempt(t));
        hpo_str_addc(s, '\n');
        st = cli_params_text(s, space, x, &c->err);
        hpo_str_addc(s, '\n');
    }
    hpo_free(json);
    return st;
}

/* Asks until there is something, the study is over, or `wait` seconds have gone by. */
static hpo_status ask_waiting(cli *c, const hpo_ask_options *opt, double wait, hpo_trial **out)
{
    int64_t until = hpo_os_monotonic_ns() + (int64_t)(fmin(wait, 1e9) * 1e9);
    int64_t pause = 20;
    for (;;) {
        int64_t left;
        hpo_status st = hpo_study_ask_as(c->study, opt, out, &c->err);
        if (st != HPO_WAIT) return st;
        left = (until - hpo_os_monotonic_ns()) / 1000000;
        if (left <= 0) return st;
        hpo_os_sleep_ms(pause < left ? pause : left);
        if (pause < 1000) pause += pause / 2;
    }
}

static int explain_end(cli *c, hpo_status st)
{
    hpo_summary sum;
    int rc;
    if (st < 0) return cli_fail(c);
    if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    if (st == HPO_WAIT) {
        if (sum.status == HPO_STUDY_PAUSED)
            cli_note("study '%s' is paused: `hpo resume` goes on", sum.name);
        else
            cli_note("nothing to hand out now: %" PRId64 " trial%s still running; ask again, or use --wait",
                     sum.n_by_state[HPO_STATE_RUNNING], hpo_plural(sum.n_by_state[HPO_STATE_RUNNING]));
        return CLI_WAIT;
    }
    cli_note("study '%s' is over (%s)%s%s", sum.name, hpo_stop_reason_name(sum.stop_reason),
             sum.stop_text && *sum.stop_text ? ": " : "", sum.stop_text ? sum.stop_text : "");
    return CLI_OVER;
}

static int run_ask(cli *c)
{
    char worker[256];
    hpo_ask_options opt = {.size = sizeof opt};
    int64_t count = 1;
    double wait = 0;
    hpo_str s = {0};
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK || (rc = cli_get_int(c, "count", 1, 1000000, &count)) != CLI_OK) return rc;
    if ((rc = cli_get_duration(c, "wait", &wait)) != CLI_OK) return rc;
    if ((rc = cli_get_duration(c, "lease", &opt.lease)) != CLI_OK) return rc;
    if (cli_has(c, "json") + cli_has(c, "env") + cli_has(c, "args") > 1)
        return cli_usage_error(c, "--json, --env and --args exclude each other: give one");
    if (cli_has(c, "env") && count > 1)
        return cli_usage_error(c, "--env holds one trial: use --json or --args with -k %" PRId64, count);
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    opt.worker = cli_get(c, "worker", NULL);
    opt.queue_only = cli_has(c, "queue");
    if (!opt.worker) { /* our own process is gone in a moment: the caller is who works */
        char *colon;
        hpo_os_worker_name(worker, sizeof worker - 16);
        colon = strrchr(worker, ':');
        if (!colon) colon = worker + strlen(worker);
        snprintf(colon, 16, ":%ld", (long)getppid());
        opt.worker = worker;
    }
    for (int64_t i = 0; i < count && rc == CLI_OK; i++) {
        hpo_trial *t = NULL;
        hpo_status st = ask_waiting(c, &opt, i ? 0 : wait, &t);
        if (st != HPO_OK) {
            if (st < 0 || i == 0) rc = explain_end(c, st);
            break;
        }
        hpo_str_clear(&s);
        st = trial_text(c, t, &s);
        hpo_trial_free(t);
        if (st != HPO_OK) rc = cli_fail(c);
        if (s.failed) rc = cli_fail_memory();
        if (rc == CLI_OK) fputs(s.text, stdout);
    }
    hpo_str_fini(&s);
    return rc;
}

const cli_command cli_ask = {
    .name = "ask",
    .group = "Ask and tell",
    .help = "take the next trial",
    .usage = "[-n NAME] [--json|--env|--args] [OPTION]...",
    .about = "Hands out one trial under a lease: with --json as one line "
             "{\"trial\":3,\"token\":\"...\",\"params\":{...},"
             "\"attempt\":1}. The token proves to `hpo tell` and `hpo report` that the trial is still ours. "
             "When the lease "
             "runs out without a report, the trial returns to the queue.\n\n"
             "Exit status 4: the study is over. 5: nothing now, but trials are still running.\n\n"
             "  while eval \"$(hpo ask -n demo --env --wait 1h)\"; [ -n \"$HPO_TRIAL\" ]; do\n"
             "      hpo tell -n demo --value \"$(./measure $HPO_PARAM_X)\"; unset HPO_TRIAL\n"
             "  done",
    .options = ask_options,
    .n_options = CLI_COUNT(ask_options),
    .run = run_ask,
};

/* ---- which trial is meant ------------------------------------------------------------------------------ */

/* The trial of the command line (word 0, else HPO_TRIAL), held by its token (--token, else HPO_TOKEN if the
 * number came from the environment, else the current one as stored: not fenced). */
static int hold_trial(cli *c, hpo_trial **out)
{
    const char *word = c->n_args ? c->args[0] : getenv("HPO_TRIAL");
    const char *text = cli_get(c, "token", c->n_args ? NULL : getenv("HPO_TOKEN"));
    int64_t number = 0;
    uint64_t token = 0;
    int rc;
    if (!word || !*word)
        return cli_usage_error(
            c, "which trial? Give its number (or set HPO_TRIAL, as `hpo run` does for its programs)");
    if ((rc = cli_trial_number(c, word, &number)) != CLI_OK) return rc;
    if (text && *text && !cli_token_parse(text, &token))
        return cli_usage_error(c, "token '%s' is not 16 hexadecimal digits: take it from `hpo ask`", text);
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (!text || !*text) {
        hpo_trial_info info = {.size = sizeof info};
        if (hpo_study_trial(c->study, number, &info, &c->err) != HPO_OK) return cli_fail(c);
        token = info.token;
    }
    if (hpo_study_attach(c->study, number, token, out, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

#define TOKEN_OPTION                                                                                         \
    {                                                                                                        \
        "token", 't', "TOKEN", "the token that ask printed; without it the trial's current holder is taken", \
            0, NULL                                                                                          \
    }

/* ---- tell ---- */

static const cli_option tell_options[] = {
    CLI_STUDY_OPTIONS,
    TOKEN_OPTION,
    {"value", 'v', "V", "the value of the objective", 0, NULL},
    {"values", 0, "A,B,...", "the values of all objectives, in order", 0, NULL},
    {"state", 0, "STATE", "how the trial ended, when not complete", 0,
     "complete stopped failed infeasible paused waiting"},
    {"reason", 0, "TEXT", "why it failed", 0, NULL},
    {"sem", 0, "A,B,...", "standard errors of the values", 0, NULL},
    {"outcome", 0, "NAME=VALUE", "a measured constraint", CLI_REPEAT, NULL},
    {"grad", 0, "NAME=VALUE", "derivative of the first value with respect to a parameter", CLI_REPEAT, NULL},
    {"cost", 0, "X", "what the trial cost: seconds, money, ...", 0, NULL},
    {"checkpoint", 0, "PATH", "a checkpoint to keep with the trial", 0, "@file"},
    {"json-result", 0, NULL, "read the result as a JSON object from standard input", 0, NULL},
    CLI_JSON_OPTION,
};

static hpo_status result_options(cli *c, cli_result *r)
{
    const char *text;
    if ((text = cli_get(c, "value", NULL)) != NULL) HPO_TRY(cli_result_numbers(r, "value", text, &c->err));
    if ((text = cli_get(c, "values", NULL)) != NULL) HPO_TRY(cli_result_numbers(r, "values", text, &c->err));
    if ((text = cli_get(c, "sem", NULL)) != NULL) HPO_TRY(cli_result_numbers(r, "sem", text, &c->err));
    if ((text = cli_get(c, "state", NULL)) != NULL) HPO_TRY(cli_result_state(r, text, &c->err));
    for (size_t at = 0; (text = cli_next(c, "outcome", &at)) != NULL;)
        HPO_TRY(cli_result_named(r, "outcome", text, &c->err));
    for (size_t at = 0; (text = cli_next(c, "grad", &at)) != NULL;)
        HPO_TRY(cli_result_named(r, "grad", text, &c->err));
    if ((text = cli_get(c, "reason", NULL)) != NULL) r->result.reason = text;
    if ((text = cli_get(c, "checkpoint", NULL)) != NULL) r->result.checkpoint = text;
    return HPO_OK;
}

/* All of standard input, at most 16 MiB. */
static hpo_status read_stdin(hpo_str *s, hpo_error *err)
{
    char buf[4096];
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, stdin)) > 0) {
        hpo_str_addn(s, buf, n);
        if (s->len > (size_t)16 << 20)
            return hpo_fail(err, HPO_EINVAL, "standard input holds more than 16 MiB");
    }
    if (ferror(stdin)) return hpo_fail(err, HPO_EIO, "cannot read standard input");
    return s->failed ? hpo_fail_memory(err) : HPO_OK;
}

/* What the trial is now: one that was given back too often has failed. */
static int print_told(cli *c, int64_t number)
{
    hpo_trial_info info = {.size = sizeof info};
    if (hpo_study_trial(c->study, number, &info, &c->err) != HPO_OK) return cli_fail(c);
    printf("{\"trial\":%" PRId64 ",\"state\":\"%s\"}\n", number, hpo_state_name(info.state));
    return CLI_OK;
}

static int run_tell(cli *c)
{
    cli_result r = {0};
    cli_shape shape;
    hpo_summary sum;
    hpo_trial *t = NULL;
    hpo_str in = {0};
    struct json_object *doc = NULL;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (!cli_has(c, "value") && !cli_has(c, "values") && !cli_has(c, "state") && !cli_has(c, "json-result"))
        return cli_usage_error(c, "nothing to tell: give --value V, --state failed or --json-result");
    if (cli_has(c, "value") && cli_has(c, "values"))
        return cli_usage_error(c, "--value and --values exclude each other: give one");
    if (cli_has(c, "json-result") &&
        (read_stdin(&in, &c->err) != HPO_OK ||
         hpo_json_parse(in.text ? in.text : "", in.len, "result", &doc, &c->err) != HPO_OK)) {
        rc = cli_fail(c);
        goto done;
    }
    if ((rc = hold_trial(c, &t)) != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) goto done;
    cli_shape_of(c->study, &sum, &shape);
    if (cli_result_init(&r, &shape, &c->err) != HPO_OK ||
        (cli_has(c, "json-result") && cli_result_json(&r, doc, &c->err) != HPO_OK)) {
        rc = cli_fail(c);
        goto done;
    }
    if ((rc = cli_get_double(c, "cost", &r.result.cost)) != CLI_OK) goto done;
    if (result_options(c, &r) != HPO_OK) {
        rc = cli_usage_error(c, "%s", c->err.msg);
        goto done;
    }
    if (hpo_study_tell(c->study, t, &r.result, &c->err) != HPO_OK)
        rc = cli_fail(c);
    else if (cli_has(c, "json"))
        rc = print_told(c, hpo_trial_number(t));
done:
    hpo_trial_free(t);
    cli_result_fini(&r);
    json_object_put(doc);
    hpo_str_fini(&in);
    return rc;
}

const cli_command cli_tell = {
    .name = "tell",
    .group = "Ask and tell",
    .help = "end a trial with its result",
    .usage = "[-n NAME] [TRIAL] --token T --value V [OPTION]...",
    .about =
        "Telling the same result twice is accepted and changes nothing. With --token, a result is refused "
        "when the "
        "trial was lost and given to another worker in the meantime; without it, the result goes to whoever "
        "holds the trial now, so use it only when a single worker is at work.\n\n"
        "--state failed and --state infeasible are information for the sampler; --state stopped counts the "
        "last "
        "report; --state waiting gives the trial back to the queue. --json-result reads "
        "{\"values\":[0.3],\"state\":\"complete\",\"sems\":[..],\"outcomes\":{\"mem\":3},\"gradient\":{"
        "\"lr\":0.1},"
        "\"cost\":12,\"reason\":\"..\"}.",
    .words = "@trial",
    .options = tell_options,
    .n_options = CLI_COUNT(tell_options),
    .run = run_tell,
};

/* ---- report and should-stop ---- */

static const cli_option report_options[] = {
    CLI_STUDY_OPTIONS,
    TOKEN_OPTION,
    {"step", 's', "X", "epoch, fold or any growing resource", 0, NULL},
    {"value", 'v', "V", "the value of the objective at this step", 0, NULL},
    {"values", 0, "A,B,...", "the values of all objectives, in order", 0, NULL},
    {"fold", 0, "N", "number of the cross-validation fold", 0, NULL},
    {"cost", 0, "X", "spent since the last report", 0, NULL},
    {"metrics", 0, "JSON", "further metrics, a JSON object", 0, NULL},
    CLI_JSON_OPTION,
};

static int run_report(cli *c)
{
    hpo_report r = hpo_report_init();
    cli_result values = {0};
    cli_shape shape;
    hpo_summary sum;
    hpo_trial *t = NULL;
    hpo_decision decision = HPO_CONTINUE;
    int64_t fold = -1;
    const char *text = cli_get(c, "value", cli_get(c, "values", NULL));
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (!cli_has(c, "step") || !text) return cli_usage_error(c, "a report needs --step X and --value V");
    if ((rc = cli_get_double(c, "step", &r.step)) != CLI_OK) return rc;
    if ((rc = cli_get_double(c, "cost", &r.cost)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "fold", 0, 1000000, &fold)) != CLI_OK) return rc;
    if ((rc = hold_trial(c, &t)) != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) goto done;
    cli_shape_of(c->study, &sum, &shape);
    if (cli_result_init(&values, &shape, &c->err) != HPO_OK ||
        cli_result_numbers(&values, "values", text, &c->err) != HPO_OK) {
        rc = cli_usage_error(c, "%s", c->err.msg);
        goto done;
    }
    r.values = values.result.values;
    r.n_values = values.result.n_values;
    r.fold = (int32_t)fold;
    r.metrics = cli_get(c, "metrics", NULL);
    if (hpo_study_report(c->study, t, &r, &decision, &c->err) != HPO_OK)
        rc = cli_fail(c);
    else
        printf(cli_has(c, "json") ? "{\"decision\":\"%s\"}\n" : "%s\n", cli_decision_name(decision));
done:
    hpo_trial_free(t);
    cli_result_fini(&values);
    return rc;
}

const cli_command cli_report = {
    .name = "report",
    .group = "Ask and tell",
    .help = "record an intermediate result and learn whether to go on",
    .usage = "[-n NAME] [TRIAL] --step X --value V [OPTION]...",
    .about = "Prints `continue`, `pause` or `stop`, and renews the lease. After `stop` end the trial with "
             "`hpo tell --state stopped`, after `pause` with `--state paused`.",
    .words = "@trial",
    .options = report_options,
    .n_options = CLI_COUNT(report_options),
    .run = run_report,
};

static const cli_option should_stop_options[] = {
    CLI_STUDY_OPTIONS,
    TOKEN_OPTION,
    {"json", 0, NULL, "print the answer as JSON too", 0, NULL},
};

static int run_should_stop(cli *c)
{
    hpo_trial *t = NULL;
    hpo_decision decision = HPO_CONTINUE;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    rc = hold_trial(c, &t);
    if (rc != CLI_OK) /* lost to another worker: going on is of no use */
        return c->err.code == HPO_ESTALE ? CLI_OK : rc;
    if (hpo_study_renew(c->study, t, &decision, &c->err) != HPO_OK) {
        rc = c->err.code == HPO_ESTALE ? (cli_fail(c), CLI_OK) : cli_fail(c);
    } else {
        rc = decision == HPO_CONTINUE ? CLI_FAIL : CLI_OK;
        if (cli_has(c, "json")) printf("{\"decision\":\"%s\"}\n", cli_decision_name(decision));
    }
    hpo_trial_free(t);
    return rc;
}

const cli_command cli_should_stop = {
    .name = "should-stop",
    .group = "Ask and tell",
    .help = "exit status 0 when the trial should end now, 1 when it should go on",
    .usage = "[-n NAME] [TRIAL] [--token T]",
    .about = "Renews the lease as well. Status 0 also when the trial was lost to another worker; status 1 "
             "also when the "
             "question cannot be answered (a line on standard error says why).\n\n"
             "  hpo should-stop && exit 0",
    .words = "@trial",
    .options = should_stop_options,
    .n_options = CLI_COUNT(should_stop_options),
    .run = run_should_stop,
};
