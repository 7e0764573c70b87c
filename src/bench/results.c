/* SPDX-License-Identifier: Apache-2.0 */
/* bench/results.c - the file of results: opening, problems, runs; rows are in results_rows.c.
 *
 * The file is in WAL mode, so a report may read it while a comparison writes.  A lock file keeps a second
 * writer away. */
#include "bench/results.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "bench/results_file.h"

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS problem("
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, suites INTEGER, n_columns INTEGER, n_dims INTEGER, "
    "n_objectives INTEGER, n_outcomes INTEGER, full_resource REAL, noisy INTEGER, exact_known INTEGER, "
    "best_is_exact INTEGER, typical REAL, best_hypervolume REAL, budget INTEGER, best TEXT, reference_point "
    "TEXT);"
    "CREATE TABLE IF NOT EXISTS run("
    "id INTEGER PRIMARY KEY, problem INTEGER NOT NULL REFERENCES problem(id), method TEXT NOT NULL, seed "
    "INTEGER NOT NULL, budget REAL NOT NULL, workers INTEGER NOT NULL, charged INTEGER NOT NULL, suite TEXT "
    "NOT NULL, error TEXT, n INTEGER NOT NULL, virtual_seconds REAL, wall_seconds REAL, decision_p50 REAL, "
    "decision_p99 REAL, decision_total REAL, ended_ms INTEGER, "
    "UNIQUE(problem, method, seed, budget, workers, charged));"
    "CREATE TABLE IF NOT EXISTS evaluation("
    "run INTEGER NOT NULL REFERENCES run(id), idx INTEGER NOT NULL, trial INTEGER NOT NULL, state TEXT NOT "
    "NULL, resource REAL, spent REAL, time REAL, decision REAL, value REAL, recommended INTEGER, "
    "recommended_value REAL, y TEXT, outcome TEXT, recommended_outcome TEXT, x TEXT, PRIMARY KEY(run, idx)) "
    "WITHOUT ROWID;"
    "INSERT OR IGNORE INTO meta VALUES('schema','1');"
    "COMMIT";

/* ---- statements ---------------------------------------------------------------------------------- */

hpo_status hpo_results__fail(const hpo_results *r, hpo_error *err)
{
    return hpo_fail(err, HPO_EIO, "%s: %s", r->path, sqlite3_errmsg(r->db));
}

hpo_status hpo_results__prepare(hpo_results *r, const char *sql, sqlite3_stmt **out, hpo_error *err)
{
    return sqlite3_prepare_v2(r->db, sql, -1, out, NULL) == SQLITE_OK ? HPO_OK : hpo_results__fail(r, err);
}

hpo_status hpo_results__step(hpo_results *r, sqlite3_stmt *st, int *row, hpo_error *err)
{
    int rc = sqlite3_step(st);
    if (row != NULL) *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? HPO_OK : hpo_results__fail(r, err);
}

hpo_status hpo_results__run(hpo_results *r, const char *sql, hpo_error *err)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HPO_OK : hpo_results__fail(r, err);
}

void hpo_results__bind_text(sqlite3_stmt *st, int i, const char *text)
{
    if (text == NULL)
        sqlite3_bind_null(st, i);
    else
        sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
}

double hpo_results__real(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(st, i);
}

/* "[1,null,2.5]"; NULL for an array without any number. */
void hpo_results__bind_array(sqlite3_stmt *st, int i, const double *v, size_t n, hpo_str *scratch)
{
    int any = 0, failed = scratch->failed;
    hpo_str_clear(scratch);
    scratch->failed |= failed; /* of an array before: looked at when all are bound */
    for (size_t j = 0; j < n; j++) {
        hpo_str_addc(scratch, j == 0 ? '[' : ',');
        hpo_str_json_double(scratch, v[j]);
        any |= !isnan(v[j]);
    }
    hpo_str_addc(scratch, ']');
    if (!any || scratch->failed)
        sqlite3_bind_null(st, i);
    else
        sqlite3_bind_text(st, i, scratch->text, (int)scratch->len, SQLITE_TRANSIENT);
}

