/* SPDX-License-Identifier: Apache-2.0 */
/* model/curve_units.c - the scale of a study's learning curves.
 *
 * x = (y - best) / (q95 - best), best the smallest and q95 the 95 % quantile of all values of the study;
 * above 1 they grow as 1 + ln x, so that a diverged trial does not press all others into a point.  The map is
 * monotone, so quantiles and probabilities go through it exactly.
 *
 * The scale is computed anew when the number of values has grown by a quarter, or when one lies more than a
 * twentieth of the range below the best: O(1) a value in the mean. */
#include "model/curve_units.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/stats.h"

static const double GROWTH = 1.25; /* of values, between two scales */
static const double BETTER = 0.05; /* of the range: a new best that changes the scale */

static void rescale(hpo_curve_units *u)
{
    double best = u->values[0];
    for (size_t i = 1; i < u->n; i++)
        best = fmin(best, u->values[i]);
    double bad = hpo_quantile(u->values, u->n, 0.95); /* reorders: no one else reads them */
    if (!(bad > best)) {
        for (size_t i = 0; i < u->n; i++)
            bad = fmax(bad, u->values[i]);
    }
    u->next = (size_t)(GROWTH * (double)u->n) + 1;
    double range = bad - best;
    if (!(range > 0 && isfinite(range))) return;
    u->best = best;
    u->range = range;
    u->epoch++;
}

hpo_status hpo_curve_units_add(hpo_curve_units *u, double value, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&u->values, &u->cap, u->n + 1, sizeof *u->values, err));
    u->values[u->n++] = value;
    if (u->n >= u->next || (u->range > 0 && value < u->best - BETTER * u->range)) rescale(u);
    return HPO_OK;
}

void hpo_curve_units_fini(hpo_curve_units *u)
{
    hpo_free(u->values);
    *u = (hpo_curve_units){0};
}

double hpo_curve_units_to(const hpo_curve_units *u, double value)
{
    double x = (value - u->best) / u->range;
    return x > 1 ? 1 + hpo_log(x) : x;
}

double hpo_curve_units_from(const hpo_curve_units *u, double x)
{
    return u->best + u->range * (x > 1 ? hpo_exp(x - 1) : x);
}
