#include "core/kernels/onednn_support.h"

#include <dnnl.hpp>

#include "core/base/check.h"
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
  OHM_CHECK(
      dtype == DType::kF32 || dtype == DType::kBF16,
      std::string("expected tensors of f32 or bf16, got ") + NameOf(dtype));
  return static_cast<int>(dtype == DType::kBF16 ? Type::bf16 : Type::f32);
}

std::string OneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) +
         "." + std::to_string(version->patch);
}

bool HasBFloat16() {
  // Sets of bits: AVX2 with VNNI is the larger number, and no AVX-512.
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return (isa & wanted) == wanted;
}

}  // namespace ohm::kernels
