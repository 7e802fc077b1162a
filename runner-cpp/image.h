// Raw RGB images and the list that names them.

#ifndef POSEMARK_IMAGE_H
#define POSEMARK_IMAGE_H

#include <string>
#include <vector>

// A line of the list: id TAB width TAB height TAB path of raw bytes, R G B per pixel, rows from the
// top.
struct ImageEntry
{
    std::string id;
    int width = 0;
    int height = 0;
    std::string path;
};

struct Image
{
    int width = 0;
    int height = 0;
    std::vector<unsigned char> rgb;
};

// Entries of the list; relative paths are relative to the list. Returns 0, or -1 with the reason in
// error.
int read_image_list(const std::string& path, std::vector<ImageEntry>& entries, std::string& error);
// Entries of the text of a list, see read_image_list.
int parse_image_list(const std::string& text, const std::string& name, const std::string& dir, std::vector<ImageEntry>& entries, std::string& error);
// Pixels of the entry. Returns 0, or -1 with the reason in error.
int load_image(const ImageEntry& entry, Image& image, std::string& error);

#endif // POSEMARK_IMAGE_H
