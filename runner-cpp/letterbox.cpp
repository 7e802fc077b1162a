#include "letterbox.h"

#include "defects.h"
#include "letterbox_plain.h"

#include <math.h>
#include <string.h>

#include <algorithm>

static const float PAD_VALUE = 114.f;
static const float NORM = 1.f / 255.f;

// Some 5 µs of work: what it costs to wake a thread and to wait for it.
static const int PIXELS_WORTH_A_THREAD = 16 * 1024;

// As Python's round(): halves go to the even neighbour.
static int round_half_even(double value)
{
    const double below = floor(value);
    const double rest = value - below;
    const bool up = rest > 0.5 || (rest == 0.5 && fmod(below, 2.0) != 0.0);
    return (int)(up ? below + 1.0 : below);
}

static int resized_side(int side, double scale)
{
    const double exact = side * scale;
    // the app that truncates sets its long side outright, so a product one ulp short of it still
    // counts as whole
    const int resized = has_defect(Defect::RESIZE_TRUNCATED) ? (int)floor(exact + 1e-9) : round_half_even(exact);
    return std::max(resized, 1);
}

Geometry letterbox_geometry(int image_width, int image_height, const Options& options)
{
    Geometry g;
    if (options.rect_long_side > 0)
        g.scale = (double)options.rect_long_side / std::max(image_width, image_height);
    else
        g.scale = std::min((double)options.shape_width / image_width, (double)options.shape_height / image_height);

    g.resized_width = resized_side(image_width, g.scale);
    g.resized_height = resized_side(image_height, g.scale);

    if (options.rect_long_side > 0)
    {
        g.width = (g.resized_width + 31) / 32 * 32;
        g.height = (g.resized_height + 31) / 32 * 32;
    }
    else
    {
        g.width = options.shape_width;
        g.height = options.shape_height;
    }

    if (has_defect(Defect::STRETCH))
    {
        g.resized_width = g.width;
        g.resized_height = g.height;
    }

    g.left = round_half_even((g.width - g.resized_width) / 2.0 - 0.1);
    g.top = round_half_even((g.height - g.resized_height) / 2.0 - 0.1);

    if (has_defect(Defect::LETTERBOX_TOP_LEFT))
    {
        g.left = 0;
        g.top = 0;
    }
    if (has_defect(Defect::LETTERBOX_OFF_BY_ONE))
    {
        g.left = std::min(g.left + 1, g.width - g.resized_width);
        g.top = std::min(g.top + 1, g.height - g.resized_height);
    }
    return g;
}

const Image& at_least_two(const Image& image, Image& widened)
{
    const int width = std::max(image.width, 2);
    const int height = std::max(image.height, 2);
    if (width == image.width && height == image.height)
        return image;

    widened.width = width;
    widened.height = height;
    widened.rgb.resize((size_t)width * height * 3);
    for (int y = 0; y < height; y++)
    {
        for (int x = 0; x < width; x++)
        {
            const int sx = std::min(x, image.width - 1);
            const int sy = std::min(y, image.height - 1);
            memcpy(&widened.rgb[((size_t)y * width + x) * 3], &image.rgb[((size_t)sy * image.width + sx) * 3], 3);
        }
    }
    return widened;
}

// The image's rows. The last ones lie elsewhere, where the loops may read past their end.
struct SourceRows
{
    const unsigned char* rgb = nullptr;
    const unsigned char* end = nullptr;
    int width = 0;
    int height = 0;
    // first of the rows at the end
    int end_from = 0;

    const unsigned char* row(int y) const
    {
        const unsigned char* from = y < end_from ? rgb : end;
        return from + (size_t)(y < end_from ? y : y - end_from) * width * 3;
    }
};

static SourceRows source_rows(const Image& image, LetterboxBuffer& buffer)
{
    const size_t bytes = (size_t)image.width * 3;
    const int moved = std::min((int)(ROW_SLACK / bytes) + 1, image.height);
    SourceRows s;
    s.width = image.width;
    s.height = image.height;
    s.end_from = image.height - moved;
    s.rgb = image.rgb.data();
    buffer.end_rows.assign(bytes * moved + ROW_SLACK, 0);
    memcpy(buffer.end_rows.data(), s.rgb + bytes * s.end_from, bytes * moved);
    s.end = buffer.end_rows.data();
    return s;
}

