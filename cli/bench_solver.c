/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_solver.c - `hpo bench solver`: our samplers as a solver of kurobako's protocol, on standard input
 * and output (docs/solver-protocol.md), and where the adapters for other solvers are found.
 *
 * From our own host a problem comes with its whole space (attribute "hpo.space"), so that the study here is
 * the study it would make itself.  From kurobako it comes as a list of variables, from which a space is
 * built. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/os.h"
#include "bench.h"
#include "bench/protocol.h"
#include "hpo/sampler.h"

enum { MAX_LINE = 64 << 20 };

/* ---- adapters --------------------------------------------------------------------------------------- */

static int has_registry(const char *folder, const char *below, char *out, size_t cap)
{
    char file[4200];
    int n = snprintf(out, cap, "%s%s", folder, below);
    if (n < 0 || (size_t)n >= cap) return 0;
    snprintf(file, sizeof file, "%s/solvers.json", out);
    return hpo_os_exists(file);
}

/* Beside the program as installed or as built, else below the working directory. */
const char *bench_adapters(char folder[4096])
{
    char self[2048];
    if (bench_self(self, sizeof self) && strrchr(self, '/')) {
        *strrchr(self, '/') = '\0';
        if (has_registry(self, "/../share/hpo/adapters", folder, 4096)) return folder;
        if (has_registry(self, "/../bench/adapters", folder, 4096)) return folder;
    }
    return has_registry("", "bench/adapters", folder, 4096) ? folder : NULL;
}

/* ---- sessions --------------------------------------------------------------------------------------- */

typedef struct session {
    int64_t id;
    hpo_space *space;
    hpo_wire *wire;
    hpo_study *study;
    size_t n_objectives, n_outcomes;
    int64_t steps;
    int exact;       /* the host is ours and wants every digit; else high ends are exclusive */
    hpo_u64map held; /* trial id of the host -> index into trials */
    hpo_trial **trials;
    size_t n_trials, cap_trials;
    double *vars;
} session;

typedef struct server {
    cli *c;
    const char *sampler;
    session **sessions;
    size_t n_sessions, cap_sessions;
    hpo_str out;
} server;

static void session_free(session *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_trials; i++)
        hpo_trial_free(s->trials[i]);
    hpo_free(s->trials);
    hpo_u64map_fini(&s->held);
    hpo_study_free(s->study);
    hpo_wire_free(s->wire);
    hpo_space_free(s->space);
    hpo_free(s->vars);
    hpo_free(s);
}

static session **find_session(server *v, int64_t id)
{
    for (size_t i = 0; i < v->n_sessions; i++)
        if (v->sessions[i]->id == id) return &v->sessions[i];
    return NULL;
}

/* ---- the problem ------------------------------------------------------------------------------------ */

