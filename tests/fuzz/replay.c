/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target without libFuzzer: every file of a corpus folder, then simple mutations
 * of each (cuts, changed bytes, doubled and swapped parts), the same ones every time.
 *
 *   replay_NAME CORPUS_FOLDER    prints TAP, one line a file
 *   replay_NAME FILE...          runs just these inputs, e.g. one that libFuzzer found */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 200, LARGEST = 1 << 20 };

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* The target gets a block of exactly the right size, so that AddressSanitizer sees the smallest overread. */
static void run_exact(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n != 0 ? n : 1);
    if (copy == NULL) abort();
    if (n != 0) memcpy(copy, data, n);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t mutate(uint8_t *data, size_t n, size_t cap, uint64_t *state)
{
    for (uint64_t steps = 1 + next_random(state) % 3; steps > 0; steps--) {
        size_t at = n != 0 ? (size_t)(next_random(state) % n) : 0, rest = n - at;
        size_t len = rest != 0 ? 1 + (size_t)(next_random(state) % (rest < 16 ? rest : 16)) : 0;
        switch (next_random(state) % 6) {
        case 0:
            n = at;
            break;
        case 1:
            if (n != 0) data[at] = (uint8_t)next_random(state);
            break;
        case 2:
            if (n != 0) data[at] ^= (uint8_t)(1u << next_random(state) % 8);
            break;
        case 3:
            memmove(data + at, data + at + len, rest - len);
            n -= len;
            break;
        case 4:
            if (n + len > cap) break;
            memmove(data + at + len, data + at, rest);
            n += len;
            break;
        default:
            if (n != 0) memmove(data + at, data + next_random(state) % (n - len + 1), len);
            break;
        }
    }
    return n;
}

/* Returns 0 when the file cannot be read. */
static int run_file(const char *path, int mutations)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return 0;
    uint8_t *data = malloc(LARGEST), *work = malloc(2 * (size_t)LARGEST);
    if (data == NULL || work == NULL) abort();
    size_t n = fread(data, 1, LARGEST, f);
    int good = !ferror(f);
    (void)fclose(f);
    run_exact(data, n);
    uint64_t state = n;
    for (int i = 0; i < mutations; i++) {
        memcpy(work, data, n);
        run_exact(work, mutate(work, n, 2 * n + 64, &state));
    }
    free(work);
    free(data);
    return good;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int run_folder(const char *folder)
{
    char *paths[4096];
    size_t n = 0;
    int failures = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL && n < 4096; e = readdir(d)) {
        if (e->d_name[0] == '.') continue;
        paths[n] = malloc(strlen(folder) + strlen(e->d_name) + 2);
        if (paths[n] == NULL) abort();
        (void)sprintf(paths[n++], "%s/%s", folder, e->d_name);
    }
    if (d != NULL) (void)closedir(d);
    qsort(paths, n, sizeof paths[0], by_name);
    if (n == 0) {
        printf("1..1\nnot ok 1 - no corpus in %s\n", folder);
        return 1;
    }
    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        int good = run_file(paths[i], MUTATIONS);
        failures += !good;
        printf("%sok %zu - %s\n", good ? "" : "not ", i + 1, paths[i] + strlen(folder) + 1);
        (void)fflush(stdout);
        free(paths[i]);
    }
    return failures != 0;
}

int main(int argc, char **argv)
{
    struct stat st;
    if (argc == 2 && stat(argv[1], &st) == 0 && S_ISDIR(st.st_mode)) return run_folder(argv[1]);
    for (int i = 1; i < argc; i++) {
        if (!run_file(argv[i], 0)) {
            fprintf(stderr, "replay: cannot read '%s'\n", argv[i]);
            return 1;
        }
    }
    return 0;
}
