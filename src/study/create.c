/* SPDX-License-Identifier: Apache-2.0 */
/* study/create.c - making, opening and freeing a study's handle.
 *
 * Everything is rebuilt from the storage alone: space, spec, sampler, scheduler.  Reading the trials is left
 * to those who need them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "space/space.h"
#include "study/study.h"

/* ---- the handle ---------------------------------------------------------------------------------- */

static void free_trials(hpo_study *s)
{
    for (hpo_trial *t = s->spare, *next; t != NULL; t = next) {
        next = t->next;
        hpo_free(t);
    }
    for (hpo_trial *t = s->live; t != NULL; t = t->next)
        t->study = NULL; /* its owner frees it */
}

void hpo_study__free(hpo_study *s)
{
    if (s == NULL) return;
    free_trials(s);
    hpo_sampler_close(&s->sampler);
    hpo_scheduler_close(&s->scheduler);
    hpo_until_free(s->until);
    hpo_suggest__forget(s);
    hpo_view__fini(&s->view);
    hpo_fold__fini(&s->fold);
    hpo_history_fini(&s->hist);
    hpo_history_fini(&s->look);
    hpo_arena_fini(&s->answer);
    hpo_spec__fini(&s->spec);
    hpo_space_free(s->space);
    hpo_free(s->name);
    hpo_free(s->metadata);
    hpo_free(s->attributes);
    hpo_free(s->stop_text);
    hpo_free(s->sign);
    hpo_free(s->u);
    hpo_free(s->front);
    hpo_free(s->front_y);
    hpo_mutex_fini(&s->lock);
    hpo_mutex_fini(&s->ask_lock);
    hpo_storage_free(s->own);
    hpo_free(s);
}

static hpo_status new_handle(hpo_storage *st, hpo_study **out, hpo_error *err)
{
    hpo_study *s = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    hpo_status status = hpo_mutex_init(&s->ask_lock, err);
    if (status == HPO_OK) {
        status = hpo_mutex_init(&s->lock, err);
        if (status != HPO_OK) hpo_mutex_fini(&s->ask_lock);
    }
    if (status != HPO_OK) {
        hpo_free(s);
        return status;
    }
    s->enumerable = -1;
    hpo_study__set_clock(s, NULL, NULL);
    if (st == NULL) status = hpo_storage_open(NULL, &s->own, err);
    if (status != HPO_OK) {
        hpo_study__free(s);
        return status;
    }
    s->ops = st == NULL ? s->own->ops : st->ops;
    s->store = st == NULL ? s->own->self : st->self;
    *out = s;
    return HPO_OK;
}

/* ---- what follows from space and spec --------------------------------------------------------------- */

/* One block holds the scratch rows: u, u_ask, u_clone (n_dims each), y, y_log (n_objectives each), gradient
 * (n_columns). */
static hpo_status make_scratch(hpo_study *s, hpo_error *err)
{
    size_t d = s->n_dims, m = s->shape.n_objectives, n = s->shape.n_columns;
    s->sign = hpo_alloc_array(m + 1, sizeof *s->sign);
    s->u = hpo_calloc(3 * d + 2 * m + n + 1, sizeof *s->u);
    if (s->sign == NULL || s->u == NULL) return hpo_fail_memory(err);
    s->u_ask = s->u + d;
    s->u_clone = s->u_ask + d;
    s->y = s->u_clone + d;
    s->y_log = s->y + m;
    s->gradient = s->y_log + m;
    for (size_t i = 0; i < m; i++)
        s->sign[i] = s->spec.objectives[i].direction == HPO_MAXIMIZE ? -1 : 1;
    return HPO_OK;
}

/* What schedulers may ask for: values of the axis that counts steps, or, with all_axes, the resource of all.
 */
static hpo_status set_range(hpo_study *s, int all_axes, hpo_error *err)
{
    hpo_param_info info = {.size = sizeof info};
    s->fidelity_column = -1;
    s->fidelity_low = s->fidelity_high = (double)NAN;
    s->axes.on = all_axes;
    if (s->axes.n == 0) return HPO_OK;
    HPO_TRY(hpo_space_param(s->space, hpo_space_fidelity(s->space, 0), &info, err));
    s->fidelity_column = (int64_t)info.column;
    s->fidelity_low = all_axes ? s->axes.least : info.low;
    s->fidelity_high = info.high;
    s->fidelity_whole = !all_axes && info.kind == HPO_KIND_INT;
    return HPO_OK;
}

