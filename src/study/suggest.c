/* SPDX-License-Identifier: Apache-2.0 */
/* study/suggest.c - from a sampler's point to a configuration that may be evaluated.
 *
 * A suggestion is refused when it violates a constraint, or, in a study that is not noisy, when its
 * configuration is already there, finished, running or waiting.  Each refused suggestion uses up its draw
 * number. After MAX_REFUSED in a row the study takes over: from a space that can be listed it takes one of
 * the configurations that are left, each with the same probability; from any other it draws from the prior.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "space/space.h"
#include "study/study.h"

/* A space is listed when counting needs at most COUNT_CHECKS checks (a few milliseconds) and the list stays
 * below LIST_LIMIT configurations (a hundred megabytes at 10 columns). */
static const uint64_t COUNT_CHECKS = 1u << 16;
static const double LIST_LIMIT = 1u << 20;

/* Draws from the prior of a space that cannot be listed before it counts as exhausted.  If a share f of the
 * feasible prior mass were unseen, all of them would miss it with probability (1-f)^4096: 1e-9 for f = 0.5%.
 */
enum { PRIOR_DRAWS = 4096 };

int hpo_suggest__enumerable(hpo_study *s)
{
    if (s->enumerable >= 0) return s->enumerable;
    double n = (hpo_space_needs(s->space) & HPO_CAP_CONTINUOUS) ? (double)INFINITY
                                                                : hpo_space_size(s->space, COUNT_CHECKS);
    s->enumerable = n <= LIST_LIMIT; /* NaN: too many to count */
    return s->enumerable;
}

static hpo_status known(hpo_study *s, const hpo_study_view *view, uint64_t hash, int *is_known,
                        hpo_error *err)
{
    int64_t number;
    *is_known = view != NULL && hpo_u64map_get(&view->seen, hash, -1) >= 0;
    if (*is_known) return HPO_OK;
    HPO_TRY(s->ops->find_hash(s->store, s->id, hash, &number, err));
    *is_known = number >= 0;
    return HPO_OK;
}

hpo_status hpo_suggest__judge(hpo_study *s, const hpo_study_view *view, const double *u, double *x,
                              uint64_t *hash, hpo_verdict *verdict, hpo_error *err)
{
    int is_known = 0;
    *verdict = HPO_VERDICT_AGAIN;
    hpo_space_decode(s->space, u, x);
    if (!hpo_space_feasible(s->space, x)) return HPO_OK;
    *hash = hpo_space_hash(s->space, x);
    /* An empty space says nothing yet of what will be evaluated. */
    if (!s->spec.noisy && s->shape.n_columns > 0) HPO_TRY(known(s, view, *hash, &is_known, err));
    if (!is_known) *verdict = HPO_VERDICT_TAKE;
    return HPO_OK;
}

/* ---- what is left of a finite space ------------------------------------------------------------ */

void hpo_suggest__forget(hpo_study *s)
{
    hpo_free(s->unseen);
    s->unseen = NULL;
    s->n_unseen = 0;
    s->unseen_known = 0;
}

typedef struct unseen_list {
    hpo_study *s;
    size_t cap;
    hpo_status status;
    hpo_error *err;
} unseen_list;

static int add_unseen(void *ctx, const double *x)
{
    unseen_list *l = ctx;
    hpo_study *s = l->s;
    size_t n = s->shape.n_columns;
    if (hpo_u64map_get(&s->view.seen, hpo_space_hash(s->space, x), -1) >= 0) return 0;
    l->status = hpo_reserve(&s->unseen, &l->cap, (s->n_unseen + 1) * n, sizeof *s->unseen, l->err);
    if (l->status != HPO_OK) return 1;
    memcpy(s->unseen + s->n_unseen * n, x, n * sizeof *x);
    s->n_unseen++;
    return 0;
}

/* The list keeps lexicographic order and depends only on which configurations were seen: every process that
 * lists at the same point of the study has the same list. */
static hpo_status update_unseen(hpo_study *s, hpo_error *err)
{
    size_t n = s->shape.n_columns, left = 0;
    if (!s->unseen_known) {
        unseen_list l = {s, 0, HPO_OK, err};
        hpo_suggest__forget(s);
        HPO_TRY(hpo_space_enumerate(s->space, add_unseen, &l, err));
        s->unseen_known = l.status == HPO_OK;
        return l.status;
    }
    for (size_t i = 0; i < s->n_unseen; i++) {
        const double *x = s->unseen + i * n;
        if (hpo_u64map_get(&s->view.seen, hpo_space_hash(s->space, x), -1) >= 0) continue;
        if (left != i) memmove(s->unseen + left * n, x, n * sizeof *x);
        left++;
    }
    s->n_unseen = left;
    return HPO_OK;
}

/* Everything that is known was tried: the end, unless the space is still being learned. */
static hpo_status repeat(hpo_study *s, hpo_rng *rng, double *x, uint64_t *hash, hpo_error *err)
{
    if (!s->spec.open_space) return HPO_DONE;
    HPO_TRY(hpo_space_draw(s->space, rng, s->u, err));
    hpo_space_decode(s->space, s->u, x);
    *hash = hpo_space_hash(s->space, x);
    return HPO_OK;
}

hpo_status hpo_suggest__fallback(hpo_study *s, uint64_t draw, double *x, uint64_t *hash, hpo_error *err)
{
    hpo_rng rng;
    hpo_rng_init(&rng, s->seed, draw, HPO_RNG_FALLBACK);
    if (!s->spec.noisy && hpo_suggest__enumerable(s)) {
        HPO_TRY(update_unseen(s, err));
        if (s->n_unseen == 0) return repeat(s, &rng, x, hash, err);
        size_t i = (size_t)hpo_rng_below(&rng, s->n_unseen);
        memcpy(x, s->unseen + i * s->shape.n_columns, s->shape.n_columns * sizeof *x);
        *hash = hpo_space_hash(s->space, x);
        return HPO_OK;
    }
    for (int i = 0; i < PRIOR_DRAWS; i++) {
        hpo_verdict verdict;
        HPO_TRY(hpo_space_draw(s->space, &rng, s->u, err));
        HPO_TRY(hpo_suggest__judge(s, NULL, s->u, x, hash, &verdict, err));
        if (verdict == HPO_VERDICT_TAKE) return HPO_OK;
    }
    return repeat(s, &rng, x, hash, err);
}
