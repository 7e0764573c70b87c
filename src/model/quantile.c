/* SPDX-License-Identifier: Apache-2.0 */
/* model/quantile.c - gradient-boosted quantiles, conformally corrected.
 *
 * Boosting.  For level q the loss of a prediction F is the pinball loss
 *     rho_q(y - F) = (y - F) (q - [y < F]),
 * its negative gradient q - [y < F].  Starting from the empirical quantile, each round grows a small tree on
 * the gradients (model/tree.h) and adds `rate` times the q-quantile of the residuals in each leaf, which is
 * the line search of Friedman (Annals of Statistics 29, 2001, section 4.3).  Leaves hold enough rows for
 * their quantile to mean something: at least 1 / min(q, 1 - q) of them where there are plenty.
 *
 * Correction.  A share of the m held-out rows gives, for each pair of levels (q, 1 - q), the scores
 *     E_i = max(F_q(u_i) - y_i, y_i - F_{1-q}(u_i)),
 * and the pair moves apart by their ceil((m + 1)(1 - 2q))-th smallest (clipped to the largest): then a new y
 * lies between with probability at least 1 - 2q when rows are exchangeable (Romano, Patterson & Candes 2019,
 * theorem 1).  It may be negative.  Levels are sorted afterwards (Chernozhukov, Fernandez-Val & Galichon
 * 2010). Below HELD_OUT_FROM rows nothing is held out. */
#include "model/quantile.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "math/stats.h"

enum { LEVELS = 9, ROUNDS = 30, DEPTH = 3, HELD_OUT_FROM = 24, CHUNK = 64 };

typedef struct boosted {
    hpo_tree tree;
    double *value; /* per node */
    size_t cap_value;
} boosted;

struct hpo_quantile_model {
    hpo_columns columns;
    hpo_quantile_options options;
    uint64_t seed;
    hpo_tree_grower *grower;
    double level[HPO_QUANTILE_MAX_LEVELS], start[HPO_QUANTILE_MAX_LEVELS],
        correction[HPO_QUANTILE_MAX_LEVELS]; /* added to each level */
    int fitted, corrected;
    boosted *trees; /* n_levels x rounds */
    /* scratch: rows */
    double *z, *y, *at, *residual, *leafwise;
    size_t cap_z, cap_y, cap_at, cap_residual, cap_leafwise;
    uint32_t *order, *rows;
    size_t cap_order, cap_rows;
    double *narrow;
    int64_t *wide; /* CHUNK rows */
};

hpo_status hpo_quantile_create(const hpo_embed *embed, const hpo_quantile_options *options, uint64_t seed,
                               hpo_quantile_model **out, hpo_error *err)
{
    *out = NULL;
    hpo_quantile_model *q = hpo_calloc(1, sizeof *q);
    if (q == NULL) return hpo_fail_memory(err);
    if (options != NULL) q->options = *options;
    hpo_quantile_options *o = &q->options;
    if (o->n_levels == 0) o->n_levels = LEVELS;
    if (o->n_levels > HPO_QUANTILE_MAX_LEVELS) o->n_levels = HPO_QUANTILE_MAX_LEVELS;
    if (o->rounds == 0) o->rounds = ROUNDS;
    if (o->depth == 0) o->depth = DEPTH;
    if (!(o->rate > 0)) o->rate = 0.2;
    if (o->held_out == 0) o->held_out = 0.15;
    q->seed = seed;
    for (size_t i = 0; i < o->n_levels; i++)
        q->level[i] = (double)(i + 1) / (double)(o->n_levels + 1);
    hpo_status rc = hpo_columns_init(&q->columns, embed, err);
    if (rc == HPO_OK) rc = hpo_tree_grower_create(&q->columns, &q->grower, err);
    if (rc == HPO_OK) {
        size_t c = q->columns.n;
        q->trees = hpo_calloc(o->n_levels * o->rounds, sizeof *q->trees);
        q->narrow = hpo_calloc(c + 1, sizeof *q->narrow);
        q->wide = hpo_calloc((size_t)CHUNK * (2 * c + 1), sizeof *q->wide);
        if (q->trees == NULL || q->narrow == NULL || q->wide == NULL) rc = hpo_fail_memory(err);
    }
    if (rc == HPO_OK)
        *out = q;
    else
        hpo_quantile_free(q);
    return rc;
}

