/* SPDX-License-Identifier: Apache-2.0 */
/* cli/confirm.c - `hpo confirm`: the best configurations are run again, until it is clear which one is best.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "record.h"
#include "work.h"

enum { MAX_CONFIRM = 32, POLL_MS = 300 };

static const cli_option confirm_options[] = {
    CLI_STUDY_OPTIONS,
    {"count", 'k', "K", "how many of the best configurations; default 5", 0, NULL},
    {"repeats", 'r', "R", "runs of each on average; 0: only show what earlier repeats say; default 5", 0,
     NULL},
    {"workers", 'j', "N", "how many programs run at once; default 1", 0, NULL},
    {"gpus-per-trial", 0, "N", "devices of a trial, instead of what the study says", 0, NULL},
    {"gpus", 0, "LIST", "devices to hand out, e.g. 0,1; default: CUDA_VISIBLE_DEVICES, else those found", 0,
     NULL},
    {"quiet", 'q', NULL, "no progress, only the end", 0, NULL},
    {"json", 0, NULL, "print the end as one JSON object", 0, NULL},
};

typedef struct confirmation {
    int64_t numbers[MAX_CONFIRM]; /* a trial of each configuration */
    double expected[MAX_CONFIRM]; /* before the repeats */
    hpo_confirmed rows[MAX_CONFIRM];
    size_t n;
} confirmation;

static int pick(cli *c, size_t k, confirmation *q)
{
    hpo_recommendation r = {.size = sizeof r};
    hpo_status st = hpo_study_recommend(c->study, &r, &c->err);
    if (st == HPO_ENOTFOUND) {
        (void)cli_fail(c);
        return CLI_INFEASIBLE;
    }
    if (st != HPO_OK) return cli_fail(c);
    q->n = r.n_candidates < k ? r.n_candidates : k;
    for (size_t i = 0; i < q->n; i++) {
        q->numbers[i] = r.candidates[i].number;
        q->expected[i] = r.candidates[i].mean;
    }
    return CLI_OK;
}

