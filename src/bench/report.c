/* SPDX-License-Identifier: Apache-2.0 */
/* bench/report.c - a comparison as CSV and as JSON. */
#include "bench/report.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* ---- CSV ---------------------------------------------------------------------------------------------- */

static void add_field(hpo_str *s, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        hpo_str_add(s, text);
        return;
    }
    hpo_str_addc(s, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"') hpo_str_addc(s, '"');
        hpo_str_addc(s, *text);
    }
    hpo_str_addc(s, '"');
}

/* An empty field for NaN. */
static void add_value(hpo_str *s, double v)
{
    hpo_str_addc(s, ',');
    if (!isnan(v)) hpo_str_double(s, v);
}

static void add_count(hpo_str *s, size_t n)
{
    hpo_str_addf(s, ",%zu", n);
}

static void add_estimate(hpo_str *s, const hpo_estimate *e)
{
    add_value(s, e->value);
    add_value(s, e->low);
    add_value(s, e->high);
}

static hpo_status finish(hpo_str *s, char **out, hpo_error *err)
{
    hpo_status rc = hpo_str_steal(s, out, err);
    hpo_str_fini(s);
    return rc;
}

hpo_status hpo_report_csv(const hpo_comparison *c, char **out, hpo_error *err)
{
    hpo_str s = {0};
    hpo_str_add(&s,
                "problem,budget,workers,charged,method,runs,failed,missing,value,regret_q25,regret_median,"
                "median_low,median_high,regret_q75,regret_mean,mean_low,mean_high,area,area_low,area_high,"
                "best_of_2,best_of_5,best_of_10,mean_rank,wins,losses,p,p_holm,best,typical\n");
    for (size_t i = 0; i < c->n_contests; i++) {
        const hpo_contest *k = &c->contests[i];
        for (size_t m = 0; m < c->n_methods; m++) {
            const hpo_entry *e = &k->entries[m];
            add_field(&s, k->problem->name);
            add_value(&s, k->budget);
            hpo_str_addf(&s, ",%d,%d,", (int)k->workers, (int)k->charged);
            add_field(&s, c->methods[m].name);
            add_count(&s, e->n_runs);
            add_count(&s, e->n_failed);
            add_count(&s, k->n_seeds - e->n_runs);
            add_value(&s, e->value);
            add_value(&s, e->q25);
            add_estimate(&s, &e->median);
            add_value(&s, e->q75);
            add_estimate(&s, &e->mean);
            add_estimate(&s, &e->area);
            for (size_t j = 0; j < 3; j++)
                add_value(&s, e->best_of[j]);
            add_value(&s, k->n_complete > 0 ? e->mean_rank : (double)NAN);
            add_count(&s, e->wins);
            add_count(&s, e->losses);
            add_value(&s, e->p);
            add_value(&s, e->p_adjusted);
            add_value(&s, k->best);
            add_value(&s, k->typical);
            hpo_str_addc(&s, '\n');
        }
    }
    return finish(&s, out, err);
}

static void add_curve(hpo_str *s, const hpo_contest *k, const char *method, int by_time, const hpo_entry *e)
{
    size_t n = by_time ? k->n_times : k->n_budgets;
    for (size_t i = 0; i < n && e->n_runs > 0; i++) {
        add_field(s, k->label);
        hpo_str_addc(s, ',');
        add_field(s, method);
        hpo_str_add(s, by_time ? ",time" : ",budget");
        add_value(s, by_time ? k->times[i] : k->budgets[i]);
        add_estimate(s, by_time ? &e->by_time[i] : &e->by_budget[i]);
        hpo_str_addc(s, '\n');
    }
}

