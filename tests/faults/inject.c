/* Makes one call of one kind fail, for tests of what the program does then: a full disk, a disk that breaks, a
 * pipe whose reader is gone, memory that runs out. Linux with glibc, 64 bit; loaded with LD_PRELOAD.
 * tests/common/inject.rs builds it, sets its variables and reads its counts.
 *
 *   ICDBENCH_INJECT_KIND     which calls: the names in KINDS below
 *   ICDBENCH_INJECT_AT       which of them, counted from 1 in each process: "3" the third, "3+" from the third
 *                            on, "0" none (only count)
 *   ICDBENCH_INJECT_ERRNO    how it fails: a number of errno.h; short-write does not look at it. "-1": the process is
 *                            killed in place of the call; "-2": its parent is too, before it
 *   ICDBENCH_INJECT_PATH     only calls on a path that contains this (not for stdout, stderr, allocate)
 *   ICDBENCH_INJECT_BYTES    allocate: only sizes from this on
 *   ICDBENCH_INJECT_PROCESS  only in processes whose command line contains this
 *   ICDBENCH_INJECT_CLOCK    seconds by which the time of day is ahead, in every process
 *   ICDBENCH_INJECT_COUNT    a file that gets the line "failed N" for each call that failed, its number N, and
 *                            at the process's exit the line "calls N"
 *
 * Everything here goes to the kernel past the C library's own wrappers: those are what is being replaced. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    NONE, WRITE, PWRITE, SHORT_WRITE, STDOUT, STDERR, READ, OPEN_WRITE, OPEN_READ, CLOSE, SYNC, TRUNCATE, TOUCH,
    RENAME, LINK, REMOVE, MKDIR, LOCK, ALLOCATE, CHANGE /* whatever changes a file or a name */
};

static const char *const KINDS[] = {
    "", "write", "pwrite", "short-write", "stdout", "stderr", "read", "open-write", "open-read", "close", "sync",
    "truncate", "touch", "rename", "link", "remove", "mkdir", "lock", "allocate", "change"
};

static enum kind chosen = NONE; /* NONE until the variables are read, and in processes that are not meant */
static unsigned long first, last;
static int failure;
static size_t least;
static const char *part, *count;
static atomic_ulong calls;
static long ahead;

static void append(const char *word, unsigned long number) {
    if (!count) return;
    char line[64];
    int length = snprintf(line, sizeof line, "%s %lu\n", word, number);
    int kept = errno;
    int file = syscall(SYS_openat, AT_FDCWD, count, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0) {
        syscall(SYS_write, file, line, length);
        syscall(SYS_close, file);
    }
    errno = kept;
}

static int command_line_has(const char *words) {
    char line[65536];
    int file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) return 0;
    long length = syscall(SYS_read, file, line, sizeof line - 1);
    syscall(SYS_close, file);
    if (length < 0) return 0;
    for (long i = 0; i < length; i++)
        if (!line[i]) line[i] = ' ';
    line[length] = 0;
    return strstr(line, words) != NULL;
}

__attribute__((constructor)) static void begin(void) {
    const char *kind = getenv("ICDBENCH_INJECT_KIND"), *at = getenv("ICDBENCH_INJECT_AT");
    const char *error = getenv("ICDBENCH_INJECT_ERRNO"), *bytes = getenv("ICDBENCH_INJECT_BYTES");
    const char *process = getenv("ICDBENCH_INJECT_PROCESS"), *clock = getenv("ICDBENCH_INJECT_CLOCK");
    if (clock) ahead = atol(clock);
    if (!kind || (process && !command_line_has(process))) return;
    char *end = "";
    first = last = at ? strtoul(at, &end, 10) : 0;
    if (*end == '+') last = ULONG_MAX;
    failure = error ? atoi(error) : EIO;
    least = bytes ? strtoul(bytes, NULL, 10) : 1;
    part = getenv("ICDBENCH_INJECT_PATH");
    count = getenv("ICDBENCH_INJECT_COUNT");
    for (int i = 1; i < (int)(sizeof KINDS / sizeof *KINDS); i++)
        if (!strcmp(kind, KINDS[i])) chosen = i;
    if (chosen == NONE) {
        dprintf(2, "inject: no kind \"%s\"\n", kind);
        _exit(99);
    }
}

__attribute__((destructor)) static void end(void) {
    if (chosen != NONE) append("calls", calls);
}

