#include "train/commands/command.h"

namespace ohm::train {
namespace {

using Sections = std::vector<const char*>;

constexpr ShortOption kStore{"store", "DIR", "tasks.store"};

const Sections kMapping{"data", "model", "hw", "run"};
const Sections kTraining{"data",   "model",      "train", "hw",
                         "device", "eval.batch", "run"};
const Sections kEvaluation{"data",   "model", "train", "hw",
                           "device", "adapt", "eval",  "run"};
const Sections kAdaption = kEvaluation;
const Sections kSweeps{"data",  "model", "train", "hw", "device",
                       "adapt", "eval",  "sweep", "run"};
const Sections kTasks{"data", "model",  "train",      "tasks",
                      "hw",   "device", "eval.batch", "run"};
const Sections kStored{"tasks.store", "run"};
const Sections kChecked{"tasks.store", "tasks.switches", "run"};
const Sections kTaskEvaluation{"data",   "train", "tasks", "hw",
                               "device", "adapt", "eval",  "run"};

}  // namespace

const std::vector<CommandRow>& CommandTable() {
  static const std::vector<CommandRow> table = {
      {"train", "CONFIG.toml", "train a network, digitally or on crossbars",
       "Trains model.name on data.set as the [train] section says; with "
       "hw.preset every convolution and linear layer runs forward through "
       "quantised crossbars. Leaves config.toml, metrics.jsonl, "
       "weights.safetensors and state.safetensors in run.dir; "
       "--set train.resume=true continues a stopped run exactly.",
       kTraining, RunTrain},
      {"eval",
       "CONFIG.toml",
       "accuracy and loss of given weights",
       "Loads model.weights, maps the network onto crossbars where hw.preset "
       "is set (calibrating converter ranges on training images where the "
       "file holds none), and reads data.set's eval.split once. --chips N "
       "does so on N chips of such devices (device keys): a table of them, "
       "mean, standard deviation, minimum and maximum. With "
       "hw.stuck_correction also says what the correction costs.",
       kEvaluation,
       RunEval,
       {{"chips", "N", "eval.chips"}}},
      {"adapt",
       "CONFIG.toml",
       "fit a network to chips with real devices",
       "Takes the network of model.weights to chips with the faults, wires and "
       "noise of the [device] section: trains it as adapt.inject (noise "
       "injection "
       "adaption) and adapt.in_loop say, then fits on each of eval.chips "
       "chips what adapt.gain and adapt.norm_batches ask for, and compares "
       "with the same chips without any of it. hw.predistort and "
       "hw.stuck_correction combine with all of them.",
       kAdaption,
       RunAdapt,
       {{"chips", "N", "eval.chips"}}},
      {"tasks compare", "CONFIG.toml",
       "adapt one programmed backbone to new tasks, by every method",
       "Takes the backbone from model.weights, or trains it first; maps it "
       "onto crossbars; then, for every set of tasks.sets and every row of "
       "tasks.methods and tasks.variants, with tasks.seeds seeds, trains what "
       "the method allows. Validation images choose the moment, and the best "
       "of the values that a variant tries; test images are read once. Ends "
       "with tables of accuracies and of what each row takes and writes, and "
       "with proof that the first task's outputs are unchanged bit for bit. "
       "Leaves in run.dir compare.jsonl, tables.txt, the tasks' files, "
       "bytes.svg "
       "where a row has masks or new weights, and cells.svg where one writes "
       "cells, each with its gnuplot script. Started again, it goes on "
       "where it stopped.",
       kTasks, RunTasksCompare},
      {.name = "tasks init",
       .arguments = "CONFIG.toml",
       .help = "make a store of tasks from a backbone",
       .more = "Takes the backbone from model.weights, or trains it first, "
               "maps it onto crossbars, calibrates it, and makes the folder "
               "tasks.store (--store DIR) of it, with the backbone's own task "
               "in use. The other words of 'tasks' work on that folder.",
       .sections = kTasks,
       .run = RunTasksInit,
       .options = {kStore}},
      {.name = "tasks add",
       .arguments = "NAME",
       .help = "learn a task and add it to the store",
       .more = "Trains --method on the data set --data (the task's name where "
               "it is not given), on the frozen backbone of the store, with "
               "the config that the store was made with and --set. Prints "
               "what the task takes, term by term, and what is written when "
               "it is switched to; checks by hash that all other tasks still "
               "compute what they did.",
       .sections = kTasks,
       .run = nullptr,
       .options = {kStore,
                   {"method", "METHOD", "tasks.methods"},
                   {"data", "SET", "tasks.sets"}},
       .run_task = RunTasksAdd},
      {.name = "tasks eval",
       .arguments = "NAME",
       .help = "accuracy of a task, as it is or on many chips",
       .more = "Reads eval.split of the task's data set once, with the task as "
               "it is stored; device keys put it on other devices than the "
               "store's. --chips N does so on N chips of them, with converter "
               "ranges as eval.calibrate and batch norm statistics as "
               "adapt.norm_batches say, from chip device.chip on: how a task "
               "that was learned once does on others.",
       .sections = kTaskEvaluation,
       .run = nullptr,
       .options = {kStore, {"chips", "N", "eval.chips"}},
       .run_task = RunTasksEval},
      {.name = "tasks switch",
       .arguments = "NAME",
       .help = "put a task of the store to use",
       .more = "Says what is written and moved on the way from the task in "
               "use, and checks by hash that the task computes what it did "
               "when it was added.",
       .sections = kStored,
       .run = nullptr,
       .options = {kStore},
       .run_task = RunTasksSwitch},
      {.name = "tasks remove",
       .arguments = "NAME",
       .help = "take a task out of the store",
       .more = "The backbone's own task and the one in use stay.",
       .sections = kStored,
       .run = nullptr,
       .options = {kStore},
       .run_task = RunTasksRemove},
      {.name = "tasks list",
       .arguments = "",
       .help = "the tasks of the store, with their sizes",
       .more = "One line per task: data, method, accuracy when it was added, "
               "bytes of mask, new weights, batch norm and head, and the cells "
               "to be written on the way from the backbone.",
       .sections = kStored,
       .run = nullptr,
       .options = {kStore},
       .run_task = RunTasksList},
      {.name = "tasks export",
       .arguments = "NAME",
       .help = "programming lists and column tables of a task",
       .more = "Writes cells.csv (layer, array, row, column, old and new "
               "level of every cell to be written on the way from the task in "
               "use, and all of the task's head, whose arrays are its own; "
               "arrays count over a layer, tile by tile in the order of "
               "groups, row tiles and outputs, of each pair plus before minus; "
               "levels are digits of cells, from 0 at hw.g_min on), "
               "columns.csv (layer, row tile, output, factor; those that are "
               "not 1) and complements.csv "
               "(layer, array, column of all that store complements, which "
               "hw.column_flip does) into --out, or into the store's folder "
               "'runs'.",
       .sections = kStored,
       .run = nullptr,
       .options = {kStore, {"out", "DIR", "run.dir"}},
       .run_task = RunTasksExport},
      {.name = "tasks check",
       .arguments = "",
       .help = "whether all tasks of the store are what they were",
       .more = "Reads every file against its checksum and its backbone, and "
               "compares what each task computes with what it computed when "
               "it was added; then switches --switches times at random and "
               "compares outputs and cells each time.",
       .sections = kChecked,
       .run = nullptr,
       .options = {kStore, {"switches", "N", "tasks.switches"}},
       .run_task = RunTasksCheck},
      {"map", "CONFIG.toml", "how the network lies on crossbars",
       "Prints, per layer and in total, arrays, PEs, logical columns, cells, "
       "used cells and utilisation for the hw section of the config; --json "
       "has the layers as a list.",
       kMapping, RunMap},
      {"stats", "CONFIG.toml", "what the ADCs see, tile by tile",
       "Runs eval.stats_images images of eval.split through the calibrated "
       "crossbars and prints, per layer, how much of their ranges the ADCs "
       "use and how many sums they clip. Leaves every tile with its histogram "
       "in run.dir/statistics.json.",
       kEvaluation, RunStats},
      {"sweep",
       "CONFIG.toml",
       "accuracy over a grid of config keys",
       "For every point of sweep.grid and sweep.points: loads model.weights "
       "into the network the point describes, calibrates it, reads eval.split "
       "once; with sweep.epochs above 0 then trains it as the [train] section "
       "says and reads it again. Leaves a line per point in sweep.jsonl, "
       "sweep.svg with its gnuplot script and a folder per trained point in "
       "run.dir. Started again, it goes on where it stopped: points whose "
       "config and weights have not "
       "changed are not measured again. --chips N evaluates every point on N "
       "chips: mean, standard deviation (the plot's error bars) and minimum.",
       kSweeps,
       RunSweep,
       {{"chips", "N", "sweep.chips"}}},
      {.name = "array",
       .arguments = "FILE.json",
       .help = "solve crossbar arrays with resistive wires",
       .more = "",
       .sections = {},
       .run = nullptr,
       .run_words = RunArray},
  };
  return table;
}

}  // namespace ohm::train
