/* SPDX-License-Identifier: Apache-2.0 */
/* base/options.h - reads "name:key=value,key=value" by an algorithm's option table. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H
#include "hpo/sampler.h"

/* Splits spec at the first ':' or ',' ("asha,eta=3" and "asha:eta=3" are the same); name gets at most cap-1
 * bytes; *rest points at the options (maybe ""). */
HPO_NODISCARD hpo_status hpo_options_split(const char *spec, char *name, size_t cap, const char **rest, hpo_error *err);
/* Fills config with the defaults, then with `rest`.  HPO_EINVAL names the option, the value, the range, and the
 * nearest known option for an unknown one. `owner` is the algorithm's name for messages. */
HPO_NODISCARD hpo_status hpo_options_read(const hpo_option *table, size_t n, const char *owner, const char *rest, void *config,
                                          hpo_error *err);
/* Whether a table is sound: names, help, labels, a default within its range, every offset inside a config
 * struct of config_size bytes.  Done once, when an algorithm is registered. */
HPO_NODISCARD hpo_status hpo_options_check(const hpo_option *table, size_t n, const char *owner, size_t config_size,
                                           hpo_error *err);
#endif
