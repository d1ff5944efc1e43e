// Data sets made of other data sets. Views hold what they look at alive; which
// samples they show depends on keys alone.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/random.h"
#include "datasets/dataset.h"

namespace ohm::datasets {

// Sample i is base sample indices[i]. Error for an index out of range.
DatasetPtr Subset(DatasetPtr base, std::vector<int64_t> indices);

// The same samples, sample i in group groups[i]; one for each. A class has
// whole groups.
DatasetPtr Grouped(DatasetPtr base, std::vector<int64_t> groups);

// The first `count` samples of a keyed shuffle; all where count is larger.
DatasetPtr Shuffled(DatasetPtr base, Key key,
                    int64_t count = std::numeric_limits<int64_t>::max());

// 0 .. count - 1 in an order that depends on the key alone.
std::vector<int64_t> Permutation(int64_t count, Key key);

struct SplitViews {
  DatasetPtr rest, held_out;
};
// Holds out `share` (0 <= share < 1) of every class in whole groups, rounded to
// nearest but at least one group of a class with two or more where share > 0.
// Both parts keep the base's order.
SplitViews Split(DatasetPtr base, double share, Key key);

}  // namespace ohm::datasets
