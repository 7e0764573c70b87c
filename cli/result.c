/* SPDX-License-Identifier: Apache-2.0 */
/* cli/result.c - results of trials from words and from JSON. */
#include "result.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

static double *new_numbers(size_t n)
{
    double *v = hpo_alloc_array(n ? n : 1, sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = NAN;
    return v;
}

hpo_status cli_result_init(cli_result *r, const cli_shape *shape, hpo_error *err)
{
    memset(r, 0, sizeof *r);
    r->result = hpo_result_init();
    r->shape = shape;
    r->values = new_numbers(shape->n_objectives);
    r->sems = new_numbers(shape->n_objectives);
    r->outcomes = new_numbers(shape->n_outcomes);
    r->gradient = new_numbers(hpo_space_n_columns(shape->space));
    if (r->values && r->sems && r->outcomes && r->gradient) return HPO_OK;
    cli_result_fini(r);
    return hpo_fail_memory(err);
}

void cli_result_fini(cli_result *r)
{
    hpo_free(r->values);
    hpo_free(r->sems);
    hpo_free(r->outcomes);
    hpo_free(r->gradient);
    r->values = r->sems = r->outcomes = r->gradient = NULL;
}

/* Marks an array as given. */
static void give(cli_result *r, const double *array)
{
    if (array == r->values) {
        r->result.values = array;
        r->result.n_values = r->shape->n_objectives;
    } else if (array == r->sems) {
        r->result.sems = array;
    } else if (array == r->outcomes) {
        r->result.outcomes = array;
        r->result.n_outcomes = r->shape->n_outcomes;
    } else {
        r->result.gradient = array;
    }
}

hpo_status cli_result_numbers(cli_result *r, const char *what, const char *text, hpo_error *err)
{
    double *array = strcmp(what, "sem") ? r->values : r->sems;
    const char *p = text;
    size_t n = 0;
    for (;; p++) {
        double v;
        const char *end;
        while (*p == ' ')
            p++;
        end = hpo_double_parse(p, &v);
        while (end != p && *end == ' ')
            end++;
        if (end == p || (*end && *end != ','))
            return hpo_fail(err, HPO_EINVAL, "%s '%s' is not a number or a list of numbers with commas", what,
                            text);
        if (n < r->shape->n_objectives) array[n] = v;
        n++;
        p = end;
        if (!*p) break;
    }
    if (n != r->shape->n_objectives)
        return hpo_fail(err, HPO_EINVAL, "%s '%s' has %zu number%s, but the study has %zu objective%s", what,
                        text, n, hpo_plural((int64_t)n), r->shape->n_objectives,
                        hpo_plural((int64_t)r->shape->n_objectives));
    give(r, array);
    return HPO_OK;
}

static hpo_status set_named(cli_result *r, const char *what, const char *name, double v, hpo_error *err)
{
    if (!strcmp(what, "outcome")) {
        for (size_t i = 0; i < r->shape->n_outcomes; i++)
            if (!strcmp(r->shape->outcomes[i].name, name)) {
                r->outcomes[i] = v;
                give(r, r->outcomes);
                return HPO_OK;
            }
        return hpo_fail(err, HPO_EINVAL,
                        "outcome '%s' is unknown: the study has %zu outcome%s, see `hpo show`", name,
                        r->shape->n_outcomes, hpo_plural((int64_t)r->shape->n_outcomes));
    }
    if (!strcmp(what, "grad")) {
        int64_t i = hpo_space_find(r->shape->space, name);
        hpo_param_info p = {.size = sizeof p};
        if (i < 0) return hpo_fail(err, HPO_EINVAL, "gradient '%s' names no parameter of the study", name);
        HPO_TRY(hpo_space_param(r->shape->space, (size_t)i, &p, err));
        if (p.n_columns != 1)
            return hpo_fail(err, HPO_EINVAL, "gradient '%s': a %s has no single derivative", name,
                            hpo_kind_name(p.kind));
        r->gradient[p.column] = v;
        give(r, r->gradient);
        return HPO_OK;
    }
    for (size_t i = 0; i < r->shape->n_objectives; i++)
        if (!strcmp(r->shape->objectives[i].name, name)) {
            double *array = strcmp(what, "sems") ? r->values : r->sems;
            array[i] = v;
            give(r, array);
            return HPO_OK;
        }
    return hpo_fail(err, HPO_EINVAL, "%s: '%s' names no objective of the study", what, name);
}

hpo_status cli_result_named(cli_result *r, const char *what, const char *text, hpo_error *err)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    char name[256];
    double v;
    if (!n || n >= sizeof name || !hpo_parse_double(equals + 1, &v))
        return hpo_fail(err, HPO_EINVAL, "%s '%s' is not NAME=NUMBER", what, text);
    memcpy(name, text, n);
    name[n] = '\0';
    return set_named(r, what, name, v, err);
}

