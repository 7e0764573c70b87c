/* SPDX-License-Identifier: Apache-2.0 */
/* bench/recheck.c - results measured again.
 *
 * With the mean m and interval [l, h] of the expected value (epistemic: what more trials would narrow), noise
 * standard deviation s (aleatoric: what stays), R repeats of mean a and standard deviation b:
 *
 *   covered   |a - m| <= sqrt(w^2 + z^2 b^2 / R), w = m - l or h - m on the side of a, z = 1.645: the
 * repeats' own error must not count against the interval inside    repeats within m +- z sqrt(((h - l) /
 * 2z)^2 + s^2)
 *
 * Both hold for nine in ten when the study is right about what it does not know and about the noise. */
#include "bench/recheck.h"

#include <math.h>
#include <string.h>

#include "analysis/recommend.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "bench/chart.h"
#include "bench/compare.h"
#include "hpo/sampler.h"

enum { REPEAT_STREAM = 77 };
static const double Z90 = 1.6448536269514722;

typedef struct job {
    hpo_results *results;
    const hpo_recheck_options *o;
    hpo_recheck *c;
    hpo_problem **problems; /* of each row */
    atomic_size_t next;
    atomic_int over;
    hpo_mutex lock;
    hpo_status status;
    hpo_error error;
} job;

/* ---- one run ----------------------------------------------------------------------------------------- */

static int competes(const hpo_problem *p, const hpo_run_rows *r, size_t i)
{
    if (r->state[i] != HPO_STATE_COMPLETE || !isfinite(r->y[i])) return 0;
    if (!isnan(p->full_resource) && r->resource[i] < p->full_resource) return 0;
    for (size_t k = 0; k < r->k; k++)
        if (!(r->outcome[i * r->k + k] <= 0)) return 0;
    return 1;
}

/* The values of a run as the recommendation takes them; `which` gets their rows.  One block: *block. */
static hpo_status read_values(const hpo_problem *p, const hpo_run_rows *r, hpo_recommend_data *d,
                              size_t **which, void **block, hpo_error *err)
{
    size_t dims = hpo_space_n_dims(p->space), n = r->n > 0 ? r->n : 1;
    double *u = *block =
        hpo_alloc(n * (sizeof *u * (dims + 2) + sizeof *d->hash + sizeof *d->number + sizeof **which));
    if (u == NULL) return hpo_fail_memory(err);
    double *y = u + n * dims, *sem = y + n;
    uint64_t *hash = (uint64_t *)(void *)(sem + n);
    int64_t *number = (int64_t *)(void *)(hash + n);
    *which = (size_t *)(void *)(number + n);
    size_t m = 0;
    for (size_t i = 0; i < r->n; i++) {
        const double *x = r->x + i * r->n_columns;
        if (!competes(p, r, i)) continue;
        hpo_space_encode(p->space, x, u + m * dims);
        y[m] = r->y[i];
        sem[m] = (double)NAN;
        hash[m] = hpo_space_hash(p->space, x);
        number[m] = r->trial[i];
        (*which)[m++] = i;
    }
    *d = (hpo_recommend_data){.space = p->space,
                              .n = m,
                              .n_dims = dims,
                              .u = u,
                              .y = y,
                              .sem = sem,
                              .hash = hash,
                              .number = number,
                              .noisy = p->noisy};
    return HPO_OK;
}

/* Evaluates x with fresh seeds into y; *n gets how many have a value. */
static hpo_status repeat(const job *j, const hpo_problem *p, const double *x, uint64_t seed, double *y,
                         int64_t *n, hpo_error *err)
{
    *n = 0;
    for (int64_t k = 0; k < j->o->repeats; k++) {
        hpo_rng rng;
        hpo_problem_answer a;
        if (j->o->cancel != NULL && atomic_load(j->o->cancel))
            return hpo_fail(err, HPO_WAIT, "the recheck was interrupted");
        hpo_rng_init(&rng, seed, (uint64_t)k, REPEAT_STREAM);
        hpo_problem_query q = {.x = x, .resource = (double)NAN, .seed = hpo_rng_below(&rng, UINT64_MAX)};
        HPO_TRY(hpo_problem_evaluate(p, &q, &a, err));
        if (!a.failed && isfinite(a.y[0])) y[(*n)++] = a.y[0];
    }
    return HPO_OK;
}