/* Several axes move for a scheduler that takes trials up again with more, unless it needs the whole way that
 * a trial has come: to clone it, or to forecast it.  Then, and for rules that only stop, all but the first
 * stand at their maximum. */
static int moves_axes(const hpo_study *s, const hpo_scheduler *scheduler)
{
    uint32_t caps = hpo_scheduler_caps(scheduler);
    return s->axes.n > 1 && scheduler->ops->state_size > 0 && scheduler->ops->start != NULL &&
           (caps & HPO_SCHED_PAUSES) != 0 && (caps & (HPO_SCHED_CLONES | HPO_SCHED_ALONG)) == 0;
}

hpo_sched_problem hpo_study__sched_problem(const hpo_study *s)
{
    return (hpo_sched_problem){.space = s->space,
                               .n_objectives = s->shape.n_objectives,
                               .sign = s->sign,
                               .seed = s->seed,
                               .low = s->fidelity_low,
                               .high = s->fidelity_high,
                               .whole = s->fidelity_whole,
                               .n_outcomes = s->shape.n_outcomes};
}

/* Lag promises the same study whatever the order of events; a scheduler decides by that order. */
static hpo_status check_lag(const hpo_study *s, const hpo_scheduler_ops *scheduler, hpo_error *err)
{
    if (s->spec.lag == 0 || strcmp(scheduler->name, HPO_NO_SCHEDULER) == 0) return HPO_OK;
    return hpo_fail(
        err, HPO_EUNSUPPORTED,
        "lag %lld with scheduler '%s', whose decisions depend on the order of reports: use scheduler 'none'",
        (long long)s->spec.lag, scheduler->name);
}

static hpo_status open_scheduler(hpo_study *s, hpo_error *err)
{
    hpo_scheduler fresh = {0};
    HPO_TRY(set_range(s, s->axes.n > 1, err));
    hpo_sched_problem problem = hpo_study__sched_problem(s);
    HPO_TRY(hpo_scheduler_open(s->spec.scheduler, &problem, &fresh, err));
    if (s->axes.on && !moves_axes(s, &fresh)) {
        hpo_scheduler_close(&fresh);
        HPO_TRY(set_range(s, 0, err));
        problem = hpo_study__sched_problem(s);
        HPO_TRY(hpo_scheduler_open(s->spec.scheduler, &problem, &fresh, err));
    }
    hpo_status status = check_lag(s, fresh.ops, err);
    if (status != HPO_OK) {
        hpo_scheduler_close(&fresh);
        return status;
    }
    hpo_scheduler_close(&s->scheduler);
    s->scheduler = fresh;
    hpo_fold__forget(&s->fold);
    return HPO_OK;
}

/* A space without parameters leaves nothing to search: the sampler takes over with the first one. */
hpo_status hpo_study__open_sampler(const hpo_study *s, const char *text, const hpo_space *space,
                                   hpo_sampler *out, hpo_error *err)
{
    hpo_space *some = NULL;
    size_t m = s->shape.n_objectives, q = s->shape.n_outcomes;
    if (hpo_space_n_params(space) > 0) return hpo_sampler_open(text, space, m, q, s->seed, out, err);
    HPO_TRY(hpo_space_parse("x: 0..1 step 0.5", &some, err)); /* what cannot be read is refused at once */
    hpo_status status = hpo_space_freeze(some, err);
    if (status == HPO_OK) status = hpo_sampler_open(text, some, m, q, s->seed, out, err);
    if (status == HPO_OK) hpo_sampler_close(out);
    hpo_space_free(some);
    return status == HPO_OK ? hpo_sampler_open("random", space, m, q, s->seed, out, err) : status;
}

