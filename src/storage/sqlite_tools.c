/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite_tools.c - looking after the file: describe, verify, backup, migrate. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/sqlite.h"

/* ---- describe ------------------------------------------------------------------------------ */

static hpo_status add_integer(hpo_sqlite *s, hpo_str *out, const char *name, const char *sql, hpo_error *err)
{
    int64_t v = 0;
    HPO_TRY(hpo_sqlite__integer(s, sql, &v, err));
    hpo_str_addf(out, ",\"%s\":%lld", name, (long long)v);
    return HPO_OK;
}

static hpo_status describe(hpo_sqlite *s, hpo_str *out, hpo_error *err)
{
    hpo_str_add(out, "{\"path\":");
    hpo_str_json(out, s->path);
    HPO_TRY(add_integer(s, out, "schema", "PRAGMA user_version", err));
    HPO_TRY(add_integer(s, out, "bytes",
                        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", err));
    HPO_TRY(add_integer(s, out, "free_bytes",
                        "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()",
                        err));
    hpo_str_addf(out, ",\"sync\":\"%s\",\"writable\":%s,\"sqlite\":\"%s\"}", s->full ? "full" : "normal",
                 s->readonly ? "false" : "true", sqlite3_libversion());
    return HPO_OK;
}

hpo_status hpo_sqlite__describe(void *self, char **json, hpo_error *err)
{
    hpo_sqlite *s = self;
    hpo_str out = {0};
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = describe(s, &out, err);
    hpo_mutex_unlock(&s->mutex);
    if (rc == HPO_OK) return hpo_str_steal(&out, json, err);
    hpo_str_fini(&out);
    return rc;
}

/* ---- verify -------------------------------------------------------------------------------- */

/* Each query gives one finding a row, or none. */
static const char *const CHECKS[] = {
    "SELECT * FROM (SELECT integrity_check FROM pragma_integrity_check(50)) WHERE integrity_check <> 'ok'",
    "SELECT 'study ' || name || ': its counters are missing' FROM study WHERE id NOT IN (SELECT study FROM "
    "progress)",
    "SELECT 'counters of study ' || study || ' belong to no study' FROM progress WHERE study NOT IN (SELECT "
    "id FROM study)",
    "SELECT count(*) || ' trials belong to no study' FROM trial WHERE study NOT IN (SELECT id FROM study) "
    "HAVING count(*) > 0",
    "SELECT count(*) || ' reports belong to no trial' FROM report r WHERE NOT EXISTS (SELECT 1 FROM trial t "
    "WHERE "
    "t.id = r.study * 1099511627776 + r.trial) HAVING count(*) > 0",
    "SELECT count(*) || ' rows have an id that does not fit study and number' FROM (SELECT id, study, number "
    "AS n FROM trial "
    "UNION ALL SELECT id, study, seq FROM report) WHERE id <> study * 1099511627776 + n HAVING count(*) > 0",
    "SELECT 'study ' || s.name || ': ' || p.next_number || ' trials were handed out, ' || count(t.id) || ' "
    "are stored, the last "
    "is number ' || coalesce(max(t.number), -1) FROM study s JOIN progress p ON p.study = s.id LEFT JOIN "
    "trial t ON "
    "t.study = s.id GROUP BY s.id HAVING count(t.id) <> p.next_number OR coalesce(max(t.number), -1) <> "
    "p.next_number - 1",
    "SELECT 'study ' || s.name || ': the counters of states do not fit its trials' FROM study s JOIN "
    "progress p ON "
    "p.study = s.id LEFT JOIN trial t ON t.study = s.id GROUP BY s.id HAVING total(t.state = 0) <> "
    "p.n_waiting OR "
    "total(t.state = 1) <> p.n_running OR total(t.state = 2) <> p.n_paused OR total(t.state = 3) <> "
    "p.n_complete OR "
    "total(t.state = 4) <> p.n_stopped OR total(t.state = 5) <> p.n_failed OR total(t.state = 6) <> "
    "p.n_infeasible",
    "SELECT 'study ' || s.name || ': an event has number ' || max(e.seq) || ', the clock stands at ' || "
    "p.seq FROM study s JOIN "
    "progress p ON p.study = s.id JOIN (SELECT study, seq FROM trial UNION ALL SELECT study, seq FROM "
    "report) e ON "
    "e.study = s.id GROUP BY s.id HAVING max(e.seq) > p.seq",
    "SELECT 'study ' || study || ': ' || count(*) || ' changes of trials have the number ' || seq FROM trial "
    "GROUP BY study, seq "
    "HAVING count(*) > 1 LIMIT 20",
    "SELECT 'study ' || study || ': running trial ' || number || ' has no lease' FROM trial WHERE state = 1 "
    "AND lease_ms = 0 "
    "LIMIT 20",
    "SELECT 'study ' || study || ': trial ' || number || ' has an unknown state ' || state FROM trial WHERE "
    "state NOT BETWEEN 0 "
    "AND 6 LIMIT 20",
    "SELECT 'study ' || t.study || ': trial ' || t.number || ' has an array of a wrong length' FROM trial t "
    "JOIN study s ON "
    "s.id = t.study WHERE iif(json_valid(t.x), json_array_length(t.x), -1) <> s.n_columns OR (t.y IS NOT "
    "NULL AND "
    "iif(json_valid(t.y), json_array_length(t.y), -1) <> s.n_objectives) LIMIT 20",
};

static hpo_status add_findings(hpo_sqlite *s, const char *sql, hpo_str *out, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW) break;
        const char *text = (const char *)sqlite3_column_text(st, 0);
        if (out->len > 0) hpo_str_addc(out, '\n');
        hpo_str_add(out, text != NULL ? text : "?");
    }
    hpo_status status = HPO_OK;
    if (rc == SQLITE_CORRUPT ||
        (rc & 0xFF) == SQLITE_CORRUPT) { /* what could not even be read is a finding */
        if (out->len > 0) hpo_str_addc(out, '\n');
        hpo_str_add(out, sqlite3_errmsg(s->db));
    } else if (rc != SQLITE_DONE) {
        status = hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    }
    (void)sqlite3_finalize(st);
    return status;
}

