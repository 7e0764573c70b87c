/* SPDX-License-Identifier: Apache-2.0 */
/* acq/shares.h - which configuration, trained on which share of the data, tells most of where the minimum in full is, for
 * its cost: FABOLAS's acquisition (Klein, Falkner, Bartels, Hennig & Hutter, AISTATS 2017).  The mathematics: shares.c. */
#ifndef ACQ_SHARES_H
#define ACQ_SHARES_H
#include "model/fabolas.h"
#include "model/success.h"

typedef struct hpo_shares hpo_shares; /* scratch that is kept between calls */
/* `embed` must outlive it. */
HPO_NODISCARD hpo_status hpo_shares_create(const hpo_embed *embed, uint64_t seed, hpo_shares **out, hpo_error *err);
void hpo_shares_free(hpo_shares *s);

/* What is chosen from, and by what. */
typedef struct hpo_shares_question {
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
    double gain, cost; /* nats; in units of costs */
    double entropy;    /* nats: of where the minimum is */
    double gain_full, cost_full; /* the best pair in full; cost 0: there is none */
} hpo_shares_answer;
/* HPO_DONE: there is nothing that could be evaluated, or nothing to be learned. */
HPO_NODISCARD hpo_status hpo_shares_choose(hpo_shares *s, const hpo_shares_question *q, hpo_rng *rng, double *u_out,
                                           hpo_shares_answer *out, hpo_error *err);
/* The trials of least mean, best first, at most `most`; returns how many. */
size_t hpo_shares_best(const double *mean, size_t n, size_t most, size_t *out);
#endif
