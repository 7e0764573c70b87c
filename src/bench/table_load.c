/* SPDX-License-Identifier: Apache-2.0 */
/* bench/table_load.c - reads the tables that a manifest describes (docs/bench-data.md). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "bench/table.h"
#include "math/func.h"
#include "math/hypervolume.h"
#include "math/order.h"
#include "math/stats.h"

enum { MAX_ORDINAL = 64, MAX_CHANNELS = 32 };

/* Everything that is needed while loading. */
typedef struct loader {
    hpo_problem *p;
    hpo_table *t;
    const char *data;
    const hpo_sheet *manifest;
    size_t line;
    hpo_sheet rows;
    float *numbers; /* of the values file */
    size_t n_numbers, block, n_channels;
    hpo_error *err;
} loader;

static const char *entry(const loader *l, const char *column)
{
    return hpo_sheet_text(l->manifest, l->line, column);
}

static size_t count_entry(const loader *l, const char *column)
{
    int64_t v;
    return hpo_parse_int(entry(l, column), &v) && v > 0 ? (size_t)v : 1;
}

/* Whether `name` (n bytes) is an item of a list with commas; its index in *index. */
static int in_list(const char *text, const char *name, size_t n, size_t *index)
{
    *index = 0;
    for (const char *p = text; *p != '\0'; ++*index) {
        size_t m = strcspn(p, ",");
        if (m == n && strncmp(p, name, n) == 0) return 1;
        p += m + (p[m] == ',');
    }
    return 0;
}

/* ---- the space ------------------------------------------------------------------------------------ */

/* A grid's space.tsv: name, type (cat, ord), choices with |. */
static hpo_status grid_space(loader *l, const char *path)
{
    hpo_sheet s;
    hpo_status rc = hpo_sheet_read(&s, path, l->err);
    for (size_t r = 0; r < s.n_rows && rc == HPO_OK; r++) {
        hpo_str d = {0};
        hpo_str_add(&d, strcmp(hpo_sheet_text(&s, r, "type"), "ord") == 0 ? "ordinal '" : "'");
        for (const char *c = hpo_sheet_text(&s, r, "choices"); *c != '\0'; c++)
            *c == '|' ? hpo_str_add(&d, "','") : hpo_str_addc(&d, *c);
        hpo_str_addc(&d, '\'');
        rc = d.failed ? hpo_fail_memory(l->err)
                      : hpo_space_add(l->p->space, hpo_sheet_text(&s, r, "name"), d.text, l->err);
        hpo_str_fini(&d);
    }
    hpo_sheet_fini(&s);
    return rc;
}

/* Whether column c of the rows is an input: named in `inputs`, or, without such a list, no objective. */
static int is_input(const loader *l, size_t c)
{
    const char *name = l->rows.head[c], *inputs = entry(l, "inputs");
    size_t n = strlen(name), ignored;
    if (inputs[0] != '\0') return in_list(inputs, name, n, &ignored);
    return n > 0 && name[n - 1] != '+' && name[n - 1] != '-';
}

/* Domain of a column from its values: ordinal for up to 64 distinct numbers, else a range (logarithmic above
 * two decades); categories for texts. */
