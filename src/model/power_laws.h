/* SPDX-License-Identifier: Apache-2.0 */
/* model/power_laws.h - an ensemble of networks that give each configuration a power law of the resource.  The
 * mathematics: model/power_laws.c. */
#ifndef MODEL_POWER_LAWS_H
#define MODEL_POWER_LAWS_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

enum { HPO_POWER_MEMBERS = 5, HPO_POWER_BATCH = 64, HPO_POWER_NEW = 32 };

typedef struct hpo_power_laws hpo_power_laws;
/* For inputs of n_in numbers within about [-1, 1], and max_rows to learn from.  All memory is taken here. */
HPO_NODISCARD hpo_status hpo_power_laws_create(size_t n_in, size_t max_rows, uint64_t seed,
                                               hpo_power_laws **out, hpo_error *err);
void hpo_power_laws_free(hpo_power_laws *m);
/* n rows to learn from: inputs (n x n_in), ln of the share of the full resource, value (about standardised).
 */
typedef struct hpo_power_rows {
    const double *x, *ln_share, *y;
    size_t n;
    size_t n_new; /* rows after those, at most HPO_POWER_NEW: they are in every batch */
} hpo_power_rows;
/* Epochs of Adam on mean |prediction - value|, `most` batches at most, from the weights as they are; afresh: from new
 * first weights. */
void hpo_power_laws_train(hpo_power_laws *m, const hpo_power_rows *rows, size_t epochs, size_t most, int afresh);
/* Mean and variance (> 0) of the members' predictions at n rows of x.  Not thread-safe: scratch is shared. */
void hpo_power_laws_moments(const hpo_power_laws *m, const double *x, double ln_share, size_t n, double *mean,
                            double *var);
/* What one member says: alpha, beta, gamma of each row. */
void hpo_power_laws_parameters(const hpo_power_laws *m, size_t member, const double *x, size_t n,
                               double *out);

/* ---- for tests: one member's weights (hidden layers: part 0, the last: part 1), its mean loss, the loss's
 * gradient (both parts, one after the other; NULL: not wanted).  At most HPO_POWER_BATCH rows. ---- */
double *hpo_power_laws_weights(hpo_power_laws *m, size_t member, int part, size_t *n);
double hpo_power_laws_loss(hpo_power_laws *m, size_t member, const hpo_power_rows *rows, double *gradient);
#endif
