/* SPDX-License-Identifier: Apache-2.0 */
/* acq/closed: values to 40 digits (computed with mpmath 1.3 from the definitions), published examples,
 * derivatives against differences, and integrals done a second way. */
#include "acq/acquisition.h"

#include "acq/closed.h"
#include "math/dist.h"
#include "math/func.h"
#include "t.h"

static void test_log_h(void **state)
{
    (void)state;
    static const double known[][2] = {
        {8.0, 2.079441541679835938},      {3.0, 1.098739665327707773},     {1.0, 0.08002621884930694003},
        {0.0, -0.9189385332046727418},    {-0.5, -1.620516264387319919},   {-0.99, -2.466114391669049382},
        {-1.0, -2.485121025712641337},    {-1.01, -2.504199857480256779},  {-3.0, -7.869686059603028517},
        {-5.0, -16.74430116266099014},    {-10.0, -55.55312203612235593},  {-24.9, -317.3584857426673791},
        {-25.0, -319.8614635814959543},   {-25.1, -322.3744098724640307},  {-37.5, -711.2947484475127223},
        {-40.0, -808.2985683566199602},   {-100.0, -5010.129578800249792}, {-300.0, -45012.32653681455421},
        {-1000.0, -500014.7344520911584}, {-1e4, -50000019.33961930716},   {-1e6, -500000000028.5499596},
        {-1e8, -5000000000000037.76},     {20.0, 2.995732273553990993}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_near(hpo_acq_log_h(known[i][0]), known[i][1], 1e-14, 0);
}

/* phi/h and Phi/h: h' = Phi by the ratio, phi + z Phi = h; continuous where the method changes. */
static void test_ratios(void **state)
{
    (void)state;
    for (double z = -400; z < 12; z += 0.37) {
        double p, c, q, d;
        hpo_acq__log_h(z, &p, &c);
        if (z > -30) assert_near(p + z * c, 1.0, 0, 1e-15 * (4 + 4 * z * z * z * z));
        double e = 1e-4 * fmax(1, fabs(z));
        assert_near(c, (hpo_acq_log_h(z + e) - hpo_acq_log_h(z - e)) / (2 * e), 3e-6, 1e-9);
        assert_near(hpo_acq__hazard(z), p / c, 1e-9, 1e-300);
        (void)q, (void)d;
    }
    for (int i = 0; i < 2; i++) {
        double at = i ? -25 : -1, p, c, q, d;
        double low = hpo_acq__log_h(nextafter(at, -100), &p, &c),
               high = hpo_acq__log_h(nextafter(at, 9), &q, &d);
        assert_near(low, high, 2e-15, 0);
        assert_near(p, q, 2e-13, 0);
        assert_near(c, d, 2e-13, 0);
    }
}

/* The worked examples of the literature: mean .30, sd .10, best .25. */
static void test_examples(void **state)
{
    (void)state;
    assert_near(hpo_exp(hpo_acq_log_pi(.30, .10, .25, NULL, NULL)), .308538, 0, 5e-7);
    assert_near(hpo_exp(hpo_acq_log_ei(.30, .10, .25, NULL, NULL)), .0197797, 0, 5e-8);
    assert_near(hpo_acq_log_ei(.30, .10, .25, NULL, NULL), -3.923101, 0, 5e-7);
    assert_near(-hpo_acq_lcb(.30, .10, 2, NULL, NULL), .10, 1e-15, 0);
    double minimum = 0;
    assert_near(hpo_acq_mes(1, 1, &minimum, 1, NULL, NULL), .3165538, 0, 5e-8);
    /* EI / cost and constrained EI are sums of logarithms */
    assert_near(hpo_exp(hpo_acq_log_ei(.30, .10, .25, NULL, NULL) - hpo_log(4)), .00494491, 0, 5e-9);
    assert_near(hpo_exp(hpo_acq_log_ei(.30, .10, .25, NULL, NULL) + hpo_acq_log_pi(.1, .2, 0, NULL, NULL)),
                .0061028, 0, 5e-8);
    assert_near(hpo_acq_log_ei(0.2327700568316559, sqrt(0.1203477871371649), -1.1, NULL, NULL),
                -12.21803675892492, 1e-14, 0);
}

static void test_entropy(void **state)
{
    (void)state;
    static const double known[][2] = {
        {-1e4, 2.264808345039857541},  {-100, 1.614287861244285649}, {-25.5, 1.297647601614162116},
        {-24.5, 1.286728966974847673}, {-5, 0.7413364385900698876},  {-0.5, -0.1158123698176545725},
        {0, -0.366512920581664327},    {1, -1.150262179808602076},   {5, -12.4283537025930008},
        {20, -198.6113782444492455},   {40, -797.9219578190667468},  {100, -4997.006715567763866}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double minimum = 0, value = hpo_acq_log_mes(known[i][0], 1, &minimum, 1, NULL, NULL);
        assert_near(value, known[i][1], 1e-13, 1e-13);
        /* units do not matter */
        double shifted = 3;
        assert_near(hpo_acq_log_mes(3 + 0.25 * known[i][0], 0.25, &shifted, 1, NULL, NULL), known[i][1],
                    1e-12, 1e-12);
    }
    double both[2] = {-1, 0.5}, mean = 0.2, sd = 0.7;
    assert_near(
        hpo_acq_mes(mean, sd, both, 2, NULL, NULL),
        (hpo_acq_mes(mean, sd, both, 1, NULL, NULL) + hpo_acq_mes(mean, sd, both + 1, 1, NULL, NULL)) / 2,
        1e-14, 0);
}

static void test_index(void **state)
{
    (void)state;
    static const struct {
        double mean, sd, lambda_cost, index;
    } known[] = {{0.3, 0.1, 0.01, 0.2097653652489965299},
                 {0.3, 0.1, 1e-30, -0.8047863636882254022},
                 {-2, 1.5, 4, 1.998220715860580304},
                 {0, 1e-3, 1e-9, -0.004424892300505839086},
                 {5, 2, 1000, 1005}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_near(-hpo_acq_pbgi(known[i].mean, known[i].sd, known[i].lambda_cost, NULL, NULL),
                    known[i].index, 1e-14, 1e-15);
    /* the definition, over many magnitudes */
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 2000)) {
        double mean = t_between(&r, -3, 3), sd = hpo_exp(t_between(&r, -12, 4));
        double target = hpo_exp(t_between(&r, -60, 12));
        double g = -hpo_acq_pbgi(mean, sd, target, NULL, NULL);
        double z = (g - mean) / sd; /* mean + sd z has lost eps |mean| / sd of z */
        assert_near(hpo_acq_log_ei(mean, sd, g, NULL, NULL), hpo_log(target), 1e-12,
                    1e-12 + 1e-15 * fabs(mean) / sd * (1 + fabs(z)));
    }
}

