/* SPDX-License-Identifier: Apache-2.0 */
/* space/space.h - the search space: what a parameter is, and the flat program that freezing makes of it.
 *
 * A space is built (params, constraints, derived as texts), then frozen: expressions are compiled,
 * parameters ordered so that parents come before children, and one hpo_codec per parameter carries every
 * number that decode and encode need.  A frozen space never changes again and may be shared by threads. */
#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H
#include "base/map.h"
#include "base/os.h"
#include "base/str.h"
#include "hpo/sampler.h"
#include "space/expr.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HPO_MAX_ITEMS = 1000,     /* items of a permutation, simplex, subset, vector */
    HPO_MAX_LABELS = 1000000, /* labels of a categorical */
    HPO_MAX_PARAMS = 100000,
    HPO_MAX_FIDELITIES = 8,
    HPO_MAX_COLUMNS = 1000000,
    HPO_STACK_COLUMNS = 128 /* configurations up to this size live on the stack */
};
#define HPO_MAX_INT 9007199254740992.0 /* 2^53: integers up to here are exact in a double */

typedef enum hpo_prior_kind {
    HPO_PRIOR_NONE,
    HPO_PRIOR_CENTER, /* truncated normal in the unit cube around a value; categories: more weight */
    HPO_PRIOR_NORMAL, /* normal(a, b) in own units, truncated to the range */
    HPO_PRIOR_BETA,   /* beta(a, b) in the unit cube */
    HPO_PRIOR_WEIGHTS /* one weight a label */
} hpo_prior_kind;
typedef enum hpo_confidence { HPO_CONFIDENCE_LOW, HPO_CONFIDENCE_MEDIUM, HPO_CONFIDENCE_HIGH } hpo_confidence;

typedef struct hpo_param {
    char *name;
    hpo_kind kind;
    hpo_scale scale;
    int is_fidelity;
    int is_resumable;           /* a fidelity: a checkpoint is good at any value of it */
    int fidelity_type_given;    /* "fidelity" without int or float: the type follows from the bounds */
    double low, high, step;     /* NaN where an expression stands */
    char *low_text, *high_text; /* expressions, or NULL */
    char **labels; /* categorical, ordinal, const; items of permutation and subset; parts of a simplex */
    size_t n_labels, cap_labels;
    int labels_quoted;         /* texts even where they look like numbers */
    double *numbers;           /* the labels as numbers, when all are JSON numbers and none was quoted */
    size_t n_items;            /* permutation, simplex, subset, vector */
    size_t min_size, max_size; /* subset */
    char *when;                /* or NULL */
    double *fallback;          /* the default, n_columns values, or NULL */
    char *default_text;        /* the default as written; becomes `fallback` in hpo_param_finish */
    hpo_prior_kind prior;
    double prior_a, prior_b; /* centre, - / mean, sd / alpha, beta */
    char *prior_text;        /* the centre as written */
    hpo_confidence confidence;
    double *weights;    /* n_labels, cumulative and normalised in `cumulative` */
    double *cumulative; /* n_labels + 1, from 0 to 1 */
    size_t n_weights, cap_weights;
    size_t column, n_columns, dim, n_dims;
    /* after freezing */
    hpo_expr *when_expr, *low_expr, *high_expr;
} hpo_param;

typedef struct hpo_constraint {
    char *text;
    hpo_expr *expr;
} hpo_constraint;

typedef struct hpo_derived {
    char *name, *text;
    hpo_expr *expr;
} hpo_derived;

/* How one coordinate becomes one value.  See encode.c. */
typedef struct hpo_scalar {
    double low, high;        /* first and last value */
    double step;             /* 0: continuous */
    double t_low, t_width;   /* transformed range: t = t_low + u * t_width */
    double ref_a, ref_b;     /* revlog: distance to ref_b; logit: between ref_a and ref_b */
    double n;                /* number of values; 0: continuous */
    double first, each, per; /* decimal steps: value = (first + i * each) / per; per 0: low + i * step */
    uint64_t keep;           /* mantissa bits that survive rounding */
    uint64_t half;
    uint8_t scale; /* hpo_scale */
    uint8_t discrete, is_int;
} hpo_scalar;

typedef enum hpo_codec_op {
    HPO_CODEC_UNIT,   /* continuous, linear: the fast path */
    HPO_CODEC_SCALAR, /* any other number */
    HPO_CODEC_CELLS,  /* labels: equal cells */
    HPO_CODEC_FIXED,  /* const, fidelity: no coordinate */
    HPO_CODEC_BOUNDS, /* a number with dependent bounds */
    HPO_CODEC_PERMUTATION,
    HPO_CODEC_SIMPLEX,
    HPO_CODEC_SUBSET,
    HPO_CODEC_VECTOR
} hpo_codec_op;

