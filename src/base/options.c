/* SPDX-License-Identifier: Apache-2.0 */
/* base/options.c - reads "key=value,key=value" by an algorithm's option table.
 *
 * Grammar:  spec  = name [(":" | ",") items]      items = item {"," item}      item = key "=" value
 * Blanks around names, keys and values do not count.  Numbers are decimal in the C locale; integers may be
 * written as 1e3 when they are whole; booleans are true/false, yes/no, 1/0; enums go by their label. */
#include "base/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"

/* Longest key or value that is looked at; longer ones are refused.  The buffers below depend on it. */
enum { WORD_MAX = 63, LIST_MAX = 256 };

typedef struct span {
    const char *s;
    size_t n;
} span;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static span trim(const char *s, const char *end)
{
    while (s < end && is_blank(*s))
        s++;
    while (end > s && is_blank(end[-1]))
        end--;
    return (span){s, (size_t)(end - s)};
}

static int span_is(span a, const char *text)
{
    return strlen(text) == a.n && memcmp(a.s, text, a.n) == 0;
}

/* Terminates a span in buf; 0 when it is too long to be any key or value of ours. */
static int copy_word(span a, char buf[WORD_MAX + 1])
{
    if (a.n > WORD_MAX) return 0;
    memcpy(buf, a.s, a.n);
    buf[a.n] = '\0';
    return 1;
}

hpo_status hpo_options_split(const char *spec, char *name, size_t cap, const char **rest, hpo_error *err)
{
    if (spec == NULL)
        return hpo_fail(err, HPO_EINVAL, "no algorithm was named: write 'name' or 'name:key=value'");
    size_t n = strcspn(spec, ":,");
    span word = trim(spec, spec + n);
    if (word.n == 0)
        return hpo_fail(err, HPO_EINVAL, "'%s' names no algorithm: write 'name' or 'name:key=value'", spec);
    if (word.n >= cap)
        return hpo_fail(err, HPO_EINVAL,
                        "'%.40s...' is too long for the name of an algorithm (at most %zu characters)",
                        word.s, cap - 1);
    memcpy(name, word.s, word.n);
    name[word.n] = '\0';
    *rest = spec[n] == '\0' ? spec + n : spec + n + 1;
    return HPO_OK;
}

/* "a, b, c" of the table's names or of an enum's labels, cut at LIST_MAX. */
static void add_to_list(char list[LIST_MAX], const char *word)
{
    size_t used = strlen(list), n = strlen(word);
    if (used >= 3 && strcmp(list + used - 3, "...") == 0) return;
    int fits = used + 2 + n + sizeof ", ..." <= LIST_MAX; /* leaves room for the dots */
    if (used > 0) {
        memcpy(list + used, ", ", 2);
        used += 2;
    }
    if (fits)
        memcpy(list + used, word, n + 1);
    else
        memcpy(list + used, "...", sizeof "...");
}

static hpo_status fail_unknown(const hpo_option *table, size_t n, const char *owner, span key, hpo_error *err)
{
    char word[WORD_MAX + 1], list[LIST_MAX] = "";
    if (n == 0)
        return hpo_fail(err, HPO_EINVAL, "%s: unknown option '%.*s': it has no options, remove it", owner,
                        (int)(key.n < WORD_MAX ? key.n : WORD_MAX), key.s);
    const char *near = NULL;
    unsigned best = 3; /* further away is no slip of the fingers */
    for (size_t i = 0; i < n; i++) {
        add_to_list(list, table[i].name);
        if (!copy_word(key, word)) continue;
        unsigned d = hpo_edit_distance(word, table[i].name);
        if (d < best && d < strlen(table[i].name)) {
            best = d;
            near = table[i].name;
        }
    }
    if (near != NULL)
        return hpo_fail(err, HPO_EINVAL, "%s: unknown option '%.*s': did you mean '%s'?", owner, (int)key.n,
                        key.s, near);
    return hpo_fail(err, HPO_EINVAL, "%s: unknown option '%.*s': known are %s", owner,
                    (int)(key.n < WORD_MAX ? key.n : WORD_MAX), key.s, list);
}

