/* SPDX-License-Identifier: Apache-2.0 */
/* bench/table.c - tuning problems from tables of measurements: full grids, lists of configurations with the
 * nearest-row rule, learning curves.
 *
 * Tables are described by a manifest, one line a problem (docs/bench-data.md).  Ours stands below; users put
 * theirs at DIR/manifest.tsv.  Beside it `csv-NAME` opens any DIR/NAME.csv whose objectives end in +
 * (maximise) or - (minimise).
 *
 * Noise: a table with replicates (seeds) answers with one of them, drawn by the seed of the query; noise-free
 * is their mean.  A replicate that became NaN (divergence) is a failure, which costs the time until then. */
#include "bench/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "bench/families.h"
#include "math/func.h"

#define MLP_SPACE                                                                                            \
    "lr: log 1e-5..10; momentum: 0..0.99; weight_decay: log 1e-7..0.1; batch: ordinal 8,16,32,64,128,256; "  \
    "width: int log 8..256; layers: int 1..4; dropout: 0..0.8; adam: bool; cosine: bool"
#define GPU_INPUTS "block_size_x,block_size_y,tile_size_x,tile_size_y,read_only,use_padding,use_shmem"
#define OBOE "oboe/configs.csv\toboe/err_runtime.f32\t\t"

static const char own_manifest[] =
    "name\trows\tvalues\tspace\tblock\treplicates\tsteps\tchannels\tinputs\tobjectives\tcost\trule\tsuites\n"
    "fcnet-protein_structure\t\tfcnet/protein_structure.f32\tfcnet/space.tsv\t\t4\t\tmse\t\tlog "
    "mse\t\t\thpo,noisy\n"
    "fcnet-slice_localization\t\tfcnet/slice_localization.f32\tfcnet/space.tsv\t\t4\t\tmse\t\tlog "
    "mse\t\t\thpo,noisy\n"
    "nb201-cifar10\t\tnb201/cifar10.f32\tnb201/space.tsv\t\t3\t\tacc\t\t100-acc\t\t\thpo\n"
    "nb201-cifar100\t\tnb201/cifar100.f32\tnb201/space.tsv\t\t3\t\tacc\t\t100-acc\t\t\thpo\n"
    "nb201-imagenet\t\tnb201/imagenet.f32\tnb201/space.tsv\t\t3\t\tacc\t\t100-acc\t\t\thpo\n"
    "gpu-convolution-A100\tgpu_tuning/convolution_milo_A100.csv\t\t\t\t\t\t\t" GPU_INPUTS
    "\ttime_ms\tcompile_ms+bench_ms\texact\thpo\n"
    "gpu-convolution-A4000\tgpu_tuning/convolution_milo_A4000.csv\t\t\t\t\t\t\t" GPU_INPUTS
    "\ttime_ms\tcompile_ms+bench_ms\texact\thpo\n"
    "moot-Health-ClosedIssues0000\tmoot/Health-ClosedIssues0000.csv\t\t\t\t\t\t\t\t\t\t\tmultiobjective\n"
    "moot-Health-ClosedPRs0003\tmoot/Health-ClosedPRs0003.csv\t\t\t\t\t\t\t\t\t\t\tmultiobjective\n"
    "moot-Health-Commits0005\tmoot/Health-Commits0005.csv\t\t\t\t\t\t\t\t\t\t\tmultiobjective\n"
    "moot-SS-K\tmoot/SS-K.csv\t\t\t\t\t\t\t\t\t\t\tmultiobjective\n"
    "oboe-01067\t" OBOE "01067@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\thpo,conditional\n"
    "oboe-01489\t" OBOE "01489@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\thpo,conditional\n"
    "oboe-00053\t" OBOE "00053@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\thpo,conditional\n"
    "oboe-00469\t" OBOE "00469@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\thpo,conditional\n"
    "oboe-00060\t" OBOE "00060@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\thpo,conditional\n"
    "oboe-*\t" OBOE "*@oboe/datasets.txt\t\t\terror,seconds\t\terror\tseconds\t\t\n"
    "mlp-digits\town_mlp/configs.csv\town_mlp/digits.f32\t" MLP_SPACE
    "\t\t2\t50\ttrain_loss,val_loss,val_acc,test_acc,seconds\t\t1-val_acc\tseconds\t\thpo,multifidelity,"
    "noisy\n"
    "mlp-Vowel\town_mlp/configs.csv\town_mlp/Vowel.f32\t" MLP_SPACE
    "\t\t2\t50\ttrain_loss,val_loss,val_acc,test_acc,seconds\t\t1-val_acc\tseconds\t\thpo,multifidelity,"
    "noisy\n"
    "mlp-Vehicle\town_mlp/configs.csv\town_mlp/Vehicle.f32\t" MLP_SPACE
    "\t\t2\t50\ttrain_loss,val_loss,val_acc,test_acc,seconds\t\t1-val_acc\tseconds\t\thpo,multifidelity,"
    "noisy\n";

