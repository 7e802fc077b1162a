#include "blobs.h"

#include "cpu_setup.h"
#include "dump.h"
#include "files.h"

#include <string.h>

static int read_tensor(const Options& o, ncnn::Mat& tensor, std::string& error)
{
    std::vector<float> values;
    if (read_floats(o.tensor, values, error) != 0)
        return -1;
    const size_t plane = (size_t)o.shape_width * o.shape_height;
    if (values.size() != 3 * plane)
    {
        error = "Cannot use the tensor \"" + o.tensor + "\": found " + std::to_string(values.size()) + " values, expected " + std::to_string(3 * plane) + " for --shape "
                + std::to_string(o.shape_width) + "x" + std::to_string(o.shape_height);
        return -1;
    }
    tensor.create(o.shape_width, o.shape_height, 3);
    if (tensor.empty())
    {
        error = "Cannot hold the tensor \"" + o.tensor + "\": memory is short";
        return -1;
    }
    for (int q = 0; q < 3; q++)
    {
        memcpy(tensor.channel(q), values.data() + q * plane, plane * sizeof(float));
    }
    return 0;
}

int blobs_command(const Options& o, std::string& error)
{
    ncnn::Mat tensor;
    if (read_tensor(o, tensor, error) != 0)
        return -1;
    if (setup_threads(o, error) != 0)
        return -1;
    Model model;
    const int status = load_model(o, model, error);
    return status != 0 ? status : dump_blobs(model, o, "tensor", tensor, error);
}
