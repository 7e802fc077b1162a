#include "run.h"

#include "dump.h"
#include "image_lines.h"
#include "json.h"
#include "pipeline.h"

#include <algorithm>

struct Samples
{
    std::vector<int64_t> preprocess_ns;
    std::vector<int64_t> inference_ns;
    std::vector<int64_t> postprocess_ns;
    std::vector<int64_t> total_ns;
};

static void add_sample(Samples& samples, const StageTimes& times)
{
    samples.preprocess_ns.push_back(times.preprocess_ns);
    samples.inference_ns.push_back(times.inference_ns);
    samples.postprocess_ns.push_back(times.postprocess_ns);
    samples.total_ns.push_back(times.total_ns);
}

static void write_detection(Json& json, const Detection& d)
{
    json.open_object();
    json.key("score").number(d.score);
    json.key("classIndex").integer(d.class_index);
    json.key("boxXyxyPx").open_array();
    for (float side : d.box)
    {
        json.number(side);
    }
    json.close_array();
    json.key("keypoints").open_array();
    for (size_t k = 0; k < d.keypoints.size(); k += 3)
    {
        json.open_array();
        json.number(d.keypoints[k]).number(d.keypoints[k + 1]).number(d.keypoints[k + 2]);
        json.close_array();
    }
    json.close_array();
    json.close_object();
}

static std::string image_line(const std::string& id, const Pipeline& p, const StageTimes* first, const Samples& samples, size_t not_finite)
{
    Json json;
    json.open_object();
    json.key("kind").string("image");
    json.key("imageId").string(id);
    json.key("inputWidthPx").integer(p.geometry.width);
    json.key("inputHeightPx").integer(p.geometry.height);
    json.key("firstNs");
    if (first)
    {
        json.open_object();
        json.key("preprocess").integer(first->preprocess_ns);
        json.key("inference").integer(first->inference_ns);
        json.key("postprocess").integer(first->postprocess_ns);
        json.key("total").integer(first->total_ns);
        json.close_object();
    }
    else
    {
        json.null();
    }
    json.key("samplesNs").open_object();
    json.key("preprocess").integers(samples.preprocess_ns);
    json.key("inference").integers(samples.inference_ns);
    json.key("postprocess").integers(samples.postprocess_ns);
    json.key("total").integers(samples.total_ns);
    json.close_object();
    json.key("candidateCount").integer((int64_t)p.candidates.items.size());
    if (not_finite > 0)
        json.key("notFinite").integer((int64_t)not_finite);
    json.key("detections").open_array();
    for (const Detection& d : p.detections)
    {
        if (is_finite(d))
            write_detection(json, d);
    }
    json.close_array();
    json.close_object();
    return json.text;
}

// Warm-up on the first image. Returns 0, or -1 or MODEL_FAULT with the reason in error.
static int warm_up(Model& model, const Options& o, const Image& image, Pipeline& pipeline, std::string& error)
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
    line = image_line(entry.id, pipeline, warmed_up ? 0 : &first, samples, not_finite);
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
