// What a sweep has measured: its file of JSON lines, its table and its plot.
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "train/plot.h"
#include "train/sweep/points.h"

namespace ohm::train {

struct SweepResult {
  double calibrated_top1 = 0;  // shares of eval.split; means over chips
  double trained_top1 = std::numeric_limits<double>::quiet_NaN();  // NaN: not
  double seconds = 0;  // of the run that finished it
  // On each of sweep.chips chips; empty without.
  std::vector<double> calibrated_chips = {}, trained_chips = {};
};

// One line per result, appended as soon as it is there; nothing is ever taken
// out again: the results of an earlier config stay in the file, unused.
class SweepLog {
 public:
  // Reads what is there. A last line cut short is removed from the file. Lines
  // that are no results are passed over, and those whose key `data` is not what
  // `data` has for their hash, the fingerprint of what was opened; lines
  // without the key, of earlier versions, count.
  explicit SweepLog(std::filesystem::path path,
                    std::map<std::string, std::string> data = {});

  // The last result with this hash (SweepPointHash); null: none.
  const SweepResult* Find(const std::string& hash) const;

  // Keys of the line: the overrides; calibrated_top1 and, with chips,
  // calibrated_std, _min and _chips, their list; trained_top1 and so on, if it
  // was trained; seconds; data, the fingerprint; config, the hash. Error where
  // it cannot be written.
  void Append(const SweepPoint& point, const std::string& hash,
              const SweepResult& result);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> data_;  // fingerprints by hash
  std::map<std::string, SweepResult> results_;
};

// "91.23", or over chips "91.23 ± 0.12 (91.02)" (FormatSpread); "" where it was
// not trained.
std::string CalibratedText(const SweepResult& result);
std::string TrainedText(const SweepResult& result);

// One row per point, one column per swept key. `results` as long as `points`.
std::string SweepTable(const std::vector<SweepPoint>& points,
                       const std::vector<SweepResult>& results);

// Top-1 over `axis`, a line per combination of the other keys: dashed for
// calibrated, solid for trained; over chips error bars of one standard
// deviation. A logarithmic axis where values span two decades. Points of
// sweep.points lie where their own value of `axis` is. Bars where the values
// are no numbers, and, one per point, where `axis` is "".
Plot SweepPlot(const std::string& axis, const std::vector<SweepPoint>& points,
               const std::vector<SweepResult>& results);

}  // namespace ohm::train
