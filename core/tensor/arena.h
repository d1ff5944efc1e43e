// Memory for work that repeats: the tensors of one training step.
#pragma once

#include <cstddef>
#include <memory>

namespace ohm {

// The first time the work runs, an arena writes down which tensors are made
// and dropped, in which order; from that it plans one block of memory in which
// tensors that never live at the same time share places. From the second time
// on tensors get their planned places. Work that turns out differently (another
// batch size, another graph) is noticed at the first difference: from there on
// it gets ordinary memory, and the next run is written down anew. A tensor that
// outlives the work always has ordinary memory.
//
// For one thread at a time; tensors made by other threads are not its concern.
// Cost per tensor: one comparison. What it gained: docs/results.md.
class Arena {
  class Impl;

 public:
  Arena();
  ~Arena();  // tensors that still live keep the memory they use
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // While one of these lives, tensors of this thread come from the arena. Not
  // nested.
  class Scope {
   public:
    explicit Scope(Arena* arena);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Impl* impl_;
  };

  size_t planned_bytes() const;  // of the block; 0 before the first plan
  // Of this run's tensors that now live in the block: those that the plan had
  // no place for are not among them.
  size_t live_bytes() const;
  // How often the work was written down: 1 for work that always repeats.
  int recordings() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace ohm
