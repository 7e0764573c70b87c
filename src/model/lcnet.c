/* SPDX-License-Identifier: Apache-2.0 */
/* model/lcnet.c - Klein, Falkner, Springenberg & Hutter: "Learning curve prediction with Bayesian neural
 * networks", ICLR 2017.
 *
 * A network of tanh layers on the features of a configuration (embed.h, moved to [-1, 1]) with linear outputs
 * o(u), which are the parameters of a curve (lcnet_curve.c): value at the end, weights and parameters of five
 * shapes, noise.  Observations, turned so that curves rise and moved into (0, 1) as its ends are,
 *
 *     z = 0.9 - 0.8 min(y, 1),    z ~ N(mean(t; o(u)), sd(o(u))^2),
 *
 * and weights a priori N(0, s^2) with s^2 = 4 / inputs, in later layers 2 / width, biases 1: o is then some
 * N(0, 2) at any place.  U is minus the logarithm of the joint density,
 *
 *     U = sum_i [ln sd_i + (z_i - mean_i)^2 / (2 sd_i^2)] + sum_j theta_j^2 / (2 s_j^2),
 *
 * sampled by scale-adapted SGHMC (sghmc.c) in CHAINS chains, which begin at draws from the prior and go on
 * from fit to fit: FIRST_BURN steps of burn-in at the first fit, BURN at later ones, then every THIN-th of
 * OF_CHAIN * THIN is kept.  What is asked for is averaged over all draws.  Of more than BATCH rows each step
 * sees BATCH and takes their gradient times n / BATCH, in passes over all rows in random order: what batches
 * of a pass err by cancels, so that no noise is deducted for it.
 *
 * Not as in the paper: 2 layers of 16 units for 3 of 50 (64 in the first program), hundreds of steps for tens
 * of thousands with a step thrice as long, so that a fit costs hundredths of a second; several chains, since
 * one of that length stays near one opinion of the ends that no report has shown yet, and is far too sure;
 * the priors' scales are fixed.  Values are not replaced by the best so far: what counts in a study is the
 * end, also where curves turn back. */
#include "model/lcnet.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "math/func.h"
#include "math/linalg.h"
#include "math/rng.h"
#include "model/lcnet_curve.h"
#include "model/mlp.h"
#include "model/sghmc.h"

enum {
    WIDTH = 16,
    LAYERS = 2,
    OUT = HPO_LCNET_OUTPUTS,
    BATCH = 32,
    FIRST_BURN = 800,
    BURN = 300,
    CHAINS = 4,
    OF_CHAIN = 10, /* draws */
    KEPT = CHAINS * OF_CHAIN,
    THIN = 10
};
static const double STEP = 0.03, FRICTION = 0.05;
static const double BEST = 0.9, RANGE = 0.8; /* z of the best value; how far the bad end is below */

struct hpo_lcnet {
    const hpo_embed *embed;
    uint64_t seed, begun; /* begun: streams of random numbers */
    hpo_mlp net;
    hpo_sghmc chains[CHAINS];
    size_t n_dims, n_in, n_free, n_draws;
    double *theta, *gradient, *precision,
        *draws; /* n_free a chain; n_free; n_free; n_free a draw; one block */
    /* of the rows of a fit */
    double *x, *t, *ln_t, *z;
    size_t n, cap_x, cap_t, cap_ln_t, cap_z;
    /* of BATCH rows; one block */
    double *input, *hidden, *output, *d_output, *d_hidden, *d_input, *work;
    uint32_t *order, pick[BATCH];
    size_t at, cap_order; /* order: of the pass that is at `at` */
};

/* ---- begin and end ------------------------------------------------------------------------------------- */

static void set_prior(hpo_lcnet *m)
{
    double *p = m->precision;
    for (size_t i = 0; i < m->n_free; i++)
        p[i] = 1;
    for (size_t i = 0; i < WIDTH * m->n_in; i++)
        p[i] = 0.25 * (double)m->n_in;
    p += WIDTH * (m->n_in + 1);
    for (size_t l = 1; l < LAYERS; l++, p += WIDTH * (WIDTH + 1))
        for (size_t i = 0; i < (size_t)WIDTH * WIDTH; i++)
            p[i] = 0.5 * WIDTH;
    for (size_t i = 0; i < (size_t)OUT * WIDTH; i++)
        p[i] = 0.5 * WIDTH;
}

