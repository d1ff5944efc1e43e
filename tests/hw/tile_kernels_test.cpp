// The kernel variants against each other, bit for bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "hw/kernels/tile.h"

namespace ohm::test {
namespace {

// One tile's work with storage of its own.
struct Work {
  std::vector<uint8_t> image;
  std::vector<const uint8_t*> pixels;
  std::vector<int32_t> quads, start, windows;
  std::vector<int8_t> weights, rests;
  std::vector<uint8_t> picks;
  std::vector<float> to_code, to_value, gy, normals, deviation, shift;
  hw::TileWork work;
  hw::TileAdc adc;
};

// Remainders of every third column, in two steps.
void AddRemainders(Key key, Work* w) {
  constexpr int64_t kSteps = 2;
  const int64_t columns = w->work.columns;
  for (int64_t s = 0; s < kSteps; ++s) {
    w->windows.push_back(int32_t(key.Child("window").Below(uint64_t(s), 9)));
  }
  w->picks.assign(size_t(kSteps * columns * 4), 0);
  w->rests.assign(w->picks.size(), 0);
  for (size_t i = 0; i < w->picks.size(); ++i) {
    const auto n = int64_t(i) / 4 % columns;
    if (n >= w->adc.outputs || n % 3 != 0) continue;
    w->picks[i] = uint8_t(key.Child("pick").Below(i, 64));
    w->rests[i] = int8_t(int(key.Child("rest").Below(i, 255)) - 127);
    w->start[size_t(n)] -= 128 * w->rests[i];
  }
  w->work.remainders = {kSteps, w->windows.data(), w->picks.data(),
                        w->rests.data()};
}

// Extreme codes only, if `extreme`: sums then are as large as they get.
// The first `high` quads count 256 times.
Work MakeWork(int64_t count, int64_t quad_count, int64_t outputs, bool extreme,
              Key key, int64_t high = 0) {
  const int64_t columns = (outputs + 15) / 16 * 16;
  Work w;
  const int64_t read = std::max(4 * quad_count, 8 + hw::kWindowBytes);
  w.image.resize(size_t(4 * count + read + 3));
  for (size_t i = 0; i < w.image.size(); ++i) {
    w.image[i] = extreme ? 255 : uint8_t(key.Below(i, 256));
  }
  // Windows overlap and start anywhere, as they do in an image.
  for (int64_t p = 0; p < count; ++p) {
    w.pixels.push_back(w.image.data() + p * 4 + (extreme ? 0 : p % 4));
  }
  for (int64_t q = 0; q < quad_count; ++q) {
    w.quads.push_back(int32_t(4 * (quad_count - 1 - q)));
  }
  w.weights.assign(size_t(quad_count * columns * 4), 0);
  w.start.assign(size_t(columns), 0);
  for (int64_t q = 0; q < quad_count; ++q) {
    for (int64_t n = 0; n < outputs; ++n) {
      for (int64_t i = 0; i < 4; ++i) {
        const auto at = size_t((q * columns + n) * 4 + i);
        const int random = int(key.Child("w").Below(at, 255)) - 127;
        w.weights[at] = int8_t(extreme ? (n % 2 == 0 ? 127 : -127) : random);
        w.start[size_t(n)] -= (q < high ? 256 : 1) * 128 * w.weights[at];
      }
    }
  }
  for (int64_t n = 0; n < columns; ++n) {
    const auto at = uint64_t(n);
    w.to_code.push_back(float(key.Child("code").Uniform(at) * 2e-3 + 1e-4));
    w.to_value.push_back(float(key.Child("value").Normal(at)));
  }
  for (int64_t i = 0; i < count * (outputs + 3); ++i) {
    w.gy.push_back(float(key.Child("gy").Normal(uint64_t(i))));
  }
  for (int64_t i = 0; i < count * columns; ++i) {
    w.normals.push_back(float(key.Child("o").Normal(uint64_t(i))));
  }
  for (int64_t n = 0; n < columns; ++n) {  // nothing on padding columns
    const bool real = n < outputs;
    w.deviation.push_back(
        real ? float(1e3 * key.Child("d").Uniform(uint64_t(n))) : 0.0F);
    w.shift.push_back(real ? float(1e2 * key.Child("s").Normal(uint64_t(n)))
                           : 0.0F);
  }
  w.work = {w.pixels.data(),
            count,
            w.quads.data(),
            quad_count,
            w.weights.data(),
            w.start.data(),
            columns,
            high,
            hw::Start::kCentred,
            {}};
  w.adc = {w.to_code.data(), w.to_value.data(), extreme ? -127.0F : -100.0F,
           127.0F, outputs};
  return w;
}

struct Results {
  std::vector<int32_t> sums, most, noisy_most;
  std::vector<float> y, total;
  bool operator==(const Results&) const = default;
};

Results RunAll(const hw::TileKernels& kernels, const Work& w) {
  const int64_t columns = w.work.columns, stride = w.adc.outputs + 3;
  Results r;
  r.sums.assign(size_t(w.work.count * columns), -1);
  r.most.assign(size_t(columns), 0);
  r.noisy_most.assign(size_t(columns), 0);
  r.y.assign(size_t(w.work.count * stride), -77.0F);
  r.total.assign(size_t(columns), 0.0F);
  kernels.sums(w.work, r.sums.data());
  kernels.convert(w.work, w.adc, true, r.y.data(), stride, r.most.data());
  kernels.convert(w.work, w.adc, false, r.y.data(), stride, nullptr);
  hw::TileAdc noisy = w.adc;
  noisy.normals = w.normals.data();
  noisy.deviation = w.deviation.data();
  noisy.shift = w.shift.data();
  kernels.convert(w.work, noisy, false, r.y.data(), stride,
                  r.noisy_most.data());
  kernels.add(w.work, w.to_value.data(), w.adc.outputs, r.y.data(), stride);
  kernels.weigh(w.work, w.adc, w.gy.data(), stride, r.total.data());
  return r;
}

// The formula of the header, in 64 bits.
int64_t Sum(const Work& w, int64_t p, int64_t n) {
  int64_t sum = w.start[size_t(n)];
  for (int64_t q = 0; q < w.work.quad_count; ++q) {
    for (int64_t i = 0; i < 4; ++i) {
      sum += int64_t{w.pixels[size_t(p)][w.quads[size_t(q)] + i]} *
             w.weights[size_t((q * w.work.columns + n) * 4 + i)] *
             (q < w.work.high ? 256 : 1);
    }
  }
  return sum;
}

int64_t Remainder(const Work& w, int64_t p, int64_t n) {
  int64_t sum = 0;
  for (size_t s = 0; s < w.windows.size(); ++s) {
    for (size_t i = 0; i < 4; ++i) {
      const size_t at = (s * size_t(w.work.columns) + size_t(n)) * 4 + i;
      sum += int64_t{w.pixels[size_t(p)][w.windows[s] + w.picks[at]]} *
             w.rests[at];
    }
  }
  return sum;
}

// What every variant makes of the work, from each start it may be told of.
void CheckVariants(const Work& w) {
  Work any = w, none = w;
  any.work.start_is = hw::Start::kAny;
  std::fill(none.start.begin(), none.start.end(), 0);
  none.work.start = none.start.data();
  none.work.start_is = hw::Start::kZero;
  for (const Work* work :
       {&w, static_cast<const Work*>(&any), static_cast<const Work*>(&none)}) {
    const Results expected = RunAll(hw::PortableTile(), *work);
    for (const auto& variant : hw::TileKernelVariants()) {
      if (!variant.supported) continue;
      INFO(std::string(variant.name), " ", w.work.count, " pixels ",
           w.work.quad_count, " quads ", w.adc.outputs, " outputs");
      CHECK(RunAll(variant, *work) == expected);
    }
  }
  const Results portable = RunAll(hw::PortableTile(), w);
  for (int64_t p = 0; p < w.work.count; ++p) {
    for (int64_t n = 0; n < w.work.columns; ++n) {
      REQUIRE(portable.sums[size_t(p * w.work.columns + n)] == Sum(w, p, n));
    }
  }
}

TEST_CASE("every kernel variant gives the same bits") {
  int runs = 0;
  for (const int64_t count : {1, 5, 8, 17, 48}) {
    for (const int64_t quads : {1, 3, 16, 33}) {
      for (const int64_t outputs : {1, 8, 9, 16, 17, 31, 64, 100}) {
        const Key key = Key(9).Child(uint64_t(runs++));
        const int64_t high = runs % 2 == 0 ? 0 : (quads + 1) / 2;
        CheckVariants(MakeWork(count, quads, outputs, false, key, high));
      }
    }
  }
}

TEST_CASE("every kernel variant adds remainders of weights") {
  for (const int64_t outputs : {1, 8, 9, 16, 17, 31, 48, 64, 100}) {
    for (const int64_t count : {1, 8, 17}) {
      const Key key = Key(11).Child(uint64_t(outputs)).Child(uint64_t(count));
      Work w = MakeWork(count, 5, outputs, false, key);
      std::fill(w.to_value.begin(), w.to_value.end(), 1.0F);
      AddRemainders(key.Child("remainders"), &w);
      for (const auto& variant : hw::TileKernelVariants()) {
        if (!variant.supported) continue;
        INFO(std::string(variant.name), " ", count, " pixels ", outputs,
             " outputs");
        std::vector<float> y(size_t(count * outputs), 0.0F);
        variant.add(w.work, w.to_value.data(), outputs, y.data(), outputs);
        for (int64_t p = 0; p < count; ++p) {
          for (int64_t n = 0; n < outputs; ++n) {
            REQUIRE(y[size_t(p * outputs + n)] ==
                    float(Sum(w, p, n) + Remainder(w, p, n)));
          }
        }
      }
    }
  }
}

TEST_CASE("the largest codes do not overflow a kernel") {
  const Work w = MakeWork(9, 1024, 20, true, Key(3));  // 4096 rows
  for (const auto& variant : hw::TileKernelVariants()) {
    if (!variant.supported) continue;
    INFO(std::string(variant.name));
    const Results r = RunAll(variant, w);
    CHECK(r.sums[0] == 4096 * 127 * 127);
    CHECK(r.sums[1] == -4096 * 127 * 127);
    CHECK(r.most[1] == 4096 * 127 * 127);
  }
}

TEST_CASE("the best variant that the machine supports is used") {
  CHECK(hw::CurrentTileKernels().supported);
  CHECK(hw::TileKernelVariants().back().supported);  // portable
  for (const auto& variant : hw::TileKernelVariants()) {
    if (!variant.supported) continue;
    CHECK(std::string(hw::CurrentTileKernels().name) == variant.name);
    break;
  }
}

}  // namespace
}  // namespace ohm::test
