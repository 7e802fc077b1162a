#include "decode.h"

#include "defects.h"

#include <math.h>

#include <algorithm>

// Cells of all levels of an input of this size.
static int cell_count(const std::vector<int>& strides, int input_width, int input_height)
{
    int cells = 0;
    for (int stride : strides)
    {
        cells += (input_width / stride) * (input_height / stride);
    }
    return cells;
}

static int channel_count(const Parts& parts, const Head& head)
{
    int channels = 0;
    for (Value value : parts.values)
    {
        channels += value_channels(head, value);
    }
    return channels;
}

std::vector<int> output_dims(const Output& output, const Options& o, int input_width, int input_height)
{
    const Parts parts = parts_of(output, o.head);
    const int channels = channel_count(parts, o.head);
    if (output.role == Role::DECODED)
        return {channels, -1};
    if (output.role == Role::PARTS)
    {
        const int cells = cell_count(parts.strides, input_width, input_height);
        return parts.channels_last ? std::vector<int>{cells, channels} : std::vector<int>{channels, cells};
    }
    const int h = input_height / output.stride;
    const int w = input_width / output.stride;
    return parts.channels_last ? std::vector<int>{h, w, channels} : std::vector<int>{channels, h, w};
}

// The same with the cells of one level in rows and columns; empty for several levels.
static std::vector<int> grid_dims(const Output& output, const Options& o, int input_width, int input_height)
{
    const Parts parts = parts_of(output, o.head);
    if (output.role != Role::PARTS || parts.strides.size() != 1)
        return {};
    const int channels = channel_count(parts, o.head);
    const int h = input_height / parts.strides[0];
    const int w = input_width / parts.strides[0];
    return parts.channels_last ? std::vector<int>{h, w, channels} : std::vector<int>{channels, h, w};
}

static std::string dims_text(const std::vector<int>& dims)
{
    std::string text = "[";
    for (size_t i = 0; i < dims.size(); i++)
    {
        text += (i ? "," : "") + (dims[i] < 0 ? std::string("N") : std::to_string(dims[i]));
    }
    return text + "]";
}

static std::vector<int> dims_of(const ncnn::Mat& m)
{
    std::vector<int> dims;
    if (m.dims == 3 || m.dims == 4) dims.push_back(m.c);
    if (m.dims == 4) dims.push_back(m.d);
    if (m.dims >= 2) dims.push_back(m.h);
    if (m.dims >= 1) dims.push_back(m.w);
    return dims;
}

// Whether the sizes are these, with or without a batch of 1 before them; -1 stands for any size.
static bool has_dims(std::vector<int> found, const std::vector<int>& expected)
{
    // a leading 1 is the batch, when the graph kept it
    if (found.size() == expected.size() + 1 && found[0] == 1)
        found.erase(found.begin());
    bool same = found.size() == expected.size();
    for (size_t i = 0; same && i < found.size(); i++)
    {
        same = expected[i] < 0 || expected[i] == found[i];
    }
    return same;
}

static int check_dims(const Output& output, const ncnn::Mat& m, const Options& o, int input_width, int input_height, std::string& error)
{
    const std::vector<int> found = dims_of(m);
    const std::vector<int> expected = output_dims(output, o, input_width, input_height);
    const std::vector<int> grid = grid_dims(output, o, input_width, input_height);
    const bool same = m.elempack == 1 && m.elembits() == 32 && (has_dims(found, expected) || (!grid.empty() && has_dims(found, grid)));
    if (!same)
    {
        error = "Cannot decode the output \"" + output.blob + "\": found the shape " + dims_text(found) + ", expected " + dims_text(expected) + " for an input of "
                + std::to_string(input_width) + "x" + std::to_string(input_height) + ": check --head, --outputs, --classes, --keypoints and --shape against the model";
        return -1;
    }
    // the grid is part of such a graph: for another input size ncnn runs it all the same, and gives
    // nonsense
    const int cells = cell_count(o.head.strides, input_width, input_height);
    if (output.role == Role::DECODED && m.w != cells)
    {
        error = "Cannot decode the output \"" + output.blob + "\": found " + std::to_string(m.w) + " cells, expected " + std::to_string(cells) + " for an input of "
                + std::to_string(input_width) + "x" + std::to_string(input_height)
                + ": use --shape with the size that the model was exported with, and --strides with those of its head";
        return -1;
    }
    return 0;
}

// Where values lie: of cell (x, y), base[y * row + x * column + channel * step].
struct View
{
    const float* base = 0;
    size_t row = 0;
    size_t column = 1;
    size_t step = 1;
};

// Values of one level.
struct LevelView
{
    View cls;
    // the graph put the classes through their sigmoid
    bool is_score = false;
    View box;
    View kpt;
    int width = 0;
    int height = 0;
    int stride = 0;
};

