/* SPDX-License-Identifier: Apache-2.0 */
/* study/spec.c - everything about a study that is neither its space nor a counter, as one line of JSON:
 *
 *   {"objectives":[{"name":"loss","direction":"minimize"}],"outcomes":[{"name":"memory","max":4}],
 *    "sampler":"random","scheduler":"none","budget":{"trials":100,"seconds":3600,"cost":5,"target":0.01,
 *    "stagnation":50},"noisy":false,"max_retries":3,"lag":0,"lease":600,"default_first":true,"draw_base":0,
 *    "until":"regret","past":[{"sampler":"sobol","draw_base":0,"end":20}],"open_space":true}
 *
 * A limit, rule or history that is not there is absent.  Unknown keys are refused: a newer version wrote them
 * and means them. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "study/study.h"

static const double DEFAULT_LEASE = 600; /* seconds */
static const int32_t DEFAULT_RETRIES = 3;

/* ---- checks -------------------------------------------------------------------------------- */

int hpo_spec__budget_is_empty(const hpo_budget *b)
{
    return b->trials == 0 && b->seconds == 0 && b->cost == 0 && isnan(b->target) && b->stagnation == 0;
}

int hpo_spec__budget_equal(const hpo_budget *a, const hpo_budget *b)
{
    return a->trials == b->trials && a->seconds == b->seconds && a->cost == b->cost &&
           a->stagnation == b->stagnation &&
           (a->target == b->target || (isnan(a->target) && isnan(b->target)));
}

hpo_status hpo_spec__check_budget(const hpo_budget *b, size_t n_objectives, hpo_error *err)
{
    if (b->trials < 0)
        return hpo_fail(err, HPO_EINVAL, "budget.trials is %lld: use 0 for no limit, or a positive number",
                        (long long)b->trials);
    if (!(b->seconds >= 0))
        return hpo_fail(err, HPO_EINVAL, "budget.seconds is %g: use 0 for no limit, or a positive number",
                        b->seconds);
    if (!(b->cost >= 0))
        return hpo_fail(err, HPO_EINVAL, "budget.cost is %g: use 0 for no limit, or a positive number",
                        b->cost);
    if (b->stagnation < 0)
        return hpo_fail(err, HPO_EINVAL,
                        "budget.stagnation is %lld: use 0 for no limit, or a positive number",
                        (long long)b->stagnation);
    if (n_objectives > 1 && (!isnan(b->target) || b->stagnation > 0))
        return hpo_fail(err, HPO_EINVAL,
                        "budget.%s needs one objective and the study has %zu: limit trials, seconds or cost",
                        isnan(b->target) ? "stagnation" : "target", n_objectives);
    return HPO_OK;
}

static hpo_status check_names(const hpo_study_spec *s, hpo_error *err)
{
    size_t n = s->n_objectives + s->n_outcomes;
    for (size_t i = 0; i < n; i++) {
        const char *a = i < s->n_objectives ? s->objectives[i].name : s->outcomes[i - s->n_objectives].name;
        for (size_t j = 0; j < i; j++) {
            const char *b =
                j < s->n_objectives ? s->objectives[j].name : s->outcomes[j - s->n_objectives].name;
            if (strcmp(a, b) == 0)
                return hpo_fail(err, HPO_EINVAL,
                                "two measured values are called '%s': give each its own name", a);
        }
    }
    return HPO_OK;
}

static hpo_status check_rest(hpo_study_spec *s, hpo_error *err)
{
    if (s->max_retries < 0)
        return hpo_fail(err, HPO_EINVAL, "max_retries is %d: must be 0 or more", (int)s->max_retries);
    if (s->lag < 0) return hpo_fail(err, HPO_EINVAL, "lag is %lld: must be 0 or more", (long long)s->lag);
    if (s->lag > 0 && s->open_space)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "lag %lld in a study whose space is learned: declare the space, or use lag 0",
                        (long long)s->lag);
    if (!(s->lease > 0)) return hpo_fail(err, HPO_EINVAL, "lease is %g seconds: must be positive", s->lease);
    return hpo_spec__check_budget(&s->budget, s->n_objectives, err);
}

