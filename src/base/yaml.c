/* SPDX-License-Identifier: Apache-2.0 */
/* base/yaml.c - one YAML document as a json-c tree, from libyaml's events.
 *
 * Plain scalars are resolved by the core schema of YAML 1.2 (section 10.3): 1e-5 is a number and "no" is
 * a string.  An alias shares its anchor's node; what a reader of the tree would walk through is bounded
 * all the same (MAX_NODES), and so is its depth. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "base/tree.h"

enum { MAX_NODES = 1000000 };

/* A finished node with what walking through it costs. */
typedef struct node {
    struct json_object *value;
    size_t count; /* nodes, with aliases expanded */
    int depth;
} node;

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    int has_event;
    const char *what;
    hpo_error *err;
    hpo_map anchor_index; /* name -> place in anchors */
    node *anchors;
    size_t n_anchors, cap_anchors;
    int level;
} reader;

static hpo_status fail_at(const reader *r, yaml_mark_t mark, const char *problem)
{
    return hpo_fail(r->err, HPO_EINVAL, "%s, line %zu, column %zu: %s", r->what, mark.line + 1,
                    mark.column + 1, problem);
}

static hpo_status fail_event(const reader *r, const char *problem)
{
    return fail_at(r, r->event.start_mark, problem);
}

static void drop_event(reader *r)
{
    if (r->has_event) yaml_event_delete(&r->event);
    r->has_event = 0;
}

static hpo_status next_event(reader *r)
{
    drop_event(r);
    if (yaml_parser_parse(&r->parser, &r->event)) {
        r->has_event = 1;
        return HPO_OK;
    }
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "this is not YAML";
    if (p->error == YAML_MEMORY_ERROR) return hpo_fail_memory(r->err);
    if (p->error == YAML_READER_ERROR)
        return hpo_fail(r->err, HPO_EINVAL, "%s, byte %zu: %s", r->what, p->problem_offset, problem);
    return fail_at(r, p->problem_mark, problem);
}

/* ---- scalars ------------------------------------------------------------------------------- */

static int is_one_of(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

static size_t count_digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* [-+]?[0-9]+ */
static int is_integer(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    size_t n = count_digits(p);
    return n != 0 && p[n] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static int is_float(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    size_t before = count_digits(p), after = 0;
    p += before;
    if (*p == '.') {
        after = count_digits(++p);
        p += after;
    }
    if (before + after == 0) return 0;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+') p++;
        size_t n = count_digits(p);
        if (n == 0) return 0;
        p += n;
    }
    return *p == '\0';
}

/* 0o17 and 0x1F: 1 and the value if it is one. */
static int is_based_integer(const char *text, uint64_t *v)
{
    if (text[0] != '0' || (text[1] != 'o' && text[1] != 'x') || text[2] == '\0') return 0;
    unsigned base = text[1] == 'o' ? 8 : 16;
    *v = 0;
    for (const char *p = text + 2; *p != '\0'; p++) {
        static const char digits[] = "0123456789abcdef";
        const char *d = strchr(digits, *p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
        if (d == NULL || (unsigned)(d - digits) >= base || *v > UINT64_MAX / base) return 0;
        *v = *v * base + (unsigned)(d - digits);
    }
    return 1;
}

/* ".inf" and ".nan" with their signs and cases */
static int is_special_float(const char *text, double *v)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (is_one_of(p, ".inf", ".Inf", ".INF")) {
        *v = *text == '-' ? -(double)INFINITY : (double)INFINITY;
        return 1;
    }
    *v = (double)NAN;
    return is_one_of(text, ".nan", ".NaN", ".NAN");
}

/* A plain scalar; 0 when memory ran out. */
static int resolve_plain(const char *text, size_t n, struct json_object **out)
{
    double v = 0;
    uint64_t u;
    *out = NULL;
    if (n == 0 || strcmp(text, "~") == 0 || is_one_of(text, "null", "Null", "NULL")) return 1;
    if (is_one_of(text, "true", "True", "TRUE"))
        *out = json_object_new_boolean(1);
    else if (is_one_of(text, "false", "False", "FALSE"))
        *out = json_object_new_boolean(0);
    else if (is_integer(text))
        *out = hpo_tree_integer(text);
    else if (is_based_integer(text, &u))
        *out = u <= INT64_MAX ? json_object_new_int64((int64_t)u) : json_object_new_uint64(u);
    else if ((is_float(text) && hpo_parse_double(text, &v)) || is_special_float(text, &v))
        *out = hpo_tree_double(v);
    else
        *out = json_object_new_string_len(text, (int)n);
    return *out != NULL;
}

static hpo_status read_scalar(reader *r, node *out)
{
    const char *text = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;
    if (n > INT_MAX) return fail_event(r, "this string is too long");
    *out = (node){NULL, 1, 0};
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE || strlen(text) != n) {
        out->value = json_object_new_string_len(text, (int)n);
        return out->value != NULL ? HPO_OK : hpo_fail_memory(r->err);
    }
    return resolve_plain(text, n, &out->value) ? HPO_OK : hpo_fail_memory(r->err);
}