/* One variable of kurobako's as a parameter "v0", "v1", ...: their names need not be names of ours. */
static hpo_status add_variable(hpo_space *space, size_t i, struct json_object *var, hpo_error *err)
{
    struct json_object *range = NULL, *choices = NULL;
    const char *type = NULL, *distribution = "UNIFORM", *lua = NULL;
    double low = -(double)INFINITY, high = (double)INFINITY;
    char name[32];
    snprintf(name, sizeof name, "v%zu", i);
    if (!json_object_is_type(var, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "entry %zu of params_domain is no object", i);
    HPO_TRY(hpo_json_get_object(var, "variable", "range", &range, err));
    HPO_TRY(hpo_json_get_string(var, "variable", "distribution", &distribution, err));
    json_object_object_get_ex(var, "constraint", &choices);
    if (choices) lua = json_object_get_string(choices);
    if (!range) return hpo_fail(err, HPO_EINVAL, "variable %zu has no range", i);
    if (lua)
        return hpo_fail(err, HPO_EUNSUPPORTED, "variable %zu has a condition in Lua, which is not supported",
                        i);
    HPO_TRY(hpo_json_get_string(range, "range", "type", &type, err));
    HPO_TRY(hpo_json_get_double(range, "range", "low", &low, err));
    HPO_TRY(hpo_json_get_double(range, "range", "high", &high, err));
    hpo_scale scale = strcmp(distribution, "LOG_UNIFORM") == 0 ? HPO_SCALE_LOG : HPO_SCALE_LINEAR;
    if (type && strcmp(type, "CATEGORICAL") == 0) {
        const char *labels[256];
        choices = NULL;
        HPO_TRY(hpo_json_get_array(range, "range", "choices", &choices, err));
        size_t n = choices ? json_object_array_length(choices) : 0;
        if (n == 0 || n > CLI_COUNT(labels))
            return hpo_fail(err, HPO_EINVAL, "variable %zu has %zu choices; 1..256 are possible", i, n);
        for (size_t k = 0; k < n; k++)
            labels[k] = json_object_get_string(json_object_array_get_idx(choices, k));
        return hpo_space_add_categorical(space, name, labels, n, err);
    }
    if (!isfinite(low) || !isfinite(high))
        return hpo_fail(err, HPO_EUNSUPPORTED, "variable %zu has no finite range", i);
    if (type && strcmp(type, "DISCRETE") == 0)
        return hpo_space_add_int(space, name, (int64_t)low, (int64_t)high - 1, scale, err);
    if (type && strcmp(type, "CONTINUOUS") == 0)
        return hpo_space_add_float(space, name, low, high, scale, err);
    return hpo_fail(err, HPO_EINVAL, "variable %zu is of the unknown type '%s'", i, type ? type : "");
}

static hpo_status read_space(session *s, struct json_object *problem, struct json_object *attrs,
                             hpo_error *err)
{
    const char *text = NULL;
    struct json_object *domain = NULL;
    if (attrs) HPO_TRY(hpo_json_get_string(attrs, "attrs", "hpo.space", &text, err));
    if (text) {
        s->exact = 1;
        HPO_TRY(hpo_space_load(text, &s->space, err));
    } else {
        HPO_TRY(hpo_json_get_array(problem, "problem", "params_domain", &domain, err));
        if (!domain) return hpo_fail(err, HPO_EINVAL, "the problem has no params_domain");
        HPO_TRY(hpo_space_create(&s->space, err));
        for (size_t i = 0; i < json_object_array_length(domain); i++)
            HPO_TRY(add_variable(s->space, i, json_object_array_get_idx(domain, i), err));
    }
    HPO_TRY(hpo_space_freeze(s->space, err));
    HPO_TRY(hpo_wire_create(s->space, &s->wire, err));
    s->vars = hpo_alloc_array(hpo_wire_n_vars(s->wire), sizeof *s->vars);
    return s->vars ? HPO_OK : hpo_fail_memory(err);
}

/* A number in an attribute, which is a text; `missing` when it is absent. */
static int64_t attr_number(struct json_object *attrs, const char *key, int64_t missing)
{
    struct json_object *v = NULL;
    int64_t n = missing;
    if (attrs && json_object_object_get_ex(attrs, key, &v) && v)
        if (!hpo_parse_int(json_object_get_string(v), &n)) n = missing;
    return n;
}

static int64_t read_steps(struct json_object *problem)
{
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(problem, "steps", &v)) return 1;
    if (json_object_is_type(v, json_type_array) && json_object_array_length(v))
        v = json_object_array_get_idx(v, json_object_array_length(v) - 1);
    return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : 1;
}

