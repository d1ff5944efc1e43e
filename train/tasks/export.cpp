#include "train/tasks/export.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "train/tasks/mask_names.h"

namespace ohm::train {
namespace {

void AppendCells(const std::string& layer, const hw::TileMap& map,
                 const hw::CellDigits& from, const hw::CellDigits& to,
                 std::string* text) {
  for (int64_t tile = 0; tile < map.tiles(); ++tile) {
    const hw::TileContent content = map.ContentOf(tile);
    const auto old_flips = from.FlippedColumns(content),
               new_flips = to.FlippedColumns(content);
    const auto columns = int64_t(new_flips.size());
    for (int64_t arm = 0; arm < to.arms(); ++arm) {
      const auto before = from.OfArm(content, old_flips, arm),
                 after = to.OfArm(content, new_flips, arm);
      for (size_t at = 0; at < after.size(); ++at) {
        if (before[at] == after[at]) continue;
        fmt::format_to(std::back_inserter(*text), "{},{},{},{},{:.9g},{:.9g}\n",
                       layer, tile * to.arms() + arm, int64_t(at) / columns,
                       int64_t(at) % columns, before[at], after[at]);
      }
    }
  }
}

void AppendColumns(const std::string& layer, const Tensor& gain,
                   std::string* text) {
  const int64_t outputs = gain.size(1);
  for (int64_t i = 0; i < gain.count(); ++i) {
    if (gain.data()[i] == 1.0F) continue;
    fmt::format_to(std::back_inserter(*text), "{},{},{},{:.9g}\n", layer,
                   i / outputs, i % outputs, gain.data()[i]);
  }
}

}  // namespace

hw::WriteCost ExportTask(nn::Model* model, const WrittenCells& from,
                         const std::filesystem::path& folder) {
  const NoGrad quiet;
  std::filesystem::create_directories(folder);
  std::string cells = "layer,array,row,column,old_level,new_level\n";
  std::string columns = "layer,row_tile,output,factor\n";
  const WrittenCells to = CellsOf(model);
  size_t i = 0;
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    if (!TakesMask(*model, leaf.path)) continue;
    AppendCells(leaf.path, to.maps[i], from.convolutions[i], to.convolutions[i],
                &cells);
    ++i;
    nn::Mask* mask = leaf.policy->mask();
    const Var gain = mask == nullptr ? Var() : mask->Gain({});
    if (gain.defined()) AppendColumns(leaf.path, gain.value(), &columns);
  }
  WriteFileAtomically(folder / "cells.csv", cells);
  WriteFileAtomically(folder / "columns.csv", columns);
  return CostOfSwitch(from, to);
}

}  // namespace ohm::train
