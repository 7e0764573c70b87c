/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every registered sampler: the built-in ones and a third-party one that is registered here.
 *
 * HPO_UPDATE_GOLDEN=1 rewrites tests/golden/asks/NAME.csv.  Those files guard determinism (the same
 * suggestions from every compiler, today and tomorrow), not correctness: a deliberate change of a sampler is
 * noted in CHANGELOG.md and rewrites its file. */
#include "hpo/sampler.h"

#include "base/error.h"
#include "base/options.h"
#include "base/str.h"
#include "math/rng.h"
#include "sampler/registry.h"
#include "space/space.h"
#include "t.h"

enum { DRAWS = 64, MAX_DIMS = 64, MAX_COLUMNS = 64, SEED = 11 };

/* ---- a third party's sampler ------------------------------------------------------------------- */

/* Every coordinate 0, 1/2 or 1: counts its asks in `salt`'s shadow only, so it stays pure.  It declares no
 * constraints and no structured parameters, so that the suite sees refusals. */
typedef struct corner_config {
    int64_t salt;
} corner_config;
typedef struct corner_state {
    size_t n_dims;
    uint64_t salt, told;
} corner_state;

static const hpo_option corner_options[] = {
    {"salt", "another set of corners", HPO_OPT_INT, offsetof(corner_config, salt), 0, 0, 100, NULL}};

static hpo_status corner_init(void *state, const void *config, const hpo_space *space, uint64_t seed,
                              hpo_error *err)
{
    (void)seed, (void)err;
    corner_state *s = state;
    s->n_dims = hpo_space_n_dims(space);
    s->salt = (uint64_t)((const corner_config *)config)->salt;
    return HPO_OK;
}

static hpo_status corner_ask(void *state, const hpo_view *view, uint64_t draw, hpo_rng *rng, double *u_out,
                             hpo_error *err)
{
    (void)view, (void)draw, (void)err;
    const corner_state *s = state;
    for (size_t i = 0; i < s->n_dims; i++)
        u_out[i] = (double)((hpo_rng_below(rng, 3) + s->salt + s->told) % 3) / 2;
    return HPO_OK;
}

static hpo_status corner_tell(void *state, const hpo_view *view, size_t row, hpo_error *err)
{
    (void)view, (void)row, (void)err;
    ((corner_state *)state)->told++;
    return HPO_OK;
}

static hpo_status corner_save(const void *state, void *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    (void)err;
    *n_out = sizeof(uint64_t);
    if (cap >= *n_out) memcpy(buf, &((const corner_state *)state)->told, *n_out);
    return HPO_OK;
}

static hpo_status corner_load(void *state, const void *buf, size_t n, hpo_error *err)
{
    if (n != sizeof(uint64_t)) return hpo_fail(err, HPO_ECORRUPT, "saved state of %zu bytes", n);
    memcpy(&((corner_state *)state)->told, buf, n);
    return HPO_OK;
}

static const hpo_sampler_ops corner = {
    .size = sizeof(hpo_sampler_ops),
    .name = "test-corner",
    .help = "Corners of the cube, for tests.",
    .reference = "tests/conform/sampler.c",
    .caps = HPO_CAP_DISCRETE | HPO_CAP_CONDITIONAL | HPO_CAP_CONTINUOUS | HPO_CAP_HISTORY,
    .options = corner_options,
    .n_options = 1,
    .config_size = sizeof(corner_config),
    .state_size = sizeof(corner_state),
    .init = corner_init,
    .ask = corner_ask,
    .tell = corner_tell,
    .save = corner_save,
    .load = corner_load,
};

static int is_builtin(const hpo_sampler_ops *ops)
{
    return ops != &corner;
}

