/* SPDX-License-Identifier: Apache-2.0 */
/* runner/command.h - everything a worker must know to run a study's program, as stored in the study's
 * metadata under the key "program".  Schema: docs/study-file.md, "what is stored". */
#ifndef RUNNER_COMMAND_H
#define RUNNER_COMMAND_H
#include "hpo/runner.h"
#include "runner/metric.h"
#include "runner/template.h"

enum { HPO_MAX_RENDER = 1 << 20 }; /* bytes of one file to be rendered */

typedef struct hpo_command {
    hpo_words words;      /* names only; see template.h */
    hpo_words conditions; /* one for each word, "" for none */
    hpo_words metrics, metric_files;
    hpo_words renders; /* pairs: name in the trial directory, text with placeholders */
    hpo_words env;     /* "NAME=value" */
    char *cwd, *dir;   /* absolute */
    int shell;         /* the words, joined with blanks, are given to /bin/sh -c */
    int retries;       /* how often a failed trial is evaluated again */
    double gpus_per_trial;
    hpo_limits limits;
    int64_t checkpoint_quota; /* bytes of all checkpoints of the study together; 0: no limit */
} hpo_command;

void hpo_command_init(hpo_command *c); /* defaults */
void hpo_command_fini(hpo_command *c);
/* The study's metadata: {"program":{...}}.  HPO_EINVAL when a word is not UTF-8. */
HPO_NODISCARD hpo_status hpo_command_write(const hpo_command *c, char **json, hpo_error *err);
/* `name` is the study's, for messages.  HPO_ENOTFOUND when the metadata know no program. */
HPO_NODISCARD hpo_status hpo_command_read(const char *metadata, const char *name, hpo_command *out,
                                          hpo_error *err);
/* 1 when the same program is called in the same way (limits, directories and metric rules aside). */
int hpo_command_same(const hpo_command *a, const hpo_command *b);
/* Compiles the words against a space. */
HPO_NODISCARD hpo_status hpo_command_compile(const hpo_command *c, const hpo_space *space, hpo_template *out,
                                             hpo_error *err);
/* The words of one trial, ready for execve. */
HPO_NODISCARD hpo_status hpo_command_argv(const hpo_command *c, const hpo_template *t, const hpo_space *space,
                                          const double *x, const char *const *specials, hpo_words *out,
                                          hpo_error *err);
/* One line for a shell. */
void hpo_command_line(const hpo_command *c, const hpo_words *argv, hpo_str *out);
#endif
