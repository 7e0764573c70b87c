/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sobol.c - Sobol' points.
 *
 * Coordinate j of point i is the XOR of the direction numbers v_{j,k} over the one bits k of i: a digital
 * (t,s)-sequence in base 2, whose first 2^k points put equally many into every elementary interval of
 * volume 2^(t-k).  Its star discrepancy is O((log n)^s / n), against O(sqrt(log log n / n)) for random
 * points.  Owen's nested uniform scrambling keeps that structure, makes each point uniform, and lowers the
 * error for smooth functions to O(n^(-3/2)); it depends on the seed, so that studies differ.
 *
 * Numbers of trials that are powers of two use the balance best.  Draw n is point skip + n.
 *
 * References: Sobol', USSR Comp. Math. and Math. Phys. 7 (1967); Joe & Kuo, SIAM J. Sci. Comput. 30 (2008)
 * (direction numbers); Owen, "Randomly permuted (t,m,s)-nets" (1995); for tuning: Bousquet et al.,
 * "Critical hyper-parameters: no random, no cry" (2017). */
#include "base/error.h"
#include "math/qmc.h"
#include "sampler/builtin.h"
#include "sampler/sequence.h"

typedef struct sobol_config {
    int32_t scramble; /* hpo_scrambling */
    int64_t skip;
} sobol_config;

typedef struct sobol_state {
    hpo_sequence sequence;
    hpo_sobol *points;
    uint64_t skip;
} sobol_state;

/* In the order of hpo_scrambling. */
static const char *const scramble_labels[] = {"none", "owen", "shift", NULL};

static const hpo_option sobol_options[] = {
    {"scramble", "randomisation by the study's seed: owen (nested uniform), shift (digital shift) or none",
     HPO_OPT_ENUM, offsetof(sobol_config, scramble), HPO_SCRAMBLE_OWEN, 0, 2, scramble_labels},
    {"skip", "points left out at the start; keep 0 unless another study has used them", HPO_OPT_INT,
     offsetof(sobol_config, skip), 0, 0, 1 << 30, NULL},
};

static hpo_status sobol_point(void *state, uint64_t index, double *v, hpo_error *err)
{
    (void)err;
    const sobol_state *s = state;
    hpo_sobol_point(s->points, index + s->skip, v);
    return HPO_OK;
}

static hpo_status sobol_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                             hpo_error *err)
{
    sobol_state *s = state;
    const sobol_config *c = config;
    s->skip = (uint64_t)c->skip;
    HPO_TRY(hpo_sequence_init(&s->sequence, space, sobol_point, err));
    size_t dims = s->sequence.n_dims;
    if (dims > HPO_SOBOL_MAX_DIMS)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "sampler 'sobol' has %d dimensions, the space needs %zu: choose random",
                        (int)HPO_SOBOL_MAX_DIMS, dims);
    return dims > 0 ? hpo_sobol_create(dims, (hpo_scrambling)c->scramble, seed, &s->points, err) : HPO_OK;
}

static hpo_status sobol_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                            hpo_error *err)
{
    (void)view;
    return hpo_sequence_ask(&((sobol_state *)state)->sequence, draw, rng, u_out, err);
}

static void sobol_fini(void *state)
{
    sobol_state *s = state;
    hpo_sobol_free(s->points);
    hpo_sequence_fini(&s->sequence);
}

const hpo_sampler_ops hpo_sampler_sobol = {
    .size = sizeof(hpo_sampler_ops),
    .name = "sobol",
    .help = "Scrambled Sobol' points: covers the space more evenly than random draws; best for one-shot "
            "parallel exploration.",
    .reference = "Joe & Kuo, SIAM J. Sci. Comput. 30 (2008); Owen (1995); Bousquet et al., arXiv 1706.03200",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = sobol_options,
    .n_options = sizeof sobol_options / sizeof sobol_options[0],
    .config_size = sizeof(sobol_config),
    .state_size = sizeof(sobol_state),
    .init = sobol_init,
    .ask = sobol_ask,
    .fini = sobol_fini,
};