typedef struct hpo_codec {
    uint8_t op;
    uint32_t param, column, dim, n, n_dims; /* n: columns */
    const hpo_expr *when;
    hpo_scalar k;
} hpo_codec;

typedef enum hpo_draw_mode {
    HPO_DRAW_FREE,   /* no constraint */
    HPO_DRAW_REJECT, /* rejection from the whole cube is quick enough */
    HPO_DRAW_BOXES,  /* rejection from a cover of the feasible set by boxes */
    HPO_DRAW_CHAIN,  /* Markov chain from known feasible points */
    HPO_DRAW_NONE    /* no feasible point found */
} hpo_draw_mode;

/* Finding it may take a second, so that is left to the first draw: many a process opens a space and never
 * draws from it.  From then on it does not change. */
typedef struct hpo_region {
    hpo_mutex lock; /* whoever needs the region first finds it */
    atomic_int built;
    hpo_draw_mode mode;
    double share;   /* estimated feasible share of the prior's mass */
    uint32_t *dims; /* the dimensions that boxes bound */
    size_t n_dims;
    double *boxes;      /* n_boxes x n_dims x (low, high), in the cube before the prior */
    double *cumulative; /* n_boxes, volumes summed */
    size_t n_boxes;
    double *pool; /* n_pool x all dimensions: feasible points */
    size_t n_pool;
    size_t hardest; /* the constraint that fails most often */
    double hardest_share;
} hpo_region;

struct hpo_space {
    hpo_param *params;
    size_t n_params, cap_params;
    hpo_constraint *constraints;
    size_t n_constraints, cap_constraints;
    hpo_derived *derived;
    size_t n_derived, cap_derived;
    hpo_map names; /* parameters: index; derived values: -2 - index */
    size_t n_columns, n_dims;
    uint32_t fidelity[HPO_MAX_FIDELITIES]; /* indices of the fidelity parameters, in the order of declaration */
    size_t n_fidelities;
    /* after freezing */
    int frozen;
    int has_when, has_bounds, has_prior;
    hpo_codec *program; /* n_params, parents first */
    uint32_t *position; /* parameter -> place in program */
    hpo_region *region; /* apart: the one thing in a frozen space that still changes, once */
    atomic_size_t owners;
};

/* ---- lifetime ---- */
/* One more owner of a frozen space; hpo_space_free gives it back. */
hpo_space *hpo_space_retain(const hpo_space *s);
/* A frozen space equal to s: s itself with one more owner when it is frozen, else a frozen copy. */
HPO_NODISCARD hpo_status hpo_space_frozen(const hpo_space *s, hpo_space **out, hpo_error *err);
/* hpo_space_freeze, also of a space without parameters: one that will be learned. */
HPO_NODISCARD hpo_status hpo_space_freeze_any(hpo_space *s, hpo_error *err);
/* The same space, frozen, with other priors (priors.c).  PLAIN: none, every coordinate is uniform.  DEFAULTS: a
 * parameter that declares a default and no prior believes in its default, with medium confidence (numbers with constant
 * bounds, and labels).  s itself with one more owner when nothing changes. */
typedef enum hpo_priors { HPO_PRIORS_PLAIN, HPO_PRIORS_DEFAULTS } hpo_priors;
HPO_NODISCARD hpo_status hpo_space_with_priors(const hpo_space *s, hpo_priors how, hpo_space **out, hpo_error *err);
/* What a sampler must be able to do: HPO_CAP_DISCRETE | CONDITIONAL | CONSTRAINTS | STRUCTURED | CONTINUOUS |
 * DEPENDENT. */
uint32_t hpo_space_needs(const hpo_space *s);
size_t hpo_space_n_fidelities(const hpo_space *s);
/* Index of fidelity parameter k; the first one counts the steps of a trial. */
size_t hpo_space_fidelity(const hpo_space *s, size_t k);
/* 1 when at least one parameter declares a default. */
int hpo_space_has_defaults(const hpo_space *s);
/* The default configuration: declared defaults, else the middle.  Not checked against constraints. */
void hpo_space_default(const hpo_space *s, double *x);
/* The number that parameter i stands for in x (an ordinal 64,128,256: not the index but 128); NaN: none. */
double hpo_space_number(const hpo_space *s, const double *x, size_t i);

