/* SPDX-License-Identifier: Apache-2.0 */
/* cli/optuna_journal.c - Optuna's journal: one operation a line, replayed from the beginning.
 *
 * Studies are numbered from 0 in the order in which they were made, trials over all studies.  An operation
 * that was not allowed when it came (on a trial that has ended, on a deleted study, a second study of a name)
 * changes nothing, as in Optuna.  A last line that is not whole yet is left out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"

typedef enum op {
    CREATE_STUDY,
    DELETE_STUDY,
    STUDY_USER,
    STUDY_SYSTEM,
    CREATE_TRIAL,
    SET_PARAM,
    SET_STATE,
    SET_REPORT,
    TRIAL_USER,
    TRIAL_SYSTEM,
    DISCARD_TRIALS
} op;

/* ---- reading ----------------------------------------------------------------------------------------------
 */

typedef struct journal_study {
    optuna_study s;
    int64_t id;
    int deleted;
} journal_study;

typedef struct place {
    size_t study, number;
} place;

typedef struct journal {
    const char *path;
    journal_study *studies;
    size_t n_studies, cap_studies;
    place *trials; /* by trial id */
    size_t n_trials, cap_trials;
} journal;

static optuna_study *study_of(journal *j, struct json_object *o, int64_t *at, hpo_error *err)
{
    *at = -1;
    if (hpo_json_get_int(o, "operation", "study_id", at, err) != HPO_OK || *at < 0 ||
        (size_t)*at >= j->n_studies)
        return NULL;
    return j->studies[*at].deleted ? NULL : &j->studies[*at].s;
}

static optuna_trial *trial_of(journal *j, struct json_object *o, optuna_study **s, hpo_error *err)
{
    int64_t id = -1;
    if (hpo_json_get_int(o, "operation", "trial_id", &id, err) != HPO_OK || id < 0 ||
        (size_t)id >= j->n_trials)
        return NULL;
    *s = &j->studies[j->trials[id].study].s;
    return &(*s)->trials[j->trials[id].number];
}

static hpo_status create_study(journal *j, struct json_object *o, hpo_error *err)
{
    const char *name = "";
    struct json_object *ways = NULL;
    HPO_TRY(hpo_json_get_string(o, "operation", "study_name", &name, err));
    HPO_TRY(hpo_json_get_array(o, "operation", "directions", &ways, err));
    for (size_t i = 0; i < j->n_studies; i++)
        if (!j->studies[i].deleted && strcmp(j->studies[i].s.name, name) == 0) return HPO_OK;
    size_t n = ways != NULL ? json_object_array_length(ways) : 0;
    if (n == 0 || n > CLI_MAX_OBJECTIVES)
        return hpo_fail(err, HPO_EUNSUPPORTED, "study '%s' has %zu objectives: 1 to %d are read", name, n,
                        CLI_MAX_OBJECTIVES);
    HPO_TRY(hpo_reserve(&j->studies, &j->cap_studies, j->n_studies + 1, sizeof *j->studies, err));
    journal_study *made = &j->studies[j->n_studies++];
    *made = (journal_study){0};
    made->s.name = optuna_keep(&made->s, name);
    made->s.maximise = hpo_arena_alloc(&made->s.arena, n, sizeof *made->s.maximise);
    if (made->s.name == NULL || made->s.maximise == NULL) return hpo_fail_memory(err);
    made->s.n_objectives = n;
    for (size_t i = 0; i < n; i++)
        made->s.maximise[i] = json_object_get_int(json_object_array_get_idx(ways, i)) == 2;
    return HPO_OK;
}

static void set_attrs(optuna_study *s, optuna_attr **list, struct json_object *o)
{
    if (!json_object_is_type(o, json_type_object)) return;
    json_object_object_foreach(o, key, value)
        optuna_set_attr(s, list, key, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

static const char *moment(optuna_study *s, struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    char buf[40];
    if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string)) return NULL;
    (void)snprintf(buf, sizeof buf, "%s", json_object_get_string(v));
    char *t = strchr(buf, 'T');
    if (t != NULL) *t = ' ';
    return optuna_keep(s, buf);
}

static void set_values(optuna_study *s, optuna_trial *t, struct json_object *o)
{
    struct json_object *v = NULL;
    if (json_object_object_get_ex(o, "values", &v) && json_object_is_type(v, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(v); i++)
            optuna_set_value(s, t, i, json_object_get_double(json_object_array_get_idx(v, i)));
    } else if (json_object_object_get_ex(o, "value", &v) && v != NULL) {
        optuna_set_value(s, t, 0, json_object_get_double(v));
    }
}

