// Experiments as TOML files. Each key is declared once, in the Visit of its
// options struct below (crossbar keys: hw/spec.h): name, default, unit, range
// or choices, and a sentence.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/batch_stream.h"
#include "hw/effects/device.h"
#include "hw/shift_profile.h"
#include "hw/spec.h"
#include "train/config_field.h"
#include "train/optim/optimizer.h"
#include "train/optim/table.h"
#include "train/schedule.h"

namespace ohm::train {

// Names for keys whose choices are a table of another folder.
std::vector<std::string> ModelNames();
std::vector<std::string> DatasetNames();
std::vector<std::string> MethodNames();

struct DataOptions {
  std::string root;
  std::string set = "shapes";
  int64_t seed = 1;
  int image_size = 32;
  int64_t memory_mib = 4096;
  int64_t train_count = 8000;
  int64_t test_count = 2000;
  int crop_padding = 4;
  datasets::CropFill crop_fill = datasets::CropFill::kBlack;
  bool flip = false;
  bool flip_alternates = false;
  std::vector<double> mean;
  std::vector<double> std;
  int workers = 2;
  double validation = 0.1;

  template <typename V>
  void Visit(V&& visit) {
    visit("root", root,
          FieldDoc{.doc = "Folder that holds the published data folders, such "
                          "as cifar-10-batches-bin."});
    visit("set", set,
          FieldDoc{.choices = DatasetNames(),
                   .doc = "Data set to train and evaluate on."});
    visit("seed", seed,
          FieldDoc{.min = 0, .max = 1e15, .doc = "Seed of procedural sets."});
    visit("image_size", image_size,
          FieldDoc{.unit = "pixels",
                   .min = 8,
                   .max = 1024,
                   .doc = "Height and width images are brought to."});
    visit("memory_mib", memory_mib,
          FieldDoc{.unit = "MiB",
                   .min = 0,
                   .max = 1e9,
                   .doc = "Image files that need more when decoded are not "
                          "kept in memory but decoded by the workers in every "
                          "epoch."});
    visit("train_count", train_count,
          FieldDoc{.unit = "images",
                   .min = 10,
                   .max = 1e8,
                   .doc = "Training images of a procedural set."});
    visit("test_count", test_count,
          FieldDoc{.unit = "images",
                   .min = 10,
                   .max = 1e8,
                   .doc = "Test images of a procedural set."});
    visit("crop_padding", crop_padding,
          FieldDoc{.unit = "pixels",
                   .min = 0,
                   .max = 512,
                   .doc = "Pixels added on each side before a random crop to "
                          "the image size; 0: no crop."});
    visit("crop_fill", crop_fill,
          FieldDoc{.choices = {"black", "reflect"},
                   .doc = "What the added pixels show: zeros, or the image "
                          "mirrored at its edge."});
    visit("flip", flip,
          FieldDoc{.doc = "Mirror half of the training images, left to "
                          "right."});
    visit("flip_alternates", flip_alternates,
          FieldDoc{.doc = "With flip: each image the other way round than in "
                          "the epoch before, instead of by chance."});
    visit("mean", mean,
          FieldDoc{.min = 0,
                   .max = 1,
                   .doc = "Mean of red, green, blue (of 0..1) to subtract; "
                          "empty: the data set's own."});
    visit("std", std,
          FieldDoc{.min = 1e-6,
                   .max = 10,
                   .doc = "Deviation of red, green, blue to divide by; empty: "
                          "the data set's own."});
    visit("workers", workers,
          FieldDoc{.unit = "threads",
                   .min = 0,
                   .max = 64,
                   .doc = "Threads that prepare batches ahead; 0: none."});
    visit("validation", validation,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 0.9,
                   .doc = "Share of the training images held out to choose a "
                          "new task's epoch."});
  }
};

struct ModelOptions {
  std::string name = "resnet20";
  int width = 16;
  std::string shortcut = "a";
  int classes = 0;
  std::string weights;
  bool recalibrate = false;

