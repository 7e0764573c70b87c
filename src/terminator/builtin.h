/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/builtin.h - the built-in terminators. */
#ifndef TERMINATOR_BUILTIN_H
#define TERMINATOR_BUILTIN_H
#include "terminator/terminator.h"

#define HPO_TERMINATOR_LIST(X) X(regret) X(emmr) X(pbgi) X(stagnation) X(target)

#define HPO_TERMINATOR_DECLARE(name) extern const hpo_terminator_ops hpo_terminator_##name;
HPO_TERMINATOR_LIST(HPO_TERMINATOR_DECLARE)
#undef HPO_TERMINATOR_DECLARE
#endif
