#include "datasets/tiny_imagenet.h"

#include <map>

#include "datasets/delimited.h"

namespace ohm::datasets {

namespace fs = std::filesystem;

TrainTest ReadTinyImageNet(const fs::path& root, const FileReading& reading) {
  std::vector<ImageFile> train, test;
  std::map<std::string, int32_t> label_of;
  for (const std::string& wnid : ListFolders(root / "train")) {
    const auto label = int32_t(label_of.size());
    label_of[wnid] = label;
    for (fs::path& path : ListImages(root / "train" / wnid / "images")) {
      train.push_back({std::move(path), label});
    }
  }
  const fs::path images = root / "val" / "images";
  std::error_code code;
  for (const Row& row :
       ReadRows(root / "val" / "val_annotations.txt", '\t', 2)) {
    const auto found = label_of.find(row.fields[1]);
    fs::path path = images / row.fields[0];
    if (found == label_of.end() || !fs::exists(path, code)) continue;
    test.push_back({std::move(path), found->second});
  }
  const int classes = int(label_of.size());
  return {DecodeFiles(train, classes, reading, (root / "train").string()),
          DecodeFiles(test, classes, reading, images.string())};
}

}  // namespace ohm::datasets
