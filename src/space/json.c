/* SPDX-License-Identifier: Apache-2.0 */
/* space/json.c - the space as a document (docs/space.schema.json), out and in. */
#include "space/json.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

/* ---- out ------------------------------------------------------------------------------------------- */

static void key(hpo_str *out, const char *name)
{
    if (out->len && out->text[out->len - 1] != '{') hpo_str_addc(out, ',');
    hpo_str_json(out, name);
    hpo_str_addc(out, ':');
}

static void put_bound(hpo_str *out, const char *expr, double v)
{
    if (expr)
        hpo_str_json(out, expr);
    else
        hpo_str_json_double(out, v);
}

static void put_range(hpo_str *out, const hpo_param *p)
{
    key(out, "range");
    hpo_str_addc(out, '[');
    put_bound(out, p->low_text, p->low);
    hpo_str_addc(out, ',');
    put_bound(out, p->high_text, p->high);
    hpo_str_addc(out, ']');
    if (p->scale != HPO_SCALE_LINEAR) {
        key(out, "scale");
        hpo_str_json(out, hpo_scale_name(p->scale));
    }
    if (p->step != 0 && !(p->kind == HPO_KIND_INT && p->step == 1)) {
        key(out, "step");
        hpo_str_json_double(out, p->step);
    }
}

static void put_labels(hpo_str *out, const char *name, const hpo_param *p)
{
    key(out, name);
    hpo_str_addc(out, '[');
    for (size_t i = 0; i < p->n_labels; i++) {
        if (i) hpo_str_addc(out, ',');
        if (p->numbers)
            hpo_str_add(out, p->labels[i]);
        else
            hpo_str_json(out, p->labels[i]);
    }
    hpo_str_addc(out, ']');
}

static void put_prior(hpo_str *out, const hpo_param *p)
{
    static const char *const words[] = {"low", "medium", "high"};
    switch (p->prior) {
    case HPO_PRIOR_NONE:
        return;
    case HPO_PRIOR_CENTER:
        key(out, "prior");
        hpo_str_add(out, "{\"center\":");
        if (p->labels && !p->numbers)
            hpo_str_json(out, p->prior_text);
        else if (p->kind == HPO_KIND_BOOL)
            hpo_str_add(out, p->prior_a != 0 ? "true" : "false");
        else if (p->labels)
            hpo_str_add(out, p->labels[(size_t)p->prior_a]);
        else
            hpo_str_json_double(out, p->prior_a);
        hpo_str_addf(out, ",\"confidence\":\"%s\"}", words[p->confidence]);
        return;
    case HPO_PRIOR_NORMAL:
    case HPO_PRIOR_BETA:
        key(out, "prior");
        hpo_str_add(out, p->prior == HPO_PRIOR_NORMAL ? "{\"normal\":[" : "{\"beta\":[");
        hpo_str_json_double(out, p->prior_a);
        hpo_str_addc(out, ',');
        hpo_str_json_double(out, p->prior_b);
        hpo_str_add(out, "]}");
        return;
    case HPO_PRIOR_WEIGHTS:
        key(out, "weights");
        hpo_str_addc(out, '[');
        for (size_t i = 0; i < p->n_weights; i++) {
            if (i) hpo_str_addc(out, ',');
            hpo_str_json_double(out, p->weights[i]);
        }
        hpo_str_addc(out, ']');
        return;
    }
}

static void put_param(hpo_str *out, const hpo_param *p)
{
    hpo_str_addf(out, "{\"type\":\"%s\"", hpo_kind_name(p->kind));
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        put_range(out, p);
        break;
    case HPO_KIND_VECTOR:
        key(out, "n");
        hpo_str_int(out, (int64_t)p->n_items);
        put_range(out, p);
        break;
    case HPO_KIND_CONST:
        key(out, "value");
        if (p->numbers)
            hpo_str_add(out, p->labels[0]);
        else
            hpo_str_json(out, p->labels[0]);
        break;
    case HPO_KIND_BOOL:
        break;
    default:
        if (p->n_labels) {
            put_labels(out, "values", p);
        } else {
            key(out, "n");
            hpo_str_int(out, (int64_t)p->n_items);
        }
        break;
    }
    if (p->kind == HPO_KIND_SUBSET && (p->min_size != 0 || p->max_size != p->n_items)) {
        key(out, "size");
        hpo_str_addf(out, "[%d,%d]", (int)p->min_size, (int)p->max_size);
    }
    if (p->is_fidelity) {
        key(out, "fidelity");
        hpo_str_add(out, "true");
    }
    if (p->is_resumable) {
        key(out, "resumable");
        hpo_str_add(out, "true");
    }
    if (p->fallback) {
        key(out, "default");
        hpo_param_value_json(p, p->fallback, out);
    }
    put_prior(out, p);
    if (p->when) {
        key(out, "when");
        hpo_str_json(out, p->when);
    }
    hpo_str_addc(out, '}');
}

