/* SPDX-License-Identifier: Apache-2.0 */
/* study/explain.c - how a suggestion came about: it is computed again.
 *
 * A second handle of the study is brought to what the suggestion knew (past.c), with the sampler that the
 * study had then, and asked for the same draw.  The sampler's own account (ops.explain) follows, and what it
 * predicted beside what came.  Nothing is stored: everything follows from the recorded events. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "space/space.h"
#include "study/study.h"

/* ---- the sampler's account ------------------------------------------------------------------------ */

static hpo_status account_of(hpo_study *shadow, const hpo_view *view, const double *u, char **out,
                             hpo_error *err)
{
    const hpo_sampler_ops *ops = shadow->sampler.ops;
    size_t cap = 0, need = 4096;
    char *buf = NULL;
    *out = NULL;
    if (ops->explain == NULL) return HPO_OK;
    while (need > cap) {
        hpo_free(buf);
        cap = need;
        buf = hpo_alloc(cap + 1);
        if (buf == NULL) return hpo_fail_memory(err);
        hpo_status status = ops->explain(shadow->sampler.state, view, u, buf, cap, &need, err);
        if (status == HPO_OK) continue;
        hpo_free(buf);
        return status;
    }
    buf[need] = '\0';
    *out = buf;
    return HPO_OK;
}

/* "mean" and "sd" of the account; NaN: it predicts nothing. */
static hpo_status prediction(const char *account, double *mean, double *sd, hpo_error *err)
{
    struct json_object *root = NULL;
    *mean = *sd = (double)NAN;
    if (account == NULL) return HPO_OK;
    HPO_TRY(hpo_json_parse(account, strlen(account), "the sampler's account", &root, err));
    hpo_status status = hpo_json_get_double(root, "account", "mean", mean, err);
    if (status == HPO_OK) status = hpo_json_get_double(root, "account", "sd", sd, err);
    json_object_put(root);
    return status;
}

static hpo_status write_params(const hpo_study *s, const double *x, hpo_str *o, hpo_error *err)
{
    char *params = NULL;
    HPO_TRY(hpo_space_config_to_json(s->space, x, &params, err));
    hpo_str_add(o, ",\"params\":");
    hpo_str_add(o, params);
    hpo_free(params);
    return HPO_OK;
}

static void write_account(const hpo_study *shadow, const char *account, hpo_str *o)
{
    hpo_str_add(o, ",\"model\":");
    hpo_str_add(o, account != NULL ? account : "null");
    if (account != NULL) return;
    hpo_str_add(o, ",\"why\":");
    hpo_str_json(o, shadow->history
                        ? "this sampler gives no account of itself: its suggestion follows from the "
                          "results it knew, the study's seed and the draw"
                        : "this sampler does not look at results: its suggestion follows from the "
                          "study's seed and the draw alone");
}

/* ---- the handle that looks back -------------------------------------------------------------------- */

static hpo_status open_shadow(hpo_study *s, hpo_study **out, hpo_error *err)
{
    hpo_storage st = {s->ops, s->store};
    HPO_TRY(hpo_study__open(&st, s->name, out, err));
    hpo_study__set_clock(*out, s->clock, s->clock_ctx);
    return HPO_OK;
}

/* The sampler that made draw `draw`. */
static hpo_status take_sampler(hpo_study *shadow, int64_t draw, hpo_error *err)
{
    const hpo_study_spec *p = &shadow->spec;
    if (draw >= p->draw_base) return HPO_OK;
    for (size_t i = 0; i < p->n_past; i++) {
        if (draw < p->past[i].draw_base || draw >= p->past[i].end) continue;
        char *text = hpo_strdup(p->past[i].sampler);
        if (text == NULL) return hpo_fail_memory(err);
        hpo_free(shadow->spec.sampler);
        shadow->spec.sampler = text;
        shadow->spec.draw_base = p->past[i].draw_base;
        return hpo_study__use_sampler(shadow, text, err);
    }
    return hpo_fail(err, HPO_EUNSUPPORTED,
                    "the sampler that made draw %lld is not recorded: it was replaced by '%s'",
                    (long long)draw, p->sampler);
}

/* Where the scheduler let trial `number` begin: it is brought to what it knew at event `seq`, and asked
 * again. */
