# A runner that prints the time of every layer, on the same libncnn as the ordinary one.
#
# ncnn's switch for it, NCNN_BENCHMARK, matters in net.cpp alone, which calls ncnn::benchmark() after each layer. So net.cpp is
# compiled once more with the switch on, and stands in front of the library's; layer_times.cpp has the functions that it calls.
# The layers are the very objects that the headline figures come from.

if(NOT POSEMARK_NCNN_SOURCE)
    message(FATAL_ERROR "POSEMARK_LAYER_TIMES needs POSEMARK_NCNN_SOURCE, the ncnn source tree that the library was built from")
endif()

find_file(installed_platform platform.h PATHS ${ncnn_includes} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
file(READ ${installed_platform} platform)
string(FIND "${platform}" "#define NCNN_BENCHMARK 0" position)
if(position EQUAL -1)
    message(FATAL_ERROR "${installed_platform} has no \"#define NCNN_BENCHMARK 0\": this library prints layer times already, or is of an unknown version")
endif()
string(REPLACE "#define NCNN_BENCHMARK 0" "#define NCNN_BENCHMARK 1" platform "${platform}")
set(layer_times_include ${CMAKE_CURRENT_BINARY_DIR}/layer_times)
file(WRITE ${layer_times_include}/platform.h "${platform}")

add_library(posemark-layer-times OBJECT ${POSEMARK_NCNN_SOURCE}/src/net.cpp layer_times.cpp)
target_include_directories(posemark-layer-times BEFORE PRIVATE ${layer_times_include} ${ncnn_includes})
target_compile_options(posemark-layer-times PRIVATE -w)
target_link_libraries(posemark-layer-times PRIVATE ncnn)
target_compile_definitions(posemark PUBLIC POSEMARK_LAYER_TIMES)
