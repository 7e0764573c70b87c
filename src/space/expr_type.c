/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_type.c - expressions: what names mean, and the type of every part of the tree.
 *
 * Types: number, truth, label (index into the labels of one parameter), text.  Derived values are read in
 * place. */
#include <string.h>

#include "space/expr_compiler.h"

enum {
    MAX_RECURSION = 5000, /* a sum of 4096 terms is a tree as deep */
    MAX_VISITS = 200000,  /* chains and derived values are compiled once per mention: bound the product */
    MAX_DERIVED = 16      /* derived values within derived values */
};

static const hpo_vtype number = {HPO_VALUE_NUMBER, 0}, truth = {HPO_VALUE_TRUTH, 0},
                       text_type = {HPO_VALUE_TEXT, 0};

void hpo_expr_fail_name(hpo_compiler *c, const char *name)
{
    const char *near = hpo_space_nearest_name(c->s, name);
    if (near)
        FAIL(c, "%s '%.200s': unknown name '%.60s'; did you mean '%s'?", c->what, c->text, name, near);
    else
        FAIL(c, "%s '%.200s': unknown name '%.60s'; declare it as a parameter or put quotes around a text",
             c->what, c->text, name);
}

hpo_vtype hpo_expr_in_derived(hpo_compiler *c, size_t d, hpo_vtype (*fn)(hpo_compiler *, int32_t))
{
    hpo_ast tree;
    const hpo_ast *outer = c->tree;
    hpo_vtype t = number;
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

hpo_vtype hpo_expr_type_of_param(const hpo_param *p, size_t i)
{
    switch (p->kind) {
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
    case HPO_KIND_CONST:
        return (hpo_vtype){HPO_VALUE_LABEL, (uint32_t)i};
    case HPO_KIND_BOOL:
        return truth;
    default:
        return number;
    }
}

int hpo_expr_visit(hpo_compiler *c)
{
    if (c->status != HPO_OK) return 0;
    if (++c->visits > MAX_VISITS || c->recursion > MAX_RECURSION) {
        FAIL(c, "%s '%.60s...': too complex; split it", c->what, c->text);
        return 0;
    }
    return 1;
}

int hpo_expr_same_labels(const hpo_param *a, const hpo_param *b)
{
    if (a == b) return 1;
    if (a->n_labels != b->n_labels) return 0;
    for (size_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0) return 0;
    return 1;
}

hpo_vtype hpo_expr_type_of_cond(hpo_compiler *c, const hpo_node *n)
{
    hpo_vtype a = hpo_expr_type_of(c, n->a), b = hpo_expr_type_of(c, n->c);
    const hpo_param *params = c->s->params;
    if (a.type == HPO_VALUE_TRUTH && b.type == HPO_VALUE_TRUTH) return truth;
    if (a.type == HPO_VALUE_LABEL && b.type == HPO_VALUE_LABEL &&
        hpo_expr_same_labels(&params[a.param], &params[b.param]))
        return a;
    int a_num = a.type == HPO_VALUE_NUMBER || a.type == HPO_VALUE_TRUTH ||
                (a.type == HPO_VALUE_LABEL && params[a.param].numbers);
    int b_num = b.type == HPO_VALUE_NUMBER || b.type == HPO_VALUE_TRUTH ||
                (b.type == HPO_VALUE_LABEL && params[b.param].numbers);
    return a_num && b_num ? number : text_type;
}

hpo_vtype hpo_expr_type_of_index(hpo_compiler *c, int32_t i)
{
    int64_t p = hpo_expr_lookup(c, hpo_expr_name(c, i));
    if (p < 0) return number; /* emit reports it */
    const hpo_param *param = &c->s->params[p];
    if (param->kind == HPO_KIND_SUBSET) return truth;
    if (param->kind == HPO_KIND_PERMUTATION && param->labels)
        return (hpo_vtype){HPO_VALUE_LABEL, (uint32_t)p};
    return number;
}

hpo_vtype hpo_expr_type_of(hpo_compiler *c, int32_t i)
{
    hpo_vtype t = number;
    if (!hpo_expr_visit(c)) return t;
    c->recursion++;
    const hpo_node *n = hpo_expr_node(c, i);
    switch ((hpo_node_type)n->type) {
    case HPO_NODE_TEXT:
        t = text_type;
        break;
    case HPO_NODE_NAME: {
        int64_t p = hpo_expr_lookup(c, hpo_expr_name(c, i));
        if (p >= 0)
            t = hpo_expr_type_of_param(&c->s->params[p], (size_t)p);
        else if (p <= -2)
            t = hpo_expr_in_derived(c, (size_t)(-2 - p), hpo_expr_type_of);
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
        t = hpo_expr_type_of_cond(c, n);
        break;
    case HPO_NODE_CALL:
        t = strcmp(hpo_expr_name(c, i), "active") == 0 ? truth : number;
        break;
    case HPO_NODE_INDEX:
        t = hpo_expr_type_of_index(c, i);
        break;
    default:
        break;
    }
    c->recursion--;
    return t;
}
