#include "datasets/fingerprint.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

TEST_CASE("a fingerprint tells other images, labels and sizes apart") {
  const test::TempFolder folder;
  const auto write = [&](const std::string& name, uint8_t red) {
    folder.Write("flowers5/flowers/" + name + ".ppm",
                 test::PpmBytes(4, 4, red, 0, 0));
  };
  const auto fingerprint = [&] {
    return Fingerprint(
        Open("flowers5", {.root = folder.path().string(), .image_size = 4}));
  };
  for (const char* name : {"rose/1", "rose/2", "rose/3", "rose/4", "rose/5"}) {
    write(name, 10);
  }
  for (const char* name : {"tulip/1", "tulip/2", "tulip/3", "tulip/4"}) {
    write(name, 20);
  }
  const std::string first = fingerprint();
  CHECK(first.size() == 16);
  CHECK(fingerprint() == first);
  write("rose/2", 11);
  const std::string repainted = fingerprint();
  CHECK(repainted != first);
  write("rose/2", 10);
  CHECK(fingerprint() == first);
  write("tulip/5", 20);
  const std::string longer = fingerprint();
  CHECK(longer != first);
  // As many images of each colour, one of them in another class.
  std::filesystem::remove(folder.path() / "flowers5/flowers/tulip/5.ppm");
  write("rose/6", 20);
  CHECK(fingerprint() != longer);
}

TEST_CASE("a fingerprint tells a part of a set from the whole") {
  const auto open = [](int64_t count) {
    return Fingerprint(
        Open("shapes", {.train_count = count, .test_count = 50}));
  };
  CHECK(open(100) == open(100));
  CHECK(open(100) != open(110));
}

}  // namespace
}  // namespace ohm::datasets
