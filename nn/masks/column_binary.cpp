#include "nn/masks/column_binary.h"

#include <cmath>
#include <vector>

#include "nn/masks/entries.h"

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
    std::vector<uint32_t> codes;
    for (const float r : scores_.value().span()) {
      codes.push_back(r > options_.threshold ? 1 : 0);
    }
    return PackEntries(codes, 1);
  }

  void Unpack(const Tensor& packed) override {
    Tensor& r = scores_.mutable_value();
    const auto codes = UnpackEntries(packed, r.count(), 1);
    for (size_t i = 0; i < codes.size(); ++i) {
      r.data()[i] = options_.threshold + (codes[i] == 1 ? 1.0F : -1.0F);
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
