#include "image.h"

#include "files.h"
#include "options.h"

#include <limits.h>
#include <set>

static const int MAX_SIDE_PX = 32768;

static bool is_id(const std::string& id)
{
    if (id.empty() || id.size() > 200 || id == "." || id == "..")
        return false;
    for (char c : id)
    {
        const bool allowed = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!allowed)
            return false;
    }
    return true;
}

int parse_image_list(const std::string& text, const std::string& name, const std::string& dir, std::vector<ImageEntry>& entries, std::string& error)
{
    entries.clear();
    std::set<std::string> ids;
    size_t begin = 0;
    for (int line_number = 1; begin < text.size(); line_number++)
    {
        size_t end = text.find('\n', begin);
        if (end == std::string::npos)
            end = text.size();
        std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        if (line.empty())
            continue;

        const std::string where = "Cannot use line " + std::to_string(line_number) + " of the image list \"" + name + "\": ";
        const size_t tab1 = line.find('\t');
        const size_t tab2 = tab1 == std::string::npos ? tab1 : line.find('\t', tab1 + 1);
        const size_t tab3 = tab2 == std::string::npos ? tab2 : line.find('\t', tab2 + 1);
        if (tab3 == std::string::npos || tab3 + 1 == line.size())
        {
            error = where + "expected id, width, height and path between tabs";
            return -1;
        }

        ImageEntry entry;
        entry.id = line.substr(0, tab1);
        if (!is_id(entry.id))
        {
            error = where + "found the id \"" + entry.id + "\", expected letters, digits, '.', '_' and '-'";
            return -1;
        }
        if (!ids.insert(entry.id).second)
        {
            error = where + "the id \"" + entry.id + "\" is there twice";
            return -1;
        }
        if (parse_int(line.substr(tab1 + 1, tab2 - tab1 - 1), 1, MAX_SIDE_PX, entry.width) != 0
            || parse_int(line.substr(tab2 + 1, tab3 - tab2 - 1), 1, MAX_SIDE_PX, entry.height) != 0)
        {
            error = where + "expected width and height from 1 to " + std::to_string(MAX_SIDE_PX);
            return -1;
        }
        // ncnn's resize counts bytes in int
        if ((long long)entry.width * entry.height * 3 > INT_MAX)
        {
            error = where + "found " + std::to_string(entry.width) + "x" + std::to_string(entry.height) + " pixels, expected at most " + std::to_string(INT_MAX / 3);
            return -1;
        }
        entry.path = join_path(dir, line.substr(tab3 + 1));
        entries.push_back(entry);
    }

    if (entries.empty())
    {
        error = "Cannot use the image list \"" + name + "\": found no image, expected at least one line";
        return -1;
    }
    return 0;
}

int read_image_list(const std::string& path, std::vector<ImageEntry>& entries, std::string& error)
{
    std::vector<unsigned char> bytes;
    if (read_bytes(path, bytes, error) != 0)
        return -1;
    return parse_image_list(std::string(bytes.begin(), bytes.end()), path, directory_of(path), entries, error);
}

int load_image(const ImageEntry& entry, Image& image, std::string& error)
{
    image.width = entry.width;
    image.height = entry.height;
    if (read_bytes(entry.path, image.rgb, error) != 0)
        return -1;

    const size_t expected = (size_t)entry.width * entry.height * 3;
    if (image.rgb.size() != expected)
    {
        error = "Cannot use image \"" + entry.id + "\" (" + entry.path + "): found " + std::to_string(image.rgb.size()) + " bytes, expected "
                + std::to_string(expected) + " for raw RGB of " + std::to_string(entry.width) + "x" + std::to_string(entry.height);
        return -1;
    }
    return 0;
}
