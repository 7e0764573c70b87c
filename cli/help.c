/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.c - what is made from the command tables: --help, the man page, shell completions. */
#include <string.h>

#include "cli.h"

/* ---- --help ---------------------------------------------------------------------------------- */

/* Words to at most `width` columns; line breaks in the text are blanks. */
static void print_wrapped(FILE *f, const char *text, size_t indent, size_t at, size_t width)
{
    const char *p = text;
    while (*p) {
        size_t n = strcspn(p, " \n");
        if (at > indent && at + 1 + n > width) {
            fprintf(f, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', f);
            at++;
        }
        fwrite(p, 1, n, f);
        at += n;
        p += n;
        if (*p) p++;
    }
    fputc('\n', f);
}

static void print_option(FILE *f, const cli_option *o)
{
    size_t at = 2 + 4 + 2 + strlen(o->name) + (o->arg ? 1 + strlen(o->arg) : 0);
    if (o->letter)
        fprintf(f, "  -%c, --%s", o->letter, o->name);
    else
        fprintf(f, "      --%s", o->name);
    if (o->arg) fprintf(f, " %s", o->arg);
    if (at > 28) {
        fputc('\n', f);
        at = 0;
    }
    fprintf(f, "%*s", (int)(30 - at), "");
    print_wrapped(f, o->help, 30, 30, 100);
}

static void print_groups(FILE *f)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        int first = 1;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(cli_commands[j]->group, cli_commands[i]->group) != 0;
        if (!first) continue;
        fprintf(f, "\n%s\n", cli_commands[i]->group);
        for (size_t j = i; cli_commands[j]; j++)
            if (!strcmp(cli_commands[j]->group, cli_commands[i]->group))
                fprintf(f, "  %-13s %s\n", cli_commands[j]->name, cli_commands[j]->help);
    }
}

void cli_print_help(FILE *f, const cli_command *cmd)
{
    if (!cmd) {
        fputs("hpo - find good hyperparameters of any program\n\nusage: hpo COMMAND [OPTION]...\n", f);
        print_groups(f);
        fputs("\n`hpo COMMAND --help` tells more about a command; all of it is in hpo(1).\n", f);
        return;
    }
    fprintf(f, "usage: hpo %s%s%s\n\n%s\n", cmd->name, *cmd->usage ? " " : "", cmd->usage, cmd->help);
    if (cmd->about) {
        const char *p = cmd->about;
        while (*p) {
            const char *end = strstr(p, "\n\n");
            size_t n = end ? (size_t)(end - p) : strlen(p);
            char paragraph[4096];
            if (n >= sizeof paragraph) n = sizeof paragraph - 1;
            memcpy(paragraph, p, n);
            paragraph[n] = '\0';
            fputc('\n', f);
            if (paragraph[0] == ' ')
                fprintf(f, "%s\n", paragraph);
            else
                print_wrapped(f, paragraph, 0, 0, 100);
            p = end ? end + 2 : p + strlen(p);
        }
    }
    fputs("\nOptions\n", f);
    for (size_t i = 0; i < cmd->n_options; i++)
        if (!(cmd->options[i].flags & CLI_HIDDEN)) print_option(f, &cmd->options[i]);
    fputs("  -h, --help                  show this text\n", f);
}

static int run_help(cli *c)
{
    const cli_command *cmd = NULL;
    int rc = cli_expect_args(c, 0, 1);
    if (rc != CLI_OK) return rc;
    if (c->n_args) {
        cmd = cli_command_find(c->args[0]);
        if (!cmd) return cli_usage_error(c, "unknown command '%s'", c->args[0]);
    }
    cli_print_help(stdout, cmd);
    return CLI_OK;
}

const cli_command cli_help = {
    .name = "help",
    .group = "Tools",
    .help = "show help on a command",
    .usage = "[COMMAND]",
    .words = "@command",
    .run = run_help,
};

static int run_version(cli *c)
{
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    printf("hpo %s\n", hpo_version());
    return CLI_OK;
}

