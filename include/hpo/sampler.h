/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/sampler.h - for those who write a sampler.  Stable through a minor version.
 *
 * A sampler is a fold over the study's ordered events: `tell` advances its state, `ask` reads it and
 * changes nothing that could alter a later answer (memoising is fine).  Randomness comes only from the
 * stream handed to ask, keyed by (study seed, draw, purpose).  A sampler sees the frozen space and a
 * read-only view, never the study or the storage. */
#ifndef HPO_SAMPLER_H
#define HPO_SAMPLER_H

#include "hpo.h"

HPO_BEGIN_DECLS

/* ---- options: one table drives C, command line, Python, JSON schema, forms and man page -------- */

typedef enum hpo_option_type { HPO_OPT_BOOL, HPO_OPT_INT, HPO_OPT_REAL, HPO_OPT_ENUM, HPO_OPT_TEXT } hpo_option_type;
enum { HPO_OPTION_TEXT = 256 }; /* bytes of a TEXT, its end included; no comma in it, "" by default */
typedef struct hpo_option {
    const char *name, *help;
    hpo_option_type type;
    size_t offset; /* offsetof in the algorithm's config struct: BOOL and ENUM int32_t, INT int64_t, REAL
                      double, TEXT char[HPO_OPTION_TEXT] */
    double def, min, max;
    const char *const *labels; /* ENUM: NULL-terminated names of 0, 1, ... */
} hpo_option;

/* ---- random numbers -------------------------------------------------------------------------- */

/* A counter-based stream (Philox4x32-10).  Copyable; two streams with different keys are independent. */
typedef struct hpo_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    uint32_t used; /* 32-bit words of block already handed out */
} hpo_rng;

/* The stream of (seed, index, purpose): purposes separate uses within one trial. */
HPO_API void hpo_rng_init(hpo_rng *r, uint64_t seed, uint64_t index, uint32_t purpose);
HPO_API uint64_t hpo_rng_u64(hpo_rng *r);
HPO_API double hpo_rng_uniform(hpo_rng *r);             /* [0,1), 53 bits */
HPO_API double hpo_rng_normal(hpo_rng *r);              /* N(0,1), by inversion: one uniform each */
HPO_API uint64_t hpo_rng_below(hpo_rng *r, uint64_t n); /* 0..n-1, unbiased; n >= 1 */

/* ---- the space as models see it ------------------------------------------------------------- */

/* u (n_dims, in [0,1], NaN inactive) to x (n_columns, own units).  Total: any u in the cube gives a
 * configuration within bounds with the right parts inactive; constraints are not checked.  The
 * fidelity parameter gets its maximum. */
HPO_API void hpo_space_decode(const hpo_space *s, const double *u, double *x);
/* The inverse on valid configurations: decode(encode(x)) == x for every x that decode can produce. */
HPO_API void hpo_space_encode(const hpo_space *s, const double *x, double *u);
/* 1 when x satisfies every constraint between parameters. */
HPO_API int32_t hpo_space_feasible(const hpo_space *s, const double *x);
/* Maps v uniform in [0,1)^n_dims to the prior's distribution in the unit cube (inverse CDF per
 * dimension; identity without priors).  u may alias v. */
HPO_API void hpo_space_apply_prior(const hpo_space *s, const double *v, double *u);
/* A draw from the prior restricted to the feasible set; u n_dims.  HPO_EINVAL when no feasible point
 * was found: the text names the constraint that is hardest to satisfy. */
HPO_API HPO_NODISCARD hpo_status hpo_space_draw(const hpo_space *s, hpo_rng *rng, double *u, hpo_error *err);
/* Calls visit for every configuration that differs from x in one parameter by one step or one label
 * (a continuous parameter: +-delta in the unit cube); only valid configurations.  Stops when visit
 * returns nonzero. */
HPO_API HPO_NODISCARD hpo_status hpo_space_neighbours(const hpo_space *s, const double *x, double delta,
                                                      int (*visit)(void *ctx, const double *x), void *ctx,
                                                      hpo_error *err);
/* Visits all configurations of a finite space in lexicographic order; stops when visit returns
 * nonzero.  HPO_EUNSUPPORTED for a continuous space. */
HPO_API HPO_NODISCARD hpo_status hpo_space_enumerate(const hpo_space *s,
                                                     int (*visit)(void *ctx, const double *x), void *ctx,
                                                     hpo_error *err);

/* ---- what a sampler sees ---------------------------------------------------------------------- */

/* Columnar, minimise-oriented, built in O(new).  Rows of the first block are finished trials in the
 * order of the study's clock (with lag: in the order of their numbers). */
