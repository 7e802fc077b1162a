#include "select.h"

#include "defects.h"

#include <algorithm>
#include <numeric>

static float area(const Candidate& c)
{
    return std::max(c.x2 - c.x1, 0.f) * std::max(c.y2 - c.y1, 0.f);
}

float box_iou(const Candidate& a, const Candidate& b)
{
    const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (width <= 0.f || height <= 0.f)
        return 0.f;
    const float intersection = width * height;
    const float total = has_defect(Defect::NMS_OVER_SMALLER) ? std::min(area(a), area(b)) : area(a) + area(b) - intersection;
    return total > 0.f ? intersection / total : 0.f;
}

static std::vector<int> in_order_of_score(const std::vector<Candidate>& candidates)
{
    std::vector<int> order(candidates.size());
    std::iota(order.begin(), order.end(), 0);
    if (has_defect(Defect::NMS_ASCENDING))
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return candidates[a].score < candidates[b].score; });
    else if (!has_defect(Defect::NMS_UNSORTED))
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return candidates[a].score > candidates[b].score; });
    return order;
}

std::vector<int> nms(const std::vector<Candidate>& candidates, float iou_threshold, int max_detections)
{
    std::vector<int> kept;
    for (int index : in_order_of_score(candidates))
    {
        if (kept.size() >= (size_t)max_detections)
            break;
        bool suppressed = false;
        for (size_t i = 0; i < kept.size() && !suppressed; i++)
        {
            const Candidate& winner = candidates[kept[i]];
            suppressed = winner.class_index == candidates[index].class_index && box_iou(winner, candidates[index]) > iou_threshold;
        }
        if (!suppressed)
            kept.push_back(index);
    }
    return kept;
}

std::vector<int> top_k(const std::vector<Candidate>& candidates, int max_detections)
{
    std::vector<int> kept = in_order_of_score(candidates);
    kept.resize(std::min(kept.size(), (size_t)max_detections));
    return kept;
}

std::vector<int> select(const std::vector<Candidate>& candidates, Select by, float iou_threshold, int max_detections)
{
    std::vector<int> kept = by == Select::TOP_K ? top_k(candidates, max_detections) : nms(candidates, iou_threshold, max_detections);
    if (has_defect(Defect::DROP_LAST) && !kept.empty())
        kept.pop_back();
    if (has_defect(Defect::DUPLICATE) && !kept.empty())
        kept.push_back(kept[0]);
    return kept;
}
