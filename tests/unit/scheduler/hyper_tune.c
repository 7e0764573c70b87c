/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/hyper_tune: delayed promotion by hand beside asha's, brackets in proportion to precision over
 * resource. */
#include "drive.h"

#include "space/space.h"

enum { TRIALS = 24 };

static hpo_space *plane(void)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

/* Every trial at the lowest rung is better than all before it.  asha takes each on as soon as a third of the
 * rung is one more than nothing: at 3 results, and again at every new best.  Delayed: p_k + 1 <= n_k / 3, at
 * 3, 6, 9 ... */
static size_t count_promotions(const char *spec, const hpo_space *space, size_t *at)
{
    static drive d;
    size_t n = 0, results = 0;
    drive_open_in(&d, spec, space, 1, 81, 1000);
    while (results < TRIALS) {
        d.u[0] = d.u[1] = .5;
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (a.kind == HPO_ACT_RESUME && a.resource == 3) at[n++] = results;
        results += a.kind == HPO_ACT_NEW;
        drive_piece(&d, t, a.kind == HPO_ACT_NEW ? -(double)results : 0, 1);
    }
    drive_close(&d);
    return n;
}

static void promotes_late(void **state)
{
    (void)state;
    size_t early[TRIALS], late[TRIALS];
    hpo_space *space = plane();
    size_t n = count_promotions("asha", space, early),
           m = count_promotions("hyper-tune:brackets=1", space, late);
    assert_int_equal(n, TRIALS - 3); /* each from the third on, before the next begins */
    assert_int_equal(m, 7);          /* at 3, 6, ... 21; the one at 24 comes after */
    for (size_t i = 0; i < m; i++)
        assert_int_equal(late[i], 3 * (i + 1));
    hpo_space_free(space);
}

static void begin_at(drive *d, double resource, double y)
{
    const hpo_action a = {.kind = HPO_ACT_NEW, .trial = -1, .resource = resource};
    int64_t t = drive_start(d, &a);
    drive_piece(d, t, y, 1);
}

/* Two trials begin at rung 3, three at rung 1 of which one goes on: the three at rung 3 are compared. */
static void brackets_share_their_rungs(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = plane();
    drive_open_in(&d, "hyper-tune", space, 1, 81, 1000);
    begin_at(&d, 3, .4);
    begin_at(&d, 3, .3);
    begin_at(&d, 1, .8);
    begin_at(&d, 1, .7);
    begin_at(&d, 1, .9);
    hpo_action a = drive_next(&d, 0);
    assert_int_equal(a.kind, HPO_ACT_RESUME);
    assert_int_equal(a.trial, 3);
    drive_piece(&d, drive_start(&d, &a), .5, 1);
    a = drive_next(&d, 0);
    assert_int_equal(a.kind, HPO_ACT_RESUME);
    assert_int_equal(a.trial, 1);
    assert_near(a.resource, 9, 0, 0);
    drive_close(&d);
    hpo_space_free(space);
}

/* All rungs rank alike but the lowest, which ranks the other way round. */
static double value(const double *u, double resource)
{
    double end = (u[0] - .4) * (u[0] - .4) + .3 * u[1];
    return resource < 2 ? -end : end + 1 / resource;
}

/* Probabilities by hand from the precisions that the reasons state: theta / r over the judged rungs, which
 * share what Hyperband gives them (81 : 34 : 15 : 8 : 5), against how often brackets begin. */
static void brackets_by_precision(void **state)
{
    (void)state;
    static const double at[] = {1, 3, 9, 27, 81}, usual[] = {81, 34, 15, 8, 5};
    static drive d;
    hpo_space *space = plane();
    t_rng rng = {8};
    double expected[5] = {0}, seen[5] = {0}, total = 0, theta_0 = 0;
    drive_open_in(&d, "hyper-tune", space, 1, 81, 1000);
    while (d.n < 320) {
        d.u[0] = t_uniform(&rng);
        d.u[1] = t_uniform(&rng);
        d.reason[0] = '\0';
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (a.kind == HPO_ACT_NEW && d.reason[0] != '\0') {
            double theta[5] = {0}, share = 0, sum = 0;
            int n = sscanf(d.reason, "precision of rungs 1: %lf, 3: %lf, 9: %lf, 27: %lf, 81: %lf", &theta[0],
                           &theta[1], &theta[2], &theta[3], &theta[4]);
            assert_true(n >= 1);
            for (int k = 0; k < n; k++) {
                share += usual[k] / 143;
                sum += theta[k] / at[k];
            }
            for (int k = 0; k < 5; k++) {
                expected[k] += k < n ? share * theta[k] / at[k] / sum : usual[k] / 143;
                seen[k] += a.resource == at[k];
            }
            total++;
            theta_0 += theta[0];
        }
        drive_piece(&d, t, value(d.point[t], a.resource), 1);
    }
    print_message("# hyper-tune: %.0f choices, mean precision of the lowest rung %.3f; brackets", total,
                  theta_0 / total);
    for (int k = 0; k < 5; k++)
        print_message(" %.0f (%.1f)", seen[k], expected[k]);
    print_message("\n");
    assert_true(total > 150);
    assert_true(theta_0 / total < 0.1);
    assert_true(seen[0] < total / 4); /* Hyperband: 57 % */
    for (int k = 0; k < 5; k++)       /* precisions are stated in hundredths */
        assert_true(fabs(seen[k] - expected[k]) < 4 * sqrt(expected[k]) + 0.02 * total + 2);
    drive_close(&d);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promotes_late),
        cmocka_unit_test(brackets_share_their_rungs),
        cmocka_unit_test(brackets_by_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
