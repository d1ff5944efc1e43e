// The benchmarks by name.
#pragma once

#include <string>
#include <vector>

#include "bench/timing.h"

namespace ohm::bench {

struct BenchOptions {
  std::string config;                  // empty where none is given
  std::vector<std::string> overrides;  // of the config
  double seconds = 3;                  // per case, or per turn of peers
  bool json = false;                   // one JSON object per case
  std::string match;                   // only cases whose name holds this
  int threads = 0;                     // of kernels, crossbar; 0: all cores
  int rounds = 5;                      // of crossbar and peers
  std::string python;                  // of peers; empty: one that has torch
  std::string peer_script;             // of peers; empty: the repository's
};

// One case that has been timed.
struct CaseResult {
  std::string name;
  Timing timing;
  double items = 0;     // of one run
  std::string unit;     // of items per second
  std::string note;     // for people, at the end of the line
  train::Metrics more;  // for programs, after the fields all cases have
};

// Prints one case, as text or JSON.
void Print(const BenchOptions& options, const CaseResult& result);

// Which of `names` hold options.match, by index. UsageError with all names
// where none does.
std::vector<size_t> Select(const BenchOptions& options,
                           const std::string& benchmark,
                           const std::vector<std::string>& names);

struct BenchRow {
  const char* name;
  const char* argument;  // the word after the name: CONFIG.toml, [MATCH]
  const char* help;
  std::vector<std::string> options;  // beyond --seconds and --json
  void (*run)(const BenchOptions& options);
};

const std::vector<BenchRow>& BenchTable();

void BenchStep(const BenchOptions& options);
void BenchKernels(const BenchOptions& options);
void BenchCrossbar(const BenchOptions& options);
void BenchChip(const BenchOptions& options);
void BenchTasks(const BenchOptions& options);
void BenchWires(const BenchOptions& options);
void BenchData(const BenchOptions& options);
void BenchPipeline(const BenchOptions& options);
void BenchPeers(const BenchOptions& options);

}  // namespace ohm::bench
