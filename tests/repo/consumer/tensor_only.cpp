#include <cstdio>

#include "core/tensor/tensor.h"

int main() {
  const ohm::Tensor t = ohm::Tensor::Full({3, 4}, 2.5F);
  float sum = 0;
  for (const float value : t.span()) sum += value;
  std::printf("%s %g\n", t.shape().str().c_str(), double(sum));
}
