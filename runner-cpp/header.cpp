#include "header.h"

#include "cpu_setup.h"
#include "defects.h"
#include "json.h"

#include "cpu.h"
#include "platform.h"

static void write_options(Json& json, const Options& o, const Model* model)
{
    const ncnn::Option opt = model ? model->net.opt : ncnn_option(o);

    json.open_object();
    json.key("threads").integer(o.threads);
    if (o.powersave >= 0)
        json.key("powersave").integer(o.powersave);
    else
        json.key("powersave").null();
    if (o.core_mask.empty())
        json.key("coreMask").null();
    else
        json.key("coreMask").string(o.core_mask);
    json.key("precisionRequested").string(o.precision_label);
    json.key("precisionEffective").string(model ? model->effective_precision : "fp32");
    json.key("fp16Packed").boolean(opt.use_fp16_packed);
    json.key("fp16Storage").boolean(opt.use_fp16_storage);
    json.key("fp16Arithmetic").boolean(opt.use_fp16_arithmetic);
    json.key("bf16Storage").boolean(opt.use_bf16_storage);
    json.key("int8Inference").boolean(opt.use_int8_inference);
    json.key("winograd").boolean(opt.use_winograd_convolution);
    json.key("sgemm").boolean(opt.use_sgemm_convolution);
    json.key("packing").boolean(opt.use_packing_layout);
    json.key("warmup").integer(o.warmup);
    json.key("iterations").integer(o.iterations);
    json.key("scoreThreshold").number(o.score_threshold);
    json.key("nmsIou").number(o.nms_iou);
    json.key("maxDetections").integer(o.max_detections);
    json.key("sigmoid").string(o.fast_sigmoid ? "fast" : "exact");
    json.key("injectSlowdownPercent").number(o.inject_slowdown_percent);
    json.close_object();
}

std::string header_line(const Options& options, const Model* model, int contestant)
{
#if defined __clang__
    const char* const compiler = "clang " __clang_version__;
#elif defined __GNUC__
    const char* const compiler = "gcc " __VERSION__;
#else
    const char* const compiler = "unknown";
#endif
#ifdef NDEBUG
    const bool debug = false;
#else
    const bool debug = true;
#endif

    Json json;
    json.open_object();
    json.key("kind").string("runner");
    if (contestant >= 0)
        json.key("contestant").integer(contestant);
    json.key("schemaVersion").integer(1);
    json.key("runnerVersion").string(POSEMARK_RUNNER_VERSION);
    json.key("ncnnVersion").string(NCNN_VERSION_STRING);
    json.key("compiler").string(compiler);
    json.key("debugBuild").boolean(debug);
    json.key("testBuild").boolean(is_test_build());
    json.key("abi").string(abi_name());
    json.key("cpuFeatures").open_array();
    for (const std::string& feature : cpu_features())
    {
        json.string(feature);
    }
    json.close_array();
    json.key("cpuCount").integer(ncnn::get_cpu_count());
    json.key("bigCpuCount").integer(ncnn::get_big_cpu_count());
    const std::vector<int> allowed = allowed_cpus();
    if (allowed.empty())
        json.key("cpuMask").null();
    else
        json.key("cpuMask").string(mask_of(allowed));
    json.key("offlineCpus").open_array();
    for (int cpu : read_system_cpus().offline)
        json.integer(cpu);
    json.close_array();
    json.key("options");
    write_options(json, options, model);
    json.close_object();
    return json.text;
}
