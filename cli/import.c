/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import.c - `hpo import`: a study of Optuna, from its database or its journal, becomes one of ours.
 *
 * The space of the new study is learned from the trials: each parameter with the widest range that it was asked with, under
 * the condition that import_learn.c finds.  It may go on growing under the Python package.  A trial keeps its number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "optuna.h"
#include "record.h"

#define SYSTEM "hpo:system:"

typedef struct column {
    const char *theirs; /* name, borrowed from the source */
    char *ours;
    optuna_kind kind;
    double low, high, step;
    int log, single;
    char **labels;
    size_t n_labels, cap_labels;
    hpo_map label_at;
    double *x; /* n_trials */
    char *when;
} column;

typedef struct importer {
    cli *c;
    optuna_study *source;
    column *columns;
    size_t n_columns, cap_columns;
    hpo_map column_at;           /* their name -> column */
    optuna_distribution *parsed; /* by index in `parsed_at` */
    size_t n_parsed, cap_parsed;
    hpo_map parsed_at; /* text -> index */
    char *outcomes[CLI_MAX_OUTCOMES];
    size_t n_outcomes, n_gone;
    double *row, *values;
    size_t width;
} importer;

/* ---- the space -------------------------------------------------------------------------------------------- */

static hpo_status distribution_at(importer *im, const char *text, const optuna_distribution **out, hpo_error *err)
{
    int64_t at = hpo_map_get(&im->parsed_at, text, -1);
    if (at < 0) {
        HPO_TRY(hpo_reserve(&im->parsed, &im->cap_parsed, im->n_parsed + 1, sizeof *im->parsed, err));
        HPO_TRY(optuna_distribution_parse(text, &im->parsed[im->n_parsed], err));
        at = (int64_t)im->n_parsed++;
        HPO_TRY(hpo_map_put(&im->parsed_at, text, at, err));
    }
    *out = &im->parsed[at];
    return HPO_OK;
}

static hpo_status add_label(column *k, const char *text, hpo_error *err)
{
    if (hpo_map_get(&k->label_at, text, -1) >= 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&k->labels, &k->cap_labels, k->n_labels + 1, sizeof *k->labels, err));
    k->labels[k->n_labels] = hpo_strdup(text);
    if (k->labels[k->n_labels] == NULL) return hpo_fail_memory(err);
    return hpo_map_put(&k->label_at, text, (int64_t)k->n_labels++, err);
}

static int on_grid(double v, double low, double step)
{
    double at = (v - low) / step;
    return fabs(at - round(at)) < 1e-8;
}

/* Makes a column as wide as one more distribution and its value. */
static hpo_status widen(column *k, const optuna_distribution *d, double v, hpo_error *err)
{
    if (d->kind != k->kind)
        return hpo_fail(err, HPO_EINVAL, "%s is of one kind in some trials and of another in others", k->theirs);
    for (size_t i = 0; i < d->n_labels; i++)
        HPO_TRY(add_label(k, d->labels[i], err));
    if (k->kind == OPTUNA_CATEGORICAL) return HPO_OK;
    double low = fmin(fmin(k->low, d->low), v), high = fmax(fmax(k->high, d->high), v);
    if (k->step > 0 && (k->step != d->step || !on_grid(k->low, low, k->step) || !on_grid(d->low, low, k->step) ||
                        !on_grid(v, low, k->step)))
        k->step = 0;
    k->low = low;
    k->high = high;
    if (low <= 0) k->log = 0;
    return HPO_OK;
}

static hpo_status new_column(importer *im, const char *name, const optuna_distribution *d, column **out, hpo_error *err)
{
    hpo_str s = {0};
    HPO_TRY(hpo_reserve(&im->columns, &im->cap_columns, im->n_columns + 1, sizeof *im->columns, err));
    column *k = &im->columns[im->n_columns];
    *k = (column){.theirs = name, .kind = d->kind, .low = d->low, .high = d->high, .step = d->step, .log = d->log};
    optuna_name_in(&s, name);
    HPO_TRY(hpo_str_steal(&s, &k->ours, err));
    HPO_TRY(hpo_map_put(&im->column_at, name, (int64_t)im->n_columns++, err));
    k->x = hpo_alloc_array(im->source->n_trials + 1, sizeof *k->x);
    if (k->x == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < im->source->n_trials; i++)
        k->x[i] = (double)NAN;
    *out = k;
    return HPO_OK;
}