  template <typename V>
  void Visit(V&& visit) {
    visit("name", name, FieldDoc{.choices = ModelNames(), .doc = "Network."});
    visit("width", width,
          FieldDoc{.unit = "channels",
                   .min = 1,
                   .max = 4096,
                   .doc = "Channels of the first stage, where it applies."});
    visit("shortcut", shortcut,
          FieldDoc{.choices = {"a", "b"},
                   .doc = "ResNet shortcuts: a has no weights, b a 1x1 "
                          "convolution."});
    visit("classes", classes,
          FieldDoc{.min = 0,
                   .max = 1e6,
                   .doc = "Outputs; 0: as many as the data set has classes."});
    visit("weights", weights,
          FieldDoc{.doc = "Safetensors file to start from; empty: random "
                          "weights."});
    visit("recalibrate", recalibrate,
          FieldDoc{.doc = "Set converter ranges anew instead of taking those "
                          "in model.weights, which belong to the crossbar "
                          "that they were calibrated for."});
  }
};

struct TrainOptions {
  int epochs = 40;
  int batch = 128;
  std::string dtype = "f32";
  int64_t seed = 1;
  int threads = 0;
  std::string optimizer = "sgd";
  double lr = 0.1;
  double weight_decay = 5e-4;
  bool decay_norm_and_bias = false;
  OptimizerOptions optimizer_options;
  double label_smoothing = 0;
  std::string schedule = "cosine";
  Duration warmup{0, Duration::Unit::kEpochs};
  Duration step_every{15, Duration::Unit::kEpochs};
  double step_factor = 0.1;
  double final_lr_ratio = 0;
  double onecycle_pct_start = 0.3;
  double onecycle_div = 25;
  double onecycle_final_div = 1e4;
  double grad_clip = 0;
  Duration checkpoint_every{1, Duration::Unit::kEpochs};
  Duration eval_every{1, Duration::Unit::kEpochs};
  int calibration_batches = 8;
  bool resume = false;

  template <typename V>
  void Visit(V&& visit) {
    VisitRun(visit);
    VisitOptimizer(visit);
    VisitSchedule(visit);
  }

  // The learning-rate schedule for a run of `total_steps`.
  ScheduleSpec Schedule(int64_t steps_per_epoch, int64_t total_steps) const;

