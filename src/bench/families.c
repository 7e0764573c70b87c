/* SPDX-License-Identifier: Apache-2.0 */
/* bench/families.c - the one list of problem families.  To add one: a file with its `hpo_problem_family`, a
 * declaration and a row here, its definition in docs/problems.md. */
#include "bench/families.h"

const hpo_problem_family *const hpo_problem_families[] = {
    &hpo_family_bbob, &hpo_family_bbob_mixint, &hpo_family_bbob_noisy, &hpo_family_bbob_constrained,
    &hpo_family_classic, &hpo_family_cliff, &hpo_family_design,
    &hpo_yahpo_problems,
    NULL,
};
