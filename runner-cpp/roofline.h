// The command "roofline": what this CPU can do at best with the given threads, by two
// micro-benchmarks.
//
//   arithmetic   independent fused multiply-adds in registers, fp32, and fp16 where the CPU has it:
//   GFLOP/s (an FMA counts 2)
//   memory       a[i] = b[i] + s * c[i] over arrays far larger than the caches: GB/s (two reads and
//   one write)
//
// A layer can't be faster than min(GFLOP/s, GB/s * FLOP per byte): Williams, Waterman, Patterson,
// "Roofline: an insightful visual performance model", CACM 52(4), 2009. The triad is STREAM's (J.
// McCalpin).

#ifndef POSEMARK_ROOFLINE_H
#define POSEMARK_ROOFLINE_H

#include "options.h"

// Prints the header and one line of kind "roofline". Returns 0, or -1 with the reason in error.
int roofline_command(const Options& options, std::string& error);

#endif // POSEMARK_ROOFLINE_H
