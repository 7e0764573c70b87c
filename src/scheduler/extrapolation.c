/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/extrapolation.c - predictive termination: a trial stops that will probably not beat the best one.
 *
 * Every `interval` steps the end of a trial's curve is extrapolated from its reports, by the ensemble of
 * eleven parametric families (model/curve_ensemble.c), noise included: y(r_max) ~ mixture of N(m_j, s_j^2)
 * over `samples` draws of the posterior.  The trial stops when
 *
 *     P(y(r_max) < best) = 1/J sum_j Phi((best - m_j) / s_j) < threshold,
 *
 * best the smallest value of a complete trial.  Nothing stops before there is one, nor a trial that has been
 * better than it (as in the authors' program).  Values are in the units of the study (model/curve_units.c).
 *
 * Without a fidelity and an option `max`, r_max is the largest last step of the complete trials.
 *
 * The draws of a check follow from the seed, the trial and the number of its reports.  Stored events that are
 * fed again are not judged again: a fit changes nothing.
 *
 * Domhan, Springenberg, Hutter: "Speeding up automatic hyperparameter optimization of deep neural networks by
 * extrapolation of learning curves", IJCAI 2015, section 4. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/rng.h"
#include "model/curve_ensemble.h"
#include "model/curve_units.h"
#include "scheduler/builtin.h"

enum { MOST_SAMPLES = 500, NONE = -1 };

static const double EARLIEST = 0x1p-10; /* share of r_max; earlier reports count as at it */
static const double CHECKS = 10;        /* of a training, when no interval is given */

typedef struct extrapolation_config {
    double threshold, interval, grace, max;
    int64_t first, samples;
} extrapolation_config;

/* The reports of a trial that may go on. */
typedef struct curve {
    double *step, *y;
    size_t n, cap_step, cap_y;
    double best;
} curve;

typedef struct extrapolation {
    extrapolation_config config;
    double sign, max, best;
    int32_t is_given; /* max */
    uint64_t seed;
    int64_t best_trial; /* NONE: no trial is complete */
    hpo_curve_units units;
    hpo_curve_ensemble *ensemble;
    int32_t *curve_of; /* by trial: index of its curve, NONE */
    size_t n_trials, cap_trials;
    curve *curves;
    size_t n_curves, cap_curves;
    int32_t *spare; /* curves that ended trials gave back; room for all there are */
    size_t n_spare, cap_spare;
    double *t, *y; /* of one curve, for a fit */
    size_t cap_t, cap_fit_y;
    double mean[MOST_SAMPLES], sd[MOST_SAMPLES];
} extrapolation;

/* ---- begin and end ---------------------------------------------------------------------------------- */

static hpo_status extrapolation_init(void *state, const void *config, const hpo_sched_problem *p,
                                     hpo_error *err)
{
    extrapolation *s = state;
    s->config = *(const extrapolation_config *)config;
    s->sign = p->sign[0];
    s->seed = p->seed;
    s->best_trial = NONE;
    s->max = isnan(p->high) ? s->config.max : p->high;
    s->is_given = s->max > 0;
    return hpo_curve_ensemble_create(&s->ensemble, err);
}

static void extrapolation_fini(void *state)
{
    extrapolation *s = state;
    for (size_t i = 0; i < s->n_curves; i++) {
        hpo_free(s->curves[i].step);
        hpo_free(s->curves[i].y);
    }
    hpo_free(s->curves);
    hpo_free(s->spare);
    hpo_free(s->curve_of);
    hpo_free(s->t);
    hpo_free(s->y);
    hpo_curve_ensemble_free(s->ensemble);
    hpo_curve_units_fini(&s->units);
}

/* ---- curves ----------------------------------------------------------------------------------------- */

static hpo_status need_trial(extrapolation *s, int64_t trial, hpo_error *err)
{
    size_t want = (size_t)trial + 1;
    HPO_TRY(hpo_reserve(&s->curve_of, &s->cap_trials, want, sizeof *s->curve_of, err));
    while (s->n_trials < want)
        s->curve_of[s->n_trials++] = NONE;
    return HPO_OK;
}

static hpo_status take_curve(extrapolation *s, int64_t trial, curve **out, hpo_error *err)
{
    HPO_TRY(need_trial(s, trial, err));
    int32_t *i = &s->curve_of[trial];
    if (*i == NONE && s->n_spare > 0) {
        *i = s->spare[--s->n_spare];
        s->curves[*i].n = 0;
    } else if (*i == NONE) {
        HPO_TRY(hpo_reserve(&s->spare, &s->cap_spare, s->n_curves + 1, sizeof *s->spare, err));
        HPO_TRY(hpo_reserve(&s->curves, &s->cap_curves, s->n_curves + 1, sizeof *s->curves, err));
        s->curves[s->n_curves] = (curve){0};
        *i = (int32_t)s->n_curves++;
    }
    *out = &s->curves[*i];
    return HPO_OK;
}

static hpo_status add(extrapolation *s, curve *c, double step, double y, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&c->step, &c->cap_step, c->n + 1, sizeof *c->step, err));
    HPO_TRY(hpo_reserve(&c->y, &c->cap_y, c->n + 1, sizeof *c->y, err));
    HPO_TRY(hpo_reserve(&s->t, &s->cap_t, c->n + 1, sizeof *s->t, err));
    HPO_TRY(hpo_reserve(&s->y, &s->cap_fit_y, c->n + 1, sizeof *s->y, err));
    HPO_TRY(hpo_curve_units_add(&s->units, y, err));
    c->best = c->n == 0 ? y : fmin(c->best, y);
    c->step[c->n] = step;
    c->y[c->n++] = y;
    return HPO_OK;
}

