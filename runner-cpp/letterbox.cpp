#include "letterbox.h"

#include "defects.h"

#include <math.h>
#include <string.h>

#include <algorithm>

static const unsigned char PAD_VALUE = 114;

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

// Nearest neighbour, or bilinear at pixel corners: what the defects of the same names do.
static void resize_defective(const unsigned char* src, int src_width, int src_height, unsigned char* dst, int width, int height, int stride)
{
    for (int y = 0; y < height; y++)
    {
        for (int x = 0; x < width; x++)
        {
            const float fx = (float)x * src_width / width;
            const float fy = (float)y * src_height / height;
            const int x0 = std::min((int)fx, src_width - 1);
            const int y0 = std::min((int)fy, src_height - 1);
            const int x1 = std::min(x0 + 1, src_width - 1);
            const int y1 = std::min(y0 + 1, src_height - 1);
            const float ax = has_defect(Defect::NEAREST) ? 0.f : fx - x0;
            const float ay = has_defect(Defect::NEAREST) ? 0.f : fy - y0;
            for (int c = 0; c < 3; c++)
            {
                const float upper = src[(y0 * src_width + x0) * 3 + c] * (1.f - ax) + src[(y0 * src_width + x1) * 3 + c] * ax;
                const float lower = src[(y1 * src_width + x0) * 3 + c] * (1.f - ax) + src[(y1 * src_width + x1) * 3 + c] * ax;
                dst[y * stride + x * 3 + c] = (unsigned char)(upper * (1.f - ay) + lower * ay + 0.5f);
            }
        }
    }
}

// ncnn's resize reads a second row and column: an image that has one only gets it repeated.
static const unsigned char* at_least_two(const Image& image, LetterboxBuffer& buffer, int& width, int& height)
{
    width = std::max(image.width, 2);
    height = std::max(image.height, 2);
    if (width == image.width && height == image.height)
        return image.rgb.data();

    buffer.widened.resize((size_t)width * height * 3);
    for (int y = 0; y < height; y++)
    {
        for (int x = 0; x < width; x++)
        {
            const int sx = std::min(x, image.width - 1);
            const int sy = std::min(y, image.height - 1);
            memcpy(&buffer.widened[((size_t)y * width + x) * 3], &image.rgb[((size_t)sy * image.width + sx) * 3], 3);
        }
    }
    return buffer.widened.data();
}

static void paste(const Image& image, const Geometry& g, LetterboxBuffer& buffer)
{
    const int stride = g.width * 3;
    unsigned char* corner = buffer.rgb.data() + (size_t)g.top * stride + g.left * 3;

    if (has_defect(Defect::NEAREST) || has_defect(Defect::CORNER_SAMPLING))
    {
        resize_defective(image.rgb.data(), image.width, image.height, corner, g.resized_width, g.resized_height, stride);
    }
    else if (g.resized_width == image.width && g.resized_height == image.height)
    {
        for (int y = 0; y < image.height; y++)
        {
            memcpy(corner + (size_t)y * stride, &image.rgb[(size_t)y * image.width * 3], (size_t)image.width * 3);
        }
    }
    else
    {
        int width = 0;
        int height = 0;
        const unsigned char* src = at_least_two(image, buffer, width, height);
        ncnn::resize_bilinear_c3(src, width, height, width * 3, corner, g.resized_width, g.resized_height, stride);
    }
}

static void fill_padding(const Geometry& g, LetterboxBuffer& buffer)
{
    const size_t size = (size_t)g.width * g.height * 3;
    if (has_defect(Defect::UNINITIALISED_PAD))
    {
        buffer.rgb.resize(size);
        for (size_t i = 0; i < size; i++)
        {
            buffer.rgb[i] = (unsigned char)(i * 2654435761u >> 13);
        }
        return;
    }
    buffer.rgb.assign(size, has_defect(Defect::PAD_VALUE) ? 0 : PAD_VALUE);
}

static void mirror(const Geometry& g, LetterboxBuffer& buffer)
{
    for (int y = 0; y < g.height; y++)
    {
        unsigned char* row = buffer.rgb.data() + (size_t)y * g.width * 3;
        for (int x = 0; x < g.width / 2; x++)
        {
            std::swap_ranges(row + x * 3, row + x * 3 + 3, row + (g.width - 1 - x) * 3);
        }
    }
}

int letterbox(const Image& image, const Geometry& g, LetterboxBuffer& buffer, ncnn::Mat& input)
{
    fill_padding(g, buffer);
    paste(image, g, buffer);
    if (has_defect(Defect::MIRRORED))
        mirror(g, buffer);

    input.create(g.width, g.height, 3);
    if (input.empty())
        return -1;

    int order[3] = {0, 1, 2};
    if (has_defect(Defect::BGR_SWAP))
        std::swap(order[0], order[2]);
    if (has_defect(Defect::PLANE_ORDER))
        std::rotate(order, order + 1, order + 3);

    const float norm = has_defect(Defect::NO_NORMALIZATION) ? 1.f : has_defect(Defect::MEAN_FORGOTTEN) ? 2.f / 255.f
                                                                                                       : 1.f / 255.f;
    const float offset = has_defect(Defect::MEAN_FORGOTTEN) ? -1.f : 0.f;
    const int size = g.width * g.height;
    const unsigned char* rgb = buffer.rgb.data();
    for (int c = 0; c < 3; c++)
    {
        float* plane = input.channel(c);
        if (has_defect(Defect::INTERLEAVED_PLANES))
        {
            for (int i = 0; i < size; i++)
            {
                plane[i] = rgb[(size_t)c * size + i] * norm;
            }
            continue;
        }
        const unsigned char* src = rgb + order[c];
        for (int i = 0; i < size; i++)
        {
            plane[i] = src[i * 3] * norm + offset;
        }
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
