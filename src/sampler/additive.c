/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/additive.c - Bayesian optimisation with a sum of functions of one parameter each
 * (model/additive.h).
 *
 * Along one axis, with the others held, mean and variance cost a sum of n terms: for every setting t of part
 * p
 *
 *     mean += a_p(t),   |L^-1 k|^2 with L^-1 k = sum_p q_p(t),
 *
 * a_p and q_p tabulated for up to SETTINGS of each part.  Log expected improvement climbs axis by axis over
 * these tables, from the best trials and from the points where each part by itself promises most, mean minus
 * 0, 1/2, 1 or 2 standard deviations.  A valley along each axis is thus never in the way, where a climb by
 * gradients would end in one of 2^d.  What comes out competes in the usual search (acq/search.h), which takes
 * it on by gradients, knows conditions and constraints, and excludes what is known.
 *
 * Trials in progress count as rows with their predicted value.
 *
 * References: model/additive.h; Ament et al., arXiv 2310.20708 (log EI). */
#include "model/additive.h"

#include <math.h>
#include <string.h>

#include "acq/acquisition.h"
#include "base/alloc.h"
#include "base/error.h"
#include "math/linalg.h"
#include "sampler/builtin.h"
#include "sampler/evidence.h"
#include "sampler/guided.h"
#include "space/space.h"

enum {
    CHUNK = 64,
    SETTINGS = 49, /* of a part */
    ALL_SETTINGS = 4900,
    STARTS = 4, /* best trials; and as many points that promise most */
    SWEEPS = 8,
    EVERY_ROW = 10,
    GROWTH = 5, /* fits: after every row up to 10, then when rows have grown by a fifth */
    MOST_ROWS = 500
};

typedef struct additive_config {
    int64_t initial;
    int32_t transform;
} additive_config;

typedef struct additive_state {
    hpo_guided guided; /* must stay first */
    const additive_config *config;
    hpo_additive *model;
    hpo_guided_ei ei;
    uint64_t epoch;   /* of the fit */
    double *rows, *z; /* of the condition, n_dims each */
    size_t cap_rows, cap_z;
    /* tables: settings of all parts, one after the other; those of part p begin at first[p] */
    size_t *first, *at, *order, n_settings; /* at: of the climb, per part */
    double *setting; /* n_settings x n_dims, of which only the part's coordinates count */
    double *mean, *sd, *white;
    size_t cap_setting, cap_mean, cap_sd, cap_white;
    double *sum, *found; /* n_rows; STARTS x 2 rows of u */
    size_t cap_sum;
} additive_state;

static const char *const transform_labels[] = {HPO_TRANSFORM_LABELS, NULL};
static const hpo_option additive_options[] = {
    {"initial", "quasi-random trials before the first model; -1: dimensions + 1, between 5 and 10",
     HPO_OPT_INT, offsetof(additive_config, initial), -1, -1, 1 << 20, NULL},
    {"transform", "of the objective's values before the model sees them", HPO_OPT_ENUM,
     offsetof(additive_config, transform), HPO_TRANSFORM_AUTO, 0, 5, transform_labels},
};

static hpo_status additive_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                                hpo_error *err)
{
    additive_state *s = state;
    s->config = config;
    HPO_TRY(hpo_guided_init(&s->guided, space, seed, s->config->initial,
                            (hpo_transform_kind)s->config->transform, err));
    s->guided.every_row = EVERY_ROW;
    s->guided.growth = GROWTH;
    size_t d = s->guided.n_dims;
    if (d == 0) return HPO_OK;
    HPO_TRY(hpo_additive_create(s->guided.embed, &s->model, err));
    s->ei.posterior = hpo_additive_posterior(s->model);
    s->ei.dmean = hpo_calloc((2 + 2 * (size_t)STARTS) * d, sizeof *s->ei.dmean);
    s->first = hpo_calloc(3 * hpo_additive_n_parts(s->model) + 3, sizeof *s->first);
    if (s->ei.dmean == NULL || s->first == NULL) return hpo_fail_memory(err);
    s->ei.dvar = s->ei.dmean + d;
    s->found = s->ei.dmean + 2 * d;
    s->at = s->first + hpo_additive_n_parts(s->model) + 1;
    s->order = s->at + hpo_additive_n_parts(s->model) + 1;
    return HPO_OK;
}

