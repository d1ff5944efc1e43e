// Tiny data sets on disk, for tests of readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace ohm::test {

// A new empty folder, removed with everything in it at the end of the scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes path()/name and the folders on the way.
  void Write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

std::string Gzip(const std::string& bytes);

// One colour, height x width.
std::string PpmBytes(int height, int width, uint8_t r, uint8_t g, uint8_t b);
// `pixels` holds height * width * channels bytes; channels is 1 or 3.
std::string PngBytes(int height, int width, int channels,
                     const std::vector<uint8_t>& pixels);
std::string JpegBytes(int height, int width, int channels,
                      const std::vector<uint8_t>& pixels);

// Channel c of the pixel in row i, column j of sample n.
int PixelOf(const datasets::Dataset& data, int64_t n, int64_t i, int64_t j,
            int64_t c);
std::vector<int32_t> LabelsOf(const datasets::Dataset& data);

}  // namespace ohm::test