const cli_command cli_version = {
    .name = "version", .group = "Tools", .help = "print the version", .usage = "", .run = run_version};

/* ---- the man page ------------------------------------------------------------------------------ */

/* Text for roff: a leading dot or quote and backslashes must not be taken as requests. */
static void roff(FILE *f, const char *text)
{
    int line_start = 1;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", f);
        line_start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", f);
        else if (*text == '-')
            fputs("\\-", f);
        else
            fputc(*text, f);
    }
}

static void man_paragraphs(FILE *f, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        char paragraph[4096];
        if (n >= sizeof paragraph) n = sizeof paragraph - 1;
        memcpy(paragraph, text, n);
        paragraph[n] = '\0';
        fputs(paragraph[0] == ' ' ? ".PP\n.nf\n" : ".PP\n", f);
        roff(f, paragraph);
        fputs(paragraph[0] == ' ' ? "\n.fi\n" : "\n", f);
        text = end ? end + 2 : text + strlen(text);
    }
}

static void man_command(FILE *f, const cli_command *cmd)
{
    fputs(".SS hpo ", f);
    roff(f, cmd->name);
    if (*cmd->usage) fputc(' ', f);
    roff(f, cmd->usage);
    fputc('\n', f);
    roff(f, cmd->help);
    fputs(".\n", f);
    if (cmd->about) man_paragraphs(f, cmd->about);
    for (size_t i = 0; i < cmd->n_options; i++) {
        const cli_option *o = &cmd->options[i];
        if (o->flags & CLI_HIDDEN) continue;
        fputs(".TP\n\\fB", f);
        if (o->letter) fprintf(f, "\\-%c\\fR, \\fB", o->letter);
        fputs("\\-\\-", f);
        roff(f, o->name);
        fputs("\\fR", f);
        if (o->arg) {
            fputs(" \\fI", f);
            roff(f, o->arg);
            fputs("\\fR", f);
        }
        fputc('\n', f);
        roff(f, o->help);
        fputs(".\n", f);
    }
}

static const char man_head[] =
    ".SH NAME\nhpo \\- find good hyperparameters of any program\n"
    ".SH SYNOPSIS\n.B hpo\n.I COMMAND\n.RI [ OPTION ]...\n"
    ".SH DESCRIPTION\n"
    "hpo proposes configurations, runs or hands them out, records the results in a storage (one SQLite\n"
    "file by default) and shows them.  Any number of processes may work on one study.\n";

static const char man_tail[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B HPO_STORAGE\nthe storage when \\-\\-storage is not given; default hpo.db in the current "
    "folder.\n"
    ".TP\n.B HPO_STUDY\nthe study when \\-\\-name is not given.\n"
    ".TP\n.B HPO_TRIAL, HPO_TOKEN\nthe trial and its token for tell, report and should\\-stop when no trial "
    "is given.\n"
    ".TP\n.B NO_COLOR\nif set and not empty, no colours are used.\n"
    ".TP\n.B COLUMNS\nthe width of tables and plots.\n"
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone.\n"
    ".TP\n1\na failure; one line on standard error says what and what to do (should\\-stop: no, go on).\n"
    ".TP\n2\nthe command line is not valid.\n"
    ".TP\n3\nthe study has no feasible result.\n"
    ".TP\n4\nhpo ask: the study is over.\n"
    ".TP\n5\nhpo ask: nothing to hand out now, but trials are still running.\n"
    ".TP\n130\ninterrupted; the study can be continued.\n"
    ".SH SEE ALSO\n.BR hpo\\-space (5),\n.BR sqlite3 (1)\n";

void cli_print_man(FILE *f)
{
    fprintf(f, ".TH HPO 1 \"\" \"libhpo %s\" \"User commands\"\n", hpo_version());
    fputs(man_head, f);
    fputs(".SH COMMANDS\n", f);
    for (size_t i = 0; cli_commands[i]; i++)
        man_command(f, cli_commands[i]);
    fputs(man_tail, f);
}
