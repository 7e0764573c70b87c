/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_data.h - what live problems train on: the bundled handwritten digits and tables of numbers. */
#ifndef BENCH_LIVE_DATA_H
#define BENCH_LIVE_DATA_H
#include "hpo.h"

typedef struct hpo_live_rows {
    size_t n, d, classes;
    double *x;      /* n x d */
    int32_t *label; /* n, 0..classes - 1 */
} hpo_live_rows;

/* 1 when the digits are there: digits.txt in the data folder (may be NULL), else the bundled file. */
int hpo_live_has_digits(const char *data);
/* The first n images of a fixed random order: 64 pixels from 0 to 1, ten classes. */
HPO_NODISCARD hpo_status hpo_live_read_digits(hpo_live_rows *out, const char *data, size_t n, hpo_error *err);
/* Name of table i of those in DIR/mldata, or NULL when there is no further one. */
const char *hpo_live_table(size_t i, const char *data);
/* DIR/mldata/NAME.csv: first line `rows,columns,class names ...`, last column the class.  HPO_ENOTFOUND: no
 * such file. */
HPO_NODISCARD hpo_status hpo_live_read_table(hpo_live_rows *out, const char *data, const char *name,
                                             hpo_error *err);
void hpo_live_rows_free(hpo_live_rows *rows);
/* Every column to mean 0 and variance 1 (a constant one to 0). */
void hpo_live_standardise(hpo_live_rows *rows);
/* Every column to 0..1. */
void hpo_live_to_unit(hpo_live_rows *rows);
#endif
