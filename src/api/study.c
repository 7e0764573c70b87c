/* SPDX-License-Identifier: Apache-2.0 */
/* api/study.c - the public functions on a study: check the arguments, bring structs of older or newer callers
 * to our size, lock, call src/study. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "study/study.h"

/* ---- structs of other sizes ---------------------------------------------------------------------- */

void hpo_study_options_init_sized(hpo_study_options *o, size_t size)
{
    const hpo_study_options defaults = {.size = size,
                                        .budget = {.size = sizeof(hpo_budget), .target = (double)NAN},
                                        .max_retries = 3,
                                        .default_first = 1};
    if (o == NULL) return;
    memset(o, 0, size);
    memcpy(o, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

/* Copies what both sides know of a caller's struct over our defaults; a caller that is newer has told us more
 * than we understand, an older one less. */
static hpo_status import(void *ours, size_t our_size, const void *theirs, const char *what, hpo_error *err)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size)
        return hpo_fail(err, HPO_EINVAL,
                        "%s.size is %zu: fill the struct with its init function, or set size to its sizeof",
                        what, size);
    memcpy(ours, theirs, size < our_size ? size : our_size);
    memcpy(ours, &our_size, sizeof our_size);
    return HPO_OK;
}

/* The other way: the caller's size field stays. */
static void export_to(void *theirs, const void *ours, size_t our_size)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size > our_size) memset((char *)theirs + our_size, 0, size - our_size);
    memcpy(theirs, ours, size < our_size ? size : our_size);
    memcpy(theirs, &size, sizeof size);
}

static hpo_status check_size(const void *theirs, const char *what, hpo_error *err)
{
    size_t size;
    if (theirs == NULL) return hpo_fail(err, HPO_EINVAL, "%s is NULL: pass where the answer goes", what);
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size)
        return hpo_fail(err, HPO_EINVAL, "%s.size is %zu: set it to the struct's sizeof before the call",
                        what, size);
    return HPO_OK;
}

static hpo_status no_study(hpo_error *err)
{
    return hpo_fail(err, HPO_EINVAL, "study is NULL: create or open one first");
}

static hpo_status no_out(hpo_error *err)
{
    return hpo_fail(err, HPO_EINVAL, "out is NULL: pass where the answer goes");
}

/* ---- create, open, change -------------------------------------------------------------------------- */

hpo_status hpo_study_create(hpo_storage *st, const hpo_space *space, const hpo_study_options *opt,
                            hpo_study **out, hpo_error *err)
{
    hpo_study_options o = hpo_study_options_init();
    if (out == NULL) return no_out(err);
    *out = NULL;
    if (space == NULL) return hpo_fail(err, HPO_EINVAL, "space is NULL: a study needs something to search");
    if (opt != NULL) HPO_TRY(import(&o, sizeof o, opt, "hpo_study_options", err));
    return hpo_study__create(st, space, &o, out, err);
}

hpo_status hpo_study_open(hpo_storage *st, const char *name, hpo_study **out, hpo_error *err)
{
    if (out == NULL) return no_out(err);
    *out = NULL;
    if (st == NULL)
        return hpo_fail(err, HPO_EINVAL, "storage is NULL: a study in memory is made with hpo_study_create");
    return hpo_study__open(st, name, out, err);
}

void hpo_study_free(hpo_study *s)
{
    hpo_study__free(s);
}

hpo_status hpo_study_set_budget(hpo_study *s, const hpo_budget *b, hpo_error *err)
{
    hpo_budget ours = {.size = sizeof ours, .target = (double)NAN};
    if (s == NULL) return no_study(err);
    if (b != NULL) HPO_TRY(import(&ours, sizeof ours, b, "hpo_budget", err));
    return hpo_study__set_budget(s, &ours, err);
}

hpo_status hpo_study_set_sampler(hpo_study *s, const char *sampler, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__set_sampler(s, sampler, err);
}

hpo_status hpo_study_set_until(hpo_study *s, const char *until, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__set_until(s, until, err);
}

hpo_status hpo_study_set_metadata(hpo_study *s, const char *json, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__set_metadata(s, json, err);
}

hpo_status hpo_study_stop(hpo_study *s, hpo_stop_reason reason, const char *text, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if ((int)reason <= HPO_STOP_REASON_NONE || reason >= HPO_N_STOP_REASONS)
        return hpo_fail(err, HPO_EINVAL, "stop reason %d is none: use HPO_STOP_REASON_USER", (int)reason);
    return hpo_study__stop(s, reason, text, err);
}