 private:
  template <typename V>
  void VisitRun(V&& visit) {
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 1,
                   .max = 100000,
                   .doc = "Passes over the training images."});
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per step."});
    visit("dtype", dtype,
          FieldDoc{.choices = {"f32", "bf16"},
                   .doc = "Type of activations and their gradients; weights, "
                          "statistics and sums are f32 in any case."});
    visit("seed", seed,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Seed of weights, order and augmentation."});
    visit("threads", threads,
          FieldDoc{.unit = "threads",
                   .min = 0,
                   .max = 1024,
                   .doc = "Threads that compute; 0: one per core "
                          "that the process may use."});
    visit("label_smoothing", label_smoothing,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 0.999,
                   .doc = "Share of the target spread over all classes."});
    visit("grad_clip", grad_clip,
          FieldDoc{.min = 0,
                   .max = 1e9,
                   .doc = "Largest L2 norm of all gradients together; 0: no "
                          "limit."});
    visit(
        "checkpoint_every", checkpoint_every,
        FieldDoc{.min = 0.01, .doc = "How often the training state is saved."});
    visit("eval_every", eval_every,
          FieldDoc{.min = 0.01,
                   .doc = "How often the test set is looked at, to report "
                          "only."});
    visit("calibration_batches", calibration_batches,
          FieldDoc{.unit = "batches",
                   .min = 1,
                   .max = 100000,
                   .doc = "Batches that set the converter ranges of "
                          "crossbars."});
    visit("resume", resume,
          FieldDoc{.doc = "Continue the run that is in run.dir, if any."});
  }

  template <typename V>
  void VisitOptimizer(V&& visit) {
    OptimizerOptions& o = optimizer_options;
    visit("optimizer", optimizer,
          FieldDoc{.choices = OptimizerNames(), .doc = "Optimiser."});
    visit("lr", lr,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate; the peak of one-cycle."});
    visit("weight_decay", weight_decay,
          FieldDoc{.min = 0, .max = 10, .doc = "Weight decay."});
    visit("decay_norm_and_bias", decay_norm_and_bias,
          FieldDoc{.doc = "Also decay biases and the scale and shift of "
                          "normalisations."});
    visit("momentum", o.momentum,
          FieldDoc{.min = 0, .max = 0.99999, .doc = "Momentum of sgd."});
    visit("nesterov", o.nesterov,
          FieldDoc{.doc = "Nesterov's form of sgd's momentum."});
    visit("beta1", o.beta1,
          FieldDoc{.min = 0,
                   .max = 0.99999,
                   .doc = "Decay of adam's mean of gradients."});
    visit("beta2", o.beta2,
          FieldDoc{.min = 0,
                   .max = 0.9999999,
                   .doc = "Decay of adam's mean of squared gradients."});
    visit("epsilon", o.epsilon,
          FieldDoc{
              .min = 1e-30, .max = 1, .doc = "Added to adam's denominator."});
    visit("decoupled_decay", o.decoupled_decay,
          FieldDoc{.doc = "Let adam's weight decay act on the weights, not on "
                          "the gradients (AdamW)."});
  }

  template <typename V>
  void VisitSchedule(V&& visit) {
    visit("schedule", schedule,
          FieldDoc{.choices = ScheduleNames(),
                   .doc = "How the learning rate changes."});
    visit("warmup", warmup,
          FieldDoc{.min = 0,
                   .doc = "Linear rise of the learning rate at the start; not "
                          "for onecycle."});
    visit(
        "step_every", step_every,
        FieldDoc{.min = 0.01, .doc = "Schedule step: time between two drops."});
    visit("step_factor", step_factor,
          FieldDoc{.min = 1e-9,
                   .max = 1,
                   .doc = "Schedule step: factor of each drop."});
    visit(
        "final_lr_ratio", final_lr_ratio,
        FieldDoc{.min = 0,
                 .max = 1,
                 .doc = "Schedule cosine: last learning rate over train.lr."});
    visit("onecycle_pct_start", onecycle_pct_start,
          FieldDoc{.unit = "share",
                   .min = 0,
                   .max = 1,
                   .doc = "Schedule onecycle: share of the steps before the "
                          "peak."});
    visit("onecycle_div", onecycle_div,
          FieldDoc{.min = 1e-6,
                   .max = 1e12,
                   .doc = "Schedule onecycle: train.lr over the first rate."});
    visit("onecycle_final_div", onecycle_final_div,
          FieldDoc{.min = 1e-6,
                   .max = 1e12,
                   .doc = "Schedule onecycle: first rate over the last."});
  }
};

struct TasksOptions {
  std::vector<std::string> sets;
  std::vector<std::string> methods = {"head", "bn", "xbm"};
  int epochs = 10;
  int batch = 128;
  std::string optimizer = "adam";
  int crop_padding = 2;
  bool flip = false;
  double lr_mask = 2e-4;
  double lr_head = 1e-3;
  double lr_norm = 1e-3;
  std::string norm = "affine";
  double mask_threshold = 5e-3;
  double mask_init = 1e-2;
  std::string estimator = "identity";
  int64_t seed = 1;

