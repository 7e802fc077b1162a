// The command "run": images → timed iterations → one line per image.

#ifndef POSEMARK_RUN_H
#define POSEMARK_RUN_H

#include "pipeline.h"

// Iterations of --warmup on an image, nothing of which is kept. Returns 0, or -1 or MODEL_FAULT
// with the reason in error.
int warm_up(Model& model, const Options& options, const Image& image, Pipeline& pipeline, std::string& error);

// Returns 0, or -1 with the reason in error; lines written before that are complete.
int run_command(const Options& options, std::string& error);

#endif // POSEMARK_RUN_H
