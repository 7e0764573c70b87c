/* SPDX-License-Identifier: Apache-2.0 */
/* model/sphere.h - Bayesian linear regression on a sphere: a surrogate for hundreds of parameters.
 *
 * The features f of a configuration (embed.h), numbers centred to 2 u - 1, all divided by sqrt(how many),
 * are stretched, z = s f, and put on the unit sphere by the inverse stereographic projection
 *
 *     phi = (2 z / (1 + q), (q - 1) / (q + 1), 1),   q = |z|^2,
 *
 * y = phi . w + noise, w ~ N(0, v I), noise ~ N(0, lambda v).  Linear in phi; the sphere bends it enough that
 * its least value need not be a corner of the cube, which is where linear models fail.  Stretch s and ratio
 * lambda come from a grid by evidence, v in closed form.  A row costs O(F^2) for F features (a rank-1 update
 * of each Cholesky factor), so that time grows linearly with the number of trials.
 *
 * Reference: Doumont, Fan, Maus, Gardner, Moss & Pleiss, "We still don't understand high-dimensional Bayesian
 * optimization", arXiv 2512.00170. */
#ifndef MODEL_SPHERE_H
#define MODEL_SPHERE_H
#include "hpo/sampler.h"
#include "model/embed.h"
#include "model/posterior.h"
#include <stddef.h>

typedef struct hpo_sphere hpo_sphere;

/* `embed` must outlive the model. */
HPO_NODISCARD hpo_status hpo_sphere_create(const hpo_embed *embed, hpo_sphere **out, hpo_error *err);
void hpo_sphere_free(hpo_sphere *s);
/* Rows 0..n-1 of u with responses z (model units).  Rows that were there before must be the same ones, their
 * responses may change; fewer rows than before: starts again. */
HPO_NODISCARD hpo_status hpo_sphere_condition(hpo_sphere *s, const double *u, const double *z, size_t n,
                                              hpo_error *err);
extern const hpo_posterior_ops hpo_sphere_posterior_ops;
hpo_posterior hpo_sphere_posterior(const hpo_sphere *s);
typedef struct hpo_sphere_summary {
    double stretch, noise_ratio, noise_variance, log_evidence; /* the last up to a constant */
    size_t n_weights;
} hpo_sphere_summary;
void hpo_sphere_describe(const hpo_sphere *s, hpo_sphere_summary *out);

/* A draw of the weights from their posterior, n_weights doubles. */
void hpo_sphere_draw(const hpo_sphere *s, hpo_rng *rng, double *weights);
/* phi(u) . weights; gradient (n_dims) unless NULL. */
double hpo_sphere_value(const hpo_sphere *s, const double *weights, const double *u, double *gradient);
/* Where in the cube that is least, exactly.  Only for spaces of continuous unconditional numbers, whose
 * features are the coordinates. */
void hpo_sphere_minimise(const hpo_sphere *s, const double *weights, double *u);
#endif