static int compare(cli *c, confirmation *q, int64_t more)
{
    if (hpo_study_confirmed(c->study, q->numbers, q->n, more, q->rows, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

static int64_t open_runs(const confirmation *q)
{
    int64_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += q->rows[i].open;
    return n;
}

/* For a look at earlier repeats: those first that have some.  What the repeats said has moved what is
 * expected, so the best of today need not be the ones that ran again. */
static int repeated_first(cli *c, confirmation *q, size_t k)
{
    int rc = compare(c, q, 0);
    size_t n = 0;
    for (size_t i = 0; rc == CLI_OK && i < q->n; i++) {
        if (q->rows[i].n + q->rows[i].failed + q->rows[i].open == 0) continue;
        int64_t number = q->numbers[i];
        double expected = q->expected[i];
        memmove(q->numbers + n + 1, q->numbers + n, (i - n) * sizeof *q->numbers);
        memmove(q->expected + n + 1, q->expected + n, (i - n) * sizeof *q->expected);
        q->numbers[n] = number;
        q->expected[n++] = expected;
    }
    if (q->n > k) q->n = k;
    return rc == CLI_OK ? compare(c, q, 0) : rc;
}

/* ---- running --------------------------------------------------------------------------------------- */

static int enqueue(cli *c, const confirmation *q)
{
    for (size_t i = 0; i < q->n; i++)
        for (int64_t k = 0; k < q->rows[i].next; k++)
            if (hpo_study_repeat(c->study, q->numbers[i], NULL, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

/* Until no repeat is open: other workers may hold some. */
static int evaluate(cli *c, confirmation *q, const cli_work *w)
{
    for (;;) {
        int rc = cli_work_queue(c, c->study, w);
        if (rc == CLI_OK) rc = cli_work_interrupted();
        if (rc == CLI_OK) rc = compare(c, q, 0);
        if (rc != CLI_OK || open_runs(q) == 0) return rc;
        hpo_os_sleep_ms(POLL_MS);
    }
}

/* Rounds: two runs each, then half of what is left at a time, always where they tell most. */
static int run_rounds(cli *c, confirmation *q, int64_t left, const cli_work *w)
{
    int rc = compare(c, q, 0);
    if (rc == CLI_OK && open_runs(q) > 0) { /* of a confirmation that was interrupted */
        left -= open_runs(q);
        rc = evaluate(c, q, w);
    }
    for (int first = 1; rc == CLI_OK && left > 0; first = 0) {
        int64_t some = first ? 2 * (int64_t)q->n : (left + 1) / 2;
        if (some < (int64_t)q->n) some = (int64_t)q->n;
        if (some > left) some = left;
        rc = compare(c, q, some);
        if (rc == CLI_OK) rc = enqueue(c, q);
        if (rc == CLI_OK) rc = evaluate(c, q, w);
        left -= some;
    }
    return rc;
}

/* Nobody here can run it: the repeats wait for whoever asks. */
static int leave_in_queue(cli *c, confirmation *q, int64_t runs)
{
    int rc = compare(c, q, 0);
    if (rc == CLI_OK) rc = compare(c, q, runs - open_runs(q));
    if (rc == CLI_OK) rc = enqueue(c, q);
    if (rc == CLI_OK) rc = compare(c, q, 0);
    if (rc == CLI_OK && !cli_has(c, "json"))
        cli_note("%" PRId64
                 " repeats wait in the queue: evaluate them with `hpo ask --queue` and `hpo tell`, then "
                 "`hpo confirm -r 0` shows what they say",
                 open_runs(q));
    return rc;
}

/* ---- the answer --------------------------------------------------------------------------------------- */

/* 1: a stands before b; unknown means last. */
static int before(const hpo_confirmed *a, const hpo_confirmed *b, double sign)
{
    if (isnan(a->mean) || isnan(b->mean)) return !isnan(a->mean);
    return sign * a->mean < sign * b->mean;
}

static void sort_rows(confirmation *q, double sign)
{
    for (size_t i = 1; i < q->n; i++) {
        hpo_confirmed r = q->rows[i];
        size_t k = i;
        for (; k > 0 && before(&r, &q->rows[k - 1], sign); k--)
            q->rows[k] = q->rows[k - 1];
        q->rows[k] = r;
    }
}

static double expected_of(const confirmation *q, int64_t number)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->numbers[i] == number) return q->expected[i];
    return (double)NAN;
}

static void finite(hpo_str *s, double v)
{
    if (isfinite(v))
        hpo_str_json_double(s, v);
    else
        hpo_str_add(s, "null");
}

static int print_json(cli *c, const confirmation *q, const char *name)
{
    hpo_str s = {0};
    hpo_str_add(&s, "{\"study\":");
    hpo_str_json(&s, name);
    hpo_str_addf(&s, ",\"best\":%" PRId64 ",\"candidates\":[", q->rows[0].n > 0 ? q->rows[0].number : -1);
    for (size_t i = 0; i < q->n; i++) {
        const hpo_confirmed *r = &q->rows[i];
        hpo_trial_info t = {.size = sizeof t};
        char *params = NULL;
        if (hpo_study_trial(c->study, r->number, &t, &c->err) != HPO_OK ||
            hpo_space_config_to_json(hpo_study_space(c->study), t.x, &params, &c->err) != HPO_OK) {
            hpo_str_fini(&s);
            return cli_fail(c);
        }
        hpo_str_addf(
            &s, "%s{\"trial\":%" PRId64 ",\"repeats\":%" PRId64 ",\"failed\":%" PRId64 ",\"open\":%" PRId64,
            i ? "," : "", r->number, r->n, r->failed, r->open);
        const char *const keys[] = {"mean", "sd", "low", "high", "p_best", "expected"};
        const double values[] = {r->mean, r->sd, r->low, r->high, r->p_best, expected_of(q, r->number)};
        for (size_t k = 0; k < CLI_COUNT(keys); k++) {
            hpo_str_addf(&s, ",\"%s\":", keys[k]);
            finite(&s, values[k]);
        }
        hpo_str_addf(&s, ",\"params\":%s}", params);
        hpo_free(params);
    }
    hpo_str_add(&s, "]}");
    if (s.failed) return cli_fail_memory();
    puts(s.text);
    hpo_str_fini(&s);
    return CLI_OK;
}

static void interval(hpo_str *s, const hpo_confirmed *r)
{
    char low[32];
    char high[32];
    hpo_str_clear(s);
    if (isfinite(r->low) && isfinite(r->high))
        hpo_str_addf(s, "%s .. %s", cli_number_text(r->low, low), cli_number_text(r->high, high));
    else
        hpo_str_addc(s, '-');
}

static void print_verdict(const confirmation *q)
{
    const hpo_confirmed *best = &q->rows[0];
    char buf[32];
    if (best->n == 0) return;
    if (isnan(best->p_best))
        printf("trial %" PRId64 " is ahead; how surely is not known before each has run twice\n",
               best->number);
    else if (best->p_best >= 0.9)
        printf("trial %" PRId64 " is the best of these with probability %s\n", best->number,
               cli_number_text(floor(best->p_best * 100) / 100, buf));
    else
        printf("these runs do not tell which is best: trial %" PRId64
               " is, with probability %s; `hpo confirm` again adds runs\n",
               best->number, cli_number_text(best->p_best, buf));
}

static int print_table(cli *c, const confirmation *q)
{
    static const char *const heads[] = {"trial",   "repeats",         "mean",      "90 % interval",
                                        "P(best)", "expected before", "parameters"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    hpo_str s = {0};
    if (!t) return cli_fail_memory();
    for (size_t i = 0; i < q->n; i++) {
        const hpo_confirmed *r = &q->rows[i];
        hpo_trial_info info = {.size = sizeof info};
        cli_table_int(t, r->number);
        cli_table_int(t, r->n);
        cli_table_number(t, r->mean);
        interval(&s, r);
        cli_table_cell(t, s.text);
        cli_table_number(t, isnan(r->p_best) ? r->p_best : floor(r->p_best * 1000 + 0.5) / 1000);
        cli_table_number(t, expected_of(q, r->number));
        hpo_str_clear(&s);
        if (hpo_study_trial(c->study, r->number, &info, &c->err) == HPO_OK)
            (void)cli_params_text(&s, hpo_study_space(c->study), info.x, &c->err);
        cli_table_cell(t, s.text);
    }
    int rc = s.failed ? cli_fail_memory() : CLI_OK;
    hpo_str_fini(&s);
    int printed = cli_table_print(c, t, stdout);
    if (rc == CLI_OK) rc = printed;
    if (rc == CLI_OK) print_verdict(q);
    return rc;
}

static int run_confirm(cli *c)
{
    cli_work w = {.workers = 1};
    confirmation q = {.n = 0};
    hpo_summary sum;
    int64_t k = 5;
    int64_t r = 5;
    int64_t workers = 1;
    int rc = cli_expect_args(c, 0, 1);
    if (rc == CLI_OK && c->n_args && cli_has(c, "name"))
        rc = cli_usage_error(c, "the study is named twice ('%s' and '%s')", c->args[0],
                             cli_get(c, "name", ""));
    if (rc == CLI_OK) rc = cli_get_int(c, "count", 1, MAX_CONFIRM, &k);
    if (rc == CLI_OK) rc = cli_get_int(c, "repeats", 0, 100000, &r);
    if (rc == CLI_OK) rc = cli_get_int(c, "workers", 1, 100000, &workers);
    if (rc == CLI_OK) rc = cli_get_double(c, "gpus-per-trial", &w.gpus_per_trial);
    if (rc != CLI_OK) return rc;
    if (c->n_args) {
        if ((rc = cli_open_storage(c, 0)) != CLI_OK) return rc;
        if (hpo_study_open(c->storage, c->args[0], &c->study, &c->err) != HPO_OK) return cli_fail(c);
    } else if ((rc = cli_open_study(c)) != CLI_OK) {
        return rc;
    }
    w.workers = (int32_t)workers;
    w.gpus = cli_get(c, "gpus", NULL);
    if ((rc = pick(c, r == 0 ? MAX_CONFIRM : (size_t)k, &q)) != CLI_OK) return rc;
    if (r == 0)
        rc = repeated_first(c, &q, (size_t)k);
    else if (hpo_study_has_command(c->study))
        rc = run_rounds(c, &q, r * (int64_t)q.n, &w);
    else
        rc = leave_in_queue(c, &q, r * (int64_t)q.n);
    if (rc != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    sort_rows(&q, sum.objectives[0].direction == HPO_MAXIMIZE ? -1 : 1);
    return cli_has(c, "json") ? print_json(c, &q, sum.name) : print_table(c, &q);
}

const cli_command cli_confirm = {
    .name = "confirm",
    .group = "Run",
    .help = "run the best configurations again and tell which is best",
    .usage = "[-k K] [-r R] [-j N] [STUDY]",
    .about = "The best of many noisy values is a lucky one. This repeats the K configurations that are "
             "expected to be\n"
             "best, each with a seed of its own, K times R runs in all; the more a run helps to tell the "
             "best from the\n"
             "others, the more runs a configuration gets. Only repeats count in the ranking. Budget and end "
             "of the study do\n"
             "not matter, and nothing new is tried; what was interrupted is taken up again.\n"
             "\n"
             "  hpo confirm -k 3 -r 10 -j 4",
    .words = "@study",
    .options = confirm_options,
    .n_options = CLI_COUNT(confirm_options),
    .run = run_confirm,
};