static hpo_status take_param(importer *im, size_t trial, const optuna_param *p, hpo_error *err)
{
    const optuna_distribution *d = NULL;
    HPO_TRY(distribution_at(im, p->distribution, &d, err));
    int64_t at = hpo_map_get(&im->column_at, p->name, -1);
    column *k = at >= 0 ? &im->columns[at] : NULL;
    if (k == NULL) HPO_TRY(new_column(im, p->name, d, &k, err));
    HPO_TRY(widen(k, d, p->internal, err));
    k->x[trial] = p->internal;
    if (d->kind == OPTUNA_CATEGORICAL) {
        if (!(p->internal >= 0 && p->internal < (double)d->n_labels))
            return hpo_fail(err, HPO_ECORRUPT, "trial %zu: %s is choice %g of %zu", trial, p->name, p->internal, d->n_labels);
        k->x[trial] = (double)hpo_map_get(&k->label_at, d->labels[(size_t)p->internal], 0);
    }
    return HPO_OK;
}

static hpo_status collect(importer *im, hpo_error *err)
{
    for (size_t i = 0; i < im->source->n_trials; i++)
        for (const optuna_param *p = im->source->trials[i].params; p != NULL; p = p->next)
            HPO_TRY(take_param(im, i, p, err));
    for (size_t j = 0; j < im->n_columns; j++) {
        column *k = &im->columns[j];
        k->single = k->kind == OPTUNA_CATEGORICAL ? k->n_labels == 1 : k->low == k->high;
        if (!k->single || k->kind == OPTUNA_CATEGORICAL) continue;
        hpo_str s = {0};
        char *text = NULL;
        if (k->kind == OPTUNA_INT)
            hpo_str_int(&s, (int64_t)k->low);
        else
            optuna_number(&s, k->low);
        HPO_TRY(hpo_str_steal(&s, &text, err));
        hpo_status status = add_label(k, text, err);
        hpo_free(text);
        HPO_TRY(status);
        for (size_t i = 0; i < im->source->n_trials; i++)
            if (!isnan(k->x[i])) k->x[i] = 0;
    }
    return HPO_OK;
}

static hpo_status learn_all(importer *im, hpo_error *err)
{
    size_t n = im->source->n_trials;
    unsigned char *whole = hpo_calloc(n + 1, 1);
    learn_param *params = hpo_calloc(im->n_columns + 1, sizeof *params);
    hpo_status status = whole != NULL && params != NULL ? HPO_OK : hpo_fail_memory(err);
    for (size_t i = 0; i < n && status == HPO_OK; i++)
        whole[i] = im->source->trials[i].state == OPTUNA_COMPLETE;
    for (size_t j = 0; j < im->n_columns && status == HPO_OK; j++) {
        const column *k = &im->columns[j];
        int label = k->single || k->kind == OPTUNA_CATEGORICAL;
        params[j] = (learn_param){.name = k->ours,
                                  .kind = label ? 0 : k->kind == OPTUNA_INT ? 1 : 2,
                                  .labels = k->labels,
                                  .n_labels = k->n_labels,
                                  .x = k->x};
    }
    for (size_t j = 0; j < im->n_columns && status == HPO_OK; j++) {
        hpo_str s = {0};
        int suspect = 0;
        for (size_t i = 0; i < n && !suspect; i++)
            suspect = whole[i] && isnan(im->columns[j].x[i]);
        if (!suspect) continue;
        status = learn_condition(params, j, whole, n, &s, err);
        if (status == HPO_OK && s.len > 0) status = hpo_str_steal(&s, &im->columns[j].when, err);
        hpo_str_fini(&s);
    }
    hpo_free(params);
    hpo_free(whole);
    return status;
}

static void write_column(hpo_str *s, const column *k)
{
    hpo_str_json(s, k->ours);
    if (k->single) {
        hpo_str_add(s, ":{\"type\":\"const\",\"value\":");
        hpo_str_json(s, k->labels[0]);
    } else if (k->kind == OPTUNA_CATEGORICAL) {
        hpo_str_add(s, ":{\"type\":\"categorical\",\"values\":");
        for (size_t i = 0; i < k->n_labels; i++) {
            hpo_str_addc(s, i > 0 ? ',' : '[');
            hpo_str_json(s, k->labels[i]);
        }
        hpo_str_addc(s, ']');
    } else {
        hpo_str_addf(s, ":{\"type\":\"%s\",\"range\":[", k->kind == OPTUNA_INT ? "int" : "float");
        hpo_str_json_double(s, k->low);
        hpo_str_addc(s, ',');
        hpo_str_json_double(s, k->high);
        hpo_str_addc(s, ']');
        if (k->log) hpo_str_add(s, ",\"scale\":\"log\"");
        if (k->step > 0 && !k->log && !(k->kind == OPTUNA_INT && k->step == 1)) {
            hpo_str_add(s, ",\"step\":");
            hpo_str_json_double(s, k->step);
        }
    }
    if (k->when != NULL) {
        hpo_str_add(s, ",\"when\":");
        hpo_str_json(s, k->when);
    }
    hpo_str_addc(s, '}');
}

