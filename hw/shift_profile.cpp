#include "hw/shift_profile.h"

#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/noise_adder.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

constexpr int64_t kParts = 64;  // fixed: the order of additions does not change
// Sums that hardly arrive would divide what is injected by almost nothing.
constexpr double kLeastAttenuation = 1e-3;

// The same inputs on ideal devices and on a chip.
struct BothPasses {
  BothPasses(const Tensor& x, const Programmed& ideal_cells,
             const Programmed& chip_cells, const Ranges& ranges)
      : map(ideal_cells.map),
        columns(ideal_cells.padded_outputs),
        cells(chip_cells),
        ideal(x, ideal_cells, ranges),
        chip(x, chip_cells, ranges, Cycles::kApart, &reads),
        conversion(MakeConversion(chip_cells, ranges, chip.unit(), Tensor())) {}

  int64_t blocks() const { return ideal.blocks(); }

  const TileMap& map;
  int64_t columns;  // padded
  const Programmed& cells;
  PassNoise reads;  // asks for their variances; nothing is drawn by its key
  TilePass ideal, chip;
  Conversion conversion;
};

// Compares the two passes block by block. One per thread.
class BlockSums {
 public:
  explicit BlockSums(const BothPasses& passes)
      : passes_(passes),
        noise_(passes.chip, passes.cells, passes.conversion, &passes.reads),
        added_(size_t(passes.ideal.block_pixels() * passes.columns)),
        ideal_(size_t(passes.map.matrix().groups * passes.map.row_tiles()) *
               added_.size()) {}

  // Adds block `at` of pixels to the sums of each column, [row_tiles, out].
  void Add(int64_t at, ShiftProfile::Sums* sums) {
    passes_.ideal.Run(at, at + 1, [&](const TileBlock& block) {
      std::ranges::copy(passes_.ideal.Sums(block, &scratch_), Ideal(block));
    });
    passes_.chip.Run(at, at + 1,
                     [&](const TileBlock& block) { AddTile(block, sums); });
  }

 private:
  float* Ideal(const TileBlock& block) {
    const int64_t tile = block.group * passes_.map.row_tiles() + block.row_tile;
    return ideal_.data() + size_t(tile) * added_.size();
  }

  void AddTile(const TileBlock& block, ShiftProfile::Sums* sums) {
    const TilePass& chip = passes_.chip;
    if (passes_.cells.correction.defined()) {
      std::ranges::fill(added_, 0.0F);
      chip.AddTileCorrection(block, passes_.conversion, &scratch_,
                             added_.data(), passes_.columns);
    }
    const auto read = noise_.ReadDeviations(block, 0);
    const auto on_chip = chip.Sums(block, &scratch_);
    const float* on_ideal = Ideal(block);
    const int64_t outputs = passes_.map.matrix().outputs;
    ShiftProfile::Sums* to =
        sums + block.row_tile * passes_.map.outputs() + block.group * outputs;
    const int64_t entry = passes_.conversion.First(block.group, block.row_tile);
    for (int64_t p = 0; p < block.pixels; ++p) {
      for (int64_t n = 0; n < outputs; ++n) {
        const auto i = size_t(p * passes_.columns + n);
        const double unit =
            double(chip.unit()) *
            double(passes_.conversion.SumScaleOf(size_t(entry + n)));
        const double u = double(on_ideal[i]) * double(passes_.ideal.unit());
        const double v = double(on_chip[i]) * unit + double(added_[i]);
        const double r = read.empty() ? 0.0 : double(read[i]) * unit;
        to[n].Add({1, u, v, u * v, u * u, v * v, r * r});
      }
    }
  }

  const BothPasses& passes_;
  NoiseAdder noise_;
  TileScratch scratch_;
  // What is added digitally, in layer units; stays 0 without corrections.
  std::vector<float> added_;
  std::vector<float> ideal_;  // sums of all row tiles of all groups
};

}  // namespace

void ShiftProfile::Sums::Add(const Sums& other) {
  count += other.count;
  ideal += other.ideal;
  chip += other.chip;
  ideal_chip += other.ideal_chip;
  ideal2 += other.ideal2;
  chip2 += other.chip2;
  read += other.read;
}

