/* SPDX-License-Identifier: Apache-2.0 */
/* bench/families.h - the families that families.c lists. */
#ifndef BENCH_FAMILIES_H
#define BENCH_FAMILIES_H
#include "bench/problem.h"

extern const hpo_problem_family hpo_yahpo_problems;          /* yahpo.c */
extern const hpo_problem_family hpo_multiobjective_problems; /* multiobjective.c */
extern const hpo_problem_family hpo_table_problems; /* table.c */
extern const hpo_problem_family hpo_live_problems; /* live.c */
extern const hpo_problem_family hpo_svm_problems; /* live_svm.c */
extern const hpo_problem_family hpo_logistic_problems; /* live_logistic.c */
extern const hpo_problem_family hpo_bbob_problems, hpo_bbob_mixint_problems,
    hpo_bbob_noisy_problems;                                                        /* bbob_family.c */
extern const hpo_problem_family hpo_bbob_constrained_problems, hpo_design_problems; /* constrained.c */
extern const hpo_problem_family hpo_classic_problems;                               /* classic.c */
extern const hpo_problem_family hpo_cliff_problems;                                 /* cliff.c */
extern const hpo_problem_family hpo_structured_problems;                            /* structured.c */
extern const hpo_problem_family hpo_combinatorial_problems;                         /* combinatorial.c */
extern const hpo_problem_family hpo_fidelity_problems;                              /* fidelity.c */
extern const hpo_problem_family hpo_axes_problems;                                  /* axes.c */
extern const hpo_problem_family hpo_curves_problems;                                /* curves.c */
extern const hpo_problem_family hpo_drift_problems;                                 /* drift.c */
extern const hpo_problem_family hpo_branches_problems;                              /* branches.c */

#endif
