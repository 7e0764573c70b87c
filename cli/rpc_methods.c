/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rpc_methods.c - the methods of `hpo rpc`.  Each reads its parameters from a JSON object and writes
 * its result as JSON; docs/rpc.md is their description. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os.h"
#include "hpo/runner.h"
#include "result.h"
#include "rpc.h"

/* ---- studies ------------------------------------------------------------------------------------- */

static hpo_status open_storage(rpc *r)
{
    if (r->c->storage) return HPO_OK;
    return hpo_storage_open(cli_storage_url(r->c), &r->c->storage, &r->c->err);
}

/* Takes the study over; it becomes the current one. */
static hpo_status add_study(rpc *r, hpo_study *study)
{
    hpo_summary sum = {.size = sizeof sum};
    char *name;
    hpo_status st = hpo_study_summary(study, &sum, &r->c->err);
    if (st == HPO_OK)
        st = hpo_reserve(&r->studies, &r->studies_cap, r->n_studies + 1, sizeof *r->studies, &r->c->err);
    name = st == HPO_OK ? hpo_strdup(sum.name) : NULL;
    if (!name) {
        hpo_study_free(study);
        return st == HPO_OK ? hpo_fail_memory(&r->c->err) : st;
    }
    r->studies[r->n_studies] = (rpc_study){study, name};
    r->current = r->n_studies++;
    return HPO_OK;
}

static hpo_status open_study(rpc *r, const char *name, size_t *index)
{
    hpo_study *study = NULL;
    for (size_t i = 0; i < r->n_studies && name; i++)
        if (!strcmp(r->studies[i].name, name)) {
            *index = i;
            return HPO_OK;
        }
    HPO_TRY(open_storage(r));
    HPO_TRY(hpo_study_open(r->c->storage, name, &study, &r->c->err));
    HPO_TRY(add_study(r, study));
    *index = r->current;
    return HPO_OK;
}

/* The study of a call: its "study", else the current one, else the only one of the storage. */
static hpo_status study_of(rpc *r, struct json_object *params, size_t *index)
{
    const char *name = NULL;
    if (params) HPO_TRY(hpo_json_get_string(params, "params", "study", &name, &r->c->err));
    if (!name && r->n_studies) {
        *index = r->current;
        return HPO_OK;
    }
    return open_study(r, name, index);
}

static hpo_status summary_of(rpc *r, struct json_object *params, hpo_study **study, hpo_summary *sum,
                             cli_shape *shape)
{
    size_t i = 0;
    HPO_TRY(study_of(r, params, &i));
    *study = r->studies[i].study;
    memset(sum, 0, sizeof *sum);
    sum->size = sizeof *sum;
    HPO_TRY(hpo_study_summary(*study, sum, &r->c->err));
    cli_shape_of(*study, sum, shape);
    return HPO_OK;
}

static hpo_status write_summary(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    hpo_summary sum;
    cli_shape shape;
    HPO_TRY(summary_of(r, params, &study, &sum, &shape));
    return cli_summary_json(out, study, &sum, &r->c->err);
}

/* ---- create ---------------------------------------------------------------------------------------- */

typedef struct problem {
    hpo_study_options options;
    hpo_objective objectives[CLI_MAX_OBJECTIVES];
    hpo_outcome outcomes[CLI_MAX_OUTCOMES];
} problem;

static hpo_status read_objectives(struct json_object *list, problem *p, hpo_error *err)
{
    static const char *const keys[] = {"name", "goal", NULL};
    size_t n = json_object_array_length(list);
    if (n == 0 || n > CLI_MAX_OBJECTIVES)
        return hpo_fail(err, HPO_EINVAL, "objectives has %zu entries: give 1 to %d", n,
                        (int)CLI_MAX_OBJECTIVES);
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *name = NULL;
        const char *goal = "min";
        if (json_object_is_type(o, json_type_string)) {
            name = json_object_get_string(o);
        } else if (json_object_is_type(o, json_type_object)) {
            HPO_TRY(hpo_json_check_keys(o, "objectives", keys, err));
            HPO_TRY(hpo_json_get_string(o, "objectives", "name", &name, err));
            HPO_TRY(hpo_json_get_string(o, "objectives", "goal", &goal, err));
        }
        if (!name)
            return hpo_fail(err, HPO_EINVAL,
                            "objectives[%zu] has no name: write {\"name\":\"loss\",\"goal\":\"min\"}", i);
        if (strcmp(goal, "min") != 0 && strcmp(goal, "max") != 0)
            return hpo_fail(err, HPO_EINVAL, "objectives[%zu].goal is '%s': min or max", i, goal);
        p->objectives[i] = (hpo_objective){sizeof(hpo_objective), name,
                                           *goal == 'm' && goal[1] == 'a' ? HPO_MAXIMIZE : HPO_MINIMIZE};
    }
    p->options.objectives = p->objectives;
    p->options.n_objectives = n;
    return HPO_OK;
}

