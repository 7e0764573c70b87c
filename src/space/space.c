/* SPDX-License-Identifier: Apache-2.0 */
/* space/space.c - building a space, freezing it into its flat program, sharing it. */
#include "space/space.h"
#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------------- */

const char *hpo_kind_name(hpo_kind k)
{
    static const char *const names[] = {
#define HPO_KIND_NAME(name, word) word,
        HPO_KIND_LIST(HPO_KIND_NAME)
#undef HPO_KIND_NAME
    };
    return (unsigned)k < sizeof names / sizeof *names ? names[k] : "?";
}

const char *hpo_scale_name(hpo_scale s)
{
    static const char *const names[] = {
#define HPO_SCALE_NAME(name, word) word,
        HPO_SCALE_LIST(HPO_SCALE_NAME)
#undef HPO_SCALE_NAME
    };
    return (unsigned)s < sizeof names / sizeof *names ? names[s] : "?";
}

/* ---- lifetime -------------------------------------------------------------------------------------- */

hpo_status hpo_space_create(hpo_space **out, hpo_error *err)
{
    if (!out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_space *s = hpo_calloc(1, sizeof *s);
    *out = s;
    if (!s) return hpo_fail_memory(err);
    atomic_init(&s->owners, 1);
    return HPO_OK;
}

static void clear_frozen(hpo_space *s)
{
    for (size_t i = 0; i < s->n_params; i++) {
        hpo_param *p = &s->params[i];
        hpo_expr_free(p->when_expr);
        hpo_expr_free(p->low_expr);
        hpo_expr_free(p->high_expr);
        p->when_expr = p->low_expr = p->high_expr = NULL;
    }
    for (size_t i = 0; i < s->n_constraints; i++) {
        hpo_expr_free(s->constraints[i].expr);
        s->constraints[i].expr = NULL;
    }
    for (size_t i = 0; i < s->n_derived; i++) {
        hpo_expr_free(s->derived[i].expr);
        s->derived[i].expr = NULL;
    }
    hpo_region_close(s->region);
    s->region = NULL;
    hpo_free(s->program);
    hpo_free(s->position);
    s->program = NULL;
    s->position = NULL;
    s->frozen = 0;
}

void hpo_space_free(hpo_space *s)
{
    if (!s || atomic_fetch_sub(&s->owners, 1) != 1) return;
    clear_frozen(s);
    for (size_t i = 0; i < s->n_params; i++)
        hpo_param_fini(&s->params[i]);
    for (size_t i = 0; i < s->n_constraints; i++)
        hpo_free(s->constraints[i].text);
    for (size_t i = 0; i < s->n_derived; i++) {
        hpo_free(s->derived[i].name);
        hpo_free(s->derived[i].text);
    }
    hpo_free(s->params);
    hpo_free(s->constraints);
    hpo_free(s->derived);
    hpo_map_fini(&s->names);
    hpo_free(s);
}

hpo_space *hpo_space_retain(const hpo_space *s)
{
    hpo_space *mine = (hpo_space *)(uintptr_t)s; /* only the count of owners changes */
    atomic_fetch_add(&mine->owners, 1);
    return mine;
}

hpo_status hpo_space_frozen(const hpo_space *s, hpo_space **out, hpo_error *err)
{
    char *json = NULL;
    *out = NULL;
    if (s->frozen) {
        *out = hpo_space_retain(s);
        return HPO_OK;
    }
    hpo_status status = hpo_space_to_json(s, &json, err);
    if (status == HPO_OK) status = hpo_space_load(json, out, err);
    if (status == HPO_OK) status = hpo_space_freeze_any(*out, err);
    if (status != HPO_OK) {
        hpo_space_free(*out);
        *out = NULL;
    }
    hpo_free(json);
    return status;
}

/* ---- building -------------------------------------------------------------------------------------- */

static hpo_status check_open(const hpo_space *s, hpo_error *err)
{
    if (!s->frozen) return HPO_OK;
    return hpo_fail(err, HPO_ESTATE, "the space is in use and cannot be changed; build a new one");
}

static hpo_status check_new_name(const hpo_space *s, const char *name, hpo_error *err)
{
    int64_t old = hpo_map_get(&s->names, name, -1);
    if (old == -1) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL, "%s: is declared twice; rename one, or leave it out", name);
}

