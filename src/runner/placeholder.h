/* SPDX-License-Identifier: Apache-2.0 */
/* runner/placeholder.h - recognising {name} and {name:domain}; shared by define.c and template.c. */
#ifndef RUNNER_PLACEHOLDER_H
#define RUNNER_PLACEHOLDER_H
#include "runner/template.h"

typedef struct hpo_placeholder {
    const char *name, *domain; /* not terminated; domain NULL: a reference */
    size_t name_len, domain_len;
    const char *end; /* behind the closing brace */
} hpo_placeholder;

/* Length of the name at the beginning of text, or 0: a letter or _, then letters, digits, _ . - */
size_t hpo_placeholder_name(const char *text);
/* 1 when a placeholder begins at p. */
int hpo_placeholder_at(const char *p, hpo_placeholder *out);
/* hpo_special of that name, or -1. */
int hpo_special_find(const char *name, size_t n);
#endif