void hpo_results__array(sqlite3_stmt *st, int i, double *v, size_t n)
{
    const char *p = (const char *)sqlite3_column_text(st, i);
    for (size_t j = 0; j < n; j++) {
        v[j] = (double)NAN;
        if (p == NULL || (*p != '[' && *p != ',')) continue;
        const char *end = hpo_double_parse(p + 1, &v[j]);
        p = end != p + 1 ? end : strncmp(end, "null", 4) == 0 ? end + 4 : NULL;
    }
}

/* ---- opening -------------------------------------------------------------------------------------- */

static hpo_status check_schema(hpo_results *r, hpo_error *err)
{
    char *text = NULL;
    hpo_status rc = hpo_results_get_meta(r, "schema", &text, err);
    if (rc == HPO_OK && (text == NULL || strcmp(text, "1") != 0))
        rc = hpo_fail(err, HPO_EUNSUPPORTED, "%s has schema %s, this version reads 1: use another folder",
                      r->path, text != NULL ? text : "?");
    hpo_free(text);
    return rc;
}

static hpo_status take_lock(hpo_results *r, const char *dir, hpo_error *err)
{
    hpo_str path = {0};
    hpo_str_addf(&path, "%s/results.lock", dir);
    hpo_status rc = path.failed ? hpo_fail_memory(err) : hpo_os_lock_open(&r->lock, path.text, err);
    hpo_str_fini(&path);
    if (rc != HPO_OK) return rc;
    rc = hpo_os_lock_take(&r->lock, 0, err);
    if (rc == HPO_EBUSY)
        rc = hpo_fail(err, HPO_EBUSY,
                      "%s: another `hpo bench run` is writing there: wait, or use another --out", dir);
    return rc;
}

static hpo_status open_file(hpo_results *r, const char *dir, int write, hpo_error *err)
{
    hpo_str path = {0};
    if (write) {
        HPO_TRY(hpo_os_mkdirs(dir, err));
        HPO_TRY(take_lock(r, dir, err));
    }
    hpo_str_addf(&path, "%s/results.sqlite", dir);
    HPO_TRY(hpo_str_steal(&path, &r->path, err));
    if (!write && !hpo_os_exists(r->path))
        return hpo_fail(err, HPO_ENOTFOUND,
                        "%s: there is no such file: name a folder that `hpo bench run` has written", r->path);
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(r->path, &r->db, flags, NULL) != SQLITE_OK) return hpo_results__fail(r, err);
    sqlite3_busy_timeout(r->db, 10000);
    if (!write) return check_schema(r, err);
    HPO_TRY(hpo_results__run(r, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
                             err));
    HPO_TRY(hpo_results__run(r, SCHEMA, err));
    return check_schema(r, err);
}

hpo_status hpo_results_open(const char *dir, int write, hpo_results **out, hpo_error *err)
{
    *out = NULL;
    hpo_results *r = hpo_calloc(1, sizeof *r);
    if (r == NULL) return hpo_fail_memory(err);
    r->lock.fd = -1;
    hpo_status rc = hpo_mutex_init(&r->mutex, err);
    if (rc != HPO_OK) {
        hpo_free(r);
        return rc;
    }
    rc = open_file(r, dir, write, err);
    if (rc != HPO_OK) {
        hpo_results_free(r);
        return rc;
    }
    *out = r;
    return HPO_OK;
}

