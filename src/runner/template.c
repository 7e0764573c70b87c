/* SPDX-License-Identifier: Apache-2.0 */
/* runner/template.c - phase two of a command: names become pieces once, pieces become words per trial.
 * See template.h. */
#include "runner/template.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/placeholder.h"
#include "space/space.h"

static hpo_status add_piece(hpo_template *t, uint32_t kind, uint32_t index, size_t start, size_t len,
                            hpo_error *err)
{
    HPO_TRY(hpo_reserve(&t->pieces, &t->cap_pieces, t->n_pieces + 1, sizeof *t->pieces, err));
    t->pieces[t->n_pieces++] = (hpo_piece){.kind = kind, .index = index, .start = start, .len = len};
    return HPO_OK;
}

/* Ends the literal text that began at `start`, if there is any. */
static hpo_status end_text(hpo_template *t, size_t start, hpo_error *err)
{
    if (t->text.failed) return hpo_fail_memory(err);
    if (t->text.len == start) return HPO_OK;
    return add_piece(t, HPO_PIECE_TEXT, 0, start, t->text.len - start, err);
}

/* Index of a derived value, or -1. */
static int64_t find_derived(const hpo_space *space, const char *name)
{
    for (size_t i = 0; i < hpo_space_n_derived(space); i++)
        if (!strcmp(space->derived[i].name, name)) return (int64_t)i;
    return -1;
}

/* 1: found and added; 0: no such name. */
static hpo_status add_reference(hpo_template *t, const hpo_space *space, const char *name, size_t n,
                                int *found, hpo_error *err)
{
    char key[256];
    int special = hpo_special_find(name, n);
    *found = 0;
    if (n >= sizeof key) return HPO_OK;
    memcpy(key, name, n);
    key[n] = '\0';
    int64_t i = hpo_space_find(space, key);
    *found = 1;
    if (i >= 0) return add_piece(t, HPO_PIECE_PARAM, (uint32_t)i, 0, 0, err);
    i = find_derived(space, key);
    if (i >= 0) return add_piece(t, HPO_PIECE_DERIVED, (uint32_t)i, 0, 0, err);
    if (special >= 0) return add_piece(t, HPO_PIECE_SPECIAL, (uint32_t)special, 0, 0, err);
    *found = 0;
    return HPO_OK;
}

static hpo_status add_condition(hpo_template *t, const hpo_space *space, const char *condition, int32_t *out,
                                hpo_error *err)
{
    hpo_expr *e = NULL;
    HPO_TRY(hpo_reserve(&t->conditions, &t->cap_conditions, t->n_conditions + 1, sizeof *t->conditions, err));
    HPO_TRY(hpo_expr_compile(space, condition, HPO_WANT_TRUTH, "command: if", &e, err));
    *out = (int32_t)t->n_conditions;
    t->conditions[t->n_conditions++] = e;
    return HPO_OK;
}

static hpo_status begin_word(hpo_template *t, hpo_error *err)
{
    HPO_TRY(hpo_reserve(&t->words, &t->cap_words, t->n_words + 1, sizeof *t->words, err));
    t->words[t->n_words] = (hpo_template_word){.first = t->n_pieces, .condition = -1};
    return HPO_OK;
}

hpo_status hpo_template_add(hpo_template *t, const hpo_space *space, const char *word, const char *condition,
                            hpo_error *err)
{
    HPO_TRY(begin_word(t, err));
    hpo_template_word *w = &t->words[t->n_words];
    if (condition) HPO_TRY(add_condition(t, space, condition, &w->condition, err));
    size_t start = t->text.len;
    for (const char *p = word; *p;) {
        hpo_placeholder h;
        int found;
        if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
            hpo_str_addc(&t->text, *p);
            p += 2;
            continue;
        }
        if (!hpo_placeholder_at(p, &h)) {
            if (*p == '{' || *p == '}')
                return hpo_fail(err, HPO_EINVAL, "'%.200s': lone brace at '%.40s': write it twice", word, p);
            hpo_str_addc(&t->text, *p++);
            continue;
        }
        HPO_TRY(end_text(t, start, err));
        HPO_TRY(add_reference(t, space, h.name, h.name_len, &found, err));
        if (!found) {
            char name[128];
            size_t n = h.name_len < sizeof name ? h.name_len : sizeof name - 1;
            memcpy(name, h.name, n);
            name[n] = '\0';
            return hpo_fail(
                err, HPO_EINVAL,
                "'%.200s': there is no parameter '%s': define it as {%s:low..high}, or write {{%s}} for "
                "literal braces",
                word, name, name, name);
        }
        start = t->text.len;
        p = h.end;
    }
    HPO_TRY(end_text(t, start, err));
    w->n = t->n_pieces - w->first;
    w->is_flag =
        word[0] == '-' && word[1] && strcmp(word, "--") != 0 && !strchr(word, '=') && !strchr(word, '{');
    t->n_words++;
    return HPO_OK;
}

