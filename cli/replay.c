/* SPDX-License-Identifier: Apache-2.0 */
/* cli/replay.c - a schedule that was found is trained again: in a study of its own, piece k is trial k, and
 * each trial begins with a copy of the checkpoint of the one before it.
 *
 * What has been done is what that study holds, so that a replay which was killed goes on with the same
 * command. */
#include "replay.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "record.h"
#include "schedule.h"

enum { POLL_MS = 300 };

/* "digits:12" is trial 12 of study digits, unless a study has that name. */
static int open_source(cli *c, const char *what, hpo_study **out, int64_t *number)
{
    const char *colon = strrchr(what, ':');
    hpo_str name = {0};
    hpo_status st;
    *number = -1;
    st = hpo_study_open(c->storage, what, out, &c->err);
    if (st != HPO_ENOTFOUND || !colon) return st == HPO_OK ? CLI_OK : cli_fail(c);
    int rc = cli_trial_number(c, colon + 1, number);
    if (rc != CLI_OK) return rc;
    hpo_str_addn(&name, what, (size_t)(colon - what));
    st = name.failed ? hpo_fail_memory(&c->err) : hpo_study_open(c->storage, name.text, out, &c->err);
    hpo_str_fini(&name);
    return st == HPO_OK ? CLI_OK : cli_fail(c);
}

/* The same problem and command; only the queue is worked on, so its sampler is never asked. */
static int open_replay(cli *c, hpo_study *source, const cli_pieces *s)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_study_options o = hpo_study_options_init();
    hpo_str name = {0};
    if (hpo_study_summary(source, &sum, &c->err) != HPO_OK) return cli_fail(c);
    hpo_str_addf(&name, "%s-replay-%" PRId64, sum.name, s->pieces[s->n - 1].trial);
    o.name = cli_get(c, "name", name.text);
    o.seed = sum.seed;
    o.objectives = sum.objectives;
    o.n_objectives = sum.n_objectives;
    o.outcomes = sum.outcomes;
    o.n_outcomes = sum.n_outcomes;
    o.sampler = "random";
    o.scheduler = "none";
    o.budget.trials = (int64_t)s->n;
    o.noisy = 1; /* pieces may have the same parameters */
    o.max_retries = sum.max_retries;
    o.lease = sum.lease;
    o.metadata = sum.metadata;
    o.reuse = 1;
    hpo_status st = name.failed
                        ? hpo_fail_memory(&c->err)
                        : hpo_study_create(c->storage, hpo_study_space(source), &o, &c->study, &c->err);
    hpo_str_fini(&name);
    return st == HPO_OK ? CLI_OK : cli_fail(c);
}

/* Trial k, which must be the next one, goes on from trial k - 1. */
static int enqueue(cli *c, const cli_pieces *s, size_t k)
{
    char *params = NULL;
    int64_t number = -1;
    hpo_status st = hpo_space_config_to_json(hpo_study_space(c->study), s->pieces[k].x, &params, &c->err);
    if (st == HPO_OK)
        st = k == 0 ? hpo_study_enqueue(c->study, params, &number, &c->err)
                    : hpo_study_enqueue_clone(c->study, (int64_t)k - 1, params, &number, &c->err);
    hpo_free(params);
    if (st != HPO_OK) return cli_fail(c);
    if (number == (int64_t)k) return CLI_OK;
    return cli_error("another process replays in this study as well: let it go on alone");
}

static int is_over(hpo_state state)
{
    return state != HPO_STATE_RUNNING && state != HPO_STATE_WAITING;
}

/* Until trial k has ended, by this process or by one that holds it. */
static int train(cli *c, size_t k, const cli_work *w)
{
    hpo_trial_info t = {.size = sizeof t};
    for (;;) {
        if (hpo_study_trial(c->study, (int64_t)k, &t, &c->err) != HPO_OK) return cli_fail(c);
        if (is_over(t.state)) break;
        int rc = cli_work_queue(c, c->study, w);
        if (rc == CLI_OK) rc = cli_work_interrupted();
        if (rc != CLI_OK) return rc;
        if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK ||
            hpo_study_trial(c->study, (int64_t)k, &t, &c->err) != HPO_OK)
            return cli_fail(c);
        if (is_over(t.state)) break;
        hpo_os_sleep_ms(POLL_MS);
    }
    if (t.state == HPO_STATE_COMPLETE) return CLI_OK;
    return cli_error(
        "piece %zu (trial %zu) is %s%s%s: `hpo logs %zu` shows what it printed; `hpo retry %zu` and the same "
        "command go on",
        k + 1, k, hpo_state_name(t.state), t.reason ? ": " : "", t.reason ? t.reason : "", k, k);
}

static int print_end(cli *c, const cli_pieces *s)
{
    hpo_summary sum;
    hpo_str o = {0};
    cli_shape shape;
    hpo_trial_info t = {.size = sizeof t};
    int rc = cli_summary(c, &sum);
    if (rc != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    if (hpo_study_trial(c->study, (int64_t)s->n - 1, &t, &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json")) {
        if (cli_trial_json(&o, &shape, &t, 0, &c->err) != HPO_OK) rc = cli_fail(c);
    } else {
        hpo_str_addf(&o, "replayed in study %s: %zu piece%s, ", sum.name, s->n, hpo_plural((int64_t)s->n));
        for (size_t i = 0; i < sum.n_objectives && t.values; i++) {
            hpo_str_addf(&o, "%s%s = ", i ? ", " : "", sum.objectives[i].name);
            hpo_str_double(&o, t.values[i]);
        }
        hpo_str_addf(&o, " (trial %" PRId64 ")", t.number);
    }
    if (rc == CLI_OK && o.failed) rc = cli_fail_memory();
    if (rc == CLI_OK) puts(o.text);
    hpo_str_fini(&o);
    return rc;
}

int cli_replay(cli *c, const char *what)
{
    cli_work w = {.workers = 1};
    cli_pieces s = {0};
    hpo_study *source = NULL;
    int64_t number = -1;
    hpo_summary sum;
    int rc = cli_expect_args(c, 0, 0);
    if (rc == CLI_OK) rc = cli_work_check(c, &w);
    if (rc == CLI_OK) rc = cli_open_storage(c, 0);
    if (rc == CLI_OK) rc = open_source(c, what, &source, &number);
    if (rc == CLI_OK && !hpo_study_has_command(source))
        rc = cli_error("study %s has no command to run: it was tuned by ask and tell", what);
    if (rc == CLI_OK) rc = cli_pieces_of(c, source, number, &s);
    if (rc == CLI_OK) rc = open_replay(c, source, &s);
    if (rc == CLI_OK) rc = cli_summary(c, &sum);
    for (size_t k = 0; k < s.n && rc == CLI_OK; k++) {
        if ((int64_t)k >= sum.n_trials) rc = enqueue(c, &s, k);
        if (rc == CLI_OK) rc = train(c, k, &w);
    }
    if (rc == CLI_OK) rc = print_end(c, &s);
    cli_pieces_free(&s);
    hpo_study_free(source);
    return rc;
}