hpo_status hpo_study__use_sampler(hpo_study *s, const char *text, hpo_error *err)
{
    hpo_sampler fresh = {0};
    HPO_TRY(hpo_study__open_sampler(s, text, s->space, &fresh, err));
    hpo_sampler_close(&s->sampler);
    s->sampler = fresh;
    s->history = (fresh.ops->caps & HPO_CAP_HISTORY) != 0;
    hpo_view__clear(&s->view);
    hpo_suggest__forget(s);
    return HPO_OK;
}

/* Space and spec are there: the rest of the handle follows. */
static hpo_status complete(hpo_study *s, hpo_error *err)
{
    s->n_dims = hpo_space_n_dims(s->space);
    s->shape = (hpo_row_shape){hpo_space_n_columns(s->space), s->spec.n_objectives, s->spec.n_outcomes};
    s->nothing = (hpo_view){.size = sizeof s->nothing,
                            .n_dims = s->n_dims,
                            .n_objectives = s->shape.n_objectives,
                            .n_outcomes = s->shape.n_outcomes};
    s->view.lagged = s->spec.lag > 0;
    hpo_history_init(&s->hist, s->shape);
    hpo_history_init(&s->look, s->shape);
    s->look_number = -1;
    HPO_TRY(make_scratch(s, err));
    hpo_axes_init(&s->axes, s->space);
    HPO_TRY(open_scheduler(s, err));
    hpo_level__open(s);
    HPO_TRY(hpo_study__use_until(s, s->spec.until, err));
    return hpo_study__use_sampler(s, s->spec.sampler, err);
}

static void set_identity(hpo_study *s, int64_t id, uint64_t seed, int64_t created_ms)
{
    s->id = id;
    s->seed = seed;
    s->created_ms = created_ms;
    /* Two studies of one seed must not accept each other's tokens. */
    s->token_seed = hpo_hash_bytes(&created_ms, sizeof created_ms, seed);
}

/* ---- open ---------------------------------------------------------------------------------------- */

typedef struct name_list {
    hpo_str names;
    char *only;
    size_t n;
} name_list;

static int add_name(void *ctx, const char *name, const hpo_study_header *h)
{
    name_list *l = ctx;
    (void)h;
    if (l->n++ == 0) l->only = hpo_strdup(name);
    if (l->n > 1) hpo_str_add(&l->names, ", ");
    hpo_str_add(&l->names, name);
    return 0;
}

/* The name of the only study. */
static hpo_status only_name(const hpo_study *s, char **out, hpo_error *err)
{
    name_list l = {{0}, NULL, 0};
    hpo_status status = s->ops->list_studies(s->store, add_name, &l, err);
    if (status == HPO_OK && l.n == 0) {
        status = hpo_fail(err, HPO_ENOTFOUND, "the storage holds no study: create one first");
    } else if (status == HPO_OK && (l.only == NULL || l.names.failed)) {
        status = hpo_fail_memory(err);
    } else if (status == HPO_OK && l.n > 1) {
        status =
            hpo_fail(err, HPO_EINVAL, "the storage holds %zu studies: name one of %s", l.n, l.names.text);
    } else if (status == HPO_OK) {
        *out = l.only;
        l.only = NULL;
    }
    hpo_free(l.only);
    hpo_str_fini(&l.names);
    return status;
}

static hpo_status replace_text(char **slot, const char *text, hpo_error *err)
{
    char *copy = NULL;
    if (text != NULL && *text != '\0' && (copy = hpo_strdup(text)) == NULL) return hpo_fail_memory(err);
    hpo_free(*slot);
    *slot = copy;
    return HPO_OK;
}

static hpo_status take_texts(hpo_study *s, const hpo_study_record *r, hpo_error *err)
{
    HPO_TRY(replace_text(&s->metadata, r->metadata, err));
    HPO_TRY(replace_text(&s->attributes, r->attributes, err));
    HPO_TRY(replace_text(&s->stop_text, r->stop_text, err));
    s->texts_seq = r->header.texts_seq;
    return HPO_OK;
}

static hpo_status load_space(hpo_study *s, const hpo_study_record *r, hpo_error *err)
{
    hpo_status status = hpo_space_load(r->space, &s->space, err);
    if (status == HPO_OK) status = hpo_space_freeze_any(s->space, err);
    if (status == HPO_OK || status == HPO_ENOMEM) return status;
    return hpo_fail_prefix(err, HPO_ECORRUPT, "the stored space of study '%s'", r->name);
}

