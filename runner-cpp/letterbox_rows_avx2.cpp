#include "letterbox_rows.h"

#if defined __x86_64__ && (defined __GNUC__ || defined __clang__)

#include "cpu.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i load_halves(const void* lower, const void* upper)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i*)lower)), _mm_loadu_si128((const __m128i*)upper), 1);
}

// Pixels a, b in the lower half and c, d in the upper, each with its right neighbour, from
// r g b r' g' b' to r r' g g' b b' and two bytes more.
AVX2 static __m256i load_pairs(const unsigned char* row, int a, int b, int c, int d)
{
    const __m128 ab = _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i*)(row + a * 3))), (const __m64*)(row + b * 3));
    const __m128 cd = _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i*)(row + c * 3))), (const __m64*)(row + d * 3));
    const __m256i pairs = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_castps_si128(ab)), _mm_castps_si128(cd), 1);
    return _mm256_shuffle_epi8(pairs, _mm256_setr_epi8(0, 3, 1, 4, 2, 5, 6, 7, 8, 11, 9, 12, 10, 13, 14, 15, 0, 3, 1, 4, 2, 5, 6, 7, 8, 11, 9, 12, 10, 13, 14, 15));
}

// Bytes first and first + 1 of every four bytes, as two values of 16 bit.
AVX2 static __m256i widen(__m256i quads, int first)
{
    const __m256i bytes = _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
    return _mm256_shuffle_epi8(quads, first == 0 ? bytes : _mm256_add_epi8(bytes, _mm256_set1_epi16(2)));
}

// The weighted sum of eight pairs, less 4 bits.
AVX2 static __m256i weigh(__m256i pairs, __m256i weights)
{
    return _mm256_srli_epi32(_mm256_madd_epi16(pairs, weights), 4);
}

struct Stretched
{
    __m256i plane[3];
};

// Eight pixels: four from offset[0] on and four from offset[8] on.
AVX2 static Stretched stretch_eight(const unsigned char* row, const int* offset, const short* weight)
{
    const __m256i first = load_pairs(row, offset[0], offset[1], offset[8], offset[9]);
    const __m256i second = load_pairs(row, offset[2], offset[3], offset[10], offset[11]);
    const __m256i red_green = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), 0x88));
    const __m256i blue = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), 0xdd));
    const __m256i weights = load_halves(weight, weight + 16);
    Stretched s;
    s.plane[0] = weigh(widen(red_green, 0), weights);
    s.plane[1] = weigh(widen(red_green, 2), weights);
    s.plane[2] = weigh(widen(blue, 0), weights);
    return s;
}

AVX2 static void stretch(const unsigned char* row, const ResizeAxis& axis, short* planes)
{
    const int stride = row_stride(axis);
    const int* offsets = axis.offsets.data();
    const short* weights = axis.weights.data();
    for (int x = 0; x < stride; x += 16)
    {
        // pixels 0 to 3 and 8 to 11, then 4 to 7 and 12 to 15: packed, they are in order
        const Stretched even = stretch_eight(row, offsets + x, weights + x * 2);
        const Stretched odd = stretch_eight(row, offsets + x + 4, weights + x * 2 + 8);
        for (int c = 0; c < 3; c++)
        {
            _mm256_storeu_si256((__m256i*)(planes + c * stride + x), _mm256_packus_epi32(even.plane[c], odd.plane[c]));
        }
    }
}

// Eight values of 16 bit, 0 to 255, to eight floats.
AVX2 static __m256 scaled(__m128i values, __m256 norm)
{
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(values)), norm);
}

// The first count of eight values.
AVX2 static void store_some(float* to, __m256 values, int count)
{
    float eight[8];
    _mm256_storeu_ps(eight, values);
    memcpy(to, eight, count * sizeof(float));
}

AVX2 static void blend_plane(const short* upper, const short* lower, __m256i b0, __m256i b1, int width, __m256 norm, float* plane)
{
    for (int x = 0; x < width; x += 16)
    {
        const __m256i u = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i*)(upper + x)), b0);
        const __m256i l = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i*)(lower + x)), b1);
        const __m256i sum = _mm256_add_epi16(_mm256_add_epi16(u, l), _mm256_set1_epi16(2));
        const __m256i value = _mm256_srai_epi16(sum, 2);
        const __m256 first = scaled(_mm256_castsi256_si128(value), norm);
        const __m256 second = scaled(_mm256_extracti128_si256(value, 1), norm);
        const int left = width - x;
        if (left >= 8)
            _mm256_storeu_ps(plane + x, first);
        else
            store_some(plane + x, first, left);
        if (left >= 16)
            _mm256_storeu_ps(plane + x + 8, second);
        else if (left > 8)
            store_some(plane + x + 8, second, left - 8);
    }
}

AVX2 static void blend(const short* upper, const short* lower, int stride, const short* weights, int width, float norm, const RowPlanes& out)
{
    const __m256i b0 = _mm256_set1_epi16(weights[0]);
    const __m256i b1 = _mm256_set1_epi16(weights[1]);
    for (int c = 0; c < 3; c++)
    {
        blend_plane(upper + c * stride, lower + c * stride, b0, b1, width, _mm256_set1_ps(norm), out.plane[c]);
    }
}

AVX2 static void spread(const unsigned char* row, int width, float norm, const RowPlanes& out)
{
    const __m256 norms = _mm256_set1_ps(norm);
    // every third byte, as 32 bit: 0 3 6 9
    const __m256i red = _mm256_setr_epi8(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1, 0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1);
    const __m256i one = _mm256_set1_epi32(1);
    const __m256i masks[3] = {red, _mm256_add_epi32(red, one), _mm256_add_epi32(red, _mm256_set1_epi32(2))};
    for (int x = 0; x < width; x += 8)
    {
        const unsigned char* pixel = row + x * 3;
        const __m256i bytes = load_halves(pixel, pixel + 12);
        for (int c = 0; c < 3; c++)
        {
            const __m256 values = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, masks[c])), norms);
            if (width - x >= 8)
                _mm256_storeu_ps(out.plane[c] + x, values);
            else
                store_some(out.plane[c] + x, values, width - x);
        }
    }
}

const RowLoops* row_loops_avx2()
{
    static const RowLoops loops = {"avx2", stretch, blend, spread};
    return ncnn::cpu_support_x86_avx2() ? &loops : nullptr;
}

#else

const RowLoops* row_loops_avx2()
{
    return nullptr;
}

#endif
