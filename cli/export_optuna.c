/* SPDX-License-Identifier: Apache-2.0 */
/* cli/export_optuna.c - `hpo export --optuna`: a study of ours as one of Optuna's.
 *
 * A trial that came from Optuna (attribute "hpo:optuna") goes back as it was.  Others get the distributions
 * of the space: revlog and logit scales become linear; labels become the values that they show; permutations,
 * subsets, simplices and vectors become one parameter an item, NAME.0, NAME.1 ...  Folds of a report are left
 * out. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"
#include "record.h"

#define SYSTEM "hpo:system:"
#define USER "hpo:user:"

typedef struct exporter {
    cli *c;
    cli_shape shape;
    optuna_study *s;
    struct json_object *space; /* its document */
    struct json_object *params;
} exporter;

/* ---- attributes
 * -------------------------------------------------------------------------------------------- */

static void take_attrs(optuna_study *s, struct json_object *attributes, optuna_attr **user,
                       optuna_attr **system)
{
    if (!json_object_is_type(attributes, json_type_object)) return;
    json_object_object_foreach(attributes, key, value)
    {
        hpo_str text = {0};
        optuna_unpack(&text, value);
        s->failed |= text.failed;
        if (text.failed)
            ;
        else if (strncmp(key, SYSTEM, strlen(SYSTEM)) == 0)
            optuna_set_attr(s, system, key + strlen(SYSTEM), text.text);
        else if (strncmp(key, USER, strlen(USER)) == 0)
            optuna_set_attr(s, user, key + strlen(USER), text.text);
        else if (strncmp(key, "hpo:", 4) != 0)
            optuna_set_attr(s, user, key, text.text);
        hpo_str_fini(&text);
    }
}

static void set_text(optuna_study *s, optuna_attr **list, const char *key, hpo_str *json)
{
    s->failed |= json->failed;
    if (!json->failed && json->text != NULL) optuna_set_attr(s, list, key, json->text);
    hpo_str_fini(json);
}

/* Measured constraints as Optuna has them: feasible at 0 and below. */
static void take_constraints(exporter *e, optuna_trial *t, const double *outcomes)
{
    hpo_str s = {0};
    if (outcomes == NULL || e->shape.n_outcomes == 0) return;
    for (const optuna_attr *a = t->system; a != NULL; a = a->next)
        if (strncmp(a->key, "constraints", 11) == 0) return;
    for (size_t i = 0; i < e->shape.n_outcomes; i++) {
        if (isnan(outcomes[i])) {
            hpo_str_fini(&s);
            return;
        }
        hpo_str_add(&s, i > 0 ? ", " : "[");
        optuna_number(&s, outcomes[i] - e->shape.outcomes[i].max);
    }
    hpo_str_addc(&s, ']');
    set_text(e->s, &t->system, "constraints", &s);
}

/* ---- parameters
 * ---------------------------------------------------------------------------------------------- */

static struct json_object *document_of(const exporter *e, const char *name)
{
    struct json_object *doc = NULL;
    (void)json_object_object_get_ex(e->params, name, &doc);
    return doc;
}

static int is_hidden(struct json_object *unasked, const char *name)
{
    if (!json_object_is_type(unasked, json_type_array)) return 0;
    for (size_t i = 0; i < json_object_array_length(unasked); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(unasked, i)), name) == 0) return 1;
    return 0;
}

static void take_item(exporter *e, optuna_trial *t, const hpo_param_info *p, const char *name, double v)
{
    hpo_str text = {0};
    struct json_object *value = NULL, *doc = document_of(e, p->name);
    double internal;
    const char *label = doc != NULL && json_object_object_get_ex(doc, "value", &value)
                            ? json_object_get_string(value)
                            : "None";
    if (value != NULL && json_object_is_type(value, json_type_boolean))
        label = json_object_get_boolean(value) ? "True" : "False";
    optuna_distribution_of(&text, p, label, v, &internal);
    e->s->failed |= text.failed;
    if (!text.failed) optuna_set_param(e->s, t, name, internal, text.text);
    hpo_str_fini(&text);
}

static hpo_status take_row(exporter *e, optuna_trial *t, const double *x, struct json_object *unasked,
                           hpo_error *err)
{
    for (size_t i = 0; i < e->shape.n_params; i++) {
        hpo_param_info p = {.size = sizeof p};
        hpo_str name = {0};
        HPO_TRY(hpo_space_param(e->shape.space, i, &p, err));
        optuna_name_out(&name, p.name);
        if (name.failed) return hpo_fail_memory(err);
        int many = p.kind == HPO_KIND_PERMUTATION || p.kind == HPO_KIND_SIMPLEX ||
                   p.kind == HPO_KIND_SUBSET || p.kind == HPO_KIND_VECTOR;
        size_t n = name.len;
        for (size_t k = 0; k < p.n_columns && !isnan(x[p.column]) && !is_hidden(unasked, name.text); k++) {
            if (many) {
                name.len = n;
                hpo_str_addf(&name, ".%zu", k);
            }
            if (!name.failed) take_item(e, t, &p, name.text, x[p.column + k]);
        }
        e->s->failed |= name.failed;
        hpo_str_fini(&name);
    }
    return HPO_OK;
}