static hpo_status guess_domain(loader *l, size_t c, hpo_str *d)
{
    size_t n = l->rows.n_rows, distinct = 0, used = 0;
    double *v = hpo_alloc_array(n + 1, sizeof *v);
    size_t *order = hpo_alloc_array(n + 1, sizeof *order);
    int numbers = 1, whole = 1;
    hpo_status rc = v == NULL || order == NULL ? hpo_fail_memory(l->err) : HPO_OK;
    for (size_t r = 0; r < n && rc == HPO_OK; r++) {
        const char *cell = l->rows.cell[r * l->rows.n_columns + c];
        if (cell[0] == '\0') continue;
        v[used] = hpo_sheet_number(&l->rows, r, c);
        numbers &= !isnan(v[used]);
        whole &= floor(v[used]) == v[used];
        order[used] = used;
        used++;
    }
    if (rc == HPO_OK && numbers) {
        hpo_order_rows(v, 1, used, order);
        for (size_t i = 0; i < used; i++)
            distinct += i == 0 || v[order[i]] != v[order[i - 1]];
        double low = v[order[0]], high = v[order[used - 1]];
        if (distinct > MAX_ORDINAL) {
            hpo_str_add(d, whole ? "int " : "");
            hpo_str_add(d, low > 0 && high / low >= 100 ? "log " : "");
            hpo_str_double(d, low);
            hpo_str_add(d, "..");
            hpo_str_double(d, high);
        } else {
            hpo_str_add(d, "ordinal ");
            for (size_t i = 0; i < used; i++) {
                if (i > 0 && v[order[i]] == v[order[i - 1]]) continue;
                hpo_str_add(d, i > 0 ? "," : "");
                hpo_str_double(d, v[order[i]]);
            }
        }
    } else if (rc == HPO_OK) { /* texts, in the order of their first appearance */
        for (size_t r = 0; r < n; r++) {
            const char *cell = l->rows.cell[r * l->rows.n_columns + c];
            size_t before = 0;
            while (before < r && strcmp(cell, l->rows.cell[before * l->rows.n_columns + c]) != 0)
                before++;
            if (before == r && cell[0] != '\0') hpo_str_addf(d, "%s'%s'", d->len > 0 ? "," : "", cell);
        }
    }
    hpo_free(v);
    hpo_free(order);
    return rc;
}

/* "ALG.param" exists for algorithm == ALG, when the first column is `algorithm`. */
static hpo_status guessed_space(loader *l)
{
    for (size_t c = 0; c < l->rows.n_columns; c++) {
        if (!is_input(l, c)) continue;
        const char *name = l->rows.head[c], *dot = strchr(name, '.');
        hpo_str d = {0};
        hpo_status rc = guess_domain(l, c, &d);
        if (rc == HPO_OK && d.failed) rc = hpo_fail_memory(l->err);
        if (rc == HPO_OK && d.len > 0 && strchr(d.text, ',') == NULL && strstr(d.text, "..") == NULL) {
            hpo_str one = {0};
            hpo_str_addf(&one, "const %s", strncmp(d.text, "ordinal ", 8) == 0 ? d.text + 8 : d.text);
            hpo_str_fini(&d);
            d = one;
        }
        if (dot != NULL && strcmp(l->rows.head[0], "algorithm") == 0)
            hpo_str_addf(&d, " if algorithm == '%.*s'", (int)(dot - name), name);
        if (rc == HPO_OK && d.failed) rc = hpo_fail_memory(l->err);
        if (rc == HPO_OK) rc = hpo_space_add(l->p->space, name, d.text, l->err);
        hpo_str_fini(&d);
        HPO_TRY(rc);
    }
    return HPO_OK;
}

static hpo_status make_space(loader *l)
{
    const char *space = entry(l, "space");
    char path[1024];
    if (strchr(space, ':') != NULL) {
        HPO_TRY(hpo_space_parse(space, &l->p->space, l->err));
    } else {
        HPO_TRY(hpo_space_create(&l->p->space, l->err));
        (void)snprintf(path, sizeof path, "%s/%s", l->data, space);
        HPO_TRY(space[0] != '\0' ? grid_space(l, path) : guessed_space(l));
    }
    l->t->n_inputs = hpo_space_n_params(l->p->space);
    if (l->t->n_inputs > HPO_TABLE_MAX_INPUTS)
        return hpo_fail(l->err, HPO_EINVAL, "%s: %zu inputs; at most %d", l->p->name, l->t->n_inputs,
                        HPO_TABLE_MAX_INPUTS);
    if (l->t->n_steps > 1) {
        char domain[64];
        (void)snprintf(domain, sizeof domain, "fidelity 1..%zu", l->t->n_steps);
        HPO_TRY(hpo_space_add(l->p->space, "epoch", domain, l->err));
        l->p->min_resource = 1;
        l->p->full_resource = (double)l->t->n_steps;
        l->p->resumable = 1;
    }
    return hpo_space_freeze(l->p->space, l->err);
}

