// Known defects that a test build can switch on, one at a time, to see that parity catches them.
//
// In any other build has_defect() is a constant false and the defects are not in the binary.

#ifndef POSEMARK_DEFECTS_H
#define POSEMARK_DEFECTS_H

#include <string>

enum class Defect
{
    NONE,
#define POSEMARK_DEFECT(id, name, stage, what) id,
#include "defects.inc"
#undef POSEMARK_DEFECT
};

#ifdef POSEMARK_TEST_BUILD
bool has_defect(Defect defect);
constexpr bool is_test_build()
{
    return true;
}
#else
constexpr bool has_defect(Defect)
{
    return false;
}
constexpr bool is_test_build()
{
    return false;
}
#endif

// Switches the named defect on. Returns 0, or -1 when there is no such defect in this build.
int select_defect(const std::string& name);

// Prints one JSON line per defect: its name, the stage where parity should see it first, and what
// it does. Returns 0, or -1 with the reason in error.
int list_defects(std::string& error);

#endif // POSEMARK_DEFECTS_H
