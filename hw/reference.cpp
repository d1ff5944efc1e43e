#include "hw/reference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "hw/adc.h"
#include "hw/conductance.h"

namespace ohm::hw::reference {
namespace {

// Half to even in the default rounding mode.
double Round(double value) { return std::nearbyint(value); }

double Largest(const Tensor& t) {
  double most = 0;
  for (const float v : t.span()) most = std::max(most, std::fabs(double(v)));
  return most;
}

// A step of 1 where there is nothing to cover, as StepFor has it.
double StepOf(double range, int largest) {
  return range > 0 ? range / largest : 1.0;
}

// Any scale serves for ideal weights and inputs, which are fractions of it.
constexpr int kIdealLargest = 127;

// Digit number i of a magnitude in digits of `bits` bits; 0: the whole.
double Digit(double magnitude, int bits, int i) {
  if (bits == 0) return magnitude;
  const double base = std::ldexp(1.0, bits);
  return std::fmod(std::floor(magnitude / std::pow(base, i)), base);
}

// Slice s of cycle c, in one of the passes.
struct Plane {
  int slice, cycle, pass;
  double weight;
};

class Crossbar {
 public:
  Crossbar(const Tensor& x, const Tensor& w, const Conv2dSpec& conv,
           const CrossbarSpec& spec, const Ranges& ranges, const Tensor& cells,
           const Tensor& correction)
      : cells_(cells),
        correction_(correction),
        x_(x),
        w_(w),
        conv_(conv),
        spec_(spec),
        ranges_(ranges),
        map_(MatrixOf(w.shape(), conv.groups), spec),
        whole_(spec.adc_per == AdcPer::kOutput || spec.adc_bits == 0),
        offset_weights_(!whole_ && spec.encoding == Encoding::kOffset),
        cell_bits_(whole_ ? 0 : spec.cell_bits),
        cycle_bits_(whole_ || spec.adc_per == AdcPer::kSlice
                        ? 0
                        : spec.input_slice_bits) {
    h_w_ = spec.weight_bits == 0 ? kIdealLargest : LargestWeight(spec);
    h_x_ = spec.dac_bits == 0 ? kIdealLargest : LargestInput(spec);
    weight_step_ = StepOf(Largest(w), h_w_);
    input_step_ = StepOf(double(ranges.input), h_x_);
    if (!whole_ && spec.input_sign == InputSign::kTwoPass) passes_ = {1, -1};
    if (!whole_ && spec.input_sign == InputSign::kOffset) input_offset_ = h_x_;
    if (offset_weights_) weight_offset_ = h_w_;
    cell_largest_ = h_w_ + int(weight_offset_);
    if (cell_bits_ != 0) {
      cell_largest_ = std::min(cell_largest_, (1 << cell_bits_) - 1);
    }
    for (const int pass : passes_) {
      for (int c = 0; Place(cycle_bits_, c) <= h_x_ + input_offset_; ++c) {
        for (int s = 0; Place(cell_bits_, s) <= h_w_ + weight_offset_; ++s) {
          planes_.push_back(
              {s, c, pass,
               pass * Place(cell_bits_, s) * Place(cycle_bits_, c)});
          if (cell_bits_ == 0) break;
        }
        if (cycle_bits_ == 0) break;
      }
    }
  }

  const TileMap& map() const { return map_; }

  struct Digital {
    double value;   // layer units
    double margin;  // in codes, of the nearest conversion
    double slack;   // like value: a code of each of the near ones
  };

  // What the row tile's conversions make of it.
  Digital Convert(int64_t pixel, int64_t o, int64_t t) const {
    const auto rows = map_.RowsOf(t);
    std::vector<double> x, w;  // codes, with their offsets
    for (const int32_t k : rows) {
      x.push_back(InputCode(pixel, o, k) + input_offset_);
      w.push_back(WeightCode(o, k) + weight_offset_);
    }
    double inputs = 0, weights = 0;
    for (size_t r = 0; r < x.size(); ++r) {
      inputs += x[r];
      weights += w[r];
    }
    double sum = 0, margin = 0.5, slack = 0;
    for (const Plane& plane : planes_) {
      const Digital z = ConvertPlane(plane, x, w, t, o);
      sum += plane.weight * z.value;
      margin = std::min(margin, z.margin);
      slack += std::fabs(plane.weight) * z.slack;
    }
    sum += weight_offset_ * input_offset_ * double(x.size()) -
           weight_offset_ * inputs - input_offset_ * weights;
    for (size_t r = 0; r < rows.size() && correction_.defined(); ++r) {
      sum +=
          x[r] * double(correction_.data()[o * map_.matrix().fan_in + rows[r]]);
    }
    const double unit = weight_step_ * input_step_;
    return {sum * unit, margin, slack * unit};
  }

