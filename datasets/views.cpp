#include "datasets/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
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
  int64_t group(int64_t index) const override {
    return base_->group(indices_[size_t(index)]);
  }

 private:
  DatasetPtr base_;
  std::vector<int64_t> indices_;
};

class GroupedView : public Dataset {
 public:
  GroupedView(DatasetPtr base, std::vector<int64_t> groups)
      : base_(std::move(base)), groups_(std::move(groups)) {
    OHM_CHECK(int64_t(groups_.size()) == base_->size(),
              fmt::format("[grouped] expected a group for each of {} samples, "
                          "got {}",
                          base_->size(), groups_.size()));
  }
  int64_t size() const override { return base_->size(); }
  int classes() const override { return base_->classes(); }
  Sample get(int64_t index) const override { return base_->get(index); }
  int32_t label(int64_t index) const override { return base_->label(index); }
  int64_t group(int64_t index) const override { return groups_[size_t(index)]; }

 private:
  DatasetPtr base_;
  std::vector<int64_t> groups_;
};

// Samples by group, groups in order of their first sample.
std::vector<std::vector<int64_t>> GroupsOf(
    const Dataset& data, const std::vector<int64_t>& samples) {
  std::vector<std::vector<int64_t>> groups;
  std::map<int64_t, size_t> places;
  for (const int64_t i : samples) {
    const auto [place, fresh] = places.emplace(data.group(i), groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(i);
  }
  return groups;
}

}  // namespace

DatasetPtr Subset(DatasetPtr base, std::vector<int64_t> indices) {
  return std::make_shared<SubsetView>(std::move(base), std::move(indices));
}

DatasetPtr Grouped(DatasetPtr base, std::vector<int64_t> groups) {
  return std::make_shared<GroupedView>(std::move(base), std::move(groups));
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
    const auto groups = GroupsOf(*base, by_class[c]);
    const auto order = Permutation(int64_t(groups.size()), key.Child(c));
    const double wanted = share * double(by_class[c].size());
    const bool at_least_one = share > 0 && groups.size() >= 2;
    int64_t out = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto& group = groups[size_t(order[i])];
      // Another one while that brings the count nearer to what is wanted.
      const double nearer = double(out) + 0.5 * double(group.size());
      const bool holds = (i == 0 && at_least_one) || nearer <= wanted;
      if (holds) out += int64_t(group.size());
      auto& part = holds ? held_out : rest;
      part.insert(part.end(), group.begin(), group.end());
    }
  }
  std::ranges::sort(rest);
  std::ranges::sort(held_out);
  return {Subset(base, std::move(rest)), Subset(base, std::move(held_out))};
}

}  // namespace ohm::datasets
