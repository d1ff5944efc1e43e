#include "nn/masks/kernel.h"

#include <algorithm>
#include <bit>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "nn/masks/entries.h"

namespace ohm::nn {
namespace {

enum class Kind : uint8_t { kHard, kSoft };

Shape KernelsOf(const Shape& w) { return {w[0], w[3]}; }

// The shares that kernels which are off keep: zero for the others.
Tensor SoftPart(const Tensor& scores, const Tensor& on) {
  Tensor a = Tensor::Zeros(scores.shape());
  for (int64_t i = 0; i < a.count(); ++i) {
    if (on.data()[i] == 0) a.data()[i] = scores.data()[i];
  }
  const auto [low, high] = std::ranges::minmax(a.span());
  const float span = high - low;
  for (float& v : a.span()) {
    // All off at one score: nothing tells them apart (0 / 0 in the published
    // code).
    if (v != 0) v = span > 0 ? 0.5F * (v - low) / span : 0.0F;
  }
  return a;
}

// b plus a constant; the gradient is b's.
Var AddConstant(const Var& b, const Tensor& a) {
  Tensor sum = b.value().Clone();
  for (int64_t i = 0; i < sum.count(); ++i) sum.data()[i] += a.data()[i];
  return Record(
      "add constant", std::move(sum), {b},
      [](const BackwardCall& call) { return std::vector{call.grad_out}; });
}

class KernelMask : public Mask {
 public:
  KernelMask(const Shape& weights, const MaskOptions& options, Kind kind)
      : kind_(kind),
        cut_(options.cut),
        scores_(Tensor::Full(KernelsOf(weights), options.init),
                /*requires_grad=*/true) {}

  Var Weights(const Var& backbone, const MaskPass& pass) override {
    return ScaleKernels(backbone,
                        given_.defined() ? Var(given_) : Factors(pass));
  }
  bool rewrites() const override { return true; }

  std::vector<NamedParameter> Parameters() const override {
    return {{"kernels", Role::kMaskScore, scores_}};
  }

  PackedMask Pack() const override {
    const Tensor factors = given_.defined() ? given_ : Factors({}).value();
    std::vector<uint32_t> codes;
    for (const float f : factors.span()) {
      codes.push_back(kind_ == Kind::kHard ? uint32_t(f)
                                           : std::bit_cast<uint32_t>(f));
    }
    return {{"kernels", PackEntries(codes, bits())}};
  }

  // Soft factors do not say which scores they came from, so they are kept.
  void Unpack(const PackedMask& packed) override {
    given_ = Tensor::Empty(scores_.shape());
    const auto codes =
        UnpackEntries(Packed(packed, "kernels"), given_.count(), bits());
    for (size_t i = 0; i < codes.size(); ++i) {
      given_.data()[i] = kind_ == Kind::kHard ? float(codes[i])
                                              : std::bit_cast<float>(codes[i]);
    }
  }

  std::map<std::string, Count> Counts() const override {
    return {{"kernels", {scores_.value().count(), bits()}}};
  }

 private:
  int bits() const { return kind_ == Kind::kHard ? 1 : 32; }

  Var Factors(const MaskPass& pass) const {
    const Var b = Binarize(scores_, cut_, pass);
    if (kind_ == Kind::kHard) return b;
    return AddConstant(b, SoftPart(scores_.value(), b.value()));
  }

  Kind kind_;
  Cut cut_;
  Var scores_;
  Tensor given_;  // by Unpack
};

// Calls visit(weight index, factor index) for all of w [out, kh, kw, in].
template <typename V>
void VisitKernels(const Shape& w, V&& visit) {
  const int64_t positions = w[1] * w[2], in = w[3];
  ParallelFor(w[0], 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t p = 0; p < positions; ++p) {
        for (int64_t i = 0; i < in; ++i) {
          visit((o * positions + p) * in + i, o * in + i);
        }
      }
    }
  });
}

}  // namespace

Var ScaleKernels(const Var& w, const Var& factors) {
  OHM_CHECK(factors.shape() == KernelsOf(w.shape()),
            "[mask] expected factors " + KernelsOf(w.shape()).str() + ", got " +
                factors.shape().str());
  Tensor scaled = Tensor::Empty(w.shape());
  VisitKernels(w.shape(), [&](int64_t at, int64_t kernel) {
    scaled.data()[at] = w.value().data()[at] * factors.value().data()[kernel];
  });
  return Record("scale kernels", std::move(scaled), {w, factors},
                [w = w.value(), f = factors.value()](const BackwardCall& call) {
                  const float* gy = call.grad_out.data();
                  Tensor gw, gf;
                  if (call.Needs(0)) {
                    gw = Tensor::Empty(w.shape());
                    VisitKernels(w.shape(), [&](int64_t at, int64_t kernel) {
                      gw.data()[at] = gy[at] * f.data()[kernel];
                    });
                  }
                  if (call.Needs(1)) {
                    gf = Tensor::Zeros(f.shape());
                    VisitKernels(w.shape(), [&](int64_t at, int64_t kernel) {
                      gf.data()[kernel] += gy[at] * w.data()[at];
                    });
                  }
                  return std::vector{gw, gf};
                });
}

std::unique_ptr<Mask> MakeKernelHard(const MaskedLayer& layer,
                                     const MaskOptions& options) {
  return std::make_unique<KernelMask>(layer.weights.shape(), options,
                                      Kind::kHard);
}

std::unique_ptr<Mask> MakeKernelSoft(const MaskedLayer& layer,
                                     const MaskOptions& options) {
  return std::make_unique<KernelMask>(layer.weights.shape(), options,
                                      Kind::kSoft);
}

}  // namespace ohm::nn
