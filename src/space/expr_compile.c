/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_compile.c - expressions: tree to typed bytecode.
 *
 * Types: number, truth, label (index into the labels of one parameter), text.  A label meets a text by
 * looking the text up among the labels, meets a number through the table of the labels' numbers, and meets
 * a label of another parameter through a table of equal texts.  Derived values are compiled in place. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "space/space.h"
#include <math.h>
#include <string.h>

enum {
    MAX_RECURSION = 5000, /* a sum of 4096 terms is a tree as deep */
    MAX_VISITS = 200000,  /* chains and derived values are compiled once per mention: bound the product */
    MAX_OPS = 4 * HPO_EXPR_MAX_NODES,
    MAX_DERIVED = 16 /* derived values within derived values */
};

typedef struct vtype {
    hpo_value_type type;
    uint32_t param; /* LABEL */
} vtype;

typedef struct compiler {
    const hpo_space *s;
    const hpo_ast *tree;
    hpo_expr *e;
    hpo_expr_want want;
    const char *what, *text;
    unsigned recursion, visits, derived;
    size_t stack;
    hpo_error *err;
    hpo_status status;
} compiler;

static const vtype number = {HPO_VALUE_NUMBER, 0}, truth = {HPO_VALUE_TRUTH, 0},
                   text_type = {HPO_VALUE_TEXT, 0};

static vtype type_of(compiler *c, int32_t i);
static vtype emit(compiler *c, int32_t i);
static void emit_number(compiler *c, int32_t i);
static void emit_truth(compiler *c, int32_t i);

/* ---- output ---------------------------------------------------------------------------------------- */

#define FAIL(c, ...)                                                                                         \
    ((c)->status == HPO_OK ? (void)((c)->status = hpo_fail((c)->err, HPO_EINVAL, __VA_ARGS__)) : (void)0)

/* Change of the stack's height by one instruction. */
static int effect(hpo_opcode code)
{
    switch (code) {
    case HPO_OP_CONST:
    case HPO_OP_LOAD:
    case HPO_OP_SUM:
    case HPO_OP_VMIN:
    case HPO_OP_VMAX:
    case HPO_OP_ACTIVE:
        return 1;
    case HPO_OP_LOADX:
    case HPO_OP_TABLE:
    case HPO_OP_NEG:
    case HPO_OP_NOT:
    case HPO_OP_ABS:
    case HPO_OP_LOG:
    case HPO_OP_EXP:
    case HPO_OP_SQRT:
    case HPO_OP_FLOOR:
    case HPO_OP_CEIL:
    case HPO_OP_ROUND:
    case HPO_OP_IN:
        return 0;
    case HPO_OP_SELECT:
        return -2;
    default:
        return -1;
    }
}

static void put(compiler *c, hpo_opcode code, size_t arg, size_t n, double value)
{
    hpo_expr *e = c->e;
    if (c->status != HPO_OK) return;
    c->stack = (size_t)((long)c->stack + effect(code));
    if (e->n_ops >= MAX_OPS || c->stack >= HPO_EXPR_STACK) {
        FAIL(c, "%s '%.60s...': too large; split it", c->what, c->text);
        return;
    }
    c->status = hpo_reserve(&e->ops, &e->cap_ops, e->n_ops + 1, sizeof *e->ops, c->err);
    if (c->status != HPO_OK) return;
    e->ops[e->n_ops++] =
        (hpo_op){.code = (uint16_t)code, .n = (uint32_t)n, .arg = (uint32_t)arg, .value = value};
}

static void put_op(compiler *c, hpo_opcode code)
{
    put(c, code, 0, 0, 0);
}

static void put_const(compiler *c, double v)
{
    put(c, HPO_OP_CONST, 0, 0, v);
}

/* Room for n table entries; gives the first one's place. */
static size_t table_room(compiler *c, size_t n)
{
    hpo_expr *e = c->e;
    if (c->status != HPO_OK) return 0;
    c->status = hpo_reserve(&e->table, &e->cap_table, e->n_table + n, sizeof *e->table, c->err);
    if (c->status != HPO_OK) return 0;
    e->n_table += n;
    return e->n_table - n;
}