static void test_augmentation(void **state)
{
    (void)state;
    double d;
    assert_near(hpo_acq_log_augment(0.3, 0.4, &d), hpo_log(1 - 0.4 / 0.5), 1e-14, 0);
    assert_true(hpo_acq_log_augment(0.3, 0, &d) == 0 && d == 0);
    /* far below the noise: s^2 / (2 sigma^2), where the subtraction would give 0 */
    assert_near(hpo_acq_log_augment(1e-10, 1, NULL), hpo_log(0.5e-20), 1e-14, 0);
}

/* ---- derivatives ----------------------------------------------------------------------------------- */

enum { EI, PI, LCB, MES, LOG_MES, PBGI, AUGMENT, N_FORMS };

static double form(int which, double mean, double sd, double *dm, double *ds)
{
    static const double minima[3] = {-1.5, -0.4, -0.1};
    switch (which) {
    case EI:
        return hpo_acq_log_ei(mean, sd, 0.1, dm, ds);
    case PI:
        return hpo_acq_log_pi(mean, sd, 0.1, dm, ds);
    case LCB:
        return hpo_acq_lcb(mean, sd, 1.8, dm, ds);
    case MES:
        return hpo_acq_mes(mean, sd, minima, 3, dm, ds);
    case LOG_MES:
        return hpo_acq_log_mes(mean, sd, minima, 3, dm, ds);
    case PBGI:
        return hpo_acq_pbgi(mean, sd, 0.02, dm, ds);
    default:
        if (dm != NULL) *dm = 0;
        return hpo_acq_log_augment(sd, 0.3, ds);
    }
}