/* From the first one on: the mean of equal values is that value. */
static double mean_of(const double *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += y[i] - y[0];
    return n > 0 ? y[0] + sum / (double)n : (double)NAN;
}

static void judge(hpo_recheck_row *row, const double *y, int64_t n)
{
    double squares = 0, noise = isnan(row->noise) ? 0 : row->noise;
    row->repeats = n;
    row->again = mean_of(y, n);
    for (int64_t i = 0; i < n; i++)
        squares += (y[i] - row->again) * (y[i] - row->again);
    row->sd = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
    row->sem = row->sd / sqrt((double)n);
    double width = row->again < row->claimed ? row->claimed - row->low : row->high - row->claimed;
    double reach = sqrt(width * width + Z90 * Z90 * row->sem * row->sem);
    row->covered = fabs(row->again - row->claimed) <= reach;
    double epistemic = (row->high - row->low) / (2 * Z90);
    double both = Z90 * sqrt(epistemic * epistemic + noise * noise);
    for (int64_t i = 0; i < n; i++)
        row->inside += fabs(y[i] - row->claimed) <= both;
}

static hpo_status check_values(const job *j, const hpo_problem *p, const hpo_run_rows *r,
                               const hpo_recommend_data *d, const size_t *which, hpo_recheck_row *row,
                               hpo_error *err)
{
    hpo_recommend_result best;
    uint64_t seed = hpo_compare_seed(p->name, row->run->key.seed);
    int64_t n;
    HPO_TRY(hpo_recommend(d, &best, err));
    double *y = hpo_alloc_array((size_t)j->o->repeats, sizeof *y);
    if (y == NULL) return hpo_fail_memory(err);
    const hpo_choice *c = &best.choices[0];
    row->n = (int64_t)d->n;
    row->told = d->y[best.best_row];
    row->claimed = c->mean;
    row->low = c->low;
    row->high = c->high;
    row->noise = best.noise_sd;
    hpo_status rc = repeat(j, p, r->x + which[c->row] * r->n_columns, seed, y, &n, err);
    if (rc == HPO_OK) judge(row, y, n);
    row->told_again = row->again;
    if (rc == HPO_OK && d->hash[best.best_row] != d->hash[c->row]) {
        rc = repeat(j, p, r->x + which[best.best_row] * r->n_columns, seed, y, &n, err);
        row->told_again = mean_of(y, n);
    }
    hpo_free(y);
    return rc;
}

