#include "stages.h"

#include "defects.h"
#include "dump.h"
#include "files.h"
#include "image_lines.h"
#include "json.h"
#include "select.h"
#include "pipeline.h"

#include <math.h>
#include <string.h>

// The values as a blob with these sizes, outermost first: 2 or 3 of them.
static ncnn::Mat to_blob(const std::vector<float>& values, const std::vector<int>& dims)
{
    const int c = dims.size() == 3 ? dims[0] : 1;
    const int h = dims[dims.size() - 2];
    const int w = dims[dims.size() - 1];
    ncnn::Mat blob;
    if (dims.size() == 3)
        blob.create(w, h, c);
    else
        blob.create(w, h);
    for (int q = 0; q < c && !blob.empty(); q++)
    {
        memcpy((float*)blob.data + (size_t)q * blob.cstep, values.data() + (size_t)q * w * h, (size_t)w * h * sizeof(float));
    }
    return blob;
}

// The blob in the file, with the sizes that dims asks for (-1: whatever follows from the file).
// Returns 0, or -1 with the reason in error.
static int read_blob(const std::string& path, std::vector<int> dims, ncnn::Mat& blob, std::string& error)
{
    std::vector<float> values;
    if (read_floats(path, values, error) != 0)
        return -1;

    size_t known = 1;
    std::string text;
    for (int& size : dims)
    {
        known *= size > 0 ? size : 1;
        text += (text.empty() ? "" : "x") + (size > 0 ? std::to_string(size) : std::string("N"));
    }
    const bool open = dims.back() < 0;
    if (open && values.size() % known == 0)
        dims.back() = (int)(values.size() / known);
    if (dims.back() <= 0 || known * (open ? (size_t)dims.back() : 1) != values.size())
    {
        error = "Cannot use the reference \"" + path + "\": found " + std::to_string(values.size()) + " values, expected " + text + (open ? "" : " = " + std::to_string(known)) + ": was it written for another shape or head?";
        return -1;
    }
    for (float value : values)
    {
        if (!isfinite(value))
        {
            error = "Cannot use the reference \"" + path + "\": found a value that is NaN or infinite";
            return -1;
        }
    }
    blob = to_blob(values, dims);
    if (blob.empty())
    {
        error = "Cannot hold the reference \"" + path + "\": memory is short";
        return -1;
    }
    return 0;
}

static int write_floats(const std::string& path, const std::vector<float>& values, std::string& error)
{
    return write_bytes(path, values.data(), values.size() * sizeof(float), error);
}

static int write_blob(const std::string& path, const ncnn::Mat& blob, std::string& error)
{
    return write_floats(path, packed_values(blob), error);
}

static size_t candidate_row(const Options& o)
{
    return 6 + (size_t)o.head.keypoints * 3;
}

static std::vector<float> candidate_values(const Candidates& candidates)
{
    std::vector<float> values;
    const size_t triples = (size_t)candidates.keypoint_count * 3;
    for (size_t i = 0; i < candidates.items.size(); i++)
    {
        const Candidate& c = candidates.items[i];
        const float head[6] = {c.x1, c.y1, c.x2, c.y2, c.score, (float)c.class_index};
        values.insert(values.end(), head, head + 6);
        const float* first = candidates.keypoints.data() + i * triples;
        values.insert(values.end(), first, first + triples);
    }
    return values;
}

static int read_candidates(const std::string& path, const Options& o, std::vector<Candidate>& candidates, std::string& error)
{
    std::vector<float> values;
    if (read_floats(path, values, error) != 0)
        return -1;
    const size_t row = candidate_row(o);
    if (values.size() % row != 0)
    {
        error = "Cannot use the reference \"" + path + "\": found " + std::to_string(values.size()) + " values, expected rows of " + std::to_string(row);
        return -1;
    }
    candidates.clear();
    for (size_t i = 0; i < values.size(); i += row)
    {
        for (size_t k = 0; k < row; k++)
        {
            if (!isfinite(values[i + k]))
            {
                error = "Cannot use the reference \"" + path + "\": found a value that is NaN or infinite";
                return -1;
            }
        }
        if (!(values[i + 5] >= 0.f && values[i + 5] < (float)o.head.classes))
        {
            error = "Cannot use the reference \"" + path + "\": found the class " + std::to_string(values[i + 5]) + " in row " + std::to_string(i / row) + ", expected 0 to " + std::to_string(o.head.classes - 1);
            return -1;
        }
        Candidate c;
        c.x1 = values[i];
        c.y1 = values[i + 1];
        c.x2 = values[i + 2];
        c.y2 = values[i + 3];
        c.score = values[i + 4];
        c.class_index = (int)values[i + 5];
        candidates.push_back(c);
    }
    return 0;
}

