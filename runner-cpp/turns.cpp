#include "turns.h"

#include "cpu_setup.h"
#include "end_line.h"
#include "files.h"
#include "header.h"
#include "json.h"
#include "run.h"
#include "sample_line.h"
#include "timing.h"
#include "turn_order.h"

#include <algorithm>
#include <memory>
#include <set>

static std::vector<std::string> split(const std::string& text, char separator)
{
    std::vector<std::string> parts(1);
    for (char c : text)
    {
        if (c == separator)
            parts.push_back("");
        else
            parts.back() += c;
    }
    return parts;
}

// What belongs to the whole process, or to one model alone in it.
static bool is_common_option(const std::string& word)
{
    static const char* const names[] = {"--images", "--contestants", "--out", "--turn-warmup", "--turn-iterations", "--first-step", "--dump-blob", "--dump-dir", "--reference-dir", "--inject-defect"};
    return std::find(std::begin(names), std::end(names), word) != std::end(names);
}

static int parse_contestant(const std::vector<std::string>& words, const Options& common, ContestantOptions& contestant, std::string& error)
{
    contestant.id = words[0];
    std::vector<const char*> argv = {"posemark-runner", "run", "--images", common.images.c_str()};
    for (size_t i = 1; i < words.size(); i++)
    {
        if (i % 2 == 1 && is_common_option(words[i]))
        {
            error = "Cannot use " + words[i] + " of a single contestant: give it to the command, or use the command run";
            return -1;
        }
        argv.push_back(words[i].c_str());
    }
    if (parse_options((int)argv.size(), argv.data(), contestant.options, error) != 0)
        return -1;
    contestant.options.iterations = common.turn_iterations;
    return 0;
}

int parse_contestants(const std::string& text, const Options& common, std::vector<ContestantOptions>& contestants, std::string& error)
{
    contestants.clear();
    std::set<std::string> ids;
    for (const std::string& line : split(text, '\n'))
    {
        if (line.empty())
            continue;
        ContestantOptions contestant;
        if (parse_contestant(split(line, '\t'), common, contestant, error) != 0)
        {
            error = "Contestant \"" + contestant.id + "\": " + error;
            return -1;
        }
        if (contestant.id.empty() || !ids.insert(contestant.id).second)
        {
            error = "Cannot use the contestant \"" + contestant.id + "\": expected an id that no other has";
            return -1;
        }
        contestants.push_back(contestant);
    }
    if (contestants.size() < 2)
    {
        error = "Cannot take turns: found " + std::to_string(contestants.size()) + " contestants, expected two at least";
        return -1;
    }
    const Options& first = contestants[0].options;
    for (const ContestantOptions& other : contestants)
    {
        if (other.options.powersave != first.powersave || other.options.core_mask != first.core_mask)
        {
            error = "Cannot take turns: \"" + contestants[0].id + "\" and \"" + other.id + "\" differ in --powersave or --core-mask, which hold for the process: launch them apart";
            return -1;
        }
    }
    return 0;
}

struct Contestant
{
    std::string id;
    Options options;
    Model model;
    // ends before the model, from whose allocators its blobs are
    Pipeline pipeline;
};

typedef std::vector<std::unique_ptr<Contestant> > Contestants;

// Read by harness/run/turns.ts when the process does not come to its end.
static void announce(const char* what, const Contestant& contestant, const std::string& image_id)
{
    fprintf(stderr, "posemark-runner: %s \"%s\"%s%s\n", what, contestant.id.c_str(), image_id.empty() ? "" : " on image ", image_id.c_str());
    fflush(stderr);
}

static int named(int status, const Contestant& contestant, const std::string& image_id, std::string& error)
{
    if (status != 0)
        error = "Contestant \"" + contestant.id + "\"" + (image_id.empty() ? "" : ", image \"" + image_id + "\"") + ": " + error;
    return status;
}

static int load(const std::vector<ContestantOptions>& asked, Contestants& contestants, std::string& error)
{
    for (const ContestantOptions& each : asked)
    {
        std::unique_ptr<Contestant> contestant(new Contestant);
        contestant->id = each.id;
        contestant->options = each.options;
        announce("loading", *contestant, "");
        const int status = load_model(contestant->options, contestant->model, error);
        if (status != 0)
            return named(status, *contestant, "", error);
        contestants.push_back(std::move(contestant));
    }
    return 0;
}

