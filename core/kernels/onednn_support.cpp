#include "core/kernels/onednn_support.h"

#include <dnnl.hpp>

#include "core/kernels/conv2d.h"

namespace ohm::kernels {

const dnnl::engine& OneDnnEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& OneDnnStream() {
  thread_local dnnl::stream stream(OneDnnEngine());
  return stream;
}

int OneDnnType(DType dtype) {
  using Type = dnnl::memory::data_type;
  return static_cast<int>(dtype == DType::kBF16 ? Type::bf16 : Type::f32);
}

std::string OneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) +
         "." + std::to_string(version->patch);
}

bool HasBFloat16() {
  return dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
}

}  // namespace ohm::kernels
