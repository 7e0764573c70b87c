/* SPDX-License-Identifier: Apache-2.0 */
/* storage/history.c - see history.h.
 *
 * All columns of one kind of row share one capacity and grow in one step, by half while they are small
 * and by an eighth from then on (the slack of a study with a million trials stays under 13%).  A put is
 * a bounds check and one store a column.
 *
 * Every change first takes all the memory it needs and then writes without a way to fail, so running
 * out of memory leaves the history as it was.  Arguments may point into the history itself: the usual
 * caller reads a record with hpo_history_get, changes some fields and writes it back. */
#include "storage/history.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum {
    UNSEEN = 255,        /* state of a row that was skipped */
    SMALL_ROWS = 1 << 14 /* below: grow by half; above: by an eighth */
};

/* How many elements of a column one row has. */
enum { ONE, COLUMNS, OBJECTIVES, OUTCOMES };

typedef struct column {
    size_t offset; /* of the pointer in hpo_history */
    uint8_t size;  /* of one element */
    uint8_t width; /* ONE ... */
} column;

#define COLUMN(field, width)                                                                                 \
    {                                                                                                        \
        offsetof(hpo_history, field), sizeof(*((hpo_history *)0)->field), width                              \
    }

static const column TRIAL_COLUMNS[] = {
    COLUMN(state, ONE),      COLUMN(attempt, ONE),    COLUMN(flags, ONE),    COLUMN(lost, ONE),
    COLUMN(draw, ONE),       COLUMN(parent, ONE),     COLUMN(token, ONE),    COLUMN(hash, ONE),
    COLUMN(seq, ONE),        COLUMN(seq_ask, ONE),    COLUMN(seq_from, ONE), COLUMN(seq_tell, ONE),
    COLUMN(created_ms, ONE), COLUMN(started_ms, ONE), COLUMN(ended_ms, ONE), COLUMN(lease_ms, ONE),
    COLUMN(cost, ONE),       COLUMN(x, COLUMNS),      COLUMN(y, OBJECTIVES), COLUMN(outcome, OUTCOMES),
    COLUMN(extra, ONE),      COLUMN(last_report, ONE)};
static const column REPORT_COLUMNS[] = {
    COLUMN(r_trial, ONE), COLUMN(r_seq, ONE),      COLUMN(r_time_ms, ONE), COLUMN(r_step, ONE),
    COLUMN(r_cost, ONE),  COLUMN(r_y, OBJECTIVES), COLUMN(r_fold, ONE),    COLUMN(r_attempt, ONE),
    COLUMN(r_kind, ONE),  COLUMN(r_previous, ONE), COLUMN(r_metrics, ONE)};
enum {
    N_TRIAL_COLUMNS = sizeof TRIAL_COLUMNS / sizeof TRIAL_COLUMNS[0],
    N_REPORT_COLUMNS = sizeof REPORT_COLUMNS / sizeof REPORT_COLUMNS[0]
};

static size_t bytes_per_row(const hpo_history *h, const column *c)
{
    switch (c->width) {
    case COLUMNS:
        return c->size * h->shape.n_columns;
    case OBJECTIVES:
        return c->size * h->shape.n_objectives;
    case OUTCOMES:
        return c->size * h->shape.n_outcomes;
    default:
        return c->size;
    }
}

/* The pointers have different types of one representation: they are moved as bytes. */
static void *load_pointer(const hpo_history *h, const column *c)
{
    void *p;
    memcpy(&p, (const char *)h + c->offset, sizeof p);
    return p;
}

static void store_pointer(hpo_history *h, const column *c, void *p)
{
    memcpy((char *)h + c->offset, &p, sizeof p);
}

/* Makes room for `need` rows in every column.  A failure half-way leaves some columns with more room
 * than *cap says, which is harmless. */
static hpo_status grow(hpo_history *h, const column *table, size_t n_table, size_t *cap, size_t need,
                       hpo_error *err)
{
    if (need > INT32_MAX)
        return hpo_fail(err, HPO_ENOMEM, "a study holds at most %d trials and reports in memory", INT32_MAX);
    size_t target = *cap + (*cap < SMALL_ROWS ? *cap / 2 : *cap / 8);
    if (target < need) target = need;
    if (target < 16) target = 16;
    for (size_t i = 0; i < n_table; i++) {
        size_t row = bytes_per_row(h, &table[i]);
        if (row == 0) continue;
        void *p = hpo_realloc_array(load_pointer(h, &table[i]), target, row);
        if (p == NULL) return hpo_fail_memory(err);
        store_pointer(h, &table[i], p);
    }
    *cap = target;
    return HPO_OK;
}

