/* SPDX-License-Identifier: Apache-2.0 */
/* bench/sheet.c - reads TSV and CSV tables and float32 files. */
#include "bench/sheet.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/str.h"

enum { MAX_FILE = 1 << 30 };

/* Ends the line at p with NUL and returns the start of the next one, or NULL at the end of the text. */
static char *cut_line(char *p)
{
    char *end = strchr(p, '\n');
    if (end == NULL) return NULL;
    *end = '\0';
    if (end > p && end[-1] == '\r') end[-1] = '\0';
    return end + 1;
}

static int is_content(const char *line)
{
    return line[0] != '\0' && line[0] != '#' && strcmp(line, "\r") != 0;
}

/* The next cell of *p, terminated in place; *p moves behind it, to NULL after the last. */
static char *next_cell(char **p, char separator)
{
    char *start = *p, *end;
    while (*start == ' ')
        start++;
    if (separator == ',' && *start == '"') {
        char *to = ++start;
        for (end = start; *end != '\0' && !(end[0] == '"' && end[1] != '"'); end++, to++) {
            if (*end == '"') end++;
            *to = *end;
        }
        if (*end == '"') end++;
        *p = *end == separator ? end + 1 : NULL;
        *to = '\0';
        return start;
    }
    end = strchr(start, separator);
    *p = end == NULL ? NULL : end + 1;
    if (end == NULL) end = start + strlen(start);
    while (end > start && (end[-1] == ' ' || end[-1] == '\r'))
        end--;
    *end = '\0';
    return start;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* Takes over s->text. */
static hpo_status split(hpo_sheet *s, const char *what, hpo_error *err)
{
    size_t lines = count_lines(s->text);
    char *p = s->text, *line = NULL;
    while (p != NULL && (line == NULL || !is_content(line))) {
        line = p;
        p = cut_line(p);
    }
    if (line == NULL || !is_content(line))
        return hpo_fail(err, HPO_EINVAL, "%s: no heading line; expected names of columns", what);
    char separator = strchr(line, '\t') != NULL ? '\t' : ',';
    s->n_columns = 1;
    for (const char *c = line; *c != '\0'; c++)
        s->n_columns += *c == separator;
    s->head = hpo_alloc_array(s->n_columns, sizeof *s->head);
    s->cell = hpo_alloc_array(s->n_columns * lines, sizeof *s->cell);
    if (s->head == NULL || s->cell == NULL) return hpo_fail_memory(err);
    for (size_t c = 0; c < s->n_columns; c++)
        s->head[c] = line == NULL ? "" : next_cell(&line, separator);
    while (p != NULL) {
        line = p;
        p = cut_line(p);
        if (!is_content(line)) continue;
        for (size_t c = 0; c < s->n_columns; c++)
            s->cell[s->n_rows * s->n_columns + c] = line == NULL ? "" : next_cell(&line, separator);
        if (line != NULL)
            return hpo_fail(err, HPO_EINVAL, "%s: row %zu has more than %zu cells", what, s->n_rows + 1,
                            s->n_columns);
        s->n_rows++;
    }
    return HPO_OK;
}

hpo_status hpo_sheet_read(hpo_sheet *s, const char *path, hpo_error *err)
{
    size_t n;
    memset(s, 0, sizeof *s);
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &s->text, &n, err));
    return split(s, path, err);
}

hpo_status hpo_sheet_parse(hpo_sheet *s, const char *text, const char *what, hpo_error *err)
{
    memset(s, 0, sizeof *s);
    s->text = hpo_strdup(text);
    if (s->text == NULL) return hpo_fail_memory(err);
    return split(s, what, err);
}

void hpo_sheet_fini(hpo_sheet *s)
{
    hpo_free(s->text);
    hpo_free(s->cell);
    hpo_free(s->head);
    memset(s, 0, sizeof *s);
}

size_t hpo_sheet_find(const hpo_sheet *s, const char *name)
{
    size_t c = 0;
    while (c < s->n_columns && strcmp(s->head[c], name) != 0)
        c++;
    return c;
}

const char *hpo_sheet_text(const hpo_sheet *s, size_t row, const char *column)
{
    size_t c = hpo_sheet_find(s, column);
    return c == s->n_columns ? "" : s->cell[row * s->n_columns + c];
}

double hpo_sheet_number(const hpo_sheet *s, size_t row, size_t column)
{
    double v;
    return column < s->n_columns && hpo_parse_double(s->cell[row * s->n_columns + column], &v) ? v
                                                                                               : (double)NAN;
}

hpo_status hpo_read_f32(const char *path, float **out, size_t *n, hpo_error *err)
{
    char *bytes = NULL;
    size_t size;
    *out = NULL;
    HPO_TRY(hpo_os_read_file(path, MAX_FILE, &bytes, &size, err));
    if (size % 4 != 0) {
        hpo_free(bytes);
        return hpo_fail(err, HPO_EINVAL, "%s: %zu bytes are no whole number of float32", path, size);
    }
    *n = size / 4;
    float *v = hpo_alloc_array(*n + 1, sizeof *v);
    if (v == NULL) {
        hpo_free(bytes);
        return hpo_fail_memory(err);
    }
    for (size_t i = 0; i < *n; i++) {
        const unsigned char *b = (const unsigned char *)bytes + 4 * i;
        uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(v + i, &bits, sizeof bits);
    }
    hpo_free(bytes);
    *out = v;
    return HPO_OK;
}
