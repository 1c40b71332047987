/* Kills the process that it is preloaded into with SIGKILL at a named point of its work on files.
 *
 *   KILL_AT=fsync:before:1:recordings/   before the first fsync of a file whose path has this in it
 *   KILL_ARMED=/some/path                counted only once this file is there
 *
 * Operations: write (also at a place), fsync (also fdatasync), rename. `after` is when it has succeeded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char operation[16], moment[16], part[256];
static int left;

__attribute__((constructor)) static void read_order(void) {
    const char *order = getenv("KILL_AT");
    if (!order || sscanf(order, "%15[^:]:%15[^:]:%d:%255s", operation, moment, &left, part) != 4) left = 0;
}

static void point(const char *what, const char *when, const char *path) {
    const char *armed = getenv("KILL_ARMED");
    if (!left || strcmp(what, operation) || strcmp(when, moment) || !strstr(path, part)) return;
    if (armed && access(armed, F_OK)) return;
    if (__atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST) == 0) kill(getpid(), SIGKILL);
}

static void point_of(const char *what, const char *when, int file) {
    char link[64], path[PATH_MAX];
    if (!left || strcmp(what, operation)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    point(what, when, path);
}

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))
#define AROUND(what, file, call)                                                                                       \
    point_of(what, "before", file);                                                                                    \
    __typeof__(call) done = call;                                                                                      \
    if (done >= 0) point_of(what, "after", file);                                                                      \
    return done

ssize_t write(int file, const void *octets, size_t length) {
    AROUND("write", file, NEXT("write", ssize_t(*)(int, const void *, size_t))(file, octets, length));
}

ssize_t pwrite(int file, const void *octets, size_t length, off_t at) {
    AROUND("write", file, NEXT("pwrite", ssize_t(*)(int, const void *, size_t, off_t))(file, octets, length, at));
}

ssize_t pwrite64(int file, const void *octets, size_t length, off64_t at) {
    AROUND("write", file, NEXT("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(file, octets, length, at));
}

int fsync(int file) { AROUND("fsync", file, NEXT("fsync", int (*)(int))(file)); }

int fdatasync(int file) { AROUND("fsync", file, NEXT("fdatasync", int (*)(int))(file)); }

int rename(const char *from, const char *to) {
    point("rename", "before", from);
    int done = NEXT("rename", int (*)(const char *, const char *))(from, to);
    if (done >= 0) point("rename", "after", to);
    return done;
}
