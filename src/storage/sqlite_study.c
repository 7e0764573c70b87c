/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite_study.c - studies and their counters in SQLite. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/record.h"
#include "storage/sqlite.h"

static hpo_status fail_no_name(const hpo_sqlite *s, const char *name, hpo_error *err)
{
    return hpo_fail(err, HPO_ENOTFOUND, "study '%s': there is none of that name in '%s'", name, s->shown);
}

static hpo_status fail_no_study(const hpo_sqlite *s, int64_t study, hpo_error *err)
{
    return hpo_fail(err, HPO_ENOTFOUND, "study %lld of '%s': it was deleted", (long long)study, s->shown);
}

/* More columns than any space has: a damaged file. */
static const size_t MAX_WIDTH = 1u << 24;

/* Ends a statement; the text of a failed one. */
static hpo_status finish(hpo_sqlite *s, sqlite3_stmt *st, int rc, const char *doing, hpo_error *err)
{
    hpo_status status = HPO_OK;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW && rc != SQLITE_OK)
        status = hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), doing, err);
    (void)sqlite3_finalize(st);
    return status;
}

/* ---- counters ------------------------------------------------------------------------------ */

static double column_double(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(st, i);
}

/* HPO_SQLITE_HEADER_COLUMNS from column i on. */
static void read_header_columns(sqlite3_stmt *st, int i, hpo_study_header *h)
{
    memset(h, 0, sizeof *h);
    h->seq = sqlite3_column_int64(st, i++);
    h->next_number = sqlite3_column_int64(st, i++);
    h->next_draw = sqlite3_column_int64(st, i++);
    for (int k = 0; k < HPO_N_STATES; k++)
        h->n_by_state[k] = sqlite3_column_int64(st, i++);
    h->status = sqlite3_column_int(st, i++);
    h->stop_reason = sqlite3_column_int(st, i++);
    h->cost = column_double(st, i++);
    h->last_ms = sqlite3_column_int64(st, i++);
    h->active_ms = sqlite3_column_int64(st, i++);
    h->lease_max_ms = sqlite3_column_int64(st, i++);
    h->best_value = column_double(st, i++);
    h->best_number = sqlite3_column_int64(st, i++);
    h->since_best = sqlite3_column_int64(st, i++);
    h->texts_seq = sqlite3_column_int64(st, i);
}

/* From parameter i on; a NaN is bound as NULL by SQLite itself. */
static void bind_header(sqlite3_stmt *st, int i, const hpo_study_header *h)
{
    (void)sqlite3_bind_int64(st, i++, h->seq);
    (void)sqlite3_bind_int64(st, i++, h->next_number);
    (void)sqlite3_bind_int64(st, i++, h->next_draw);
    for (int k = 0; k < HPO_N_STATES; k++)
        (void)sqlite3_bind_int64(st, i++, h->n_by_state[k]);
    (void)sqlite3_bind_int64(st, i++, h->status);
    (void)sqlite3_bind_int64(st, i++, h->stop_reason);
    (void)sqlite3_bind_double(st, i++, h->cost);
    (void)sqlite3_bind_int64(st, i++, h->last_ms);
    (void)sqlite3_bind_int64(st, i++, h->active_ms);
    (void)sqlite3_bind_int64(st, i++, h->lease_max_ms);
    (void)sqlite3_bind_double(st, i++, h->best_value);
    (void)sqlite3_bind_int64(st, i++, h->best_number);
    (void)sqlite3_bind_int64(st, i++, h->since_best);
    (void)sqlite3_bind_int64(st, i, h->texts_seq);
}

void hpo_sqlite__forget_shape(hpo_sqlite *s, int64_t study, int64_t texts_seq)
{
    for (size_t i = 0; i < s->n_shapes; i++)
        if (s->shapes[i].study == study && s->shapes[i].texts_seq != texts_seq) {
            s->shapes[i] = s->shapes[--s->n_shapes];
            return;
        }
}

hpo_status hpo_sqlite__load_header(hpo_sqlite *s, int64_t study, hpo_study_header *out, hpo_error *err)
{
    sqlite3_stmt *st;
    hpo_status rc = HPO_OK;
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_HEADER, &st, err));
    (void)sqlite3_bind_int64(st, 1, study);
    int step = sqlite3_step(st);
    if (step == SQLITE_ROW) {
        read_header_columns(st, 0, out);
        hpo_sqlite__forget_shape(s, study, out->texts_seq);
    } else if (step == SQLITE_DONE)
        rc = fail_no_study(s, study, err);
    else
        rc = hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    (void)sqlite3_reset(st);
    return rc;
}

