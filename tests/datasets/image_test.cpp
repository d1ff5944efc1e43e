#include "datasets/image.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

using doctest::Contains;
using test::TempFolder;

int At(const Tensor& image, int64_t i, int64_t j, int64_t c) {
  return image.data<uint8_t>()[(i * image.size(1) + j) * 3 + c];
}

std::vector<uint8_t> Noise(int count) {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < count; ++i) {
    bytes.push_back(uint8_t(Key(3).Below(uint64_t(i), 256)));
  }
  return bytes;
}

Tensor ImageOf(int64_t h, int64_t w, const std::vector<uint8_t>& gray) {
  Tensor image = Tensor::Empty({h, w, 3}, DType::kU8);
  for (int64_t k = 0; k < 3 * h * w; ++k) {
    image.data<uint8_t>()[k] = gray[size_t(k / 3)];
  }
  return image;
}

TEST_CASE("decode: PNG and PPM exactly, JPEG closely, gray expanded") {
  const TempFolder folder;
  const auto colours = Noise(5 * 4 * 3), grays = Noise(5 * 4);
  folder.Write("a.png", test::PngBytes(5, 4, 3, colours));
  const Tensor png = DecodeImage(folder.path() / "a.png");
  REQUIRE(png.shape() == Shape({5, 4, 3}));
  CHECK(std::equal(colours.begin(), colours.end(), png.data<uint8_t>()));

  folder.Write("gray.png", test::PngBytes(5, 4, 1, grays));
  CHECK(
      BitEqual(DecodeImage(folder.path() / "gray.png"), ImageOf(5, 4, grays)));

  folder.Write("a.ppm", test::PpmBytes(2, 3, 9, 80, 255));
  const Tensor ppm = DecodeImage(folder.path() / "a.ppm");
  REQUIRE(ppm.shape() == Shape({2, 3, 3}));
  CHECK(At(ppm, 1, 2, 0) == 9);
  CHECK(At(ppm, 1, 2, 1) == 80);
  CHECK(At(ppm, 1, 2, 2) == 255);

  for (const int channels : {1, 3}) {
    folder.Write("a.jpg", test::JpegBytes(16, 8, channels,
                                          std::vector<uint8_t>(
                                              size_t(16 * 8 * channels), 77)));
    const Tensor jpeg = DecodeImage(folder.path() / "a.jpg");
    REQUIRE(jpeg.shape() == Shape({16, 8, 3}));
    for (int64_t c = 0; c < 3; ++c) CHECK(std::abs(At(jpeg, 9, 5, c) - 77) < 3);
  }
}

// Phones write a film behind a photograph, and a thumbnail into its header.
TEST_CASE("decode: what stands behind or inside a whole JPEG is no matter") {
  const TempFolder folder;
  const std::string jpeg = test::JpegBytes(16, 16, 3, Noise(16 * 16 * 3));
  const std::string small = test::JpegBytes(8, 8, 3, Noise(8 * 8 * 3));
  const std::string application = std::string("\xff\xe1", 2) +
                                  char((small.size() + 2) / 256) +
                                  char((small.size() + 2) % 256) + small;
  const std::string inside = jpeg.substr(0, 2) + application + jpeg.substr(2);
  folder.Write("plain.jpg", jpeg);
  folder.Write("film.jpg", jpeg + std::string("film\xff\xda film", 11));
  folder.Write("inside.jpg", inside);
  folder.Write("half.jpg", inside.substr(0, inside.size() - 2));
  const Tensor plain = DecodeImage(folder.path() / "plain.jpg");
  CHECK(BitEqual(DecodeImage(folder.path() / "film.jpg"), plain));
  CHECK(BitEqual(DecodeImage(folder.path() / "inside.jpg"), plain));
  CHECK_THROWS_WITH_AS(DecodeImage(folder.path() / "half.jpg"),
                       Contains("truncated"), Error);
}

