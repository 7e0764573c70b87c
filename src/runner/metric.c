/* SPDX-License-Identifier: Apache-2.0 */
/* runner/metric.c - gathering what a program writes.  See metric.h and docs/program-contract.md.
 *
 * A line is a report when it is one JSON object and (on standard output) names an objective, an outcome
 * or a reserved key.  Everything else is ordinary output, matched against the capture rules. */
#include "runner/metric.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "runner/metric_rule.h"
#include "runner/placeholder.h"

/* ---- rules --------------------------------------------------------------------------------------- */

void hpo_metrics_init(hpo_metrics *m, const hpo_space *space, const hpo_objective *objectives,
                      size_t n_objectives, const hpo_outcome *outcomes, size_t n_outcomes)
{
    *m = (hpo_metrics){.space = space,
                       .objectives = objectives,
                       .n_objectives = n_objectives,
                       .outcomes = outcomes,
                       .n_outcomes = n_outcomes};
}

static int32_t find_objective(const hpo_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n_objectives; i++)
        if (!strcmp(m->objectives[i].name, name)) return (int32_t)i;
    return -1;
}

static int32_t find_outcome(const hpo_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->n_outcomes; i++)
        if (!strcmp(m->outcomes[i].name, name)) return (int32_t)i;
    return -1;
}

size_t hpo_metric_name(const char *rule)
{
    size_t n = hpo_placeholder_name(rule);
    return rule[n] == '=' ? n : 0;
}

/* Takes NAME= off the rule and finds whose value it gives. */
static hpo_status begin_rule(hpo_metrics *m, const char **rule, hpo_rule *r, hpo_error *err)
{
    size_t n = hpo_metric_name(*rule);
    *r = (hpo_rule){.objective = -1, .outcome = -1};
    if (!n) {
        if (m->n_objectives != 1)
            return hpo_fail(err, HPO_EINVAL, "metric '%.200s': with %zu objectives say which: '%s=%.200s'",
                            *rule, m->n_objectives, m->objectives[0].name, *rule);
        r->name = hpo_strdup(m->objectives[0].name);
    } else {
        r->name = hpo_strndup(*rule, n);
        *rule += n + 1;
    }
    if (!r->name) return hpo_fail_memory(err);
    r->objective = find_objective(m, r->name);
    r->outcome = find_outcome(m, r->name);
    return HPO_OK;
}

static hpo_status add_rule(hpo_metrics *m, hpo_rule *r, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&m->rules, &m->cap_rules, m->n_rules + 1, sizeof *m->rules, err));
    m->rules[m->n_rules++] = *r;
    m->has_pattern |= r->kind == HPO_RULE_PATTERN || r->kind == HPO_RULE_REGEX;
    m->has_last |= r->kind == HPO_RULE_LAST;
    m->has_exit |= r->kind == HPO_RULE_EXIT;
    return HPO_OK;
}

hpo_status hpo_metrics_add(hpo_metrics *m, const char *rule, hpo_error *err)
{
    hpo_rule r;
    hpo_status rc = begin_rule(m, &rule, &r, err);
    if (rc == HPO_OK) rc = hpo_rule_parse(&r, rule, err);
    if (rc == HPO_OK) rc = add_rule(m, &r, err);
    if (rc != HPO_OK) hpo_rule_fini(&r);
    return rc;
}

hpo_status hpo_metrics_add_file(hpo_metrics *m, const char *rule, hpo_error *err)
{
    hpo_rule r;
    const char *colon;
    hpo_status rc = begin_rule(m, &rule, &r, err);
    if (rc != HPO_OK) goto done;
    r.kind = HPO_RULE_FILE;
    colon = strrchr(rule, ':');
    if (!rule[0] || colon == rule) {
        rc =
            hpo_fail(err, HPO_EINVAL, "metric file '%.200s': give FILE:KEY, as in 'out.json:val.loss'", rule);
        goto done;
    }
    r.path = colon ? hpo_strndup(rule, (size_t)(colon - rule)) : hpo_strdup(rule);
    r.key = hpo_strdup(colon ? colon + 1 : r.name);
    rc = r.path && r.key ? add_rule(m, &r, err) : hpo_fail_memory(err);
done:
    if (rc != HPO_OK) hpo_rule_fini(&r);
    return rc;
}

