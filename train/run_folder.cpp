#include "train/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/check.h"
#include "core/base/file.h"

namespace ohm::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

[[noreturn]] void FailFolder(const fs::path& path, const std::string& reason) {
  ThrowError("cannot write into the run folder '" + path.string() +
             "': " + reason);
}

}  // namespace

std::string ToJson(const Metrics& metrics) {
  Json line = Json::object();
  for (const auto& [name, value] : metrics) {
    if (const auto* ready = std::get_if<JsonText>(&value)) {
      line[name] = Json::parse(ready->text);
      continue;
    }
    std::visit(
        [&](const auto& v) {
          if constexpr (!std::is_same_v<decltype(v), const JsonText&>) {
            line[name] = v;
          }
        },
        value);
  }
  // Not-finite numbers are written as null by dump().
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

JsonText ToJsonList(const std::vector<Metrics>& list) {
  std::string text = "[";
  for (const Metrics& one : list) {
    text += (text.size() == 1 ? "" : ",") + ToJson(one);
  }
  return {text + "]"};
}

JsonText ToJsonList(const std::vector<double>& list) {
  return {Json(list).dump()};
}

void AppendJsonLine(const fs::path& path, const Metrics& metrics) {
  const std::string text = ToJson(metrics) + "\n";
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const ssize_t done = fd < 0 ? -1 : ::write(fd, text.data(), text.size());
  const int code = done < 0 ? errno : ENOSPC;  // fewer bytes: the disk is full
  if (fd >= 0) ::close(fd);
  if (done != static_cast<ssize_t>(text.size())) {
    FailFolder(path.parent_path(),
               path.filename().string() + ": " + std::strerror(code));
  }
}

std::vector<std::string> WholeLines(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return {};
  const std::string text = ReadFile(path);
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  if (begin < text.size()) WriteFileAtomically(path, text.substr(0, begin));
  return lines;
}

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  std::error_code code;
  if (fs::exists(path_ / kTaskStoreList, code)) {
    FailFolder(path_, "it holds a task store; --set run.dir=DIR names another");
  }
  fs::create_directories(path_, code);
  if (code) FailFolder(path_, code.message());
  const fs::path probe = path_ / (".probe" + std::to_string(::getpid()));
  try {
    WriteFileAtomically(probe, std::string("probe"));
  } catch (const Error& error) {
    const std::string reason = error.what();
    FailFolder(path_, reason.substr(reason.rfind(": ") + 2));
  }
  fs::remove(probe, code);
}

void RunFolder::WriteConfig(const std::string& toml) const {
  WriteFileAtomically(config(), toml);
}

void RunFolder::CheckNoTraining() const {
  std::error_code code;
  for (const fs::path& file : {weights(), state()}) {
    if (!fs::exists(file, code)) continue;
    FailFolder(path_, "a training has left " + file.filename().string() +
                          " there, whose config.toml would be replaced; --set "
                          "run.dir=DIR names another");
  }
}

void RunFolder::CheckNoTables() const {
  std::error_code code;
  if (fs::exists(weights(), code) || fs::exists(state(), code)) return;
  for (const char* file : {kSweepLog, kCompareLog}) {
    if (!fs::exists(path_ / file, code)) continue;
    FailFolder(path_, std::string(file) +
                          " is there, whose config.toml would be replaced; "
                          "--set run.dir=DIR names another");
  }
}

void RunFolder::AppendMetrics(const Metrics& line) const {
  AppendJsonLine(metrics(), line);
}

void RunFolder::SetAside(const std::vector<fs::path>& more) const {
  std::error_code code;
  std::vector<fs::path> results{weights(), state()};
  results.insert(results.end(), more.begin(), more.end());
  results.push_back(metrics());
  if (std::ranges::none_of(
          results, [&](const auto& f) { return fs::exists(f, code); })) {
    return;
  }
  int number = 1;
  const auto aside = [&] {
    return path_ / ("earlier-" + std::to_string(number));
  };
  while (fs::exists(aside(), code)) ++number;
  fs::create_directory(aside(), code);
  if (code) FailFolder(path_, code.message());
  if (fs::exists(config(), code)) {
    fs::copy_file(config(), aside() / config().filename(), code);
    if (code) FailFolder(path_, code.message());
  }
  results.push_back(path_ / kBackboneKeys);
  for (const fs::path& file : results) {
    if (!fs::exists(file, code)) continue;
    fs::rename(file, aside() / file.filename(), code);
    if (code) FailFolder(path_, code.message());
  }
  fmt::print("the earlier run in {} was moved to {}\n", path_.string(),
             aside().string());
}

void RunFolder::KeepMetricsUpTo(int64_t epoch) const {
  std::error_code code;
  if (!fs::exists(metrics(), code)) return;
  const std::string text = ReadFile(metrics());
  std::string kept;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    const auto it = json.find("epoch");
    const bool later = it != json.end() && it->is_number() &&
                       it->get<double>() > static_cast<double>(epoch);
    if (!later) kept += line + "\n";
  }
  WriteFileAtomically(metrics(), kept);
}

}  // namespace ohm::train
