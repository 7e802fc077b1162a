// The first line of every run: what this program is and which options took effect.

#ifndef POSEMARK_HEADER_H
#define POSEMARK_HEADER_H

#include "model.h"

// The line of kind "runner" (RunnerHeaderSchema in harness/record/records.ts). model may be 0: then
// nothing was loaded. contestant is its place among several models, -1 when it is the only one.
std::string header_line(const Options& options, const Model* model, int contestant = -1);

#endif // POSEMARK_HEADER_H
