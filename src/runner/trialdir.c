/* SPDX-License-Identifier: Apache-2.0 */
/* runner/trialdir.c - see trialdir.h.  No fsync: the study's database is what must survive a power cut. */
#include "runner/trialdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/os.h"

/* Names that Windows keeps for devices, with any ending. */
static int is_reserved(const char *name)
{
    static const char *const words[] = {"con", "prn", "aux", "nul"};
    char stem[8];
    size_t n = 0;
    for (; name[n] && name[n] != '.' && n < sizeof stem - 1; n++)
        stem[n] = (char)tolower((unsigned char)name[n]);
    stem[n] = '\0';
    if (name[n] && name[n] != '.') return 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(stem, words[i])) return 1;
    return n == 4 && (!strncmp(stem, "com", 3) || !strncmp(stem, "lpt", 3)) &&
           isdigit((unsigned char)stem[3]);
}

void hpo_trialdir_name(hpo_str *s, const char *study)
{
    size_t start = s->len;
    size_t n = strlen(study);
    int changed = 0;
    if (is_reserved(study) || study[0] == '.' || study[0] == '-') {
        hpo_str_addc(s, '_');
        changed = 1;
    }
    for (size_t i = 0; i < n && s->len - start < 64; i++) {
        unsigned char c = (unsigned char)study[i];
        int good = c < 128 && (isalnum(c) || c == '_' || c == '-' || (c == '.' && i + 1 < n));
        hpo_str_addc(s, good ? (char)c : '_');
        changed |= !good;
    }
    if (changed || n > 64 || n == 0)
        hpo_str_addf(s, "-%08x", (unsigned)(hpo_hash_bytes(study, n, 0) & 0xFFFFFFFFu));
}

void hpo_trialdir_path(hpo_str *s, const char *dir, const char *study, int64_t number)
{
    hpo_str_add(s, dir);
    hpo_str_addc(s, '/');
    hpo_trialdir_name(s, study);
    hpo_str_addc(s, '/');
    hpo_str_int(s, number);
}

static hpo_status fail_errno(hpo_error *err, const char *path)
{
    return hpo_fail(err, HPO_EIO, "trial directory '%.350s': %s: choose another with --dir", path,
                    strerror(errno));
}

static void set_aside(const char *path, int32_t attempt)
{
    static const char *const names[] = {"stdout", "stderr", "metrics.jsonl", "result.json", "resources.json"};
    hpo_str from = {0};
    hpo_str to = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        hpo_str_clear(&from);
        hpo_str_clear(&to);
        hpo_str_addf(&from, "%s/%s", path, names[i]);
        hpo_str_addf(&to, "%s/%s.%d", path, names[i], (int)attempt);
        if (!from.failed && !to.failed) (void)rename(from.text, to.text);
    }
    hpo_str_fini(&from);
    hpo_str_fini(&to);
}

hpo_status hpo_trialdir_make(const char *path, int32_t attempt, hpo_error *err)
{
    hpo_str inner = {0};
    hpo_status rc = HPO_OK;
    int existed = 0;
    if (mkdir(path, 0777) != 0) {
        existed = errno == EEXIST;
        if (errno == ENOENT)
            rc = hpo_os_mkdirs(path, err);
        else if (!existed)
            rc = fail_errno(err, path);
    }
    if (rc != HPO_OK) goto done;
    hpo_str_addf(&inner, "%s/ckpt", path);
    if (inner.failed) {
        rc = hpo_fail_memory(err);
    } else if (mkdir(inner.text, 0777) != 0 && errno != EEXIST) {
        rc = fail_errno(err, inner.text);
    } else if (existed) {
        if (attempt > 1) set_aside(path, attempt - 1);
        hpo_str_clear(&inner);
        hpo_str_addf(&inner, "%s/stop", path);
        if (!inner.failed) (void)unlink(inner.text);
    }
done:
    hpo_str_fini(&inner);
    return rc;
}

