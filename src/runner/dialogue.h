/* SPDX-License-Identifier: Apache-2.0 */
/* runner/dialogue.h - a program that is spoken to line by line: we write to its standard input, it answers
 * on its standard output; the end of what it says on standard error is kept for messages.
 *
 * The program leads a session of its own, all of which is killed on close.  Nothing blocks for longer than
 * the time given.  One thread at a time; the thread that opens should outlive the dialogue. */
#ifndef RUNNER_DIALOGUE_H
#define RUNNER_DIALOGUE_H
#include <stddef.h>

#include "hpo.h"

typedef struct hpo_dialogue hpo_dialogue;

/* argv and envp end in NULL; argv[0] is looked up in envp's PATH.  HPO_ENOTFOUND: there is no such program.
 */
HPO_NODISCARD hpo_status hpo_dialogue_open(const char *const *argv, const char *const *envp, const char *cwd,
                                           hpo_dialogue **out, hpo_error *err);
/* Sends n bytes (whole lines).  HPO_EIO: it has ended, or took nothing for `timeout` seconds (0: no limit);
 * the text has how it ended and its last words. */
HPO_NODISCARD hpo_status hpo_dialogue_send(hpo_dialogue *d, const char *text, size_t n, double timeout,
                                           hpo_error *err);
/* The next line without its end, terminated; borrowed until the next call. */
HPO_NODISCARD hpo_status hpo_dialogue_receive(hpo_dialogue *d, double timeout, const char **line, size_t *n,
                                              hpo_error *err);
/* The last words on standard error as one line, "" when there are none; borrowed. */
const char *hpo_dialogue_last_words(hpo_dialogue *d);
/* Closes its standard input, gives it `grace` seconds to end, kills what is left.  NULL is fine. */
void hpo_dialogue_close(hpo_dialogue *d, double grace);
#endif
