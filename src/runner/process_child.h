/* SPDX-License-Identifier: Apache-2.0 */
/* runner/process_child.h - the part of a start that runs in the child; a function of its own so that
 * nothing of its caller's frame is touched.  Never returns. */
#ifndef RUNNER_PROCESS_CHILD_H
#define RUNNER_PROCESS_CHILD_H
#include "runner/process.h"
void hpo_process_child(const hpo_spawn *s, pid_t parent, volatile int *failed);
#endif
