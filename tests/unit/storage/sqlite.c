/* SPDX-License-Identifier: Apache-2.0 */
/* What only a file can suffer: wrong files, old and future ones, no permission, no space, damage, fork,
 * other programs; and the views that people query. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/registry.h"
#include "storage/sqlite.h"
#include "t.h"

static const hpo_storage_ops *const SQL = &hpo_storage_sqlite;
static const char SPACE[] =
    "{\"params\":{\"lr\":{\"type\":\"float\",\"range\":[1e-05,1],\"scale\":\"log\"},\"n\":{\"type\":\"int\","
    "\"range\":[1,8]},"
    "\"opt\":{\"type\":\"categorical\",\"values\":[\"sgd\",\"it's\"]},\"big\":{\"type\":\"bool\"},"
    "\"k\":{\"type\":\"const\",\"value\":7},\"order\":{\"type\":\"permutation\",\"values\":[\"a\",\"b\"]},"
    "\"mix\":{\"type\":\"simplex\",\"n\":2},\"some\":{\"type\":\"subset\",\"values\":[\"p\",\"q\",\"r\"]},"
    "\"v\":{\"type\":\"vector\",\"n\":2,\"range\":[0,1]},\"mom\":{\"type\":\"float\",\"range\":[0,1],"
    "\"when\":\"opt == 'sgd'\"}}}";
enum { COLUMNS = 15 };
static const double X[COLUMNS] = {1e-5, 3, 1, 1, 0, 1, 0, 0.25, 0.75, 1, 0, 1, 0.5, 1e-9, (double)NAN};

static void *open_url(const char *url)
{
    hpo_error err;
    void *self = NULL;
    assert_ok(SQL->open(url, &self, &err), err);
    return self;
}

static int64_t make_study(void *self)
{
    hpo_error err;
    int64_t id;
    hpo_study_record r = {
        .name = "s",
        .space = SPACE,
        .spec = "{\"objectives\":[{\"name\":\"acc\",\"direction\":\"maximize\"},{\"name\":\"ms\"}],"
                "\"outcomes\":[{\"name\":\"mem\",\"max\":4}],\"sampler\":\"random\"}",
        .created_ms = 1700000000000,
        .shape = {COLUMNS, 2, 1},
        .header = {.best_number = -1, .best_value = (double)NAN}};
    assert_ok(SQL->create_study(self, &r, &id, &err), err);
    return id;
}

/* One complete trial; HPO_OK or what failed. */
static hpo_status add_trial(void *self, int64_t id, const char *attributes, hpo_error *err)
{
    hpo_study_header h;
    const double y[2] = {-0.5, 12};
    hpo_status rc = SQL->begin(self, id, &h, err);
    if (rc != HPO_OK) return rc;
    hpo_trial_record t = {.number = h.next_number++,
                          .state = HPO_STATE_COMPLETE,
                          .seq = ++h.seq,
                          .x = X,
                          .y = y,
                          .outcome = (const double[1]){-1},
                          .started_ms = 1700000001000,
                          .ended_ms = 1700000003500,
                          .created_ms = 1700000000000,
                          .hash = (uint64_t)h.seq,
                          .parent = -1,
                          .attributes = attributes,
                          .worker = "w"};
    rc = SQL->insert_trial(self, id, &t, err);
    h.n_by_state[HPO_STATE_COMPLETE]++;
    if (rc == HPO_OK) return SQL->commit(self, id, &h, err);
    SQL->rollback(self, id);
    return rc;
}

static void add_trials(void *self, int64_t id, int n)
{
    hpo_error err;
    for (int i = 0; i < n; i++)
        assert_ok(add_trial(self, id, NULL, &err), err);
}

static void assert_sound(void *self)
{
    hpo_error err;
    char *findings = NULL;
    hpo_status rc = SQL->verify(self, &findings, &err);
    if (rc != HPO_OK) print_message("# %s\n# %s\n", err.msg, findings != NULL ? findings : "");
    assert_int_equal(rc, HPO_OK);
    assert_string_equal(findings, "");
    hpo_free(findings);
}