hpo_status hpo_trialdir_write(const char *path, const char *name, const char *text, size_t n, hpo_error *err)
{
    hpo_str file = {0};
    hpo_status rc = HPO_OK;
    hpo_str_addf(&file, "%s/%s", path, name);
    if (file.failed) return hpo_fail_memory(err);
    int fd = open(file.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) rc = fail_errno(err, file.text);
    while (rc == HPO_OK && n) {
        ssize_t put = write(fd, text, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            rc = fail_errno(err, file.text);
        } else {
            text += put;
            n -= (size_t)put;
        }
    }
    if (fd >= 0 && close(fd) != 0 && rc == HPO_OK) rc = fail_errno(err, file.text);
    hpo_str_fini(&file);
    return rc;
}

int hpo_trialdir_has_checkpoint(const char *path)
{
    hpo_str inner = {0};
    int found = 0;
    hpo_str_addf(&inner, "%s/ckpt", path);
    DIR *d = inner.failed ? NULL : opendir(inner.text);
    struct dirent *e;
    while (d && !found && (e = readdir(d)) != NULL)
        found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d) (void)closedir(d);
    hpo_str_fini(&inner);
    return found;
}

/* ---- env ------------------------------------------------------------------------------------------- */

static int contains_word(const char *name, size_t n, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= n; i++) {
        size_t k = 0;
        while (k < len && toupper((unsigned char)name[i + k]) == word[k])
            k++;
        if (k == len) return 1;
    }
    return 0;
}

static int is_secret(const char *name, size_t n)
{
    static const char *const words[] = {"KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (contains_word(name, n, words[i])) return 1;
    return 0;
}

/* scheme://user:secret@host: the secret goes. */
static void add_value(hpo_str *s, const char *value)
{
    const char *start = strstr(value, "://");
    const char *at = start ? strchr(start + 3, '@') : NULL;
    const char *colon = at ? memchr(start + 3, ':', (size_t)(at - start - 3)) : NULL;
    if (colon) {
        hpo_str_addn(s, value, (size_t)(colon + 1 - value));
        hpo_str_add(s, "***");
        value = at;
    }
    for (const char *p = value; *p; p++) {
        if (*p == '\n')
            hpo_str_add(s, "\\n"); /* one entry a line */
        else
            hpo_str_addc(s, *p);
    }
}

void hpo_trialdir_env(hpo_str *s, const char *const *envp)
{
    for (size_t i = 0; envp[i]; i++) {
        size_t n = strcspn(envp[i], "=");
        hpo_str_addn(s, envp[i], n);
        if (!envp[i][n]) continue;
        hpo_str_addc(s, '=');
        if (is_secret(envp[i], n) && strncmp(envp[i], "HPO_PARAM_", 10) != 0)
            hpo_str_add(s, "***");
        else
            add_value(s, envp[i] + n + 1);
        hpo_str_addc(s, '\n');
    }
}

/* ---- logs ------------------------------------------------------------------------------------------- */

enum { TAIL_BYTES = 1 << 14 };

void hpo_trialdir_tail(hpo_str *s, const char *path, const char *name, int lines)
{
    char buf[TAIL_BYTES];
    struct stat st;
    hpo_str file = {0};
    hpo_str_addf(&file, "%s/%s", path, name);
    int fd = file.failed ? -1 : open(file.text, O_RDONLY | O_CLOEXEC);
    hpo_str_fini(&file);
    if (fd < 0) return;
    off_t start = fstat(fd, &st) == 0 && st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
    ssize_t n = pread(fd, buf, sizeof buf, start);
    (void)close(fd);
    if (n <= 0) return;
    while (n && buf[n - 1] == '\n')
        n--;
    ssize_t from = n;
    while (from > 0 && (buf[from - 1] != '\n' || --lines > 0))
        from--;
    for (ssize_t i = from; i < n; i++) {
        unsigned char c = (unsigned char)buf[i];
        hpo_str_addc(s, c == '\n' || c == '\t' || (c >= 32 && c != 127) ? (char)c : '?');
    }
    if (n > from) hpo_str_addc(s, '\n');
}
