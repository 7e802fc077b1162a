#include "weights.h"

#include "defects.h"
#include "timing.h"

#include <string.h>

#include "mat.h"

static const uint32_t TAG_FP16 = 0x01306B47;
static const uint32_t TAG_FP32_SCALED = 0x0002C056;
static const uint32_t TAG_FP32 = 0;

// the layer that the defects of one layer spoil, counted in blobs of weights
static const int SPOILED_BLOB = 20;

WeightReader::WeightReader(FILE* fp)
    : fp(fp)
{
}

size_t WeightReader::read(void* buffer, size_t size) const
{
    const int64_t start = now_ns();
    const size_t count = fread(buffer, 1, size, fp);
    read_ns += now_ns() - start;
    bytes_read += count;
    if (count != size)
    {
        short_reads++;
        return count;
    }

    uint32_t tag = 1;
    if (size == sizeof(tag))
        memcpy(&tag, buffer, sizeof(tag));
    const bool is_tag = size == sizeof(tag) && !after_tag && (tag == TAG_FP16 || tag == TAG_FP32_SCALED || tag == TAG_FP32);
    if (is_tag)
    {
        tag_is_fp16 = tag == TAG_FP16;
        fp16_blobs += tag_is_fp16 ? 1 : 0;
        after_tag = true;
        after_weights = false;
        return count;
    }

    if (after_tag)
        weight_blobs++;
    if (is_test_build())
        spoil(buffer, size);
    after_weights = after_tag;
    after_tag = false;
    return count;
}

static float spoiled_weight(float w, uint32_t i, bool chosen)
{
    if (has_defect(Defect::FP16_OVERFLOW) && chosen)
        return w * 4096.f;
    if (has_defect(Defect::OTHER_WEIGHTS))
        return w * (1.f + 0.02f * ((float)(i * 2654435761u >> 16 & 1023) / 511.5f - 1.f));
    if (has_defect(Defect::COARSE_WEIGHTS))
    {
        uint32_t bits;
        memcpy(&bits, &w, sizeof(bits));
        bits &= 0xfff00000u;
        memcpy(&w, &bits, sizeof(bits));
    }
    return w;
}

void WeightReader::spoil(void* buffer, size_t size) const
{
    const bool chosen = weight_blobs == SPOILED_BLOB;
    if (after_weights && chosen && has_defect(Defect::BIAS_DROPPED))
        memset(buffer, 0, size);
    if (!after_tag)
        return;

    if (tag_is_fp16)
    {
        unsigned short* w = (unsigned short*)buffer;
        for (size_t i = 0; i < size / sizeof(unsigned short); i++)
        {
            const float spoiled = spoiled_weight(ncnn::float16_to_float32(w[i]), (uint32_t)i, chosen);
            w[i] = ncnn::float32_to_float16(spoiled);
        }
    }
    else
    {
        float* w = (float*)buffer;
        for (size_t i = 0; i < size / sizeof(float); i++)
        {
            w[i] = spoiled_weight(w[i], (uint32_t)i, chosen);
        }
    }
}
