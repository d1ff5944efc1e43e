// Where tensors get their memory.
#pragma once

#include <cstddef>
#include <memory>

namespace ohm {

// 64-byte aligned memory, uninitialised: from this thread's source where there
// is one, else as AllocateKept gives it. Thread-safe. Error if the machine has
// no memory left.
std::shared_ptr<std::byte> AllocateStorage(size_t bytes);

// Released blocks are kept by size and handed out again: a network asks for
// the same sizes all the time, and fresh pages from the kernel would cost a
// page fault per 4 KiB.
std::shared_ptr<std::byte> AllocateKept(size_t bytes);
// Released blocks go back to the system.
std::shared_ptr<std::byte> AllocateUnkept(size_t bytes);
// Gives all kept blocks back to the system.
void ReleaseKeptStorage();

// What may stand in for all of this on one thread (see core/tensor/arena.h).
class StorageSource {
 public:
  virtual ~StorageSource() = default;
  virtual std::shared_ptr<std::byte> Take(size_t bytes) = 0;
};
StorageSource*& SourceOfThisThread();  // null: none

}  // namespace ohm