/* ---- rare parts ---------------------------------------------------------------------------- */

static void free_extra(struct hpo_history_extra *e)
{
    hpo_free(e->sem);
    hpo_free(e->gradient);
    hpo_free(e->worker);
    hpo_free(e->reason);
    hpo_free(e->checkpoint);
    hpo_free(e->attributes);
    memset(e, 0, sizeof *e);
}

/* A change of the rare parts, prepared so that applying it cannot fail.  Texts that stay equal keep
 * their memory: the copy that a study keeps of a storage is put again with every change of a trial. */
typedef struct extra_change {
    struct hpo_history_extra fresh; /* new arrays and texts, where `set` says so */
    unsigned set;                   /* bit per text */
    int add;                        /* the row gets a first entry */
} extra_change;

enum { SET_WORKER = 1, SET_REASON = 2, SET_CHECKPOINT = 4, SET_ATTRIBUTES = 8, SET_ARRAYS = 16 };

static int same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int prepare_text(const char *old, const char *text, unsigned bit, char **fresh, unsigned *set)
{
    if (same_text(old, text)) return 1;
    *set |= bit;
    if (text == NULL) return 1;
    *fresh = hpo_strdup(text);
    return *fresh != NULL;
}

static int prepare_array(const double *old, const double *values, size_t n, double **fresh)
{
    if (values == NULL || old != NULL) return 1;
    *fresh = hpo_alloc_array(n, sizeof **fresh);
    return *fresh != NULL;
}

static hpo_status prepare_extra(hpo_history *h, int32_t index, const hpo_trial_record *t, uint32_t parts,
                                extra_change *c, hpo_error *err)
{
    static const struct hpo_history_extra none;
    c->add = 0;
    int result = (parts & HPO_UPDATE_RESULT) != 0, lease = (parts & HPO_UPDATE_LEASE) != 0;
    int attrs = (parts & HPO_UPDATE_ATTRS) != 0;
    if (index < 0) {
        int any =
            (lease && t->worker != NULL) || (attrs && t->attributes != NULL) ||
            (result && (t->sem != NULL || t->gradient != NULL || t->reason != NULL || t->checkpoint != NULL));
        if (!any) return HPO_OK; /* a plain trial: the rest of *c is not looked at */
        if (h->n_extras >= INT32_MAX) return hpo_fail_memory(err);
        HPO_TRY(hpo_reserve(&h->extras, &h->cap_extras, h->n_extras + 1, sizeof *h->extras, err));
    }
    *c = (extra_change){.add = index < 0};
    const struct hpo_history_extra *old = index < 0 ? &none : &h->extras[index];
    int ok = 1;
    if (lease) ok &= prepare_text(old->worker, t->worker, SET_WORKER, &c->fresh.worker, &c->set);
    if (attrs)
        ok &= prepare_text(old->attributes, t->attributes, SET_ATTRIBUTES, &c->fresh.attributes, &c->set);
    if (result) {
        ok &= prepare_text(old->reason, t->reason, SET_REASON, &c->fresh.reason, &c->set);
        ok &= prepare_text(old->checkpoint, t->checkpoint, SET_CHECKPOINT, &c->fresh.checkpoint, &c->set);
        ok &= prepare_array(old->sem, t->sem, h->shape.n_objectives, &c->fresh.sem);
        ok &= prepare_array(old->gradient, t->gradient, h->shape.n_columns, &c->fresh.gradient);
    }
    if (ok) return HPO_OK;
    free_extra(&c->fresh);
    return hpo_fail_memory(err);
}

static void set_text(char **slot, char *fresh, unsigned set, unsigned bit)
{
    if ((set & bit) == 0) return;
    hpo_free(*slot);
    *slot = fresh;
}

static void set_array(double **slot, double *fresh, const double *values, size_t n)
{
    if (values == NULL) {
        hpo_free(*slot);
        *slot = NULL;
        return;
    }
    if (fresh != NULL) *slot = fresh;
    memmove(*slot, values, n * sizeof *values);
}

