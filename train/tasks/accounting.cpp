#include "train/tasks/accounting.h"

#include <algorithm>
#include <array>
#include <bit>

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
std::vector<nn::CrossbarLeaf> Convolutions(nn::Model* model) {
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
  if (state.mask.empty()) return size;
  const NoGrad quiet;
  for (const auto& leaf : Convolutions(model)) {
    const auto mask =
        nn::FindMask(state.mask).make(leaf.Masked(), state.options);
    mask->Unpack(PackedMaskOf(state.tensors, leaf.path));
    AddMask(*mask, &size);
    const Var gain = mask->Gain({});
    if (!gain.defined()) continue;
    size.columns_off += std::ranges::count(gain.value().span(), 0.0F);
  }
  return size;
}

BackboneSize SizeOfBackbone(nn::Model* model) {
  BackboneSize size;
  for (const auto& leaf : Convolutions(model)) {
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
  for (const auto& leaf : Convolutions(model)) cells.push_back(CellsOf(leaf));
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

// Where `written` of the backbone's `all` weights lie: the PE flags of both
// tasks; one list of places where either has none; or a bit for each weight,
// where that is less.
int64_t BytesOfPlaces(const TaskSize& there, const TaskSize& back,
                      int64_t written, int64_t all) {
  const bool listed = RewritesWithoutPes(there) || RewritesWithoutPes(back);
  const int64_t places =
      listed ? (written * std::bit_width(uint64_t(all)) + 7) / 8
             : there.Term("pes").bytes() + back.Term("pes").bytes();
  return std::min((all + 7) / 8, places);
}

}  // namespace

int64_t BytesOfSwitch(nn::Model* model, const TaskState& from,
                      const TaskState& to, const hw::WriteCost& writes) {
  const TaskSize there = SizeOf(model, to, from);
  const TaskSize back = SizeOf(model, from, to);
  const int64_t bits = SizeOfBackbone(model).bits_each;
  // Factors that only `from` has go back to 1, each in as many bits.
  const int64_t columns =
      std::max(there.Term("columns").bytes(), back.Term("columns").bytes());
  const int64_t places =
      BytesOfPlaces(there, back, writes.weights, SizeOfBackbone(model).weights);
  return (writes.weights * bits + 7) / 8 + columns + places + there.norm_bytes +
         there.range_bytes;
}

}  // namespace ohm::train
