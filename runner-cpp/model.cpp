#include "model.h"

#include "crash.h"
#include "defects.h"
#include "files.h"
#include "param_check.h"
#include "timing.h"
#include "weights.h"

#include "cpu.h"

#include <errno.h>
#include <string.h>

ncnn::Option ncnn_option(const Options& o)
{
    ncnn::Option opt;
    opt.lightmode = true;
    opt.num_threads = o.threads;
    opt.use_winograd_convolution = o.winograd;
    opt.use_sgemm_convolution = o.sgemm;
    opt.use_packing_layout = o.packing;
    opt.use_vulkan_compute = false;

    opt.use_fp16_packed = o.fp16_packed;
    opt.use_fp16_storage = o.fp16_storage;
    opt.use_fp16_arithmetic = o.fp16_arithmetic;
    opt.use_bf16_storage = o.bf16_storage;
    opt.use_int8_inference = o.int8;
    return opt;
}

// What a layer runs in. Ordered: a later one allows larger differences.
enum class Arithmetic
{
    FP32,
    BF16_STORAGE,
    FP16_STORAGE,
    FP16_ARITHMETIC,
    INT8,
};

// The blob format that NetPrivate::convert_layout (ncnn src/net.cpp) gives this layer, with the
// layer's feature mask (get_masked_option) applied. x86 has no fp16 branch there: asking for fp16
// changes nothing but the weights in the file.
static Arithmetic layer_arithmetic(const ncnn::Layer* layer, const ncnn::Option& opt)
{
    const bool fp16_storage = opt.use_fp16_storage && !(layer->featmask & (1 << 1));
    const bool fp16_arithmetic = fp16_storage && opt.use_fp16_arithmetic && !(layer->featmask & (1 << 0));
    const bool bf16_storage = opt.use_bf16_storage && !(layer->featmask & (1 << 2));

    if (layer->support_int8_storage && opt.use_int8_inference && !(layer->featmask & (1 << 3)))
        return Arithmetic::INT8;
#if NCNN_ARM82
    if (fp16_storage && ncnn::cpu_support_arm_asimdhp() && layer->support_fp16_storage)
        return fp16_arithmetic ? Arithmetic::FP16_ARITHMETIC : Arithmetic::FP16_STORAGE;
#endif
#if NCNN_VFPV4
    if (fp16_storage && !bf16_storage && ncnn::cpu_support_arm_vfpv4() && layer->support_fp16_storage)
        return Arithmetic::FP16_STORAGE;
#endif
#if NCNN_ZFH
    if (fp16_storage && (ncnn::cpu_support_riscv_zvfh() || (!ncnn::cpu_support_riscv_v() && ncnn::cpu_support_riscv_zfh())) && layer->support_fp16_storage)
        return fp16_arithmetic ? Arithmetic::FP16_ARITHMETIC : Arithmetic::FP16_STORAGE;
#endif
#if NCNN_BF16
    if (bf16_storage && layer->support_bf16_storage)
        return Arithmetic::BF16_STORAGE;
#endif
    (void)fp16_arithmetic;
    (void)bf16_storage;
    return Arithmetic::FP32;
}

// Inner products keep fp16 weights on CPUs that convert them fast, whatever the file holds
// (innerproduct_x86.cpp, innerproduct_arm.cpp).
static bool has_fp16_inner_product(const ncnn::Net& net)
{
    if (!net.opt.use_fp16_storage)
        return false;
    bool can_convert = false;
#if NCNN_F16C
    can_convert = ncnn::cpu_support_x86_f16c() != 0;
#endif
#if NCNN_VFPV4
    can_convert = can_convert || ncnn::cpu_support_arm_vfpv4() != 0;
#endif
    for (const ncnn::Layer* layer : net.layers())
    {
        if (can_convert && layer->type == "InnerProduct" && !(layer->featmask & (1 << 1)))
            return true;
    }
    return false;
}

static bool moves_data_only(const ncnn::Layer* layer)
{
    static const char* const types[] = {"Input", "Split", "Concat", "Slice", "Crop", "Reshape", "Flatten", "Permute", "Padding", "Noop", "Packing", "Cast", "Squeeze", "ExpandDims", "MemoryData"};
    for (const char* type : types)
    {
        if (layer->type == type)
            return true;
    }
    return false;
}

