/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: durations, sizes and budgets as people write them.  What is read is in range; what is refused
 * is refused in one line, and leaves what was there. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hpo/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void check_error(hpo_status rc, const hpo_error *err)
{
    check(rc == HPO_EINVAL && err->code == rc && err->msg[0] != '\0' && strchr(err->msg, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_error err = {HPO_OK, ""};
    double seconds = -1;
    int64_t bytes = -1;
    hpo_budget b = {.size = sizeof b, .target = (double)NAN};
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';

    hpo_status rc = hpo_duration_parse(text, &seconds, &err);
    if (rc == HPO_OK)
        check(seconds >= 0 && isfinite(seconds));
    else
        check_error(rc, &err);
    rc = hpo_bytes_parse(text, &bytes, &err);
    if (rc == HPO_OK)
        check(bytes >= 0);
    else
        check_error(rc, &err);
    rc = hpo_budget_parse(text, &b, &err);
    if (rc != HPO_OK) check_error(rc, &err);
    check(b.trials >= 0 && b.stagnation >= 0 && b.seconds >= 0 && isfinite(b.seconds));
    check(b.cost >= 0 && isfinite(b.cost) && !isinf(b.target));
    free(text);
    return 0;
}