/* ---- the rule --------------------------------------------------------------------------------------- */

/* Has the newest report come to a check, and is there something to be decided? */
static int is_due(const extrapolation *s, const curve *c)
{
    const extrapolation_config *k = &s->config;
    double step = c->step[c->n - 1], before = c->n > 1 ? c->step[c->n - 2] : 0;
    double interval = k->interval > 0 ? k->interval : s->max / CHECKS;
    return s->best_trial != NONE && s->units.range > 0 && c->n >= (size_t)k->first && step >= k->grace &&
           step < s->max && floor(step / interval) > floor(before / interval) && !(c->best < s->best);
}

static void say(const extrapolation *s, size_t n, double p, char *out)
{
    double mean = 0, square = 0, k = (double)n;
    char chance[24];
    for (size_t i = 0; i < n; i++) {
        mean += s->mean[i] / k;
        square += (s->mean[i] * s->mean[i] + s->sd[i] * s->sd[i]) / k;
    }
    double sd = sqrt(fmax(square - mean * mean, 0));
    double low = hpo_curve_units_from(&s->units, mean - sd),
           high = hpo_curve_units_from(&s->units, mean + sd);
    (void)snprintf(chance, sizeof chance, p < 0.001 ? "under %.1f" : "%.1f", fmax(100 * p, 0.1));
    (void)snprintf(out, HPO_REASON_SIZE,
                   "expected at step %.6g: %.4g +- %.2g; %s %% to beat %.4g (trial %lld)", s->max,
                   hpo_curve_units_from(&s->units, mean) * s->sign, (high - low) / 2, chance,
                   s->best * s->sign, (long long)s->best_trial);
}