/* ---- anchors ------------------------------------------------------------------------------- */

static hpo_status remember_anchor(reader *r, const char *name, const node *n)
{
    HPO_TRY(hpo_reserve(&r->anchors, &r->cap_anchors, r->n_anchors + 1, sizeof *r->anchors, r->err));
    HPO_TRY(
        hpo_map_put(&r->anchor_index, name, (int64_t)r->n_anchors, r->err)); /* the latest of a name counts */
    r->anchors[r->n_anchors] = *n;
    (void)json_object_get(n->value);
    r->n_anchors++;
    return HPO_OK;
}

static hpo_status read_alias(reader *r, node *out)
{
    int64_t i = hpo_map_get(&r->anchor_index, (const char *)r->event.data.alias.anchor, -1);
    if (i < 0) return fail_event(r, "this alias names no finished anchor");
    *out = r->anchors[i];
    if (r->level + out->depth > HPO_TREE_DEPTH) return fail_event(r, "nested deeper than 64 levels");
    (void)json_object_get(out->value);
    return HPO_OK;
}

/* ---- collections --------------------------------------------------------------------------- */

static hpo_status read_node(reader *r, node *out);

/* Takes the child into account; the tree must stay small enough to walk through. */
static hpo_status count_child(const reader *r, node *parent, const node *child)
{
    parent->count += child->count;
    if (child->depth + 1 > parent->depth) parent->depth = child->depth + 1;
    return parent->count <= MAX_NODES ? HPO_OK : fail_event(r, "aliases expand to more than 1000000 nodes");
}

