// How far the sums of a layer's columns are off on a chip: what noise injection
// adaption (NIA, DAC 2019; reconstructed, only its abstract is public) injects,
// and what a gain behind the ADCs can make up for.
#pragma once

#include <cstdint>
#include <vector>

#include "hw/crossbar.h"

namespace ohm::hw {

// What shares one fitted number.
enum class FitPer : uint8_t { kNone, kLayer, kTile, kColumn };

// How a chip's sums are fitted by ideal ones.
enum class ShiftModel : uint8_t {
  kNoise,  // ideal + mean + deviation * N(0, 1), as NIA has it
  kLine,   // attenuation * ideal + mean + deviation * N(0, 1) (ours)
};

// Such a fit: [row_tiles, out], of columns that share one all alike; shift and
// deviation in layer units.
struct ShiftFit {
  Tensor attenuation;  // undefined: 1
  Tensor shift, deviation;
};

class ShiftProfile {
 public:
  // Adds the sums that x [n, h, w, c] gives on ideal devices and on a chip,
  // both programmed with the same weights, before any ADC; on the chip with
  // what is added digitally for stuck cells. What the chip's reads draw counts
  // by its variance, nothing is drawn. Whole conversions only (adc_per =
  // output). The order of calls decides the last bits, threads do not.
  void Add(const Tensor& x, const Programmed& ideal, const Programmed& chip,
           const Ranges& ranges);

  // By least squares; an attenuation of 1 where the ideal sums are all alike,
  // and at least 1/1000. Deviations are of devices and of reads together. `per`
  // must not be kNone; Add came before.
  ShiftFit Fit(FitPer per, ShiftModel model) const;
  // Root mean squares over all columns, as shares of the ideal sums': of the
  // shift with what reads draw, and of what a fit leaves to its deviation. 0
  // without any sums.
  double Shift() const;
  double LeftBy(const ShiftFit& fit) const;
  // The factor of the chip's sums that comes nearest to the ideal ones (least
  // squares), [row_tiles, out]; 1 where the chip's are all 0. Of the mean over
  // reads: a factor cannot take noise from a sum without taking signal, too.
  Tensor Gain(FitPer per) const;

  // Of one column. Public for who adds to it.
  struct Sums {
    double count = 0, ideal = 0, chip = 0;
    double ideal_chip = 0, ideal2 = 0, chip2 = 0;
    double read = 0;  // variances of what reads draw
    void Add(const Sums& other);
  };

 private:
  std::vector<Sums> Shared(FitPer per) const;  // of each column
  Sums All() const;
  template <typename Number>
  Tensor Fitted(FitPer per, const Number& number) const;

  TileMap map_;
  std::vector<Sums> columns_;  // [row_tiles, out]
};

}  // namespace ohm::hw
