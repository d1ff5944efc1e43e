#include "train/compare/log.h"

#include <nlohmann/json.hpp>

namespace ohm::train {
namespace {

using Json = nlohmann::ordered_json;

JsonText MaskText(const TaskSize& size) {
  Json mask = Json::object();
  for (const auto& [kind, term] : size.mask) {
    mask[kind] = {{"entries", term.entries},
                  {"bits_each", term.bits_each},
                  {"bytes", term.bytes()}};
  }
  return {mask.dump()};
}

// Error of the library where a key is missing or of another kind.
CompareResult ReadResult(const Json& line) {
  CompareResult r;
  r.validation = line.at("validation_top1").get<double>();
  if (line.at("test_top1").is_number()) {
    r.test = line.at("test_top1").get<double>();
  }
  r.steps = line.at("step").get<int64_t>();
  r.seconds = line.at("seconds").get<double>();
  r.images = line.at("images").get<int64_t>();
  for (const auto& [kind, term] : line.at("mask").items()) {
    r.size.mask[kind] = {term.at("entries").get<int64_t>(),
                         term.at("bits_each").get<int64_t>()};
  }
  r.size.columns_off = line.at("columns_off").get<int64_t>();
  r.size.norm_bytes = line.at("norm_bytes").get<int64_t>();
  r.size.head_bytes = line.at("head_bytes").get<int64_t>();
  r.size.range_bytes = line.at("range_bytes").get<int64_t>();
  r.writes = {line.at("cells_written").get<int64_t>(),
              line.at("rows_written").get<int64_t>(),
              line.at("arrays_written").get<int64_t>(),
              line.at("weights_written").get<int64_t>()};
  return r;
}

// Whether the line names other images than these. Error as above.
bool Differs(const Json& line, const char* key,
             const std::string& fingerprint) {
  return !fingerprint.empty() && line.contains(key) &&
         line.at(key).get<std::string>() != fingerprint;
}

}  // namespace

Metrics ToMetrics(const CompareResult& r) {
  return {{"validation_top1", r.validation},
          {"test_top1", r.test},
          {"step", r.steps},
          {"seconds", r.seconds},
          {"images", r.images},
          {"mask", MaskText(r.size)},
          {"columns_off", r.size.columns_off},
          {"mask_bytes", r.size.mask_bytes()},
          {"norm_bytes", r.size.norm_bytes},
          {"head_bytes", r.size.head_bytes},
          {"range_bytes", r.size.range_bytes},
          {"cells_written", r.writes.cells},
          {"rows_written", r.writes.rows},
          {"arrays_written", r.writes.arrays},
          {"weights_written", r.writes.weights}};
}

CompareLog::CompareLog(std::filesystem::path path,
                       std::map<std::string, std::string> data,
                       std::string first_data)
    : path_(std::move(path)),
      data_(std::move(data)),
      first_data_(std::move(first_data)) {
  for (const std::string& text : WholeLines(path_)) {
    const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    try {
      const auto set = data_.find(line.at("set").get<std::string>());
      if (set != data_.end() && Differs(line, "data", set->second)) continue;
      if (Differs(line, "first_data", first_data_)) continue;
      results_[line.at("config").get<std::string>()] = ReadResult(line);
    } catch (const Json::exception&) {
      continue;  // no result
    }
  }
}

const CompareResult* CompareLog::Find(const std::string& hash) const {
  const auto it = results_.find(hash);
  return it == results_.end() ? nullptr : &it->second;
}

void CompareLog::Append(const std::string& set, const Metrics& what,
                        const std::string& hash, const CompareResult& result) {
  Metrics line{{"set", set}};
  line.insert(line.end(), what.begin(), what.end());
  for (auto& [key, value] : ToMetrics(result)) line.emplace_back(key, value);
  if (const auto it = data_.find(set); it != data_.end()) {
    line.emplace_back("data", it->second);
  }
  if (!first_data_.empty()) line.emplace_back("first_data", first_data_);
  line.emplace_back("config", hash);
  AppendJsonLine(path_, line);
  results_[hash] = result;
}

}  // namespace ohm::train
