/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import_trials.c - trials of Optuna as rows of ours, and what our rows have no place for as attributes.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "import.h"

/* ---- constraints ------------------------------------------------------------------------------------------
 */

static hpo_status outcome_at(importer *im, const char *name, double v, double *values, hpo_error *err)
{
    size_t i = 0;
    while (i < im->n_outcomes && strcmp(im->outcomes[i], name) != 0)
        i++;
    if (values != NULL) {
        if (i < im->n_outcomes) values[i] = v;
        return HPO_OK;
    }
    if (i < im->n_outcomes || i == CLI_MAX_OUTCOMES) return HPO_OK;
    im->outcomes[i] = hpo_strdup(name);
    if (im->outcomes[i] == NULL) return hpo_fail_memory(err);
    im->n_outcomes++;
    return HPO_OK;
}

/* Constraints of a trial: into `values`, or (NULL) their names into the importer. */
static hpo_status read_constraints(importer *im, const optuna_trial *t, double *values, hpo_error *err)
{
    for (const optuna_attr *a = t->system; a != NULL; a = a->next) {
        struct json_object *o = NULL;
        hpo_status status = HPO_OK;
        if (strncmp(a->key, "constraints", 11) != 0 || (a->key[11] != '\0' && a->key[11] != ':')) continue;
        if (hpo_json_parse(a->json, strlen(a->json), "constraints", &o, NULL) != HPO_OK) continue;
        if (a->key[11] == ':') {
            if (json_object_is_type(o, json_type_double) || json_object_is_type(o, json_type_int))
                status = outcome_at(im, a->key + 12, json_object_get_double(o), values, err);
        } else if (json_object_is_type(o, json_type_array)) {
            for (size_t i = 0; i < json_object_array_length(o) && status == HPO_OK; i++) {
                char name[32];
                (void)snprintf(name, sizeof name, "c%zu", i);
                status = outcome_at(im, name, json_object_get_double(json_object_array_get_idx(o, i)), values,
                                    err);
            }
        }
        json_object_put(o);
        HPO_TRY(status);
    }
    return HPO_OK;
}

hpo_status import_find_outcomes(importer *im, hpo_error *err)
{
    for (size_t i = 0; i < im->source->n_trials; i++)
        HPO_TRY(read_constraints(im, &im->source->trials[i], NULL, err));
    return HPO_OK;
}

/* ---- trials
 * -------------------------------------------------------------------------------------------------- */

static void add_key(hpo_str *s, int *n, const char *prefix, const char *key)
{
    hpo_str text = {0};
    hpo_str_addf(&text, "%s%s", prefix, key);
    hpo_str_addc(s, (*n)++ > 0 ? ',' : '{');
    s->failed |= text.failed;
    hpo_str_json(s, text.text != NULL ? text.text : "");
    hpo_str_addc(s, ':');
    hpo_str_fini(&text);
}

static void add_attrs(hpo_str *s, int *n, const optuna_attr *list, int system)
{
    for (; list != NULL; list = list->next) {
        add_key(s, n,
                system                               ? IMPORT_SYSTEM
                : strncmp(list->key, "hpo:", 4) == 0 ? "hpo:user:"
                                                     : "",
                list->key);
        optuna_pack(s, list->json);
    }
}

static int has_values(const optuna_study *s, const optuna_trial *t)
{
    for (size_t i = 0; i < s->n_objectives; i++)
        if (t->values == NULL || isnan(t->values[i])) return 0;
    return 1;
}

/* "hpo:optuna": what our row has no place for. */
static void add_note(hpo_str *s, const optuna_study *study, const optuna_trial *t)
{
    hpo_str_add(s, "{\"params\":{");
    for (const optuna_param *p = t->params; p != NULL; p = p->next) {
        if (p != t->params) hpo_str_addc(s, ',');
        hpo_str_json(s, p->name);
        hpo_str_add(s, ":[");
        optuna_number(s, p->internal);
        hpo_str_addc(s, ',');
        hpo_str_json(s, p->distribution);
        hpo_str_addc(s, ']');
    }
    hpo_str_addc(s, '}');
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? t->start : t->complete;
        if (text == NULL) continue;
        hpo_str_add(s, i == 0 ? ",\"start\":" : ",\"complete\":");
        hpo_str_json(s, text);
    }
    if (t->state != OPTUNA_COMPLETE &&
        (t->values != NULL || (t->state == OPTUNA_PRUNED && t->reports != NULL))) {
        hpo_str_add(s, ",\"values\":");
        for (size_t i = 0; t->values != NULL && i < study->n_objectives; i++) {
            hpo_str_addc(s, i > 0 ? ',' : '[');
            hpo_str_json_double(s, t->values[i]);
        }
        hpo_str_add(s, t->values != NULL ? "]" : "null");
    }
    hpo_str_addc(s, '}');
}

/* im->row: the configuration of a trial; names that it has and the program did not ask for into `hidden`
 * (JSON). */
