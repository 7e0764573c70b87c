/* SPDX-License-Identifier: Apache-2.0 */
/* base/str.c - growable text; JSON strings; edit distance. */
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* Makes room for n more bytes and the terminator; 0 when there is none. */
static int make_room(hpo_str *s, size_t n)
{
    if (s->failed) return 0;
    if (n >= (size_t)PTRDIFF_MAX - s->len ||
        hpo_reserve(&s->text, &s->cap, s->len + n + 1, 1, NULL) != HPO_OK) {
        s->failed = 1;
        return 0;
    }
    return 1;
}

void hpo_str_add(hpo_str *s, const char *text)
{
    hpo_str_addn(s, text, strlen(text));
}

void hpo_str_addn(hpo_str *s, const char *text, size_t n)
{
    if (!make_room(s, n)) return;
    if (n != 0) memcpy(s->text + s->len, text, n);
    s->len += n;
    s->text[s->len] = '\0';
}

void hpo_str_addc(hpo_str *s, char c)
{
    hpo_str_addn(s, &c, 1);
}

void hpo_str_addf(hpo_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) {
        s->failed = 1;
    } else if (make_room(s, (size_t)n)) {
        (void)vsnprintf(s->text + s->len, (size_t)n + 1, format, again);
        s->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void hpo_str_double(hpo_str *s, double v)
{
    char buf[32];
    hpo_str_addn(s, buf, hpo_double_text(v, buf));
}

void hpo_str_int(hpo_str *s, int64_t v)
{
    char buf[24];
    char *p = buf + sizeof buf;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u != 0);
    if (v < 0) *--p = '-';
    hpo_str_addn(s, p, (size_t)(buf + sizeof buf - p));
}

/* Unicode 15, table 3-7. */
size_t hpo_utf8_length(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) return 1;
    size_t len = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                 : (p[0] & 0xF0u) == 0xE0u      ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || len > n) return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0u) != 0x80u) return 0;
    }
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0; /* too long a form */
    if (p[0] == 0xED && p[1] > 0x9F) return 0; /* surrogates */
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0; /* above U+10FFFF */
    return len;
}

void hpo_str_json(hpo_str *s, const char *text)
{
    hpo_str_jsonn(s, text, strlen(text));
}

void hpo_str_jsonn(hpo_str *s, const char *text, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)text;
    hpo_str_addc(s, '"');
    size_t start = 0, i = 0; /* bytes start..i-1 need no escape and are not yet copied */
    while (i < n) {
        size_t len = hpo_utf8_length(text + i, n - i);
        if (len > 1 || (len == 1 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7F)) {
            i += len;
            continue;
        }
        hpo_str_addn(s, text + start, i - start);
        unsigned char c = p[i];
        const char *escape = c == '"'    ? "\\\""
                             : c == '\\' ? "\\\\"
                             : c == '\n' ? "\\n"
                             : c == '\t' ? "\\t"
                             : c == '\r' ? "\\r"
                                         : NULL;
        if (len == 0) {
            hpo_str_add(s, "\xEF\xBF\xBD");
        } else if (escape != NULL) {
            hpo_str_add(s, escape);
        } else {
            const char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15u]};
            hpo_str_addn(s, code, sizeof code);
        }
        start = ++i;
    }
    hpo_str_addn(s, text + start, i - start);
    hpo_str_addc(s, '"');
}

void hpo_str_json_double(hpo_str *s, double v)
{
    if (isnan(v))
        hpo_str_add(s, "null");
    else if (isinf(v))
        hpo_str_add(s, v > 0 ? "1e999" : "-1e999");
    else
        hpo_str_double(s, v);
}

void hpo_str_json_member(hpo_str *s, const char *key, double v)
{
    hpo_str_addf(s, ",\"%s\":", key);
    hpo_str_json_double(s, v);
}

void hpo_str_clear(hpo_str *s)
{
    s->len = 0;
    s->failed = 0;
    if (s->text != NULL) s->text[0] = '\0';
}

void hpo_str_fini(hpo_str *s)
{
    hpo_free(s->text);
    *s = (hpo_str){0};
}

hpo_status hpo_str_steal(hpo_str *s, char **out, hpo_error *err)
{
    hpo_str_addn(s, "", 0);
    if (s->failed) {
        hpo_str_fini(s);
        return hpo_fail_memory(err);
    }
    *out = s->text;
    *s = (hpo_str){0};
    return HPO_OK;
}

hpo_status hpo_str_hand_out(hpo_str *s, char *buf, size_t cap, size_t *n, hpo_error *err)
{
    int failed = s->failed;
    *n = s->len;
    if (!failed && s->len > 0 && cap > 0) memcpy(buf, s->text, s->len < cap ? s->len : cap);
    hpo_str_fini(s);
    return failed ? hpo_fail_memory(err) : HPO_OK;
}

unsigned hpo_edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 254, CAP = 255 };
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST) return CAP;
    /* Wagner and Fischer (1974), one row: row[j] is the distance from a[0..i) to b[0..j). */
    unsigned row[LONGEST + 1];
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            unsigned drop = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < drop ? replace : drop;
        }
    }
    return row[nb];
}