static void note_param(compiler *c, size_t p)
{
    hpo_expr *e = c->e;
    size_t at = 0;
    if (c->status != HPO_OK) return;
    while (at < e->n_params && e->params[at] < p)
        at++;
    if (at < e->n_params && e->params[at] == p) return;
    c->status = hpo_reserve(&e->params, &e->cap_params, e->n_params + 1, sizeof *e->params, c->err);
    if (c->status != HPO_OK) return;
    memmove(e->params + at + 1, e->params + at, (e->n_params - at) * sizeof *e->params);
    e->params[at] = (uint32_t)p;
    e->n_params++;
}

/* ---- names ----------------------------------------------------------------------------------------- */

static const hpo_node *node(const compiler *c, int32_t i)
{
    return &c->tree->nodes[i];
}

static const char *name_of(const compiler *c, int32_t i)
{
    return hpo_ast_text(c->tree, node(c, i));
}

/* What a name is: >= 0 a parameter, <= -2 a derived value, -1 neither. */
static int64_t lookup(const compiler *c, const char *name)
{
    return hpo_map_get(&c->s->names, name, -1);
}

static void fail_name(compiler *c, const char *name)
{
    const char *near = hpo_space_nearest_name(c->s, name);
    if (near)
        FAIL(c, "%s '%.200s': unknown name '%.60s'; did you mean '%s'?", c->what, c->text, name, near);
    else
        FAIL(c, "%s '%.200s': unknown name '%.60s'; declare it as a parameter or put quotes around a text",
             c->what, c->text, name);
}

static int is_array(const hpo_param *p)
{
    return p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET ||
           p->kind == HPO_KIND_VECTOR;
}

/* Runs fn on the tree of derived value d. */
static vtype in_derived(compiler *c, size_t d, vtype (*fn)(compiler *, int32_t))
{
    hpo_ast tree;
    const hpo_ast *outer = c->tree;
    vtype t = number;
    if (c->status != HPO_OK) return t;
    if (++c->derived > MAX_DERIVED) {
        FAIL(c,
             "%s: derived value '%s' depends on itself, or on more than %d others in a row; break the circle",
             c->what, c->s->derived[d].name, MAX_DERIVED);
        return t;
    }
    c->status = hpo_ast_parse(&tree, c->s->derived[d].text, c->err);
    if (c->status != HPO_OK) {
        (void)hpo_fail_prefix(c->err, c->status, "%s", c->s->derived[d].name);
        return t;
    }
    c->tree = &tree;
    t = fn(c, tree.root);
    c->tree = outer;
    c->derived--;
    hpo_ast_fini(&tree);
    return t;
}

/* ---- types ----------------------------------------------------------------------------------------- */

static vtype type_of_param(const hpo_param *p, size_t i)
{
    switch (p->kind) {
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
    case HPO_KIND_CONST:
        return (vtype){HPO_VALUE_LABEL, (uint32_t)i};
    case HPO_KIND_BOOL:
        return truth;
    default:
        return number;
    }
}

static int visit(compiler *c)
{
    if (c->status != HPO_OK) return 0;
    if (++c->visits > MAX_VISITS || c->recursion > MAX_RECURSION) {
        FAIL(c, "%s '%.60s...': too complex; split it", c->what, c->text);
        return 0;
    }
    return 1;
}

static int same_labels(const hpo_param *a, const hpo_param *b)
{
    if (a == b) return 1;
    if (a->n_labels != b->n_labels) return 0;
    for (size_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0) return 0;
    return 1;
}

static vtype type_of_cond(compiler *c, const hpo_node *n)
{
    vtype a = type_of(c, n->a), b = type_of(c, n->c);
    const hpo_param *params = c->s->params;
    if (a.type == HPO_VALUE_TRUTH && b.type == HPO_VALUE_TRUTH) return truth;
    if (a.type == HPO_VALUE_LABEL && b.type == HPO_VALUE_LABEL &&
        same_labels(&params[a.param], &params[b.param]))
        return a;
    int a_num = a.type == HPO_VALUE_NUMBER || a.type == HPO_VALUE_TRUTH ||
                (a.type == HPO_VALUE_LABEL && params[a.param].numbers);
    int b_num = b.type == HPO_VALUE_NUMBER || b.type == HPO_VALUE_TRUTH ||
                (b.type == HPO_VALUE_LABEL && params[b.param].numbers);
    return a_num && b_num ? number : text_type;
}

