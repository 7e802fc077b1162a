// Blobs written to files: raw little-endian float32, outermost dimension first, no padding between
// channels.

#ifndef POSEMARK_DUMP_H
#define POSEMARK_DUMP_H

#include "model.h"

// Values of the blob in memory order without ncnn's gaps between channels.
std::vector<float> packed_values(const ncnn::Mat& blob);
// Sizes of the blob, outermost first.
std::vector<int64_t> blob_dims(const ncnn::Mat& blob);

// Writes dir/<imageId>.<blob>.f32 for every blob of --dump-blob and adds "file TAB dims TAB blob"
// to dir/index.tsv. Characters of a blob's name that do not suit a file become "_". Returns 0, or
// -1 or MODEL_FAULT with the reason in error.
int dump_blobs(Model& model, const Options& options, const std::string& image_id, const ncnn::Mat& input, std::string& error);

#endif // POSEMARK_DUMP_H
