/* SPDX-License-Identifier: Apache-2.0 */
/* runner/outcome.c - what the end of a program means (the table is in docs/program-contract.md).
 *
 * In this order: we ended it (interrupt, a limit, a decision of the scheduler); it said how it ended
 * (_status, exit status 75, 77, 78); it failed; it succeeded, with or without the values asked for. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "runner/metric_rule.h"
#include "runner/pool.h"
#include "runner/trialdir.h"

enum { EXIT_REQUEUE = 75, EXIT_INFEASIBLE = 77, EXIT_ABORT = 78 };

static const char *signal_text(int sig)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGKILL, "KILL"},
                 {SIGTERM, "TERM"},
                 {SIGSEGV, "SEGV: it touched memory it does not own"},
                 {SIGABRT, "ABRT"},
                 {SIGBUS, "BUS"},
                 {SIGFPE, "FPE"},
                 {SIGILL, "ILL"},
                 {SIGPIPE, "PIPE"},
                 {SIGINT, "INT"},
                 {SIGHUP, "HUP"},
                 {SIGUSR1, "USR1"},
                 {SIGXCPU, "XCPU"},
                 {SIGXFSZ, "XFSZ: a file grew beyond its limit"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == sig) return names[i].name;
    return "";
}

/* The last line of standard error says most about a failure. */
static void add_last_line(const hpo_pool_job *j, hpo_str *s)
{
    hpo_str line = {0};
    hpo_trialdir_tail(&line, j->dir, "stderr", 1);
    if (line.len > 1 && !line.failed) {
        size_t n = line.len - 1 < 300 ? line.len - 1 : 300;
        hpo_str_add(s, ": ");
        hpo_str_addn(s, line.text, n);
    }
    hpo_str_fini(&line);
}

/* Puts s into the fixed text, cut at a character's boundary. */
static void set_reason(hpo_outcome_text *out, hpo_result *r, hpo_str *s)
{
    size_t n = s->failed || !s->text ? 0 : s->len;
    if (n >= sizeof out->reason) {
        n = sizeof out->reason - 1;
        while (n && ((unsigned char)s->text[n] & 0xC0u) == 0x80u)
            n--;
    }
    if (n) memcpy(out->reason, s->text, n);
    out->reason[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)out->reason[i] < ' ') out->reason[i] = ' ';
    r->reason = n ? out->reason : NULL;
    hpo_str_fini(s);
}

static void add_said(const hpo_pool_job *j, hpo_str *s)
{
    if (!j->capture.reason[0]) return;
    if (s->len) hpo_str_add(s, ": ");
    hpo_str_add(s, j->capture.reason);
}

/* 1 when a limit, the system or we ended the program and that is the result. */
static int ended_by_force(const hpo_pool_job *j, hpo_result *r, hpo_str *why)
{
    const hpo_limits *l = &j->pool->command.limits;
    r->state = HPO_STATE_FAILED;
    switch (j->exit.cause) {
    case HPO_CAUSE_TIME:
        hpo_str_add(why, "timeout: it ran longer than ");
        hpo_str_double(why, l->wall);
        hpo_str_add(why, " s (--trial-time)");
        return 1;
    case HPO_CAUSE_CPU:
        hpo_str_add(why, "timeout: it used more than ");
        hpo_str_double(why, l->cpu);
        hpo_str_add(why, " s of processor time (--cpu-time)");
        return 1;
    case HPO_CAUSE_MEMORY:
        hpo_str_addf(why, "out of memory: it used more than %" PRId64 " MiB (--memory)", l->memory >> 20);
        return 1;
    case HPO_CAUSE_OOM:
        hpo_str_add(why, "out of memory: the system killed it for lack of memory (signal KILL)");
        return 1;
    default:
        return 0;
    }
}

/* The user ended it: back to the queue, unless it says that it is done. */
static int ended_by_user(const hpo_pool_job *j, hpo_result *r, hpo_str *why)
{
    if (!j->interrupted || j->exit.cause != HPO_CAUSE_STOPPED) return 0;
    if (j->exit.code == 0 && j->capture.said == HPO_SAID_DONE && hpo_capture_complete(&j->capture)) return 0;
    r->state = HPO_STATE_WAITING;
    hpo_str_add(why, "interrupted");
    return 1;
}

