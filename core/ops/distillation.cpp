#include "core/ops/distillation.h"

#include <cmath>

#include "core/base/check.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/softmax.h"

namespace ohm {
namespace {

// log softmax(x / temperature).
Tensor LogSoft(const Tensor& x, float temperature) {
  Tensor scaled = kernels::Cast(x, DType::kF32).Clone();
  for (float& v : scaled.span()) v /= temperature;
  return kernels::LogSoftmax(scaled);
}

double Divergence(const Tensor& log_p, const Tensor& log_q) {
  double total = 0;
  for (int64_t i = 0; i < log_p.count(); ++i) {
    const double p = double(log_p.data()[i]), q = double(log_q.data()[i]);
    total += std::exp(q) * (q - p);
  }
  return total;
}

// T (softmax(logits / T) - softmax(teacher / T)) / n.
Tensor Gradient(const Tensor& log_p, const Tensor& log_q, float temperature) {
  const float scale = temperature / float(log_p.size(0));
  Tensor g = Tensor::Empty(log_p.shape());
  for (int64_t i = 0; i < g.count(); ++i) {
    g.data()[i] =
        scale * (std::exp(log_p.data()[i]) - std::exp(log_q.data()[i]));
  }
  return g;
}

}  // namespace

Var DistillationLoss(const Var& logits, const Tensor& teacher,
                     float temperature) {
  OHM_CHECK(logits.shape().rank() == 2 && logits.shape()[0] > 0 &&
                teacher.shape() == logits.shape() &&
                teacher.dtype() == DType::kF32,
            "[distillation] expected logits [n, classes] and f32 outputs of a "
            "teacher alike, got " +
                logits.shape().str() + " and " + teacher.shape().str() + " " +
                NameOf(teacher.dtype()));
  OHM_CHECK(temperature > 0,
            "[distillation] expected a temperature above 0, got " +
                std::to_string(temperature));
  const DType dtype = logits.value().dtype();
  const Tensor log_p = LogSoft(logits.value(), temperature);
  const Tensor log_q = LogSoft(teacher, temperature);
  const double n = double(logits.shape()[0]), t = double(temperature);
  const auto loss = float(t * t * Divergence(log_p, log_q) / n);
  return Record("distillation", Tensor::Scalar(loss), {logits},
                [gradient = Gradient(log_p, log_q, temperature),
                 dtype](const BackwardCall& call) {
                  Tensor gx = gradient.Clone();
                  for (float& v : gx.span()) v *= call.grad_out.item();
                  return std::vector{kernels::Cast(gx, dtype)};
                });
}

}  // namespace ohm
