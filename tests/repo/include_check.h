// The rules for #include lines and random numbers in this repository.
#pragma once

#include <string>
#include <vector>

namespace ohm::test {

// The file names that the #include lines of a C++ source name, as written with
// their quotes or angle brackets: "<vector>", "\"core/base/check.h\"".
std::vector<std::string> IncludesOf(const std::string& text);

// What is wrong with a source file, one sentence per finding; empty if it is
// right. `path` is relative to the root of the repository ("nn/module.h").
std::vector<std::string> CheckSource(const std::string& path,
                                     const std::string& text);

}  // namespace ohm::test