/* Several grow by factors. */
static hpo_status check_fidelity(const hpo_space *s, const hpo_param *p, hpo_error *err)
{
    if (s->n_fidelities == 0) return HPO_OK;
    const hpo_param *first = &s->params[s->fidelity[0]], *bad = first->low > 0 ? p : first;
    if (s->n_fidelities == HPO_MAX_FIDELITIES)
        return hpo_fail(err, HPO_EINVAL, "%s: more than %d fidelities", p->name, HPO_MAX_FIDELITIES);
    if (bad->low > 0) return HPO_OK;
    return hpo_fail(
        err, HPO_EINVAL,
        "%s: begins at %g; each of several fidelities must begin above 0, for they grow by factors",
        bad->name, bad->low);
}

hpo_status hpo_space_take(hpo_space *s, hpo_param *p, hpo_error *err)
{
    hpo_status status = check_open(s, err);
    if (status == HPO_OK) status = hpo_param_finish(p, err);
    if (status == HPO_OK) status = check_new_name(s, p->name, err);
    if (status == HPO_OK && p->is_fidelity) status = check_fidelity(s, p, err);
    if (status == HPO_OK && (s->n_params >= HPO_MAX_PARAMS || s->n_columns + p->n_columns > HPO_MAX_COLUMNS))
        status = hpo_fail(err, HPO_EINVAL, "%s: more than %d parameters", p->name, HPO_MAX_PARAMS);
    if (status == HPO_OK)
        status = hpo_reserve(&s->params, &s->cap_params, s->n_params + 1, sizeof *s->params, err);
    if (status == HPO_OK) status = hpo_map_put(&s->names, p->name, (int64_t)s->n_params, err);
    if (status != HPO_OK) {
        hpo_param_fini(p);
        return status;
    }
    p->column = s->n_columns;
    p->dim = s->n_dims;
    s->n_columns += p->n_columns;
    s->n_dims += p->n_dims;
    if (p->is_fidelity) s->fidelity[s->n_fidelities++] = (uint32_t)s->n_params;
    s->params[s->n_params++] = *p;
    hpo_param_init(p);
    return HPO_OK;
}

hpo_status hpo_space_add(hpo_space *s, const char *name, const char *domain, hpo_error *err)
{
    if (!s || !name || !domain) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_param p;
    hpo_param_init(&p);
    p.name = hpo_strdup(name);
    hpo_status status = p.name ? hpo_domain_parse(&p, domain, err) : hpo_fail_memory(err);
    if (status == HPO_OK) return hpo_space_take(s, &p, err);
    hpo_param_fini(&p);
    return status;
}

static hpo_status add_number(hpo_space *s, const char *name, hpo_kind kind, double low, double high,
                             hpo_scale scale, hpo_error *err)
{
    hpo_param p;
    hpo_param_init(&p);
    if ((unsigned)scale >= HPO_N_SCALES)
        return hpo_fail(err, HPO_EINVAL, "%s: unknown scale %d", name, (int)scale);
    p.name = hpo_strdup(name);
    p.kind = kind;
    p.scale = scale;
    p.low = low;
    p.high = high;
    return p.name ? hpo_space_take(s, &p, err) : hpo_fail_memory(err);
}

hpo_status hpo_space_add_float(hpo_space *s, const char *name, double low, double high, hpo_scale scale,
                               hpo_error *err)
{
    if (!s || !name) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    return add_number(s, name, HPO_KIND_FLOAT, low, high, scale, err);
}

