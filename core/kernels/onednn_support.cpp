#include "core/kernels/onednn_support.h"

#include <dnnl.hpp>

namespace ohm::kernels {

const dnnl::engine& OneDnnEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& OneDnnStream() {
  thread_local dnnl::stream stream(OneDnnEngine());
  return stream;
}

}  // namespace ohm::kernels
