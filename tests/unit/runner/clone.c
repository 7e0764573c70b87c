/* SPDX-License-Identifier: Apache-2.0 */
/* Clones with real programs: a new trial goes on from a copy of another's checkpoint, with other parameters;
 * and what runner/checkpoint promises. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "hpo/runner.h"
#include "hpo/scheduler.h"
#include "runner/checkpoint.h"
#include "t.h"

/* ---- copies ---- */

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[1400];
    hpo_error err;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(hpo_os_write_file(path, text, strlen(text), &err), err);
}

static int holds(const char *dir, const char *name, const char *want)
{
    char path[1400], text[200] = "";
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) return want == NULL;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    return want != NULL && strcmp(text, want) == 0;
}

static void test_copies(void **state)
{
    (void)state;
    hpo_error err;
    char from[600], to[600], half[600], inner[700];
    (void)snprintf(from, sizeof from, "%s/from", t_temp_dir());
    (void)snprintf(to, sizeof to, "%s/to", t_temp_dir());
    (void)snprintf(half, sizeof half, "%s/to.tmp", t_temp_dir());
    (void)snprintf(inner, sizeof inner, "%s/deep/er", from);
    assert_ok(hpo_os_mkdirs(inner, &err), err);
    write_text(from, "model", "weights");
    write_text(inner, "state", "momentum");
    (void)snprintf(inner, sizeof inner, "%s/link", from);
    assert_int_equal(symlink("model", inner), 0);
    assert_int_equal(hpo_checkpoint_bytes(from), 15);
    /* what a killed copy left behind, and an older checkpoint, are replaced */
    assert_ok(hpo_os_mkdirs(half, &err), err);
    write_text(half, "rubbish", "x");
    assert_ok(hpo_os_mkdirs(to, &err), err);
    write_text(to, "old", "x");
    assert_ok(hpo_checkpoint_copy(from, to, &err), err);
    assert_true(holds(to, "model", "weights") && holds(to, "deep/er/state", "momentum") &&
                holds(to, "old", NULL));
    assert_true(holds(to, "rubbish", NULL) && holds(to, "link", "weights"));
    assert_false(hpo_os_exists(half));
    /* the copy is one: writing in place changes one of them only */
    (void)snprintf(inner, sizeof inner, "%s/model", from);
    int fd = open(inner, O_WRONLY);
    assert_true(fd >= 0 && write(fd, "W", 1) == 1);
    (void)close(fd);
    assert_true(holds(from, "model", "Weights") && holds(to, "model", "weights"));
    assert_fails(hpo_checkpoint_copy("/nowhere/at/all", to, &err), HPO_ENOTFOUND, err, "/nowhere");
    assert_true(holds(to, "model", "weights")); /* a failed copy takes nothing away */
    assert_ok(hpo_checkpoint_remove(from, &err), err);
    assert_ok(hpo_checkpoint_remove(from, &err), err);
    assert_int_equal(hpo_checkpoint_bytes(from), 0);
}

/* ---- a population of two that exploits once ---- */

/* Trial 0 runs to 2 and pauses; then it goes on to 4, and a clone of it with x + 0.25 runs to 4 beside it. */
typedef struct pair {
    double x; /* of trial 0 */
    int paused, resumed, cloned;
} pair;

static hpo_status pair_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    pair *p = state;
    (void)err;
    assert_non_null(e->u);
    if (e->kind == HPO_ACT_NEW) p->x = e->u[0];
    p->resumed |= e->kind == HPO_ACT_RESUME;
    p->cloned |= e->kind == HPO_ACT_CLONE;
    assert_int_equal(e->parent, e->kind == HPO_ACT_CLONE ? 0 : -1);
    return HPO_OK;
}

static hpo_status pair_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out, hpo_error *err)
{
    (void)state, (void)err;
    if (r->trial == 0 && r->step == 2) out->decision = HPO_PAUSE;
    return HPO_OK;
}

static hpo_status pair_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    (void)y, (void)err;
    if (trial == 0 && end == HPO_STATE_PAUSED) ((pair *)state)->paused = 1;
    return HPO_OK;
}

static hpo_status pair_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const pair *p = state;
    (void)err;
    if (ask->number == 0) {
        out->resource = 2;
    } else if (!p->paused || (p->cloned && p->resumed)) {
        out->kind = HPO_ACT_WAIT;
    } else if (!p->resumed) {
        out->kind = HPO_ACT_RESUME;
        out->trial = 0;
    } else {
        out->kind = HPO_ACT_CLONE;
        out->trial = 0;
        out->u[0] = p->x < 0.5 ? p->x + 0.25 : p->x - 0.25;
        out->changed = 1;
        (void)snprintf(out->reason, sizeof out->reason, "exploits trial 0");
    }
    return HPO_OK;
}

