#include "nn/masks/column_binary.h"

#include <cmath>

#include "core/base/check.h"

namespace ohm::nn {
namespace {

// beta / T of KSM's published code: 1200 / 100.
constexpr float kSigmoidSlope = 12.0F;

Tensor SurrogateGradient(const Tensor& r, const Tensor& gy, float threshold,
                         Estimator estimator) {
  Tensor gr = gy.Clone();
  if (estimator == Estimator::kIdentity) return gr;
  for (int64_t i = 0; i < gr.count(); ++i) {
    const float u = kSigmoidSlope * (r.data()[i] - threshold);
    const float s = 1.0F / (1.0F + std::exp(-u));
    gr.data()[i] *= kSigmoidSlope * s * (1.0F - s);
  }
  return gr;
}

class ColumnBinary : public ColumnMask {
 public:
  ColumnBinary(const Shape& entries, const MaskOptions& options)
      : options_(options),
        scores_(Tensor::Full(entries, options.init), /*requires_grad=*/true) {}

  Var Gain() override {
    return Binarize(scores_, options_.threshold, options_.estimator);
  }
  Var scores() const override { return scores_; }
  int bits_per_entry() const override { return 1; }

  Tensor Pack() const override {
    const Tensor& r = scores_.value();
    Tensor bits = Tensor::Zeros({(r.count() + 7) / 8}, DType::kU8);
    for (int64_t i = 0; i < r.count(); ++i) {
      if (r.data()[i] <= options_.threshold) continue;
      uint8_t& byte = bits.data<uint8_t>()[i / 8];
      byte = static_cast<uint8_t>(byte | (1U << (i % 8)));
    }
    return bits;
  }

  void Unpack(const Tensor& packed) override {
    Tensor& r = scores_.mutable_value();
    OHM_CHECK(packed.dtype() == DType::kU8 &&
                  packed.shape() == Shape{(r.count() + 7) / 8},
              "[mask] expected u8 [" + std::to_string((r.count() + 7) / 8) +
                  "] for " + r.shape().str() + " entries, got " +
                  NameOf(packed.dtype()) + " " + packed.shape().str());
    for (int64_t i = 0; i < r.count(); ++i) {
      const bool on = (packed.data<uint8_t>()[i / 8] >> (i % 8) & 1) != 0;
      r.data()[i] = options_.threshold + (on ? 1.0F : -1.0F);
    }
  }

 private:
  MaskOptions options_;
  Var scores_;
};

}  // namespace

Var Binarize(const Var& r, float threshold, Estimator estimator) {
  Tensor b = Tensor::Empty(r.shape());
  for (int64_t i = 0; i < b.count(); ++i) {
    b.data()[i] = r.value().data()[i] > threshold ? 1.0F : 0.0F;
  }
  return Record(
      "binarize", std::move(b), {r},
      [r = r.value(), threshold, estimator](const BackwardCall& call) {
        return std::vector{
            SurrogateGradient(r, call.grad_out, threshold, estimator)};
      });
}

std::unique_ptr<ColumnMask> MakeColumnBinary(const Shape& entries,
                                             const MaskOptions& options) {
  return std::make_unique<ColumnBinary>(entries, options);
}

}  // namespace ohm::nn