static hpo_status fail_value(const hpo_option *o, const char *owner, span value, const char *want,
                             hpo_error *err)
{
    return hpo_fail(err, HPO_EINVAL, "%s: option %s=%.*s: must be %s", owner, o->name,
                    (int)(value.n < WORD_MAX ? value.n : WORD_MAX), value.s, want);
}

/* "an integer from 1 to 64", leaving out infinite ends. */
static const char *range_text(const hpo_option *o, char buf[160])
{
    char low[32], high[32];
    hpo_double_text(o->min, low);
    hpo_double_text(o->max, high);
    const char *noun = o->type == HPO_OPT_INT ? "an integer" : "a number";
    const char *parts[5] = {noun, "", "", "", ""};
    if (o->min > -HUGE_VAL) {
        parts[1] = o->max < HUGE_VAL ? " from " : " of at least ";
        parts[2] = low;
    }
    if (o->max < HUGE_VAL) {
        parts[3] = o->min > -HUGE_VAL ? " to " : " of at most ";
        parts[4] = high;
    }
    (void)snprintf(buf, 160, "%s%s%s%s%s", parts[0], parts[1], parts[2], parts[3], parts[4]);
    return buf;
}

static void store_double(const hpo_option *o, double v, char *config)
{
    char *at = config + o->offset;
    if (o->type == HPO_OPT_TEXT) {
        *at = '\0';
    } else if (o->type == HPO_OPT_REAL) {
        memcpy(at, &v, sizeof v);
    } else if (o->type == HPO_OPT_INT) {
        int64_t i = (int64_t)v;
        memcpy(at, &i, sizeof i);
    } else {
        int32_t i = (int32_t)v;
        memcpy(at, &i, sizeof i);
    }
}

static hpo_status read_number(const hpo_option *o, const char *owner, span value, double *out, hpo_error *err)
{
    char word[WORD_MAX + 1], want[160];
    double v = 0;
    /* !(a && b) also catches NaN.  Integers stay within +-2^53, where doubles count exactly. */
    int good = copy_word(value, word) && hpo_parse_double(word, &v) && v >= o->min && v <= o->max;
    if (good && o->type == HPO_OPT_INT) good = v == floor(v) && fabs(v) <= 9007199254740992.0;
    if (!good) return fail_value(o, owner, value, range_text(o, want), err);
    *out = v;
    return HPO_OK;
}

static hpo_status read_bool(const hpo_option *o, const char *owner, span value, double *out, hpo_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!span_is(value, words[i])) continue;
        *out = (double)(i % 2);
        return HPO_OK;
    }
    return fail_value(o, owner, value, "yes or no", err);
}

static hpo_status read_enum(const hpo_option *o, const char *owner, span value, double *out, hpo_error *err)
{
    char list[LIST_MAX] = "";
    for (size_t i = 0; o->labels[i] != NULL; i++) {
        if (span_is(value, o->labels[i])) {
            *out = (double)i;
            return HPO_OK;
        }
        add_to_list(list, o->labels[i]);
    }
    char want[LIST_MAX + 16];
    (void)snprintf(want, sizeof want, "one of %s", list);
    return fail_value(o, owner, value, want, err);
}

static hpo_status read_text(const hpo_option *o, const char *owner, span value, char *config, hpo_error *err)
{
    if (value.n >= HPO_OPTION_TEXT)
        return hpo_fail(err, HPO_EINVAL, "%s: option %s=%.40s...: must have at most %d characters", owner,
                        o->name, value.s, HPO_OPTION_TEXT - 1);
    memcpy(config + o->offset, value.s, value.n);
    config[o->offset + value.n] = '\0';
    return HPO_OK;
}

static hpo_status read_item(const hpo_option *o, const char *owner, span value, char *config, hpo_error *err)
{
    double v = 0;
    switch (o->type) {
    case HPO_OPT_BOOL:
        HPO_TRY(read_bool(o, owner, value, &v, err));
        break;
    case HPO_OPT_ENUM:
        HPO_TRY(read_enum(o, owner, value, &v, err));
        break;
    case HPO_OPT_INT:
    case HPO_OPT_REAL:
        HPO_TRY(read_number(o, owner, value, &v, err));
        break;
    case HPO_OPT_TEXT:
        return read_text(o, owner, value, config, err);
    }
    store_double(o, v, config);
    return HPO_OK;
}

