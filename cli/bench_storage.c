/* SPDX-License-Identifier: Apache-2.0 */
/* cli/bench_storage.c - `hpo bench storage`: SQLite beside a bare loop, opening, sizes, many processes. */
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "bench.h"

enum { BATCH = 200, REPEATS = 21, READS = 5 };

/* ---- the bare loop --------------------------------------------------------------------------------
 * The least that any program does which keeps the same records under the same rules: one exclusive
 * transaction an event, WAL, synchronous=NORMAL, the same cache and interval of checkpoints; a table of
 * trials with the same columns and indexes, one row of counters read and written in every transaction; an ask
 * looks for a waiting trial, an expired lease and a duplicate, and inserts; a tell reads the trial and
 * updates it.  Texts are ready-made. */

enum {
    BEGIN,
    COMMIT,
    GET_HEADER,
    PUT_HEADER,
    WAITING,
    EXPIRED,
    SAME_HASH,
    INSERT,
    GET_TRIAL,
    UPDATE,
    N_STATEMENTS
};

/* clang-format off */
static const char bare_schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;"
    "PRAGMA wal_autocheckpoint=4000;"
    "CREATE TABLE header(study INTEGER PRIMARY KEY, seq INTEGER, next_number INTEGER, next_draw INTEGER,"
    " n0 INTEGER, n1 INTEGER, n2 INTEGER, n3 INTEGER, n4 INTEGER, n5 INTEGER, n6 INTEGER, status INTEGER,"
    " reason INTEGER, cost REAL, last_ms INTEGER, active_ms INTEGER, lease_ms INTEGER, best REAL,"
    " best_number INTEGER, since INTEGER);"
    "CREATE TABLE trial(id INTEGER PRIMARY KEY, study INTEGER NOT NULL, number INTEGER NOT NULL,"
    " state INTEGER NOT NULL, attempt INTEGER, flags INTEGER, lost INTEGER, draw INTEGER, parent INTEGER,"
    " token INTEGER, hash INTEGER, seq INTEGER, seq_ask INTEGER, seq_from INTEGER, seq_tell INTEGER,"
    " created_ms INTEGER, started_ms INTEGER, ended_ms INTEGER, lease_ms INTEGER, cost REAL, x TEXT, y TEXT,"
    " sem TEXT, outcome TEXT, gradient TEXT, worker TEXT, reason TEXT, checkpoint TEXT, attributes TEXT);"
    "CREATE INDEX trial_seq ON trial(study, seq);"
    "CREATE INDEX trial_hash ON trial(study, hash);"
    "CREATE INDEX trial_waiting ON trial(study) WHERE state = 0;"
    "CREATE INDEX trial_lease ON trial(study, lease_ms) WHERE state = 1;"
    "INSERT INTO header VALUES(1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,NULL,-1,0)";

static const char *const bare_sql[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [GET_HEADER] = "SELECT * FROM header WHERE study = 1",
    [PUT_HEADER] =
        "UPDATE header SET seq=?1, next_number=?2, next_draw=?2, n0=0, n1=?3, n2=0, n3=?2, n4=0, n5=0, n6=0,"
        " status=0, reason=0, cost=0, last_ms=?1, active_ms=?1, lease_ms=?1, best=0.5, best_number=0, since=?2"
        " WHERE study = 1",
    [WAITING] =
        "SELECT number FROM trial INDEXED BY trial_waiting WHERE study = 1 AND state = 0 ORDER BY id LIMIT 1",
    [EXPIRED] =
        "SELECT number FROM trial INDEXED BY trial_lease WHERE study = 1 AND state = 1 AND lease_ms < ?1"
        " ORDER BY lease_ms, id LIMIT 1",
    [SAME_HASH] =
        "SELECT number FROM trial INDEXED BY trial_hash WHERE study = 1 AND hash = ?1 AND state <> 5"
        " ORDER BY id LIMIT 1",
    [INSERT] =
        "INSERT INTO trial VALUES(?1,1,?1,1,1,0,0,?1,-1,?2,?2,?3,?3,?3,0,?3,?3,0,?4,0,?5,"
        "NULL,NULL,NULL,NULL,?6,NULL,NULL,NULL)",
    [GET_TRIAL] = "SELECT * FROM trial WHERE id = ?1",
    [UPDATE] =
        "UPDATE trial SET state=3, attempt=1, flags=0, lost=0, seq_tell=?2, seq=?2, y=?3, sem=NULL,"
        " outcome=NULL, gradient=NULL, cost=0, ended_ms=?2, reason=NULL, checkpoint=NULL WHERE id = ?1",
};
/* clang-format on */

