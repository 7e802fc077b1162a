#include "run.h"

#include "dump.h"
#include "image_lines.h"
#include "pipeline.h"
#include "sample_line.h"

#include <algorithm>

int warm_up(Model& model, const Options& o, const Image& image, Pipeline& pipeline, std::string& error)
{
    StageTimes times;
    for (int i = 0; i < o.warmup; i++)
    {
        const int status = run_pipeline(model, o, image, pipeline, times, error);
        if (status != 0)
            return status;
    }
    return 0;
}

// In a build with POSEMARK_LAYER_TIMES ncnn prints the time of every layer to stderr: says which
// iteration the next lines belong to. index -1 is the iteration that is kept apart.
static void announce_layers(const std::string& image_id, int index)
{
#ifdef POSEMARK_LAYER_TIMES
    fprintf(stderr, "posemark-layers %s %d\n", image_id.c_str(), index);
#else
    (void)image_id;
    (void)index;
#endif
}

// Without iterations the first one is all there is: detections are wanted, no times.
static int measure_image(Model& model, const Options& o, const ImageEntry& entry, const Image& image, bool warmed_up, Pipeline& pipeline, std::string& line, std::string& error)
{
    if (o.iterations == 0)
        warmed_up = false;

    // the first iteration on an image is unlike the rest: kept apart, or part of the warm-up
    StageTimes first;
    if (!warmed_up)
        announce_layers(entry.id, -1);
    size_t not_finite = 0;
    if (!warmed_up)
    {
        const int status = run_pipeline(model, o, image, pipeline, first, error);
        if (status != 0)
            return status;
        not_finite = count_not_finite(pipeline);
    }

    Samples samples;
    for (int i = 0; i < o.iterations; i++)
    {
        StageTimes times;
        announce_layers(entry.id, i);
        const int status = run_pipeline(model, o, image, pipeline, times, error);
        if (status != 0)
            return status;
        add_sample(samples, times);
    }
    announce_layers("-", -1);
    not_finite = std::max(not_finite, count_not_finite(pipeline));
    const int status = dump_blobs(model, o, entry.id, pipeline.input, error);
    if (status != 0)
        return status;
    line = sample_line(entry.id, pipeline, warmed_up ? 0 : &first, samples, not_finite, 0);
    return 0;
}

int run_command(const Options& o, std::string& error)
{
    const ImageLine line_of = [&](Model& model, Pipeline& pipeline, size_t index, const ImageEntry& entry, const Image& image, std::string& line, std::string& line_error) {
        const bool warmed_up = index == 0 && o.warmup > 0;
        const int status = warmed_up ? warm_up(model, o, image, pipeline, line_error) : 0;
        if (status != 0)
            return status;
        return measure_image(model, o, entry, image, warmed_up, pipeline, line, line_error);
    };
    return write_image_lines(o, line_of, error);
}
