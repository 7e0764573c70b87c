/* SPDX-License-Identifier: Apache-2.0 */
/* bench/report.h - a comparison as CSV, JSON, pictures and one HTML page.
 *
 * What is written follows from the comparison and the facts given, nothing else: the same input gives the
 * same bytes, so a report can be checked in and compared.  No dates unless given. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H
#include "base/str.h"
#include "bench/comparison.h"

/* What the page states about its origin; NULL leaves a line out. */
typedef struct hpo_report_facts {
    const char *title, *command, *commit, *version, *machine, *date;
} hpo_report_facts;

/* One line a (problem, method) with every number of its entry. */
HPO_NODISCARD hpo_status hpo_report_csv(const hpo_comparison *c, char **out, hpo_error *err);
/* The anytime curves: problem, method, axis (budget or time), at, median, low, high. */
HPO_NODISCARD hpo_status hpo_report_curves_csv(const hpo_comparison *c, char **out, hpo_error *err);
/* Everything but the curves, as one JSON document (docs/benchmarks.md lists the members). */
HPO_NODISCARD hpo_status hpo_report_json(const hpo_comparison *c, const hpo_report_facts *facts, char **out,
                                         hpo_error *err);
/* One page that needs nothing beside it. */
HPO_NODISCARD hpo_status hpo_report_html(const hpo_comparison *c, const hpo_report_facts *facts, char **out,
                                         hpo_error *err);

typedef enum hpo_picture {
    HPO_PICTURE_RANKS,      /* critical-difference diagram */
    HPO_PICTURE_RANK_CURVE, /* mean rank over the budget */
    HPO_PICTURE_ECDF,       /* share of targets reached */
    HPO_PICTURE_PROFILE,    /* performance profile */
    HPO_PICTURE_BUDGET,     /* regret of one contest by budget */
    HPO_PICTURE_TIME        /* regret of one contest by virtual time */
} hpo_picture;
/* contest: for the last two.  `small` makes it fit two in a row of the page.  Returns 0 when there is nothing
 * to draw (s is as before). */
int hpo_report_picture(const hpo_comparison *c, hpo_picture picture, size_t contest, int small,
                       int standalone, hpo_str *s);
/* Number of pictures of a comparison, and picture i: its file name ("critical-difference.svg",
 * "budget-branin.svg") is put into name (cap bytes); *out is NULL when there is nothing to draw. */
size_t hpo_report_n_pictures(const hpo_comparison *c);
HPO_NODISCARD hpo_status hpo_report_picture_file(const hpo_comparison *c, size_t i, char *name, size_t cap,
                                                 char **out, hpo_error *err);
#endif