static const float* at(const View& view, int x, int y)
{
    return view.base + y * view.row + x * view.column;
}

static int left_right_partner(int keypoint, int count)
{
    // COCO: nose first, then pairs of left and right
    if (count % 2 == 1 && keypoint == 0)
        return 0;
    const int first = count % 2;
    const int partner = first + ((keypoint - first) ^ 1);
    return partner < count ? partner : keypoint;
}

static void store_keypoint(float* triple, float x, float y, float v)
{
    if (has_defect(Defect::KEYPOINT_XY))
        std::swap(x, y);
    if (has_defect(Defect::INT_TRUNCATION))
    {
        x = truncf(x);
        y = truncf(y);
    }
    triple[0] = x;
    triple[1] = y;
    triple[2] = v;
}

static void decode_keypoints(const LevelView& level, int column, int row, int x, int y, const Options& o, Candidates& candidates)
{
    const size_t begin = candidates.keypoints.size();
    candidates.keypoints.resize(begin + (size_t)o.head.keypoints * 3);

    const float scale = o.head.keypoint_scale;
    const float origin = o.head.keypoint_origin;
    const float stride = (float)level.stride;
    for (int k = 0; k < o.head.keypoints; k++)
    {
        const float* p = at(level.kpt, column, row) + (size_t)k * o.head.keypoint_dims * level.kpt.step;
        const int place = has_defect(Defect::KEYPOINT_LEFT_RIGHT) ? left_right_partner(k, o.head.keypoints) : k;
        const float kx = (scale * p[0] + (float)x + origin) * stride;
        const float ky = (scale * p[level.kpt.step] + (float)y + origin) * stride;
        float v = 1.f;
        if (o.head.keypoint_dims == 3)
        {
            const float raw = p[2 * level.kpt.step];
            v = o.head.visibility_sigmoid ? sigmoid(raw, o.fast_sigmoid) : raw;
        }
        store_keypoint(&candidates.keypoints[begin + (size_t)place * 3], kx, ky, v);
    }
}

static Candidate decode_box(const LevelView& level, const float* box, int x, int y, const Options& o)
{
    const int per_side = box_channels(o.head) / 4;
    float side[4];
    for (int i = 0; i < 4; i++)
    {
        side[i] = box_distance(o.head, box + (size_t)i * per_side * level.box.step, level.box.step, o.fast_sigmoid);
    }
    if (has_defect(Defect::BOX_SIDES_SWAPPED))
        std::swap(side[0], side[2]);

    const float origin = o.head.box_origin;
    const float stride = (float)level.stride;
    Candidate c;
    c.x1 = ((float)x + origin - side[0]) * stride;
    c.y1 = ((float)y + origin - side[1]) * stride;
    c.x2 = ((float)x + origin + side[2]) * stride;
    c.y2 = ((float)y + origin + side[3]) * stride;

    if (has_defect(Defect::BOX_CENTRE_SIZE))
    {
        const Candidate corners = c;
        c.x1 = (corners.x1 + corners.x2) / 2;
        c.y1 = (corners.y1 + corners.y2) / 2;
        c.x2 = corners.x2 - corners.x1;
        c.y2 = corners.y2 - corners.y1;
    }
    if (has_defect(Defect::INT_TRUNCATION))
    {
        c.x1 = truncf(c.x1);
        c.y1 = truncf(c.y1);
        c.x2 = truncf(c.x2);
        c.y2 = truncf(c.y2);
    }
    return c;
}

struct ClassRange
{
    int first;
    int last;
};

// Classes of a cell that become candidates: the best one, or for a selection without NMS all.
static ClassRange classes_of(int best_class, const Head& head)
{
    if (head.select == Select::TOP_K)
        return {0, head.classes - 1};
    return {best_class, best_class};
}

static void decode_level(const LevelView& level, const Options& o, Candidates& candidates)
{
    const bool as_it_is = level.is_score || has_defect(Defect::THRESHOLD_LOGIT);
    const float threshold = as_it_is ? o.score_threshold : logit(o.score_threshold);
    const int column_step = has_defect(Defect::ODD_COLUMNS_MISSING) ? 2 : 1;
    for (int y = 0; y < level.height; y++)
    {
        for (int x = 0; x < level.width; x += column_step)
        {
            const float* cls = at(level.cls, x, y);
            float best = cls[0];
            int best_class = 0;
            for (int i = 1; i < o.head.classes; i++)
            {
                if (cls[i * level.cls.step] > best)
                {
                    best = cls[i * level.cls.step];
                    best_class = i;
                }
            }
            if (!(best > threshold))
                continue;

            const int gx = has_defect(Defect::TRANSPOSED_HEAD) ? y : x;
            const int gy = has_defect(Defect::TRANSPOSED_HEAD) ? x : y;
            const ClassRange classes = classes_of(best_class, o.head);
            for (int i = classes.first; i <= classes.last; i++)
            {
                const float value = cls[i * level.cls.step];
                if (!(value > threshold))
                    continue;
                Candidate c = decode_box(level, at(level.box, x, y), gx, gy, o);
                c.score = level.is_score || has_defect(Defect::SCORE_LOGIT) ? value : sigmoid(value, o.fast_sigmoid);
                c.class_index = i;
                candidates.items.push_back(c);
                decode_keypoints(level, x, y, gx, gy, o, candidates);
            }
        }
    }
}

