/* SPDX-License-Identifier: Apache-2.0 */
/* model/lcnet, lcnet_curve, sghmc: the shapes against their formulas, gradients against differences, draws
 * against distributions that are known, ends of curves against what they come to. */
#include "model/lcnet.h"

#include "model/lcnet_curve.h"
#include "model/sghmc.h"
#include "space/space.h"
#include "t.h"

enum { OUT = HPO_LCNET_OUTPUTS, DIMS = 3 };

/* ---- the sampler --------------------------------------------------------------------------------------- */

/* Without adaptation the chain on U = h x^2 / 2 is an autoregression whose variance is known. */
static void test_chain_closed_form(void **state)
{
    (void)state;
    enum { N = 3, STEPS = 400000 };
    static const double h[N] = {0.5, 1, 20}, step = 0.2, friction = 0.3;
    double x[N] = {0}, g[N], sum[N] = {0}, square[N] = {0};
    hpo_sghmc s;
    hpo_error err;
    hpo_rng rng;
    assert_ok(hpo_sghmc_init(&s, N, step, friction, &err), err);
    s.exact = 1;
    hpo_rng_init(&rng, 1, 2, 1000);
    int steps = T_INSTRUMENTED ? STEPS / 10 : STEPS;
    for (int i = 0; i < steps; i++) {
        for (int k = 0; k < N; k++) {
            g[k] = h[k] * x[k];
            sum[k] += x[k] / steps;
            square[k] += x[k] * x[k] / steps;
        }
        hpo_sghmc_step(&s, g, 0, &rng, x);
    }
    for (int k = 0; k < N; k++) {
        double slow = step * step * h[k], want = 1 / h[k] / (1 - slow / (2 * (2 - friction)));
        print_message("# %.4f of %.4f\n", square[k], want);
        assert_near(sum[k], 0, 0, 0.05 / sqrt(h[k]));
        assert_near(square[k], want, T_INSTRUMENTED ? 0.15 : 0.04, 0);
    }
    hpo_sghmc_fini(&s);
}

/* With it, directions whose scales lie a factor of 1000 apart; then noisy gradients, with a step so short
 * that they bring less noise than is due. */
static void check_adapted(size_t n, double step, int noisy, int steps)
{
    enum { BURN = 5000 };
    static const double sd[] = {0.01, 1, 10}, centre[] = {0.05, -2, 30};
    double x[3] = {0}, g[3], sum[3] = {0}, square[3] = {0};
    hpo_sghmc s;
    hpo_error err;
    hpo_rng rng;
    t_rng r = {7};
    assert_ok(hpo_sghmc_init(&s, n, step, 0.05, &err), err);
    s.exact = !noisy;
    hpo_rng_init(&rng, 1, 2, 1000);
    for (int i = -BURN; i < steps; i++) {
        for (size_t k = 0; k < n; k++) {
            double gap = (x[k] - centre[k]) / sd[k];
            g[k] = gap / sd[k];
            if (noisy) g[k] += (t_uniform(&r) < 0.5 ? 1 : -1) / sd[k];
            if (i < 0) continue;
            sum[k] += gap / steps;
            square[k] += gap * gap / steps;
        }
        hpo_sghmc_step(&s, g, i < 0, &rng, x);
    }
    for (size_t k = 0; k < n; k++) {
        print_message("# noisy %d sd %g: mean %.3f, variance %.3f\n", noisy, sd[k], sum[k], square[k]);
        assert_near(sum[k], 0, 0, 0.2);
        assert_near(square[k] - sum[k] * sum[k], 1, 0.2, 0);
    }
    hpo_sghmc_fini(&s);
}

static void test_chain_adapts(void **state)
{
    (void)state;
    if (T_INSTRUMENTED) T_SKIP("long chains");
    check_adapted(3, 0.05, 0, 400000);
    check_adapted(2, 0.01, 1, 1000000);
}

/* ---- the layer ----------------------------------------------------------------------------------------- */

static double s_of(double x)
{
    return 1 / (1 + exp(-x));
}

