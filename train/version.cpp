#include "train/version.h"

#include <fmt/format.h>

#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/onednn_support.h"
#include "hw/kernels/bit_tile.h"
#include "hw/kernels/normal.h"
#include "hw/kernels/tile.h"

namespace ohm::train {

std::string VersionText() {
  return fmt::format(
      "ohmgrad {} (g++ {}, oneDNN {})\n"
      "array kernels     {}\n"
      "one-bit kernels   {}\n"
      "noise kernels     {}\n"
      "bf16 training     {}\n"
      "cores             {}\n",
      OHM_VERSION, __VERSION__, kernels::OneDnnVersion(),
      hw::CurrentTileKernels().name, hw::CurrentBitTileKernels().name,
      hw::CurrentNormalKernels().name,
      kernels::HasBFloat16() ? "yes" : "no (no AVX-512)", AvailableCores());
}

}  // namespace ohm::train
