/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite_schema.c - the tables and views of the file, its version, and the way from old versions.
 *
 * docs/database.md describes every table and column.  To change the schema: raise HPO_SQLITE_SCHEMA, change
 * the text below, append a step to MIGRATIONS that brings the version before to the new one, and keep a file
 * of the old version in tests/golden/formats.  Views are made anew by every migration: they may change
 * with any version and hold no data. */
#include <string.h>

#include "base/error.h"
#include "storage/sqlite.h"

/* Ids are never used again, so a process that still holds a deleted study finds nothing. */
#define TABLE_STUDY                                                                                          \
    "CREATE TABLE study("                                                                                    \
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, seed INTEGER NOT NULL, "               \
    "created_ms INTEGER NOT NULL, n_columns INTEGER NOT NULL, n_objectives INTEGER NOT NULL, "               \
    "n_outcomes INTEGER NOT NULL, space TEXT NOT NULL, spec TEXT NOT NULL, metadata TEXT, attributes TEXT, " \
    "stop_text TEXT) STRICT;"

/* Apart from study, so that a commit rewrites one short row. */
#define TABLE_PROGRESS                                                                                       \
    "CREATE TABLE progress("                                                                                 \
    "study INTEGER PRIMARY KEY, seq INTEGER NOT NULL, next_number INTEGER NOT NULL, "                        \
    "next_draw INTEGER NOT NULL, n_waiting INTEGER NOT NULL, n_running INTEGER NOT NULL, "                   \
    "n_paused INTEGER NOT NULL, n_complete INTEGER NOT NULL, n_stopped INTEGER NOT NULL, "                   \
    "n_failed INTEGER NOT NULL, n_infeasible INTEGER NOT NULL, status INTEGER NOT NULL, "                    \
    "stop_reason INTEGER NOT NULL, cost REAL, last_ms INTEGER NOT NULL, active_ms INTEGER NOT NULL, "        \
    "lease_max_ms INTEGER NOT NULL, best_value REAL, best_number INTEGER NOT NULL, "                         \
    "since_best INTEGER NOT NULL, texts_seq INTEGER NOT NULL) STRICT;"

/* Made from study.space for the views alone: which columns of trial.x belong to which parameter. */
#define TABLE_PARAM                                                                                          \
    "CREATE TABLE param("                                                                                    \
    "study INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, "            \
    "first_column INTEGER NOT NULL, n_columns INTEGER NOT NULL, labels TEXT, "                               \
    "PRIMARY KEY(study, position)) STRICT, WITHOUT ROWID;"

#define TABLE_TRIAL                                                                                          \
    "CREATE TABLE trial("                                                                                    \
    "id INTEGER PRIMARY KEY, study INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL, "      \
    "attempt INTEGER NOT NULL, flags INTEGER NOT NULL, lost INTEGER NOT NULL, draw INTEGER NOT NULL, "       \
    "parent INTEGER NOT NULL, token INTEGER NOT NULL, hash INTEGER NOT NULL, seq INTEGER NOT NULL, "         \
    "seq_ask INTEGER NOT NULL, seq_from INTEGER NOT NULL, seq_tell INTEGER NOT NULL, "                       \
    "created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, "                  \
    "lease_ms INTEGER NOT NULL, cost REAL, x TEXT NOT NULL, y TEXT, sem TEXT, outcome TEXT, gradient TEXT, " \
    "worker TEXT, reason TEXT, checkpoint TEXT, attributes TEXT) STRICT;"                                    \
    "CREATE INDEX trial_seq ON trial(study, seq);"                                                           \
    "CREATE INDEX trial_hash ON trial(study, hash);"                                                         \
    "CREATE INDEX trial_waiting ON trial(study) WHERE state = 0;"                                            \
    "CREATE INDEX trial_lease ON trial(study, lease_ms) WHERE state = 1;"

#define TABLE_REPORT                                                                                         \
    "CREATE TABLE report("                                                                                   \
    "id INTEGER PRIMARY KEY, study INTEGER NOT NULL, trial INTEGER NOT NULL, seq INTEGER NOT NULL, "         \
    "time_ms INTEGER NOT NULL, step REAL, fold INTEGER NOT NULL, cost REAL, attempt INTEGER NOT NULL, "      \
    "y TEXT NOT NULL, metrics TEXT, kind INTEGER NOT NULL DEFAULT 0) STRICT;"                                \
    "CREATE INDEX report_trial ON report(study, trial);"