static int ended_by_study(const hpo_pool_job *j, hpo_result *r, hpo_str *why)
{
    if (j->decision == HPO_CONTINUE) return 0;
    if (!j->told_to_stop && j->exit.code != 0)
        return 0; /* it was to end by itself, and did so in another way */
    r->state = j->decision == HPO_STOP ? HPO_STATE_STOPPED : HPO_STATE_PAUSED;
    hpo_str_add(why, j->decision == HPO_STOP ? "stopped early" : "paused");
    if (j->decision == HPO_STOP && !j->capture.n_reports && hpo_capture_complete(&j->capture)) {
        r->values = j->capture.values;
        r->n_values = j->capture.m->n_objectives;
    }
    return 1;
}

/* The program said so itself, by _status or its exit status. */
static int ended_by_word(const hpo_pool_job *j, hpo_result *r, hpo_str *why, int *abort)
{
    const hpo_capture *c = &j->capture;
    int code = c->m->has_exit ? -1 : j->exit.code; /* --metric exit: the status is a value */
    if (c->said == HPO_SAID_PREEMPTED || code == EXIT_REQUEUE) {
        r->state = HPO_STATE_WAITING;
        hpo_str_add(why, code == EXIT_REQUEUE ? "preempted (exit status 75)" : "preempted");
    } else if (c->said == HPO_SAID_INFEASIBLE || code == EXIT_INFEASIBLE) {
        r->state = HPO_STATE_INFEASIBLE;
        hpo_str_add(why, code == EXIT_INFEASIBLE ? "infeasible (exit status 77)" : "infeasible");
    } else if (code == EXIT_ABORT) {
        r->state = HPO_STATE_FAILED;
        hpo_str_add(why, "the program ended the study (exit status 78)");
        *abort = 1;
    } else if (c->said == HPO_SAID_FAIL) {
        r->state = HPO_STATE_FAILED;
        if (!c->reason[0]) hpo_str_add(why, "the program says that it failed");
    } else {
        return 0;
    }
    add_said(j, why);
    if (*abort) add_last_line(j, why);
    return 1;
}

static int ended_badly(const hpo_pool_job *j, hpo_result *r, hpo_str *why)
{
    if (j->exit.code == 0 || (j->exit.code > 0 && j->capture.m->has_exit)) return 0;
    r->state = HPO_STATE_FAILED;
    if (j->exit.code > 0)
        hpo_str_addf(why, "exit status %d", j->exit.code);
    else
        hpo_str_addf(why, "killed by signal %d %s", j->exit.signal, signal_text(j->exit.signal));
    if (j->exit.code == 127) hpo_str_add(why, " (often: a command was not found)");
    if (j->capture.reason[0])
        add_said(j, why);
    else
        add_last_line(j, why);
    return 1;
}

static void ended_well(const hpo_pool_job *j, hpo_result *r, hpo_str *why)
{
    const hpo_capture *c = &j->capture;
    const char *missing = hpo_capture_missing(c);
    r->state = HPO_STATE_COMPLETE;
    if (missing) {
        r->state = HPO_STATE_FAILED;
        if (c->m->n_rules)
            hpo_str_addf(
                why,
                "no metric: '%s' was never seen: no --metric or --metric-file rule found it: compare "
                "them with the output",
                missing);
        else
            hpo_str_addf(why,
                         "no metric: '%s' was never seen: print {\"%s\": VALUE} on a line of its own, or say "
                         "where it stands "
                         "with --metric",
                         missing, missing);
        return;
    }
    for (size_t i = 0; i < c->m->n_objectives; i++) {
        if (!isnan(c->values[i])) continue;
        r->state = HPO_STATE_FAILED;
        hpo_str_addf(why, "'%s' is nan", c->m->objectives[i].name);
        return;
    }
    r->values = c->values;
    r->n_values = c->m->n_objectives;
    add_said(j, why);
}

