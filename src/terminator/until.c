/* SPDX-License-Identifier: Apache-2.0 */
/* terminator/until.c - parser and evaluation of stopping rules. */
#include "terminator/until.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { MAX_NODES = 64, MAX_DEPTH = 32, MAX_TEXT = 4096, MAX_WORD = 512 };

typedef enum node_kind { NODE_OR, NODE_AND, NODE_NOT, NODE_COMPARE, NODE_TERMINATOR } node_kind;
typedef enum comparison { LESS, AT_MOST, MORE, AT_LEAST } comparison;

typedef struct node {
    node_kind kind;
    int a, b;    /* children */
    int dear;    /* below it stands a terminator that does not judge at each trial */
    size_t fact; /* COMPARE */
    comparison op;
    double value;
    char *spec; /* TERMINATOR */
    hpo_terminator rule;
    int64_t at; /* finished trials that `ruling` is about; -1: none yet */
    hpo_ruling ruling;
} node;

struct hpo_until {
    hpo_rule_problem problem;
    node nodes[MAX_NODES];
    int n, root;
};

static const char *const facts[] = {"trials", "seconds", "cost", "best"};
static const char *const signs[] = {"<", "<=", ">", ">="};
enum { N_FACTS = sizeof facts / sizeof facts[0] };

/* ---- parser --------------------------------------------------------------------------------------- */

typedef struct parser {
    hpo_until *u;
    const char *text, *at;
    int depth;
    hpo_error *err;
} parser;

static void blanks(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
        p->at++;
}

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int take(parser *p, const char *word)
{
    size_t n = strlen(word);
    blanks(p);
    if (strncmp(p->at, word, n) != 0 || (is_word(word[0]) && is_word(p->at[n]))) return 0;
    p->at += n;
    return 1;
}

static hpo_status fail_at(const parser *p, const char *wanted)
{
    if (*p->at == '\0')
        return hpo_fail(p->err, HPO_EINVAL, "until: '%.200s' ends where %s should stand", p->text, wanted);
    return hpo_fail(p->err, HPO_EINVAL, "until: '%.200s': %s should stand at '%.40s'", p->text, wanted,
                    p->at);
}

static hpo_status add(parser *p, const node *n, int *out)
{
    if (p->u->n == MAX_NODES)
        return hpo_fail(p->err, HPO_EINVAL, "until: '%.100s...' has more than %d parts: shorten it", p->text,
                        (int)MAX_NODES);
    p->u->nodes[p->u->n] = *n;
    *out = p->u->n++;
    return HPO_OK;
}

static hpo_status parse_or(parser *p, int *out);

static hpo_status parse_compare(parser *p, size_t fact, int *out)
{
    node n = {.kind = NODE_COMPARE, .fact = fact, .at = -1};
    blanks(p);
    if (*p->at != '<' && *p->at != '>') return fail_at(p, "a comparison (<, <=, >, >=)");
    int more = *p->at++ == '>', equal = *p->at == '=';
    p->at += equal;
    n.op = more ? (equal ? AT_LEAST : MORE) : equal ? AT_MOST : LESS;
    blanks(p);
    const char *end = hpo_double_parse(p->at, &n.value);
    if (end == p->at || isnan(n.value) || is_word(*end)) return fail_at(p, "a number");
    p->at = end;
    return add(p, &n, out);
}

/* name[:key=value,...] up to a blank or a parenthesis. */
static hpo_status parse_terminator(parser *p, int *out)
{
    node n = {.kind = NODE_TERMINATOR, .at = -1};
    size_t len = strcspn(p->at, " \t\n()");
    if (len == 0 || !is_word(*p->at)) return fail_at(p, "a rule");
    if (len > MAX_WORD)
        return hpo_fail(p->err, HPO_EINVAL,
                        "until: '%.100s...' is too long for a rule: at most %d characters", p->at,
                        (int)MAX_WORD);
    n.spec = hpo_strndup(p->at, len);
    if (n.spec == NULL) return hpo_fail_memory(p->err);
    hpo_status status = hpo_terminator_open(n.spec, &p->u->problem, &n.rule, p->err);
    if (status == HPO_OK) {
        n.dear = n.rule.ops->every != NULL;
        status = add(p, &n, out);
    } else if (status == HPO_EINVAL || status == HPO_ENOTFOUND) {
        status = hpo_fail_prefix(p->err, HPO_EINVAL, "until");
    }
    if (status != HPO_OK) {
        hpo_terminator_close(&n.rule);
        hpo_free(n.spec);
    }
    p->at += len;
    return status;
}

