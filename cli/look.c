/* SPDX-License-Identifier: Apache-2.0 */
/* cli/look.c - best, top, show, ps: the state of a study for people and for scripts. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os.h"
#include "hpo/runner.h"
#include "record.h"
#include "runner/template.h"

/* Opens, syncs, and reads the summary and the shape. */
static int open_and_sync(cli *c, hpo_summary *sum, cli_shape *shape)
{
    int rc = cli_open_study(c);
    if (rc != CLI_OK) return rc;
    if (hpo_study_sync(c->study, NULL, &c->err) != HPO_OK) return cli_fail(c);
    if ((rc = cli_summary(c, sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, sum, shape);
    return CLI_OK;
}

static int get_trial(cli *c, int64_t number, hpo_trial_info *t)
{
    memset(t, 0, sizeof *t);
    t->size = sizeof *t;
    if (hpo_study_trial(c->study, number, t, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

static int print_str(hpo_str *s, int rc)
{
    if (rc == CLI_OK && s->failed) rc = cli_fail_memory();
    if (rc == CLI_OK && s->len) fwrite(s->text, 1, s->len, stdout);
    hpo_str_fini(s);
    return rc;
}

/* ---- best ----------------------------------------------------------------------------------------- */

static const cli_option best_options[] = {
    CLI_STUDY_OPTIONS,
    CLI_FORMAT_OPTIONS,
    {"value", 0, NULL, "print nothing but the value", 0, NULL},
    {"params", 0, NULL, "print nothing but the parameters, as JSON", 0, NULL},
    {"args", 0, NULL, "print nothing but --name value ... (quoted for the shell)", 0, NULL},
};

/* One line a parameter, names padded. */
static hpo_status params_block(hpo_str *s, const hpo_space *space, const double *x, hpo_error *err)
{
    size_t width = 0;
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info p = {.size = sizeof p};
        HPO_TRY(hpo_space_param(space, i, &p, err));
        if (!isnan(x[p.column]) && cli_text_width(p.name) > width) width = cli_text_width(p.name);
    }
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info p = {.size = sizeof p};
        char *text = NULL;
        HPO_TRY(hpo_space_param(space, i, &p, err));
        if (isnan(x[p.column])) continue;
        HPO_TRY(hpo_space_value_text(space, x, i, &text, err));
        hpo_str_addf(s, "  %s%*s  %s\n", p.name, (int)(width - cli_text_width(p.name)), "", text);
        hpo_free(text);
    }
    for (size_t i = 0; i < hpo_space_n_derived(space); i++) {
        const char *name = NULL;
        char *text = NULL;
        hpo_status st = hpo_space_derived_text(space, x, i, &name, &text, err);
        if (st == HPO_ENOTFOUND) continue;
        HPO_TRY(st);
        hpo_str_addf(s, "  %s = %s (derived)\n", name, text);
        hpo_free(text);
    }
    return HPO_OK;
}

static hpo_status best_args(hpo_str *s, const hpo_space *space, const double *x, hpo_error *err)
{
    for (size_t i = 0; i < hpo_space_n_params(space); i++) {
        hpo_param_info p = {.size = sizeof p};
        char *text = NULL;
        HPO_TRY(hpo_space_param(space, i, &p, err));
        if (isnan(x[p.column])) continue;
        HPO_TRY(hpo_space_value_text(space, x, i, &text, err));
        hpo_str_addf(s, "%s--%s ", s->len ? " " : "", p.name);
        hpo_shell_quote(s, text);
        hpo_free(text);
    }
    hpo_str_addc(s, '\n');
    return HPO_OK;
}

/* What a recommendation says, written down before the next look at the study ends it. */
typedef struct advice {
    hpo_str json; /* a last member of the trial's object, with the closing brace */
    hpo_str words;
    cli_table *table; /* what is expected of the first few; NULL when values are exact */
} advice;

static void advice_json(hpo_str *s, const hpo_recommendation *r)
{
    hpo_str_addf(s, ",\"recommendation\":{\"method\":\"%s\",\"noisy\":%s", r->method,
                 r->noisy ? "true" : "false");
    const char *const keys[] = {"mean",       "low",       "high",     "p_best",   "observed",
                                "best_value", "corrected", "optimism", "noise_sd", "p_better_than_first"};
    const hpo_candidate *one = &r->candidates[0];
    const double values[] = {one->mean,         one->low,     one->high,   one->p_best, one->observed,
                             r->observed_value, r->corrected, r->optimism, r->noise_sd, r->p_better};
    for (size_t i = 0; i < CLI_COUNT(keys); i++) {
        hpo_str_addf(s, ",\"%s\":", keys[i]);
        hpo_str_json_double(s, values[i]);
    }
    hpo_str_addf(s, ",\"best_trial\":%" PRId64 ",\"first_trial\":%" PRId64 ",\"configurations\":%" PRId64,
                 r->observed_best, r->first, r->n_configurations);
    hpo_str_add(s, ",\"text\":");
    hpo_str_json(s, r->text);
    hpo_str_add(s, ",\"warning\":");
    if (r->warning)
        hpo_str_json(s, r->warning);
    else
        hpo_str_add(s, "null");
    hpo_str_add(s, ",\"candidates\":[");
    for (size_t i = 0; i < r->n_candidates && i < 5; i++) {
        const hpo_candidate *k = &r->candidates[i];
        hpo_str_addf(s, "%s{\"trial\":%" PRId64 ",\"n\":%" PRId64, i ? "," : "", k->number, k->n);
        const char *const names[] = {"observed", "mean", "low", "high", "p_best"};
        const double v[] = {k->observed, k->mean, k->low, k->high, k->p_best};
        for (size_t j = 0; j < CLI_COUNT(names); j++) {
            hpo_str_addf(s, ",\"%s\":", names[j]);
            hpo_str_json_double(s, v[j]);
        }
        hpo_str_addc(s, '}');
    }
    hpo_str_add(s, "]}}");
}

static cli_table *advice_table(const hpo_recommendation *r)
{
    enum { SHOWN = 5 };
    static const char *const heads[] = {"trial", "runs", "measured", "expected", "90 % interval", "P(best)"};
    cli_table *t = cli_table_new(CLI_COUNT(heads), heads);
    for (size_t i = 0; t && i < r->n_candidates && i < SHOWN; i++) {
        const hpo_candidate *k = &r->candidates[i];
        hpo_str s = {0};
        char low[32];
        char high[32];
        cli_table_int(t, k->number);
        cli_table_int(t, k->n);
        cli_table_number(t, k->observed);
        cli_table_number(t, k->mean);
        hpo_str_addf(&s, "%s .. %s", cli_number_text(k->low, low), cli_number_text(k->high, high));
        cli_table_cell(t, s.text);
        cli_table_number(t, floor(k->p_best * 1000 + 0.5) / 1000);
        hpo_str_fini(&s);
    }
    return t;
}

static int take_advice(cli *c, advice *a, int64_t *number)
{
    hpo_recommendation r = {.size = sizeof r};
    if (hpo_study_recommend(c->study, &r, &c->err) != HPO_OK) return cli_fail(c);
    *number = r.number;
    advice_json(&a->json, &r);
    if (!r.noisy) return CLI_OK;
    hpo_str_addf(&a->words, "%s\n", r.text);
    if (r.warning)
        hpo_str_addf(&a->words, "%snote:%s %s\n", cli_style_on(c->colour_out, 'y'),
                     cli_style_off(c->colour_out), r.warning);
    a->table = advice_table(&r);
    return a->json.failed || a->words.failed || !a->table ? cli_fail_memory() : CLI_OK;
}

static int best_one(cli *c, const cli_shape *shape, advice *a, int64_t number, cli_format format)
{
    hpo_trial_info t;
    hpo_str s = {0};
    char *json = NULL;
    hpo_status st = HPO_OK;
    int rc = get_trial(c, number, &t);
    if (rc != CLI_OK) return rc;
    if (cli_has(c, "value")) {
        hpo_str_double(&s, t.values ? t.values[0] : (double)NAN);
        hpo_str_addc(&s, '\n');
    } else if (cli_has(c, "params")) {
        st = hpo_space_config_to_json(shape->space, t.x, &json, &c->err);
        if (st == HPO_OK) hpo_str_addf(&s, "%s\n", json);
        hpo_free(json);
    } else if (cli_has(c, "args")) {
        st = best_args(&s, shape->space, t.x, &c->err);
    } else if (format == CLI_JSON || format == CLI_JSONL) {
        st = cli_trial_json(&s, shape, &t, 0, &c->err);
        if (st == HPO_OK && !s.failed && a->json.len) {
            s.text[--s.len] = '\0'; /* one more member */
            hpo_str_addn(&s, a->json.text, a->json.len);
        }
        hpo_str_addc(&s, '\n');
    } else if (format == CLI_CSV) {
        return cli_print_trials(c, shape, format, &number, 1);
    } else {
        char buf[32];
        hpo_str_addf(&s, "trial %" PRId64 "  %s %s%s%s\n", number, shape->objectives[0].name,
                     cli_style_on(c->colour_out, 'g'),
                     cli_number_text(t.values ? t.values[0] : (double)NAN, buf),
                     cli_style_off(c->colour_out));
        if (t.sems && !isnan(t.sems[0]))
            hpo_str_addf(&s, "  standard error %s\n", cli_number_text(t.sems[0], buf));
        st = params_block(&s, shape->space, t.x, &c->err);
        if (st == HPO_OK && hpo_study_has_command(c->study)) { /* how to run it again */
            st = hpo_study_trial_command(c->study, number, &json, &c->err);
            if (st == HPO_OK) hpo_str_addf(&s, "%s\n", json);
            hpo_free(json);
        }
    }
    if (st != HPO_OK) rc = cli_fail(c);
    int plain = format == CLI_TABLE && !cli_has(c, "value") && !cli_has(c, "params") && !cli_has(c, "args");
    rc = print_str(&s, rc);
    if (rc != CLI_OK || !plain || !a->table) return rc;
    putchar('\n');
    rc = cli_table_print(c, a->table, stdout);
    a->table = NULL;
    if (rc == CLI_OK) fputs(a->words.text, stdout);
    return rc;
}

static int best_recommended(cli *c, const cli_shape *shape, int64_t number, cli_format format)
{
    advice a = {.table = NULL};
    hpo_summary sum;
    int rc = cli_summary(c, &sum);
    if (rc == CLI_OK && isfinite(sum.best_value)) rc = take_advice(c, &a, &number);
    if (rc == CLI_OK) rc = best_one(c, shape, &a, number, format);
    hpo_str_fini(&a.json);
    hpo_str_fini(&a.words);
    cli_table_free(a.table);
    return rc;
}

static int run_best(cli *c)
{
    cli_format format;
    hpo_summary sum;
    cli_shape shape;
    int64_t *numbers = NULL;
    size_t n = 0;
    hpo_status st;
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK || (rc = cli_get_format(c, CLI_TABLE, &format)) != CLI_OK) return rc;
    if (cli_has(c, "value") + cli_has(c, "params") + cli_has(c, "args") > 1)
        return cli_usage_error(c, "--value, --params and --args exclude each other: give one");
    if ((rc = cli_open_study(c)) != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    st = hpo_study_best(c->study, NULL, 0, &n, &c->err);
    if (st == HPO_ENOTFOUND || (st == HPO_OK && n == 0)) {
        cli_error("study '%s' has no feasible result yet: %" PRId64 " trial%s, %" PRId64 " complete, %" PRId64
                  " failed%s",
                  sum.name, sum.n_trials, hpo_plural(sum.n_trials), sum.n_by_state[HPO_STATE_COMPLETE],
                  sum.n_by_state[HPO_STATE_FAILED],
                  sum.n_by_state[HPO_STATE_PAUSED] > 0
                      ? ", the others paused below the full resource: what they have there is not compared "
                        "with what comes out in full (`hpo top --rungs` shows it)"
                      : "");
        return CLI_INFEASIBLE;
    }
    if (st != HPO_OK) return cli_fail(c);
    numbers = hpo_alloc_array(n, sizeof *numbers);
    if (!numbers) return cli_fail_memory();
    if (hpo_study_best(c->study, numbers, n, &n, &c->err) != HPO_OK)
        rc = cli_fail(c);
    else if (shape.n_objectives == 1)
        rc = best_recommended(c, &shape, numbers[0], format);
    else if (cli_has(c, "value") || cli_has(c, "params") || cli_has(c, "args"))
        rc = cli_usage_error(c, "study '%s' has %zu objectives and %zu best trial%s: use --json", sum.name,
                             shape.n_objectives, n, hpo_plural((int64_t)n));
    else
        rc = cli_print_trials(c, &shape, format, numbers, n);
    hpo_free(numbers);
    return rc;
}

const cli_command cli_best = {
    .name = "best",
    .group = "Look",
    .help = "show the configuration to use: the best trial, the best expected one under noise, or the Pareto "
            "front",
    .usage = "[-n NAME] [--value|--params|--args|--json]",
    .about =
        "Where values are exact the best one is the answer. Where they are noisy (--noisy, standard errors, "
        "repeats "
        "that differ) the best value is a lucky one, and the configuration with the best expected value is "
        "shown, "
        "with its interval and the probability that it is the best; `hpo top` lists what was measured.\n\n"
        "Exit status 3: there is no feasible result yet.\n\n  ./train $(hpo best --args)",
    .options = best_options,
    .n_options = CLI_COUNT(best_options),
    .run = run_best,
};

/* ---- top ---------------------------------------------------------------------------------------------- */

static const cli_option top_options[] = {
    CLI_STUDY_OPTIONS,
    {"count", 'k', "N", "how many; default 10", 0, NULL},
    {"by", 0, "NAME", "the objective to sort by; default: the first", 0, NULL},
    {"rungs", 0, NULL,
     "the scheduler's table of rungs instead: how many trials came to each, and the best there", 0, NULL},
    CLI_FORMAT_OPTIONS,
};

/* "rungs" of hpo_study_rungs; values are minimise-oriented there. */
static void rung_row(cli_table *t, struct json_object *rung, double sign)
{
    static const char *const keys[] = {"bracket", "resource", "size", "promoted", "best", "best_trial"};
    for (size_t i = 0; i < CLI_COUNT(keys); i++) {
        struct json_object *v = NULL;
        if (!json_object_object_get_ex(rung, keys[i], &v) || !v)
            cli_table_cell(t, "-");
        else if (json_object_is_type(v, json_type_double))
            cli_table_number(t, json_object_get_double(v) * (i == 4 ? sign : 1));
        else
            cli_table_int(t, json_object_get_int64(v));
    }
}

/* "epochs 3, rows 9000": where a resource lies on several fidelities. */
static void place_cell(cli_table *t, struct json_object *path, struct json_object *rung)
{
    struct json_object *wanted = NULL;
    hpo_str text = {0};
    double resource =
        json_object_object_get_ex(rung, "resource", &wanted) ? json_object_get_double(wanted) : (double)NAN;
    for (size_t i = 0; i < json_object_array_length(path); i++) {
        struct json_object *at = json_object_array_get_idx(path, i), *r = NULL;
        if (!json_object_object_get_ex(at, "resource", &r) || json_object_get_double(r) != resource) continue;
        struct json_object_iterator axis = json_object_iter_begin(at), end = json_object_iter_end(at);
        for (; !json_object_iter_equal(&axis, &end); json_object_iter_next(&axis)) {
            const char *name = json_object_iter_peek_name(&axis);
            if (!strcmp(name, "resource")) continue;
            hpo_str_addf(&text, "%s%s %.6g", text.len ? ", " : "", name,
                         json_object_get_double(json_object_iter_peek_value(&axis)));
        }
    }
    cli_table_cell(t, text.failed || !text.len ? "-" : text.text);
    hpo_str_fini(&text);
}

static int show_rungs(cli *c)
{
    static const char *const heads[] = {"bracket", "resource", "trials", "went on", "best", "trial", "at"};
    char *json = NULL;
    struct json_object *root = NULL;
    struct json_object *list = NULL;
    struct json_object *path = NULL;
    cli_format format;
    hpo_summary sum;
    int rc;
    if ((rc = cli_get_format(c, CLI_TABLE, &format)) != CLI_OK || (rc = cli_open_study(c)) != CLI_OK)
        return rc;
    if ((rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    double sign = sum.objectives[0].direction == HPO_MAXIMIZE ? -1 : 1;
    if (hpo_study_rungs(c->study, &json, &c->err) != HPO_OK) return cli_fail(c);
    if (format == CLI_JSON) {
        puts(json);
    } else if (hpo_json_parse(json, strlen(json), "rungs", &root, &c->err) != HPO_OK) {
        rc = cli_fail(c);
    } else if (!json_object_object_get_ex(root, "rungs", &list) || !json_object_array_length(list)) {
        rc = cli_error("scheduler %s keeps no rungs, or nothing has come to one yet", sum.scheduler);
    } else {
        int many = json_object_object_get_ex(root, "path", &path);
        cli_table *t = cli_table_new(CLI_COUNT(heads) - !many, heads);
        for (size_t i = 0; t && i < json_object_array_length(list); i++) {
            rung_row(t, json_object_array_get_idx(list, i), sign);
            if (many) place_cell(t, path, json_object_array_get_idx(list, i));
        }
        rc = t ? cli_table_print(c, t, stdout) : cli_fail_memory();
    }
    json_object_put(root);
    hpo_free(json);
    return rc;
}

typedef struct ranked {
    double key; /* smaller is better */
    int64_t number;
} ranked;

/* Keeps the best `cap` in order by insertion: most trials fail the first comparison. */
static size_t keep(ranked *list, size_t n, size_t cap, ranked r)
{
    size_t i;
    if (n == cap && !(r.key < list[n - 1].key)) return n;
    if (n < cap) n++;
    for (i = n - 1; i > 0 && r.key < list[i - 1].key; i--)
        list[i] = list[i - 1];
    list[i] = r;
    return n;
}

static int rank(cli *c, const cli_shape *shape, const hpo_summary *sum, size_t by, ranked *list, size_t cap,
                size_t *n)
{
    double sign = shape->objectives[by].direction == HPO_MAXIMIZE ? -1 : 1;
    int64_t n_trials = sum->n_trials;
    *n = 0;
    for (int64_t i = 0; i < n_trials; i++) {
        hpo_trial_info t;
        int rc = get_trial(c, i, &t);
        if (rc != CLI_OK) return rc;
        if ((t.state != HPO_STATE_COMPLETE && t.state != HPO_STATE_STOPPED) || !t.values ||
            isnan(t.values[by]))
            continue;
        if (t.state == HPO_STATE_COMPLETE && !cli_feasible(shape, &t)) continue;
        if (t.state == HPO_STATE_STOPPED && shape->n_outcomes) continue;
        *n = keep(list, *n, cap, (ranked){sign * t.values[by], i});
    }
    return CLI_OK;
}

static int run_top(cli *c)
{
    cli_format format;
    hpo_summary sum;
    cli_shape shape;
    int64_t count = 10;
    size_t by = 0;
    size_t n = 0;
    const char *name = cli_get(c, "by", NULL);
    ranked *list = NULL;
    int64_t *numbers = NULL;
    int rc = cli_expect_args(c, 0, 0);
    if (rc == CLI_OK && cli_has(c, "rungs")) return show_rungs(c);
    if (rc != CLI_OK || (rc = cli_get_format(c, CLI_TABLE, &format)) != CLI_OK) return rc;
    if ((rc = cli_get_int(c, "count", 1, 1000000, &count)) != CLI_OK) return rc;
    if ((rc = open_and_sync(c, &sum, &shape)) != CLI_OK) return rc;
    while (name && by < shape.n_objectives && strcmp(shape.objectives[by].name, name) != 0)
        by++;
    if (by >= shape.n_objectives)
        return cli_usage_error(c, "--by: '%s' is no objective of study '%s'", name ? name : "", sum.name);
    list = hpo_alloc_array((size_t)count, sizeof *list);
    numbers = hpo_alloc_array((size_t)count, sizeof *numbers);
    if (!list || !numbers) {
        rc = cli_fail_memory();
        goto done;
    }
    if ((rc = rank(c, &shape, &sum, by, list, (size_t)count, &n)) != CLI_OK) goto done;
    if (!n) {
        cli_error("study '%s' has no feasible result yet: %" PRId64 " trial%s", sum.name, sum.n_trials,
                  hpo_plural(sum.n_trials));
        rc = CLI_INFEASIBLE;
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        numbers[i] = list[i].number;
    rc = cli_print_trials(c, &shape, format, numbers, n);
done:
    hpo_free(list);
    hpo_free(numbers);
    return rc;
}

const cli_command cli_top = {
    .name = "top",
    .group = "Look",
    .help = "list the best trials",
    .usage = "[-n NAME] [-k N] [--by OBJECTIVE] [--rungs]",
    .options = top_options,
    .n_options = CLI_COUNT(top_options),
    .run = run_top,
};

/* ---- show ---- */

static const cli_option show_options[] = {
    CLI_STUDY_OPTIONS,
    CLI_JSON_OPTION,
};

static void line(hpo_str *s, const char *key, const char *format, ...) HPO_PRINTF(3, 4);
static void line(hpo_str *s, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hpo_str_addf(s, "%-12s %s\n", key, text);
}

static void states_text(hpo_str *s, const hpo_summary *sum)
{
    int first = 1;
    for (int i = 0; i < HPO_N_STATES; i++) {
        if (!sum->n_by_state[i]) continue;
        hpo_str_addf(s, "%s%" PRId64 " %s", first ? "" : ", ", sum->n_by_state[i],
                     hpo_state_name((hpo_state)i));
        first = 0;
    }
}

static int show_study(cli *c, const hpo_summary *sum)
{
    hpo_str s = {0};
    hpo_str part = {0};
    char buf[32];
    char *json = NULL;
    const char *status = sum->status == HPO_STUDY_ACTIVE   ? "active"
                         : sum->status == HPO_STUDY_PAUSED ? "paused"
                                                           : "stopped";
    line(&s, "study", "%s", sum->name);
    if (sum->stop_reason != HPO_STOP_REASON_NONE)
        line(&s, "status", "%s (%s%s%s)", status, hpo_stop_reason_name(sum->stop_reason),
             sum->stop_text && *sum->stop_text ? ": " : "", sum->stop_text ? sum->stop_text : "");
    else
        line(&s, "status", "%s", status);
    for (size_t i = 0; i < sum->n_objectives; i++)
        line(&s, "objective", "%s %s", sum->objectives[i].direction == HPO_MAXIMIZE ? "maximize" : "minimize",
             sum->objectives[i].name);
    for (size_t i = 0; i < sum->n_outcomes; i++)
        line(&s, "outcome", "%s <= %s", sum->outcomes[i].name, cli_number_text(sum->outcomes[i].max, buf));
    states_text(&part, sum);
    line(&s, "trials", "%" PRId64 "%s%s%s", sum->n_trials, part.len ? " (" : "", part.len ? part.text : "",
         part.len ? ")" : "");
    if (sum->best >= 0)
        line(&s, "best", "%s in trial %" PRId64 ", %" PRId64 " finished since",
             cli_number_text(sum->best_value, buf), sum->best, sum->since_best);
    hpo_str_clear(&part);
    cli_budget_text(&part, &sum->budget);
    line(&s, "budget", "%s", part.failed ? "" : part.text);
    if (sum->until) line(&s, "until", "%s", sum->until);
    line(&s, "used", "%s of work", cli_duration_text(sum->active_seconds, buf));
    if (sum->cost > 0) line(&s, "cost", "%s", cli_number_text(sum->cost, buf));
    line(&s, "sampler", "%s", sum->sampler);
    line(&s, "scheduler", "%s", sum->scheduler);
    line(&s, "seed", "%" PRIu64, sum->seed);
    line(&s, "lease", "%s, at most %d %s", cli_duration_text(sum->lease, buf), (int)sum->max_retries,
         sum->max_retries == 1 ? "retry" : "retries");
    if (sum->lag) line(&s, "lag", "%" PRId64, sum->lag);
    if (sum->noisy) line(&s, "noisy", "yes: configurations may repeat");
    line(&s, "created", "%s", cli_time_text(sum->created_ms, buf));
    line(&s, "last event", "%s (number %" PRId64 ")", cli_time_text(sum->last_ms, buf), sum->seq);
    if (hpo_space_to_json(hpo_study_space(c->study), &json, NULL) == HPO_OK)
        hpo_str_addf(&s, "%-12s %s\n", "space", json);
    hpo_free(json);
    hpo_str_fini(&part);
    return print_str(&s, CLI_OK);
}

static hpo_status show_reports(cli *c, hpo_str *s, int64_t number, int64_t n_reports, int json)
{
    char buf[32];
    for (int64_t i = 0; i < n_reports; i++) {
        hpo_report r = hpo_report_init();
        int64_t ms = 0;
        HPO_TRY(hpo_study_trial_report(c->study, number, (size_t)i, &r, &ms, &c->err));
        if (json) {
            hpo_str_add(s, i ? ",{\"step\":" : "{\"step\":");
            hpo_str_json_double(s, r.step);
            hpo_str_add(s, ",\"values\":[");
            for (size_t k = 0; k < r.n_values; k++) {
                if (k) hpo_str_addc(s, ',');
                hpo_str_json_double(s, r.values[k]);
            }
            hpo_str_addc(s, ']');
            if (r.fold >= 0) hpo_str_addf(s, ",\"fold\":%d", (int)r.fold);
            if (r.cost > 0) {
                hpo_str_add(s, ",\"cost\":");
                hpo_str_json_double(s, r.cost);
            }
            if (r.metrics) hpo_str_addf(s, ",\"metrics\":%s", r.metrics);
            hpo_str_addf(s, ",\"time\":\"%s\"}", cli_utc_text(ms, buf));
        } else {
            hpo_str_addf(s, "  step %s: ", cli_number_text(r.step, buf));
            cli_values_text(s, r.values, r.n_values);
            if (r.fold >= 0) hpo_str_addf(s, "  fold %d", (int)r.fold);
            if (r.metrics) hpo_str_addf(s, "  %s", r.metrics);
            hpo_str_addc(s, '\n');
        }
    }
    return HPO_OK;
}

static hpo_status trial_lines(cli *c, hpo_str *s, const cli_shape *shape, const hpo_summary *sum,
                              const hpo_trial_info *t)
{
    char buf[32];
    hpo_str why = {0};
    line(s, "trial", "%" PRId64, t->number);
    line(s, "state", "%s%s", hpo_state_name(t->state), t->stop_requested ? " (stop requested)" : "");
    cli_trial_why(&why, t, sum, hpo_os_unix_ms());
    if (why.len) line(s, "why", "%s", why.text);
    hpo_str_fini(&why);
    for (size_t i = 0; t->values && i < shape->n_objectives; i++) {
        char sem[48] = "";
        char number[32];
        if (t->sems && !isnan(t->sems[i]))
            snprintf(sem, sizeof sem, " +- %s", cli_number_text(t->sems[i], buf));
        hpo_double_text(t->values[i], number);
        line(s, "value", "%s %s%s", shape->objectives[i].name, number, sem);
    }
    for (size_t i = 0; t->outcomes && i < shape->n_outcomes; i++)
        line(s, "outcome", "%s %s (%s)", shape->outcomes[i].name, cli_number_text(t->outcomes[i], buf),
             t->outcomes[i] <= shape->outcomes[i].max ? "feasible" : "too large");
    hpo_str_add(s, "parameters\n");
    HPO_TRY(params_block(s, shape->space, t->x, &c->err));
    if (t->reason) line(s, "reason", "%s", t->reason);
    if (t->worker) line(s, "worker", "%s", t->worker);
    line(s, "attempt", "%d", (int)t->attempt);
    if (t->cost > 0) line(s, "cost", "%s", cli_number_text(t->cost, buf));
    line(s, "created", "%s", cli_time_text(t->created_ms, buf));
    line(s, "started", "%s", cli_time_text(t->started_ms, buf));
    line(s, "ended", "%s", cli_time_text(t->ended_ms, buf));
    if (t->started_ms && t->ended_ms)
        line(s, "took", "%s", cli_duration_text((double)(t->ended_ms - t->started_ms) / 1e3, buf));
    if (t->draw >= 0)
        line(s, "origin", "suggestion %" PRId64 ", computed from events up to %" PRId64, t->draw,
             t->seq_from);
    else
        line(s, "origin",
             t->n_decisions > 0 && t->parent < 0 ? "enqueued, or chosen by the scheduler" : "enqueued");
    if (t->parent >= 0) line(s, t->repeat ? "repeats" : "parent", "%" PRId64, t->parent);
    line(s, "events", "asked %" PRId64 ", told %" PRId64, t->seq_ask, t->seq_tell);
    if (t->checkpoint) line(s, "checkpoint", "%s", t->checkpoint);
    if (t->attributes && *t->attributes) line(s, "attributes", "%s", t->attributes);
    if (t->n_reports) line(s, "reports", "%" PRId64, t->n_reports);
    return HPO_OK;
}

static int show_trial(cli *c, int64_t number, const hpo_summary *sum, const cli_shape *shape)
{
    hpo_trial_info t;
    hpo_str s = {0};
    int json = cli_has(c, "json");
    int64_t n_reports;
    hpo_status st;
    int rc = get_trial(c, number, &t);
    if (rc != CLI_OK) return rc;
    n_reports = t.n_reports; /* t's pointers end with the next call on the study */
    st = json ? cli_trial_full_json(&s, shape, c->study, &t, &c->err) : trial_lines(c, &s, shape, sum, &t);
    if (st == HPO_OK && json && !s.failed) {
        s.text[--s.len] = '\0'; /* reports go into the same object */
        hpo_str_add(&s, ",\"report_list\":[");
    }
    if (st == HPO_OK) st = show_reports(c, &s, number, n_reports, json);
    if (json) hpo_str_add(&s, "]}\n");
    return print_str(&s, st == HPO_OK ? CLI_OK : cli_fail(c));
}

static int run_show(cli *c)
{
    hpo_summary sum;
    cli_shape shape;
    int64_t number = -1;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (c->n_args && (rc = cli_trial_number(c, c->args[0], &number)) != CLI_OK) return rc;
    if ((rc = cli_open_study(c)) != CLI_OK || (rc = cli_summary(c, &sum)) != CLI_OK) return rc;
    cli_shape_of(c->study, &sum, &shape);
    if (number >= 0) return show_trial(c, number, &sum, &shape);
    if (cli_has(c, "json")) {
        hpo_str s = {0};
        rc = cli_summary_json(&s, c->study, &sum, &c->err) == HPO_OK ? CLI_OK : cli_fail(c);
        hpo_str_addc(&s, '\n');
        return print_str(&s, rc);
    }
    return show_study(c, &sum);
}

const cli_command cli_show = {
    .name = "show",
    .group = "Look",
    .help = "show a study, or one trial with all that is known of it",
    .usage = "[-n NAME] [TRIAL] [--json]",
    .words = "@trial",
    .options = show_options,
    .n_options = CLI_COUNT(show_options),
    .run = run_show,
};

/* ---- ps ---- */

static const cli_option ps_options[] = {
    CLI_STUDY_OPTIONS,
    {"json", 0, NULL, "print JSON", 0, NULL},
    {"jsonl", 0, NULL, "print JSON, one object a line", 0, NULL},
};

static int ps_row(cli *c, cli_table *table, const cli_shape *shape, const hpo_summary *sum,
                  const hpo_trial_info *t)
{
    int64_t now = hpo_os_unix_ms();
    char buf[32];
    hpo_str s = {0};
    double last = NAN;
    cli_table_int(table, t->number);
    cli_table_cell(table, hpo_state_name(t->state));
    cli_table_cell(table, t->worker ? t->worker : "-");
    cli_table_cell(table, t->state == HPO_STATE_RUNNING && t->started_ms
                              ? cli_duration_text((double)(now - t->started_ms) / 1e3, buf)
                              : "-");
    if (t->state != HPO_STATE_RUNNING)
        cli_table_cell(table, "-");
    else
        cli_table_cell(table, t->lease_ms == INT64_MAX
                                  ? "for ever"
                                  : cli_duration_text((double)(t->lease_ms - now) / 1e3, buf));
    cli_trial_why(&s, t, sum, now);
    if (t->n_reports > 0) {
        hpo_report r = hpo_report_init();
        double step = t->last_step;
        int64_t number = t->number;
        int64_t n = t->n_reports;
        if (hpo_study_trial_report(c->study, number, (size_t)(n - 1), &r, NULL, &c->err) != HPO_OK) {
            hpo_str_fini(&s);
            return cli_fail(c);
        }
        last = r.n_values ? r.values[0] : (double)NAN;
        cli_table_number(table, step);
    } else {
        cli_table_cell(table, "-");
    }
    cli_table_number(table, last);
    cli_table_cell(table, s.len ? s.text : "");
    hpo_str_fini(&s);
    (void)shape;
    return CLI_OK;
}

static int ps_json(cli *c, hpo_str *s, const cli_shape *shape, const hpo_summary *sum,
                   const hpo_trial_info *t, int i, int lines)
{
    hpo_str why = {0};
    hpo_status st;
    if (!lines) hpo_str_add(s, i ? ",\n " : "[");
    st = cli_trial_json(s, shape, t, 1, &c->err);
    if (st == HPO_OK && !s->failed) {
        s->text[--s->len] = '\0';
        cli_trial_why(&why, t, sum, hpo_os_unix_ms());
        hpo_str_add(s, ",\"why\":");
        hpo_str_json(s, why.len ? why.text : "");
        hpo_str_add(s, lines ? "}\n" : "}");
    }
    hpo_str_fini(&why);
    return st == HPO_OK ? CLI_OK : cli_fail(c);
}

static int run_ps(cli *c)
{
    static const char *const heads[] = {"trial",      "state", "worker", "since",
                                        "lease left", "step",  "last",   "why"};
    hpo_summary sum;
    cli_shape shape;
    cli_table *table = NULL;
    hpo_str s = {0};
    int json = cli_has(c, "json");
    int lines = cli_has(c, "jsonl");
    int n = 0;
    int64_t open_trials;
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK || (rc = open_and_sync(c, &sum, &shape)) != CLI_OK) return rc;
    open_trials = sum.n_by_state[HPO_STATE_RUNNING] + sum.n_by_state[HPO_STATE_WAITING] +
                  sum.n_by_state[HPO_STATE_PAUSED];
    if (!json && !lines && !(table = cli_table_new(CLI_COUNT(heads), heads))) return cli_fail_memory();
    for (int64_t i = 0; i < sum.n_trials && n < open_trials && rc == CLI_OK; i++) {
        hpo_trial_info t;
        if ((rc = get_trial(c, i, &t)) != CLI_OK) break;
        if (t.state != HPO_STATE_RUNNING && t.state != HPO_STATE_WAITING && t.state != HPO_STATE_PAUSED)
            continue;
        rc = table ? ps_row(c, table, &shape, &sum, &t) : ps_json(c, &s, &shape, &sum, &t, n, lines);
        n++;
    }
    if (json && rc == CLI_OK) hpo_str_add(&s, n ? "]\n" : "[]\n");
    if (table && n) {
        int printed = cli_table_print(c, table, stdout);
        return rc == CLI_OK ? printed : rc;
    }
    if (table) {
        cli_table_free(table);
        if (rc == CLI_OK) printf("no trial is running or waiting in study %s\n", sum.name);
        return rc;
    }
    return print_str(&s, rc);
}

const cli_command cli_ps = {
    .name = "ps",
    .group = "Look",
    .help = "list the trials that run, wait or are paused, and why",
    .usage = "[-n NAME] [--json|--jsonl]",
    .options = ps_options,
    .n_options = CLI_COUNT(ps_options),
    .run = run_ps,
};
