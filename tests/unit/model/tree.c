/* SPDX-License-Identifier: Apache-2.0 */
/* model/tree: splits are the best there are, sides of inactive and unseen rows, walking one by one and in
 * blocks. */
#include "model/tree.h"

#include "math/rng.h"
#include "space/space.h"
#include "t.h"

enum { MAX_ROWS = 600, MAX_COLUMNS = 8 };

typedef struct bed {
    hpo_space *space;
    hpo_embed *embed;
    hpo_columns columns;
    hpo_tree_grower *grower;
    hpo_tree tree;
    double u[MAX_ROWS * MAX_COLUMNS], z[MAX_ROWS * MAX_COLUMNS], y[MAX_ROWS], w[MAX_ROWS];
    uint32_t rows[MAX_ROWS];
    double gain[MAX_COLUMNS];
} bed;

static bed *make(const char *text)
{
    hpo_error err;
    bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    assert_ok(hpo_space_parse(text, &b->space, &err), err);
    assert_ok(hpo_space_freeze(b->space, &err), err);
    assert_ok(hpo_embed_create(b->space, &b->embed, &err), err);
    assert_ok(hpo_columns_init(&b->columns, b->embed, &err), err);
    assert_ok(hpo_tree_grower_create(&b->columns, &b->grower, &err), err);
    return b;
}

static void drop(bed *b)
{
    hpo_tree_fini(&b->tree);
    hpo_tree_grower_free(b->grower);
    hpo_columns_fini(&b->columns);
    hpo_embed_free(b->embed);
    hpo_space_free(b->space);
    free(b);
}

/* Random configurations in normal form. */
static void fill(bed *b, size_t n, uint64_t seed)
{
    hpo_rng rng;
    hpo_error err;
    double x[32];
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    for (size_t i = 0; i < n; i++) {
        double *u = b->u + i * b->columns.n_dims;
        assert_ok(hpo_space_draw(b->space, &rng, u, &err), err);
        hpo_space_decode(b->space, u, x);
        hpo_space_encode(b->space, x, u);
        hpo_columns_row(&b->columns, u, b->z + i * b->columns.n);
        b->rows[i] = (uint32_t)i;
        b->w[i] = 1;
    }
}

static void grow(bed *b, size_t n, hpo_tree_rule rule, uint64_t seed)
{
    hpo_rng rng;
    hpo_error err;
    hpo_tree_data data = {&b->columns, b->z, b->y, b->w};
    hpo_rng_init(&rng, seed, 1, HPO_RNG_USER);
    memset(b->gain, 0, sizeof b->gain);
    for (size_t i = 0; i < n; i++)
        b->rows[i] = (uint32_t)i;
    assert_ok(hpo_tree_grow(&b->tree, b->grower, &data, b->rows, n, &rule, &rng, b->gain, &err), err);
}

static double squares(const double *y, const double *w, const int *side, int which, size_t n)
{
    double sw = 0, s = 0, q = 0;
    for (size_t i = 0; i < n; i++)
        if (side[i] == which) {
            sw += w[i];
            s += w[i] * y[i];
            q += w[i] * y[i] * y[i];
        }
    return sw > 0 ? q - s * s / sw : 0;
}

/* Sum of squares that the root's split leaves. */
static double left_over(const bed *b, size_t n)
{
    int side[MAX_ROWS];
    for (size_t i = 0; i < n; i++)
        side[i] = hpo_tree_child(&b->tree, 0, b->z + i * b->columns.n, b->columns.n) != b->tree.node[0].left;
    return squares(b->y, b->w, side, 0, n) + squares(b->y, b->w, side, 1, n);
}

