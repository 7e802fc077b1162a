// What an app has at each stage, written for `deno task judge`: one header, C++17, no dependency.
//
//   posemark_dump_image("dump", id, rgb, width, height, stride);        // the picture, R G B
//   posemark_dump_input("dump", id, values, height, width, plane);      // what the network is fed
//   posemark_dump_output("dump", id, "out0", values, {8400, 65});       // what it gave, a call a blob
//   posemark_dump_people("dump", id, people);                           // in pixels of the picture
//
// id is the picture's file name without its ending. Each call writes a file of its own and returns
// false when it can't; the folder must exist. docs/judge.md describes the files.

#ifndef POSEMARK_DUMP_H
#define POSEMARK_DUMP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <string>
#include <vector>

struct PosemarkPerson
{
    float score = 0.f;
    int class_index = 0;
    // x1, y1, x2, y2
    float box[4] = {0.f, 0.f, 0.f, 0.f};
    // x, y, confidence of each joint
    std::vector<float> keypoints;
};

namespace posemark_dump {

// NumPy's format 1.0 (NEP 1): magic, version, length of the header, header, values.
inline FILE* open_npy(const std::string& path, const char* type, const std::vector<size_t>& shape)
{
    std::string sizes;
    for (size_t size : shape)
    {
        sizes += std::to_string(size) + ",";
    }
    std::string header = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (" + sizes + "), }";
    while ((10 + header.size() + 1) % 64 != 0)
    {
        header += ' ';
    }
    header += '\n';
    FILE* file = fopen(path.c_str(), "wb");
    if (!file)
        return 0;
    const unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(header.size() & 255), (unsigned char)(header.size() >> 8)};
    fwrite(start, 1, sizeof(start), file);
    fwrite(header.data(), 1, header.size(), file);
    return file;
}

inline bool close(FILE* file)
{
    const bool is_whole = ferror(file) == 0;
    return fclose(file) == 0 && is_whole;
}

} // namespace posemark_dump

// Rows of R, G, B bytes that lie stride bytes apart.
inline bool posemark_dump_image(const std::string& folder, const std::string& id, const uint8_t* rgb, size_t width, size_t height, size_t stride)
{
    FILE* file = posemark_dump::open_npy(folder + "/" + id + ".image.npy", "|u1", {height, width, 3});
    if (!file)
        return false;
    for (size_t y = 0; y < height; y++)
    {
        fwrite(rgb + y * stride, 1, width * 3, file);
    }
    return posemark_dump::close(file);
}

// Three planes that lie plane values apart (ncnn::Mat: cstep).
inline bool posemark_dump_input(const std::string& folder, const std::string& id, const float* values, size_t height, size_t width, size_t plane)
{
    FILE* file = posemark_dump::open_npy(folder + "/" + id + ".input.npy", "<f4", {3, height, width});
    if (!file)
        return false;
    for (size_t channel = 0; channel < 3; channel++)
    {
        fwrite(values + channel * plane, sizeof(float), width * height, file);
    }
    return posemark_dump::close(file);
}

// Values without gaps, outermost size first. name is the blob's.
inline bool posemark_dump_output(const std::string& folder, const std::string& id, const std::string& name, const float* values, const std::vector<size_t>& shape)
{
    FILE* file = posemark_dump::open_npy(folder + "/" + id + ".output." + name + ".npy", "<f4", shape);
    if (!file)
        return false;
    size_t count = 1;
    for (size_t size : shape)
    {
        count *= size;
    }
    fwrite(values, sizeof(float), count, file);
    return posemark_dump::close(file);
}

inline bool posemark_dump_people(const std::string& folder, const std::string& id, const std::vector<PosemarkPerson>& people)
{
    FILE* file = fopen((folder + "/" + id + ".people.json").c_str(), "wb");
    if (!file)
        return false;
    fprintf(file, "{\"people\":[");
    for (size_t i = 0; i < people.size(); i++)
    {
        const PosemarkPerson& p = people[i];
        fprintf(file, "%s{\"score\":%.9g,\"class\":%d,\"box\":[%.9g,%.9g,%.9g,%.9g],\"keypoints\":[", i ? "," : "", p.score, p.class_index, p.box[0], p.box[1], p.box[2], p.box[3]);
        for (size_t k = 0; k + 2 < p.keypoints.size(); k += 3)
        {
            fprintf(file, "%s[%.9g,%.9g,%.9g]", k ? "," : "", p.keypoints[k], p.keypoints[k + 1], p.keypoints[k + 2]);
        }
        fprintf(file, "]}");
    }
    fprintf(file, "]}\n");
    return posemark_dump::close(file);
}

#endif // POSEMARK_DUMP_H