/* ---- spaces -------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text, *constraint;
} matrix[] = {
    {"1-D", "x: -3..7", NULL},
    {"continuous", "x: 0..1; lr: log 1e-5..1; p: logit 0.01..0.99; y: -5..10", NULL},
    {"mixed",
     "lr: log 1e-5..1; n: int 1..64; k: 0..1 step 0.25; opt: sgd,adam,rms; fast: bool; size: 1,2,4,8", NULL},
    {"conditional",
     "opt: sgd,adam; mom: 0..0.99 if opt == sgd; nest: bool if opt == sgd; m2: 0..1 if nest; b: 0.5..1 if "
     "opt == adam",
     NULL},
    {"constrained", "a: 0..1; b: 0..1; n: int 1..10", "a + b <= 1 and n * a <= 6"},
    {"narrow", "a: 0..1; b: 0..1", "abs(a - b) < 0.01"},
    {"dependent", "lo: int 1..20; hi: int lo..40; part: 0..lo", NULL},
    {"structured", "order: perm 4; mix: simplex 3; some: subset a,b,c,d; v: vector 2 0..1", NULL},
    {"finite", "opt: sgd,adam,rms; n: int 1..4; fast: bool", "n > 1 or fast"},
    {"fidelity", "lr: log 1e-5..1; n: int 1..64; epochs: fidelity 1..81", NULL},
    {"constants", "a: const 3", NULL},
    {"40-D", NULL, NULL},
};
enum { N_SPACES = sizeof matrix / sizeof matrix[0] };

static hpo_space *make_space(const char *text, const char *constraint)
{
    hpo_error err;
    hpo_space *s;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    if (constraint != NULL) assert_ok(hpo_space_add_constraint(s, constraint, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    assert_true(hpo_space_n_dims(s) <= MAX_DIMS && hpo_space_n_columns(s) <= MAX_COLUMNS);
    return s;
}

static hpo_space *matrix_space(size_t i)
{
    if (matrix[i].text != NULL) return make_space(matrix[i].text, matrix[i].constraint);
    char text[2048] = "";
    for (size_t j = 0; j < 40; j++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "x%zu: -1..1;", j);
    return make_space(text, NULL);
}

/* ---- asking --------------------------------------------------------------------------------------- */

static const hpo_view no_view = {.size = sizeof(hpo_view), .n_objectives = 1};

static hpo_status ask(hpo_sampler *s, const hpo_view *view, uint64_t draw, double *u, hpo_error *err)
{
    hpo_rng rng;
    hpo_rng_init(&rng, SEED, draw, HPO_RNG_SAMPLER);
    return s->ops->ask(s->state, view, draw, &rng, u, err);
}

/* u is a point of the cube and stands for a valid configuration, inactive parameters and all. */
static void check_point(const hpo_sampler *s, const hpo_space *space, const char *where, uint64_t draw,
                        const double *u)
{
    double x[MAX_COLUMNS], back[MAX_DIMS], again[MAX_COLUMNS];
    hpo_error err;
    for (size_t j = 0; j < hpo_space_n_dims(space); j++)
        if (!isnan(u[j]) && !(u[j] >= 0 && u[j] <= 1))
            fail_msg("%s on %s, draw %d: u[%zu] = %.17g", s->ops->name, where, (int)draw, j, u[j]);
    hpo_space_decode(space, u, x);
    if (hpo_space_validate(space, x, &err) != HPO_OK)
        fail_msg("%s on %s, draw %d: %s", s->ops->name, where, (int)draw, err.msg);
    assert_true(hpo_space_feasible(space, x));
    hpo_space_encode(space, x, back);
    hpo_space_decode(space, back, again);
    assert_same_doubles(x, again, hpo_space_n_columns(space));
}

/* Asks draws 0..n-1 in order; returns how many there were before HPO_DONE (which must then stay). */
static size_t ask_all(hpo_sampler *s, const hpo_space *space, const char *where, size_t n, double *u)
{
    hpo_error err;
    size_t got = n;
    for (size_t i = 0; i < n; i++) {
        double *row = u + i * MAX_DIMS;
        memset(row, 0, MAX_DIMS * sizeof *row);
        hpo_status rc = ask(s, &no_view, i, row, &err);
        if (rc == HPO_DONE) {
            got = got < i ? got : i;
            continue;
        }
        assert_int_equal(got, n); /* nothing comes after HPO_DONE */
        assert_ok(rc, err);
        check_point(s, space, where, i, row);
    }
    return got;
}