#define TABLE_META "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

/* clang-format off */

/* Milliseconds as "2026-01-31T12:00:00.000Z"; 0 is "not yet". */
#define ISO_TIME(ms) "iif(" ms " = 0, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', " ms " / 1000.0, 'unixepoch'))"
/* Stored objective value v number i as the user sees it. */
#define USER_VALUE(v, i) \
    "iif(s.spec ->> ('$.objectives[' || " i " || '].direction') = 'maximize', 0 - " v ", " v ")"
/* {"loss":0.1,"memory":2} */
#define OBJECTIVES(y) \
    "(SELECT json_group_object(coalesce(s.spec ->> ('$.objectives[' || v.key || '].name'), 'y' || v.key), " \
    USER_VALUE("v.value", "v.key") ") FROM json_each(" y ") v)"
/* Element i of the configuration, as JSON and as whole number. */
#define ELEMENT(i) "(t.x -> ('$[' || " i " || ']'))"
#define WHOLE(i) "CAST(t.x ->> ('$[' || " i " || ']') AS INTEGER)"
/* A parameter with one column as JSON: a label, true/false, a whole number, a number. */
#define ONE_VALUE \
    "CASE WHEN p.labels IS NOT NULL THEN p.labels -> ('$[' || " WHOLE("p.first_column") " || ']')\n" \
    "    WHEN p.kind = 'bool' THEN iif(" WHOLE("p.first_column") " = 0, 'false', 'true')\n" \
    "    WHEN p.kind = 'int' THEN " WHOLE("p.first_column") " ELSE " ELEMENT("p.first_column") " END"
/* One with several as a JSON array: shares and entries, the items of a permutation in their order, the
 * chosen items of a subset. */
#define MANY_VALUES \
    "(SELECT '[' || coalesce(group_concat(CASE p.kind\n" \
    "    WHEN 'subset' THEN coalesce(p.labels -> ('$[' || (v.key - p.first_column) || ']'), v.key - p.first_column)\n" \
    "    WHEN 'permutation' THEN coalesce(p.labels -> ('$[' || " WHOLE("v.key") " || ']'), " WHOLE("v.key") ")\n" \
    "    ELSE " ELEMENT("v.key") " END), '') || ']' FROM json_each(t.x) v WHERE v.key >= p.first_column\n" \
    "    AND v.key < p.first_column + p.n_columns AND (p.kind <> 'subset' OR v.value <> 0))"

