// Network outputs → candidates in letterbox pixels.
//
// raw       a blob [H,W,nc+B+K*D] per stride; values of a cell lie together: cls, box, kpt
// raw-nchw  three blobs per stride: box [B,H,W], cls [nc,H,W], kpt [K*D,H,W] (none when K is 0)
// decoded   one blob [4+nc+K*D,N]: cx, cy, w, h, scores, keypoints; pixels, probabilities
// parts     any of these values in any order, cells or channels last, levels apart or together
//
// cell (gx, gy), stride s, for YOLOv8's head (B = 4 * 16 bins); others differ in the numbers and in
// the code of the sides, see head.h:
//
//      l             r            l, t, r, b = expectation over the bins of the softmax (DFL)
//   +--------x--------+   t       x1 = (gx + 0.5 - l) * s     keypoint x = (2 * kx + gx) * s
//   |  (gx+0.5,gy+0.5)|   b       x2 = (gx + 0.5 + r) * s     visibility = sigmoid(kv)
//   +-----------------+
//
// Only cells whose best class logit passes logit(threshold) are looked at: no sigmoid for the rest.

#ifndef POSEMARK_DECODE_H
#define POSEMARK_DECODE_H

#include "letterbox.h"
#include "options.h"

#include "mat.h"

struct Candidate
{
    float x1 = 0.f;
    float y1 = 0.f;
    float x2 = 0.f;
    float y2 = 0.f;
    float score = 0.f;
    int class_index = 0;
};

struct Candidates
{
    // keypoints per candidate
    int keypoint_count = 0;
    std::vector<Candidate> items;
    // x, y, visibility; keypoint_count triples per candidate, in the order of items
    std::vector<float> keypoints;
};

// Shape that output k must have for this input: dims[0] is the outermost, 2 or 3 of them. N of
// decoded is -1: any.
std::vector<int> output_dims(const Output& output, const Options& options, int input_width, int input_height);

// Appends what passes the threshold, in the order level by level, row by row: of a cell its best
// class, or for the selection top-k each class. Returns 0, or -1 with the reason in error.
int decode(const std::vector<ncnn::Mat>& outputs, const Options& options, int input_width, int input_height, Candidates& candidates, std::string& error);

// Number of values in the outputs that are not finite.
size_t count_not_finite(const std::vector<ncnn::Mat>& outputs);

#endif // POSEMARK_DECODE_H