static hpo_status create_study(session *s, const char *sampler, uint64_t seed, struct json_object *attrs,
                               hpo_error *err)
{
    hpo_objective objectives[HPO_BENCH_MAX_OBJECTIVES];
    hpo_outcome outcomes[HPO_BENCH_MAX_OUTCOMES];
    char names[HPO_BENCH_MAX_OBJECTIVES + HPO_BENCH_MAX_OUTCOMES][24];
    hpo_study_options o = hpo_study_options_init();
    for (size_t i = 0; i < s->n_objectives; i++) {
        snprintf(names[i], sizeof names[i], "y%zu", i);
        objectives[i] = (hpo_objective){sizeof *objectives, names[i], HPO_MINIMIZE};
    }
    for (size_t i = 0; i < s->n_outcomes; i++) {
        char *name = names[HPO_BENCH_MAX_OBJECTIVES + i];
        snprintf(name, sizeof names[0], "c%zu", i);
        outcomes[i] = (hpo_outcome){sizeof *outcomes, name, 0};
    }
    o.name = "bench";
    o.seed = seed;
    o.objectives = objectives;
    o.n_objectives = s->n_objectives;
    o.outcomes = outcomes;
    o.n_outcomes = s->n_outcomes;
    o.sampler = sampler;
    o.scheduler = "none";
    o.budget.trials = attr_number(attrs, "hpo.trials", 0);
    o.noisy = (int32_t)attr_number(attrs, "hpo.noisy", 0);
    o.lag = attr_number(attrs, "hpo.lag", 0);
    o.lease = (double)INFINITY; /* the host keeps time */
    o.default_first = 0;
    return hpo_study_create(NULL, s->space, &o, &s->study, err);
}

static hpo_status create_session(server *v, struct json_object *m, int64_t id, hpo_error *err)
{
    struct json_object *problem = NULL, *attrs = NULL, *values = NULL, *seed = NULL;
    session *s = hpo_calloc(1, sizeof *s);
    hpo_status rc =
        s ? hpo_reserve(&v->sessions, &v->cap_sessions, v->n_sessions + 1, sizeof *v->sessions, err)
          : hpo_fail_memory(err);
    if (rc == HPO_OK && find_session(v, id))
        rc = hpo_fail(err, HPO_EEXIST, "there is a solver %" PRId64 " already", id);
    if (rc == HPO_OK) rc = hpo_json_get_object(m, "message", "problem", &problem, err);
    if (rc == HPO_OK && !problem) rc = hpo_fail(err, HPO_EINVAL, "CREATE_SOLVER_CAST has no problem");
    if (rc == HPO_OK) rc = hpo_json_get_object(problem, "problem", "attrs", &attrs, err);
    if (rc == HPO_OK) rc = hpo_json_get_array(problem, "problem", "values_domain", &values, err);
    if (rc == HPO_OK) {
        int64_t n_outcomes = attr_number(attrs, "hpo.outcomes", 0);
        s->id = id;
        s->n_objectives = values ? json_object_array_length(values) : 1;
        s->n_outcomes = (size_t)n_outcomes;
        s->steps = read_steps(problem);
        if (s->n_objectives < 1 || s->n_objectives > HPO_BENCH_MAX_OBJECTIVES || n_outcomes < 0 ||
            n_outcomes > HPO_BENCH_MAX_OUTCOMES)
            rc = hpo_fail(err, HPO_EUNSUPPORTED, "%zu objectives and %" PRId64 " constraints are too many",
                          s->n_objectives, n_outcomes);
    }
    if (rc == HPO_OK) rc = read_space(s, problem, attrs, err);
    json_object_object_get_ex(m, "random_seed", &seed);
    if (rc == HPO_OK) rc = create_study(s, v->sampler, seed ? json_object_get_uint64(seed) : 0, attrs, err);
    if (rc == HPO_OK)
        v->sessions[v->n_sessions++] = s;
    else
        session_free(s);
    return rc;
}

/* ---- ask and tell ----------------------------------------------------------------------------------- */

static hpo_status add_trial(server *v, session *s, hpo_trial *t, int64_t id, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&s->trials, &s->cap_trials, s->n_trials + 1, sizeof(hpo_trial *), err));
    HPO_TRY(hpo_u64map_put(&s->held, (uint64_t)id, (int64_t)s->n_trials, err));
    s->trials[s->n_trials++] = t;
    hpo_wire_from_x(s->wire, hpo_trial_x(t), s->vars);
    hpo_str_addf(&v->out, "{\"type\":\"ASK_REPLY\",\"trial\":{\"id\":%" PRId64 ",\"params\":[", id);
    for (size_t i = 0; i < hpo_wire_n_vars(s->wire); i++) {
        double value = s->vars[i];
        if (!s->exact) value = hpo_wire_below_end(s->wire, i, value);
        if (i) hpo_str_addc(&v->out, ',');
        hpo_str_json_double(&v->out, value);
    }
    hpo_str_addf(&v->out, "],\"next_step\":%" PRId64 "},\"next_trial_id\":%" PRId64 "}", s->steps, id + 1);
    return HPO_OK;
}

