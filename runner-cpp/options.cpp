#include "options.h"

#include "defects.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <set>

const char* usage()
{
    return "posemark-runner info\n"
           "posemark-runner run --param FILE --bin FILE --outputs NAME:ROLE:STRIDE,... --images LIST (--shape WxH | --rect LONGSIDE) [options]\n"
           "posemark-runner turns --contestants FILE --images LIST [--turn-warmup N] [--turn-iterations N] [--first-step N]\n"
           "posemark-runner stages (the same options) --reference-dir DIR --dump-dir DIR\n"
           "posemark-runner roofline [--threads N] [--powersave 0|1|2 | --core-mask HEX]\n"
           "posemark-runner defects\n"
           "\n"
           "  --head decoded|raw|raw-nchw   what the outputs hold (default raw)\n"
           "  --input-blob NAME             default in0\n"
           "  --outputs LIST                NAME:ROLE:STRIDE with role decoded, raw, box, cls or kpt;\n"
           "                                or box+cls/last:8+16: values in order, channels first or last, levels (boxes, scores, joints: decoded; /xyxy, /share)\n"
           "  --strides LIST                of a decoded head's levels (default 8,16,32)\n"
           "  --classes N --keypoints K     K may be 0: detection\n"
           "  --keypoint-dims 2|3 --keypoint SCALE,ORIGIN   (scale * k + cell + origin) * stride (default 2,0)\n"
           "  --box dfl|ltrb --reg-max BINS code of the box's sides; bins of dfl (default dfl with 16)\n"
           "  --select nms|top-k            default nms\n"
           "  --images LIST                 one image a line: id TAB width TAB height TAB path of raw RGB\n"
           "  --contestants FILE            one contestant a line: id TAB option TAB value …, the options of run\n"
           "  --shape WxH | --rect LONGSIDE letterbox target\n"
           "  --score-threshold T --nms-iou T --max-detections N\n"
           "  --threads N --powersave 0|1|2 | --core-mask HEX\n"
           "  --fp16-packed on|off --fp16-storage on|off --fp16-arithmetic on|off --bf16-storage on|off --int8 on|off   (default off)\n"
           "  --winograd on|off --sgemm on|off --packing on|off   (default on)\n"
           "  --precision-label NAME        how the records call these switches\n"
           "  --warmup N --iterations N\n"
           "  --turn-warmup N --turn-iterations N   inferences of a turn: unmeasured, measured (default 1 and 1)\n"
           "  --first-step N                place in the order of turns where the first image begins (default 0)\n"
           "  --sigmoid exact|fast\n"
           "  --dump-blob NAME,... --dump-dir DIR\n"
           "  --tensor FILE                 of blobs: values [3,H,W] for --shape\n"
           "  --out FILE                    lines go there and not to stdout\n"
           "  --inject-slowdown PERCENT --inject-defect NAME   in test builds only\n";
}

int parse_int(const std::string& text, int min, int max, int& value)
{
    if (text.empty() || text.size() > 10)
        return -1;
    for (size_t i = 0; i < text.size(); i++)
    {
        const bool sign = i == 0 && text[i] == '-' && text.size() > 1;
        if (!sign && (text[i] < '0' || text[i] > '9'))
            return -1;
    }
    const long long parsed = strtoll(text.c_str(), 0, 10);
    if (parsed < min || parsed > max)
        return -1;
    value = (int)parsed;
    return 0;
}

int parse_number(const std::string& text, double& value)
{
    if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string::npos)
        return -1;
    char* end = 0;
    errno = 0;
    const double parsed = strtod(text.c_str(), &end);
    if (errno != 0 || *end != '\0' || !isfinite(parsed))
        return -1;
    value = parsed;
    return 0;
}

static std::vector<std::string> split(const std::string& text, char separator)
{
    std::vector<std::string> parts;
    size_t begin = 0;
    for (;;)
    {
        const size_t end = text.find(separator, begin);
        parts.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
        if (end == std::string::npos)
            return parts;
        begin = end + 1;
    }
}

static std::string refuse(const std::string& name, const std::string& value, const std::string& expected)
{
    return "Cannot use " + name + " \"" + value + "\": expected " + expected;
}

static int parse_role(const std::string& text, Role& role)
{
    if (text == "decoded")
        role = Role::DECODED;
    else if (text == "raw")
        role = Role::RAW;
    else if (text == "box")
        role = Role::BOX;
    else if (text == "cls")
        role = Role::CLS;
    else if (text == "kpt")
        role = Role::KPT;
    else
        return -1;
    return 0;
}

