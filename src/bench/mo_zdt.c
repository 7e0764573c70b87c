/* SPDX-License-Identifier: Apache-2.0 */
/* bench/mo_zdt.c - ZDT (Zitzler, Deb & Thiele 2000, "Comparison of multiobjective evolutionary algorithms"),
 * DTLZ (Deb, Thiele, Laumanns & Zitzler 2005, "Scalable test problems for evolutionary multiobjective
 * optimization") and the constrained C-DTLZ (Jain & Deb 2014, "An evolutionary many-objective optimization
 * algorithm ... part II").
 *
 * ZDT, f1 = x1 (but ZDT6), f2 = g h:
 *   1  g = 1 + 9 mean(x2..), h = 1 - sqrt(f1/g)        2  h = 1 - (f1/g)^2
 *   3  h = 1 - sqrt(f1/g) - f1/g sin(10 pi f1)
 *   4  g = 1 + 10 (d-1) + sum(x^2 - 10 cos(4 pi x)), x2.. in [-5, 5], h as in 1
 *   6  f1 = 1 - exp(-4 x1) sin^6(6 pi x1), g = 1 + 9 mean(x2..)^(1/4), h as in 2
 *
 * DTLZ, k = d - m + 1 distances x_m.. (z = x - 1/2):
 *   g = 100 (k + sum z^2 - cos(20 pi z)) in 1 and 3, sum z^2 in 2, 4, 5, sum x^0.1 in 6
 *   1  f_i = (1 + g)/2 x_1 .. x_{m-i} (1 - x_{m-i+1})
 *   2-6  f_i = (1 + g) cos t_1 .. cos t_{m-i} sin t_{m-i+1},  t = pi/2 x; 4: x^100 for x; 5, 6 from the
 * second on t = pi / (4 (1 + g)) (1 + 2 g x) 7  f_i = x_i, f_m = (1 + g)(m - sum f_i / (1 + g) (1 + sin(3 pi
 * f_i))),  g = 1 + 9 mean(x_m..)
 *
 * C-DTLZ, feasible where c <= 0:
 *   C1-DTLZ1  c = f_m/0.6 + sum_{i<m} f_i/0.5 - 1
 *   C1-DTLZ3  c = -(|f|^2 - 16)(|f|^2 - r^2), r = 6 (m = 2), 9 (m <= 4), 12.5 (m <= 12), 15
 *   C2-DTLZ2  c = min(min_i (f_i - 1)^2 + sum_{j != i} f_j^2 - r^2, |f - 1/sqrt m|^2 - q^2); r = q = 0.4 (m =
 * 3), 0.5 above, and r = 0.2, q = sqrt(2) r for m = 2, which is BoTorch's, to whose hypervolume one compares
 *   C3-DTLZ1  c_j = 1 - sum_{i != j} f_i - f_j/0.5         C3-DTLZ4  c_j = 1 - f_j^2/4 - sum_{i != j} f_i^2
 */
#include <math.h>

#include "bench/make.h"
#include "bench/mo.h"
#include "math/func.h"

void hpo_mo_zdt(const mo_shape *s, const double *x, double *y, double *c)
{
    double sum = 0, rest = (double)(s->d - 1), g, f = x[0];
    (void)c;
    for (size_t i = 1; i < s->d; i++)
        sum += s->which == 4 ? x[i] * x[i] - 10 * hpo_cos(4 * HPO_PI * x[i]) : x[i];
    if (s->which == 4) {
        g = 1 + 10 * rest + sum;
    } else if (s->which == 6) {
        double wave = hpo_sin(6 * HPO_PI * x[0]), cube = wave * wave * wave;
        f = 1 - hpo_exp(-4 * x[0]) * cube * cube;
        g = 1 + 9 * sqrt(sqrt(sum / rest));
    } else {
        g = 1 + 9 * sum / rest;
    }
    double ratio = f / g, h = 1 - (s->which == 2 || s->which == 6 ? ratio * ratio : sqrt(ratio));
    if (s->which == 3) h -= ratio * hpo_sin(10 * HPO_PI * f);
    y[0] = f;
    y[1] = g * h;
}