/* Every two-way partition of eight labels against the one found. */
static void labels_split_optimally(void **state)
{
    (void)state;
    enum { N = 60 };
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 20)) {
        bed *b = make("k: a,b,c,d,e,f,g,h");
        int side[MAX_ROWS];
        fill(b, N, round);
        for (size_t i = 0; i < N; i++) {
            b->y[i] = sin(5 * b->z[i]) + 0.3 * t_uniform(&r);
            b->w[i] = t_between(&r, 0.5, 2);
        }
        grow(b, N, (hpo_tree_rule){.min_leaf = 1, .tries = 1, .max_depth = 1}, round);
        double best = HUGE_VAL;
        for (unsigned set = 1; set < 255; set++) {
            for (size_t i = 0; i < N; i++)
                side[i] = (int)(set >> (unsigned)b->z[i] & 1);
            best = fmin(best, squares(b->y, b->w, side, 0, N) + squares(b->y, b->w, side, 1, N));
        }
        assert_near(left_over(b, N), best, 1e-12, 1e-12);
        drop(b);
    }
}

/* Every cut of three numbers, each with its inactive rows on either side, against the one found. */
static void numbers_split_optimally(void **state)
{
    (void)state;
    enum { N = 80 };
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 20)) {
        bed *b = make("on: bool; x: 0..1; y: 0..1 if on; n: int 1..9");
        int side[MAX_ROWS];
        fill(b, N, round);
        for (size_t i = 0; i < N; i++) {
            const double *z = b->z + i * b->columns.n;
            b->y[i] = (z[1] > 0.4) + (isnan(z[2]) ? 0.5 : z[2] * z[2]) + 0.5 * t_uniform(&r);
            b->w[i] = t_between(&r, 0.5, 2);
        }
        size_t least = 1 + round % 4;
        grow(b, N, (hpo_tree_rule){.min_leaf = least, .tries = 4, .max_depth = 1}, round);
        double best = HUGE_VAL;
        for (size_t c = 0; c < b->columns.n; c++)
            for (size_t k = 0; k < N; k++)
                for (int inactive = 0; inactive < 2; inactive++) {
                    size_t right = 0;
                    double t = b->z[k * b->columns.n + c];
                    for (size_t i = 0; i < N; i++) {
                        double v = b->z[i * b->columns.n + c];
                        side[i] = isnan(v) ? inactive : isnan(t) || v > t;
                        right += (size_t)side[i];
                    }
                    if (right < least || N - right < least) continue;
                    best = fmin(best, squares(b->y, b->w, side, 0, N) + squares(b->y, b->w, side, 1, N));
                }
        assert_near(left_over(b, N), best, 1e-12, 1e-12);
        drop(b);
    }
}

/* A cut lies between its neighbours, at a place that differs from tree to tree. */
static void cuts_are_spread(void **state)
{
    (void)state;
    bed *b = make("x: 0..1");
    double low = 1, high = 0;
    fill(b, 2, 1);
    b->z[0] = 0.25;
    b->z[1] = 0.75;
    b->y[0] = 0;
    b->y[1] = 1;
    for (uint64_t seed = 0; seed < 50; seed++) {
        grow(b, 2, (hpo_tree_rule){.min_leaf = 1, .tries = 1}, seed);
        double t = hpo_tree_value(b->tree.node[0].cut.t);
        assert_true(t >= 0.25 && t < 0.75);
        low = fmin(low, t);
        high = fmax(high, t);
    }
    assert_true(low < 0.3 && high > 0.7);
    drop(b);
}

/* Leaves keep their least size, hold all rows once, and their sums are those of their rows. */
static void leaves_partition_rows(void **state)
{
    (void)state;
    static const char *const spaces[] = {"x: 0..1; k: a,b,c; n: int 1..30",
                                         "on: bool; y: 0..1 if on; mix: simplex 3; p: perm 3"};
    for (size_t s = 0; s < 2; s++)
        for (int random_cut = 0; random_cut < 2; random_cut++) {
            bed *b = make(spaces[s]);
            size_t n = 500, seen = 0;
            double all = 0, gained = 0, left = 0;
            fill(b, n, s);
            for (size_t i = 0; i < n; i++)
                b->y[i] = sin(7 * b->z[i * b->columns.n]) + (double)(i % 7) / 7;
            grow(b, n, (hpo_tree_rule){.min_leaf = 4, .tries = 2, .random_cut = random_cut}, 5);
            for (uint32_t i = 0; i < b->tree.n_nodes; i++) {
                const hpo_tree_stat *t = &b->tree.stat[i];
                double rest = t->square - t->sum * t->sum / t->w;
                if (i == 0) all = rest;
                if (!hpo_tree_is_leaf(&b->tree, i)) continue;
                assert_true(t->count >= 4);
                seen += t->count;
                left += rest;
            }
            for (size_t c = 0; c < b->columns.n; c++)
                gained += b->gain[c];
            assert_int_equal(seen, n);
            assert_near(gained, all - left, 1e-9, 1e-9);
            assert_true(b->tree.n_nodes > 50);
            drop(b);
        }
}

