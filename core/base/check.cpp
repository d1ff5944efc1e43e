#include "core/base/check.h"

namespace ohm {

void ThrowError(const std::string& message) { throw Error(message); }

}  // namespace ohm
