/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.c - the list of commands, in the order of `hpo --help` and of the man page. */
#include <string.h>

#include "cli.h"

const cli_command *const cli_commands[] = {
    &cli_help,
    &cli_version,
    &cli_completion,
    NULL,
};

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strcmp(cli_commands[i]->name, name)) return cli_commands[i];
    return NULL;
}
