/* SPDX-License-Identifier: Apache-2.0 */
/* sampler/auto.c - the default: a portfolio of samplers on one study.
 *
 * No single model wins everywhere: Gaussian processes lead on smooth functions, tree-structured density
 * estimates and forests on rough and categorical ones, local quadratics at the end of curved valleys, trust
 * regions where there are many parameters.  All members see all results; each ask goes to one of them.
 *
 * The opening is quasi-random: d + 1 points, between 5 and 10.  Where there are only numbers and N planned
 * trials leave room it is wide,
 *
 *     w = min(8 d, N / 5, (N - 24 d) / 2), if that is at least 4 d:
 *
 * a search that begins in the best of few points ends in whatever valley that was, and models of few results
 * lead there too.  With fewer trials a dimension covering the space costs more than it saves; in noisy
 * studies nothing was gained.
 *
 * Then each member gets a share of the asks.  Among numbers the local search gets three quarters after a wide
 * opening, else a tenth until there are 15 results a dimension, since a quadratic of few results is a guess,
 * and then half.  From 10 to 20 numbers this tenth goes over, bit by bit, to three tenths for the trust
 * region: so many dimensions are too many for a quadratic and for a search of the whole space alone.  With
 * labels or mostly integers the process answers alone; with conditions a tenth of the asks polishes the best
 * branch and looks where densities point.  Under declared noise the densities take two fifths.  From 20
 * results on shares go by
 *
 *     r, the rank correlation of the process's leave-one-out predictions with the results:
 *
 * where nothing can be foretold there is nothing to polish.  The trust region keeps the part r of its share,
 * and the process has the rest.  The process keeps all of its share among numbers, but after a wide opening
 * the part min(1, 2 r), and the local search has the rest; elsewhere the same part, and the density estimates
 * have the rest.  (Among numbers they would harm: unsure of a function, the process spreads its trials, they
 * cluster them.)  Where a sum of one-parameter functions foretells better than the process (Fisher's
 * transform of its correlation is larger by 0.05 to 0.3), it gets up to three tenths of all asks: it sorts
 * out many valleys along each axis.  Among numbers it waits for d (d + 1) / 6 results, since of fewer the
 * simpler model always seems the better one.  Beyond `gp_rows` results, where a Gaussian process costs tens
 * of milliseconds a proposal, the density estimates take its share.  Which member answers draw n is read off
 * the sequence n x golden ratio, so that members alternate as evenly as their shares allow; all is a function
 * of the told results and can be recomputed.
 *
 * The table comes from bench/results/ (docs/benchmarks.md).  With several objectives the points are
 * quasi-random.
 *
 * References: hedging over models, Hoffman, Brochu & de Freitas, "Portfolio allocation for Bayesian
 * optimization", UAI (2011); complementarity of optimisers: arXiv 2506.06143. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "math/func.h"
#include "sampler/builtin.h"
#include "sampler/evidence.h"
#include "sampler/opening.h"
#include "sampler/registry.h"
#include "space/space.h"

enum {
    MEMBER_GP,
    MEMBER_LOCAL,
    MEMBER_TPE,
    MEMBER_FOREST,
    MEMBER_TURBO,
    MEMBER_SPHERE,
    MEMBER_ADDITIVE,
    MEMBER_SPREAD,
    N_MEMBERS
};
enum {
    CONTINUOUS,
    MIXED /* labels, or mostly integers */,
    BRANCHED /* conditions */,
    MANY /* many numbers */
};
enum {
    SOME_DIMS = 10,
    MANY_DIMS = 20,
    WIDE = 8 /* points a dimension */,
    EARLY = 15 /* results a dimension */,
    SURE = 20 /* results: correlations of fewer say little */
};

static const struct {
    const char *name, *spec;
} members[N_MEMBERS] = {{"gp", "gp:initial=2"},
                        {"local", "local:initial=2"},
                        {"tpe", "tpe:initial=2"},
                        {"forest", "forest:initial=2"},
                        {"turbo", "turbo:initial=2"},
                        {"sphere", "sphere:initial=2"},
                        {"additive", "additive:initial=2"},
                        {"sobol", NULL}};

typedef struct auto_config {
    int64_t initial, gp_rows;
    double share[MEMBER_SPREAD]; /* -1: by the table and the evidence */
} auto_config;

typedef struct auto_state {
    const auto_config *config;
    hpo_opening opening;
    hpo_sampler member[MEMBER_SPREAD]; /* those that are open */
    double base[N_MEMBERS];
    size_t n_dims;
    int kind;      /* of the space */
    double region; /* of the trust region's share among numbers: 0 up to SOME_DIMS, 1 at MANY_DIMS */
    /* of the last ask */
    double share[N_MEMBERS];
    int last;
} auto_state;