typedef struct bare {
    sqlite3 *db;
    sqlite3_stmt *st[N_STATEMENTS];
    int64_t seq, next;
} bare;

static void bare_close(bare *p)
{
    for (size_t i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(p->st[i]);
    sqlite3_close(p->db);
}

static int bare_open(bare *p, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &p->db, flags, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(p->db, bare_schema, NULL, NULL, NULL);
    for (size_t i = 0; i < N_STATEMENTS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(p->db, bare_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &p->st[i], NULL);
    return rc;
}

/* Steps to the end, touching every column of every row; SQLITE_DONE when all went well. */
static int run(sqlite3_stmt *st)
{
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(st); i++)
            (void)sqlite3_column_value(st, i);
    sqlite3_reset(st);
    return rc;
}

static int bare_begin(bare *p)
{
    p->seq++;
    int rc = run(p->st[BEGIN]);
    return rc == SQLITE_DONE ? run(p->st[GET_HEADER]) : rc;
}

static int bare_commit(bare *p, int64_t running)
{
    sqlite3_stmt *st = p->st[PUT_HEADER];
    sqlite3_bind_int64(st, 1, p->seq);
    sqlite3_bind_int64(st, 2, p->next);
    sqlite3_bind_int64(st, 3, running);
    int rc = run(st);
    return rc == SQLITE_DONE ? run(p->st[COMMIT]) : rc;
}

static int bare_ask_tell(bare *p)
{
    static const char x[] =
        "[0.1234567890123456,7.123456789012345,0.0012345678901234,12.34567890123456,123.4567890123456]";
    int64_t id = ++p->next, hash = (int64_t)((uint64_t)id * 0x9E3779B97F4A7C15u);
    int rc = bare_begin(p);
    sqlite3_bind_int64(p->st[EXPIRED], 1, 0);
    sqlite3_bind_int64(p->st[SAME_HASH], 1, hash);
    if (rc == SQLITE_DONE) rc = run(p->st[WAITING]);
    if (rc == SQLITE_DONE) rc = run(p->st[EXPIRED]);
    if (rc == SQLITE_DONE) rc = run(p->st[SAME_HASH]);
    sqlite3_stmt *st = p->st[INSERT];
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, hash);
    sqlite3_bind_int64(st, 3, p->seq);
    sqlite3_bind_int64(st, 4, p->seq + 600000);
    sqlite3_bind_text(st, 5, x, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 6, "host:12345", -1, SQLITE_STATIC);
    if (rc == SQLITE_DONE) rc = run(st);
    if (rc == SQLITE_DONE) rc = bare_commit(p, 1);

    if (rc == SQLITE_DONE) rc = bare_begin(p);
    sqlite3_bind_int64(p->st[GET_TRIAL], 1, id);
    if (rc == SQLITE_DONE) rc = run(p->st[GET_TRIAL]);
    st = p->st[UPDATE];
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, p->seq);
    sqlite3_bind_text(st, 3, "[0.1234567890123456]", -1, SQLITE_STATIC);
    if (rc == SQLITE_DONE) rc = run(st);
    if (rc == SQLITE_DONE) rc = bare_commit(p, 0);
    return rc;
}

