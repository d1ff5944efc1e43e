// Keys of [tasks] that only methods with PEs read: which of them are rewritten,
// and how.
#pragma once

#include <string>

#include "train/config_field.h"
#include "train/options/names.h"
#include "train/schedule.h"

namespace ohm::train {

struct PeOptions {
  double budget = 0.05;
  std::string rewrite = "pair";
  int pe_rows = 0;
  int pe_columns = 0;
  std::string factors = "xma";
  std::string select = "gradient";
  Duration select_length{2, Duration::Unit::kEpochs};
  int select_rounds = 1;
  double gate_price = 1;

  template <typename V>
  void Visit(V&& visit) {
    visit(
        "budget", budget,
        FieldDoc{
            .unit = "share",
            .min = 0,
            .max = 1,
            .doc = "Of the cells of all layers but the head, how many xma2 and "
                   "xst may rewrite: of chosen PEs all, or one of each "
                   "pair (tasks.rewrite)."});
    visit("rewrite", rewrite,
          FieldDoc{.choices = {"pair", "cell"},
                   .doc = "What a new weight of xma2 and xst takes of a "
                          "differential pair: both cells, or one, which "
                          "reaches all but weights whose signs differ and "
                          "that together exceed the range; the other cell "
                          "keeps its level."});
    visit(
        "pe_rows", pe_rows,
        FieldDoc{
            .unit = "rows",
            .min = 0,
            .max = 65536,
            .doc = "Rows of an array that make a PE of a task, the block that "
                   "xma2 and xst rewrite as a whole (hw.pe_arrays counts "
                   "others); 0: all. xst: all."});
    visit("pe_columns", pe_columns,
          FieldDoc{.unit = "columns",
                   .min = 0,
                   .max = 65536,
                   .doc = "Logical columns of an array that make such a PE; 0: "
                          "all. xst: 1."});
    visit("factors", factors,
          FieldDoc{.choices = {"none", "xbm", "xma", "scale"},
                   .doc = "What xma2 learns for columns of PEs that stay."});
    visit("select", select,
          FieldDoc{.choices = SelectorNames(),
                   .doc = "By what PEs are chosen; see 'ohmgrad list'."});
    visit("select_length", select_length,
          FieldDoc{.min = 0.001,
                   .doc = "Training before PEs are chosen (for the last "
                          "time)."});
    visit("select_rounds", select_rounds,
          FieldDoc{.min = 1,
                   .max = 1000,
                   .doc = "Rounds in which they are chosen, importance being "
                          "measured anew for each."});
    visit("gate_price", gate_price,
          FieldDoc{.min = 0,
                   .max = 1e6,
                   .doc = "select gates: what the loss grows by per share of "
                          "the cells that is on beyond the budget."});
  }
};

}  // namespace ohm::train
