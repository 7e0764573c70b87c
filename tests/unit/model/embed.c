/* SPDX-License-Identifier: Apache-2.0 */
/* Features: what each kind of axis becomes, distances by hand, definiteness with inactive axes, derivatives
 * by differences. */
#include "t.h"

#include "base/alloc.h"
#include "math/linalg.h"
#include "model/embed.h"
#include "model/kernel.h"
#include "space/space.h"

typedef struct fixture {
    hpo_space *space;
    hpo_embed *embed;
    size_t n_dims, n_features;
} fixture;

static fixture open_space(const char *text, int periodic)
{
    fixture f;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &f.space, &err), err);
    assert_ok(hpo_space_freeze(f.space, &err), err);
    if (periodic)
        assert_ok(hpo_embed_create_periodic(f.space, &f.embed, &err), err);
    else
        assert_ok(hpo_embed_create(f.space, &f.embed, &err), err);
    f.n_dims = hpo_embed_n_dims(f.embed);
    f.n_features = hpo_embed_n_features(f.embed);
    return f;
}

static void close_space(fixture *f)
{
    hpo_embed_free(f->embed);
    hpo_space_free(f->space);
}

/* Squared distance of two rows. */
static double apart(const fixture *f, const hpo_embed_shape *shape, const double *u, const double *v)
{
    double a[512], b[512], d;
    assert_true(f->n_features <= 512);
    hpo_embed_features(f->embed, shape, u, 1, a);
    hpo_embed_features(f->embed, shape, v, 1, b);
    hpo_kernel_distances(a, 1, b, 1, f->n_features, &d, 1);
    return d;
}

/* The same of two configurations in their own units. */
static double apart_x(const fixture *f, const double *x, const double *y)
{
    double u[64], v[64];
    hpo_space_encode(f->space, x, u);
    hpo_space_encode(f->space, y, v);
    return apart(f, NULL, u, v);
}

static void test_axes(void **state)
{
    (void)state;
    fixture f =
        open_space("f: fidelity 1..9; r: log 1e-3..1; c: const 3; i: int 1..5; l: x,y,z; o: ordinal a,b; "
                   "b: bool; p: perm 4; s: simplex 3; t: subset 5; v: vector 3 0..1 step 0.5; "
                   "k: int log 1..1000; big: int 0..100000; w: 0..1 if b",
                   0);
    static const struct {
        hpo_axis_kind kind;
        uint32_t n_dims, n_values, n_features;
        int conditional, places;
    } want[] = {
        {HPO_AXIS_REAL, 1, 0, 1, 0, 0},      {HPO_AXIS_GRID, 1, 5, 1, 0, 1},
        {HPO_AXIS_LABEL, 1, 3, 3, 0, 0},     {HPO_AXIS_GRID, 1, 2, 1, 0, 1},
        {HPO_AXIS_GRID, 1, 2, 1, 0, 1},      {HPO_AXIS_PERMUTATION, 4, 4, 4, 0, 0},
        {HPO_AXIS_SIMPLEX, 2, 3, 3, 0, 0},   {HPO_AXIS_SUBSET, 5, 5, 5, 0, 0},
        {HPO_AXIS_GRID, 1, 3, 1, 0, 1},      {HPO_AXIS_GRID, 1, 3, 1, 0, 1},
        {HPO_AXIS_GRID, 1, 3, 1, 0, 1},      {HPO_AXIS_GRID, 1, 1000, 1, 0, 1},
        {HPO_AXIS_GRID, 1, 100001, 1, 0, 0}, {HPO_AXIS_REAL, 1, 0, 2, 1, 0},
    };
    size_t n = sizeof want / sizeof *want, dim = 0, feature = 0;
    assert_int_equal(hpo_embed_n_axes(f.embed), n);
    for (size_t i = 0; i < n; i++) {
        const hpo_axis *a = hpo_embed_axis(f.embed, i);
        assert_int_equal(a->kind, want[i].kind);
        assert_int_equal(a->n_dims, want[i].n_dims);
        assert_int_equal(a->n_values, want[i].n_values);
        assert_int_equal(a->n_features, want[i].n_features);
        assert_int_equal(a->conditional, want[i].conditional);
        assert_int_equal(a->places != NULL, want[i].places);
        assert_int_equal(a->dim, dim);
        assert_int_equal(a->feature, feature);
        assert_int_equal(a->group, i);
        for (size_t j = 0; j < a->n_dims; j++)
            assert_int_equal(hpo_embed_axis_of(f.embed, dim + j), i);
        dim += a->n_dims;
        feature += a->n_features;
    }
    assert_int_equal(f.n_dims, dim);
    assert_int_equal(f.n_features, feature);
    close_space(&f);
}

