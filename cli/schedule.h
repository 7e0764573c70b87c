/* SPDX-License-Identifier: Apache-2.0 */
/* cli/schedule.h - the schedule of a trial: which parameters from where to where, read off its parents. */
#ifndef CLI_SCHEDULE_H
#define CLI_SCHEDULE_H

#include "cli.h"

/* A stretch of training with the same parameters. */
typedef struct cli_piece {
    int64_t trial;
    double from, to; /* resource */
    double *x;       /* n_columns; the fidelity is `to` */
    char *reason;    /* why it was cloned, or NULL */
} cli_piece;

typedef struct cli_pieces {
    cli_piece *pieces;
    size_t n, cap;
} cli_pieces;

/* Of trial `number`, -1: the best one.  Exit status; the message is printed. */
int cli_pieces_of(cli *c, hpo_study *study, int64_t number, cli_pieces *out);
void cli_pieces_free(cli_pieces *s);
#endif