static void apply_extra(hpo_history *h, size_t row, const hpo_trial_record *t, uint32_t parts,
                        const extra_change *c)
{
    if (c->add) {
        memset(&h->extras[h->n_extras], 0, sizeof *h->extras);
        h->extra[row] = (int32_t)h->n_extras++;
    }
    if (h->extra[row] < 0) return;
    struct hpo_history_extra *e = &h->extras[h->extra[row]];
    set_text(&e->worker, c->fresh.worker, c->set, SET_WORKER);
    set_text(&e->reason, c->fresh.reason, c->set, SET_REASON);
    set_text(&e->checkpoint, c->fresh.checkpoint, c->set, SET_CHECKPOINT);
    set_text(&e->attributes, c->fresh.attributes, c->set, SET_ATTRIBUTES);
    if ((parts & HPO_UPDATE_RESULT) == 0) return;
    set_array(&e->sem, c->fresh.sem, t->sem, h->shape.n_objectives);
    set_array(&e->gradient, c->fresh.gradient, t->gradient, h->shape.n_columns);
}

/* ---- trials -------------------------------------------------------------------------------- */

void hpo_history_init(hpo_history *h, hpo_row_shape shape)
{
    memset(h, 0, sizeof *h);
    h->shape = shape;
}

void hpo_history_fini(hpo_history *h)
{
    for (size_t i = 0; i < h->n_extras; i++)
        free_extra(&h->extras[i]);
    for (size_t i = 0; i < h->n_reports; i++)
        hpo_free(h->r_metrics[i]);
    for (size_t i = 0; i < N_TRIAL_COLUMNS; i++)
        hpo_free(load_pointer(h, &TRIAL_COLUMNS[i]));
    for (size_t i = 0; i < N_REPORT_COLUMNS; i++)
        hpo_free(load_pointer(h, &REPORT_COLUMNS[i]));
    hpo_free(h->extras);
    memset(h, 0, sizeof *h);
}

/* Values that are absent are stored as NaN.  The source may be the destination. */
static void set_row(double *base, size_t row, const double *values, size_t n)
{
    if (n == 0) return;
    double *to = base + row * n;
    if (to == values) return;
    for (size_t i = 0; i < n; i++)
        to[i] = values != NULL ? values[i] : (double)NAN;
}

static void set_parts(hpo_history *h, size_t row, const hpo_trial_record *t, uint32_t parts)
{
    h->seq[row] = t->seq;
    if (parts & HPO_UPDATE_STATE) {
        h->state[row] = (uint8_t)t->state;
        h->attempt[row] = t->attempt;
        h->flags[row] = t->flags;
        h->lost[row] = t->lost;
        h->seq_tell[row] = t->seq_tell;
    }
    if (parts & HPO_UPDATE_LEASE) {
        h->token[row] = t->token;
        h->lease_ms[row] = t->lease_ms;
        h->started_ms[row] = t->started_ms;
        h->seq_ask[row] = t->seq_ask;
    }
    if (parts & HPO_UPDATE_RESULT) {
        h->cost[row] = t->cost;
        h->ended_ms[row] = t->ended_ms;
        set_row(h->y, row, t->y, h->shape.n_objectives);
        set_row(h->outcome, row, t->outcome, h->shape.n_outcomes);
    }
    if (parts & HPO_UPDATE_CONFIG) {
        h->hash[row] = t->hash;
        set_row(h->x, row, t->x, h->shape.n_columns);
    }
}

/* What a trial that nobody has shown yet looks like. */
static void clear_row(hpo_history *h, size_t row)
{
    static const hpo_trial_record blank = {.draw = -1, .parent = -1};
    set_parts(h, row, &blank, HPO_UPDATE_STATE | HPO_UPDATE_LEASE | HPO_UPDATE_RESULT | HPO_UPDATE_CONFIG);
    h->state[row] = UNSEEN;
    h->draw[row] = h->parent[row] = -1;
    h->seq_from[row] = h->created_ms[row] = 0;
    h->extra[row] = h->last_report[row] = -1;
}

static hpo_status reserve_rows(hpo_history *h, size_t need, hpo_error *err)
{
    return need <= h->cap ? HPO_OK : grow(h, TRIAL_COLUMNS, N_TRIAL_COLUMNS, &h->cap, need, err);
}

