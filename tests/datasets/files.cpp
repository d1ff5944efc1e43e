#include "tests/datasets/files.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <zlib.h>

#include <fstream>

#include "core/base/check.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace ohm::test {
namespace {

void Append(void* context, void* data, int size) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                             size_t(size));
}

}  // namespace

TempFolder::TempFolder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "ohm_test_XXXXXX").string();
  OHM_CHECK(::mkdtemp(name.data()) != nullptr, "cannot make " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code code;
  std::filesystem::remove_all(path_, code);
}

void TempFolder::Write(const std::string& name,
                       const std::string& bytes) const {
  const auto file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string Gzip(const std::string& bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  OHM_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, kGzipWindow, 8,
                         Z_DEFAULT_STRATEGY) == Z_OK,
            "zlib failed");
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT
  stream.avail_in = unsigned(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = unsigned(packed.size());
  OHM_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib failed");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string PpmBytes(int height, int width, uint8_t r, uint8_t g, uint8_t b) {
  std::string bytes =
      fmt::format("P6\n# a comment\n{} {}\n255\n", width, height);
  for (int i = 0; i < height * width; ++i) {
    for (const uint8_t value : {r, g, b}) bytes += char(value);
  }
  return bytes;
}

std::string PngBytes(int height, int width, int channels,
                     const std::vector<uint8_t>& pixels) {
  std::string bytes;
  stbi_write_png_to_func(Append, &bytes, width, height, channels, pixels.data(),
                         width * channels);
  return bytes;
}

std::string JpegBytes(int height, int width, int channels,
                      const std::vector<uint8_t>& pixels) {
  constexpr int kQuality = 95;
  std::string bytes;
  stbi_write_jpg_to_func(Append, &bytes, width, height, channels, pixels.data(),
                         kQuality);
  return bytes;
}

int PixelOf(const datasets::Dataset& data, int64_t n, int64_t i, int64_t j,
            int64_t c) {
  const datasets::Sample sample = data.get(n);
  return sample.image.data<uint8_t>()[(i * sample.image.size(1) + j) * 3 + c];
}

std::vector<int32_t> LabelsOf(const datasets::Dataset& data) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < data.size(); ++i) labels.push_back(data.get(i).label);
  return labels;
}

}  // namespace ohm::test
