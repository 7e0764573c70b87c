/* SPDX-License-Identifier: Apache-2.0 */
/* cli/problem.c - the options that define a study, shared by `create` and `run`. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "cli.h"
#include "hpo/runner.h"

/* ---- space ---------------------------------------------------------------------------------------- */

static hpo_status load_space(const char *path, hpo_space **out, hpo_error *err)
{
    char *text = NULL;
    size_t n = 0;
    hpo_status st;
    HPO_TRY(hpo_os_read_file(path, (size_t)16 << 20, &text, &n, err));
    st = hpo_space_load(text, out, err);
    if (st != HPO_OK) hpo_fail_prefix(err, st, "%s", path);
    hpo_free(text);
    return st;
}

static hpo_status add_params(cli *c, hpo_space *s)
{
    const char *text;
    char name[256];
    for (size_t at = 0; (text = cli_next(c, "param", &at)) != NULL;) {
        const char *colon = strchr(text, ':');
        size_t n = colon ? (size_t)(colon - text) : 0;
        while (n && text[n - 1] == ' ')
            n--;
        if (!n || n >= sizeof name)
            return hpo_fail(&c->err, HPO_EINVAL,
                            "--param '%s' is not NAME:DOMAIN: write e.g. 'lr:log 1e-5..1'", text);
        memcpy(name, text, n);
        name[n] = '\0';
        HPO_TRY(hpo_space_add(s, name, colon + 1, &c->err));
    }
    return HPO_OK;
}

static hpo_status add_expressions(cli *c, hpo_space *s)
{
    const char *text;
    char name[256];
    for (size_t at = 0; (text = cli_next(c, "constraint", &at)) != NULL;)
        HPO_TRY(hpo_space_add_constraint(s, text, &c->err));
    for (size_t at = 0; (text = cli_next(c, "derive", &at)) != NULL;) {
        const char *equals = strchr(text, '=');
        size_t n = equals ? (size_t)(equals - text) : 0;
        while (n && text[n - 1] == ' ')
            n--;
        if (!n || n >= sizeof name || equals[1] == '=')
            return hpo_fail(&c->err, HPO_EINVAL, "--derive '%s' is not NAME=EXPR: write e.g. 'units=2 ** k'",
                            text);
        memcpy(name, text, n);
        name[n] = '\0';
        HPO_TRY(hpo_space_add_derived(s, name, equals + 1, &c->err));
    }
    return HPO_OK;
}

static hpo_status read_space(cli *c, hpo_space **out)
{
    const char *path = cli_get(c, "space", NULL);
    hpo_space *s = NULL;
    hpo_status st;
    *out = NULL;
    if (!path && !cli_has(c, "param")) {
        if (cli_has(c, "constraint") || cli_has(c, "derive"))
            return hpo_fail(&c->err, HPO_EINVAL,
                            "--constraint and --derive need parameters: add --param or --space");
        return HPO_OK;
    }
    st = path ? load_space(path, &s, &c->err) : hpo_space_create(&s, &c->err);
    if (st == HPO_OK) st = add_params(c, s);
    if (st == HPO_OK) st = add_expressions(c, s);
    if (st == HPO_OK)
        *out = s;
    else
        hpo_space_free(s);
    return st;
}

int cli_space_read(cli *c, hpo_space **out)
{
    return read_space(c, out) == HPO_OK ? CLI_OK : cli_fail(c);
}

/* ---- objectives and outcomes -------------------------------------------------------------------- */

static hpo_status read_objectives(cli *c, cli_problem *p)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_given; i++) { /* in the order given, whichever way they point */
        const char *option = c->command->options[c->given[i].option].name;
        int maximize = !strcmp(option, "maximize");
        if (!maximize && strcmp(option, "minimize") != 0) continue;
        if (n == CLI_MAX_OBJECTIVES)
            return hpo_fail(&c->err, HPO_EINVAL, "--%s %s: more than %d objectives", option,
                            c->given[i].value, (int)CLI_MAX_OBJECTIVES);
        p->objectives[n].size = sizeof p->objectives[n];
        p->objectives[n].name = c->given[i].value;
        p->objectives[n++].direction = maximize ? HPO_MAXIMIZE : HPO_MINIMIZE;
    }
    if (n) {
        p->options.objectives = p->objectives;
        p->options.n_objectives = n;
    }
    return HPO_OK;
}

