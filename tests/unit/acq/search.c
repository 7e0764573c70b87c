/* SPDX-License-Identifier: Apache-2.0 */
/* acq/search: finds the known maxima of scores over continuous, mixed, conditional, constrained, structured
 * and finite spaces; whatever it returns is feasible, in normal form, new, and a function of its inputs. */
#include "acq/search.h"

#include "math/func.h"
#include "math/rng.h"
#include "space/space.h"
#include "t.h"

enum { MAX_DIMS = 32, MAX_COLUMNS = 32 };

/* A score of the configuration, or of u directly when `of_u` is set (then with a gradient). */
typedef struct target {
    const hpo_space *space;
    size_t d;
    double (*of_x)(const double *x);
    double (*of_u)(const double *u, size_t d, double *gradient);
    size_t n_calls, n_points;
} target;

static void values(void *ctx, const double *u, size_t m, double *out)
{
    target *t = ctx;
    double x[MAX_COLUMNS];
    t->n_calls++;
    t->n_points += m;
    for (size_t i = 0; i < m; i++) {
        const double *row = u + i * t->d;
        if (t->of_u != NULL) {
            out[i] = t->of_u(row, t->d, NULL);
            continue;
        }
        hpo_space_decode(t->space, row, x);
        out[i] = t->of_x(x);
    }
}

static double gradient(void *ctx, const double *u, double *g)
{
    target *t = ctx;
    return t->of_u(u, t->d, g);
}

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
    hpo_search *search;
    target t;
    hpo_score score;
} fixture;

static void setup(fixture *f, const char *text, const char *constraint, double (*of_x)(const double *),
                  double (*of_u)(const double *, size_t, double *))
{
    hpo_error err;
    memset(f, 0, sizeof *f);
    assert_ok(hpo_space_parse(text, &f->space, &err), err);
    if (constraint != NULL) assert_ok(hpo_space_add_constraint(f->space, constraint, &err), err);
    assert_ok(hpo_space_freeze(f->space, &err), err);
    assert_ok(hpo_embed_create(f->space, &f->embed, &err), err);
    assert_ok(hpo_search_create(f->embed, 7, &f->search, &err), err);
    f->t = (target){f->space, hpo_space_n_dims(f->space), of_x, of_u, 0, 0};
    f->score = (hpo_score){&f->t, values, of_u != NULL ? gradient : NULL};
    assert_true(f->t.d <= MAX_DIMS && hpo_space_n_columns(f->space) <= MAX_COLUMNS);
}

static void teardown(fixture *f)
{
    hpo_search_free(f->search);
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}

static hpo_status maximise(fixture *f, uint64_t seed, const hpo_search_options *o, const double *exclude,
                           size_t n, double *u, double *value)
{
    hpo_error err = {HPO_OK, ""};
    hpo_rng rng;
    hpo_search_options none = {0};
    hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
    hpo_status rc =
        hpo_search_maximise(f->search, &f->score, o ? o : &none, NULL, 0, exclude, n, &rng, u, value, &err);
    if (rc != HPO_OK && rc != HPO_DONE) fail_msg("%s", err.msg);
    if (rc == HPO_OK) { /* valid and in normal form */
        double x[MAX_COLUMNS], back[MAX_DIMS];
        hpo_space_decode(f->space, u, x);
        assert_ok(hpo_space_validate(f->space, x, &err), err);
        hpo_space_encode(f->space, x, back);
        assert_same_doubles(u, back, f->t.d);
        double again;
        values(&f->t, u, 1, &again);
        assert_true(again == *value);
    }
    return rc;
}

/* ---- continuous ------------------------------------------------------------------------------------- */

/* Two peaks of different height; the maximum 1 is at 0.2 in all coordinates. */
static double two_peaks(const double *u, size_t d, double *g)
{
    double a = 0, b = 0;
    for (size_t k = 0; k < d; k++) {
        a += (u[k] - 0.2) * (u[k] - 0.2);
        b += (u[k] - 0.8) * (u[k] - 0.8);
    }
    double p = hpo_exp(-8 * a), q = 0.8 * hpo_exp(-4 * b);
    for (size_t k = 0; k < d && g != NULL; k++)
        g[k] = -16 * p * (u[k] - 0.2) - 8 * q * (u[k] - 0.8);
    return p + q;
}

