/* SPDX-License-Identifier: Apache-2.0 */
/* space/config.c - values of parameters as text and JSON, and back. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "space/json.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

/* ---- out ------------------------------------------------------------------------------------------- */

static const char *item_text(const hpo_param *p, double v)
{
    return p->labels && v >= 0 && v < (double)p->n_labels ? p->labels[(size_t)v] : NULL;
}

static void add_label_json(const hpo_param *p, double v, hpo_str *out)
{
    const char *t = item_text(p, v);
    if (t && p->numbers)
        hpo_str_add(out, t);
    else if (t)
        hpo_str_json(out, t);
    else
        hpo_str_json_double(out, v);
}

void hpo_param_value_json(const hpo_param *p, const double *x, hpo_str *out)
{
    int first = 1;
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        hpo_str_json_double(out, x[0]);
        return;
    case HPO_KIND_BOOL:
        hpo_str_add(out, x[0] != 0 ? "true" : "false");
        return;
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
    case HPO_KIND_CONST:
        add_label_json(p, x[0], out);
        return;
    default:
        break;
    }
    hpo_str_addc(out, '[');
    for (size_t i = 0; i < p->n_columns; i++) {
        if (p->kind == HPO_KIND_SUBSET && x[i] == 0) continue;
        if (!first) hpo_str_addc(out, ',');
        first = 0;
        if (p->kind == HPO_KIND_PERMUTATION)
            add_label_json(p, x[i], out);
        else if (p->kind == HPO_KIND_SUBSET)
            add_label_json(p, (double)i, out);
        else
            hpo_str_json_double(out, x[i]);
    }
    hpo_str_addc(out, ']');
}

void hpo_param_value_text(const hpo_param *p, const double *x, hpo_str *out)
{
    int first = 1;
    for (size_t i = 0; i < p->n_columns; i++) {
        if (p->kind == HPO_KIND_SUBSET && x[i] == 0) continue;
        if (!first) hpo_str_addc(out, ',');
        first = 0;
        const char *t = p->kind == HPO_KIND_SUBSET    ? item_text(p, (double)i)
                        : p->kind == HPO_KIND_SIMPLEX ? NULL
                                                      : item_text(p, x[i]);
        if (p->kind == HPO_KIND_BOOL)
            hpo_str_add(out, x[i] != 0 ? "true" : "false");
        else if (t)
            hpo_str_add(out, t);
        else
            hpo_str_double(out, x[i]);
    }
}

static const char *derived_label(const hpo_space *s, const hpo_expr *e, double v)
{
    if (e->type == HPO_VALUE_TEXT && v >= 0 && v < (double)e->n_texts) return e->texts[(size_t)v];
    if (e->type == HPO_VALUE_LABEL) return item_text(&s->params[e->label_param], v);
    return NULL;
}

hpo_status hpo_space_config_to_json(const hpo_space *s, const double *x, char **out, hpo_error *err)
{
    if (!s || !x || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_str text = {0};
    int first = 1;
    hpo_str_addc(&text, '{');
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_param *p = &s->params[i];
        if (isnan(x[p->column])) continue;
        if (!first) hpo_str_addc(&text, ',');
        first = 0;
        hpo_str_json(&text, p->name);
        hpo_str_addc(&text, ':');
        hpo_param_value_json(p, x + p->column, &text);
    }
    for (size_t i = 0; i < s->n_derived; i++) {
        const hpo_expr *e = s->derived[i].expr;
        if (!e) continue; /* not frozen yet */
        double v = hpo_expr_eval(e, x);
        if (isnan(v)) continue;
        const char *label = derived_label(s, e, v);
        if (!first) hpo_str_addc(&text, ',');
        first = 0;
        hpo_str_json(&text, s->derived[i].name);
        hpo_str_addc(&text, ':');
        if (e->type == HPO_VALUE_LABEL)
            add_label_json(&s->params[e->label_param], v, &text);
        else if (label)
            hpo_str_json(&text, label);
        else if (e->type == HPO_VALUE_TRUTH)
            hpo_str_add(&text, v != 0 ? "true" : "false");
        else
            hpo_str_json_double(&text, v);
    }
    hpo_str_addc(&text, '}');
    hpo_status status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    return status;
}

