// Blobs of a network on one tensor, whatever its outputs hold: how files of others are looked at.

#ifndef POSEMARK_BLOBS_H
#define POSEMARK_BLOBS_H

#include "options.h"

// Runs the network on the tensor [3,H,W] of --tensor and writes the blobs of --dump-blob to
// --dump-dir as dump_blobs() does, with the image id "tensor". Returns 0, or -1 or MODEL_FAULT with
// the reason in error.
int blobs_command(const Options& options, std::string& error);

#endif // POSEMARK_BLOBS_H