static void test_continuous(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "a: 0..1; b: 0..1; c: 0..1; d: 0..1; e: 0..1", NULL, NULL, two_peaks);
    for (uint64_t seed = 0; seed < 5; seed++) {
        double u[MAX_DIMS], value;
        assert_int_equal(maximise(&f, seed, NULL, NULL, 0, u, &value), HPO_OK);
        for (size_t k = 0; k < 5; k++)
            assert_near(u[k], 0.2, 0, 2e-3); /* the other peak pulls a little */
    }
    teardown(&f);
}

static void test_trust_region(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "a: 0..1; n: int 1..100; c: 0..1", NULL, NULL, two_peaks);
    double center[3] = {0.7, 0.7, 0.6}, half[3] = {0.1, 0.15, 0.2}, u[MAX_DIMS], value;
    hpo_search_options o = {.center = center, .half_width = half};
    for (uint64_t seed = 0; seed < 5; seed++) {
        assert_int_equal(maximise(&f, seed, &o, NULL, 0, u, &value), HPO_OK);
        for (size_t k = 0; k < 3; k++)
            assert_true(fabs(u[k] - center[k]) <= half[k] + 1e-12);
        assert_near(u[0], 0.8, 0, 5e-3);
        assert_near(u[1], 0.8, 0, 1e-2);
        assert_near(u[2], 0.8, 0, 5e-3);
    }
    teardown(&f);
}

/* ---- mixed, conditional, structured ------------------------------------------------------------------ */

/* lr on a log scale at 1e-3, n = 37, opt = rms, fast on. */
static double mixed(const double *x)
{
    double lr = hpo_log10(x[0]) + 3, n = (x[1] - 37) / 10;
    return -lr * lr - n * n - (x[2] != 2) - (x[3] != 1) - 0.3 * (x[2] == 0) * fabs(n);
}

static void test_mixed(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "lr: log 1e-5..1; n: int 1..64; opt: sgd,adam,rms; fast: bool", NULL, mixed, NULL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        double u[MAX_DIMS], x[MAX_COLUMNS], value;
        assert_int_equal(maximise(&f, seed, NULL, NULL, 0, u, &value), HPO_OK);
        hpo_space_decode(f.space, u, x);
        assert_true(x[1] == 37 && x[2] == 2 && x[3] == 1);
        assert_near(hpo_log10(x[0]), -3, 0, 2e-2);
    }
    teardown(&f);
}

/* The better branch is the one with the narrow peak. */
static double branches(const double *x)
{
    if (x[0] == 0) return 0.5 - fabs(x[1] - 0.5);     /* sgd: momentum */
    if (x[0] == 1) return 1 - 20 * fabs(x[2] - 0.83); /* adam: beta */
    return x[3] == 7 ? 0.9 : 0;                       /* tree: depth */
}

static void test_conditional(void **state)
{
    (void)state;
    fixture f;
    setup(&f,
          "opt: sgd,adam,tree; mom: 0..0.99 if opt == sgd; beta: 0..1 if opt == adam; depth: int 1..10 if "
          "opt == tree",
          NULL, branches, NULL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        double u[MAX_DIMS], value;
        assert_int_equal(maximise(&f, seed, NULL, NULL, 0, u, &value), HPO_OK);
        assert_true(isnan(u[1]) && isnan(u[3]));
        assert_near(u[2], 0.83, 0, 1e-3);
    }
    teardown(&f);
}

/* Distance to the order 3,1,0,2, the mix (.5, .3, .2), the set {a, c}. */
static double structured(const double *x)
{
    static const double order[4] = {3, 1, 0, 2}, mix[3] = {0.5, 0.3, 0.2}, some[4] = {1, 0, 1, 0};
    double loss = 0;
    for (int i = 0; i < 4; i++)
        loss += (x[i] != order[i]) + (x[7 + i] != some[i]);
    for (int i = 0; i < 3; i++)
        loss += fabs(x[4 + i] - mix[i]);
    return -loss;
}

static void test_structured(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "order: perm 4; mix: simplex 3; some: subset a,b,c,d", NULL, structured, NULL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        double u[MAX_DIMS], value;
        assert_int_equal(maximise(&f, seed, NULL, NULL, 0, u, &value), HPO_OK);
        assert_true(value > -0.05);
    }
    teardown(&f);
}

/* ---- constraints --------------------------------------------------------------------------------------- */

static double sum_of(const double *u, size_t d, double *g)
{
    double s = 0;
    for (size_t k = 0; k < d; k++) {
        s += (double)(k + 1) * u[k];
        if (g != NULL) g[k] = (double)(k + 1);
    }
    return s;
}

