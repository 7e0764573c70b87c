/* SPDX-License-Identifier: Apache-2.0 */
/* bench/mo_engineering.c - small constrained problems and engineering models with several objectives.
 *
 * BNH (Binh & Korn 1997), SRN (Srinivas & Deb 1994), TNK (Tanaka et al. 1995), OSY (Osyczka & Kundu 1995), as
 * in Deb 2001, "Multi-objective optimization using evolutionary algorithms", section 8.3.  Branin-Currin
 * (Belakaria, Deshwal & Doppa 2019), with the disk constraint of Gelbart, Snoek & Adams 2014.  Vehicle safety
 * (Liao et al. 2008) and car side impact (Jain & Deb 2014): response surfaces, in the unconstrained forms of
 * Tanabe & Ishibuchi 2020, "An easy-to-use real-world multi-objective optimization problem suite" (RE3-5-4,
 * RE4-7-1). */
#include <math.h>

#include "bench/make.h"
#include "bench/mo.h"
#include "math/func.h"

static double square(double x)
{
    return x * x;
}

void hpo_mo_bnh(const mo_shape *s, const double *x, double *y, double *c)
{
    (void)s;
    y[0] = 4 * (square(x[0]) + square(x[1]));
    y[1] = square(x[0] - 5) + square(x[1] - 5);
    c[0] = square(x[0] - 5) + square(x[1]) - 25;
    c[1] = 7.7 - square(x[0] - 8) - square(x[1] + 3);
}

void hpo_mo_srn(const mo_shape *s, const double *x, double *y, double *c)
{
    (void)s;
    y[0] = 2 + square(x[0] - 2) + square(x[1] - 1);
    y[1] = 9 * x[0] - square(x[1] - 1);
    c[0] = square(x[0]) + square(x[1]) - 225;
    c[1] = x[0] - 3 * x[1] + 10;
}

/* atan(x1/x2) with x2 = 0 as the limit pi/2. */
void hpo_mo_tnk(const mo_shape *s, const double *x, double *y, double *c)
{
    double angle = x[1] > 0 ? hpo_atan(x[0] / x[1]) : HPO_PI / 2;
    (void)s;
    y[0] = x[0];
    y[1] = x[1];
    c[0] = 1 + 0.1 * hpo_cos(16 * angle) - square(x[0]) - square(x[1]);
    c[1] = square(x[0] - 0.5) + square(x[1] - 0.5) - 0.5;
}

void hpo_mo_osy(const mo_shape *s, const double *x, double *y, double *c)
{
    (void)s;
    y[0] =
        -(25 * square(x[0] - 2) + square(x[1] - 2) + square(x[2] - 1) + square(x[3] - 4) + square(x[4] - 1));
    y[1] = 0;
    for (int i = 0; i < 6; i++)
        y[1] += square(x[i]);
    c[0] = 2 - x[0] - x[1];
    c[1] = x[0] + x[1] - 6;
    c[2] = x[1] - x[0] - 2;
    c[3] = x[0] - 3 * x[1] - 2;
    c[4] = square(x[2] - 3) + x[3] - 4;
    c[5] = 4 - square(x[4] - 3) - x[5];
}

void hpo_mo_branin_currin(const mo_shape *s, const double *x, double *y, double *c)
{
    double a = 15 * x[0] - 5, b = 15 * x[1], t = x[0];
    (void)s;
    (void)c;
    y[0] = square(b - 5.1 / (4 * HPO_PI * HPO_PI) * a * a + 5 / HPO_PI * a - 6) +
           10 * (1 - 1 / (8 * HPO_PI)) * hpo_cos(a) + 10;
    double wall = x[1] > 0 ? 1 - hpo_exp(-1 / (2 * x[1])) : 1;
    y[1] = wall * (((2300 * t + 1900) * t + 2092) * t + 60) / (((100 * t + 500) * t + 4) * t + 20);
}

