#include "letterbox_rows.h"

#include <math.h>

static int padded(int count)
{
    return (count + ROW_LANES - 1) / ROW_LANES * ROW_LANES;
}

void set_resize_axis(ResizeAxis& axis, int source, int target)
{
    if (axis.source == source && axis.target == target)
        return;
    axis.source = source;
    axis.target = target;
    axis.offsets.assign(padded(target), 0);
    axis.weights.assign((size_t)padded(target) * 2, 0);

    const double scale = (double)source / target;
    for (int i = 0; i < target; i++)
    {
        float rest = (float)((i + 0.5) * scale - 0.5);
        int offset = (int)floorf(rest);
        rest -= offset;
        if (offset < 0)
        {
            offset = 0;
            rest = 0.f;
        }
        if (offset >= source - 1)
        {
            offset = source - 2;
            rest = 1.f;
        }
        axis.offsets[i] = offset;
        axis.weights[i * 2] = (short)((1.f - rest) * 2048.f + 0.5f);
        axis.weights[i * 2 + 1] = (short)(rest * 2048.f + 0.5f);
    }
}

int row_stride(const ResizeAxis& axis)
{
    return (int)axis.offsets.size();
}

static void stretch(const unsigned char* row, const ResizeAxis& axis, short* planes)
{
    const int stride = row_stride(axis);
    for (int x = 0; x < axis.target; x++)
    {
        const unsigned char* pixel = row + axis.offsets[x] * 3;
        const short* weight = &axis.weights[x * 2];
        for (int c = 0; c < 3; c++)
        {
            planes[c * stride + x] = (short)((pixel[c] * weight[0] + pixel[c + 3] * weight[1]) >> 4);
        }
    }
}

static void blend(const short* upper, const short* lower, int stride, const short* weights, int width, float norm, const RowPlanes& out)
{
    for (int c = 0; c < 3; c++)
    {
        const short* u = upper + c * stride;
        const short* l = lower + c * stride;
        float* plane = out.plane[c];
        for (int x = 0; x < width; x++)
        {
            const int sum = ((u[x] * weights[0]) >> 16) + ((l[x] * weights[1]) >> 16);
            plane[x] = (float)((sum + 2) >> 2) * norm;
        }
    }
}

static void spread(const unsigned char* row, int width, float norm, const RowPlanes& out)
{
    for (int c = 0; c < 3; c++)
    {
        float* plane = out.plane[c];
        for (int x = 0; x < width; x++)
        {
            plane[x] = (float)row[x * 3 + c] * norm;
        }
    }
}

std::vector<RowLoops> row_loops()
{
    std::vector<RowLoops> loops;
    loops.push_back({"plain", stretch, blend, spread});
    for (const RowLoops* better : {row_loops_avx2(), row_loops_neon()})
    {
        if (better)
            loops.push_back(*better);
    }
    return loops;
}