/* Places: ascending, and each the coordinate that encode gives for its value. */
static void test_places(void **state)
{
    (void)state;
    fixture f = open_space("a: int 1..7; b: int log 1..300; c: 0..1 step 0.1; d: log 0.01..1 step 0.01; "
                           "e: ordinal 1,2,4; g: bool; h: int revlog 1..50",
                           0);
    double u[8], x[8], v[8];
    for (size_t i = 0; i < f.n_dims; i++) {
        const hpo_axis *a = hpo_embed_axis(f.embed, i);
        assert_non_null(a->places);
        for (size_t j = 0; j < a->n_values; j++) {
            if (j > 0) assert_true(a->places[j] > a->places[j - 1]);
            for (size_t k = 0; k < f.n_dims; k++)
                u[k] = 0.5;
            u[a->dim] = a->places[j];
            hpo_space_decode(f.space, u, x);
            hpo_space_encode(f.space, x, v);
            assert_same_doubles(&u[a->dim], &v[a->dim], 1);
        }
    }
    close_space(&f);
}

/* A bound that reads a conditional parameter makes its axis conditional too; one that does not, not. */
static void test_conditional_bounds(void **state)
{
    (void)state;
    fixture f = open_space("m: x,y; a: 1..2 if m == x; b: 0..1; c: 0..a; d: 0..(b + 1)", 0);
    assert_int_equal(hpo_embed_n_axes(f.embed), 5);
    static const int want[] = {0, 1, 0, 1, 0};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(hpo_embed_axis(f.embed, i)->conditional, want[i]);
    close_space(&f);
}

static void test_number_distances(void **state)
{
    (void)state;
    fixture f = open_space("a: 0..10; b: int 0..4; c: log 1..100", 0);
    double x[] = {2, 1, 1}, y[] = {5, 3, 10};
    /* 0.3 apart; cells (i + 1/2) / 5 are 0.4 apart; half of the log range */
    assert_near(apart_x(&f, x, y), 0.09 + 0.16 + 0.25, 1e-12, 0);
    assert_true(apart_x(&f, x, x) == 0);
    close_space(&f);
}

static void test_label_distances(void **state)
{
    (void)state;
    fixture f = open_space("a: w,x,y,z", 0);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            double x = i, y = j;
            assert_near(apart_x(&f, &x, &y), i == j ? 0 : 1, 1e-15, 0);
        }
    close_space(&f);
    char text[4096] = "a: l0";
    for (int i = 1; i < 400; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ",l%d", i);
    f = open_space(text, 0);
    assert_int_equal(f.n_features, HPO_EMBED_ONE_HOT);
    double least = 9, most = 0, sum = 0;
    for (int i = 0; i < 400; i++)
        for (int j = 0; j < i; j++) {
            double x = i, y = j, d = apart_x(&f, &x, &y);
            least = fmin(least, d);
            most = fmax(most, d);
            sum += d;
        }
    /* 2/128 Binomial(128, 1/2): sd 0.088; the extremes of 79 800 pairs are 4.5 sd away */
    assert_near(sum / 79800, 1, 0, 0.01);
    assert_true(least > 0.5 && most < 1.5);
    close_space(&f);
}

static void test_permutation_distances(void **state)
{
    (void)state;
    fixture f = open_space("p: perm 5", 0);
    double id[] = {0, 1, 2, 3, 4}, reverse[] = {4, 3, 2, 1, 0}, swapped[] = {1, 0, 2, 3, 4};
    double cycle[] = {1, 2, 3, 4, 0};
    assert_near(apart_x(&f, id, reverse), 1, 1e-14, 0);
    /* Spearman: sum of squared differences of places over n (n^2 - 1) / 3 = 40 */
    assert_near(apart_x(&f, id, swapped), 2.0 / 40, 1e-14, 0);
    assert_near(apart_x(&f, id, cycle), (4 * 1 + 16) / 40.0, 1e-14, 0);
    /* keys that no encode gave: places follow their order */
    double u[] = {0.91, 0.2, 0.35, 0.351, 0.99}, v[5];
    double order[] = {1, 2, 3, 0, 4};
    hpo_space_encode(f.space, order, v);
    assert_true(apart(&f, NULL, u, v) == 0);
    close_space(&f);
}