void hpo_results_free(hpo_results *r)
{
    if (r == NULL) return;
    sqlite3_finalize(r->insert);
    /* A file at rest is one file, that can be read where nothing can be written (a reader at work prevents
     * it). */
    if (r->lock.fd >= 0 && r->db != NULL) sqlite3_exec(r->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    sqlite3_close(r->db);
    if (r->lock.fd >= 0) {
        hpo_os_lock_release(&r->lock);
        hpo_os_lock_close(&r->lock);
    }
    hpo_mutex_fini(&r->mutex);
    hpo_free(r->path);
    hpo_free(r);
}

/* ---- meta ------------------------------------------------------------------------------------------ */

hpo_status hpo_results_get_meta(hpo_results *r, const char *key, char **out, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int row = 0;
    *out = NULL;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = hpo_results__prepare(r, "SELECT value FROM meta WHERE key = ?1", &st, err);
    if (rc == HPO_OK) {
        hpo_results__bind_text(st, 1, key);
        rc = hpo_results__step(r, st, &row, err);
    }
    if (rc == HPO_OK && row) {
        *out = hpo_strdup((const char *)sqlite3_column_text(st, 0));
        if (*out == NULL) rc = hpo_fail_memory(err);
    }
    sqlite3_finalize(st);
    hpo_mutex_unlock(&r->mutex);
    return rc;
}

hpo_status hpo_results_set_meta(hpo_results *r, const char *key, const char *value, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = hpo_results__prepare(r, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)", &st, err);
    if (rc == HPO_OK) {
        hpo_results__bind_text(st, 1, key);
        hpo_results__bind_text(st, 2, value);
        rc = hpo_results__step(r, st, NULL, err);
    }
    sqlite3_finalize(st);
    hpo_mutex_unlock(&r->mutex);
    return rc;
}

/* ---- problems -------------------------------------------------------------------------------------- */

#define PROBLEM_COLUMNS                                                                                      \
    "name, suites, n_columns, n_dims, n_objectives, n_outcomes, full_resource, noisy, exact_known, "         \
    "best_is_exact, typical, best_hypervolume, budget, best, reference_point"

static void bind_problem(sqlite3_stmt *st, const hpo_problem *p, hpo_str *scratch)
{
    hpo_results__bind_text(st, 1, p->name);
    sqlite3_bind_int64(st, 2, p->suites);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)hpo_space_n_columns(p->space));
    sqlite3_bind_int64(st, 4, (sqlite3_int64)hpo_space_n_dims(p->space));
    sqlite3_bind_int64(st, 5, (sqlite3_int64)p->n_objectives);
    sqlite3_bind_int64(st, 6, (sqlite3_int64)p->n_outcomes);
    sqlite3_bind_double(st, 7, p->full_resource); /* SQLite stores NaN as NULL */
    sqlite3_bind_int(st, 8, p->noisy);
    sqlite3_bind_int(st, 9, p->exact_known);
    sqlite3_bind_int(st, 10, p->best_is_exact);
    sqlite3_bind_double(st, 11, p->typical);
    sqlite3_bind_double(st, 12, p->best_hypervolume);
    sqlite3_bind_int64(st, 13, p->budget);
    hpo_results__bind_array(st, 14, p->best, p->n_objectives, scratch);
    hpo_results__bind_array(st, 15, p->reference_point, p->n_objectives, scratch);
}

static void read_problem(sqlite3_stmt *st, hpo_problem_info *p)
{
    p->suites = (uint32_t)sqlite3_column_int64(st, 1);
    p->n_columns = (size_t)sqlite3_column_int64(st, 2);
    p->n_dims = (size_t)sqlite3_column_int64(st, 3);
    p->n_objectives = (size_t)sqlite3_column_int64(st, 4);
    p->n_outcomes = (size_t)sqlite3_column_int64(st, 5);
    p->full_resource = hpo_results__real(st, 6);
    p->noisy = sqlite3_column_int(st, 7);
    p->exact_known = sqlite3_column_int(st, 8);
    p->best_is_exact = sqlite3_column_int(st, 9);
    p->typical = hpo_results__real(st, 10);
    p->best_hypervolume = hpo_results__real(st, 11);
    p->budget = sqlite3_column_int64(st, 12);
    hpo_results__array(st, 13, p->best, HPO_BENCH_MAX_OBJECTIVES);
    hpo_results__array(st, 14, p->reference_point, HPO_BENCH_MAX_OBJECTIVES);
}

