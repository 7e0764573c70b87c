/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions against published values, closed forms and identities.
 *
 * Tables: mpmath 1.2.1 (Debian python3-mpmath) with 50 digits, by the expression above each; the tables of
 * scipy 1.10.1 (python3-scipy) say so and are compared more loosely, because scipy itself errs by up to 2e-10
 * there. */
#include "math/dist.h"
#include "math/func.h"
#include "math/rng.h"
#include "t.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- normal --------------------------------------------------------------------------------- */

static void test_normal_values(void **state)
{
    (void)state;
    /* log(erfc(-z/sqrt(2))/2) */
    static const double logcdf[][2] = {
        {-1e8, -5000000000000019.3},   {-1e5, -5000000012.431864},  {-1e3, -500007.8266948122},
        {-40, -804.6084420137539},     {-20, -203.9171553710973},   {-5, -15.064998393988727},
        {-1, -1.841021645009264},      {-0.1, -0.7761545927302731}, {0, -0.6931471805599453},
        {0.5, -0.3689464152886563},    {3, -0.001350809964748193},  {8, -6.2209605742717861e-16},
        {20, -2.7536241186062337e-89},
    };
    for (size_t i = 0; i < COUNT(logcdf); i++)
        assert_near(hpo_normal_logcdf(logcdf[i][0]), logcdf[i][1], 4e-16, 0);
    /* the root of log(erfc(-z/sqrt(2))/2) = log(p) */
    static const double quantile[][2] = {
        {1e-300, -37.0470962993612}, {1e-100, -21.273453560965322}, {1e-20, -9.262340089798409},
        {1e-5, -4.264890793922825},  {0.01, -2.3263478740408408},   {0.25, -0.6744897501960817},
        {0.4, -0.2533471031357997},  {0.6, 0.2533471031357997},     {0.9, 1.2815515655446004},
        {0.999, 3.090232306167813},
    };
    for (size_t i = 0; i < COUNT(quantile); i++)
        assert_near(hpo_normal_quantile(quantile[i][0]), quantile[i][1], 5e-16, 0);
    assert_true(hpo_normal_quantile(0.5) == 0);
    assert_true(hpo_normal_quantile(0) == -HUGE_VAL && hpo_normal_quantile(1) == HUGE_VAL);
    assert_true(isnan(hpo_normal_quantile(-0.1)) && isnan(hpo_normal_quantile(1.1)) &&
                isnan(hpo_normal_quantile((double)NAN)));
    assert_true(hpo_normal_cdf(-HUGE_VAL) == 0 && hpo_normal_cdf(HUGE_VAL) == 1 && hpo_normal_cdf(0) == 0.5);
    assert_true(hpo_normal_logcdf(-HUGE_VAL) == -HUGE_VAL && hpo_normal_logcdf(HUGE_VAL) == 0);
    assert_true(isnan(hpo_normal_cdf((double)NAN)) && isnan(hpo_normal_logcdf((double)NAN)));
    assert_near(hpo_normal_logpdf(0), -0.9189385332046728, 2e-16, 0);
    assert_near(hpo_normal_logpdf(3), -5.418938533204673, 2e-16, 0);
}

static void test_normal_against_long_double(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 100000)) {
        double z = t_between(&r, -38, 9);
        long double p = 0.5L * erfcl(-(long double)z * 0.707106781186547524400844362104849039L);
        assert_near(hpo_normal_cdf(z), (double)p, 6e-16, 5e-324);
        assert_near(
            hpo_normal_logcdf(z),
            (double)(z > 0 ? log1pl(-0.5L * erfcl((long double)z * 0.707106781186547524400844362104849039L))
                           : logl(p)),
            1e-15, 0);
    }
}

