/* SPDX-License-Identifier: Apache-2.0 */
/* cli/common.c - errors as one line, and the storage and study that most commands begin with. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "cli.h"

/* One line whatever the text: control characters (a path may hold any byte) become spaces. */
static void print_line(const char *format, va_list args, const char *more)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    fflush(stdout); /* what came before stands before it */
    fprintf(stderr, "hpo: %s%s\n", text, more);
}

int cli_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(format, args, "");
    va_end(args);
    return CLI_FAIL;
}

void cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(format, args, "");
    va_end(args);
}

int cli_usage_error(const cli *c, const char *format, ...)
{
    char more[96];
    va_list args;
    snprintf(more, sizeof more, " (see `hpo %s --help`)", c->command->name);
    va_start(args, format);
    print_line(format, args, more);
    va_end(args);
    return CLI_USAGE;
}

int cli_fail(const cli *c)
{
    return cli_error("%s", c->err.msg[0] ? c->err.msg : hpo_status_text(c->err.code));
}

int cli_fail_memory(void)
{
    return cli_error("out of memory");
}

const char *cli_storage_url(const cli *c)
{
    const char *env = getenv("HPO_STORAGE");
    return cli_get(c, "storage", env && *env ? env : "hpo.db");
}

const char *cli_url_path(const char *url)
{
    const char *colon = strchr(url, ':');
    if (!strncmp(url, "sqlite:", 7)) return url + (strncmp(url + 7, "///", 3) ? 7 : 10);
    if (colon && colon - url > 1 && !memchr(url, '/', (size_t)(colon - url)))
        return NULL; /* another scheme */
    return url;
}

/* The file behind a URL, or NULL when the URL names none: "a.db", "sqlite:a.db?sync=full". */
static const char *file_of_url(const char *url, char *buf, size_t cap)
{
    const char *path = cli_url_path(url);
    size_t len = path ? strcspn(path, "?") : cap;
    if (len >= cap) return NULL;
    memcpy(buf, path, len);
    buf[len] = '\0';
    return buf;
}

const char *cli_storage_file(const cli *c, char *buf, size_t cap)
{
    return file_of_url(cli_storage_url(c), buf, cap);
}

int cli_open_storage(cli *c, int make)
{
    const char *url = cli_storage_url(c);
    char path[4096];
    if (c->storage) return CLI_OK;
    if (!make) {
        const char *file = file_of_url(url, path, sizeof path);
        if (file && !hpo_os_exists(file))
            return cli_error("no storage '%s': name one with --storage or HPO_STORAGE, or begin with "
                             "`hpo run` or `hpo create`",
                             file);
    }
    if (hpo_storage_open(url, &c->storage, &c->err) != HPO_OK) return cli_fail(c);
    return CLI_OK;
}

int cli_open_study(cli *c)
{
    const char *env = getenv("HPO_STUDY");
    const char *name = cli_get(c, "name", env && *env ? env : NULL);
    int rc = cli_open_storage(c, 0);
    if (rc != CLI_OK || c->study) return rc;
    hpo_status status = hpo_study_open(c->storage, name, &c->study, &c->err);
    if (status == HPO_EINVAL && !name) return cli_error("%s (-n NAME)", c->err.msg);
    if (status != HPO_OK) return cli_fail(c);
    return CLI_OK;
}