hpo_status hpo_sqlite__store_header(hpo_sqlite *s, int64_t study, const hpo_study_header *h, hpo_error *err)
{
    sqlite3_stmt *st;
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_SET_HEADER, &st, err));
    (void)sqlite3_bind_int64(st, 1, study);
    bind_header(st, 2, h);
    return hpo_sqlite__run(s, st, "writing", err);
}

hpo_status hpo_sqlite__read_header(void *self, int64_t study, hpo_study_header *out, hpo_error *err)
{
    hpo_sqlite *s = self;
    hpo_study_header unused;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__load_header(s, study, out != NULL ? out : &unused, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

hpo_status hpo_sqlite__shape(hpo_sqlite *s, int64_t study, hpo_row_shape *out, hpo_error *err)
{
    sqlite3_stmt *st;
    for (size_t i = 0; i < s->n_shapes; i++) {
        if (s->shapes[i].study != study) continue;
        *out = s->shapes[i].shape;
        return HPO_OK;
    }
    HPO_TRY(hpo_reserve(&s->shapes, &s->cap_shapes, s->n_shapes + 1, sizeof *s->shapes, err));
    HPO_TRY(hpo_sqlite__statement(s, HPO_SQL_SHAPE, &st, err));
    (void)sqlite3_bind_int64(st, 1, study);
    int step = sqlite3_step(st);
    hpo_status rc = HPO_OK;
    if (step == SQLITE_ROW) {
        out->n_columns = (size_t)sqlite3_column_int64(st, 0);
        out->n_objectives = (size_t)sqlite3_column_int64(st, 1);
        out->n_outcomes = (size_t)sqlite3_column_int64(st, 2);
    }
    if (step == SQLITE_ROW &&
        (out->n_columns > MAX_WIDTH || out->n_objectives > MAX_WIDTH || out->n_outcomes > MAX_WIDTH)) {
        rc = hpo_sqlite__fail(s, SQLITE_CORRUPT, "reading", err);
    } else if (step == SQLITE_ROW) {
        s->shapes[s->n_shapes++] = (hpo_sqlite_shape){study, sqlite3_column_int64(st, 3), *out};
    } else {
        rc = step == SQLITE_DONE ? fail_no_study(s, study, err)
                                 : hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    }
    (void)sqlite3_reset(st);
    return rc;
}

/* ---- studies ------------------------------------------------------------------------------- */

static int bind_text(sqlite3_stmt *st, int i, const char *text)
{
    return text == NULL ? sqlite3_bind_null(st, i) : sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

static hpo_status insert_study(hpo_sqlite *s, const hpo_study_record *in, int64_t *id, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(
        s->db,
        "INSERT INTO study(name, seed, created_ms, n_columns, n_objectives, n_outcomes, space, spec, "
        "metadata, attributes, stop_text) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
        -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)bind_text(st, 1, in->name);
        (void)sqlite3_bind_int64(st, 2, (int64_t)in->seed);
        (void)sqlite3_bind_int64(st, 3, in->created_ms);
        (void)sqlite3_bind_int64(st, 4, (int64_t)in->shape.n_columns);
        (void)sqlite3_bind_int64(st, 5, (int64_t)in->shape.n_objectives);
        (void)sqlite3_bind_int64(st, 6, (int64_t)in->shape.n_outcomes);
        (void)bind_text(st, 7, in->space);
        (void)bind_text(st, 8, in->spec);
        (void)bind_text(st, 9, in->metadata);
        (void)bind_text(st, 10, in->attributes);
        (void)bind_text(st, 11, in->stop_text);
        rc = sqlite3_step(st);
    }
    if (rc == SQLITE_CONSTRAINT || (rc & 0xFF) == SQLITE_CONSTRAINT) {
        (void)sqlite3_finalize(st);
        return hpo_fail(err, HPO_EEXIST, "study '%s' already exists in '%s': choose another name or open it",
                        in->name, s->shown);
    }
    HPO_TRY(finish(s, st, rc, "writing", err));
    *id = sqlite3_last_insert_rowid(s->db);
    return HPO_OK;
}

static hpo_status insert_progress(hpo_sqlite *s, int64_t id, const hpo_study_header *h, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db,
                                "INSERT INTO progress(study, " HPO_SQLITE_HEADER_COLUMNS
                                ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,"
                                "?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)",
                                -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, id);
        bind_header(st, 2, h);
        rc = sqlite3_step(st);
    }
    return finish(s, st, rc, "writing", err);
}

