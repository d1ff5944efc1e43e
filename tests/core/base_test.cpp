#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/kernels/elementwise.h"
#include "core/tensor/tensor.h"
#include "tests/support/gradient_check.h"

namespace ohm::test {
namespace {

TEST_CASE("Philox meets the published vectors of Random123") {
  // kat_vectors of Random123 1.14: philox4x32, 10 rounds.
  CHECK(
      Philox4x32({0, 0, 0, 0}, {0, 0}) ==
      std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                 {0xffffffff, 0xffffffff}) ==
      std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 {0xa4093822, 0x299f31d0}) ==
      std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random streams have their moments within five sigma") {
  const Key key = Key(42).Child("moments");
  constexpr int kCount = 200000;
  double sum = 0, square = 0, uniform = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double n = key.Normal(i), u = key.Uniform(i);
    CHECK_UNARY(u >= 0.0 && u < 1.0 && std::isfinite(n));
    sum += n;
    square += n * n;
    uniform += u;
  }
  const double root = std::sqrt(double(kCount));
  CHECK(std::abs(sum / kCount) < 5.0 / root);
  CHECK(std::abs(square / kCount - 1.0) < 5.0 * std::sqrt(2.0) / root);
  CHECK(std::abs(uniform / kCount - 0.5) < 5.0 / std::sqrt(12.0) / root);
}

TEST_CASE("children of a key differ and depend on nothing but their names") {
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 1000; ++i) seen.insert(Key(1).Child(i).bits());
  seen.insert(Key(1).Child("a").bits());
  seen.insert(Key(1).Child("b").bits());
  seen.insert(Key(2).Child("a").bits());
  CHECK(seen.size() == 1003);
  CHECK(Key(5).Child("x").Child(3).bits() == Key(5).Child("x").Child(3).bits());
  for (uint64_t i = 0; i < 1000; ++i) CHECK_UNARY(Key(9).Below(i, 7) < 7);
}

TEST_CASE("ParallelFor covers the range once and passes exceptions on") {
  for (const int threads : {1, 2, 3}) {
    SetThreads(threads);
    std::vector<int> hits(1000, 0);
    ParallelFor(1000, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++hits[size_t(i)];
    });
    CHECK(hits == std::vector<int>(1000, 1));
    CHECK_THROWS_AS(
        ParallelFor(10, 1, [](int64_t, int64_t) { ThrowError("no"); }), Error);
  }
  SetThreads(2);
  CHECK_THROWS_AS(SetThreads(0), Error);
}

TEST_CASE("a control group's quota bounds the cores, rounded up") {
  CHECK(CoresOfQuota("max 100000", 8) == 8);
  CHECK(CoresOfQuota("200000 100000", 8) == 2);
  CHECK(CoresOfQuota("150000 100000", 8) == 2);
  CHECK(CoresOfQuota("10000 100000", 8) == 1);
  CHECK(CoresOfQuota("1600000 100000", 8) == 8);
  CHECK(CoresOfQuota("", 3) == 3);
  CHECK(AvailableCores() >= 1);
}

TEST_CASE("elementwise kernels give the same bits for any thread count") {
  const Tensor x = RandomTensor({700, 33}, Key(3));
  SetThreads(1);
  const Tensor one = kernels::SumRows(x);
  SetThreads(2);
  CHECK(BitEqual(one, kernels::SumRows(x)));
  CHECK(std::isnan(kernels::Relu(Tensor::Full({1}, std::nanf(""))).item()));
}

TEST_CASE("tensors share, slice, clone and check") {
  Tensor t = Tensor::From({2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  Tensor row = t.Slice(1, 2);
  row.data()[0] = 9;
  CHECK(t.data()[3] == 9.0F);
  CHECK(row.SharesStorage(t));
  CHECK_FALSE(t.Clone().SharesStorage(t));
  CHECK(reinterpret_cast<uintptr_t>(t.raw()) % 64 == 0);
  CHECK_THROWS_WITH_AS(t.Reshape({4}),
                       "[reshape] expected 6 elements as in [2, 3], got [4]",
                       Error);
  CHECK_THROWS_AS(t.data<int8_t>(), Error);
  CHECK_THROWS_AS(t.Slice(1, 4), Error);
  CHECK_THROWS_AS(Tensor().raw(), Error);
  CHECK(Tensor::Zeros({3}, DType::kBF16).bytes() == 6);
  CHECK(Tensor::Empty({0, 3}).count() == 0);
}

TEST_CASE("a file that cannot be read to its end is an error") {
  CHECK_THROWS_WITH_AS(ReadFile("/proc/self/mem"),
                       "cannot read '/proc/self/mem': Input/output error",
                       Error);
  CHECK_THROWS_AS(ReadFile("/nowhere"), Error);
  CHECK(ReadFile("/proc/self/cmdline").size() > 0);  // of unknown length
  CHECK(ReadFile("/dev/null").empty());
}

TEST_CASE("a file is written whole or not at all") {
  const auto folder = std::filesystem::temp_directory_path() / "ohm_file_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto path = folder / "a.txt";
  WriteFileAtomically(path, std::string("first"));
  WriteFileAtomically(path, std::string("second"));
  CHECK(ReadFile(path) == "second");
  CHECK_THROWS_AS(WriteFileAtomically(folder / "no" / "b", std::string("x")),
                  Error);
  CHECK_THROWS_AS(ReadFile(folder / "none"), Error);
  CHECK_THROWS_AS(ReadFile(folder), Error);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CHECK(entry.path().filename() == "a.txt");
    ++files;
  }
  CHECK(files == 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ohm::test
