/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli.h - what the commands of `hpo` share.
 *
 * One table drives everything: a command is one const `cli_command` with its option table, defined in
 * the command's own file and listed in commands.c.  From these tables come the parser (args.c), --help,
 * the man page and the shell completions (help.c).  To add a command: write cli/NAME.c with
 * `const cli_command cli_NAME = {...}`, declare it below, add one row to commands.c and the file to
 * meson.build.
 *
 * Rules of the command: results go to standard output, everything else to standard error.  An error is
 * one line, `hpo: ` and the text: the thing, its value, the remedy.  A command function returns its exit
 * status and never calls exit(): main() flushes standard output and reports a failed write.
 * SIGPIPE is ignored (a broken pipe is a failed write): whoever starts programs puts it back to SIG_DFL
 * in the child. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"
#include "hpo.h"

/* Exit statuses; documented in hpo(1). */
enum {
    CLI_OK = 0,
    CLI_FAIL = 1,       /* anything that went wrong, but for the following */
    CLI_USAGE = 2,      /* the command line is not valid */
    CLI_INFEASIBLE = 3, /* the study ended without any feasible result */
    CLI_OVER = 4,       /* ask: the study is over */
    CLI_WAIT = 5,       /* ask: nothing to hand out now */
    CLI_INTERRUPTED = 130
};

/* ---- tables ---------------------------------------------------------------------------------- */

enum {
    CLI_REPEAT = 1u << 0, /* may be given several times: see cli_next() */
    CLI_HIDDEN = 1u << 1  /* parsed, but not shown */
};

typedef struct cli_option {
    const char *name; /* long name, without the dashes */
    char letter;      /* short name, or 0 */
    const char *arg;  /* what the value is called, "FILE"; NULL: a switch without a value */
    const char *help; /* one sentence, lower case, no full stop */
    uint32_t flags;   /* CLI_REPEAT ... */
    const char
        *words; /* for completion: "json csv", or "@study", "@file", "@sampler", "@scheduler"; or NULL */
} cli_option;

typedef struct cli cli;

enum {
    CLI_STOP_EARLY = 1u << 0 /* the first word that is no option ends the options (a program follows) */
};

typedef struct cli_command {
    const char *name;
    const char *group; /* heading in `hpo --help`: "Run", "Look", "Steer", "Ask and tell", "Study", "Tools" */
    const char *help;  /* one line */
    const char *usage; /* what follows the name: "[OPTION]... TRIAL" */
    const char *about; /* paragraphs (separated by an empty line) for --help and the man page, or NULL */
    const char *words; /* for completion of the first word: "show lint diff", "@trial", "@file"; or NULL */
    const cli_option *options;
    size_t n_options;
    uint32_t flags;
    int (*run)(cli *c); /* returns the exit status */
} cli_command;

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rows that many commands share; use them as elements of an option table. */
/* clang-format off */
#define CLI_STORAGE_OPTIONS                                                                                  \
    {"storage", 0, "URL", "SQLite file or storage URL; default: $HPO_STORAGE, else hpo.db here", 0, "@file"}
#define CLI_STUDY_OPTIONS                                                                                    \
    {"name", 'n', "NAME", "the study; may be left out when the storage holds only one", 0, "@study"},        \
    CLI_STORAGE_OPTIONS
#define CLI_FORMAT_OPTIONS                                                                                   \
    {"json", 0, NULL, "print JSON", 0, NULL},                                                                \
    {"jsonl", 0, NULL, "print JSON, one object a line", 0, NULL},                                            \
    {"csv", 0, NULL, "print comma-separated values", 0, NULL},                                               \
    {"table", 0, NULL, "print a table also when the output is no terminal", 0, NULL}
