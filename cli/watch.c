/* SPDX-License-Identifier: Apache-2.0 */
/* cli/watch.c - `hpo watch`: a study while it is worked on, by whomever.
 *
 * Polls the study's event counter, which costs one small read; nothing is drawn while nothing happens but
 * the clock.  On a terminal the picture is redrawn in place, else every change is one line. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "record.h"

static const cli_option watch_options[] = {
    CLI_STUDY_OPTIONS,
    {"interval", 'i', "TIME", "how often to look; default 1s", 0, NULL},
    {"trials", 'k', "N", "how many of the newest trials to show; default 10", 0, NULL},
    {"once", 0, NULL, "look once and end", 0, NULL},
    {"jsonl", 0, NULL, "print the summary as one line of JSON at every change", 0, NULL},
};

static void limits_text(hpo_str *s, const hpo_summary *sum)
{
    char a[32];
    char b[32];
    if (sum->budget.trials > 0)
        hpo_str_addf(s, "  %" PRId64 "/%" PRId64 " trial%s", sum->n_trials, sum->budget.trials,
                     hpo_plural(sum->budget.trials));
    if (sum->budget.seconds > 0)
        hpo_str_addf(s, "  %s of %s", cli_duration_text(sum->active_seconds, a),
                     cli_duration_text(sum->budget.seconds, b));
    else
        hpo_str_addf(s, "  %s", cli_duration_text(sum->active_seconds, a));
    if (sum->budget.cost > 0)
        hpo_str_addf(s, "  cost %s/%s", cli_number_text(sum->cost, a), cli_number_text(sum->budget.cost, b));
}

/* "demo active  12 complete, 2 running  best 0.03 (trial 7)  20/100 trials  1m20s". */
static void status_line(hpo_str *s, const hpo_summary *sum)
{
    char buf[32];
    int first = 1;
    hpo_str_addf(s, "%s ", sum->name);
    if (sum->status == HPO_STUDY_STOPPED)
        hpo_str_addf(s, "stopped (%s)", hpo_stop_reason_name(sum->stop_reason));
    else
        hpo_str_add(s, sum->status == HPO_STUDY_PAUSED ? "paused" : "active");
    for (int i = 0; i < HPO_N_STATES; i++) {
        if (!sum->n_by_state[i]) continue;
        hpo_str_addf(s, "%s%" PRId64 " %s", first ? "  " : ", ", sum->n_by_state[i],
                     hpo_state_name((hpo_state)i));
        first = 0;
    }
    if (sum->best >= 0)
        hpo_str_addf(s, "  best %s (trial %" PRId64 ")", cli_number_text(sum->best_value, buf), sum->best);
    limits_text(s, sum);
    hpo_str_addc(s, '\n');
}

/* Stopped, and nobody works on it any more: what is still marked as running was given up when a whole lease
 * went by without any event. */
static int is_over(const hpo_summary *sum)
{
    if (sum->status != HPO_STUDY_STOPPED) return 0;
    return !sum->n_by_state[HPO_STATE_RUNNING] ||
           (double)(hpo_os_unix_ms() - sum->last_ms) > sum->lease * 1e3;
}

/* The newest trials, the most recent last. */
static int newest(cli *c, const hpo_summary *sum, int64_t count)
{
    cli_shape shape;
    int64_t n = sum->n_trials < count ? sum->n_trials : count;
    int64_t *numbers;
    int rc;
    if (!n) return CLI_OK;
    cli_shape_of(c->study, sum, &shape);
    numbers = hpo_alloc_array((size_t)n, sizeof *numbers);
    if (!numbers) return cli_fail_memory();
    for (int64_t i = 0; i < n; i++)
        numbers[i] = sum->n_trials - n + i;
    rc = cli_print_trials(c, &shape, CLI_TABLE, numbers, (size_t)n);
    hpo_free(numbers);
    return rc;
}

/* Draws one picture; *lines gets its height. */
static int draw(cli *c, const hpo_summary *sum, int64_t count, int64_t *lines)
{
    hpo_str s = {0};
    int rc = CLI_OK;
    int live = c->tty_out && !cli_has(c, "once");
    if (live && *lines) printf("\033[%" PRId64 "A\033[J", *lines);
    status_line(&s, sum);
    if (s.failed)
        rc = cli_fail_memory();
    else
        fputs(s.text, stdout);
    *lines = 1 + (s.failed ? 0 : (int64_t)(cli_text_width(s.text) - 1) / c->width);
    hpo_str_fini(&s);
    if (rc == CLI_OK && (c->tty_out || cli_has(c, "once"))) {
        rc = newest(c, sum, count);
        *lines += sum->n_trials ? (sum->n_trials < count ? sum->n_trials : count) + 1 : 0;
    }
    return rc;
}

static int print_json(cli *c, const hpo_summary *sum)
{
    hpo_str s = {0};
    int rc = CLI_OK;
    if (cli_summary_json(&s, c->study, sum, &c->err) != HPO_OK)
        rc = cli_fail(c);
    else if (s.failed)
        rc = cli_fail_memory();
    else
        puts(s.text);
    hpo_str_fini(&s);
    return rc;
}

static int run_watch(cli *c)
{
    double interval = 1;
    int64_t count = 10;
    int64_t seen = -1;
    int64_t lines = 0;
    int live;
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK || (rc = cli_get_duration(c, "interval", &interval)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "trials", 1, 1000, &count)) != CLI_OK) return rc;
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (interval < 0.05) interval = 0.05;
    live = c->tty_out && !cli_has(c, "once");
    for (;;) {
        hpo_summary sum;
        if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
        if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
        if (sum.seq != seen || (live && sum.n_by_state[HPO_STATE_RUNNING])) {
            rc = cli_has(c, "jsonl") ? print_json(c, &sum) : draw(c, &sum, count, &lines);
            if (rc != CLI_OK || fflush(stdout) != 0) return rc;
        }
        seen = sum.seq;
        if (cli_has(c, "once") || is_over(&sum)) return CLI_OK;
        hpo_os_sleep_ms((int64_t)(interval * 1e3));
    }
}

const cli_command cli_watch = {
    .name = "watch",
    .group = "Look",
    .help = "follow a study live until it ends",
    .usage = "[-n NAME] [-i TIME]",
    .options = watch_options,
    .n_options = CLI_COUNT(watch_options),
    .run = run_watch,
};
