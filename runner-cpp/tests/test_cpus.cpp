#include "check.h"
#include "cpu_list.h"
#include "cpu_setup.h"

typedef std::vector<int> Cpus;

static void parse_cpu_list_reads_ranges_and_refuses_other_text()
{
    Cpus cpus;
    CHECK(parse_cpu_list("0-3,5", cpus) && cpus == (Cpus{0, 1, 2, 3, 5}));
    CHECK(parse_cpu_list("7", cpus) && cpus == (Cpus{7}));
    CHECK(parse_cpu_list("4-5,0-1,1", cpus) && cpus == (Cpus{0, 1, 4, 5}));
    const char* const wrong[] = {"", "a", "0-", "-3", "3-1", "0,,1", "0-3 ", "0-3,", "99999999999999999999", "0-4096"};
    for (const char* text : wrong)
        CHECK(!parse_cpu_list(text, cpus));
}

static void mask_of_has_a_bit_a_cpu()
{
    CHECK(mask_of(Cpus()) == "0");
    CHECK(mask_of(Cpus{0, 1, 2, 3}) == "f");
    CHECK(mask_of(Cpus{4, 5, 6, 7}) == "f0");
    CHECK(mask_of(Cpus{65}) == "20000000000000000");
}

// Eight CPUs of which 2 and 6 are offline: ncnn would take the six others for 0 to 5.
static void cpus_of_powersave_are_online_ones_that_are_known()
{
    SystemCpus system;
    system.online = Cpus{0, 1, 3, 4, 5, 7};
    system.max_khz = Cpus{1800, 1800, 1800, 2800, 2800, 3300};
    system.offline = Cpus{2, 6};
    CHECK(cpus_of_powersave(0, system) == system.online);
    CHECK(cpus_of_powersave(1, system) == (Cpus{0, 1, 3}));
    CHECK(cpus_of_powersave(2, system) == (Cpus{4, 5, 7}));
    system.max_khz[3] = 0;
    CHECK(cpus_of_powersave(2, system) == (Cpus{5, 7}));
    system.max_khz = Cpus(6, 0);
    CHECK(cpus_of_powersave(2, system) == system.online);
    CHECK(cpus_of_powersave(1, system).empty());
}

static void read_system_cpus_and_allowed_cpus_agree_on_this_machine()
{
    const SystemCpus system = read_system_cpus();
    CHECK(system.max_khz.size() == system.online.size());
    for (int cpu : allowed_cpus())
        CHECK(system.online.empty() || contains(system.online, cpu));
}

void test_cpus()
{
    parse_cpu_list_reads_ranges_and_refuses_other_text();
    mask_of_has_a_bit_a_cpu();
    cpus_of_powersave_are_online_ones_that_are_known();
    read_system_cpus_and_allowed_cpus_agree_on_this_machine();
}
