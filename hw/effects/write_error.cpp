#include "hw/effects/write_error.h"

#include <iterator>

#include "hw/effects/device.h"

namespace ohm::hw {
namespace {

enum class Of { kShare, kMicrosiemens };

// A polynomial, constant first, in microsiemens.
struct PublishedLaw {
  WriteLaw law;
  double g_max;  // uS
  Of of;
  double coefficients[5];
};

constexpr PublishedLaw kLaws[] = {
    {WriteLaw::kReramWan1s,
     40,
     Of::kShare,
     {0.348, 16.030, -43.853, 45.393, -16.815}},
    {WriteLaw::kReramWan1Day,
     40,
     Of::kShare,
     {0.701, 22.086, -50.773, 47.095, -16.458}},
    {WriteLaw::kReramWan2Days,
     40,
     Of::kShare,
     {0.782, 20.274, -43.507, 37.062, -11.934}},
    {WriteLaw::kReramWanCubic,
     39.26,
     Of::kMicrosiemens,
     {1.053, 0.2374, -0.01167, 1.536e-4}},
    {WriteLaw::kReramMilo, 225, Of::kMicrosiemens, {4.7823, -0.009107}},
    {WriteLaw::kReramCmo2, 88.2, Of::kMicrosiemens, {0.01122, 0.01129}},
    {WriteLaw::kReramCmo02, 88.2, Of::kMicrosiemens, {0.00081, 0.00107}},
    {WriteLaw::kPcm, 25, Of::kShare, {0.26348, 1.9650, -1.1731}},
    {WriteLaw::kPcmJoshi,
     25,
     Of::kMicrosiemens,
     {0.28639, 0.075857, -0.00178767}},
    {WriteLaw::kHermes2, 20.7, Of::kShare, {0.166, 4.718, -8.481, 4.690}},
    {WriteLaw::kHermes1, 10.35, Of::kShare, {0.158, 2.324, -2.163, 0.688}},
};

// As a share of the law's own g_max.
double SigmaShare(const PublishedLaw& law, double share) {
  const double at = law.of == Of::kShare ? share : share * law.g_max;
  double sigma = 0;
  for (size_t i = std::size(law.coefficients); i-- > 0;) {
    sigma = sigma * at + law.coefficients[i];
  }
  return sigma / law.g_max;  // no law is negative in 0..1
}

}  // namespace

bool TakesSigma(WriteLaw law) {
  return law == WriteLaw::kConstant || law == WriteLaw::kProportional ||
         law == WriteLaw::kInverse;
}

double WriteSigma(const WriteError& error, double g, const CellWindow& window) {
  switch (error.law) {
    case WriteLaw::kNone:
      return 0;
    case WriteLaw::kConstant:
      return error.sigma * window.range();
    case WriteLaw::kProportional:
      return error.sigma * g;
    case WriteLaw::kInverse:
      return g > 0 ? error.sigma * window.g_max * (window.g_max / g) : 0;
    case WriteLaw::kPytorx:
      return window.g_step / 3;
    default:
      break;
  }
  for (const PublishedLaw& law : kLaws) {
    if (law.law == error.law) {
      return SigmaShare(law, window.Share(g)) * window.g_max;
    }
  }
  return 0;
}

bool WriteErrorActive(const DeviceSpec& device) {
  const WriteError& error = device.write_error;
  if (TakesSigma(error.law)) return error.sigma > 0;
  return error.law != WriteLaw::kNone;
}

void ApplyWriteError(const DeviceSpec& device, const Key& key,
                     CellArray* cells) {
  for (size_t i = 0; i < cells->g.size(); ++i) {
    double& g = cells->g[i];
    const double sigma = WriteSigma(device.write_error, g, cells->window);
    g = std::max(g + sigma * key.Normal(i), 0.0);
  }
}

}  // namespace ohm::hw
