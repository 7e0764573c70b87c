/* SPDX-License-Identifier: Apache-2.0 */
/* storage/mem.c - "mem:", studies that live in this process.
 *
 * One history a study holds the records, one index (mem_index.h) answers who is next.  One recursive
 * mutex a handle is held from begin to commit or rollback; reading takes it for the length of the call.
 *
 * A transaction writes to the columns at once and remembers how to take it back: new rows and reports are
 * the newest ones and are cut off again, changed rows are saved before their first and every later
 * change.  Memory for the way back is taken on the way forth, so a rollback cannot fail.
 *
 * Cost of ask or tell: a lock, one row, at most three O(log running) moves; no allocation in the long run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "storage/history.h"
#include "storage/mem_index.h"
#include "storage/record.h"
#include "storage/registry.h"

typedef struct mem_study {
    hpo_study_record record;
    hpo_history history;
    hpo_mem_index index;
} mem_study;

/* What the open transaction must take back when it is rolled back. */
typedef struct undo_log {
    size_t n, n_reports, n_extras; /* of the history at begin */
    hpo_history_saved *rows;
    size_t n_rows, cap_rows;
    double *values; /* of the saved rows, so many doubles each */
    size_t cap_values;
    const char *texts[4]; /* spec, metadata, attributes, stop_text as they were, where `texts_set` says so */
    unsigned texts_set;
    const char *space;     /* as it was, or NULL: the study has not grown */
    size_t n_columns_then; /* ... and the width of its rows */
} undo_log;

typedef struct mem_storage {
    hpo_mutex mutex;
    mem_study **studies; /* by id - 1; NULL: deleted */
    size_t n, cap;
    mem_study *open; /* the study of the open transaction, or NULL */
    undo_log undo;
} mem_storage;

static hpo_status mem_open(const char *rest, void **self, hpo_error *err)
{
    if (rest[0] != '\0')
        return hpo_fail(err, HPO_EINVAL, "storage 'mem:%.100s': 'mem:' takes nothing behind it", rest);
    mem_storage *m = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    hpo_status rc = hpo_mutex_init_recursive(&m->mutex, err);
    if (rc != HPO_OK) {
        hpo_free(m);
        return rc;
    }
    *self = m;
    return HPO_OK;
}

static void free_study(mem_study *s)
{
    if (s == NULL) return;
    hpo_study_record_fini(&s->record);
    hpo_history_fini(&s->history);
    hpo_mem_index_fini(&s->index);
    hpo_free(s);
}

static mem_study *find_id(const mem_storage *m, int64_t id)
{
    return id >= 1 && (uint64_t)id <= m->n ? m->studies[id - 1] : NULL;
}

static mem_study *find_name(const mem_storage *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->studies[i] != NULL && strcmp(m->studies[i]->record.name, name) == 0) return m->studies[i];
    return NULL;
}

static hpo_status fail_no_study(hpo_error *err, int64_t id)
{
    return hpo_fail(err, HPO_ENOTFOUND, "study %lld: it was deleted", (long long)id);
}

/* ---- studies ------------------------------------------------------------------------------- */

static hpo_status create_locked(mem_storage *m, const hpo_study_record *in, int64_t *id, hpo_error *err)
{
    if (m->open != NULL) return hpo_fail_internal(err, "a study is created inside a transaction");
    HPO_TRY(hpo_study_record_check(in, err));
    if (find_name(m, in->name) != NULL)
        return hpo_fail(err, HPO_EEXIST, "study '%s' already exists: choose another name or open it",
                        in->name);
    HPO_TRY(hpo_reserve(&m->studies, &m->cap, m->n + 1, sizeof *m->studies, err));
    mem_study *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    hpo_status rc = hpo_study_record_copy(in, &s->record, err);
    if (rc != HPO_OK) {
        hpo_free(s);
        return rc;
    }
    hpo_history_init(&s->history, in->shape);
    m->studies[m->n++] = s;
    *id = s->record.id = (int64_t)m->n;
    return HPO_OK;
}

static hpo_status mem_create_study(void *self, const hpo_study_record *in, int64_t *id, hpo_error *err)
{
    mem_storage *m = self;
    hpo_mutex_lock(&m->mutex);
    hpo_status rc = create_locked(m, in, id, err);
    hpo_mutex_unlock(&m->mutex);
    return rc;
}

