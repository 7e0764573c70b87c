/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every registered storage.  The heart is a model: a plain array of records that is changed
 * by the same random transactions, some of them rolled back, and asked the same questions. */
#include "hpo/storage.h"

#include <stdatomic.h>

#include "base/os.h"
#include "base/str.h"
#include "storage/registry.h"
#include "t.h"

enum { COLUMNS = 3, OBJECTIVES = 2, OUTCOMES = 1, MAX_TRIALS = 200, MAX_REPORTS = 400, THREADS = 8 };

/* ---- opening ------------------------------------------------------------------------------- */

/* What to open for a storage: a new, empty one for each call with a new `tag`. */
static const char *rest_of(const hpo_storage_ops *o, const char *tag)
{
    static char rest[512];
    rest[0] = '\0';
    if (strcmp(o->scheme, "sqlite") == 0) {
        char name[64];
        (void)snprintf(name, sizeof name, "conform-%s.db", tag);
        (void)snprintf(rest, sizeof rest, "%s", t_temp_path(name));
    }
    return rest;
}

static void *open_storage(const hpo_storage_ops *o, const char *tag)
{
    hpo_error err;
    void *self = NULL;
    assert_ok(o->open(rest_of(o, tag), &self, &err), err);
    return self;
}

static const hpo_study_header FRESH = {.best_value = (double)NAN, .best_number = -1};

static hpo_study_record study_record(const char *name)
{
    return (hpo_study_record){.name = name,
                              .space = "{\"params\":{}}",
                              .spec = "{\"objectives\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
                              .seed = UINT64_MAX - 5,
                              .created_ms = 1700000000123,
                              .shape = {COLUMNS, OBJECTIVES, OUTCOMES},
                              .header = FRESH};
}

static int64_t make_study(const hpo_storage_ops *o, void *self, const char *name)
{
    hpo_error err;
    int64_t id = -1;
    hpo_study_record r = study_record(name);
    assert_ok(o->create_study(self, &r, &id, &err), err);
    return id;
}

/* Runs body for each registered storage. */
static void each(void (*body)(const hpo_storage_ops *o))
{
    for (size_t i = 0; hpo_storage_at(i) != NULL; i++) {
        print_message("# storage %s\n", hpo_storage_at(i)->scheme);
        body(hpo_storage_at(i));
    }
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void assert_array(const double *a, const double *b, size_t n)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) assert_same_doubles(a, b, n);
}

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) assert_string_equal(a, b);
}

static void assert_trial(const hpo_trial_record *a, const hpo_trial_record *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->draw, b->draw);
    assert_int_equal(a->parent, b->parent);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->lost, b->lost);
    assert_true(a->token == b->token);
    assert_true(a->hash == b->hash);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->seq_ask, b->seq_ask);
    assert_int_equal(a->seq_from, b->seq_from);
    assert_int_equal(a->seq_tell, b->seq_tell);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_int_equal(a->lease_ms, b->lease_ms);
    assert_array(&a->cost, &b->cost, 1);
    assert_array(a->x, b->x, COLUMNS);
    assert_array(a->y, b->y, OBJECTIVES);
    assert_array(a->sem, b->sem, OBJECTIVES);
    assert_array(a->outcome, b->outcome, OUTCOMES);
    assert_array(a->gradient, b->gradient, COLUMNS);
    assert_text(a->worker, b->worker);
    assert_text(a->reason, b->reason);
    assert_text(a->checkpoint, b->checkpoint);
    assert_text(a->attributes, b->attributes);
}

static void assert_report(const hpo_report_record *a, const hpo_report_record *b)
{
    assert_int_equal(a->trial, b->trial);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->time_ms, b->time_ms);
    assert_array(&a->step, &b->step, 1);
    assert_array(&a->cost, &b->cost, 1);
    assert_int_equal(a->fold, b->fold);
    assert_int_equal(a->attempt, b->attempt);
    assert_array(a->y, b->y, OBJECTIVES);
    assert_text(a->metrics, b->metrics);
    assert_int_equal(a->kind, b->kind);
}

static void assert_header(const hpo_study_header *a, const hpo_study_header *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->next_number, b->next_number);
    assert_int_equal(a->next_draw, b->next_draw);
    for (int i = 0; i < HPO_N_STATES; i++)
        assert_int_equal(a->n_by_state[i], b->n_by_state[i]);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->stop_reason, b->stop_reason);
    assert_array(&a->cost, &b->cost, 1);
    assert_int_equal(a->last_ms, b->last_ms);
    assert_int_equal(a->active_ms, b->active_ms);
    assert_int_equal(a->lease_max_ms, b->lease_max_ms);
    assert_array(&a->best_value, &b->best_value, 1);
    assert_int_equal(a->best_number, b->best_number);
    assert_int_equal(a->since_best, b->since_best);
    assert_int_equal(a->texts_seq, b->texts_seq);
}

