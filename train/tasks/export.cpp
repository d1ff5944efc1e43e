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

void AppendComplements(const std::string& layer, const hw::CellDigits& cells,
                       std::string* text) {
  for (int64_t tile = 0; tile < cells.map().tiles(); ++tile) {
    const auto flipped = cells.FlippedColumns(cells.map().ContentOf(tile));
    for (size_t column = 0; column < flipped.size(); ++column) {
      if (flipped[column] == 0) continue;  // always, for pairs
      fmt::format_to(std::back_inserter(*text), "{},{},{}\n", layer, tile,
                     column);
    }
  }
}

// Cells as they are before anything was written: every digit is 0.
hw::CellDigits Unwritten(const nn::CrossbarLeaf& leaf,
                         const hw::CellDigits& written) {
  const auto lowest = -float(written.slicing().weight_offset);
  return {Tensor::Full(written.codes().shape(), lowest), written.map(),
          leaf.policy->spec()};
}

}  // namespace

hw::WriteCost ExportTask(nn::Model* model, const WrittenCells& from,
                         const std::filesystem::path& folder) {
  const NoGrad quiet;
  std::filesystem::create_directories(folder);
  std::string cells = "layer,array,row,column,old_level,new_level\n";
  std::string columns = "layer,row_tile,output,factor\n";
  std::string complements = "layer,array,column\n";
  size_t i = 0;
  for (const auto& leaf : nn::CrossbarLeaves(model)) {
    const hw::CellDigits to = CellsOf(leaf);
    AppendComplements(leaf.path, to, &complements);
    if (!TakesMask(*model, leaf.path)) {  // the head
      AppendCells(leaf.path, Unwritten(leaf, to), to, &cells);
      continue;
    }
    AppendCells(leaf.path, from.at(i++), to, &cells);
    nn::Mask* mask = leaf.policy->mask();
    const Var gain = mask == nullptr ? Var() : mask->Gain({});
    if (gain.defined()) AppendColumns(leaf.path, gain.value(), &columns);
  }
  WriteFileAtomically(folder / "cells.csv", cells);
  WriteFileAtomically(folder / "columns.csv", columns);
  WriteFileAtomically(folder / "complements.csv", complements);
  return CostOfSwitch(from, CellsOf(model));
}

}  // namespace ohm::train
