// Assertions that also count in release builds, and the list of tests.

#ifndef POSEMARK_TESTS_CHECK_H
#define POSEMARK_TESTS_CHECK_H

#include <math.h>
#include <stdio.h>

#include <string>

extern int g_failures;
extern int g_checks;

#define CHECK(condition)                                                            \
    do                                                                              \
    {                                                                               \
        g_checks++;                                                                 \
        if (!(condition))                                                           \
        {                                                                           \
            g_failures++;                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                           \
    } while (0)

#define CHECK_NEAR(found, expected, tolerance)                                                                                  \
    do                                                                                                                          \
    {                                                                                                                           \
        g_checks++;                                                                                                             \
        const double found_value = (found);                                                                                     \
        const double expected_value = (expected);                                                                               \
        if (!(fabs(found_value - expected_value) <= (tolerance)))                                                               \
        {                                                                                                                       \
            g_failures++;                                                                                                       \
            fprintf(stderr, "%s:%d: %s: found %.9g, expected %.9g\n", __FILE__, __LINE__, #found, found_value, expected_value); \
        }                                                                                                                       \
    } while (0)

void test_cpus();
void test_decode();
void test_image();
void test_json();
void test_letterbox();
void test_options();
void test_param_check();
void test_select();
void test_turns();
void test_weights();

#endif // POSEMARK_TESTS_CHECK_H