hpo_status hpo_space_to_json(const hpo_space *s, char **out, hpo_error *err)
{
    if (!s || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_str text = {0};
    hpo_str_add(&text, "{\"params\":{");
    for (size_t i = 0; i < s->n_params; i++) {
        key(&text, s->params[i].name);
        put_param(&text, &s->params[i]);
    }
    hpo_str_addc(&text, '}');
    for (size_t i = 0; i < s->n_constraints; i++) {
        hpo_str_add(&text, i ? "," : ",\"constraints\":[");
        hpo_str_json(&text, s->constraints[i].text);
    }
    if (s->n_constraints) hpo_str_addc(&text, ']');
    if (s->n_derived) hpo_str_add(&text, ",\"derived\":{");
    for (size_t i = 0; i < s->n_derived; i++) {
        key(&text, s->derived[i].name);
        hpo_str_json(&text, s->derived[i].text);
    }
    if (s->n_derived) hpo_str_addc(&text, '}');
    hpo_str_addc(&text, '}');
    hpo_status status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    return status;
}

/* ---- in -------------------------------------------------------------------------------------------- */

/* Keeps a text of the document. */
static hpo_status keep(char **place, const char *text, hpo_error *err)
{
    hpo_free(*place);
    *place = hpo_strdup(text);
    return *place ? HPO_OK : hpo_fail_memory(err);
}

/* The text of a scalar.  json-c keeps a double as it was written ("1.0"); one made by a YAML reader has
 * 17 digits, which the shortest text replaces. */
static const char *scalar_text(struct json_object *v, char number[32])
{
    const char *text = json_object_get_string(v);
    if (!json_object_is_type(v, json_type_double) || !text || strlen(text) <= 15) return text ? text : "";
    hpo_double_text(json_object_get_double(v), number);
    return number;
}

static hpo_status read_kind(hpo_param *p, const char *type, hpo_error *err)
{
    static const struct {
        const char *word;
        hpo_kind kind;
    } words[] = {{"float", HPO_KIND_FLOAT},      {"real", HPO_KIND_FLOAT},
                 {"double", HPO_KIND_FLOAT},     {"int", HPO_KIND_INT},
                 {"integer", HPO_KIND_INT},      {"categorical", HPO_KIND_CATEGORICAL},
                 {"cat", HPO_KIND_CATEGORICAL},  {"choice", HPO_KIND_CATEGORICAL},
                 {"ordinal", HPO_KIND_ORDINAL},  {"bool", HPO_KIND_BOOL},
                 {"boolean", HPO_KIND_BOOL},     {"const", HPO_KIND_CONST},
                 {"constant", HPO_KIND_CONST},   {"permutation", HPO_KIND_PERMUTATION},
                 {"perm", HPO_KIND_PERMUTATION}, {"simplex", HPO_KIND_SIMPLEX},
                 {"subset", HPO_KIND_SUBSET},    {"vector", HPO_KIND_VECTOR}};
    if (strcmp(type, "fidelity") == 0) {
        p->is_fidelity = 1;
        p->kind = HPO_KIND_INT;
        return HPO_OK;
    }
    const char *near = "float";
    unsigned least = 255;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        unsigned d = hpo_edit_distance(type, words[i].word);
        if (d == 0) {
            p->kind = words[i].kind;
            p->fidelity_type_given = 1;
            return HPO_OK;
        }
        if (d < least) {
            least = d;
            near = words[i].word;
        }
    }
    return hpo_fail(err, HPO_EINVAL, "%s: unknown type '%.40s'; did you mean '%s'?", p->name, type, near);
}

