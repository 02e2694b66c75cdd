/* Preloaded into a process, this makes its wall clock one that can be set: it is ahead by as many nanoseconds as the
 * file named by SETTABLE_CLOCK says, 8 bytes, which may change at any time. Steady clocks are left alone. A process
 * whose command line names SETTABLE_CLOCK_EXCEPT keeps the true time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND_NS = 1000000000;
static volatile const int64_t *ahead_ns;

static int is_excepted(void) {
    const char *name = getenv("SETTABLE_CLOCK_EXCEPT");
    char line[4096];
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, line, sizeof line);
    if (file >= 0)
        close(file);
    return name && *name && length > 0 && memmem(line, (size_t)length, name, strlen(name)) != NULL;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SETTABLE_CLOCK");
    int file = path && !is_excepted() ? open(path, O_RDONLY) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED)
        ahead_ns = page;
}

static int64_t now_ns(clockid_t clock, int *failed) {
    struct timespec found;
    *failed = (int)syscall(SYS_clock_gettime, clock, &found);
    return (int64_t)found.tv_sec * SECOND_NS + found.tv_nsec + (ahead_ns ? *ahead_ns : 0);
}

int clock_gettime(clockid_t clock, struct timespec *into) {
    if (!ahead_ns || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return (int)syscall(SYS_clock_gettime, clock, into);
    int failed;
    int64_t now = now_ns(clock, &failed);
    into->tv_sec = now / SECOND_NS;
    into->tv_nsec = now % SECOND_NS;
    return failed;
}

int gettimeofday(struct timeval *into, void *zone) {
    (void)zone;
    int failed;
    int64_t now = now_ns(CLOCK_REALTIME, &failed);
    into->tv_sec = now / SECOND_NS;
    into->tv_usec = now % SECOND_NS / 1000;
    return failed;
}

time_t time(time_t *into) {
    int failed;
    time_t now = now_ns(CLOCK_REALTIME, &failed) / SECOND_NS;
    if (into)
        *into = now;
    return now;
}