hpo_status hpo_sqlite__verify(void *self, char **findings, hpo_error *err)
{
    hpo_sqlite *s = self;
    hpo_str out = {0};
    int began;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__begin_read(s, &began, err);
    if (rc == HPO_OK) {
        for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0] && rc == HPO_OK; i++)
            rc = add_findings(s, CHECKS[i], &out, err);
        hpo_sqlite__end_read(s, began);
    }
    hpo_mutex_unlock(&s->mutex);
    int sound = out.len == 0;
    if (rc == HPO_OK) rc = hpo_str_steal(&out, findings, err);
    hpo_str_fini(&out);
    if (rc != HPO_OK) return rc;
    if (sound) return HPO_OK;
    return hpo_fail(err, HPO_ECORRUPT,
                    "'%s' is damaged: restore a backup, or save what is left with 'sqlite3 %s .recover'",
                    s->shown, s->shown);
}

/* ---- backup -------------------------------------------------------------------------------- */

static hpo_status copy_database(hpo_sqlite *s, const char *path, hpo_error *err)
{
    sqlite3 *to = NULL;
    int rc =
        sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_backup *b = sqlite3_backup_init(to, "main", s->db, "main");
        if (b == NULL) {
            rc = sqlite3_extended_errcode(to);
        } else {
            rc = sqlite3_backup_step(b, -1);
            int end = sqlite3_backup_finish(b);
            if (rc == SQLITE_DONE) rc = end;
        }
        /* The copy is one file, complete without a log, whoever opens it next. */
        if (rc == SQLITE_OK) rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    }
    hpo_status status = HPO_OK;
    if ((rc & 0xFF) == SQLITE_FULL || (rc & 0xFF) == SQLITE_IOERR)
        status = hpo_fail(
            err, HPO_EIO,
            "disk full or not writable while writing the backup '%s': free space or choose another place",
            path);
    else if ((rc & 0xFF) == SQLITE_CANTOPEN || (rc & 0xFF) == SQLITE_READONLY)
        status = hpo_fail(err, HPO_EIO, "cannot write the backup '%s': its folder must exist and be writable",
                          path);
    else if (rc != SQLITE_OK)
        status = hpo_sqlite__fail(s, rc, "copying", err);
    (void)sqlite3_close(to);
    return status;
}

hpo_status hpo_sqlite__backup(void *self, const char *path, hpo_error *err)
{
    hpo_sqlite *s = self;
    hpo_str name = {0};
    char *partial = NULL;
    if (hpo_os_exists(path))
        return hpo_fail(err, HPO_EEXIST,
                        "backup '%s': the file exists and is not overwritten: choose another name", path);
    hpo_str_addf(&name, "%s.partial-%d", path, (int)hpo_os_pid());
    HPO_TRY(hpo_str_steal(&name, &partial, err));
    hpo_status rc = hpo_sqlite__enter(s, err);
    if (rc == HPO_OK) {
        rc = copy_database(s, partial, err);
        hpo_mutex_unlock(&s->mutex);
        if (rc == HPO_OK && rename(partial, path) != 0)
            rc = hpo_fail(err, HPO_EIO, "cannot name the backup '%s'", path);
        if (rc != HPO_OK) (void)remove(partial);
    }
    hpo_free(partial);
    return rc;
}

/* ---- migrate ------------------------------------------------------------------------------- */

hpo_status hpo_sqlite__migrate(void *self, int32_t *from, int32_t *to, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__prepare_file(s, from, to, err);
    if (rc == HPO_OK && s->found < *from) *from = s->found; /* opening has done it */
    hpo_mutex_unlock(&s->mutex);
    return rc;
}
