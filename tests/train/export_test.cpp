// What 'tasks export' writes is all that is needed to read the cells.
#include "train/tasks/export.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <compare>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/base/file.h"
#include "tests/train/scratch_folder.h"
#include "train/commands/command.h"
#include "train/tasks/opened_store.h"

namespace ohm::test {
namespace {

namespace fs = std::filesystem;

struct Column {
  std::string layer;
  int64_t array, column;
  auto operator<=>(const Column&) const = default;
};

std::set<Column> ReadComplements(const fs::path& file) {
  std::istringstream in(ReadFile(file));
  std::string line;
  std::getline(in, line);
  CHECK(line == "layer,array,column");
  std::set<Column> columns;
  while (std::getline(in, line)) {
    std::array<std::string, 3> word;
    std::istringstream words(line);
    for (auto& w : word) std::getline(words, w, ',');
    columns.insert({word[0], std::stoll(word[1]), std::stoll(word[2])});
  }
  return columns;
}

// Codes that differ from what the digits of one array stand for.
int64_t WrongCodes(const std::string& layer, const hw::CellDigits& cells,
                   int64_t tile, const std::set<Column>& complements) {
  const hw::TileContent content = cells.map().ContentOf(tile);
  const auto digits = cells.OfArm(content, cells.FlippedColumns(content), 0);
  const auto rows = cells.map().RowsOf(content.row_tile);
  const auto columns = int64_t(digits.size() / rows.size());
  int64_t wrong = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (int64_t o = 0; o < content.outputs; ++o) {
      double code = -cells.slicing().weight_offset;
      for (int64_t s = 0; s < cells.slices(); ++s) {
        const int64_t column = o * cells.slices() + s;
        const hw::Digits& slice = cells.slicing().slices[size_t(s)];
        double digit = digits[r * size_t(columns) + size_t(column)];
        if (complements.contains({layer, tile, column})) {
          digit = slice.largest - digit;
        }
        code += std::ldexp(digit, slice.shift);
      }
      const int64_t at =
          (content.first_output + o) * cells.map().matrix().fan_in + rows[r];
      wrong += code != double(cells.codes().data()[at]);
    }
  }
  return wrong;
}

TEST_CASE("exported complements say how the cells of every array are read") {
  const train::ScratchFolder scratch;
  const std::string store = (scratch.path() / "store").string();
  const std::string run = "run.dir=" + (scratch.path() / "run").string();
  train::RunTasksInit(train::LoadConfig(
      OHM_SOURCE_DIR "/configs/demo.toml",
      {"tasks.store=" + store, run, "data.train_count=100",
       "data.test_count=60", "model.width=4", "train.epochs=1",
       "train.batch=32", "tasks.length=6s", "tasks.validate_every=6s",
       "tasks.select_length=2s", "tasks.batch=32", "hw.encoding=offset",
       "hw.cell_bits=2", "hw.column_flip=true", "hw.adc_per=slice"}));
  train::RunTasksAdd(
      train::StoreConfig(store, {run, "tasks.methods=xma2", "tasks.budget=0.5",
                                 "tasks.lr_weights=0.1"}),
      "textures");
  const train::Config config = train::StoreConfig(store, {run});
  train::RunTasksExport(config, "textures");
  const auto complements =
      ReadComplements(fs::path(config.run.dir) / "complements.csv");
  CHECK(!complements.empty());

  train::OpenedStore opened(config);
  opened.Set("textures");
  size_t listed = 0;
  for (const auto& leaf : nn::CrossbarLeaves(opened.model.get())) {
    const hw::CellDigits cells = train::CellsOf(leaf);
    int64_t wrong = 0;
    for (int64_t tile = 0; tile < cells.map().tiles(); ++tile) {
      wrong += WrongCodes(leaf.path, cells, tile, complements);
    }
    CHECK_MESSAGE(wrong == 0, leaf.path);
    for (const Column& c : complements) listed += c.layer == leaf.path;
  }
  CHECK(listed == complements.size());  // no other layers
}

}  // namespace
}  // namespace ohm::test
