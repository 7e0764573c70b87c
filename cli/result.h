/* SPDX-License-Identifier: Apache-2.0 */
/* cli/result.h - results of trials from words and from JSON, for tell, report and rpc. */
#ifndef CLI_RESULT_H
#define CLI_RESULT_H

#include "record.h"

struct json_object;

/* An hpo_result with memory for its arrays. */
typedef struct cli_result {
    hpo_result result;
    const cli_shape *shape;
    double *values, *sems, *outcomes, *gradient; /* owned; result points at those that were given */
} cli_result;

hpo_status cli_result_init(cli_result *r, const cli_shape *shape, hpo_error *err);
void cli_result_fini(cli_result *r);
/* "0.3" or "0.3,12" for what = "value", "values" or "sem". */
hpo_status cli_result_numbers(cli_result *r, const char *what, const char *text, hpo_error *err);
/* "mem=3" for what = "outcome", "lr=0.3" for what = "grad". */
hpo_status cli_result_named(cli_result *r, const char *what, const char *text, hpo_error *err);
hpo_status cli_result_state(cli_result *r, const char *word, hpo_error *err);
/* {"value":0.3} or {"values":[..] or
 * {"loss":..},"state","sems","outcomes","gradient","cost","reason","checkpoint", "count_retry"}; texts are
 * borrowed from the document. */
hpo_status cli_result_json(cli_result *r, struct json_object *o, hpo_error *err);
#endif