hpo_status hpo_space_add_int(hpo_space *s, const char *name, int64_t low, int64_t high, hpo_scale scale,
                             hpo_error *err)
{
    if (!s || !name) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    const int64_t most = INT64_C(9007199254740992);
    if (low < -most || low > most || high < -most || high > most)
        return hpo_fail(err, HPO_EINVAL, "%s: integers are limited to +-2^53 (9007199254740992)", name);
    return add_number(s, name, HPO_KIND_INT, (double)low, (double)high, scale, err);
}

hpo_status hpo_space_add_categorical(hpo_space *s, const char *name, const char *const *labels, size_t n,
                                     hpo_error *err)
{
    if (!s || !name || (n && !labels)) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_param p;
    hpo_param_init(&p);
    p.name = hpo_strdup(name);
    p.kind = HPO_KIND_CATEGORICAL;
    hpo_status status = p.name ? HPO_OK : hpo_fail_memory(err);
    for (size_t i = 0; i < n && status == HPO_OK; i++)
        status = labels[i] ? hpo_param_add_label(&p, labels[i], strlen(labels[i]), err)
                           : hpo_fail(err, HPO_EINVAL, "%s: label %lu is NULL", name, (unsigned long)i);
    if (status == HPO_OK) return hpo_space_take(s, &p, err);
    hpo_param_fini(&p);
    return status;
}

/* Syntax is checked at once, names and types when the space is frozen. */
static hpo_status check_syntax(const char *text, const char *what, hpo_error *err)
{
    hpo_ast tree;
    hpo_status status = hpo_ast_parse(&tree, text, err);
    if (status != HPO_OK) return hpo_fail_prefix(err, status, "%s", what);
    hpo_ast_fini(&tree);
    return HPO_OK;
}

hpo_status hpo_space_add_constraint(hpo_space *s, const char *expr, hpo_error *err)
{
    if (!s || !expr) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    HPO_TRY(check_open(s, err));
    HPO_TRY(hpo_check_utf8("constraint", expr, err));
    HPO_TRY(check_syntax(expr, "constraint", err));
    HPO_TRY(
        hpo_reserve(&s->constraints, &s->cap_constraints, s->n_constraints + 1, sizeof *s->constraints, err));
    size_t n = strlen(expr);
    while (n > 0 && strchr(" \t\r\n", expr[n - 1]))
        n--;
    while (n > 0 && strchr(" \t\r\n", *expr)) {
        expr++;
        n--;
    }
    char *copy = hpo_strndup(expr, n);
    if (!copy) return hpo_fail_memory(err);
    s->constraints[s->n_constraints++] = (hpo_constraint){.text = copy};
    return HPO_OK;
}

hpo_status hpo_space_add_derived(hpo_space *s, const char *name, const char *expr, hpo_error *err)
{
    if (!s || !name || !expr) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    HPO_TRY(check_open(s, err));
    HPO_TRY(hpo_check_utf8("name of a derived value", name, err));
    HPO_TRY(hpo_check_utf8(name, expr, err));
    HPO_TRY(check_syntax(expr, name, err));
    HPO_TRY(check_new_name(s, name, err));
    HPO_TRY(hpo_reserve(&s->derived, &s->cap_derived, s->n_derived + 1, sizeof *s->derived, err));
    char *name_copy = hpo_strdup(name), *text = hpo_strdup(expr);
    hpo_status status = name_copy && text ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) status = hpo_map_put(&s->names, name, -2 - (int64_t)s->n_derived, err);
    if (status == HPO_OK) {
        s->derived[s->n_derived++] = (hpo_derived){.name = name_copy, .text = text};
        return HPO_OK;
    }
    hpo_free(name_copy);
    hpo_free(text);
    return status;
}

/* One "name: domain" of hpo_space_parse; blank ones are skipped. */
static hpo_status parse_line(hpo_space *s, char *line, hpo_error *err)
{
    while (*line == ' ' || *line == '\t' || *line == '\r')
        line++;
    if (!*line) return HPO_OK;
    char *colon = strchr(line, ':');
    if (!colon)
        return hpo_fail(err, HPO_EINVAL, "'%.200s': expected 'name: domain', e.g. 'lr: log 1e-5..1'", line);
    char *end = colon;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    if (strcmp(line, "constraint") == 0) return hpo_space_add_constraint(s, colon + 1, err);
    return hpo_space_add(s, line, colon + 1, err);
}

