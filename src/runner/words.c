/* SPDX-License-Identifier: Apache-2.0 */
/* runner/words.c - lists of texts and their quoting.  See template.h. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/template.h"

hpo_status hpo_words_add(hpo_words *w, const char *text, size_t n, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&w->starts, &w->cap, w->n + 1, sizeof *w->starts, err));
    w->starts[w->n] = w->bytes.len;
    hpo_str_addn(&w->bytes, text, n);
    hpo_str_addc(&w->bytes, '\0');
    if (w->bytes.failed) return hpo_fail_memory(err);
    w->n++;
    return HPO_OK;
}

const char *hpo_words_at(const hpo_words *w, size_t i)
{
    return w->bytes.text + w->starts[i];
}

hpo_status hpo_words_list(hpo_words *w, const char *const **out, hpo_error *err)
{
    const char **list = hpo_realloc_array(w->list, w->n + 1, sizeof *list);
    if (!list) return hpo_fail_memory(err);
    w->list = list;
    for (size_t i = 0; i < w->n; i++)
        list[i] = hpo_words_at(w, i);
    list[w->n] = NULL;
    *out = list;
    return HPO_OK;
}

void hpo_words_clear(hpo_words *w)
{
    hpo_str_clear(&w->bytes);
    w->bytes.failed = 0;
    w->n = 0;
}

void hpo_words_fini(hpo_words *w)
{
    hpo_str_fini(&w->bytes);
    hpo_free(w->starts);
    hpo_free(w->list);
    *w = (hpo_words){0};
}

void hpo_shell_quote(hpo_str *s, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%^";
    if (*text && !text[strspn(text, plain)]) {
        hpo_str_add(s, text);
        return;
    }
    hpo_str_addc(s, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            hpo_str_add(s, "'\\''");
        else
            hpo_str_addc(s, *p);
    }
    hpo_str_addc(s, '\'');
}
