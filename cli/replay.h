/* SPDX-License-Identifier: Apache-2.0 */
/* cli/replay.h - `hpo run --replay STUDY[:TRIAL]`: training with a schedule that was found. */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "work.h"

int cli_replay(cli *c, const char *what);
#endif
