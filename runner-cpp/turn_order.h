// In which order several contestants take their turns.

#ifndef POSEMARK_TURN_ORDER_H
#define POSEMARK_TURN_ORDER_H

#include <stddef.h>

#include <vector>

// Contestants 0 to count - 1 in the order of a step. Two contestants go AB BA BA AB (ABBA, then
// BAAB). More take the rows of a Williams square, each followed or preceded by its reverse: over
// 2 * count steps (count steps when it is even) each has every place, and every other one right
// before it, equally often; over a pair of steps a linear drift meets all alike.
// E. J. Williams, "Experimental designs balanced for the estimation of residual effects of
// treatments" (1949).
std::vector<int> turn_order(size_t step, int count);

#endif // POSEMARK_TURN_ORDER_H