/* At a draw from the prior. */
static void begin_chain(hpo_lcnet *m, size_t c)
{
    hpo_rng rng;
    double *theta = m->theta + c * m->n_free;
    hpo_rng_init(&rng, m->seed, m->begun++, HPO_RNG_LCNET);
    for (size_t i = 0; i < m->n_free; i++)
        theta[i] = hpo_rng_normal(&rng) / sqrt(m->precision[i]);
    hpo_sghmc_reset(&m->chains[c]);
}

static int make_scratch(hpo_lcnet *m)
{
    size_t hidden = (size_t)LAYERS * WIDTH;
    m->theta = hpo_calloc((CHAINS + KEPT + 2) * m->n_free, sizeof *m->theta);
    m->input = hpo_calloc(BATCH * (2 * m->n_in + hidden + 2 * OUT + WIDTH) + hpo_mlp_work(&m->net, BATCH),
                          sizeof *m->input);
    if (m->theta == NULL || m->input == NULL) return 0;
    m->gradient = m->theta + CHAINS * m->n_free;
    m->precision = m->gradient + m->n_free;
    m->draws = m->precision + m->n_free;
    m->d_input = m->input + BATCH * m->n_in;
    m->hidden = m->d_input + BATCH * m->n_in;
    m->output = m->hidden + BATCH * hidden;
    m->d_output = m->output + (size_t)BATCH * OUT;
    m->d_hidden = m->d_output + (size_t)BATCH * OUT;
    m->work = m->d_hidden + (size_t)BATCH * WIDTH;
    return 1;
}

hpo_status hpo_lcnet_create(const hpo_embed *embed, uint64_t seed, hpo_lcnet **out, hpo_error *err)
{
    hpo_lcnet *m = *out = hpo_calloc(1, sizeof *m);
    if (m == NULL) return hpo_fail_memory(err);
    m->embed = embed;
    m->seed = seed;
    m->n_dims = hpo_embed_n_dims(embed);
    m->n_in = hpo_embed_n_features(embed);
    hpo_status s = hpo_mlp_init(&m->net, m->n_in, WIDTH, LAYERS, err);
    m->n_free = m->net.n_weights + (size_t)OUT * (WIDTH + 1);
    for (size_t c = 0; c < CHAINS && s == HPO_OK; c++)
        s = hpo_sghmc_init(&m->chains[c], m->n_free, STEP, FRICTION, err);
    if (s == HPO_OK && !make_scratch(m)) s = hpo_fail_memory(err);
    if (s != HPO_OK) {
        hpo_lcnet_free(m);
        *out = NULL;
        return s;
    }
    set_prior(m);
    for (size_t c = 0; c < CHAINS; c++)
        begin_chain(m, c);
    for (size_t c = 0; c < CHAINS; c++)
        m->chains[c].exact = 1;
    return HPO_OK;
}

void hpo_lcnet_free(hpo_lcnet *m)
{
    if (m == NULL) return;
    hpo_mlp_fini(&m->net);
    for (size_t c = 0; c < CHAINS; c++)
        hpo_sghmc_fini(&m->chains[c]);
    hpo_free(m->theta);
    hpo_free(m->input);
    hpo_free(m->x);
    hpo_free(m->t);
    hpo_free(m->ln_t);
    hpo_free(m->z);
    hpo_free(m->order);
    hpo_free(m);
}

/* ---- the network --------------------------------------------------------------------------------------- */

/* The network of weights theta; it shares the scratch of the model's. */
static hpo_mlp net_of(const hpo_lcnet *m, double *theta)
{
    hpo_mlp net = m->net;
    net.weight = theta;
    return net;
}

static void features(const hpo_lcnet *m, const double *u, size_t n, double *x)
{
    hpo_embed_features(m->embed, NULL, u, n, x);
    for (size_t i = 0; i < n * m->n_in; i++)
        x[i] = 2 * x[i] - 1;
}

static const double *last_layer(const hpo_lcnet *m, size_t n)
{
    return m->hidden + (LAYERS - 1) * n * WIDTH;
}

/* Outputs [first, first + n_out) of n <= BATCH rows x, n x n_out into m->output. */
static void run(const hpo_lcnet *m, double *theta, const double *x, size_t n, size_t first, size_t n_out)
{
    hpo_mlp net = net_of(m, theta);
    const double *w = theta + net.n_weights + first * WIDTH, *b = theta + net.n_weights + OUT * WIDTH + first;
    hpo_mlp_forward(&net, x, n, m->hidden);
    hpo_gemm_nt(last_layer(m, n), WIDTH, w, WIDTH, m->output, n_out, n, n_out, WIDTH);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_out; k++)
            m->output[i * n_out + k] += b[k];
}

