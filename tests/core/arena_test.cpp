#include "core/tensor/arena.h"

#include <doctest/doctest.h>

#include <cstring>

#include "core/base/check.h"
#include "core/tensor/tensor.h"

namespace ohm::test {
namespace {

constexpr int64_t kMiB = 1 << 20;

Tensor Bytes(int64_t count, uint8_t value) {
  Tensor t = Tensor::Empty({count}, DType::kU8);
  std::memset(t.raw(), value, t.bytes());
  return t;
}

bool Holds(const Tensor& t, uint8_t value) {
  for (const uint8_t v : t.span<uint8_t>()) {
    if (v != value) return false;
  }
  return true;
}

// A forward and a backward in small: tensors pile up and go in reverse, with
// one more on the way. Returns whether each still held its value at its end.
bool PileUp(const std::vector<int64_t>& sizes) {
  std::vector<Tensor> pile;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Tensor passing = Bytes(sizes[i] / 2, 0xEE);
    pile.push_back(Bytes(sizes[i], uint8_t(i)));
    if (!Holds(passing, 0xEE)) return false;
  }
  for (; !pile.empty(); pile.pop_back()) {
    const Tensor gradient = Bytes(pile.back().count(), 0xDD);
    if (!Holds(pile.back(), uint8_t(pile.size() - 1))) return false;
    if (!Holds(gradient, 0xDD)) return false;
  }
  return true;
}

const std::vector<int64_t> kSizes{3 * kMiB, kMiB, 5 * kMiB, 100, 2 * kMiB};

TEST_CASE("an arena gives repeated work one block that is hardly too large") {
  Arena arena;
  for (int run = 0; run < 4; ++run) {
    const Arena::Scope scope(&arena);
    CHECK(PileUp(kSizes));
  }
  CHECK(arena.recordings() == 1);
  // The most that lives at once: all five, and the gradient of the last.
  const int64_t most = 13 * kMiB + 128;
  CHECK(arena.planned_bytes() >= size_t(most));
  CHECK(double(arena.planned_bytes()) < 1.1 * double(most));
}

TEST_CASE("work that changes gets other memory and is planned anew") {
  Arena arena;
  std::vector<int64_t> other = kSizes;
  other[2] = kMiB;
  for (const auto& sizes : {kSizes, kSizes, other, other, other, kSizes}) {
    const Arena::Scope scope(&arena);
    CHECK(PileUp(sizes));
  }
  CHECK(arena.recordings() == 2);
}

TEST_CASE("a tensor that outlives the work keeps its contents") {
  Arena arena;
  std::vector<Tensor> kept;
  for (uint8_t run = 0; run < 5; ++run) {
    const Arena::Scope scope(&arena);
    kept.push_back(Bytes(kMiB, run));
    CHECK(PileUp(kSizes));
  }
  for (uint8_t run = 0; run < 5; ++run) CHECK(Holds(kept[run], run));
}

TEST_CASE("a tensor that outlives only one run keeps its contents") {
  Arena arena;
  Tensor kept;
  for (uint8_t run = 0; run < 6; ++run) {
    const Arena::Scope scope(&arena);
    Tensor first = Bytes(kMiB, run);
    if (run == 2) kept = first;
    first = Tensor();
    CHECK(PileUp(kSizes));
  }
  CHECK(Holds(kept, 2));
}

TEST_CASE("what is dropped behind a run is no part of its plan") {
  Arena arena;
  for (int run = 0; run < 4; ++run) {
    Tensor result;
    {
      const Arena::Scope scope(&arena);
      result = Bytes(kMiB, uint8_t(run));
      CHECK(PileUp(kSizes));
    }
    CHECK(Holds(result, uint8_t(run)));
  }
  CHECK(arena.recordings() == 1);
}

TEST_CASE("a run that is cut short by an error does no harm") {
  Arena arena;
  for (int run = 0; run < 6; ++run) {
    try {
      const Arena::Scope scope(&arena);
      const Tensor t = Bytes(kMiB, 7);
      if (run % 2 == 1) ThrowError("cut short");
      CHECK(PileUp(kSizes));
    } catch (const Error&) {
      CHECK(run % 2 == 1);
    }
  }
}

TEST_CASE("tensors outlive their arena") {
  Tensor kept;
  {
    Arena arena;
    for (int run = 0; run < 3; ++run) {
      const Arena::Scope scope(&arena);
      Tensor t = Bytes(kMiB, 9);
      if (run == 2) kept = t;
    }
  }
  CHECK(Holds(kept, 9));
}

}  // namespace
}  // namespace ohm::test
