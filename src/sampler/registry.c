/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/registry.c - the one table of built-in samplers, registration, and opening one by its spec.
 * To add a sampler: its file, one word in builtin.h, its section in docs/samplers.md, its row in
 * tests/unit/sampler (the last two are checked by tests/conform/sampler.c). */
#include "sampler/registry.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/options.h"
#include "base/registry.h"
#include "sampler/builtin.h"
#include "space/space.h"

#define ENTRY(name) &hpo_sampler_##name,
static const void *const builtin[] = {HPO_SAMPLER_LIST(ENTRY)};
#undef ENTRY

static hpo_ops_list samplers = HPO_OPS_LIST("sampler", hpo_sampler_ops, builtin);

const hpo_sampler_ops *hpo_sampler_at(size_t i)
{
    return hpo_ops_at(&samplers, i);
}

const hpo_sampler_ops *hpo_sampler_find(const char *name)
{
    return hpo_ops_find(&samplers, name);
}

hpo_status hpo_sampler_register(const hpo_sampler_ops *ops, hpo_error *err)
{
    if (ops != NULL && ops->size == sizeof *ops && ops->name != NULL) {
        const char *missing = ops->ask == NULL                               ? "ask"
                              : ops->help == NULL || ops->help[0] == '\0'    ? "help"
                              : ops->reference == NULL || !ops->reference[0] ? "reference"
                              : ops->save != NULL && ops->load == NULL       ? "load (required with save)"
                                                                             : NULL;
        if (missing != NULL)
            return hpo_fail(err, HPO_EINVAL, "sampler '%.64s': required slot %s is NULL: fill it", ops->name,
                            missing);
        HPO_TRY(hpo_options_check(ops->options, ops->n_options, ops->name, ops->config_size, err));
    }
    return hpo_ops_add(&samplers, ops, err);
}

/* ---- capabilities ---------------------------------------------------------------------------- */

static const struct {
    uint32_t bit;
    const char *word, *need;
} caps[] = {
    {HPO_CAP_DISCRETE, "discrete", "integers, steps or categories"},
    {HPO_CAP_CONDITIONAL, "conditional", "conditional parameters"},
    {HPO_CAP_CONSTRAINTS, "constraints", "constraints between parameters"},
    {HPO_CAP_STRUCTURED, "structured", "permutations, simplexes or subsets"},
    {HPO_CAP_MULTI_OBJECTIVE, "multi-objective", "several objectives"},
    {HPO_CAP_OUTCOMES, "outcomes", "measured constraints"},
    {HPO_CAP_HISTORY, "history", NULL},
    {HPO_CAP_CONTINUOUS, "continuous", "continuous parameters"},
    {HPO_CAP_DEPENDENT, "dependent-bounds", "bounds that depend on other parameters"},
    {HPO_CAP_EXHAUSTS, "exhausts", NULL},
};
enum { N_CAPS = sizeof caps / sizeof caps[0] };

const char *hpo_sampler_cap_name(uint32_t bit)
{
    for (size_t i = 0; i < N_CAPS; i++)
        if (caps[i].bit == bit) return caps[i].word;
    return NULL;
}

uint32_t hpo_sampler_needs(const hpo_space *space, size_t n_objectives, size_t n_outcomes)
{
    return hpo_space_needs(space) | (n_objectives > 1 ? HPO_CAP_MULTI_OBJECTIVE : 0) |
           (n_outcomes > 0 ? HPO_CAP_OUTCOMES : 0);
}

hpo_status hpo_sampler_check(const hpo_sampler_ops *ops, uint32_t needs, hpo_error *err)
{
    uint32_t missing = needs & ~ops->caps;
    if (missing == 0) return HPO_OK;
    char able[160] = "";
    size_t used = 0;
    const hpo_sampler_ops *other;
    for (size_t i = 0; (other = hpo_sampler_at(i)) != NULL; i++) {
        size_t n = strlen(other->name);
        if ((needs & ~other->caps) != 0 || used + n + 3 > sizeof able) continue;
        if (used > 0) memcpy(able + used, ", ", 2);
        used += used > 0 ? 2 : 0;
        memcpy(able + used, other->name, n + 1);
        used += n;
    }
    const char *need = NULL;
    for (size_t i = 0; i < N_CAPS && need == NULL; i++)
        if ((missing & caps[i].bit) != 0) need = caps[i].need;
    return hpo_fail(err, HPO_EUNSUPPORTED, "sampler '%s' cannot handle %s: choose one of: %s", ops->name,
                    need != NULL ? need : "what this problem needs", used > 0 ? able : "(none registered)");
}

/* ---- a sampler at work ------------------------------------------------------------------------- */

hpo_status hpo_sampler_open(const char *spec, const hpo_space *space, size_t n_objectives, size_t n_outcomes,
                            uint64_t seed, hpo_sampler *out, hpo_error *err)
{
    char name[32];
    const char *rest;
    const void *found;
    hpo_sampler s = {0};
    *out = s;
    HPO_TRY(hpo_options_split(spec != NULL ? spec : HPO_DEFAULT_SAMPLER, name, sizeof name, &rest, err));
    HPO_TRY(hpo_ops_lookup(&samplers, name, &found, err));
    const hpo_sampler_ops *ops = found;
    HPO_TRY(hpo_sampler_check(ops, hpo_sampler_needs(space, n_objectives, n_outcomes), err));

    hpo_status rc = HPO_ENOMEM;
    s.config = hpo_calloc(1, ops->config_size + 1);
    s.state = hpo_calloc(1, ops->state_size + 1);
    if (s.config == NULL || s.state == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    rc = hpo_options_read(ops->options, ops->n_options, ops->name, rest, s.config, err);
    if (rc != HPO_OK) goto done;
    s.ops = ops; /* from here on close() runs fini, also after a failed init */
    if (ops->init != NULL) rc = ops->init(s.state, s.config, space, seed, err);
done:
    if (rc != HPO_OK) {
        hpo_sampler_close(&s);
        return rc;
    }
    *out = s;
    return HPO_OK;
}

void hpo_sampler_close(hpo_sampler *s)
{
    if (s->ops != NULL && s->ops->fini != NULL) s->ops->fini(s->state);
    hpo_free(s->state);
    hpo_free(s->config);
    *s = (hpo_sampler){0};
}