/* ---- lookup ------------------------------------------------------------------------------------- */

double hpo_table_coordinate(const hpo_table_axis *a, double v)
{
    if (a->label || isnan(v)) return v;
    double t = a->scale == HPO_SCALE_LOG ? hpo_log(v) : v;
    return a->high > a->low ? (t - a->low) / (a->high - a->low) : 0;
}

/* The mixed-radix number of x. */
static size_t grid_row(const hpo_table *t, const double *x)
{
    size_t row = 0;
    for (size_t i = 0; i < t->n_inputs; i++)
        row = row * t->axis[i].n_labels + (size_t)x[t->axis[i].column];
    return row;
}

/* The row with the smallest sum of squares (1 for another label; what is inactive on one side counts 1 too,
 * on both sides 0), the first of equals. */
static size_t nearest_row(const hpo_table *t, const double *x, double *distance)
{
    double u[HPO_TABLE_MAX_INPUTS], best = HUGE_VAL;
    size_t found = 0;
    for (size_t i = 0; i < t->n_inputs; i++)
        u[i] = hpo_table_coordinate(&t->axis[i], x[t->axis[i].column]);
    for (size_t r = 0; r < t->n_rows && best > 0; r++) {
        const double *c = t->coordinate + r * t->n_inputs;
        double sum = 0;
        for (size_t i = 0; i < t->n_inputs && sum < best; i++) {
            double d = u[i] - c[i];
            if (isnan(d))
                sum += isnan(u[i]) && isnan(c[i]) ? 0 : 1;
            else
                sum += t->axis[i].label ? d != 0 : d * d;
        }
        if (sum < best) {
            best = sum;
            found = r;
        }
    }
    *distance = best;
    return found;
}

static const double *value_at(const hpo_table *t, size_t row, size_t replicate, size_t step)
{
    return t->value + ((row * t->n_replicates + replicate) * t->n_steps + step) * t->n_objectives;
}

static double seconds_at(const hpo_table *t, size_t row, size_t replicate, size_t steps)
{
    if (steps == 0) return 0;
    const double *s = t->seconds + (row * t->n_replicates + replicate) * t->n_steps;
    size_t last = steps; /* after a divergence the clock has stopped */
    while (last > 1 && isnan(s[last - 1]))
        last--;
    return isnan(s[last - 1]) ? 0 : s[last - 1];
}

