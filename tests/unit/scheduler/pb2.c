/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/pb2: clones get the parameters that did best at their level, whatever the scale of the changes;
 * what is fixed stays, what is in progress is not chosen again. */
#include "drive.h"

static hpo_space *make_space(const char *text)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

/* A run whose pieces change the value by what `change` says; distance of the clones at each level from the
 * best. */
typedef double (*change_fn)(const double *x, double level);

typedef struct run_result {
    double x[DRIVE_MOST][4]; /* configurations */
    double target[DRIVE_MOST];
    int64_t parent[DRIVE_MOST];
    int by_model[DRIVE_MOST];
    int64_t n, n_clones;
} run_result;

static void run(const char *spec, const hpo_space *space, change_fn change, double high, int64_t trials,
                t_rng *rng, run_result *r)
{
    static drive d;
    static double value[DRIVE_MOST];
    drive_open_in(&d, spec, space, 1, high, trials);
    memset(r, 0, sizeof *r);
    for (;;) {
        for (size_t j = 0; j < DRIVE_DIMS; j++)
            d.u[j] = t_uniform(rng);
        double x[8];
        hpo_space_decode(space, d.u, x); /* NaN where inactive */
        hpo_space_encode(space, x, d.u);
        d.reason[0] = '\0';
        hpo_action a = drive_next(&d, 0);
        int64_t t = drive_start(&d, &a);
        if (t < 0) break;
        if (a.kind == HPO_ACT_NEW) value[t] = 100;
        if (a.kind == HPO_ACT_CLONE) {
            value[t] = value[a.trial];
            r->by_model[t] = strstr(d.reason, "parameters by") != NULL;
            r->n_clones++;
            if (spec[2] == '2' && !r->by_model[t])
                assert_non_null(strstr(d.reason, "; perturbed: nothing to"));
        }
        hpo_space_decode(space, d.point[t], x);
        assert_true(hpo_space_feasible(space, x));
        memcpy(r->x[t], x, sizeof r->x[t]);
        r->target[t] = d.target[t];
        r->parent[t] = d.parent[t];
        value[t] += change(x, d.target[t]) - change(x, d.reached[t]);
        drive_piece(&d, t, value[t], 0);
    }
    r->n = d.n;
    drive_close(&d);
}

/* What a piece from level k to k + 1 brings falls a hundredfold each time; lr = 0.01 is best all along. */
static double steady(const double *x, double level)
{
    double l = log10(x[0]) + 2, sum = 0;
    for (double k = 0, scale = 1e4; k < level; k++, scale /= 10)
        sum += scale * (l * l - 5);
    return sum;
}

/* Mean distance of the model's clones from `log10 best(piece)`, in decades, over several runs. */
static double mean_off(const char *spec, const hpo_space *space, change_fn change, double slope,
                       int64_t trials, t_rng *rng)
{
    double sum = 0, n = 0;
    for (int k = 0; k < 4; k++) {
        static run_result r;
        run(spec, space, change, 12, trials, rng, &r);
        for (int64_t t = 0; t < r.n; t++) {
            if (r.parent[t] < 0 || r.target[t] < 4) continue;
            double best = slope == 0 ? -2 : slope * (r.target[t] - 1);
            sum += fabs(log10(r.x[t][0]) - best);
            n++;
        }
    }
    assert_true(n >= 40);
    return sum / n;
}

/* Draws at random are one decade off. */
static void test_finds_the_best_at_every_scale(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    hpo_space *space = make_space("lr: log 1e-4..1; epochs: fidelity 1..12");
    double off = mean_off("pb2:population=6,interval=1,quantile=0.34", space, steady, 0, 30, &rng);
    if (!(off < 0.8)) fail_msg("decades from the best: %g", off);
    hpo_space_free(space);
}

/* The best rate falls from 1 to 1e-3 within 12 levels: the model follows. */
static double falling(const double *x, double level)
{
    double sum = 0;
    for (double k = 0; k < level; k++) {
        double l = log10(x[0]) + k / 4;
        sum += l * l - 5;
    }
    return sum;
}

static void test_follows_what_changes(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    hpo_space *space = make_space("lr: log 1e-4..1; epochs: fidelity 1..12");
    double ours = mean_off("pb2:population=8,interval=1,quantile=0.4", space, falling, -0.25, 60, &rng);
    double random = mean_off("pbt:population=8,interval=1,quantile=0.4", space, falling, -0.25, 60, &rng);
    if (!(ours < 0.9 * random)) fail_msg("decades from the best: pb2 %g, pbt %g", ours, random);
    hpo_space_free(space);
}

/* Labels, conditions, a constraint, and a parameter that must not change. */
static double mixed(const double *x, double level)
{
    double good = x[1] == 1 ? 0 : 1; /* opt = b */
    return level * (good + fabs(x[0] - 0.5));
}

static void test_mixed_and_fixed(void **state)
{
    (void)state;
    static run_result r;
    t_rng rng = t_rng_create();
    hpo_space *space =
        make_space("x: 0..1; opt: a,b,c; mom: 0..1 if opt == b; w: int 1..9; epochs: fidelity 1..10");
    run("pb2:population=8,interval=1,quantile=0.4,fixed=w", space, mixed, 10, 50, &rng, &r);
    int64_t n = 0, good = 0;
    for (int64_t t = 8; t < r.n; t++) {
        if (!r.by_model[t]) continue;
        n++;
        good += r.x[t][1] == 1;
        assert_true(r.x[t][3] == r.x[r.parent[t]][3]);
    }
    assert_true(n >= 10 && good > n * 2 / 3);
    hpo_space_free(space);
}

/* Two clones at the same moment, from the same data: not the same parameters. */
static void test_clones_of_one_moment_differ(void **state)
{
    (void)state;
    static drive d;
    hpo_space *space = make_space("lr: log 1e-4..1; epochs: fidelity 1..12");
    drive_open_in(&d, "pb2:population=8,interval=1,quantile=0.25", space, 1, 12, 100);
    for (int k = 0; k < 2; k++) /* two levels, the order of members stays */
        for (int64_t m = 0; m < 8; m++) {
            d.u[0] = 0.1 * (double)m + 0.1;
            hpo_action a = {.kind = k ? HPO_ACT_RESUME : HPO_ACT_NEW, .trial = m, .resource = k + 1};
            int64_t t = drive_start(&d, &a);
            drive_piece(&d, t, (double)(20 - m) + k * (0.1 * (double)((m - 4) * (m - 4)) - 2), 0);
        }
    hpo_action a = drive_next(&d, 0);
    assert_int_equal(a.kind, HPO_ACT_CLONE);
    double first = d.u[0];
    assert_non_null(strstr(a.reason, "(rank 8); parameters by 8 pieces"));
    (void)drive_start(&d, &a);
    a = drive_next(&d, 1);
    assert_int_equal(a.kind, HPO_ACT_CLONE);
    assert_true(fabs(d.u[0] - first) > 1e-6);
    double second = d.u[0];
    a = drive_next(&d, 1); /* asking changes nothing */
    assert_true(d.u[0] == second);
    drive_close(&d);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_best_at_every_scale),
        cmocka_unit_test(test_follows_what_changes),
        cmocka_unit_test(test_mixed_and_fixed),
        cmocka_unit_test(test_clones_of_one_moment_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
