/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/valleys.c - where another valley may be.
 *
 * Among the best rows (at most 200) each is joined to the nearest better one; a row whose nearest better one
 * is more than twice as far as is usual is the root of a cluster, the lowest known point of what may be a
 * valley of its own (nearest-better clustering).  Only roots count that are at least 0.1 of the range away
 * from all known valleys, and better than half of the rows outside the valley that the search is in.
 *
 * Whether a ridge stands between is found out by one trial in the middle between the root and the nearest
 * known valley: a result that is no better than the root is a ridge (the hill-valley test).  Three refused
 * roots are enough: where the middles are all better there is one valley, and to look further would cost
 * trials.  A curved valley can look like two with a ridge between, so the test is repeated on the way down.
 *
 * References: Preuss, "Niching the CMA-ES via nearest-better clustering", GECCO Companion (2010); Ursem,
 * "Multinational evolutionary algorithms", CEC (1999). */
#include "sampler/valleys.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/stats.h"

enum { BEST_ROWS = 200, MOST_TRIED = 3, LOST = 32 /* results after which a middle is not waited for */ };
static const double root_apart = 0.1, middle_apart = 1e-6, middle_known = 0.05;

/* ---- setting up --------------------------------------------------------------------------------- */

hpo_status hpo_valleys_init(hpo_valleys *v, const hpo_space *space, hpo_error *err)
{
    v->space = space;
    v->n_dims = hpo_space_n_dims(space);
    v->root = -1;
    HPO_TRY(hpo_embed_create(space, &v->embed, err));
    size_t n = hpo_embed_n_axes(v->embed);
    v->numeric = hpo_alloc_array(v->n_dims + 1, sizeof *v->numeric);
    v->other = hpo_alloc_array(n + 1, sizeof *v->other);
    v->middle = hpo_alloc_array(v->n_dims + 1, sizeof *v->middle);
    v->x = hpo_alloc_array(hpo_space_n_columns(space) + 1, sizeof *v->x);
    if (v->numeric == NULL || v->other == NULL || v->middle == NULL || v->x == NULL)
        return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const hpo_axis *a = hpo_embed_axis(v->embed, i);
        if (a->kind == HPO_AXIS_REAL || (a->kind == HPO_AXIS_GRID && a->n_values > 4))
            v->numeric[v->n_numeric++] = a->dim;
        else
            v->other[v->n_other++] = i;
    }
    return HPO_OK;
}

void hpo_valleys_fini(hpo_valleys *v)
{
    hpo_embed_free(v->embed);
    hpo_free(v->numeric);
    hpo_free(v->other);
    hpo_free(v->left);
    hpo_free(v->middle);
    hpo_free(v->refused);
    hpo_free(v->x);
    hpo_free(v->key);
    hpo_free(v->order);
}

hpo_status hpo_valleys_reserve(hpo_valleys *v, size_t n, hpo_error *err)
{
    size_t cap = v->cap_rows;
    if (n <= cap) return HPO_OK;
    HPO_TRY(hpo_reserve(&v->key, &cap, n, sizeof *v->key, err));
    size_t *order = hpo_realloc_array(v->order, cap, sizeof *order);
    if (order == NULL) return hpo_fail_memory(err);
    v->order = order;
    v->cap_rows = cap;
    return HPO_OK;
}

/* ---- distances ---------------------------------------------------------------------------------- */

double hpo_valleys_distance(const hpo_valleys *v, const double *a, const double *b)
{
    double most = 0;
    for (size_t i = 0; i < v->n_numeric; i++) {
        double d = fabs(a[v->numeric[i]] - b[v->numeric[i]]);
        if (isnan(d) && isnan(a[v->numeric[i]]) != isnan(b[v->numeric[i]])) return (double)INFINITY;
        if (d > most) most = d;
    }
    for (size_t i = 0; i < v->n_other; i++) {
        const hpo_axis *axis = hpo_embed_axis(v->embed, v->other[i]);
        for (size_t k = axis->dim; k < axis->dim + axis->n_dims; k++)
            if (a[k] != b[k] && !(isnan(a[k]) && isnan(b[k]))) return (double)INFINITY;
    }
    return most;
}

static const double *row_of(const hpo_view *view, size_t row)
{
    return view->u + row * view->n_dims;
}

static double value_of(const hpo_view *view, size_t row)
{
    return view->y[row * view->n_objectives];
}

int hpo_valleys_settle(hpo_valleys *v, double *u)
{
    hpo_space_decode(v->space, u, v->x);
    hpo_space_encode(v->space, v->x, u);
    return hpo_space_feasible(v->space, v->x) != 0;
}

/* ---- the valleys known --------------------------------------------------------------------------- */

size_t hpo_valleys_nearest(const hpo_valleys *v, const hpo_view *view, const double *u, double *apart)
{
    size_t k = v->n_left;
    *apart = (double)INFINITY;
    for (size_t i = 0; i < v->n_left; i++) {
        double d = hpo_valleys_distance(v, u, row_of(view, v->left[i].row));
        if (d < *apart) *apart = d, k = i;
    }
    return k;
}

hpo_status hpo_valleys_leave(hpo_valleys *v, size_t row, double width, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&v->left, &v->cap_left, v->n_left + 1, sizeof *v->left, err));
    v->left[v->n_left++] = (hpo_valley){row, width};
    return HPO_OK;
}

/* The first n rows with a value, best first, in order; their number. */
static size_t sort_rows(hpo_valleys *v, const hpo_view *view, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        v->key[i] = value_of(view, i);
    hpo_argsort(v->key, n, v->order); /* NaN last */
    while (m < n && !isnan(v->key[v->order[m]]))
        m++;
    return m;
}

