/* SPDX-License-Identifier: Apache-2.0 */
/* Same seed and same order of events: the same suggestions, from 1, 2 or 8 threads, on each storage, after
 * closing and opening again, after kill -9, from gcc and from clang.  The constants guard that: they change
 * only when suggestions change, which is a break of what seeds give (CHANGELOG, "behaviour"). */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "probe.h"
#include "study/study.h"

static const char *const SPACE =
    "lr: log 1e-5..1; mom: 0..0.99 if opt == sgd; opt: sgd,adam; layers: int 1..4; "
    "width: int 16..1024 log; order: perm 4; mix: simplex 3";

enum { TRIALS = 60 };

static uint64_t hash_trial(uint64_t h, const hpo_trial *t)
{
    uint64_t seed = hpo_trial_seed(t);
    int64_t number = hpo_trial_number(t);
    h = probe_mix_doubles(h, hpo_trial_x(t), hpo_space_n_columns(hpo_trial_space(t)));
    h = probe_mix(h, &seed, sizeof seed);
    return probe_mix(h, &number, sizeof number);
}

/* Only + and *: the same bits from every compiler. */
static double objective(const hpo_trial *t)
{
    double lr = hpo_trial_float(t, "lr"), layers = (double)hpo_trial_int(t, "layers");
    return (lr - 0.125) * (lr - 0.125) + layers * 0.25;
}

static hpo_study *create(hpo_storage *st, const char *sampler, hpo_error *err)
{
    hpo_space *space;
    hpo_study *s;
    hpo_study_options o = hpo_study_options_init();
    o.seed = 42;
    o.sampler = sampler;
    assert_ok(hpo_space_parse(SPACE, &space, err), *err);
    assert_ok(hpo_space_add_constraint(space, "layers * width <= 2048", err), *err);
    assert_ok(hpo_study_create(st, space, &o, &s, err), *err);
    hpo_space_free(space);
    return s;
}

/* One trial after the other, with a failure now and then and one report each. */
static void step(hpo_study *s, int i, uint64_t *hash)
{
    hpo_error err;
    hpo_trial *t;
    hpo_result r = hpo_result_init();
    assert_ok(hpo_study_ask(s, &t, &err), err);
    *hash = hash_trial(*hash, t);
    double y = objective(t);
    assert_ok(hpo_trial_report(t, 1, y + 1, NULL, &err), err);
    r.state = i % 7 == 6 ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
    r.values = &y;
    r.n_values = 1;
    assert_ok(hpo_study_tell(s, t, &r, &err), err);
    hpo_trial_free(t);
}

static uint64_t sequential(const char *url, const char *sampler, int reopen_every)
{
    hpo_error err;
    hpo_storage *st;
    uint64_t hash = 0;
    assert_ok(hpo_storage_open(url, &st, &err), err);
    hpo_study *s = create(st, sampler, &err);
    for (int i = 0; i < TRIALS; i++) {
        if (reopen_every > 0 && i % reopen_every == reopen_every - 1) {
            hpo_study_free(s);
            if (strcmp(url, "mem:") != 0) {
                hpo_storage_free(st);
                assert_ok(hpo_storage_open(url, &st, &err), err);
            }
            assert_ok(hpo_study_open(st, NULL, &s, &err), err);
        }
        step(s, i, &hash);
    }
    hpo_study_free(s);
    hpo_storage_free(st);
    return hash;
}

/* ---- the constants ---- */

static const struct {
    const char *sampler;
    uint64_t hash;
} GOLDEN[] = {
    {"random", 0x5ae4148bf4aeb5c6},
    {"sobol", 0x94cfdfd2701db928},
    {"probe", 0xa5811e17014c3242},
};
enum { N_GOLDEN = sizeof GOLDEN / sizeof GOLDEN[0] };

static void test_golden_suggestions(void **state)
{
    (void)state;
    for (int i = 0; i < N_GOLDEN; i++) {
        uint64_t got = sequential("mem:", GOLDEN[i].sampler, 0);
        if (got != GOLDEN[i].hash)
            fail_msg("%s: hash 0x%016llx, not 0x%016llx", GOLDEN[i].sampler, (unsigned long long)got,
                     (unsigned long long)GOLDEN[i].hash);
    }
}

static void test_same_on_file_and_after_reopening(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < N_GOLDEN; i++) {
        assert_true(sequential("mem:", GOLDEN[i].sampler, 3) == GOLDEN[i].hash);
        for (int every = 0; every < 4; every += 3) {
            snprintf(name, sizeof name, "%s%d.db", GOLDEN[i].sampler, every);
            assert_true(sequential(t_temp_path(name), GOLDEN[i].sampler, every) == GOLDEN[i].hash);
        }
    }
}

/* ---- threads ---- */

/* n threads take turns in a fixed order: the order of events is that of one thread. */
typedef struct relay {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    hpo_study *s;
    int n, next;
    uint64_t hash;
} relay;

