/* SPDX-License-Identifier: Apache-2.0 */
/* space/expr_parse.c - expressions: text to tree, by recursive descent.
 *
 *   expr    = or [ "if" or "else" expr ]
 *   or      = and { "or" and }            and = not { "and" not }         not = "not" not | compare
 *   compare = sum { ( "==" "!=" "<" "<=" ">" ">=" ) sum | [ "not" ] "in" ( list | name ) }
 *   sum     = term { ( "+" "-" ) term }   term = factor { ( "*" "/" "//" "%" ) factor }
 *   factor  = ( "-" | "+" ) factor | atom [ "**" factor ]
 *   atom    = number | text | "true" | "false" | name | name "(" args ")" | name "[" expr "]" | "(" expr ")"
 *
 * A chain a < b < c means a < b and b < c, as in Python.  Depth and size are bounded, so that no text can
 * exhaust the stack. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "space/expr.h"
#include <string.h>

typedef enum token_type { TOKEN_END, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_NAME, TOKEN_SIGN, TOKEN_BAD } token_type;

typedef struct parser {
    hpo_ast *tree;
    const char *start, *at;     /* at: behind the current token */
    const char *token, *before; /* the current token; the end of the one before it */
    size_t token_len;
    token_type type;
    double number;
    unsigned depth;
    hpo_error *err;
    hpo_status status;
} parser;

static int32_t parse_expr(parser *p);

static int is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int32_t fail(parser *p, const char *what)
{
    if (p->status != HPO_OK) return -1;
    if (p->type == TOKEN_END)
        p->status = hpo_fail(p->err, HPO_EINVAL, "'%.200s': %s at the end", p->start, what);
    else
        p->status = hpo_fail(p->err, HPO_EINVAL, "'%.200s': %s at column %d, near '%.20s'", p->start, what,
                             (int)(p->token - p->start) + 1, p->token);
    return -1;
}

/* ---- tokens ---------------------------------------------------------------------------------------- */

/* Two-character signs first. */
static const char *const signs[] = {"==", "!=", "<=", ">=", "**", "//", "<", ">", "+", "-", "*",
                                    "/",  "%",  "(",  ")",  "[",  "]",  "{", "}", ",", NULL};

