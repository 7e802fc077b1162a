// The head as a value: how blobs become people. The runner knows descriptions, not names of models.
//
//               box code               keypoint = (scale * k + cell + origin) * stride   selection
//  YOLOv8, 11   DFL with 16 bins       scale 2, origin 0                                NMS
//  YOLO26       distances as they are  scale 1, origin 0.5          NMS, or the best k (one-to-one)

#ifndef POSEMARK_HEAD_H
#define POSEMARK_HEAD_H

#include <stddef.h>

#include <string>
#include <vector>

// What the outputs hold, see decode.h.
enum class Layout
{
    DECODED,
    RAW,
    RAW_NCHW,
};

enum class Role
{
    DECODED,
    RAW,
    BOX,
    CLS,
    KPT,
    // as the output's values, order and strides say
    PARTS,
};

// What values are: of a raw head the box code, class logits, keypoint code; of a head that is
// decoded in the graph boxes, scores, joints.
enum class Value
{
    BOX,
    CLS,
    KPT,
    BOXES,
    SCORES,
    JOINTS,
};

// What lies in an output, and how.
struct Parts
{
    // along the channels
    std::vector<Value> values;
    // [cells,C] or [H,W,C]; else [C,cells] or [C,H,W]
    bool channels_last = false;
    // levels whose cells follow each other
    std::vector<int> strides;
    // boxes as two corners; else as centre and size
    bool corners = false;
    // coordinates as shares of the input's sides
    bool share = false;
};

struct Output
{
    std::string blob;
    Role role = Role::RAW;
    int stride = 0;
    // of the role PARTS
    Parts parts;
};

// How the distances of a box's sides from its cell are written, in strides. A new code is told here
// and in head.cpp.
enum class BoxCode
{
    // expectation over the bins of a softmax
    DFL,
    // left, top, right, bottom as they are
    LTRB,
};

enum class Select
{
    NMS,
    // the k best pairs of cell and class, whatever they overlap
    TOP_K,
};

struct Head
{
    Layout layout = Layout::RAW;
    std::vector<Output> outputs;
    // of a decoded head's levels; of the others the outputs say it
    std::vector<int> strides = {8, 16, 32};
    int classes = 1;

    BoxCode box = BoxCode::DFL;
    // per side, of DFL
    int bins = 16;
    // where in its cell the distances start, in cells
    float box_origin = 0.5f;

    // 0: detection
    int keypoints = 17;
    // x, y and perhaps visibility
    int keypoint_dims = 3;
    float keypoint_scale = 2.f;
    float keypoint_origin = 0.f;
    // false: visibility stays a logit
    bool visibility_sigmoid = true;

    Select select = Select::NMS;
};

// The box code of that name. Returns 0, or -1 when there is none.
int box_code_named(const std::string& name, BoxCode& code);
// Values of a cell that code its box.
int box_channels(const Head& head);
// Distance of one side in strides, from its values, step apart.
float box_distance(const Head& head, const float* values, size_t step, bool fast);

// Values of a cell that hold its keypoints.
int keypoint_channels(const Head& head);

// The value of that name. Returns 0, or -1 when there is none.
int value_named(const std::string& name, Value& value);
// Channels that the value takes.
int value_channels(const Head& head, Value value);
// What lies in an output of any role.
Parts parts_of(const Output& output, const Head& head);

// The seed's exponential by bit tricks (github.com/FeiGeChuanShu/ncnn-android-yolov8: fast_exp),
// with the range kept.
float fast_exp(float x);
// 1 / (1 + exp(-x))
float sigmoid(float x, bool fast);
// log(p / (1 - p))
float logit(float p);
// Expectation of the bin under the softmax of count logits, step values apart.
float dfl_expectation(const float* logits, size_t step, int count, bool fast);

#endif // POSEMARK_HEAD_H
