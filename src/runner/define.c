/* SPDX-License-Identifier: Apache-2.0 */
/* runner/define.c - phase one of a command: parameters defined inside words.
 *
 *   {name:domain}               ours; the domain is in the inline grammar of docs/space.md
 *   --name~prior(...)           Orion: uniform, loguniform, randint, choices, fidelity; becomes two words
 *   name=uniform[low:high]      Guild: uniform, loguniform; with or without dashes in front
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

/* Splits "a, b, key=v" at commas outside brackets and quotes; returns the number of parts. */
enum { MAX_PARTS = 256 };
typedef struct part {
    const char *text;
    size_t n;
} part;

static void trim(part *p)
{
    while (p->n && isspace((unsigned char)p->text[0]))
        p->text++, p->n--;
    while (p->n && isspace((unsigned char)p->text[p->n - 1]))
        p->n--;
}

static int split(const char *text, size_t n, char separator, part *parts)
{
    int count = 0;
    int depth = 0;
    char quote = 0;
    part now = {text, 0};
    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? text[i] : separator;
        if (quote && i < n) {
            if (c == quote) quote = 0;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(' || c == '[' || c == '{') {
            depth++;
        } else if (c == ')' || c == ']' || c == '}') {
            depth--;
        } else if (c == separator && (depth == 0 || i == n)) {
            now.n = (size_t)(text + i - now.text);
            trim(&now);
            if (count == MAX_PARTS) return -1;
            if (now.n || i < n) parts[count++] = now;
            now.text = text + i + 1;
        }
    }
    return count;
}

static int part_is(part p, const char *word)
{
    return strlen(word) == p.n && !memcmp(p.text, word, p.n);
}

static int part_number(part p, double *v)
{
    char buf[64];
    if (p.n >= sizeof buf) return 0;
    memcpy(buf, p.text, p.n);
    buf[p.n] = '\0';
    return hpo_parse_double(buf, v);
}

/* A label for the inline grammar: quoted always, so that commas and words like `if` mean nothing. */
static void add_label(hpo_str *out, part p)
{
    int quoted = p.n >= 2 && (p.text[0] == '\'' || p.text[0] == '"') && p.text[p.n - 1] == p.text[0];
    double v;
    if (!quoted && part_number(p, &v)) {
        hpo_str_addn(out, p.text, p.n);
        return;
    }
    if (quoted) p.text++, p.n -= 2;
    hpo_str_addc(out, '\'');
    for (size_t i = 0; i < p.n; i++) {
        if (p.text[i] == '\'' || p.text[i] == '\\') hpo_str_addc(out, '\\');
        hpo_str_addc(out, p.text[i]);
    }
    hpo_str_addc(out, '\'');
}

static hpo_status add_choices(hpo_str *out, const part *parts, int n, const char *word, hpo_error *err)
{
    part inner[MAX_PARTS];
    if (n == 1 && parts[0].n >= 2 && strchr("[({", parts[0].text[0])) {
        int is_dict = parts[0].text[0] == '{';
        n = split(parts[0].text + 1, parts[0].n - 2, ',', inner);
        for (int i = 0; is_dict && i < n; i++) { /* {'a': 0.2}: the weights are not taken over */
            part pair[MAX_PARTS];
            if (split(inner[i].text, inner[i].n, ':', pair) == 2) inner[i] = pair[0];
        }
        parts = inner;
    }
    if (n < 1)
        return hpo_fail(err, HPO_EINVAL, "'%.200s': between 1 and %d choices are needed", word, MAX_PARTS);
    for (int i = 0; i < n; i++) {
        if (i) hpo_str_addc(out, ',');
        add_label(out, parts[i]);
    }
    return HPO_OK;
}

/* prior(args) of Orion as a domain of ours. */
static hpo_status prior_domain(part prior, const char *args, size_t n_args, const char *word, hpo_str *out,
                               hpo_error *err)
{
    part parts[MAX_PARTS];
    part positional[MAX_PARTS];
    part fallback = {NULL, 0};
    int n_positional = 0;
    int whole = part_is(prior, "randint");
    int n = split(args, n_args, ',', parts);
    if (n < 0) return hpo_fail(err, HPO_EINVAL, "'%.200s': more than %d arguments", word, MAX_PARTS);
    for (int i = 0; i < n; i++) {
        const char *equals = memchr(parts[i].text, '=', parts[i].n);
        if (!equals || strchr("'\"[({", parts[i].text[0])) {
            positional[n_positional++] = parts[i];
            continue;
        }
        part key = {parts[i].text, (size_t)(equals - parts[i].text)};
        part value = {equals + 1, (size_t)(parts[i].text + parts[i].n - equals - 1)};
        trim(&key);
        trim(&value);
        if (part_is(key, "discrete")) {
            whole = part_is(value, "True") || part_is(value, "true") || part_is(value, "1");
        } else if (part_is(key, "default_value")) {
            fallback = value;
        } else if (!part_is(key, "precision") && !part_is(key, "base")) {
            return hpo_fail(err, HPO_EINVAL,
                            "'%.200s': unknown argument '%.*s': known are discrete, default_value, "
                            "precision and base",
                            word, (int)key.n, key.text);
        }
    }
    if (part_is(prior, "choices")) {
        HPO_TRY(add_choices(out, positional, n_positional, word, err));
    } else {
        int is_log = part_is(prior, "loguniform");
        int is_fidelity = part_is(prior, "fidelity");
        double low;
        double high;
        if (!is_log && !is_fidelity && !part_is(prior, "uniform") && !part_is(prior, "randint"))
            return hpo_fail(
                err, HPO_EINVAL,
                "'%.200s': unknown prior '%.*s': known are uniform, loguniform, randint, choices and "
                "fidelity; anything else is written as {name:domain}",
                word, (int)prior.n, prior.text);
        int third = n_positional == 3 && is_fidelity; /* its base */
        if ((n_positional != 2 && !third) || !part_number(positional[0], &low) ||
            !part_number(positional[1], &high))
            return hpo_fail(err, HPO_EINVAL, "'%.200s': two numbers are needed: %.*s(low, high)", word,
                            (int)prior.n, prior.text);
        if (part_is(prior, "randint")) high -= 1; /* its upper end is not included */
        hpo_str_add(out, is_fidelity ? "fidelity " : whole ? "int " : "");
        if (is_log) hpo_str_add(out, "log ");
        hpo_str_double(out, low);
        hpo_str_add(out, "..");
        hpo_str_double(out, high);
    }
    if (fallback.text) {
        hpo_str_add(out, " default ");
        if (part_is(prior, "choices"))
            add_label(out, fallback);
        else
            hpo_str_addn(out, fallback.text, fallback.n);
    }
    return HPO_OK;
}

/* --lr~loguniform(1e-5,1): *done is 0 when the word is something else. */
static hpo_status define_orion(const char *word, hpo_space *space, hpo_words *out, int *done, hpo_error *err)
{
    size_t dashes = strspn(word, "-");
    size_t name_len = hpo_placeholder_name(word + dashes);
    const char *tilde = word + dashes + name_len;
    *done = 0;
    if (!name_len || *tilde != '~') return HPO_OK;
    part prior = {tilde + 1, hpo_placeholder_name(tilde + 1)};
    const char *open = prior.text + prior.n;
    size_t rest = strlen(open);
    if (!prior.n || rest < 2 || open[0] != '(' || open[rest - 1] != ')') return HPO_OK;

    hpo_str domain = {0};
    hpo_str value = {0};
    hpo_status rc = prior_domain(prior, open + 1, rest - 2, word, &domain, err);
    if (rc == HPO_OK && domain.failed) rc = hpo_fail_memory(err);
    if (rc == HPO_OK) rc = add_param(space, word + dashes, name_len, domain.text, domain.len, err);
    if (rc != HPO_OK) goto done;
    if (dashes == 0) {
        hpo_str_addn(&value, word, name_len);
        hpo_str_addc(&value, '=');
    } else {
        rc = hpo_words_add(out, word, dashes + name_len, err);
        if (rc != HPO_OK) goto done;
    }
    hpo_str_addc(&value, '{');
    hpo_str_addn(&value, word + dashes, name_len);
    hpo_str_addc(&value, '}');
    rc = value.failed ? hpo_fail_memory(err) : hpo_words_add(out, value.text, value.len, err);
    *done = 1;
done:
    hpo_str_fini(&domain);
    hpo_str_fini(&value);
    return rc;
}

/* lr=loguniform[1e-5:1] */
static hpo_status define_guild(const char *word, hpo_space *space, hpo_words *out, int *done, hpo_error *err)
{
    size_t dashes = strspn(word, "-");
    size_t name_len = hpo_placeholder_name(word + dashes);
    const char *equals = word + dashes + name_len;
    *done = 0;
    if (!name_len || *equals != '=') return HPO_OK;
    part prior = {equals + 1, hpo_placeholder_name(equals + 1)};
    const char *open = prior.text + prior.n;
    size_t rest = strlen(open);
    int is_log = part_is(prior, "loguniform");
    if ((!is_log && !part_is(prior, "uniform")) || rest < 2 || open[0] != '[' || open[rest - 1] != ']')
        return HPO_OK;

    hpo_str text = {0};
    part parts[MAX_PARTS];
    double v;
    hpo_status rc = HPO_OK;
    int n = split(open + 1, rest - 2, ':', parts);
    if ((n != 2 && n != 3) || !part_number(parts[0], &v) || !part_number(parts[1], &v) ||
        (n == 3 && !part_number(parts[2], &v))) {
        rc = hpo_fail(err, HPO_EINVAL,
                      "'%.200s': two numbers are needed: %.*s[low:high] (or [low:high:first])", word,
                      (int)prior.n, prior.text);
        goto done;
    }
    if (is_log) hpo_str_add(&text, "log ");
    hpo_str_addn(&text, parts[0].text, parts[0].n);
    hpo_str_add(&text, "..");
    hpo_str_addn(&text, parts[1].text, parts[1].n);
    if (n == 3) {
        hpo_str_add(&text, " default ");
        hpo_str_addn(&text, parts[2].text, parts[2].n);
    }
    rc = text.failed ? hpo_fail_memory(err)
                     : add_param(space, word + dashes, name_len, text.text, text.len, err);
    if (rc != HPO_OK) goto done;
    hpo_str_clear(&text);
    hpo_str_addn(&text, word, dashes + name_len);
    hpo_str_add(&text, "={");
    hpo_str_addn(&text, word + dashes, name_len);
    hpo_str_addc(&text, '}');
    rc = text.failed ? hpo_fail_memory(err) : hpo_words_add(out, text.text, text.len, err);
    *done = 1;
done:
    hpo_str_fini(&text);
    return rc;
}

hpo_status hpo_template_define(const char *word, hpo_space *space, hpo_words *out, hpo_error *err)
{
    int done;
    HPO_TRY(define_orion(word, space, out, &done, err));
    if (done) return HPO_OK;
    HPO_TRY(define_guild(word, space, out, &done, err));
    if (done) return HPO_OK;
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
