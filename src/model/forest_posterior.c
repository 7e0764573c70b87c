/* SPDX-License-Identifier: Apache-2.0 */
/* model/forest_posterior.c - what a forest predicts; the formulas are in forest.c. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"
#include "model/forest.h"
#include "model/forest_internal.h"

static const double reach = 0.25; /* h: a quarter of the range away, little is known */

/* ---- distance to what is known ---- */

/* w_k gap^2 summed; `box` may be NULL, then the point q is the box. */
static double gap_to_box(const hpo_forest *f, const double *z, const double *box)
{
    double sum = 0;
    for (size_t k = 0; k < f->columns.n; k++) {
        double low = box[2 * k], high = box[2 * k + 1], gap;
        if (isnan(z[k])) continue;
        if (f->columns.column[k].n_labels > 0) {
            uint32_t bit = (uint32_t)z[k] % 64;
            double half = bit < 32 ? low : high;
            gap = ((uint32_t)half >> (bit % 32) & 1) ? 0 : 1;
        } else {
            gap = low > high ? 1 : z[k] < low ? low - z[k] : z[k] > high ? z[k] - high : 0;
        }
        sum += f->weight[k] * gap * gap;
    }
    return sum;
}

static double gap_to_row(const hpo_forest *f, const double *z, const double *q)
{
    double sum = 0;
    for (size_t k = 0; k < f->columns.n; k++) {
        double gap = 1;
        if (isnan(z[k])) continue;
        if (f->columns.column[k].n_labels > 0)
            gap = z[k] == q[k] ? 0 : 1;
        else if (!isnan(q[k]))
            gap = z[k] - q[k];
        sum += f->weight[k] * gap * gap;
    }
    return sum;
}

static double floor_of(const hpo_forest *f, const double *z, double square)
{
    for (size_t i = 0; i < f->n_assumed && square > 0; i++)
        square = fmin(square, gap_to_row(f, z, f->assumed + i * f->columns.n));
    return -f->options.far * f->unfit * hpo_expm1(-sqrt(square) / reach);
}

/* ---- predictions ---- */

/* Columns of up to a chunk of rows into f->narrow and f->wide. */
static void prepare(const hpo_forest *f, const double *u, size_t m)
{
    size_t c = f->columns.n;
    for (size_t i = 0; i < m; i++) {
        hpo_columns_row(&f->columns, u + i * f->columns.n_dims, f->narrow + i * c);
        hpo_tree_widen(&f->columns, f->narrow + i * c, f->wide + i * (2 * c + 1));
    }
}

/* Trees 0, step, 2 step, ...; with step > 1 without distance. */
static void chunk_moments(const hpo_forest *f, size_t step, size_t m, double *mean, double *var)
{
    double square[HPO_FOREST_CHUNK] = {0}, unknown[HPO_FOREST_CHUNK] = {0}, gap[HPO_FOREST_CHUNK];
    uint32_t leaf[HPO_FOREST_CHUNK];
    size_t c = f->columns.n, trees = 0;
    int far = var != NULL && step == 1 && f->options.far > 0;
    for (size_t i = 0; i < m; i++) {
        mean[i] = 0;
        gap[i] = (double)INFINITY;
    }
    double shift = 0; /* any typical value: squares of small differences */
    for (size_t b = 0; b < f->options.n_trees; b += step) {
        const hpo_forest_tree *t = &f->trees[b];
        if (t->tree.n_nodes == 0) continue;
        hpo_tree_leaves(&t->tree, f->wide, 2 * c + 1, m, leaf);
        if (trees++ == 0) shift = t->leaf[leaf[0]].mean;
        for (size_t i = 0; i < m; i++) {
            double d = t->leaf[leaf[i]].mean - shift;
            mean[i] += d;
            square[i] += d * d;
            unknown[i] += t->leaf[leaf[i]].var;
        }
        if (!far || t->box == NULL) continue;
        for (size_t i = 0; i < m; i++)
            if (gap[i] > 0) gap[i] = fmin(gap[i], gap_to_box(f, f->narrow + i * c, t->box + leaf[i] * 2 * c));
    }
    if (trees == 0) trees = 1;
    double inverse = 1 / (double)trees;
    for (size_t i = 0; i < m; i++) {
        double d = mean[i] * inverse;
        mean[i] = shift + d;
        if (var == NULL) continue;
        double between = trees > 1 ? (square[i] - d * d * (double)trees) / (double)(trees - 1) : 0;
        double v = (between > 0 ? between : 0) + unknown[i] * inverse;
        if (far) v += floor_of(f, f->narrow + i * c, isinf(gap[i]) ? 1 : gap[i]);
        var[i] = v > 1e-12 * f->total && v > 0 ? v : 1e-12 * f->total + 1e-300;
    }
}

static void all_moments(const hpo_forest *f, size_t step, const double *u, size_t m, double *mean,
                        double *var)
{
    for (size_t i = 0; i < m; i += HPO_FOREST_CHUNK) {
        size_t k = m - i < HPO_FOREST_CHUNK ? m - i : HPO_FOREST_CHUNK;
        prepare(f, u + i * f->columns.n_dims, k);
        chunk_moments(f, step, k, mean + i, var == NULL ? NULL : var + i);
    }
}

static void moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    all_moments(model, 1, u, m, mean, var);
}