static hpo_status read_outcomes(cli *c, cli_problem *p)
{
    const char *text;
    size_t n = 0;
    for (size_t at = 0; (text = cli_next(c, "outcome", &at)) != NULL; n++) {
        const char *sign = strstr(text, "<=");
        size_t len = sign ? (size_t)(sign - text) : 0;
        const char *value = sign ? sign + 2 : "";
        while (len && text[len - 1] == ' ')
            len--;
        while (*value == ' ')
            value++;
        if (n == CLI_MAX_OUTCOMES)
            return hpo_fail(&c->err, HPO_EINVAL, "--outcome %s: more than %d outcomes", text,
                            (int)CLI_MAX_OUTCOMES);
        p->outcomes[n].size = sizeof p->outcomes[n];
        if (!len || !hpo_parse_double(value, &p->outcomes[n].max) || isnan(p->outcomes[n].max))
            return hpo_fail(&c->err, HPO_EINVAL, "--outcome '%s' is not NAME<=NUMBER: write e.g. 'mem<=10'",
                            text);
        p->names[n] = hpo_strndup(text, len);
        if (!p->names[n]) return hpo_fail_memory(&c->err);
        p->outcomes[n].name = p->names[n];
        p->options.outcomes = p->outcomes;
        p->options.n_outcomes = n + 1;
    }
    return HPO_OK;
}

/* ---- all together ----------------------------------------------------------------------------------- */

static int read_numbers(cli *c, cli_problem *p)
{
    hpo_study_options *o = &p->options;
    const char *seed = cli_get(c, "seed", NULL);
    int64_t v = o->max_retries;
    int rc;
    o->noisy = cli_has(c, "noisy");
    if ((rc = cli_get_int(c, "max-retries", 0, 1000000, &v)) != CLI_OK) return rc;
    o->max_retries = (int32_t)v;
    if ((rc = cli_get_int(c, "lag", 0, 1000000, &o->lag)) != CLI_OK) return rc;
    if ((rc = cli_get_duration(c, "lease", &o->lease)) != CLI_OK) return rc;
    if (cli_has(c, "lease") && o->lease <= 0)
        return cli_usage_error(c, "--lease: '%s' is not a positive time", cli_get(c, "lease", ""));
    if (seed) {
        if (!hpo_parse_int(seed, &v)) return cli_usage_error(c, "--seed: '%s' is not a whole number", seed);
        o->seed = (uint64_t)v;
    } else {
        uint32_t r;
        if (hpo_os_random(&r, sizeof r, &c->err) != HPO_OK) return cli_fail(c);
        o->seed = r; /* 32 bits: short enough to be typed again */
        p->seed_is_random = 1;
    }
    return CLI_OK;
}

int cli_problem_read(cli *c, cli_problem *p)
{
    const char *budget = cli_get(c, "budget", NULL);
    int rc;
    memset(p, 0, sizeof *p);
    p->options = hpo_study_options_init();
    p->options.name = cli_get(c, "name", NULL);
    p->options.sampler = cli_get(c, "sampler", NULL);
    p->options.scheduler = cli_get(c, "scheduler", NULL);
    p->options.until = cli_get(c, "until", NULL);
    if ((rc = read_numbers(c, p)) != CLI_OK) return rc;
    if (read_objectives(c, p) != HPO_OK || read_outcomes(c, p) != HPO_OK ||
        (budget && hpo_budget_parse(budget, &p->options.budget, &c->err) != HPO_OK)) {
        rc = cli_usage_error(c, "%s", c->err.msg);
    } else if (read_space(c, &p->space) != HPO_OK) {
        rc = cli_fail(c);
    }
    if (rc != CLI_OK) cli_problem_free(p);
    return rc;
}

void cli_problem_free(cli_problem *p)
{
    hpo_space_free(p->space);
    p->space = NULL;
    for (size_t i = 0; i < CLI_MAX_OUTCOMES; i++) {
        hpo_free(p->names[i]);
        p->names[i] = NULL;
    }
}
