# benchncnn of the ncnn source tree POSEMARK_NCNN_SOURCE, with more arguments: fp16-packed=0|1, fp16-storage=0|1,
# fp16-arithmetic=0|1, bf16-storage=0|1, int8=0|1.
#
# Upstream has fp16 switched on in its main() and no switch for it, so its figures could be compared with those of fp16
# variants only. A copy is changed at configure time: the arguments are read where param= and shape= are, and set ncnn's
# switches as the runner's options do. Without them it does what upstream does. Nothing else is touched.

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
# each switch with the value that upstream has
foreach(switch fp16_packed:1 fp16_storage:1 fp16_arithmetic:1 bf16_storage:0 int8:1)
    string(REGEX REPLACE ":.*" "" name ${switch})
    string(REGEX REPLACE ".*:" "" default ${switch})
    string(REPLACE "_" "-" key ${name})
    posemark_replace(text "    char* model = 0@SEMICOLON@" "    char* model = 0@SEMICOLON@\n    int use_${name} = ${default}@SEMICOLON@")
    posemark_replace(text "        if (strcmp(key, \"param\") == 0)" "        if (strcmp(key, \"${key}\") == 0)\n            use_${name} = atoi(value)@SEMICOLON@\n        if (strcmp(key, \"param\") == 0)")
endforeach()
posemark_replace(text "opt.use_fp16_packed = true@SEMICOLON@" "opt.use_fp16_packed = use_fp16_packed != 0@SEMICOLON@")
posemark_replace(text "opt.use_fp16_storage = true@SEMICOLON@" "opt.use_fp16_storage = use_fp16_storage != 0@SEMICOLON@")
posemark_replace(text "opt.use_fp16_arithmetic = true@SEMICOLON@" "opt.use_fp16_arithmetic = use_fp16_arithmetic != 0@SEMICOLON@\n    opt.use_bf16_storage = use_bf16_storage != 0@SEMICOLON@")
posemark_replace(text "opt.use_int8_inference = true@SEMICOLON@" "opt.use_int8_inference = use_int8 != 0@SEMICOLON@")
string(REPLACE "@OPEN@" "[" text "${text}")
string(REPLACE "@CLOSE@" "]" text "${text}")
string(REPLACE "@SEMICOLON@" ";" text "${text}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/benchncnn.cpp "${text}")

add_subdirectory(${POSEMARK_NCNN_SOURCE}/benchmark ${CMAKE_CURRENT_BINARY_DIR}/benchmark EXCLUDE_FROM_ALL)
set_property(TARGET benchncnn PROPERTY SOURCES ${CMAKE_CURRENT_BINARY_DIR}/benchncnn.cpp)