hpo_status hpo_report_curves_csv(const hpo_comparison *c, char **out, hpo_error *err)
{
    hpo_str s = {0};
    hpo_str_add(&s, "problem,method,axis,at,median,low,high\n");
    for (size_t i = 0; i < c->n_contests; i++)
        for (size_t m = 0; m < c->n_methods; m++) {
            add_curve(&s, &c->contests[i], c->methods[m].name, 0, &c->contests[i].entries[m]);
            add_curve(&s, &c->contests[i], c->methods[m].name, 1, &c->contests[i].entries[m]);
        }
    return finish(&s, out, err);
}

/* ---- JSON ---- */

static void key(hpo_str *s, const char *name)
{
    if (s->len > 0 && s->text[s->len - 1] != '{' && s->text[s->len - 1] != '[') hpo_str_addc(s, ',');
    hpo_str_addf(s, "\"%s\":", name);
}

static void json_number(hpo_str *s, const char *name, double v)
{
    key(s, name);
    hpo_str_json_double(s, v);
}

static void json_count(hpo_str *s, const char *name, size_t n)
{
    key(s, name);
    hpo_str_addf(s, "%zu", n);
}

static void json_text(hpo_str *s, const char *name, const char *text)
{
    key(s, name);
    if (text != NULL)
        hpo_str_json(s, text);
    else
        hpo_str_add(s, "null");
}

static void json_estimate(hpo_str *s, const char *name, const hpo_estimate *e)
{
    key(s, name);
    hpo_str_addc(s, '[');
    hpo_str_json_double(s, e->value);
    hpo_str_addc(s, ',');
    hpo_str_json_double(s, e->low);
    hpo_str_addc(s, ',');
    hpo_str_json_double(s, e->high);
    hpo_str_addc(s, ']');
}

static void json_standing(hpo_str *s, const hpo_standing *m)
{
    hpo_str_addc(s, '{');
    json_text(s, "method", m->name);
    json_count(s, "runs", m->n_runs);
    json_count(s, "failed", m->n_failed);
    json_count(s, "missing", m->n_missing);
    json_estimate(s, "rank", &m->rank);
    json_number(s, "block_rank", m->block_rank);
    json_estimate(s, "area", &m->area);
    json_count(s, "wins", m->wins);
    json_count(s, "losses", m->losses);
    json_number(s, "p_seeds", m->p_seeds);
    json_number(s, "p_seeds_holm", m->p_seeds_adjusted);
    json_number(s, "p_problems", m->p_contests);
    json_number(s, "p_problems_holm", m->p_contests_adjusted);
    json_number(s, "evaluations", (double)m->n_evaluations);
    json_number(s, "decision_p50", m->decision_p50);
    json_number(s, "decision_p99", m->decision_p99);
    json_number(s, "decision_mean", m->decision_mean);
    json_number(s, "decision_total", m->decision_total);
    json_number(s, "wall_seconds", m->wall);
    json_number(s, "virtual_seconds", m->virtual_time);
    hpo_str_addc(s, '}');
}

static void json_entry(hpo_str *s, const char *method, const hpo_contest *k, const hpo_entry *e)
{
    hpo_str_addc(s, '{');
    json_text(s, "method", method);
    json_count(s, "runs", e->n_runs);
    json_count(s, "failed", e->n_failed);
    json_number(s, "value", e->value);
    json_number(s, "q25", e->q25);
    json_estimate(s, "median", &e->median);
    json_number(s, "q75", e->q75);
    json_estimate(s, "mean", &e->mean);
    json_estimate(s, "area", &e->area);
    json_number(s, "best_of_2", e->best_of[0]);
    json_number(s, "best_of_5", e->best_of[1]);
    json_number(s, "best_of_10", e->best_of[2]);
    json_number(s, "mean_rank", k->n_complete > 0 ? e->mean_rank : (double)NAN);
    json_count(s, "wins", e->wins);
    json_count(s, "losses", e->losses);
    json_number(s, "p", e->p);
    json_number(s, "p_holm", e->p_adjusted);
    hpo_str_addc(s, '}');
}

