/* SPDX-License-Identifier: Apache-2.0 */
/* bench/live_data.c - what live problems train on. */
#include "bench/live_data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"
#include "math/rng.h"

#ifndef HPO_DIGITS_DATA
#define HPO_DIGITS_DATA "digits.txt"
#endif

enum { PIXELS = 64, DIGITS = 10, MAX_FILE = 1 << 26, MAX_COLUMNS = 512, MIN_ROWS = 5, MAX_CLASSES = 100 };

static const char *const tables[] = {"breast_cancer", "wine_data", "iris"};

static hpo_status make_rows(hpo_live_rows *t, size_t n, size_t d, hpo_error *err)
{
    t->n = n;
    t->d = d;
    t->x = hpo_alloc_array(n * d, sizeof *t->x);
    t->label = hpo_alloc_array(n, sizeof *t->label);
    return t->x == NULL || t->label == NULL ? hpo_fail_memory(err) : HPO_OK;
}

void hpo_live_rows_free(hpo_live_rows *rows)
{
    hpo_free(rows->x);
    hpo_free(rows->label);
    memset(rows, 0, sizeof *rows);
}

/* ---- digits ------------------------------------------------------------------------------------------ */

static const char *digits_path(const char *data, char *buffer, size_t cap)
{
    (void)snprintf(buffer, cap, "%s/digits.txt", data == NULL ? "." : data);
    return data != NULL && hpo_os_exists(buffer) ? buffer : HPO_DIGITS_DATA;
}

int hpo_live_has_digits(const char *data)
{
    char path[1024];
    return hpo_os_exists(digits_path(data, path, sizeof path));
}

static int pixel_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'g' ? c - 'a' + 10 : -1;
}

/* Lines "LABEL PIXELS", a pixel from 0 to g (16). */
static hpo_status parse_digits(hpo_live_rows *t, const char *path, const char *text, size_t size, size_t n,
                               hpo_error *err)
{
    enum { LINE = 2 + PIXELS + 1, MOST = 4096 };
    uint32_t order[MOST];
    size_t there = size / LINE;
    if (there < n || there > MOST)
        return hpo_fail(err, HPO_EINVAL, "%s: %zu images; expected at least %zu", path, there, n);
    HPO_TRY(make_rows(t, n, PIXELS, err));
    t->classes = DIGITS;
    hpo_rng rng;
    hpo_rng_init(&rng, 1, 0, HPO_RNG_USER);
    hpo_rng_permutation(&rng, there, order);
    for (size_t i = 0; i < n; i++) {
        const char *line = text + order[i] * (size_t)LINE;
        t->label[i] = line[0] - '0';
        int ok = t->label[i] >= 0 && t->label[i] < DIGITS && line[LINE - 1] == '\n';
        for (size_t p = 0; p < PIXELS; p++) {
            int v = pixel_of(line[2 + p]);
            ok &= v >= 0;
            t->x[i * PIXELS + p] = v / 16.0;
        }
        if (!ok) return hpo_fail(err, HPO_EINVAL, "%s: line %u is damaged", path, (unsigned)order[i] + 1);
    }
    return HPO_OK;
}

hpo_status hpo_live_read_digits(hpo_live_rows *out, const char *data, size_t n, hpo_error *err)
{
    char buffer[1024], *text = NULL;
    size_t size;
    const char *path = digits_path(data, buffer, sizeof buffer);
    memset(out, 0, sizeof *out);
    hpo_status rc = hpo_os_read_file(path, MAX_FILE, &text, &size, err);
    if (rc == HPO_ENOTFOUND) return hpo_fail(err, HPO_EIO, "no digits.txt in the data folder");
    if (rc != HPO_OK) return rc;
    rc = parse_digits(out, path, text, size, n, err);
    hpo_free(text);
    if (rc != HPO_OK) hpo_live_rows_free(out);
    return rc;
}

/* ---- tables ------------------------------------------------------------------------------------------ */