static void write_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static unsigned char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    rewind(f);
    unsigned char *data = malloc((size_t)size);
    assert_non_null(data);
    *n = fread(data, 1, (size_t)size, f);
    assert_int_equal(*n, size);
    (void)fclose(f);
    return data;
}

/* One text from the file, asked as a person would. */
static const char *query(const char *path, const char *sql)
{
    static char text[4096];
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const char *t = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : "(no row)";
    (void)snprintf(text, sizeof text, "%s", t != NULL ? t : "(null)");
    (void)sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return text;
}

/* ---- urls ---------------------------------------------------------------------------------- */

static void test_urls(void **state)
{
    (void)state;
    hpo_error err;
    void *self;
    char url[600];
    assert_fails(SQL->open("x.db?colour=red", &self, &err), HPO_EINVAL, err, "colour=red");
    assert_fails(SQL->open("x.db?timeout=soon", &self, &err), HPO_EINVAL, err, "timeout=soon");
    assert_fails(SQL->open(":memory:", &self, &err), HPO_EINVAL, err, "mem:");
    assert_fails(SQL->open("", &self, &err), HPO_EINVAL, err, "file name");
    assert_fails(SQL->open("//host/x.db", &self, &err), HPO_EINVAL, err, "sqlite:PATH");
    assert_fails(SQL->open("/no/such/folder/x.db", &self, &err), HPO_EIO, err, "/no/such/folder/x.db");
    assert_fails(SQL->open("/", &self, &err), HPO_EIO, err, "cannot open");
    (void)snprintf(url, sizeof url, "///%s?sync=full&timeout=5&network=allow",
                   t_temp_path("odd #%20 name.db"));
    hpo_sqlite *s = open_url(url);
    assert_true(s->full);
    assert_int_equal(s->timeout_ms, 5000);
    SQL->close(s);
    assert_int_equal(access(t_temp_path("odd #%20 name.db"), F_OK), 0);
}

/* ---- wrong, old and future files ----------------------------------------------------------- */

static void test_wrong_files(void **state)
{
    (void)state;
    hpo_error err;
    void *self;
    const char *text = t_temp_path("notes.txt"), *foreign = t_temp_path("foreign.db"),
               *empty = t_temp_path("empty.db");
    static const char words[] =
        "Dear diary, today I tuned a network, and it went rather well, considering how long it is; "
        "more of this will follow tomorrow, when the second run has ended, if it ever does.";
    write_file(text, words, sizeof words);
    assert_fails(SQL->open(text, &self, &err), HPO_ECORRUPT, err, "not a database");
    size_t n;
    unsigned char *after = read_file(text, &n);
    assert_int_equal(n, sizeof words);
    assert_memory_equal(after, words, n);
    free(after);
    (void)query(foreign, "CREATE TABLE recipe(name)");
    assert_fails(SQL->open(foreign, &self, &err), HPO_EINVAL, err, "another program");
    assert_string_equal(query(foreign, "SELECT count(*) FROM sqlite_schema"), "1");
    write_file(empty, "", 0); /* as `touch` or mktemp leave it */
    self = open_url(empty);
    add_trials(self, make_study(self), 1);
    SQL->close(self);
}

static void copy_golden(const char *name, const char *to)
{
    char path[64];
    size_t n;
    (void)snprintf(path, sizeof path, "tests/golden/formats/%s", name);
    unsigned char *data = read_file(t_source_path(path), &n);
    write_file(to, data, n);
    free(data);
}

static void test_future(void **state)
{
    (void)state;
    hpo_error err;
    void *self;
    const char *path = t_temp_path("future.db");
    self = open_url(path);
    SQL->close(self);
    (void)query(path, "PRAGMA user_version=7");
    assert_fails(SQL->open(path, &self, &err), HPO_EUNSUPPORTED, err, "schema version 7");
    assert_contains(err.msg, "up to 2");
}