 private:
  static double Place(int bits, int i) { return std::ldexp(1.0, bits * i); }

  double InputCode(int64_t pixel, int64_t o, int64_t k) const {
    const Shape y = Conv2dOutputShape(x_.shape(), w_.shape(), conv_);
    const int64_t n = pixel / (y[1] * y[2]);
    const int64_t i = pixel / y[2] % y[1], j = pixel % y[2];
    const int64_t in = w_.size(3);
    const int64_t a = k / in / w_.size(2), b = k / in % w_.size(2);
    const int64_t r = i * conv_.stride_h - conv_.pad_h + a * conv_.dil_h;
    const int64_t c = j * conv_.stride_w - conv_.pad_w + b * conv_.dil_w;
    if (r < 0 || r >= x_.size(1) || c < 0 || c >= x_.size(2)) return 0;  // 0 V
    const int64_t group = o / (w_.size(0) / conv_.groups);
    const int64_t at = ((n * x_.size(1) + r) * x_.size(2) + c) * x_.size(3) +
                       group * in + k % in;
    const double code = double(x_.data()[at]) / input_step_;
    if (spec_.dac_bits == 0) return code;
    return Round(std::clamp(code, -double(h_x_), double(h_x_)));
  }

  double WeightCode(int64_t o, int64_t k) const {
    const double code =
        double(w_.data()[o * (w_.count() / w_.size(0)) + k]) / weight_step_;
    const double clipped = std::clamp(code, -double(h_w_), double(h_w_));
    return spec_.weight_bits == 0 ? clipped : Round(clipped);
  }

  double WeightDigit(double code, const Plane& plane) const {
    const double digit = Digit(std::fabs(code), cell_bits_, plane.slice);
    return code < 0 ? -digit : digit;
  }

  double InputDigit(double code, const Plane& plane) const {
    if (passes_.size() == 2 && code * plane.pass < 0) return 0;
    const double digit = Digit(std::fabs(code), cycle_bits_, plane.cycle);
    return code < 0 && passes_.size() == 1 ? -digit : digit;
  }

  // Slices whose codes sum to more than half store what is missing to the
  // largest.
  bool IsFlipped(const std::vector<double>& digits, double largest) const {
    if (!offset_weights_ || !spec_.column_flip) return false;
    double sum = 0;
    for (const double d : digits) sum += d;
    return 2 * sum > largest * double(digits.size());
  }

  Digital ConvertPlane(const Plane& plane, const std::vector<double>& x,
                       const std::vector<double>& w, int64_t t,
                       int64_t o) const {
    std::vector<double> digits;
    for (const double code : w) digits.push_back(WeightDigit(code, plane));
    const auto rows = map_.RowsOf(t);
    // The top slice may hold less than a cell could.
    const double top =
        std::floor((h_w_ + weight_offset_) / Place(cell_bits_, plane.slice));
    const double complement = std::min(top, double(cell_largest_));
    const bool flipped = IsFlipped(digits, complement);
    const double dac_levels = 2.0 * h_x_ + 1;
    const double volt = spec_.v_dd / dac_levels;
    double amperes = 0, inputs = 0;
    for (size_t r = 0; r < x.size(); ++r) {
      const double input = InputDigit(x[r], plane);
      double stored = flipped ? complement - digits[r] : digits[r];
      if (cells_.defined()) {
        stored = double(cells_.data()[(plane.slice * map_.outputs() + o) *
                                          map_.matrix().fan_in +
                                      rows[r]]);
      }
      const Pair cells = ToPair(stored, cell_largest_, spec_);
      amperes += input * volt * cells.plus - input * volt * cells.minus;
      inputs += input;
    }
    const double products =
        amperes / (volt * ConductanceStep(cell_largest_, spec_));
    Digital z = Quantize(products, plane, t, o);
    if (flipped) z.value = complement * inputs - z.value;
    return z;
  }