static hpo_status read_outcomes(struct json_object *list, problem *p, hpo_error *err)
{
    static const char *const keys[] = {"name", "max", NULL};
    size_t n = json_object_array_length(list);
    if (n > CLI_MAX_OUTCOMES)
        return hpo_fail(err, HPO_EINVAL, "outcomes has %zu entries: at most %d", n, (int)CLI_MAX_OUTCOMES);
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *name = NULL;
        double max = (double)NAN;
        if (json_object_is_type(o, json_type_object)) {
            HPO_TRY(hpo_json_check_keys(o, "outcomes", keys, err));
            HPO_TRY(hpo_json_get_string(o, "outcomes", "name", &name, err));
            HPO_TRY(hpo_json_get_double(o, "outcomes", "max", &max, err));
        }
        if (!name || isnan(max))
            return hpo_fail(err, HPO_EINVAL,
                            "outcomes[%zu] needs name and max: write {\"name\":\"mem\",\"max\":10}", i);
        p->outcomes[i] = (hpo_outcome){sizeof(hpo_outcome), name, max};
    }
    p->options.outcomes = p->outcomes;
    p->options.n_outcomes = n;
    return HPO_OK;
}

static hpo_status read_budget(struct json_object *o, hpo_budget *b, hpo_error *err)
{
    static const char *const keys[] = {"trials", "seconds", "cost", "target", "stagnation", NULL};
    if (json_object_is_type(o, json_type_string)) return hpo_budget_parse(json_object_get_string(o), b, err);
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL,
                        "budget is neither an object nor a text: write {\"trials\":100} or \"100trials\"");
    HPO_TRY(hpo_json_check_keys(o, "budget", keys, err));
    HPO_TRY(hpo_json_get_int(o, "budget", "trials", &b->trials, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "seconds", &b->seconds, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "cost", &b->cost, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "target", &b->target, err));
    return hpo_json_get_int(o, "budget", "stagnation", &b->stagnation, err);
}

static hpo_status read_problem(struct json_object *params, problem *p, hpo_error *err)
{
    struct json_object *m = NULL;
    int flag = 0;
    int64_t v;
    memset(p, 0, sizeof *p);
    p->options = hpo_study_options_init();
    HPO_TRY(hpo_json_get_string(params, "create", "name", &p->options.name, err));
    HPO_TRY(hpo_json_get_string(params, "create", "sampler", &p->options.sampler, err));
    HPO_TRY(hpo_json_get_string(params, "create", "scheduler", &p->options.scheduler, err));
    HPO_TRY(hpo_json_get_string(params, "create", "until", &p->options.until, err));
    HPO_TRY(hpo_json_get_int(params, "create", "lag", &p->options.lag, err));
    HPO_TRY(hpo_json_get_double(params, "create", "lease", &p->options.lease, err));
    HPO_TRY(hpo_json_get_bool(params, "create", "noisy", &flag, err));
    p->options.noisy = flag;
    flag = 0;
    HPO_TRY(hpo_json_get_bool(params, "create", "reuse", &flag, err));
    p->options.reuse = flag;
    v = p->options.max_retries;
    HPO_TRY(hpo_json_get_int(params, "create", "max_retries", &v, err));
    if (v < 0 || v > 1000000) return hpo_fail(err, HPO_EINVAL, "max_retries is %" PRId64 ": 0 to 1000000", v);
    p->options.max_retries = (int32_t)v;
    if (json_object_object_get_ex(params, "seed", &m) && m) {
        if (!json_object_is_type(m, json_type_int))
            return hpo_fail(err, HPO_EINVAL, "seed is %s: give a whole number",
                            json_object_to_json_string(m));
        p->options.seed =
            json_object_get_int64(m) < 0 ? (uint64_t)json_object_get_int64(m) : json_object_get_uint64(m);
    } else {
        uint32_t seed;
        HPO_TRY(hpo_os_random(&seed, sizeof seed, err));
        p->options.seed = seed;
    }
    m = NULL;
    HPO_TRY(hpo_json_get_array(params, "create", "objectives", &m, err));
    if (m) HPO_TRY(read_objectives(m, p, err));
    m = NULL;
    HPO_TRY(hpo_json_get_array(params, "create", "outcomes", &m, err));
    if (m) HPO_TRY(read_outcomes(m, p, err));
    m = NULL;
    HPO_TRY(hpo_json_get_object(params, "create", "metadata", &m, err));
    if (m) p->options.metadata = json_object_to_json_string_ext(m, JSON_C_TO_STRING_PLAIN);
    m = NULL;
    if (json_object_object_get_ex(params, "budget", &m) && m)
        HPO_TRY(read_budget(m, &p->options.budget, err));
    return HPO_OK;
}