  template <typename V>
  void Visit(V&& visit) {
    visit("sets", sets,
          FieldDoc{.choices = DatasetNames(),
                   .doc = "Data sets of the new tasks, in order."});
    visit("methods", methods,
          FieldDoc{.choices = MethodNames(),
                   .doc = "What a new task trains; see 'ohmgrad list'."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 1,
                   .max = 100000,
                   .doc = "Passes over each new task's images."});
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per step of a new task."});
    visit("optimizer", optimizer,
          FieldDoc{.choices = OptimizerNames(),
                   .doc = "Optimiser of new tasks."});
    visit("crop_padding", crop_padding,
          FieldDoc{.unit = "pixels",
                   .min = 0,
                   .max = 512,
                   .doc = "As data.crop_padding, for the new tasks."});
    visit("flip", flip,
          FieldDoc{.doc = "As data.flip, for the new tasks (traffic signs "
                          "must not be mirrored)."});
    visit("lr_mask", lr_mask,
          FieldDoc{.min = 0, .max = 1000, .doc = "Learning rate of masks."});
    visit("lr_head", lr_head,
          FieldDoc{.min = 0, .max = 1000, .doc = "Learning rate of heads."});
    visit("lr_norm", lr_norm,
          FieldDoc{.min = 0,
                   .max = 1000,
                   .doc = "Learning rate of a task's own normalisation."});
    visit("norm", norm,
          FieldDoc{.choices = {"frozen", "statistics", "affine"},
                   .doc = "Batch norm of a new task: the first task's, own "
                          "statistics, or also own scale and shift."});
    visit(
        "mask_threshold", mask_threshold,
        FieldDoc{
            .min = -100, .max = 100, .doc = "Score above which a mask is 1."});
    visit("mask_init", mask_init,
          FieldDoc{.min = -100, .max = 100, .doc = "First score of masks."});
    visit("estimator", estimator,
          FieldDoc{.choices = {"identity", "sigmoid"},
                   .doc = "Gradient of the mask's threshold."});
    visit("seed", seed,
          FieldDoc{.min = 0,
                   .max = 1e15,
                   .doc = "Seed of heads, order and augmentation of new "
                          "tasks."});
  }
};

struct AdaptOptions {
  hw::FitPer inject = hw::FitPer::kNone;
  hw::FitPer gain = hw::FitPer::kNone;
  int norm_batches = 0;
  int profile_batches = 8;
  bool in_loop = false;
  int epochs = 0;

  template <typename V>
  void Visit(V&& visit) {
    visit("inject", inject,
          FieldDoc{.choices = {"none", "layer", "tile", "column"},
                   .doc = "Noise injection adaption (NIA): what has a mean and "
                          "deviation of its own of the current shift that "
                          "training injects, fitted on the chip's arrays."});
    visit("gain", gain,
          FieldDoc{.choices = {"none", "layer", "tile", "column"},
                   .doc = "What has a factor of its own behind the ADCs, "
                          "fitted on each chip by least squares to the ideal "
                          "sums; eval --chips uses it, too."});
    visit("norm_batches", norm_batches,
          FieldDoc{.unit = "batches",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training batches that each chip sets its batch "
                          "normalisation statistics from; 0: the model's "
                          "own. eval --chips uses it, too."});
    visit("profile_batches", profile_batches,
          FieldDoc{.unit = "batches",
                   .min = 1,
                   .max = 100000,
                   .doc = "Training batches that shifts and gains are fitted "
                          "on."});
    visit("in_loop", in_loop,
          FieldDoc{.doc = "Train on the chip device.chip itself, wires solved "
                          "anew every device.wire_refresh steps."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training in place of train.epochs; 0: none."});
  }
};

// Which converter ranges chips are evaluated with.
enum class ChipRanges : uint8_t { kEach, kOnce };

struct EvalOptions {
  int batch = 250;
  std::string split = "test";
  int chips = 0;
  ChipRanges calibrate = ChipRanges::kEach;
  int64_t stats_images = 1000;

  template <typename V>
  void Visit(V&& visit) {
    visit("batch", batch,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 65536,
                   .doc = "Images per evaluation step."});
    visit("stats_images", stats_images,
          FieldDoc{.unit = "images",
                   .min = 1,
                   .max = 1e9,
                   .doc = "Images whose partial sums `stats` counts."});
    visit("split", split,
          FieldDoc{.choices = {"test", "train"}, .doc = "Images to judge by."});
    visit("chips", chips,
          FieldDoc{.unit = "chips",
                   .min = 0,
                   .max = 10000,
                   .doc = "Evaluate so many chips, numbers device.chip and on; "
                          "0: device.chip alone, without the table of chips. "
                          "eval --chips N for short."});
    visit("calibrate", calibrate,
          FieldDoc{.choices = {"each", "once"},
                   .doc = "Converter ranges of eval.chips and sweep.chips: set "
                          "on each chip's own cells, or once for all: those in "
                          "model.weights, or else set on ideal devices."});
  }
};

struct SweepOptions {
  std::vector<std::string> grid;
  std::vector<std::string> points;
  int epochs = 0;
  int chips = 0;
  std::string plot_x;

