#include "tests/repo/include_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string_view>

namespace ohm::test {

namespace {

// Which folders of ours a file may include. The first row whose folder holds
// the file counts.
struct FolderRule {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};

const std::vector<FolderRule>& FolderRules() {
  static const std::vector<FolderRule> rules = {
      {"core/base/", {"core/base/"}},
      {"core/tensor/", {"core/base/", "core/tensor/"}},
      {"core/kernels/", {"core/base/", "core/tensor/", "core/kernels/"}},
      {"core/", {"core/"}},
      {"hw/", {"core/base/", "core/tensor/", "core/kernels/", "hw/"}},
      {"nn/", {"core/", "hw/", "nn/"}},
      {"datasets/",
       {"core/base/", "core/tensor/", "core/kernels/", "datasets/"}},
      {"train/", {"core/", "hw/", "nn/", "datasets/", "train/"}},
      {"bench/", {"core/", "hw/", "nn/", "datasets/", "train/", "bench/"}},
  };
  return rules;
}

// Where other people's headers may appear, so that our own headers need
// nothing installed and a library can be changed in one place.
struct VendorRule {
  std::string_view header;  // how it starts, from its quote or bracket on
  const char* allowed;      // regular expression for the path of the file
};

const std::vector<VendorRule>& VendorRules() {
  static const std::vector<VendorRule> rules = {
      {"<dnnl", R"(core/kernels/onednn_(\w+\.cpp|memory\.h))"},
      {"\"core/kernels/onednn_memory.h", R"(core/kernels/onednn_\w+\.cpp)"},
      {"<oneapi/", R"(core/kernels/onednn_\w+\.cpp)"},
      {"<omp.h", R"(.*\.cpp)"},
      {"<Eigen/", R"(.*\.cpp)"},
      {"<fmt/", R"(.*\.cpp)"},
      {"<toml++/", R"((train|bench)/.*\.cpp)"},
      {"<nlohmann/", R"((train|bench)/.*\.cpp)"},
      {"<cxxopts", R"((train|bench)/.*\.cpp)"},
      {"<stb/", R"(datasets/.*\.cpp)"},
      {"<zlib.h", R"(datasets/.*\.cpp)"},
      {"<doctest/", R"(tests/.*)"},
      // Every random number comes from ohm::Key.
      {"<random>", R"(bench/.*)"},
  };
  return rules;
}

bool Allowed(const std::string& path, const std::string& ours) {
  for (const FolderRule& rule : FolderRules()) {
    if (!path.starts_with(rule.folder)) continue;
    return std::any_of(
        rule.may_include.begin(), rule.may_include.end(),
        [&](std::string_view folder) { return ours.starts_with(folder); });
  }
  return false;
}

void CheckInclude(const std::string& path, const std::string& include,
                  std::vector<std::string>* findings) {
  if (include.front() == '"') {
    const std::string ours = include.substr(1, include.size() - 2);
    if (!Allowed(path, ours)) {
      findings->push_back(fmt::format("{} must not include {}", path, include));
    }
  }
  for (const VendorRule& rule : VendorRules()) {
    if (include.starts_with(rule.header) &&
        !std::regex_match(path, std::regex(rule.allowed))) {
      findings->push_back(fmt::format("{} must not include {}", path, include));
    }
  }
}

}  // namespace

std::vector<std::string> IncludesOf(const std::string& text) {
  static const std::regex directive(
      R"re(^\s*#\s*include\s*("[^"]*"|<[^>]*>).*)re");
  std::vector<std::string> includes;
  std::istringstream lines(text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (line.find('#') == std::string::npos) continue;
    if (std::regex_match(line, match, directive)) includes.push_back(match[1]);
  }
  return includes;
}

std::vector<std::string> CheckSource(const std::string& path,
                                     const std::string& text) {
  std::vector<std::string> findings;
  for (const std::string& include : IncludesOf(text)) {
    CheckInclude(path, include, &findings);
  }
  static const std::regex unkeyed(
      R"(\b(s?rand|rand_r|drand48)\s*\(|\brandom_device\b|\bmt19937)");
  std::smatch match;
  if (!path.starts_with("bench/") && std::regex_search(text, match, unkeyed)) {
    findings.push_back(
        fmt::format("{} must not use {}: random numbers come "
                    "from ohm::Key",
                    path, match.str()));
  }
  if (path.ends_with(".h") && text.find("#pragma once") == std::string::npos) {
    findings.push_back(fmt::format("{} lacks #pragma once", path));
  }
  return findings;
}

}  // namespace ohm::test
