// Non-maximum suppression in plain C++.

#ifndef POSEMARK_NMS_H
#define POSEMARK_NMS_H

#include "decode.h"

// Intersection over union of two boxes; 0 when both have no area.
float box_iou(const Candidate& a, const Candidate& b);

// Indices of the candidates that stay, by descending score (equal scores: lower index first).
// Boxes of one class suppress each other when their IoU is above iou_threshold.
std::vector<int> nms(const std::vector<Candidate>& candidates, float iou_threshold, int max_detections);

#endif // POSEMARK_NMS_H
