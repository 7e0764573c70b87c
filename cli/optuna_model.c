/* SPDX-License-Identifier: Apache-2.0 */
/* cli/optuna_model.c - an Optuna study in memory, and what kind a file is. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"

enum { CHUNK = 65536 };

/* Zeroed memory that lives as long as the study; NULL: none (s->failed). */
static void *take(optuna_study *s, size_t size)
{
    size = (size + 15) / 16 * 16;
    if (size > s->chunk_left) {
        size_t n = size > CHUNK ? size : CHUNK;
        s->chunk = hpo_arena_alloc(&s->arena, n, 1);
        s->chunk_left = s->chunk != NULL ? n : 0;
        if (s->chunk == NULL) {
            s->failed = 1;
            return NULL;
        }
    }
    void *p = s->chunk;
    s->chunk += size;
    s->chunk_left -= size;
    return memset(p, 0, size);
}

/* Names and distributions are few: each is kept once. */
static const char *intern(optuna_study *s, const char *text)
{
    int64_t at = hpo_map_get(&s->known, text, -1);
    if (at >= 0) return s->texts[at];
    const char *copy = optuna_keep(s, text);
    if (copy == NULL) return NULL;
    if (hpo_reserve(&s->texts, &s->cap_texts, s->n_texts + 1, sizeof *s->texts, NULL) != HPO_OK ||
        hpo_map_put(&s->known, text, (int64_t)s->n_texts, NULL) != HPO_OK) {
        s->failed = 1;
        return NULL;
    }
    s->texts[s->n_texts++] = copy;
    return copy;
}

void optuna_study_fini(optuna_study *s)
{
    hpo_free(s->trials);
    hpo_free(s->texts);
    hpo_map_fini(&s->known);
    hpo_arena_fini(&s->arena);
    *s = (optuna_study){0};
}

const char *optuna_keep(optuna_study *s, const char *text)
{
    if (text == NULL) return NULL;
    size_t n = strlen(text) + 1;
    char *p = take(s, n);
    if (p != NULL) memcpy(p, text, n);
    return p;
}

void optuna_set_attr(optuna_study *s, optuna_attr **list, const char *key, const char *json)
{
    optuna_attr **at = list;
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    if (*at == NULL) {
        optuna_attr *fresh = take(s, sizeof *fresh);
        const char *copy = intern(s, key);
        if (fresh == NULL || copy == NULL) return;
        fresh->key = copy;
        fresh->json = "null";
        *at = fresh;
    }
    const char *copy = optuna_keep(s, json);
    if (copy != NULL) (*at)->json = copy;
}

const char *optuna_get_attr(const optuna_attr *list, const char *key)
{
    for (; list != NULL; list = list->next)
        if (strcmp(list->key, key) == 0) return list->json;
    return NULL;
}

void optuna_set_param(optuna_study *s, optuna_trial *t, const char *name, double internal,
                      const char *distribution)
{
    optuna_param **at = &t->params;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    const char *text = intern(s, distribution);
    if (*at == NULL) {
        optuna_param *fresh = take(s, sizeof *fresh);
        const char *copy = intern(s, name);
        if (fresh == NULL || copy == NULL || text == NULL) return;
        fresh->name = copy;
        *at = fresh;
    }
    if (text == NULL) return;
    (*at)->internal = internal;
    (*at)->distribution = text;
}

void optuna_set_report(optuna_study *s, optuna_trial *t, int64_t step, double value)
{
    optuna_report **at = &t->reports;
    while (*at != NULL && (*at)->step != step)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = take(s, sizeof **at);
        if (*at == NULL) return;
        (*at)->step = step;
    }
    (*at)->value = value;
}

void optuna_set_value(optuna_study *s, optuna_trial *t, size_t objective, double value)
{
    if (objective >= s->n_objectives) return;
    if (t->values == NULL) {
        t->values = take(s, s->n_objectives * sizeof *t->values);
        for (size_t i = 0; t->values != NULL && i < s->n_objectives; i++)
            t->values[i] = (double)NAN;
    }
    if (t->values != NULL) t->values[objective] = value;
}

optuna_trial *optuna_add_trial(optuna_study *s)
{
    if (hpo_reserve(&s->trials, &s->cap_trials, s->n_trials + 1, sizeof *s->trials, NULL) != HPO_OK) {
        s->failed = 1;
        return NULL;
    }
    s->trials[s->n_trials] = (optuna_trial){.state = OPTUNA_RUNNING};
    return &s->trials[s->n_trials++];
}

optuna_format optuna_sniff(const char *path)
{
    char head[16] = {0};
    FILE *f = fopen(path, "rb");
    if (f == NULL) return OPTUNA_NONE;
    size_t n = fread(head, 1, sizeof head, f);
    (void)fclose(f);
    if (n == sizeof head && memcmp(head, "SQLite format 3", 16) == 0) return OPTUNA_RDB;
    return n > 0 && head[0] == '{' ? OPTUNA_JOURNAL : OPTUNA_NONE;
}
