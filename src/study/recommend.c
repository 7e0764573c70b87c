/* SPDX-License-Identifier: Apache-2.0 */
/* study/recommend.c - what analysis/recommend.c makes of a study's trials, in the user's orientation and
 * words.
 *
 * A trial that told no standard error but reported K >= 2 folds has one: s / sqrt K, s the standard deviation
 * of the last value of each fold. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/recommend.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "study/study.h"

/* Below this chance of being better than the first trial the choice is not borne out. */
static const double SURE = 0.95;

typedef struct rows {
    hpo_recommend_data d;
    double *block; /* u, y, sem */
    uint64_t *hash;
    int64_t *number;
} rows;

/* ---- folds ----------------------------------------------------------------------------------------------
 */

typedef struct fold_value {
    int64_t trial, seq;
    int32_t fold;
    double y;
} fold_value;

typedef struct fold_list {
    fold_value *items;
    size_t n, cap;
    hpo_error *err;
} fold_list;

static hpo_status skip_trial(void *ctx, const hpo_trial_record *t)
{
    (void)ctx;
    (void)t;
    return HPO_OK;
}

static hpo_status read_fold(void *ctx, const hpo_report_record *r)
{
    fold_list *l = ctx;
    if (r->fold < 0 || !isfinite(r->y[0])) return HPO_OK;
    HPO_TRY(hpo_reserve(&l->items, &l->cap, l->n + 1, sizeof *l->items, l->err));
    l->items[l->n++] = (fold_value){r->trial, r->seq, r->fold, r->y[0]};
    return HPO_OK;
}

static int by_fold(const void *a, const void *b)
{
    const fold_value *p = a, *q = b;
    if (p->trial != q->trial) return (p->trial > q->trial) - (p->trial < q->trial);
    if (p->fold != q->fold) return (p->fold > q->fold) - (p->fold < q->fold);
    return (p->seq > q->seq) - (p->seq < q->seq);
}

/* Standard error of the mean of one trial's folds; items sorted, NaN: fewer than two. */
static double fold_error(const fold_value *items, size_t n)
{
    double mean = 0, m2 = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && items[i + 1].fold == items[i].fold) continue; /* told again later */
        double step = items[i].y - mean;
        k += 1;
        mean += step / k;
        m2 += step * (items[i].y - mean);
    }
    return k >= 2 ? sqrt(m2 / (k - 1) / k) : (double)NAN;
}

static hpo_status add_folds(hpo_study *s, rows *r, hpo_error *err)
{
    fold_list l = {.err = err};
    hpo_reader reader = {skip_trial, read_fold, &l};
    hpo_status status = s->ops->read_since(s->store, s->id, 0, &reader, err);
    double *sem = r->block + r->d.n * (r->d.n_dims + 1);
    if (status == HPO_OK && l.n > 1) qsort(l.items, l.n, sizeof *l.items, by_fold);
    for (size_t i = 0, at = 0; status == HPO_OK && i < r->d.n; i++) { /* both ascend by number */
        while (at < l.n && l.items[at].trial < r->number[i])
            at++;
        size_t first = at;
        while (at < l.n && l.items[at].trial == r->number[i])
            at++;
        if (!(sem[i] > 0) && at > first) sem[i] = fold_error(l.items + first, at - first);
    }
    hpo_free(l.items);
    return status;
}

/* ---- trials ----------------------------------------------------------------------------------------------
 */

static int competes(const hpo_study *s, const hpo_history *h, size_t i)
{
    size_t q = s->shape.n_outcomes;
    return h->state[i] == HPO_STATE_COMPLETE && isfinite(h->y[i]) &&
           hpo_study__feasible(s, q > 0 ? h->outcome + i * q : NULL);
}

static hpo_status copy_rows(hpo_study *s, const hpo_history *h, rows *r, hpo_error *err)
{
    size_t n = 0, d = s->n_dims, k = 0;
    for (size_t i = 0; i < h->n; i++)
        n += (size_t)competes(s, h, i);
    r->block = hpo_alloc_array(n + 1, (d + 2) * sizeof *r->block);
    r->hash = hpo_alloc_array(n + 1, sizeof *r->hash);
    r->number = hpo_alloc_array(n + 1, sizeof *r->number);
    if (r->block == NULL || r->hash == NULL || r->number == NULL) return hpo_fail_memory(err);
    double *u = r->block, *y = u + n * d, *sem = y + n;
    for (size_t i = 0; i < h->n; i++) {
        if (!competes(s, h, i)) continue;
        const double *e = h->extra[i] >= 0 ? h->extras[h->extra[i]].sem : NULL;
        hpo_space_encode(s->space, h->x + i * s->shape.n_columns, u + k * d);
        y[k] = h->y[i];
        sem[k] = e != NULL ? e[0] : (double)NAN;
        r->hash[k] = h->hash[i];
        r->number[k++] = (int64_t)i;
    }
    r->d = (hpo_recommend_data){.space = s->space,
                                .n = n,
                                .n_dims = d,
                                .u = u,
                                .y = y,
                                .sem = sem,
                                .hash = r->hash,
                                .number = r->number,
                                .noisy = s->spec.noisy,
                                .seed = s->seed};
    return HPO_OK;
}

static hpo_status read_rows(hpo_study *s, rows *r, hpo_error *err)
{
    hpo_study_header header;
    HPO_TRY(hpo_study__sync(s, NULL, err));
    if (s->ops->peek == NULL) {
        HPO_TRY(copy_rows(s, &s->hist, r, err));
        return add_folds(s, r, err);
    }
    HPO_TRY(hpo_study__begin(s, &header, err));
    hpo_status status = copy_rows(s, s->ops->peek(s->store, s->id), r, err);
    s->ops->rollback(s->store, s->id);
    return status == HPO_OK ? add_folds(s, r, err) : status;
}

