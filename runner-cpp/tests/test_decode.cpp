#include "check.h"
#include "decode.h"

#include <string.h>

#include <limits>

static void fast_exp_is_near_exp_in_its_range()
{
    // with this constant the trick stays within 4.5 percent (N. Schraudolph, "A Fast, Compact
    // Approximation of the Exponential Function", 1999)
    for (float x = -80.f; x < 80.f; x += 0.37f)
    {
        CHECK_NEAR(fast_exp(x) / expf(x), 1.0, 0.045);
    }
    // by hand: 126.93490512 = exponent 126 and mantissa 0.9349: 2^(126 - 127) * 1.9349
    CHECK_NEAR(fast_exp(0.f), 0.96745, 1e-4);
}

static void fast_exp_stays_defined_out_of_its_range()
{
    CHECK(fast_exp(-1000.f) == 0.f);
    CHECK(fast_exp(-std::numeric_limits<float>::infinity()) == 0.f);
    CHECK(fast_exp(std::numeric_limits<float>::quiet_NaN()) == 0.f);
    CHECK(isfinite(fast_exp(1000.f)));
}

static void sigmoid_and_logit_are_inverse()
{
    CHECK_NEAR(sigmoid(0.f, false), 0.5, 0);
    CHECK_NEAR(sigmoid(logit(0.25f), false), 0.25, 1e-7);
    CHECK_NEAR(logit(0.25f), -1.0986123, 1e-6);
    CHECK_NEAR(sigmoid(2.f, true), 1.0 / (1.0 + exp(-2.0)), 0.01);
}

static void dfl_expectation_is_the_mean_bin()
{
    const float uniform[16] = {};
    CHECK_NEAR(dfl_expectation(uniform, 1, 16, false), 7.5, 1e-6);

    float peaked[16] = {};
    peaked[3] = 50.f;
    CHECK_NEAR(dfl_expectation(peaked, 1, 16, false), 3.0, 1e-6);

    // weights 1 and 3 on the bins 2 and 5, nothing elsewhere: (2 + 15) / 4
    float two[16];
    for (float& v : two)
    {
        v = -200.f;
    }
    two[2] = 0.f;
    two[5] = logf(3.f);
    CHECK_NEAR(dfl_expectation(two, 1, 16, false), 4.25, 1e-5);

    // the same values two apart
    float spread[32];
    for (int i = 0; i < 16; i++)
    {
        spread[2 * i] = two[i];
        spread[2 * i + 1] = 99.f;
    }
    CHECK_NEAR(dfl_expectation(spread, 2, 16, false), 4.25, 1e-5);
}

// One level of stride 32 for an input of 96 x 64: 3 x 2 cells, 2 classes, 2 keypoints, 4 bins.
static Options small_options(Layout layout)
{
    Options o;
    o.head.layout = layout;
    o.head.classes = 2;
    o.head.keypoints = 2;
    o.head.keypoint_dims = 3;
    o.head.bins = 4;
    o.score_threshold = 0.25f;
    if (layout == Layout::RAW)
        o.head.outputs = {{"out", Role::RAW, 32, {}}};
    if (layout == Layout::RAW_NCHW)
        o.head.outputs = {{"b", Role::BOX, 32, {}}, {"c", Role::CLS, 32, {}}, {"k", Role::KPT, 32, {}}};
    if (layout == Layout::DECODED)
        o.head.outputs = {{"out", Role::DECODED, 0, {}}};
    return o;
}

// Values of the one cell that fires, at x = 2, y = 1: class 1, sides 1, 2, 0.5, 3, keypoints (1.5,
// -0.25) and (0, 0.5).
static void fill_cell(float* cls, float* box, float* kpt, int step)
{
    cls[0] = -3.f;
    cls[step] = 1.f;
    const float none = -200.f;
    const float bins[4][4] = {{none, 0.f, none, none}, {none, none, 0.f, none}, {0.f, 0.f, none, none}, {none, none, none, 0.f}};
    for (int side = 0; side < 4; side++)
    {
        for (int bin = 0; bin < 4; bin++)
        {
            box[(side * 4 + bin) * step] = bins[side][bin];
        }
    }
    const float keypoints[6] = {1.5f, -0.25f, 0.f, 0.f, 0.5f, 2.f};
    for (int i = 0; i < 6; i++)
    {
        kpt[i * step] = keypoints[i];
    }
}

