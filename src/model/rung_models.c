/* SPDX-License-Identifier: Apache-2.0 */
/* model/rung_models.c - see rung_models.h.
 *
 * Rung r has n_r results (u_i, y_i); a forest M_r is fitted to them in model units (model/transform.h, fitted
 * at every count up to 32 and then at growths by an eighth).  The reference r* is the highest rung with at
 * least 6 results.  With the results (v_j, y_j), j = 1 .. n, of r* (the newest 64) and S = 100 draws
 * f_r^s(v_j) ~ N(mean_r(v_j), var_r(v_j)) from each forest r < r*, and for r* itself from the five forests of
 * its cross-validation (fold j mod 5 predicted by the one without it), model/rungs.h gives
 *
 *     theta_r = share of the draws in which r has the least ranking loss.
 *
 * All with theta_r > 0 make one posterior, a generalised product of experts:
 *
 *     1 / var(u) = sum_r theta_r / var_r(u),     mean(u) = var(u) sum_r theta_r mean_r(u) / var_r(u).
 *
 * The paper takes the rung of full resource for r*, and equal weights until it has results; here, as in Syne
 * Tune, the highest that can be judged by.
 *
 * Li, Shen, Jiang, Zhang, Yang, Zhang & Cui: "Hyper-Tune: towards efficient hyper-parameter tuning at scale",
 * VLDB 2022, sections 4.1 and 4.3; Li, Shen, Jiang, Gao, Zhang & Cui: "MFES-HB", AAAI 2021. */
#include "model/rung_models.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "math/stats.h"
#include "model/forest.h"

enum { TREES = 32, FOLDS = 5, DRAWS = 100, MOST = 64, CHUNK = 64, EVERY_ROW = 32, GROWTH = 8 };

typedef struct rung {
    hpo_forest *forest;
    double *u, *y; /* n x n_dims; n */
    size_t n, cap_u, cap_y;
    size_t fitted; /* results that the transform was fitted to */
    hpo_transform transform;
    double median;
    double weight;
} rung;

struct hpo_rung_models {
    size_t n_dims, n_rungs;
    rung *rungs;
    hpo_forest *fold;           /* of the cross-validation */
    size_t checked, checked_at; /* rung and results that cv is of */
    double cv_mean[MOST], cv_var[MOST];
    double *draws, *sorted; /* scratch */
    size_t cap_draws, cap_sorted;
};

hpo_status hpo_rung_models_create(const hpo_embed *embed, size_t n_rungs, uint64_t seed,
                                  hpo_rung_models **out, hpo_error *err)
{
    const hpo_forest_options o = {.n_trees = TREES, .far = -1};
    hpo_rung_models *m = hpo_calloc(1, sizeof *m);
    *out = NULL;
    if (m == NULL) return hpo_fail_memory(err);
    m->n_dims = hpo_embed_n_dims(embed);
    m->n_rungs = n_rungs;
    m->checked = n_rungs;
    m->rungs = hpo_calloc(n_rungs + 1, sizeof *m->rungs);
    hpo_status status =
        m->rungs != NULL ? hpo_forest_create(embed, &o, seed, &m->fold, err) : hpo_fail_memory(err);
    for (size_t r = 0; r < n_rungs && status == HPO_OK; r++)
        status = hpo_forest_create(embed, &o, seed, &m->rungs[r].forest, err);
    if (status != HPO_OK) {
        hpo_rung_models_free(m);
        return status;
    }
    *out = m;
    return HPO_OK;
}

void hpo_rung_models_free(hpo_rung_models *m)
{
    if (m == NULL) return;
    for (size_t r = 0; m->rungs != NULL && r < m->n_rungs; r++) {
        hpo_forest_free(m->rungs[r].forest);
        hpo_free(m->rungs[r].u);
        hpo_free(m->rungs[r].y);
    }
    hpo_forest_free(m->fold);
    hpo_free(m->rungs);
    hpo_free(m->draws);
    hpo_free(m->sorted);
    hpo_free(m);
}