static vtype type_of_index(compiler *c, int32_t i)
{
    int64_t p = lookup(c, name_of(c, i));
    if (p < 0) return number; /* emit reports it */
    const hpo_param *param = &c->s->params[p];
    if (param->kind == HPO_KIND_SUBSET) return truth;
    if (param->kind == HPO_KIND_PERMUTATION && param->labels) return (vtype){HPO_VALUE_LABEL, (uint32_t)p};
    return number;
}

static vtype type_of(compiler *c, int32_t i)
{
    vtype t = number;
    if (!visit(c)) return t;
    c->recursion++;
    const hpo_node *n = node(c, i);
    switch ((hpo_node_type)n->type) {
    case HPO_NODE_TEXT:
        t = text_type;
        break;
    case HPO_NODE_NAME: {
        int64_t p = lookup(c, name_of(c, i));
        if (p >= 0)
            t = type_of_param(&c->s->params[p], (size_t)p);
        else if (p <= -2)
            t = in_derived(c, (size_t)(-2 - p), type_of);
        else
            t = text_type;
        break;
    }
    case HPO_NODE_TRUTH:
    case HPO_NODE_COMPARE:
    case HPO_NODE_LOGIC:
    case HPO_NODE_IN:
        t = truth;
        break;
    case HPO_NODE_UNARY:
        t = n->op == HPO_OP_NOT ? truth : number;
        break;
    case HPO_NODE_COND:
        t = type_of_cond(c, n);
        break;
    case HPO_NODE_CALL:
        t = strcmp(name_of(c, i), "active") == 0 ? truth : number;
        break;
    case HPO_NODE_INDEX:
        t = type_of_index(c, i);
        break;
    default:
        break;
    }
    c->recursion--;
    return t;
}

/* ---- single values --------------------------------------------------------------------------------- */

static void emit_param(compiler *c, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    if (is_array(p)) {
        FAIL(c, "%s '%.200s': %s is a %s: take one entry, as in %s[0], or len(%s)", c->what, c->text, p->name,
             hpo_kind_name(p->kind), p->name, p->name);
        return;
    }
    /* While a trial's fidelity goes up, its other values must stay valid: they are related to the maximum. */
    if (p->is_fidelity && c->want != HPO_WANT_ANY) {
        put_const(c, p->high);
        return;
    }
    note_param(c, i);
    put(c, HPO_OP_LOAD, p->column, 1, 0);
}

/* The value on the stack is a label index of p: turn it into the label's number. */
static void label_to_number(compiler *c, const hpo_param *p)
{
    size_t at = table_room(c, p->n_labels);
    if (c->status != HPO_OK) return;
    memcpy(c->e->table + at, p->numbers, p->n_labels * sizeof(double));
    put(c, HPO_OP_TABLE, at, p->n_labels, 0);
}

/* A label index of `from` becomes the index of the same text among the labels of `to` (-1: none). */
static void label_to_label(compiler *c, const hpo_param *from, const hpo_param *to)
{
    if (same_labels(from, to)) return;
    size_t at = table_room(c, from->n_labels);
    for (size_t i = 0; c->status == HPO_OK && i < from->n_labels; i++)
        c->e->table[at + i] = (double)hpo_param_find_label(to, from->labels[i], strlen(from->labels[i]));
    put(c, HPO_OP_TABLE, at, from->n_labels, 0);
}

