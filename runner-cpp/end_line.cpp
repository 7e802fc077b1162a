#include "end_line.h"

#include "json.h"
#include "timing.h"

#include <inttypes.h>

static void integer_or_null(Json& json, const char* key, int64_t value)
{
    json.key(key);
    if (value < 0)
        json.null();
    else
        json.integer(value);
}

std::string end_line(size_t image_count, const ColdStart* cold, int64_t elapsed_ns, uint64_t hash)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%016" PRIx64, hash);

    Json json;
    json.open_object();
    json.key("kind").string("end");
    json.key("imageCount").integer((int64_t)image_count);
    if (cold)
    {
        json.key("coldStart").open_object();
        json.key("paramNs").integer(cold->param_ns);
        json.key("binNs").integer(cold->bin_ns);
        json.key("pipelineNs").integer(cold->pipeline_ns);
        integer_or_null(json, "firstInferenceNs", cold->first_inference_ns);
        json.close_object();
        integer_or_null(json, "loadedRssBytes", cold->loaded_rss_bytes);
    }
    integer_or_null(json, "steadyRssBytes", rss_bytes());
    integer_or_null(json, "peakRssBytes", peak_rss_bytes());
    json.key("elapsedNs").integer(elapsed_ns);
    json.key("fnv1a64").string(digits);
    json.close_object();
    return json.text;
}
