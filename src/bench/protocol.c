/* SPDX-License-Identifier: Apache-2.0 */
/* bench/protocol.c - a solver in another program as a method: the host's side of the solver protocol
 * (docs/solver-protocol.md).
 *
 * One process a run.  It first says what it can do; what the problem needs beyond that ends the run as "not
 * applicable".  Then ask and tell are one call and one reply each.  Whatever goes wrong (no answer in time,
 * an end, rubbish) becomes the text of the run: nothing is dropped silently. */
#include "bench/protocol.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "hpo/sampler.h"
#include "runner/dialogue.h"

enum {
    MAX_STEPS = 1000000,
    FINE_STEPS = 100,    /* of a fidelity that is no whole number */
    MAX_USELESS = 10000, /* answers in a row that lead to no evaluation */
    SHOWN_LINE = 80,     /* of a line that is no message */
    SOLVER_ID = 0
};
static const double GRACE = 2; /* seconds a solver has to end */

typedef struct solver_trial {
    int64_t id, reached, asked; /* steps */
    int busy;
    double *x, *vars; /* one block; NULL: over */
} solver_trial;

typedef struct solver {
    const hpo_problem *problem;
    double timeout;
    hpo_dialogue *dialogue;
    hpo_wire *wire;
    uint32_t caps;
    int created, broken; /* it was given the problem; no use in talking to it any more */
    int64_t steps, next_id;
    solver_trial *trials; /* ids ascend */
    size_t n_trials, cap_trials;
    double *vars, *x; /* scratch */
    hpo_str out;
} solver;

/* ---- messages --------------------------------------------------------------------------------------- */

static hpo_status send_message(solver *s, hpo_error *err)
{
    hpo_str_addc(&s->out, '\n');
    if (s->out.failed) return hpo_fail_memory(err);
    return hpo_dialogue_send(s->dialogue, s->out.text, s->out.len, s->timeout, err);
}

static hpo_status fail_rubbish(const char *line, size_t n, hpo_error *err)
{
    return hpo_fail(err, HPO_EIO, "sent '%.*s'%s, which is no message (print to standard error instead)",
                    n < SHOWN_LINE ? (int)n : SHOWN_LINE, line, n < SHOWN_LINE ? "" : "...");
}

/* What ERROR_REPLY says.  Kind UNAVAILABLE: a package of the solver is missing. */
static hpo_status fail_reply(struct json_object *m, hpo_error *err)
{
    struct json_object *kind = NULL, *message = NULL;
    json_object_object_get_ex(m, "kind", &kind);
    json_object_object_get_ex(m, "message", &message);
    const char *k = kind ? json_object_get_string(kind) : "OTHER";
    const char *text = message ? json_object_get_string(message) : "it gave no reason";
    if (strcmp(k, "UNAVAILABLE") == 0) return hpo_fail(err, HPO_ENOTFOUND, "not available: %s", text);
    if (strcmp(k, "UNSUPPORTED") == 0) return hpo_fail(err, HPO_EUNSUPPORTED, "not applicable: %s", text);
    return hpo_fail(err, HPO_EUSER, "reports an error (%.40s): %s", k, text);
}

/* The next message, which must be of this type; *out is yours. */
static hpo_status receive(solver *s, const char *type, struct json_object **out, hpo_error *err)
{
    const char *line;
    size_t n;
    struct json_object *m = NULL, *t = NULL;
    *out = NULL;
    do {
        HPO_TRY(hpo_dialogue_receive(s->dialogue, s->timeout, &line, &n, err));
    } while (line[strspn(line, " \t\r")] == '\0');
    if (hpo_json_parse(line, n, "message", &m, NULL) != HPO_OK || !json_object_is_type(m, json_type_object) ||
        !json_object_object_get_ex(m, "type", &t) || !json_object_is_type(t, json_type_string)) {
        json_object_put(m);
        return fail_rubbish(line, n, err);
    }
    hpo_status rc = HPO_OK;
    const char *got = json_object_get_string(t);
    if (strcmp(got, "ERROR_REPLY") == 0)
        rc = fail_reply(m, err);
    else if (strcmp(got, type) != 0)
        rc = hpo_fail(err, HPO_EIO, "sent %.60s where %s was due", got, type);
    if (rc == HPO_OK)
        *out = m;
    else
        json_object_put(m);
    return rc;
}

