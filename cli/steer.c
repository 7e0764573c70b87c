/* SPDX-License-Identifier: Apache-2.0 */
/* cli/steer.c - stop, pause, resume, retry, enqueue: changes of a study that every worker sees at its
 * next call. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os.h"
#include "hpo/runner.h"
#include "record.h"

static const cli_option pause_options[] = {CLI_STUDY_OPTIONS, CLI_JSON_OPTION};

/* What became of the study: a sentence that goes on with how many trials run, or with --json one line of
 * JSON. */
static int print_study(cli *c, const char *is, int running)
{
    static const char *const names[] = {"active", "paused", "stopped"};
    hpo_summary sum;
    hpo_str s = {0};
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    int64_t n = sum.n_by_state[HPO_STATE_RUNNING];
    if (cli_has(c, "json")) {
        hpo_str_add(&s, "{\"study\":");
        hpo_str_json(&s, sum.name);
        hpo_str_addf(&s, ",\"status\":\"%s\",\"running\":%" PRId64 "}\n", names[sum.status], n);
    } else {
        hpo_str_addf(&s, "study %s %s", sum.name, is);
        if (running)
            hpo_str_addf(&s, "; %" PRId64 " trial%s still %s", n, hpo_plural(n), n == 1 ? "runs" : "run");
        hpo_str_addc(&s, '\n');
    }
    if (s.failed)
        rc = cli_fail_memory();
    else
        fputs(s.text, stdout);
    hpo_str_fini(&s);
    return rc;
}

/* {"NAME":[1,2,3]} */
static void print_numbers(const char *name, const int64_t *numbers, size_t n)
{
    printf("{\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        printf(i ? ",%" PRId64 : "%" PRId64, numbers[i]);
    puts("]}");
}

/* ---- stop ----------------------------------------------------------------------------------------- */

static const cli_option stop_options[] = {
    CLI_STUDY_OPTIONS,
    {"reason", 0, "TEXT", "why; stored with the study", 0, NULL},
    CLI_JSON_OPTION,
};

/* The trials of the command line, checked before anything is changed. */
static int read_numbers(cli *c, int64_t **out)
{
    int rc = CLI_OK;
    *out = hpo_alloc_array(c->n_args + 1, sizeof **out);
    if (!*out) return cli_fail_memory();
    for (size_t i = 0; i < c->n_args && rc == CLI_OK; i++)
        rc = cli_trial_number(c, c->args[i], &(*out)[i]);
    return rc;
}

static int stop_trials(cli *c, const int64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (hpo_study_request_stop(c->study, numbers[i], &c->err) != HPO_OK) return cli_fail(c);
        if (!cli_has(c, "json")) printf("trial %" PRId64 " is asked to stop\n", numbers[i]);
    }
    if (cli_has(c, "json")) print_numbers("asked_to_stop", numbers, n);
    return CLI_OK;
}

static int run_stop(cli *c)
{
    int64_t *numbers = NULL;
    int rc = cli_expect_args(c, 0, SIZE_MAX);
    if (rc == CLI_OK) rc = read_numbers(c, &numbers);
    if (rc == CLI_OK && c->n_args && cli_has(c, "reason"))
        rc = cli_usage_error(c, "--reason is for the study, not for single trials");
    if (rc == CLI_OK) rc = cli_open_study(c);
    if (rc == CLI_OK && c->n_args)
        rc = stop_trials(c, numbers, c->n_args);
    else if (rc == CLI_OK &&
             hpo_study_stop(c->study, HPO_STOP_REASON_USER, cli_get(c, "reason", NULL), &c->err) == HPO_OK)
        rc = print_study(c, "is stopped", 1);
    else if (rc == CLI_OK)
        rc = cli_fail(c);
    hpo_free(numbers);
    return rc;
}
const cli_command cli_stop = {
    .name = "stop",
    .group = "Steer",
    .help = "end the study, or ask single trials to end",
    .usage = "[-n NAME] [TRIAL]...",
    .about = "Without a trial the study ends: running trials finish, no new one is handed out; `hpo resume` "
             "takes it up "
             "again. With a trial, its next report answers `stop`.",
    .words = "@trial",
    .options = stop_options,
    .n_options = CLI_COUNT(stop_options),
    .run = run_stop,
};

