#include "cpu_list.h"

#include <ctype.h>

#include <algorithm>

// More than any phone, board or server has: a damaged list must not fill the memory.
static const int MAX_CPU = 4095;

static bool read_number(const std::string& text, size_t& at, int& number)
{
    if (at >= text.size() || !isdigit((unsigned char)text[at]))
        return false;
    number = 0;
    for (; at < text.size() && isdigit((unsigned char)text[at]); at++)
    {
        number = 10 * number + (text[at] - '0');
        if (number > MAX_CPU)
            return false;
    }
    return true;
}

bool parse_cpu_list(const std::string& text, std::vector<int>& cpus)
{
    cpus.clear();
    size_t at = 0;
    while (true)
    {
        int first = 0;
        if (!read_number(text, at, first))
            return false;
        int last = first;
        if (at < text.size() && text[at] == '-')
        {
            at++;
            if (!read_number(text, at, last) || last < first)
                return false;
        }
        for (int cpu = first; cpu <= last; cpu++)
            cpus.push_back(cpu);
        if (at == text.size())
            break;
        if (text[at++] != ',')
            return false;
    }
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    return true;
}

std::string mask_of(const std::vector<int>& cpus)
{
    const int last = cpus.empty() ? 0 : *std::max_element(cpus.begin(), cpus.end());
    std::vector<int> digits(last / 4 + 1, 0);
    for (int cpu : cpus)
        digits[cpu / 4] |= 1 << (cpu % 4);
    std::string mask;
    for (size_t i = digits.size(); i > 0; i--)
        mask += "0123456789abcdef"[digits[i - 1]];
    return mask;
}

bool contains(const std::vector<int>& cpus, int cpu)
{
    return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
}
