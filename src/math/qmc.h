/* SPDX-License-Identifier: Apache-2.0 */
/* math/qmc.h - low-discrepancy sequences and designs.  Sequences are index-addressable: point i is a pure
 * function of (i, seed), so they resume anywhere and parallelise freely. */
#ifndef MATH_QMC_H
#define MATH_QMC_H
#include <stddef.h>
#include <stdint.h>
#include "hpo.h"

/* Sobol' points, Joe & Kuo (2008) "new-joe-kuo-6" direction numbers, HPO_SOBOL_MAX_DIMS dimensions. */
enum { HPO_SOBOL_MAX_DIMS = 1111 };
typedef enum hpo_scrambling { HPO_SCRAMBLE_NONE = 0, HPO_SCRAMBLE_OWEN = 1, HPO_SCRAMBLE_SHIFT = 2 } hpo_scrambling;
typedef struct hpo_sobol hpo_sobol;
/* Owen: hash-based nested uniform scrambling (Laine & Karras 2011, Burley 2020), per dimension. */
HPO_NODISCARD hpo_status hpo_sobol_create(size_t dims, hpo_scrambling scrambling, uint64_t seed, hpo_sobol **out,
                                          hpo_error *err);
void hpo_sobol_point(const hpo_sobol *s, uint64_t index, double *out); /* [0,1)^dims */
void hpo_sobol_free(hpo_sobol *s);

/* Halton: radical inverses in the first `dims` primes (at most HPO_HALTON_MAX_DIMS), plain or with random
 * linear/permutation digit scrambling (Owen 2017, "A randomized Halton algorithm in R"). */
enum { HPO_HALTON_MAX_DIMS = 1024 };
typedef struct hpo_halton hpo_halton;
HPO_NODISCARD hpo_status hpo_halton_create(size_t dims, int scrambled, uint64_t seed, hpo_halton **out, hpo_error *err);
void hpo_halton_point(const hpo_halton *h, uint64_t index, double *out);
void hpo_halton_free(hpo_halton *h);
double hpo_radical_inverse(uint64_t index, uint32_t base);

/* R-sequence (Roberts 2018): frac(shift_j + index * alpha_j), alpha_j = phi_d^-(j+1), phi_d the root of
 * x^(d+1) = x + 1.  Exact modular arithmetic in 64 bits: no drift with the index. */
typedef struct hpo_rseq hpo_rseq;
HPO_NODISCARD hpo_status hpo_rseq_create(size_t dims, uint64_t seed, int shifted, hpo_rseq **out, hpo_error *err);
void hpo_rseq_point(const hpo_rseq *r, uint64_t index, double *out);
void hpo_rseq_free(hpo_rseq *r);

/* Latin hypercube designs, out n x dims row-major. */
typedef enum hpo_lhs_kind {
    HPO_LHS_PLAIN = 0,    /* random permutations, random place in the cell (McKay et al. 1979) */
    HPO_LHS_CENTERED = 1, /* centre of the cell */
    HPO_LHS_MAXIMIN = 2,  /* best minimal distance of `tries` plain designs, then pairwise swaps */
    HPO_LHS_OPTIMIZED = 3 /* simulated annealing on the phi_p criterion (Morris & Mitchell 1995) */
} hpo_lhs_kind;
HPO_NODISCARD hpo_status hpo_lhs(hpo_lhs_kind kind, size_t n, size_t dims, uint64_t seed, double *out, hpo_error *err);

/* Centred L2 discrepancy (Hickernell 1998) and smallest pairwise distance: quality measures for tests. */
double hpo_centered_discrepancy(const double *x, size_t n, size_t dims);
double hpo_min_distance(const double *x, size_t n, size_t dims);
#endif
