/* SPDX-License-Identifier: Apache-2.0 */
/* model/parzen_lanes.h - sums over the members of a hpo_parzen_set, eight lanes at a time. */
#ifndef MODEL_PARZEN_LANES_H
#define MODEL_PARZEN_LANES_H
#include <stddef.h>

/* What one axis adds to the exponents: -((v - a_i) b_i)^2, or a_i, or a_i == v ? same : other. */
typedef enum hpo_parzen_part { HPO_PARZEN_NORMAL, HPO_PARZEN_ROW, HPO_PARZEN_MATCH } hpo_parzen_part;
typedef struct hpo_parzen_term {
    hpo_parzen_part part;
    const float *a, *b;
    float v, same, other;
} hpo_parzen_term;

/* exp(max) sum: a running sum of exponentials. */
typedef struct hpo_parzen_sum {
    double max, sum;
} hpo_parzen_sum;
void hpo_parzen_sum_add(hpo_parzen_sum *r, double e);

/* Adds exp(start_i + weight_i + terms) for i < n, n a multiple of 8; stops early once the logarithm of the
 * sum is above `limit`. */
void hpo_parzen_sum_terms(const hpo_parzen_term *t, size_t n_terms, const float *start, const float *weight,
                          size_t n, double limit, hpo_parzen_sum *r);
/* out_i = start_i + terms. */
void hpo_parzen_fill_terms(const hpo_parzen_term *t, size_t n_terms, const float *start, size_t n,
                           float *out);
/* to_i += part_i where part_i is there, else += missing; part_i is there when above HPO_PARZEN_ABSENT. */
#define HPO_PARZEN_ABSENT (-1e29F)
void hpo_parzen_merge(const float *part, float missing, size_t n, float *to);
#endif
