/* SPDX-License-Identifier: Apache-2.0 */
/* bench/front.c - an archive of non-dominated points whose hypervolume follows each addition. */
#include "bench/front.h"

#include <string.h>

#include "base/alloc.h"
#include "math/hypervolume.h"

/* a is at least as good as b everywhere. */
static int covers(const double *a, const double *b, size_t m)
{
    for (size_t j = 0; j < m; j++)
        if (a[j] > b[j]) return 0;
    return 1;
}

hpo_status hpo_front_add(hpo_front *f, const double *y, hpo_error *err)
{
    size_t m = f->m;
    for (size_t j = 0; j < m; j++)
        if (!(y[j] < f->reference[j])) return HPO_OK;
    for (size_t i = 0; i < f->n; i++)
        if (covers(f->y + i * m, y, m)) return HPO_OK;
    hpo_status rc = hpo_reserve(&f->y, &f->cap, (f->n + 1) * m, sizeof *f->y, err);
    if (rc != HPO_OK) return rc;
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (covers(y, f->y + i * m, m)) continue;
        memmove(f->y + kept++ * m, f->y + i * m, m * sizeof *f->y);
    }
    memcpy(f->y + kept * m, y, m * sizeof *f->y);
    f->n = kept + 1;
    return hpo_hypervolume(f->y, f->n, m, f->reference, &f->hypervolume, err);
}

void hpo_front_fini(hpo_front *f)
{
    hpo_free(f->y);
    f->y = NULL;
    f->n = f->cap = 0;
}