struct StageDims
{
    std::vector<int64_t> preprocess;
    std::vector<std::vector<int64_t> > outputs;
    int64_t decoded = 0;
    int64_t kept = 0;
};

static int preprocess_stage(const std::string& prefix, const Image& image, const Geometry& g, int threads, Pipeline& p, StageDims& dims, std::string& error)
{
    if (letterbox(image, g, threads, p.buffer, p.input) != 0)
    {
        error = "Cannot letterbox the image: memory is short";
        return -1;
    }
    dims.preprocess = blob_dims(p.input);
    return write_blob(prefix + ".preprocess.f32", p.input, error);
}

static int network_stage(Model& model, const Options& o, const std::string& prefix, const std::string& image_id, const ncnn::Mat& input, StageDims& dims, std::string& error)
{
    std::vector<ncnn::Mat> outputs;
    const int status = run_network(model, o, input, output_names(o), false, outputs, error);
    if (status != 0)
        return status;
    for (size_t k = 0; k < outputs.size(); k++)
    {
        dims.outputs.push_back(blob_dims(outputs[k]));
        if (write_blob(prefix + ".out" + std::to_string(k) + ".f32", outputs[k], error) != 0)
            return -1;
    }
    return dump_blobs(model, o, image_id, input, error);
}

static int decode_stage(const Options& o, const std::string& prefix, const std::vector<ncnn::Mat>& outputs, const Geometry& g, StageDims& dims, std::string& error)
{
    Candidates candidates;
    if (decode(outputs, o, g.width, g.height, candidates, error) != 0)
        return -1;
    dims.decoded = (int64_t)candidates.items.size();
    return write_floats(prefix + ".decode.f32", candidate_values(candidates), error);
}

static int nms_stage(const Options& o, const std::string& prefix, const std::vector<Candidate>& candidates, StageDims& dims, std::string& error)
{
    const std::vector<int> kept = select(candidates, o.head.select, o.nms_iou, o.max_detections);
    const std::vector<int32_t> indices(kept.begin(), kept.end());
    dims.kept = (int64_t)indices.size();
    return write_bytes(prefix + ".nms.i32", indices.data(), indices.size() * sizeof(int32_t), error);
}

static std::string stages_line(const std::string& id, const Geometry& g, const Options& o, const StageDims& dims)
{
    Json json;
    json.open_object();
    json.key("kind").string("stages");
    json.key("imageId").string(id);
    json.key("inputWidthPx").integer(g.width);
    json.key("inputHeightPx").integer(g.height);
    json.key("preprocess").integers(dims.preprocess);
    json.key("outputs").open_array();
    for (const std::vector<int64_t>& output : dims.outputs)
    {
        json.integers(output);
    }
    json.close_array();
    json.key("decode").integers({dims.decoded, (int64_t)candidate_row(o)});
    json.key("nms").integers({dims.kept});
    json.close_object();
    return json.text;
}

static int stages_of_image(Model& model, const Options& o, Pipeline& p, const ImageEntry& entry, const Image& image, std::string& line, std::string& error)
{
    const std::string reference = join_path(o.reference_dir, entry.id);
    const std::string prefix = join_path(o.dump_dir, entry.id);
    // the reference's tensors lie where the entry's own size puts them, whatever the preprocessing
    // does
    const Geometry g = letterbox_geometry(entry.width, entry.height, o);
    const Geometry own = letterbox_geometry(image.width, image.height, o);

    ncnn::Mat input;
    std::vector<ncnn::Mat> outputs(o.head.outputs.size());
    std::vector<Candidate> candidates;
    if (read_blob(reference + ".input.f32", {3, g.height, g.width}, input, error) != 0)
        return -1;
    for (size_t k = 0; k < o.head.outputs.size(); k++)
    {
        if (read_blob(reference + ".out" + std::to_string(k) + ".f32", output_dims(o.head.outputs[k], o, g.width, g.height), outputs[k], error) != 0)
            return -1;
    }
    if (read_candidates(reference + ".candidates.f32", o, candidates, error) != 0)
        return -1;

    StageDims dims;
    if (preprocess_stage(prefix, image, own, o.threads, p, dims, error) != 0)
        return -1;
    const int status = network_stage(model, o, prefix, entry.id, input, dims, error);
    if (status != 0)
        return status;
    if (decode_stage(o, prefix, outputs, g, dims, error) != 0)
        return -1;
    if (nms_stage(o, prefix, candidates, dims, error) != 0)
        return -1;
    line = stages_line(entry.id, g, o, dims);
    return 0;
}

int stages_command(const Options& o, std::string& error)
{
    const ImageLine line_of = [&](Model& model, Pipeline& pipeline, size_t, const ImageEntry& entry, const Image& image, std::string& line, std::string& line_error) {
        return stages_of_image(model, o, pipeline, entry, image, line, line_error);
    };
    return write_image_lines(o, line_of, error);
}
