/* SPDX-License-Identifier: Apache-2.0 */
/* bench/families.c - the one list of problem families.  To add one: a file with its `hpo_problem_family`, a
 * declaration and a row here, its definition in docs/problems.md. */
#include "bench/families.h"

/* clang-format off */
const hpo_problem_family *const hpo_problem_families[] = {
    &hpo_bbob_problems,
    &hpo_bbob_mixint_problems,
    &hpo_bbob_noisy_problems,
    &hpo_bbob_constrained_problems,
    &hpo_classic_problems,
    &hpo_cliff_problems,
    &hpo_design_problems,
    &hpo_structured_problems,
    &hpo_branches_problems,
    &hpo_combinatorial_problems,
    &hpo_fidelity_problems,
    &hpo_curves_problems,
    &hpo_drift_problems,
    &hpo_axes_problems,
    &hpo_yahpo_problems,
    &hpo_multiobjective_problems, &hpo_table_problems, &hpo_live_problems, &hpo_svm_problems, &hpo_logistic_problems,
    NULL,
};
/* clang-format on */