/* Opens ops with its defaults on a space.  0: refused, and rightly so. */
static int open_or_refused(const hpo_sampler_ops *ops, const char *spec, const hpo_space *space,
                           const char *where, hpo_sampler *out)
{
    hpo_error err = {HPO_OK, ""};
    uint32_t needs = hpo_sampler_needs(space, 1, 0);
    hpo_status rc = hpo_sampler_open(spec, space, 1, 0, SEED, out, &err);
    if (rc == HPO_OK) {
        assert_int_equal(needs & ~ops->caps, 0);
        return 1;
    }
    assert_null(out->ops);
    if (rc == HPO_EUNSUPPORTED && (needs & ~ops->caps) != 0) {
        assert_contains(err.msg, "choose");
        return 0;
    }
    /* A sampler may refuse the size of a space, with a sentence that names it and a way out. */
    if (rc != HPO_EINVAL || strstr(err.msg, ops->name) == NULL || strstr(err.msg, "use") == NULL)
        fail_msg("%s on %s: %s: %s", spec, where, hpo_status_name(rc), err.msg);
    return 0;
}

#define EACH_SAMPLER(ops, i)                                                                                 \
    size_t i = 0;                                                                                            \
    (ops = hpo_sampler_at(i)) != NULL;                                                                       \
    i++

/* ---- tests ------------------------------------------------------------------------------------------ */

static void test_describes_itself(void **state)
{
    (void)state;
    const hpo_sampler_ops *ops;
    size_t n = 0;
    for (EACH_SAMPLER(ops, i)) {
        hpo_error err;
        n++;
        assert_ptr_equal(hpo_sampler_find(ops->name), ops);
        assert_int_equal(ops->size, sizeof *ops);
        assert_non_null(ops->ask);
        assert_true(strlen(ops->help) > 20 && ops->help[strlen(ops->help) - 1] == '.');
        assert_true(strlen(ops->reference) > 8);
        assert_true((ops->save == NULL) == (ops->load == NULL));
        assert_ok(hpo_options_check(ops->options, ops->n_options, ops->name, ops->config_size, &err), err);
        for (uint32_t bit = 1; bit != 0; bit <<= 1)
            assert_true((ops->caps & bit) == 0 || hpo_sampler_cap_name(bit) != NULL);
    }
    assert_true(n >= 7);
    assert_non_null(hpo_sampler_find(HPO_DEFAULT_SAMPLER));
    for (uint32_t bit = HPO_CAP_DISCRETE; bit <= HPO_CAP_EXHAUSTS; bit <<= 1)
        assert_non_null(hpo_sampler_cap_name(bit));
    assert_null(hpo_sampler_cap_name(1u << 31));
    /* a need that nobody meets */
    hpo_error err;
    assert_fails(hpo_sampler_check(&corner, 1u << 31, &err), HPO_EUNSUPPORTED, err, "(none registered)");
}

static void test_every_space(void **state)
{
    (void)state;
    static double u[DRAWS * MAX_DIMS];
    const hpo_sampler_ops *ops;
    for (size_t m = 0; m < N_SPACES; m++) {
        hpo_space *space = matrix_space(m);
        for (EACH_SAMPLER(ops, i)) {
            hpo_sampler s;
            if (!open_or_refused(ops, ops->name, space, matrix[m].name, &s)) continue;
            assert_true(ask_all(&s, space, matrix[m].name, DRAWS, u) > 0);
            hpo_sampler_close(&s);
        }
        hpo_space_free(space);
    }
}

/* Draws in any order, repeated, on another instance: the same bits. */
static void test_pure_in_draw(void **state)
{
    (void)state;
    static double u[DRAWS * MAX_DIMS];
    t_rng r = t_rng_create();
    const hpo_sampler_ops *ops;
    for (size_t m = 0; m < N_SPACES; m++) {
        hpo_space *space = matrix_space(m);
        for (EACH_SAMPLER(ops, i)) {
            hpo_sampler a, b;
            hpo_error err;
            if (!open_or_refused(ops, ops->name, space, matrix[m].name, &a)) continue;
            size_t n = ask_all(&a, space, matrix[m].name, DRAWS, u);
            assert_ok(hpo_sampler_open(ops->name, space, 1, 0, SEED, &b, &err), err);
            for (size_t k = 0; k < 2 * DRAWS; k++) {
                double v[MAX_DIMS] = {0};
                uint64_t draw = (uint64_t)t_int(&r, 0, DRAWS - 1);
                hpo_status rc = ask(k % 2 ? &a : &b, &no_view, draw, v, &err);
                assert_int_equal(rc, draw < n ? HPO_OK : HPO_DONE);
                if (rc == HPO_OK) assert_same_doubles(v, u + draw * MAX_DIMS, hpo_space_n_dims(space));
            }
            hpo_sampler_close(&a);
            hpo_sampler_close(&b);
        }
        hpo_space_free(space);
    }
}

