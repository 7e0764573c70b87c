/* SPDX-License-Identifier: Apache-2.0 */
/* base/json.c - a strict JSON reader (RFC 8259) that builds json-c trees, and access by key.
 *
 * The grammar is read here and not by json-c's tokener, which clamps integers beyond 64 bits, keeps the
 * last of two equal keys without a word, and knows no line numbers.  Beyond the RFC, the words NaN,
 * Infinity and -Infinity are numbers: other programs write them. */
#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "base/tree.h"

/* ---- nodes --------------------------------------------------------------------------------- */

struct json_object *hpo_tree_double(double v)
{
    char buf[32];
    if (isinf(v)) return json_object_new_double_s(v, v > 0 ? "1e999" : "-1e999");
    if (isnan(v)) return json_object_new_double_s(v, "NaN");
    size_t n = hpo_double_text(v, buf);
    /* "3" would read back as an integer */
    if (strcspn(buf, ".e") == n) memcpy(buf + n, ".0", 3);
    return json_object_new_double_s(v, buf);
}

struct json_object *hpo_tree_integer(const char *text)
{
    int64_t i;
    if (hpo_parse_int(text, &i)) return json_object_new_int64(i);
    uint64_t u = 0;
    const char *p = text;
    p += *p == '+';
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (u > (UINT64_MAX - digit) / 10) break;
        u = u * 10 + digit;
    }
    if (p != text && *p == '\0') return json_object_new_uint64(u);
    double v = 0;
    (void)hpo_double_parse(text, &v);
    return hpo_tree_double(v);
}

hpo_status hpo_tree_add(struct json_object *object, const char *key, struct json_object *value,
                        hpo_error *err)
{
    if (json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) == 0) return HPO_OK;
    json_object_put(value);
    return hpo_fail_memory(err);
}

hpo_status hpo_tree_append(struct json_object *array, struct json_object *value, hpo_error *err)
{
    if (json_object_array_add(array, value) == 0) return HPO_OK;
    json_object_put(value);
    return hpo_fail_memory(err);
}

/* ---- reader -------------------------------------------------------------------------------- */

typedef struct reader {
    const char *text, *p, *end;
    const char *what;
    hpo_error *err;
    hpo_str scratch; /* the string being read */
    int depth;
} reader;

static hpo_status fail_here(const reader *r, const char *problem)
{
    size_t line = 1, column = 1;
    for (const char *p = r->text; p < r->p; p++) {
        column++;
        if (*p == '\n') {
            line++;
            column = 1;
        }
    }
    return hpo_fail(r->err, HPO_EINVAL, "%s, line %zu, column %zu: %s", r->what, line, column, problem);
}

