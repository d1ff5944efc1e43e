// cmake --install gives a package that another project can use.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "datasets/table.h"
#include "hw/converters.h"
#include "nn/models/model.h"
#include "train/optim/table.h"

namespace {

namespace fs = std::filesystem;

class ScratchFolder {
 public:
  ScratchFolder()
      : path_(fs::temp_directory_path() /
              fmt::format("ohmgrad_consumer_{}", getpid())) {
    fs::create_directory(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(const char* name) const {
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

// Runs a shell command; its output, or a failed test with it.
std::string Output(const ScratchFolder& folder, const std::string& command) {
  const std::string log = folder / "log";
  const int status =
      std::system(fmt::format("{} >'{}' 2>&1", command, log).c_str());
  std::ostringstream text;
  text << std::ifstream(log).rdbuf();
  INFO(command << "\n" << text.str());
  REQUIRE(status == 0);
  return text.str();
}

// What tests/repo/consumer/main.cpp must print.
std::string ExpectedOutput() {
  // 3 x 3 positions, 2 outputs, 3 * 3 * 3 products of ones.
  std::string text = "conv2d 486\n";
  const auto model = ohm::nn::MakeModel({.name = "lenet5"}, ohm::Key(7));
  const ohm::Var image(ohm::Tensor::Full({1, 32, 32, 3}, 0.5F));
  const ohm::Var logits = model->Forward(image, {});
  text +=
      fmt::format("lenet5 [1, 10] {:a}\n", double(logits.value().data()[0]));
  const auto shapes = ohm::datasets::Open("shapes", {});
  int64_t bytes = 0;
  for (const uint8_t value : shapes.test->get(3).image.span<uint8_t>()) {
    bytes += value;
  }
  text += fmt::format("shapes {}\n", bytes);
  text += fmt::format("step {:a}\n", double(ohm::hw::StepFor(1.0F, 8)));
  for (const auto& name : ohm::train::OptimizerNames()) text += name + "\n";
  return text;
}

}  // namespace

TEST_CASE("an installed ohmgrad serves another project") {
  const ScratchFolder folder;
  const std::string prefix = folder / "prefix";
  const std::string build = folder / "build";

  Output(folder, fmt::format("cmake --install '{}' --prefix '{}'",
                             OHM_BINARY_DIR, prefix));
  CHECK(fs::exists(folder / "prefix/share/ohmgrad/configs"));
  CHECK(Output(folder, fmt::format("'{}/bin/ohmgrad' --help", prefix)) != "");

  // Only what is installed may serve: no header and no target of this tree.
  Output(folder, fmt::format("cmake -S '{}/tests/repo/consumer' -B '{}' "
                             "-G Ninja -DCMAKE_PREFIX_PATH='{}'",
                             OHM_SOURCE_DIR, build, prefix));
  Output(folder, fmt::format("cmake --build '{}'", build));
  const std::string rules =
      Output(folder, fmt::format("cat '{}/build.ninja'", build));
  CHECK(rules.find(fmt::format("-isystem {}/include/ohmgrad", prefix)) !=
        std::string::npos);
  CHECK(rules.find(fmt::format("{}/core", OHM_SOURCE_DIR)) ==
        std::string::npos);
  CHECK(rules.find(OHM_BINARY_DIR) == std::string::npos);

  CHECK(Output(folder, fmt::format("'{}/consumer'", build)) ==
        ExpectedOutput());
  CHECK(Output(folder, fmt::format("'{}/tensor_only'", build)) ==
        "[3, 4] 30\n");
}
