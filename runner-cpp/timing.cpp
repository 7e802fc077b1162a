#include "timing.h"

#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include <chrono>

int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void busy_wait_ns(int64_t duration_ns)
{
    const int64_t end = now_ns() + duration_ns;
    while (now_ns() < end)
    {
    }
}

// The value of a line "KEY: N kB" of /proc/self/status, in bytes; -1 when there is none.
static int64_t status_bytes(const char* key)
{
    FILE* fp = fopen("/proc/self/status", "rb");
    if (!fp)
        return -1;

    int64_t bytes = -1;
    char line[256];
    const size_t length = strlen(key);
    while (fgets(line, sizeof(line), fp))
    {
        long long kib = 0;
        if (strncmp(line, key, length) == 0 && sscanf(line + length, ": %lld kB", &kib) == 1)
        {
            bytes = (int64_t)kib * 1024;
            break;
        }
    }
    fclose(fp);
    return bytes;
}

int64_t peak_rss_bytes()
{
    const int64_t from_proc = status_bytes("VmHWM");
    if (from_proc >= 0)
        return from_proc;

    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss <= 0)
        return -1;
#if __APPLE__
    return (int64_t)usage.ru_maxrss;
#else
    return (int64_t)usage.ru_maxrss * 1024;
#endif
}

int64_t rss_bytes()
{
    return status_bytes("VmRSS");
}
