#include "hw/reference.h"

#include <algorithm>
#include <cmath>

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

// Any scale serves for ideal weights, which are fractions of the largest.
constexpr int kIdealBits = 8;

// The layer as voltages on word lines and pairs of cells.
class Physics {
 public:
  Physics(const Tensor& x, const Tensor& w, const Conv2dSpec& conv,
          const CrossbarSpec& spec, double input_range)
      : x_(x),
        w_(w),
        conv_(conv),
        spec_(spec),
        ideal_weights_(spec.weight_bits == 0) {
    if (ideal_weights_) spec_.weight_bits = kIdealBits;
    weight_step_ = StepOf(Largest(w), LargestCode(spec_.weight_bits));
    if (spec.dac_bits == 0) {
      volts_per_input_ = input_range > 0 ? spec.v_dd / 2 / input_range : 1.0;
    } else {
      input_step_ = StepOf(input_range, LargestCode(spec.dac_bits));
      volts_per_input_ =
          spec.v_dd / (std::ldexp(1.0, spec.dac_bits) - 1) / input_step_;
    }
  }

  // Current of a partial sum of 1, in layer units.
  double amperes_per_unit() const {
    return volts_per_input_ * ConductanceStep(spec_) / weight_step_;
  }

  // Of row k (kh, kw, c) of output o at output pixel (n, i, j), both arms.
  double Current(int64_t n, int64_t i, int64_t j, int64_t o, int64_t k) const {
    const int64_t in = w_.size(3);
    const int64_t a = k / in / w_.size(2), b = k / in % w_.size(2);
    const int64_t r = i * conv_.stride_h - conv_.pad_h + a * conv_.dil_h;
    const int64_t c = j * conv_.stride_w - conv_.pad_w + b * conv_.dil_w;
    if (r < 0 || r >= x_.size(1) || c < 0 || c >= x_.size(2)) return 0;  // 0 V
    const int64_t group = o / (w_.size(0) / conv_.groups);
    const int64_t at = ((n * x_.size(1) + r) * x_.size(2) + c) * x_.size(3) +
                       group * in + k % in;
    const double volts = Volts(double(x_.data()[at]));
    const Pair cells = ToPair(
        Code(double(w_.data()[o * (w_.count() / w_.size(0)) + k])), spec_);
    return volts * cells.plus - volts * cells.minus;
  }

 private:
  double Volts(double x) const {
    if (input_step_ == 0) return x * volts_per_input_;
    const double h = LargestCode(spec_.dac_bits);
    const double code = Round(std::clamp(x / input_step_, -h, h));
    return code * input_step_ * volts_per_input_;
  }

  double Code(double w) const {
    const double h = LargestCode(spec_.weight_bits);
    const double code = std::clamp(w / weight_step_, -h, h);
    return ideal_weights_ ? code : Round(code);
  }

  const Tensor& x_;
  const Tensor& w_;
  Conv2dSpec conv_;
  CrossbarSpec spec_;
  bool ideal_weights_;
  double weight_step_ = 1, input_step_ = 0, volts_per_input_ = 1;
};

struct Digital {
  double value;   // layer units
  double margin;  // in codes
};

Digital Convert(double amperes, double amperes_per_unit, double range,
                int bits) {
  const double h = LargestCode(bits);
  const double step = StepOf(range, LargestCode(bits));
  const double scaled = amperes / (step * amperes_per_unit);
  const double code = Round(std::clamp(scaled, -h, h));
  const double fraction = std::fabs(scaled - std::floor(scaled) - 0.5);
  return {code * step, std::fabs(scaled) > h ? 0.5 : fraction};
}

}  // namespace

Result Forward(const Tensor& x, const Tensor& w, const Conv2dSpec& conv,
               const CrossbarSpec& spec, const Ranges& ranges,
               const Tensor& gain) {
  const Physics physics(x, w, conv, spec, double(ranges.input));
  const TileMap map(MatrixOf(w.shape(), conv.groups), spec.rows, spec.columns);
  const double unit = physics.amperes_per_unit();
  const bool ideal = spec.adc_bits == 0 || ranges.adc.empty();
  const Shape shape = Conv2dOutputShape(x.shape(), w.shape(), conv);
  Result result{Tensor::Empty(shape), Tensor::Empty(shape)};
  for (int64_t at = 0; at < shape.count(); ++at) {
    const int64_t o = at % shape[3], j = at / shape[3] % shape[2];
    const int64_t i = at / shape[3] / shape[2] % shape[1];
    const int64_t n = at / shape[3] / shape[2] / shape[1];
    double y = 0, margin = 0.5;
    for (int64_t t = 0; t < map.row_tiles(); ++t) {
      double amperes = 0;
      for (int64_t k = 0; k < map.rows_in(t); ++k) {
        amperes += physics.Current(n, i, j, o, map.first_row(t) + k);
      }
      Digital z{amperes / unit, 0.5};
      if (!ideal) {
        const auto tile = ranges.adc.size() == 1 ? 0 : map.TileOf(t, o);
        z = Convert(amperes, unit, double(ranges.adc[size_t(tile)]),
                    spec.adc_bits);
      }
      const double scale =
          gain.defined() ? double(gain.data()[t * map.outputs() + o]) : 1.0;
      y += scale * z.value;
      margin = std::min(margin, z.margin);
    }
    result.y.data()[at] = static_cast<float>(y);
    result.margin.data()[at] = static_cast<float>(margin);
  }
  return result;
}

}  // namespace ohm::hw::reference