static hpo_status make_axes(loader *l)
{
    hpo_table *t = l->t;
    for (size_t i = 0; i < t->n_inputs; i++) {
        hpo_param_info info = hpo_param_info_init();
        HPO_TRY(hpo_space_param(l->p->space, i, &info, l->err));
        if (info.n_columns != 1 || info.is_fidelity)
            return hpo_fail(l->err, HPO_EINVAL, "%s: input '%s' must be a number or a label", l->p->name,
                            info.name);
        hpo_table_axis *a = &t->axis[i];
        a->label = info.kind == HPO_KIND_CATEGORICAL || info.kind == HPO_KIND_CONST;
        a->n_labels = info.kind == HPO_KIND_BOOL ? 2 : info.n_labels;
        a->column = info.column;
        a->scale = (int)info.scale;
        a->low = a->n_labels > 0 ? 0 : info.low;
        a->high = a->n_labels > 0 ? (double)a->n_labels - 1 : info.high;
        if (a->scale == HPO_SCALE_LOG) a->low = hpo_log(a->low), a->high = hpo_log(a->high);
        if (t->rule == HPO_TABLE_GRID && a->n_labels == 0)
            return hpo_fail(l->err, HPO_EINVAL, "%s: input '%s' of a grid needs choices", l->p->name,
                            info.name);
    }
    if (t->n_steps > 1) {
        hpo_param_info info = hpo_param_info_init();
        HPO_TRY(hpo_space_param(l->p->space, t->n_inputs, &info, l->err));
        t->fidelity = info.column;
    }
    return HPO_OK;
}

/* ---- the rows --------------------------------------------------------------------------------------- */

/* A cell as a value of the configuration's column; NaN when empty.  Labels may be numbers spelled otherwise.
 */
static double cell_value(const hpo_param_info *info, const char *cell)
{
    double v, w;
    int number = hpo_parse_double(cell, &v);
    for (size_t i = 0; i < info->n_labels; i++)
        if (strcmp(info->labels[i], cell) == 0 || (number && hpo_parse_double(info->labels[i], &w) && v == w))
            return (double)i;
    if (info->kind == HPO_KIND_CONST) return cell[0] == '\0' ? (double)NAN : 0;
    return number && info->n_labels == 0 ? v : (double)NAN;
}

