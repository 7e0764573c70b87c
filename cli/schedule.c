/* SPDX-License-Identifier: Apache-2.0 */
/* cli/schedule.c - `hpo schedule`: what a trial was trained with from beginning to end.  A clone is a trial
 * of its own, so a schedule is read off the parents: each stretch ends where the checkpoint was copied. */
#include "schedule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "record.h"

static const cli_option schedule_options[] = {
    CLI_STUDY_OPTIONS,
    CLI_JSON_OPTION,
};

void cli_pieces_free(cli_pieces *s)
{
    for (size_t i = 0; i < s->n; i++) {
        hpo_free(s->pieces[i].x);
        hpo_free(s->pieces[i].reason);
    }
    hpo_free(s->pieces);
    *s = (cli_pieces){0};
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* The column of the fidelity parameter, -1: there is none. */
static int64_t fidelity_of(const hpo_space *space, double *high)
{
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info info = {.size = sizeof info};
        if (hpo_space_param(space, i, &info, NULL) != HPO_OK || !info.is_fidelity) continue;
        *high = info.high;
        return (int64_t)info.column;
    }
    return -1;
}

/* How far the checkpoint of a trial reached at an event: its last piece that had ended by then.  NaN: none
 * had, a clone's is still what it began with. */
static hpo_status reached(hpo_study *study, const hpo_trial_info *t, int64_t seq, double *out, hpo_error *err)
{
    double target = 0;
    int64_t n = t->n_decisions, number = t->number;
    *out = (double)NAN;
    for (int64_t i = 0; i < n; i++) {
        hpo_decision_info d = {.size = sizeof d};
        HPO_TRY(hpo_study_trial_decision(study, number, (size_t)i, &d, err));
        if (d.seq >= seq) break;
        if (!strcmp(d.what, "pause") || !strcmp(d.what, "paused"))
            *out = target;
        else if (strcmp(d.what, "stop") != 0)
            target = d.step;
    }
    return HPO_OK;
}

/* The event at which a clone began, and why. */
static hpo_status began(hpo_study *study, const hpo_trial_info *t, int64_t *seq, char **reason,
                        hpo_error *err)
{
    hpo_decision_info d = {.size = sizeof d};
    hpo_str text = {0};
    *seq = INT64_MAX;
    if (t->parent < 0 || t->repeat || t->n_decisions == 0) return HPO_OK;
    HPO_TRY(hpo_study_trial_decision(study, t->number, 0, &d, err));
    *seq = d.seq;
    if (d.reason == NULL) return HPO_OK;
    hpo_str_add(&text, d.reason);
    hpo_status status = hpo_str_steal(&text, reason, err);
    hpo_str_fini(&text);
    return status;
}

/* One trial of the line, youngest first; *next is its parent. */
static hpo_status add_piece(hpo_study *study, int64_t number, cli_pieces *s, int64_t *next, int64_t *seq,
                            hpo_error *err)
{
    double high = (double)NAN;
    int64_t fidelity = fidelity_of(hpo_study_space(study), &high);
    size_t columns = hpo_space_n_columns(hpo_study_space(study));
    hpo_trial_info t = {.size = sizeof t};
    HPO_TRY(hpo_study_trial(study, number, &t, err));
    HPO_TRY(hpo_reserve(&s->pieces, &s->cap, s->n + 1, sizeof *s->pieces, err));
    cli_piece *p = &s->pieces[s->n];
    *p = (cli_piece){.trial = number, .to = fidelity >= 0 ? t.x[fidelity] : high};
    p->x = hpo_alloc_array(columns + 1, sizeof *p->x);
    if (p->x == NULL) return hpo_fail_memory(err);
    memcpy(p->x, t.x, columns * sizeof *p->x);
    s->n++;
    *next = t.repeat ? -1 : t.parent;
    const hpo_trial_info kept = {
        .number = number, .parent = t.parent, .repeat = t.repeat, .n_decisions = t.n_decisions};
    if (t.state != HPO_STATE_COMPLETE && *seq == INT64_MAX && !isnan(t.last_step)) p->to = t.last_step;
    if (*seq != INT64_MAX) HPO_TRY(reached(study, &kept, *seq, &p->to, err));
    if (fidelity >= 0) p->x[fidelity] = p->to;
    return began(study, &kept, seq, &p->reason, err);
}

static void turn_round(cli_pieces *s)
{
    for (size_t i = 0; i < s->n / 2; i++) {
        cli_piece p = s->pieces[i];
        s->pieces[i] = s->pieces[s->n - 1 - i];
        s->pieces[s->n - 1 - i] = p;
    }
}

/* Each begins where the one before ended.  Those that were cloned before they had trained anything are left
 * out. */
static void join_up(cli_pieces *s)
{
    size_t n = 0;
    double from = 0;
    for (size_t i = 0; i < s->n; i++) {
        cli_piece p = s->pieces[i];
        if (isnan(p.to)) {
            hpo_free(p.x);
            hpo_free(p.reason);
            continue;
        }
        p.from = from;
        from = p.to;
        s->pieces[n++] = p;
    }
    s->n = n;
}

