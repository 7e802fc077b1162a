#include "roofline.h"

#include "cpu_setup.h"
#include "header.h"
#include "json.h"
#include "timing.h"

#include "cpu.h"

#include <algorithm>
#include <memory>
#include <new>
#include <thread>

#if defined __x86_64__
#include <immintrin.h>
#endif
#if defined __aarch64__
#include <arm_neon.h>
#endif

// Enough chains to hide the latency of an FMA on the CPUs known (latency 4, two per cycle: 8), and within 16 registers.
#define CHAINS 12

static const int REPEATS = 5;
static const int64_t TARGET_NS = 100 * 1000 * 1000;
static const size_t TRIAD_VALUES = 8 * 1024 * 1024;

// A kernel does `rounds` rounds of CHAINS vector FMAs and returns a value that depends on all of them.
typedef float (*FmaKernel)(int64_t rounds);

struct FmaVariant
{
    FmaKernel kernel;
    // values per vector
    int lanes;
    const char* name;
};

#if defined __x86_64__
__attribute__((target("avx2,fma"))) static float fma_avx2(int64_t rounds)
{
    __m256 chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
    {
        chain[i] = _mm256_set1_ps(0.5f + i);
    }
    const __m256 a = _mm256_set1_ps(0.999999f);
    const __m256 b = _mm256_set1_ps(0.000001f);
    for (int64_t r = 0; r < rounds; r++)
    {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
        {
            chain[i] = _mm256_fmadd_ps(chain[i], a, b);
        }
    }
    float sum = 0.f;
    for (int i = 0; i < CHAINS; i++)
    {
        sum += _mm256_cvtss_f32(chain[i]);
    }
    return sum;
}

__attribute__((target("avx512f"))) static float fma_avx512(int64_t rounds)
{
    __m512 chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
    {
        chain[i] = _mm512_set1_ps(0.5f + i);
    }
    const __m512 a = _mm512_set1_ps(0.999999f);
    const __m512 b = _mm512_set1_ps(0.000001f);
    for (int64_t r = 0; r < rounds; r++)
    {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
        {
            chain[i] = _mm512_fmadd_ps(chain[i], a, b);
        }
    }
    float sum = 0.f;
    for (int i = 0; i < CHAINS; i++)
    {
        sum += _mm512_cvtss_f32(chain[i]);
    }
    return sum;
}

static float mul_add_sse2(int64_t rounds)
{
    __m128 chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
    {
        chain[i] = _mm_set1_ps(0.5f + i);
    }
    const __m128 a = _mm_set1_ps(0.999999f);
    const __m128 b = _mm_set1_ps(0.000001f);
    for (int64_t r = 0; r < rounds; r++)
    {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
        {
            chain[i] = _mm_add_ps(_mm_mul_ps(chain[i], a), b);
        }
    }
    float sum = 0.f;
    for (int i = 0; i < CHAINS; i++)
    {
        sum += _mm_cvtss_f32(chain[i]);
    }
    return sum;
}
#endif // __x86_64__

#if defined __aarch64__
static float fma_neon(int64_t rounds)
{
    float32x4_t chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
    {
        chain[i] = vdupq_n_f32(0.5f + i);
    }
    const float32x4_t a = vdupq_n_f32(0.999999f);
    const float32x4_t b = vdupq_n_f32(0.000001f);
    for (int64_t r = 0; r < rounds; r++)
    {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
        {
            chain[i] = vfmaq_f32(b, chain[i], a);
        }
    }
    float sum = 0.f;
    for (int i = 0; i < CHAINS; i++)
    {
        sum += vgetq_lane_f32(chain[i], 0);
    }
    return sum;
}

#if defined __clang__
__attribute__((target("fullfp16")))
#else
__attribute__((target("arch=armv8.2-a+fp16")))
#endif
static float
fma_neon_fp16(int64_t rounds)
{
    float16x8_t chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
    {
        chain[i] = vdupq_n_f16((__fp16)(0.5f + i));
    }
    const float16x8_t a = vdupq_n_f16((__fp16)0.99f);
    const float16x8_t b = vdupq_n_f16((__fp16)0.01f);
    for (int64_t r = 0; r < rounds; r++)
    {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
        {
            chain[i] = vfmaq_f16(b, chain[i], a);
        }
    }
    float sum = 0.f;
    for (int i = 0; i < CHAINS; i++)
    {
        sum += (float)vgetq_lane_f16(chain[i], 0);
    }
    return sum;
}
#endif // __aarch64__

