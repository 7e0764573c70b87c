/* SPDX-License-Identifier: Apache-2.0 */
/* acq/prior.h - the user's belief where the optimum lies, as a density over the unit cube. */
#ifndef ACQ_PRIOR_H
#define ACQ_PRIOR_H
#include "hpo/sampler.h"
#include <stddef.h>
#include <stdint.h>

typedef struct hpo_acq_prior {
    const hpo_space *space;
    uint32_t *codec; /* places in the program of the parameters that have one */
    size_t n;
} hpo_acq_prior;

HPO_NODISCARD hpo_status hpo_acq_prior_open(hpo_acq_prior *p, const hpo_space *space, hpo_error *err);
void hpo_acq_prior_close(hpo_acq_prior *p);
/* ln of the prior density at u in the unit cube; adds scale x gradient unless NULL. */
double hpo_acq_prior_log(const hpo_acq_prior *p, const double *u, double scale, double *gradient);
#endif
