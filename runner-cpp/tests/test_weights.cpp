#include "check.h"
#include "weights.h"

#include <stdint.h>

static void append(FILE* fp, uint32_t value)
{
    fwrite(&value, sizeof(value), 1, fp);
}

static void weight_reader_counts_fp16_blobs_and_short_reads()
{
    FILE* fp = tmpfile();
    CHECK(fp != 0);
    if (!fp)
        return;
    append(fp, 0x01306B47);
    append(fp, 0x3c003c00);
    // a bias of one value whose bits are the tag of fp16 is told from a tag by nothing: the count
    // errs upwards only
    append(fp, 0x3f800000);
    append(fp, 0);
    append(fp, 0x3f800000);
    rewind(fp);

    WeightReader reader(fp);
    uint32_t word = 0;
    CHECK(reader.read(&word, 4) == 4 && word == 0x01306B47);
    CHECK(reader.read(&word, 4) == 4 && word == 0x3c003c00);
    CHECK(reader.read(&word, 4) == 4 && word == 0x3f800000);
    CHECK(reader.read(&word, 4) == 4 && word == 0);
    CHECK(reader.read(&word, 4) == 4);
    CHECK(reader.fp16_blobs == 1);
    CHECK(reader.short_reads == 0 && reader.bytes_read == 20);
    CHECK(reader.read(&word, 4) == 0);
    CHECK(reader.short_reads == 1);
    fclose(fp);
}

void test_weights()
{
    weight_reader_counts_fp16_blobs_and_short_reads();
}