static hpo_status ask(server *v, session *s, struct json_object *m, hpo_error *err)
{
    int64_t id = -1;
    hpo_trial *t;
    HPO_TRY(hpo_json_get_int(m, "message", "next_trial_id", &id, err));
    if (id < 0) return hpo_fail(err, HPO_EINVAL, "ASK_CALL has no next_trial_id");
    hpo_status rc = hpo_study_ask(s->study, &t, err);
    if (rc == HPO_OK) {
        rc = add_trial(v, s, t, id, err);
        if (rc != HPO_OK) hpo_trial_free(t);
        return rc;
    }
    if (rc < 0) return rc;
    if (!s->exact) return hpo_fail(err, HPO_ESTATE, "the sampler has nothing more to propose");
    hpo_str_addf(&v->out,
                 "{\"type\":\"ASK_REPLY\",\"trial\":null,\"status\":\"%s\",\"next_trial_id\":%" PRId64 "}",
                 rc == HPO_DONE ? "done" : "wait", id);
    return HPO_OK;
}

/* An array of numbers of the message; null and what is missing are NaN.  Returns how many there were. */
static size_t read_numbers(struct json_object *trial, const char *key, double *out, size_t n)
{
    struct json_object *list = NULL;
    size_t got = 0;
    if (json_object_object_get_ex(trial, key, &list) && json_object_is_type(list, json_type_array))
        got = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = i < got ? json_object_array_get_idx(list, i) : NULL;
        out[i] = v ? json_object_get_double(v) : (double)NAN;
    }
    return got;
}

static hpo_status tell_study(session *s, hpo_trial *t, struct json_object *trial, hpo_error *err)
{
    double values[HPO_BENCH_MAX_OBJECTIVES], outcomes[HPO_BENCH_MAX_OUTCOMES];
    int64_t step = s->steps;
    hpo_result r = hpo_result_init();
    HPO_TRY(hpo_json_get_int(trial, "trial", "current_step", &step, err));
    int good = read_numbers(trial, "values", values, s->n_objectives) == s->n_objectives;
    for (size_t i = 0; i < s->n_objectives; i++)
        good &= !isnan(values[i]);
    if (!good) {
        r.state = HPO_STATE_FAILED;
        r.reason = "the evaluation failed";
        return hpo_study_tell(s->study, t, &r, err);
    }
    if (step < s->steps) r.state = HPO_STATE_STOPPED;
    r.values = values;
    r.n_values = s->n_objectives;
    if (s->n_outcomes && read_numbers(trial, "outcomes", outcomes, s->n_outcomes) == s->n_outcomes) {
        r.outcomes = outcomes;
        r.n_outcomes = s->n_outcomes;
    }
    return hpo_study_tell(s->study, t, &r, err);
}

static hpo_status tell(server *v, session *s, struct json_object *m, hpo_error *err)
{
    struct json_object *trial = NULL;
    int64_t id = -1;
    HPO_TRY(hpo_json_get_object(m, "message", "trial", &trial, err));
    if (!trial) return hpo_fail(err, HPO_EINVAL, "TELL_CALL has no trial");
    HPO_TRY(hpo_json_get_int(trial, "trial", "id", &id, err));
    int64_t at = hpo_u64map_get(&s->held, (uint64_t)id, -1);
    if (at < 0 || !s->trials[at])
        return hpo_fail(err, HPO_ENOTFOUND, "trial %" PRId64 " was never asked for, or told before", id);
    HPO_TRY(tell_study(s, s->trials[at], trial, err));
    hpo_trial_free(s->trials[at]);
    s->trials[at] = NULL;
    hpo_u64map_remove(&s->held, (uint64_t)id);
    hpo_str_add(&v->out, "{\"type\":\"TELL_REPLY\"}");
    return HPO_OK;
}

