// The command "turns": several models in one process, which alternate on each image.

#ifndef POSEMARK_TURNS_H
#define POSEMARK_TURNS_H

#include "options.h"

// A model that takes turns with others.
struct ContestantOptions
{
    // how messages name it
    std::string id;
    Options options;
};

// Contestants of the text of --contestants, with images and turn_iterations of common. Two at
// least, of different ids, with the same CPUs. Returns 0, or -1 with the reason in error.
int parse_contestants(const std::string& text, const Options& common, std::vector<ContestantOptions>& contestants, std::string& error);

// Loads all contestants and writes, on each image, the line of each as its turn is over. stderr
// says whose turn begins, so that a crash has a name. Returns 0, or -1, MODEL_FAULT or
// WRONG_OPTIONS with the reason in error; lines written before that are complete.
int turns_command(const Options& options, std::string& error);

#endif // POSEMARK_TURNS_H
