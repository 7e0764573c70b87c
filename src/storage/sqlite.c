/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite.c - "sqlite:PATH", all studies in one SQLite file.  docs/database.md describes the file.
 *
 * Writers of all processes queue on an flock of <path>-lock before BEGIN IMMEDIATE: SQLite's own busy
 * handler polls, and with many writers some then wait for seconds.  The kernel serves the queue in order and
 * frees an flock when its holder dies, so waiting needs no limit; ?timeout=SECONDS sets one, at the price of
 * polling.  The busy handler remains for programs that do not know the lock (sqlite3 in a shell).
 *
 * Write-ahead log, synchronous=NORMAL: a commit survives any end of the process, kill -9 included; a power
 * failure may undo the last commits but never damages the file.  synchronous=FULL waits for the disk at
 * each commit and survives that too.
 *
 * The page size stays at 4096 (a commit writes whole pages to the log, and a page of the file system is
 * what a disk writes), the cache at 8 MB holds the inner pages of the indexes of a million trials, and
 * nothing is mapped into memory: a file that another process cuts short would kill us by SIGBUS. */
#include "storage/sqlite.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/registry.h"

enum {
    WAIT_MS = 60000,         /* how long to wait for programs that do not know our lock, without ?timeout */
    CHECKPOINT_PAGES = 4000, /* 16 MB of log between checkpoints: each one waits for the disk three times */
    LEAVE_PAGES = 256,       /* a log so short is left behind by a handle ... */
    LEAVE_COMMITS = 64       /* ... that has committed so little */
};

static const char *const STATEMENTS[] = {
#define STATEMENT_SQL(name, sql) sql,
    HPO_SQLITE_STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

/* ---- errors -------------------------------------------------------------------------------- */

hpo_status hpo_sqlite__fail(hpo_sqlite *s, int code, const char *doing, hpo_error *err)
{
    const char *path = s->shown;
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return hpo_fail(
            err, HPO_EIO,
            "disk full while %s '%s': free space, then run the same command again; nothing was lost", doing,
            path);
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_NOMEM) return hpo_fail_memory(err);
        return hpo_fail(err, HPO_EIO,
                        "input/output error %d while %s '%s': check the disk and the limit on file sizes "
                        "(ulimit -f), then run "
                        "the same command again; nothing was lost",
                        code, doing, path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return hpo_fail(err, HPO_EIO,
                        "cannot write '%s': the file or its folder is read-only: change its permissions or "
                        "choose another "
                        "--storage",
                        path);
    case SQLITE_CANTOPEN:
        return hpo_fail(err, HPO_EIO,
                        "cannot open '%s': the folder must exist and the file and its '-wal' must be "
                        "readable (writing needs a "
                        "writable folder)",
                        path);
    case SQLITE_NOTADB:
        return hpo_fail(err, HPO_ECORRUPT, "'%s' is not a database: choose another file name", path);
    case SQLITE_CORRUPT:
        return hpo_fail(err, HPO_ECORRUPT,
                        "'%s' is damaged (found while %s): run 'hpo db verify', then restore a backup or "
                        "save what is left with "
                        "'sqlite3 %s .recover'",
                        path, doing, path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return hpo_fail(err, HPO_EBUSY,
                        "'%s' stayed locked by another program for more than %lld ms while %s: end the "
                        "program that holds it, "
                        "then run the same command again",
                        path, (long long)s->timeout_ms, doing);
    case SQLITE_NOMEM:
        return hpo_fail_memory(err);
    case SQLITE_TOOBIG:
        return hpo_fail(err, HPO_EINVAL, "a text is too long for '%s' (limit 1e9 bytes)", path);
    default:
        return hpo_fail(err, HPO_EIO, "SQLite error %d while %s '%s': %s", code, doing, path,
                        s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
    }
}

/* ---- statements ---------------------------------------------------------------------------- */

hpo_status hpo_sqlite__statement(hpo_sqlite *s, hpo_sqlite_statement which, sqlite3_stmt **out,
                                 hpo_error *err)
{
    *out = s->statements[which];
    if (*out != NULL) return HPO_OK;
    int rc = sqlite3_prepare_v3(s->db, STATEMENTS[which], -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc != SQLITE_OK) return hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "opening", err);
    s->statements[which] = *out;
    return HPO_OK;
}

hpo_status hpo_sqlite__run(hpo_sqlite *s, sqlite3_stmt *st, const char *doing, hpo_error *err)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) rc = SQLITE_DONE;
    hpo_status status =
        rc == SQLITE_DONE ? HPO_OK : hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), doing, err);
    (void)sqlite3_reset(st); /* repeats the error that step gave */
    if (status != HPO_OK) s->broken = 1;
    return status;
}

