/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/until.h - `--until`: stopping rules joined by and, or, not and parentheses.
 *
 *     rule   = all {"or" all}          all = not {"and" not}        not = ["not"] atom
 *     atom   = "(" rule ")" | fact ("<" | "<=" | ">" | ">=") number | terminator [":" key=value {","
 * key=value}] fact   = "trials" | "seconds" | "cost" | "best"
 *
 * e.g. `regret or (stagnation:trials=30 and trials >= 50)`.  A terminator judges at its own multiples of the
 * number of finished trials and its answer holds until the next; facts are compared each time.  A comparison
 * with what is not known yet (best, before the first result) does not hold. */
#ifndef TERMINATOR_UNTIL_H
#define TERMINATOR_UNTIL_H
#include "base/str.h"
#include "terminator/terminator.h"

typedef struct hpo_until hpo_until;

typedef struct hpo_until_facts {
    double trials, seconds, cost; /* finished trials, active seconds, told costs */
    double best;                  /* user's orientation; NaN: none */
} hpo_until_facts;

/* Messages name the place in the text.  `problem->space` must outlive the result. */
HPO_NODISCARD hpo_status hpo_until_open(const char *text, const hpo_rule_problem *problem, hpo_until **out,
                                        hpo_error *err);
void hpo_until_free(hpo_until *u);
/* Rows that were seen have changed: forget what followed from them. */
HPO_NODISCARD hpo_status hpo_until_restart(hpo_until *u, hpo_error *err);
/* The whole rule on the view's finished rows.  Rules that cannot matter any more are not judged. */
HPO_NODISCARD hpo_status hpo_until_judge(hpo_until *u, const hpo_view *view, const hpo_until_facts *facts,
                                         hpo_ruling *out, hpo_error *err);
/* Every atom judged: [{"rule":"regret","holds":false,"at":40,"reason":"..."},...] appended to s. */
HPO_NODISCARD hpo_status hpo_until_describe(hpo_until *u, const hpo_view *view, const hpo_until_facts *facts,
                                            hpo_str *s, hpo_error *err);
#endif
