#include "datasets/cifar.h"

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "datasets/image.h"
#include "datasets/memory.h"

namespace ohm::datasets {
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide;

// Planes to interleaved pixels.
Tensor Interleave(const char* planes) {
  Tensor image = Tensor::Empty({kSide, kSide, 3}, DType::kU8);
  auto* to = image.data<uint8_t>();
  for (int64_t i = 0; i < kPlane; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      to[3 * i + c] = static_cast<uint8_t>(planes[c * kPlane + i]);
    }
  }
  return image;
}

}  // namespace

DatasetPtr ReadCifar(const std::vector<std::filesystem::path>& files,
                     int label_bytes, int classes, int image_size) {
  const size_t record = size_t(label_bytes + 3 * kPlane);
  std::string all;
  std::vector<int32_t> labels;
  for (const auto& file : files) {
    const std::string bytes = ReadFile(file);
    OHM_CHECK(!bytes.empty() && bytes.size() % record == 0,
              fmt::format("'{}': expected whole records of {} bytes, got {} "
                          "bytes; is it truncated?",
                          file.string(), record, bytes.size()));
    for (size_t at = 0; at < bytes.size(); at += record) {
      const auto label =
          static_cast<uint8_t>(bytes[at + size_t(label_bytes) - 1]);
      OHM_CHECK(label < classes,
                fmt::format("'{}': expected labels in 0..{}, got {} in record "
                            "{}",
                            file.string(), classes - 1, label, at / record));
      labels.push_back(label);
    }
    all += bytes;
  }
  Tensor images =
      CollectImages(int64_t(labels.size()), image_size, [&](int64_t i) {
        return Interleave(all.data() + size_t(i) * record +
                          size_t(label_bytes));
      });
  return std::make_shared<MemoryDataset>(std::move(images), std::move(labels),
                                         classes, files[0].string());
}

}  // namespace ohm::datasets
