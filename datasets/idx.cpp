#include "datasets/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/check.h"
#include "datasets/image.h"
#include "datasets/memory.h"

namespace ohm::datasets {
namespace {

constexpr int64_t kPaddedSide = 32;

struct Idx {
  std::string source;
  std::vector<int64_t> sizes;
  std::string bytes;  // header included
  size_t first = 0;   // of the data

  const uint8_t* data() const {
    return reinterpret_cast<const uint8_t*>(bytes.data()) + first;
  }
};

// zlib passes files that are not compressed through.
std::string ReadMaybeGzip(const std::string& path) {
  constexpr unsigned kPart = 1 << 20;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(
      gzopen(path.c_str(), "rb"), gzclose);
  OHM_CHECK(file != nullptr, fmt::format("cannot read '{}'", path));
  std::string bytes;
  while (true) {
    const size_t before = bytes.size();
    bytes.resize(before + kPart);
    const int got = gzread(file.get(), bytes.data() + before, kPart);
    bytes.resize(before + size_t(std::max(got, 0)));
    if (got == int(kPart)) continue;
    // A compressed file that ends early is only an error code at its end.
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    OHM_CHECK(code == Z_OK || code == Z_STREAM_END,
              fmt::format("'{}': expected a whole gzip file, got a damaged or "
                          "truncated one ({})",
                          path, reason));
    return bytes;
  }
}

int64_t BigEndian(const std::string& bytes, size_t at) {
  int64_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  }
  return value;
}

Idx Read(const std::filesystem::path& plain, size_t axes) {
  const std::string name = plain.string(), packed = name + ".gz";
  std::error_code code;
  const bool has_plain = std::filesystem::exists(plain, code);
  OHM_CHECK(has_plain || std::filesystem::exists(packed, code),
            fmt::format("cannot find '{}' or '{}'", name, packed));
  Idx idx{has_plain ? name : packed, {}, {}, 4 + 4 * axes};
  idx.bytes = ReadMaybeGzip(idx.source);
  OHM_CHECK(idx.bytes.size() >= idx.first &&
                BigEndian(idx.bytes, 0) == int64_t(0x800 + axes),
            fmt::format("'{}': expected an IDX file of unsigned bytes with {} "
                        "axes (magic number {})",
                        idx.source, axes, 0x800 + axes));
  const size_t held = idx.bytes.size() - idx.first;
  size_t count = 1;
  std::string sizes;
  for (size_t axis = 0; axis < axes; ++axis) {
    idx.sizes.push_back(BigEndian(idx.bytes, 4 + 4 * axis));
    sizes += fmt::format("{}{}", axis == 0 ? "" : "x", idx.sizes.back());
    // Sizes are below 2^32, so one more than is there cannot overflow.
    count = std::min(count * size_t(idx.sizes.back()), held + 1);
  }
  OHM_CHECK(count == held && held > 0,
            fmt::format("'{}': expected {} bytes behind the header, got {}; is "
                        "it truncated?",
                        idx.source, sizes, held));
  return idx;
}

// Gray h x w to three channels, in the middle of a square of zeros where the
// wanted size leaves room for it.
Tensor Expand(const uint8_t* gray, int64_t h, int64_t w, int image_size) {
  const int64_t room = image_size < kPaddedSide ? 0 : kPaddedSide;
  const int64_t height = std::max(h, room), width = std::max(w, room);
  const int64_t top = (height - h) / 2, left = (width - w) / 2;
  Tensor image = Tensor::Zeros({height, width, 3}, DType::kU8);
  for (int64_t i = 0; i < h; ++i) {
    uint8_t* to = image.data<uint8_t>() + 3 * ((i + top) * width + left);
    for (int64_t j = 0; j < w; ++j, to += 3)
      std::memset(to, gray[i * w + j], 3);
  }
  return image;
}

}  // namespace

DatasetPtr ReadIdx(const std::filesystem::path& images,
                   const std::filesystem::path& labels, int classes,
                   int image_size) {
  const Idx pixels = Read(images, 3), classes_of = Read(labels, 1);
  const int64_t count = pixels.sizes[0];
  OHM_CHECK(count == classes_of.sizes[0],
            fmt::format("'{}': expected {} labels, as many as there are images "
                        "in '{}', got {}",
                        classes_of.source, count, pixels.source,
                        classes_of.sizes[0]));
  const int64_t h = pixels.sizes[1], w = pixels.sizes[2];
  Tensor all = CollectImages(count, image_size, [&](int64_t i) {
    return Expand(pixels.data() + i * h * w, h, w, image_size);
  });
  return std::make_shared<MemoryDataset>(
      std::move(all),
      std::vector<int32_t>(classes_of.data(), classes_of.data() + count),
      classes, classes_of.source);
}

}  // namespace ohm::datasets