static void additive_fini(void *state)
{
    additive_state *s = state;
    hpo_additive_free(s->model);
    hpo_free(s->rows);
    hpo_free(s->z);
    hpo_free(s->ei.dmean);
    hpo_free(s->first);
    hpo_free(s->setting);
    hpo_free(s->mean);
    hpo_free(s->sd);
    hpo_free(s->white);
    hpo_free(s->sum);
    hpo_guided_fini(&s->guided);
}

/* ---- learning --------------------------------------------------------------------------------------------
 */

/* The rows of the condition: all, or the best and the latest of many. */
static hpo_status gather(additive_state *s, size_t *n, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    size_t d = g->n_dims, take = g->n_rows < MOST_ROWS ? g->n_rows : MOST_ROWS, best[MOST_ROWS / 2];
    HPO_TRY(hpo_reserve(&s->rows, &s->cap_rows, (take + 1) * d, sizeof *s->rows, err));
    HPO_TRY(hpo_reserve(&s->z, &s->cap_z, take + 1, sizeof *s->z, err));
    size_t from = g->n_rows - take, older = from > 0 ? MOST_ROWS / 2 : 0;
    if (older > 0) {
        from = g->n_rows - MOST_ROWS / 2;
        older = hpo_guided_best_rows(g, best, older);
    }
    *n = 0;
    for (size_t i = 0; i < older; i++) {
        if (best[i] >= from) continue;
        memcpy(s->rows + *n * d, g->known + best[i] * d, d * sizeof *s->rows);
        s->z[(*n)++] = g->z[best[i]];
    }
    memcpy(s->rows + *n * d, g->known + from * d, (g->n_rows - from) * d * sizeof *s->rows);
    memcpy(s->z + *n, g->z + from, (g->n_rows - from) * sizeof *s->z);
    *n += g->n_rows - from;
    return HPO_OK;
}

static hpo_status fit(additive_state *s, hpo_error *err)
{
    const hpo_guided *g = &s->guided;
    if (s->epoch == g->epoch) return HPO_OK;
    s->epoch = g->epoch;
    return hpo_additive_fit(s->model, g->known, g->z, g->fitted, err);
}

static hpo_status learn(additive_state *s, const hpo_view *view, hpo_error *err)
{
    size_t n, d = s->guided.n_dims;
    HPO_TRY(fit(s, err));
    HPO_TRY(gather(s, &n, err));
    HPO_TRY(hpo_additive_condition(s->model, s->rows, s->z, n, err));
    s->ei.best = (double)INFINITY; /* the model need not meet its data: improve on what it believes */
    for (size_t i = 0; i < n; i += CHUNK) {
        double mean[CHUNK], var[CHUNK];
        size_t k = n - i < CHUNK ? n - i : CHUNK;
        s->ei.posterior.ops->moments(s->model, s->rows + i * d, k, mean, var);
        for (size_t j = 0; j < k; j++)
            s->ei.best = fmin(s->ei.best, mean[j]);
    }
    if (view->n_pending == 0) return HPO_OK;
    HPO_TRY(hpo_reserve(&s->rows, &s->cap_rows, (n + view->n_pending + 1) * d, sizeof *s->rows, err));
    HPO_TRY(hpo_reserve(&s->z, &s->cap_z, n + view->n_pending + 1, sizeof *s->z, err));
    memcpy(s->rows + n * d, view->u_pending, view->n_pending * d * sizeof *s->rows);
    for (size_t i = 0; i < view->n_pending; i++) {
        double var;
        s->ei.posterior.ops->moments(s->model, s->rows + (n + i) * d, 1, s->z + n + i, &var);
    }
    return hpo_additive_condition(s->model, s->rows, s->z, n + view->n_pending, err);
}

/* ---- tables ----------------------------------------------------------------------------------------------
 */

/* Adds the coordinates that part p has in row u, unless they are there already. */
static void add_setting(additive_state *s, size_t p, const double *u)
{
    const hpo_additive_part *part = hpo_additive_part_at(s->model, p);
    size_t d = s->guided.n_dims, bytes = part->n_dims * sizeof *u;
    for (size_t i = s->first[p]; i < s->n_settings; i++)
        if (memcmp(s->setting + i * d + part->dim, u + part->dim, bytes) == 0) return;
    memcpy(s->setting + s->n_settings++ * d + part->dim, u + part->dim, bytes);
}