/* The quantile solves cdf(z) = p: the residual, divided by the slope, is the error of z. */
static void test_normal_quantile_inverts(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    double worst = 0;
    for (T_ROUNDS(i, 50000)) {
        double p = i % 2 ? exp(t_between(&r, -744, -0.7)) : t_between(&r, 0, 1);
        if (p < 1e-307 || p >= 1) continue; /* subnormal p has fewer digits */
        double z = hpo_normal_quantile(p);
        if (fabs(z) < 1e-3) continue;
        long double q = 0.5L * erfcl(-(long double)z * 0.707106781186547524400844362104849039L);
        long double density =
            0.398942280401432677939946059934381868L * expl(-0.5L * (long double)z * (long double)z);
        double error = (double)fabsl((q - (long double)p) / density / (long double)z);
        if (error > worst) worst = error;
        assert_near(hpo_normal_quantile(1 - p), -hpo_normal_quantile(1 - (1 - p)), 1e-15, 0);
    }
    print_message("# quantile: relative error %.2g\n", worst);
    assert_true(worst < 1e-15);
    for (T_ROUNDS(i, 20000)) {
        double logp = -exp(t_between(&r, -36, 60));
        double z = hpo_normal_quantile_log(logp);
        /* what one ulp of z does to log p */
        double slope = exp(hpo_normal_logpdf(z) - hpo_normal_logcdf(z));
        if (z < -30) slope = -z;
        assert_near(hpo_normal_logcdf(z), logp, 1e-15, 1e-15 * fabs(z * slope) + 5e-324);
    }
    assert_true(hpo_normal_quantile_log(-HUGE_VAL) == -HUGE_VAL && hpo_normal_quantile_log(0) == HUGE_VAL);
    assert_true(isnan(hpo_normal_quantile_log(0.1)));
    assert_near(hpo_normal_quantile_log(-1e307), -4.47213595499958e153, 1e-15, 0);
    assert_near(hpo_normal_quantile_log(-700), -37.295079632647417, 1e-15, 0);
    assert_near(hpo_normal_quantile_log(-700.0000001), -37.295079635326811, 1e-15, 0);
}

static void test_lognormal(void **state)
{
    (void)state;
    assert_near(hpo_lognormal_cdf(1, 0, 1), 0.5, 1e-16, 0);
    assert_near(hpo_lognormal_quantile(0.9, -1, 0.5), exp(-1 + 0.5 * 1.2815515655446004), 1e-15, 0);
    double z = (log(2) - 0.3) / 0.7;
    assert_near(hpo_lognormal_logpdf(2, 0.3, 0.7), -0.5 * z * z - 0.9189385332046728 - log(0.7) - log(2),
                1e-15, 0);
    assert_true(hpo_lognormal_logpdf(0, 0, 1) == -HUGE_VAL && hpo_lognormal_cdf(-1, 0, 1) == 0);
    assert_true(hpo_lognormal_quantile(0, 0, 1) == 0 && hpo_lognormal_quantile(1, 0, 1) == HUGE_VAL);
}

/* ---- truncated normal ------------------------------------------------------------------------- */

/* integral of exp(-alpha u - u^2/2) over [0, t] by the midpoint rule with Romberg's extrapolation */
static long double reference_mass(long double alpha, long double t)
{
    long double table[16];
    for (int k = 0; k < 14; k++) {
        int n = 1 << k;
        long double h = t / n, s = 0;
        for (int i = 0; i < n; i++) {
            long double u = (i + 0.5L) * h;
            s += expl(-u * (alpha + 0.5L * u));
        }
        table[k] = s * h;
        long double f = 4;
        for (int j = k - 1; j >= 0; j--, f *= 4)
            table[j] = table[j + 1] + (table[j + 1] - table[j]) / (f - 1);
        if (k > 4 && fabsl(table[0] - table[1]) < 1e-18L * fabsl(table[0])) break;
    }
    return table[0];
}

