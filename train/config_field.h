// How an options struct describes its fields, so that parsing, range checks,
// resolved configs, --help and the docs table all come from one place:
//
//   template <typename V>
//   void Visit(V&& visit) {
//     visit("epochs", epochs,
//           FieldDoc{.unit = "epochs", .min = 1, .max = 1e5, .doc = "..."});
//   }
#pragma once

#include <string>
#include <vector>

#include "hw/field_doc.h"

namespace ohm::train {

using hw::FieldDoc;

}  // namespace ohm::train