static void test_seeds_differ(void **state)
{
    (void)state;
    hpo_space *space = matrix_space(1);
    const hpo_sampler_ops *ops;
    for (EACH_SAMPLER(ops, i)) {
        /* a plain grid knows no chance; its random order does */
        const char *spec = strcmp(ops->name, "grid") == 0 ? "grid:shuffle=yes" : ops->name;
        hpo_error err;
        int differ = 0;
        for (uint64_t seed = 0; seed < 4; seed++) {
            hpo_sampler a, b;
            assert_ok(hpo_sampler_open(spec, space, 1, 0, seed, &a, &err), err);
            assert_ok(hpo_sampler_open(spec, space, 1, 0, seed + 1, &b, &err), err);
            for (uint64_t draw = 0; draw < 4; draw++) {
                double u[MAX_DIMS], v[MAX_DIMS];
                hpo_rng p, q;
                hpo_rng_init(&p, seed, draw, HPO_RNG_SAMPLER);
                hpo_rng_init(&q, seed + 1, draw, HPO_RNG_SAMPLER);
                assert_ok(ops->ask(a.state, &no_view, draw, &p, u, &err), err);
                assert_ok(ops->ask(b.state, &no_view, draw, &q, v, &err), err);
                differ += memcmp(u, v, hpo_space_n_dims(space) * sizeof *u) != 0;
            }
            hpo_sampler_close(&a);
            hpo_sampler_close(&b);
        }
        assert_true(differ >= 12);
    }
    hpo_space_free(space);
}

/* Results advance the state by tell alone, in the same way for two instances, and through save and load. */
static void test_fold_of_results(void **state)
{
    (void)state;
    enum { ROWS = 24 };
    hpo_space *space = matrix_space(3);
    size_t dims = hpo_space_n_dims(space);
    const hpo_sampler_ops *ops;
    for (EACH_SAMPLER(ops, i)) {
        static double u[ROWS * MAX_DIMS], packed[ROWS * MAX_DIMS];
        double y[ROWS], sem[ROWS], cost[ROWS] = {0};
        uint8_t ends[ROWS];
        int64_t number[ROWS];
        hpo_sampler a, b, c;
        hpo_error err;
        if (!open_or_refused(ops, ops->name, space, "conditional", &a)) continue;
        assert_ok(hpo_sampler_open(ops->name, space, 1, 0, SEED, &b, &err), err);
        assert_ok(hpo_sampler_open(ops->name, space, 1, 0, SEED, &c, &err), err);
        size_t n = ask_all(&a, space, "conditional", ROWS, u);
        for (size_t k = 0; k < n; k++) {
            double x[MAX_COLUMNS];
            hpo_space_decode(space, u + k * MAX_DIMS, x);
            hpo_space_encode(space, x, packed + k * dims);
            number[k] = (int64_t)k;
            ends[k] = k % 5 == 4 ? HPO_STATE_FAILED : HPO_STATE_COMPLETE;
            y[k] = k % 5 == 4 ? (double)NAN : (double)((k * 7) % 11);
            sem[k] = (double)NAN;
        }
        hpo_view view = {.size = sizeof view,
                         .n_dims = dims,
                         .n_objectives = 1,
                         .u = packed,
                         .y = y,
                         .sem = sem,
                         .cost = cost,
                         .state = ends,
                         .number = number};
        for (size_t k = 0; k < n; k++) {
            view.n_done = k + 1;
            if (ops->tell == NULL) continue;
            assert_ok(ops->tell(a.state, &view, k, &err), err);
            assert_ok(ops->tell(b.state, &view, k, &err), err);
        }
        if (ops->save != NULL) {
            size_t need = 0, same = 0;
            static unsigned char bytes[1 << 20];
            assert_ok(ops->save(a.state, NULL, 0, &need, &err), err);
            assert_true(need <= sizeof bytes);
            assert_ok(ops->save(a.state, bytes, need, &same, &err), err);
            assert_int_equal(same, need);
            assert_ok(ops->load(c.state, bytes, need, &err), err);
            assert_true(need == 0 || ops->load(b.state, bytes, need - 1, NULL) < 0);
        }
        for (uint64_t draw = n; draw < n + 8; draw++) {
            double p[MAX_DIMS] = {0}, q[MAX_DIMS] = {0}, w[MAX_DIMS] = {0};
            hpo_status rc = ask(&a, &view, draw, p, &err);
            assert_int_equal(ask(&a, &view, draw, q, &err), rc);
            assert_same_doubles(p, q, dims);
            if (rc == HPO_OK) check_point(&a, space, "conditional, with results", draw, p);
            if (ops->save == NULL) {
                assert_int_equal(ask(&b, &view, draw, q, &err), rc);
                assert_same_doubles(p, q, dims);
                continue;
            }
            assert_int_equal(ask(&c, &view, draw, w, &err), rc);
            assert_same_doubles(p, w, dims);
        }
        hpo_sampler_close(&a);
        hpo_sampler_close(&b);
        hpo_sampler_close(&c);
    }
    hpo_space_free(space);
}

