/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_svm.c - support vector machines trained in the process, when libsvm was there at build time.
 *
 * svm-NAME for a table NAME.csv in DIR/mldata whose first line is `rows,columns,class names ...` and whose
 * last column is the class.  Value: error of 5-fold cross-validation with standardised inputs; parameters:
 * kernel, log C, log gamma, and for the polynomial kernel degree and coef0.  The folds are shuffled by the
 * seed of the query.  Seconds are a model: 2e-9 times rows squared times columns a fold.  libsvm calls the
 * system's exp and tanh, so here, unlike everywhere else, the last bits may differ between machines; an error
 * rate seldom shows it. */
#include "bench/families.h"

#ifdef HPO_HAVE_SVM
#include <libsvm/svm.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "math/rng.h"

enum { FOLDS = 5, MAX_FILE = 1 << 26, MAX_COLUMNS = 512 };
enum { KERNEL, COST, GAMMA, DEGREE, COEF0 };

static const char *const tables[] = {"breast_cancer", "wine_data", "iris"};

typedef struct table {
    size_t n, d;
    struct svm_node *node; /* n rows of d + 1: index and value, -1 ends */
    double *label;
} table;

static void no_text(const char *text)
{
    (void)text;
}

/* One line of numbers into row r; 0 when it is not one. */
static int read_row(table *t, size_t r, const char *line)
{
    struct svm_node *row = t->node + r * (t->d + 1);
    for (size_t c = 0; c <= t->d; c++) {
        double v;
        const char *end = hpo_double_parse(line, &v);
        if (end == line || (c < t->d && *end != ',')) return 0;
        line = end + 1;
        if (c < t->d)
            row[c] = (struct svm_node){.index = (int)c + 1, .value = v};
        else
            t->label[r] = v;
    }
    row[t->d].index = -1;
    return 1;
}

static void standardise(table *t)
{
    for (size_t c = 0; c < t->d; c++) {
        double sum = 0, squares = 0;
        for (size_t r = 0; r < t->n; r++)
            sum += t->node[r * (t->d + 1) + c].value;
        double mean = sum / (double)t->n;
        for (size_t r = 0; r < t->n; r++) {
            double v = t->node[r * (t->d + 1) + c].value -= mean;
            squares += v * v;
        }
        double sd = sqrt(squares / (double)t->n);
        for (size_t r = 0; r < t->n && sd > 0; r++)
            t->node[r * (t->d + 1) + c].value /= sd;
    }
}

static hpo_status read_table(table *t, const char *path, hpo_error *err)
{
    char *text = NULL;
    size_t size;
    double rows, columns;
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &text, &size, err));
    const char *p = hpo_double_parse(text, &rows);
    hpo_status rc = HPO_OK;
    if (p == text || *p != ',' || hpo_double_parse(p + 1, &columns) == p + 1 ||
        !(rows >= FOLDS && rows < 1e6) || !(columns >= 1 && columns < MAX_COLUMNS))
        rc = hpo_fail(err, HPO_EINVAL, "%s: the first line must begin with the numbers of rows and columns",
                      path);
    if (rc == HPO_OK) {
        t->n = (size_t)rows;
        t->d = (size_t)columns;
        t->node = hpo_alloc_array(t->n * (t->d + 1), sizeof *t->node);
        t->label = hpo_alloc_array(t->n, sizeof *t->label);
        if (t->node == NULL || t->label == NULL) rc = hpo_fail_memory(err);
    }
    const char *line = text;
    for (size_t r = 0; r < t->n && rc == HPO_OK; r++) {
        line = strchr(line, '\n');
        if (line == NULL || !read_row(t, r, ++line))
            rc = hpo_fail(err, HPO_EINVAL, "%s: row %zu is no list of %zu numbers", path, r + 1, t->d + 1);
    }
    hpo_free(text);
    if (rc == HPO_OK) standardise(t);
    return rc;
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    char path[1024];
    for (size_t k = 0; data != NULL && k < sizeof tables / sizeof *tables; k++) {
        (void)snprintf(path, sizeof path, "%s/mldata/%s.csv", data, tables[k]);
        if (!hpo_os_exists(path) || i-- > 0) continue;
        (void)snprintf(name, cap, "svm-%s", tables[k]);
        return 1;
    }
    return 0;
}

