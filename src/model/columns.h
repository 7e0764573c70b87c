/* SPDX-License-Identifier: Apache-2.0 */
/* model/columns.h - the search space as trees see it: one column per question a tree may ask.
 *
 *   number, ordinal, bool   its coordinate u
 *   label                   the index of the label; a split sends a set of labels to one side
 *   permutation             the key of each item: its place in the order, so a cut asks "does the item come
 *                           among the first k?"
 *   subset                  the membership of each item
 *   simplex                 each share itself (the stick-breaking coordinates of u would ask for "what is
 *                           left after the earlier parts")
 * A column is NaN while its parameter is inactive; each split says to which side that goes. */
#ifndef MODEL_COLUMNS_H
#define MODEL_COLUMNS_H
#include "model/embed.h"
#include <stddef.h>
#include <stdint.h>

typedef struct hpo_column {
    uint32_t dim;      /* first coordinate of u */
    uint32_t n_labels; /* 0: a number */
    uint32_t share;    /* simplex: which part; else 0 */
    uint32_t parts;    /* simplex: how many parts; else 0 */
} hpo_column;

typedef struct hpo_columns {
    size_t n, n_dims;
    hpo_column *column;
} hpo_columns;

/* The columns of an embedding's space. */
HPO_NODISCARD hpo_status hpo_columns_init(hpo_columns *c, const hpo_embed *embed, hpo_error *err);
void hpo_columns_fini(hpo_columns *c);
/* One row: u (n_dims) to z (n). */
void hpo_columns_row(const hpo_columns *c, const double *u, double *z);
#endif