static hpo_status from_record(hpo_study *s, const hpo_study_record *r, hpo_error *err)
{
    set_identity(s, r->id, r->seed, r->created_ms);
    HPO_TRY(replace_text(&s->name, r->name, err));
    HPO_TRY(load_space(s, r, err));
    HPO_TRY(hpo_spec__read(r->spec, &s->spec, err));
    HPO_TRY(complete(s, err));
    if (s->shape.n_columns != r->shape.n_columns || s->shape.n_objectives != r->shape.n_objectives ||
        s->shape.n_outcomes != r->shape.n_outcomes)
        return hpo_fail(err, HPO_ECORRUPT, "study '%s': its rows do not have the shape of its space",
                        r->name);
    return take_texts(s, r, err);
}

static hpo_status open_by_name(hpo_study *s, const char *name, hpo_error *err)
{
    hpo_study_record r;
    char *only = NULL;
    if (name == NULL) HPO_TRY(only_name(s, &only, err));
    hpo_status status = s->ops->load_study(s->store, name != NULL ? name : only, &r, err);
    if (status == HPO_OK) {
        status = from_record(s, &r, err);
        s->ops->free_study(s->store, &r);
    }
    hpo_free(only);
    return status;
}

hpo_status hpo_study__open(hpo_storage *st, const char *name, hpo_study **out, hpo_error *err)
{
    hpo_study *s = NULL;
    HPO_TRY(new_handle(st, &s, err));
    hpo_status status = open_by_name(s, name, err);
    if (status != HPO_OK) {
        hpo_study__free(s);
        return status;
    }
    *out = s;
    return HPO_OK;
}

/* ---- texts that others have changed ------------------------------------------------------------------ */

/* Callers may hold the lists of objectives and outcomes as long as the study (hpo_summary): they stay. */
static void swap_lists(hpo_study_spec *a, hpo_study_spec *b)
{
    const hpo_study_spec keep = *a;
    a->objectives = b->objectives;
    a->n_objectives = b->n_objectives;
    a->outcomes = b->outcomes;
    a->n_outcomes = b->n_outcomes;
    b->objectives = keep.objectives;
    b->n_objectives = keep.n_objectives;
    b->outcomes = keep.outcomes;
    b->n_outcomes = keep.n_outcomes;
}

/* Objectives, outcomes and lag never change; the rest may. */
static hpo_status take_spec(hpo_study *s, hpo_study_spec *fresh, hpo_error *err)
{
    int sampler = strcmp(s->spec.sampler, fresh->sampler) != 0 || s->spec.draw_base != fresh->draw_base;
    int scheduler = strcmp(s->spec.scheduler, fresh->scheduler) != 0;
    int until =
        strcmp(s->spec.until != NULL ? s->spec.until : "", fresh->until != NULL ? fresh->until : "") != 0;
    if (until) HPO_TRY(hpo_study__use_until(s, fresh->until, err));
    swap_lists(&s->spec, fresh);
    hpo_study_spec old = s->spec;
    s->spec = *fresh;
    hpo_status status = scheduler ? open_scheduler(s, err) : HPO_OK;
    if (status == HPO_OK && scheduler) {
        s->view.dirty = 1; /* the view depends on it */
        hpo_level__open(s);
    }
    if (status == HPO_OK && sampler) status = hpo_study__use_sampler(s, s->spec.sampler, err);
    if (status != HPO_OK) {
        s->spec = old;
        swap_lists(&s->spec, fresh);
        if (scheduler) (void)open_scheduler(s, NULL); /* the one that fits the spec that stays */
        if (until && hpo_study__use_until(s, s->spec.until, NULL) != HPO_OK)
            s->texts_seq = -1; /* read it again */
        return status;
    }
    *fresh = old;
    return HPO_OK;
}