static RowPlanes row_planes(ncnn::Mat& input, int y, int x)
{
    RowPlanes out;
    for (int c = 0; c < 3; c++)
    {
        out.plane[c] = input.channel(c).row(y) + x;
    }
    return out;
}

static void pad_row(ncnn::Mat& input, int y, int from, int to)
{
    for (int c = 0; c < 3; c++)
    {
        float* row = input.channel(c).row(y);
        std::fill(row + from, row + to, PAD_VALUE * NORM);
    }
}

// Rows first to last - 1 of the input. Scratch: two stretched rows.
static void fill_rows(const SourceRows& source, const Geometry& g, const RowLoops& loops, const LetterboxBuffer& buffer, bool is_resized, short* scratch, int first, int last, ncnn::Mat& input)
{
    const int stride = row_stride(buffer.x);
    short* upper = scratch;
    short* lower = scratch + (size_t)stride * 3;
    int lower_is = -2;
    for (int y = first; y < last; y++)
    {
        const int inside = y - g.top;
        if (inside < 0 || inside >= g.resized_height)
        {
            pad_row(input, y, 0, g.width);
            continue;
        }

        pad_row(input, y, 0, g.left);
        pad_row(input, y, g.left + g.resized_width, g.width);
        const RowPlanes out = row_planes(input, y, g.left);
        if (!is_resized)
        {
            loops.spread(source.row(inside), g.resized_width, NORM, out);
            continue;
        }

        const int upper_is = buffer.y.offsets[inside];
        if (upper_is + 1 != lower_is)
        {
            std::swap(upper, lower);
            if (upper_is != lower_is)
                loops.stretch(source.row(upper_is), buffer.x, upper);
            loops.stretch(source.row(upper_is + 1), buffer.x, lower);
            lower_is = upper_is + 1;
        }
        loops.blend(upper, lower, stride, &buffer.y.weights[inside * 2], g.resized_width, NORM, out);
    }
}

int letterbox(const Image& image, const Geometry& g, int threads, LetterboxBuffer& buffer, ncnn::Mat& input)
{
    static const RowLoops fastest = row_loops().back();
    return letterbox_by(fastest, image, g, threads, buffer, input);
}

int letterbox_by(const RowLoops& loops, const Image& image, const Geometry& g, int threads, LetterboxBuffer& buffer, ncnn::Mat& input)
{
#ifdef POSEMARK_TEST_BUILD
    if (has_pixel_defect())
        return letterbox_plain(image, g, input);
#endif

    input.create(g.width, g.height, 3);
    if (input.empty())
        return -1;

    const bool is_resized = g.resized_width != image.width || g.resized_height != image.height;
    const SourceRows source = source_rows(is_resized ? at_least_two(image, buffer.widened) : image, buffer);
    if (is_resized)
    {
        set_resize_axis(buffer.x, source.width, g.resized_width);
        set_resize_axis(buffer.y, source.height, g.resized_height);
    }

    // all threads or one: OpenMP ends threads that a smaller team leaves out
    const int team = (int64_t)g.width * g.height >= (int64_t)threads * PIXELS_WORTH_A_THREAD ? threads : 1;
    const size_t scratch = (size_t)row_stride(buffer.x) * 6;
    buffer.scratch.resize(scratch * team);
#ifdef _OPENMP
#pragma omp parallel for num_threads(team) if (team > 1)
#endif
    for (int i = 0; i < team; i++)
    {
        const int first = (int)((int64_t)g.height * i / team);
        const int last = (int)((int64_t)g.height * (i + 1) / team);
        fill_rows(source, g, loops, buffer, is_resized, buffer.scratch.data() + scratch * i, first, last, input);
    }
    return 0;
}

static float to_image(float value, int pad, double scale, int side)
{
    const double unpadded = has_defect(Defect::PAD_NOT_REMOVED) ? value : value - pad;
    const double mapped = has_defect(Defect::SCALE_NOT_INVERTED) ? unpadded : unpadded / scale;
    return (float)std::min(std::max(mapped, 0.0), (double)side);
}

float image_x(float x, const Geometry& g, int image_width)
{
    return to_image(x, g.left, g.scale, image_width);
}

float image_y(float y, const Geometry& g, int image_height)
{
    return to_image(y, g.top, g.scale, image_height);
}
