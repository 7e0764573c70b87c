/* SPDX-License-Identifier: Apache-2.0 */
/* bench/results_rows.c - runs and their evaluations in the results file, and as CSV. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/results_file.h"

/* ---- rows in memory --------------------------------------------------------------------------------- */

hpo_status hpo_run_rows_create(size_t n, size_t m, size_t k, size_t n_columns, hpo_run_rows **out,
                               hpo_error *err)
{
    size_t doubles = 4 + 2 * m + 2 * k + n_columns, head = (sizeof(hpo_run_rows) + 15) / 16 * 16;
    size_t per_row = (doubles + 2) * 8 + sizeof(int32_t);
    *out = NULL;
    if (n > (SIZE_MAX - head) / per_row) return hpo_fail_memory(err);
    char *block = hpo_alloc(head + n * per_row);
    if (block == NULL) return hpo_fail_memory(err);
    hpo_run_rows *r = (hpo_run_rows *)(void *)block;
    double *d = (double *)(void *)(block + head);
    for (size_t i = 0; i < n * doubles; i++)
        d[i] = (double)NAN;
    *r = (hpo_run_rows){.n = n, .m = m, .k = k, .n_columns = n_columns};
    r->resource = d;
    r->spent = r->resource + n;
    r->time = r->spent + n;
    r->decision = r->time + n;
    r->y = r->decision + n;
    r->recommended_y = r->y + n * m;
    r->outcome = r->recommended_y + n * m;
    r->recommended_outcome = r->outcome + n * k;
    r->x = r->recommended_outcome + n * k;
    r->trial = (int64_t *)(void *)(d + n * doubles);
    r->recommended = r->trial + n;
    r->state = (int32_t *)(void *)(r->recommended + n);
    for (size_t i = 0; i < n; i++) {
        r->trial[i] = r->recommended[i] = -1;
        r->state[i] = HPO_STATE_FAILED;
    }
    *out = r;
    return HPO_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static hpo_status problem_id(hpo_results *r, const char *name, int64_t *id, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int row = 0;
    HPO_TRY(hpo_results__prepare(r, "SELECT id FROM problem WHERE name = ?1", &st, err));
    hpo_results__bind_text(st, 1, name);
    hpo_status rc = hpo_results__step(r, st, &row, err);
    if (rc == HPO_OK && !row)
        rc = hpo_fail(err, HPO_ENOTFOUND, "%s: problem '%s' is not in it: add it first", r->path, name);
    *id = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return rc;
}

static void bind_key(sqlite3_stmt *st, int64_t problem, const hpo_run_key *key)
{
    sqlite3_bind_int64(st, 1, problem);
    hpo_results__bind_text(st, 2, key->method);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)key->seed);
    sqlite3_bind_double(st, 4, key->budget);
    sqlite3_bind_int(st, 5, key->workers);
    sqlite3_bind_int(st, 6, key->charged);
}

#define WHERE_KEY                                                                                            \
    "problem = ?1 AND method = ?2 AND seed = ?3 AND budget = ?4 AND workers = ?5 AND charged = ?6"

/* *id 0: there is none. */
static hpo_status find_run(hpo_results *r, const hpo_run_key *key, int64_t problem, int64_t *id, int *failed,
                           hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int row = 0;
    HPO_TRY(hpo_results__prepare(r, "SELECT id, error IS NOT NULL FROM run WHERE " WHERE_KEY, &st, err));
    bind_key(st, problem, key);
    hpo_status rc = hpo_results__step(r, st, &row, err);
    *id = row ? sqlite3_column_int64(st, 0) : 0;
    *failed = row ? sqlite3_column_int(st, 1) : 0;
    sqlite3_finalize(st);
    return rc;
}

hpo_status hpo_results_find(hpo_results *r, const hpo_run_key *key, int *found, hpo_error *err)
{
    int64_t problem, id = 0;
    int failed = 0;
    *found = 0;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = problem_id(r, key->problem, &problem, NULL);
    if (rc == HPO_OK)
        rc = find_run(r, key, problem, &id, &failed, err);
    else if (rc == HPO_ENOTFOUND)
        rc = HPO_OK;
    hpo_mutex_unlock(&r->mutex);
    if (id != 0) *found = failed ? 2 : 1;
    return rc;
}

