/* Faults of the machine for one process, by LD_PRELOAD: a wrong clock, slow syncs, refused writes.
 *
 * REDSHANK_CHAOS_CONTROL names a file of one page that holds a `struct control`; the benchmark
 * changes it while the process runs. REDSHANK_CHAOS_DIRECTORY names the directory whose files the
 * write faults apply to: sockets, logs and the rest of the machine are not touched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t clock_ns;    /* added to the real-time clock */
    volatile int32_t sync_ms;     /* fsync and fdatasync take this much longer */
    volatile int32_t write_errno; /* writes and changes fail with this error; 0: they work */
};

static struct control none;
static struct control *control = &none;
static char directory[PATH_MAX];
static size_t directory_length;

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("REDSHANK_CHAOS_CONTROL");
    const char *data = getenv("REDSHANK_CHAOS_DIRECTORY");
    if (!path || !data) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) return;
    snprintf(directory, sizeof directory, "%s", data);
    directory_length = strlen(directory);
    control = page;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int inside(const char *path) {
    return directory_length && !strncmp(path, directory, directory_length);
}

static int refused_path(const char *path) {
    if (!control->write_errno || !path) return 0;
    char resolved[PATH_MAX];
    if (path[0] != '/') {
        if (!getcwd(resolved, sizeof resolved)) return 0;
        size_t length = strlen(resolved);
        snprintf(resolved + length, sizeof resolved - length, "/%s", path);
        path = resolved;
    }
    if (!inside(path)) return 0;
    errno = control->write_errno;
    return 1;
}

static int refused_fd(int fd) {
    if (!control->write_errno) return 0;
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) return 0;
    target[length] = 0;
    if (!inside(target)) return 0;
    errno = control->write_errno;
    return 1;
}

/* The clock */

int clock_gettime(clockid_t id, struct timespec *at) {
    REAL(clock_gettime);
    int done = real(id, at);
    int64_t shift = control->clock_ns;
    if (!done && shift && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ns = at->tv_sec * 1000000000LL + at->tv_nsec + shift;
        at->tv_sec = ns / 1000000000LL;
        at->tv_nsec = ns % 1000000000LL;
    }
    return done;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int done = clock_gettime(CLOCK_REALTIME, &now);
    if (!done) *at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return done;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* The disk */

static void slow(int fd) {
    int32_t ms = control->sync_ms;
    (void)fd;
    if (ms) {
        struct timespec wait = {ms / 1000, (ms % 1000) * 1000000L};
        nanosleep(&wait, NULL);
    }
}

#define SYNC(name) \
    int name(int fd) { \
        REAL(name); \
        if (refused_fd(fd)) return -1; \
        slow(fd); \
        return real(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define WRITE(name, offset) \
    ssize_t name(int fd, const void *from, size_t size, offset at) { \
        REAL(name); \
        return refused_fd(fd) ? -1 : real(fd, from, size, at); \
    }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *from, size_t size) {
    REAL(write);
    return refused_fd(fd) ? -1 : real(fd, from, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    return refused_fd(fd) ? -1 : real(fd, parts, count);
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return refused_fd(fd) ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return refused_fd(fd) ? -1 : real(fd, size);
}

int unlink(const char *path) {
    REAL(unlink);
    return refused_path(path) ? -1 : real(path);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    return refused_path(to) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return refused_path(path) ? -1 : real(path, mode);
}

#define CHANGES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        if (CHANGES(flags) && refused_path(path)) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        if (CHANGES(flags) && path[0] == '/' && refused_path(path)) return -1; \
        return real(at, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)
