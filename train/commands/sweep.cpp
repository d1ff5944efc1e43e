#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/base/check.h"
#include "core/base/stopwatch.h"
#include "datasets/fingerprint.h"
#include "nn/crossbar_policy.h"
#include "train/chips.h"
#include "train/commands/command.h"
#include "train/evaluate.h"
#include "train/experiment.h"
#include "train/plot.h"
#include "train/progress.h"
#include "train/spread.h"
#include "train/sweep/points.h"
#include "train/sweep/results.h"
#include "train/table_print.h"
#include "train/trainers/backbone.h"

namespace ohm::train {
namespace {

void CheckPoints(const Config& config, const std::vector<SweepPoint>& points) {
  for (const SweepPoint& point : points) {
    if (config.sweep.chips > 0) CheckOnCrossbar(point.config, "sweep.chips");
    CheckWeights(point.config);
  }
}

// The data set of the last point asked for: opened again only where its data
// keys differ.
class PointData {
 public:
  const datasets::OpenedDataset& For(const SweepPoint& point) {
    std::string keys;
    for (const auto& [key, value] : point.overrides) {
      if (key.starts_with("data.")) keys += key + "=" + value + "\n";
    }
    if (!data_ || keys != keys_) {
      data_.reset();  // never two at once in memory
      data_ = OpenData(point.config, point.config.data.set);
      fingerprint_ = datasets::Fingerprint(*data_);
      keys_ = keys;
    }
    return *data_;
  }
  const std::string& FingerprintFor(const SweepPoint& point) {
    For(point);
    return fingerprint_;
  }

