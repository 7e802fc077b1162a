// Threads, the CPUs that they may run on, and what the CPU can do.

#ifndef POSEMARK_CPU_SETUP_H
#define POSEMARK_CPU_SETUP_H

#include "cpu_list.h"
#include "options.h"

// What the system says of its CPUs; empty where it does not say.
struct SystemCpus
{
    // ascending
    std::vector<int> online;
    // highest frequency of each online one, kHz; 0 where it is unknown
    std::vector<int> max_khz;
    // present, and switched off
    std::vector<int> offline;
};

SystemCpus read_system_cpus();

// The online CPUs that ncnn's powersave mode means: 0 all, 1 little, 2 big. Big ones have at least
// the middle of the lowest and the highest frequency that is known.
std::vector<int> cpus_of_powersave(int powersave, const SystemCpus& system);

// CPUs on which the scheduler lets this thread run now; empty where it does not tell.
std::vector<int> allowed_cpus();

// Applies --threads and --powersave or --core-mask to this thread and OpenMP's.
// Returns 0, or -1 with the reason in error; a mask that the system narrowed is an error.
int setup_threads(const Options& options, std::string& error);

// Names of the CPU features that ncnn found at run time.
std::vector<std::string> cpu_features();

// ABI of this binary by Android's names where there is one.
const char* abi_name();

#endif // POSEMARK_CPU_SETUP_H
