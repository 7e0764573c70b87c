/* SPDX-License-Identifier: Apache-2.0 */
/* storage/sqlite_array.c - rows of doubles as JSON arrays, which a person can read and json_each can take
 * apart.  Shortest digits that read back as the same bits; NaN is null, infinities +-1e999. */
#include <math.h>

#include "storage/sqlite.h"

void hpo_sqlite__array_write(hpo_str *text, const double *v, size_t n)
{
    hpo_str_clear(text);
    hpo_str_addc(text, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) hpo_str_addc(text, ',');
        hpo_str_json_double(text, v[i]);
    }
    hpo_str_addc(text, ']');
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

int hpo_sqlite__array_read(const char *text, size_t length, double *v, size_t n)
{
    const char *p = skip_blanks(text), *end;
    if (*p++ != '[') return 0;
    for (size_t i = 0; i < n; i++) {
        p = skip_blanks(p);
        if (p[0] == 'n' && p[1] == 'u' && p[2] == 'l' && p[3] == 'l') {
            v[i] = (double)NAN;
            end = p + 4;
        } else {
            end = hpo_double_parse(p, &v[i]);
            if (end == p) return 0;
        }
        p = skip_blanks(end);
        if (i + 1 < n && *p++ != ',') return 0;
    }
    p = skip_blanks(p);
    if (*p++ != ']') return 0;
    return skip_blanks(p) == text + length;
}
