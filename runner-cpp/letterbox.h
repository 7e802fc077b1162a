// Image → network input: scale keeping the aspect, pad with 114, planes R G B, value / 255.
//
//   image w x h                 input W x H
//   +--------+                  +-----------------+
//   |        |   scale r        |  114            | top
//   |        |  ---------->     +-----------------+
//   +--------+                  |   image newW x  | newH
//                               |   newH          |
//                               +-----------------+
//                               |  114            |
//                               +-----------------+
//                               left = 0 here
//
// The geometry is ultralytics' LetterBox (ultralytics/data/augment.py), centred, enlarging allowed.

#ifndef POSEMARK_LETTERBOX_H
#define POSEMARK_LETTERBOX_H

#include "image.h"
#include "letterbox_rows.h"
#include "options.h"

#include "mat.h"

struct Geometry
{
    // input of the network
    int width = 0;
    int height = 0;
    // the image inside of it
    int resized_width = 0;
    int resized_height = 0;
    int left = 0;
    int top = 0;
    // input pixels per image pixel
    double scale = 1.0;
};

// Where an image of this size lies in the network's input.
Geometry letterbox_geometry(int image_width, int image_height, const Options& options);

// Tables and rows, reused between images.
struct LetterboxBuffer
{
    ResizeAxis x;
    ResizeAxis y;
    Image widened;
    std::vector<unsigned char> end_rows;
    std::vector<short> scratch;
};

// Fills input with the image: width x height x 3, 0 to 1, in one pass over its rows, by so many
// threads. Returns 0, or -1 when memory is short.
int letterbox(const Image& image, const Geometry& geometry, int threads, LetterboxBuffer& buffer, ncnn::Mat& input);
// The same by the given loops.
int letterbox_by(const RowLoops& loops, const Image& image, const Geometry& geometry, int threads, LetterboxBuffer& buffer, ncnn::Mat& input);

// The image, or where it is one pixel wide or high a copy with that pixel repeated: bilinear
// interpolation reads two.
const Image& at_least_two(const Image& image, Image& widened);

// x of the letterboxed input → x of the image, clipped to it. The same for y.
float image_x(float x, const Geometry& geometry, int image_width);
float image_y(float y, const Geometry& geometry, int image_height);

#endif // POSEMARK_LETTERBOX_H
