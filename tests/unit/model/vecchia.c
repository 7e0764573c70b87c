/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions from nearest neighbours: the tree against all distances, the model against the exact one. */
#include "t.h"

#include "gp_fixture.h"
#include "model/neighbours.h"
#include "model/vecchia.h"

static const char *const TEXT = "x: float 0..1\ny: float 0..1\nk: a, b, c\nz: float 0..1 if k == a\n";
enum { DIMS = 4, THETA = 6 };

static void random_row(t_rng *r, double *u)
{
    int64_t k = t_int(r, 0, 2);
    u[0] = t_uniform(r);
    u[1] = t_uniform(r);
    u[2] = ((double)k + .5) / 3;
    u[3] = k == 0 ? t_uniform(r) : (double)NAN;
}

static double value_of(const double *u)
{
    return sin(5 * u[0]) + u[1] * u[1] + (isnan(u[3]) ? u[2] : .5 * cos(4 * u[3]));
}

static void test_tree(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { MOST = 700, K = 5 };
    for (T_ROUNDS(round, 20)) {
        size_t n = (size_t)t_int(&r, 0, MOST), want = (size_t)t_int(&r, 1, 30);
        double *x = malloc((n + 1) * K * sizeof *x);
        uint32_t *rank = malloc((n + 1) * sizeof *rank), limit = (uint32_t)t_int(&r, 0, MOST);
        hpo_neighbours *t;
        for (size_t i = 0; i < n * K; i++) /* coarse: ties, also equal rows */
            x[i] = round % 2 ? t_uniform(&r) : (double)t_int(&r, 0, 2);
        for (size_t i = 0; i < n; i++)
            rank[i] = (uint32_t)((i * 7919) % MOST);
        assert_ok(hpo_neighbours_create(x, n, K, &t, &err), err);
        for (size_t query = 0; query < 20; query++) {
            double a[K], last = -1;
            hpo_neighbour got[30];
            size_t eligible = 0, nearer = 0;
            for (size_t f = 0; f < K; f++)
                a[f] = round % 3 ? t_between(&r, -.5, 2.5) : (double)t_int(&r, 0, 2);
            const uint32_t *by = query % 2 ? rank : NULL;
            size_t found = hpo_neighbours_find(t, a, want, by, limit, got);
            for (size_t i = 0; i < found; i++) {
                double q = 0;
                for (size_t f = 0; f < K; f++)
                    q += (a[f] - x[got[i].row * K + f]) * (a[f] - x[got[i].row * K + f]);
                assert_true(got[i].q == q && q >= last && (!by || by[got[i].row] < limit));
                if (i > 0 && q == last) assert_true(got[i].row > got[i - 1].row);
                last = q;
            }
            for (size_t i = 0; i < n; i++) {
                double q = 0;
                for (size_t f = 0; f < K; f++)
                    q += (a[f] - x[i * K + f]) * (a[f] - x[i * K + f]);
                if (by && by[i] >= limit) continue;
                eligible++;
                nearer += q < last;
            }
            assert_int_equal(found, eligible < want ? eligible : want);
            assert_true(nearer < want);
        }
        hpo_neighbours_free(t);
        free(x);
        free(rank);
    }
}

typedef struct pair {
    fixture f;
    hpo_vecchia *v;
    double *u, *y;
    double theta[THETA];
} pair;

static pair open_pair(t_rng *r, hpo_kernel_family family, size_t n, size_t neighbours)
{
    pair p = {.f = fixture_create(TEXT, family),
              .theta = {log(.4), log(.6), log(.9), log(.7), .2, log(1e-3)}};
    hpo_error err;
    p.u = malloc(n * DIMS * sizeof *p.u);
    p.y = malloc(n * sizeof *p.y);
    for (size_t i = 0; i < n; i++) {
        random_row(r, p.u + i * DIMS);
        if (i % 10 == 9) memcpy(p.u + i * DIMS, p.u, DIMS * sizeof *p.u);
        p.y[i] = value_of(p.u + i * DIMS) + t_between(r, -.05, .05);
    }
    assert_ok(hpo_gp_advance(p.f.gp, p.u, p.y, NULL, NULL, n, &err), err);
    assert_ok(hpo_gp_set_theta(p.f.gp, p.theta, &err), err);
    assert_ok(hpo_vecchia_of(p.f.gp, neighbours, &p.v, &err), err);
    return p;
}

static void close_pair(pair *p)
{
    hpo_vecchia_free(p->v);
    fixture_free(&p->f);
    free(p->u);
    free(p->y);
}

/* All observations as neighbours: the exact posterior and evidence. */
static void test_exact(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    for (size_t family = 0; family < HPO_KERNEL_PERIODIC; family++) {
        pair p = open_pair(&r, (hpo_kernel_family)family, 60, HPO_VECCHIA_MAX_NEIGHBOURS);
        for (size_t i = 0; i < 20; i++) {
            double u[DIMS], m[2], v[2], dm[2 * DIMS], dv[2 * DIMS];
            random_row(&r, u);
            hpo_gp_gradient(p.f.gp, u, &m[0], &v[0], dm, dv);
            hpo_vecchia_gradient(p.v, u, &m[1], &v[1], dm + DIMS, dv + DIMS);
            assert_near(m[1], m[0], 1e-9, 1e-10);
            assert_near(v[1], v[0], 1e-8, 1e-10);
            assert_matrix_near(dm + DIMS, dm, 1, DIMS, 1e-7, 1e-8);
            assert_matrix_near(dv + DIMS, dv, 1, DIMS, 1e-7, 1e-8);
            hpo_vecchia_moments(p.v, u, 1, &m[0], &v[0]);
            assert_true(m[0] == m[1] && v[0] == v[1]);
        }
        double evidence, extra, prior[THETA] = {0};
        double z[64], e[64], count[64];
        hpo_gp_noise_terms t = {.z = z, .e = e, .count = count};
        hpo_gp_noise_terms_at(p.f.gp, p.f.gp->n2, &t);
        extra = t.extra;
        assert_ok(hpo_vecchia_evidence(p.v, &evidence, &err), err);
        double exact = hpo_gp_prior_value(p.f.gp, p.theta, prior) - hpo_gp_objective(p.f.gp, p.theta, NULL);
        assert_near(evidence + extra, exact, 1e-9, 0);
        close_pair(&p);
    }
}