static void check_the_cell(const Candidates& c)
{
    CHECK(c.items.size() == 1);
    CHECK(c.keypoint_count == 2);
    if (c.items.size() != 1)
        return;
    CHECK_NEAR(c.items[0].x1, (2.5 - 1.0) * 32, 1e-4);
    CHECK_NEAR(c.items[0].y1, (1.5 - 2.0) * 32, 1e-4);
    CHECK_NEAR(c.items[0].x2, (2.5 + 0.5) * 32, 1e-4);
    CHECK_NEAR(c.items[0].y2, (1.5 + 3.0) * 32, 1e-4);
    CHECK_NEAR(c.items[0].score, 1.0 / (1.0 + exp(-1.0)), 1e-6);
    CHECK(c.items[0].class_index == 1);
    CHECK_NEAR(c.keypoints[0], (2 * 1.5 + 2) * 32, 1e-4);
    CHECK_NEAR(c.keypoints[1], (2 * -0.25 + 1) * 32, 1e-4);
    CHECK_NEAR(c.keypoints[2], 0.5, 1e-6);
    CHECK_NEAR(c.keypoints[3], 2 * 32, 1e-4);
    CHECK_NEAR(c.keypoints[4], (2 * 0.5 + 1) * 32, 1e-4);
    CHECK_NEAR(c.keypoints[5], 1.0 / (1.0 + exp(-2.0)), 1e-6);
}

static void decode_raw_gives_the_cell_by_hand()
{
    const Options o = small_options(Layout::RAW);
    const int channels = 2 + 16 + 6;
    ncnn::Mat m(channels, 3, 2);
    m.fill(-9.f);
    float* cell = m.channel(1).row(2);
    fill_cell(cell, cell + 2, cell + 18, 1);

    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    check_the_cell(c);
}

static void decode_raw_nchw_gives_the_cell_by_hand()
{
    const Options o = small_options(Layout::RAW_NCHW);
    ncnn::Mat box(3, 2, 16);
    ncnn::Mat cls(3, 2, 2);
    ncnn::Mat kpt(3, 2, 6);
    box.fill(-9.f);
    cls.fill(-9.f);
    kpt.fill(-9.f);
    // planes of 6 values lie 8 apart in ncnn
    CHECK(box.cstep == cls.cstep);
    fill_cell((float*)cls.data + 5, (float*)box.data + 5, (float*)kpt.data + 5, (int)cls.cstep);

    Candidates c;
    std::string error;
    CHECK(decode({box, cls, kpt}, o, 96, 64, c, error) == 0);
    check_the_cell(c);
}

static void decode_decoded_keeps_pixels_and_probabilities()
{
    const Options o = small_options(Layout::DECODED);
    // 12 x 8 + 6 x 4 + 3 x 2 cells
    ncnn::Mat m(126, 4 + 2 + 6);
    m.fill(0.f);
    const float column[12] = {50.f, 40.f, 20.f, 10.f, 0.3f, 0.6f, 1.f, 2.f, 0.9f, 3.f, 4.f, 0.1f};
    for (int i = 0; i < 12; i++)
    {
        m.row(i)[3] = column[i];
    }
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 1);
    if (c.items.size() != 1)
        return;
    CHECK(c.items[0].x1 == 40.f && c.items[0].y1 == 35.f && c.items[0].x2 == 60.f && c.items[0].y2 == 45.f);
    CHECK(c.items[0].score == 0.6f && c.items[0].class_index == 1);
    CHECK(c.keypoints[2] == 0.9f && c.keypoints[4] == 4.f);

    // the same blob for another input
    CHECK(decode({m}, o, 64, 64, c, error) == -1);
    CHECK(error.find("found 126 cells, expected 84") != std::string::npos);

    // a head without its finest level
    Options coarse = small_options(Layout::DECODED);
    coarse.head.strides = {16, 32};
    ncnn::Mat two_levels(30, 4 + 2 + 6);
    two_levels.fill(0.f);
    CHECK(decode({two_levels}, coarse, 96, 64, c, error) == 0);
    CHECK(decode({m}, coarse, 96, 64, c, error) == -1);
}