static hpo_status read_bound(hpo_param *p, struct json_object *v, double *value, char **expr, hpo_error *err)
{
    if (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)) {
        *value = json_object_get_double(v);
        return HPO_OK;
    }
    if (!json_object_is_type(v, json_type_string))
        return hpo_fail(err, HPO_EINVAL, "%s: a bound is a number or an expression in quotes", p->name);
    const char *text = json_object_get_string(v);
    if (hpo_parse_double(text, value) && isfinite(*value)) return HPO_OK; /* 1e-5 is a text in YAML 1.1 */
    hpo_ast tree;
    hpo_status status = hpo_ast_parse(&tree, text, err);
    if (status != HPO_OK) return hpo_fail_prefix(err, status, "%s: bound", p->name);
    hpo_ast_fini(&tree);
    *value = HPO_UNKNOWN;
    return keep(expr, text, err);
}

static hpo_status read_range(hpo_param *p, struct json_object *o, hpo_error *err)
{
    struct json_object *range = NULL;
    const char *scale = NULL;
    HPO_TRY(hpo_json_get_array(o, p->name, "range", &range, err));
    if (range) {
        if (json_object_array_length(range) != 2)
            return hpo_fail(err, HPO_EINVAL, "%s: range has two entries, e.g. [0, 1]", p->name);
        HPO_TRY(read_bound(p, json_object_array_get_idx(range, 0), &p->low, &p->low_text, err));
        HPO_TRY(read_bound(p, json_object_array_get_idx(range, 1), &p->high, &p->high_text, err));
    } else if (p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR) {
        return hpo_fail(err, HPO_EINVAL, "%s: needs a range, e.g. \"range\": [0, 1]", p->name);
    }
    HPO_TRY(hpo_json_get_double(o, p->name, "step", &p->step, err));
    HPO_TRY(hpo_json_get_string(o, p->name, "scale", &scale, err));
    if (!scale) return HPO_OK;
    for (int i = 0; i < HPO_N_SCALES; i++)
        if (strcmp(scale, hpo_scale_name((hpo_scale)i)) == 0) {
            p->scale = (hpo_scale)i;
            return HPO_OK;
        }
    return hpo_fail(err, HPO_EINVAL, "%s: unknown scale '%.40s'; use linear, log, revlog or logit", p->name,
                    scale);
}

static hpo_status read_labels(hpo_param *p, struct json_object *values, hpo_error *err)
{
    char number[32];
    size_t n = json_object_array_length(values);
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = json_object_array_get_idx(values, i);
        if (!v || json_object_is_type(v, json_type_array) || json_object_is_type(v, json_type_object))
            return hpo_fail(err, HPO_EINVAL, "%s: value %d is not a text, a number, true or false", p->name,
                            (int)i);
        if (json_object_is_type(v, json_type_string)) p->labels_quoted = 1;
        const char *text = scalar_text(v, number);
        HPO_TRY(hpo_param_add_label(p, text, strlen(text), err));
    }
    return HPO_OK;
}

static hpo_status read_pair(hpo_param *p, struct json_object *v, const char *what, double *a, double *b,
                            hpo_error *err)
{
    struct json_object *x = NULL, *y = NULL;
    if (json_object_is_type(v, json_type_array) && json_object_array_length(v) == 2) {
        x = json_object_array_get_idx(v, 0);
        y = json_object_array_get_idx(v, 1);
    }
    if ((!json_object_is_type(x, json_type_int) && !json_object_is_type(x, json_type_double)) ||
        (!json_object_is_type(y, json_type_int) && !json_object_is_type(y, json_type_double)))
        return hpo_fail(err, HPO_EINVAL, "%s: %s needs two numbers, e.g. [2, 5]", p->name, what);
    *a = json_object_get_double(x);
    *b = json_object_get_double(y);
    return HPO_OK;
}

