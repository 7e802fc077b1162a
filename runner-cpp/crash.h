// A crash while a model is loaded or run is put down to the model: the process ends with a reason
// and the exit code for it, and not by a signal that names nothing.

#ifndef POSEMARK_CRASH_H
#define POSEMARK_CRASH_H

// Catches signals of a crash from now on, in all threads. While ncnn works on a model (see
// NcnnAtWork) the process tells it on stderr and ends with this exit code; else the signal takes
// its usual course.
void catch_crashes(int exit_code);

// While it lives, ncnn does what is said with that file: "loaded", "ran". Scopes don't nest.
struct NcnnAtWork
{
    NcnnAtWork(const char* did, const char* file);
    ~NcnnAtWork();
    NcnnAtWork(const NcnnAtWork&) = delete;
    NcnnAtWork& operator=(const NcnnAtWork&) = delete;
};

#endif // POSEMARK_CRASH_H
