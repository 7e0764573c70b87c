/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_interval.c - runs the bytecode of an expression on ranges instead of values.
 *
 * The result encloses every value that expr_eval.c can give when each column lies in its range, and says
 * whether it can be unknown.  The rounded + - * / sqrt floor are monotone in each argument, so that their
 * values at the ends of ranges enclose the rounded values in between without directed rounding; exp, log and
 * pow
 * (<= 1 ulp, perhaps not monotone) are widened by a few units.  Truth is a range within {0, 1}. */
#include "math/func.h"
#include "space/expr.h"
#include <math.h>

static const hpo_range everything = {-HUGE_VAL, HUGE_VAL, 1};
static const hpo_range nothing = {HUGE_VAL, -HUGE_VAL, 1}; /* only unknown */

static int is_empty(hpo_range a)
{
    return a.lo > a.hi;
}

static hpo_range truth(int can_false, int can_true, int unknown)
{
    if (!can_false && !can_true) return nothing;
    return (hpo_range){can_false ? 0 : 1, can_true ? 1 : 0, unknown};
}

static int can_be(hpo_range a, double v)
{
    return a.lo <= v && v <= a.hi;
}

/* The range of four corners; a NaN among them makes it everything. */
static hpo_range corners(double a, double b, double c, double d, int unknown)
{
    if (isnan(a) || isnan(b) || isnan(c) || isnan(d)) return everything;
    return (hpo_range){fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d)), unknown};
}

static hpo_range widen(hpo_range a)
{
    const double e = 0x1p-49;
    if (isfinite(a.lo)) a.lo -= fabs(a.lo) * e + 0x1p-1070;
    if (isfinite(a.hi)) a.hi += fabs(a.hi) * e + 0x1p-1070;
    return a;
}

static hpo_range compare(hpo_opcode op, hpo_range a, hpo_range b)
{
    int unknown = a.unknown || b.unknown;
    if (is_empty(a) || is_empty(b)) return nothing;
    int point = a.lo == a.hi && b.lo == b.hi && a.lo == b.lo, overlap = a.lo <= b.hi && b.lo <= a.hi;
    switch (op) {
    case HPO_OP_LT:
        return truth(a.hi >= b.lo, a.lo < b.hi, unknown);
    case HPO_OP_LE:
        return truth(a.hi > b.lo, a.lo <= b.hi, unknown);
    case HPO_OP_GT:
        return truth(a.lo <= b.hi, a.hi > b.lo, unknown);
    case HPO_OP_GE:
        return truth(a.lo < b.hi, a.hi >= b.lo, unknown);
    case HPO_OP_EQ:
        return truth(!point, overlap, unknown);
    default:
        return truth(overlap, !point, unknown);
    }
}

static hpo_range logic_and(hpo_range a, hpo_range b)
{
    int unknown = (a.unknown && (b.unknown || can_be(b, 1))) || (b.unknown && can_be(a, 1));
    int can_false = can_be(a, 0) || can_be(b, 0), can_true = can_be(a, 1) && can_be(b, 1);
    if (!can_false && !can_true) return nothing;
    return truth(can_false, can_true, unknown);
}

static hpo_range logic_not(hpo_range a)
{
    return is_empty(a) ? nothing : (hpo_range){1 - a.hi, 1 - a.lo, a.unknown};
}

static hpo_range multiply(hpo_range a, hpo_range b)
{
    return corners(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi, a.unknown || b.unknown);
}

static hpo_range divide(hpo_range a, hpo_range b)
{
    if (b.lo <= 0 && b.hi >= 0) return b.lo == b.hi ? nothing : everything;
    return corners(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi, a.unknown || b.unknown);
}

static hpo_range modulo(hpo_range a, hpo_range b)
{
    int unknown = a.unknown || b.unknown || (b.lo <= 0 && b.hi >= 0) || isinf(a.lo) || isinf(a.hi);
    double most = fmax(fabs(b.lo), fabs(b.hi));
    if (b.lo == b.hi && b.lo > 0 && a.hi - a.lo < b.lo) {
        /* Shorter than a period, so that it runs over an end of one exactly when the order is reversed.
         * fmod is exact: no widening. */
        double low = hpo_floor_mod(a.lo, b.lo), high = hpo_floor_mod(a.hi, b.lo);
        if (low < high || a.lo == a.hi) return (hpo_range){low, high, unknown};
    }
    return (hpo_range){b.lo >= 0 ? 0 : -most, b.hi <= 0 ? 0 : most, unknown};
}

