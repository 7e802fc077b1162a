#include "end_line.h"

#include "json.h"
#include "timing.h"

#include <inttypes.h>

std::string end_line(size_t image_count, int64_t elapsed_ns, uint64_t hash)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%016" PRIx64, hash);

    Json json;
    json.open_object();
    json.key("kind").string("end");
    json.key("imageCount").integer((int64_t)image_count);
    json.key("peakRssBytes");
    const int64_t peak = peak_rss_bytes();
    if (peak < 0)
        json.null();
    else
        json.integer(peak);
    json.key("elapsedNs").integer(elapsed_ns);
    json.key("fnv1a64").string(digits);
    json.close_object();
    return json.text;
}
