#include "turn_order.h"

#include <algorithm>

std::vector<int> turn_order(size_t step, int count)
{
    // of an even square the second half of the rows is the first half reversed
    const size_t rows = count % 2 == 0 ? (size_t)count / 2 : (size_t)count;
    const size_t pair = step / 2;
    const int row = (int)(pair % rows);
    std::vector<int> order;
    for (int place = 0; place < count; place++)
    {
        // 0, 1, count - 1, 2, count - 2, …
        const int zigzag = place % 2 == 1 ? (place + 1) / 2 : (count - place / 2) % count;
        order.push_back((zigzag + row) % count);
    }
    const bool backwards = step % 2 != pair % 2;
    if (backwards)
        std::reverse(order.begin(), order.end());
    return order;
}