#define SHARE(i, name, what)                                                                                 \
    {                                                                                                        \
        name, "share of the asks for " what "; -1: by the kind of space and the evidence", HPO_OPT_REAL,     \
            offsetof(auto_config, share) + (i) * sizeof(double), -1, -1, 1, NULL                             \
    }

static const hpo_option auto_options[] = {
    {"initial",
     "quasi-random points at the start; -1: dimensions + 1, between 5 and 10; with numbers only and 32 or "
     "more trials planned a dimension up to 8 a dimension",
     HPO_OPT_INT, offsetof(auto_config, initial), -1, -1, 1 << 20, NULL},
    {"gp_rows", "results beyond which the Gaussian process is no longer asked", HPO_OPT_INT,
     offsetof(auto_config, gp_rows), 1000, 0, 1 << 20, NULL},
    SHARE(MEMBER_GP, "gp", "the Gaussian process"),
    SHARE(MEMBER_LOCAL, "local", "the local quadratic"),
    SHARE(MEMBER_TPE, "tpe", "the density estimates"),
    SHARE(MEMBER_FOREST, "forest", "the random forest"),
    SHARE(MEMBER_TURBO, "turbo", "the trust region"),
    SHARE(MEMBER_SPHERE, "sphere", "the linear model on a sphere"),
    SHARE(MEMBER_ADDITIVE, "additive", "the sum of one-parameter functions"),
};

/* ---- setting up --------------------------------------------------------------------------------- */

/* Shares by the kind of space; local and density estimates get more where values are noisy. */
static void set_bases(auto_state *s, const hpo_space *space)
{
    static const double bases[4][N_MEMBERS] = {
        /* gp, local, tpe, forest, turbo, sphere, additive (at most, of all), sobol */
        [CONTINUOUS] = {0.5, 0.5, 0, 0, 0 /* up to 0.3, below */, 0, 0.3, 0},
        [MIXED] = {1, 0, 0, 0, 0, 0, 0.3, 0},
        [BRANCHED] = {0.9, 0.05, 0.05, 0, 0, 0, 0.3, 0},
        [MANY] = {0.3, 0, 0, 0, 0.45, 0.25, 0.3, 0},
    };
    uint32_t needs = hpo_space_needs(space);
    size_t floats = 0;
    int labels = (needs & HPO_CAP_STRUCTURED) != 0;
    for (size_t i = 0; i < space->n_params; i++) {
        floats += space->params[i].kind == HPO_KIND_FLOAT;
        labels |= space->params[i].kind == HPO_KIND_CATEGORICAL;
    }
    s->kind = needs & HPO_CAP_CONDITIONAL              ? BRANCHED
              : labels || 2 * floats < space->n_params ? MIXED
              : s->n_dims > MANY_DIMS                  ? MANY
                                                       : CONTINUOUS;
    memcpy(s->base, bases[s->kind], sizeof s->base);
    if (s->kind == CONTINUOUS && s->n_dims > SOME_DIMS)
        s->region = (double)(s->n_dims - SOME_DIMS) / (MANY_DIMS - SOME_DIMS);
    s->base[MEMBER_TURBO] += 0.3 * s->region;
}

static hpo_status auto_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                            hpo_error *err)
{
    auto_state *s = state;
    s->config = config;
    s->n_dims = hpo_space_n_dims(space);
    set_bases(s, space);
    HPO_TRY(hpo_opening_init(&s->opening, space, seed, err));
    for (int i = 0; i < MEMBER_SPREAD; i++) {
        if (s->config->share[i] >= 0) s->base[i] = s->config->share[i];
        int open = s->base[i] > 0 || ((i == MEMBER_TPE || i == MEMBER_LOCAL) && s->base[MEMBER_GP] > 0);
        if (!open) continue;
        HPO_TRY(hpo_sampler_open(members[i].spec, space, 1, 0, seed, &s->member[i], err));
    }
    return HPO_OK;
}

static void auto_fini(void *state)
{
    auto_state *s = state;
    for (int i = 0; i < MEMBER_SPREAD; i++)
        hpo_sampler_close(&s->member[i]);
    hpo_opening_fini(&s->opening);
}

/* ---- who answers ----------------------------------------------------------------------------------- */

