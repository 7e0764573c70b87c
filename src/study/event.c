/* SPDX-License-Identifier: Apache-2.0 */
/* study/event.c - the study's one clock: transactions, sequence numbers, time, leases and tokens. */
#include <math.h>

#include "base/error.h"
#include "math/rng.h"
#include "study/study.h"

static int64_t system_clock(void *ctx)
{
    (void)ctx;
    return hpo_os_unix_ms();
}

void hpo_study__set_clock(hpo_study *s, hpo_clock_fn clock, void *ctx)
{
    s->clock = clock != NULL ? clock : system_clock;
    s->clock_ctx = ctx;
}

hpo_status hpo_study__begin(hpo_study *s, hpo_study_header *h, hpo_error *err)
{
    return s->ops->begin(s->store, s->id, h, err);
}

hpo_status hpo_study__end(hpo_study *s, const hpo_study_header *h, hpo_status status, hpo_error *err)
{
    if (status == HPO_OK) return s->ops->commit(s->store, s->id, h, err);
    s->ops->rollback(s->store, s->id);
    return status;
}

int64_t hpo_study__now(const hpo_study *s, const hpo_study_header *h)
{
    int64_t now = s->clock(s->clock_ctx);
    return now > h->last_ms ? now : h->last_ms;
}

/* A trial whose worker died is active until its lease ends, no longer. */
int64_t hpo_study__active(const hpo_study_header *h, int64_t now)
{
    if (h->n_by_state[HPO_STATE_RUNNING] <= 0) return h->active_ms;
    int64_t end = now < h->lease_max_ms ? now : h->lease_max_ms;
    return end > h->last_ms ? h->active_ms + (end - h->last_ms) : h->active_ms;
}

int64_t hpo_study__event(hpo_study_header *h, int64_t now)
{
    h->active_ms = hpo_study__active(h, now);
    h->last_ms = now;
    return ++h->seq;
}

/* 2^64 / golden ratio: consecutive attempts get unrelated seeds. */
static const uint64_t ATTEMPT_STEP = 0x9E3779B97F4A7C15u;

uint64_t hpo_study__token(const hpo_study *s, int64_t number, int32_t attempt)
{
    hpo_rng rng;
    hpo_rng_init(&rng, s->token_seed + ATTEMPT_STEP * (uint64_t)(uint32_t)attempt, (uint64_t)number,
                 HPO_RNG_TOKEN);
    uint64_t token = hpo_rng_u64(&rng);
    return token != 0 ? token : 1; /* 0 says that nobody holds the trial */
}

int64_t hpo_study__lease(hpo_study_header *h, int64_t now, double seconds)
{
    /* Ten thousand years: beyond that a lease does not end. */
    int64_t end = seconds < 3.2e11 ? now + (int64_t)ceil(seconds * 1000) : INT64_MAX;
    if (end > h->lease_max_ms) h->lease_max_ms = end;
    return end;
}

void hpo_study__count(hpo_study_header *h, int32_t from, int32_t to)
{
    if (from >= 0) h->n_by_state[from]--;
    if (to >= 0) h->n_by_state[to]++;
}

hpo_status hpo_study__get(hpo_study *s, int64_t number, hpo_trial_record *out, hpo_error *err)
{
    hpo_status status = number < 0 ? HPO_ENOTFOUND : s->ops->get_trial(s->store, s->id, number, out, err);
    if (status == HPO_ENOTFOUND)
        return hpo_fail(err, HPO_ENOTFOUND, "study '%s' has no trial %lld", s->name, (long long)number);
    return status;
}
