/* SPDX-License-Identifier: Apache-2.0 */
/* bench/yahpo.c - YAHPO Gym's tuning problems (Pfisterer, Schneider, Moosbauer, Binder & Bischl 2022, "YAHPO
 * Gym - an efficient multi-objective multi-fidelity benchmark for hyperparameter optimization"), from
 * surrogate nets.
 *
 * Name: yahpo-SCENARIO-INSTANCE[-TARGET[+TARGET...]]; without a target the scenario's usual one.  Targets
 * that are maximised become errors: 1 - y, or 100 - y for percentages.  Read from DIR/yahpo, files of any
 * scenario:
 *
 *     SCENARIO.yhp                   the net
 *     space_SCENARIO.tsv             name, role (instance, hp, fidelity), slot (cat:I, cont:I), type, log,
 * lower, upper, choices(name=code), condition (a=b|c AND d=e OR f=g) targets_SCENARIO.tsv           index,
 * name, direction (min, max), is_cost best_known.csv, instance_stats.csv   best value, median of random
 * search; range of each target (optional)
 *
 * The first fidelity of the space is the problem's; others stay at their maximum.  A whole-number fidelity
 * (epochs) counts steps of one run: resumable, the cost target is read as the time since the start.  Any
 * other (a share of the data) is a fresh run each time. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "bench/families.h"
#include "bench/sheet.h"
#include "bench/yahpo_net.h"

/* Where the value of a net input comes from: a column of the configuration, or (column < 0) a fixed one. */
typedef struct input {
    int is_category;
    size_t slot;
    int column; /* -1: fixed */
    double fixed;
    int32_t *codes; /* of the labels, in the space's order; owned; NULL for numbers */
} input;

typedef struct yahpo {
    hpo_net *net;
    size_t n_inputs, fidelity; /* fidelity: index in inputs, or n_inputs */
    input inputs[2 * HPO_NET_MAX_INPUTS];
    size_t target[HPO_BENCH_MAX_OBJECTIVES];
    double top[HPO_BENCH_MAX_OBJECTIVES]; /* maximised: value = top - y; NaN: minimised */
    size_t cost;                          /* output, or n outputs: none */
    char names[HPO_BENCH_MAX_OBJECTIVES][48];
} yahpo;

/* ---- the problems that we list --------------------------------------------------------------- */

static const struct listed {
    const char *scenario, *instances, *target;
    uint32_t suites;
} listed[] = {
    {"lcbench",
     "3945 7593 34539 126025 126026 126029 146212 167104 167149 167152 167161 167168 167181 167184 167185 "
     "167190 "
     "167200",
     "", 1u << HPO_SUITE_HPO | 1u << HPO_SUITE_MULTIFIDELITY},
    {"rbv2_xgboost", "1501 1489", "",
     1u << HPO_SUITE_HPO | 1u << HPO_SUITE_CONDITIONAL | 1u << HPO_SUITE_MIXED |
         1u << HPO_SUITE_MULTIFIDELITY},
    {"iaml_glmnet", "40981 41146 1489 1067", "", 1u << HPO_SUITE_HPO},
    {"lcbench", "167152 167185", "-val_accuracy+val_cross_entropy", 1u << HPO_SUITE_MULTIOBJECTIVE},
    {"rbv2_xgboost", "1501 1489", "-acc+memory", 1u << HPO_SUITE_MULTIOBJECTIVE},
    {"iaml_glmnet", "1489 1067", "-mmce+nf", 1u << HPO_SUITE_MULTIOBJECTIVE},
};

/* The usual target, where it is not "acc". */
static const char *usual_target(const char *scenario)
{
    if (strcmp(scenario, "lcbench") == 0) return "val_accuracy";
    return strcmp(scenario, "iaml_glmnet") == 0 ? "auc" : "acc";
}

/* Problem i of the list, of those whose net lies under `data` (NULL: of all); its row, or NULL. */
static const struct listed *nth_listed(size_t i, const char *data, char *name, size_t cap)
{
    char path[1024];
    for (size_t k = 0; k < sizeof listed / sizeof *listed; k++) {
        if (data != NULL) (void)snprintf(path, sizeof path, "%s/yahpo/%s.yhp", data, listed[k].scenario);
        if (data != NULL && !hpo_os_exists(path)) continue;
        const char *p = listed[k].instances;
        while (*p != '\0') {
            size_t n = strcspn(p, " ");
            if (i-- == 0) {
                (void)snprintf(name, cap, "yahpo-%s-%.*s%s", listed[k].scenario, (int)n, p, listed[k].target);
                return &listed[k];
            }
            p += n + (p[n] == ' ');
        }
    }
    return NULL;
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    return data != NULL && nth_listed(i, data, name, cap) != NULL;
}

