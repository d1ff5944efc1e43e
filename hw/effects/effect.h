// What real devices do to the cells of one array. Each effect is one file pair
// in this folder, one member of DeviceSpec (hw/effects/device.h) and one row of
// the table in hw/effects/table.cpp; the rows' order is the order in which
// effects act. Each is the identity at its defaults, and all compose.
//
// Randomness is drawn by when it happens:
//   programming  once when cells are written; stays until they are written anew
//   time         a function of the seconds since then, its exponents drawn once
//   read         anew at each product; here only its variances are collected,
//                they are drawn once per output of a column
// A chip instance is a key: the same key gives the same cells, bit for bit, at
// any thread count and in any order of arrays.
//
// Tags: [memory] has no source but common experience; [reconstructed] is ours
// where nothing is published; [derived] is worked out here and tested.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/random.h"

namespace ohm::hw {

struct DeviceSpec;

// Physical constants, exact by the SI of 2019.
inline constexpr double kBoltzmann = 1.380649e-23;            // J/K
inline constexpr double kElementaryCharge = 1.602176634e-19;  // C
// What temperature effects are relative to.
inline constexpr double kReferenceKelvin = 300;

// The range that cells are programmed in, siemens, and the input of full scale.
// 0 <= g_min < g_max.
struct CellWindow {
  double g_min = 0, g_max = 0;
  double g_step = 0;  // of one code, siemens; 0: weights without codes
  double volt = 0;    // the largest voltage on a row

  double range() const { return g_max - g_min; }
  // Where g is between g_min (0) and g_max (1); the nearer of them outside.
  double Level(double g) const {
    return std::clamp((g - g_min) / range(), 0.0, 1.0);
  }
  // g / g_max, which published laws call x; in 0..1.
  double Share(double g) const { return std::clamp(g / g_max, 0.0, 1.0); }
};

enum class Fault : uint8_t { kNone, kAtGMax, kAtGMin };

// The cells of one array, row-major [rows, columns]; siemens. All vectors have
// rows * columns elements, but the three of noise, which are empty where no
// effect of reading is on.
struct CellArray {
  int64_t rows = 0, columns = 0;
  CellWindow window;
  std::vector<double> target;      // what was to be programmed
  std::vector<double> programmed;  // what was, right after; >= 0
  std::vector<double> g;           // what is there now; >= 0
  std::vector<Fault> fault;        // faulty cells keep their g through time

  // One read of the current of a cell at V volt has variance
  //   constant + per_volt * |V| + per_volt2 * V^2     [A^2]
  // The reads of a column's cells are independent, so their variances add up:
  // exactly, and the sum's distribution is Gaussian as far as the cells' are.
  std::vector<double> constant;   // A^2
  std::vector<double> per_volt;   // A^2 / V
  std::vector<double> per_volt2;  // S^2: variance of the conductance

  int64_t count() const { return rows * columns; }
  void ReserveNoise();  // zeros in the three, where they are empty
};

// Cells that hold their targets exactly. Error where the target has another
// size, or the window is none.
CellArray MakeCells(int64_t rows, int64_t columns, const CellWindow& window,
                    std::vector<double> target);

enum class Stage : uint8_t { kProgramming, kTime, kRead };

struct Effect {
  const char* name;  // of its file pair, and of its random stream
  Stage stage;
  const char* doc;  // one sentence
  // Whether it changes anything; apply is only called if so.
  bool (*active)(const DeviceSpec& device);
  // Programming changes g and fault, time g of cells without fault; reading
  // adds to the three of noise (after ReserveNoise) and leaves the rest.
  // `key`: the array's, for this effect alone; cell i draws at index i, of the
  // key or of its children.
  void (*apply)(const DeviceSpec& device, const Key& key, CellArray* cells);
};

// In the order of action; stages in the order of their enumerators.
const std::vector<Effect>& Effects();

// All active effects of `stage`, in order, on one array. Each stage starts
// from what the one before has left, so it can be done again, for another time
// say, and gives what it would have given at once:
//   programming  g from target, without faults; sets programmed
//   time         g from programmed
//   read         the noise of g as it is
// `device`: CheckDevice has passed. `array`: the key of the array on its chip
// (ChipKey in hw/effects/device.h), from which each effect takes a child of
// its name.
void ApplyEffects(const DeviceSpec& device, Stage stage, const Key& array,
                  CellArray* cells);
bool AnyEffect(const DeviceSpec& device, Stage stage);

}  // namespace ohm::hw
