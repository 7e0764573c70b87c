/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/registry.c - the table of terminators, and opening one by its spec. */
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/registry.h"
#include "terminator/builtin.h"

#define ENTRY(name) &hpo_terminator_##name,
static const void *const builtin[] = {HPO_TERMINATOR_LIST(ENTRY)};
#undef ENTRY

static hpo_ops_list terminators = HPO_OPS_LIST("terminator", hpo_terminator_ops, builtin);

const hpo_terminator_ops *hpo_terminator_at(size_t i)
{
    return hpo_ops_at(&terminators, i);
}

void hpo_ruling_set(hpo_ruling *out, int stop, const char *format, ...)
{
    va_list args;
    out->stop = stop;
    va_start(args, format);
    (void)vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
}

hpo_status hpo_terminator_open(const char *spec, const hpo_rule_problem *problem, hpo_terminator *out,
                               hpo_error *err)
{
    char name[32];
    const char *rest;
    const void *found;
    hpo_terminator t = {0};
    *out = t;
    HPO_TRY(hpo_options_split(spec, name, sizeof name, &rest, err));
    HPO_TRY(hpo_ops_lookup(&terminators, name, &found, err));
    const hpo_terminator_ops *ops = found;
    if (problem->n_objectives > 1)
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "terminator '%s' needs one objective and the study has %zu: compare trials, seconds or "
            "cost instead",
            ops->name, problem->n_objectives);
    hpo_status rc = HPO_OK;
    t.config = hpo_calloc(1, ops->config_size + 1);
    t.state = hpo_calloc(1, ops->state_size + 1);
    if (t.config == NULL || t.state == NULL) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) rc = hpo_options_read(ops->options, ops->n_options, ops->name, rest, t.config, err);
    if (rc == HPO_OK) {
        t.ops = ops; /* from here on close() runs fini, also after a failed init */
        if (ops->init != NULL) rc = ops->init(t.state, t.config, problem, err);
    }
    if (rc != HPO_OK) {
        hpo_terminator_close(&t);
        return rc;
    }
    *out = t;
    return HPO_OK;
}

void hpo_terminator_close(hpo_terminator *t)
{
    if (t->ops != NULL && t->ops->fini != NULL) t->ops->fini(t->state);
    hpo_free(t->state);
    hpo_free(t->config);
    *t = (hpo_terminator){0};
}
