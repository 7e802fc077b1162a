#include "check.h"
#include "json.h"

#include <stdlib.h>

#include <limits>

static void json_quote_escapes()
{
    CHECK(json_quote("a\"b\\c") == "\"a\\\"b\\\\c\"");
    CHECK(json_quote(std::string("\n\t\x01\x7f", 4)) == "\"\\u000a\\u0009\\u0001\\u007f\"");
    CHECK(json_quote("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void json_quote_replaces_what_is_not_utf8()
{
    CHECK(json_quote("\xff") == "\"\xef\xbf\xbd\"");
    CHECK(json_quote("\xc3") == "\"\xef\xbf\xbd\"");
    // overlong, surrogate, beyond U+10FFFF
    CHECK(json_quote("\xc0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(json_quote("\xed\xa0\x80").find("\xed") == std::string::npos);
    CHECK(json_quote("\xf4\x90\x80\x80").find("\xf4") == std::string::npos);
}

static void json_puts_commas_and_null()
{
    Json json;
    json.open_object();
    json.key("a").integer(-5);
    json.key("b").open_array().number(0.5f).number(std::numeric_limits<double>::quiet_NaN()).close_array();
    json.key("c").open_object().close_object();
    json.key("d").integers({1, 2});
    json.key("e").boolean(true).key("f").null();
    json.close_object();
    CHECK(json.text == "{\"a\":-5,\"b\":[0.5,null],\"c\":{},\"d\":[1,2],\"e\":true,\"f\":null}");
}

static void json_numbers_come_back_exactly()
{
    const float values[] = {0.1f, 1e-30f, 640.f, 1.17549435e-38f, 3.40282347e+38f};
    for (float value : values)
    {
        Json json;
        json.number(value);
        CHECK(strtof(json.text.c_str(), 0) == value);
    }
}

static void fnv1a64_gives_the_published_values()
{
    // http://www.isthe.com/chongo/src/fnv/test_fnv.c
    CHECK(fnv1a64(FNV1A64_START, "", 0) == 0xcbf29ce484222325ULL);
    CHECK(fnv1a64(FNV1A64_START, "a", 1) == 0xaf63dc4c8601ec8cULL);
    CHECK(fnv1a64(FNV1A64_START, "foobar", 6) == 0x85944171f73967e8ULL);
}

static void write_line_fails_when_the_disk_is_full()
{
#if defined __linux__
    LineWriter writer;
    std::string error;
    if (open_lines(writer, "/dev/full", error) != 0)
        return;
    CHECK(write_line(writer, "{}", error) == -1);
    CHECK(error.find("No space left") != std::string::npos);
    fclose(writer.fp);
#endif
}

void test_json()
{
    json_quote_escapes();
    json_quote_replaces_what_is_not_utf8();
    json_puts_commas_and_null();
    json_numbers_come_back_exactly();
    fnv1a64_gives_the_published_values();
    write_line_fails_when_the_disk_is_full();
}
