/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import_space.c - the space of an imported study: each parameter with the widest range that a trial
 * asked for, under the condition that import_learn.c finds. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "import.h"

static hpo_status distribution_at(importer *im, const char *text, const optuna_distribution **out,
                                  hpo_error *err)
{
    int64_t at = hpo_map_get(&im->parsed_at, text, -1);
    if (at < 0) {
        HPO_TRY(hpo_reserve(&im->parsed, &im->cap_parsed, im->n_parsed + 1, sizeof *im->parsed, err));
        HPO_TRY(optuna_distribution_parse(text, &im->parsed[im->n_parsed], err));
        at = (int64_t)im->n_parsed++;
        HPO_TRY(hpo_map_put(&im->parsed_at, text, at, err));
    }
    *out = &im->parsed[at];
    return HPO_OK;
}

static hpo_status add_label(column *k, const char *text, hpo_error *err)
{
    if (hpo_map_get(&k->label_at, text, -1) >= 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&k->labels, &k->cap_labels, k->n_labels + 1, sizeof *k->labels, err));
    k->labels[k->n_labels] = hpo_strdup(text);
    if (k->labels[k->n_labels] == NULL) return hpo_fail_memory(err);
    return hpo_map_put(&k->label_at, text, (int64_t)k->n_labels++, err);
}

static int on_grid(double v, double low, double step)
{
    double at = (v - low) / step;
    return fabs(at - round(at)) < 1e-8;
}

/* Makes a column as wide as one more distribution and its value. */
static hpo_status widen(column *k, const optuna_distribution *d, double v, hpo_error *err)
{
    if (d->kind != k->kind)
        return hpo_fail(err, HPO_EINVAL, "%s is of one kind in some trials and of another in others",
                        k->theirs);
    for (size_t i = 0; i < d->n_labels; i++)
        HPO_TRY(add_label(k, d->labels[i], err));
    if (k->kind == OPTUNA_CATEGORICAL) return HPO_OK;
    double low = fmin(fmin(k->low, d->low), v), high = fmax(fmax(k->high, d->high), v);
    if (k->step > 0 && (k->step != d->step || !on_grid(k->low, low, k->step) ||
                        !on_grid(d->low, low, k->step) || !on_grid(v, low, k->step)))
        k->step = 0;
    k->low = low;
    k->high = high;
    if (low <= 0) k->log = 0;
    return HPO_OK;
}

static hpo_status new_column(importer *im, const char *name, const optuna_distribution *d, column **out,
                             hpo_error *err)
{
    hpo_str s = {0};
    HPO_TRY(hpo_reserve(&im->columns, &im->cap_columns, im->n_columns + 1, sizeof *im->columns, err));
    column *k = &im->columns[im->n_columns];
    *k = (column){
        .theirs = name, .kind = d->kind, .low = d->low, .high = d->high, .step = d->step, .log = d->log};
    optuna_name_in(&s, name);
    HPO_TRY(hpo_str_steal(&s, &k->ours, err));
    HPO_TRY(hpo_map_put(&im->column_at, name, (int64_t)im->n_columns++, err));
    k->x = hpo_alloc_array(im->source->n_trials + 1, sizeof *k->x);
    if (k->x == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < im->source->n_trials; i++)
        k->x[i] = (double)NAN;
    *out = k;
    return HPO_OK;
}

static hpo_status take_param(importer *im, size_t trial, const optuna_param *p, hpo_error *err)
{
    const optuna_distribution *d = NULL;
    HPO_TRY(distribution_at(im, p->distribution, &d, err));
    int64_t at = hpo_map_get(&im->column_at, p->name, -1);
    column *k = at >= 0 ? &im->columns[at] : NULL;
    if (k == NULL) HPO_TRY(new_column(im, p->name, d, &k, err));
    HPO_TRY(widen(k, d, p->internal, err));
    k->x[trial] = p->internal;
    if (d->kind == OPTUNA_CATEGORICAL) {
        if (!(p->internal >= 0 && p->internal < (double)d->n_labels))
            return hpo_fail(err, HPO_ECORRUPT, "trial %zu: %s is choice %g of %zu", trial, p->name,
                            p->internal, d->n_labels);
        k->x[trial] = (double)hpo_map_get(&k->label_at, d->labels[(size_t)p->internal], 0);
    }
    return HPO_OK;
}