static void test_truncnorm_against_quadrature(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 600)) {
        double mu = t_between(&r, -3, 3), sd = exp(t_between(&r, -3, 2));
        double alpha = t_between(&r, -45, 45), width = exp(t_between(&r, -12, 1.5));
        if (i % 3 == 0) alpha = -width * t_uniform(&r); /* around the mean */
        double a = mu + sd * alpha, b = a + sd * width, x = a + (b - a) * t_between(&r, 0.01, 0.99);
        if (!(a < x && x < b)) continue;
        long double la = (long double)a, lsd = (long double)sd, za = (la - (long double)mu) / lsd,
                    t = ((long double)x - la) / lsd;
        long double whole = reference_mass(za, ((long double)b - la) / lsd), left = reference_mass(za, t);
        /* (a - mu)/sd is rounded by 1e-16 of itself, which moves the slope of the density by as much */
        double loose = 3e-15 * (1 + fabs(alpha) * width);
        double p = hpo_truncnorm_cdf(x, mu, sd, a, b), l = hpo_truncnorm_logpdf(x, mu, sd, a, b);
        assert_near(p, (double)(left / whole), loose, 0);
        assert_near(l, (double)(-t * (za + 0.5L * t) - logl(whole * lsd)), 2e-15, loose);
        double back = hpo_truncnorm_quantile(p, mu, sd, a, b);
        assert_near(back, x, 0, 2e-15 * (fabs(a) + fabs(b) + fabs(mu)) + 3e-15 / exp(l));
    }
}

/* scipy: d = scipy.stats.truncnorm((a-mu)/sd, (b-mu)/sd, mu, sd); d.cdf(x), d.logpdf(x) (good to 1e-12) */
static void test_truncnorm_values(void **state)
{
    (void)state;
    static const double rows[][7] = {
        {0.5, 0.0, 1.0, -1.0, 2.0, 0.6508804213366272, -0.84377223888021},
        {1.5, 0.3, 0.2, 1.0, 2.0, 0.9999957589668512, -8.943435312426436},
        {40.01, 0.0, 1.0, 40.0, 41.0, 0.3298807901962418, 3.2894534805492412},
        {-35.2, 0.0, 1.0, -36.0, -35.0, 0.0008887551267674778, -3.463837271282273},
        {5.1, 0.0, 1.0, 5.0, HUGE_VAL, 0.40754994085177515, 1.1410598607840559},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const double *v = rows[i];
        assert_near(hpo_truncnorm_cdf(v[0], v[1], v[2], v[3], v[4]), v[5], 2e-11, 0);
        assert_near(hpo_truncnorm_logpdf(v[0], v[1], v[2], v[3], v[4]), v[6], 1e-12, 0);
        assert_near(hpo_truncnorm_quantile(v[5], v[1], v[2], v[3], v[4]), v[0], 1e-11, 0);
    }
}