static hpo_status mem_load_study(void *self, const char *name, hpo_study_record *out, hpo_error *err)
{
    mem_storage *m = self;
    hpo_mutex_lock(&m->mutex);
    const mem_study *s = find_name(m, name);
    hpo_status rc = s == NULL ? hpo_fail(err, HPO_ENOTFOUND, "study '%s': there is none of that name", name)
                              : hpo_study_record_copy(&s->record, out, err);
    hpo_mutex_unlock(&m->mutex);
    return rc;
}

static void mem_free_study(void *self, hpo_study_record *r)
{
    (void)self;
    hpo_study_record_fini(r);
}

static hpo_status mem_delete_study(void *self, const char *name, hpo_error *err)
{
    mem_storage *m = self;
    hpo_status rc = HPO_OK;
    hpo_mutex_lock(&m->mutex);
    mem_study *s = find_name(m, name);
    if (m->open != NULL) {
        rc = hpo_fail_internal(err, "a study is deleted inside a transaction");
    } else if (s == NULL) {
        rc = hpo_fail(err, HPO_ENOTFOUND, "study '%s': there is none of that name", name);
    } else {
        m->studies[s->record.id - 1] = NULL;
        free_study(s);
    }
    hpo_mutex_unlock(&m->mutex);
    return rc;
}

static hpo_status mem_list_studies(void *self,
                                   int (*visit)(void *ctx, const char *name, const hpo_study_header *h),
                                   void *ctx, hpo_error *err)
{
    mem_storage *m = self;
    (void)err;
    hpo_mutex_lock(&m->mutex);
    for (size_t i = 0; i < m->n; i++)
        if (m->studies[i] != NULL &&
            visit(ctx, m->studies[i]->record.name, &m->studies[i]->record.header) != 0)
            break;
    hpo_mutex_unlock(&m->mutex);
    return HPO_OK;
}

/* ---- transactions -------------------------------------------------------------------------- */

static hpo_status mem_begin(void *self, int64_t study, hpo_study_header *h, hpo_error *err)
{
    mem_storage *m = self;
    hpo_mutex_lock(&m->mutex);
    mem_study *s = find_id(m, study);
    if (m->open != NULL || s == NULL) {
        hpo_status rc =
            s == NULL ? fail_no_study(err, study) : hpo_fail_internal(err, "begin inside a transaction");
        hpo_mutex_unlock(&m->mutex);
        return rc;
    }
    m->open = s;
    m->undo.n = s->history.n;
    m->undo.n_reports = s->history.n_reports;
    m->undo.n_extras = s->history.n_extras;
    *h = s->record.header;
    return HPO_OK;
}

static void end_transaction(mem_storage *m)
{
    m->undo.n_rows = 0;
    m->undo.texts_set = 0;
    m->undo.space = NULL;
    m->open = NULL;
    hpo_mutex_unlock(&m->mutex);
}

static hpo_status mem_commit(void *self, int64_t study, const hpo_study_header *h, hpo_error *err)
{
    mem_storage *m = self;
    if (m->open == NULL || m->open->record.id != study) return hpo_fail_internal(err, "commit without begin");
    m->open->record.header = *h;
    for (size_t i = 0; i < m->undo.n_rows; i++)
        hpo_history_drop(&m->undo.rows[i]);
    for (unsigned i = 0; i < 4; i++)
        if (m->undo.texts_set & 1u << i) hpo_record_free_text(m->undo.texts[i]);
    if (m->undo.space != NULL) hpo_record_free_text(m->undo.space);
    end_transaction(m);
    return HPO_OK;
}

static size_t values_per_row(const hpo_history *h)
{
    return h->shape.n_columns + h->shape.n_objectives + h->shape.n_outcomes;
}

static const char **text_slot(hpo_study_record *r, unsigned i)
{
    const char **slots[4] = {&r->spec, &r->metadata, &r->attributes, &r->stop_text};
    return slots[i];
}