static int same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* What regret is measured with must not change between runs that are compared. */
static hpo_status check_same(const hpo_results *r, const hpo_problem *p, const hpo_problem_info *old,
                             hpo_error *err)
{
    int is_same = old->n_columns == hpo_space_n_columns(p->space) && old->n_objectives == p->n_objectives &&
                  old->n_outcomes == p->n_outcomes && same(old->typical, p->typical) &&
                  same(old->full_resource, p->full_resource);
    for (size_t i = 0; i < p->n_objectives; i++)
        is_same = is_same && same(old->best[i], p->best[i]);
    if (is_same) return HPO_OK;
    return hpo_fail(err, HPO_EINVAL,
                    "problem '%s' is not what it was when %s was begun: write to another folder", p->name,
                    r->path);
}

static hpo_status add_problem(hpo_results *r, const hpo_problem *p, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    hpo_problem_info old;
    hpo_str scratch = {0};
    int row = 0;
    hpo_status rc =
        hpo_results__prepare(r, "SELECT " PROBLEM_COLUMNS " FROM problem WHERE name = ?1", &st, err);
    if (rc == HPO_OK) {
        hpo_results__bind_text(st, 1, p->name);
        rc = hpo_results__step(r, st, &row, err);
    }
    if (rc == HPO_OK && row) {
        read_problem(st, &old);
        rc = check_same(r, p, &old, err);
    }
    sqlite3_finalize(st);
    if (rc != HPO_OK || row) return rc;
    HPO_TRY(hpo_results__prepare(r,
                                 "INSERT INTO problem(" PROBLEM_COLUMNS
                                 ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
                                 &st, err));
    bind_problem(st, p, &scratch);
    rc = scratch.failed ? hpo_fail_memory(err) : hpo_results__step(r, st, NULL, err);
    sqlite3_finalize(st);
    hpo_str_fini(&scratch);
    return rc;
}

hpo_status hpo_results_add_problem(hpo_results *r, const hpo_problem *p, hpo_error *err)
{
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = add_problem(r, p, err);
    hpo_mutex_unlock(&r->mutex);
    return rc;
}

/* ---- lists: structs, then their texts, in one block ------------------------------------------------ */

/* Texts of a list are gathered as offsets first; their block moves while it grows. */
static const char *at_offset(const char *text, size_t offset)
{
    return offset == SIZE_MAX ? NULL : text + offset;
}

static size_t keep_text(hpo_str *texts, sqlite3_stmt *st, int column)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    if (text == NULL) return SIZE_MAX;
    size_t offset = texts->len;
    hpo_str_addn(texts, text, strlen(text) + 1);
    return offset;
}

typedef struct text_offsets {
    size_t at[4];
} text_offsets;

typedef struct list {
    char *items;
    text_offsets *offsets;
    size_t n, cap, cap_offsets;
    hpo_str texts;
} list;

static hpo_status collect(hpo_results *r, const char *sql, size_t item_size,
                          void (*read)(sqlite3_stmt *st, void *item, text_offsets *at, hpo_str *texts),
                          list *l, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int row = 1;
    HPO_TRY(hpo_results__prepare(r, sql, &st, err));
    hpo_status rc = HPO_OK;
    while (rc == HPO_OK) {
        rc = hpo_results__step(r, st, &row, err);
        if (rc != HPO_OK || !row) break;
        rc = hpo_reserve(&l->items, &l->cap, (l->n + 1) * item_size, 1, err);
        if (rc == HPO_OK) rc = hpo_reserve(&l->offsets, &l->cap_offsets, l->n + 1, sizeof *l->offsets, err);
        if (rc != HPO_OK) break;
        memset(l->items + l->n * item_size, 0, item_size);
        read(st, l->items + l->n * item_size, &l->offsets[l->n], &l->texts);
        l->n++;
    }
    if (rc == HPO_OK && l->texts.failed) rc = hpo_fail_memory(err);
    sqlite3_finalize(st);
    return rc;
}

