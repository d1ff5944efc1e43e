#include "bench/batch_feed.h"

#include <fmt/format.h>

#include "core/base/check.h"

namespace ohm::bench {

datasets::BatchOptions FeedOptions(const train::Config& config,
                                   const datasets::OpenedDataset& data) {
  return train::MakeBatchOptions(config, data, config.train.batch,
                                 /*augment=*/true,
                                 Key(uint64_t(config.train.seed)));
}

BatchFeed::BatchFeed(const datasets::DatasetPtr& data,
                     const datasets::BatchOptions& options)
    : stream_(data, options) {
  OHM_CHECK(stream_.batches() > 0,
            fmt::format("train.batch: expected at most the {} training images, "
                        "got {}",
                        data->size(), options.batch));
  stream_.Start(epoch_);
}

void BatchFeed::Next(datasets::Batch* batch) {
  if (stream_.Next(batch)) return;
  stream_.Start(++epoch_);
  stream_.Next(batch);
}

}  // namespace ohm::bench