static void mem_rollback(void *self, int64_t study)
{
    mem_storage *m = self;
    mem_study *s = m->open;
    undo_log *u = &m->undo;
    if (s == NULL || s->record.id != study) return;
    hpo_history *h = &s->history;
    for (size_t i = h->n; i-- > u->n;)
        hpo_mem_index_leave(&s->index, h, (uint32_t)i, 1);
    for (size_t i = u->n_rows; i-- > 0;) {
        uint32_t row = (uint32_t)u->rows[i].record.number;
        hpo_mem_index_leave(&s->index, h, row, (u->rows[i].parts & HPO_UPDATE_CONFIG) != 0);
        hpo_history_restore(h, &u->rows[i], u->values + i * values_per_row(h));
        hpo_mem_index_enter(&s->index, h, row);
    }
    hpo_history_truncate(h, u->n, u->n_reports, u->n_extras);
    if (u->space != NULL) {
        hpo_record_free_text(s->record.space);
        s->record.space = u->space;
        s->record.shape.n_columns = u->n_columns_then;
        hpo_history_narrow(h, u->n_columns_then);
    }
    for (unsigned i = 0; i < 4; i++) {
        if ((u->texts_set & 1u << i) == 0) continue;
        hpo_record_free_text(*text_slot(&s->record, i));
        *text_slot(&s->record, i) = u->texts[i];
    }
    end_transaction(m);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The open study if it is `study`; writing needs begin. */
static hpo_status open_study(const mem_storage *m, int64_t study, mem_study **out, hpo_error *err)
{
    *out = m->open;
    return *out != NULL && (*out)->record.id == study ? HPO_OK
                                                      : hpo_fail_internal(err, "writing without begin");
}

static hpo_status mem_insert_trial(void *self, int64_t study, const hpo_trial_record *t, hpo_error *err)
{
    mem_study *s;
    HPO_TRY(open_study(self, study, &s, err));
    if (t->number != (int64_t)s->history.n)
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: the next one is %zu", (long long)t->number,
                        s->history.n);
    HPO_TRY(hpo_mem_index_reserve(&s->index, &s->history, err));
    HPO_TRY(hpo_history_put_trial(&s->history, t, err));
    hpo_mem_index_add(&s->index, (uint32_t)t->number);
    hpo_mem_index_enter(&s->index, &s->history, (uint32_t)t->number);
    return HPO_OK;
}

static int is_trial(const mem_study *s, int64_t number)
{
    return number >= 0 && (size_t)number < s->history.n;
}

static hpo_status fail_no_trial(hpo_error *err, int64_t number)
{
    return hpo_fail(err, HPO_ENOTFOUND, "trial %lld: there is none of that number", (long long)number);
}

static hpo_status mem_update_trial(void *self, int64_t study, const hpo_trial_record *t, uint32_t parts,
                                   hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    undo_log *u = &m->undo;
    HPO_TRY(open_study(m, study, &s, err));
    if (!is_trial(s, t->number)) return fail_no_trial(err, t->number);
    hpo_history *h = &s->history;
    HPO_TRY(hpo_mem_index_reserve(&s->index, h, err));
    int old = (size_t)t->number < u->n; /* rows of this transaction are cut off as a whole */
    if (old) {
        size_t width = values_per_row(h);
        HPO_TRY(hpo_reserve(&u->rows, &u->cap_rows, u->n_rows + 1, sizeof *u->rows, err));
        HPO_TRY(hpo_reserve(&u->values, &u->cap_values, (u->n_rows + 1) * width, sizeof *u->values, err));
        hpo_history_save(h, t, parts, &u->rows[u->n_rows], u->values + u->n_rows * width);
        u->n_rows++;
    }
    hpo_mem_index_leave(&s->index, h, (uint32_t)t->number, (parts & HPO_UPDATE_CONFIG) != 0);
    hpo_status rc = hpo_history_update_trial(h, t, parts, err);
    if (rc != HPO_OK && old) {
        u->n_rows--;
        hpo_history_restore(h, &u->rows[u->n_rows], u->values + u->n_rows * values_per_row(h));
    }
    hpo_mem_index_enter(&s->index, h, (uint32_t)t->number);
    return rc;
}

static hpo_status mem_insert_report(void *self, int64_t study, const hpo_report_record *r, hpo_error *err)
{
    mem_study *s;
    HPO_TRY(open_study(self, study, &s, err));
    if (!is_trial(s, r->trial)) return fail_no_trial(err, r->trial);
    return hpo_history_put_report(&s->history, r, err);
}

static hpo_status mem_update_study(void *self, int64_t study, const char *spec, const char *metadata,
                                   const char *attributes, const char *stop_text, hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    const char *given[4] = {spec, metadata, attributes, stop_text};
    char *copies[4] = {NULL, NULL, NULL, NULL};
    HPO_TRY(open_study(m, study, &s, err));
    for (unsigned i = 0; i < 4; i++) {
        if (given[i] == NULL || (copies[i] = hpo_strdup(given[i])) != NULL) continue;
        while (i > 0)
            hpo_free(copies[--i]);
        return hpo_fail_memory(err);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (copies[i] == NULL) continue;
        const char **slot = text_slot(&s->record, i);
        if (m->undo.texts_set & 1u << i)
            hpo_record_free_text(*slot); /* a second change: the first value is the one to go back to */
        else
            m->undo.texts[i] = *slot;
        m->undo.texts_set |= 1u << i;
        *slot = copies[i];
    }
    return HPO_OK;
}