hpo_status hpo_template_add_file(hpo_template *t, const hpo_space *space, const char *text, hpo_error *err)
{
    HPO_TRY(begin_word(t, err));
    size_t start = t->text.len;
    for (const char *p = text; *p;) {
        hpo_placeholder h;
        int found = 0;
        size_t pieces = t->n_pieces;
        if (p[0] == '{' && hpo_placeholder_at(p + 1, &h) && !h.domain && *h.end == '}') {
            HPO_TRY(add_reference(t, space, h.name, h.name_len, &found, err));
            t->n_pieces = pieces;
            if (found) { /* {{name}}: the literal {name} */
                hpo_str_addn(&t->text, p + 1, (size_t)(h.end - p - 1));
                p = h.end + 1;
                continue;
            }
        }
        if (hpo_placeholder_at(p, &h) && !h.domain) {
            HPO_TRY(end_text(t, start, err));
            size_t text_pieces = t->n_pieces;
            HPO_TRY(add_reference(t, space, h.name, h.name_len, &found, err));
            if (found) {
                start = t->text.len;
                p = h.end;
                continue;
            }
            t->n_pieces = text_pieces > pieces ? pieces : text_pieces; /* the text goes on */
        }
        hpo_str_addc(&t->text, *p++);
    }
    HPO_TRY(end_text(t, start, err));
    t->words[t->n_words].n = t->n_pieces - t->words[t->n_words].first;
    t->n_words++;
    return HPO_OK;
}

/* ---- filling in ---------------------------------------------------------------------------------- */

typedef struct word_parts {
    size_t active, inactive; /* placeholders of parameters */
} word_parts;

static void add_value(const hpo_template *t, hpo_str *out, const char *text)
{
    if (t->quote)
        hpo_shell_quote(out, text);
    else
        hpo_str_add(out, text);
}

static hpo_status render_word(const hpo_template *t, const hpo_template_word *w, const hpo_space *space,
                              const double *x, const char *const *specials, hpo_str *out, word_parts *count,
                              hpo_error *err)
{
    *count = (word_parts){0, 0};
    for (size_t i = w->first; i < w->first + w->n; i++) {
        const hpo_piece *p = &t->pieces[i];
        char *text = NULL;
        const char *name;
        hpo_status rc;
        if (p->kind == HPO_PIECE_TEXT) {
            hpo_str_addn(out, t->text.text + p->start, p->len);
            continue;
        }
        if (p->kind == HPO_PIECE_SPECIAL) {
            add_value(t, out, specials[p->index]);
            continue;
        }
        if (p->kind == HPO_PIECE_PARAM)
            rc = hpo_space_value_text(space, x, p->index, &text, err);
        else
            rc = hpo_space_derived_text(space, x, p->index, &name, &text, err);
        if (rc == HPO_OK) {
            count->active++;
            add_value(t, out, text);
            hpo_free(text);
        } else if (rc == HPO_ENOTFOUND) {
            count->inactive++;
        } else {
            return rc;
        }
    }
    return out->failed ? hpo_fail_memory(err) : HPO_OK;
}

static void drop_last(hpo_words *w)
{
    w->bytes.len = w->starts[--w->n];
}

hpo_status hpo_template_render(const hpo_template *t, const hpo_space *space, const double *x,
                               const char *const *specials, hpo_words *out, hpo_error *err)
{
    hpo_str text = {0};
    hpo_status rc = HPO_OK;
    int flag_before = 0; /* the word just added is a plain option word */
    for (size_t i = 0; i < t->n_words && rc == HPO_OK; i++) {
        const hpo_template_word *w = &t->words[i];
        word_parts count;
        if (w->condition >= 0) {
            double truth = hpo_expr_eval(t->conditions[w->condition], x);
            if (!(truth > 0 || truth < 0)) { /* false or unknown */
                flag_before = 0;
                continue;
            }
        }
        hpo_str_clear(&text);
        rc = render_word(t, w, space, x, specials, &text, &count, err);
        if (rc != HPO_OK) break;
        if (count.inactive && !count.active) {
            if (w->n == 1 && flag_before) drop_last(out);
            flag_before = 0;
            continue;
        }
        rc = hpo_words_add(out, text.text ? text.text : "", text.len, err);
        flag_before = w->is_flag;
    }
    hpo_str_fini(&text);
    return rc;
}

void hpo_template_fini(hpo_template *t)
{
    for (size_t i = 0; i < t->n_conditions; i++)
        hpo_expr_free(t->conditions[i]);
    hpo_free(t->conditions);
    hpo_free(t->pieces);
    hpo_free(t->words);
    hpo_str_fini(&t->text);
    *t = (hpo_template){0};
}