static hpo_status take_record(hpo_study *s, const hpo_study_record *r, hpo_error *err)
{
    hpo_study_spec fresh;
    if (r->id != s->id)
        return hpo_fail(err, HPO_ENOTFOUND, "study '%s' was deleted and made anew: open it again", s->name);
    hpo_status status = hpo_spec__read(r->spec, &fresh, err);
    if (status == HPO_OK &&
        (fresh.n_objectives != s->spec.n_objectives || fresh.n_outcomes != s->spec.n_outcomes))
        status =
            hpo_fail(err, HPO_ECORRUPT,
                     "study '%s': its stored number of objectives has changed: restore a backup", s->name);
    if (status == HPO_OK) status = hpo_study__check_space(s, r, err);
    if (status == HPO_OK) status = take_spec(s, &fresh, err);
    if (status == HPO_OK) status = take_texts(s, r, err);
    hpo_spec__fini(&fresh);
    return status;
}

static hpo_status refresh_locked(hpo_study *s, hpo_error *err)
{
    hpo_study_record r;
    HPO_TRY(s->ops->load_study(s->store, s->name, &r, err));
    hpo_status status = take_record(s, &r, err);
    s->ops->free_study(s->store, &r);
    return status;
}

hpo_status hpo_study__refresh(hpo_study *s, hpo_error *err)
{
    hpo_mutex_lock(&s->ask_lock);
    hpo_mutex_lock(&s->lock);
    hpo_status status = refresh_locked(s, err);
    hpo_mutex_unlock(&s->lock);
    hpo_mutex_unlock(&s->ask_lock);
    return status;
}

hpo_status hpo_study__begin_fresh(hpo_study *s, hpo_study_header *h, hpo_error *err)
{
    for (;;) {
        hpo_mutex_lock(&s->lock);
        hpo_status status = hpo_study__begin(s, h, err);
        int current = status == HPO_OK && h->texts_seq == s->texts_seq;
        if (current) return HPO_OK;
        if (status == HPO_OK) s->ops->rollback(s->store, s->id);
        hpo_mutex_unlock(&s->lock);
        HPO_TRY(status);
        HPO_TRY(hpo_study__refresh(s, err));
    }
}

