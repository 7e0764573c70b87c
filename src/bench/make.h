/* SPDX-License-Identifier: Apache-2.0 */
/* bench/make.h - what the families of synthetic problems share: names with numbers in them, spaces, bounds on
 * the dimension.  (The working space of an evaluation lives on the stack, hence the bound.) */
#ifndef BENCH_MAKE_H
#define BENCH_MAKE_H
#include "bench/problem.h"

#define HPO_PI 3.14159265358979323846

enum { HPO_BENCH_MAX_DIM = 640 };

/* 1 when the whole name matches the pattern, in which each # stands for a whole number of at least two digits
 * without idle zeros ("05", "17", "120"); the numbers come back in order. */
int hpo_bench_match(const char *name, const char *pattern, int *numbers);
/* p->space: n floats x1..xn in [low, high]. */
hpo_status hpo_bench_box(hpo_problem *p, size_t n, double low, double high, hpo_error *err);
/* HPO_EINVAL: this dimension (or function, instance ...) does not exist; the text says what does. */
hpo_status hpo_bench_refuse(const hpo_problem *p, const char *what, int value, int low, int high,
                            hpo_error *err);
/* Fills the fields of a problem with one objective "value" whose optimum is known exactly at best_x. */
void hpo_bench_one(hpo_problem *p, double best, const double *best_x, uint32_t suites);
/* Copies a text into a name; 1, the answer of a family's list. */
int hpo_bench_name(char *name, size_t cap, const char *text);
/* Number of the row whose name this is, in a table of rows of `size` bytes that begin with a name; or -1. */
int hpo_bench_row(const char *name, const void *rows, size_t n, size_t size);

#define HPO_SUITE_BIT(suite) (1u << HPO_SUITE_##suite)
#endif
