/* SPDX-License-Identifier: Apache-2.0 */
/* study/grow.c - spaces that are learned while trials run.
 *
 * A space S' has grown from S when the columns of S are the first columns of S': the same parameters in the
 * same order, of the same kinds and widths, labels only added behind.  Ranges and conditions may be others.
 * Then a row of S is a row of S' with new columns behind it, and a handle that still has S reads rows of S'
 * as what it knows.  So old handles go on reporting and telling, which touch no configuration; what would
 * write or interpret one (ask, enqueue ...) notices the study's new texts_seq and answers HPO_EOUTDATED.
 *
 * Growing brings every row to S' in one transaction.  For trial i, in the order of dependence:
 *
 *   x_j = absent           where the condition of j does not hold
 *   x_j as it was          where there was a value
 *   x_j ~ p_j, from the stream (seed, i)   where j is active and trial i never had it (it failed before it
 *                          got there, or was made before j was known): what it would have been given
 *
 * and hashes it anew, so that duplicates are found across versions.  The last kind is no part of what the
 * trial was run with: its attribute "hpo:unasked" lists those parameters, kept in the same transaction, so
 * that no trial that ends meanwhile in another process is overlooked.  A space in which a trial that has
 * ended would lose what it was run with is refused, and so is the end of one that has lost it while it ran.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "math/rng.h"
#include "space/space.h"
#include "study/study.h"

static hpo_status fail_outdated(const hpo_study *s, hpo_error *err)
{
    return hpo_fail(err, HPO_EOUTDATED,
                    "study '%s': its space has grown since this handle was opened: open it again", s->name);
}

hpo_status hpo_study__check_space(const hpo_study *s, const hpo_study_record *r, hpo_error *err)
{
    char *ours = NULL;
    if (!s->spec.open_space) return HPO_OK; /* other spaces never change */
    HPO_TRY(hpo_space_to_json(s->space, &ours, err));
    int same = strcmp(ours, r->space) == 0;
    hpo_free(ours);
    return same ? HPO_OK : fail_outdated(s, err);
}

/* ---- has it grown? -------------------------------------------------------------------------------- */

static hpo_status check_labels(const hpo_param *a, const hpo_param *b, hpo_error *err)
{
    if (b->n_labels < a->n_labels)
        return hpo_fail(err, HPO_EINVAL, "%s: has %zu labels and had %zu: a space that grows keeps them",
                        a->name, b->n_labels, a->n_labels);
    for (size_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0)
            return hpo_fail(err, HPO_EINVAL,
                            "%s: label %zu is '%s' and was '%s': add new labels behind the others", a->name,
                            i, b->labels[i], a->labels[i]);
    return HPO_OK;
}

/* The number that a const stands for; 0: it is a text. */
static int const_number(const hpo_param *p, double *v)
{
    const char *end = p->n_labels == 1 ? hpo_double_parse(p->labels[0], v) : p->labels[0];
    return end != p->labels[0] && *end == '\0' && isfinite(*v);
}

/* A parameter that had one value may turn out to have more. */
static int may_become(const hpo_param *a, const hpo_param *b)
{
    double v;
    if (a->kind == b->kind) return 1;
    if (a->kind != HPO_KIND_CONST) return 0;
    if (b->kind == HPO_KIND_FLOAT || b->kind == HPO_KIND_INT) return const_number(a, &v);
    return b->kind == HPO_KIND_CATEGORICAL;
}

