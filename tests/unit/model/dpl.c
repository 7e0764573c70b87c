/* SPDX-License-Identifier: Apache-2.0 */
/* model/power_laws, model/dpl: the gradient against differences; power laws made to order from the beginnings
 * of curves; curves that cross; when a study's networks learn. */
#include "model/dpl.h"

#include "math/stats.h"
#include "model/power_laws.h"
#include "space/space.h"
#include "t.h"

enum { MOST = 60, DIMS = 2, LEVELS = 5 };

static const double levels[LEVELS] = {1, 3, 9, 27, 81};

static void make_rows(t_rng *r, size_t n, size_t n_in, double *x, double *ln_share, double *y)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_in; k++)
            x[i * n_in + k] = t_between(r, -1, 1);
        ln_share[i] = -t_between(r, 0, 4.4);
        y[i] = x[i * n_in] + (1 + x[i * n_in + 1]) * exp(-0.5 * ln_share[i]);
    }
}

static void test_gradient(void **state)
{
    (void)state;
    enum { N = 9, IN = 3 };
    hpo_error err;
    hpo_power_laws *m;
    t_rng r = t_rng_create();
    double x[N * IN], ln_share[N], y[N];
    for (T_ROUNDS(round, 4)) {
        size_t sizes[2], n = 0;
        assert_ok(hpo_power_laws_create(IN, N, (uint64_t)round, &m, &err), err);
        make_rows(&r, N, IN, x, ln_share, y);
        hpo_power_rows rows = {x, ln_share, y, N, 0};
        double *weights[2], *g, most = 0, h = 1e-6;
        for (int part = 0; part < 2; part++) {
            weights[part] = hpo_power_laws_weights(m, 2, part, &sizes[part]);
            n += sizes[part];
            for (size_t i = 0; i < sizes[part]; i++)
                weights[part][i] += t_between(&r, -0.3, 0.3);
        }
        g = calloc(n + 1, sizeof *g);
        assert_non_null(g);
        (void)hpo_power_laws_loss(m, 2, &rows, g);
        for (size_t i = 0; i < n; i++)
            most = fmax(most, fabs(g[i]));
        assert_true(most > 0.1);
        for (size_t i = 0; i < n; i++) {
            double *w = i < sizes[0] ? weights[0] + i : weights[1] + (i - sizes[0]), keep = *w;
            *w = keep + h;
            double up = hpo_power_laws_loss(m, 2, &rows, NULL);
            *w = keep - h;
            double down = hpo_power_laws_loss(m, 2, &rows, NULL);
            *w = keep;
            assert_near(g[i], (up - down) / (2 * h), 1e-5, 1e-6 * most);
        }
        free(g);
        hpo_power_laws_free(m);
    }
}

/* Configurations seen up to a third of the full resource: what is left of the curve follows. */
static void test_recovers_power_laws(void **state)
{
    (void)state;
    enum { N = 24, PER = 4, IN = 2 };
    hpo_error err;
    hpo_power_laws *m;
    t_rng r = {8};
    double x[N * PER * IN], ln_share[N * PER], y[N * PER], mean[N * PER], var[N * PER], error = 0,
                                                                                        alpha_error = 0;
    for (size_t i = 0; i < N; i++) {
        double a = t_between(&r, -1, 1), b = t_between(&r, -1, 1);
        for (size_t k = 0; k < PER; k++) {
            size_t at = i * PER + k;
            x[at * IN] = a;
            x[at * IN + 1] = b;
            ln_share[at] = (double)k * log(3) - log(81);
            y[at] = 0.2 + 0.1 * a + (0.1 + 0.03 * b) * exp(-0.5 * ln_share[at]);
        }
    }
    assert_ok(hpo_power_laws_create(IN, N * PER, 1, &m, &err), err);
    hpo_power_rows rows = {x, ln_share, y, N * PER, 0};
    hpo_power_laws_train(m, &rows, 2000, SIZE_MAX, 1);
    hpo_power_laws_moments(m, x, 0, N * PER, mean, var);
    for (size_t k = 0; k < HPO_POWER_MEMBERS; k++) {
        double p[N * PER * 3];
        hpo_power_laws_parameters(m, k, x, N * PER, p);
        for (size_t i = 0; i < N * PER; i++)
            alpha_error += fabs(p[i * 3] - (0.2 + 0.1 * x[i * IN])) / (N * PER * HPO_POWER_MEMBERS);
    }
    for (size_t i = 0; i < N * PER; i++)
        error += fabs(mean[i] - (0.3 + 0.1 * x[i * IN] + 0.03 * x[i * IN + 1])) / (N * PER);
    print_message("# error of the end %.4f, of alpha %.4f\n", error, alpha_error);
    assert_true(error < 0.02 && alpha_error < 0.05);
    hpo_power_laws_free(m);
}

