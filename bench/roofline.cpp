#include "bench/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "bench/register_loops.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/simd.h"
#include "core/tensor/storage.h"

namespace ohm::bench {
namespace {

// A roof needs no long measurement: its best run counts.
constexpr double kMostSeconds = 0.5;

// Prints a roof and returns the best rate.
double Roof(const BenchOptions& options, const std::string& name, double items,
            const std::string& unit, const std::function<void()>& run) {
  const Timing timing = Measure(run, std::min(options.seconds, kMostSeconds));
  const double best = items / timing.min_ms * 1e3;
  Print(options, {.name = "roofline " + name,
                  .timing = timing,
                  .items = items,
                  .unit = unit,
                  .note = fmt::format("best {:.1f}", best),
                  .more = {{"best_per_second", best}}});
  return best;
}

double PeakGflops(const BenchOptions& options, const std::string& dtype,
                  const RegisterLoop& loop) {
  // Counts to 4 million, which is exact in f32. Some milliseconds: longer than
  // one turn of the scheduler, should there be other processes.
  constexpr int64_t kRounds = 2000000;
  const int threads = Threads();
  std::vector<double> results(size_t(threads), 0.0);
  const auto run = [&] {
    ParallelFor(threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        results[size_t(i)] = loop.run(kRounds);
      }
    });
  };
  run();
  for (const double result : results) {
    OHM_CHECK(result == loop.expected(kRounds),
              fmt::format("roofline: expected {} from the {} loop, got {}",
                          loop.expected(kRounds), loop.name, result));
  }
  const double gflop =
      1e-9 * double(kRounds) * double(loop.flop_per_round) * double(threads);
  return Roof(options, fmt::format("{} ({})", dtype, loop.name), gflop,
              "GFLOP/s", run);
}

OHM_SIMD_CLONES void TriadLoop(const float* b, const float* c, float factor,
                               float* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) a[i] = b[i] + factor * c[i];
}

// Of the last cache. The kernel says what this core sees; sysconf may count
// every core's of a large processor.
int64_t CacheBytes() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  int64_t kib = 0;  // "32768K"
  return file >> kib ? kib << 10 : int64_t{32} << 20;
}

// Four times the last cache each, as STREAM asks for, within reason.
int64_t TriadCount() {
  const int64_t bytes = std::clamp<int64_t>(4 * CacheBytes(), int64_t{64} << 20,
                                            int64_t{256} << 20);
  return bytes / int64_t(sizeof(float));
}

void FillInParallel(Tensor* t, float value) {
  float* p = t->data();
  ParallelFor(t->count(), 1 << 14, [&](int64_t begin, int64_t end) {
    std::fill(p + begin, p + end, value);
  });
}

// a = b + 3 c. Counts the bytes the formula names, as STREAM does and as the
// kernels are counted; reading a line before it is written comes on top.
double Bandwidth(const BenchOptions& options) {
  const int64_t n = TriadCount();
  Tensor a = Tensor::Empty({n}), b = Tensor::Empty({n}), c = Tensor::Empty({n});
  FillInParallel(&a, 0);
  FillInParallel(&b, 1);
  FillInParallel(&c, 2);
  const auto run = [&] {
    float* pa = a.data();
    const float *pb = b.data(), *pc = c.data();
    ParallelFor(n, 1 << 14, [&](int64_t begin, int64_t end) {
      TriadLoop(pb + begin, pc + begin, 3.0F, pa + begin, end - begin);
    });
  };
  run();
  OHM_CHECK(a.data()[0] == 7 && a.data()[n / 2] == 7 && a.data()[n - 1] == 7,
            "roofline: expected 1 + 3 * 2 from the triad, got " +
                std::to_string(a.data()[n - 1]));
  return Roof(options, fmt::format("memory (triad, 3 x {} MiB)", 4 * n >> 20),
              1e-9 * 12 * double(n), "GB/s", run);
}

}  // namespace

double Roofline::LeastMs(DType dtype, double gflop, double gbyte) const {
  return 1e3 * std::max(gflop / Peak(dtype), gbyte / gbytes);
}

Roofline MeasureRoofline(const BenchOptions& options) {
  Roofline roofline;
  roofline.f32_gflops = PeakGflops(options, "f32", F32Loop());
  if (const RegisterLoop loop = BF16Loop(); loop.run != nullptr) {
    roofline.bf16_gflops = PeakGflops(options, "bf16", loop);
  }
  roofline.gbytes = Bandwidth(options);
  ReleaseKeptStorage();  // the triad's arrays are used by nobody else
  return roofline;
}

}  // namespace ohm::bench