static void test_truncnorm_edges(void **state)
{
    (void)state;
    /* without bounds it is the normal */
    t_rng r = t_rng_create();
    for (int i = 0; i < 1000; i++) {
        double x = t_between(&r, -8, 8), p = t_uniform(&r);
        assert_near(hpo_truncnorm_cdf(x, 0, 1, -HUGE_VAL, HUGE_VAL), hpo_normal_cdf(x), 2e-15, 0);
        assert_near(hpo_truncnorm_logpdf(x, 0, 1, -HUGE_VAL, HUGE_VAL), hpo_normal_logpdf(x), 1e-15, 1e-15);
        if (p > 0)
            assert_near(hpo_truncnorm_quantile(p, 0, 1, -HUGE_VAL, HUGE_VAL), hpo_normal_quantile(p), 1e-14,
                        1e-15);
        /* mirror image */
        double q = hpo_truncnorm_quantile(p, 1, 2, 3, 9), m = hpo_truncnorm_quantile(1 - p, -1, 2, -9, -3);
        assert_near(m, -q, 4e-15, 0);
    }
    /* out of the interval, at its ends, far beyond anything */
    assert_true(hpo_truncnorm_cdf(-2, 0, 1, -1, 1) == 0 && hpo_truncnorm_cdf(2, 0, 1, -1, 1) == 1);
    assert_true(hpo_truncnorm_logpdf(-2, 0, 1, -1, 1) == -HUGE_VAL);
    assert_true(hpo_truncnorm_quantile(0, 0, 1, -1, 1) == -1 && hpo_truncnorm_quantile(1, 0, 1, -1, 1) == 1);
    assert_true(isnan(hpo_truncnorm_quantile(1.5, 0, 1, -1, 1)));
    static const double far[] = {1e3, 1e6, 1e8, 1e15, 1e150};
    for (size_t i = 0; i < COUNT(far); i++) {
        double x = hpo_truncnorm_quantile(0.5, 0, 1, far[i], HUGE_VAL);
        assert_true(x >= far[i] && x <= far[i] + 1);
        assert_near((x - far[i]) * far[i], log(2), 1e-4, 2 * far[i] * (nextafter(far[i], HUGE_VAL) - far[i]));
        assert_true(hpo_truncnorm_quantile(0.5, 0, 1, -HUGE_VAL, -far[i]) == -x);
        assert_true(isfinite(hpo_truncnorm_logpdf(x, 0, 1, far[i], HUGE_VAL)));
    }
    /* a nearly flat density: the uniform distribution */
    assert_near(hpo_truncnorm_cdf(0.3, 0.5, 1e6, 0, 1), 0.3, 1e-11, 0);
    assert_near(hpo_truncnorm_quantile(0.3, 0.5, 1e6, 0, 1), 0.3, 1e-9, 0);
    assert_near(hpo_truncnorm_logpdf(0.3, 0.5, 1e6, 0, 1), 0, 0, 1e-9);
}

/* ---- gamma, chi-squared ------------------------------------------------------------------------ */

static void test_gamma_values(void **state)
{
    (void)state;
    /* a, x, gammainc(a, 0, x, regularized=True), gammainc(a, x, inf, regularized=True) */
    static const double rows[][4] = {
        {0.1, 0.01, 0.6626212599544796, 0.3373787400455204},
        {0.5, 2.0, 0.9544997361036415, 0.045500263896358414},
        {1.0, 1.0, 0.6321205588285577, 0.36787944117144245},
        {3.3, 0.7, 0.020513378677122704, 0.9794866213228773},
        {10.0, 25.0, 0.9997785233617512, 0.0002214766382487835},
        {100.0, 90.0, 0.15822098918643017, 0.84177901081357},
        {1000.0, 1100.0, 0.9989406767460701, 0.0010593232539299773},
        {1e5, 99500.0, 0.056741823212792263, 0.9432581767872077},
        {1e-5, 1e-3, 0.9999366865285939, 6.3313471405293549e-05},
        {1e-8, 0.5, 0.9999999944022632, 5.5977359770995871e-09},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_near(hpo_gamma_p(rows[i][0], rows[i][1]), rows[i][2], 1e-14, 0);
        assert_near(hpo_gamma_q(rows[i][0], rows[i][1]), rows[i][3], 1e-14, 0);
    }
    /* p, a, the root of log P = log p; the last by scipy.special.gammaincinv(a, p) */
    static const double inverse[][3] = {
        {1e-10, 0.5, 7.85398163397448e-21},    {0.01, 0.1, 6.073048362407912e-21},
        {0.5, 2.5, 2.175730095547763},         {0.9, 50.0, 59.24900190553106},
        {1e-300, 10.0, 4.528728688116759e-30}, {0.999, 1e4, 10311.875224539537},
    };
    for (size_t i = 0; i < COUNT(inverse); i++)
        assert_near(hpo_gamma_quantile(inverse[i][0], inverse[i][1]), inverse[i][2], 2e-14, 0);
    assert_true(hpo_gamma_p(2, 0) == 0 && hpo_gamma_q(2, 0) == 1 && hpo_gamma_p(2, HUGE_VAL) == 1);
    assert_true(isnan(hpo_gamma_p(-1, 1)) && isnan(hpo_gamma_p(1, (double)NAN)));
    assert_true(hpo_gamma_quantile(0, 3) == 0 && hpo_gamma_quantile(1, 3) == HUGE_VAL &&
                isnan(hpo_gamma_quantile(2, 3)));
    /* critical values of every textbook, e.g. A&S table 26.8 */
    assert_near(hpo_chi2_quantile(0.95, 1), 3.841458820694124, 1e-14, 0);
    assert_near(hpo_chi2_quantile(0.95, 10), 18.307038053275146, 1e-14, 0);
    assert_near(hpo_chi2_quantile(0.01, 100), 70.06489492539978, 1e-14, 0);
    assert_near(hpo_chi2_cdf(2, 2), 1 - exp(-1), 1e-15, 0);
}

