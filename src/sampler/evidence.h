/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/evidence.h - how well a sampler's model foretells this study's results: what `auto` shares the asks
 * by. */
#ifndef SAMPLER_EVIDENCE_H
#define SAMPLER_EVIDENCE_H

#include "hpo/sampler.h"

/* Each answers in [0, 1]: 1, the member's proposals can be relied on; 0, they are no better than chance.
 * Functions of the told results alone, whatever was asked in between.  Before there is evidence: 1. */
double hpo_gp_trust(void *gp, const hpo_view *view); /* leave-one-out rank correlation, at least 0 */
double hpo_local_trust(const void *local_state); /* how often its steps lead to something better of late */
#endif