/* The formulas as they stand in the head of lcnet_curve.c. */
static double mean_by_hand(const double *o, double t)
{
    double p[HPO_LCNET_THETA], w[HPO_LCNET_SHAPES], total = 0;
    for (int i = 0; i < HPO_LCNET_THETA; i++)
        p[i] = s_of(o[i]);
    for (int k = 0; k < HPO_LCNET_SHAPES; k++)
        total += w[k] = exp(o[HPO_LCNET_WEIGHT + k]);
    double phi[HPO_LCNET_SHAPES] = {
        exp(-p[0] - p[1] / 10 / t - p[2] / 10 * log(t)) - exp(-p[0] - p[1] / 10),
        p[3] * (pow(t, p[4]) - 1),
        2 * p[5] * (1 / (1 + exp(-p[7] * p[6] / 10)) - 1 / (1 + pow(t / exp(p[6] / 10), p[7]))),
        p[8] * (exp(-10 * p[9]) - exp(-10 * p[9] * t)),
        p[10] * (pow(t, p[11]) / (pow(p[12], p[11]) + pow(t, p[11])) - 1 / (pow(p[12], p[11]) + 1)),
    };
    double mean = s_of(o[HPO_LCNET_END]);
    for (int k = 0; k < HPO_LCNET_SHAPES; k++)
        mean += w[k] / total * phi[k];
    return mean;
}

static void test_layer(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(round, 200)) {
        double o[OUT], d[OUT], away[OUT], t = t_between(&r, 0.005, 1), z = t_uniform(&r), h = 1e-5;
        for (int i = 0; i < OUT; i++)
            o[i] = t_between(&r, -3, 3);
        hpo_lcnet_point p = hpo_lcnet_curve(o, t, log(t));
        assert_near(p.mean, mean_by_hand(o, t), 1e-12, 1e-13);
        assert_near(p.sd, s_of(o[HPO_LCNET_NOISE] - 3) + 1e-3, 1e-12, 0);
        assert_near(hpo_lcnet_curve(o, 1, 0).mean, s_of(o[HPO_LCNET_END]), 1e-14, 1e-15);
        double loss = hpo_lcnet_curve_loss(o, t, log(t), z, d);
        assert_near(loss, log(p.sd) + 0.5 * (z - p.mean) * (z - p.mean) / (p.sd * p.sd), 1e-12, 1e-12);
        for (int i = 0; i < OUT; i++) {
            double keep = o[i];
            o[i] = keep + h;
            double up = hpo_lcnet_curve_loss(o, t, log(t), z, away);
            o[i] = keep - h;
            double down = hpo_lcnet_curve_loss(o, t, log(t), z, away);
            o[i] = keep;
            assert_near(d[i], (up - down) / (2 * h), 1e-5, 1e-8 * (1 + fabs(loss)));
        }
    }
}

/* ---- the network --------------------------------------------------------------------------------------- */

static hpo_embed *make_embed(hpo_space **space)
{
    hpo_error err;
    hpo_embed *e;
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1; c: red, green, blue", space, &err), err);
    assert_ok(hpo_space_freeze(*space, &err), err);
    assert_ok(hpo_embed_create(*space, &e, &err), err);
    assert_int_equal(hpo_embed_n_dims(e), DIMS);
    return e;
}

/* Curves that fall by a power of time from a common start to an end that the configuration says, in units in
 * which the best is 0. */
static double end_of(const double *u)
{
    return 0.1 + 0.6 * (u[0] - 0.3) * (u[0] - 0.3) + 0.4 * fabs(u[1] - 0.6) + (u[2] > 0.6 ? 0.15 : 0);
}

static double curve_at(const double *u, double t)
{
    double left = pow(1 + 30 * t, -0.4 - 0.8 * u[0]), last = pow(31, -0.4 - 0.8 * u[0]);
    return end_of(u) + (0.9 - end_of(u)) * (left - last) / (1 - last);
}

enum { TRIALS = 60, TIMES = 10, MOST = TRIALS * TIMES };

typedef struct table {
    double u[MOST * DIMS], t[MOST], y[MOST];
    double config[2 * TRIALS * DIMS], last[TRIALS]; /* all trials, then as many that never ran */
    int whole[TRIALS];
    size_t n;
} table;

