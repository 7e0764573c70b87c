/* SPDX-License-Identifier: Apache-2.0 */
/* cli/explain.c - `hpo explain`: how a suggestion came about, in plain words.  The facts are those of
 * hpo_study_explain (docs/explain.md); a sampler's own account is shown member by member. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "record.h"

static const cli_option explain_options[] = {
    CLI_STUDY_OPTIONS,
    CLI_JSON_OPTION,
};

/* ---- members of a JSON object ------------------------------------------------------------------------- */

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *m = NULL;
    return o && json_object_object_get_ex(o, key, &m) ? m : NULL;
}

/* "" when it is missing. */
static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *m = member(o, key);
    const char *text = m ? json_object_get_string(m) : NULL;
    return text ? text : "";
}

static double number_of(struct json_object *o, const char *key)
{
    struct json_object *m = member(o, key);
    return m ? json_object_get_double(m) : (double)NAN;
}

static void show(const char *key, const char *text)
{
    if (*text) printf("%-12s %s\n", key, text);
}

/* One member a line; objects of numbers (lengthscales by parameter) on lines of their own. */
static void show_account(struct json_object *account, int indent)
{
    json_object_object_foreach(account, key, value)
    {
        char buf[32];
        if (!value) continue;
        if (json_object_is_type(value, json_type_object)) {
            printf("%*s%s\n", indent, "", key);
            show_account(value, indent + 2);
        } else if (json_object_is_type(value, json_type_double)) {
            printf("%*s%-*s %s\n", indent, "", 24 - indent, key,
                   cli_number_text(json_object_get_double(value), buf));
        } else {
            printf("%*s%-*s %s\n", indent, "", 24 - indent, key, json_object_get_string(value));
        }
    }
}

static void show_model(struct json_object *o)
{
    struct json_object *model = member(o, "model");
    show("note", text_of(o, "why"));
    if (!model) return;
    puts("the sampler's account");
    if (json_object_is_type(model, json_type_object))
        show_account(model, 2);
    else
        printf("  %s\n", json_object_get_string(model));
}

/* ---- a trial --------------------------------------------------------------------------------------------
 */

static void show_prediction(struct json_object *o)
{
    struct json_object *p = member(o, "predicted");
    double y = number_of(o, "observed");
    double z = number_of(o, "z");
    char mean[32];
    char sd[32];
    if (p)
        printf("%-12s %s +- %s\n", "predicted", cli_number_text(number_of(p, "mean"), mean),
               cli_number_text(number_of(p, "sd"), sd));
    if (isnan(y)) return;
    printf("%-12s %s", "came", cli_number_text(y, mean));
    if (!isnan(z))
        printf(", %s standard deviations %s%s", cli_number_text(fabs(z), sd), z < 0 ? "below" : "above",
               fabs(z) > 3 ? ": a surprise" : "");
    putchar('\n');
}

/* "stopped at 9: rank 14 of 40 at rung 9". */
static void show_decisions(struct json_object *o)
{
    static const char *const words[][2] = {{"new", "began, up to"},
                                           {"resume", "went on, up to"},
                                           {"clone", "cloned, up to"},
                                           {"pause", "paused at"},
                                           {"stop", "stopped at"}};
    struct json_object *list = member(o, "decisions");
    size_t shown = 0;
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *d = json_object_array_get_idx(list, i);
        const char *reason = text_of(d, "reason");
        char step[32];
        for (size_t w = 0; w < CLI_COUNT(words); w++) {
            if (strcmp(text_of(d, "what"), words[w][0]) != 0) continue;
            printf("%-12s %s %s%s%s\n", shown++ ? "" : "scheduler", words[w][1],
                   cli_number_text(number_of(d, "step"), step), *reason ? ": " : "", reason);
        }
    }
}

static void show_trial(struct json_object *o)
{
    struct json_object *knew = member(o, "knew");
    const char *origin = text_of(o, "origin");
    printf("%-12s %s (%s)\n", "trial", text_of(o, "trial"), text_of(o, "state"));
    if (strcmp(origin, "suggestion") != 0) {
        printf("%-12s %s%s%s\n", "origin", origin, *text_of(o, "parent") ? " of trial " : "",
               text_of(o, "parent"));
        show("note", text_of(o, "why"));
        show("parameters", text_of(o, "params"));
        show_decisions(o);
        return;
    }
    printf("%-12s suggestion %s of sampler %s, seed %s\n", "origin", text_of(o, "draw"),
           text_of(o, "sampler"), text_of(o, "seed"));
    if (knew)
        printf("%-12s %s finished trials, %s in progress (events up to %s)\n", "knew",
               text_of(knew, "finished"), text_of(knew, "pending"), text_of(knew, "events"));
    show("parameters", text_of(o, "params"));
    show("recomputed", json_object_get_boolean(member(o, "recomputed")) ? "yes: the same configuration again"
                                                                        : "no: another configuration");
    show("note", text_of(o, "note"));
    show_decisions(o);
    show_prediction(o);
    show_model(o);
}