// Values joined by +, then /first or /last (channels), /xyxy and /share where they hold.
static int parse_parts(const std::string& values, const std::string& strides, Parts& parts)
{
    const std::vector<std::string> words = split(values, '/');
    for (const std::string& word : split(words[0], '+'))
    {
        Value value;
        if (value_named(word, value) != 0)
            return -1;
        parts.values.push_back(value);
    }
    for (size_t i = 1; i < words.size(); i++)
    {
        if (words[i] == "last")
            parts.channels_last = true;
        else if (words[i] == "first")
            parts.channels_last = false;
        else if (words[i] == "xyxy")
            parts.corners = true;
        else if (words[i] == "share")
            parts.share = true;
        else
            return -1;
    }
    for (const std::string& word : split(strides, '+'))
    {
        int stride = 0;
        if (parse_int(word, 1, 4096, stride) != 0)
            return -1;
        parts.strides.push_back(stride);
    }
    return 0;
}

static int parse_outputs(const std::string& value, std::vector<Output>& outputs, std::string& error)
{
    outputs.clear();
    for (const std::string& part : split(value, ','))
    {
        const size_t colon2 = part.rfind(':');
        const size_t colon1 = colon2 == std::string::npos || colon2 == 0 ? std::string::npos : part.rfind(':', colon2 - 1);
        Output output;
        const bool has_colons = colon1 != std::string::npos && colon1 != 0;
        const std::string role = has_colons ? part.substr(colon1 + 1, colon2 - colon1 - 1) : "";
        const std::string stride = has_colons ? part.substr(colon2 + 1) : "";
        bool known = has_colons;
        if (known && stride.find('+') == std::string::npos && parse_role(role, output.role) == 0)
        {
            known = parse_int(stride, 0, 4096, output.stride) == 0 && (output.role == Role::DECODED || output.stride != 0);
        }
        else if (known)
        {
            output.role = Role::PARTS;
            known = parse_parts(role, stride, output.parts) == 0;
        }
        if (!known)
        {
            error = refuse("--outputs", part, "NAME:ROLE:STRIDE with role decoded (stride 0), raw, box, cls or kpt, or values such as box+cls/last with strides such as 8+16");
            return -1;
        }
        output.blob = part.substr(0, colon1);
        outputs.push_back(output);
    }
    return 0;
}

static int parse_strides(const std::string& value, std::vector<int>& strides, std::string& error)
{
    strides.clear();
    for (const std::string& part : split(value, ','))
    {
        int stride = 0;
        if (parse_int(part, 1, 4096, stride) != 0)
        {
            error = refuse("--strides", value, "whole numbers from 1 to 4096 between commas");
            return -1;
        }
        strides.push_back(stride);
    }
    return 0;
}

static int parse_coordinate(const std::string& text, float& value)
{
    double parsed = 0.0;
    if (parse_number(text, parsed) != 0 || fabs(parsed) > 1000.0)
        return -1;
    value = (float)parsed;
    return 0;
}

static int parse_box(const std::string& value, Head& head)
{
    const std::vector<std::string> parts = split(value, ',');
    if (box_code_named(parts[0], head.box) != 0 || parts.size() > 2)
        return -1;
    return parts.size() == 2 ? parse_coordinate(parts[1], head.box_origin) : 0;
}

static int parse_keypoint(const std::string& value, Head& head)
{
    const std::vector<std::string> parts = split(value, ',');
    const bool visibility = parts.size() == 3 && (parts[2] == "sigmoid" || parts[2] == "logit");
    if (parts.size() != 2 && !visibility)
        return -1;
    head.visibility_sigmoid = parts.size() == 2 || parts[2] == "sigmoid";
    return parse_coordinate(parts[0], head.keypoint_scale) != 0 ? -1 : parse_coordinate(parts[1], head.keypoint_origin);
}

static int parse_shape(const std::string& value, Options& options)
{
    const size_t x = value.find('x');
    if (x == std::string::npos)
        return -1;
    if (parse_int(value.substr(0, x), 32, 8192, options.shape_width) != 0)
        return -1;
    return parse_int(value.substr(x + 1), 32, 8192, options.shape_height);
}

