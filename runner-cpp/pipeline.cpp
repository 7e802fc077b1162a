#include "pipeline.h"

#include "defects.h"
#include "select.h"
#include "timing.h"

#include <math.h>

static Detection to_image_pixels(const Candidates& candidates, int index, const Geometry& g, const Image& image)
{
    const Candidate& c = candidates.items[index];
    Detection d;
    d.score = c.score;
    d.class_index = c.class_index;
    d.box[0] = image_x(c.x1, g, image.width);
    d.box[1] = image_y(c.y1, g, image.height);
    d.box[2] = image_x(c.x2, g, image.width);
    d.box[3] = image_y(c.y2, g, image.height);

    const float* triples = candidates.keypoints.data() + (size_t)index * candidates.keypoint_count * 3;
    d.keypoints.resize((size_t)candidates.keypoint_count * 3);
    for (int k = 0; k < candidates.keypoint_count; k++)
    {
        const float* t = triples + k * 3;
        float* out = d.keypoints.data() + k * 3;
        out[0] = has_defect(Defect::KEYPOINTS_NOT_MAPPED) ? t[0] : image_x(t[0], g, image.width);
        out[1] = has_defect(Defect::KEYPOINTS_NOT_MAPPED) ? t[1] : image_y(t[1], g, image.height);
        out[2] = t[2];
        if (has_defect(Defect::KEYPOINTS_ZEROED) && t[2] < 0.5f)
        {
            out[0] = 0.f;
            out[1] = 0.f;
        }
    }
    return d;
}

static int postprocess(const Options& o, const Image& image, Pipeline& p, std::string& error)
{
    if (decode(p.outputs, o, p.geometry.width, p.geometry.height, p.candidates, error) != 0)
        return -1;
    const std::vector<int> kept = select(p.candidates.items, o.head.select, o.nms_iou, o.max_detections);
    p.detections.clear();
    for (int index : kept)
    {
        p.detections.push_back(to_image_pixels(p.candidates, index, p.geometry, image));
    }
    return 0;
}

int run_pipeline(Model& model, const Options& o, const Image& image, Pipeline& p, StageTimes& times, std::string& error)
{
    const std::vector<std::string> names = output_names(o);

    const int64_t start = now_ns();
    p.geometry = letterbox_geometry(image.width, image.height, o);
    if (letterbox(image, p.geometry, o.threads, p.buffer, p.input) != 0)
    {
        error = "Cannot letterbox an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) + ": memory is short";
        return -1;
    }
    const int64_t prepared = now_ns();

    // back to the pool first: the network then writes where the caches are warm (1 % faster)
    p.outputs.clear();
    const int64_t network_start = now_ns();
    const int status = run_network(model, o, p.input, names, false, p.outputs, error);
    if (status != 0)
        return status;
    if (o.inject_slowdown_percent > 0.0)
        busy_wait_ns((int64_t)((double)(now_ns() - network_start) * o.inject_slowdown_percent / 100.0));
    const int64_t inferred = now_ns();

    const int64_t postprocess_start = now_ns();
    // only outputs of other sizes than the head's fail here
    if (postprocess(o, image, p, error) != 0)
        return MODEL_FAULT;
    const int64_t end = now_ns();

    times.preprocess_ns = prepared - start;
    times.inference_ns = inferred - network_start;
    times.postprocess_ns = end - postprocess_start;
    times.total_ns = end - start;
    return 0;
}

bool is_finite(const Detection& d)
{
    bool finite = isfinite(d.score);
    for (float side : d.box)
    {
        finite = finite && isfinite(side);
    }
    for (float value : d.keypoints)
    {
        finite = finite && isfinite(value);
    }
    return finite;
}

size_t count_not_finite(const Pipeline& p)
{
    size_t count = count_not_finite(p.outputs);
    for (const Detection& d : p.detections)
    {
        count += is_finite(d) ? 0 : 1;
    }
    return count;
}
