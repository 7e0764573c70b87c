/* SPDX-License-Identifier: Apache-2.0 */
/* cli/doctor.c - `hpo doctor`: looks at everything around a study that is known to go wrong, and says
 * what to do about it.  Each line is ok, warn or fail; a fail makes the exit status 1. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/os.h"
#include "plot.h"
#include "record.h"

static const cli_option doctor_options[] = {
    CLI_STORAGE_OPTIONS,
    {"json", 0, NULL, "print JSON, one object a line", 0, NULL},
};

typedef enum level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL } level;

typedef struct doctor {
    cli *c;
    int fails, warns;
} doctor;

static void say(doctor *d, level l, const char *what, const char *format, ...) HPO_PRINTF(4, 5);

static void say(doctor *d, level l, const char *what, const char *format, ...)
{
    static const char *const names[] = {"ok", "warn", "fail"};
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->fails += l == LEVEL_FAIL;
    d->warns += l == LEVEL_WARN;
    if (cli_has(d->c, "json")) {
        hpo_str s = {0};
        hpo_str_addf(&s, "{\"check\":\"%s\",\"result\":\"%s\",\"text\":", what, names[l]);
        hpo_str_json(&s, text);
        hpo_str_addc(&s, '}');
        if (!s.failed) puts(s.text);
        hpo_str_fini(&s);
        return;
    }
    printf("%s%-4s%s  %-10s %s\n", cli_style_on(d->c->colour_out, "gyr"[l]), names[l],
           cli_style_off(d->c->colour_out), what, text);
}

/* ---- the storage -------------------------------------------------------------------------------- */

static void check_disk(doctor *d, const char *path)
{
    char folder[4096];
    char free_text[32];
    struct statvfs fs;
    const char *kind = NULL;
    char *slash;
    double left;
    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (slash == folder)
        folder[1] = '\0';
    else if (slash)
        *slash = '\0';
    else
        snprintf(folder, sizeof folder, ".");
    if (access(folder, W_OK) != 0)
        say(d, LEVEL_FAIL, "folder", "%s: %s; choose another place with --storage or HPO_STORAGE", folder,
            strerror(errno));
    else
        say(d, LEVEL_OK, "folder", "%s is writable", folder);
    if (hpo_os_is_network_fs(path, &kind))
        say(d, LEVEL_FAIL, "disk",
            "%s lies on a network file system (%s), where SQLite's locks do not work: use a local disk", path,
            kind ? kind : "unknown");
    if (statvfs(folder, &fs) != 0) return;
    left = (double)fs.f_bavail * (double)fs.f_frsize;
    cli_size_text(left, free_text);
    if (left < 1e7)
        say(d, LEVEL_FAIL, "space", "only %s free in %s: make room, results cannot be stored", free_text,
            folder);
    else if (left < 1e9)
        say(d, LEVEL_WARN, "space", "%s free in %s: enough for results, maybe not for checkpoints", free_text,
            folder);
    else
        say(d, LEVEL_OK, "space", "%s free in %s", free_text, folder);
}

static void check_content(doctor *d)
{
    cli *c = d->c;
    char *text = NULL;
    struct json_object *o = NULL;
    struct json_object *m = NULL;
    if (hpo_storage_info(c->storage, &text, &c->err) == HPO_OK &&
        hpo_json_parse(text, strlen(text), "storage info", &o, &c->err) == HPO_OK) {
        size_t n = json_object_object_get_ex(o, "studies", &m) && json_object_is_type(m, json_type_array)
                       ? json_object_array_length(m)
                       : 0;
        say(d, LEVEL_OK, "studies", "%zu in %s", n, cli_storage_url(c));
        if (json_object_object_get_ex(o, "sqlite", &m))
            say(d, LEVEL_OK, "sqlite", "version %s", json_object_get_string(m));
        json_object_put(o);
    }
    hpo_free(text);
    text = NULL;
    if (hpo_storage_verify(c->storage, &text, &c->err) == HPO_OK)
        say(d, LEVEL_OK, "content", "the storage is sound");
    else if (c->err.code != HPO_EUNSUPPORTED)
        say(d, LEVEL_FAIL, "content", "%s; see `hpo db verify`, and go back to a backup", c->err.msg);
    hpo_free(text);
}