static hpo_status call_create(rpc *r, struct json_object *params, hpo_str *out)
{
    problem p;
    struct json_object *space_json = NULL;
    hpo_space *space = NULL;
    hpo_study *study = NULL;
    hpo_status st;
    hpo_error *err = &r->c->err;
    if (!params || !json_object_object_get_ex(params, "space", &space_json) || !space_json)
        return hpo_fail(err, HPO_EINVAL,
                        "create needs space: an object as in docs/space.schema.json, or a text 'x: 0..1'");
    HPO_TRY(read_problem(params, &p, err));
    if (json_object_is_type(space_json, json_type_string))
        st = hpo_space_parse(json_object_get_string(space_json), &space, err);
    else
        st = hpo_space_load(json_object_to_json_string_ext(space_json, JSON_C_TO_STRING_PLAIN), &space, err);
    if (st == HPO_OK) st = open_storage(r);
    if (st == HPO_OK) st = hpo_study_create(r->c->storage, space, &p.options, &study, err);
    hpo_space_free(space);
    HPO_TRY(st);
    HPO_TRY(add_study(r, study));
    return write_summary(r, NULL, out);
}

static hpo_status call_open(rpc *r, struct json_object *params, hpo_str *out)
{
    const char *name = NULL;
    size_t i = 0;
    if (params) {
        HPO_TRY(hpo_json_get_string(params, "open", "study", &name, &r->c->err));
        HPO_TRY(hpo_json_get_string(params, "open", "name", &name, &r->c->err));
    }
    HPO_TRY(open_study(r, name, &i));
    r->current = i;
    return write_summary(r, NULL, out);
}

static hpo_status call_summary(rpc *r, struct json_object *params, hpo_str *out)
{
    return write_summary(r, params, out);
}

/* ---- trials in hand --------------------------------------------------------------------------------- */

static rpc_held *find_held(rpc *r, size_t study, int64_t number)
{
    for (size_t i = 0; i < r->n_held; i++)
        if (r->held[i].study == study && hpo_trial_number(r->held[i].trial) == number) return &r->held[i];
    return NULL;
}

static void drop_held(rpc *r, rpc_held *h)
{
    hpo_trial_free(h->trial);
    *h = r->held[--r->n_held];
}

static hpo_status hold(rpc *r, size_t study, hpo_trial *t, double lease)
{
    rpc_held *h = find_held(r, study, hpo_trial_number(t));
    if (h) drop_held(r, h); /* ours of old, lost and handed out to us again */
    HPO_TRY(hpo_reserve(&r->held, &r->held_cap, r->n_held + 1, sizeof *r->held, &r->c->err));
    h = &r->held[r->n_held++];
    h->trial = t;
    h->study = study;
    h->renew_every_ns = (int64_t)(fmin(lease, 1e8) / 3 * 1e9);
    h->renew_at_ns = hpo_os_monotonic_ns() + h->renew_every_ns;
    return HPO_OK;
}

