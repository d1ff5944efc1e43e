// What the oneDNN kernels share. It names oneDNN's types without including
// its header, which stays inside the onednn_*.cpp files.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/parallel.h"
#include "core/tensor/tensor.h"

namespace dnnl {
struct engine;
struct stream;
}  // namespace dnnl

namespace ohm::kernels {

const dnnl::engine& OneDnnEngine();
dnnl::stream& OneDnnStream();  // one per thread

// dnnl::memory::data_type of f32 or bf16, as the number behind the enum.
int OneDnnType(DType dtype);

std::string OneDnnVersion();  // of the library that runs, as "2.6.3"

// Primitives by shape. oneDNN plans a primitive for the number of threads at
// its creation, so that number is part of the key. Entries live as long as the
// program: a network uses a few dozen shapes.
template <typename Primitives>
class OneDnnCache {
 public:
  template <typename Make>
  const Primitives& Get(std::vector<int64_t> key, const Make& make) {
    key.push_back(Threads());
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end()) return found->second;
    return entries_.emplace(std::move(key), make()).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::vector<int64_t>, Primitives> entries_;
};

}  // namespace ohm::kernels