/* A third of the trials run to the end, the others stop at a fifth; noise of 0.01. */
static void fill(table *d, t_rng *r, size_t trials)
{
    d->n = 0;
    for (size_t i = 0; i < 2 * TRIALS; i++) {
        d->config[i * DIMS] = t_uniform(r);
        d->config[i * DIMS + 1] = t_uniform(r);
        d->config[i * DIMS + 2] = ((double)t_int(r, 0, 2) + 0.5) / 3;
    }
    for (size_t i = 0; i < trials; i++) {
        const double *u = d->config + i * DIMS;
        d->whole[i] = i % 3 == 0;
        for (int k = 1; k <= TIMES; k++) {
            double t = pow(0.01, 1 - k / (double)TIMES);
            if (!d->whole[i] && t > 0.2) break;
            double noise = 0.01 * (t_uniform(r) + t_uniform(r) + t_uniform(r) - 1.5) * 2;
            memcpy(d->u + d->n * DIMS, u, DIMS * sizeof *u);
            d->t[d->n] = t;
            d->y[d->n++] = d->last[i] = curve_at(u, t) + noise;
        }
    }
}

static hpo_lcnet_rows rows_of(const table *d)
{
    return (hpo_lcnet_rows){d->u, d->t, d->y, d->n};
}

static void test_gradients(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_error err;
    hpo_embed *e = make_embed(&space);
    hpo_lcnet *m;
    t_rng r = t_rng_create();
    static table d;
    fill(&d, &r, 6);
    assert_in_range(d.n, 33, 100); /* more than one batch */
    hpo_lcnet_rows rows = rows_of(&d);
    assert_ok(hpo_lcnet_create(e, 3, &m, &err), err);
    size_t p = hpo_lcnet_n_free(m);
    double *theta = calloc(2 * p, sizeof *theta), *g = theta + p, h = 1e-5, most = 0, up, down, value;
    assert_non_null(theta);
    memcpy(theta, hpo_lcnet_weights(m), p * sizeof *theta);
    for (size_t i = 0; i < p; i++)
        theta[i] += t_between(&r, -0.5, 0.5);
    assert_ok(hpo_lcnet_objective(m, &rows, theta, &value, g, &err), err);
    for (size_t i = 0; i < p; i++)
        most = fmax(most, fabs(g[i]));
    assert_true(isfinite(value) && most > 0.1);
    for (size_t i = 0; i < p; i++) {
        double keep = theta[i];
        theta[i] = keep + h;
        assert_ok(hpo_lcnet_objective(m, &rows, theta, &up, NULL, &err), err);
        theta[i] = keep - h;
        assert_ok(hpo_lcnet_objective(m, &rows, theta, &down, NULL, &err), err);
        theta[i] = keep;
        assert_near(g[i], (up - down) / (2 * h), 1e-5, 1e-6 * most);
    }
    free(theta);
    /* and that by the configuration, of a draw */
    assert_ok(hpo_lcnet_fit(m, &rows, 50, &err), err);
    for (size_t k = 0; k < hpo_lcnet_n_draws(m); k += 13) {
        double u[DIMS] = {0.2, 0.7, 0.5}, du[DIMS], one;
        value = hpo_lcnet_log_end_gradient(m, k, u, du);
        hpo_lcnet_log_ends(m, k, u, 1, &one);
        assert_near(one, value, 1e-12, 1e-12);
        assert_true(value < 0);
        for (size_t i = 0; i < 2; i++) {
            u[i] += h;
            hpo_lcnet_log_ends(m, k, u, 1, &up);
            u[i] -= 2 * h;
            hpo_lcnet_log_ends(m, k, u, 1, &down);
            u[i] += h;
            assert_near(du[i], (up - down) / (2 * h), 1e-5, 1e-7);
        }
    }
    hpo_lcnet_free(m);
    hpo_embed_free(e);
    hpo_space_free(space);
}

/* Ends of curves that stopped early: nearer than the last values; intervals hold them; and it says something
 * of configurations that never ran. */
