/* SPDX-License-Identifier: Apache-2.0 */
/* cli/progress.c - what `run` and `worker` show while they work.
 *
 * On a terminal one line that is drawn again at most ten times a second; elsewhere a line when a better
 * trial was found, and one a minute.  --jsonl prints every event on standard output instead. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "record.h"
#include "work.h"

struct cli_progress {
    cli *c;
    hpo_study *study;
    int quiet, jsonl;
    int drawn;       /* a line stands on the terminal */
    int64_t started; /* ns */
    int64_t drawn_at, line_at;
    int64_t finished, at_start; /* by this process; finished trials of the study before */
    int64_t best;               /* the incumbent last shown */
    int64_t described;          /* the trial whose parameters `params` holds */
    hpo_str params;
    int dirty;
};

cli_progress *cli_progress_new(cli *c, hpo_study *study)
{
    hpo_summary sum = {.size = sizeof sum};
    cli_progress *p = hpo_calloc(1, sizeof *p);
    if (!p) return NULL;
    p->c = c;
    p->study = study;
    p->quiet = cli_has(c, "quiet");
    p->jsonl = cli_has(c, "jsonl");
    p->started = p->line_at = hpo_os_monotonic_ns();
    p->best = p->described = -1;
    if (hpo_study_summary(study, &sum, NULL) == HPO_OK) p->best = sum.best;
    return p;
}

void cli_progress_free(cli_progress *p)
{
    if (!p) return;
    cli_progress_clear(p);
    hpo_str_fini(&p->params);
    hpo_free(p);
}

int64_t cli_progress_finished(const cli_progress *p)
{
    return p->finished;
}

void cli_progress_clear(cli_progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = 0;
}

/* ---- the line ------------------------------------------------------------------------------------ */

/* Seconds until the first budget is spent, at the speed so far; NaN: unknown. */
static double time_left(const cli_progress *p, const hpo_summary *sum)
{
    double left = (double)NAN;
    double elapsed = (double)(hpo_os_monotonic_ns() - p->started) * 1e-9;
    if (sum->budget.seconds > 0) left = sum->budget.seconds - sum->active_seconds;
    if (sum->budget.trials > 0 && p->finished > 0) {
        int64_t open = sum->n_by_state[HPO_STATE_RUNNING] + sum->n_by_state[HPO_STATE_WAITING];
        int64_t todo = sum->budget.trials - sum->n_trials + open;
        double by_trials = (double)todo * elapsed / (double)p->finished;
        if (!(left < by_trials)) left = by_trials;
    }
    return left < 0 ? 0 : left;
}

static void add_best(cli_progress *p, const hpo_summary *sum, hpo_str *s)
{
    char buf[32];
    hpo_trial_info t = {.size = sizeof t};
    if (sum->best < 0) return;
    hpo_str_addf(s, "  best %s (trial %" PRId64, cli_number_text(sum->best_value, buf), sum->best);
    if (sum->best != p->described) { /* its parameters, which never change, are read once */
        hpo_str_clear(&p->params);
        if (hpo_study_trial(p->study, sum->best, &t, NULL) == HPO_OK &&
            cli_params_text(&p->params, hpo_study_space(p->study), t.x, NULL) == HPO_OK)
            p->described = sum->best;
    }
    if (p->params.len && !p->params.failed) hpo_str_addf(s, ": %s", p->params.text);
    hpo_str_addc(s, ')');
}

static int64_t done_of(const hpo_summary *sum)
{
    return sum->n_by_state[HPO_STATE_COMPLETE] + sum->n_by_state[HPO_STATE_STOPPED];
}

static void status_line(cli_progress *p, const hpo_summary *now, hpo_str *s)
{
    char buf[32];
    hpo_summary sum = *now; /* its texts may go away, its numbers stay */
    int64_t bad = sum.n_by_state[HPO_STATE_FAILED] + sum.n_by_state[HPO_STATE_INFEASIBLE];
    double left = time_left(p, &sum);
    hpo_str_addf(s, "%" PRId64, done_of(&sum));
    if (sum.budget.trials > 0) hpo_str_addf(s, "/%" PRId64, sum.budget.trials);
    hpo_str_addf(s, " done  %" PRId64 " running", sum.n_by_state[HPO_STATE_RUNNING]);
    if (bad) hpo_str_addf(s, "  %" PRId64 " failed", bad);
    if (!isnan(left)) hpo_str_addf(s, "  %s left", cli_duration_text(left, buf));
    add_best(p, &sum, s);
}

/* Cut to the terminal's width at a character's boundary. */
static void draw(cli_progress *p, hpo_str *s)
{
    size_t n = 0;
    size_t width = p->c->width > 1 ? (size_t)p->c->width - 1 : 79;
    size_t columns = 0;
    if (s->failed || !s->text) return;
    while (s->text[n]) {
        size_t next = n + 1;
        while (((unsigned char)s->text[next] & 0xC0u) == 0x80u)
            next++;
        if (++columns > width) break;
        n = next;
    }
    fprintf(stderr, "\r%.*s\033[K", (int)n, s->text);
    fflush(stderr);
    p->drawn = 1;
}