static hpo_status make_space(importer *im, hpo_space **out, hpo_error *err)
{
    hpo_str s = {0};
    HPO_TRY(collect(im, err));
    HPO_TRY(learn_all(im, err));
    hpo_str_add(&s, "{\"params\":{");
    for (size_t j = 0; j < im->n_columns; j++) {
        if (j > 0) hpo_str_addc(&s, ',');
        write_column(&s, &im->columns[j]);
    }
    hpo_str_add(&s, "}}");
    hpo_status status = s.failed ? hpo_fail_memory(err) : hpo_space_load(s.text, out, err);
    hpo_str_fini(&s);
    return status;
}

/* ---- constraints ------------------------------------------------------------------------------------------ */

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
                status = outcome_at(im, name, json_object_get_double(json_object_array_get_idx(o, i)), values, err);
            }
        }
        json_object_put(o);
        HPO_TRY(status);
    }
    return HPO_OK;
}

/* ---- the study -------------------------------------------------------------------------------------------- */

static int is_identifier(const char *name)
{
    return *name != '\0' && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) &&
           (*name < '0' || *name > '9');
}

/* The names that set_metric_names gave, where they can be ours; else value, or value_0 ... */
static void name_objectives(const optuna_study *s, struct json_object *given, hpo_objective *objectives, char names[][16])
{
    int use = json_object_is_type(given, json_type_array) && json_object_array_length(given) == s->n_objectives;
    for (size_t i = 0; use && i < s->n_objectives; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(given, i));
        use = name != NULL && is_identifier(name);
        for (size_t j = 0; use && j < i; j++)
            use = strcmp(objectives[j].name, name) != 0;
        objectives[i].name = name;
    }
    for (size_t i = 0; i < s->n_objectives; i++) {
        (void)snprintf(names[i], sizeof names[i], s->n_objectives == 1 ? "value" : "value_%zu", i);
        if (!use) objectives[i].name = names[i];
        objectives[i].size = sizeof objectives[i];
        objectives[i].direction = s->maximise[i] ? HPO_MAXIMIZE : HPO_MINIMIZE;
    }
}

static hpo_status create(importer *im, const hpo_space *space, hpo_error *err)
{
    cli *c = im->c;
    optuna_study *s = im->source;
    hpo_study_options o = hpo_study_options_init();
    hpo_objective objectives[CLI_MAX_OBJECTIVES] = {{0}};
    hpo_outcome outcomes[CLI_MAX_OUTCOMES] = {{0}};
    char names[CLI_MAX_OBJECTIVES][16];
    struct json_object *given = NULL;
    int64_t seed = -1;
    (void)cli_get_int(c, "seed", 0, INT64_MAX, &seed);
    uint32_t random = 0;
    if (seed < 0) HPO_TRY(hpo_os_random(&random, sizeof random, err));
    o.seed = seed < 0 ? random : (uint64_t)seed; /* 32 bits: short enough to be typed again */
    const char *metric_names = optuna_get_attr(s->system, "study:metric_names");
    if (metric_names != NULL) (void)hpo_json_parse(metric_names, strlen(metric_names), "metric names", &given, NULL);
    name_objectives(s, given, objectives, names);
    for (size_t i = 0; i < im->n_outcomes; i++)
        outcomes[i] = (hpo_outcome){.size = sizeof outcomes[i], .name = im->outcomes[i]};
    o.name = cli_get(c, "name", s->name);
    o.objectives = objectives;
    o.n_objectives = s->n_objectives;
    o.outcomes = outcomes;
    o.n_outcomes = im->n_outcomes;
    o.sampler = cli_get(c, "sampler", NULL);
    o.open_space = 1;
    hpo_status status = hpo_study_create(c->storage, space, &o, &c->study, err);
    json_object_put(given);
    return status;
}