TEST_CASE("decode: truncated and foreign files are named") {
  const TempFolder folder;
  const auto fails = [&](const std::string& name, const std::string& bytes) {
    CAPTURE(name);
    folder.Write(name, bytes);
    CHECK_THROWS_WITH_AS(DecodeImage(folder.path() / name),
                         Contains(name.c_str()), Error);
  };
  const auto pixels = Noise(16 * 16 * 3);
  const std::string jpeg = test::JpegBytes(16, 16, 3, pixels);
  const std::string png = test::PngBytes(16, 16, 3, pixels);
  const std::string ppm = test::PpmBytes(16, 16, 1, 2, 3);
  fails("half.jpg", jpeg.substr(0, jpeg.size() / 2));
  fails("end.jpg", jpeg.substr(0, jpeg.size() - 2));
  fails("half.png", png.substr(0, png.size() / 2));
  fails("half.ppm", ppm.substr(0, ppm.size() / 2));
  fails("end.ppm", ppm.substr(0, ppm.size() - 1));
  fails("header.ppm", ppm.substr(0, 12));
  fails("magic.ppm", "P6");
  fails("flat.ppm", "P6 40 0 255\n");
  fails("thin.ppm", "P6 0 40 255\n");
  fails("deep.pgm", "P5 2 1 65535\n" + std::string(4, 'x'));
  fails("wide.ppm", "P6 70000 1 255\n" + std::string(3 * 65535, 'd'));
  fails("dark.ppm", "P6 1 1 100\n" + std::string(3, 'd'));
  fails("text.png", "no image at all");
  fails("empty.png", "");
  CHECK_THROWS_WITH_AS(DecodeImage(folder.path() / "absent.png"),
                       Contains("absent.png"), Error);
}

TEST_CASE("resize: the same size passes, a constant stays constant") {
  const Tensor noise = ImageOf(7, 7, Noise(49));
  CHECK(BitEqual(ResizeImage(noise, 7), noise));
  const Tensor flat = ImageOf(7, 5, std::vector<uint8_t>(35, 200));
  for (const int size : {1, 3, 6, 8, 23}) {
    const Tensor resized = ResizeImage(flat, size);
    REQUIRE(resized.shape() == Shape({size, size, 3}));
    for (const uint8_t value : resized.span<uint8_t>()) CHECK(value == 200);
  }
}

TEST_CASE("resize: shrinking takes the mean of the covered area") {
  const Tensor quarters = ImageOf(4, 4,
                                  {0, 10, 20, 30, 40, 50, 60, 70,  //
                                   80, 90, 100, 110, 120, 130, 140, 150});
  const Tensor half = ResizeImage(quarters, 2);
  CHECK(At(half, 0, 0, 0) == 25);
  CHECK(At(half, 0, 1, 1) == 45);
  CHECK(At(half, 1, 1, 2) == 125);
  // 3 -> 2: each covers one and a half.
  const Tensor thirds = ImageOf(3, 3, {0, 90, 180, 0, 90, 180, 0, 90, 180});
  const Tensor two = ResizeImage(thirds, 2);
  CHECK(At(two, 0, 0, 0) == 30);
  CHECK(At(two, 1, 1, 0) == 150);
}

TEST_CASE("resize: growing is linear between pixel centres") {
  const Tensor pair = ImageOf(2, 2, {0, 100, 0, 100});
  const Tensor four = ResizeImage(pair, 4);
  for (int64_t i = 0; i < 4; ++i) {
    CHECK(At(four, i, 0, 0) == 0);
    CHECK(At(four, i, 1, 0) == 25);
    CHECK(At(four, i, 2, 0) == 75);
    CHECK(At(four, i, 3, 0) == 100);
  }
  // One axis grows while the other shrinks.
  const Tensor wide = ResizeImage(ImageOf(2, 8, Noise(16)), 4);
  CHECK(wide.shape() == Shape({4, 4, 3}));
}

TEST_CASE("collected images do not depend on threads") {
  const auto collect = [](int threads) {
    const int before = Threads();
    SetThreads(threads);
    Tensor all = CollectImages(100, 8, [](int64_t i) {
      return ImageOf(5, 5, std::vector<uint8_t>(25, uint8_t(i)));
    });
    SetThreads(before);
    return all;
  };
  const Tensor one = collect(1);
  CHECK(one.data<uint8_t>()[99 * 192 + 5] == 99);
  CHECK(BitEqual(one, collect(2)));
  CHECK_THROWS_AS(CollectImages(40, 8,
                                [](int64_t i) -> Tensor {
                                  if (i == 33) ThrowError("broken");
                                  return ImageOf(1, 1, {0});
                                }),
                  Error);
}

}  // namespace
}  // namespace ohm::datasets
