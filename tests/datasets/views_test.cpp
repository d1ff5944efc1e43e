#include "datasets/views.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "core/base/check.h"
#include "datasets/memory.h"
#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

using test::LabelsOf;
using test::PixelOf;

// `count` 1x1 images whose value is their index, labels from the list.
DatasetPtr Numbered(const std::vector<int32_t>& labels, int classes) {
  const auto count = int64_t(labels.size());
  Tensor images = Tensor::Empty({count, 1, 1, 3}, DType::kU8);
  for (int64_t i = 0; i < 3 * count; ++i) {
    images.data<uint8_t>()[i] = uint8_t(i / 3);
  }
  return std::make_shared<MemoryDataset>(images, labels, classes, "numbers");
}

std::vector<int> Values(const Dataset& data) {
  std::vector<int> values;
  for (int64_t i = 0; i < data.size(); ++i) {
    values.push_back(PixelOf(data, i, 0, 0, 0));
  }
  return values;
}

TEST_CASE("memory data set: refuses labels out of range and wrong shapes") {
  CHECK_THROWS_WITH_AS(
      Numbered({0, 3}, 3),
      doctest::Contains("'numbers': expected labels in 0..2, got 3 for image "
                        "1"),
      Error);
  CHECK_THROWS_AS(MemoryDataset(Tensor::Zeros({1, 1, 1, 3}), {0}, 1, "floats"),
                  Error);
  CHECK_THROWS_AS(
      MemoryDataset(Tensor::Zeros({2, 1, 1, 3}, DType::kU8), {0}, 1, "two"),
      Error);
}

TEST_CASE("subset: the listed samples, and views of views") {
  const auto base = Numbered({0, 1, 2, 3, 4, 5}, 6);
  const auto some = Subset(base, {5, 0, 0, 3});
  CHECK(LabelsOf(*some) == std::vector<int32_t>{5, 0, 0, 3});
  CHECK(some->classes() == 6);
  CHECK(Values(*Subset(some, {3, 0})) == std::vector<int>{3, 5});
  CHECK(Subset(base, {})->size() == 0);
  CHECK_THROWS_AS(Subset(base, {6}), Error);
  CHECK_THROWS_AS(Subset(base, {-1}), Error);
}

TEST_CASE("permutation: all numbers once, by key") {
  auto order = Permutation(1000, Key(1));
  CHECK(order == Permutation(1000, Key(1)));
  CHECK(order != Permutation(1000, Key(2)));
  // As many numbers stay as in a random order: one on average.
  int64_t fixed = 0;
  for (size_t i = 0; i < order.size(); ++i) fixed += order[i] == int64_t(i);
  CHECK(fixed < 8);
  std::ranges::sort(order);
  std::vector<int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(order == all);
  CHECK(Permutation(0, Key(1)).empty());
}

TEST_CASE("shuffled: every place is reached") {
  // Where sample 0 of 5 goes over many keys: 400 each, deviation 18.
  std::vector<int> places(5);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto order = Permutation(5, Key(seed));
    ++places[size_t(std::ranges::find(order, 0) - order.begin())];
  }
  for (const int count : places) CHECK(std::abs(count - 400) < 90);

  const auto base = Numbered(std::vector<int32_t>(50, 0), 1);
  const auto few = Values(*Shuffled(base, Key(4), 7));
  CHECK(few.size() == 7);
  const auto all = Values(*Shuffled(base, Key(4)));
  CHECK(std::equal(few.begin(), few.end(), all.begin()));
  CHECK(std::set<int>(all.begin(), all.end()).size() == 50);
}

TEST_CASE("split: by class, complete, by key alone") {
  std::vector<int32_t> labels;
  for (int i = 0; i < 100; ++i) labels.push_back(i < 60 ? 0 : i < 97 ? 1 : 2);
  labels.push_back(3);
  const auto base = Numbered(labels, 5);  // class 4 has no images
  const SplitViews split = Split(base, 0.1, Key(7));
  std::map<int32_t, int> out;
  for (const int32_t label : LabelsOf(*split.held_out)) ++out[label];
  // Rounded to nearest; one of three, none of one.
  CHECK(out == std::map<int32_t, int>{{0, 6}, {1, 4}, {2, 1}});
  const auto rest = Values(*split.rest), held = Values(*split.held_out);
  CHECK(std::ranges::is_sorted(rest));
  CHECK(std::ranges::is_sorted(held));
  std::set<int> both(rest.begin(), rest.end());
  both.insert(held.begin(), held.end());
  CHECK(both.size() == 101);
  CHECK(rest.size() + held.size() == 101);
  CHECK(Values(*Split(base, 0.1, Key(7)).held_out) == held);
  CHECK(Values(*Split(base, 0.1, Key(8)).held_out) != held);
}

TEST_CASE("split: groups stay whole") {
  // Ten groups of three in class 0, out of order; two groups of five in 1.
  std::vector<int32_t> labels;
  std::vector<int64_t> groups;
  for (int i = 0; i < 40; ++i) {
    labels.push_back(i < 30 ? 0 : 1);
    groups.push_back(i < 30 ? i % 10 : 20 + i % 2);
  }
  const auto base = Grouped(Numbered(labels, 2), groups);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const SplitViews split = Split(base, 0.2, Key(seed));
    std::map<int64_t, int> out;
    for (int64_t i = 0; i < split.held_out->size(); ++i) {
      ++out[split.held_out->group(i)];
    }
    // 6 of 30 are two groups; 2 of 10 would be none, but one is held out.
    CHECK(out.size() == 3);
    CHECK(split.held_out->size() == 11);
    for (const auto& [group, count] : out) CHECK(count == (group < 20 ? 3 : 5));
    CHECK(split.rest->size() == 29);
  }
  CHECK_THROWS_AS(Grouped(Numbered(labels, 2), {1, 2}), Error);
}

TEST_CASE("split: nothing held out, and shares out of range") {
  const auto base = Numbered({0, 0, 1, 1}, 2);
  CHECK(Split(base, 0, Key(1)).held_out->size() == 0);
  CHECK(Split(base, 0, Key(1)).rest->size() == 4);
  CHECK(Split(base, 0.9, Key(1)).held_out->size() == 4);
  CHECK_THROWS_AS(Split(base, 1, Key(1)), Error);
  CHECK_THROWS_AS(Split(base, -0.1, Key(1)), Error);
}

}  // namespace
}  // namespace ohm::datasets