/* Settings of one part into the table: evenly over numbers, all labels and places if they are few; `row`: n
 * rows whose settings are added. */
static void list_settings(additive_state *s, size_t p, size_t most, const size_t *row, size_t n, double *u)
{
    const hpo_additive_part *part = hpo_additive_part_at(s->model, p);
    const hpo_axis *a = hpo_embed_axis(s->guided.embed, part->axis);
    const hpo_guided *g = &s->guided;
    int given = a->kind == HPO_AXIS_PERMUTATION || a->kind == HPO_AXIS_SIMPLEX;
    size_t values = a->kind == HPO_AXIS_REAL ? most : a->kind == HPO_AXIS_SUBSET ? 2 : a->n_values;
    size_t k = values < most ? values : most;
    for (size_t i = 0; i < k && !given; i++) {
        size_t place = k > 1 ? i * (values - 1) / (k - 1) : 0;
        u[part->dim] = a->kind == HPO_AXIS_REAL     ? (double)i / (double)(k - 1)
                       : a->kind == HPO_AXIS_SUBSET ? (i == 0 ? 0.25 : 0.75)
                       : a->places != NULL          ? a->places[place]
                                                    : ((double)place + 0.5) / (double)values;
        add_setting(s, p, u);
    }
    for (size_t i = 0; i < n; i++)
        add_setting(s, p, g->known + row[i] * g->n_dims);
}

static hpo_status tabulate(additive_state *s, const size_t *row, size_t n_best, hpo_error *err)
{
    size_t parts = hpo_additive_n_parts(s->model), d = s->guided.n_dims, most = ALL_SETTINGS / parts;
    if (most > SETTINGS) most = SETTINGS;
    if (most < 5) most = 5;
    size_t cap = parts * (most + n_best);
    hpo_additive_summary about;
    hpo_additive_describe(s->model, &about);
    size_t n = about.n_rows;
    HPO_TRY(hpo_reserve(&s->setting, &s->cap_setting, cap * d, sizeof *s->setting, err));
    HPO_TRY(hpo_reserve(&s->mean, &s->cap_mean, cap, sizeof *s->mean, err));
    HPO_TRY(hpo_reserve(&s->sd, &s->cap_sd, cap, sizeof *s->sd, err));
    HPO_TRY(hpo_reserve(&s->white, &s->cap_white, cap * n, sizeof *s->white, err));
    HPO_TRY(hpo_reserve(&s->sum, &s->cap_sum, 2 * n + 1, sizeof *s->sum, err));
    s->n_settings = 0;
    for (size_t i = 0; i < cap * d; i++)
        s->setting[i] = 0.5; /* the coordinates of other parts are never read, but must be numbers */
    double *u = s->found;
    for (size_t p = 0; p < parts; p++) {
        s->first[p] = s->n_settings;
        list_settings(s, p, most, row, n_best, u);
    }
    s->first[parts] = s->n_settings;
    double mean, scale;
    const double *weights = hpo_additive_weights(s->model, &mean, &scale);
    for (size_t p = 0; p < parts; p++)
        for (size_t i = s->first[p]; i < s->first[p + 1]; i++) {
            double *k = s->white + i * n;
            hpo_additive_part_row(s->model, p, s->setting + i * d, k);
            s->mean[i] = hpo_dot(k, weights, n);
        }
    hpo_additive_whiten(s->model, s->white, s->n_settings);
    for (size_t p = 0; p < parts; p++)
        for (size_t i = s->first[p]; i < s->first[p + 1]; i++) {
            double v =
                hpo_additive_part_variance(s->model, p) - hpo_dot(s->white + i * n, s->white + i * n, n);
            s->sd[i] = v > 0 ? sqrt(v) : 0;
        }
    return HPO_OK;
}

/* ---- climbing along axes ---------------------------------------------------------------------------------
 */

