#include "train/commands/command.h"

namespace ohm::train {

const std::vector<CommandRow>& CommandTable() {
  static const std::vector<CommandRow> table = {
      {"train", "CONFIG.toml", "train a network, digitally or on crossbars",
       "Trains model.name on data.set as the [train] section says; with "
       "hw.preset every convolution and linear layer runs forward through "
       "quantised crossbars. Leaves config.toml, metrics.jsonl, "
       "weights.safetensors and state.safetensors in run.dir; "
       "--set train.resume=true continues a stopped run exactly.",
       RunTrain},
      {"eval",
       "CONFIG.toml",
       "accuracy and loss of given weights",
       "Loads model.weights, maps the network onto crossbars where hw.preset "
       "is set (calibrating converter ranges on training images where the "
       "file holds none), and reads data.set's eval.split once. --chips N "
       "does so on N chips of such devices (device keys): a table of them, "
       "mean, standard deviation, minimum and maximum. With "
       "hw.stuck_correction also says what the correction costs.",
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
       RunAdapt,
       {{"chips", "N", "eval.chips"}}},
      {"tasks", "CONFIG.toml", "adapt one programmed backbone to new tasks",
       "Takes the backbone from model.weights, or trains it first; maps it "
       "onto crossbars; then, for every set of tasks.sets and every method of "
       "tasks.methods, trains what the method allows while no cell is "
       "rewritten. Ends with a table, and with proof that the first task's "
       "outputs are unchanged bit for bit.",
       RunTasks},
      {"map", "CONFIG.toml", "how the network lies on crossbars",
       "Prints, per layer and in total, arrays, PEs, logical columns, cells, "
       "used cells and utilisation for the hw section of the config; --json "
       "has the layers as a list.",
       RunMap},
      {"stats", "CONFIG.toml", "what the ADCs see, tile by tile",
       "Runs eval.stats_images images of eval.split through the calibrated "
       "crossbars and prints, per layer, how much of their ranges the ADCs "
       "use and how many sums they clip. Leaves every tile with its histogram "
       "in run.dir/statistics.json.",
       RunStats},
      {"sweep",
       "CONFIG.toml",
       "accuracy over a grid of config keys",
       "For every point of sweep.grid and sweep.points: loads model.weights "
       "into the network the point describes, calibrates it, reads eval.split "
       "once; with sweep.epochs above 0 then trains it as the [train] section "
       "says and reads it again. Leaves a line per point in sweep.jsonl, "
       "sweep.svg and a folder per trained point in run.dir. Started again, it "
       "goes on where it stopped: points whose config and weights have not "
       "changed are not measured again. --chips N evaluates every point on N "
       "chips: mean, standard deviation (the plot's error bars) and minimum.",
       RunSweep,
       {{"chips", "N", "sweep.chips"}}},
      {.name = "array",
       .arguments = "FILE.json",
       .help = "solve crossbar arrays with resistive wires",
       .more = "",
       .run = nullptr,
       .run_words = RunArray},
  };
  return table;
}

}  // namespace ohm::train
