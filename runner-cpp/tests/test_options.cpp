#include "check.h"
#include "defects.h"
#include "options.h"

static int parse(const std::vector<std::string>& words, Options& options, std::string& error)
{
    std::vector<const char*> argv = {"posemark-runner"};
    for (const std::string& word : words)
    {
        argv.push_back(word.c_str());
    }
    error.clear();
    return parse_options((int)argv.size(), argv.data(), options, error);
}

static std::vector<std::string> run_words(const std::vector<std::string>& more)
{
    std::vector<std::string> words = {"run", "--param", "p", "--bin", "b", "--outputs", "out0:raw:8,out1:raw:16,out2:raw:32", "--images", "l"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

static void parse_options_reads_a_run()
{
    Options o;
    std::string error;
    CHECK(parse(run_words({"--shape", "640x384", "--threads", "2", "--core-mask", "0xF0", "--sigmoid", "fast", "--precision-label", "half", "--fp16-storage", "on", "--winograd", "off", "--nms-iou", "0.45"}), o, error) == 0);
    CHECK(o.shape_width == 640 && o.shape_height == 384);
    CHECK(o.head.outputs.size() == 3 && o.head.outputs[2].blob == "out2" && o.head.outputs[2].stride == 32);
    CHECK(o.threads == 2 && o.core_mask == "f0" && o.powersave == -1);
    CHECK(o.fast_sigmoid);
    CHECK(o.precision_label == "half" && o.fp16_storage && !o.fp16_packed && !o.int8 && !o.winograd && o.sgemm);
    CHECK(o.nms_iou == 0.45f && o.score_threshold == 0.25f && o.max_detections == 300);
}

static void parse_options_reads_a_head()
{
    Options o;
    std::string error;
    CHECK(parse(run_words({"--shape", "640x640"}), o, error) == 0);
    CHECK(o.head.box == BoxCode::DFL && o.head.bins == 16 && o.head.box_origin == 0.5f);
    CHECK(o.head.keypoint_scale == 2.f && o.head.keypoint_origin == 0.f && o.head.visibility_sigmoid);
    CHECK(o.head.select == Select::NMS);
    CHECK(parse(run_words({"--shape", "640x640", "--box", "ltrb,0", "--keypoint", "1,0.5,logit", "--select", "top-k", "--keypoints", "0"}), o, error) == 0);
    CHECK(o.head.box == BoxCode::LTRB && o.head.box_origin == 0.f);
    CHECK(o.head.keypoint_scale == 1.f && o.head.keypoint_origin == 0.5f && !o.head.visibility_sigmoid);
    CHECK(o.head.select == Select::TOP_K && o.head.keypoints == 0);
    CHECK(parse({"run", "--param", "p", "--bin", "b", "--head", "raw-nchw", "--keypoints", "0", "--outputs", "b:box:8,c:cls:8", "--images", "l", "--shape", "64x64"}, o, error) == 0);
}

static void parse_options_reads_blob_names_with_colons()
{
    Options o;
    std::string error;
    CHECK(parse({"run", "--param", "p", "--bin", "b", "--head", "decoded", "--outputs", "a:b:decoded:0", "--images", "l", "--shape", "640x640"}, o, error) == 0);
    CHECK(o.head.outputs.size() == 1 && o.head.outputs[0].blob == "a:b");
    CHECK(parse({"run", "--param", "p", "--bin", "b", "--outputs", "a:box+cls/last:8+16,b:kpt/first:8+16", "--images", "l", "--rect", "640"}, o, error) == 0);
    CHECK(o.head.outputs.size() == 2 && o.head.outputs[0].role == Role::PARTS);
    CHECK(o.head.outputs[0].parts.values.size() == 2 && o.head.outputs[0].parts.channels_last && o.head.outputs[0].parts.strides.size() == 2);
    CHECK(!o.head.outputs[1].parts.channels_last && o.head.outputs[1].parts.values[0] == Value::KPT);
}

static void parse_options_refuses_what_is_wrong()
{
    const std::vector<std::vector<std::string> > bad = {
        {},
        {"fly"},
        {"run"},
        run_words({}),
        run_words({"--shape"}),
        run_words({"--shape", "640"}),
        run_words({"--shape", "640x"}),
        run_words({"--shape", "640x-640"}),
        run_words({"--shape", "650x640"}),
        run_words({"--shape", "640x640", "--rect", "640"}),
        run_words({"--shape", "640x640", "--threads", "0"}),
        run_words({"--shape", "640x640", "--threads", "2.5"}),
        run_words({"--shape", "640x640", "--threads", "4294967297"}),
        run_words({"--shape", "640x640", "--score-threshold", "0"}),
        run_words({"--shape", "640x640", "--score-threshold", "1"}),
        run_words({"--shape", "640x640", "--score-threshold", "nan"}),
        run_words({"--shape", "640x640", "--score-threshold", "0x1p-2"}),
        run_words({"--shape", "640x640", "--score-threshold", "0.9999999999"}),
        run_words({"--shape", "640x640", "--nms-iou", "1.5"}),
        run_words({"--shape", "640x640", "--precision", "fp16"}),
        run_words({"--shape", "640x640", "--fp16-storage", "1"}),
        run_words({"--rect", "16"}),
        run_words({"--shape", "640x640", "--keypoint-dims", "4"}),
        run_words({"--shape", "640x640", "--core-mask", "0"}),
        run_words({"--shape", "640x640", "--core-mask", "xyz"}),
        run_words({"--shape", "640x640", "--core-mask", "3", "--powersave", "0"}),
        run_words({"--shape", "640x640", "--winograd", "yes"}),
        run_words({"--shape", "640x640", "--iterations", "-1"}),
        run_words({"--shape", "640x640", "--box", "xywh"}),
        run_words({"--shape", "640x640", "--box", "dfl,half"}),
        run_words({"--shape", "640x640", "--keypoint", "2"}),
        run_words({"--shape", "640x640", "--keypoint", "2,0,seen"}),
        run_words({"--shape", "640x640", "--select", "soft-nms"}),
        run_words({"--shape", "640x640", "--trap", "swap-rb"}),
        run_words({"--shape", "640x640", "--shape", "640x640"}),
        run_words({"--shape", "640x640", "--dump-blob", "out0"}),
        run_words({"--shape", "640x640", "--unknown", "1"}),
        run_words({"--shape", "640x640", "stray", "1"}),
        run_words({"--shape", "640x640", "--head", "decoded"}),
        run_words({"--shape", "640x640", "--strides", "8,,32"}),
        run_words({"--shape", "640x640", "--strides", "0"}),
        {"stages", "--param", "p", "--bin", "b", "--outputs", "o:raw:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "o:raw:0", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "o:raw:8,o:raw:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "a:box+cls:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "a:box+cls+kpt:8,b:kpt:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "a:box+cls+kpt/middle:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "a:boxes+scores+joints:8", "--images", "l", "--shape", "64x64"},
        {"blobs", "--param", "p", "--bin", "b", "--shape", "64x64", "--dump-blob", "o", "--dump-dir", "d"},
        {"run", "--param", "p", "--bin", "b", "--outputs", ":raw:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--outputs", "raw:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--head", "raw-nchw", "--outputs", "b:box:8,c:cls:8", "--images", "l", "--shape", "64x64"},
        {"run", "--param", "p", "--bin", "b", "--head", "decoded", "--outputs", "o:decoded:0", "--images", "l", "--rect", "640"},
    };
    for (const std::vector<std::string>& words : bad)
    {
        Options o;
        std::string error;
        const int status = parse(words, o, error);
        CHECK(status == -1);
        CHECK(error.compare(0, 7, "Cannot ") == 0);
        if (status == 0 && !words.empty())
            fprintf(stderr, "accepted: ... %s\n", words.back().c_str());
    }
}

static void parse_options_keeps_injection_to_test_builds()
{
    Options o;
    std::string error;
    const int expected = is_test_build() ? 0 : -1;
    CHECK(parse(run_words({"--shape", "640x640", "--inject-slowdown", "10"}), o, error) == expected);
    if (!is_test_build())
    {
        CHECK(error.find("test build") != std::string::npos);
        CHECK(parse(run_words({"--shape", "640x640", "--inject-defect", "bgr-swap"}), o, error) == -1);
    }
    CHECK(parse(run_words({"--shape", "640x640", "--inject-defect", "no-such-defect"}), o, error) == -1);
}

void test_options()
{
    parse_options_reads_a_run();
    parse_options_reads_a_head();
    parse_options_reads_blob_names_with_colons();
    parse_options_refuses_what_is_wrong();
    parse_options_keeps_injection_to_test_builds();
}