static hpo_status get_whole(struct json_object *o, const char *key, int64_t *out, hpo_error *err)
{
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int) ||
        json_object_get_int64(v) < 0)
        return hpo_fail(err, HPO_EIO, "sent a message without \"%s\", a whole number", key);
    *out = json_object_get_int64(v);
    return HPO_OK;
}

/* ---- open ------------------------------------------------------------------------------------------- */

static void read_words(struct json_object *text, uint32_t *caps)
{
    const char *p = json_object_get_string(text);
    for (size_t n; (p += strspn(p, " ,"), n = strcspn(p, " ,")) > 0; p += n)
        *caps |= hpo_wire_cap_bit(p, n);
}

static hpo_status read_spec(solver *s, hpo_error *err)
{
    struct json_object *m, *spec = NULL, *v = NULL, *attrs = NULL;
    HPO_TRY(receive(s, "SOLVER_SPEC_CAST", &m, err));
    hpo_status rc = HPO_OK;
    if (!json_object_object_get_ex(m, "spec", &spec) || !json_object_is_type(spec, json_type_object)) {
        rc = hpo_fail(err, HPO_EIO, "sent SOLVER_SPEC_CAST without \"spec\"");
    } else {
        if (json_object_object_get_ex(spec, "capabilities", &v) && json_object_is_type(v, json_type_array))
            for (size_t i = 0; i < json_object_array_length(v); i++) {
                const char *word = json_object_get_string(json_object_array_get_idx(v, i));
                if (word) s->caps |= hpo_wire_cap_bit(word, strlen(word));
            }
        if (json_object_object_get_ex(spec, "attrs", &attrs) &&
            json_object_is_type(attrs, json_type_object) &&
            json_object_object_get_ex(attrs, "hpo.extensions", &v) &&
            json_object_is_type(v, json_type_string))
            read_words(v, &s->caps);
    }
    json_object_put(m);
    return rc;
}

static hpo_status check_capabilities(const solver *s, const hpo_method_setup *setup, hpo_error *err)
{
    uint32_t needs = hpo_wire_needs(s->wire);
    if (setup->problem->n_objectives > 1) needs |= 1u << HPO_WIRE_MULTI_OBJECTIVE;
    if (setup->problem->n_outcomes > 0) needs |= 1u << HPO_WIRE_OUTCOMES;
    if (setup->workers > 1) needs |= 1u << HPO_WIRE_CONCURRENT;
    for (int c = 0; c < HPO_N_WIRE_CAPS; c++)
        if (needs & ~s->caps & 1u << c)
            return hpo_fail(err, HPO_EUNSUPPORTED,
                            "not applicable: %s has %s, which the solver cannot do (%s)",
                            setup->workers > 1 && c == HPO_WIRE_CONCURRENT ? "the run" : setup->problem->name,
                            hpo_wire_cap_text((hpo_wire_cap)c), hpo_wire_cap_name((hpo_wire_cap)c));
    return HPO_OK;
}

int64_t hpo_solver_steps(const hpo_problem *p)
{
    double full = p->full_resource;
    if (isnan(full)) return 1;
    return full == floor(full) && full >= 1 && full <= MAX_STEPS ? (int64_t)full : FINE_STEPS;
}

static void add_attr(hpo_str *out, const char *key, const char *value)
{
    hpo_str_addf(out, "%s\"%s\":", out->text && out->text[out->len - 1] == '{' ? "" : ",", key);
    hpo_str_json(out, value);
}

static void add_attr_number(hpo_str *out, const char *key, double value)
{
    char text[32];
    hpo_double_text(value, text);
    add_attr(out, key, text);
}