static int can(const auto_state *s, int i, const hpo_view *view)
{
    uint32_t caps = s->member[i].ops != NULL ? s->member[i].ops->caps : 0;
    return s->member[i].ops != NULL && (view->n_objectives == 1 || (caps & HPO_CAP_MULTI_OBJECTIVE) != 0) &&
           (view->n_outcomes == 0 || (caps & HPO_CAP_OUTCOMES) != 0);
}

/* How many points the opening has; *wide: enough to cover the space. */
static size_t opening_size(const auto_state *s, const hpo_view *view, int *wide)
{
    size_t few = hpo_opening_size(s->n_dims, s->config->initial), d = s->n_dims;
    size_t n = view->planned > 0 ? (size_t)view->planned : 0, most = (size_t)WIDE * d;
    *wide = 0;
    if (s->config->initial >= 0 || s->kind != CONTINUOUS || view->noisy || n <= 24 * d) return few;
    if (most > n / 5) most = n / 5;
    if (most > (n - 24 * d) / 2) most = (n - 24 * d) / 2;
    *wide = most > few && 2 * most >= WIDE * d;
    return *wide ? most : few;
}

/* Fisher's transform of a correlation: on this scale differences of any size have the same error. */
static double fisher(double r)
{
    r = fmin(r, 0.999);
    return 0.5 * hpo_log((1 + r) / (1 - r));
}

/* What the sum of one-parameter functions gets of all asks: nothing unless it foretells better than the
 * process. */
static double additive_share(const auto_state *s, const hpo_view *view)
{
    double share = s->base[MEMBER_ADDITIVE];
    if (s->config->share[MEMBER_ADDITIVE] >= 0) return share;
    int guess = s->kind == CONTINUOUS && 6 * view->n_done < s->n_dims * (s->n_dims + 1);
    if (view->n_done < SURE || guess || view->n_done > (size_t)s->config->gp_rows || share <= 0) return 0;
    int gp = s->member[MEMBER_GP].ops != NULL;
    double other = gp ? hpo_gp_trust(s->member[MEMBER_GP].state, view) : 0;
    double ahead = fisher(hpo_additive_trust(s->member[MEMBER_ADDITIVE].state, view)) - fisher(other);
    return share * fmin(1, fmax(0, (ahead - 0.05) / 0.25));
}

static void find_shares(auto_state *s, const hpo_view *view, int wide)
{
    const double *fixed = s->config->share;
    double sum = 0, base[N_MEMBERS], gp = -1, local = -1, tpe = -1, turbo = -1;
    int model = can(s, MEMBER_GP, view) && view->n_done <= (size_t)s->config->gp_rows;
    double trust = model && view->n_done >= SURE ? hpo_gp_trust(s->member[MEMBER_GP].state, view) : 1;
    int numbers = s->kind == CONTINUOUS && !wide && !view->noisy;
    memcpy(base, s->base, sizeof base);
    if (wide) {
        gp = 0.25, local = 0.75, turbo = 0;
    } else if (view->noisy && s->kind != MANY) {
        gp = 0.5, local = 0.1, tpe = 0.4, turbo = 0;
    } else if (numbers) {
        local = view->n_done < (size_t)EARLY * s->n_dims ? 0.1 * (1 - s->region) : 0.5;
        turbo = base[MEMBER_TURBO] * trust;
        gp = 1 - local - turbo;
    }
    if (gp >= 0 && fixed[MEMBER_GP] < 0) base[MEMBER_GP] = gp;
    if (local >= 0 && fixed[MEMBER_LOCAL] < 0) base[MEMBER_LOCAL] = local;
    if (tpe >= 0 && fixed[MEMBER_TPE] < 0) base[MEMBER_TPE] = tpe;
    if (turbo >= 0 && fixed[MEMBER_TURBO] < 0) base[MEMBER_TURBO] = turbo;
    for (int i = 0; i < MEMBER_SPREAD; i++)
        s->share[i] = can(s, i, view) ? base[i] : 0;
    s->share[MEMBER_SPREAD] = s->share[MEMBER_ADDITIVE] = 0;
    if (s->share[MEMBER_GP] > 0) {
        double keep = !model ? 0 : numbers || fixed[MEMBER_GP] >= 0 ? 1 : fmin(1, 2 * trust);
        int other = wide ? MEMBER_LOCAL : MEMBER_TPE;
        if (can(s, other, view)) s->share[other] += (1 - keep) * s->share[MEMBER_GP];
        s->share[MEMBER_GP] *= keep;
    }
    for (int i = 0; i < N_MEMBERS; i++)
        sum += s->share[i];
    double additive = can(s, MEMBER_ADDITIVE, view) ? additive_share(s, view) : 0;
    for (int i = 0; i < N_MEMBERS; i++)
        s->share[i] = sum > 0 ? s->share[i] / sum * (1 - additive) : i == MEMBER_SPREAD;
    if (sum > 0) s->share[MEMBER_ADDITIVE] = additive;
}

