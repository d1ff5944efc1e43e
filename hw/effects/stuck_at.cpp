#include "hw/effects/stuck_at.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <tuple>

#include "hw/effects/device.h"

namespace ohm::hw {
namespace {

struct Offset {
  int64_t row = 0, column = 0;
  int64_t distance2() const { return row * row + column * column; }
};

// The `count` cells nearest to one, nearest first. Each but the first has a
// neighbour before it, so that any number of them is connected.
std::vector<Offset> Nearest(int64_t count) {
  const auto reach =
      int64_t(std::ceil(std::sqrt(double(count) / std::numbers::pi))) + 1;
  std::vector<Offset> offsets;
  for (int64_t r = -reach; r <= reach; ++r) {
    for (int64_t c = -reach; c <= reach; ++c) offsets.push_back({r, c});
  }
  std::sort(offsets.begin(), offsets.end(),
            [](const Offset& a, const Offset& b) {
              return std::tuple(a.distance2(), a.row, a.column) <
                     std::tuple(b.distance2(), b.row, b.column);
            });
  offsets.resize(size_t(count));
  return offsets;
}

int64_t Reach(const std::vector<Offset>& offsets) {
  int64_t reach = 0;
  for (const Offset& o : offsets) {
    reach = std::max({reach, std::abs(o.row), std::abs(o.column)});
  }
  return reach;
}

void Stick(Fault fault, size_t i, CellArray* cells) {
  cells->fault[i] = fault;
  cells->g[i] =
      fault == Fault::kAtGMax ? cells->window.g_max : cells->window.g_min;
}

// Clusters of one array, one after the other; the order does not matter.
class Clusters {
 public:
  Clusters(const StuckAt& stuck, const Key& key, CellArray* cells)
      : whole_(int64_t(stuck.cluster)),
        part_(stuck.cluster - double(whole_)),
        key_(key),
        cells_(cells),
        offsets_(Nearest(int64_t(std::ceil(stuck.cluster)))),
        nearest_(cells->g.size(), std::numeric_limits<int32_t>::max()) {}

  // The cluster that begins at (row, column), which may be outside; `index`:
  // of its own.
  void Add(Fault fault, int64_t row, int64_t column, uint64_t index) {
    const bool more = key_.Child("size").Uniform(index) < part_;
    const auto size = size_t(whole_ + (more ? 1 : 0));
    for (size_t k = 0; k < size; ++k) {
      const int64_t r = row + offsets_[k].row, c = column + offsets_[k].column;
      if (r < 0 || r >= cells_->rows || c < 0 || c >= cells_->columns) continue;
      const auto cell = size_t(r * cells_->columns + c);
      if (int32_t(k) >= nearest_[cell]) continue;
      nearest_[cell] = int32_t(k);
      Stick(fault, cell, cells_);
    }
  }

  int64_t reach() const { return Reach(offsets_); }

 private:
  int64_t whole_;
  double part_;  // share of clusters that have one cell more
  Key key_;
  CellArray* cells_;
  std::vector<Offset> offsets_;
  std::vector<int32_t> nearest_;  // in offsets_, of the cluster a cell is of
};

void StickCells(const StuckAt& stuck, const Key& key, CellArray* cells) {
  const double rate = stuck.gmax + stuck.gmin;
  if (rate <= 0) return;
  const double scale = ClusterRate(rate, stuck.cluster) / rate;
  Clusters clusters(stuck, key, cells);
  const int64_t reach = clusters.reach();
  uint64_t index = 0;
  for (int64_t r = -reach; r < cells->rows + reach; ++r) {
    for (int64_t c = -reach; c < cells->columns + reach; ++c, ++index) {
      const double u = key.Uniform(index);
      if (u < stuck.gmax * scale) {
        clusters.Add(Fault::kAtGMax, r, c, index);
      } else if (u >= 1 - stuck.gmin * scale) {
        clusters.Add(Fault::kAtGMin, r, c, index);
      }
    }
  }
}

std::vector<bool> StuckLines(double rate, int64_t count, const Key& key) {
  std::vector<bool> stuck;
  for (int64_t i = 0; i < count; ++i) {
    stuck.push_back(key.Uniform(uint64_t(i)) < rate);
  }
  return stuck;
}

void StickLines(const StuckAt& stuck, const Key& key, CellArray* cells) {
  const Fault fault =
      stuck.lines == LineFault::kAtGMax ? Fault::kAtGMax : Fault::kAtGMin;
  const auto rows = StuckLines(stuck.rows, cells->rows, key.Child("rows"));
  const auto columns =
      StuckLines(stuck.columns, cells->columns, key.Child("columns"));
  for (size_t i = 0; i < cells->g.size(); ++i) {
    const size_t width = columns.size();
    if (rows[i / width] || columns[i % width]) Stick(fault, i, cells);
  }
}

}  // namespace

double ClusterRate(double rate, double size) {
  if (size <= 1) return rate;
  // A cell is free where none of the floor(size) cells begins a cluster that
  // always reaches it, nor the one whose cluster does so sometimes.
  const double whole = std::floor(size), part = size - whole;
  double low = 0, high = rate;
  for (int i = 0; i < 100; ++i) {
    const double q = (low + high) / 2;
    const double covered = 1 - std::pow(1 - q, whole) * (1 - q * part);
    (covered < rate ? low : high) = q;
  }
  return (low + high) / 2;
}

bool StuckAtActive(const DeviceSpec& device) {
  const StuckAt& stuck = device.stuck_at;
  return stuck.gmax > 0 || stuck.gmin > 0 || stuck.rows > 0 ||
         stuck.columns > 0;
}

void ApplyStuckAt(const DeviceSpec& device, const Key& key, CellArray* cells) {
  StickCells(device.stuck_at, key, cells);
  StickLines(device.stuck_at, key, cells);
}

}  // namespace ohm::hw
