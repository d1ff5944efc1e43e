// Errors. Public functions validate with OHM_CHECK, which throws ohm::Error
// with a message that says what was expected and what came; kernels only
// assert (OHM_ASSERT, debug builds). Programs catch Error once, in main.
#pragma once

#include <stdexcept>
#include <string>

namespace ohm {

// A failure whose message is one clear sentence for the person at the
// terminal. `main` prints it and exits with 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Wrong words on the command line or in a config file: exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Values that are infinite or NaN where they must not be: a training that
// diverged, mostly.
class NotFinite : public Error {
 public:
  using Error::Error;
};

[[noreturn]] void ThrowError(const std::string& message);

}  // namespace ohm

// `message` is only evaluated on failure, so it may build strings freely.
#define OHM_CHECK(condition, message)             \
  do {                                            \
    if (!(condition)) ::ohm::ThrowError(message); \
  } while (false)

#ifdef NDEBUG
#define OHM_ASSERT(condition) ((void)0)
#else
#define OHM_ASSERT(condition) \
  OHM_CHECK(condition, std::string("internal: assertion failed: ") + #condition)
#endif