/* Index of the label of p that a text, bare word or number means; -1 after an error. */
static int64_t literal_label(compiler *c, const hpo_param *p, int32_t i)
{
    const hpo_node *n = node(c, i);
    if (n->type == HPO_NODE_NUMBER && p->numbers)
        for (size_t k = 0; k < p->n_labels; k++)
            if (p->numbers[k] == n->value) return (int64_t)k;
    if (n->type != HPO_NODE_TEXT && n->type != HPO_NODE_NAME) {
        FAIL(c, "%s '%.200s': '%s' has no such label", c->what, c->text, p->name);
        return -1;
    }
    int64_t k = hpo_param_find_label(p, name_of(c, i), n->len);
    if (k >= 0) return k;
    const char *near = hpo_param_nearest_label(p, name_of(c, i));
    if (near)
        FAIL(c, "%s '%.200s': %s has no label '%.60s'; did you mean '%s'?", c->what, c->text, p->name,
             name_of(c, i), near);
    else
        FAIL(c, "%s '%.200s': %s has no label '%.60s'; its labels begin with '%s'", c->what, c->text, p->name,
             name_of(c, i), p->n_labels ? p->labels[0] : "");
    return -1;
}

static void emit_number(compiler *c, int32_t i)
{
    vtype t = emit(c, i);
    if (c->status != HPO_OK || t.type == HPO_VALUE_NUMBER || t.type == HPO_VALUE_TRUTH) return;
    if (t.type == HPO_VALUE_LABEL && c->s->params[t.param].numbers) {
        label_to_number(c, &c->s->params[t.param]);
        return;
    }
    if (t.type == HPO_VALUE_LABEL)
        FAIL(c, "%s '%.200s': %s has labels, not numbers; compare it with a label, as in %s == '%s'", c->what,
             c->text, c->s->params[t.param].name, c->s->params[t.param].name,
             c->s->params[t.param].labels[0]);
    else
        FAIL(c, "%s '%.200s': a number is needed, not a text", c->what, c->text);
}

static void emit_truth(compiler *c, int32_t i)
{
    vtype t = emit(c, i);
    if (c->status != HPO_OK || t.type == HPO_VALUE_TRUTH) return;
    FAIL(c, "%s '%.200s': a condition (true or false) is needed; compare the value with something", c->what,
         c->text);
}

/* ---- comparisons ----------------------------------------------------------------------------------- */

static void need_order(compiler *c, const hpo_param *p, hpo_opcode op)
{
    if (op == HPO_OP_EQ || op == HPO_OP_NE || p->kind == HPO_KIND_ORDINAL) return;
    FAIL(c, "%s '%.200s': the labels of %s have no order; use == or !=, or make it ordinal", c->what, c->text,
         p->name);
}

/* A literal that is looked up as a label: a quoted text, a bare word. */
static int is_literal(const compiler *c, int32_t i, vtype t)
{
    return t.type == HPO_VALUE_TEXT &&
           (node(c, i)->type == HPO_NODE_TEXT || node(c, i)->type == HPO_NODE_NAME);
}

static void emit_compare(compiler *c, hpo_opcode op, int32_t a, int32_t b)
{
    vtype ta = type_of(c, a), tb = type_of(c, b);
    const hpo_param *params = c->s->params;
    if (c->status != HPO_OK) return;
    int literal_a = is_literal(c, a, ta), literal_b = is_literal(c, b, tb);
    if (ta.type == HPO_VALUE_LABEL && literal_b) {
        need_order(c, &params[ta.param], op);
        (void)emit(c, a);
        put_const(c, (double)literal_label(c, &params[ta.param], b));
    } else if (tb.type == HPO_VALUE_LABEL && literal_a) {
        need_order(c, &params[tb.param], op);
        put_const(c, (double)literal_label(c, &params[tb.param], a));
        (void)emit(c, b);
    } else if (ta.type == HPO_VALUE_LABEL && tb.type == HPO_VALUE_LABEL &&
               !(params[ta.param].numbers && params[tb.param].numbers)) {
        const hpo_param *pa = &params[ta.param], *pb = &params[tb.param];
        need_order(c, pa, op);
        need_order(c, pb, op);
        if (op != HPO_OP_EQ && op != HPO_OP_NE && !same_labels(pa, pb))
            FAIL(c, "%s '%.200s': %s and %s have different labels and cannot be ordered", c->what, c->text,
                 pa->name, pb->name);
        (void)emit(c, a);
        (void)emit(c, b);
        label_to_label(c, pb, pa);
    } else if (literal_a && node(c, a)->type == HPO_NODE_NAME) {
        fail_name(c, name_of(c, a));
    } else if (literal_b && node(c, b)->type == HPO_NODE_NAME) {
        fail_name(c, name_of(c, b));
    } else {
        emit_number(c, a);
        emit_number(c, b);
    }
    put_op(c, op);
}