static void decode_takes_logits_above_the_threshold_only()
{
    const Options o = small_options(Layout::RAW);
    ncnn::Mat m(24, 3, 2);
    m.fill(0.f);
    for (int y = 0; y < 2; y++)
    {
        for (int x = 0; x < 3; x++)
        {
            m.channel(y).row(x)[0] = -9.f;
            m.channel(y).row(x)[1] = -9.f;
        }
    }
    const float at = logit(0.25f);
    m.channel(0).row(0)[0] = at;
    m.channel(0).row(1)[0] = nextafterf(at, 10.f);
    m.channel(1).row(2)[1] = std::numeric_limits<float>::quiet_NaN();
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 1);
    CHECK(count_not_finite({m}) == 1);
}

static void decode_takes_the_first_of_equal_classes()
{
    const Options o = small_options(Layout::RAW);
    ncnn::Mat m(24, 3, 2);
    m.fill(2.f);
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 6);
    CHECK(c.items[5].class_index == 0);
}

static void decode_refuses_another_shape()
{
    const Options o = small_options(Layout::RAW);
    ncnn::Mat m(25, 3, 2);
    m.fill(0.f);
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == -1);
    CHECK(error.find("found the shape [2,3,25], expected [2,3,24]") != std::string::npos);
}

static void decode_gives_visibility_1_when_there_is_none()
{
    Options o = small_options(Layout::RAW);
    o.head.keypoint_dims = 2;
    ncnn::Mat m(2 + 16 + 4, 3, 2);
    m.fill(1.f);
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 6 && c.keypoints.size() == 36 && c.keypoints[2] == 1.f);
}

// YOLO26's rule: distances as they are, keypoints from the cell's centre and not doubled.
static void decode_follows_the_head_that_it_is_told()
{
    Options o = small_options(Layout::RAW);
    o.head.box = BoxCode::LTRB;
    o.head.keypoint_scale = 1.f;
    o.head.keypoint_origin = 0.5f;
    ncnn::Mat m(2 + 4 + 6, 3, 2);
    m.fill(-9.f);
    const float values[12] = {-3.f, 1.f, 1.f, 2.f, 0.5f, 3.f, 1.5f, -0.25f, 0.f, 0.f, 0.5f, 2.f};
    memcpy(m.channel(1).row(2), values, sizeof(values));
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 1);
    if (c.items.size() != 1)
        return;
    CHECK(c.items[0].x1 == 48.f && c.items[0].y1 == -16.f && c.items[0].x2 == 96.f && c.items[0].y2 == 144.f);
    CHECK(c.keypoints[0] == (1.5f + 2.5f) * 32 && c.keypoints[1] == (-0.25f + 1.5f) * 32);
    CHECK_NEAR(c.keypoints[5], 1.0 / (1.0 + exp(-2.0)), 1e-6);

    o.head.visibility_sigmoid = false;
    o.head.box_origin = 0.f;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items[0].x1 == 32.f && c.keypoints[5] == 2.f);
}

static void decode_gives_every_class_of_a_cell_to_top_k()
{
    Options o = small_options(Layout::RAW);
    o.head.select = Select::TOP_K;
    ncnn::Mat m(24, 3, 2);
    m.fill(-9.f);
    m.channel(1).row(2)[0] = 0.5f;
    m.channel(1).row(2)[1] = 2.f;
    m.channel(0).row(1)[1] = 1.f;
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 3 && c.keypoints.size() == 18);
    CHECK(c.items.size() == 3 && c.items[0].class_index == 1 && c.items[1].class_index == 0 && c.items[2].class_index == 1);
    CHECK(c.items.size() == 3 && c.items[1].x1 == c.items[2].x1 && c.items[1].score < c.items[2].score);
}

static Output parts(const std::string& blob, const std::vector<Value>& values, bool last)
{
    Output output;
    output.blob = blob;
    output.role = Role::PARTS;
    output.parts.values = values;
    output.parts.channels_last = last;
    output.parts.strides = {32};
    return output;
}

