// Each kernel alone, on the shapes of the networks that are trained here, held
// against the roofline of this machine.
#include <fmt/format.h>

#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/roofline.h"
#include "bench/work.h"
#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/kernels/conv2d.h"

namespace ohm::bench {
namespace {

// Every case there is: each row in each of its passes.
const std::vector<KernelRow>& KernelTable() {
  constexpr DType f32 = DType::kF32, bf16 = DType::kBF16;
  const Conv2dSpec s1 = Conv2dSpec::Square(1, 1);
  const Conv2dSpec s2 = Conv2dSpec::Square(2, 3);
  const std::vector<Pass> conv = {{"forward", ConvForward},
                                  {"grad input", ConvGradInput},
                                  {"grad weight", ConvGradWeight}};
  // Images need no gradient.
  const std::vector<Pass> stem = {{"forward", ConvForward},
                                  {"grad weight", ConvGradWeight}};
  const std::vector<Pass> matmul = {{"forward", MatmulForward}};
  const std::vector<Pass> norm = {{"forward", BatchNormForward},
                                  {"backward", BatchNormBackward},
                                  {"fused forward", FusedNormForward},
                                  {"fused backward", FusedNormBackward}};
  const std::vector<Pass> softmax = {{"forward", LogSoftmaxForward}};
  const std::vector<Pass> loops = {{"relu", ReluForward}, {"add", AddForward}};
  static const std::vector<KernelRow> table = {
      {"conv resnet20 stem", f32, {128, 32, 32, 3}, {16, 3, 3, 3}, s1, stem},
      {"conv resnet20 stem", bf16, {128, 32, 32, 3}, {16, 3, 3, 3}, s1, stem},
      {"conv resnet20 16", f32, {128, 32, 32, 16}, {16, 3, 3, 16}, s1, conv},
      {"conv resnet20 16", bf16, {128, 32, 32, 16}, {16, 3, 3, 16}, s1, conv},
      {"conv resnet20 32", f32, {128, 16, 16, 32}, {32, 3, 3, 32}, s1, conv},
      {"conv resnet20 32", bf16, {128, 16, 16, 32}, {32, 3, 3, 32}, s1, conv},
      {"conv resnet20 64", f32, {128, 8, 8, 64}, {64, 3, 3, 64}, s1, conv},
      {"conv resnet20 64", bf16, {128, 8, 8, 64}, {64, 3, 3, 64}, s1, conv},
      {"conv resnet18 stem", f32, {16, 224, 224, 3}, {64, 7, 7, 3}, s2, stem},
      {"conv resnet18 stem", bf16, {16, 224, 224, 3}, {64, 7, 7, 3}, s2, stem},
      {"conv resnet18 64", f32, {16, 56, 56, 64}, {64, 3, 3, 64}, s1, conv},
      {"conv resnet18 64", bf16, {16, 56, 56, 64}, {64, 3, 3, 64}, s1, conv},
      {"conv resnet18 128", f32, {16, 28, 28, 128}, {128, 3, 3, 128}, s1, conv},
      {"conv resnet18 128",
       bf16,
       {16, 28, 28, 128},
       {128, 3, 3, 128},
       s1,
       conv},
      {"conv resnet18 256", f32, {16, 14, 14, 256}, {256, 3, 3, 256}, s1, conv},
      {"conv resnet18 256",
       bf16,
       {16, 14, 14, 256},
       {256, 3, 3, 256},
       s1,
       conv},
      {"conv resnet18 512", f32, {16, 7, 7, 512}, {512, 3, 3, 512}, s1, conv},
      {"conv resnet18 512", bf16, {16, 7, 7, 512}, {512, 3, 3, 512}, s1, conv},
      {"matmul 512", f32, {512, 512}, {512, 512}, {}, matmul},
      {"matmul 512", bf16, {512, 512}, {512, 512}, {}, matmul},
      {"batch_norm resnet20 16", f32, {128, 32, 32, 16}, {}, {}, norm},
      {"batch_norm resnet20 16", bf16, {128, 32, 32, 16}, {}, {}, norm},
      {"batch_norm resnet18 64", f32, {16, 56, 56, 64}, {}, {}, norm},
      {"batch_norm resnet18 64", bf16, {16, 56, 56, 64}, {}, {}, norm},
      {"log_softmax 1000", f32, {1024, 1000}, {}, {}, softmax},
      {"loops resnet20 16", f32, {128, 32, 32, 16}, {}, {}, loops},
      {"loops resnet20 16", bf16, {128, 32, 32, 16}, {}, {}, loops},
      {"loops resnet18 stem", f32, {16, 112, 112, 64}, {}, {}, loops},
      {"loops resnet18 stem", bf16, {16, 112, 112, 64}, {}, {}, loops},
  };
  return table;
}

struct KernelCase {
  const KernelRow* row;
  const Pass* pass;

  std::string name() const {
    return fmt::format("{} {} {}", row->name, NameOf(row->dtype), pass->name);
  }
};

std::vector<KernelCase> AllCases() {
  std::vector<KernelCase> cases;
  for (const KernelRow& row : KernelTable()) {
    if (row.dtype == DType::kBF16 && !kernels::HasBFloat16()) continue;
    for (const Pass& pass : row.passes) cases.push_back({&row, &pass});
  }
  return cases;
}

train::Metrics Fields(const KernelCase& one, const Work& work, double share,
                      bool computes) {
  train::Metrics fields = {{"dtype", std::string(NameOf(one.row->dtype))},
                           {"x", one.row->x.str()}};
  if (one.row->w.rank() > 0) fields.emplace_back("w", one.row->w.str());
  fields.emplace_back("gflop", work.gflop);
  fields.emplace_back("gbyte", work.gbyte);
  fields.emplace_back("roofline_percent", share);
  fields.emplace_back("bound", std::string(computes ? "compute" : "memory"));
  return fields;
}

// A share above 100 % of memory means that the operands stayed in the cache.
void RunCase(const BenchOptions& options, const Roofline& roofline,
             const KernelCase& one) {
  const Work work = one.pass->make(*one.row);
  const DType dtype = one.row->dtype;
  const double error = work.error();
  OHM_CHECK(error <= Tolerance(dtype),
            fmt::format("bench kernels: {}: expected a relative error of at "
                        "most {} against the reference, got {}",
                        one.name(), Tolerance(dtype), error));
  const Timing timing = Measure(work.run, options.seconds);
  const double least = roofline.LeastMs(dtype, work.gflop, work.gbyte);
  const double share = 100 * least / timing.median_ms;
  const bool computes = least > roofline.LeastMs(dtype, 0, work.gbyte);
  const bool counts_flop = work.gflop > 0;
  Print(options, {.name = one.name(),
                  .timing = timing,
                  .items = counts_flop ? work.gflop : work.gbyte,
                  .unit = counts_flop ? "GFLOP/s" : "GB/s",
                  .note = fmt::format("{:.0f} % of {}", share,
                                      computes ? "peak" : "memory"),
                  .more = Fields(one, work, share, computes)});
}

}  // namespace

void BenchKernels(const BenchOptions& options) {
  const std::vector<KernelCase> cases = AllCases();
  std::vector<std::string> names;
  for (const KernelCase& one : cases) names.push_back(one.name());
  const std::vector<size_t> selected = Select(options, "kernels", names);
  if (options.threads > 0) SetThreads(options.threads);
  const Roofline roofline = MeasureRoofline(options);
  for (const size_t i : selected) RunCase(options, roofline, cases[i]);
}

}  // namespace ohm::bench
