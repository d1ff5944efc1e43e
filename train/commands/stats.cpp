#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/progress.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

using Align = TableColumn::Align;
using Tiles = std::vector<hw::TileStatistics>;

struct LayerStatistics {
  std::string path;
  Tiles tiles;
};

// Counts what the ADCs of every layer see of the first images.
std::vector<LayerStatistics> Collect(const Config& config,
                                     datasets::BatchStream* stream,
                                     nn::Model* model) {
  const auto leaves = nn::CrossbarLeaves(model);
  std::vector<LayerStatistics> layers(leaves.size());
  for (size_t i = 0; i < leaves.size(); ++i) {
    layers[i].path = leaves[i].path;
    leaves[i].policy->set_statistics(&layers[i].tiles);
  }
  const NoGrad off;
  Progress progress("stats");
  int64_t seen = 0, step = 0;
  datasets::Batch batch;
  stream->Start(0);
  const int64_t most = config.eval.stats_images;
  const int64_t steps = (most + config.eval.batch - 1) / config.eval.batch;
  while (seen < most && stream->Next(&batch)) {
    const int64_t count = std::min(batch.images.size(0), most - seen);
    model->Forward(Var(batch.images.Slice(0, count)), {.first_sample = seen});
    seen += count;
    progress.Update({.step = ++step,
                     .steps = std::min(steps, stream->batches()),
                     .images = seen});
  }
  for (const auto& leaf : leaves) leaf.policy->set_statistics(nullptr);
  return layers;
}

struct Summary {
  double least_used = 1, mean_used = 0, saturated = 0;
  int64_t conversions = 0;
};

Summary Summarise(const Tiles& tiles) {
  Summary s;
  int64_t saturated = 0;
  for (const auto& tile : tiles) {
    s.least_used = std::min(s.least_used, tile.range_used());
    s.mean_used += tile.range_used() / double(tiles.size());
    saturated += tile.saturated;
    s.conversions += tile.conversions;
  }
  s.saturated = double(saturated) / double(std::max<int64_t>(s.conversions, 1));
  return s;
}

Metrics TileNumbers(size_t index, const hw::TileStatistics& tile) {
  std::vector<Metrics> bins;
  for (const auto& [edge, count] : tile.sums.Filled()) {
    bins.push_back({{"from", double(edge)}, {"count", count}});
  }
  return {{"tile", int64_t(index)},
          {"conversions", tile.conversions},
          {"saturated", tile.saturated},
          {"saturated_share", tile.saturated_share()},
          {"range", double(tile.range)},
          {"largest_sum", double(tile.sums.largest())},
          {"range_used", tile.range_used()},
          {"histogram", ToJsonList(bins)}};
}

std::string AllTilesJson(const std::vector<LayerStatistics>& layers) {
  std::vector<Metrics> list;
  for (const auto& layer : layers) {
    std::vector<Metrics> tiles;
    for (size_t i = 0; i < layer.tiles.size(); ++i) {
      tiles.push_back(TileNumbers(i, layer.tiles[i]));
    }
    list.push_back({{"layer", layer.path}, {"tiles", ToJsonList(tiles)}});
  }
  return ToJson({{"layers", ToJsonList(list)}}) + "\n";
}

}  // namespace

Metrics RunStats(const Config& config) {
  if (!config.on_crossbar()) {
    ThrowAtKey(config, "hw.preset", "expected a preset to map onto, got none");
  }
  CheckWeights(config);
  ApplyThreads(config);
  const RunFolder folder(config.run.dir);
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  CalibrateIfNeeded(config, data, model.get());
  auto stream = EvalStream(config, data);
  const auto layers = Collect(config, &stream, model.get());

  TextTable table({{"layer", "", Align::kLeft},
                   {"tiles", ""},
                   {"conversions", ""},
                   {"range used, mean", "%"},
                   {"least", "%"},
                   {"clipped", "%"}});
  std::vector<Metrics> list;
  for (const auto& layer : layers) {
    const Summary s = Summarise(layer.tiles);
    table.AddRow({layer.path, std::to_string(layer.tiles.size()),
                  std::to_string(s.conversions), FormatPercent(s.mean_used),
                  FormatPercent(s.least_used), FormatPercent(s.saturated, 4)});
    list.push_back({{"layer", layer.path},
                    {"tiles", int64_t(layer.tiles.size())},
                    {"conversions", s.conversions},
                    {"range_used_mean", s.mean_used},
                    {"range_used_least", s.least_used},
                    {"saturated_share", s.saturated}});
  }
  fmt::print("{}", table.str());
  WriteFileAtomically(folder.path() / "statistics.json", AllTilesJson(layers));
  fmt::print("every tile: {}\n", (folder.path() / "statistics.json").string());
  return {{"command", std::string("stats")}, {"layers", ToJsonList(list)}};
}

}  // namespace ohm::train
