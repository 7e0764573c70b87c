/* SPDX-License-Identifier: Apache-2.0 */
/* model/kernel.h - covariance functions of the scaled squared distance q = r^2 and of features.
 *
 *     SE          m(q) = exp(-q / 2)
 *     Matern-3/2  m(q) = (1 + sqrt(3 q)) exp(-sqrt(3 q))
 *     Matern-5/2  m(q) = (1 + sqrt(5 q) + 5 q / 3) exp(-sqrt(5 q))
 *     periodic    SE of an embedding by hpo_embed_create_periodic, whose REAL axes are circles: a factor
 *                 exp(-2 sin^2(pi du) / l^2) for each of them (MacKay 1998)
 *     linear      1 + sum_j z_j z'_j / l_j^2
 * with dm/dq that have no division by r (finite and smooth enough at q = 0):
 *     SE -m/2,  3/2: -(3/2) exp(-sqrt(3 q)),  5/2: -(5/6)(1 + sqrt(5 q)) exp(-sqrt(5 q)).
 * Rasmussen & Williams (2006), chapter 4. */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H
#include <stddef.h>

typedef enum hpo_kernel_family {
    HPO_KERNEL_MATERN32,
    HPO_KERNEL_MATERN52,
    HPO_KERNEL_SE,
    HPO_KERNEL_PERIODIC, /* SE; the circle is a matter of the embedding (hpo_embed_create_periodic) */
    HPO_KERNEL_LINEAR
} hpo_kernel_family;
#define HPO_KERNEL_LABELS "matern32", "matern52", "se", "periodic", "linear"

/* m(q[i]) and, when dm is not NULL, dm/dq at q[i], for n squared distances; m or dm may be q.  Not for
 * LINEAR. */
void hpo_kernel_radial(hpo_kernel_family family, const double *q, size_t n, double *m, double *dm);
/* Squared distances of scaled features: a (m x k) against b (n x k), out m x n with stride ldo.
 * Exactly 0 for equal rows. */
void hpo_kernel_distances(const double *a, size_t m, const double *b, size_t n, size_t k, double *out,
                          size_t ldo);
/* Covariance of features scaled by 1/l (row-major, k columns): out = variance x kernel(a_i, b_j), stride ldo.
 */
void hpo_kernel_cross(hpo_kernel_family family, double variance, const double *a, size_t m, const double *b,
                      size_t n, size_t k, double *out, size_t ldo);
/* The same for a against itself, lower triangle with diagonal. */
void hpo_kernel_gram(hpo_kernel_family family, double variance, const double *a, size_t n, size_t k,
                     double *out, size_t ldo);
/* Derivatives w.r.t. the scaled features of ONE point a: out_dk[i * k + f] = d kernel(a, b_i) / d a_f. */
void hpo_kernel_cross_gradient(hpo_kernel_family family, double variance, const double *a, const double *b,
                               size_t n, size_t k, double *kernel, double *out_dk);
#endif