static void add_values_domain(const hpo_problem *p, hpo_str *out)
{
    hpo_str_add(out, ",\"values_domain\":[");
    for (size_t i = 0; i < p->n_objectives; i++) {
        hpo_str_add(out, i ? ",{\"name\":" : "{\"name\":");
        if (p->objective_names[i])
            hpo_str_json(out, p->objective_names[i]);
        else
            hpo_str_addf(out, "\"value%zu\"", i);
        hpo_str_add(out, ",\"range\":{\"type\":\"CONTINUOUS\"},\"distribution\":\"UNIFORM\","
                         "\"constraint\":null}");
    }
    hpo_str_addc(out, ']');
}

/* The hypervolume's reference point when all of it is known. */
static void add_reference_point(const hpo_problem *p, hpo_str *out)
{
    int known = p->n_objectives > 1;
    for (size_t i = 0; i < p->n_objectives; i++)
        known &= isfinite(p->reference_point[i]);
    hpo_str_add(out, ",\"reference_point\":");
    if (!known) {
        hpo_str_add(out, "null");
        return;
    }
    for (size_t i = 0; i < p->n_objectives; i++) {
        hpo_str_addc(out, i ? ',' : '[');
        hpo_str_json_double(out, p->reference_point[i]);
    }
    hpo_str_addc(out, ']');
}

static hpo_status send_create(solver *s, const hpo_method_setup *setup, hpo_error *err)
{
    const hpo_problem *p = setup->problem;
    char *space = NULL;
    HPO_TRY(hpo_space_to_json(p->space, &space, err));
    hpo_str_clear(&s->out);
    hpo_str_addf(&s->out,
                 "{\"type\":\"CREATE_SOLVER_CAST\",\"solver_id\":%d,\"random_seed\":%" PRIu64
                 ",\"problem\":{\"name\":",
                 SOLVER_ID, setup->seed);
    hpo_str_json(&s->out, p->name);
    hpo_str_add(&s->out, ",\"attrs\":{");
    add_attr(&s->out, "hpo.space", space);
    add_attr(&s->out, "hpo.noisy", p->noisy ? "1" : "0");
    add_attr_number(&s->out, "hpo.outcomes", (double)p->n_outcomes);
    add_attr_number(&s->out, "hpo.budget", setup->budget);
    add_attr_number(&s->out, "hpo.trials", (double)setup->max_trials);
    add_attr_number(&s->out, "hpo.workers", (double)setup->workers);
    add_attr_number(&s->out, "hpo.lag", (double)setup->lag);
    hpo_str_add(&s->out, "},\"params_domain\":");
    hpo_wire_domain(s->wire, &s->out);
    add_values_domain(p, &s->out);
    hpo_str_addf(&s->out, ",\"steps\":%" PRId64, s->steps);
    add_reference_point(p, &s->out);
    hpo_str_add(&s->out, "}}");
    hpo_free(space);
    return send_message(s, err);
}

static void solver_close(void *self)
{
    solver *s = self;
    hpo_error ignored; /* it may be dead already */
    if (!s) return;
    if (s->dialogue) {
        hpo_str_clear(&s->out);
        s->out.failed = 0;
        hpo_str_addf(&s->out, "{\"type\":\"DROP_SOLVER_CAST\",\"solver_id\":%d}", SOLVER_ID);
        s->timeout = GRACE;
        hpo_status rc = s->created && !s->broken ? send_message(s, &ignored) : HPO_OK;
        hpo_dialogue_close(s->dialogue, s->broken || rc != HPO_OK ? 0 : GRACE);
    }
    for (size_t i = 0; i < s->n_trials; i++)
        hpo_free(s->trials[i].x);
    hpo_free(s->trials);
    hpo_free(s->vars);
    hpo_wire_free(s->wire);
    hpo_str_fini(&s->out);
    hpo_free(s);
}

/* What is no fault of the solver's says so itself. */
static hpo_status finish(solver *s, hpo_status rc, hpo_error *err)
{
    if (rc >= 0) return rc;
    s->broken = 1;
    return err && strncmp(err->msg, "not ", 4) == 0 ? rc : hpo_fail_prefix(err, rc, "solver");
}

