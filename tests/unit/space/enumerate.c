/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, enumerating and moving, against brute force. */
#include "t.h"

#include "base/alloc.h"
#include "base/map.h"
#include "math/rng.h"
#include "space/space.h"

static hpo_space *make(const char *text)
{
    hpo_space *s;
    hpo_error err;
    assert_ok(hpo_space_parse(text, &s, &err), err);
    assert_ok(hpo_space_freeze(s, &err), err);
    return s;
}

typedef struct seen {
    const hpo_space *s;
    hpo_u64map hashes;
    double last[32];
    size_t n, stop_after;
    int ordered;
} seen;

static int visit(void *ctx, const double *x)
{
    seen *v = ctx;
    hpo_error err;
    if (hpo_space_validate(v->s, x, &err) != HPO_OK) fail_msg("%s", err.msg);
    uint64_t h = hpo_space_hash(v->s, x);
    assert_true(hpo_u64map_get(&v->hashes, h, -1) == -1); /* each once */
    assert_ok(hpo_u64map_put(&v->hashes, h, 1, &err), err);
    for (size_t i = 0; i < hpo_space_n_columns(v->s) && v->n && v->ordered; i++) {
        if (isnan(x[i]) || isnan(v->last[i])) break;
        if (x[i] > v->last[i]) break;
        assert_true(x[i] == v->last[i]);
    }
    memcpy(v->last, x, hpo_space_n_columns(v->s) * sizeof *x);
    return ++v->n == v->stop_after;
}

/* The size, and as many different configurations in order. */
static void check_size(const char *text, double size, int ordered)
{
    hpo_space *s = make(text);
    hpo_error err;
    seen v = {.s = s, .ordered = ordered};
    assert_true(hpo_space_n_columns(s) <= 16);
    if (hpo_space_size(s, 1000000) != size)
        fail_msg("%s: size %g, not %g", text, hpo_space_size(s, 1000000), size);
    assert_ok(hpo_space_enumerate(s, visit, &v, &err), err);
    if ((double)v.n != size) fail_msg("%s: %lu visited, not %g", text, (unsigned long)v.n, size);
    hpo_u64map_fini(&v.hashes);
    hpo_space_free(s);
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("a: int 1..4; b: x,y,z; c: bool; d: const 3; e: fidelity 1..81", 24, 1);
    check_size("a: 0..1 step 0.1; b: log 0.25..2 step 0.25; c: int log 1..10 step 3", 11 * 8 * 4, 1);
    check_size("p: perm 4", 24, 1);
    check_size("f: subset 5", 32, 1);
    check_size("f: subset a,b,c,d,e size 2..3", 20, 1);
    check_size("v: vector 2 0..1 step 0.5; o: ordinal 1,2,4", 27, 1);
    check_size("a: x,y; b: int 1..3 if a == x; c: bool if b > 1", 1 + 1 + 2 + 2,
               1); /* y | x1 | x2.. | x3.. */
    check_size("n: int 1..4; m: int 1..(n)", 10, 1);
    check_size("n: int 0..4; m: int 3..(n)", 3, 1); /* n = 3: 1, n = 4: 2, else empty */
    check_size("m: int 1..(n); n: int 1..4", 10, 0);
    check_size("a: int 1..10; b: int 1..10; c: int 1..5; constraint: a + b <= 5; constraint: c != 3", 40, 1);
    check_size("a: int 1..9; b: x,y; constraint: not (b == x and a % 2 == 0)", 14, 1);
    check_size("p: perm a,b,c,d; constraint: p[0] != a; f: subset u,v if p[1] == a", 18 + 6 * 3, 1);
    check_size("n: int 1..4 if b == x; b: x,y; m: int 1..(n)", 11, 0); /* no n, no m */
}