/* ---- trials -------------------------------------------------------------------------------------------------- */

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
        add_key(s, n, system ? SYSTEM : strncmp(list->key, "hpo:", 4) == 0 ? "hpo:user:" : "", list->key);
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
    if (t->state != OPTUNA_COMPLETE && (t->values != NULL || (t->state == OPTUNA_PRUNED && t->reports != NULL))) {
        hpo_str_add(s, ",\"values\":");
        for (size_t i = 0; t->values != NULL && i < study->n_objectives; i++) {
            hpo_str_addc(s, i > 0 ? ',' : '[');
            hpo_str_json_double(s, t->values[i]);
        }
        hpo_str_add(s, t->values != NULL ? "]" : "null");
    }
    hpo_str_addc(s, '}');
}

/* im->row: the configuration of a trial; names that it has and the program did not ask for into `hidden` (JSON). */
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

static hpo_status attributes_of(importer *im, const optuna_trial *t, const hpo_str *hidden, hpo_str *s, hpo_error *err)
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
    static const hpo_state states[] = {
        [OPTUNA_COMPLETE] = HPO_STATE_COMPLETE, [OPTUNA_PRUNED] = HPO_STATE_STOPPED, [OPTUNA_FAIL] = HPO_STATE_FAILED};
    size_t m = im->source->n_objectives, n = n_reports(t), i = 0;
    hpo_past_trial p = {.size = sizeof p, .x = im->row, .result = hpo_result_init(), .attributes = attributes};
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
            int number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
            optuna_label(&label, value);
            int fits = k != NULL && (k->single || k->kind == OPTUNA_CATEGORICAL
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
            status = hpo_study_set_attr(study, number, key, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
                                        err);
    }
    json_object_put(o);
    return status;
}