/* `entry in subset`: whether the item was chosen. */
static void emit_member(compiler *c, int32_t entry, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    if (p->kind != HPO_KIND_SUBSET) {
        FAIL(c, "%s '%.200s': 'in' needs a list [..] or a subset; %s is a %s", c->what, c->text, p->name,
             hpo_kind_name(p->kind));
        return;
    }
    note_param(c, i);
    vtype t = type_of(c, entry);
    if (t.type == HPO_VALUE_LABEL) {
        (void)emit(c, entry);
        label_to_label(c, &c->s->params[t.param], p);
        /* A label that the subset does not know would index from the end: send it far out instead. */
        put_const(c, -0.5);
        put_op(c, HPO_OP_MAX);
        put(c, HPO_OP_LOADX, p->column, p->n_items, 0);
        return;
    }
    int64_t k = literal_label(c, p, entry);
    if (c->status == HPO_OK) put(c, HPO_OP_LOAD, p->column + (size_t)k, 1, 0);
}

/* The constant that list entry e stands for beside a value of type t; 0 when it is not one. */
static int constant_entry(compiler *c, vtype t, int32_t e, double *out)
{
    const hpo_node *n = node(c, e);
    int negative = n->type == HPO_NODE_UNARY && n->op == HPO_OP_NEG && node(c, n->a)->type == HPO_NODE_NUMBER;
    if (t.type == HPO_VALUE_LABEL &&
        (n->type == HPO_NODE_TEXT || (n->type == HPO_NODE_NAME && lookup(c, name_of(c, e)) == -1) ||
         (n->type == HPO_NODE_NUMBER && c->s->params[t.param].numbers))) {
        *out = (double)literal_label(c, &c->s->params[t.param], e);
        return 1;
    }
    if (t.type == HPO_VALUE_LABEL) return 0;
    if (n->type == HPO_NODE_NUMBER || n->type == HPO_NODE_TRUTH || negative) {
        *out = negative ? -node(c, n->a)->value : n->value;
        return 1;
    }
    return 0;
}

static void emit_in(compiler *c, const hpo_node *n)
{
    int32_t left = n->a;
    const hpo_node *right = node(c, n->b);
    if (right->type == HPO_NODE_NAME) {
        int64_t p = lookup(c, name_of(c, n->b));
        if (p < 0)
            fail_name(c, name_of(c, n->b));
        else
            emit_member(c, left, (size_t)p);
        return;
    }
    vtype t = type_of(c, left);
    if (is_literal(c, left, t) && node(c, left)->type == HPO_NODE_NAME) {
        fail_name(c, name_of(c, left));
        return;
    }
    size_t constants = 0, others = 0;
    double v = 0;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = node(c, e)->next)
        *(constant_entry(c, t, e, &v) ? &constants : &others) += 1;
    vtype got = emit(c, left);
    (void)got;
    size_t at = table_room(c, constants), k = at;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = node(c, e)->next)
        if (constant_entry(c, t, e, &v)) c->e->table[k++] = v;
    put(c, HPO_OP_IN, at, constants, 0);
    if (others == 0) return;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = node(c, e)->next) {
        if (constant_entry(c, t, e, &v)) continue;
        emit_compare(c, HPO_OP_EQ, left, e);
        put_op(c, HPO_OP_OR);
    }
}

/* ---- calls and entries ----------------------------------------------------------------------------- */

