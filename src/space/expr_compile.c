/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_compile.c - expressions: tree to typed bytecode.
 *
 * A label meets a text by looking the text up among the labels, meets a number through the table of the
 * labels' numbers, and meets a label of another parameter through a table of equal texts.  Derived values are
 * compiled in place. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "space/expr_compiler.h"

static const hpo_vtype number = {HPO_VALUE_NUMBER, 0}, truth = {HPO_VALUE_TRUTH, 0},
                       text_type = {HPO_VALUE_TEXT, 0};

static hpo_vtype emit(hpo_compiler *c, int32_t i);

/* ---- single values ---- */

static void emit_param(hpo_compiler *c, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    if (hpo_expr_is_array(p)) {
        FAIL(c, "%s '%.200s': %s is a %s: take one entry, as in %s[0], or len(%s)", c->what, c->text, p->name,
             hpo_kind_name(p->kind), p->name, p->name);
        return;
    }
    /* While a trial's fidelity goes up, its other values must stay valid: they are related to the maximum. */
    if (p->is_fidelity && c->want != HPO_WANT_ANY) {
        hpo_code_const(c, p->high);
        return;
    }
    hpo_code_reads(c, i);
    hpo_code_put(c, HPO_OP_LOAD, p->column, 1, 0);
}

/* Index of the label of p that a text, bare word or number means; -1 after an error. */
static int64_t literal_label(hpo_compiler *c, const hpo_param *p, int32_t i)
{
    const hpo_node *n = hpo_expr_node(c, i);
    if (n->type == HPO_NODE_NUMBER && p->numbers)
        for (size_t k = 0; k < p->n_labels; k++)
            if (p->numbers[k] == n->value) return (int64_t)k;
    if (n->type != HPO_NODE_TEXT && n->type != HPO_NODE_NAME) {
        FAIL(c, "%s '%.200s': '%s' has no such label", c->what, c->text, p->name);
        return -1;
    }
    int64_t k = hpo_param_find_label(p, hpo_expr_name(c, i), n->len);
    if (k >= 0) return k;
    const char *near = hpo_param_nearest_label(p, hpo_expr_name(c, i));
    if (near)
        FAIL(c, "%s '%.200s': %s has no label '%.60s'; did you mean '%s'?", c->what, c->text, p->name,
             hpo_expr_name(c, i), near);
    else
        FAIL(c, "%s '%.200s': %s has no label '%.60s'; its labels begin with '%s'", c->what, c->text, p->name,
             hpo_expr_name(c, i), p->n_labels ? p->labels[0] : "");
    return -1;
}

static void emit_number(hpo_compiler *c, int32_t i)
{
    hpo_vtype t = emit(c, i);
    if (c->status != HPO_OK || t.type == HPO_VALUE_NUMBER || t.type == HPO_VALUE_TRUTH) return;
    if (t.type == HPO_VALUE_LABEL && c->s->params[t.param].numbers) {
        hpo_code_label_to_number(c, &c->s->params[t.param]);
        return;
    }
    if (t.type == HPO_VALUE_LABEL)
        FAIL(c, "%s '%.200s': %s has labels, not numbers; compare it with a label, as in %s == '%s'", c->what,
             c->text, c->s->params[t.param].name, c->s->params[t.param].name,
             c->s->params[t.param].labels[0]);
    else
        FAIL(c, "%s '%.200s': a number is needed, not a text", c->what, c->text);
}

static void emit_truth(hpo_compiler *c, int32_t i)
{
    hpo_vtype t = emit(c, i);
    if (c->status != HPO_OK || t.type == HPO_VALUE_TRUTH) return;
    FAIL(c, "%s '%.200s': a condition (true or false) is needed; compare the value with something", c->what,
         c->text);
}

/* ---- comparisons ---- */

static void need_order(hpo_compiler *c, const hpo_param *p, hpo_opcode op)
{
    if (op == HPO_OP_EQ || op == HPO_OP_NE || p->kind == HPO_KIND_ORDINAL) return;
    FAIL(c, "%s '%.200s': the labels of %s have no order; use == or !=, or make it ordinal", c->what, c->text,
         p->name);
}