/* Runs `change` in a transaction of its own. */
static hpo_status create_entered(hpo_sqlite *s, const hpo_study_record *in, int64_t *id, hpo_error *err)
{
    HPO_TRY(hpo_study_record_check(in, err));
    HPO_TRY(hpo_sqlite__begin_write(s, err));
    hpo_status rc = insert_study(s, in, id, err);
    if (rc == HPO_OK && *id >= INT64_C(1) << 22)
        rc = hpo_fail(err, HPO_EUNSUPPORTED, "'%s' has held %lld studies, which is the limit: use a new file",
                      s->shown, (long long)*id);
    if (rc == HPO_OK) rc = insert_progress(s, *id, &in->header, err);
    if (rc == HPO_OK) rc = hpo_sqlite__fill_params(s, *id, err);
    if (rc == HPO_OK) return hpo_sqlite__commit_write(s, err);
    hpo_sqlite__rollback_write(s);
    return rc;
}

hpo_status hpo_sqlite__create_study(void *self, const hpo_study_record *in, int64_t *id, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = create_entered(s, in, id, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

static const char *column_text(sqlite3_stmt *st, int i)
{
    return (const char *)sqlite3_column_text(st, i);
}

static hpo_status load_entered(hpo_sqlite *s, const char *name, hpo_study_record *out, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(
        s->db,
        "SELECT s.id, s.name, s.seed, s.created_ms, s.n_columns, s.n_objectives, s.n_outcomes, "
        "s.space, s.spec, s.metadata, s.attributes, s.stop_text, " HPO_SQLITE_HEADER_COLUMNS
        " FROM study s JOIN progress p ON p.study = s.id WHERE s.name = ?1",
        -1, &st, NULL);
    if (rc == SQLITE_OK) (void)bind_text(st, 1, name);
    if (rc == SQLITE_OK) rc = sqlite3_step(st);
    if (rc == SQLITE_DONE) {
        (void)sqlite3_finalize(st);
        return fail_no_name(s, name, err);
    }
    hpo_status status = HPO_OK;
    if (rc == SQLITE_ROW) {
        hpo_study_record r = {
            .id = sqlite3_column_int64(st, 0),
            .name = column_text(st, 1),
            .seed = (uint64_t)sqlite3_column_int64(st, 2),
            .created_ms = sqlite3_column_int64(st, 3),
            .shape = {(size_t)sqlite3_column_int64(st, 4), (size_t)sqlite3_column_int64(st, 5),
                      (size_t)sqlite3_column_int64(st, 6)},
            .space = column_text(st, 7),
            .spec = column_text(st, 8),
            .metadata = column_text(st, 9),
            .attributes = column_text(st, 10),
            .stop_text = column_text(st, 11),
        };
        read_header_columns(st, 12, &r.header);
        status = hpo_study_record_copy(&r, out, err);
    }
    hpo_status end = finish(s, st, rc, "reading", status == HPO_OK ? err : NULL);
    return status != HPO_OK ? status : end;
}

hpo_status hpo_sqlite__load_study(void *self, const char *name, hpo_study_record *out, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = load_entered(s, name, out, err);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

void hpo_sqlite__free_study(void *self, hpo_study_record *r)
{
    (void)self;
    hpo_study_record_fini(r);
}

/* Runs one statement with the id as its only parameter(s) ?1 and, for ranges of rows, ?2. */
static hpo_status delete_rows(hpo_sqlite *s, const char *sql, int64_t low, int64_t high, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, low);
        if (sqlite3_bind_parameter_count(st) > 1) (void)sqlite3_bind_int64(st, 2, high);
        rc = sqlite3_step(st);
    }
    return finish(s, st, rc, "writing", err);
}

static hpo_status find_study(hpo_sqlite *s, const char *name, int64_t *id, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT id FROM study WHERE name = ?1", -1, &st, NULL);
    if (rc == SQLITE_OK) (void)bind_text(st, 1, name);
    if (rc == SQLITE_OK) rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) *id = sqlite3_column_int64(st, 0);
    HPO_TRY(finish(s, st, rc, "reading", err));
    return rc == SQLITE_ROW ? HPO_OK : fail_no_name(s, name, err);
}