static void emit_index(compiler *c, int32_t i)
{
    const hpo_node *n = node(c, i);
    const char *name = name_of(c, i);
    int64_t p = lookup(c, name);
    if (p < 0) {
        fail_name(c, name);
        return;
    }
    const hpo_param *param = &c->s->params[p];
    if (!is_array(param)) {
        FAIL(c, "%s '%.200s': %s is one value and has no entries; leave [..] out", c->what, c->text, name);
        return;
    }
    note_param(c, (size_t)p);
    const hpo_node *index = node(c, n->a);
    vtype t = type_of(c, n->a);
    if (param->kind == HPO_KIND_SUBSET && is_literal(c, n->a, t)) {
        int64_t k = literal_label(c, param, n->a);
        if (c->status == HPO_OK) put(c, HPO_OP_LOAD, param->column + (size_t)k, 1, 0);
        return;
    }
    if (index->type == HPO_NODE_NUMBER &&
        (index->value < 0 || index->value >= (double)param->n_items || index->value != floor(index->value))) {
        FAIL(c, "%s '%.200s': %s has entries 0 to %d", c->what, c->text, name, (int)param->n_items - 1);
        return;
    }
    if (index->type == HPO_NODE_NUMBER) {
        put(c, HPO_OP_LOAD, param->column + (size_t)index->value, 1, 0);
        return;
    }
    emit_number(c, n->a);
    put(c, HPO_OP_LOADX, param->column, param->n_items, 0);
}

/* len(a), sum(a), min(a), max(a) of a parameter with several entries. */
static void emit_array_call(compiler *c, const char *fn, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    note_param(c, i);
    if (strcmp(fn, "len") == 0 && p->kind != HPO_KIND_SUBSET) {
        /* Constant, but unknown while the parameter is inactive. */
        put(c, HPO_OP_LOAD, p->column, 1, 0);
        put_const(c, 0);
        put_op(c, HPO_OP_MUL);
        put_const(c, (double)p->n_items);
        put_op(c, HPO_OP_ADD);
        return;
    }
    if (p->kind == HPO_KIND_PERMUTATION) {
        FAIL(c, "%s '%.200s': %s of a permutation is always the same; take entries, as in %s[0]", c->what,
             c->text, fn, p->name);
        return;
    }
    hpo_opcode op = strcmp(fn, "min") == 0 ? HPO_OP_VMIN : strcmp(fn, "max") == 0 ? HPO_OP_VMAX : HPO_OP_SUM;
    put(c, op, p->column, p->n_items, 0);
}

static void emit_active(compiler *c, int32_t arg)
{
    int64_t p = arg >= 0 && node(c, arg)->next < 0 && node(c, arg)->type == HPO_NODE_NAME
                    ? lookup(c, name_of(c, arg))
                    : -1;
    if (p < 0) {
        FAIL(c, "%s '%.200s': active() takes the name of one parameter", c->what, c->text);
        return;
    }
    note_param(c, (size_t)p);
    put(c, HPO_OP_ACTIVE, c->s->params[p].column, 1, 0);
}

static void emit_call(compiler *c, int32_t i)
{
    static const struct {
        const char *name;
        hpo_opcode op;
    } unary[] = {{"abs", HPO_OP_ABS},    {"log", HPO_OP_LOG},     {"exp", HPO_OP_EXP},
                 {"sqrt", HPO_OP_SQRT},  {"floor", HPO_OP_FLOOR}, {"ceil", HPO_OP_CEIL},
                 {"round", HPO_OP_ROUND}};
    const char *fn = name_of(c, i);
    int32_t arg = node(c, i)->a;
    if (strcmp(fn, "active") == 0) {
        emit_active(c, arg);
        return;
    }
    for (size_t k = 0; k < sizeof unary / sizeof *unary; k++) {
        if (strcmp(fn, unary[k].name) != 0) continue;
        if (arg < 0 || node(c, arg)->next >= 0) {
            FAIL(c, "%s '%.200s': %s() takes one value", c->what, c->text, fn);
            return;
        }
        emit_number(c, arg);
        put_op(c, unary[k].op);
        return;
    }
    int is_min = strcmp(fn, "min") == 0, is_max = strcmp(fn, "max") == 0, is_sum = strcmp(fn, "sum") == 0;
    if (!is_min && !is_max && !is_sum && strcmp(fn, "len") != 0) {
        FAIL(c,
             "%s '%.200s': unknown function '%.60s'; there are min, max, abs, log, exp, sqrt, floor, ceil, "
             "round, "
             "len, sum, active",
             c->what, c->text, fn);
        return;
    }
    int64_t p = arg >= 0 && node(c, arg)->next < 0 && node(c, arg)->type == HPO_NODE_NAME
                    ? lookup(c, name_of(c, arg))
                    : -1;
    if (p >= 0 && is_array(&c->s->params[p])) {
        emit_array_call(c, fn, (size_t)p);
        return;
    }
    if (arg < 0 || !(is_min || is_max || is_sum)) {
        FAIL(c, "%s '%.200s': %s() takes %s", c->what, c->text, fn,
             is_min || is_max || is_sum ? "at least one value" : "a parameter with several entries");
        return;
    }
    emit_number(c, arg);
    for (int32_t e = node(c, arg)->next; e >= 0 && c->status == HPO_OK; e = node(c, e)->next) {
        emit_number(c, e);
        put_op(c, is_min ? HPO_OP_MIN : is_max ? HPO_OP_MAX : HPO_OP_ADD);
    }
}