static void next_token(parser *p)
{
    p->before = p->at;
    const char *c = p->at;
    while (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\r')
        c++;
    p->token = c;
    p->token_len = 0;
    if (!*c) {
        p->type = TOKEN_END;
        p->at = c;
        return;
    }
    if (is_digit(*c) || (*c == '.' && is_digit(c[1]))) {
        const char *end = hpo_double_parse(c, &p->number);
        p->type = end > c ? TOKEN_NUMBER : TOKEN_BAD;
        p->token_len = (size_t)(end - c);
        p->at = end;
        return;
    }
    if (is_name_start(*c)) {
        const char *e = c + 1;
        while (is_name_start(*e) || is_digit(*e) || (*e == '.' && is_name_start(e[1])))
            e++;
        p->type = TOKEN_NAME;
        p->token_len = (size_t)(e - c);
        p->at = e;
        return;
    }
    if (*c == '\'' || *c == '"' || *c == '`') {
        const char *e = c + 1;
        while (*e && *e != *c)
            e += (*e == '\\' && e[1] && *c != '`') ? 2 : 1;
        p->type = *e ? (*c == '`' ? TOKEN_NAME : TOKEN_TEXT) : TOKEN_BAD;
        p->token_len = (size_t)(e - c) + (*e != 0);
        p->at = c + p->token_len;
        return;
    }
    for (size_t i = 0; signs[i]; i++) {
        size_t n = strlen(signs[i]);
        if (strncmp(c, signs[i], n) == 0) {
            p->type = TOKEN_SIGN;
            p->token_len = n;
            p->at = c + n;
            return;
        }
    }
    p->type = TOKEN_BAD;
    p->token_len = 1;
    p->at = c + 1;
}

static int is_sign(const parser *p, const char *s)
{
    return p->type == TOKEN_SIGN && p->token_len == strlen(s) && memcmp(p->token, s, p->token_len) == 0;
}

static int is_word(const parser *p, const char *w)
{
    return p->type == TOKEN_NAME && p->token_len == strlen(w) && memcmp(p->token, w, p->token_len) == 0;
}

static int is_reserved(const parser *p)
{
    static const char *const words[] = {"and", "or", "not", "in", "if", "else", NULL};
    for (size_t i = 0; words[i]; i++)
        if (is_word(p, words[i])) return 1;
    return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------------- */

static int32_t new_node(parser *p, hpo_node_type type, hpo_opcode op, int32_t a, int32_t b)
{
    hpo_ast *t = p->tree;
    if (p->status != HPO_OK) return -1;
    if (t->n >= HPO_EXPR_MAX_NODES) {
        p->status =
            hpo_fail(p->err, HPO_EINVAL, "'%.60s...': more than %d terms; split it into several constraints",
                     p->start, HPO_EXPR_MAX_NODES);
        return -1;
    }
    p->status = hpo_reserve(&t->nodes, &t->cap, t->n + 1, sizeof *t->nodes, p->err);
    if (p->status != HPO_OK) return -1;
    t->nodes[t->n] =
        (hpo_node){.type = (uint8_t)type, .op = (uint8_t)op, .a = a, .b = b, .c = -1, .next = -1};
    return (int32_t)t->n++;
}

/* Keeps the text of the current token (without quotes, unescaped) in node i. */
static void keep_text(parser *p, int32_t i)
{
    hpo_ast *t = p->tree;
    if (p->status != HPO_OK || i < 0) return;
    const char *s = p->token;
    size_t n = p->token_len;
    int quoted = n >= 2 && (s[0] == '\'' || s[0] == '"' || s[0] == '`');
    if (quoted) {
        s++;
        n -= 2;
    }
    p->status = hpo_reserve(&t->chars, &t->cap_chars, t->n_chars + n + 1, 1, p->err);
    if (p->status != HPO_OK) return;
    char *out = t->chars + t->n_chars;
    size_t len = 0;
    for (size_t k = 0; k < n; k++) {
        if (quoted && p->token[0] != '`' && s[k] == '\\' && k + 1 < n) k++;
        out[len++] = s[k];
    }
    out[len] = 0;
    t->nodes[i].text = (uint32_t)t->n_chars;
    t->nodes[i].len = (uint32_t)len;
    t->n_chars += len + 1;
}

/* ---- grammar --------------------------------------------------------------------------------------- */

static int enter(parser *p)
{
    if (p->status != HPO_OK) return 0;
    if (++p->depth <= HPO_EXPR_MAX_DEPTH) return 1;
    p->status = hpo_fail(p->err, HPO_EINVAL, "'%.60s...': nested more than %d deep; use fewer parentheses",
                         p->start, HPO_EXPR_MAX_DEPTH);
    return 0;
}

/* Entries up to the closing sign, linked; gives the first (-1: none). */
static int32_t parse_list(parser *p, const char *close)
{
    int32_t first = -1, last = -1;
    unsigned count = 0;
    while (p->status == HPO_OK && !is_sign(p, close)) {
        int32_t e = parse_expr(p);
        if (e < 0) return -1;
        if (last >= 0)
            p->tree->nodes[last].next = e;
        else
            first = e;
        last = e;
        if (++count > HPO_EXPR_MAX_LIST) return fail(p, "a list of more than 4096 entries");
        if (is_sign(p, ","))
            next_token(p);
        else if (!is_sign(p, close))
            return fail(p, "expected ',' or the end of the list");
    }
    next_token(p);
    return first;
}

static int32_t parse_name(parser *p)
{
    int32_t n = new_node(p, HPO_NODE_NAME, HPO_OP_CONST, -1, -1);
    keep_text(p, n);
    if (p->status != HPO_OK) return -1;
    int quoted = p->token[0] == '`';
    next_token(p);
    if (!quoted && is_sign(p, "(")) {
        next_token(p);
        int32_t args = parse_list(p, ")");
        if (p->status != HPO_OK) return -1;
        p->tree->nodes[n].type = HPO_NODE_CALL;
        p->tree->nodes[n].a = args;
    } else if (is_sign(p, "[")) {
        next_token(p);
        int32_t index = parse_expr(p);
        if (index < 0) return -1;
        if (!is_sign(p, "]")) return fail(p, "expected ']'");
        next_token(p);
        p->tree->nodes[n].type = HPO_NODE_INDEX;
        p->tree->nodes[n].a = index;
    }
    return n;
}

static int32_t parse_atom(parser *p)
{
    int32_t n;
    if (p->status != HPO_OK) return -1;
    switch (p->type) {
    case TOKEN_NUMBER:
        n = new_node(p, HPO_NODE_NUMBER, HPO_OP_CONST, -1, -1);
        if (n >= 0) p->tree->nodes[n].value = p->number;
        next_token(p);
        return n;
    case TOKEN_TEXT:
        n = new_node(p, HPO_NODE_TEXT, HPO_OP_CONST, -1, -1);
        keep_text(p, n);
        next_token(p);
        return n;
    case TOKEN_NAME:
        if (is_reserved(p)) return fail(p, "expected a value");
        if (is_word(p, "true") || is_word(p, "false") || is_word(p, "True") || is_word(p, "False")) {
            n = new_node(p, HPO_NODE_TRUTH, HPO_OP_CONST, -1, -1);
            if (n >= 0) p->tree->nodes[n].value = p->token[0] == 't' || p->token[0] == 'T';
            next_token(p);
            return n;
        }
        return parse_name(p);
    case TOKEN_SIGN:
        if (is_sign(p, "(")) {
            next_token(p);
            n = parse_expr(p);
            if (n < 0) return -1;
            if (!is_sign(p, ")")) return fail(p, "expected ')'");
            next_token(p);
            return n;
        }
        return fail(p, "expected a value");
    case TOKEN_BAD:
        if (p->token[0] == '\'' || p->token[0] == '"' || p->token[0] == '`')
            return fail(p, "a quote is not closed");
        return fail(p, p->token[0] == '!' ? "write 'not'" : "unexpected sign");
    case TOKEN_END:
        break;
    }
    return fail(p, "expected a value");
}

static int32_t parse_factor(parser *p)
{
    int32_t n = -1;
    if (!enter(p)) return -1;
    if (is_sign(p, "-")) {
        next_token(p);
        int32_t a = parse_factor(p);
        n = a < 0 ? -1 : new_node(p, HPO_NODE_UNARY, HPO_OP_NEG, a, -1);
    } else if (is_sign(p, "+")) {
        next_token(p);
        n = parse_factor(p);
    } else {
        n = parse_atom(p);
        if (n >= 0 && is_sign(p, "**")) {
            next_token(p);
            int32_t b = parse_factor(p);
            n = b < 0 ? -1 : new_node(p, HPO_NODE_BINARY, HPO_OP_POW, n, b);
        }
    }
    p->depth--;
    return n;
}

static int32_t parse_term(parser *p)
{
    static const struct {
        const char *sign;
        hpo_opcode op;
    } ops[] = {{"*", HPO_OP_MUL}, {"/", HPO_OP_DIV}, {"//", HPO_OP_FDIV}, {"%", HPO_OP_MOD}};
    int32_t n = parse_factor(p);
    for (size_t k = 0; n >= 0 && k < 4;) {
        if (!is_sign(p, ops[k].sign)) {
            k++;
            continue;
        }
        next_token(p);
        int32_t b = parse_factor(p);
        n = b < 0 ? -1 : new_node(p, HPO_NODE_BINARY, ops[k].op, n, b);
        k = 0;
    }
    return n;
}

static int32_t parse_sum(parser *p)
{
    int32_t n = parse_term(p);
    while (n >= 0 && (is_sign(p, "+") || is_sign(p, "-"))) {
        hpo_opcode op = is_sign(p, "+") ? HPO_OP_ADD : HPO_OP_SUB;
        next_token(p);
        int32_t b = parse_term(p);
        n = b < 0 ? -1 : new_node(p, HPO_NODE_BINARY, op, n, b);
    }
    return n;
}

/* The list or name behind `in`. */
static int32_t parse_members(parser *p)
{
    const char *close = is_sign(p, "[") ? "]" : is_sign(p, "{") ? "}" : is_sign(p, "(") ? ")" : NULL;
    if (close) {
        next_token(p);
        int32_t list = new_node(p, HPO_NODE_LIST, HPO_OP_CONST, -1, -1);
        int32_t first = parse_list(p, close);
        if (p->status != HPO_OK) return -1;
        p->tree->nodes[list].a = first;
        return list;
    }
    if (p->type != TOKEN_NAME || is_reserved(p))
        return fail(p, "expected a list [..] or the name of a subset");
    int32_t n = new_node(p, HPO_NODE_NAME, HPO_OP_CONST, -1, -1);
    keep_text(p, n);
    next_token(p);
    return n;
}

/* The comparison at the current token; 0 when there is none. */
static int compare_op(const parser *p, hpo_opcode *op)
{
    static const struct {
        const char *sign;
        hpo_opcode op;
    } ops[] = {{"==", HPO_OP_EQ}, {"!=", HPO_OP_NE}, {"<=", HPO_OP_LE},
               {">=", HPO_OP_GE}, {"<", HPO_OP_LT},  {">", HPO_OP_GT}};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (is_sign(p, ops[k].sign)) {
            *op = ops[k].op;
            return 1;
        }
    return 0;
}

/* 1 when the current token is `not` and the next one `in`. */
static int is_not_in(const parser *p)
{
    if (!is_word(p, "not")) return 0;
    parser ahead = *p;
    next_token(&ahead);
    return is_word(&ahead, "in");
}

static int32_t parse_compare(parser *p)
{
    int32_t left = parse_sum(p), all = -1;
    while (left >= 0) {
        hpo_opcode op = HPO_OP_IN;
        int negate = is_not_in(p);
        int32_t one, right;
        if (negate || is_word(p, "in")) {
            if (negate) next_token(p);
            next_token(p);
            right = parse_members(p);
            one = right < 0 ? -1 : new_node(p, HPO_NODE_IN, HPO_OP_IN, left, right);
            if (negate && one >= 0) one = new_node(p, HPO_NODE_UNARY, HPO_OP_NOT, one, -1);
        } else if (compare_op(p, &op)) {
            next_token(p);
            right = parse_sum(p);
            one = right < 0 ? -1 : new_node(p, HPO_NODE_COMPARE, op, left, right);
        } else {
            break;
        }
        if (one < 0) return -1;
        all = all < 0 ? one : new_node(p, HPO_NODE_LOGIC, HPO_OP_AND, all, one);
        left = right;
    }
    if (left < 0) return -1;
    return all < 0 ? left : all;
}

static int32_t parse_not(parser *p)
{
    if (!is_word(p, "not")) return parse_compare(p);
    if (!enter(p)) return -1;
    next_token(p);
    int32_t a = parse_not(p);
    p->depth--;
    return a < 0 ? -1 : new_node(p, HPO_NODE_UNARY, HPO_OP_NOT, a, -1);
}

static int32_t parse_and(parser *p)
{
    int32_t n = parse_not(p);
    while (n >= 0 && is_word(p, "and")) {
        next_token(p);
        int32_t b = parse_not(p);
        n = b < 0 ? -1 : new_node(p, HPO_NODE_LOGIC, HPO_OP_AND, n, b);
    }
    return n;
}

static int32_t parse_or(parser *p)
{
    int32_t n = parse_and(p);
    while (n >= 0 && is_word(p, "or")) {
        next_token(p);
        int32_t b = parse_and(p);
        n = b < 0 ? -1 : new_node(p, HPO_NODE_LOGIC, HPO_OP_OR, n, b);
    }
    return n;
}

static int32_t parse_expr(parser *p)
{
    if (!enter(p)) return -1;
    int32_t n = parse_or(p);
    if (n >= 0 && is_word(p, "if")) {
        next_token(p);
        int32_t condition = parse_or(p);
        if (condition >= 0 && !is_word(p, "else")) condition = fail(p, "expected 'else'");
        if (condition >= 0) next_token(p);
        int32_t other = condition < 0 ? -1 : parse_expr(p);
        n = other < 0 ? -1 : new_node(p, HPO_NODE_COND, HPO_OP_SELECT, n, condition);
        if (n >= 0) p->tree->nodes[n].c = other;
    }
    p->depth--;
    return n;
}

/* What people of other languages write, and what it is here. */
static void fail_rest(parser *p)
{
    char c = p->token[0], d = c ? p->token[1] : 0;
    if (c == '=')
        fail(p, "write '==' to compare");
    else if (c == '&' || (c == '|' && d == '|'))
        fail(p, "write 'and', 'or'");
    else if (c == '!')
        fail(p, "write 'not'");
    else if (c == '^')
        fail(p, "write '**' for powers");
    else
        fail(p, "the expression should end here, or an operator is missing");
}

hpo_status hpo_ast_parse_prefix(hpo_ast *t, const char *text, const char **end, hpo_error *err)
{
    parser p = {.tree = t, .start = text, .at = text, .err = err};
    *t = (hpo_ast){.root = -1};
    next_token(&p);
    t->root = parse_expr(&p);
    if (end) {
        *end = p.before;
    } else if (p.status == HPO_OK && p.type != TOKEN_END) {
        fail_rest(&p);
    }
    if (p.status != HPO_OK) hpo_ast_fini(t);
    return p.status;
}

hpo_status hpo_ast_parse(hpo_ast *t, const char *text, hpo_error *err)
{
    *t = (hpo_ast){.root = -1};
    if (strlen(text) > HPO_EXPR_MAX_TEXT)
        return hpo_fail(err, HPO_EINVAL, "'%.60s...': longer than %d bytes; split it", text,
                        HPO_EXPR_MAX_TEXT);
    return hpo_ast_parse_prefix(t, text, NULL, err);
}

void hpo_ast_fini(hpo_ast *t)
{
    hpo_free(t->nodes);
    hpo_free(t->chars);
    *t = (hpo_ast){.root = -1};
}
