/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_kernel.c - covariances of one configuration with many, features stored one array each.
 *
 * With features as structure of arrays the inner loops run over points: they vectorise without reordering any
 * sum, and the same code serves Gram matrices, appended rows and predictions, so that all of them agree to
 * the last bit.  Reductions over points use HPO_LANES partial sums and a fixed tree (linalg.h). */
#include "model/gp_internal.h"

#include "math/linalg.h"

/* Squared distances. */
HPO_DISPATCH static void squares(size_t n_features, const double *a, size_t stride_a, const double *soa,
                                 size_t ld, size_t n, double *restrict out)
{
    size_t f = 0;
    switch (n_features % 4) { /* the rest in fours: a quarter of the traffic on out */
    case 0:
        for (size_t j = 0; j < n; j++)
            out[j] = 0;
        break;
    case 1:
        for (size_t j = 0; j < n; j++) {
            double d = a[0] - soa[j];
            out[j] = d * d;
        }
        f = 1;
        break;
    case 2:
        for (size_t j = 0; j < n; j++) {
            double d = a[0] - soa[j], e = a[stride_a] - soa[ld + j];
            out[j] = d * d + e * e;
        }
        f = 2;
        break;
    default:
        for (size_t j = 0; j < n; j++) {
            double d = a[0] - soa[j], e = a[stride_a] - soa[ld + j], g = a[2 * stride_a] - soa[2 * ld + j];
            out[j] = d * d + e * e + g * g;
        }
        f = 3;
    }
    for (; f < n_features; f += 4) {
        const double *b0 = soa + f * ld, *b1 = b0 + ld, *b2 = b1 + ld, *b3 = b2 + ld;
        double a0 = a[f * stride_a], a1 = a[(f + 1) * stride_a], a2 = a[(f + 2) * stride_a],
               a3 = a[(f + 3) * stride_a];
        for (size_t j = 0; j < n; j++) {
            double d0 = a0 - b0[j], d1 = a1 - b1[j], d2 = a2 - b2[j], d3 = a3 - b3[j];
            out[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    }
}

void hpo_gp_pairs(hpo_kernel_family family, size_t n_features, const double *a, size_t stride_a,
                  const double *soa, size_t ld, size_t n, double *out)
{
    if (family == HPO_KERNEL_LINEAR) {
        for (size_t j = 0; j < n; j++)
            out[j] = 0;
        for (size_t f = 0; f < n_features; f++)
            hpo_axpy(n, a[f * stride_a], soa + f * ld, out);
        return;
    }
    squares(n_features, a, stride_a, soa, ld, n, out);
}

HPO_DISPATCH static void scale(double s2, size_t n, double *k)
{
    for (size_t j = 0; j < n; j++)
        k[j] *= s2;
}

void hpo_gp_covary(hpo_kernel_family family, double s2, const double *q, size_t n, double *k, double *dk)
{
    if (family == HPO_KERNEL_LINEAR) {
        for (size_t j = 0; j < n; j++)
            k[j] = s2 * (1 + q[j]);
        for (size_t j = 0; dk && j < n; j++)
            dk[j] = s2;
        return;
    }
    hpo_kernel_radial(family, q, n, k, dk);
    scale(s2, n, k);
    if (dk != NULL) scale(s2, n, dk);
}

double hpo_gp_prior_variance(hpo_kernel_family family, double s2, size_t n_features, const double *a,
                             size_t stride)
{
    if (family != HPO_KERNEL_LINEAR) return s2;
    double sum = 1;
    for (size_t f = 0; f < n_features; f++)
        sum += a[f * stride] * a[f * stride];
    return s2 * sum;
}

HPO_INLINE double lane_sum(const double *acc)
{
    return ((acc[0] + acc[4]) + (acc[2] + acc[6])) + ((acc[1] + acc[5]) + (acc[3] + acc[7]));
}

HPO_DISPATCH static double weighted_squares(const double *w, const double *x, double x0, size_t n)
{
    double acc[HPO_LANES] = {0};
    size_t j = 0;
    for (; j + HPO_LANES <= n; j += HPO_LANES)
        HPO_KEEP_LOOP for (size_t k = 0; k < HPO_LANES; k++)
        {
            double d = x0 - x[j + k];
            acc[k] += w[j + k] * (d * d);
        }
    for (size_t k = 0; j < n; j++, k++) {
        double d = x0 - x[j];
        acc[k] += w[j] * (d * d);
    }
    return lane_sum(acc);
}

HPO_DISPATCH static double weighted_differences(const double *w, const double *x, double x0, size_t n)
{
    double acc[HPO_LANES] = {0};
    size_t j = 0;
    for (; j + HPO_LANES <= n; j += HPO_LANES)
        HPO_KEEP_LOOP for (size_t k = 0; k < HPO_LANES; k++) acc[k] += w[j + k] * (x0 - x[j + k]);
    for (size_t k = 0; j < n; j++, k++)
        acc[k] += w[j] * (x0 - x[j]);
    return lane_sum(acc);
}

double hpo_gp_weighted_squares(const double *w, const double *x, double x0, size_t n)
{
    return weighted_squares(w, x, x0, n);
}

double hpo_gp_weighted_differences(const double *w, const double *x, double x0, size_t n)
{
    return weighted_differences(w, x, x0, n);
}