/* ---- texts as values (derived values only) ----------------------------------------------------------- */

static size_t pool_index(compiler *c, const char *text)
{
    hpo_expr *e = c->e;
    for (size_t i = 0; i < e->n_texts; i++)
        if (strcmp(e->texts[i], text) == 0) return i;
    if (c->status != HPO_OK) return 0;
    c->status = hpo_reserve(&e->texts, &e->cap_texts, e->n_texts + 1, sizeof *e->texts, c->err);
    if (c->status != HPO_OK) return 0;
    char *copy = hpo_strdup(text);
    if (!copy) {
        c->status = hpo_fail_memory(c->err);
        return 0;
    }
    e->texts[e->n_texts++] = copy;
    return e->n_texts - 1;
}

static vtype emit_text(compiler *c, int32_t i)
{
    if (!visit(c)) return text_type;
    const hpo_node *n = node(c, i);
    vtype t = type_of(c, i);
    if (c->status != HPO_OK) return text_type;
    if (n->type == HPO_NODE_COND) {
        c->recursion++;
        (void)emit_text(c, n->a);
        emit_truth(c, n->b);
        (void)emit_text(c, n->c);
        put_op(c, HPO_OP_SELECT);
        c->recursion--;
    } else if (n->type == HPO_NODE_TEXT) {
        put_const(c, (double)pool_index(c, name_of(c, i)));
    } else if (n->type == HPO_NODE_NAME && t.type == HPO_VALUE_TEXT) {
        int64_t d = lookup(c, name_of(c, i));
        if (d <= -2)
            (void)in_derived(c, (size_t)(-2 - d), emit_text);
        else
            fail_name(c, name_of(c, i));
    } else if (t.type == HPO_VALUE_LABEL) {
        const hpo_param *p = &c->s->params[t.param];
        (void)emit(c, i);
        size_t at = table_room(c, p->n_labels);
        for (size_t k = 0; c->status == HPO_OK && k < p->n_labels; k++)
            c->e->table[at + k] = (double)pool_index(c, p->labels[k]);
        put(c, HPO_OP_TABLE, at, p->n_labels, 0);
    } else {
        FAIL(c, "%s '%.200s': mixes texts and numbers; make all of them texts", c->what, c->text);
    }
    return text_type;
}

/* ---- the whole tree -------------------------------------------------------------------------------- */

static vtype emit_name(compiler *c, int32_t i)
{
    const char *name = name_of(c, i);
    int64_t p = lookup(c, name);
    if (p <= -2) return in_derived(c, (size_t)(-2 - p), emit);
    if (p < 0) {
        fail_name(c, name);
        return number;
    }
    emit_param(c, (size_t)p);
    return type_of_param(&c->s->params[p], (size_t)p);
}

