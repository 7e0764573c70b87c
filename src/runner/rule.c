/* SPDX-License-Identifier: Apache-2.0 */
/* runner/rule.c - capture rules: reading them, and matching one line of output. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/metric_rule.h"

/* ---- reading ------------------------------------------------------------------------------------- */

static hpo_status add_token(hpo_rule *r, hpo_token_kind kind, size_t start, size_t len, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&r->tokens, &r->cap_tokens, r->n_tokens + 1, sizeof *r->tokens, err));
    r->tokens[r->n_tokens++] = (hpo_token){kind, start, len};
    return HPO_OK;
}

static const struct {
    const char *word;
    hpo_token_kind kind;
} captures[] = {
    {"{float}", HPO_TOKEN_VALUE}, {"{int}", HPO_TOKEN_VALUE}, {"{number}", HPO_TOKEN_VALUE},
    {"{step}", HPO_TOKEN_STEP},   {"{*}", HPO_TOKEN_ANY},
};

static hpo_status parse_pattern(hpo_rule *r, hpo_error *err)
{
    const char *text = r->text;
    size_t values = 0;
    size_t steps = 0;
    for (size_t i = 0; text[i];) {
        size_t k = 0;
        size_t n_captures = sizeof captures / sizeof captures[0];
        if (text[i] == '{') {
            while (k < n_captures && strncmp(text + i, captures[k].word, strlen(captures[k].word)) != 0)
                k++;
            if (k < n_captures) {
                HPO_TRY(add_token(r, captures[k].kind, 0, 0, err));
                values += captures[k].kind == HPO_TOKEN_VALUE;
                steps += captures[k].kind == HPO_TOKEN_STEP;
                i += strlen(captures[k].word);
                continue;
            }
        }
        if (isspace((unsigned char)text[i])) {
            HPO_TRY(add_token(r, HPO_TOKEN_SPACE, 0, 0, err));
            while (isspace((unsigned char)text[i]))
                i++;
            continue;
        }
        size_t start = i++;
        while (text[i] && text[i] != '{' && !isspace((unsigned char)text[i]))
            i++;
        HPO_TRY(add_token(r, HPO_TOKEN_TEXT, start, i - start, err));
    }
    if (values != 1 || steps > 1)
        return hpo_fail(
            err, HPO_EINVAL,
            "metric '%.200s': a pattern holds {float} exactly once (and {step} at most once), as in "
            "'loss=val loss: {float}'; or say last, exit or time",
            text);
    if (r->n_tokens == 1)
        return hpo_fail(
            err, HPO_EINVAL,
            "metric '%.100s={float}' would take any number: write '%.100s=last' for the last number, or the "
            "text around it: '%.100s=%.100s={float}'",
            r->name, r->name, r->name, r->name);
    r->has_step = steps == 1;
    return HPO_OK;
}

hpo_status hpo_rule_parse(hpo_rule *r, const char *text, hpo_error *err)
{
    r->text = hpo_strdup(text);
    if (!r->text) return hpo_fail_memory(err);
    if (!strcmp(text, "last")) {
        r->kind = HPO_RULE_LAST;
    } else if (!strcmp(text, "exit")) {
        r->kind = HPO_RULE_EXIT;
    } else if (!strcmp(text, "time")) {
        r->kind = HPO_RULE_TIME;
    } else if (!strncmp(text, "re:", 3)) {
        char why[160];
        r->kind = HPO_RULE_REGEX;
        int code = regcomp(&r->regex, text + 3, REG_EXTENDED);
        if (code) {
            regerror(code, &r->regex, why, sizeof why);
            return hpo_fail(err, HPO_EINVAL, "metric 're:%.200s': not a regular expression: %s", text + 3,
                            why);
        }
        r->has_regex = 1;
        if (r->regex.re_nsub < 1)
            return hpo_fail(err, HPO_EINVAL,
                            "metric 're:%.200s': put the number into parentheses: 're:loss ([0-9.]+)'",
                            text + 3);
    } else {
        r->kind = HPO_RULE_PATTERN;
        return parse_pattern(r, err);
    }
    return HPO_OK;
}

