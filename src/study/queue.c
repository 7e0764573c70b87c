/* SPDX-License-Identifier: Apache-2.0 */
/* study/queue.c - what people do to trials: enqueue, requeue, ask one to stop, attach a value. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "study/study.h"

/* ---- enqueue -------------------------------------------------------------------------------------- */

/* Where fidelities grow together, a trial of too many epochs on too few rows could be compared with none. */
static hpo_status check_place(const hpo_study *s, const double *x, hpo_error *err)
{
    char given[160], axes[160];
    double resource, spare[HPO_STACK_COLUMNS], *near = spare;
    if (!s->axes.on || hpo_axes_resource(&s->axes, x, &resource)) return HPO_OK;
    if (s->shape.n_columns > HPO_STACK_COLUMNS) near = hpo_alloc_array(s->shape.n_columns, sizeof *near);
    if (near == NULL) return hpo_fail_memory(err);
    memcpy(near, x, s->shape.n_columns * sizeof *near);
    hpo_axes_text(&s->axes, s->space, x, given, sizeof given);
    hpo_axes_place(&s->axes, hpo_axes_cost(&s->axes, x), near);
    hpo_axes_text(&s->axes, s->space, near, axes, sizeof axes);
    if (near != spare) hpo_free(near);
    return hpo_fail(
        err, HPO_EINVAL,
        "%s: fidelities grow together under scheduler '%s', and as dear would be %s: give that, or leave "
        "them out for the maximum",
        given, s->spec.scheduler, axes);
}

/* A configuration given without a fidelity means the full one. */
static hpo_status fill_fidelity(const hpo_study *s, const char *json, double *x, hpo_error *err)
{
    if (s->axes.n == 0) return HPO_OK;
    struct json_object *root = NULL, *value = NULL;
    HPO_TRY(hpo_json_parse(json, strlen(json), "configuration", &root, err));
    for (size_t i = 0; i < s->axes.n; i++) {
        const char *name = s->space->params[s->axes.axis[i].param].name;
        if (!json_object_object_get_ex(root, name, &value)) x[s->axes.axis[i].column] = s->axes.axis[i].high;
    }
    json_object_put(root);
    return check_place(s, x, err);
}

/* What a trial in the queue has from the start, beside its configuration. */
typedef struct origin {
    int64_t parent; /* whose checkpoint it goes on from, or -1 */
    const char *checkpoint, *attributes;
} origin;

static hpo_status enqueue_in(hpo_study *s, hpo_study_header *h, const double *x, const origin *from,
                             int64_t *number, hpo_error *err)
{
    if (!hpo_budget__may_create(s, h))
        return hpo_fail(err, HPO_ESTATE, "the budget of %lld trial%s is spent: raise it before enqueueing",
                        (long long)s->spec.budget.trials, hpo_plural(s->spec.budget.trials));
    int64_t now = hpo_study__now(s, h);
    hpo_trial_record rec = {.number = h->next_number++,
                            .draw = -1,
                            .parent = from->parent,
                            .state = HPO_STATE_WAITING,
                            .flags = HPO_TRIAL_ENQUEUED,
                            .hash = hpo_space_hash(s->space, x),
                            .seq_from = h->seq,
                            .created_ms = now,
                            .x = x,
                            .checkpoint = from->checkpoint,
                            .attributes = from->attributes};
    rec.seq = hpo_study__event(h, now);
    hpo_study__count(h, -1, HPO_STATE_WAITING);
    *number = rec.number;
    HPO_TRY(s->ops->insert_trial(s->store, s->id, &rec, err));
    return hpo_budget__reopen(s, h, err);
}

static hpo_status enqueue_clone_in(hpo_study *s, hpo_study_header *h, const double *x, int64_t parent,
                                   int64_t *number, hpo_error *err)
{
    hpo_trial_record rec;
    hpo_str checkpoint = {0};
    HPO_TRY(hpo_study__get(s, parent, &rec, err));
    if (rec.state != HPO_STATE_PAUSED && rec.state != HPO_STATE_COMPLETE)
        return hpo_fail(err, HPO_ESTATE, "trial %lld is %s: only a paused or complete one is cloned",
                        (long long)parent, hpo_state_name((hpo_state)rec.state));
    if (rec.checkpoint == NULL)
        return hpo_fail(err, HPO_ESTATE,
                        "trial %lld has left no checkpoint: its program must write one to HPO_CKPT_DIR",
                        (long long)parent);
    hpo_str_add(&checkpoint, rec.checkpoint);
    const origin from = {.parent = parent, .checkpoint = checkpoint.text};
    hpo_status status = checkpoint.failed ? hpo_fail_memory(err) : enqueue_in(s, h, x, &from, number, err);
    hpo_str_fini(&checkpoint);
    return status;
}