static const hpo_scheduler_ops PAIR = {.size = sizeof PAIR,
                                       .name = "t-pair",
                                       .help = "clones once",
                                       .reference = "none",
                                       .caps = HPO_SCHED_NEEDS_FIDELITY | HPO_SCHED_PAUSES |
                                               HPO_SCHED_CLONES | HPO_SCHED_POINTS,
                                       .state_size = sizeof(pair),
                                       .start = pair_start,
                                       .report = pair_report,
                                       .tell = pair_tell,
                                       .next = pair_next};

/* Each epoch adds its trial and epoch to the checkpoint. */
static const char program[] =
    "e=0; f=$HPO_CKPT_DIR/path; if [ \"$HPO_RESUME\" = 1 ]; then e=$(wc -l <$f); fi;"
    "while [ $e -lt $HPO_STEP_MAX ]; do e=$((e+1)); echo $HPO_TRIAL >>$f;"
    "echo \"{\\\"step\\\":$e,\\\"loss\\\":$1}\"; done";

static void test_clone_of_a_process(void **state)
{
    (void)state;
    static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    hpo_error err;
    hpo_storage *st;
    hpo_plan *plan;
    hpo_study *s;
    hpo_pool *pool;
    hpo_pool_options o = hpo_pool_options_init();
    hpo_trial_info t = {.size = sizeof t};
    char *dir;
    char script[1000];
    int32_t existed;
    (void)snprintf(script, sizeof script, "%s/program.sh", t_temp_dir());
    write_text(t_temp_dir(), "program.sh", program);
    const char *const command[] = {"/bin/sh", script, "{x:0..1}", "{epochs:fidelity 1..4}"};
    assert_ok(hpo_storage_open("mem:", &st, &err), err);
    assert_ok(hpo_plan_create(&plan, &err), err);
    assert_ok(hpo_plan_set(plan, "minimize", "loss", &err), err);
    assert_ok(hpo_plan_set(plan, "scheduler", "t-pair", &err), err);
    assert_ok(hpo_plan_set(plan, "sampler", "random", &err), err);
    assert_ok(hpo_plan_set(plan, "seed", "1", &err), err);
    assert_ok(hpo_plan_set(plan, "budget", "2trials", &err), err);
    assert_ok(hpo_plan_command(plan, command, 4, &err), err);
    assert_ok(hpo_plan_open(plan, st, "/", t_temp_dir(), &s, &existed, &err), err);
    o.envp = env;
    o.workers = 2;
    assert_ok(hpo_pool_create(s, &o, &pool, &err), err);
    assert_status(hpo_pool_run(pool, &err), HPO_DONE);
    hpo_pool_free(pool);

    assert_ok(hpo_study_trial(s, 0, &t, &err), err);
    assert_int_equal(t.state, HPO_STATE_COMPLETE);
    assert_int_equal(t.attempt, 2);
    double x = t.x[0];
    assert_ok(hpo_study_trial(s, 1, &t, &err), err);
    assert_int_equal(t.state, HPO_STATE_COMPLETE);
    assert_int_equal(t.parent, 0);
    assert_true(fabs(fabs(t.x[0] - x) - 0.25) < 1e-12);
    assert_int_equal(t.n_reports, 2); /* epochs 3 and 4: the first two are its parent's */
    hpo_decision_info d = {.size = sizeof d};
    assert_ok(hpo_study_trial_decision(s, 1, 0, &d, &err), err);
    assert_string_equal(d.what, "clone");
    assert_string_equal(d.reason, "exploits trial 0");
    assert_ok(hpo_study_trial_dir(s, 1, &dir, &err), err);
    assert_true(holds(dir, "ckpt/path", "0\n0\n1\n1\n"));
    hpo_free(dir);
    assert_ok(hpo_study_trial_dir(s, 0, &dir, &err), err);
    assert_true(holds(dir, "ckpt/path", "0\n0\n0\n0\n"));
    assert_true(holds(dir, "ckpt.1/path", "0\n0\n")); /* as it was when it was paused */
    hpo_free(dir);
    hpo_study_free(s);
    hpo_plan_free(plan);
    hpo_storage_free(st);
}

int main(void)
{
    hpo_error err;
    if (hpo_scheduler_register(&PAIR, &err) != HPO_OK) return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_clone_of_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
