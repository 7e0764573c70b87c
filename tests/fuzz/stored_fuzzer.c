/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what a damaged or foreign storage may hold.  Lines: the space, the spec, the metadata of a
 * study, then its trials, one a line: state, attempt, flags, hash, then the numbers of x and y, separated by
 * blanks. Opening such a study and using it fails in one line or works; it never crashes. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "hpo/runner.h"
#include "hpo/storage.h"
#include "storage/storage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TRIALS = 16, MAX_COLUMNS = 16 };

static void check(int good)
{
    if (!good) abort();
}

static void check_result(hpo_status rc, const hpo_error *err)
{
    if (rc < 0) check(err->code == rc && err->msg[0] != '\0' && strchr(err->msg, '\n') == NULL);
}

/* The next line of *rest, terminated; "" behind the last. */
static const char *next_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    if (end != NULL) {
        *end = '\0';
        *rest = end + 1;
    } else {
        *rest = line + strlen(line);
    }
    return line;
}

static double next_number(const char **p, double otherwise)
{
    double v = otherwise;
    while (**p == ' ')
        (*p)++;
    *p = hpo_double_parse(*p, &v);
    return v;
}

static int64_t next_int(const char **p, int64_t low, int64_t high)
{
    double v = next_number(p, 0);
    return v >= (double)low && v <= (double)high ? (int64_t)v : high;
}

/* One trial as a storage would hand it out; storages check states and shapes, so those are in range. */
static hpo_status put_trial(hpo_storage *st, int64_t id, hpo_study_header *h, const hpo_row_shape *shape,
                            const char *line, hpo_error *err)
{
    double x[MAX_COLUMNS], y[MAX_COLUMNS];
    hpo_trial_record t = {.number = h->next_number, .draw = h->next_draw, .parent = -1};
    t.state = (int32_t)next_int(&line, 0, HPO_N_STATES - 1);
    t.attempt = (int32_t)next_int(&line, 0, 1000);
    t.flags = (int32_t)next_int(&line, 0, 3);
    t.hash = (uint64_t)next_int(&line, 0, 1000000);
    for (size_t i = 0; i < shape->n_columns; i++)
        x[i] = next_number(&line, (double)NAN);
    for (size_t i = 0; i < shape->n_objectives; i++)
        y[i] = next_number(&line, (double)NAN);
    t.x = x;
    if (t.state >= HPO_STATE_COMPLETE) t.y = y;
    t.seq = ++h->seq;
    t.seq_tell = t.state >= HPO_STATE_COMPLETE ? t.seq : 0;
    h->n_by_state[t.state]++;
    h->next_number++;
    h->next_draw++;
    return st->ops->insert_trial(st->self, id, &t, err);
}

static hpo_status fill(hpo_storage *st, char *text, hpo_error *err)
{
    hpo_study_record r = {.name = "s", .seed = 1, .created_ms = 1};
    hpo_study_header h;
    int64_t id = 0;
    r.space = next_line(&text);
    r.spec = next_line(&text);
    r.metadata = next_line(&text);
    if (*r.metadata == '\0') r.metadata = NULL;
    const char *shape = next_line(&text);
    r.shape.n_columns = (size_t)next_int(&shape, 0, MAX_COLUMNS);
    r.shape.n_objectives = (size_t)next_int(&shape, 0, 3);
    r.shape.n_outcomes = (size_t)next_int(&shape, 0, 3);
    r.header.best_value = (double)NAN;
    r.header.best_number = next_int(&shape, -1, 3);
    HPO_TRY(st->ops->create_study(st->self, &r, &id, err));
    HPO_TRY(st->ops->begin(st->self, id, &h, err));
    for (int i = 0; i < MAX_TRIALS && *text != '\0'; i++)
        check(put_trial(st, id, &h, &r.shape, next_line(&text), err) == HPO_OK);
    return st->ops->commit(st->self, id, &h, err);
}

static void ask_and_tell(hpo_study *s, hpo_error *err)
{
    hpo_trial *t = NULL;
    double y[4] = {1, 2, 3, 4};
    hpo_summary sum = {.size = sizeof sum};
    hpo_result r = hpo_result_init();
    hpo_status rc = hpo_study_ask(s, &t, err);
    check_result(rc, err);
    if (rc != HPO_OK) return;
    check(hpo_study_summary(s, &sum, err) == HPO_OK);
    r.values = y;
    r.n_values = sum.n_objectives;
    rc = hpo_study_tell(s, t, &r, err);
    check_result(rc, err);
    hpo_trial_free(t);
}

static void use(hpo_study *s, hpo_error *err)
{
    hpo_summary sum = {.size = sizeof sum};
    hpo_trial_info info = {.size = sizeof info};
    int64_t best[4];
    size_t n = 0;
    char *text = NULL;
    check_result(hpo_study_summary(s, &sum, err), err);
    check_result(hpo_study_sync(s, NULL, err), err);
    for (int64_t i = 0; i < 4; i++)
        check_result(hpo_study_trial(s, i, &info, err), err);
    check_result(hpo_study_best(s, best, 4, &n, err), err);
    if (hpo_study_has_command(s)) {
        hpo_status rc = hpo_study_trial_command(s, 0, &text, err);
        check_result(rc, err);
        hpo_free(text);
    }
    ask_and_tell(s, err);
    check_result(hpo_study_requeue(s, 0, err), err);
    ask_and_tell(s, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_storage *st = NULL;
    hpo_study *s = NULL;
    hpo_error err = {HPO_OK, ""};
    if (size > 4096) return 0;
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    check(hpo_storage_open("mem:", &st, &err) == HPO_OK);
    if (fill(st, text, &err) == HPO_OK) {
        hpo_status rc = hpo_study_open(st, "s", &s, &err);
        check_result(rc, &err);
        if (rc == HPO_OK) use(s, &err);
        hpo_study_free(s);
    }
    hpo_storage_free(st);
    free(text);
    return 0;
}