hpo_status hpo_sqlite__exec(hpo_sqlite *s, const char *sql, const char *doing, hpo_error *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK) return HPO_OK;
    return hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), doing, err);
}

hpo_status hpo_sqlite__integer(hpo_sqlite *s, const char *sql, int64_t *out, hpo_error *err)
{
    sqlite3_stmt *st = NULL;
    hpo_status status = HPO_OK;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    else if (rc != SQLITE_DONE)
        status = hpo_sqlite__fail(s, sqlite3_extended_errcode(s->db), "reading", err);
    (void)sqlite3_finalize(st);
    return status;
}

static hpo_status run_named(hpo_sqlite *s, hpo_sqlite_statement which, const char *doing, hpo_error *err)
{
    sqlite3_stmt *st;
    HPO_TRY(hpo_sqlite__statement(s, which, &st, err));
    return hpo_sqlite__run(s, st, doing, err);
}

/* ---- entering, transactions ---------------------------------------------------------------- */

hpo_status hpo_sqlite__enter(hpo_sqlite *s, hpo_error *err)
{
    if (hpo_os_pid() != s->pid)
        return hpo_fail(err, HPO_ESTATE,
                        "storage '%s' was opened before fork(): open it again in the child process",
                        s->shown);
    hpo_mutex_lock(&s->mutex);
    return HPO_OK;
}

/* Waits behind a program that does not know our lock: a random 1 to 4 ms, until the time is over. */
static int on_busy(void *ctx, int n_before)
{
    hpo_sqlite *s = ctx;
    s->jitter = s->jitter * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t pause = 1 + (int64_t)(s->jitter >> 62);
    if (n_before * INT64_C(5) / 2 > s->timeout_ms) return 0;
    hpo_os_sleep_ms(pause);
    return 1;
}

/* After each commit, with the length of the log; takes the place of SQLite's automatic checkpoints. */
static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    hpo_sqlite *s = ctx;
    s->log_pages = pages;
    s->n_commits++;
    /* A checkpoint that others hinder is made by a later commit. */
    if (pages >= CHECKPOINT_PAGES)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* What only writers need, once a handle. */
static hpo_status prepare_writing(hpo_sqlite *s, hpo_error *err)
{
    hpo_str name = {0};
    char *text = NULL;
    hpo_str_addf(&name, "%s-lock", s->path);
    HPO_TRY(hpo_str_steal(&name, &text, err));
    hpo_status rc = hpo_os_lock_open(&s->lock, text, err);
    hpo_free(text);
    if (rc != HPO_OK) {
        s->lock.fd = -1;
        return rc;
    }
    return HPO_OK;
}

/* Our lock.  With it for the first time the log is switched on: somebody may have changed the journal by
 * hand; if that cannot be undone now, it works all the same. */
static hpo_status take_lock(hpo_sqlite *s, hpo_error *err)
{
    int first = s->lock.fd < 0;
    if (first) HPO_TRY(prepare_writing(s, err));
    hpo_status rc = hpo_os_lock_take(&s->lock, s->patient ? -1 : s->timeout_ms, err);
    if (rc == HPO_EBUSY) return hpo_sqlite__fail(s, SQLITE_BUSY, "writing", err);
    if (rc == HPO_OK && first) (void)sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    return rc;
}

/* Many processes may open a new file at once, and SQLite gives up at once, without its busy handler, when two
 * switch the log on together. */
hpo_status hpo_sqlite__make_log(hpo_sqlite *s, hpo_error *err)
{
    HPO_TRY(take_lock(s, err));
    hpo_status rc = hpo_sqlite__exec(s, "PRAGMA journal_mode=WAL", "opening", err);
    hpo_os_lock_release(&s->lock);
    return rc;
}