static hpo_status remove_run(hpo_results *r, int64_t id, hpo_error *err)
{
    static const char *const SQL[] = {"DELETE FROM evaluation WHERE run = ?1",
                                      "DELETE FROM run WHERE id = ?1"};
    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *st = NULL;
        HPO_TRY(hpo_results__prepare(r, SQL[i], &st, err));
        sqlite3_bind_int64(st, 1, id);
        hpo_status rc = hpo_results__step(r, st, NULL, err);
        sqlite3_finalize(st);
        HPO_TRY(rc);
    }
    return HPO_OK;
}

static hpo_status insert_run(hpo_results *r, const hpo_run_info *run, int64_t problem, int64_t *id,
                             hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    HPO_TRY(hpo_results__prepare(
        r,
        "INSERT INTO run(problem, method, seed, budget, workers, charged, suite, error, n, virtual_seconds, "
        "wall_seconds, decision_p50, decision_p99, decision_total, ended_ms) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
        &st, err));
    bind_key(st, problem, &run->key);
    hpo_results__bind_text(st, 7, run->suite != NULL ? run->suite : "");
    hpo_results__bind_text(st, 8, run->error);
    sqlite3_bind_int64(st, 9, run->n);
    sqlite3_bind_double(st, 10, run->virtual_seconds);
    sqlite3_bind_double(st, 11, run->wall_seconds);
    sqlite3_bind_double(st, 12, run->decision_p50);
    sqlite3_bind_double(st, 13, run->decision_p99);
    sqlite3_bind_double(st, 14, run->decision_total);
    sqlite3_bind_int64(st, 15, run->ended_ms);
    hpo_status rc = hpo_results__step(r, st, NULL, err);
    sqlite3_finalize(st);
    *id = sqlite3_last_insert_rowid(r->db);
    return rc;
}

static hpo_status insert_row(hpo_results *r, int64_t id, const hpo_run_rows *rows, size_t i, hpo_str *scratch,
                             hpo_error *err)
{
    sqlite3_stmt *st = r->insert;
    size_t m = rows->m, k = rows->k;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)i);
    sqlite3_bind_int64(st, 3, rows->trial[i]);
    sqlite3_bind_text(st, 4, hpo_state_name((hpo_state)rows->state[i]), -1, SQLITE_STATIC);
    sqlite3_bind_double(st, 5, rows->resource[i]);
    sqlite3_bind_double(st, 6, rows->spent[i]);
    sqlite3_bind_double(st, 7, rows->time[i]);
    sqlite3_bind_double(st, 8, rows->decision[i]);
    sqlite3_bind_double(st, 9, rows->y[i * m]);
    sqlite3_bind_int64(st, 10, rows->recommended[i]);
    sqlite3_bind_double(st, 11, rows->recommended_y[i * m]);
    hpo_results__bind_array(st, 12, rows->y + i * m, m > 1 ? m : 0, scratch);
    hpo_results__bind_array(st, 13, rows->outcome + i * k, k, scratch);
    hpo_results__bind_array(st, 14, rows->recommended_outcome + i * k, k, scratch);
    hpo_results__bind_array(st, 15, rows->x + i * rows->n_columns, rows->n_columns, scratch);
    if (scratch->failed) return hpo_fail_memory(err);
    hpo_status rc = hpo_results__step(r, st, NULL, err);
    sqlite3_reset(st);
    return rc;
}

static hpo_status add_run(hpo_results *r, const hpo_run_info *run, const hpo_run_rows *rows, hpo_error *err)
{
    int64_t problem, id;
    int failed;
    hpo_str scratch = {0};
    HPO_TRY(problem_id(r, run->key.problem, &problem, err));
    HPO_TRY(find_run(r, &run->key, problem, &id, &failed, err));
    if (id != 0) HPO_TRY(remove_run(r, id, err));
    HPO_TRY(insert_run(r, run, problem, &id, err));
    if (r->insert == NULL)
        HPO_TRY(hpo_results__prepare(
            r, "INSERT INTO evaluation VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
            &r->insert, err));
    hpo_status rc = HPO_OK;
    for (size_t i = 0; rows != NULL && i < (size_t)run->n && rc == HPO_OK; i++)
        rc = insert_row(r, id, rows, i, &scratch, err);
    hpo_str_fini(&scratch);
    return rc;
}

