// Where tensors get their memory.
#pragma once

#include <cstddef>
#include <memory>

namespace ohm {

// 64-byte aligned memory, uninitialised. Released blocks are kept by size and
// handed out again: a training step asks for the same sizes every time, and
// fresh pages from the kernel would cost a page fault per 4 KiB in each step.
// Thread-safe. Error if the machine has no memory left.
std::shared_ptr<std::byte> AllocateStorage(size_t bytes);

// Gives all kept blocks back to the system.
void ReleaseKeptStorage();

}  // namespace ohm
