// ncnn graph and weights, loaded with the options that were asked for, and what of them took
// effect.

#ifndef POSEMARK_MODEL_H
#define POSEMARK_MODEL_H

#include "options.h"

#include "net.h"

// What this process spent before it could answer, nanoseconds. The file may lie in the system's
// cache: it is the process that is cold.
struct ColdStart
{
    // .param: read, checked and parsed, layers made
    int64_t param_ns = 0;
    // .bin: read
    int64_t bin_ns = 0;
    // weights unpacked and laid out for the kernels (Layer::load_model and create_pipeline)
    int64_t pipeline_ns = 0;
    // first run of the network; -1 before it
    int64_t first_inference_ns = -1;
    // resident memory when all was loaded, bytes; -1 when unknown
    int64_t loaded_rss_bytes = -1;
};

struct Model
{
    // the net uses the allocators: it is declared after them, and so goes first
    ncnn::UnlockedPoolAllocator blob_allocator;
    ncnn::PoolAllocator workspace_allocator;
    ncnn::Net net;
    // weights in the .bin are fp16
    bool fp16_weights = false;
    // what the CPU executes, see EFFECTIVE_PRECISIONS in harness/record/precision.ts
    std::string effective_precision = "fp32";
    ColdStart cold;
    // kept by the stale-extractor defect only
    std::vector<ncnn::Mat> stale_outputs;
};

// ncnn's switches for these options.
ncnn::Option ncnn_option(const Options& options);

// What a function returns when the fault is the model's, with the reason in error: ncnn refuses
// its graph or weights, or can't run it at this size. -1 stands for everything else.
static const int MODEL_FAULT = -2;

// Loads --param and --bin. Returns 0, or -1 or MODEL_FAULT with the reason in error.
int load_model(const Options& options, Model& model, std::string& error);

// Runs the graph on input (W x H x 3) and fills one blob per name. Every call uses an Extractor of
// its own, since an Extractor keeps what it computed. keep_all keeps intermediate blobs, for names
// that are not outputs. Returns 0, or -1 or MODEL_FAULT with the reason in error.
int run_network(Model& model, const Options& options, const ncnn::Mat& input, const std::vector<std::string>& names, bool keep_all, std::vector<ncnn::Mat>& blobs, std::string& error);

// Names of the blobs in --outputs.
std::vector<std::string> output_names(const Options& options);

#endif // POSEMARK_MODEL_H
