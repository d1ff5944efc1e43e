// What a task takes and what it costs to write, term by term.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hw/cell_digits.h"
#include "nn/crossbar_policy.h"
#include "train/tasks/task_state.h"

namespace ohm::train {

inline int64_t BytesOfBits(int64_t bits) { return (bits + 7) / 8; }

// One term of a mask, over all layers.
struct MaskTerm {
  int64_t entries = 0;
  int64_t bits_each = 0;

  int64_t bits() const { return entries * bits_each; }
  int64_t bytes() const { return BytesOfBits(bits()); }
};

// Of a task's state. Bytes are of packed bits; batch norm (scale, shift, mean,
// variance of each channel), ranges and the head count as floats, where they
// are not the first task's.
struct TaskSize {
  // By kind (nn/masks/mask.h): columns, elements, kernels, pes, weights.
  std::map<std::string, MaskTerm> mask;
  int64_t columns_off = 0;  // factors that are 0
  int64_t norm_bytes = 0, head_bytes = 0, range_bytes = 0;

  const MaskTerm& Term(const std::string& kind) const;
  int64_t mask_bytes() const;  // of all kinds but the weights
  int64_t bytes() const;       // of everything
};
// `model` may be set to any task of its backbone, whose own is `first`.
TaskSize SizeOf(nn::Model* model, const TaskState& state,
                const TaskState& first);

// The backbone that shares are given of.
struct BackboneSize {
  int64_t weights = 0;    // of all layers but the head
  int64_t bits_each = 0;  // as cells hold them; 32 for ideal ones
  int64_t cells = 0;      // that these use
  int64_t bytes() const { return BytesOfBits(weights * bits_each); }
  // An element-wise binary mask over the same weights, one bit each.
  int64_t piggyback_bytes() const { return BytesOfBits(weights); }
};
BackboneSize SizeOfBackbone(nn::Model* model);

// The codes in the cells of every layer but the head, whose arrays are the
// task's own, while `model` is set as it is, as ideal devices are given to
// hold.
using WrittenCells = std::vector<hw::CellDigits>;
WrittenCells CellsOf(nn::Model* model);
// Of one leaf, which may be the head.
hw::CellDigits CellsOf(const nn::CrossbarLeaf& leaf);
// These layers' cells, rows and arrays that going from one task to another
// writes.
hw::WriteCost CostOfSwitch(const WrittenCells& from, const WrittenCells& to);

// Bytes that go to the chip on the way from one task to another: the codes of
// the weights that are written and where they lie (a list of places, a bit for
// every weight, or the PE flags of both tasks with what of their PEs differs),
// or all codes, whichever is shortest; the column entries of the new task, and
// those that only the other has, which go back to 1; and what of batch norm and
// converter ranges differs. `writes` are those of the way. Heads lie in arrays
// of their own. A column slice that turns over (hw.column_flip) is written from
// the codes that are there, and moves nothing.
int64_t BytesOfSwitch(nn::Model* model, const TaskState& from,
                      const TaskState& to, const hw::WriteCost& writes);

}  // namespace ohm::train