static void close_problem(hpo_problem *p)
{
    table *t = p->state;
    if (t == NULL) return;
    hpo_free(t->node);
    hpo_free(t->label);
    hpo_free(t);
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    char path[1024];
    if (strncmp(p->name, "svm-", 4) != 0 || strchr(p->name, '/') != NULL) return HPO_ENOTFOUND;
    (void)snprintf(path, sizeof path, "%s/mldata/%s.csv", data, p->name + 4);
    if (!hpo_os_exists(path)) return HPO_ENOTFOUND;
    table *t = p->state = hpo_calloc(1, sizeof *t);
    if (t == NULL) return hpo_fail_memory(err);
    HPO_TRY(read_table(t, path, err));
    svm_set_print_string_function(no_text); /* the process's; before threads evaluate */
    HPO_TRY(hpo_space_parse("kernel: rbf,poly,sigmoid,linear; C: log 1e-3..1e3; "
                            "gamma: log 1e-5..1e1 if kernel != linear; degree: int 2..4 if kernel == poly; "
                            "coef0: -1..1 if kernel in [poly, sigmoid]",
                            &p->space, err));
    p->n_objectives = 1;
    p->objective_names[0] = "error";
    p->noisy = 1;
    p->best[0] = 0;    /* a bound */
    p->typical = 0.05; /* medians of 200 random configurations: 0.053 breast_cancer, 0.045 wine_data */
    p->budget = 100;
    for (size_t i = 0; i < 2; i++) /* iris is too easy */
        if (strcmp(p->name + 4, tables[i]) == 0)
            p->suites = 1u << HPO_SUITE_HPO | 1u << HPO_SUITE_CONDITIONAL;
    return HPO_OK;
}

/* Errors on the rows of one fold after training on the others. */
static size_t errors_of_fold(const table *t, const struct svm_parameter *how, const uint32_t *order,
                             size_t fold, struct svm_node **x, double *y)
{
    struct svm_problem train = {.l = 0, .y = y, .x = x};
    size_t wrong = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (i % FOLDS == fold) continue;
        x[train.l] = t->node + order[i] * (t->d + 1);
        y[train.l++] = t->label[order[i]];
    }
    struct svm_model *model = svm_train(&train, how);
    for (size_t i = fold; i < t->n; i += FOLDS)
        wrong += svm_predict(model, t->node + order[i] * (t->d + 1)) != t->label[order[i]];
    svm_free_and_destroy_model(&model);
    return wrong;
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    static const int kernels[] = {RBF, POLY, SIGMOID, LINEAR};
    const table *t = p->state;
    struct svm_parameter how = {
        .svm_type = C_SVC, .kernel_type = kernels[(size_t)q->x[KERNEL]], .C = q->x[COST]};
    how.gamma = isnan(q->x[GAMMA]) ? 1 : q->x[GAMMA];
    how.degree = isnan(q->x[DEGREE]) ? 3 : (int)q->x[DEGREE];
    how.coef0 = isnan(q->x[COEF0]) ? 0 : q->x[COEF0];
    how.cache_size = 16;
    how.eps = 1e-3;
    how.shrinking = 1;
    uint32_t *order = hpo_alloc_array(t->n, sizeof *order);
    struct svm_node **x = hpo_alloc_array(t->n, sizeof(struct svm_node *));
    double *y = hpo_alloc_array(t->n, sizeof *y);
    hpo_status rc = order == NULL || x == NULL || y == NULL ? hpo_fail_memory(err) : HPO_OK;
    size_t wrong = 0;
    if (rc == HPO_OK) {
        hpo_rng rng;
        hpo_rng_init(&rng, q->seed, 2, HPO_RNG_USER);
        hpo_rng_permutation(&rng, t->n, order);
        for (size_t fold = 0; fold < FOLDS; fold++)
            wrong += errors_of_fold(t, &how, order, fold, x, y);
        a->y[0] = (double)wrong / (double)t->n;
        a->seconds = 2e-9 * FOLDS * (double)t->n * (double)t->n * (double)t->d;
    }
    hpo_free(order);
    hpo_free(x);
    hpo_free(y);
    return rc;
}

const hpo_problem_family hpo_svm_problems = {
    .name = "svm",
    .help = "support vector machines trained in the process",
    .reference = "Chang & Lin 2011, LIBSVM; data UCI",
    .needs_data = 1,
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
    .close = close_problem,
};
#else
static int list(size_t i, const char *data, char *name, size_t cap)
{
    (void)i;
    (void)data;
    (void)name;
    (void)cap;
    return 0;
}

static hpo_status open_problem(hpo_problem *p, const char *data, hpo_error *err)
{
    (void)p;
    (void)data;
    (void)err;
    return HPO_ENOTFOUND;
}

static hpo_status evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                           hpo_error *err)
{
    (void)p;
    (void)q;
    (void)a;
    (void)err;
    return HPO_ENOTFOUND;
}

const hpo_problem_family hpo_svm_problems = {
    .name = "svm",
    .help = "support vector machines trained in the process (this build found no libsvm)",
    .reference = "Chang & Lin 2011, LIBSVM; data UCI",
    .needs_data = 1,
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
};
#endif
