// The same training step here and in PyTorch: processes in turn, A B A B, so
// that whatever else the machine does meets both sides alike.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/bench.h"
#include "bench/peer_turn.h"
#include "core/base/check.h"
#include "train/config.h"

namespace ohm::bench {
namespace {

struct PeerRow {
  const char* name;  // of our side
  const char* config;
  std::vector<std::string> overrides;
  std::vector<PeerSide> sides;  // a pair with each
};

// PyTorch's f32 is there for bf16 too: autocast is not faster everywhere.
const std::vector<PeerRow>& PeerTable() {
  static const char* const kSmall = "configs/resnet20_cifar10.toml";
  static const char* const kLarge = "configs/resnet18_imagenet.toml";
  const auto small = [](const char* dtype) -> std::vector<std::string> {
    return {std::string("train.dtype=") + dtype, "train.batch=128",
            "train.threads=2"};
  };
  const auto large = [](const char* dtype) -> std::vector<std::string> {
    return {std::string("train.dtype=") + dtype, "train.batch=16",
            "train.threads=2", "model.classes=1000", "data.image_size=224"};
  };
  const std::vector<PeerSide> f32 = {{"f32", "default"},
                                     {"f32", "channels_last"}};
  const std::vector<PeerSide> bf16 = {
      {"bf16", "channels_last"}, {"f32", "default"}, {"f32", "channels_last"}};
  static const std::vector<PeerRow> table = {
      {"resnet20 f32", kSmall, small("f32"), f32},
      {"resnet20 bf16", kSmall, small("bf16"), bf16},
      {"resnet18 f32", kLarge, large("f32"), f32},
      {"resnet18 bf16", kLarge, large("bf16"), bf16},
  };
  return table;
}

// What the other side is told as well; all else would change one side alone.
void CheckOverrides(const BenchOptions& options) {
  static const std::vector<std::string> kBoth = {
      "train.batch",    "train.threads",      "train.momentum",
      "train.nesterov", "train.weight_decay", "train.label_smoothing"};
  for (const std::string& text : options.overrides) {
    const std::string key = text.substr(0, text.find('='));
    if (std::ranges::count(kBoth, key) > 0) continue;
    throw UsageError(fmt::format(
        "bench peers: expected keys that PyTorch is told as well ({}), got {}",
        fmt::join(kBoth, ", "), key));
  }
}

std::string PairName(const PeerRow& row, const PeerSide& side) {
  return std::string(row.name) + " vs " + side.name();
}

// What is left of the table after --match, ready to run.
struct Match {
  const PeerRow* row;
  std::vector<PeerSide> sides;
};

std::vector<Match> SelectMatches(const BenchOptions& options) {
  std::vector<std::string> names;
  std::vector<std::pair<const PeerRow*, PeerSide>> pairs;
  for (const PeerRow& row : PeerTable()) {
    for (const PeerSide& side : row.sides) {
      names.push_back(PairName(row, side));
      pairs.emplace_back(&row, side);
    }
  }
  std::vector<Match> matches;
  for (const size_t i : Select(options, "peers", names)) {
    const auto& [row, side] = pairs[i];
    if (matches.empty() || matches.back().row != row) {
      matches.push_back({row, {}});
    }
    matches.back().sides.push_back(side);
  }
  return matches;
}

// One side's turns of all rounds.
struct Turns {
  std::vector<Turn> turns;

  double median(double Turn::*field) const {
    std::vector<double> values;
    for (const Turn& turn : turns) values.push_back(turn.*field);
    return Median(values);
  }
  double least_ms() const {
    double least = turns[0].min_ms;
    for (const Turn& turn : turns) least = std::min(least, turn.min_ms);
    return least;
  }
};

class Comparison {
 public:
  Comparison(const BenchOptions& options, const PeerPrograms& programs,
             const Match& match)
      : options_(options),
        programs_(programs),
        match_(match),
        path_(programs.root + "/" + match.row->config),
        overrides_(match.row->overrides),
        theirs_(match.sides.size()) {
    overrides_.insert(overrides_.end(), options.overrides.begin(),
                      options.overrides.end());
    config_ = train::LoadConfig(path_, overrides_);
  }

  void Run() {
    for (int round = 0; round < options_.rounds; ++round) {
      ours_.turns.push_back(
          RunOurs(programs_, path_, overrides_, options_.seconds));
      for (size_t i = 0; i < theirs_.size(); ++i) {
        theirs_[i].turns.push_back(
            RunPeer(programs_, config_, match_.sides[i], options_.seconds));
      }
      if (round == 0) CheckSameNetwork();
    }
    for (size_t i = 0; i < theirs_.size(); ++i) Report(i);
  }

