// The first line of every run: what this program is and which options took effect.

#ifndef POSEMARK_HEADER_H
#define POSEMARK_HEADER_H

#include "model.h"

// The line of kind "runner" (RunnerHeaderSchema in harness/record/records.ts). model may be 0: then
// nothing was loaded.
std::string header_line(const Options& options, const Model* model);

#endif // POSEMARK_HEADER_H
