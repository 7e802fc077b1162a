#include "check.h"
#include "letterbox.h"
#include "letterbox_plain.h"

#include <string.h>

#include <random>

static Options shape(int width, int height)
{
    Options o;
    o.shape_width = width;
    o.shape_height = height;
    return o;
}

static Options rect(int long_side)
{
    Options o;
    o.rect_long_side = long_side;
    return o;
}

static bool is(const Geometry& g, int width, int height, int resized_width, int resized_height, int left, int top)
{
    return g.width == width && g.height == height && g.resized_width == resized_width && g.resized_height == resized_height && g.left == left && g.top == top;
}

static void geometry_by_hand()
{
    // bus.jpg: r = 640/1080; 810 * r = 480
    CHECK(is(letterbox_geometry(810, 1080, shape(640, 640)), 640, 640, 480, 640, 80, 0));
    // wide: r = 1; the odd 213 rows of padding: top = round(106.5 - 0.1) = 106
    CHECK(is(letterbox_geometry(640, 427, shape(640, 640)), 640, 640, 640, 427, 0, 106));
    // 427 * 320/640 = 213.5 → 214 (even), 640x480 is untouched
    CHECK(is(letterbox_geometry(640, 427, shape(320, 320)), 320, 320, 320, 214, 0, 53));
    CHECK(is(letterbox_geometry(640, 480, shape(640, 480)), 640, 480, 640, 480, 0, 0));
    // enlarged: 10x20 into 640x640
    CHECK(is(letterbox_geometry(10, 20, shape(640, 640)), 640, 640, 320, 640, 160, 0));
    // 425 * 0.5 = 212.5 → 212 (even)
    CHECK(letterbox_geometry(640, 425, shape(320, 320)).resized_height == 212);
    // one row of a very wide image stays
    CHECK(letterbox_geometry(10000, 1, shape(640, 640)).resized_height == 1);
}

static void rect_geometry_by_hand()
{
    // 810x1080 → 480x640: both multiples of 32
    CHECK(is(letterbox_geometry(810, 1080, rect(640)), 480, 640, 480, 640, 0, 0));
    // 640x427 → height 448, 21 rows of padding: top = round(10.4) = 10
    CHECK(is(letterbox_geometry(640, 427, rect(640)), 640, 448, 640, 427, 0, 10));
    CHECK(is(letterbox_geometry(1, 1000, rect(640)), 32, 640, 1, 640, 15, 0));
}

static Image gradient(int width, int height)
{
    Image image;
    image.width = width;
    image.height = height;
    for (int i = 0; i < width * height * 3; i++)
    {
        image.rgb.push_back((unsigned char)(i * 7 % 251));
    }
    return image;
}

static ncnn::Mat letterboxed(const Image& image, const Options& o)
{
    LetterboxBuffer buffer;
    ncnn::Mat input;
    const Geometry g = letterbox_geometry(image.width, image.height, o);
    CHECK(letterbox(image, g, 1, buffer, input) == 0);
    CHECK(input.w == g.width && input.h == g.height && input.c == 3);
    return input;
}

static void letterbox_copies_pixels_and_pads()
{
    const Image image = gradient(32, 20);
    const ncnn::Mat input = letterboxed(image, shape(32, 32));
    CHECK_NEAR(input.channel(0).row(5)[3], 114.0 / 255, 1e-6);
    CHECK_NEAR(input.channel(2).row(26)[31], 114.0 / 255, 1e-6);
    for (int c = 0; c < 3; c++)
    {
        CHECK_NEAR(input.channel(c).row(6)[0], image.rgb[c] / 255.0, 1e-6);
        CHECK_NEAR(input.channel(c).row(25)[31], image.rgb[(19 * 32 + 31) * 3 + c] / 255.0, 1e-6);
    }
}

// OpenCV's INTER_LINEAR for 8 bits, written anew: half-pixel centres, 11-bit coefficients.
static int bilinear(const Image& image, int width, int height, int x, int y, int c)
{
    const auto place = [](int d, int source, int target, int& first, int& a0, int& a1) {
        float f = (float)((d + 0.5) * ((double)source / target) - 0.5);
        first = (int)floorf(f);
        f -= (float)first;
        if (first < 0)
        {
            first = 0;
            f = 0.f;
        }
        if (first >= source - 1)
        {
            first = source - 2;
            f = 1.f;
        }
        a0 = (int)((1.f - f) * 2048.f + 0.5f);
        a1 = (int)(f * 2048.f + 0.5f);
    };
    int x0, y0, a0, a1, b0, b1;
    place(x, image.width, width, x0, a0, a1);
    place(y, image.height, height, y0, b0, b1);
    const unsigned char* upper = &image.rgb[(y0 * image.width + x0) * 3 + c];
    const unsigned char* lower = upper + image.width * 3;
    const int s0 = (upper[0] * a0 + upper[3] * a1) >> 4;
    const int s1 = (lower[0] * a0 + lower[3] * a1) >> 4;
    return (((b0 * s0) >> 16) + ((b1 * s1) >> 16) + 2) >> 2;
}

