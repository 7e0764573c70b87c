/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: number texts against the C library's strtod (C locale), and the first eight bytes as the
 * bits of a double that must survive being written and read. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), buf[32];
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    double ours = 0, reference, bits, back;
    /* strtod also takes leading blanks, hexadecimal numbers and nan(...). */
    if (strchr(" \t\n\v\f\r", text[0]) == NULL && strpbrk(text, "xX(") == NULL) {
        char *end;
        reference = strtod(text, &end);
        const char *our_end = hpo_double_parse(text, &ours);
        if (our_end != end || (end != text && !same(ours, reference))) abort();
        (void)hpo_parse_double(text, &ours);
        int64_t i;
        (void)hpo_parse_int(text, &i);
    }
    if (size >= sizeof bits) {
        memcpy(&bits, data, sizeof bits);
        size_t n = hpo_double_text(bits, buf);
        if (n >= sizeof buf || strlen(buf) != n) abort();
        if (!hpo_parse_double(buf, &back) || !same(bits, back)) abort();
    }
    free(text);
    return 0;
}
