/* SPDX-License-Identifier: Apache-2.0 */
/* t.c - the functions behind t.h. */
#include "t.h"

#include <dirent.h>
#include <float.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* ---- numbers ------------------------------------------------------------------------------- */

static int near_enough(double x, double y, double rel, double abs)
{
    if (isnan(x) || isnan(y)) return 0;
    if (isinf(x) || isinf(y)) return x == y;
    return fabs(x - y) <= abs + rel * fabs(y);
}

void t_near(double x, double y, double rel, double abs, const char *xs, const char *ys, const char *file,
            int line)
{
    if (near_enough(x, y, rel, abs)) return;
    print_error("%s = %.17g is not near %s = %.17g: difference %.3g, allowed %.3g\n", xs, x, ys, y,
                fabs(x - y), abs + rel * fabs(y));
    _fail(file, line);
}

/* Doubles in order of value as integers. */
static int64_t rank_of(double x)
{
    int64_t i;
    memcpy(&i, &x, sizeof i);
    return i >= 0 ? i : INT64_MIN - i;
}

double t_ulp_distance(double x, double y)
{
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? 0 : HUGE_VAL;
    int64_t a = rank_of(x), b = rank_of(y);
    return a > b ? (double)((uint64_t)a - (uint64_t)b) : (double)((uint64_t)b - (uint64_t)a);
}

void t_ulps(double x, double y, double n, const char *xs, const char *ys, const char *file, int line)
{
    double distance = t_ulp_distance(x, y);
    if (distance <= n) return;
    print_error("%s = %.17g and %s = %.17g are %.0f ulps apart, allowed %.0f\n", xs, x, ys, y, distance, n);
    _fail(file, line);
}

void t_same(const double *a, const double *b, size_t n, const char *as, const char *bs, const char *file,
            int line)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&a[i], &b[i], sizeof a[i]) == 0 || (isnan(a[i]) && isnan(b[i]))) continue;
        print_error("%s[%zu] = %.17g but %s[%zu] = %.17g (of %zu)\n", as, i, a[i], bs, i, b[i], n);
        _fail(file, line);
    }
}

void t_matrix_near(const double *a, const double *b, size_t rows, size_t cols, double rel, double abs,
                   const char *as, const char *bs, const char *file, int line)
{
    size_t n_bad = 0, worst = 0;
    double worst_difference = -1;
    for (size_t i = 0; i < rows * cols; i++) {
        if (near_enough(a[i], b[i], rel, abs)) continue;
        n_bad++;
        double difference = isnan(a[i]) || isnan(b[i]) ? HUGE_VAL : fabs(a[i] - b[i]);
        if (difference > worst_difference) {
            worst_difference = difference;
            worst = i;
        }
    }
    if (n_bad == 0) return;
    print_error("%s and %s (%zu x %zu): %zu elements differ, most at (%zu, %zu): %.17g and %.17g\n", as, bs,
                rows, cols, n_bad, worst / cols, worst % cols, a[worst], b[worst]);
    _fail(file, line);
}

/* ---- status codes -------------------------------------------------------------------------- */

void t_contains(const char *text, const char *part, const char *file, int line)
{
    if (text != NULL && strstr(text, part) != NULL) return;
    print_error("\"%s\" does not contain \"%s\"\n", text != NULL ? text : "(NULL)", part);
    _fail(file, line);
}

void t_status(hpo_status got, hpo_status want, const hpo_error *err, const char *part, const char *call,
              const char *file, int line)
{
    if (got != want) {
        print_error("%s returned %s, not %s%s%s\n", call, hpo_status_name(got), hpo_status_name(want),
                    err != NULL && got < 0 ? ": " : "", err != NULL && got < 0 ? err->msg : "");
        _fail(file, line);
    }
    if (err == NULL || want >= 0) return;
    if (err->code != want) {
        print_error("%s returned %s but err.code is %s\n", call, hpo_status_name(got),
                    hpo_status_name(err->code));
        _fail(file, line);
    }
    if (err->msg[0] == '\0' || strchr(err->msg, '\n') != NULL) {
        print_error("%s: the error text must be one line that is not empty, not \"%s\"\n", call, err->msg);
        _fail(file, line);
    }
    if (part != NULL) t_contains(err->msg, part, file, line);
}

/* ---- random inputs ------------------------------------------------------------------------- */

