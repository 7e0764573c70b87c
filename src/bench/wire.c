/* SPDX-License-Identifier: Apache-2.0 */
/* bench/wire.c - between configurations and the variables of the solver protocol.  See wire.h.
 *
 * From the wire a configuration is made in three steps: the variables become a row in own units with every
 * parameter active, the row becomes coordinates, and these are decoded.  Decoding puts inactive parameters
 * where they belong, so a solver may ignore conditions.  decode(encode(x)) == x for every x of a sampler of
 * ours: nothing is lost between two sides that both speak for this library. */
#include "bench/wire.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

#define UNKNOWN ((double)NAN)
static const double SLACK = 1e-9; /* of the range: rounding of exp(log(x)) in a solver is forgiven */

typedef enum wire_mode {
    MODE_VALUE, /* the number, the label, the entry: own units */
    MODE_INDEX, /* which of n values */
    MODE_UNIT   /* the coordinate */
} wire_mode;

typedef struct wire_var {
    const hpo_param *param;
    const hpo_codec *codec;
    size_t column, dim; /* dim: of modes INDEX and UNIT */
    size_t entry;       /* 0.. within the parameter */
    wire_mode mode;
    hpo_wire_cap type; /* UNIFORM_CONTINUOUS .. CATEGORICAL */
    double low, high;  /* first and last value */
} wire_var;

struct hpo_wire {
    const hpo_space *space;
    size_t n_vars;
    uint32_t needs;
    wire_var *vars;
    double *row, *u; /* scratch: n_columns, n_dims */
};

/* ---- capabilities ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
} caps[] = {
#define CAP_ROW(name, text) {#name, text},
    HPO_WIRE_CAPS(CAP_ROW)
#undef CAP_ROW
};

const char *hpo_wire_cap_name(hpo_wire_cap c)
{
    return caps[c].name;
}

const char *hpo_wire_cap_text(hpo_wire_cap c)
{
    return caps[c].text;
}

uint32_t hpo_wire_cap_bit(const char *word, size_t n)
{
    for (size_t i = 0; i < HPO_N_WIRE_CAPS; i++)
        if (strlen(caps[i].name) == n && memcmp(caps[i].name, word, n) == 0) return 1u << i;
    return 0;
}

/* ---- the plan --------------------------------------------------------------------------------------- */

/* A float or int, or an entry of a vector. */
static void plan_number(wire_var *v)
{
    const hpo_scalar *k = &v->codec->k;
    int whole = k->is_int && k->step == 1;
    if (v->codec->op == HPO_CODEC_BOUNDS || k->scale == HPO_SCALE_REVLOG || k->scale == HPO_SCALE_LOGIT ||
        (k->discrete && !whole && k->scale != HPO_SCALE_LINEAR)) {
        v->mode = MODE_UNIT;
        v->low = 0;
        v->high = 1;
        v->type = HPO_WIRE_UNIFORM_CONTINUOUS;
    } else if (k->discrete && !whole) {
        v->mode = MODE_INDEX;
        v->low = 0;
        v->high = k->n - 1;
        v->type = HPO_WIRE_UNIFORM_DISCRETE;
    } else {
        int is_log = k->scale == HPO_SCALE_LOG;
        v->low = k->low;
        v->high = k->high;
        v->type = k->discrete ? (is_log ? HPO_WIRE_LOG_UNIFORM_DISCRETE : HPO_WIRE_UNIFORM_DISCRETE)
                              : (is_log ? HPO_WIRE_LOG_UNIFORM_CONTINUOUS : HPO_WIRE_UNIFORM_CONTINUOUS);
    }
}

static void plan_labels(wire_var *v, hpo_wire_cap type, double n)
{
    v->type = type;
    v->low = 0;
    v->high = n - 1;
}