/* The setting of each part that is nearest to the row u. */
static void place_at(additive_state *s, const double *u)
{
    size_t parts = hpo_additive_n_parts(s->model), d = s->guided.n_dims;
    for (size_t p = 0; p < parts; p++) {
        const hpo_additive_part *part = hpo_additive_part_at(s->model, p);
        double least = (double)INFINITY;
        for (size_t i = s->first[p]; i < s->first[p + 1]; i++) {
            double sum = 0;
            for (size_t k = part->dim; k < part->dim + part->n_dims; k++) {
                double t = s->setting[i * d + k] - u[k];
                sum += isnan(t) ? isnan(s->setting[i * d + k]) != isnan(u[k]) : t * t;
            }
            if (!(sum < least)) continue;
            least = sum;
            s->at[p] = i;
        }
    }
}

/* The setting of each part with the least mean - by sd; parts that are inactive in u stay so. */
static void place_by_promise(additive_state *s, const double *u, double by)
{
    place_at(s, u);
    for (size_t p = 0; p < hpo_additive_n_parts(s->model); p++) {
        size_t dim = hpo_additive_part_at(s->model, p)->dim, d = s->guided.n_dims;
        double least = (double)INFINITY;
        for (size_t i = s->first[p]; i < s->first[p + 1] && !isnan(u[dim]); i++) {
            double v = s->mean[i] - by * s->sd[i];
            if (isnan(s->setting[i * d + dim]) || !(v < least)) continue;
            least = v;
            s->at[p] = i;
        }
    }
}

/* From s->at to a point that no change of one part makes better. */
static void climb(additive_state *s, hpo_rng *rng)
{
    hpo_additive_summary about;
    hpo_additive_describe(s->model, &about);
    size_t parts = hpo_additive_n_parts(s->model), n = about.n_rows, d = s->guided.n_dims;
    double mean, scale, prior = 0, value = -(double)INFINITY, *sum = s->sum, *rest = s->sum + n;
    (void)hpo_additive_weights(s->model, &mean, &scale);
    memset(sum, 0, n * sizeof *sum);
    for (size_t p = 0; p < parts; p++) {
        prior += hpo_additive_part_variance(s->model, p);
        mean += scale * s->mean[s->at[p]];
        hpo_axpy(n, 1, s->white + s->at[p] * n, sum);
        s->order[p] = p;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        int moved = 0;
        for (size_t k = 0; k < parts; k++) {
            size_t other = k + (size_t)hpo_rng_below(rng, parts - k), p = s->order[other], top = s->at[p];
            s->order[other] = s->order[k];
            s->order[k] = p;
            size_t dim = hpo_additive_part_at(s->model, p)->dim;
            if (isnan(s->setting[top * d + dim])) continue;
            memcpy(rest, sum, n * sizeof *rest);
            hpo_axpy(n, -1, s->white + top * n, rest);
            double base = mean - scale * s->mean[top], left = prior - hpo_dot(rest, rest, n);
            for (size_t i = s->first[p]; i < s->first[p + 1]; i++) {
                const double *q = s->white + i * n;
                if (isnan(s->setting[i * d + dim])) continue;
                double own = hpo_additive_part_variance(s->model, p) - s->sd[i] * s->sd[i];
                double v = left - 2 * hpo_dot(rest, q, n) - own;
                double sd = scale * sqrt(v > 1e-12 * prior ? v : 1e-12 * prior);
                double score = hpo_acq_log_ei(base + scale * s->mean[i], sd, s->ei.best, NULL, NULL);
                if (!(score > value)) continue;
                value = score;
                top = i;
            }
            if (top == s->at[p]) continue;
            moved = 1;
            s->at[p] = top;
            mean = base + scale * s->mean[top];
            memcpy(sum, rest, n * sizeof *sum);
            hpo_axpy(n, 1, s->white + top * n, sum);
        }
        if (!moved) return;
    }
}

static void write_out(const additive_state *s, double *u)
{
    for (size_t p = 0; p < hpo_additive_n_parts(s->model); p++) {
        const hpo_additive_part *part = hpo_additive_part_at(s->model, p);
        memcpy(u + part->dim, s->setting + s->at[p] * s->guided.n_dims + part->dim, part->n_dims * sizeof *u);
    }
}

