// The benchmarks by name.
#pragma once

#include <string>
#include <vector>

#include "bench/timing.h"

namespace ohm::bench {

struct BenchOptions {
  std::string config;                  // empty where none is given
  std::vector<std::string> overrides;  // of the config
  double seconds = 3;                  // per case
  bool json = false;                   // one JSON object per case
};

// Prints one case, as text or JSON.
void Print(const BenchOptions& options, const std::string& name,
           const Timing& timing, double items, const std::string& unit);

struct BenchRow {
  const char* name;
  const char* arguments;
  const char* help;
  void (*run)(const BenchOptions& options);
};

const std::vector<BenchRow>& BenchTable();

void BenchStep(const BenchOptions& options);
void BenchKernels(const BenchOptions& options);

}  // namespace ohm::bench
