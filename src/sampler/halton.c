/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/halton.c - Halton points.
 *
 * Coordinate j of point i is the radical inverse of i in the j-th prime b_j: with the digits
 * i = sum_k d_k b^k,
 *     phi_b(i) = sum_k d_k b^(-k-1).
 * Any number of points is as good as its neighbours (no powers of two), but neighbouring large bases run in
 * step for a long time; permuting the digits by the seed (`scramble`) breaks that up, and taking every
 * (leap+1)-th point does so for the plain sequence when leap + 1 is a prime that is no base.
 *
 * Draw n is point skip + n (leap + 1).
 *
 * References: Halton, Numer. Math. 2 (1960); Owen, "A randomized Halton algorithm in R", arXiv 1706.02808
 * (2017); leaping: Kocis & Whiten, ACM TOMS 23 (1997). */
#include "base/error.h"
#include "math/qmc.h"
#include "sampler/builtin.h"
#include "sampler/sequence.h"

typedef struct halton_config {
    int32_t scramble;
    int64_t skip, leap;
} halton_config;

typedef struct halton_state {
    hpo_sequence sequence;
    hpo_halton *points;
    uint64_t skip, stride;
} halton_state;

static const hpo_option halton_options[] = {
    {"scramble", "permute the digits by the study's seed", HPO_OPT_BOOL, offsetof(halton_config, scramble), 1,
     0, 1, NULL},
    {"skip", "points left out at the start (without scrambling, point 0 is the lower corner of the space)",
     HPO_OPT_INT, offsetof(halton_config, skip), 0, 0, 1 << 30, NULL},
    {"leap", "points left out after each one; 408 is a good choice for the plain sequence in many dimensions",
     HPO_OPT_INT, offsetof(halton_config, leap), 0, 0, 1 << 20, NULL},
};

static hpo_status halton_point(void *state, uint64_t index, double *v, hpo_error *err)
{
    (void)err;
    const halton_state *s = state;
    hpo_halton_point(s->points, index * s->stride + s->skip, v);
    return HPO_OK;
}

static hpo_status halton_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                              hpo_error *err)
{
    halton_state *s = state;
    const halton_config *c = config;
    s->skip = (uint64_t)c->skip;
    s->stride = (uint64_t)c->leap + 1;
    HPO_TRY(hpo_sequence_init(&s->sequence, space, halton_point, err));
    size_t dims = s->sequence.n_dims;
    if (dims > HPO_HALTON_MAX_DIMS)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "sampler 'halton' has %d dimensions, the space needs %zu: choose sobol or random",
                        (int)HPO_HALTON_MAX_DIMS, dims);
    return dims > 0 ? hpo_halton_create(dims, c->scramble, seed, &s->points, err) : HPO_OK;
}

static hpo_status halton_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                             hpo_error *err)
{
    (void)view;
    return hpo_sequence_ask(&((halton_state *)state)->sequence, draw, rng, u_out, err);
}

static void halton_fini(void *state)
{
    halton_state *s = state;
    hpo_halton_free(s->points);
    hpo_sequence_fini(&s->sequence);
}

const hpo_sampler_ops hpo_sampler_halton = {
    .size = sizeof(hpo_sampler_ops),
    .name = "halton",
    .help = "Scrambled Halton points: even coverage for any number of trials; up to about 10 parameters as "
            "good as sobol.",
    .reference = "Halton, Numer. Math. 2 (1960); Owen, arXiv 1706.02808 (2017)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = halton_options,
    .n_options = sizeof halton_options / sizeof halton_options[0],
    .config_size = sizeof(halton_config),
    .state_size = sizeof(halton_state),
    .init = halton_init,
    .ask = halton_ask,
    .fini = halton_fini,
};
