/* SPDX-License-Identifier: Apache-2.0 */
/* bench/make.c - what the families of synthetic problems share. */
#include "bench/make.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { MAX_DIGITS = 7 };

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int hpo_bench_match(const char *name, const char *pattern, int *numbers)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '#') {
            if (*name++ != *pattern) return 0;
            continue;
        }
        int n = 0, value = 0;
        for (; is_digit(name[n]) && n < MAX_DIGITS; n++)
            value = 10 * value + (name[n] - '0');
        if (n < 2 || (n > 2 && name[0] == '0')) return 0;
        *numbers++ = value;
        name += n;
    }
    return *name == '\0';
}

hpo_status hpo_bench_box(hpo_problem *p, size_t n, double low, double high, hpo_error *err)
{
    HPO_TRY(hpo_space_create(&p->space, err));
    for (size_t i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "x%zu", i + 1);
        HPO_TRY(hpo_space_add_float(p->space, name, low, high, HPO_SCALE_LINEAR, err));
    }
    return HPO_OK;
}

hpo_status hpo_bench_refuse(const hpo_problem *p, const char *what, int value, int low, int high,
                            hpo_error *err)
{
    return hpo_fail(err, HPO_EINVAL, "problem '%s': %s %d does not exist: take one of %d..%d", p->name, what,
                    value, low, high);
}

void hpo_bench_one(hpo_problem *p, double best, const double *best_x, uint32_t suites)
{
    p->n_objectives = 1;
    p->objective_names[0] = "value";
    p->best[0] = best;
    p->best_is_exact = 1;
    p->best_x = best_x;
    p->exact_known = 1;
    p->suites = suites;
}

int hpo_bench_name(char *name, size_t cap, const char *text)
{
    (void)snprintf(name, cap, "%s", text);
    return 1;
}

int hpo_bench_row(const char *name, const void *rows, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        const char *const *row = (const void *)((const char *)rows + i * size);
        if (strcmp(*row, name) == 0) return (int)i;
    }
    return -1;
}