#define CLI_JSON_OPTION {"json", 0, NULL, "print JSON", 0, NULL}
/* What defines a study: `create` and `run` have them in common; read by cli_problem_read(). */
#define CLI_PROBLEM_OPTIONS                                                                                  \
    {"param", 'p', "NAME:DOMAIN", "add a parameter, e.g. 'lr:log 1e-5..1'", CLI_REPEAT, NULL},               \
    {"space", 0, "FILE", "read parameters and constraints from a JSON or YAML file", 0, "@file"},            \
    {"constraint", 0, "EXPR", "a condition that every proposal must satisfy", CLI_REPEAT, NULL},             \
    {"derive", 0, "NAME=EXPR", "a value computed from parameters, passed on but not searched", CLI_REPEAT, NULL}, \
    {"minimize", 0, "NAME", "an objective; several give a Pareto front", CLI_REPEAT, NULL},                  \
    {"maximize", 0, "NAME", "an objective to be made large", CLI_REPEAT, NULL},                              \
    {"outcome", 0, "NAME<=MAX", "a measured constraint: feasible when at most MAX", CLI_REPEAT, NULL},       \
    {"sampler", 0, "SPEC", "NAME or NAME:key=value,...; see `hpo samplers`", 0, "@sampler"},                 \
    {"scheduler", 0, "SPEC", "NAME or NAME:key=value,...; default: auto with a fidelity, else none; see `hpo samplers --schedulers`", 0, "@scheduler"}, \
    {"seed", 0, "N", "seed of the study; default: random, shown and stored", 0, NULL},                       \
    {"budget", 'b', "LIMITS", "when to end, e.g. 100trials,10min,cost=20,target=0.05,stagnation=50", 0, NULL}, \
    {"until", 0, "RULE", "stopping rule, e.g. 'regret or stagnation:trials=50'; see `hpo samplers --terminators`", 0, NULL}, \
    {"noisy", 0, NULL, "the same configuration may be evaluated again", 0, NULL},                            \
    {"lag", 0, "K", "suggestion n uses exactly the results of trials before n-K+1", 0, NULL},                \
    {"lease", 0, "TIME", "how long an unrenewed trial stays with its worker; default 10min", 0, NULL},       \
    {"max-retries", 0, "N", "how often a lost trial returns to the queue; default 3", 0, NULL}
/* clang-format on */

/* ---- one invocation ---------------------------------------------------------------------------- */

typedef struct cli_given { /* one option as it was given */
    size_t option;         /* index into the command's table */
    const char *value;     /* NULL for a switch */
} cli_given;

struct cli {
    const cli_command *command;
    cli_given *given;
    size_t n_given, given_cap;
    const char **args; /* words that are no options */
    size_t n_args, args_cap;
    size_t n_before_dashes;     /* how many of args stood before `--`; n_args when there was none */
    int tty_out, tty_err;       /* are they terminals */
    int colour_out, colour_err; /* may we colour there (terminal, NO_COLOR not set, TERM not dumb) */
    int width;                  /* columns of the terminal; 80 when unknown */
    hpo_storage *storage;       /* opened by cli_open_storage(), freed by main() */
    hpo_study *study;           /* opened by cli_open_study(), freed by main() */
    hpo_error err;              /* scratch for library calls */
};

/* Was the switch or option given at all. */
int cli_has(const cli *c, const char *name);
/* The last value given, else `missing`. */
const char *cli_get(const cli *c, const char *name, const char *missing);
/* Values of a repeatable option in order: start with *at = 0; NULL at the end. */
const char *cli_next(const cli *c, const char *name, size_t *at);
/* Numbers: leave *out alone when the option is absent; a wrong value prints the error and returns CLI_USAGE.
 */
int cli_get_int(cli *c, const char *name, int64_t min, int64_t max, int64_t *out);
int cli_get_double(cli *c, const char *name, double *out);
int cli_get_duration(cli *c, const char *name, double *seconds); /* "90", "10min", "1h30m", "2d" */
int cli_get_size(cli *c, const char *name, int64_t *bytes);      /* "512M", "16GiB", "1e9" */
/* A word that must be a trial number; prints the error and returns CLI_USAGE otherwise. */
int cli_trial_number(cli *c, const char *word, int64_t *number);
/* CLI_USAGE with a message unless min <= n_args <= max. */
int cli_expect_args(cli *c, size_t min, size_t max);

/* ---- errors ------------------------------------------------------------------------------------ */

/* Print `hpo: text` on standard error (one line) and return the status of the name. */
int cli_error(const char *format, ...) HPO_PRINTF(1, 2); /* CLI_FAIL */
int cli_usage_error(const cli *c, const char *format, ...)
    HPO_PRINTF(2, 3);       /* CLI_USAGE, adds "see `hpo X --help`" */
int cli_fail(const cli *c); /* c->err; CLI_FAIL */
int cli_fail_memory(void);
/* A remark that is no error: `hpo: text` on standard error. */
void cli_note(const char *format, ...) HPO_PRINTF(1, 2);

/* The largest edit distance at which "did you mean" is of help for a word of this length. */
unsigned cli_near(const char *word);

/* ---- storage and study ---------------------------------------------------------------------------- */

/* --storage, else $HPO_STORAGE, else "hpo.db". */
const char *cli_storage_url(const cli *c);
/* The path in a storage URL with the options behind it ("sqlite:///x.db?y" is "x.db?y"), or NULL: no file. */
const char *cli_url_path(const char *url);
/* The file behind it, or NULL when it is none. */
const char *cli_storage_file(const cli *c, char *buf, size_t cap);
/* Opens c->storage (once).  A missing file is an error that says how to begin, unless `make`. */
int cli_open_storage(cli *c, int make);
/* Opens c->study: -n NAME, else $HPO_STUDY (set for programs that `hpo run` starts), else the only one. */
int cli_open_study(cli *c);