static hpo_range power(hpo_range a, hpo_range b)
{
    int unknown = a.unknown || b.unknown;
    if (a.lo > 0)
        return widen(corners(hpo_pow(a.lo, b.lo), hpo_pow(a.lo, b.hi), hpo_pow(a.hi, b.lo),
                             hpo_pow(a.hi, b.hi), unknown));
    if (b.lo != b.hi || b.lo != floor(b.lo) || b.lo < 0) {
        if (a.lo == 0 && b.lo >= 0) {
            hpo_range r = widen(corners(hpo_pow(a.lo, b.lo), hpo_pow(a.lo, b.hi), hpo_pow(a.hi, b.lo),
                                        hpo_pow(a.hi, b.hi), unknown));
            r.lo = 0;
            if (b.lo == 0 && r.hi < 1) r.hi = 1; /* 0 ** 0 */
            return r;
        }
        return everything;
    }
    double low = hpo_pow(a.lo, b.lo), high = hpo_pow(a.hi, b.lo);
    if (fmod(b.lo, 2) != 0) return widen(corners(low, high, low, high, unknown));
    hpo_range r = widen(corners(low, high, low, high, unknown));
    if (a.hi >= 0) r.lo = b.lo == 0 ? 1 : 0; /* zero lies inside */
    if (r.lo < 0) r.lo = 0;
    return r;
}

static hpo_range binary(hpo_opcode op, hpo_range a, hpo_range b)
{
    int unknown = a.unknown || b.unknown;
    if (is_empty(a) || is_empty(b)) return nothing;
    switch (op) {
    case HPO_OP_ADD:
        return corners(a.lo + b.lo, a.hi + b.hi, a.lo + b.lo, a.hi + b.hi, unknown);
    case HPO_OP_SUB:
        return corners(a.lo - b.hi, a.hi - b.lo, a.lo - b.hi, a.hi - b.lo, unknown);
    case HPO_OP_MUL:
        return multiply(a, b);
    case HPO_OP_DIV:
        return divide(a, b);
    case HPO_OP_FDIV: {
        hpo_range q = divide(a, b);
        return is_empty(q) ? q : (hpo_range){floor(q.lo), floor(q.hi), q.unknown};
    }
    case HPO_OP_MOD:
        return modulo(a, b);
    case HPO_OP_POW:
        return power(a, b);
    case HPO_OP_MIN:
        return (hpo_range){fmin(a.lo, b.lo), fmin(a.hi, b.hi), unknown};
    default: /* HPO_OP_MAX */
        return (hpo_range){fmax(a.lo, b.lo), fmax(a.hi, b.hi), unknown};
    }
}

/* As round_even of expr_eval.c: monotone, so that the ends suffice. */
static double nearest(double v)
{
    double f = floor(v), d = v - f;
    if (d != 0.5) return d < 0.5 ? f : f + 1;
    return fmod(f, 2) == 0 ? f : f + 1;
}

static hpo_range unary(hpo_opcode op, hpo_range a)
{
    if (is_empty(a)) return nothing;
    switch (op) {
    case HPO_OP_NEG:
        return (hpo_range){-a.hi, -a.lo, a.unknown};
    case HPO_OP_ABS:
        if (a.lo >= 0) return a;
        if (a.hi <= 0) return (hpo_range){-a.hi, -a.lo, a.unknown};
        return (hpo_range){0, fmax(-a.lo, a.hi), a.unknown};
    case HPO_OP_LOG:
        if (!(a.hi > 0)) return nothing;
        return widen(
            (hpo_range){a.lo > 0 ? hpo_log(a.lo) : -HUGE_VAL, hpo_log(a.hi), a.unknown || !(a.lo > 0)});
    case HPO_OP_EXP: {
        hpo_range r = widen((hpo_range){hpo_exp(a.lo), hpo_exp(a.hi), a.unknown});
        if (r.lo < 0) r.lo = 0;
        return r;
    }
    case HPO_OP_SQRT:
        if (!(a.hi >= 0)) return nothing;
        return (hpo_range){a.lo > 0 ? sqrt(a.lo) : 0, sqrt(a.hi), a.unknown || !(a.lo >= 0)};
    case HPO_OP_FLOOR:
        return (hpo_range){floor(a.lo), floor(a.hi), a.unknown};
    case HPO_OP_CEIL:
        return (hpo_range){ceil(a.lo), ceil(a.hi), a.unknown};
    default: /* HPO_OP_ROUND; infinities stay */
        return (hpo_range){isfinite(a.lo) ? nearest(a.lo) : a.lo, isfinite(a.hi) ? nearest(a.hi) : a.hi,
                           a.unknown};
    }
}

static hpo_range hull(hpo_range a, hpo_range b)
{
    if (is_empty(a)) return (hpo_range){b.lo, b.hi, 1};
    if (is_empty(b)) return (hpo_range){a.lo, a.hi, 1};
    return (hpo_range){fmin(a.lo, b.lo), fmax(a.hi, b.hi), a.unknown || b.unknown};
}

static hpo_range select_range(hpo_range a, hpo_range condition, hpo_range b)
{
    hpo_range r = nothing;
    if (is_empty(condition)) return nothing;
    if (can_be(condition, 1)) r = a;
    if (can_be(condition, 0)) r = can_be(condition, 1) ? hull(a, b) : b;
    r.unknown |= condition.unknown;
    return r;
}

