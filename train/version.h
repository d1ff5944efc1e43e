// What a report of a fault or of a timing should begin with.
#pragma once

#include <string>

namespace ohm::train {

// Lines for people: ohmgrad's version, what it was built with, and which
// kernels it chooses on this machine.
std::string VersionText();

}  // namespace ohm::train
