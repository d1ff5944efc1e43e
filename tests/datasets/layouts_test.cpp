// Data sets that are folders of image files.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "core/base/check.h"
#include "datasets/gtsrb.h"
#include "datasets/image_folder.h"
#include "datasets/table.h"
#include "datasets/tiny_imagenet.h"
#include "tests/datasets/files.h"

namespace ohm::datasets {
namespace {

using doctest::Contains;
using test::LabelsOf;
using test::PixelOf;
using test::PpmBytes;
using test::TempFolder;

using Labels = std::vector<int32_t>;

TEST_CASE("image folder: classes are the sorted names of train") {
  const TempFolder folder;
  folder.Write("train/cat/2.ppm", PpmBytes(8, 8, 20, 0, 0));
  folder.Write("train/cat/10.ppm", PpmBytes(8, 8, 10, 0, 0));
  folder.Write("train/ant/x.PPM", PpmBytes(4, 8, 30, 0, 0));
  folder.Write("train/ant/notes.txt", "not an image");
  folder.Write("train/.hidden/y.ppm", PpmBytes(8, 8, 1, 1, 1));
  folder.Write("train/dog/gray.png",
               test::PngBytes(8, 8, 1, std::vector<uint8_t>(64, 99)));
  folder.Write("val/dog/v.ppm", PpmBytes(8, 8, 40, 0, 0));
  const TrainTest sets = ReadImageFolder(folder.path(), {8});
  CHECK(sets.train->classes() == 3);
  CHECK(LabelsOf(*sets.train) == Labels{0, 1, 1, 2});
  CHECK(PixelOf(*sets.train, 0, 7, 7, 0) == 30);
  CHECK(PixelOf(*sets.train, 1, 7, 7, 0) == 10);
  CHECK(PixelOf(*sets.train, 2, 7, 7, 0) == 20);
  CHECK(PixelOf(*sets.train, 3, 7, 7, 2) == 99);
  CHECK(LabelsOf(*sets.test) == Labels{2});  // by name, not by order
}

TEST_CASE("image folder: without a split a fifth of every class is the test") {
  const TempFolder folder;
  for (const char* name : {"flowers5/flowers/rose", "flowers5/flowers/tulip"}) {
    for (int i = 0; i < 10; ++i) {
      folder.Write(fmt::format("{}/{}.ppm", name, i),
                   PpmBytes(4, 4, uint8_t(i), name[17] == 'r' ? 1 : 2, 0));
    }
  }
  const auto open = [&] {
    return Open("flowers5", {.root = folder.path().string(), .image_size = 4});
  };
  const OpenedDataset data = open();
  CHECK(data.classes == 2);
  CHECK(LabelsOf(*data.test) == Labels{0, 0, 1, 1});
  REQUIRE(data.train->size() == 16);
  std::set<std::pair<int, int>> seen;
  for (const auto& part : {data.train, data.test}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      CHECK(PixelOf(*part, i, 0, 0, 1) == part->get(i).label + 1);
      seen.insert({part->get(i).label, PixelOf(*part, i, 0, 0, 0)});
    }
  }
  CHECK(seen.size() == 20);
  const OpenedDataset again = open();
  for (int64_t i = 0; i < 4; ++i) {
    CHECK(BitEqual(again.test->get(i).image, data.test->get(i).image));
  }
}

TEST_CASE("image folder: kept in memory or decoded when asked for, the same") {
  const TempFolder folder;
  for (int i = 0; i < 9; ++i) {
    folder.Write(fmt::format("{}/{}.ppm", i % 2 == 0 ? "a" : "b", i),
                 PpmBytes(5, 7, uint8_t(20 * i), uint8_t(i), 3));
  }
  const TrainTest kept = ReadImageFolder(folder.path(), {6, 4096});
  const TrainTest asked = ReadImageFolder(folder.path(), {6, 0});
  REQUIRE(kept.train->size() == asked.train->size());
  CHECK(LabelsOf(*kept.test) == LabelsOf(*asked.test));
  for (int64_t i = 0; i < kept.train->size(); ++i) {
    const Sample a = kept.train->get(i), b = asked.train->get(i);
    CHECK(BitEqual(a.image, b.image));
    CHECK(a.label == b.label);
    CHECK(asked.train->label(i) == b.label);
  }
  // A file that breaks later is named by whoever asks for it.
  folder.Write("a/0.ppm", "P6 9 9 255 cut");
  folder.Write("a/2.ppm", "P6 9 9 255 cut");
  folder.Write("a/4.ppm", "P6 9 9 255 cut");
  CHECK_THROWS_WITH_AS(
      [&] {
        for (int64_t i = 0; i < asked.train->size(); ++i) asked.train->get(i);
      }(),
      Contains("expected a whole image"), Error);
}

TEST_CASE("'folder' is data.root/folder, or data.root itself") {
  const TempFolder folder;
  for (int i = 0; i < 5; ++i) {
    folder.Write(fmt::format("a/{}.ppm", i), PpmBytes(4, 4, 1, 1, 1));
  }
  const OpenOptions options{.root = folder.path().string(), .image_size = 4};
  CHECK(Open("folder", options).classes == 1);
  for (const char* name : {"folder/x/1.ppm", "folder/x/2.ppm", "folder/y/1.ppm",
                           "folder/y/2.ppm"}) {
    folder.Write(name, PpmBytes(4, 4, 1, 1, 1));
  }
  CHECK(Open("folder", options).classes == 2);
}

TEST_CASE("image folder: what is wrong is named") {
  const TempFolder folder;
  const auto fails = [&](const char* words) {
    CHECK_THROWS_WITH_AS(ReadImageFolder(folder.path(), {8}), Contains(words),
                         Error);
  };
  fails("expected one folder per class, found none");
  std::filesystem::create_directories(folder.path() / "train" / "empty");
  std::filesystem::create_directories(folder.path() / "test");
  fails("empty': expected JPEG, PNG or PPM images, found none");
  folder.Write("train/empty/1.ppm", PpmBytes(4, 4, 1, 1, 1));
  folder.Write("test/other/1.ppm", PpmBytes(4, 4, 1, 1, 1));
  fails("expected only classes that the training images have, got 'other'");
  folder.Write("train/other/1.ppm", "P6\n4 4\n255\nx");
  fails("1.ppm'");
}

constexpr const char* kGtsrbHead =
    "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n";

std::string GtsrbRow(const std::string& name, const std::string& label) {
  return name + ";29;30;5;6;24;25;" + label + "\r\n";
}

// Two training classes and two test images, of which the tables list more.
void WriteGtsrb(const TempFolder& folder) {
  const std::string train = "GTSRB/Final_Training/Images/";
  const std::string test = "GTSRB/Final_Test/";
  folder.Write(train + "00000/GT-00000.csv",
               kGtsrbHead + GtsrbRow("a.ppm", "0") + GtsrbRow("gone.ppm", "0"));
  folder.Write(train + "00000/a.ppm", PpmBytes(8, 8, 1, 2, 3));
  folder.Write(train + "00000/unlisted.ppm", PpmBytes(8, 8, 1, 2, 3));
  folder.Write(train + "00042/GT-00042.csv",
               kGtsrbHead + GtsrbRow("b.ppm", "42"));
  folder.Write(train + "00042/b.ppm", PpmBytes(8, 8, 4, 5, 6));
  folder.Write(test + "GT-final_test.csv",
               kGtsrbHead + GtsrbRow("0.ppm", "17") + GtsrbRow("1.ppm", "5") +
                   GtsrbRow("2.ppm", "3"));
  folder.Write(test + "Images/0.ppm", PpmBytes(8, 8, 7, 8, 9));
  folder.Write(test + "Images/2.ppm", PpmBytes(8, 8, 7, 8, 9));
}

TEST_CASE("gtsrb: CSV rows whose file is there") {
  const TempFolder folder;
  WriteGtsrb(folder);
  const auto open = [&] {
    return Open("gtsrb", {.root = folder.path().string(), .image_size = 8});
  };
  const auto data = open();
  CHECK(data.classes == 43);
  CHECK(LabelsOf(*data.train) == Labels{0, 42});
  CHECK(PixelOf(*data.train, 1, 0, 0, 1) == 5);
  CHECK(LabelsOf(*data.test) == Labels{17, 3});
  // The published archive unpacks the table beside the images.
  std::filesystem::rename(
      folder.path() / "GTSRB/Final_Test/GT-final_test.csv",
      folder.path() / "GTSRB/Final_Test/Images/GT-final_test.csv");
  CHECK(LabelsOf(*open().test) == Labels{17, 3});
}

TEST_CASE("gtsrb: frames of one track are one group") {
  const TempFolder folder;
  WriteGtsrb(folder);
  const std::string images = "GTSRB/Final_Training/Images/00007/";
  std::string table = kGtsrbHead;
  for (const char* name : {"00000_00000.ppm", "00000_00010.ppm",
                           "00001_00000.ppm", "00001_00010.ppm"}) {
    table += GtsrbRow(name, "7");
    folder.Write(images + name, PpmBytes(8, 8, 1, 2, 3));
  }
  folder.Write(images + "GT-00007.csv", table);
  const auto data =
      Open("gtsrb", {.root = folder.path().string(), .image_size = 8}).train;
  std::map<int64_t, std::vector<int32_t>> groups;
  for (int64_t i = 0; i < data->size(); ++i) {
    groups[data->group(i)].push_back(data->label(i));
  }
  int pairs = 0;
  for (const auto& [group, labels] : groups) {
    if (labels == std::vector<int32_t>{7, 7}) ++pairs;
  }
  CHECK(pairs == 2);
  CHECK(groups.size() == 4);  // and the two images of other classes
}

TEST_CASE("gtsrb: malformed tables are named with their line") {
  const TempFolder folder;
  WriteGtsrb(folder);
  const std::string table = "GTSRB/Final_Test/GT-final_test.csv";
  const auto fails = [&](const std::string& text, const char* words) {
    if (!text.empty()) folder.Write(table, text);
    CHECK_THROWS_WITH_AS(ReadGtsrb(folder.path() / "GTSRB", {8}),
                         Contains(words), Error);
  };
  fails(kGtsrbHead + GtsrbRow("0.ppm", "43"),
        "GT-final_test.csv:2: expected a class in 0..42, got 43");
  fails(kGtsrbHead + GtsrbRow("0.ppm", "x"),
        "GT-final_test.csv:2: expected a whole number in field 8, got 'x'");
  fails(kGtsrbHead + std::string("0.ppm;29;30\n"),
        "GT-final_test.csv:2: expected at least 8 fields");
  fails(GtsrbRow("0.ppm", "4"), "expected a first line 'Filename;");
  fails(kGtsrbHead + GtsrbRow("gone.ppm", "1"),
        "Final_Test/Images': expected images, found none");
  std::filesystem::remove(folder.path() / table);
  fails("", "GT-final_test.csv'");
  std::filesystem::remove_all(folder.path() / "GTSRB/Final_Training");
  fails("", "cannot find the folder '");
}

TEST_CASE("tiny-imagenet: train's classes, and the val files that are there") {
  const TempFolder folder;
  const std::string root = "tiny-imagenet-200/";
  const auto jpeg = test::JpegBytes(16, 16, 1, std::vector<uint8_t>(256, 128));
  folder.Write(root + "wnids.txt", "n03\nn01\nn02\n");
  folder.Write(root + "train/n02/images/n02_0.JPEG", jpeg);
  folder.Write(root + "train/n01/images/n01_0.JPEG", jpeg);
  folder.Write(root + "train/n01/images/n01_1.JPEG", jpeg);
  folder.Write(root + "train/n01/n01_boxes.txt", "n01_0.JPEG\t0\t0\t1\t1\n");
  folder.Write(root + "val/val_annotations.txt",
               "val_0.JPEG\tn03\t0\t0\t1\t1\nval_1.JPEG\tn02\t0\t0\t1\t1\n"
               "val_2.JPEG\tn01\t0\t0\t1\t1\n");
  folder.Write(root + "val/images/val_0.JPEG", jpeg);
  folder.Write(root + "val/images/val_1.JPEG", jpeg);
  const auto open = [&] {
    return Open("tiny-imagenet", {.root = folder.path().string()});
  };
  const auto data = open();
  CHECK(data.classes == 2);
  CHECK(LabelsOf(*data.train) == Labels{0, 0, 1});
  CHECK(LabelsOf(*data.test) == Labels{1});
  CHECK(data.train->get(0).image.shape() == Shape({32, 32, 3}));

  folder.Write(root + "val/val_annotations.txt", "val_0.JPEG\n");
  CHECK_THROWS_WITH_AS(open(),
                       Contains("val_annotations.txt:1: expected at least 2 "
                                "fields, got 'val_0.JPEG'"),
                       Error);
  folder.Write(root + "train/n02/images/n02_0.JPEG",
               jpeg.substr(0, jpeg.size() - 20));
  folder.Write(root + "val/val_annotations.txt", "val_1.JPEG\tn02\n");
  CHECK_THROWS_WITH_AS(open(), Contains("n02_0.JPEG': expected a whole image"),
                       Error);
}

TEST_CASE("data sets: wrong names and folders") {
  CHECK_THROWS_WITH_AS(
      Open("cifar", {}),
      Contains("expected one of shapes, textures, glyphs, cifar10"),
      UsageError);
  for (const DatasetRow& row : Table()) {
    CAPTURE(std::string(row.name));
    if (std::string(row.folder).empty()) continue;
    CHECK_THROWS_WITH_AS(Open(row.name, {}), Contains("expected data.root"),
                         Error);
    CHECK_THROWS_WITH_AS(Open(row.name, {.root = "/nonexistent"}),
                         Contains("cannot find the folder '/nonexistent"),
                         Error);
  }
}

}  // namespace
}  // namespace ohm::datasets