static hpo_status settle(importer *im, size_t number, hpo_str *hidden, hpo_error *err)
{
    for (size_t j = 0; j < im->n_columns; j++)
        im->row[j] = im->columns[j].x[number];
    HPO_TRY(hpo_study_settle(im->c->study, (int64_t)number, im->row, err));
    for (size_t j = 0, n = 0; j < im->n_columns; j++)
        if (!isnan(im->row[j]) && isnan(im->columns[j].x[number])) {
            hpo_str_addc(hidden, n++ > 0 ? ',' : '[');
            hpo_str_json(hidden, im->columns[j].theirs);
        }
    if (hidden->len > 0) hpo_str_addc(hidden, ']');
    return HPO_OK;
}

static hpo_status attributes_of(importer *im, const optuna_trial *t, const hpo_str *hidden, hpo_str *s,
                                hpo_error *err)
{
    int n = 0;
    add_attrs(s, &n, t->user, 0);
    add_attrs(s, &n, t->system, 1);
    add_key(s, &n, "", "hpo:optuna");
    add_note(s, im->source, t);
    if (hidden->len > 0) {
        add_key(s, &n, "", "hpo:unasked");
        hpo_str_add(s, hidden->text);
    }
    const char *fixed = optuna_get_attr(t->system, "fixed_params");
    if (t->state == OPTUNA_WAITING && fixed != NULL && strcmp(fixed, "null") != 0) {
        add_key(s, &n, "", "hpo:fixed");
        hpo_str_add(s, fixed);
    }
    hpo_str_addc(s, '}');
    return s->failed || hidden->failed ? hpo_fail_memory(err) : HPO_OK;
}

static size_t n_reports(const optuna_trial *t)
{
    size_t n = 0;
    for (const optuna_report *r = t->reports; r != NULL; r = r->next)
        n++;
    return n;
}

static hpo_status add_past(importer *im, const optuna_trial *t, const char *attributes, hpo_error *err)
{
    static const hpo_state states[] = {[OPTUNA_COMPLETE] = HPO_STATE_COMPLETE,
                                       [OPTUNA_PRUNED] = HPO_STATE_STOPPED,
                                       [OPTUNA_FAIL] = HPO_STATE_FAILED};
    size_t m = im->source->n_objectives, n = n_reports(t), i = 0;
    hpo_past_trial p = {
        .size = sizeof p, .x = im->row, .result = hpo_result_init(), .attributes = attributes};
    hpo_report *reports = hpo_alloc_array(n + 1, sizeof *reports);
    double *curve = hpo_alloc_array(n * m + 1, sizeof *curve), outcomes[CLI_MAX_OUTCOMES];
    hpo_status status = reports != NULL && curve != NULL ? HPO_OK : hpo_fail_memory(err);
    for (const optuna_report *r = t->reports; r != NULL && status == HPO_OK; r = r->next, i++) {
        reports[i] = hpo_report_init();
        reports[i].step = (double)r->step;
        reports[i].values = curve + i * m;
        reports[i].n_values = m;
        for (size_t k = 0; k < m; k++)
            curve[i * m + k] = k == 0 ? r->value : (double)NAN;
    }
    for (size_t k = 0; k < im->n_outcomes; k++)
        outcomes[k] = (double)NAN;
    if (status == HPO_OK) status = read_constraints(im, t, outcomes, err);
    p.result.state = states[t->state];
    p.result.values = t->state != OPTUNA_FAIL && has_values(im->source, t) ? t->values : NULL;
    p.result.n_values = m;
    p.result.outcomes = im->n_outcomes > 0 ? outcomes : NULL;
    p.result.n_outcomes = im->n_outcomes;
    p.started_ms = optuna_time_ms(t->start);
    p.ended_ms = optuna_time_ms(t->complete);
    p.reports = reports;
    p.n_reports = n;
    if (status == HPO_OK) status = hpo_study_add(im->c->study, &p, NULL, err);
    hpo_free(reports);
    hpo_free(curve);
    return status;
}

/* Values of fixed_params that the space has a place for, as our JSON. */
static hpo_status fixed_config(importer *im, const char *fixed, hpo_str *out, hpo_error *err)
{
    struct json_object *o = NULL;
    int n = 0;
    hpo_str_addc(out, '{');
    if (fixed != NULL && hpo_json_parse(fixed, strlen(fixed), "fixed_params", &o, NULL) == HPO_OK &&
        json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, name, value)
        {
            hpo_str label = {0};
            int64_t at = hpo_map_get(&im->column_at, name, -1);
            const column *k = at >= 0 ? &im->columns[at] : NULL;
            double v = json_object_get_double(value);
            int number =
                json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
            optuna_label(&label, value);
            int fits =
                k != NULL && (k->single || k->kind == OPTUNA_CATEGORICAL
                                  ? label.text != NULL && hpo_map_get(&k->label_at, label.text, -1) >= 0
                                  : number && v >= k->low && v <= k->high);
            if (fits) {
                if (n++ > 0) hpo_str_addc(out, ',');
                hpo_str_json(out, k->ours);
                hpo_str_addc(out, ':');
                if (k->single || k->kind == OPTUNA_CATEGORICAL)
                    hpo_str_json(out, label.text);
                else
                    hpo_str_json_double(out, v);
            }
            hpo_str_fini(&label);
        }
    }
    json_object_put(o);
    hpo_str_addc(out, '}');
    return out->failed ? hpo_fail_memory(err) : HPO_OK;
}

