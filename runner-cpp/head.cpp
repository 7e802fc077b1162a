#include "head.h"

#include "defects.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>

int box_code_named(const std::string& name, BoxCode& code)
{
    if (name != "dfl" && name != "ltrb")
        return -1;
    code = name == "dfl" ? BoxCode::DFL : BoxCode::LTRB;
    return 0;
}

int box_channels(const Head& head)
{
    return 4 * (head.box == BoxCode::DFL ? head.bins : 1);
}

float box_distance(const Head& head, const float* values, size_t step, bool fast)
{
    return head.box == BoxCode::DFL ? dfl_expectation(values, step, head.bins, fast) : values[0];
}

int keypoint_channels(const Head& head)
{
    return head.keypoints * head.keypoint_dims;
}

int value_named(const std::string& name, Value& value)
{
    static const char* const names[] = {"box", "cls", "kpt", "boxes", "scores", "joints"};
    for (int i = 0; i < 6; i++)
    {
        if (name == names[i])
        {
            value = (Value)i;
            return 0;
        }
    }
    return -1;
}

int value_channels(const Head& head, Value value)
{
    switch (value)
    {
    case Value::BOX: return box_channels(head);
    case Value::BOXES: return 4;
    case Value::CLS:
    case Value::SCORES: return head.classes;
    default: return keypoint_channels(head);
    }
}

Parts parts_of(const Output& output, const Head& head)
{
    Parts parts;
    parts.strides = {output.stride};
    switch (output.role)
    {
    case Role::DECODED:
        parts.values = {Value::BOXES, Value::SCORES, Value::JOINTS};
        parts.strides = head.strides;
        break;
    case Role::RAW:
        parts.values = {Value::CLS, Value::BOX, Value::KPT};
        parts.channels_last = true;
        break;
    case Role::BOX: parts.values = {Value::BOX}; break;
    case Role::CLS: parts.values = {Value::CLS}; break;
    case Role::KPT: parts.values = {Value::KPT}; break;
    case Role::PARTS: return output.parts;
    }
    return parts;
}

float fast_exp(float x)
{
    // out of this range the cast below would not be defined; the result is 0 or the largest finite
    // float
    const double bits = (1 << 23) * (1.4426950409 * x + 126.93490512f);
    if (!(bits > 0.0))
        return 0.f;
    const uint32_t i = (uint32_t)std::min(bits, 2139095039.0);
    float result;
    memcpy(&result, &i, sizeof(result));
    return result;
}

static float exponential(float x, bool fast)
{
    return fast ? fast_exp(x) : expf(x);
}

float sigmoid(float x, bool fast)
{
    return 1.f / (1.f + exponential(-x, fast));
}

float logit(float p)
{
    return (float)log((double)p / (1.0 - (double)p));
}

float dfl_expectation(const float* logits, size_t step, int count, bool fast)
{
    float largest = logits[0];
    int largest_bin = 0;
    for (int i = 1; i < count; i++)
    {
        if (logits[i * step] > largest)
        {
            largest = logits[i * step];
            largest_bin = i;
        }
    }
    if (has_defect(Defect::DFL_ARGMAX))
        return (float)largest_bin;

    const int first_bin = has_defect(Defect::DFL_OFF_BY_ONE) ? 1 : 0;
    float sum = 0.f;
    float weighted = 0.f;
    for (int i = 0; i < count; i++)
    {
        const float e = exponential(logits[i * step] - largest, fast);
        sum += e;
        weighted += (float)(i + first_bin) * e;
    }
    return weighted / sum;
}