static int warm_up_all(Contestants& contestants, const ImageEntry& entry, const Image& image, std::string& error)
{
    for (const std::unique_ptr<Contestant>& c : contestants)
    {
        if (c->options.warmup > 0)
            announce("warm-up of", *c, entry.id);
        const int status = warm_up(c->model, c->options, image, c->pipeline, error);
        if (status != 0)
            return named(status, *c, entry.id, error);
    }
    return 0;
}

// One turn. The unmeasured inferences fetch the contestant's weights back into the caches, and give
// another one's OpenMP threads the time to go to sleep.
static int take_turn(Contestant& c, const Options& common, const ImageEntry& entry, const Image& image, bool keep_first, const Turn& turn, std::string& line, std::string& error)
{
    announce("turn of", c, entry.id);
    StageTimes first;
    Samples samples;
    size_t not_finite = 0;
    for (int i = 0; i < common.turn_warmup + common.turn_iterations; i++)
    {
        StageTimes times;
        const int status = run_pipeline(c.model, c.options, image, c.pipeline, times, error);
        if (status != 0)
            return named(status, c, entry.id, error);
        if (i == 0)
        {
            first = times;
            not_finite = count_not_finite(c.pipeline);
        }
        if (i >= common.turn_warmup)
            add_sample(samples, times);
    }
    not_finite = std::max(not_finite, count_not_finite(c.pipeline));
    line = sample_line(entry.id, c.pipeline, keep_first && common.turn_warmup > 0 ? &first : 0, samples, not_finite, &turn);
    return 0;
}

static int take_turns(Contestants& contestants, const Options& common, const std::vector<ImageEntry>& entries, LineWriter& writer, std::string& error)
{
    Turn turn;
    for (size_t i = 0; i < entries.size(); i++)
    {
        Image image;
        if (load_image(entries[i], image, error) != 0)
            return -1;
        int status = i == 0 ? warm_up_all(contestants, entries[0], image, error) : 0;
        if (status != 0)
            return status;
        for (int index : turn_order((size_t)common.first_step + i, (int)contestants.size()))
        {
            Contestant& c = *contestants[index];
            const bool warmed_up = i == 0 && c.options.warmup > 0;
            std::string line;
            turn.contestant = index;
            status = take_turn(c, common, entries[i], image, !warmed_up, turn, line, error);
            if (status != 0)
                return status;
            if (write_line(writer, line, error) != 0)
                return -1;
            turn.number++;
        }
    }
    return 0;
}

static std::string turns_line(const Options& o, size_t count)
{
    Json json;
    json.open_object();
    json.key("kind").string("turns");
    json.key("contestantCount").integer((int64_t)count);
    json.key("unmeasured").integer(o.turn_warmup);
    json.key("measured").integer(o.turn_iterations);
    json.key("firstStep").integer(o.first_step);
    json.close_object();
    return json.text;
}

static int write_turns(Contestants& contestants, const Options& o, const std::vector<ImageEntry>& entries, LineWriter& writer, std::string& error)
{
    if (write_line(writer, turns_line(o, contestants.size()), error) != 0)
        return -1;
    for (size_t i = 0; i < contestants.size(); i++)
    {
        if (write_line(writer, header_line(contestants[i]->options, &contestants[i]->model, (int)i), error) != 0)
            return -1;
    }
    return take_turns(contestants, o, entries, writer, error);
}

int turns_command(const Options& o, std::string& error)
{
    const int64_t start = now_ns();
    std::vector<unsigned char> bytes;
    std::vector<ImageEntry> entries;
    std::vector<ContestantOptions> asked;
    if (read_bytes(o.contestants, bytes, error) != 0 || read_image_list(o.images, entries, error) != 0)
        return -1;
    if (parse_contestants(std::string(bytes.begin(), bytes.end()), o, asked, error) != 0)
        return WRONG_OPTIONS;
    Options widest = asked[0].options;
    for (const ContestantOptions& each : asked)
    {
        widest.threads = std::max(widest.threads, each.options.threads);
    }
    if (setup_threads(widest, error) != 0)
        return -1;
    Contestants contestants;
    int status = load(asked, contestants, error);
    if (status != 0)
        return status;

    LineWriter writer;
    if (open_lines(writer, o.out, error) != 0)
        return -1;
    status = write_turns(contestants, o, entries, writer, error);
    if (status == 0)
        status = write_line(writer, end_line(entries.size(), 0, now_ns() - start, writer.hash), error);
    std::string close_error;
    if (close_lines(writer, close_error) != 0 && status == 0)
    {
        error = close_error;
        return -1;
    }
    return status;
}
