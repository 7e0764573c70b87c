/* SPDX-License-Identifier: Apache-2.0 */
/* storage/history.h - every trial and report of one study in columns.
 *
 * Row index = trial number.  The memory storage is made of one history; for other storages the study
 * keeps one, filled by read_since.  Rarely used parts (standard errors, gradients, texts) stand in
 * side tables, so a plain trial costs about 130 bytes + 8 a column and value. */
#ifndef STORAGE_HISTORY_H
#define STORAGE_HISTORY_H
#include "base/map.h"
#include "hpo/storage.h"
#include <stdint.h>

typedef struct hpo_history {
    hpo_row_shape shape;
    size_t n; /* trials; row i is trial number i (a row that was never seen has state 255) */
    uint8_t *state;
    int32_t *attempt, *flags, *lost;
    int64_t *draw, *parent;
    uint64_t *token, *hash;
    int64_t *seq, *seq_ask, *seq_from, *seq_tell;
    int64_t *created_ms, *started_ms, *ended_ms, *lease_ms;
    double *cost;
    double *x;            /* n x n_columns */
    double *y;            /* n x n_objectives, all NaN: absent */
    double *outcome;      /* n x n_outcomes, NaN: absent */
    int32_t *extra;       /* index into extras, or -1 */
    int32_t *last_report; /* index of the trial's newest report, or -1 */
    size_t cap;

    struct hpo_history_extra { /* rare parts; NULL when absent; owned */
        double *sem, *gradient;
        char *worker, *reason, *checkpoint, *attributes;
    } * extras;
    size_t n_extras, cap_extras;

    size_t n_reports, cap_reports;
    int64_t *r_trial, *r_seq, *r_time_ms;
    double *r_step, *r_cost, *r_y;            /* r_y: n_reports x n_objectives */
    int32_t *r_fold, *r_attempt, *r_kind, *r_previous; /* r_previous: the same trial's report before it, or -1 */
    char **r_metrics;                         /* NULL when absent; owned */
} hpo_history;

void hpo_history_init(hpo_history *h, hpo_row_shape shape);
void hpo_history_fini(hpo_history *h);
/* Inserts or replaces a trial, appends a report.  On HPO_ENOMEM the history is as it was. */
HPO_NODISCARD hpo_status hpo_history_put_trial(hpo_history *h, const hpo_trial_record *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_history_put_report(hpo_history *h, const hpo_report_record *r, hpo_error *err);
/* Overwrites the named parts (HPO_UPDATE_*) and seq. */
HPO_NODISCARD hpo_status hpo_history_update_trial(hpo_history *h, const hpo_trial_record *t, uint32_t parts,
                                                  hpo_error *err);
/* A record whose pointers point into the history (until its next change). */
void hpo_history_get(const hpo_history *h, int64_t number, hpo_trial_record *out);
void hpo_history_get_report(const hpo_history *h, size_t i, hpo_report_record *out);

/* Undoing, for a storage made of a history.  `save` goes before an update of a row with the same t and
 * parts, and moves what the update would free into `saved` (so the update itself cannot harm it);
 * `values` has room for n_columns + n_objectives + n_outcomes and is given again to `restore`.  Saved rows
 * are restored in reverse order, or dropped once the change is final.  None of these can fail. */
typedef struct hpo_history_saved {
    hpo_trial_record record; /* its arrays and texts are not used */
    uint32_t parts, moved;
    int32_t extra;
    struct hpo_history_extra old;
} hpo_history_saved;
void hpo_history_save(hpo_history *h, const hpo_trial_record *t, uint32_t parts, hpo_history_saved *saved,
                      double *values);
void hpo_history_restore(hpo_history *h, hpo_history_saved *saved, const double *values);
void hpo_history_drop(hpo_history_saved *saved);
/* Takes back the newest rows, reports and extras until so many are left. */
void hpo_history_truncate(hpo_history *h, size_t n, size_t n_reports, size_t n_extras);

/* Rows of n_columns values from now on (not fewer than before), NaN in the new ones; and the way back. */
HPO_NODISCARD hpo_status hpo_history_widen(hpo_history *h, size_t n_columns, hpo_error *err);
void hpo_history_narrow(hpo_history *h, size_t n_columns);

/* Bytes held in all, room for growth included (divide by n for `hpo bench` and the docs). */
size_t hpo_history_bytes(const hpo_history *h);
#endif