const char *hpo_metrics_file(const hpo_metrics *m, size_t i, const char **key)
{
    if (m->rules[i].kind != HPO_RULE_FILE) return NULL;
    *key = m->rules[i].key;
    return m->rules[i].path;
}

void hpo_metrics_fini(hpo_metrics *m)
{
    for (size_t i = 0; i < m->n_rules; i++)
        hpo_rule_fini(&m->rules[i]);
    hpo_free(m->rules);
    *m = (hpo_metrics){0};
}

/* ---- one trial ------------------------------------------------------------------------------------ */

static double *nan_array(size_t n)
{
    double *a = hpo_alloc_array(n ? n : 1, sizeof *a);
    for (size_t i = 0; a && i < n; i++)
        a[i] = (double)NAN;
    return a;
}

hpo_status hpo_capture_init(hpo_capture *c, const hpo_metrics *m, hpo_error *err)
{
    *c = (hpo_capture){.m = m};
    c->values = nan_array(m->n_objectives);
    c->sems = nan_array(m->n_objectives);
    c->scratch = nan_array(m->n_objectives);
    c->outcomes = nan_array(m->n_outcomes);
    c->gradient = nan_array(hpo_space_n_columns(m->space));
    c->seen = hpo_calloc(m->n_objectives ? m->n_objectives : 1, 1);
    c->tokener = json_tokener_new();
    if (!c->values || !c->sems || !c->scratch || !c->outcomes || !c->gradient || !c->seen || !c->tokener) {
        hpo_capture_fini(c);
        return hpo_fail_memory(err);
    }
    return HPO_OK;
}

void hpo_capture_fini(hpo_capture *c)
{
    for (size_t i = 0; i < c->n_folds; i++)
        hpo_free(c->folds[i].values);
    for (size_t i = 0; i < HPO_N_STREAMS; i++)
        hpo_str_fini(&c->lines[i].text);
    hpo_free(c->folds);
    hpo_str_fini(&c->last);
    hpo_free(c->values);
    hpo_free(c->sems);
    hpo_free(c->scratch);
    hpo_free(c->outcomes);
    hpo_free(c->gradient);
    hpo_free(c->seen);
    if (c->extra) json_object_put(c->extra);
    if (c->tokener) json_tokener_free(c->tokener);
    *c = (hpo_capture){0};
}

/* The last values of one fold, made when new; NULL: no memory, or too many folds. */
static double *fold_values(hpo_capture *c, int32_t fold)
{
    for (size_t i = c->n_folds; i-- > 0;)
        if (c->folds[i].fold == fold) return c->folds[i].values;
    if (c->n_folds >= HPO_MAX_FOLDS ||
        hpo_reserve(&c->folds, &c->cap_folds, c->n_folds + 1, sizeof *c->folds, NULL) != HPO_OK)
        return NULL;
    double *values = nan_array(c->m->n_objectives);
    if (values) c->folds[c->n_folds++] = (hpo_fold){fold, values};
    return values;
}

static void set_value(hpo_capture *c, const hpo_rule *r, double v)
{
    if (r->objective >= 0) {
        c->values[r->objective] = v;
        c->seen[r->objective] = 1;
    } else if (r->outcome >= 0) {
        c->outcomes[r->outcome] = v;
        c->has_outcome = 1;
    } else {
        if (!c->extra) c->extra = json_object_new_object();
        struct json_object *number = json_object_new_double(v);
        if (!c->extra || !number || json_object_object_add(c->extra, r->name, number) != 0) {
            json_object_put(number);
            c->status = HPO_ENOMEM;
        }
    }
}