/* A file that was deleted or replaced could still be written, and all of it would be lost. */
static hpo_status check_place(hpo_sqlite *s, hpo_error *err)
{
    int moved = 0;
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved) return HPO_OK;
    return hpo_fail(
        err, HPO_EIO,
        "'%s' was moved, deleted or replaced while in use: put it back, or start again on a new file",
        s->shown);
}

hpo_status hpo_sqlite__begin_write(hpo_sqlite *s, hpo_error *err)
{
    if (s->readonly) return hpo_sqlite__fail(s, SQLITE_READONLY, "writing", err);
    if (s->open != 0 || !sqlite3_get_autocommit(s->db))
        return hpo_fail_internal(err, "begin inside a transaction");
    HPO_TRY(take_lock(s, err));
    s->broken = 0;
    hpo_status rc = check_place(s, err);
    if (rc == HPO_OK) rc = run_named(s, HPO_SQL_BEGIN, "writing", err);
    if (rc != HPO_OK) hpo_os_lock_release(&s->lock);
    return rc;
}

void hpo_sqlite__rollback_write(hpo_sqlite *s)
{
    if (!sqlite3_get_autocommit(s->db)) {
        /* A failed ROLLBACK (no memory, dead disk) leaves a transaction that must not go on. */
        if (run_named(s, HPO_SQL_ROLLBACK, "writing", NULL) != HPO_OK)
            (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    s->open = 0;
    s->broken = 0;
    hpo_os_lock_release(&s->lock);
}

hpo_status hpo_sqlite__commit_write(hpo_sqlite *s, hpo_error *err)
{
    hpo_status rc = HPO_OK;
    if (s->broken || sqlite3_get_autocommit(s->db))
        rc = hpo_fail(err, HPO_EIO, "a change of '%s' failed and was taken back: run the same command again",
                      s->shown);
    else
        rc = run_named(s, HPO_SQL_COMMIT, "writing", err);
    if (rc != HPO_OK) {
        hpo_sqlite__rollback_write(s);
        return rc;
    }
    s->open = 0;
    hpo_os_lock_release(&s->lock);
    return HPO_OK;
}

hpo_status hpo_sqlite__begin_read(hpo_sqlite *s, int *began, hpo_error *err)
{
    *began = sqlite3_get_autocommit(s->db);
    return *began ? run_named(s, HPO_SQL_BEGIN_READ, "reading", err) : HPO_OK;
}

void hpo_sqlite__end_read(hpo_sqlite *s, int began)
{
    if (began && !sqlite3_get_autocommit(s->db) && run_named(s, HPO_SQL_COMMIT, "reading", NULL) != HPO_OK)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static hpo_status sqlite_begin(void *self, int64_t study, hpo_study_header *h, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(hpo_sqlite__enter(s, err));
    hpo_status rc = hpo_sqlite__begin_write(s, err);
    if (rc == HPO_OK) {
        rc = hpo_sqlite__load_header(s, study, h, err);
        if (rc != HPO_OK) hpo_sqlite__rollback_write(s);
    }
    if (rc != HPO_OK) {
        hpo_mutex_unlock(&s->mutex);
        return rc;
    }
    s->open = study;
    s->grown = 0;
    s->before = *h;
    return HPO_OK;
}

/* Ends the hold of begin; the transaction itself is over. */
static hpo_status check_open(const hpo_sqlite *s, int64_t study, hpo_error *err)
{
    int ours = s->open == study && study != 0 && hpo_os_pid() == s->pid;
    return ours ? HPO_OK : hpo_fail_internal(err, "commit without begin");
}

static hpo_status sqlite_commit(void *self, int64_t study, const hpo_study_header *h, hpo_error *err)
{
    hpo_sqlite *s = self;
    HPO_TRY(check_open(s, study, err));
    hpo_status rc = HPO_OK;
    int grown = s->grown;
    /* Padding may differ as well: then the same header is written once more, and nothing is lost. */
    if (memcmp(h, &s->before, sizeof *h) != 0) // NOLINT(bugprone-suspicious-memory-comparison)
        rc = hpo_sqlite__store_header(s, study, h, err);
    if (rc == HPO_OK)
        rc = hpo_sqlite__commit_write(s, err);
    else
        hpo_sqlite__rollback_write(s);
    if (grown) hpo_sqlite__forget_shape(s, study, -1);
    hpo_mutex_unlock(&s->mutex);
    return rc;
}

static void sqlite_rollback(void *self, int64_t study)
{
    hpo_sqlite *s = self;
    if (check_open(s, study, NULL) != HPO_OK) return;
    hpo_sqlite__rollback_write(s);
    if (s->grown) hpo_sqlite__forget_shape(s, study, -1);
    hpo_mutex_unlock(&s->mutex);
}

/* ---- the lock for suggestions -------------------------------------------------------------- */

/* A new file handle each time: two threads of one process exclude each other like two processes. */
static hpo_status sqlite_lock_ask(void *self, int64_t study, hpo_error *err)
{
    hpo_sqlite *s = self;
    hpo_str name = {0};
    char *text = NULL;
    hpo_os_lock lock = {-1};
    if (s->readonly) return hpo_sqlite__fail(s, SQLITE_READONLY, "writing", err);
    hpo_str_addf(&name, "%s-ask%lld", s->path, (long long)study);
    HPO_TRY(hpo_str_steal(&name, &text, err));
    hpo_status rc = hpo_os_lock_open(&lock, text, err);
    hpo_free(text);
    if (rc == HPO_OK) rc = hpo_os_lock_take(&lock, -1, err); /* a suggestion may take as long as it likes */
    if (rc == HPO_OK) {
        hpo_mutex_lock(&s->ask_mutex);
        rc = hpo_reserve(&s->asks, &s->cap_asks, s->n_asks + 1, sizeof *s->asks, err);
        if (rc == HPO_OK) s->asks[s->n_asks++] = (hpo_sqlite_ask){study, lock};
        hpo_mutex_unlock(&s->ask_mutex);
    }
    if (rc != HPO_OK) hpo_os_lock_close(&lock);
    return rc;
}

static void sqlite_unlock_ask(void *self, int64_t study)
{
    hpo_sqlite *s = self;
    hpo_mutex_lock(&s->ask_mutex);
    for (size_t i = 0; i < s->n_asks; i++) {
        if (s->asks[i].study != study) continue;
        hpo_os_lock_close(&s->asks[i].lock);
        s->asks[i] = s->asks[--s->n_asks];
        break;
    }
    hpo_mutex_unlock(&s->ask_mutex);
}

/* ---- opening ------------------------------------------------------------------------------- */

static void close_database(hpo_sqlite *s)
{
    for (size_t i = 0; i < HPO_SQL_N; i++)
        (void)sqlite3_finalize(s->statements[i]);
    for (size_t i = 0; i < HPO_SQLITE_N_UPDATES; i++)
        (void)sqlite3_finalize(s->updates[i]);
    memset(s->statements, 0, sizeof s->statements);
    memset(s->updates, 0, sizeof s->updates);
    /* The last one to close would copy the log into the file and wait for the disk, which takes longer than
     * all the rest of one `hpo ask`.  A short log is read in less than a millisecond by whoever opens next.
     */
    int leave = s->n_commits <= LEAVE_COMMITS && s->log_pages <= LEAVE_PAGES;
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave, NULL);
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

static void sqlite_close(void *self)
{
    hpo_sqlite *s = self;
    /* In a child of fork() the connection belongs to the parent: closing it could remove the parent's log. */
    if (hpo_os_pid() == s->pid) {
        if (s->open != 0) sqlite_rollback(s, s->open);
        while (s->n_asks > 0)
            sqlite_unlock_ask(s, s->asks[0].study);
        if (s->db != NULL) close_database(s);
        hpo_mutex_fini(&s->mutex);
        hpo_mutex_fini(&s->ask_mutex);
    }
    hpo_os_lock_close(&s->lock);
    for (size_t i = 0; i < sizeof s->arrays / sizeof s->arrays[0]; i++)
        hpo_str_fini(&s->arrays[i]);
    hpo_free(s->row.values);
    hpo_str_fini(&s->row.texts);
    hpo_free(s->shapes);
    hpo_free(s->asks);
    hpo_free(s->path);
    hpo_free(s->shown);
    hpo_free(s);
}

static int option_is(const char *o, size_t n, const char *text)
{
    return strlen(text) == n && strncmp(o, text, n) == 0;
}

static hpo_status read_option(hpo_sqlite *s, const char *o, size_t n, hpo_error *err)
{
    if (option_is(o, n, "sync=full")) {
        s->full = 1;
    } else if (option_is(o, n, "sync=normal")) {
        s->full = 0;
    } else if (option_is(o, n, "readonly=1") || option_is(o, n, "readonly")) {
        s->readonly = 1;
    } else if (option_is(o, n, "readonly=0")) {
        s->readonly = 0;
    } else if (option_is(o, n, "network=allow")) {
        s->network = 1;
    } else if (n > 8 && n < 24 && strncmp(o, "timeout=", 8) == 0) {
        char text[24];
        double seconds;
        memcpy(text, o + 8, n - 8);
        text[n - 8] = '\0';
        if (!hpo_parse_double(text, &seconds) || !(seconds >= 0 && seconds <= 1e6))
            return hpo_fail(err, HPO_EINVAL,
                            "storage option timeout=%s: must be a number of seconds from 0 to 1e6", text);
        s->timeout_ms = (int64_t)(seconds * 1000);
        s->patient = 0;
    } else {
        return hpo_fail(err, HPO_EINVAL,
                        "storage option '%.*s': known are sync=normal, sync=full, readonly=1, "
                        "timeout=SECONDS, network=allow",
                        (int)n, o);
    }
    return HPO_OK;
}

/* Splits PATH?key=value&key=value.  "///x" is "x" and "////x" is "/x", as other tools write it. */
static hpo_status read_url(hpo_sqlite *s, const char *rest, hpo_error *err)
{
    if (strncmp(rest, "//", 2) == 0) {
        if (rest[2] != '/')
            return hpo_fail(err, HPO_EINVAL,
                            "storage 'sqlite:%.200s': write 'sqlite:PATH' (or 'sqlite:///PATH')", rest);
        rest += 3;
    }
    size_t n = strcspn(rest, "?");
    if (n == 0 || option_is(rest, n, ":memory:"))
        return hpo_fail(
            err, HPO_EINVAL,
            "storage 'sqlite:%.200s': a file name is missing; to keep a study in memory use 'mem:'", rest);
    s->shown = hpo_strndup(rest, n);
    if (s->shown == NULL) return hpo_fail_memory(err);
    for (const char *o = rest + n; *o != '\0';) {
        o++;
        size_t length = strcspn(o, "&");
        if (length > 0) HPO_TRY(read_option(s, o, length, err));
        o += length;
    }
    return HPO_OK;
}

/* Path as the file: URI of SQLite, for the switches that have no other form. */
static void add_uri(hpo_str *uri, const char *path, const char *switches)
{
    hpo_str_add(uri, "file:");
    for (; *path != '\0'; path++) {
        if (*path == '?' || *path == '#' || *path == '%')
            hpo_str_addf(uri, "%%%02x", (unsigned)*path);
        else
            hpo_str_addc(uri, *path);
    }
    hpo_str_add(uri, switches);
}

static hpo_status connect_database(hpo_sqlite *s, hpo_error *err)
{
    char sql[96];
    hpo_str uri = {0};
    char *text = NULL;
    /* One mutex of ours is around every call: SQLite's own are not needed. */
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_URI;
    flags |= s->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    add_uri(&uri, s->shown, s->immutable ? "?immutable=1" : "");
    HPO_TRY(hpo_str_steal(&uri, &text, err));
    int rc = sqlite3_open_v2(text, &s->db, flags, NULL);
    hpo_free(text);
    if (rc != SQLITE_OK) {
        rc = s->db != NULL ? sqlite3_extended_errcode(s->db) : rc;
        return hpo_sqlite__fail(s, rc, "opening", err);
    }
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_handler(s->db, on_busy, s);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_wal_hook(s->db, on_commit, s);
    if (sqlite3_db_readonly(s->db, "main") == 1) s->readonly = 1;
    hpo_free(s->path);
    s->path = hpo_strdup(sqlite3_db_filename(s->db, "main"));
    if (s->path == NULL) return hpo_fail_memory(err);
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA synchronous=%s; PRAGMA cache_size=-8000",
                     s->full ? "FULL" : "NORMAL");
    return hpo_sqlite__exec(s, sql, "opening", err);
}

/* Whether a log with content stands beside the file. */
static int has_log(const hpo_sqlite *s)
{
    hpo_str name = {0};
    char *data = NULL;
    size_t n = 0;
    hpo_str_addf(&name, "%s-wal", s->shown);
    if (name.failed) return 1;
    int there = hpo_os_exists(name.text);
    if (there && hpo_os_read_file(name.text, 1, &data, &n, NULL) == HPO_OK && n == 0) there = 0;
    hpo_free(data);
    hpo_str_fini(&name);
    return there;
}

/* A folder that cannot be written has no room for the shared memory of the log.  Without a log the file
 * alone is the whole truth and nobody can change it: it is read without locks. */
static int can_be_immutable(const hpo_sqlite *s, const hpo_error *e)
{
    return e->code == HPO_EIO && !s->immutable && hpo_os_exists(s->shown) && !has_log(s);
}

static hpo_status open_file(hpo_sqlite *s, hpo_error *err)
{
    int32_t to;
    hpo_error first;
    hpo_status rc = connect_database(s, &first);
    if (rc == HPO_OK) rc = hpo_sqlite__prepare_file(s, &s->found, &to, &first);
    if (rc != HPO_OK && s->readonly && can_be_immutable(s, &first)) {
        close_database(s);
        s->immutable = 1;
        rc = connect_database(s, &first);
        if (rc == HPO_OK) rc = hpo_sqlite__prepare_file(s, &s->found, &to, &first);
    }
    if (rc != HPO_OK && err != NULL) *err = first;
    return rc;
}

static hpo_status sqlite_open(const char *rest, void **self, hpo_error *err)
{
    const char *kind = "network";
    hpo_sqlite *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->lock.fd = -1;
    s->pid = hpo_os_pid();
    s->timeout_ms = WAIT_MS;
    s->patient = 1;
    s->jitter = (uint64_t)hpo_os_monotonic_ns() ^ (uint64_t)s->pid << 32;
    hpo_status rc = hpo_mutex_init_recursive(&s->mutex, err);
    if (rc == HPO_OK) {
        rc = hpo_mutex_init(&s->ask_mutex, err);
        if (rc != HPO_OK) hpo_mutex_fini(&s->mutex);
    }
    if (rc != HPO_OK) {
        hpo_free(s);
        return rc;
    }
    rc = read_url(s, rest, err);
    if (rc == HPO_OK && !s->network && hpo_os_is_network_fs(s->shown, &kind))
        rc = hpo_fail(err, HPO_EUNSUPPORTED,
                      "'%s' lies on a network file system (%s), where SQLite loses data: use a local disk or "
                      "a postgresql: "
                      "storage; '?network=allow' at the end of the path opens it at your own risk",
                      s->shown, kind);
    if (rc == HPO_OK) rc = open_file(s, err);
    if (rc != HPO_OK) {
        sqlite_close(s);
        return rc;
    }
    *self = s;
    return HPO_OK;
}

const hpo_storage_ops hpo_storage_sqlite = {
    .size = sizeof(hpo_storage_ops),
    .scheme = "sqlite",
    .help = "one SQLite file: sqlite:PATH[?sync=full&timeout=SECONDS&readonly=1]",
    .shared = 1,
    .open = sqlite_open,
    .close = sqlite_close,
    .create_study = hpo_sqlite__create_study,
    .load_study = hpo_sqlite__load_study,
    .free_study = hpo_sqlite__free_study,
    .delete_study = hpo_sqlite__delete_study,
    .list_studies = hpo_sqlite__list_studies,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .insert_trial = hpo_sqlite__insert_trial,
    .update_trial = hpo_sqlite__update_trial,
    .insert_report = hpo_sqlite__insert_report,
    .update_study = hpo_sqlite__update_study,
    .get_trial = hpo_sqlite__get_trial,
    .next_ready = hpo_sqlite__next_ready,
    .find_hash = hpo_sqlite__find_hash,
    .read_since = hpo_sqlite__read_since,
    .read_header = hpo_sqlite__read_header,
    .read_reports = hpo_sqlite__read_reports,
    .lock_ask = sqlite_lock_ask,
    .unlock_ask = sqlite_unlock_ask,
    .describe = hpo_sqlite__describe,
    .verify = hpo_sqlite__verify,
    .backup = hpo_sqlite__backup,
    .migrate = hpo_sqlite__migrate,
    .grow_study = hpo_sqlite__grow_study,
};
