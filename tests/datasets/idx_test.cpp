#include "datasets/idx.h"

#include <doctest/doctest.h>

#include "core/base/check.h"
#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

using doctest::Contains;
using test::Gzip;
using test::PixelOf;
using test::TempFolder;

std::string Header(int type, const std::vector<int>& sizes) {
  std::string bytes{'\0', '\0', char(type), char(sizes.size())};
  for (const int size : sizes) {
    for (const int shift : {24, 16, 8, 0}) bytes += char(size >> shift & 0xff);
  }
  return bytes;
}

constexpr int kBytes = 8;  // IDX's type code of unsigned bytes

// Two 28x28 images: pixel k of image n is n * 100 + k modulo 100.
std::string Images() {
  std::string bytes = Header(kBytes, {2, 28, 28});
  for (int n = 0; n < 2; ++n) {
    for (int k = 0; k < 784; ++k) bytes += char(n * 100 + k % 100);
  }
  return bytes;
}
std::string Labels() { return Header(kBytes, {2}) + "\x07" + "\x02"; }

DatasetPtr Read(const TempFolder& folder, int image_size = 32) {
  return ReadIdx(folder.path() / "images", folder.path() / "labels", 10,
                 image_size);
}

TEST_CASE(
    "idx: 28x28 comes in the middle of zeros at 32x32, as three "
    "channels") {
  const TempFolder folder;
  SUBCASE("plain") {
    folder.Write("images", Images());
    folder.Write("labels", Labels());
  }
  SUBCASE("gzipped") {
    folder.Write("images.gz", Gzip(Images()));
    folder.Write("labels.gz", Gzip(Labels()));
  }
  const auto data = Read(folder);
  CHECK(test::LabelsOf(*data) == std::vector<int32_t>{7, 2});
  CHECK(data->get(0).image.shape() == Shape({32, 32, 3}));
  for (int64_t c = 0; c < 3; ++c) {
    CHECK(PixelOf(*data, 1, 2, 2, c) == 100);
    CHECK(PixelOf(*data, 1, 2, 29, c) == 127);
    CHECK(PixelOf(*data, 1, 29, 29, c) == 183);
    CHECK(PixelOf(*data, 1, 1, 2, c) == 0);
    CHECK(PixelOf(*data, 1, 2, 1, c) == 0);
    CHECK(PixelOf(*data, 1, 30, 29, c) == 0);
    CHECK(PixelOf(*data, 1, 29, 30, c) == 0);
  }
}

TEST_CASE("idx: 28 stays 28, smaller is resized, larger is padded first") {
  const TempFolder folder;
  folder.Write("images", Images());
  folder.Write("labels", Labels());
  const auto same = Read(folder, 28);
  CHECK(PixelOf(*same, 1, 0, 0, 0) == 100);
  CHECK(PixelOf(*same, 1, 27, 27, 0) == 183);
  const auto half = Read(folder, 14);
  CHECK(PixelOf(*half, 1, 0, 0, 0) == 115);  // mean of 100, 101, 128, 129
  const auto twice = Read(folder, 64);
  CHECK(twice->get(0).image.shape() == Shape({64, 64, 3}));
  CHECK(PixelOf(*twice, 1, 2, 30, 0) == 0);
  CHECK(PixelOf(*twice, 1, 30, 30, 0) > 0);
}

TEST_CASE("idx: broken files are named") {
  const TempFolder folder;
  folder.Write("images", Images());
  folder.Write("labels", Labels());
  const auto fails = [&](const char* words) {
    CHECK_THROWS_WITH_AS(Read(folder), Contains(words), Error);
  };
  SUBCASE("missing") {
    std::filesystem::remove(folder.path() / "labels");
    fails("labels' or '");
  }
  SUBCASE("truncated") {
    folder.Write("images", Images().substr(0, 1000));
    fails(
        "images': expected 2x28x28 bytes behind the header, got 984; is it "
        "truncated?");
  }
  SUBCASE("longer than it says") {
    folder.Write("images", Images() + "x");
    fails("got 1569");
  }
  SUBCASE("sizes whose product overflows") {
    const int most = 0x7fffffff;
    folder.Write("images", Header(kBytes, {most, most, most}) + "x");
    fails("bytes behind the header, got 1");
  }
  SUBCASE("wrong type") {
    folder.Write("images", Header(0x0d, {2, 28, 28}) + Images().substr(16));
    fails("expected an IDX file of unsigned bytes with 3 axes");
  }
  SUBCASE("labels where images should be") {
    folder.Write("images", Labels());
    fails("expected an IDX file of unsigned bytes with 3 axes");
  }
  SUBCASE("shorter than a header") {
    folder.Write("images", std::string("\0\0", 2));
    fails("expected an IDX file");
  }
  SUBCASE("counts differ") {
    folder.Write("labels", Header(kBytes, {1}) + "\x07");
    fails("expected 2 labels, as many as there are images");
  }
  SUBCASE("label out of range") {
    folder.Write("labels", Header(kBytes, {2}) + "\x07\x0a");
    fails("labels': expected labels in 0..9, got 10 for image 1");
  }
  SUBCASE("truncated gzip") {
    std::filesystem::remove(folder.path() / "images");
    const std::string packed = Gzip(Images());
    folder.Write("images.gz", packed.substr(0, packed.size() / 2));
    fails("images.gz': expected a whole gzip file");
  }
  SUBCASE("damaged gzip") {
    std::filesystem::remove(folder.path() / "images");
    std::string packed = Gzip(Images());
    packed[packed.size() / 2] = char(packed[packed.size() / 2] ^ 0x55);
    folder.Write("images.gz", packed);
    fails("images.gz': expected a whole gzip file");
  }
}

}  // namespace
}  // namespace ohm::datasets