/* ---- the model ----------------------------------------------------------------------------- */

typedef struct model_trial {
    hpo_trial_record r; /* its arrays are attached when it is looked at */
    double x[COLUMNS], y[OBJECTIVES], sem[OBJECTIVES], outcome[OUTCOMES], gradient[COLUMNS];
    int has_y, has_sem, has_outcome, has_gradient;
} model_trial;

typedef struct model_report {
    hpo_report_record r;
    double y[OBJECTIVES];
} model_report;

typedef struct model {
    hpo_study_header header;
    size_t n, n_reports;
    model_trial trials[MAX_TRIALS];
    model_report reports[MAX_REPORTS];
} model;

static hpo_trial_record *whole(model_trial *t)
{
    t->r.x = t->x;
    t->r.y = t->has_y ? t->y : NULL;
    t->r.sem = t->has_sem ? t->sem : NULL;
    t->r.outcome = t->has_outcome ? t->outcome : NULL;
    t->r.gradient = t->has_gradient ? t->gradient : NULL;
    return &t->r;
}

static hpo_report_record *whole_report(model_report *r)
{
    r->r.y = r->y;
    return &r->r;
}

static const char *some_text(t_rng *rng)
{
    static const char *const texts[] = {NULL,
                                        "",
                                        "node7:4711",
                                        "it's \"quoted\"\n\\ and 'so'",
                                        "gr\xc3\xbc\xc3\x9f\xf0\x9f\x8e\x89",
                                        "{\"k\":[1,2]}",
                                        "a longer text that does not fit where short ones would be kept"};
    return texts[t_int(rng, 0, 6)];
}

static double some_double(t_rng *rng)
{
    int64_t k = t_int(rng, 0, 9);
    return k == 0 ? (double)INFINITY : k == 1 ? -(double)INFINITY : t_odd_double(rng);
}

/* Costs, steps and the best value: the sign of a zero means nothing there and may be lost. */
static double some_scalar(t_rng *rng)
{
    return some_double(rng) + 0.0;
}

static void some_doubles(t_rng *rng, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = t_int(rng, 0, 4) == 0 ? (double)NAN : some_double(rng);
    v[0] = some_double(rng); /* an array of NaN alone counts as absent */
}

static uint64_t some_hash(t_rng *rng)
{
    static const uint64_t hashes[] = {
        0, 1, 2, UINT64_C(1) << 63, UINT64_MAX, UINT64_C(0x9E3779B97F4A7C15), UINT64_C(1) << 32, 77};
    return hashes[t_int(rng, 0, 7)];
}

/* Fills what `parts` names as a writer would. */
static void change(t_rng *rng, model_trial *t, uint32_t parts)
{
    if (parts & HPO_UPDATE_STATE) {
        t->r.state = (int32_t)t_int(rng, 0, HPO_N_STATES - 1);
        t->r.attempt = (int32_t)t_int(rng, 1, 5);
        t->r.flags = (int32_t)t_int(rng, 0, 3);
        t->r.lost = (int32_t)t_int(rng, 0, 3);
        t->r.seq_tell = t_int(rng, 0, 50);
    }
    if (parts & HPO_UPDATE_LEASE) {
        t->r.token = t_u64(rng);
        t->r.lease_ms = t_int(rng, 0, 4) == 0 ? INT64_MAX : t_int(rng, 1000, 1100);
        t->r.started_ms = t_int(rng, 0, INT64_C(1) << 42);
        t->r.seq_ask = t_int(rng, 0, 50);
        t->r.worker = some_text(rng);
    }
    if (parts & HPO_UPDATE_RESULT) {
        t->r.cost = some_scalar(rng);
        t->r.ended_ms = t_int(rng, 0, INT64_C(1) << 42);
        t->r.reason = some_text(rng);
        t->r.checkpoint = some_text(rng);
        t->has_y = (int)t_int(rng, 0, 1);
        t->has_sem = t_int(rng, 0, 3) == 0;
        t->has_outcome = (int)t_int(rng, 0, 1);
        t->has_gradient = t_int(rng, 0, 3) == 0;
        some_doubles(rng, t->y, OBJECTIVES);
        some_doubles(rng, t->sem, OBJECTIVES);
        some_doubles(rng, t->outcome, OUTCOMES);
        some_doubles(rng, t->gradient, COLUMNS);
    }
    if (parts & HPO_UPDATE_ATTRS) t->r.attributes = some_text(rng);
    if (parts & HPO_UPDATE_CONFIG) {
        some_doubles(rng, t->x, COLUMNS);
        t->r.hash = some_hash(rng);
    }
}

