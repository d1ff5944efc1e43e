#include "core/tensor/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/check.h"
#include "core/tensor/storage.h"

namespace ohm {

size_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kS32:
      return 4;
    case DType::kBF16:
      return 2;
    case DType::kS8:
    case DType::kU8:
      return 1;
  }
  return 0;
}

const char* NameOf(DType dtype) {
  constexpr const char* kNames[] = {"f32", "bf16", "s32", "s8", "u8"};
  return kNames[static_cast<int>(dtype)];
}

Tensor Tensor::On(std::shared_ptr<std::byte> storage, const Shape& shape,
                  DType dtype) {
  Tensor t;
  t.storage_ = std::move(storage);
  t.shape_ = shape;
  t.dtype_ = dtype;
  return t;
}

Tensor Tensor::Empty(const Shape& shape, DType dtype) {
  return On(AllocateStorage(size_t(shape.count()) * SizeOf(dtype)), shape,
            dtype);
}

Tensor Tensor::EmptyOnce(const Shape& shape, DType dtype) {
  return On(AllocateUnkept(size_t(shape.count()) * SizeOf(dtype)), shape,
            dtype);
}

Tensor Tensor::Zeros(const Shape& shape, DType dtype) {
  Tensor t = Empty(shape, dtype);
  t.FillZero();
  return t;
}

Tensor Tensor::Full(const Shape& shape, float value) {
  Tensor t = Empty(shape);
  std::ranges::fill(t.span(), value);
  return t;
}

Tensor Tensor::From(const Shape& shape, std::span<const float> values) {
  OHM_CHECK(shape.count() == int64_t(values.size()),
            "[tensor] expected " + std::to_string(shape.count()) +
                " values for " + shape.str() + ", got " +
                std::to_string(values.size()));
  Tensor t = Empty(shape);
  std::ranges::copy(values, t.data());
  return t;
}

std::byte* Tensor::raw() {
  OHM_CHECK(defined(), "[tensor] expected a tensor with contents, got none");
  return storage_.get() + offset_;
}

const std::byte* Tensor::raw() const {
  return const_cast<Tensor*>(this)->raw();
}

void Tensor::RefuseAccess(DType wanted) const {
  raw();  // throws where there is nothing
  ThrowError(std::string("[tensor] expected type ") + NameOf(wanted) +
             ", got " + NameOf(dtype_) + " of shape " + shape_.str());
}

float Tensor::item() const {
  OHM_CHECK(count() == 1, "[tensor] expected one element, got " + shape_.str());
  return data()[0];
}

Tensor Tensor::Reshape(const Shape& shape) const {
  OHM_CHECK(shape.count() == count(),
            "[reshape] expected " + std::to_string(count()) +
                " elements as in " + shape_.str() + ", got " + shape.str());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::Slice(int64_t begin, int64_t end) const {
  OHM_CHECK(
      shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= shape_[0],
      "[slice] expected a range of the first axis of " + shape_.str() +
          ", got " + std::to_string(begin) + ".." + std::to_string(end));
  std::vector<int64_t> dims(shape_.dims().begin(), shape_.dims().end());
  const int64_t row = shape_[0] == 0 ? 0 : count() / shape_[0];
  dims[0] = end - begin;
  Tensor t = *this;
  t.shape_ = Shape(dims);
  t.offset_ += size_t(begin * row) * SizeOf(dtype_);
  return t;
}

Tensor Tensor::Clone() const {
  Tensor t = Empty(shape_, dtype_);
  std::memcpy(t.raw(), raw(), bytes());
  return t;
}

void Tensor::CopyFrom(const Tensor& other) {
  OHM_CHECK(shape_ == other.shape_ && dtype_ == other.dtype_,
            std::string("[copy] expected ") + NameOf(dtype_) + " " +
                shape_.str() + ", got " + NameOf(other.dtype_) + " " +
                other.shape_.str());
  std::memmove(raw(), other.raw(), bytes());
}

void Tensor::FillZero() { std::memset(raw(), 0, bytes()); }

bool BitEqual(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool AllFinite(const Tensor& t) {
  return std::ranges::all_of(t.span(),
                             [](float v) { return std::isfinite(v); });
}

}  // namespace ohm