static void plan(hpo_wire *w, wire_var *v)
{
    const hpo_param *p = v->param;
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
    case HPO_KIND_VECTOR:
        plan_number(v);
        break;
    case HPO_KIND_BOOL:
        plan_labels(v, HPO_WIRE_CATEGORICAL, 2);
        break;
    case HPO_KIND_CATEGORICAL:
        plan_labels(v, HPO_WIRE_CATEGORICAL, (double)p->n_labels);
        break;
    case HPO_KIND_ORDINAL:
        plan_labels(v, HPO_WIRE_UNIFORM_DISCRETE, (double)p->n_labels);
        break;
    case HPO_KIND_PERMUTATION:
        plan_labels(v, HPO_WIRE_UNIFORM_DISCRETE, (double)p->n_items);
        w->needs |= 1u << HPO_WIRE_STRUCTURED;
        break;
    case HPO_KIND_SUBSET:
        plan_labels(v, HPO_WIRE_UNIFORM_DISCRETE, 2);
        w->needs |= 1u << HPO_WIRE_STRUCTURED;
        break;
    default: /* a simplex; constants have no variable */
        v->type = HPO_WIRE_UNIFORM_CONTINUOUS;
        v->low = 0;
        v->high = 1;
        w->needs |= 1u << HPO_WIRE_STRUCTURED;
        break;
    }
    w->needs |= 1u << v->type;
}

hpo_status hpo_wire_create(const hpo_space *space, hpo_wire **out, hpo_error *err)
{
    *out = NULL;
    hpo_wire *w = hpo_calloc(1, sizeof *w);
    if (!w) return hpo_fail_memory(err);
    w->space = space;
    w->vars = hpo_calloc(space->n_columns + 1, sizeof *w->vars);
    w->row = hpo_alloc_array(space->n_columns + space->n_dims + 1, sizeof *w->row);
    if (!w->vars || !w->row) {
        hpo_wire_free(w);
        return hpo_fail_memory(err);
    }
    w->u = w->row + space->n_columns;
    for (size_t i = 0; i < space->n_params; i++) {
        const hpo_codec *c = &space->program[space->position[i]];
        if (c->op == HPO_CODEC_FIXED || c->n_dims == 0) continue;
        for (size_t j = 0; j < c->n; j++) {
            wire_var *v = &w->vars[w->n_vars++];
            v->param = &space->params[i];
            v->codec = c;
            v->column = c->column + j;
            v->dim = c->dim + (j < c->n_dims ? j : 0);
            v->entry = j;
            plan(w, v);
        }
    }
    if (w->n_vars == 0) {
        hpo_wire_free(w);
        return hpo_fail(err, HPO_EUNSUPPORTED, "the space has no parameter to search");
    }
    *out = w;
    return HPO_OK;
}

void hpo_wire_free(hpo_wire *w)
{
    if (!w) return;
    hpo_free(w->vars);
    hpo_free(w->row);
    hpo_free(w);
}

size_t hpo_wire_n_vars(const hpo_wire *w)
{
    return w->n_vars;
}

uint32_t hpo_wire_needs(const hpo_wire *w)
{
    return w->needs;
}

/* ---- as JSON ---------------------------------------------------------------------------------------- */

static void add_name(const wire_var *v, hpo_str *out)
{
    hpo_str name = {0};
    if (v->codec->n == 1) {
        hpo_str_json(out, v->param->name);
        return;
    }
    hpo_str_addf(&name, "%s[%zu]", v->param->name, v->entry);
    if (name.failed)
        out->failed = 1;
    else
        hpo_str_json(out, name.text);
    hpo_str_fini(&name);
}

static int is_discrete(const wire_var *v)
{
    return v->type == HPO_WIRE_UNIFORM_DISCRETE || v->type == HPO_WIRE_LOG_UNIFORM_DISCRETE;
}

static void add_labels(const hpo_param *p, hpo_str *out)
{
    hpo_str_addc(out, '[');
    for (size_t i = 0; i < p->n_labels; i++) {
        if (i) hpo_str_addc(out, ',');
        hpo_str_json(out, p->labels[i]);
    }
    hpo_str_addc(out, ']');
}