static hpo_status mem_grow_study(void *self, int64_t study, const char *space, size_t n_columns,
                                 hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    HPO_TRY(open_study(m, study, &s, err));
    if (m->undo.n_rows > 0 || m->undo.space != NULL)
        return hpo_fail_internal(err, "a study grows after other writes");
    char *copy = hpo_strdup(space);
    if (copy == NULL) return hpo_fail_memory(err);
    size_t then = s->record.shape.n_columns;
    hpo_status rc = hpo_history_widen(&s->history, n_columns, err);
    if (rc != HPO_OK) {
        hpo_free(copy);
        return rc;
    }
    m->undo.space = s->record.space;
    m->undo.n_columns_then = then;
    s->record.space = copy;
    s->record.shape.n_columns = n_columns;
    return HPO_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Locks and finds the study; unlocks when there is none. */
static hpo_status enter(mem_storage *m, int64_t study, mem_study **out, hpo_error *err)
{
    hpo_mutex_lock(&m->mutex);
    *out = find_id(m, study);
    if (*out != NULL) return HPO_OK;
    hpo_mutex_unlock(&m->mutex);
    return fail_no_study(err, study);
}

static hpo_status mem_get_trial(void *self, int64_t study, int64_t number, hpo_trial_record *out,
                                hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    HPO_TRY(enter(m, study, &s, err));
    int found = is_trial(s, number);
    if (found) hpo_history_get(&s->history, number, out);
    hpo_mutex_unlock(&m->mutex);
    return found ? HPO_OK : fail_no_trial(err, number);
}

static hpo_status mem_next_ready(void *self, int64_t study, int64_t now_ms, int64_t *number, hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    HPO_TRY(enter(m, study, &s, err));
    *number = hpo_mem_index_ready(&s->index, now_ms);
    hpo_mutex_unlock(&m->mutex);
    return HPO_OK;
}

static hpo_status mem_find_hash(void *self, int64_t study, uint64_t hash, int64_t *number, hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    HPO_TRY(enter(m, study, &s, err));
    *number = hpo_mem_index_find(&s->index, &s->history, hash);
    hpo_mutex_unlock(&m->mutex);
    return HPO_OK;
}

typedef struct changed_row {
    int64_t seq;
    size_t row;
} changed_row;

static int by_seq(const void *a, const void *b)
{
    const changed_row *x = a, *y = b;
    if (x->seq != y->seq) return x->seq < y->seq ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Reports are appended with growing seq: the first one behind `seq`. */
static size_t first_report(const hpo_history *h, int64_t seq)
{
    size_t low = 0, high = h->n_reports;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->r_seq[middle] > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Trials and reports merged; of equal seq the trial comes first. */
static hpo_status read_changes(const hpo_history *h, const changed_row *rows, size_t n, int64_t seq,
                               const hpo_reader *reader)
{
    hpo_trial_record t;
    hpo_report_record r;
    size_t report = reader->report != NULL ? first_report(h, seq) : h->n_reports;
    for (size_t i = 0; i < n || report < h->n_reports;) {
        if (i < n && (report == h->n_reports || rows[i].seq <= h->r_seq[report])) {
            hpo_history_get(h, (int64_t)rows[i++].row, &t);
            HPO_TRY(reader->trial(reader->ctx, &t));
        } else {
            hpo_history_get_report(h, report++, &r);
            HPO_TRY(reader->report(reader->ctx, &r));
        }
    }
    return HPO_OK;
}

static hpo_status mem_read_since(void *self, int64_t study, int64_t seq, const hpo_reader *reader,
                                 hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    changed_row *rows = NULL;
    size_t n = 0;
    hpo_status rc = HPO_OK;
    HPO_TRY(enter(m, study, &s, err));
    const hpo_history *h = &s->history;
    for (size_t i = 0; i < h->n; i++)
        n += h->seq[i] > seq;
    if (n > 0) {
        rows = hpo_alloc_array(n, sizeof *rows);
        if (rows == NULL) {
            rc = hpo_fail_memory(err);
            goto done;
        }
        n = 0;
        for (size_t i = 0; i < h->n; i++)
            if (h->seq[i] > seq) rows[n++] = (changed_row){h->seq[i], i};
        qsort(rows, n, sizeof *rows, by_seq);
    }
    rc = read_changes(h, rows, n, seq, reader);
done:
    hpo_free(rows);
    hpo_mutex_unlock(&m->mutex);
    return rc;
}

static hpo_status mem_read_header(void *self, int64_t study, hpo_study_header *out, hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    HPO_TRY(enter(m, study, &s, err));
    if (out != NULL) *out = s->record.header;
    hpo_mutex_unlock(&m->mutex);
    return HPO_OK;
}

static hpo_status mem_read_reports(void *self, int64_t study, int64_t number, const hpo_reader *reader,
                                   hpo_error *err)
{
    mem_storage *m = self;
    mem_study *s;
    hpo_report_record r;
    size_t *order = NULL, n = 0;
    HPO_TRY(enter(m, study, &s, err));
    const hpo_history *h = &s->history;
    hpo_status rc = is_trial(s, number) ? HPO_OK : fail_no_trial(err, number);
    if (rc == HPO_OK && reader->trial != NULL) {
        hpo_trial_record t;
        hpo_history_get(h, number, &t);
        rc = reader->trial(reader->ctx, &t);
    }
    if (rc != HPO_OK) goto done;
    for (int32_t i = h->last_report[number]; i >= 0; i = h->r_previous[i])
        n++;
    if (n == 0 || reader->report == NULL) goto done;
    order = hpo_alloc_array(n, sizeof *order);
    if (order == NULL) {
        rc = hpo_fail_memory(err);
        goto done;
    }
    size_t at = n;
    for (int32_t i = h->last_report[number]; i >= 0; i = h->r_previous[i])
        order[--at] = (size_t)i;
    for (size_t i = 0; i < n && rc == HPO_OK; i++) {
        hpo_history_get_report(h, order[i], &r);
        rc = reader->report(reader->ctx, &r);
    }
done:
    hpo_free(order);
    hpo_mutex_unlock(&m->mutex);
    return rc;
}

static const struct hpo_history *mem_peek(void *self, int64_t study)
{
    const mem_study *s = find_id(self, study);
    return s == NULL ? NULL : &s->history;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static hpo_status mem_describe(void *self, char **json, hpo_error *err)
{
    mem_storage *m = self;
    hpo_str text = {0};
    size_t bytes = 0;
    hpo_mutex_lock(&m->mutex);
    for (size_t i = 0; i < m->n; i++)
        if (m->studies[i] != NULL)
            bytes += hpo_history_bytes(&m->studies[i]->history) + hpo_mem_index_bytes(&m->studies[i]->index);
    hpo_mutex_unlock(&m->mutex);
    hpo_str_addf(&text, "{\"bytes\":%zu}", bytes);
    return hpo_str_steal(&text, json, err);
}

static void mem_close(void *self)
{
    mem_storage *m = self;
    if (m->open != NULL) mem_rollback(m, m->open->record.id);
    for (size_t i = 0; i < m->n; i++)
        free_study(m->studies[i]);
    hpo_free(m->studies);
    hpo_free(m->undo.rows);
    hpo_free(m->undo.values);
    hpo_mutex_fini(&m->mutex);
    hpo_free(m);
}

const hpo_storage_ops hpo_storage_mem = {
    .size = sizeof(hpo_storage_ops),
    .scheme = "mem",
    .help = "in the memory of this process; gone when it ends",
    .open = mem_open,
    .close = mem_close,
    .create_study = mem_create_study,
    .load_study = mem_load_study,
    .free_study = mem_free_study,
    .delete_study = mem_delete_study,
    .list_studies = mem_list_studies,
    .begin = mem_begin,
    .commit = mem_commit,
    .rollback = mem_rollback,
    .insert_trial = mem_insert_trial,
    .update_trial = mem_update_trial,
    .insert_report = mem_insert_report,
    .update_study = mem_update_study,
    .get_trial = mem_get_trial,
    .next_ready = mem_next_ready,
    .find_hash = mem_find_hash,
    .read_since = mem_read_since,
    .read_header = mem_read_header,
    .read_reports = mem_read_reports,
    .peek = mem_peek,
    .describe = mem_describe,
    .grow_study = mem_grow_study,
};
