#include "hw/wires/elimination.h"

#include <algorithm>
#include <utility>

#include "core/kernels/simd.h"

namespace ohm::hw {
namespace {

// Where a load is so many times a segment, 1 - W_i has lost too many digits by
// the time it is multiplied with r_load / r_column; see CarryExactly.
constexpr double kSafeRatio = 1000;

// out = alpha * previous + diagonal * 1 - scale * H_i, on and below the
// diagonal. `line` [side] is scratch.
OHM_SIMD_CLONES void FormRow(const WireFactors& f, int64_t i, double alpha,
                             const double* previous, double diagonal,
                             double scale, double* line, double* out) {
  const double* g = f.g.data() + i * f.side;
  std::fill_n(line, f.side, 0.0);
  for (int64_t k = 0; k < f.side; ++k) {
    const bool padding = k >= f.columns;
    const int64_t node = f.At(i, k);
    const double share = padding ? 0 : f.pass[size_t(node)];
    const double factor = scale * g[k];
    const double* before = previous + k * f.side;
    double* row = out + k * f.side;
    // line[j] = g_j X_jk for j < k, and 0 beyond.
    const int64_t end = (k / kLane + 1) * kLane;
    for (int64_t j = 0; j < end; ++j) {
      line[j] *= share;
      row[j] = alpha * before[j] + factor * line[j];
    }
    row[k] += diagonal;
    if (padding) continue;
    row[k] -= factor * f.rest[size_t(node)];
    line[k] = g[k] * f.self[size_t(node)];
  }
}

// The kernels read the blocks on the diagonal whole.
void MirrorDiagonalBlocks(int64_t side, double* a) {
  for (int64_t k = 0; k < side; ++k) {
    for (int64_t j = k / kLane * kLane; j < k; ++j) {
      a[j * side + k] = a[k * side + j];
    }
  }
}

void Mirror(int64_t side, double* a) {
  for (int64_t k = 0; k < side; ++k) {
    for (int64_t j = 0; j < k; ++j) a[j * side + k] = a[k * side + j];
  }
}

WireFactors Begin(const CellMatrix& array, const Wires& wires) {
  WireFactors f;
  f.rows = array.rows;
  f.columns = array.columns;
  f.side = RoundUpToLane(array.columns);
  f.wires = wires;
  f.g = AlignedDoubles(f.rows * f.side);
  f.ladder = {f.columns, f.rows, wires.r_source, wires.r_row};
  std::vector<double> g(array.siemens.size()), y(g.size());
  for (int64_t i = 0; i < f.rows; ++i) {
    for (int64_t j = 0; j < f.columns; ++j) {
      const double cell = array.siemens[size_t(i * f.columns + j)];
      f.g.data()[i * f.side + j] = g[size_t(f.At(i, j))] = cell;
    }
  }
  f.pass = f.self = f.rest = f.voltage = g;
  LadderPass(f.ladder, g.data(), y.data(), f.pass.data());
  LadderVoltages(f.ladder, f.pass.data(), f.voltage.data());
  LadderSelf(f.ladder, g.data(), y.data(), f.pass.data(), f.self.data(),
             f.rest.data());
  return f;
}

// Folds one word line after the other into the factors.
class Folder {
 public:
  Folder(WireFactors* factors, bool keep)
      : f_(factors),
        keep_(keep),
        careful_(f_->wires.r_load > kSafeRatio * f_->wires.r_column &&
                 f_->wires.r_column > 0),
        matrix_(f_->side * f_->side),
        scratch_(2 * kLane * f_->side),
        line_(f_->side) {}

  void Fold(int64_t i) {
    AddSource(i);
    const bool last = i + 1 == f_->rows;
    if (f_->wires.r_column == 0) {
      if (f_->wires.r_load > 0) AddToLoad(i, last);
    } else if (!last) {
      AddInner(i);
    } else if (f_->wires.r_load > 0) {
      AddLoad(i);
    }
  }

 private:
  void Form(int64_t i, double alpha, const double* previous, double diagonal,
            double scale, double* out) {
    FormRow(*f_, i, alpha, previous, diagonal, scale, line_.data(), out);
    MirrorDiagonalBlocks(f_->side, out);
  }
  void Invert(AlignedDoubles* a) {
    CurrentDenseKernels().invert(a->data(), f_->side, scratch_.data());
  }

  // J_i = [W_{i-1} J_{i-1}, u_i]
  void AddSource(int64_t i) {
    Fields next;
    if (f_->wires.r_column == 0) {
      next = i == 0 ? Fields(f_->side, f_->rows) : std::move(f_->currents[0]);
      f_->currents.clear();
    } else {
      next = keep_ || i < 2 ? Fields(f_->side, keep_ ? i + 1 : f_->rows)
                            : std::move(spare_);
      if (i > 0) {
        const Fields& last = f_->currents.back();
        CurrentDenseKernels().multiply(
            f_->inner.back().data(), f_->side, last.values.data(), last.stride,
            RoundUpToLane(i), next.values.data(), next.stride);
      }
      if (!keep_ && i > 0) {
        spare_ = std::move(f_->currents[0]);
        f_->currents.clear();
      }
    }
    for (int64_t j = 0; j < f_->columns; ++j) {
      next.row(j)[i] =
          f_->g.data()[i * f_->side + j] * f_->voltage[size_t(f_->At(i, j))];
    }
    f_->currents.push_back(std::move(next));
  }