static const char *const VIEWS[] = {
    "DROP VIEW IF EXISTS studies;\n"
    "CREATE VIEW studies AS SELECT s.name,\n"
    "  CASE p.status WHEN 0 THEN 'active' WHEN 1 THEN 'paused' ELSE 'stopped' END AS status,\n"
    "  CASE p.stop_reason WHEN 0 THEN 'none' WHEN 1 THEN 'trials' WHEN 2 THEN 'time' WHEN 3 THEN 'cost'\n"
    "    WHEN 4 THEN 'target' WHEN 5 THEN 'stagnation' WHEN 6 THEN 'exhausted' WHEN 7 THEN 'user'\n"
    "    WHEN 8 THEN 'abort' END AS stop_reason,\n"
    "  s.stop_text, p.next_number AS trials, p.n_waiting AS waiting, p.n_running AS running,\n"
    "  p.n_paused AS paused, p.n_complete AS complete, p.n_stopped AS stopped, p.n_failed AS failed,\n"
    "  p.n_infeasible AS infeasible, " USER_VALUE("p.best_value", "0") " AS best_value,\n"
    "  iif(p.best_number < 0, NULL, p.best_number) AS best_number, p.cost,\n"
    "  p.active_ms / 1000.0 AS active_seconds, s.spec ->> 'sampler' AS sampler,\n"
    "  s.spec ->> 'scheduler' AS scheduler, s.seed, " ISO_TIME("s.created_ms") " AS created,\n"
    "  " ISO_TIME("p.last_ms") " AS last_event,\n"
    "  s.space, s.spec, s.metadata, s.attributes, s.id\n"
    "FROM study s JOIN progress p ON p.study = s.id;",

    "DROP VIEW IF EXISTS trials;\n"
    "CREATE VIEW trials AS SELECT s.name AS study, t.number,\n"
    "  CASE t.state WHEN 0 THEN 'waiting' WHEN 1 THEN 'running' WHEN 2 THEN 'paused' WHEN 3 THEN 'complete'\n"
    "    WHEN 4 THEN 'stopped' WHEN 5 THEN 'failed' WHEN 6 THEN 'infeasible' END AS state,\n"
    "  " USER_VALUE("(t.y ->> 0)", "0") " AS value,\n"
    "  iif(t.y IS NULL, NULL, " OBJECTIVES("t.y") ") AS objectives,\n"
    "  iif(t.outcome IS NULL, NULL, (SELECT json_group_object(\n"
    "    coalesce(s.spec ->> ('$.outcomes[' || v.key || '].name'), 'c' || v.key),\n"
    "    v.value) FROM json_each(t.outcome) v)) AS outcomes,\n"
    "  (SELECT json_group_object(p.name, json(iif(p.n_columns = 1 AND p.kind NOT IN\n"
    "    ('permutation', 'simplex', 'subset', 'vector'), " ONE_VALUE ",\n"
    "    " MANY_VALUES ")))\n"
    "    FROM param p WHERE p.study = t.study AND " ELEMENT("p.first_column") " <> 'null') AS params,\n"
    "  iif(t.ended_ms > 0 AND t.started_ms > 0, (t.ended_ms - t.started_ms) / 1000.0, NULL) AS duration,\n"
    "  t.cost, t.worker, t.reason, t.attempt, t.lost, t.checkpoint, t.attributes,\n"
    "  " ISO_TIME("t.created_ms") " AS created,\n"
    "  " ISO_TIME("t.started_ms") " AS started,\n"
    "  " ISO_TIME("t.ended_ms") " AS ended,\n"
    "  iif(t.state = 1 AND t.lease_ms < 253402300800000, " ISO_TIME("t.lease_ms") ", NULL) AS lease_until,\n"
    "  t.seq\n"
    "FROM trial t JOIN study s ON s.id = t.study;",

    "DROP VIEW IF EXISTS reports;\n"
    "CREATE VIEW reports AS SELECT s.name AS study, r.trial AS number, r.step,\n"
    "  " USER_VALUE("(r.y ->> 0)", "0") " AS value,\n"
    "  " OBJECTIVES("r.y") " AS objectives,\n"
    "  iif(r.fold < 0, NULL, r.fold) AS fold, r.cost, r.attempt, " ISO_TIME("r.time_ms") " AS time,\n"
    "  r.metrics, r.seq\n"
    "FROM report r JOIN study s ON s.id = r.study WHERE r.kind = 0;",

    "DROP VIEW IF EXISTS decisions;\n"
    "CREATE VIEW decisions AS SELECT s.name AS study, r.trial AS number,\n"
    "  CASE r.kind WHEN 1 THEN 'new' WHEN 2 THEN 'resume' WHEN 3 THEN 'clone' WHEN 4 THEN 'pause'\n"
    "    WHEN 5 THEN 'stop' WHEN 6 THEN 'paused' END AS decision,\n"
    "  r.step, r.metrics AS reason, r.attempt, " ISO_TIME("r.time_ms") " AS time, r.seq\n"
    "FROM report r JOIN study s ON s.id = r.study WHERE r.kind <> 0;"};

/* clang-format on */

