#include "datasets/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"

namespace ohm::datasets {
namespace {

class SubsetView : public Dataset {
 public:
  SubsetView(DatasetPtr base, std::vector<int64_t> indices)
      : base_(std::move(base)), indices_(std::move(indices)) {
    for (const int64_t index : indices_) {
      OHM_CHECK(index >= 0 && index < base_->size(),
                fmt::format("[subset] expected indices in 0..{}, got {}",
                            base_->size() - 1, index));
    }
  }
  int64_t size() const override { return int64_t(indices_.size()); }
  int classes() const override { return base_->classes(); }
  Sample get(int64_t index) const override {
    return base_->get(indices_[size_t(index)]);
  }
  int32_t label(int64_t index) const override {
    return base_->label(indices_[size_t(index)]);
  }

 private:
  DatasetPtr base_;
  std::vector<int64_t> indices_;
};

}  // namespace

DatasetPtr Subset(DatasetPtr base, std::vector<int64_t> indices) {
  return std::make_shared<SubsetView>(std::move(base), std::move(indices));
}

std::vector<int64_t> Permutation(int64_t count, Key key) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = count - 1; i > 0; --i) {  // Fisher-Yates
    std::swap(order[size_t(i)], order[key.Below(uint64_t(i), uint64_t(i) + 1)]);
  }
  return order;
}

DatasetPtr Shuffled(DatasetPtr base, Key key, int64_t count) {
  OHM_CHECK(count >= 0, fmt::format("[shuffled] expected a count of at least "
                                    "0, got {}",
                                    count));
  auto order = Permutation(base->size(), key);
  if (count < base->size()) order.resize(size_t(count));
  return Subset(std::move(base), std::move(order));
}

SplitViews Split(DatasetPtr base, double share, Key key) {
  OHM_CHECK(share >= 0 && share < 1,
            fmt::format("[split] expected a share of at least 0 and below 1, "
                        "got {}",
                        share));
  std::vector<std::vector<int64_t>> by_class(size_t(base->classes()));
  for (int64_t i = 0; i < base->size(); ++i) {
    by_class[size_t(base->label(i))].push_back(i);
  }
  std::vector<int64_t> rest, held_out;
  for (size_t c = 0; c < by_class.size(); ++c) {
    const auto& members = by_class[c];
    const auto count = int64_t(members.size());
    int64_t out = std::llround(share * double(count));
    if (share > 0 && count >= 2) out = std::max<int64_t>(out, 1);
    const auto order = Permutation(count, key.Child(c));
    for (int64_t i = 0; i < count; ++i) {
      (i < out ? held_out : rest).push_back(members[size_t(order[size_t(i)])]);
    }
  }
  std::ranges::sort(rest);
  std::ranges::sort(held_out);
  return {Subset(base, std::move(rest)), Subset(base, std::move(held_out))};
}

}  // namespace ohm::datasets
