/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/lhs.c - Latin hypercube sampling, in blocks.
 *
 * Each axis is cut into n cells and each cell is used once: v_ij = (pi_j(i) + t_ij) / n with independent
 * random permutations pi_j and t_ij uniform in [0,1) (plain) or 1/2 (centered).  maximin and optimized choose
 * among such designs one whose points lie far apart.
 *
 * A design needs n in advance and cannot be extended, so the sequence of draws is cut into blocks of n: draw
 * k is row k mod n of the design number b = floor(k / n), each block a new design keyed by (seed, b).  Set n
 * to the number of trials when it is known.  The default, 16, is the usual size of an initial design in 5 to
 * 10 dimensions; a study that runs longer still has every block stratified.
 *
 * With constraints, infeasible rows are left out and the next ones take their place.
 *
 * References: McKay, Beckman, Conover, Technometrics 21 (1979); maximin: Johnson, Moore, Ylvisaker, J. Stat.
 * Plan. Inference 26 (1990); optimized: Morris, Mitchell, J. Stat. Plan. Inference 43 (1995). */
#include "base/alloc.h"
#include "base/error.h"
#include "math/qmc.h"
#include "math/rng.h"
#include "sampler/builtin.h"
#include "sampler/sequence.h"

/* The search of maximin and optimized has a fixed budget of work (about 10 ms, see math/lhs.c): beyond this
 * size too little of it is left for one row, and the first look at all pairs alone takes longer. */
enum { SEARCH_MAX = 500 };

typedef struct lhs_config {
    int64_t n;
    int32_t kind; /* hpo_lhs_kind */
} lhs_config;

typedef struct lhs_state {
    hpo_sequence sequence;
    hpo_lhs_kind kind;
    size_t n;
    uint64_t seed;
    double *design;  /* n x n_dims: the block computed last */
    uint64_t block;  /* its number */
    int32_t is_made; /* 0: none computed yet */
} lhs_state;

/* In the order of hpo_lhs_kind. */
static const char *const kind_labels[] = {"plain", "centered", "maximin", "optimized", NULL};

static const hpo_option lhs_options[] = {
    {"n", "rows of one design; best the number of trials, if known", HPO_OPT_INT, offsetof(lhs_config, n), 16,
     1, 100000, NULL},
    {"kind", "plain, centered (middle of each cell), maximin (far apart) or optimized (phi_p criterion)",
     HPO_OPT_ENUM, offsetof(lhs_config, kind), HPO_LHS_PLAIN, 0, 3, kind_labels},
};

static hpo_status lhs_point(void *state, uint64_t index, double *v, hpo_error *err)
{
    lhs_state *s = state;
    size_t dims = s->sequence.n_dims;
    uint64_t block = index / s->n;
    if (!s->is_made || s->block != block) {
        hpo_rng rng;
        hpo_rng_init(&rng, s->seed, block, HPO_RNG_DESIGN);
        s->is_made = 0;
        HPO_TRY(hpo_lhs(s->kind, s->n, dims, hpo_rng_u64(&rng), s->design, err));
        s->block = block;
        s->is_made = 1;
    }
    const double *row = s->design + (size_t)(index % s->n) * dims;
    for (size_t j = 0; j < dims; j++)
        v[j] = row[j];
    return HPO_OK;
}

static hpo_status lhs_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                           hpo_error *err)
{
    lhs_state *s = state;
    const lhs_config *c = config;
    s->kind = (hpo_lhs_kind)c->kind;
    s->n = (size_t)c->n;
    s->seed = seed;
    if (s->n > SEARCH_MAX && (s->kind == HPO_LHS_MAXIMIN || s->kind == HPO_LHS_OPTIMIZED))
        return hpo_fail(err, HPO_EINVAL,
                        "lhs: kind=%s cannot improve a design of n=%zu rows: use n=%d at most, kind=plain, "
                        "or sampler sobol",
                        kind_labels[s->kind], s->n, (int)SEARCH_MAX);
    HPO_TRY(hpo_sequence_init(&s->sequence, space, lhs_point, err));
    if (s->sequence.n_dims == 0) return HPO_OK;
    s->design = hpo_alloc_array(s->n, s->sequence.n_dims * sizeof *s->design);
    return s->design != NULL ? HPO_OK : hpo_fail_memory(err);
}

static hpo_status lhs_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                          hpo_error *err)
{
    (void)view;
    return hpo_sequence_ask(&((lhs_state *)state)->sequence, draw, rng, u_out, err);
}

static void lhs_fini(void *state)
{
    lhs_state *s = state;
    hpo_free(s->design);
    hpo_sequence_fini(&s->sequence);
}

const hpo_sampler_ops hpo_sampler_lhs = {
    .size = sizeof(hpo_sampler_ops),
    .name = "lhs",
    .help = "Latin hypercubes: every parameter is stratified into n cells; when the number of trials is "
            "known in advance.",
    .reference = "McKay, Beckman & Conover, Technometrics 21 (1979); Morris & Mitchell, JSPI 43 (1995)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES | HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT,
    .options = lhs_options,
    .n_options = sizeof lhs_options / sizeof lhs_options[0],
    .config_size = sizeof(lhs_config),
    .state_size = sizeof(lhs_state),
    .init = lhs_init,
    .ask = lhs_ask,
    .fini = lhs_fini,
};