static hpo_status enqueue(hpo_study *s, int64_t parent, const char *json, const char *attributes,
                          int64_t *number, hpo_error *err)
{
    hpo_study_header h;
    int64_t got = -1;
    if (json == NULL) json = "{}";
    double *x = hpo_alloc_array(s->shape.n_columns + 1, sizeof *x);
    if (x == NULL) return hpo_fail_memory(err);
    hpo_status status = hpo_space_config_from_json(s->space, json, x, err);
    if (status == HPO_OK) status = fill_fidelity(s, json, x, err);
    if (status == HPO_OK) status = hpo_space_validate(s->space, x, err);
    if (status == HPO_OK) status = hpo_study__begin_fresh(s, &h, err);
    if (status == HPO_OK) {
        const origin from = {.parent = -1, .attributes = attributes};
        status = parent < 0 ? enqueue_in(s, &h, x, &from, &got, err)
                            : enqueue_clone_in(s, &h, x, parent, &got, err);
        status = hpo_study__commit_fresh(s, &h, status, err);
    }
    hpo_free(x);
    if (status == HPO_OK && number != NULL) *number = got;
    return status;
}

hpo_status hpo_study__enqueue(hpo_study *s, const char *json, const char *attributes, int64_t *number,
                              hpo_error *err)
{
    return enqueue(s, -1, json, attributes, number, err);
}

hpo_status hpo_study__enqueue_clone(hpo_study *s, int64_t parent, const char *json, int64_t *number,
                                    hpo_error *err)
{
    if (parent < 0)
        return hpo_fail(err, HPO_EINVAL, "parent is %lld: there is no such trial", (long long)parent);
    return enqueue(s, parent, json, NULL, number, err);
}

int64_t hpo_study__cloned_from(const hpo_trial_record *rec)
{
    return (rec->flags & HPO_TRIAL_REPEAT) == 0 ? rec->parent : -1;
}

/* ---- repeat --------------------------------------------------------------------------------------- */

/* Neither budget nor end of the study matter: it is measured what is known of it, nothing new is tried. */
static hpo_status repeat_in(hpo_study *s, hpo_study_header *h, int64_t number, double *x, int64_t *repeat,
                            hpo_error *err)
{
    hpo_trial_record parent;
    HPO_TRY(hpo_study__get(s, number, &parent, err));
    if (s->shape.n_columns > 0) memcpy(x, parent.x, s->shape.n_columns * sizeof *x);
    int64_t now = hpo_study__now(s, h);
    hpo_trial_record rec = {.number = h->next_number++,
                            .draw = -1,
                            .parent = number,
                            .state = HPO_STATE_WAITING,
                            .flags = HPO_TRIAL_ENQUEUED | HPO_TRIAL_REPEAT,
                            .hash = parent.hash,
                            .seq_from = h->seq,
                            .created_ms = now,
                            .x = x};
    rec.seq = hpo_study__event(h, now);
    hpo_study__count(h, -1, HPO_STATE_WAITING);
    *repeat = rec.number;
    return s->ops->insert_trial(s->store, s->id, &rec, err);
}

hpo_status hpo_study__repeat(hpo_study *s, int64_t number, int64_t *repeat, hpo_error *err)
{
    hpo_study_header h;
    int64_t got = -1;
    double *x = hpo_alloc_array(s->shape.n_columns + 1, sizeof *x);
    if (x == NULL) return hpo_fail_memory(err);
    hpo_status status = hpo_study__begin_fresh(s, &h, err);
    if (status == HPO_OK)
        status = hpo_study__commit_fresh(s, &h, repeat_in(s, &h, number, x, &got, err), err);
    hpo_free(x);
    if (status == HPO_OK && repeat != NULL) *repeat = got;
    return status;
}

/* ---- requeue, stop request ------------------------------------------------------------------------ */

static hpo_status requeue_in(hpo_study *s, hpo_study_header *h, int64_t number, hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, number, &rec, err));
    /* A COMPLETE trial stays: the incumbent and every model rest on it. */
    if (rec.state == HPO_STATE_COMPLETE || rec.state == HPO_STATE_INFEASIBLE ||
        rec.state == HPO_STATE_WAITING)
        return hpo_fail(err, HPO_ESTATE,
                        "trial %lld is %s: only a failed, stopped, paused or running one is requeued",
                        (long long)number, hpo_state_name((hpo_state)rec.state));
    if (hpo_study__piece_is_done(s, &rec)) {
        HPO_TRY(hpo_fold__sync(s, h, err));
        HPO_TRY(hpo_study__get(s, number, &rec, err));
        return hpo_study__let_go(s, h, &rec, hpo_study__now(s, h), err);
    }
    rec.seq = hpo_study__event(h, hpo_study__now(s, h));
    hpo_study__count(h, rec.state, HPO_STATE_WAITING);
    rec.state = HPO_STATE_WAITING;
    rec.token = 0; /* nobody holds it: a late result is refused */
    rec.lease_ms = 0;
    rec.lost = 0;
    rec.flags &= ~HPO_TRIAL_STOP_REQUESTED;
    rec.seq_tell = 0;
    rec.ended_ms = 0;
    rec.y = rec.sem = rec.outcome = rec.gradient = NULL;
    rec.reason = NULL;
    HPO_TRY(s->ops->update_trial(s->store, s->id, &rec,
                                 HPO_UPDATE_STATE | HPO_UPDATE_LEASE | HPO_UPDATE_RESULT, err));
    return hpo_budget__reopen(s, h, err);
}