static hpo_status find_beginning(hpo_study *shadow, int64_t number, int64_t draw, int64_t seq, hpo_error *err)
{
    hpo_study_header h;
    hpo_action act;
    if (!shadow->view.levels.on) return HPO_OK;
    hpo_mutex_lock(&shadow->lock);
    hpo_status status = hpo_study__begin(shadow, &h, err);
    if (status == HPO_OK) {
        h.seq = seq;
        h.next_number = number;
        h.next_draw = draw;
        if (shadow->view.is_past) h.n_by_state[HPO_STATE_RUNNING] = 1; /* what ran then is not recorded */
        status = hpo_fold__sync(shadow, &h, err);
        if (status == HPO_OK) status = hpo_ask__scheduler(shadow, &h, 1, &act, err);
        shadow->ops->rollback(shadow->store, shadow->id);
    }
    hpo_mutex_unlock(&shadow->lock);
    if (status == HPO_OK) shadow->view.v.begins = hpo_level__begins(shadow, act.resource);
    return status;
}

/* The point of draw `draw`; HPO_DONE, HPO_WAIT: there is none. */
static hpo_status ask_again(hpo_study *shadow, int64_t number, int64_t draw, int64_t seq, hpo_error *err)
{
    if (!shadow->history) return hpo_ask__sample(shadow, &shadow->nothing, draw, shadow->u_ask, err);
    HPO_TRY(hpo_view__sync(shadow, seq, err));
    if (shadow->view.lagged) HPO_TRY(hpo_lag__admit(shadow, number, err));
    HPO_TRY(find_beginning(shadow, number, draw, seq, err));
    return hpo_ask__sample(shadow, &shadow->view.v, draw, shadow->u_ask, err);
}

static const hpo_view *view_of(const hpo_study *shadow)
{
    return shadow->history ? &shadow->view.v : &shadow->nothing;
}

/* ---- one trial ------------------------------------------------------------------------------------------
 */

static void write_origin(const hpo_trial_info *t, int chosen, hpo_str *o)
{
    const char *origin = t->draw >= 0     ? "suggestion"
                         : t->repeat      ? "repeat"
                         : t->parent >= 0 ? "clone"
                         : chosen         ? "scheduler"
                                          : "enqueued";
    hpo_str_addf(o, "{\"trial\":%lld,\"state\":\"%s\",\"origin\":\"%s\"", (long long)t->number,
                 hpo_state_name(t->state), origin);
    if (t->parent >= 0) hpo_str_addf(o, ",\"parent\":%lld", (long long)t->parent);
    if (t->draw >= 0) return;
    hpo_str_add(o, ",\"why\":");
    hpo_str_json(o, t->repeat        ? "the configuration of its parent, measured once more"
                    : t->parent >= 0 ? "a copy of its parent, made by the scheduler"
                    : chosen ? "its configuration was chosen by the scheduler, as its first decision says"
                             : "its configuration was given, not suggested");
}

static void write_outcome(const hpo_study *s, const hpo_trial_info *t, double mean, double sd, hpo_str *o)
{
    double y = t->values != NULL ? t->values[0] : (double)NAN;
    if (!isnan(mean)) {
        hpo_str_add(o, ",\"predicted\":{\"mean\":");
        hpo_str_json_double(o, mean * s->sign[0]);
        hpo_str_add(o, ",\"sd\":");
        hpo_str_json_double(o, sd);
        hpo_str_addc(o, '}');
    }
    if (isnan(y)) return;
    hpo_str_add(o, ",\"observed\":");
    hpo_str_json_double(o, y);
    if (isnan(mean) || !(sd > 0)) return;
    hpo_str_add(o, ",\"z\":"); /* in the user's orientation, as the two before it */
    hpo_str_json_double(o, (y - mean * s->sign[0]) / sd);
}

