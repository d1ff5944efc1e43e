// Sizes of a tensor, outermost first. Images are [N, H, W, C] everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace ohm {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  // `axis` may be negative, counting from the end.
  int64_t operator[](int axis) const;
  int64_t count() const;  // product of all sizes; 1 for rank 0
  std::span<const int64_t> dims() const {
    return {dims_.data(), size_t(rank_)};
  }

  bool operator==(const Shape& other) const;
  std::string str() const;  // "[128, 32, 32, 3]"

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace ohm
