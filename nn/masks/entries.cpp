#include "nn/masks/entries.h"

#include <string>

#include "core/base/check.h"

namespace ohm::nn {

Tensor PackEntries(std::span<const uint32_t> codes, int bits) {
  const int64_t all = int64_t(codes.size()) * bits;
  Tensor packed = Tensor::Zeros({(all + 7) / 8}, DType::kU8);
  auto* bytes = packed.data<uint8_t>();
  int64_t at = 0;
  for (const uint32_t code : codes) {
    for (int j = 0; j < bits; ++j, ++at) {
      const uint32_t bit = code >> j & 1U;
      bytes[at / 8] = static_cast<uint8_t>(bytes[at / 8] | bit << (at % 8));
    }
  }
  return packed;
}

std::vector<uint32_t> UnpackEntries(const Tensor& packed, int64_t count,
                                    int bits) {
  const Shape wanted{(count * bits + 7) / 8};
  OHM_CHECK(packed.dtype() == DType::kU8 && packed.shape() == wanted,
            "[mask] expected u8 " + wanted.str() + " for " +
                std::to_string(count) + " entries of " + std::to_string(bits) +
                " bits, got " + NameOf(packed.dtype()) + " " +
                packed.shape().str());
  const auto* bytes = packed.data<uint8_t>();
  std::vector<uint32_t> codes(size_t(count), 0);
  int64_t at = 0;
  for (uint32_t& code : codes) {
    for (int j = 0; j < bits; ++j, ++at) {
      code |= uint32_t(bytes[at / 8] >> (at % 8) & 1) << j;
    }
  }
  return codes;
}

}  // namespace ohm::nn
