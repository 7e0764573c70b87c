/* SPDX-License-Identifier: Apache-2.0 */
/* runner/registry.c - the one table of built-in runners, and registration. */
#include "base/registry.h"
#include "base/error.h"
#include "runner/builtin.h"

#define ENTRY(name) &hpo_runner_##name,
static const void *const builtin[] = {HPO_RUNNER_LIST(ENTRY)};
#undef ENTRY

static hpo_ops_list runners = HPO_OPS_LIST("runner", hpo_runner_ops, builtin);

const hpo_runner_ops *hpo_runner_at(size_t i)
{
    return hpo_ops_at(&runners, i);
}

const hpo_runner_ops *hpo_runner_find(const char *name)
{
    return hpo_ops_find(&runners, name);
}

hpo_status hpo_runner_register(const hpo_runner_ops *ops, hpo_error *err)
{
    if (ops != NULL && ops->size == sizeof *ops && ops->name != NULL) {
        const char *missing = !ops->help    ? "help"
                              : !ops->open  ? "open"
                              : !ops->close ? "close"
                              : !ops->start ? "start"
                              : !ops->poll  ? "poll"
                              : !ops->stop  ? "stop"
                              : !ops->wake  ? "wake"
                                            : NULL;
        if (missing != NULL)
            return hpo_fail(err, HPO_EINVAL, "runner '%.64s': required slot %s is NULL: fill it", ops->name,
                            missing);
    }
    return hpo_ops_add(&runners, ops, err);
}