hpo_status hpo_space_value_text(const hpo_space *s, const double *x, size_t i, char **out, hpo_error *err)
{
    if (!s || !x || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    *out = NULL;
    if (i >= s->n_params)
        return hpo_fail(err, HPO_ENOTFOUND, "parameter %lu: the space has %lu", (unsigned long)i,
                        (unsigned long)s->n_params);
    const hpo_param *p = &s->params[i];
    if (isnan(x[p->column]))
        return hpo_fail(err, HPO_ENOTFOUND, "%s: is inactive in this configuration", p->name);
    hpo_str text = {0};
    hpo_param_value_text(p, x + p->column, &text);
    hpo_status status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    return status;
}

hpo_status hpo_space_derived_text(const hpo_space *s, const double *x, size_t i, const char **name,
                                  char **out, hpo_error *err)
{
    if (!s || !x || !name || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    *out = NULL;
    *name = NULL;
    if (i >= s->n_derived)
        return hpo_fail(err, HPO_ENOTFOUND, "derived value %lu: the space has %lu", (unsigned long)i,
                        (unsigned long)s->n_derived);
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before computing derived values");
    const hpo_expr *e = s->derived[i].expr;
    *name = s->derived[i].name;
    double v = hpo_expr_eval(e, x);
    if (isnan(v)) return hpo_fail(err, HPO_ENOTFOUND, "%s: is not defined for this configuration", *name);
    const char *label = derived_label(s, e, v);
    hpo_str text = {0};
    if (label)
        hpo_str_add(&text, label);
    else if (e->type == HPO_VALUE_TRUTH)
        hpo_str_add(&text, v != 0 ? "true" : "false");
    else
        hpo_str_double(&text, v);
    hpo_status status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    return status;
}

/* ---- checks ---------------------------------------------------------------------------------------- */

static hpo_status check_number(const hpo_param *p, double v, hpo_error *err)
{
    char a[32], b[32], c[32];
    double low = p->low_text ? -HUGE_VAL : p->low, high = p->high_text ? HUGE_VAL : p->high;
    hpo_double_text(v, a);
    if (isnan(v)) return hpo_fail(err, HPO_EINVAL, "%s: not a number", p->name);
    if (v < low || v > high) {
        hpo_double_text(low, b);
        hpo_double_text(high, c);
        return hpo_fail(err, HPO_EINVAL, "%s: %s is outside %s..%s", p->name, a, b, c);
    }
    if (p->kind == HPO_KIND_INT && v != floor(v))
        return hpo_fail(err, HPO_EINVAL, "%s: %s is not a whole number", p->name, a);
    if (p->step == 0 || p->low_text || (p->kind == HPO_KIND_INT && p->step == 1)) return HPO_OK;
    double k = (v - p->low) / p->step;
    if (fabs(k - floor(k + 0.5)) > 1e-6 + fabs(k) * 0x1p-50 && v != p->high) {
        hpo_double_text(p->low, b);
        hpo_double_text(p->step, c);
        return hpo_fail(err, HPO_EINVAL, "%s: %s is not %s plus a multiple of the step %s", p->name, a, b, c);
    }
    return HPO_OK;
}

static hpo_status check_items_of(const hpo_param *p, const double *x, hpo_error *err)
{
    size_t n = p->n_columns, chosen = 0;
    double sum = 0;
    uint8_t seen[HPO_MAX_ITEMS] = {0};
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        if (p->kind == HPO_KIND_VECTOR) {
            HPO_TRY(check_number(p, v, err));
        } else if (p->kind == HPO_KIND_SIMPLEX) {
            if (!(v >= 0 && v <= 1))
                return hpo_fail(err, HPO_EINVAL, "%s: entry %d is not between 0 and 1", p->name, (int)i);
            sum += v;
        } else if (p->kind == HPO_KIND_SUBSET) {
            if (v != 0 && v != 1)
                return hpo_fail(err, HPO_EINVAL, "%s: entry %d must be 0 or 1", p->name, (int)i);
            chosen += v != 0;
        } else {
            if (!(v >= 0 && v < (double)n) || v != floor(v) || seen[(size_t)v])
                return hpo_fail(err, HPO_EINVAL, "%s: every item must stand in exactly one place", p->name);
            seen[(size_t)v] = 1;
        }
    }
    if (p->kind == HPO_KIND_SIMPLEX && !(fabs(sum - 1) <= 1e-9))
        return hpo_fail(err, HPO_EINVAL, "%s: the shares must sum to 1", p->name);
    if (p->kind == HPO_KIND_SUBSET && (chosen < p->min_size || chosen > p->max_size))
        return hpo_fail(err, HPO_EINVAL, "%s: %d items chosen; the size must be %d..%d", p->name, (int)chosen,
                        (int)p->min_size, (int)p->max_size);
    return HPO_OK;
}

hpo_status hpo_param_value_check(const hpo_param *p, const double *x, hpo_error *err)
{
    size_t n = p->kind == HPO_KIND_BOOL ? 2 : p->n_labels;
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        return check_number(p, x[0], err);
    case HPO_KIND_BOOL:
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
    case HPO_KIND_CONST:
        if (x[0] >= 0 && x[0] < (double)n && x[0] == floor(x[0])) return HPO_OK;
        return hpo_fail(err, HPO_EINVAL, "%s: label number out of range; there are %d labels", p->name,
                        (int)n);
    default:
        return check_items_of(p, x, err);
    }
}

