/* SPDX-License-Identifier: Apache-2.0 */
/* t.h - what our tests need above cmocka: closeness of numbers, seeds that are printed and can be set,
 * an allocator that fails on purpose, temporary folders.
 *
 *   HPO_TEST_SEED        seed of t_rng_create (default: fixed, so that a failure repeats)
 *   HPO_TEST_MULTIPLIER  multiplies the rounds of property tests (default 1; nightly 100)
 *   HPO_SHARED           folder with reference data (default: ../shared beside the source tree)
 *
 * A test program ends with `return cmocka_run_group_tests(tests, NULL, NULL);`. */
#ifndef T_H
#define T_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hpo.h"

/* 1 in builds with a sanitiser, where code is ten to a hundred times slower: what is compared there is the
 * same in other builds, so the long comparisons are left out. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { T_INSTRUMENTED = 1 };
#else
enum { T_INSTRUMENTED = 0 };
#endif

/* ---- numbers ------------------------------------------------------------------------------- */

/* |x - y| <= abs + rel * |y|; equal infinities are near, NaN is near nothing. */
#define assert_near(x, y, rel, abs) t_near((x), (y), (rel), (abs), #x, #y, __FILE__, __LINE__)
/* At most n doubles apart. */
#define assert_ulps(x, y, n) t_ulps((x), (y), (n), #x, #y, __FILE__, __LINE__)
/* The same bits (all NaNs count as one, 0 and -0 differ): n doubles, first difference printed. */
#define assert_same_doubles(a, b, n) t_same((a), (b), (n), #a, #b, __FILE__, __LINE__)
/* A rows x cols matrix near another; prints shape and place of the worst element. */
#define assert_matrix_near(a, b, rows, cols, rel, abs)                                                       \
    t_matrix_near((a), (b), (rows), (cols), (rel), (abs), #a, #b, __FILE__, __LINE__)

void t_near(double x, double y, double rel, double abs, const char *xs, const char *ys, const char *file,
            int line);
void t_ulps(double x, double y, double n, const char *xs, const char *ys, const char *file, int line);
void t_same(const double *a, const double *b, size_t n, const char *as, const char *bs, const char *file,
            int line);
void t_matrix_near(const double *a, const double *b, size_t rows, size_t cols, double rel, double abs,
                   const char *as, const char *bs, const char *file, int line);
/* Number of doubles between x and y (0: same value; HUGE_VAL when one is NaN). */
double t_ulp_distance(double x, double y);

/* ---- status codes -------------------------------------------------------------------------- */

/* The call returns HPO_OK; if not, prints err.msg (err: an hpo_error variable that the call filled). */
#define assert_ok(call, err) t_status((call), HPO_OK, &(err), NULL, #call, __FILE__, __LINE__)
/* The call returns `code`, whatever the text. */
#define assert_status(call, code) t_status((call), (code), NULL, NULL, #call, __FILE__, __LINE__)
/* The call returns `code` and the one-line text contains `part` (case matters; NULL: any text). */
#define assert_fails(call, code, err, part)                                                                  \
    t_status((call), (code), &(err), (part), #call, __FILE__, __LINE__)
void t_status(hpo_status got, hpo_status want, const hpo_error *err, const char *part, const char *call,
              const char *file, int line);
/* text contains part */
#define assert_contains(text, part) t_contains((text), (part), __FILE__, __LINE__)
void t_contains(const char *text, const char *part, const char *file, int line);

/* ---- random inputs ------------------------------------------------------------------------- */

typedef struct t_rng {
    uint64_t state;
} t_rng;
/* HPO_TEST_SEED or a fixed number; prints "# seed N". */
t_rng t_rng_create(void);
uint64_t t_u64(t_rng *r);
double t_uniform(t_rng *r);                          /* [0, 1) */
double t_between(t_rng *r, double low, double high); /* [low, high) */
int64_t t_int(t_rng *r, int64_t low, int64_t high);  /* low..high, both included */
/* A double with a bias to trouble: 0, -0, 1, tiny, huge, powers of two and ten, random bits; finite. */
double t_odd_double(t_rng *r);
/* n * HPO_TEST_MULTIPLIER */
size_t t_rounds(size_t n);
/* for (T_ROUNDS(i, 1000)) { ... i ... } */
#define T_ROUNDS(i, n)                                                                                       \
    size_t i = 0, t_rounds_of_##i = t_rounds(n);                                                             \
    i < t_rounds_of_##i;                                                                                     \
    i++

/* ---- memory -------------------------------------------------------------------------------- */

/* Puts a counting allocator under the library.  fail_at: which allocation from now on (1, 2, ...) returns
 * NULL, and all later ones too when `for_good`; 0: none. */
void t_alloc_install(size_t fail_at, int for_good);
void t_alloc_remove(void);
size_t t_alloc_count(void); /* allocations asked for since installation */
size_t t_alloc_live(void);  /* blocks not yet freed */
/* Runs body(ctx) with allocation 1 failing, then 2, ... until it runs through; every run with a failure must
 * return HPO_ENOMEM (or HPO_OK when the code copes without), and no run may leave a block behind.  Returns
 * the number of failures tried, which must not be 0. */
size_t t_oom(hpo_status (*body)(void *ctx, hpo_error *err), void *ctx);

/* ---- files --------------------------------------------------------------------------------- */

/* A fresh folder for this program, removed at exit with all in it. */
const char *t_temp_dir(void);
/* t_temp_dir()/name in one of eight rotating buffers. */
const char *t_temp_path(const char *name);
/* Path of a file of the source tree, e.g. "tests/golden/x.csv"; same rotating buffers. */
const char *t_source_path(const char *name);
/* Path of a file in the shared reference folder, or NULL when it is not there. */
const char *t_shared_path(const char *name);
/* Ends the test as skipped, saying why.  Not by cmocka's skip(), whose TAP ("not ok 3 # SKIP") Meson counts
 * as a failure; tools/sum_tap.py counts the line printed here. */
#define T_SKIP(why)                                                                                          \
    do {                                                                                                     \
        print_message("# skipped: %s\n", (why));                                                             \
        return;                                                                                              \
    } while (0)

#endif
