/* SPDX-License-Identifier: Apache-2.0 */
/* analysis/confirm.h - comparing a few configurations by repeated measurements: how sure is the order, and
 * which to measure again.  Values are minimise-oriented.  Formulas: confirm.c. */
#ifndef ANALYSIS_CONFIRM_H
#define ANALYSIS_CONFIRM_H
#include "hpo/sampler.h"

typedef struct hpo_arm {
    /* given: its measurements */
    size_t n;
    double mean, m2; /* mean, sum of squared deviations */
    /* answered */
    double sd;        /* of one measurement, moderated; NaN: unknown */
    double low, high; /* 90 % interval of the mean; infinite: unknown */
    double p_best;
    size_t next; /* of `more` further measurements */
} hpo_arm;

/* Fills the answers.  seed, index: stream of the draws. */
HPO_NODISCARD hpo_status hpo_confirm(hpo_arm *arms, size_t n, size_t more, uint64_t seed, uint64_t index,
                                     hpo_error *err);
#endif
