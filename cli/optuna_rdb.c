/* SPDX-License-Identifier: Apache-2.0 */
/* cli/optuna_rdb.c - Optuna's database as a SQLite file.
 *
 * The file's own schema_version is 12 for all of Optuna since 1.0; what has changed since then is in the
 * tables. Those of 2.4 and later are read: 2.4 gave each objective a row of its own, 3.0 types to values and
 * reports (before, an infinite value was one in the column), 3.2 an index.  Older files are refused.
 *
 * Reading takes the file as it is, also while Optuna writes, in one read transaction; columns and tables that
 * we do not know are not looked at.
 *
 * Writing makes the tables that Optuna expects.  The table alembic_version is left out: every version of
 * Optuna then marks the file as its own when it first opens it. */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "optuna.h"

enum { SCHEMA = 12 };

static hpo_status fail(sqlite3 *db, const char *path, hpo_error *err)
{
    int rc = sqlite3_extended_errcode(db);
    if ((rc & 0xff) == SQLITE_BUSY) return hpo_fail(err, HPO_EBUSY, "'%s' stayed locked: try again", path);
    if ((rc & 0xff) == SQLITE_NOMEM) return hpo_fail_memory(err);
    return hpo_fail(err, HPO_EIO, "'%s': %s", path, sqlite3_errmsg(db));
}

static hpo_status open_file(const char *path, int flags, sqlite3 **db, hpo_error *err)
{
    int rc = sqlite3_open_v2(path, db, flags, NULL);
    if (rc != SQLITE_OK) {
        hpo_status status = *db != NULL ? fail(*db, path, err) : hpo_fail_memory(err);
        sqlite3_close(*db);
        *db = NULL;
        return status;
    }
    (void)sqlite3_busy_timeout(*db, 30000);
    return HPO_OK;
}

/* One row after the other: row(ctx, st) for each.  `id` is bound to ?1. */
static hpo_status each(sqlite3 *db, const char *path, const char *sql, int64_t id,
                       hpo_status (*row)(void *ctx, sqlite3_stmt *st, hpo_error *err), void *ctx,
                       hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    hpo_status status = HPO_OK;
    int rc;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) return fail(db, path, err);
    if (sqlite3_bind_parameter_count(st) > 0) (void)sqlite3_bind_int64(st, 1, id);
    while (status == HPO_OK && (rc = sqlite3_step(st)) != SQLITE_DONE)
        status = rc == SQLITE_ROW ? row(ctx, st, err) : fail(db, path, err);
    (void)sqlite3_finalize(st);
    return status;
}

static int has_column(sqlite3 *db, const char *table, const char *column)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", -1, &st, NULL) !=
        SQLITE_OK)
        return 0;
    (void)sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(st, 2, column, -1, SQLITE_STATIC);
    int found = sqlite3_step(st) == SQLITE_ROW;
    (void)sqlite3_finalize(st);
    return found;
}

static const char *text(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

/* ---- reading ----------------------------------------------------------------------------------------------
 */

typedef struct reader {
    optuna_study *s;
    const char *path;
    hpo_u64map numbers; /* trial_id -> number */
    const char *wanted;
    int64_t study; /* -1: not found */
    int64_t n_studies;
    hpo_str names;
    int user; /* of attributes */
} reader;

static hpo_status study_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    const char *name = text(st, 1);
    (void)err;
    r->n_studies++;
    hpo_str_addf(&r->names, "%s%s", r->names.len > 0 ? ", " : "", name != NULL ? name : "");
    if (name != NULL && (r->wanted == NULL || strcmp(name, r->wanted) == 0)) {
        r->study = sqlite3_column_int64(st, 0);
        r->s->name = optuna_keep(r->s, name);
    }
    return HPO_OK;
}

static hpo_status direction_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    const char *word = text(st, 0);
    if (r->s->n_objectives == CLI_MAX_OBJECTIVES)
        return hpo_fail(err, HPO_EUNSUPPORTED, "more than %d objectives", CLI_MAX_OBJECTIVES);
    r->s->maximise[r->s->n_objectives++] = word != NULL && strcmp(word, "MAXIMIZE") == 0;
    return HPO_OK;
}