/* Splits the item at *at and moves *at behind it and its comma. */
static void next_item(const char **at, span *key, span *value, int *has_value)
{
    const char *end = *at + strcspn(*at, ",");
    const char *equals = memchr(*at, '=', (size_t)(end - *at));
    *has_value = equals != NULL;
    *key = trim(*at, equals != NULL ? equals : end);
    *value = equals != NULL ? trim(equals + 1, end) : (span){end, 0};
    *at = *end == ',' ? end + 1 : end;
}

/* Whether `key` was given before the item that starts at `here`.  Unknown keys end the reading at once, so
 * there are never more items before a first repetition than rows in the table. */
static int seen_before(const char *rest, const char *here, const char *key)
{
    while (rest < here) {
        span k, v;
        int has_value;
        next_item(&rest, &k, &v, &has_value);
        if (span_is(k, key)) return 1;
    }
    return 0;
}

hpo_status hpo_options_read(const hpo_option *table, size_t n, const char *owner, const char *rest,
                            void *config, hpo_error *err)
{
    for (size_t i = 0; i < n; i++)
        store_double(&table[i], table[i].def, config);
    if (trim(rest, rest + strlen(rest)).n == 0) return HPO_OK;
    const char *at = rest;
    for (;;) {
        const char *here = at;
        span key, value;
        int has_value;
        next_item(&at, &key, &value, &has_value);
        int more = at > here && at[-1] == ',';
        if (key.n == 0)
            return hpo_fail(err, HPO_EINVAL, "%s: empty option in '%.100s': write key=value,key=value", owner,
                            rest);
        const hpo_option *row = NULL;
        for (size_t i = 0; i < n && row == NULL; i++)
            if (span_is(key, table[i].name)) row = &table[i];
        if (row == NULL) return fail_unknown(table, n, owner, key, err);
        if (!has_value || value.n == 0)
            return hpo_fail(err, HPO_EINVAL, "%s: option %s has no value: write %s=VALUE", owner, row->name,
                            row->name);
        if (seen_before(rest, here, row->name))
            return hpo_fail(err, HPO_EINVAL, "%s: option %s is given twice: keep one", owner, row->name);
        HPO_TRY(read_item(row, owner, value, config, err));
        if (!more) return HPO_OK;
    }
}

/* Labels of an enum, or the values of the other types, hold the default. */
static int default_is_good(const hpo_option *o)
{
    if (o->type == HPO_OPT_TEXT) return 1;
    if (o->type == HPO_OPT_BOOL) return o->def == 0 || o->def == 1;
    if (o->type == HPO_OPT_ENUM) {
        size_t n = 0;
        while (o->labels[n] != NULL)
            n++;
        return o->def >= 0 && o->def < (double)n && o->def == floor(o->def);
    }
    return o->def >= o->min && o->def <= o->max && (o->type == HPO_OPT_REAL || o->def == floor(o->def));
}

hpo_status hpo_options_check(const hpo_option *table, size_t n, const char *owner, size_t config_size,
                             hpo_error *err)
{
    if (n > 0 && table == NULL)
        return hpo_fail(err, HPO_EINVAL, "'%.64s': %zu options but no table of them", owner, n);
    for (size_t i = 0; i < n; i++) {
        const hpo_option *o = &table[i];
        size_t width = o->type == HPO_OPT_TEXT                              ? HPO_OPTION_TEXT
                       : o->type == HPO_OPT_BOOL || o->type == HPO_OPT_ENUM ? sizeof(int32_t)
                                                                            : sizeof(double);
        if (o->name == NULL || o->help == NULL || (o->type == HPO_OPT_ENUM && o->labels == NULL))
            return hpo_fail(err, HPO_EINVAL, "'%.64s': option %zu lacks its name, help or labels", owner, i);
        if (o->offset > config_size || config_size - o->offset < width)
            return hpo_fail(err, HPO_EINVAL, "'%.64s': option %s lies outside the config struct of %zu bytes",
                            owner, o->name, config_size);
        if (!default_is_good(o))
            return hpo_fail(err, HPO_EINVAL, "'%.64s': option %s: its default is not within its range", owner,
                            o->name);
    }
    return HPO_OK;
}
