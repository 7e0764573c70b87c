/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/registry.h - the table of samplers, and a sampler at work. */
#ifndef SAMPLER_REGISTRY_H
#define SAMPLER_REGISTRY_H
#include "hpo/sampler.h"

/* What a study uses when the user names no sampler.  Written here and nowhere else. */
#define HPO_DEFAULT_SAMPLER "auto"

/* Sampler i, built-ins first; NULL behind the last. */
const hpo_sampler_ops *hpo_sampler_at(size_t i);
const hpo_sampler_ops *hpo_sampler_find(const char *name); /* NULL: there is none */

/* One sampler at work: the ops, its configuration and its state. */
typedef struct hpo_sampler {
    const hpo_sampler_ops *ops;
    void *config, *state;
} hpo_sampler;

/* Looks up `spec` ("name:key=value,..."; NULL: the default), reads its options, compares what it can do
 * with what the problem needs, and initialises it.  `space` is frozen and outlives the sampler.
 * HPO_ENOTFOUND, HPO_EINVAL (options), HPO_EUNSUPPORTED (the text says what to choose instead). */
HPO_NODISCARD hpo_status hpo_sampler_open(const char *spec, const hpo_space *space, size_t n_objectives,
                                          size_t n_outcomes, uint64_t seed, hpo_sampler *out, hpo_error *err);
void hpo_sampler_close(hpo_sampler *s); /* a zeroed or closed one is fine */

/* What `space` needs of a sampler: HPO_CAP_* bits. */
uint32_t hpo_sampler_needs(const hpo_space *space, size_t n_objectives, size_t n_outcomes);
/* HPO_EUNSUPPORTED, naming the first need that is not met and samplers that meet all. */
HPO_NODISCARD hpo_status hpo_sampler_check(const hpo_sampler_ops *ops, uint32_t needs, hpo_error *err);
/* Word of one HPO_CAP_* bit ("conditional"), NULL for an unknown one. */
const char *hpo_sampler_cap_name(uint32_t bit);
#endif