enum { ALL_PARTS = 31 };

static void random_operation(const hpo_storage_ops *o, void *self, int64_t id, model *m, t_rng *rng)
{
    hpo_error err;
    int64_t what = t_int(rng, 0, 9);
    if ((what < 4 || m->n == 0) && m->n < MAX_TRIALS) {
        model_trial *t = &m->trials[m->n];
        memset(t, 0, sizeof *t);
        change(rng, t, ALL_PARTS);
        t->r.number = (int64_t)m->n++;
        t->r.draw = t_int(rng, -1, 1000);
        t->r.parent = t_int(rng, -1, 10);
        t->r.seq_from = t_int(rng, 0, 50);
        t->r.created_ms = t_int(rng, 0, INT64_C(1) << 42);
        t->r.seq = ++m->header.seq;
        m->header.next_number++;
        assert_ok(o->insert_trial(self, id, whole(t), &err), err);
    } else if (what < 8) {
        model_trial *t = &m->trials[t_int(rng, 0, (int64_t)m->n - 1)];
        uint32_t parts = (uint32_t)t_int(rng, 0, ALL_PARTS);
        if (t_int(rng, 0, 1)) { /* the usual way: what get_trial gave is written back with changes */
            hpo_trial_record r;
            assert_ok(o->get_trial(self, id, t->r.number, &r, &err), err);
            assert_trial(&r, whole(t));
            r.seq = t->r.seq = ++m->header.seq;
            if (parts & HPO_UPDATE_STATE) r.state = t->r.state = HPO_STATE_FAILED;
            assert_ok(o->update_trial(self, id, &r, parts, &err), err);
        } else {
            change(rng, t, parts);
            t->r.seq = ++m->header.seq;
            assert_ok(o->update_trial(self, id, whole(t), parts, &err), err);
        }
    } else if (m->n_reports < MAX_REPORTS) {
        model_report *r = &m->reports[m->n_reports++];
        r->r = (hpo_report_record){.trial = t_int(rng, 0, (int64_t)m->n - 1),
                                   .seq = ++m->header.seq,
                                   .time_ms = t_int(rng, 0, INT64_C(1) << 42),
                                   .step = some_scalar(rng),
                                   .cost = some_scalar(rng),
                                   .fold = (int32_t)t_int(rng, -1, 5),
                                   .attempt = (int32_t)t_int(rng, 1, 3),
                                   .metrics = some_text(rng),
                                   .kind = (int32_t)t_int(rng, 0, HPO_LOG_PAUSED)};
        some_doubles(rng, r->y, OBJECTIVES);
        if (t_int(rng, 0, 3) == 0) r->y[0] = (double)NAN;
        assert_ok(o->insert_report(self, id, whole_report(r), &err), err);
    }
    m->header.next_draw = t_int(rng, 0, 1000);
    m->header.n_by_state[t_int(rng, 0, HPO_N_STATES - 1)]++;
    m->header.cost = some_scalar(rng);
    m->header.best_value = t_int(rng, 0, 3) == 0 ? (double)NAN : some_scalar(rng);
    m->header.last_ms++;
    m->header.texts_seq = t_int(rng, 0, 1000);
}

/* What a reader has seen: must be the model's changes after `seq`, in order, each once. */
typedef struct seen {
    model *m;
    int64_t last;
    size_t n;
    int reports;
} seen;

static hpo_status see_trial(void *ctx, const hpo_trial_record *t)
{
    seen *s = ctx;
    assert_true(t->seq > s->last);
    assert_true(t->number >= 0 && (size_t)t->number < s->m->n);
    assert_trial(t, whole(&s->m->trials[t->number]));
    s->last = t->seq;
    s->n++;
    return HPO_OK;
}

/* One trial by itself comes before its reports, whatever its seq. */
static hpo_status see_one(void *ctx, const hpo_trial_record *t)
{
    seen *s = ctx;
    assert_int_equal(s->n++, 0);
    assert_trial(t, whole(&s->m->trials[t->number]));
    return HPO_OK;
}