/* A number, also as text ("nan", "inf": JSON has no such numbers, some writers quote them). */
static int number_of(struct json_object *o, double *v)
{
    if (json_object_is_type(o, json_type_double) || json_object_is_type(o, json_type_int)) {
        *v = json_object_get_double(o);
        return 1;
    }
    if (json_object_is_type(o, json_type_string)) return hpo_parse_double(json_object_get_string(o), v);
    if (!o) {
        *v = (double)NAN;
        return 1;
    }
    return 0;
}

static const char *const reserved[] = {"_cost", "_sem",    "_constraint", "_grad",
                                       "_fold", "_status", "_reason",     "_artifact"};

static int is_reserved(const char *key)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (!strcmp(reserved[i], key)) return 1;
    return 0;
}

/* Does this object concern us: a line of standard output that does not is ordinary output. */
static int concerns(const hpo_metrics *m, struct json_object *o)
{
    json_object_object_foreach(o, key, value)
    {
        (void)value;
        if (key[0] == '_' ? is_reserved(key) : find_objective(m, key) >= 0 || find_outcome(m, key) >= 0)
            return 1;
    }
    return 0;
}

static void read_sem(hpo_capture *c, struct json_object *o)
{
    double v;
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            int32_t i = find_objective(c->m, key);
            if (i >= 0 && number_of(value, &v)) c->sems[i] = v, c->has_sem = 1;
        }
    } else if (c->m->n_objectives == 1 && number_of(o, &v)) {
        c->sems[0] = v;
        c->has_sem = 1;
    }
}

/* _constraint holds slack: feasible when at most 0, whatever the outcome's own maximum is. */
static void read_constraint(hpo_capture *c, struct json_object *o)
{
    double v;
    if (!json_object_is_type(o, json_type_object)) {
        if (c->m->n_outcomes == 1 && number_of(o, &v))
            c->outcomes[0] = v + c->m->outcomes[0].max, c->has_outcome = 1;
        return;
    }
    json_object_object_foreach(o, key, value)
    {
        int32_t i = find_outcome(c->m, key);
        if (i >= 0 && number_of(value, &v)) c->outcomes[i] = v + c->m->outcomes[i].max, c->has_outcome = 1;
    }
}

static void read_gradient(hpo_capture *c, struct json_object *o)
{
    if (!json_object_is_type(o, json_type_object)) return;
    json_object_object_foreach(o, key, value)
    {
        hpo_param_info p = {.size = sizeof p};
        int64_t i = hpo_space_find(c->m->space, key);
        double v;
        if (i < 0 || hpo_space_param(c->m->space, (size_t)i, &p, NULL) != HPO_OK) continue;
        if (p.n_columns == 1 && number_of(value, &v)) {
            c->gradient[p.column] = v;
            c->has_gradient = 1;
        } else if (json_object_is_type(value, json_type_array) &&
                   json_object_array_length(value) == p.n_columns) {
            for (size_t j = 0; j < p.n_columns; j++)
                if (number_of(json_object_array_get_idx(value, j), &v))
                    c->gradient[p.column + j] = v, c->has_gradient = 1;
        }
    }
}

static void read_status(hpo_capture *c, struct json_object *o)
{
    static const char *const words[] = {"", "done", "fail", "infeasible", "preempted"};
    const char *text = json_object_is_type(o, json_type_string) ? json_object_get_string(o) : "";
    for (int i = HPO_SAID_DONE; i <= HPO_SAID_PREEMPTED; i++)
        if (!strcmp(text, words[i])) c->said = (hpo_said)i;
    if (!strcmp(text, "failed")) c->said = HPO_SAID_FAIL;
}

static void read_reason(hpo_capture *c, struct json_object *o)
{
    const char *text = json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
    size_t n = 0;
    if (!text) return;
    for (; text[n] && n + 1 < sizeof c->reason; n++)
        c->reason[n] = (unsigned char)text[n] < ' ' ? ' ' : text[n];
    while (n && ((unsigned char)text[n] & 0xC0u) == 0x80u)
        n--; /* not in the middle of a character */
    c->reason[n] = '\0';
}