static hpo_status check_run(const job *j, size_t i, hpo_error *err)
{
    hpo_recheck_row *row = &j->c->rows[i];
    const hpo_problem *p = j->problems[i];
    hpo_run_rows *r = NULL;
    hpo_recommend_data d;
    size_t *which;
    void *block = NULL;
    HPO_TRY(hpo_results_rows(j->results, row->run->id, 1, &r, err));
    hpo_status rc = r->n_columns == hpo_space_n_columns(p->space)
                        ? read_values(p, r, &d, &which, &block, err)
                        : hpo_fail(err, HPO_EINVAL, "problem '%s' has changed since it was run", p->name);
    if (rc == HPO_OK && d.n > 0) rc = check_values(j, p, r, &d, which, row, err);
    hpo_free(block);
    hpo_free(r);
    return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static void *work(void *arg)
{
    job *j = arg;
    hpo_error err = {0};
    while (!atomic_load(&j->over)) {
        size_t i = atomic_fetch_add(&j->next, 1);
        if (i >= j->c->n) break;
        hpo_status rc = check_run(j, i, &err);
        if (rc == HPO_OK) continue;
        hpo_mutex_lock(&j->lock);
        if (j->status == HPO_OK) {
            j->status = rc;
            j->error = err;
        }
        hpo_mutex_unlock(&j->lock);
        atomic_store(&j->over, 1);
    }
    return NULL;
}

static hpo_status work_all(job *j, hpo_error *err)
{
    int32_t n = j->o->threads > 0 ? j->o->threads : hpo_os_cpu_count(), started = 0;
    hpo_thread *threads = hpo_alloc_array((size_t)n, sizeof *threads);
    if (threads == NULL) return hpo_fail_memory(err);
    HPO_TRY(hpo_mutex_init(&j->lock, err));
    while (started + 1 < n && hpo_thread_start(&threads[started], work, j, NULL) == HPO_OK)
        started++;
    (void)work(j);
    for (int32_t i = 0; i < started; i++)
        hpo_thread_join(threads[i]);
    hpo_mutex_fini(&j->lock);
    hpo_free(threads);
    if (j->status != HPO_OK && err != NULL) *err = j->error;
    return j->status;
}

/* Runs of one problem follow one another. */
static hpo_status open_problems(job *j, hpo_error *err)
{
    const hpo_recheck *c = j->c;
    for (size_t i = 0; i < c->n; i++) {
        const char *name = c->rows[i].run->key.problem;
        if (i > 0 && strcmp(c->rows[i - 1].run->key.problem, name) == 0)
            j->problems[i] = j->problems[i - 1];
        else
            HPO_TRY(hpo_problem_open(name, j->o->data, &j->problems[i], err));
    }
    return HPO_OK;
}

static void close_problems(job *j)
{
    for (size_t i = 0; j->problems != NULL && i < j->c->n; i++)
        if (i == 0 || j->problems[i] != j->problems[i - 1]) hpo_problem_free(j->problems[i]);
    hpo_free(j->problems);
}

static int has_one_objective(const hpo_problem_info *problems, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(problems[i].name, name) == 0) return problems[i].n_objectives == 1;
    return 0;
}

static hpo_status list_runs(hpo_results *r, hpo_recheck *c, hpo_error *err)
{
    hpo_problem_info *problems = NULL;
    size_t n_problems, n;
    HPO_TRY(hpo_results_runs(r, &c->runs, &n, err));
    HPO_TRY(hpo_results_problems(r, &problems, &n_problems, err));
    c->rows = hpo_calloc(n > 0 ? n : 1, sizeof *c->rows);
    for (size_t i = 0; i < n && c->rows != NULL; i++)
        if (has_one_objective(problems, n_problems, c->runs[i].key.problem))
            c->rows[c->n++].run = &c->runs[i];
    hpo_free(problems);
    return c->rows == NULL ? hpo_fail_memory(err) : HPO_OK;
}

void hpo_recheck_free(hpo_recheck *c)
{
    if (c == NULL) return;
    hpo_free(c->runs);
    hpo_free(c->rows);
    hpo_free(c);
}

hpo_status hpo_recheck_runs(hpo_results *r, const hpo_recheck_options *o, hpo_recheck **out, hpo_error *err)
{
    hpo_recheck *c = hpo_calloc(1, sizeof *c);
    job j = {.results = r, .o = o, .c = c};
    *out = NULL;
    hpo_status rc = c == NULL ? hpo_fail_memory(err) : list_runs(r, c, err);
    if (rc == HPO_OK) {
        j.problems = hpo_calloc(c->n > 0 ? c->n : 1, sizeof(hpo_problem *));
        if (j.problems == NULL) rc = hpo_fail_memory(err);
    }
    if (rc == HPO_OK) rc = open_problems(&j, err);
    if (rc == HPO_OK) rc = work_all(&j, err);
    if (c != NULL) close_problems(&j);
    if (rc != HPO_OK) {
        hpo_recheck_free(c);
        return rc;
    }
    *out = c;
    return HPO_OK;
}

/* ---- a picture --------------------------------------------------------------------------------------- */

enum { PLOT_WIDTH = 760, PLOT_HEIGHT = 340, LEFT = 60, RIGHT = 12, TOP = 54, BOTTOM = 44 };