/* Each option at both ends of its range, each label of an enum: valid points, or a sentence. */
static void test_option_ranges(void **state)
{
    (void)state;
    static double u[3 * MAX_DIMS];
    hpo_space *space = make_space("x: 0..1; n: int 1..3", NULL);
    const hpo_sampler_ops *ops;
    for (EACH_SAMPLER(ops, i)) {
        for (size_t k = 0; k < ops->n_options; k++) {
            const hpo_option *o = &ops->options[k];
            size_t n_labels = 0;
            while (o->type == HPO_OPT_ENUM && o->labels[n_labels] != NULL)
                n_labels++;
            for (size_t v = 0; v < (n_labels > 0 ? n_labels : 2); v++) {
                char spec[128], number[32];
                hpo_double_text(v == 0 ? o->min : o->max, number);
                snprintf(spec, sizeof spec, "%s:%s=%s", ops->name, o->name,
                         n_labels > 0 ? o->labels[v] : number);
                hpo_sampler s;
                if (!open_or_refused(ops, spec, space, "option ranges", &s)) continue;
                assert_true(ask_all(&s, space, spec, 3, u) > 0);
                hpo_sampler_close(&s);
            }
            char spec[128], number[32];
            if (o->type == HPO_OPT_ENUM || o->type == HPO_OPT_BOOL || o->max == HUGE_VAL) continue;
            hpo_double_text(o->max + 1, number);
            snprintf(spec, sizeof spec, "%s:%s=%s", ops->name, o->name, number);
            hpo_sampler s;
            hpo_error err;
            assert_fails(hpo_sampler_open(spec, space, 1, 0, SEED, &s, &err), HPO_EINVAL, err, o->name);
        }
    }
    hpo_space_free(space);
}

typedef struct oom_case {
    const char *name;
    const hpo_space *space;
} oom_case;

static hpo_status oom_body(void *ctx, hpo_error *err)
{
    const oom_case *c = ctx;
    hpo_sampler s;
    HPO_TRY(hpo_sampler_open(c->name, c->space, 1, 0, SEED, &s, err));
    hpo_status rc = HPO_OK;
    for (uint64_t draw = 0; draw < 20 && rc == HPO_OK; draw++) {
        double u[MAX_DIMS];
        rc = ask(&s, &no_view, draw, u, err);
    }
    hpo_sampler_close(&s);
    return rc == HPO_DONE ? HPO_OK : rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const hpo_sampler_ops *ops;
    const size_t spaces[] = {3, 4};
    for (size_t m = 0; m < 2; m++) {
        oom_case c = {.space = matrix_space(spaces[m])};
        hpo_error err;
        double x[MAX_DIMS]; /* the first draw finds the feasible region, which the space keeps */
        assert_true(hpo_space_n_columns(c.space) <= MAX_DIMS);
        assert_ok(hpo_space_sample(c.space, 1, 1, x, &err), err);
        for (EACH_SAMPLER(ops, i)) {
            if ((hpo_sampler_needs(c.space, 1, 0) & ~ops->caps) != 0) continue;
            c.name = ops->name;
            assert_true(t_oom(oom_body, &c) > 0);
        }
        hpo_space_free((hpo_space *)(uintptr_t)c.space);
    }
}