void hpo_quantile_free(hpo_quantile_model *q)
{
    if (q == NULL) return;
    for (size_t i = 0; q->trees != NULL && i < q->options.n_levels * q->options.rounds; i++) {
        hpo_tree_fini(&q->trees[i].tree);
        hpo_free(q->trees[i].value);
    }
    hpo_free(q->trees);
    hpo_tree_grower_free(q->grower);
    hpo_columns_fini(&q->columns);
    hpo_free(q->z);
    hpo_free(q->y);
    hpo_free(q->at);
    hpo_free(q->residual);
    hpo_free(q->leafwise);
    hpo_free(q->order);
    hpo_free(q->rows);
    hpo_free(q->narrow);
    hpo_free(q->wide);
    hpo_free(q);
}

size_t hpo_quantile_n_levels(const hpo_quantile_model *q)
{
    return q->options.n_levels;
}

const double *hpo_quantile_levels(const hpo_quantile_model *q)
{
    return q->level;
}

double hpo_quantile_correction(const hpo_quantile_model *q)
{
    return q->corrected ? q->correction[q->options.n_levels - 1] : (double)NAN;
}

/* ---- boosting ---- */

static uint32_t leaf_of(const hpo_quantile_model *q, const hpo_tree *t, uint32_t row)
{
    uint32_t at = 0;
    while (!hpo_tree_is_leaf(t, at))
        at = hpo_tree_child(t, at, q->z + row * q->columns.n, q->columns.n);
    return at;
}

/* The value of each leaf from the residuals of the training rows, which stand together leaf by leaf. */
static void fill_leaves(hpo_quantile_model *q, boosted *b, double level, size_t n_train)
{
    memset(b->value, 0, b->tree.n_nodes * sizeof *b->value);
    for (size_t i = 0; i < n_train;) {
        uint32_t leaf = leaf_of(q, &b->tree, q->rows[i]);
        size_t m = b->tree.stat[leaf].count;
        for (size_t k = 0; k < m; k++)
            q->leafwise[k] = q->residual[q->rows[i + k]];
        b->value[leaf] = q->options.rate * hpo_quantile(q->leafwise, m, level);
        i += m;
    }
}

/* One level: rows order[0 .. n_train) train, all rows follow with their predictions in q->at. */
static hpo_status boost(hpo_quantile_model *q, size_t l, size_t n_train, size_t n, hpo_error *err)
{
    double level = q->level[l], rare = fmin(level, 1 - level);
    double *gradient = q->leafwise; /* free while a tree is grown */
    hpo_tree_data data = {&q->columns, q->z, gradient, NULL};
    size_t wanted = (size_t)(1 / rare), affordable = n_train / 8;
    hpo_tree_rule rule = {.min_leaf = affordable < wanted ? (affordable > 2 ? affordable : 2) : wanted,
                          .tries = q->columns.n,
                          .max_depth = q->options.depth};
    for (size_t i = 0; i < n_train; i++)
        q->leafwise[i] = q->y[q->order[i]];
    q->start[l] = hpo_quantile(q->leafwise, n_train, level);
    for (size_t i = 0; i < n; i++)
        q->at[i] = q->start[l];
    for (size_t r = 0; r < q->options.rounds; r++) {
        boosted *b = &q->trees[l * q->options.rounds + r];
        hpo_rng rng;
        hpo_rng_init(&rng, q->seed ^ (uint64_t)l << 32, r, HPO_RNG_QUANTILE);
        for (size_t i = 0; i < n; i++) {
            q->residual[i] = q->y[i] - q->at[i];
            gradient[i] = level - (q->residual[i] < 0 ? 1 : 0);
        }
        memcpy(q->rows, q->order, n_train * sizeof *q->rows);
        HPO_TRY(hpo_tree_grow(&b->tree, q->grower, &data, q->rows, n_train, &rule, &rng, NULL, err));
        HPO_TRY(hpo_reserve(&b->value, &b->cap_value, b->tree.n_nodes, sizeof *b->value, err));
        fill_leaves(q, b, level, n_train);
        for (size_t i = 0; i < n; i++)
            q->at[i] += b->value[leaf_of(q, &b->tree, (uint32_t)i)];
    }
    return HPO_OK;
}

/* ---- correction ---- */

/* Scores of the held-out rows order[n_train .. n) for one pair, from the predictions kept in low and high. */
static double widen(hpo_quantile_model *q, const double *low, const double *high, size_t n_train, size_t n,
                    double miss)
{
    size_t m = n - n_train;
    for (size_t i = 0; i < m; i++) {
        size_t row = q->order[n_train + i];
        q->leafwise[i] = fmax(low[row] - q->y[row], q->y[row] - high[row]);
    }
    double rank = ceil((double)(m + 1) * (1 - miss) - 1e-9);
    size_t k = rank < 1 ? 1 : rank > (double)m ? m : (size_t)rank;
    return hpo_quantile(q->leafwise, m, m > 1 ? (double)(k - 1) / (double)(m - 1) : 0);
}

