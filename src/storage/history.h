/* SPDX-License-Identifier: Apache-2.0 */
/* storage/history.h - every trial and report of one study in columns.
 *
 * Row index = trial number.  The memory storage is made of one history; for other storages the study
 * keeps one, filled by read_since.  Rarely used parts (standard errors, gradients, texts) stand in
 * side tables, so a plain trial costs about 130 bytes + 8 a column and value. */
#ifndef STORAGE_HISTORY_H
#define STORAGE_HISTORY_H
#include <stdint.h>
#include "base/map.h"
#include "hpo/storage.h"

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
    double *x;               /* n x n_columns */
    double *y;               /* n x n_objectives, all NaN: absent */
    double *outcome;         /* n x n_outcomes, NaN: absent */
    int32_t *extra;          /* index into extras, or -1 */
    int32_t *last_report;    /* index of the trial's newest report, or -1 */
    size_t cap;

    struct hpo_history_extra { /* rare parts; NULL when absent; owned */
        double *sem, *gradient;
        char *worker, *reason, *checkpoint, *attributes;
    } *extras;
    size_t n_extras, cap_extras;

    size_t n_reports, cap_reports;
    int64_t *r_trial, *r_seq, *r_time_ms;
    double *r_step, *r_cost, *r_y; /* r_y: n_reports x n_objectives */
    int32_t *r_fold, *r_attempt, *r_previous; /* r_previous: the same trial's report before it, or -1 */
    char **r_metrics;                         /* NULL when absent; owned */
} hpo_history;

void hpo_history_init(hpo_history *h, hpo_row_shape shape);
void hpo_history_fini(hpo_history *h);
/* Inserts or replaces a trial, appends a report.  On HPO_ENOMEM the history is as it was. */
HPO_NODISCARD hpo_status hpo_history_put_trial(hpo_history *h, const hpo_trial_record *t, hpo_error *err);
HPO_NODISCARD hpo_status hpo_history_put_report(hpo_history *h, const hpo_report_record *r, hpo_error *err);
/* Overwrites the named parts (HPO_UPDATE_*) and seq. */
HPO_NODISCARD hpo_status hpo_history_update_trial(hpo_history *h, const hpo_trial_record *t, uint32_t parts, hpo_error *err);
/* A record whose pointers point into the history (until its next change). */
void hpo_history_get(const hpo_history *h, int64_t number, hpo_trial_record *out);
void hpo_history_get_report(const hpo_history *h, size_t i, hpo_report_record *out);
/* Bytes held per stored trial, for `hpo bench` and the docs. */
size_t hpo_history_bytes(const hpo_history *h);
#endif
