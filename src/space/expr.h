/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr.h - the expression language of conditions, constraints, dependent bounds and derived values.
 *
 * Text -> tree (expr_parse.c) -> typed bytecode for a stack machine (expr_compile.c) -> a value
 * (expr_eval.c) or an enclosure of all values over a box of configurations (expr_interval.c).
 *
 * Values are doubles: numbers, 0/1 for false/true, the index for a label; NaN is "unknown", which is what
 * reading an inactive parameter gives.  Logic is Kleene's: `false and unknown` is false.  Evaluation has
 * no jumps, no side effects and no allocation.  Grammar and meaning: docs/expressions.md. */
#ifndef SPACE_EXPR_H
#define SPACE_EXPR_H
#include "hpo.h"
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define HPO_UNKNOWN ((double)NAN)

enum {
    HPO_EXPR_MAX_TEXT = 16384, /* bytes of one expression */
    HPO_EXPR_MAX_DEPTH = 64,   /* nesting of the text, and of the stack */
    HPO_EXPR_MAX_NODES = 4096, /* nodes of the tree; instructions are limited to four times as many */
    HPO_EXPR_MAX_LIST = 4096,  /* entries of one [..] list or argument list */
    HPO_EXPR_STACK = 128       /* values on the stack of the machine */
};

/* ---- tree --------------------------------------------------------------------------------------- */

typedef enum hpo_node_type {
    HPO_NODE_NUMBER,  /* value */
    HPO_NODE_TEXT,    /* text: a quoted literal */
    HPO_NODE_NAME,    /* text: a parameter, a derived value, or a bare label */
    HPO_NODE_TRUTH,   /* value 0 or 1 */
    HPO_NODE_UNARY,   /* op a, op one of HPO_OP_NEG, HPO_OP_NOT */
    HPO_NODE_BINARY,  /* a op b: arithmetic */
    HPO_NODE_COMPARE, /* a op b */
    HPO_NODE_LOGIC,   /* a op b: HPO_OP_AND, HPO_OP_OR */
    HPO_NODE_IN,      /* a in b: b a LIST or the NAME of a subset or permutation */
    HPO_NODE_LIST,    /* entries from a on, linked by next */
    HPO_NODE_COND,    /* a if b else c */
    HPO_NODE_CALL,    /* text(arguments from a on) */
    HPO_NODE_INDEX    /* text[a] */
} hpo_node_type;

typedef struct hpo_node {
    uint8_t type, op;
    int32_t a, b, c, next; /* node indices, -1: none */
    uint32_t text, len;    /* into hpo_ast.chars */
    double value;
} hpo_node;

typedef struct hpo_ast {
    hpo_node *nodes;
    size_t n, cap;
    char *chars; /* unescaped names and literals, each terminated */
    size_t n_chars, cap_chars;
    int32_t root;
} hpo_ast; /* zero-initialised is empty */

/* Parses one whole expression. */
HPO_NODISCARD hpo_status hpo_ast_parse(hpo_ast *t, const char *text, hpo_error *err);
/* Parses the longest expression at the beginning of text; *end points behind it. */
HPO_NODISCARD hpo_status hpo_ast_parse_prefix(hpo_ast *t, const char *text, const char **end, hpo_error *err);
void hpo_ast_fini(hpo_ast *t);
static inline const char *hpo_ast_text(const hpo_ast *t, const hpo_node *n)
{
    return t->chars + n->text;
}

/* ---- bytecode ----------------------------------------------------------------------------------- */

#define HPO_OP_LIST(X)                                                                                       \
    X(CONST)                                                                                                 \
    X(LOAD)                                                                                                  \
    X(LOADX)                                                                                                 \
    X(TABLE)                                                                                                 \
    X(NEG)                                                                                                   \
    X(NOT) X(ADD) X(SUB) X(MUL) X(DIV) X(FDIV) X(MOD) X(POW) X(LT) X(LE) X(GT) X(GE) X(EQ) X(NE) X(AND)      \
        X(OR) X(MIN) X(MAX) X(ABS) X(LOG) X(EXP) X(SQRT) X(FLOOR) X(CEIL) X(ROUND) X(SELECT) X(IN) X(SUM)    \
            X(VMIN) X(VMAX) X(ACTIVE)
typedef enum hpo_opcode {
#define HPO_OP_ENUM(name) HPO_OP_##name,
    HPO_OP_LIST(HPO_OP_ENUM)
#undef HPO_OP_ENUM
        HPO_N_OPS
} hpo_opcode;

typedef struct hpo_op {
    uint16_t code;
    uint16_t unused;
    uint32_t n;   /* LOADX, SUM, VMIN, VMAX: columns; TABLE, IN: entries */
    uint32_t arg; /* LOAD ..., ACTIVE: column; TABLE, IN: first entry */
    uint32_t pad;
    double value; /* CONST */
} hpo_op;

typedef enum hpo_value_type {
    HPO_VALUE_NUMBER,
    HPO_VALUE_TRUTH,
    HPO_VALUE_LABEL,
    HPO_VALUE_TEXT
} hpo_value_type;

typedef struct hpo_expr {
    hpo_op *ops;
    size_t n_ops, cap_ops;
    double *table; /* labels to numbers, indices of equal labels */
    size_t n_table, cap_table;
    uint32_t *params; /* indices of the parameters read, ascending, each once */
    size_t n_params, cap_params;
    hpo_value_type type;
    uint32_t label_param; /* LABEL: whose labels */
    char **texts;         /* TEXT: the literals that the value is an index of */
    size_t n_texts, cap_texts;
} hpo_expr;

struct hpo_space;
typedef enum hpo_expr_want {
    HPO_WANT_TRUTH,  /* conditions, constraints */
    HPO_WANT_NUMBER, /* bounds */
    HPO_WANT_ANY     /* derived values: the fidelity parameter is read as it is, not as its maximum */
} hpo_expr_want;

/* Compiles text against the parameters of s.  `what` opens every message ("lr: condition"). */
HPO_NODISCARD hpo_status hpo_expr_compile(const struct hpo_space *s, const char *text, hpo_expr_want want,
                                          const char *what, hpo_expr **out, hpo_error *err);
void hpo_expr_free(hpo_expr *e);

/* The value at a configuration; NaN: unknown. */
double hpo_expr_eval(const hpo_expr *e, const double *x);

/* All values that a column may take: numbers lo..hi (none when lo > hi) and perhaps unknown. */
typedef struct hpo_range {
    double lo, hi;
    int unknown;
} hpo_range;
/* a mod b as expressions have it: the sign of the divisor; NaN for b = 0. */
double hpo_floor_mod(double a, double b);
/* An enclosure of { eval(e, x) : x in the box of columns }. */
hpo_range hpo_expr_interval(const hpo_expr *e, const hpo_range *columns);
#endif
