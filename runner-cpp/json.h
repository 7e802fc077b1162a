// JSON lines: one object a line, appended, flushed and hashed.

#ifndef POSEMARK_JSON_H
#define POSEMARK_JSON_H

#include <stdint.h>
#include <stdio.h>

#include <string>
#include <vector>

// Text of one JSON value, built by appending. Commas are written by the struct, keys and values by
// the caller in order.
struct Json
{
    std::string text;
    bool needs_comma = false;

    Json& open_object();
    Json& close_object();
    Json& open_array();
    Json& close_array();
    Json& key(const char* name);
    Json& string(const std::string& value);
    Json& integer(int64_t value);
    Json& number(double value);
    Json& number(float value);
    Json& boolean(bool value);
    Json& null();
    Json& integers(const std::vector<int64_t>& values);
};

// The value between quotes, with everything escaped that JSON asks for.
// Bytes that are not UTF-8 become U+FFFD, so that the line stays valid JSON.
std::string json_quote(const std::string& value);

// 64-bit FNV-1a of size bytes, continued from hash. Start with FNV1A64_START.
// http://www.isthe.com/chongo/tech/comp/fnv/
static const uint64_t FNV1A64_START = 14695981039346656037ULL;
uint64_t fnv1a64(uint64_t hash, const void* data, size_t size);

// Where the lines go: stdout, or a file.
struct LineWriter
{
    FILE* fp = 0;
    std::string name;
    uint64_t hash = FNV1A64_START;
};

// Opens path for the lines, or stdout when it is empty. Returns 0, or -1 with the reason in error.
int open_lines(LineWriter& writer, const std::string& path, std::string& error);
// Writes one line and flushes it. Returns 0, or -1 with the reason in error.
int write_line(LineWriter& writer, const std::string& line, std::string& error);
// Closes the file. Returns 0, or -1 with the reason in error.
int close_lines(LineWriter& writer, std::string& error);

#endif // POSEMARK_JSON_H
