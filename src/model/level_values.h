/* SPDX-License-Identifier: Apache-2.0 */
/* model/level_values.h - values of trials at the levels of resource, as surrogates of trials that run in
 * pieces want them.  The rules: model/level_values.c.
 *
 * A fold over reports in the study's order, smaller is better. */
#ifndef MODEL_LEVEL_VALUES_H
#define MODEL_LEVEL_VALUES_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

enum { HPO_LEVEL_VALUES_MOST = 64 }; /* levels */

typedef struct hpo_level_trial {
    uint32_t reached; /* levels below this have been passed */
    int32_t failed;
} hpo_level_trial;

typedef struct hpo_level_values {
    size_t n_levels, n_trials, cap_trials, cap_values;
    double level[HPO_LEVEL_VALUES_MOST], least[HPO_LEVEL_VALUES_MOST]; /* least: as told; INFINITY: none */
    size_t count[HPO_LEVEL_VALUES_MOST];                               /* rows of each level */
    size_t n_rows;                                                     /* their sum */
    hpo_level_trial *trials;
    double *values; /* n_trials x n_levels, NaN: not known */
} hpo_level_values;

/* level: n_levels resources, ascending.  `name` of the surrogate: for an error. */
HPO_NODISCARD hpo_status hpo_level_values_init(hpo_level_values *l, const double *level, size_t n_levels,
                                               const char *name, hpo_error *err);
void hpo_level_values_fini(hpo_level_values *l);
/* A value that is not finite fails the trial for good.  *added: there is a row more. */
HPO_NODISCARD hpo_status hpo_level_values_report(hpo_level_values *l, size_t trial, double resource,
                                                 double value, int *added, hpo_error *err);
/* Up to `most` rows: trial and level of each.  How many there are is returned. */
size_t hpo_level_values_pick(const hpo_level_values *l, size_t most, uint32_t *trial, uint32_t *level);
/* The values of a trial at all levels; of one that is known. */
const double *hpo_level_values_of(const hpo_level_values *l, size_t trial);
#endif
