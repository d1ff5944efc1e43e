#include "datasets/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/parallel.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_FAILURE_USERMSG
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_PNM
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace ohm::datasets {
namespace {

struct Tap {
  int64_t from;
  float weight;
};

// For every output position the inputs it is made of.
std::vector<std::vector<Tap>> Taps(int64_t from, int64_t to) {
  std::vector<std::vector<Tap>> taps(static_cast<size_t>(to));
  const double scale = double(from) / double(to);
  for (int64_t i = 0; i < to; ++i) {
    auto& list = taps[size_t(i)];
    if (scale > 1) {
      const double begin = double(i) * scale, end = begin + scale;
      for (auto k = int64_t(begin); k < from && double(k) < end; ++k) {
        const double covered =
            std::min(end, double(k + 1)) - std::max(begin, double(k));
        if (covered > 0) list.push_back({k, float(covered / scale)});
      }
    } else {
      const double centre =
          std::clamp((double(i) + 0.5) * scale - 0.5, 0.0, double(from - 1));
      const auto low = int64_t(centre);
      const auto share = float(centre - double(low));
      list.push_back({low, 1.0F - share});
      if (low + 1 < from) list.push_back({low + 1, share});
    }
  }
  return taps;
}

// stb fills what is missing at the end of a JPEG with gray. Behind the start of
// the first scan (FF DA) there must be an end of image (FF D9), which
// compressed data never contains. What stands before that scan are segments
// that say how long they are; a thumbnail in one of them has scans and an end
// of its own.
bool IsWholeJpeg(const std::string& bytes) {
  const auto byte = [&](size_t at) {
    return at < bytes.size() ? size_t(uint8_t(bytes[at])) : 0;
  };
  size_t at = 2;
  while (byte(at) == 0xff && byte(at + 1) != 0xda) {
    const bool fill = byte(at + 1) == 0xff;
    at += fill ? 1 : 2 + byte(at + 2) * 256 + byte(at + 3);
  }
  return byte(at) == 0xff && bytes.find("\xff\xd9", at) != std::string::npos;
}

void CheckWhole(const std::string& name, const std::string& bytes, bool whole) {
  OHM_CHECK(whole,
            fmt::format("'{}': expected a whole image, got {} bytes without "
                        "its end; is it truncated?",
                        name, bytes.size()));
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// stb does not look whether a PPM or PGM holds all its pixels, nor scale by its
// largest value. Its header is the magic and three numbers (width, height,
// largest value) between spaces and comment lines, then one space.
void CheckPnm(const std::string& name, const std::string& bytes) {
  size_t at = 2;
  std::array<size_t, 3> numbers{};
  for (size_t& number : numbers) {
    while (at < bytes.size() && (IsSpace(bytes[at]) || bytes[at] == '#')) {
      if (bytes[at] == '#') at = std::min(bytes.find('\n', at), bytes.size());
      if (at < bytes.size()) ++at;
    }
    while (at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9') {
      // Beyond the largest side that stb reads: any product still fits.
      number = std::min<size_t>(number * 10 + size_t(bytes[at++] - '0'),
                                (size_t{1} << 24) + 1);
    }
  }
  OHM_CHECK(numbers[0] > 0 && numbers[1] > 0 && numbers[2] == 255,
            fmt::format("'{}': expected a PPM or PGM of at least 1x1 pixels of "
                        "8 bits (largest value 255), got {}x{} and {}",
                        name, numbers[0], numbers[1], numbers[2]));
  const size_t channels = bytes[1] == '6' ? 3 : 1;
  CheckWhole(name, bytes,
             bytes.size() >= at + 1 + numbers[0] * numbers[1] * channels);
}

// PNG is left to stb, which finds a truncated one.
void CheckFile(const std::string& name, const std::string& bytes) {
  if (bytes.starts_with("\xff\xd8")) {
    CheckWhole(name, bytes, IsWholeJpeg(bytes));
  }
  if (bytes.starts_with("P5") || bytes.starts_with("P6")) {
    CheckPnm(name, bytes);
  }
}

}  // namespace

Tensor DecodeImage(const std::filesystem::path& path) {
  const std::string bytes = ReadFile(path);
  OHM_CHECK(bytes.size() < size_t(std::numeric_limits<int>::max()),
            fmt::format("'{}': expected an image file below 2 GiB, got {} "
                        "bytes",
                        path.string(), bytes.size()));
  CheckFile(path.string(), bytes);
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()),
                            int(bytes.size()), &width, &height, &channels, 3),
      stbi_image_free);
  OHM_CHECK(pixels != nullptr,
            fmt::format("'{}': expected a JPEG, PNG, PPM or PGM image, got {} "
                        "bytes that are none ({})",
                        path.string(), bytes.size(), stbi_failure_reason()));
  Tensor image = Tensor::EmptyOnce({height, width, 3}, DType::kU8);
  std::memcpy(image.raw(), pixels.get(), image.bytes());
  return image;
}

Tensor ResizeImage(const Tensor& image, int size) {
  const int64_t h = image.size(0), w = image.size(1);
  if (h == size && w == size) return image;
  const auto rows = Taps(h, size), columns = Taps(w, size);
  const auto* from = image.data<uint8_t>();
  std::vector<float> wide(size_t(h) * size_t(size) * 3, 0.0F);
  for (int64_t i = 0; i < h; ++i) {
    for (size_t j = 0; j < columns.size(); ++j) {
      for (const Tap& tap : columns[j]) {
        for (size_t c = 0; c < 3; ++c) {
          wide[(size_t(i) * columns.size() + j) * 3 + c] +=
              tap.weight * float(from[size_t((i * w + tap.from) * 3) + c]);
        }
      }
    }
  }
  Tensor resized = Tensor::Empty({size, size, 3}, DType::kU8);
  auto* to = resized.data<uint8_t>();
  const size_t line = columns.size() * 3;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t k = 0; k < line; ++k) {
      float sum = 0;
      for (const Tap& tap : rows[i]) {
        sum += tap.weight * wide[size_t(tap.from) * line + k];
      }
      to[i * line + k] = uint8_t(std::clamp(std::lround(sum), 0L, 255L));
    }
  }
  return resized;
}

Tensor CollectImages(int64_t count, int size,
                     const std::function<Tensor(int64_t)>& image) {
  OHM_CHECK(size >= 1,
            fmt::format("[images] expected an image size of at least 1, got {}",
                        size));
  constexpr int64_t kGrain = 16;
  Tensor all = Tensor::Empty({count, size, size, 3}, DType::kU8);
  ParallelFor(count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Tensor resized = ResizeImage(image(i), size);
      std::memcpy(all.data<uint8_t>() + i * resized.count(), resized.raw(),
                  resized.bytes());
    }
  });
  return all;
}

}  // namespace ohm::datasets
