// The input pipeline of a config alone: its data set, augmentation,
// normalisation and workers.
#include <fmt/format.h>

#include <algorithm>

#include "bench/batch_feed.h"
#include "bench/bench.h"
#include "core/base/check.h"

namespace ohm::bench {
namespace {

// The same bits whether workers make the batches or the caller does.
void CheckWorkers(const datasets::DatasetPtr& data,
                  datasets::BatchOptions options) {
  options.threads = 0;
  BatchFeed alone(data, options);
  options.threads = 2;
  BatchFeed helped(data, options);
  datasets::Batch a, b;
  // With the first batch of the second epoch, where an epoch is that short.
  const int64_t batches = std::min<int64_t>(3, alone.batches() + 1);
  for (int64_t i = 0; i < batches; ++i) {
    alone.Next(&a);
    helped.Next(&b);
    OHM_CHECK(a.labels == b.labels && BitEqual(a.images, b.images),
              fmt::format("bench data: expected the same batch {} from 0 and "
                          "2 workers, got different ones",
                          i));
  }
}

// A single batch is often there already, so what is timed is a block of them:
// an epoch, or what comes in a tenth of the time.
int64_t BlockOf(BatchFeed* feed, double seconds) {
  datasets::Batch batch;
  const Stopwatch watch;
  int64_t block = 0;
  while (block < feed->batches() &&
         (block == 0 || watch.seconds() < seconds / 10)) {
    feed->Next(&batch);
    ++block;
  }
  return block;
}

}  // namespace

void BenchData(const BenchOptions& options) {
  const train::Config config =
      train::LoadConfig(options.config, options.overrides);
  train::ApplyThreads(config);
  const auto data = train::OpenData(config, config.data.set);
  const auto how = FeedOptions(config, data);
  CheckWorkers(data.train, how);
  BatchFeed feed(data.train, how);
  const int64_t block = BlockOf(&feed, options.seconds);
  datasets::Batch batch;
  const Timing timing = Measure(
      [&] {
        for (int64_t i = 0; i < block; ++i) feed.Next(&batch);
      },
      options.seconds);
  Print(options,
        {.name = fmt::format("data {} batch {}, {} workers", config.data.set,
                             config.train.batch, config.data.workers),
         .timing = timing,
         .items = double(block * config.train.batch),
         .unit = "images/s",
         .note = fmt::format("{} batches a run", block),
         .more = {{"set", config.data.set},
                  {"batch", int64_t(config.train.batch)},
                  {"workers", int64_t(config.data.workers)},
                  {"batches", block}}});
}

}  // namespace ohm::bench
