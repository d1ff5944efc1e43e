// Derivatives from the voltages at all cells: p, the voltage across a cell for
// 1 V at one input, and q, the same for a unit source behind the load of one
// output (the adjoint network, which by reciprocity is the network itself):
//
//   dGeff_ij / dG_kl = p_kl(i) q_kl(j)
//
// Fields run up the rows: bottom voltages vb_k = W_k (R J_k + vb_{k+1}) for
// inputs, wb_k = W_k wb_{k+1} for outputs; the word line of each row then gives
// the top voltages.
#include <utility>

#include "core/kernels/simd.h"
#include "hw/wires/elimination.h"

namespace ohm::hw {
namespace {

// Top voltages of word line i, its source at 0 V, for the bottom voltages in
// columns begin .. end - 1.
OHM_SIMD_CLONES void SolveRow(const WireFactors& f, int64_t i,
                              const Fields& bottom, int64_t begin, int64_t end,
                              Fields* top) {
  const double* g = f.g.data() + i * f.side;
  // First the current that a node and all behind it inject.
  for (int64_t j = f.columns - 1; j >= 0; --j) {
    const bool last = j + 1 == f.columns;
    const double share = last ? 0 : f.pass[size_t(f.At(i, j + 1))];
    const double* below = bottom.row(j);
    const double* behind = top->row(last ? j : j + 1);
    double* here = top->row(j);
    for (int64_t c = begin; c < end; ++c) {
      here[c] = g[j] * below[c] + (last ? 0 : share * behind[c]);
    }
  }
  for (int64_t j = 0; j < f.columns; ++j) {
    const double share = f.pass[size_t(f.At(i, j))];
    const double through = f.ladder.Resistance(j) * share;
    const double* before = top->row(j == 0 ? 0 : j - 1);
    double* here = top->row(j);
    for (int64_t c = begin; c < end; ++c) {
      here[c] = through * here[c] + (j == 0 ? 0 : share * before[c]);
    }
  }
}

OHM_SIMD_CLONES void AddScaled(double scale, const Fields& x, int64_t rows,
                               int64_t columns, Fields* y) {
  for (int64_t j = 0; j < rows; ++j) {
    const double* from = x.row(j);
    double* to = y->row(j);
    for (int64_t c = 0; c < columns; ++c) to[c] += scale * from[c];
  }
}

// Bottom voltages for 1 V at each input, row after row from the last one up.
class InputFields {
 public:
  explicit InputFields(const WireFactors& f)
      : f_(f), bottom_(f.side, f.rows), spare_(f.side, f.rows) {
    if (f.load.empty()) return;  // grounded
    AddScaled(f.wires.r_load, f.currents.back(), f.side, bottom_.stride,
              &bottom_);
    MultiplyFields(f.load, f.side, f.rows, &bottom_, &spare_);
  }

  // To row k, from row k + 1. Inputs from `columns` on may be left as they are.
  void StepTo(int64_t k, int64_t columns) {
    if (f_.wires.r_column == 0) return;
    const Fields& currents = f_.currents[size_t(k)];
    AddScaled(f_.wires.r_column, currents, f_.side, currents.stride, &bottom_);
    MultiplyFields(f_.inner[size_t(k)], f_.side, columns, &bottom_, &spare_);
  }

  const Fields& bottom() const { return bottom_; }

 private:
  const WireFactors& f_;
  Fields bottom_, spare_;
};

// The same for sources at the outputs: in each column a sum over outputs with
// weights `start` [side, columns].
class OutputFields {
 public:
  OutputFields(const WireFactors& f, Fields start, int64_t columns)
      : f_(f),
        columns_(columns),
        bottom_(std::move(start)),
        spare_(f.side, columns) {
    MultiplyFields(f.load, f.side, columns, &bottom_, &spare_);
  }

  void StepTo(int64_t k) {
    if (f_.wires.r_column == 0) return;
    MultiplyFields(f_.inner[size_t(k)], f_.side, columns_, &bottom_, &spare_);
  }

  const Fields& bottom() const { return bottom_; }

 private:
  const WireFactors& f_;
  int64_t columns_;
  Fields bottom_, spare_;
};

// sum over c of p[c] * q[c]
OHM_SIMD_CLONES double SumProducts(const double* top_p, const double* bottom_p,
                                   const double* top_q, const double* bottom_q,
                                   int64_t count) {
  using Lanes = double __attribute__((vector_size(64), may_alias));
  Lanes sum{};
  for (int64_t c = 0; c < count; c += kLane) {
    const auto at = [c](const double* p) {
      return *reinterpret_cast<const Lanes*>(p + c);
    };
    sum += (at(top_p) - at(bottom_p)) * (at(bottom_q) - at(top_q));
  }
  double total = 0;
  for (int lane = 0; lane < kLane; ++lane) total += sum[lane];
  return total;
}

}  // namespace

std::vector<double> SensitivityOf(const WireFactors& f) {
  std::vector<double> sensitivity(size_t(f.rows * f.columns));
  InputFields inputs(f);
  Fields ones(f.side, f.side);
  for (int64_t j = 0; j < f.side; ++j) ones.row(j)[j] = 1;
  OutputFields outputs(f, std::move(ones), f.side);
  Fields top_p(f.side, f.rows), top_q(f.side, f.side);
  for (int64_t k = f.rows - 1; k >= 0; --k) {
    if (k + 1 < f.rows) {
      inputs.StepTo(k, k + 1);  // only inputs up to k are asked for from here
      outputs.StepTo(k);
    }
    const Fields &bottom_p = inputs.bottom(), &bottom_q = outputs.bottom();
    const int64_t begin = k / kLane * kLane;
    SolveRow(f, k, bottom_p, begin, begin + kLane, &top_p);
    SolveRow(f, k, bottom_q, 0, f.side, &top_q);
    for (int64_t l = 0; l < f.columns; ++l) {
      const double p =
          f.voltage[size_t(f.At(k, l))] + top_p.row(l)[k] - bottom_p.row(l)[k];
      const double q = bottom_q.row(l)[l] - top_q.row(l)[l];
      sensitivity[size_t(k * f.columns + l)] = p * q;
    }
  }
  return sensitivity;
}

std::vector<double> GradientOf(const WireFactors& f, const double* gradient) {
  std::vector<double> result(size_t(f.rows * f.columns));
  InputFields inputs(f);
  Fields start(f.side, f.rows);
  for (int64_t i = 0; i < f.rows; ++i) {
    for (int64_t j = 0; j < f.columns; ++j) {
      start.row(j)[i] = gradient[i * f.columns + j];
    }
  }
  OutputFields outputs(f, std::move(start), f.rows);
  Fields top_p(f.side, f.rows), top_q(f.side, f.rows);
  for (int64_t k = f.rows - 1; k >= 0; --k) {
    if (k + 1 < f.rows) {
      inputs.StepTo(k, f.rows);
      outputs.StepTo(k);
    }
    const Fields &bottom_p = inputs.bottom(), &bottom_q = outputs.bottom();
    SolveRow(f, k, bottom_p, 0, top_p.stride, &top_p);
    SolveRow(f, k, bottom_q, 0, top_q.stride, &top_q);
    for (int64_t l = 0; l < f.columns; ++l) {
      top_p.row(l)[k] += f.voltage[size_t(f.At(k, l))];
      result[size_t(k * f.columns + l)] =
          SumProducts(top_p.row(l), bottom_p.row(l), top_q.row(l),
                      bottom_q.row(l), top_p.stride);
    }
  }
  return result;
}

}  // namespace ohm::hw
