// Names for keys whose choices are a table of another folder.
#pragma once

#include <string>
#include <vector>

namespace ohm::train {

std::vector<std::string> ModelNames();
std::vector<std::string> DatasetNames();
std::vector<std::string> MethodNames();
std::vector<std::string> SelectorNames();

}  // namespace ohm::train