/* ---- from options -------------------------------------------------------------------------- */

static hpo_status add_objective(hpo_study_spec *s, size_t i, const char *name, hpo_direction direction,
                                hpo_error *err)
{
    if (name == NULL || *name == '\0')
        return hpo_fail(err, HPO_EINVAL, "objective %zu has no name: give it one, e.g. \"loss\"", i);
    if (direction != HPO_MINIMIZE && direction != HPO_MAXIMIZE)
        return hpo_fail(err, HPO_EINVAL,
                        "objective '%s': direction %d is neither HPO_MINIMIZE nor HPO_MAXIMIZE", name,
                        (int)direction);
    char *copy = hpo_strdup(name);
    if (copy == NULL) return hpo_fail_memory(err);
    s->objectives[i] = (hpo_objective){sizeof(hpo_objective), copy, direction};
    s->n_objectives = i + 1;
    return HPO_OK;
}

static hpo_status add_outcome(hpo_study_spec *s, size_t i, const char *name, double max, hpo_error *err)
{
    if (name == NULL || *name == '\0')
        return hpo_fail(err, HPO_EINVAL, "outcome %zu has no name: give it one, e.g. \"memory\"", i);
    if (isnan(max)) return hpo_fail(err, HPO_EINVAL, "outcome '%s': its max is NaN: give a number", name);
    char *copy = hpo_strdup(name);
    if (copy == NULL) return hpo_fail_memory(err);
    s->outcomes[i] = (hpo_outcome){sizeof(hpo_outcome), copy, max};
    s->n_outcomes = i + 1;
    return HPO_OK;
}

static hpo_status reserve_lists(hpo_study_spec *s, size_t n_objectives, size_t n_outcomes, hpo_error *err)
{
    s->objectives = hpo_calloc(n_objectives, sizeof *s->objectives);
    s->outcomes = hpo_calloc(n_outcomes > 0 ? n_outcomes : 1, sizeof *s->outcomes);
    return s->objectives == NULL || s->outcomes == NULL ? hpo_fail_memory(err) : HPO_OK;
}

/* The caller's array elements may be longer or shorter than ours: their own size is the stride. */
static hpo_status copy_objectives(hpo_study_spec *s, const hpo_study_options *o, hpo_error *err)
{
    if (o->objectives == NULL) return add_objective(s, 0, "value", HPO_MINIMIZE, err);
    const char *p = (const char *)o->objectives;
    size_t stride = o->objectives[0].size;
    for (size_t i = 0; i < o->n_objectives; i++) {
        hpo_objective one;
        if (stride < sizeof one)
            return hpo_fail(err, HPO_EINVAL, "objectives[0].size is %zu: set it to sizeof(hpo_objective)",
                            stride);
        memcpy(&one, p + i * stride, sizeof one);
        HPO_TRY(add_objective(s, i, one.name, one.direction, err));
    }
    return HPO_OK;
}

static hpo_status copy_outcomes(hpo_study_spec *s, const hpo_study_options *o, hpo_error *err)
{
    const char *p = (const char *)o->outcomes;
    for (size_t i = 0; i < o->n_outcomes; i++) {
        hpo_outcome one;
        size_t stride = o->outcomes[0].size;
        if (stride < sizeof one)
            return hpo_fail(err, HPO_EINVAL, "outcomes[0].size is %zu: set it to sizeof(hpo_outcome)",
                            stride);
        memcpy(&one, p + i * stride, sizeof one);
        HPO_TRY(add_outcome(s, i, one.name, one.max, err));
    }
    return HPO_OK;
}

/* Who declares a fidelity has said that trials may be run on less; nobody else finds trials cut short.  Under
 * several objectives and under lag nothing could decide. */
static const char *default_scheduler(const hpo_study_options *o, int has_fidelity)
{
    return has_fidelity && o->n_objectives <= 1 && o->lag == 0 ? HPO_DEFAULT_SCHEDULER : HPO_NO_SCHEDULER;
}