static hpo_status read_prior(hpo_param *p, struct json_object *o, hpo_error *err)
{
    static const char *const allowed[] = {"center", "confidence", "normal", "beta", NULL};
    struct json_object *prior = NULL, *v = NULL;
    const char *confidence = "medium";
    char number[32];
    HPO_TRY(hpo_json_get_object(o, p->name, "prior", &prior, err));
    if (!prior) return HPO_OK;
    HPO_TRY(hpo_json_check_keys(prior, p->name, allowed, err));
    if (json_object_object_get_ex(prior, "normal", &v)) {
        p->prior = HPO_PRIOR_NORMAL;
        return read_pair(p, v, "normal", &p->prior_a, &p->prior_b, err);
    }
    if (json_object_object_get_ex(prior, "beta", &v)) {
        p->prior = HPO_PRIOR_BETA;
        return read_pair(p, v, "beta", &p->prior_a, &p->prior_b, err);
    }
    if (!json_object_object_get_ex(prior, "center", &v) || !v)
        return hpo_fail(err, HPO_EINVAL, "%s: prior needs center, normal or beta", p->name);
    HPO_TRY(hpo_json_get_string(prior, p->name, "confidence", &confidence, err));
    if (strcmp(confidence, "low") == 0)
        p->confidence = HPO_CONFIDENCE_LOW;
    else if (strcmp(confidence, "medium") == 0)
        p->confidence = HPO_CONFIDENCE_MEDIUM;
    else if (strcmp(confidence, "high") == 0)
        p->confidence = HPO_CONFIDENCE_HIGH;
    else
        return hpo_fail(err, HPO_EINVAL, "%s: confidence '%.40s': use low, medium or high", p->name,
                        confidence);
    p->prior = HPO_PRIOR_CENTER;
    return keep(&p->prior_text, scalar_text(v, number), err);
}

static hpo_status read_sizes(hpo_param *p, struct json_object *o, hpo_error *err)
{
    struct json_object *v = NULL;
    int64_t n = 0;
    double a = 0, b = 0;
    HPO_TRY(hpo_json_get_int(o, p->name, "n", &n, err));
    if (n < 0 || n > HPO_MAX_ITEMS)
        return hpo_fail(err, HPO_EINVAL, "%s: n must be 1..%d", p->name, HPO_MAX_ITEMS);
    p->n_items = (size_t)n;
    if (!json_object_object_get_ex(o, "size", &v) || !v) return HPO_OK;
    HPO_TRY(read_pair(p, v, "size", &a, &b, err));
    if (!(a >= 0 && a <= b && b >= 1 && b <= HPO_MAX_ITEMS) || a != floor(a) || b != floor(b))
        return hpo_fail(err, HPO_EINVAL, "%s: size must be two whole numbers, e.g. [1, 2]", p->name);
    p->min_size = (size_t)a;
    p->max_size = (size_t)b;
    return HPO_OK;
}

/* The members of one parameter, except its default. */
static hpo_status read_members(hpo_param *p, struct json_object *o, hpo_error *err)
{
    static const char *const allowed[] = {"type",     "range", "scale",     "step", "values",  "value",
                                          "n",        "size",  "prior",     "when", "default", "weights",
                                          "fidelity", "help",  "resumable", NULL};
    const char *type = NULL, *when = NULL;
    struct json_object *values = NULL, *weights = NULL, *value = NULL;
    int fidelity = 0;
    HPO_TRY(hpo_json_check_keys(o, p->name, allowed, err));
    HPO_TRY(hpo_json_get_string(o, p->name, "type", &type, err));
    HPO_TRY(hpo_json_get_array(o, p->name, "values", &values, err));
    if (!type)
        type = values ? "categorical" : json_object_object_get_ex(o, "value", NULL) ? "const" : "float";
    HPO_TRY(read_kind(p, type, err));
    HPO_TRY(hpo_json_get_bool(o, p->name, "fidelity", &fidelity, err));
    if (fidelity) p->is_fidelity = 1;
    HPO_TRY(hpo_json_get_bool(o, p->name, "resumable", &p->is_resumable, err));
    HPO_TRY(read_range(p, o, err));
    HPO_TRY(read_sizes(p, o, err));
    if (values) HPO_TRY(read_labels(p, values, err));
    if (p->kind == HPO_KIND_CONST && json_object_object_get_ex(o, "value", &value)) {
        char number[32];
        if (!value || json_object_is_type(value, json_type_array) ||
            json_object_is_type(value, json_type_object))
            return hpo_fail(err, HPO_EINVAL, "%s: value must be a text, a number, true or false", p->name);
        const char *text = scalar_text(value, number);
        p->labels_quoted = json_object_is_type(value, json_type_string);
        HPO_TRY(hpo_param_add_label(p, text, strlen(text), err));
    }
    HPO_TRY(hpo_json_get_array(o, p->name, "weights", &weights, err));
    for (size_t i = 0; weights && i < json_object_array_length(weights); i++) {
        struct json_object *w = json_object_array_get_idx(weights, i);
        if (!json_object_is_type(w, json_type_int) && !json_object_is_type(w, json_type_double))
            return hpo_fail(err, HPO_EINVAL, "%s: weights must be numbers", p->name);
        HPO_TRY(hpo_param_add_weight(p, json_object_get_double(w), err));
    }
    HPO_TRY(read_prior(p, o, err));
    HPO_TRY(hpo_json_get_string(o, p->name, "when", &when, err));
    if (!when) return HPO_OK;
    hpo_ast tree;
    hpo_status status = hpo_ast_parse(&tree, when, err);
    if (status != HPO_OK) return hpo_fail_prefix(err, status, "%s: condition", p->name);
    hpo_ast_fini(&tree);
    return keep(&p->when, when, err);
}