static void skip_blanks(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static int next_is(const reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static int take_word(reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return 0;
    r->p += n;
    return 1;
}

/* Four hex digits at p, or -1. */
static int32_t read_hex4(const reader *r, const char *p)
{
    int32_t v = 0;
    if (r->end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

static void add_utf8(hpo_str *s, uint32_t c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        b[n++] = (char)(0xE0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        b[n++] = (char)(0xF0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    }
    if (c >= 0x80) b[n++] = (char)(0x80 | (c & 0x3F));
    hpo_str_addn(s, b, n);
}

/* After a backslash. */
static hpo_status read_escape(reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->p == r->end) return fail_here(r, "the text ends inside a string");
    const char *simple = *r->p != '\0' ? strchr(from, *r->p) : NULL;
    if (simple != NULL) {
        hpo_str_addc(&r->scratch, to[simple - from]);
        r->p++;
        return HPO_OK;
    }
    int32_t c = *r->p == 'u' ? read_hex4(r, r->p + 1) : -1;
    if (c < 0) return fail_here(r, "unknown escape after '\\'");
    if (c >= 0xDC00 && c <= 0xDFFF) return fail_here(r, "'\\u' names half of a surrogate pair");
    r->p += 5;
    if (c >= 0xD800 && c <= 0xDBFF) {
        int32_t low = r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u' ? read_hex4(r, r->p + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return fail_here(r, "'\\u' names half of a surrogate pair");
        c = 0x10000 + (c - 0xD800) * 0x400 + (low - 0xDC00);
        r->p += 6;
    }
    add_utf8(&r->scratch, (uint32_t)c);
    return HPO_OK;
}

/* A string, at its opening quote, into r->scratch. */
static hpo_status read_string(reader *r)
{
    hpo_str_clear(&r->scratch);
    hpo_str_addn(&r->scratch, "", 0);
    r->p++;
    for (;;) {
        const char *start = r->p;
        while (r->p < r->end && *r->p != '"' && *r->p != '\\') {
            size_t n = hpo_utf8_length(r->p, (size_t)(r->end - r->p));
            if (n == 0) return fail_here(r, "this is not UTF-8");
            if ((unsigned char)*r->p < 0x20)
                return fail_here(r, "a control character must be written as \\u00XX");
            r->p += n;
        }
        hpo_str_addn(&r->scratch, start, (size_t)(r->p - start));
        if (r->p == r->end) return fail_here(r, "the text ends inside a string");
        if (*r->p++ == '"') break;
        HPO_TRY(read_escape(r));
    }
    if (r->scratch.failed) return hpo_fail_memory(r->err);
    if (r->scratch.len > INT_MAX) return fail_here(r, "this string is too long");
    return HPO_OK;
}

static void skip_digits(reader *r)
{
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
}

static hpo_status read_number(reader *r, struct json_object **out)
{
    const char *start = r->p;
    r->p += next_is(r, '-');
    if (take_word(r, "Infinity")) {
        *out = hpo_tree_double(*start == '-' ? -(double)INFINITY : (double)INFINITY);
        return *out != NULL ? HPO_OK : hpo_fail_memory(r->err);
    }
    const char *digits = r->p;
    skip_digits(r);
    if (r->p == digits) return fail_here(r, "expected a value");
    if (*digits == '0' && r->p - digits > 1) return fail_here(r, "a number must not start with 0");
    int integer = 1;
    if (next_is(r, '.')) {
        const char *fraction = ++r->p;
        integer = 0;
        skip_digits(r);
        if (r->p == fraction) return fail_here(r, "expected a digit after '.'");
    }
    if (next_is(r, 'e') || next_is(r, 'E')) {
        r->p++;
        integer = 0;
        if (next_is(r, '+') || next_is(r, '-')) r->p++;
        const char *exponent = r->p;
        skip_digits(r);
        if (r->p == exponent) return fail_here(r, "expected a digit in the exponent");
    }
    /* A terminated copy: the document need not end in a NUL. */
    hpo_str_clear(&r->scratch);
    hpo_str_addn(&r->scratch, start, (size_t)(r->p - start));
    if (r->scratch.failed) return hpo_fail_memory(r->err);
    double v = 0;
    if (integer && strcmp(r->scratch.text, "-0") != 0) {
        *out = hpo_tree_integer(r->scratch.text);
    } else {
        (void)hpo_double_parse(r->scratch.text, &v);
        *out = hpo_tree_double(v);
    }
    return *out != NULL ? HPO_OK : hpo_fail_memory(r->err);
}

static hpo_status read_value(reader *r, struct json_object **out);

/* The members up to and including '}'. */
static hpo_status read_members(reader *r, struct json_object *object)
{
    skip_blanks(r);
    if (next_is(r, '}')) {
        r->p++;
        return HPO_OK;
    }
    for (;;) {
        skip_blanks(r);
        if (!next_is(r, '"')) return fail_here(r, "expected a key in double quotes");
        const char *key_at = r->p;
        HPO_TRY(read_string(r));
        if (strlen(r->scratch.text) != r->scratch.len) return fail_here(r, "a key must not contain \\u0000");
        if (json_object_object_get_ex(object, r->scratch.text, NULL)) {
            hpo_str problem = {0};
            r->p = key_at;
            hpo_str_addf(&problem, "key '%.100s' appears twice", r->scratch.text);
            hpo_status status = problem.failed ? hpo_fail_memory(r->err) : fail_here(r, problem.text);
            hpo_str_fini(&problem);
            return status;
        }
        /* The key's text must outlive the value's strings: a null stands in its place meanwhile. */
        HPO_TRY(hpo_tree_add(object, r->scratch.text, NULL, r->err));
        const char *key = lh_entry_k(json_object_get_object(object)->tail);
        skip_blanks(r);
        if (!next_is(r, ':')) return fail_here(r, "expected ':'");
        r->p++;
        struct json_object *value = NULL;
        HPO_TRY(read_value(r, &value));
        if (value != NULL) (void)json_object_object_add(object, key, value); /* replaces: allocates nothing */
        skip_blanks(r);
        if (next_is(r, '}')) {
            r->p++;
            return HPO_OK;
        }
        if (!next_is(r, ',')) return fail_here(r, "expected ',' or '}'");
        r->p++;
    }
}

static hpo_status read_elements(reader *r, struct json_object *array)
{
    skip_blanks(r);
    if (next_is(r, ']')) {
        r->p++;
        return HPO_OK;
    }
    for (;;) {
        struct json_object *value = NULL;
        HPO_TRY(read_value(r, &value));
        HPO_TRY(hpo_tree_append(array, value, r->err));
        skip_blanks(r);
        if (next_is(r, ']')) {
            r->p++;
            return HPO_OK;
        }
        if (!next_is(r, ',')) return fail_here(r, "expected ',' or ']'");
        r->p++;
    }
}

static hpo_status read_container(reader *r, struct json_object **out)
{
    if (r->depth == HPO_TREE_DEPTH) return fail_here(r, "nested deeper than 64 levels");
    int is_object = *r->p++ == '{';
    struct json_object *node = is_object ? json_object_new_object() : json_object_new_array();
    if (node == NULL) return hpo_fail_memory(r->err);
    r->depth++;
    hpo_status status = is_object ? read_members(r, node) : read_elements(r, node);
    r->depth--;
    if (status == HPO_OK)
        *out = node;
    else
        json_object_put(node);
    return status;
}

static hpo_status read_value(reader *r, struct json_object **out)
{
    skip_blanks(r);
    *out = NULL;
    if (r->p == r->end) return fail_here(r, "the text ends where a value is expected");
    if (*r->p == '{' || *r->p == '[') return read_container(r, out);
    if (take_word(r, "null")) return HPO_OK;
    if (*r->p == '"') {
        HPO_TRY(read_string(r));
        *out = json_object_new_string_len(r->scratch.text, (int)r->scratch.len);
    } else if (take_word(r, "true")) {
        *out = json_object_new_boolean(1);
    } else if (take_word(r, "false")) {
        *out = json_object_new_boolean(0);
    } else if (take_word(r, "NaN")) {
        *out = hpo_tree_double((double)NAN);
    } else {
        return read_number(r, out);
    }
    return *out != NULL ? HPO_OK : hpo_fail_memory(r->err);
}

hpo_status hpo_json_parse(const char *text, size_t n, const char *what, struct json_object **out,
                          hpo_error *err)
{
    reader r = {.text = text, .p = text, .end = text + n, .what = what, .err = err};
    struct json_object *root = NULL;
    (void)take_word(&r, "\xEF\xBB\xBF"); /* a byte order mark */
    hpo_status status = read_value(&r, &root);
    if (status == HPO_OK) {
        skip_blanks(&r);
        if (r.p != r.end) status = fail_here(&r, "text after the end of the document");
    }
    hpo_str_fini(&r.scratch);
    if (status == HPO_OK)
        *out = root;
    else
        json_object_put(root);
    return status;
}

hpo_status hpo_document_parse(const char *text, size_t n, const char *what, struct json_object **out,
                              hpo_error *err)
{
    size_t i = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (i < n && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r'))
        i++;
    if (i < n && (text[i] == '{' || text[i] == '[')) return hpo_json_parse(text, n, what, out, err);
    return hpo_yaml_parse(text, n, what, out, err);
}

/* ---- access -------------------------------------------------------------------------------- */

/* *value is NULL when the member is missing or null. */
static hpo_status find_member(struct json_object *o, const char *what, const char *key,
                              struct json_object **value, hpo_error *err)
{
    *value = NULL;
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "%s must be an object", what);
    (void)json_object_object_get_ex(o, key, value);
    return HPO_OK;
}

static hpo_status wrong_type(const char *what, const char *key, const char *wanted, struct json_object *value,
                             hpo_error *err)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    return hpo_fail(err, HPO_EINVAL, "%s.%s must be %s, not %.100s", what, key, wanted,
                    text != NULL ? text : "this");
}

hpo_status hpo_json_get_string(struct json_object *o, const char *what, const char *key, const char **out,
                               hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (!json_object_is_type(value, json_type_string)) return wrong_type(what, key, "a string", value, err);
    const char *text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value))
        return wrong_type(what, key, "a string without \\u0000", value, err);
    *out = text;
    return HPO_OK;
}

hpo_status hpo_json_get_double(struct json_object *o, const char *what, const char *key, double *out,
                               hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
        return wrong_type(what, key, "a number", value, err);
    *out = json_object_get_double(value);
    return HPO_OK;
}

hpo_status hpo_json_get_int(struct json_object *o, const char *what, const char *key, int64_t *out,
                            hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (json_object_is_type(value, json_type_int)) {
        /* get_int64 clamps unsigned numbers above its range */
        if (json_object_get_uint64(value) > INT64_MAX) return wrong_type(what, key, "below 2^63", value, err);
        *out = json_object_get_int64(value);
        return HPO_OK;
    }
    double v = json_object_is_type(value, json_type_double) ? json_object_get_double(value) : 0.5;
    /* 1e3 is an integer too, as long as doubles are exact */
    if (!(fabs(v) <= 0x1p53) || v != floor(v)) return wrong_type(what, key, "an integer", value, err);
    *out = (int64_t)v;
    return HPO_OK;
}

hpo_status hpo_json_get_bool(struct json_object *o, const char *what, const char *key, int *out,
                             hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (!json_object_is_type(value, json_type_boolean))
        return wrong_type(what, key, "true or false", value, err);
    *out = json_object_get_boolean(value);
    return HPO_OK;
}

hpo_status hpo_json_get_array(struct json_object *o, const char *what, const char *key,
                              struct json_object **out, hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (!json_object_is_type(value, json_type_array)) return wrong_type(what, key, "an array", value, err);
    *out = value;
    return HPO_OK;
}

hpo_status hpo_json_get_object(struct json_object *o, const char *what, const char *key,
                               struct json_object **out, hpo_error *err)
{
    struct json_object *value;
    HPO_TRY(find_member(o, what, key, &value, err));
    if (value == NULL) return HPO_OK;
    if (!json_object_is_type(value, json_type_object)) return wrong_type(what, key, "an object", value, err);
    *out = value;
    return HPO_OK;
}

hpo_status hpo_json_check_keys(struct json_object *o, const char *what, const char *const *allowed,
                               hpo_error *err)
{
    if (!json_object_is_type(o, json_type_object))
        return hpo_fail(err, HPO_EINVAL, "%s must be an object", what);
    struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        const char *key = json_object_iter_peek_name(&i), *nearest = NULL;
        unsigned least = UINT_MAX;
        for (const char *const *a = allowed; *a != NULL && least != 0; a++) {
            unsigned distance = hpo_edit_distance(key, *a);
            if (distance >= least) continue;
            least = distance;
            nearest = *a;
        }
        if (least == 0) continue;
        if (nearest == NULL || least > 1 + strlen(key) / 3)
            return hpo_fail(err, HPO_EINVAL, "%s: unknown key '%.100s'", what, key);
        return hpo_fail(err, HPO_EINVAL, "%s: unknown key '%.100s', did you mean '%s'?", what, key, nearest);
    }
    return HPO_OK;
}
