#include "hw/chip_array.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "hw/wires/approximate.h"
#include "hw/wires/effective.h"

namespace ohm::hw {
namespace {

class ArrayReader {
 public:
  ArrayReader(const CrossbarSpec& spec, const DeviceSpec& device, int64_t rows,
              int64_t columns)
      : spec_(spec),
        device_(device),
        rows_(rows),
        columns_(columns),
        wires_(device.wires.At(device.conditions.kelvin)) {}

  ChipArray Read(const CellWindow& window, std::vector<double> target,
                 const Key& key, const ArrayWants& wants) {
    ChipArray array;
    if (spec_.stuck_correction == StuckCorrection::kPlain) wanted_ = target;
    Predistort(window, &target);
    array.cells = MakeCells(rows_, columns_, window, std::move(target));
    for (const Stage stage :
         {Stage::kProgramming, Stage::kTime, Stage::kRead}) {
      ApplyEffects(device_, stage, key, &array.cells);
    }
    See(wants, &array);
    if (spec_.stuck_correction != StuckCorrection::kNone) {
      FindMissing(wants.frozen, &array);
    }
    DampNoise(&array);
    return array;
  }

 private:
  CellMatrix Matrix(const std::vector<double>& g) const {
    return {rows_, columns_, g};
  }

  std::vector<double> Seen(const std::vector<double>& g) const {
    if (wires_.ideal()) return g;
    return EffectiveBy(device_.wires.model, Matrix(g), wires_);
  }

  // Hu et al., DAC 2016, in style: cells that wires weaken are written higher.
  void Predistort(const CellWindow& window, std::vector<double>* g) const {
    if (wires_.ideal()) return;
    const std::vector<double> wanted = *g;
    for (int step = 0; step < spec_.predistort; ++step) {
      const std::vector<double> seen = Seen(*g);
      for (size_t i = 0; i < g->size(); ++i) {
        if (seen[i] <= 0) continue;
        (*g)[i] = std::clamp((*g)[i] * wanted[i] / seen[i], window.g_min,
                             window.g_max);
      }
    }
  }

  FrozenState Solve(const std::vector<double>& g) const {
    const SolvedArray solved(Matrix(g), wires_);
    return {
        g,
        device_.wires.model == WireModel::kExact ? solved.effective() : Seen(g),
        solved.Sensitivity()};
  }

  const FrozenState& Fill(const std::vector<double>& g,
                          FrozenState* frozen) const {
    if (frozen->empty()) *frozen = Solve(g);
    return *frozen;
  }

  // Null: solved.
  std::vector<double> SeenNear(const std::vector<double>& g,
                               FrozenState* frozen) const {
    return frozen == nullptr ? Seen(g) : Fill(g, frozen).Seen(g);
  }

  void See(const ArrayWants& wants, ChipArray* array) const {
    const std::vector<double>& g = array->cells.g;
    if (wires_.ideal()) {
      array->seen = g;
      return;
    }
    if (wants.frozen != nullptr) {
      array->seen = SeenNear(g, &wants.frozen->cells);
      array->sensitivity = wants.frozen->cells.sensitivity;
      return;
    }
    const bool noisy = !array->cells.constant.empty();
    if (wants.sensitivity || noisy) {
      FrozenState solved = Solve(g);
      array->seen = std::move(solved.seen);
      array->sensitivity = std::move(solved.sensitivity);
    } else {
      array->seen = Seen(g);
    }
  }

  // A test of the chip knows stuck cells and what was to be written, no more.
  void FindMissing(FrozenArray* frozen, ChipArray* array) const {
    const CellArray& cells = array->cells;
    const bool any = std::ranges::any_of(
        cells.fault, [](Fault f) { return f != Fault::kNone; });
    array->missing.assign(cells.g.size(), 0.0);
    if (!any) return;
    std::vector<double> profile = cells.target;
    for (size_t i = 0; i < profile.size(); ++i) {
      if (cells.fault[i] == Fault::kAtGMax) profile[i] = cells.window.g_max;
      if (cells.fault[i] == Fault::kAtGMin) profile[i] = cells.window.g_min;
    }
    Compare(profile, frozen, array);
    for (size_t i = 0; i < profile.size(); ++i) {
      const bool dense = spec_.stuck_correction == StuckCorrection::kDense;
      if (cells.fault[i] == Fault::kNone && !dense) array->missing[i] = 0;
    }
  }

  void Compare(const std::vector<double>& profile, FrozenArray* frozen,
               ChipArray* array) const {
    const std::vector<double>& target = array->cells.target;
    const bool local = spec_.stuck_correction == StuckCorrection::kLocal;
    const bool plain = spec_.stuck_correction == StuckCorrection::kPlain;
    if (wires_.ideal() || local || plain) {
      for (size_t i = 0; i < profile.size(); ++i) {
        array->missing[i] = (plain ? wanted_[i] : target[i]) - profile[i];
      }
      if (wires_.ideal() || !local) return;
      const auto d = frozen == nullptr
                         ? SolvedArray(Matrix(profile), wires_).Sensitivity()
                         : Fill(profile, &frozen->profile).sensitivity;
      for (size_t i = 0; i < d.size(); ++i) array->missing[i] *= d[i];
      return;
    }
    const auto wanted =
        SeenNear(target, frozen == nullptr ? nullptr : &frozen->target);
    const auto seen =
        SeenNear(profile, frozen == nullptr ? nullptr : &frozen->profile);
    for (size_t i = 0; i < seen.size(); ++i) {
      array->missing[i] = wanted[i] - seen[i];
    }
  }

  // Behind wires a cell sees the share p of its input's voltage, and the share
  // q of its current reaches its output; p q is its sensitivity, and p and q
  // are about alike. First order, own column only.
  static void DampNoise(ChipArray* array) {
    CellArray& cells = array->cells;
    if (array->sensitivity.empty() || cells.constant.empty()) return;
    for (size_t i = 0; i < cells.constant.size(); ++i) {
      // A product of differences, which may round to less than 0.
      const double d = std::max(array->sensitivity[i], 0.0);
      cells.constant[i] *= d;
      cells.per_volt[i] *= d * std::sqrt(d);
      cells.per_volt2[i] *= d * d;
    }
  }

  const CrossbarSpec& spec_;
  const DeviceSpec& device_;
  int64_t rows_, columns_;
  Wires wires_;
  std::vector<double> wanted_;  // for kPlain, which knows no predistortion
};

}  // namespace

std::vector<double> FrozenState::Seen(const std::vector<double>& cells) const {
  std::vector<double> near(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    near[i] = seen[i] + sensitivity[i] * (cells[i] - g[i]);
  }
  return near;
}

ChipArray ReadArray(const CrossbarSpec& spec, const DeviceSpec& device,
                    const CellWindow& window, int64_t rows, int64_t columns,
                    std::vector<double> target, const Key& key,
                    const ArrayWants& wants) {
  return ArrayReader(spec, device, rows, columns)
      .Read(window, std::move(target), key, wants);
}

}  // namespace ohm::hw