static hpo_range from_table(const double *table, uint32_t n, hpo_range index)
{
    if (is_empty(index)) return nothing;
    hpo_range r = {HUGE_VAL, -HUGE_VAL, index.unknown || index.lo < 0 || index.hi > (double)n - 1};
    double first = index.lo > 0 ? ceil(index.lo) : 0,
           last = index.hi < (double)n - 1 ? floor(index.hi) : (double)n - 1;
    for (double i = first; i <= last; i++) {
        r.lo = fmin(r.lo, table[(size_t)i]);
        r.hi = fmax(r.hi, table[(size_t)i]);
    }
    if (index.lo < 0) { /* negative indices count from the end */
        for (uint32_t i = 0; i < n; i++) {
            r.lo = fmin(r.lo, table[i]);
            r.hi = fmax(r.hi, table[i]);
        }
    }
    return r;
}

static hpo_range from_columns(const hpo_range *columns, uint32_t n, hpo_range index)
{
    if (is_empty(index)) return nothing;
    if (index.lo == index.hi && index.lo == floor(index.lo) && index.lo >= 0 && index.lo < (double)n) {
        hpo_range r = columns[(size_t)index.lo];
        r.unknown |= index.unknown;
        return r;
    }
    hpo_range r = columns[0];
    for (uint32_t i = 1; i < n; i++)
        r = hull(r, columns[i]);
    r.unknown = 1;
    return r;
}

static hpo_range member(const double *table, uint32_t n, hpo_range v)
{
    int can_true = 0, always = 0;
    if (is_empty(v)) return nothing;
    for (uint32_t i = 0; i < n; i++) {
        can_true |= can_be(v, table[i]);
        always |= v.lo == v.hi && v.lo == table[i];
    }
    return truth(!always, can_true, v.unknown);
}

static hpo_range reduce(const hpo_op *op, const hpo_range *columns)
{
    hpo_range r = columns[op->arg];
    hpo_opcode with = op->code == HPO_OP_SUM ? HPO_OP_ADD : op->code == HPO_OP_VMIN ? HPO_OP_MIN : HPO_OP_MAX;
    for (uint32_t i = 1; i < op->n; i++)
        r = binary(with, r, columns[op->arg + i]);
    return r;
}

hpo_range hpo_expr_interval(const hpo_expr *e, const hpo_range *columns)
{
    hpo_range stack[HPO_EXPR_STACK + 1], *sp = stack; /* below the bottom lies one unused place */
    for (const hpo_op *op = e->ops, *end = op + e->n_ops; op < end; op++) {
        hpo_opcode code = (hpo_opcode)op->code;
        switch (code) {
        case HPO_OP_CONST:
            *++sp = (hpo_range){op->value, op->value, 0};
            break;
        case HPO_OP_LOAD:
            *++sp = columns[op->arg];
            break;
        case HPO_OP_LOADX:
            *sp = from_columns(columns + op->arg, op->n, *sp);
            break;
        case HPO_OP_TABLE:
            *sp = from_table(e->table + op->arg, op->n, *sp);
            break;
        case HPO_OP_IN:
            *sp = member(op->n ? e->table + op->arg : NULL, op->n, *sp);
            break;
        case HPO_OP_NOT:
            *sp = logic_not(*sp);
            break;
        case HPO_OP_AND:
            sp--;
            sp[0] = logic_and(sp[0], sp[1]);
            break;
        case HPO_OP_OR:
            sp--;
            sp[0] = logic_not(logic_and(logic_not(sp[0]), logic_not(sp[1])));
            break;
        case HPO_OP_LT:
        case HPO_OP_LE:
        case HPO_OP_GT:
        case HPO_OP_GE:
        case HPO_OP_EQ:
        case HPO_OP_NE:
            sp--;
            sp[0] = compare(code, sp[0], sp[1]);
            break;
        case HPO_OP_SELECT:
            sp -= 2;
            sp[0] = select_range(sp[0], sp[1], sp[2]);
            break;
        case HPO_OP_SUM:
        case HPO_OP_VMIN:
        case HPO_OP_VMAX:
            *++sp = reduce(op, columns);
            break;
        case HPO_OP_ACTIVE:
            sp++;
            *sp = truth(columns[op->arg].unknown, !is_empty(columns[op->arg]), 0);
            break;
        case HPO_OP_NEG:
        case HPO_OP_ABS:
        case HPO_OP_LOG:
        case HPO_OP_EXP:
        case HPO_OP_SQRT:
        case HPO_OP_FLOOR:
        case HPO_OP_CEIL:
        case HPO_OP_ROUND:
            *sp = unary(code, *sp);
            break;
        default:
            sp--;
            sp[0] = binary(code, sp[0], sp[1]);
            break;
        }
    }
    return stack[1];
}
