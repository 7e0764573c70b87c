/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a command with placeholders.  Lines are words.  What is read can be compiled and filled in
 * with any configuration of the space it defined; what is not is refused with one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hpo/sampler.h"
#include "runner/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) abort();
}

static void check_error(hpo_status rc, const hpo_error *err)
{
    check(rc < 0 && err->msg[0] != '\0' && strchr(err->msg, '\n') == NULL);
}

static hpo_status define(char *text, hpo_space *s, hpo_words *words, hpo_error *err)
{
    hpo_status rc = HPO_OK;
    for (char *line = text, *next; line && rc == HPO_OK; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        rc = hpo_template_define(line, s, words, err);
    }
    return rc;
}

static hpo_status fill(const hpo_space *s, const hpo_words *words, hpo_error *err)
{
    static const char *const specials[HPO_N_SPECIALS] = {"1", "d", "c", "2", "s", "1"};
    hpo_template t = {0};
    hpo_words argv = {0};
    hpo_status rc = HPO_OK;
    double *x = calloc(hpo_space_n_columns(s) + 1, sizeof *x);
    if (!x) return HPO_OK;
    for (size_t i = 0; i < words->n && rc == HPO_OK; i++)
        rc = hpo_template_add(&t, s, hpo_words_at(words, i), NULL, err);
    hpo_template file = {0};
    for (size_t i = 0; i < words->n; i++)
        check(hpo_template_add_file(&file, s, hpo_words_at(words, i), NULL) == HPO_OK);
    if (rc == HPO_OK && hpo_space_sample(s, 1, 1, x, NULL) == HPO_OK) {
        check(hpo_template_render(&t, s, x, specials, &argv, err) == HPO_OK);
        check(argv.n <= words->n);
        hpo_words_clear(&argv);
        check(hpo_template_render(&file, s, x, specials, &argv, err) == HPO_OK);
    }
    hpo_template_fini(&t);
    hpo_template_fini(&file);
    hpo_words_fini(&argv);
    free(x);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hpo_error err = {HPO_OK, ""};
    hpo_space *s = NULL;
    hpo_words words = {0};
    if (size > 4096) return 0;
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    check(hpo_space_create(&s, &err) == HPO_OK);
    hpo_status rc = define(text, s, &words, &err);
    if (rc == HPO_OK && hpo_space_n_columns(s) < 1000) {
        rc = hpo_space_freeze(s, &err);
        if (rc == HPO_OK) rc = fill(s, &words, &err);
    }
    if (rc != HPO_OK) check_error(rc, &err);
    hpo_words_fini(&words);
    hpo_space_free(s);
    free(text);
    return 0;
}