static void test_needs_are_compared(void **state)
{
    (void)state;
    hpo_error err;
    hpo_sampler s;
    hpo_space *space = matrix_space(4);
    assert_fails(hpo_sampler_open("test-corner", space, 1, 0, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                 "choose one of: auto, random");
    hpo_space_free(space);
    space = matrix_space(7);
    assert_fails(hpo_sampler_open("test-corner", space, 1, 0, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                 "permutations");
    hpo_space_free(space);
    space = matrix_space(0);
    assert_fails(hpo_sampler_open("test-corner", space, 2, 0, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                 "several objectives");
    assert_fails(hpo_sampler_open("test-corner", space, 1, 1, SEED, &s, &err), HPO_EUNSUPPORTED, err,
                 "measured constraints");
    assert_fails(hpo_sampler_open("sobl", space, 1, 0, SEED, &s, &err), HPO_ENOTFOUND, err,
                 "did you mean 'sobol'?");
    assert_fails(hpo_sampler_open("sobol:skp=1", space, 1, 0, SEED, &s, &err), HPO_EINVAL, err,
                 "did you mean 'skip'?");
    assert_ok(hpo_sampler_open(NULL, space, 1, 0, SEED, &s, &err), err);
    assert_string_equal(s.ops->name, HPO_DEFAULT_SAMPLER);
    hpo_sampler_close(&s);
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

static void test_register_checks(void **state)
{
    (void)state;
    hpo_error err;
    hpo_sampler_ops ops = corner;
    assert_fails(hpo_sampler_register(&corner, &err), HPO_EEXIST, err, "test-corner");
    ops.name = "test-broken";
    ops.ask = NULL;
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "ask");
    ops = corner, ops.name = "test-broken", ops.help = NULL;
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "help");
    ops = corner, ops.name = "test-broken", ops.reference = "";
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "reference");
    ops = corner, ops.name = "test-broken", ops.load = NULL;
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "load");
    ops = corner, ops.name = "test-broken", ops.config_size = 4;
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "salt");
    ops = corner, ops.name = "test-broken", ops.size = 8;
    assert_fails(hpo_sampler_register(&ops, &err), HPO_EINVAL, err, "size");
    assert_fails(hpo_sampler_register(NULL, &err), HPO_EINVAL, err, "NULL");
    assert_null(hpo_sampler_find("test-broken"));
}

/* ---- files beside the code ---------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return NULL;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

/* A section `## name` with every option, and a unit test file, for each built-in. */
static void test_is_documented(void **state)
{
    (void)state;
    char *docs = read_text(t_source_path("docs/samplers.md"));
    assert_non_null(docs);
    const hpo_sampler_ops *ops;
    for (EACH_SAMPLER(ops, i)) {
        char text[128];
        if (!is_builtin(ops)) continue;
        snprintf(text, sizeof text, "\n## %s\n", ops->name);
        char *section = strstr(docs, text);
        if (section == NULL) fail_msg("docs/samplers.md has no section '## %s'", ops->name);
        char *end = strstr(section + 4, "\n## ");
        for (size_t k = 0; k < ops->n_options; k++) {
            snprintf(text, sizeof text, "`%s`", ops->options[k].name);
            char *at = strstr(section, text);
            if (at == NULL || (end != NULL && at > end))
                fail_msg("docs/samplers.md, section %s: option %s is missing", ops->name,
                         ops->options[k].name);
        }
        snprintf(text, sizeof text, "tests/unit/sampler/%s.c", ops->name);
        for (char *dash = text; (dash = strchr(dash, '-')) != NULL;)
            *dash = '_';
        char *unit = read_text(t_source_path(text));
        if (unit == NULL) fail_msg("%s is missing", text);
        free(unit);
    }
    free(docs);
}