static const char *table_path(const char *data, const char *name, char *buffer, size_t cap)
{
    (void)snprintf(buffer, cap, "%s/mldata/%s.csv", data, name);
    return buffer;
}

const char *hpo_live_table(size_t i, const char *data)
{
    char path[1024];
    for (size_t k = 0; data != NULL && k < sizeof tables / sizeof *tables; k++)
        if (hpo_os_exists(table_path(data, tables[k], path, sizeof path)) && i-- == 0) return tables[k];
    return NULL;
}

/* One line of numbers into row r; 0 when it is not one. */
static int read_row(hpo_live_rows *t, size_t r, const char *line)
{
    for (size_t c = 0; c <= t->d; c++) {
        double v;
        const char *end = hpo_double_parse(line, &v);
        if (end == line || !isfinite(v) || (c < t->d && *end != ',')) return 0;
        line = end + 1;
        if (c < t->d) {
            t->x[r * t->d + c] = v;
        } else {
            if (!(v >= 0 && v < MAX_CLASSES) || v != floor(v)) return 0;
            t->label[r] = (int32_t)v;
            if ((size_t)v >= t->classes) t->classes = (size_t)v + 1;
        }
    }
    return 1;
}

static hpo_status parse_table(hpo_live_rows *t, const char *path, const char *text, hpo_error *err)
{
    double rows, columns;
    const char *line = hpo_double_parse(text, &rows);
    if (line == text || *line != ',' || hpo_double_parse(line + 1, &columns) == line + 1 ||
        !(rows >= MIN_ROWS && rows < 1e6) || !(columns >= 1 && columns < MAX_COLUMNS))
        return hpo_fail(err, HPO_EINVAL, "%s: the first line must begin with the numbers of rows and columns",
                        path);
    HPO_TRY(make_rows(t, (size_t)rows, (size_t)columns, err));
    for (size_t r = 0; r < t->n; r++) {
        line = strchr(line, '\n');
        if (line == NULL || !read_row(t, r, ++line))
            return hpo_fail(err, HPO_EINVAL, "%s: row %zu is no list of %zu numbers and a class", path, r + 1,
                            t->d);
    }
    return HPO_OK;
}

hpo_status hpo_live_read_table(hpo_live_rows *out, const char *data, const char *name, hpo_error *err)
{
    char path[1024], *text = NULL;
    size_t size;
    memset(out, 0, sizeof *out);
    if (data == NULL || strchr(name, '/') != NULL ||
        !hpo_os_exists(table_path(data, name, path, sizeof path)))
        return HPO_ENOTFOUND;
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &text, &size, err));
    hpo_status rc = parse_table(out, path, text, err);
    hpo_free(text);
    if (rc != HPO_OK) hpo_live_rows_free(out);
    return rc;
}

/* ---- scales ------------------------------------------------------------------------------------------ */

void hpo_live_standardise(hpo_live_rows *rows)
{
    for (size_t c = 0; c < rows->d; c++) {
        double sum = 0, squares = 0, *x = rows->x + c;
        for (size_t r = 0; r < rows->n; r++)
            sum += x[r * rows->d];
        double mean = sum / (double)rows->n;
        for (size_t r = 0; r < rows->n; r++) {
            double v = x[r * rows->d] -= mean;
            squares += v * v;
        }
        double sd = sqrt(squares / (double)rows->n);
        for (size_t r = 0; r < rows->n && sd > 0; r++)
            x[r * rows->d] /= sd;
    }
}

void hpo_live_to_unit(hpo_live_rows *rows)
{
    for (size_t c = 0; c < rows->d; c++) {
        double *x = rows->x + c, low = x[0], high = x[0];
        for (size_t r = 1; r < rows->n; r++) {
            low = fmin(low, x[r * rows->d]);
            high = fmax(high, x[r * rows->d]);
        }
        for (size_t r = 0; r < rows->n; r++)
            x[r * rows->d] = high > low ? (x[r * rows->d] - low) / (high - low) : 0;
    }
}
