// What ncnn's own loader makes of files: one JSON line each. Built with ncnn's net.cpp,
// paramdict.cpp, datareader.cpp and modelbin.cpp under the sanitizers, which see writes outside of
// its tables.
//
// usage: loader_probe FILE.param... (a FILE.bin beside it is loaded too)

#include "datareader.h"
#include "layer.h"
#include "modelbin.h"
#include "net.h"
#include "paramdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

static std::string params_json;

static std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (size_t i = 0; i < text.size(); i++)
    {
        char escaped[8];
        snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)text[i]);
        out += escaped;
    }
    return out + "\"";
}

// takes the place of every layer, and writes down what the loader hands it
struct Probe : public ncnn::Layer
{
    int load_param(const ncnn::ParamDict& pd)
    {
        std::string json;
        for (int id = 0; id < NCNN_MAX_PARAM_COUNT; id++)
        {
            const int type = pd.type(id);
            if (type == 0)
                continue;
            std::string value;
            if (type == 7)
            {
                value = quoted(pd.get(id, std::string()));
            }
            else if (type == 2 || type == 3)
            {
                value = std::to_string(pd.get(id, 0));
            }
            else
            {
                const ncnn::Mat v = pd.get(id, ncnn::Mat());
                for (int i = 0; i < v.w; i++)
                    value += (i ? "," : "") + std::to_string(((const int*)v)[i]);
                value = "[" + value + "]";
            }
            json += (json.empty() ? "" : ",") + quoted(std::to_string(id)) + ":[" + std::to_string(type) + "," + value + "]";
        }
        params_json += (params_json.empty() ? "" : ",") + ("{" + json + "}");
        return 0;
    }
};

static ncnn::Layer* make_probe(void* /*userdata*/)
{
    return new Probe;
}

static void free_probe(ncnn::Layer* layer, void* /*userdata*/)
{
    delete layer;
}

static std::string names_of(const ncnn::Net& net, const std::vector<int>& blobs)
{
    std::string names;
    for (size_t i = 0; i < blobs.size(); i++)
        names += (i ? "," : "") + quoted(net.blobs()[blobs[i]].name);
    return "[" + names + "]";
}

static void load(const std::string& path)
{
    ncnn::Net values;
    for (int index = 0; index < 256; index++)
        values.register_custom_layer(index, make_probe, free_probe);
    if (values.load_param(path.c_str()) != 0)
    {
        printf("{\"status\":\"refused\"}\n");
        return;
    }
    std::string layers;
    for (size_t i = 0; i < values.layers().size(); i++)
    {
        const ncnn::Layer* layer = values.layers()[i];
        layers += (i ? "," : "") + ("{\"type\":" + quoted(layer->type)) + ",\"name\":" + quoted(layer->name)
                  + ",\"bottoms\":" + names_of(values, layer->bottoms) + ",\"tops\":" + names_of(values, layer->tops) + "}";
    }

    std::string weights = "null";
    FILE* bin = fopen((path.substr(0, path.size() - 6) + ".bin").c_str(), "rb");
    if (bin)
    {
        ncnn::Net net;
        int ret = net.load_param(path.c_str());
        ncnn::DataReaderFromStdio reader(bin);
        ncnn::ModelBinFromDataReader weights_of(reader);
        for (size_t i = 0; ret == 0 && i < net.layers().size(); i++)
            ret = ((ncnn::Layer*)net.layers()[i])->load_model(weights_of);
        weights = "{\"isLoaded\":" + std::string(ret == 0 ? "true" : "false") + ",\"takenBytes\":" + std::to_string(ftell(bin)) + "}";
        fclose(bin);
    }
    printf("{\"status\":\"loaded\",\"layers\":[%s],\"params\":[%s],\"bin\":%s}\n", layers.c_str(), params_json.c_str(), weights.c_str());
}

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; i++)
    {
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0)
        {
            alarm(20);
            load(argv[i]);
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (status != 0)
            printf("{\"status\":\"crash\"}\n");
    }
    return 0;
}
