/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares.h - which configuration is to be trained next, and on which share of the data, so that the minimum in full is
 * found at little cost: the acquisitions of FABOLAS, MF-MES and cf-KG (shares.c, max_value.c) and of BOCA (boca.c). */
#ifndef ACQ_SHARES_H
#define ACQ_SHARES_H
#include "model/fabolas.h"
#include "model/success.h"

typedef struct hpo_shares hpo_shares; /* scratch that is kept between calls */
/* `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_shares_create(const hpo_embed *embed, uint64_t seed, hpo_shares **out, hpo_error *err);
void hpo_shares_free(hpo_shares *s);

typedef enum hpo_shares_rule {
    HPO_SHARES_PLACE, /* what tells most of where the minimum in full is, per cost: FABOLAS */
    HPO_SHARES_VALUE, /* what tells most of the value of that minimum, per cost: MF-MES */
    HPO_SHARES_KNOWLEDGE, /* what lowers the least expected loss in full most, per cost: cf-KG */
    HPO_SHARES_BOUND      /* by confidence bounds: BOCA */
} hpo_shares_rule;

/* What is chosen from, and by what. */
typedef struct hpo_shares_question {
    hpo_shares_rule rule;
    const hpo_fabolas *model;   /* updated */
    const hpo_success *success; /* NULL: nothing has failed */
    const double *level;        /* n_levels resources, ascending, the last is the whole */
    size_t n_levels;
    double overhead; /* of an evaluation, in units of costs */
    /* the trials, n rows */
    const double *u;
    const double *mean;    /* expected in full, model units; INFINITY: nothing is known of it, or it has failed */
    const double *reached; /* resource, of those that may be trained again on more; INFINITY: of the others */
    const uint8_t *known;  /* 0: there is no such trial */
    size_t n;
} hpo_shares_question;

typedef struct hpo_shares_answer {
    size_t level;
    int64_t trial; /* to be trained again; -1: a new one, at the point u_out */
    double cost;   /* in units of costs */
    /* all but BOUND */
    double gain;    /* nats; KNOWLEDGE: model units */
    double entropy; /* nats: of where the minimum is; PLACE */
    double gain_full, cost_full; /* the best pair in full; cost 0: there is none */
    /* BOUND, model units: in full; at the level: how little is known, above what it is worth while */
    double bound, sd, threshold;
} hpo_shares_answer;
/* HPO_DONE: there is nothing that could be evaluated, or nothing to be learned. */
HPO_NODISCARD hpo_status hpo_shares_choose(hpo_shares *s, const hpo_shares_question *q, hpo_rng *rng, double *u_out,
                                           hpo_shares_answer *out, hpo_error *err);
/* The trials of least mean, best first, at most `most`; returns how many. */
size_t hpo_shares_best(const double *mean, size_t n, size_t most, size_t *out);

/* ---- BOCA's rule, for one configuration (boca.c) ---- */
typedef struct hpo_boca_level {
    double sd, prior; /* posterior and prior standard deviation */
    double gap;       /* information gap */
    double cost;
} hpo_boca_level;
typedef struct hpo_boca {
    size_t n; /* the last is the whole */
    double width;    /* sqrt(beta) */
    double exponent; /* q */
    hpo_boca_level *level;
} hpo_boca;
/* From the prior variances in full and of the share, and the covariance of both. */
double hpo_boca_gap(double full, double both, double cheap);
double hpo_boca_threshold(const hpo_boca *b, size_t level); /* gamma */
/* Of the levels from `first` on. */
size_t hpo_boca_choose(const hpo_boca *b, size_t first);
#endif
