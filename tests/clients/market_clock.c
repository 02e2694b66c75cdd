/* Preloaded into a process, this makes its wall clock the market's: MARKET_CLOCK holds three numbers, the market time and
 * the wall time at which it began, in nanoseconds, and how many times as fast it runs. Sleeps are as much shorter.
 * Steady clocks are left alone, and with them the timeouts of connections.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND_NS = 1000000000;
static int64_t market_ns, wall_ns;
static double speed = 1.0;
static int is_set;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("MARKET_CLOCK");
    long long market, wall;
    if (text && sscanf(text, "%lld %lld %lf", &market, &wall, &speed) == 3) {
        market_ns = market;
        wall_ns = wall;
        is_set = 1;
    }
}

static int64_t real_ns(clockid_t clock) {
    struct timespec found;
    syscall(SYS_clock_gettime, clock, &found);
    return (int64_t)found.tv_sec * SECOND_NS + found.tv_nsec;
}

static int64_t now_ns(void) {
    int64_t real = real_ns(CLOCK_REALTIME);
    return is_set ? market_ns + (int64_t)((double)(real - wall_ns) * speed) : real;
}

int clock_gettime(clockid_t clock, struct timespec *into) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, into);
    int64_t now = now_ns();
    into->tv_sec = now / SECOND_NS;
    into->tv_nsec = now % SECOND_NS;
    return 0;
}

int gettimeofday(struct timeval *into, void *zone) {
    (void)zone;
    int64_t now = now_ns();
    into->tv_sec = now / SECOND_NS;
    into->tv_usec = now % SECOND_NS / 1000;
    return 0;
}

time_t time(time_t *into) {
    time_t now = now_ns() / SECOND_NS;
    if (into)
        *into = now;
    return now;
}

/* As Python sleeps: until a time of the steady clock, or for so long. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *asked, struct timespec *left) {
    int64_t wanted = (int64_t)asked->tv_sec * SECOND_NS + asked->tv_nsec;
    if (flags & TIMER_ABSTIME)
        wanted -= clock == CLOCK_REALTIME ? now_ns() : real_ns(clock);
    wanted = wanted > 0 ? (int64_t)((double)wanted / speed) : 0;
    struct timespec shorter = {wanted / SECOND_NS, wanted % SECOND_NS};
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &shorter, left) ? errno : 0;
}
