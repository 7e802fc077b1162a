// The command "run": images → timed iterations → one line per image.

#ifndef POSEMARK_RUN_H
#define POSEMARK_RUN_H

#include "options.h"

// Returns 0, or -1 with the reason in error; lines written before that are complete.
int run_command(const Options& options, std::string& error);

#endif // POSEMARK_RUN_H