static hpo_status set_state(journal *j, optuna_trial *t, struct json_object *o, const char *key,
                            hpo_error *err)
{
    int64_t state = t->state;
    HPO_TRY(hpo_json_get_int(o, "operation", key, &state, err));
    if (state < 0 || state >= OPTUNA_N_STATES)
        return hpo_fail(err, HPO_ECORRUPT, "'%s': state %lld is unknown", j->path, (long long)state);
    t->state = (optuna_state)state;
    return HPO_OK;
}

static hpo_status create_trial(journal *j, struct json_object *o, hpo_error *err)
{
    int64_t at;
    struct json_object *params = NULL, *kinds = NULL, *more = NULL, *kind = NULL;
    optuna_study *s = study_of(j, o, &at, err);
    if (s == NULL) return HPO_OK;
    HPO_TRY(hpo_reserve(&j->trials, &j->cap_trials, j->n_trials + 1, sizeof *j->trials, err));
    optuna_trial *t = optuna_add_trial(s);
    if (t == NULL) return hpo_fail_memory(err);
    j->trials[j->n_trials++] = (place){(size_t)at, s->n_trials - 1};
    HPO_TRY(set_state(j, t, o, "state", err));
    t->start = moment(s, o, "datetime_start");
    t->complete = moment(s, o, "datetime_complete");
    set_values(s, t, o);
    HPO_TRY(hpo_json_get_object(o, "operation", "params", &params, err));
    HPO_TRY(hpo_json_get_object(o, "operation", "distributions", &kinds, err));
    if (params != NULL && kinds != NULL) {
        json_object_object_foreach(params, name, value)
        {
            if (json_object_object_get_ex(kinds, name, &kind))
                optuna_set_param(s, t, name, json_object_get_double(value), json_object_get_string(kind));
        }
    }
    if (json_object_object_get_ex(o, "user_attrs", &more)) set_attrs(s, &t->user, more);
    if (json_object_object_get_ex(o, "system_attrs", &more)) set_attrs(s, &t->system, more);
    if (json_object_object_get_ex(o, "intermediate_values", &more) &&
        json_object_is_type(more, json_type_object)) {
        json_object_object_foreach(more, step, value)
        {
            int64_t number;
            if (hpo_parse_int(step, &number)) optuna_set_report(s, t, number, json_object_get_double(value));
        }
    }
    return HPO_OK;
}

static hpo_status change_trial(journal *j, op what, struct json_object *o, hpo_error *err)
{
    optuna_study *s = NULL;
    optuna_trial *t = trial_of(j, o, &s, err);
    struct json_object *v = NULL;
    const char *name = NULL, *kind = NULL;
    int64_t step = 0;
    double value = (double)NAN;
    if (t == NULL || optuna_is_over(t->state)) return HPO_OK;
    switch (what) {
    case SET_PARAM:
        HPO_TRY(hpo_json_get_string(o, "operation", "param_name", &name, err));
        HPO_TRY(hpo_json_get_string(o, "operation", "distribution", &kind, err));
        HPO_TRY(hpo_json_get_double(o, "operation", "param_value_internal", &value, err));
        if (name != NULL && kind != NULL) optuna_set_param(s, t, name, value, kind);
        break;
    case SET_STATE: {
        optuna_state before = t->state;
        HPO_TRY(set_state(j, t, o, "state", err));
        if (before == OPTUNA_RUNNING && t->state == OPTUNA_RUNNING) break;
        if (t->state == OPTUNA_RUNNING) t->start = moment(s, o, "datetime_start");
        if (optuna_is_over(t->state)) t->complete = moment(s, o, "datetime_complete");
        set_values(s, t, o);
        break;
    }
    case SET_REPORT:
        HPO_TRY(hpo_json_get_int(o, "operation", "step", &step, err));
        if (json_object_object_get_ex(o, "intermediate_value", &v) && v != NULL)
            value = json_object_get_double(v);
        optuna_set_report(s, t, step, value);
        break;
    default:
        if (json_object_object_get_ex(o, what == TRIAL_USER ? "user_attr" : "system_attr", &v))
            set_attrs(s, what == TRIAL_USER ? &t->user : &t->system, v);
        break;
    }
    return HPO_OK;
}

static void discard(journal *j, struct json_object *o)
{
    struct json_object *list = NULL;
    if (!json_object_object_get_ex(o, "trial_ids", &list) || !json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(list, i));
        if (id >= 0 && (size_t)id < j->n_trials)
            j->studies[j->trials[id].study].s.trials[j->trials[id].number].gone = 1;
    }
}

