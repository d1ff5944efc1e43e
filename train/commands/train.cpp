#include <fmt/format.h>

#include <cstdio>

#include "train/commands/command.h"
#include "train/experiment.h"
#include "train/table_print.h"
#include "train/trainers/backbone.h"

namespace ohm::train {

Metrics RunTrain(const Config& given) {
  Config config = given;
  config.adapt = {};  // of 'adapt' alone
  ApplyThreads(config);
  CheckWeightsStay(config, config.run.dir);
  const RunFolder folder(config.run.dir);
  const FolderLock lock = folder.Lock();
  folder.CheckNoTables();
  const auto data = OpenData(config, config.data.set);
  const auto model = BuildModel(config, data.classes);
  // Before anything of an earlier run is touched.
  CheckTraining(config, data, folder);
  const bool resumes =
      config.train.resume && std::filesystem::exists(folder.state());
  if (!resumes) folder.SetAside();
  folder.WriteConfig(ResolvedToml(given));
  const BackboneResult result =
      TrainBackbone(config, data, model.get(), folder);
  fmt::print(
      "{} on {}{}: top-1 {} % of {} test images, loss {:.4f}, after {} epochs "
      "in {} ({:.0f} images/s)\nleft in {}\n",
      config.model.name, config.data.set,
      config.on_crossbar() ? ", through crossbars" : "",
      FormatPercent(result.test.top1), result.test.images, result.test.loss,
      result.epochs, FormatSeconds(result.seconds), result.images_per_second,
      folder.path().string());
  return {{"command", std::string("train")},
          {"top1", result.test.top1},
          {"loss", result.test.loss},
          {"images", result.test.images},
          {"epochs", result.epochs},
          {"seconds", result.seconds},
          {"images_per_second", result.images_per_second},
          {"run_dir", folder.path().string()}};
}

}  // namespace ohm::train