static hpo_status see_report(void *ctx, const hpo_report_record *r)
{
    seen *s = ctx;
    size_t i = 0;
    assert_true(r->seq > s->last);
    while (i < s->m->n_reports && s->m->reports[i].r.seq != r->seq)
        i++;
    assert_true(i < s->m->n_reports);
    assert_report(r, whole_report(&s->m->reports[i]));
    s->last = r->seq;
    s->n++;
    return HPO_OK;
}

static void check_changes(const hpo_storage_ops *o, void *self, int64_t id, model *m, int64_t since)
{
    hpo_error err;
    seen s = {m, since, 0, 1};
    size_t want = 0;
    hpo_reader reader = {see_trial, see_report, &s};
    for (size_t i = 0; i < m->n; i++)
        want += m->trials[i].r.seq > since;
    for (size_t i = 0; i < m->n_reports; i++)
        want += m->reports[i].r.seq > since;
    assert_ok(o->read_since(self, id, since, &reader, &err), err);
    assert_int_equal(s.n, want);
}

static void check_lookups(const hpo_storage_ops *o, void *self, int64_t id, model *m, t_rng *rng)
{
    hpo_error err;
    int64_t now = t_int(rng, 990, 1110), number, waiting = -1, expired = -1;
    for (size_t i = m->n; i-- > 0;) {
        const hpo_trial_record *t = &m->trials[i].r;
        if (t->state == HPO_STATE_WAITING) waiting = t->number;
        if (t->state == HPO_STATE_RUNNING && t->lease_ms < now &&
            (expired < 0 || t->lease_ms <= m->trials[expired].r.lease_ms))
            expired = t->number;
    }
    assert_ok(o->next_ready(self, id, now, &number, &err), err);
    assert_int_equal(number, waiting >= 0 ? waiting : expired);
    for (int k = 0; k < 3; k++) {
        uint64_t hash = k < 2 ? some_hash(rng) : 12345;
        int64_t first = -1;
        for (size_t i = m->n; i-- > 0;)
            if (m->trials[i].r.hash == hash && m->trials[i].r.state != HPO_STATE_FAILED) first = (int64_t)i;
        assert_ok(o->find_hash(self, id, hash, &number, &err), err);
        assert_int_equal(number, first);
    }
}

static void check_reports_of(const hpo_storage_ops *o, void *self, int64_t id, model *m, int64_t number)
{
    hpo_error err;
    seen s = {m, -1, 0, 1};
    size_t want = 0;
    hpo_reader reader = {NULL, see_report, &s}, both = {see_one, see_report, &s};
    for (size_t i = 0; i < m->n_reports; i++)
        want += m->reports[i].r.trial == number;
    assert_ok(o->read_reports(self, id, number, &reader, &err), err);
    assert_int_equal(s.n, want);
    s = (seen){m, -1, 0, 1};
    assert_ok(o->read_reports(self, id, number, &both, &err), err);
    assert_int_equal(s.n, want + 1);
}

static void check_everything(const hpo_storage_ops *o, void *self, int64_t id, model *m, t_rng *rng)
{
    hpo_error err;
    hpo_study_header h;
    assert_ok(o->read_header(self, id, &h, &err), err);
    assert_header(&h, &m->header);
    check_lookups(o, self, id, m, rng);
    check_changes(o, self, id, m, t_int(rng, 0, 3) == 0 ? 0 : t_int(rng, 0, m->header.seq));
    if (m->n == 0) return;
    int64_t number = t_int(rng, 0, (int64_t)m->n - 1);
    hpo_trial_record r;
    assert_ok(o->get_trial(self, id, number, &r, &err), err);
    assert_trial(&r, whole(&m->trials[number]));
    check_reports_of(o, self, id, m, number);
}

