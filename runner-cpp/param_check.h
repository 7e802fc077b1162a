// A look at the text of a .param before ncnn reads it: ncnn trusts its counts.

#ifndef POSEMARK_PARAM_CHECK_H
#define POSEMARK_PARAM_CHECK_H

#include <string>

// Returns 0 when magic, counts and lines agree, or -1 with the line and the reason in error.
int check_param(const std::string& text, const std::string& name, std::string& error);

// The text with one activation taken out; the same text when there is none. Used by a defect.
std::string without_one_activation(const std::string& text);

#endif // POSEMARK_PARAM_CHECK_H
