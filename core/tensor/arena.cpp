#include "core/tensor/arena.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <mutex>
#include <vector>

#include "core/base/check.h"
#include "core/tensor/storage.h"

namespace ohm {
namespace {

// A tensor of the recorded run: when it lived (in events) and where it goes.
struct Block {
  size_t bytes;
  size_t made;
  size_t dropped = SIZE_MAX;  // SIZE_MAX: outlived the run
  size_t offset = 0;

  bool planned() const { return dropped != SIZE_MAX; }
};

struct Event {
  bool makes;
  size_t block;
};

// Places all blocks so that those that live at the same time do not overlap;
// returns the bytes needed. Large ones first, each at the lowest place that is
// free during its life: within a few percent of the largest sum of live bytes
// for the graphs of networks.
size_t Plan(std::vector<Block>* blocks) {
  std::vector<Block*> order;
  for (Block& block : *blocks) {
    if (block.planned()) order.push_back(&block);
  }
  std::ranges::stable_sort(order, [](const Block* a, const Block* b) {
    return a->bytes > b->bytes;
  });
  std::vector<Block*> placed;  // by offset
  size_t total = 0;
  for (Block* block : order) {
    size_t at = 0;
    for (const Block* other : placed) {
      const bool together =
          block->made < other->dropped && other->made < block->dropped;
      if (!together) continue;
      if (at + block->bytes <= other->offset) break;
      at = std::max(at, other->offset + other->bytes);
    }
    block->offset = at;
    total = std::max(total, at + block->bytes);
    placed.insert(std::ranges::upper_bound(placed, at, {}, &Block::offset),
                  block);
  }
  return total;
}

}  // namespace

class Arena::Impl : public StorageSource,
                    public std::enable_shared_from_this<Impl> {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++run_;
    running_ = true;
    next_ = 0;
    live_bytes_ = 0;
    if (state_ != State::kPlanned) {
      state_ = State::kRecording;
      blocks_.clear();
      events_.clear();
      memory_.reset();
      ++recordings_;
    } else if (memory_.use_count() > 1) {
      // A tensor of a run that broke the plan still lies there.
      memory_ = AllocateUnkept(planned_bytes_);
    }
  }

  void End() {
    const std::lock_guard lock(mutex_);
    running_ = false;
    if (state_ == State::kRecording) {
      MakePlan();
    } else if (next_ != events_.size()) {
      state_ = State::kBroken;
    }
  }

  // A scope ends with it, perhaps because there was no memory left: then the
  // next run is written down again.
  void MakePlan() noexcept {
    try {
      planned_bytes_ = Plan(&blocks_);
      memory_ = AllocateUnkept(planned_bytes_);
      state_ = State::kPlanned;
    } catch (const std::exception&) {
      planned_bytes_ = 0;
      state_ = State::kBroken;
    }
  }

  std::shared_ptr<std::byte> Take(size_t bytes) override {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kRecording) {
      blocks_.push_back({bytes, events_.size()});
      events_.push_back({true, blocks_.size() - 1});
      // Not kept for reuse: this run happens once.
      return Hand(blocks_.size() - 1, AllocateUnkept(bytes), 0);
    }
    if (state_ == State::kPlanned) {
      if (!Expected(true,
                    [&](size_t b) { return blocks_[b].bytes == bytes; })) {
        state_ = State::kBroken;
      } else if (const size_t index = events_[next_++].block;
                 blocks_[index].planned()) {
        return Hand(index, memory_, blocks_[index].offset);
      }
    }
    return AllocateKept(bytes);
  }

  size_t planned_bytes() const { return planned_bytes_; }
  size_t live_bytes() const { return live_bytes_; }
  int recordings() const { return recordings_; }

 private:
  enum class State : uint8_t {
    kRecording,  // this run is written down
    kPlanned,    // there is a plan and, so far, this run has kept to it
    kBroken,     // this run has not
  };

  // The tensor's memory; its end is reported to Dropped.
  std::shared_ptr<std::byte> Hand(size_t index,
                                  std::shared_ptr<std::byte> memory,
                                  size_t offset) {
    live_bytes_ += blocks_[index].bytes;
    std::byte* place = memory.get() + offset;
    return {place,
            [self = shared_from_this(), memory = std::move(memory), index,
             run = run_](std::byte*) { self->Dropped(index, run); }};
  }

  void Dropped(size_t index, int64_t run) {
    const std::lock_guard lock(mutex_);
    if (run != run_) return;  // another run's
    live_bytes_ -= blocks_[index].bytes;
    if (!running_) return;  // it outlived its run
    if (state_ == State::kRecording) {
      blocks_[index].dropped = events_.size();
      events_.push_back({false, index});
    } else if (Expected(false, [&](size_t b) { return b == index; })) {
      ++next_;
    } else {
      state_ = State::kBroken;
    }
  }

  // Whether the plan's next event is such a one.
  template <typename Fits>
  bool Expected(bool makes, const Fits& fits) const {
    return state_ == State::kPlanned && next_ < events_.size() &&
           events_[next_].makes == makes && fits(events_[next_].block);
  }

  mutable std::mutex mutex_;  // tensors may be dropped by any thread
  State state_ = State::kBroken;
  std::vector<Block> blocks_;
  std::vector<Event> events_;
  size_t next_ = 0;  // the event that should come next
  int64_t run_ = 0;
  bool running_ = false;  // between Begin and End
  int recordings_ = 0;
  size_t planned_bytes_ = 0, live_bytes_ = 0;
  std::shared_ptr<std::byte> memory_;
};

Arena::Arena() : impl_(std::make_shared<Impl>()) {}
Arena::~Arena() = default;

size_t Arena::planned_bytes() const { return impl_->planned_bytes(); }
size_t Arena::live_bytes() const { return impl_->live_bytes(); }
int Arena::recordings() const { return impl_->recordings(); }

Arena::Scope::Scope(Arena* arena) : impl_(arena->impl_.get()) {
  OHM_CHECK(SourceOfThisThread() == nullptr,
            "[arena] a scope was opened inside another");
  impl_->Begin();
  SourceOfThisThread() = impl_;
}

Arena::Scope::~Scope() {
  SourceOfThisThread() = nullptr;
  impl_->End();
}

}  // namespace ohm
