/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_compiler.h - what the parts of the compiler of expressions share.
 *
 * expr_compile.c walks the tree and decides what to write, asks expr_type.c what names and types mean, and
 * writes through expr_code.c.  The first error stays in `status`; from then on everything does nothing. */
#ifndef SPACE_EXPR_COMPILER_H
#define SPACE_EXPR_COMPILER_H
#include "base/error.h"
#include "space/space.h"

/* A label is an index into the labels of one parameter. */
typedef struct hpo_vtype {
    hpo_value_type type;
    uint32_t param; /* LABEL */
} hpo_vtype;

typedef struct hpo_compiler {
    const hpo_space *s;
    const hpo_ast *tree;
    hpo_expr *e;
    hpo_expr_want want;
    const char *what, *text;
    unsigned recursion, visits, derived;
    size_t stack;
    hpo_error *err;
    hpo_status status;
} hpo_compiler;

#define FAIL(c, ...)                                                                                         \
    ((c)->status == HPO_OK ? (void)((c)->status = hpo_fail((c)->err, HPO_EINVAL, __VA_ARGS__)) : (void)0)

/* ---- names and types (expr_type.c) ---- */

static inline const hpo_node *hpo_expr_node(const hpo_compiler *c, int32_t i)
{
    return &c->tree->nodes[i];
}

static inline const char *hpo_expr_name(const hpo_compiler *c, int32_t i)
{
    return hpo_ast_text(c->tree, hpo_expr_node(c, i));
}

/* What a name is: >= 0 a parameter, <= -2 a derived value, -1 neither. */
static inline int64_t hpo_expr_lookup(const hpo_compiler *c, const char *name)
{
    return hpo_map_get(&c->s->names, name, -1);
}

static inline int hpo_expr_is_array(const hpo_param *p)
{
    return p->kind == HPO_KIND_PERMUTATION || p->kind == HPO_KIND_SIMPLEX || p->kind == HPO_KIND_SUBSET ||
           p->kind == HPO_KIND_VECTOR;
}

/* Reports an unknown name. */
void hpo_expr_fail_name(hpo_compiler *c, const char *name);
/* Counts one step of the compiler; 0: too many, or an error before. */
int hpo_expr_visit(hpo_compiler *c);
/* Runs fn on the tree of derived value d. */
hpo_vtype hpo_expr_in_derived(hpo_compiler *c, size_t d, hpo_vtype (*fn)(hpo_compiler *, int32_t));
int hpo_expr_same_labels(const hpo_param *a, const hpo_param *b);
hpo_vtype hpo_expr_type_of_param(const hpo_param *p, size_t i);
hpo_vtype hpo_expr_type_of_cond(hpo_compiler *c, const hpo_node *n);
hpo_vtype hpo_expr_type_of_index(hpo_compiler *c, int32_t i);
/* The type of node i, from which nothing is written. */
hpo_vtype hpo_expr_type_of(hpo_compiler *c, int32_t i);

/* ---- instructions and tables (expr_code.c) ---- */

void hpo_code_put(hpo_compiler *c, hpo_opcode code, size_t arg, size_t n, double value);
void hpo_code_op(hpo_compiler *c, hpo_opcode code);
void hpo_code_const(hpo_compiler *c, double v);
/* Room for n table entries; gives the first one's place. */
size_t hpo_code_table(hpo_compiler *c, size_t n);
/* The expression reads parameter p. */
void hpo_code_reads(hpo_compiler *c, size_t p);
/* The place of a text among those that the value may be. */
size_t hpo_code_text(hpo_compiler *c, const char *text);
/* The value on the stack is a label index of p: turn it into the label's number. */
void hpo_code_label_to_number(hpo_compiler *c, const hpo_param *p);
/* A label index of `from` becomes the index of the same text among the labels of `to` (-1: none). */
void hpo_code_label_to_label(hpo_compiler *c, const hpo_param *from, const hpo_param *to);
#endif
