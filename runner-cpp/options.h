// Arguments → options. The full list is in usage() and in the README.

#ifndef POSEMARK_OPTIONS_H
#define POSEMARK_OPTIONS_H

#include "head.h"

#include <string>
#include <vector>

enum class Command
{
    INFO,
    RUN,
    TURNS,
    STAGES,
    DEFECTS,
    ROOFLINE,
    BLOBS,
};

struct Options
{
    Command command = Command::INFO;

    std::string param;
    std::string bin;
    Head head;
    std::string input_blob = "in0";

    std::string images;
    // of the command "turns": a file with a line a contestant
    std::string contestants;
    // fixed target width x height; both 0 with rect_long_side
    int shape_width = 0;
    int shape_height = 0;
    int rect_long_side = 0;

    float score_threshold = 0.25f;
    float nms_iou = 0.7f;
    int max_detections = 300;

    int threads = 1;
    // -1 when core_mask is given
    int powersave = 0;
    // hexadecimal without 0x, empty when not given
    std::string core_mask;
    // how records name what the switches below make; nothing follows from it
    std::string precision_label = "fp32";
    bool fp16_packed = false;
    bool fp16_storage = false;
    bool fp16_arithmetic = false;
    bool bf16_storage = false;
    bool int8 = false;
    bool winograd = true;
    bool sgemm = true;
    bool packing = true;

    int warmup = 3;
    int iterations = 10;
    // inferences of one turn: unmeasured, then measured
    int turn_warmup = 1;
    int turn_iterations = 1;
    // step of turn_order() that the first image has
    int first_step = 0;
    bool fast_sigmoid = false;

    std::vector<std::string> dump_blobs;
    std::string dump_dir;
    std::string reference_dir;
    std::string tensor;
    double inject_slowdown_percent = 0.0;
    std::string inject_defect;
    std::string out;
};

// What a function returns when the options are wrong, with the reason in error.
static const int WRONG_OPTIONS = -3;

// Options of the command line. Returns 0, or -1 with the reason in error.
int parse_options(int argc, const char* const* argv, Options& options, std::string& error);

// Whole decimal number from min to max. Returns 0, or -1 when the text is anything else.
int parse_int(const std::string& text, int min, int max, int& value);
// Finite decimal number. Returns 0, or -1 when the text is anything else.
int parse_number(const std::string& text, double& value);

// How to call the program.
const char* usage();

#endif // POSEMARK_OPTIONS_H