// The cell in two blobs, as ncnn's own examples have it: [cells, box + cls] and [cells, kpt].
static void decode_of_parts_gives_the_cell_by_hand()
{
    Options o = small_options(Layout::RAW);
    o.head.outputs = {parts("a", {Value::BOX, Value::CLS}, true), parts("b", {Value::KPT}, true)};
    ncnn::Mat a(18, 6);
    ncnn::Mat b(6, 6);
    a.fill(-9.f);
    b.fill(0.f);
    fill_cell(a.row(5) + 16, a.row(5), b.row(5), 1);
    Candidates c;
    std::string error;
    CHECK(decode({a, b}, o, 96, 64, c, error) == 0);
    check_the_cell(c);

    // channels first, classes through their sigmoid
    o.head.outputs = {parts("a", {Value::SCORES, Value::KPT, Value::BOX}, false)};
    ncnn::Mat m(3, 2, 24);
    m.fill(-9.f);
    float* cell = (float*)m.data + 5;
    fill_cell(cell, cell + 8 * m.cstep, cell + 2 * m.cstep, (int)m.cstep);
    cell[m.cstep] = 1.f / (1.f + expf(-1.f));
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    check_the_cell(c);

    CHECK(decode({ncnn::Mat(4, 2, 24)}, o, 96, 64, c, error) == -1);
}

// Corners as shares of the input, cells first.
static void decode_of_decoded_parts_gives_pixels()
{
    Options o = small_options(Layout::DECODED);
    Output output = parts("out", {Value::BOXES, Value::SCORES, Value::JOINTS}, true);
    output.parts.corners = true;
    output.parts.share = true;
    o.head.outputs = {output};
    ncnn::Mat m(12, 6);
    m.fill(0.f);
    const float row[12] = {0.25f, 0.5f, 0.5f, 0.75f, 0.1f, 0.9f, 0.5f, 0.25f, 0.8f, 1.f, 1.f, 0.7f};
    memcpy(m.row(4), row, sizeof(row));
    Candidates c;
    std::string error;
    CHECK(decode({m}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 1 && c.keypoints.size() == 6);
    if (c.items.size() != 1)
        return;
    CHECK_NEAR(c.items[0].x1, 24, 1e-4);
    CHECK_NEAR(c.items[0].y2, 48, 1e-4);
    CHECK_NEAR(c.items[0].score, 0.9, 1e-6);
    CHECK(c.items[0].class_index == 1);
    CHECK_NEAR(c.keypoints[0], 48, 1e-4);
    CHECK_NEAR(c.keypoints[1], 16, 1e-4);
    CHECK_NEAR(c.keypoints[5], 0.7, 1e-6);
}

static void decode_of_no_keypoints_is_detection()
{
    Options o = small_options(Layout::RAW_NCHW);
    o.head.keypoints = 0;
    o.head.outputs.pop_back();
    ncnn::Mat box(3, 2, 16);
    ncnn::Mat cls(3, 2, 2);
    box.fill(1.f);
    cls.fill(1.f);
    Candidates c;
    std::string error;
    CHECK(decode({box, cls}, o, 96, 64, c, error) == 0);
    CHECK(c.items.size() == 6 && c.keypoints.empty() && c.keypoint_count == 0);
}

void test_decode()
{
    fast_exp_is_near_exp_in_its_range();
    fast_exp_stays_defined_out_of_its_range();
    sigmoid_and_logit_are_inverse();
    dfl_expectation_is_the_mean_bin();
    decode_raw_gives_the_cell_by_hand();
    decode_raw_nchw_gives_the_cell_by_hand();
    decode_decoded_keeps_pixels_and_probabilities();
    decode_takes_logits_above_the_threshold_only();
    decode_takes_the_first_of_equal_classes();
    decode_refuses_another_shape();
    decode_gives_visibility_1_when_there_is_none();
    decode_follows_the_head_that_it_is_told();
    decode_gives_every_class_of_a_cell_to_top_k();
    decode_of_parts_gives_the_cell_by_hand();
    decode_of_decoded_parts_gives_pixels();
    decode_of_no_keypoints_is_detection();
}
