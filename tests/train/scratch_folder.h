// A folder of a test's own, removed at its end.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {

class ScratchFolder {
 public:
  ScratchFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("ohm_train_" + std::to_string(::getpid()) + "_" +
             std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() {
    std::error_code code;
    std::filesystem::remove_all(path_, code);
  }
  const std::filesystem::path& path() const { return path_; }

  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  std::filesystem::path Write(const std::string& name,
                              const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    WriteFileAtomically(path_ / name, text);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// The message of the E that `call` throws; "" if it throws none.
template <typename E = Error, typename Call>
std::string MessageOf(Call call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ohm::train
