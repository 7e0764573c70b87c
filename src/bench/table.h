/* SPDX-License-Identifier: Apache-2.0 */
/* bench/table.h - a table of measurements, loaded (table_load.c) and looked up (table.c).  The manifest that
 * describes tables is in docs/bench-data.md. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H
#include "bench/problem.h"
#include "bench/sheet.h"

enum { HPO_TABLE_MAX_INPUTS = 64 };

typedef enum hpo_table_rule {
    HPO_TABLE_GRID,    /* every combination, the last parameter fastest */
    HPO_TABLE_NEAREST, /* the row that is nearest in the unit cube */
    HPO_TABLE_EXACT    /* a configuration without a row fails */
} hpo_table_rule;

/* One input: how its value becomes a coordinate of the unit cube (or a label, for categories). */
typedef struct hpo_table_axis {
    int label;        /* 1: categories: alike or not */
    double low, high; /* transformed */
    int scale;        /* hpo_scale; labels in order: linear from 0 */
    size_t n_labels, column;
} hpo_table_axis;

typedef struct hpo_table {
    hpo_table_rule rule;
    size_t n_inputs, n_rows, n_replicates, n_steps, n_objectives;
    hpo_table_axis axis[HPO_TABLE_MAX_INPUTS];
    double *coordinate; /* n_rows x n_inputs; NaN: inactive; NULL for grids */
    double *value;      /* [row][replicate][step][objective], minimised; NaN: failed or not measured */
    double *seconds;    /* [row][replicate][step] since the start, or NULL: 1 an evaluation */
    int nan_is_failure; /* else replicates with NaN were not measured */
    size_t fidelity;    /* column, when n_steps > 1 */
    char names[HPO_BENCH_MAX_OBJECTIVES][48];
} hpo_table;

/* Fills p (space, objectives, fidelity, best ...) and *t from row `row` of a manifest. */
HPO_NODISCARD hpo_status hpo_table_load(hpo_problem *p, hpo_table *t, const char *data,
                                        const hpo_sheet *manifest, size_t row, hpo_error *err);
double hpo_table_coordinate(const hpo_table_axis *a, double v);
/* The value of a replicate over those that have one; NaN: none. */
double hpo_table_mean(const hpo_table *t, size_t row, size_t step, size_t objective);
#endif
