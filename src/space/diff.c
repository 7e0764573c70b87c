/* SPDX-License-Identifier: Apache-2.0 */
/* space/diff.c - what changes from one space to another, one line a difference. */
#include "space/space.h"
#include <string.h>

#include "base/error.h"

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Labels of a that b does not have. */
static void list_missing(const hpo_param *a, const hpo_param *b, const char *what, hpo_str *out)
{
    int first = 1;
    for (size_t i = 0; i < a->n_labels; i++) {
        if (hpo_param_find_label(b, a->labels[i], strlen(a->labels[i])) >= 0) continue;
        if (first)
            hpo_str_addf(out, "%s: labels %s: ", a->name, what);
        else
            hpo_str_add(out, ", ");
        hpo_str_add(out, a->labels[i]);
        first = 0;
    }
    if (!first) hpo_str_addc(out, '\n');
}

static int same_range(const hpo_param *a, const hpo_param *b)
{
    int low = same_text(a->low_text, b->low_text) && (a->low_text || a->low == b->low);
    int high = same_text(a->high_text, b->high_text) && (a->high_text || a->high == b->high);
    return low && high;
}

static int is_number(const hpo_param *p)
{
    return p->kind == HPO_KIND_FLOAT || p->kind == HPO_KIND_INT || p->kind == HPO_KIND_VECTOR;
}

static void add_range(const hpo_param *p, hpo_str *out)
{
    if (p->low_text)
        hpo_str_addf(out, "(%s)", p->low_text);
    else
        hpo_str_double(out, p->low);
    hpo_str_add(out, "..");
    if (p->high_text)
        hpo_str_addf(out, "(%s)", p->high_text);
    else
        hpo_str_double(out, p->high);
}

static void diff_number(const hpo_param *a, const hpo_param *b, hpo_str *out)
{
    if (!same_range(a, b)) {
        hpo_str_addf(out, "%s: range ", a->name);
        add_range(a, out);
        hpo_str_add(out, " -> ");
        add_range(b, out);
        hpo_str_addc(out, '\n');
    }
    if (a->scale != b->scale)
        hpo_str_addf(out, "%s: scale %s -> %s\n", a->name, hpo_scale_name(a->scale),
                     hpo_scale_name(b->scale));
    if (a->step != b->step) {
        hpo_str_addf(out, "%s: step ", a->name);
        hpo_str_double(out, a->step);
        hpo_str_add(out, " -> ");
        hpo_str_double(out, b->step);
        hpo_str_addc(out, '\n');
    }
}

static void diff_labels(const hpo_param *a, const hpo_param *b, hpo_str *out)
{
    size_t before = out->len;
    list_missing(b, a, "added", out);
    list_missing(a, b, "removed", out);
    if (out->len != before || a->n_labels != b->n_labels) return;
    for (size_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0) {
            hpo_str_addf(out, "%s: order of labels changed\n", a->name);
            return;
        }
}

static void add_default(const hpo_param *p, hpo_str *out)
{
    if (p->fallback)
        hpo_param_value_text(p, p->fallback, out);
    else
        hpo_str_add(out, "none");
}

static int same_default(const hpo_param *a, const hpo_param *b)
{
    hpo_str x = {0}, y = {0};
    add_default(a, &x);
    add_default(b, &y);
    int same = x.text && y.text && strcmp(x.text, y.text) == 0;
    hpo_str_fini(&x);
    hpo_str_fini(&y);
    return same;
}

static int same_prior(const hpo_param *a, const hpo_param *b)
{
    if (a->prior != b->prior) return 0;
    if (a->prior == HPO_PRIOR_CENTER)
        return a->confidence == b->confidence &&
               (a->labels ? same_text(a->labels[(size_t)a->prior_a], b->labels[(size_t)b->prior_a])
                          : a->prior_a == b->prior_a);
    if (a->prior == HPO_PRIOR_WEIGHTS)
        return a->n_weights == b->n_weights &&
               memcmp(a->weights, b->weights, a->n_weights * sizeof *a->weights) == 0;
    return a->prior_a == b->prior_a && a->prior_b == b->prior_b;
}

