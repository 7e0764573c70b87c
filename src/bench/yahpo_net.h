/* SPDX-License-Identifier: Apache-2.0 */
/* bench/yahpo_net.h - surrogate nets in the .yhp format (docs/bench-data.md) and their evaluation. */
#ifndef BENCH_YAHPO_NET_H
#define BENCH_YAHPO_NET_H
#include <stddef.h>
#include <stdint.h>

#include "hpo.h"

enum { HPO_NET_MAX_INPUTS = 64, HPO_NET_MAX_OUTPUTS = 32 };

typedef struct hpo_net hpo_net;

HPO_NODISCARD hpo_status hpo_net_load(hpo_net **out, const char *path, hpo_error *err);
void hpo_net_free(hpo_net *n);
size_t hpo_net_n_categories(const hpo_net *n);
size_t hpo_net_n_numbers(const hpo_net *n);
size_t hpo_net_n_outputs(const hpo_net *n);
/* Number of codes of category i (codes are 0 .. rows-1; 0 means absent). */
size_t hpo_net_codes(const hpo_net *n, size_t i);
/* All outputs for the codes `category` and the numbers `number` (absent: 0).  Thread-safe, no allocation;
 * the same bits on every machine. */
void hpo_net_evaluate(const hpo_net *n, const int32_t *category, const double *number, double *output);
#endif
