#include "cpu_setup.h"

#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>

#if defined __linux__
#include <sched.h>
#endif

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static bool mask_has(const std::string& mask, int cpu)
{
    const size_t digit = (size_t)cpu / 4;
    return digit < mask.size() && (hex_digit(mask[mask.size() - 1 - digit]) >> (cpu % 4) & 1) != 0;
}

static std::string names_of(const std::vector<int>& cpus)
{
    std::string text;
    for (int cpu : cpus)
        text += (text.empty() ? "" : ", ") + std::to_string(cpu);
    return cpus.empty() ? "no CPU" : "CPU " + text;
}

std::string first_line_of(const std::string& path)
{
    FILE* fp = fopen(path.c_str(), "rb");
    if (!fp)
        return "";
    char line[4096];
    const char* const found = fgets(line, sizeof(line), fp);
    fclose(fp);
    std::string text = found ? found : "";
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

SystemCpus read_system_cpus()
{
    const std::string folder = "/sys/devices/system/cpu/";
    SystemCpus cpus;
    if (!parse_cpu_list(first_line_of(folder + "online"), cpus.online))
        cpus.online.clear();
    std::vector<int> present;
    if (!parse_cpu_list(first_line_of(folder + "present"), present))
        present = cpus.online;
    for (int cpu : present)
    {
        if (!contains(cpus.online, cpu))
            cpus.offline.push_back(cpu);
    }
    for (int cpu : cpus.online)
        cpus.max_khz.push_back(atoi(first_line_of(folder + "cpu" + std::to_string(cpu) + "/cpufreq/cpuinfo_max_freq").c_str()));
    return cpus;
}

std::vector<int> allowed_cpus()
{
    std::vector<int> cpus;
#if defined __linux__
    cpu_set_t now;
    CPU_ZERO(&now);
    if (sched_getaffinity(0, sizeof(now), &now) != 0)
        return cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    {
        if (CPU_ISSET(cpu, &now))
            cpus.push_back(cpu);
    }
#endif
    return cpus;
}

// The CPUs of --core-mask; those that are offline are left out and told.
static int cpus_of_mask(const std::string& mask, const SystemCpus& system, std::vector<int>& cpus, std::string& error)
{
    const std::string what = "Cannot run on the CPUs of --core-mask " + mask + ": ";
    const int cpu_count = ncnn::get_cpu_count();
    std::vector<int> asleep;
    for (int cpu = 0; cpu < (int)mask.size() * 4; cpu++)
    {
        if (!mask_has(mask, cpu))
            continue;
        if (contains(system.offline, cpu))
            asleep.push_back(cpu);
        else if (system.online.empty() ? cpu < cpu_count : contains(system.online, cpu))
            cpus.push_back(cpu);
        else
        {
            const std::string found = system.online.empty() ? std::to_string(cpu_count) + " CPUs (0 to " + std::to_string(cpu_count - 1) + ")" : names_of(system.online);
            error = what + "it names CPU " + std::to_string(cpu) + ", found " + found;
            return -1;
        }
    }
    if (cpus.empty())
    {
        error = what + names_of(asleep) + " is offline, and it names no other: choose CPUs that are online, found " + names_of(system.online);
        return -1;
    }
    if (!asleep.empty())
        fprintf(stderr, "posemark-runner: %s of --core-mask is offline: it runs on %s\n", names_of(asleep).c_str(), names_of(cpus).c_str());
    return 0;
}

std::vector<int> cpus_of_powersave(int powersave, const SystemCpus& system)
{
    if (powersave == 0)
        return system.online;
    int lowest = 0;
    int highest = 0;
    for (int khz : system.max_khz)
    {
        if (khz <= 0)
            continue;
        lowest = lowest == 0 || khz < lowest ? khz : lowest;
        highest = khz > highest ? khz : highest;
    }
    // where all that are known are alike, all are big
    if (lowest == highest)
        return powersave == 2 ? system.online : std::vector<int>();
    std::vector<int> cpus;
    for (size_t i = 0; i < system.online.size(); i++)
    {
        const int khz = system.max_khz[i];
        // a CPU of which nothing is known is neither
        if (khz > 0 && (khz >= (lowest + highest) / 2) == (powersave == 2))
            cpus.push_back(system.online[i]);
    }
    return cpus;
}

// ncnn counts the CPUs that are online and takes them for the first ones: its masks hold where none
// of the first is offline.
static bool ncnn_counts_right(const SystemCpus& system)
{
    if (system.online.empty())
        return true;
    return system.online.back() == (int)system.online.size() - 1 && ncnn::get_cpu_count() == (int)system.online.size();
}

static std::vector<int> wanted_by_powersave(int powersave, const SystemCpus& system)
{
    if (!ncnn_counts_right(system))
        return cpus_of_powersave(powersave, system);
    const ncnn::CpuSet& set = ncnn::get_cpu_thread_affinity_mask(powersave);
    std::vector<int> cpus;
    for (int cpu = 0; cpu < ncnn::get_cpu_count(); cpu++)
    {
        if (set.is_enabled(cpu))
            cpus.push_back(cpu);
    }
    return cpus;
}

int setup_threads(const Options& options, std::string& error)
{
    const SystemCpus system = read_system_cpus();
    const bool by_mask = !options.core_mask.empty();
    const std::string what = by_mask ? "Cannot run on the CPUs of --core-mask " + options.core_mask : "Cannot use --powersave " + std::to_string(options.powersave);
    std::vector<int> wanted;
    if (by_mask)
    {
        if (cpus_of_mask(options.core_mask, system, wanted, error) != 0)
            return -1;
    }
    else
        wanted = wanted_by_powersave(options.powersave, system);
    if (wanted.empty())
    {
        error = what + ": this machine has no such CPUs: use 0 (all)";
        return -1;
    }

    ncnn::CpuSet set;
    set.disable_all();
    for (int cpu : wanted)
        set.enable(cpu);
    if (ncnn::set_cpu_thread_affinity(set) != 0)
    {
        error = what + ": the system refused the CPU mask: a cpuset or taskset may hold this process; use --core-mask with CPUs that it may use";
        return -1;
    }

    // what the scheduler made of it; elsewhere than on Linux it does not tell
    std::vector<int> ran = allowed_cpus();
    if (ran.empty())
        ran = wanted;
    if (ran != wanted)
    {
        if (by_mask)
        {
            error = what + ": the system refused it or allows fewer, found " + names_of(ran) + ": a cpuset or taskset may hold this process; choose CPUs that it may use";
            return -1;
        }
        fprintf(stderr, "posemark-runner: the system lets it run on %s, not on %s: a cpuset or taskset holds it\n", names_of(ran).c_str(), names_of(wanted).c_str());
    }

    ncnn::set_omp_dynamic(0);
    ncnn::set_omp_num_threads(options.threads);
    if (options.threads > (int)ran.size())
        fprintf(stderr, "posemark-runner: %d threads share %d CPUs: expect it to be slower; use at most %d threads\n", options.threads, (int)ran.size(), (int)ran.size());
    return 0;
}

std::vector<std::string> cpu_features()
{
    struct Feature
    {
        const char* name;
        int found;
    };
#if defined __aarch64__ || defined __arm__
    const Feature features[] = {
        {"neon", ncnn::cpu_support_arm_neon()},
        {"vfpv4", ncnn::cpu_support_arm_vfpv4()},
        {"asimdhp", ncnn::cpu_support_arm_asimdhp()},
        {"asimddp", ncnn::cpu_support_arm_asimddp()},
        {"asimdfhm", ncnn::cpu_support_arm_asimdfhm()},
        {"bf16", ncnn::cpu_support_arm_bf16()},
        {"i8mm", ncnn::cpu_support_arm_i8mm()},
        {"sve", ncnn::cpu_support_arm_sve()},
        {"sve2", ncnn::cpu_support_arm_sve2()},
        {"svebf16", ncnn::cpu_support_arm_svebf16()},
        {"svei8mm", ncnn::cpu_support_arm_svei8mm()},
        {"svef32mm", ncnn::cpu_support_arm_svef32mm()},
    };
#else
    const Feature features[] = {
        {"avx", ncnn::cpu_support_x86_avx()},
        {"fma", ncnn::cpu_support_x86_fma()},
        {"xop", ncnn::cpu_support_x86_xop()},
        {"f16c", ncnn::cpu_support_x86_f16c()},
        {"avx2", ncnn::cpu_support_x86_avx2()},
        {"avxvnni", ncnn::cpu_support_x86_avx_vnni()},
        {"avxvnniint8", ncnn::cpu_support_x86_avx_vnni_int8()},
        {"avxvnniint16", ncnn::cpu_support_x86_avx_vnni_int16()},
        {"avxneconvert", ncnn::cpu_support_x86_avx_ne_convert()},
        {"avx512", ncnn::cpu_support_x86_avx512()},
        {"avx512vnni", ncnn::cpu_support_x86_avx512_vnni()},
        {"avx512bf16", ncnn::cpu_support_x86_avx512_bf16()},
        {"avx512fp16", ncnn::cpu_support_x86_avx512_fp16()},
    };
#endif
    std::vector<std::string> names;
    for (const Feature& feature : features)
    {
        if (feature.found)
            names.push_back(feature.name);
    }
    return names;
}

const char* abi_name()
{
#if defined __aarch64__
    return "arm64-v8a";
#elif defined __arm__
    return "armeabi-v7a";
#elif defined __x86_64__
    return "x86_64";
#elif defined __i386__
    return "x86";
#else
    return "unknown";
#endif
}
