#include "datasets/cifar.h"

#include <doctest/doctest.h>

#include "core/base/check.h"
#include "datasets/table.h"
#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

using doctest::Contains;
using test::LabelsOf;
using test::PixelOf;
using test::TempFolder;

// Red counts pixels from `first`, green is 7, blue 200.
std::string Record(const std::string& labels, int first) {
  std::string bytes = labels;
  for (int i = 0; i < 1024; ++i) bytes += char(uint8_t(first + i));
  return bytes + std::string(1024, 7) + std::string(1024, char(uint8_t(200)));
}

const std::string kLabel0(1, '\0');

TEST_CASE("cifar: records become interleaved images with their labels") {
  const TempFolder folder;
  folder.Write("a.bin", Record("\x03", 0) + Record("\x09", 5));
  folder.Write("b.bin", Record(kLabel0, 100));
  const auto data =
      ReadCifar({folder.path() / "a.bin", folder.path() / "b.bin"}, 1, 10, 32);
  CHECK(LabelsOf(*data) == std::vector<int32_t>{3, 9, 0});
  CHECK(data->classes() == 10);
  CHECK(data->get(0).image.shape() == Shape({32, 32, 3}));
  CHECK(PixelOf(*data, 1, 0, 0, 0) == 5);
  CHECK(PixelOf(*data, 1, 2, 3, 0) == 5 + 67);
  CHECK(PixelOf(*data, 2, 0, 31, 0) == 131);
  CHECK(PixelOf(*data, 2, 31, 0, 1) == 7);
  CHECK(PixelOf(*data, 2, 31, 0, 2) == 200);
}

TEST_CASE("cifar: the second label byte of CIFAR-100 counts") {
  const TempFolder folder;
  folder.Write("cifar-100-binary/train.bin", Record("\x13\x63", 0));
  folder.Write("cifar-100-binary/test.bin", Record("\x13\x05", 0));
  const auto data = Open("cifar100", {.root = folder.path().string()});
  CHECK(LabelsOf(*data.train) == std::vector<int32_t>{99});
  CHECK(LabelsOf(*data.test) == std::vector<int32_t>{5});
  CHECK(data.classes == 100);
}

TEST_CASE("cifar: another image size is a resize") {
  const TempFolder folder;
  folder.Write("a.bin", Record("\x01", 0));
  const auto data = ReadCifar({folder.path() / "a.bin"}, 1, 10, 16);
  CHECK(data->get(0).image.shape() == Shape({16, 16, 3}));
  // Red 0, 1, 32, 33.
  CHECK(PixelOf(*data, 0, 0, 0, 0) == 17);
  CHECK(PixelOf(*data, 0, 0, 0, 2) == 200);
}

TEST_CASE("cifar: broken files are named") {
  const TempFolder folder;
  const std::string whole = Record("\x01", 0);
  const auto read = [&](const std::string& name) {
    return ReadCifar({folder.path() / name}, 1, 10, 32);
  };
  folder.Write("short.bin", whole + whole.substr(0, 3000));
  CHECK_THROWS_WITH_AS(read("short.bin"),
                       Contains("short.bin': expected whole records of 3073 "
                                "bytes, got 6073 bytes; is it truncated?"),
                       Error);
  folder.Write("empty.bin", "");
  CHECK_THROWS_WITH_AS(read("empty.bin"), Contains("got 0 bytes"), Error);
  folder.Write("label.bin", whole + Record("\x0a", 0));
  CHECK_THROWS_WITH_AS(
      read("label.bin"),
      Contains("label.bin': expected labels in 0..9, got 10 in record 1"),
      Error);
  CHECK_THROWS_WITH_AS(read("absent.bin"), Contains("absent.bin"), Error);
}

}  // namespace
}  // namespace ohm::datasets