static void test_large(void **state)
{
    (void)state;
    hpo_space *s =
        make("a: int 1..1000000; b: int 1..1000000; p: perm 20; c: int 1..9; d: int 1..9; constraint: c < d");
    hpo_error err;
    assert_near(hpo_space_size(s, 1000), 1e12 * 2432902008176640000.0 * 36, 1e-14, 0);
    assert_true(isnan(hpo_space_size(s, 10)));
    seen v = {.s = s, .stop_after = 100};
    assert_ok(hpo_space_enumerate(s, visit, &v, &err), err);
    assert_int_equal(v.n, 100);
    hpo_u64map_fini(&v.hashes);
    hpo_space_free(s);
    s = make("a: int 1..3; b: 0..1");
    assert_true(isinf(hpo_space_size(s, 1000)));
    assert_fails(hpo_space_enumerate(s, visit, &v, &err), HPO_EUNSUPPORTED, err, "b: is continuous");
    hpo_space_free(s);
    s = make("e: fidelity 0.1..1; a: bool");
    assert_true(hpo_space_size(s, 1000) == 2);
    hpo_space_free(s);
}

/* Enumerated values are what decode gives: the same set. */
static void test_same_set(void **state)
{
    (void)state;
    hpo_space *s = make("a: int revlog 1..20; b: log 0.1..1 step 0.1; c: x,y; f: subset u,v,w size 1..2 if c "
                        "== x; n: int 1..3\n"
                        "m: int 0..(n) if c == y; constraint: a + n < 20");
    hpo_error err;
    seen v = {.s = s};
    double x[16];
    assert_ok(hpo_space_enumerate(s, visit, &v, &err), err);
    assert_true(hpo_space_size(s, 100000) == (double)v.n);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_ok(hpo_space_sample(s, i, 1, x, &err), err);
        assert_true(hpo_u64map_get(&v.hashes, hpo_space_hash(s, x), -1) == 1);
    }
    hpo_u64map_fini(&v.hashes);
    hpo_space_free(s);
}

static void check_neighbours(const char *text, const char *config, size_t want)
{
    hpo_space *s = make(text);
    hpo_error err;
    double x[16];
    seen v = {.s = s};
    if (hpo_space_config_from_json(s, config, x, &err) != HPO_OK) fail_msg("%s", err.msg);
    assert_ok(hpo_space_neighbours(s, x, 0.1, visit, &v, &err), err);
    if (v.n != want) fail_msg("%s: %lu neighbours, not %lu", text, (unsigned long)v.n, (unsigned long)want);
    assert_true(hpo_u64map_get(&v.hashes, hpo_space_hash(s, x), -1) == -1); /* x is not its own neighbour */
    hpo_u64map_fini(&v.hashes);
    hpo_space_free(s);
}

static void test_neighbours(void **state)
{
    (void)state;
    check_neighbours("a: int 1..9; b: 0..1; c: x,y,z; d: bool; o: ordinal 1,2,3,4",
                     "{\"a\":1,\"b\":0.5,\"o\":2}", 1 + 2 + 2 + 1 + 2);
    check_neighbours("p: perm 4", "{}", 3);
    check_neighbours("f: subset a,b,c,d size 2..2", "{\"f\":[\"a\",\"b\"]}", 4);
    check_neighbours("f: subset a,b,c,d size 1..3", "{\"f\":[\"a\"]}", 3);
    check_neighbours("m: simplex 3", "{}", 4);
    check_neighbours("v: vector 3 log 0.01..1", "{\"v\":[0.01,0.1,1]}", 4);
    check_neighbours("a: x,y; b: 0..1 if a == x; c: int 1..3 if a == y", "{\"a\":\"x\",\"b\":0.5}", 3);
    check_neighbours("a: int 1..9; b: int 1..9; constraint: a + b <= 10", "{\"a\":5,\"b\":5}", 2);
    check_neighbours("n: int 1..9; m: int 0..(n)", "{\"n\":5,\"m\":5}", 3);
    check_neighbours("a: 0..1; e: fidelity 1..9; k: const 1", "{\"a\":0}", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_same_set),
        cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
