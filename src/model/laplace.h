/* SPDX-License-Identifier: Apache-2.0 */
/* model/laplace.h - the Laplace approximation of a Gaussian process seen through a probit:
 *
 *     f = mean + h,  h ~ N(0, K),  P(y_i | f_i) = Phi(y_i f_i),  y_i = +-1.
 *
 * Rasmussen & Williams (2006), algorithms 3.1 (mode and evidence) and 5.1 (its gradient). */
#ifndef MODEL_LAPLACE_H
#define MODEL_LAPLACE_H
#include <stddef.h>

typedef struct hpo_laplace {
    size_t n;
    double mean;
    const double *y; /* n, +1 or -1 */
    double *k;       /* n x n covariance, full */
    double *l;       /* n x n: Cholesky factor of I + W^1/2 K W^1/2 */
    double *h, *a;   /* mode, K^-1 times the mode = gradient of the log-likelihood */
    double *root_w;  /* square roots of the curvatures W */
    double *work;    /* 4 n */
    double log_evidence;
} hpo_laplace;

/* d log Phi(z) / dz = phi(z) / Phi(z), right in both tails. */
double hpo_probit_hazard(double z);
/* Mode, factor and evidence from k, y and mean.  0, or 1 when no factorisation was possible (k not finite).
 */
int hpo_laplace_mode(hpo_laplace *p);
/* m (n x n, symmetric): d log_evidence = sum_ij m_ij d k_ij, the mode's own motion included.  inverse: n x n
 * scratch. */
void hpo_laplace_weights(const hpo_laplace *p, double *m, double *inverse);
#endif
