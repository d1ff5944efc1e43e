// A config's training batches without end.
#pragma once

#include "datasets/batch_stream.h"
#include "train/experiment.h"

namespace ohm::bench {

// As the trainer asks for them: augmented, normalised, config.data.workers.
datasets::BatchOptions FeedOptions(const train::Config& config,
                                   const datasets::OpenedDataset& data);

class BatchFeed {
 public:
  // Error where the data set fills no batch.
  BatchFeed(const datasets::DatasetPtr& data,
            const datasets::BatchOptions& options);
  // The next batch; after the last of an epoch, the first of the next one.
  void Next(datasets::Batch* batch);
  int64_t batches() const { return stream_.batches(); }  // of an epoch

 private:
  datasets::BatchStream stream_;
  int64_t epoch_ = 0;
};

}  // namespace ohm::bench
