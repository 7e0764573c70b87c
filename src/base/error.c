/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.c - one line of text in the caller's struct; names and texts of the codes; the version. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hpo_status_name(hpo_status code)
{
    switch (code) {
#define NAME_CASE(name, value, text)                                                                         \
    case HPO_##name:                                                                                         \
        return #name;
        HPO_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    }
    return "?";
}

const char *hpo_status_text(hpo_status code)
{
    switch (code) {
#define TEXT_CASE(name, value, text)                                                                         \
    case HPO_##name:                                                                                         \
        return text;
        HPO_STATUS_LIST(TEXT_CASE)
#undef TEXT_CASE
    }
    return "unknown status code";
}

const char *hpo_version(void)
{
    return HPO_VERSION;
}

/* Formats into msg (cap bytes), one line, "..." at the end when it did not fit.  A cut never leaves half
 * a UTF-8 character behind. */
static void format_line(char *msg, size_t cap, const char *format, va_list args)
{
    int n = vsnprintf(msg, cap, format, args);
    if (n < 0) {
        msg[0] = '\0';
        return;
    }
    if ((size_t)n >= cap) {
        size_t end = cap - 4;
        while (end > 0 && ((unsigned char)msg[end] & 0xC0u) == 0x80u)
            end--;
        memcpy(msg + end, "...", 4);
    }
    for (char *c = msg; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r') *c = ' ';
    }
}

void hpo_error_set(hpo_error *err, hpo_status code, const char *format, ...)
{
    if (err == NULL) return;
    err->code = code;
    va_list args;
    va_start(args, format);
    format_line(err->msg, sizeof err->msg, format, args);
    va_end(args);
}

hpo_status hpo_fail_prefix(hpo_error *err, hpo_status code, const char *format, ...)
{
    if (err == NULL) return code;
    char old[sizeof err->msg], prefix[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    old[sizeof old - 1] = '\0';
    va_list args;
    va_start(args, format);
    format_line(prefix, sizeof prefix, format, args);
    va_end(args);
    return hpo_fail(err, err->code != HPO_OK ? err->code : code, "%s: %s", prefix, old);
}

hpo_status hpo_fail_internal(hpo_error *err, const char *what)
{
#ifndef NDEBUG
    (void)err;
    (void)what;
    abort();
#else
    return hpo_fail(err, HPO_ESTATE, "internal error, please report it: %s", what);
#endif
}