 private:
  std::optional<datasets::OpenedDataset> data_;
  std::string fingerprint_;
  std::string keys_;  // of all points the same but for these
};

// A folder for what training the point leaves. The hash and the fingerprint of
// its images keep the state of other ones from being resumed.
std::filesystem::path FolderOf(const SweepPoint& point, const std::string& hash,
                               const std::string& fingerprint,
                               const RunFolder& sweep) {
  constexpr size_t kLongest = 100;  // of 255 that file systems take
  std::string name = point.Label().substr(0, kLongest);
  for (char& c : name) {
    const bool safe = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                      (c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
                      c == '-' || c == '=';
    if (!safe) c = '_';
  }
  return sweep.path() /
         (name + "-" + hash.substr(0, 8) + "-" + fingerprint.substr(0, 4));
}

double EvalTop1(const Config& config, const datasets::OpenedDataset& data,
                nn::Model* model) {
  auto stream = EvalStream(config, data);
  Progress progress("eval");
  return Evaluate(model, &stream, &progress).top1;
}

std::vector<double> ChipTop1(const Config& config,
                             const datasets::OpenedDataset& data,
                             nn::Model* model) {
  return Top1Of(EvaluateChips(config, data, model));
}

double TrainTop1(const Config& config, const datasets::OpenedDataset& data,
                 nn::Model* model) {
  const RunFolder folder(config.run.dir);
  folder.WriteConfig(ResolvedToml(config));
  Config own = config;
  own.adapt = {};  // of the chips behind it alone
  const BackboneResult result = TrainBackbone(own, data, model, folder);
  return config.eval.split == "test" ? result.test.top1
                                     : EvalTop1(config, data, model);
}

// `config`: a point's, with run.dir set.
SweepResult Measure(const Config& config, const datasets::OpenedDataset& data) {
  const Stopwatch watch;
  ApplyThreads(config);
  Config fresh = config;
  // Ranges in the weights are of one crossbar; chips may keep them.
  fresh.model.recalibrate |= config.eval.chips == 0;
  const auto model = BuildModel(fresh, data.classes);
  SweepResult result;
  if (config.eval.chips > 0) {
    result.calibrated_chips = ChipTop1(config, data, model.get());
    result.calibrated_top1 = SpreadOf(result.calibrated_chips).mean;
    nn::PutOnChip(model.get(), config.device);  // the one to train on
    nn::ClearCalibration(model.get());
  } else {
    CalibrateIfNeeded(config, data, model.get());
    result.calibrated_top1 = EvalTop1(config, data, model.get());
  }
  if (config.sweep.epochs > 0) {
    result.trained_top1 = TrainTop1(config, data, model.get());
    if (config.eval.chips > 0) {
      result.trained_chips = ChipTop1(config, data, model.get());
      result.trained_top1 = SpreadOf(result.trained_chips).mean;
    }
  }
  result.seconds = watch.seconds();
  return result;
}

class Sweep {
 public:
  explicit Sweep(const Config& config)
      : config_(config), points_(SweepPoints(config)) {
    CheckPoints(config, points_);
    for (const SweepPoint& point : points_) {
      hashes_.push_back(SweepPointHash(point));
      CheckNewPoint(hashes_.size() - 1);
    }
    folder_.emplace(config.run.dir);
    lock_.emplace(folder_->path(), FolderLock::Busy::kRefuse);
    folder_->CheckNoTraining();
    const auto fingerprints = Fingerprints();
    CheckTrainings();
    folder_->WriteConfig(ResolvedToml(config));
    log_.emplace(folder_->path() / kSweepLog, fingerprints);
  }

  Metrics Run() {
    const Stopwatch watch;
    std::vector<size_t> left;
    for (size_t i = 0; i < points_.size(); ++i) {
      if (log_->Find(hashes_[i]) == nullptr) left.push_back(i);
    }
    if (left.size() < points_.size()) {
      fmt::print("{} of {} points stand in {}\n", points_.size() - left.size(),
                 points_.size(), log_->path().string());
    }
    for (size_t done = 0; done < left.size(); ++done) {
      if (!RunPoint(left[done])) continue;
      const double mean = watch.seconds() / double(done + 1);
      const double rest = mean * double(left.size() - done - 1);
      progress_.Print(Line(left[done]) + ", left " + FormatSeconds(rest));
    }
    const Metrics metrics =
        Report(int64_t(left.size() - failed_.size()), watch.seconds());
    if (!failed_.empty()) {
      ThrowError(fmt::format("{} of {} points are missing; the first: {}",
                             failed_.size(), points_.size(), failed_.front()));
    }
    return metrics;
  }

 private:
  // Results are kept by hash.
  void CheckNewPoint(size_t i) const {
    const auto first = std::ranges::find(hashes_, hashes_[i]);
    const auto at = size_t(first - hashes_.begin());
    if (at == i) return;
    ThrowAtKey(
        config_, points_[i].from_grid ? "sweep.grid" : "sweep.points",
        "expected points that measure different things, got " +
            points_[at].Label() + " and " + points_[i].Label() +
            ", which do not: data.root, data.workers, data.memory_mib and "
            "train.threads change no result");
  }

  // Of each point's data, by its hash.
  std::map<std::string, std::string> Fingerprints() {
    std::map<std::string, std::string> fingerprints;
    for (size_t i = 0; i < points_.size(); ++i) {
      fingerprints[hashes_[i]] = data_.FingerprintFor(points_[i]);
    }
    return fingerprints;
  }

  // Now, not when their turn has come. Resuming is checked then.
  void CheckTrainings() {
    if (config_.sweep.epochs == 0) return;
    for (const SweepPoint& point : points_) {
      Config own = point.config;
      own.train.resume = false;
      try {
        CheckTraining(own, data_.For(point), *folder_);
      } catch (const UsageError& error) {
        throw UsageError("point " + point.Label() + ": " + error.what());
      }
    }
  }

  // False: a training diverged there, which leaves the others as they are.
  bool RunPoint(size_t i) {
    const SweepPoint& point = points_[i];
    Config own = point.config;
    own.run.dir =
        FolderOf(point, hashes_[i], data_.FingerprintFor(point), *folder_)
            .string();
    try {
      log_->Append(point, hashes_[i], Measure(own, data_.For(point)));
    } catch (const NotFinite& error) {
      failed_.push_back("point " + point.Label() + ": " + error.what());
      fmt::print(stderr, "ohmgrad: {}\n", failed_.back());
      return false;
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      ThrowError("point " + point.Label() + ": " + error.what());
    }
    // It is finished, so nothing of it will be resumed.
    if (own.sweep.epochs > 0) {
      std::filesystem::remove(RunFolder(own.run.dir).state());
    }
    return true;
  }

  std::string Line(size_t i) const {
    const SweepResult& result = *log_->Find(hashes_[i]);
    std::string line =
        fmt::format("point {}/{}: {}: calibrated {} %", i + 1, points_.size(),
                    points_[i].Label(), CalibratedText(result));
    if (std::isfinite(result.trained_top1)) {
      line += fmt::format(", trained {} %", TrainedText(result));
    }
    return line + ", " + FormatSeconds(result.seconds);
  }

  Metrics Report(int64_t measured, double seconds) const {
    std::vector<SweepPoint> points;  // that have a result
    std::vector<SweepResult> results;
    Metrics metrics{{"command", std::string("sweep")},
                    {"points", int64_t(points_.size())},
                    {"measured", measured},
                    {"seconds", seconds}};
    double calibrated = 0, trained = 0;
    for (size_t i = 0; i < points_.size(); ++i) {
      const SweepResult* result = log_->Find(hashes_[i]);
      if (result == nullptr) continue;
      points.push_back(points_[i]);
      results.push_back(*result);
      calibrated = std::max(calibrated, results.back().calibrated_top1);
      trained = std::max(trained, results.back().trained_top1);
    }
    metrics.emplace_back("best_calibrated_top1", calibrated);
    if (config_.sweep.epochs > 0) {
      metrics.emplace_back("best_trained_top1", trained);
    }
    metrics.emplace_back("run_dir", folder_->path().string());
    if (points.empty()) return metrics;
    Plot plot = SweepPlot(SweepAxis(config_), points, results);
    plot.title = config_.model.name + " on " + config_.data.set;
    WritePlot(folder_->path() / "sweep.svg", plot);
    fmt::print("\n{}left in {}\n", SweepTable(points, results),
               folder_->path().string());
    return metrics;
  }

  const Config& config_;
  std::vector<SweepPoint> points_;
  std::vector<std::string> hashes_;  // of the points
  std::optional<RunFolder> folder_;  // made once everything is in order
  std::optional<FolderLock> lock_;
  std::optional<SweepLog> log_;
  PointData data_;
  std::vector<std::string> failed_;  // what was said
  Progress progress_{"sweep"};
};

}  // namespace

Metrics RunSweep(const Config& config) { return Sweep(config).Run(); }

}  // namespace ohm::train
