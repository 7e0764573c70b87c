/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite_trial.c - trials and reports in SQLite: writing, looking up, reading what is new.
 *
 * Every lookup of an ask goes by an index that holds little more than what is looked for: partial indexes
 * over waiting and over running trials, one over hashes.  What is new is read by (study, seq). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/sqlite.h"

/* ---- binding ------------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
    if (text == NULL)
        (void)sqlite3_bind_null(st, i);
    else
        (void)sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

/* Arrays are written into buffers of the handle, one for each of the five kinds. */
enum { ARRAY_X, ARRAY_Y, ARRAY_SEM, ARRAY_OUTCOME, ARRAY_GRADIENT };

static hpo_status bind_array(hpo_sqlite *s, sqlite3_stmt *st, int i, int which, const double *v, size_t n,
                             hpo_error *err)
{
    hpo_str *text = &s->arrays[which];
    if (v == NULL && n > 0) {
        (void)sqlite3_bind_null(st, i);
        return HPO_OK;
    }
    hpo_sqlite__array_write(text, v, n);
    if (text->failed) {
        hpo_str_fini(text);
        return hpo_fail_memory(err);
    }
    (void)sqlite3_bind_text(st, i, text->text, (int)text->len, SQLITE_STATIC);
    return HPO_OK;
}

/* The study of the open transaction; writing needs begin. */
static hpo_status check_writing(const hpo_sqlite *s, int64_t study, hpo_error *err)
{
    return s->open == study && study != 0 ? HPO_OK : hpo_fail_internal(err, "writing without begin");
}

/* After a failure inside a transaction only rollback may follow. */
static hpo_status broken(hpo_sqlite *s, hpo_status rc)
{
    if (rc != HPO_OK) s->broken = 1;
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------- */

static hpo_status bind_trial(hpo_sqlite *s, sqlite3_stmt *st, const hpo_row_shape *shape,
                             const hpo_trial_record *t, hpo_error *err)
{
    int i = 4; /* behind id, study, number; the order of HPO_SQLITE_TRIAL_COLUMNS */
    (void)sqlite3_bind_int(st, i++, t->state);
    (void)sqlite3_bind_int(st, i++, t->attempt);
    (void)sqlite3_bind_int(st, i++, t->flags);
    (void)sqlite3_bind_int(st, i++, t->lost);
    (void)sqlite3_bind_int64(st, i++, t->draw);
    (void)sqlite3_bind_int64(st, i++, t->parent);
    (void)sqlite3_bind_int64(st, i++, (int64_t)t->token);
    (void)sqlite3_bind_int64(st, i++, (int64_t)t->hash);
    (void)sqlite3_bind_int64(st, i++, t->seq);
    (void)sqlite3_bind_int64(st, i++, t->seq_ask);
    (void)sqlite3_bind_int64(st, i++, t->seq_from);
    (void)sqlite3_bind_int64(st, i++, t->seq_tell);
    (void)sqlite3_bind_int64(st, i++, t->created_ms);
    (void)sqlite3_bind_int64(st, i++, t->started_ms);
    (void)sqlite3_bind_int64(st, i++, t->ended_ms);
    (void)sqlite3_bind_int64(st, i++, t->lease_ms);
    (void)sqlite3_bind_double(st, i++, t->cost);
    HPO_TRY(bind_array(s, st, i++, ARRAY_X, t->x, shape->n_columns, err));
    HPO_TRY(bind_array(s, st, i++, ARRAY_Y, t->y, shape->n_objectives, err));
    HPO_TRY(bind_array(s, st, i++, ARRAY_SEM, t->sem, shape->n_objectives, err));
    HPO_TRY(bind_array(s, st, i++, ARRAY_OUTCOME, t->outcome, shape->n_outcomes, err));
    HPO_TRY(bind_array(s, st, i++, ARRAY_GRADIENT, t->gradient, shape->n_columns, err));
    bind_text(st, i++, t->worker);
    bind_text(st, i++, t->reason);
    bind_text(st, i++, t->checkpoint);
    bind_text(st, i, t->attributes);
    return HPO_OK;
}

static hpo_status insert_trial(hpo_sqlite *s, int64_t study, const hpo_trial_record *t, hpo_error *err)
{
    hpo_row_shape shape;
    sqlite3_stmt *st;
    if (t->number < 0 || t->number >= INT64_C(1) << 40 || (t->x == NULL && s->open == 0))
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: must be from 0 to 2^40", (long long)t->number);
    HPO_TRY(hpo_sqlite__shape(s, study, &shape, err));
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_INSERT_TRIAL, &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, t->number));
    (void)sqlite3_bind_int64(st, 2, study);
    (void)sqlite3_bind_int64(st, 3, t->number);
    HPO_TRY(bind_trial(s, st, &shape, t, err));
    return hpo_sqlite__run(s, st, "writing", err);
}