static bool holds(const Parts& parts, Value value, int stride)
{
    return std::find(parts.values.begin(), parts.values.end(), value) != parts.values.end()
           && std::find(parts.strides.begin(), parts.strides.end(), stride) != parts.strides.end();
}

struct InputSize
{
    int width;
    int height;
};

// Where the values of a level lie in a blob that holds them.
static View view_in(const ncnn::Mat& m, const Parts& parts, Value value, int stride, const Options& o, InputSize input)
{
    size_t channel = 0;
    for (size_t i = 0; parts.values[i] != value; i++)
    {
        channel += (size_t)value_channels(o.head, parts.values[i]);
    }
    size_t cell = 0;
    for (size_t i = 0; parts.strides[i] != stride; i++)
    {
        cell += (size_t)cell_count({parts.strides[i]}, input.width, input.height);
    }

    View v;
    const size_t width = (size_t)(input.width / stride);
    const bool flat = m.dims == 2 || (m.dims == 3 && m.c == 1);
    // the batch of 1 is d in a 4-dimensional blob (c = 1); channels lie cstep apart
    const size_t plane = flat ? (size_t)m.w : m.dims == 4 ? (size_t)m.w * m.h
                                                          : m.cstep;
    if (parts.channels_last)
    {
        v.column = m.w;
        v.row = flat ? width * m.w : plane;
        v.step = 1;
    }
    else
    {
        v.column = 1;
        v.row = width;
        v.step = plane;
    }
    v.base = (const float*)m.data + cell * v.column + channel * v.step;
    return v;
}

// Finds the values of a level in the outputs; false when none has them.
static bool find_view(const std::vector<ncnn::Mat>& outputs, const Options& o, Value value, int stride, InputSize input, View& view)
{
    for (size_t i = 0; i < o.head.outputs.size(); i++)
    {
        const Parts parts = parts_of(o.head.outputs[i], o.head);
        if (!holds(parts, value, stride))
            continue;
        view = view_in(outputs[i], parts, value, stride, o, input);
        return true;
    }
    return false;
}

// The strides of the levels in the order of the outputs, each once.
static std::vector<int> strides_of(const Head& head)
{
    std::vector<int> strides;
    for (const Output& output : head.outputs)
    {
        for (int stride : parts_of(output, head).strides)
        {
            if (std::find(strides.begin(), strides.end(), stride) == strides.end())
                strides.push_back(stride);
        }
    }
    return strides;
}

static void decode_heads(const std::vector<ncnn::Mat>& outputs, const Options& o, InputSize input, Candidates& candidates)
{
    const std::vector<int> strides = strides_of(o.head);
    const int finest = *std::min_element(strides.begin(), strides.end());
    const int coarsest = *std::max_element(strides.begin(), strides.end());

    for (int stride : strides)
    {
        LevelView level;
        level.stride = stride;
        level.width = input.width / stride;
        level.height = input.height / stride;
        level.is_score = !find_view(outputs, o, Value::CLS, stride, input, level.cls) && find_view(outputs, o, Value::SCORES, stride, input, level.cls);
        find_view(outputs, o, Value::BOX, stride, input, level.box);
        if (o.head.keypoints > 0)
            find_view(outputs, o, Value::KPT, stride, input, level.kpt);

        if (has_defect(Defect::STRIDES_SWAPPED) && (stride == finest || stride == coarsest))
            level.stride = stride == finest ? coarsest : finest;
        if (has_defect(Defect::LEVEL_MISSING) && stride == coarsest)
            continue;
        decode_level(level, o, candidates);
    }
}

// How a decoded head writes boxes, and what its coordinates are multiplied by.
struct DecodedForm
{
    bool corners = false;
    float across = 1.f;
    float down = 1.f;
};