static void test_simplex_and_subset_distances(void **state)
{
    (void)state;
    fixture f = open_space("s: simplex 3", 0);
    double a[] = {0.5, 0.25, 0.25}, b[] = {0.125, 0.25, 0.625}, c[] = {1, 0, 0}, d[] = {0, 1, 0};
    double inner = sqrt(0.5 * 0.125) + 0.25 + sqrt(0.25 * 0.625);
    assert_near(apart_x(&f, a, b), 1 - inner, 1e-12, 0); /* squared Hellinger */
    assert_near(apart_x(&f, c, d), 1, 1e-12, 0);
    close_space(&f);
    f = open_space("t: subset 4", 0);
    double g[] = {1, 0, 1, 0}, h[] = {1, 1, 0, 0}, none[] = {0, 0, 0, 0}, all[] = {1, 1, 1, 1};
    assert_near(apart_x(&f, g, h), 0.5, 1e-15, 0);
    assert_near(apart_x(&f, none, all), 1, 1e-15, 0);
    close_space(&f);
    /* sizes are kept as decode keeps them: with at most one item, the one surest to be in */
    f = open_space("t: subset 3 size 1..1", 0);
    double u[] = {0.9, 0.8, 0.1}, v[] = {0.75, 0.25, 0.25};
    assert_true(apart(&f, NULL, u, v) == 0);
    close_space(&f);
}

static void test_conditional_distances(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846;
    fixture f = open_space("m: bool; a: 0..1 if m; l: x,y,z if m", 0);
    double rho[] = {0.5, 0.8, 0.5};
    hpo_embed_shape shape = {.rho = rho};
    double on[] = {0.75, 0.3, 0.5}, other[] = {0.75, 0.8, 0.9}, off[] = {0.25, NAN, NAN};
    /* arcs: 2 - 2 cos(pi rho du); a label 1, a conditional label to inactive 1/2 + 1; the switch itself 1/4
     */
    assert_near(apart(&f, &shape, on, other), 2 - 2 * cos(pi * 0.8 * 0.5) + 1, 1e-13, 0);
    assert_near(apart(&f, NULL, on, other), 2 - 2 * cos(pi * 0.25) + 1, 1e-13, 0);
    assert_near(apart(&f, &shape, on, off), 0.25 + 1 + 1.5, 1e-13, 0);
    assert_near(apart(&f, &shape, other, off), 0.25 + 1 + 1.5, 1e-13, 0);
    assert_true(apart(&f, &shape, off, off) == 0);
    close_space(&f);
}

static double least_eigenvalue(double *gram, size_t n)
{
    double values[32], vectors[32 * 32], work[64];
    assert_int_equal(hpo_symmetric_eigen(gram, n, n, values, vectors, work), 0);
    return values[0];
}

/* Ten active points and an inactive one.  With a constant added to the squared distance where activity
 * differs, the inactive point is equally far from all of a line segment, which no Euclidean space holds; the
 * arc does not have that problem. */
static void test_definite(void **state)
{
    (void)state;
    enum { N = 11 };
    fixture f = open_space("m: bool; a: 0..1 if m", 0);
    double z[N * 8], gram[N * N], u[2];
    for (int family = HPO_KERNEL_MATERN32; family <= HPO_KERNEL_SE; family++) {
        for (double l = 0.05; l < 5; l *= 2) {
            for (size_t i = 0; i < N; i++) {
                u[0] = 0.5; /* the switch does not help */
                u[1] = i < 10 ? (double)i / 9 : (double)NAN;
                hpo_embed_features(f.embed, NULL, u, 1, z + i * f.n_features);
            }
            for (size_t i = 0; i < N * f.n_features; i++)
                z[i] /= l;
            hpo_kernel_cross((hpo_kernel_family)family, 1, z, N, z, N, f.n_features, gram, N);
            assert_true(least_eigenvalue(gram, N) >= -1e-10);
        }
    }
    /* values found elsewhere with the same points and lengthscale */
    static const double added[] = {0.01, 0.05, 0.25}, found[] = {-0.46, -0.39, -0.13};
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                double d = i == 10 || j == 10 ? 0 : ((double)i - (double)j) / 9 / 0.5;
                gram[i * N + j] = d * d + ((i == 10) != (j == 10) ? added[c] : 0);
            }
        hpo_kernel_radial(HPO_KERNEL_MATERN52, gram, sizeof gram / sizeof *gram, gram, NULL);
        assert_near(least_eigenvalue(gram, N), found[c], 0, 0.005);
    }
    close_space(&f);
}

/* ---- derivatives --------------------------------------------------------------------------------------- */

