/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/dehb: the order of brackets, children against the formula with parents kept by the test itself,
 * selection. */
#include "drive.h"

#include "space/space.h"

enum { LEVELS = 3, DIMS = 2, MEMBERS = 9 };
static const size_t sizes[LEVELS] = {9, 3, 3}; /* R = 9: brackets 9, 3, 1; 3, 1; 3 */

/* The populations as the test believes them. */
typedef struct shadow {
    drive d;
    hpo_space *space;
    int64_t trial[LEVELS][MEMBERS];
    double y[LEVELS][MEMBERS];
    size_t next[LEVELS], place[DRIVE_MOST];
    t_rng rng;
} shadow;

static void begin(shadow *s, const char *spec, const char *space)
{
    hpo_error err;
    memset(s, 0, sizeof *s);
    assert_ok(hpo_space_parse(space, &s->space, &err), err);
    assert_ok(hpo_space_freeze(s->space, &err), err);
    drive_open_in(&s->d, spec, s->space, 1, 9, 300);
    for (size_t k = 0; k < LEVELS; k++)
        for (size_t i = 0; i < MEMBERS; i++) {
            s->trial[k][i] = -1;
            s->y[k][i] = HUGE_VAL;
        }
    s->rng = (t_rng){5};
}

static void end(shadow *s)
{
    drive_close(&s->d);
    hpo_space_free(s->space);
}

static size_t level_of(double resource)
{
    return resource < 2 ? 0 : resource < 5 ? 1 : 2;
}

static double loss(const double *u, double resource)
{
    return (u[0] - .3) * (u[0] - .3) + (u[1] - .6) * (u[1] - .6) + u[0] / (resource + 3);
}

/* One piece; what was asked for is in *a, its trial is returned. */
static int64_t piece(shadow *s, hpo_action *a)
{
    for (size_t j = 0; j < DIMS; j++)
        s->d.u[j] = t_uniform(&s->rng); /* the sampler's */
    *a = drive_next(&s->d, 0);
    size_t k = level_of(a->resource);
    int64_t t = drive_start(&s->d, a);
    assert_true(t >= 0);
    s->place[t] = s->next[k];
    s->next[k] = (s->next[k] + 1) % sizes[k];
    return t;
}

static void finish(shadow *s, int64_t t, double y)
{
    size_t k = level_of(s->d.target[t]), i = s->place[t];
    drive_piece(&s->d, t, y, 1);
    if (!(y <= s->y[k][i])) return;
    s->y[k][i] = y;
    s->trial[k][i] = t;
}

/* The first bracket promotes, later ones begin a trial at every rung. */
static void order_of_brackets(void **state)
{
    (void)state;
    static shadow s;
    static const struct {
        size_t n;
        double resource;
        hpo_action_kind kind;
        int changed;
    } expected[] = {{9, 1, HPO_ACT_NEW, 0}, {3, 3, HPO_ACT_RESUME, 0}, {1, 9, HPO_ACT_RESUME, 0},
                    {3, 3, HPO_ACT_NEW, 1}, {1, 9, HPO_ACT_NEW, 1},    {3, 9, HPO_ACT_NEW, 1},
                    {9, 1, HPO_ACT_NEW, 1}, {3, 3, HPO_ACT_NEW, 1},    {1, 9, HPO_ACT_NEW, 1},
                    {3, 3, HPO_ACT_NEW, 1}};
    begin(&s, "dehb", "a: 0..1; b: 0..1");
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        for (size_t k = 0; k < expected[i].n; k++) {
            hpo_action a;
            int64_t t = piece(&s, &a);
            assert_int_equal(a.kind, expected[i].kind);
            assert_near(a.resource, expected[i].resource, 0, 0);
            assert_int_equal(a.changed, expected[i].changed);
            finish(&s, t, loss(s.d.point[t], a.resource));
        }
    end(&s);
}

/* Rank of trial t at level k among its members; SIZE_MAX: none. */
static size_t rank_of(const shadow *s, size_t k, int64_t t)
{
    size_t at = SIZE_MAX, rank = 0;
    for (size_t i = 0; i < sizes[k]; i++)
        if (s->trial[k][i] == t) at = i;
    if (at == SIZE_MAX) return at;
    for (size_t i = 0; i < sizes[k]; i++)
        rank += s->trial[k][i] >= 0 &&
                (s->y[k][i] < s->y[k][at] || (s->y[k][i] == s->y[k][at] && s->trial[k][i] < t));
    return rank;
}

/* Whether u = a + F (b - c) of three different members, at most `strangers` of them not among the n best of a
 * level. */
static int is_child(const shadow *s, const double *u, size_t level, size_t n, size_t strangers)
{
    for (int64_t a = 0; a < s->d.n; a++)
        for (int64_t b = 0; b < s->d.n; b++)
            for (int64_t c = 0; c < s->d.n; c++) {
                const double *p = s->d.point[a], *q = s->d.point[b], *r = s->d.point[c];
                double v[DIMS], off = 0;
                size_t strange = 0;
                const int64_t who[3] = {a, b, c};
                if (a == b || b == c || a == c) continue;
                for (size_t j = 0; j < DIMS; j++) {
                    v[j] = p[j] + .5 * (q[j] - r[j]);
                    off = fmax(off, v[j] < 0 || v[j] > 1 ? 0 : fabs(v[j] - u[j]));
                }
                if (off > 1e-12 || v[0] < 0 || v[0] > 1) continue;
                for (int i = 0; i < 3; i++) {
                    int member = 0;
                    for (size_t k = 0; k < LEVELS; k++)
                        member |= rank_of(s, k, who[i]) != SIZE_MAX;
                    strange += rank_of(s, level, who[i]) >= n ? 1 : 0; /* none: SIZE_MAX */
                    if (!member) strange += 3;
                }
                if (strange <= strangers) return 1;
            }
    return 0;
}