int cli_pieces_of(cli *c, hpo_study *study, int64_t number, cli_pieces *out)
{
    hpo_summary sum = {.size = sizeof sum};
    int64_t seq = INT64_MAX;
    *out = (cli_pieces){0};
    if (hpo_study_summary(study, &sum, &c->err) != HPO_OK) return cli_fail(c);
    if (number < 0) number = sum.best;
    if (number < 0) return cli_error("no trial of study %s is complete yet: name one", sum.name);
    while (number >= 0)
        if (add_piece(study, number, out, &number, &seq, &c->err) != HPO_OK) {
            cli_pieces_free(out);
            return cli_fail(c);
        }
    turn_round(out);
    join_up(out);
    return CLI_OK;
}

/* ---- printing --------------------------------------------------------------------------------------- */

static hpo_status json_piece(hpo_str *s, const hpo_space *space, const cli_piece *p, hpo_error *err)
{
    char *params = NULL;
    HPO_TRY(hpo_space_config_to_json(space, p->x, &params, err));
    hpo_str_addf(s, "{\"trial\":%" PRId64 ",\"from\":", p->trial);
    hpo_str_json_double(s, p->from);
    hpo_str_add(s, ",\"to\":");
    hpo_str_json_double(s, p->to);
    hpo_str_addf(s, ",\"params\":%s,\"reason\":", params);
    hpo_free(params);
    if (p->reason != NULL)
        hpo_str_json(s, p->reason);
    else
        hpo_str_add(s, "null");
    hpo_str_addc(s, '}');
    return HPO_OK;
}

static int print_json(cli *c, const cli_pieces *s)
{
    hpo_summary sum;
    hpo_str o = {0};
    int64_t last = -1;
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    hpo_str_add(&o, "{\"study\":");
    hpo_str_json(&o, sum.name);
    hpo_str_add(&o, ",\"pieces\":[");
    for (size_t i = 0; i < s->n && rc == CLI_OK; i++) {
        if (i > 0) hpo_str_addc(&o, ',');
        last = s->pieces[i].trial;
        if (json_piece(&o, hpo_study_space(c->study), &s->pieces[i], &c->err) != HPO_OK) rc = cli_fail(c);
    }
    hpo_str_addf(&o, "],\"trial\":%" PRId64 "}", last);
    if (rc == CLI_OK && o.failed) rc = cli_fail_memory();
    if (rc == CLI_OK) puts(o.text);
    hpo_str_fini(&o);
    return rc;
}

/* A parameter a column; the fidelity is what from and to say. */
static int print_table(cli *c, const cli_pieces *s)
{
    const hpo_space *space = hpo_study_space(c->study);
    size_t n = hpo_space_n_params(space), k = 0;
    const char **heads = hpo_alloc_array(n + 4, sizeof *heads);
    if (heads == NULL) return cli_fail_memory();
    heads[k++] = "trial";
    heads[k++] = "from";
    heads[k++] = "to";
    hpo_param_info info = {.size = sizeof info};
    for (size_t i = 0; i < n; i++)
        if (hpo_space_param(space, i, &info, NULL) == HPO_OK && !info.is_fidelity) heads[k++] = info.name;
    heads[k++] = "reason";
    cli_table *t = cli_table_new(k, heads);
    hpo_free(heads);
    if (t == NULL) return cli_fail_memory();
    for (size_t p = 0; p < s->n; p++) {
        cli_table_int(t, s->pieces[p].trial);
        cli_table_number(t, s->pieces[p].from);
        cli_table_number(t, s->pieces[p].to);
        for (size_t i = 0; i < n; i++) {
            char *text = NULL;
            if (hpo_space_param(space, i, &info, NULL) != HPO_OK || info.is_fidelity) continue;
            if (hpo_space_value_text(space, s->pieces[p].x, i, &text, NULL) != HPO_OK) text = NULL;
            cli_table_cell(t, text ? text : "-");
            hpo_free(text);
        }
        cli_table_cell(t, s->pieces[p].reason ? s->pieces[p].reason : "");
    }
    return cli_table_print(c, t, stdout);
}

static int run_schedule(cli *c)
{
    int64_t number = -1;
    cli_pieces s;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (c->n_args > 0 && (rc = cli_trial_number(c, c->args[0], &number)) != CLI_OK) return rc;
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if ((rc = cli_pieces_of(c, c->study, number, &s)) != CLI_OK) return rc;
    rc = cli_has(c, "json") ? print_json(c, &s) : print_table(c, &s);
    cli_pieces_free(&s);
    return rc;
}

const cli_command cli_schedule = {
    .name = "schedule",
    .group = "Look",
    .help = "show the parameters that a trial was trained with, from its first step to its last",
    .usage = "[-n NAME] [TRIAL] [--json]",
    .about =
        "Schedulers such as pbt clone trials and change their parameters while they train. Each line is a "
        "stretch of\ntraining: the trial, from which resource to which, the parameters, and why it was "
        "cloned. "
        "Without a\ntrial: of the best one. `hpo run --replay STUDY` trains with a schedule again.",
    .words = "@trial",
    .options = schedule_options,
    .n_options = CLI_COUNT(schedule_options),
    .run = run_schedule,
};
