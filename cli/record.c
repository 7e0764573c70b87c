/* SPDX-License-Identifier: Apache-2.0 */
/* cli/record.c - studies and trials as JSON and as text. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "record.h"

void cli_shape_of(const hpo_study *study, const hpo_summary *sum, cli_shape *out)
{
    out->space = hpo_study_space(study);
    out->objectives = sum->objectives;
    out->outcomes = sum->outcomes;
    out->n_objectives = sum->n_objectives;
    out->n_outcomes = sum->n_outcomes;
    out->n_params = hpo_space_n_params(out->space);
}

int cli_summary(cli *c, hpo_summary *out)
{
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    if (hpo_study_summary(c->study, out, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

int cli_feasible(const cli_shape *shape, const hpo_trial_info *t)
{
    for (size_t i = 0; i < shape->n_outcomes; i++)
        if (!t->outcomes || !(t->outcomes[i] <= shape->outcomes[i].max)) return 0;
    return 1;
}

const char *cli_decision_name(hpo_decision d)
{
    return d == HPO_STOP ? "stop" : d == HPO_PAUSE ? "pause" : "continue";
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void key_text(hpo_str *s, const char *key, const char *text)
{
    if (!text) return;
    hpo_str_addf(s, ",\"%s\":", key);
    hpo_str_json(s, text);
}

static void key_double(hpo_str *s, const char *key, double v)
{
    hpo_str_addf(s, ",\"%s\":", key);
    hpo_str_json_double(s, v);
}

static void key_int(hpo_str *s, const char *key, int64_t v)
{
    hpo_str_addf(s, ",\"%s\":%" PRId64, key, v);
}

static void key_time(hpo_str *s, const char *key, int64_t ms)
{
    char buf[32];
    if (ms) key_text(s, key, cli_utc_text(ms, buf));
}

static void key_values(hpo_str *s, const char *key, const cli_shape *shape, const double *v)
{
    if (!v) return;
    hpo_str_addf(s, ",\"%s\":{", key);
    for (size_t i = 0; i < shape->n_objectives; i++) {
        if (i) hpo_str_addc(s, ',');
        hpo_str_json(s, shape->objectives[i].name);
        hpo_str_addc(s, ':');
        hpo_str_json_double(s, v[i]);
    }
    hpo_str_addc(s, '}');
}

static void json_outcomes(hpo_str *s, const cli_shape *shape, const double *v)
{
    if (!v || !shape->n_outcomes) return;
    hpo_str_add(s, ",\"outcomes\":{");
    for (size_t i = 0; i < shape->n_outcomes; i++) {
        if (i) hpo_str_addc(s, ',');
        hpo_str_json(s, shape->outcomes[i].name);
        hpo_str_addc(s, ':');
        hpo_str_json_double(s, v[i]);
    }
    hpo_str_addc(s, '}');
}

static hpo_status json_gradient(hpo_str *s, const cli_shape *shape, const double *g, hpo_error *err)
{
    int first = 1;
    if (!g) return HPO_OK;
    hpo_str_add(s, ",\"gradient\":{");
    for (size_t i = 0; i < shape->n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        HPO_TRY(hpo_space_param(shape->space, i, &p, err));
        if (p.n_columns != 1 || isnan(g[p.column])) continue;
        if (!first) hpo_str_addc(s, ',');
        hpo_str_json(s, p.name);
        hpo_str_addc(s, ':');
        hpo_str_json_double(s, g[p.column]);
        first = 0;
    }
    hpo_str_addc(s, '}');
    return HPO_OK;
}

static void json_details(hpo_str *s, const hpo_trial_info *t)
{
    char token[32];
    cli_token_text(t->token, token);
    key_text(s, "token", token);
    if (t->state == HPO_STATE_RUNNING && t->lease_ms != INT64_MAX) key_time(s, "lease", t->lease_ms);
    if (t->stop_requested) hpo_str_add(s, ",\"stop_requested\":true");
    if (t->draw >= 0) key_int(s, "draw", t->draw);
    if (t->parent >= 0) key_int(s, "parent", t->parent);
    if (t->repeat) hpo_str_add(s, ",\"repeat\":true");
    key_int(s, "seq_ask", t->seq_ask);
    key_int(s, "seq_from", t->seq_from);
    key_int(s, "seq_tell", t->seq_tell);
    key_int(s, "reports", t->n_reports);
    if (!isnan(t->last_step)) key_double(s, "last_step", t->last_step);
    cli_token_text(t->hash, token);
    key_text(s, "hash", token);
    if (t->attributes && *t->attributes) hpo_str_addf(s, ",\"attributes\":%s", t->attributes);
}

hpo_status cli_trial_json(hpo_str *s, const cli_shape *shape, const hpo_trial_info *t, int details,
                          hpo_error *err)
{
    char *params = NULL;
    HPO_TRY(hpo_space_config_to_json(shape->space, t->x, &params, err));
    hpo_str_addf(s, "{\"number\":%" PRId64 ",\"state\":\"%s\"", t->number, hpo_state_name(t->state));
    key_values(s, "values", shape, t->values);
    hpo_str_add(s, ",\"params\":");
    hpo_str_add(s, params);
    hpo_free(params);
    key_values(s, "sems", shape, t->sems);
    json_outcomes(s, shape, t->outcomes);
    HPO_TRY(json_gradient(s, shape, t->gradient, err));
    if (t->cost > 0) key_double(s, "cost", t->cost);
    key_int(s, "attempt", t->attempt);
    key_time(s, "created", t->created_ms);
    key_time(s, "started", t->started_ms);
    key_time(s, "ended", t->ended_ms);
    if (t->ended_ms && t->started_ms) key_double(s, "seconds", (double)(t->ended_ms - t->started_ms) / 1e3);
    key_text(s, "worker", t->worker);
    key_text(s, "reason", t->reason);
    key_text(s, "checkpoint", t->checkpoint);
    if (details) json_details(s, t);
    hpo_str_addc(s, '}');
    return HPO_OK;
}

hpo_status cli_trial_full_json(hpo_str *s, const cli_shape *shape, hpo_study *study, const hpo_trial_info *t,
                               hpo_error *err)
{
    const int64_t n = t->n_decisions, number = t->number;
    HPO_TRY(cli_trial_json(s, shape, t, 1, err));
    if (n == 0 || s->failed) return HPO_OK;
    s->text[--s->len] = '\0'; /* without its last brace */
    hpo_str_add(s, ",\"decisions\":[");
    for (int64_t i = 0; i < n; i++) {
        hpo_decision_info d = {.size = sizeof d};
        HPO_TRY(hpo_study_trial_decision(study, number, (size_t)i, &d, err));
        hpo_str_addf(s, "%s{\"what\":\"%s\"", i > 0 ? "," : "", d.what);
        if (!isnan(d.step)) key_double(s, "step", d.step);
        key_text(s, "reason", d.reason);
        key_int(s, "attempt", d.attempt);
        key_time(s, "time", d.time_ms);
        hpo_str_addc(s, '}');
    }
    hpo_str_add(s, "]}");
    return HPO_OK;
}