hpo_status hpo_spec__from_options(const hpo_study_options *o, int has_fidelity, hpo_study_spec *out,
                                  hpo_error *err)
{
    memset(out, 0, sizeof *out);
    if (o->objectives != NULL && o->n_objectives == 0)
        return hpo_fail(err, HPO_EINVAL, "n_objectives is 0: a study needs at least one objective");
    if (o->objectives == NULL && o->n_objectives > 1)
        return hpo_fail(err, HPO_EINVAL, "n_objectives is %zu but objectives is NULL", o->n_objectives);
    if (o->outcomes == NULL && o->n_outcomes > 0)
        return hpo_fail(err, HPO_EINVAL, "n_outcomes is %zu but outcomes is NULL", o->n_outcomes);
    HPO_TRY(reserve_lists(out, o->objectives == NULL ? 1 : o->n_objectives, o->n_outcomes, err));
    HPO_TRY(copy_objectives(out, o, err));
    HPO_TRY(copy_outcomes(out, o, err));
    HPO_TRY(check_names(out, err));
    out->sampler = hpo_strdup(o->sampler != NULL ? o->sampler : HPO_DEFAULT_SAMPLER);
    out->scheduler = hpo_strdup(o->scheduler != NULL ? o->scheduler : default_scheduler(o, has_fidelity));
    if (out->sampler == NULL || out->scheduler == NULL) return hpo_fail_memory(err);
    if (o->until != NULL && *o->until != '\0' && (out->until = hpo_strdup(o->until)) == NULL)
        return hpo_fail_memory(err);
    out->budget = o->budget;
    out->budget.size = sizeof out->budget;
    out->noisy = o->noisy != 0;
    out->max_retries = o->max_retries;
    out->lag = o->lag;
    out->lease = o->lease == 0 ? DEFAULT_LEASE : o->lease;
    out->default_first = o->default_first != 0;
    out->open_space = o->open_space != 0;
    return check_rest(out, err);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void write_key(hpo_str *o, const char **comma, const char *key)
{
    hpo_str_add(o, *comma);
    hpo_str_json(o, key);
    hpo_str_addc(o, ':');
    *comma = ",";
}

static void write_real(hpo_str *o, const char **comma, const char *key, double v)
{
    write_key(o, comma, key);
    hpo_str_json_double(o, v);
}

static void write_int(hpo_str *o, const char **comma, const char *key, int64_t v)
{
    write_key(o, comma, key);
    hpo_str_int(o, v);
}

static void write_budget(hpo_str *o, const hpo_budget *b)
{
    const char *comma = "";
    hpo_str_add(o, ",\"budget\":{");
    if (b->trials > 0) write_int(o, &comma, "trials", b->trials);
    if (b->seconds > 0) write_real(o, &comma, "seconds", b->seconds);
    if (b->cost > 0) write_real(o, &comma, "cost", b->cost);
    if (!isnan(b->target)) write_real(o, &comma, "target", b->target);
    if (b->stagnation > 0) write_int(o, &comma, "stagnation", b->stagnation);
    hpo_str_addc(o, '}');
}

static void write_past(hpo_str *o, const hpo_study_spec *s)
{
    hpo_str_add(o, ",\"past\":[");
    for (size_t i = 0; i < s->n_past; i++) {
        hpo_str_add(o, i > 0 ? ",{\"sampler\":" : "{\"sampler\":");
        hpo_str_json(o, s->past[i].sampler);
        hpo_str_addf(o, ",\"draw_base\":%lld,\"end\":%lld}", (long long)s->past[i].draw_base,
                     (long long)s->past[i].end);
    }
    hpo_str_addc(o, ']');
}

hpo_status hpo_spec__write(const hpo_study_spec *s, char **json, hpo_error *err)
{
    hpo_str o = {0};
    hpo_str_add(&o, "{\"objectives\":[");
    for (size_t i = 0; i < s->n_objectives; i++) {
        hpo_str_add(&o, i > 0 ? ",{\"name\":" : "{\"name\":");
        hpo_str_json(&o, s->objectives[i].name);
        hpo_str_add(&o, s->objectives[i].direction == HPO_MAXIMIZE ? ",\"direction\":\"maximize\"}"
                                                                   : ",\"direction\":\"minimize\"}");
    }
    hpo_str_add(&o, "],\"outcomes\":[");
    for (size_t i = 0; i < s->n_outcomes; i++) {
        hpo_str_add(&o, i > 0 ? ",{\"name\":" : "{\"name\":");
        hpo_str_json(&o, s->outcomes[i].name);
        hpo_str_add(&o, ",\"max\":");
        hpo_str_json_double(&o, s->outcomes[i].max);
        hpo_str_addc(&o, '}');
    }
    hpo_str_add(&o, "],\"sampler\":");
    hpo_str_json(&o, s->sampler);
    hpo_str_add(&o, ",\"scheduler\":");
    hpo_str_json(&o, s->scheduler);
    write_budget(&o, &s->budget);
    hpo_str_add(&o, s->noisy ? ",\"noisy\":true,\"max_retries\":" : ",\"noisy\":false,\"max_retries\":");
    hpo_str_int(&o, s->max_retries);
    hpo_str_add(&o, ",\"lag\":");
    hpo_str_int(&o, s->lag);
    hpo_str_add(&o, ",\"lease\":");
    hpo_str_json_double(&o, s->lease);
    hpo_str_add(&o, s->default_first ? ",\"default_first\":true,\"draw_base\":"
                                     : ",\"default_first\":false,\"draw_base\":");
    hpo_str_int(&o, s->draw_base);
    if (s->until != NULL) {
        hpo_str_add(&o, ",\"until\":");
        hpo_str_json(&o, s->until);
    }
    if (s->n_past > 0) write_past(&o, s);
    if (s->open_space) hpo_str_add(&o, ",\"open_space\":true");
    hpo_str_addc(&o, '}');
    hpo_status status = hpo_str_steal(&o, json, err);
    hpo_str_fini(&o);
    return status;
}

static const char *const WHAT = "study";

static hpo_status read_objectives(struct json_object *root, hpo_study_spec *s, hpo_error *err)
{
    static const char *const keys[] = {"name", "direction", NULL};
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(root, WHAT, "objectives", &list, err));
    size_t n = list == NULL ? 0 : json_object_array_length(list);
    if (n == 0)
        return hpo_fail(err, HPO_ECORRUPT, "study: 'objectives' is empty: the stored study is damaged");
    s->objectives = hpo_calloc(n, sizeof *s->objectives);
    if (s->objectives == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *name = NULL, *direction = "minimize";
        HPO_TRY(hpo_json_check_keys(one, "objective", keys, err));
        HPO_TRY(hpo_json_get_string(one, "objective", "name", &name, err));
        HPO_TRY(hpo_json_get_string(one, "objective", "direction", &direction, err));
        int up = strcmp(direction, "maximize") == 0;
        if (!up && strcmp(direction, "minimize") != 0)
            return hpo_fail(err, HPO_ECORRUPT, "study: direction '%.32s' is neither minimize nor maximize",
                            direction);
        HPO_TRY(add_objective(s, i, name, up ? HPO_MAXIMIZE : HPO_MINIMIZE, err));
    }
    return HPO_OK;
}

