#include "sample_line.h"

#include "json.h"

void add_sample(Samples& samples, const StageTimes& times)
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

std::string sample_line(const std::string& id, const Pipeline& p, const StageTimes* first, const Samples& samples, size_t not_finite, const Turn* turn)
{
    Json json;
    json.open_object();
    json.key("kind").string("image");
    if (turn)
    {
        json.key("contestant").integer(turn->contestant);
        json.key("turn").integer(turn->number);
    }
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
