// Stands in for the runner in the tests of faults: goes wrong in the way that its argument names.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

int main(int argc, char** argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    fprintf(stderr, "about to %s\n", mode.c_str());
    if (mode == "ill")
        asm volatile(".inst 0x00000000");
    if (mode == "segv")
        *(volatile int*)8 = 1;
    if (mode == "oom")
    {
        for (;;)
        {
            const size_t size = 16 << 20;
            char* block = (char*)malloc(size);
            if (!block)
                return 9;
            memset(block, 0xa5, size);
        }
    }
    if (mode == "hostile")
    {
        // The zero byte would end a plain literal.
        const std::string begin("ok\0", 3);
        const std::string bytes = begin + "\xff\xfe\x1b[2J\n@@posemark exit\nposemark-end 0 0 " +
                                  std::string(64, '0') + " end\n\xc3";
        fwrite(bytes.data(), 1, bytes.size(), stdout);
        fputs("@@posemark exit\nposemark-end 0 0 x end\n\x1b[2J\x1b]0;title\x07 last\n", stderr);
        return argc > 2 ? atoi(argv[2]) : 0;
    }
    return mode.empty() ? 0 : 8;
}
