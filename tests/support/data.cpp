#include "tests/support/data.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <set>

namespace ohm::test {

namespace {

bool skipped = false;

std::optional<std::filesystem::path> RootWith(const char* variable,
                                              const std::string& needed) {
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') {
    const std::filesystem::path root(value);
    if (std::filesystem::exists(root / needed)) return root;
  }
  MarkSkipped(
      fmt::format("set {} to a folder that holds {}", variable, needed));
  return std::nullopt;
}

}  // namespace

std::optional<std::filesystem::path> DataRoot(const std::string& needed) {
  return RootWith("OHM_DATA_ROOT", needed);
}

std::optional<std::filesystem::path> WeightsRoot(const std::string& needed) {
  return RootWith("OHM_WEIGHTS_ROOT", needed);
}

void MarkSkipped(const std::string& reason) {
  skipped = true;
  const auto* running = doctest::getContextOptions()->currentTest;
  const std::string line = fmt::format(
      "skipped: {}: {}\n", running == nullptr ? "" : running->m_name, reason);
  // Subcases run a test case several times.
  static std::set<std::string> printed;
  if (printed.insert(line).second) {
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }
}

bool TakeSkipped() {
  const bool was = skipped;
  skipped = false;
  return was;
}

}  // namespace ohm::test
