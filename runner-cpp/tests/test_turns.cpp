#include "check.h"
#include "turn_order.h"
#include "turns.h"

#include <map>

static void turn_order_of_two_is_abba_and_baab()
{
    std::string letters;
    for (size_t step = 0; step < 4; step++)
    {
        for (int index : turn_order(step, 2))
        {
            letters += (char)('A' + index);
        }
    }
    CHECK(letters == "ABBABAAB");
}

static void turn_order_gives_every_place_and_neighbour_equally_often()
{
    for (int count = 2; count <= 6; count++)
    {
        const size_t steps = count % 2 == 0 ? (size_t)count : 2 * (size_t)count;
        std::map<std::pair<int, int>, int> places;
        std::map<std::pair<int, int>, int> neighbours;
        for (size_t step = 0; step < steps; step++)
        {
            const std::vector<int> order = turn_order(step, count);
            CHECK((int)order.size() == count);
            for (int place = 0; place < count; place++)
            {
                places[std::make_pair(order[place], place)]++;
                if (place > 0)
                    neighbours[std::make_pair(order[place - 1], order[place])]++;
            }
        }
        CHECK((int)places.size() == count * count && (int)neighbours.size() == count * (count - 1));
        for (const auto& each : places)
        {
            CHECK(each.second == (int)steps / count);
        }
        for (const auto& each : neighbours)
        {
            CHECK(each.second == (int)steps / count);
        }
    }
}

static void turn_order_cancels_a_drift_over_each_pair_of_steps()
{
    for (size_t step = 0; step < 12; step += 2)
    {
        std::vector<int> sums(5, 0);
        for (size_t each = step; each < step + 2; each++)
        {
            const std::vector<int> order = turn_order(each, 5);
            for (int place = 0; place < 5; place++)
            {
                sums[order[place]] += place;
            }
        }
        CHECK(sums == std::vector<int>(5, 4));
    }
}

static std::string contestant(const std::string& id, const std::string& more = "")
{
    return id + "\t--param\t/a b/p\t--bin\tb\t--outputs\tout0:raw:8,out1:raw:16,out2:raw:32\t--shape\t64x64" + more + "\n";
}

static void parse_contestants_reads_each_with_its_own_options()
{
    Options common;
    common.images = "l";
    common.turn_iterations = 4;
    std::vector<ContestantOptions> found;
    std::string error;
    CHECK(parse_contestants(contestant("a", "\t--threads\t2") + contestant("b", "\t--int8\ton\t--warmup\t0"), common, found, error) == 0);
    CHECK(found.size() == 2 && found[0].id == "a" && found[1].id == "b");
    CHECK(found[0].options.param == "/a b/p" && found[0].options.images == "l");
    CHECK(found[0].options.threads == 2 && found[1].options.threads == 1 && found[1].options.int8);
    CHECK(found[0].options.iterations == 4 && found[1].options.iterations == 4 && found[1].options.warmup == 0);
}

static void parse_contestants_refuses_what_cannot_share_a_process()
{
    const std::pair<std::string, const char*> cases[] = {
        {contestant("a"), "found 1 contestants"},
        {contestant("a") + contestant("a"), "no other has"},
        {contestant("a") + contestant("b", "\t--powersave\t2"), "launch them apart"},
        {contestant("a") + contestant("b", "\t--core-mask\t1"), "launch them apart"},
        {contestant("a") + contestant("b", "\t--out\tfile"), "of a single contestant"},
        {contestant("a") + contestant("b", "\t--inject-defect\tx"), "of a single contestant"},
        {contestant("a") + contestant("b", "\t--threads\t0"), "Contestant \"b\": Cannot use --threads"},
        {contestant("a") + contestant("b", "\t--threads"), "value is missing"},
    };
    for (const auto& each : cases)
    {
        std::vector<ContestantOptions> found;
        std::string error;
        Options common;
        common.images = "l";
        CHECK(parse_contestants(each.first, common, found, error) == -1);
        CHECK(error.find(each.second) != std::string::npos);
    }
}

void test_turns()
{
    turn_order_of_two_is_abba_and_baab();
    turn_order_gives_every_place_and_neighbour_equally_often();
    turn_order_cancels_a_drift_over_each_pair_of_steps();
    parse_contestants_reads_each_with_its_own_options();
    parse_contestants_refuses_what_cannot_share_a_process();
}