/* 24 neighbours of 400: close to exact, in a tenth of the posterior's own uncertainty. */
static void test_close(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 400 };
    for (size_t family = 0; family < HPO_KERNEL_SE; family++) {
        pair p = open_pair(&r, (hpo_kernel_family)family, N, 0);
        double worst = 0, ratio = 0, noise, evidence, prior[THETA] = {0}, z[N], e[N], count[N];
        for (size_t i = 0; i < 200; i++) {
            double u[DIMS], m[2], v[2];
            random_row(&r, u);
            hpo_gp_moments(p.f.gp, u, 1, &m[0], &v[0]);
            hpo_vecchia_posterior(p.v).ops->moments(p.v, u, 1, &m[1], &v[1]);
            worst = fmax(worst, fabs(m[1] - m[0]) / sqrt(v[0] + .02));
            ratio += v[1] / v[0] / 200;
            assert_true(v[1] > v[0] * (1 - 1e-6)); /* fewer observations know less */
        }
        assert_true(worst < .25);
        assert_true(ratio < 1.25);
        hpo_vecchia_noise_at(p.v, p.u, 1, &noise);
        assert_near(noise, 1e-3, 1e-12, 0);
        hpo_gp_noise_terms t = {.z = z, .e = e, .count = count};
        hpo_gp_noise_terms_at(p.f.gp, p.f.gp->n2, &t);
        assert_ok(hpo_vecchia_evidence(p.v, &evidence, &err), err);
        double exact = hpo_gp_prior_value(p.f.gp, p.theta, prior) - hpo_gp_objective(p.f.gp, p.theta, NULL);
        assert_near(evidence + t.extra, exact, .03, 0);
        close_pair(&p);
    }
}

/* Thousands of rows, a regression on few of them: reading all is better than reading the subset. */
static void test_many(void **state)
{
    (void)state;
    hpo_error err;
    t_rng r = t_rng_create();
    enum { N = 4096, M = 200 };
    double *u = malloc(N * DIMS * sizeof *u), *y = malloc(N * sizeof *y), error[2] = {0};
    for (size_t i = 0; i < N; i++) {
        random_row(&r, u + i * DIMS);
        y[i] = value_of(u + i * DIMS);
    }
    hpo_gp_options o = hpo_gp_defaults();
    o.max_rows = 64;
    fixture f = fixture_with(TEXT, &o);
    assert_ok(hpo_gp_advance(f.gp, u, y, NULL, NULL, N, &err), err);
    hpo_vecchia *v;
    assert_ok(hpo_vecchia_of(f.gp, 0, &v, &err), err);
    for (size_t i = 0; i < M; i++) {
        double at[DIMS], m[2], var[2], want;
        random_row(&r, at);
        want = hpo_transform_apply(hpo_gp_transform(f.gp), value_of(at));
        hpo_gp_moments(f.gp, at, 1, &m[0], &var[0]);
        hpo_vecchia_moments(v, at, 1, &m[1], &var[1]);
        for (size_t k = 0; k < 2; k++)
            error[k] += fabs(m[k] - want) / M;
    }
    assert_true(error[1] < .5 * error[0]);
    hpo_vecchia_free(v);
    fixture_free(&f);
    free(u);
    free(y);
}

static hpo_status run_short_of_memory(void *ctx, hpo_error *err)
{
    pair *p = ctx;
    hpo_vecchia *v;
    double evidence;
    hpo_status s = hpo_vecchia_of(p->f.gp, 4, &v, err);
    if (s == HPO_OK) s = hpo_vecchia_evidence(v, &evidence, err);
    hpo_vecchia_free(v);
    return s;
}

static void test_refusals(void **state)
{
    (void)state;
    hpo_error err;
    hpo_vecchia *v;
    t_rng r = t_rng_create();
    pair p = open_pair(&r, HPO_KERNEL_SE, 20, 5);
    assert_fails(hpo_vecchia_of(p.f.gp, 65, &v, &err), HPO_EINVAL, err, "65");
    hpo_vecchia_options o = {.family = HPO_KERNEL_LINEAR, .s2 = 1};
    assert_fails(hpo_vecchia_create(p.f.embed, &o, p.u, p.y, NULL, 3, &v, &err), HPO_EUNSUPPORTED, err,
                 "linear");
    assert_null(v);
    double l[DIMS] = {1, 1, 1, 1}, mean, var;
    o = (hpo_vecchia_options){.family = HPO_KERNEL_SE, .lengthscales = l, .s2 = 2, .n2 = .1};
    assert_ok(hpo_vecchia_create(p.f.embed, &o, p.u, p.y, NULL, 0, &v, &err),
              err); /* nothing seen: the prior */
    hpo_vecchia_moments(v, p.u, 1, &mean, &var);
    assert_true(mean == 0 && var == 2);
    hpo_vecchia_free(v);
    t_oom(run_short_of_memory, &p);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree), cmocka_unit_test(test_exact),    cmocka_unit_test(test_close),
        cmocka_unit_test(test_many), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