hpo_status hpo_rung_models_add(hpo_rung_models *m, size_t at, const double *u, double y, hpo_error *err)
{
    rung *r = &m->rungs[at];
    HPO_TRY(hpo_reserve(&r->u, &r->cap_u, (r->n + 1) * m->n_dims + 1, sizeof *r->u, err));
    HPO_TRY(hpo_reserve(&r->y, &r->cap_y, r->n + 1, sizeof *r->y, err));
    if (m->n_dims > 0) memcpy(r->u + r->n * m->n_dims, u, m->n_dims * sizeof *u);
    r->y[r->n++] = y;
    return HPO_OK;
}

size_t hpo_rung_models_size(const hpo_rung_models *m, size_t r)
{
    return m->rungs[r].n;
}

/* ---- fitting
 * ------------------------------------------------------------------------------------------------ */

/* The transform is fitted at every count up to EVERY_ROW, then at growths by 1 / GROWTH: a function of n
 * alone. */
static size_t last_fit(size_t n)
{
    size_t r = n < EVERY_ROW ? n : EVERY_ROW;
    while (n > EVERY_ROW && r + r / GROWTH <= n)
        r += r / GROWTH;
    return r;
}

static hpo_status standardise(hpo_rung_models *m, rung *r, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&m->sorted, &m->cap_sorted, 3 * r->n + 1, sizeof *m->sorted, err));
    if (r->fitted != n) {
        hpo_transform_fit(&r->transform, HPO_TRANSFORM_AUTO, r->y, n, m->sorted);
        hpo_forest_clear(r->forest);
        r->fitted = n;
    }
    memcpy(m->sorted, r->y, r->n * sizeof *r->y);
    r->median = hpo_median(m->sorted, r->n);
    return HPO_OK;
}

static double standard(const rung *r, double y)
{
    return hpo_transform_apply(&r->transform, y);
}

static hpo_status fit(hpo_rung_models *m, rung *r, hpo_error *err)
{
    hpo_forest_retract(r->forest);
    if (hpo_forest_n_rows(r->forest) == r->n) return HPO_OK;
    HPO_TRY(standardise(m, r, last_fit(r->n), err));
    for (size_t i = hpo_forest_n_rows(r->forest); i < r->n; i++)
        HPO_TRY(hpo_forest_append(r->forest, r->u + i * m->n_dims, standard(r, r->y[i]), 1, err));
    return hpo_forest_update(r->forest, err);
}

static size_t first_row(const rung *r)
{
    return r->n > MOST ? r->n - MOST : 0;
}

/* Predictions at the reference's newest results by forests that do not know them. */
static hpo_status cross_validate(hpo_rung_models *m, size_t at, hpo_error *err)
{
    const rung *r = &m->rungs[at];
    size_t d = m->n_dims, first = first_row(r);
    if (m->checked == at && m->checked_at == r->n) return HPO_OK;
    hpo_posterior p = hpo_forest_posterior(m->fold);
    for (size_t fold = 0; fold < FOLDS; fold++) {
        hpo_forest_clear(m->fold);
        for (size_t i = 0; i < r->n; i++)
            if (i % FOLDS != fold)
                HPO_TRY(hpo_forest_append(m->fold, r->u + i * d, standard(r, r->y[i]), 1, err));
        HPO_TRY(hpo_forest_update(m->fold, err));
        for (size_t i = first; i < r->n; i++)
            if (i % FOLDS == fold)
                p.ops->moments(p.model, r->u + i * d, 1, &m->cv_mean[i - first], &m->cv_var[i - first]);
    }
    m->checked = at;
    m->checked_at = r->n;
    return HPO_OK;
}

static void draw(hpo_rng *rng, const double *mean, const double *var, size_t n, double *out)
{
    for (size_t s = 0; s < DRAWS; s++)
        for (size_t j = 0; j < n; j++)
            out[s * n + j] = mean[j] + sqrt(var[j]) * hpo_rng_normal(rng);
}