double hpo_table_mean(const hpo_table *t, size_t row, size_t step, size_t objective)
{
    double sum = 0;
    size_t n = 0;
    for (size_t r = 0; r < t->n_replicates; r++) {
        double v = value_at(t, row, r, step)[objective];
        if (!isnan(v)) sum += v, n++;
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* A replicate by the seed: among those that were measured, or (nan_is_failure) any. */
static size_t pick_replicate(const hpo_problem *p, const hpo_table *t, const hpo_problem_query *q, size_t row,
                             size_t step)
{
    size_t n = 0;
    for (size_t r = 0; r < t->n_replicates; r++)
        n += t->nan_is_failure || !isnan(value_at(t, row, r, step)[0]);
    if (n <= 1 && !t->nan_is_failure) { /* the only one */
        size_t r = 0;
        while (r + 1 < t->n_replicates && isnan(value_at(t, row, r, step)[0]))
            r++;
        return r;
    }
    size_t k = (size_t)(hpo_problem_uniform(q, hpo_space_n_columns(p->space), 0) * (double)n);
    for (size_t r = 0; r < t->n_replicates; r++)
        if ((t->nan_is_failure || !isnan(value_at(t, row, r, step)[0])) && k-- == 0) return r;
    return t->n_replicates - 1;
}

static size_t step_of(const hpo_table *t, double resource)
{
    if (isnan(resource) || resource >= (double)t->n_steps) return t->n_steps;
    return resource > 0 ? (size_t)resource : 0;
}

/* The copy of x that the noise follows from has no fidelity in it: a resumed run stays the same run. */
static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    const hpo_table *t = p->state;
    double x[HPO_TABLE_MAX_INPUTS + 1], distance = 0;
    size_t columns = hpo_space_n_columns(p->space);
    (void)err;
    memcpy(x, q->x, columns * sizeof *x);
    if (t->n_steps > 1) x[t->fidelity] = (double)t->n_steps;
    hpo_problem_query same = *q;
    same.x = x;
    size_t row = t->rule == HPO_TABLE_GRID ? grid_row(t, x) : nearest_row(t, x, &distance);
    size_t steps = step_of(t, q->resource), from = q->from > 0 ? step_of(t, q->from) : 0;
    if (t->rule == HPO_TABLE_EXACT && distance > 1e-18) {
        a->failed = 1;
        a->seconds = 0; /* refused before it started */
        return HPO_OK;
    }
    size_t replicate = pick_replicate(p, t, &same, row, steps > 0 ? steps - 1 : 0);
    const double *v = value_at(t, row, replicate, steps > 0 ? steps - 1 : 0);
    for (size_t k = 0; k < t->n_objectives; k++) {
        a->y[k] = q->noise_free ? hpo_table_mean(t, row, steps > 0 ? steps - 1 : 0, k) : v[k];
        if (isnan(a->y[k])) a->failed = 1;
    }
    if (t->seconds != NULL)
        a->seconds = fmax(0, seconds_at(t, row, replicate, steps) - seconds_at(t, row, replicate, from));
    return HPO_OK;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* The sheet with our problems (0) or the user's (1); HPO_ENOTFOUND when there is none. */
static hpo_status read_manifest(hpo_sheet *s, int users, const char *data, hpo_error *err)
{
    char path[1024];
    memset(s, 0, sizeof *s);
    if (!users) return hpo_sheet_parse(s, own_manifest, "the list of tables", err);
    (void)snprintf(path, sizeof path, "%s/manifest.tsv", data);
    return hpo_os_exists(path) ? hpo_sheet_read(s, path, err) : HPO_ENOTFOUND;
}

/* Whether the files of a line are there: nobody needs to have all of them. */
static int has_files(const hpo_sheet *s, size_t row, const char *data)
{
    static const char *const columns[] = {"rows", "values"};
    for (size_t i = 0; i < 2; i++) {
        const char *file = hpo_sheet_text(s, row, columns[i]);
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", data, file);
        if (file[0] != '\0' && !hpo_os_exists(path)) return 0;
    }
    return 1;
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    hpo_error ignored;
    int found = 0;
    if (data == NULL) return 0;
    for (int users = 0; users < 2 && !found; users++) {
        hpo_sheet s;
        hpo_status rc = read_manifest(&s, users, data, &ignored);
        for (size_t r = 0; r < s.n_rows && rc == HPO_OK && !found; r++) {
            const char *text = hpo_sheet_text(&s, r, "name");
            if (strchr(text, '*') != NULL || !has_files(&s, r, data) || i-- > 0) continue;
            (void)snprintf(name, cap, "%s", text);
            found = 1;
        }
        hpo_sheet_fini(&s);
    }
    return found;
}

/* Whether a name of the manifest, in which one * stands for anything, is this one. */
static int name_matches(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    return star == NULL ? strcmp(pattern, name) == 0 : strncmp(pattern, name, (size_t)(star - pattern)) == 0;
}

static void close_problem(hpo_problem *p)
{
    hpo_table *t = p->state;
    if (t == NULL) return;
    hpo_free(t->coordinate);
    hpo_free(t->value);
    hpo_free(t->seconds);
    hpo_free(t);
}

static hpo_status load(hpo_problem *p, const char *data, const hpo_sheet *s, size_t row, hpo_error *err)
{
    hpo_table *t = p->state = hpo_calloc(1, sizeof *t);
    if (t == NULL) return hpo_fail_memory(err);
    hpo_status rc = hpo_table_load(p, t, data, s, row, err);
    if (rc != HPO_ENOTFOUND) return rc;
    close_problem(p);
    hpo_space_free(p->space);
    p->space = NULL;
    p->state = NULL;
    return rc;
}

/* csv-NAME: a manifest of one line. */
static hpo_status open_csv(hpo_problem *p, const char *data, hpo_error *err)
{
    char path[1200], text[256];
    (void)snprintf(path, sizeof path, "%s/%s.csv", data, p->name + 4);
    if (strchr(p->name, '/') != NULL || !hpo_os_exists(path)) return HPO_ENOTFOUND;
    (void)snprintf(text, sizeof text, "name\trows\n%s\t%s.csv\n", p->name, p->name + 4);
    hpo_sheet s;
    hpo_status rc = hpo_sheet_parse(&s, text, p->name, err);
    if (rc == HPO_OK) rc = load(p, data, &s, 0, err);
    hpo_sheet_fini(&s);
    return rc;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    hpo_status rc = HPO_ENOTFOUND;
    for (int users = 0; users < 2 && rc == HPO_ENOTFOUND; users++) {
        hpo_sheet s;
        hpo_status read = read_manifest(&s, users, data, err);
        size_t r = 0;
        while (read == HPO_OK && r < s.n_rows && !name_matches(hpo_sheet_text(&s, r, "name"), p->name))
            r++;
        if (read != HPO_OK && read != HPO_ENOTFOUND)
            rc = read;
        else if (read == HPO_OK && r < s.n_rows)
            rc = load(p, data, &s, r, err);
        hpo_sheet_fini(&s);
    }
    return rc == HPO_ENOTFOUND && strncmp(p->name, "csv-", 4) == 0 ? open_csv(p, data, err) : rc;
}

const hpo_problem_family hpo_table_problems = {
    .name = "table",
    .help =
        "tables of real measurements: grids, nearest rows, learning curves, algorithm selection, GPU kernels",
    .reference =
        "FCNet (BSD-3), NAS-Bench-201 (MIT), Oboe (BSD-3), GPU benchmark hub (MIT), moot (MIT); yours",
    .needs_data = 1,
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