typedef struct object_facts {
    double step, cost;
    int32_t fold;
    int has_step, has_objective;
} object_facts;

/* First pass: what applies to the whole line. */
static void read_facts(hpo_capture *c, struct json_object *o, object_facts *f)
{
    struct json_object *v;
    double d;
    *f = (object_facts){.step = (double)NAN, .fold = -1};
    if (json_object_object_get_ex(o, "step", &v) && find_objective(c->m, "step") < 0 && number_of(v, &d) &&
        !isnan(d)) {
        f->step = d;
        f->has_step = 1;
    }
    if (json_object_object_get_ex(o, "_fold", &v) && number_of(v, &d) && d >= 0 && d < 2147483647.0)
        f->fold = (int32_t)d;
    if (json_object_object_get_ex(o, "_cost", &v) && number_of(v, &d) && d >= 0 && isfinite(d)) {
        f->cost = d;
        c->cost += d;
        c->has_cost = 1;
    }
    if (json_object_object_get_ex(o, "_sem", &v)) read_sem(c, v);
    if (json_object_object_get_ex(o, "_constraint", &v)) read_constraint(c, v);
    if (json_object_object_get_ex(o, "_grad", &v)) read_gradient(c, v);
    if (json_object_object_get_ex(o, "_status", &v)) read_status(c, v);
    if (json_object_object_get_ex(o, "_reason", &v)) read_reason(c, v);
    for (size_t i = 0; i < c->m->n_objectives; i++)
        c->scratch[i] = (double)NAN;
}

/* Objectives and outcomes of the line go where they belong and leave the object; the rest is metrics. */
static void take_values(hpo_capture *c, struct json_object *o, object_facts *f)
{
    double *fold = f->fold >= 0 ? fold_values(c, f->fold) : NULL;
    double v;
    for (size_t i = 0; i < c->m->n_objectives; i++) {
        struct json_object *value;
        const char *name = c->m->objectives[i].name;
        if (!json_object_object_get_ex(o, name, &value) || !number_of(value, &v)) continue;
        c->scratch[i] = v;
        f->has_objective = 1;
        if (fold) {
            fold[i] = v;
        } else {
            c->values[i] = v;
            c->seen[i] = 1;
        }
        json_object_object_del(o, name);
    }
    for (size_t i = 0; i < c->m->n_outcomes; i++) {
        struct json_object *value;
        const char *name = c->m->outcomes[i].name;
        if (!json_object_object_get_ex(o, name, &value) || !number_of(value, &v)) continue;
        c->outcomes[i] = v;
        c->has_outcome = 1;
        json_object_object_del(o, name);
    }
    if (f->has_step) json_object_object_del(o, "step");
    for (size_t i = 0; i + 1 < sizeof reserved / sizeof reserved[0]; i++)
        json_object_object_del(o, reserved[i]);
}

/* Further metrics of a trial: the last value of each key, as long as the whole stays small. */
static void keep_extra(hpo_capture *c, struct json_object *o)
{
    if (json_object_object_length(o) == 0) return;
    if (!c->extra) c->extra = json_object_new_object();
    if (!c->extra) {
        c->status = HPO_ENOMEM;
        return;
    }
    json_object_object_foreach(o, key, value)
    {
        if (json_object_object_length(c->extra) >= 1000 && !json_object_object_get_ex(c->extra, key, NULL))
            continue;
        if (json_object_object_add(c->extra, key, json_object_get(value)) != 0) {
            json_object_put(value);
            c->status = HPO_ENOMEM;
        }
    }
}

