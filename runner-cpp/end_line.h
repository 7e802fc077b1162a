// The last line: without it the run did not finish.

#ifndef POSEMARK_END_LINE_H
#define POSEMARK_END_LINE_H

#include "model.h"

#include <stddef.h>
#include <stdint.h>

#include <string>

// The line of kind "end" (RunnerEndSchema in harness/record/records.ts); hash covers all bytes of
// the lines before it. cold is 0 where several models share the process.
std::string end_line(size_t image_count, const ColdStart* cold, int64_t elapsed_ns, uint64_t hash);

#endif // POSEMARK_END_LINE_H
