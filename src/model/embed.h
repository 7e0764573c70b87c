/* SPDX-License-Identifier: Apache-2.0 */
/* model/embed.h - the search space as distance-based models see it.
 *
 * A configuration is a row u of the unit cube (NaN: inactive), as in hpo_view.  A model sees it as groups of
 * *features*; each group j has one lengthscale l_j, and the squared distance of two configurations is
 *
 *     r^2(u, v) = sum_j  |phi_j(u) - phi_j(v)|^2 / l_j^2,
 *
 * a sum of squared Euclidean distances of feature vectors, so that every radial kernel below is positive
 * definite (Schoenberg).  phi_j by kind of axis:
 *   number        u itself (integers and ordinals stand on the grid already: encode snaps)
 *   label         one-hot / sqrt 2: distance 1 when labels differ; one group however many labels (above
 *                 HPO_EMBED_ONE_HOT of them: codes of that many signs, distances 1 +- 9 %)
 *   permutation   places / sqrt(sum of squares of the widest difference): Spearman distance in [0, 1]
 *   simplex       sqrt of the entries / sqrt 2: Hellinger distance
 *   subset        membership bits / sqrt(items)
 *   vector        each entry an axis of its own
 *   a conditional number: two features, the arc embedding of Swersky et al. (2014), arXiv 1409.4011:
 *                 active u -> (sin pi rho u, cos pi rho u), inactive -> (0, 0); other conditional kinds:
 * their features and one more that is 1 when active, all 0 when inactive (Adding a constant to r^2 where
 * activity differs is not positive definite: tests/unit/model/embed.c.)
 *
 * Axes of numbers may be warped first: w(u) = 1 - (1 - u^a)^b (Kumaraswamy; Snoek et al. 2014). */
#ifndef MODEL_EMBED_H
#define MODEL_EMBED_H
#include "hpo/sampler.h"
#include <stddef.h>
#include <stdint.h>

enum { HPO_EMBED_ONE_HOT = 128 };

typedef enum hpo_axis_kind {
    HPO_AXIS_REAL,        /* one dim, continuous (also numbers with dependent bounds, whole ones too) */
    HPO_AXIS_GRID,        /* one dim, n_values places in order (int, step, ordinal, bool) */
    HPO_AXIS_LABEL,       /* one dim, n_values cells without order */
    HPO_AXIS_PERMUTATION, /* n_dims keys */
    HPO_AXIS_SIMPLEX,     /* n_dims = parts - 1 stick-breaking coordinates */
    HPO_AXIS_SUBSET       /* n_dims membership coordinates */
} hpo_axis_kind;

typedef struct hpo_axis {
    hpo_axis_kind kind;
    uint32_t dim, n_dims; /* coordinates of u */
    uint32_t n_values;    /* GRID, LABEL: how many; else items; REAL: 0 */
    uint32_t param;       /* index of the parameter */
    uint32_t feature, n_features;
    uint32_t group;       /* lengthscale; one per axis */
    int32_t conditional;  /* may be inactive */
    const double *places; /* GRID: n_values coordinates ascending (encode of each value); NULL above 4096
                             values: then near enough to (i + 1/2) / n or i / (n - 1), use decode + encode */
} hpo_axis;

typedef struct hpo_embed hpo_embed;

/* The embedding of a frozen space, which must outlive it. */
HPO_NODISCARD hpo_status hpo_embed_create(const hpo_space *space, hpo_embed **out, hpo_error *err);
/* The same with every REAL axis bent to a circle, (sin 2 pi u, cos 2 pi u), inactive (0, 0): for
 * HPO_KERNEL_PERIODIC, or any other kernel on a periodic space. */
HPO_NODISCARD hpo_status hpo_embed_create_periodic(const hpo_space *space, hpo_embed **out, hpo_error *err);
int hpo_embed_periodic(const hpo_embed *e);
void hpo_embed_free(hpo_embed *e);
const hpo_space *hpo_embed_space(const hpo_embed *e);
size_t hpo_embed_n_dims(const hpo_embed *e);
size_t hpo_embed_n_features(const hpo_embed *e);
size_t hpo_embed_n_axes(const hpo_embed *e); /* = number of groups; axis i is group i */
const hpo_axis *hpo_embed_axis(const hpo_embed *e, size_t i);
/* The axis that owns dimension k of u. */
size_t hpo_embed_axis_of(const hpo_embed *e, size_t dim);

/* Numbers that shape phi beside the lengthscales; NULL where taken: rho = 1/2 for all, no warp. */
typedef struct hpo_embed_shape {
    const double *rho;    /* per axis; used by conditional numbers, in (0, 1] */
    const double *warp_a; /* per axis; used by REAL and GRID axes; NULL: not warped */
    const double *warp_b;
} hpo_embed_shape;

/* Features of m rows of u (row stride n_dims) into z, m x n_features row-major. */
void hpo_embed_features(const hpo_embed *e, const hpo_embed_shape *shape, const double *u, size_t m,
                        double *z);
/* Chain rule at one u: adds (d z / d u)^T dz to du (n_dims).  Only REAL axes that are active have a
 * derivative; all others add 0. */
void hpo_embed_pull(const hpo_embed *e, const hpo_embed_shape *shape, const double *u, const double *dz,
                    double *du);
/* d z / d (ln warp_a), d (ln warp_b), d rho of one axis at one u: n_features of the axis each (those that do
 * not apply: zeros). */
void hpo_embed_shape_derivatives(const hpo_embed *e, const hpo_embed_shape *shape, size_t axis,
                                 const double *u, double *d_log_a, double *d_log_b, double *d_rho);
#endif
