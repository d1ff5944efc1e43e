// Keys of [data]: images and how they are read and augmented.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/batch_stream.h"
#include "train/config_field.h"
#include "train/options/names.h"

namespace ohm::train {

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
                   .doc = "Share of the training images held out to choose "
                          "the moment that becomes a new task; whole groups "
                          "(GTSRB's tracks)."});
  }
};

}  // namespace ohm::train