int rpc_renew_due(rpc *r)
{
    int64_t now = hpo_os_monotonic_ns();
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < r->n_held;) {
        rpc_held *h = &r->held[i];
        hpo_decision ignored; /* the other side learns it from report or should_stop */
        if (h->renew_at_ns <= now) {
            hpo_status st = hpo_study_renew(r->studies[h->study].study, h->trial, &ignored, &r->c->err);
            if (st == HPO_ESTALE) { /* its next tell will hear of it */
                h->renew_every_ns = INT64_MAX / 4;
            }
            h->renew_at_ns = now + h->renew_every_ns;
        }
        if (h->renew_at_ns < next) next = h->renew_at_ns;
        i++;
    }
    if (next == INT64_MAX) return -1;
    next = (next - now) / 1000000 + 1;
    return next < 60000 ? (int)next : 60000;
}

void rpc_close(rpc *r)
{
    for (size_t i = 0; i < r->n_held; i++)
        hpo_trial_free(r->held[i].trial);
    for (size_t i = 0; i < r->n_studies; i++) {
        hpo_study_free(r->studies[i].study);
        hpo_free(r->studies[i].name);
    }
    hpo_free(r->held);
    hpo_free(r->studies);
}

/* The trial of a call, by "trial" and, when it was not asked for on this connection, "token". */
static hpo_status trial_of(rpc *r, struct json_object *params, size_t *study, hpo_trial **out,
                           rpc_held **held, hpo_trial **owned)
{
    int64_t number = -1;
    const char *text = NULL;
    uint64_t token = 0;
    hpo_error *err = &r->c->err;
    *held = NULL;
    *owned = NULL;
    HPO_TRY(study_of(r, params, study));
    if (params) {
        HPO_TRY(hpo_json_get_int(params, "params", "trial", &number, err));
        HPO_TRY(hpo_json_get_string(params, "params", "token", &text, err));
    }
    if (number < 0) return hpo_fail(err, HPO_EINVAL, "trial is missing: give the number that ask returned");
    if (text && !cli_token_parse(text, &token))
        return hpo_fail(err, HPO_EINVAL, "token '%s' is not 16 hexadecimal digits: give what ask returned",
                        text);
    *held = find_held(r, *study, number);
    if (*held && (!text || hpo_trial_token((*held)->trial) == token)) {
        *out = (*held)->trial;
        return HPO_OK;
    }
    *held = NULL;
    if (!text)
        return hpo_fail(err, HPO_EINVAL,
                        "trial %" PRId64 " was not asked for on this connection: give its token as well",
                        number);
    HPO_TRY(hpo_study_attach(r->studies[*study].study, number, token, owned, err));
    *out = *owned;
    return HPO_OK;
}

static hpo_status write_trial(rpc *r, const hpo_trial *t, hpo_str *out)
{
    char token[32];
    char *json = NULL;
    cli_token_text(hpo_trial_token(t), token);
    HPO_TRY(hpo_space_config_to_json(hpo_trial_space(t), hpo_trial_x(t), &json, &r->c->err));
    hpo_str_addf(out,
                 "{\"trial\":%" PRId64 ",\"token\":\"%s\",\"params\":%s,\"attempt\":%d,\"seed\":%" PRIu64 "}",
                 hpo_trial_number(t), token, json, (int)hpo_trial_attempt(t), hpo_trial_seed(t));
    hpo_free(json);
    return HPO_OK;
}

static hpo_status write_end(rpc *r, hpo_study *study, hpo_status end, hpo_str *out)
{
    hpo_summary sum = {.size = sizeof sum};
    if (end == HPO_OK) {
        hpo_str_add(out, "],\"status\":\"ok\"}");
        return HPO_OK;
    }
    HPO_TRY(hpo_study_summary(study, &sum, &r->c->err));
    hpo_str_addf(out, "],\"status\":\"%s\"", end == HPO_DONE ? "done" : "wait");
    if (end == HPO_DONE) {
        hpo_str_addf(out, ",\"reason\":\"%s\",\"text\":", hpo_stop_reason_name(sum.stop_reason));
        hpo_str_json(out, sum.stop_text ? sum.stop_text : "");
    } else {
        hpo_str_addf(out, ",\"reason\":\"%s\"", sum.status == HPO_STUDY_PAUSED ? "paused" : "running");
    }
    hpo_str_addc(out, '}');
    return HPO_OK;
}