/* ---- ours beside it -------------------------------------------------------------------------------- */

static hpo_status open_study(const char *path, hpo_storage **st, hpo_study **s, hpo_error *err)
{
    hpo_status rc = hpo_storage_open(path, st, err);
    return rc == HPO_OK ? bench_study(*st, bench_space_f5, "random", s, err) : rc;
}

static int bare_batch(bare *p, double *ns)
{
    int rc = SQLITE_DONE;
    double start = bench_now();
    for (int k = 0; k < BATCH && rc == SQLITE_DONE; k++)
        rc = bare_ask_tell(p);
    *ns = (bench_now() - start) / BATCH;
    return rc;
}

/* Batches of both in turn, so that both meet the same disturbances. */
static void measure_ratio(bench *b)
{
    double plain[REPEATS], ours[REPEATS], ratio[REPEATS];
    char path[600];
    bare p = {0};
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    if (!bench_wanted(b, "sqlite/bare", 0) && !bench_wanted(b, "sqlite/ask+tell", 0) &&
        !bench_wanted(b, "sqlite/ratio", 0))
        return;
    snprintf(path, sizeof path, "%s/bare.db", b->folder);
    int rc = bare_open(&p, path);
    snprintf(path, sizeof path, "%s/tune.db", b->folder);
    hpo_status status = open_study(path, &st, &s, &err);
    for (int i = -1; i < REPEATS && rc == SQLITE_OK && status == HPO_OK; i++) { /* the first one warms up */
        double a = 0, start = 0;
        rc = bare_batch(&p, &a) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
        start = bench_now();
        status = bench_ask_tell(s, BATCH, &err);
        if (i < 0) continue;
        plain[i] = a;
        ours[i] = (bench_now() - start) / BATCH;
        ratio[i] = plain[i] / ours[i];
    }
    if (rc != SQLITE_OK) snprintf(err.msg, sizeof err.msg, "%s", sqlite3_errmsg(p.db));
    hpo_study_free(s);
    hpo_storage_free(st);
    bare_close(&p);
    if (rc != SQLITE_OK || status != HPO_OK) {
        bench_fail(b, "sqlite/ask+tell", &err);
        return;
    }
    bench_line l = {.name = "sqlite/bare", .unit = "ns_per_op", .reference = BENCH_NONE};
    bench_summary(plain, REPEATS, &l.value, &l.best);
    bench_print(b, &l);
    l = (bench_line){.name = "sqlite/ask+tell", .unit = "ns_per_op", .reference = 200000};
    bench_summary(ours, REPEATS, &l.value, &l.best);
    bench_print(b, &l);
    l = (bench_line){
        .name = "sqlite/ratio", .unit = "ratio", .best = BENCH_NONE, .reference = 0.8, .more_is_better = 1};
    double least;
    bench_summary(ratio, REPEATS, &l.value, &least);
    bench_print(b, &l);
}

/* ---- opening and reading --------------------------------------------------------------------------- */

static hpo_status read_all(const char *path, int64_t n, double *seconds, hpo_error *err)
{
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    double start = bench_now();
    hpo_status rc = hpo_storage_open(path, &st, err);
    if (rc == HPO_OK) rc = hpo_study_open(st, "bench", &s, err);
    if (rc == HPO_OK) rc = hpo_study_sync(s, NULL, err);
    *seconds = (bench_now() - start) / 1e9;
    hpo_trial_info info = {.size = sizeof info};
    if (rc == HPO_OK) rc = hpo_study_trial(s, n - 1, &info, err);
    hpo_study_free(s);
    hpo_storage_free(st);
    return rc;
}

