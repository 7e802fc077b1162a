// The command "stages": every stage is fed the reference's tensors, so that each can be judged
// alone. No timing.

#ifndef POSEMARK_STAGES_H
#define POSEMARK_STAGES_H

#include "options.h"

// Reads from --reference-dir, per image id: <id>.input.f32, <id>.out<k>.f32, <id>.candidates.f32.
// Writes to --dump-dir: <id>.preprocess.f32, <id>.out<k>.f32, <id>.decode.f32, <id>.nms.i32.
// Returns 0, or -1 with the reason in error.
int stages_command(const Options& options, std::string& error);

#endif // POSEMARK_STAGES_H