static hpo_status add_waiting(importer *im, const optuna_trial *t, const char *attributes, hpo_error *err)
{
    hpo_str config = {0};
    hpo_status status = fixed_config(im, optuna_get_attr(t->system, "fixed_params"), &config, err);
    if (status == HPO_OK) status = hpo_study_enqueue_with(im->c->study, config.text, attributes, NULL, err);
    /* Values that belong to different branches make no configuration: the attributes have them. */
    if (status == HPO_EINVAL) status = hpo_study_enqueue_with(im->c->study, "{}", attributes, NULL, err);
    hpo_str_fini(&config);
    return status;
}

static hpo_status set_each(hpo_study *study, int64_t number, const char *attributes, hpo_error *err)
{
    struct json_object *o = NULL;
    hpo_status status = hpo_json_parse(attributes, strlen(attributes), "attributes", &o, err);
    if (status != HPO_OK) return status;
    json_object_object_foreach(o, key, value)
    {
        if (status == HPO_OK)
            status = hpo_study_set_attr(study, number, key,
                                        json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), err);
    }
    json_object_put(o);
    return status;
}

/* Held for ever, as in Optuna: `hpo retry` puts it into the queue. */
static hpo_status add_running(importer *im, const optuna_trial *t, const char *attributes, hpo_error *err)
{
    const hpo_ask_options o = {
        .size = sizeof o, .worker = "optuna", .lease = (double)INFINITY, .new_only = 1};
    hpo_trial *held = NULL;
    hpo_study *s = im->c->study;
    HPO_TRY(hpo_study_ask_as(s, &o, &held, err));
    if (held == NULL) return hpo_fail(err, HPO_ESTATE, "no further trial can be made");
    int64_t number = hpo_trial_number(held);
    hpo_status status = hpo_study_set_config(s, number, hpo_trial_token(held), im->row, NULL, err);
    if (status == HPO_OK) status = set_each(s, number, attributes, err);
    for (const optuna_report *r = t->reports; r != NULL && status == HPO_OK; r = r->next) {
        hpo_report report = hpo_report_init();
        hpo_decision decision;
        for (size_t k = 0; k < im->source->n_objectives; k++)
            im->values[k] = k == 0 ? r->value : (double)NAN;
        report.step = (double)r->step;
        report.values = im->values;
        report.n_values = im->source->n_objectives;
        status = hpo_study_report(s, held, &report, &decision, err);
    }
    hpo_trial_free(held);
    return status;
}

static hpo_status add_trial(importer *im, size_t number, hpo_error *err)
{
    const optuna_trial *t = &im->source->trials[number];
    hpo_str hidden = {0}, attributes = {0};
    hpo_status status = HPO_OK;
    if (t->state == OPTUNA_COMPLETE && !has_values(im->source, t))
        return hpo_fail(err, HPO_ECORRUPT, "trial %zu is COMPLETE without its %zu value(s)", number,
                        im->source->n_objectives);
    if (t->state != OPTUNA_WAITING) status = settle(im, number, &hidden, err);
    if (status == HPO_OK) status = attributes_of(im, t, &hidden, &attributes, err);
    if (status == HPO_OK)
        status = t->state == OPTUNA_WAITING   ? add_waiting(im, t, attributes.text, err)
                 : t->state == OPTUNA_RUNNING ? add_running(im, t, attributes.text, err)
                                              : add_past(im, t, attributes.text, err);
    hpo_str_fini(&hidden);
    hpo_str_fini(&attributes);
    return status;
}

hpo_status import_add_all(importer *im, hpo_error *err)
{
    const optuna_study *s = im->source;
    for (int system = 0; system < 2; system++)
        for (const optuna_attr *a = system ? s->system : s->user; a != NULL; a = a->next) {
            hpo_str key = {0}, value = {0};
            hpo_str_addf(&key, "%s%s",
                         system                            ? IMPORT_SYSTEM
                         : strncmp(a->key, "hpo:", 4) == 0 ? "hpo:user:"
                                                           : "",
                         a->key);
            optuna_pack(&value, a->json);
            hpo_status status = key.failed || value.failed
                                    ? hpo_fail_memory(err)
                                    : hpo_study_set_attr(im->c->study, -1, key.text, value.text, err);
            hpo_str_fini(&key);
            hpo_str_fini(&value);
            HPO_TRY(status);
        }
    for (size_t i = 0; i < s->n_trials; i++) {
        if (s->trials[i].gone)
            im->n_gone++;
        else
            HPO_TRY(add_trial(im, i, err));
    }
    return HPO_OK;
}
