/* SPDX-License-Identifier: Apache-2.0 */
/* cli/text.c - durations, sizes, numbers and times, read and written for people. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "cli.h"

typedef struct unit {
    const char *name;
    double factor;
} unit;

static const unit time_units[] = {
    {"s", 1},     {"sec", 1},     {"second", 1},   {"seconds", 1},  {"ms", 1e-3},   {"m", 60},
    {"min", 60},  {"minute", 60}, {"minutes", 60}, {"h", 3600},     {"hour", 3600}, {"hours", 3600},
    {"d", 86400}, {"day", 86400}, {"days", 86400}, {"w", 604800.0}, {NULL, 0},
};

static const unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"K", 1024.0},
    {"KiB", 1024.0},
    {"kB", 1e3},
    {"KB", 1e3},
    {"M", 1048576.0},
    {"MiB", 1048576.0},
    {"MB", 1e6},
    {"G", 1073741824.0},
    {"GiB", 1073741824.0},
    {"GB", 1e9},
    {"T", 1099511627776.0},
    {"TiB", 1099511627776.0},
    {"TB", 1e12},
    {NULL, 0},
};

static double factor_of(const unit *table, const char *name, size_t len)
{
    for (; table->name; table++)
        if (!strncmp(table->name, name, len) && !table->name[len]) return table->factor;
    return 0;
}

static size_t letters(const char *s)
{
    size_t n = 0;
    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z'))
        n++;
    return n;
}

hpo_status cli_duration_parse(const char *text, double *seconds, hpo_error *err)
{
    double sum = 0;
    const char *p = text;
    while (*p) {
        double v;
        double factor = 1;
        const char *end = hpo_double_parse(p, &v);
        size_t n = letters(end);
        if (end == p || !(v >= 0) || isinf(v)) goto bad;
        if (n) factor = factor_of(time_units, end, n);
        if (factor <= 0 || (!n && (p != text || *end))) goto bad;
        sum += v * factor;
        p = end + n;
    }
    if (p == text) goto bad;
    *seconds = sum;
    return HPO_OK;
bad:
    return hpo_fail(err, HPO_EINVAL, "'%s' is not a duration: write 90 (seconds), 10min, 1h30m or 2d", text);
}

hpo_status cli_size_parse(const char *text, double *bytes, hpo_error *err)
{
    double v;
    const char *end = hpo_double_parse(text, &v);
    double factor = factor_of(size_units, end, strlen(end));
    if (end == text || !(v >= 0) || isinf(v) || factor <= 0)
        return hpo_fail(err, HPO_EINVAL, "'%s' is not a size: write 1000000, 512M, 16GiB or 16GB", text);
    *bytes = v * factor;
    return HPO_OK;
}

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

char *cli_utc_text(int64_t unix_ms, char buf[32])
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;
    size_t n;
    buf[0] = '\0';
    if (unix_ms == 0 || !gmtime_r(&t, &tm)) return buf;
    n = strftime(buf, 24, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, 32 - n, ".%03dZ", (int)(unix_ms % 1000));
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