static hpo_status start(solver *s, const hpo_method_setup *setup, hpo_error *err)
{
    static const char *const no_env[] = {NULL};
    hpo_words argv = {0};
    const char *const *list;
    const char *const *envp = setup->host && setup->host->envp ? setup->host->envp : no_env;
    hpo_status rc = hpo_solver_command(setup->spec, setup->host ? setup->host->adapters : NULL, &argv, err);
    if (rc == HPO_OK) rc = hpo_words_list(&argv, &list, err);
    if (rc == HPO_OK) rc = hpo_dialogue_open(list, envp, ".", &s->dialogue, err);
    if (rc == HPO_ENOTFOUND) rc = hpo_fail_prefix(err, rc, "not available");
    hpo_words_fini(&argv);
    return rc;
}

static hpo_status solver_open(const hpo_method_setup *setup, void **self, hpo_error *err)
{
    *self = NULL;
    solver *s = hpo_calloc(1, sizeof *s);
    if (!s) return hpo_fail_memory(err);
    s->problem = setup->problem;
    s->timeout = setup->timeout;
    s->steps = hpo_solver_steps(setup->problem);
    hpo_status rc = hpo_wire_create(setup->problem->space, &s->wire, err);
    if (rc == HPO_EUNSUPPORTED) rc = hpo_fail_prefix(err, rc, "not applicable");
    if (rc == HPO_OK) {
        size_t columns = hpo_space_n_columns(setup->problem->space);
        s->vars = hpo_alloc_array(hpo_wire_n_vars(s->wire) + columns, sizeof *s->vars);
        s->x = s->vars + hpo_wire_n_vars(s->wire);
        if (!s->vars) rc = hpo_fail_memory(err);
    }
    if (rc == HPO_OK) rc = start(s, setup, err);
    if (rc == HPO_OK) rc = read_spec(s, err);
    if (rc == HPO_OK) rc = check_capabilities(s, setup, err);
    if (rc == HPO_OK) rc = send_create(s, setup, err);
    s->created = rc == HPO_OK;
    if (rc != HPO_OK) {
        rc = finish(s, rc, err);
        solver_close(s);
        return rc;
    }
    *self = s;
    return HPO_OK;
}

/* ---- trials ----------------------------------------------------------------------------------------- */

