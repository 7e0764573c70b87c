/* SPDX-License-Identifier: Apache-2.0 */
/* study/confirm.c - what repeats (hpo_study_repeat) say about configurations.
 *
 * Only repeats count: the measurement for which a configuration was picked is a lucky one. */
#include <math.h>

#include "analysis/confirm.h"
#include "base/alloc.h"
#include "base/error.h"
#include "study/study.h"

typedef struct counts {
    int64_t failed, open;
} counts;

static hpo_status gather(hpo_study *s, const hpo_history *h, const int64_t *numbers, size_t n, hpo_arm *arms,
                         counts *other, hpo_error *err)
{
    size_t m = s->shape.n_objectives;
    for (size_t k = 0; k < n; k++) {
        if (numbers[k] < 0 || (size_t)numbers[k] >= h->n)
            return hpo_fail(err, HPO_ENOTFOUND, "study '%s' has no trial %lld", s->name,
                            (long long)numbers[k]);
        arms[k] = (hpo_arm){0};
        other[k] = (counts){0};
        for (size_t i = 0; i < h->n; i++) {
            if (h->state[i] >= HPO_N_STATES || !(h->flags[i] & HPO_TRIAL_REPEAT)) continue;
            if (h->hash[i] != h->hash[numbers[k]]) continue;
            int over = hpo_view__is_end(h->state[i]);
            if (h->state[i] != HPO_STATE_COMPLETE || !isfinite(h->y[i * m])) {
                other[k].failed += over;
                other[k].open += !over;
                continue;
            }
            double y = h->y[i * m], step = y - arms[k].mean;
            arms[k].n++;
            arms[k].mean += step / (double)arms[k].n;
            arms[k].m2 += step * (y - arms[k].mean);
        }
    }
    return HPO_OK;
}

static hpo_status read_arms(hpo_study *s, const int64_t *numbers, size_t n, hpo_arm *arms, counts *other,
                            hpo_error *err)
{
    hpo_study_header header;
    HPO_TRY(hpo_study__sync(s, NULL, err));
    if (s->ops->peek == NULL) return gather(s, &s->hist, numbers, n, arms, other, err);
    HPO_TRY(hpo_study__begin(s, &header, err));
    hpo_status status = gather(s, s->ops->peek(s->store, s->id), numbers, n, arms, other, err);
    s->ops->rollback(s->store, s->id);
    return status;
}

hpo_status hpo_study__confirmed(hpo_study *s, const int64_t *numbers, size_t n, int64_t more,
                                hpo_confirmed *out, hpo_error *err)
{
    if (s->shape.n_objectives > 1)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "study '%s' has %zu objectives: configurations are compared by one", s->name,
                        s->shape.n_objectives);
    hpo_arm *arms = hpo_calloc(n + 1, sizeof *arms);
    counts *other = hpo_calloc(n + 1, sizeof *other);
    hpo_status status = arms == NULL || other == NULL ? hpo_fail_memory(err) : HPO_OK;
    if (status == HPO_OK) {
        hpo_mutex_lock(&s->lock);
        status = read_arms(s, numbers, n, arms, other, err);
        hpo_mutex_unlock(&s->lock);
    }
    if (status == HPO_OK)
        status = hpo_confirm(arms, n, more > 0 ? (size_t)more : 0, s->seed, (uint64_t)s->hist_seq, err);
    double sign = s->sign[0];
    for (size_t i = 0; i < n && status == HPO_OK; i++) {
        const hpo_arm *a = &arms[i];
        out[i] = (hpo_confirmed){.number = numbers[i],
                                 .n = (int64_t)a->n,
                                 .failed = other[i].failed,
                                 .open = other[i].open,
                                 .mean = a->n > 0 ? a->mean * sign : (double)NAN,
                                 .sd = a->sd,
                                 .low = (sign > 0 ? a->low : a->high) * sign,
                                 .high = (sign > 0 ? a->high : a->low) * sign,
                                 .p_best = a->p_best,
                                 .next = (int64_t)a->next};
    }
    hpo_free(arms);
    hpo_free(other);
    return status;
}
