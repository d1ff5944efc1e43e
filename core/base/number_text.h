// Numbers as text that reads back as the same number.
#pragma once

#include <string>

namespace ohm {

// The shortest decimal that is read as exactly `value`: "2.67", "1e-06".
std::string NumberText(double value);

}  // namespace ohm
