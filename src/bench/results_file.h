/* SPDX-License-Identifier: Apache-2.0 */
/* bench/results_file.h - the parts of the results file among themselves: results.c (opening, problems, lists
 * of runs) and results_rows.c (runs and their evaluations, CSV). */
#ifndef BENCH_RESULTS_FILE_H
#define BENCH_RESULTS_FILE_H
#include <sqlite3.h>

#include "base/os.h"
#include "base/str.h"
#include "bench/results.h"

struct hpo_results {
    hpo_mutex mutex;
    sqlite3 *db;
    sqlite3_stmt *insert; /* of an evaluation; made when first needed */
    char *path;
    hpo_os_lock lock; /* of the writer */
};

HPO_NODISCARD hpo_status hpo_results__prepare(hpo_results *r, const char *sql, sqlite3_stmt **out,
                                              hpo_error *err);
/* *row (may be NULL): there is one. */
HPO_NODISCARD hpo_status hpo_results__step(hpo_results *r, sqlite3_stmt *st, int *row, hpo_error *err);
HPO_NODISCARD hpo_status hpo_results__run(hpo_results *r, const char *sql, hpo_error *err);
/* HPO_EIO with SQLite's text. */
hpo_status hpo_results__fail(const hpo_results *r, hpo_error *err);
void hpo_results__bind_text(sqlite3_stmt *st, int i, const char *text);
/* NULL is NaN. */
double hpo_results__real(sqlite3_stmt *st, int i);
/* Arrays of numbers are JSON; one without any number is NULL. */
void hpo_results__bind_array(sqlite3_stmt *st, int i, const double *v, size_t n, hpo_str *scratch);
void hpo_results__array(sqlite3_stmt *st, int i, double *v, size_t n);
#endif
