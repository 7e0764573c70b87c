/* SPDX-License-Identifier: Apache-2.0 */
/* runner/define.c - phase one of a command: parameters defined inside words.
 *
 *   {name:domain}               ours; the domain is in the inline grammar of docs/space.md
 *   --name~prior(...)           Orion; becomes two words, --name and the value
 *   name=uniform[low:high]      Guild: uniform and loguniform, with or without dashes in front
 *
 * What is left behind refers to names only, so that the stored command is independent of spellings. */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runner/placeholder.h"

/* ---- placeholders ------------------------------------------------------------------------------ */

static int name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

size_t hpo_placeholder_name(const char *text)
{
    size_t n = 0;
    if (!name_start(text[0])) return 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.' || text[n] == '-')
        n++;
    return n;
}

/* End of a domain: the brace that closes it, with nested braces and quotes respected; NULL: none. */
static const char *domain_end(const char *p)
{
    int depth = 0;
    for (; *p; p++) {
        if (*p == '\'' || *p == '"') {
            const char *q = strchr(p + 1, *p);
            if (q) p = q; /* a lone quote is an ordinary character */
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && depth-- == 0) {
            return p;
        }
    }
    return NULL;
}

int hpo_placeholder_at(const char *p, hpo_placeholder *out)
{
    if (*p != '{') return 0;
    size_t n = hpo_placeholder_name(p + 1);
    if (!n) return 0;
    out->name = p + 1;
    out->name_len = n;
    out->domain = NULL;
    out->domain_len = 0;
    const char *q = p + 1 + n;
    if (*q == '}') {
        out->end = q + 1;
        return 1;
    }
    if (*q != ':') return 0;
    const char *end = domain_end(q + 1);
    if (!end) return 0;
    out->domain = q + 1;
    out->domain_len = (size_t)(end - q - 1);
    out->end = end + 1;
    return 1;
}

int hpo_special_find(const char *name, size_t n)
{
#define WORD(id, word) word,
    static const char *const words[] = {HPO_SPECIAL_LIST(WORD)};
#undef WORD
    for (int i = 0; i < HPO_N_SPECIALS; i++)
        if (strlen(words[i]) == n && !memcmp(words[i], name, n)) return i;
    return -1;
}

/* Adds the parameter; texts need not be terminated. */
static hpo_status add_param(hpo_space *space, const char *name, size_t name_len, const char *domain, size_t n,
                            hpo_error *err)
{
    hpo_status rc;
    char *a = hpo_strndup(name, name_len);
    char *b = hpo_strndup(domain, n);
    if (!a || !b)
        rc = hpo_fail_memory(err);
    else if (hpo_special_find(name, name_len) >= 0)
        rc = hpo_fail(err, HPO_EINVAL,
                      "parameter '%s': {%s} already stands for the trial's own %s: choose another name", a, a,
                      a);
    else
        rc = hpo_space_add(space, a, b, err);
    hpo_free(a);
    hpo_free(b);
    return rc;
}

static hpo_status define_word(const char *word, hpo_space *space, hpo_str *out, hpo_error *err)
{
    for (const char *p = word; *p;) {
        hpo_placeholder h;
        if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
            hpo_str_addn(out, p, 2);
            p += 2;
        } else if (hpo_placeholder_at(p, &h)) {
            if (h.domain) HPO_TRY(add_param(space, h.name, h.name_len, h.domain, h.domain_len, err));
            hpo_str_addc(out, '{');
            hpo_str_addn(out, h.name, h.name_len);
            hpo_str_addc(out, '}');
            p = h.end;
        } else if (*p == '{' && hpo_placeholder_name(p + 1) && p[1 + hpo_placeholder_name(p + 1)] == ':') {
            return hpo_fail(err, HPO_EINVAL,
                            "'%.200s': the placeholder at '%.40s' is not closed: end it with }", word, p);
        } else if (*p == '{') {
            return hpo_fail(
                err, HPO_EINVAL,
                "'%.200s': the brace at '%.40s' does not begin a placeholder such as {lr:0..1} or {lr}: "
                "write {{ for a literal brace",
                word, p);
        } else if (*p == '}') {
            return hpo_fail(err, HPO_EINVAL,
                            "'%.200s': the brace at '%.40s' closes nothing: write }} for a literal brace",
                            word, p);
        } else {
            hpo_str_addc(out, *p++);
        }
    }
    return HPO_OK;
}