/* ---- a study of power laws ----------------------------------------------------------------------------- */

typedef struct world {
    hpo_space *space;
    hpo_embed *embed;
    hpo_dpl *model;
    double u[MOST * DIMS];
} world;

static void world_open(world *w, uint64_t seed)
{
    hpo_error err;
    t_rng r = {11};
    assert_ok(hpo_space_parse("a: 0..1; b: 0..1", &w->space, &err), err);
    assert_ok(hpo_space_freeze(w->space, &err), err);
    assert_ok(hpo_embed_create(w->space, &w->embed, &err), err);
    assert_ok(hpo_dpl_create(w->embed, levels, LEVELS, seed, &w->model, &err), err);
    for (size_t i = 0; i < MOST * DIMS; i++)
        w->u[i] = t_uniform(&r);
}

static void world_close(world *w)
{
    hpo_dpl_free(w->model);
    hpo_embed_free(w->embed);
    hpo_space_free(w->space);
}

/* alpha + beta b^-gamma; what begins well ends badly: the curves cross. */
static double curve(const double *u, double step)
{
    return 0.1 + 0.5 * u[0] + (0.02 + 0.1 * (1 - u[0]) * (0.5 + u[1])) * pow(step / 81, -0.6);
}

static void run_to(world *w, size_t trial, size_t n_levels)
{
    hpo_error err;
    for (size_t k = 0; k < n_levels; k++)
        assert_ok(
            hpo_dpl_report(w->model, trial, levels[k], curve(w->u + trial * DIMS, levels[k]), w->u, &err),
            err);
}

static void test_forecasts(void **state)
{
    (void)state;
    world w;
    uint32_t who[MOST];
    double mean[MOST], var[MOST], last[MOST], end[MOST], error = 0, spread = 0;
    world_open(&w, 1);
    assert_int_equal(hpo_dpl_ready(w.model), 0);
    for (size_t i = 0; i < MOST; i++) {
        run_to(&w, i, i % 12 == 0 ? 5 : i % 3 == 0 ? 3 : 2);
    }
    assert_true(hpo_dpl_ready(w.model));
    size_t n = 0;
    for (uint32_t i = 0; i < MOST; i++)
        if (i % 12 != 0) who[n++] = i;
    hpo_dpl_forecast(w.model, w.u, who, n, mean, var);
    const hpo_transform *t = hpo_dpl_transform(w.model);
    for (size_t i = 0; i < n; i++) {
        mean[i] = hpo_transform_invert(t, mean[i]);
        end[i] = curve(w.u + who[i] * DIMS, 81);
        last[i] = curve(w.u + who[i] * DIMS, who[i] % 3 == 0 ? 9 : 3);
        error += fabs(mean[i] - end[i]) / (double)n;
        spread += fabs(end[i] - 0.4) / (double)n;
        assert_true(var[i] > 0);
    }
    size_t order[MOST];
    double rank_mean[MOST], rank_last[MOST], rank_end[MOST];
    hpo_ranks(mean, n, order, rank_mean);
    hpo_ranks(last, n, order, rank_last);
    hpo_ranks(end, n, order, rank_end);
    double by_mean = hpo_correlation(rank_mean, rank_end, n),
           by_last = hpo_correlation(rank_last, rank_end, n);
    print_message("# error %.3f of %.3f; rank correlation %.3f, of last values %.3f\n", error, spread,
                  by_mean, by_last);
    assert_true(by_mean > 0.85 && by_mean > by_last + 0.5);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_recovers_power_laws),
        cmocka_unit_test(test_forecasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
