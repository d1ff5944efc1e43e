#include "hw/chip.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/cell_digits.h"
#include "hw/converters.h"

namespace ohm::hw {
namespace {

class ChipReader {
 public:
  ChipReader(const Tensor& codes, const TileMap& map, const CrossbarSpec& spec,
             const Slicing& slicing, const LayerOnChip& chip,
             FrozenWires* frozen, const Tensor& minus)
      : codes_(codes),
        map_(map),
        spec_(spec),
        slicing_(slicing),
        cells_(codes, map, spec, minus),
        cell_slicing_(cells_.slicing()),
        chip_(chip),
        fan_in_(map.matrix().fan_in),
        slices_(cells_.slices()),
        arms_(cells_.arms()),
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
    digit_step_ =
        (spec.g_max - spec.g_min) * (1 - spec.headroom) / cell_largest_;
    window_.g_min = spec.g_min;
    window_.g_max = spec.g_max;
    window_.g_step = ideal_weights_ ? 0 : digit_step_;
    // The largest input, one of h codes either way, is h of the DAC's levels of
    // v_dd; the end of an ideal DAC's range is half of v_dd. An input of 1 is a
    // code, or a digit where cycles are apart, of which the largest is driven
    // with the same voltage.
    const int h = LargestInput(spec);
    window_.volt = h == 0 ? spec.v_dd / 2 : h * spec.v_dd / (2.0 * h + 1);
    const int digits = slicing.whole() ? h : slicing.LargestInputDigit();
    volt_step_ = h == 0 ? window_.volt : window_.volt / digits;
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
  // The digit that takes g_max.
  double CellLargest() const {
    if (spec_.weight_bits == 0) {
      const double most = double(MaxAbs(codes_));
      return most > 0 ? most : 1.0;
    }
    return cell_slicing_.LargestWeightDigit();
  }

  bool SignedCells() const { return arms_ == 2; }

  int64_t ReadTile(int64_t tile) {
    const TileContent content = map_.ContentOf(tile);
    const std::vector<uint8_t> flipped = cells_.FlippedColumns(content);
    std::vector<ChipArray> arms;
    for (int64_t a = 0; a < arms_; ++a) {
      arms.push_back(ReadArm(content, flipped, tile, a));
    }
    int64_t faulty = 0;
    for (const ChipArray& arm : arms) {
      faulty += std::ranges::count_if(
          arm.cells.fault, [](Fault f) { return f != Fault::kNone; });
    }
    TakeColumns(content, flipped, arms);
    return faulty;
  }

