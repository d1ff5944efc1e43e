// Lists in one word of text.
#pragma once

#include <string>
#include <vector>

namespace ohm::train {

// The words between `separator`, without spaces around them; empty ones stay,
// but for one behind a last separator.
std::vector<std::string> SplitText(const std::string& text, char separator);

}  // namespace ohm::train
