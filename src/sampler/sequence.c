/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/sequence.c - from a sequence of points v_0, v_1, ... in the cube to suggestions.
 *
 * A point passes through the inverse CDF of the prior, u = Q(v), so that equal volumes of the cube are equal
 * probabilities.  Without constraints draw n is point n.  With constraints (or dependent bounds, which may be
 * empty) draw n is the n-th feasible point:
 * the feasible part of a low-discrepancy set is again one, relative to the feasible region.
 *
 *   start(0) = 0,   i(n) = first feasible index in [start(n), start(n) + 4096),   start(n+1) = i(n) + 1.
 *
 * If that window holds none, draw n comes from hpo_space_draw with the draw's own random stream and
 * start(n+1) = start(n) + 4096.  All of it is a function of n; where the last search began is remembered,
 * so that draws in ascending order never repeat a search.  A jump backwards starts again from 0. */
#include "sampler/sequence.h"

#include "base/alloc.h"
#include "base/error.h"
#include "space/space.h"

hpo_status hpo_sequence_init(hpo_sequence *s, const hpo_space *space,
                             hpo_status (*point)(void *, uint64_t, double *, hpo_error *), hpo_error *err)
{
    s->space = space;
    s->n_dims = hpo_space_n_dims(space);
    s->point = point;
    if ((hpo_space_needs(space) & (HPO_CAP_CONSTRAINTS | HPO_CAP_DEPENDENT)) == 0) return HPO_OK;
    s->x = hpo_alloc_array(hpo_space_n_columns(space), sizeof *s->x);
    return s->x != NULL ? HPO_OK : hpo_fail_memory(err);
}

static hpo_status point_at(hpo_sequence *s, uint64_t index, double *u, hpo_error *err)
{
    HPO_TRY(s->point(s, index, u, err));
    hpo_space_apply_prior(s->space, u, u);
    return HPO_OK;
}

/* Leaves the feasible point in u and its index in *found, or start + HPO_SEQUENCE_TRIES when there is none.
 */
static hpo_status search(hpo_sequence *s, uint64_t start, double *u, uint64_t *found, hpo_error *err)
{
    for (*found = start; *found < start + HPO_SEQUENCE_TRIES; (*found)++) {
        HPO_TRY(point_at(s, *found, u, err));
        hpo_space_decode(s->space, u, s->x);
        if (hpo_space_feasible(s->space, s->x)) return HPO_OK;
    }
    return HPO_OK;
}

hpo_status hpo_sequence_ask(hpo_sequence *s, uint64_t draw, hpo_rng *rng, double *u_out, hpo_error *err)
{
    if (s->n_dims == 0) return HPO_OK; /* a space of constants */
    if (s->x == NULL) return point_at(s, draw, u_out, err);
    if (draw + 1 == s->draw) {
        s->draw = draw;
        s->start = s->previous;
    } else if (draw < s->draw) {
        s->draw = 0;
        s->start = 0;
    }
    for (;;) {
        uint64_t found, end = s->start + HPO_SEQUENCE_TRIES;
        HPO_TRY(search(s, s->start, u_out, &found, err));
        s->previous = s->start;
        s->start = found < end ? found + 1 : end;
        if (s->draw++ < draw) continue;
        return found < end ? HPO_OK : hpo_space_draw(s->space, rng, u_out, err);
    }
}

void hpo_sequence_fini(hpo_sequence *s)
{
    hpo_free(s->x);
}