/* A literal that is looked up as a label: a quoted text, a bare word. */
static int is_literal(const hpo_compiler *c, int32_t i, hpo_vtype t)
{
    return t.type == HPO_VALUE_TEXT &&
           (hpo_expr_node(c, i)->type == HPO_NODE_TEXT || hpo_expr_node(c, i)->type == HPO_NODE_NAME);
}

static void emit_compare(hpo_compiler *c, hpo_opcode op, int32_t a, int32_t b)
{
    hpo_vtype ta = hpo_expr_type_of(c, a), tb = hpo_expr_type_of(c, b);
    const hpo_param *params = c->s->params;
    if (c->status != HPO_OK) return;
    int literal_a = is_literal(c, a, ta), literal_b = is_literal(c, b, tb);
    if (ta.type == HPO_VALUE_LABEL && literal_b) {
        need_order(c, &params[ta.param], op);
        (void)emit(c, a);
        hpo_code_const(c, (double)literal_label(c, &params[ta.param], b));
    } else if (tb.type == HPO_VALUE_LABEL && literal_a) {
        need_order(c, &params[tb.param], op);
        hpo_code_const(c, (double)literal_label(c, &params[tb.param], a));
        (void)emit(c, b);
    } else if (ta.type == HPO_VALUE_LABEL && tb.type == HPO_VALUE_LABEL &&
               !(params[ta.param].numbers && params[tb.param].numbers)) {
        const hpo_param *pa = &params[ta.param], *pb = &params[tb.param];
        need_order(c, pa, op);
        need_order(c, pb, op);
        if (op != HPO_OP_EQ && op != HPO_OP_NE && !hpo_expr_same_labels(pa, pb))
            FAIL(c, "%s '%.200s': %s and %s have different labels and cannot be ordered", c->what, c->text,
                 pa->name, pb->name);
        (void)emit(c, a);
        (void)emit(c, b);
        hpo_code_label_to_label(c, pb, pa);
    } else if (literal_a && hpo_expr_node(c, a)->type == HPO_NODE_NAME) {
        hpo_expr_fail_name(c, hpo_expr_name(c, a));
    } else if (literal_b && hpo_expr_node(c, b)->type == HPO_NODE_NAME) {
        hpo_expr_fail_name(c, hpo_expr_name(c, b));
    } else {
        emit_number(c, a);
        emit_number(c, b);
    }
    hpo_code_op(c, op);
}

/* `entry in subset`: whether the item was chosen. */
static void emit_member(hpo_compiler *c, int32_t entry, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    if (p->kind != HPO_KIND_SUBSET) {
        FAIL(c, "%s '%.200s': 'in' needs a list [..] or a subset; %s is a %s", c->what, c->text, p->name,
             hpo_kind_name(p->kind));
        return;
    }
    hpo_code_reads(c, i);
    hpo_vtype t = hpo_expr_type_of(c, entry);
    if (t.type == HPO_VALUE_LABEL) {
        (void)emit(c, entry);
        hpo_code_label_to_label(c, &c->s->params[t.param], p);
        /* A label that the subset does not know would index from the end: send it far out instead. */
        hpo_code_const(c, -0.5);
        hpo_code_op(c, HPO_OP_MAX);
        hpo_code_put(c, HPO_OP_LOADX, p->column, p->n_items, 0);
        return;
    }
    int64_t k = literal_label(c, p, entry);
    if (c->status == HPO_OK) hpo_code_put(c, HPO_OP_LOAD, p->column + (size_t)k, 1, 0);
}

