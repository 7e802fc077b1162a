#include "dump.h"

#include "files.h"

#include <algorithm>

std::vector<float> packed_values(const ncnn::Mat& blob)
{
    const size_t size = (size_t)blob.w * blob.h * blob.d;
    std::vector<float> values;
    values.reserve(size * blob.c);
    for (int q = 0; q < blob.c; q++)
    {
        const float* ptr = (const float*)blob.data + (size_t)q * blob.cstep;
        values.insert(values.end(), ptr, ptr + size);
    }
    return values;
}

std::vector<int64_t> blob_dims(const ncnn::Mat& blob)
{
    std::vector<int64_t> dims;
    if (blob.dims >= 3) dims.push_back(blob.c);
    if (blob.dims == 4) dims.push_back(blob.d);
    if (blob.dims >= 2) dims.push_back(blob.h);
    dims.push_back(blob.w);
    return dims;
}

static std::string safe_name(const std::string& blob)
{
    std::string name = blob;
    for (char& c : name)
    {
        const bool safe = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!safe)
            c = '_';
    }
    return name;
}

int dump_blobs(Model& model, const Options& options, const std::string& image_id, const ncnn::Mat& input, std::string& error)
{
    if (options.dump_blobs.empty())
        return 0;

    std::vector<ncnn::Mat> blobs;
    const int status = run_network(model, options, input, options.dump_blobs, true, blobs, error);
    if (status != 0)
        return status;
    for (size_t i = 0; i < blobs.size(); i++)
    {
        const std::string file = image_id + "." + safe_name(options.dump_blobs[i]) + ".f32";
        const std::vector<float> values = packed_values(blobs[i]);
        if (write_bytes(join_path(options.dump_dir, file), values.data(), values.size() * sizeof(float), error) != 0)
            return -1;

        std::string line = file + "\t";
        const std::vector<int64_t> dims = blob_dims(blobs[i]);
        for (size_t k = 0; k < dims.size(); k++)
        {
            line += (k ? "x" : "") + std::to_string(dims[k]);
        }
        line += "\t" + options.dump_blobs[i] + "\n";
        if (append_text(join_path(options.dump_dir, "index.tsv"), line, error) != 0)
            return -1;
    }
    return 0;
}