/* The end of the statement at c: newline, ';' or '#' outside quotes and brackets. */
static const char *statement_end(const char *c)
{
    unsigned depth = 0;
    for (; *c; c++) {
        if (*c == '\'' || *c == '"' || *c == '`') {
            const char *q = c + 1;
            while (*q && *q != *c && *q != '\n')
                q += *q == '\\' && q[1] ? 2 : 1;
            if (*q == *c) c = q; /* else an unpaired quote: the grammar reports it */
        } else if (*c == '(' || *c == '[' || *c == '{') {
            depth++;
        } else if ((*c == ')' || *c == ']' || *c == '}') && depth > 0) {
            depth--;
        } else if (*c == '\n' || *c == '#' || (*c == ';' && depth == 0)) {
            return c;
        }
    }
    return c;
}

hpo_status hpo_space_parse(const char *text, hpo_space **out, hpo_error *err)
{
    if (!text || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_space *s = NULL;
    *out = NULL;
    HPO_TRY(hpo_space_create(&s, err));
    hpo_status status = HPO_OK;
    while (*text && status == HPO_OK) {
        const char *end = statement_end(text);
        char *line = hpo_strndup(text, (size_t)(end - text));
        status = line ? parse_line(s, line, err) : hpo_fail_memory(err);
        hpo_free(line);
        if (*end == '#')
            while (*end && *end != '\n')
                end++;
        text = *end ? end + 1 : end;
    }
    if (status == HPO_OK)
        *out = s;
    else
        hpo_space_free(s);
    return status;
}

/* ---- freezing -------------------------------------------------------------------------------------- */

static hpo_status compile_for(const hpo_space *s, const char *name, const char *part, const char *text,
                              hpo_expr_want want, hpo_expr **out, hpo_error *err)
{
    char what[300];
    size_t n = strlen(name), m = strlen(part);
    if (n > 255) n = 255;
    memcpy(what, name, n);
    memcpy(what + n, part, m + 1);
    return text ? hpo_expr_compile(s, text, want, what, out, err) : HPO_OK;
}

static hpo_status compile_all(hpo_space *s, hpo_error *err)
{
    for (size_t i = 0; i < s->n_params; i++) {
        hpo_param *p = &s->params[i];
        HPO_TRY(compile_for(s, p->name, ": condition", p->when, HPO_WANT_TRUTH, &p->when_expr, err));
        HPO_TRY(compile_for(s, p->name, ": low bound", p->low_text, HPO_WANT_NUMBER, &p->low_expr, err));
        HPO_TRY(compile_for(s, p->name, ": high bound", p->high_text, HPO_WANT_NUMBER, &p->high_expr, err));
    }
    for (size_t i = 0; i < s->n_constraints; i++)
        HPO_TRY(compile_for(s, "constraint", "", s->constraints[i].text, HPO_WANT_TRUTH,
                            &s->constraints[i].expr, err));
    for (size_t i = 0; i < s->n_derived; i++)
        HPO_TRY(compile_for(s, s->derived[i].name, "", s->derived[i].text, HPO_WANT_ANY, &s->derived[i].expr,
                            err));
    return HPO_OK;
}

/* 1 when every parameter that e reads is placed. */
static int is_ready(const hpo_expr *e, const uint32_t *position)
{
    for (size_t i = 0; e && i < e->n_params; i++)
        if (position[e->params[i]] == UINT32_MAX) return 0;
    return 1;
}

static int param_ready(const hpo_param *p, const uint32_t *position)
{
    return is_ready(p->when_expr, position) && is_ready(p->low_expr, position) &&
           is_ready(p->high_expr, position);
}

/* Parents before children, otherwise in the order of declaration. */
static hpo_status order_params(hpo_space *s, hpo_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_params; i++)
        s->position[i] = UINT32_MAX;
    while (n < s->n_params) {
        size_t before = n;
        for (size_t i = 0; i < s->n_params; i++) {
            if (s->position[i] != UINT32_MAX || !param_ready(&s->params[i], s->position)) continue;
            s->position[i] = (uint32_t)n;
            s->program[n++].param = (uint32_t)i;
        }
        if (n > before) continue;
        for (size_t i = 0; i < s->n_params; i++)
            if (s->position[i] == UINT32_MAX)
                return hpo_fail(err, HPO_EINVAL,
                                "%s: its condition or bounds depend on itself, perhaps through others; "
                                "break the circle",
                                s->params[i].name);
    }
    return HPO_OK;
}