static void check_model(const hpo_storage_ops *o)
{
    static model now, before;
    hpo_error err;
    t_rng rng = t_rng_create();
    void *self = open_storage(o, "model");
    int64_t other = make_study(o, self, "other"), id = make_study(o, self, "it");
    memset(&now, 0, sizeof now);
    now.header = FRESH;
    for (T_ROUNDS(round, 400)) {
        hpo_study_header h;
        before = now;
        assert_ok(o->begin(self, id, &h, &err), err);
        assert_header(&h, &now.header);
        for (int64_t i = t_int(&rng, 0, 4); i > 0; i--) {
            random_operation(o, self, id, &now, &rng);
            if (t_int(&rng, 0, 3) == 0) check_lookups(o, self, id, &now, &rng); /* sees its own changes */
        }
        if (t_int(&rng, 0, 2) == 0) {
            o->rollback(self, id);
            now = before;
        } else {
            assert_ok(o->commit(self, id, &now.header, &err), err);
        }
        check_everything(o, self, id, &now, &rng);
        if (now.n + 4 > MAX_TRIALS || now.n_reports + 4 > MAX_REPORTS) break;
    }
    hpo_study_header h;
    assert_ok(o->read_header(self, other, &h, &err), err);
    assert_header(&h, &FRESH);
    if (o->shared) { /* what was committed is there for whoever opens it next */
        o->close(self);
        self = open_storage(o, "model");
        check_everything(o, self, id, &now, &rng);
        check_changes(o, self, id, &now, 0);
    }
    if (o->verify != NULL) {
        char *findings = NULL;
        (void)o->verify(self, &findings, NULL); /* random counters: findings are expected, a crash is not */
        hpo_free(findings);
    }
    o->close(self);
}

static void test_model(void **state)
{
    (void)state;
    each(check_model);
}

/* ---- studies ------------------------------------------------------------------------------- */

typedef struct names {
    char text[256];
    size_t stop_after, n;
} names;

static int add_name(void *ctx, const char *name, const hpo_study_header *h)
{
    names *l = ctx;
    assert_non_null(h);
    (void)snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%s;", name);
    return ++l->n == l->stop_after;
}

static void check_studies(const hpo_storage_ops *o)
{
    hpo_error err;
    hpo_study_record in = study_record("second \xe2\x82\xac 'x'"), out;
    int64_t id;
    names l = {"", 0, 0};
    void *self = open_storage(o, "studies");
    int64_t first = make_study(o, self, "first");
    in.metadata = "{\"m\":1}";
    in.header.best_value = -2.5;
    in.header.active_ms = 77;
    assert_ok(o->create_study(self, &in, &id, &err), err);
    assert_fails(o->create_study(self, &in, &id, &err), HPO_EEXIST, err, "second");
    assert_ok(o->load_study(self, in.name, &out, &err), err);
    assert_string_equal(out.name, in.name);
    assert_string_equal(out.space, in.space);
    assert_string_equal(out.spec, in.spec);
    assert_string_equal(out.metadata, in.metadata);
    assert_null(out.attributes);
    assert_null(out.stop_text);
    assert_true(out.seed == in.seed);
    assert_int_equal(out.created_ms, in.created_ms);
    assert_int_equal(out.shape.n_columns, COLUMNS);
    assert_int_equal(out.shape.n_outcomes, OUTCOMES);
    assert_header(&out.header, &in.header);
    assert_int_not_equal(out.id, first);
    id = out.id;
    o->free_study(self, &out);

    assert_fails(o->load_study(self, "nobody", &out, &err), HPO_ENOTFOUND, err, "nobody");
    assert_ok(o->list_studies(self, add_name, &l, &err), err);
    assert_string_equal(l.text, "first;second \xe2\x82\xac 'x';");
    l = (names){"", 1, 0};
    assert_ok(o->list_studies(self, add_name, &l, &err), err);
    assert_string_equal(l.text, "first;");

    hpo_study_header h;
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_ok(o->update_study(self, id, NULL, "{\"m\":2}", "{}", NULL, &err), err);
    o->rollback(self, id);
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_ok(o->update_study(self, id, "{\"s\":1}", NULL, "{\"a\":1}", NULL, &err), err);
    assert_ok(o->update_study(self, id, "{\"s\":2}", NULL, NULL, "enough", &err), err);
    h.status = HPO_STUDY_STOPPED;
    assert_ok(o->commit(self, id, &h, &err), err);
    assert_ok(o->load_study(self, in.name, &out, &err), err);
    assert_string_equal(out.spec, "{\"s\":2}");
    assert_string_equal(out.metadata, "{\"m\":1}");
    assert_string_equal(out.attributes, "{\"a\":1}");
    assert_string_equal(out.stop_text, "enough");
    assert_int_equal(out.header.status, HPO_STUDY_STOPPED);
    o->free_study(self, &out);

    assert_ok(o->delete_study(self, in.name, &err), err);
    assert_status(o->delete_study(self, in.name, &err), HPO_ENOTFOUND);
    assert_status(o->load_study(self, in.name, &out, &err), HPO_ENOTFOUND);
    assert_status(o->begin(self, id, &h, &err), HPO_ENOTFOUND);
    assert_status(o->read_header(self, id, &h, &err), HPO_ENOTFOUND);
    assert_int_not_equal(make_study(o, self, in.name),
                         id); /* who still holds the old one must not meet the new */
    assert_ok(o->begin(self, first, &h, &err), err);
    o->rollback(self, first);
    in.name = "";
    assert_status(o->create_study(self, &in, &id, &err), HPO_EINVAL);
    o->close(self);
}

