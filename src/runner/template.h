/* SPDX-License-Identifier: Apache-2.0 */
/* runner/template.h - a command with placeholders: reading it, and filling it in for one trial.
 *
 * Two phases.  *Defining* takes the words as the user wrote them, adds every parameter defined in them to
 * a space ({lr:log 1e-5..1}, --lr~loguniform(1e-5,1), lr=uniform[0:1]) and leaves words that only refer
 * to names ({lr}).  *Compiling* resolves those names against the finished space.
 *
 * The language of one word: {name} a reference, {name:domain} a definition, {{ and }} literal braces;
 * anything else with a brace is an error, so that nothing is ever passed on in a damaged form.  In
 * rendered files, which are full of braces, everything but {known name} is literal. */
#ifndef RUNNER_TEMPLATE_H
#define RUNNER_TEMPLATE_H
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "hpo.h"
#include "space/expr.h"

/* Names that are not parameters.  X(NAME, "word") */
#define HPO_SPECIAL_LIST(X)                                                                                  \
    X(TRIAL, "trial") X(DIR, "dir") X(CKPT, "ckpt") X(SEED, "seed") X(STUDY, "study") X(ATTEMPT, "attempt")
typedef enum hpo_special {
#define HPO_SPECIAL_ENUM(name, word) HPO_SPECIAL_##name,
    HPO_SPECIAL_LIST(HPO_SPECIAL_ENUM)
#undef HPO_SPECIAL_ENUM
        HPO_N_SPECIALS
} hpo_special;

/* A list of texts in one block. */
typedef struct hpo_words {
    hpo_str bytes; /* each terminated */
    size_t *starts;
    size_t n, cap;
    const char **list; /* n texts and NULL, made by hpo_words_list */
} hpo_words;           /* zero-initialised is empty */
HPO_NODISCARD hpo_status hpo_words_add(hpo_words *w, const char *text, size_t n, hpo_error *err);
const char *hpo_words_at(const hpo_words *w, size_t i);
/* The texts as a NULL-terminated array, valid until the next change. */
HPO_NODISCARD hpo_status hpo_words_list(hpo_words *w, const char *const **out, hpo_error *err);
void hpo_words_clear(hpo_words *w);
void hpo_words_fini(hpo_words *w);

/* Phase one for one word of a command: appends one or two words to `out`. */
HPO_NODISCARD hpo_status hpo_template_define(const char *word, hpo_space *space, hpo_words *out,
                                             hpo_error *err);
/* Phase one for the text of a file. */
HPO_NODISCARD hpo_status hpo_template_define_file(const char *text, hpo_space *space, const char *what,
                                                  hpo_str *out, hpo_error *err);

typedef struct hpo_piece {
    uint32_t kind;     /* HPO_PIECE_* */
    uint32_t index;    /* parameter, derived value or special */
    size_t start, len; /* TEXT: bytes in hpo_template.text */
} hpo_piece;
enum { HPO_PIECE_TEXT, HPO_PIECE_PARAM, HPO_PIECE_DERIVED, HPO_PIECE_SPECIAL };

typedef struct hpo_template_word {
    size_t first, n;   /* pieces */
    int32_t condition; /* index, or -1 */
    uint8_t is_flag;   /* a plain word such as --mom: goes when the value after it goes */
} hpo_template_word;

typedef struct hpo_template {
    hpo_str text;
    hpo_piece *pieces;
    size_t n_pieces, cap_pieces;
    hpo_template_word *words;
    size_t n_words, cap_words;
    hpo_expr **conditions;
    size_t n_conditions, cap_conditions;
    int quote;  /* values are quoted for a shell */
} hpo_template; /* zero-initialised is empty */

/* Adds a word; `condition` is an expression (the word stands only where it is true) or NULL.  Consecutive
 * words with the same condition pointer share one compiled expression. */
HPO_NODISCARD hpo_status hpo_template_add(hpo_template *t, const hpo_space *space, const char *word,
                                          const char *condition, hpo_error *err);
/* Adds the text of a file as one word. */
HPO_NODISCARD hpo_status hpo_template_add_file(hpo_template *t, const hpo_space *space, const char *text,
                                               hpo_error *err);
/* Fills in a configuration.  `specials` has HPO_N_SPECIALS texts.  A word all of whose parameters are
 * inactive is left out; if it consists of that one placeholder, the plain option word before it as well
 * ("--mom {mom}").  An inactive parameter next to an active one in the same word becomes nothing. */
HPO_NODISCARD hpo_status hpo_template_render(const hpo_template *t, const hpo_space *space, const double *x,
                                             const char *const *specials, hpo_words *out, hpo_error *err);
void hpo_template_fini(hpo_template *t);

/* Appends text quoted for a POSIX shell (bare when nothing in it needs quotes). */
void hpo_shell_quote(hpo_str *s, const char *text);
#endif