static const char everything[] =
    "r: 0..1; i: int 1..9; m: bool; a: 0..1 if m; k: int 1..5 if m; l: x,y,z if m; "
    "p: perm 3; s: simplex 3; t: subset 2; q: log 1..9 if m";

static void random_row(const fixture *f, t_rng *r, int on, double *u)
{
    double x[32];
    for (size_t i = 0; i < f->n_dims; i++)
        u[i] = t_between(r, 0.05, 0.95);
    u[2] = on ? 0.75 : 0.25;
    hpo_space_decode(f->space, u, x);
    hpo_space_encode(f->space, x, u);
}

static void random_shape(t_rng *r, size_t n, double *rho, double *a, double *b)
{
    for (size_t i = 0; i < n; i++) {
        rho[i] = t_between(r, 0.2, 1);
        a[i] = exp(t_between(r, -1.2, 1.2));
        b[i] = exp(t_between(r, -1.2, 1.2));
    }
}

static double inner(const fixture *f, const hpo_embed_shape *shape, const double *u, const double *weight)
{
    double z[64], sum = 0;
    hpo_embed_features(f->embed, shape, u, 1, z);
    for (size_t i = 0; i < f->n_features; i++)
        sum += weight[i] * z[i];
    return sum;
}

static void check_pull(int periodic)
{
    fixture f = open_space(everything, periodic);
    double u[32], rho[16], a[16], b[16], weight[64], du[32];
    size_t n_axes = hpo_embed_n_axes(f.embed);
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 60)) {
        hpo_embed_shape shape = {rho, a, b};
        random_shape(&r, n_axes, rho, a, b);
        if (round % 3 == 0) shape.warp_a = shape.warp_b = NULL;
        if (round % 5 == 0) shape.rho = NULL;
        random_row(&f, &r, round % 2 == 0, u);
        for (size_t i = 0; i < f.n_features; i++)
            weight[i] = t_between(&r, -1, 1);
        for (size_t i = 0; i < f.n_dims; i++)
            du[i] = 100; /* added to */
        hpo_embed_pull(f.embed, &shape, u, weight, du);
        for (size_t i = 0; i < f.n_dims; i++) {
            if (hpo_embed_axis(f.embed, hpo_embed_axis_of(f.embed, i))->kind != HPO_AXIS_REAL ||
                isnan(u[i])) {
                assert_true(du[i] == 100);
                continue;
            }
            double at = u[i], h = 1e-5;
            u[i] = at + h;
            double up = inner(&f, &shape, u, weight);
            u[i] = at - h;
            double down = inner(&f, &shape, u, weight);
            u[i] = at;
            assert_near(du[i] - 100, (up - down) / (2 * h), 1e-5, 1e-6);
        }
    }
    close_space(&f);
}

static void test_pull(void **state)
{
    (void)state;
    check_pull(0);
    check_pull(1);
}

static void check_shape_derivatives(int periodic)
{
    fixture f = open_space(everything, periodic);
    double u[32], rho[16], a[16], b[16], up[64], down[64], d[3][64];
    size_t n_axes = hpo_embed_n_axes(f.embed);
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 40)) {
        hpo_embed_shape shape = {rho, a, b};
        random_shape(&r, n_axes, rho, a, b);
        random_row(&f, &r, round % 2 == 0, u);
        for (size_t j = 0; j < n_axes; j++) {
            const hpo_axis *axis = hpo_embed_axis(f.embed, j);
            hpo_embed_shape_derivatives(f.embed, &shape, j, u, d[0], d[1], d[2]);
            for (int which = 0; which < 3; which++) {
                double *p = which == 0 ? &a[j] : which == 1 ? &b[j] : &rho[j], at = *p, h = 1e-5;
                *p = which == 2 ? at + h : at * exp(h);
                hpo_embed_features(f.embed, &shape, u, 1, up);
                *p = which == 2 ? at - h : at * exp(-h);
                hpo_embed_features(f.embed, &shape, u, 1, down);
                *p = at;
                for (size_t i = 0; i < axis->n_features; i++)
                    assert_near(d[which][i], (up[axis->feature + i] - down[axis->feature + i]) / (2 * h),
                                1e-5, 1e-7);
            }
        }
    }
    close_space(&f);
}

static void test_shape_derivatives(void **state)
{
    (void)state;
    check_shape_derivatives(0);
    check_shape_derivatives(1);
}

/* ---- warps, circles ------------------------------------------------------------------------------------ */

