// The command line of the `ohmgrad` program.
#pragma once

#include <string>
#include <vector>

namespace ohm::train {

// Runs one command and returns the exit code: 0, 1 for a failure, 2 for wrong
// words (in the command line or a config). Errors become one sentence on
// stderr. `arguments` are the words behind the program's name.
int RunCommandLine(const std::string& program,
                   const std::vector<std::string>& arguments);

}  // namespace ohm::train
