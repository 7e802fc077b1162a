#include "image_lines.h"

#include "cpu_setup.h"
#include "defects.h"
#include "end_line.h"
#include "header.h"
#include "json.h"
#include "timing.h"

static int write_lines(Model& model, const std::vector<ImageEntry>& entries, const ImageLine& image_line, LineWriter& writer, std::string& error)
{
    Pipeline pipeline;
    for (size_t i = 0; i < entries.size(); i++)
    {
        Image image;
        std::string line;
        if (load_image(has_defect(Defect::WRONG_IMAGE) ? entries[0] : entries[i], image, error) != 0)
            return -1;
        const int status = image_line(model, pipeline, i, entries[i], image, line, error);
        if (status != 0)
        {
            error = "Image \"" + entries[i].id + "\": " + error;
            return status;
        }
        if (write_line(writer, line, error) != 0)
            return -1;
    }
    return 0;
}

int write_image_lines(const Options& o, const ImageLine& image_line, std::string& error)
{
    const int64_t start = now_ns();
    std::vector<ImageEntry> entries;
    if (read_image_list(o.images, entries, error) != 0)
        return -1;
    if (setup_threads(o, error) != 0)
        return -1;
    Model model;
    int status = load_model(o, model, error);
    if (status != 0)
        return status;

    LineWriter writer;
    if (open_lines(writer, o.out, error) != 0)
        return -1;
    status = write_line(writer, header_line(o, &model), error);
    if (status == 0)
        status = write_lines(model, entries, image_line, writer, error);
    if (status == 0)
        status = write_line(writer, end_line(entries.size(), &model.cold, now_ns() - start, writer.hash), error);
    std::string close_error;
    if (close_lines(writer, close_error) != 0 && status == 0)
    {
        error = close_error;
        return -1;
    }
    return status;
}
