// What this machine can do at best, measured in the same run as the kernels
// that are held against it.
#pragma once

#include "bench/bench.h"
#include "core/tensor/tensor.h"

namespace ohm::bench {

struct Roofline {
  double f32_gflops = 0;   // multiply-adds in registers, all threads
  double bf16_gflops = 0;  // the same with AVX512-BF16; 0 without it
  double gbytes = 0;       // of memory traffic per second

  // Where there is no bf16 arithmetic it is emulated with f32's. A processor
  // with bf16 matrix tiles (AMX) can exceed what is measured here.
  double Peak(DType dtype) const {
    return dtype == DType::kBF16 && bf16_gflops > 0 ? bf16_gflops : f32_gflops;
  }
  // The least time for so much arithmetic and traffic:
  // flop / min(peak, intensity * bandwidth).
  double LeastMs(DType dtype, double gflop, double gbyte) const;
};

// Measures with the threads that are set now, and prints one line for each
// roof. The roofs are the best runs, not the medians: a roof is a limit.
Roofline MeasureRoofline(const BenchOptions& options);

}  // namespace ohm::bench
