#include "datasets/fingerprint.h"

#include <algorithm>

#include "core/base/hash.h"

namespace ohm::datasets {
namespace {

void AddSplit(const Dataset& split, Fnv1a* hash) {
  constexpr int64_t kImages = 32;
  const int64_t size = split.size();
  hash->Add(&size, sizeof size);
  for (int64_t i = 0; i < size; ++i) {
    const int32_t label = split.label(i);
    hash->Add(&label, sizeof label);
  }
  const int64_t looks = std::min(size, kImages);
  for (int64_t i = 0; i < looks; ++i) {
    const Tensor image = split.get(i * size / looks).image;
    hash->Add(image.data<uint8_t>(), image.bytes());
  }
}

}  // namespace

std::string Fingerprint(const OpenedDataset& data) {
  Fnv1a hash;
  AddSplit(*data.train, &hash);
  AddSplit(*data.test, &hash);
  return hash.Hex();
}

}  // namespace ohm::datasets
