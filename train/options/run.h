// Keys of [run]: where results go.
#pragma once

#include <string>

#include "train/config_field.h"

namespace ohm::train {

struct RunOptions {
  std::string dir;

  template <typename V>
  void Visit(V&& visit) {
    visit("dir", dir,
          FieldDoc{.doc = "Folder for the resolved config, metrics and "
                          "checkpoints; empty: runs/ and the config's name."});
  }
};

}  // namespace ohm::train