hpo_status hpo_sqlite__insert_trial(void *self, int64_t study, const hpo_trial_record *t, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(check_writing(s, study, err));
    return broken(s, insert_trial(s, study, t, err));
}

/* The statement that writes exactly these parts: columns that are not named keep their index entries. */
static hpo_status update_statement(hpo_sqlite *s, uint32_t parts, sqlite3_stmt **out, hpo_error *err)
{
    hpo_str sql = {0};
    *out = s->updates[parts];
    if (*out != NULL) return HPO_OK;
    hpo_str_add(&sql, "UPDATE trial SET seq=?2");
    if (parts & HPO_UPDATE_STATE) hpo_str_add(&sql, ", state=?3, attempt=?4, flags=?5, lost=?6, seq_tell=?7");
    if (parts & HPO_UPDATE_LEASE)
        hpo_str_add(&sql, ", token=?8, lease_ms=?9, worker=?10, started_ms=?11, seq_ask=?12");
    if (parts & HPO_UPDATE_RESULT)
        hpo_str_add(&sql, ", y=?13, sem=?14, outcome=?15, gradient=?16, cost=?17, ended_ms=?18, reason=?19, "
                          "checkpoint=?20");
    if (parts & HPO_UPDATE_ATTRS) hpo_str_add(&sql, ", attributes=?21");
    if (parts & HPO_UPDATE_CONFIG) hpo_str_add(&sql, ", x=?22, hash=?23");
    hpo_str_add(&sql, " WHERE id=?1");
    if (sql.failed) {
        hpo_str_fini(&sql);
        return hpo_fail_memory(err);
    }
    int rc = sqlite3_prepare_v3(s->db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    hpo_str_fini(&sql);
    if (rc != SQLITE_OK) return hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "opening", err);
    s->updates[parts] = *out;
    return HPO_OK;
}

static hpo_status bind_parts(hpo_sqlite *s, sqlite3_stmt *st, const hpo_row_shape *shape,
                             const hpo_trial_record *t, uint32_t parts, hpo_error *err)
{
    if (parts & HPO_UPDATE_STATE) {
        (void)sqlite3_bind_int(st, 3, t->state);
        (void)sqlite3_bind_int(st, 4, t->attempt);
        (void)sqlite3_bind_int(st, 5, t->flags);
        (void)sqlite3_bind_int(st, 6, t->lost);
        (void)sqlite3_bind_int64(st, 7, t->seq_tell);
    }
    if (parts & HPO_UPDATE_LEASE) {
        (void)sqlite3_bind_int64(st, 8, (int64_t)t->token);
        (void)sqlite3_bind_int64(st, 9, t->lease_ms);
        bind_text(st, 10, t->worker);
        (void)sqlite3_bind_int64(st, 11, t->started_ms);
        (void)sqlite3_bind_int64(st, 12, t->seq_ask);
    }
    if (parts & HPO_UPDATE_RESULT) {
        HPO_TRY(bind_array(s, st, 13, ARRAY_Y, t->y, shape->n_objectives, err));
        HPO_TRY(bind_array(s, st, 14, ARRAY_SEM, t->sem, shape->n_objectives, err));
        HPO_TRY(bind_array(s, st, 15, ARRAY_OUTCOME, t->outcome, shape->n_outcomes, err));
        HPO_TRY(bind_array(s, st, 16, ARRAY_GRADIENT, t->gradient, shape->n_columns, err));
        (void)sqlite3_bind_double(st, 17, t->cost);
        (void)sqlite3_bind_int64(st, 18, t->ended_ms);
        bind_text(st, 19, t->reason);
        bind_text(st, 20, t->checkpoint);
    }
    if (parts & HPO_UPDATE_ATTRS) bind_text(st, 21, t->attributes);
    if (parts & HPO_UPDATE_CONFIG) {
        HPO_TRY(bind_array(s, st, 22, ARRAY_X, t->x, shape->n_columns, err));
        (void)sqlite3_bind_int64(st, 23, (int64_t)t->hash);
    }
    return HPO_OK;
}

