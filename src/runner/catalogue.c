/* SPDX-License-Identifier: Apache-2.0 */
/* runner/catalogue.c - what is built in and registered, for those who look from outside: names, and one line
 * of JSON an entry.  It stands in the topmost layer because only that one sees all registries. */
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "hpo/runner.h"
#include "sampler/registry.h"
#include "scheduler/registry.h"
#include "storage/registry.h"
#include "terminator/terminator.h"

/* What the registries have in common. */
typedef struct entry {
    const char *name, *help, *reference; /* reference: NULL when there is none */
    uint32_t caps;
    const char *(*cap_name)(uint32_t bit);
    const hpo_option *options;
    size_t n_options;
} entry;

static int sampler_entry(size_t i, entry *e)
{
    const hpo_sampler_ops *o = hpo_sampler_at(i);
    if (o == NULL) return 0;
    *e = (entry){o->name, o->help, o->reference, o->caps, hpo_sampler_cap_name, o->options, o->n_options};
    return 1;
}

static int scheduler_entry(size_t i, entry *e)
{
    const hpo_scheduler_ops *o = hpo_scheduler_at(i);
    if (o == NULL) return 0;
    *e = (entry){o->name, o->help, o->reference, o->caps, hpo_scheduler_cap_name, o->options, o->n_options};
    return 1;
}

static const char *shared_name(uint32_t bit)
{
    return bit == 1 ? "shared" : NULL;
}

static int storage_entry(size_t i, entry *e)
{
    const hpo_storage_ops *o = hpo_storage_at(i);
    if (o == NULL) return 0;
    *e = (entry){.name = o->scheme, .help = o->help, .caps = o->shared != 0, .cap_name = shared_name};
    return 1;
}

static int runner_entry(size_t i, entry *e)
{
    const hpo_runner_ops *o = hpo_runner_at(i);
    if (o == NULL) return 0;
    *e = (entry){.name = o->name, .help = o->help, .cap_name = shared_name};
    return 1;
}

static int terminator_entry(size_t i, entry *e)
{
    const hpo_terminator_ops *o = hpo_terminator_at(i);
    if (o == NULL) return 0;
    *e = (entry){.name = o->name,
                 .help = o->help,
                 .reference = o->reference,
                 .cap_name = shared_name,
                 .options = o->options,
                 .n_options = o->n_options};
    return 1;
}

static int get_entry(hpo_registry r, size_t i, entry *e)
{
    switch (r) {
    case HPO_SAMPLERS:
        return sampler_entry(i, e);
    case HPO_SCHEDULERS:
        return scheduler_entry(i, e);
    case HPO_STORAGES:
        return storage_entry(i, e);
    case HPO_RUNNERS:
        return runner_entry(i, e);
    case HPO_TERMINATORS:
        return terminator_entry(i, e);
    }
    return 0;
}

const char *hpo_registry_name(hpo_registry r, size_t i)
{
    entry e;
    return get_entry(r, i, &e) ? e.name : NULL;
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static void write_value(hpo_str *o, const hpo_option *p, double v)
{
    size_t n = 0;
    switch (p->type) {
    case HPO_OPT_BOOL:
        hpo_str_add(o, v != 0 ? "true" : "false");
        return;
    case HPO_OPT_ENUM:
        while (p->labels[n] != NULL)
            n++;
        if (v >= 0 && v < (double)n)
            hpo_str_json(o, p->labels[(size_t)v]);
        else
            hpo_str_add(o, "null");
        return;
    case HPO_OPT_TEXT:
        hpo_str_add(o, "\"\"");
        return;
    default:
        hpo_str_json_double(o, v);
    }
}

static void write_labels(hpo_str *o, const hpo_option *p)
{
    hpo_str_add(o, ",\"labels\":[");
    for (size_t i = 0; p->labels[i] != NULL; i++) {
        if (i > 0) hpo_str_addc(o, ',');
        hpo_str_json(o, p->labels[i]);
    }
    hpo_str_addc(o, ']');
}

static void write_option(hpo_str *o, const hpo_option *p)
{
    static const char *const types[] = {"bool", "int", "real", "enum", "text"};
    hpo_str_add(o, "{\"name\":");
    hpo_str_json(o, p->name);
    hpo_str_addf(o, ",\"type\":\"%s\",\"default\":", types[p->type]);
    write_value(o, p, p->def);
    if (p->type == HPO_OPT_INT || p->type == HPO_OPT_REAL) {
        hpo_str_add(o, ",\"min\":");
        hpo_str_json_double(o, p->min);
        hpo_str_add(o, ",\"max\":");
        hpo_str_json_double(o, p->max);
    } else {
        hpo_str_add(o, ",\"min\":null,\"max\":null");
    }
    if (p->type == HPO_OPT_ENUM) write_labels(o, p);
    hpo_str_add(o, ",\"help\":");
    hpo_str_json(o, p->help);
    hpo_str_addc(o, '}');
}

static void write_entry(hpo_str *o, const entry *e)
{
    const char *comma = "";
    hpo_str_add(o, "{\"name\":");
    hpo_str_json(o, e->name);
    hpo_str_add(o, ",\"help\":");
    hpo_str_json(o, e->help);
    hpo_str_add(o, ",\"reference\":");
    if (e->reference != NULL)
        hpo_str_json(o, e->reference);
    else
        hpo_str_add(o, "null");
    hpo_str_add(o, ",\"capabilities\":[");
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *word = e->caps & 1u << bit ? e->cap_name(1u << bit) : NULL;
        if (word == NULL) continue;
        hpo_str_add(o, comma);
        hpo_str_json(o, word);
        comma = ",";
    }
    hpo_str_add(o, "],\"options\":[");
    for (size_t i = 0; i < e->n_options; i++) {
        if (i > 0) hpo_str_addc(o, ',');
        write_option(o, &e->options[i]);
    }
    hpo_str_add(o, "]}");
}

static hpo_status fail_unknown(hpo_registry r, const char *name, hpo_error *err)
{
    static const char *const nouns[] = {"sampler", "scheduler", "storage", "runner", "terminator"};
    hpo_str list = {0};
    const char *known;
    for (size_t i = 0; (known = hpo_registry_name(r, i)) != NULL; i++) {
        if (i > 0) hpo_str_add(&list, ", ");
        hpo_str_add(&list, known);
    }
    hpo_status status = hpo_fail(err, HPO_ENOTFOUND, "there is no %s '%.64s': choose one of %s", nouns[r],
                                 name, list.text != NULL ? list.text : "none");
    hpo_str_fini(&list);
    return status;
}

hpo_status hpo_registry_describe(hpo_registry r, const char *name, char **out, hpo_error *err)
{
    entry e;
    if (out == NULL) return hpo_fail(err, HPO_EINVAL, "out is NULL: pass where the text goes");
    *out = NULL;
    if ((int)r < HPO_SAMPLERS || r > HPO_TERMINATORS)
        return hpo_fail(err, HPO_EINVAL, "registry %d is none: use HPO_SAMPLERS to HPO_TERMINATORS", (int)r);
    if (name == NULL) return hpo_fail(err, HPO_EINVAL, "name is NULL: give one of hpo_registry_name");
    for (size_t i = 0; get_entry(r, i, &e); i++) {
        if (strcmp(e.name, name) != 0) continue;
        hpo_str text = {0};
        write_entry(&text, &e);
        hpo_status status = hpo_str_steal(&text, out, err);
        hpo_str_fini(&text);
        return status;
    }
    return fail_unknown(r, name, err);
}
