/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/descent.h - the place, the box and the valleys of a local search, as a fold over the results. */
#ifndef SAMPLER_DESCENT_H
#define SAMPLER_DESCENT_H

#include "sampler/valleys.h"

typedef struct hpo_descent_options {
    int64_t patience; /* results; -1: by the number of parameters */
    double width, shrink, tolerance, flat;
} hpo_descent_options;

typedef struct hpo_descent {
    const hpo_descent_options *options;
    hpo_valleys map;
    int64_t center; /* row, or -1 */
    double width;   /* half of the box's side, in parts of the range */
    int64_t fails;
    /* of the results near the centre since the watch began */
    int64_t watched;
    double watch_value, spread; /* of the centre then; how much worse the worst was */
    int doubt;                  /* the map's root is the centre: does it stand in a valley of its own? */
    double flat;                /* what counts as a floor: less after every look around in vain */
} hpo_descent;

HPO_NODISCARD hpo_status hpo_descent_init(hpo_descent *s, const hpo_descent_options *options, const hpo_space *space,
                                          hpo_error *err);
void hpo_descent_fini(hpo_descent *s);
/* Row `row` of the view is new.  While map.root >= 0 the point map.middle is wanted next. */
HPO_NODISCARD hpo_status hpo_descent_tell(hpo_descent *s, const hpo_view *view, size_t row, hpo_error *err);
#endif
