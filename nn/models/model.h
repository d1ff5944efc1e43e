// Networks by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/layers/linear.h"
#include "nn/module.h"

namespace ohm::nn {

struct ModelSpec {
  std::string name = "resnet20";
  int64_t classes = 10;
  int64_t image_size = 32;  // height = width
  int64_t width = 16;       // channels of the first stage, where it applies
  char shortcut = 'a';      // ResNets: 'a' without weights, 'b' with 1x1 conv
};

// A classifier: x [n, h, w, 3] -> logits [n, classes].
class Model : public Module {
 public:
  // The last layer, which a new task replaces by its own.
  virtual Linear& head() = 0;
  virtual std::string head_path() const = 0;
  // Whether a parameter, by its dotted name, is one of the head's.
  bool IsHead(const std::string& parameter) const {
    return parameter == head_path() + ".weight" ||
           parameter == head_path() + ".bias";
  }
};

struct ModelRow {
  const char* name;
  const char* help;
  std::unique_ptr<Model> (*make)(const ModelSpec& spec, Key key);
};

const std::vector<ModelRow>& ModelTable();

// Initial weights are a function of `key` and the spec alone. Error with the
// known names where spec.name is not one of them.
std::unique_ptr<Model> MakeModel(const ModelSpec& spec, Key key);

}  // namespace ohm::nn