/* All coordinates from the mutant: the child is a + F (b - c) of the right parents. */
static void children_have_their_parents(void **state)
{
    (void)state;
    static shadow s;
    static const size_t rungs[][3] = {/* how many, level of the parents, how many of them count */
                                      {3, 1, 3}, {1, 1, 1}, {3, 2, 3}, {9, 0, 9}, {3, 0, 3}, {1, 1, 1}};
    begin(&s, "dehb:crossover=1", "a: 0..1; b: 0..1");
    hpo_action a;
    for (int i = 0; i < 13; i++) {
        int64_t t = piece(&s, &a);
        finish(&s, t, loss(s.d.point[t], a.resource));
    }
    size_t outside = 0, seen = 0;
    for (size_t i = 0; i < sizeof rungs / sizeof rungs[0]; i++)
        for (size_t k = 0; k < rungs[i][0]; k++) {
            size_t strangers = rungs[i][2] < 4 ? 4 - rungs[i][2] : 0, held = 0;
            for (size_t m = 0; m < sizes[rungs[i][1]]; m++)
                held += s.trial[rungs[i][1]][m] >= 0;
            if (held < rungs[i][2]) strangers = 4 - held; /* of level 2 only one was known at first */
            int64_t t = piece(&s, &a);
            assert_int_equal(a.changed, 1);
            seen++;
            outside += !is_child(&s, s.d.point[t], rungs[i][1], rungs[i][2], strangers);
            finish(&s, t, loss(s.d.point[t], a.resource));
        }
    print_message("# dehb: %zu of %zu children left the square\n", outside, seen);
    assert_true(outside <= seen / 4); /* their coordinates are drawn anew */
    end(&s);
}

/* No coordinate but one from the mutant: the child is the member at its place, or a draw where that is empty.
 */
static void children_cross_with_their_place(void **state)
{
    (void)state;
    static shadow s;
    begin(&s, "dehb:crossover=0", "a: 0..1; b: 0..1");
    hpo_action a;
    size_t checked = 0;
    for (int i = 0; i < 80; i++) {
        int64_t t = piece(&s, &a), held = s.trial[level_of(a.resource)][s.place[t]];
        if (a.changed && held >= 0) {
            size_t same = 0;
            for (size_t j = 0; j < DIMS; j++)
                same += s.d.point[t][j] == s.d.point[held][j];
            assert_int_equal(same, DIMS - 1);
            checked++;
        }
        finish(&s, t, loss(s.d.point[t], a.resource));
    }
    assert_true(checked > 50);
    end(&s);
}

/* A place only gets better: what is at the places follows the test's own books, which the checks above
 * compare. Failed trials never move in, and their rung is decided without them. */
static void survives_failures(void **state)
{
    (void)state;
    static shadow s;
    begin(&s, "dehb", "a: 0..1; b: 0..1");
    hpo_action a;
    for (int i = 0; i < 120; i++) {
        int64_t t = piece(&s, &a);
        if (i % 3 != 1) {
            finish(&s, t, loss(s.d.point[t], a.resource));
            continue;
        }
        drive_tell(&s.d, t, HPO_STATE_FAILED, NULL);
    }
    end(&s);
}

/* Late children are better than early ones. */
static void evolves(void **state)
{
    (void)state;
    static shadow s;
    begin(&s, "dehb", "a: 0..1; b: 0..1");
    double early = 0, late = 0;
    hpo_action a;
    for (int i = 0; i < 240; i++) {
        int64_t t = piece(&s, &a);
        double y = loss(s.d.point[t], a.resource),
               ends = loss(s.d.point[t], 9) - loss((const double[2]){.26, .6}, 9);
        if (i < 40) early += ends / 40;
        if (i >= 200) late += ends / 40;
        finish(&s, t, y);
    }
    print_message("# dehb: regret %.4g of the first 40, %.4g of the last\n", early, late);
    assert_true(late < 0.2 * early);
    end(&s);
}

/* Labels, whole numbers, conditions: what is written is a point of the cube. */
static void mixed_space(void **state)
{
    (void)state;
    static shadow s;
    begin(&s, "dehb", "c: p,q,r; n: int 1..9 if c == p");
    hpo_action a;
    for (int i = 0; i < 100; i++) {
        int64_t t = piece(&s, &a);
        double x[2], u[2];
        for (size_t j = 0; j < DIMS; j++)
            assert_true(s.d.point[t][j] >= 0 && s.d.point[t][j] <= 1);
        hpo_space_decode(s.space, s.d.point[t], x);
        hpo_space_encode(s.space, x, u);
        finish(&s, t, x[0] + u[0]);
    }
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_brackets),
        cmocka_unit_test(children_have_their_parents),
        cmocka_unit_test(children_cross_with_their_place),
        cmocka_unit_test(survives_failures),
        cmocka_unit_test(evolves),
        cmocka_unit_test(mixed_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
