/* SPDX-License-Identifier: Apache-2.0 */
/* math/rng.h - counter-based random streams (Philox4x32-10, Salmon et al., SC 2011).
 *
 * hpo_rng and its basic draws are public (hpo/sampler.h).  Here: the list of purposes and bulk draws. */
#ifndef MATH_RNG_H
#define MATH_RNG_H
#include <stddef.h>
#include "hpo/sampler.h"

/* Every use of randomness has a number of its own: streams never overlap.  Append only (stored seeds). */
enum {
    HPO_RNG_SAMPLER = 1,   /* hpo_sampler_ops.ask; index = draw */
    HPO_RNG_FALLBACK = 2,  /* feasible or unseen point instead of a rejected one; index = draw */
    HPO_RNG_TOKEN = 3,     /* fencing tokens; index = trial number, attempt mixed into the seed */
    HPO_RNG_PROGRAM = 4,   /* HPO_SEED for the tuned program; index = trial number */
    HPO_RNG_SCRAMBLE = 5,  /* scrambling of quasi-random sequences; index = dimension */
    HPO_RNG_DESIGN = 6,    /* Latin hypercubes; index = block */
    HPO_RNG_GROW = 8,      /* values that a trial lacks when its space grows; index = trial number */
    HPO_RNG_SPACE = 7,     /* hpo_space_sample; index = row */
    HPO_RNG_TERMINATOR = 20, /* searches of stopping rules; index = rows in the model */
    HPO_RNG_ANALYSIS = 21,   /* joint draws of analyses; index = events of the study */
    HPO_RNG_FOREST = 30,   /* trees of model/forest.c; index = tree, rows mixed into the seed */
    HPO_RNG_QUANTILE = 31, /* trees of model/quantile.c; index = round */
    HPO_RNG_BASIS = 32,    /* first weights of model/basis.c; index = layer */
    HPO_RNG_BATCH = 33,    /* order of the rows that model/power_laws.c learns from; index = training, member */
    HPO_RNG_LCNET = 34,    /* chain of model/lcnet.c; index = fit */
    HPO_RNG_GP = 40,       /* random starts of fits in model/gp_fit.c; index = rows in the model */
    HPO_RNG_BINS = 41,     /* embeddings of sampler/baxus.c; index = stage */
    HPO_RNG_SCHEDULER = 50, /* brackets of new trials, choice of a parent; index = trial number */
    HPO_RNG_EXPLORE = 51,   /* changed parameters of a clone; index = trial number */
    HPO_RNG_EXTRAPOLATION = 52, /* posterior of a curve; index = trial number, reports mixed into the seed */
    HPO_RNG_USER = 1000    /* tests and third parties start here */
};
/* n uniforms in [0,1), the same numbers as n calls of hpo_rng_uniform. */
void hpo_rng_uniforms(hpo_rng *r, double *out, size_t n);
/* A uniformly random permutation of 0..n-1 (Fisher-Yates). */
void hpo_rng_permutation(hpo_rng *r, size_t n, uint32_t *out);
#endif
