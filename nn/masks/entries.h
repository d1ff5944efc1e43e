// Mask entries as bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace ohm::nn {

// codes below 2^bits, bits 1..32, one after the other, lowest bit first: bit j
// of entry i is bit (i * bits + j) % 8 of byte (i * bits + j) / 8 (u8 tensor).
Tensor PackEntries(std::span<const uint32_t> codes, int bits);

// The same back. Error where `packed` has another size or type.
std::vector<uint32_t> UnpackEntries(const Tensor& packed, int64_t count,
                                    int bits);

}  // namespace ohm::nn