static hpo_status collect(importer *im, hpo_error *err)
{
    for (size_t i = 0; i < im->source->n_trials; i++)
        for (const optuna_param *p = im->source->trials[i].params; p != NULL; p = p->next)
            HPO_TRY(take_param(im, i, p, err));
    for (size_t j = 0; j < im->n_columns; j++) {
        column *k = &im->columns[j];
        k->single = k->kind == OPTUNA_CATEGORICAL ? k->n_labels == 1 : k->low == k->high;
        if (!k->single || k->kind == OPTUNA_CATEGORICAL) continue;
        hpo_str s = {0};
        char *text = NULL;
        if (k->kind == OPTUNA_INT)
            hpo_str_int(&s, (int64_t)k->low);
        else
            optuna_number(&s, k->low);
        HPO_TRY(hpo_str_steal(&s, &text, err));
        hpo_status status = add_label(k, text, err);
        hpo_free(text);
        HPO_TRY(status);
        for (size_t i = 0; i < im->source->n_trials; i++)
            if (!isnan(k->x[i])) k->x[i] = 0;
    }
    return HPO_OK;
}

static hpo_status learn_all(importer *im, hpo_error *err)
{
    size_t n = im->source->n_trials;
    unsigned char *whole = hpo_calloc(n + 1, 1);
    learn_param *params = hpo_calloc(im->n_columns + 1, sizeof *params);
    hpo_status status = whole != NULL && params != NULL ? HPO_OK : hpo_fail_memory(err);
    for (size_t i = 0; i < n && status == HPO_OK; i++)
        whole[i] = im->source->trials[i].state == OPTUNA_COMPLETE;
    for (size_t j = 0; j < im->n_columns && status == HPO_OK; j++) {
        const column *k = &im->columns[j];
        int label = k->single || k->kind == OPTUNA_CATEGORICAL;
        params[j] = (learn_param){.name = k->ours,
                                  .kind = label                   ? 0
                                          : k->kind == OPTUNA_INT ? 1
                                                                  : 2,
                                  .labels = k->labels,
                                  .n_labels = k->n_labels,
                                  .x = k->x};
    }
    for (size_t j = 0; j < im->n_columns && status == HPO_OK; j++) {
        hpo_str s = {0};
        int suspect = 0;
        for (size_t i = 0; i < n && !suspect; i++)
            suspect = whole[i] && isnan(im->columns[j].x[i]);
        if (!suspect) continue;
        status = learn_condition(params, j, whole, n, &s, err);
        if (status == HPO_OK && s.len > 0) status = hpo_str_steal(&s, &im->columns[j].when, err);
        hpo_str_fini(&s);
    }
    hpo_free(params);
    hpo_free(whole);
    return status;
}

static void write_column(hpo_str *s, const column *k)
{
    hpo_str_json(s, k->ours);
    if (k->single) {
        hpo_str_add(s, ":{\"type\":\"const\",\"value\":");
        hpo_str_json(s, k->labels[0]);
    } else if (k->kind == OPTUNA_CATEGORICAL) {
        hpo_str_add(s, ":{\"type\":\"categorical\",\"values\":");
        for (size_t i = 0; i < k->n_labels; i++) {
            hpo_str_addc(s, i > 0 ? ',' : '[');
            hpo_str_json(s, k->labels[i]);
        }
        hpo_str_addc(s, ']');
    } else {
        hpo_str_addf(s, ":{\"type\":\"%s\",\"range\":[", k->kind == OPTUNA_INT ? "int" : "float");
        hpo_str_json_double(s, k->low);
        hpo_str_addc(s, ',');
        hpo_str_json_double(s, k->high);
        hpo_str_addc(s, ']');
        if (k->log) hpo_str_add(s, ",\"scale\":\"log\"");
        if (k->step > 0 && !k->log && !(k->kind == OPTUNA_INT && k->step == 1)) {
            hpo_str_add(s, ",\"step\":");
            hpo_str_json_double(s, k->step);
        }
    }
    if (k->when != NULL) {
        hpo_str_add(s, ",\"when\":");
        hpo_str_json(s, k->when);
    }
    hpo_str_addc(s, '}');
}

hpo_status import_make_space(importer *im, hpo_space **out, hpo_error *err)
{
    hpo_str s = {0};
    HPO_TRY(collect(im, err));
    HPO_TRY(learn_all(im, err));
    hpo_str_add(&s, "{\"params\":{");
    for (size_t j = 0; j < im->n_columns; j++) {
        if (j > 0) hpo_str_addc(&s, ',');
        write_column(&s, &im->columns[j]);
    }
    hpo_str_add(&s, "}}");
    hpo_status status = s.failed ? hpo_fail_memory(err) : hpo_space_load(s.text, out, err);
    hpo_str_fini(&s);
    return status;
}
