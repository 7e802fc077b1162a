# benchncnn of the ncnn source tree POSEMARK_NCNN_SOURCE, with one more argument: precision=fp32|fp16|fp16-storage|bf16|int8.
#
# Upstream has fp16 switched on in its main() and no switch for it, so its figures could be compared with those of fp16
# variants only. A copy is changed at configure time: the argument is read where param= and shape= are, and the switches follow
# it as in ncnn_option() of model.cpp. Without the argument it does what upstream does. Nothing else is touched.

function(posemark_replace text_variable old new)
    string(FIND "${${text_variable}}" "${old}" position)
    if(position EQUAL -1)
        message(FATAL_ERROR "benchncnn.cpp of ${POSEMARK_NCNN_SOURCE} has no \"${old}\": benchncnn.cmake does not know this version of ncnn")
    endif()
    string(REPLACE "${old}" "${new}" text "${${text_variable}}")
    set(${text_variable} "${text}" PARENT_SCOPE)
endfunction()

file(READ ${POSEMARK_NCNN_SOURCE}/benchmark/benchncnn.cpp text)
# CMake takes square brackets and semicolons for lists
string(REPLACE "[" "@OPEN@" text "${text}")
string(REPLACE "]" "@CLOSE@" text "${text}")
string(REPLACE ";" "@SEMICOLON@" text "${text}")
posemark_replace(text "    char* model = 0@SEMICOLON@" "    char* model = 0@SEMICOLON@\n    const char* precision = \"fp16\"@SEMICOLON@")
posemark_replace(text "        if (strcmp(key, \"param\") == 0)" "        if (strcmp(key, \"precision\") == 0)\n            precision = value@SEMICOLON@\n        if (strcmp(key, \"param\") == 0)")
posemark_replace(text "opt.use_fp16_packed = true@SEMICOLON@" "opt.use_fp16_packed = strcmp(precision, \"fp32\") != 0 && strcmp(precision, \"bf16\") != 0@SEMICOLON@")
posemark_replace(text "opt.use_fp16_storage = true@SEMICOLON@" "opt.use_fp16_storage = opt.use_fp16_packed@SEMICOLON@")
posemark_replace(text "opt.use_fp16_arithmetic = true@SEMICOLON@" "opt.use_fp16_arithmetic = opt.use_fp16_packed && strcmp(precision, \"fp16-storage\") != 0@SEMICOLON@\n    opt.use_bf16_storage = strcmp(precision, \"bf16\") == 0@SEMICOLON@")
string(REPLACE "@OPEN@" "[" text "${text}")
string(REPLACE "@CLOSE@" "]" text "${text}")
string(REPLACE "@SEMICOLON@" ";" text "${text}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/benchncnn.cpp "${text}")

add_subdirectory(${POSEMARK_NCNN_SOURCE}/benchmark ${CMAKE_CURRENT_BINARY_DIR}/benchmark EXCLUDE_FROM_ALL)
set_property(TARGET benchncnn PROPERTY SOURCES ${CMAKE_CURRENT_BINARY_DIR}/benchncnn.cpp)
