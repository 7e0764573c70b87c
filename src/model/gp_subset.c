/* SPDX-License-Identifier: Apache-2.0 */
/* model/gp_subset.c - which configurations stand for all when there are more than the exact regression takes.
 *
 * A quarter of the places goes to the best (256 at most: where the search goes on), a quarter to the newest
 * (what was just learned, also what was thought good and was not), the rest to a max-min design: each time
 * the configuration farthest from all chosen (Gonzalez 1985, within twice the best covering radius), so that
 * no explored region looks unexplored.  Distances are of features neither scaled nor warped: the choice must
 * not depend on hyperparameters that depend on it. */
#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"
#include "model/gp_internal.h"

#include <math.h>

enum { BEST_SHARE = 4 };

/* Lowers distance[p] to the squared distance between configurations p and `chosen`; -1: chosen itself. */
static void choose(const double *soa, size_t n_features, size_t n_pool, size_t chosen, double *distance,
                   double *q)
{
    hpo_gp_pairs(HPO_KERNEL_SE, n_features, soa + chosen, n_pool, soa, n_pool, n_pool, q);
    for (size_t p = 0; p < n_pool; p++)
        distance[p] = q[p] < distance[p] ? q[p] : distance[p];
    distance[chosen] = -1;
}

static size_t farthest(const double *distance, size_t n_pool)
{
    size_t best = 0;
    for (size_t p = 1; p < n_pool; p++)
        if (distance[p] > distance[best]) best = p;
    return best;
}

hpo_status hpo_gp_choose_subset(hpo_gp *gp, const double *value, size_t n_pool, size_t keep, uint32_t *out,
                                hpo_error *err)
{
    size_t f = gp->n_features, best = keep / 4 < 256 ? keep / 4 : 256, taken = 0;
    size_t *order = hpo_alloc_array(n_pool, sizeof *order);
    double *soa = hpo_alloc_array(n_pool, (f + 2) * sizeof *soa);
    hpo_status s = HPO_OK;
    if (!order || !soa) {
        s = hpo_fail_memory(err);
        goto done;
    }
    double *distance = soa + f * n_pool, *q = distance + n_pool;
    for (size_t p = 0; p < n_pool; p++) {
        hpo_embed_features(gp->embed, NULL, gp->pool_u + p * gp->n_dims, 1, gp->feature_row);
        for (size_t i = 0; i < f; i++)
            soa[i * n_pool + p] = gp->feature_row[i];
        distance[p] = INFINITY;
    }
    hpo_argsort(value, n_pool, order);
    for (size_t i = 0; i < best; i++, taken++)
        choose(soa, f, n_pool, order[i], distance, q);
    for (size_t p = n_pool; p-- > 0 && taken < best + keep / 4;) {
        if (distance[p] < 0) continue;
        choose(soa, f, n_pool, p, distance, q);
        taken++;
    }
    for (; taken < keep; taken++)
        choose(soa, f, n_pool, farthest(distance, n_pool), distance, q);
    for (size_t p = 0, i = 0; p < n_pool; p++)
        if (distance[p] < 0) out[i++] = (uint32_t)p;
done:
    hpo_free(order);
    hpo_free(soa);
    return s;
}

hpo_status hpo_gp_choose_sample(const double *value, size_t n_pool, size_t keep, uint32_t *out,
                                hpo_error *err)
{
    size_t best = keep / BEST_SHARE, left = n_pool - best, want = keep - best, seen = 0, n = 0;
    size_t *order = hpo_alloc_array(n_pool, sizeof *order);
    unsigned char *taken = hpo_calloc(n_pool, 1);
    hpo_status s = order && taken ? HPO_OK : hpo_fail_memory(err);
    if (s == HPO_OK) hpo_argsort(value, n_pool, order);
    for (size_t i = 0; i < best && s == HPO_OK; i++)
        taken[order[i]] = 1;
    for (size_t p = 0; p < n_pool && s == HPO_OK; p++) {
        if (!taken[p]) { /* the i-th of those left when i want / left passes a whole number */
            taken[p] = (seen + 1) * want / left > seen * want / left;
            seen++;
        }
        if (taken[p]) out[n++] = (uint32_t)p;
    }
    hpo_free(order);
    hpo_free(taken);
    return s;
}
