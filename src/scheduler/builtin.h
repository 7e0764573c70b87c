/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/builtin.h - the one list of built-in schedulers: X(name) stands for hpo_scheduler_<name> at
 * the end of scheduler/<name>.c. */
#ifndef SCHEDULER_BUILTIN_H
#define SCHEDULER_BUILTIN_H
#include "hpo/scheduler.h"

#define HPO_SCHEDULER_LIST(X)                                                                                \
    X(none)                                                                                                  \
    X(auto)                                                                                                  \
    X(asha)                                                                                                  \
    X(asha_stopping)                                                                                         \
    X(asha_cost)                                                                                             \
    X(asha_forecast)                                                                                         \
    X(hyperband_async)                                                                                       \
    X(pasha)                                                                                                 \
    X(halving)                                                                                               \
    X(hyperband)                                                                                             \
    X(dehb)                                                                                                  \
    X(hyper_tune)                                                                                            \
    X(iepoch)                                                                                                \
    X(median)                                                                                                \
    X(percentile)                                                                                            \
    X(threshold)                                                                                             \
    X(patience)                                                                                              \
    X(plateau)                                                                                               \
    X(extrapolation)                                                                                         \
    X(wilcoxon)                                                                                              \
    X(hoeffding)                                                                                             \
    X(friedman)                                                                                              \
    X(freeze_thaw) X(dyhpo) X(dpl) X(fabolas) X(mf_mes) X(cf_kg) X(boca)                                                                                           \
    X(pbt)                                                                                                   \
    X(pb2)

#define HPO_SCHEDULER_DECLARE(name) extern const hpo_scheduler_ops hpo_scheduler_##name;
HPO_SCHEDULER_LIST(HPO_SCHEDULER_DECLARE)
#undef HPO_SCHEDULER_DECLARE
#endif