static void take_object(hpo_capture *c, struct json_object *o, hpo_report_fn report, void *ctx)
{
    object_facts f;
    read_facts(c, o, &f);
    take_values(c, o, &f);
    keep_extra(c, o);
    if (!f.has_step && !(f.fold >= 0 && f.has_objective)) return;
    hpo_report r = hpo_report_init();
    r.step = f.has_step ? f.step : (double)f.fold;
    r.values = c->scratch;
    r.n_values = c->m->n_objectives;
    r.fold = f.fold;
    r.cost = f.cost;
    if (json_object_object_length(o) > 0) {
        size_t n;
        r.metrics = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &n);
        if (n > HPO_MAX_EXTRA) r.metrics = NULL;
    }
    c->n_reports++;
    report(ctx, &r);
}

/* The line as one JSON object, or NULL. */
static struct json_object *line_object(hpo_capture *c, const char *line, size_t n)
{
    size_t first = strspn(line, " \t");
    while (n > first && strchr(" \t\r", line[n - 1]))
        n--;
    if (n < first + 2 || line[first] != '{' || line[n - 1] != '}' || memchr(line, '\0', n)) return NULL;
    json_tokener_reset(c->tokener);
    struct json_object *o = json_tokener_parse_ex(c->tokener, line + first, (int)(n - first));
    int whole = json_tokener_get_error(c->tokener) == json_tokener_success &&
                json_tokener_get_parse_end(c->tokener) == n - first;
    if (whole && json_object_is_type(o, json_type_object)) return o;
    json_object_put(o);
    return NULL;
}

static void match_rules(hpo_capture *c, const char *line, hpo_report_fn report, void *ctx)
{
    for (size_t i = 0; i < c->m->n_rules; i++) {
        const hpo_rule *rule = &c->m->rules[i];
        double value;
        double step;
        if (!hpo_rule_match(rule, line, &value, &step)) continue;
        set_value(c, rule, value);
        if (isnan(step) || rule->objective < 0) continue;
        hpo_report r = hpo_report_init();
        for (size_t j = 0; j < c->m->n_objectives; j++)
            c->scratch[j] = (double)NAN;
        c->scratch[rule->objective] = value;
        r.step = step;
        r.values = c->scratch;
        r.n_values = c->m->n_objectives;
        c->n_reports++;
        report(ctx, &r);
    }
}

static void take_line(hpo_capture *c, hpo_stream stream, hpo_line *l, hpo_report_fn report, void *ctx)
{
    char *line = l->text.text;
    size_t n = l->text.len;
    if (!n) return;
    if (stream != HPO_STREAM_ERR && !l->too_long) {
        struct json_object *o = line_object(c, line, n);
        if (o) {
            int ours = stream == HPO_STREAM_METRICS || concerns(c->m, o);
            if (ours) take_object(c, o, report, ctx);
            json_object_put(o);
            if (ours) return;
        }
    }
    if (stream == HPO_STREAM_METRICS) return;
    if (c->m->has_pattern) {
        /* A progress bar rewrites its line: each state is looked at. */
        char *end = line + n;
        for (char *p = line; p < end;) {
            char *cut = memchr(p, '\r', (size_t)(end - p));
            if (cut) *cut = '\0';
            match_rules(c, p, report, ctx);
            p = cut ? cut + 1 : end;
        }
    }
    if (c->m->has_last && stream == HPO_STREAM_OUT && strpbrk(line, "0123456789")) {
        hpo_str_clear(&c->last);
        hpo_str_addn(&c->last, line, strlen(line));
    }
}

void hpo_capture_feed(hpo_capture *c, hpo_stream stream, const char *data, size_t n, hpo_report_fn report,
                      void *ctx)
{
    hpo_line *l = &c->lines[stream];
    if (stream == HPO_STREAM_ERR && !c->m->has_pattern) return;
    while (n) {
        const char *newline = memchr(data, '\n', n);
        size_t part = newline ? (size_t)(newline - data) : n;
        size_t room = HPO_MAX_LINE - l->text.len;
        hpo_str_addn(&l->text, data, part < room ? part : room);
        if (part > room) l->too_long = 1;
        if (l->text.failed) c->status = HPO_ENOMEM;
        if (!newline) return;
        take_line(c, stream, l, report, ctx);
        hpo_str_clear(&l->text);
        l->too_long = 0;
        data += part + 1;
        n -= part + 1;
    }
}