static hpo_status study_attr_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    (void)err;
    if (text(st, 0) != NULL && text(st, 1) != NULL)
        optuna_set_attr(r->s, r->user ? &r->s->user : &r->s->system, text(st, 0), text(st, 1));
    return HPO_OK;
}

/* trial_id, number, state, datetime_start, datetime_complete */
static hpo_status trial_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    int64_t number =
        sqlite3_column_type(st, 1) == SQLITE_NULL ? (int64_t)r->s->n_trials : sqlite3_column_int64(st, 1);
    const char *word = text(st, 2);
    if (number < (int64_t)r->s->n_trials)
        return hpo_fail(err, HPO_ECORRUPT, "'%s' has trial %lld twice", r->path, (long long)number);
    while ((int64_t)r->s->n_trials < number) { /* a gap: removed by hand */
        optuna_trial *t = optuna_add_trial(r->s);
        if (t == NULL) return hpo_fail_memory(err);
        t->gone = 1;
    }
    optuna_trial *t = optuna_add_trial(r->s);
    if (t == NULL) return hpo_fail_memory(err);
    t->state = OPTUNA_N_STATES;
    for (int i = 0; word != NULL && i < OPTUNA_N_STATES; i++)
        if (strcmp(word, optuna_state_name((optuna_state)i)) == 0) t->state = (optuna_state)i;
    if (t->state == OPTUNA_N_STATES)
        return hpo_fail(err, HPO_ECORRUPT, "'%s': trial %lld has state '%s'", r->path, (long long)number,
                        word != NULL ? word : "");
    t->start = optuna_keep(r->s, text(st, 3));
    t->complete = optuna_keep(r->s, text(st, 4));
    return hpo_u64map_put(&r->numbers, (uint64_t)sqlite3_column_int64(st, 0), number, err);
}

static optuna_trial *trial_of(reader *r, sqlite3_stmt *st)
{
    int64_t number = hpo_u64map_get(&r->numbers, (uint64_t)sqlite3_column_int64(st, 0), -1);
    return number >= 0 ? &r->s->trials[number] : NULL;
}

static hpo_status trial_attr_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    optuna_trial *t = trial_of(r, st);
    (void)err;
    if (t != NULL && text(st, 1) != NULL && text(st, 2) != NULL)
        optuna_set_attr(r->s, r->user ? &t->user : &t->system, text(st, 1), text(st, 2));
    return HPO_OK;
}

static hpo_status param_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    optuna_trial *t = trial_of(r, st);
    (void)err;
    if (t != NULL && text(st, 1) != NULL && text(st, 3) != NULL)
        optuna_set_param(r->s, t, text(st, 1), sqlite3_column_double(st, 2), text(st, 3));
    return HPO_OK;
}

static double stored(sqlite3_stmt *st, int value, int type)
{
    const char *word = text(st, type);
    if (word != NULL && strcmp(word, "INF_POS") == 0) return (double)INFINITY;
    if (word != NULL && strcmp(word, "INF_NEG") == 0) return -(double)INFINITY;
    return sqlite3_column_type(st, value) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(st, value);
}

static hpo_status value_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    optuna_trial *t = trial_of(r, st);
    (void)err;
    if (t != NULL) optuna_set_value(r->s, t, (size_t)sqlite3_column_int64(st, 1), stored(st, 2, 3));
    return HPO_OK;
}

static hpo_status report_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    reader *r = ctx;
    optuna_trial *t = trial_of(r, st);
    (void)err;
    if (t != NULL) optuna_set_report(r->s, t, sqlite3_column_int64(st, 1), stored(st, 2, 3));
    return HPO_OK;
}