/* Blocks of wide rows end where single rows do. */
static void blocks_agree_with_steps(void **state)
{
    (void)state;
    static const char *const spaces[] = {"x: 0..1; y: -1..1",
                                         "k: a,b,c,d; on: bool; y: 0..1 if on; j: q,r if on", NULL};
    char many[4000] = "x: 0..1; k: ";
    for (size_t i = 0; i < 200; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%sl%zu", i > 0 ? "," : "", i);
    for (size_t s = 0; s < 3; s++) {
        bed *b = make(s == 2 ? many : spaces[s]);
        size_t n = 301, c = b->columns.n;
        uint32_t leaf[MAX_ROWS];
        int64_t *wide = malloc(n * (2 * c + 1) * sizeof *wide);
        assert_non_null(wide);
        fill(b, n, s);
        for (size_t i = 0; i < n; i++)
            b->y[i] = sin(40 * b->u[i * b->columns.n_dims]) + cos((double)(i % 5));
        grow(b, 200, (hpo_tree_rule){.min_leaf = 1, .tries = 2}, 1); /* the others are new to the tree */
        for (size_t i = 0; i < n; i++)
            hpo_tree_widen(&b->columns, b->z + i * c, wide + i * (2 * c + 1));
        hpo_tree_leaves(&b->tree, wide, 2 * c + 1, n, leaf);
        for (size_t i = 0; i < n; i++) {
            uint32_t at = 0;
            while (!hpo_tree_is_leaf(&b->tree, at))
                at = hpo_tree_child(&b->tree, at, b->z + i * c, c);
            assert_int_equal(leaf[i], at);
        }
        free(wide);
        drop(b);
    }
}

/* A label that the tree has not seen goes left in some trees and right in others. */
static void unseen_labels_toss_a_coin(void **state)
{
    (void)state;
    bed *b = make("k: a,b,c,d");
    size_t right = 0;
    fill(b, 40, 3);
    for (size_t i = 0; i < 40; i++) {
        b->z[i] = i % 2 ? 0 : 2;
        b->y[i] = b->z[i];
    }
    for (uint64_t seed = 0; seed < 100; seed++) {
        double unseen = 3, seen[] = {0, 2};
        grow(b, 40, (hpo_tree_rule){.min_leaf = 1, .tries = 1}, seed);
        uint32_t left = b->tree.node[0].left;
        assert_int_equal(hpo_tree_child(&b->tree, 0, &seen[0], 1), left);
        assert_int_equal(hpo_tree_child(&b->tree, 0, &seen[1], 1), left + 1);
        right += hpo_tree_child(&b->tree, 0, &unseen, 1) != left;
    }
    assert_true(right > 25 && right < 75);
    drop(b);
}

/* Shares of a simplex are read off as they are decoded. */
static void columns_hold_shares(void **state)
{
    (void)state;
    bed *b = make("mix: simplex 4; x: 0..1");
    assert_int_equal(b->columns.n, 5);
    fill(b, 50, 9);
    for (size_t i = 0; i < 50; i++) {
        double x[8];
        hpo_space_decode(b->space, b->u + i * b->columns.n_dims, x);
        for (size_t j = 0; j < 5; j++)
            assert_near(b->z[i * 5 + j], x[j], 0, 1e-9);
    }
    drop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_split_optimally),  cmocka_unit_test(numbers_split_optimally),
        cmocka_unit_test(cuts_are_spread),         cmocka_unit_test(leaves_partition_rows),
        cmocka_unit_test(blocks_agree_with_steps), cmocka_unit_test(unseen_labels_toss_a_coin),
        cmocka_unit_test(columns_hold_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
