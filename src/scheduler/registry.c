/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/registry.c - the table of schedulers, registration, and opening one by its spec.
 * To add a scheduler: its file, one word in builtin.h, its section in docs/schedulers.md. */
#include "scheduler/registry.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/registry.h"
#include "scheduler/builtin.h"
#include "scheduler/joint.h"

#define ENTRY(name) &hpo_scheduler_##name,
static const void *const builtin[] = {HPO_SCHEDULER_LIST(ENTRY)};
#undef ENTRY

static hpo_ops_list schedulers = HPO_OPS_LIST("scheduler", hpo_scheduler_ops, builtin);

const hpo_scheduler_ops *hpo_scheduler_at(size_t i)
{
    return hpo_ops_at(&schedulers, i);
}

const hpo_scheduler_ops *hpo_scheduler_find(const char *name)
{
    return hpo_ops_find(&schedulers, name);
}

hpo_status hpo_scheduler_register(const hpo_scheduler_ops *ops, hpo_error *err)
{
    if (ops != NULL && ops->size == sizeof *ops && ops->name != NULL) {
        const char *missing = ops->report == NULL                            ? "report"
                              : ops->help == NULL || !ops->help[0]           ? "help"
                              : ops->reference == NULL || !ops->reference[0] ? "reference"
                                                                             : NULL;
        if (missing != NULL)
            return hpo_fail(err, HPO_EINVAL, "scheduler '%.64s': required slot %s is NULL: fill it",
                            ops->name, missing);
        HPO_TRY(hpo_options_check(ops->options, ops->n_options, ops->name, ops->config_size, err));
    }
    return hpo_ops_add(&schedulers, ops, err);
}

const char *hpo_scheduler_cap_name(uint32_t bit)
{
    switch (bit) {
    case HPO_SCHED_NEEDS_FIDELITY:
        return "needs-fidelity";
    case HPO_SCHED_PAUSES:
        return "pauses";
    case HPO_SCHED_CLONES:
        return "clones";
    case HPO_SCHED_MULTI_OBJECTIVE:
        return "multi-objective";
    case HPO_SCHED_POINTS:
        return "points";
    case HPO_SCHED_ALONG:
        return "along";
    default:
        return NULL;
    }
}

uint32_t hpo_scheduler_caps(const hpo_scheduler *s)
{
    uint32_t caps = s->ops->caps;
    (void)hpo_joint_caps(s, &caps);
    return caps;
}

static hpo_status check(const hpo_scheduler_ops *ops, const hpo_sched_problem *p, hpo_error *err)
{
    if ((ops->caps & HPO_SCHED_NEEDS_FIDELITY) != 0 && isnan(p->high))
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "scheduler '%s' needs a fidelity parameter: add one ('epochs: fidelity 1..81') or choose 'none'",
            ops->name);
    if (p->n_objectives > 1 && (ops->caps & HPO_SCHED_MULTI_OBJECTIVE) == 0)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "scheduler '%s' handles one objective, the study has %zu: choose 'none'", ops->name,
                        p->n_objectives);
    return HPO_OK;
}

hpo_status hpo_scheduler_open(const char *spec, const hpo_sched_problem *problem, hpo_scheduler *out,
                              hpo_error *err)
{
    char name[32];
    const char *rest;
    const void *found;
    hpo_scheduler s = {0};
    *out = s;
    if (spec != NULL && hpo_joint_is(spec)) return hpo_joint_open(spec, problem, out, err);
    HPO_TRY(hpo_options_split(spec != NULL ? spec : HPO_NO_SCHEDULER, name, sizeof name, &rest, err));
    HPO_TRY(hpo_ops_lookup(&schedulers, name, &found, err));
    const hpo_scheduler_ops *ops = found;
    HPO_TRY(check(ops, problem, err));

    hpo_status rc = HPO_OK;
    s.config = hpo_calloc(1, ops->config_size + 1);
    s.state = hpo_calloc(1, ops->state_size + 1);
    if (s.config == NULL || s.state == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    rc = hpo_options_read(ops->options, ops->n_options, ops->name, rest, s.config, err);
    if (rc != HPO_OK) goto done;
    s.ops = ops; /* from here on close() runs fini, also after a failed init */
    if (ops->init != NULL) rc = ops->init(s.state, s.config, problem, err);
done:
    if (rc != HPO_OK) {
        hpo_scheduler_close(&s);
        return rc;
    }
    *out = s;
    return HPO_OK;
}

void hpo_scheduler_close(hpo_scheduler *s)
{
    if (s->ops != NULL && s->ops->fini != NULL) s->ops->fini(s->state);
    hpo_free(s->state);
    hpo_free(s->config);
    *s = (hpo_scheduler){0};
}
