/* SPDX-License-Identifier: Apache-2.0 */
/* cli/main.c - the command `hpo`: finds the command, reads its options, runs it, and makes sure that
 * what it printed has arrived. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli.h"

static void look_at_terminal(cli *c)
{
    const char *term = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    const char *columns = getenv("COLUMNS");
    int may_colour = !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
    struct winsize w;
    int64_t n;
    c->tty_out = isatty(STDOUT_FILENO);
    c->tty_err = isatty(STDERR_FILENO);
    c->colour_out = c->tty_out && may_colour;
    c->colour_err = c->tty_err && may_colour;
    c->width = 80;
    if (columns && hpo_parse_int(columns, &n) && n >= 20 && n <= 10000)
        c->width = (int)n;
    else if (c->tty_out && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
        c->width = w.ws_col;
}

static int unknown_command(const char *word)
{
    const char *best = NULL;
    unsigned limit = cli_near(word);
    for (size_t i = 0; cli_commands[i]; i++) {
        unsigned d = hpo_edit_distance(word, cli_commands[i]->name);
        if (d <= limit) {
            best = cli_commands[i]->name;
            limit = d - 1;
        }
    }
    if (best)
        cli_error("unknown command '%s': did you mean '%s'? See `hpo --help`", word, best);
    else
        cli_error("unknown command '%s': see `hpo --help`", word);
    return CLI_USAGE;
}

static int run_command(cli *c, size_t n, char *const *words)
{
    int help = 0;
    int rc = cli_parse(c, n, words, &help);
    if (rc != CLI_OK) return rc;
    if (help) {
        cli_print_help(stdout, c->command);
        return CLI_OK;
    }
    return c->command->run(c);
}

static int dispatch(cli *c, int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        cli_print_help(stdout, NULL);
        return argc > 1 ? CLI_OK : CLI_USAGE;
    }
    if (!strcmp(word, "--man")) {
        cli_print_man(stdout);
        return CLI_OK;
    }
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) word = "version";
    if (word[0] == '-') {
        cli_error("unknown option %s: a command comes first, see `hpo --help`", word);
        return CLI_USAGE;
    }
    c->command = cli_command_find(word);
    if (!c->command) return unknown_command(word);
    return run_command(c, (size_t)(argc - 2), argv + 2);
}

/* Standard output must have arrived: a full disk or a closed pipe is a failure of ours. */
static int finish_output(int rc)
{
    int failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0) failed = 1;
    /* The reason of an earlier failure is gone: what refused that write refuses another. */
    if (failed && errno == 0 && putchar('\n') != EOF) (void)fflush(stdout);
    if (!failed) return rc;
    cli_error("cannot write standard output: %s", errno ? strerror(errno) : "write error");
    return rc == CLI_OK ? CLI_FAIL : rc;
}

/* A descriptor 0..2 that was closed would be given to the next file we open, and our output would go into
 * it: it gets a file that refuses what is asked of it, so that a write still fails. */
static void fill_closed(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    cli c = {0};
    int rc;
    struct sigaction ignore = {0};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a file that may not grow is a failed write, told in words */
    fill_closed();
    look_at_terminal(&c);
    rc = finish_output(dispatch(&c, argc, argv));
    hpo_study_free(c.study);
    hpo_storage_free(c.storage);
    hpo_free(c.given);
    hpo_free(c.args);
    return rc;
}