static uint32_t suites_of(const char *name)
{
    char other[96];
    const struct listed *l;
    for (size_t i = 0; (l = nth_listed(i, NULL, other, sizeof other)) != NULL; i++)
        if (strcmp(name, other) == 0) return l->suites;
    return 0;
}

/* ---- the space ------------------------------------------------------------------------------- */

/* "booster=dart|gbtree AND n=1 OR m=2" as an expression of ours. */
static void add_condition(hpo_str *s, const char *text)
{
    hpo_str_add(s, "((`");
    for (const char *p = text; *p != '\0';) {
        if (strncmp(p, " AND ", 5) == 0) {
            hpo_str_add(s, "'])) and ((`");
            p += 5;
        } else if (strncmp(p, " OR ", 4) == 0) {
            hpo_str_add(s, "']) or (`");
            p += 4;
        } else if (*p == '=') {
            hpo_str_add(s, "` in ['");
            p++;
        } else if (*p == '|') {
            hpo_str_add(s, "', '");
            p++;
        } else {
            hpo_str_addc(s, *p++);
        }
    }
    hpo_str_add(s, "']))");
}

/* "name=code|..." as "'name','...'" and the codes. */
static hpo_status add_choices(hpo_str *s, const char *text, size_t n_codes, input *in, hpo_error *err)
{
    size_t n = 1, i = 0;
    for (const char *p = text; *p != '\0'; p++)
        n += *p == '|';
    in->codes = hpo_alloc_array(n, sizeof *in->codes);
    if (in->codes == NULL) return hpo_fail_memory(err);
    for (const char *p = text; i < n; i++) {
        size_t length = strcspn(p, "|"), name = length;
        while (name > 0 && p[name] != '=')
            name--;
        char number[16];
        int64_t code;
        (void)snprintf(number, sizeof number, "%.*s", (int)(length - name - (name < length)), p + name + 1);
        if (name == 0 || !hpo_parse_int(number, &code) || code < 0 || (size_t)code >= n_codes)
            return hpo_fail(err, HPO_EINVAL, "choices '%.*s': expected name=code with a code below %zu",
                            (int)length, p, n_codes);
        in->codes[i] = (int32_t)code;
        hpo_str_addf(s, "%s'%.*s'", i > 0 ? "," : "", (int)name, p);
        p += length + 1;
    }
    if (n == 1) hpo_str_clear(s);
    if (n == 1) hpo_str_addf(s, "const '%.*s'", (int)(strlen(text) - strlen(strrchr(text, '='))), text);
    return HPO_OK;
}

static hpo_status set_instance(const char *choices, const char *instance, size_t n_codes, input *in,
                               hpo_error *err)
{
    size_t n = strlen(instance);
    for (const char *p = choices; p != NULL; p = strchr(p, '|')) {
        p += *p == '|';
        int64_t code;
        char number[16];
        if (strncmp(p, instance, n) != 0 || p[n] != '=') continue;
        (void)snprintf(number, sizeof number, "%.*s", (int)strcspn(p + n + 1, "|"), p + n + 1);
        if (!hpo_parse_int(number, &code) || code < 0 || (size_t)code >= n_codes) break;
        in->fixed = (double)code;
        return HPO_OK;
    }
    return hpo_fail(err, HPO_ENOTFOUND, "instance '%s': not in the space file", instance);
}

