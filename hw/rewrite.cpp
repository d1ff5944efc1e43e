#include "hw/rewrite.h"

#include <algorithm>

#include "core/base/check.h"
#include "hw/converters.h"

namespace ohm::hw {

bool HasPairs(const CrossbarSpec& spec) {
  return spec.encoding == Encoding::kDifferential && spec.weight_bits != 0;
}

CodeRange ReachedByOneCell(int before, int largest) {
  return {std::max(before, 0) - largest, largest + std::min(before, 0)};
}

int MinusArm(int code, int before, int largest) {
  const bool turns = (before > 0 && code < 0) || (before < 0 && code > 0);
  const CodeRange reached = ReachedByOneCell(before, largest);
  if (!turns || code < reached.low || code > reached.high) {
    return std::max(-code, 0);
  }
  return before > 0 ? before - code : -before;
}

Tensor MinusArms(const Tensor& codes, const Tensor& before, float range,
                 const CrossbarSpec& spec) {
  if (!HasPairs(spec)) return {};
  OHM_CHECK(before.count() == codes.count(),
            "[crossbar] expected as many weights to write over, " +
                codes.shape().str() + ", got " + before.shape().str());
  const int largest = LargestWeight(spec);
  const Tensor old = QuantizeWeights(before, largest, range).codes;
  Tensor minus = Tensor::Empty(codes.shape());
  for (int64_t i = 0; i < codes.count(); ++i) {
    minus.data()[i] =
        static_cast<float>(MinusArm(static_cast<int>(codes.data()[i]),
                                    static_cast<int>(old.data()[i]), largest));
  }
  return minus;
}

}  // namespace ohm::hw
