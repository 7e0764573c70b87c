/* SPDX-License-Identifier: Apache-2.0 */
/* acq/entropy.c - samples of the minimum for max-value and joint entropy search.
 *
 * Each of K functions drawn from the posterior is minimised: over points drawn from the feasible set and the
 * observed ones, then from the best of these by L-BFGS-B on the coordinates the function has slopes in.  A
 * minimum is never above the value to improve on.
 *
 * Wang & Jegelka (2017), "Max-value entropy search for efficient Bayesian optimization", arXiv 1703.01968,
 * section 3.1. */
#include "acq/internal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/minimise.h"
#include "space/space.h"

enum { MINIMA = 16, DRAWN = 512, FEATURES = 512 };

typedef struct descent {
    const hpo_gp_path *path;
    double *u, *gradient; /* the whole row */
    const size_t *dim;    /* coordinates that move */
    size_t n;
} descent;

static double path_value(void *ctx, const double *x, double *gradient)
{
    descent *s = ctx;
    for (size_t i = 0; i < s->n; i++)
        s->u[s->dim[i]] = x[i];
    double value = hpo_gp_path_value(s->path, s->u, gradient != NULL ? s->gradient : NULL);
    for (size_t i = 0; i < s->n && gradient != NULL; i++)
        gradient[i] = s->gradient[s->dim[i]];
    return value;
}

typedef struct entropy_work {
    size_t n, d; /* points */
    double *u, *value, *row, *gradient, *x, *box, *config, *lbfgs;
    size_t *dim;
} entropy_work;

static void close_work(entropy_work *w)
{
    hpo_free(w->u);
    hpo_free(w->lbfgs);
    hpo_free(w->config);
    hpo_free(w->dim);
}

static hpo_status open_work(const hpo_acq *a, entropy_work *w, hpo_rng *rng, hpo_error *err)
{
    size_t d = a->n_dims;
    w->d = d;
    w->n = DRAWN + a->context.n_observed;
    w->u = hpo_alloc_array(w->n * (d + 1) + 5 * d + 1, sizeof *w->u);
    w->lbfgs = hpo_alloc_array(hpo_lbfgsb_work(d + 1, 8), sizeof *w->lbfgs);
    w->config = hpo_alloc_array(hpo_space_n_columns(a->space) + 1, sizeof *w->config);
    w->dim = hpo_alloc_array(d + 1, sizeof *w->dim);
    if (w->u == NULL || w->lbfgs == NULL || w->config == NULL || w->dim == NULL) return hpo_fail_memory(err);
    w->value = w->u + w->n * d;
    w->row = w->value + w->n;
    w->gradient = w->row + d;
    w->x = w->gradient + d;
    w->box = w->x + d;
    for (size_t i = 0; i < DRAWN; i++)
        HPO_TRY(hpo_space_draw(a->space, rng, w->u + i * d, err));
    if (a->context.n_observed > 0)
        memcpy(w->u + DRAWN * d, a->context.observed, a->context.n_observed * d * sizeof *w->u);
    return HPO_OK;
}

/* The least value found; w->row: where. */
static double minimum(const hpo_acq *a, const hpo_gp_path *path, entropy_work *w)
{
    size_t d = w->d, top = 0, n = 0;
    hpo_gp_path_values(path, w->u, w->n, w->value);
    for (size_t i = 1; i < w->n; i++)
        if (w->value[i] < w->value[top]) top = i;
    memcpy(w->row, w->u + top * d, d * sizeof *w->row);
    (void)hpo_gp_path_value(path, w->row, w->gradient);
    for (size_t k = 0; k < d; k++)
        if (!isnan(w->row[k]) && w->gradient[k] != 0) {
            w->x[n] = w->row[k];
            w->dim[n++] = k;
        }
    if (n == 0) return w->value[top];
    for (size_t i = 0; i < n; i++) {
        w->box[i] = 0;
        w->box[n + i] = 1;
    }
    descent s = {path, w->row, w->gradient, w->dim, n};
    hpo_lbfgsb_options options = {.max_iterations = 30};
    hpo_lbfgsb_result result;
    hpo_lbfgsb(path_value, &s, n, w->box, w->box + n, w->x, &options, w->lbfgs, &result);
    for (size_t i = 0; i < n; i++)
        w->row[w->dim[i]] = w->x[i];
    hpo_space_decode(a->space, w->row, w->config);
    if (hpo_space_feasible(a->space, w->config) && result.value < w->value[top]) return result.value;
    memcpy(w->row, w->u + top * d, d * sizeof *w->row);
    return w->value[top];
}

hpo_status hpo_acq__entropy_open(hpo_acq *a, hpo_rng *rng, hpo_error *err)
{
    if (a->context.gp == NULL)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "entropy search draws functions from a Gaussian process, and this surrogate is "
                        "none; use ei");
    size_t n = a->options.n_samples ? a->options.n_samples : MINIMA;
    entropy_work w = {0};
    a->minima = hpo_alloc_array(n, sizeof *a->minima);
    a->minimum_at = hpo_alloc_array(n * a->n_dims + 1, sizeof *a->minimum_at);
    hpo_status status =
        a->minima != NULL && a->minimum_at != NULL ? open_work(a, &w, rng, err) : hpo_fail_memory(err);
    for (size_t i = 0; i < n && status == HPO_OK; i++) {
        hpo_gp_path *path = NULL;
        status = hpo_gp_path_draw(a->context.gp, rng, FEATURES, &path, err);
        if (status != HPO_OK) break;
        double lowest = minimum(a, path, &w);
        a->minima[i] = isfinite(a->context.best) ? fmin(lowest, a->context.best) : lowest;
        memcpy(a->minimum_at + i * w.d, w.row, w.d * sizeof *w.row);
        hpo_gp_path_free(path);
        a->n_minima = i + 1;
    }
    close_work(&w);
    return status;
}
