// The letterbox step by step, one value at a time: what the tests hold letterbox() against, and
// where a test build puts its defects in. Other builds don't have it.

#ifndef POSEMARK_LETTERBOX_PLAIN_H
#define POSEMARK_LETTERBOX_PLAIN_H

#include "letterbox.h"

// Whether the selected defect is one of letterbox_plain().
bool has_pixel_defect();

// As letterbox(): pads bytes, resizes by ncnn::resize_bilinear_c3, separates planes and scales.
int letterbox_plain(const Image& image, const Geometry& geometry, ncnn::Mat& input);

#endif // POSEMARK_LETTERBOX_PLAIN_H