static hpo_status one_report(void *ctx, const hpo_report_record *r)
{
    hpo_report_record *out = ctx;
    *out = *r;
    return HPO_OK;
}

static void test_version_0(void **state)
{
    (void)state;
    hpo_error err;
    int32_t from, to;
    hpo_study_record r;
    hpo_trial_record t;
    hpo_report_record report = {0};
    hpo_reader reader = {NULL, one_report, &report};
    void *self;
    char readonly[600];
    const char *path = t_temp_path("v0.db");
    copy_golden("v0.db", path);
    (void)snprintf(readonly, sizeof readonly, "%s?readonly=1", path);
    assert_fails(SQL->open(readonly, &self, &err), HPO_EUNSUPPORTED, err, "must be migrated");
    self = open_url(path);
    assert_ok(SQL->migrate(self, &from, &to, &err), err);
    assert_int_equal(from, 0);
    assert_int_equal(to, HPO_SQLITE_SCHEMA);
    assert_sound(self);
    assert_ok(SQL->load_study(self, "old", &r, &err), err);
    assert_int_equal(r.header.next_number, 3);
    assert_int_equal(r.header.seq, 7);
    assert_near(r.header.best_value, 0.25, 0, 0);
    assert_ok(SQL->get_trial(self, r.id, 0, &t, &err), err);
    assert_same_doubles(t.x, ((const double[]){0.001, 1}), 2);
    assert_same_doubles(t.y, ((const double[]){0.25}), 1);
    assert_string_equal(t.worker, "node1:7");
    assert_ok(SQL->read_reports(self, r.id, 1, &reader, &err), err);
    assert_int_equal(report.attempt, 1);
    SQL->free_study(self, &r);
    SQL->close(self);
    assert_string_equal(query(path, "SELECT params FROM trials WHERE number = 0"),
                        "{\"lr\":0.001,\"opt\":\"adam\"}");
    /* The migrated file has the schema of a new one, up to the order of columns. */
    const char *fresh = t_temp_path("fresh.db");
    SQL->close(open_url(fresh));
    static const char columns[] =
        "SELECT group_concat(c, char(10)) FROM (SELECT m.name || '.' || i.name || ' ' || i.type || "
        "' ' || i.\"notnull\" AS c FROM sqlite_schema m, pragma_table_info(m.name) i ORDER BY 1)";
    char *old = strdup(query(path, columns));
    assert_string_equal(query(fresh, columns), old);
    free(old);
    self = open_url(path);
    assert_ok(SQL->migrate(self, &from, &to, &err), err);
    assert_int_equal(from, HPO_SQLITE_SCHEMA);
    SQL->close(self);
}

/* A file that version 1 wrote opens for ever. */
static void test_version_1(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_record r;
    hpo_trial_record t;
    const char *path = t_temp_path("v1.db");
    copy_golden("v1.db", path);
    void *self = open_url(path);
    assert_sound(self);
    assert_ok(SQL->load_study(self, "s", &r, &err), err);
    assert_int_equal(r.header.next_number, 3);
    assert_ok(SQL->get_trial(self, r.id, 2, &t, &err), err);
    assert_same_doubles(t.x, X, COLUMNS);
    assert_string_equal(t.attributes, "{\"note\":\"\xc3\xa4\"}");
    SQL->free_study(self, &r);
    SQL->close(self);
}

static hpo_status find_resume(void *ctx, const hpo_report_record *r)
{
    if (r->kind == HPO_LOG_RESUME) *(hpo_report_record *)ctx = *r;
    if (r->kind == HPO_LOG_RESUME) assert_string_equal(r->metrics, "rank 1 of 3 at rung 1: goes on to 3");
    return HPO_OK;
}

