#include "train/sweep/results.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "train/config_keys.h"
#include "train/run_folder.h"
#include "train/spread.h"
#include "train/table_print.h"

namespace ohm::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::optional<double> ParseNumber(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, number);
  const bool whole = code == std::errc() && rest == end;
  return whole && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

// NaN where `key` holds no number.
double NumberAt(const Json& line, const char* key) {
  const auto it = line.find(key);
  return it != line.end() && it->is_number() ? it->get<double>() : kNone;
}

// Empty where `key` holds no list of numbers.
std::vector<double> NumbersAt(const Json& line, const char* key) {
  const auto it = line.find(key);
  if (it == line.end() || !it->is_array()) return {};
  std::vector<double> numbers;
  for (const Json& one : *it) {
    if (one.is_number()) numbers.push_back(one.get<double>());
  }
  return numbers;
}

// "4" becomes a number, "tile" stays text.
MetricValue ToValue(const std::string& text) {
  int64_t whole = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, whole);
  if (code == std::errc() && rest == end) return whole;
  if (const auto number = ParseNumber(text)) return *number;
  return text;
}

std::vector<std::string> SweptKeys(const std::vector<SweepPoint>& points) {
  std::vector<std::string> keys;
  for (const SweepPoint& point : points) {
    for (const auto& [key, value] : point.overrides) {
      if (std::ranges::count(keys, key) == 0) keys.push_back(key);
    }
  }
  return keys;
}

bool AnyTrained(const std::vector<SweepResult>& results) {
  return std::ranges::any_of(results, [](const SweepResult& result) {
    return std::isfinite(result.trained_top1);
  });
}

bool AnyOverChips(const std::vector<SweepResult>& results) {
  return std::ranges::any_of(results, [](const SweepResult& result) {
    return !result.calibrated_chips.empty();
  });
}

std::string Top1Text(double top1, const std::vector<double>& chips) {
  if (!chips.empty()) return FormatSpread(SpreadOf(chips));
  return std::isfinite(top1) ? FormatPercent(top1) : "";
}

// `name`: "calibrated" or "trained".
void AddTop1(const std::string& name, double top1,
             const std::vector<double>& chips, Metrics* line) {
  if (!std::isfinite(top1)) return;
  line->emplace_back(name + "_top1", top1);
  if (chips.empty()) return;
  const Spread spread = SpreadOf(chips);
  line->emplace_back(name + "_std", spread.deviation);
  line->emplace_back(name + "_min", spread.min);
  line->emplace_back(name + "_chips", ToJsonList(chips));
}

// Points that one line or one colour of bars joins.
struct Group {
  std::string name;
  std::vector<std::string> x;  // of each point, as text
  std::vector<SweepResult> results;
};

// Where the point lies on the x axis. `axis` empty: each by itself.
std::string PlaceOf(const SweepPoint& point, const std::string& axis) {
  Config config = point.config;
  for (const KeyRow& row : KeyRows(&config)) {
    if (row.name != axis) continue;
    std::string place = ValueText(row);
    std::erase(place, '"');
    return place;
  }
  return point.Label();
}

std::string TitleOf(const std::string& axis) {
  Config config;
  for (const KeyRow& row : KeyRows(&config)) {
    if (row.name != axis || row.unit.empty()) continue;
    return axis + " [" + row.unit + "]";
  }
  return axis;
}

std::vector<Group> GroupPoints(const std::string& axis,
                               const std::vector<SweepPoint>& points,
                               const std::vector<SweepResult>& results) {
  std::vector<Group> groups;
  for (size_t i = 0; i < points.size(); ++i) {
    std::string name = axis.empty() ? "" : points[i].Label(axis);
    // A point by itself is no part of the grid's lines.
    if (!axis.empty() && !points[i].from_grid) name = points[i].Label();
    auto it = std::ranges::find(groups, name, &Group::name);
    if (it == groups.end()) it = groups.insert(it, {name, {}, {}});
    it->x.push_back(PlaceOf(points[i], axis));
    it->results.push_back(results[i]);
  }
  return groups;
}

std::vector<std::string> Places(const std::vector<Group>& groups) {
  std::vector<std::string> places;
  for (const Group& group : groups) {
    for (const std::string& x : group.x) {
      if (std::ranges::count(places, x) == 0) places.push_back(x);
    }
  }
  return places;
}

double Top1(const SweepResult& result, bool trained) {
  return 100 * (trained ? result.trained_top1 : result.calibrated_top1);
}

// NaN where there is one chip or none.
double Deviation(const SweepResult& result, bool trained) {
  const auto& chips = trained ? result.trained_chips : result.calibrated_chips;
  return chips.empty() ? kNone : 100 * SpreadOf(chips).deviation;
}

PlotSeries LineOf(const Group& group, bool trained) {
  PlotSeries series;
  std::vector<std::pair<double, const SweepResult*>> points;
  for (size_t i = 0; i < group.x.size(); ++i) {
    points.emplace_back(*ParseNumber(group.x[i]), &group.results[i]);
  }
  std::ranges::stable_sort(points, {}, [](const auto& p) { return p.first; });
  for (const auto& [x, result] : points) {
    series.x.push_back(x);
    series.y.push_back(Top1(*result, trained));
    series.error.push_back(Deviation(*result, trained));
  }
  return series;
}