hpo_status hpo_history_put_trial(hpo_history *h, const hpo_trial_record *t, hpo_error *err)
{
    const uint32_t all =
        HPO_UPDATE_STATE | HPO_UPDATE_LEASE | HPO_UPDATE_RESULT | HPO_UPDATE_ATTRS | HPO_UPDATE_CONFIG;
    extra_change change;
    if (t->number < 0)
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: must not be negative", (long long)t->number);
    size_t row = (size_t)t->number;
    HPO_TRY(reserve_rows(h, row + 1, err));
    HPO_TRY(prepare_extra(h, row < h->n ? h->extra[row] : -1, t, all, &change, err));
    for (; h->n < row; h->n++)
        clear_row(h, h->n);
    if (row == h->n) {
        h->n++;
        h->extra[row] = h->last_report[row] = -1;
    }
    set_parts(h, row, t, all);
    h->draw[row] = t->draw;
    h->parent[row] = t->parent;
    h->seq_from[row] = t->seq_from;
    h->created_ms[row] = t->created_ms;
    apply_extra(h, row, t, all, &change);
    return HPO_OK;
}

hpo_status hpo_history_update_trial(hpo_history *h, const hpo_trial_record *t, uint32_t parts, hpo_error *err)
{
    extra_change change;
    if (t->number < 0 || (size_t)t->number >= h->n)
        return hpo_fail(err, HPO_ENOTFOUND, "trial %lld: there is none of that number", (long long)t->number);
    size_t row = (size_t)t->number;
    HPO_TRY(prepare_extra(h, h->extra[row], t, parts, &change, err));
    set_parts(h, row, t, parts);
    apply_extra(h, row, t, parts, &change);
    return HPO_OK;
}

static const double *present(const double *base, size_t row, size_t n)
{
    if (n == 0) return NULL;
    const double *v = base + row * n;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) return v;
    return NULL;
}

void hpo_history_get(const hpo_history *h, int64_t number, hpo_trial_record *out)
{
    static const struct hpo_history_extra none;
    size_t i = (size_t)number;
    const struct hpo_history_extra *e = h->extra[i] < 0 ? &none : &h->extras[h->extra[i]];
    *out = (hpo_trial_record){
        .number = number,
        .draw = h->draw[i],
        .parent = h->parent[i],
        .state = h->state[i],
        .attempt = h->attempt[i],
        .flags = h->flags[i],
        .lost = h->lost[i],
        .token = h->token[i],
        .hash = h->hash[i],
        .seq = h->seq[i],
        .seq_ask = h->seq_ask[i],
        .seq_from = h->seq_from[i],
        .seq_tell = h->seq_tell[i],
        .created_ms = h->created_ms[i],
        .started_ms = h->started_ms[i],
        .ended_ms = h->ended_ms[i],
        .lease_ms = h->lease_ms[i],
        .cost = h->cost[i],
        .x = h->shape.n_columns > 0 ? h->x + i * h->shape.n_columns : NULL,
        .y = present(h->y, i, h->shape.n_objectives),
        .outcome = present(h->outcome, i, h->shape.n_outcomes),
        .sem = e->sem,
        .gradient = e->gradient,
        .worker = e->worker,
        .reason = e->reason,
        .checkpoint = e->checkpoint,
        .attributes = e->attributes,
    };
}

/* ---- reports ------------------------------------------------------------------------------- */

hpo_status hpo_history_put_report(hpo_history *h, const hpo_report_record *r, hpo_error *err)
{
    char *metrics = NULL;
    if (r->trial < 0)
        return hpo_fail(err, HPO_EINVAL, "report for trial %lld: must not be negative", (long long)r->trial);
    size_t i = h->n_reports, row = (size_t)r->trial, n = h->shape.n_objectives;
    HPO_TRY(reserve_rows(h, row + 1, err));
    if (i >= h->cap_reports) HPO_TRY(grow(h, REPORT_COLUMNS, N_REPORT_COLUMNS, &h->cap_reports, i + 1, err));
    if (r->metrics != NULL && (metrics = hpo_strdup(r->metrics)) == NULL) return hpo_fail_memory(err);
    /* In a delta a report may come before its trial, whose last change is newer. */
    for (; h->n <= row; h->n++)
        clear_row(h, h->n);
    h->r_trial[i] = r->trial;
    h->r_seq[i] = r->seq;
    h->r_time_ms[i] = r->time_ms;
    h->r_step[i] = r->step;
    h->r_cost[i] = r->cost;
    h->r_fold[i] = r->fold;
    h->r_attempt[i] = r->attempt;
    h->r_kind[i] = r->kind;
    set_row(h->r_y, i, r->y, n);
    h->r_metrics[i] = metrics;
    h->r_previous[i] = h->last_report[row];
    h->last_report[row] = (int32_t)i;
    h->n_reports++;
    return HPO_OK;
}

