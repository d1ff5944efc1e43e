// Running another program and reading what it prints.
#pragma once

#include <string>
#include <vector>

namespace ohm::bench {

struct ChildResult {
  int code = 0;        // 127 where it cannot be run, -1 where a signal ended it
  std::string output;  // stdout and stderr together
};

// Waits for `words[0]` (looked for in PATH) with the other words as arguments.
ChildResult RunChild(const std::vector<std::string>& words);

// The last line of `output` that is not empty.
std::string LastLine(const std::string& output);

}  // namespace ohm::bench