static void diff_param(const hpo_param *a, const hpo_param *b, hpo_str *out)
{
    if (a->kind != b->kind) {
        hpo_str_addf(out, "%s: type %s -> %s\n", a->name, hpo_kind_name(a->kind), hpo_kind_name(b->kind));
        return;
    }
    if (is_number(a))
        diff_number(a, b, out);
    else
        diff_labels(a, b, out);
    if (a->n_items != b->n_items)
        hpo_str_addf(out, "%s: items %d -> %d\n", a->name, (int)a->n_items, (int)b->n_items);
    if (a->kind == HPO_KIND_SUBSET && (a->min_size != b->min_size || a->max_size != b->max_size))
        hpo_str_addf(out, "%s: size %d..%d -> %d..%d\n", a->name, (int)a->min_size, (int)a->max_size,
                     (int)b->min_size, (int)b->max_size);
    if (a->is_fidelity != b->is_fidelity)
        hpo_str_addf(out, "%s: %s a fidelity\n", a->name, b->is_fidelity ? "becomes" : "is no longer");
    if (a->is_resumable != b->is_resumable)
        hpo_str_addf(out, "%s: %s resumable\n", a->name, b->is_resumable ? "becomes" : "is no longer");
    if (!same_default(a, b)) {
        hpo_str_addf(out, "%s: default ", a->name);
        add_default(a, out);
        hpo_str_add(out, " -> ");
        add_default(b, out);
        hpo_str_addc(out, '\n');
    }
    if (!same_prior(a, b)) hpo_str_addf(out, "%s: prior changed\n", a->name);
    if (!same_text(a->when, b->when))
        hpo_str_addf(out, "%s: condition %s -> %s\n", a->name, a->when ? a->when : "none",
                     b->when ? b->when : "none");
}

static int has_constraint(const hpo_space *s, const char *text)
{
    for (size_t i = 0; i < s->n_constraints; i++)
        if (strcmp(s->constraints[i].text, text) == 0) return 1;
    return 0;
}

static void diff_derived(const hpo_space *a, const hpo_space *b, hpo_str *out)
{
    for (size_t i = 0; i < a->n_derived; i++) {
        const hpo_derived *d = &a->derived[i], *other = NULL;
        for (size_t j = 0; j < b->n_derived; j++)
            if (strcmp(b->derived[j].name, d->name) == 0) other = &b->derived[j];
        if (!other)
            hpo_str_addf(out, "%s: derived value removed\n", d->name);
        else if (strcmp(other->text, d->text) != 0)
            hpo_str_addf(out, "%s: derived value %s -> %s\n", d->name, d->text, other->text);
    }
    for (size_t j = 0; j < b->n_derived; j++) {
        int known = 0;
        for (size_t i = 0; i < a->n_derived; i++)
            known |= strcmp(a->derived[i].name, b->derived[j].name) == 0;
        if (!known)
            hpo_str_addf(out, "%s: derived value added: %s\n", b->derived[j].name, b->derived[j].text);
    }
}

/* 1 when the parameters that both have stand in the same order. */
static int same_order(const hpo_space *a, const hpo_space *b)
{
    int64_t before = -1;
    for (size_t i = 0; i < a->n_params; i++) {
        int64_t j = hpo_space_find(b, a->params[i].name);
        if (j < 0) continue;
        if (j < before) return 0;
        before = j;
    }
    return 1;
}

hpo_status hpo_space_diff(const hpo_space *a, const hpo_space *b, char **out, hpo_error *err)
{
    if (!a || !b || !out) return hpo_fail(err, HPO_EINVAL, "%s: an argument is NULL", __func__);
    hpo_str text = {0};
    for (size_t i = 0; i < a->n_params; i++) {
        int64_t j = hpo_space_find(b, a->params[i].name);
        if (j < 0)
            hpo_str_addf(&text, "%s: removed\n", a->params[i].name);
        else
            diff_param(&a->params[i], &b->params[j], &text);
    }
    for (size_t j = 0; j < b->n_params; j++) {
        if (hpo_space_find(a, b->params[j].name) >= 0) continue;
        hpo_str_addf(&text, "%s: added: ", b->params[j].name);
        hpo_param_describe(&b->params[j], &text);
        hpo_str_addc(&text, '\n');
    }
    if (!same_order(a, b)) hpo_str_add(&text, "parameters are in another order\n");
    for (size_t i = 0; i < a->n_constraints; i++)
        if (!has_constraint(b, a->constraints[i].text))
            hpo_str_addf(&text, "constraint removed: %s\n", a->constraints[i].text);
    for (size_t i = 0; i < b->n_constraints; i++)
        if (!has_constraint(a, b->constraints[i].text))
            hpo_str_addf(&text, "constraint added: %s\n", b->constraints[i].text);
    diff_derived(a, b, &text);
    if (text.len) text.text[--text.len] = 0; /* no newline behind the last line */
    hpo_status status = hpo_str_steal(&text, out, err);
    hpo_str_fini(&text);
    return status;
}
