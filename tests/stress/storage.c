/* SPDX-License-Identifier: Apache-2.0 */
/* Storages that are shared between processes, under the two things that break such files: writers that are
 * killed at any point, and many writers at once. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "storage/registry.h"
#include "t.h"

enum { KILLS = 60, PROCESSES = 64, EACH = 20 };

/* Memory that survives a killed child: what it was told to be safe. */
typedef struct shared {
    volatile int64_t committed; /* last seq whose commit has returned */
    volatile unsigned char owner[PROCESSES * EACH * 2];
} shared;

static shared *make_shared(void)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s-%d", t_temp_path("shared"), (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)sizeof(shared)), 0);
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(s != MAP_FAILED);
    (void)close(fd);
    (void)unlink(path);
    return s;
}

static hpo_status create(const hpo_storage_ops *o, void *self, int64_t *id, hpo_error *err)
{
    hpo_study_record r = {.name = "s",
                          .space = "{\"params\":{\"a\":{\"type\":\"vector\",\"n\":3,\"range\":[0,1]}}}",
                          .spec = "{}",
                          .shape = {3, 1, 0},
                          .header = {.best_number = -1}};
    hpo_status rc = o->create_study(self, &r, id, err);
    if (rc != HPO_EEXIST) return rc;
    rc = o->load_study(self, "s", &r, err);
    if (rc != HPO_OK) return rc;
    *id = r.id;
    o->free_study(self, &r);
    return HPO_OK;
}

/* Ask: takes what is ready, else a new trial. */
static hpo_status ask(const hpo_storage_ops *o, void *self, int64_t id, int64_t *number, int64_t *seq,
                      hpo_error *err)
{
    hpo_study_header h;
    const double x[3] = {0.1, 0.2, 0.3};
    int64_t found;
    hpo_status rc = o->begin(self, id, &h, err);
    if (rc != HPO_OK) return rc;
    hpo_trial_record t = {.number = h.next_number,
                          .state = HPO_STATE_RUNNING,
                          .seq = ++h.seq,
                          .x = x,
                          .lease_ms = INT64_MAX,
                          .hash = (uint64_t)h.next_number,
                          .parent = -1};
    if ((rc = o->next_ready(self, id, 10, number, err)) != HPO_OK) goto fail;
    if ((rc = o->find_hash(self, id, t.hash, &found, err)) != HPO_OK) goto fail;
    if (*number >= 0) {
        t.number = *number;
        rc = o->update_trial(self, id, &t, HPO_UPDATE_STATE | HPO_UPDATE_LEASE, err);
        h.n_by_state[HPO_STATE_WAITING]--;
    } else {
        rc = o->insert_trial(self, id, &t, err);
        *number = h.next_number++;
    }
    if (rc != HPO_OK) goto fail;
    h.n_by_state[HPO_STATE_RUNNING]++;
    *seq = h.seq;
    return o->commit(self, id, &h, err);
fail:
    o->rollback(self, id);
    return rc;
}

/* Report and tell in two transactions; `back` returns the trial to the queue instead. */
static hpo_status tell(const hpo_storage_ops *o, void *self, int64_t id, int64_t number, int back,
                       int64_t *seq, hpo_error *err)
{
    hpo_study_header h;
    hpo_trial_record t;
    const double y[1] = {1.5};
    hpo_status rc = o->begin(self, id, &h, err);
    if (rc != HPO_OK) return rc;
    hpo_report_record r = {.trial = number, .seq = ++h.seq, .y = y, .fold = -1, .attempt = 1};
    if ((rc = o->insert_report(self, id, &r, err)) != HPO_OK) goto fail;
    if ((rc = o->commit(self, id, &h, err)) != HPO_OK) return rc;
    if ((rc = o->begin(self, id, &h, err)) != HPO_OK) return rc;
    if ((rc = o->get_trial(self, id, number, &t, err)) != HPO_OK) goto fail;
    t.state = back ? HPO_STATE_WAITING : HPO_STATE_COMPLETE;
    t.y = back ? NULL : y;
    t.seq = t.seq_tell = ++h.seq;
    if ((rc = o->update_trial(self, id, &t, HPO_UPDATE_STATE | HPO_UPDATE_RESULT, err)) != HPO_OK) goto fail;
    h.n_by_state[HPO_STATE_RUNNING]--;
    h.n_by_state[t.state]++;
    *seq = h.seq;
    return o->commit(self, id, &h, err);
fail:
    o->rollback(self, id);
    return rc;
}

static void die(const char *what, const hpo_error *err)
{
    (void)printf("# %s: %s\n", what, err->msg);
    (void)fflush(stdout);
    _exit(1);
}

/* ---- killed at any point ------------------------------------------------------------------- */

static void write_for_ever(const hpo_storage_ops *o, const char *rest, shared *s)
{
    hpo_error err = {HPO_OK, ""};
    void *self;
    int64_t id, number, seq;
    if (o->open(rest, &self, &err) != HPO_OK) die("open", &err);
    if (create(o, self, &id, &err) != HPO_OK) die("create", &err);
    for (int i = 0;; i++) {
        if (ask(o, self, id, &number, &seq, &err) != HPO_OK) die("ask", &err);
        s->committed = seq;
        if (tell(o, self, id, number, i % 7 == 0, &seq, &err) != HPO_OK) die("tell", &err);
        s->committed = seq;
        if (i % 50 != 49) continue;
        o->close(self); /* now and then the file is closed and opened again: that may be hit as well */
        if (o->open(rest, &self, &err) != HPO_OK) die("open", &err);
    }
}

