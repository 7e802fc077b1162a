#include "check.h"

int g_failures = 0;
int g_checks = 0;

int main()
{
    test_cpus();
    test_decode();
    test_image();
    test_json();
    test_letterbox();
    test_options();
    test_param_check();
    test_select();
    test_turns();
    test_weights();

    fprintf(stderr, "%d checks, %d failed\n", g_checks, g_failures);
    return g_failures == 0 && g_checks > 0 ? 0 : 1;
}
