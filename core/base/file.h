// Files that are either wholly there or not there at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace ohm {

// Writes beside `path` (a temporary name in the same folder), fsyncs, renames,
// and fsyncs the folder. On any failure the old file is untouched and Error
// names path and reason.
void WriteFileAtomically(const std::filesystem::path& path,
                         std::span<const std::byte> bytes);
void WriteFileAtomically(const std::filesystem::path& path,
                         const std::string& text);

// The whole file. Error names the path when it is missing or unreadable.
std::string ReadFile(const std::filesystem::path& path);

// Held once at a time for one folder.
class FolderLock {
 public:
  // kWait waits for whoever holds it; Error where the folder cannot be opened
  // or locked. kRefuse is an Error where another holds it, and holds nothing on
  // file systems without locks.
  enum class Busy { kWait, kRefuse };
  explicit FolderLock(const std::filesystem::path& folder,
                      Busy busy = Busy::kWait);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

}  // namespace ohm