static hpo_status take_note(exporter *e, optuna_trial *t, struct json_object *note, hpo_error *err)
{
    struct json_object *params = NULL;
    HPO_TRY(hpo_json_get_object(note, "hpo:optuna", "params", &params, err));
    if (params == NULL) return HPO_OK;
    json_object_object_foreach(params, name, pair)
    {
        if (json_object_is_type(pair, json_type_array) && json_object_array_length(pair) == 2)
            optuna_set_param(e->s, t, name, json_object_get_double(json_object_array_get_idx(pair, 0)),
                             json_object_get_string(json_object_array_get_idx(pair, 1)));
    }
    return HPO_OK;
}

/* A trial in the queue: what it is to be evaluated with. */
static void take_fixed(exporter *e, optuna_trial *t, struct json_object *attributes, const double *x)
{
    struct json_object *fixed = NULL;
    hpo_str s = {0};
    optuna_trial config = {.state = OPTUNA_WAITING};
    if (optuna_get_attr(t->system, "fixed_params") != NULL) return;
    if (json_object_object_get_ex(attributes, "hpo:fixed", &fixed)) {
        optuna_unpack(&s, fixed);
        set_text(e->s, &t->system, "fixed_params", &s);
        return;
    }
    if (take_row(e, &config, x, NULL, NULL) != HPO_OK) return;
    hpo_str_addc(&s, '{');
    for (const optuna_param *p = config.params; p != NULL; p = p->next) {
        struct json_object *doc = NULL, *inside = NULL, *choices = NULL;
        if (p != config.params) hpo_str_add(&s, ", ");
        hpo_str_json(&s, p->name);
        hpo_str_add(&s, ": ");
        if (hpo_json_parse(p->distribution, strlen(p->distribution), "distribution", &doc, NULL) != HPO_OK)
            doc = NULL;
        if (doc != NULL && json_object_object_get_ex(doc, "attributes", &inside) &&
            json_object_object_get_ex(inside, "choices", &choices))
            hpo_str_add(
                &s, json_object_to_json_string_ext(json_object_array_get_idx(choices, (size_t)p->internal),
                                                   JSON_C_TO_STRING_PLAIN));
        else if (strstr(p->distribution, "\"IntDistribution\"") != NULL)
            hpo_str_int(&s, (int64_t)p->internal);
        else
            optuna_number(&s, p->internal);
        json_object_put(doc);
    }
    hpo_str_addc(&s, '}');
    set_text(e->s, &t->system, "fixed_params", &s);
}

/* ---- trials
 * -------------------------------------------------------------------------------------------------- */

static void take_values(exporter *e, optuna_trial *t, struct json_object *note, const double *values)
{
    struct json_object *given = NULL;
    int noted = note != NULL && json_object_object_get_ex(note, "values", &given);
    for (size_t i = 0; i < e->shape.n_objectives; i++) {
        double v = (double)NAN;
        if (noted && json_object_is_type(given, json_type_array) && i < json_object_array_length(given))
            v = json_object_get_double(json_object_array_get_idx(given, i));
        else if (!noted && values != NULL && (t->state == OPTUNA_COMPLETE || t->state == OPTUNA_PRUNED))
            v = values[i];
        if (!isnan(v)) optuna_set_value(e->s, t, i, v);
    }
}

static const char *moment(exporter *e, struct json_object *note, const char *key, int64_t ms)
{
    struct json_object *text = NULL;
    char buf[40];
    if (note != NULL && json_object_object_get_ex(note, key, &text))
        return optuna_keep(e->s, json_object_get_string(text));
    return ms > 0 ? optuna_keep(e->s, optuna_time_text(ms, buf)) : NULL;
}

static hpo_status take_info(exporter *e, optuna_trial *t, const hpo_trial_info *info,
                            struct json_object *attributes, hpo_error *err)
{
    static const optuna_state states[HPO_N_STATES] = {
        [HPO_STATE_WAITING] = OPTUNA_WAITING, [HPO_STATE_RUNNING] = OPTUNA_RUNNING,
        [HPO_STATE_PAUSED] = OPTUNA_RUNNING,  [HPO_STATE_COMPLETE] = OPTUNA_COMPLETE,
        [HPO_STATE_STOPPED] = OPTUNA_PRUNED,  [HPO_STATE_FAILED] = OPTUNA_FAIL,
        [HPO_STATE_INFEASIBLE] = OPTUNA_FAIL};
    struct json_object *note = NULL, *unasked = NULL;
    t->state = states[info->state];
    (void)json_object_object_get_ex(attributes, "hpo:optuna", &note);
    (void)json_object_object_get_ex(attributes, "hpo:unasked", &unasked);
    take_attrs(e->s, attributes, &t->user, &t->system);
    if (note != NULL)
        HPO_TRY(take_note(e, t, note, err));
    else if (t->state != OPTUNA_WAITING)
        HPO_TRY(take_row(e, t, info->x, unasked, err));
    if (t->state == OPTUNA_WAITING) take_fixed(e, t, attributes, info->x);
    take_values(e, t, note, info->values);
    if (optuna_is_over(t->state)) take_constraints(e, t, info->outcomes);
    if (t->state == OPTUNA_FAIL && info->reason != NULL &&
        optuna_get_attr(t->system, "fail_reason") == NULL) {
        hpo_str s = {0};
        hpo_str_json(&s, info->reason);
        set_text(e->s, &t->system, "fail_reason", &s);
    }
    t->start = moment(e, note, "start", info->started_ms);
    t->complete = optuna_is_over(t->state) ? moment(e, note, "complete", info->ended_ms) : NULL;
    return HPO_OK;
}

