/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: rows of numbers as they stand in a SQLite file.  Any text is refused, or has exactly the
 * numbers asked for, which come back with the same bits. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/sqlite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double v[8], w[8];
    hpo_str text = {0};
    char *copy = malloc(size + 1);
    if (copy == NULL) return 0;
    if (size > 0) memcpy(copy, data, size);
    copy[size] = '\0';
    int accepted = 0;
    for (size_t n = 1; n <= 8; n++) {
        if (!hpo_sqlite__array_read(copy, size, v, n)) continue;
        accepted++;
        hpo_sqlite__array_write(&text, v, n);
        check(!text.failed && hpo_sqlite__array_read(text.text, text.len, w, n));
        for (size_t i = 0; i < n; i++)
            check(memcmp(&v[i], &w[i], sizeof v[i]) == 0 || (isnan(v[i]) && isnan(w[i])));
    }
    check(accepted <= 1);
    hpo_str_fini(&text);
    free(copy);
    return 0;
}