static hpo_status update_trial(hpo_sqlite *s, int64_t study, const hpo_trial_record *t, uint32_t parts,
                               hpo_error *err)
{
    hpo_row_shape shape;
    sqlite3_stmt *st;
    HPO_TRY(hpo_sqlite__shape(s, study, &shape, err));
    HPO_TRY(update_statement(s, parts & (HPO_SQLITE_N_UPDATES - 1), &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, t->number));
    (void)sqlite3_bind_int64(st, 2, t->seq);
    HPO_TRY(bind_parts(s, st, &shape, t, parts, err));
    HPO_TRY(hpo_sqlite__run(s, st, "writing", err));
    if (sqlite3_changes(s->db) == 1) return HPO_OK;
    return hpo_fail(err, HPO_ENOTFOUND, "trial %lld: there is none of that number", (long long)t->number);
}

hpo_status hpo_sqlite__update_trial(void *self, int64_t study, const hpo_trial_record *t, uint32_t parts,
                                    hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(check_writing(s, study, err));
    hpo_status rc = update_trial(s, study, t, parts, err);
    return rc == HPO_ENOTFOUND ? rc : broken(s, rc);
}

/* One integer of the first row; 0 rows: *out untouched. */
static hpo_status first_integer(hpo_sqlite *s, sqlite3_stmt *st, int64_t *out, hpo_error *err)
{
    hpo_status rc = HPO_OK;
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else if (step != SQLITE_DONE)
        rc = hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    (void)sqlite3_reset(st);
    return rc;
}

static hpo_status check_trial(hpo_sqlite *s, int64_t study, int64_t number, hpo_error *err)
{
    sqlite3_stmt *st;
    int64_t found = 0;
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_HAS_TRIAL, &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, number));
    HPO_TRY(first_integer(s, st, &found, err));
    if (found) return HPO_OK;
    return hpo_fail(err, HPO_ENOTFOUND, "trial %lld: there is none of that number", (long long)number);
}

static hpo_status insert_report(hpo_sqlite *s, int64_t study, const hpo_report_record *r, hpo_error *err)
{
    hpo_row_shape shape;
    sqlite3_stmt *st;
    HPO_TRY(hpo_sqlite__shape(s, study, &shape, err));
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_INSERT_REPORT, &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, r->seq));
    (void)sqlite3_bind_int64(st, 2, study);
    (void)sqlite3_bind_int64(st, 3, r->trial);
    (void)sqlite3_bind_int64(st, 4, r->seq);
    (void)sqlite3_bind_int64(st, 5, r->time_ms);
    (void)sqlite3_bind_double(st, 6, r->step);
    (void)sqlite3_bind_int(st, 7, r->fold);
    (void)sqlite3_bind_double(st, 8, r->cost);
    (void)sqlite3_bind_int(st, 9, r->attempt);
    HPO_TRY(bind_array(s, st, 10, ARRAY_Y, r->y, shape.n_objectives, err));
    bind_text(st, 11, r->metrics);
    (void)sqlite3_bind_int(st, 12, r->kind);
    return hpo_sqlite__run(s, st, "writing", err);
}

hpo_status hpo_sqlite__insert_report(void *self, int64_t study, const hpo_report_record *r, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(check_writing(s, study, err));
    HPO_TRY(check_trial(s, study, r->trial, err));
    return broken(s, insert_report(s, study, r, err));
}

