#include "nn/masks/own_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "hw/converters.h"
#include "nn/masks/entries.h"

namespace ohm::nn {
namespace {

class OwnWeights : public Mask {
 public:
  explicit OwnWeights(const MaskedLayer& layer)
      : range_(layer.largest == 0 ? 0.0F : layer.range),
        largest_(layer.largest),
        weights_(layer.weights.Clone(), /*requires_grad=*/true) {}

  Var Weights(const Var& /*backbone*/, const MaskPass& /*pass*/) override {
    return ClipWeights(weights_, range_);
  }
  bool rewrites() const override { return true; }

  std::vector<NamedParameter> Parameters() const override {
    return {{"weights", Role::kMaskWeight, weights_}};
  }

  PackedMask Pack() const override {
    std::vector<uint32_t> codes;
    for (const float w : weights_.value().span()) {
      codes.push_back(WeightCode(w, range_, largest_));
    }
    return {{"weights", PackEntries(codes, BitsPerWeight(largest_))}};
  }

  void Unpack(const PackedMask& packed) override {
    Tensor& w = weights_.mutable_value();
    const auto codes = UnpackEntries(Packed(packed, "weights"), w.count(),
                                     BitsPerWeight(largest_));
    for (size_t i = 0; i < codes.size(); ++i) {
      w.data()[i] = CodedWeight(codes[i], range_, largest_);
    }
  }

  std::map<std::string, Count> Counts() const override {
    return {{"weights", {weights_.value().count(), BitsPerWeight(largest_)}}};
  }

 private:
  float range_;
  int largest_;
  Var weights_;
};

}  // namespace

namespace {

// bounds(i) is {low, high} of weight i.
template <typename Bounds>
Var ClipTo(const Var& w, Bounds bounds) {
  Tensor clipped = Tensor::Empty(w.shape());
  ParallelFor(clipped.count(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [low, high] = bounds(i);
      clipped.data()[i] = std::clamp(w.value().data()[i], low, high);
    }
  });
  return Record("clip weights", std::move(clipped), {w},
                [w = w.value(), bounds](const BackwardCall& call) {
                  Tensor g = call.grad_out.Clone();
                  for (int64_t i = 0; i < g.count(); ++i) {
                    const auto [low, high] = bounds(i);
                    const float at = w.data()[i];
                    float& to = g.data()[i];
                    // A step against the gradient must not lead further out.
                    if ((at > high && to < 0) || (at < low && to > 0)) to = 0;
                  }
                  return std::vector{g};
                });
}

}  // namespace

Var ClipWeights(const Var& w, float range) {
  if (range == 0) return w;
  return ClipTo(w, [range](int64_t) { return std::pair(-range, range); });
}

Var ClipWeights(const Var& w, const Tensor& low, const Tensor& high) {
  return ClipTo(w, [low, high](int64_t i) {
    return std::pair(low.data()[i], high.data()[i]);
  });
}

int BitsPerWeight(int largest) {
  return largest == 0 ? 32 : std::bit_width(unsigned(2 * largest));
}

uint32_t WeightCode(float w, float range, int largest) {
  if (largest == 0) return std::bit_cast<uint32_t>(w);
  return uint32_t(hw::QuantizeOne(w, hw::StepFor(range, largest), largest) +
                  largest);
}

float CodedWeight(uint32_t code, float range, int largest) {
  if (largest == 0) return std::bit_cast<float>(code);
  OHM_CHECK(int64_t(code) <= 2 * int64_t(largest),
            "[mask] expected weight codes up to " +
                std::to_string(2 * largest) + ", got " + std::to_string(code));
  return float(int(code) - largest) * hw::StepFor(range, largest);
}

std::unique_ptr<Mask> MakeOwnWeights(const MaskedLayer& layer,
                                     const MaskOptions& /*options*/) {
  return std::make_unique<OwnWeights>(layer);
}

}  // namespace ohm::nn
