#include "check.h"
#include "select.h"

static Candidate box(float x1, float y1, float x2, float y2, float score, int class_index)
{
    Candidate c;
    c.x1 = x1;
    c.y1 = y1;
    c.x2 = x2;
    c.y2 = y2;
    c.score = score;
    c.class_index = class_index;
    return c;
}

static void box_iou_by_hand()
{
    // 10x10 and 10x10 shifted by 5: 50 / 150
    CHECK_NEAR(box_iou(box(0, 0, 10, 10, 1, 0), box(5, 0, 15, 10, 1, 0)), 1.0 / 3, 1e-6);
    CHECK(box_iou(box(0, 0, 10, 10, 1, 0), box(10, 0, 20, 10, 1, 0)) == 0.f);
    CHECK(box_iou(box(3, 3, 3, 3, 1, 0), box(3, 3, 3, 3, 1, 0)) == 0.f);
    CHECK(box_iou(box(0, 0, 10, 10, 1, 0), box(0, 0, 10, 10, 1, 0)) == 1.f);
}

static void nms_keeps_the_best_of_overlapping_boxes()
{
    const std::vector<Candidate> c = {box(0, 0, 10, 10, 0.5f, 0), box(0, 0, 10, 9, 0.9f, 0), box(50, 50, 60, 60, 0.7f, 0)};
    CHECK((nms(c, 0.7f, 300) == std::vector<int>{1, 2}));
}

static void nms_keeps_the_overlap_at_the_threshold()
{
    // IoU is 0.5 exactly: only more suppresses
    const std::vector<Candidate> c = {box(0, 0, 10, 10, 0.9f, 0), box(0, 0, 10, 5, 0.8f, 0)};
    CHECK(nms(c, 0.5f, 300).size() == 2);
    CHECK(nms(c, 0.49f, 300).size() == 1);
}

static void nms_breaks_ties_by_index()
{
    const std::vector<Candidate> c = {box(0, 0, 10, 10, 0.5f, 0), box(1, 0, 11, 10, 0.5f, 0), box(40, 0, 50, 10, 0.5f, 0)};
    CHECK((nms(c, 0.3f, 300) == std::vector<int>{0, 2}));
    CHECK((nms(c, 0.95f, 300) == std::vector<int>{0, 1, 2}));
}

static void nms_looks_at_classes_apart()
{
    const std::vector<Candidate> c = {box(0, 0, 10, 10, 0.9f, 0), box(0, 0, 10, 10, 0.8f, 1)};
    CHECK(nms(c, 0.5f, 300).size() == 2);
}

static void nms_stops_at_the_limit_and_takes_nothing()
{
    const std::vector<Candidate> c = {box(0, 0, 1, 1, 0.9f, 0), box(5, 5, 6, 6, 0.8f, 0)};
    CHECK((nms(c, 0.5f, 1) == std::vector<int>{0}));
    CHECK(nms({}, 0.5f, 300).empty());
}

static void top_k_keeps_the_best_whatever_they_overlap()
{
    const std::vector<Candidate> c = {box(0, 0, 10, 10, 0.5f, 0), box(0, 0, 10, 10, 0.9f, 0), box(0, 0, 10, 10, 0.5f, 1), box(9, 9, 10, 10, 0.7f, 0)};
    CHECK((top_k(c, 300) == std::vector<int>{1, 3, 0, 2}));
    CHECK((top_k(c, 3) == std::vector<int>{1, 3, 0}));
    CHECK(top_k({}, 3).empty());
    CHECK((select(c, Select::TOP_K, 0.5f, 2) == std::vector<int>{1, 3}));
    CHECK((select(c, Select::NMS, 0.5f, 300) == std::vector<int>{1, 3, 2}));
}

void test_select()
{
    box_iou_by_hand();
    nms_keeps_the_best_of_overlapping_boxes();
    nms_keeps_the_overlap_at_the_threshold();
    nms_breaks_ties_by_index();
    nms_looks_at_classes_apart();
    nms_stops_at_the_limit_and_takes_nothing();
    top_k_keeps_the_best_whatever_they_overlap();
}
