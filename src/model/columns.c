/* SPDX-License-Identifier: Apache-2.0 */
/* model/columns.c - coordinates of the unit cube to the columns that trees split on. */
#include "model/columns.h"

#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"

static size_t columns_of(const hpo_axis *a)
{
    return a->kind == HPO_AXIS_SIMPLEX ? a->n_dims + 1 : a->n_dims;
}

hpo_status hpo_columns_init(hpo_columns *c, const hpo_embed *embed, hpo_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < hpo_embed_n_axes(embed); i++)
        n += columns_of(hpo_embed_axis(embed, i));
    c->n = 0;
    c->n_dims = hpo_embed_n_dims(embed);
    c->column = hpo_calloc(n > 0 ? n : 1, sizeof *c->column);
    if (c->column == NULL) return hpo_fail_memory(err);
    for (size_t i = 0; i < hpo_embed_n_axes(embed); i++) {
        const hpo_axis *a = hpo_embed_axis(embed, i);
        uint32_t parts = a->kind == HPO_AXIS_SIMPLEX ? a->n_dims + 1 : 0;
        for (uint32_t j = 0; j < columns_of(a); j++)
            c->column[c->n++] = (hpo_column){.dim = parts > 0 ? a->dim : a->dim + j,
                                             .n_labels = a->kind == HPO_AXIS_LABEL ? a->n_values : 0,
                                             .share = parts > 0 ? j : 0,
                                             .parts = parts};
    }
    return HPO_OK;
}

void hpo_columns_fini(hpo_columns *c)
{
    hpo_free(c->column);
    c->column = NULL;
    c->n = 0;
}

/* All shares of one simplex: entry j takes 1 - u_j^(1/m) of what is left, m = parts - 1 - j (space/encode.c).
 */
static void shares(const hpo_column *c, const double *u, double *z)
{
    double left = 1;
    for (uint32_t j = 0; j + 1 < c->parts; j++) {
        double m = (double)(c->parts - 1 - j), v = u[c->dim + j];
        double next = left * (m == 1 ? v : hpo_pow(v, 1 / m)); /* NaN stays NaN */
        z[j] = left - next;
        left = next;
    }
    z[c->parts - 1] = left;
}

static double label_of(double u, uint32_t n)
{
    double i = floor(u * n);
    return i < 0 ? 0 : i >= n ? n - 1 : i; /* NaN stays NaN */
}

void hpo_columns_row(const hpo_columns *c, const double *u, double *z)
{
    for (size_t i = 0; i < c->n; i++) {
        const hpo_column *k = &c->column[i];
        if (k->parts > 0) {
            if (k->share == 0) shares(k, u, z + i);
        } else {
            z[i] = k->n_labels > 0 ? label_of(u[k->dim], k->n_labels) : u[k->dim];
        }
    }
}