// Best fp32 kernel for this CPU; kernel 0 when there is none for its architecture.
static FmaVariant fp32_variant()
{
#if defined __x86_64__
    if (ncnn::cpu_support_x86_avx512())
        return {fma_avx512, 16, "avx512 fma"};
    if (ncnn::cpu_support_x86_avx2() && ncnn::cpu_support_x86_fma())
        return {fma_avx2, 8, "avx2 fma"};
    return {mul_add_sse2, 4, "sse2 multiply and add"};
#elif defined __aarch64__
    return {fma_neon, 4, "neon fma"};
#else
    return {0, 0, ""};
#endif
}

// fp16 kernel; kernel 0 when the CPU has no fp16 arithmetic.
static FmaVariant fp16_variant()
{
#if defined __aarch64__
    if (ncnn::cpu_support_arm_asimdhp())
        return {fma_neon_fp16, 8, "neon fp16 fma"};
#endif
    return {0, 0, ""};
}

// Runs work(thread) on `threads` threads at once and returns the nanoseconds from the first start to the last end.
template<typename Work>
static int64_t run_parallel(int threads, const Work& work)
{
    const int64_t start = now_ns();
    std::vector<std::thread> pool;
    for (int t = 1; t < threads; t++)
    {
        pool.emplace_back(work, t);
    }
    work(0);
    for (std::thread& thread : pool)
    {
        thread.join();
    }
    return now_ns() - start;
}

static double measure_gflops(const FmaVariant& variant, int threads)
{
    std::vector<float> results(threads);
    int64_t rounds = 100000;
    const auto work = [&](int t) { results[t] = variant.kernel(rounds); };

    // longer and longer until the threads' start no longer counts
    while (run_parallel(threads, work) < TARGET_NS)
    {
        rounds *= 2;
    }
    double best = 0.0;
    for (int i = 0; i < REPEATS; i++)
    {
        const int64_t elapsed_ns = run_parallel(threads, work);
        const double operations = 2.0 * variant.lanes * CHAINS * (double)rounds * threads;
        best = std::max(best, operations / (double)elapsed_ns);
    }
    volatile float sink = 0.f;
    for (float result : results)
    {
        sink = sink + result;
    }
    return best;
}

// GB/s of the triad; 0 when memory is short.
static double measure_bandwidth(int threads)
{
    std::unique_ptr<float[]> a(new (std::nothrow) float[TRIAD_VALUES]);
    std::unique_ptr<float[]> b(new (std::nothrow) float[TRIAD_VALUES]);
    std::unique_ptr<float[]> c(new (std::nothrow) float[TRIAD_VALUES]);
    if (!a || !b || !c)
        return 0.0;

    const size_t share = TRIAD_VALUES / threads;
    const auto fill = [&](int t) {
        for (size_t i = t * share; i < (t + 1) * share; i++)
        {
            a[i] = 0.f;
            b[i] = 1.f;
            c[i] = 2.f;
        }
    };
    float factor = 3.f;
    const auto triad = [&](int t) {
        for (size_t i = t * share; i < (t + 1) * share; i++)
        {
            a[i] = b[i] + factor * c[i];
        }
    };
    run_parallel(threads, fill);

    double best = 0.0;
    for (int i = 0; i < REPEATS * 4; i++)
    {
        factor += 1.f;
        const int64_t elapsed_ns = run_parallel(threads, triad);
        best = std::max(best, 3.0 * sizeof(float) * (double)(share * threads) / (double)elapsed_ns);
    }
    volatile float sink = a[share / 2];
    (void)sink;
    return best;
}

int roofline_command(const Options& options, std::string& error)
{
    if (setup_threads(options, error) != 0)
        return -1;

    const FmaVariant fp32 = fp32_variant();
    if (!fp32.kernel)
    {
        error = "Cannot measure the roofline: this program has no kernel for this CPU architecture, expected x86-64 or arm64";
        return -1;
    }
    const FmaVariant fp16 = fp16_variant();
    const double bandwidth = measure_bandwidth(options.threads);
    if (bandwidth <= 0.0)
    {
        error = "Cannot measure the memory bandwidth: found less than " + std::to_string(3 * TRIAD_VALUES * sizeof(float) >> 20) + " MiB of free memory";
        return -1;
    }

    Json json;
    json.open_object();
    json.key("kind").string("roofline");
    json.key("schemaVersion").integer(1);
    json.key("threads").integer(options.threads);
    json.key("fp32GflopPerSecond").number(measure_gflops(fp32, options.threads));
    json.key("fp32Kernel").string(fp32.name);
    json.key("fp16GflopPerSecond");
    if (fp16.kernel)
        json.number(measure_gflops(fp16, options.threads));
    else
        json.null();
    json.key("bandwidthGbytePerSecond").number(bandwidth);
    json.close_object();

    LineWriter writer;
    if (open_lines(writer, options.out, error) != 0)
        return -1;
    if (write_line(writer, header_line(options, 0), error) != 0 || write_line(writer, json.text, error) != 0)
        return -1;
    return close_lines(writer, error);
}