/* Counts a call of the chosen kind; whether it is one that fails. */
static int due(void) {
    unsigned long number = ++calls;
    if (!first || number < first || number > last) return 0;
    append("failed", number);
    if (failure == -2) kill(getppid(), SIGKILL);
    if (failure < 0) kill(getpid(), SIGKILL);
    errno = failure;
    return 1;
}

/* Monotonic clocks go on as they do. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    int answer = syscall(SYS_clock_gettime, clock, time);
    if (!answer && clock == CLOCK_REALTIME) time->tv_sec += ahead;
    return answer;
}

/* Whether calls of this kind are meant. */
static int meant(enum kind kind) {
    switch (kind) {
    case WRITE: case PWRITE: case OPEN_WRITE: case SYNC: case TRUNCATE: case RENAME: case LINK: case REMOVE: case MKDIR:
        return chosen == kind || chosen == CHANGE;
    default:
        return chosen == kind;
    }
}

/* The path of an open file in `path`, or nothing. */
static void path_of(int file, char *path, size_t size) {
    char link[64];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
    errno = kept;
}

static int file_fails(enum kind kind, int file) {
    if (!meant(kind)) return 0;
    if (part) {
        char path[PATH_MAX];
        path_of(file, path, sizeof path);
        if (!strstr(path, part)) return 0;
    }
    return due();
}

static int has_part(int directory, const char *name) {
    char path[2 * PATH_MAX] = "";
    if (!part) return 1;
    if (name[0] != '/') {
        if (directory != AT_FDCWD) path_of(directory, path, PATH_MAX);
        else if (syscall(SYS_getcwd, path, PATH_MAX) < 0) path[0] = 0;
        strcat(path, "/");
    }
    strncat(path, name, PATH_MAX - 1);
    return strstr(path, part) != NULL;
}

static int path_fails(enum kind kind, int directory, const char *name) {
    return meant(kind) && has_part(directory, name) && due();
}

static int paths_fail(enum kind kind, int from_directory, const char *from, int to_directory, const char *to) {
    return meant(kind) && (has_part(from_directory, from) || has_part(to_directory, to)) && due();
}

/* Writing */

static int output_fails(int file) {
    if (file == 1) return chosen == STDOUT && due();
    if (file == 2) return chosen == STDERR && due();
    return file_fails(WRITE, file);
}

ssize_t write(int file, const void *bytes, size_t size) {
    if (output_fails(file)) return -1;
    if (file > 2 && size > 1 && file_fails(SHORT_WRITE, file)) size /= 2;
    return syscall(SYS_write, file, bytes, size);
}

ssize_t writev(int file, const struct iovec *parts, int number) {
    if (output_fails(file)) return -1;
    if (file > 2 && number > 0 && parts[0].iov_len > 1 && file_fails(SHORT_WRITE, file))
        return syscall(SYS_write, file, parts[0].iov_base, parts[0].iov_len / 2);
    return syscall(SYS_writev, file, parts, number);
}

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags) {
    if (output_fails(out)) return -1;
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, size, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    if (output_fails(out)) return -1;
    return syscall(SYS_sendfile, out, in, at, size);
}
ssize_t sendfile64(int out, int in, off_t *at, size_t size) { return sendfile(out, in, at, size); }

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    if (file_fails(PWRITE, file)) return -1;
    return syscall(SYS_pwrite64, file, bytes, size, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off_t at) { return pwrite(file, bytes, size, at); }

int ftruncate(int file, off_t size) {
    return file_fails(TRUNCATE, file) ? -1 : syscall(SYS_ftruncate, file, size);
}
int ftruncate64(int file, off_t size) { return ftruncate(file, size); }

int fsync(int file) { return file_fails(SYNC, file) ? -1 : syscall(SYS_fsync, file); }
int fdatasync(int file) { return file_fails(SYNC, file) ? -1 : syscall(SYS_fdatasync, file); }

/* The file is closed all the same, as Linux does. */
int close(int file) {
    int fails = file_fails(CLOSE, file), kept = errno;
    int closed = syscall(SYS_close, file);
    if (!fails) return closed;
    errno = kept;
    return -1;
}

int futimens(int file, const struct timespec times[2]) {
    return file_fails(TOUCH, file) ? -1 : syscall(SYS_utimensat, file, NULL, times, 0);
}

