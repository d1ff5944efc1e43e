// The file that `ohmgrad array` reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hw/wires/wires.h"

namespace ohm::train {

struct ArrayCase {
  hw::CellMatrix array;
  hw::Wires wires;
  std::vector<double> volts;  // [rows]
};

// A paragraph for --help: the keys and what they mean.
const char* ArrayFileHelp();

// Error with one sentence: file, case, key, what was expected, what came.
std::vector<ArrayCase> ReadArrayFile(const std::filesystem::path& path);

}  // namespace ohm::train
