// Lists of CPUs as Linux writes them, and as masks.

#ifndef POSEMARK_CPU_LIST_H
#define POSEMARK_CPU_LIST_H

#include <string>
#include <vector>

// Reads a list such as "0-3,5" (cpuset(7), "List format"), ascending. False for another text.
bool parse_cpu_list(const std::string& text, std::vector<int>& cpus);

// The CPUs as a hexadecimal mask without a prefix; "0" for none.
std::string mask_of(const std::vector<int>& cpus);

bool contains(const std::vector<int>& cpus, int cpu);

#endif // POSEMARK_CPU_LIST_H