t_rng t_rng_create(void)
{
    const char *text = getenv("HPO_TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20240229;
    print_message("# seed %llu (HPO_TEST_SEED)\n", (unsigned long long)seed);
    return (t_rng){seed};
}

/* splitmix64 (Steele, Lea and Flood 2014): independent of the library's own generator. */
uint64_t t_u64(t_rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

double t_uniform(t_rng *r)
{
    return (double)(t_u64(r) >> 11) * 0x1p-53;
}

double t_between(t_rng *r, double low, double high)
{
    return low + (high - low) * t_uniform(r);
}

int64_t t_int(t_rng *r, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t offset = span != 0 ? t_u64(r) % span : t_u64(r);
    return (int64_t)((uint64_t)low + offset);
}

double t_odd_double(t_rng *r)
{
    static const double odd[] = {0,           -0.0,   1,       -1,     0.5,   DBL_MIN, DBL_MAX, -DBL_MAX,
                                 DBL_EPSILON, 5e-324, -5e-324, 1e-300, 1e300, 0x1p53,  0x1p-53, 1e22};
    switch (t_u64(r) % 4) {
    case 0:
        return odd[t_u64(r) % (sizeof odd / sizeof odd[0])];
    case 1:
        return ldexp(1, (int)t_int(r, -1074, 1023));
    case 2:
        return t_between(r, -10, 10);
    default:
        break;
    }
    for (;;) {
        uint64_t bits = t_u64(r);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) return x;
    }
}

size_t t_rounds(size_t n)
{
    const char *text = getenv("HPO_TEST_MULTIPLIER");
    double multiplier = text != NULL ? strtod(text, NULL) : 1;
    double rounds = (double)n * multiplier;
    return rounds >= 1 ? (size_t)rounds : 1;
}

/* ---- memory -------------------------------------------------------------------------------- */

static atomic_size_t n_asked, n_live;
static size_t fail_from, fail_forever;

static int must_fail(void)
{
    size_t n = atomic_fetch_add(&n_asked, 1) + 1;
    return fail_from != 0 && (n == fail_from || (n > fail_from && fail_forever));
}

static void *counting_allocate(void *ctx, size_t n)
{
    (void)ctx;
    if (must_fail()) return NULL;
    void *p = malloc(n);
    if (p != NULL) atomic_fetch_add(&n_live, 1);
    return p;
}

static void *counting_resize(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (must_fail()) return NULL;
    void *q = realloc(p, n);
    if (p == NULL && q != NULL) atomic_fetch_add(&n_live, 1);
    return q;
}

static void counting_release(void *ctx, void *p)
{
    (void)ctx;
    if (p != NULL) atomic_fetch_sub(&n_live, 1);
    free(p);
}

void t_alloc_install(size_t fail_at, int for_good)
{
    atomic_store(&n_asked, 0);
    atomic_store(&n_live, 0);
    fail_from = fail_at;
    fail_forever = for_good != 0;
    const hpo_allocator a = {sizeof a, counting_allocate, counting_resize, counting_release, NULL};
    hpo_set_allocator(&a);
}

void t_alloc_remove(void)
{
    hpo_set_allocator(NULL);
}

size_t t_alloc_count(void)
{
    return atomic_load(&n_asked);
}

size_t t_alloc_live(void)
{
    return atomic_load(&n_live);
}

size_t t_oom(hpo_status (*body)(void *ctx, hpo_error *err), void *ctx)
{
    for (int for_good = 0; for_good <= 1; for_good++) {
        for (size_t n = 1;; n++) {
            hpo_error err = {HPO_OK, ""};
            t_alloc_install(n, for_good);
            hpo_status status = body(ctx, &err);
            size_t asked = t_alloc_count(), live = t_alloc_live();
            t_alloc_remove();
            int failed = asked >= n;
            if (live != 0) fail_msg("failing allocation %zu leaves %zu blocks behind", n, live);
            if (failed && status != HPO_ENOMEM && status != HPO_OK)
                fail_msg("failing allocation %zu gives %s: %s", n, hpo_status_name(status), err.msg);
            if (status == HPO_ENOMEM && (err.code != HPO_ENOMEM || err.msg[0] == '\0'))
                fail_msg("failing allocation %zu leaves no error text", n);
            if (failed) continue;
            if (status != HPO_OK) fail_msg("without failures: %s: %s", hpo_status_name(status), err.msg);
            if (n == 1) fail_msg("nothing was allocated through the hooks");
            if (for_good) return n - 1;
            break;
        }
    }
    return 0;
}

/* ---- files --------------------------------------------------------------------------------- */

static char temp_dir[PATH_SIZE];
static pid_t temp_owner;

static void remove_tree(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) return;
    if (S_ISDIR(st.st_mode)) {
        (void)chmod(path, 0700);
        DIR *d = opendir(path);
        for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
            char *child = malloc(strlen(path) + strlen(e->d_name) + 2);
            if (child == NULL) break;
            (void)sprintf(child, "%s/%s", path, e->d_name);
            remove_tree(child);
            free(child);
        }
        if (d != NULL) (void)closedir(d);
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
}

static void remove_temp_dir(void)
{
    /* Not in forked children, which inherit this handler. */
    if (getpid() == temp_owner) remove_tree(temp_dir);
}

const char *t_temp_dir(void)
{
    if (temp_dir[0] != '\0') return temp_dir;
    const char *base = getenv("TMPDIR");
    (void)snprintf(temp_dir, sizeof temp_dir, "%s/hpo-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(temp_dir) == NULL) fail_msg("cannot make a folder like %s", temp_dir);
    temp_owner = getpid();
    (void)atexit(remove_temp_dir);
    return temp_dir;
}

static char *next_buffer(void)
{
    static char buffers[8][PATH_SIZE + 256];
    static atomic_uint next;
    return buffers[atomic_fetch_add(&next, 1) % 8];
}

const char *t_temp_path(const char *name)
{
    char *buf = next_buffer();
    (void)snprintf(buf, PATH_SIZE + 256, "%s/%s", t_temp_dir(), name);
    return buf;
}

const char *t_source_path(const char *name)
{
    char *buf = next_buffer();
    (void)snprintf(buf, PATH_SIZE + 256, "%s/%s", HPO_SOURCE_ROOT, name);
    return buf;
}

const char *t_shared_path(const char *name)
{
    const char *base = getenv("HPO_SHARED");
    char *buf = next_buffer();
    if (base != NULL)
        (void)snprintf(buf, PATH_SIZE + 256, "%s/%s", base, name);
    else
        (void)snprintf(buf, PATH_SIZE + 256, "%s/../shared/%s", HPO_SOURCE_ROOT, name);
    return access(buf, R_OK) == 0 ? buf : NULL;
}