void hpo_forest_glance(const hpo_forest *f, const double *u, size_t m, double *mean, double *var)
{
    /* 9 is prime to the 8 blocks: every ninth tree, as those that keep boxes */
    all_moments(f, 9, u, m, mean, var);
}

void hpo_forest_means(const hpo_forest *f, const double *u, size_t m, double *mean)
{
    all_moments(f, 1, u, m, mean, NULL);
}

static double leaf_noise(const hpo_forest_tree *t, uint32_t i)
{
    const hpo_tree_stat *s = &t->tree.stat[i];
    double square = s->w > 0 ? s->square - s->sum * s->sum / s->w : 0, dof = s->w > 1 ? s->w - 1 : 0;
    return ((square > 0 ? square : 0) + 4 * t->pool) / (dof + 4);
}

static void noise(const void *model, const double *u, size_t m, double *var)
{
    const hpo_forest *f = model;
    uint32_t leaf[HPO_FOREST_CHUNK];
    for (size_t i = 0; i < m; i += HPO_FOREST_CHUNK) {
        size_t k = m - i < HPO_FOREST_CHUNK ? m - i : HPO_FOREST_CHUNK, trees = 0;
        prepare(f, u + i * f->columns.n_dims, k);
        memset(var + i, 0, k * sizeof *var);
        for (size_t b = 0; b < f->options.n_trees; b++) {
            if (f->trees[b].tree.n_nodes == 0) continue;
            trees++;
            hpo_tree_leaves(&f->trees[b].tree, f->wide, 2 * f->columns.n + 1, k, leaf);
            for (size_t j = 0; j < k; j++)
                var[i + j] += leaf_noise(&f->trees[b], leaf[j]);
        }
        for (size_t j = 0; j < k && trees > 0; j++)
            var[i + j] *= f->within > 0 ? f->noise / f->within / (double)trees : 1 / (double)trees;
    }
}

static const hpo_posterior_ops forest_ops = {.moments = moments, .noise = noise};

hpo_posterior hpo_forest_posterior(const hpo_forest *f)
{
    return (hpo_posterior){&forest_ops, f, f->columns.n_dims};
}

double hpo_forest_noise(const hpo_forest *f)
{
    return f->noise;
}

void hpo_forest_importance(const hpo_forest *f, double *axis)
{
    double all = 0;
    for (size_t i = 0; i < hpo_embed_n_axes(f->embed); i++)
        axis[i] = 0;
    for (size_t k = 0; k < f->columns.n; k++)
        for (size_t b = 0; b < f->options.n_trees; b++) {
            axis[hpo_embed_axis_of(f->embed, f->columns.column[k].dim)] += f->trees[b].gain[k];
            all += f->trees[b].gain[k];
        }
    for (size_t i = 0; all > 0 && i < hpo_embed_n_axes(f->embed); i++)
        axis[i] /= all;
}

/* ---- rows left out ---- */

void hpo_forest__left_out(const hpo_forest *f, const double *z, size_t block, double *mean, double *var)
{
    double sum = 0, square = 0, unknown = 0;
    size_t n = 0;
    for (size_t b = block; b < f->options.n_trees; b += HPO_FOREST_BLOCKS) {
        const hpo_forest_tree *t = &f->trees[b];
        if (!t->left_out) continue;
        uint32_t at = 0;
        while (!hpo_tree_is_leaf(&t->tree, at))
            at = hpo_tree_child(&t->tree, at, z, f->columns.n);
        sum += t->leaf[at].mean;
        square += t->leaf[at].mean * t->leaf[at].mean;
        unknown += t->leaf[at].var;
        n++;
    }
    double m = n > 0 ? sum / (double)n : (double)NAN;
    double between = n > 1 ? (square - m * sum) / (double)(n - 1) : 0;
    *mean = m;
    *var = n > 0 ? (between > 0 ? between : 0) + unknown / (double)n : (double)NAN;
}

hpo_status hpo_forest_check_rows(const hpo_forest *f, hpo_forest_check *out, hpo_error *err)
{
    enum { CHECKED = 256 };
    double predicted[CHECKED], seen[CHECKED], rank[2][CHECKED];
    size_t order[CHECKED], n = 0, stride = (f->n + CHECKED - 1) / CHECKED;
    (void)err;
    *out = (hpo_forest_check){0, (double)NAN, (double)NAN, (double)NAN};
    double score = 0, error = 0;
    for (size_t i = 0; f->n >= HPO_FOREST_LEAVE_OUT && i < f->n; i += stride) {
        double m, v;
        hpo_forest__left_out(f, f->z + i * f->columns.n, f->block[i], &m, &v);
        if (isnan(m)) continue;
        v += f->noise;
        if (!(v > 1e-9 * f->total)) v = 1e-9 * f->total + 1e-300;
        double e = f->y[i] - m;
        score -= 0.5 * (e * e / v + hpo_log(6.283185307179586 * v));
        error += e * e;
        predicted[n] = m;
        seen[n++] = f->y[i];
    }
    if (n == 0) return HPO_OK;
    hpo_ranks(predicted, n, order, rank[0]);
    hpo_ranks(seen, n, order, rank[1]);
    *out = (hpo_forest_check){n, score / (double)n, hpo_correlation(rank[0], rank[1], n), error / (double)n};
    return HPO_OK;
}