static hpo_status replay(journal *j, struct json_object *o, hpo_error *err)
{
    int64_t code = -1, at;
    struct json_object *v = NULL;
    optuna_study *s;
    HPO_TRY(hpo_json_get_int(o, "operation", "op_code", &code, err));
    switch (code) {
    case CREATE_STUDY:
        return create_study(j, o, err);
    case DELETE_STUDY:
        if (study_of(j, o, &at, err) != NULL) j->studies[at].deleted = 1;
        return HPO_OK;
    case STUDY_USER:
    case STUDY_SYSTEM:
        s = study_of(j, o, &at, err);
        if (s != NULL && json_object_object_get_ex(o, code == STUDY_USER ? "user_attr" : "system_attr", &v))
            set_attrs(s, code == STUDY_USER ? &s->user : &s->system, v);
        return HPO_OK;
    case CREATE_TRIAL:
        return create_trial(j, o, err);
    case SET_PARAM:
    case SET_STATE:
    case SET_REPORT:
    case TRIAL_USER:
    case TRIAL_SYSTEM:
        return change_trial(j, (op)code, o, err);
    case DISCARD_TRIALS:
        discard(j, o);
        return HPO_OK;
    default:
        return hpo_fail(err, HPO_EUNSUPPORTED, "'%s': operation %lld is unknown", j->path, (long long)code);
    }
}

/* The next line, without its end; 0: there is none; -1: no memory. */
static int next_line(FILE *f, hpo_str *line)
{
    int c;
    hpo_str_clear(line);
    while ((c = getc(f)) != EOF && c != '\n')
        hpo_str_addc(line, (char)c);
    if (line->failed) return -1;
    return c != EOF || line->len > 0;
}

static hpo_status replay_all(journal *j, FILE *f, hpo_error *err)
{
    hpo_str line = {0};
    hpo_status status = HPO_OK;
    int more;
    size_t n = 0;
    while (status == HPO_OK && (more = next_line(f, &line)) != 0) {
        struct json_object *o = NULL;
        n++;
        if (more < 0) {
            status = hpo_fail_memory(err);
        } else if (line.len > 0) {
            char what[64];
            (void)snprintf(what, sizeof what, "line %zu of the journal", n);
            status = hpo_json_parse(line.text, line.len, what, &o, err);
            if (status == HPO_EINVAL && feof(f)) { /* being written */
                status = HPO_OK;
                break;
            }
            if (status == HPO_OK) status = replay(j, o, err);
            json_object_put(o);
        }
    }
    hpo_str_fini(&line);
    return status;
}

static hpo_status choose(journal *j, const char *wanted, optuna_study *out, hpo_error *err)
{
    hpo_str names = {0};
    size_t found = j->n_studies, n = 0;
    for (size_t i = 0; i < j->n_studies; i++) {
        if (j->studies[i].deleted) continue;
        n++;
        hpo_str_addf(&names, "%s%s", names.len > 0 ? ", " : "", j->studies[i].s.name);
        if (wanted == NULL || strcmp(j->studies[i].s.name, wanted) == 0) found = i;
    }
    hpo_status status = HPO_OK;
    if (names.failed)
        status = hpo_fail_memory(err);
    else if (found == j->n_studies)
        status = hpo_fail(err, HPO_ENOTFOUND, "'%s' has no study '%s'; it has: %s", j->path,
                          wanted != NULL ? wanted : "", n > 0 ? names.text : "(none)");
    else if (wanted == NULL && n > 1)
        status = hpo_fail(err, HPO_EINVAL, "'%s' holds %zu studies: choose one with --from: %s", j->path, n,
                          names.text);
    else if (j->studies[found].s.failed)
        status = hpo_fail_memory(err);
    if (status == HPO_OK) {
        *out = j->studies[found].s;
        j->studies[found].s = (optuna_study){0};
    }
    hpo_str_fini(&names);
    return status;
}