static void json_contest(hpo_str *s, const hpo_comparison *c, const hpo_contest *k)
{
    hpo_str_addc(s, '{');
    json_text(s, "label", k->label);
    json_text(s, "problem", k->problem->name);
    json_number(s, "budget", k->budget);
    json_number(s, "workers", k->workers);
    key(s, "charged");
    hpo_str_add(s, k->charged ? "true" : "false");
    json_count(s, "seeds", k->n_seeds);
    json_count(s, "complete_seeds", k->n_complete);
    json_number(s, "best", k->best);
    key(s, "best_known");
    hpo_str_add(s, k->best_known ? "true" : "false");
    key(s, "best_beaten");
    hpo_str_add(s, k->best_beaten ? "true" : "false");
    json_number(s, "typical", k->typical);
    key(s, "typical_known");
    hpo_str_add(s, k->typical_known ? "true" : "false");
    key(s, "methods");
    hpo_str_addc(s, '[');
    for (size_t m = 0; m < c->n_methods; m++) {
        if (m > 0) hpo_str_addc(s, ',');
        json_entry(s, c->methods[m].name, k, &k->entries[m]);
    }
    hpo_str_add(s, "]}");
}

static void json_failures(hpo_str *s, const hpo_comparison *c)
{
    key(s, "failures");
    hpo_str_addc(s, '[');
    for (size_t i = 0; i < c->n_failures; i++) {
        const hpo_run_info *r = c->failures[i];
        if (i > 0) hpo_str_addc(s, ',');
        hpo_str_addc(s, '{');
        json_text(s, "problem", r->key.problem);
        json_text(s, "method", r->key.method);
        json_number(s, "seed", (double)r->key.seed);
        json_number(s, "evaluations", (double)r->n);
        json_text(s, "error", r->error);
        hpo_str_addc(s, '}');
    }
    hpo_str_addc(s, ']');
}

hpo_status hpo_report_json(const hpo_comparison *c, const hpo_report_facts *facts, char **out, hpo_error *err)
{
    hpo_str s = {0};
    hpo_str_addc(&s, '{');
    if (facts->command != NULL) json_text(&s, "command", facts->command);
    if (facts->version != NULL) json_text(&s, "version", facts->version);
    if (facts->commit != NULL) json_text(&s, "commit", facts->commit);
    if (facts->machine != NULL) json_text(&s, "machine", facts->machine);
    if (facts->date != NULL) json_text(&s, "date", facts->date);
    json_count(&s, "runs", c->n_runs);
    json_count(&s, "complete", c->n_blocks_complete);
    json_number(&s, "alpha", c->options.alpha);
    json_number(&s, "level", c->options.level);
    json_text(&s, "against", c->methods[c->control].name);
    key(&s, "friedman");
    hpo_str_addc(&s, '{');
    json_text(&s, "blocks", c->blocks_are_contests ? "problems" : "seeds");
    json_count(&s, "n", c->n_blocks);
    json_number(&s, "chi2", c->friedman.chi2);
    json_number(&s, "p", c->friedman.p);
    json_number(&s, "f", c->friedman.f);
    json_number(&s, "p_f", c->friedman.p_f);
    json_number(&s, "critical_difference", c->critical_difference);
    hpo_str_addc(&s, '}');
    key(&s, "methods");
    hpo_str_addc(&s, '[');
    for (size_t m = 0; m < c->n_methods; m++) {
        if (m > 0) hpo_str_addc(&s, ',');
        json_standing(&s, &c->methods[m]);
    }
    hpo_str_addc(&s, ']');
    key(&s, "problems");
    hpo_str_addc(&s, '[');
    for (size_t i = 0; i < c->n_contests; i++) {
        if (i > 0) hpo_str_addc(&s, ',');
        json_contest(&s, c, &c->contests[i]);
    }
    hpo_str_addc(&s, ']');
    json_failures(&s, c);
    hpo_str_add(&s, "}\n");
    return finish(&s, out, err);
}
