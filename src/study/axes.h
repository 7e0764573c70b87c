/* SPDX-License-Identifier: Apache-2.0 */
/* study/axes.h - several fidelities (epochs, rows, width ...) as one resource.
 *
 * A scheduler compares trials by one number.  It is the cost of a trial, counted in steps of the first axis at
 * the maximum of all others: with a_i(x) = x_i / high_i the share that axis i has of its maximum,
 *
 *     r = high_1 * a_1 * a_2 * ... * a_n,      from r_low = high_1 prod low_i / high_i   to   high_1.
 *
 * On the way up all axes grow together, each by factors, so that the product of their shares is the resource:
 *
 *     t = ln(r / r_low) / ln(high_1 / r_low),      x_i(r) = low_i (high_i / low_i)^t,
 *
 * rounded to what the axis can be.  One axis needs none of this: its value is the resource.
 *
 * The first axis counts what a trial reports.  On its way through a piece a trial is at fewer steps than the path
 * has at that many rows: only the end of a piece is a point of the path, and only there are trials compared. */
#ifndef STUDY_AXES_H
#define STUDY_AXES_H
#include "hpo.h"
#include "space/space.h"

typedef struct hpo_axes {
    int on; /* the resource is not the first axis alone */
    size_t n;
    struct hpo_axis {
        size_t param, column;
        double low, high, step; /* step 0: any value */
    } axis[HPO_MAX_FIDELITIES];
    double least, full; /* resources */
} hpo_axes;

/* Reads the fidelities of a frozen space; off. */
void hpo_axes_init(hpo_axes *a, const hpo_space *space);
/* Sets the axes in x (n_columns) to their place on the path. */
void hpo_axes_place(const hpo_axes *a, double resource, double *x);
/* The resource whose place is x; of several the largest, within 0.1 % of what rounding leaves.  0: x is not on the
 * path. */
int hpo_axes_resource(const hpo_axes *a, const double *x, double *resource);
/* The resource of x by the product of its shares, wherever it is. */
double hpo_axes_cost(const hpo_axes *a, const double *x);
/* 1: some axis is below its maximum. */
int hpo_axes_below(const hpo_axes *a, const double *x);
/* "epochs 3, rows 9000"; cut where it does not fit. */
void hpo_axes_text(const hpo_axes *a, const hpo_space *space, const double *x, char *out, size_t cap);

/* The newest piece of each trial, for whoever reads the study's log in its order. */
typedef struct hpo_pieces {
    struct hpo_piece_end {
        double resource; /* NaN: not known */
        double step;     /* where it ends on the first axis */
        double cost;     /* of reports on the way */
    } * end; /* by trial */
    size_t n, cap;
} hpo_pieces;

/* A piece up to `resource` begins. */
HPO_NODISCARD hpo_status hpo_pieces_note(hpo_pieces *p, const hpo_axes *a, int64_t trial, double resource,
                                         hpo_error *err);
/* The resource of the trial's newest piece, NaN: not known. */
double hpo_pieces_resource(const hpo_pieces *p, int64_t trial);
/* A report: 1 when it ends the piece; then *step becomes the resource and *cost that of the whole piece. */
int hpo_pieces_report(hpo_pieces *p, int64_t trial, double *step, double *cost);
void hpo_pieces_fini(hpo_pieces *p);
#endif
