/* SPDX-License-Identifier: Apache-2.0 */
/* bench/problem.c - finding, opening and evaluating the problems of all families. */
#include "bench/problem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"
#include "hpo/sampler.h"
#include "math/dist.h"
#include "math/qmc.h"
#include "math/stats.h"
#include "space/space.h"

enum { TYPICAL_POINTS = 4096, MAX_SUGGESTIONS = 3 };

/* ---- names ---------------------------------------------------------------------------------- */

/* The names of all problems of all families, one after another; nonzero ends. */
static int each_name(const char *data, int (*visit)(void *ctx, const hpo_problem_family *f, const char *name),
                     void *ctx)
{
    char name[sizeof((hpo_problem *)0)->name];
    for (const hpo_problem_family *const *f = hpo_problem_families; *f != NULL; f++)
        for (size_t i = 0; (*f)->list(i, data, name, sizeof name); i++)
            if (visit(ctx, *f, name)) return 1;
    return 0;
}

typedef struct nearest {
    const char *wanted;
    char names[MAX_SUGGESTIONS][96];
    unsigned distances[MAX_SUGGESTIONS];
} nearest;

static int compare_name(void *ctx, const hpo_problem_family *f, const char *name)
{
    nearest *n = ctx;
    unsigned d = hpo_edit_distance(n->wanted, name);
    (void)f;
    for (size_t i = 0; i < MAX_SUGGESTIONS; i++) {
        if (d >= n->distances[i]) continue;
        for (size_t j = MAX_SUGGESTIONS - 1; j > i; j--) {
            memcpy(n->names[j], n->names[j - 1], sizeof n->names[j]);
            n->distances[j] = n->distances[j - 1];
        }
        n->distances[i] = d;
        (void)snprintf(n->names[i], sizeof n->names[i], "%s", name);
        break;
    }
    return 0;
}

static hpo_status fail_unknown(const char *name, const char *data, hpo_error *err)
{
    nearest n = {.wanted = name};
    for (size_t i = 0; i < MAX_SUGGESTIONS; i++)
        n.distances[i] = 256;
    (void)each_name(data, compare_name, &n);
    return hpo_fail(err, HPO_ENOTFOUND,
                    "problem '%s': unknown%s; near: %s, %s, %s (see `hpo bench problems`)", name,
                    data == NULL ? " (problems from data files need --data DIR or HPO_BENCH_DATA)" : "",
                    n.names[0], n.names[1], n.names[2]);
}

typedef struct name_list {
    hpo_suite suite;
    const char *data;
    hpo_str text; /* names, each with its NUL */
    size_t n;
    hpo_status rc;
    hpo_error *err;
} name_list;

static int collect_name(void *ctx, const hpo_problem_family *f, const char *name)
{
    name_list *l = ctx;
    (void)f;
    if (l->suite != HPO_N_SUITES) {
        hpo_problem *p;
        l->rc = hpo_problem_open(name, l->data, &p, l->err);
        if (l->rc != HPO_OK) return 1;
        int in = (p->suites & 1u << l->suite) != 0;
        hpo_problem_free(p);
        if (!in) return 0;
    }
    hpo_str_addn(&l->text, name, strlen(name) + 1);
    l->n++;
    return l->text.failed;
}

hpo_status hpo_problem_names(hpo_suite suite, const char *data, char ***names, size_t *n, hpo_error *err)
{
    name_list l = {.suite = suite, .data = data, .err = err, .rc = HPO_OK};
    *names = NULL;
    *n = 0;
    (void)each_name(data, collect_name, &l);
    hpo_status rc = l.rc == HPO_OK && l.text.failed ? hpo_fail_memory(err) : l.rc;
    char **block = rc == HPO_OK ? hpo_alloc(l.n * sizeof *block + l.text.len + 1) : NULL;
    if (rc == HPO_OK && block == NULL) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) {
        char *text = (char *)(block + l.n);
        if (l.text.len > 0) memcpy(text, l.text.text, l.text.len);
        for (size_t i = 0; i < l.n; i++, text += strlen(text) + 1)
            block[i] = text;
        *names = block;
        *n = l.n;
    }
    hpo_str_fini(&l.text);
    return rc;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The median of the noise-free first objective over Sobol' points of the space, whatever priors it
 * declares (infeasible ones replaced by feasible draws); failed evaluations count as worst. */
