#include "check.h"
#include "image.h"

static int parse(const std::string& text, std::vector<ImageEntry>& entries, std::string& error)
{
    return parse_image_list(text, "list.tsv", "/data/", entries, error);
}

static void parse_image_list_reads_lines()
{
    std::vector<ImageEntry> entries;
    std::string error;
    CHECK(parse("a-1\t640\t480\ta.rgb\nb\t1\t2\t/abs/b c.rgb", entries, error) == 0);
    CHECK(entries.size() == 2);
    CHECK(entries[0].id == "a-1" && entries[0].width == 640 && entries[0].height == 480 && entries[0].path == "/data/a.rgb");
    CHECK(entries[1].path == "/abs/b c.rgb");
    CHECK(parse("a\t4\t5\ta.rgb\r\nb\t1\t2\tb.rgb\r\n", entries, error) == 0);
    CHECK(entries.size() == 2 && entries[0].path == "/data/a.rgb" && entries[1].path == "/data/b.rgb");
}

static void parse_image_list_refuses_bad_lines()
{
    const char* bad[] = {"", "\n", "a\t1\t1", "a\t1\t1\t", "a\t0\t1\tp", "a\t1\t-1\tp", "a\t1e3\t1\tp", "a\t99999999999\t1\tp", "a\t27000\t27000\tp", "../a\t1\t1\tp", "..\t1\t1\tp", "a b\t1\t1\tp", "\t1\t1\tp", "a\t1\t1\tp\na\t1\t1\tq"};
    for (const char* text : bad)
    {
        std::vector<ImageEntry> entries;
        std::string error;
        CHECK(parse(text, entries, error) == -1);
        CHECK(error.find("list.tsv") != std::string::npos);
    }
}

static void load_image_names_a_missing_file()
{
    ImageEntry entry;
    entry.id = "x";
    entry.width = 2;
    entry.height = 2;
    entry.path = "/nonexistent/posemark.rgb";
    Image image;
    std::string error;
    CHECK(load_image(entry, image, error) == -1);
    CHECK(error.find("/nonexistent/posemark.rgb") != std::string::npos);
}

void test_image()
{
    parse_image_list_reads_lines();
    parse_image_list_refuses_bad_lines();
    load_image_names_a_missing_file();
}
