/* SPDX-License-Identifier: Apache-2.0 */
/* runner/trialdir.h - one directory a trial, with fixed names (docs/program-contract.md):
 *
 *   <dir>/<study>/<number>/  params.json cmd env stdout stderr metrics.jsonl ckpt/ result.json
 *                            resources.json stop, rendered files
 *
 * A second attempt finds ckpt/ as it was; the other files of attempt k are kept as NAME.k. */
#ifndef RUNNER_TRIALDIR_H
#define RUNNER_TRIALDIR_H
#include "base/str.h"
#include "hpo.h"

/* Appends a study's name as a folder name that every system takes: [A-Za-z0-9._-], no reserved name, a hash
 * appended when something had to be replaced. */
void hpo_trialdir_name(hpo_str *s, const char *study);
/* Appends <dir>/<study>/<number>. */
void hpo_trialdir_path(hpo_str *s, const char *dir, const char *study, int64_t number);
/* Makes the directory and ckpt/ in it; sets files of an earlier attempt aside; removes `stop`. */
HPO_NODISCARD hpo_status hpo_trialdir_make(const char *path, int32_t attempt, hpo_error *err);
/* Writes a small file in it. */
HPO_NODISCARD hpo_status hpo_trialdir_write(const char *path, const char *name, const char *text, size_t n,
                                            hpo_error *err);
/* 1 when ckpt/ holds something. */
int hpo_trialdir_has_checkpoint(const char *path);
/* Appends "NAME=value\n" for each entry, values of secrets masked. */
void hpo_trialdir_env(hpo_str *s, const char *const *envp);
/* Appends the last `lines` lines of a file (at most 16 KiB), control characters replaced. */
void hpo_trialdir_tail(hpo_str *s, const char *path, const char *name, int lines);
#endif