void hpo_rule_fini(hpo_rule *r)
{
    if (r->has_regex) regfree(&r->regex);
    hpo_free(r->name);
    hpo_free(r->text);
    hpo_free(r->tokens);
    hpo_free(r->path);
    hpo_free(r->key);
}

/* ---- matching ------------------------------------------------------------------------------------ */

/* A number at s that does not run into a word: the end, or s. */
static const char *number_at(const char *s, double *out)
{
    const char *end = hpo_double_parse(s, out);
    if (end == s) return s;
    if (isalnum((unsigned char)*end) || *end == '_') {
        /* "nan" of "nano" and "inf" of "info" are none; "5s" and "3x" are 5 and 3. */
        unsigned char last = (unsigned char)end[-1];
        if (!isdigit(last) && last != '.') return s;
    }
    return end;
}

static const char *match_from(const hpo_rule *r, size_t i, const char *p, double *value, double *step)
{
    for (; i < r->n_tokens; i++) {
        const hpo_token *t = &r->tokens[i];
        const char *end;
        switch (t->kind) {
        case HPO_TOKEN_TEXT:
            if (strncmp(p, r->text + t->start, t->len) != 0) return NULL;
            p += t->len;
            break;
        case HPO_TOKEN_SPACE:
            if (!isspace((unsigned char)*p) && i > 0 && i + 1 < r->n_tokens) return NULL;
            while (isspace((unsigned char)*p))
                p++;
            break;
        case HPO_TOKEN_VALUE:
        case HPO_TOKEN_STEP:
            while (*p == ' ' || *p == '\t')
                p++;
            end = number_at(p, t->kind == HPO_TOKEN_VALUE ? value : step);
            if (end == p) return NULL;
            p = end;
            break;
        case HPO_TOKEN_ANY:
            for (; *p; p++) {
                end = match_from(r, i + 1, p, value, step);
                if (end) return end;
            }
            return match_from(r, i + 1, p, value, step);
        }
    }
    return p;
}

static int match_pattern(const hpo_rule *r, const char *line, double *value, double *step)
{
    int found = 0;
    const hpo_token *first = &r->tokens[0];
    for (const char *p = line; *p;) {
        double v = (double)NAN;
        double s = (double)NAN;
        if (first->kind == HPO_TOKEN_TEXT) { /* the common case: find the first bytes quickly */
            p = strchr(p, r->text[first->start]);
            if (!p) break;
        }
        const char *end = match_from(r, 0, p, &v, &s);
        if (!end) {
            p++;
            continue;
        }
        *value = v;
        *step = s;
        found = 1;
        p = end > p ? end : p + 1;
    }
    return found;
}

static int match_regex(const hpo_rule *r, const char *line, double *value, double *step)
{
    regmatch_t m[2];
    int found = 0;
    for (const char *p = line; regexec(&r->regex, p, 2, m, p == line ? 0 : REG_NOTBOL) == 0;) {
        if (m[1].rm_so >= 0) {
            double v;
            const char *s = p + m[1].rm_so;
            const char *end = hpo_double_parse(s, &v);
            if (end > s && end <= p + m[1].rm_eo) {
                *value = v;
                *step = (double)NAN;
                found = 1;
            }
        }
        if (!p[m[0].rm_eo]) break;
        p += m[0].rm_eo > 0 ? m[0].rm_eo : 1;
    }
    return found;
}

int hpo_rule_match(const hpo_rule *r, const char *line, double *value, double *step)
{
    if (r->kind == HPO_RULE_PATTERN) return match_pattern(r, line, value, step);
    if (r->kind == HPO_RULE_REGEX) return match_regex(r, line, value, step);
    return 0;
}

int hpo_last_number(const char *line, double *out)
{
    int found = 0;
    for (const char *p = line; *p;) {
        double v;
        const char *end = number_at(p, &v);
        if (end > p) {
            *out = v;
            found = 1;
            p = end;
            while (isalnum((unsigned char)*p) || *p == '_')
                p++; /* a unit: "5s", "93ms" */
        } else if (isalnum((unsigned char)*p) || *p == '_') {
            while (isalnum((unsigned char)*p) || *p == '_' || *p == '.')
                p++;
        } else {
            p++;
        }
    }
    return found;
}
