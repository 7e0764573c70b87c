/* SPDX-License-Identifier: Apache-2.0 */
/* math/order.h - sorting row indices. */
#ifndef MATH_ORDER_H
#define MATH_ORDER_H
#include <stddef.h>

/* Sorts the n indices in `order` by their rows of y (m columns, compared from the first on, NaN last), equal
 * rows by index.  In place, O(n log n) in the worst case. */
void hpo_order_rows(const double *y, size_t m, size_t n, size_t *order);
#endif
