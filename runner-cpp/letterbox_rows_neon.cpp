#include "letterbox_rows.h"

#if defined __aarch64__

#include <arm_neon.h>
#include <string.h>

// Two pixels, each with its right neighbour and two bytes more.
static uint8x16_t load_pairs(const unsigned char* row, int a, int b)
{
    return vcombine_u8(vld1_u8(row + a * 3), vld1_u8(row + b * 3));
}

// The weighted sum of eight pairs, less 4 bits: pixels in the lower half, neighbours in the upper.
static int16x8_t weigh(uint8x16_t pairs, const uint16x8x2_t& weights)
{
    const uint16x8_t left = vmovl_u8(vget_low_u8(pairs));
    const uint16x8_t right = vmovl_u8(vget_high_u8(pairs));
    const uint32x4_t low = vmlal_u16(vmull_u16(vget_low_u16(left), vget_low_u16(weights.val[0])), vget_low_u16(right), vget_low_u16(weights.val[1]));
    const uint32x4_t high = vmlal_u16(vmull_u16(vget_high_u16(left), vget_high_u16(weights.val[0])), vget_high_u16(right), vget_high_u16(weights.val[1]));
    return vreinterpretq_s16_u16(vcombine_u16(vshrn_n_u32(low, 4), vshrn_n_u32(high, 4)));
}

static void stretch(const unsigned char* row, const ResizeAxis& axis, short* planes)
{
    static const unsigned char RED[16] = {0, 8, 16, 24, 32, 40, 48, 56, 3, 11, 19, 27, 35, 43, 51, 59};
    const int stride = row_stride(axis);
    const uint8x16_t red = vld1q_u8(RED);
    const uint8x16_t green = vaddq_u8(red, vdupq_n_u8(1));
    const uint8x16_t blue = vaddq_u8(red, vdupq_n_u8(2));
    for (int x = 0; x < stride; x += 8)
    {
        const int* o = axis.offsets.data() + x;
        const uint16x8x2_t weights = vld2q_u16((const uint16_t*)axis.weights.data() + x * 2);
        uint8x16x4_t pixels;
        pixels.val[0] = load_pairs(row, o[0], o[1]);
        pixels.val[1] = load_pairs(row, o[2], o[3]);
        pixels.val[2] = load_pairs(row, o[4], o[5]);
        pixels.val[3] = load_pairs(row, o[6], o[7]);
        vst1q_s16(planes + x, weigh(vqtbl4q_u8(pixels, red), weights));
        vst1q_s16(planes + stride + x, weigh(vqtbl4q_u8(pixels, green), weights));
        vst1q_s16(planes + stride * 2 + x, weigh(vqtbl4q_u8(pixels, blue), weights));
    }
}

// The first count of eight values of 16 bit, 0 to 255, as floats.
static void store_scaled(uint16x8_t values, float norm, float* to, int count)
{
    const float32x4_t low = vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(values))), norm);
    const float32x4_t high = vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_high_u16(values))), norm);
    if (count >= 8)
    {
        vst1q_f32(to, low);
        vst1q_f32(to + 4, high);
        return;
    }
    float eight[8];
    vst1q_f32(eight, low);
    vst1q_f32(eight + 4, high);
    memcpy(to, eight, count * sizeof(float));
}

// (value * weight) >> 16; the doubled product can't overflow: values end at 32656, weights at 2048.
static int16x8_t high_product(int16x8_t value, int16x8_t weight)
{
    return vshrq_n_s16(vqdmulhq_s16(value, weight), 1);
}

static void blend(const short* upper, const short* lower, int stride, const short* weights, int width, float norm, const RowPlanes& out)
{
    const int16x8_t b0 = vdupq_n_s16(weights[0]);
    const int16x8_t b1 = vdupq_n_s16(weights[1]);
    for (int c = 0; c < 3; c++)
    {
        const short* u = upper + c * stride;
        const short* l = lower + c * stride;
        for (int x = 0; x < width; x += 8)
        {
            const int16x8_t sum = vaddq_s16(high_product(vld1q_s16(u + x), b0), high_product(vld1q_s16(l + x), b1));
            store_scaled(vreinterpretq_u16_s16(vrshrq_n_s16(sum, 2)), norm, out.plane[c] + x, width - x);
        }
    }
}

static void spread(const unsigned char* row, int width, float norm, const RowPlanes& out)
{
    for (int x = 0; x < width; x += 8)
    {
        const uint8x8x3_t pixels = vld3_u8(row + x * 3);
        for (int c = 0; c < 3; c++)
        {
            store_scaled(vmovl_u8(pixels.val[c]), norm, out.plane[c] + x, width - x);
        }
    }
}

const RowLoops* row_loops_neon()
{
    static const RowLoops loops = {"neon", stretch, blend, spread};
    return &loops;
}

#else

const RowLoops* row_loops_neon()
{
    return nullptr;
}

#endif
