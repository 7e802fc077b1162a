#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void separate(Json& json)
{
    if (json.needs_comma)
        json.text += ',';
    json.needs_comma = true;
}

Json& Json::open_object()
{
    separate(*this);
    text += '{';
    needs_comma = false;
    return *this;
}

Json& Json::close_object()
{
    text += '}';
    needs_comma = true;
    return *this;
}

Json& Json::open_array()
{
    separate(*this);
    text += '[';
    needs_comma = false;
    return *this;
}

Json& Json::close_array()
{
    text += ']';
    needs_comma = true;
    return *this;
}

Json& Json::key(const char* name)
{
    separate(*this);
    text += json_quote(name);
    text += ':';
    needs_comma = false;
    return *this;
}

Json& Json::string(const std::string& value)
{
    separate(*this);
    text += json_quote(value);
    return *this;
}

Json& Json::integer(int64_t value)
{
    separate(*this);
    text += std::to_string(value);
    return *this;
}

Json& Json::number(double value)
{
    if (!isfinite(value))
        return null();

    // as few digits as bring the value back exactly
    char buffer[40];
    for (int digits = 6; digits <= 17; digits++)
    {
        snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
        if (strtod(buffer, 0) == value)
            break;
    }
    separate(*this);
    text += buffer;
    return *this;
}

Json& Json::number(float value)
{
    if (!isfinite(value))
        return null();

    char buffer[40];
    for (int digits = 6; digits <= 9; digits++)
    {
        snprintf(buffer, sizeof(buffer), "%.*g", digits, (double)value);
        if (strtof(buffer, 0) == value)
            break;
    }
    separate(*this);
    text += buffer;
    return *this;
}

Json& Json::boolean(bool value)
{
    separate(*this);
    text += value ? "true" : "false";
    return *this;
}

Json& Json::null()
{
    separate(*this);
    text += "null";
    return *this;
}

Json& Json::integers(const std::vector<int64_t>& values)
{
    open_array();
    for (size_t i = 0; i < values.size(); i++)
    {
        integer(values[i]);
    }
    return close_array();
}

// Length of the UTF-8 sequence that starts at s[i], or 0 when the bytes are not one (RFC 3629).
static size_t utf8_length(const std::string& s, size_t i)
{
    const unsigned char c = s[i];
    size_t length = 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        length = 2;
    else if (c >= 0xe0 && c <= 0xef)
        length = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        length = 4;
    else
        return 0;

    if (c == 0xe0) second_min = 0xa0;
    if (c == 0xed) second_max = 0x9f;
    if (c == 0xf0) second_min = 0x90;
    if (c == 0xf4) second_max = 0x8f;

    if (i + length > s.size())
        return 0;
    for (size_t j = 1; j < length; j++)
    {
        const unsigned char next = s[i + j];
        const unsigned char min = j == 1 ? second_min : 0x80;
        const unsigned char max = j == 1 ? second_max : 0xbf;
        if (next < min || next > max)
            return 0;
    }
    return length;
}

std::string json_quote(const std::string& value)
{
    std::string quoted = "\"";
    for (size_t i = 0; i < value.size();)
    {
        const unsigned char c = value[i];
        if (c == '"' || c == '\\')
        {
            quoted += '\\';
            quoted += (char)c;
            i++;
        }
        else if (c < 0x20 || c == 0x7f)
        {
            char buffer[8];
            snprintf(buffer, sizeof(buffer), "\\u%04x", c);
            quoted += buffer;
            i++;
        }
        else
        {
            const size_t length = utf8_length(value, i);
            if (length == 0)
            {
                quoted += "\xef\xbf\xbd";
                i++;
            }
            else
            {
                quoted.append(value, i, length);
                i += length;
            }
        }
    }
    quoted += '"';
    return quoted;
}

uint64_t fnv1a64(uint64_t hash, const void* data, size_t size)
{
    const unsigned char* bytes = (const unsigned char*)data;
    for (size_t i = 0; i < size; i++)
    {
        hash ^= bytes[i];
        hash *= 1099511628211ULL;
    }
    return hash;
}

int open_lines(LineWriter& writer, const std::string& path, std::string& error)
{
    writer.hash = FNV1A64_START;
    if (path.empty())
    {
        writer.fp = stdout;
        writer.name = "stdout";
        return 0;
    }

    writer.name = "\"" + path + "\"";
    writer.fp = fopen(path.c_str(), "wb");
    if (!writer.fp)
    {
        error = "Cannot write the records to " + writer.name + ": " + strerror(errno) + ": name a file in a folder that exists and can be written";
        return -1;
    }
    return 0;
}

int write_line(LineWriter& writer, const std::string& line, std::string& error)
{
    const std::string bytes = line + "\n";
    if (fwrite(bytes.data(), 1, bytes.size(), writer.fp) != bytes.size() || fflush(writer.fp) != 0)
    {
        error = "Cannot write the records to " + writer.name + ": " + strerror(errno) + ": the lines before this one are complete; free some space and run again";
        return -1;
    }
    writer.hash = fnv1a64(writer.hash, bytes.data(), bytes.size());
    return 0;
}

int close_lines(LineWriter& writer, std::string& error)
{
    FILE* fp = writer.fp;
    writer.fp = 0;
    if (fp && fp != stdout && fclose(fp) != 0)
    {
        error = "Cannot finish the records in " + writer.name + ": " + strerror(errno) + ": free some space and run again";
        return -1;
    }
    return 0;
}