/* The first version with the scheduler's log. */
static void test_version_2(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_record r;
    hpo_report_record resumed = {0};
    hpo_reader reader = {NULL, find_resume, &resumed};
    const char *path = t_temp_path("v2.db");
    copy_golden("v2.db", path);
    void *self = open_url(path);
    assert_sound(self);
    assert_ok(SQL->load_study(self, "s", &r, &err), err);
    assert_int_equal(r.header.next_number, 3);
    assert_ok(SQL->read_reports(self, r.id, 0, &reader, &err), err);
    assert_true(resumed.step == 3);
    SQL->free_study(self, &r);
    SQL->close(self);
    assert_string_equal(query(path, "SELECT count(*) FROM reports"), "3");
    assert_string_equal(query(path, "SELECT count(*) FROM decisions"), "10");
}

/* ---- views --------------------------------------------------------------------------------- */

static void test_views(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    const char *path = t_temp_path("views.db");
    void *self = open_url(path);
    int64_t id = make_study(self);
    const double y[2] = {-0.25, (double)NAN};
    hpo_report_record r = {.seq = 2,
                           .trial = 0,
                           .step = 3,
                           .fold = -1,
                           .y = y,
                           .time_ms = 1700000002000,
                           .metrics = "{\"g\":1}"};
    add_trials(self, id, 1);
    assert_ok(SQL->begin(self, id, &h, &err), err);
    assert_ok(SQL->insert_report(self, id, &r, &err), err);
    h.seq = 2;
    h.best_value = -0.5;
    h.best_number = 0;
    assert_ok(SQL->commit(self, id, &h, &err), err);
    SQL->close(self);
    assert_string_equal(query(path, "SELECT params FROM trials WHERE study = 's' ORDER BY value"),
                        "{\"lr\":1e-05,\"n\":3,\"opt\":\"it's\",\"big\":true,\"k\":7,\"order\":[\"b\",\"a\"],"
                        "\"mix\":[0.25,0.75],\"some\":[\"p\",\"r\"],\"v\":[0.5,1e-09]}");
    assert_string_equal(query(path, "SELECT params ->> 'lr' FROM trials"), "1.0e-05");
    assert_string_equal(query(path, "SELECT state || value FROM trials"), "complete0.5");
    assert_string_equal(query(path, "SELECT objectives FROM trials"), "{\"acc\":0.5,\"ms\":12}");
    assert_string_equal(query(path, "SELECT outcomes FROM trials"), "{\"mem\":-1}");
    assert_string_equal(query(path, "SELECT duration || started FROM trials"), "2.52023-11-14T22:13:21.000Z");
    assert_string_equal(
        query(path, "SELECT value || objectives || step || time || metrics FROM reports WHERE number = 0"),
        "0.25{\"acc\":0.25,\"ms\":null}3.02023-11-14T22:13:22.000Z{\"g\":1}");
    assert_string_equal(
        query(path,
              "SELECT best_value || status || stop_reason || sampler || trials || complete FROM studies"),
        "0.5activenonerandom11");
#define STATE_ORDER(name, word) word ","
    static const char words[] = HPO_STATE_LIST(STATE_ORDER);
#undef STATE_ORDER
    char all[200] = "";
    for (int i = 0; i < HPO_N_STATES; i++) {
        char sql[80];
        (void)snprintf(sql, sizeof sql, "UPDATE trial SET state = %d", i);
        (void)query(path, sql);
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s,",
                       query(path, "SELECT state FROM trials"));
    }
    assert_string_equal(all, words);
}

/* ---- no permission ------------------------------------------------------------------------- */

static void assert_readable(const char *url)
{
    hpo_error err;
    hpo_study_record r;
    hpo_study_header h;
    hpo_trial_record t;
    void *self = open_url(url);
    assert_ok(SQL->load_study(self, "s", &r, &err), err);
    assert_ok(SQL->get_trial(self, r.id, 1, &t, &err), err);
    assert_fails(SQL->begin(self, r.id, &h, &err), HPO_EIO, err, "read-only");
    assert_sound(self);
    SQL->free_study(self, &r);
    SQL->close(self);
}

