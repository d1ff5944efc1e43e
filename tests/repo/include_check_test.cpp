// The dependency direction, read from the includes: core <- hw <- nn <- train;
// datasets on core only.
#include "tests/repo/include_check.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace ohm::test {

namespace {

namespace fs = std::filesystem;

std::string ReadText(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Every C++ file below the folders, by its path relative to the root.
std::map<std::string, std::string> Sources(
    const std::set<std::string>& folders) {
  std::map<std::string, std::string> sources;
  const fs::path root = OHM_SOURCE_DIR;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const fs::path& path = entry.path();
      if (path.extension() == ".h" || path.extension() == ".cpp") {
        sources[path.lexically_relative(root).string()] = ReadText(path);
      }
    }
  }
  return sources;
}

}  // namespace

TEST_CASE("the include checker finds what is forbidden") {
  struct Row {
    const char* path;
    const char* text;
  };
  const Row forbidden[] = {
      {"core/base/check.cpp", "#include \"core/tensor/tensor.h\"\n"},
      {"core/tensor/tensor.cpp", "#include \"core/kernels/conv2d.h\"\n"},
      {"core/kernels/pool2d.cpp", "#include \"core/autograd/var.h\"\n"},
      {"core/ops/relu.cpp", "#include \"nn/module.h\"\n"},
      {"core/ops/relu.cpp", "#include \"relu.h\"\n"},
      {"hw/adc.cpp", "int a;\n  #  include \"core/autograd/var.h\" // x\n"},
      {"hw/adc.cpp", "#include \"core/ops/relu.h\"\n"},
      {"hw/adc.cpp", "#include \"nn/module.h\"\n"},
      {"nn/module.cpp", "#include \"train/config.h\"\n"},
      {"nn/module.cpp", "#include \"datasets/dataset.h\"\n"},
      {"datasets/idx.cpp", "#include \"core/ops/relu.h\"\n"},
      {"datasets/idx.cpp", "#include \"hw/adc.h\"\n"},
      {"train/config.cpp", "#include \"tests/support/data.h\"\n"},
      {"train/config.cpp", "#include \"bench/bench.h\"\n"},
      {"core/kernels/pool2d.cpp", "#include <dnnl.hpp>\n"},
      {"core/kernels/onednn_conv.h", "#pragma once\n#include <dnnl.hpp>\n"},
      {"core/kernels/conv2d.cpp",
       "#include \"core/kernels/onednn_memory.h\"\n"},
      {"train/config.h", "#pragma once\n#include <toml++/toml.h>\n"},
      {"hw/adc.h", "#pragma once\n#include <Eigen/Dense>\n"},
      {"nn/module.cpp", "#include <nlohmann/json.hpp>\n"},
      {"core/base/parallel.h", "#pragma once\n#include <omp.h>\n"},
      {"hw/adc.cpp", "#include <random>\n"},
      {"hw/adc.cpp", "int Draw() { return rand() % 6; }\n"},
      {"hw/adc.cpp", "std::random_device device;\n"},
      {"hw/adc.h", "int Draw();\n"},
  };
  for (const Row& row : forbidden) {
    CAPTURE(row.path);
    CAPTURE(row.text);
    CHECK(CheckSource(row.path, row.text).size() == 1);
  }

  const Row fine[] = {
      {"core/ops/relu.cpp", "#include \"core/kernels/elementwise.h\"\n"},
      {"core/kernels/onednn_conv.cpp", "#include <dnnl.hpp>\n"},
      {"hw/adc.cpp", "#include <Eigen/Dense>\n#include \"hw/adc.h\"\n"},
      {"nn/policy.cpp", "#include \"hw/adc.h\"\nint operand(int);\n"},
      {"train/main.cpp", "#include \"datasets/dataset.h\"\n"},
      {"train/config.cpp", "// #include \"tests/support/data.h\"\n"},
  };
  for (const Row& row : fine) {
    CAPTURE(row.path);
    CHECK(CheckSource(row.path, row.text).empty());
  }
}

TEST_CASE("no source file includes what its folder must not know") {
  const std::set<std::string> folders = {"core",     "hw",    "nn",
                                         "datasets", "train", "bench"};
  std::map<std::string, int> includes;
  for (const auto& source : Sources(folders)) {
    const std::string& path = source.first;
    const std::string& text = source.second;
    const std::string folder = path.substr(0, path.find('/'));
    includes[folder] += int(IncludesOf(text).size());
    for (const std::string& finding : CheckSource(path, text)) {
      FAIL_CHECK(finding);
    }
    for (const std::string& include : IncludesOf(text)) {
      if (include.front() != '"') continue;
      const std::string name = include.substr(1, include.size() - 2);
      CHECK_MESSAGE(fs::exists(fs::path(OHM_SOURCE_DIR) / name), path,
                    " includes ", include, ", which is not there");
    }
  }
  // Each folder has been read.
  for (const std::string& folder : folders) {
    CAPTURE(folder);
    CHECK(includes[folder] > 0);
  }
}

TEST_CASE("the top-level folders are the ones in docs/tour.md") {
  std::set<std::string> wanted = {"core",  "hw",    "nn",   "datasets", "train",
                                  "tests", "bench", "docs", "configs"};
  const std::set<std::string> generated = {"build", "runs"};
  for (const auto& entry : fs::directory_iterator(OHM_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || name.front() == '.') continue;
    if (generated.contains(name)) continue;
    CHECK_MESSAGE(wanted.erase(name) == 1, name, " is a new top-level folder");
  }
  CHECK_MESSAGE(wanted.empty(), *wanted.begin(), " is missing");
}

}  // namespace ohm::test