void ShiftProfile::Add(const Tensor& x, const Programmed& ideal,
                       const Programmed& chip, const Ranges& ranges) {
  OHM_CHECK(ideal.slicing.whole() && chip.slicing.whole(),
            "[profile] expected hw.adc_per = \"output\": slices that are "
            "converted apart have no one shift");
  OHM_CHECK(!ideal.cells.defined() && !ideal.sum_scale.defined(),
            "[profile] expected weights on ideal devices to profile against");
  map_ = ideal.map;
  columns_.resize(size_t(map_.row_tiles() * map_.outputs()));
  const BothPasses passes(x, ideal, chip, ranges);
  const int64_t parts = std::min(kParts, passes.blocks());
  std::vector<std::vector<Sums>> of_parts(static_cast<size_t>(parts));
  ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    BlockSums block(passes);
    for (int64_t part = begin; part < end; ++part) {
      auto& sums = of_parts[size_t(part)];
      sums.resize(columns_.size());
      for (int64_t at = passes.blocks() * part / parts;
           at < passes.blocks() * (part + 1) / parts; ++at) {
        block.Add(at, sums.data());
      }
    }
  });
  for (const auto& part : of_parts) {
    for (size_t i = 0; i < columns_.size(); ++i) columns_[i].Add(part[i]);
  }
}

std::vector<ShiftProfile::Sums> ShiftProfile::Shared(FitPer per) const {
  OHM_CHECK(!columns_.empty(), "[profile] expected sums to fit, got none");
  const int64_t outputs = map_.outputs();
  const auto place = [&](int64_t t, int64_t o) -> size_t {
    if (per == FitPer::kLayer) return 0;
    if (per == FitPer::kTile) return size_t(map_.TileOf(t, o));
    return size_t(t * outputs + o);
  };
  std::vector<Sums> shared(columns_.size()), each(columns_.size());
  for (int64_t t = 0; t < map_.row_tiles(); ++t) {
    for (int64_t o = 0; o < outputs; ++o) {
      shared[place(t, o)].Add(columns_[size_t(t * outputs + o)]);
    }
  }
  for (int64_t t = 0; t < map_.row_tiles(); ++t) {
    for (int64_t o = 0; o < outputs; ++o) {
      each[size_t(t * outputs + o)] = shared[place(t, o)];
    }
  }
  return each;
}

template <typename Number>
Tensor ShiftProfile::Fitted(FitPer per, const Number& number) const {
  Tensor fitted = Tensor::Empty(map_.MaskEntries());
  const auto sums = Shared(per);
  for (size_t i = 0; i < sums.size(); ++i) {
    fitted.data()[i] = static_cast<float>(number(sums[i]));
  }
  return fitted;
}

ShiftProfile::Sums ShiftProfile::All() const {
  Sums all;
  for (const Sums& column : columns_) all.Add(column);
  return all;
}

double ShiftProfile::Shift() const {
  const Sums s = All();
  const double square = s.chip2 - 2 * s.ideal_chip + s.ideal2 + s.read;
  return s.ideal2 > 0 ? std::sqrt(std::max(square, 0.0) / s.ideal2) : 0.0;
}

double ShiftProfile::LeftBy(const ShiftFit& fit) const {
  double square = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto deviation = double(fit.deviation.data()[i]);
    square += columns_[i].count * deviation * deviation;
  }
  const double ideal = All().ideal2;
  return ideal > 0 ? std::sqrt(square / ideal) : 0.0;
}

ShiftFit ShiftProfile::Fit(FitPer per, ShiftModel model) const {
  const auto attenuation = [model](const Sums& s) {
    const double spread = s.count * s.ideal2 - s.ideal * s.ideal;
    if (model == ShiftModel::kNoise || spread <= 0) return 1.0;
    return std::max((s.count * s.ideal_chip - s.ideal * s.chip) / spread,
                    kLeastAttenuation);
  };
  const auto mean = [&](const Sums& s) {
    return (s.chip - attenuation(s) * s.ideal) / s.count;
  };
  const auto deviation = [&](const Sums& s) {
    const double a = attenuation(s), m = mean(s);
    const double square = s.chip2 - 2 * a * s.ideal_chip + a * a * s.ideal2;
    return std::sqrt(std::max(square / s.count - m * m, 0.0) +
                     s.read / s.count);
  };
  return {model == ShiftModel::kNoise ? Tensor() : Fitted(per, attenuation),
          Fitted(per, mean), Fitted(per, deviation)};
}

Tensor ShiftProfile::Gain(FitPer per) const {
  return Fitted(per, [](const Sums& s) {
    return s.chip2 > 0 ? s.ideal_chip / s.chip2 : 1.0;
  });
}

}  // namespace ohm::hw
