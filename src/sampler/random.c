/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/random.c - random search.
 *
 *   x_n ~ p(x), independent, p the product of the parameters' priors (uniform, log-uniform, ... where none
 *   is given) restricted to the feasible set.
 *
 * n draws hit the best fraction q of the space at least once with probability 1 - (1 - q)^n: 59 draws give
 * 95% for q = 5%.  Each parameter gets n distinct values whatever the number of parameters, which is why it
 * beats a grid when only few of them matter.
 *
 * Reference: Bergstra, Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012), sections
 * 2-3. */
#include "sampler/builtin.h"

typedef struct random_state {
    const hpo_space *space;
} random_state;

static hpo_status random_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                              hpo_error *err)
{
    (void)config, (void)seed, (void)err;
    ((random_state *)state)->space = space;
    return HPO_OK;
}

static hpo_status random_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                             hpo_error *err)
{
    (void)view, (void)draw; /* the stream is already keyed by (seed, draw) */
    return hpo_space_draw(((const random_state *)state)->space, rng, u_out, err);
}

const hpo_sampler_ops hpo_sampler_random = {
    .size = sizeof(hpo_sampler_ops),
    .name = "random",
    .help = "Independent draws from the parameters' priors: the baseline, and safe for any space and any "
            "number of workers.",
    .reference = "Bergstra & Bengio, JMLR 13 (2012), sections 2-3",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .state_size = sizeof(random_state),
    .init = random_init,
    .ask = random_ask,
};