hpo_status hpo_study_pause(hpo_study *s, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__rest(s, HPO_STUDY_PAUSED, err);
}

hpo_status hpo_study_resume(hpo_study *s, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__rest(s, HPO_STUDY_ACTIVE, err);
}

hpo_status hpo_study_add(hpo_study *s, const hpo_past_trial *trial, int64_t *number, hpo_error *err)
{
    hpo_past_trial ours = {.size = sizeof ours, .result = {.size = sizeof(hpo_result)}};
    if (s == NULL) return no_study(err);
    HPO_TRY(import(&ours, sizeof ours, trial, "hpo_past_trial", err));
    if (ours.x == NULL) return hpo_fail(err, HPO_EINVAL, "x is NULL: pass the trial's configuration");
    return hpo_study__add(s, &ours, number, err);
}

/* ---- spaces that are learned ------------------------------------------------------------------------ */

hpo_status hpo_study_grow(hpo_study *s, const hpo_space *space, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (space == NULL) return hpo_fail(err, HPO_EINVAL, "space is NULL: pass the one it has grown to");
    return hpo_study__grow(s, space, err);
}

hpo_status hpo_study_first_draw(hpo_study *s, const hpo_space *space, int64_t draw, int64_t number, double *x,
                                hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (space == NULL || x == NULL)
        return hpo_fail(err, HPO_EINVAL, "%s is NULL", space == NULL ? "space" : "x");
    if (number < 0)
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: must be 0 or more", (long long)number);
    return hpo_study__first_draw(s, space, draw, number, x, err);
}

hpo_status hpo_study_settle(const hpo_study *s, int64_t number, double *x, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (x == NULL || number < 0) return hpo_fail(err, HPO_EINVAL, "x is NULL, or the number negative");
    return hpo_study__settle(s, number, x, err);
}

hpo_status hpo_study_set_config(hpo_study *s, int64_t number, uint64_t token, const double *x,
                                const double *used, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (x == NULL) return hpo_fail(err, HPO_EINVAL, "x is NULL: pass the configuration");
    return hpo_study__set_config(s, number, token, x, used != NULL ? used : x, err);
}

/* ---- ask, report, tell ------------------------------------------------------------------------------- */

static hpo_status ask(hpo_study *s, const hpo_ask_options *opt, int64_t number, hpo_trial **out,
                      hpo_error *err)
{
    hpo_ask_options o = {.size = sizeof o};
    if (out == NULL) return no_out(err);
    *out = NULL;
    if (s == NULL) return no_study(err);
    if (opt != NULL) HPO_TRY(import(&o, sizeof o, opt, "hpo_ask_options", err));
    if (!(o.lease >= 0))
        return hpo_fail(err, HPO_EINVAL, "lease is %g seconds: must be positive, or 0 for the study's",
                        o.lease);
    if (o.queue_only && o.new_only)
        return hpo_fail(err, HPO_EINVAL, "queue_only and new_only exclude each other: set one");
    return hpo_study__ask(s, &o, number, out, err);
}

hpo_status hpo_study_ask_as(hpo_study *s, const hpo_ask_options *opt, hpo_trial **out, hpo_error *err)
{
    return ask(s, opt, -1, out, err);
}

hpo_status hpo_study_take(hpo_study *s, int64_t number, const hpo_ask_options *opt, hpo_trial **out,
                          hpo_error *err)
{
    if (number < 0 && out != NULL && s != NULL)
        return hpo_fail(err, HPO_ENOTFOUND, "there is no trial %lld", (long long)number);
    return ask(s, opt, number, out, err);
}

hpo_status hpo_study_ask(hpo_study *s, hpo_trial **out, hpo_error *err)
{
    static const hpo_ask_options none = {.size = sizeof none};
    if (out == NULL) return no_out(err);
    *out = NULL;
    return s == NULL ? no_study(err) : hpo_study__ask(s, &none, -1, out, err);
}

