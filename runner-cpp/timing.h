// Clock and resident memory.

#ifndef POSEMARK_TIMING_H
#define POSEMARK_TIMING_H

#include <stdint.h>

// Nanoseconds of a monotonic clock, for differences only.
int64_t now_ns();

// Spins until the clock has advanced by duration_ns.
void busy_wait_ns(int64_t duration_ns);

// Largest resident set of this process so far, in bytes; -1 when the system does not tell.
int64_t peak_rss_bytes();

// Resident set of this process now, in bytes; -1 when the system does not tell.
int64_t rss_bytes();

#endif // POSEMARK_TIMING_H
