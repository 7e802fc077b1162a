#include "decode.h"

#include "defects.h"

#include <math.h>

#include <algorithm>

std::vector<int> output_dims(const Output& output, const Options& o, int input_width, int input_height)
{
    if (output.role == Role::DECODED)
        return {4 + o.head.classes + keypoint_channels(o.head), -1};

    const int h = input_height / output.stride;
    const int w = input_width / output.stride;
    switch (output.role)
    {
    case Role::BOX:
        return {box_channels(o.head), h, w};
    case Role::CLS:
        return {o.head.classes, h, w};
    case Role::KPT:
        return {keypoint_channels(o.head), h, w};
    default:
        return {h, w, o.head.classes + box_channels(o.head) + keypoint_channels(o.head)};
    }
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

static int check_dims(const Output& output, const ncnn::Mat& m, const Options& o, int input_width, int input_height, std::string& error)
{
    std::vector<int> found;
    if (m.dims == 3 || m.dims == 4) found.push_back(m.c);
    if (m.dims == 4) found.push_back(m.d);
    if (m.dims >= 2) found.push_back(m.h);
    if (m.dims >= 1) found.push_back(m.w);

    const std::vector<int> expected = output_dims(output, o, input_width, input_height);
    // a leading 1 is the batch, when the graph kept it
    if (found.size() == expected.size() + 1 && found[0] == 1)
        found.erase(found.begin());

    bool same = found.size() == expected.size() && m.elempack == 1 && m.elembits() == 32;
    for (size_t i = 0; same && i < found.size(); i++)
    {
        same = expected[i] < 0 || expected[i] == found[i];
    }
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

// Values of one level. A value of cell (x, y) is base[y * row + x * column + index * step].
struct LevelView
{
    const float* cls = 0;
    const float* box = 0;
    const float* kpt = 0;
    size_t cls_step = 1;
    size_t box_step = 1;
    size_t kpt_step = 1;
    size_t row = 0;
    size_t column = 0;
    int width = 0;
    int height = 0;
    int stride = 0;
};

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

static void decode_keypoints(const LevelView& level, size_t cell, int x, int y, const Options& o, Candidates& candidates)
{
    const size_t begin = candidates.keypoints.size();
    candidates.keypoints.resize(begin + (size_t)o.head.keypoints * 3);

    const float scale = o.head.keypoint_scale;
    const float origin = o.head.keypoint_origin;
    const float stride = (float)level.stride;
    for (int k = 0; k < o.head.keypoints; k++)
    {
        const float* p = level.kpt + cell + (size_t)k * o.head.keypoint_dims * level.kpt_step;
        const int place = has_defect(Defect::KEYPOINT_LEFT_RIGHT) ? left_right_partner(k, o.head.keypoints) : k;
        const float kx = (scale * p[0] + (float)x + origin) * stride;
        const float ky = (scale * p[level.kpt_step] + (float)y + origin) * stride;
        float v = 1.f;
        if (o.head.keypoint_dims == 3)
        {
            const float raw = p[2 * level.kpt_step];
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
        side[i] = box_distance(o.head, box + (size_t)i * per_side * level.box_step, level.box_step, o.fast_sigmoid);
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
    const float logit_threshold = has_defect(Defect::THRESHOLD_LOGIT) ? o.score_threshold : logit(o.score_threshold);
    const int column_step = has_defect(Defect::ODD_COLUMNS_MISSING) ? 2 : 1;
    for (int y = 0; y < level.height; y++)
    {
        for (int x = 0; x < level.width; x += column_step)
        {
            const size_t cell = y * level.row + x * level.column;
            const float* cls = level.cls + cell;
            float best = cls[0];
            int best_class = 0;
            for (int i = 1; i < o.head.classes; i++)
            {
                if (cls[i * level.cls_step] > best)
                {
                    best = cls[i * level.cls_step];
                    best_class = i;
                }
            }
            if (!(best > logit_threshold))
                continue;

            const int gx = has_defect(Defect::TRANSPOSED_HEAD) ? y : x;
            const int gy = has_defect(Defect::TRANSPOSED_HEAD) ? x : y;
            const ClassRange classes = classes_of(best_class, o.head);
            for (int i = classes.first; i <= classes.last; i++)
            {
                const float value = cls[i * level.cls_step];
                if (!(value > logit_threshold))
                    continue;
                Candidate c = decode_box(level, level.box + cell, gx, gy, o);
                c.score = has_defect(Defect::SCORE_LOGIT) ? value : sigmoid(value, o.fast_sigmoid);
                c.class_index = i;
                candidates.items.push_back(c);
                decode_keypoints(level, cell, gx, gy, o, candidates);
            }
        }
    }
}

static const ncnn::Mat* find_output(const std::vector<ncnn::Mat>& outputs, const Options& o, Role role, int stride)
{
    for (size_t i = 0; i < o.head.outputs.size(); i++)
    {
        if (o.head.outputs[i].role == role && o.head.outputs[i].stride == stride)
            return &outputs[i];
    }
    return 0;
}

static LevelView raw_view(const ncnn::Mat& m, const Options& o, int stride)
{
    // the batch of 1 is d in a 4-dimensional blob [1,H,W,C] (c=1, d=H); channels lie cstep apart
    LevelView v;
    v.stride = stride;
    v.width = m.h;
    v.height = m.dims == 4 ? m.d : m.c;
    v.column = m.w;
    v.row = m.dims == 4 ? (size_t)m.w * m.h : m.cstep;
    v.cls = (const float*)m.data;
    v.box = v.cls + o.head.classes;
    v.kpt = v.box + box_channels(o.head);
    return v;
}

// Planes of a blob [C,H,W], or [1,C,H,W] with c=1 and d=C.
static void plane_view(const ncnn::Mat& m, const float*& base, size_t& step)
{
    base = (const float*)m.data;
    step = m.dims == 4 ? (size_t)m.w * m.h : m.cstep;
}

static int decode_heads(const std::vector<ncnn::Mat>& outputs, const Options& o, Candidates& candidates)
{
    std::vector<int> strides;
    for (const Output& output : o.head.outputs)
    {
        if (output.role == Role::RAW || output.role == Role::CLS)
            strides.push_back(output.stride);
    }
    const int finest = *std::min_element(strides.begin(), strides.end());
    const int coarsest = *std::max_element(strides.begin(), strides.end());

    for (int stride : strides)
    {
        LevelView level;
        if (o.head.layout == Layout::RAW)
        {
            level = raw_view(*find_output(outputs, o, Role::RAW, stride), o, stride);
        }
        else
        {
            const ncnn::Mat& cls = *find_output(outputs, o, Role::CLS, stride);
            level.stride = stride;
            level.width = cls.w;
            level.height = cls.h;
            level.column = 1;
            level.row = cls.w;
            plane_view(cls, level.cls, level.cls_step);
            plane_view(*find_output(outputs, o, Role::BOX, stride), level.box, level.box_step);
            if (o.head.keypoints > 0)
                plane_view(*find_output(outputs, o, Role::KPT, stride), level.kpt, level.kpt_step);
        }

        if (has_defect(Defect::STRIDES_SWAPPED) && (stride == finest || stride == coarsest))
            level.stride = stride == finest ? coarsest : finest;
        if (has_defect(Defect::LEVEL_MISSING) && stride == coarsest)
            continue;
        decode_level(level, o, candidates);
    }
    return 0;
}

// Appends a column of the decoded matrix, whose values lie step apart, as a candidate of that
// class.
static void append_decoded(const float* column, size_t step, int class_index, const Options& o, Candidates& candidates)
{
    const auto row = [column, step](int i) { return column[(size_t)i * step]; };
    Candidate c;
    c.x1 = row(0) - row(2) / 2;
    c.y1 = row(1) - row(3) / 2;
    c.x2 = row(0) + row(2) / 2;
    c.y2 = row(1) + row(3) / 2;
    if (has_defect(Defect::BOX_CENTRE_SIZE))
    {
        c.x1 = row(0);
        c.y1 = row(1);
        c.x2 = row(2);
        c.y2 = row(3);
    }
    c.score = row(4 + class_index);
    c.class_index = class_index;
    candidates.items.push_back(c);

    const size_t begin = candidates.keypoints.size();
    candidates.keypoints.resize(begin + (size_t)o.head.keypoints * 3);
    for (int k = 0; k < o.head.keypoints; k++)
    {
        const int first = 4 + o.head.classes + k * o.head.keypoint_dims;
        const int place = has_defect(Defect::KEYPOINT_LEFT_RIGHT) ? left_right_partner(k, o.head.keypoints) : k;
        const float v = o.head.keypoint_dims == 3 ? row(first + 2) : 1.f;
        store_keypoint(&candidates.keypoints[begin + (size_t)place * 3], row(first), row(first + 1), v);
    }
}

static void decode_decoded(const ncnn::Mat& m, const Options& o, Candidates& candidates)
{
    const int count = m.w;
    const float* data = (const float*)m.data;
    const auto row = [data, count](int i) { return data + (size_t)i * count; };
    for (int n = 0; n < count; n++)
    {
        float best = row(4)[n];
        int best_class = 0;
        for (int i = 1; i < o.head.classes; i++)
        {
            if (row(4 + i)[n] > best)
            {
                best = row(4 + i)[n];
                best_class = i;
            }
        }
        const float threshold = has_defect(Defect::THRESHOLD_LOGIT) ? logit(o.score_threshold) : o.score_threshold;
        if (!(best > threshold))
            continue;

        const ClassRange classes = classes_of(best_class, o.head);
        for (int i = classes.first; i <= classes.last; i++)
        {
            if (row(4 + i)[n] > threshold)
                append_decoded(data + n, (size_t)count, i, o, candidates);
        }
    }
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

    if (o.head.layout == Layout::DECODED)
        decode_decoded(outputs[0], o, candidates);
    else
        decode_heads(outputs, o, candidates);
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
