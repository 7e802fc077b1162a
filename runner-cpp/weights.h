// Reading a .bin: what it holds is counted on the way, and a test build can spoil it.

#ifndef POSEMARK_WEIGHTS_H
#define POSEMARK_WEIGHTS_H

#include <stdint.h>
#include <stdio.h>

#include "datareader.h"

// Reads a file for ncnn, which asks for four bytes of tag before each blob of weights:
//   0x01306B47 fp16, 0x000D4B38 int8, 0x0002C056 or 0 fp32   (ncnn src/modelbin.cpp)
class WeightReader : public ncnn::DataReader
{
public:
    explicit WeightReader(FILE* fp);

    size_t read(void* buffer, size_t size) const override;

    // bytes handed out so far
    mutable size_t bytes_read = 0;
    // time spent in reading the file, nanoseconds
    mutable int64_t read_ns = 0;
    // reads that the file could not fill
    mutable int short_reads = 0;
    // blobs of weights stored as fp16
    mutable int fp16_blobs = 0;

private:
    void spoil(void* buffer, size_t size) const;

    FILE* fp;
    // what the last read was
    mutable bool after_tag = false;
    mutable bool after_weights = false;
    mutable bool tag_is_fp16 = false;
    mutable int weight_blobs = 0;
};

#endif // POSEMARK_WEIGHTS_H
