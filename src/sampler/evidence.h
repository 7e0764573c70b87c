/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/evidence.h - how well a sampler's model foretells this study's results: what `auto` shares the asks
 * by. */
#ifndef SAMPLER_EVIDENCE_H
#define SAMPLER_EVIDENCE_H

#include "hpo/sampler.h"

/* Rank correlation of leave-one-out predictions with the results, at least 0: 1, the model can be relied on;
 * 0, it knows no more than the mean.  A function of the told results alone, whatever was asked in between.
 * Without a model: 1. */
double hpo_gp_trust(void *gp, const hpo_view *view);
/* The same of the sampler `additive`, for the rows that it was last fitted to; without a model 0. */
double hpo_additive_trust(void *additive, const hpo_view *view);
#endif
