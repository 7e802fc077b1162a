// Times of letterbox() beside ncnn's three calls for the same input, by turns; a JSON line a case.

#include "json.h"
#include "letterbox.h"
#include "timing.h"

#include "cpu.h"

#include <stdlib.h>

static const int WARMUPS = 20;

struct Case
{
    int width;
    int height;
    int side;
    int threads;
};

static Image picture(int width, int height)
{
    Image image;
    image.width = width;
    image.height = height;
    for (int i = 0; i < width * height * 3; i++)
    {
        image.rgb.push_back((unsigned char)(i * 2654435761u >> 24));
    }
    return image;
}

// As an app does it, with memory asked for anew each time, which is how these calls are made.
static int ncnn_calls(const Image& image, const Geometry& g, int threads, ncnn::Mat& input)
{
    const ncnn::Mat resized = ncnn::Mat::from_pixels_resize(image.rgb.data(), ncnn::Mat::PIXEL_RGB, image.width, image.height, g.resized_width, g.resized_height);
    ncnn::Option opt;
    opt.num_threads = threads;
    const int right = g.width - g.resized_width - g.left;
    const int bottom = g.height - g.resized_height - g.top;
    ncnn::copy_make_border(resized, input, g.top, bottom, g.left, right, ncnn::BORDER_CONSTANT, 114.f, opt);
    const float norms[3] = {1.f / 255.f, 1.f / 255.f, 1.f / 255.f};
    input.substract_mean_normalize(0, norms);
    return input.empty() ? -1 : 0;
}

static bool is_same(const ncnn::Mat& a, const ncnn::Mat& b)
{
    for (int c = 0; c < 3; c++)
    {
        for (int i = 0; i < a.w * a.h; i++)
        {
            if (a.channel(c)[i] != b.channel(c)[i])
                return false;
        }
    }
    return a.w == b.w && a.h == b.h;
}

static int measure(const Case& k, int turns, std::string& line)
{
    const Image image = picture(k.width, k.height);
    Options o;
    o.shape_width = k.side;
    o.shape_height = k.side;
    ncnn::set_omp_num_threads(k.threads);

    LetterboxBuffer buffer;
    ncnn::Mat inputs[2];
    std::vector<int64_t> samples[2];
    for (int i = 0; i < WARMUPS + turns; i++)
    {
        // ours, ncnn's, ncnn's, ours
        for (int turn = 0; turn < 2; turn++)
        {
            const int way = (i + turn) % 2;
            const int64_t start = now_ns();
            const Geometry g = letterbox_geometry(image.width, image.height, o);
            const int status = way == 0 ? letterbox(image, g, k.threads, buffer, inputs[0]) : ncnn_calls(image, g, k.threads, inputs[1]);
            const int64_t end = now_ns();
            if (status != 0)
                return -1;
            if (i >= WARMUPS)
                samples[way].push_back(end - start);
        }
    }

    Json json;
    json.open_object();
    json.key("imageSize").integers({k.width, k.height});
    json.key("inputSize").integers({k.side, k.side});
    json.key("threads").integer(k.threads);
    json.key("loops").string(row_loops().back().name);
    json.key("sameBits").boolean(is_same(inputs[0], inputs[1]));
    json.key("letterboxNs").integers(samples[0]);
    json.key("ncnnNs").integers(samples[1]);
    json.close_object();
    line = json.text;
    return 0;
}

int main(int argc, char** argv)
{
    const int turns = argc > 1 ? atoi(argv[1]) : 200;
    LineWriter writer;
    std::string error;
    if (turns < 1 || open_lines(writer, "", error) != 0)
        return 2;
    for (const Case& k : {Case{640, 480, 640, 1}, Case{640, 480, 640, 2}, Case{1280, 720, 640, 1}, Case{1280, 720, 640, 2}})
    {
        std::string line;
        if (measure(k, turns, line) != 0 || write_line(writer, line, error) != 0)
        {
            fprintf(stderr, "Cannot measure the letterbox: memory is short or stdout is closed\n");
            return 1;
        }
    }
    return 0;
}