static hpo_status parse_atom(parser *p, int *out)
{
    if (take(p, "(")) {
        HPO_TRY(parse_or(p, out));
        return take(p, ")") ? HPO_OK : fail_at(p, "a closing parenthesis");
    }
    for (size_t i = 0; i < N_FACTS; i++)
        if (take(p, facts[i])) return parse_compare(p, i, out);
    return parse_terminator(p, out);
}

static hpo_status parse_not(parser *p, int *out)
{
    if (++p->depth > MAX_DEPTH)
        return hpo_fail(p->err, HPO_EINVAL, "until: '%.100s...' is nested more than %d deep", p->text,
                        (int)MAX_DEPTH);
    hpo_status status = HPO_OK;
    if (take(p, "not")) {
        node n = {.kind = NODE_NOT, .at = -1};
        status = parse_not(p, &n.a);
        if (status == HPO_OK) n.dear = p->u->nodes[n.a].dear;
        if (status == HPO_OK) status = add(p, &n, out);
    } else {
        status = parse_atom(p, out);
    }
    p->depth--;
    return status;
}

/* What is cheap to judge stands first: the rest is often not needed. */
static hpo_status join(parser *p, node_kind kind, int a, int b, int *out)
{
    node *nodes = p->u->nodes;
    int swap = nodes[a].dear && !nodes[b].dear;
    node n = {.kind = kind, .a = swap ? b : a, .b = swap ? a : b, .at = -1};
    n.dear = nodes[a].dear || nodes[b].dear;
    return add(p, &n, out);
}

static hpo_status parse_and(parser *p, int *out)
{
    int b;
    HPO_TRY(parse_not(p, out));
    while (take(p, "and")) {
        HPO_TRY(parse_not(p, &b));
        HPO_TRY(join(p, NODE_AND, *out, b, out));
    }
    return HPO_OK;
}

static hpo_status parse_or(parser *p, int *out)
{
    int b;
    HPO_TRY(parse_and(p, out));
    while (take(p, "or")) {
        HPO_TRY(parse_and(p, &b));
        HPO_TRY(join(p, NODE_OR, *out, b, out));
    }
    return HPO_OK;
}

hpo_status hpo_until_open(const char *text, const hpo_rule_problem *problem, hpo_until **out, hpo_error *err)
{
    *out = NULL;
    if (strlen(text) > MAX_TEXT)
        return hpo_fail(err, HPO_EINVAL, "until: its text is longer than %d characters: shorten it",
                        (int)MAX_TEXT);
    hpo_until *u = hpo_calloc(1, sizeof *u);
    if (u == NULL) return hpo_fail_memory(err);
    u->problem = *problem;
    parser p = {u, text, text, 0, err};
    hpo_status status = parse_or(&p, &u->root);
    blanks(&p);
    if (status == HPO_OK && *p.at != '\0') status = fail_at(&p, "'and', 'or' or the end");
    if (status != HPO_OK) {
        hpo_until_free(u);
        return status;
    }
    *out = u;
    return HPO_OK;
}

void hpo_until_free(hpo_until *u)
{
    if (u == NULL) return;
    for (int i = 0; i < u->n; i++) {
        hpo_terminator_close(&u->nodes[i].rule);
        hpo_free(u->nodes[i].spec);
    }
    hpo_free(u);
}

hpo_status hpo_until_restart(hpo_until *u, hpo_error *err)
{
    for (int i = 0; u != NULL && i < u->n; i++) {
        node *n = &u->nodes[i];
        n->at = -1;
        if (n->kind != NODE_TERMINATOR) continue;
        hpo_terminator fresh;
        HPO_TRY(hpo_terminator_open(n->spec, &u->problem, &fresh, err));
        hpo_terminator_close(&n->rule);
        n->rule = fresh;
    }
    return HPO_OK;
}

/* ---- evaluation ------------------------------------------------------------------------------------ */

