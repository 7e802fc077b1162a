// What ncnn calls after each layer when its switch NCNN_BENCHMARK is on: prints type, name and time
// to stderr. As ncnn's own functions (src/benchmark.cpp), with three digits more. Read by
// harness/toolchain/layer_times.ts.

#include "benchmark.h"
#include "layer.h"

#include <stdio.h>

namespace ncnn {

static void print_layer(const Layer* layer, double start_ms, double end_ms)
{
    fprintf(stderr, "%-24s %-30s %8.3fms    |\n", layer->type.c_str(), layer->name.c_str(), end_ms - start_ms);
}

void benchmark(const Layer* layer, double start, double end)
{
    print_layer(layer, start, end);
}

void benchmark(const Layer* layer, const Mat& /*bottom_blob*/, Mat& /*top_blob*/, double start, double end)
{
    print_layer(layer, start, end);
}

} // namespace ncnn