  // W_i. -(1 + R Y_i) = -1 - (1 - W_{i-1}) - R H_i.
  void AddInner(int64_t i) {
    const double r = f_->wires.r_column;
    if (careful_) {
      CarryExactly(i);
      return;
    }
    const double* last = i == 0 ? nullptr : f_->inner.back().data();
    AlignedDoubles w = NewInner();
    const double* before = i == 0 ? w.data() : last;
    Form(i, i == 0 ? 0 : 1, before, i == 0 ? -1 : -2, r, w.data());
    Invert(&w);
    PushInner(std::move(w));
  }

  // As AddInner, with E_i = 1 - W_i = R Y_i W_i as a product, which keeps the
  // digits that the difference loses; twice the work.
  void CarryExactly(int64_t i) {
    const int64_t side = f_->side;
    AlignedDoubles minus_ry(side * side), w(side * side);
    Form(i, i == 0 ? 0 : -1, matrix_.data(), 0, f_->wires.r_column,
         minus_ry.data());
    std::copy_n(minus_ry.data(), side * side, w.data());
    for (int64_t k = 0; k < side; ++k) w.data()[k * side + k] -= 1;
    Invert(&w);
    Mirror(side, minus_ry.data());
    CurrentDenseKernels().multiply(w.data(), side, minus_ry.data(), side, side,
                                   matrix_.data(), side);
    for (int64_t c = 0; c < side * side; ++c) {
      matrix_.data()[c] = -matrix_.data()[c];
    }
    PushInner(std::move(w));
  }

  // -(1 + r_load Y) for Y = H_{M-1} + (1 - W_{M-2}) / R.
  void AddLoad(int64_t i) {
    const double r_load = f_->wires.r_load;
    const double ratio = r_load / f_->wires.r_column;
    f_->load = AlignedDoubles(f_->side * f_->side);
    if (i == 0) {
      Form(i, 0, f_->load.data(), -1, r_load, f_->load.data());
    } else if (careful_) {
      Form(i, -ratio, matrix_.data(), -1, r_load, f_->load.data());
    } else {
      Form(i, ratio, f_->inner.back().data(), -1 - ratio, r_load,
           f_->load.data());
    }
    Invert(&f_->load);
  }

  // The same for ideal bit lines: Y is the sum of all H.
  void AddToLoad(int64_t i, bool last) {
    if (i == 0) f_->load = AlignedDoubles(f_->side * f_->side);
    Form(i, i == 0 ? 0 : 1, f_->load.data(), i == 0 ? -1 : 0, f_->wires.r_load,
         f_->load.data());
    if (last) Invert(&f_->load);
  }

  // Unless factors are kept, W_i takes the place of W_{i-1}.
  AlignedDoubles NewInner() {
    if (keep_ || f_->inner.empty()) {
      return AlignedDoubles(f_->side * f_->side);
    }
    return std::move(f_->inner.back());
  }
  void PushInner(AlignedDoubles w) {
    if (!keep_) f_->inner.clear();
    f_->inner.push_back(std::move(w));
  }

  WireFactors* f_;
  bool keep_, careful_;
  AlignedDoubles matrix_;  // E_i, if careful_
  AlignedDoubles scratch_, line_;
  Fields spare_;
};

}  // namespace

void MultiplyFields(const AlignedDoubles& w, int64_t side, int64_t columns,
                    Fields* fields, Fields* spare) {
  if (w.empty()) return;
  CurrentDenseKernels().multiply(w.data(), side, fields->values.data(),
                                 fields->stride, RoundUpToLane(columns),
                                 spare->values.data(), spare->stride);
  std::swap(*fields, *spare);
}

WireFactors Eliminate(const CellMatrix& array, const Wires& wires, bool keep) {
  WireFactors factors = Begin(array, wires);
  Folder folder(&factors, keep);
  for (int64_t i = 0; i < factors.rows; ++i) folder.Fold(i);
  return factors;
}

std::vector<double> EffectiveOf(const WireFactors& f) {
  const Fields* currents = &f.currents.back();
  Fields loaded;
  if (!f.load.empty()) {
    loaded = Fields(f.side, f.rows);
    CurrentDenseKernels().multiply(
        f.load.data(), f.side, currents->values.data(), currents->stride,
        RoundUpToLane(f.rows), loaded.values.data(), loaded.stride);
    currents = &loaded;
  }
  std::vector<double> effective(size_t(f.rows * f.columns));
  for (int64_t i = 0; i < f.rows; ++i) {
    for (int64_t j = 0; j < f.columns; ++j) {
      effective[size_t(i * f.columns + j)] = currents->row(j)[i];
    }
  }
  return effective;
}

}  // namespace ohm::hw