/* What CLI_PROBLEM_OPTIONS say.  Texts point into the command line or into `text`. */
enum { CLI_MAX_OBJECTIVES = 16, CLI_MAX_OUTCOMES = 16 };
typedef struct cli_problem {
    hpo_space *space;          /* NULL when neither --param nor --space was given */
    hpo_study_options options; /* name, seed, objectives ... set; metadata NULL */
    hpo_objective objectives[CLI_MAX_OBJECTIVES];
    hpo_outcome outcomes[CLI_MAX_OUTCOMES];
    char *names[CLI_MAX_OUTCOMES]; /* owned */
    int seed_is_random;
} cli_problem;
/* Exit status; on failure the message is printed and nothing needs freeing. */
int cli_problem_read(cli *c, cli_problem *p);
void cli_problem_free(cli_problem *p);
/* Only the space of --param, --space, --constraint, --derive; NULL when there is none.  Exit status. */
int cli_space_read(cli *c, hpo_space **out);

/* ---- output --------------------------------------------------------------------------------------- */

typedef enum cli_format { CLI_TABLE, CLI_JSON, CLI_JSONL, CLI_CSV } cli_format;
/* As asked for; without an option a table on a terminal, else `machine`.  Two at once: CLI_USAGE. */
int cli_get_format(cli *c, cli_format machine, cli_format *out);

/* A table: cells are copied; columns of numbers are right-aligned; printed to fit the terminal's width. */
typedef struct cli_table cli_table;
cli_table *cli_table_new(size_t n_columns, const char *const *heads);
void cli_table_cell(cli_table *t, const char *text); /* row by row; NULL: empty */
void cli_table_number(cli_table *t, double v);       /* short, "-" for NaN */
void cli_table_int(cli_table *t, int64_t v);
/* Prints and frees.  CLI_OK or CLI_FAIL (memory). */
int cli_table_print(cli *c, cli_table *t, FILE *f);
void cli_table_free(cli_table *t);
/* One CSV field, quoted when necessary (RFC 4180). */
void cli_csv_field(hpo_str *s, const char *text);

/* Text for people.  Each returns buf (32 bytes). */
char *cli_duration_text(double seconds, char buf[32]); /* "1h05m", "12.3s" */
char *cli_size_text(double bytes, char buf[32]);       /* "1.5 GiB" */
char *cli_number_text(double v, char buf[32]);         /* at most six significant digits */
char *cli_time_text(int64_t unix_ms, char buf[32]);    /* local "2026-01-31 12:00:00"; "-" for 0 */
char *cli_utc_text(int64_t unix_ms, char buf[32]);     /* "2026-01-31T12:00:00.000Z"; "" for 0 */
/* Columns that UTF-8 text takes on a terminal. */
size_t cli_text_width(const char *text);

/* Escape sequences, or "" where colour is off: cli_style(c->colour_out, "1"). */
const char *cli_style_on(int colour,
                         char what); /* 'b' bold, 'd' dim, 'r' red, 'g' green, 'y' yellow, 'c' cyan */
const char *cli_style_off(int colour);

/* ---- commands -------------------------------------------------------------------------------------- */

extern const cli_command *const cli_commands[]; /* ends in NULL */
const cli_command *cli_command_find(const char *name);

extern const cli_command cli_run, cli_worker;
extern const cli_command cli_create, cli_ask, cli_tell, cli_report, cli_should_stop;
extern const cli_command cli_confirm;
extern const cli_command cli_best, cli_top, cli_show, cli_explain, cli_schedule, cli_ps, cli_watch, cli_logs, cli_plot, cli_export;
extern const cli_command cli_stop, cli_pause, cli_resume, cli_retry, cli_enqueue;
extern const cli_command cli_init, cli_check, cli_space, cli_db, cli_import, cli_delete;
extern const cli_command cli_doctor, cli_rpc, cli_samplers, cli_bench, cli_completion, cli_help, cli_version;

/* Between main.c, args.c and help.c: reads the words after the command's name; *help is set when --help
 * was among them. */
int cli_parse(cli *c, size_t n, char *const *words, int *help);
/* `hpo --help` (command NULL) and `hpo X --help`; `hpo --man`. */
void cli_print_help(FILE *f, const cli_command *command);
void cli_print_man(FILE *f);
#endif
