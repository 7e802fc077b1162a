#include "letterbox_plain.h"

#include "defects.h"

#include <string.h>

#include <algorithm>

static const unsigned char PAD_VALUE = 114;

// Those that change pixels: the others that preprocess shows are in the geometry or elsewhere.
static const Defect PIXEL_DEFECTS[] = {
    Defect::BGR_SWAP,
    Defect::PLANE_ORDER,
    Defect::INTERLEAVED_PLANES,
    Defect::PAD_VALUE,
    Defect::UNINITIALISED_PAD,
    Defect::NEAREST,
    Defect::CORNER_SAMPLING,
    Defect::NO_NORMALIZATION,
    Defect::MEAN_FORGOTTEN,
    Defect::MIRRORED,
};

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

static void paste(const Image& image, const Geometry& g, std::vector<unsigned char>& rgb)
{
    const int stride = g.width * 3;
    unsigned char* corner = rgb.data() + (size_t)g.top * stride + g.left * 3;

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
        Image widened;
        const Image& source = at_least_two(image, widened);
        ncnn::resize_bilinear_c3(source.rgb.data(), source.width, source.height, source.width * 3, corner, g.resized_width, g.resized_height, stride);
    }
}

static void fill_padding(const Geometry& g, std::vector<unsigned char>& rgb)
{
    const size_t size = (size_t)g.width * g.height * 3;
    if (has_defect(Defect::UNINITIALISED_PAD))
    {
        rgb.resize(size);
        for (size_t i = 0; i < size; i++)
        {
            rgb[i] = (unsigned char)(i * 2654435761u >> 13);
        }
        return;
    }
    rgb.assign(size, has_defect(Defect::PAD_VALUE) ? 0 : PAD_VALUE);
}

static void mirror(const Geometry& g, std::vector<unsigned char>& rgb)
{
    for (int y = 0; y < g.height; y++)
    {
        unsigned char* row = rgb.data() + (size_t)y * g.width * 3;
        for (int x = 0; x < g.width / 2; x++)
        {
            std::swap_ranges(row + x * 3, row + x * 3 + 3, row + (g.width - 1 - x) * 3);
        }
    }
}

bool has_pixel_defect()
{
    for (Defect defect : PIXEL_DEFECTS)
    {
        if (has_defect(defect))
            return true;
    }
    return false;
}

int letterbox_plain(const Image& image, const Geometry& g, ncnn::Mat& input)
{
    std::vector<unsigned char> bytes;
    fill_padding(g, bytes);
    paste(image, g, bytes);
    if (has_defect(Defect::MIRRORED))
        mirror(g, bytes);

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
    const unsigned char* rgb = bytes.data();
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