/* Adds the gradient of the loss of n rows of m->input, d_output known. */
static void back(hpo_lcnet *m, double *theta, size_t n, double *gradient)
{
    hpo_mlp net = net_of(m, theta);
    const double *w = theta + net.n_weights, *a = last_layer(m, n);
    double *dw = gradient + net.n_weights, *db = dw + (size_t)OUT * WIDTH;
    memset(m->d_hidden, 0, n * WIDTH * sizeof *m->d_hidden);
    for (size_t i = 0; i < n; i++) {
        const double *from = a + i * WIDTH;
        double *to = m->d_hidden + i * WIDTH;
        for (size_t k = 0; k < OUT; k++) {
            double d = m->d_output[i * OUT + k];
            for (size_t j = 0; j < WIDTH; j++) { /* few enough to unroll */
                to[j] += d * w[k * WIDTH + j];
                dw[k * WIDTH + j] += d * from[j];
            }
            db[k] += d;
        }
    }
    hpo_mlp_backward(&net, m->input, n, m->hidden, m->d_hidden, gradient, NULL, m->work);
}

/* Loss of n <= BATCH rows that m->pick names, times scale; their gradient is added. */
static double batch_loss(hpo_lcnet *m, double *theta, size_t n, double scale, double *gradient)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        memcpy(m->input + i * m->n_in, m->x + m->pick[i] * m->n_in, m->n_in * sizeof *m->x);
    run(m, theta, m->input, n, 0, OUT);
    for (size_t i = 0; i < n; i++) {
        size_t row = m->pick[i];
        sum += hpo_lcnet_curve_loss(m->output + i * OUT, m->t[row], m->ln_t[row], m->z[row],
                                    m->d_output + i * OUT);
    }
    for (size_t i = 0; i < n * OUT; i++)
        m->d_output[i] *= scale;
    if (gradient != NULL) back(m, theta, n, gradient);
    return scale * sum;
}

/* ---- learning ------------------------------------------------------------------------------------------ */

static hpo_status take_rows(hpo_lcnet *m, const hpo_lcnet_rows *rows, hpo_error *err)
{
    size_t n = m->n = rows->n;
    HPO_TRY(hpo_reserve(&m->x, &m->cap_x, n * m->n_in + 1, sizeof *m->x, err));
    HPO_TRY(hpo_reserve(&m->t, &m->cap_t, n + 1, sizeof *m->t, err));
    HPO_TRY(hpo_reserve(&m->ln_t, &m->cap_ln_t, n + 1, sizeof *m->ln_t, err));
    HPO_TRY(hpo_reserve(&m->z, &m->cap_z, n + 1, sizeof *m->z, err));
    HPO_TRY(hpo_reserve(&m->order, &m->cap_order, n + 1, sizeof *m->order, err));
    m->at = n;
    features(m, rows->u, n, m->x);
    memcpy(m->t, rows->t, n * sizeof *m->t);
    hpo_log_n(m->t, n, m->ln_t);
    for (size_t i = 0; i < n; i++)
        m->z[i] = BEST - RANGE * fmin(rows->y[i], 1);
    return HPO_OK;
}

/* The next rows of a pass over all of them in random order; how many. */
static size_t pick_batch(hpo_lcnet *m, hpo_rng *rng)
{
    size_t n = m->n < BATCH ? m->n : BATCH;
    if (m->at + n > m->n) {
        hpo_rng_permutation(rng, m->n, m->order);
        m->at = 0;
    }
    memcpy(m->pick, m->order + m->at, n * sizeof *m->pick);
    m->at += n;
    return n;
}

static void step(hpo_lcnet *m, size_t c, int adapt, hpo_rng *rng)
{
    size_t n = pick_batch(m, rng);
    double *theta = m->theta + c * m->n_free;
    for (size_t i = 0; i < m->n_free; i++)
        m->gradient[i] = m->precision[i] * theta[i];
    (void)batch_loss(m, theta, n, (double)m->n / (double)n, m->gradient);
    hpo_sghmc_step(&m->chains[c], m->gradient, adapt, rng, theta);
}

static int is_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return 0;
    return 1;
}

/* Draws of one chain behind those that are there; 0: it ran away, and begins anew at the next fit. */
static int run_chain(hpo_lcnet *m, size_t c, size_t burn)
{
    hpo_rng rng;
    const double *theta = m->theta + c * m->n_free;
    double *draws = m->draws + m->n_draws * m->n_free;
    hpo_rng_init(&rng, m->seed, m->begun++, HPO_RNG_LCNET);
    for (size_t i = 0; i < burn; i++)
        step(m, c, 1, &rng);
    for (size_t i = 1; i <= (size_t)OF_CHAIN * THIN; i++) {
        step(m, c, 0, &rng);
        if (i % THIN == 0) memcpy(draws + (i / THIN - 1) * m->n_free, theta, m->n_free * sizeof *theta);
    }
    return is_finite(draws, OF_CHAIN * m->n_free);
}

