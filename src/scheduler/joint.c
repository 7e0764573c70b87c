/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/joint.c - several schedulers as one: "median,grace=3 and patience,patience=5".
 *
 *   rule = term {"or" term}      term = factor {"and" factor}      factor = "(" rule ")" | scheduler
 *
 * Every part sees every event.  After a report a trial stops when the rule holds, a part counting as true
 * when it says STOP at this report; that more would not help (`complete`) must be what all parts that say
 * STOP say.
 *
 * One part may do more than stop: pause, resume, clone, or choose resources (the leader).  It decides what
 * free workers do, and whether a trial is paused where the rule does not stop it.  It stands beside the
 * others by `or` only: a trial cannot both have to be paused and not. */
#include "scheduler/joint.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum {
    MOST_PARTS = 16,
    MOST_STEPS = 2 * MOST_PARTS,
    TEXT_MAX = 400,
    DEPTH_MAX = 8,
    AND = -1,
    OR = -2,
    NOBODY = -1
};

typedef struct joint {
    hpo_scheduler part[MOST_PARTS];
    size_t n, n_steps;
    int8_t step[MOST_STEPS]; /* in postfix order: a part, AND, OR */
    int leader;              /* index, or NOBODY */
} joint;

/* ---- reading ------------------------------------------------------------------------------------------- */

typedef struct parser {
    const char *text, *at;
    const hpo_sched_problem *problem;
    joint *r;
    int depth;
    hpo_error *err;
} parser;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(parser *p)
{
    while (is_blank(*p->at))
        p->at++;
}

/* Length of the word `and` or `or` that stands alone at s, else 0. */
static size_t joining(const char *s)
{
    size_t n = strncmp(s, "and", 3) == 0 ? 3 : strncmp(s, "or", 2) == 0 ? 2 : 0;
    return n > 0 && (is_blank(s[n]) || s[n] == '(' || s[n] == '\0') ? n : 0;
}

static int ends_scheduler(const char *text, const char *s)
{
    return *s == '\0' || *s == '(' || *s == ')' || (s > text && is_blank(s[-1]) && joining(s) > 0);
}

int hpo_joint_is(const char *spec)
{
    for (const char *s = spec; *s != '\0'; s++)
        if (ends_scheduler(spec, s)) return 1;
    return 0;
}

static int take(parser *p, const char *word)
{
    skip_blanks(p);
    if (joining(p->at) != strlen(word) || strncmp(p->at, word, strlen(word)) != 0) return 0;
    p->at += strlen(word);
    return 1;
}

static void push(parser *p, int what)
{
    p->r->step[p->r->n_steps++] = (int8_t)what; /* at most one word a part */
}

static int leads(const hpo_scheduler_ops *ops)
{
    return ops->next != NULL || (ops->caps & (HPO_SCHED_PAUSES | HPO_SCHED_CLONES)) != 0;
}

static hpo_status read_scheduler(parser *p, int *has_leader)
{
    char spec[TEXT_MAX];
    joint *r = p->r;
    const char *from = p->at, *end = from;
    while (!ends_scheduler(from, end))
        end++;
    p->at = end;
    while (end > from && is_blank(end[-1]))
        end--;
    size_t n = (size_t)(end - from);
    if (n == 0)
        return hpo_fail(p->err, HPO_EINVAL, "scheduler '%.200s': a scheduler should stand at '%.40s'",
                        p->text, p->at);
    if (n >= sizeof spec || r->n == MOST_PARTS)
        return hpo_fail(p->err, HPO_EINVAL, "scheduler '%.200s': at most %d parts of at most %d characters",
                        p->text, MOST_PARTS, TEXT_MAX - 1);
    memcpy(spec, from, n);
    spec[n] = '\0';
    HPO_TRY(hpo_scheduler_open(spec, p->problem, &r->part[r->n], p->err));
    int i = (int)r->n++;
    *has_leader = leads(r->part[i].ops);
    if (*has_leader && r->leader != NOBODY)
        return hpo_fail(p->err, HPO_EINVAL,
                        "scheduler '%.200s': '%s' and '%s' both decide what runs next: keep one of them",
                        p->text, r->part[r->leader].ops->name, r->part[i].ops->name);
    if (*has_leader) r->leader = i;
    push(p, i);
    return HPO_OK;
}