static hpo_status search_axes(additive_state *s, hpo_rng *rng, size_t *n_found, hpo_error *err)
{
    static const double by[STARTS] = {0, 0.5, 1, 2};
    const hpo_guided *g = &s->guided;
    size_t row[STARTS], n = hpo_guided_best_rows(g, row, STARTS), d = g->n_dims;
    *n_found = 0;
    HPO_TRY(tabulate(s, row, n, err));
    for (size_t i = 0; i < n + STARTS; i++) {
        if (i < n)
            place_at(s, g->known + row[i] * d);
        else
            place_by_promise(s, g->known + row[0] * d, by[i - n]);
        climb(s, rng);
        write_out(s, s->found + (*n_found)++ * d);
    }
    return HPO_OK;
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static hpo_status additive_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                               hpo_error *err)
{
    additive_state *s = state;
    hpo_guided *g = &s->guided;
    hpo_search_options options = {.n_uniform = 64, .n_local = 64, .n_starts = 3, .given = s->found};
    HPO_TRY(hpo_guided_sync(g, view, err));
    if (hpo_guided_is_opening(g, view)) return hpo_guided_open(g, draw, rng, u_out, err);
    HPO_TRY(learn(s, view, err));
    HPO_TRY(search_axes(s, rng, &options.n_given, err));
    hpo_score score = {&s->ei, hpo_guided_log_ei, hpo_guided_log_ei_slope};
    return hpo_guided_maximise(g, view, &score, &options, rng, u_out, err);
}

double hpo_additive_trust(void *additive, const hpo_view *view)
{
    additive_state *s = additive;
    hpo_additive_summary about;
    if (hpo_guided_sync(&s->guided, view, NULL) != HPO_OK || s->model == NULL) return 0;
    if (s->guided.n_finite < 2 || fit(s, NULL) != HPO_OK) return 0;
    hpo_additive_describe(s->model, &about);
    return about.loo_correlation > 0 ? about.loo_correlation : 0;
}

static hpo_status additive_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                                   size_t *n_out, hpo_error *err)
{
    additive_state *s = state;
    const hpo_guided *g = &s->guided;
    hpo_str text = {0};
    double mean = (double)NAN, var = (double)NAN;
    (void)view;
    int model = g->origin == HPO_GUIDED_MODEL && s->model != NULL;
    if (model) s->ei.posterior.ops->moments(s->model, u, 1, &mean, &var);
    hpo_guided_account(g, "sum of one-parameter functions", "log_ei", mean, var, &text);
    if (model) {
        hpo_additive_summary about;
        hpo_additive_describe(s->model, &about);
        hpo_str_json_member(&text, "noise_sd", sqrt(about.noise_variance));
        hpo_str_json_member(&text, "rank_correlation", about.loo_correlation);
        hpo_str_addf(&text, ",\"variance\":{");
        size_t parts = hpo_additive_n_parts(s->model);
        double sum = 0, own = 0;
        for (size_t p = 0; p < parts; p++)
            sum += hpo_additive_part_variance(s->model, p);
        for (size_t p = 0; p < parts; p++) {
            uint32_t param = hpo_embed_axis(g->embed, hpo_additive_part_at(s->model, p)->axis)->param;
            own += hpo_additive_part_variance(s->model, p);
            if (p + 1 < parts &&
                hpo_embed_axis(g->embed, hpo_additive_part_at(s->model, p + 1)->axis)->param == param)
                continue; /* entries of a vector, items of a subset */
            hpo_str_json(&text, g->space->params[param].name);
            hpo_str_addf(&text, ":%.4g%s", own / sum, p + 1 < parts ? "," : "");
            own = 0;
        }
        hpo_str_addf(&text, "}");
    }
    hpo_str_addf(&text, "}");
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_additive = {
    .size = sizeof(hpo_sampler_ops),
    .name = "additive",
    .help = "Bayesian optimisation with a sum of one-parameter functions: many valleys along each parameter, "
            "little interplay.",
    .reference = "Duvenaud, Nickisch & Rasmussen, NIPS (2011); Kandasamy, Schneider & Poczos, ICML (2015)",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_HISTORY,
    .options = additive_options,
    .n_options = sizeof additive_options / sizeof additive_options[0],
    .config_size = sizeof(additive_config),
    .state_size = sizeof(additive_state),
    .init = additive_init,
    .ask = additive_ask,
    .fini = additive_fini,
    .explain = additive_explain,
};
