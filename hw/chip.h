// A layer on one chip: what its arrays hold once its codes were written, and
// what the digital side can do about it.
//
// In the order of what happens (hw/effects/table.cpp): the cells are written,
// with all their faults; time passes; wires stand between the cells and the
// converters; reading draws noise. Nothing here depends on the inputs, so a
// product afterwards costs an ordinary one.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/random.h"
#include "core/tensor/tensor.h"
#include "hw/chip_array.h"
#include "hw/effects/device.h"
#include "hw/geometry.h"
#include "hw/slicing.h"
#include "hw/spec.h"

namespace ohm::hw {

struct LayerOnChip {
  DeviceSpec device;
  Key key;                   // of the layer on its chip
  bool derivatives = false;  // ChipCells::slope knows the wires, too
};

// The wires of a layer's arrays, solved for one state of what is behind them;
// by tile and arm.
using FrozenWires = std::vector<FrozenArray>;

// Variances of one read in products of digits squared; [slices, out, fan-in]:
// of a column, sum over its rows of |x| * per_input + x^2 * per_square, plus
// constant [slices, row_tiles, out]. x are digits of input codes; with an ideal
// DAC shares of its range, and products are of these.
struct ReadVariances {
  Tensor per_input, per_square, constant;  // undefined: nothing is drawn
};

struct ChipCells {
  // What columns are seen to hold, in digits: f32 [slices, out, fan-in] of
  // `slicing`; whole numbers where the cells are ideal.
  Tensor digits;
  // What they hold together, in codes: f32 [out, fan-in]; without `correction`.
  Tensor codes;
  // Codes that are added digitally, f32 [out, fan-in]; undefined: none.
  Tensor correction;
  // d(codes + correction) / d(codes that were to be written), [out, fan-in], to
  // first order and of the cell alone: its sensitivity behind wires, or 1 where
  // it is predistorted within its range; 0 for a stuck cell without correction,
  // 1 with kPlain; undefined: 1 everywhere.
  Tensor slope;
  ReadVariances read;
  int64_t faulty_cells = 0;
};

// Error that names the key where the cells of `spec` cannot be such devices.
void CheckOnChip(const CrossbarSpec& spec, const DeviceSpec& device);

// Whether the cells differ from the ideal ones at all.
bool ChangesCells(const LayerOnChip& chip);

// `codes` f32 [out, ...] are to be written: whole numbers up to h, or ideal
// weights, of which the largest takes g_max. Parallel over tiles; the same bits
// at any thread count. `frozen`, where not null and not empty, stands for the
// wires, in corrections, too; an empty one is filled, at twice the cost, and
// takes up to 72 bytes a cell. With wires it costs a solution of every array
// (hw/wires/effective.h), and with corrections behind them up to two more.
// `minus` as for CellDigits.
ChipCells CellsOnChip(const Tensor& codes, const TileMap& map,
                      const CrossbarSpec& spec, const Slicing& slicing,
                      const LayerOnChip& chip, FrozenWires* frozen = nullptr,
                      const Tensor& minus = {});

}  // namespace ohm::hw
