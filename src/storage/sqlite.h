/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite.h - the parts of the SQLite storage among themselves.
 *
 *   sqlite.c         opening, locking, statements, transactions, errors; the ops table
 *   sqlite_schema.c  tables, views, versions and their migration
 *   sqlite_study.c   studies and their counters
 *   sqlite_trial.c   trials and reports: writing, looking up, reading what is new
 *   sqlite_array.c   rows of doubles as JSON arrays
 *   sqlite_tools.c   describe, verify, backup */
#ifndef STORAGE_SQLITE_H
#define STORAGE_SQLITE_H
#include <sqlite3.h>

#include "base/os.h"
#include "base/str.h"
#include "hpo/storage.h"

enum {
    HPO_SQLITE_SCHEMA = 2, /* the schema that this library reads and writes; PRAGMA user_version */
    HPO_SQLITE_APPLICATION = 0x68706F44 /* "hpoD", PRAGMA application_id: the mark of our files */
};

/* Statements, prepared when first needed and kept for the life of the handle. */
#define HPO_SQLITE_STATEMENTS(X)                                                                             \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                              \
    X(BEGIN_READ, "BEGIN")                                                                                   \
    X(COMMIT, "COMMIT")                                                                                      \
    X(ROLLBACK, "ROLLBACK")                                                                                  \
    X(SHAPE, "SELECT s.n_columns, s.n_objectives, s.n_outcomes, p.texts_seq FROM study s JOIN progress p "   \
             "ON p.study = s.id WHERE s.id = ?1")                                                            \
    X(HEADER, "SELECT " HPO_SQLITE_HEADER_COLUMNS " FROM progress WHERE study = ?1")                         \
    X(SET_HEADER,                                                                                            \
      "UPDATE progress SET seq=?2, next_number=?3, next_draw=?4, n_waiting=?5, n_running=?6, n_paused=?7, "  \
      "n_complete=?8, n_stopped=?9, n_failed=?10, n_infeasible=?11, status=?12, stop_reason=?13, cost=?14, " \
      "last_ms=?15, active_ms=?16, lease_max_ms=?17, best_value=?18, best_number=?19, since_best=?20, "      \
      "texts_seq=?21 WHERE study=?1")                                                                        \
    X(INSERT_TRIAL,                                                                                          \
      "INSERT INTO trial(id, study, number, " HPO_SQLITE_TRIAL_COLUMNS ") VALUES("                           \
      "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,"      \
      "?27,?28,?29)")                                                                                        \
    X(GET_TRIAL, "SELECT number, " HPO_SQLITE_TRIAL_COLUMNS " FROM trial WHERE id = ?1")                     \
    X(HAS_TRIAL, "SELECT 1 FROM trial WHERE id = ?1")                                                        \
    X(TRIALS_SINCE, "SELECT number, " HPO_SQLITE_TRIAL_COLUMNS                                               \
                    " FROM trial INDEXED BY trial_seq WHERE study = ?1 AND seq > ?2 "                        \
                    "ORDER BY seq, id")                                                                      \
    X(NEXT_WAITING, "SELECT number FROM trial INDEXED BY trial_waiting WHERE study = ?1 AND state = 0 "      \
                    "ORDER BY id LIMIT 1")                                                                   \
    X(NEXT_EXPIRED,                                                                                          \
      "SELECT number FROM trial INDEXED BY trial_lease WHERE study = ?1 AND state = 1 AND lease_ms < ?2 "    \
      "ORDER BY lease_ms, id LIMIT 1")                                                                       \
    X(FIND_HASH,                                                                                             \
      "SELECT number FROM trial INDEXED BY trial_hash WHERE study = ?1 AND hash = ?2 AND state <> 5 "        \
      "ORDER BY id LIMIT 1")                                                                                 \
    X(INSERT_REPORT, "INSERT INTO report(id, study, " HPO_SQLITE_REPORT_COLUMNS                              \
                     ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")                                         \
    X(REPORTS_SINCE,                                                                                         \
      "SELECT " HPO_SQLITE_REPORT_COLUMNS " FROM report WHERE id > ?1 AND id < ?2 ORDER BY id")              \
    X(REPORTS_OF, "SELECT " HPO_SQLITE_REPORT_COLUMNS                                                        \
                  " FROM report INDEXED BY report_trial WHERE study = ?1 AND trial = ?2 "                    \
                  "ORDER BY id")

#define HPO_SQLITE_HEADER_COLUMNS HPO_SQLITE_HEADER_COLUMNS_0 ", texts_seq"
/* Those of version 0. */
#define HPO_SQLITE_HEADER_COLUMNS_0                                                                          \
    "seq, next_number, next_draw, n_waiting, n_running, n_paused, n_complete, n_stopped, n_failed, "         \
    "n_infeasible, status, stop_reason, cost, last_ms, active_ms, lease_max_ms, best_value, best_number, "   \
    "since_best"
/* Columns of a trial behind its number, and of a report, in the order in which they are bound and read. */
#define HPO_SQLITE_TRIAL_COLUMNS                                                                             \
    "state, attempt, flags, lost, draw, parent, token, hash, seq, seq_ask, seq_from, seq_tell, created_ms, " \
    "started_ms, ended_ms, lease_ms, cost, x, y, sem, outcome, gradient, worker, reason, checkpoint, "       \
    "attributes"
#define HPO_SQLITE_REPORT_COLUMNS "trial, seq, time_ms, step, fold, cost, attempt, y, metrics, kind"

typedef enum hpo_sqlite_statement {
#define HPO_SQLITE_ENUM(name, sql) HPO_SQL_##name,
    HPO_SQLITE_STATEMENTS(HPO_SQLITE_ENUM)
#undef HPO_SQLITE_ENUM
        HPO_SQL_N
} hpo_sqlite_statement;

enum { HPO_SQLITE_N_UPDATES = 32 }; /* one statement for each set of HPO_UPDATE_* */

/* Shape of a study, remembered until the study's texts change: its space may have grown. */
typedef struct hpo_sqlite_shape {
    int64_t study, texts_seq;
    hpo_row_shape shape;
} hpo_sqlite_shape;

/* An ask lock that is held. */
typedef struct hpo_sqlite_ask {
    int64_t study;
    hpo_os_lock lock;
} hpo_sqlite_ask;

/* Room for the parts of a record: its numbers and its texts. */
typedef struct hpo_sqlite_row {
    double *values;
    size_t cap;
    hpo_str texts;
} hpo_sqlite_row;

typedef struct hpo_sqlite {
    hpo_mutex mutex; /* recursive; held from begin to commit or rollback */
    sqlite3 *db;
    char *path;         /* absolute, without symbolic links: the locks of all who use the file must meet */
    char *shown;        /* as the user wrote it, for messages */
    int32_t pid;        /* a SQLite connection must not be used across fork */
    int full;           /* synchronous=FULL */
    int readonly;       /* asked for, or all that the file system allows */
    int immutable;      /* opened without any lock: the folder cannot be written */
    int network;        /* 1: a network file system was allowed */
    int32_t found;      /* schema version at open, before any migration */
    int64_t timeout_ms; /* for a database that another program keeps locked */
    int patient;        /* 1: our own lock is waited for without limit */
    uint64_t jitter;
    int log_pages; /* length of the log at our last commit */
    int n_commits;
    hpo_os_lock lock;        /* <path>-lock, in front of the write lock of SQLite; fd -1: not opened yet */
    int64_t open;            /* study of the open transaction, 0: none */
    int grown;               /* the open transaction has changed a shape */
    int broken;              /* a statement of the open transaction failed: it can only be rolled back */
    hpo_study_header before; /* header at begin */
    sqlite3_stmt *statements[HPO_SQL_N];
    sqlite3_stmt *updates[HPO_SQLITE_N_UPDATES];
    hpo_sqlite_shape *shapes;
    size_t n_shapes, cap_shapes;
    hpo_sqlite_row row; /* of get_trial */
    hpo_str arrays[5];  /* texts of the arrays being bound */
    hpo_mutex ask_mutex;
    hpo_sqlite_ask *asks;
    size_t n_asks, cap_asks;
} hpo_sqlite;

/* trial.id and report.id: all rows of a study stand together, in order of number and of seq. */
#define HPO_SQLITE_ID(study, n) ((study) * (INT64_C(1) << 40) + (n))

/* -- sqlite.c */
/* Locks the handle for this thread and checks that it is usable in this process; hpo_mutex_unlock ends it. */
HPO_NODISCARD hpo_status hpo_sqlite__enter(hpo_sqlite *s, hpo_error *err);
/* The text for a failed call; `doing` completes "while ... 'x.db'" ("writing", "reading"). */
hpo_status hpo_sqlite__fail(hpo_sqlite *s, int code, const char *doing, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__statement(hpo_sqlite *s, hpo_sqlite_statement which, sqlite3_stmt **out,
                                               hpo_error *err);
/* Runs a statement that returns no rows, and resets it. */
HPO_NODISCARD hpo_status hpo_sqlite__run(hpo_sqlite *s, sqlite3_stmt *st, const char *doing, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__exec(hpo_sqlite *s, const char *sql, const char *doing, hpo_error *err);
/* One integer; 0 rows: *out untouched. */
HPO_NODISCARD hpo_status hpo_sqlite__integer(hpo_sqlite *s, const char *sql, int64_t *out, hpo_error *err);
/* The file lock and BEGIN IMMEDIATE; commit or rollback and the way back.  The handle is entered. */
HPO_NODISCARD hpo_status hpo_sqlite__make_log(hpo_sqlite *s, hpo_error *err); /* of a new file */
HPO_NODISCARD hpo_status hpo_sqlite__begin_write(hpo_sqlite *s, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__commit_write(hpo_sqlite *s, hpo_error *err);
void hpo_sqlite__rollback_write(hpo_sqlite *s);
/* A read transaction unless one is open; *began says whether end_read must end it. */
HPO_NODISCARD hpo_status hpo_sqlite__begin_read(hpo_sqlite *s, int *began, hpo_error *err);
void hpo_sqlite__end_read(hpo_sqlite *s, int began);

/* -- sqlite_schema.c */
/* Makes the schema in a new file, brings an old one up to date, refuses what is not ours.  *from and *to
 * (not NULL) get the versions found and left. */
HPO_NODISCARD hpo_status hpo_sqlite__prepare_file(hpo_sqlite *s, int32_t *from, int32_t *to, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__fill_params(hpo_sqlite *s, int64_t study, hpo_error *err);

/* -- sqlite_study.c */
HPO_NODISCARD hpo_status hpo_sqlite__create_study(void *self, const hpo_study_record *in, int64_t *id,
                                                  hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__load_study(void *self, const char *name, hpo_study_record *out,
                                                hpo_error *err);
void hpo_sqlite__free_study(void *self, hpo_study_record *r);
HPO_NODISCARD hpo_status hpo_sqlite__delete_study(void *self, const char *name, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__list_studies(void *self,
                                                  int (*visit)(void *ctx, const char *name,
                                                               const hpo_study_header *h),
                                                  void *ctx, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__update_study(void *self, int64_t study, const char *spec,
                                                  const char *metadata, const char *attributes,
                                                  const char *stop_text, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__read_header(void *self, int64_t study, hpo_study_header *out,
                                                 hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__load_header(hpo_sqlite *s, int64_t study, hpo_study_header *out,
                                                 hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__store_header(hpo_sqlite *s, int64_t study, const hpo_study_header *h,
                                                  hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__grow_study(void *self, int64_t study, const char *space, size_t n_columns,
                                                hpo_error *err);
/* Drops the remembered shape unless it is that of the study at texts_seq. */
void hpo_sqlite__forget_shape(hpo_sqlite *s, int64_t study, int64_t texts_seq);
/* Shape of a study; HPO_ENOTFOUND when it was deleted.  As of the last header that was loaded. */
HPO_NODISCARD hpo_status hpo_sqlite__shape(hpo_sqlite *s, int64_t study, hpo_row_shape *out, hpo_error *err);

/* -- sqlite_trial.c */
/* Writes NaN behind every row and gradient of the study, `more` of them. */
HPO_NODISCARD hpo_status hpo_sqlite__widen_trials(hpo_sqlite *s, int64_t study, size_t more, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__insert_trial(void *self, int64_t study, const hpo_trial_record *t,
                                                  hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__update_trial(void *self, int64_t study, const hpo_trial_record *t,
                                                  uint32_t parts, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__insert_report(void *self, int64_t study, const hpo_report_record *r,
                                                   hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__get_trial(void *self, int64_t study, int64_t number,
                                               hpo_trial_record *out, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__next_ready(void *self, int64_t study, int64_t now_ms, int64_t *number,
                                                hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__find_hash(void *self, int64_t study, uint64_t hash, int64_t *number,
                                               hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__read_since(void *self, int64_t study, int64_t seq,
                                                const hpo_reader *reader, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__read_reports(void *self, int64_t study, int64_t number,
                                                  const hpo_reader *reader, hpo_error *err);

/* -- sqlite_array.c */
/* Replaces text by the JSON array of n numbers: NaN is null, infinities +-1e999. */
void hpo_sqlite__array_write(hpo_str *text, const double *v, size_t n);
/* The other way; 0 unless it is an array of exactly n numbers and nulls. */
int hpo_sqlite__array_read(const char *text, size_t length, double *v, size_t n);

/* -- sqlite_tools.c */
HPO_NODISCARD hpo_status hpo_sqlite__describe(void *self, char **json, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__verify(void *self, char **findings, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__backup(void *self, const char *path, hpo_error *err);
HPO_NODISCARD hpo_status hpo_sqlite__migrate(void *self, int32_t *from, int32_t *to, hpo_error *err);
#endif