static void add_range(const wire_var *v, hpo_str *out)
{
    if (v->type == HPO_WIRE_CATEGORICAL) {
        hpo_str_add(out, "{\"type\":\"CATEGORICAL\",\"choices\":");
        if (v->param->kind == HPO_KIND_BOOL)
            hpo_str_add(out, "[\"false\",\"true\"]");
        else
            add_labels(v->param, out);
        hpo_str_addc(out, '}');
    } else if (is_discrete(v)) {
        hpo_str_addf(out, "{\"type\":\"DISCRETE\",\"low\":%.0f,\"high\":%.0f}", v->low, v->high + 1);
    } else {
        hpo_str_add(out, "{\"type\":\"CONTINUOUS\",\"low\":");
        hpo_str_json_double(out, v->low);
        hpo_str_add(out, ",\"high\":");
        hpo_str_json_double(out, v->high);
        hpo_str_addc(out, '}');
    }
}

void hpo_wire_domain(const hpo_wire *w, hpo_str *out)
{
    hpo_str_addc(out, '[');
    for (size_t i = 0; i < w->n_vars; i++) {
        const wire_var *v = &w->vars[i];
        int is_log = v->type == HPO_WIRE_LOG_UNIFORM_CONTINUOUS || v->type == HPO_WIRE_LOG_UNIFORM_DISCRETE;
        hpo_str_add(out, i ? ",{\"name\":" : "{\"name\":");
        add_name(v, out);
        hpo_str_add(out, ",\"range\":");
        add_range(v, out);
        hpo_str_add(out, is_log ? ",\"distribution\":\"LOG_UNIFORM\",\"constraint\":null"
                                : ",\"distribution\":\"UNIFORM\",\"constraint\":null");
        if (v->param->kind == HPO_KIND_ORDINAL) {
            hpo_str_add(out, ",\"labels\":");
            add_labels(v->param, out);
        }
        if (v->mode != MODE_VALUE) hpo_str_add(out, ",\"opaque\":true");
        if (v->param->when) {
            hpo_str_add(out, ",\"when\":");
            hpo_str_json(out, v->param->when);
        }
        hpo_str_addc(out, '}');
    }
    hpo_str_addc(out, ']');
}

hpo_status hpo_wire_read(const hpo_wire *w, struct json_object *params, double *vars, hpo_error *err)
{
    if (!json_object_is_type(params, json_type_array))
        return hpo_fail(err, HPO_EINVAL, "\"params\" is not an array of numbers and nulls");
    size_t n = json_object_array_length(params);
    if (n != w->n_vars)
        return hpo_fail(err, HPO_EINVAL, "\"params\" has %zu entries where the problem has %zu variables", n,
                        w->n_vars);
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = json_object_array_get_idx(params, i);
        if (v && !json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int))
            return hpo_fail(err, HPO_EINVAL, "entry %zu of \"params\" is neither a number nor null", i);
        vars[i] = v ? json_object_get_double(v) : UNKNOWN;
    }
    return HPO_OK;
}

/* ---- values ----------------------------------------------------------------------------------------- */

void hpo_wire_from_x(const hpo_wire *w, const double *x, double *vars)
{
    hpo_space_encode(w->space, x, w->u);
    for (size_t i = 0; i < w->n_vars; i++) {
        const wire_var *v = &w->vars[i];
        double u = w->u[v->dim];
        if (isnan(x[v->column])) {
            vars[i] = UNKNOWN;
        } else if (v->mode == MODE_VALUE) {
            vars[i] = x[v->column];
        } else if (v->mode == MODE_UNIT) {
            vars[i] = u;
        } else {
            double index = floor(u * v->codec->k.n);
            vars[i] = index < v->high ? index : v->high;
        }
    }
}

double hpo_wire_below_end(const hpo_wire *w, size_t i, double value)
{
    const wire_var *v = &w->vars[i];
    int is_whole = v->type != HPO_WIRE_UNIFORM_CONTINUOUS && v->type != HPO_WIRE_LOG_UNIFORM_CONTINUOUS;
    return is_whole || value < v->high ? value : nextafter(v->high, v->low);
}

static hpo_status fail_range(const wire_var *v, double value, hpo_error *err)
{
    char text[32], low[32], high[32];
    hpo_double_text(value, text);
    hpo_double_text(v->low, low);
    hpo_double_text(v->high, high);
    return hpo_fail(err, HPO_EINVAL, "variable '%.100s': %s is not in %s..%s%s", v->param->name, text, low,
                    high, is_discrete(v) || v->type == HPO_WIRE_CATEGORICAL ? ", whole numbers only" : "");
}