static void measure_read(bench *b, int64_t n, double reference)
{
    static const char name[] = "sqlite/open+read";
    double samples[READS];
    char path[600];
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    struct stat file;
    if (!bench_wanted(b, name, n) && !bench_wanted(b, "sqlite/file", n)) return;
    snprintf(path, sizeof path, "%s/read.db", b->folder);
    hpo_status rc = open_study(path, &st, &s, &err);
    hpo_summary sum = {.size = sizeof sum};
    if (rc == HPO_OK) rc = hpo_study_summary(s, &sum, &err);
    hpo_study_free(s);
    hpo_storage_free(st);
    if (rc == HPO_OK) rc = bench_fill(path, n - sum.n_trials, &err);
    for (size_t i = 0; i < READS && rc == HPO_OK; i++)
        rc = read_all(path, n, &samples[i], &err);
    if (rc != HPO_OK) {
        bench_fail(b, name, &err);
        return;
    }
    bench_line l = {.name = name, .n = n, .unit = "seconds", .reference = reference};
    bench_summary(samples, READS, &l.value, &l.best);
    bench_print(b, &l);
    if (stat(path, &file) != 0) return;
    l = (bench_line){.name = "sqlite/file",
                     .n = n,
                     .unit = "bytes",
                     .value = (double)file.st_size / (double)n,
                     .best = BENCH_NONE,
                     .reference = BENCH_NONE};
    bench_print(b, &l);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

/* Bytes of this process in memory; 0 when the system does not tell. */
static double resident(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL) return 0;
    if (fscanf(f, "%*s %lld", &pages) != 1) pages = 0;
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* In a process of its own, so that nothing freed before is reused: growth of a study of n trials. */
static void memory_child(int to, int64_t n)
{
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    double before = resident(), result = BENCH_NONE;
    hpo_status rc = bench_study(NULL, bench_space_f5, "random", &s, &err);
    if (rc == HPO_OK) rc = bench_ask_tell(s, n, &err);
    if (rc == HPO_OK && before > 0) result = (resident() - before) / (double)n;
    ssize_t sent = write(to, &result, sizeof result);
    _exit(rc == HPO_OK && sent == (ssize_t)sizeof result ? 0 : 1);
}

static void measure_memory(bench *b, int64_t n)
{
    static const char name[] = "memory/trial";
    int ends[2];
    double bytes = BENCH_NONE;
    hpo_error err = {HPO_EIO, "the process that measures it failed"};
    if (!bench_wanted(b, name, n)) return;
    fflush(stdout);
    if (pipe(ends) != 0) {
        bench_fail(b, name, &err);
        return;
    }
    pid_t child = fork();
    if (child == 0) memory_child(ends[1], n);
    close(ends[1]);
    ssize_t got = child > 0 ? read(ends[0], &bytes, sizeof bytes) : -1;
    close(ends[0]);
    int status = 1;
    if (child > 0) (void)waitpid(child, &status, 0);
    if (got != (ssize_t)sizeof bytes || status != 0 || isnan(bytes)) {
        bench_fail(b, name, &err);
        return;
    }
    /* 200 bytes, and 8 for each of five parameters and one value */
    bench_line l = {
        .name = name, .n = n, .unit = "bytes", .value = bytes, .best = BENCH_NONE, .reference = 200 + 8 * 6};
    bench_print(b, &l);
}

/* ---- many processes on one file ---------------------------------------------------------------------- */

static void worker(const char *path, int go, int64_t n)
{
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    char byte;
    hpo_status rc = hpo_storage_open(path, &st, &err);
    if (rc == HPO_OK) rc = hpo_study_open(st, "bench", &s, &err);
    if (rc == HPO_OK && read(go, &byte, 1) < 0) rc = HPO_EIO; /* all begin when the pipe is closed */
    if (rc == HPO_OK) rc = bench_ask_tell(s, n, &err);
    if (rc != HPO_OK) cli_error("worker: %s", err.msg);
    hpo_study_free(s);
    hpo_storage_free(st);
    _exit(rc == HPO_OK ? 0 : 1);
}

enum { WORKERS_MAX = 64, PROCESS_TRIALS = 3200, SETTLE_MS = 300 };

/* Nanoseconds a trial, or NaN when a worker failed. */
static double race(const char *path, int workers)
{
    int ends[2], good = 1;
    pid_t pids[WORKERS_MAX];
    fflush(stdout);
    if (pipe(ends) != 0) return BENCH_NONE;
    for (int i = 0; i < workers; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(ends[1]);
            worker(path, ends[0], PROCESS_TRIALS / workers);
        }
        good = good && pids[i] > 0;
    }
    hpo_os_sleep_ms(SETTLE_MS);
    double start = bench_now();
    close(ends[1]);
    close(ends[0]);
    for (int i = 0; i < workers; i++) {
        int status = 1;
        if (pids[i] > 0) (void)waitpid(pids[i], &status, 0);
        good = good && status == 0;
    }
    return good ? (bench_now() - start) / PROCESS_TRIALS : BENCH_NONE;
}