static void check_storage(doctor *d)
{
    cli *c = d->c;
    char path[4096];
    const char *file = cli_storage_file(c, path, sizeof path);
    struct stat st;
    if (file) {
        check_disk(d, file);
        if (stat(file, &st) != 0) {
            say(d, LEVEL_OK, "storage", "%s is not there yet: `hpo run` and `hpo create` make it", file);
            return;
        }
        if (access(file, W_OK) != 0) {
            say(d, LEVEL_FAIL, "storage", "%s: %s; make it writable with chmod", file, strerror(errno));
            return;
        }
    }
    if (hpo_storage_open(cli_storage_url(c), &c->storage, &c->err) != HPO_OK) {
        say(d, LEVEL_FAIL, "storage", "%s", c->err.msg);
        return;
    }
    say(d, LEVEL_OK, "storage", "%s opens", cli_storage_url(c));
    check_content(d);
}

/* ---- the machine ------------------------------------------------------------------------------------- */

static void check_clock(doctor *d)
{
    int64_t now = hpo_os_unix_ms();
    char buf[32];
    if (now < INT64_C(1704067200000)) /* 2024 */
        say(d, LEVEL_FAIL, "clock", "the system's clock says %s: leases need the right time, set it",
            cli_time_text(now, buf));
    else
        say(d, LEVEL_OK, "clock", "%s", cli_time_text(now, buf));
}

static void check_limits(doctor *d)
{
    struct rlimit r;
    char buf[32];
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        if (r.rlim_cur != RLIM_INFINITY && r.rlim_cur < 256)
            say(d, LEVEL_WARN, "files",
                "only %" PRIu64 " open files: a trial needs six, raise it with `ulimit -n 1024`",
                (uint64_t)r.rlim_cur);
        else
            say(d, LEVEL_OK, "files", "%" PRIu64 " open files", (uint64_t)r.rlim_cur);
    }
#ifdef RLIMIT_AS
    if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
        say(d, LEVEL_WARN, "memory", "processes are limited to %s (ulimit -v): programs may fail to start",
            cli_size_text((double)r.rlim_cur, buf));
#endif
    if (getrlimit(RLIMIT_FSIZE, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
        say(d, LEVEL_WARN, "file size",
            "files are limited to %s (ulimit -f): the storage cannot grow beyond it",
            cli_size_text((double)r.rlim_cur, buf));
    say(d, LEVEL_OK, "cores", "%d", (int)hpo_os_cpu_count());
}

static void check_gpus(doctor *d)
{
    static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                        "ZE_AFFINITY_MASK"};
    char path[64];
    int n = 0;
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        const char *v = getenv(names[i]);
        if (v) say(d, LEVEL_OK, "gpu", "%s=%s", names[i], v);
    }
    for (int i = 0; i < 64; i++) { /* devices of the kernel drivers; nothing is loaded to find them */
        snprintf(path, sizeof path, "/dev/nvidia%d", i);
        n += access(path, F_OK) == 0;
    }
    if (n)
        say(d, LEVEL_OK, "gpu", "%d NVIDIA device%s: use --gpus-per-trial", n, hpo_plural(n));
    else if (access("/dev/kfd", F_OK) == 0)
        say(d, LEVEL_OK, "gpu", "AMD devices: use --gpus and --gpus-per-trial");
    else
        say(d, LEVEL_OK, "gpu", "none seen; fine unless the program needs one");
}

static void check_terminal(doctor *d)
{
    cli *c = d->c;
    if (!c->tty_out) {
        say(d, LEVEL_OK, "terminal", "standard output is no terminal: commands print machine formats");
        return;
    }
    if (!cli_is_utf8())
        say(d, LEVEL_WARN, "terminal", "the locale is not UTF-8: plots are drawn in ASCII; set LANG=C.UTF-8");
    else
        say(d, LEVEL_OK, "terminal", "%d columns, UTF-8, %s", c->width,
            c->colour_out ? "colours" : "no colours");
}

static int run_doctor(cli *c)
{
    doctor d = {.c = c};
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    say(&d, LEVEL_OK, "version", "hpo %s", hpo_version());
    check_storage(&d);
    check_clock(&d);
    check_limits(&d);
    check_gpus(&d);
    check_terminal(&d);
    if (d.fails) return cli_error("%d check%s failed", d.fails, hpo_plural(d.fails));
    return CLI_OK;
}

const cli_command cli_doctor = {
    .name = "doctor",
    .group = "Tools",
    .help = "check storage, disk, clock, limits, GPUs and terminal, with remedies",
    .usage = "[--storage URL] [--json]",
    .options = doctor_options,
    .n_options = CLI_COUNT(doctor_options),
    .run = run_doctor,
};