static hpo_status find_study(sqlite3 *db, reader *r, hpo_error *err)
{
    HPO_TRY(each(db, r->path, "SELECT study_id, study_name FROM studies ORDER BY study_id", 0, study_row, r,
                 err));
    if (r->names.failed || r->s->failed) return hpo_fail_memory(err);
    if (r->study < 0)
        return hpo_fail(err, HPO_ENOTFOUND, "'%s' has no study '%s'; it has: %s", r->path,
                        r->wanted != NULL ? r->wanted : "", r->names.len > 0 ? r->names.text : "(none)");
    if (r->wanted == NULL && r->n_studies > 1)
        return hpo_fail(err, HPO_EINVAL, "'%s' holds %lld studies: choose one with --from: %s", r->path,
                        (long long)r->n_studies, r->names.text);
    return HPO_OK;
}

#define OF_STUDY " JOIN trials t ON t.trial_id = a.trial_id WHERE t.study_id = ?1 ORDER BY a."
static hpo_status read_all(sqlite3 *db, reader *r, hpo_error *err)
{
    const char *p = r->path;
    HPO_TRY(find_study(db, r, err));
    int64_t id = r->study;
    HPO_TRY(each(db, p, "SELECT direction FROM study_directions WHERE study_id = ?1 ORDER BY objective", id,
                 direction_row, r, err));
    if (r->s->n_objectives == 0) r->s->n_objectives = 1;
    for (r->user = 0; r->user < 2; r->user++)
        HPO_TRY(each(db, p,
                     r->user ? "SELECT key, value_json FROM study_user_attributes WHERE study_id = ?1 ORDER "
                               "BY study_user_attribute_id"
                             : "SELECT key, value_json FROM study_system_attributes WHERE study_id = ?1 "
                               "ORDER BY study_system_attribute_id",
                     id, study_attr_row, r, err));
    HPO_TRY(each(
        db, p,
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ?1 "
        "ORDER BY trial_id",
        id, trial_row, r, err));
    for (r->user = 0; r->user < 2; r->user++)
        HPO_TRY(each(db, p,
                     r->user
                         ? "SELECT a.trial_id, a.key, a.value_json FROM trial_user_attributes a" OF_STUDY
                           "trial_user_attribute_id"
                         : "SELECT a.trial_id, a.key, a.value_json FROM trial_system_attributes a" OF_STUDY
                           "trial_system_attribute_id",
                     id, trial_attr_row, r, err));
    HPO_TRY(each(
        db, p,
        "SELECT a.trial_id, a.param_name, a.param_value, a.distribution_json FROM trial_params a" OF_STUDY
        "param_id",
        id, param_row, r, err));
    const int typed = has_column(db, "trial_values", "value_type");
    HPO_TRY(each(db, p,
                 typed ? "SELECT a.trial_id, a.objective, a.value, a.value_type FROM trial_values a" OF_STUDY
                         "trial_value_id"
                       : "SELECT a.trial_id, a.objective, a.value, NULL FROM trial_values a" OF_STUDY
                         "trial_value_id",
                 id, value_row, r, err));
    return each(db, p,
                has_column(db, "trial_intermediate_values", "intermediate_value_type")
                    ? "SELECT a.trial_id, a.step, a.intermediate_value, a.intermediate_value_type FROM "
                      "trial_intermediate_values a" OF_STUDY "trial_intermediate_value_id"
                    : "SELECT a.trial_id, a.step, a.intermediate_value, NULL FROM "
                      "trial_intermediate_values a" OF_STUDY "trial_intermediate_value_id",
                id, report_row, r, err);
}

static hpo_status version_row(void *ctx, sqlite3_stmt *st, hpo_error *err)
{
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(st, 0);
    return HPO_OK;
}

static hpo_status check_version(sqlite3 *db, const char *path, hpo_error *err)
{
    int64_t version = -1;
    if (each(db, path, "SELECT schema_version FROM version_info", 0, version_row, &version, err) != HPO_OK ||
        version < 0)
        return hpo_fail(err, HPO_EINVAL, "'%s' is a SQLite file, but not one of Optuna's", path);
    if (version != SCHEMA || !has_column(db, "trial_values", "objective"))
        return hpo_fail(
            err, HPO_EUNSUPPORTED,
            "'%s' has tables of Optuna before 2.4 (schema version %lld): run `optuna storage upgrade "
            "--storage sqlite:///%s`",
            path, (long long)version, path);
    return HPO_OK;
}

