// Where tests find real data and trained weights. Both are optional: a test
// that needs what is not there says so, is counted as skipped, and returns:
//
//   const auto root = ohm::test::DataRoot("cifar-10-batches-bin");
//   if (!root) return;
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace ohm::test {

// The folder named by the environment variable OHM_DATA_ROOT if it has an
// entry `needed`, which is a file or folder below it. Otherwise marks the
// running test case as skipped.
std::optional<std::filesystem::path> DataRoot(const std::string& needed);

// The same for trained weights and OHM_WEIGHTS_ROOT.
std::optional<std::filesystem::path> WeightsRoot(
    const std::string& needed = "resnet20_cifar10.safetensors");

// Counts the running test case as skipped instead of passed (a failure still
// counts as one) and prints "skipped: <test case>: <reason>", once per reason
// and test case. For main thread use.
void MarkSkipped(const std::string& reason);

// What MarkSkipped has noted since the last call; tests/main.cpp asks after
// each test case.
bool TakeSkipped();

}  // namespace ohm::test