/* ---- pause, resume ---------------------------------------------------------------------------------- */

static int run_pause(cli *c)
{
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK || (rc = cli_open_study(c)) != CLI_OK) return rc;
    if (hpo_study_pause(c->study, &c->err) != HPO_OK) return cli_fail(c);
    return print_study(c, "is paused", 1);
}

const cli_command cli_pause = {
    .name = "pause",
    .group = "Steer",
    .help = "let the study rest: running trials finish, no new one begins",
    .usage = "[-n NAME] [--json]",
    .options = pause_options,
    .n_options = CLI_COUNT(pause_options),
    .run = run_pause,
};

static const cli_option resume_options[] = {
    CLI_STUDY_OPTIONS,
    {"budget", 'b', "LIMITS", "new limits, e.g. 200trials,1h (replaces all of the old ones)", 0, NULL},
    {"until", 0, "RULE", "new stopping rule; '': none", 0, NULL},
    CLI_JSON_OPTION,
};

static int run_resume(cli *c)
{
    const char *budget = cli_get(c, "budget", NULL);
    const char *until = cli_get(c, "until", NULL);
    hpo_study_options fresh = hpo_study_options_init(); /* for an empty budget */
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    if (budget && hpo_budget_parse(budget, &fresh.budget, &c->err) != HPO_OK)
        return cli_usage_error(c, "%s", c->err.msg);
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (budget && hpo_study_set_budget(c->study, &fresh.budget, &c->err) != HPO_OK) return cli_fail(c);
    if (until && hpo_study_set_until(c->study, until, &c->err) != HPO_OK) return cli_fail(c);
    if (hpo_study_resume(c->study, &c->err) != HPO_OK) return cli_fail(c);
    return print_study(c, "goes on", 0);
}

const cli_command cli_resume = {
    .name = "resume",
    .group = "Steer",
    .help = "go on with a paused or stopped study",
    .usage = "[-n NAME] [-b LIMITS] [--until RULE]",
    .options = resume_options,
    .n_options = CLI_COUNT(resume_options),
    .run = run_resume,
};

/* ---- retry ---- */

static const cli_option retry_options[] = {
    CLI_STUDY_OPTIONS,
    {"failed", 0, NULL, "all failed trials", 0, NULL},
    CLI_JSON_OPTION,
};

/* Numbers of all failed trials. */
static int find_failed(cli *c, int64_t **out, size_t *n)
{
    hpo_summary sum;
    size_t cap = 0;
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    int64_t n_trials = sum.n_trials;
    if (!sum.n_by_state[HPO_STATE_FAILED]) return CLI_OK;
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    for (int64_t i = 0; i < n_trials; i++) {
        hpo_trial_info t = {.size = sizeof t};
        if (hpo_study_trial(c->study, i, &t, &c->err) != HPO_OK) return cli_fail(c);
        if (t.state != HPO_STATE_FAILED) continue;
        if (hpo_reserve(out, &cap, *n + 1, sizeof **out, &c->err) != HPO_OK) return cli_fail(c);
        (*out)[(*n)++] = i;
    }
    return CLI_OK;
}

