/* SPDX-License-Identifier: Apache-2.0 */
/* model/fidelity.c - kernels over the resource; the formulas are in fidelity.h.
 *
 * psi.  Tasks: the target comes first in the order of L, whose row for it is (1, 0 ...); row i > 0 has i free
 * entries L_ij, then ln L_ii.  Data, linear: L = [1 0; psi_0 exp psi_1].  Independent: ln d of the rungs
 * below the target.  Decay: ln c, ln alpha, ln h.  Age: ln c with 1 - w = exp(-c). */
#include "model/fidelity.h"

#include <math.h>

#include "math/func.h"

/* Row of task a in L: the target first. */
static size_t row_of(size_t tasks, double a)
{
    size_t i = a > 0 ? (size_t)a : 0;
    if (i >= tasks) i = tasks - 1;
    return tasks - 1 - i;
}

size_t hpo_fidelity_n_psi(hpo_fidelity_family family, size_t tasks)
{
    switch (family) {
    case HPO_FIDELITY_INDEPENDENT:
        return tasks - 1;
    case HPO_FIDELITY_TASKS:
        return tasks * (tasks + 1) / 2 - 1;
    case HPO_FIDELITY_DATA:
    case HPO_FIDELITY_LINEAR:
        return 2;
    case HPO_FIDELITY_DECAY:
        return 3;
    case HPO_FIDELITY_AGE:
        return 1;
    }
    return 0;
}

void hpo_fidelity_start(hpo_fidelity_family family, size_t tasks, double *psi)
{
    size_t n = hpo_fidelity_n_psi(family, tasks);
    for (size_t i = 0; i < n; i++)
        psi[i] = 0;
    if (family == HPO_FIDELITY_TASKS) /* correlated by 0.9 with the target, a little of their own */
        for (size_t i = 1, at = 0; i < tasks; at += ++i) {
            psi[at] = 0.9;
            psi[at + i] = hpo_log(0.45);
        }
    if (family == HPO_FIDELITY_DECAY) psi[2] = hpo_log(0.2); /* of the full resource */
    if (family == HPO_FIDELITY_AGE) psi[0] = hpo_log(0.1);
}

double hpo_fidelity_prior(hpo_fidelity_family family, size_t tasks, const double *psi, double *gradient)
{
    double start[HPO_FIDELITY_MAX_PSI], sum = 0;
    size_t n = hpo_fidelity_n_psi(family, tasks);
    hpo_fidelity_start(family, tasks, start);
    for (size_t i = 0; i < n; i++) {
        sum += 0.5 * (psi[i] - start[i]) * (psi[i] - start[i]);
        if (gradient) gradient[i] += psi[i] - start[i];
    }
    return sum;
}

/* ---- tasks ------------------------------------------------------------------------------------------ */

/* Entry j of row i of L and where its psi stands; the target's row has none. */
static double entry(const double *psi, size_t i, size_t j)
{
    if (i == 0) return 1;
    const double *row = psi + i * (i + 1) / 2 - 1;
    return j < i ? row[j] : hpo_exp(row[i]);
}

static double tasks_value(const double *psi, size_t i, size_t k, double *d)
{
    size_t shared = i < k ? i : k;
    double sum = 0;
    for (size_t j = 0; j <= shared; j++) {
        double x = entry(psi, i, j), y = entry(psi, k, j);
        sum += x * y;
        if (!d) continue;
        /* a row's own entry is a logarithm */
        if (i > 0) d[i * (i + 1) / 2 - 1 + j] += y * (j == i ? x : 1);
        if (k > 0) d[k * (k + 1) / 2 - 1 + j] += x * (j == k ? y : 1);
    }
    return sum;
}

/* ---- the others ------------------------------------------------------------------------------------- */

static double basis_of(hpo_fidelity_family family, double s)
{
    double p = s < 1 ? 1 - s : 0;
    return family == HPO_FIDELITY_DATA ? p * p : p;
}

/* p(a)' L L' p(b) = (1 + c x)(1 + c y) + e^2 x y with x, y the second basis function. */
static double basis_value(const double *psi, double x, double y, double *d)
{
    double c = psi[0], e = hpo_exp(psi[1]);
    if (d) {
        d[0] += x * (1 + c * y) + y * (1 + c * x);
        d[1] += 2 * e * e * x * y;
    }
    return (1 + c * x) * (1 + c * y) + e * e * x * y;
}

static double decay(const double *psi, double a, double b, double scale, double *d)
{
    double alpha = hpo_exp(psi[1]), h = hpo_exp(psi[2]), x = (a + b) / h, ln = hpo_log1p(x);
    double value = scale * hpo_exp(-alpha * ln);
    if (d) {
        d[1] -= value * alpha * ln;
        d[2] += value * alpha * x / (1 + x);
    }
    return value;
}

double hpo_fidelity_value(hpo_fidelity_family family, size_t tasks, const double *psi, double a, double b,
                          double *d)
{
    size_t n = hpo_fidelity_n_psi(family, tasks);
    for (size_t i = 0; d && i < n; i++)
        d[i] = 0;
    if (family == HPO_FIDELITY_TASKS) return tasks_value(psi, row_of(tasks, a), row_of(tasks, b), d);
    if (family == HPO_FIDELITY_INDEPENDENT) {
        size_t i = row_of(tasks, a);
        if (i != row_of(tasks, b)) return 0;
        double v = i > 0 ? hpo_exp(2 * psi[i - 1]) : 1;
        if (d && i > 0) d[i - 1] = 2 * v;
        return v;
    }
    if (family == HPO_FIDELITY_AGE) {
        double x = 0.5 * hpo_exp(psi[0]) * fabs(a - b), v = hpo_exp(-x);
        if (d) d[0] = -x * v;
        return v;
    }
    if (family != HPO_FIDELITY_DECAY) return basis_value(psi, basis_of(family, a), basis_of(family, b), d);
    double v = decay(psi, a, b, hpo_exp(psi[0]), d);
    if (d) d[0] = v;
    return 1 + v;
}

double hpo_fidelity_trend(hpo_fidelity_family family, size_t tasks, const double *psi, double a, double b,
                          double *d)
{
    size_t n = hpo_fidelity_n_psi(family, tasks);
    for (size_t i = 0; d && i < n; i++)
        d[i] = 0;
    if (family == HPO_FIDELITY_AGE) return 0;
    if (family <= HPO_FIDELITY_TASKS) return row_of(tasks, a) == row_of(tasks, b);
    if (family == HPO_FIDELITY_DECAY) return decay(psi, a, b, 1, d);
    return basis_of(family, a) * basis_of(family, b);
}