static hpo_status take_trial(exporter *e, int64_t number, hpo_error *err)
{
    hpo_trial_info info = {.size = sizeof info};
    struct json_object *attributes = NULL;
    optuna_trial *t = optuna_add_trial(e->s);
    if (t == NULL) return hpo_fail_memory(err);
    HPO_TRY(hpo_study_trial(e->c->study, number, &info, err));
    if (info.attributes != NULL)
        HPO_TRY(hpo_json_parse(info.attributes, strlen(info.attributes), "attributes", &attributes, err));
    int64_t n = info.n_reports; /* what info points to ends with the next call */
    hpo_status status = take_info(e, t, &info, attributes, err);
    json_object_put(attributes);
    for (int64_t i = 0; i < n && status == HPO_OK; i++) {
        hpo_report r = hpo_report_init();
        status = hpo_study_trial_report(e->c->study, number, (size_t)i, &r, NULL, err);
        if (status == HPO_OK && r.fold < 0) optuna_set_report(e->s, t, llround(r.step), r.values[0]);
    }
    return status;
}

static hpo_status take_study(exporter *e, const hpo_summary *sum, hpo_error *err)
{
    optuna_study *s = e->s;
    struct json_object *attributes = NULL;
    hpo_str names = {0};
    int plain = 1;
    s->name = optuna_keep(s, cli_get(e->c, "as", sum->name));
    s->n_objectives = sum->n_objectives;
    s->maximise = hpo_arena_alloc(&s->arena, sum->n_objectives, sizeof *s->maximise);
    if (s->maximise == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < sum->n_objectives; i++) {
        s->maximise[i] = sum->objectives[i].direction == HPO_MAXIMIZE;
        plain &= strncmp(sum->objectives[i].name, "value", 5) == 0;
        hpo_str_add(&names, i > 0 ? ", " : "[");
        hpo_str_json(&names, sum->objectives[i].name);
    }
    hpo_str_addc(&names, ']');
    if (sum->attributes != NULL) {
        HPO_TRY(hpo_json_parse(sum->attributes, strlen(sum->attributes), "attributes", &attributes, err));
        take_attrs(s, attributes, &s->user, &s->system);
        json_object_put(attributes);
    }
    if (plain || optuna_get_attr(s->system, "study:metric_names") != NULL)
        hpo_str_fini(&names);
    else
        set_text(s, &s->system, "study:metric_names", &names);
    return HPO_OK;
}

static hpo_status read_study(exporter *e, const hpo_summary *sum, hpo_error *err)
{
    char *text = NULL;
    HPO_TRY(take_study(e, sum, err));
    HPO_TRY(hpo_space_to_json(e->shape.space, &text, err));
    hpo_status status = hpo_json_parse(text, strlen(text), "space", &e->space, err);
    hpo_free(text);
    HPO_TRY(status);
    (void)json_object_object_get_ex(e->space, "params", &e->params);
    int64_t n = sum->n_trials;
    for (int64_t i = 0; i < n; i++)
        HPO_TRY(take_trial(e, i, err));
    return e->s->failed ? hpo_fail_memory(err) : HPO_OK;
}

int optuna_export(cli *c, const char *path, int journal)
{
    hpo_summary sum;
    optuna_study s = {0};
    exporter e = {.c = c, .s = &s};
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &e.shape);
    hpo_status status = read_study(&e, &sum, &c->err);
    path = strncmp(path, "optuna:", 7) == 0 ? path + 7 : path;
    if (status == HPO_OK && cli_url_path(path) == NULL)
        status = hpo_fail(&c->err, HPO_EUNSUPPORTED, "'%s' is no file: SQLite databases are written", path);
    if (status == HPO_OK)
        status = journal ? optuna_journal_write(path, &s, &c->err)
                         : optuna_rdb_write(cli_url_path(path), &s, &c->err);
    if (status != HPO_OK)
        rc = cli_fail(c);
    else
        printf("study %s: %zu trial%s written to %s\n", s.name, s.n_trials, hpo_plural((int64_t)s.n_trials),
               path);
    json_object_put(e.space);
    optuna_study_fini(&s);
    return rc;
}
