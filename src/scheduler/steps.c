/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/steps.c - see steps.h. */
#include "scheduler/steps.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { SHOWN = 8 };

hpo_status hpo_steps_find(hpo_steps *s, double step, hpo_ranking **out, hpo_error *err)
{
    uint64_t key;
    double normal = step == 0 ? 0 : step; /* one zero */
    memcpy(&key, &normal, sizeof key);
    int64_t i = hpo_u64map_get(&s->index, key, -1);
    if (i < 0) {
        HPO_TRY(hpo_reserve(&s->at, &s->cap, s->n + 1, sizeof *s->at, err));
        HPO_TRY(hpo_reserve(&s->step, &s->cap_step, s->n + 1, sizeof *s->step, err));
        HPO_TRY(hpo_u64map_put(&s->index, key, (int64_t)s->n, err));
        s->at[s->n] = (hpo_ranking){0};
        s->step[s->n] = step;
        i = (int64_t)s->n++;
    }
    *out = &s->at[i];
    return HPO_OK;
}

double hpo_steps_quantile(const hpo_ranking *r, double q)
{
    size_t n = hpo_ranking_size(r);
    double place = q * (double)(n - 1), low = floor(place);
    hpo_ranked a = {0}, b = {0};
    (void)hpo_ranking_at(r, (size_t)low, &a);
    if (place == low || !hpo_ranking_at(r, (size_t)low + 1, &b)) return a.value;
    return a.value + (place - low) * (b.value - a.value);
}

void hpo_steps_fini(void *state)
{
    hpo_steps *s = state;
    for (size_t i = 0; i < s->n; i++)
        hpo_ranking_fini(&s->at[i]);
    hpo_free(s->at);
    hpo_free(s->step);
    hpo_u64map_fini(&s->index);
    hpo_sched_rows_fini(&s->rows);
}

hpo_status hpo_steps_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    const hpo_steps *s = state;
    hpo_str o = {0};
    hpo_str_add(&o, "{\"rungs\":[");
    for (size_t i = s->n > SHOWN ? s->n - SHOWN : 0; i < s->n; i++)
        hpo_rung_describe(&o, 0, s->step[i], &s->at[i], 0);
    hpo_str_add(&o, "]}");
    return hpo_sched_describe_end(&o, buf, cap, n_out, err);
}
