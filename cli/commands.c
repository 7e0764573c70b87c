/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.c - the list of commands, in the order of `hpo --help` and of the man page. */
#include <string.h>

#include "cli.h"

const cli_command *const cli_commands[] = {
    /* Run */
    &cli_run,
    &cli_worker,
    &cli_confirm,
    /* Ask and tell */
    &cli_create,
    &cli_ask,
    &cli_tell,
    &cli_report,
    &cli_should_stop,
    /* Look */
    &cli_best,
    &cli_top,
    &cli_show,
    &cli_explain,
    &cli_schedule,
    &cli_ps,
    &cli_watch,
    &cli_logs,
    &cli_plot,
    &cli_export,
    /* Steer */
    &cli_stop,
    &cli_pause,
    &cli_resume,
    &cli_retry,
    &cli_enqueue,
    /* Study */
    &cli_init,
    &cli_check,
    &cli_space,
    &cli_db,
    &cli_import,
    &cli_delete,
    /* Tools */
    &cli_doctor,
    &cli_rpc,
    &cli_samplers,
    &cli_bench,
    &cli_completion,
    &cli_help,
    &cli_version,
    NULL,
};

const cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++)
        if (!strcmp(cli_commands[i]->name, name)) return cli_commands[i];
    return NULL;
}