static void fill_codec(const hpo_param *p, hpo_codec *c)
{
    c->column = (uint32_t)p->column;
    c->dim = (uint32_t)p->dim;
    c->n = (uint32_t)p->n_columns;
    c->n_dims = (uint32_t)p->n_dims;
    c->when = p->when_expr;
    c->k = (hpo_scalar){.n = (double)p->n_labels, .high = p->high};
    switch (p->kind) {
    case HPO_KIND_FLOAT:
    case HPO_KIND_INT:
        if (p->low_expr || p->high_expr) {
            c->op = HPO_CODEC_BOUNDS;
            return;
        }
        (void)hpo_scalar_init(&c->k, p->low, p->high, p->step, p->scale, p->kind == HPO_KIND_INT);
        c->op = p->is_fidelity                                 ? HPO_CODEC_FIXED
                : p->scale == HPO_SCALE_LINEAR && p->step == 0 ? HPO_CODEC_UNIT
                                                               : HPO_CODEC_SCALAR;
        return;
    case HPO_KIND_BOOL:
        c->k.n = 2;
        c->op = HPO_CODEC_CELLS;
        return;
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
        c->op = HPO_CODEC_CELLS;
        return;
    case HPO_KIND_CONST:
        c->k.high = 0;
        c->op = HPO_CODEC_FIXED;
        return;
    case HPO_KIND_PERMUTATION:
        c->op = HPO_CODEC_PERMUTATION;
        return;
    case HPO_KIND_SIMPLEX:
        c->op = HPO_CODEC_SIMPLEX;
        return;
    case HPO_KIND_SUBSET:
        c->op = HPO_CODEC_SUBSET;
        return;
    case HPO_KIND_VECTOR:
        (void)hpo_scalar_init(&c->k, p->low, p->high, p->step, p->scale, 0);
        c->op = HPO_CODEC_VECTOR;
        return;
    case HPO_N_KINDS:
        return;
    }
}

static hpo_status freeze(hpo_space *s, hpo_error *err)
{
    HPO_TRY(compile_all(s, err));
    s->program = hpo_calloc(s->n_params + 1, sizeof *s->program);
    s->position = hpo_alloc_array(s->n_params + 1, sizeof *s->position);
    if (!s->program || !s->position) return hpo_fail_memory(err);
    HPO_TRY(order_params(s, err));
    s->has_when = s->has_bounds = s->has_prior = 0;
    for (size_t i = 0; i < s->n_params; i++) {
        hpo_codec *c = &s->program[i];
        const hpo_param *p = &s->params[c->param];
        fill_codec(p, c);
        s->has_when |= c->when != NULL;
        s->has_bounds |= c->op == HPO_CODEC_BOUNDS;
        s->has_prior |= p->prior != HPO_PRIOR_NONE;
    }
    return hpo_region_open(s, err);
}

hpo_status hpo_space_freeze(hpo_space *s, hpo_error *err)
{
    if (!s) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    if (s->n_params == 0)
        return hpo_fail(err, HPO_EINVAL, "the space has no parameter; add one, e.g. 'lr: log 1e-5..1'");
    return hpo_space_freeze_any(s, err);
}