// Appends a cell that the graph decoded as a candidate of that class.
static void append_decoded(const LevelView& level, int x, int y, const DecodedForm& form, int class_index, const Options& o, Candidates& candidates)
{
    const float* box = at(level.box, x, y);
    const auto value = [box, &level](int i) { return box[(size_t)i * level.box.step]; };
    const float a = value(0) * form.across;
    const float b = value(1) * form.down;
    const float w = value(2) * form.across;
    const float h = value(3) * form.down;
    Candidate c;
    const bool corners = form.corners != has_defect(Defect::BOX_CENTRE_SIZE);
    c.x1 = corners ? a : a - w / 2;
    c.y1 = corners ? b : b - h / 2;
    c.x2 = corners ? w : a + w / 2;
    c.y2 = corners ? h : b + h / 2;
    c.score = at(level.cls, x, y)[class_index * level.cls.step];
    c.class_index = class_index;
    candidates.items.push_back(c);

    const size_t begin = candidates.keypoints.size();
    candidates.keypoints.resize(begin + (size_t)o.head.keypoints * 3);
    for (int k = 0; k < o.head.keypoints; k++)
    {
        const float* p = at(level.kpt, x, y) + (size_t)k * o.head.keypoint_dims * level.kpt.step;
        const int place = has_defect(Defect::KEYPOINT_LEFT_RIGHT) ? left_right_partner(k, o.head.keypoints) : k;
        const float v = o.head.keypoint_dims == 3 ? p[2 * level.kpt.step] : 1.f;
        store_keypoint(&candidates.keypoints[begin + (size_t)place * 3], p[0] * form.across, p[level.kpt.step] * form.down, v);
    }
}

static void decode_decoded_level(const LevelView& level, const DecodedForm& form, const Options& o, Candidates& candidates)
{
    const float threshold = has_defect(Defect::THRESHOLD_LOGIT) ? logit(o.score_threshold) : o.score_threshold;
    for (int y = 0; y < level.height; y++)
    {
        for (int x = 0; x < level.width; x++)
        {
            const float* cls = at(level.cls, x, y);
            float best = cls[0];
            int best_class = 0;
            for (int i = 1; i < o.head.classes; i++)
            {
                if (cls[i * level.cls.step] > best)
                {
                    best = cls[i * level.cls.step];
                    best_class = i;
                }
            }
            if (!(best > threshold))
                continue;

            const ClassRange classes = classes_of(best_class, o.head);
            for (int i = classes.first; i <= classes.last; i++)
            {
                if (cls[i * level.cls.step] > threshold)
                    append_decoded(level, x, y, form, i, o, candidates);
            }
        }
    }
}

static void decode_decoded(const std::vector<ncnn::Mat>& outputs, const Options& o, InputSize input, Candidates& candidates)
{
    DecodedForm form;
    for (const Output& output : o.head.outputs)
    {
        const Parts parts = parts_of(output, o.head);
        form.corners = form.corners || parts.corners;
        if (parts.share)
        {
            form.across = (float)input.width;
            form.down = (float)input.height;
        }
    }
    for (int stride : strides_of(o.head))
    {
        LevelView level;
        level.stride = stride;
        level.width = input.width / stride;
        level.height = input.height / stride;
        find_view(outputs, o, Value::SCORES, stride, input, level.cls);
        find_view(outputs, o, Value::BOXES, stride, input, level.box);
        if (o.head.keypoints > 0)
            find_view(outputs, o, Value::JOINTS, stride, input, level.kpt);
        decode_decoded_level(level, form, o, candidates);
    }
}

static bool is_decoded(const Head& head)
{
    for (const Output& output : head.outputs)
    {
        const Parts parts = parts_of(output, head);
        if (std::find(parts.values.begin(), parts.values.end(), Value::BOXES) != parts.values.end())
            return true;
    }
    return false;
}

int decode(const std::vector<ncnn::Mat>& outputs, const Options& o, int input_width, int input_height, Candidates& candidates, std::string& error)
{
    candidates.keypoint_count = o.head.keypoints;
    candidates.items.clear();
    candidates.keypoints.clear();
    for (size_t i = 0; i < o.head.outputs.size(); i++)
    {
        if (check_dims(o.head.outputs[i], outputs[i], o, input_width, input_height, error) != 0)
            return -1;
    }

    const InputSize input = {input_width, input_height};
    if (is_decoded(o.head))
        decode_decoded(outputs, o, input, candidates);
    else
        decode_heads(outputs, o, input, candidates);
    return 0;
}

size_t count_not_finite(const std::vector<ncnn::Mat>& outputs)
{
    size_t count = 0;
    for (const ncnn::Mat& m : outputs)
    {
        const int size = m.w * m.h * m.d;
        for (int q = 0; q < m.c; q++)
        {
            const float* ptr = (const float*)m.data + (size_t)q * m.cstep;
            for (int i = 0; i < size; i++)
            {
                count += isfinite(ptr[i]) ? 0 : 1;
            }
        }
    }
    return count;
}
