#include "hw/wires/wires.h"

#include <cmath>
#include <string>

#include "core/base/check.h"
#include "core/base/number_text.h"

namespace ohm::hw {
namespace {

bool IsPassive(double value) { return std::isfinite(value) && value >= 0; }

std::string SizeText(const CellMatrix& array) {
  return std::to_string(array.rows) + " x " + std::to_string(array.columns);
}

struct CheckResistance {
  void operator()(const char* key, double ohm, const FieldDoc& /*doc*/) const {
    OHM_CHECK(IsPassive(ohm), std::string("wires: expected ") + key +
                                  " of at least 0 ohm, got " + NumberText(ohm));
  }
};

}  // namespace

void CheckArray(const CellMatrix& array) {
  OHM_CHECK(array.rows >= 1 && array.columns >= 1,
            "array: expected at least 1 x 1 cells, got " + SizeText(array));
  OHM_CHECK(int64_t(array.siemens.size()) == array.rows * array.columns,
            "array: expected " + SizeText(array) + " conductances, got " +
                std::to_string(array.siemens.size()));
  for (int64_t c = 0; c < int64_t(array.siemens.size()); ++c) {
    const double g = array.siemens[size_t(c)];
    OHM_CHECK(IsPassive(g),
              "array: expected conductances of at least 0 siemens, got " +
                  NumberText(g) + " in row " +
                  std::to_string(c / array.columns) + ", column " +
                  std::to_string(c % array.columns));
  }
}

void CheckWires(const Wires& wires) {
  Wires copy = wires;
  copy.Visit(CheckResistance());
}

}  // namespace ohm::hw