static int requeue(cli *c, const int64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (hpo_study_requeue(c->study, numbers[i], &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json"))
        print_numbers("requeued", numbers, n);
    else
        printf("%zu trial%s returned to the queue\n", n, hpo_plural((int64_t)n));
    return CLI_OK;
}

static int run_retry(cli *c)
{
    int64_t *numbers = NULL;
    size_t n = c->n_args;
    int rc;
    if (!c->n_args && !cli_has(c, "failed"))
        return cli_usage_error(c, "which trials? Give numbers or --failed");
    if (c->n_args && cli_has(c, "failed")) return cli_usage_error(c, "give either trial numbers or --failed");
    if (c->n_args && (rc = read_numbers(c, &numbers)) != CLI_OK) {
        hpo_free(numbers);
        return rc;
    }
    rc = cli_open_study(c);
    if (rc == CLI_OK && cli_has(c, "failed")) rc = find_failed(c, &numbers, &n);
    if (rc == CLI_OK) rc = requeue(c, numbers, n);
    hpo_free(numbers);
    return rc;
}

const cli_command cli_retry = {
    .name = "retry",
    .group = "Steer",
    .help = "return failed, stopped, paused or running trials to the queue",
    .usage = "[-n NAME] TRIAL...|--failed",
    .about = "A running trial loses its lease: what its worker tells later is refused.",
    .words = "@trial",
    .options = retry_options,
    .n_options = CLI_COUNT(retry_options),
    .run = run_retry,
};

/* ---- enqueue ---- */

static const cli_option enqueue_options[] = {
    CLI_STUDY_OPTIONS,
    {"default", 0, NULL, "the default configuration", 0, NULL},
    CLI_JSON_OPTION,
};

typedef struct queue {
    cli *c;
    int64_t n;
} queue;

static hpo_status enqueue_one(queue *q, const char *json)
{
    int64_t number = -1;
    HPO_TRY(hpo_study_enqueue(q->c->study, json, &number, &q->c->err));
    printf(cli_has(q->c, "json") ? "{\"trial\":%" PRId64 "}\n" : "trial %" PRId64 " enqueued\n", number);
    q->n++;
    return HPO_OK;
}

/* Splits one CSV line in place (RFC 4180, without line breaks in fields); the fields point into it. */
static size_t csv_split(char *row, const char **fields, size_t cap)
{
    size_t n = 0;
    char *p = row;
    while (n < cap) {
        char *to = p;
        fields[n++] = p;
        if (*p == '"') {
            for (p++; *p && !(*p == '"' && p[1] != '"'); p++) {
                if (*p == '"') p++;
                *to++ = *p;
            }
            if (*p) p++;
        } else {
            while (*p && *p != ',')
                *to++ = *p++;
        }
        if (*p != ',') {
            *to = '\0';
            return n;
        }
        *to = '\0';
        p++;
    }
    return n;
}

enum { MAX_FIELDS = 1024 };

static hpo_status enqueue_csv_row(queue *q, const char *const *heads, size_t n_heads, char *row,
                                  const char **fields)
{
    const hpo_space *space = hpo_study_space(q->c->study);
    size_t n = csv_split(row, fields, MAX_FIELDS);
    size_t used = 0;
    hpo_str words = {0};
    hpo_str json = {0};
    hpo_status st = HPO_OK;
    if (n != n_heads)
        return hpo_fail(&q->c->err, HPO_EINVAL, "has %zu fields, but the head has %zu", n, n_heads);
    hpo_str_addc(&json, '{');
    for (size_t i = 0; i < n && st == HPO_OK; i++) {
        const char *name = !strncmp(heads[i], "params.", 7) ? heads[i] + 7 : heads[i];
        hpo_str one = {0};
        const char *word;
        if (!*fields[i] || hpo_space_find(space, name) < 0)
            continue; /* empty: inactive; other columns of an export */
        hpo_str_clear(&words);
        hpo_str_addf(&words, "%s=%s", name, fields[i]);
        word = words.text;
        st = words.failed ? hpo_fail_memory(&q->c->err) : cli_params_json(&one, space, &word, 1, &q->c->err);
        if (st == HPO_OK) {
            if (used++) hpo_str_addc(&json, ',');
            hpo_str_addn(&json, one.text + 1, one.len - 2); /* without its braces */
        }
        hpo_str_fini(&one);
    }
    hpo_str_addc(&json, '}');
    if (st == HPO_OK && json.failed) st = hpo_fail_memory(&q->c->err);
    if (st == HPO_OK) st = enqueue_one(q, json.text);
    hpo_str_fini(&words);
    hpo_str_fini(&json);
    return st;
}

/* A file of JSON lines (the first character is a brace), or CSV with names in the first line. */
static int enqueue_file(queue *q, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    const char **fields = hpo_alloc_array(2 * MAX_FIELDS, sizeof *fields);
    const char **heads = fields ? fields + MAX_FIELDS : NULL;
    size_t n_heads = 0;
    size_t at_line = 0;
    hpo_status st = HPO_OK;
    if (!fields) return cli_fail_memory();
    if (hpo_os_read_file(path, (size_t)1 << 30, &text, &n, &q->c->err) != HPO_OK) {
        hpo_free(fields);
        return cli_fail(q->c);
    }
    for (char *p = text; p < text + n && st == HPO_OK;) {
        char *end = strchr(p, '\n');
        char *next = end ? end + 1 : text + n;
        if (!end) end = p + strlen(p);
        *end = '\0';
        if (end > p && end[-1] == '\r') end[-1] = '\0';
        at_line++;
        if (*p == '{')
            st = enqueue_one(q, p);
        else if (*p && !n_heads)
            n_heads = csv_split(p, heads, MAX_FIELDS);
        else if (*p)
            st = enqueue_csv_row(q, heads, n_heads, p, fields);
        p = next;
    }
    hpo_free(fields);
    hpo_free(text);
    if (st == HPO_OK) return CLI_OK;
    return cli_error("%s:%zu: %s", path, at_line, q->c->err.msg);
}

/* Words NAME=VALUE up to the next JSON object or @FILE are one configuration; one word may hold several
 * assignments separated by blanks. */
static int enqueue_words(queue *q, size_t *at)
{
    cli *c = q->c;
    hpo_str text = {0};
    hpo_str json = {0};
    const char **words = NULL;
    size_t cap = 0;
    size_t n = 0;
    hpo_status st = HPO_OK;
    int rc = CLI_OK;
    for (; *at < c->n_args && c->args[*at][0] != '{' && c->args[*at][0] != '@'; ++*at) {
        hpo_str_add(&text, c->args[*at]);
        hpo_str_addc(&text, '\n');
    }
    if (text.failed) {
        rc = cli_fail_memory();
        goto done;
    }
    for (char *p = text.text; *p && st == HPO_OK;) {
        char *end = p;
        while (*end && *end != '\n' &&
               !(*end == ' ' && strchr(end, '=') && strcspn(end + 1, " \n=") < strlen(end + 1) &&
                 end[1 + strcspn(end + 1, " \n=")] == '='))
            end++; /* a blank separates when a name and '=' follow: labels may hold blanks */
        if (*end) *end++ = '\0';
        st = hpo_reserve(&words, &cap, n + 1, sizeof *words, &c->err);
        if (st == HPO_OK && *p) words[n++] = p;
        p = end;
    }
    if (st == HPO_OK) st = cli_params_json(&json, hpo_study_space(c->study), words, n, &c->err);
    if (st == HPO_OK) st = enqueue_one(q, json.text);
    if (st != HPO_OK) rc = cli_fail(c);
done:
    hpo_free(words);
    hpo_str_fini(&text);
    hpo_str_fini(&json);
    return rc;
}

static int run_enqueue(cli *c)
{
    queue q = {c, 0};
    int rc;
    if (!c->n_args && !cli_has(c, "default"))
        return cli_usage_error(
            c, "nothing to enqueue: give 'lr=0.1 opt=sgd', a JSON object, @FILE or --default");
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (cli_has(c, "default") && enqueue_one(&q, NULL) != HPO_OK) return cli_fail(c);
    for (size_t i = 0; i < c->n_args;) {
        const char *word = c->args[i];
        if (*word == '@') {
            if ((rc = enqueue_file(&q, word + 1)) != CLI_OK) return rc;
            i++;
        } else if (*word == '{') {
            if (enqueue_one(&q, word) != HPO_OK) return cli_fail(c);
            i++;
        } else if ((rc = enqueue_words(&q, &i)) != CLI_OK) {
            return rc;
        }
    }
    return CLI_OK;
}

const cli_command cli_enqueue = {
    .name = "enqueue",
    .group = "Steer",
    .help = "put configurations in front of the queue",
    .usage = "[-n NAME] NAME=VALUE...|JSON|@FILE|--default",
    .about = "Words NAME=VALUE make one configuration; a parameter that is left out takes its default. @FILE "
             "holds many: "
             "JSON, one object a line, or CSV with the names of the parameters in the first line (what `hpo "
             "export` "
             "writes is fine).\n\n"
             "  hpo enqueue lr=0.1 opt=sgd\n  hpo enqueue '{\"lr\":0.1}' '{\"lr\":0.2}'",
    .words = "@file",
    .options = enqueue_options,
    .n_options = CLI_COUNT(enqueue_options),
    .run = run_enqueue,
};
