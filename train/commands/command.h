// The words of the command line: one row each.
#pragma once

#include <string>
#include <vector>

#include "train/config.h"
#include "train/run_folder.h"

namespace ohm::train {

// A word of a command's own: "--chips 3" is --set eval.chips=3.
struct ShortOption {
  const char* name;
  const char* argument;
  const char* key;
};

struct CommandRow {
  const char* name;
  const char* arguments;  // "CONFIG.toml", or what else it takes
  const char* help;       // one line
  const char* more;       // a paragraph for `ohmgrad NAME --help`
  // Of the config that it reads, in any order; empty: all. For --help.
  std::vector<const char*> sections;
  // Does the work, prints for people on stdout and returns the result, which
  // `--json` prints as the last line.
  Metrics (*run)(const Config& config);
  std::vector<ShortOption> options = {};
  // Instead of `run` for a command on a task store, whose config it is given:
  // gets the word NAME, "" where `arguments` is empty.
  Metrics (*run_task)(const Config& config, const std::string& name) = nullptr;
  // Instead of `run` for a command that takes no CONFIG.toml: gets the words
  // behind its name and prints everything itself.
  void (*run_words)(const std::vector<std::string>& words) = nullptr;
};

// The commands that take a file; `list` and `bench`, which take none, are in
// train/cli.cpp.
const std::vector<CommandRow>& CommandTable();

Metrics RunTrain(const Config& config);
Metrics RunAdapt(const Config& config);
Metrics RunEval(const Config& config);
Metrics RunTasksCompare(const Config& config);
Metrics RunTasksInit(const Config& config);
Metrics RunTasksAdd(const Config& config, const std::string& name);
Metrics RunTasksEval(const Config& config, const std::string& name);
Metrics RunTasksSwitch(const Config& config, const std::string& name);
Metrics RunTasksRemove(const Config& config, const std::string& name);
Metrics RunTasksList(const Config& config, const std::string& name);
Metrics RunTasksExport(const Config& config, const std::string& name);
Metrics RunTasksCheck(const Config& config, const std::string& name);
Metrics RunMap(const Config& config);
Metrics RunStats(const Config& config);
Metrics RunSweep(const Config& config);
void RunArray(const std::vector<std::string>& words);

}  // namespace ohm::train
