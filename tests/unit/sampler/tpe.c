/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/tpe: the split, parity with Optuna's formulas, conditions, pending and failed trials, measured
 * constraints, finite spaces, and that asking leaves no trace. */
#include "draws.h"

#include "math/func.h"
#include "sampler/tpe.h"
#include "space/space.h"

enum { MAX = 400, DIMS = 16 };

/* A study by hand. */
typedef struct run {
    hpo_space *space;
    hpo_sampler s;
    size_t n, d, n_pending;
    double u[MAX * DIMS], y[MAX], outcome[MAX], pending[32 * DIMS];
    uint8_t ends[MAX];
    int64_t number[MAX], number_pending[32];
    int noisy, n_outcomes;
} run;

static void open_run(run *r, const char *spec, const char *space, const char *constraint)
{
    memset(r, 0, sizeof *r);
    r->space = space_of(space, constraint);
    r->d = hpo_space_n_dims(r->space);
    assert_true(r->d <= DIMS);
    open_sampler(spec, r->space, SEED, &r->s);
}

static void close_run(run *r)
{
    hpo_sampler_close(&r->s);
    hpo_space_free(r->space);
}

static hpo_view view_of(const run *r)
{
    return (hpo_view){.size = sizeof(hpo_view),
                      .n_done = r->n,
                      .n_pending = r->n_pending,
                      .n_dims = r->d,
                      .n_objectives = 1,
                      .n_outcomes = (size_t)r->n_outcomes,
                      .u = r->u,
                      .y = r->y,
                      .outcome = r->outcome,
                      .state = r->ends,
                      .number = r->number,
                      .u_pending = r->pending,
                      .number_pending = r->number_pending,
                      .noisy = r->noisy};
}

/* u: the coordinates as a study would keep them. */
static void canonical(const run *r, const double *u, double *out)
{
    double x[64];
    hpo_space_decode(r->space, u, x);
    hpo_space_encode(r->space, x, out);
}

static void tell(run *r, const double *u, double y)
{
    hpo_error err = {HPO_OK, ""};
    canonical(r, u, r->u + r->n * r->d);
    r->y[r->n] = y;
    r->ends[r->n] = isnan(y) ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
    r->number[r->n] = (int64_t)r->n;
    r->n++;
    hpo_view v = view_of(r);
    assert_ok(r->s.ops->tell(r->s.state, &v, r->n - 1, &err), err);
}

static void suggest(run *r, uint64_t draw, double *u)
{
    hpo_error err = {HPO_OK, ""};
    hpo_view v = view_of(r);
    hpo_rng rng;
    hpo_rng_init(&rng, SEED, draw, HPO_RNG_SAMPLER);
    assert_ok(r->s.ops->ask(r->s.state, &v, draw, &rng, u, &err), err);
}

static void explain(run *r, const double *u, char *text, size_t cap)
{
    hpo_error err = {HPO_OK, ""};
    hpo_view v = view_of(r);
    size_t n = 0;
    assert_ok(r->s.ops->explain(r->s.state, &v, u, text, cap, &n, &err), err);
    assert_true(n < cap);
    text[n] = '\0';
}

static double number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    if (at == NULL) fail_msg("%s has no %s", text, key);
    return strtod(at + strlen(key), NULL);
}

/* ---- splitting ---- */

static void test_split_sizes(void **state)
{
    (void)state;
    /* METHODS 6: Optuna's rule at 10, 50, 300 */
    assert_int_equal(hpo_tpe_below(0.1, 10), 1);
    assert_int_equal(hpo_tpe_below(0.1, 50), 5);
    assert_int_equal(hpo_tpe_below(0.1, 300), 25);
    assert_int_equal(hpo_tpe_below(0.1, 30), 3);
    assert_int_equal(hpo_tpe_below(0.1, 31), 4);
    assert_int_equal(hpo_tpe_below(0.15, 10), 2);
    assert_int_equal(hpo_tpe_below(0.15, 0), 0);
    assert_int_equal(hpo_tpe_below(0.15, 100000), 25);
    for (size_t n = 10; n < 300; n += 10)
        assert_int_equal(hpo_tpe_below(0.1, n), n / 10 < 25 ? n / 10 : 25);
}

