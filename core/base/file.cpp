#include "core/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"

namespace ohm {
namespace {

[[noreturn]] void FailWrite(const std::filesystem::path& path, int code) {
  ThrowError("cannot write '" + path.string() + "': " + std::strerror(code));
}

// Returns 0 or the errno of the step that failed; closes `fd` either way.
int WriteAllAndSync(int fd, std::span<const std::byte> bytes) {
  int code = 0;
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      code = n < 0 ? errno : EIO;
      break;
    }
    done += static_cast<size_t>(n);
  }
  if (code == 0 && ::fsync(fd) != 0) code = errno;
  if (::close(fd) != 0 && code == 0) code = errno;
  return code;
}

}  // namespace

void WriteFileAtomically(const std::filesystem::path& path,
                         std::span<const std::byte> bytes) {
  const std::string beside =
      path.string() + ".part" + std::to_string(::getpid());
  const int fd =
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) FailWrite(path, errno);
  int code = WriteAllAndSync(fd, bytes);
  if (code == 0 && ::rename(beside.c_str(), path.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(beside.c_str());
    FailWrite(path, code);
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : ".";
  const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {  // the rename survives a power cut only once this is synced
    ::fsync(dir);
    ::close(dir);
  }
}

void WriteFileAtomically(const std::filesystem::path& path,
                         const std::string& text) {
  WriteFileAtomically(path, std::as_bytes(std::span(text)));
}

std::string ReadFile(const std::filesystem::path& path) {
  std::error_code code;
  OHM_CHECK(!std::filesystem::is_directory(path, code),
            "cannot read '" + path.string() + "': it is a folder");
  // Not by a stream, which takes an error in the middle for the end.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  ssize_t got = file < 0 ? -1 : 1;
  while (got > 0) {
    constexpr size_t kChunk = size_t{1} << 20;
    const size_t size = text.size();
    text.resize(size + kChunk);
    do {
      got = ::read(file, text.data() + size, kChunk);
    } while (got < 0 && errno == EINTR);
    text.resize(size + size_t(std::max<ssize_t>(got, 0)));
  }
  const int error = errno;
  if (file >= 0) ::close(file);
  OHM_CHECK(got == 0,
            "cannot read '" + path.string() + "': " + std::strerror(error));
  return text;
}

FolderLock::FolderLock(const std::filesystem::path& folder, Busy busy)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  const bool refuses = busy == Busy::kRefuse;
  int got = fd_ < 0 ? -1 : 0;
  do {
    if (fd_ >= 0) got = ::flock(fd_, refuses ? LOCK_EX | LOCK_NB : LOCK_EX);
  } while (got < 0 && fd_ >= 0 && errno == EINTR);
  const int error = errno;
  if (got == 0 || (fd_ >= 0 && refuses && error != EWOULDBLOCK)) return;
  if (fd_ >= 0) ::close(fd_);
  if (fd_ >= 0 && refuses) {
    ThrowError("'" + folder.string() + "' is in use by another run");
  }
  ThrowError("cannot lock '" + folder.string() + "': " + std::strerror(error));
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace ohm
