// Whether the input pipeline keeps up: the training step fed by it against the
// same step on one fixed batch, in turn in one process.
#include <fmt/format.h>

#include "bench/batch_feed.h"
#include "bench/bench.h"
#include "bench/train_step.h"

namespace ohm::bench {
namespace {

constexpr int kBlock = 20;      // timed steps of a turn
constexpr int kLeastPairs = 5;  // whatever --seconds says

// Milliseconds per step of each turn.
struct Turns {
  std::vector<double> fixed, fed;
};

class Pipeline {
 public:
  Pipeline(const train::Config& config, const datasets::OpenedDataset& data)
      : step_(config, data.classes),
        feed_(data.train, FeedOptions(config, data)),
        // Uses up what the workers have made ahead during the other's turn,
        // which would be batches for nothing.
        settle_(2 * config.data.workers + 1) {
    feed_.Next(&fixed_);
    step_.CheckLearns(fixed_);
  }

  Turns Run(double seconds) {
    RunPair();  // to warm up
    Turns turns;
    const Stopwatch watch;
    while (int(turns.fed.size()) < kLeastPairs || watch.seconds() < seconds) {
      const auto [fixed, fed] = RunPair();
      turns.fixed.push_back(fixed);
      turns.fed.push_back(fed);
    }
    return turns;
  }

  TrainStep* step() { return &step_; }

 private:
  std::pair<double, double> RunPair() {
    const double fixed = Turn([this] { step_.Run(fixed_); });
    const double fed = Turn([this] {
      feed_.Next(&fresh_);
      step_.Run(fresh_);
    });
    return {fixed, fed};
  }

  template <typename Step>
  double Turn(const Step& step) {
    for (int i = 0; i < settle_; ++i) step();
    const Stopwatch watch;
    for (int i = 0; i < kBlock; ++i) step();
    return watch.seconds() * 1e3 / kBlock;
  }

  TrainStep step_;
  BatchFeed feed_;
  int settle_;
  datasets::Batch fixed_, fresh_;
};

}  // namespace

void BenchPipeline(const BenchOptions& options) {
  const train::Config config = LoadForStep(options.config, options.overrides);
  const auto data = train::OpenData(config, config.data.set);
  Pipeline pipeline(config, data);
  const Turns turns = pipeline.Run(options.seconds);
  std::vector<double> ratios;
  for (size_t i = 0; i < turns.fed.size(); ++i) {
    ratios.push_back(turns.fed[i] / turns.fixed[i]);
  }
  const double ratio = Median(ratios);
  CaseResult result;
  result.name = "fixed batch " + StepName(config);
  result.timing = Summarise(turns.fixed);
  result.items = config.train.batch;
  result.unit = "images/s";
  result.more = StepFields(config, pipeline.step());
  Print(options, result);
  result.name = "pipeline " + StepName(config);
  result.timing = Summarise(turns.fed);
  result.note = fmt::format("{:.3f} of the fixed batch's time", ratio);
  result.more.emplace_back("set", config.data.set);
  result.more.emplace_back("workers", int64_t(config.data.workers));
  result.more.emplace_back("ratio", ratio);
  Print(options, result);
}

}  // namespace ohm::bench