static void test_studies(void **state)
{
    (void)state;
    each(check_studies);
}

static void check_missing(const hpo_storage_ops *o)
{
    hpo_error err;
    hpo_study_header h;
    hpo_trial_record t = {.number = 3, .x = (const double[COLUMNS]){0}};
    hpo_report_record r = {.trial = 3, .seq = 1, .y = (const double[OBJECTIVES]){0}};
    hpo_reader reader = {see_trial, see_report, NULL};
    void *self = open_storage(o, "missing");
    int64_t id = make_study(o, self, "it"), number;
    assert_status(o->begin(self, id + 17, &h, &err), HPO_ENOTFOUND);
    assert_status(o->begin(self, 0, &h, &err), HPO_ENOTFOUND);
    assert_status(o->get_trial(self, id, 0, &t, &err), HPO_ENOTFOUND);
    assert_status(o->get_trial(self, id, -1, &t, &err), HPO_ENOTFOUND);
    assert_status(o->read_reports(self, id, 0, &reader, &err), HPO_ENOTFOUND);
    assert_ok(o->next_ready(self, id, 0, &number, &err), err);
    assert_int_equal(number, -1);
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_status(o->update_trial(self, id, &t, HPO_UPDATE_STATE, &err), HPO_ENOTFOUND);
    assert_status(o->insert_report(self, id, &r, &err), HPO_ENOTFOUND);
    t.number = 0; /* a refusal leaves the transaction usable */
    t.seq = ++h.seq;
    h.next_number = 1;
    assert_ok(o->insert_trial(self, id, &t, &err), err);
    assert_ok(o->commit(self, id, &h, &err), err);
    assert_ok(o->get_trial(self, id, 0, &t, &err), err);
    o->close(self);
}

static void test_missing(void **state)
{
    (void)state;
    each(check_missing);
}

/* ---- big texts ----------------------------------------------------------------------------- */

static void check_long_texts(const hpo_storage_ops *o)
{
    enum { LONG = 1 << 20 };
    hpo_error err;
    hpo_study_header h;
    char *text = malloc(LONG + 1);
    assert_non_null(text);
    for (int i = 0; i < LONG; i++)
        text[i] = (char)('a' + i % 26);
    text[LONG] = '\0';
    const double x[COLUMNS] = {-0.0, 5e-324, 1.7976931348623157e308};
    void *self = open_storage(o, "long");
    int64_t id = make_study(o, self, text);
    hpo_trial_record t = {.x = x,
                          .seq = 1,
                          .reason = text,
                          .attributes = text,
                          .checkpoint = "",
                          .worker = text},
                     out;
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_ok(o->insert_trial(self, id, &t, &err), err);
    h.seq = h.next_number = 1;
    assert_ok(o->commit(self, id, &h, &err), err);
    assert_ok(o->get_trial(self, id, 0, &out, &err), err);
    assert_trial(&out, &t);
    o->close(self);
    free(text);
}

static void test_long_texts(void **state)
{
    (void)state;
    each(check_long_texts);
}

/* ---- several at once ----------------------------------------------------------------------- */

typedef struct worker {
    const hpo_storage_ops *ops;
    void *self;
    int64_t id;
    int n, failed;
} worker;

static hpo_status count_one(void *ctx, const hpo_trial_record *t)
{
    (void)t;
    ++*(int64_t *)ctx;
    return HPO_OK;
}

/* Counts up with what it has just read; every fourth transaction is taken back, and others read meanwhile. */
static void *count_up(void *arg)
{
    worker *w = arg;
    hpo_error err;
    const double x[COLUMNS] = {1, 2, 3};
    for (int i = 0; i < w->n && !w->failed; i++) {
        hpo_study_header h;
        int64_t seen_n = 0;
        hpo_reader reader = {count_one, NULL, &seen_n};
        if (w->ops->begin(w->self, w->id, &h, &err) != HPO_OK) {
            w->failed = 1;
            break;
        }
        int back = i % 4 == 3;
        hpo_trial_record t = {.number = h.next_number++,
                              .seq = ++h.seq,
                              .x = x,
                              .hash = (uint64_t)h.next_number,
                              .lease_ms = 5,
                              .state = HPO_STATE_RUNNING,
                              .worker = "w"};
        if (w->ops->insert_trial(w->self, w->id, &t, &err) != HPO_OK) w->failed = 1;
        if (back)
            w->ops->rollback(w->self, w->id);
        else if (w->ops->commit(w->self, w->id, &h, &err) != HPO_OK)
            w->failed = 1;
        if (i % 8 == 0 && w->ops->read_since(w->self, w->id, h.seq - 3, &reader, &err) != HPO_OK)
            w->failed = 1;
    }
    if (w->failed) print_message("# %s\n", err.msg);
    return NULL;
}