 private:
  void CheckSameNetwork() const {
    for (const Turns& side : theirs_) {
      OHM_CHECK(
          side.turns[0].parameters == ours_.turns[0].parameters,
          fmt::format("expected the same network on both sides, got {} "
                      "parameters here and {} there",
                      ours_.turns[0].parameters, side.turns[0].parameters));
    }
  }

  std::vector<double> Ratios(size_t side) const {
    std::vector<double> ratios;
    for (size_t round = 0; round < ours_.turns.size(); ++round) {
      ratios.push_back(theirs_[side].turns[round].median_ms /
                       ours_.turns[round].median_ms);
    }
    return ratios;
  }

  // Whether no other side has a smaller median.
  bool IsFastest(size_t side) const {
    const double own = theirs_[side].median(&Turn::median_ms);
    return std::ranges::all_of(theirs_, [&](const Turns& other) {
      return own <= other.median(&Turn::median_ms);
    });
  }

  void Report(size_t side) const {
    fmt::print("{}\n", options_.json ? Json(side) : Text(side));
    std::fflush(stdout);
  }

  std::string Text(size_t side) const {
    const Turns& theirs = theirs_[side];
    const std::vector<double> ratios = Ratios(side);
    return fmt::format(
        "{}{}, batch {}, threads {}\n"
        "  {:.3f} ms against {:.3f} ms, ratio {:.3f} (rounds: {:.3f})\n"
        "  peak {:.0f} MiB against {:.0f} MiB",
        PairName(*match_.row, match_.sides[side]),
        IsFastest(side) && theirs_.size() > 1 ? " (the fastest)" : "",
        config_.train.batch, config_.train.threads,
        ours_.median(&Turn::median_ms), theirs.median(&Turn::median_ms),
        Median(ratios), fmt::join(ratios, " "), ours_.median(&Turn::peak_mib),
        theirs.median(&Turn::peak_mib));
  }

  std::string Json(size_t side) const {
    const Turns& theirs = theirs_[side];
    const double median_ms = ours_.median(&Turn::median_ms);
    const std::vector<double> ratios = Ratios(side);
    const nlohmann::ordered_json line = {
        {"name", PairName(*match_.row, match_.sides[side])},
        {"median_ms", median_ms},
        {"min_ms", ours_.least_ms()},
        {"p90_ms", ours_.median(&Turn::p90_ms)},
        {"per_second", config_.train.batch / median_ms * 1e3},
        {"threads", config_.train.threads},
        {"model", config_.model.name},
        {"dtype", config_.train.dtype},
        {"batch", config_.train.batch},
        {"peak_mib", ours_.median(&Turn::peak_mib)},
        {"peer", match_.sides[side].name()},
        {"peer_median_ms", theirs.median(&Turn::median_ms)},
        {"peer_min_ms", theirs.least_ms()},
        {"peer_p90_ms", theirs.median(&Turn::p90_ms)},
        {"peer_peak_mib", theirs.median(&Turn::peak_mib)},
        {"fastest_peer", IsFastest(side)},
        {"ratio", Median(ratios)},
        {"ratios", ratios}};
    return line.dump();
  }

  const BenchOptions& options_;
  const PeerPrograms& programs_;
  const Match& match_;
  std::string path_;
  std::vector<std::string> overrides_;
  train::Config config_;
  Turns ours_;
  std::vector<Turns> theirs_;
};

}  // namespace

void BenchPeers(const BenchOptions& options) {
  CheckOverrides(options);
  const std::vector<Match> matches = SelectMatches(options);
  const PeerPrograms programs = PeerPrograms::Find(options);
  if (!options.json) {
    fmt::print(
        "ratio: PyTorch's time over ohmgrad's; above 1 ohmgrad is faster\n");
  }
  std::string failed;
  for (const Match& match : matches) {
    try {
      Comparison(options, programs, match).Run();
    } catch (const Error& error) {
      // The other rows are worth their time all the same.
      failed +=
          fmt::format("{}'{}' did not run: {}", failed.empty() ? "" : "; ",
                      match.row->name, error.what());
    }
  }
  OHM_CHECK(failed.empty(), "peers: " + failed);
}

}  // namespace ohm::bench
