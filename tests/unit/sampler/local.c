/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/local: follows valleys to the end, keeps to the rules of every space, and is a fold. */
#include "study.h"

static double sphere(const double *x)
{
    double f = 0;
    for (int i = 0; i < 5; i++)
        f += (x[i] - 0.3) * (x[i] - 0.3);
    return f;
}

static double rosenbrock(const double *x)
{
    double f = 0;
    for (int i = 0; i < 3; i++)
        f += 100 * (x[i + 1] - x[i] * x[i]) * (x[i + 1] - x[i] * x[i]) + (1 - x[i]) * (1 - x[i]);
    return f;
}

static double mixed(const double *x)
{
    return (x[0] - 0.7) * (x[0] - 0.7) + (x[1] == 2 ? 0 : 1) + fabs(x[2] - 17) / 10;
}

static double branchy(const double *x)
{
    if (x[0] == 1) return isnan(x[2]) ? (double)NAN : 0.1 + (x[2] - 0.25) * (x[2] - 0.25);
    return 1 + (x[1] - 0.5) * (x[1] - 0.5);
}

static double failing(const double *x)
{
    return x[0] > 0.8 ? (double)NAN : (x[0] - 0.79) * (x[0] - 0.79) + x[1] * x[1];
}

static double corner(const double *x)
{
    return -x[0] - x[1];
}

static double best_of(const char *space, const char *constraint, study_objective f, size_t n)
{
    study *s = study_open("local", space, constraint, SEED);
    double best = study_run(s, f, n);
    study_check_fold(s, "local");
    study_close(s);
    return best;
}

static void finds_minima(void **state)
{
    (void)state;
    assert_true(best_of("a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL, sphere, 60) < 1e-8);
    assert_true(best_of("a: -2..2; b: -2..2; c: -2..2; d: -2..2", NULL, rosenbrock, 300) < 0.02);
    assert_true(best_of("a: 0..1; b: p,q,r,s; c: int 0..100", NULL, mixed, 120) < 0.01);
    assert_true(best_of("k: bool; a: 0..1 if not k; b: 0..1 if k", NULL, branchy, 80) < 0.1001);
    assert_true(best_of("a: 0..1; b: 0..1", NULL, failing, 80) < 1e-3);
}

/* A narrow long valley, bent and rotated: its scales differ by a thousand. */
static double bent(const double *x)
{
    double f = 0;
    for (int i = 0; i < 4; i++) {
        double a = x[i] + 0.5 * x[i + 1] * x[i + 1] - 0.3, b = x[i + 1] - 0.6;
        f += 1e6 * a * a + b * b;
    }
    return f;
}

/* What was seen among the rows of the model only was proposed again and again, once smaller steps crowded it
 * out. */
static void proposes_nothing_twice(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        study *s = study_open("local", "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL, seed);
        for (size_t i = 0; i < 300; i++) {
            assert_int_equal(study_ask(s), HPO_OK);
            for (size_t k = 0; k < i; k++)
                assert_memory_not_equal(s->u_asked, s->u + k * 5, 5 * sizeof(double));
            study_tell(s, s->x, bent(s->x));
        }
        study_close(s);
    }
}

/* A wide valley of depth 1 and a narrower one of depth 1.25. */
static double two_valleys(const double *x)
{
    double wide = 0, narrow = 0;
    for (int i = 0; i < 2; i++) {
        wide += (x[i] - 0.25) * (x[i] - 0.25);
        narrow += (x[i] - 0.8) * (x[i] - 0.8);
    }
    return -fmax(exp(-wide / 0.08), 1.25 * exp(-narrow / 0.04));
}

static int valleys_found(const char *spec)
{
    int found = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        study *s = study_open(spec, "a: 0..1; b: 0..1", NULL, seed);
        found += study_run(s, two_valleys, 100) < -1.249;
        study_check_fold(s, spec);
        study_close(s);
    }
    return found;
}

static void leaves_a_valley_for_a_deeper_one(void **state)
{
    (void)state;
    int stays = valleys_found("local:initial=12,flat=0"), leaves = valleys_found("local:initial=12");
    print_message("# the deeper valley was found by %d of 10, and by %d that stay in the first\n", leaves,
                  stays);
    assert_true(leaves >= 9);
    assert_true(stays <= 7);
}

static void keeps_constraints(void **state)
{
    (void)state; /* study_ask asserts that every point is feasible */
    assert_true(best_of("a: 0..1; b: 0..1", "a + b <= 1", corner, 60) < -0.999);
    best_of("p: permutation x,y,z; q: simplex u,v,w", NULL, corner, 30);
}

static void keeps_away_from_what_runs(void **state)
{
    (void)state;
    study *s = study_open("local", "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL, SEED);
    study_run(s, sphere, 40);
    for (int i = 0; i < 8; i++) {
        double first[STUDY_DIMS];
        assert_int_equal(study_ask(s), HPO_OK);
        memcpy(first, s->u_asked, sizeof first);
        for (size_t k = 0; k < s->view.n_pending; k++)
            assert_true(memcmp(first, s->u_pending + k * s->view.n_dims, s->view.n_dims * sizeof(double)) !=
                        0);
        study_pend(s, s->x);
    }
    study_close(s);
}

static void explains_itself(void **state)
{
    (void)state;
    hpo_error err;
    char text[512];
    size_t n;
    study *s = study_open("local", "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL, SEED);
    study_run(s, sphere, 20);
    assert_int_equal(study_ask(s), HPO_OK);
    assert_ok(
        s->sampler.ops->explain(s->sampler.state, &s->view, s->u_asked, text, sizeof text - 1, &n, &err),
        err);
    text[n] = '\0';
    assert_contains(text, "\"model\":\"quadratic\"");
    assert_contains(text, "\"mean\":");
    study_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_minima),
        cmocka_unit_test(proposes_nothing_twice),
        cmocka_unit_test(leaves_a_valley_for_a_deeper_one),
        cmocka_unit_test(keeps_constraints),
        cmocka_unit_test(keeps_away_from_what_runs),
        cmocka_unit_test(explains_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