  double Step(const Plane& plane, int64_t t, int64_t o) const {
    const Slicing slicing = SlicingOf(spec_);
    const int largest = LevelsOf(spec_, slicing).largest;
    if (CalibratesAdc(spec_)) {
      const auto range = double(ranges_.adc[size_t(AdcRangeOf(
          map_, spec_, t, o,
          spec_.adc_range_per == AdcRangePer::kPlane ? &plane - planes_.data()
                                                     : 0))]);
      return StepOf(range, largest) / (weight_step_ * input_step_);
    }
    const double share =
        spec_.calibration == Calibration::kFixed ? spec_.fixed_share : 1.0;
    const auto rows = int64_t(map_.RowsOf(t).size());
    return std::max(1.0, share * FullScale(rows, spec_, slicing) / largest);
  }

  Digital Quantize(double products, const Plane& plane, int64_t t,
                   int64_t o) const {
    const bool ideal =
        spec_.adc_bits == 0 || (CalibratesAdc(spec_) && ranges_.adc.empty());
    if (ideal) return {products, 0.5, 0.0};
    const AdcLevels levels = LevelsOf(spec_, SlicingOf(spec_));
    const double step = Step(plane, t, o);
    // Sums of whole numbers are whole; currents miss that by a rounding.
    const bool whole =
        spec_.weight_bits != 0 && spec_.dac_bits != 0 && !cells_.defined();
    const double scaled = (whole ? Round(products) : products) / step;
    const double code = Round(
        std::clamp(scaled, double(levels.lowest), double(levels.largest)));
    const double fraction = std::fabs(scaled - std::floor(scaled) - 0.5);
    const bool clips = scaled > levels.largest || scaled < levels.lowest;
    const double margin = clips ? 0.5 : fraction;
    return {code * step, margin, margin < kNear ? step : 0.0};
  }

  const Tensor& cells_;
  const Tensor& correction_;
  const Tensor& x_;
  const Tensor& w_;
  Conv2dSpec conv_;
  CrossbarSpec spec_;
  const Ranges& ranges_;
  TileMap map_;
  bool whole_, offset_weights_;
  int cell_bits_, cycle_bits_;
  int h_w_ = 0, h_x_ = 0, cell_largest_ = 0;
  double weight_step_ = 1, input_step_ = 1;
  double weight_offset_ = 0, input_offset_ = 0;
  std::vector<int> passes_{1};
  std::vector<Plane> planes_;
};

}  // namespace

Result Forward(const Tensor& x, const Tensor& w, const Conv2dSpec& conv,
               const CrossbarSpec& spec, const Ranges& ranges,
               const Tensor& gain, const Tensor& cells,
               const Tensor& correction) {
  const Crossbar crossbar(x, w, conv, spec, ranges, cells, correction);
  const TileMap& map = crossbar.map();
  const Shape shape = Conv2dOutputShape(x.shape(), w.shape(), conv);
  Result result{Tensor::Empty(shape), Tensor::Empty(shape),
                Tensor::Empty(shape)};
  for (int64_t at = 0; at < shape.count(); ++at) {
    const int64_t pixel = at / shape[3], o = at % shape[3];
    double y = 0, margin = 0.5, slack = 0;
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      const auto z = crossbar.Convert(pixel, o, t);
      const double scale =
          gain.defined() ? double(gain.data()[t * map.outputs() + o]) : 1.0;
      y += scale * z.value;
      margin = std::min(margin, z.margin);
      slack += std::fabs(scale) * z.slack;
    }
    result.y.data()[at] = static_cast<float>(y);
    result.margin.data()[at] = static_cast<float>(margin);
    result.slack.data()[at] = static_cast<float>(slack);
  }
  return result;
}

}  // namespace ohm::hw::reference