/* The constant that list entry e stands for beside a value of type t; 0 when it is not one. */
static int constant_entry(hpo_compiler *c, hpo_vtype t, int32_t e, double *out)
{
    const hpo_node *n = hpo_expr_node(c, e);
    int negative =
        n->type == HPO_NODE_UNARY && n->op == HPO_OP_NEG && hpo_expr_node(c, n->a)->type == HPO_NODE_NUMBER;
    if (t.type == HPO_VALUE_LABEL &&
        (n->type == HPO_NODE_TEXT ||
         (n->type == HPO_NODE_NAME && hpo_expr_lookup(c, hpo_expr_name(c, e)) == -1) ||
         (n->type == HPO_NODE_NUMBER && c->s->params[t.param].numbers))) {
        *out = (double)literal_label(c, &c->s->params[t.param], e);
        return 1;
    }
    if (t.type == HPO_VALUE_LABEL) return 0;
    if (n->type == HPO_NODE_NUMBER || n->type == HPO_NODE_TRUTH || negative) {
        *out = negative ? -hpo_expr_node(c, n->a)->value : n->value;
        return 1;
    }
    return 0;
}

static void emit_in(hpo_compiler *c, const hpo_node *n)
{
    int32_t left = n->a;
    const hpo_node *right = hpo_expr_node(c, n->b);
    if (right->type == HPO_NODE_NAME) {
        int64_t p = hpo_expr_lookup(c, hpo_expr_name(c, n->b));
        if (p < 0)
            hpo_expr_fail_name(c, hpo_expr_name(c, n->b));
        else
            emit_member(c, left, (size_t)p);
        return;
    }
    hpo_vtype t = hpo_expr_type_of(c, left);
    if (is_literal(c, left, t) && hpo_expr_node(c, left)->type == HPO_NODE_NAME) {
        hpo_expr_fail_name(c, hpo_expr_name(c, left));
        return;
    }
    size_t constants = 0, others = 0;
    double v = 0;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = hpo_expr_node(c, e)->next)
        *(constant_entry(c, t, e, &v) ? &constants : &others) += 1;
    hpo_vtype got = emit(c, left);
    (void)got;
    size_t at = hpo_code_table(c, constants), k = at;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = hpo_expr_node(c, e)->next)
        if (constant_entry(c, t, e, &v)) c->e->table[k++] = v;
    hpo_code_put(c, HPO_OP_IN, at, constants, 0);
    if (others == 0) return;
    for (int32_t e = right->a; e >= 0 && c->status == HPO_OK; e = hpo_expr_node(c, e)->next) {
        if (constant_entry(c, t, e, &v)) continue;
        emit_compare(c, HPO_OP_EQ, left, e);
        hpo_code_op(c, HPO_OP_OR);
    }
}

/* ---- calls and entries ---- */

static void emit_index(hpo_compiler *c, int32_t i)
{
    const hpo_node *n = hpo_expr_node(c, i);
    const char *name = hpo_expr_name(c, i);
    int64_t p = hpo_expr_lookup(c, name);
    if (p < 0) {
        hpo_expr_fail_name(c, name);
        return;
    }
    const hpo_param *param = &c->s->params[p];
    if (!hpo_expr_is_array(param)) {
        FAIL(c, "%s '%.200s': %s is one value and has no entries; leave [..] out", c->what, c->text, name);
        return;
    }
    hpo_code_reads(c, (size_t)p);
    const hpo_node *index = hpo_expr_node(c, n->a);
    hpo_vtype t = hpo_expr_type_of(c, n->a);
    if (param->kind == HPO_KIND_SUBSET && is_literal(c, n->a, t)) {
        int64_t k = literal_label(c, param, n->a);
        if (c->status == HPO_OK) hpo_code_put(c, HPO_OP_LOAD, param->column + (size_t)k, 1, 0);
        return;
    }
    if (index->type == HPO_NODE_NUMBER &&
        (index->value < 0 || index->value >= (double)param->n_items || index->value != floor(index->value))) {
        FAIL(c, "%s '%.200s': %s has entries 0 to %d", c->what, c->text, name, (int)param->n_items - 1);
        return;
    }
    if (index->type == HPO_NODE_NUMBER) {
        hpo_code_put(c, HPO_OP_LOAD, param->column + (size_t)index->value, 1, 0);
        return;
    }
    emit_number(c, n->a);
    hpo_code_put(c, HPO_OP_LOADX, param->column, param->n_items, 0);
}

