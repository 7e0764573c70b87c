/* SPDX-License-Identifier: Apache-2.0 */
/* cli/record.h - studies and trials as JSON and as text; one spelling for every command and for rpc. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli.h"

/* What is needed again and again to write trials of one study; borrowed from the study. */
typedef struct cli_shape {
    const hpo_space *space;
    const hpo_objective *objectives;
    const hpo_outcome *outcomes;
    size_t n_objectives, n_outcomes, n_params;
} cli_shape;
void cli_shape_of(const hpo_study *study, const hpo_summary *sum, cli_shape *out);
/* hpo_study_summary() of c->study with the size set; prints the error. */
int cli_summary(cli *c, hpo_summary *out);

/* 1 when every measured constraint of the trial holds. */
int cli_feasible(const cli_shape *shape, const hpo_trial_info *t);
/* "continue", "pause", "stop". */
const char *cli_decision_name(hpo_decision d);

/* {"number":3,"state":"complete","values":{"loss":0.1},"params":{...},...}; `details` adds the fields
 * that explain where a trial came from. */
hpo_status cli_trial_json(hpo_str *s, const cli_shape *shape, const hpo_trial_info *t, int details,
                          hpo_error *err);
/* The same with details, and with what the scheduler did with the trial and why, where it did something:
 * "decisions":[{"what":"pause","step":3,"reason":"rank 7 of 9 at rung 3","attempt":1,"time":"..."}].  What t points to
 * is void afterwards. */
hpo_status cli_trial_full_json(hpo_str *s, const cli_shape *shape, hpo_study *study, const hpo_trial_info *t,
                               hpo_error *err);
/* One object with everything hpo_summary knows. */
hpo_status cli_summary_json(hpo_str *s, const hpo_study *study, const hpo_summary *sum, hpo_error *err);
/* "lr=0.001 opt=adam": active parameters of x on one line. */
hpo_status cli_params_text(hpo_str *s, const hpo_space *space, const double *x, hpo_error *err);
/* "0.5" or "0.5, 12" or "-". */
void cli_values_text(hpo_str *s, const double *values, size_t n);
/* Budget as text: "100 trials, 10m00s"; "none". */
void cli_budget_text(hpo_str *s, const hpo_budget *b);
/* Why a trial has not got its result yet, as one sentence; "" for finished ones. */
void cli_trial_why(hpo_str *s, const hpo_trial_info *t, const hpo_summary *sum, int64_t now_ms);

/* CSV: number,state,values.NAME...,params.NAME...,derived.NAME...,outcomes.NAME...,cost,attempt,created,
 * started,ended,seconds,worker,reason. */
hpo_status cli_csv_header(hpo_str *s, const cli_shape *shape, hpo_error *err);
hpo_status cli_csv_row(hpo_str *s, const cli_shape *shape, const hpo_trial_info *t, hpo_error *err);
/* Trials by number, in the format asked for; the table has one column a parameter. */
int cli_print_trials(cli *c, const cli_shape *shape, cli_format format, const int64_t *numbers, size_t n);

/* Tokens are written as 16 hexadecimal digits. */
void cli_token_text(uint64_t token, char buf[32]);
int cli_token_parse(const char *text, uint64_t *token);

/* {"lr":0.1,"opt":"sgd"} from words "lr=0.1 opt=sgd": a value that the parameter's kind takes as a number
 * or boolean is written so, all else as a string. */
hpo_status cli_params_json(hpo_str *s, const hpo_space *space, const char *const *words, size_t n,
                           hpo_error *err);
#endif