/* Checks the value of the program's parameter c against its actual range. */
static hpo_status check_dependent(const hpo_space *s, const hpo_codec *c, const double *x, hpo_error *err)
{
    const hpo_param *p = &s->params[c->param];
    char a[32], b[32], d[32];
    hpo_scalar k;
    double v = x[c->column];
    int ok = hpo_codec_bounds(s, c, x, &k);
    hpo_double_text(v, a);
    if (ok < 0)
        return hpo_fail(err, HPO_EINVAL,
                        "%s: has no range here, because its bounds read an inactive parameter; "
                        "leave it out",
                        p->name);
    if (ok == 0) return hpo_fail(err, HPO_EINVAL, "%s: its range is empty for this configuration", p->name);
    if (v >= k.low && v <= k.high) return HPO_OK;
    hpo_double_text(k.low, b);
    hpo_double_text(k.high, d);
    return hpo_fail(err, HPO_EINVAL, "%s: %s is outside %s..%s", p->name, a, b, d);
}

hpo_status hpo_space_validate(const hpo_space *s, const double *x, hpo_error *err)
{
    if (!s || !x) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before checking configurations");
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        const hpo_param *p = &s->params[c->param];
        const double *v = x + c->column;
        int active = !c->when || hpo_expr_eval(c->when, x) == 1;
        hpo_scalar k;
        if (active && isnan(v[0]) && c->op == HPO_CODEC_BOUNDS && hpo_codec_bounds(s, c, x, &k) < 0) continue;
        if (active && isnan(v[0])) return hpo_fail(err, HPO_EINVAL, "%s: has no value", p->name);
        if (!active && !isnan(v[0]))
            return hpo_fail(err, HPO_EINVAL, "%s: is inactive here ('%s' does not hold); leave it out",
                            p->name, p->when);
        if (!active) continue;
        HPO_TRY(hpo_param_value_check(p, v, err));
        if (c->op == HPO_CODEC_BOUNDS) HPO_TRY(check_dependent(s, c, x, err));
    }
    for (size_t i = 0; i < s->n_constraints; i++)
        if (hpo_expr_eval(s->constraints[i].expr, x) == 0)
            return hpo_fail(err, HPO_EINVAL, "constraint '%s' does not hold", s->constraints[i].text);
    return HPO_OK;
}

/* ---- in -------------------------------------------------------------------------------------------- */

