// One image through all stages, each timed: letterbox → network → decode, NMS and back to image
// pixels.

#ifndef POSEMARK_PIPELINE_H
#define POSEMARK_PIPELINE_H

#include "decode.h"
#include "model.h"

#include <stdint.h>

struct Detection
{
    float score = 0.f;
    int class_index = 0;
    // x1, y1, x2, y2 in pixels of the image, clipped to it
    float box[4] = {0.f, 0.f, 0.f, 0.f};
    // x, y in pixels of the image, confidence
    std::vector<float> keypoints;
};

struct StageTimes
{
    int64_t preprocess_ns = 0;
    int64_t inference_ns = 0;
    int64_t postprocess_ns = 0;
    // measured on its own, not the sum
    int64_t total_ns = 0;
};

// What one image needs on its way; kept between iterations, so that memory is not asked for again.
struct Pipeline
{
    LetterboxBuffer buffer;
    Geometry geometry;
    ncnn::Mat input;
    std::vector<ncnn::Mat> outputs;
    Candidates candidates;
    std::vector<Detection> detections;
};

// Runs all stages once. Returns 0, or -1 or MODEL_FAULT with the reason in error.
int run_pipeline(Model& model, const Options& options, const Image& image, Pipeline& pipeline, StageTimes& times, std::string& error);

// Whether score, box and keypoints are all finite.
bool is_finite(const Detection& detection);

// Number of values in the last outputs, and of detections, that are NaN or infinite. NaN compares
// as below any threshold: without this count it would look like "nobody in the picture".
size_t count_not_finite(const Pipeline& pipeline);

#endif // POSEMARK_PIPELINE_H
