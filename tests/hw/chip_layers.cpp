#include "tests/hw/chip_layers.h"

#include <algorithm>
#include <cmath>

namespace ohm::test {

hw::DeviceSpec Stuck(double at_g_max, double at_g_min) {
  hw::DeviceSpec device;
  device.stuck_at.gmax = at_g_max;
  device.stuck_at.gmin = at_g_min;
  return device;
}

hw::DeviceSpec Imprecise() {
  hw::DeviceSpec device = Stuck(0.05, 0.1);
  device.write_error.law = hw::WriteLaw::kConstant;
  device.write_error.sigma = 0.02;
  device.steps = hw::CellSteps::kFine;
  return device;
}

hw::DeviceSpec Wired(double ohm) {
  hw::DeviceSpec device;
  device.wires.at_300_kelvin = {ohm, ohm, 4, 4};
  device.steps = hw::CellSteps::kFine;
  return device;
}

std::vector<hw::CrossbarSpec> Specs() {
  std::vector<hw::CrossbarSpec> specs(1);
  hw::CrossbarSpec offset;
  offset.encoding = hw::Encoding::kOffset;
  specs.push_back(offset);
  hw::CrossbarSpec slices;
  slices.cell_bits = 2;
  specs.push_back(slices);
  slices.adc_per = hw::AdcPer::kSlice;
  slices.input_sign = hw::InputSign::kOffset;
  specs.push_back(slices);
  hw::CrossbarSpec serial;
  serial.encoding = hw::Encoding::kOffset;
  serial.cell_bits = 3;
  serial.column_flip = true;
  serial.adc_per = hw::AdcPer::kCycle;
  serial.input_slice_bits = 1;
  serial.input_sign = hw::InputSign::kTwoPass;
  serial.calibration = hw::Calibration::kFullScale;
  specs.push_back(serial);
  hw::CrossbarSpec fine;
  fine.weight_bits = 10;
  specs.push_back(fine);
  hw::CrossbarSpec ideal_weights;
  ideal_weights.weight_bits = 0;
  specs.push_back(ideal_weights);
  for (hw::CrossbarSpec spec : {offset, slices}) {
    spec.dac_bits = 0;  // the cells stay what they are
    spec.adc_per = hw::AdcPer::kOutput;
    spec.input_sign = hw::InputSign::kDifferential;
    specs.push_back(spec);
  }
  hw::CrossbarSpec wide;  // cells wider than the weights
  wide.weight_bits = 4;
  wide.cell_bits = 7;
  specs.push_back(wide);
  return specs;
}

CrossbarLayer LayerOn(const hw::DeviceSpec& device,
                      const hw::CrossbarSpec& spec, uint64_t index) {
  LayerSizes sizes = AwkwardSizes()[index % AwkwardSizes().size()];
  sizes.columns = std::max(sizes.columns, 8);  // room for every slice
  CrossbarLayer layer = MakeLayer(sizes, spec, Key(61).Child(index));
  layer.chip = {device, Key(62).Child(index)};
  return layer;
}

CrossbarLayer WideLayer() {
  CrossbarLayer layer =
      MakeLayer({20, 1, 1, 1, 64, 64, 1, 1}, hw::CrossbarSpec{}, Key(65));
  for (int64_t i = 0; i < layer.w.count(); ++i) {
    layer.w.data()[i] = float(Key(67).Normal(uint64_t(i)));
  }
  return layer;
}

double RelativeError(const Tensor& a, const Tensor& b) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double d = double(a.data()[i]) - double(b.data()[i]);
    error += d * d;
    size += double(b.data()[i]) * double(b.data()[i]);
  }
  return std::sqrt(error / std::max(size, 1e-300));
}

}  // namespace ohm::test
