/* SPDX-License-Identifier: Apache-2.0 */
/* runner/metric.h - from what a program writes to what the study is told.
 *
 * hpo_metrics is compiled once for a study: the names looked for and the capture rules.  hpo_capture
 * gathers for one trial: bytes in, reports out as they come, the result at the end.  Nothing here touches
 * the system, so that all of it can be fed by tests and fuzzers. */
#ifndef RUNNER_METRIC_H
#define RUNNER_METRIC_H
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "hpo.h"

enum {
    HPO_MAX_LINE = 1 << 16,  /* longer lines are cut for matching, and are no JSON */
    HPO_MAX_EXTRA = 1 << 16, /* bytes of further metrics kept with a trial or a report */
    HPO_MAX_FOLDS = 1 << 16
};

typedef struct hpo_rule hpo_rule;

typedef struct hpo_metrics {
    const hpo_space *space;
    const hpo_objective *objectives;
    size_t n_objectives;
    const hpo_outcome *outcomes;
    size_t n_outcomes;
    hpo_rule *rules;
    size_t n_rules, cap_rules;
    int has_pattern, has_last, has_exit; /* some rule of that kind */
} hpo_metrics;

/* All three are borrowed and must outlive m. */
void hpo_metrics_init(hpo_metrics *m, const hpo_space *space, const hpo_objective *objectives,
                      size_t n_objectives, const hpo_outcome *outcomes, size_t n_outcomes);
/* One --metric: "last", "exit", "time", "loss=last", "loss=val loss: {float}", "loss=re:loss ([0-9.]+)". */
HPO_NODISCARD hpo_status hpo_metrics_add(hpo_metrics *m, const char *rule, hpo_error *err);
/* One --metric-file: "out.json:path.to.key" or "loss=out.json:path.to.key". */
HPO_NODISCARD hpo_status hpo_metrics_add_file(hpo_metrics *m, const char *rule, hpo_error *err);
void hpo_metrics_fini(hpo_metrics *m);
/* Length of the NAME of "NAME=...", or 0. */
size_t hpo_metric_name(const char *rule);
/* The file of rule i, or NULL when it is of another kind; *key gets the path inside. */
const char *hpo_metrics_file(const hpo_metrics *m, size_t i, const char **key);

typedef enum hpo_said {
    HPO_SAID_NOTHING,
    HPO_SAID_DONE,
    HPO_SAID_FAIL,
    HPO_SAID_INFEASIBLE,
    HPO_SAID_PREEMPTED
} hpo_said;
typedef enum hpo_stream { HPO_STREAM_OUT, HPO_STREAM_ERR, HPO_STREAM_METRICS, HPO_N_STREAMS } hpo_stream;

typedef struct hpo_line {
    hpo_str text;
    int too_long; /* the rest is skipped up to the newline */
} hpo_line;

typedef struct hpo_fold {
    int32_t fold;
    double *values; /* n_objectives, NaN: none */
} hpo_fold;

typedef struct hpo_capture {
    const hpo_metrics *m;
    double *values;   /* n_objectives, NaN: not seen */
    double *sems;     /* n_objectives */
    double *outcomes; /* n_outcomes, raw */
    double *gradient; /* n_columns */
    uint8_t *seen;    /* n_objectives: 1 once a line without fold gave it */
    double *scratch;  /* n_objectives: values of the line at hand */
    int has_sem, has_outcome, has_gradient, has_cost;
    double cost;
    hpo_said said;
    char reason[256];
    struct json_object *extra; /* further metrics, or NULL */
    hpo_line lines[HPO_N_STREAMS];
    hpo_str last; /* the last line of standard output that holds a digit */
    hpo_fold *folds;
    size_t n_folds, cap_folds;
    int64_t n_reports;
    struct json_tokener *tokener;
    hpo_status status; /* HPO_ENOMEM sticks */
} hpo_capture;

/* Receives a report; the struct and what it points to live during the call. */
typedef void (*hpo_report_fn)(void *ctx, const hpo_report *r);

HPO_NODISCARD hpo_status hpo_capture_init(hpo_capture *c, const hpo_metrics *m, hpo_error *err);
/* The next n bytes of a stream. */
void hpo_capture_feed(hpo_capture *c, hpo_stream stream, const char *data, size_t n, hpo_report_fn report,
                      void *ctx);
/* The content of the file of rule i. */
HPO_NODISCARD hpo_status hpo_capture_file(hpo_capture *c, size_t i, const char *text, size_t n,
                                          hpo_error *err);
/* The streams are over: last lines without newline, "last", "exit", "time", means over folds. */
void hpo_capture_end(hpo_capture *c, int exit_code, double seconds, hpo_report_fn report, void *ctx);
/* 1 when every objective has a value (maybe NaN that the program reported itself). */
int hpo_capture_complete(const hpo_capture *c);
/* The name of the first objective without a value, or NULL. */
const char *hpo_capture_missing(const hpo_capture *c);
void hpo_capture_fini(hpo_capture *c);
#endif
