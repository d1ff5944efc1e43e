#include "hw/wires/netlist.h"

#include "core/base/check.h"
#include "core/base/number_text.h"

namespace ohm::hw {
namespace {

std::string Index(int64_t i) { return std::to_string(i); }

class Netlist {
 public:
  Netlist(const CellMatrix& array, const Wires& wires)
      : array_(array), wires_(wires) {}

  std::string Text(std::span<const double> volts) {
    text_ = "* crossbar array of " + Index(array_.rows) + " x " +
            Index(array_.columns) + " cells\n";
    for (int64_t i = 0; i < array_.rows; ++i) {
      Line("vin" + Index(i), "in" + Index(i), "0", volts[size_t(i)], "dc ");
      Line("rsource" + Index(i), "in" + Index(i), Top(i, 0), wires_.r_source);
    }
    for (int64_t i = 0; i < array_.rows; ++i) {
      for (int64_t j = 0; j < array_.columns; ++j) AddCell(i, j);
    }
    for (int64_t j = 0; j < array_.columns; ++j) {
      Line("rload" + Index(j), Bottom(array_.rows - 1, j), "out" + Index(j),
           wires_.r_load);
      text_ += "vout" + Index(j) + " out" + Index(j) + " 0 dc 0\n";
    }
    AddControl();
    return text_;
  }

 private:
  // The node of an ideal wire is named after its first one.
  std::string Top(int64_t i, int64_t j) const {
    const int64_t first = wires_.r_row == 0 ? 0 : j;
    if (first == 0 && wires_.r_source == 0) return "in" + Index(i);
    return "top" + Index(i) + "_" + Index(first);
  }
  std::string Bottom(int64_t i, int64_t j) const {
    const int64_t last = wires_.r_column == 0 ? array_.rows - 1 : i;
    if (last == array_.rows - 1 && wires_.r_load == 0) return "out" + Index(j);
    return "bot" + Index(last) + "_" + Index(j);
  }

  // Nothing between the ends of an ideal wire, which are one node.
  void Line(const std::string& name, const std::string& a, const std::string& b,
            double value, const std::string& kind = "") {
    if (a == b) return;
    text_ += name + " " + a + " " + b + " " + kind + NumberText(value) + "\n";
  }

  void AddCell(int64_t i, int64_t j) {
    const std::string place = Index(i) + "_" + Index(j);
    if (j + 1 < array_.columns) {
      Line("rrow" + place, Top(i, j), Top(i, j + 1), wires_.r_row);
    }
    if (i + 1 < array_.rows) {
      Line("rcolumn" + place, Bottom(i, j), Bottom(i + 1, j), wires_.r_column);
    }
    const double g = array_.siemens[size_t(i * array_.columns + j)];
    if (g > 0) Line("rcell" + place, Top(i, j), Bottom(i, j), 1 / g);
  }

  void AddControl() {
    text_ += ".control\nset numdgt=15\nop\n";
    for (int64_t j = 0; j < array_.columns; ++j) {
      text_ += "print i(vout" + Index(j) + ")\n";
    }
    text_ += "quit 0\n.endc\n.end\n";
  }

  const CellMatrix& array_;
  const Wires& wires_;
  std::string text_;
};

}  // namespace

std::string SpiceNetlist(const CellMatrix& array, const Wires& wires,
                         std::span<const double> volts) {
  CheckArray(array);
  CheckWires(wires);
  OHM_CHECK(int64_t(volts.size()) == array.rows,
            "array: expected a voltage for each of " + Index(array.rows) +
                " rows, got " + Index(int64_t(volts.size())));
  return Netlist(array, wires).Text(volts);
}

}  // namespace ohm::hw
