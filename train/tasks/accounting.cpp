#include "train/tasks/accounting.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "core/base/check.h"
#include "hw/converters.h"
#include "hw/rewrite.h"
#include "nn/crossbar_policy.h"
#include "nn/masks/own_weights.h"
#include "train/tasks/mask_names.h"

namespace ohm::train {
namespace {

constexpr int64_t kFloat = sizeof(float);

// Leaves that masks may be on.
std::vector<nn::CrossbarLeaf> MaskedLeaves(nn::Model* model) {
  std::vector<nn::CrossbarLeaf> leaves = nn::CrossbarLeaves(model);
  std::erase_if(
      leaves, [&](const auto& leaf) { return !TakesMask(*model, leaf.path); });
  return leaves;
}

// Bytes of a tensor that is not as in the first task.
int64_t OwnBytes(const std::string& name, const TaskState& state,
                 const TaskState& first) {
  const auto own = state.tensors.find(name);
  if (own == state.tensors.end()) return 0;
  const auto old = first.tensors.find(name);
  const bool same =
      old != first.tensors.end() && BitEqual(own->second, old->second);
  return same ? 0 : int64_t(own->second.bytes());
}

// The task's mask on a leaf; null: it has none.
std::unique_ptr<nn::Mask> MaskOf(const nn::CrossbarLeaf& leaf,
                                 const TaskState& state) {
  if (state.mask.empty()) return nullptr;
  auto mask = nn::FindMask(state.mask).make(leaf.Masked(), state.options);
  mask->Unpack(PackedMaskOf(state.tensors, leaf.path));
  return mask;
}

void AddMask(const nn::Mask& mask, TaskSize* size) {
  for (const auto& [kind, count] : mask.Counts()) {
    MaskTerm& term = size->mask[kind];
    term.entries += count.entries;
    term.bits_each = count.bits_each;
  }
}

}  // namespace

const MaskTerm& TaskSize::Term(const std::string& kind) const {
  static const MaskTerm none;
  const auto found = mask.find(kind);
  return found == mask.end() ? none : found->second;
}

int64_t TaskSize::mask_bytes() const {
  int64_t sum = 0;
  for (const auto& [kind, term] : mask) {
    if (kind != "weights") sum += term.bytes();
  }
  return sum;
}

int64_t TaskSize::bytes() const {
  return mask_bytes() + Term("weights").bytes() + norm_bytes + head_bytes +
         range_bytes;
}

TaskSize SizeOf(nn::Model* model, const TaskState& state,
                const TaskState& first) {
  TaskSize size;
  for (const auto& p : model->Parameters()) {
    const int64_t bytes = OwnBytes(p.name, state, first);
    if (nn::IsNorm(p.role)) size.norm_bytes += bytes;
    if (p.role == nn::Role::kAdcRange) size.range_bytes += bytes;
    if (model->IsHead(p.name)) size.head_bytes += bytes;
  }
  for (const auto& b : model->Buffers()) {
    const bool range = b.name.find(".crossbar.") != std::string::npos;
    (range ? size.range_bytes : size.norm_bytes) +=
        OwnBytes(b.name, state, first);
  }
  const NoGrad quiet;
  for (const auto& leaf : MaskedLeaves(model)) {
    const auto mask = MaskOf(leaf, state);
    if (mask == nullptr) continue;
    AddMask(*mask, &size);
    const Var gain = mask->Gain({});
    if (!gain.defined()) continue;
    size.columns_off += std::ranges::count(gain.value().span(), 0.0F);
  }
  return size;
}

BackboneSize SizeOfBackbone(nn::Model* model) {
  BackboneSize size;
  for (const auto& leaf : MaskedLeaves(model)) {
    const nn::MaskedLayer layer = leaf.Masked();
    size.weights += layer.weights.count();
    size.bits_each = nn::BitsPerWeight(layer.largest);
    size.cells += leaf.Report().used_cells;
  }
  return size;
}

hw::CellDigits CellsOf(const nn::CrossbarLeaf& leaf) {
  const NoGrad quiet;
  const nn::MaskedLayer layer = leaf.Masked();
  nn::Mask* mask = leaf.policy->mask();
  const Var backbone{layer.weights};
  const Var held = mask == nullptr ? backbone : mask->Weights(backbone, {});
  const hw::QuantizedWeights q =
      hw::QuantizeWeights(held.value(), layer.largest, layer.range);
  const hw::CrossbarSpec& spec = leaf.policy->spec();
  const bool one_cell = mask != nullptr && mask->one_cell();
  const Tensor minus =
      one_cell ? hw::MinusArms(q.codes, layer.weights, layer.range, spec)
               : Tensor();
  return {q.codes, layer.map, spec, minus};
}

WrittenCells CellsOf(nn::Model* model) {
  WrittenCells cells;
  for (const auto& leaf : MaskedLeaves(model)) cells.push_back(CellsOf(leaf));
  return cells;
}

hw::WriteCost CostOfSwitch(const WrittenCells& from, const WrittenCells& to) {
  OHM_CHECK(from.size() == to.size(),
            "[tasks] expected cells of one backbone to switch between");
  hw::WriteCost cost;
  for (size_t i = 0; i < from.size(); ++i) {
    cost += hw::CostOfWriting(from[i], to[i]);
  }
  return cost;
}

namespace {

// Whether a task holds other weights than the backbone, and no PEs say where.
bool RewritesWithoutPes(const TaskSize& size) {
  if (size.Term("pes").bytes() > 0) return false;
  return std::ranges::any_of(
      std::array{"weights", "elements", "kernels"},
      [&](const char* term) { return size.Term(term).bytes() > 0; });
}

// Weights in the PEs of either task.
int64_t WeightsInPes(nn::Model* model, const TaskState& from,
                     const TaskState& to) {
  const auto entries = [](const nn::CrossbarLeaf& leaf,
                          const TaskState& state) {
    const auto mask = MaskOf(leaf, state);
    return mask == nullptr ? std::vector<uint8_t>() : mask->WeightEntries();
  };
  int64_t count = 0;
  for (const auto& leaf : MaskedLeaves(model)) {
    auto flags = entries(leaf, from);
    const auto others = entries(leaf, to);
    flags.resize(std::max(flags.size(), others.size()), 0);
    for (size_t i = 0; i < others.size(); ++i) flags[i] |= others[i];
    count += std::ranges::count(flags, 1);
  }
  return count;
}

// The shortest of: all codes; those that are written with a list of their
// places, or with a bit for each of the backbone's weights; where PEs tell all
// places, their flags for both tasks with the codes of all weights in them, or
// with a bit for each of these and the codes that are written.
int64_t BytesOfWeights(nn::Model* model, const TaskState& from,
                       const TaskState& to, const hw::WriteCost& writes) {
  const BackboneSize all = SizeOfBackbone(model);
  const int64_t codes = BytesOfBits(writes.weights * all.bits_each);
  const int64_t list =
      BytesOfBits(writes.weights * std::bit_width(uint64_t(all.weights)));
  const int64_t least =
      std::min(all.bytes(), codes + std::min(list, BytesOfBits(all.weights)));
  const TaskSize there = SizeOf(model, to, from);
  const TaskSize back = SizeOf(model, from, to);
  if (RewritesWithoutPes(there) || RewritesWithoutPes(back)) return least;
  const int64_t flags = there.Term("pes").bytes() + back.Term("pes").bytes();
  const int64_t weights = WeightsInPes(model, from, to);
  return std::min(least, flags + std::min(BytesOfBits(weights * all.bits_each),
                                          BytesOfBits(weights) + codes));
}

struct ColumnEntries {
  std::vector<uint8_t> flags;  // nn::Mask::ColumnEntries
  int64_t bits_each = 0;
};

ColumnEntries EntriesOf(const nn::CrossbarLeaf& leaf, const TaskState& state) {
  const auto mask = MaskOf(leaf, state);
  if (mask == nullptr) return {};
  const auto counts = mask->Counts();
  const auto columns = counts.find("columns");
  if (columns == counts.end()) return {};
  return {mask->ColumnEntries(), columns->second.bits_each};
}

// The column entries of `to`, and those that only `from` has, which go back to
// 1, each in as many bits as its task gives it.
int64_t BytesOfColumns(nn::Model* model, const TaskState& from,
                       const TaskState& to) {
  const NoGrad quiet;
  int64_t bits = 0;
  for (const auto& leaf : MaskedLeaves(model)) {
    const ColumnEntries there = EntriesOf(leaf, to),
                        back = EntriesOf(leaf, from);
    for (size_t i = 0; i < std::max(there.flags.size(), back.flags.size());
         ++i) {
      const bool new_one = i < there.flags.size() && there.flags[i] != 0;
      const bool old_one = i < back.flags.size() && back.flags[i] != 0;
      bits += new_one ? there.bits_each : old_one ? back.bits_each : 0;
    }
  }
  return BytesOfBits(bits);
}

}  // namespace

int64_t BytesOfSwitch(nn::Model* model, const TaskState& from,
                      const TaskState& to, const hw::WriteCost& writes) {
  const TaskSize there = SizeOf(model, to, from);
  return BytesOfWeights(model, from, to, writes) +
         BytesOfColumns(model, from, to) + there.norm_bytes + there.range_bytes;
}

}  // namespace ohm::train
