// Fuzz targets for everything that the runner reads: one program, whose target is named by
// POSEMARK_FUZZ_TARGET. "deno task fuzz" builds it by clang with libFuzzer, ASan and UBSan.

#include "cpu_list.h"
#include "files.h"
#include "image.h"
#include "options.h"
#include "param_check.h"
#include "turns.h"
#include "weights.h"

#include "net.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

// A network of the runner's layers that read weights: tagged (float, fp16, int8) and raw ones.
static const char* const SMALL_PARAM = "7767517\n"
                                       "5 5\n"
                                       "Input            in0  0 1 in0 0=8 1=8 2=3\n"
                                       "Convolution      c1   1 1 in0 a 0=4 1=3 4=1 5=1 6=108\n"
                                       "ConvolutionDepthWise c2 1 1 a b 0=4 1=3 4=1 5=1 6=36 7=4\n"
                                       "MemoryData       m1   0 1 m 0=4\n"
                                       "BinaryOp         b1   2 1 b m out0 0=0\n";

// The bytes as a file that has a path.
struct MemoryFile
{
    MemoryFile(const uint8_t* data, size_t size)
    {
        fd = memfd_create("posemark-fuzz", 0);
        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
            abort();
        path = "/proc/self/fd/" + std::to_string(fd);
    }
    ~MemoryFile()
    {
        close(fd);
    }
    int fd;
    std::string path;
};

static void fuzz_param(const std::string& text)
{
    std::string error;
    if (check_param(text, "fuzz.param", error) != 0)
        return;
    ncnn::Net net;
    net.load_param_mem(without_one_activation(text).c_str());
}

static void fuzz_bin(const uint8_t* data, size_t size)
{
    FILE* fp = fmemopen((void*)data, size, "rb");
    if (!fp)
        return;
    ncnn::Net net;
    net.opt.num_threads = 1;
    if (net.load_param_mem(SMALL_PARAM) != 0)
        abort();
    WeightReader reader(fp);
    net.load_model(reader);
    fclose(fp);
}

static void fuzz_images(const std::string& text)
{
    std::string error;
    std::vector<ImageEntry> entries;
    parse_image_list(text, "fuzz.tsv", "/nowhere", entries, error);
}

static void fuzz_stage_file(const uint8_t* data, size_t size)
{
    const MemoryFile file(data, size);
    std::string error;
    std::vector<float> values;
    if (read_floats(file.path, values, error) == 0 && values.size() * sizeof(float) != size)
        abort();
}

// Words between line ends or zero bytes.
static std::vector<std::string> words_of(const std::string& text)
{
    std::vector<std::string> words;
    std::string word;
    for (char c : text)
    {
        if (c != '\n' && c != '\0')
        {
            word += c;
            continue;
        }
        words.push_back(word);
        word.clear();
    }
    words.push_back(word);
    return words;
}

static void fuzz_options(const std::string& text)
{
    const std::vector<std::string> words = words_of(text);
    std::vector<const char*> argv(1, "posemark-runner");
    for (const std::string& word : words)
        argv.push_back(word.c_str());
    Options options;
    std::string error;
    if (parse_options((int)argv.size(), argv.data(), options, error) != 0 && error.empty())
        abort();
}

static void fuzz_contestants(const std::string& text)
{
    Options common;
    std::string error;
    std::vector<ContestantOptions> contestants;
    if (parse_contestants(text, common, contestants, error) == 0 && contestants.size() < 2)
        abort();
}

static void fuzz_cpus(const std::string& text)
{
    std::vector<int> cpus;
    if (parse_cpu_list(text, cpus) && (cpus.empty() || mask_of(cpus) == "0"))
        abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    static const std::string target = getenv("POSEMARK_FUZZ_TARGET") ? getenv("POSEMARK_FUZZ_TARGET") : "";
    const std::string text((const char*)data, size);
    if (target == "param")
        fuzz_param(text);
    else if (target == "bin")
        fuzz_bin(data, size);
    else if (target == "images")
        fuzz_images(text);
    else if (target == "stage-file")
        fuzz_stage_file(data, size);
    else if (target == "options")
        fuzz_options(text);
    else if (target == "contestants")
        fuzz_contestants(text);
    else if (target == "cpus")
        fuzz_cpus(text);
    else
    {
        fprintf(stderr, "POSEMARK_FUZZ_TARGET=\"%s\": expected param, bin, images, stage-file, options, contestants or cpus\n", target.c_str());
        abort();
    }
    return 0;
}