static const char FILL_PARAMS[] =
    "INSERT INTO param SELECT study, position, name, kind, coalesce(sum(n) OVER (PARTITION BY study ORDER BY "
    "position "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), n, labels FROM ("
    "SELECT s.id AS study, row_number() OVER (PARTITION BY s.id ORDER BY p.id) - 1 AS position, p.key AS "
    "name, "
    "coalesce(p.value ->> 'type', '?') AS kind, "
    "CASE WHEN p.value ->> 'type' IN ('permutation', 'simplex', 'subset', 'vector') "
    "THEN coalesce(p.value ->> 'n', json_array_length(p.value, '$.values'), 1) ELSE 1 END AS n, "
    "iif(p.value ->> 'type' = 'const', json_array(p.value -> 'value'), p.value -> 'values') AS labels "
    "FROM study s, json_each(iif(json_valid(s.space), s.space, '{}'), '$.params') p "
    "WHERE p.type = 'object' AND (s.id = ?1 OR ?1 IS NULL))";

/* Version 0 was the layout of the first prototype: counters in the study row, reports without the number
 * of the attempt, neither views nor the table behind them. */
#define FROM_0                                                                                               \
    TABLE_PROGRESS TABLE_PARAM                                                                               \
        "INSERT INTO progress SELECT id, " HPO_SQLITE_HEADER_COLUMNS_0 ", 0 FROM study;"                     \
        "ALTER TABLE study DROP COLUMN seq; ALTER TABLE study DROP COLUMN next_number;"                      \
        "ALTER TABLE study DROP COLUMN next_draw; ALTER TABLE study DROP COLUMN n_waiting;"                  \
        "ALTER TABLE study DROP COLUMN n_running; ALTER TABLE study DROP COLUMN n_paused;"                   \
        "ALTER TABLE study DROP COLUMN n_complete; ALTER TABLE study DROP COLUMN n_stopped;"                 \
        "ALTER TABLE study DROP COLUMN n_failed; ALTER TABLE study DROP COLUMN n_infeasible;"                \
        "ALTER TABLE study DROP COLUMN status; ALTER TABLE study DROP COLUMN stop_reason;"                   \
        "ALTER TABLE study DROP COLUMN cost; ALTER TABLE study DROP COLUMN last_ms;"                         \
        "ALTER TABLE study DROP COLUMN active_ms; ALTER TABLE study DROP COLUMN lease_max_ms;"               \
        "ALTER TABLE study DROP COLUMN best_value; ALTER TABLE study DROP COLUMN best_number;"               \
        "ALTER TABLE study DROP COLUMN since_best;"                                                          \
        "ALTER TABLE report ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"

/* Version 1 had no log of the scheduler's decisions. */
#define FROM_1 "ALTER TABLE report ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"

/* Entry v brings version v to v + 1. */
static const struct {
    const char *sql;
    int fill_params; /* 1: the table param is new and is filled for every study */
} MIGRATIONS[HPO_SQLITE_SCHEMA] = {{FROM_0, 1}, {FROM_1, 0}};

hpo_status hpo_sqlite__fill_params(hpo_sqlite *s, int64_t study, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, FILL_PARAMS, -1, &st, NULL);
    if (rc == SQLITE_OK && study != 0) rc = sqlite3_bind_int64(st, 1, study);
    if (rc == SQLITE_OK) rc = sqlite3_step(st);
    hpo_status status =
        rc == SQLITE_DONE ? HPO_OK : hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "writing", err);
    (void)sqlite3_finalize(st);
    return status;
}

static hpo_status set_version(hpo_sqlite *s, hpo_error *err)
{
    char sql[128];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     HPO_SQLITE_APPLICATION, HPO_SQLITE_SCHEMA);
    return hpo_sqlite__exec(s, sql, "writing", err);
}

static hpo_status make_views(hpo_sqlite *s, hpo_error *err)
{
    for (size_t i = 0; i < sizeof VIEWS / sizeof VIEWS[0]; i++)
        HPO_TRY(hpo_sqlite__exec(s, VIEWS[i], "writing", err));
    return HPO_OK;
}

static hpo_status make_schema(hpo_sqlite *s, hpo_error *err)
{
    HPO_TRY(hpo_sqlite__exec(s, TABLE_META TABLE_STUDY TABLE_PROGRESS TABLE_PARAM TABLE_TRIAL TABLE_REPORT,
                             "writing", err));
    HPO_TRY(make_views(s, err));
    HPO_TRY(hpo_sqlite__exec(s,
                             "INSERT INTO meta VALUES('created_by', 'libhpo " HPO_VERSION "'), "
                             "('created', strftime('%Y-%m-%dT%H:%M:%SZ'))",
                             "writing", err));
    return set_version(s, err);
}