static hpo_status read_coordinates(loader *l)
{
    hpo_table *t = l->t;
    t->coordinate = hpo_alloc_array(t->n_rows * t->n_inputs + 1, sizeof *t->coordinate);
    if (t->coordinate == NULL) return hpo_fail_memory(l->err);
    if (l->rows.cell == NULL) return HPO_OK; /* no row, no coordinate */
    for (size_t i = 0; i < t->n_inputs; i++) {
        hpo_param_info info = hpo_param_info_init();
        HPO_TRY(hpo_space_param(l->p->space, i, &info, l->err));
        size_t c = hpo_sheet_find(&l->rows, info.name);
        if (c == l->rows.n_columns)
            return hpo_fail(l->err, HPO_EINVAL, "%s: no column '%s' in %s", l->p->name, info.name,
                            entry(l, "rows"));
        for (size_t r = 0; r < t->n_rows; r++)
            t->coordinate[r * t->n_inputs + i] =
                hpo_table_coordinate(&t->axis[i], cell_value(&info, l->rows.cell[r * l->rows.n_columns + c]));
    }
    return HPO_OK;
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* A column of the rows or a channel of the values file at [row][replicate][step]. */
static double number_at(const loader *l, const char *name, size_t n, size_t cell, size_t row)
{
    size_t index;
    if (l->numbers != NULL) {
        if (!in_list(entry(l, "channels"), name, n, &index)) return (double)NAN;
        size_t per_block = l->t->n_rows * l->t->n_replicates * l->t->n_steps;
        return (double)l->numbers[(l->block * per_block + cell) * l->n_channels + index];
    }
    for (size_t c = 0; c < l->rows.n_columns; c++)
        if (strlen(l->rows.head[c]) == n && strncmp(l->rows.head[c], name, n) == 0)
            return hpo_sheet_number(&l->rows, row, c);
    return (double)NAN;
}

static int has_number(const loader *l, const char *name, size_t n)
{
    size_t ignored;
    if (l->numbers != NULL) return in_list(entry(l, "channels"), name, n, &ignored);
    for (size_t c = 0; c < l->rows.n_columns; c++)
        if (strlen(l->rows.head[c]) == n && strncmp(l->rows.head[c], name, n) == 0) return 1;
    return 0;
}

/* "acc", "-acc", "100-acc", "log mse": name, factor, offset, logarithm. */
typedef struct formula {
    const char *name;
    size_t n;
    double sign, offset;
    int log;
} formula;

static formula parse_formula(const char *text, size_t n)
{
    formula f = {.name = text, .n = n, .sign = 1};
    const char *rest = hpo_double_parse(text, &f.offset);
    if (rest == text || *rest != '-') {
        rest = text;
        f.offset = 0;
    }
    if (*rest == '-') {
        f.sign = -1;
        rest++;
    } else if (n > 4 && strncmp(rest, "log ", 4) == 0) {
        f.log = 1;
        rest += 4;
    }
    f.n -= (size_t)(rest - text);
    f.name = rest;
    return f;
}

static hpo_status add_objective(loader *l, const formula *f)
{
    hpo_table *t = l->t;
    size_t k = t->n_objectives;
    if (k == HPO_BENCH_MAX_OBJECTIVES || f->n >= sizeof t->names[0] - 4 || !has_number(l, f->name, f->n))
        return hpo_fail(l->err, HPO_EINVAL, "%s: objective '%.*s': no such column or channel", l->p->name,
                        (int)f->n, f->name);
    (void)snprintf(t->names[k], sizeof t->names[k], "%s%.*s",
                   f->log        ? "log "
                   : f->sign < 0 ? "-"
                                 : "",
                   (int)f->n, f->name);
    l->p->objective_names[k] = t->names[k];
    t->n_objectives++;
    return HPO_OK;
}

/* Formulas of all objectives: from the manifest, else the columns that end in + or -. */
static hpo_status find_objectives(loader *l, formula *f)
{
    const char *text = entry(l, "objectives");
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, ",");
        f[l->t->n_objectives] = parse_formula(p, n);
        HPO_TRY(add_objective(l, &f[l->t->n_objectives]));
        p += n + (p[n] == ',');
    }
    for (size_t c = 0; text[0] == '\0' && c < l->rows.n_columns; c++) {
        const char *head = l->rows.head[c];
        size_t n = strlen(head);
        if (n == 0 || (head[n - 1] != '+' && head[n - 1] != '-')) continue;
        f[l->t->n_objectives] = (formula){.name = head, .n = n, .sign = head[n - 1] == '+' ? -1 : 1};
        HPO_TRY(add_objective(l, &f[l->t->n_objectives]));
    }
    if (l->t->n_objectives == 0)
        return hpo_fail(l->err, HPO_EINVAL,
                        "%s: no objective: name columns in 'objectives' or end them in + or -", l->p->name);
    l->p->n_objectives = l->t->n_objectives;
    return HPO_OK;
}

/* The sum of the columns in `cost` (a+b); names that end in _ms are milliseconds. */
static double cost_at(const loader *l, size_t cell, size_t row)
{
    double sum = 0;
    for (const char *p = entry(l, "cost"); *p != '\0';) {
        size_t n = strcspn(p, "+");
        double v = number_at(l, p, n, cell, row);
        if (l->numbers == NULL && isnan(v)) v = 0; /* a step that was not reached */
        sum += n > 3 && strncmp(p + n - 3, "_ms", 3) == 0 ? v / 1000 : v;
        p += n + (p[n] == '+');
    }
    return sum;
}

