/* SPDX-License-Identifier: Apache-2.0 */
/* bench/curves.c - learning curves made to order: curves-KIND-iII, and with priors curves-KIND-iII-good,
 * -bad.
 *
 * Four hyperparameters x (learning rate, width, dropout, weight decay) have transformed, centred coordinates
 * e_k = (T(x_k) - T(x_k*)) / range_k.  Error after r of R = 81 epochs, beginning at C = 0.9:
 *
 *   y(r) = F + (C - F) g(r),   F = y* + (0.8 C - y*) (1 - exp(-sum_k w_k e_k^2)),   g(0) = 1, g(R) = 0,
 *   g(r) = (h(r) - h(R)) / (1 - h(R)),  h(r) = exp(-r / tau)  or  (1 + r / tau)^-0.7
 *
 * so that the final error is F exactly, and best at x*, which an instance draws with y* and the weights.
 *
 *   exp       exponential, tau = 10 (lr / lr*)^-0.25 (width / width*)^0.2
 *   power     power law, same tau
 *   cross     power law, tau = 40 (lr / lr*)^-0.9 (width / width*)^0.6: what is fast ends badly, so that
 * curves cross diverge   power law; above lr = 2 lr* training fails at epoch 1 + 60 (2 lr* / lr)^2, having
 * looked fast overfit   exponential; with less dropout than x*, after epoch 20, + 0.6 (dropout* - dropout) (r
 * - 20) / (R - 20)
 *
 * Noise: sd s(r) = 0.01 (1 + 2 (1 - r / R)), one number per (replicate, x, epoch) and half as much per
 * (replicate, x).  An epoch lasts 1 + width / 128 seconds; training goes on where it stopped.
 *
 * Priors: of medium confidence; good: centred where x* is, 0.1 of the range away on average in each
 * parameter; bad: at that end of each range which is further from x*.
 *
 * Shapes: Domhan, Springenberg, Hutter: "Speeding up automatic hyperparameter optimization of deep neural
 * networks by extrapolation of learning curves", IJCAI 2015; Viering, Loog: "The shape of learning curves",
 * 2021. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "bench/families.h"
#include "bench/make.h"
#include "hpo/sampler.h"
#include "math/func.h"
#include "math/rng.h"

#define EPOCHS 81
#define CHANCE 0.9
#define LAST_CALM_EPOCH 20

enum { LR, WIDTH, DROPOUT, DECAY, N_PARAMS, LISTED_INSTANCES = 3, MAX_INSTANCE = 1000 };

static const char space_text[] = "lr: log 1e-4..1; width: int log 16..1024; dropout: 0..0.8; decay: log "
                                 "1e-6..1e-1; epochs: fidelity 1..81";
static const char prior_text[] =
    "lr: log 1e-4..1 prior %.9g medium; width: int log 16..1024 prior %.9g medium; "
    "dropout: 0..0.8 prior %.9g medium; decay: log 1e-6..1e-1 prior %.9g medium; "
    "epochs: fidelity 1..81";
static const double bounds[N_PARAMS][2] = {{1e-4, 1}, {16, 1024}, {0, 0.8}, {1e-6, 1e-1}};

typedef enum kind { EXPONENTIAL, POWER, CROSS, DIVERGE, OVERFIT, N_KINDS } kind;
static const char *const kind_names[N_KINDS] = {"exp", "power", "cross", "diverge", "overfit"};

typedef struct state {
    kind kind;
    double best;
    double at[N_PARAMS + 1]; /* with the fidelity */
    double weight[N_PARAMS];
} state;

static int curves_list(size_t i, const char *data, char *name, size_t cap)
{
    (void)data;
    if (i >= N_KINDS * LISTED_INSTANCES) return 0;
    (void)snprintf(name, cap, "curves-%s-i%02d", kind_names[i / LISTED_INSTANCES],
                   (int)(i % LISTED_INSTANCES) + 1);
    return 1;
}

static double between(hpo_rng *rng, double low, double high)
{
    return low + (high - low) * hpo_rng_uniform(rng);
}

