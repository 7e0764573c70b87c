/* SPDX-License-Identifier: Apache-2.0 */
/* runner/quota.c - keeps checkpoints within `--checkpoint-quota`.
 *
 * When they take more, those of trials that have ended are removed, the least useful first: failed,
 * infeasible and stopped ones, then complete ones except the best, the oldest first; until nine tenths of the
 * quota are left.  A paused trial keeps its own, since it may go on, and where the scheduler makes clones a
 * complete one does too.  The folders are measured only when what came since the last look may exceed the
 * quota. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/checkpoint.h"
#include "runner/pool.h"
#include "runner/trialdir.h"

typedef struct kept {
    int64_t number, bytes;
    int order; /* 0: goes first; 2: stays */
} kept;

static void folder_of(const hpo_pool *p, int64_t number, hpo_str *s)
{
    hpo_str_clear(s);
    hpo_trialdir_path(s, p->command.dir, p->study_name, number);
    hpo_str_add(s, "/ckpt");
}

static int order_of(const hpo_pool *p, const hpo_trial_info *t, int64_t best)
{
    switch (t->state) {
    case HPO_STATE_FAILED:
    case HPO_STATE_INFEASIBLE:
    case HPO_STATE_STOPPED:
        return 0;
    case HPO_STATE_COMPLETE:
        return t->number == best || p->clones ? 2 : 1;
    default:
        return 2;
    }
}

static hpo_status measure(hpo_pool *p, kept **list, size_t *n, int64_t *total, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_str path = {0};
    size_t cap = 0;
    HPO_TRY(hpo_study_sync(p->study, NULL, err));
    hpo_status rc = hpo_study_summary(p->study, &sum, err);
    for (int64_t i = 0; rc == HPO_OK && i < sum.n_trials; i++) {
        hpo_trial_info t = {.size = sizeof t};
        rc = hpo_study_trial(p->study, i, &t, err);
        if (rc != HPO_OK) break;
        folder_of(p, i, &path);
        if (path.failed) rc = hpo_fail_memory(err);
        int64_t bytes = path.failed ? 0 : hpo_checkpoint_bytes(path.text);
        if (bytes == 0) continue;
        rc = hpo_reserve(list, &cap, *n + 1, sizeof **list, err);
        if (rc == HPO_OK) (*list)[(*n)++] = (kept){i, bytes, order_of(p, &t, sum.best)};
        *total += bytes;
    }
    hpo_str_fini(&path);
    return rc;
}

static hpo_status remove_some(hpo_pool *p, const kept *list, size_t n, int64_t *total, hpo_error *err)
{
    hpo_str path = {0};
    hpo_status rc = HPO_OK;
    int64_t goal = p->command.checkpoint_quota / 10 * 9;
    for (int order = 0; order < 2; order++)
        for (size_t i = 0; i < n && rc == HPO_OK && *total > goal; i++) {
            if (list[i].order != order) continue;
            folder_of(p, list[i].number, &path);
            rc = path.failed ? hpo_fail_memory(err) : hpo_checkpoint_remove(path.text, err);
            *total -= list[i].bytes;
        }
    hpo_str_fini(&path);
    return rc;
}

void hpo_pool_keep_quota(hpo_pool *p, const hpo_pool_job *j)
{
    kept *list = NULL;
    size_t n = 0;
    int64_t total = 0;
    hpo_error err;
    hpo_str path = {0};
    if (p->command.checkpoint_quota <= 0) return;
    folder_of(p, j->number, &path);
    if (!path.failed) p->checkpoint_bytes += hpo_checkpoint_bytes(path.text);
    hpo_str_fini(&path);
    if (p->checkpoint_bytes <= p->command.checkpoint_quota) return;
    hpo_status rc = measure(p, &list, &n, &total, &err);
    if (rc == HPO_OK && total > p->command.checkpoint_quota) {
        rc = remove_some(p, list, n, &total, &err);
        if (rc == HPO_OK && total > p->command.checkpoint_quota && !p->told_quota) {
            p->told_quota = 1;
            hpo_pool_note(p,
                          "checkpoints take %" PRId64
                          " MiB, more than --checkpoint-quota: the rest belongs to "
                          "trials that may go on, and to the best",
                          total >> 20);
        }
    }
    if (rc != HPO_OK) hpo_pool_note(p, "checkpoints are not cleaned up: %s", err.msg);
    p->checkpoint_bytes = total;
    hpo_free(list);
}