hpo_status hpo_rung_models_weigh(hpo_rung_models *m, hpo_rng *rng, double *weights, size_t *reference,
                                 hpo_error *err)
{
    const double *draws[HPO_RUNGS_MAX];
    size_t who[HPO_RUNGS_MAX], n_who = 0, top = m->n_rungs;
    double mean[MOST], var[MOST], theta[HPO_RUNGS_MAX];
    for (size_t r = 0; r < m->n_rungs; r++) {
        weights[r] = m->rungs[r].weight = 0;
        if (m->rungs[r].n >= HPO_RUNG_MODELS_LEAST) top = r;
    }
    *reference = top;
    if (top == m->n_rungs) return HPO_OK;
    const rung *ref = &m->rungs[top];
    size_t first = first_row(ref), n = ref->n - first;
    HPO_TRY(hpo_reserve(&m->draws, &m->cap_draws, (top + 1) * DRAWS * n, sizeof *m->draws, err));
    for (size_t r = 0; r <= top; r++) {
        if (m->rungs[r].n < 2) continue;
        HPO_TRY(fit(m, &m->rungs[r], err));
        double *out = m->draws + n_who * DRAWS * n;
        if (r < top) {
            hpo_posterior p = hpo_forest_posterior(m->rungs[r].forest);
            p.ops->moments(p.model, ref->u + first * m->n_dims, n, mean, var);
            draw(rng, mean, var, n, out);
        } else {
            HPO_TRY(cross_validate(m, top, err));
            draw(rng, m->cv_mean, m->cv_var, n, out);
        }
        draws[n_who] = out;
        who[n_who++] = r;
    }
    hpo_rung_weights(draws, n_who, DRAWS, ref->y + first, n, theta);
    for (size_t i = 0; i < n_who; i++)
        weights[who[i]] = m->rungs[who[i]].weight = theta[i];
    return HPO_OK;
}

hpo_status hpo_rung_models_assume(hpo_rung_models *m, const double *u, hpo_error *err)
{
    for (size_t r = 0; r < m->n_rungs; r++)
        if (m->rungs[r].weight > 0)
            HPO_TRY(
                hpo_forest_assume(m->rungs[r].forest, u, standard(&m->rungs[r], m->rungs[r].median), err));
    return HPO_OK;
}

const hpo_transform *hpo_rung_models_transform(const hpo_rung_models *m, size_t r)
{
    return &m->rungs[r].transform;
}

/* ---- the joint posterior
 * ------------------------------------------------------------------------------------- */

static void joint_moments(const void *model, const double *u, size_t m, double *mean, double *var)
{
    const hpo_rung_models *s = model;
    double a[CHUNK], b[CHUNK];
    for (size_t i = 0; i < m; i += CHUNK) {
        size_t n = m - i < CHUNK ? m - i : CHUNK;
        for (size_t j = 0; j < n; j++)
            mean[i + j] = var[i + j] = 0;
        for (size_t r = 0; r < s->n_rungs; r++) {
            if (!(s->rungs[r].weight > 0)) continue;
            hpo_posterior p = hpo_forest_posterior(s->rungs[r].forest);
            p.ops->moments(p.model, u + i * s->n_dims, n, a, b);
            for (size_t j = 0; j < n; j++) {
                double precision = s->rungs[r].weight / b[j];
                mean[i + j] += precision * a[j];
                var[i + j] += precision;
            }
        }
        for (size_t j = 0; j < n; j++) {
            mean[i + j] /= var[i + j];
            var[i + j] = 1 / var[i + j];
        }
    }
}

static void joint_noise(const void *model, const double *u, size_t m, double *var)
{
    const hpo_rung_models *s = model;
    double noise = 0;
    (void)u;
    for (size_t r = 0; r < s->n_rungs; r++)
        if (s->rungs[r].weight > 0) noise += s->rungs[r].weight * hpo_forest_noise(s->rungs[r].forest);
    for (size_t i = 0; i < m; i++)
        var[i] = noise;
}

hpo_posterior hpo_rung_models_posterior(const hpo_rung_models *m)
{
    static const hpo_posterior_ops ops = {.moments = joint_moments, .noise = joint_noise};
    return (hpo_posterior){&ops, m, m->n_dims};
}
