/* SPDX-License-Identifier: Apache-2.0 */
/* math/hypervolume.c - exact hypervolume.
 *
 * All sizes are taken relative to the reference point first: a point p becomes the box with sides
 * s_j = ref_j - p_j > 0, and the volume is that of the union of boxes [0, s].
 *
 * m = 2: boxes by falling width; each adds width times what it rises above the earlier ones.
 * m = 3: boxes by falling third side; the staircase of the first two sides is kept sorted, and its area times
 *   the drop to the next third side is added up (Beume, Fonseca, Lopez-Ibanez, Paquete & Vahrenhold 2009, "On
 *   the complexity of computing the hypervolume indicator", with a sorted array for the tree).
 * m > 3: WFG (While, Bradstreet & Barone 2012, "A fast way of calculating exact hypervolumes"): the volume is
 *   the sum of what each box adds to the earlier ones,
 *     added(s) = prod s - volume{ min(s, t) : t earlier }.
 *   With the boxes by falling last side every min keeps the last side of s, so the inner volume is one of m -
 * 1 objectives times s_m.  Dominated boxes are removed before each descent. */
#include "math/hypervolume.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/order.h"

enum { MAX_OBJECTIVES = 32 };

/* Working space for one depth: up to n boxes of m sides, their order, the staircase. */
typedef struct level {
    double *box, *sorted;
    size_t *order;
} level;

/* ---- two objectives --------------------------------------------------------------------------- */

/* Boxes sorted by falling first side. */
static double area_of(const double *s, size_t n)
{
    double area = 0, height = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[2 * i + 1] <= height) continue;
        area += s[2 * i] * (s[2 * i + 1] - height);
        height = s[2 * i + 1];
    }
    return area;
}

/* ---- three objectives ------------------------------------------------------------------------- */

/* Adds the box (w, h) to a staircase of *n steps, widths falling and heights rising; returns the area it
 * adds. */
static double add_step(double *step, size_t *n, double w, double h)
{
    size_t low = 0, high = *n; /* first step that is not wider than w */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (step[2 * middle] > w)
            low = middle + 1;
        else
            high = middle;
    }
    double below = low == 0 ? 0 : step[2 * low - 1], added = 0;
    size_t end = low;
    if (low > 0 && below >= h) return 0;
    if (low < *n && step[2 * low] >= w && step[2 * low + 1] >= h) return 0;
    /* Steps low..end-1 are not higher: the new box covers them.  Between their heights it adds the width
     * that they lack. */
    for (; end < *n && step[2 * end + 1] <= h; end++) {
        added += (w - step[2 * end]) * (step[2 * end + 1] - below);
        below = step[2 * end + 1];
    }
    double covered = end < *n ? step[2 * end] : 0;
    added += (w - covered) * (h - below);
    memmove(step + 2 * (low + 1), step + 2 * end, 2 * (*n - end) * sizeof *step);
    step[2 * low] = w;
    step[2 * low + 1] = h;
    *n += 1 + low - end;
    return added;
}

/* Boxes sorted by falling third side; step: room for n pairs. */
static double volume_of(const double *s, size_t n, double *step)
{
    double volume = 0, area = 0;
    size_t steps = 0;
    for (size_t i = 0; i < n; i++) {
        double next = i + 1 < n ? s[3 * i + 5] : 0;
        area += add_step(step, &steps, s[3 * i], s[3 * i + 1]);
        volume += area * (s[3 * i + 2] - next);
    }
    return volume;
}

/* ---- more ------------------------------------------------------------------------------------- */

/* Sorts the boxes by falling last (for m = 2: first) side into l->sorted. */
static void sort_boxes(const double *box, size_t n, size_t m, level *l)
{
    size_t key = m == 2 ? 0 : m - 1;
    double *minus = l->sorted; /* the keys, until the boxes move in */
    for (size_t i = 0; i < n; i++) {
        l->order[i] = i;
        minus[i] = -box[i * m + key];
    }
    hpo_order_rows(minus, 1, n, l->order);
    for (size_t i = 0; i < n; i++)
        memcpy(l->sorted + i * m, box + l->order[i] * m, m * sizeof *box);
}

/* Appends a box to a set without boxes inside one another; returns the new count. */
static size_t add_maximal(double *set, size_t n, size_t m, const double *box)
{
    for (size_t i = 0; i < n; i++) {
        int inside = 1, around = 1;
        for (size_t j = 0; j < m; j++) {
            inside &= box[j] <= set[i * m + j];
            around &= box[j] >= set[i * m + j];
        }
        if (inside) return n;
        if (around) { /* the last one takes its place */
            n--;
            memmove(set + i * m, set + n * m, m * sizeof *set);
            i--;
        }
    }
    memcpy(set + n * m, box, m * sizeof *set);
    return n + 1;
}

static double union_of(const double *box, size_t n, size_t m, level *l)
{
    sort_boxes(box, n, m, l);
    const double *s = l->sorted;
    if (m == 2) return area_of(s, n);
    if (m == 3) return volume_of(s, n, l->box);
    double volume = 0, limited[MAX_OBJECTIVES];
    for (size_t i = 0; i < n; i++) {
        const double *b = s + i * m;
        double whole = 1;
        size_t kept = 0;
        for (size_t j = 0; j + 1 < m; j++)
            whole *= b[j];
        for (size_t k = 0; k < i; k++) {
            for (size_t j = 0; j + 1 < m; j++)
                limited[j] = b[j] < s[k * m + j] ? b[j] : s[k * m + j];
            kept = add_maximal(l->box, kept, m - 1, limited);
        }
        if (kept > 0) whole -= union_of(l->box, kept, m - 1, l + 1);
        volume += whole * b[m - 1];
    }
    return volume;
}

static size_t boxes_below(const double *points, size_t n, size_t m, const double *ref, double *box)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        int below = 1;
        for (size_t j = 0; j < m; j++) {
            box[kept * m + j] = ref[j] - points[i * m + j];
            below &= points[i * m + j] < ref[j];
        }
        kept += below != 0;
    }
    return kept;
}

hpo_status hpo_hypervolume(const double *points, size_t n, size_t m, const double *ref, double *volume,
                           hpo_error *err)
{
    level levels[MAX_OBJECTIVES];
    *volume = 0;
    if (m == 0 || m > MAX_OBJECTIVES)
        return hpo_fail(err, HPO_EINVAL, "hypervolume: %zu objectives; take 1..%d", m, MAX_OBJECTIVES);
    if (n == 0) return HPO_OK;
    size_t depths = m > 3 ? m - 2 : 1, row = 2 * m;
    double *memory = hpo_alloc_array(n * m + depths * n * row, sizeof *memory);
    size_t *orders = hpo_alloc_array(depths * n, sizeof *orders);
    hpo_status rc = memory == NULL || orders == NULL ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK) {
        double *at = memory + n * m;
        for (size_t d = 0; d < depths; d++, at += n * row)
            levels[d] = (level){.box = at, .sorted = at + n * m, .order = orders + d * n};
        size_t kept = boxes_below(points, n, m, ref, memory);
        if (m > 1 && kept > 0) *volume = union_of(memory, kept, m, levels);
        for (size_t i = 0; m == 1 && i < kept; i++)
            *volume = fmax(*volume, memory[i]);
    }
    hpo_free(memory);
    hpo_free(orders);
    return rc;
}
