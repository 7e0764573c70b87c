/* SPDX-License-Identifier: Apache-2.0 */
/* runner/units.c - durations, sizes and budgets as people write them. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "hpo/runner.h"

typedef struct unit {
    const char *word;
    double factor;
} unit;

static const unit durations[] = {
    {"ms", 1e-3}, {"s", 1},       {"sec", 1},      {"second", 1}, {"seconds", 1},   {"m", 60},
    {"min", 60},  {"minute", 60}, {"minutes", 60}, {"h", 3600},   {"hour", 3600},   {"hours", 3600},
    {"d", 86400}, {"day", 86400}, {"days", 86400}, {"w", 604800}, {"week", 604800}, {"weeks", 604800}};
static const unit sizes[] = {{"B", 1},
                             {"k", 1024.0},
                             {"K", 1024.0},
                             {"KB", 1024.0},
                             {"KiB", 1024.0},
                             {"M", 1048576.0},
                             {"MB", 1048576.0},
                             {"MiB", 1048576.0},
                             {"m", 1048576.0},
                             {"G", 1073741824.0},
                             {"GB", 1073741824.0},
                             {"GiB", 1073741824.0},
                             {"g", 1073741824.0},
                             {"T", 1099511627776.0},
                             {"TB", 1099511627776.0},
                             {"TiB", 1099511627776.0}};

/* Length of the unit word at s, and its factor. */
static size_t find_unit(const unit *units, size_t n, const char *s, double *factor)
{
    size_t len = 0;
    while ((s[len] >= 'a' && s[len] <= 'z') || (s[len] >= 'A' && s[len] <= 'Z'))
        len++;
    for (size_t i = 0; i < n && len; i++)
        if (strlen(units[i].word) == len && !memcmp(units[i].word, s, len)) {
            *factor = units[i].factor;
            return len;
        }
    return 0;
}

/* A number that is not the beginning of a word such as "inf". */
static const char *plain_number(const char *s, double *v)
{
    if (!(*s >= '0' && *s <= '9') && *s != '.') return s;
    return hpo_double_parse(s, v);
}

hpo_status hpo_duration_parse(const char *text, double *seconds, hpo_error *err)
{
    double total = 0;
    double v;
    double factor;
    const char *p = text;
    if (hpo_parse_double(text, &v) && v >= 0 && isfinite(v)) {
        *seconds = v;
        return HPO_OK;
    }
    while (*p) {
        const char *end = plain_number(p, &v);
        size_t n;
        if (end == p) break;
        while (*end == ' ')
            end++;
        n = find_unit(durations, sizeof durations / sizeof durations[0], end, &factor);
        if (!n) break;
        total += v * factor;
        p = end + n;
        while (*p == ' ')
            p++;
    }
    if (*p || p == text || !isfinite(total))
        return hpo_fail(err, HPO_EINVAL,
                        "'%.100s' is not a duration: write e.g. 90s, 10min, 1.5h, 2d or 1h30m", text);
    *seconds = total;
    return HPO_OK;
}

hpo_status hpo_bytes_parse(const char *text, int64_t *bytes, hpo_error *err)
{
    double v;
    double factor = 1;
    const char *end = plain_number(text, &v);
    int ok = end != text;
    if (ok && *end) {
        while (*end == ' ')
            end++;
        size_t n = find_unit(sizes, sizeof sizes / sizeof sizes[0], end, &factor);
        ok = n && !end[n];
    }
    if (!ok || !(v * factor < 9e18))
        return hpo_fail(err, HPO_EINVAL,
                        "'%.100s' is not a size: write e.g. 512M, 16G or 1.5GiB (powers of 1024)", text);
    *bytes = (int64_t)(v * factor);
    return HPO_OK;
}

/* ---- budget ------------------------------------------------------------------------------------------ */

static hpo_status whole(const char *what, const char *text, int64_t *out, hpo_error *err)
{
    double v;
    if (!hpo_parse_double(text, &v) || !(v >= 1) || v != floor(v) || v > 9e15)
        return hpo_fail(err, HPO_EINVAL, "budget: %s '%.60s' is not a whole number from 1 on", what, text);
    *out = (int64_t)v;
    return HPO_OK;
}

static hpo_status positive(const char *what, const char *text, double *out, hpo_error *err)
{
    double v;
    if (!hpo_parse_double(text, &v) || !(v > 0) || !isfinite(v))
        return hpo_fail(err, HPO_EINVAL, "budget: %s '%.60s' is not a positive number", what, text);
    *out = v;
    return HPO_OK;
}

static hpo_status named_part(const char *key, const char *value, hpo_budget *b, hpo_error *err)
{
    if (!strcmp(key, "trials")) return whole("trials", value, &b->trials, err);
    if (!strcmp(key, "stagnation")) return whole("stagnation", value, &b->stagnation, err);
    if (!strcmp(key, "cost")) return positive("cost", value, &b->cost, err);
    if (!strcmp(key, "time")) {
        hpo_status rc = hpo_duration_parse(value, &b->seconds, err);
        return rc == HPO_OK ? rc : hpo_fail_prefix(err, rc, "budget: time");
    }
    if (!strcmp(key, "target")) {
        if (!hpo_parse_double(value, &b->target) || !isfinite(b->target))
            return hpo_fail(err, HPO_EINVAL, "budget: target '%.60s' is not a number", value);
        return HPO_OK;
    }
    return hpo_fail(err, HPO_EINVAL,
                    "budget: '%.60s' is unknown: known are trials, time, cost, target and stagnation", key);
}

static hpo_status budget_part(char *part, hpo_budget *b, hpo_error *err)
{
    double v;
    char *equals = strchr(part, '=');
    if (equals) {
        *equals = '\0';
        return named_part(part, equals + 1, b, err);
    }
    const char *end = plain_number(part, &v);
    if (end != part && (!strcmp(end, "trials") || !strcmp(end, "trial"))) {
        char number[64];
        size_t n = (size_t)(end - part);
        if (n >= sizeof number) n = sizeof number - 1;
        memcpy(number, part, n);
        number[n] = '\0';
        return whole("trials", number, &b->trials, err);
    }
    if (end != part && !*end)
        return hpo_fail(err, HPO_EINVAL, "budget: '%.60s' has no unit: write %.60strials or %.60ss", part,
                        part, part);
    if (hpo_duration_parse(part, &v, NULL) == HPO_OK && v > 0) {
        b->seconds = v;
        return HPO_OK;
    }
    return hpo_fail(
        err, HPO_EINVAL,
        "budget: '%.60s' is not understood: write e.g. 10min,200trials,cost=20,target=0.05,stagnation=50",
        part);
}

hpo_status hpo_budget_parse(const char *text, hpo_budget *b, hpo_error *err)
{
    char part[128];
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, ",");
        const char *from = p;
        size_t len = n;
        while (len && *from == ' ')
            from++, len--;
        while (len && from[len - 1] == ' ')
            len--;
        if (!len || len >= sizeof part)
            return hpo_fail(err, HPO_EINVAL,
                            "budget '%.200s' has an empty or overlong part: write e.g. 10min,200trials",
                            text);
        memcpy(part, from, len);
        part[len] = '\0';
        HPO_TRY(budget_part(part, b, err));
        p += n;
        if (!*p) return HPO_OK;
    }
}
