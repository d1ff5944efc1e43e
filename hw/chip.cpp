#include "hw/chip.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

class ChipReader {
 public:
  ChipReader(const Tensor& codes, const TileMap& map, const CrossbarSpec& spec,
             const Slicing& slicing, const LayerOnChip& chip,
             FrozenWires* frozen)
      : codes_(codes),
        map_(map),
        spec_(spec),
        slicing_(slicing),
        cell_slicing_(CellSlicing(spec)),
        chip_(chip),
        fan_in_(map.matrix().fan_in),
        slices_(map.outputs() == 0 ? 0 : int64_t(CellSlices())),
        arms_(spec.encoding == Encoding::kDifferential ? 2 : 1),
        ideal_weights_(spec.weight_bits == 0),
        cell_largest_(CellLargest()),
        frozen_(chip.device.wires.ideal() ? nullptr : frozen) {
    if (frozen_ != nullptr) frozen_->resize(size_t(map.tiles() * arms_));
    const DeviceSpec& device = chip.device;
    reads_ = AnyEffect(device, Stage::kRead);
    const Shape all{int64_t(slicing.slices.size()), map.outputs(), fan_in_};
    const Shape one{map.outputs(), fan_in_};
    result_.digits = Tensor::Zeros(all);
    result_.codes = Tensor::Zeros(one);
    result_.slope = Tensor::Zeros(one);
    if (spec.stuck_correction != StuckCorrection::kNone) {
      result_.correction = Tensor::Zeros(one);
    }
    if (reads_) {
      result_.read.per_input = Tensor::Zeros(all);
      result_.read.per_square = Tensor::Zeros(all);
      result_.read.constant = Tensor::Zeros(
          {int64_t(slicing.slices.size()), map.row_tiles(), map.outputs()});
    }
    window_.g_min = spec.g_min;
    window_.g_max = spec.g_max;
    window_.g_step =
        (spec.g_max - spec.g_min) * (1 - spec.headroom) / cell_largest_;
    // One input code is v_dd over the levels of the DAC.
    const int h = LargestInput(spec) == 0 ? 127 : LargestInput(spec);
    volt_step_ = spec.v_dd / (2.0 * h + 1);
    window_.volt = h * volt_step_;
  }

