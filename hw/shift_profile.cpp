#include "hw/shift_profile.h"

#include <cmath>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/tile_pass.h"

namespace ohm::hw {
namespace {

constexpr int64_t kParts = 64;  // fixed: the order of additions does not change
// Sums that hardly arrive would divide what is injected by almost nothing.
constexpr double kLeastAttenuation = 1e-3;

}  // namespace

void ShiftProfile::Sums::Add(const Sums& other) {
  count += other.count;
  ideal += other.ideal;
  chip += other.chip;
  ideal_chip += other.ideal_chip;
  ideal2 += other.ideal2;
  chip2 += other.chip2;
}

void ShiftProfile::Add(const Tensor& x, const Programmed& ideal,
                       const Programmed& chip, const Ranges& ranges) {
  OHM_CHECK(ideal.slicing.whole() && chip.slicing.whole(),
            "[profile] expected hw.adc_per = \"output\": slices that are "
            "converted apart have no one shift");
  map_ = ideal.map;
  const int64_t outputs = map_.outputs(), columns = ideal.padded_outputs;
  const auto entries = size_t(map_.row_tiles() * outputs);
  columns_.resize(entries);
  const TilePass a(x, ideal, ranges), b(x, chip, ranges);
  const Conversion conversion =
      MakeConversion(chip, ranges, b.unit(), Tensor());
  const Tensor scales = chip.sum_scale.defined()
                            ? chip.sum_scale
                            : Tensor::Full(map_.MaskEntries(), 1.0F);
  const int64_t parts = std::min(kParts, a.blocks());
  std::vector<std::vector<Sums>> of_parts(static_cast<size_t>(parts));
  ParallelFor(parts, 1, [&](int64_t begin, int64_t end) {
    TileScratch scratch;
    // What is added digitally, in layer units; stays 0 without corrections.
    std::vector<float> added(size_t(a.block_pixels() * columns));
    std::vector<float> kept(size_t(map_.matrix().groups * map_.row_tiles() *
                                   a.block_pixels() * columns));
    const auto kept_of = [&](const TileBlock& block) {
      return kept.data() + (block.group * map_.row_tiles() + block.row_tile) *
                               a.block_pixels() * columns;
    };
    for (int64_t part = begin; part < end; ++part) {
      auto& sums = of_parts[size_t(part)];
      sums.resize(entries);
      for (int64_t at = a.blocks() * part / parts;
           at < a.blocks() * (part + 1) / parts; ++at) {
        a.Run(at, at + 1, [&](const TileBlock& block) {
          std::ranges::copy(a.Sums(block, &scratch), kept_of(block));
        });
        b.Run(at, at + 1, [&](const TileBlock& block) {
          if (chip.correction.defined()) {
            std::ranges::fill(added, 0.0F);
            b.AddTileCorrection(block, conversion, &scratch, added.data(),
                                columns);
          }
          const auto on_chip = b.Sums(block, &scratch);
          const float* on_ideal = kept_of(block);
          const int64_t first =
              block.row_tile * outputs + block.group * map_.matrix().outputs;
          const float* scale = scales.data() + first;
          Sums* to = sums.data() + first;
          for (int64_t p = 0; p < block.pixels; ++p) {
            for (int64_t n = 0; n < map_.matrix().outputs; ++n) {
              const auto i = size_t(p * columns + n);
              const double u = double(on_ideal[i]) * double(a.unit());
              const double v =
                  double(on_chip[i]) * double(b.unit()) * double(scale[n]) +
                  double(added[i]);
              to[n].Add({1, u, v, u * v, u * u, v * v});
            }
          }
        });
      }
    }
  });
  for (const auto& part : of_parts) {
    for (size_t i = 0; i < entries; ++i) columns_[i].Add(part[i]);
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
  const double square = s.chip2 - 2 * s.ideal_chip + s.ideal2;
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
    return std::sqrt(std::max(square / s.count - m * m, 0.0));
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
