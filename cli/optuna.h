/* SPDX-License-Identifier: Apache-2.0 */
/* cli/optuna.h - Optuna's studies: the database (schema 12) and the journal file, read and written.
 *
 *   optuna_rdb.c      a SQLite file      <->  optuna_study
 *   optuna_journal.c  a journal          <->  optuna_study
 *   optuna_text.c     names, labels, distributions and times, as both sides write them
 *   import*.c         optuna_study       ->   a study of ours; import_learn.c finds its conditions
 *   export_optuna.c   a study of ours    ->   optuna_study
 *
 * What our rows have no place for stands in attributes of the trial, the same that the Python package writes
 * (python/hpo/integration/optuna/storage.py): "hpo:optuna" {"params":{name:[internal value,distribution]},
 * "start","complete","values"}, "hpo:system:KEY" for system attributes, "hpo:fixed", "hpo:unasked".
 *
 * All memory of an optuna_study is in its arena.  Lists are linked in the order of the source. */
#ifndef CLI_OPTUNA_H
#define CLI_OPTUNA_H

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cli.h"

/* In the order of Optuna's numbers. */
typedef enum optuna_state {
    OPTUNA_RUNNING,
    OPTUNA_COMPLETE,
    OPTUNA_PRUNED,
    OPTUNA_FAIL,
    OPTUNA_WAITING,
    OPTUNA_N_STATES
} optuna_state;
const char *optuna_state_name(optuna_state s);
int optuna_is_over(optuna_state s);

typedef struct optuna_attr {
    struct optuna_attr *next;
    const char *key, *json; /* json: as the source has it; may contain NaN and Infinity */
} optuna_attr;

typedef struct optuna_param {
    struct optuna_param *next;
    const char *name, *distribution; /* distribution: JSON text */
    double internal;                 /* the number, or the index of a choice */
} optuna_param;

typedef struct optuna_report {
    struct optuna_report *next;
    int64_t step;
    double value;
} optuna_report;

typedef struct optuna_trial {
    optuna_state state;
    int gone;             /* discarded: not to be imported */
    double *values;       /* n_objectives of the study, NaN: not there; NULL: none */
    const char *start, *complete; /* "2024-02-29 12:00:00.000000", local time, or NULL */
    optuna_attr *user, *system;
    optuna_param *params;
    optuna_report *reports; /* one a step */
} optuna_trial;

typedef struct optuna_study {
    hpo_arena arena;
    char *chunk; /* what is left of the arena's last block */
    size_t chunk_left;
    hpo_map known; /* text -> index in texts */
    const char **texts;
    size_t n_texts, cap_texts;
    const char *name;
    size_t n_objectives;
    int *maximise;
    optuna_attr *user, *system;
    optuna_trial *trials; /* by number; hpo_alloc'd */
    size_t n_trials, cap_trials;
    int failed; /* out of memory somewhere: look once at the end */
} optuna_study;

void optuna_study_fini(optuna_study *s);
/* Copies a text into the arena; NULL for NULL and when memory is short (s->failed). */
const char *optuna_keep(optuna_study *s, const char *text);
/* Sets an attribute, a parameter, the report of a step: what was there under that name is replaced. */
void optuna_set_attr(optuna_study *s, optuna_attr **list, const char *key, const char *json);
void optuna_set_param(optuna_study *s, optuna_trial *t, const char *name, double internal, const char *distribution);
void optuna_set_report(optuna_study *s, optuna_trial *t, int64_t step, double value);
void optuna_set_value(optuna_study *s, optuna_trial *t, size_t objective, double value);
const char *optuna_get_attr(const optuna_attr *list, const char *key); /* or NULL */
/* A further trial, or NULL. */
optuna_trial *optuna_add_trial(optuna_study *s);

/* ---- files: which kind a file is; the study called `name` (NULL: the only one) ---------------------- */

typedef enum optuna_format { OPTUNA_NONE, OPTUNA_RDB, OPTUNA_JOURNAL } optuna_format;
optuna_format optuna_sniff(const char *path);
HPO_NODISCARD hpo_status optuna_rdb_read(const char *path, const char *name, optuna_study *out, hpo_error *err);
HPO_NODISCARD hpo_status optuna_journal_read(const char *path, const char *name, optuna_study *out, hpo_error *err);
/* Adds the study to a database, which is made when absent.  HPO_EEXIST: it has one of this name. */
HPO_NODISCARD hpo_status optuna_rdb_write(const char *path, const optuna_study *s, hpo_error *err);
/* Writes a new journal.  HPO_EEXIST: there is a file. */
HPO_NODISCARD hpo_status optuna_journal_write(const char *path, const optuna_study *s, hpo_error *err);

/* ---- texts ------------------------------------------------------------------------------------------- */

typedef enum optuna_kind { OPTUNA_FLOAT, OPTUNA_INT, OPTUNA_CATEGORICAL } optuna_kind;
typedef struct optuna_distribution {
    optuna_kind kind;
    double low, high, step; /* step 0: none (float) */
    int log;
    char **labels; /* our texts of the choices; owned */
    size_t n_labels;
} optuna_distribution;
/* Older names (UniformDistribution ...) are read too. */
HPO_NODISCARD hpo_status optuna_distribution_parse(const char *json, optuna_distribution *out, hpo_error *err);
void optuna_distribution_fini(optuna_distribution *d);
/* The distribution of column `item` of a parameter of ours, as Optuna writes it, and *internal, the value v as it is
 * there.  `label`: the text of a constant, or NULL. */
void optuna_distribution_of(hpo_str *s, const hpo_param_info *p, const char *label, double v, double *internal);

/* Our label of a choice, and the choice (JSON) of a label; as python/hpo/distributions.py has them. */
void optuna_label(hpo_str *s, struct json_object *choice);
void optuna_choice(hpo_str *s, const char *label);
/* Names as the library takes them ("a b" is "a·20·b"), and back. */
void optuna_name_in(hpo_str *s, const char *name);
void optuna_name_out(hpo_str *s, const char *name);
/* Attributes as our attributes: null and what is not quite JSON as {"hpo:json":"text"}. */
void optuna_pack(hpo_str *s, const char *json);
void optuna_unpack(hpo_str *s, struct json_object *value);
/* Unix milliseconds of a local time, 0: none; and back, with `cap` 40. */
int64_t optuna_time_ms(const char *text);
const char *optuna_time_text(int64_t ms, char buf[40]);
/* A number as Python's json reads it: also NaN, Infinity. */
void optuna_number(hpo_str *s, double v);

/* `hpo export --optuna FILE`: c->study into a database or (journal) a journal.  Exit status. */
int optuna_export(cli *c, const char *path, int journal);

/* ---- conditions ---------------------------------------------------------------------------------------- */

typedef struct learn_param {
    const char *name;  /* as the library takes it */
    int kind;          /* 0 labels, 1 whole numbers, 2 floats: the order in which tests are preferred */
    char **labels;
    size_t n_labels;
    const double *x;   /* n_rows: its value (index of a label), NaN: not asked for */
} learn_param;
/* When is parameter `which` asked for?  A condition in the grammar of docs/expressions.md over parameters before it, from
 * n_rows trials; whole[i] 0: what trial i did not ask for says nothing.  Empty: always. */
HPO_NODISCARD hpo_status learn_condition(const learn_param *params, size_t which, const unsigned char *whole, size_t n_rows,
                                         hpo_str *out, hpo_error *err);
#endif
