#include "core/tensor/shape.h"

#include <algorithm>

#include "core/base/check.h"

namespace ohm {

Shape::Shape(std::initializer_list<int64_t> dims)
    : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims)
    : rank_(static_cast<int>(dims.size())) {
  OHM_CHECK(rank_ <= kMaxRank,
            "[shape] expected at most 6 axes, got " + std::to_string(rank_));
  std::copy(dims.begin(), dims.end(), dims_.begin());
  for (const int64_t size : dims) {
    OHM_CHECK(size >= 0, "[shape] expected sizes >= 0, got " + str());
  }
}

int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  OHM_CHECK(index >= 0 && index < rank_, "[shape] expected an axis of " +
                                             str() + ", got axis " +
                                             std::to_string(axis));
  return dims_[static_cast<size_t>(index)];
}

int64_t Shape::count() const {
  int64_t product = 1;
  for (const int64_t size : dims()) product *= size;
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return std::ranges::equal(dims(), other.dims());
}

std::string Shape::str() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(dims_[static_cast<size_t>(axis)]);
  }
  return text + "]";
}

}  // namespace ohm