/* Snaps what is off by rounding only. */
static hpo_status check_value(const wire_var *v, double *value, hpo_error *err)
{
    double given = *value, slack = SLACK * (v->high - v->low);
    if (is_discrete(v) || v->type == HPO_WIRE_CATEGORICAL) {
        double nearest = floor(given + 0.5);
        if (fabs(given - nearest) > SLACK * fmax(1, fabs(nearest))) return fail_range(v, given, err);
        *value = nearest;
        slack = 0;
    }
    if (!(*value >= v->low - slack && *value <= v->high + slack)) return fail_range(v, given, err);
    if (*value < v->low) *value = v->low;
    if (*value > v->high) *value = v->high;
    return HPO_OK;
}

/* Something in range for a variable without value, so that the whole row can be encoded. */
static double any_value(const wire_var *v)
{
    switch (v->param->kind) {
    case HPO_KIND_PERMUTATION:
        return (double)v->entry;
    case HPO_KIND_SIMPLEX:
        return 1.0 / (double)v->codec->n;
    case HPO_KIND_SUBSET:
        return v->entry < v->param->min_size ? 1 : 0;
    default:
        return v->low;
    }
}

/* Whether all variables of the parameter that begins at i are given; HPO_EINVAL for some but not all. */
static hpo_status is_given(const hpo_wire *w, size_t i, const double *vars, int *given, hpo_error *err)
{
    const hpo_codec *c = w->vars[i].codec;
    size_t n = 0;
    for (size_t j = 0; j < c->n; j++)
        n += isnan(vars[i + j]) ? 0 : 1;
    *given = n > 0;
    if (n == 0 || n == c->n) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL, "variable '%.100s': %zu of its %zu entries are null",
                    w->vars[i].param->name, (size_t)c->n - n, (size_t)c->n);
}

hpo_status hpo_wire_to_x(hpo_wire *w, const double *vars, double *x, hpo_error *err)
{
    const hpo_space *s = w->space;
    for (size_t i = 0; i < s->n_columns; i++)
        w->row[i] = UNKNOWN;
    for (size_t i = 0; i < w->n_vars; i++) {
        const wire_var *v = &w->vars[i];
        double value = isnan(vars[i]) ? any_value(v) : vars[i];
        if (!isnan(vars[i])) HPO_TRY(check_value(v, &value, err));
        if (v->mode == MODE_VALUE) w->row[v->column] = value;
    }
    for (size_t i = 0; i < w->n_vars; i += w->vars[i].codec->n) {
        const wire_var *v = &w->vars[i];
        int given;
        HPO_TRY(is_given(w, i, vars, &given, err));
        if (given && v->param->kind >= HPO_KIND_PERMUTATION && v->param->kind <= HPO_KIND_SUBSET)
            HPO_TRY(hpo_param_value_check(v->param, w->row + v->codec->column, err));
    }
    for (size_t i = 0; i < s->n_dims; i++)
        w->u[i] = 0.5;
    hpo_space_encode(s, w->row, w->u);
    for (size_t i = 0; i < w->n_vars; i++) {
        const wire_var *v = &w->vars[i];
        double value = isnan(vars[i]) ? v->low : vars[i];
        if (v->mode != MODE_VALUE) (void)check_value(v, &value, NULL);
        if (v->mode == MODE_UNIT) w->u[v->dim] = value;
        if (v->mode == MODE_INDEX) w->u[v->dim] = (value + 0.5) / v->codec->k.n;
    }
    hpo_space_decode(s, w->u, x);
    for (size_t i = 0; i < w->n_vars; i++)
        if (isnan(vars[i]) && !isnan(x[w->vars[i].column]))
            return hpo_fail(err, HPO_EINVAL, "variable '%.100s' is null although it is active%s%.150s%s",
                            w->vars[i].param->name, w->vars[i].param->when ? " (when " : "",
                            w->vars[i].param->when ? w->vars[i].param->when : "",
                            w->vars[i].param->when ? ")" : "");
    return HPO_OK;
}
