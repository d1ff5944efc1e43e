// The test program itself: what is skipped is counted, and running nothing is
// no success.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/data.h"

namespace ohm::test {

namespace {

// Sets an environment variable for the length of a test; nullptr removes it.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    Set(value);
  }
  ~Environment() { Set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void Set(const char* value) {
    value == nullptr ? unsetenv(name_) : setenv(name_, value, 1);
  }

  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("data that is absent marks a test as skipped") {
  const std::string root = std::string(OHM_SOURCE_DIR) + "/tests";
  {
    const Environment set("OHM_DATA_ROOT", root.c_str());
    CHECK(DataRoot("repo") == std::filesystem::path(root));
    CHECK_FALSE(TakeSkipped());
    CHECK_FALSE(DataRoot("no-such-folder").has_value());
    CHECK(TakeSkipped());
    CHECK_FALSE(TakeSkipped());
  }
  const Environment unset("OHM_WEIGHTS_ROOT", nullptr);
  CHECK_FALSE(WeightsRoot("no-such-file").has_value());
  CHECK(TakeSkipped());
}

TEST_CASE("a filter that fits no test is a failure") {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command =
      "'" + program.string() + "' -tc='there is no such test'";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    output += char(c);
  }
  CHECK(pclose(pipe) != 0);
  CHECK(output.ends_with("\n0 passed, 0 failed\n"));
}

}  // namespace ohm::test