void hpo_history_get_report(const hpo_history *h, size_t i, hpo_report_record *out)
{
    *out = (hpo_report_record){.trial = h->r_trial[i],
                               .seq = h->r_seq[i],
                               .time_ms = h->r_time_ms[i],
                               .step = h->r_step[i],
                               .cost = h->r_cost[i],
                               .fold = h->r_fold[i],
                               .attempt = h->r_attempt[i],
                               .y = h->r_y + i * h->shape.n_objectives,
                               .metrics = h->r_metrics[i],
                               .kind = h->r_kind[i]};
}

/* ---- undoing ------------------------------------------------------------------------------- */

/* The numbers of set_parts, the other way. */
static void get_parts(const hpo_history *h, size_t row, uint32_t parts, hpo_trial_record *t)
{
    t->seq = h->seq[row];
    if (parts & HPO_UPDATE_STATE) {
        t->state = h->state[row];
        t->attempt = h->attempt[row];
        t->flags = h->flags[row];
        t->lost = h->lost[row];
        t->seq_tell = h->seq_tell[row];
    }
    if (parts & HPO_UPDATE_LEASE) {
        t->token = h->token[row];
        t->lease_ms = h->lease_ms[row];
        t->started_ms = h->started_ms[row];
        t->seq_ask = h->seq_ask[row];
    }
    if (parts & HPO_UPDATE_RESULT) {
        t->cost = h->cost[row];
        t->ended_ms = h->ended_ms[row];
    }
    if (parts & HPO_UPDATE_CONFIG) t->hash = h->hash[row];
}

static void move_text(char **from, char **to, const char *next, unsigned bit, unsigned *moved)
{
    if (same_text(*from, next)) return;
    *to = *from;
    *from = NULL;
    *moved |= bit;
}

void hpo_history_save(hpo_history *h, const hpo_trial_record *t, uint32_t parts, hpo_history_saved *saved,
                      double *values)
{
    size_t row = (size_t)t->number, nx = h->shape.n_columns, ny = h->shape.n_objectives,
           no = h->shape.n_outcomes;
    saved->record.number = t->number;
    get_parts(h, row, parts, &saved->record);
    saved->parts = parts;
    saved->extra = h->extra[row];
    saved->moved = 0;
    if ((parts & HPO_UPDATE_CONFIG) && nx > 0) memcpy(values, h->x + row * nx, nx * sizeof *values);
    if ((parts & HPO_UPDATE_RESULT) && ny > 0) memcpy(values + nx, h->y + row * ny, ny * sizeof *values);
    if ((parts & HPO_UPDATE_RESULT) && no > 0)
        memcpy(values + nx + ny, h->outcome + row * no, no * sizeof *values);
    if (saved->extra < 0) return;
    struct hpo_history_extra *e = &h->extras[saved->extra], *old = &saved->old;
    memset(old, 0, sizeof *old);
    if (parts & HPO_UPDATE_LEASE) move_text(&e->worker, &old->worker, t->worker, SET_WORKER, &saved->moved);
    if (parts & HPO_UPDATE_ATTRS)
        move_text(&e->attributes, &old->attributes, t->attributes, SET_ATTRIBUTES, &saved->moved);
    if ((parts & HPO_UPDATE_RESULT) == 0) return;
    move_text(&e->reason, &old->reason, t->reason, SET_REASON, &saved->moved);
    move_text(&e->checkpoint, &old->checkpoint, t->checkpoint, SET_CHECKPOINT, &saved->moved);
    old->sem = e->sem;
    old->gradient = e->gradient;
    e->sem = e->gradient = NULL;
    saved->moved |= SET_ARRAYS;
}

