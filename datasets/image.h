// Decoding and resizing of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/tensor/tensor.h"

namespace ohm::datasets {

// JPEG, PNG, PPM or PGM as u8 [h, w, 3]; grayscale is expanded. Error
// names the file and the reason: missing, truncated, not an image.
Tensor DecodeImage(const std::filesystem::path& path);

// image u8 [h, w, 3] -> [size, size, 3]: mean of the covered area along axes
// that shrink, linear between pixel centres along axes that grow, rounded to
// nearest. The whole image is kept, so one that is not square is stretched.
// The same size passes through.
Tensor ResizeImage(const Tensor& image, int size);

// u8 [count, size, size, 3] of image(0) .. image(count - 1), which are u8
// [h, w, 3], made and resized in parallel. Error where size is below 1.
Tensor CollectImages(int64_t count, int size,
                     const std::function<Tensor(int64_t)>& image);

}  // namespace ohm::datasets