static hpo_status fail_label(const hpo_param *p, const char *text, hpo_error *err)
{
    const char *near = hpo_param_nearest_label(p, text);
    if (near)
        return hpo_fail(err, HPO_EINVAL, "%s: no label '%.60s'; did you mean '%s'?", p->name, text, near);
    return hpo_fail(err, HPO_EINVAL, "%s: no label '%.60s'; the labels begin with '%s'", p->name, text,
                    p->labels ? p->labels[0] : "");
}

/* The index of an item or label given as text; numbers match by value. */
static hpo_status read_item(const hpo_param *p, const char *text, double *out, hpo_error *err)
{
    double v;
    int64_t i = p->labels ? hpo_param_find_label(p, text, strlen(text)) : -1;
    int is_number = hpo_parse_double(text, &v);
    if (i < 0 && p->numbers && is_number)
        for (size_t k = 0; k < p->n_labels; k++)
            if (p->numbers[k] == v) i = (int64_t)k;
    if (i < 0 && !p->labels && is_number && v >= 0 && v < (double)p->n_items && v == floor(v)) i = (int64_t)v;
    if (i < 0) return fail_label(p, text, err);
    *out = (double)i;
    return HPO_OK;
}

static hpo_status read_scalar(const hpo_param *p, const char *text, double *out, hpo_error *err)
{
    if (p->kind == HPO_KIND_BOOL) {
        int yes = !strcmp(text, "true") || !strcmp(text, "True") || !strcmp(text, "1");
        int no = !strcmp(text, "false") || !strcmp(text, "False") || !strcmp(text, "0");
        if (!yes && !no)
            return hpo_fail(err, HPO_EINVAL, "%s: '%.60s' is neither true nor false", p->name, text);
        *out = yes;
        return HPO_OK;
    }
    if (p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR ||
        p->kind == HPO_KIND_SIMPLEX) {
        if (hpo_parse_double(text, out)) return HPO_OK;
        return hpo_fail(err, HPO_EINVAL, "%s: '%.60s' is not a number", p->name, text);
    }
    return read_item(p, text, out, err);
}

/* Entry number i of a parameter with several. */
static hpo_status put_entry(const hpo_param *p, const char *text, size_t i, double *x, hpo_error *err)
{
    double v = 0;
    if (i >= p->n_columns)
        return hpo_fail(err, HPO_EINVAL, "%s: more than %d entries", p->name, (int)p->n_columns);
    HPO_TRY(read_scalar(p, text, &v, err));
    if (p->kind == HPO_KIND_SUBSET)
        x[(size_t)v] = 1;
    else
        x[i] = v;
    return HPO_OK;
}

static hpo_status end_entries(const hpo_param *p, size_t n, hpo_error *err)
{
    if (p->kind == HPO_KIND_SUBSET || n == p->n_columns) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL, "%s: %d entries; %d are needed", p->name, (int)n, (int)p->n_columns);
}

static int has_entries(const hpo_param *p)
{
    return p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET ||
           p->kind == HPO_KIND_VECTOR;
}

/* The next entry of "a,'b c',d" into out (n + 1 bytes); behind it. */
static const char *next_entry(const char *c, char *out)
{
    while (*c == ' ')
        c++;
    if (*c == '\'' || *c == '"') {
        char q = *c++;
        while (*c && *c != q) {
            if (*c == '\\' && c[1]) c++;
            *out++ = *c++;
        }
        if (*c) c++;
        while (*c && *c != ',')
            c++;
    } else {
        while (*c && *c != ',')
            *out++ = *c++;
    }
    *out = 0;
    return c;
}

hpo_status hpo_param_value_parse(const hpo_param *p, const char *text, double *x, hpo_error *err)
{
    if (!has_entries(p)) {
        HPO_TRY(read_scalar(p, text, x, err));
        return hpo_param_value_check(p, x, err);
    }
    char *entry = hpo_alloc(strlen(text) + 1);
    hpo_status status = entry ? HPO_OK : hpo_fail_memory(err);
    size_t n = 0;
    for (size_t i = 0; i < p->n_columns; i++)
        x[i] = 0;
    for (const char *c = text; status == HPO_OK && *c;) {
        c = next_entry(c, entry);
        if (*c == ',') c++;
        status = put_entry(p, entry, n++, x, err);
    }
    hpo_free(entry);
    if (status == HPO_OK) status = end_entries(p, n, err);
    return status == HPO_OK ? hpo_param_value_check(p, x, err) : status;
}