static void json_budget(hpo_str *s, const hpo_budget *b)
{
    size_t start;
    hpo_str_add(s, ",\"budget\":{");
    start = s->len;
    if (b->trials > 0) key_int(s, "trials", b->trials);
    if (b->seconds > 0) key_double(s, "seconds", b->seconds);
    if (b->cost > 0) key_double(s, "cost", b->cost);
    if (!isnan(b->target)) key_double(s, "target", b->target);
    if (b->stagnation > 0) key_int(s, "stagnation", b->stagnation);
    if (!s->failed && s->len > start) { /* every key brought a comma along */
        memmove(s->text + start, s->text + start + 1, s->len - start);
        s->len--;
    }
    hpo_str_addc(s, '}');
}

static const char *status_name(hpo_study_status status)
{
    return status == HPO_STUDY_ACTIVE ? "active" : status == HPO_STUDY_PAUSED ? "paused" : "stopped";
}

static void json_problem(hpo_str *s, const hpo_summary *sum)
{
    hpo_str_add(s, ",\"objectives\":[");
    for (size_t i = 0; i < sum->n_objectives; i++) {
        hpo_str_add(s, i ? ",{\"name\":" : "{\"name\":");
        hpo_str_json(s, sum->objectives[i].name);
        hpo_str_addf(s, ",\"goal\":\"%s\"}", sum->objectives[i].direction == HPO_MAXIMIZE ? "max" : "min");
    }
    hpo_str_add(s, "],\"outcomes\":[");
    for (size_t i = 0; i < sum->n_outcomes; i++) {
        hpo_str_add(s, i ? ",{\"name\":" : "{\"name\":");
        hpo_str_json(s, sum->outcomes[i].name);
        key_double(s, "max", sum->outcomes[i].max);
        hpo_str_addc(s, '}');
    }
    hpo_str_addc(s, ']');
}