static hpo_status call_ask(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_ask_options opt = {.size = sizeof opt};
    hpo_summary sum = {.size = sizeof sum};
    hpo_error *err = &r->c->err;
    hpo_study *study;
    int64_t n = 1;
    size_t index = 0;
    hpo_status st = HPO_OK;
    char worker[256];
    HPO_TRY(study_of(r, params, &index));
    study = r->studies[index].study;
    if (params) {
        HPO_TRY(hpo_json_get_int(params, "ask", "n", &n, err));
        HPO_TRY(hpo_json_get_string(params, "ask", "worker", &opt.worker, err));
        HPO_TRY(hpo_json_get_double(params, "ask", "lease", &opt.lease, err));
    }
    if (n < 1 || n > 100000) return hpo_fail(err, HPO_EINVAL, "n is %" PRId64 ": 1 to 100000", n);
    if (!opt.worker) {
        hpo_os_worker_name(worker, sizeof worker);
        opt.worker = worker;
    }
    HPO_TRY(hpo_study_summary(study, &sum, err));
    hpo_str_add(out, "{\"trials\":[");
    for (int64_t i = 0; i < n && st == HPO_OK; i++) {
        hpo_trial *t = NULL;
        st = hpo_study_ask_as(study, &opt, &t, err);
        if (st < 0) return st;
        if (st != HPO_OK) break;
        st = hold(r, index, t, opt.lease > 0 ? opt.lease : sum.lease);
        if (st != HPO_OK) {
            hpo_trial_free(t);
            return st;
        }
        if (i) hpo_str_addc(out, ',');
        HPO_TRY(write_trial(r, t, out));
    }
    return write_end(r, study, st, out);
}

/* ---- results ------------------------------------------------------------------------------------------ */

/* The members of params that belong to the result: a copy without the others. */
static struct json_object *result_part(struct json_object *params)
{
    static const char *const keys[] = {"value",    "values", "state",  "sems",       "outcomes",
                                       "gradient", "cost",   "reason", "checkpoint", "count_retry"};
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; o && i < CLI_COUNT(keys); i++) {
        struct json_object *m = NULL;
        if (json_object_object_get_ex(params, keys[i], &m))
            json_object_object_add(o, keys[i], json_object_get(m));
    }
    return o;
}

static hpo_status call_tell(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    hpo_summary sum;
    cli_shape shape;
    cli_result result = {0};
    rpc_held *held;
    hpo_trial *t = NULL;
    hpo_trial *owned = NULL;
    size_t index;
    struct json_object *part = NULL;
    hpo_status st;
    HPO_TRY(trial_of(r, params, &index, &t, &held, &owned));
    st = summary_of(r, params, &study, &sum, &shape);
    if (st == HPO_OK) st = cli_result_init(&result, &shape, &r->c->err);
    if (st == HPO_OK) {
        part = result_part(params);
        st = part ? cli_result_json(&result, part, &r->c->err) : hpo_fail_memory(&r->c->err);
    }
    if (st == HPO_OK) st = hpo_study_tell(study, t, &result.result, &r->c->err);
    if (held && (st == HPO_OK || st == HPO_ESTALE)) drop_held(r, held);
    hpo_trial_free(owned);
    cli_result_fini(&result);
    json_object_put(part);
    if (st == HPO_OK) hpo_str_add(out, "{}");
    return st;
}

