#include "core/tensor/storage.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/check.h"

namespace ohm {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kLargePage = size_t{1} << 21;

std::byte* NewBlock(size_t bytes) {
  // Large blocks on large pages, where the system has them: fewer page faults
  // (a step touches each page of its arena several times).
  const bool large = bytes >= kLargePage;
  const size_t alignment = large ? kLargePage : kAlignment;
  const size_t size = (bytes + alignment - 1) / alignment * alignment;
  void* block = std::aligned_alloc(alignment, size);
  OHM_CHECK(block != nullptr,
            "out of memory: no " + std::to_string(bytes) + " bytes left");
  if (large) ::madvise(block, size, MADV_HUGEPAGE);  // a wish, not a demand
  return static_cast<std::byte*>(block);
}

size_t RoundUp(size_t bytes) {
  return bytes == 0 ? kAlignment
                    : (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

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
    return NewBlock(bytes);
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

StorageSource*& SourceOfThisThread() {
  thread_local StorageSource* source = nullptr;
  return source;
}

std::shared_ptr<std::byte> AllocateStorage(size_t bytes) {
  StorageSource* source = SourceOfThisThread();
  return source == nullptr ? AllocateKept(bytes) : source->Take(RoundUp(bytes));
}

std::shared_ptr<std::byte> AllocateKept(size_t bytes) {
  const size_t rounded = RoundUp(bytes);
  return {ThePool().Take(rounded),
          [rounded](std::byte* block) { ThePool().Keep(block, rounded); }};
}

std::shared_ptr<std::byte> AllocateUnkept(size_t bytes) {
  return {NewBlock(RoundUp(bytes)), [](std::byte* block) { std::free(block); }};
}

void ReleaseKeptStorage() { ThePool().Release(); }

}  // namespace ohm
