/* SPDX-License-Identifier: Apache-2.0 */
/* cli/import.h - what the files of `hpo import` share.
 *
 * import_space.c makes the space, import_trials.c brings the trials, import.c is the command. */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "optuna.h"

#define IMPORT_SYSTEM "hpo:system:"

/* A parameter of the new study. */
typedef struct column {
    const char *theirs; /* name, borrowed from the source */
    char *ours;
    optuna_kind kind;
    double low, high, step;
    int log, single;
    char **labels;
    size_t n_labels, cap_labels;
    hpo_map label_at;
    double *x;  /* n_trials */
    char *when; /* NULL: always */
} column;

typedef struct importer {
    cli *c;
    optuna_study *source;
    column *columns;
    size_t n_columns, cap_columns;
    hpo_map column_at;           /* their name -> column */
    optuna_distribution *parsed; /* by index in `parsed_at` */
    size_t n_parsed, cap_parsed;
    hpo_map parsed_at; /* text -> index */
    char *outcomes[CLI_MAX_OUTCOMES];
    size_t n_outcomes, n_gone;
    double *row, *values; /* scratch: n_columns, n_objectives */
} importer;

/* The widest range of each parameter, and its condition. */
HPO_NODISCARD hpo_status import_make_space(importer *im, hpo_space **out, hpo_error *err);
/* Names of the measured constraints into im->outcomes. */
HPO_NODISCARD hpo_status import_find_outcomes(importer *im, hpo_error *err);
/* Attributes and trials into im->c->study, whose space is the one made above. */
HPO_NODISCARD hpo_status import_add_all(importer *im, hpo_error *err);
#endif
