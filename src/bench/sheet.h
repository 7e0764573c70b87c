/* SPDX-License-Identifier: Apache-2.0 */
/* bench/sheet.h - small text tables (TSV, CSV) and number files of the benchmark data. */
#ifndef BENCH_SHEET_H
#define BENCH_SHEET_H
#include <stddef.h>

#include "hpo.h"

/* A table with a heading line.  Cells are texts without surrounding blanks; a short line is filled up with
 * empty cells. */
typedef struct hpo_sheet {
    char *text;        /* owns what the cells point into */
    const char **cell; /* n_rows x n_columns */
    const char **head; /* n_columns */
    size_t n_rows, n_columns;
} hpo_sheet;

/* Tabs separate when the heading has one, else commas (with "..." around cells that contain some).  Empty
 * lines and lines that begin with '#' are passed over.  The sheet must be finished also after a failure. */
HPO_NODISCARD hpo_status hpo_sheet_read(hpo_sheet *s, const char *path, hpo_error *err);
/* The same from a text, which the sheet copies.  `what` names it in error texts. */
HPO_NODISCARD hpo_status hpo_sheet_parse(hpo_sheet *s, const char *text, const char *what, hpo_error *err);
void hpo_sheet_fini(hpo_sheet *s);
/* Column by name, or n_columns. */
size_t hpo_sheet_find(const hpo_sheet *s, const char *name);
/* Cell by row and column name; "" when there is no such column. */
const char *hpo_sheet_text(const hpo_sheet *s, size_t row, const char *column);
/* The number in a cell; NaN when it is empty or no number. */
double hpo_sheet_number(const hpo_sheet *s, size_t row, size_t column);

/* A file of little-endian float32 numbers; *n becomes their count. */
HPO_NODISCARD hpo_status hpo_read_f32(const char *path, float **out, size_t *n, hpo_error *err);
#endif