/* The items with their texts behind them; *texts is where those begin. */
static hpo_status join(list *l, size_t item_size, void **out, const char **texts, hpo_error *err)
{
    size_t n = l->n * item_size;
    char *block = hpo_alloc(n + l->texts.len + 1);
    if (block == NULL) return hpo_fail_memory(err);
    if (n > 0) memcpy(block, l->items, n);
    if (l->texts.len > 0) memcpy(block + n, l->texts.text, l->texts.len);
    *out = block;
    *texts = block + n;
    return HPO_OK;
}

static void list_fini(list *l)
{
    hpo_free(l->items);
    hpo_free(l->offsets);
    hpo_str_fini(&l->texts);
}

static void read_listed_problem(sqlite3_stmt *st, void *item, text_offsets *at, hpo_str *texts)
{
    at->at[0] = keep_text(texts, st, 0);
    read_problem(st, item);
}

hpo_status hpo_results_problems(hpo_results *r, hpo_problem_info **out, size_t *n, hpo_error *err)
{
    list l = {0};
    void *block = NULL;
    const char *texts = NULL;
    *out = NULL;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = collect(r, "SELECT " PROBLEM_COLUMNS " FROM problem ORDER BY name",
                            sizeof(hpo_problem_info), read_listed_problem, &l, err);
    hpo_mutex_unlock(&r->mutex);
    if (rc == HPO_OK) rc = join(&l, sizeof(hpo_problem_info), &block, &texts, err);
    if (rc == HPO_OK) {
        *out = block;
        *n = l.n;
        for (size_t i = 0; i < l.n; i++)
            (*out)[i].name = at_offset(texts, l.offsets[i].at[0]);
    }
    list_fini(&l);
    return rc;
}

static void read_run(sqlite3_stmt *st, void *item, text_offsets *at, hpo_str *texts)
{
    hpo_run_info *run = item;
    at->at[0] = keep_text(texts, st, 0);
    at->at[1] = keep_text(texts, st, 1);
    run->key.seed = (uint64_t)sqlite3_column_int64(st, 2);
    run->key.budget = hpo_results__real(st, 3);
    run->key.workers = sqlite3_column_int(st, 4);
    run->key.charged = sqlite3_column_int(st, 5);
    run->id = sqlite3_column_int64(st, 6);
    at->at[2] = keep_text(texts, st, 7);
    at->at[3] = keep_text(texts, st, 8);
    run->n = sqlite3_column_int64(st, 9);
    run->virtual_seconds = hpo_results__real(st, 10);
    run->wall_seconds = hpo_results__real(st, 11);
    run->decision_p50 = hpo_results__real(st, 12);
    run->decision_p99 = hpo_results__real(st, 13);
    run->decision_total = hpo_results__real(st, 14);
    run->ended_ms = sqlite3_column_int64(st, 15);
}

hpo_status hpo_results_runs(hpo_results *r, hpo_run_info **out, size_t *n, hpo_error *err)
{
    list l = {0};
    void *block = NULL;
    const char *texts = NULL;
    *out = NULL;
    hpo_mutex_lock(&r->mutex);
    hpo_status rc = collect(r,
                            "SELECT problem.name, method, seed, run.budget, workers, charged, run.id, suite, "
                            "error, n, virtual_seconds, wall_seconds, decision_p50, decision_p99, "
                            "decision_total, ended_ms FROM run JOIN problem ON problem.id = run.problem "
                            "ORDER BY problem.name, method, run.budget, workers, charged, seed",
                            sizeof(hpo_run_info), read_run, &l, err);
    hpo_mutex_unlock(&r->mutex);
    if (rc == HPO_OK) rc = join(&l, sizeof(hpo_run_info), &block, &texts, err);
    if (rc == HPO_OK) {
        *out = block;
        *n = l.n;
        for (size_t i = 0; i < l.n; i++) {
            hpo_run_info *run = &(*out)[i];
            const size_t *at = l.offsets[i].at;
            run->key.problem = at_offset(texts, at[0]);
            run->key.method = at_offset(texts, at[1]);
            run->suite = at_offset(texts, at[2]);
            run->error = at_offset(texts, at[3]);
        }
    }
    list_fini(&l);
    return rc;
}