static hpo_status delete_everything(hpo_sqlite *s, const char *name, hpo_error *err)
{
    int64_t id = 0;
    HPO_TRY(find_study(s, name, &id, err));
    int64_t low = HPO_SQLITE_ID(id, 0), high = HPO_SQLITE_ID(id + 1, 0);
    HPO_TRY(delete_rows(s, "DELETE FROM report WHERE id >= ?1 AND id < ?2", low, high, err));
    HPO_TRY(delete_rows(s, "DELETE FROM trial WHERE id >= ?1 AND id < ?2", low, high, err));
    HPO_TRY(delete_rows(s, "DELETE FROM param WHERE study = ?1", id, 0, err));
    HPO_TRY(delete_rows(s, "DELETE FROM progress WHERE study = ?1", id, 0, err));
    HPO_TRY(delete_rows(s, "DELETE FROM study WHERE id = ?1", id, 0, err));
    hpo_sqlite__forget_shape(s, id, -1);
    return HPO_OK;
}

hpo_status hpo_sqlite__delete_study(void *self, const char *name, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__begin_write(s, err);
    if (rc == HPO_OK) {
        rc = delete_everything(s, name, err);
        if (rc == HPO_OK)
            rc = hpo_sqlite__commit_write(s, err);
        else
            hpo_sqlite__rollback_write(s);
    }
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

hpo_status hpo_sqlite__list_studies(void *self,
                                    int (*visit)(void *ctx, const char *name, const hpo_study_header *h),
                                    void *ctx, hpo_error *err)
{
    hpo_sqlite *s = self;
    sqlite3_stmt *st = NULL;
    hpo_study_header h;
    HPO_TRY(hpo_sqlite__enter(s, err));
    int rc = sqlite3_prepare_v2(s->db,
                                "SELECT s.name, " HPO_SQLITE_HEADER_COLUMNS
                                " FROM study s JOIN progress p ON p.study = s.id ORDER BY s.id",
                                -1, &st, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW) break;
        read_header_columns(st, 1, &h);
        if (visit(ctx, column_text(st, 0), &h) != 0) break;
    }
    hpo_status status = finish(s, st, rc, "reading", err);
    hpo_mutex_unlock(&s->mutex);
    return status;
}

hpo_status hpo_sqlite__update_study(void *self, int64_t study, const char *spec, const char *metadata,
                                    const char *attributes, const char *stop_text, hpo_error *err)
{
    hpo_sqlite *s = self;
    sqlite3_stmt *st = NULL;
    if (s->open != study || study == 0) return hpo_fail_internal(err, "writing without begin");
    int rc = sqlite3_prepare_v2(
        s->db,
        "UPDATE study SET spec = coalesce(?2, spec), metadata = coalesce(?3, metadata), "
        "attributes = coalesce(?4, attributes), stop_text = coalesce(?5, stop_text) WHERE id = ?1",
        -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, study);
        (void)bind_text(st, 2, spec);
        (void)bind_text(st, 3, metadata);
        (void)bind_text(st, 4, attributes);
        (void)bind_text(st, 5, stop_text);
        rc = sqlite3_step(st);
    }
    hpo_status status = finish(s, st, rc, "writing", err);
    if (status != HPO_OK) s->broken = 1;
    return status;
}

/* ---- a space that grows ---------------------------------------------------------------------- */

static hpo_status grow(hpo_sqlite *s, int64_t study, const char *space, size_t n_columns, hpo_error *err)
{
    hpo_row_shape shape;
    sqlite3_stmt *st = NULL;
    HPO_TRY(hpo_sqlite__shape(s, study, &shape, err));
    if (n_columns < shape.n_columns) return hpo_fail_internal(err, "rows are made narrower");
    int rc =
        sqlite3_prepare_v2(s->db, "UPDATE study SET space = ?2, n_columns = ?3 WHERE id = ?1", -1, &st, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, study);
        (void)bind_text(st, 2, space);
        (void)sqlite3_bind_int64(st, 3, (int64_t)n_columns);
        rc = sqlite3_step(st);
    }
    HPO_TRY(finish(s, st, rc, "writing", err));
    HPO_TRY(delete_rows(s, "DELETE FROM param WHERE study = ?1", study, 0, err));
    HPO_TRY(hpo_sqlite__fill_params(s, study, err));
    s->grown = 1;
    hpo_sqlite__forget_shape(s, study, -1);
    return n_columns == shape.n_columns
               ? HPO_OK
               : hpo_sqlite__widen_trials(s, study, n_columns - shape.n_columns, err);
}

hpo_status hpo_sqlite__grow_study(void *self, int64_t study, const char *space, size_t n_columns,
                                  hpo_error *err)
{
    hpo_sqlite *s = self;
    if (s->open != study || study == 0) return hpo_fail_internal(err, "writing without begin");
    hpo_status status = grow(s, study, space, n_columns, err);
    if (status != HPO_OK) s->broken = 1;
    return status;
}