// Bits per value that the first convolution's output really has; 0 when the graph has no
// convolution.
static int probe_blob_bits(const Model& model, const Options& o, const ncnn::Layer*& probed, std::string& error)
{
    probed = 0;
    for (const ncnn::Layer* layer : model.net.layers())
    {
        if (layer->type == "Convolution" && layer->tops.size() == 1)
        {
            probed = layer;
            break;
        }
    }
    if (!probed)
        return 0;

    ncnn::Mat input(64, 64, 3);
    ncnn::Mat blob;
    if (input.empty())
    {
        error = "Cannot probe the precision: memory is short";
        return -1;
    }
    input.fill(0.f);
    NcnnAtWork at_work("ran the first convolution of", o.param.c_str());
    ncnn::Extractor ex = model.net.create_extractor();
    const int type_as_stored = 1;
    if (ex.input(o.input_blob.c_str(), input) != 0 || ex.extract(probed->tops[0], blob, type_as_stored) != 0 || blob.empty())
    {
        error = "Cannot probe the precision: the layer \"" + probed->name + "\" failed on a 64x64 input in blob \"" + o.input_blob + "\": check --input-blob and the graph";
        return MODEL_FAULT;
    }
    return blob.elembits();
}

static int find_effective_precision(Model& model, const Options& o, std::string& error)
{
    Arithmetic coarsest = Arithmetic::FP32;
    for (const ncnn::Layer* layer : model.net.layers())
    {
        if (moves_data_only(layer))
            continue;
        const Arithmetic a = layer_arithmetic(layer, model.net.opt);
        if (a > coarsest)
            coarsest = a;
    }

    const ncnn::Layer* probed = 0;
    const int bits = probe_blob_bits(model, o, probed, error);
    if (bits < 0)
        return bits;
    if (probed)
    {
        const Arithmetic expected = layer_arithmetic(probed, model.net.opt);
        if (expected != Arithmetic::INT8 && (bits == 16) != (expected != Arithmetic::FP32))
        {
            error = "Cannot tell which precision runs: the layer \"" + probed->name + "\" gave values of " + std::to_string(bits) + " bits, expected "
                    + (expected == Arithmetic::FP32 ? "32" : "16") + " by ncnn's rules for this CPU: this ncnn differs from the one that this runner knows";
            return -1;
        }
    }

    switch (coarsest)
    {
    case Arithmetic::INT8: model.effective_precision = "int8"; break;
    case Arithmetic::FP16_ARITHMETIC: model.effective_precision = "fp16-arithmetic"; break;
    case Arithmetic::FP16_STORAGE: model.effective_precision = "fp16-storage"; break;
    case Arithmetic::BF16_STORAGE: model.effective_precision = "bf16-storage"; break;
    default: model.effective_precision = model.fp16_weights || has_fp16_inner_product(model.net) ? "fp16-weights" : "fp32";
    }
    return 0;
}

static int load_graph(const Options& o, Model& model, std::string& error)
{
    std::vector<unsigned char> bytes;
    if (read_bytes(o.param, bytes, error) != 0)
        return -1;
    std::string text(bytes.begin(), bytes.end());
    if (check_param(text, o.param, error) != 0)
        return MODEL_FAULT;
    if (has_defect(Defect::ACTIVATION_LOST))
        text = without_one_activation(text);
    NcnnAtWork at_work("loaded", o.param.c_str());
    if (model.net.load_param_mem(text.c_str()) != 0)
    {
        error = "Cannot load the graph \"" + o.param + "\": ncnn refused it (its reason is above): a layer type may be missing in this build of ncnn";
        return MODEL_FAULT;
    }
    return 0;
}

static int load_weights(const Options& o, Model& model, std::string& error)
{
    FILE* fp = fopen(o.bin.c_str(), "rb");
    if (!fp)
    {
        error = "Cannot read \"" + o.bin + "\": " + strerror(errno);
        return -1;
    }
    const int64_t start = now_ns();
    WeightReader reader(fp);
    int loaded;
    {
        NcnnAtWork at_work("loaded", o.bin.c_str());
        loaded = model.net.load_model(reader);
    }
    model.cold.bin_ns = reader.read_ns;
    model.cold.pipeline_ns = now_ns() - start - reader.read_ns;
    const bool at_end = fgetc(fp) == EOF;
    fclose(fp);

    if (reader.short_reads > 0)
    {
        error = "Cannot load the weights \"" + o.bin + "\": the file ends after " + std::to_string(reader.bytes_read) + " bytes, the graph needs more: it is cut off or belongs to another .param";
        return MODEL_FAULT;
    }
    if (loaded != 0)
    {
        error = "Cannot load the weights \"" + o.bin + "\": ncnn refused them (its reason is above)";
        return MODEL_FAULT;
    }
    if (!at_end)
    {
        error = "Cannot use the weights \"" + o.bin + "\": the graph takes " + std::to_string(reader.bytes_read) + " bytes and the file has more: it belongs to another .param";
        return MODEL_FAULT;
    }
    model.fp16_weights = reader.fp16_blobs > 0;
    return 0;
}