/* One line of the space file. */
static hpo_status add_row(hpo_problem *p, yahpo *y, const hpo_sheet *s, size_t row, const char *instance,
                          hpo_error *err)
{
    const char *name = hpo_sheet_text(s, row, "name"), *role = hpo_sheet_text(s, row, "role"),
               *slot = hpo_sheet_text(s, row, "slot"), *type = hpo_sheet_text(s, row, "type"),
               *low = hpo_sheet_text(s, row, "lower"), *high = hpo_sheet_text(s, row, "upper"),
               *choices = hpo_sheet_text(s, row, "choices(name=code)"),
               *condition = hpo_sheet_text(s, row, "condition");
    const char *colon = strchr(slot, ':');
    int64_t index;
    if (colon == NULL || !hpo_parse_int(colon + 1, &index))
        return hpo_fail(err, HPO_EINVAL, "%s: slot '%s' is not cat:N or cont:N", name, slot);
    if (y->n_inputs == sizeof y->inputs / sizeof *y->inputs)
        return hpo_fail(err, HPO_EINVAL, "%s: more than %zu parameters", name, y->n_inputs);
    input *in = &y->inputs[y->n_inputs++];
    in->is_category = strncmp(slot, "cat:", 4) == 0;
    in->column = -1;
    size_t limit = in->is_category ? hpo_net_n_categories(y->net) : hpo_net_n_numbers(y->net);
    if (index < 0 || (size_t)index >= limit)
        return hpo_fail(err, HPO_EINVAL, "%s: slot '%s', but the net has %zu", name, slot, limit);
    in->slot = (size_t)index;
    size_t n_codes = in->is_category ? hpo_net_codes(y->net, in->slot) : 0;
    if (strcmp(role, "instance") == 0) return set_instance(choices, instance, n_codes, in, err);
    int fidelity = strcmp(role, "fidelity") == 0, log = strcmp(hpo_sheet_text(s, row, "log"), "1") == 0,
        whole = strcmp(type, "int") == 0;
    if (!in->is_category && (strcmp(type, "const") == 0 || (fidelity && y->fidelity != SIZE_MAX)))
        return hpo_parse_double(high, &in->fixed) || hpo_parse_double(low, &in->fixed)
                   ? HPO_OK
                   : hpo_fail(err, HPO_EINVAL, "%s: upper '%s' is no number", name, high);
    hpo_str domain = {0};
    hpo_status rc = HPO_OK;
    if (in->is_category)
        rc = add_choices(&domain, choices, n_codes, in, err);
    else
        hpo_str_addf(&domain, "%s%s%s%s..%s",
                     fidelity ? "fidelity "
                     : whole  ? "int "
                              : "",
                     log ? "log " : "", fidelity && !whole ? "float " : "", low, high);
    if (rc == HPO_OK && condition[0] != '\0') {
        hpo_str_add(&domain, " if ");
        add_condition(&domain, condition);
    }
    if (rc == HPO_OK && domain.failed) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) {
        in->column = (int)hpo_space_n_params(p->space);
        rc = hpo_space_add(p->space, name, domain.text, err);
    }
    hpo_str_fini(&domain);
    if (fidelity && rc == HPO_OK) {
        y->fidelity = y->n_inputs - 1;
        p->resumable = whole;
        if (!hpo_parse_double(low, &p->min_resource) || !hpo_parse_double(high, &p->full_resource))
            rc = hpo_fail(err, HPO_EINVAL, "%s: bounds '%s' and '%s' are no numbers", name, low, high);
    }
    return rc;
}

static hpo_status read_space(hpo_problem *p, yahpo *y, const char *path, const char *instance, hpo_error *err)
{
    hpo_sheet s;
    y->fidelity = SIZE_MAX;
    hpo_status rc = hpo_sheet_read(&s, path, err);
    if (rc == HPO_OK) rc = hpo_space_create(&p->space, err);
    for (size_t i = 0; i < s.n_rows && rc == HPO_OK; i++)
        rc = add_row(p, y, &s, i, instance, err);
    hpo_sheet_fini(&s);
    if (rc == HPO_OK) return HPO_OK;
    return rc == HPO_ENOTFOUND ? rc : hpo_fail_prefix(err, rc, "%s", path);
}

/* ---- targets and what is known of them ------------------------------------------------------- */

