// Rows of the letterbox: the inner loops of letterbox.cpp, written once for each kind of CPU.
//
// A row of the source is stretched to the target's width, into three planes of 16 bit:
//
//   r g b r g b r g b ...   --stretch-->   r r r ... | g g g ... | b b b ...     0 to 255 * 128
//
// Two stretched rows are blended to a row of the network's input, three planes of floats:
//
//   upper, lower            --blend---->   r r r ... , g g g ... , b b b ...     times norm
//
// The arithmetic is that of ncnn::resize_bilinear_c3 (ncnn/src/mat_pixel_resize.cpp, after OpenCV's
// INTER_LINEAR): 11-bit weights, 4 bits cut after the first step, 16 and 2 after the second. All
// CPUs give the same bits.

#ifndef POSEMARK_LETTERBOX_ROWS_H
#define POSEMARK_LETTERBOX_ROWS_H

#include <vector>

// Pixels that the widest loop does at once: tables and planes are padded to a multiple of it.
static const int ROW_LANES = 16;

// Bytes that a loop may read past the last pixel of a row.
static const int ROW_SLACK = 32;

// Where each pixel of a resized side comes from.
struct ResizeAxis
{
    int source = 0;
    int target = 0;
    // first of two neighbouring pixels of the source; padded to a multiple of ROW_LANES
    std::vector<int> offsets;
    // weights of the two, 0 to 2048 each, in pairs; padded as the offsets are
    std::vector<short> weights;
};

// Fills the axis, unless it is that already. Source: at least 2 pixels.
void set_resize_axis(ResizeAxis& axis, int source, int target);

// Values of one stretched plane: the target's width, padded.
int row_stride(const ResizeAxis& axis);

// Where a row of the input goes: one place per plane.
struct RowPlanes
{
    float* plane[3];
};

struct RowLoops
{
    const char* name;
    // row of R G B → three planes of row_stride(axis) values
    void (*stretch)(const unsigned char* row, const ResizeAxis& axis, short* planes);
    // planes of two rows, stride apart, with their weights → width values per plane
    void (*blend)(const short* upper, const short* lower, int stride, const short* weights, int width, float norm, const RowPlanes& out);
    // row of R G B as it is → width values per plane
    void (*spread)(const unsigned char* row, int width, float norm, const RowPlanes& out);
};

// The loops that this binary has and this CPU can run; the fastest is the last.
std::vector<RowLoops> row_loops();

// In files of their own; null where the binary is for other CPUs or this CPU lacks the feature.
const RowLoops* row_loops_avx2();
const RowLoops* row_loops_neon();

#endif // POSEMARK_LETTERBOX_ROWS_H