void hpo_job_outcome(hpo_pool_job *j, hpo_result *r, hpo_outcome_text *text, int *abort)
{
    const hpo_capture *c = &j->capture;
    hpo_str why = {0};
    *abort = 0;
    *r = hpo_result_init();
    if (!ended_by_user(j, r, &why) && !ended_by_force(j, r, &why) && !ended_by_study(j, r, &why) &&
        !ended_by_word(j, r, &why, abort) && !ended_badly(j, r, &why))
        ended_well(j, r, &why);
    set_reason(text, r, &why);
    if (c->has_outcome && c->m->n_outcomes) {
        r->outcomes = c->outcomes;
        r->n_outcomes = c->m->n_outcomes;
    }
    if (r->values && c->has_sem) r->sems = c->sems;
    if (r->values && c->has_gradient) r->gradient = c->gradient;
    if (r->state != HPO_STATE_WAITING) r->cost = c->has_cost ? c->cost : j->exit.wall;
}

/* ---- files -------------------------------------------------------------------------------------------- */

static void add_numbers(hpo_str *s, const hpo_pool_job *j, const double *v)
{
    hpo_str_addc(s, '{');
    for (size_t i = 0; i < j->capture.m->n_objectives; i++) {
        if (i) hpo_str_addc(s, ',');
        hpo_str_json(s, j->capture.m->objectives[i].name);
        hpo_str_addc(s, ':');
        hpo_str_json_double(s, v[i]);
    }
    hpo_str_addc(s, '}');
}

void hpo_job_record(const hpo_pool_job *j, const hpo_result *r)
{
    const hpo_run_event *e = &j->exit;
    hpo_str s = {0};
    hpo_error ignored; /* the directory may be gone: the study has the result */
    hpo_str_addf(&s, "{\"trial\":%" PRId64 ",\"attempt\":%d,\"state\":\"%s\",\"values\":", j->number,
                 (int)j->attempt, hpo_state_name(r->state));
    if (r->values)
        add_numbers(&s, j, r->values);
    else
        hpo_str_add(&s, "null");
    hpo_str_add(&s, ",\"reason\":");
    if (r->reason)
        hpo_str_json(&s, r->reason);
    else
        hpo_str_add(&s, "null");
    if (e->code >= 0)
        hpo_str_addf(&s, ",\"exit\":%d,\"signal\":null", (int)e->code);
    else
        hpo_str_addf(&s, ",\"exit\":null,\"signal\":%d", (int)e->signal);
    if (j->capture.extra) {
        hpo_str_add(&s, ",\"metrics\":");
        hpo_str_add(&s, json_object_to_json_string_ext(j->capture.extra, JSON_C_TO_STRING_PLAIN));
    }
    hpo_str_add(&s, "}\n");
    if (!s.failed && hpo_trialdir_write(j->dir, "result.json", s.text, s.len, &ignored) == HPO_OK) {
        hpo_str_clear(&s);
        hpo_str_add(&s, "{\"wall\":");
        hpo_str_json_double(&s, e->wall);
        hpo_str_add(&s, ",\"user\":");
        hpo_str_json_double(&s, e->user);
        hpo_str_add(&s, ",\"system\":");
        hpo_str_json_double(&s, e->system);
        hpo_str_addf(&s, ",\"max_rss\":%" PRId64 ",\"dropped_output\":%" PRId64 ",\"devices\":[", e->max_rss,
                     e->dropped);
        for (int i = 0; j->devices && i < j->pool->slots.per_trial; i++) {
            if (i) hpo_str_addc(&s, ',');
            hpo_str_json(&s, hpo_words_at(&j->pool->slots.names, (size_t)j->devices[i]));
        }
        hpo_str_add(&s, "]}\n");
        if (!s.failed && hpo_trialdir_write(j->dir, "resources.json", s.text, s.len, &ignored) != HPO_OK)
            ignored.code = 0;
    }
    hpo_str_fini(&s);
}