hpo_status hpo_study__requeue(hpo_study *s, int64_t number, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin(s, &h, err));
    hpo_status status = hpo_study__end(s, &h, requeue_in(s, &h, number, err), err);
    hpo_fold__close(s, &h, status);
    return status;
}

static hpo_status request_stop_in(hpo_study *s, hpo_study_header *h, int64_t number, hpo_error *err)
{
    hpo_trial_record rec;
    HPO_TRY(hpo_study__get(s, number, &rec, err));
    if (rec.state != HPO_STATE_RUNNING)
        return hpo_fail(err, HPO_ESTATE, "trial %lld is %s: only a running trial can be asked to stop",
                        (long long)number, hpo_state_name((hpo_state)rec.state));
    rec.seq = hpo_study__event(h, hpo_study__now(s, h));
    rec.flags |= HPO_TRIAL_STOP_REQUESTED;
    return s->ops->update_trial(s->store, s->id, &rec, HPO_UPDATE_STATE, err);
}

hpo_status hpo_study__request_stop(hpo_study *s, int64_t number, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin(s, &h, err));
    return hpo_study__end(s, &h, request_stop_in(s, &h, number, err), err);
}

/* ---- attributes ------------------------------------------------------------------------------------ */

hpo_status hpo_study__merge_attr(const char *old, const char *key, const char *json, char **out,
                                 hpo_error *err)
{
    struct json_object *root = NULL, *value = NULL;
    hpo_str text = {0};
    hpo_status status = hpo_json_parse(json, strlen(json), "attribute", &value, err);
    if (status != HPO_OK) return status;
    if (old != NULL)
        status = hpo_json_parse(old, strlen(old), "stored attributes", &root, err);
    else if ((root = json_object_new_object()) == NULL)
        status = hpo_fail_memory(err);
    if (status == HPO_OK && value == NULL) {
        json_object_object_del(root, key);
    } else if (status == HPO_OK) {
        if (json_object_object_add(root, key, value) == 0)
            value = NULL; /* now root's */
        else
            status = hpo_fail_memory(err);
    }
    if (status == HPO_OK) {
        const char *plain =
            json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (plain == NULL)
            status = hpo_fail_memory(err);
        else
            hpo_str_add(&text, plain);
    }
    if (status == HPO_OK) status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    json_object_put(value);
    json_object_put(root);
    return status;
}

static hpo_status set_trial_attr(hpo_study *s, hpo_study_header *h, int64_t number, const char *key,
                                 const char *json, hpo_error *err)
{
    hpo_trial_record rec;
    char *text = NULL;
    HPO_TRY(hpo_study__get(s, number, &rec, err));
    HPO_TRY(hpo_study__merge_attr(rec.attributes, key, json, &text, err));
    rec.attributes = text;
    rec.seq = hpo_study__event(h, hpo_study__now(s, h));
    hpo_status status = s->ops->update_trial(s->store, s->id, &rec, HPO_UPDATE_ATTRS, err);
    hpo_free(text);
    return status;
}

static hpo_status set_study_attr(hpo_study *s, hpo_study_header *h, const char *key, const char *json,
                                 hpo_error *err)
{
    char *text = NULL;
    HPO_TRY(hpo_study__merge_attr(s->attributes, key, json, &text, err));
    h->texts_seq = hpo_study__event(h, hpo_study__now(s, h));
    hpo_status status = s->ops->update_study(s->store, s->id, NULL, NULL, text, NULL, err);
    hpo_free(text);
    return status;
}

hpo_status hpo_study__set_attr(hpo_study *s, int64_t number, const char *key, const char *json,
                               hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(hpo_study__begin_fresh(s, &h, err));
    hpo_status status =
        number < 0 ? set_study_attr(s, &h, key, json, err) : set_trial_attr(s, &h, number, key, json, err);
    return hpo_study__commit_fresh(s, &h, status, err);
}