int utimensat(int directory, const char *name, const struct timespec times[2], int flags) {
    if (path_fails(TOUCH, directory, name)) return -1;
    return syscall(SYS_utimensat, directory, name, times, flags);
}

/* Reading */

ssize_t read(int file, void *bytes, size_t size) {
    return file_fails(READ, file) ? -1 : syscall(SYS_read, file, bytes, size);
}

ssize_t readv(int file, const struct iovec *parts, int number) {
    return file_fails(READ, file) ? -1 : syscall(SYS_readv, file, parts, number);
}

ssize_t pread(int file, void *bytes, size_t size, off_t at) {
    return file_fails(READ, file) ? -1 : syscall(SYS_pread64, file, bytes, size, at);
}
ssize_t pread64(int file, void *bytes, size_t size, off_t at) { return pread(file, bytes, size, at); }

/* Opening */

static int open_at(int directory, const char *name, int flags, mode_t mode) {
    int writes = flags & (O_WRONLY | O_RDWR | O_CREAT);
    if (path_fails(writes ? OPEN_WRITE : OPEN_READ, directory, name)) return -1;
    return syscall(SYS_openat, directory, name, flags, mode);
}

#define MODE(mode, flags)                                                                                            \
    mode_t mode = 0;                                                                                                 \
    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                                                            \
        va_list more;                                                                                                \
        va_start(more, flags);                                                                                       \
        mode = va_arg(more, mode_t);                                                                                 \
        va_end(more);                                                                                                \
    }

int open(const char *name, int flags, ...) { MODE(mode, flags) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(mode, flags) return open_at(AT_FDCWD, name, flags, mode); }
int openat(int directory, const char *name, int flags, ...) {
    MODE(mode, flags) return open_at(directory, name, flags, mode);
}
int openat64(int directory, const char *name, int flags, ...) {
    MODE(mode, flags) return open_at(directory, name, flags, mode);
}

DIR *opendir(const char *name) {
    if (path_fails(OPEN_READ, AT_FDCWD, name)) return NULL;
    static DIR *(*real)(const char *);
    if (!real) real = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    return real(name);
}

/* Names */

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    if (paths_fail(RENAME, from_directory, from, to_directory, to)) return -1;
    return syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    if (paths_fail(LINK, from_directory, from, to_directory, to)) return -1;
    return syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *name, int flags) {
    return path_fails(REMOVE, directory, name) ? -1 : syscall(SYS_unlinkat, directory, name, flags);
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int directory, const char *name, mode_t mode) {
    return path_fails(MKDIR, directory, name) ? -1 : syscall(SYS_mkdirat, directory, name, mode);
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

/* The system's file locks */

int flock(int file, int operation) { return file_fails(LOCK, file) ? -1 : syscall(SYS_flock, file, operation); }

static int control(int file, int command, void *argument) {
    int locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    if (locks && file_fails(LOCK, file)) return -1;
    return syscall(SYS_fcntl, file, command, argument);
}

#define CONTROL(name)                                                                                                \
    int name(int file, int command, ...) {                                                                           \
        va_list more;                                                                                                \
        va_start(more, command);                                                                                     \
        void *argument = va_arg(more, void *);                                                                       \
        va_end(more);                                                                                                \
        return control(file, command, argument);                                                                     \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

/* Memory */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int memory_fails(size_t size) { return chosen == ALLOCATE && size >= least && due(); }

void *malloc(size_t size) { return memory_fails(size) ? NULL : __libc_malloc(size); }
void *realloc(void *before, size_t size) { return memory_fails(size) ? NULL : __libc_realloc(before, size); }
void *memalign(size_t alignment, size_t size) {
    return memory_fails(size) ? NULL : __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

void *calloc(size_t number, size_t size) {
    size_t whole;
    if (!__builtin_mul_overflow(number, size, &whole) && memory_fails(whole)) return NULL;
    return __libc_calloc(number, size);
}

int posix_memalign(void **place, size_t alignment, size_t size) {
    int kept = errno;
    void *found = memalign(alignment, size);
    errno = kept;
    if (!found) return ENOMEM;
    *place = found;
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t at) {
    if (memory_fails(size)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, at);
}
void *mmap64(void *address, size_t size, int protection, int flags, int file, off_t at) {
    return mmap(address, size, protection, flags, file, at);
}
