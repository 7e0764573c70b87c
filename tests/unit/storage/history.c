/* SPDX-License-Identifier: Apache-2.0 */
/* What the model of tests/conform/storage.c does not see of the columns: gaps, memory, sizes, many equal
 * hashes. */
#include "storage/history.h"

#include "storage/mem_index.h"
#include "storage/registry.h"
#include "t.h"

enum { ALL_PARTS = 31 };

static hpo_trial_record trial(int64_t number, const double *x)
{
    return (hpo_trial_record){
        .number = number, .seq = number + 1, .x = x, .state = HPO_STATE_COMPLETE, .draw = number};
}

static void test_gaps(void **state)
{
    (void)state;
    hpo_error err;
    hpo_history h;
    const double x[2] = {1, 2}, y[1] = {3};
    hpo_history_init(&h, (hpo_row_shape){2, 1, 0});
    hpo_trial_record t = trial(5, x), got;
    hpo_report_record r = {.trial = 7, .seq = 2, .y = y, .step = 4};
    assert_ok(hpo_history_put_trial(&h, &t, &err), err);
    assert_int_equal(h.n, 6);
    for (int i = 0; i < 5; i++)
        assert_int_equal(h.state[i], 255);
    assert_ok(hpo_history_put_report(&h, &r, &err), err); /* before its trial, as a delta may bring them */
    assert_int_equal(h.n, 8);
    t = trial(7, x);
    assert_ok(hpo_history_put_trial(&h, &t, &err), err);
    assert_int_equal(h.last_report[7], 0);
    assert_int_equal(h.state[7], HPO_STATE_COMPLETE);
    hpo_history_get(&h, 5, &got);
    assert_null(got.y);
    assert_null(got.outcome);
    assert_same_doubles(got.x, x, 2);
    t.number = -1;
    assert_status(hpo_history_put_trial(&h, &t, &err), HPO_EINVAL);
    t.number = 8;
    assert_status(hpo_history_update_trial(&h, &t, HPO_UPDATE_STATE, &err), HPO_ENOTFOUND);
    hpo_history_fini(&h);
}

/* A plain trial with 5 floats and one value, the hash index of the memory storage included. */
static void check_size(size_t n)
{
    enum { COLUMNS = 5, VALUES = 1 };
    hpo_error err;
    hpo_history h;
    hpo_mem_index ix = {0};
    const double x[COLUMNS] = {0}, y[VALUES] = {1};
    hpo_history_init(&h, (hpo_row_shape){COLUMNS, VALUES, 0});
    for (size_t i = 0; i < n; i++) {
        hpo_trial_record t = trial((int64_t)i, x);
        t.y = y;
        t.hash = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        assert_ok(hpo_mem_index_reserve(&ix, &h, &err), err);
        assert_ok(hpo_history_put_trial(&h, &t, &err), err);
        hpo_mem_index_add(&ix, (uint32_t)i);
        hpo_mem_index_enter(&ix, &h, (uint32_t)i);
    }
    double bytes = (double)(hpo_history_bytes(&h) + hpo_mem_index_bytes(&ix)) / (double)n;
    print_message("# %zu trials: %.1f bytes each\n", n, bytes);
    assert_true(bytes <= 200 + 8 * (COLUMNS + VALUES));
    hpo_mem_index_fini(&ix);
    hpo_history_fini(&h);
}

static void test_bytes_per_trial(void **state)
{
    (void)state;
    /* Just behind steps of growth, where most room is unused. */
    check_size(20000);
    check_size(49153);
    check_size(100000);
    check_size(393217);
}

/* ---- without memory ------------------------------------------------------------------------ */

static const double X[2] = {1, 2}, SEM[1] = {0.5}, Y[1] = {-1};

/* A change that fails half-way: row 0 must look as before. */
static hpo_status change_and_look(void *ctx, hpo_error *err)
{
    (void)ctx;
    hpo_history h;
    hpo_trial_record t = trial(0, X), got;
    hpo_report_record r = {.trial = 0, .seq = 9, .y = Y, .metrics = "{\"m\":1}"};
    hpo_history_init(&h, (hpo_row_shape){2, 1, 1});
    t.worker = "old";
    hpo_status rc = hpo_history_put_trial(&h, &t, err);
    int there = rc == HPO_OK;
    t.worker = "new";
    t.reason = "because";
    t.attributes = "{}";
    t.sem = SEM;
    t.gradient = X;
    t.state = HPO_STATE_FAILED;
    if (rc == HPO_OK) rc = hpo_history_update_trial(&h, &t, ALL_PARTS, err);
    if (there && rc != HPO_OK) {
        hpo_history_get(&h, 0, &got);
        if (strcmp(got.worker, "old") != 0 || got.reason != NULL || got.sem != NULL || got.gradient != NULL ||
            got.attributes != NULL || got.state != HPO_STATE_COMPLETE)
            rc = HPO_ESTATE;
    }
    for (int64_t i = 1; i < 40 && rc == HPO_OK; i++) {
        t = trial(i, X);
        size_t n = h.n;
        rc = hpo_history_put_trial(&h, &t, err);
        if (rc == HPO_OK) rc = hpo_history_put_report(&h, &r, err);
        if (rc != HPO_OK && (h.n < n || h.n_reports > (size_t)i)) rc = HPO_ESTATE;
    }
    hpo_history_fini(&h);
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(t_oom(change_and_look, NULL) > 20);
}

/* ---- many equal hashes --------------------------------------------------------------------- */