static hpo_status read_sequence(reader *r, node *parent)
{
    for (;;) {
        node child = {NULL, 0, 0};
        HPO_TRY(next_event(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return HPO_OK;
        HPO_TRY(read_node(r, &child));
        HPO_TRY(hpo_tree_append(parent->value, child.value, r->err));
        HPO_TRY(count_child(r, parent, &child));
    }
}

/* Checks the key that the current event holds and enters it with a null; *key is json-c's copy. */
static hpo_status read_key(reader *r, struct json_object *object, const char **key)
{
    if (r->event.type != YAML_SCALAR_EVENT) return fail_event(r, "a key must be a plain word or a string");
    const char *text = (const char *)r->event.data.scalar.value;
    int plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (r->event.data.scalar.tag != NULL) return fail_event(r, "tags ('!...') are not supported");
    if (r->event.data.scalar.anchor != NULL)
        return fail_event(r, "an anchor ('&...') on a key is not supported");
    if (plain && strcmp(text, "<<") == 0) return fail_event(r, "merge keys ('<<') are not supported");
    if (strlen(text) != r->event.data.scalar.length) return fail_event(r, "a key must not contain a NUL");
    if (json_object_object_get_ex(object, text, NULL)) {
        yaml_mark_t mark = r->event.start_mark;
        return hpo_fail(r->err, HPO_EINVAL, "%s, line %zu, column %zu: key '%.100s' appears twice", r->what,
                        mark.line + 1, mark.column + 1, text);
    }
    HPO_TRY(hpo_tree_add(object, text, NULL, r->err));
    *key = lh_entry_k(json_object_get_object(object)->tail);
    return HPO_OK;
}

static hpo_status read_mapping(reader *r, node *parent)
{
    for (;;) {
        const char *key = NULL;
        node child = {NULL, 0, 0};
        HPO_TRY(next_event(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) return HPO_OK;
        HPO_TRY(read_key(r, parent->value, &key));
        HPO_TRY(next_event(r));
        HPO_TRY(read_node(r, &child));
        if (child.value != NULL) (void)json_object_object_add(parent->value, key, child.value); /* replaces */
        HPO_TRY(count_child(r, parent, &child));
    }
}

static hpo_status read_collection(reader *r, node *out)
{
    if (r->level == HPO_TREE_DEPTH) return fail_event(r, "nested deeper than 64 levels");
    int mapping = r->event.type == YAML_MAPPING_START_EVENT;
    node n = {mapping ? json_object_new_object() : json_object_new_array(), 1, 0};
    if (n.value == NULL) return hpo_fail_memory(r->err);
    r->level++;
    hpo_status status = mapping ? read_mapping(r, &n) : read_sequence(r, &n);
    r->level--;
    if (status == HPO_OK)
        *out = n;
    else
        json_object_put(n.value);
    return status;
}

/* The node that starts with the current event. */
static hpo_status read_node(reader *r, node *out)
{
    const yaml_event_t *e = &r->event;
    if (e->type == YAML_ALIAS_EVENT) return read_alias(r, out);
    int scalar = e->type == YAML_SCALAR_EVENT, mapping = e->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = scalar    ? e->data.scalar.tag
                             : mapping ? e->data.mapping_start.tag
                                       : e->data.sequence_start.tag;
    const yaml_char_t *anchor = scalar    ? e->data.scalar.anchor
                                : mapping ? e->data.mapping_start.anchor
                                          : e->data.sequence_start.anchor;
    if (tag != NULL) return fail_event(r, "tags ('!...') are not supported");
    char *name = anchor != NULL ? hpo_strdup((const char *)anchor) : NULL; /* outlives the event */
    if (anchor != NULL && name == NULL) return hpo_fail_memory(r->err);
    hpo_status status = scalar ? read_scalar(r, out) : read_collection(r, out);
    if (status == HPO_OK && name != NULL) {
        status = remember_anchor(r, name, out);
        if (status != HPO_OK) json_object_put(out->value);
    }
    hpo_free(name);
    return status;
}

static hpo_status read_stream(reader *r, struct json_object **out)
{
    HPO_TRY(next_event(r)); /* stream start */
    HPO_TRY(next_event(r));
    *out = NULL;
    if (r->event.type == YAML_STREAM_END_EVENT) return HPO_OK; /* empty: null */
    HPO_TRY(next_event(r));                                    /* past the document's start */
    node root = {NULL, 0, 0};
    HPO_TRY(read_node(r, &root));
    hpo_status status = next_event(r); /* the document's end */
    if (status == HPO_OK) status = next_event(r);
    if (status == HPO_OK && r->event.type != YAML_STREAM_END_EVENT)
        status = fail_event(r, "only one document is allowed");
    if (status == HPO_OK)
        *out = root.value;
    else
        json_object_put(root.value);
    return status;
}

hpo_status hpo_yaml_parse(const char *text, size_t n, const char *what, struct json_object **out,
                          hpo_error *err)
{
    reader r = {.what = what, .err = err};
    if (!yaml_parser_initialize(&r.parser)) return hpo_fail_memory(err);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    struct json_object *root = NULL;
    hpo_status status = read_stream(&r, &root);
    drop_event(&r);
    yaml_parser_delete(&r.parser);
    for (size_t i = 0; i < r.n_anchors; i++)
        json_object_put(r.anchors[i].value);
    hpo_free(r.anchors);
    hpo_map_fini(&r.anchor_index);
    if (status == HPO_OK) *out = root;
    return status;
}
