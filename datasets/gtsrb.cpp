#include "datasets/gtsrb.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "core/base/check.h"
#include "datasets/delimited.h"
#include "datasets/views.h"

namespace ohm::datasets {
namespace {

namespace fs = std::filesystem;

constexpr int kClasses = 43;
// Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId
constexpr size_t kFields = 8, kClassField = 7;

// Appends the images that `table` lists and `folder` holds.
void AddListed(const fs::path& table, const fs::path& folder,
               std::vector<ImageFile>* files) {
  const auto rows = ReadRows(table, ';', kFields);
  OHM_CHECK(!rows.empty() && rows[0].fields[0] == "Filename" &&
                rows[0].fields[kClassField] == "ClassId",
            fmt::format("'{}': expected a first line 'Filename;Width;Height;"
                        "Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId'",
                        table.string()));
  std::error_code code;
  for (size_t i = 1; i < rows.size(); ++i) {
    const int label = ParseNumber(rows[i], kClassField);
    OHM_CHECK(label >= 0 && label < kClasses,
              fmt::format("{}: expected a class in 0..{}, got {}",
                          rows[i].where, kClasses - 1, label));
    fs::path path = folder / rows[i].fields[0];
    if (fs::exists(path, code)) files->push_back({std::move(path), label});
  }
}

// Training images are frames of tracks: "00003_00012.ppm" is frame 12 of its
// class's track 3.
std::vector<int64_t> TracksOf(const std::vector<ImageFile>& files) {
  std::map<std::pair<int32_t, std::string>, int64_t> tracks;
  std::vector<int64_t> of_file;
  for (const ImageFile& file : files) {
    const std::string name = file.path.filename().string();
    const std::pair track{file.label, name.substr(0, name.find('_'))};
    of_file.push_back(
        tracks.emplace(track, int64_t(tracks.size())).first->second);
  }
  return of_file;
}

}  // namespace

TrainTest ReadGtsrb(const fs::path& root, const FileReading& reading) {
  const fs::path training = root / "Final_Training" / "Images";
  std::vector<ImageFile> train;
  for (const std::string& name : ListFolders(training)) {
    AddListed(training / name / fmt::format("GT-{}.csv", name), training / name,
              &train);
  }
  const fs::path test_images = root / "Final_Test" / "Images";
  fs::path table = root / "Final_Test" / "GT-final_test.csv";
  std::error_code code;
  if (!fs::exists(table, code)) table = test_images / "GT-final_test.csv";
  std::vector<ImageFile> test;
  AddListed(table, test_images, &test);
  return {Grouped(DecodeFiles(train, kClasses, reading, training.string()),
                  TracksOf(train)),
          DecodeFiles(test, kClasses, reading, test_images.string())};
}

}  // namespace ohm::datasets