static void test_warp(void **state)
{
    (void)state;
    fixture f = open_space("a: 0..1", 0);
    double a, b, z, before;
    hpo_embed_shape shape = {.warp_a = &a, .warp_b = &b};
    for (a = 0.25; a < 5; a *= 2)
        for (b = 0.25; b < 5; b *= 2) {
            before = -1;
            for (int i = 0; i <= 1000; i++) {
                double u = i / 1000.0, v = 1e-6 + (1 - 2e-6) * u;
                hpo_embed_features(f.embed, &shape, &u, 1, &z);
                assert_near(z, 1 - pow(1 - pow(v, a), b), 1e-9, 1e-12);
                assert_true(z > before && z >= 0 && z <= 1);
                before = z;
            }
        }
    a = b = 1;
    double u = 0.3, v = 0.7, w;
    hpo_embed_features(f.embed, &shape, &u, 1, &z);
    hpo_embed_features(f.embed, &shape, &v, 1, &w);
    assert_near(z, 0.3, 1e-5, 0);
    assert_near(w + z, 1, 1e-14, 0);
    close_space(&f);
}

/* MacKay's kernel: exp(-2 sin^2(pi d) / l^2), period 1. */
static void test_periodic(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846, l = 0.7;
    fixture f = open_space("a: 0..1; b: int 0..3; m: bool; c: 0..1 if m", 1);
    assert_true(hpo_embed_periodic(f.embed));
    double u[] = {0.1, 0.125, 0.75, 0.2}, v[] = {0.85, 0.125, 0.75, 0.2}, a[16], b[16], k;
    assert_int_equal(f.n_features, 2 + 1 + 1 + 2);
    hpo_embed_features(f.embed, NULL, u, 1, a);
    hpo_embed_features(f.embed, NULL, v, 1, b);
    for (size_t i = 0; i < f.n_features; i++) {
        a[i] /= l;
        b[i] /= l;
    }
    hpo_kernel_cross(HPO_KERNEL_PERIODIC, 2, a, 1, b, 1, f.n_features, &k, 1);
    assert_near(k, 2 * exp(-2 * pow(sin(pi * 0.75) / l, 2)), 1e-14, 0);
    v[0] = 0.1;
    u[3] = 0;
    v[3] = 1;
    assert_near(apart(&f, NULL, u, v), 0, 0, 1e-30);
    v[3] = NAN;
    assert_near(apart(&f, NULL, u, v), 1, 1e-15, 0);
    close_space(&f);
}

/* Rows one by one or together, with and without the path for plain spaces. */
static void test_many_rows(void **state)
{
    (void)state;
    static const char *const texts[] = {everything, "a: 0..1; b: 0..1; c: int 1..4; d: 0..1; e: 0..1"};
    for (size_t t = 0; t < 2; t++) {
        fixture f = open_space(texts[t], 0);
        double u[20 * 32], all[20 * 64], one[64];
        t_rng r = t_rng_create();
        for (size_t i = 0; i < 20; i++)
            random_row(&f, &r, i % 2 == 0, u + i * f.n_dims);
        hpo_embed_features(f.embed, NULL, u, 20, all);
        for (size_t i = 0; i < 20; i++) {
            hpo_embed_features(f.embed, NULL, u + i * f.n_dims, 1, one);
            assert_same_doubles(one, all + i * f.n_features, f.n_features);
        }
        close_space(&f);
    }
}

static hpo_status create(void *ctx, hpo_error *err)
{
    hpo_embed *e;
    hpo_status s = hpo_embed_create(ctx, &e, err);
    hpo_embed_free(e);
    return s;
}

static void test_refusals(void **state)
{
    (void)state;
    hpo_space *s;
    hpo_embed *e;
    hpo_error err;
    assert_ok(hpo_space_parse("a: 0..1; b: int 1..9; c: x,y", &s, &err), err);
    assert_fails(hpo_embed_create(s, &e, &err), HPO_EINVAL, err, "frozen");
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_true(t_oom(create, s) >= 5);
    hpo_space_free(s);
    hpo_embed_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_conditional_bounds),
        cmocka_unit_test(test_number_distances),
        cmocka_unit_test(test_label_distances),
        cmocka_unit_test(test_permutation_distances),
        cmocka_unit_test(test_simplex_and_subset_distances),
        cmocka_unit_test(test_conditional_distances),
        cmocka_unit_test(test_definite),
        cmocka_unit_test(test_pull),
        cmocka_unit_test(test_shape_derivatives),
        cmocka_unit_test(test_warp),
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