static hpo_status run_migrations(hpo_sqlite *s, int32_t from, hpo_error *err)
{
    for (int32_t v = from; v < HPO_SQLITE_SCHEMA; v++) {
        HPO_TRY(hpo_sqlite__exec(s, MIGRATIONS[v].sql, "writing", err));
        if (MIGRATIONS[v].fill_params) HPO_TRY(hpo_sqlite__fill_params(s, 0, err));
    }
    HPO_TRY(make_views(s, err));
    HPO_TRY(hpo_sqlite__exec(s, "INSERT OR REPLACE INTO meta VALUES('migrated_by', 'libhpo " HPO_VERSION "')",
                             "writing", err));
    return set_version(s, err);
}

/* What a file is by its two marks. */
typedef enum file_kind { FILE_NEW, FILE_OURS, FILE_FOREIGN } file_kind;

/* One snapshot for all three questions: between two, another process may make the schema. */
static hpo_status look(hpo_sqlite *s, file_kind *kind, int64_t *version, hpo_error *err)
{
    int64_t application = 0, tables = 0;
    int began;
    HPO_TRY(hpo_sqlite__begin_read(s, &began, err));
    hpo_status rc = hpo_sqlite__integer(s, "PRAGMA application_id", &application, err);
    if (rc == HPO_OK) rc = hpo_sqlite__integer(s, "PRAGMA user_version", version, err);
    if (rc == HPO_OK) rc = hpo_sqlite__integer(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    hpo_sqlite__end_read(s, began);
    *kind = application == HPO_SQLITE_APPLICATION              ? FILE_OURS
            : application == 0 && *version == 0 && tables == 0 ? FILE_NEW
                                                               : FILE_FOREIGN;
    return rc;
}

static hpo_status check_version(const hpo_sqlite *s, file_kind kind, int64_t version, hpo_error *err)
{
    if (kind == FILE_FOREIGN)
        return hpo_fail(err, HPO_EINVAL,
                        "'%s' is a SQLite database of another program: choose another file name", s->shown);
    if (kind == FILE_OURS && (version > HPO_SQLITE_SCHEMA || version < 0))
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "'%s' has schema version %lld, libhpo %s knows versions up to %d: use a newer libhpo",
                        s->shown, (long long)version, HPO_VERSION, HPO_SQLITE_SCHEMA);
    if (s->readonly && kind == FILE_NEW)
        return hpo_fail(err, HPO_EIO,
                        "'%s' is empty and cannot be written: make it writable or choose another --storage",
                        s->shown);
    if (s->readonly && version < HPO_SQLITE_SCHEMA)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "'%s' has schema version %lld and must be migrated to %d, but cannot be written: "
                        "open it writable once",
                        s->shown, (long long)version, HPO_SQLITE_SCHEMA);
    return HPO_OK;
}

hpo_status hpo_sqlite__prepare_file(hpo_sqlite *s, int32_t *from, int32_t *to, hpo_error *err)
{
    file_kind kind;
    int64_t version = 0;
    HPO_TRY(look(s, &kind, &version, err));
    HPO_TRY(check_version(s, kind, version, err));
    *from = (int32_t)version;
    *to = HPO_SQLITE_SCHEMA;
    if (kind == FILE_OURS && version == HPO_SQLITE_SCHEMA) return HPO_OK;
    /* Many processes may open a new file at once: the first one with the lock does the work. */
    if (kind == FILE_NEW) HPO_TRY(hpo_sqlite__make_log(s, err));
    HPO_TRY(hpo_sqlite__begin_write(s, err));
    hpo_status rc = look(s, &kind, &version, err);
    if (rc == HPO_OK) rc = check_version(s, kind, version, err);
    if (rc == HPO_OK && kind == FILE_NEW)
        rc = make_schema(s, err);
    else if (rc == HPO_OK && version < HPO_SQLITE_SCHEMA)
        rc = run_migrations(s, (int32_t)version, err);
    if (rc == HPO_OK) return hpo_sqlite__commit_write(s, err);
    hpo_sqlite__rollback_write(s);
    return rc;
}
