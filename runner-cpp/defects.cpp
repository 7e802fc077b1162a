#include "defects.h"

#include "json.h"

#ifdef POSEMARK_TEST_BUILD

struct DefectEntry
{
    Defect defect;
    const char* name;
    const char* stage;
    const char* what;
};

static const DefectEntry DEFECTS[] = {
#define POSEMARK_DEFECT(id, name, stage, what) {Defect::id, name, stage, what},
#include "defects.inc"
#undef POSEMARK_DEFECT
};

static Defect g_selected = Defect::NONE;

bool has_defect(Defect defect)
{
    return g_selected == defect;
}

int select_defect(const std::string& name)
{
    for (const DefectEntry& entry : DEFECTS)
    {
        if (name == entry.name)
        {
            g_selected = entry.defect;
            return 0;
        }
    }
    return -1;
}

int list_defects(std::string& error)
{
    LineWriter writer;
    if (open_lines(writer, "", error) != 0)
        return -1;
    for (const DefectEntry& entry : DEFECTS)
    {
        Json json;
        json.open_object();
        json.key("name").string(entry.name);
        json.key("stage").string(entry.stage);
        json.key("what").string(entry.what);
        json.close_object();
        if (write_line(writer, json.text, error) != 0)
            return -1;
    }
    return 0;
}

#else // POSEMARK_TEST_BUILD

int select_defect(const std::string&)
{
    return -1;
}

int list_defects(std::string& error)
{
    error = "Cannot list defects: this is not a test build: build with -DPOSEMARK_TEST_BUILD=ON";
    return -1;
}

#endif // POSEMARK_TEST_BUILD
