#include "datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/base/check.h"
#include "core/base/random.h"
#include "datasets/image.h"
#include "datasets/memory.h"
#include "datasets/views.h"

namespace ohm::datasets {
namespace {

namespace fs = std::filesystem;

bool IsImage(const fs::path& path) {
  static const std::vector<std::string> endings = {".jpg", ".jpeg", ".png",
                                                   ".ppm", ".pgm"};
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(endings, ending) != endings.end();
}

bool IsFolder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

// Everything in `folder` that is not hidden, sorted by bytes.
std::vector<fs::path> Entries(const fs::path& folder) {
  OHM_CHECK(IsFolder(folder),
            fmt::format("cannot find the folder '{}'", folder.string()));
  std::error_code code;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, code), end; !code && at != end;
       at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with('.')) found.push_back(at->path());
  }
  OHM_CHECK(!code, fmt::format("cannot read the folder '{}': {}",
                               folder.string(), code.message()));
  std::ranges::sort(found, {}, [](const fs::path& p) { return p.string(); });
  return found;
}

// The images of root's class folders, labelled by their place in `classes`.
DatasetPtr ReadClasses(const fs::path& root,
                       const std::vector<std::string>& classes,
                       const FileReading& reading) {
  std::vector<ImageFile> files;
  for (const std::string& name : ListFolders(root)) {
    const auto found = std::ranges::find(classes, name);
    OHM_CHECK(found != classes.end(),
              fmt::format("'{}': expected only classes that the training "
                          "images have, got '{}'",
                          root.string(), name));
    const auto label = int32_t(found - classes.begin());
    for (const fs::path& path : ListImages(root / name)) {
      files.push_back({path, label});
    }
  }
  return DecodeFiles(files, int(classes.size()), reading, root.string());
}

// Images that are decoded each time they are asked for.
class FileDataset : public Dataset {
 public:
  FileDataset(std::vector<ImageFile> files, int classes, int image_size)
      : files_(std::move(files)), classes_(classes), image_size_(image_size) {}
  int64_t size() const override { return int64_t(files_.size()); }
  int classes() const override { return classes_; }
  Sample get(int64_t index) const override {
    const Tensor image = DecodeImage(files_[size_t(index)].path);
    return {ResizeImage(image, image_size_), label(index)};
  }
  int32_t label(int64_t index) const override {
    return files_[size_t(index)].label;
  }

 private:
  std::vector<ImageFile> files_;
  int classes_, image_size_;
};

}  // namespace

DatasetPtr DecodeFiles(const std::vector<ImageFile>& files, int classes,
                       const FileReading& reading, const std::string& source) {
  OHM_CHECK(!files.empty(),
            fmt::format("'{}': expected images, found none", source));
  const int64_t side = reading.image_size;
  if (int64_t(files.size()) * side * side * 3 > reading.memory_mib << 20) {
    return std::make_shared<FileDataset>(files, classes, reading.image_size);
  }
  std::vector<int32_t> labels;
  labels.reserve(files.size());
  for (const ImageFile& file : files) labels.push_back(file.label);
  Tensor images = CollectImages(
      int64_t(files.size()), reading.image_size,
      [&](int64_t i) { return DecodeImage(files[size_t(i)].path); });
  return std::make_shared<MemoryDataset>(std::move(images), std::move(labels),
                                         classes, source);
}

std::vector<std::string> ListFolders(const fs::path& root) {
  std::vector<std::string> names;
  for (const fs::path& path : Entries(root)) {
    if (IsFolder(path)) names.push_back(path.filename().string());
  }
  OHM_CHECK(!names.empty(),
            fmt::format("'{}': expected one folder per class, found none",
                        root.string()));
  return names;
}

std::vector<fs::path> ListImages(const fs::path& folder) {
  std::vector<fs::path> images;
  for (const fs::path& path : Entries(folder)) {
    if (IsImage(path)) images.push_back(path);
  }
  OHM_CHECK(!images.empty(),
            fmt::format("'{}': expected JPEG, PNG or PPM images, found "
                        "none",
                        folder.string()));
  return images;
}

TrainTest ReadImageFolder(const fs::path& root, const FileReading& reading) {
  for (const char* test : {"test", "val"}) {
    if (!IsFolder(root / "train") || !IsFolder(root / test)) continue;
    const auto classes = ListFolders(root / "train");
    return {ReadClasses(root / "train", classes, reading),
            ReadClasses(root / test, classes, reading)};
  }
  constexpr double kTestShare = 0.2;
  const SplitViews split = Split(ReadClasses(root, ListFolders(root), reading),
                                 kTestShare, Key(0).Child("test split"));
  return {split.rest, split.held_out};
}

}  // namespace ohm::datasets