typedef struct hpo_view {
    size_t size;
    size_t n_done, n_pending, n_dims, n_objectives, n_outcomes;
    const double *u;   /* n_done x n_dims, unit cube, NaN: inactive */
    const double *y;   /* n_done x n_objectives, smaller is better; NaN row: failed or infeasible */
    const double *sem; /* n_done x n_objectives, NaN: not reported */
    const double
        *outcome; /* n_done x n_outcomes, feasible iff <= 0 (already minus its max), NaN: not measured */
    const double *gradient;  /* n_done x n_dims, d y[0] / d u, NaN: unknown; NULL when no trial has one */
    const double *cost;      /* n_done, 0: unknown */
    const uint8_t *state;    /* n_done, hpo_state */
    const int64_t *number;   /* n_done */
    const double *u_pending; /* n_pending x n_dims: running and waiting trials, ascending number */
    const int64_t *number_pending; /* n_pending */
    /* intermediate results, in the order of the clock: all n_reports so far */
    size_t n_reports;
    const int64_t *report_trial; /* trial number */
    const double *report_step; /* several fidelities that move together: the resource of all, at the ends of pieces */
    const double *report_value; /* n_reports x n_objectives, smaller is better */
    const int32_t *report_fold;
    int64_t planned; /* trials that the study's budget allows; 0: no limit known */
    int32_t noisy;   /* the study was declared noisy: the same configuration may be worth a second trial */
    /* with a scheduler that lets trials end at different resources, for samplers that model the resource too; else
     * NULL and 0.  (The rows above are then those of one level.)  Not to be looked at in tell: it knows more than
     * the row. */
    size_t n_trials;       /* trials known so far */
    const double *u_trial; /* n_trials x n_dims, by number: u of any trial with a report; NaN: not known yet */
    size_t n_levels;
    const double *level; /* n_levels: resources at which trials are compared, ascending; the last: the maximum */
    /* in ask, with levels: where the trial that is asked for will be compared first, an index of `level`: the end of
     * its first piece.  0 when the scheduler lets it run and judges on the way; 0 without levels. */
    size_t begins;
} hpo_view;

/* Capabilities, compared with the problem before anything runs. */
enum {
    HPO_CAP_DISCRETE = 1u << 0,        /* categorical, ordinal, bool, int with step ... */
    HPO_CAP_CONDITIONAL = 1u << 1,     /* inactive parameters */
    HPO_CAP_CONSTRAINTS = 1u << 2,     /* constraints between parameters (never proposes a violation) */
    HPO_CAP_STRUCTURED = 1u << 3,      /* permutation, simplex, subset */
    HPO_CAP_MULTI_OBJECTIVE = 1u << 4, /* several objectives */
    HPO_CAP_OUTCOMES = 1u << 5,        /* measured constraints */
    HPO_CAP_HISTORY = 1u << 6, /* asks read the view; without it the view passed is empty and asks are O(1) */
    HPO_CAP_CONTINUOUS = 1u << 7, /* can search continuous parameters (grid needs steps or `points`) */
    HPO_CAP_DEPENDENT = 1u << 8,  /* bounds that depend on other parameters */
    HPO_CAP_EXHAUSTS = 1u << 9    /* ends by itself with HPO_DONE: however many points in a row are known
                                     already, the next one is asked for, never another source */
};

typedef struct hpo_sampler_ops {
    size_t size;           /* sizeof(hpo_sampler_ops) */
    const char *name;      /* REQUIRED: lower case, unique in the registry */
    const char *help;      /* REQUIRED: one sentence: when to use it */
    const char *reference; /* REQUIRED: paper, equation */
    uint32_t caps;
    const hpo_option *options; /* n_options rows, may be NULL */
    size_t n_options;
    size_t config_size, state_size; /* both zero-initialised; config then filled from the options */
    /* optional: NULL = nothing to set up.  `space` is frozen; it and `config` outlive the state.  fini runs
     * also after a failed init. */
    hpo_status (*init)(void *state, const void *config, const hpo_space *space, uint64_t seed,
                       hpo_error *err);
    /* REQUIRED: writes a point of the unit cube for draw number `draw` (0,1,2,... each used once).
     * HPO_DONE: it has no further point (an exhausted grid). */
    hpo_status (*ask)(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                      hpo_error *err);
    /* optional: row `row` of the view was added.  Called once a row, in order. */
    hpo_status (*tell)(void *state, const hpo_view *view, size_t row, hpo_error *err);
    /* optional: state as bytes, a cache only: the state must also follow from replaying the events.
     * Writes at most cap bytes, *n_out gets the size needed. */
    hpo_status (*save)(const void *state, void *buf, size_t cap, size_t *n_out, hpo_error *err);
    hpo_status (*load)(void *state, const void *buf, size_t n, hpo_error *err); /* REQUIRED with save */
    void (*fini)(void *state); /* optional: frees what init took */
    /* optional: one JSON object that says how the point `u` of the last ask came about: which model, its
     * parameters, the acquisition and its value, what is predicted ("mean", "sd" in the unit of the
     * objective, minimise-oriented). Called right after ask with the same view.  Writes at most cap bytes,
     * *n_out gets the size needed. */
    hpo_status (*explain)(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                          size_t *n_out, hpo_error *err);
} hpo_sampler_ops;

/* Adds a sampler to the process's registry.  `ops` must live as long as the process.  HPO_EEXIST when
 * the name is taken, HPO_EINVAL when a required slot is missing (the text says which). */
HPO_API HPO_NODISCARD hpo_status hpo_sampler_register(const hpo_sampler_ops *ops, hpo_error *err);

HPO_END_DECLS
#endif