static hpo_status check_grown(const hpo_space *old, const hpo_space *grown, hpo_error *err)
{
    for (size_t i = 0; i < old->n_params; i++) {
        const hpo_param *a = &old->params[i], *b = &grown->params[i];
        if (i >= grown->n_params || strcmp(a->name, b->name) != 0)
            return hpo_fail(
                err, HPO_EINVAL,
                "%s: a space that grows keeps its parameters in their order: add new ones at the end",
                a->name);
        if (!may_become(a, b) || a->column != b->column || a->n_columns != b->n_columns ||
            a->is_fidelity != b->is_fidelity)
            return hpo_fail(err, HPO_EINVAL, "%s: was %s, and a parameter cannot become another type",
                            a->name, hpo_kind_name(a->kind));
        if (b->kind != HPO_KIND_FLOAT && b->kind != HPO_KIND_INT) HPO_TRY(check_labels(a, b, err));
    }
    return HPO_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

typedef struct grow_rows {
    hpo_study *s;
    const hpo_space *space;
    double *u;    /* n_dims */
    uint8_t *had; /* n_params: the trial had a value before */
    double *all;  /* every trial's new row, by number */
    int64_t *number;
    size_t n, cap_all, cap_number, n_columns;
    hpo_error *err;
} grow_rows;

/* u: n_dims of scratch */
static void settle(const hpo_space *space, uint64_t seed, int64_t number, double *u, double *x)
{
    hpo_rng rng;
    hpo_rng_init(&rng, seed, (uint64_t)number, HPO_RNG_GROW);
    for (size_t j = 0; j < hpo_space_n_dims(space); j++)
        u[j] = hpo_rng_uniform(&rng);
    hpo_space_apply_prior(space, u, u);
    for (size_t i = 0; i < space->n_params; i++) {
        const hpo_codec *c = &space->program[i];
        int inactive = c->when != NULL && hpo_expr_eval(c->when, x) != 1;
        if (inactive || isnan(x[c->column])) hpo_codec_decode(space, c, u, x);
    }
}

/* Where a const has become a range its rows hold the number from now on. */
static void unfold(const hpo_space *old, const hpo_space *grown, double *x)
{
    for (size_t i = 0; i < old->n_params; i++) {
        const hpo_param *a = &old->params[i], *b = &grown->params[i];
        double v;
        if (a->kind == HPO_KIND_CONST && (b->kind == HPO_KIND_FLOAT || b->kind == HPO_KIND_INT) &&
            !isnan(x[a->column]) && const_number(a, &v))
            x[a->column] = v;
    }
}

/* Rows are gathered first: a storage must not be written while it is read. */
static hpo_status gather(void *ctx, const hpo_trial_record *t)
{
    grow_rows *g = ctx;
    size_t n = g->n_columns;
    HPO_TRY(hpo_reserve(&g->all, &g->cap_all, (g->n + 1) * n, sizeof *g->all, g->err));
    HPO_TRY(hpo_reserve(&g->number, &g->cap_number, g->n + 1, sizeof *g->number, g->err));
    memcpy(g->all + g->n * n, t->x, n * sizeof *g->all);
    g->number[g->n++] = t->number;
    return HPO_OK;
}

/* ---- values that nobody asked for ------------------------------------------------------------------ */

static const char UNASKED[] = "hpo:unasked";

static int is_listed(struct json_object *list, const char *name)
{
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        const char *one = json_object_get_string(json_object_array_get_idx(list, i));
        if (one != NULL && strcmp(one, name) == 0) return 1;
    }
    return 0;
}

/* The trial's attributes with the list of parameters of x that it never had, `had` by parameter; `keep`:
 * those that were listed stay so.  *text stays NULL when nothing changes. */
static hpo_status list_unasked(const hpo_space *space, const uint8_t *had, const char *attributes, int keep,
                               const double *x, char **text, hpo_error *err)
{
    struct json_object *root = NULL, *list = NULL;
    hpo_str names = {0};
    size_t n = 0;
    if (attributes != NULL)
        HPO_TRY(hpo_json_parse(attributes, strlen(attributes), "stored attributes", &root, err));
    if (root != NULL && json_object_object_get_ex(root, UNASKED, &list) &&
        !json_object_is_type(list, json_type_array))
        list = NULL;
    for (size_t i = 0; i < space->n_params; i++) {
        const hpo_param *p = &space->params[i];
        if (isnan(x[p->column]) || (had[i] && !(keep && is_listed(list, p->name)))) continue;
        hpo_str_add(&names, n++ == 0 ? "[" : ",");
        hpo_str_json(&names, p->name);
    }
    hpo_str_add(&names, n > 0 ? "]" : "null");
    hpo_status status = names.failed ? hpo_fail_memory(err) : HPO_OK;
    if (status == HPO_OK && (n > 0 || list != NULL))
        status = hpo_study__merge_attr(attributes, UNASKED, names.text, text, err);
    hpo_str_fini(&names);
    json_object_put(root);
    return status;
}

static void note_values(const hpo_space *space, const double *x, uint8_t *had)
{
    for (size_t i = 0; i < space->n_params; i++)
        had[i] = (uint8_t)(isnan(x[space->params[i].column]) ? 0 : 1);
}

/* A trial that has ended, or has said what it uses, keeps all that it was run with. */
static hpo_status check_kept(const grow_rows *g, const hpo_trial_record *t, const double *x)
{
    struct json_object *root = NULL, *list = NULL;
    hpo_status status = HPO_OK;
    size_t i = 0;
    const int settled = t->state == HPO_STATE_RUNNING && (t->flags & HPO_TRIAL_SETTLED) != 0;
    if (!settled && !hpo_view__is_end(t->state)) return HPO_OK;
    while (i < g->space->n_params && !(g->had[i] && isnan(x[g->space->params[i].column])))
        i++;
    if (i == g->space->n_params) return HPO_OK; /* the common case: nothing becomes absent */
    if (t->attributes != NULL)
        HPO_TRY(hpo_json_parse(t->attributes, strlen(t->attributes), "stored attributes", &root, g->err));
    if (root != NULL) (void)json_object_object_get_ex(root, UNASKED, &list);
    if (!json_object_is_type(list, json_type_array)) list = NULL;
    for (; status == HPO_OK && i < g->space->n_params; i++) {
        const hpo_param *p = &g->space->params[i];
        if (g->had[i] && isnan(x[p->column]) && !is_listed(list, p->name))
            status = hpo_fail(g->err, HPO_EINVAL,
                              "%s: trial %lld was run with it, and is without it in the new space: let its "
                              "condition hold there, or leave it out",
                              p->name, (long long)t->number);
    }
    json_object_put(root);
    return status;
}

