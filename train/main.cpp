#include "train/cli.h"

int main(int argc, char** argv) {
  return ohm::train::RunCommandLine(
      "ohmgrad", std::vector<std::string>(argv + 1, argv + argc));
}
