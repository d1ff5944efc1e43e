// What 'tasks compare' prints and draws.
#pragma once

#include <string>
#include <vector>

#include "train/compare/log.h"
#include "train/compare/rows.h"
#include "train/plot.h"

namespace ohm::train {

// Results of one row: of each set, one per seed, as many for each.
struct RowResults {
  std::string label;
  std::vector<std::vector<CompareResult>> of_set;
};

// Test top-1 per set and on average over them, in %, mean ± standard deviation
// over seeds, without trainings that failed, which are counted; and how much of
// the distance between the rows "bn" and "full", where both are there, a row's
// mean has closed.
std::string AccuracyTable(const std::vector<std::string>& sets,
                          const std::vector<RowResults>& rows);

// What each row takes, a line each: bits and bytes of every kind of mask with
// its share of the backbone and of Piggyback's mask, new weights, batch norm,
// head; and what is written when a task is switched to, the mean over sets and
// seeds.
std::string AccountingTable(const BackboneSize& backbone,
                            const std::vector<RowResults>& rows);

// Mean accuracy over the share of cells written (of rows that write any), and
// over the bytes of the mask with the new weights.
Plot AccuracyOverCells(const BackboneSize& backbone,
                       const std::vector<RowResults>& rows);
Plot AccuracyOverBytes(const std::vector<RowResults>& rows);

}  // namespace ohm::train