/* ---- parameters (param.c) ---- */
void hpo_param_init(hpo_param *p);
void hpo_param_fini(hpo_param *p);
HPO_NODISCARD hpo_status hpo_param_add_label(hpo_param *p, const char *text, size_t n, hpo_error *err);
HPO_NODISCARD hpo_status hpo_param_add_weight(hpo_param *p, double w, hpo_error *err);
/* Checks a parameter by itself and fills what follows from its definition (numbers, sizes, default). */
HPO_NODISCARD hpo_status hpo_param_finish(hpo_param *p, hpo_error *err);
/* Moves p into the space (p is empty afterwards, also on failure). */
HPO_NODISCARD hpo_status hpo_space_take(hpo_space *s, hpo_param *p, hpo_error *err);
/* HPO_EINVAL when text (may be NULL) is not UTF-8; `what` opens the message. */
HPO_NODISCARD hpo_status hpo_check_utf8(const char *what, const char *text, hpo_error *err);
/* Index of a label, or -1. */
int64_t hpo_param_find_label(const hpo_param *p, const char *text, size_t n);
/* The label nearest in spelling, or NULL when none is near. */
const char *hpo_param_nearest_label(const hpo_param *p, const char *text);
/* Appends the domain in the inline grammar ("log 1e-05..1 default 0.1"). */
void hpo_param_describe(const hpo_param *p, hpo_str *out);
/* The name nearest to `name` among parameters and derived values, or NULL. */
const char *hpo_space_nearest_name(const hpo_space *s, const char *name);

/* ---- inline grammar (domain.c) ---- */
/* Reads a domain into p (initialised, name set). */
HPO_NODISCARD hpo_status hpo_domain_parse(hpo_param *p, const char *text, hpo_error *err);

/* ---- coordinates (scalar.c, encode.c) ---- */
/* 0 when the range is not possible on this scale. */
int hpo_scalar_init(hpo_scalar *k, double low, double high, double step, hpo_scale scale, int is_int);
double hpo_scalar_decode(const hpo_scalar *k, double u);
double hpo_scalar_encode(const hpo_scalar *k, double x);
/* The coordinate of any real value of the range, without snapping to steps. */
double hpo_scalar_place(const hpo_scalar *k, double x);
/* One parameter of the program; dependent bounds are read from x.  Sets all its columns. */
void hpo_codec_decode(const hpo_space *s, const hpo_codec *c, const double *u, double *x);
void hpo_codec_encode(const hpo_space *s, const hpo_codec *c, const double *x, double *u);
/* The actual range of a parameter with dependent bounds; 0 when it is empty or unknown. */
int hpo_codec_bounds(const hpo_space *s, const hpo_codec *c, const double *x, hpo_scalar *k);
/* Brings the rest of x in line after a change: parameters that become active get their default or middle,
 * those that become inactive NaN, dependent values move into their range. */
void hpo_space_repair(const hpo_space *s, double *x);
/* Default or middle of one parameter. */
void hpo_codec_default(const hpo_space *s, const hpo_codec *c, double *x);
/* Index of the first constraint that x violates, n_constraints + place in program for an empty dependent
 * range, or -1. */
int64_t hpo_space_violated(const hpo_space *s, const double *x);
/* The coordinate that the prior of parameter c puts at v; place j of a vector. */
double hpo_codec_prior(const hpo_space *s, const hpo_codec *c, double v);

/* ---- sampling (sample.c, region.c, chain.c) ---- */
/* At freezing: HPO_EINVAL when a short search proves that nothing is feasible. */
HPO_NODISCARD hpo_status hpo_region_open(hpo_space *s, hpo_error *err);
void hpo_region_close(hpo_region *r);
/* The region, found when nobody has done so yet; any thread.  Draws do not depend on when that was. */
HPO_NODISCARD hpo_status hpo_region_get(const hpo_space *s, const hpo_region **out, hpo_error *err);
/* Ranges of all columns over a box of the cube before the prior: bounds holds (low, high) per dimension. */
void hpo_region_columns(const hpo_space *s, const double *bounds, hpo_range *columns);

/* ---- values as text (config.c) ---- */
/* Appends columns x of parameter p as JSON / as text for a command line. */
void hpo_param_value_json(const hpo_param *p, const double *x, hpo_str *out);
void hpo_param_value_text(const hpo_param *p, const double *x, hpo_str *out);
/* Reads a value from text ("0.1", "sgd", "a,b,c") into columns x. */
HPO_NODISCARD hpo_status hpo_param_value_parse(const hpo_param *p, const char *text, double *x,
                                               hpo_error *err);
/* Checks columns x by themselves: within bounds (not dependent ones), whole, on a step ... */
HPO_NODISCARD hpo_status hpo_param_value_check(const hpo_param *p, const double *x, hpo_error *err);
#endif