/* Held for ever, as in Optuna: `hpo retry` puts it into the queue. */
static hpo_status add_running(importer *im, const optuna_trial *t, const char *attributes, hpo_error *err)
{
    const hpo_ask_options o = {.size = sizeof o, .worker = "optuna", .lease = (double)INFINITY, .new_only = 1};
    hpo_trial *held = NULL;
    hpo_study *s = im->c->study;
    HPO_TRY(hpo_study_ask_as(s, &o, &held, err));
    if (held == NULL) return hpo_fail(err, HPO_ESTATE, "no further trial can be made");
    int64_t number = hpo_trial_number(held);
    hpo_status status = hpo_study_set_config(s, number, hpo_trial_token(held), im->row, err);
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
        return hpo_fail(err, HPO_ECORRUPT, "trial %zu is COMPLETE without its %zu value(s)", number, im->source->n_objectives);
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

static hpo_status add_all(importer *im, hpo_error *err)
{
    const optuna_study *s = im->source;
    for (int system = 0; system < 2; system++)
        for (const optuna_attr *a = system ? s->system : s->user; a != NULL; a = a->next) {
            hpo_str key = {0}, value = {0};
            hpo_str_addf(&key, "%s%s", system ? SYSTEM : strncmp(a->key, "hpo:", 4) == 0 ? "hpo:user:" : "", a->key);
            optuna_pack(&value, a->json);
            hpo_status status = key.failed || value.failed ? hpo_fail_memory(err)
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

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void importer_fini(importer *im)
{
    for (size_t j = 0; j < im->n_columns; j++) {
        column *k = &im->columns[j];
        for (size_t i = 0; i < k->n_labels; i++)
            hpo_free(k->labels[i]);
        hpo_free(k->labels);
        hpo_map_fini(&k->label_at);
        hpo_free(k->ours);
        hpo_free(k->when);
        hpo_free(k->x);
    }
    for (size_t i = 0; i < im->n_parsed; i++)
        optuna_distribution_fini(&im->parsed[i]);
    for (size_t i = 0; i < im->n_outcomes; i++)
        hpo_free(im->outcomes[i]);
    hpo_map_fini(&im->column_at);
    hpo_map_fini(&im->parsed_at);
    hpo_free(im->columns);
    hpo_free(im->parsed);
    hpo_free(im->row);
    hpo_free(im->values);
}

static hpo_status import_study(importer *im, hpo_error *err)
{
    hpo_space *space = NULL;
    for (size_t i = 0; i < im->source->n_trials; i++)
        HPO_TRY(read_constraints(im, &im->source->trials[i], NULL, err));
    hpo_status status = make_space(im, &space, err);
    if (status == HPO_OK) status = create(im, space, err);
    hpo_space_free(space);
    HPO_TRY(status);
    im->row = hpo_alloc_array(im->n_columns + 1, sizeof *im->row);
    im->values = hpo_alloc_array(im->source->n_objectives + 1, sizeof *im->values);
    status = im->row != NULL && im->values != NULL ? add_all(im, err) : hpo_fail_memory(err);
    if (status != HPO_OK) { /* half a study is none */
        hpo_study_free(im->c->study);
        im->c->study = NULL;
        (void)hpo_storage_delete_study(im->c->storage, cli_get(im->c, "name", im->source->name), NULL);
    }
    return status;
}

static int print_result(importer *im, const char *path)
{
    cli *c = im->c;
    hpo_summary sum;
    hpo_str s = {0};
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    if (im->n_gone > 0) cli_note("%zu discarded trial(s) were left out: those behind them have lower numbers", im->n_gone);
    if (cli_has(c, "json")) {
        if (cli_summary_json(&s, c->study, &sum, &c->err) != HPO_OK) rc = cli_fail(c);
    } else {
        hpo_str_addf(&s, "study %s in %s: %lld trial%s from %s", sum.name, cli_storage_url(c), (long long)sum.n_trials,
                     hpo_plural(sum.n_trials), path);
        for (int i = 0, n = 0; i < HPO_N_STATES; i++)
            if (sum.n_by_state[i] > 0)
                hpo_str_addf(&s, "%s%lld %s", n++ > 0 ? ", " : ": ", (long long)sum.n_by_state[i],
                             hpo_state_name((hpo_state)i));
    }
    if (rc == CLI_OK && s.failed) rc = cli_fail_memory();
    if (rc == CLI_OK) puts(s.text);
    hpo_str_fini(&s);
    return rc;
}

static const cli_option import_options[] = {
    {"from", 0, "STUDY", "the study in the file; may be left out when it holds only one", 0, NULL},
    {"name", 'n', "NAME", "name of the new study; default: as in the file", 0, NULL},
    CLI_STORAGE_OPTIONS,
    {"sampler", 0, "SPEC", "NAME or NAME:key=value,... for further trials; see `hpo samplers`", 0, "@sampler"},
    {"seed", 0, "N", "seed of the study; default: random, shown and stored", 0, NULL},
    CLI_JSON_OPTION,
};

static int run_import(cli *c)
{
    optuna_study source = {0};
    importer im = {.c = c, .source = &source};
    int64_t seed = 0;
    int rc = cli_expect_args(c, 1, 1);
    if (rc != CLI_OK || (rc = cli_get_int(c, "seed", 0, INT64_MAX, &seed)) != CLI_OK) return rc;
    const char *path = c->args[0];
    if (strncmp(path, "optuna:", 7) == 0) path += 7;
    path = cli_url_path(path);
    if (path == NULL || !hpo_os_exists(path)) return cli_error("there is no file '%s'", path != NULL ? path : c->args[0]);
    optuna_format format = optuna_sniff(path);
    if (format == OPTUNA_NONE)
        return cli_error("'%s' is neither a database (SQLite) nor a journal of Optuna", path);
    hpo_status status = format == OPTUNA_RDB ? optuna_rdb_read(path, cli_get(c, "from", NULL), &source, &c->err)
                                             : optuna_journal_read(path, cli_get(c, "from", NULL), &source, &c->err);
    if (status != HPO_OK) return cli_fail(c);
    if ((rc = cli_open_storage(c, 1)) == CLI_OK) {
        rc = import_study(&im, &c->err) == HPO_OK ? CLI_OK : cli_fail(c);
        if (rc == CLI_OK) rc = print_result(&im, path);
    }
    importer_fini(&im);
    optuna_study_fini(&source);
    return rc;
}

const cli_command cli_import = {
    .name = "import",
    .group = "Study",
    .help = "take over a study of Optuna, from its database or its journal",
    .usage = "FILE [--from STUDY] [-n NAME]",
    .about = "FILE is a SQLite database of Optuna (schema 12: versions 2.4 to 5) or a journal file; which of them, its first "
             "bytes tell. States, values, parameters with their distributions, intermediate values, attributes, times and "
             "constraints are kept; the space, with its conditions, is learned from the trials, so that any sampler can go "
             "on. `hpo export --optuna FILE` is the way back.\n\n"
             "Running trials stay running and are held for ever, as in Optuna; `hpo retry` puts one into the queue.\n\n"
             "  hpo import optuna.db --from mnist -n mnist",
    .words = "@file",
    .options = import_options,
    .n_options = CLI_COUNT(import_options),
    .run = run_import,
};