static vtype emit_cond(compiler *c, int32_t i)
{
    const hpo_node *n = node(c, i);
    vtype t = type_of_cond(c, n);
    if (c->status != HPO_OK) return t;
    if (t.type == HPO_VALUE_TEXT) {
        if (c->want != HPO_WANT_ANY)
            FAIL(c, "%s '%.200s': 'if ... else' cannot choose between texts here", c->what, c->text);
        return emit_text(c, i);
    }
    if (t.type == HPO_VALUE_NUMBER)
        emit_number(c, n->a);
    else
        (void)emit(c, n->a);
    emit_truth(c, n->b);
    if (t.type == HPO_VALUE_NUMBER)
        emit_number(c, n->c);
    else
        (void)emit(c, n->c);
    put_op(c, HPO_OP_SELECT);
    return t;
}

/* Code for node i; the type of what it leaves on the stack. */
static vtype emit(compiler *c, int32_t i)
{
    vtype t = number;
    if (!visit(c)) return t;
    c->recursion++;
    const hpo_node *n = node(c, i);
    switch ((hpo_node_type)n->type) {
    case HPO_NODE_NUMBER:
        put_const(c, n->value);
        break;
    case HPO_NODE_TRUTH:
        put_const(c, n->value);
        t = truth;
        break;
    case HPO_NODE_TEXT:
        if (c->want != HPO_WANT_ANY)
            FAIL(c, "%s '%.200s': a text can only be compared with a label", c->what, c->text);
        t = emit_text(c, i);
        break;
    case HPO_NODE_NAME:
        t = emit_name(c, i);
        break;
    case HPO_NODE_UNARY:
        if (n->op == HPO_OP_NOT)
            emit_truth(c, n->a);
        else
            emit_number(c, n->a);
        put_op(c, (hpo_opcode)n->op);
        t = n->op == HPO_OP_NOT ? truth : number;
        break;
    case HPO_NODE_BINARY:
        emit_number(c, n->a);
        emit_number(c, n->b);
        put_op(c, (hpo_opcode)n->op);
        break;
    case HPO_NODE_COMPARE:
        emit_compare(c, (hpo_opcode)n->op, n->a, n->b);
        t = truth;
        break;
    case HPO_NODE_LOGIC:
        emit_truth(c, n->a);
        emit_truth(c, n->b);
        put_op(c, (hpo_opcode)n->op);
        t = truth;
        break;
    case HPO_NODE_IN:
        emit_in(c, n);
        t = truth;
        break;
    case HPO_NODE_LIST:
        FAIL(c, "%s '%.200s': a list can only stand behind 'in'", c->what, c->text);
        break;
    case HPO_NODE_COND:
        t = emit_cond(c, i);
        break;
    case HPO_NODE_CALL:
        t = type_of(c, i);
        emit_call(c, i);
        break;
    case HPO_NODE_INDEX:
        t = type_of_index(c, i);
        emit_index(c, i);
        break;
    }
    c->recursion--;
    return t;
}

hpo_status hpo_expr_compile(const hpo_space *s, const char *text, hpo_expr_want want, const char *what,
                            hpo_expr **out, hpo_error *err)
{
    hpo_ast tree;
    *out = NULL;
    hpo_status status = hpo_ast_parse(&tree, text, err);
    if (status != HPO_OK) return hpo_fail_prefix(err, status, "%s", what);
    hpo_expr *e = hpo_calloc(1, sizeof *e);
    if (!e) {
        hpo_ast_fini(&tree);
        return hpo_fail_memory(err);
    }
    compiler c = {.s = s, .tree = &tree, .e = e, .want = want, .what = what, .text = text, .err = err};
    vtype t = number;
    if (want == HPO_WANT_TRUTH)
        emit_truth(&c, tree.root);
    else if (want == HPO_WANT_NUMBER)
        emit_number(&c, tree.root);
    else
        t = emit(&c, tree.root);
    e->type = want == HPO_WANT_TRUTH ? HPO_VALUE_TRUTH : t.type;
    e->label_param = t.param;
    hpo_ast_fini(&tree);
    if (c.status != HPO_OK)
        hpo_expr_free(e);
    else
        *out = e;
    return c.status;
}

void hpo_expr_free(hpo_expr *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n_texts; i++)
        hpo_free(e->texts[i]);
    hpo_free(e->texts);
    hpo_free(e->ops);
    hpo_free(e->table);
    hpo_free(e->params);
    hpo_free(e);
}