static hpo_status read_values(loader *l)
{
    hpo_table *t = l->t;
    formula f[HPO_BENCH_MAX_OBJECTIVES + 1];
    HPO_TRY(find_objectives(l, f));
    size_t per_row = t->n_replicates * t->n_steps, cells = t->n_rows * per_row;
    t->value = hpo_alloc_array(cells * t->n_objectives + 1, sizeof *t->value);
    if (t->value == NULL) return hpo_fail_memory(l->err);
    if (entry(l, "cost")[0] != '\0') {
        t->seconds = hpo_alloc_array(cells + 1, sizeof *t->seconds);
        if (t->seconds == NULL) return hpo_fail_memory(l->err);
    }
    for (size_t i = 0; i < cells; i++) {
        size_t row = i / per_row;
        for (size_t k = 0; k < t->n_objectives; k++) {
            double v = number_at(l, f[k].name, f[k].n, i, row);
            t->value[i * t->n_objectives + k] = f[k].log ? hpo_log(v) : f[k].offset + f[k].sign * v;
        }
        if (t->seconds != NULL) t->seconds[i] = cost_at(l, i, row);
    }
    t->nan_is_failure = t->n_steps > 1 || t->n_replicates == 1;
    return HPO_OK;
}

/* "5", or "01067@oboe/datasets.txt": the line of that file that says so.  "*" is what * stands for in the
 * name. */
static hpo_status find_block(loader *l)
{
    const char *text = entry(l, "block"), *at = strchr(text, '@'), *star = strchr(entry(l, "name"), '*');
    char wanted[96], path[1024], *list = NULL;
    size_t n, index = 0;
    int64_t v;
    if (at == NULL) {
        l->block = hpo_parse_int(text, &v) && v >= 0 ? (size_t)v : 0;
        return HPO_OK;
    }
    if (text[0] == '*' && star != NULL)
        (void)snprintf(wanted, sizeof wanted, "%s", l->p->name + (star - entry(l, "name")));
    else
        (void)snprintf(wanted, sizeof wanted, "%.*s", (int)(at - text), text);
    (void)snprintf(path, sizeof path, "%s/%s", l->data, at + 1);
    HPO_TRY(hpo_os_read_file(path, 1 << 24, &list, &n, l->err));
    const char *p = list;
    for (; *p != '\0'; index++) {
        size_t m = strcspn(p, "\r\n");
        if (m == strlen(wanted) && strncmp(p, wanted, m) == 0) break;
        p += m;
        p += strspn(p, "\r\n");
    }
    int found = *p != '\0';
    hpo_free(list);
    l->block = index;
    return found ? HPO_OK
                 : hpo_fail(l->err, HPO_ENOTFOUND, "%s: '%s' is not in %s", l->p->name, wanted, path);
}

