// posemark-runner: letterbox → network → decode → NMS on raw RGB images, every stage timed.
//
//   options ─► model ─┬─► run:    image ─► letterbox ─► network ─► decode ─► nms ─► JSON lines
//                     ├─► turns:  the same for several models, which alternate on each image
//                     ├─► stages: reference tensors ─► each stage alone ─► files
//                     └─► blobs:  one tensor ─► any blobs ─► files
//
// stdout carries JSON lines only, stderr is for people.
// Exit: 0 done, 2 wrong options, 4 the model's fault, 3 everything else.

#include "blobs.h"
#include "crash.h"
#include "defects.h"
#include "header.h"
#include "json.h"
#include "model.h"
#include "options.h"
#include "roofline.h"
#include "run.h"
#include "stages.h"
#include "turns.h"

#include <stdio.h>
#include <string.h>

static const int EXIT_USAGE = 2;
static const int EXIT_OTHER = 3;
static const int EXIT_MODEL = 4;

static int info_command(const Options& options, std::string& error)
{
    LineWriter writer;
    if (open_lines(writer, options.out, error) != 0)
        return -1;
    if (write_line(writer, header_line(options, 0), error) != 0)
        return -1;
    return close_lines(writer, error);
}

static int run(const Options& options, std::string& error)
{
    switch (options.command)
    {
    case Command::INFO: return info_command(options, error);
    case Command::RUN: return run_command(options, error);
    case Command::TURNS: return turns_command(options, error);
    case Command::STAGES: return stages_command(options, error);
    case Command::ROOFLINE: return roofline_command(options, error);
    case Command::BLOBS: return blobs_command(options, error);
    case Command::DEFECTS: return list_defects(error);
    }
    return -1;
}

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; i++)
    {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
        {
            fputs(usage(), stderr);
            return 0;
        }
    }

    Options options;
    std::string error;
    if (parse_options(argc, argv, options, error) != 0)
    {
        fprintf(stderr, "posemark-runner: %s\n", error.c_str());
        return EXIT_USAGE;
    }
    catch_crashes(EXIT_MODEL);
    const int status = run(options, error);
    if (status != 0)
    {
        fprintf(stderr, "posemark-runner: %s\n", error.c_str());
        return status == MODEL_FAULT ? EXIT_MODEL : status == WRONG_OPTIONS ? EXIT_USAGE
                                                                            : EXIT_OTHER;
    }
    return 0;
}