static void test_derivatives(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) {
        int which = (int)(i % N_FORMS);
        double mean = t_between(&r, -2, 6), sd = hpo_exp(t_between(&r, -4, 1)), dm, ds;
        form(which, mean, sd, &dm, &ds);
        double e = 1e-5 * sd;
        double by_mean =
            (form(which, mean + e, sd, NULL, NULL) - form(which, mean - e, sd, NULL, NULL)) / (2 * e);
        double by_sd =
            (form(which, mean, sd + e, NULL, NULL) - form(which, mean, sd - e, NULL, NULL)) / (2 * e);
        double noise = 1e-10 * (1 + fabs(form(which, mean, sd, NULL, NULL))) / sd;
        assert_near(dm, by_mean, 2e-6, noise);
        assert_near(ds, by_sd, 2e-6, noise);
    }
}

/* ---- knowledge gradient ----------------------------------------------------------------------------- */

/* E max_j (a_j + b_j Z) - max a by Simpson's rule on [-12, 12]. */
static double knowledge_by_quadrature(const double *a, const double *b, size_t m)
{
    enum { STEPS = 24000 };
    double top = a[0], sum = 0, h = 24.0 / STEPS;
    for (size_t j = 1; j < m; j++)
        top = fmax(top, a[j]);
    for (int i = 0; i <= STEPS; i++) {
        double z = -12 + i * h, best = a[0] + b[0] * z;
        for (size_t j = 1; j < m; j++)
            best = fmax(best, a[j] + b[j] * z);
        double w = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;
        sum += w * (best - top) * hpo_exp(hpo_normal_logpdf(z));
    }
    return sum * h / 3;
}

static void test_knowledge(void **state)
{
    (void)state;
    enum { MAX = 9 };
    double work[4 * MAX];
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 200)) {
        size_t m = (size_t)t_int(&r, 1, MAX);
        double a[MAX], b[MAX], da[MAX], db[MAX];
        for (size_t j = 0; j < m; j++) {
            a[j] = t_between(&r, -1, 1);
            b[j] = i % 3 == 0 ? (double)t_int(&r, -1, 1) : t_between(&r, -1, 1); /* parallel lines too */
        }
        assert_near(hpo_acq_knowledge(a, b, m, work), knowledge_by_quadrature(a, b, m), 1e-6, 1e-8);
        if (i % 3 == 0 || m < 2) continue;
        hpo_acq_log_knowledge(a, b, m, da, db, work);
        for (size_t j = 0; j < m; j++) {
            double e = 1e-6, a0 = a[j], b0 = b[j], up, down;
            a[j] = a0 + e;
            up = hpo_acq_log_knowledge(a, b, m, NULL, NULL, work);
            a[j] = a0 - e;
            down = hpo_acq_log_knowledge(a, b, m, NULL, NULL, work);
            a[j] = a0;
            assert_near(da[j], (up - down) / (2 * e), 1e-4, 1e-4);
            b[j] = b0 + e;
            up = hpo_acq_log_knowledge(a, b, m, NULL, NULL, work);
            b[j] = b0 - e;
            down = hpo_acq_log_knowledge(a, b, m, NULL, NULL, work);
            b[j] = b0;
            assert_near(db[j], (up - down) / (2 * e), 1e-4, 1e-4);
        }
    }
    /* two lines: s h(-|delta|/s), far in the tail too */
    double a[2] = {0, -40}, b[2] = {0, 1};
    assert_near(hpo_acq_log_knowledge(a, b, 2, NULL, NULL, work), hpo_acq_log_h(-40), 1e-14, 0);
    assert_true(hpo_acq_knowledge(a, b, 1, work) == 0); /* one line: nothing to learn */
}

static void test_limits(void **state)
{
    (void)state;
    double dm, ds;
    assert_near(hpo_acq_log_ei(1, 0, 3, &dm, &ds), hpo_log(2), 1e-15, 0);
    assert_near(dm, -0.5, 1e-15, 0);
    assert_true(hpo_acq_log_ei(3, 0, 1, &dm, &ds) == -HUGE_VAL && dm == 0 && ds == 0);
    assert_true(hpo_acq_log_pi(3, 0, 1, NULL, NULL) == -HUGE_VAL && hpo_acq_log_pi(1, 0, 3, NULL, NULL) == 0);
    assert_true(isnan(hpo_acq_log_ei((double)NAN, 1, 0, NULL, NULL)));
    assert_true(isfinite(hpo_acq_log_ei(1e150, 1, 0, &dm, &ds)) && isfinite(dm) && isfinite(ds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_h),       cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_examples),    cmocka_unit_test(test_entropy),
        cmocka_unit_test(test_index),       cmocka_unit_test(test_augmentation),
        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_knowledge),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