static hpo_status explain_suggestion(hpo_study *shadow, const hpo_trial_info *t, hpo_str *o, hpo_error *err)
{
    char *account = NULL;
    double mean, sd, *x = shadow->gradient; /* n_columns of scratch */
    hpo_study_view *w = &shadow->view;
    w->is_past = 1;
    w->past_seq = t->seq_from;
    w->past_number = t->number;
    HPO_TRY(take_sampler(shadow, t->draw, err));
    hpo_status status = ask_again(shadow, t->number, t->draw, t->seq_from, err);
    int same = 0;
    if (status == HPO_OK) {
        hpo_space_decode(shadow->space, shadow->u_ask, x);
        same = hpo_space_hash(shadow->space, x) == t->hash;
    } else if (status < 0) {
        return status;
    }
    hpo_str_add(o, ",\"sampler\":");
    hpo_str_json(o, shadow->spec.sampler);
    hpo_str_addf(o, ",\"seed\":%llu,\"draw\":%lld", (unsigned long long)shadow->seed,
                 (long long)(t->draw - shadow->spec.draw_base));
    if (shadow->history)
        hpo_str_addf(o, ",\"knew\":{\"finished\":%zu,\"pending\":%zu,\"events\":%lld}", w->v.n_done,
                     w->v.n_pending, (long long)t->seq_from);
    hpo_str_addf(o, ",\"recomputed\":%s", same ? "true" : "false");
    if (!same) {
        hpo_str_add(o, ",\"note\":");
        hpo_str_json(
            o, "asked again, the sampler gives another configuration: what it sees has changed since then (a "
               "trial was requeued, the budget changed, another version of the program), or the study drew "
               "this one itself after suggestions that could not be used");
        return HPO_OK;
    }
    HPO_TRY(account_of(shadow, view_of(shadow), shadow->u_ask, &account, err));
    status = prediction(account, &mean, &sd, err);
    if (status == HPO_OK) {
        write_account(shadow, account, o);
        write_outcome(shadow, t, mean, sd, o);
    }
    hpo_free(account);
    return status;
}

/* What the scheduler did with it: [{"what","step","reason"},...]. */
static hpo_status write_decisions(hpo_study *shadow, const hpo_trial_info *t, hpo_str *o, hpo_error *err)
{
    int64_t n = t->n_decisions;
    if (n == 0) return HPO_OK;
    hpo_str_add(o, ",\"scheduler\":");
    hpo_str_json(o, shadow->spec.scheduler);
    hpo_str_add(o, ",\"decisions\":[");
    for (int64_t i = 0; i < n; i++) {
        hpo_decision_info d;
        hpo_mutex_lock(&shadow->lock);
        hpo_status status = hpo_study__trial_decision(shadow, t->number, (size_t)i, &d, err);
        hpo_mutex_unlock(&shadow->lock);
        HPO_TRY(status);
        hpo_str_addf(o, "%s{\"what\":\"%s\",\"step\":", i > 0 ? "," : "", d.what);
        if (isnan(d.step))
            hpo_str_add(o, "null");
        else
            hpo_str_json_double(o, d.step);
        hpo_str_add(o, ",\"reason\":");
        if (d.reason != NULL)
            hpo_str_json(o, d.reason);
        else
            hpo_str_add(o, "null");
        hpo_str_addc(o, '}');
    }
    hpo_str_addc(o, ']');
    return HPO_OK;
}

/* *chosen 1: no sampler, user or clone; the scheduler said why it handed out a point of its own.  What a look
 * at a trial points to is good until the next look, so the trial's comes last. */
static hpo_status look_at(hpo_study *shadow, int64_t number, hpo_trial_info *t, int *chosen, hpo_error *err)
{
    hpo_decision_info d;
    *chosen = 0;
    HPO_TRY(hpo_study__trial(shadow, number, t, err));
    if (t->draw >= 0 || t->parent >= 0 || t->n_decisions == 0) return HPO_OK;
    HPO_TRY(hpo_study__trial_decision(shadow, number, 0, &d, err));
    *chosen = strcmp(d.what, "new") == 0 && d.reason != NULL;
    return hpo_study__trial(shadow, number, t, err);
}

static hpo_status explain_trial(hpo_study *s, hpo_study *shadow, int64_t number, hpo_str *o, hpo_error *err)
{
    hpo_trial_info t;
    int chosen;
    hpo_mutex_lock(&shadow->lock);
    hpo_status status = look_at(shadow, number, &t, &chosen, err);
    hpo_mutex_unlock(&shadow->lock);
    HPO_TRY(status);
    write_origin(&t, chosen, o);
    HPO_TRY(write_params(s, t.x, o, err));
    const hpo_trial_info asked = {.number = t.number, .n_decisions = t.n_decisions};
    if (t.draw >= 0) HPO_TRY(explain_suggestion(shadow, &t, o, err));
    HPO_TRY(write_decisions(shadow, &asked, o, err));
    hpo_str_addc(o, '}');
    return HPO_OK;
}

/* ---- the study --------------------------------------------------------------------------------------- */

