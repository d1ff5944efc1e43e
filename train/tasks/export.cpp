#include "train/tasks/export.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/file.h"
#include "nn/crossbar_policy.h"
#include "train/tasks/mask_names.h"

namespace ohm::train {
namespace {

void AppendCells(const std::string& layer, const hw::CellDigits& from,
                 const hw::CellDigits& to, std::string* text) {
  hw::VisitChanged(from, to, [&](const hw::ChangedCell& cell) {
    fmt::format_to(std::back_inserter(*text), "{},{},{},{},{:.9g},{:.9g}\n",
                   layer, cell.array, cell.row, cell.column, cell.before,
                   cell.after);
  });
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
    AppendCells(leaf.path, from.at(i), to[i], &cells);
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