/* ---- the study ---------------------------------------------------------------------------------------- */

static void show_rule(struct json_object *until)
{
    struct json_object *parts = member(until, "parts");
    if (!until) return;
    printf("%-12s %s: %s\n", "until", text_of(until, "rule"),
           json_object_get_boolean(member(until, "holds")) ? "holds" : "does not hold yet");
    for (size_t i = 0; parts && i < json_object_array_length(parts); i++) {
        struct json_object *part = json_object_array_get_idx(parts, i);
        printf("  %-3s %s: %s\n", json_object_get_boolean(member(part, "holds")) ? "yes" : "no",
               text_of(part, "rule"), text_of(part, "reason"));
    }
}

/* "scheduler    auto: hyperband-async, for the space declares a fidelity". */
static void show_scheduling(struct json_object *s)
{
    const char *name = text_of(s, "scheduler"), *choice = text_of(s, "choice");
    if (strcmp(name, "none") == 0) return;
    printf("%-12s %s%s%s%s%s\n", "scheduler", name, *choice ? ": " : "", choice, *choice ? ", for " : "",
           text_of(s, "why"));
}

static void show_study(struct json_object *o)
{
    struct json_object *before = member(o, "before");
    struct json_object *next = member(o, "next");
    show("study", text_of(o, "study"));
    printf("%-12s %s: %s\n", "sampler", text_of(o, "sampler"), text_of(o, "help"));
    for (size_t i = 0; before && i < json_object_array_length(before); i++) {
        struct json_object *one = json_object_array_get_idx(before, i);
        struct json_object *draws = member(one, "draws");
        printf("%-12s %s, draws %s to %s\n", i ? "" : "before", text_of(one, "sampler"),
               json_object_get_string(json_object_array_get_idx(draws, 0)),
               json_object_get_string(json_object_array_get_idx(draws, 1)));
    }
    if (member(o, "scheduling")) show_scheduling(member(o, "scheduling"));
    show_rule(member(o, "until"));
    if (!next) {
        show("next", "nothing: the sampler has no further configuration, or waits for running trials");
        return;
    }
    printf("%-12s %s\n", "next", text_of(next, "params"));
    show_model(next);
}

static int run_explain(cli *c)
{
    int64_t number = -1;
    char *json = NULL;
    struct json_object *root = NULL;
    size_t skip = c->n_args > 0 && !strcmp(c->args[0], "trial") ? 1 : 0;
    int rc = cli_expect_args(c, 0, 1 + skip);
    if (rc != CLI_OK) return rc;
    if (c->n_args > skip && (rc = cli_trial_number(c, c->args[skip], &number)) != CLI_OK) return rc;
    if (skip && number < 0) return cli_usage_error(c, "which trial? write `hpo explain trial 12`");
    if ((rc = cli_open_study(c)) != CLI_OK) return rc;
    if (hpo_study_explain(c->study, number, &json, &c->err) != HPO_OK) return cli_fail(c);
    if (cli_has(c, "json")) {
        puts(json);
    } else if (hpo_json_parse(json, strlen(json), "explanation", &root, &c->err) != HPO_OK) {
        rc = cli_fail(c);
    } else if (number >= 0) {
        show_trial(root);
    } else {
        show_study(root);
    }
    json_object_put(root);
    hpo_free(json);
    return rc;
}

const cli_command cli_explain = {
    .name = "explain",
    .group = "Look",
    .help = "tell how a suggestion came about, or what the sampler would do next",
    .usage = "[-n NAME] [[trial] N] [--json]",
    .about =
        "A trial's suggestion is computed again from what was known then: which model, what it predicted, "
        "and what "
        "came. Without a trial: the sampler and its changes, the state of the stopping rule, and the next "
        "suggestion.\n\n  hpo explain trial 12",
    .words = "@trial",
    .options = explain_options,
    .n_options = CLI_COUNT(explain_options),
    .run = run_explain,
};