/* len(a), sum(a), min(a), max(a) of a parameter with several entries. */
static void emit_array_call(hpo_compiler *c, const char *fn, size_t i)
{
    const hpo_param *p = &c->s->params[i];
    hpo_code_reads(c, i);
    if (strcmp(fn, "len") == 0 && p->kind != HPO_KIND_SUBSET) {
        /* Constant, but unknown while the parameter is inactive. */
        hpo_code_put(c, HPO_OP_LOAD, p->column, 1, 0);
        hpo_code_const(c, 0);
        hpo_code_op(c, HPO_OP_MUL);
        hpo_code_const(c, (double)p->n_items);
        hpo_code_op(c, HPO_OP_ADD);
        return;
    }
    if (p->kind == HPO_KIND_PERMUTATION) {
        FAIL(c, "%s '%.200s': %s of a permutation is always the same; take entries, as in %s[0]", c->what,
             c->text, fn, p->name);
        return;
    }
    hpo_opcode op = strcmp(fn, "min") == 0 ? HPO_OP_VMIN : strcmp(fn, "max") == 0 ? HPO_OP_VMAX : HPO_OP_SUM;
    hpo_code_put(c, op, p->column, p->n_items, 0);
}

static void emit_active(hpo_compiler *c, int32_t arg)
{
    int64_t p = arg >= 0 && hpo_expr_node(c, arg)->next < 0 && hpo_expr_node(c, arg)->type == HPO_NODE_NAME
                    ? hpo_expr_lookup(c, hpo_expr_name(c, arg))
                    : -1;
    if (p < 0) {
        FAIL(c, "%s '%.200s': active() takes the name of one parameter", c->what, c->text);
        return;
    }
    hpo_code_reads(c, (size_t)p);
    hpo_code_put(c, HPO_OP_ACTIVE, c->s->params[p].column, 1, 0);
}

