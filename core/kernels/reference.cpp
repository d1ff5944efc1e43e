#include "core/kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ohm::reference {
namespace {

double At(const Tensor& t, int64_t a, int64_t b, int64_t c, int64_t d) {
  const auto& s = t.shape();
  return double(t.data()[((a * s[1] + b) * s[2] + c) * s[3] + d]);
}

// Calls visit(n, i, j, k, value*) for every element of y [n, h, w, c].
template <typename Visit>
void EachElement(Tensor* y, const Visit& visit) {
  const Shape s = y->shape();
  float* p = y->data();
  for (int64_t n = 0; n < s[0]; ++n) {
    for (int64_t i = 0; i < s[1]; ++i) {
      for (int64_t j = 0; j < s[2]; ++j) {
        for (int64_t k = 0; k < s[3]; ++k) *p++ = float(visit(n, i, j, k));
      }
    }
  }
}

bool Inside(const Shape& s, int64_t r, int64_t c) {
  return r >= 0 && r < s[1] && c >= 0 && c < s[2];
}

}  // namespace

Tensor Conv2d(const Tensor& x, const Tensor& w, const Tensor& bias,
              const Conv2dSpec& spec) {
  Tensor y = Tensor::Empty(Conv2dOutputShape(x.shape(), w.shape(), spec));
  const int64_t in = w.size(3), out_per_group = w.size(0) / spec.groups;
  EachElement(&y, [&](int64_t n, int64_t i, int64_t j, int64_t o) {
    double sum = bias.defined() ? double(bias.data()[o]) : 0.0;
    const int64_t first = o / out_per_group * in;
    for (int64_t a = 0; a < w.size(1); ++a) {
      for (int64_t b = 0; b < w.size(2); ++b) {
        const int64_t r = i * spec.stride_h - spec.pad_h + a * spec.dil_h;
        const int64_t c = j * spec.stride_w - spec.pad_w + b * spec.dil_w;
        if (!Inside(x.shape(), r, c)) continue;
        for (int64_t k = 0; k < in; ++k) {
          sum += At(x, n, r, c, first + k) * At(w, o, a, b, k);
        }
      }
    }
    return sum;
  });
  return y;
}

Tensor Linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  const Tensor images = x.Reshape({x.size(0), 1, 1, x.size(1)});
  const Tensor kernels = w.Reshape({w.size(0), 1, 1, w.size(1)});
  return Conv2d(images, kernels, bias, {}).Reshape({x.size(0), w.size(0)});
}

Tensor Pool2d(const Tensor& x, kernels::PoolKind kind, const Pool2dSpec& spec) {
  Tensor y = Tensor::Empty(Pool2dOutputShape(x.shape(), spec));
  const bool is_max = kind == kernels::PoolKind::kMax;
  EachElement(&y, [&](int64_t n, int64_t i, int64_t j, int64_t k) {
    double best = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t a = 0; a < spec.kernel_h; ++a) {
      for (int64_t b = 0; b < spec.kernel_w; ++b) {
        const int64_t r = i * spec.stride_h - spec.pad_h + a;
        const int64_t c = j * spec.stride_w - spec.pad_w + b;
        if (!Inside(x.shape(), r, c)) continue;
        best = std::max(best, At(x, n, r, c, k));
        sum += At(x, n, r, c, k);
      }
    }
    return is_max ? best : sum / double(spec.kernel_h * spec.kernel_w);
  });
  return y;
}

Tensor BatchNorm(const Tensor& x, const Tensor& scale, const Tensor& shift,
                 const Tensor& mean, const Tensor& variance, float eps) {
  const int64_t channels = x.size(3), rows = x.count() / channels;
  Tensor y = Tensor::Empty(x.shape());
  for (int64_t c = 0; c < channels; ++c) {
    double m = 0, v = 0;
    for (int64_t r = 0; r < rows; ++r) m += double(x.data()[r * channels + c]);
    m /= double(rows);
    for (int64_t r = 0; r < rows; ++r) {
      v += std::pow(double(x.data()[r * channels + c]) - m, 2);
    }
    v /= double(rows);
    if (mean.defined()) {
      m = double(mean.data()[c]);
      v = double(variance.data()[c]);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const double centred = double(x.data()[r * channels + c]) - m;
      y.data()[r * channels + c] =
          float(double(scale.data()[c]) * centred / std::sqrt(v + double(eps)) +
                double(shift.data()[c]));
    }
  }
  return y;
}

Tensor SoftmaxCrossEntropy(const Tensor& logits,
                           std::span<const int32_t> labels, float smoothing) {
  const int64_t classes = logits.size(1);
  double total = 0;
  for (size_t n = 0; n < labels.size(); ++n) {
    const float* row = logits.data() + int64_t(n) * classes;
    const double top = double(*std::max_element(row, row + classes));
    double norm = 0;
    for (int64_t k = 0; k < classes; ++k)
      norm += std::exp(double(row[k]) - top);
    for (int64_t k = 0; k < classes; ++k) {
      const double log_p = double(row[k]) - top - std::log(norm);
      const double q = (k == labels[n] ? 1.0 - double(smoothing) : 0.0) +
                       double(smoothing) / double(classes);
      total -= q * log_p;
    }
  }
  return Tensor::Scalar(float(total / double(labels.size())));
}

Tensor DistillationLoss(const Tensor& logits, const Tensor& teacher,
                        float temperature) {
  const int64_t classes = logits.size(1);
  const auto share = [&](const Tensor& x, int64_t n, int64_t k) {
    double norm = 0;
    for (int64_t j = 0; j < classes; ++j) {
      norm += std::exp(double(x.data()[n * classes + j]) / double(temperature));
    }
    return std::exp(double(x.data()[n * classes + k]) / double(temperature)) /
           norm;
  };
  double total = 0;
  for (int64_t n = 0; n < logits.size(0); ++n) {
    for (int64_t k = 0; k < classes; ++k) {
      const double q = share(teacher, n, k);
      total += q * std::log(q / share(logits, n, k));
    }
  }
  const double t = double(temperature);
  return Tensor::Scalar(float(t * t * total / double(logits.size(0))));
}

}  // namespace ohm::reference