static hpo_status judge(extrapolation *s, int64_t trial, const curve *c, hpo_sched_answer *out,
                        hpo_error *err)
{
    hpo_rng rng;
    size_t n = (size_t)s->config.samples;
    for (size_t i = 0; i < c->n; i++) {
        s->t[i] = fmax(c->step[i] / s->max, EARLIEST);
        s->y[i] = hpo_curve_units_to(&s->units, c->y[i]);
    }
    hpo_rng_init(&rng, s->seed ^ ((uint64_t)c->n << 32), (uint64_t)trial, HPO_RNG_EXTRAPOLATION);
    HPO_TRY(hpo_curve_ensemble_sample(s->ensemble, s->t, s->y, c->n, &rng, n, s->mean, s->sd, err));
    double p = hpo_curve_samples_below(s->mean, s->sd, n, hpo_curve_units_to(&s->units, s->best));
    if (!(p < s->config.threshold)) return HPO_OK;
    out->decision = HPO_STOP;
    say(s, n, p, out->reason);
    return HPO_OK;
}

/* ---- events ----------------------------------------------------------------------------------------- */

static hpo_status extrapolation_report(void *state, const hpo_sched_report *r, hpo_sched_answer *out,
                                       hpo_error *err)
{
    extrapolation *s = state;
    curve *c;
    if (!isfinite(r->y[0])) return HPO_OK;
    HPO_TRY(take_curve(s, r->trial, &c, err));
    if (c->n > 0 && !(r->step > c->step[c->n - 1])) return HPO_OK;
    HPO_TRY(add(s, c, r->step, r->y[0], err));
    return r->past || !is_due(s, c) ? HPO_OK : judge(s, r->trial, c, out, err);
}

static hpo_status extrapolation_tell(void *state, int64_t trial, hpo_state end, const double *y,
                                     hpo_error *err)
{
    extrapolation *s = state;
    if (end == HPO_STATE_PAUSED) return HPO_OK;
    HPO_TRY(need_trial(s, trial, err));
    int32_t *i = &s->curve_of[trial];
    if (end == HPO_STATE_COMPLETE && y != NULL && isfinite(y[0])) {
        const curve *c = *i == NONE ? NULL : &s->curves[*i];
        if (s->best_trial == NONE || y[0] < s->best) {
            s->best = y[0];
            s->best_trial = trial;
        }
        if (!s->is_given && c != NULL && c->n > 0) s->max = fmax(s->max, c->step[c->n - 1]);
    }
    if (*i != NONE) s->spare[s->n_spare++] = *i;
    *i = NONE;
    return HPO_OK;
}

static const hpo_option options[] = {
    {"threshold", "a trial stops that beats the best complete one with less than this probability",
     HPO_OPT_REAL, offsetof(extrapolation_config, threshold), 0.05, 0, 1, NULL},
    {"interval", "steps from one check to the next; 0: a tenth of the last step", HPO_OPT_REAL,
     offsetof(extrapolation_config, interval), 0, 0, 1e300, NULL},
    {"first", "no check before so many reports", HPO_OPT_INT, offsetof(extrapolation_config, first), 5, 2,
     1e9, NULL},
    {"grace", "no trial stops before this step", HPO_OPT_REAL, offsetof(extrapolation_config, grace), 1, 0,
     1e300, NULL},
    {"max", "the last step, without a fidelity; 0: the largest of the complete trials", HPO_OPT_REAL,
     offsetof(extrapolation_config, max), 0, 0, 1e300, NULL},
    {"samples", "draws of the posterior at a check; its cost grows with them", HPO_OPT_INT,
     offsetof(extrapolation_config, samples), 60, 10, MOST_SAMPLES, NULL},
};

const hpo_scheduler_ops hpo_scheduler_extrapolation = {
    .size = sizeof(hpo_scheduler_ops),
    .name = "extrapolation",
    .help =
        "Predictive termination: stops a trial whose learning curve, extrapolated by an ensemble of eleven "
        "parametric families, will probably not beat the best complete trial.",
    .reference = "Domhan, Springenberg, Hutter: Speeding up automatic hyperparameter optimization of deep "
                 "neural networks by extrapolation of learning curves, IJCAI 2015",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .config_size = sizeof(extrapolation_config),
    .state_size = sizeof(extrapolation),
    .init = extrapolation_init,
    .report = extrapolation_report,
    .tell = extrapolation_tell,
    .fini = extrapolation_fini,
};
