// One turn of one side of a comparison: a process of its own.
#pragma once

#include <string>
#include <vector>

#include "train/config.h"

namespace ohm::bench {

struct BenchOptions;

// How PyTorch is asked to run the step.
struct PeerSide {
  const char* dtype;
  const char* layout;

  std::string name() const {
    return std::string("pytorch ") + dtype + " " + layout;
  }
};

// What one turn reports of itself.
struct Turn {
  double median_ms = 0, min_ms = 0, p90_ms = 0, peak_mib = 0;
  double parameters = 0;
};

// The programs of both sides.
struct PeerPrograms {
  std::string ours;    // ohmgrad-bench
  std::string python;  // one that has torch
  std::string script;  // pytorch_step.py
  std::string root;    // where the table's configs are

  // Error in one sentence where there is no python with torch or no script.
  static PeerPrograms Find(const BenchOptions& options);
};

// Error with the side's own last words where it fails.
Turn RunOurs(const PeerPrograms& programs, const std::string& config,
             const std::vector<std::string>& overrides, double seconds);
// The same model, batch, threads, loss and optimiser (sgd) as `config` says.
Turn RunPeer(const PeerPrograms& programs, const train::Config& config,
             const PeerSide& side, double seconds);

}  // namespace ohm::bench
