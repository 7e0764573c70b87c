/* SPDX-License-Identifier: Apache-2.0 */
/* cli/text.c - durations, sizes, numbers and times written for people. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli.h"

char *cli_duration_text(double s, char buf[32])
{
    if (isnan(s)) {
        snprintf(buf, 32, "-");
    } else if (s < 0) {
        snprintf(buf, 32, "0s");
    } else if (s < 0.9995) {
        snprintf(buf, 32, "%.0fms", s * 1e3);
    } else if (s < 59.95) {
        snprintf(buf, 32, "%.1fs", s);
    } else if (s < 3599.5) {
        int64_t t = (int64_t)(s + 0.5);
        snprintf(buf, 32, "%" PRId64 "m%02" PRId64 "s", t / 60, t % 60);
    } else if (s < 86400.0 * 2) {
        int64_t t = (int64_t)(s / 60 + 0.5);
        snprintf(buf, 32, "%" PRId64 "h%02" PRId64 "m", t / 60, t % 60);
    } else if (s < 1e15) {
        int64_t t = (int64_t)(s / 3600 + 0.5);
        snprintf(buf, 32, "%" PRId64 "d%02" PRId64 "h", t / 24, t % 24);
    } else {
        snprintf(buf, 32, "for ever");
    }
    return buf;
}

char *cli_size_text(double bytes, char buf[32])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t i = 0;
    while (bytes >= 1023.5 && i + 1 < CLI_COUNT(names)) {
        bytes /= 1024;
        i++;
    }
    snprintf(buf, 32, i && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, names[i]);
    return buf;
}

char *cli_number_text(double v, char buf[32])
{
    if (isnan(v))
        snprintf(buf, 32, "-");
    else if (v == floor(v) && fabs(v) < 1e15)
        snprintf(buf, 32, "%.0f", v == 0 ? 0.0 : v);
    else
        snprintf(buf, 32, "%.6g", v);
    return buf;
}

char *cli_time_text(int64_t unix_ms, char buf[32])
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;
    if (unix_ms == 0 || !localtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(buf, 32, "-");
    return buf;
}

static char *put_digits(char *p, int64_t v, int n)
{
    for (int i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

/* By arithmetic: an export writes three times a trial, and strftime took a tenth of it.  Days are counted
 * from 1 March of year 0, so that the leap day is the last of its year and 400 years are 146097 days. */
char *cli_utc_text(int64_t unix_ms, char buf[32])
{
    int64_t days, era, day, year, month;
    int64_t ms = unix_ms % 86400000;
    char *p = buf;
    buf[0] = '\0';
    if (unix_ms <= 0 || unix_ms > INT64_C(253402300799999)) return buf; /* the end of year 9999 */
    days = unix_ms / 86400000 + 719468;
    era = days / 146097;
    day = days % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    year += 400 * era + (month >= 10);
    p = put_digits(p, year, 4);
    *p++ = '-';
    p = put_digits(p, month < 10 ? month + 3 : month - 9, 2);
    *p++ = '-';
    p = put_digits(p, day + 1, 2);
    *p++ = 'T';
    p = put_digits(p, ms / 3600000, 2);
    *p++ = ':';
    p = put_digits(p, ms / 60000 % 60, 2);
    *p++ = ':';
    p = put_digits(p, ms / 1000 % 60, 2);
    *p++ = '.';
    p = put_digits(p, ms % 1000, 3);
    *p++ = 'Z';
    *p = '\0';
    return buf;
}

/* Wide East Asian characters take two columns, combining marks none; the rest one. */
size_t cli_text_width(const char *text)
{
    size_t width = 0;
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t u = *p++;
        int more = u >= 0xf0 ? 3 : u >= 0xe0 ? 2 : u >= 0xc0 ? 1 : 0;
        if (more) u &= 0x3fu >> more;
        while (more-- > 0 && (*p & 0xc0u) == 0x80u)
            u = u << 6 | (*p++ & 0x3fu);
        if ((u >= 0x300 && u < 0x370) || u == 0x200d || (u >= 0xfe00 && u < 0xfe10)) continue;
        width += (u >= 0x1100 && u < 0x1160) || (u >= 0x2e80 && u < 0xa4d0) || (u >= 0xac00 && u < 0xd7a4) ||
                         (u >= 0xf900 && u < 0xfb00) || (u >= 0xfe30 && u < 0xfe70) ||
                         (u >= 0xff00 && u < 0xff61) || (u >= 0x1f300 && u < 0x1faf0)
                     ? 2
                     : 1;
    }
    return width;
}

const char *cli_style_on(int colour, char what)
{
    if (!colour) return "";
    switch (what) {
    case 'b':
        return "\033[1m";
    case 'd':
        return "\033[2m";
    case 'r':
        return "\033[31m";
    case 'g':
        return "\033[32m";
    case 'y':
        return "\033[33m";
    case 'c':
        return "\033[36m";
    default:
        return "";
    }
}

const char *cli_style_off(int colour)
{
    return colour ? "\033[0m" : "";
}