hpo_status hpo_space_freeze_any(hpo_space *s, hpo_error *err)
{
    if (s->frozen) return HPO_OK;
    hpo_status status = freeze(s, err);
    if (status != HPO_OK) clear_frozen(s);
    s->frozen = status == HPO_OK;
    return status;
}

/* ---- looking at it --------------------------------------------------------------------------------- */

size_t hpo_space_n_params(const hpo_space *s)
{
    return s ? s->n_params : 0;
}

size_t hpo_space_n_columns(const hpo_space *s)
{
    return s ? s->n_columns : 0;
}

size_t hpo_space_n_dims(const hpo_space *s)
{
    return s ? s->n_dims : 0;
}

size_t hpo_space_n_derived(const hpo_space *s)
{
    return s ? s->n_derived : 0;
}

int64_t hpo_space_find(const hpo_space *s, const char *name)
{
    int64_t i = s && name ? hpo_map_get(&s->names, name, -1) : -1;
    return i >= 0 ? i : -1;
}

size_t hpo_space_n_fidelities(const hpo_space *s)
{
    return s->n_fidelities;
}

size_t hpo_space_fidelity(const hpo_space *s, size_t k)
{
    return s->fidelity[k];
}

int hpo_space_has_defaults(const hpo_space *s)
{
    for (size_t i = 0; i < s->n_params; i++)
        if (s->params[i].fallback) return 1;
    return 0;
}

uint32_t hpo_space_needs(const hpo_space *s)
{
    uint32_t needs = s->n_constraints ? HPO_CAP_CONSTRAINTS : 0;
    for (size_t i = 0; i < s->n_params; i++) {
        const hpo_param *p = &s->params[i];
        if (p->when) needs |= HPO_CAP_CONDITIONAL;
        if (p->low_text || p->high_text) needs |= HPO_CAP_DEPENDENT;
        if (p->n_dims == 0) continue;
        if (p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET)
            needs |= HPO_CAP_STRUCTURED;
        else if ((p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_VECTOR) && p->step == 0)
            needs |= HPO_CAP_CONTINUOUS;
        else
            needs |= HPO_CAP_DISCRETE;
    }
    return needs;
}

void hpo_param_info_init_sized(hpo_param_info *info, size_t size)
{
    if (!info || size < sizeof info->size) return;
    memset(info, 0, size);
    info->size = size;
}

hpo_status hpo_space_param(const hpo_space *s, size_t i, hpo_param_info *info, hpo_error *err)
{
    if (!s || !info) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    if (i >= s->n_params)
        return hpo_fail(err, HPO_ENOTFOUND, "parameter %lu: the space has %lu", (unsigned long)i,
                        (unsigned long)s->n_params);
    if (info->size < sizeof(size_t) || info->size > sizeof *info)
        return hpo_fail(err, HPO_EINVAL,
                        "hpo_param_info.size is %lu; fill the struct with hpo_param_info_init",
                        (unsigned long)info->size);
    const hpo_param *p = &s->params[i];
    hpo_param_info full = {.size = info->size,
                           .name = p->name,
                           .kind = p->kind,
                           .scale = p->scale,
                           .is_fidelity = p->is_fidelity + p->is_resumable,
                           .low = p->low,
                           .high = p->high,
                           .step = p->step,
                           .labels = (const char *const *)p->labels,
                           .n_labels = p->n_labels,
                           .column = p->column,
                           .n_columns = p->n_columns,
                           .dim = p->dim,
                           .n_dims = p->n_dims,
                           .when = p->when};
    memcpy(info, &full, info->size);
    return HPO_OK;
}

double hpo_space_number(const hpo_space *s, const double *x, size_t i)
{
    const hpo_param *p = &s->params[i];
    double v = x[p->column];
    if (isnan(v) || !p->labels) return v;
    return p->numbers ? p->numbers[(size_t)v] : HPO_UNKNOWN;
}
