/* SPDX-License-Identifier: Apache-2.0 */
/* cli/completion.c - completions for bash, zsh and fish, written from the command tables. */
#include <string.h>

#include "cli.h"

/* Words that stand for lists: "@command" is known now, the others are asked for when completing. */
static void bash_words(const char *words)
{
    if (!strcmp(words, "@file")) {
        printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
    } else if (!strcmp(words, "@command")) {
        printf("COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))");
    } else if (!strcmp(words, "@study")) {
        printf("COMPREPLY=($(compgen -W \"$(hpo db info --names 2>/dev/null)\" -- \"$cur\"))");
    } else if (!strcmp(words, "@sampler") || !strcmp(words, "@scheduler")) {
        printf("COMPREPLY=($(compgen -W \"$(hpo samplers --names%s 2>/dev/null)\" -- \"$cur\"))",
               words[2] == 'c' ? " --schedulers" : "");
    } else if (words[0] != '@') {
        printf("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", words);
    } else {
        printf(":");
    }
}

static void bash_command(const cli_command *cmd)
{
    printf("    %s)\n        case $prev in\n", cmd->name);
    for (size_t i = 0; i < cmd->n_options; i++) {
        const cli_option *o = &cmd->options[i];
        if (!o->arg) continue;
        printf("        --%s", o->name);
        if (o->letter) printf("|-%c", o->letter);
        printf(") ");
        bash_words(o->words ? o->words : "@none");
        printf("; return ;;\n");
    }
    printf("        esac\n        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W \"--help");
    for (size_t i = 0; i < cmd->n_options; i++)
        if (!(cmd->options[i].flags & CLI_HIDDEN)) printf(" --%s", cmd->options[i].name);
    printf("\" -- \"$cur\"))\n");
    if (cmd->words) {
        printf("        else\n            ");
        bash_words(cmd->words);
        printf("\n");
    }
    printf("        fi ;;\n");
}

static void print_bash(void)
{
    printf("# bash completion of hpo; made by `hpo completion bash`\n_hpo()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n    local commands=\"");
    for (size_t i = 0; cli_commands[i]; i++)
        printf("%s%s", i ? " " : "", cli_commands[i]->name);
    printf("\"\n    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n"
           "        COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n        return\n   "
           " fi\n"
           "    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; cli_commands[i]; i++)
        bash_command(cli_commands[i]);
    printf("    esac\n}\ncomplete -o bashdefault -o default -F _hpo hpo\n");
}

/* Text inside single quotes in zsh specs: quote marks, brackets and colons are taken out or escaped. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (*text == '[' || *text == ']' || *text == ':')
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void zsh_action(const char *words)
{
    if (!words)
        printf(" ");
    else if (!strcmp(words, "@file"))
        printf("_files");
    else if (!strcmp(words, "@study"))
        printf("(${(f)\"$(hpo db info --names 2>/dev/null)\"})");
    else if (!strcmp(words, "@sampler"))
        printf("(${(f)\"$(hpo samplers --names 2>/dev/null)\"})");
    else if (!strcmp(words, "@scheduler"))
        printf("(${(f)\"$(hpo samplers --names --schedulers 2>/dev/null)\"})");
    else if (words[0] != '@')
        printf("(%s)", words);
    else
        printf(" ");
}

static void print_zsh(void)
{
    printf(
        "#compdef hpo\n# zsh completion of hpo; made by `hpo completion zsh`\n_hpo() {\n  local -a commands\n"
        "  commands=(\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("    '%s:", cli_commands[i]->name);
        zsh_text(cli_commands[i]->help);
        printf("'\n");
    }
    printf("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
           "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        const cli_command *cmd = cli_commands[i];
        printf("  %s)\n    _arguments -s", cmd->name);
        for (size_t j = 0; j < cmd->n_options; j++) {
            const cli_option *o = &cmd->options[j];
            if (o->flags & CLI_HIDDEN) continue;
            printf(" \\\n      '%s--%s%s[", o->flags & CLI_REPEAT ? "*" : "", o->name, o->arg ? "=" : "");
            zsh_text(o->help);
            printf("]");
            if (o->arg) {
                printf(":%s:", o->arg[0] ? "value" : "");
                zsh_action(o->words);
            }
            printf("'");
        }
        printf(" \\\n      '*::word:");
        zsh_action(cmd->words && !strcmp(cmd->words, "@command") ? NULL : cmd->words);
        printf("'\n    ;;\n");
    }
    printf("  esac\n}\n_hpo \"$@\"\n");
}

static void fish_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') putchar('\\');
        putchar(*text);
    }
}

static void fish_words(const char *words)
{
    if (!strcmp(words, "@file"))
        printf(" -F");
    else if (!strcmp(words, "@study"))
        printf(" -a '(hpo db info --names 2>/dev/null)'");
    else if (!strcmp(words, "@sampler"))
        printf(" -a '(hpo samplers --names 2>/dev/null)'");
    else if (!strcmp(words, "@scheduler"))
        printf(" -a '(hpo samplers --names --schedulers 2>/dev/null)'");
    else if (words[0] != '@')
        printf(" -a '%s'", words);
}

static void print_fish(void)
{
    printf("# fish completion of hpo; made by `hpo completion fish`\ncomplete -c hpo -f\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("complete -c hpo -n __fish_use_subcommand -a %s -d '", cli_commands[i]->name);
        fish_text(cli_commands[i]->help);
        printf("'\n");
    }
    for (size_t i = 0; cli_commands[i]; i++) {
        const cli_command *cmd = cli_commands[i];
        if (cmd->words && strcmp(cmd->words, "@command") != 0) {
            printf("complete -c hpo -n '__fish_seen_subcommand_from %s'", cmd->name);
            fish_words(cmd->words);
            printf("\n");
        }
        for (size_t j = 0; j < cmd->n_options; j++) {
            const cli_option *o = &cmd->options[j];
            if (o->flags & CLI_HIDDEN) continue;
            printf("complete -c hpo -n '__fish_seen_subcommand_from %s' -l %s", cmd->name, o->name);
            if (o->letter) printf(" -s %c", o->letter);
            if (o->arg) printf(" -r");
            if (o->words) fish_words(o->words);
            printf(" -d '");
            fish_text(o->help);
            printf("'\n");
        }
    }
}

static int run_completion(cli *c)
{
    int rc = cli_expect_args(c, 1, 1);
    if (rc != CLI_OK) return rc;
    if (!strcmp(c->args[0], "bash"))
        print_bash();
    else if (!strcmp(c->args[0], "zsh"))
        print_zsh();
    else if (!strcmp(c->args[0], "fish"))
        print_fish();
    else
        return cli_usage_error(c, "no completion for the shell '%s': choose bash, zsh or fish", c->args[0]);
    return CLI_OK;
}

const cli_command cli_completion = {
    .name = "completion",
    .group = "Tools",
    .help = "print a completion script for bash, zsh or fish",
    .usage = "bash|zsh|fish",
    .about = "For bash: `hpo completion bash > ~/.local/share/bash-completion/completions/hpo`.\n\n"
             "For zsh: `hpo completion zsh > ~/.zfunc/_hpo`, with that folder in $fpath.\n\n"
             "For fish: `hpo completion fish > ~/.config/fish/completions/hpo.fish`.",
    .words = "bash zsh fish",
    .run = run_completion,
};