static void write_changes(const hpo_study *s, hpo_str *o)
{
    if (s->spec.n_past == 0) return;
    hpo_str_add(o, ",\"before\":[");
    for (size_t i = 0; i < s->spec.n_past; i++) {
        const hpo_past_sampler *p = &s->spec.past[i];
        hpo_str_add(o, i > 0 ? ",{\"sampler\":" : "{\"sampler\":");
        hpo_str_json(o, p->sampler);
        hpo_str_addf(o, ",\"draws\":[%lld,%lld]}", (long long)p->draw_base, (long long)(p->end - 1));
    }
    hpo_str_addc(o, ']');
}

static hpo_status write_rule(hpo_study *shadow, const hpo_study_header *h, hpo_str *o, hpo_error *err)
{
    if (shadow->until == NULL) return HPO_OK;
    const hpo_until_facts facts = hpo_study__until_facts(shadow, h);
    hpo_ruling ruling;
    HPO_TRY(hpo_study__judge_until(shadow, h, &ruling, err));
    hpo_str_add(o, ",\"until\":{\"rule\":");
    hpo_str_json(o, shadow->spec.until);
    hpo_str_addf(o, ",\"holds\":%s,\"parts\":", ruling.stop ? "true" : "false");
    HPO_TRY(hpo_until_describe(shadow->until, &shadow->view.v, &facts, o, err));
    hpo_str_addc(o, '}');
    return HPO_OK;
}

/* What the scheduler says of itself: its rungs, and what it has chosen and why when it chooses. */
static hpo_status write_scheduling(hpo_study *shadow, hpo_str *o, hpo_error *err)
{
    char *json = NULL;
    hpo_mutex_lock(&shadow->lock);
    hpo_status status = hpo_study__rungs(shadow, &json, err);
    hpo_mutex_unlock(&shadow->lock);
    HPO_TRY(status);
    hpo_str_add(o, ",\"scheduling\":");
    hpo_str_add(o, json);
    hpo_free(json);
    return HPO_OK;
}

static hpo_status write_next(hpo_study *shadow, const hpo_study_header *h, hpo_str *o, hpo_error *err)
{
    char *account = NULL;
    double mean, sd;
    hpo_status status = ask_again(shadow, h->next_number, h->next_draw, h->seq, err);
    if (status > 0) {
        hpo_str_add(o, ",\"next\":null");
        return HPO_OK;
    }
    HPO_TRY(status);
    hpo_space_decode(shadow->space, shadow->u_ask, shadow->gradient);
    hpo_str_addf(o, ",\"next\":{\"draw\":%lld", (long long)(h->next_draw - shadow->spec.draw_base));
    HPO_TRY(write_params(shadow, shadow->gradient, o, err));
    HPO_TRY(account_of(shadow, view_of(shadow), shadow->u_ask, &account, err));
    status = prediction(account, &mean, &sd, err);
    if (status == HPO_OK) write_account(shadow, account, o);
    hpo_free(account);
    hpo_str_addc(o, '}');
    return status;
}

static hpo_status explain_study(hpo_study *shadow, hpo_str *o, hpo_error *err)
{
    hpo_study_header h;
    HPO_TRY(shadow->ops->read_header(shadow->store, shadow->id, &h, err));
    hpo_str_add(o, "{\"study\":");
    hpo_str_json(o, shadow->name);
    hpo_str_add(o, ",\"sampler\":");
    hpo_str_json(o, shadow->spec.sampler);
    hpo_str_add(o, ",\"help\":");
    hpo_str_json(o, shadow->sampler.ops->help);
    write_changes(shadow, o);
    HPO_TRY(write_scheduling(shadow, o, err));
    HPO_TRY(hpo_view__sync(shadow, h.seq, err));
    hpo_status status = shadow->view.lagged ? hpo_lag__admit(shadow, h.next_number, err) : HPO_OK;
    if (status < 0) return status;
    if (status == HPO_OK) HPO_TRY(write_rule(shadow, &h, o, err));
    HPO_TRY(write_next(shadow, &h, o, err));
    hpo_str_addc(o, '}');
    return HPO_OK;
}

hpo_status hpo_study__explain(hpo_study *s, int64_t number, char **json, hpo_error *err)
{
    hpo_study *shadow = NULL;
    hpo_str o = {0};
    HPO_TRY(open_shadow(s, &shadow, err));
    hpo_mutex_lock(&shadow->ask_lock);
    hpo_status status =
        number >= 0 ? explain_trial(s, shadow, number, &o, err) : explain_study(shadow, &o, err);
    hpo_mutex_unlock(&shadow->ask_lock);
    hpo_study__free(shadow);
    if (status == HPO_OK) status = hpo_str_steal(&o, json, err);
    hpo_str_fini(&o);
    return status;
}