static hpo_status read_outcomes(struct json_object *root, hpo_study_spec *s, hpo_error *err)
{
    static const char *const keys[] = {"name", "max", NULL};
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(root, WHAT, "outcomes", &list, err));
    size_t n = list == NULL ? 0 : json_object_array_length(list);
    s->outcomes = hpo_calloc(n > 0 ? n : 1, sizeof *s->outcomes);
    if (s->outcomes == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *name = NULL;
        double max = (double)NAN;
        HPO_TRY(hpo_json_check_keys(one, "outcome", keys, err));
        HPO_TRY(hpo_json_get_string(one, "outcome", "name", &name, err));
        HPO_TRY(hpo_json_get_double(one, "outcome", "max", &max, err));
        HPO_TRY(add_outcome(s, i, name, max, err));
    }
    return HPO_OK;
}

static hpo_status read_budget(struct json_object *root, hpo_budget *b, hpo_error *err)
{
    static const char *const keys[] = {"trials", "seconds", "cost", "target", "stagnation", NULL};
    struct json_object *o = NULL;
    *b = (hpo_budget){.size = sizeof *b, .target = (double)NAN};
    HPO_TRY(hpo_json_get_object(root, WHAT, "budget", &o, err));
    if (o == NULL) return HPO_OK;
    HPO_TRY(hpo_json_check_keys(o, "budget", keys, err));
    HPO_TRY(hpo_json_get_int(o, "budget", "trials", &b->trials, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "seconds", &b->seconds, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "cost", &b->cost, err));
    HPO_TRY(hpo_json_get_double(o, "budget", "target", &b->target, err));
    return hpo_json_get_int(o, "budget", "stagnation", &b->stagnation, err);
}

