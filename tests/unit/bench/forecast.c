/* SPDX-License-Identifier: Apache-2.0 */
/* Forecasts measured on curves made to order: what is easy is forecast well, what has no curves is refused.
 */
#include "t.h"

#include "bench/forecast.h"

static void test_power(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *p;
    hpo_forecast_row rows[HPO_FORECAST_SHARES], again[HPO_FORECAST_SHARES];
    if (T_INSTRUMENTED) return;
    assert_ok(hpo_problem_open("curves-power-i01", NULL, &p, &err), err);
    assert_ok(hpo_forecast_measure(p, 8, 20, 2, 5, rows, &err), err);
    for (size_t i = 0; i < HPO_FORECAST_SHARES; i++) {
        const hpo_forecast_row *r = &rows[i];
        assert_int_equal(r->n, 20);
        assert_int_equal(r->n_ensemble, 2);
        assert_true(r->error[HPO_FORECAST_BANK] < r->error[HPO_FORECAST_LAST]);
        assert_true(r->covered[HPO_FORECAST_BANK] >= .7 && isnan(r->covered[HPO_FORECAST_LAST]));
        if (i > 0) assert_true(r->rank[HPO_FORECAST_BANK] > .8 && r->rank[HPO_FORECAST_COUPLED] > .8);
        if (i > 0) assert_true(r->width[HPO_FORECAST_BANK] < rows[i - 1].width[HPO_FORECAST_BANK]);
    }
    assert_ok(hpo_forecast_measure(p, 8, 20, 2, 5, again, &err), err);
    assert_same_doubles(rows[0].error, again[0].error, HPO_N_FORECASTERS);
    hpo_problem_free(p);
}

static void test_refusal(void **state)
{
    (void)state;
    hpo_error err;
    hpo_problem *p;
    hpo_forecast_row rows[HPO_FORECAST_SHARES];
    assert_ok(hpo_problem_open("mf-branin", NULL, &p, &err), err);
    assert_fails(hpo_forecast_measure(p, 5, 5, 0, 1, rows, &err), HPO_EINVAL, err, "learning curves");
    hpo_problem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_power), cmocka_unit_test(test_refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
