/* Preloaded into a server, this makes its disk slow: each flush takes SLOW_DISK_MS longer. What is on the disk after each
 * is noted: the length of the file before the flush began, and its path, a line each in the file named by SLOW_DISK_NOTES.
 * What a server writes beyond that would be gone with the power of its machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int slowly(int file, long call) {
    struct stat before;
    char link[64], path[3072], line[4096];
    const char *wait_ms = getenv("SLOW_DISK_MS"), *notes = getenv("SLOW_DISK_NOTES");
    int known = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
    if (known && wait_ms)
        usleep((useconds_t)atoi(wait_ms) * 1000);
    int done = (int)syscall(call, file);
    if (done != 0 || !known || !notes)
        return done;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    int out = length > 0 ? open(notes, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (out >= 0) {
        path[length] = '\0';
        int size = snprintf(line, sizeof line, "%lld %s\n", (long long)before.st_size, path);
        if (write(out, line, (size_t)size) != size)
            abort();
        close(out);
    }
    return done;
}

int fsync(int file) { return slowly(file, SYS_fsync); }

int fdatasync(int file) { return slowly(file, SYS_fdatasync); }