  ChipArray ReadArm(const TileContent& content,
                    const std::vector<uint8_t>& flipped, int64_t tile,
                    int64_t arm) const {
    const auto rows = map_.RowsOf(content.row_tile);
    const auto columns = int64_t(flipped.size());
    std::vector<double> target = cells_.OfArm(content, flipped, arm);
    const double top = std::lerp(spec_.g_max, spec_.g_min, spec_.headroom);
    for (double& cell : target) {
      cell = std::lerp(spec_.g_min, top, cell / cell_largest_);
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

  // What the logical columns' cells add up to, slice by slice.
  void TakeColumns(const TileContent& content,
                   const std::vector<uint8_t>& flipped,
                   const std::vector<ChipArray>& arms) {
    const auto rows = map_.RowsOf(content.row_tile);
    for (size_t c = 0; c < flipped.size(); ++c) {
      const int64_t output = content.first_output + int64_t(c) / slices_;
      const int64_t slice = int64_t(c) % slices_;
      for (size_t r = 0; r < rows.size(); ++r) {
        const size_t cell = r * flipped.size() + c;
        TakeCell(output, slice, rows[r], flipped[c] != 0, cell, arms);
        if (reads_) {
          TakeNoise(content.row_tile, output, slice, rows[r], cell, arms);
        }
        if (slice + 1 == slices_) FinishWeight(output, rows[r]);
      }
    }
  }

  double PlaceOf(int64_t slice) const {
    return ideal_weights_
               ? 1.0
               : std::ldexp(1.0, cell_slicing_.slices[size_t(slice)].shift);
  }

  // Slices that are converted apart stay apart, others are added up.
  int64_t PlaneOf(int64_t slice) const { return slicing_.whole() ? 0 : slice; }
  double WeightInPlane(int64_t slice) const {
    return slicing_.whole() ? PlaceOf(slice) : 1.0;
  }

  void TakeCell(int64_t output, int64_t slice, int32_t k, bool flipped,
                size_t cell, const std::vector<ChipArray>& arms) {
    const double digit = Difference(arms, &ChipArray::seen, cell);
    const double weight = PlaceOf(slice);
    const int64_t at = output * fan_in_ + k;
    result_.digits.data()[PlaneOf(slice) * map_.outputs() * fan_in_ + at] +=
        static_cast<float>(WeightInPlane(slice) * digit);
    const double logical =
        flipped ? cell_slicing_.slices[size_t(slice)].largest - digit : digit;
    result_.codes.data()[at] += static_cast<float>(weight * logical);
    result_.slope.data()[at] +=
        static_cast<float>(weight * SlopeOf(at, cell, arms));
    if (!result_.correction.defined()) return;
    const double error = CorrectionOf(cell, arms);
    result_.correction.data()[at] +=
        static_cast<float>(weight * (flipped ? -error : error));
  }

  // Variances of both arms, in products of digits.
  void TakeNoise(int64_t row_tile, int64_t output, int64_t slice, int32_t k,
                 size_t cell, const std::vector<ChipArray>& arms) {
    const int64_t plane = PlaneOf(slice);
    const int64_t at = (plane * map_.outputs() + output) * fan_in_ + k;
    const int64_t column =
        (plane * map_.row_tiles() + row_tile) * map_.outputs() + output;
    const double unit = volt_step_ * digit_step_ / WeightInPlane(slice);
    const double square = 1 / (unit * unit);
    ReadVariances& read = result_.read;
    for (const ChipArray& arm : arms) {
      const CellArray& cells = arm.cells;
      read.constant.data()[column] +=
          static_cast<float>(square * cells.constant[cell]);
      read.per_input.data()[at] +=
          static_cast<float>(square * cells.per_volt[cell] * volt_step_);
      read.per_square.data()[at] += static_cast<float>(
          square * cells.per_volt2[cell] * volt_step_ * volt_step_);
    }
  }

  // The arms of a cell, subtracted, in digits; a lone arm against g_min.
  double Difference(const std::vector<ChipArray>& arms,
                    std::vector<double> ChipArray::*of, size_t cell) const {
    const double other = SignedCells() ? (arms[1].*of)[cell] : window_.g_min;
    return ((arms[0].*of)[cell] - other) / digit_step_;
  }

  double CorrectionOf(size_t cell, const std::vector<ChipArray>& arms) const {
    double missing = arms[0].missing[cell];
    if (SignedCells()) missing -= arms[1].missing[cell];
    return missing / digit_step_;
  }

  // Of the cell in the arm of the weight's sign: the one that is written.
  double SlopeOf(int64_t at, size_t cell,
                 const std::vector<ChipArray>& arms) const {
    const ChipArray& arm = arms[SignedCells() && codes_.data()[at] < 0 ? 1 : 0];
    const bool stuck = arm.cells.fault[cell] != Fault::kNone;
    if (stuck && spec_.stuck_correction == StuckCorrection::kNone) return 0.0;
    // The whole of target - stuck is added, as if there were no wires.
    if (stuck && spec_.stuck_correction == StuckCorrection::kPlain) return 1.0;
    if (arm.sensitivity.empty()) return 1.0;
    // What is predistorted arrives as it was wanted, where the range allows.
    const double g = arm.cells.target[cell];
    const bool follows = spec_.predistort > 0 && !stuck && g > window_.g_min &&
                         g < window_.g_max;
    return follows ? 1.0 : arm.sensitivity[cell];
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
  CellDigits cells_;
  Slicing cell_slicing_;  // of cells
  const LayerOnChip& chip_;
  int64_t fan_in_, slices_, arms_;
  bool ideal_weights_, reads_ = false;
  double cell_largest_;
  FrozenWires* frozen_;
  double digit_step_ = 0;  // siemens of a digit of 1
  double volt_step_ = 0;   // volt of an input of 1
  CellWindow window_;
  ChipCells result_;
};

}  // namespace

bool ChangesCells(const LayerOnChip& chip) {
  return AnyEffect(chip.device, Stage::kProgramming) ||
         AnyEffect(chip.device, Stage::kTime) ||
         AnyEffect(chip.device, Stage::kRead) || !chip.device.wires.ideal();
}

void CheckOnChip(const CrossbarSpec& spec, const DeviceSpec& device) {
  OHM_CHECK(
      spec.weight_bits != 0 || device.write_error.law != WriteLaw::kPytorx,
      "device.write_error: expected another law than pytorx, a third of "
      "a code, with ideal weights (hw.weight_bits = 0), which have no "
      "codes");
  OHM_CHECK(spec.weight_bits != 0 || spec.encoding != Encoding::kOffset ||
                !ChangesCells({device, Key(), false}),
            "hw.encoding: expected \"differential\" with ideal weights "
            "(hw.weight_bits = 0) on real devices: a lone cell has no sign");
}

ChipCells CellsOnChip(const Tensor& codes, const TileMap& map,
                      const CrossbarSpec& spec, const Slicing& slicing,
                      const LayerOnChip& chip, FrozenWires* frozen,
                      const Tensor& minus) {
  CheckOnChip(spec, chip.device);
  return ChipReader(codes, map, spec, slicing, chip, frozen, minus).Run();
}

}  // namespace ohm::hw