typedef struct runner {
    relay *r;
    int index;
} runner;

static void *run(void *arg)
{
    runner *me = arg;
    relay *r = me->r;
    (void)pthread_mutex_lock(&r->lock);
    while (r->next < TRIALS) {
        if (r->next % r->n == me->index) {
            step(r->s, r->next++, &r->hash);
            (void)pthread_cond_broadcast(&r->turn);
        } else {
            (void)pthread_cond_wait(&r->turn, &r->lock);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void test_same_from_any_number_of_threads(void **state)
{
    (void)state;
    static const int counts[] = {1, 2, 8};
    for (int i = 0; i < N_GOLDEN; i++)
        for (int k = 0; k < 3; k++) {
            hpo_error err;
            hpo_storage *st;
            assert_ok(hpo_storage_open("mem:", &st, &err), err);
            relay r = {.s = create(st, GOLDEN[i].sampler, &err), .n = counts[k]};
            runner who[8];
            pthread_t threads[8];
            (void)pthread_mutex_init(&r.lock, NULL);
            (void)pthread_cond_init(&r.turn, NULL);
            for (int j = 0; j < r.n; j++) {
                who[j] = (runner){&r, j};
                assert_int_equal(pthread_create(&threads[j], NULL, run, &who[j]), 0);
            }
            for (int j = 0; j < r.n; j++)
                (void)pthread_join(threads[j], NULL);
            assert_true(r.hash == GOLDEN[i].hash);
            (void)pthread_mutex_destroy(&r.lock);
            (void)pthread_cond_destroy(&r.turn);
            hpo_study_free(r.s);
            hpo_storage_free(st);
        }
}

/* ---- kill -9 ---- */

/* A child works and is killed at a random moment; whoever comes next goes on with the trial it left (its
 * lease is given back) and in the end every suggestion is what it would have been. */
static void test_same_after_kill(void **state)
{
    (void)state;
    t_rng rng = t_rng_create();
    const char *path = t_temp_path("kill.db");
    hpo_error err;
    hpo_storage *st;
    hpo_study *s;
    assert_ok(hpo_storage_open(path, &st, &err), err);
    s = create(st, "random", &err);
    hpo_study_free(s);
    hpo_storage_free(st);
    int64_t done = 0, patience = 0; /* a slow build gets nowhere in a few milliseconds */
    for (int round = 0; done < TRIALS && round < 400; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            hpo_trial *t;
            if (hpo_storage_open(path, &st, NULL) != HPO_OK || hpo_study_open(st, NULL, &s, NULL) != HPO_OK)
                _exit(1);
            while (hpo_study_ask(s, &t, NULL) == HPO_OK)
                if (hpo_study_tell_value(s, t, objective(t), NULL) != HPO_OK) _exit(1);
            _exit(0);
        }
        hpo_os_sleep_ms(t_int(&rng, 2, 12) + patience);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        assert_ok(hpo_storage_open(path, &st, &err), err);
        assert_ok(hpo_study_open(st, NULL, &s, &err), err);
        hpo_summary q = {.size = sizeof q};
        assert_ok(hpo_study_summary(s, &q, &err), err);
        assert_true(q.n_by_state[HPO_STATE_RUNNING] <= 1);
        for (int64_t i = 0; i < q.n_trials && q.n_by_state[HPO_STATE_RUNNING] > 0; i++) {
            hpo_trial_info info = {.size = sizeof info};
            assert_ok(hpo_study_trial(s, i, &info, &err), err);
            if (info.state == HPO_STATE_RUNNING) assert_ok(hpo_study_requeue(s, i, &err), err);
        }
        patience += q.n_by_state[HPO_STATE_COMPLETE] == done ? 5 : 0;
        done = q.n_by_state[HPO_STATE_COMPLETE];
        hpo_study_free(s);
        hpo_storage_free(st);
    }
    assert_true(done >= TRIALS);
    assert_ok(hpo_storage_open(path, &st, &err), err);
    assert_ok(hpo_study_open(st, NULL, &s, &err), err);
    uint64_t hash = 0;
    for (int64_t i = 0; i < TRIALS; i++) {
        hpo_trial_info info = {.size = sizeof info};
        hpo_trial *t;
        assert_ok(hpo_study_trial(s, i, &info, &err), err);
        assert_int_equal(info.draw, i);
        assert_ok(hpo_study_attach(s, i, info.token, &t, &err), err);
        hash = hash_trial(hash, t);
        hpo_trial_free(t);
    }
    assert_true(hash == GOLDEN[0].hash);
    hpo_study_free(s);
    hpo_storage_free(st);
}

static int setup(void **state)
{
    (void)state;
    probe_register();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_suggestions),
        cmocka_unit_test(test_same_on_file_and_after_reopening),
        cmocka_unit_test(test_same_from_any_number_of_threads),
        cmocka_unit_test(test_same_after_kill),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
