#include "train/split_text.h"

#include <sstream>

namespace ohm::train {

std::vector<std::string> SplitText(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) {
    const size_t begin = word.find_first_not_of(" \t");
    if (begin == std::string::npos) {
      words.emplace_back();
    } else {
      words.push_back(
          word.substr(begin, word.find_last_not_of(" \t") - begin + 1));
    }
  }
  return words;
}

}  // namespace ohm::train