/* docs/methods.md: the elementary methods are ticked off, and every file that it names exists. */
static void test_methods_are_mapped(void **state)
{
    (void)state;
    static const char *const ids[] = {"E1", "E2", "E3", "E4", "E5", "E6", "E7", "E11"};
    char *docs = read_text(t_source_path("docs/methods.md"));
    assert_non_null(docs);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char row[16];
        snprintf(row, sizeof row, "\n| %s |", ids[i]);
        if (strstr(docs, row) == NULL) fail_msg("docs/methods.md has no row for %s", ids[i]);
    }
    size_t n = 0;
    for (char *at = docs; *at != '\0'; at++) {
        char path[128];
        if (at > docs && strchr(" `,(|", at[-1]) == NULL) continue;
        if (strncmp(at, "src/", 4) != 0 && strncmp(at, "tests/", 6) != 0) continue;
        size_t len = strcspn(at, " `,;)|\n");
        assert_true(len < sizeof path);
        memcpy(path, at, len);
        path[len] = '\0';
        FILE *f = fopen(t_source_path(path), "rb"); /* opens a folder as well */
        if (f == NULL) fail_msg("docs/methods.md names %s, which does not exist", path);
        fclose(f);
        n++;
    }
    assert_true(n >= 16);
    free(docs);
}

/* The golden study: mixed, conditional, with a prior's worth of scales and a constraint. */
static hpo_space *golden_space(void)
{
    return make_space("lr: log 1e-5..1; opt: sgd,adam,rms; mom: 0..0.99 if opt == sgd; layers: int 1..4; "
                      "drop: 0..0.5 if layers > 1",
                      "not (opt == rms and lr > 0.1)");
}

static void golden_text(const hpo_sampler_ops *ops, hpo_str *out)
{
    hpo_space *space = golden_space();
    hpo_sampler s;
    hpo_error err;
    assert_ok(hpo_sampler_open(ops->name, space, 1, 0, SEED, &s, &err), err);
    hpo_str_addf(out, "# first 50 asks of sampler %s on the study of tests/conform/sampler.c, seed %d\n",
                 ops->name, (int)SEED);
    hpo_str_add(out, "# guards determinism, not correctness; HPO_UPDATE_GOLDEN=1 rewrites it\n");
    hpo_str_add(out, "draw,lr,opt,mom,layers,drop\n");
    for (uint64_t draw = 0; draw < 50; draw++) {
        double u[MAX_DIMS] = {0}, x[MAX_COLUMNS];
        assert_ok(ask(&s, &no_view, draw, u, &err), err);
        hpo_space_decode(space, u, x);
        hpo_str_int(out, (int64_t)draw);
        for (size_t j = 0; j < hpo_space_n_columns(space); j++) {
            hpo_str_addc(out, ',');
            if (!isnan(x[j])) hpo_str_double(out, x[j]);
        }
        hpo_str_addc(out, '\n');
    }
    hpo_sampler_close(&s);
    hpo_space_free(space);
}

static void test_golden_asks(void **state)
{
    (void)state;
    const hpo_sampler_ops *ops;
    for (EACH_SAMPLER(ops, i)) {
        if (!is_builtin(ops)) continue;
        char name[128];
        snprintf(name, sizeof name, "tests/golden/asks/%s.csv", ops->name);
        hpo_str now = {0};
        golden_text(ops, &now);
        if (getenv("HPO_UPDATE_GOLDEN") != NULL) {
            FILE *f = fopen(t_source_path(name), "wb");
            assert_non_null(f);
            assert_int_equal(fwrite(now.text, 1, now.len, f), now.len);
            assert_int_equal(fclose(f), 0);
        }
        char *stored = read_text(t_source_path(name));
        if (stored == NULL) fail_msg("%s is missing: run once with HPO_UPDATE_GOLDEN=1", name);
        if (strcmp(stored, now.text) != 0)
            fail_msg("%s differs from what sampler %s gives now", name, ops->name);
        free(stored);
        hpo_str_fini(&now);
    }
}

int main(void)
{
    hpo_error err;
    if (hpo_sampler_register(&corner, &err) != HPO_OK) return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_itself),   cmocka_unit_test(test_every_space),
        cmocka_unit_test(test_pure_in_draw),       cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_fold_of_results),    cmocka_unit_test(test_option_ranges),
        cmocka_unit_test(test_out_of_memory),      cmocka_unit_test(test_needs_are_compared),
        cmocka_unit_test(test_register_checks),    cmocka_unit_test(test_is_documented),
        cmocka_unit_test(test_methods_are_mapped), cmocka_unit_test(test_golden_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
