#include "datasets/table.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/base/check.h"
#include "core/base/table.h"
#include "datasets/cifar.h"
#include "datasets/gtsrb.h"
#include "datasets/idx.h"
#include "datasets/image_folder.h"
#include "datasets/procedural.h"
#include "datasets/tiny_imagenet.h"

namespace ohm::datasets {
namespace {

namespace fs = std::filesystem;

// Of the training images at 32x32.
constexpr Normalisation kShapes{{0.477F, 0.477F, 0.477F},
                                {0.211F, 0.211F, 0.211F}};
constexpr Normalisation kTextures{{0.477F, 0.477F, 0.477F},
                                  {0.207F, 0.207F, 0.207F}};
constexpr Normalisation kGlyphs{{0.476F, 0.476F, 0.476F},
                                {0.208F, 0.208F, 0.208F}};
constexpr Normalisation kCifar10{{0.4914F, 0.4822F, 0.4465F},
                                 {0.2470F, 0.2435F, 0.2616F}};
constexpr Normalisation kCifar100{{0.5071F, 0.4865F, 0.4409F},
                                  {0.2673F, 0.2564F, 0.2762F}};
constexpr Normalisation kMnist{{0.1000F, 0.1000F, 0.1000F},
                               {0.2752F, 0.2752F, 0.2752F}};
constexpr Normalisation kFashionMnist{{0.2190F, 0.2190F, 0.2190F},
                                      {0.3318F, 0.3318F, 0.3318F}};
constexpr Normalisation kGtsrb{{0.3417F, 0.3126F, 0.3216F},
                               {0.2760F, 0.2632F, 0.2690F}};
// Of ImageNet, as is usual for photographs.
constexpr Normalisation kImageNet{{0.485F, 0.456F, 0.406F},
                                  {0.229F, 0.224F, 0.225F}};

fs::path Root(const DatasetRow& row, const OpenOptions& options) {
  OHM_CHECK(!options.root.empty(),
            fmt::format("data set '{}': expected data.root, the folder that "
                        "holds '{}', got none; try --set data.root=DIR",
                        row.name, row.folder));
  return options.root;
}

fs::path Folder(const DatasetRow& row, const OpenOptions& options) {
  fs::path folder = Root(row, options) / row.folder;
  std::error_code code;
  OHM_CHECK(fs::is_directory(folder, code),
            fmt::format("data set '{}': cannot find the folder '{}' "
                        "(data.root is '{}')",
                        row.name, folder.string(), options.root));
  return folder;
}

OpenedDataset Opened(const DatasetRow& row, DatasetPtr train, DatasetPtr test) {
  const int classes = train->classes();
  return {std::move(train), std::move(test), classes, row.normalisation.mean,
          row.normalisation.std};
}

OpenedDataset OpenCifar10(const DatasetRow& row, const OpenOptions& o) {
  const fs::path folder = Folder(row, o);
  std::vector<fs::path> train;
  for (const char* number : {"1", "2", "3", "4", "5"}) {
    train.push_back(folder / ("data_batch_" + std::string(number) + ".bin"));
  }
  return Opened(row, ReadCifar(train, 1, 10, o.image_size),
                ReadCifar({folder / "test_batch.bin"}, 1, 10, o.image_size));
}

OpenedDataset OpenCifar100(const DatasetRow& row, const OpenOptions& o) {
  const fs::path folder = Folder(row, o);
  return Opened(row, ReadCifar({folder / "train.bin"}, 2, 100, o.image_size),
                ReadCifar({folder / "test.bin"}, 2, 100, o.image_size));
}

OpenedDataset OpenIdx(const DatasetRow& row, const OpenOptions& o) {
  const fs::path folder = Folder(row, o);
  const auto read = [&](const std::string& split) {
    return ReadIdx(folder / (split + "-images-idx3-ubyte"),
                   folder / (split + "-labels-idx1-ubyte"), 10, o.image_size);
  };
  return Opened(row, read("train"), read("t10k"));
}

FileReading Reading(const OpenOptions& o) {
  return {.image_size = o.image_size, .memory_mib = o.memory_mib};
}

template <TrainTest (*read)(const fs::path&, const FileReading&)>
OpenedDataset OpenTrainTest(const DatasetRow& row, const OpenOptions& o) {
  const TrainTest sets = read(Folder(row, o), Reading(o));
  return Opened(row, sets.train, sets.test);
}

// The reader's own images lie beside published sets, or are all there is.
OpenedDataset OpenImageFolder(const DatasetRow& row, const OpenOptions& o) {
  const fs::path root = Root(row, o);
  std::error_code code;
  const bool beside = fs::is_directory(root / row.folder, code);
  const TrainTest sets =
      ReadImageFolder(beside ? root / row.folder : root, Reading(o));
  return Opened(row, sets.train, sets.test);
}

template <ProceduralTask task>
OpenedDataset OpenProcedural(const DatasetRow& row, const OpenOptions& o) {
  const Key key = Key(o.seed).Child("procedural").Child(row.name);
  return Opened(
      row,
      MakeProcedural(task, key.Child("train"), o.train_count, o.image_size),
      MakeProcedural(task, key.Child("test"), o.test_count, o.image_size));
}

}  // namespace

const std::vector<DatasetRow>& Table() {
  static const std::vector<DatasetRow> table = {
      {"shapes", "", 10, "procedural: ten silhouettes", kShapes,
       OpenProcedural<ProceduralTask::kShapes>},
      {"textures", "", 10, "procedural: ten patterns that fill a blob",
       kTextures, OpenProcedural<ProceduralTask::kTextures>},
      {"glyphs", "", 10, "procedural: ten digits of seven segments", kGlyphs,
       OpenProcedural<ProceduralTask::kGlyphs>},
      {"cifar10", "cifar-10-batches-bin", 10, "CIFAR-10, binary version",
       kCifar10, OpenCifar10},
      {"cifar100", "cifar-100-binary", 100,
       "CIFAR-100, binary version, fine labels", kCifar100, OpenCifar100},
      {"mnist", "mnist", 10, "MNIST, IDX or IDX.gz", kMnist, OpenIdx},
      {"fashion-mnist", "fashion-mnist", 10, "Fashion-MNIST, IDX or IDX.gz",
       kFashionMnist, OpenIdx},
      {"gtsrb", "GTSRB", 43, "German traffic signs, PPM and CSV", kGtsrb,
       OpenTrainTest<ReadGtsrb>},
      {"flowers5", "flowers5/flowers", 0,
       "five flowers, class folders; a fifth, drawn by key, is the test set",
       kImageNet, OpenTrainTest<ReadImageFolder>},
      {"tiny-imagenet", "tiny-imagenet-200", 0,
       "Tiny-ImageNet, those classes that train/ holds", kImageNet,
       OpenTrainTest<ReadTinyImageNet>},
      {"folder", "folder", 0,
       "your class folders of images, in data.root/folder or data.root itself: "
       "all together, or below train/ and test/",
       kImageNet, OpenImageFolder},
  };
  return table;
}

OpenedDataset Open(const std::string& name, const OpenOptions& options) {
  const DatasetRow& row = FindRow(Table(), name, "data set:");
  return row.open(row, options);
}

}  // namespace ohm::datasets