hpo_status cli_result_state(cli_result *r, const char *word, hpo_error *err)
{
    for (int i = 0; i < HPO_N_STATES; i++)
        if (i != HPO_STATE_RUNNING && !strcmp(word, hpo_state_name((hpo_state)i))) {
            r->result.state = (hpo_state)i;
            return HPO_OK;
        }
    return hpo_fail(err, HPO_EINVAL,
                    "state '%s' is unknown: choose complete, stopped, failed, infeasible, paused or waiting",
                    word);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static hpo_status number_of(struct json_object *o, const char *what, double *out, hpo_error *err)
{
    if (o && !json_object_is_type(o, json_type_double) && !json_object_is_type(o, json_type_int))
        return hpo_fail(err, HPO_EINVAL, "result.%s: %s is not a number", what,
                        json_object_to_json_string(o));
    *out = o ? json_object_get_double(o) : (double)NAN;
    return HPO_OK;
}

/* An array in order, or an object by name. */
static hpo_status read_numbers(cli_result *r, struct json_object *o, const char *what, double *array,
                               size_t n, hpo_error *err)
{
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, member)
        {
            double v;
            HPO_TRY(number_of(member, what, &v, err));
            HPO_TRY(set_named(r,
                              !strcmp(what, "outcomes")   ? "outcome"
                              : !strcmp(what, "gradient") ? "grad"
                                                          : what,
                              key, v, err));
        }
        return HPO_OK;
    }
    if (!json_object_is_type(o, json_type_array) || !strcmp(what, "gradient"))
        return hpo_fail(err, HPO_EINVAL, "result.%s: %s is not %s", what, json_object_to_json_string(o),
                        strcmp(what, "gradient") ? "an array of numbers"
                                                 : "an object of numbers by parameter");
    if (json_object_array_length(o) != n)
        return hpo_fail(err, HPO_EINVAL, "result.%s has %zu numbers, but the study has %zu", what,
                        json_object_array_length(o), n);
    for (size_t i = 0; i < n; i++)
        HPO_TRY(number_of(json_object_array_get_idx(o, i), what, &array[i], err));
    give(r, array);
    return HPO_OK;
}

hpo_status cli_result_json(cli_result *r, struct json_object *o, hpo_error *err)
{
    static const char *const keys[] = {"value", "values", "state",      "sems",        "outcomes", "gradient",
                                       "cost",  "reason", "checkpoint", "count_retry", NULL};
    struct json_object *m = NULL;
    const char *state = NULL;
    int count_retry = r->result.count_retry;
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "result: not a JSON object: write {\"value\":0.3}");
    HPO_TRY(hpo_json_check_keys(o, "result", keys, err));
    if (json_object_object_get_ex(o, "value", &m)) {
        if (r->shape->n_objectives != 1)
            return hpo_fail(err, HPO_EINVAL, "result.value: the study has %zu objectives: give values",
                            r->shape->n_objectives);
        HPO_TRY(number_of(m, "value", &r->values[0], err));
        give(r, r->values);
    }
    if (json_object_object_get_ex(o, "values", &m) && m)
        HPO_TRY(read_numbers(r, m, "values", r->values, r->shape->n_objectives, err));
    if (json_object_object_get_ex(o, "sems", &m) && m)
        HPO_TRY(read_numbers(r, m, "sems", r->sems, r->shape->n_objectives, err));
    if (json_object_object_get_ex(o, "outcomes", &m) && m)
        HPO_TRY(read_numbers(r, m, "outcomes", r->outcomes, r->shape->n_outcomes, err));
    if (json_object_object_get_ex(o, "gradient", &m) && m)
        HPO_TRY(read_numbers(r, m, "gradient", r->gradient, 0, err));
    HPO_TRY(hpo_json_get_double(o, "result", "cost", &r->result.cost, err));
    HPO_TRY(hpo_json_get_string(o, "result", "reason", &r->result.reason, err));
    HPO_TRY(hpo_json_get_string(o, "result", "checkpoint", &r->result.checkpoint, err));
    HPO_TRY(hpo_json_get_bool(o, "result", "count_retry", &count_retry, err));
    r->result.count_retry = count_retry;
    HPO_TRY(hpo_json_get_string(o, "result", "state", &state, err));
    return state ? cli_result_state(r, state, err) : HPO_OK;
}
