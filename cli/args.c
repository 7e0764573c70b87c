/* SPDX-License-Identifier: Apache-2.0 */
/* cli/args.c - reads a command line by the command's option table.
 *
 * --long, --long=value, --long value, -x, -xvalue, -x value, -xyz for switches; `--` ends the options.
 * Words that are no options may stand anywhere, but a command marked CLI_STOP_EARLY takes everything
 * from the first such word on as it is.  A negative number is a word, not an option. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "cli.h"
#include "hpo/runner.h"

unsigned cli_near(const char *word)
{
    size_t n = strlen(word);
    return n < 4 ? 1 : n < 7 ? 2 : 3;
}

static const cli_option *find_long(const cli_command *cmd, const char *name, size_t len)
{
    for (size_t i = 0; i < cmd->n_options; i++)
        if (!strncmp(cmd->options[i].name, name, len) && !cmd->options[i].name[len]) return &cmd->options[i];
    return NULL;
}

static const cli_option *find_letter(const cli_command *cmd, char letter)
{
    for (size_t i = 0; i < cmd->n_options; i++)
        if (cmd->options[i].letter == letter) return &cmd->options[i];
    return NULL;
}

static int unknown_long(const cli *c, const char *name, size_t len)
{
    char word[64];
    const char *best = NULL;
    unsigned limit;
    if (len >= sizeof word) len = sizeof word - 1;
    memcpy(word, name, len);
    word[len] = '\0';
    limit = cli_near(word);
    for (size_t i = 0; i < c->command->n_options; i++) {
        const char *known = c->command->options[i].name;
        unsigned d = hpo_edit_distance(word, known);
        if (len >= 3 && !strncmp(known, word, len)) d = 1;
        if (d <= limit) {
            best = known;
            limit = d - 1;
        }
    }
    if (best) return cli_usage_error(c, "unknown option --%s: did you mean --%s?", word, best);
    return cli_usage_error(c, "unknown option --%s", word);
}

static int add_given(cli *c, const cli_option *o, const char *value)
{
    if (hpo_reserve(&c->given, &c->given_cap, c->n_given + 1, sizeof *c->given, &c->err) != HPO_OK)
        return cli_fail(c);
    c->given[c->n_given].option = (size_t)(o - c->command->options);
    c->given[c->n_given++].value = value;
    return CLI_OK;
}

static int add_word(cli *c, const char *word)
{
    if (hpo_reserve(&c->args, &c->args_cap, c->n_args + 1, sizeof *c->args, &c->err) != HPO_OK)
        return cli_fail(c);
    c->args[c->n_args++] = word;
    return CLI_OK;
}

static int is_number(const char *word)
{
    double v;
    return hpo_parse_double(word, &v);
}

static int parse_long(cli *c, size_t n, char *const *words, size_t *i, int *help)
{
    const char *name = words[*i] + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    const cli_option *o = find_long(c->command, name, len);
    if (!o) {
        if (len == 4 && !strncmp(name, "help", 4)) {
            *help = 1;
            return CLI_OK;
        }
        return unknown_long(c, name, len);
    }
    if (!o->arg) {
        if (value) return cli_usage_error(c, "option --%s takes no value, but got '%s'", o->name, value);
        return add_given(c, o, NULL);
    }
    if (!value) {
        if (*i + 1 >= n)
            return cli_usage_error(c, "option --%s needs a value: --%s %s", o->name, o->name, o->arg);
        value = words[++*i];
    }
    return add_given(c, o, value);
}

static int parse_letters(cli *c, size_t n, char *const *words, size_t *i, int *help)
{
    for (const char *p = words[*i] + 1; *p; p++) {
        const cli_option *o = find_letter(c->command, *p);
        const char *value = NULL;
        int rc;
        if (!o && *p == 'h') {
            *help = 1;
            continue;
        }
        if (!o) return cli_usage_error(c, "unknown option -%c", *p);
        if (o->arg) {
            if (p[1])
                value = p + 1;
            else if (*i + 1 < n)
                value = words[++*i];
            else
                return cli_usage_error(c, "option -%c needs a value: -%c %s", *p, *p, o->arg);
        }
        rc = add_given(c, o, value);
        if (rc != CLI_OK || value) return rc;
    }
    return CLI_OK;
}

int cli_parse(cli *c, size_t n, char *const *words, int *help)
{
    int over = 0;
    int dashes = 0;
    for (size_t i = 0; i < n; i++) {
        const char *w = words[i];
        int rc;
        if (over || w[0] != '-' || !w[1] || is_number(w)) {
            rc = add_word(c, w);
            if (c->command->flags & CLI_STOP_EARLY) over = 1;
        } else if (!strcmp(w, "--")) {
            c->n_before_dashes = c->n_args;
            over = 1;
            dashes = 1;
            continue;
        } else if (w[1] == '-') {
            rc = parse_long(c, n, words, &i, help);
        } else {
            rc = parse_letters(c, n, words, &i, help);
        }
        if (rc != CLI_OK) return rc;
    }
    if (!dashes) c->n_before_dashes = c->n_args;
    for (size_t i = 0; i < c->n_given; i++) {
        const cli_option *o = &c->command->options[c->given[i].option];
        for (size_t j = 0; j < i && !(o->flags & CLI_REPEAT); j++)
            if (c->given[j].option == c->given[i].option && o->arg)
                return cli_usage_error(c, "option --%s is given twice ('%s' and '%s'): give it once", o->name,
                                       c->given[j].value, c->given[i].value);
    }
    return CLI_OK;
}

/* ---- what was given ------------------------------------------------------------------------- */

