/* SPDX-License-Identifier: Apache-2.0 */
/* runner/reclaim.c - taking back at once what a dead worker held, instead of waiting for its lease to end.
 *
 * Every pool holds a file lock named after its worker in <dir>/<study>/.workers/.  The system frees it
 * when the worker dies; the janitor process inherited it, so that it is freed only after the worker's
 * programs were killed as well.  Who can take the lock of a worker knows that it is dead: no process
 * number is ever looked at, so neither reuse of numbers nor containers that share a host name matter.
 * Where the folder is not shared the file is not there, and the lease decides as always. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/pool.h"
#include "runner/trialdir.h"

static void lock_path(const hpo_pool *p, const char *worker, hpo_str *s)
{
    hpo_str_clear(s);
    hpo_str_add(s, p->command.dir);
    hpo_str_addc(s, '/');
    hpo_trialdir_name(s, p->study_name);
    hpo_str_add(s, "/.workers/");
    hpo_trialdir_name(s, worker);
}

hpo_status hpo_pool_lock(hpo_pool *p, hpo_error *err)
{
    hpo_str path = {0};
    hpo_str name = {0};
    hpo_status rc;
    hpo_str_add(&path, p->command.dir);
    hpo_str_addc(&path, '/');
    hpo_trialdir_name(&path, p->study_name);
    hpo_str_add(&path, "/.workers");
    rc = path.failed ? hpo_fail_memory(err) : hpo_os_mkdirs(path.text, err);
    /* The name may be in use by a namesake: a container with the same host name and process number. */
    for (int k = 1; rc == HPO_OK && k < 1000; k++) {
        hpo_str_clear(&name);
        hpo_str_add(&name, p->worker);
        if (k > 1) hpo_str_addf(&name, ".%d", k);
        lock_path(p, name.failed ? "" : name.text, &path);
        if (name.failed || path.failed) {
            rc = hpo_fail_memory(err);
            break;
        }
        rc = hpo_os_lock_open(&p->lock, path.text, err);
        if (rc != HPO_OK) break;
        rc = hpo_os_lock_take(&p->lock, 0, err);
        if (rc == HPO_OK) break;
        hpo_os_lock_close(&p->lock);
        p->lock.fd = -1;
        if (rc == HPO_EBUSY) rc = HPO_OK;
    }
    if (rc == HPO_OK && p->lock.fd >= 0) {
        hpo_free(p->worker);
        p->worker = NULL;
        rc = hpo_str_steal(&name, &p->worker, err);
        if (rc == HPO_OK) rc = hpo_str_steal(&path, &p->lock_path, err);
    }
    hpo_str_fini(&name);
    hpo_str_fini(&path);
    return rc;
}

void hpo_pool_unlock(hpo_pool *p)
{
    if (p->lock.fd >= 0) {
        if (p->lock_path) (void)unlink(p->lock_path);
        hpo_os_lock_release(&p->lock);
        hpo_os_lock_close(&p->lock);
    }
    p->lock.fd = -1;
    hpo_free(p->lock_path);
    p->lock_path = NULL;
}

static int runs_here(const hpo_pool *p, int64_t number)
{
    for (size_t i = 0; i < p->n_jobs; i++)
        if (p->jobs[i]->number == number) return 1;
    return 0;
}

/* Requeues one trial when its worker is dead.  1: done; 0: alive, unknown, or somebody was quicker. */
static int reclaim_one(hpo_pool *p, int64_t number, const char *worker, hpo_str *path)
{
    hpo_os_lock lock = {-1};
    hpo_error ignored;
    int done = 0;
    lock_path(p, worker, path);
    if (path->failed) return 0;
    if (p->lock_path && !strcmp(path->text, p->lock_path)) /* of an earlier process with our name */
        return hpo_study_requeue(p->study, number, &ignored) == HPO_OK;
    if (!hpo_os_exists(path->text) || hpo_os_lock_open(&lock, path->text, &ignored) != HPO_OK) return 0;
    if (hpo_os_lock_take(&lock, 0, &ignored) == HPO_OK) {
        done = hpo_study_requeue(p->study, number, &ignored) == HPO_OK;
        hpo_os_lock_release(&lock);
    }
    hpo_os_lock_close(&lock);
    return done;
}

hpo_status hpo_pool_reclaim(hpo_pool *p, int64_t *n, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_words workers = {0};
    int64_t *numbers = NULL;
    size_t cap = 0;
    hpo_str path = {0};
    *n = 0;
    HPO_TRY(hpo_study_summary(p->study, &sum, err));
    if (!sum.n_by_state[HPO_STATE_RUNNING]) return HPO_OK;
    hpo_status rc = hpo_study_sync(p->study, NULL, err);
    for (int64_t i = 0; i < sum.n_trials && rc == HPO_OK; i++) {
        hpo_trial_info t = {.size = sizeof t};
        rc = hpo_study_trial(p->study, i, &t, err);
        if (rc != HPO_OK || t.state != HPO_STATE_RUNNING || !t.worker || runs_here(p, i)) continue;
        rc = hpo_reserve(&numbers, &cap, workers.n + 1, sizeof *numbers, err);
        if (rc == HPO_OK) rc = hpo_words_add(&workers, t.worker, strlen(t.worker), err);
        if (rc == HPO_OK) numbers[workers.n - 1] = i;
    }
    for (size_t i = 0; i < workers.n && rc == HPO_OK; i++)
        *n += reclaim_one(p, numbers[i], hpo_words_at(&workers, i), &path);
    hpo_str_fini(&path);
    hpo_words_fini(&workers);
    hpo_free(numbers);
    return rc;
}