/* ---- spellings of other tools ------------------------------------------------------------------- */

/* --lr~loguniform(1e-5,1) and lr=loguniform[1e-5:1]: the domain is what the space's own grammar reads. */
typedef struct foreign_word {
    size_t dashes, name_len;
    const char *domain;
    int separate; /* Orion with dashes: flag and value are two words */
} foreign_word;

static int read_foreign(const char *word, foreign_word *f)
{
    static const char *const guild[] = {"uniform[", "loguniform["};
    f->dashes = strspn(word, "-");
    f->name_len = hpo_placeholder_name(word + f->dashes);
    const char *p = word + f->dashes + f->name_len;
    if (!f->name_len || (*p != '~' && *p != '=') || !p[1]) return 0;
    f->domain = p + 1;
    f->separate = *p == '~' && f->dashes > 0;
    size_t len = strlen(f->domain);
    if (*p == '~') {
        size_t n = hpo_placeholder_name(f->domain);
        return n > 0 && f->domain[n] == '(' && f->domain[len - 1] == ')';
    }
    for (size_t i = 0; i < sizeof guild / sizeof guild[0]; i++)
        if (!strncmp(f->domain, guild[i], strlen(guild[i])) && f->domain[len - 1] == ']') return 1;
    return 0;
}

static hpo_status define_foreign(const char *word, const foreign_word *f, hpo_space *space, hpo_words *out,
                                 hpo_error *err)
{
    const char *name = word + f->dashes;
    hpo_str value = {0};
    HPO_TRY(add_param(space, name, f->name_len, f->domain, strlen(f->domain), err));
    if (f->separate) {
        HPO_TRY(hpo_words_add(out, word, f->dashes + f->name_len, err));
    } else {
        hpo_str_addn(&value, word, f->dashes + f->name_len);
        hpo_str_addc(&value, '=');
    }
    hpo_str_addc(&value, '{');
    hpo_str_addn(&value, name, f->name_len);
    hpo_str_addc(&value, '}');
    hpo_status rc = value.failed ? hpo_fail_memory(err) : hpo_words_add(out, value.text, value.len, err);
    hpo_str_fini(&value);
    return rc;
}

hpo_status hpo_template_define(const char *word, hpo_space *space, hpo_words *out, hpo_error *err)
{
    foreign_word f;
    if (read_foreign(word, &f)) return define_foreign(word, &f, space, out, err);
    hpo_str text = {0};
    hpo_status rc = define_word(word, space, &text, err);
    if (rc == HPO_OK)
        rc = text.failed ? hpo_fail_memory(err)
                         : hpo_words_add(out, text.text ? text.text : "", text.len, err);
    hpo_str_fini(&text);
    return rc;
}

hpo_status hpo_template_define_file(const char *text, hpo_space *space, const char *what, hpo_str *out,
                                    hpo_error *err)
{
    for (const char *p = text; *p;) {
        hpo_placeholder h;
        if (p[0] == '{' && hpo_placeholder_at(p + 1, &h) && *h.end == '}') { /* {{name}} stays as it is */
            hpo_str_addn(out, p, (size_t)(h.end + 1 - p));
            p = h.end + 1;
            continue;
        }
        /* A domain must look like one: "{a: 1}" in a YAML or JSON file is none. */
        if (hpo_placeholder_at(p, &h) && h.domain && h.domain_len && !isspace((unsigned char)h.domain[0])) {
            if (memchr(h.domain, '\n', h.domain_len)) {
                hpo_str_addc(out, *p++);
                continue;
            }
            hpo_status rc = add_param(space, h.name, h.name_len, h.domain, h.domain_len, err);
            if (rc != HPO_OK) return hpo_fail_prefix(err, rc, "%s", what);
            hpo_str_addc(out, '{');
            hpo_str_addn(out, h.name, h.name_len);
            hpo_str_addc(out, '}');
            p = h.end;
            continue;
        }
        hpo_str_addc(out, *p++);
    }
    return out->failed ? hpo_fail_memory(err) : HPO_OK;
}
