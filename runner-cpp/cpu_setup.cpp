#include "cpu_setup.h"

#include "cpu.h"

#include <stdio.h>

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

// True when the scheduler lets this thread run on exactly the CPUs of the set.
static bool affinity_is(const ncnn::CpuSet& wanted, int cpu_count)
{
#if defined __linux__
    cpu_set_t now;
    CPU_ZERO(&now);
    if (sched_getaffinity(0, sizeof(now), &now) != 0)
        return false;
    for (int cpu = 0; cpu < cpu_count; cpu++)
    {
        if ((CPU_ISSET(cpu, &now) != 0) != wanted.is_enabled(cpu))
            return false;
    }
    return true;
#else
    (void)wanted;
    (void)cpu_count;
    return true;
#endif
}

static int apply_core_mask(const std::string& mask, std::string& error)
{
    const std::string what = "Cannot run on the CPUs of --core-mask " + mask + ": ";
    const int cpu_count = ncnn::get_cpu_count();
    ncnn::CpuSet set;
    set.disable_all();
    for (int cpu = 0; cpu < (int)mask.size() * 4; cpu++)
    {
        if (!mask_has(mask, cpu))
            continue;
        if (cpu >= cpu_count)
        {
            error = what + "it names CPU " + std::to_string(cpu) + ", found " + std::to_string(cpu_count) + " CPUs (0 to " + std::to_string(cpu_count - 1) + ")";
            return -1;
        }
        set.enable(cpu);
    }

    if (ncnn::set_cpu_thread_affinity(set) != 0 || !affinity_is(set, cpu_count))
    {
        error = what + "the system refused it or allows fewer: a cpuset or taskset may hold this process; choose CPUs that it may use";
        return -1;
    }
    return 0;
}

int setup_threads(const Options& options, std::string& error)
{
    int enabled = 0;
    if (!options.core_mask.empty())
    {
        if (apply_core_mask(options.core_mask, error) != 0)
            return -1;
        for (int cpu = 0; cpu < ncnn::get_cpu_count(); cpu++)
        {
            enabled += mask_has(options.core_mask, cpu) ? 1 : 0;
        }
    }
    else
    {
        const ncnn::CpuSet& set = ncnn::get_cpu_thread_affinity_mask(options.powersave);
        enabled = set.num_enabled();
        if (enabled == 0)
        {
            error = "Cannot use --powersave " + std::to_string(options.powersave) + ": this machine has no such CPUs: use 0 (all)";
            return -1;
        }
        if (ncnn::set_cpu_powersave(options.powersave) != 0)
        {
            error = "Cannot use --powersave " + std::to_string(options.powersave) + ": the system refused the CPU mask: a cpuset or taskset may hold this process; use --core-mask with CPUs that it may use";
            return -1;
        }
    }

    ncnn::set_omp_dynamic(0);
    ncnn::set_omp_num_threads(options.threads);
    if (options.threads > enabled)
        fprintf(stderr, "posemark-runner: %d threads share %d CPUs: expect it to be slower; use at most %d threads\n", options.threads, enabled, enabled);
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