static void test_ends(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_error err;
    hpo_embed *e = make_embed(&space);
    hpo_lcnet *m, *again;
    t_rng r = {12};
    static table d;
    double by_model = 0, by_last = 0, fresh = 0, spread = 0, mean = 0;
    size_t n = 0, held = 0, trials = T_INSTRUMENTED ? 20 : TRIALS;
    fill(&d, &r, trials);
    hpo_lcnet_rows rows = rows_of(&d);
    assert_ok(hpo_lcnet_create(e, 1, &m, &err), err);
    assert_ok(hpo_lcnet_create(e, 1, &again, &err), err);
    assert_int_equal(hpo_lcnet_n_draws(m), 0);
    for (int fit = 0; fit < 3; fit++) {
        assert_ok(hpo_lcnet_fit(m, &rows, 0, &err), err);
        assert_ok(hpo_lcnet_fit(again, &rows, 0, &err), err);
    }
    assert_same_doubles(hpo_lcnet_weights(m), hpo_lcnet_weights(again), hpo_lcnet_n_free(m));
    for (size_t i = 0; i < TRIALS; i++)
        mean += end_of(d.config + (TRIALS + i) * DIMS) / TRIALS;
    for (size_t i = 0; i < TRIALS; i++) {
        const double *u = d.config + (TRIALS + i) * DIMS;
        double gap = hpo_lcnet_predict(m, u, 1).mean - end_of(u);
        fresh += gap * gap;
        spread += (end_of(u) - mean) * (end_of(u) - mean);
    }
    for (size_t i = 0; i < trials; i++) {
        const double *u = d.config + i * DIMS;
        if (d.whole[i]) continue;
        hpo_lcnet_forecast f = hpo_lcnet_predict(m, u, 1);
        double gap = f.mean - end_of(u);
        n++;
        by_model += fabs(gap);
        by_last += fabs(d.last[i] - end_of(u));
        held += fabs(gap) < 1.645 * sqrt(f.var + f.noise);
    }
    print_message("# error %.4f, of last values %.4f; held %zu of %zu; unexplained of new ones %.3f\n",
                  by_model / (double)n, by_last / (double)n, held, n, fresh / spread);
    assert_true(by_model < 0.5 * by_last);
    assert_true(T_INSTRUMENTED || held >= n * 3 / 4);
    assert_true(T_INSTRUMENTED || fresh < 0.4 * spread);
    hpo_lcnet_free(m);
    hpo_lcnet_free(again);
    hpo_embed_free(e);
    hpo_space_free(space);
}

/* Far from data draws differ, and a value that is far out does not break the chain. */
static void test_unknown(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_error err;
    hpo_embed *e = make_embed(&space);
    hpo_lcnet *m;
    enum { N = 24 };
    double u[(N + 1) * DIMS], t[N + 1], y[N + 1];
    const double here[DIMS] = {0.15, 0.15, 0.5}, far[DIMS] = {0.95, 0.95, 0.9};
    t_rng r = {3};
    for (size_t i = 0; i <= N; i++) {
        u[i * DIMS] = t_between(&r, 0.1, 0.2);
        u[i * DIMS + 1] = t_between(&r, 0.1, 0.2);
        u[i * DIMS + 2] = 0.5;
        t[i] = i % 2 == 0 ? 1 : 0.5;
        y[i] = i == N ? 30 : t_between(&r, 0.39, 0.43);
    }
    hpo_lcnet_rows rows = {u, t, y, N};
    assert_ok(hpo_lcnet_create(e, 5, &m, &err), err);
    assert_ok(hpo_lcnet_fit(m, &rows, 0, &err), err);
    hpo_lcnet_forecast known = hpo_lcnet_predict(m, here, 1), unknown = hpo_lcnet_predict(m, far, 1);
    print_message("# %.3f +- %.3f, far %.3f +- %.3f\n", known.mean, sqrt(known.var), unknown.mean,
                  sqrt(unknown.var));
    assert_near(known.mean, 0.41, 0, 0.05);
    assert_true(unknown.var > 9 * known.var);
    rows.n = N + 1;
    assert_ok(hpo_lcnet_fit(m, &rows, 0, &err), err);
    assert_true(hpo_lcnet_n_draws(m) > 0 && isfinite(hpo_lcnet_predict(m, far, 0.01).mean));
    hpo_lcnet_free(m);
    hpo_embed_free(e);
    hpo_space_free(space);
}

static hpo_status make_and_fit(void *ctx, hpo_error *err)
{
    hpo_lcnet *m;
    const double u[2 * DIMS] = {0.1, 0.1, 0.5, 0.9, 0.2, 0.5}, t[2] = {1, 0.5}, y[2] = {0.3, 0.6};
    hpo_lcnet_rows rows = {u, t, y, 2};
    hpo_status s = hpo_lcnet_create(ctx, 1, &m, err);
    if (s == HPO_OK) s = hpo_lcnet_fit(m, &rows, 1, err);
    hpo_lcnet_free(m);
    return s;
}

static void test_memory(void **state)
{
    (void)state;
    hpo_space *space;
    hpo_embed *e = make_embed(&space);
    assert_true(t_oom(make_and_fit, e) > 4);
    hpo_embed_free(e);
    hpo_space_free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_closed_form),
        cmocka_unit_test(test_chain_adapts),
        cmocka_unit_test(test_layer),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
