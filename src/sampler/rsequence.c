/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/rsequence.c - the R-sequence, an additive recurrence (a Kronecker lattice).
 *
 * With phi the positive root of x^(d+1) = x + 1 (d dimensions; d = 1: the golden ratio) and
 * alpha_j = phi^-(j+1), j = 0..d-1,
 *     v_{n,j} = frac(s_j + n alpha_j).
 * The shift s_j comes from the seed (`shift`), or is 1/2.  The generator of the lattice is badly
 * approximable, which keeps points apart from each other for every n; no parameters, no tables.
 *
 * Reference: Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018); additive recurrences:
 * Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods (1992), section 3.1. */
#include "base/error.h"
#include "math/qmc.h"
#include "sampler/builtin.h"
#include "sampler/sequence.h"

typedef struct rsequence_config {
    int32_t shift;
    int64_t skip;
} rsequence_config;

typedef struct rsequence_state {
    hpo_sequence sequence;
    hpo_rseq *points;
    uint64_t skip;
} rsequence_state;

static const hpo_option rsequence_options[] = {
    {"shift", "shift all points by an amount that depends on the study's seed", HPO_OPT_BOOL,
     offsetof(rsequence_config, shift), 1, 0, 1, NULL},
    {"skip", "points left out at the start", HPO_OPT_INT, offsetof(rsequence_config, skip), 0, 0, 1 << 30,
     NULL},
};

static hpo_status rsequence_point(void *state, uint64_t index, double *v, hpo_error *err)
{
    (void)err;
    const rsequence_state *s = state;
    hpo_rseq_point(s->points, index + s->skip, v);
    return HPO_OK;
}

static hpo_status rsequence_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                                 hpo_error *err)
{
    rsequence_state *s = state;
    const rsequence_config *c = config;
    s->skip = (uint64_t)c->skip;
    HPO_TRY(hpo_sequence_init(&s->sequence, space, rsequence_point, err));
    size_t dims = s->sequence.n_dims;
    return dims > 0 ? hpo_rseq_create(dims, seed, c->shift, &s->points, err) : HPO_OK;
}

static hpo_status rsequence_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                                hpo_error *err)
{
    (void)view;
    return hpo_sequence_ask(&((rsequence_state *)state)->sequence, draw, rng, u_out, err);
}

static void rsequence_fini(void *state)
{
    rsequence_state *s = state;
    hpo_rseq_free(s->points);
    hpo_sequence_fini(&s->sequence);
}

const hpo_sampler_ops hpo_sampler_rsequence = {
    .size = sizeof(hpo_sampler_ops),
    .name = "rsequence",
    .help = "Additive recurrence by powers of a generalised golden ratio: keeps points apart for every "
            "number of trials; up to about 8 parameters.",
    .reference = "Roberts, The unreasonable effectiveness of quasirandom sequences (2018)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = rsequence_options,
    .n_options = sizeof rsequence_options / sizeof rsequence_options[0],
    .config_size = sizeof(rsequence_config),
    .state_size = sizeof(rsequence_state),
    .init = rsequence_init,
    .ask = rsequence_ask,
    .fini = rsequence_fini,
};
