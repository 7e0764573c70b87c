/* SPDX-License-Identifier: Apache-2.0 */
/* A Gaussian process over a space of its own, without a transform, with hyperparameters that stay as set. */
#ifndef GP_FIXTURE_H
#define GP_FIXTURE_H
#include "t.h"

#include "model/gp_internal.h"

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
    hpo_gp *gp;
    size_t n_dims;
} fixture;

static inline fixture fixture_with(const char *text, const hpo_gp_options *options)
{
    fixture f;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &f.space, &err), err);
    assert_ok(hpo_space_freeze(f.space, &err), err);
    assert_ok(options->family == HPO_KERNEL_PERIODIC ? hpo_embed_create_periodic(f.space, &f.embed, &err)
                                                     : hpo_embed_create(f.space, &f.embed, &err),
              err);
    assert_ok(hpo_gp_create(f.embed, options, &f.gp, &err), err);
    f.n_dims = hpo_embed_n_dims(f.embed);
    return f;
}

static inline fixture fixture_create(const char *text, hpo_kernel_family family)
{
    hpo_gp_options o = hpo_gp_defaults();
    o.family = family;
    fixture f = fixture_with(text, &o);
    hpo_transform identity = {
        .kind = HPO_TRANSFORM_STANDARD, .scale = 1, .sd = 1, .z_min = -1e300, .z_max = 1e300};
    hpo_gp_fix_transform(f.gp, &identity);
    hpo_gp_hold(f.gp, 1);
    return f;
}

static inline void fixture_free(fixture *f)
{
    hpo_gp_free(f->gp);
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}
#endif
