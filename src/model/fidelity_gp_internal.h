/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity_gp_internal.h - the state of a process over configurations and resources, shared by the files
 * that fit it and that predict with it. */
#ifndef MODEL_FIDELITY_GP_INTERNAL_H
#define MODEL_FIDELITY_GP_INTERNAL_H
#include <stdint.h>

#include "model/fidelity_gp.h"

struct hpo_fidelity_gp {
    const hpo_embed *embed;
    hpo_fidelity_gp_options options;
    size_t n_dims, n_features, n_axes, n_psi, n_theta;
    size_t n, cap, n_levels, cap_r;
    hpo_transform transform;
    double *theta, *lower, *upper, *start; /* n_theta each */
    double *fit_work;
    double *inv_l, *row;          /* n_features each */
    double *features, *scaled;    /* n x n_features */
    double *z, *alpha;            /* n */
    double *l, *k, *dk, *inverse; /* n x n */
    double *level;                /* distinct resources */
    uint32_t *level_of;           /* n */
    double *r, *t, *weight_r, *weight_t; /* n_levels x n_levels */
    double s2, n2;
    int ready;
};
#endif
