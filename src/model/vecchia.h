/* SPDX-License-Identifier: Apache-2.0 */
/* model/vecchia.h - a Gaussian process on up to 10^5 configurations: each conditions on its nearest
 * neighbours.
 *
 * An exact regression costs O(n^3) to fit and O(n^2) to read.  With hyperparameters given (from an exact fit
 * to a subset), a prediction that conditions on the m nearest observations alone costs O(m^3) and is close to
 * exact, since what is farther is screened off (Vecchia 1988; Katzfuss & Guinness 2021).  As a surrogate it
 * has the posterior interface of hpo_gp, with gradients; there is no joint covariance. */
#ifndef MODEL_VECCHIA_H
#define MODEL_VECCHIA_H
#include "model/gp.h"

enum { HPO_VECCHIA_NEIGHBOURS = 24, HPO_VECCHIA_MAX_NEIGHBOURS = 64, HPO_VECCHIA_MAX_FEATURES = 1024 };

typedef struct hpo_vecchia hpo_vecchia;
typedef struct hpo_vecchia_options {
    hpo_kernel_family family;   /* radial */
    const double *lengthscales; /* one per axis */
    hpo_embed_shape shape;      /* its arrays must outlive the model; zeros: not warped */
    double s2, n2;
    size_t neighbours; /* 0: HPO_VECCHIA_NEIGHBOURS */
    uint64_t seed;     /* of the order in which the evidence takes configurations */
} hpo_vecchia_options;

/* n distinct configurations u (n x n_dims) with values z in model units and variances of their noise, NULL:
 * n2 each.  Copies what it needs; `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_vecchia_create(const hpo_embed *embed, const hpo_vecchia_options *options,
                                            const double *u, const double *z, const double *noise, size_t n,
                                            hpo_vecchia **out, hpo_error *err);
/* Everything told to gp, not just its subset, with its transform and hyperparameters, which must outlive it.
 */
HPO_NODISCARD hpo_status hpo_vecchia_of(const hpo_gp *gp, size_t neighbours, hpo_vecchia **out,
                                        hpo_error *err);
void hpo_vecchia_free(hpo_vecchia *v);

/* Model units; thread-safe. */
void hpo_vecchia_moments(const hpo_vecchia *v, const double *u, size_t m, double *mean, double *var);
/* Of the piece around u with the same neighbours. */
void hpo_vecchia_gradient(const hpo_vecchia *v, const double *u, double *mean, double *var, double *dmean,
                          double *dvar);
void hpo_vecchia_noise_at(const hpo_vecchia *v, const double *u, size_t m, double *var);
extern const hpo_posterior_ops hpo_vecchia_posterior_ops;
hpo_posterior hpo_vecchia_posterior(const hpo_vecchia *v);

/* Log evidence: sum_i log p(z_i | nearest of those before it), configurations in max-min order as far as that
 * matters (the first 1024) and at random after that (Guinness 2018). */
HPO_NODISCARD hpo_status hpo_vecchia_evidence(const hpo_vecchia *v, double *out, hpo_error *err);
#endif
