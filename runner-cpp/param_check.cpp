#include "param_check.h"

#include "options.h"

#include <algorithm>
#include <set>
#include <vector>

static std::vector<std::string> words_of(const std::string& line)
{
    std::vector<std::string> words;
    size_t begin = 0;
    for (;;)
    {
        begin = line.find_first_not_of(" \t\r", begin);
        if (begin == std::string::npos)
            return words;
        size_t end = line.find_first_of(" \t\r", begin);
        if (end == std::string::npos)
            end = line.size();
        words.push_back(line.substr(begin, end - begin));
        begin = end;
    }
}

struct Line
{
    int number;
    std::vector<std::string> words;
};

static std::vector<Line> lines_of(const std::string& text)
{
    std::vector<Line> lines;
    size_t begin = 0;
    for (int number = 1; begin < text.size(); number++)
    {
        size_t end = text.find('\n', begin);
        if (end == std::string::npos)
            end = text.size();
        const std::vector<std::string> words = words_of(text.substr(begin, end - begin));
        if (!words.empty())
            lines.push_back({number, words});
        begin = end + 1;
    }
    return lines;
}

static int check_layer(const Line& line, std::set<std::string>& blobs, std::string& error)
{
    const std::vector<std::string>& w = line.words;
    for (size_t i = 0; i < w.size(); i++)
    {
        // ncnn takes names of 255 bytes and reads on in the middle of a longer one
        if (w[i].size() > 255)
        {
            error = "a word has " + std::to_string(w[i].size()) + " bytes, expected at most 255";
            return -1;
        }
    }
    int bottoms = 0;
    int tops = 0;
    if (w.size() < 4 || parse_int(w[2], 0, 100000, bottoms) != 0 || parse_int(w[3], 0, 100000, tops) != 0)
    {
        error = "expected type, name, number of inputs, number of outputs";
        return -1;
    }
    if (w.size() < 4 + (size_t)bottoms + tops)
    {
        error = "found " + std::to_string(w.size() - 4) + " words after the counts, expected " + std::to_string(bottoms) + " inputs and " + std::to_string(tops) + " outputs";
        return -1;
    }
    for (int i = 0; i < bottoms; i++)
    {
        if (blobs.count(w[4 + i]) == 0)
        {
            error = "the input \"" + w[4 + i] + "\" is no output of a layer above";
            return -1;
        }
    }
    for (int i = 0; i < tops; i++)
    {
        const std::string& blob = w[4 + bottoms + i];
        if (!blobs.insert(blob).second)
        {
            error = "the output \"" + blob + "\" is there twice";
            return -1;
        }
    }
    for (size_t i = 4 + (size_t)bottoms + tops; i < w.size(); i++)
    {
        const size_t equals = w[i].find('=');
        if (equals == 0 || equals == std::string::npos || w[i].find_first_not_of("-0123456789") != equals)
        {
            error = "found \"" + w[i] + "\", expected number=value";
            return -1;
        }
        // ncnn has 32 ids, and writes ids below 0 outside of its table; -23300 and below are arrays
        const std::string key = w[i].substr(0, equals);
        int id = 0;
        if (parse_int(key, 0, 31, id) != 0 && parse_int(key, -23331, -23300, id) != 0)
        {
            error = "found parameter \"" + key + "\", expected one of 0 to 31";
            return -1;
        }
    }
    return 0;
}

int check_param(const std::string& text, const std::string& name, std::string& error)
{
    const std::vector<Line> lines = lines_of(text);
    const std::string what = "Cannot read the graph \"" + name + "\": ";
    if (lines.empty() || lines[0].words.size() != 1 || lines[0].words[0] != "7767517")
    {
        error = what + "expected 7767517 in the first line: this is no ncnn .param text file";
        return -1;
    }

    int layer_count = 0;
    int blob_count = 0;
    if (lines.size() < 2 || lines[1].words.size() != 2
        || parse_int(lines[1].words[0], 1, 1000000, layer_count) != 0
        || parse_int(lines[1].words[1], 1, 1000000, blob_count) != 0)
    {
        error = what + "expected the number of layers and of blobs in the second line";
        return -1;
    }
    if (lines.size() - 2 != (size_t)layer_count)
    {
        error = what + "found " + std::to_string(lines.size() - 2) + " layers, expected " + std::to_string(layer_count) + ": the file is cut off or was edited";
        return -1;
    }

    std::set<std::string> blobs;
    for (size_t i = 2; i < lines.size(); i++)
    {
        std::string reason;
        if (check_layer(lines[i], blobs, reason) != 0)
        {
            error = what + "line " + std::to_string(lines[i].number) + ": " + reason;
            return -1;
        }
    }
    if (blobs.size() > (size_t)blob_count)
    {
        error = what + "found " + std::to_string(blobs.size()) + " blobs, expected at most " + std::to_string(blob_count);
        return -1;
    }
    return 0;
}

std::string without_one_activation(const std::string& text)
{
    // the tenth, so that it lies inside of the backbone; the last one when there are fewer
    int left = 10;
    size_t fused = std::string::npos;
    size_t alone = std::string::npos;
    size_t begin = 0;
    while (begin < text.size() && left > 0)
    {
        size_t end = text.find('\n', begin);
        if (end == std::string::npos)
            end = text.size();
        const std::string line = text.substr(begin, end - begin);
        const std::string type = line.substr(0, line.find_first_of(" \t"));
        const size_t key = line.find(" 9=");
        if (type == "Convolution" && key != std::string::npos && line[key + 3] != '0')
        {
            fused = begin + key + 3;
            alone = std::string::npos;
            left--;
        }
        else if (type == "Swish" || type == "ReLU" || type == "HardSwish")
        {
            alone = begin;
            fused = std::string::npos;
            left--;
        }
        begin = end + 1;
    }

    std::string spoiled = text;
    if (fused != std::string::npos)
        spoiled[fused] = '0';
    else if (alone != std::string::npos)
        spoiled.replace(alone, spoiled.find_first_of(" \t", alone) - alone, "Noop");
    return spoiled;
}