hpo_status hpo_valleys_height(hpo_valleys *v, const hpo_view *view, size_t n, double *height, hpo_error *err)
{
    HPO_TRY(hpo_valleys_reserve(v, n, err));
    size_t m = sort_rows(v, view, n);
    *height = m > 0 ? v->key[v->order[m - 1 - m / 4]] - v->key[v->order[0]] : 0;
    return HPO_OK;
}

/* ---- roots ---------------------------------------------------------------------------------------- */

static int is_refused(const hpo_valleys *v, size_t row)
{
    for (size_t i = 0; i < v->n_refused; i++)
        if (v->refused[i] == row) return 1;
    return 0;
}

/* The point to try between the root and the nearest known valley, that around `center` (-1: none) included.
 * 0: there is none, because they differ in labels, nothing is between them, or one of the first n rows stands
 * there; then *ridge says whether there is a ridge. */
static int find_middle(hpo_valleys *v, const hpo_view *view, size_t n, int64_t center, int *ridge)
{
    const double *root = row_of(view, (size_t)v->root), *from = NULL;
    double d;
    size_t k = hpo_valleys_nearest(v, view, root, &d);
    if (k < v->n_left) from = row_of(view, v->left[k].row);
    if (center >= 0 && hpo_valleys_distance(v, root, row_of(view, (size_t)center)) < d) {
        from = row_of(view, (size_t)center);
        d = hpo_valleys_distance(v, root, from);
    }
    *ridge = from == NULL || isinf(d);
    if (*ridge) return 0;
    for (size_t i = 0; i < v->n_dims; i++)
        v->middle[i] = isnan(root[i]) || isnan(from[i]) ? root[i] : (root[i] + from[i]) / 2;
    if (!hpo_valleys_settle(v, v->middle)) return 0;
    for (size_t i = 0; i < n; i++) {
        if (hpo_valleys_distance(v, row_of(view, i), v->middle) > middle_known * d) continue;
        *ridge = value_of(view, i) >= value_of(view, (size_t)v->root);
        return 0;
    }
    return hpo_valleys_distance(v, v->middle, root) > middle_apart &&
           hpo_valleys_distance(v, v->middle, from) > middle_apart;
}

/* The next root among the m best rows, whose nearest better rows are `key` apart; -1: none. */
static int64_t next_root(const hpo_valleys *v, const hpo_view *view, size_t m, size_t center, double usual)
{
    const double *c = row_of(view, center);
    size_t outside = 0, seen = 0;
    for (size_t i = 0; i < m; i++)
        outside += hpo_valleys_distance(v, row_of(view, v->order[i]), c) > 2 * root_apart;
    for (size_t i = 1; i < m && 2 * seen < outside; i++) {
        size_t row = v->order[i];
        const double *u = row_of(view, row);
        double apart, from_center = hpo_valleys_distance(v, u, c);
        seen += from_center > 2 * root_apart;
        if (!(v->key[i] > 2 * usual) || row == center || is_refused(v, row)) continue;
        hpo_valleys_nearest(v, view, u, &apart);
        apart = fmin(apart, from_center);
        if (!(apart < v->key[i] / 2) && apart >= root_apart) return (int64_t)row;
    }
    return -1;
}

hpo_status hpo_valleys_look(hpo_valleys *v, const hpo_view *view, size_t n, size_t center, int afresh,
                            hpo_error *err)
{
    v->n_tried = afresh ? 0 : v->n_tried;
    v->root = -1;
    if (v->n_tried >= MOST_TRIED) return HPO_OK;
    HPO_TRY(hpo_valleys_reserve(v, n, err));
    size_t m = sort_rows(v, view, n);
    if (m > BEST_ROWS) m = BEST_ROWS;
    double usual = 0;
    for (size_t i = 1; i < m; i++) { /* key: no longer values, but how far the nearest better row is */
        double nearest = (double)INFINITY;
        for (size_t j = 0; j < i; j++)
            nearest =
                fmin(nearest, hpo_valleys_distance(v, row_of(view, v->order[i]), row_of(view, v->order[j])));
        v->key[i] = nearest;
        usual += isinf(nearest) ? 0 : nearest / (double)m;
    }
    for (;;) {
        int ridge;
        v->sure = 0;
        v->root = next_root(v, view, m, center, usual);
        if (v->root < 0) return HPO_OK;
        v->asked_at = n;
        if (find_middle(v, view, n, (int64_t)center, &ridge)) return HPO_OK;
        v->sure = ridge;
        if (ridge) return HPO_OK;
        HPO_TRY(hpo_valleys_refuse(v, err));
        if (v->n_tried >= MOST_TRIED) return HPO_OK;
    }
}

int hpo_valleys_doubt(hpo_valleys *v, const hpo_view *view, size_t n, size_t row)
{
    int ridge;
    v->root = (int64_t)row;
    v->sure = 0;
    v->asked_at = n;
    if (find_middle(v, view, n, -1, &ridge)) return 0;
    if (ridge) v->root = -1;
    return !ridge;
}

int hpo_valleys_judge(const hpo_valleys *v, const hpo_view *view, size_t row)
{
    if (hpo_valleys_distance(v, row_of(view, row), v->middle) > middle_apart)
        return row >= v->asked_at + LOST ? -1 : 0;
    return value_of(view, row) >= value_of(view, (size_t)v->root) ? 1 : -1;
}

hpo_status hpo_valleys_refuse(hpo_valleys *v, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&v->refused, &v->cap_refused, v->n_refused + 1, sizeof *v->refused, err));
    v->refused[v->n_refused++] = (size_t)v->root;
    v->n_tried++;
    v->root = -1;
    return HPO_OK;
}