static double distance_of(const mo_shape *s, const double *x)
{
    double sum = 0;
    for (size_t i = s->m - 1; i < s->d; i++) {
        double z = x[i] - 0.5;
        switch (s->which) {
        case 1:
        case 3:
            sum += z * z - hpo_cos(20 * HPO_PI * z);
            break;
        case 6:
            sum += hpo_pow(x[i], 0.1);
            break;
        case 7:
            sum += x[i];
            break;
        default:
            sum += z * z;
            break;
        }
    }
    double k = (double)(s->d - s->m + 1);
    if (s->which == 7) return 1 + 9 * sum / k;
    return s->which == 1 || s->which == 3 ? 100 * (k + sum) : sum;
}

static void dtlz1(const mo_shape *s, const double *x, double g, double *y)
{
    double product = (1 + g) / 2;
    for (size_t i = s->m; i-- > 1;) { /* objective i + 1 stops at position m - 1 - i */
        double p = x[s->m - 1 - i];
        y[i] = product * (1 - p);
        product *= p;
    }
    y[0] = product;
}

static void dtlz_sphere(const mo_shape *s, const double *x, double g, double *y)
{
    double product = 1 + g;
    for (size_t i = s->m; i-- > 1;) {
        size_t at = s->m - 1 - i;
        double t = HPO_PI / 2 * (s->which == 4 ? hpo_pow(x[at], 100) : x[at]);
        if (s->which >= 5 && at > 0) t = HPO_PI / (4 * (1 + g)) * (1 + 2 * g * x[at]);
        y[i] = product * hpo_sin(t);
        product *= hpo_cos(t);
    }
    y[0] = product;
}

static void dtlz7(const mo_shape *s, const double *x, double g, double *y)
{
    double h = (double)s->m;
    for (size_t i = 0; i + 1 < s->m; i++) {
        y[i] = x[i];
        h -= x[i] / (1 + g) * (1 + hpo_sin(3 * HPO_PI * x[i]));
    }
    y[s->m - 1] = (1 + g) * h;
}

void hpo_mo_dtlz(const mo_shape *s, const double *x, double *y, double *c)
{
    double g = distance_of(s, x);
    (void)c;
    if (s->which == 1)
        dtlz1(s, x, g, y);
    else if (s->which == 7)
        dtlz7(s, x, g, y);
    else
        dtlz_sphere(s, x, g, y);
}

static double norm2(const double *y, size_t m)
{
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        sum += y[i] * y[i];
    return sum;
}

void hpo_mo_c1dtlz(const mo_shape *s, const double *x, double *y, double *c)
{
    hpo_mo_dtlz(s, x, y, c);
    if (s->which == 1) {
        c[0] = y[s->m - 1] / 0.6 - 1;
        for (size_t i = 0; i + 1 < s->m; i++)
            c[0] += y[i] / 0.5;
        return;
    }
    double r = s->m == 2 ? 6 : s->m <= 4 ? 9 : s->m <= 12 ? 12.5 : 15, sum = norm2(y, s->m);
    c[0] = -(sum - 16) * (sum - r * r);
}

void hpo_mo_c2dtlz(const mo_shape *s, const double *x, double *y, double *c)
{
    hpo_mo_dtlz(s, x, y, c);
    double r2 = s->m == 2   ? 0.04
                : s->m == 3 ? 0.16
                            : 0.25,
           q2 = s->m == 2 ? 0.08 : r2, sum = norm2(y, s->m), corner = HUGE_VAL, centre = 0,
           one = 1 / sqrt((double)s->m);
    for (size_t i = 0; i < s->m; i++) {
        corner = fmin(corner, sum - 2 * y[i] + 1 - r2); /* (f - 1)^2 = f^2 - 2 f + 1 */
        centre += (y[i] - one) * (y[i] - one);
    }
    c[0] = fmin(corner, centre - q2);
}

void hpo_mo_c3dtlz(const mo_shape *s, const double *x, double *y, double *c)
{
    hpo_mo_dtlz(s, x, y, c);
    double sum = 0, squares = norm2(y, s->m);
    for (size_t i = 0; i < s->m; i++)
        sum += y[i];
    for (size_t j = 0; j < s->m; j++)
        c[j] = s->which == 1 ? 1 - sum - y[j] : 1 - squares + 0.75 * y[j] * y[j];
}
