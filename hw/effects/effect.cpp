#include "hw/effects/effect.h"

#include <string>
#include <utility>

#include "core/base/check.h"

namespace ohm::hw {
namespace {

void Reserve(size_t count, std::vector<double>* values) {
  if (values->empty()) values->resize(count, 0.0);
}

void StartStage(Stage stage, CellArray* cells) {
  switch (stage) {
    case Stage::kProgramming:
      cells->g = cells->target;
      cells->fault.assign(cells->target.size(), Fault::kNone);
      break;
    case Stage::kTime:
      cells->g = cells->programmed;
      break;
    case Stage::kRead:
      cells->constant.clear();
      cells->per_volt.clear();
      cells->per_volt2.clear();
      break;
  }
}

}  // namespace

void CellArray::ReserveNoise() {
  Reserve(size_t(count()), &constant);
  Reserve(size_t(count()), &per_volt);
  Reserve(size_t(count()), &per_volt2);
}

CellArray MakeCells(int64_t rows, int64_t columns, const CellWindow& window,
                    std::vector<double> target) {
  OHM_CHECK(int64_t(target.size()) == rows * columns,
            "cells of an array: expected " + std::to_string(rows * columns) +
                " targets, got " + std::to_string(target.size()));
  OHM_CHECK(window.g_min >= 0 && window.g_min < window.g_max,
            "cells of an array: expected 0 <= g_min < g_max");
  CellArray cells;
  cells.rows = rows;
  cells.columns = columns;
  cells.window = window;
  cells.target = std::move(target);
  cells.programmed = cells.target;
  cells.g = cells.target;
  cells.fault.assign(cells.target.size(), Fault::kNone);
  return cells;
}

void ApplyEffects(const DeviceSpec& device, Stage stage, const Key& array,
                  CellArray* cells) {
  StartStage(stage, cells);
  for (const Effect& effect : Effects()) {
    if (effect.stage != stage || !effect.active(device)) continue;
    effect.apply(device, array.Child(effect.name), cells);
  }
  if (stage == Stage::kProgramming) cells->programmed = cells->g;
}

bool AnyEffect(const DeviceSpec& device, Stage stage) {
  return std::any_of(Effects().begin(), Effects().end(),
                     [&](const Effect& effect) {
                       return effect.stage == stage && effect.active(device);
                     });
}

}  // namespace ohm::hw