static void run_threads(const hpo_storage_ops *o, const char *tag, int own_handles)
{
    enum { EACH = 100 };
    hpo_error err;
    hpo_thread threads[THREADS];
    worker workers[THREADS];
    void *self = open_storage(o, tag);
    int64_t id = make_study(o, self, "it");
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){o, own_handles ? open_storage(o, tag) : self, id, EACH, 0};
        assert_ok(hpo_thread_start(&threads[i], count_up, &workers[i], &err), err);
    }
    for (int i = 0; i < THREADS; i++) {
        hpo_thread_join(threads[i]);
        assert_false(workers[i].failed);
        if (own_handles) o->close(workers[i].self);
    }
    hpo_study_header h;
    int64_t n = 0;
    hpo_reader reader = {count_one, NULL, &n};
    assert_ok(o->read_header(self, id, &h, &err), err);
    assert_int_equal(h.next_number, THREADS * EACH / 4 * 3);
    assert_int_equal(h.seq, h.next_number);
    assert_ok(o->read_since(self, id, 0, &reader, &err), err);
    assert_int_equal(n, h.next_number);
    o->close(self);
}

static void check_threads(const hpo_storage_ops *o)
{
    run_threads(o, "threads", 0);
    if (o->shared) run_threads(o, "handles", 1);
}

static void test_threads(void **state)
{
    (void)state;
    each(check_threads);
}

/* ---- the lock for suggestions --------------------------------------------------------------- */

typedef struct ask_worker {
    const hpo_storage_ops *ops;
    void *self;
    int64_t id;
    atomic_int *inside; /* the locks of two handles mean nothing to the memory model of C */
    int failed;
} ask_worker;

static void *lock_and_look(void *arg)
{
    ask_worker *w = arg;
    for (int i = 0; i < 20; i++) {
        if (w->ops->lock_ask(w->self, w->id, NULL) != HPO_OK) w->failed = 1;
        if (atomic_fetch_add(w->inside, 1) != 0) w->failed = 1;
        hpo_os_sleep_ms(1);
        if (atomic_fetch_sub(w->inside, 1) != 1) w->failed = 1;
        w->ops->unlock_ask(w->self, w->id);
    }
    return NULL;
}

static void check_ask_lock(const hpo_storage_ops *o)
{
    hpo_error err;
    hpo_thread threads[4];
    ask_worker workers[4];
    atomic_int inside = 0;
    if (o->lock_ask == NULL) return;
    void *self = open_storage(o, "ask"), *second = o->shared ? open_storage(o, "ask") : self;
    int64_t id = make_study(o, self, "it"), other = make_study(o, self, "other");
    assert_ok(o->lock_ask(self, other, &err), err); /* another study does not matter */
    for (int i = 0; i < 4; i++) {
        workers[i] = (ask_worker){o, i % 2 ? self : second, id, &inside, 0};
        assert_ok(hpo_thread_start(&threads[i], lock_and_look, &workers[i], &err), err);
    }
    for (int i = 0; i < 4; i++) {
        hpo_thread_join(threads[i]);
        assert_false(workers[i].failed);
    }
    o->unlock_ask(self, other);
    if (second != self) o->close(second);
    o->close(self);
}

static void test_ask_lock(void **state)
{
    (void)state;
    each(check_ask_lock);
}

/* ---- without memory ------------------------------------------------------------------------ */

typedef struct oom_case {
    const hpo_storage_ops *ops;
    int round;
} oom_case;