static void refresh(cli_progress *p)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_str s = {0};
    int64_t now = hpo_os_monotonic_ns();
    int64_t pause = p->c->tty_err ? 100000000 : 60000000000;
    if (p->quiet || p->jsonl) return;
    int due = p->dirty && now - (p->c->tty_err ? p->drawn_at : p->line_at) >= pause;
    if (!due && !(p->dirty && !p->c->tty_err && p->finished)) return;
    if (hpo_study_summary(p->study, &sum, NULL) != HPO_OK) return;
    if (p->c->tty_err) {
        status_line(p, &sum, &s);
        draw(p, &s);
        p->drawn_at = now;
        p->dirty = 0;
    } else if (due || sum.best != p->best) {
        p->best = sum.best;
        status_line(p, &sum, &s);
        if (!s.failed) fprintf(stderr, "hpo: %s\n", s.text);
        p->line_at = now;
        p->dirty = 0;
    } else {
        p->dirty = 0;
    }
    hpo_str_fini(&s);
}

/* ---- events -------------------------------------------------------------------------------------- */

static void print_note(cli_progress *p, const char *text)
{
    const char *end;
    cli_progress_clear(p);
    fflush(stdout);
    for (const char *line = text; *line; line = end + (*end == '\n')) {
        end = line + strcspn(line, "\n");
        fprintf(stderr, "%s%.*s\n", line == text ? "hpo: " : "  ", (int)(end - line), line);
    }
}

static void event_json(cli_progress *p, const hpo_pool_event *e)
{
    static const char *const names[] = {"started", "report", "finished", "returned", "dropped", "note"};
    hpo_summary sum = {.size = sizeof sum};
    hpo_str s = {0};
    hpo_str_addf(&s, "{\"event\":\"%s\"", names[e->kind]);
    if (e->trial >= 0) hpo_str_addf(&s, ",\"trial\":%" PRId64 ",\"attempt\":%d", e->trial, (int)e->attempt);
    if (e->kind == HPO_POOL_FINISHED) hpo_str_addf(&s, ",\"state\":\"%s\"", hpo_state_name(e->state));
    if (!isnan(e->step)) {
        hpo_str_add(&s, ",\"step\":");
        hpo_str_json_double(&s, e->step);
    }
    if (e->values && hpo_study_summary(p->study, &sum, NULL) == HPO_OK) {
        hpo_str_add(&s, ",\"values\":{");
        for (size_t i = 0; i < e->n_values && i < sum.n_objectives; i++) {
            if (i) hpo_str_addc(&s, ',');
            hpo_str_json(&s, sum.objectives[i].name);
            hpo_str_addc(&s, ':');
            hpo_str_json_double(&s, e->values[i]);
        }
        hpo_str_addc(&s, '}');
    }
    if (e->kind == HPO_POOL_FINISHED || e->kind == HPO_POOL_RETURNED) {
        hpo_str_add(&s, ",\"seconds\":");
        hpo_str_json_double(&s, e->seconds);
    }
    if (e->text) {
        hpo_str_add(&s, ",\"text\":");
        hpo_str_json(&s, e->text);
    }
    if (e->dir) {
        hpo_str_add(&s, ",\"dir\":");
        hpo_str_json(&s, e->dir);
    }
    hpo_str_add(&s, "}\n");
    if (!s.failed) fputs(s.text, stdout);
    fflush(stdout);
    hpo_str_fini(&s);
}

void cli_progress_event(void *ctx, const hpo_pool_event *e)
{
    cli_progress *p = ctx;
    if (p->jsonl && e->kind != HPO_POOL_TICK) event_json(p, e);
    if (e->kind == HPO_POOL_FINISHED) p->finished++;
    if (e->kind == HPO_POOL_NOTE && e->text && !p->jsonl) print_note(p, e->text);
    if (e->kind != HPO_POOL_TICK && e->kind != HPO_POOL_REPORT) p->dirty = 1;
    if (e->kind == HPO_POOL_TICK && p->c->tty_err) p->dirty = 1; /* the clock goes on */
    if (e->kind == HPO_POOL_DROPPED && !p->quiet && !p->jsonl) {
        cli_progress_clear(p);
        cli_note("trial %" PRId64 ": %s: its result was dropped", e->trial, e->text ? e->text : "lease lost");
    }
    /* Once a trial: a program that always says 75 would otherwise run for ever without a word. */
    if (e->kind == HPO_POOL_RETURNED && e->attempt == 1 && e->text && !strncmp(e->text, "preempted", 9) &&
        !p->quiet && !p->jsonl) {
        cli_progress_clear(p);
        cli_note("trial %" PRId64 " goes back to the queue: %s", e->trial, e->text);
    }
    refresh(p);
}
