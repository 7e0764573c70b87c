/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: option texts.  Any text is either read, with every value inside its range, or refused with
 * one line that is terminated and not empty. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct config {
    double ratio, free;
    int64_t n;
    int32_t on, mode;
} config;

static const char *const modes[] = {"fast", "slow", "best", NULL};
static const hpo_option table[] = {
    {"ratio", "a share", HPO_OPT_REAL, offsetof(config, ratio), 0.25, 0, 1, NULL},
    {"free", "any number", HPO_OPT_REAL, offsetof(config, free), -1, -HUGE_VAL, HUGE_VAL, NULL},
    {"n", "a count", HPO_OPT_INT, offsetof(config, n), 16, 1, 1000, NULL},
    {"on", "a switch", HPO_OPT_BOOL, offsetof(config, on), 1, 0, 1, NULL},
    {"mode", "a choice", HPO_OPT_ENUM, offsetof(config, mode), 2, 0, 2, modes},
};

static void check(int good)
{
    if (!good) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';

    hpo_error err = {HPO_OK, ""};
    char name[24];
    const char *rest = NULL;
    config c;
    if (hpo_options_split(text, name, sizeof name, &rest, &err) != HPO_OK) {
        check(err.code == HPO_EINVAL && err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
    } else {
        check(strlen(name) > 0 && rest >= text && rest <= text + size);
        if (hpo_options_read(table, sizeof table / sizeof table[0], name, rest, &c, &err) == HPO_OK) {
            check(c.ratio >= 0 && c.ratio <= 1 && !isnan(c.free) && c.n >= 1 && c.n <= 1000);
            check((c.on == 0 || c.on == 1) && c.mode >= 0 && c.mode <= 2);
        } else {
            check(err.code == HPO_EINVAL && err.msg[0] != '\0' && strchr(err.msg, '\n') == NULL);
        }
    }
    free(text);
    return 0;
}
