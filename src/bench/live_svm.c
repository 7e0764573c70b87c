/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_svm.c - support vector machines trained in the process, when libsvm was there at build time.
 *
 * svm-digits: 500 of the bundled images; svm-NAME: table NAME.csv in DIR/mldata (live_data.h).  Value: error
 * of 5-fold cross-validation with standardised inputs; parameters: kernel, log C, log gamma, and for the
 * polynomial kernel degree and coef0.  The folds are shuffled by the seed of the query.  Seconds are a model:
 * 2e-9 times rows squared times columns a fold.  libsvm calls the system's exp and tanh, so here, unlike
 * everywhere else, the last bits may differ between machines; an error rate seldom shows it. */
#include "bench/families.h"

#ifdef HPO_HAVE_SVM
#include <libsvm/svm.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/live_data.h"
#include "math/rng.h"

enum { FOLDS = 5, IMAGES = 500 };
enum { KERNEL, COST, GAMMA, DEGREE, COEF0 };

typedef struct table {
    size_t n, d;
    struct svm_node *node; /* n rows of d + 1: index and value, -1 ends */
    double *label;
} table;

static void no_text(const char *text)
{
    (void)text;
}

static hpo_status make_nodes(table *t, const hpo_live_rows *rows, hpo_error *err)
{
    t->n = rows->n;
    t->d = rows->d;
    t->node = hpo_alloc_array(t->n * (t->d + 1), sizeof *t->node);
    t->label = hpo_alloc_array(t->n, sizeof *t->label);
    if (t->node == NULL || t->label == NULL) return hpo_fail_memory(err);
    for (size_t r = 0; r < t->n; r++) {
        struct svm_node *row = t->node + r * (t->d + 1);
        for (size_t c = 0; c < t->d; c++)
            row[c] = (struct svm_node){.index = (int)c + 1, .value = rows->x[r * t->d + c]};
        row[t->d].index = -1;
        t->label[r] = rows->label[r];
    }
    return HPO_OK;
}

static int list(size_t i, const char *data, char *name, size_t cap)
{
    if (hpo_live_has_digits(data) && i-- == 0) {
        (void)snprintf(name, cap, "svm-digits");
        return 1;
    }
    const char *found = hpo_live_table(i, data);
    if (found != NULL) (void)snprintf(name, cap, "svm-%s", found);
    return found != NULL;
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
    if (strncmp(p->name, "svm-", 4) != 0) return HPO_ENOTFOUND;
    const char *name = p->name + 4;
    int digits = strcmp(name, "digits") == 0;
    hpo_live_rows rows;
    HPO_TRY(digits ? hpo_live_read_digits(&rows, data, IMAGES, err)
                   : hpo_live_read_table(&rows, data, name, err));
    hpo_live_standardise(&rows);
    table *t = p->state = hpo_calloc(1, sizeof *t);
    hpo_status rc = t == NULL ? hpo_fail_memory(err) : make_nodes(t, &rows, err);
    hpo_live_rows_free(&rows);
    if (rc != HPO_OK) return rc;
    svm_set_print_string_function(no_text); /* the process's; before threads evaluate */
    HPO_TRY(hpo_space_parse("kernel: rbf,poly,sigmoid,linear; C: log 1e-3..1e3; "
                            "gamma: log 1e-5..1e1 if kernel != linear; degree: int 2..4 if kernel == poly; "
                            "coef0: -1..1 if kernel in [poly, sigmoid]",
                            &p->space, err));
    p->n_objectives = 1;
    p->objective_names[0] = "error";
    p->noisy = 1;
    p->best[0] = 0; /* a bound */
    /* medians of 200 random configurations: 0.19 digits, 0.053 breast_cancer, 0.045 wine_data */
    p->typical = digits ? 0.19 : 0.05;
    p->budget = 100;
    if (strcmp(name, "iris") != 0) /* too easy */
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
    .list = list,
    .open = open_problem,
    .evaluate = evaluate,
};
#endif
