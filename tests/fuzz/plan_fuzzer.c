/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: study files.  What is accepted describes itself, and either shows its first commands or says
 * in one line why it cannot; what is refused is refused in one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "hpo/runner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void check_error(hpo_status rc, const hpo_error *err)
{
    check(rc < 0 && err->code == rc && err->msg[0] != '\0' && strchr(err->msg, '\n') == NULL);
}

/* "render" and "metric_file" name files: they must not be read from whatever a mutation spells. */
static int names_files(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 6 <= size; i++)
        if (memcmp(data + i, "render", 6) == 0) return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_plan *p = NULL;
    char *text = NULL;
    hpo_error err = {HPO_OK, ""};
    if (size > 4096 || names_files(data, size)) return 0;
    check(hpo_plan_create(&p, &err) == HPO_OK);
    check(hpo_plan_set(p, "seed", "7", &err) == HPO_OK);
    hpo_status rc = hpo_plan_load(p, (const char *)data, size, "study file", &err);
    if (rc != HPO_OK) {
        check_error(rc, &err);
        goto done;
    }
    check(hpo_plan_workers(p) >= 1);
    rc = hpo_plan_describe(p, &text, &err);
    if (rc != HPO_OK) check_error(rc, &err);
    hpo_free(text);
    text = NULL;
    if (hpo_space_n_params(hpo_plan_space(p)) > 20) goto done;
    rc = hpo_plan_preview(p, "/", "hpo", 2, &text, &err);
    if (rc != HPO_OK) check_error(rc, &err);
    hpo_free(text);
done:
    hpo_plan_free(p);
    return 0;
}