static void draw_instance(state *s, int instance)
{
    hpo_rng rng;
    hpo_rng_init(&rng, 3 + (uint64_t)s->kind, (uint64_t)instance, HPO_RNG_USER);
    /* diverge: high enough that most configurations survive */
    s->at[LR] = hpo_exp(between(&rng, hpo_log(s->kind == DIVERGE ? 2e-2 : 2e-3), hpo_log(0.1)));
    s->at[WIDTH] = floor(hpo_exp(between(&rng, hpo_log(64), hpo_log(600))) + 0.5);
    s->at[DROPOUT] = between(&rng, 0.1, 0.5);
    s->at[DECAY] = hpo_exp(between(&rng, hpo_log(1e-5), hpo_log(3e-3)));
    s->at[N_PARAMS] = EPOCHS;
    s->best = between(&rng, 0.05, 0.25);
    s->weight[LR] = between(&rng, 6, 16);
    s->weight[WIDTH] = between(&rng, 1, 4);
    s->weight[DROPOUT] = between(&rng, 0.5, 2);
    s->weight[DECAY] = between(&rng, 0.5, 2);
}

/* The coordinate of x_k in [0, 1], and back. */
static double place(int k, double x)
{
    const double *b = bounds[k];
    return k == DROPOUT ? x / b[1] : hpo_log(x / b[0]) / hpo_log(b[1] / b[0]);
}

static double value_at(int k, double u)
{
    const double *b = bounds[k];
    double x = k == DROPOUT ? u * b[1] : b[0] * hpo_exp(u * hpo_log(b[1] / b[0]));
    x = fmin(fmax(x, b[0]), b[1]);
    return k == WIDTH ? floor(x + 0.5) : x;
}

static hpo_status open_space(hpo_problem *p, const state *s, int instance, int good, hpo_error *err)
{
    char text[sizeof prior_text + N_PARAMS * 32];
    double centre[N_PARAMS];
    hpo_rng rng;
    hpo_rng_init(&rng, 13 + (uint64_t)s->kind, (uint64_t)instance, HPO_RNG_USER);
    for (int k = 0; k < N_PARAMS; k++) {
        double u = place(k, s->at[k]);
        centre[k] = value_at(k, good ? u + 0.125 * hpo_rng_normal(&rng) : u < 0.5 ? 1 : 0);
    }
    (void)snprintf(text, sizeof text, prior_text, centre[LR], centre[WIDTH], centre[DROPOUT], centre[DECAY]);
    return hpo_space_parse(text, &p->space, err);
}

static hpo_status curves_open(hpo_problem *p, const char *data, hpo_error *err)
{
    int k = 0, instance = 0, good = 0, bad = 0;
    (void)data;
    if (strncmp(p->name, "curves-", 7) != 0) return HPO_ENOTFOUND;
    for (; k < N_KINDS; k++) {
        size_t length = strlen(kind_names[k]);
        const char *rest = p->name + 7 + length;
        if (strncmp(p->name + 7, kind_names[k], length) != 0) continue;
        good = hpo_bench_match(rest, "-i#-good", &instance);
        bad = !good && hpo_bench_match(rest, "-i#-bad", &instance);
        if (good || bad || hpo_bench_match(rest, "-i#", &instance)) break;
    }
    if (k == N_KINDS) return HPO_ENOTFOUND;
    if (instance < 1 || instance > MAX_INSTANCE)
        return hpo_bench_refuse(p, "instance", instance, 1, MAX_INSTANCE, err);
    state *s = p->state = hpo_calloc(1, sizeof *s);
    if (s == NULL) return hpo_fail_memory(err);
    s->kind = (kind)k;
    draw_instance(s, instance);
    int quick = instance == 1 && (s->kind == CROSS || s->kind == DIVERGE);
    hpo_bench_one(p, s->best, s->at, HPO_SUITE_BIT(MULTIFIDELITY) | (quick ? HPO_SUITE_BIT(QUICK) : 0));
    p->full_resource = EPOCHS;
    p->min_resource = 1;
    p->resumable = 1;
    p->noisy = 1;
    p->budget = 50;
    return good || bad ? open_space(p, s, instance, good, err) : hpo_space_parse(space_text, &p->space, err);
}