static void assert_sound(const hpo_storage_ops *o, void *self)
{
    hpo_error err;
    char *findings = NULL;
    if (o->verify == NULL) return;
    if (o->verify(self, &findings, &err) != HPO_OK)
        fail_msg("%s: %s", err.msg, findings != NULL ? findings : "");
    hpo_free(findings);
}

static void check_after_kill(const hpo_storage_ops *o, const char *rest, const shared *s)
{
    hpo_error err;
    hpo_study_record r;
    void *self;
    assert_ok(o->open(rest, &self, &err), err);
    hpo_status rc = o->load_study(self, "s", &r, &err);
    if (rc == HPO_OK) {
        assert_true(r.header.seq >= s->committed); /* what was committed is there */
        o->free_study(self, &r);
    } else {
        assert_int_equal(rc, HPO_ENOTFOUND);
        assert_int_equal(s->committed, 0);
    }
    assert_sound(o, self);
    o->close(self);
}

static void check_kills(const hpo_storage_ops *o, const char *rest)
{
    t_rng rng = t_rng_create();
    shared *s = make_shared();
    int slow = 1; /* how much longer a busy machine takes to come to its first event */
    for (T_ROUNDS(round, KILLS)) {
        int64_t before = s->committed;
        pid_t children[2];
        for (int i = 0; i < 2; i++) {
            children[i] = fork();
            assert_true(children[i] >= 0);
            if (children[i] == 0) {
                shared *own = i == 0 ? s : make_shared();
                write_for_ever(o, rest, own);
            }
        }
        hpo_os_sleep_ms(slow * (round % 4 == 0 ? t_int(&rng, 0, 4) : t_int(&rng, 5, 40)));
        for (int i = 0; i < 2; i++) {
            int status;
            assert_int_equal(kill(children[i], SIGKILL), 0);
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFSIGNALED(status)); /* not: it ended with an error of its own */
        }
        check_after_kill(o, rest, s);
        if (round % 4 != 0 && s->committed == before && slow < 64) slow *= 2;
    }
    print_message("# %lld events were written\n", (long long)s->committed);
    assert_true(s->committed > 100);
    (void)munmap(s, sizeof *s);
}

/* ---- many at once -------------------------------------------------------------------------- */

static void take_turns(const hpo_storage_ops *o, const char *rest, shared *s, int me)
{
    hpo_error err = {HPO_OK, ""};
    void *self;
    int64_t id, number, seq;
    if (o->open(rest, &self, &err) != HPO_OK) die("open", &err); /* all of them make the file */
    if (create(o, self, &id, &err) != HPO_OK) die("create", &err);
    for (int i = 0; i < EACH; i++) {
        if (ask(o, self, id, &number, &seq, &err) != HPO_OK) die("ask", &err);
        if (number < 0 || number >= PROCESSES * EACH || s->owner[number] != 0) {
            (void)snprintf(err.msg, sizeof err.msg, "number %lld was handed out twice", (long long)number);
            die("ask", &err);
        }
        s->owner[number] = (unsigned char)(me + 1);
        if (tell(o, self, id, number, 0, &seq, &err) != HPO_OK) die("tell", &err);
        if (s->owner[number] != me + 1) die("owner", &err);
    }
    o->close(self);
    _exit(0);
}

static void check_crowd(const hpo_storage_ops *o, const char *rest, int n)
{
    hpo_error err;
    hpo_study_record r;
    pid_t children[PROCESSES];
    shared *s = make_shared();
    void *self;
    for (int i = 0; i < n; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) take_turns(o, rest, s, i);
    }
    for (int i = 0; i < n; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int i = 0; i < n * EACH; i++)
        assert_int_not_equal(s->owner[i], 0);
    assert_ok(o->open(rest, &self, &err), err);
    assert_ok(o->load_study(self, "s", &r, &err), err);
    assert_int_equal(r.header.next_number, n * EACH);
    assert_int_equal(r.header.n_by_state[HPO_STATE_COMPLETE], n * EACH);
    assert_int_equal(r.header.seq, 3 * n * EACH);
    o->free_study(self, &r);
    assert_sound(o, self);
    o->close(self);
    (void)munmap(s, sizeof *s);
}

/* Only storages of several processes, and of those the ones that the tests know how to make. */
static const char *rest_of(const hpo_storage_ops *o, const char *tag)
{
    static char rest[512];
    if (strcmp(o->scheme, "sqlite") != 0) return NULL;
    (void)snprintf(rest, sizeof rest, "%s", t_temp_path(tag));
    return rest;
}

static void test_kills(void **state)
{
    (void)state;
    for (size_t i = 0; hpo_storage_at(i) != NULL; i++)
        if (rest_of(hpo_storage_at(i), "") != NULL)
            check_kills(hpo_storage_at(i), rest_of(hpo_storage_at(i), "kills.db"));
}

static void test_crowd(void **state)
{
    (void)state;
    for (size_t i = 0; hpo_storage_at(i) != NULL; i++) {
        const hpo_storage_ops *o = hpo_storage_at(i);
        if (rest_of(o, "") == NULL) continue;
        check_crowd(o, rest_of(o, "crowd16.db"), 16);
        check_crowd(o, rest_of(o, "crowd64.db"), PROCESSES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills), cmocka_unit_test(test_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
