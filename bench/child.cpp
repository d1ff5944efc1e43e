#include "bench/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"

namespace ohm::bench {
namespace {

// In the child, after fork: only what is safe there.
[[noreturn]] void Become(char* const* argv, int output) {
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

std::string ReadAll(int from) {
  std::string text;
  std::array<char, 4096> piece;
  while (true) {
    const ssize_t got = ::read(from, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece.data(), size_t(got));
  }
}

}  // namespace

ChildResult RunChild(const std::vector<std::string>& words) {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends;  // to read from, to write to
  OHM_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0,
            std::string("cannot make a pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) Become(argv.data(), ends[1]);
  ::close(ends[1]);
  ChildResult result;
  if (child > 0) result.output = ReadAll(ends[0]);
  ::close(ends[0]);
  OHM_CHECK(child > 0,
            "cannot run '" + words[0] + "': " + std::strerror(errno));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

std::string LastLine(const std::string& output) {
  const size_t last = output.find_last_not_of('\n');
  if (last == std::string::npos) return "";
  const size_t before = output.rfind('\n', last);
  const size_t first = before == std::string::npos ? 0 : before + 1;
  return output.substr(first, last + 1 - first);
}

}  // namespace ohm::bench
