// What 'tasks compare' has measured: a file of JSON lines.
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <string>

#include "train/run_folder.h"
#include "train/tasks/accounting.h"

namespace ohm::train {

struct CompareResult {
  bool failed = false;    // there is nothing else to tell; never in the log
  double validation = 0;  // top-1 of the moment chosen, share
  // Of the test images; NaN: not read, another candidate was chosen.
  double test = std::numeric_limits<double>::quiet_NaN();
  int64_t steps = 0;   // of the moment chosen
  double seconds = 0;  // of training
  int64_t images = 0;  // trained on in them
  TaskSize size;
  hw::WriteCost writes;  // from the backbone's cells; the same on the way back
};

class CompareLog {
 public:
  // Reads what is there; a last line cut short is removed. Lines that are no
  // results are passed over, and those whose key `data` is not what `data` has
  // for their set, the fingerprint of what was opened, or whose `first_data` is
  // not the fingerprint of what the converters were calibrated on, where that
  // is given; lines without these keys, of earlier versions, count.
  explicit CompareLog(std::filesystem::path path,
                      std::map<std::string, std::string> data = {},
                      std::string first_data = "");

  // The last result with this hash; null: none.
  const CompareResult* Find(const std::string& hash) const;
  // `what`: further keys of the line, which say what was trained on `set`.
  void Append(const std::string& set, const Metrics& what,
              const std::string& hash, const CompareResult& result);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> data_;  // fingerprints by set
  std::string first_data_;
  std::map<std::string, CompareResult> results_;
};

// The keys of one result, for people's programs.
Metrics ToMetrics(const CompareResult& result);

}  // namespace ohm::train
