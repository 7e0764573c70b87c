/* SPDX-License-Identifier: Apache-2.0 */
/* study/past.c - records as they were when an earlier suggestion was made.
 *
 * A record keeps seq_from (what its suggestion knew) and seq_tell (when it ended), and trials are numbered in
 * the order in which they are made, suggestions of one study one after the other.  So suggestion n, computed
 * at event s, knew trial i < n when i is a suggestion, or was made (enqueued, cloned) at an event seq_from +
 * 1 <= s; i had ended when its seq_tell <= s, and was in progress otherwise.  With lag, what is known depends
 * on numbers alone.
 *
 * What a later requeue has wiped out (the first end of a trial that ran twice) is gone: then the suggestion
 * cannot be computed again, and whoever compares it with what was stored sees that. */
#include "study/study.h"

int hpo_past__trial(const hpo_study_view *w, hpo_trial_record *t)
{
    if (t->number >= w->past_number) return 0;
    if (w->lagged) return 1;
    if (t->draw < 0 && t->seq_from >= w->past_seq) return 0;
    int known = t->seq_tell > 0 && t->seq_tell <= w->past_seq;
    if (!known) t->state = HPO_STATE_RUNNING;
    return 1;
}

int hpo_past__report(const hpo_study_view *w, const hpo_report_record *r)
{
    return r->trial < w->past_number && (w->lagged || r->seq <= w->past_seq);
}
