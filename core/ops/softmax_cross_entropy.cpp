#include "core/ops/softmax_cross_entropy.h"

#include <cmath>

#include "core/base/check.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/softmax.h"

namespace ohm {
namespace {

double Loss(const Tensor& log_p, std::span<const int32_t> labels,
            float smoothing) {
  const int64_t classes = log_p.size(1);
  double total = 0;
  for (size_t n = 0; n < labels.size(); ++n) {
    const float* row = log_p.data() + int64_t(n) * classes;
    double sum = 0;
    for (int64_t k = 0; k < classes; ++k) sum += double(row[k]);
    total -= (1.0 - double(smoothing)) * double(row[labels[n]]) +
             double(smoothing) / double(classes) * sum;
  }
  return total / double(labels.size());
}

// (softmax - q) * g / n.
Tensor Gradient(const Tensor& log_p, std::span<const int32_t> labels,
                float smoothing, float g) {
  const int64_t classes = log_p.size(1);
  const float scale = g / float(labels.size());
  Tensor gx = Tensor::Empty(log_p.shape());
  for (size_t n = 0; n < labels.size(); ++n) {
    for (int64_t k = 0; k < classes; ++k) {
      const int64_t at = int64_t(n) * classes + k;
      const float on_label = k == labels[n] ? 1.0F - smoothing : 0.0F;
      const float q = on_label + smoothing / float(classes);
      gx.data()[at] = (std::exp(log_p.data()[at]) - q) * scale;
    }
  }
  return gx;
}

}  // namespace

Var SoftmaxCrossEntropy(const Var& logits, std::span<const int32_t> labels,
                        float smoothing) {
  OHM_CHECK(logits.shape().rank() == 2 && !labels.empty() &&
                logits.shape()[0] == int64_t(labels.size()),
            "[softmax_cross_entropy] expected logits [" +
                std::to_string(labels.size()) + ", classes], got " +
                logits.shape().str());
  for (size_t n = 0; n < labels.size(); ++n) {
    OHM_CHECK(labels[n] >= 0 && labels[n] < logits.shape()[1],
              "[softmax_cross_entropy] expected labels in 0.." +
                  std::to_string(logits.shape()[1] - 1) + ", got " +
                  std::to_string(labels[n]) + " at position " +
                  std::to_string(n));
  }
  const DType dtype = logits.value().dtype();
  const Tensor log_p =
      kernels::LogSoftmax(kernels::Cast(logits.value(), DType::kF32));
  const auto loss = float(Loss(log_p, labels, smoothing));
  return Record(
      "softmax_cross_entropy", Tensor::Scalar(loss), {logits},
      [log_p, smoothing, dtype,
       labels = std::vector<int32_t>(labels.begin(), labels.end())](
          const BackwardCall& call) {
        return std::vector{kernels::Cast(
            Gradient(log_p, labels, smoothing, call.grad_out.item()), dtype)};
      });
}

}  // namespace ohm