/* ---- messages --------------------------------------------------------------------------------------- */

static void write_error(server *v, const hpo_error *e, hpo_status rc)
{
    const char *kind = rc == HPO_EINVAL ? "INVALID_INPUT" : rc == HPO_EUNSUPPORTED ? "UNSUPPORTED" : "OTHER";
    hpo_str_clear(&v->out);
    hpo_str_addf(&v->out, "{\"type\":\"ERROR_REPLY\",\"kind\":\"%s\",\"message\":", kind);
    hpo_str_json(&v->out, e->msg[0] ? e->msg : hpo_status_text(rc));
    hpo_str_addc(&v->out, '}');
}

static hpo_status handle(server *v, struct json_object *m, hpo_error *err)
{
    const char *type = NULL;
    int64_t id = 0;
    if (!json_object_is_type(m, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "a message is a JSON object");
    HPO_TRY(hpo_json_get_string(m, "message", "type", &type, err));
    HPO_TRY(hpo_json_get_int(m, "message", "solver_id", &id, err));
    if (!type) return hpo_fail(err, HPO_EINVAL, "the message has no type");
    if (strcmp(type, "CREATE_SOLVER_CAST") == 0) return create_session(v, m, id, err);
    session **s = find_session(v, id);
    if (!s) return hpo_fail(err, HPO_ENOTFOUND, "there is no solver %" PRId64, id);
    if (strcmp(type, "ASK_CALL") == 0) return ask(v, *s, m, err);
    if (strcmp(type, "TELL_CALL") == 0) return tell(v, *s, m, err);
    if (strcmp(type, "DROP_SOLVER_CAST") != 0)
        return hpo_fail(err, HPO_EINVAL, "unknown message '%.60s'", type);
    session_free(*s);
    *s = v->sessions[--v->n_sessions];
    return HPO_OK;
}

static int write_out(server *v)
{
    if (v->out.len == 0) return CLI_OK;
    hpo_str_addc(&v->out, '\n');
    if (v->out.failed) return cli_fail_memory();
    int good = fwrite(v->out.text, 1, v->out.len, stdout) == v->out.len && fflush(stdout) == 0;
    hpo_str_clear(&v->out);
    return good ? CLI_OK : CLI_FAIL; /* the host is gone */
}

static int handle_line(server *v, const char *line, size_t n)
{
    struct json_object *m = NULL;
    hpo_error *err = &v->c->err;
    memset(err, 0, sizeof *err);
    hpo_status rc = hpo_json_parse(line, n, "message", &m, err);
    if (rc == HPO_OK) rc = handle(v, m, err);
    if (rc != HPO_OK) write_error(v, err, rc);
    json_object_put(m);
    return write_out(v);
}

static int serve(server *v)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = write_out(v);
    while (rc == CLI_OK && (n = getline(&line, &cap, stdin)) > 0) {
        if (n > MAX_LINE) rc = cli_error("a message on standard input is longer than 64 MiB");
        if (rc == CLI_OK && line[strspn(line, " \t\r\n")] != '\0') rc = handle_line(v, line, (size_t)n);
    }
    free(line);
    return rc;
}

int bench_solver(cli *c)
{
    server v = {.c = c, .sampler = cli_get(c, "sampler", NULL)};
    int rc = cli_expect_args(c, 1, 1);
    if (rc != CLI_OK) return rc;
    if (hpo_solver_spec_cast(v.sampler, &v.out, &c->err) != HPO_OK) {
        hpo_str_fini(&v.out);
        return cli_usage_error(c, "--sampler: %s", c->err.msg);
    }
    rc = serve(&v);
    for (size_t i = 0; i < v.n_sessions; i++)
        session_free(v.sessions[i]);
    hpo_free(v.sessions);
    hpo_str_fini(&v.out);
    return rc;
}