/* a.b.0.c in a tree; a negative index counts from the end. */
static struct json_object *walk(struct json_object *o, const char *key)
{
    while (o && *key) {
        char part[256];
        size_t n = strcspn(key, ".");
        int64_t i;
        struct json_object *child = NULL;
        if (n >= sizeof part) return NULL;
        memcpy(part, key, n);
        part[n] = '\0';
        if (json_object_is_type(o, json_type_object)) {
            json_object_object_get_ex(o, part, &child);
        } else if (json_object_is_type(o, json_type_array) && hpo_parse_int(part, &i)) {
            int64_t len = (int64_t)json_object_array_length(o);
            if (i < 0) i += len;
            if (i >= 0 && i < len) child = json_object_array_get_idx(o, (size_t)i);
        }
        o = child;
        key += n;
        if (*key == '.') key++;
    }
    return o;
}

hpo_status hpo_capture_file(hpo_capture *c, size_t i, const char *text, size_t n, hpo_error *err)
{
    const hpo_rule *r = &c->m->rules[i];
    struct json_object *root = NULL;
    double v;
    HPO_TRY(hpo_document_parse(text, n, r->path, &root, err));
    struct json_object *leaf = walk(root, r->key);
    hpo_status rc = HPO_OK;
    if (leaf && number_of(leaf, &v))
        set_value(c, r, v);
    else
        rc = hpo_fail(err, HPO_ENOTFOUND, "metric file '%s': no number at '%s'", r->path, r->key);
    json_object_put(root);
    return rc;
}

/* An objective that came by folds only is their mean; its standard error follows from their spread. */
static void mean_over_folds(hpo_capture *c)
{
    for (size_t j = 0; j < c->m->n_objectives; j++) {
        double sum = 0;
        double square = 0;
        double n = 0;
        if (c->seen[j]) continue;
        for (size_t i = 0; i < c->n_folds; i++)
            if (!isnan(c->folds[i].values[j])) sum += c->folds[i].values[j], n++;
        if (n == 0) continue;
        c->values[j] = sum / n;
        c->seen[j] = 1;
        if (n < 2 || !isnan(c->sems[j])) continue;
        for (size_t i = 0; i < c->n_folds; i++) {
            double d = c->folds[i].values[j] - c->values[j];
            if (!isnan(d)) square += d * d;
        }
        c->sems[j] = sqrt(square / (n - 1) / n);
        c->has_sem = 1;
    }
}

void hpo_capture_end(hpo_capture *c, int exit_code, double seconds, hpo_report_fn report, void *ctx)
{
    for (int s = 0; s < HPO_N_STREAMS; s++) {
        take_line(c, (hpo_stream)s, &c->lines[s], report, ctx);
        hpo_str_clear(&c->lines[s].text);
    }
    for (size_t i = 0; i < c->m->n_rules; i++) {
        const hpo_rule *r = &c->m->rules[i];
        double v;
        if (r->kind == HPO_RULE_LAST && c->last.text && hpo_last_number(c->last.text, &v)) set_value(c, r, v);
        if (r->kind == HPO_RULE_EXIT && exit_code >= 0) set_value(c, r, exit_code);
        if (r->kind == HPO_RULE_TIME) set_value(c, r, seconds);
    }
    mean_over_folds(c);
}

const char *hpo_capture_missing(const hpo_capture *c)
{
    for (size_t i = 0; i < c->m->n_objectives; i++)
        if (!c->seen[i]) return c->m->objectives[i].name;
    return NULL;
}

int hpo_capture_complete(const hpo_capture *c)
{
    return hpo_capture_missing(c) == NULL;
}