  ChipCells Run() && {
    std::vector<int64_t> faulty(size_t(map_.tiles()), 0);
    ParallelFor(map_.tiles(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) faulty[size_t(t)] = ReadTile(t);
    });
    for (const int64_t count : faulty) result_.faulty_cells += count;
    return std::move(result_);
  }

 private:
  size_t CellSlices() const {
    return spec_.weight_bits == 0 ? 1 : cell_slicing_.slices.size();
  }

  // The digit that takes g_max.
  double CellLargest() const {
    if (spec_.weight_bits == 0) {
      const double most = double(MaxAbs(codes_));
      return most > 0 ? most : 1.0;
    }
    if (spec_.cell_bits != 0) return (1 << spec_.cell_bits) - 1;
    return LargestWeight(spec_) + cell_slicing_.weight_offset;
  }

  bool SignedCells() const { return arms_ == 2; }

  int64_t ReadTile(int64_t tile) {
    const int64_t column_tile = tile % map_.column_tiles();
    const int64_t row_tile = tile / map_.column_tiles() % map_.row_tiles();
    const int64_t group = tile / map_.column_tiles() / map_.row_tiles();
    const int64_t each = map_.outputs_per_tile(),
                  outputs = map_.matrix().outputs;
    const int64_t first = column_tile * each;
    const int64_t count = std::min(each, outputs - first);
    Place place{row_tile, group * outputs + first, count};
    std::vector<ChipArray> arms;
    for (int64_t a = 0; a < arms_; ++a) {
      arms.push_back(ReadArm(place, tile, a));
    }
    int64_t faulty = 0;
    for (const ChipArray& arm : arms) {
      faulty += std::ranges::count_if(
          arm.cells.fault, [](Fault f) { return f != Fault::kNone; });
    }
    for (int64_t n = 0; n < count; ++n) TakeColumn(place, n, arms);
    return faulty;
  }

  struct Place {
    int64_t row_tile, first_output, outputs;
  };

  // The digit that a cell is to hold; of one arm where digits have a sign.
  double Target(const float* codes, std::span<const int32_t> rows, size_t slice,
                int32_t k, int64_t arm) const {
    double digit = double(codes[k]);
    if (!ideal_weights_) {
      digit = cell_slicing_.WeightDigit(static_cast<int>(codes[k]), slice);
      if (Flipped(codes, rows, slice)) {
        digit = cell_slicing_.slices[slice].largest - digit;
      }
    }
    if (SignedCells()) return std::max(arm == 0 ? digit : -digit, 0.0);
    return digit;
  }

  bool Flipped(const float* codes, std::span<const int32_t> rows,
               size_t slice) const {
    return !slicing_.whole() && spec_.column_flip && !SignedCells() &&
           StoresComplement(codes, rows, cell_slicing_, slice);
  }

  ChipArray ReadArm(const Place& place, int64_t tile, int64_t arm) const {
    const auto rows = map_.RowsOf(place.row_tile);
    const int64_t columns = place.outputs * slices_;
    std::vector<double> target(rows.size() * size_t(columns));
    const double top = std::lerp(spec_.g_max, spec_.g_min, spec_.headroom);
    for (int64_t n = 0; n < place.outputs; ++n) {
      const float* codes = codes_.data() + (place.first_output + n) * fan_in_;
      for (int64_t s = 0; s < slices_; ++s) {
        for (size_t r = 0; r < rows.size(); ++r) {
          const double digit = Target(codes, rows, size_t(s), rows[r], arm);
          target[size_t(int64_t(r) * columns + n * slices_ + s)] =
              std::lerp(spec_.g_min, top, digit / cell_largest_);
        }
      }
    }
    ArrayWants wants{.sensitivity = chip_.derivatives};
    if (frozen_ != nullptr) {
      wants.frozen = &(*frozen_)[size_t(tile * arms_ + arm)];
    }
    return ReadArray(spec_, chip_.device, window_, int64_t(rows.size()),
                     columns, std::move(target),
                     chip_.key.Child(uint64_t(tile)).Child(uint64_t(arm)),
                     wants);
  }

  // What one logical column's cells add up to, slice by slice.
  void TakeColumn(const Place& place, int64_t n,
                  const std::vector<ChipArray>& arms) {
    const auto rows = map_.RowsOf(place.row_tile);
    const int64_t output = place.first_output + n;
    const float* codes = codes_.data() + output * fan_in_;
    for (int64_t s = 0; s < slices_; ++s) {
      const bool flipped = !ideal_weights_ && Flipped(codes, rows, size_t(s));
      for (size_t r = 0; r < rows.size(); ++r) {
        const auto cell =
            size_t(int64_t(r) * arms[0].cells.columns + n * slices_ + s);
        TakeCell(place, output, s, rows[r], flipped, cell, arms);
      }
    }
    for (const int32_t k : rows) FinishWeight(output, k);
  }

  double PlaceOf(int64_t slice) const {
    return ideal_weights_
               ? 1.0
               : std::ldexp(1.0, cell_slicing_.slices[size_t(slice)].shift);
  }

  void TakeCell(const Place& place, int64_t output, int64_t slice, int32_t k,
                bool flipped, size_t cell, const std::vector<ChipArray>& arms) {
    const double digit = Difference(arms, &ChipArray::seen, cell);
    const double weight = PlaceOf(slice);
    // In slices that are converted apart, or added up before.
    const int64_t apart = slicing_.whole() ? 0 : slice;
    const double each = slicing_.whole() ? weight : 1.0;
    const int64_t at = output * fan_in_ + k;
    const int64_t plane = apart * map_.outputs() * fan_in_;
    result_.digits.data()[plane + at] += static_cast<float>(each * digit);

    const double top =
        ideal_weights_ ? 0.0 : cell_slicing_.slices[size_t(slice)].largest;
    const double logical = flipped ? top - digit : digit;
    result_.codes.data()[at] += static_cast<float>(weight * logical);
    result_.slope.data()[at] +=
        static_cast<float>(weight * SlopeOf(at, cell, arms));
    if (result_.correction.defined()) {
      const double error = CorrectionOf(cell, arms);
      result_.correction.data()[at] +=
          static_cast<float>(weight * (flipped ? -error : error));
    }
    if (!reads_) return;
    for (const ChipArray& arm : arms) {
      const double unit = volt_step_ * window_.g_step;
      const double square = each * each / (unit * unit);
      result_.read.per_input.data()[plane + at] +=
          static_cast<float>(square * arm.cells.per_volt[cell] * volt_step_);
      result_.read.per_square.data()[plane + at] += static_cast<float>(
          square * arm.cells.per_volt2[cell] * volt_step_ * volt_step_);
      result_.read.constant
          .data()[(apart * map_.row_tiles() + place.row_tile) * map_.outputs() +
                  output] +=
          static_cast<float>(square * arm.cells.constant[cell]);
    }
  }

  // The arms of a cell, subtracted, in digits; a lone arm against g_min.
  double Difference(const std::vector<ChipArray>& arms,
                    std::vector<double> ChipArray::*of, size_t cell) const {
    const double other = SignedCells() ? (arms[1].*of)[cell] : window_.g_min;
    return ((arms[0].*of)[cell] - other) / window_.g_step;
  }

  double CorrectionOf(size_t cell, const std::vector<ChipArray>& arms) const {
    double missing = arms[0].missing[cell];
    if (SignedCells()) missing -= arms[1].missing[cell];
    return missing / window_.g_step;
  }

  // Of the cell in the arm of the weight's sign.
  double SlopeOf(int64_t at, size_t cell,
                 const std::vector<ChipArray>& arms) const {
    const ChipArray& arm = arms[SignedCells() && codes_.data()[at] < 0 ? 1 : 0];
    const bool stuck = arm.cells.fault[cell] != Fault::kNone;
    if (stuck && spec_.stuck_correction == StuckCorrection::kNone) return 0.0;
    return arm.sensitivity.empty() ? 1.0 : arm.sensitivity[cell];
  }

  // Sums of slices lose their offset, slopes become a mean.
  void FinishWeight(int64_t output, int32_t k) {
    const int64_t at = output * fan_in_ + k;
    const auto offset =
        static_cast<float>(ideal_weights_ ? 0 : cell_slicing_.weight_offset);
    result_.codes.data()[at] -= offset;
    if (slicing_.whole()) result_.digits.data()[at] -= offset;
    double places = 0;
    for (int64_t s = 0; s < slices_; ++s) places += PlaceOf(s);
    result_.slope.data()[at] /= static_cast<float>(places);
  }

  const Tensor& codes_;
  const TileMap& map_;
  const CrossbarSpec& spec_;
  const Slicing& slicing_;  // of conversions
  Slicing cell_slicing_;    // of cells
  const LayerOnChip& chip_;
  int64_t fan_in_, slices_, arms_;
  bool ideal_weights_, reads_ = false;
  double cell_largest_;
  FrozenWires* frozen_;
  double volt_step_ = 0;
  CellWindow window_;
  ChipCells result_;
};

}  // namespace

bool ChangesCells(const LayerOnChip& chip) {
  return AnyEffect(chip.device, Stage::kProgramming) ||
         AnyEffect(chip.device, Stage::kTime) ||
         AnyEffect(chip.device, Stage::kRead) || !chip.device.wires.ideal();
}

ChipCells CellsOnChip(const Tensor& codes, const TileMap& map,
                      const CrossbarSpec& spec, const Slicing& slicing,
                      const LayerOnChip& chip, FrozenWires* frozen) {
  return ChipReader(codes, map, spec, slicing, chip, frozen).Run();
}

}  // namespace ohm::hw