static hpo_status read_past(struct json_object *root, hpo_study_spec *s, hpo_error *err)
{
    static const char *const keys[] = {"sampler", "draw_base", "end", NULL};
    struct json_object *list = NULL;
    HPO_TRY(hpo_json_get_array(root, WHAT, "past", &list, err));
    size_t n = list == NULL ? 0 : json_object_array_length(list);
    if (n == 0) return HPO_OK;
    s->past = hpo_calloc(n, sizeof *s->past);
    if (s->past == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *sampler = "";
        HPO_TRY(hpo_json_check_keys(one, "past", keys, err));
        HPO_TRY(hpo_json_get_string(one, "past", "sampler", &sampler, err));
        HPO_TRY(hpo_json_get_int(one, "past", "draw_base", &s->past[i].draw_base, err));
        HPO_TRY(hpo_json_get_int(one, "past", "end", &s->past[i].end, err));
        s->past[i].sampler = hpo_strdup(sampler);
        if (s->past[i].sampler == NULL) return hpo_fail_memory(err);
        s->n_past = i + 1;
    }
    return HPO_OK;
}

static hpo_status read_rest(struct json_object *root, hpo_study_spec *s, hpo_error *err)
{
    const char *sampler = HPO_DEFAULT_SAMPLER, *scheduler = HPO_NO_SCHEDULER, *until = NULL;
    int noisy = 0, first = 1, open = 0;
    int64_t retries = DEFAULT_RETRIES;
    s->lease = DEFAULT_LEASE;
    HPO_TRY(hpo_json_get_string(root, WHAT, "sampler", &sampler, err));
    HPO_TRY(hpo_json_get_string(root, WHAT, "scheduler", &scheduler, err));
    HPO_TRY(hpo_json_get_bool(root, WHAT, "noisy", &noisy, err));
    HPO_TRY(hpo_json_get_bool(root, WHAT, "default_first", &first, err));
    HPO_TRY(hpo_json_get_bool(root, WHAT, "open_space", &open, err));
    HPO_TRY(hpo_json_get_int(root, WHAT, "max_retries", &retries, err));
    HPO_TRY(hpo_json_get_int(root, WHAT, "lag", &s->lag, err));
    HPO_TRY(hpo_json_get_int(root, WHAT, "draw_base", &s->draw_base, err));
    HPO_TRY(hpo_json_get_double(root, WHAT, "lease", &s->lease, err));
    HPO_TRY(hpo_json_get_string(root, WHAT, "until", &until, err));
    HPO_TRY(read_budget(root, &s->budget, err));
    HPO_TRY(read_past(root, s, err));
    if (until != NULL && (s->until = hpo_strdup(until)) == NULL) return hpo_fail_memory(err);
    s->sampler = hpo_strdup(sampler);
    s->scheduler = hpo_strdup(scheduler);
    if (s->sampler == NULL || s->scheduler == NULL) return hpo_fail_memory(err);
    s->noisy = noisy;
    s->default_first = first;
    s->open_space = open;
    s->max_retries = retries > INT32_MAX ? INT32_MAX : (int32_t)retries;
    return check_rest(s, err);
}