static hpo_status call_report(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_report rep = hpo_report_init();
    hpo_study *study;
    hpo_summary sum;
    cli_shape shape;
    cli_result result = {0};
    rpc_held *held;
    hpo_trial *t = NULL;
    hpo_trial *owned = NULL;
    size_t index;
    int64_t fold = -1;
    struct json_object *part = NULL;
    struct json_object *metrics = NULL;
    hpo_decision decision = HPO_CONTINUE;
    hpo_error *err = &r->c->err;
    hpo_status st;
    rep.step = (double)NAN;
    HPO_TRY(trial_of(r, params, &index, &t, &held, &owned));
    st = summary_of(r, params, &study, &sum, &shape);
    if (st == HPO_OK) st = cli_result_init(&result, &shape, err);
    if (st == HPO_OK) st = hpo_json_get_double(params, "report", "step", &rep.step, err);
    if (st == HPO_OK) st = hpo_json_get_int(params, "report", "fold", &fold, err);
    if (st == HPO_OK) st = hpo_json_get_object(params, "report", "metrics", &metrics, err);
    if (st == HPO_OK && isnan(rep.step)) st = hpo_fail(err, HPO_EINVAL, "report needs step");
    if (st == HPO_OK) {
        part = result_part(params);
        st = part ? cli_result_json(&result, part, err) : hpo_fail_memory(err);
    }
    if (st == HPO_OK && !result.result.values) st = hpo_fail(err, HPO_EINVAL, "report needs value or values");
    if (st == HPO_OK) {
        rep.values = result.result.values;
        rep.n_values = result.result.n_values;
        rep.cost = result.result.cost;
        rep.fold = (int32_t)fold;
        if (metrics) rep.metrics = json_object_to_json_string_ext(metrics, JSON_C_TO_STRING_PLAIN);
        st = hpo_study_report(study, t, &rep, &decision, err);
    }
    if (held && st == HPO_OK) held->renew_at_ns = hpo_os_monotonic_ns() + held->renew_every_ns;
    if (held && st == HPO_ESTALE) drop_held(r, held);
    hpo_trial_free(owned);
    cli_result_fini(&result);
    json_object_put(part);
    if (st == HPO_OK) hpo_str_addf(out, "{\"decision\":\"%s\"}", cli_decision_name(decision));
    return st;
}

/* Also `should_stop`: both renew and answer the same. */
static hpo_status call_renew(rpc *r, struct json_object *params, hpo_str *out)
{
    rpc_held *held;
    hpo_trial *t = NULL;
    hpo_trial *owned = NULL;
    size_t index;
    hpo_decision d = HPO_CONTINUE;
    hpo_status st;
    HPO_TRY(trial_of(r, params, &index, &t, &held, &owned));
    st = hpo_study_renew(r->studies[index].study, t, &d, &r->c->err);
    if (held && st == HPO_ESTALE) drop_held(r, held);
    hpo_trial_free(owned);
    HPO_TRY(st);
    hpo_str_addf(out, "{\"stop\":%s,\"decision\":\"%s\"}", d == HPO_CONTINUE ? "false" : "true",
                 cli_decision_name(d));
    return HPO_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static hpo_status add_stored_trial(rpc *r, hpo_study *study, const cli_shape *shape, int64_t number,
                                   int first, hpo_str *out)
{
    hpo_trial_info t = {.size = sizeof t};
    HPO_TRY(hpo_study_trial(study, number, &t, &r->c->err));
    if (!first) hpo_str_addc(out, ',');
    return cli_trial_full_json(out, shape, study, &t, &r->c->err);
}

static hpo_status call_best(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    hpo_summary sum;
    cli_shape shape;
    int64_t *numbers;
    size_t n = 0;
    hpo_status st;
    HPO_TRY(summary_of(r, params, &study, &sum, &shape));
    st = hpo_study_best(study, NULL, 0, &n, &r->c->err);
    if (st != HPO_OK && st != HPO_ENOTFOUND) return st;
    if (st == HPO_ENOTFOUND) n = 0;
    numbers = hpo_alloc_array(n ? n : 1, sizeof *numbers);
    if (!numbers) return hpo_fail_memory(&r->c->err);
    st = n ? hpo_study_best(study, numbers, n, &n, &r->c->err) : HPO_OK;
    hpo_str_add(out, "{\"trials\":[");
    for (size_t i = 0; i < n && st == HPO_OK; i++)
        st = add_stored_trial(r, study, &shape, numbers[i], i == 0, out);
    hpo_str_add(out, "]}");
    hpo_free(numbers);
    return st;
}

static hpo_status call_trials(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    hpo_summary sum;
    cli_shape shape;
    hpo_error *err = &r->c->err;
    int64_t since = 0;
    int64_t from = 0;
    int64_t limit = INT64_MAX;
    int64_t n = 0;
    int64_t i;
    HPO_TRY(study_of(r, params, &(size_t){0}));
    if (params) {
        HPO_TRY(hpo_json_get_int(params, "trials", "since", &since, err));
        HPO_TRY(hpo_json_get_int(params, "trials", "from", &from, err));
        HPO_TRY(hpo_json_get_int(params, "trials", "limit", &limit, err));
    }
    if (from < 0 || limit < 1)
        return hpo_fail(err, HPO_EINVAL, "from must be at least 0 and limit at least 1");
    HPO_TRY(summary_of(r, params, &study, &sum, &shape));
    HPO_TRY(hpo_study_sync(study, NULL, err));
    HPO_TRY(summary_of(r, params, &study, &sum, &shape));
    hpo_str_add(out, "{\"trials\":[");
    for (i = from; i < sum.n_trials && n < limit; i++) {
        hpo_trial_info t = {.size = sizeof t};
        HPO_TRY(hpo_study_trial(study, i, &t, err));
        if (t.seq <= since) continue;
        if (n++) hpo_str_addc(out, ',');
        HPO_TRY(cli_trial_full_json(out, &shape, study, &t, err));
    }
    hpo_str_addf(out, "],\"seq\":%" PRId64 ",\"next\":", sum.seq);
    if (i < sum.n_trials)
        hpo_str_int(out, i);
    else
        hpo_str_add(out, "null");
    hpo_str_addc(out, '}');
    return HPO_OK;
}

/* ---- steering ---- */

static hpo_status call_enqueue(rpc *r, struct json_object *params, hpo_str *out)
{
    struct json_object *config = NULL;
    size_t index = 0;
    int64_t number = -1;
    const char *json = NULL;
    HPO_TRY(study_of(r, params, &index));
    if (params) HPO_TRY(hpo_json_get_object(params, "enqueue", "params", &config, &r->c->err));
    if (config) json = json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN);
    HPO_TRY(hpo_study_enqueue(r->studies[index].study, json, &number, &r->c->err));
    hpo_str_addf(out, "{\"trial\":%" PRId64 "}", number);
    return HPO_OK;
}