static void letterbox_resizes_bit_for_bit(int width, int height, int side)
{
    const Image image = gradient(width, height);
    const Options o = shape(side, side);
    const Geometry g = letterbox_geometry(width, height, o);
    const ncnn::Mat input = letterboxed(image, o);
    int different = 0;
    for (int y = 0; y < g.resized_height; y++)
    {
        for (int x = 0; x < g.resized_width; x++)
        {
            for (int c = 0; c < 3; c++)
            {
                const float found = input.channel(c).row(g.top + y)[g.left + x];
                different += found == (float)bilinear(image, g.resized_width, g.resized_height, x, y, c) * (1.f / 255.f) ? 0 : 1;
            }
        }
    }
    CHECK(different == 0);
}

static Image noise(int width, int height, std::mt19937& random)
{
    Image image;
    image.width = width;
    image.height = height;
    // exactly as long as it is: the sanitizer sees a byte too far
    image.rgb = std::vector<unsigned char>((size_t)width * height * 3);
    for (unsigned char& value : image.rgb)
    {
        value = (unsigned char)(random() >> 24);
    }
    return image;
}

// Values that differ in their bits, padding between planes left out.
static int count_different(const ncnn::Mat& a, const ncnn::Mat& b)
{
    if (a.w != b.w || a.h != b.h || a.c != b.c)
        return -1;
    int different = 0;
    for (int c = 0; c < a.c; c++)
    {
        for (int i = 0; i < a.w * a.h; i++)
        {
            different += memcmp((const float*)a.channel(c) + i, (const float*)b.channel(c) + i, sizeof(float)) == 0 ? 0 : 1;
        }
    }
    return different;
}

// Every loop that this CPU can run against the plain form; the buffer is kept as an app keeps it.
static void compare_with_plain(const Image& image, const Options& o, LetterboxBuffer& buffer)
{
    const Geometry g = letterbox_geometry(image.width, image.height, o);
    ncnn::Mat expected;
    CHECK(letterbox_plain(image, g, expected) == 0);
    for (const RowLoops& loops : row_loops())
    {
        for (int threads : {1, 3})
        {
            ncnn::Mat found(g.width, g.height, 3);
            found.fill(-1.f);
            CHECK(letterbox_by(loops, image, g, threads, buffer, found) == 0);
            const int different = count_different(found, expected);
            if (different != 0)
                fprintf(stderr, "%s, %d threads: %dx%d to %dx%d\n", loops.name, threads, image.width, image.height, g.resized_width, g.resized_height);
            CHECK(different == 0);
        }
    }
}

static void letterbox_is_the_plain_form_at_any_size()
{
#if defined __aarch64__
    CHECK(std::string(row_loops().back().name) == "neon");
#endif
    std::mt19937 random(17);
    LetterboxBuffer buffer;
    // by octaves from 1 to 4000
    const auto side = [&](int most) { return std::min(most, (int)exp2((random() % 12000) / 1000.0)); };
    for (int i = 0; i < 200; i++)
    {
        const int width = side(4000);
        const int height = side(std::max(1, std::min(4000, 200000 / width)));
        const Image image = noise(i % 2 ? width : height, i % 2 ? height : width, random);
        const int target = 1 + random() % 300;
        compare_with_plain(image, i % 3 == 0 ? rect(32 + target) : shape(target, 1 + random() % 300), buffer);
    }
    // as it is, at widths around those of a vector; halved; enlarged; with threads
    for (int width = 1; width <= 34; width++)
    {
        compare_with_plain(noise(width, 7, random), shape(width, 9), buffer);
    }
    compare_with_plain(noise(640, 480, random), shape(640, 640), buffer);
    compare_with_plain(noise(641, 361, random), shape(320, 320), buffer);
    compare_with_plain(noise(4000, 3, random), shape(320, 320), buffer);
    compare_with_plain(noise(2, 4000, random), rect(640), buffer);
}

static void letterbox_takes_images_of_one_pixel()
{
    const Image dot = gradient(1, 1);
    const ncnn::Mat input = letterboxed(dot, shape(32, 32));
    CHECK_NEAR(input.channel(1).row(17)[9], dot.rgb[1] / 255.0, 1e-6);

    const Image line = gradient(40, 1);
    const ncnn::Mat wide = letterboxed(line, shape(64, 64));
    CHECK_NEAR(wide.channel(0).row(32)[0], line.rgb[0] / 255.0, 1e-2);
}

static void image_coordinates_are_mapped_back_and_clipped()
{
    const Geometry g = letterbox_geometry(810, 1080, shape(640, 640));
    CHECK_NEAR(image_x(80.f, g, 810), 0, 1e-6);
    CHECK_NEAR(image_x(320.f, g, 810), 405, 1e-4);
    CHECK_NEAR(image_y(320.f, g, 1080), 540, 1e-4);
    CHECK(image_x(0.f, g, 810) == 0.f);
    CHECK(image_x(640.f, g, 810) == 810.f);
}

void test_letterbox()
{
    geometry_by_hand();
    rect_geometry_by_hand();
    letterbox_copies_pixels_and_pads();
    letterbox_resizes_bit_for_bit(427, 640, 320);
    letterbox_resizes_bit_for_bit(33, 21, 96);
    letterbox_resizes_bit_for_bit(500, 375, 640);
    letterbox_is_the_plain_form_at_any_size();
    letterbox_takes_images_of_one_pixel();
    image_coordinates_are_mapped_back_and_clipped();
}