/* The maximum of a + 2 b lies on the border of the disc, at (1, 2) / sqrt 5. */
static void test_constrained(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "a: 0..1; b: 0..1", "a * a + b * b <= 1", NULL, sum_of);
    for (uint64_t seed = 0; seed < 5; seed++) {
        double u[MAX_DIMS], value;
        assert_int_equal(maximise(&f, seed, NULL, NULL, 0, u, &value), HPO_OK);
        assert_true(value <= sqrt(5) + 1e-12);
        assert_near(value, sqrt(5), 1e-3, 0);
    }
    teardown(&f);
}

/* A feasible set of a thousandth of the cube: candidates come from hpo_space_draw. */
static void test_narrow(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "a: 0..1; b: 0..1", "abs(a - b) < 0.001 and a < 0.9", NULL, sum_of);
    double u[MAX_DIMS], value;
    assert_int_equal(maximise(&f, 3, NULL, NULL, 0, u, &value), HPO_OK);
    assert_true(value > 2.6 && value < 2.705);
    teardown(&f);
}

static double dependent(const double *x)
{
    return x[1] - 2 * fabs(x[0] - 11) - fabs(x[2] - 5);
}

static void test_dependent(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "lo: int 1..20; hi: int lo..40; part: 0..lo", NULL, dependent, NULL);
    double u[MAX_DIMS], value;
    assert_int_equal(maximise(&f, 3, NULL, NULL, 0, u, &value), HPO_OK);
    assert_true(value > 39.5);
    teardown(&f);
}

/* ---- finite spaces and exclusion ---------------------------------------------------------------------- */

static double finite(const double *x)
{
    return -fabs(x[1] - 3) - x[0] - 0.1 * x[2];
}

/* Excluding each answer walks down the whole space in the order of the score, then it is used up. */
static void test_finite(void **state)
{
    (void)state;
    enum { SIZE = 3 * 3 * 2 + 3 };
    fixture f;
    double seen[(SIZE + 1) * MAX_DIMS], last = HUGE_VAL;
    setup(&f, "opt: sgd,adam,rms; n: int 1..4; fast: bool", "n > 1 or fast", finite, NULL);
    size_t d = f.t.d;
    for (size_t i = 0; i < SIZE; i++) {
        double value;
        assert_int_equal(maximise(&f, i, NULL, seen, i, seen + i * d, &value), HPO_OK);
        assert_true(value <= last);
        last = value;
        for (size_t k = 0; k < i; k++)
            assert_true(memcmp(seen + k * d, seen + i * d, d * sizeof *seen) != 0);
    }
    double u[MAX_DIMS], value;
    assert_int_equal(maximise(&f, 1, NULL, seen, SIZE, u, &value), HPO_DONE);
    teardown(&f);
}

/* Too large to be listed: 14 flags.  Everything near the top is excluded bit by bit. */
static double flags(const double *x)
{
    double s = 0;
    for (int i = 0; i < 14; i++)
        s += x[i];
    return s;
}

static void test_excluded(void **state)
{
    (void)state;
    fixture f;
    char text[512] = "";
    for (int i = 0; i < 14; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "f%d: bool;", i);
    setup(&f, text, NULL, flags, NULL);
    size_t d = f.t.d;
    double seen[16 * MAX_DIMS], value;
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(maximise(&f, i, NULL, seen, i, seen + i * d, &value), HPO_OK);
        assert_true(value >= (i == 0 ? 14 : i < 15 ? 13 : 12));
        for (size_t k = 0; k < i; k++)
            assert_true(memcmp(seen + k * d, seen + i * d, d * sizeof *seen) != 0);
    }
    teardown(&f);
}

/* ---- odd scores -----------------------------------------------------------------------------------------
 */

static double nowhere(const double *u, size_t d, double *g)
{
    for (size_t k = 0; k < d && g != NULL; k++)
        g[k] = 0;
    return u[0] < 0.5 ? (double)NAN : -HUGE_VAL;
}

static double three(const double *x)
{
    return x[0];
}