PlotSeries BarsOf(const Group& group, const std::vector<std::string>& places,
                  bool trained) {
  PlotSeries series;
  series.y.assign(places.size(), kNone);
  series.error.assign(places.size(), kNone);
  for (size_t i = 0; i < group.x.size(); ++i) {
    const auto at =
        size_t(std::ranges::find(places, group.x[i]) - places.begin());
    series.y[at] = Top1(group.results[i], trained);
    series.error[at] = Deviation(group.results[i], trained);
  }
  return series;
}

// Numbers that an even axis would crowd at its start.
bool SpansDecades(const std::vector<std::string>& places) {
  constexpr double kRatio = 100;
  std::vector<double> values;
  for (const std::string& place : places) values.push_back(*ParseNumber(place));
  const auto [least, most] = std::ranges::minmax(values);
  return least > 0 && most / least >= kRatio;
}

}  // namespace

SweepLog::SweepLog(std::filesystem::path path,
                   std::map<std::string, std::string> data)
    : path_(std::move(path)), data_(std::move(data)) {
  for (const std::string& text : WholeLines(path_)) {
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || !line.contains("config")) continue;
    const Json& hash = line.at("config");
    const SweepResult result{
        NumberAt(line, "calibrated_top1"), NumberAt(line, "trained_top1"),
        NumberAt(line, "seconds"), NumbersAt(line, "calibrated_chips"),
        NumbersAt(line, "trained_chips")};
    if (!hash.is_string() || std::isnan(result.calibrated_top1)) continue;
    const auto own = data_.find(hash.get<std::string>());
    const bool other = own != data_.end() && line.contains("data") &&
                       line.at("data") != own->second;
    if (!other) results_[hash.get<std::string>()] = result;
  }
}

const SweepResult* SweepLog::Find(const std::string& hash) const {
  const auto it = results_.find(hash);
  return it == results_.end() ? nullptr : &it->second;
}

void SweepLog::Append(const SweepPoint& point, const std::string& hash,
                      const SweepResult& result) {
  Metrics line;
  for (const auto& [key, value] : point.overrides) {
    line.emplace_back(key, ToValue(value));
  }
  AddTop1("calibrated", result.calibrated_top1, result.calibrated_chips, &line);
  AddTop1("trained", result.trained_top1, result.trained_chips, &line);
  line.emplace_back("seconds", result.seconds);
  line.emplace_back("weights", point.config.model.weights);
  if (const auto own = data_.find(hash); own != data_.end()) {
    line.emplace_back("data", own->second);
  }
  line.emplace_back("config", hash);
  AppendJsonLine(path_, line);
  results_[hash] = result;
}

std::string CalibratedText(const SweepResult& result) {
  return Top1Text(result.calibrated_top1, result.calibrated_chips);
}

std::string TrainedText(const SweepResult& result) {
  return Top1Text(result.trained_top1, result.trained_chips);
}

std::string SweepTable(const std::vector<SweepPoint>& points,
                       const std::vector<SweepResult>& results) {
  const auto keys = SweptKeys(points);
  const bool trained = AnyTrained(results);
  std::vector<TableColumn> columns;
  for (const std::string& key : keys) columns.push_back({key});
  const std::string unit = AnyOverChips(results) ? "%, ± std (min)" : "%";
  columns.push_back({"calibrated", unit});
  if (trained) columns.push_back({"trained", unit});
  columns.push_back({"time"});
  TextTable table(columns);
  for (size_t i = 0; i < points.size(); ++i) {
    std::vector<std::string> row(keys.size());
    for (const auto& [key, value] : points[i].overrides) {
      row[size_t(std::ranges::find(keys, key) - keys.begin())] = value;
    }
    row.push_back(CalibratedText(results[i]));
    if (trained) row.push_back(TrainedText(results[i]));
    row.push_back(FormatSeconds(results[i].seconds));
    table.AddRow(std::move(row));
  }
  return table.str();
}

Plot SweepPlot(const std::string& axis, const std::vector<SweepPoint>& points,
               const std::vector<SweepResult>& results) {
  const auto groups = GroupPoints(axis, points, results);
  const auto places = Places(groups);
  const bool trained = AnyTrained(results);
  const bool numbers = std::ranges::all_of(
      places, [](const auto& place) { return ParseNumber(place).has_value(); });
  Plot plot;
  plot.x.title = TitleOf(axis);
  plot.y.title = "top-1 [%]";
  if (!numbers) plot.categories = places;
  plot.x.log = numbers && SpansDecades(places);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const bool after : {false, true}) {
      if (after && !trained) continue;
      PlotSeries series =
          numbers ? LineOf(groups[g], after) : BarsOf(groups[g], places, after);
      series.name = groups[g].name + (groups[g].name.empty() ? "" : ", ") +
                    (after ? "trained" : "calibrated");
      series.pale = trained && !after;
      series.color = int(g);
      plot.series.push_back(std::move(series));
    }
  }
  return plot;
}

}  // namespace ohm::train
