/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_code.c - expressions: writing instructions, and the tables that they read. */
#include <string.h>

#include "base/alloc.h"
#include "space/expr_compiler.h"

enum { MAX_OPS = 4 * HPO_EXPR_MAX_NODES };

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

void hpo_code_put(hpo_compiler *c, hpo_opcode code, size_t arg, size_t n, double value)
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

void hpo_code_op(hpo_compiler *c, hpo_opcode code)
{
    hpo_code_put(c, code, 0, 0, 0);
}

void hpo_code_const(hpo_compiler *c, double v)
{
    hpo_code_put(c, HPO_OP_CONST, 0, 0, v);
}

size_t hpo_code_table(hpo_compiler *c, size_t n)
{
    hpo_expr *e = c->e;
    if (c->status != HPO_OK) return 0;
    c->status = hpo_reserve(&e->table, &e->cap_table, e->n_table + n, sizeof *e->table, c->err);
    if (c->status != HPO_OK) return 0;
    e->n_table += n;
    return e->n_table - n;
}

void hpo_code_reads(hpo_compiler *c, size_t p)
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

size_t hpo_code_text(hpo_compiler *c, const char *text)
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

void hpo_code_label_to_number(hpo_compiler *c, const hpo_param *p)
{
    size_t at = hpo_code_table(c, p->n_labels);
    if (c->status != HPO_OK) return;
    memcpy(c->e->table + at, p->numbers, p->n_labels * sizeof(double));
    hpo_code_put(c, HPO_OP_TABLE, at, p->n_labels, 0);
}

void hpo_code_label_to_label(hpo_compiler *c, const hpo_param *from, const hpo_param *to)
{
    if (hpo_expr_same_labels(from, to)) return;
    size_t at = hpo_code_table(c, from->n_labels);
    for (size_t i = 0; c->status == HPO_OK && i < from->n_labels; i++)
        c->e->table[at + i] = (double)hpo_param_find_label(to, from->labels[i], strlen(from->labels[i]));
    hpo_code_put(c, HPO_OP_TABLE, at, from->n_labels, 0);
}