static hpo_status rewrite_trial(grow_rows *g, hpo_study_header *h, int64_t now, int64_t number, double *x)
{
    hpo_study *s = g->s;
    hpo_trial_record t;
    char *text = NULL;
    uint32_t what = HPO_UPDATE_CONFIG;
    HPO_TRY(hpo_study__get(s, number, &t, g->err));
    note_values(g->space, x, g->had);
    unfold(s->space, g->space, x);
    settle(g->space, s->seed, t.number, g->u, x);
    HPO_TRY(check_kept(g, &t, x));
    if (t.state != HPO_STATE_WAITING)
        HPO_TRY(list_unasked(g->space, g->had, t.attributes, 1, x, &text, g->err));
    if (text != NULL) {
        t.attributes = text;
        what |= HPO_UPDATE_ATTRS;
    }
    t.x = x;
    t.hash = hpo_space_hash(g->space, x);
    t.seq = hpo_study__event(h, now);
    hpo_status status = s->ops->update_trial(s->store, s->id, &t, what, g->err);
    hpo_free(text);
    return status;
}

static hpo_status rewrite(grow_rows *g, hpo_study_header *h)
{
    hpo_study *s = g->s;
    hpo_reader reader = {gather, NULL, g};
    int64_t now = hpo_study__now(s, h);
    HPO_TRY(s->ops->read_since(s->store, s->id, 0, &reader, g->err));
    for (size_t i = 0; i < g->n; i++)
        HPO_TRY(rewrite_trial(g, h, now, g->number[i], g->all + i * g->n_columns));
    return HPO_OK;
}

/* ---- the change ------------------------------------------------------------------------------------- */

static hpo_status grow_in(hpo_study *s, hpo_study_header *h, const hpo_space *space, const char *json,
                          hpo_error *err)
{
    grow_rows g = {.s = s, .space = space, .n_columns = hpo_space_n_columns(space), .err = err};
    if (s->ops->grow_study == NULL)
        return hpo_fail(err, HPO_EUNSUPPORTED, "storage '%s:' keeps no spaces that grow: declare the space",
                        s->ops->scheme);
    g.u = hpo_alloc_array(hpo_space_n_dims(space) + 1, sizeof *g.u);
    g.had = hpo_alloc_array(space->n_params + 1, sizeof *g.had);
    if (g.u == NULL || g.had == NULL) {
        hpo_free(g.u);
        hpo_free(g.had);
        return hpo_fail_memory(err);
    }
    h->texts_seq = hpo_study__event(h, hpo_study__now(s, h));
    hpo_status status = s->ops->grow_study(s->store, s->id, json, g.n_columns, err);
    if (status == HPO_OK && g.n_columns > 0) status = rewrite(&g, h);
    if (status == HPO_OK) status = hpo_budget__reopen(s, h, err); /* an exhausted grid has more to do */
    hpo_free(g.u);
    hpo_free(g.had);
    hpo_free(g.all);
    hpo_free(g.number);
    return status;
}

hpo_status hpo_study__grow(hpo_study *s, const hpo_space *wanted, hpo_error *err)
{
    hpo_study_header h;
    hpo_space *space = NULL;
    char *json = NULL;
    if (!s->spec.open_space)
        return hpo_fail(err, HPO_ESTATE,
                        "study '%s' has a declared space: make a new study, with open_space to let it grow",
                        s->name);
    HPO_TRY(hpo_space_frozen(wanted, &space, err));
    hpo_status status = check_grown(s->space, space, err);
    if (status == HPO_OK) status = hpo_space_to_json(space, &json, err);
    if (status == HPO_OK) status = hpo_study__begin_fresh(s, &h, err);
    if (status == HPO_OK) status = hpo_study__commit_fresh(s, &h, grow_in(s, &h, space, json, err), err);
    hpo_free(json);
    hpo_space_free(space);
    return status;
}

/* ---- values at first sight ---------------------------------------------------------------------------- */

