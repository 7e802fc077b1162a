// The line of one image: what was sampled on it, and what was found.

#ifndef POSEMARK_SAMPLE_LINE_H
#define POSEMARK_SAMPLE_LINE_H

#include "pipeline.h"

struct Samples
{
    std::vector<int64_t> preprocess_ns;
    std::vector<int64_t> inference_ns;
    std::vector<int64_t> postprocess_ns;
    std::vector<int64_t> total_ns;
};

void add_sample(Samples& samples, const StageTimes& times);

// Whose turn it was, and the how many-th of the launch.
struct Turn
{
    int contestant = 0;
    int64_t number = 0;
};

// The line of kind "image" (RunnerImageSchema in harness/record/records.ts). first is the iteration
// that is kept apart, 0 where there is none; turn is 0 where the process has one model only.
std::string sample_line(const std::string& id, const Pipeline& pipeline, const StageTimes* first, const Samples& samples, size_t not_finite, const Turn* turn);

#endif // POSEMARK_SAMPLE_LINE_H
