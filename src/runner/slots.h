/* SPDX-License-Identifier: Apache-2.0 */
/* runner/slots.h - which devices (GPUs) a trial may use.
 *
 * Every device has `per_device` places: one when a trial takes whole devices, floor(1/share) when trials
 * share one.  Sharing trials are packed: a device that is in use already goes first, so that whole devices
 * stay free. */
#ifndef RUNNER_SLOTS_H
#define RUNNER_SLOTS_H
#include "runner/template.h"

typedef struct hpo_slots {
    hpo_words names;
    int *used; /* places taken, one count a device */
    int per_device, per_trial;
} hpo_slots; /* zero-initialised: no devices */

/* devices "0,1" or "a,b" (NULL or "" with per_trial 0: none).  HPO_EINVAL: share not possible. */
HPO_NODISCARD hpo_status hpo_slots_init(hpo_slots *s, const char *devices, double per_trial, hpo_error *err);
/* Number of trials at once; -1: any. */
int hpo_slots_capacity(const hpo_slots *s);
/* Takes places: fills list (per_trial device indices) and returns 1, or 0 when too few are free. */
int hpo_slots_take(hpo_slots *s, int *list);
void hpo_slots_give(hpo_slots *s, const int *list);
void hpo_slots_fini(hpo_slots *s);
#endif