hpo_status hpo_lcnet_fit(hpo_lcnet *m, const hpo_lcnet_rows *rows, size_t burn, hpo_error *err)
{
    if (burn == 0) burn = m->n_draws == 0 ? FIRST_BURN : BURN;
    HPO_TRY(take_rows(m, rows, err));
    m->n_draws = 0;
    for (size_t c = 0; c < CHAINS; c++) {
        if (run_chain(m, c, burn))
            m->n_draws += OF_CHAIN;
        else
            begin_chain(m, c);
    }
    return HPO_OK;
}

size_t hpo_lcnet_n_draws(const hpo_lcnet *m)
{
    return m->n_draws;
}

/* ---- what it says -------------------------------------------------------------------------------------- */

hpo_lcnet_forecast hpo_lcnet_predict(const hpo_lcnet *m, const double *u, double t)
{
    double mean = 0, square = 0, noise = 0, n = (double)m->n_draws, ln_t = hpo_log(t);
    features(m, u, 1, m->input);
    for (size_t k = 0; k < m->n_draws; k++) {
        run(m, m->draws + k * m->n_free, m->input, 1, 0, OUT);
        hpo_lcnet_point p = hpo_lcnet_curve(m->output, t, ln_t);
        double y = (BEST - p.mean) / RANGE;
        mean += y / n;
        square += y * y / n;
        noise += p.sd * p.sd / (RANGE * RANGE) / n;
    }
    return (hpo_lcnet_forecast){mean, fmax(square - mean * mean, 0), noise};
}

/* ln s(o) of the logistic function s. */
static double log_sigmoid(double o)
{
    return o < 0 ? o - hpo_log1p(hpo_exp(o)) : -hpo_log1p(hpo_exp(-o));
}

void hpo_lcnet_log_ends(const hpo_lcnet *m, size_t k, const double *u, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += BATCH) {
        size_t some = n - i < BATCH ? n - i : BATCH;
        features(m, u + i * m->n_dims, some, m->input);
        run(m, m->draws + k * m->n_free, m->input, some, HPO_LCNET_END, 1);
        for (size_t j = 0; j < some; j++)
            out[i + j] = log_sigmoid(m->output[j]);
    }
}

double hpo_lcnet_log_end_gradient(const hpo_lcnet *m, size_t k, const double *u, double *du)
{
    double *theta = m->draws + k * m->n_free;
    hpo_mlp net = net_of(m, theta);
    const double *w = theta + net.n_weights + (size_t)HPO_LCNET_END * WIDTH;
    features(m, u, 1, m->input);
    run(m, theta, m->input, 1, HPO_LCNET_END, 1);
    double o = m->output[0], slope = 1 - hpo_lcnet_curve_end(o);
    for (size_t j = 0; j < WIDTH; j++)
        m->d_hidden[j] = slope * w[j];
    hpo_mlp_backward(&net, m->input, 1, m->hidden, m->d_hidden, NULL, m->d_input, m->work);
    for (size_t j = 0; j < m->n_in; j++)
        m->d_input[j] *= 2;
    memset(du, 0, m->n_dims * sizeof *du);
    hpo_embed_pull(m->embed, NULL, u, m->d_input, du);
    return log_sigmoid(o);
}

size_t hpo_lcnet_n_free(const hpo_lcnet *m)
{
    return m->n_free;
}

const double *hpo_lcnet_weights(const hpo_lcnet *m)
{
    return m->theta;
}

hpo_status hpo_lcnet_objective(hpo_lcnet *m, const hpo_lcnet_rows *rows, double *theta, double *value,
                               double *gradient, hpo_error *err)
{
    HPO_TRY(take_rows(m, rows, err));
    *value = 0;
    for (size_t i = 0; i < m->n_free; i++) {
        *value += 0.5 * m->precision[i] * theta[i] * theta[i];
        if (gradient != NULL) gradient[i] = m->precision[i] * theta[i];
    }
    for (size_t i = 0; i < m->n; i += BATCH) {
        size_t some = m->n - i < BATCH ? m->n - i : BATCH;
        for (size_t j = 0; j < some; j++)
            m->pick[j] = (uint32_t)(i + j);
        *value += batch_loss(m, theta, some, 1, gradient);
    }
    return HPO_OK;
}
