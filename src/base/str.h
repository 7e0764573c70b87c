/* SPDX-License-Identifier: Apache-2.0 */
/* base/str.h - a growable text and everything we write into texts.
 *
 * Running out of memory sets `failed` and makes further appends do nothing: check once at the end. */
#ifndef BASE_STR_H
#define BASE_STR_H
#include "hpo.h"
#include <stddef.h>
#include <stdint.h>

typedef struct hpo_str {
    char *text; /* always terminated once something was appended; NULL when empty and never used */
    size_t len, cap;
    int failed;
} hpo_str; /* zero-initialised is empty */

void hpo_str_add(hpo_str *s, const char *text);
void hpo_str_addn(hpo_str *s, const char *text, size_t n);
void hpo_str_addc(hpo_str *s, char c);
void hpo_str_addf(hpo_str *s, const char *format, ...) HPO_PRINTF(2, 3);
void hpo_str_double(hpo_str *s, double v); /* hpo_double_text */
void hpo_str_int(hpo_str *s, int64_t v);
/* JSON: a quoted and escaped string (invalid UTF-8 bytes become U+FFFD); a number, with NaN as null
 * and infinities as +-1e999, which every reader of ours and SQLite take as infinite. */
void hpo_str_json(hpo_str *s, const char *text);
void hpo_str_jsonn(hpo_str *s, const char *text, size_t n);
void hpo_str_json_double(hpo_str *s, double v);
void hpo_str_json_member(hpo_str *s, const char *key, double v); /* ,"key":v */
void hpo_str_clear(hpo_str *s); /* keeps the memory */
void hpo_str_fini(hpo_str *s);
/* Hands the text over (an empty string if nothing was added); HPO_ENOMEM when `failed`. */
HPO_NODISCARD hpo_status hpo_str_steal(hpo_str *s, char **out, hpo_error *err);
/* For slots that fill a caller's buffer: copies at most cap bytes (no terminator), *n gets the whole length, and the
 * text is freed; HPO_ENOMEM when `failed`. */
HPO_NODISCARD hpo_status hpo_str_hand_out(hpo_str *s, char *buf, size_t cap, size_t *n, hpo_error *err);

/* Shortest text that reads back as exactly v, in the C locale whatever the process's locale:
 * "0.1", "1e-05", "12", "nan", "inf", "-inf".  buf holds 32 bytes.  Returns the length. */
size_t hpo_double_text(double v, char buf[32]);
/* Reads a decimal number at s (C locale, correctly rounded; also inf, nan).  Returns the end, or s
 * itself when there is no number. */
const char *hpo_double_parse(const char *s, double *out);
/* Reads a whole text as number / integer; 0 when it is not exactly that. */
int hpo_parse_double(const char *s, double *out);
int hpo_parse_int(const char *s, int64_t *out);
/* Length of the well-formed UTF-8 character at p (n > 0 bytes are left), or 0. */
size_t hpo_utf8_length(const char *p, size_t n);
/* What ends a noun after n: "%lld trial%s". */
static inline const char *hpo_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}
/* Edit distance, for "did you mean" texts; capped at 255. */
unsigned hpo_edit_distance(const char *a, const char *b);
#endif