static void test_order_of_merit(void **state)
{
    (void)state;
    static const double y[] = {3, NAN, 1, 2, NAN, NAN, 0, 1, HUGE_VAL};
    static const double outcome[] = {-1, 0, 0, 0.5, NAN, 0, 0.2, -2, -1};
    static const uint8_t ends[] = {HPO_STATE_COMPLETE, HPO_STATE_FAILED,   HPO_STATE_COMPLETE,
                                   HPO_STATE_COMPLETE, HPO_STATE_COMPLETE, HPO_STATE_STOPPED,
                                   HPO_STATE_COMPLETE, HPO_STATE_STOPPED,  HPO_STATE_COMPLETE};
    static const int64_t number[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, report_trial[] = {5, 7, 5};
    static const double step[] = {1, 1, 2}, value[] = {9, 1, 8};
    /* complete by value; stopped, longest first; by violation, unknown last; failed and without a value */
    static const uint32_t want[] = {2, 0, 5, 7, 6, 3, 4, 1, 8};
    hpo_view v = {.size = sizeof v,
                  .n_done = 9,
                  .n_objectives = 1,
                  .n_outcomes = 1,
                  .y = y,
                  .outcome = outcome,
                  .state = ends,
                  .number = number,
                  .n_reports = 3,
                  .report_trial = report_trial,
                  .report_step = step,
                  .report_value = value};
    hpo_tpe_order o = {0};
    hpo_error err;
    size_t place;
    for (size_t i = 0; i < 9; i++)
        assert_ok(hpo_tpe_order_add(&o, &v, i, &place, &err), err);
    assert_int_equal(o.n_failed, 2);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(o.row[i], want[i]);
    hpo_tpe_order_fini(&o);
}

/* ---- Optuna's mode ---- */

/* ALGORITHMS (ii) 5 through the sampler: 3 good trials of 13 need gamma 0.2. */
static void test_parity(void **state)
{
    (void)state;
    static const double all[] = {.62, .55, .7, .05, .12, .2, .33, .41, .48, .78, .86, .93, .99};
    static const double at[] = {.1, .5, .6, .9};
    static const double want[] = {-1.525155572807, 0.746037597972, 1.414705385137, -0.639910420374};
    static run r;
    char text[512];
    open_run(&r, "tpe:mode=optuna5,gamma=0.2", "x: 0..1", NULL);
    for (size_t i = 0; i < 13; i++)
        tell(&r, all + i, (double)i);
    for (size_t i = 0; i < 4; i++) {
        explain(&r, at + i, text, sizeof text);
        assert_near(number_after(text, "\"value\":"), want[i], 0, 1e-10);
        assert_int_equal((int)number_after(text, "\"good\":"), 3);
        assert_int_equal((int)number_after(text, "\"bad\":"), 10);
        assert_near(number_after(text, "\"threshold\":"), 2, 0, 0);
    }
    /* a failure is left out, a running trial is a bad one */
    double before = number_after(text, "\"value\":");
    tell(&r, at, (double)NAN);
    explain(&r, at + 3, text, sizeof text);
    assert_near(number_after(text, "\"value\":"), before, 0, 0);
    r.n_pending = 1;
    r.pending[0] = 0.9;
    explain(&r, at + 3, text, sizeof text);
    assert_true(number_after(text, "\"value\":") < before - 0.1);
    close_run(&r);
}

/* ---- behaviour ---- */

static const char *const modes[] = {"tpe", "tpe:mode=optuna5", "tpe:mode=optuna5,multivariate=no",
                                    "tpe:mode=optuna5,group=yes", "tpe:polish=2,recombine=1"};
enum { N_MODES = sizeof modes / sizeof modes[0] };

static double bowl(const double *u, size_t d)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += (u[i] - 0.3) * (u[i] - 0.3);
    return sum;
}

static double best_of(const char *spec, size_t n)
{
    static run r;
    double best = HUGE_VAL, u[DIMS];
    open_run(&r, spec, "a: 0..1; b: 0..1; c: 0..1; d: 0..1", NULL);
    for (size_t i = 0; i < n; i++) {
        suggest(&r, i, u);
        double y = bowl(u, 4);
        tell(&r, u, y);
        best = fmin(best, y);
    }
    close_run(&r);
    return best;
}

static void test_learns(void **state)
{
    (void)state;
    hpo_space *s = space_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1", NULL);
    static double u[100 * 4];
    double random = HUGE_VAL;
    draw_points("random", s, SEED, 100, u);
    for (size_t i = 0; i < 100; i++)
        random = fmin(random, bowl(u + 4 * i, 4));
    for (size_t k = 0; k < N_MODES; k++)
        assert_true(best_of(modes[k], 100) < random / 2);
    hpo_space_free(s);
}