// What ncnn's layers return when an allocation failed.
static const int NO_MEMORY = -100;

static bool has_blob(const ncnn::Net& net, const std::string& name)
{
    for (const ncnn::Blob& blob : net.blobs())
    {
        if (blob.name == name)
            return true;
    }
    return false;
}

static int check_blob_names(const Options& o, const ncnn::Net& net, std::string& error)
{
    std::vector<std::string> names = output_names(o);
    names.push_back(o.input_blob);
    names.insert(names.end(), o.dump_blobs.begin(), o.dump_blobs.end());
    for (const std::string& name : names)
    {
        if (!has_blob(net, name))
        {
            error = "Cannot find the blob \"" + name + "\" in \"" + o.param + "\": check --input-blob, --outputs and --dump-blob against the graph";
            return MODEL_FAULT;
        }
    }
    return 0;
}

int load_model(const Options& o, Model& model, std::string& error)
{
    model.blob_allocator.set_size_compare_ratio(0.f);
    model.workspace_allocator.set_size_compare_ratio(0.f);
    model.net.opt = ncnn_option(o);
    model.net.opt.blob_allocator = &model.blob_allocator;
    model.net.opt.workspace_allocator = &model.workspace_allocator;

    const int64_t start = now_ns();
    int status = load_graph(o, model, error);
    if (status != 0)
        return status;
    model.cold.param_ns = now_ns() - start;
    for (const ncnn::Layer* layer : model.net.layers())
    {
        if (layer->support_int8_storage && !o.int8)
        {
            error = "Cannot run \"" + o.param + "\" without int8: its layer \"" + layer->name + "\" is quantised: use --int8 on (Posemark's precision int8)";
            return MODEL_FAULT;
        }
    }
    status = check_blob_names(o, model.net, error);
    if (status != 0)
        return status;
    status = load_weights(o, model, error);
    if (status != 0)
        return status;
    model.cold.loaded_rss_bytes = rss_bytes();
    return find_effective_precision(model, o, error);
}

static ncnn::Mat shifted_left(const ncnn::Mat& input)
{
    ncnn::Mat shifted = input.clone();
    for (int c = 0; c < shifted.c; c++)
    {
        for (int y = 0; y < shifted.h; y++)
        {
            float* row = shifted.channel(c).row(y);
            memmove(row, row + 1, (size_t)(shifted.w - 1) * sizeof(float));
        }
    }
    return shifted;
}

int run_network(Model& model, const Options& o, const ncnn::Mat& input, const std::vector<std::string>& names, bool keep_all, std::vector<ncnn::Mat>& blobs, std::string& error)
{
    if (has_defect(Defect::STALE_EXTRACTOR) && !model.stale_outputs.empty() && !keep_all)
    {
        blobs = model.stale_outputs;
        return 0;
    }

    const int64_t start = now_ns();
    NcnnAtWork at_work("ran", o.param.c_str());
    ncnn::Extractor ex = model.net.create_extractor();
    ex.set_light_mode(!keep_all);
    const int input_status = ex.input(o.input_blob.c_str(), has_defect(Defect::SHIFTED_INPUT) ? shifted_left(input) : input);
    if (input_status != 0)
    {
        error = "Cannot run the network: ncnn refused the input \"" + o.input_blob + "\" (status " + std::to_string(input_status) + ")";
        return MODEL_FAULT;
    }

    blobs.resize(names.size());
    for (size_t i = 0; i < names.size(); i++)
    {
        const int status = ex.extract(names[i].c_str(), blobs[i]);
        if (status != 0 || blobs[i].empty())
        {
            const bool is_memory_short = status == NO_MEMORY;
            error = "Cannot run the network: the blob \"" + names[i] + "\" failed (ncnn status " + std::to_string(status) + ") for an input of " + std::to_string(input.w) + "x" + std::to_string(input.h)
                    + (is_memory_short ? ": memory is short" : ": a layer refused it, or the graph has another fixed size");
            return is_memory_short ? -1 : MODEL_FAULT;
        }
    }

    if (model.cold.first_inference_ns < 0)
        model.cold.first_inference_ns = now_ns() - start;
    if (has_defect(Defect::STALE_EXTRACTOR) && !keep_all)
        model.stale_outputs = blobs;
    return 0;
}

std::vector<std::string> output_names(const Options& o)
{
    std::vector<std::string> names;
    for (const Output& output : o.head.outputs)
    {
        names.push_back(output.blob);
    }
    return names;
}
