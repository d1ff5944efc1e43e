#include "hw/cell_digits.h"

#include <algorithm>

#include "core/base/check.h"

namespace ohm::hw {

CellDigits::CellDigits(const Tensor& codes, const TileMap& map,
                       const CrossbarSpec& spec, const Tensor& minus)
    : codes_(codes),
      minus_(minus),
      map_(map),
      slicing_(CellSlicing(spec)),
      ideal_(spec.weight_bits == 0),
      arms_(spec.encoding == Encoding::kDifferential ? 2 : 1),
      slices_(ideal_ ? 1 : int64_t(slicing_.slices.size())) {
  flips_ = Flips(spec, SlicingOf(spec));
}

int64_t CellDigits::FirstOf(const TileContent& content, int64_t column) const {
  return (content.first_output + column / slices_) * map_.matrix().fan_in;
}

std::vector<uint8_t> CellDigits::FlippedColumns(
    const TileContent& content) const {
  std::vector<uint8_t> flipped(size_t(content.outputs * slices_), 0);
  if (!flips_) return flipped;
  for (size_t i = 0; i < flipped.size(); ++i) {
    const bool complement = StoresComplement(
        codes_.data() + FirstOf(content, int64_t(i)),
        map_.RowsOf(content.row_tile), slicing_, i % size_t(slices_));
    flipped[i] = complement ? 1 : 0;
  }
  return flipped;
}

double CellDigits::Minus(int64_t at) const {
  if (minus_.defined()) return double(minus_.data()[at]);
  return std::max(-double(codes_.data()[at]), 0.0);
}

bool CellDigits::HoldsSame(const CellDigits& other, int64_t at) const {
  return codes_.data()[at] == other.codes_.data()[at] &&
         (arms_ == 1 || Minus(at) == other.Minus(at));
}

double CellDigits::Digit(int64_t at, size_t slice, bool flipped,
                         int64_t arm) const {
  double code = double(codes_.data()[at]);
  if (arms_ == 2) {
    const double minus = Minus(at);
    code = arm == 0 ? code + minus : minus;
  }
  if (ideal_) return code;
  const int digit = slicing_.WeightDigit(static_cast<int>(code), slice);
  return flipped ? slicing_.slices[slice].largest - digit : digit;
}

std::vector<double> CellDigits::OfArm(const TileContent& content,
                                      const std::vector<uint8_t>& flipped,
                                      int64_t arm) const {
  const auto rows = map_.RowsOf(content.row_tile);
  std::vector<double> digits(rows.size() * flipped.size());
  for (size_t c = 0; c < flipped.size(); ++c) {
    const int64_t first = FirstOf(content, int64_t(c));
    for (size_t r = 0; r < rows.size(); ++r) {
      digits[r * flipped.size() + c] =
          Digit(first + rows[r], c % size_t(slices_), flipped[c] != 0, arm);
    }
  }
  return digits;
}

WriteCost& WriteCost::operator+=(const WriteCost& other) {
  weights += other.weights;
  cells += other.cells;
  rows += other.rows;
  arrays += other.arrays;
  return *this;
}

void VisitChanged(const CellDigits& from, const CellDigits& to,
                  const std::function<void(const ChangedCell&)>& visit) {
  const TileMap& map = to.map();
  OHM_CHECK(from.arms() == to.arms() && from.slices() == to.slices() &&
                from.map().tiles() == map.tiles(),
            "[crossbar] expected cells of one kind to write over another");
  for (int64_t tile = 0; tile < map.tiles(); ++tile) {
    const TileContent content = map.ContentOf(tile);
    const auto old_flips = from.FlippedColumns(content),
               new_flips = to.FlippedColumns(content);
    const auto columns = int64_t(new_flips.size());
    for (int64_t arm = 0; arm < to.arms(); ++arm) {
      const auto before = from.OfArm(content, old_flips, arm),
                 after = to.OfArm(content, new_flips, arm);
      for (size_t at = 0; at < after.size(); ++at) {
        if (before[at] == after[at]) continue;
        visit({tile * to.arms() + arm, int64_t(at) / columns,
               int64_t(at) % columns, before[at], after[at]});
      }
    }
  }
}

WriteCost CostOfWriting(const CellDigits& from, const CellDigits& to) {
  WriteCost cost;
  for (int64_t i = 0; i < to.codes().count(); ++i) {
    if (!to.HoldsSame(from, i)) ++cost.weights;
  }
  int64_t array = -1, row = -1;
  VisitChanged(from, to, [&](const ChangedCell& cell) {
    ++cost.cells;
    if (cell.array != array || cell.row != row) ++cost.rows;
    if (cell.array != array) ++cost.arrays;
    array = cell.array;
    row = cell.row;
  });
  return cost;
}

}  // namespace ohm::hw