/* ---- words --------------------------------------------------------------------------------------------- */

static const char *name_of(const hpo_study *s)
{
    return s->spec.objectives[0].name;
}

static void say(const hpo_study *s, const hpo_recommendation *o, hpo_str *text)
{
    const hpo_candidate *c = &o->candidates[0];
    if (!o->noisy) {
        hpo_str_addf(text, "trial %lld has the best %s, %.6g, of %lld configuration%s", (long long)o->number,
                     name_of(s), c->observed, (long long)o->n_configurations,
                     hpo_plural(o->n_configurations));
        return;
    }
    hpo_str_addf(text,
                 "expect %s %.4g (90 %% interval %.4g to %.4g) of trial %lld; it is the best of %lld with "
                 "probability %.2g",
                 name_of(s), c->mean, c->low, c->high, (long long)o->number, (long long)o->n_configurations,
                 c->p_best);
    if (o->number != o->observed_best)
        hpo_str_addf(text, "; trial %lld measured %.4g, but %.4g is expected of it",
                     (long long)o->observed_best, o->observed_value, o->corrected);
}

static void warn(const hpo_recommendation *o, hpo_str *text)
{
    if (!o->noisy || o->n_configurations < 2) return;
    if (!isnan(o->p_better) && o->p_better < SURE) {
        hpo_str_addf(text,
                     "the values do not show that it is better than trial %lld, the first one (probability "
                     "%.2g): `hpo confirm` repeats the best",
                     (long long)o->first, o->p_better);
        return;
    }
    double luck = fabs(o->corrected - o->observed_value);
    if (o->noise_sd > 0 && luck > o->noise_sd)
        hpo_str_addf(
            text,
            "the best value, %.4g of trial %lld, owes %.2g to luck (one measurement scatters by %.2g): "
            "do not report it, `hpo confirm` measures anew",
            o->observed_value, (long long)o->observed_best, luck, o->noise_sd);
}

/* ---- the answer ------------------------------------------------------------------------------------------
 */

static hpo_status keep_text(hpo_study *s, hpo_str *text, const char **out, hpo_error *err)
{
    *out = NULL;
    if (text->failed) return hpo_fail_memory(err);
    if (text->len == 0) return HPO_OK;
    char *copy = hpo_arena_alloc(&s->answer, text->len + 1, 1);
    if (copy == NULL) return hpo_fail_memory(err);
    memcpy(copy, text->text, text->len + 1);
    *out = copy;
    return HPO_OK;
}

static hpo_status fill(hpo_study *s, const rows *r, const hpo_recommend_result *a, hpo_recommendation *o,
                       hpo_error *err)
{
    static const char *const methods[] = {HPO_RECOMMEND_LABELS};
    double sign = s->sign[0];
    hpo_arena_reset(&s->answer);
    hpo_candidate *list = hpo_arena_alloc(&s->answer, a->n_choices, sizeof *list);
    if (list == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < a->n_choices; i++) {
        const hpo_choice *c = &a->choices[i];
        list[i] = (hpo_candidate){.number = r->number[c->row],
                                  .n = (int64_t)c->n,
                                  .observed = c->observed * sign,
                                  .best = c->best * sign,
                                  .sem = c->sem,
                                  .mean = c->mean * sign,
                                  .low = (sign > 0 ? c->low : c->high) * sign,
                                  .high = (sign > 0 ? c->high : c->low) * sign,
                                  .p_best = c->p_best};
    }
    *o = (hpo_recommendation){.size = sizeof *o,
                              .number = list[0].number,
                              .method = methods[a->method],
                              .noisy = a->noisy,
                              .observed_best = r->number[a->best_row],
                              .observed_value = r->d.y[a->best_row] * sign,
                              .corrected = a->best_mean * sign,
                              .noise_sd = a->noise_sd,
                              .optimism = a->optimism,
                              .first = r->number[0],
                              .p_better = a->p_better,
                              .n_configurations = (int64_t)a->n_configurations,
                              .candidates = list,
                              .n_candidates = a->n_choices,
                              .candidate_size = sizeof *list};
    hpo_str text = {0}, warning = {0};
    say(s, o, &text);
    warn(o, &warning);
    hpo_status status = keep_text(s, &text, &o->text, err);
    if (status == HPO_OK) status = keep_text(s, &warning, &o->warning, err);
    hpo_str_fini(&text);
    hpo_str_fini(&warning);
    return status;
}

hpo_status hpo_study__recommend(hpo_study *s, hpo_recommendation *out, hpo_error *err)
{
    rows r = {0};
    if (s->shape.n_objectives > 1)
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "study '%s' has %zu objectives: there is no one best configuration, take one of the front",
            s->name, s->shape.n_objectives);
    hpo_recommend_result *answer = hpo_alloc(sizeof *answer);
    if (answer == NULL) return hpo_fail_memory(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = read_rows(s, &r, err);
    r.d.index = (uint64_t)s->hist_seq;
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK)
        status = hpo_recommend(&r.d, answer, err); /* milliseconds: others go on meanwhile */
    if (status == HPO_OK) {
        hpo_mutex_lock(&s->lock);
        status = fill(s, &r, answer, out, err);
        hpo_mutex_unlock(&s->lock);
    }
    hpo_free(r.block);
    hpo_free(r.hash);
    hpo_free(r.number);
    hpo_free(answer);
    return status;
}