/* Runs body in a child that may not write where it has no permission, whoever runs the tests. */
static void as_nobody(void (*body)(const char *path), const char *path)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) _exit(1);
        body(path);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* In the child cmocka's own way of failing does not work: exit codes. */
static void read_in_child(const char *path)
{
    hpo_error err = {HPO_OK, ""};
    hpo_study_record r;
    hpo_study_header h;
    void *self;
    if (SQL->open(path, &self, &err) != HPO_OK || SQL->load_study(self, "s", &r, &err) != HPO_OK) {
        (void)printf("# %s\n", err.msg);
        (void)fflush(stdout);
        _exit(2);
    }
    if (r.header.next_number != 2) _exit(3);
    if (SQL->begin(self, r.id, &h, &err) != HPO_EIO || strstr(err.msg, "read-only") == NULL) _exit(4);
    SQL->close(self);
}

static void test_read_only(void **state)
{
    (void)state;
    char folder[300], path[400], url[420], wal[420];
    (void)snprintf(folder, sizeof folder, "%s", t_temp_path("readonly"));
    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(path, sizeof path, "%s/x.db", folder);
    (void)snprintf(url, sizeof url, "%s?readonly=1", path);
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    hpo_error err;
    void *self;
    assert_fails(SQL->open(url, &self, &err), HPO_EIO, err, "cannot open");
    self = open_url(path);
    int64_t id = make_study(self);
    add_trials(self, id, 2);
    assert_readable(url); /* while a writer has it open */
    SQL->close(self);
    assert_readable(url);
    assert_int_equal(chmod(t_temp_dir(), 0755), 0);
    assert_int_equal(chmod(path, 0444), 0);
    as_nobody(read_in_child, path); /* the file alone is protected */
    assert_int_equal(chmod(folder, 0555), 0);
    as_nobody(read_in_child, path); /* the folder too; the log stands there, as short use leaves it */
    assert_int_equal(access(wal, F_OK), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_string_equal(query(path, "PRAGMA wal_checkpoint(TRUNCATE)"), "0");
    assert_int_not_equal(access(wal, F_OK), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    as_nobody(read_in_child, path); /* no log, and no room to make one */
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

/* A run ends with one file; a single command leaves its few changes in the log and the disk in peace. */
static void test_log(void **state)
{
    (void)state;
    struct stat st;
    const char *path = t_temp_path("log.db"), *wal = t_temp_path("log.db-wal");
    void *self = open_url(path);
    int64_t id = make_study(self);
    add_trials(self, id, 100);
    SQL->close(self);
    assert_int_not_equal(access(wal, F_OK), 0);
    for (int i = 0; i < 200; i++) { /* many commands: the log stays short all the same */
        self = open_url(path);
        add_trials(self, id, 1);
        SQL->close(self);
        if (stat(wal, &st) == 0) assert_true(st.st_size < 300 * 4200);
    }
    self = open_url(path);
    hpo_study_header h;
    hpo_error err;
    assert_ok(SQL->read_header(self, id, &h, &err), err);
    assert_int_equal(h.next_number, 300);
    assert_sound(self);
    SQL->close(self);
}

/* A caller that overlooks a failed change cannot store the rest of it. */
static void test_failed_change(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    hpo_trial_record t = {.number = 0, .seq = 9, .x = X};
    void *self = open_url(t_temp_path("failed.db"));
    int64_t id = make_study(self);
    add_trials(self, id, 2);
    assert_ok(SQL->begin(self, id, &h, &err), err);
    t.seq = ++h.seq;
    assert_ok(SQL->update_trial(self, id, &t, HPO_UPDATE_ATTRS, &err), err);
    assert_fails(SQL->insert_trial(self, id, &t, &err), HPO_EIO, err, "UNIQUE"); /* the number is taken */
    assert_fails(SQL->commit(self, id, &h, &err), HPO_EIO, err, "taken back");
    assert_ok(SQL->read_header(self, id, &h, &err), err);
    assert_int_equal(h.seq, 2);
    add_trials(self, id, 1);
    assert_sound(self);
    SQL->close(self);
}

static void test_deleted_file(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    const char *path = t_temp_path("deleted.db"), *away = t_temp_path("away.db");
    void *self = open_url(path);
    int64_t id = make_study(self);
    add_trials(self, id, 1);
    assert_int_equal(rename(path, away), 0);
    assert_fails(SQL->begin(self, id, &h, &err), HPO_EIO, err, "moved, deleted or replaced");
    assert_int_equal(rename(away, path), 0);
    add_trials(self, id, 1);
    assert_sound(self);
    SQL->close(self);
}

/* ---- no space ------------------------------------------------------------------------------ */

static void test_full_disk(void **state)
{
    (void)state;
    hpo_error err = {HPO_OK, ""};
    struct rlimit old, tight;
    struct stat st;
    const char *path = t_temp_path("full.db"), *wal = t_temp_path("full.db-wal");
    hpo_status rc = HPO_OK;
    int before = 0, rounds = 0;
    void *self = open_url(path);
    int64_t id = make_study(self);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (int more = 1; more <= 40000; more += 3977) { /* the limit strikes at different places of a commit */
        add_trials(self, id, 1);
        before++;
        assert_int_equal(stat(wal, &st), 0);
        tight = old;
        tight.rlim_cur = (rlim_t)(st.st_size + more);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        for (rc = HPO_OK; rc == HPO_OK; before += rc == HPO_OK)
            rc = add_trial(self, id, "{\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}", &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(rc, HPO_EIO);
        assert_contains(err.msg, path);
        assert_contains(err.msg, "run the same command again");
        rounds++;
    }
    add_trials(self, id, 3); /* the handle goes on */
    hpo_study_header h;
    assert_ok(SQL->read_header(self, id, &h, &err), err);
    assert_int_equal(h.next_number, before + 3);
    assert_true(rounds > 5);
    assert_sound(self);
    SQL->close(self);
}

static void test_backup(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    const char *path = t_temp_path("original.db"), *copy = t_temp_path("copy.db");
    void *self = open_url(path);
    int64_t id = make_study(self);
    add_trials(self, id, 50);
    assert_ok(SQL->backup(self, copy, &err), err);
    assert_fails(SQL->backup(self, copy, &err), HPO_EEXIST, err, "copy.db");
    assert_fails(SQL->backup(self, "/no/such/folder/y.db", &err), HPO_EIO, err, "/no/such/folder/y.db");
    add_trials(self, id, 5);
    SQL->close(self);
    assert_int_not_equal(access(t_temp_path("copy.db-wal"), F_OK), 0); /* one file is the whole copy */
    self = open_url(copy);
    assert_sound(self);
    assert_ok(SQL->read_header(self, id, &h, &err), err);
    assert_int_equal(h.next_number, 50);
    add_trials(self, id, 1);
    SQL->close(self);
}

/* ---- damage -------------------------------------------------------------------------------- */

static hpo_status look_at(void *ctx, const hpo_trial_record *t)
{
    (void)ctx;
    double sum = 0;
    for (int i = 0; i < COLUMNS; i++)
        sum += t->x[i];
    return sum > 1e300 ? HPO_EUSER : HPO_OK;
}

static hpo_status look_at_report(void *ctx, const hpo_report_record *r)
{
    (void)ctx;
    return r->y[0] > 1e300 ? HPO_EUSER : HPO_OK;
}

static int forget(void *ctx, const char *name, const hpo_study_header *h)
{
    (void)ctx;
    return name == NULL || h == NULL;
}

/* Everything that reads; whatever comes back, it must come back. */
static void use_damaged(const char *path)
{
    hpo_error err = {HPO_OK, ""};
    hpo_study_record r;
    hpo_reader reader = {look_at, look_at_report, NULL};
    char *text = NULL;
    void *self;
    if (SQL->open(path, &self, &err) != HPO_OK) {
        assert_true(err.msg[0] != '\0');
        return;
    }
    (void)SQL->list_studies(self, forget, NULL, &err);
    if (SQL->load_study(self, "s", &r, &err) == HPO_OK) {
        hpo_status rc = SQL->read_since(self, r.id, 0, &reader, &err);
        if (rc != HPO_OK) assert_true(err.msg[0] != '\0');
        (void)SQL->read_reports(self, r.id, 1, &reader, &err);
        if (add_trial(self, r.id, NULL, &err) == HPO_OK) (void)add_trial(self, r.id, NULL, &err);
        SQL->free_study(self, &r);
    }
    hpo_status rc = SQL->verify(self, &text, &err);
    if (rc == HPO_ECORRUPT && text != NULL) assert_true(text[0] != '\0');
    hpo_free(text);
    SQL->close(self);
}

static void test_damage(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    t_rng rng = t_rng_create();
    const char *path = t_temp_path("sound.db"), *bad = t_temp_path("bad.db"),
               *wal = t_temp_path("bad.db-wal"), *shm = t_temp_path("bad.db-shm");
    const double y[2] = {1, 2};
    void *self = open_url(path);
    int64_t id = make_study(self);
    add_trials(self, id, 100);
    assert_ok(SQL->begin(self, id, &h, &err), err);
    for (int i = 0; i < 50; i++) {
        hpo_report_record r = {.trial = i, .seq = ++h.seq, .y = y};
        assert_ok(SQL->insert_report(self, id, &r, &err), err);
    }
    assert_ok(SQL->commit(self, id, &h, &err), err);
    SQL->close(self);
    size_t n, found = 0;
    unsigned char *sound = read_file(path, &n), *data = malloc(n);
    assert_non_null(data);
    for (T_ROUNDS(round, 150)) {
        size_t length = n;
        memcpy(data, sound, n);
        if (round % 3 == 0) {
            length = (size_t)t_int(&rng, 0, (int64_t)n - 1);
        } else {
            size_t at = (size_t)t_int(&rng, 0, (int64_t)n - 1),
                   count = (size_t)t_int(&rng, 1, round % 3 == 1 ? 4 : 3000);
            for (size_t i = at; i < n && i < at + count; i++)
                data[i] = (unsigned char)t_u64(&rng);
        }
        write_file(bad, data, length);
        (void)unlink(wal);
        (void)unlink(shm);
        use_damaged(bad);
        found++;
    }
    assert_true(found > 100);
    free(data);
    free(sound);
}

/* Damage that SQLite itself cannot see. */
static void test_findings(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *finding;
    } cases[] = {
        {"UPDATE progress SET n_failed = n_failed + 1", "counters of states"},
        {"DELETE FROM trial WHERE number = 1", "trials were handed out, 2 are stored"},
        {"UPDATE progress SET seq = 1", "the clock stands at 1"},
        {"UPDATE trial SET seq = 1", "3 changes of trials have the number 1"},
        {"INSERT INTO report VALUES(5, 1, 77, 5, 0, 0, 0, 0, 1, '[1,2]', NULL, 0)",
         "reports belong to no trial"},
        {"UPDATE trial SET x = '[1,2]' WHERE number = 2", "trial 2 has an array of a wrong length"},
        {"UPDATE trial SET state = 1, lease_ms = 0 WHERE number = 2", "trial 2 has no lease"},
        {"DELETE FROM study", "belong to no study"},
        {"DELETE FROM progress", "counters are missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hpo_error err;
        char name[32], *findings = NULL;
        (void)snprintf(name, sizeof name, "findings%zu.db", i);
        const char *path = t_temp_path(name);
        void *self = open_url(path);
        add_trials(self, make_study(self), 3);
        assert_sound(self);
        SQL->close(self);
        (void)query(path, cases[i].sql);
        self = open_url(path);
        assert_fails(SQL->verify(self, &findings, &err), HPO_ECORRUPT, err, "damaged");
        assert_contains(findings, cases[i].finding);
        hpo_free(findings);
        SQL->close(self);
    }
}

static void test_damaged_array(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "[",         "[1,2",    "[1,2,]", "{}",
                                      "null", "[1,\"x\"]", "[[1],2]", "[1,2]x"};
    double v[2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(hpo_sqlite__array_read(bad[i], strlen(bad[i]), v, 2));
    assert_true(hpo_sqlite__array_read(" [ 1 , null ] ", 14, v, 2));
    assert_true(v[0] == 1 && isnan(v[1]));
    assert_true(hpo_sqlite__array_read("[1e999,-9e999]", 14, v, 2));
    assert_true(isinf(v[0]) && v[1] < 0);
    assert_true(hpo_sqlite__array_read("[]", 2, v, 0));
    assert_false(hpo_sqlite__array_read("[]", 2, v, 1));
    t_rng rng = t_rng_create();
    hpo_str text = {0};
    for (T_ROUNDS(round, 20000)) {
        double in[2] = {t_odd_double(&rng), round % 5 ? t_odd_double(&rng) : (double)NAN};
        hpo_sqlite__array_write(&text, in, 2);
        assert_true(hpo_sqlite__array_read(text.text, text.len, v, 2));
        assert_same_doubles(v, in, 2);
    }
    hpo_str_fini(&text);
}

/* ---- others -------------------------------------------------------------------------------- */

static void test_other_program(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    sqlite3 *db;
    char url[600];
    const char *path = t_temp_path("shared.db");
    (void)snprintf(url, sizeof url, "%s?timeout=0.2", path);
    void *self = open_url(url), *second = open_url(url);
    int64_t id = make_study(self);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_fails(SQL->begin(self, id, &h, &err), HPO_EBUSY, err, path);
    assert_ok(SQL->read_header(self, id, &h, &err), err); /* readers never wait */
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_ok(SQL->begin(self, id, &h, &err), err);
    assert_fails(SQL->begin(second, id, &h, &err), HPO_EBUSY, err, path); /* and with our own lock */
    assert_ok(SQL->read_header(second, id, &h, &err), err);
    SQL->rollback(self, id);
    add_trials(second, id, 1);
    SQL->close(second);
    SQL->close(self);
}

static void test_fork(void **state)
{
    (void)state;
    hpo_error err;
    hpo_study_header h;
    void *self = open_url(t_temp_path("fork.db"));
    int64_t id = make_study(self);
    add_trials(self, id, 2);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hpo_status rc = SQL->begin(self, id, &h, &err);
        SQL->close(self); /* must not touch what belongs to the parent */
        _exit(rc == HPO_ESTATE && strstr(err.msg, "fork") != NULL ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    add_trials(self, id, 2);
    assert_sound(self);
    SQL->close(self);
}

static void test_describe(void **state)
{
    (void)state;
    hpo_error err;
    hpo_storage *st;
    char *text;
    const char *path = t_temp_path("info.db");
    assert_ok(hpo_storage_open(path, &st, &err), err);
    assert_ok(hpo_storage_info(st, &text, &err), err);
    assert_contains(text, "{\"storage\":\"sqlite\",\"path\":\"");
    assert_contains(text, "\"schema\":2,");
    assert_contains(text, "\"studies\":[]}");
    hpo_free(text);
    hpo_storage_free(st);
    assert_ok(hpo_storage_open("mem:", &st, &err), err);
    assert_ok(hpo_storage_info(st, &text, &err), err);
    assert_contains(text, "{\"storage\":\"mem\",");
    hpo_free(text);
    assert_fails(hpo_storage_backup(st, "x", &err), HPO_EUNSUPPORTED, err, "mem:");
    hpo_storage_free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),          cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_future),        cmocka_unit_test(test_version_0),
        cmocka_unit_test(test_version_1),     cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_views),         cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_log),           cmocka_unit_test(test_deleted_file),
        cmocka_unit_test(test_failed_change), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_backup),        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_findings),      cmocka_unit_test(test_damaged_array),
        cmocka_unit_test(test_fork),          cmocka_unit_test(test_other_program),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
