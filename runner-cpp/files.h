// Whole files of floats, integers and text.

#ifndef POSEMARK_FILES_H
#define POSEMARK_FILES_H

#include <stddef.h>

#include <string>
#include <vector>

// Bytes of the file. Returns 0, or -1 with the reason in error.
int read_bytes(const std::string& path, std::vector<unsigned char>& bytes, std::string& error);
// Little-endian float32 values of the file. Returns 0, or -1 with the reason in error.
int read_floats(const std::string& path, std::vector<float>& values, std::string& error);
// Writes size bytes. Returns 0, or -1 with the reason in error.
int write_bytes(const std::string& path, const void* data, size_t size, std::string& error);
// Adds text to the end of the file. Returns 0, or -1 with the reason in error.
int append_text(const std::string& path, const std::string& text, std::string& error);

// dir and name joined; name alone when it is absolute or dir is empty.
std::string join_path(const std::string& dir, const std::string& name);
// Folder part of the path, "" when it has none.
std::string directory_of(const std::string& path);

#endif // POSEMARK_FILES_H
