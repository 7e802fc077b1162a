#include "check.h"
#include "param_check.h"

static const char* const GOOD = "7767517\n3 3\nInput in0 0 1 in0\nConvolution conv 1 1 in0 a 0=16 1=3 9=1\nSwish act 1 1 a out0\n";

static std::string complaint(const std::string& text)
{
    std::string error;
    return check_param(text, "m.param", error) == 0 ? "" : error;
}

static void check_param_takes_a_good_graph()
{
    CHECK(complaint(GOOD) == "");
    CHECK(complaint("7767517\r\n1 1\r\nInput  in0  0 1 in0 0=3 -23330=4,3,1,2,3\r\n\r\n") == "");
}

static void check_param_names_the_line_at_fault()
{
    CHECK(complaint("").find("7767517") != std::string::npos);
    CHECK(complaint("7767516\n1 1\nInput in0 0 1 in0\n").find("7767517") != std::string::npos);
    CHECK(complaint("7767517\n1\nInput in0 0 1 in0\n").find("second line") != std::string::npos);
    CHECK(complaint("7767517\n2 2\nInput in0 0 1 in0\n").find("found 1 layers, expected 2") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 0 9 in0\n").find("line 3") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 x 1 in0\n").find("line 3") != std::string::npos);
    CHECK(complaint("7767517\n2 2\nInput in0 0 1 a\nReLU r 1 1 b c\n").find("line 4: the input \"b\"") != std::string::npos);
    CHECK(complaint("7767517\n2 2\nInput in0 0 1 a\nInput in1 0 1 a\n").find("twice") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 0 1 a b\n").find("number=value") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 0 1 a 32=1\n").find("parameter \"32\"") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 0 1 a -1=1\n").find("parameter \"-1\"") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput in0 0 1 a -23332=1,1\n").find("one of 0 to 31") != std::string::npos);
    CHECK(complaint("7767517\n1 1\nInput " + std::string(256, 'n') + " 0 1 a\n").find("256 bytes") != std::string::npos);
    // ncnn would write beyond its table
    CHECK(complaint("7767517\n2 1\nInput in0 0 1 a\nReLU r 1 1 a b\n").find("found 2 blobs, expected at most 1") != std::string::npos);
}

static void without_one_activation_takes_the_last_of_few()
{
    const std::string text = without_one_activation(GOOD);
    CHECK(text.find("Noop act 1 1 a out0") != std::string::npos);
    CHECK(text.find("9=1") != std::string::npos);
    const std::string fused = "7767517\n2 2\nInput in0 0 1 in0\nConvolution conv 1 1 in0 a 0=16 9=1\n";
    CHECK(without_one_activation(fused).find("9=0") != std::string::npos);
}

void test_param_check()
{
    check_param_takes_a_good_graph();
    check_param_names_the_line_at_fault();
    without_one_activation_takes_the_last_of_few();
}