/* Complete trials of the study "bench", made first if need be; no handle stays open (none may cross fork). */
static hpo_status count_trials(const char *path, int64_t *n, hpo_error *err)
{
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_summary sum = {.size = sizeof sum};
    hpo_status rc = open_study(path, &st, &s, err);
    if (rc == HPO_OK) rc = hpo_study_summary(s, &sum, err);
    *n = rc == HPO_OK ? sum.n_by_state[HPO_STATE_COMPLETE] : 0;
    if (rc == HPO_OK && *n != sum.n_trials) {
        snprintf(err->msg, sizeof err->msg, "trials left unfinished: %lld", (long long)(sum.n_trials - *n));
        rc = HPO_ESTATE;
    }
    hpo_study_free(s);
    hpo_storage_free(st);
    return rc;
}

/* One race, checked: no worker failed, and every trial is there once. */
static hpo_status checked_race(const char *path, int workers, double *ns, hpo_error *err)
{
    int64_t before, after;
    hpo_status rc = count_trials(path, &before, err);
    if (rc != HPO_OK) return rc;
    *ns = race(path, workers);
    if (isnan(*ns)) {
        snprintf(err->msg, sizeof err->msg, "a worker failed");
        return HPO_EIO;
    }
    rc = count_trials(path, &after, err);
    if (rc != HPO_OK || after - before == PROCESS_TRIALS) return rc;
    snprintf(err->msg, sizeof err->msg, "%lld trials were made and %d asked for", (long long)(after - before),
             (int)PROCESS_TRIALS);
    return HPO_ESTATE;
}

static void measure_processes(bench *b)
{
    enum { RACES = 3 };
    static const int workers[] = {1, 8, 64};
    double one = BENCH_NONE;
    char path[600], name[64];
    snprintf(path, sizeof path, "%s/many.db", b->folder);
    for (size_t k = 0; k < CLI_COUNT(workers); k++) {
        double samples[RACES];
        hpo_error err = {HPO_OK, ""};
        hpo_status rc = HPO_OK;
        snprintf(name, sizeof name, "sqlite/processes-%d", workers[k]);
        if (!bench_wanted(b, name, 0)) continue;
        for (size_t i = 0; i < RACES && rc == HPO_OK; i++)
            rc = checked_race(path, workers[k], &samples[i], &err);
        if (rc != HPO_OK) {
            bench_fail(b, name, &err);
            continue;
        }
        /* eight are to be no slower than one; sixty-four are to be right */
        double reference = workers[k] == 1 ? 200000 : workers[k] == 8 ? one : BENCH_NONE;
        bench_line l = {.name = name, .unit = "ns_per_op", .reference = reference};
        bench_summary(samples, RACES, &l.value, &l.best);
        if (workers[k] == 1) one = l.value;
        bench_print(b, &l);
    }
}

void bench_storage(bench *b)
{
    measure_ratio(b);
    measure_processes(b);
    measure_read(b, 100000, 0.3);
    measure_read(b, 1000000, 3);
    measure_memory(b, 100000);
    measure_memory(b, 1000000);
}
