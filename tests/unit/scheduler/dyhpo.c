/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/dyhpo: who goes on, against the same rule computed from the model directly. */
#include "drive.h"

#include "acq/acquisition.h"
#include "math/rng.h"
#include "model/dyhpo.h"
#include "space/space.h"

enum { HIGH = 27, LEVELS = 4, DIMS = 2, DRAWS = 128 };

static const double level_at[LEVELS] = {1, 3, 9, 27};

static hpo_space *make_space(void)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

static double curve(const double *u, double step)
{
    double end = (u[0] - .7) * (u[0] - .7) + (u[1] - .3) * (u[1] - .3);
    return end + exp(-step / (2 + 4 * u[1]));
}

/* The rule once more: -1 a new trial; *gap: by how much it is better than the other. */
static int64_t choose(const drive *d, hpo_dyhpo *k, const double *u, hpo_space *space, uint64_t pieces,
                      double *gap)
{
    hpo_error err;
    hpo_rng rng;
    int64_t answer = -1;
    double draw[DRAWS * DIMS], mean[DRAWS], var[DRAWS], fresh = -(double)INFINITY, most = fresh;
    assert_true(hpo_dyhpo_update(k, u));
    hpo_rng_init(&rng, 7, pieces, HPO_RNG_SCHEDULER);
    (void)hpo_rng_uniform(&rng);
    for (size_t i = 0; i < DRAWS; i++)
        assert_ok(hpo_space_draw(space, &rng, draw + i * DIMS, &err), err);
    hpo_posterior p = hpo_dyhpo_posterior(k);
    p.ops->moments(p.model, draw, DRAWS, mean, var);
    for (size_t i = 0; i < DRAWS; i++)
        fresh = fmax(fresh, hpo_acq_log_ei(mean[i], sqrt(var[i]), hpo_dyhpo_best(k, 0), NULL, NULL));
    for (int64_t i = 0; i < d->n; i++) {
        uint32_t who = (uint32_t)i;
        double best, m, v;
        if (d->state[i] != HPO_STATE_PAUSED) continue;
        hpo_dyhpo_next(k, u, &who, 1, &m, &v, &best);
        double e = hpo_acq_log_ei(m, sqrt(v), best, NULL, NULL);
        if (!(e > most)) continue;
        most = e;
        answer = i;
    }
    *gap = fabs(most - fresh);
    return most > fresh ? answer : -1;
}

static void piece(drive *d, int64_t t)
{
    for (size_t j = 0; j < LEVELS; j++)
        if (level_at[j] > d->reached[t] && level_at[j] < d->target[t])
            (void)drive_report(d, t, level_at[j], curve(d->point[t], level_at[j]), 0);
    drive_piece(d, t, curve(d->point[t], d->target[t]), 0);
}

static void test_rule(void **state)
{
    (void)state;
    static drive d;
    static double u[DRIVE_MOST * DIMS];
    hpo_error err;
    hpo_space *space = make_space();
    hpo_embed *embed;
    hpo_dyhpo *k;
    t_rng r = {3};
    int resumed = 0, compared = 0, rounds = T_INSTRUMENTED ? 20 : 80;
    assert_ok(hpo_embed_create(space, &embed, &err), err);
    assert_ok(hpo_dyhpo_create(embed, level_at, LEVELS, 7, &k, &err), err);
    drive_open_in(&d, "dyhpo:halving=0", space, 1, HIGH, DRIVE_MOST);
    for (int round = 0; round < rounds; round++) {
        double gap = 0;
        int64_t wanted = -1;
        if (round >= 8) wanted = choose(&d, k, u, space, (uint64_t)round, &gap);
        d.u[0] = t_uniform(&r);
        d.u[1] = t_uniform(&r);
        hpo_action a = drive_next(&d, 0);
        if (round >= 8) {
            assert_int_equal(a.kind == HPO_ACT_RESUME ? a.trial : -1, wanted);
            if (wanted >= 0) assert_true(strstr(a.reason, "log improvement") != NULL);
            compared++;
        }
        int64_t t = drive_start(&d, &a);
        memcpy(u + t * DIMS, d.point[t], DIMS * sizeof *u);
        resumed += a.kind == HPO_ACT_RESUME;
        assert_ok(hpo_dyhpo_report(k, (size_t)t, d.target[t], curve(d.point[t], d.target[t]), u, &err), err);
        piece(&d, t);
    }
    print_message("# %d resumed of %d\n", resumed, rounds);
    assert_true(compared > 0 && resumed > 0 && resumed < rounds);
    drive_close(&d);
    hpo_dyhpo_free(k);
    hpo_embed_free(embed);
    hpo_space_free(space);
}

/* The budget of trials ends with one that is complete, and one that has failed never goes on. */
static void test_ends(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space();
    t_rng r = {9};
    int complete = 0;
    drive_open_in(&d, "dyhpo", space, 1, HIGH, 20);
    for (;;) {
        d.u[0] = t_uniform(&r);
        d.u[1] = t_uniform(&r);
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        if (t == 0) {
            assert_true(d.reached[0] == 0);
            drive_piece(&d, t, (double)INFINITY, 0);
            continue;
        }
        piece(&d, t);
        complete += d.state[t] == HPO_STATE_COMPLETE;
    }
    assert_int_equal(d.n, 20);
    assert_true(complete > 0 && d.spent < 20 * HIGH);
    drive_close(&d);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