hpo_status hpo_param_value_from_json(const hpo_param *p, struct json_object *v, double *x, hpo_error *err)
{
    if (json_object_is_type(v, json_type_object) ||
        (json_object_is_type(v, json_type_array) && !has_entries(p)))
        return hpo_fail(err, HPO_EINVAL, "%s: %s is not a value of a %s", p->name, json_object_get_string(v),
                        hpo_kind_name(p->kind));
    if (json_object_is_type(v, json_type_boolean) && p->kind != HPO_KIND_BOOL && !p->labels)
        return hpo_fail(err, HPO_EINVAL, "%s: true and false are not numbers", p->name);
    if (!json_object_is_type(v, json_type_array)) {
        char number[32];
        const char *text = json_object_get_string(v);
        if (json_object_is_type(v, json_type_double)) {
            hpo_double_text(json_object_get_double(v), number);
            /* A label is matched by its own spelling first. */
            if (!p->labels || hpo_param_find_label(p, text, strlen(text)) < 0) text = number;
        }
        return hpo_param_value_parse(p, text ? text : "", x, err);
    }
    size_t n = json_object_array_length(v);
    for (size_t i = 0; i < p->n_columns; i++)
        x[i] = 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *e = json_object_array_get_idx(v, i);
        const char *text = e ? json_object_get_string(e) : "null";
        if (json_object_is_type(e, json_type_array) || json_object_is_type(e, json_type_object) || !text)
            return hpo_fail(err, HPO_EINVAL, "%s: entry %d is not a single value", p->name, (int)i);
        HPO_TRY(put_entry(p, text, i, x, err));
    }
    HPO_TRY(end_entries(p, n, err));
    return hpo_param_value_check(p, x, err);
}

static hpo_status check_config_keys(const hpo_space *s, struct json_object *o, hpo_error *err)
{
    struct json_object_iterator it = json_object_iter_begin(o), end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *name = json_object_iter_peek_name(&it);
        if (hpo_map_get(&s->names, name, -1) != -1) continue;
        const char *near = hpo_space_nearest_name(s, name);
        if (near)
            return hpo_fail(err, HPO_EINVAL, "%.60s: unknown parameter; did you mean '%s'?", name, near);
        return hpo_fail(err, HPO_EINVAL, "%.60s: unknown parameter; leave it out", name);
    }
    return HPO_OK;
}

static hpo_status read_config(const hpo_space *s, struct json_object *o, double *x, hpo_error *err)
{
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "a configuration is a JSON object, e.g. {\"lr\":0.1}");
    HPO_TRY(check_config_keys(s, o, err));
    for (size_t i = 0; i < s->n_columns; i++)
        x[i] = HPO_UNKNOWN;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_codec *c = &s->program[i];
        const hpo_param *p = &s->params[c->param];
        struct json_object *v = NULL;
        int given = json_object_object_get_ex(o, p->name, &v) && v != NULL;
        int active = !c->when || hpo_expr_eval(c->when, x) == 1;
        if (given && !active)
            return hpo_fail(err, HPO_EINVAL, "%s: is inactive here ('%s' does not hold); leave it out",
                            p->name, p->when);
        if (given)
            HPO_TRY(hpo_param_value_from_json(p, v, x + c->column, err));
        else if (active)
            hpo_codec_default(s, c, x);
    }
    return hpo_space_validate(s, x, err);
}

hpo_status hpo_space_config_from_json(const hpo_space *s, const char *json, double *x, hpo_error *err)
{
    if (!s || !json || !x) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    struct json_object *o = NULL;
    if (!s->frozen) return hpo_fail(err, HPO_ESTATE, "freeze the space before reading configurations");
    HPO_TRY(hpo_json_parse(json, strlen(json), "configuration", &o, err));
    hpo_status status = read_config(s, o, x, err);
    json_object_put(o);
    return status;
}
