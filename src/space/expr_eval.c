/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_eval.c - runs the bytecode of an expression on one configuration.
 *
 * Truth is 0, 1 or NaN (unknown); Kleene's tables: and = min with false winning, or = max with true
 * winning, not unknown = unknown; a comparison with unknown is unknown. */
#include "math/func.h"
#include "space/expr.h"
#include <math.h>

#define COMPARE(op)                                                                                          \
    sp--;                                                                                                    \
    sp[0] = isunordered(sp[0], sp[1]) ? HPO_UNKNOWN : (sp[0] op sp[1] ? 1.0 : 0.0);                          \
    break

/* Python's: rounds down, the remainder has the sign of the divisor. */
double hpo_floor_mod(double a, double b)
{
    if (b == 0) return HPO_UNKNOWN;
    double r = fmod(a, b);
    if (r != 0 && (r < 0) != (b < 0)) r += b;
    return r;
}

/* To the nearest integer, halves to even. */
static double round_even(double v)
{
    double f = floor(v), d = v - f;
    if (d < 0.5) return f;
    if (d > 0.5) return f + 1;
    return fmod(f, 2) == 0 ? f : f + 1;
}

static double entry(const double *column, uint32_t n, double index)
{
    if (isnan(index) || index != floor(index)) return HPO_UNKNOWN;
    if (index < 0) index += (double)n;
    if (index < 0 || index >= (double)n) return HPO_UNKNOWN;
    return column[(size_t)index];
}

static double reduce(const hpo_op *op, const double *x)
{
    const double *v = x + op->arg;
    double r = v[0];
    for (uint32_t i = 1; i < op->n; i++) {
        if (op->code == HPO_OP_SUM)
            r += v[i];
        else if (op->code == HPO_OP_VMIN)
            r = v[i] < r ? v[i] : r;
        else
            r = v[i] > r ? v[i] : r;
    }
    return r;
}

static double is_in(const double *table, uint32_t n, double v)
{
    if (isnan(v)) return HPO_UNKNOWN;
    for (uint32_t i = 0; i < n; i++)
        if (table[i] == v) return 1;
    return 0;
}

double hpo_expr_eval(const hpo_expr *e, const double *x)
{
    double stack[HPO_EXPR_STACK + 1], *sp = stack; /* below the bottom lies one unused place */
    const hpo_op *op = e->ops, *end = op + e->n_ops;
    for (; op < end; op++) {
        switch ((hpo_opcode)op->code) {
        case HPO_OP_CONST:
            *++sp = op->value;
            break;
        case HPO_OP_LOAD:
            *++sp = x[op->arg];
            break;
        case HPO_OP_LOADX:
            *sp = entry(x + op->arg, op->n, *sp);
            break;
        case HPO_OP_TABLE:
            *sp = entry(e->table + op->arg, op->n, *sp);
            break;
        case HPO_OP_NEG:
            *sp = -*sp;
            break;
        case HPO_OP_NOT:
            *sp = 1 - *sp;
            break;
        case HPO_OP_ADD:
            sp--;
            sp[0] += sp[1];
            break;
        case HPO_OP_SUB:
            sp--;
            sp[0] -= sp[1];
            break;
        case HPO_OP_MUL:
            sp--;
            sp[0] *= sp[1];
            break;
        case HPO_OP_DIV:
            sp--;
            sp[0] = sp[1] == 0 ? HPO_UNKNOWN : sp[0] / sp[1];
            break;
        case HPO_OP_FDIV:
            sp--;
            sp[0] = sp[1] == 0 ? HPO_UNKNOWN : floor(sp[0] / sp[1]);
            break;
        case HPO_OP_MOD:
            sp--;
            sp[0] = hpo_floor_mod(sp[0], sp[1]);
            break;
        case HPO_OP_POW:
            sp--;
            sp[0] = isunordered(sp[0], sp[1]) ? HPO_UNKNOWN : hpo_pow(sp[0], sp[1]);
            break;
        case HPO_OP_LT:
            COMPARE(<);
        case HPO_OP_LE:
            COMPARE(<=);
        case HPO_OP_GT:
            COMPARE(>);
        case HPO_OP_GE:
            COMPARE(>=);
        case HPO_OP_EQ:
            COMPARE(==);
        case HPO_OP_NE:
            COMPARE(!=);
        case HPO_OP_AND:
            sp--;
            sp[0] = sp[0] == 0 || sp[1] == 0 ? 0 : sp[0] * sp[1];
            break;
        case HPO_OP_OR:
            sp--;
            sp[0] = sp[0] == 1 || sp[1] == 1 ? 1 : sp[0] + sp[1];
            break;
        case HPO_OP_MIN:
            sp--;
            sp[0] = isunordered(sp[0], sp[1]) ? HPO_UNKNOWN : (sp[1] < sp[0] ? sp[1] : sp[0]);
            break;
        case HPO_OP_MAX:
            sp--;
            sp[0] = isunordered(sp[0], sp[1]) ? HPO_UNKNOWN : (sp[1] > sp[0] ? sp[1] : sp[0]);
            break;
        case HPO_OP_ABS:
            *sp = fabs(*sp);
            break;
        case HPO_OP_LOG:
            *sp = *sp > 0 ? hpo_log(*sp) : HPO_UNKNOWN;
            break;
        case HPO_OP_EXP:
            *sp = hpo_exp(*sp);
            break;
        case HPO_OP_SQRT:
            *sp = *sp >= 0 ? sqrt(*sp) : HPO_UNKNOWN;
            break;
        case HPO_OP_FLOOR:
            *sp = floor(*sp);
            break;
        case HPO_OP_CEIL:
            *sp = ceil(*sp);
            break;
        case HPO_OP_ROUND:
            *sp = round_even(*sp);
            break;
        case HPO_OP_SELECT:
            sp -= 2;
            sp[0] = isnan(sp[1]) ? HPO_UNKNOWN : (sp[1] != 0 ? sp[0] : sp[2]);
            break;
        case HPO_OP_IN:
            *sp = is_in(op->n ? e->table + op->arg : NULL, op->n, *sp); /* [] has no table */
            break;
        case HPO_OP_SUM:
        case HPO_OP_VMIN:
        case HPO_OP_VMAX:
            *++sp = reduce(op, x);
            break;
        case HPO_OP_ACTIVE:
            *++sp = isnan(x[op->arg]) ? 0 : 1;
            break;
        case HPO_N_OPS:
            break;
        }
    }
    return stack[1];
}
