/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: what a program writes.  The first byte chooses the stream and how the bytes are cut; reports
 * are always well formed, and how the bytes were cut makes no difference. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/metric.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void on_report(void *ctx, const hpo_report *r)
{
    int *n = ctx;
    (*n)++;
    check(r->n_values == 2 && r->values != NULL && !isnan(r->step) && r->cost >= 0 && r->fold >= -1);
    check(r->metrics == NULL || r->metrics[0] == '{');
}

static void gather(hpo_capture *c, const hpo_metrics *m, hpo_stream stream, const char *text, size_t n,
                   size_t cut, int *reports)
{
    check(hpo_capture_init(c, m, NULL) == HPO_OK);
    for (size_t i = 0; i < n; i += cut)
        hpo_capture_feed(c, stream, text + i, n - i < cut ? n - i : cut, on_report, reports);
    hpo_capture_end(c, 0, 1, on_report, reports);
    check(c->status == HPO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const hpo_objective objectives[] = {{sizeof(hpo_objective), "loss", HPO_MINIMIZE},
                                               {sizeof(hpo_objective), "acc", HPO_MAXIMIZE}};
    static const hpo_outcome outcomes[] = {{sizeof(hpo_outcome), "mem", 3}};
    static const char *const rules[] = {"loss=loss: {float}", "acc=epoch {step} {*} acc {float}",
                                        "mem=re:mem=([0-9.]+)", "n=last"};
    hpo_space *space = NULL;
    hpo_metrics m;
    hpo_capture whole, parts;
    int a = 0, b = 0;
    if (size < 1) return 0;
    check(hpo_space_parse("lr: 0..1; v: vector 2 0..1", &space, NULL) == HPO_OK);
    check(hpo_space_freeze(space, NULL) == HPO_OK);
    hpo_metrics_init(&m, space, objectives, 2, outcomes, 1);
    for (size_t i = 0; i < 4; i++)
        check(hpo_metrics_add(&m, rules[i], NULL) == HPO_OK);
    hpo_stream stream = (hpo_stream)(data[0] % HPO_N_STREAMS);
    const char *text = (const char *)data + 1;
    gather(&whole, &m, stream, text, size - 1, size, &a);
    gather(&parts, &m, stream, text, size - 1, 1 + data[0] % 7, &b);
    check(a == b && whole.said == parts.said && strcmp(whole.reason, parts.reason) == 0);
    for (size_t i = 0; i < 2; i++)
        check(whole.values[i] == parts.values[i] || (isnan(whole.values[i]) && isnan(parts.values[i])));
    hpo_capture_fini(&whole);
    hpo_capture_fini(&parts);

    char *rule = malloc(size); /* and the same bytes as a rule */
    if (rule != NULL) {
        hpo_error err = {HPO_OK, ""};
        memcpy(rule, text, size - 1);
        rule[size - 1] = '\0';
        if (strlen(rule) < 200 && hpo_metrics_add(&m, rule, &err) != HPO_OK)
            check(err.msg[0] && !strchr(err.msg, '\n'));
        if (hpo_metrics_add_file(&m, rule, &err) != HPO_OK) check(err.msg[0] && !strchr(err.msg, '\n'));
        free(rule);
    }
    hpo_metrics_fini(&m);
    hpo_space_free(space);
    return 0;
}