static hpo_status one_transaction(const hpo_storage_ops *o, void *self, int64_t id, hpo_error *err)
{
    hpo_study_header h;
    hpo_trial_record t = {.x = (const double[COLUMNS]){1, 2, 3},
                          .worker = "w",
                          .reason = "r",
                          .state = HPO_STATE_RUNNING,
                          .lease_ms = 9,
                          .sem = (const double[OBJECTIVES]){1, 2}};
    hpo_report_record r = {.y = (const double[OBJECTIVES]){1, 2}, .metrics = "{}"};
    hpo_status rc = o->begin(self, id, &h, err);
    if (rc != HPO_OK) return rc;
    t.number = h.next_number++;
    t.seq = ++h.seq;
    rc = o->insert_trial(self, id, &t, err);
    if (rc == HPO_OK) {
        t.gradient = t.x;
        t.reason = "another";
        t.attributes = "{}";
        t.number = 0;
        t.seq = ++h.seq;
        rc = o->update_trial(self, id, &t, ALL_PARTS, err);
    }
    r.seq = ++h.seq;
    if (rc == HPO_OK) rc = o->insert_report(self, id, &r, err);
    if (rc == HPO_OK) rc = o->update_study(self, id, NULL, "{}", NULL, "text", err);
    if (rc == HPO_OK) return o->commit(self, id, &h, err);
    o->rollback(self, id);
    return rc;
}

static hpo_status count_trials(void *ctx, const hpo_trial_record *t)
{
    ++*(size_t *)ctx;
    return t->number >= 0 ? HPO_OK : HPO_ECORRUPT;
}

/* Everything once; after a failure the storage must still hold exactly what was committed. */
static hpo_status use_all(void *ctx, hpo_error *err)
{
    oom_case *c = ctx;
    const hpo_storage_ops *o = c->ops;
    char tag[32];
    void *self = NULL;
    int64_t id = 0;
    size_t n = 0, committed = 0;
    hpo_study_record in = study_record("it"), out;
    hpo_reader reader = {count_trials, NULL, &n};
    (void)snprintf(tag, sizeof tag, "oom%d", c->round++);
    hpo_status rc = o->open(rest_of(o, tag), &self, err);
    if (rc != HPO_OK) return rc;
    rc = o->create_study(self, &in, &id, err);
    for (int i = 0; i < 3 && rc == HPO_OK; i++) {
        rc = one_transaction(o, self, id, err);
        committed += rc == HPO_OK;
    }
    if (id > 0) {
        hpo_study_header h;
        if (o->read_header(self, id, &h, NULL) == HPO_OK && h.next_number != (int64_t)committed)
            rc = HPO_ECORRUPT;
        hpo_status reading = o->read_since(self, id, 0, &reader, rc == HPO_OK ? err : NULL);
        if (reading == HPO_OK && n != committed) rc = HPO_ECORRUPT;
        if (rc == HPO_OK) rc = reading;
    }
    if (rc == HPO_OK && (rc = o->load_study(self, "it", &out, err)) == HPO_OK) o->free_study(self, &out);
    o->close(self);
    return rc;
}

static void check_oom(const hpo_storage_ops *o)
{
    oom_case c = {o, 0};
    assert_true(t_oom(use_all, &c) > 5);
}

static void test_oom(void **state)
{
    (void)state;
    each(check_oom);
}

/* ---- registration -------------------------------------------------------------------------- */

static hpo_storage_ops third_party;

static void test_registration(void **state)
{
    (void)state;
    hpo_error err;
    const hpo_storage_ops *o;
    const char *rest;
    assert_ok(hpo_storage_resolve(NULL, &o, &rest, &err), err);
    assert_string_equal(o->scheme, "mem");
    assert_ok(hpo_storage_resolve("dir/my:x.db", &o, &rest, &err), err);
    assert_string_equal(o->scheme, "sqlite");
    assert_string_equal(rest, "dir/my:x.db");
    assert_ok(hpo_storage_resolve("sqlite:x.db?sync=full", &o, &rest, &err), err);
    assert_string_equal(rest, "x.db?sync=full");
    assert_fails(hpo_storage_resolve("oracle://h/x", &o, &rest, &err), HPO_EUNSUPPORTED, err,
                 "mem:, sqlite:");
    third_party = *hpo_storage_at(0);
    third_party.scheme = "third";
    third_party.begin = NULL;
    assert_fails(hpo_storage_register(&third_party, &err), HPO_EINVAL, err, "begin");
    third_party.begin = hpo_storage_at(0)->begin;
    third_party.size--;
    assert_status(hpo_storage_register(&third_party, &err), HPO_EINVAL);
    third_party.size++;
    assert_ok(hpo_storage_register(&third_party, &err), err);
    assert_status(hpo_storage_register(&third_party, &err), HPO_EEXIST);
    assert_ok(hpo_storage_resolve("third:", &o, &rest, &err), err);
    assert_ptr_equal(o, &third_party);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_studies), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_model),   cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_ask_lock),
        cmocka_unit_test(test_oom),     cmocka_unit_test(test_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