void hpo_mo_branin_currin_disk(const mo_shape *s, const double *x, double *y, double *c)
{
    hpo_mo_branin_currin(s, x, y, c);
    c[0] = square(15 * x[0] - 7.5) + square(15 * x[1] - 7.5) - 50;
}

/* Mass, acceleration at full frontal crash, toe-board intrusion at an offset crash. */
void hpo_mo_vehicle_safety(const mo_shape *s, const double *x, double *y, double *c)
{
    double x1 = x[0], x2 = x[1], x3 = x[2], x4 = x[3], x5 = x[4];
    (void)s;
    (void)c;
    y[0] = 1640.2823 + 2.3573285 * x1 + 2.3220035 * x2 + 4.5688768 * x3 + 7.7213633 * x4 + 4.4559504 * x5;
    y[1] = 6.5856 + 1.15 * x1 - 1.0427 * x2 + 0.9738 * x3 + 0.8364 * x4 - 0.3695 * x1 * x4 +
           0.0861 * x1 * x5 + 0.3628 * x2 * x4 - 0.1106 * x1 * x1 - 0.3437 * x3 * x3 + 0.1764 * x4 * x4;
    y[2] = -0.0551 + 0.0181 * x1 + 0.1024 * x2 + 0.0421 * x3 - 0.0073 * x1 * x2 + 0.024 * x2 * x3 -
           0.0118 * x2 * x4 - 0.0204 * x3 * x4 - 0.008 * x3 * x5 - 0.0241 * x2 * x2 + 0.0109 * x4 * x4;
}

/* Weight, pubic force, mean velocity of the pillar, and the sum by which the ten limits are exceeded. */
void hpo_mo_car_side_impact(const mo_shape *s, const double *x, double *y, double *c)
{
    double x1 = x[0], x2 = x[1], x3 = x[2], x4 = x[3], x5 = x[4], x6 = x[5], x7 = x[6];
    (void)s;
    (void)c;
    double pubic = 4.72 - 0.5 * x4 - 0.19 * x2 * x3, pillar = 10.58 - 0.674 * x1 * x2 - 0.67275 * x2,
           door = 16.45 - 0.489 * x3 * x7 - 0.843 * x5 * x6;
    const double over[] = {
        /* abdomen load; viscous criteria of upper, middle, lower rib; their deflections; force; velocities */
        1.16 - 0.3717 * x2 * x4 - 0.0092928 * x3 - 1,
        0.261 - 0.0159 * x1 * x2 - 0.06486 * x1 - 0.019 * x2 * x7 + 0.0144 * x3 * x5 + 0.0154464 * x6 - 0.32,
        0.214 + 0.00817 * x5 - (0.045195 + 0.0135168) * x1 + 0.03099 * x2 * x6 - 0.018 * x2 * x7 +
            (0.007176 + 0.023232) * x3 - 0.00364 * x5 * x6 - 0.018 * x2 * x2 - 0.32,
        0.74 - 0.61 * x2 - 0.031296 * x3 - 0.031872 * x7 + 0.227 * x2 * x2 - 0.32,
        28.98 + 3.818 * x3 - 4.2 * x1 * x2 + 1.27296 * x6 - 2.68065 * x7 - 32,
        33.86 + 2.95 * x3 - 5.057 * x1 * x2 - 3.795 * x2 - 3.4431 * x7 + 1.45728 - 32,
        46.36 - 9.9 * x2 - 4.4505 * x1 - 32,
        pubic - 4,
        pillar - 9.9,
        door - 15.7,
    };
    y[0] = 1.98 + 4.9 * x1 + 6.67 * x2 + 6.98 * x3 + 4.01 * x4 + 1.78 * x5 + 0.00001 * x6 + 2.73 * x7;
    y[1] = pubic;
    y[2] = 0.5 * (pillar + door);
    y[3] = 0;
    for (size_t i = 0; i < sizeof over / sizeof *over; i++)
        y[3] += fmax(over[i], 0);
}