static hpo_status read_default(hpo_param *p, struct json_object *o, hpo_error *err)
{
    struct json_object *v = NULL;
    if (!json_object_object_get_ex(o, "default", &v) || !v) return HPO_OK;
    p->fallback = hpo_alloc_array(p->n_columns, sizeof *p->fallback);
    if (!p->fallback) return hpo_fail_memory(err);
    hpo_status status = hpo_param_value_from_json(p, v, p->fallback, err);
    return status == HPO_OK ? HPO_OK : hpo_fail_prefix(err, status, "default");
}

static hpo_status read_param(hpo_space *s, const char *name, struct json_object *o, hpo_error *err)
{
    if (json_object_is_type(o, json_type_string))
        return hpo_space_add(s, name, json_object_get_string(o), err);
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL,
                        "%.60s: must be an object or a domain in quotes, e.g. \"log 1e-5..1\"", name);
    hpo_param p;
    hpo_param_init(&p);
    p.name = hpo_strdup(name);
    hpo_status status = p.name ? read_members(&p, o, err) : hpo_fail_memory(err);
    if (status == HPO_OK) status = hpo_param_finish(&p, err);
    if (status == HPO_OK) status = read_default(&p, o, err);
    if (status == HPO_OK) return hpo_space_take(s, &p, err);
    hpo_param_fini(&p);
    return status;
}

static hpo_status read_params(hpo_space *s, struct json_object *params, hpo_error *err)
{
    struct json_object_iterator it = json_object_iter_begin(params), end = json_object_iter_end(params);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        HPO_TRY(read_param(s, json_object_iter_peek_name(&it), json_object_iter_peek_value(&it), err));
    return HPO_OK;
}

static hpo_status read_document(hpo_space *s, struct json_object *o, hpo_error *err)
{
    static const char *const allowed[] = {"params", "constraints", "derived", NULL};
    struct json_object *params = NULL, *constraints = NULL, *derived = NULL;
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "space: must be an object with 'params'");
    if (!json_object_object_get_ex(o, "study", NULL) && !json_object_object_get_ex(o, "command", NULL))
        HPO_TRY(hpo_json_check_keys(o, "space", allowed, err));
    HPO_TRY(hpo_json_get_object(o, "space", "params", &params, err));
    if (!params) return hpo_fail(err, HPO_EINVAL, "space: 'params' is missing");
    HPO_TRY(read_params(s, params, err));
    HPO_TRY(hpo_json_get_array(o, "space", "constraints", &constraints, err));
    for (size_t i = 0; constraints && i < json_object_array_length(constraints); i++) {
        struct json_object *c = json_object_array_get_idx(constraints, i);
        if (!json_object_is_type(c, json_type_string))
            return hpo_fail(err, HPO_EINVAL, "space: constraint %d is not a text; put quotes around it",
                            (int)i);
        HPO_TRY(hpo_space_add_constraint(s, json_object_get_string(c), err));
    }
    HPO_TRY(hpo_json_get_object(o, "space", "derived", &derived, err));
    if (!derived) return HPO_OK;
    struct json_object_iterator it = json_object_iter_begin(derived), end = json_object_iter_end(derived);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *v = json_object_iter_peek_value(&it);
        const char *text = v ? json_object_get_string(v) : "";
        HPO_TRY(hpo_space_add_derived(s, json_object_iter_peek_name(&it), text, err));
    }
    return HPO_OK;
}

hpo_status hpo_space_load(const char *text, hpo_space **out, hpo_error *err)
{
    if (!text || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    struct json_object *o = NULL;
    hpo_space *s = NULL;
    *out = NULL;
    HPO_TRY(hpo_document_parse(text, strlen(text), "space", &o, err));
    hpo_status status = hpo_space_create(&s, err);
    if (status == HPO_OK) status = read_document(s, o, err);
    json_object_put(o);
    if (status == HPO_OK)
        *out = s;
    else
        hpo_space_free(s);
    return status;
}