hpo_status cli_summary_json(hpo_str *s, const hpo_study *study, const hpo_summary *sum, hpo_error *err)
{
    char *space = NULL;
    HPO_TRY(hpo_space_to_json(hpo_study_space(study), &space, err));
    hpo_str_add(s, "{\"name\":");
    hpo_str_json(s, sum->name);
    key_text(s, "status", status_name(sum->status));
    if (sum->stop_reason != HPO_STOP_REASON_NONE)
        key_text(s, "stop_reason", hpo_stop_reason_name(sum->stop_reason));
    key_text(s, "stop_text", sum->stop_text);
    key_int(s, "trials", sum->n_trials);
    hpo_str_add(s, ",\"states\":{");
    for (int i = 0; i < HPO_N_STATES; i++)
        hpo_str_addf(s, "%s\"%s\":%" PRId64, i ? "," : "", hpo_state_name((hpo_state)i), sum->n_by_state[i]);
    hpo_str_addc(s, '}');
    json_problem(s, sum);
    if (sum->best >= 0) {
        key_int(s, "best", sum->best);
        key_double(s, "best_value", sum->best_value);
        key_int(s, "since_best", sum->since_best);
    }
    key_text(s, "sampler", sum->sampler);
    key_text(s, "scheduler", sum->scheduler);
    key_text(s, "until", sum->until);
    hpo_str_addf(s, ",\"seed\":%" PRIu64, sum->seed);
    json_budget(s, &sum->budget);
    key_double(s, "active_seconds", sum->active_seconds);
    key_double(s, "cost", sum->cost);
    key_double(s, "lease", sum->lease);
    key_int(s, "lag", sum->lag);
    hpo_str_addf(s, ",\"noisy\":%s", sum->noisy ? "true" : "false");
    key_int(s, "max_retries", sum->max_retries);
    key_time(s, "created", sum->created_ms);
    key_time(s, "last", sum->last_ms);
    key_int(s, "seq", sum->seq);
    hpo_str_addf(s, ",\"space\":%s", space);
    if (sum->metadata && *sum->metadata) hpo_str_addf(s, ",\"metadata\":%s", sum->metadata);
    if (sum->attributes && *sum->attributes) hpo_str_addf(s, ",\"attributes\":%s", sum->attributes);
    hpo_str_addc(s, '}');
    hpo_free(space);
    return HPO_OK;
}

/* ---- text --------------------------------------------------------------------------------------- */

hpo_status cli_params_text(hpo_str *s, const hpo_space *space, const double *x, hpo_error *err)
{
    size_t n = hpo_space_n_params(space);
    int first = 1;
    for (size_t i = 0; i < n; i++) {
        hpo_param_info p = {.size = sizeof p};
        char *text = NULL;
        HPO_TRY(hpo_space_param(space, i, &p, err));
        if (isnan(x[p.column])) continue;
        HPO_TRY(hpo_space_value_text(space, x, i, &text, err));
        if (!first) hpo_str_addc(s, ' ');
        hpo_str_add(s, p.name);
        hpo_str_addc(s, '=');
        hpo_str_add(s, text);
        hpo_free(text);
        first = 0;
    }
    return HPO_OK;
}

void cli_values_text(hpo_str *s, const double *values, size_t n)
{
    char buf[32];
    if (!values) {
        hpo_str_addc(s, '-');
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i) hpo_str_add(s, ", ");
        hpo_str_add(s, cli_number_text(values[i], buf));
    }
}

void cli_budget_text(hpo_str *s, const hpo_budget *b)
{
    char buf[32];
    size_t start = s->len;
    if (b->trials > 0) hpo_str_addf(s, ", %" PRId64 " trial%s", b->trials, hpo_plural(b->trials));
    if (b->seconds > 0) hpo_str_addf(s, ", %s", cli_duration_text(b->seconds, buf));
    if (b->cost > 0) hpo_str_addf(s, ", cost %s", cli_number_text(b->cost, buf));
    if (!isnan(b->target)) hpo_str_addf(s, ", target %s", cli_number_text(b->target, buf));
    if (b->stagnation > 0)
        hpo_str_addf(s, ", %" PRId64 " trial%s without improvement", b->stagnation,
                     hpo_plural(b->stagnation));
    if (s->failed) return;
    if (s->len == start) {
        hpo_str_add(s, "none");
        return;
    }
    memmove(s->text + start, s->text + start + 2, s->len - start - 1);
    s->len -= 2;
}

