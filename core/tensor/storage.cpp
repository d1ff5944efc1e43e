#include "core/tensor/storage.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/check.h"

namespace ohm {
namespace {

constexpr size_t kAlignment = 64;

class Pool {
 public:
  std::byte* Take(size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      auto& kept = kept_[bytes];
      if (!kept.empty()) {
        std::byte* block = kept.back();
        kept.pop_back();
        return block;
      }
    }
    void* block = std::aligned_alloc(kAlignment, bytes);
    OHM_CHECK(block != nullptr,
              "out of memory: no " + std::to_string(bytes) + " bytes left");
    return static_cast<std::byte*>(block);
  }

  void Keep(std::byte* block, size_t bytes) {
    const std::lock_guard lock(mutex_);
    kept_[bytes].push_back(block);
  }

  void Release() {
    const std::lock_guard lock(mutex_);
    for (auto& [bytes, blocks] : kept_) {
      for (std::byte* block : blocks) std::free(block);
    }
    kept_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<size_t, std::vector<std::byte*>> kept_;
};

// Never destroyed: tensors with static lifetime may outlive any order of
// destruction.
Pool& ThePool() {
  static Pool* pool = new Pool;
  return *pool;
}

}  // namespace

std::shared_ptr<std::byte> AllocateStorage(size_t bytes) {
  const size_t rounded =
      bytes == 0 ? kAlignment
                 : (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return {ThePool().Take(rounded),
          [rounded](std::byte* block) { ThePool().Keep(block, rounded); }};
}

void ReleaseKeptStorage() { ThePool().Release(); }

}  // namespace ohm