static void test_gamma_closed_forms(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 5000)) {
        double x = exp(t_between(&r, -20, 6));
        assert_near(hpo_gamma_p(0.5, x * x), erf(x), 4e-15, 0); /* A&S 6.5.16 */
        if (x < 26) assert_near(hpo_gamma_q(0.5, x * x), erfc(x), 2e-13, 1e-300);
        assert_near(hpo_gamma_p(1, x), -expm1(-x), 4e-15, 0);
        /* Q(n, x) is a Poisson sum */
        int n = (int)t_int(&r, 2, 30);
        double term = 1, sum = 1;
        for (int k = 1; k < n; k++)
            sum += term *= x / k;
        if (x < 600) assert_near(hpo_gamma_q(n, x), exp(-x) * sum, 5e-14, 1e-15);
        /* recurrence P(a, x) - P(a + 1, x) = x^a e^-x / Gamma(a + 1), A&S 6.5.21 */
        double a = exp(t_between(&r, -4, 9)), y = a * exp(t_between(&r, -1, 1));
        double d = exp(a * log(y) - y - lgamma(a + 1));
        assert_near(hpo_gamma_p(a, y) - hpo_gamma_p(a + 1, y), d, 1e-9, 4e-14);
        assert_near(hpo_gamma_p(a, y) + hpo_gamma_q(a, y), 1, 4e-16, 0);
    }
}

static void test_gamma_quantile_inverts(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) {
        double a = exp(t_between(&r, -7, 12)), p = i % 2 ? t_uniform(&r) : exp(t_between(&r, -600, 0));
        double x = hpo_gamma_quantile(p, a);
        if (x < 1e-300) continue;
        /* relative error of x times the slope of log P in log x */
        double tolerance = 1e-13 + 2e-15 * (a + sqrt(a) * 40);
        if (p <= 0.5) {
            assert_near(hpo_gamma_p(a, x), p, tolerance, 0);
        } else {
            assert_near(hpo_gamma_q(a, x), 1 - p, tolerance, 0);
        }
    }
}

/* ---- beta, Student ----------------------------------------------------------------------------- */

