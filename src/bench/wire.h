/* SPDX-License-Identifier: Apache-2.0 */
/* bench/wire.h - a space as the solver protocol knows it: a list of variables, each a number or null.
 *
 *   float                    CONTINUOUS low..high, UNIFORM or LOG_UNIFORM
 *   int                      DISCRETE low..high+1, UNIFORM or LOG_UNIFORM
 *   with a step              DISCRETE 0..n: which of the n values
 *   other scales, dependent  CONTINUOUS 0..1: the coordinate in the unit cube (the share of the range)
 *   bounds, log with a step
 *   categorical, bool        CATEGORICAL: which label
 *   ordinal                  DISCRETE 0..n: which label
 *   vector                   one variable an entry, as above
 *   permutation, simplex,    one variable a column: DISCRETE 0..n, CONTINUOUS 0..1, DISCRETE 0..2; only for
 *   subset                   solvers that say STRUCTURED
 *   const, fidelity          no variable
 *
 * Conditions stand beside the variable as "when", in our language (docs/expressions.md), the labels of an
 * ordinal as "labels"; "opaque" marks variables whose number is not the parameter's own value.  High ends are
 * exclusive for DISCRETE; for CONTINUOUS we accept the end itself. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H
#include <json-c/json.h>

#include "base/str.h"
#include "hpo.h"

/* What a solver must be able to do; the first eight are kurobako's capabilities, the rest words of ours in
 * the attribute "hpo.extensions".  X(NAME, "what the problem has") */
#define HPO_WIRE_CAPS(X)                                                                                     \
    X(UNIFORM_CONTINUOUS, "continuous parameters")                                                           \
    X(LOG_UNIFORM_CONTINUOUS, "continuous parameters on a log scale")                                        \
    X(UNIFORM_DISCRETE, "integer parameters")                                                                \
    X(LOG_UNIFORM_DISCRETE, "integer parameters on a log scale")                                             \
    X(CATEGORICAL, "categorical parameters")                                                                 \
    X(CONDITIONAL, "conditional parameters")                                                                 \
    X(MULTI_OBJECTIVE, "several objectives")                                                                 \
    X(CONCURRENT, "several workers")                                                                         \
    X(STRUCTURED, "permutations, simplices or subsets")                                                      \
    X(OUTCOMES, "measured constraints")
typedef enum hpo_wire_cap {
#define HPO_WIRE_ENUM(name, text) HPO_WIRE_##name,
    HPO_WIRE_CAPS(HPO_WIRE_ENUM)
#undef HPO_WIRE_ENUM
        HPO_N_WIRE_CAPS
} hpo_wire_cap;
enum { HPO_WIRE_FIRST_EXTENSION = HPO_WIRE_STRUCTURED };
const char *hpo_wire_cap_name(hpo_wire_cap c); /* "UNIFORM_CONTINUOUS" */
const char *hpo_wire_cap_text(hpo_wire_cap c); /* "continuous parameters" */
/* The bit of a word, 0 for an unknown one. */
uint32_t hpo_wire_cap_bit(const char *word, size_t n);

typedef struct hpo_wire hpo_wire;

/* The space is frozen and outlives the wire.  HPO_EUNSUPPORTED: nothing to search. */
HPO_NODISCARD hpo_status hpo_wire_create(const hpo_space *space, hpo_wire **out, hpo_error *err);
void hpo_wire_free(hpo_wire *w);
size_t hpo_wire_n_vars(const hpo_wire *w);
uint32_t hpo_wire_needs(const hpo_wire *w); /* 1u << hpo_wire_cap; never CONDITIONAL */
/* Appends the array "params_domain". */
void hpo_wire_domain(const hpo_wire *w, hpo_str *out);
/* The variables of configuration x; NaN: inactive. */
void hpo_wire_from_x(const hpo_wire *w, const double *x, double *vars);
/* `value` of variable i, or the largest one below the end of a continuous range: elsewhere high ends are
 * exclusive. */
double hpo_wire_below_end(const hpo_wire *w, size_t i, double value);
/* The configuration of n_vars variables; those of inactive parameters are ignored.  HPO_EINVAL names a
 * variable that is missing (NaN) although active, or not in its range.  Constraints are not checked. */
HPO_NODISCARD hpo_status hpo_wire_to_x(hpo_wire *w, const double *vars, double *x, hpo_error *err);
/* The array `params` of a message; null becomes NaN.  HPO_EINVAL: not n_vars numbers or nulls. */
HPO_NODISCARD hpo_status hpo_wire_read(const hpo_wire *w, struct json_object *params, double *vars,
                                       hpo_error *err);
#endif