hpo_status hpo_quantile_fit(hpo_quantile_model *q, const double *u, const double *y, size_t n, hpo_error *err)
{
    size_t c = q->columns.n, levels = q->options.n_levels, held = 0;
    HPO_TRY(hpo_reserve(&q->z, &q->cap_z, n * c + 1, sizeof *q->z, err));
    HPO_TRY(hpo_reserve(&q->y, &q->cap_y, n + 1, sizeof *q->y, err));
    HPO_TRY(hpo_reserve(&q->at, &q->cap_at, n * (levels + 1) + 1, sizeof *q->at, err));
    HPO_TRY(hpo_reserve(&q->residual, &q->cap_residual, n + 1, sizeof *q->residual, err));
    HPO_TRY(hpo_reserve(&q->leafwise, &q->cap_leafwise, n + 1, sizeof *q->leafwise, err));
    HPO_TRY(hpo_reserve(&q->order, &q->cap_order, n + 1, sizeof *q->order, err));
    HPO_TRY(hpo_reserve(&q->rows, &q->cap_rows, n + 1, sizeof *q->rows, err));
    q->fitted = q->corrected = 0;
    memset(q->correction, 0, sizeof q->correction);
    if (n == 0) return HPO_OK;
    for (size_t i = 0; i < n; i++)
        hpo_columns_row(&q->columns, u + i * q->columns.n_dims, q->z + i * c);
    memcpy(q->y, y, n * sizeof *q->y);
    hpo_rng rng;
    hpo_rng_init(&rng, q->seed, n, HPO_RNG_QUANTILE);
    hpo_rng_permutation(&rng, n, q->order);
    if (q->options.held_out > 0 && n >= HELD_OUT_FROM) held = (size_t)((double)n * q->options.held_out);
    double *kept = q->at + n; /* predictions of every level */
    for (size_t l = 0; l < levels; l++) {
        HPO_TRY(boost(q, l, n - held, n, err));
        memcpy(kept + l * n, q->at, n * sizeof *q->at);
    }
    for (size_t l = 0; held > 0 && l < levels / 2; l++) {
        size_t h = levels - 1 - l;
        double e = widen(q, kept + l * n, kept + h * n, n - held, n, 2 * q->level[l]);
        q->correction[l] = -e;
        q->correction[h] = e;
    }
    q->fitted = 1;
    q->corrected = held > 0;
    return HPO_OK;
}

/* ---- predictions ---- */

static void sort_levels(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void predict_chunk(const hpo_quantile_model *q, const double *u, size_t m, double *out)
{
    size_t c = q->columns.n, levels = q->options.n_levels, rounds = q->options.rounds;
    uint32_t leaf[CHUNK];
    for (size_t i = 0; i < m; i++) {
        hpo_columns_row(&q->columns, u + i * q->columns.n_dims, q->narrow);
        hpo_tree_widen(&q->columns, q->narrow, q->wide + i * (2 * c + 1));
        for (size_t l = 0; l < levels; l++)
            out[i * levels + l] = q->start[l];
    }
    for (size_t l = 0; l < levels; l++)
        for (size_t r = 0; r < rounds; r++) {
            const boosted *b = &q->trees[l * rounds + r];
            hpo_tree_leaves(&b->tree, q->wide, 2 * c + 1, m, leaf);
            for (size_t i = 0; i < m; i++)
                out[i * levels + l] += b->value[leaf[i]];
        }
    for (size_t i = 0; i < m; i++) {
        for (size_t l = 0; l < levels; l++)
            out[i * levels + l] += q->correction[l];
        sort_levels(out + i * levels, levels);
    }
}

void hpo_quantile_predict(const hpo_quantile_model *q, const double *u, size_t m, double *out)
{
    size_t levels = q->options.n_levels;
    if (!q->fitted) memset(out, 0, m * levels * sizeof *out);
    for (size_t i = 0; q->fitted && i < m; i += CHUNK)
        predict_chunk(q, u + i * q->columns.n_dims, m - i < CHUNK ? m - i : CHUNK, out + i * levels);
}

double hpo_quantile_between(const hpo_quantile_model *q, const double *values, double p)
{
    size_t n = q->options.n_levels;
    double at = p * (double)(n + 1) - 1; /* level i stands at i */
    if (!(at > 0)) return values[0];
    if (at >= (double)(n - 1)) return values[n - 1];
    size_t i = (size_t)at;
    return values[i] + (at - (double)i) * (values[i + 1] - values[i]);
}
