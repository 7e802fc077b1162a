#include "crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

// What a handler may read: pointers to text that outlives the scope.
static std::atomic<const char*> current_work{0};
static std::atomic<const char*> current_file{0};
static int crash_exit_code = 0;

NcnnAtWork::NcnnAtWork(const char* did, const char* file)
{
    current_file = file;
    current_work = did;
}

NcnnAtWork::~NcnnAtWork()
{
    current_work = 0;
    current_file = 0;
}

struct CrashSignal
{
    int number;
    const char* name;
};

// SIGILL is not among them: an instruction that the CPU lacks is the build's fault.
static const CrashSignal crash_signals[] = {
    {SIGSEGV, "SIGSEGV"},
    {SIGABRT, "SIGABRT"},
    {SIGBUS, "SIGBUS"},
    {SIGFPE, "SIGFPE"},
};

// Only what is safe in a handler of signals: write() and _exit().
static void say(const char* text)
{
    size_t left = strlen(text);
    while (left > 0)
    {
        const ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0)
            return;
        text += written;
        left -= (size_t)written;
    }
}

static void on_crash(int number)
{
    const char* did = current_work;
    if (!did)
    {
        // SA_RESETHAND has restored the usual course
        raise(number);
        return;
    }
    const char* name = "a signal";
    for (const CrashSignal& each : crash_signals)
    {
        if (each.number == number)
            name = each.name;
    }
    say("\nposemark-runner: ncnn crashed (");
    say(name);
    say(") when it ");
    say(did);
    say(" \"");
    say(current_file);
    say("\": the converted graph or its weights are at fault: try another --converter, --shape or --precision\n");
    _exit(crash_exit_code);
}

void catch_crashes(int exit_code)
{
    crash_exit_code = exit_code;

    // a stack that overflowed has no room for a handler
    static char stack[64 * 1024];
    stack_t alternative = {};
    alternative.ss_sp = stack;
    alternative.ss_size = sizeof(stack);
    sigaltstack(&alternative, 0);

    struct sigaction action = {};
    action.sa_handler = on_crash;
    action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
    sigemptyset(&action.sa_mask);
    for (const CrashSignal& each : crash_signals)
        sigaction(each.number, &action, 0);
}