hpo_status hpo_study__commit_fresh(hpo_study *s, const hpo_study_header *h, hpo_status status, hpo_error *err)
{
    status = hpo_study__end(s, h, status, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

/* ---- create ------------------------------------------------------------------------------------------- */

static hpo_status store_new(hpo_study *s, const char *metadata, hpo_error *err)
{
    char *space = NULL, *spec = NULL;
    int64_t id = 0, now = s->clock(s->clock_ctx);
    hpo_status status = hpo_space_to_json(s->space, &space, err);
    if (status == HPO_OK) status = hpo_spec__write(&s->spec, &spec, err);
    if (status == HPO_OK) {
        hpo_study_record r = {.name = s->name,
                              .space = space,
                              .spec = spec,
                              .metadata = metadata,
                              .seed = s->seed,
                              .created_ms = now,
                              .shape = s->shape,
                              .header = {.last_ms = now, .best_value = (double)NAN, .best_number = -1}};
        status = s->ops->create_study(s->store, &r, &id, err);
    }
    if (status == HPO_OK) set_identity(s, id, s->seed, now);
    hpo_free(space);
    hpo_free(spec);
    return status;
}

/* The default configuration goes first, unless the rest of it (middles, where the user gave no default)
 * breaks a constraint. */
static hpo_status enqueue_default(hpo_study *s, hpo_error *err)
{
    if (!s->spec.default_first || !hpo_space_has_defaults(s->space)) return HPO_OK;
    hpo_space_default(s->space, s->gradient); /* n_columns of scratch */
    if (hpo_space_validate(s->space, s->gradient, NULL) != HPO_OK) return HPO_OK;
    return hpo_study__enqueue(s, NULL, NULL, NULL, err);
}

static hpo_status check_same_space(const hpo_study *stored, const hpo_study *wanted, hpo_error *err)
{
    char *diff = NULL;
    HPO_TRY(hpo_space_diff(stored->space, wanted->space, &diff, err));
    hpo_status status = HPO_OK;
    if (*diff != '\0') {
        diff[strcspn(diff, "\n")] = '\0';
        status = hpo_fail(
            err, HPO_EEXIST,
            "study '%s' exists with another space (%.200s): choose another name for the new study, or "
            "delete the stored one",
            stored->name, diff);
    }
    hpo_free(diff);
    return status;
}

/* The stored study goes on with what may change: the budget and the sampler if they were given, the metadata.
 */
static hpo_status adopt(hpo_study *stored, const hpo_study_options *o, hpo_error *err)
{
    if (!hpo_spec__budget_is_empty(&o->budget) && !hpo_spec__budget_equal(&o->budget, &stored->spec.budget))
        HPO_TRY(hpo_study__set_budget(stored, &o->budget, err));
    if (o->sampler != NULL && strcmp(o->sampler, stored->spec.sampler) != 0)
        HPO_TRY(hpo_study__set_sampler(stored, o->sampler, err));
    if (o->until != NULL && strcmp(o->until, stored->spec.until != NULL ? stored->spec.until : "") != 0)
        HPO_TRY(hpo_study__set_until(stored, o->until, err));
    if (o->metadata != NULL && (stored->metadata == NULL || strcmp(o->metadata, stored->metadata) != 0))
        HPO_TRY(hpo_study__set_metadata(stored, o->metadata, err));
    return HPO_OK;
}

static hpo_status reuse(hpo_storage *st, const hpo_study *wanted, const hpo_study_options *o, hpo_study **out,
                        hpo_error *err)
{
    hpo_study *stored = NULL;
    HPO_TRY(hpo_study__open(st, wanted->name, &stored, err));
    hpo_status status =
        stored->spec.open_space && wanted->spec.open_space ? HPO_OK : check_same_space(stored, wanted, err);
    if (status == HPO_OK) status = hpo_spec__same_problem(&stored->spec, &wanted->spec, wanted->name, err);
    if (status == HPO_OK) status = adopt(stored, o, err);
    if (status != HPO_OK) {
        hpo_study__free(stored);
        return status;
    }
    *out = stored;
    return HPO_OK;
}

static hpo_status check_name(const char *name, hpo_error *err)
{
    if (*name == '\0')
        return hpo_fail(err, HPO_EINVAL, "the study's name is empty: give it one, or NULL for 'default'");
    for (const char *p = name; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return hpo_fail(err, HPO_EINVAL, "the study's name has a control character (code %d): use text",
                            (int)(unsigned char)*p);
    return HPO_OK;
}

static hpo_status prepare(hpo_study *s, const hpo_space *space, const hpo_study_options *o, hpo_error *err)
{
    const char *name = o->name != NULL ? o->name : "default";
    HPO_TRY(check_name(name, err));
    if (o->metadata != NULL) HPO_TRY(hpo_study__check_object(o->metadata, "metadata", err));
    set_identity(s, 0, o->seed, 0);
    HPO_TRY(replace_text(&s->name, name, err));
    HPO_TRY(replace_text(&s->metadata, o->metadata, err));
    HPO_TRY(hpo_space_frozen(space, &s->space, err));
    if (hpo_space_n_params(s->space) == 0 && !o->open_space)
        return hpo_fail(err, HPO_EINVAL, "the space has no parameter: add one, e.g. \"lr: log 1e-5..1\"");
    HPO_TRY(hpo_spec__from_options(o, hpo_space_n_fidelities(s->space) > 0, &s->spec, err));
    return complete(s, err);
}

hpo_status hpo_study__create(hpo_storage *st, const hpo_space *space, const hpo_study_options *o,
                             hpo_study **out, hpo_error *err)
{
    hpo_study *s = NULL;
    HPO_TRY(new_handle(st, &s, err));
    hpo_status status = prepare(s, space, o, err);
    if (status == HPO_OK) {
        status = store_new(s, o->metadata, err);
        if (status == HPO_OK)
            status = enqueue_default(s, err);
        else if (status == HPO_EEXIST && o->reuse) {
            hpo_study *stored = NULL;
            status = reuse(st, s, o, &stored, err);
            hpo_study__free(s);
            s = stored;
        }
    }
    if (status != HPO_OK) {
        hpo_study__free(s);
        return status;
    }
    *out = s;
    return HPO_OK;
}