static hpo_status ask_first(hpo_study *s, const hpo_space *space, int64_t draw, double *u, hpo_error *err)
{
    hpo_sampler sampler = {0};
    hpo_rng rng;
    const hpo_view nothing = {.size = sizeof nothing,
                              .n_dims = hpo_space_n_dims(space),
                              .n_objectives = s->shape.n_objectives,
                              .n_outcomes = s->shape.n_outcomes};
    HPO_TRY(hpo_study__open_sampler(s, s->spec.sampler, space, &sampler, err));
    int64_t base = draw >= s->spec.draw_base ? s->spec.draw_base : 0;
    hpo_rng_init(&rng, s->seed, (uint64_t)draw, HPO_RNG_SAMPLER);
    hpo_status status = sampler.ops->ask(sampler.state, &nothing, (uint64_t)(draw - base), &rng, u, err);
    hpo_sampler_close(&sampler);
    return status;
}

static hpo_status prior_draw(const hpo_study *s, const hpo_space *space, int64_t number, double *u,
                             hpo_error *err)
{
    hpo_rng rng;
    hpo_rng_init(&rng, s->seed, (uint64_t)number, HPO_RNG_GROW);
    return hpo_space_draw(space, &rng, u, err);
}

hpo_status hpo_study__first_draw(hpo_study *s, const hpo_space *wanted, int64_t draw, int64_t number,
                                 double *x, hpo_error *err)
{
    hpo_space *space = NULL;
    HPO_TRY(hpo_space_frozen(wanted, &space, err));
    double *u = hpo_alloc_array(hpo_space_n_dims(space) + 1, sizeof *u);
    hpo_status status = u == NULL ? hpo_fail_memory(err) : HPO_OK;
    if (status == HPO_OK) {
        hpo_mutex_lock(&s->lock);
        status = draw >= 0 ? ask_first(s, space, draw, u, err) : HPO_DONE;
        if (status == HPO_DONE) /* nothing to ask, or a grid that has ended */
            status = prior_draw(s, space, number, u, err);
        hpo_mutex_unlock(&s->lock);
    }
    for (size_t i = 0; status == HPO_OK && i < hpo_space_n_dims(space); i++)
        if (isnan(u[i])) u[i] = 0.5;
    if (status == HPO_OK) hpo_space_decode(space, u, x);
    hpo_free(u);
    hpo_space_free(space);
    return status;
}

/* ---- what a trial has used ------------------------------------------------------------------------------
 */

hpo_status hpo_study__settle(const hpo_study *s, int64_t number, double *x, hpo_error *err)
{
    double *u = hpo_alloc_array(s->n_dims + 1, sizeof *u);
    if (u == NULL) return hpo_fail_memory(err);
    settle(s->space, s->seed, number, u, x);
    hpo_free(u);
    return hpo_space_validate(s->space, x, err);
}

typedef struct own_config {
    double *x, *u; /* n_columns: settled; n_dims */
    uint8_t *had;
} own_config;

static hpo_status set_config_in(hpo_study *s, hpo_study_header *h, int64_t number, uint64_t token,
                                const own_config *own, hpo_error *err)
{
    hpo_trial_record t;
    char *text = NULL;
    uint32_t what = HPO_UPDATE_CONFIG | HPO_UPDATE_STATE;
    HPO_TRY(hpo_study__get(s, number, &t, err));
    HPO_TRY(hpo_study__check_holder(&t, token, err));
    HPO_TRY(list_unasked(s->space, own->had, t.attributes, 0, own->x, &text, err));
    if (text != NULL) {
        t.attributes = text;
        what |= HPO_UPDATE_ATTRS;
    }
    t.x = own->x;
    t.flags |= HPO_TRIAL_SETTLED;
    t.hash = hpo_space_hash(s->space, own->x);
    t.seq = hpo_study__event(h, hpo_study__now(s, h));
    hpo_status status = s->ops->update_trial(s->store, s->id, &t, what, err);
    hpo_free(text);
    return status;
}

hpo_status hpo_study__set_config(hpo_study *s, int64_t number, uint64_t token, const double *x,
                                 const double *used, hpo_error *err)
{
    hpo_study_header h;
    size_t n = hpo_space_n_columns(s->space);
    own_config own = {hpo_alloc_array(n + 1, sizeof(double)), hpo_alloc_array(s->n_dims + 1, sizeof(double)),
                      hpo_alloc_array(s->space->n_params + 1, 1)};
    hpo_status status = own.x && own.u && own.had ? HPO_OK : hpo_fail_memory(err);
    if (status == HPO_OK) {
        memcpy(own.x, x, n * sizeof *x);
        note_values(s->space, used, own.had);
        settle(s->space, s->seed, number, own.u, own.x);
        status = hpo_space_validate(s->space, own.x, err);
    }
    if (status == HPO_OK) status = hpo_study__begin_fresh(s, &h, err);
    if (status == HPO_OK)
        status = hpo_study__commit_fresh(s, &h, set_config_in(s, &h, number, token, &own, err), err);
    hpo_free(own.x);
    hpo_free(own.u);
    hpo_free(own.had);
    return status;
}
