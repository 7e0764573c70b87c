/* SPDX-License-Identifier: Apache-2.0 */
/* bench/mo.h - the functions behind the multi-objective problems. */
#ifndef BENCH_MO_H
#define BENCH_MO_H
#include <stddef.h>

typedef struct mo_shape {
    size_t m, d; /* objectives, parameters */
    int which;   /* ZDT1..: 1.. */
} mo_shape;

/* Objectives y (m of them, minimised) and constraints c (feasible iff <= 0) at x in own units. */
typedef void mo_function(const mo_shape *s, const double *x, double *y, double *c);
mo_function hpo_mo_zdt, hpo_mo_dtlz, hpo_mo_c1dtlz, hpo_mo_c2dtlz, hpo_mo_c3dtlz, hpo_mo_wfg, hpo_mo_bnh,
    hpo_mo_srn, hpo_mo_tnk, hpo_mo_osy, hpo_mo_branin_currin, hpo_mo_branin_currin_disk,
    hpo_mo_vehicle_safety, hpo_mo_car_side_impact;
#endif