static void test_beta_values(void **state)
{
    (void)state;
    /* x, a, b, betainc(a, b, 0, x, regularized=True) */
    static const double rows[][4] = {
        {0.1, 0.5, 0.5, 0.2048327646991335},
        {0.3, 2.0, 5.0, 0.579825},
        {0.999, 10.0, 0.3, 0.7236305864295747},
        {1e-10, 0.01, 3.0, 0.8062828746552854},
        {0.5, 100.0, 100.0, 0.5},

        {0.2, 1.5, 1e-3, 6.802912596513169e-05},
        {1e-6, 5.0, 1e6, 0.0036598851482650916},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_near(hpo_beta_cdf(rows[i][0], rows[i][1], rows[i][2]), rows[i][3], 2e-13, 0);
    /* p, a, b, the root of log I = log p; the last by scipy.special.betaincinv(a, b, p) */
    static const double inverse[][4] = {
        {0.01, 0.5, 0.5, 0.0002467198171342215},  {0.3, 2.0, 5.0, 0.18180347131894917},
        {0.9, 10.0, 3.0, 0.9043470944313959},     {1e-10, 2.0, 3.0, 4.082494015808332e-06},
        {0.5, 100.0, 120.0, 0.45440746464551285}, {1e-30, 1e4, 1e4, 0.4595345420645621},
    };
    for (size_t i = 0; i < COUNT(inverse); i++)
        assert_near(hpo_beta_quantile(inverse[i][0], inverse[i][1], inverse[i][2]), inverse[i][3], 1e-13, 0);
    assert_true(hpo_beta_cdf(0, 2, 3) == 0 && hpo_beta_cdf(1, 2, 3) == 1 && hpo_beta_cdf(-1, 2, 3) == 0);
    assert_true(isnan(hpo_beta_cdf(0.5, 0, 1)) && isnan(hpo_beta_quantile(0.5, -1, 1)));
    assert_true(hpo_beta_quantile(0, 2, 3) == 0 && hpo_beta_quantile(1, 2, 3) == 1);
    assert_near(hpo_beta_logpdf(0.3, 2, 5), log(30 * 0.3 * 0.7 * 0.7 * 0.7 * 0.7), 1e-14, 0);
    assert_true(hpo_beta_logpdf(0, 2, 5) == -HUGE_VAL && hpo_beta_logpdf(0, 0.5, 5) == HUGE_VAL);
    assert_near(hpo_beta_logpdf(0, 1, 5), log(5), 1e-15, 0);
    assert_near(hpo_beta_logpdf(1, 5, 1), log(5), 1e-15, 0);
}

static void test_beta_closed_forms(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 5000)) {
        double x = t_between(&r, 0, 1), a = exp(t_between(&r, -5, 8)), b = exp(t_between(&r, -5, 8));
        assert_near(hpo_beta_cdf(x, a, 1), pow(x, a), 5e-14 + 2e-15 * fabs(a * log(x)), 0);
        assert_near(hpo_beta_cdf(x, 1, b), -expm1(b * log1p(-x)), 5e-14, 0);
        assert_near(hpo_beta_cdf(x, 0.5, 0.5), 2 / 3.141592653589793 * asin(sqrt(x)), 1e-14,
                    0);   /* arcsine law */
        double y = 1 - x; /* A&S 26.5.2; y is exact for x >= 1/2 only */
        assert_near(hpo_beta_cdf(1 - y, a, b) + hpo_beta_cdf(y, b, a), 1, 1e-13, 0);
        /* binomial sum, A&S 26.5.24: sum_{k=i}^n C(n,k) x^k y^(n-k) = I_x(i, n - i + 1) */
        int n = (int)t_int(&r, 1, 40), k0 = (int)t_int(&r, 1, n);
        double sum = 0;
        for (int k = k0; k <= n; k++)
            sum += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(x) + (n - k) * log1p(-x));
        assert_near(hpo_beta_cdf(x, k0, n - k0 + 1), sum, 2e-13, 1e-300);
    }
}

static void test_beta_quantile_inverts(void **state)
{
    (void)state;
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) {
        double a = exp(t_between(&r, -4, 10)), b = exp(t_between(&r, -4, 10));
        double p = i % 2 ? t_uniform(&r) : exp(t_between(&r, -300, 0)), x = hpo_beta_quantile(p, a, b);
        if (x < 1e-300 || x > 1 - 1e-10) continue;      /* 1 - x has lost its digits */
        double density = exp(hpo_beta_logpdf(x, a, b)); /* error of p for one rounding of x */
        assert_near(hpo_beta_cdf(x, a, b), p, 1e-12, 4e-16 * x * density + 1e-15);
    }
}

