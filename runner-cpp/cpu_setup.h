// Threads, the CPUs that they may run on, and what the CPU can do.

#ifndef POSEMARK_CPU_SETUP_H
#define POSEMARK_CPU_SETUP_H

#include "options.h"

// Applies --threads and --powersave or --core-mask to this thread and OpenMP's.
// Returns 0, or -1 with the reason in error; a mask that the system narrowed is an error.
int setup_threads(const Options& options, std::string& error);

// Names of the CPU features that ncnn found at run time.
std::vector<std::string> cpu_features();

// ABI of this binary by Android's names where there is one.
const char* abi_name();

#endif // POSEMARK_CPU_SETUP_H
