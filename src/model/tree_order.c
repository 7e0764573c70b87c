/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree_order.c - rows of a regression tree in the order of each column.
 *
 * Rows are sorted once by every column, when a node has no more than HPO_TREE_SAMPLE of them; below it each
 * order is parted with the rows, which keeps it: a level of the tree costs one pass and no sort (Mehta,
 * Agrawal & Rissanen, "SLIQ", EDBT 1996).  What is sorted are the first 16 bits of numbers, so values nearer
 * than 2^-16 of the range are never parted, and labels; the inactive stand behind numbers and before labels.
 */
#include <math.h>
#include <string.h>

#include "model/tree_internal.h"

enum { BITS = 8, BUCKETS = 1 << BITS, INSERTION = 40 };

/* ---- sorting ---------------------------------------------------------------------------------------------
 */

static void sort_keys(uint64_t *key, uint64_t *other, size_t n, uint64_t top)
{
    if (n <= INSERTION) {
        for (size_t i = 1; i < n; i++) {
            uint64_t k = key[i];
            size_t j = i;
            for (; j > 0 && key[j - 1] > k; j--)
                key[j] = key[j - 1];
            key[j] = k;
        }
        return;
    }
    /* stable by digits: keys start in ascending order of index */
    for (unsigned shift = 32; top > 0; shift += BITS, top >>= BITS) {
        size_t start[BUCKETS + 1] = {0};
        for (size_t i = 0; i < n; i++)
            start[((key[i] >> shift) & (BUCKETS - 1)) + 1]++;
        for (size_t i = 0; i < BUCKETS; i++)
            start[i + 1] += start[i];
        for (size_t i = 0; i < n; i++)
            other[start[(key[i] >> shift) & (BUCKETS - 1)]++] = key[i];
        memcpy(key, other, n * sizeof *key);
    }
}

static void sort_column(hpo_tree_grower *g, const hpo_tree_data *d, size_t column, size_t n)
{
    size_t stride = d->columns->n, m = 0, behind = n;
    uint32_t *order = g->order + column * HPO_TREE_SAMPLE, labels = d->columns->column[column].n_labels;
    for (size_t i = 0; i < n; i++) {
        double v = d->z[g->row[i] * stride + column], k = v * 65535.0;
        if (labels > 0)
            g->key[m++] = (uint64_t)(isnan(v) ? 0 : v + 1) << 32 | i;
        else if (!isnan(v))
            g->key[m++] = (uint64_t)(k <= 0 ? 0 : k >= 65535.0 ? 65535.0 : k) << 32 | i;
        else
            order[--behind] = (uint32_t)HPO_TREE_INACTIVE << 16 | (uint32_t)i;
    }
    sort_keys(g->key, g->other, m, labels > 0 ? (uint64_t)labels + 1 : 65535);
    uint32_t rank = 0;
    for (size_t i = 0; i < m; i++) {
        if (i > 0 && g->key[i] >> 32 != g->key[i - 1] >> 32) rank++;
        order[i] = rank << 16 | (uint32_t)g->key[i];
    }
}

void hpo_tree__load(hpo_tree_grower *g, const hpo_tree_data *d, const uint32_t *rows, size_t n)
{
    memcpy(g->row, rows, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        g->w[i] = d->w != NULL ? d->w[rows[i]] : 1;
        g->wy[i] = g->w[i] * d->y[rows[i]];
    }
    for (size_t c = 0; c < g->n_columns; c++)
        sort_column(g, d, c, n);
}

/* ---- parting ---------------------------------------------------------------------------------------------
 */

void hpo_tree__part(hpo_tree_grower *g, size_t first, size_t n, size_t n_columns)
{
    for (size_t c = 0; c < n_columns; c++) {
        uint32_t *order = g->order + c * HPO_TREE_SAMPLE + first;
        size_t left = 0, right = 0;
        for (size_t i = 0; i < n; i++) { /* without a branch: both are written, one counts */
            uint32_t e = order[i], side = g->side[e & 0xFFFF];
            order[left] = e;
            g->spare[right] = e;
            left += 1 - side;
            right += side;
        }
        memcpy(order + left, g->spare, right * sizeof *order);
    }
}

/* ---- labels ----------------------------------------------------------------------------------------------
 */

static void sort_groups(hpo_tree_group *g, size_t n)
{
    static const size_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1}; /* Ciura's */
    for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
        for (size_t i = gaps[k]; i < n; i++) {
            hpo_tree_group x = g[i];
            size_t j = i;
            for (; j >= gaps[k]; j -= gaps[k]) {
                const hpo_tree_group *p = &g[j - gaps[k]];
                if (p->mean < x.mean || (p->mean == x.mean && p->label <= x.label)) break;
                g[j] = *p;
            }
            g[j] = x;
        }
}

void hpo_tree__group(hpo_tree_grower *g, const hpo_tree_data *d, const hpo_tree_part *p, size_t column)
{
    const uint32_t *order = hpo_tree__order(g, p, column);
    size_t stride = d->columns->n;
    g->n_groups = 0;
    for (size_t i = 0; i < p->n; i++) {
        size_t k = order[i] & 0xFFFF;
        if (i == 0 || order[i] >> 16 != order[i - 1] >> 16) {
            double label = d->z[g->row[k] * stride + column];
            g->groups[g->n_groups++] = (hpo_tree_group){.label = isnan(label) ? -1 : label};
        }
        hpo_tree_group *q = &g->groups[g->n_groups - 1];
        q->count++;
        q->w += g->w[k];
        q->sum += g->wy[k];
    }
    for (size_t i = 0; i < g->n_groups; i++)
        g->groups[i].mean = g->groups[i].sum / g->groups[i].w;
    sort_groups(g->groups, g->n_groups);
}