hpo_status optuna_rdb_read(const char *path, const char *name, optuna_study *out, hpo_error *err)
{
    sqlite3 *db = NULL;
    reader r = {.s = out, .path = path, .wanted = name, .study = -1};
    *out = (optuna_study){0};
    HPO_TRY(open_file(path, SQLITE_OPEN_READONLY, &db, err));
    hpo_status status = HPO_OK;
    out->maximise = hpo_arena_alloc(&out->arena, CLI_MAX_OBJECTIVES, sizeof *out->maximise);
    if (out->maximise == NULL)
        status = hpo_fail_memory(err);
    else
        memset(out->maximise, 0, CLI_MAX_OBJECTIVES * sizeof *out->maximise);
    if (status == HPO_OK && sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        status = fail(db, path, err);
    if (status == HPO_OK) status = check_version(db, path, err);
    if (status == HPO_OK) status = read_all(db, &r, err);
    if (status == HPO_OK && out->failed) status = hpo_fail_memory(err);
    (void)sqlite3_close(db);
    hpo_u64map_fini(&r.numbers);
    hpo_str_fini(&r.names);
    if (status != HPO_OK) optuna_study_fini(out);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------
 */

#define ATTRIBUTES(table, id, of, parent)                                                                    \
    "CREATE TABLE IF NOT EXISTS " table "(" id " INTEGER NOT NULL, " of                                      \
    " INTEGER, key VARCHAR(512), value_json TEXT, "                                                          \
    "PRIMARY KEY (" id "), UNIQUE (" of ", key), FOREIGN KEY(" of ") REFERENCES " parent " (" of "));"
static const char tables[] =
    "CREATE TABLE IF NOT EXISTS studies(study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY "
    "KEY (study_id));"
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name);"
    "CREATE TABLE IF NOT EXISTS version_info(version_info_id INTEGER NOT NULL, schema_version INTEGER, "
    "library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id=1));"
    "CREATE TABLE IF NOT EXISTS study_directions(study_direction_id INTEGER NOT NULL, direction VARCHAR(8) "
    "NOT NULL, "
    "study_id INTEGER NOT NULL, objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE "
    "(study_id, objective), "
    "FOREIGN KEY(study_id) REFERENCES studies (study_id));" ATTRIBUTES(
        "study_user_attributes", "study_user_attribute_id", "study_id", "studies")
        ATTRIBUTES(
            "study_system_attributes", "study_system_attribute_id", "study_id",
            "studies") "CREATE TABLE IF NOT EXISTS trials(trial_id INTEGER NOT NULL, number INTEGER, "
                       "study_id INTEGER, state VARCHAR(8) NOT NULL, "
                       "datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id), "
                       "FOREIGN KEY(study_id) REFERENCES studies (study_id));"
                       "CREATE INDEX IF NOT EXISTS trials_study_id_key ON trials (study_id);" ATTRIBUTES(
                           "trial_user_attributes", "trial_user_attribute_id", "trial_id", "trials")
                           ATTRIBUTES(
                               "trial_system_attributes", "trial_system_attribute_id", "trial_id",
                               "trials") "CREATE TABLE IF NOT EXISTS trial_params(param_id INTEGER NOT NULL, "
                                         "trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, "
                                         "distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, "
                                         "param_name), "
                                         "FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
                                         "CREATE TABLE IF NOT EXISTS trial_values(trial_value_id INTEGER NOT "
                                         "NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, "
                                         "value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY "
                                         "(trial_value_id), UNIQUE (trial_id, objective), "
                                         "FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
                                         "CREATE TABLE IF NOT EXISTS "
                                         "trial_intermediate_values(trial_intermediate_value_id INTEGER NOT "
                                         "NULL, trial_id INTEGER NOT NULL, "
                                         "step INTEGER NOT NULL, intermediate_value FLOAT, "
                                         "intermediate_value_type VARCHAR(7) NOT NULL, "
                                         "PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, "
                                         "step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
                                         "CREATE TABLE IF NOT EXISTS trial_heartbeats(trial_heartbeat_id "
                                         "INTEGER NOT NULL, trial_id INTEGER NOT NULL, "
                                         "heartbeat DATETIME NOT NULL, PRIMARY KEY (trial_heartbeat_id), "
                                         "UNIQUE (trial_id), "
                                         "FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
                                         "INSERT INTO version_info VALUES (1, 12, '3.1.0');";

typedef enum statement {
    STUDY,
    DIRECTION,
    STUDY_USER,
    STUDY_SYSTEM,
    TRIAL,
    USER,
    SYSTEM,
    PARAM,
    VALUE,
    REPORT,
    N_STATEMENTS
} statement;
static const char *const inserts[N_STATEMENTS] = {
    [STUDY] = "INSERT INTO studies(study_name) VALUES (?1)",
    [DIRECTION] = "INSERT INTO study_directions(study_id, objective, direction) VALUES (?1, ?2, ?3)",
    [STUDY_USER] = "INSERT INTO study_user_attributes(study_id, key, value_json) VALUES (?1, ?2, ?3)",
    [STUDY_SYSTEM] = "INSERT INTO study_system_attributes(study_id, key, value_json) VALUES (?1, ?2, ?3)",
    [TRIAL] = "INSERT INTO trials(study_id, number, state, datetime_start, datetime_complete) VALUES (?1, "
              "?2, ?3, ?4, ?5)",
    [USER] = "INSERT INTO trial_user_attributes(trial_id, key, value_json) VALUES (?1, ?2, ?3)",
    [SYSTEM] = "INSERT INTO trial_system_attributes(trial_id, key, value_json) VALUES (?1, ?2, ?3)",
    [PARAM] = "INSERT INTO trial_params(trial_id, param_name, distribution_json, param_value) VALUES (?1, "
              "?2, ?3, ?4)",
    [VALUE] = "INSERT INTO trial_values(trial_id, objective, value_type, value) VALUES (?1, ?2, ?3, ?4)",
    [REPORT] =
        "INSERT INTO trial_intermediate_values(trial_id, step, intermediate_value_type, intermediate_value) "
        "VALUES (?1, ?2, ?3, ?4)",
};

typedef struct writer {
    sqlite3 *db;
    const char *path;
    sqlite3_stmt *st[N_STATEMENTS];
} writer;

static void bind_text(sqlite3_stmt *st, int at, const char *value)
{
    if (value != NULL)
        (void)sqlite3_bind_text(st, at, value, -1, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(st, at);
}

static hpo_status done(writer *w, statement which, hpo_error *err)
{
    int rc = sqlite3_step(w->st[which]);
    (void)sqlite3_reset(w->st[which]);
    return rc == SQLITE_DONE ? HPO_OK : fail(w->db, w->path, err);
}

static hpo_status write_attrs(writer *w, statement which, int64_t id, const optuna_attr *list, hpo_error *err)
{
    for (; list != NULL; list = list->next) {
        (void)sqlite3_bind_int64(w->st[which], 1, id);
        bind_text(w->st[which], 2, list->key);
        bind_text(w->st[which], 3, list->json);
        HPO_TRY(done(w, which, err));
    }
    return HPO_OK;
}

static hpo_status write_number(writer *w, statement which, int64_t id, int64_t at, double v, hpo_error *err)
{
    sqlite3_stmt *st = w->st[which];
    (void)sqlite3_bind_int64(st, 1, id);
    (void)sqlite3_bind_int64(st, 2, at);
    bind_text(st, 3, isnan(v) ? "NAN" : isinf(v) ? (v > 0 ? "INF_POS" : "INF_NEG") : "FINITE");
    if (isfinite(v))
        (void)sqlite3_bind_double(st, 4, v);
    else
        (void)sqlite3_bind_null(st, 4);
    return done(w, which, err);
}

static hpo_status write_trial(writer *w, const optuna_study *s, int64_t study, size_t number, hpo_error *err)
{
    const optuna_trial *t = &s->trials[number];
    sqlite3_stmt *st = w->st[TRIAL];
    (void)sqlite3_bind_int64(st, 1, study);
    (void)sqlite3_bind_int64(st, 2, (int64_t)number);
    bind_text(st, 3, optuna_state_name(t->state));
    bind_text(st, 4, t->start);
    bind_text(st, 5, t->complete);
    HPO_TRY(done(w, TRIAL, err));
    int64_t id = sqlite3_last_insert_rowid(w->db);
    HPO_TRY(write_attrs(w, USER, id, t->user, err));
    HPO_TRY(write_attrs(w, SYSTEM, id, t->system, err));
    for (const optuna_param *p = t->params; p != NULL; p = p->next) {
        st = w->st[PARAM];
        (void)sqlite3_bind_int64(st, 1, id);
        bind_text(st, 2, p->name);
        bind_text(st, 3, p->distribution);
        (void)sqlite3_bind_double(st, 4, p->internal);
        HPO_TRY(done(w, PARAM, err));
    }
    for (size_t i = 0; t->values != NULL && i < s->n_objectives; i++)
        if (!isnan(t->values[i])) HPO_TRY(write_number(w, VALUE, id, (int64_t)i, t->values[i], err));
    for (const optuna_report *r = t->reports; r != NULL; r = r->next)
        HPO_TRY(write_number(w, REPORT, id, r->step, r->value, err));
    return HPO_OK;
}

static hpo_status write_all(writer *w, const optuna_study *s, hpo_error *err)
{
    for (int i = 0; i < N_STATEMENTS; i++)
        if (sqlite3_prepare_v2(w->db, inserts[i], -1, &w->st[i], NULL) != SQLITE_OK)
            return fail(w->db, w->path, err);
    bind_text(w->st[STUDY], 1, s->name);
    int rc = sqlite3_step(w->st[STUDY]);
    (void)sqlite3_reset(w->st[STUDY]);
    if (rc == SQLITE_CONSTRAINT)
        return hpo_fail(err, HPO_EEXIST, "'%s' has a study '%s': name another with --as", w->path, s->name);
    if (rc != SQLITE_DONE) return fail(w->db, w->path, err);
    int64_t id = sqlite3_last_insert_rowid(w->db);
    for (size_t i = 0; i < s->n_objectives; i++) {
        (void)sqlite3_bind_int64(w->st[DIRECTION], 1, id);
        (void)sqlite3_bind_int64(w->st[DIRECTION], 2, (int64_t)i);
        bind_text(w->st[DIRECTION], 3, s->maximise[i] ? "MAXIMIZE" : "MINIMIZE");
        HPO_TRY(done(w, DIRECTION, err));
    }
    HPO_TRY(write_attrs(w, STUDY_USER, id, s->user, err));
    HPO_TRY(write_attrs(w, STUDY_SYSTEM, id, s->system, err));
    for (size_t i = 0; i < s->n_trials; i++)
        HPO_TRY(write_trial(w, s, id, i, err));
    return HPO_OK;
}

hpo_status optuna_rdb_write(const char *path, const optuna_study *s, hpo_error *err)
{
    writer w = {.path = path};
    optuna_format there = optuna_sniff(path);
    FILE *f = there == OPTUNA_RDB ? NULL : fopen(path, "rb");
    if (f != NULL) {
        (void)fclose(f);
        return hpo_fail(err, HPO_EEXIST, "'%s' exists and is no database: name another file", path);
    }
    HPO_TRY(open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &w.db, err));
    hpo_status status = there == OPTUNA_RDB ? check_version(w.db, path, err) : HPO_OK;
    if (status == HPO_OK && sqlite3_exec(w.db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        status = fail(w.db, path, err);
    if (status == HPO_OK && there != OPTUNA_RDB && sqlite3_exec(w.db, tables, NULL, NULL, NULL) != SQLITE_OK)
        status = fail(w.db, path, err);
    if (status == HPO_OK) status = write_all(&w, s, err);
    for (int i = 0; i < N_STATEMENTS; i++)
        (void)sqlite3_finalize(w.st[i]);
    if (status == HPO_OK && sqlite3_exec(w.db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        status = fail(w.db, path, err);
    (void)sqlite3_close(w.db);
    if (status != HPO_OK && there != OPTUNA_RDB) (void)remove(path);
    return status;
}