hpo_status hpo_study_attach(hpo_study *s, int64_t number, uint64_t token, hpo_trial **out, hpo_error *err)
{
    if (out == NULL) return no_out(err);
    *out = NULL;
    if (s == NULL) return no_study(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__attach(s, number, token, out, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

static hpo_status check_trial(const hpo_study *s, const hpo_trial *t, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (t == NULL) return hpo_fail(err, HPO_EINVAL, "trial is NULL: ask for one first");
    if (t->study != s)
        return hpo_fail(err, HPO_EINVAL,
                        "trial %lld was handed out by another handle of the study: attach it to this one",
                        (long long)t->number);
    return HPO_OK;
}

void hpo_report_init_sized(hpo_report *r, size_t size)
{
    const hpo_report defaults = {.size = size, .fold = -1};
    if (r == NULL) return;
    memset(r, 0, size);
    memcpy(r, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

hpo_status hpo_study_report(hpo_study *s, hpo_trial *t, const hpo_report *r, hpo_decision *out,
                            hpo_error *err)
{
    hpo_report ours = hpo_report_init();
    hpo_decision decision = HPO_CONTINUE;
    HPO_TRY(check_trial(s, t, err));
    if (r == NULL)
        return hpo_fail(err, HPO_EINVAL, "report is NULL: use hpo_study_renew to renew without a report");
    HPO_TRY(import(&ours, sizeof ours, r, "hpo_report", err));
    if (ours.metrics != NULL) HPO_TRY(hpo_study__check_object(ours.metrics, "metrics", err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__report(s, t, &ours, &decision, err);
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK && out != NULL) *out = decision;
    return status;
}

hpo_status hpo_trial_report(hpo_trial *t, double step, double value, hpo_decision *out, hpo_error *err)
{
    hpo_report r = hpo_report_init();
    r.step = step;
    r.values = &value;
    r.n_values = 1;
    return hpo_study_report(t == NULL ? NULL : t->study, t, &r, out, err);
}

hpo_status hpo_study_renew(hpo_study *s, hpo_trial *t, hpo_decision *out, hpo_error *err)
{
    hpo_decision decision = HPO_CONTINUE;
    HPO_TRY(check_trial(s, t, err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__renew(s, t, &decision, err);
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK && out != NULL) *out = decision;
    return status;
}

void hpo_result_init_sized(hpo_result *r, size_t size)
{
    const hpo_result defaults = {.size = size, .state = HPO_STATE_COMPLETE};
    if (r == NULL) return;
    memset(r, 0, size);
    memcpy(r, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

hpo_status hpo_study_tell(hpo_study *s, hpo_trial *t, const hpo_result *r, hpo_error *err)
{
    hpo_result ours = hpo_result_init();
    HPO_TRY(check_trial(s, t, err));
    if (r == NULL) return hpo_fail(err, HPO_EINVAL, "result is NULL: fill one with hpo_result_init");
    HPO_TRY(import(&ours, sizeof ours, r, "hpo_result", err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__tell(s, t, &ours, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

hpo_status hpo_study_tell_value(hpo_study *s, hpo_trial *t, double value, hpo_error *err)
{
    const hpo_result r = {.size = sizeof r, .state = HPO_STATE_COMPLETE, .values = &value, .n_values = 1};
    HPO_TRY(check_trial(s, t, err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__tell(s, t, &r, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

/* ---- the queue ---- */

hpo_status hpo_study_enqueue(hpo_study *s, const char *params_json, int64_t *number, hpo_error *err)
{
    return hpo_study_enqueue_with(s, params_json, NULL, number, err);
}

hpo_status hpo_study_enqueue_with(hpo_study *s, const char *params_json, const char *attributes,
                                  int64_t *number, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (attributes != NULL) HPO_TRY(hpo_study__check_object(attributes, "attributes", err));
    return hpo_study__enqueue(s, params_json, attributes, number, err);
}

hpo_status hpo_study_enqueue_clone(hpo_study *s, int64_t parent, const char *params_json, int64_t *number,
                                   hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__enqueue_clone(s, parent, params_json, number, err);
}

hpo_status hpo_study_repeat(hpo_study *s, int64_t number, int64_t *repeat, hpo_error *err)
{
    return s == NULL ? no_study(err) : hpo_study__repeat(s, number, repeat, err);
}

hpo_status hpo_study_requeue(hpo_study *s, int64_t number, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__requeue(s, number, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

hpo_status hpo_study_request_stop(hpo_study *s, int64_t number, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__request_stop(s, number, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

hpo_status hpo_study_set_attr(hpo_study *s, int64_t number, const char *key, const char *json, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (key == NULL || *key == '\0')
        return hpo_fail(err, HPO_EINVAL, "the attribute has no key: give it a name");
    if (json == NULL)
        return hpo_fail(err, HPO_EINVAL,
                        "attribute '%.64s' has no value: give a JSON value, null takes it away", key);
    if (number < -1)
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: use -1 for the study itself", (long long)number);
    return hpo_study__set_attr(s, number, key, json, err);
}

/* ---- looking ---- */

hpo_status hpo_study_summary(hpo_study *s, hpo_summary *out, hpo_error *err)
{
    hpo_summary ours;
    if (s == NULL) return no_study(err);
    HPO_TRY(check_size(out, "hpo_summary", err));
    HPO_TRY(hpo_study__summary(s, &ours, err));
    export_to(out, &ours, sizeof ours);
    return HPO_OK;
}

const hpo_space *hpo_study_space(const hpo_study *s)
{
    return s == NULL ? NULL : s->space;
}

hpo_status hpo_study_sync(hpo_study *s, int64_t *changed, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__sync(s, changed, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

hpo_status hpo_study_trial(hpo_study *s, int64_t number, hpo_trial_info *out, hpo_error *err)
{
    hpo_trial_info ours;
    if (s == NULL) return no_study(err);
    HPO_TRY(check_size(out, "hpo_trial_info", err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__trial(s, number, &ours, err);
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK) export_to(out, &ours, sizeof ours);
    return status;
}

hpo_status hpo_study_trial_report(hpo_study *s, int64_t number, size_t i, hpo_report *out, int64_t *time_ms,
                                  hpo_error *err)
{
    hpo_report ours;
    if (s == NULL) return no_study(err);
    HPO_TRY(check_size(out, "hpo_report", err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__trial_report(s, number, i, &ours, time_ms, err);
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK) export_to(out, &ours, sizeof ours);
    return status;
}

hpo_status hpo_study_trial_decision(hpo_study *s, int64_t number, size_t i, hpo_decision_info *out,
                                    hpo_error *err)
{
    hpo_decision_info ours;
    if (s == NULL) return no_study(err);
    HPO_TRY(check_size(out, "hpo_decision_info", err));
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__trial_decision(s, number, i, &ours, err);
    hpo_mutex_unlock(&s->lock);
    if (status == HPO_OK) export_to(out, &ours, sizeof ours);
    return status;
}

hpo_status hpo_study_rungs(hpo_study *s, char **json, hpo_error *err)
{
    if (json == NULL) return no_out(err);
    *json = NULL;
    if (s == NULL) return no_study(err);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__rungs(s, json, err);
    hpo_mutex_unlock(&s->lock);
    return status;
}

hpo_status hpo_study_best(hpo_study *s, int64_t *numbers, size_t cap, size_t *n, hpo_error *err)
{
    size_t count = 0;
    if (s == NULL) return no_study(err);
    if (numbers == NULL && cap > 0) return hpo_fail(err, HPO_EINVAL, "numbers is NULL and cap is %zu", cap);
    hpo_mutex_lock(&s->lock);
    hpo_status status = hpo_study__best(s, numbers, cap, &count, err);
    hpo_mutex_unlock(&s->lock);
    if (n != NULL) *n = count;
    return status;
}

hpo_status hpo_study_explain(hpo_study *s, int64_t number, char **json, hpo_error *err)
{
    if (json == NULL) return no_out(err);
    *json = NULL;
    if (s == NULL) return no_study(err);
    if (number < -1)
        return hpo_fail(err, HPO_EINVAL, "trial number %lld: use -1 for the study itself", (long long)number);
    return hpo_study__explain(s, number, json, err);
}

hpo_status hpo_study_confirmed(hpo_study *s, const int64_t *numbers, size_t n, int64_t more,
                               hpo_confirmed *out, hpo_error *err)
{
    if (s == NULL) return no_study(err);
    if (n > 0 && (numbers == NULL || out == NULL))
        return hpo_fail(err, HPO_EINVAL, "%s is NULL and n is %zu", numbers == NULL ? "numbers" : "out", n);
    return hpo_study__confirmed(s, numbers, n, more, out, err);
}

hpo_status hpo_study_recommend(hpo_study *s, hpo_recommendation *out, hpo_error *err)
{
    hpo_recommendation ours;
    if (s == NULL) return no_study(err);
    HPO_TRY(check_size(out, "hpo_recommendation", err));
    HPO_TRY(hpo_study__recommend(s, &ours, err));
    export_to(out, &ours, sizeof ours);
    return HPO_OK;
}