static double final_error(const state *s, const double *x)
{
    static const double log_ranges[N_PARAMS] = {9.210340371976184, 4.1588830833596715, 0, 11.512925464970229};
    double q = 0;
    for (size_t k = 0; k < N_PARAMS; k++) {
        double e = k == DROPOUT ? (x[k] - s->at[k]) / 0.8 : hpo_log(x[k] / s->at[k]) / log_ranges[k];
        q += s->weight[k] * e * e;
    }
    return s->best - (0.8 * CHANCE - s->best) * hpo_expm1(-q);
}

/* tau: how many epochs until most is learnt */
static double slowness(const state *s, const double *x)
{
    double lr = hpo_log(x[LR] / s->at[LR]), width = hpo_log(x[WIDTH] / s->at[WIDTH]);
    double tau =
        s->kind == CROSS ? 40 * hpo_exp(0.6 * width - 0.9 * lr) : 10 * hpo_exp(0.2 * width - 0.25 * lr);
    return fmin(fmax(tau, 0.5), 200);
}

static double part_left(const state *s, double tau, double r)
{
    if (s->kind == EXPONENTIAL || s->kind == OVERFIT) /* 1 - h by expm1 */
        return 1 - hpo_expm1(-r / tau) / hpo_expm1(-EPOCHS / tau);
    double end = hpo_pow(1 + EPOCHS / tau, -0.7);
    return (hpo_pow(1 + r / tau, -0.7) - end) / (1 - end);
}

static double expected(const state *s, const double *x, double r)
{
    double f = final_error(s, x), y = r >= EPOCHS ? f : f + (CHANCE - f) * part_left(s, slowness(s, x), r);
    double missing = s->at[DROPOUT] - x[DROPOUT];
    if (s->kind == OVERFIT && missing > 0 && r > LAST_CALM_EPOCH)
        y += 0.6 * missing * (r - LAST_CALM_EPOCH) / (EPOCHS - LAST_CALM_EPOCH);
    return y;
}

/* The epoch at which training falls apart; infinite: never. */
static double end_of_training(const state *s, const double *x)
{
    double excess = x[LR] / (2 * s->at[LR]);
    return s->kind == DIVERGE && excess > 1 ? 1 + 60 / (excess * excess) : (double)INFINITY;
}

static hpo_status curves_evaluate(const hpo_problem *p, const hpo_problem_query *q, hpo_problem_answer *a,
                                  hpo_error *err)
{
    const state *s = p->state;
    double r = isnan(q->resource) ? EPOCHS : fmin(fmax(q->resource, 1), EPOCHS),
           end = end_of_training(s, q->x);
    (void)err;
    a->failed = r >= end;
    a->seconds = fmax(0, fmin(r, end) - q->from) * (1 + q->x[WIDTH] / 128);
    if (a->failed) return HPO_OK;
    a->y[0] = expected(s, q->x, r);
    if (!q->noise_free) {
        double sd = 0.01 * (1 + 2 * (1 - r / EPOCHS));
        a->y[0] +=
            sd * (hpo_problem_normal(q, N_PARAMS, (uint32_t)r) + 0.5 * hpo_problem_normal(q, N_PARAMS, 0));
    }
    return HPO_OK;
}

static void curves_close(hpo_problem *p)
{
    hpo_free(p->state);
}

const hpo_problem_family hpo_curves_problems = {
    .name = "curves",
    .help = "learning curves: exponential, power law, crossing, diverging, overfitting; curves-cross-i01 ...",
    .reference = "Domhan, Springenberg, Hutter, IJCAI 2015; libhpo, docs/problems.md",
    .list = curves_list,
    .open = curves_open,
    .evaluate = curves_evaluate,
    .close = curves_close,
};