/* "trial" of a call that acts on a stored trial; -1 when absent. */
static hpo_status number_of(rpc *r, struct json_object *params, hpo_study **study, int64_t *number)
{
    size_t index = 0;
    *number = -1;
    HPO_TRY(study_of(r, params, &index));
    *study = r->studies[index].study;
    if (!params) return HPO_OK;
    HPO_TRY(hpo_json_get_int(params, "params", "trial", number, &r->c->err));
    if (*number < -1)
        return hpo_fail(&r->c->err, HPO_EINVAL, "trial is %" PRId64 ": give a number from 0 on", *number);
    return HPO_OK;
}

static hpo_status call_stop(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    int64_t number;
    const char *reason = NULL;
    HPO_TRY(number_of(r, params, &study, &number));
    if (params) HPO_TRY(hpo_json_get_string(params, "stop", "reason", &reason, &r->c->err));
    hpo_str_add(out, "{}");
    if (number >= 0) return hpo_study_request_stop(study, number, &r->c->err);
    return hpo_study_stop(study, HPO_STOP_REASON_USER, reason, &r->c->err);
}

static hpo_status call_pause(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    int64_t number;
    HPO_TRY(number_of(r, params, &study, &number));
    hpo_str_add(out, "{}");
    return hpo_study_pause(study, &r->c->err);
}

static hpo_status call_resume(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study_options fresh = hpo_study_options_init();
    struct json_object *budget = NULL;
    hpo_study *study;
    int64_t number;
    HPO_TRY(number_of(r, params, &study, &number));
    if (params && json_object_object_get_ex(params, "budget", &budget) && budget) {
        HPO_TRY(read_budget(budget, &fresh.budget, &r->c->err));
        HPO_TRY(hpo_study_set_budget(study, &fresh.budget, &r->c->err));
    }
    if (params) HPO_TRY(hpo_json_get_string(params, "resume", "until", &fresh.until, &r->c->err));
    if (fresh.until) HPO_TRY(hpo_study_set_until(study, fresh.until, &r->c->err));
    hpo_str_add(out, "{}");
    return hpo_study_resume(study, &r->c->err);
}