static void compare(node *n, const hpo_until_facts *f)
{
    const double values[N_FACTS] = {f->trials, f->seconds, f->cost, f->best};
    double v = values[n->fact], w = n->value;
    int holds = n->op == LESS ? v < w : n->op == AT_MOST ? v <= w : n->op == MORE ? v > w : v >= w;
    n->at = (int64_t)f->trials;
    if (isnan(v))
        hpo_ruling_set(&n->ruling, 0, "%s is not known yet", facts[n->fact]);
    else if (holds)
        hpo_ruling_set(&n->ruling, 1, "%s is %g, %s %g", facts[n->fact], v, signs[n->op], w);
    else
        hpo_ruling_set(&n->ruling, 0, "%s is %g, not %s %g", facts[n->fact], v, signs[n->op], w);
}

static hpo_status judge_terminator(node *n, const hpo_view *view, hpo_error *err)
{
    const hpo_terminator_ops *ops = n->rule.ops;
    int64_t every = ops->every != NULL ? ops->every(n->rule.config) : 1, rows = (int64_t)view->n_done;
    int64_t at = every > 1 ? rows - rows % every : rows;
    if (at == n->at) return HPO_OK;
    hpo_view past = *view;
    past.n_done = (size_t)at;
    past.n_pending = 0;
    n->at = -1; /* a failed judgement is taken again */
    n->ruling = (hpo_ruling){0};
    HPO_TRY(ops->judge(n->rule.state, &past, &n->ruling, err));
    n->at = at;
    return HPO_OK;
}

static hpo_status judge(hpo_until *u, int i, const hpo_view *view, const hpo_until_facts *f, hpo_error *err)
{
    node *n = &u->nodes[i], *a, *b;
    switch (n->kind) {
    case NODE_COMPARE:
        compare(n, f);
        return HPO_OK;
    case NODE_TERMINATOR:
        return judge_terminator(n, view, err);
    case NODE_NOT:
        HPO_TRY(judge(u, n->a, view, f, err));
        n->ruling = u->nodes[n->a].ruling;
        n->ruling.stop = !n->ruling.stop;
        return HPO_OK;
    default:
        break;
    }
    a = &u->nodes[n->a];
    b = &u->nodes[n->b];
    HPO_TRY(judge(u, n->a, view, f, err));
    n->ruling = a->ruling;
    if (a->ruling.stop == (n->kind == NODE_OR)) return HPO_OK; /* decided */
    HPO_TRY(judge(u, n->b, view, f, err));
    n->ruling = b->ruling;
    if (n->kind == NODE_AND && b->ruling.stop)
        hpo_ruling_set(&n->ruling, 1, "%.125s; %.125s", a->ruling.reason, b->ruling.reason);
    return HPO_OK;
}

hpo_status hpo_until_judge(hpo_until *u, const hpo_view *view, const hpo_until_facts *f, hpo_ruling *out,
                           hpo_error *err)
{
    HPO_TRY(judge(u, u->root, view, f, err));
    *out = u->nodes[u->root].ruling;
    return HPO_OK;
}

hpo_status hpo_until_describe(hpo_until *u, const hpo_view *view, const hpo_until_facts *f, hpo_str *s,
                              hpo_error *err)
{
    const char *comma = "";
    hpo_str_addc(s, '[');
    for (int i = 0; i < u->n; i++) {
        node *n = &u->nodes[i];
        hpo_str rule = {0};
        if (n->kind != NODE_COMPARE && n->kind != NODE_TERMINATOR) continue;
        HPO_TRY(judge(u, i, view, f, err));
        if (n->kind == NODE_COMPARE) hpo_str_addf(&rule, "%s %s %g", facts[n->fact], signs[n->op], n->value);
        hpo_str_addf(s, "%s{\"rule\":", comma);
        hpo_str_json(s, n->kind == NODE_COMPARE ? (rule.text != NULL ? rule.text : "") : n->spec);
        hpo_str_addf(s, ",\"holds\":%s,\"at\":%lld,\"reason\":", n->ruling.stop ? "true" : "false",
                     (long long)n->at);
        hpo_str_json(s, n->ruling.reason);
        hpo_str_addc(s, '}');
        s->failed |= rule.failed;
        hpo_str_fini(&rule);
        comma = ",";
    }
    hpo_str_addc(s, ']');
    return s->failed ? hpo_fail_memory(err) : HPO_OK;
}
