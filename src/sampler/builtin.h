/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/builtin.h - the one list of built-in samplers: X(name) stands for hpo_sampler_<name> at the end
 * of sampler/<name>.c. */
#ifndef SAMPLER_BUILTIN_H
#define SAMPLER_BUILTIN_H
#include "hpo/sampler.h"

#define HPO_SAMPLER_LIST(X)                                                                                  \
    X(auto) X(random) X(grid) X(sobol) X(halton) X(rsequence) X(lhs) X(tpe) X(local) X(gp) X(forest) X(cqr) X(bore) X(dngo) X(turbo) X(baxus) X(sphere) X(additive) \
    X(bohb) X(mobster) X(priorband) X(hyper_tune) X(freeze_thaw) X(dyhpo) X(lcnet) X(dpl)

#define HPO_SAMPLER_DECLARE(name) extern const hpo_sampler_ops hpo_sampler_##name;
HPO_SAMPLER_LIST(HPO_SAMPLER_DECLARE)
#undef HPO_SAMPLER_DECLARE
#endif