static hpo_status add_target(hpo_problem *p, yahpo *y, const hpo_sheet *s, const char *name, size_t n,
                             hpo_error *err)
{
    size_t k = p->n_objectives, outputs = hpo_net_n_outputs(y->net);
    if (k == HPO_BENCH_MAX_OBJECTIVES || n >= sizeof y->names[0])
        return hpo_fail(err, HPO_ENOTFOUND, "target '%.*s': unknown", (int)n, name);
    (void)snprintf(y->names[k], sizeof y->names[k], "%.*s", (int)n, name);
    for (size_t i = 0; i < s->n_rows; i++) {
        double index = hpo_sheet_number(s, i, hpo_sheet_find(s, "index"));
        if (strcmp(hpo_sheet_text(s, i, "name"), y->names[k]) != 0) continue;
        if (!(index >= 0 && index < (double)outputs)) break;
        y->target[k] = (size_t)index;
        y->top[k] = strcmp(hpo_sheet_text(s, i, "direction"), "max") == 0 ? 1 : (double)NAN;
        p->objective_names[k] = y->names[k];
        p->n_objectives++;
        return HPO_OK;
    }
    return hpo_fail(err, HPO_ENOTFOUND, "target '%s': not in the targets file", y->names[k]);
}

/* `targets`: names with + between. */
static hpo_status read_targets(hpo_problem *p, yahpo *y, const char *path, const char *targets,
                               hpo_error *err)
{
    hpo_sheet s;
    hpo_status rc = hpo_sheet_read(&s, path, err);
    y->cost = hpo_net_n_outputs(y->net);
    for (size_t i = 0; i < s.n_rows && rc == HPO_OK; i++) {
        double index = hpo_sheet_number(&s, i, hpo_sheet_find(&s, "index"));
        if (strcmp(hpo_sheet_text(&s, i, "is_cost"), "1") == 0 && index >= 0 && index < (double)y->cost)
            y->cost = (size_t)index;
    }
    while (rc == HPO_OK && *targets != '\0') {
        size_t n = strcspn(targets, "+");
        rc = add_target(p, y, &s, targets, n, err);
        targets += n + (targets[n] == '+');
    }
    hpo_sheet_fini(&s);
    return rc;
}

static int is_row_of(const hpo_sheet *s, size_t i, const char *scenario, const char *instance,
                     const char *metric)
{
    return strcmp(hpo_sheet_text(s, i, "scenario"), scenario) == 0 &&
           strcmp(hpo_sheet_text(s, i, "instance"), instance) == 0 &&
           strcmp(hpo_sheet_text(s, i, "metric"), metric) == 0;
}

/* The value as minimised. */
static double as_error(const yahpo *y, size_t k, double v)
{
    return isnan(y->top[k]) ? v : y->top[k] - v;
}

/* Ranges, best values and medians, where the files have them. */
static void read_known(hpo_problem *p, yahpo *y, const char *data, const char *scenario, const char *instance)
{
    char path[1024];
    hpo_error ignored;
    hpo_sheet s;
    (void)snprintf(path, sizeof path, "%s/yahpo/instance_stats.csv", data);
    hpo_status rc = hpo_sheet_read(&s, path, &ignored);
    for (size_t k = 0; k < p->n_objectives; k++)
        for (size_t i = 0; i < s.n_rows && rc == HPO_OK; i++) {
            if (!is_row_of(&s, i, scenario, instance, y->names[k])) continue;
            double low = hpo_sheet_number(&s, i, hpo_sheet_find(&s, "min")),
                   high = hpo_sheet_number(&s, i, hpo_sheet_find(&s, "max"));
            if (!isnan(y->top[k]) && high > 1.5) y->top[k] = 100; /* a percentage */
            p->reference_point[k] = as_error(y, k, isnan(y->top[k]) ? high : low);
        }
    hpo_sheet_fini(&s);
    (void)snprintf(path, sizeof path, "%s/yahpo/best_known.csv", data);
    rc = hpo_sheet_read(&s, path, &ignored);
    for (size_t k = 0; k < p->n_objectives; k++)
        for (size_t i = 0; i < s.n_rows && rc == HPO_OK; i++) {
            if (!is_row_of(&s, i, scenario, instance, y->names[k])) continue;
            p->best[k] = as_error(y, k, hpo_sheet_number(&s, i, hpo_sheet_find(&s, "best_found")));
            if (k == 0)
                p->typical = as_error(y, k, hpo_sheet_number(&s, i, hpo_sheet_find(&s, "median_random")));
        }
    hpo_sheet_fini(&s);
}

/* ---- the family ------------------------------------------------------------------------------ */

static void close_problem(hpo_problem *p)
{
    yahpo *y = p->state;
    if (y == NULL) return;
    for (size_t i = 0; i < y->n_inputs; i++)
        hpo_free(y->inputs[i].codes);
    hpo_net_free(y->net);
    hpo_free(y);
}

