/* SPDX-License-Identifier: Apache-2.0 */
/* bench/families.h - the families that families.c lists. */
#ifndef BENCH_FAMILIES_H
#define BENCH_FAMILIES_H
#include "bench/problem.h"

extern const hpo_problem_family hpo_yahpo_problems; /* yahpo.c */

extern const hpo_problem_family hpo_family_bbob, hpo_family_bbob_mixint, hpo_family_bbob_noisy;
extern const hpo_problem_family hpo_family_classic, hpo_family_cliff, hpo_family_bbob_constrained, hpo_family_design;

#endif
