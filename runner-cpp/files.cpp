#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int read_bytes(const std::string& path, std::vector<unsigned char>& bytes, std::string& error)
{
    bytes.clear();
    FILE* fp = fopen(path.c_str(), "rb");
    if (!fp)
    {
        error = "Cannot read \"" + path + "\": " + strerror(errno);
        return -1;
    }

    unsigned char buffer[65536];
    for (;;)
    {
        const size_t count = fread(buffer, 1, sizeof(buffer), fp);
        bytes.insert(bytes.end(), buffer, buffer + count);
        if (count < sizeof(buffer))
            break;
    }
    const bool failed = ferror(fp) != 0;
    const int code = errno;
    fclose(fp);
    if (failed)
    {
        error = "Cannot read \"" + path + "\": " + strerror(code);
        return -1;
    }
    return 0;
}

int read_floats(const std::string& path, std::vector<float>& values, std::string& error)
{
    std::vector<unsigned char> bytes;
    if (read_bytes(path, bytes, error) != 0)
        return -1;
    if (bytes.size() % sizeof(float) != 0)
    {
        error = "Cannot read \"" + path + "\" as float32: found " + std::to_string(bytes.size()) + " bytes, expected a multiple of 4";
        return -1;
    }
    values.resize(bytes.size() / sizeof(float));
    if (!bytes.empty())
        memcpy(values.data(), bytes.data(), bytes.size());
    return 0;
}

static int write_mode(const std::string& path, const void* data, size_t size, const char* mode, std::string& error)
{
    FILE* fp = fopen(path.c_str(), mode);
    if (!fp)
    {
        error = "Cannot write \"" + path + "\": " + strerror(errno);
        return -1;
    }
    const bool complete = size == 0 || fwrite(data, 1, size, fp) == size;
    const int write_code = errno;
    const bool closed = fclose(fp) == 0;
    if (!complete || !closed)
    {
        error = "Cannot write \"" + path + "\": " + strerror(complete ? errno : write_code);
        return -1;
    }
    return 0;
}

int write_bytes(const std::string& path, const void* data, size_t size, std::string& error)
{
    return write_mode(path, data, size, "wb", error);
}

int append_text(const std::string& path, const std::string& text, std::string& error)
{
    return write_mode(path, text.data(), text.size(), "ab", error);
}

std::string join_path(const std::string& dir, const std::string& name)
{
    if (dir.empty() || (!name.empty() && name[0] == '/'))
        return name;
    return dir[dir.size() - 1] == '/' ? dir + name : dir + "/" + name;
}

std::string directory_of(const std::string& path)
{
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}