static void emit_call(hpo_compiler *c, int32_t i)
{
    static const struct {
        const char *name;
        hpo_opcode op;
    } unary[] = {{"abs", HPO_OP_ABS},    {"log", HPO_OP_LOG},     {"exp", HPO_OP_EXP},
                 {"sqrt", HPO_OP_SQRT},  {"floor", HPO_OP_FLOOR}, {"ceil", HPO_OP_CEIL},
                 {"round", HPO_OP_ROUND}};
    const char *fn = hpo_expr_name(c, i);
    int32_t arg = hpo_expr_node(c, i)->a;
    if (strcmp(fn, "active") == 0) {
        emit_active(c, arg);
        return;
    }
    for (size_t k = 0; k < sizeof unary / sizeof *unary; k++) {
        if (strcmp(fn, unary[k].name) != 0) continue;
        if (arg < 0 || hpo_expr_node(c, arg)->next >= 0) {
            FAIL(c, "%s '%.200s': %s() takes one value", c->what, c->text, fn);
            return;
        }
        emit_number(c, arg);
        hpo_code_op(c, unary[k].op);
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
    int64_t p = arg >= 0 && hpo_expr_node(c, arg)->next < 0 && hpo_expr_node(c, arg)->type == HPO_NODE_NAME
                    ? hpo_expr_lookup(c, hpo_expr_name(c, arg))
                    : -1;
    if (p >= 0 && hpo_expr_is_array(&c->s->params[p])) {
        emit_array_call(c, fn, (size_t)p);
        return;
    }
    if (arg < 0 || !(is_min || is_max || is_sum)) {
        FAIL(c, "%s '%.200s': %s() takes %s", c->what, c->text, fn,
             is_min || is_max || is_sum ? "at least one value" : "a parameter with several entries");
        return;
    }
    emit_number(c, arg);
    for (int32_t e = hpo_expr_node(c, arg)->next; e >= 0 && c->status == HPO_OK;
         e = hpo_expr_node(c, e)->next) {
        emit_number(c, e);
        hpo_code_op(c, is_min ? HPO_OP_MIN : is_max ? HPO_OP_MAX : HPO_OP_ADD);
    }
}

/* ---- texts as values (derived values only) ---- */

static hpo_vtype emit_text(hpo_compiler *c, int32_t i)
{
    if (!hpo_expr_visit(c)) return text_type;
    const hpo_node *n = hpo_expr_node(c, i);
    hpo_vtype t = hpo_expr_type_of(c, i);
    if (c->status != HPO_OK) return text_type;
    if (n->type == HPO_NODE_COND) {
        c->recursion++;
        (void)emit_text(c, n->a);
        emit_truth(c, n->b);
        (void)emit_text(c, n->c);
        hpo_code_op(c, HPO_OP_SELECT);
        c->recursion--;
    } else if (n->type == HPO_NODE_TEXT) {
        hpo_code_const(c, (double)hpo_code_text(c, hpo_expr_name(c, i)));
    } else if (n->type == HPO_NODE_NAME && t.type == HPO_VALUE_TEXT) {
        int64_t d = hpo_expr_lookup(c, hpo_expr_name(c, i));
        if (d <= -2)
            (void)hpo_expr_in_derived(c, (size_t)(-2 - d), emit_text);
        else
            hpo_expr_fail_name(c, hpo_expr_name(c, i));
    } else if (t.type == HPO_VALUE_LABEL) {
        const hpo_param *p = &c->s->params[t.param];
        (void)emit(c, i);
        size_t at = hpo_code_table(c, p->n_labels);
        for (size_t k = 0; c->status == HPO_OK && k < p->n_labels; k++)
            c->e->table[at + k] = (double)hpo_code_text(c, p->labels[k]);
        hpo_code_put(c, HPO_OP_TABLE, at, p->n_labels, 0);
    } else {
        FAIL(c, "%s '%.200s': mixes texts and numbers; make all of them texts", c->what, c->text);
    }
    return text_type;
}

/* ---- the whole tree ---- */

static hpo_vtype emit_name(hpo_compiler *c, int32_t i)
{
    const char *name = hpo_expr_name(c, i);
    int64_t p = hpo_expr_lookup(c, name);
    if (p <= -2) return hpo_expr_in_derived(c, (size_t)(-2 - p), emit);
    if (p < 0) {
        hpo_expr_fail_name(c, name);
        return number;
    }
    emit_param(c, (size_t)p);
    return hpo_expr_type_of_param(&c->s->params[p], (size_t)p);
}

static hpo_vtype emit_cond(hpo_compiler *c, int32_t i)
{
    const hpo_node *n = hpo_expr_node(c, i);
    hpo_vtype t = hpo_expr_type_of_cond(c, n);
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
    hpo_code_op(c, HPO_OP_SELECT);
    return t;
}

/* Code for node i; the type of what it leaves on the stack. */
static hpo_vtype emit(hpo_compiler *c, int32_t i)
{
    hpo_vtype t = number;
    if (!hpo_expr_visit(c)) return t;
    c->recursion++;
    const hpo_node *n = hpo_expr_node(c, i);
    switch ((hpo_node_type)n->type) {
    case HPO_NODE_NUMBER:
        hpo_code_const(c, n->value);
        break;
    case HPO_NODE_TRUTH:
        hpo_code_const(c, n->value);
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
        hpo_code_op(c, (hpo_opcode)n->op);
        t = n->op == HPO_OP_NOT ? truth : number;
        break;
    case HPO_NODE_BINARY:
        emit_number(c, n->a);
        emit_number(c, n->b);
        hpo_code_op(c, (hpo_opcode)n->op);
        break;
    case HPO_NODE_COMPARE:
        emit_compare(c, (hpo_opcode)n->op, n->a, n->b);
        t = truth;
        break;
    case HPO_NODE_LOGIC:
        emit_truth(c, n->a);
        emit_truth(c, n->b);
        hpo_code_op(c, (hpo_opcode)n->op);
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
        t = hpo_expr_type_of(c, i);
        emit_call(c, i);
        break;
    case HPO_NODE_INDEX:
        t = hpo_expr_type_of_index(c, i);
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
    hpo_compiler c = {.s = s, .tree = &tree, .e = e, .want = want, .what = what, .text = text, .err = err};
    hpo_vtype t = number;
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
