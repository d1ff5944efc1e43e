// What a new task may train, by name: a row says which parts of the network
// become the task's own.
#pragma once

#include <string>
#include <vector>

namespace ohm::train {

struct MethodRow {
  const char* name;
  const char* help;
  const char* mask;  // a row of nn::MaskTable(), or "" for none
  bool own_norm;     // batch norm as tasks.norm says; false: the backbone's
  bool selects;      // PEs as tasks.select and the keys behind it say
};

const std::vector<MethodRow>& MethodTable();

// Error with the known names where `name` is not one of them.
const MethodRow& FindMethod(const std::string& name);

}  // namespace ohm::train