void hpo_history_restore(hpo_history *h, hpo_history_saved *saved, const double *values)
{
    size_t row = (size_t)saved->record.number, nx = h->shape.n_columns, ny = h->shape.n_objectives;
    saved->record.x = values;
    saved->record.y = values + nx;
    saved->record.outcome = values + nx + ny;
    set_parts(h, row, &saved->record, saved->parts);
    if (saved->extra < 0) {
        if (h->extra[row] >= 0) free_extra(&h->extras[h->extra[row]]);
        h->extra[row] = -1;
        return;
    }
    struct hpo_history_extra *e = &h->extras[saved->extra], *old = &saved->old;
    set_text(&e->worker, old->worker, saved->moved, SET_WORKER);
    set_text(&e->reason, old->reason, saved->moved, SET_REASON);
    set_text(&e->checkpoint, old->checkpoint, saved->moved, SET_CHECKPOINT);
    set_text(&e->attributes, old->attributes, saved->moved, SET_ATTRIBUTES);
    if ((saved->moved & SET_ARRAYS) == 0) return;
    hpo_free(e->sem);
    hpo_free(e->gradient);
    e->sem = old->sem;
    e->gradient = old->gradient;
}

void hpo_history_drop(hpo_history_saved *saved)
{
    if (saved->extra >= 0 && saved->moved != 0) free_extra(&saved->old);
}

void hpo_history_truncate(hpo_history *h, size_t n, size_t n_reports, size_t n_extras)
{
    for (; h->n_reports > n_reports; h->n_reports--) {
        size_t last = h->n_reports - 1;
        h->last_report[h->r_trial[last]] = h->r_previous[last];
        hpo_free(h->r_metrics[last]);
    }
    for (; h->n_extras > n_extras; h->n_extras--)
        free_extra(&h->extras[h->n_extras - 1]);
    if (h->n > n) h->n = n;
}

static size_t text_bytes(const char *s)
{
    return s == NULL ? 0 : strlen(s) + 1;
}

size_t hpo_history_bytes(const hpo_history *h)
{
    size_t total = h->cap_extras * sizeof *h->extras, row = 0;
    for (size_t i = 0; i < N_TRIAL_COLUMNS; i++)
        row += bytes_per_row(h, &TRIAL_COLUMNS[i]);
    total += h->cap * row;
    row = 0;
    for (size_t i = 0; i < N_REPORT_COLUMNS; i++)
        row += bytes_per_row(h, &REPORT_COLUMNS[i]);
    total += h->cap_reports * row;
    for (size_t i = 0; i < h->n_extras; i++) {
        const struct hpo_history_extra *e = &h->extras[i];
        total += text_bytes(e->worker) + text_bytes(e->reason) + text_bytes(e->checkpoint) +
                 text_bytes(e->attributes);
        total += e->sem == NULL ? 0 : h->shape.n_objectives * sizeof *e->sem;
        total += e->gradient == NULL ? 0 : h->shape.n_columns * sizeof *e->gradient;
    }
    for (size_t i = 0; i < h->n_reports; i++)
        total += text_bytes(h->r_metrics[i]);
    return total;
}

/* ---- width ---------------------------------------------------------------------------------- */

hpo_status hpo_history_widen(hpo_history *h, size_t n_columns, hpo_error *err)
{
    size_t old = h->shape.n_columns;
    if (n_columns < old) return hpo_fail_internal(err, "rows are made narrower");
    if (n_columns == old) return HPO_OK;
    for (size_t i = 0; i < h->n_extras; i++) {
        double *g = h->extras[i].gradient;
        if (g == NULL) continue;
        g = hpo_realloc_array(g, n_columns, sizeof *g);
        if (g == NULL) return hpo_fail_memory(err);
        for (size_t j = old; j < n_columns; j++)
            g[j] = (double)NAN;
        h->extras[i].gradient = g;
    }
    double *x = hpo_alloc_array(h->cap > 0 ? h->cap * n_columns : 1, sizeof *x);
    if (x == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < h->n; i++) {
        if (old > 0) memcpy(x + i * n_columns, h->x + i * old, old * sizeof *x);
        for (size_t j = old; j < n_columns; j++)
            x[i * n_columns + j] = (double)NAN;
    }
    hpo_free(h->x);
    h->x = x;
    h->shape.n_columns = n_columns;
    return HPO_OK;
}

void hpo_history_narrow(hpo_history *h, size_t n_columns)
{
    size_t now = h->shape.n_columns;
    for (size_t i = 1; i < h->n && n_columns > 0; i++)
        memmove(h->x + i * n_columns, h->x + i * now, n_columns * sizeof *h->x);
    h->shape.n_columns = n_columns;
}
