/* SPDX-License-Identifier: Apache-2.0 */
/* runner/metric_rule.h - one capture rule, between rule.c (reading and matching) and metric.c. */
#ifndef RUNNER_METRIC_RULE_H
#define RUNNER_METRIC_RULE_H
#include <regex.h>

#include "runner/metric.h"

typedef enum hpo_rule_kind {
    HPO_RULE_PATTERN,
    HPO_RULE_REGEX,
    HPO_RULE_LAST,
    HPO_RULE_EXIT,
    HPO_RULE_TIME,
    HPO_RULE_FILE
} hpo_rule_kind;

/* A pattern is a list of tokens. */
typedef enum hpo_token_kind {
    HPO_TOKEN_TEXT,  /* these bytes */
    HPO_TOKEN_SPACE, /* one or more blanks */
    HPO_TOKEN_VALUE, /* {float}, {int} */
    HPO_TOKEN_STEP,  /* {step} */
    HPO_TOKEN_ANY    /* {*}: as little as possible */
} hpo_token_kind;
typedef struct hpo_token {
    hpo_token_kind kind;
    size_t start, len; /* TEXT: in hpo_rule.text */
} hpo_token;

struct hpo_rule {
    hpo_rule_kind kind;
    int32_t objective, outcome; /* whose value it gives; both -1: a further metric */
    char *name;
    char *text; /* the rule behind "name=" */
    hpo_token *tokens;
    size_t n_tokens, cap_tokens;
    int has_step;
    regex_t regex;
    int has_regex;
    char *path, *key; /* FILE */
};

HPO_NODISCARD hpo_status hpo_rule_parse(hpo_rule *r, const char *text, hpo_error *err);
/* The last match in a line: 1 and the value, and the step (NaN: none). */
int hpo_rule_match(const hpo_rule *r, const char *line, double *value, double *step);
void hpo_rule_fini(hpo_rule *r);
/* The last number in a line; 0: none.  A number is not part of a word: "f1" has none. */
int hpo_last_number(const char *line, double *out);
#endif
