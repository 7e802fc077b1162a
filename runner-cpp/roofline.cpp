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

// Enough chains to hide the latency of an FMA on the CPUs known (latency 4, two per cycle: 8), and
// within 16 registers.
#define CHAINS 12

static const int REPEATS = 5;
static const int64_t TARGET_NS = 100 * 1000 * 1000;
static const size_t TRIAD_VALUES = 8 * 1024 * 1024;

// A kernel does `rounds` rounds of CHAINS vector FMAs and returns a value that depends on all of
// them.
typedef float (*FmaKernel)(int64_t rounds);

struct FmaVariant
{
    FmaKernel kernel;
    // values per vector
    int lanes;
    const char* name;
};

// Defines such a kernel. step(chain, a, b) is chain * a + b; A and B keep the values near 1, so
// that no step is slow for being tiny.
#define FMA_KERNEL(name, attribute, vector, set1, step, first, A, B)  \
    attribute static float name(int64_t rounds)                       \
    {                                                                 \
        vector chain[CHAINS];                                         \
        for (int i = 0; i < CHAINS; i++)                              \
        {                                                             \
            chain[i] = set1(0.5f + i);                                \
        }                                                             \
        const vector a = set1(A);                                     \
        const vector b = set1(B);                                     \
        for (int64_t r = 0; r < rounds; r++)                          \
        {                                                             \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) \
            {                                                         \
                chain[i] = step(chain[i], a, b);                      \
            }                                                         \
        }                                                             \
        float sum = 0.f;                                              \
        for (int i = 0; i < CHAINS; i++)                              \
        {                                                             \
            sum += first(chain[i]);                                   \
        }                                                             \
        return sum;                                                   \
    }

#if defined __x86_64__
#define MUL_ADD_SSE2(chain, a, b) _mm_add_ps(_mm_mul_ps(chain, a), b)
FMA_KERNEL(fma_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32, 0.999999f, 0.000001f)
FMA_KERNEL(fma_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32, 0.999999f, 0.000001f)
FMA_KERNEL(mul_add_sse2, , __m128, _mm_set1_ps, MUL_ADD_SSE2, _mm_cvtss_f32, 0.999999f, 0.000001f)
#endif // __x86_64__

#if defined __aarch64__
#if defined __clang__
#define FP16_TARGET __attribute__((target("fullfp16")))
#else
#define FP16_TARGET __attribute__((target("arch=armv8.2-a+fp16")))
#endif
#define SET1_F16(value)      vdupq_n_f16((__fp16)(value))
#define FMA_F32(chain, a, b) vfmaq_f32(b, chain, a)
#define FMA_F16(chain, a, b) vfmaq_f16(b, chain, a)
#define FIRST_F32(chain)     vgetq_lane_f32(chain, 0)
#define FIRST_F16(chain)     (float)vgetq_lane_f16(chain, 0)
FMA_KERNEL(fma_neon, , float32x4_t, vdupq_n_f32, FMA_F32, FIRST_F32, 0.999999f, 0.000001f)
FMA_KERNEL(fma_neon_fp16, FP16_TARGET, float16x8_t, SET1_F16, FMA_F16, FIRST_F16, 0.99f, 0.01f)
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

// Runs work(thread) on `threads` threads at once and returns the nanoseconds from the first start
// to the last end.
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