static hpo_status read_rule(parser *p, int *has_leader);

static hpo_status read_factor(parser *p, int *has_leader)
{
    skip_blanks(p);
    if (*p->at != '(') return read_scheduler(p, has_leader);
    if (++p->depth > DEPTH_MAX)
        return hpo_fail(p->err, HPO_EINVAL, "scheduler '%.200s': parentheses are nested too deep", p->text);
    p->at++;
    HPO_TRY(read_rule(p, has_leader));
    skip_blanks(p);
    if (*p->at != ')')
        return hpo_fail(p->err, HPO_EINVAL, "scheduler '%.200s': ')' should stand at '%.40s'", p->text,
                        p->at);
    p->at++;
    p->depth--;
    return HPO_OK;
}

static hpo_status read_term(parser *p, int *has_leader)
{
    HPO_TRY(read_factor(p, has_leader));
    while (take(p, "and")) {
        int second = 0;
        HPO_TRY(read_factor(p, &second));
        if (*has_leader || second)
            return hpo_fail(
                p->err, HPO_EINVAL,
                "scheduler '%.200s': '%s' decides what runs next and cannot be joined by 'and': use 'or'",
                p->text, p->r->part[p->r->leader].ops->name);
        push(p, AND);
    }
    return HPO_OK;
}

static hpo_status read_rule(parser *p, int *has_leader)
{
    HPO_TRY(read_term(p, has_leader));
    while (take(p, "or")) {
        int second = 0;
        HPO_TRY(read_term(p, &second));
        *has_leader |= second;
        push(p, OR);
    }
    return HPO_OK;
}

/* ---- events ---------------------------------------------------------------------------------------------
 */

static void joint_fini(void *state)
{
    joint *r = state;
    for (size_t i = 0; i < r->n; i++)
        hpo_scheduler_close(&r->part[i]);
}

static const hpo_scheduler *leader_of(const joint *r)
{
    return r->leader == NOBODY ? NULL : &r->part[r->leader];
}

static hpo_status joint_start(void *state, const hpo_sched_start *e, hpo_error *err)
{
    const joint *r = state;
    for (size_t i = 0; i < r->n; i++) {
        const hpo_scheduler_ops *ops = r->part[i].ops;
        hpo_sched_start one = *e;
        if ((ops->caps & HPO_SCHED_POINTS) == 0) one.u = NULL;
        if (ops->start != NULL) HPO_TRY(ops->start(r->part[i].state, &one, err));
    }
    return HPO_OK;
}

static int holds(const joint *r, const hpo_sched_answer *answer)
{
    int value[MOST_PARTS + 1] = {0};
    size_t n = 0;
    for (size_t i = 0; i < r->n_steps; i++) {
        if (r->step[i] >= 0) {
            value[n++] = answer[r->step[i]].decision == HPO_STOP;
            continue;
        }
        n--;
        value[n - 1] = r->step[i] == AND ? value[n - 1] && value[n] : value[n - 1] || value[n];
    }
    return value[0];
}

/* The reasons of all that say STOP. */
static void stop(const joint *r, const hpo_sched_answer *answer, hpo_sched_answer *out)
{
    size_t used = 0;
    out->decision = HPO_STOP;
    out->complete = 1;
    out->reason[0] = '\0';
    for (size_t i = 0; i < r->n; i++) {
        if (answer[i].decision != HPO_STOP) continue;
        out->complete &= answer[i].complete != 0;
        int n = snprintf(out->reason + used, sizeof out->reason - used, "%s%s", used > 0 ? "; " : "",
                         answer[i].reason);
        used += n > 0 ? (size_t)n : 0;
        if (used >= sizeof out->reason) used = sizeof out->reason - 1;
    }
}