hpo_status hpo_problem_find_typical(hpo_problem *p, hpo_error *err)
{
    if (!isnan(p->typical)) return HPO_OK;
    size_t dims = hpo_space_n_dims(p->space), columns = hpo_space_n_columns(p->space);
    hpo_sobol *sobol = NULL;
    hpo_space *plain;
    HPO_TRY(hpo_space_with_priors(p->space, HPO_PRIORS_PLAIN, &plain, err));
    double *u = hpo_alloc_array(dims + columns + TYPICAL_POINTS, sizeof *u);
    if (u == NULL) {
        hpo_space_free(plain);
        return hpo_fail_memory(err);
    }
    double *x = u + dims, *y = x + columns;
    hpo_status rc = dims == 0 ? HPO_OK : hpo_sobol_create(dims, HPO_SCRAMBLE_OWEN, 1, &sobol, err);
    for (size_t i = 0; i < TYPICAL_POINTS && rc == HPO_OK; i++) {
        if (sobol != NULL) hpo_sobol_point(sobol, i, u);
        hpo_space_decode(p->space, u, x);
        if (!hpo_space_feasible(p->space, x)) {
            hpo_rng rng;
            hpo_rng_init(&rng, 1, i, 1);
            rc = hpo_space_draw(plain, &rng, u, err);
            if (rc == HPO_OK) hpo_space_decode(p->space, u, x);
        }
        hpo_problem_query q = {.x = x, .resource = (double)NAN, .seed = i + 1, .noise_free = 1};
        hpo_problem_answer a = {.failed = 0};
        if (rc == HPO_OK) rc = hpo_problem_evaluate(p, &q, &a, err);
        y[i] = a.failed || isnan(a.y[0]) ? (double)INFINITY : a.y[0];
    }
    if (rc == HPO_OK) p->typical = hpo_median(y, TYPICAL_POINTS);
    hpo_sobol_free(sobol);
    hpo_space_free(plain);
    hpo_free(u);
    return rc;
}

static void set_unknown(hpo_problem *p)
{
    for (size_t i = 0; i < HPO_BENCH_MAX_OBJECTIVES; i++)
        p->best[i] = p->reference_point[i] = (double)NAN;
    p->typical = p->best_hypervolume = p->full_resource = p->min_resource = (double)NAN;
    p->budget = 100;
}

hpo_status hpo_problem_open(const char *name, const char *data, hpo_problem **out, hpo_error *err)
{
    *out = NULL;
    if (strlen(name) >= sizeof((hpo_problem *)0)->name) return fail_unknown(name, data, err);
    hpo_problem *p = hpo_alloc(sizeof *p);
    if (p == NULL) return hpo_fail_memory(err);
    hpo_status rc = HPO_ENOTFOUND;
    for (const hpo_problem_family *const *f = hpo_problem_families; *f != NULL && rc == HPO_ENOTFOUND; f++) {
        if ((*f)->needs_data && data == NULL) continue;
        memset(p, 0, sizeof *p);
        (void)snprintf(p->name, sizeof p->name, "%s", name);
        set_unknown(p);
        p->family = *f;
        rc = (*f)->open(p, data, err);
    }
    if (rc == HPO_ENOTFOUND) {
        hpo_free(p);
        return fail_unknown(name, data, err);
    }
    if (rc == HPO_OK) rc = hpo_space_freeze(p->space, err);
    if (rc != HPO_OK) {
        hpo_problem_free(p);
        return rc;
    }
    *out = p;
    return HPO_OK;
}

void hpo_problem_free(hpo_problem *p)
{
    if (p == NULL) return;
    if (p->family->close != NULL) p->family->close(p);
    hpo_space_free(p->space);
    hpo_free(p);
}

hpo_status hpo_problem_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                hpo_error *err)
{
    a->failed = 0;
    a->seconds = 1;
    return p->family->evaluate(p, q, a, err);
}

/* ---- noise ---------------------------------------------------------------------------------- */

double hpo_problem_uniform(const hpo_problem_query *q, size_t n_columns, uint32_t k)
{
    hpo_rng rng;
    hpo_rng_init(&rng, q->seed, hpo_hash_bytes(q->x, n_columns * sizeof *q->x, 0), k);
    return hpo_rng_uniform(&rng);
}

double hpo_problem_normal(const hpo_problem_query *q, size_t n_columns, uint32_t k)
{
    hpo_rng rng;
    hpo_rng_init(&rng, q->seed, hpo_hash_bytes(q->x, n_columns * sizeof *q->x, 0), k);
    return hpo_rng_normal(&rng);
}