static int parse_core_mask(const std::string& value, std::string& core_mask)
{
    std::string digits = value;
    if (digits.compare(0, 2, "0x") == 0 || digits.compare(0, 2, "0X") == 0)
        digits = digits.substr(2);
    const size_t first = digits.find_first_not_of('0');
    if (digits.empty() || digits.size() > 64 || first == std::string::npos || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return -1;
    core_mask = digits.substr(first);
    for (char& c : core_mask)
    {
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
    }
    return 0;
}

static int parse_switch(const std::string& value, bool& flag)
{
    if (value != "on" && value != "off")
        return -1;
    flag = value == "on";
    return 0;
}

static int parse_share(const std::string& value, float& share)
{
    double parsed = 0.0;
    if (parse_number(value, parsed) != 0 || !(parsed > 0.0 && parsed < 1.0))
        return -1;
    const float rounded = (float)parsed;
    if (!(rounded > 0.f && rounded < 1.f))
        return -1;
    share = rounded;
    return 0;
}

static int keep(const std::string& value, std::string& text)
{
    text = value;
    return 0;
}

// Passes on whether a value could be read, with the reason where it could not.
static int taken(int status, const std::string& name, const std::string& value, const std::string& expected, std::string& error)
{
    if (status != 0) error = refuse(name, value, expected);
    return status;
}

static int parse_table_option(const std::string& name, const std::string& value, Options& o, bool& known, std::string& error)
{
#define POSEMARK_INTEGER(option, member, least, largest) \
    if (name == option) return taken(parse_int(value, least, largest, o.member), name, value, "a whole number from " #least " to " #largest, error);
#define POSEMARK_SHARE(option, member) \
    if (name == option) return taken(parse_share(value, o.member), name, value, "a number above 0 and below 1", error);
#define POSEMARK_SWITCH(option, member) \
    if (name == option) return taken(parse_switch(value, o.member), name, value, "on or off", error);
#define POSEMARK_TEXT(option, member) \
    if (name == option) return keep(value, o.member);
#include "options.inc"
#undef POSEMARK_INTEGER
#undef POSEMARK_SHARE
#undef POSEMARK_SWITCH
#undef POSEMARK_TEXT
    known = false;
    return 0;
}

static int parse_model_option(const std::string& name, const std::string& value, Options& o, bool& known, std::string& error)
{
    if (name == "--head")
    {
        if (value == "decoded")
            o.head.layout = Layout::DECODED;
        else if (value == "raw")
            o.head.layout = Layout::RAW;
        else if (value == "raw-nchw")
            o.head.layout = Layout::RAW_NCHW;
        else
            error = refuse(name, value, "decoded, raw or raw-nchw");
    }
    else if (name == "--outputs")
        return parse_outputs(value, o.head.outputs, error);
    else if (name == "--strides")
        return parse_strides(value, o.head.strides, error);
    else if (name == "--box")
    {
        if (parse_box(value, o.head) != 0) error = refuse(name, value, "dfl or ltrb, with the origin in cells behind a comma where it is not 0.5");
    }
    else if (name == "--keypoint")
    {
        if (parse_keypoint(value, o.head) != 0) error = refuse(name, value, "SCALE,ORIGIN such as 2,0, with \",logit\" behind it where visibility stays one");
    }
    else if (name == "--select")
    {
        if (value != "nms" && value != "top-k") error = refuse(name, value, "nms or top-k");
        o.head.select = value == "top-k" ? Select::TOP_K : Select::NMS;
    }
    else if (name == "--shape")
    {
        if (parse_shape(value, o) != 0) error = refuse(name, value, "WIDTHxHEIGHT in pixels, each from 32 to 8192");
    }
    else
        known = false;
    return error.empty() ? 0 : -1;
}

static int parse_other_option(const std::string& name, const std::string& value, Options& o, bool& known, std::string& error)
{
    if (name == "--core-mask")
    {
        if (parse_core_mask(value, o.core_mask) != 0) error = refuse(name, value, "a hexadecimal mask of CPUs that is not 0, such as f0");
        o.powersave = -1;
    }
    else if (name == "--dump-blob")
        o.dump_blobs = split(value, ',');
    else if (name == "--sigmoid")
    {
        if (value != "exact" && value != "fast") error = refuse(name, value, "exact or fast");
        o.fast_sigmoid = value == "fast";
    }
    else if (name == "--inject-slowdown")
    {
        if (!is_test_build())
            error = "Cannot use --inject-slowdown: this is not a test build: build with -DPOSEMARK_TEST_BUILD=ON";
        else if (parse_number(value, o.inject_slowdown_percent) != 0 || o.inject_slowdown_percent < 0.0 || o.inject_slowdown_percent > 1000.0)
            error = refuse(name, value, "percent from 0 to 1000");
    }
    else if (name == "--inject-defect")
    {
        if (!is_test_build())
            error = "Cannot use --inject-defect: this is not a test build: build with -DPOSEMARK_TEST_BUILD=ON";
        else if (select_defect(value) != 0)
            error = refuse(name, value, "a name that \"posemark-runner defects\" lists");
        o.inject_defect = value;
    }
    else
        known = false;
    return error.empty() ? 0 : -1;
}

static bool has_parts(const Head& head)
{
    for (const Output& output : head.outputs)
    {
        if (output.role == Role::PARTS)
            return true;
    }
    return false;
}

// Outputs in layouts of their own: each level must have boxes, classes and keypoints of one kind,
// once.
static int check_parts(const Options& o, std::set<int>& strides, std::string& error)
{
    const bool decoded = o.head.layout == Layout::DECODED;
    std::set<std::pair<int, int> > seen;
    for (const Output& output : o.head.outputs)
    {
        const Parts parts = parts_of(output, o.head);
        for (int stride : parts.strides)
        {
            strides.insert(stride);
            for (Value value : parts.values)
            {
                const int kind = value == Value::CLS ? (int)Value::SCORES : (int)value;
                if (!seen.insert({kind, stride}).second)
                {
                    error = "Cannot use --outputs: \"" + output.blob + "\" repeats values of a stride that are there already";
                    return -1;
                }
            }
        }
    }
    for (int stride : strides)
    {
        const bool has_boxes = seen.count({(int)(decoded ? Value::BOXES : Value::BOX), stride}) == 1;
        const bool has_classes = seen.count({(int)Value::SCORES, stride}) == 1;
        const bool has_keypoints = seen.count({(int)(decoded ? Value::JOINTS : Value::KPT), stride}) == 1;
        if (!has_boxes || !has_classes || (o.head.keypoints > 0 && !has_keypoints))
        {
            error = "Cannot use --outputs: the level of stride " + std::to_string(stride) + " lacks boxes, classes or keypoints: expected "
                    + (decoded ? "boxes, scores and joints" : "box, cls (or scores) and kpt") + " for this --head";
            return -1;
        }
    }
    return 0;
}

static int check_roles(const Options& o, std::set<int>& strides, std::string& error)
{
    std::set<std::string> seen;
    for (const Output& output : o.head.outputs)
    {
        const bool fits = o.head.layout == Layout::DECODED ? output.role == Role::DECODED
                          : o.head.layout == Layout::RAW   ? output.role == Role::RAW
                                                           : output.role == Role::BOX || output.role == Role::CLS || (output.role == Role::KPT && o.head.keypoints > 0);
        if (!fits)
        {
            error = "Cannot use --outputs: the role of \"" + output.blob + "\" does not belong to this --head: expected decoded for decoded, raw for raw, and box, cls and kpt for raw-nchw";
            return -1;
        }
        if (!seen.insert(std::to_string((int)output.role) + ":" + std::to_string(output.stride)).second)
        {
            error = "Cannot use --outputs: \"" + output.blob + "\" repeats a role and stride that is there already";
            return -1;
        }
        strides.insert(output.stride);
    }

    const size_t per_level = o.head.layout != Layout::RAW_NCHW ? 1 : o.head.keypoints > 0 ? 3
                                                                                          : 2;
    if (o.head.outputs.size() != strides.size() * per_level)
    {
        error = "Cannot use --outputs: found " + std::to_string(o.head.outputs.size()) + " blobs for " + std::to_string(strides.size()) + " strides, expected box, cls and (unless --keypoints is 0) kpt for every stride";
        return -1;
    }
    return 0;
}

static int check_outputs(const Options& o, std::string& error)
{
    std::set<int> strides;
    const bool parts = has_parts(o.head);
    if ((parts ? check_parts(o, strides, error) : check_roles(o, strides, error)) != 0)
        return -1;
    if (o.head.layout == Layout::DECODED && !parts)
        return 0;

    for (int stride : strides)
    {
        if (o.rect_long_side == 0 && (o.shape_width % stride != 0 || o.shape_height % stride != 0))
        {
            error = "Cannot use --shape " + std::to_string(o.shape_width) + "x" + std::to_string(o.shape_height) + ": expected multiples of the stride " + std::to_string(stride);
            return -1;
        }
        if (o.rect_long_side != 0 && 32 % stride != 0)
        {
            error = "Cannot use --rect with the stride " + std::to_string(stride) + ": the sides are padded to multiples of 32: use --shape";
            return -1;
        }
    }
    return 0;
}

static int check_required(const Options& o, std::string& error)
{
    if (o.command == Command::INFO || o.command == Command::DEFECTS || o.command == Command::ROOFLINE)
        return 0;
    if (o.command == Command::TURNS)
    {
        // each contestant brings the rest
        const char* missing = o.contestants.empty() ? "--contestants" : o.images.empty() ? "--images"
                                                                                         : 0;
        if (missing)
            error = std::string("Cannot start: ") + missing + " is missing: see posemark-runner --help";
        return missing ? -1 : 0;
    }

    const bool blobs = o.command == Command::BLOBS;
    const char* missing = o.param.empty()                                           ? "--param"
                          : o.bin.empty()                                           ? "--bin"
                          : o.head.outputs.empty() && !blobs                        ? "--outputs"
                          : o.input_blob.empty()                                    ? "--input-blob"
                          : o.images.empty() && !blobs                              ? "--images"
                          : blobs && o.tensor.empty()                               ? "--tensor"
                          : blobs && o.shape_width == 0                             ? "--shape"
                          : blobs && o.dump_blobs.empty()                           ? "--dump-blob"
                          : o.shape_width == 0 && o.rect_long_side == 0             ? "--shape or --rect"
                          : !o.dump_blobs.empty() && o.dump_dir.empty()             ? "--dump-dir for --dump-blob"
                          : o.command == Command::STAGES && o.reference_dir.empty() ? "--reference-dir"
                          : o.command == Command::STAGES && o.dump_dir.empty()      ? "--dump-dir"
                                                                                    : 0;
    if (missing)
    {
        error = std::string("Cannot start: ") + missing + " is missing: see posemark-runner --help";
        return -1;
    }
    if (o.shape_width != 0 && o.rect_long_side != 0)
    {
        error = "Cannot use --shape and --rect together: give one of them";
        return -1;
    }
    if (o.head.layout == Layout::DECODED && o.rect_long_side != 0)
    {
        error = "Cannot use --rect with --head decoded: the grid is part of such a graph: use --shape with the size of the model";
        return -1;
    }
    return blobs ? 0 : check_outputs(o, error);
}

int parse_options(int argc, const char* const* argv, Options& options, std::string& error)
{
    options = Options();
    const std::string command = argc > 1 ? argv[1] : "";
    if (command == "info")
        options.command = Command::INFO;
    else if (command == "run")
        options.command = Command::RUN;
    else if (command == "turns")
        options.command = Command::TURNS;
    else if (command == "stages")
        options.command = Command::STAGES;
    else if (command == "defects")
        options.command = Command::DEFECTS;
    else if (command == "roofline")
        options.command = Command::ROOFLINE;
    else if (command == "blobs")
        options.command = Command::BLOBS;
    else
    {
        error = refuse("the command", command, "info, run, turns, stages, blobs, roofline or defects: see posemark-runner --help");
        return -1;
    }

    std::set<std::string> given;
    for (int i = 2; i < argc; i += 2)
    {
        const std::string name = argv[i];
        if (name.compare(0, 2, "--") != 0)
        {
            error = refuse("the argument", name, "an option such as --param FILE");
            return -1;
        }
        if (i + 1 >= argc)
        {
            error = "Cannot use " + name + ": its value is missing";
            return -1;
        }
        if (!given.insert(name).second)
        {
            error = "Cannot use " + name + " twice: give it once";
            return -1;
        }

        const std::string value = argv[i + 1];
        bool known = false;
        for (const auto& parse : {parse_table_option, parse_model_option, parse_other_option})
        {
            known = true;
            if (parse(name, value, options, known, error) != 0)
                return -1;
            if (known)
                break;
        }
        if (!known)
        {
            error = "Cannot use " + name + ": there is no such option: see posemark-runner --help";
            return -1;
        }
    }

    if (given.count("--powersave") && given.count("--core-mask"))
    {
        error = "Cannot use --powersave and --core-mask together: give one of them";
        return -1;
    }
    return check_required(options, error);
}