static solver_trial *find_trial(solver *s, int64_t id)
{
    size_t low = 0, high = s->n_trials;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->trials[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n_trials && s->trials[low].id == id ? &s->trials[low] : NULL;
}

/* A trial that is over needs its configuration no more. */
static void end_trial(solver_trial *t)
{
    hpo_free(t->x);
    t->x = t->vars = NULL;
}

static hpo_status add_trial(solver *s, int64_t id, hpo_error *err)
{
    size_t n_vars = hpo_wire_n_vars(s->wire), columns = hpo_space_n_columns(s->problem->space);
    HPO_TRY(hpo_reserve(&s->trials, &s->cap_trials, s->n_trials + 1, sizeof *s->trials, err));
    double *x = hpo_alloc_array(columns + n_vars, sizeof *x);
    if (!x) return hpo_fail_memory(err);
    memcpy(x, s->x, columns * sizeof *x);
    memcpy(x + columns, s->vars, n_vars * sizeof *x);
    s->trials[s->n_trials++] = (solver_trial){.id = id, .x = x, .vars = x + columns};
    return HPO_OK;
}

static hpo_status tell_values(solver *s, int64_t id, const double *y, const double *outcome, int64_t step,
                              hpo_error *err)
{
    struct json_object *m;
    hpo_str_clear(&s->out);
    hpo_str_addf(&s->out,
                 "{\"type\":\"TELL_CALL\",\"solver_id\":%d,\"trial\":{\"id\":%" PRId64 ",\"values\":[",
                 SOLVER_ID, id);
    for (size_t i = 0; y && i < s->problem->n_objectives; i++) {
        if (i) hpo_str_addc(&s->out, ',');
        hpo_str_json_double(&s->out, isinf(y[i]) ? copysign(DBL_MAX, y[i]) : y[i]);
    }
    hpo_str_addf(&s->out, "],\"current_step\":%" PRId64, step);
    if (outcome && s->problem->n_outcomes && s->caps & 1u << HPO_WIRE_OUTCOMES) {
        for (size_t i = 0; i < s->problem->n_outcomes; i++) {
            hpo_str_add(&s->out, i ? "," : ",\"outcomes\":[");
            hpo_str_json_double(&s->out, outcome[i]);
        }
        hpo_str_addc(&s->out, ']');
    }
    hpo_str_add(&s->out, "}}");
    HPO_TRY(send_message(s, err));
    HPO_TRY(receive(s, "TELL_REPLY", &m, err));
    json_object_put(m);
    return HPO_OK;
}

static int same_vars(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return 0;
    return 1;
}

/* ---- ask -------------------------------------------------------------------------------------------- */

typedef struct proposal {
    int64_t id, step; /* step 0: stop this trial */
} proposal;

static hpo_status read_proposal(solver *s, struct json_object *m, proposal *p, hpo_error *err)
{
    struct json_object *trial = NULL, *v = NULL;
    int64_t next;
    if (!json_object_object_get_ex(m, "trial", &trial) || !trial) { /* our extension */
        if (json_object_object_get_ex(m, "status", &v) && json_object_is_type(v, json_type_string)) {
            const char *word = json_object_get_string(v);
            if (strcmp(word, "done") == 0) return HPO_DONE;
            if (strcmp(word, "wait") == 0) return HPO_WAIT;
        }
        return hpo_fail(err, HPO_EIO, "sent ASK_REPLY without \"trial\"");
    }
    if (!json_object_is_type(trial, json_type_object))
        return hpo_fail(err, HPO_EIO, "sent ASK_REPLY whose \"trial\" is no object");
    HPO_TRY(get_whole(trial, "id", &p->id, err));
    HPO_TRY(get_whole(m, "next_trial_id", &next, err));
    p->step = 0;
    if (json_object_object_get_ex(trial, "next_step", &v) && v)
        HPO_TRY(get_whole(trial, "next_step", &p->step, err));
    if (p->step > s->steps)
        return hpo_fail(err, HPO_EIO,
                        "asked for step %" PRId64 " of trial %" PRId64 "; the last one is %" PRId64, p->step,
                        p->id, s->steps);
    int is_new = p->id >= s->next_id;
    if (next < s->next_id || (is_new && next <= p->id))
        return hpo_fail(err, HPO_EIO,
                        "sent next_trial_id %" PRId64 " with trial %" PRId64
                        "; it must be above every id used",
                        next, p->id);
    s->next_id = next;
    if (p->step == 0) return HPO_OK;
    json_object_object_get_ex(trial, "params", &v);
    return hpo_wire_read(s->wire, v, s->vars, err);
}

/* A trial that the solver takes up again. */
static hpo_status check_again(solver *s, const solver_trial *t, const proposal *p, hpo_error *err)
{
    if (!t) return hpo_fail(err, HPO_EIO, "asked for trial %" PRId64 ", which it never proposed", p->id);
    if (t->busy)
        return hpo_fail(err, HPO_EIO, "asked for trial %" PRId64 ", which is still being evaluated", p->id);
    if (!t->x) return hpo_fail(err, HPO_EIO, "asked for trial %" PRId64 ", which is over", p->id);
    if (p->step <= t->reached)
        return hpo_fail(err, HPO_EIO,
                        "asked for step %" PRId64 " of trial %" PRId64 ", which is at step %" PRId64
                        " already",
                        p->step, p->id, t->reached);
    if (!same_vars(t->vars, s->vars, hpo_wire_n_vars(s->wire)))
        return hpo_fail(err, HPO_EIO, "changed the parameters of trial %" PRId64 " on the way", p->id);
    return HPO_OK;
}

static void hand_out(const solver *s, solver_trial *t, int64_t step, hpo_method_trial *out)
{
    const hpo_problem *p = s->problem;
    double resource = (double)NAN;
    t->busy = 1;
    t->asked = step;
    if (!isnan(p->full_resource)) {
        resource = p->full_resource * (double)step / (double)s->steps;
        if (resource < p->min_resource) resource = p->min_resource;
        if (step == s->steps) resource = p->full_resource;
    }
    *out = (hpo_method_trial){
        .number = t->id, .parent = -1, .attempt = 1, .x = t->x, .quiet = 1, .resource = resource};
}

/* One call; *useful: `out` is filled. */
static hpo_status ask_once(solver *s, hpo_method_trial *out, int *useful, hpo_error *err)
{
    struct json_object *m;
    proposal p;
    *useful = 0;
    hpo_str_clear(&s->out);
    hpo_str_addf(&s->out, "{\"type\":\"ASK_CALL\",\"solver_id\":%d,\"next_trial_id\":%" PRId64 "}", SOLVER_ID,
                 s->next_id);
    HPO_TRY(send_message(s, err));
    HPO_TRY(receive(s, "ASK_REPLY", &m, err));
    int64_t known = s->next_id;
    hpo_status rc = read_proposal(s, m, &p, err);
    json_object_put(m);
    if (rc != HPO_OK) return rc;
    solver_trial *t = p.id < known ? find_trial(s, p.id) : NULL;
    if (p.step == 0) {
        if (t && !t->busy) end_trial(t);
        return HPO_OK;
    }
    if (p.id < known) {
        HPO_TRY(check_again(s, t, &p, err));
    } else {
        rc = hpo_wire_to_x(s->wire, s->vars, s->x, err);
        if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "trial %" PRId64, p.id);
        if (!hpo_space_feasible(s->problem->space, s->x)) /* costs nothing, as with a sampler that rejects */
            return tell_values(s, p.id, NULL, NULL, p.step, err);
        HPO_TRY(add_trial(s, p.id, err));
        t = &s->trials[s->n_trials - 1];
    }
    hand_out(s, t, p.step, out);
    *useful = 1;
    return HPO_OK;
}

