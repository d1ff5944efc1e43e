// Bytes of a switch from one task of a store to another.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <string>
#include <tuple>
#include <vector>

#include "nn/crossbar_policy.h"
#include "tests/train/small_store.h"
#include "train/commands/command.h"
#include "train/tasks/accounting.h"
#include "train/tasks/opened_store.h"

namespace ohm::test {
namespace {

// Between tasks of which one at least has no PEs that say where its weights lie
// one list does, of all that differ.
TEST_CASE("a switch moves the places of written weights once") {
  const Store store;
  for (const auto& [name, method] :
       {std::pair{"a", "piggyback"}, std::pair{"b", "piggyback"},
        std::pair{"c", "xma2"}}) {
    train::RunTasksAdd(
        store.With({std::string("tasks.methods=") + method,
                    "tasks.sets=textures", "tasks.lr_mask=0.0008",
                    "tasks.factors=none", "tasks.budget=0.02",
                    std::string("tasks.seed=") + std::to_string(name[0])}),
        name);
  }
  train::OpenedStore opened(store.With({}));
  const auto all = train::SizeOfBackbone(opened.model.get());
  for (const char* other : {"b", "c"}) {
    opened.Set("a");
    const auto cells = train::CellsOf(opened.model.get());
    opened.Set(other);
    const auto writes =
        train::CostOfSwitch(cells, train::CellsOf(opened.model.get()));
    const auto from = opened.store.Load("a"), to = opened.store.Load(other);
    const auto size = train::SizeOf(opened.model.get(), to, from);
    const int64_t list =
        (writes.weights * std::bit_width(uint64_t(all.weights)) + 7) / 8;
    REQUIRE(writes.weights > 0);
    REQUIRE(list < (all.weights + 7) / 8);
    CHECK(train::BytesOfSwitch(opened.model.get(), from, to, writes) ==
          (writes.weights * all.bits_each + 7) / 8 + list + size.norm_bytes +
              size.range_bytes);
  }
}

// Codes that stay the same in a chosen PE have to be told from those that do
// not: by a bit each, or by sending them, too.
TEST_CASE("a switch moves what a receiver needs to place codes in PEs") {
  const Store store;
  for (const char* seed : {"1", "2"}) {
    train::RunTasksAdd(store.With({"tasks.methods=xma2", "tasks.sets=textures",
                                   "tasks.budget=0.3", "tasks.factors=none",
                                   "tasks.pe_columns=1", "tasks.select=random",
                                   std::string("tasks.seed=") + seed}),
                       seed);
  }
  train::OpenedStore opened(store.With({}));
  nn::Model* model = opened.model.get();
  const auto all = train::SizeOfBackbone(model);
  const auto chosen = [&](const char* name) {
    opened.Set(name);
    std::vector<uint8_t> flags;
    for (const auto& leaf : nn::CrossbarLeaves(model)) {
      if (leaf.policy->mask() == nullptr) continue;
      const auto own = leaf.policy->mask()->WeightEntries();
      flags.insert(flags.end(), own.begin(), own.end());
    }
    return flags;
  };
  const auto a = chosen("1"), b = chosen("2");
  REQUIRE(int64_t(a.size()) == all.weights);
  const auto from = opened.store.Load("1"), to = opened.store.Load("2");
  const auto size = train::SizeOf(model, to, from);
  CHECK(std::ranges::count(b, 1) == size.Term("weights").entries);
  int64_t either = 0;
  for (size_t i = 0; i < a.size(); ++i) either += a[i] | b[i];
  const int64_t flags = 2 * size.Term("pes").bytes();
  const auto of_weights = [&](int64_t written) {
    return train::BytesOfSwitch(model, from, to, {.weights = written}) -
           size.norm_bytes - size.range_bytes;
  };
  REQUIRE(all.bits_each == 8);
  CHECK(of_weights(either) == flags + either);
  CHECK(of_weights(either - 1) == flags + either);
  const int64_t half = either / 2;
  REQUIRE(flags + (either + 7) / 8 < (all.weights + 7) / 8);
  CHECK(of_weights(half) == flags + (either + 7) / 8 + half);
  CHECK(of_weights(0) == 0);
}

// Entries of the new task, and those that only the task before has.
TEST_CASE("a switch moves column entries by what either task has") {
  const Store store;
  for (const auto& [name, method, seed] :
       {std::tuple{"a", "xma", "1"}, std::tuple{"b", "xbm", "1"},
        std::tuple{"c", "xma2", "1"}, std::tuple{"d", "xma2", "2"}}) {
    train::RunTasksAdd(
        store.With({std::string("tasks.methods=") + method,
                    "tasks.sets=textures", "tasks.budget=0.2",
                    "tasks.factors=scale", "tasks.pe_columns=1",
                    "tasks.select=random", std::string("tasks.seed=") + seed}),
        name);
  }
  train::OpenedStore opened(store.With({}));
  nn::Model* model = opened.model.get();
  const auto moved = [&](const char* from, const char* to) {
    // Without what is written: columns, batch norm, ranges.
    const auto a = opened.store.Load(from), b = opened.store.Load(to);
    const auto size = train::SizeOf(model, b, a);
    return train::BytesOfSwitch(model, a, b, {}) - size.norm_bytes -
           size.range_bytes;
  };
  const auto entries = [&](const char* name) {
    opened.Set(name);
    std::vector<uint8_t> all;
    for (const auto& leaf : nn::CrossbarLeaves(model)) {
      if (leaf.policy->mask() == nullptr) continue;
      const auto own = leaf.policy->mask()->ColumnEntries();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  };
  const auto c = entries("c"), d = entries("d");
  const auto columns = int64_t(c.size());
  int64_t of_c = 0, of_d = 0, of_either = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    of_c += c[i];
    of_d += d[i];
    of_either += c[i] | d[i];
  }
  REQUIRE(of_c < columns);
  REQUIRE(of_either > of_d);
  CHECK(moved("a", "b") == (columns + 7) / 8);      // a bit each
  CHECK(moved("b", "a") == (columns * 3 + 7) / 8);  // three each
  CHECK(moved("c", "b") == (columns + 7) / 8);
  CHECK(moved("a", "c") == (of_c * 8 + (columns - of_c) * 3 + 7) / 8);
  CHECK(moved("c", "d") == of_either);
}

}  // namespace
}  // namespace ohm::test