static size_t option_index(const cli *c, const char *name)
{
    for (size_t i = 0; i < c->command->n_options; i++)
        if (!strcmp(c->command->options[i].name, name)) return i;
    return SIZE_MAX;
}

int cli_has(const cli *c, const char *name)
{
    size_t o = option_index(c, name);
    for (size_t i = 0; i < c->n_given; i++)
        if (c->given[i].option == o) return 1;
    return 0;
}

const char *cli_get(const cli *c, const char *name, const char *missing)
{
    size_t o = option_index(c, name);
    for (size_t i = c->n_given; i-- > 0;)
        if (c->given[i].option == o) return c->given[i].value;
    return missing;
}

const char *cli_next(const cli *c, const char *name, size_t *at)
{
    size_t o = option_index(c, name);
    for (; *at < c->n_given; ++*at)
        if (c->given[*at].option == o) return c->given[(*at)++].value;
    return NULL;
}

int cli_get_int(cli *c, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *text = cli_get(c, name, NULL);
    int64_t v;
    if (!text) return CLI_OK;
    if (!hpo_parse_int(text, &v)) {
        double d; /* 1e6 is a fine way to write a million */
        if (!hpo_parse_double(text, &d) || d != floor(d) || fabs(d) > 9007199254740992.0)
            return cli_usage_error(c, "--%s: '%s' is not a whole number", name, text);
        v = (int64_t)d;
    }
    if (v < min) return cli_usage_error(c, "--%s: %s is too small: at least %" PRId64, name, text, min);
    if (v > max) return cli_usage_error(c, "--%s: %s is too large: at most %" PRId64, name, text, max);
    *out = v;
    return CLI_OK;
}

int cli_get_double(cli *c, const char *name, double *out)
{
    const char *text = cli_get(c, name, NULL);
    if (!text) return CLI_OK;
    if (!hpo_parse_double(text, out)) return cli_usage_error(c, "--%s: '%s' is not a number", name, text);
    return CLI_OK;
}

int cli_get_duration(cli *c, const char *name, double *seconds)
{
    const char *text = cli_get(c, name, NULL);
    if (!text) return CLI_OK;
    if (hpo_duration_parse(text, seconds, &c->err) != HPO_OK)
        return cli_usage_error(c, "--%s: %s", name, c->err.msg);
    return CLI_OK;
}

int cli_get_size(cli *c, const char *name, int64_t *bytes)
{
    const char *text = cli_get(c, name, NULL);
    if (!text) return CLI_OK;
    if (hpo_bytes_parse(text, bytes, &c->err) != HPO_OK)
        return cli_usage_error(c, "--%s: %s", name, c->err.msg);
    return CLI_OK;
}

int cli_trial_number(cli *c, const char *word, int64_t *number)
{
    if (!hpo_parse_int(word, number) || *number < 0)
        return cli_usage_error(c, "'%s' is not a trial number: a whole number from 0 on", word);
    return CLI_OK;
}

int cli_expect_args(cli *c, size_t min, size_t max)
{
    if (c->n_args < min)
        return cli_usage_error(c, "too few words: usage: hpo %s %s", c->command->name, c->command->usage);
    if (c->n_args > max)
        return cli_usage_error(c, "'%s' is one word too many: usage: hpo %s %s", c->args[max],
                               c->command->name, c->command->usage);
    return CLI_OK;
}
