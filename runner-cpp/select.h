// Selection: which candidates become detections.

#ifndef POSEMARK_SELECT_H
#define POSEMARK_SELECT_H

#include "decode.h"

// Intersection over union of two boxes; 0 when both have no area.
float box_iou(const Candidate& a, const Candidate& b);

// Indices of the candidates that stay, by descending score (equal scores: lower index first).
// Boxes of one class suppress each other when their IoU is above iou_threshold.
std::vector<int> nms(const std::vector<Candidate>& candidates, float iou_threshold, int max_detections);

// Indices of the best candidates, by descending score (equal scores: lower index first), whatever
// they overlap: for a head whose branch is trained to give one cell per object. Ultralytics takes
// the best k cells first and of those the best k pairs of cell and class; the pairs are the same,
// since a pair of any other cell has k better ones before it.
std::vector<int> top_k(const std::vector<Candidate>& candidates, int max_detections);

// Indices of the candidates that stay, as the head says.
std::vector<int> select(const std::vector<Candidate>& candidates, Select by, float iou_threshold, int max_detections);

#endif // POSEMARK_SELECT_H