static hpo_status call_retry(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    int64_t number;
    HPO_TRY(number_of(r, params, &study, &number));
    if (number < 0) return hpo_fail(&r->c->err, HPO_EINVAL, "retry needs trial");
    hpo_str_add(out, "{}");
    return hpo_study_requeue(study, number, &r->c->err);
}

static hpo_status call_set_attr(rpc *r, struct json_object *params, hpo_str *out)
{
    hpo_study *study;
    int64_t number;
    const char *key = NULL;
    struct json_object *value = NULL;
    HPO_TRY(number_of(r, params, &study, &number));
    if (params) HPO_TRY(hpo_json_get_string(params, "set_attr", "key", &key, &r->c->err));
    if (!key || !json_object_object_get_ex(params, "value", &value))
        return hpo_fail(&r->c->err, HPO_EINVAL, "set_attr needs key and value");
    hpo_str_add(out, "{}");
    return hpo_study_set_attr(study, number, key,
                              value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null",
                              &r->c->err);
}

/* ---- about ourselves ---- */

static hpo_status add_registry(rpc *r, const char *key, hpo_registry registry, hpo_str *out)
{
    const char *name;
    hpo_str_addf(out, "\"%s\":[", key);
    for (size_t i = 0; (name = hpo_registry_name(registry, i)) != NULL; i++) {
        char *json = NULL;
        HPO_TRY(hpo_registry_describe(registry, name, &json, &r->c->err));
        if (i) hpo_str_addc(out, ',');
        hpo_str_add(out, json);
        hpo_free(json);
    }
    hpo_str_addc(out, ']');
    return HPO_OK;
}

static hpo_status call_samplers(rpc *r, struct json_object *params, hpo_str *out)
{
    (void)params;
    hpo_str_addc(out, '{');
    HPO_TRY(add_registry(r, "samplers", HPO_SAMPLERS, out));
    hpo_str_addc(out, ',');
    HPO_TRY(add_registry(r, "schedulers", HPO_SCHEDULERS, out));
    hpo_str_addc(out, ',');
    HPO_TRY(add_registry(r, "storages", HPO_STORAGES, out));
    hpo_str_addc(out, '}');
    return HPO_OK;
}

static hpo_status call_version(rpc *r, struct json_object *params, hpo_str *out)
{
    (void)r;
    (void)params;
    hpo_str_addf(out, "{\"version\":\"%s\"}", hpo_version());
    return HPO_OK;
}

static hpo_status call_shutdown(rpc *r, struct json_object *params, hpo_str *out)
{
    (void)params;
    r->over = 1;
    hpo_str_add(out, "{}");
    return HPO_OK;
}

#define RESULT_KEYS                                                                                          \
    "value", "values", "state", "sems", "outcomes", "gradient", "cost", "reason", "checkpoint", "count_retry"

/* clang-format off */
const rpc_method rpc_methods[] = {
    {"create", call_create, {"name", "space", "objectives", "outcomes", "sampler", "scheduler", "seed", "budget",
                             "until", "noisy", "lag", "lease", "max_retries", "reuse", "metadata"}},
    {"open", call_open, {"name"}},
    {"summary", call_summary, {NULL}},
    {"ask", call_ask, {"n", "worker", "lease"}},
    {"report", call_report, {"trial", "token", "step", "value", "values", "fold", "cost", "metrics"}},
    {"tell", call_tell, {"trial", "token", RESULT_KEYS}},
    {"renew", call_renew, {"trial", "token"}},
    {"should_stop", call_renew, {"trial", "token"}},
    {"enqueue", call_enqueue, {"params"}},
    {"best", call_best, {NULL}},
    {"trials", call_trials, {"since", "from", "limit"}},
    {"stop", call_stop, {"trial", "reason"}},
    {"pause", call_pause, {NULL}},
    {"resume", call_resume, {"budget", "until"}},
    {"retry", call_retry, {"trial"}},
    {"set_attr", call_set_attr, {"trial", "key", "value"}},
    {"samplers", call_samplers, {NULL}},
    {"version", call_version, {NULL}},
    {"shutdown", call_shutdown, {NULL}},
    {NULL, NULL, {NULL}},
};
/* clang-format on */