static hpo_status read_files(loader *l)
{
    char path[1024];
    const char *values = entry(l, "values");
    l->n_channels = 1;
    for (const char *c = entry(l, "channels"); *c != '\0'; c++)
        l->n_channels += *c == ',';
    l->t->n_replicates = count_entry(l, "replicates");
    l->t->n_steps = count_entry(l, "steps");
    if (entry(l, "rows")[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s/%s", l->data, entry(l, "rows"));
        HPO_TRY(hpo_sheet_read(&l->rows, path, l->err));
        l->t->n_rows = l->rows.n_rows;
        l->t->rule = strcmp(entry(l, "rule"), "exact") == 0 ? HPO_TABLE_EXACT : HPO_TABLE_NEAREST;
    }
    if (values[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s/%s", l->data, values);
        HPO_TRY(hpo_read_f32(path, &l->numbers, &l->n_numbers, l->err));
    } else if (l->t->n_rows == 0) {
        return hpo_fail(l->err, HPO_EINVAL, "%s: the manifest gives neither 'rows' nor 'values'", l->p->name);
    } else {
        l->t->n_replicates = l->t->n_steps = 1;
    }
    return find_block(l);
}

/* The values file must have as many numbers as the manifest says. */
static hpo_status check_size(loader *l)
{
    hpo_table *t = l->t;
    if (t->rule == HPO_TABLE_GRID) {
        t->n_rows = 1;
        for (size_t i = 0; i < t->n_inputs && t->n_rows <= l->n_numbers; i++)
            t->n_rows *= t->axis[i].n_labels;
    }
    size_t per_block = t->n_rows * t->n_replicates * t->n_steps * l->n_channels;
    if (t->n_rows == 0 || (l->numbers != NULL && (per_block == 0 || l->n_numbers % per_block != 0 ||
                                                  l->block >= l->n_numbers / per_block)))
        return hpo_fail(l->err, HPO_EINVAL,
                        "%s: %zu numbers in %s do not make %zu rows x %zu replicates x %zu steps x %zu",
                        l->p->name, l->n_numbers, entry(l, "values"), t->n_rows, t->n_replicates, t->n_steps,
                        l->n_channels);
    return HPO_OK;
}

/* ---- what is known --------------------------------------------------------------------------------- */

/* Optimum and median of the means, or the worst corner and the hypervolume of all rows. */
static hpo_status summarise(loader *l)
{
    hpo_table *t = l->t;
    size_t m = t->n_objectives, last = t->n_steps - 1;
    double *mean = hpo_alloc_array(t->n_rows * m + 1, sizeof *mean);
    if (mean == NULL) return hpo_fail_memory(l->err);
    hpo_status rc = HPO_OK;
    for (size_t k = 0; k < m; k++) {
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (size_t r = 0; r < t->n_rows; r++) {
            double v = hpo_table_mean(t, r, last, k);
            mean[r * m + k] = m == 1 && isnan(v) ? HUGE_VAL : v;
            if (v < low) low = v;
            if (v > high) high = v;
        }
        l->p->best[k] = low;
        l->p->reference_point[k] = high;
    }
    if (m == 1)
        l->p->typical = hpo_median(mean, t->n_rows);
    else
        rc = hpo_hypervolume(mean, t->n_rows, m, l->p->reference_point, &l->p->best_hypervolume, l->err);
    if (m == 1 && !isfinite(l->p->typical)) l->p->typical = l->p->reference_point[0]; /* most rows fail */
    hpo_free(mean);
    l->p->best_is_exact = 1; /* the table is all there is */
    l->p->exact_known = 1;
    l->p->noisy = t->n_replicates > 1;
    return rc;
}

static uint32_t read_suites(const char *text)
{
    static const char *const words[] = {
#define SUITE_WORD(name, word) word,
        HPO_SUITE_LIST(SUITE_WORD)
#undef SUITE_WORD
    };
    uint32_t bits = 0;
    size_t ignored;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (in_list(text, words[i], strlen(words[i]), &ignored)) bits |= 1u << i;
    return bits;
}

hpo_status hpo_table_load(hpo_problem *p, hpo_table *t, const char *data, const hpo_sheet *manifest,
                          size_t row, hpo_error *err)
{
    loader l = {.p = p, .t = t, .data = data, .manifest = manifest, .line = row, .err = err};
    hpo_status rc = read_files(&l);
    if (rc == HPO_OK) rc = make_space(&l);
    if (rc == HPO_OK) rc = make_axes(&l);
    if (rc == HPO_OK) rc = check_size(&l);
    if (rc == HPO_OK && t->rule != HPO_TABLE_GRID) rc = read_coordinates(&l);
    if (rc == HPO_OK) rc = read_values(&l);
    if (rc == HPO_OK) rc = summarise(&l);
    p->suites = read_suites(entry(&l, "suites"));
    hpo_sheet_fini(&l.rows);
    hpo_free(l.numbers);
    return rc;
}
