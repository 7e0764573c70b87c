/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.h - filling the caller's error struct. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
#include "hpo.h"

/* Writes code and one formatted line into err (if not NULL) and returns code.  The text names the
 * thing, the value and the remedy; newlines become spaces; what does not fit ends in "...".
 * Macros, so that compilers and analysers see which code a failing path returns; code is used twice. */
#define hpo_fail(err, code, ...) (hpo_error_set(err, code, __VA_ARGS__), (code))
void hpo_error_set(hpo_error *err, hpo_status code, const char *format, ...) HPO_PRINTF(3, 4);
/* HPO_ENOMEM with its standard text. */
#define hpo_fail_memory(err) (hpo_error_set(err, HPO_ENOMEM, "out of memory"), HPO_ENOMEM)
/* Puts "context: " in front of the text already there; returns err->code (or code when err is NULL). */
hpo_status hpo_fail_prefix(hpo_error *err, hpo_status code, const char *format, ...) HPO_PRINTF(3, 4);
/* An invariant of ours does not hold: a bug.  Aborts in debug builds; returns HPO_ESTATE otherwise. */
hpo_status hpo_fail_internal(hpo_error *err, const char *what);

#define HPO_TRY(call)                                                                              \
    do {                                                                                           \
        hpo_status hpo_try_status_ = (call);                                                       \
        if (hpo_try_status_ != HPO_OK) return hpo_try_status_;                                     \
    } while (0)
#endif
