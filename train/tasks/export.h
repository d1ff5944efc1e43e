// A task as lists for whoever programs the hardware.
#pragma once

#include <filesystem>

#include "nn/models/model.h"
#include "train/tasks/accounting.h"

namespace ohm::train {

// Writes CSV files into `folder` (made if absent) for the task that `model` is
// set to; `from` are the cells before it:
//   cells.csv    layer, array (of the layer; both arms count), row, column,
//                old level, new level: one line per cell to be written, array
//                by array and row by row; levels are digits of the slices. The
//                head's arrays are the task's own and come whole, over level 0
//   columns.csv  layer, row tile, output, factor: one line per logical column
//                whose factor is not 1
//   complements.csv  layer, array, column: one line per column of an array
//                that stores complements while the task is in use; none
//                without hw.column_flip
// Batch norm, converter ranges and biases are digital and stay in the task's
// file. Returns what the convolutions' lines of cells.csv write.
hw::WriteCost ExportTask(nn::Model* model, const WrittenCells& from,
                         const std::filesystem::path& folder);

}  // namespace ohm::train
