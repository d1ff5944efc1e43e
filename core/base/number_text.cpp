#include "core/base/number_text.h"

#include <charconv>

namespace ohm {

std::string NumberText(double value) {
  char text[32];  // at most 24 characters
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end);
}

}  // namespace ohm