typedef struct plot {
    hpo_str *s;
    double low, high; /* of the values */
} plot;

static double height_of(const plot *p, double v)
{
    double t = (fmin(fmax(v, p->low), p->high) - p->low) / (p->high - p->low);
    return PLOT_HEIGHT - BOTTOM - t * (PLOT_HEIGHT - TOP - BOTTOM);
}

static void add_axis(const plot *p)
{
    double step = 1e-12;
    while ((p->high - p->low) / step > 6)
        step *= (p->high - p->low) / (2.5 * step) > 6 ? 10 : 2.5;
    for (double v = ceil(p->low / step) * step; v <= p->high; v += step)
        hpo_str_addf(p->s,
                     "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
                     LEFT, PLOT_WIDTH - RIGHT, height_of(p, v), height_of(p, v), LEFT - 6,
                     height_of(p, v) + 4, fabs(v) < step / 2 ? 0 : v);
}

static void add_row(const plot *p, const hpo_recheck_row *row, double x)
{
    double y = height_of(p, row->told);
    hpo_str_addf(p->s,
                 "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#9aa7b4\" "
                 "stroke-width=\"5\"/>",
                 x, x, height_of(p, row->low), height_of(p, row->high));
    hpo_str_addf(p->s,
                 "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#33414e\" "
                 "stroke-width=\"2\"/>",
                 x - 4, x + 4, height_of(p, row->claimed), height_of(p, row->claimed));
    hpo_str_addf(p->s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>", x, height_of(p, row->again),
                 row->covered ? "#00618f" : "#b3003c");
    hpo_str_addf(p->s, "<path d=\"M%.1f %.1fl5 5m0 -5l-5 5\" stroke=\"#a35200\" stroke-width=\"1.5\"/>\n",
                 x - 2.5, y - 2.5);
}

void hpo_recheck_svg(hpo_str *s, const hpo_recheck_row *rows, size_t n)
{
    plot p = {s, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (rows[i].repeats == 0) continue;
        p.low = fmin(p.low, fmin(rows[i].told, fmin(rows[i].low, rows[i].again)));
        p.high = fmax(p.high, fmax(rows[i].high, rows[i].again));
    }
    if (!(p.low < p.high)) p = (plot){s, isfinite(p.low) ? p.low - 1 : 0, isfinite(p.low) ? p.low + 1 : 1};
    double margin = 0.05 * (p.high - p.low), step = (double)(PLOT_WIDTH - LEFT - RIGHT) / (double)n;
    p.low -= margin;
    p.high += margin;
    hpo_str_addf(
        s,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
        "font-size=\"11\" fill=\"#33414e\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        PLOT_WIDTH, PLOT_HEIGHT);
    hpo_str_addf(s, "<text x=\"%d\" y=\"18\" font-size=\"14\" font-weight=\"bold\">", LEFT);
    hpo_xml_text(s, n > 0 ? rows[0].run->key.problem : "");
    hpo_str_addf(
        s,
        "</text>\n<text x=\"%d\" y=\"36\">bar: 90 %% interval of the expected value; dot: measured again "
        "(red: not covered); cross: the best single value</text>\n",
        LEFT);
    add_axis(&p);
    for (size_t i = 0; i < n; i++) {
        double x = LEFT + step * ((double)i + 0.5);
        int first = i == 0 || strcmp(rows[i].run->key.method, rows[i - 1].run->key.method) != 0;
        if (first) {
            if (i > 0)
                hpo_str_addf(s, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#bbb\"/>\n",
                             x - step / 2, x - step / 2, TOP, PLOT_HEIGHT - BOTTOM);
            hpo_str_addf(s, "<text x=\"%.1f\" y=\"%d\">", x - step / 2 + 3, PLOT_HEIGHT - BOTTOM + 18);
            hpo_xml_text(s, rows[i].run->key.method);
            hpo_str_add(s, "</text>\n");
        }
        if (rows[i].repeats > 0) add_row(&p, &rows[i], x);
    }
    hpo_str_add(s, "</svg>\n");
}
