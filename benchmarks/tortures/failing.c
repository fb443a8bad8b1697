/* Preloaded into every process of a study: counts the system calls that change the study's folder,
   and kills the process, or has the call fail, at one of them.

   FAILING_FOLDER   only files below it count
   FAILING_STATE    a file of three 64-bit numbers, shared by all processes: calls so far, the call
                    at which it happens, and what (0 nothing, 1 kill before, 2 kill after, else the
                    number of the error that the call fails with)

   Each call counts once, whatever process makes it; the fault happens once. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEFORE = 1, AFTER = 2 };
struct state { uint64_t count, at, action; };

static struct state *state;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAILING_STATE");
    folder = getenv("FAILING_FOLDER");
    if (!path || !folder) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) state = found;
}

static void die(void) { kill(getpid(), SIGKILL); pause(); }

static int inside(const char *path) {
    if (!state || !path) return 0;
    char whole[PATH_MAX];
    if (path[0] != '/') {
        if (!getcwd(whole, sizeof whole)) return 0;
        path = whole;  /* relative paths are rare: the folder decides */
    }
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int of(int fd) {
    if (!state) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return inside(path);
}

/* What happens at this call: 0 nothing, AFTER to die after it, else -1 with errno set. */
static int hit(int counts) {
    if (!counts) return 0;
    uint64_t n = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
    if (n != state->at || !state->action) return 0;
    if (state->action == BEFORE) die();
    if (state->action == AFTER) return AFTER;
    errno = (int) state->action;
    return -1;
}

#define CALL(name, type, arguments, given, counts)                         \
    type name arguments {                                                  \
        static type (*real) arguments;                                     \
        if (!real) real = (type (*) arguments) dlsym(RTLD_NEXT, #name);    \
        int what = hit(counts);                                            \
        if (what < 0) return -1;                                           \
        type result = real given;                                          \
        if (what == AFTER) die();                                          \
        return result;                                                     \
    }

CALL(write, ssize_t, (int fd, const void *data, size_t n), (fd, data, n), of(fd))
CALL(pwrite, ssize_t, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), of(fd))
CALL(pwrite64, ssize_t, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at), of(fd))
CALL(fsync, int, (int fd), (fd), of(fd))
CALL(fdatasync, int, (int fd), (fd), of(fd))
CALL(ftruncate, int, (int fd, off_t n), (fd, n), of(fd))
CALL(ftruncate64, int, (int fd, off64_t n), (fd, n), of(fd))
CALL(rename, int, (const char *from, const char *to), (from, to), inside(to))
CALL(unlink, int, (const char *path), (path), inside(path))
CALL(mkdir, int, (const char *path, mode_t mode), (path, mode), inside(path))

#define OPEN(name)                                                         \
    int name(const char *path, int flags, ...) {                           \
        static int (*real)(const char *, int, ...);                        \
        if (!real) real = (int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, #name); \
        va_list more;                                                      \
        va_start(more, flags);                                             \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;          \
        va_end(more);                                                      \
        int what = hit((flags & (O_CREAT | O_TRUNC)) && inside(path));     \
        if (what < 0) return -1;                                           \
        int result = real(path, flags, mode);                              \
        if (what == AFTER) die();                                          \
        return result;                                                     \
    }

OPEN(open)
OPEN(open64)