hpo_status optuna_journal_read(const char *path, const char *name, optuna_study *out, hpo_error *err)
{
    journal j = {.path = path};
    *out = (optuna_study){0};
    FILE *f = fopen(path, "rb");
    if (f == NULL) return hpo_fail(err, HPO_EIO, "cannot read '%s'", path);
    hpo_status status = replay_all(&j, f, err);
    (void)fclose(f);
    if (status == HPO_OK) status = choose(&j, name, out, err);
    for (size_t i = 0; i < j.n_studies; i++)
        optuna_study_fini(&j.studies[i].s);
    hpo_free(j.studies);
    hpo_free(j.trials);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------
 */

#define WORKER ", \"worker_id\": \"hpo-export\""

static void write_attrs(hpo_str *s, const char *key, const optuna_attr *list)
{
    hpo_str_addf(s, ", \"%s\": {", key);
    for (const optuna_attr *a = list; a != NULL; a = a->next) {
        if (a != list) hpo_str_add(s, ", ");
        hpo_str_json(s, a->key);
        hpo_str_add(s, ": ");
        hpo_str_add(s, a->json);
    }
    hpo_str_addc(s, '}');
}

static void write_moment(hpo_str *s, const char *key, const char *text)
{
    hpo_str_addf(s, ", \"%s\": ", key);
    if (text == NULL) {
        hpo_str_add(s, "null");
        return;
    }
    hpo_str_addf(s, "\"%.10sT%s\"", text, text + 11);
}

static void write_params(hpo_str *s, const optuna_trial *t)
{
    hpo_str_add(s, ", \"distributions\": {");
    for (const optuna_param *p = t->params; p != NULL; p = p->next) {
        if (p != t->params) hpo_str_add(s, ", ");
        hpo_str_json(s, p->name);
        hpo_str_add(s, ": ");
        hpo_str_json(s, p->distribution);
    }
    hpo_str_add(s, "}, \"params\": {");
    for (const optuna_param *p = t->params; p != NULL; p = p->next) {
        if (p != t->params) hpo_str_add(s, ", ");
        hpo_str_json(s, p->name);
        hpo_str_add(s, ": ");
        optuna_number(s, p->internal);
    }
    hpo_str_addc(s, '}');
}

static void write_values(hpo_str *s, const optuna_study *study, const optuna_trial *t)
{
    int one = study->n_objectives == 1;
    hpo_str_add(s, ", \"value\": ");
    if (one && t->values != NULL)
        optuna_number(s, t->values[0]);
    else
        hpo_str_add(s, "null");
    hpo_str_add(s, ", \"values\": ");
    if (one || t->values == NULL) {
        hpo_str_add(s, "null");
        return;
    }
    for (size_t i = 0; i < study->n_objectives; i++) {
        hpo_str_add(s, i > 0 ? ", " : "[");
        optuna_number(s, t->values[i]);
    }
    hpo_str_addc(s, ']');
}

static void write_trial(hpo_str *s, const optuna_study *study, const optuna_trial *t)
{
    hpo_str_addf(s, "{\"op_code\": %d" WORKER ", \"study_id\": 0, \"state\": %d", CREATE_TRIAL,
                 (int)t->state);
    write_moment(s, "datetime_start", t->start);
    if (t->complete != NULL) write_moment(s, "datetime_complete", t->complete);
    write_values(s, study, t);
    write_params(s, t);
    write_attrs(s, "user_attrs", t->user);
    write_attrs(s, "system_attrs", t->system);
    hpo_str_add(s, ", \"intermediate_values\": {");
    for (const optuna_report *r = t->reports; r != NULL; r = r->next) {
        hpo_str_addf(s, "%s\"%lld\": ", r != t->reports ? ", " : "", (long long)r->step);
        optuna_number(s, r->value);
    }
    hpo_str_add(s, "}}\n");
}

static void write_head(hpo_str *s, const optuna_study *study)
{
    hpo_str_addf(s, "{\"op_code\": %d" WORKER ", \"study_name\": ", CREATE_STUDY);
    hpo_str_json(s, study->name);
    hpo_str_add(s, ", \"directions\": [");
    for (size_t i = 0; i < study->n_objectives; i++)
        hpo_str_addf(s, "%s%d", i > 0 ? ", " : "", study->maximise[i] ? 2 : 1);
    hpo_str_add(s, "]}\n");
    for (int user = 0; user < 2; user++)
        for (const optuna_attr *a = user ? study->user : study->system; a != NULL; a = a->next) {
            hpo_str_addf(s, "{\"op_code\": %d" WORKER ", \"study_id\": 0, \"%s\": {",
                         user ? STUDY_USER : STUDY_SYSTEM, user ? "user_attr" : "system_attr");
            hpo_str_json(s, a->key);
            hpo_str_addf(s, ": %s}}\n", a->json);
        }
}

hpo_status optuna_journal_write(const char *path, const optuna_study *study, hpo_error *err)
{
    hpo_str s = {0};
    int good = 1;
    FILE *f = fopen(path, "wbx");
    if (f == NULL)
        return hpo_fail(err, optuna_sniff(path) != OPTUNA_NONE ? HPO_EEXIST : HPO_EIO,
                        "cannot make the journal '%s': name a file that does not exist yet", path);
    write_head(&s, study);
    for (size_t i = 0; i < study->n_trials && good && !s.failed; i++) {
        write_trial(&s, study, &study->trials[i]);
        if (s.len > 65536) {
            good = fwrite(s.text, 1, s.len, f) == s.len;
            hpo_str_clear(&s);
        }
    }
    int failed = s.failed;
    if (good && !failed && s.len > 0) good = fwrite(s.text, 1, s.len, f) == s.len;
    hpo_str_fini(&s);
    if (fclose(f) != 0) good = 0;
    if (good && !failed) return HPO_OK;
    (void)remove(path);
    return failed ? hpo_fail_memory(err)
                  : hpo_fail(err, HPO_EIO, "cannot write '%s': is the disk full?", path);
}