typedef struct indexed {
    hpo_history h;
    hpo_mem_index ix;
} indexed;

static void add(indexed *d, uint64_t hash, int32_t state)
{
    hpo_error err;
    hpo_trial_record t = trial((int64_t)d->h.n, X);
    t.hash = hash;
    t.state = state;
    assert_ok(hpo_mem_index_reserve(&d->ix, &d->h, &err), err);
    assert_ok(hpo_history_put_trial(&d->h, &t, &err), err);
    hpo_mem_index_add(&d->ix, (uint32_t)t.number);
    hpo_mem_index_enter(&d->ix, &d->h, (uint32_t)t.number);
}

static void set_state(indexed *d, uint32_t row, uint8_t state)
{
    hpo_error err;
    assert_ok(hpo_mem_index_reserve(&d->ix, &d->h, &err), err);
    hpo_mem_index_leave(&d->ix, &d->h, row, 0);
    d->h.state[row] = state;
    hpo_mem_index_enter(&d->ix, &d->h, row);
}

/* A configuration that fails again and again, and a noisy study of few configurations: both would be
 * quadratic with a naive chain (these sizes would take minutes). */
static void test_equal_hashes(void **state)
{
    (void)state;
    enum { N = 200000 };
    indexed d = {0};
    hpo_history_init(&d.h, (hpo_row_shape){2, 1, 0});
    for (int i = 0; i < N; i++) {
        add(&d, 7, HPO_STATE_RUNNING);
        assert_int_equal(hpo_mem_index_find(&d.ix, &d.h, 7), i);
        set_state(&d, (uint32_t)i, HPO_STATE_FAILED);
        assert_int_equal(hpo_mem_index_find(&d.ix, &d.h, 7), -1);
    }
    for (int i = 0; i < N; i++)
        add(&d, (uint64_t)i % 3, HPO_STATE_COMPLETE);
    assert_int_equal(hpo_mem_index_find(&d.ix, &d.h, 1), N + 1);
    set_state(&d, 5, HPO_STATE_WAITING); /* a failed one returns to the queue */
    assert_int_equal(hpo_mem_index_find(&d.ix, &d.h, 7), 5);
    assert_int_equal(hpo_mem_index_ready(&d.ix, 0), 5);
    hpo_mem_index_fini(&d.ix);
    hpo_history_fini(&d.h);
}

/* Renewed leases move in the queue, ended trials leave it, infinite leases are never in it. */
static void test_leases(void **state)
{
    (void)state;
    hpo_error err;
    t_rng rng = t_rng_create();
    indexed d = {0};
    hpo_history_init(&d.h, (hpo_row_shape){2, 1, 0});
    for (int i = 0; i < 300; i++)
        add(&d, (uint64_t)i, HPO_STATE_COMPLETE);
    for (T_ROUNDS(round, 20000)) {
        uint32_t row = (uint32_t)t_int(&rng, 0, 299);
        assert_ok(hpo_mem_index_reserve(&d.ix, &d.h, &err), err);
        hpo_mem_index_leave(&d.ix, &d.h, row, 0);
        d.h.state[row] = (uint8_t)(t_int(&rng, 0, 9) == 0 ? HPO_STATE_COMPLETE : HPO_STATE_RUNNING);
        d.h.lease_ms[row] = t_int(&rng, 0, 9) == 0 ? INT64_MAX : t_int(&rng, 0, 1000);
        hpo_mem_index_enter(&d.ix, &d.h, row);
        if (round % 16 != 0) continue;
        int64_t now = t_int(&rng, 0, 1000), best = -1;
        size_t n = 0;
        for (int64_t i = 299; i >= 0; i--) {
            if (d.h.state[i] != HPO_STATE_RUNNING || d.h.lease_ms[i] == INT64_MAX) continue;
            n++;
            if (d.h.lease_ms[i] < now && (best < 0 || d.h.lease_ms[i] <= d.h.lease_ms[best])) best = i;
        }
        assert_int_equal(hpo_mem_index_ready(&d.ix, now), best);
        assert_int_equal(d.ix.leases.n, n);
    }
    hpo_mem_index_fini(&d.ix);
    hpo_history_fini(&d.h);
}

static void test_peek(void **state)
{
    (void)state;
    hpo_error err;
    void *self;
    int64_t id;
    hpo_study_header h;
    const hpo_storage_ops *o = &hpo_storage_mem;
    hpo_study_record in = {.name = "s", .space = "{}", .spec = "{}", .shape = {2, 1, 0}};
    hpo_trial_record t = trial(0, X);
    assert_ok(o->open("", &self, &err), err);
    assert_ok(o->create_study(self, &in, &id, &err), err);
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_ok(o->insert_trial(self, id, &t, &err), err);
    const hpo_history *history = o->peek(self, id);
    assert_int_equal(history->n, 1);
    assert_same_doubles(history->x, X, 2);
    o->rollback(self, id);
    assert_int_equal(history->n, 0);
    t.number = 3; /* rows are numbers: no gap may come about */
    assert_ok(o->begin(self, id, &h, &err), err);
    assert_fails(o->insert_trial(self, id, &t, &err), HPO_EINVAL, err, "the next one is 0");
    o->rollback(self, id);
    assert_null(o->peek(self, id + 1));
    assert_fails(o->open("x", &self, &err), HPO_EINVAL, err, "mem:");
    o->close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),   cmocka_unit_test(test_bytes_per_trial),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_leases), cmocka_unit_test(test_peek),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