/* Splits yahpo-SCENARIO-INSTANCE[-TARGETS]; 0 when the name is not of that form. */
static int split_name(const char *name, char scenario[96], char instance[96], char targets[96])
{
    if (strncmp(name, "yahpo-", 6) != 0) return 0;
    name += 6;
    size_t n = strcspn(name, "-"), m = name[n] == '-' ? strcspn(name + n + 1, "-") : 0;
    if (n == 0 || m == 0 || memchr(name, '/', n) != NULL) return 0;
    (void)snprintf(scenario, 96, "%.*s", (int)n, name);
    (void)snprintf(instance, 96, "%.*s", (int)m, name + n + 1);
    const char *rest = name + n + 1 + m;
    (void)snprintf(targets, 96, "%s", *rest == '-' ? rest + 1 : usual_target(scenario));
    return 1;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    char scenario[96], instance[96], targets[96], path[1024];
    if (!split_name(p->name, scenario, instance, targets)) return HPO_ENOTFOUND;
    yahpo *y = p->state = hpo_calloc(1, sizeof *y);
    if (y == NULL) return hpo_fail_memory(err);
    (void)snprintf(path, sizeof path, "%s/yahpo/%s.yhp", data, scenario);
    hpo_status rc = hpo_net_load(&y->net, path, err);
    if (rc == HPO_OK) {
        (void)snprintf(path, sizeof path, "%s/yahpo/targets_%s.tsv", data, scenario);
        rc = read_targets(p, y, path, targets, err);
    }
    if (rc == HPO_OK) {
        (void)snprintf(path, sizeof path, "%s/yahpo/space_%s.tsv", data, scenario);
        rc = read_space(p, y, path, instance, err);
    }
    if (rc == HPO_OK) {
        read_known(p, y, data, scenario, instance);
        p->exact_known = 1;
        p->suites = suites_of(p->name);
        /* the budget of the official suites: 20 + 40 sqrt(dimensions) */
        p->budget = (int64_t)ceil(20 + 40 * sqrt((double)hpo_space_n_params(p->space) - 1));
    }
    if (rc == HPO_ENOTFOUND) { /* not one of ours: leaves nothing behind */
        close_problem(p);
        hpo_space_free(p->space);
        p->space = NULL;
        p->state = NULL;
    }
    return rc;
}

/* All outputs at a resource (NaN: full). */
static void outputs_at(const hpo_problem *p, const double *x, double resource, double *out)
{
    const yahpo *y = p->state;
    int32_t category[HPO_NET_MAX_INPUTS] = {0};
    double number[HPO_NET_MAX_INPUTS] = {0};
    for (size_t i = 0; i < y->n_inputs; i++) {
        const input *in = &y->inputs[i];
        double v = in->column < 0 ? in->fixed : x[in->column];
        if (i == y->fidelity) v = isnan(resource) ? p->full_resource : resource;
        if (isnan(v)) continue; /* inactive: code 0, number 0 */
        if (in->is_category)
            category[in->slot] = in->codes == NULL ? (int32_t)v : in->codes[(size_t)v];
        else
            number[in->slot] = v;
    }
    hpo_net_evaluate(y->net, category, number, out);
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    const yahpo *y = p->state;
    double out[HPO_NET_MAX_OUTPUTS];
    (void)err;
    outputs_at(p, q->x, q->resource, out);
    for (size_t k = 0; k < p->n_objectives; k++)
        a->y[k] = as_error(y, k, out[y->target[k]]);
    if (y->cost == hpo_net_n_outputs(y->net)) return HPO_OK;
    a->seconds = fmax(out[y->cost], 0);
    if (p->resumable && q->from > 0) {
        outputs_at(p, q->x, q->from, out);
        a->seconds = fmax(a->seconds - out[y->cost], 0);
    }
    return HPO_OK;
}

const hpo_problem_family hpo_yahpo_problems = {
    .name = "yahpo",
    .help = "surrogate nets of real tuning tasks: learning curves, conditional spaces, several objectives",
    .reference = "Pfisterer et al. 2022, YAHPO Gym; data slds-lmu/yahpo_data (Apache-2.0)",
    .needs_data = 1,
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
