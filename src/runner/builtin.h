/* SPDX-License-Identifier: Apache-2.0 */
/* runner/builtin.h - the runners built in.  To add one: its file, one word here. */
#ifndef RUNNER_BUILTIN_H
#define RUNNER_BUILTIN_H
#include "hpo/runner.h"

#define HPO_RUNNER_LIST(X) X(local)
#define HPO_RUNNER_DECLARE(name) extern const hpo_runner_ops hpo_runner_##name;
HPO_RUNNER_LIST(HPO_RUNNER_DECLARE)
#undef HPO_RUNNER_DECLARE
#endif