static void test_student(void **state)
{
    (void)state;
    /* t, df, betainc(df/2, 1/2, 0, df/(df + t^2), regularized=True)/2 or 1 minus it */
    static const double rows[][3] = {
        {-1, 1, 0.25},
        {2, 3.5, 0.9369307387120432},
        {-50, 3.5, 2.009542223849108e-06},
        {-3, 30, 0.0026949820328259733},
        {0.001, 7, 0.5003849913775006},
        {-1e10, 2, 5e-21},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_near(hpo_student_cdf(rows[i][0], rows[i][1]), rows[i][2], 2e-14, 0);
    /* p, df, its root; the first two are in every table (A&S 26.10) */
    static const double inverse[][3] = {
        {0.975, 1, 12.706204736174693},
        {0.975, 4, 2.7764451051977935},
        {0.001, 0.5, -102849.11563017555},
        {1e-10, 10, -25.466008021697726},
    };
    for (size_t i = 0; i < COUNT(inverse); i++)
        assert_near(hpo_student_quantile(inverse[i][0], inverse[i][1]), inverse[i][2], 1e-14, 0);
    t_rng r = t_rng_create();
    for (T_ROUNDS(i, 3000)) {
        double p = i % 2 ? t_uniform(&r) : exp(t_between(&r, -300, -0.7));
        double z = t_between(&r, -50, 50), df = exp(t_between(&r, -3, 14));
        assert_near(hpo_student_cdf(z, 1), 0.5 + atan(z) / 3.141592653589793, 1e-13, 1e-16); /* Cauchy */
        assert_near(hpo_student_cdf(z, 2), 0.5 + z / (2 * sqrt(2 + z * z)), 1e-13, 2e-16);
        assert_near(hpo_student_cdf(-z, df) + hpo_student_cdf(z, df), 1, 1e-15, 0);
        double t = hpo_student_quantile(p, df);
        if (fabs(t) > 1e250 || p < 1e-300) continue;
        if (p < 0.5) assert_near(hpo_student_cdf(t, df), p, 1e-11, 0);
        assert_near(hpo_student_quantile(0.25, df), -hpo_student_quantile(0.75, df), 1e-14, 0);
    }
    for (double df = 1e11; df < 1e16; df *= 10) /* continuous across the switch, and normal in the limit */
        assert_near(hpo_student_quantile(1e-6, df), hpo_normal_quantile(1e-6), 1e-9, 0);
    assert_near(hpo_student_cdf(-2, 1e13), hpo_normal_cdf(-2), 1e-11, 0);
    assert_near(hpo_student_cdf(-2, HUGE_VAL), hpo_normal_cdf(-2), 0, 0);
    assert_true(hpo_student_cdf(-HUGE_VAL, 3) == 0 && hpo_student_cdf(HUGE_VAL, 3) == 1 &&
                hpo_student_cdf(0, 3) == 0.5);
    assert_true(hpo_student_quantile(0, 3) == -HUGE_VAL && hpo_student_quantile(1, 3) == HUGE_VAL);
    assert_true(hpo_student_quantile(0.5, 3) == 0 && isnan(hpo_student_quantile(0.5, 0)));
}

/* ---- draws --------------------------------------------------------------------------------------- */

/* Kolmogorov's distance between the draws and their distribution: sqrt(n) D < 2.7 fails once in 10^6. */
enum { DRAWS = 20000 };
static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static void check_fit(double *cdf_values, const char *what)
{
    qsort(cdf_values, DRAWS, sizeof *cdf_values, ascending);
    double d = 0;
    for (int i = 0; i < DRAWS; i++) {
        double low = cdf_values[i] - (double)i / DRAWS, high = (double)(i + 1) / DRAWS - cdf_values[i];
        if (low > d) d = low;
        if (high > d) d = high;
    }
    if (sqrt(DRAWS) * d > 2.7) fail_msg("%s: sqrt(n) D = %.2f", what, sqrt(DRAWS) * d);
}

static void test_draws(void **state)
{
    (void)state;
    static double u[DRAWS];
    static const double shapes[] = {0.05, 0.5, 1, 2.5, 100};
    hpo_rng r;
    hpo_rng_init(&r, 21, 0, HPO_RNG_USER);
    for (size_t k = 0; k < COUNT(shapes); k++) {
        double a = shapes[k], b = shapes[(k + 2) % COUNT(shapes)];
        for (int i = 0; i < DRAWS; i++)
            u[i] = hpo_gamma_p(a, hpo_gamma_draw(&r, a));
        check_fit(u, "gamma");
        for (int i = 0; i < DRAWS; i++)
            u[i] = hpo_beta_cdf(hpo_beta_draw(&r, a, b), a, b);
        if (a >= 0.5 && b >= 0.5) check_fit(u, "beta"); /* else many draws round to 0 or 1 */
    }
    for (int i = 0; i < DRAWS; i++)
        u[i] = hpo_truncnorm_cdf(hpo_truncnorm_draw(&r, 0, 1, 30, 31), 0, 1, 30, 31);
    check_fit(u, "truncated normal, tail");
    for (int i = 0; i < DRAWS; i++)
        u[i] = hpo_truncnorm_cdf(hpo_truncnorm_draw(&r, 0.2, 0.3, 0, 1), 0.2, 0.3, 0, 1);
    check_fit(u, "truncated normal");
    /* a margin of the Dirichlet is beta */
    static const double alpha[3] = {0.7, 2, 3.3};
    for (int i = 0; i < DRAWS; i++) {
        double x[3];
        hpo_dirichlet_draw(&r, alpha, 3, x);
        assert_near(x[0] + x[1] + x[2], 1, 4e-16, 0);
        u[i] = hpo_beta_cdf(x[1], 2, 4);
    }
    check_fit(u, "Dirichlet");
    /* tiny shapes: one coordinate takes all, and nothing becomes NaN */
    static const double tiny[3] = {1e-4, 1e-4, 1e-4};
    for (int i = 0; i < 1000; i++) {
        double x[3];
        hpo_dirichlet_draw(&r, tiny, 3, x);
        assert_near(x[0] + x[1] + x[2], 1, 4e-16, 0);
        double b = hpo_beta_draw(&r, 1e-5, 1e-5);
        assert_true(b >= 0 && b <= 1);
    }
}

static void test_dirichlet_and_others(void **state)
{
    (void)state;
    /* scipy.stats.dirichlet.logpdf([.2, .3, .5], [1.5, 2, 3]) */
    assert_near(hpo_dirichlet_logpdf((const double[]){0.2, 0.3, 0.5}, (const double[]){1.5, 2, 3}, 3),
                1.695210995269564, 1e-14, 0);
    assert_near(hpo_dirichlet_logpdf((const double[]){0, 0.3, 0.7}, (const double[]){1, 1, 1}, 3), log(2),
                1e-15, 0);
    assert_near(hpo_exponential_quantile(0.5), log(2), 1e-16, 0);
    assert_near(hpo_exponential_quantile(1e-20), 1e-20, 1e-16, 0);
    assert_true(hpo_exponential_quantile(0) == 0 && hpo_exponential_quantile(1) == HUGE_VAL);
    const double w[] = {0, 1, 0, 3, 0};
    assert_int_equal(hpo_discrete_quantile(0, w, 5), 1);
    assert_int_equal(hpo_discrete_quantile(0.2499, w, 5), 1);
    assert_int_equal(hpo_discrete_quantile(0.25, w, 5), 3);
    assert_int_equal(hpo_discrete_quantile(1, w, 5), 3); /* never one of weight 0 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_values),
        cmocka_unit_test(test_normal_against_long_double),
        cmocka_unit_test(test_normal_quantile_inverts),
        cmocka_unit_test(test_lognormal),
        cmocka_unit_test(test_truncnorm_against_quadrature),
        cmocka_unit_test(test_truncnorm_values),
        cmocka_unit_test(test_truncnorm_edges),
        cmocka_unit_test(test_gamma_values),
        cmocka_unit_test(test_gamma_closed_forms),
        cmocka_unit_test(test_gamma_quantile_inverts),
        cmocka_unit_test(test_beta_values),
        cmocka_unit_test(test_beta_closed_forms),
        cmocka_unit_test(test_beta_quantile_inverts),
        cmocka_unit_test(test_student),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_dirichlet_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