static void test_odd_scores(void **state)
{
    (void)state;
    fixture f;
    double u[MAX_DIMS], value;
    setup(&f, "a: 0..1; n: int 1..5000", NULL, NULL, nowhere);
    hpo_error err;
    hpo_rng rng;
    hpo_search_options none = {0};
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    assert_ok(hpo_search_maximise(f.search, &f.score, &none, NULL, 0, NULL, 0, &rng, u, &value, &err), err);
    assert_true(u[0] >= 0 && u[0] <= 1);
    teardown(&f);
    /* a space of constants: one configuration, then none */
    setup(&f, "a: const 3", NULL, three, NULL);
    assert_int_equal(maximise(&f, 1, NULL, NULL, 0, u, &value), HPO_OK);
    assert_int_equal(maximise(&f, 1, NULL, u, 1, u, &value), HPO_DONE);
    teardown(&f);
}

/* A score worth points on a needle that only perturbing the known best finds. */
static double needle(const double *u, size_t d, double *g)
{
    double r = 0;
    for (size_t k = 0; k < d; k++)
        r += (u[k] - 0.617) * (u[k] - 0.617);
    for (size_t k = 0; k < d && g != NULL; k++)
        g[k] = r < 0.01 ? -2 * (u[k] - 0.617) : 0;
    return r < 0.01 ? 1 - r : 0;
}

static void test_local_candidates(void **state)
{
    (void)state;
    fixture f;
    char text[512] = "";
    for (int i = 0; i < 8; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "x%d: 0..1;", i);
    setup(&f, text, NULL, NULL, needle);
    double best[8], u[MAX_DIMS], value;
    for (int k = 0; k < 8; k++)
        best[k] = 0.65;
    hpo_error err;
    hpo_search_options none = {0};
    for (uint64_t seed = 0; seed < 4; seed++) {
        hpo_rng rng;
        hpo_rng_init(&rng, seed, 0, HPO_RNG_USER);
        assert_ok(hpo_search_maximise(f.search, &f.score, &none, best, 1, best, 1, &rng, u, &value, &err),
                  err);
        assert_true(value > 0.9999);
    }
    teardown(&f);
}

static double anything(const double *x)
{
    double s = 0;
    for (int i = 0; i < 10; i++)
        if (!isnan(x[i])) s -= fabs(x[i] - 0.3 * i);
    return s;
}

static void test_determinism(void **state)
{
    (void)state;
    static const char *const texts[] = {"a: 0..1; b: 0..1", "a: 0..1; n: int 1..64; o: x,y,z",
                                        "o: x,y; a: 0..1 if o == x; p: perm 5; s: simplex 3"};
    for (size_t i = 0; i < 3; i++) {
        fixture f, g;
        double u[MAX_DIMS], v[MAX_DIMS], w[MAX_DIMS], value;
        setup(&f, texts[i], NULL, i == 2 ? anything : NULL, i == 2 ? NULL : two_peaks);
        setup(&g, texts[i], NULL, i == 2 ? anything : NULL, i == 2 ? NULL : two_peaks);

        assert_int_equal(maximise(&f, 5, NULL, NULL, 0, u, &value), HPO_OK);
        assert_int_equal(maximise(&g, 6, NULL, NULL, 0, w, &value), HPO_OK); /* history leaves no trace */
        assert_int_equal(maximise(&g, 5, NULL, NULL, 0, v, &value), HPO_OK);
        assert_same_doubles(u, v, f.t.d);
        teardown(&f);
        teardown(&g);
    }
}

static hpo_status body(void *ctx, hpo_error *err)
{
    fixture *f = ctx;
    hpo_search *s = NULL;
    hpo_rng rng;
    double u[MAX_DIMS], value;
    hpo_search_options none = {0};
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    hpo_status rc = hpo_search_create(f->embed, 7, &s, err);
    if (rc == HPO_OK) rc = hpo_search_maximise(s, &f->score, &none, NULL, 0, NULL, 0, &rng, u, &value, err);
    hpo_search_free(s);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "a: 0..1; n: int 1..5000", NULL, NULL, two_peaks);
    assert_true(t_oom(body, &f) > 3);
    teardown(&f);
    setup(&f, "n: int 1..50", NULL, NULL, two_peaks);
    assert_true(t_oom(body, &f) > 3);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continuous),  cmocka_unit_test(test_trust_region),
        cmocka_unit_test(test_mixed),       cmocka_unit_test(test_conditional),
        cmocka_unit_test(test_structured),  cmocka_unit_test(test_constrained),
        cmocka_unit_test(test_narrow),      cmocka_unit_test(test_dependent),
        cmocka_unit_test(test_finite),      cmocka_unit_test(test_excluded),
        cmocka_unit_test(test_odd_scores),  cmocka_unit_test(test_local_candidates),
        cmocka_unit_test(test_determinism), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