hpo_status hpo_spec__read(const char *json, hpo_study_spec *out, hpo_error *err)
{
    static const char *const keys[] = {"objectives", "outcomes",    "sampler", "scheduler",     "budget",
                                       "noisy",      "max_retries", "lag",     "default_first", "draw_base",
                                       "lease",      "until",       "past",    "open_space",    NULL};
    memset(out, 0, sizeof *out);
    struct json_object *root = NULL;
    hpo_status status = hpo_json_parse(json, strlen(json), "stored study", &root, err);
    if (status == HPO_OK && !json_object_is_type(root, json_type_object))
        status = hpo_fail(err, HPO_EINVAL, "the stored study is not a JSON object");
    if (status == HPO_OK) status = hpo_json_check_keys(root, WHAT, keys, err);
    if (status == HPO_OK) status = read_objectives(root, out, err);
    if (status == HPO_OK) status = read_outcomes(root, out, err);
    if (status == HPO_OK) status = check_names(out, err);
    if (status == HPO_OK) status = read_rest(root, out, err);
    json_object_put(root);
    /* What is invalid here was written by somebody else: the file, not the caller, is at fault. */
    if (status == HPO_EINVAL) {
        status = HPO_ECORRUPT;
        if (err != NULL) err->code = status;
    }
    return status;
}

void hpo_spec__fini(hpo_study_spec *s)
{
    for (size_t i = 0; i < s->n_objectives; i++)
        hpo_free((void *)(uintptr_t)s->objectives[i].name);
    for (size_t i = 0; i < s->n_outcomes; i++)
        hpo_free((void *)(uintptr_t)s->outcomes[i].name);
    hpo_free(s->objectives);
    hpo_free(s->outcomes);
    hpo_free(s->sampler);
    hpo_free(s->scheduler);
    hpo_free(s->until);
    for (size_t i = 0; i < s->n_past; i++)
        hpo_free(s->past[i].sampler);
    hpo_free(s->past);
    memset(s, 0, sizeof *s);
}

/* ---- the same problem? --------------------------------------------------------------------- */

hpo_status hpo_spec__same_problem(const hpo_study_spec *a, const hpo_study_spec *b, const char *name,
                                  hpo_error *err)
{
    static const char *const remedy = "choose another name for the new study, or delete the stored one";
    if (a->n_objectives != b->n_objectives)
        return hpo_fail(err, HPO_EEXIST, "study '%s' exists with %zu objectives, not %zu: %s", name,
                        a->n_objectives, b->n_objectives, remedy);
    for (size_t i = 0; i < a->n_objectives; i++) {
        const hpo_objective *p = &a->objectives[i], *q = &b->objectives[i];
        if (strcmp(p->name, q->name) != 0 || p->direction != q->direction)
            return hpo_fail(err, HPO_EEXIST, "study '%s' exists and %s '%s', not %s '%s': %s", name,
                            p->direction == HPO_MAXIMIZE ? "maximizes" : "minimizes", p->name,
                            q->direction == HPO_MAXIMIZE ? "maximizes" : "minimizes", q->name, remedy);
    }
    if (a->n_outcomes != b->n_outcomes)
        return hpo_fail(err, HPO_EEXIST, "study '%s' exists with %zu outcome constraints, not %zu: %s", name,
                        a->n_outcomes, b->n_outcomes, remedy);
    for (size_t i = 0; i < a->n_outcomes; i++) {
        const hpo_outcome *p = &a->outcomes[i], *q = &b->outcomes[i];
        if (strcmp(p->name, q->name) != 0 || p->max != q->max)
            return hpo_fail(err, HPO_EEXIST, "study '%s' exists with constraint %s <= %g, not %s <= %g: %s",
                            name, p->name, p->max, q->name, q->max, remedy);
    }
    return HPO_OK;
}