  template <typename V>
  void Visit(V&& visit) {
    visit("grid", grid,
          FieldDoc{.doc = "Keys with the values they take, such as "
                          "\"hw.adc_bits=4,6,8\"; every combination is a "
                          "point."});
    visit("points", points,
          FieldDoc{.doc = "Single points: key=value, several of them parted "
                          "by ';' or else by spaces."});
    visit("epochs", epochs,
          FieldDoc{.unit = "epochs",
                   .min = 0,
                   .max = 100000,
                   .doc = "Training at each point, in place of train.epochs; "
                          "0: none, only calibrated."});
    visit("chips", chips,
          FieldDoc{.unit = "chips",
                   .min = 0,
                   .max = 10000,
                   .doc = "Evaluate each point on so many chips, in place of "
                          "eval.chips; training is on device.chip. 0: all on "
                          "device.chip."});
    visit("plot_x", plot_x,
          FieldDoc{.doc = "Key of sweep.grid on the x axis, the others make "
                          "the lines; empty: its first."});
  }
};

struct RunOptions {
  std::string dir;

  template <typename V>
  void Visit(V&& visit) {
    visit("dir", dir,
          FieldDoc{.doc = "Folder for the resolved config, metrics and "
                          "checkpoints; empty: runs/ and the config's name."});
  }
};

// A whole experiment. Paths are relative to the working folder.
struct Config {
  DataOptions data;
  ModelOptions model;
  TrainOptions train;
  TasksOptions tasks;
  AdaptOptions adapt;
  EvalOptions eval;
  SweepOptions sweep;
  RunOptions run;
  std::string hw_preset;  // empty: no crossbar, `hw` means nothing
  hw::CrossbarSpec hw;
  hw::DeviceSpec device;  // of the crossbar's cells; ideal by default

  std::filesystem::path path;                // the file it was read from
  std::vector<std::string> overrides;        // and what it was read with
  std::map<std::string, std::string> where;  // key -> "x.toml:12", if set

  bool on_crossbar() const { return !hw_preset.empty(); }
};

// Reads `path`, then `overrides` ("section.key=value": TOML values; bare words
// are strings, and a,b is a list of strings). hw.preset names a file of hw.*
// keys, which the config's own hw.* keys override: "pytorx64" is
// hw/pytorx64.toml beside the config or in an installed configs folder; text
// with '/' or ".toml" is a path, from the config's folder or the working one.
// A config that sets every hw key needs no preset file. device.* keys belong to
// the crossbar: they need hw.preset, and a preset may have them.
// UsageError names file and line (or the override), key, what was expected and
// what came, for anything unknown, of the wrong type, out of range, or
// contradictory.
Config LoadConfig(const std::filesystem::path& path,
                  const std::vector<std::string>& overrides = {});

// The config read again from its file, with `more` overrides behind its own.
Config ReloadConfig(const Config& config, const std::vector<std::string>& more);

// UsageError that names where `key` was set, for what only shows later: "the
// data set has 10 classes, ...".
[[noreturn]] void ThrowAtKey(const Config& config, const std::string& key,
                             const std::string& message);

// All keys with their values; LoadConfig reads it to the same Config.
std::string ResolvedToml(const Config& config);

}  // namespace ohm::train
