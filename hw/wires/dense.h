// Dense symmetric matrices of up to some hundred rows in float64, where the
// exact wire solver spends its time. Matrices are row-major with sides that are
// multiples of kLane (callers pad), and aligned to 64 bytes. Of a symmetric
// matrix only the kLane x kLane blocks on and below the diagonal are read and
// written (those on the diagonal whole).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ohm::hw {

constexpr int64_t kLane = 8;  // doubles of an AVX-512 register

constexpr int64_t RoundUpToLane(int64_t n) {
  return (n + kLane - 1) / kLane * kLane;
}

// Doubles on a 64-byte boundary, 0 at first, in memory that is kept for the
// next one of its size: with fresh pages a solution that keeps its factors
// would take twice as long (measured at 64 x 64).
class AlignedDoubles {
 public:
  AlignedDoubles() = default;
  explicit AlignedDoubles(int64_t count);
  AlignedDoubles(AlignedDoubles&&) noexcept = default;
  AlignedDoubles& operator=(AlignedDoubles&&) noexcept = default;

  double* data() { return reinterpret_cast<double*>(bytes_.get()); }
  const double* data() const {
    return reinterpret_cast<const double*>(bytes_.get());
  }
  bool empty() const { return bytes_ == nullptr; }

 private:
  std::shared_ptr<std::byte> bytes_;
};

// For one instruction set. Variants differ in the last bits only, where one
// fuses multiply and add and another does not.
struct DenseKernels {
  const char* name;
  bool supported;  // by this machine

  // a [n, n] := -a^-1 for a negative definite `a`. Blocks of kLane pivots at a
  // time, without exchanging rows (the symmetric sweep of Beaton, 1964):
  // n^3 / 2 multiply-adds. `scratch` holds 2 * kLane * n.
  void (*invert)(double* a, int64_t n, double* scratch);

  // c [n, columns] = w [n, n] * a [n, columns], w symmetric; rows of a and c
  // start a_stride and c_stride apart, multiples of kLane
  // as `columns` is.
  void (*multiply)(const double* w, int64_t n, const double* a,
                   int64_t a_stride, int64_t columns, double* c,
                   int64_t c_stride);
};

const std::vector<DenseKernels>& DenseKernelVariants();  // best first
const DenseKernels& CurrentDenseKernels();  // the first that is supported

}  // namespace ohm::hw
