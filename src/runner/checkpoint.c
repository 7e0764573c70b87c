/* SPDX-License-Identifier: Apache-2.0 */
/* runner/checkpoint.c - see checkpoint.h.
 *
 * A file is cloned where the file system shares blocks (FICLONE: btrfs, XFS, bcachefs), else its bytes are
 * copied.  Not hard-linked: a program that goes on may write into its checkpoint in place, and would change
 * the copy with it. Links are copied as links; sockets, pipes and devices are left out. */
#include "runner/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

enum { MAX_DEPTH = 64, COPY_SIZE = 1 << 18 };

static hpo_status fail_errno(hpo_error *err, const char *doing, const char *path)
{
    return hpo_fail(err, errno == ENOENT ? HPO_ENOTFOUND : HPO_EIO, "cannot %s '%.300s': %s", doing, path,
                    strerror(errno));
}

/* What is done with each entry of a folder. */
typedef hpo_status (*visit_fn)(void *ctx, const char *path, const char *other, const struct stat *st,
                               int depth, hpo_error *err);

/* Calls visit for path/NAME and other/NAME (other may be NULL). */
static hpo_status each_entry(const char *path, const char *other, int depth, visit_fn visit, void *ctx,
                             hpo_error *err)
{
    hpo_str a = {0};
    hpo_str b = {0};
    struct dirent *e;
    hpo_status rc = HPO_OK;
    if (depth > MAX_DEPTH)
        return hpo_fail(err, HPO_EIO, "'%.300s' is nested too deep for a checkpoint", path);
    DIR *d = opendir(path);
    if (!d) return fail_errno(err, "read", path);
    while (rc == HPO_OK && (e = readdir(d)) != NULL) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        hpo_str_clear(&a);
        hpo_str_clear(&b);
        hpo_str_addf(&a, "%s/%s", path, e->d_name);
        hpo_str_addf(&b, "%s/%s", other ? other : "", e->d_name);
        if (a.failed || b.failed)
            rc = hpo_fail_memory(err);
        else if (lstat(a.text, &st) == 0)
            rc = visit(ctx, a.text, other ? b.text : NULL, &st, depth + 1, err);
        else if (errno != ENOENT)
            rc = fail_errno(err, "look at", a.text);
    }
    (void)closedir(d);
    hpo_str_fini(&a);
    hpo_str_fini(&b);
    return rc;
}

/* ---- copy ---------------------------------------------------------------------------------------------- */

static int same_blocks(int to, int from)
{
#if defined(__linux__) && defined(FICLONE)
    return ioctl(to, FICLONE, from) == 0;
#else
    (void)to, (void)from;
    return 0;
#endif
}

static int copy_bytes(int to, int from, char *buf)
{
    for (;;) {
        ssize_t n = read(from, buf, COPY_SIZE);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t put = write(to, buf + done, (size_t)(n - done));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return 0;
            done += put;
        }
    }
}

static hpo_status copy_file(const char *from, const char *to, mode_t mode, char *buf, hpo_error *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0) return fail_errno(err, "read", from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    hpo_status rc = out < 0 ? fail_errno(err, "write", to) : HPO_OK;
    if (rc == HPO_OK && !same_blocks(out, in) && !copy_bytes(out, in, buf))
        rc = fail_errno(err, "copy", from);
    (void)close(in);
    if (out >= 0 && close(out) != 0 && rc == HPO_OK) rc = fail_errno(err, "write", to);
    return rc;
}

static hpo_status copy_link(const char *from, const char *to, hpo_error *err)
{
    char target[4096];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n < 0) return fail_errno(err, "read", from);
    target[n] = '\0';
    return symlink(target, to) == 0 ? HPO_OK : fail_errno(err, "write", to);
}

static hpo_status copy_entry(void *ctx, const char *from, const char *to, const struct stat *st, int depth,
                             hpo_error *err)
{
    if (S_ISREG(st->st_mode)) return copy_file(from, to, st->st_mode, ctx, err);
    if (S_ISLNK(st->st_mode)) return copy_link(from, to, err);
    if (!S_ISDIR(st->st_mode)) return HPO_OK;
    if (mkdir(to, (st->st_mode & 0777) | 0700) != 0) return fail_errno(err, "make", to);
    return each_entry(from, to, depth, copy_entry, ctx, err);
}

hpo_status hpo_checkpoint_copy(const char *from, const char *to, hpo_error *err)
{
    hpo_str temporary = {0};
    hpo_error ignored;
    char *buf = hpo_alloc(COPY_SIZE);
    hpo_str_addf(&temporary, "%s.tmp", to);
    hpo_status rc = temporary.failed || !buf ? hpo_fail_memory(err) : HPO_OK;
    if (rc == HPO_OK) rc = hpo_checkpoint_remove(temporary.text, err); /* of a process that was killed */
    if (rc == HPO_OK && mkdir(temporary.text, 0777) != 0) rc = fail_errno(err, "make", temporary.text);
    if (rc == HPO_OK) rc = each_entry(from, temporary.text, 0, copy_entry, buf, err);
    if (rc == HPO_OK) rc = hpo_checkpoint_remove(to, err);
    if (rc == HPO_OK && rename(temporary.text, to) != 0) rc = fail_errno(err, "rename", temporary.text);
    if (rc != HPO_OK && !temporary.failed && hpo_checkpoint_remove(temporary.text, &ignored) != HPO_OK)
        ignored.code = 0; /* the first trouble is the one to tell */
    hpo_str_fini(&temporary);
    hpo_free(buf);
    return rc;
}

/* ---- remove, measure --------------------------------------------------------------------------------------
 */

static hpo_status remove_entry(void *ctx, const char *path, const char *other, const struct stat *st,
                               int depth, hpo_error *err)
{
    (void)other;
    if (S_ISDIR(st->st_mode)) {
        HPO_TRY(each_entry(path, NULL, depth, remove_entry, ctx, err));
        return rmdir(path) == 0 || errno == ENOENT ? HPO_OK : fail_errno(err, "remove", path);
    }
    return unlink(path) == 0 || errno == ENOENT ? HPO_OK : fail_errno(err, "remove", path);
}

hpo_status hpo_checkpoint_remove(const char *path, hpo_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0) return errno == ENOENT ? HPO_OK : fail_errno(err, "look at", path);
    return remove_entry(NULL, path, NULL, &st, 0, err);
}

static hpo_status add_bytes(void *ctx, const char *path, const char *other, const struct stat *st, int depth,
                            hpo_error *err)
{
    int64_t *sum = ctx;
    (void)other;
    if (S_ISREG(st->st_mode)) *sum += (int64_t)st->st_size;
    return S_ISDIR(st->st_mode) ? each_entry(path, NULL, depth, add_bytes, ctx, err) : HPO_OK;
}

int64_t hpo_checkpoint_bytes(const char *path)
{
    int64_t sum = 0;
    hpo_error ignored; /* what vanishes meanwhile takes no room */
    if (each_entry(path, NULL, 0, add_bytes, &sum, &ignored) != HPO_OK) ignored.code = 0;
    return sum;
}