static void test_startup_is_the_prior(void **state)
{
    (void)state;
    static run r;
    hpo_error err;
    double u[DIMS], v[DIMS];
    char text[256];
    open_run(&r, "tpe:initial=7", "a: 0..1; n: int 1..9; c: x,y", NULL);
    for (uint64_t i = 0; i < 7; i++) {
        hpo_rng rng;
        suggest(&r, i, u);
        hpo_rng_init(&rng, SEED, i, HPO_RNG_SAMPLER);
        assert_ok(hpo_space_draw(r.space, &rng, v, &err), err);
        assert_same_doubles(u, v, 3);
        explain(&r, u, text, sizeof text);
        assert_contains(text, "prior");
        tell(&r, u, u[0]);
    }
    suggest(&r, 7, u);
    explain(&r, u, text, sizeof text);
    assert_contains(text, "\"good\":2,\"bad\":5");
    close_run(&r);
}

/* Conditions, constraints, dependent bounds, every kind of parameter: what is asked is valid, inactive
 * coordinates are NaN, and a second instance that is told the same gives the same bits. */
static void test_every_space(void **state)
{
    (void)state;
    static const char *const spaces[][2] = {
        {"o: a,b,c; x: 0..1 if o == a; y: 0..1 if x > 0.5; n: int 1..30 if o == b; z: 0..1 if n > 3; w: 0..1",
         NULL},
        {"a: 0..1; b: 0..1; n: int 1..10", "a + b <= 1 and n * a <= 6"},
        {"a: 0..1; b: 0..1", "abs(a - b) < 0.02"},
        {"lo: int 1..20; hi: int lo..40; part: 0..lo", NULL},
        {"q: perm 5; m: simplex 3; s: subset a,b,c,d; v: vector 2 0..1; x: 0..1", NULL},
        {"lr: log 1e-5..1; k: int 1..5000 log; p: 0.2..1 step 0.1; f: bool; g: 1,2,4,8", NULL},
    };
    for (size_t m = 0; m < sizeof spaces / sizeof spaces[0]; m++)
        for (size_t k = 0; k < N_MODES; k++) {
            static run r, q;
            open_run(&r, modes[k], spaces[m][0], spaces[m][1]);
            open_run(&q, modes[k], spaces[m][0], spaces[m][1]);
            for (size_t i = 0; i < 60; i++) {
                double u[DIMS], v[DIMS], x[64];
                hpo_error err;
                suggest(&r, i, u);
                suggest(&q, i, v);
                assert_same_doubles(u, v, r.d);
                hpo_space_decode(r.space, u, x);
                assert_ok(hpo_space_validate(r.space, x, &err), err);
                assert_true(hpo_space_feasible(r.space, x));
                hpo_space_encode(r.space, x, v);
                for (size_t j = 0; j < r.d && i >= 10; j++)
                    assert_true(isnan(u[j]) == isnan(v[j]) && !(u[j] < 0) && !(u[j] > 1));
                double y = i % 7 == 6 ? (double)NAN : x[0];
                tell(&r, u, y);
                tell(&q, u, y);
            }
            close_run(&r);
            close_run(&q);
        }
}

/* Pending trials push suggestions away, and leave nothing behind. */
static void test_pending(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        static run r;
        double u[DIMS], before[DIMS], after[DIMS], spread[2] = {0};
        open_run(&r, modes[k], "a: 0..1; b: 0..1", NULL);
        for (size_t i = 0; i < 40; i++) {
            suggest(&r, i, u);
            tell(&r, u, bowl(u, 2));
        }
        suggest(&r, 40, before);
        for (size_t with = 0; with < 2; with++)
            for (size_t batch = 0; batch < 20; batch++) {
                double point[8][2];
                for (size_t i = 0; i < 8; i++) {
                    double nearest = HUGE_VAL;
                    r.n_pending = with ? i : 0;
                    suggest(&r, 40 + 8 * batch + i, point[i]);
                    memcpy(r.pending + i * 2, point[i], 2 * sizeof(double));
                    r.number_pending[i] = (int64_t)(40 + i);
                    for (size_t j = 0; j < i; j++)
                        nearest = fmin(nearest, hypot(point[i][0] - point[j][0], point[i][1] - point[j][1]));
                    if (i > 0) spread[with] += nearest;
                }
            }
        r.n_pending = 0;
        suggest(&r, 40, after);
        assert_same_doubles(before, after, 2);
        if (!(spread[1] > 1.1 * spread[0])) fail_msg("%s: %g, %g", modes[k], spread[0], spread[1]);
        close_run(&r);
    }
}

