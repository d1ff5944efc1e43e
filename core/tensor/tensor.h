// Tensor: a contiguous, 64-byte aligned block of numbers with a shape and a
// type. Copies share storage (like a shared_ptr); Clone() makes a real copy.
// Images are NHWC in meaning and in memory, convolution weights are
// [out, kh, kw, in / groups]. There are no strides: what oneDNN or a crossbar
// kernel reads is exactly what the shape says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/bfloat16.h"
#include "core/tensor/shape.h"

namespace ohm {

// f32 is complete. bf16 is what activations and their gradients may be stored
// in; every op of core/ops takes either (see core/kernels/float_type.h). The
// integers are storage types of hw/.
enum class DType : uint8_t { kF32, kBF16, kS32, kS8, kU8 };

size_t SizeOf(DType dtype);
const char* NameOf(DType dtype);  // "f32", "bf16", "s32", "s8", "u8"

template <typename T>
constexpr DType DTypeOf();
template <>
constexpr DType DTypeOf<float>() {
  return DType::kF32;
}
template <>
constexpr DType DTypeOf<BFloat16>() {
  return DType::kBF16;
}
template <>
constexpr DType DTypeOf<int32_t>() {
  return DType::kS32;
}
template <>
constexpr DType DTypeOf<int8_t>() {
  return DType::kS8;
}
template <>
constexpr DType DTypeOf<uint8_t>() {
  return DType::kU8;
}

class Tensor {
 public:
  Tensor() = default;  // holds nothing; defined() is false

  static Tensor Empty(const Shape& shape, DType dtype = DType::kF32);
  // Of memory that goes back to the system with it: for sizes that do not come
  // again, whose blocks would be kept for nothing.
  static Tensor EmptyOnce(const Shape& shape, DType dtype);
  static Tensor Zeros(const Shape& shape, DType dtype = DType::kF32);
  static Tensor Full(const Shape& shape, float value);
  static Tensor Scalar(float value) { return Full({}, value); }
  static Tensor From(const Shape& shape, std::span<const float> values);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t count() const { return shape_.count(); }
  DType dtype() const { return dtype_; }
  size_t bytes() const { return size_t(count()) * SizeOf(dtype_); }

  // Typed access; Error if T is not this tensor's type.
  template <typename T = float>
  T* data() {
    CheckAccess(DTypeOf<T>());
    return reinterpret_cast<T*>(storage_.get() + offset_);
  }
  template <typename T = float>
  const T* data() const {
    CheckAccess(DTypeOf<T>());
    return reinterpret_cast<const T*>(storage_.get() + offset_);
  }
  template <typename T = float>
  std::span<T> span() {
    return {data<T>(), size_t(count())};
  }
  template <typename T = float>
  std::span<const T> span() const {
    return {data<T>(), size_t(count())};
  }
  std::byte* raw();
  const std::byte* raw() const;

  float item() const;  // the value of a one-element f32 tensor

  // Views on the same storage.
  Tensor Reshape(const Shape& shape) const;        // same count
  Tensor Slice(int64_t begin, int64_t end) const;  // range of the first axis

  Tensor Clone() const;
  void CopyFrom(const Tensor& other);  // same shape and type
  void FillZero();

  // True if no other tensor shares this storage, so writing in place is safe.
  bool unique() const { return storage_.use_count() == 1; }
  // Same storage (views included).
  bool SharesStorage(const Tensor& other) const {
    return storage_ == other.storage_;
  }

 private:
  static Tensor On(std::shared_ptr<std::byte> storage, const Shape& shape,
                   DType dtype);
  // Inline, for elements are read in loops.
  void CheckAccess(DType wanted) const {
    if (storage_ == nullptr || dtype_ != wanted) RefuseAccess(wanted);
  }
  [[noreturn]] void RefuseAccess(DType wanted) const;

  std::shared_ptr<std::byte> storage_;
  size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = DType::kF32;
};

// Bitwise equality of shape, type and contents.
bool BitEqual(const Tensor& a, const Tensor& b);

// True if every element of an f32 tensor is finite.
bool AllFinite(const Tensor& t);

}  // namespace ohm