static hpo_status joint_report(void *state, const hpo_sched_report *e, hpo_sched_answer *out, hpo_error *err)
{
    const joint *r = state;
    hpo_sched_answer answer[MOST_PARTS];
    for (size_t i = 0; i < r->n; i++) {
        answer[i] = (hpo_sched_answer){.decision = HPO_CONTINUE};
        HPO_TRY(r->part[i].ops->report(r->part[i].state, e, &answer[i], err));
    }
    if (holds(r, answer))
        stop(r, answer, out);
    else if (r->leader != NOBODY && answer[r->leader].decision == HPO_PAUSE)
        *out = answer[r->leader];
    return HPO_OK;
}

static hpo_status joint_tell(void *state, int64_t trial, hpo_state end, const double *y, hpo_error *err)
{
    const joint *r = state;
    for (size_t i = 0; i < r->n; i++) {
        const hpo_scheduler_ops *ops = r->part[i].ops;
        if (ops->tell != NULL) HPO_TRY(ops->tell(r->part[i].state, trial, end, y, err));
    }
    return HPO_OK;
}

static hpo_status joint_next(void *state, const hpo_sched_ask *ask, hpo_action *out, hpo_error *err)
{
    const hpo_scheduler *s = leader_of(state);
    return s == NULL || s->ops->next == NULL ? HPO_OK : s->ops->next(s->state, ask, out, err);
}

static size_t joint_levels(const void *state, double *out, size_t cap)
{
    const hpo_scheduler *s = leader_of(state);
    return s == NULL || s->ops->levels == NULL ? 0 : s->ops->levels(s->state, out, cap);
}

/* The table of the leader, else of the first that keeps one. */
static hpo_status joint_describe(const void *state, char *buf, size_t cap, size_t *n_out, hpo_error *err)
{
    static const char none[] = "{\"rungs\":[]}";
    const joint *r = state;
    const hpo_scheduler *s = leader_of(r);
    for (size_t i = 0; s == NULL && i < r->n; i++)
        if (r->part[i].ops->describe != NULL) s = &r->part[i];
    if (s != NULL && s->ops->describe != NULL) return s->ops->describe(s->state, buf, cap, n_out, err);
    *n_out = sizeof none - 1;
    memcpy(buf, none, *n_out < cap ? *n_out : cap);
    return HPO_OK;
}

#define OPS                                                                                                  \
    .size = sizeof(hpo_scheduler_ops), .name = "joint",                                                      \
    .help = "Several schedulers joined by `and` and `or`.",                                                  \
    .reference = "docs/schedulers.md, Several at once", .state_size = sizeof(joint), .report = joint_report, \
    .tell = joint_tell, .describe = joint_describe, .fini = joint_fini
static const hpo_scheduler_ops stop_ops = {OPS};
static const hpo_scheduler_ops lead_ops = {
    OPS,
    .caps = HPO_SCHED_PAUSES | HPO_SCHED_CLONES | HPO_SCHED_POINTS,
    .start = joint_start,
    .next = joint_next,
    .levels = joint_levels,
};
#undef OPS

int hpo_joint_caps(const hpo_scheduler *s, uint32_t *caps)
{
    const joint *r = s->state;
    if (s->ops != &stop_ops && s->ops != &lead_ops) return 0;
    *caps = 0;
    for (size_t i = 0; i < r->n; i++)
        *caps |= r->part[i].ops->caps;
    return 1;
}

hpo_status hpo_joint_open(const char *spec, const hpo_sched_problem *problem, hpo_scheduler *out,
                          hpo_error *err)
{
    int has_leader = 0;
    hpo_scheduler s = {.ops = &stop_ops, .state = hpo_calloc(1, sizeof(joint))};
    if (s.state == NULL) return hpo_fail_memory(err);
    parser p = {.text = spec, .at = spec, .problem = problem, .r = s.state, .err = err};
    p.r->leader = NOBODY;
    hpo_status status = read_rule(&p, &has_leader);
    skip_blanks(&p);
    if (status == HPO_OK && *p.at != '\0')
        status = hpo_fail(err, HPO_EINVAL,
                          "scheduler '%.200s': 'and', 'or' or the end should stand at '%.40s'", spec, p.at);
    if (status != HPO_OK) {
        hpo_scheduler_close(&s);
        return status;
    }
    if (has_leader) s.ops = &lead_ops;
    *out = s;
    return HPO_OK;
}