void cli_trial_why(hpo_str *s, const hpo_trial_info *t, const hpo_summary *sum, int64_t now_ms)
{
    char buf[32];
    switch (t->state) {
    case HPO_STATE_WAITING:
        if (sum->status == HPO_STUDY_PAUSED)
            hpo_str_add(s, "the study is paused: `hpo resume` goes on");
        else if (sum->status == HPO_STUDY_STOPPED)
            hpo_str_add(s, "the study is stopped: `hpo resume` goes on");
        else if (t->attempt > 0)
            hpo_str_addf(s, "given back after attempt %d: next in line for a free worker", (int)t->attempt);
        else
            hpo_str_add(s, "enqueued: next in line for a free worker");
        if (t->reason && *t->reason) hpo_str_addf(s, " (%s)", t->reason);
        break;
    case HPO_STATE_RUNNING:
        if (t->lease_ms < now_ms)
            hpo_str_addf(s, "lost: its lease ran out %s ago, the next ask takes it up",
                         cli_duration_text((double)(now_ms - t->lease_ms) / 1e3, buf));
        else if (t->stop_requested)
            hpo_str_add(s, "asked to stop: its next report answers stop");
        break;
    case HPO_STATE_PAUSED:
        hpo_str_add(s, "paused by the scheduler, its checkpoint is kept");
        break;
    default:
        break;
    }
}

/* ---- tokens and words ------------------------------------------------------------------------------ */

void cli_token_text(uint64_t token, char buf[32])
{
    snprintf(buf, 32, "%016" PRIx64, token);
}

int cli_token_parse(const char *text, uint64_t *token)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; text[n]; n++) {
        char ch = text[n];
        unsigned digit;
        if (ch >= '0' && ch <= '9')
            digit = (unsigned)(ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            digit = (unsigned)(ch - 'a' + 10);
        else if (ch >= 'A' && ch <= 'F')
            digit = (unsigned)(ch - 'A' + 10);
        else
            return 0;
        v = v << 4 | digit;
    }
    *token = v;
    return n == 16;
}

static void param_value_json(hpo_str *s, const hpo_param_info *p, const char *text)
{
    double v;
    int numeric = p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT;
    if (text[0] == '[' || text[0] == '{' || text[0] == '"') {
        hpo_str_add(s, text); /* already JSON: lists of structured parameters */
    } else if (p->kind == HPO_KIND_BOOL && (!strcmp(text, "true") || !strcmp(text, "false"))) {
        hpo_str_add(s, text);
    } else if (numeric && hpo_parse_double(text, &v)) {
        hpo_str_json_double(s, v);
    } else if (p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET ||
               p->kind == HPO_KIND_VECTOR) { /* items joined with commas, as value_text writes them */
        hpo_str_addc(s, '[');
        while (*text) {
            size_t n = strcspn(text, ",");
            char item[256];
            if (n >= sizeof item) n = sizeof item - 1;
            memcpy(item, text, n);
            item[n] = '\0';
            if (hpo_parse_double(item, &v))
                hpo_str_json_double(s, v);
            else
                hpo_str_json(s, item);
            text += n;
            if (*text == ',') {
                hpo_str_addc(s, ',');
                text++;
            }
        }
        hpo_str_addc(s, ']');
    } else {
        hpo_str_json(s, text);
    }
}

hpo_status cli_params_json(hpo_str *s, const hpo_space *space, const char *const *words, size_t n,
                           hpo_error *err)
{
    hpo_str_addc(s, '{');
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(words[i], '=');
        size_t len = equals ? (size_t)(equals - words[i]) : 0;
        hpo_param_info p = {.size = sizeof p};
        char name[256];
        int64_t at;
        if (!len || len >= sizeof name)
            return hpo_fail(err, HPO_EINVAL, "'%s' is not NAME=VALUE: write e.g. lr=0.1", words[i]);
        memcpy(name, words[i], len);
        name[len] = '\0';
        at = hpo_space_find(space, name);
        if (at < 0)
            return hpo_fail(err, HPO_EINVAL, "'%s' names no parameter of the study: see `hpo space show`",
                            name);
        HPO_TRY(hpo_space_param(space, (size_t)at, &p, err));
        if (i) hpo_str_addc(s, ',');
        hpo_str_json(s, name);
        hpo_str_addc(s, ':');
        param_value_json(s, &p, equals + 1);
    }
    hpo_str_addc(s, '}');
    return s->failed ? hpo_fail_memory(err) : HPO_OK;
}