hpo_status hpo_results_add(hpo_results *r, const hpo_run_info *run, const hpo_run_rows *rows, hpo_error *err)
{
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = hpo_results__run(r, "BEGIN IMMEDIATE", err);
    if (rc == HPO_OK) {
        rc = add_run(r, run, rows, err);
        if (rc == HPO_OK) rc = hpo_results__run(r, "COMMIT", err);
        if (rc != HPO_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    }
    hpo_mutex_unlock(&r->mutex);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int32_t state_of(const char *name)
{
    for (int32_t i = 0; i < HPO_N_STATES; i++)
        if (name != NULL && strcmp(name, hpo_state_name((hpo_state)i)) == 0) return i;
    return HPO_STATE_FAILED;
}

static void read_row(sqlite3_stmt *st, int with_x, hpo_run_rows *rows, size_t i)
{
    size_t m = rows->m, k = rows->k;
    rows->trial[i] = sqlite3_column_int64(st, 0);
    rows->state[i] = state_of((const char *)sqlite3_column_text(st, 1));
    rows->resource[i] = hpo_results__real(st, 2);
    rows->spent[i] = hpo_results__real(st, 3);
    rows->time[i] = hpo_results__real(st, 4);
    rows->decision[i] = hpo_results__real(st, 5);
    rows->recommended[i] = sqlite3_column_int64(st, 7);
    if (m > 1)
        hpo_results__array(st, 9, rows->y + i * m, m);
    else
        rows->y[i] = hpo_results__real(st, 6);
    if (m == 1) rows->recommended_y[i] = hpo_results__real(st, 8);
    hpo_results__array(st, 10, rows->outcome + i * k, k);
    hpo_results__array(st, 11, rows->recommended_outcome + i * k, k);
    if (with_x) hpo_results__array(st, 12, rows->x + i * rows->n_columns, rows->n_columns);
}

static hpo_status run_shape(hpo_results *r, int64_t id, size_t shape[4], hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int row = 0;
    HPO_TRY(hpo_results__prepare(r,
                                 "SELECT n, n_objectives, n_outcomes, n_columns FROM run JOIN problem ON "
                                 "problem.id = run.problem WHERE run.id = ?1",
                                 &st, err));
    sqlite3_bind_int64(st, 1, id);
    hpo_status rc = hpo_results__step(r, st, &row, err);
    if (rc == HPO_OK && !row)
        rc = hpo_fail(err, HPO_ENOTFOUND, "%s: there is no run %lld", r->path, (long long)id);
    for (int i = 0; i < 4 && rc == HPO_OK; i++)
        shape[i] = (size_t)sqlite3_column_int64(st, i);
    sqlite3_finalize(st);
    return rc;
}

static hpo_status read_rows(hpo_results *r, int64_t id, int with_x, hpo_run_rows **out, hpo_error *err)
{
    size_t shape[4] = {0}, n = 0;
    sqlite3_stmt *st = NULL;
    hpo_run_rows *rows;
    int row = 1;
    HPO_TRY(run_shape(r, id, shape, err));
    HPO_TRY(hpo_run_rows_create(shape[0], shape[1], shape[2], with_x ? shape[3] : 0, &rows, err));
    hpo_status rc = hpo_results__prepare(r,
                                         "SELECT trial, state, resource, spent, time, decision, value, "
                                         "recommended, recommended_value, y, outcome, recommended_outcome, x "
                                         "FROM evaluation WHERE run = ?1 ORDER BY idx",
                                         &st, err);
    if (rc == HPO_OK) sqlite3_bind_int64(st, 1, id);
    while (rc == HPO_OK) {
        rc = hpo_results__step(r, st, &row, err);
        if (rc != HPO_OK || !row || n == shape[0]) break;
        read_row(st, with_x, rows, n++);
    }
    sqlite3_finalize(st);
    if (rc == HPO_OK && n != shape[0])
        rc = hpo_fail(err, HPO_ECORRUPT, "%s: run %lld has %zu rows of %zu", r->path, (long long)id, n,
                      shape[0]);
    if (rc != HPO_OK) {
        hpo_free(rows);
        return rc;
    }
    if (!with_x) rows->x = NULL;
    *out = rows;
    return HPO_OK;
}

hpo_status hpo_results_rows(hpo_results *r, int64_t id, int with_x, hpo_run_rows **out, hpo_error *err)
{
    *out = NULL;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = read_rows(r, id, with_x, out, err);
    hpo_mutex_unlock(&r->mutex);
    return rc;
}

/* ---- CSV ---- */

static void csv_text(hpo_str *s, const char *text)
{
    if (strpbrk(text, ",\"\n\r") == NULL) {
        hpo_str_add(s, text);
        return;
    }
    hpo_str_addc(s, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') hpo_str_addc(s, '"');
        hpo_str_addc(s, *p);
    }
    hpo_str_addc(s, '"');
}

static void csv_number(hpo_str *s, double v)
{
    hpo_str_addc(s, ',');
    if (!isnan(v)) hpo_str_double(s, v);
}

/* n of at most `width` columns, the rest empty. */
static void csv_numbers(hpo_str *s, const double *v, size_t n, size_t width)
{
    for (size_t i = 0; i < width; i++)
        csv_number(s, i < n ? v[i] : (double)NAN);
}

static void csv_row(hpo_str *s, const hpo_run_info *run, const hpo_run_rows *rows, size_t i, size_t m,
                    size_t k)
{
    hpo_str params = {0};
    csv_text(s, run->key.problem);
    hpo_str_addc(s, ',');
    csv_text(s, run->suite);
    hpo_str_addc(s, ',');
    csv_text(s, run->key.method);
    hpo_str_addf(s, ",%llu", (unsigned long long)run->key.seed);
    csv_number(s, run->key.budget);
    hpo_str_addf(s, ",%d,%d,%zu,%lld,%s", (int)run->key.workers, (int)run->key.charged, i,
                 (long long)rows->trial[i], hpo_state_name((hpo_state)rows->state[i]));
    csv_number(s, rows->resource[i]);
    csv_number(s, rows->spent[i]);
    csv_number(s, rows->time[i]);
    csv_number(s, rows->decision[i]);
    csv_numbers(s, rows->y + i * rows->m, rows->m, m);
    csv_numbers(s, rows->outcome + i * rows->k, rows->k, k);
    hpo_str_addf(s, ",%lld", (long long)rows->recommended[i]);
    csv_numbers(s, rows->recommended_y + i * rows->m, rows->m, m);
    csv_numbers(s, rows->recommended_outcome + i * rows->k, rows->k, k);
    for (size_t j = 0; j < rows->n_columns; j++) {
        hpo_str_addc(&params, j == 0 ? '[' : ',');
        hpo_str_json_double(&params, rows->x[i * rows->n_columns + j]);
    }
    hpo_str_addc(&params, ']');
    hpo_str_addc(s, ',');
    csv_text(s, params.text != NULL ? params.text : "");
    hpo_str_addc(s, '\n');
    s->failed |= params.failed;
    hpo_str_fini(&params);
}

static void csv_heads(hpo_str *s, size_t m, size_t k)
{
    static const char *const GROUPS[] = {"y", "outcome", "recommended_y", "recommended_outcome"};
    hpo_str_add(s, "problem,suite,method,seed,budget,workers,charged,index,trial,state,resource,spent,time,"
                   "decision_seconds");
    for (size_t g = 0; g < 4; g++) {
        if (g == 2) hpo_str_add(s, ",recommended");
        for (size_t i = 0; i < (g % 2 == 0 ? m : k); i++)
            hpo_str_addf(s, ",%s%zu", GROUPS[g], i);
    }
    hpo_str_add(s, ",params\n");
}

/* The widest problem decides the columns. */
static hpo_status csv_width(hpo_results *r, size_t *m, size_t *k, hpo_error *err)
{
    hpo_problem_info *problems;
    size_t n;
    HPO_TRY(hpo_results_problems(r, &problems, &n, err));
    *m = 1;
    *k = 0;
    for (size_t i = 0; i < n; i++) {
        if (problems[i].n_objectives > *m) *m = problems[i].n_objectives;
        if (problems[i].n_outcomes > *k) *k = problems[i].n_outcomes;
    }
    hpo_free(problems);
    return HPO_OK;
}

hpo_status hpo_results_export_csv(hpo_results *r, const char *path, hpo_error *err)
{
    hpo_run_info *runs;
    hpo_str s = {0};
    size_t n, m, k;
    HPO_TRY(csv_width(r, &m, &k, err));
    HPO_TRY(hpo_results_runs(r, &runs, &n, err));
    csv_heads(&s, m, k);
    hpo_status rc = HPO_OK;
    for (size_t i = 0; i < n && rc == HPO_OK; i++) {
        hpo_run_rows *rows;
        rc = hpo_results_rows(r, runs[i].id, 1, &rows, err);
        for (size_t j = 0; rc == HPO_OK && j < rows->n; j++)
            csv_row(&s, &runs[i], rows, j, m, k);
        if (rc == HPO_OK) hpo_free(rows);
    }
    if (rc == HPO_OK && s.failed) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) rc = hpo_os_write_file(path, s.text, s.len, err);
    hpo_str_fini(&s);
    hpo_free(runs);
    return rc;
}