/* Trials that violate a measured constraint are not good, however small their value. */
static void test_outcomes(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        static run r;
        double u[DIMS];
        size_t feasible = 0;
        open_run(&r, modes[k], "a: 0..1; b: 0..1", NULL);
        r.n_outcomes = 1;
        for (size_t i = 0; i < 80; i++) {
            suggest(&r, i, u);
            r.outcome[r.n] = 0.5 - u[0];
            tell(&r, u, u[0] + u[1]);
            feasible += i >= 50 && u[0] >= 0.5;
        }
        assert_true(feasible >= 8); /* the optimum lies on the border; without heed it is none or one */
        char text[512];
        explain(&r, u, text, sizeof text);
        assert_true(number_after(text, "\"threshold\":") >= 0.5);
        close_run(&r);
    }
}

/* Every configuration of a finite space once; a noisy study may repeat. */
static void test_finite(void **state)
{
    (void)state;
    static run r;
    double u[DIMS], x[3];
    uint64_t seen[24];
    open_run(&r, "tpe", "n: int 1..4; f: bool; c: a,b,c", NULL);
    for (size_t i = 0; i < 24; i++) {
        suggest(&r, i, u);
        hpo_space_decode(r.space, u, x);
        seen[i] = hpo_space_hash(r.space, x);
        for (size_t j = 0; j < i && i >= 10; j++) /* startup draws may repeat: a study would refuse those */
            if (i < 20) assert_true(seen[i] != seen[j]);
        tell(&r, u, x[0]);
    }
    close_run(&r);
}

static void test_failures_are_worst(void **state)
{
    (void)state;
    static run r;
    double u[DIMS];
    char text[512];
    open_run(&r, "tpe", "a: 0..1", NULL);
    for (size_t i = 0; i < 60; i++) { /* the left half fails */
        suggest(&r, i, u);
        tell(&r, u, u[0] < 0.5 ? (double)NAN : fabs(u[0] - 0.7));
    }
    size_t failed = 0;
    for (size_t i = 40; i < 60; i++)
        failed += r.ends[i] == HPO_STATE_FAILED;
    assert_true(failed < 5);
    explain(&r, u, text, sizeof text);
    assert_int_equal((int)number_after(text, "\"good\":") + (int)number_after(text, "\"bad\":"), 60);
    close_run(&r);
    /* nothing but failures: the prior goes on */
    open_run(&r, "tpe:initial=1", "a: 0..1", NULL);
    for (size_t i = 0; i < 12; i++) {
        suggest(&r, i, u);
        tell(&r, u, (double)NAN);
    }
    close_run(&r);
}

/* Values of any size, equal values, values without end. */
static void test_odd_values(void **state)
{
    (void)state;
    static const double odd[] = {0, 1e300, -1e300, 1e-300, -HUGE_VAL, HUGE_VAL, NAN, 5, 5, 5};
    for (size_t k = 0; k < N_MODES; k++) {
        static run r;
        double u[DIMS];
        open_run(&r, modes[k], "a: 0..1; b: log 1e-3..1; c: x,y", NULL);
        for (size_t i = 0; i < 60; i++) {
            suggest(&r, i, u);
            for (size_t j = 0; j < 3; j++)
                assert_true(u[j] >= 0 && u[j] <= 1);
            tell(&r, i % 4 == 0 && i > 0 ? r.u : u, odd[i % 10]); /* and points told before */
        }
        close_run(&r);
    }
}

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    const hpo_space *space = ctx;
    static run r;
    hpo_status rc = hpo_sampler_open("tpe", space, 1, 0, SEED, &r.s, err);
    r.space = (hpo_space *)(uintptr_t)space;
    r.d = hpo_space_n_dims(space);
    if (rc != HPO_OK) return rc;
    for (r.n = 0; r.n < 30 && rc == HPO_OK;) {
        double u[DIMS] = {0};
        hpo_rng rng;
        hpo_view v = view_of(&r);
        hpo_rng_init(&rng, SEED, r.n, HPO_RNG_SAMPLER);
        rc = r.s.ops->ask(r.s.state, &v, r.n, &rng, u, err);
        if (rc != HPO_OK) break;
        canonical(&r, u, r.u + r.n * r.d);
        r.y[r.n] = u[0];
        r.ends[r.n] = HPO_STATE_COMPLETE;
        r.number[r.n] = (int64_t)r.n;
        r.n++;
        v = view_of(&r);
        rc = r.s.ops->tell(r.s.state, &v, r.n - 1, err);
    }
    hpo_sampler_close(&r.s);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    hpo_space *s = space_of("o: a,b; x: 0..1 if o == a; n: int 1..9", NULL);
    assert_true(t_oom(oom_body, s) > 10);
    hpo_space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_sizes),
        cmocka_unit_test(test_order_of_merit),
        cmocka_unit_test(test_parity),
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_startup_is_the_prior),
        cmocka_unit_test(test_every_space),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_finite),
        cmocka_unit_test(test_failures_are_worst),
        cmocka_unit_test(test_odd_values),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