static hpo_status solver_ask(void *self, double now, hpo_method_trial *out, hpo_error *err)
{
    solver *s = self;
    (void)now;
    for (int i = 0; i < MAX_USELESS; i++) {
        int useful;
        hpo_status rc = ask_once(s, out, &useful, err);
        if (rc == HPO_EINVAL) { /* what it sent, not how we were called */
            rc = HPO_EIO;
            if (err) err->code = rc;
        }
        if (rc != HPO_OK) return finish(s, rc, err);
        if (useful) return HPO_OK;
    }
    return finish(s,
                  hpo_fail(err, HPO_EIO, "%d answers in a row were stopped trials or violated a constraint",
                           (int)MAX_USELESS),
                  err);
}

static hpo_status solver_tell(void *self, hpo_method_trial *trial, const hpo_method_result *r, double now,
                              hpo_error *err)
{
    solver *s = self;
    solver_trial *t = find_trial(s, trial->number);
    const double *y = r->state == HPO_STATE_FAILED ? NULL : r->y;
    (void)now;
    if (!t || !t->busy) return hpo_fail_internal(err, "a result for a trial that is not out");
    for (size_t i = 0; y && i < s->problem->n_objectives; i++)
        if (isnan(y[i])) y = NULL;
    t->busy = 0;
    t->reached = t->asked;
    if (y && r->state != HPO_STATE_COMPLETE && !isnan(s->problem->full_resource)) { /* ended early */
        double step = floor(r->resource / s->problem->full_resource * (double)s->steps + 0.5);
        if (step < (double)t->asked) t->reached = step > 1 ? (int64_t)step : 1;
    }
    hpo_status rc = tell_values(s, t->id, y, y ? r->outcome : NULL, t->reached, err);
    if (!y || t->reached >= s->steps) end_trial(t);
    return finish(s, rc, err);
}

const hpo_method_ops hpo_method_solver = {
    .name = "solver",
    .open = solver_open,
    .ask = solver_ask,
    .tell = solver_tell,
    .close = solver_close,
};
