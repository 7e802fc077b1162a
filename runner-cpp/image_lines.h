// The frame of the commands that print a line per image: header, the lines, end line.

#ifndef POSEMARK_IMAGE_LINES_H
#define POSEMARK_IMAGE_LINES_H

#include "image.h"
#include "pipeline.h"

#include <functional>

// Returns 0 with the image's line, or -1 or MODEL_FAULT with the reason in error. index counts the
// images from 0. The pipeline is one for all images; it ends before the model does, from whose
// allocators its blobs are.
typedef std::function<int(Model& model, Pipeline& pipeline, size_t index, const ImageEntry& entry, const Image& image, std::string& line, std::string& error)> ImageLine;

// Loads the model and writes the line of every image of --images. Returns 0, or -1 or
// MODEL_FAULT with the reason in error; lines written before that are complete.
int write_image_lines(const Options& options, const ImageLine& image_line, std::string& error);

#endif // POSEMARK_IMAGE_LINES_H