static int choose(const auto_state *s, uint64_t draw)
{
    static const uint64_t golden = 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
    double t = (double)((draw * golden) >> 11) * 0x1p-53, sum = 0;
    int last = MEMBER_SPREAD;
    for (int i = 0; i < N_MEMBERS; i++) {
        if (s->share[i] <= 0) continue;
        last = i;
        sum += s->share[i];
        if (t < sum) return i;
    }
    return last;
}

static hpo_status auto_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                           hpo_error *err)
{
    auto_state *s = state;
    int wide;
    size_t initial = opening_size(s, view, &wide);
    size_t measured = 0;
    for (size_t i = 0; i < view->n_done && measured < 2; i++)
        measured += isnan(view->y[i * view->n_objectives]) ? 0 : 1;
    if (view->n_done + view->n_pending < initial || measured < 2) {
        memset(s->share, 0, sizeof s->share);
        s->share[MEMBER_SPREAD] = 1;
    } else {
        find_shares(s, view, wide);
    }
    s->last = choose(s, draw);
    if (s->last == MEMBER_SPREAD) return hpo_opening_ask(&s->opening, draw, rng, u_out, err);
    const hpo_sampler *m = &s->member[s->last];
    return m->ops->ask(m->state, view, draw, rng, u_out, err);
}

static hpo_status auto_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    auto_state *s = state;
    for (int i = 0; i < MEMBER_SPREAD; i++)
        if (can(s, i, view) && s->member[i].ops->tell != NULL)
            HPO_TRY(s->member[i].ops->tell(s->member[i].state, view, row, err));
    return HPO_OK;
}

/* ---- what it says ------------------------------------------------------------------------------------- */

static hpo_status auto_explain(void *state, const hpo_view *view, const double *u, char *buf, size_t cap,
                               size_t *n_out, hpo_error *err)
{
    auto_state *s = state;
    const hpo_sampler_ops *ops = s->last < MEMBER_SPREAD ? s->member[s->last].ops : NULL;
    hpo_str text = {0};
    hpo_str_addf(&text, "{\"member\":\"%s\",\"shares\":{", members[s->last].name);
    for (int i = 0, comma = 0; i < N_MEMBERS; i++) {
        if (s->share[i] <= 0) continue;
        hpo_str_addf(&text, "%s\"%s\":%.3g", comma ? "," : "", members[i].name, s->share[i]);
        comma = 1;
    }
    hpo_str_add(&text, "}");
    if (ops != NULL && ops->explain != NULL) {
        void *member = s->member[s->last].state;
        size_t n = 0;
        hpo_status status = ops->explain(member, view, u, NULL, 0, &n, err);
        char *own = status == HPO_OK ? hpo_alloc(n + 1) : NULL;
        if (status == HPO_OK && own == NULL) status = hpo_fail_memory(err);
        if (status == HPO_OK) status = ops->explain(member, view, u, own, n, &n, err);
        if (status == HPO_OK && n > 2) { /* the member's own object, without its opening brace */
            hpo_str_addc(&text, ',');
            hpo_str_addn(&text, own + 1, n - 2);
        }
        hpo_free(own);
        if (status != HPO_OK) {
            hpo_str_fini(&text);
            return status;
        }
    }
    hpo_str_addc(&text, '}');
    return hpo_str_hand_out(&text, buf, cap, n_out, err);
}

const hpo_sampler_ops hpo_sampler_auto = {
    .size = sizeof(hpo_sampler_ops),
    .name = "auto",
    .help =
        "Chooses among Gaussian process, density estimates, forest and local search by the space and by what "
        "predicts best: the default.",
    .reference = "Hoffman, Brochu & de Freitas, UAI (2011); arXiv 2506.06143",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONSTRAINTS | HPO_CAP_STRUCTURED |
            HPO_CAP_CONTINUOUS | HPO_CAP_DEPENDENT | HPO_CAP_MULTI_OBJECTIVE | HPO_CAP_OUTCOMES |
            HPO_CAP_HISTORY,
    .options = auto_options,
    .n_options = sizeof auto_options / sizeof auto_options[0],
    .config_size = sizeof(auto_config),
    .state_size = sizeof(auto_state),
    .init = auto_init,
    .ask = auto_ask,
    .tell = auto_tell,
    .fini = auto_fini,
    .explain = auto_explain,
};