/* ---- lookups ------------------------------------------------------------------------------- */

static hpo_status next_ready(hpo_sqlite *s, int64_t study, int64_t now_ms, int64_t *number, hpo_error *err)
{
    sqlite3_stmt *st;
    *number = -1;
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_NEXT_WAITING, &st, err));
    (void)sqlite3_bind_int64(st, 1, study);
    HPO_TRY(first_integer(s, st, number, err));
    if (*number >= 0) return HPO_OK;
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_NEXT_EXPIRED, &st, err));
    (void)sqlite3_bind_int64(st, 1, study);
    (void)sqlite3_bind_int64(st, 2, now_ms);
    return first_integer(s, st, number, err);
}

hpo_status hpo_sqlite__next_ready(void *self, int64_t study, int64_t now_ms, int64_t *number, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = next_ready(s, study, now_ms, number, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

hpo_status hpo_sqlite__find_hash(void *self, int64_t study, uint64_t hash, int64_t *number, hpo_error *err)
{
    hpo_sqlite *s = self;
    sqlite3_stmt *st;
    *number = -1;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__statement(s, HPO_SQL_FIND_HASH, &st, err);
    if (rc == HPO_OK) {
        (void)sqlite3_bind_int64(st, 1, study);
        (void)sqlite3_bind_int64(st, 2, (int64_t)hash);
        rc = first_integer(s, st, number, err);
    }
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------- */

static hpo_status fail_row(const hpo_sqlite *s, const char *what, int64_t number, hpo_error *err)
{
    return hpo_fail(err, HPO_ECORRUPT,
                    "'%s' is damaged: %s of trial %lld: run 'hpo db verify', then restore a backup", s->shown,
                    what, (long long)number);
}

/* Column i as an array into v; *out is v or NULL when the column is NULL. */
static int read_array(sqlite3_stmt *st, int i, double *v, size_t n, const double **out)
{
    *out = NULL;
    const char *text = (const char *)sqlite3_column_text(st, i);
    if (text == NULL) return 1;
    if (!hpo_sqlite__array_read(text, (size_t)sqlite3_column_bytes(st, i), v, n)) return 0;
    if (n > 0) *out = v;
    return 1;
}

static double column_double(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(st, i);
}

static hpo_status reserve_row(hpo_sqlite_row *row, const hpo_row_shape *shape, hpo_error *err)
{
    size_t need = 2 * shape->n_columns + 2 * shape->n_objectives + shape->n_outcomes;
    return hpo_reserve(&row->values, &row->cap, need > 0 ? need : 1, sizeof *row->values, err);
}

/* number and HPO_SQLITE_TRIAL_COLUMNS; texts point into the statement. */
static hpo_status read_trial(const hpo_sqlite *s, sqlite3_stmt *st, const hpo_row_shape *shape, double *v,
                             hpo_trial_record *t, hpo_error *err)
{
    int i = 0, sound = 1;
    memset(t, 0, sizeof *t);
    t->number = sqlite3_column_int64(st, i++);
    t->state = sqlite3_column_int(st, i++);
    t->attempt = sqlite3_column_int(st, i++);
    t->flags = sqlite3_column_int(st, i++);
    t->lost = sqlite3_column_int(st, i++);
    t->draw = sqlite3_column_int64(st, i++);
    t->parent = sqlite3_column_int64(st, i++);
    t->token = (uint64_t)sqlite3_column_int64(st, i++);
    t->hash = (uint64_t)sqlite3_column_int64(st, i++);
    t->seq = sqlite3_column_int64(st, i++);
    t->seq_ask = sqlite3_column_int64(st, i++);
    t->seq_from = sqlite3_column_int64(st, i++);
    t->seq_tell = sqlite3_column_int64(st, i++);
    t->created_ms = sqlite3_column_int64(st, i++);
    t->started_ms = sqlite3_column_int64(st, i++);
    t->ended_ms = sqlite3_column_int64(st, i++);
    t->lease_ms = sqlite3_column_int64(st, i++);
    t->cost = column_double(st, i++);
    sound &= read_array(st, i++, v, shape->n_columns, &t->x);
    v += shape->n_columns;
    sound &= read_array(st, i++, v, shape->n_objectives, &t->y);
    v += shape->n_objectives;
    sound &= read_array(st, i++, v, shape->n_objectives, &t->sem);
    v += shape->n_objectives;
    sound &= read_array(st, i++, v, shape->n_outcomes, &t->outcome);
    v += shape->n_outcomes;
    sound &= read_array(st, i++, v, shape->n_columns, &t->gradient);
    t->worker = (const char *)sqlite3_column_text(st, i++);
    t->reason = (const char *)sqlite3_column_text(st, i++);
    t->checkpoint = (const char *)sqlite3_column_text(st, i++);
    t->attributes = (const char *)sqlite3_column_text(st, i);
    if (t->number < 0 || t->state < 0 || t->state >= HPO_N_STATES || !sound ||
        (t->x == NULL && shape->n_columns > 0))
        return fail_row(s, "the state or an array of numbers", t->number, err);
    return HPO_OK;
}

static hpo_status read_report(const hpo_sqlite *s, sqlite3_stmt *st, const hpo_row_shape *shape, double *v,
                              hpo_report_record *r, hpo_error *err)
{
    memset(r, 0, sizeof *r);
    r->trial = sqlite3_column_int64(st, 0);
    r->seq = sqlite3_column_int64(st, 1);
    r->time_ms = sqlite3_column_int64(st, 2);
    r->step = column_double(st, 3);
    r->fold = sqlite3_column_int(st, 4);
    r->cost = column_double(st, 5);
    r->attempt = sqlite3_column_int(st, 6);
    int sound = read_array(st, 7, v, shape->n_objectives, &r->y);
    r->metrics = (const char *)sqlite3_column_text(st, 8);
    r->kind = sqlite3_column_int(st, 9);
    return sound && r->y != NULL && r->trial >= 0 ? HPO_OK
                                                  : fail_row(s, "the values of a report", r->trial, err);
}

/* Copies a text behind the ones before; the place is an offset while the buffer may still move. */
static size_t keep_text(hpo_str *texts, const char *text)
{
    if (text == NULL) return SIZE_MAX;
    size_t at = texts->len;
    hpo_str_addn(texts, text, strlen(text) + 1);
    return at;
}

static const char *kept(const hpo_str *texts, size_t at)
{
    return at == SIZE_MAX ? NULL : texts->text + at;
}

/* Steps a statement that looks up one trial onto its row. */
static hpo_status step_trial(hpo_sqlite *s, sqlite3_stmt *st, int64_t number, hpo_error *err)
{
    int step = number < 0 ? SQLITE_DONE : sqlite3_step(st);
    if (step == SQLITE_ROW) return HPO_OK;
    if (step != SQLITE_DONE) return hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    return hpo_fail(err, HPO_ENOTFOUND, "trial %lld: there is none of that number", (long long)number);
}

static hpo_status get_trial(hpo_sqlite *s, int64_t study, int64_t number, hpo_trial_record *out,
                            hpo_error *err)
{
    hpo_row_shape shape;
    sqlite3_stmt *st;
    hpo_str *texts = &s->row.texts;
    HPO_TRY(hpo_sqlite__shape(s, study, &shape, err));
    HPO_TRY(reserve_row(&s->row, &shape, err));
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_GET_TRIAL, &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, number));
    hpo_status rc = step_trial(s, st, number, err);
    if (rc == HPO_OK) rc = read_trial(s, st, &shape, s->row.values, out, err);
    if (rc == HPO_OK) {
        hpo_str_clear(texts);
        size_t worker = keep_text(texts, out->worker), reason = keep_text(texts, out->reason);
        size_t checkpoint = keep_text(texts, out->checkpoint), attributes = keep_text(texts, out->attributes);
        if (texts->failed) {
            hpo_str_fini(texts);
            rc = hpo_fail_memory(err);
        } else {
            out->worker = kept(texts, worker);
            out->reason = kept(texts, reason);
            out->checkpoint = kept(texts, checkpoint);
            out->attributes = kept(texts, attributes);
        }
    }
    (void)sqlite3_reset(st);
    return rc;
}

hpo_status hpo_sqlite__get_trial(void *self, int64_t study, int64_t number, hpo_trial_record *out,
                                 hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = get_trial(s, study, number, out, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

/* One statement being read: its next row, if any, is decoded. */
typedef struct cursor {
    sqlite3_stmt *st; /* NULL: not read, or at the end */
    int64_t seq;      /* of the row it stands on */
    int column;       /* where seq stands */
} cursor;

static hpo_status advance(hpo_sqlite *s, cursor *c, hpo_error *err)
{
    if (c->st == NULL) return HPO_OK;
    int step = sqlite3_step(c->st);
    if (step == SQLITE_ROW) {
        c->seq = sqlite3_column_int64(c->st, c->column);
        return HPO_OK;
    }
    hpo_status rc =
        step == SQLITE_DONE ? HPO_OK : hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    (void)sqlite3_reset(c->st);
    c->st = NULL;
    return rc;
}

static hpo_status start(hpo_sqlite *s, hpo_sqlite_statement which, int64_t first, int64_t second, int column,
                        cursor *c, hpo_error *err)
{
    HPO_TRY(hpo_sqlite__statement(s, which, &c->st, err));
    if (sqlite3_stmt_busy(c->st)) {
        c->st = NULL;
        return hpo_fail_internal(err, "reading changes inside a reader of changes");
    }
    (void)sqlite3_bind_int64(c->st, 1, first);
    (void)sqlite3_bind_int64(c->st, 2, second);
    c->column = column;
    return advance(s, c, err);
}

static hpo_status merge(hpo_sqlite *s, const hpo_row_shape *shape, cursor *trials, cursor *reports, double *v,
                        const hpo_reader *reader, hpo_error *err)
{
    hpo_trial_record t;
    hpo_report_record r;
    while (trials->st != NULL || reports->st != NULL) {
        if (trials->st != NULL && (reports->st == NULL || trials->seq <= reports->seq)) {
            HPO_TRY(read_trial(s, trials->st, shape, v, &t, err));
            HPO_TRY(reader->trial(reader->ctx, &t));
            HPO_TRY(advance(s, trials, err));
        } else {
            HPO_TRY(read_report(s, reports->st, shape, v, &r, err));
            HPO_TRY(reader->report(reader->ctx, &r));
            HPO_TRY(advance(s, reports, err));
        }
    }
    return HPO_OK;
}

/* The shape of the rows that this read transaction sees: a header has just told whether they have grown. */
static hpo_status current_shape(hpo_sqlite *s, int64_t study, hpo_row_shape *out, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_sqlite__load_header(s, study, &h, err));
    return hpo_sqlite__shape(s, study, out, err);
}

enum { SEQ_OF_TRIAL = 9, SEQ_OF_REPORT = 1 }; /* places in the two lists of columns */

static hpo_status read_since(hpo_sqlite *s, int64_t study, int64_t seq, const hpo_reader *reader,
                             hpo_error *err)
{
    hpo_row_shape shape;
    hpo_sqlite_row row = {0};
    cursor trials = {0}, reports = {0};
    int began;
    HPO_TRY(hpo_sqlite__begin_read(s, &began, err));
    hpo_status rc = current_shape(s, study, &shape, err);
    if (rc == HPO_OK) rc = reserve_row(&row, &shape, err);
    if (rc == HPO_OK) rc = start(s, HPO_SQL_TRIALS_SINCE, study, seq, SEQ_OF_TRIAL, &trials, err);
    if (rc == HPO_OK && reader->report != NULL) {
        int64_t from = HPO_SQLITE_ID(study, seq < 0 ? -1 : seq), to = HPO_SQLITE_ID(study + 1, 0);
        rc = start(s, HPO_SQL_REPORTS_SINCE, from, to, SEQ_OF_REPORT, &reports, err);
    }
    if (rc == HPO_OK) rc = merge(s, &shape, &trials, &reports, row.values, reader, err);
    if (trials.st != NULL) (void)sqlite3_reset(trials.st);
    if (reports.st != NULL) (void)sqlite3_reset(reports.st);
    hpo_sqlite__end_read(s, began);
    hpo_free(row.values);
    return rc;
}

hpo_status hpo_sqlite__read_since(void *self, int64_t study, int64_t seq, const hpo_reader *reader,
                                  hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = read_since(s, study, seq, reader, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

static hpo_status read_one(hpo_sqlite *s, int64_t study, int64_t number, const hpo_row_shape *shape,
                           double *v, const hpo_reader *reader, hpo_error *err)
{
    hpo_trial_record t;
    sqlite3_stmt *st;
    if (reader->trial == NULL) return check_trial(s, study, number, err);
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_GET_TRIAL, &st, err));
    (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, number));
    hpo_status rc = step_trial(s, st, number, err);
    if (rc == HPO_OK) rc = read_trial(s, st, shape, v, &t, err);
    if (rc == HPO_OK) rc = reader->trial(reader->ctx, &t);
    (void)sqlite3_reset(st);
    return rc;
}

static hpo_status read_reports(hpo_sqlite *s, int64_t study, int64_t number, const hpo_reader *reader,
                               hpo_error *err)
{
    hpo_row_shape shape;
    hpo_report_record r;
    hpo_sqlite_row row = {0};
    cursor reports = {0};
    int began;
    HPO_TRY(hpo_sqlite__begin_read(s, &began, err));
    hpo_status rc = current_shape(s, study, &shape, err);
    if (rc == HPO_OK) rc = reserve_row(&row, &shape, err);
    if (rc == HPO_OK) rc = read_one(s, study, number, &shape, row.values, reader, err);
    if (rc == HPO_OK && reader->report != NULL)
        rc = start(s, HPO_SQL_REPORTS_OF, study, number, SEQ_OF_REPORT, &reports, err);
    while (rc == HPO_OK && reports.st != NULL) {
        rc = read_report(s, reports.st, &shape, row.values, &r, err);
        if (rc == HPO_OK) rc = reader->report(reader->ctx, &r);
        if (rc == HPO_OK) rc = advance(s, &reports, err);
    }
    if (reports.st != NULL) (void)sqlite3_reset(reports.st);
    hpo_sqlite__end_read(s, began);
    hpo_free(row.values);
    return rc;
}

hpo_status hpo_sqlite__read_reports(void *self, int64_t study, int64_t number, const hpo_reader *reader,
                                    hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = read_reports(s, study, number, reader, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

/* ---- longer rows ----------------------------------------------------------------------------- */

hpo_status hpo_sqlite__widen_trials(hpo_sqlite *s, int64_t study, size_t more, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    hpo_str tail = {0};
    for (size_t i = 0; i < more; i++)
        hpo_str_add(&tail, i > 0 ? ",null" : "null");
    hpo_str_addc(&tail, ']');
    if (tail.failed) {
        hpo_str_fini(&tail);
        return hpo_fail_memory(err);
    }
    int rc = sqlite3_prepare_v2(
        s->db,
        "UPDATE trial SET x = substr(x, 1, length(x) - 1) || iif(x = '[]', '', ',') || ?3, "
        "gradient = substr(gradient, 1, length(gradient) - 1) || iif(gradient = '[]', '', ',') || ?3 "
        "WHERE id >= ?1 AND id < ?2",
        -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, HPO_SQLITE_ID(study, 0));
        (void)sqlite3_bind_int64(st, 2, HPO_SQLITE_ID(study + 1, 0));
        (void)sqlite3_bind_text(st, 3, tail.text, (int)tail.len, SQLITE_STATIC);
        rc = sqlite3_step(st);
    }
    hpo_status status =
        rc == SQLITE_DONE ? HPO_OK : hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "writing", err);
    (void)sqlite3_finalize(st);
    hpo_str_fini(&tail);
    return status;
}
